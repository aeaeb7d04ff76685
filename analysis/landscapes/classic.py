"""Sphere, three-hump camel and Beale: the toy functions of "AdaMomentum", appendix A, beside Ackley."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ._landscape import Landscape, Point, Separable, Term


@dataclass(frozen=True)
class Sphere(Separable):
    """``sum_i x_i^2``."""

    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        return [(slice(0, dim), Term(lambda x, m: m.square(x), lambda x, m: 2 * x, lambda x, m: x * 0 + 2))]


@dataclass(frozen=True)
class ThreeHumpCamel(Landscape):
    """``2 x^2 - 1.05 x^4 + x^6 / 6 + x y + y^2``."""

    def formula(self, x: Point, m: Any) -> Any:
        q = m.square(x[0])
        return 2 * q - m.ratio(21, 20) * q * q + q * q * q / 6 + x[0] * x[1] + m.square(x[1])

    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        q = m.square(x[0])
        return [x[0] * (4 - m.ratio(21, 5) * q + q * q) + x[1], x[0] + 2 * x[1]]

    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        q = m.square(x[0])
        one = x[0] * 0 + 1
        return [[4 - m.ratio(63, 5) * q + 5 * q * q, one], [one, 2 * one]]


@dataclass(frozen=True)
class Beale(Landscape):
    """``(1.5 - x + x y)^2 + (b - x + x y^2)^2 + (2.625 - x + x y^3)^2``.

    Attributes
    ----------
    constant : number
        b, 2.25 in the literature; 2.2 as "AdaMomentum" prints it.
    """

    constant: Any = Fraction(9, 4)

    def _residuals(self, x: Point, m: Any) -> list[tuple[Any, Any, Any, Any]]:
        """Each residual with its derivatives in x, y and its second one in y (that in x is zero)."""
        a, y = x
        y2, y3 = m.square(y), y * m.square(y)
        return [
            (m.ratio(3, 2) - a + a * y, y - 1, a, 0 * a),
            (m.number(self.constant) - a + a * y2, y2 - 1, 2 * a * y, 2 * a),
            (m.ratio(21, 8) - a + a * y3, y3 - 1, 3 * a * y2, 6 * a * y),
        ]

    def formula(self, x: Point, m: Any) -> Any:
        first, second, third = (m.square(r) for r, *_ in self._residuals(x, m))
        return first + second + third

    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        (r1, p1, q1, _), (r2, p2, q2, _), (r3, p3, q3, _) = self._residuals(x, m)
        return [2 * (r1 * p1 + r2 * p2 + r3 * p3), 2 * (r1 * q1 + r2 * q2 + r3 * q3)]

    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        y = x[1]
        mixed_of = [y * 0 + 1, 2 * y, 3 * m.square(y)]  # d^2 r / dx dy
        xx, xy, yy = 0 * y, 0 * y, 0 * y
        for (r, p, q, bend), mixed in zip(self._residuals(x, m), mixed_of, strict=True):
            xx = xx + 2 * m.square(p)
            xy = xy + 2 * (p * q + r * mixed)
            yy = yy + 2 * (m.square(q) + r * bend)
        return [[xx, xy], [xy, yy]]
