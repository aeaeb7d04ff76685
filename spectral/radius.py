"""Spectral radii of many small real polynomials at once, by bisection on the Schur-Cohn test.

``numpy.linalg.eigvals`` needs about ten microseconds for a 6 x 6 matrix, and CuPy's loops over the stack in Python. The
largest modulus alone is cheaper: all roots of p lie inside |z| < r if and only if the Schur-Cohn recursion of p(r z)
has all reflection coefficients below one, which takes n (n + 1) multiply-adds on whole arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optassay.arrays import DEFAULT_MAX_BYTES, Array, check_finite, chunks, context

from .companion import Convention, characteristic_polynomial

# Arrays of this many polynomials keep the recursion's temporaries in a core's second-level cache.
_BLOCK_BYTES = 1 << 21


def _gap(a: Array, xp: Any) -> Array:
    """One minus the largest reflection coefficient of the Schur-Cohn recursion.

    Positive if and only if all roots lie strictly inside the unit circle; it crosses zero linearly when a simple root,
    or a simple pair, crosses the circle. Coefficients (n + 1, N), highest degree first.
    """
    largest = xp.zeros_like(a[0, :])
    # Once a coefficient has reached one the rest may be 0/0, and means "not inside" all the same.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for last in range(a.shape[0] - 1, 0, -1):
            reflection = a[last, :] / a[0, :]
            largest = xp.maximum(largest, xp.abs(reflection))
            a = a[:last, :] - reflection * xp.flip(a[1 : last + 1, :], axis=0)
    return xp.where(largest < 3.0, 1.0 - largest, xp.full_like(largest, -2.0))


def roots_inside(coefficients: Array, radius: Any = 1.0) -> Array:
    """Whether all roots lie strictly inside |z| < radius.

    Parameters
    ----------
    coefficients : array (..., n + 1)
        Real, highest degree first, leading one not zero.
    radius : float or array (...)

    Returns
    -------
    bool array (...)
    """
    ctx = context(coefficients=coefficients, radius=radius)
    radius = ctx.asarray(radius)
    degree = coefficients.shape[-1] - 1
    powers = ctx.xp.stack([radius ** (degree - k) for k in range(degree + 1)], axis=-1)
    scaled = ctx.asarray(coefficients) * powers
    flat = ctx.xp.reshape(scaled, (-1, degree + 1))
    return ctx.xp.reshape(_gap(flat.T, ctx.xp) > 0, scaled.shape[:-1])


def polynomial_radius(coefficients: Array, max_bytes: int = DEFAULT_MAX_BYTES) -> Array:
    """Largest modulus of the roots of each polynomial.

    Parameters
    ----------
    coefficients : array (..., n + 1)
        Real and finite, highest degree first, leading coefficient not zero, n >= 1.
    max_bytes : int
        Limit on temporaries; batches beyond it are split.

    Returns
    -------
    array (...)
        Relative error near 1e-15 for a well-conditioned dominant root; a k-fold dominant root is found to about
        eps^(1/k), as by any method in this precision.
    """
    ctx = context(coefficients=coefficients)
    xp = ctx.xp
    check_finite(coefficients=coefficients)
    if coefficients.ndim < 1 or coefficients.shape[-1] < 2:
        raise ValueError(f"coefficients must have shape (..., n + 1) with n >= 1, got {tuple(coefficients.shape)}")
    if not bool(xp.all(coefficients[..., 0] != 0)):
        raise ValueError("coefficients must have a non-zero leading entry")
    shape = coefficients.shape[:-1]
    flat = xp.reshape(ctx.asarray(coefficients), (-1, coefficients.shape[-1]))
    total, width = flat.shape
    block = min(max_bytes, _BLOCK_BYTES) if _on_host(ctx) else max_bytes
    pieces = [_bisect(flat[piece, :], ctx) for piece in chunks(total, 8 * 3 * width, block)]
    return xp.reshape(xp.concat(pieces) if pieces else ctx.zeros((0,)), shape)


def _on_host(ctx: Any) -> bool:
    return "cuda" not in str(ctx.device).lower() and "cupy" not in ctx.xp.__name__


def _bisect(flat: Array, ctx: Any) -> Array:
    xp = ctx.xp
    degree = flat.shape[1] - 1
    monic = xp.asarray((flat / flat[:, :1]).T, copy=True)
    # Fujiwara: every root is below twice the largest |a_k|^(1/k), and one root is at least that maximum over n.
    bound = xp.zeros_like(monic[0, :])
    for k in range(1, degree + 1):
        bound = xp.maximum(bound, xp.abs(monic[k, :]) ** (1.0 / k))
    zero = bound == 0.0
    low = bound / degree
    high = 2.0 * xp.where(zero, xp.ones_like(bound), bound)
    for _ in range(int(4.0 - math.log2(ctx.eps))):
        middle = 0.5 * (low + high)
        inside = _gap(_scaled(monic, middle, xp), xp) > 0
        low, high = xp.where(inside, low, middle), xp.where(inside, middle, high)
    return xp.where(zero, xp.zeros_like(bound), 0.5 * (low + high))


def _scaled(monic: Array, radius: Array, xp: Any) -> Array:
    """Coefficients of p(radius z) / radius^n."""
    inverse = 1.0 / radius
    powers = [xp.ones_like(inverse), inverse]
    while len(powers) < monic.shape[0]:
        powers.append(powers[-1] * inverse)
    return monic * xp.stack(powers, axis=0)


def spectral_radius(
    step_size: Any,
    momentum: Any,
    curvature: Any,
    buffer_size: int,
    convention: Convention = "heavy-ball",
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Array:
    """Spectral radius of momentum with a buffer of the last C momenta, for one curvature each.

    Parameters
    ----------
    step_size, momentum, curvature : float or array, broadcast to (...)
        alpha > 0, beta in [0, 1), h.
    buffer_size : int
        C >= 0; 0 is classical momentum, for which the closed form is used.

    Returns
    -------
    array (...)
        Values of one or more mean instability.
    """
    coefficients = characteristic_polynomial(step_size, momentum, curvature, buffer_size, convention)
    if coefficients.shape[-1] == 3:
        return quadratic_radius(coefficients)
    return polynomial_radius(coefficients, max_bytes)


def quadratic_radius(coefficients: Array) -> Array:
    """Largest root modulus of z^2 + b z + c in closed form; coefficients (..., 3), monic."""
    ctx = context(coefficients=coefficients)
    xp = ctx.xp
    b, c = coefficients[..., 1], coefficients[..., 2]
    discriminant = 0.25 * b * b - c
    real = 0.5 * xp.abs(b) + xp.sqrt(xp.clip(discriminant, 0.0, None))
    return xp.where(discriminant >= 0, real, xp.sqrt(xp.clip(c, 0.0, None)))
