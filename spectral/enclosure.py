"""The worst-case rate of given parameters between two proved bounds, whatever the multiplicity of the roots.

In double precision a k-fold dominant root is known to eps^(1/k) only: to 1e-8 where two roots meet, as they do at the
best step size for a condition number near one. Here the parameters are the binary fractions that the floats are, the
roots at one curvature come from FLINT's exact isolation, and level sets (crossings isolated exactly) lead to the worst
curvature, so both bounds are proved and meet to a few parts in 1e13.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import flint

from . import exact

_BITS = 42  # of a circle's radius: short ones keep the exact polynomials short
_RISE = 1e-13  # relative distance from the largest radius found to the circle that must not be crossed
_SMALLEST = 1e-300  # circle, for a rate of zero
_ROUNDS = 60
_PRECISION = 192
_MOST_PRECISION = 2048


class Enclosure(NamedTuple):
    """``attained <= max over h of the radius < bound``, with the curvature that attains; ``rate`` is the nearest float.

    ``bound`` is None where level sets ended without a circle that nothing crosses.
    """

    rate: float
    attained: float
    curvature: float
    bound: float | None


def radius_ball(step_size: float, momentum: float, curvature: float, buffer_size: int) -> Any:
    """A ball around the spectral radius at one curvature, for the exact values of the floats.

    Raises
    ------
    ArithmeticError
        FLINT could not isolate the roots.
    """
    x = exact.rational(Fraction(step_size) * Fraction(curvature))
    a, b = exact.pencil(exact.rational(momentum), buffer_size)
    polynomial = flint.fmpq_poly([u + x * v for u, v in zip(a, b, strict=True)])
    before = flint.ctx.prec
    try:
        flint.ctx.prec = _PRECISION
        roots: Any = polynomial.numer().complex_roots()
        moduli = [abs(root) for root, _ in roots]
    finally:
        flint.ctx.prec = before
    largest = moduli[0]
    for modulus in moduli[1:]:
        largest = largest.max(modulus)
    return largest


def round_up(value: float, bits: int = _BITS) -> float:
    """The smallest float with so many bits that is at least ``value``."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.ceil(mantissa * 2.0**bits), exponent - bits)


def enclose_rate(step_size: float, momentum: float, smallest: float, largest: float, buffer_size: int) -> Enclosure:
    """The largest spectral radius over curvatures in [smallest, largest] between two bounds.

    Parameters
    ----------
    step_size, momentum, smallest, largest : float
        Heavy-ball units, 0 < smallest <= largest.
    buffer_size : int
        C >= 0.

    Returns
    -------
    Enclosure
        The lower bound is proved by the roots at one curvature. The upper one is a circle that FLINT finds uncrossed;
        :func:`spectral.verify_rate` proves it.
    """
    found = [(radius_ball(step_size, momentum, h, buffer_size), h) for h in {smallest, largest}]
    top, worst = max(found, key=lambda pair: float(pair[0].mid()))
    bound = None
    for _ in range(_ROUNDS):
        circle = round_up(max(float(top.upper()) * (1.0 + _RISE), _SMALLEST))
        inner = _crossed(circle, step_size, momentum, smallest, largest, buffer_size)
        if not inner:
            bound = circle
            break
        radii = [(radius_ball(step_size, momentum, h, buffer_size), h) for h in inner]
        best, at = max(radii, key=lambda pair: float(pair[0].mid()))
        if not best > top:
            break
        top, worst = best, at
    rate = float(top.mid())
    return Enclosure(rate, max(math.nextafter(float(top.lower()), 0.0), 0.0), worst, bound)


def _crossed(
    radius: float, step_size: float, momentum: float, smallest: float, largest: float, buffer_size: int
) -> list[float]:
    """Curvatures midway between the crossings of a circle in the interval (none without a crossing)."""
    before = flint.ctx.prec
    try:
        precision = exact.PRECISION
        while True:
            flint.ctx.prec = precision
            values = exact.crossings(exact.rational(radius), exact.rational(momentum), buffer_size)
            step = exact.rational(step_size)
            low, high = (flint.arb(step * exact.rational(h)) for h in (smallest, largest))
            values = [value for value in values if not value < low and not value > high]
            inner = sorted(float((value / step).mid()) for value in values)
            precision *= 2
            if precision > _MOST_PRECISION or all(low <= value <= high for value in values):
                break
    finally:
        flint.ctx.prec = before
    if not inner:
        return []
    middles = {0.5 * (left + right) for left, right in pairwise([smallest, *inner, largest])}
    return sorted(min(max(h, smallest), largest) for h in middles)
