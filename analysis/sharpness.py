"""Sharpness of a point: the largest Hessian eigenvalue, and the m-sharpness of minibatches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optassay.arrays import Array, check_finite, context

from .landscapes import Landscape, Separable


def largest_eigenvalue(matrix: Array) -> Array:
    """Largest eigenvalues of symmetric matrices (..., d, d), shape (...); NaN where an entry is not finite.

    1 x 1 and 2 x 2 in closed form, larger ones by ``eigvalsh`` of the namespace.

    Raises
    ------
    ValueError
        Not square.
    """
    ctx = context(matrix=matrix)
    xp = ctx.xp
    matrix = ctx.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] == 0:
        raise ValueError(f"matrix must have shape (..., d, d), got {tuple(matrix.shape)}")
    if matrix.shape[-1] == 1:
        return matrix[..., 0, 0]
    if matrix.shape[-1] == 2:
        a, b, c = matrix[..., 0, 0], 0.5 * (matrix[..., 0, 1] + matrix[..., 1, 0]), matrix[..., 1, 1]
        return 0.5 * (a + c) + xp.hypot(0.5 * (a - c), b)
    # LAPACK refuses NaN, and one diverged run must not stop the batch.
    bad = xp.any(~xp.isfinite(matrix), axis=(-2, -1))
    safe = xp.where(bad[..., None, None], ctx.zeros((1,)), matrix)
    return xp.where(bad, ctx.asarray(float("nan")), xp.linalg.eigvalsh(safe)[..., -1])


def sharpness(landscape: Landscape, points: Array) -> Array:
    """``h_max``, the largest Hessian eigenvalue at points (..., d), shape (...).

    "Critical Momenta", end of section 3.2. It says something of a minimum only; elsewhere it is what it is.
    """
    if isinstance(landscape, Separable):
        curvatures = landscape.curvatures(points)
        return context(points=points).xp.max(curvatures, axis=-1)
    return largest_eigenvalue(landscape.hessian(points))


def one_step_m_sharpness(
    loss: Callable[[Array], Array], gradient: Callable[[Array], Array], points: Array, radius: float = 0.05
) -> Array:
    """``mean_M [L_M(theta + r g_M / |g_M|) - L_M(theta)]``: (15) with the ascent of one gradient step.

    A lower bound of every term of (15), since the step is one of the admissible perturbations.

    Parameters
    ----------
    loss, gradient : callable
        Minibatch losses L_M and their gradients: given points (..., n, d), one per minibatch, return (..., n) and
        (..., n, d).
    points : array, shape (..., d)
    radius : float
        r > 0.
    """
    ctx = context(points=points)
    xp = ctx.xp
    _check_radius(radius)
    copies = points[..., None, :]
    count = int(loss(copies).shape[-1])
    copies = xp.broadcast_to(copies, (*points.shape[:-1], count, points.shape[-1]))
    g = gradient(copies)
    length = xp.sqrt(xp.sum(g * g, axis=-1, keepdims=True))
    unit = g / xp.where(length > 0, length, xp.ones_like(length))
    return xp.mean(loss(copies + radius * unit) - loss(copies), axis=-1)


def quadratic_rise(hessian: Array, gradient: Array, radius: Any, *, certify: bool = False) -> Any:
    """``max_{|eps| <= r} g.eps + eps^T H eps / 2``, the exact term of (15) for a quadratic minibatch loss.

    The maximiser of this trust-region problem solves ``(lambda I - H) eps = g`` with ``lambda >= h_max``; ``lambda``
    minimises the convex dual ``(lambda r^2 + g^T (lambda I - H)^{-1} g) / 2``, and at its minimum both agree, also
    in the hard case of a gradient orthogonal to the top eigenvectors.

    Parameters
    ----------
    hessian : array, shape (..., d, d)
        Symmetric, of any signature.
    gradient : array, shape (..., d)
    radius : float
        r > 0.
    certify : bool
        Return also the dual value: an upper bound at whatever ``lambda`` the search stopped, so that
        (rise, upper bound) enclose the maximum up to rounding.

    Returns
    -------
    array, shape (...), or a pair of them
        The value of an admissible ``eps``, a lower bound of the maximum; with ``certify`` the upper bound beside it.
    """
    ctx = context(hessian=hessian, gradient=gradient)
    xp = ctx.xp
    check_finite(hessian=hessian, gradient=gradient)
    _check_radius(radius)
    values, vectors = xp.linalg.eigh(ctx.asarray(hessian))
    c = xp.sum(vectors * ctx.asarray(gradient)[..., None], axis=-2)  # V^T g
    top = xp.maximum(values[..., -1], ctx.zeros((1,))[0])
    size = xp.sqrt(xp.sum(c * c, axis=-1))
    # |eps(lambda)| <= |g| / (lambda - top): the multiplier lies in [top, top + |g| / r].
    low, high = top, top + size / radius
    for _ in range(200):
        middle = 0.5 * (low + high)
        gap = middle[..., None] - values
        open_gap = gap > 0
        inside = xp.where(open_gap, c, ctx.zeros((1,))) / xp.where(open_gap, gap, xp.ones_like(gap))
        long = xp.any(~open_gap & (c != 0), axis=-1) | (xp.sum(inside * inside, axis=-1) > radius * radius)
        low, high = xp.where(long, middle, low), xp.where(long, high, middle)
    gap = high[..., None] - values
    step = xp.where(c == 0, xp.zeros_like(c), c / xp.where(gap > 0, gap, xp.ones_like(gap)))
    length = xp.sum(step * step, axis=-1)
    scale = radius / xp.sqrt(xp.maximum(length, xp.ones_like(length) * radius * radius))
    step = step * scale[..., None]
    # Hard case: fill the rest of the radius along the top eigenvector, with the sign that g does not punish.
    rest = xp.sqrt(xp.maximum(radius * radius - xp.sum(step * step, axis=-1), xp.zeros_like(length)))
    last = step[..., -1]
    side = xp.where(last < 0, -xp.ones_like(last), xp.ones_like(last))
    others = xp.sum(step[..., :-1] ** 2, axis=-1)
    full = side * xp.sqrt(xp.maximum(radius * radius - others, xp.zeros_like(others)))
    grow = (values[..., -1] > 0) & (rest > 0)
    step = xp.concat([step[..., :-1], xp.where(grow, full, last)[..., None]], axis=-1)
    rise = xp.sum(c * step + 0.5 * values * step * step, axis=-1)
    rise = xp.maximum(rise, xp.zeros_like(rise))  # eps = 0 is admissible
    if not certify:
        return rise
    # Any lambda > max(h_max, 0) bounds the maximum; c / gap of a vanishing gap and c stands for the limit 0.
    wide = high + 4 * ctx.eps * (1 + xp.abs(high))
    gap = wide[..., None] - values
    return rise, 0.5 * (wide * radius * radius + xp.sum(c * c / gap, axis=-1))


def quadratic_m_sharpness(hessians: Array, gradients: Array, radius: float = 0.05) -> Array:
    """(15) for quadratic minibatch losses: the mean of :func:`quadratic_rise` over minibatches.

    Parameters
    ----------
    hessians : array, shape (..., n, d, d)
    gradients : array, shape (..., n, d)
        Derivatives of the n minibatch losses at the point in question.
    """
    return context(hessians=hessians).xp.mean(quadratic_rise(hessians, gradients, radius), axis=-1)


def _check_radius(radius: float) -> None:
    if not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
