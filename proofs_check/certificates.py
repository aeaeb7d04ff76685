"""Certified statements about a function on an interval: ball arithmetic with bisection, Sturm's theorem.

A function of balls is called with :class:`flint.arb` enclosures of its argument and returns an enclosure of its value.
Whatever is returned here is a theorem; what cannot be decided raises :class:`Undecided`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

BallFunction = Callable[[arb], arb]


class Undecided(RuntimeError):
    """Bisection reached its limit before the sign, or the width asked for, was certain."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Ball arithmetic with ``bits`` of working precision."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def ball(value: Any) -> arb:
    """An exact rational, integer, decimal string or ball as a ball."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return value if isinstance(value, arb) else arb(value)


def _hull(low: arb, high: arb) -> arb:
    return low.union(high)


def _middle(low: arb, high: arb) -> arb:
    return ((low + high) / 2).mid()


def _interval(low: Any, high: Any) -> tuple[arb, arb]:
    low, high = ball(low), ball(high)
    if not low < high:
        raise ValueError(f"low must be certainly below high, got low = {low}, high = {high}")
    return low, high


def certain_sign(function: BallFunction, low: Any, high: Any, pieces: int = 20_000) -> int:
    """Sign (1 or -1) that ``function`` keeps on all of ``[low, high]``.

    Raises
    ------
    Undecided
        The function changes sign or vanishes on the interval, or ``pieces`` evaluations do not separate it from zero.
    """
    low, high = _interval(low, high)
    sign = 0
    stack = [(low, high)]
    for _ in range(pieces):
        if not stack:
            return sign
        left, right = stack.pop()
        value = function(_hull(left, right))
        here = 1 if value > 0 else -1 if value < 0 else 0
        if here == 0:
            at = function(_middle(left, right))
            if sign and (at > 0 or at < 0) and bool(at > 0) != (sign > 0):
                raise Undecided(f"the function changes sign between {low} and {high}")
            middle = _middle(left, right)
            stack += [(left, middle), (middle, right)]
        elif sign not in (0, here):
            raise Undecided(f"the function changes sign between {low} and {high}")
        else:
            sign = here
    raise Undecided(f"no certain sign on [{low}, {high}] after {pieces} evaluations")


def maximum(function: BallFunction, low: Any, high: Any, width: float = 1e-12, pieces: int = 50_000) -> arb:
    """Enclosure, at most about ``width`` wide, of the largest value of ``function`` on ``[low, high]``.

    Raises
    ------
    Undecided
        ``pieces`` evaluations did not reach that width.
    """
    low, high = _interval(low, high)
    best = max((function(x) for x in (low, high, _middle(low, high))), key=lambda v: float(v.lower())).lower()
    bound = best
    stack = [(low, high)]
    for _ in range(pieces):
        if not stack:
            return _hull(best, bound.max(best))
        left, right = stack.pop()
        upper = function(_hull(left, right)).upper()
        if upper <= best + width:
            bound = bound.max(upper)
            continue
        middle = _middle(left, right)
        at = function(middle).lower()
        if at > best:
            best = at
        stack += [(left, middle), (middle, right)]
    raise Undecided(f"the maximum on [{low}, {high}] is not enclosed to {width} after {pieces} evaluations")


def minimum(function: BallFunction, low: Any, high: Any, width: float = 1e-12, pieces: int = 50_000) -> arb:
    """Enclosure of the smallest value of ``function`` on ``[low, high]``; see :func:`maximum`."""
    return -maximum(lambda x: -function(x), low, high, width, pieces)


def root(function: BallFunction, low: Any, high: Any, width: float = 1e-15) -> arb:
    """Enclosure of a zero between two points at which ``function`` certainly has opposite signs.

    The zero is unique if the function is monotone there; that is for the caller to prove.

    Raises
    ------
    Undecided
        The signs at the ends are not certainly opposite.
    """
    low, high = _interval(low, high)
    at_low, at_high = function(low), function(high)
    if not (at_low > 0 and at_high < 0) and not (at_low < 0 and at_high > 0):
        raise Undecided(f"no certain change of sign between {low} and {high}: {at_low}, {at_high}")
    rising = bool(at_low < 0)
    while high - low > width:
        middle = _middle(low, high)
        if not (low < middle and middle < high):
            break  # neighbours in the working precision
        value = function(middle)
        if value > 0:
            low, high = (low, middle) if rising else (middle, high)
        elif value < 0:
            low, high = (middle, high) if rising else (low, middle)
        else:
            break  # no certain sign in the working precision; the enclosure stands as it is
    return _hull(low, high)


def zeros(
    function: BallFunction, derivative: BallFunction, low: Any, high: Any, width: float = 1e-15, pieces: int = 20_000
) -> list[arb]:
    """Enclosures of all zeros on ``[low, high]``, each certainly simple and alone in its enclosure.

    Raises
    ------
    Undecided
        A zero at an end or a multiple zero: ``pieces`` evaluations separate neither function nor derivative from zero.
    """
    low, high = _interval(low, high)
    found: list[arb] = []
    stack = [(low, high)]
    for _ in range(pieces):
        if not stack:
            return sorted(found, key=lambda z: float(z.mid()))
        left, right = stack.pop()
        box = _hull(left, right)
        value = function(box)
        if value > 0 or value < 0:
            continue
        slope = derivative(box)
        if slope > 0 or slope < 0:
            ends = function(left), function(right)
            if (ends[0] > 0 and ends[1] > 0) or (ends[0] < 0 and ends[1] < 0):
                continue
            if (ends[0] > 0 and ends[1] < 0) or (ends[0] < 0 and ends[1] > 0):
                found.append(root(function, left, right, width))
                continue
        # An uneven cut, so that a zero at a simple fraction of the interval is not hit by a piece's end.
        middle = (left + (right - left) * arb("0.4871")).mid()
        stack += [(left, middle), (middle, right)]
    raise Undecided(f"the zeros on [{low}, {high}] are not separated after {pieces} evaluations")


def polynomial_sign(coefficients: Sequence[Fraction | int], low: Fraction, high: Fraction) -> int:
    """Sign (1 or -1) that a rational polynomial keeps on the open interval ``(low, high)``, by Sturm's theorem.

    Parameters
    ----------
    coefficients : sequence
        Highest degree first.

    Raises
    ------
    Undecided
        It has a zero inside.
    """
    if not low < high:
        raise ValueError(f"low must be below high, got low = {low}, high = {high}")
    x = sp.Symbol("x")
    poly = sp.Poly([sp.Rational(str(c)) for c in coefficients], x, domain="QQ")
    a, b = sp.Rational(str(low)), sp.Rational(str(high))
    inside = poly.count_roots(a, b) - int(poly.eval(a) == 0) - int(poly.eval(b) == 0)
    if inside:
        raise Undecided(f"{inside} zeros between {low} and {high}")
    return int(sp.sign(poly.eval((a + b) / 2)))
