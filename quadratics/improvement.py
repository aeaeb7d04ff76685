"""Expected one-step improvement of a direction, its optimal step, and the bound for signs.

With z the direction, theta + alpha z has expected loss L + alpha grad^T E[z] + alpha^2 E[z^T Q z] / 2 (10). Both
moments are exact here: E[g^T Q g] = grad^T Q grad + nu^2 tr(Q^3), and E[s^T Q s] from the pair probabilities of
:mod:`quadratics.signs`.
"""

from __future__ import annotations

from typing import Any

from optassay.arrays import DEFAULT_MAX_BYTES, Array

from ._layout import SharedLayout
from .problem import StochasticQuadratic
from .signs import SignMoments, sign_mean

DIRECTIONS = ("gradient", "sign")


def _check_direction(direction: str) -> None:
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(map(repr, DIRECTIONS))}, got {direction!r}")


class GradientMoments:
    """grad^T E[g] and E[g^T Q g] of the stochastic gradient, prepared for many gradients of one problem."""

    def __init__(self, problem: StochasticQuadratic) -> None:
        self._problem = problem
        xp = problem._ctx.xp
        self._xp = xp
        hessian = problem.hessian
        # tr(Q^3) without eigenvalues: sum of Q times Q^2, entry by entry.
        cube = xp.sum(hessian * xp.matmul(hessian, hessian), axis=(-2, -1))
        self._offset = problem.noise_std**2 * cube

    def __call__(self, gradient: Array) -> tuple[Array, Array]:
        """Both moments, shape (...), at mean gradients (..., d)."""
        curved = self._problem.apply_hessian(gradient)
        xp = self._xp
        slope = xp.sum(gradient * gradient, axis=-1)
        curvature = xp.sum(gradient * curved, axis=-1) + self._offset
        return slope, curvature


class SignDirectionMoments:
    """grad^T E[s] and E[s^T Q s] of the sign of the stochastic gradient, prepared for many gradients.

    Without noise the sign is certain. With noise, where Q is diagonal *exactly* (every off-diagonal entry is zero),
    the entries of s are independent of each other's weight in s^T Q s = tr Q. Only the other runs need pairs; their
    correlations do not depend on nu, so runs of one Q share one table whatever their noise.
    """

    def __init__(self, problem: StochasticQuadratic, sign_of_zero: float, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._problem, self._zero, self._max_bytes = problem, float(sign_of_zero), max_bytes
        xp = self._xp = problem._ctx.xp
        hessian = problem.hessian
        self._std = problem.gradient_std()
        self._trace = xp.linalg.trace(hessian)
        eye = xp.eye(problem.dim, dtype=xp.bool, device=problem._ctx.device)
        self._diagonal = xp.all(eye | (hessian == 0), axis=(-2, -1))
        self._noisy = problem.noise_std > 0
        self._moments: SignMoments | None = None
        if bool(xp.any(~self._diagonal)) and bool(xp.any(self._noisy)):
            flat = xp.reshape(hessian, (-1, problem.dim, problem.dim))
            (self._rotated,) = xp.nonzero(xp.reshape(~self._diagonal, (-1,)))
            self._weights = xp.take(flat, self._rotated, axis=0)
            unit = StochasticQuadratic(self._weights, xp.zeros_like(self._weights[:, :, 0]), 1.0)
            self._moments = SignMoments(unit.gradient_covariance(), sign_of_zero=sign_of_zero, max_bytes=max_bytes)

    def __call__(self, gradient: Array) -> tuple[Array, Array]:
        """Both moments, shape (...), at mean gradients (..., d)."""
        xp = self._xp
        mean = sign_mean(gradient, self._std, sign_of_zero=self._zero)
        slope = xp.sum(gradient * mean, axis=-1)
        certain = xp.sum(mean * self._problem.apply_hessian(mean), axis=-1)
        curvature = xp.where(self._noisy & self._diagonal, self._trace, certain)
        if self._moments is not None:
            curvature = xp.where(self._noisy & ~self._diagonal, self._pairs(gradient, certain), curvature)
        return slope, curvature

    def _pairs(self, gradient: Array, fill: Array) -> Array:
        """E[s^T Q s] of the noisy runs with a non-diagonal Q; ``fill`` elsewhere."""
        assert self._moments is not None
        xp, problem = self._xp, self._problem
        layout = SharedLayout(tuple(fill.shape), tuple(problem.hessian.shape[:-2]))
        gradients, noise = layout.split(gradient), layout.split(problem.noise_std, 0)
        noisy = noise > 0
        (rows,) = xp.nonzero(xp.any(noisy, axis=1))
        safe = xp.where(noisy, noise, xp.ones_like(noise))
        # cov = nu^2 Q Q: in units of nu the covariance is the same at every noise level.
        scaled = gradients / safe[..., None]
        part = xp.take(xp.take(scaled, rows, axis=0), self._rotated, axis=1)
        value = self._moments.quadratic_form(part, self._weights)
        return layout.join(_scatter(value, rows, self._rotated, layout.split(fill, 0), xp), 0)


def _scatter(value: Array, rows: Array, columns: Array, into: Array, xp: Any) -> Array:
    """``into`` (S, C) with the sub-matrix at rows x columns replaced."""
    for axis, index in ((0, rows), (1, columns)):
        size = into.shape[axis]
        if index.shape[0] == size:
            continue
        # A stable sort of "is chosen" lists the chosen last; its inverse places them by gathers alone.
        chosen = xp.any(xp.arange(size, device=_device(into))[:, None] == index[None, :], axis=1)
        place = xp.cumulative_sum(xp.astype(chosen, xp.int64)) - 1
        spread = xp.take(value, xp.clip(place, 0, None), axis=axis)
        if axis == 0:
            rest = xp.take(into, columns, axis=1)
            value = xp.where(chosen[:, None], spread, rest)
        else:
            value = xp.where(chosen[None, :], spread, into)
    return value


def _device(array: Array) -> Any:
    import array_api_compat

    return array_api_compat.device(array)


def _moments(
    problem: StochasticQuadratic, theta: Array, direction: str, sign_of_zero: float, max_bytes: int
) -> tuple[Array, Array]:
    _check_direction(direction)
    if not isinstance(problem, StochasticQuadratic):
        raise TypeError(f"problem must be a StochasticQuadratic, not {type(problem).__name__}")
    gradient = problem.gradient(theta)
    if direction == "gradient":
        slope, curvature = GradientMoments(problem)(gradient)
    else:
        slope, curvature = SignDirectionMoments(problem, sign_of_zero, max_bytes)(gradient)
    xp = problem._ctx.xp
    slope, curvature = xp.broadcast_arrays(slope, curvature)
    return slope, curvature


def _ratio(numerator: Array, denominator: Array, xp: Any) -> Array:
    """Quotient, 0 where the denominator is 0: there s^T Q s = 0 always, so the numerator is 0 as well."""
    live = denominator > 0
    return xp.where(live, numerator, xp.zeros_like(numerator)) / xp.where(live, denominator, xp.ones_like(denominator))


def expected_improvement(
    problem: StochasticQuadratic,
    theta: Array,
    direction: str,
    *,
    sign_of_zero: float = 1.0,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Array:
    """I(z) = max over alpha of L(theta) - E[L(theta + alpha z)] = (grad^T E[z])^2 / (2 E[z^T Q z]).

    Parameters
    ----------
    problem : StochasticQuadratic
    theta : array, shape (..., d)
    direction : {"gradient", "sign"}
        z = g, or z = sign(g) (exact also for correlated noise).
    sign_of_zero : {1, 0}
        Value of sign(0); matters without noise only.
    max_bytes : int
        Limit on temporaries.

    Returns
    -------
    array, shape (...)
        Zero where E[z^T Q z] = 0: then no step changes the loss.

    Raises
    ------
    ValueError
        Unknown direction, shapes that do not fit, NaN.

    Source: "Dissecting Adam", (11), (12).
    """
    slope, curvature = _moments(problem, theta, direction, sign_of_zero, max_bytes)
    return 0.5 * _ratio(slope * slope, curvature, problem._ctx.xp)


def optimal_step_size(
    problem: StochasticQuadratic,
    theta: Array,
    direction: str,
    *,
    sign_of_zero: float = 1.0,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Array:
    """alpha* = -grad^T E[z] / E[z^T Q z] of the update theta + alpha z: never positive for z = g and z = sign(g).

    Parameters as in :func:`expected_improvement`. Returns an array of shape (...).

    Raises
    ------
    ValueError
        As there; and where E[z^T Q z] = 0, for example at the optimum without noise: every step is optimal there.

    Source: "Dissecting Adam", after (10).
    """
    slope, curvature = _moments(problem, theta, direction, sign_of_zero, max_bytes)
    xp = problem._ctx.xp
    undefined = ~(curvature > 0)
    if bool(xp.any(undefined)):
        count = int(xp.sum(xp.astype(undefined, xp.int64)))
        raise ValueError(
            f"the optimal step is 0/0 at theta for {count} of {max(1, curvature.size or 1)} runs: E[z^T Q z] = 0, "
            "no step changes the loss"
        )
    return -_ratio(slope, curvature, xp)


def sign_improvement_bound(problem: StochasticQuadratic, theta: Array) -> Array:
    """(sum_i (2 rho_i - 1) |grad_i|)^2 / (2 sum_ij |q_ij|), a lower bound of I(sign(g)); shape (...).

    Zero where Q = 0. Source: "Dissecting Adam", (12), right.
    """
    if not isinstance(problem, StochasticQuadratic):
        raise TypeError(f"problem must be a StochasticQuadratic, not {type(problem).__name__}")
    xp = problem._ctx.xp
    gradient = problem.gradient(theta)
    slope = xp.sum(gradient * sign_mean(gradient, problem.gradient_std()), axis=-1)
    mass = xp.sum(xp.abs(problem.hessian), axis=(-2, -1))
    slope, mass = xp.broadcast_arrays(slope, mass)
    return 0.5 * _ratio(slope * slope, mass, xp)
