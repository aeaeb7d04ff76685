"""Ackley's function, and its mixture with Rosenbrock's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ._landscape import Landscape, Point


def _cone(x: Point, m: Any) -> tuple[Any, list[Any], list[list[Any]]]:
    """``exp(-r / 5)`` with ``r = sqrt((x^2 + y^2) / 2)``, its gradient and Hessian.

    At the origin, a kink, the gradient is set to zero and the Hessian is NaN.
    """
    r = m.sqrt((m.square(x[0]) + m.square(x[1])) / 2)
    height = m.exp(-r / 5)
    inverse, inverse_or_nan = m.inverse(r, 0.0), m.inverse(r, math.nan)
    slope = -m.ratio(1, 10) * height * inverse
    gradient = [slope * c for c in x]
    bend = height * m.square(inverse_or_nan) * (m.ratio(1, 20) * inverse_or_nan + m.ratio(1, 100))
    across = -m.ratio(1, 10) * height * inverse_or_nan
    mixed = bend * x[0] * x[1]
    return height, gradient, [[across + bend * m.square(x[0]), mixed], [mixed, across + bend * m.square(x[1])]]


def _ripple(x: Point, m: Any) -> tuple[Any, list[Any], list[list[Any]]]:
    """``exp((cos 2 pi x + cos 2 pi y) / 2)``, its gradient and Hessian."""
    turn = [2 * m.pi * c for c in x]
    cosine, sine = [m.cos(t) for t in turn], [m.sin(t) for t in turn]
    height = m.exp((cosine[0] + cosine[1]) / 2)
    gradient = [-m.pi * s * height for s in sine]
    own = [m.pi * m.pi * height * (m.square(s) - 2 * c) for s, c in zip(sine, cosine, strict=True)]
    mixed = m.pi * m.pi * height * sine[0] * sine[1]
    return height, gradient, [[own[0], mixed], [mixed, own[1]]]


@dataclass(frozen=True)
class Ackley(Landscape):
    """``-20 e^(-0.2 sqrt((x^2 + y^2) / 2)) - e^((cos 2 pi x + cos 2 pi y) / 2) + e + 20``.

    The origin is its global minimum 0 and a kink: the gradient there is set to zero, the Hessian is NaN.

    "Critical Momenta" (11), "AdaMomentum" appendix A.
    """

    def formula(self, x: Point, m: Any) -> Any:
        return 20 - 20 * _cone(x, m)[0] - _ripple(x, m)[0] + m.e

    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        return [-20 * c - w for c, w in zip(_cone(x, m)[1], _ripple(x, m)[1], strict=True)]

    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        cone, ripple = _cone(x, m)[2], _ripple(x, m)[2]
        return [[-20 * cone[i][j] - ripple[i][j] for j in range(2)] for i in range(2)]


@dataclass(frozen=True)
class AckleyRosenbrock(Landscape):
    """``0.05 (1 - x)^2 + 0.05 (y - x^2)^2 + 0.6 (+-e^(-0.2 r) - e^((cos 2 pi x + cos 2 pi y) / 2) + e)``.

    "Critical Momenta" (14).

    Attributes
    ----------
    sign : {1, -1}
        Sign of the first exponential: 1 as printed, -1 as in Ackley's function.
    """

    sign: Literal[1, -1] = 1

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise ValueError(f"sign must be 1 or -1, got {self.sign!r}")

    def formula(self, x: Point, m: Any) -> Any:
        valley = m.square(1 - x[0]) + m.square(x[1] - m.square(x[0]))
        return valley / 20 + m.ratio(3, 5) * (self.sign * _cone(x, m)[0] - _ripple(x, m)[0] + m.e)

    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        off = x[1] - m.square(x[0])
        valley = [(x[0] - 1) / 10 - x[0] * off / 5, off / 10]
        cone, ripple = _cone(x, m)[1], _ripple(x, m)[1]
        return [v + m.ratio(3, 5) * (self.sign * c - w) for v, c, w in zip(valley, cone, ripple, strict=True)]

    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        off = x[1] - m.square(x[0])
        valley = [
            [m.ratio(1, 10) - off / 5 + m.square(x[0]) * m.ratio(2, 5), -x[0] / 5],
            [-x[0] / 5, m.ratio(1, 10)],
        ]
        cone, ripple = _cone(x, m)[2], _ripple(x, m)[2]
        return [
            [valley[i][j] + m.ratio(3, 5) * (self.sign * cone[i][j] - ripple[i][j]) for j in range(2)] for i in range(2)
        ]
