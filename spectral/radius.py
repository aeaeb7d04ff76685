"""Spectral radii of many small real polynomials at once: Schur-Cohn brackets, Newton's method, Schur-Cohn again.

``numpy.linalg.eigvals`` needs about ten microseconds for a 6 x 6 matrix, and CuPy's loops over the stack in Python. The
largest modulus alone is cheaper. All roots of p lie inside |z| < r if and only if the Schur-Cohn recursion of p(r z)
has all reflection coefficients below one, which takes n (n + 1) multiply-adds on whole arrays. A few bisections with
that test bracket the modulus, and the recursion's own quadratic remainder points to the dominant root; Newton's method
takes it from there, and one more test proves that no root is larger. What fails it (clusters of roots) is bisected on.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import DEFAULT_MAX_BYTES, Array, check_finite, chunks, context

from .companion import Convention, characteristic_polynomial, check_buffer_size, is_array

# Arrays of this many polynomials keep the recursion's temporaries in a core's second-level cache.
_BLOCK_BYTES = 1 << 21


# Bisections, then Newton steps, of each round on what is left; the bracket is within 8 % after the first.
_ROUNDS = ((5, 6), (5, 10), (None, 40))


class _Batch(NamedTuple):
    """Monic polynomials (n + 1, N), brackets of their largest moduli (N,), and their places in the whole."""

    monic: Array
    low: Array
    high: Array
    places: Array


def _gap(a: Array, xp: Any) -> tuple[Array, Array, Array]:
    """One minus the largest reflection coefficient of the Schur-Cohn recursion, and its quadratic remainder.

    The gap is positive if and only if all roots lie strictly inside the unit circle. A pair or a real root on the
    circle is also a root of the remainder z^2 + u z + v (for n = 1: u = v = 0).

    Parameters
    ----------
    a : array (n + 1, N)
        Highest degree first.

    Returns
    -------
    gap, u, v : array (N,)
    """
    largest = xp.zeros_like(a[0, :])
    u = v = largest
    # Once a coefficient has reached one the rest may be 0/0, and means "not inside" all the same.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for last in range(a.shape[0] - 1, 0, -1):
            reflection = a[last, :] / a[0, :]
            if last == 2:
                u, v = a[1, :] / a[0, :], reflection
            largest = xp.maximum(largest, xp.abs(reflection))
            a = a[:last, :] - reflection * xp.flip(a[1 : last + 1, :], axis=0)
    return xp.where(largest < 3.0, 1.0 - largest, xp.full_like(largest, -2.0)), u, v


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
    return ctx.xp.reshape(_gap(flat.T, ctx.xp)[0] > 0, scaled.shape[:-1])


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
        Relative error near 1e-15 for a well-conditioned dominant root that is larger than the others by 2e-12 (single
        precision: 6e-6), and that much where it is not; a k-fold dominant root is found to about eps^(1/k), as by any
        method in this precision.
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
    if flat.shape[0] == 0:
        return ctx.zeros(shape)
    flat = flat / flat[:, :1]
    # Fujiwara: every root is below twice the largest |a_k|^(1/k), and one root is at least that maximum over n.
    degree = flat.shape[1] - 1
    with np.errstate(divide="ignore"):
        powers = xp.arange(1, degree + 1, dtype=flat.dtype, device=ctx.device)
        bound = xp.exp(xp.max(xp.log(xp.abs(flat[:, 1:])) / powers, axis=-1))
    scale = xp.where(bound == 0.0, xp.ones_like(bound), bound)
    block = min(max_bytes, _BLOCK_BYTES) if _on_host(ctx) else max_bytes
    batch = _Batch(
        _scaled(flat.T, scale, xp),
        xp.full_like(bound, 1.0 / degree),
        xp.full_like(bound, 2.0),
        xp.arange(bound.shape[0], device=ctx.device),
    )
    found: list[tuple[Array, Array]] = []
    for halvings, steps in _ROUNDS:
        pieces = [
            _round(_Batch(*(a[..., piece] for a in batch)), halvings, steps, ctx)
            for piece in chunks(batch.low.shape[0], 24 * (degree + 1), block)
        ]
        found += [(places, modulus) for places, modulus, _ in pieces]
        batch = _Batch(*(xp.concat(parts, axis=-1) for parts in zip(*(left for *_, left in pieces), strict=True)))
        if batch.low.shape[0] == 0:
            break
    # The standard has no assignment to chosen places, so the results are sorted into them.
    order = xp.argsort(xp.concat([places for places, _ in found]))
    modulus = xp.take(xp.concat([values for _, values in found]), order)
    return xp.reshape(xp.where(bound == 0.0, bound, scale * modulus), shape)


def _on_host(ctx: Any) -> bool:
    return "cuda" not in str(ctx.device).lower() and "cupy" not in ctx.xp.__name__


def _round(batch: _Batch, halvings: int | None, steps: int, ctx: Any) -> tuple[Array, Array, _Batch]:
    """Places and moduli that are found, and the batch that is left; without a number of halvings, all are found."""
    xp = ctx.xp
    monic, low, high, places = batch
    low, high = _bisect(monic, low, high, int(4.0 - math.log2(ctx.eps)) if halvings is None else halvings, xp)
    modulus, sine, settled = _newton(monic, high, steps, ctx)
    if halvings is None:
        # Two roots close to each other blur the test to eps / distance^2, but not the modulus of a complex pair.
        bisected = xp.sqrt(low * high)
        blurred = settled & (xp.abs(modulus - bisected) * sine * sine < 64.0 * ctx.eps * bisected)
        modulus = xp.where(blurred, modulus, bisected)
        sure = xp.ones_like(settled)
    else:
        # Far enough outside (2e-12 in double precision) that the test is not decided by rounding.
        sure = settled & (_gap(_scaled(monic, modulus * (1.0 + ctx.eps**0.75), xp), xp)[0] > 0)
    done, rest = xp.nonzero(sure)[0], xp.nonzero(~sure)[0]
    left = _Batch(*(xp.take(a, rest, axis=-1) for a in (monic, low, high, places)))
    return xp.take(places, done), xp.take(modulus, done), left


def _bisect(monic: Array, low: Array, high: Array, halvings: int, xp: Any) -> tuple[Array, Array]:
    for _ in range(halvings):
        middle = xp.sqrt(low * high)
        inside = _gap(_scaled(monic, middle, xp), xp)[0] > 0
        low, high = xp.where(inside, low, middle), xp.where(inside, middle, high)
    return low, high


def _newton(monic: Array, high: Array, steps: int, ctx: Any) -> tuple[Array, Array, Array]:
    """Modulus and |sin angle| of the root that Newton's method finds from the remainder, and whether it settled."""
    xp = ctx.xp
    degree = monic.shape[0] - 1
    a = _scaled(monic, high, xp)
    _, u, v = _gap(a, xp)
    # The start: the remainder's root of larger modulus, moved to the circle of radius ``high``.
    discriminant = 0.25 * u * u - v
    one = xp.ones_like(u)
    x = xp.where(discriminant < 0.0, -0.5 * u, xp.where(u > 0.0, -one, one))
    # Never quite on the real axis, where a pair that has just left it could not be reached.
    y = xp.sqrt(xp.clip(-discriminant, 1e-8, None))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        modulus = xp.sqrt(x * x + y * y)
        x, y = x / modulus, y / modulus
        change = modulus
        for _ in range(steps):
            # p and p' at z = x + i y by real division by (z - x)^2 + y^2.
            u, v = 2.0 * x, x * x + y * y
            b2, b1, c2, c1 = xp.zeros_like(x), a[0, :], xp.zeros_like(x), xp.zeros_like(x)
            for k in range(1, degree):
                c2, c1 = c1, b1 + u * c1 - v * c2
                b2, b1 = b1, a[k, :] + u * b1 - v * b2
            value_x, value_y = a[degree, :] + x * b1 - v * b2, y * b1
            slope_x, slope_y = b1 - 2.0 * y * y * c2, 2.0 * y * (c1 - x * c2)
            square = slope_x * slope_x + slope_y * slope_y
            step_x = (value_x * slope_x + value_y * slope_y) / square
            step_y = (value_y * slope_x - value_x * slope_y) / square
            x, y = x - step_x, y - step_y
            change = xp.abs(step_x) + xp.abs(step_y)
        modulus = xp.sqrt(x * x + y * y)
        # The next step would be of the order of the last one squared.
        settled = change < modulus * ctx.eps**0.6
        sine = xp.abs(y) / modulus
    return high * xp.where(settled, modulus, xp.ones_like(modulus)), sine, settled


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
    buffer_size: Any,
    convention: Convention = "heavy-ball",
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Array:
    """Spectral radius of momentum with a buffer of the last C momenta, for one curvature each.

    Parameters
    ----------
    step_size, momentum, curvature : float or array, broadcast to (...)
        alpha > 0, beta in [0, 1), h.
    buffer_size : int or array of integers, broadcast with the others
        C >= 0; 0 is classical momentum, for which alone the closed form is used.
    convention : {"heavy-ball", "ema"}
        Whether m_t = beta m_{t-1} + g_t or m_t = beta m_{t-1} + (1 - beta) g_t.
    max_bytes : int
        Limit on temporaries; batches beyond it are split.

    Returns
    -------
    array (...)
        Values of one or more mean instability.
    """
    many = is_array(buffer_size)
    named = {"step_size": step_size, "momentum": momentum, "curvature": curvature}
    ctx = context(**named, buffer_size=buffer_size if many else None)
    xp = ctx.xp
    parameters = xp.broadcast_arrays(*(ctx.asarray(a) for a in named.values()), *([buffer_size] if many else []))
    shape = parameters[0].shape
    largest = (int(xp.max(buffer_size)) if math.prod(shape) else 0) if many else check_buffer_size(buffer_size)
    pieces = list(chunks(math.prod(shape), 48 * (largest + 2), max_bytes))
    if len(pieces) <= 1:
        return _radius(step_size, momentum, curvature, buffer_size, convention, max_bytes)
    # The coefficients take more memory than the parameters, so they are made piece by piece.
    alpha, beta, h, *sizes = (xp.reshape(a, (-1,)) for a in parameters)
    radii = [
        _radius(alpha[k], beta[k], h[k], sizes[0][k] if many else buffer_size, convention, max_bytes) for k in pieces
    ]
    return xp.reshape(xp.concat(radii), shape)


def _radius(
    step_size: Any, momentum: Any, curvature: Any, buffer_size: Any, convention: Convention, max_bytes: int
) -> Array:
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
