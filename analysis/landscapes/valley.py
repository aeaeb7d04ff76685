"""A parabola per coordinate, of another curvature on either side of the minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._landscape import Separable, Term


@dataclass(frozen=True)
class Valley(Separable):
    """``sum_i a x_i^2 / 2``, where ``a`` is ``left`` for negative ``x_i`` and ``right`` for the others.

    Minimum 0 at the origin; the second derivative jumps there unless the valley is symmetric (``left == right``).
    He, Huang and Yuan (2019) call minima of this kind asymmetric valleys.

    Attributes
    ----------
    left, right : float
        Curvatures, positive.
    """

    left: float = 1.0
    right: float = 1.0

    def __post_init__(self) -> None:
        for name in ("left", "right"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")

    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        return [(slice(0, dim), Term(self._value, self._slope, self._curvature))]

    def _sides(self, m: Any) -> tuple[Any, Any]:
        return m.number(self.left), m.number(self.right)

    def _value(self, x: Any, m: Any) -> Any:
        left, right = self._sides(m)
        q = m.square(x) / 2
        return m.where_less(x, x * 0, left * q, x * 0, right * q)

    def _slope(self, x: Any, m: Any) -> Any:
        left, right = self._sides(m)
        return m.where_less(x, x * 0, left * x, x * 0, right * x)

    def _curvature(self, x: Any, m: Any) -> Any:
        left, right = self._sides(m)
        one = x * 0 + 1
        return m.where_less(x, x * 0, left * one, right * one, right * one, jumps=True)
