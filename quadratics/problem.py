"""The model problem: a quadratic whose optimum is seen through Gaussian noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from optassay.arrays import Array, check_finite, context, standard_normal
from optassay.html import fact_table


class StochasticQuadratic:
    """l(theta, x) = (theta - x)^T Q (theta - x) / 2 with x ~ N(x*, nu^2 I).

    Parameters
    ----------
    hessian : array, shape (..., d, d)
        Q, symmetric positive semidefinite. Stored as (Q + Q^T) / 2; asymmetry of the size of rounding is accepted.
    optimum : array, shape (..., d)
        x*.
    noise_std : array, shape (...), or number
        nu >= 0.

    Attributes
    ----------
    hessian, optimum, noise_std : array
        As given, in the context's dtype.
    dim : int
    batch_shape : tuple of int
        Broadcast batch axes of the three.

    Raises
    ------
    ValueError
        Q not square, not symmetric or indefinite (the message has its smallest eigenvalue), shapes that do not
        broadcast, negative noise, NaN.
    TypeError
        Arrays of different namespaces or devices.

    Notes
    -----
    The gradient is N(Q (theta - x*), nu^2 Q Q). The paper's "N(x*, nu^2 I)" is the law of x.
    Source: "Dissecting Adam", model problem and (9).
    """

    def __init__(self, hessian: Array, optimum: Array, noise_std: Any) -> None:
        self._ctx = ctx = context(hessian=hessian, optimum=optimum, noise_std=noise_std)
        xp = ctx.xp
        check_finite(hessian=hessian, optimum=optimum, noise_std=noise_std)
        hessian, optimum, noise_std = (ctx.asarray(x) for x in (hessian, optimum, noise_std))
        if hessian.ndim < 2 or hessian.shape[-1] != hessian.shape[-2] or hessian.shape[-1] == 0:
            raise ValueError(f"hessian must have shape (..., d, d), got {tuple(hessian.shape)}")
        self.dim: int = hessian.shape[-1]
        if optimum.ndim < 1 or optimum.shape[-1] != self.dim:
            raise ValueError(f"optimum must have shape (..., {self.dim}), got {tuple(optimum.shape)}")
        try:
            self.batch_shape: tuple[int, ...] = np.broadcast_shapes(
                hessian.shape[:-2], optimum.shape[:-1], noise_std.shape
            )
        except ValueError:
            raise ValueError(
                f"batch axes of hessian {tuple(hessian.shape[:-2])}, optimum {tuple(optimum.shape[:-1])} and "
                f"noise_std {tuple(noise_std.shape)} do not broadcast"
            ) from None
        if bool(xp.any(noise_std < 0)):
            raise ValueError(f"noise_std must not be negative, got {float(xp.min(noise_std))}")
        transpose = xp.matrix_transpose(hessian)
        size = xp.max(xp.abs(hessian), axis=(-2, -1))
        gap = xp.max(xp.abs(hessian - transpose), axis=(-2, -1))
        rounding = 32 * self.dim * ctx.eps
        if bool(xp.any(gap > rounding * size)):
            raise ValueError(f"hessian must be symmetric, it differs from its transpose by up to {float(xp.max(gap))}")
        self.hessian = 0.5 * (hessian + transpose)
        eigenvalues = xp.linalg.eigvalsh(self.hessian)
        smallest = eigenvalues[..., 0]
        if bool(xp.any(smallest < -rounding * size)):
            raise ValueError(
                f"hessian must be positive semidefinite, its smallest eigenvalue is {float(xp.min(smallest)):.6g}"
            )
        self.optimum, self.noise_std = optimum, noise_std

    def _displacement(self, theta: Array) -> Array:
        context(theta=theta, hessian=self.hessian)
        check_finite(theta=theta)
        theta = self._ctx.asarray(theta)
        if theta.ndim < 1 or theta.shape[-1] != self.dim:
            raise ValueError(f"theta must have shape (..., {self.dim}), got {tuple(theta.shape)}")
        try:
            np.broadcast_shapes(theta.shape[:-1], self.batch_shape)
        except ValueError:
            raise ValueError(
                f"batch axes of theta {tuple(theta.shape[:-1])} and of the problem {self.batch_shape} do not broadcast"
            ) from None
        return theta - self.optimum

    def apply_hessian(self, vector: Array) -> Array:
        """Q v, shape (..., d). One matrix-vector product per run: batching changes no bit on NumPy."""
        return self._ctx.xp.matmul(self.hessian, vector[..., None])[..., 0]

    def suboptimality(self, theta: Array) -> Array:
        """L(theta) - L(x*) = delta^T Q delta / 2, shape (...)."""
        delta = self._displacement(theta)
        value = 0.5 * self._ctx.xp.sum(delta * self.apply_hessian(delta), axis=-1)
        return self._ctx.xp.broadcast_to(value, np.broadcast_shapes(value.shape, self.batch_shape))

    def loss(self, theta: Array) -> Array:
        """L(theta) = suboptimality + nu^2 tr(Q) / 2, shape (...). Source: (9)."""
        return self.suboptimality(theta) + 0.5 * self.noise_std**2 * self._ctx.xp.linalg.trace(self.hessian)

    def gradient(self, theta: Array) -> Array:
        """Q (theta - x*), shape (..., d)."""
        return self.apply_hessian(self._displacement(theta))

    def gradient_covariance(self) -> Array:
        """cov[g] = nu^2 Q Q, shape (..., d, d); the same at every theta."""
        square = self._ctx.xp.matmul(self.hessian, self.hessian)
        return self.noise_std[..., None, None] ** 2 * (0.5 * (square + self._ctx.xp.matrix_transpose(square)))

    def gradient_std(self) -> Array:
        """sigma_i = nu (sum_j q_ij^2)^(1/2), shape (..., d)."""
        rows = self._ctx.xp.sqrt(self._ctx.xp.sum(self.hessian * self.hessian, axis=-1))
        return self.noise_std[..., None] * rows

    def sample_gradient(self, theta: Array, rng: Any) -> Array:
        """g = Q (theta - x), one draw of x ~ N(x*, nu^2 I) per run; shape (..., d).

        ``rng`` is an integer seed or a generator.
        """
        delta = self._displacement(theta)
        shape = (*np.broadcast_shapes(delta.shape[:-1], self.batch_shape), self.dim)
        noise = standard_normal(rng, shape, self._ctx)
        return self.apply_hessian(delta - self.noise_std[..., None] * noise)

    def _repr_html_(self) -> str:
        xp = self._ctx.xp
        facts: dict[str, Any] = {"dimension": self.dim, "batch": self.batch_shape or "one problem"}
        if 0 not in self.batch_shape:
            eigenvalues = xp.linalg.eigvalsh(self.hessian)
            facts |= {
                "eigenvalues of Q": _range(eigenvalues, xp),
                "noise standard deviation": _range(self.noise_std, xp),
            }
        return fact_table("StochasticQuadratic", facts)


def _range(values: Array, xp: Any) -> str:
    low, high = float(xp.min(values)), float(xp.max(values))
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
