"""Stationary second moments of momentum methods on noisy quadratics, exactly: no sampling.

Per eigenvalue ``curvature`` of the Hessian, in coordinates around the minimiser, a method with a fixed preconditioner
is linear in ``(theta, m)``: ``g = curvature theta + zeta``, ``m <- beta1 m + (1 - beta1) g``,
``theta <- theta - step m``. Its covariance solves a discrete Lyapunov equation.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from optassay.arrays import Array, context

DOUBLINGS = 60


def solve_lyapunov(matrix: Array, noise: Array) -> Array:
    """``P = A P A^T + Q`` by doubling: ``P <- P + A P A^T``, ``A <- A^2``.

    Parameters
    ----------
    matrix, noise : array (..., n, n)
        A, of spectral radius below one, and Q.

    Returns
    -------
    (..., n, n); infinite where A is not stable.

    Notes
    -----
    k doublings sum the first ``2^k`` terms ``A^j Q (A^T)^j``. Batched on every backend;
    ``scipy.linalg.solve_discrete_lyapunov`` solves one equation at a time on the host.

    Raises
    ------
    ValueError
        Matrices that are not square or do not match.
    """
    ctx = context(matrix=matrix, noise=noise)
    xp = ctx.xp
    a, p = ctx.asarray(matrix), ctx.asarray(noise)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or p.shape[-2:] != a.shape[-2:]:
        raise ValueError(f"matrix and noise must be square and alike, got {tuple(a.shape)} and {tuple(p.shape)}")
    for _ in range(DOUBLINGS):
        with np.errstate(over="ignore", invalid="ignore"):  # unstable ones of a batch may overflow: they become inf
            p = p + a @ p @ xp.matrix_transpose(a)
            a = a @ a
        size = xp.max(xp.abs(a), axis=(-2, -1))
        if bool(xp.all((size < ctx.eps**2) | ~(size < 1 / ctx.eps))):
            break
    stable = (xp.max(xp.abs(a), axis=(-2, -1)) < 1.0)[..., None, None]
    return xp.where(stable, p, xp.full_like(p, xp.inf))


class Moments(NamedTuple):
    """Stationary ``E theta^2``, ``E m^2``, ``E g^2``, for noise of variance one; infinite where unstable."""

    theta: Array
    momentum: Array
    gradient: Array


def momentum_moments(step: Array, beta1: Array, curvature: Array) -> Moments:
    """Moments of ``m <- beta1 m + (1 - beta1) g``, ``theta <- theta - step m``, arrays broadcast."""
    ctx = context(step=step, beta1=beta1, curvature=curvature)
    xp = ctx.xp
    h, b, c = xp.broadcast_arrays(*(ctx.asarray(v) for v in (step, beta1, curvature)))
    # theta' = theta - h m', m' = b m + (1 - b)(c theta + zeta)
    rows = (((1.0 - h * (1.0 - b) * c), -h * b), ((1.0 - b) * c, b))
    matrix = xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)
    push = xp.stack([-h * (1.0 - b), 1.0 - b], axis=-1)
    p = solve_lyapunov(matrix, push[..., :, None] * push[..., None, :])
    theta, m = p[..., 0, 0], p[..., 1, 1]
    return Moments(theta, m, c * c * theta + 1.0)


def self_consistent_root(
    alpha: Array,
    beta1: Array,
    curvature: Array,
    square: Literal["gradient", "momentum"],
    iterations: int = 200,
) -> Array:
    """``R = sqrt(E k^2)`` of the method that divides by it: ``R^2 = E k^2`` at ``step = alpha / R``, by bisection.

    ``k`` is g (Adam) or m (AdaMomentum). ``E k^2`` falls with R, from infinity at the edge of stability to that of
    pure noise, so that there is one solution. It stands for second moments of long memory (``beta2`` near one).
    """
    if square not in ("gradient", "momentum"):
        raise ValueError(f"square must be 'gradient' or 'momentum', got {square!r}")
    ctx = context(alpha=alpha, beta1=beta1, curvature=curvature)
    xp = ctx.xp
    a, b, c = xp.broadcast_arrays(*(ctx.asarray(v) for v in (alpha, beta1, curvature)))
    low = a * c * (1.0 - b) / (2.0 * (1.0 + b))  # the edge of stability
    high = low + 1.0
    for _ in range(60):
        high = xp.where(_mean_square(a / high, b, c, square) > high * high, 2.0 * high, high)
    for _ in range(iterations):
        middle = 0.5 * (low + high)
        above = _mean_square(a / middle, b, c, square) > middle * middle
        low, high = xp.where(above, middle, low), xp.where(above, high, middle)
        if bool(xp.all(high - low <= 4 * ctx.eps * high)):
            break
    return 0.5 * (low + high)


def _mean_square(step: Any, beta1: Any, curvature: Any, square: str) -> Array:
    return getattr(momentum_moments(step, beta1, curvature), square)
