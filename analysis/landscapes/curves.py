"""Sums of functions of one coordinate: a wave, and a loss curve with a plateau, a steep slope and a rough basin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._landscape import Separable, Term


@dataclass(frozen=True)
class Wave(Separable):
    """``sum_i (1 - cos x_i)``: not convex, smooth with constant 1, partial derivatives in [-1, 1] everywhere."""

    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        def value(x: Any, m: Any) -> Any:
            return 1 - m.cos(x)

        return [(slice(0, dim), Term(value, lambda x, m: m.sin(x), lambda x, m: m.cos(x)))]


@dataclass(frozen=True)
class LossCurve(Separable):
    """``sum_i 1 - e^(-x_i^2 / 2) + height (1 - cos(count x_i)) e^(-2 x_i^2)``.

    From afar: a plateau (beyond about 3.2, where the slope is below a tenth of its largest), a steep slope, and from
    about 1 on a basin with peaks and valleys around the minimum 0 at the origin. The areas A, B, C of figure 1 of
    "AdaMomentum", which gives no formula.

    Attributes
    ----------
    height, count : float
        Of the ripple; height 0 leaves it out.
    """

    height: float = 0.02
    count: float = 20.0

    def __post_init__(self) -> None:
        for name in ("height", "count"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")

    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        return [(slice(0, dim), Term(self._value, self._slope, self._curvature))]

    def _parts(self, x: Any, m: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
        height, count = m.number(self.height), m.number(self.count)
        square = m.square(x)
        return m.exp(-square / 2), m.exp(-2 * square), m.cos(count * x), m.sin(count * x), height, count

    def _value(self, x: Any, m: Any) -> Any:
        well, hull, cosine, _, height, _ = self._parts(x, m)
        return 1 - well + height * (1 - cosine) * hull

    def _slope(self, x: Any, m: Any) -> Any:
        well, hull, cosine, sine, height, count = self._parts(x, m)
        return x * well + height * hull * (count * sine - 4 * x * (1 - cosine))

    def _curvature(self, x: Any, m: Any) -> Any:
        well, hull, cosine, sine, height, count = self._parts(x, m)
        square = m.square(x)
        ripple = m.square(count) * cosine - 8 * count * x * sine + (16 * square - 4) * (1 - cosine)
        return (1 - square) * well + height * hull * ripple
