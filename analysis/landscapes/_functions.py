"""Elementary functions for three kinds of numbers, so that each formula of a landscape is written once.

A formula takes its coordinates and one of these: arrays of any namespace (:class:`OnArrays`), balls that enclose the
range over a whole box (:class:`OnBalls`), or symbols (:class:`OnSymbols`). Decimal constants are given as rationals,
because 0.2 in binary is another function than the printed one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import array_api_compat

from optassay.arrays import Array, Context


@dataclass(frozen=True)
class OnArrays:
    """Element by element in the context of a call."""

    ctx: Context

    pi = math.pi
    e = math.e

    def ratio(self, p: int, q: int) -> float:
        return p / q

    def number(self, value: Any) -> Any:
        """A parameter; an array of batch shape is made to multiply arrays (..., d)."""
        return self.ctx.asarray(value)[..., None] if array_api_compat.is_array_api_obj(value) else float(value)

    def exp(self, x: Array) -> Array:
        return self.ctx.xp.exp(x)

    def log(self, x: Array) -> Array:
        return self.ctx.xp.log(x)

    def sqrt(self, x: Array) -> Array:
        return self.ctx.xp.sqrt(x)

    def sin(self, x: Array) -> Array:
        return self.ctx.xp.sin(x)

    def cos(self, x: Array) -> Array:
        return self.ctx.xp.cos(x)

    def square(self, x: Array) -> Array:
        return x * x

    def inverse(self, x: Array, at_zero: float) -> Array:
        """``1 / x``, and ``at_zero`` where x = 0."""
        xp = self.ctx.xp
        return xp.where(x == 0, self.ctx.asarray(at_zero), 1.0 / xp.where(x == 0, xp.ones_like(x), x))

    def where_less(self, a: Array, b: Array, less: Array, tie: Array, more: Array, *, jumps: bool = False) -> Array:
        """``less`` where a < b, ``tie`` where a = b, ``more`` where a > b.

        ``jumps`` says that this is the derivative of something discontinuous: balls that straddle a = b then know
        nothing, since no mean value theorem holds across.
        """
        del jumps
        where = self.ctx.xp.where
        return where(a < b, less, where(a > b, more, tie))


class OnBalls:
    """Enclosures of the range over a ball; monotone functions by their end points, which is tight."""

    @property
    def pi(self) -> Any:
        from flint import arb

        return arb.pi()

    @property
    def e(self) -> Any:
        from flint import arb

        return arb.const_e()

    def ratio(self, p: int, q: int) -> Any:
        from flint import arb

        return arb(p) / q

    def number(self, value: Any) -> Any:
        from flint import arb

        return self.ratio(value.numerator, value.denominator) if isinstance(value, Fraction) else arb(value)

    def exp(self, x: Any) -> Any:
        return x.lower().exp().union(x.upper().exp())

    def log(self, x: Any) -> Any:
        return x.lower().log().union(x.upper().log())

    def sqrt(self, x: Any) -> Any:
        return x.nonnegative_part().lower().nonnegative_part().sqrt().union(x.upper().sqrt())

    def cos(self, x: Any) -> Any:
        value = x.lower().cos().union(x.upper().cos())
        turns = x / (2 * self.pi)
        # The largest and smallest value belong to whole and half turns; missing one would break the enclosure.
        if turns.contains_integer():
            value = value.union(self.ratio(1, 1))
        if (turns - self.ratio(1, 2)).contains_integer():
            value = value.union(self.ratio(-1, 1))
        return value

    def sin(self, x: Any) -> Any:
        return self.cos(x - self.pi / 2)

    def square(self, x: Any) -> Any:
        low, high = x.abs_lower(), x.abs_upper()
        return (low * low).union(high * high)

    def inverse(self, x: Any, at_zero: float) -> Any:
        del at_zero
        return 1 / x  # not finite when the ball contains zero: the caller then knows nothing, which is true

    def where_less(self, a: Any, b: Any, less: Any, tie: Any, more: Any, *, jumps: bool = False) -> Any:
        if a < b:
            return less
        if a > b:
            return more
        return a * float("nan") if jumps else less.union(tie).union(more)


class OnSymbols:
    """Exact sympy expressions."""

    def __getattr__(self, name: str) -> Any:
        import sympy

        return getattr(sympy, name)

    @property
    def e(self) -> Any:
        import sympy

        return sympy.E

    def ratio(self, p: int, q: int) -> Any:
        import sympy

        return sympy.Rational(p, q)

    def number(self, value: Any) -> Any:
        import sympy

        return sympy.Rational(str(value)) if isinstance(value, Fraction | float) else sympy.sympify(value)

    def square(self, x: Any) -> Any:
        return x**2

    def inverse(self, x: Any, at_zero: float) -> Any:
        del at_zero
        return 1 / x

    def where_less(self, a: Any, b: Any, less: Any, tie: Any, more: Any, *, jumps: bool = False) -> Any:
        del jumps
        import sympy

        return sympy.Piecewise((less, a < b), (more, a > b), (tie, True))


BALLS = OnBalls()
SYMBOLS = OnSymbols()
