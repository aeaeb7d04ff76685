"""Two wells per coordinate, one flat and one sharp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import array_api_compat

from ._landscape import Separable, Term


@dataclass(frozen=True, eq=False)
class TwoWell(Separable):
    """``sum_d min(x_d^2, s (x_d - 1)^2)``, "Critical Momenta" (9).

    Every point of {0, 1}^d is a global minimum with value 0. The branches meet at ``sqrt(s) / (sqrt(s) + 1)``, a
    ridge, and for s > 1 at ``sqrt(s) / (sqrt(s) - 1)``, where the slope jumps but keeps its sign.

    Attributes
    ----------
    sharpness : number or array over the batch axes
        s >= 1; the paper asks for s > 1 and plots s = 1 too.
    ties : {"flat", "sharp", "mean"}
        Derivatives where the branches meet: of ``x^2``, of ``s (x - 1)^2``, or the mean of both (as torch.minimum).
    """

    sharpness: Any = 2.0
    ties: Literal["flat", "sharp", "mean"] = "flat"

    def __post_init__(self) -> None:
        s = self.sharpness
        inside = s >= 1
        if array_api_compat.is_array_api_obj(s):
            xp = array_api_compat.array_namespace(s)
            inside = xp.all(inside)
        if not hasattr(s, "free_symbols") and not bool(inside):  # a symbol answers with a relation
            raise ValueError(f"sharpness must be at least 1, got {s!r}")
        if self.ties not in ("flat", "sharp", "mean"):
            raise ValueError(f"ties must be 'flat', 'sharp' or 'mean', got {self.ties!r}")

    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        return [(slice(0, dim), Term(self._value, self._slope, self._curvature))]

    def _branches(self, x: Any, m: Any) -> tuple[Any, Any, Any]:
        s = m.number(self.sharpness)
        return s, m.square(x), s * m.square(x - 1)

    def _choose(self, x: Any, m: Any, flat: Any, sharp: Any, jumps: bool) -> Any:
        _, a, b = self._branches(x, m)
        tie = {"flat": flat, "sharp": sharp, "mean": (flat + sharp) / 2}[self.ties]
        return m.where_less(a, b, flat, tie, sharp, jumps=jumps)

    def _value(self, x: Any, m: Any) -> Any:
        _, a, b = self._branches(x, m)
        return m.where_less(a, b, a, a, b)

    def _slope(self, x: Any, m: Any) -> Any:
        return self._choose(x, m, 2 * x, 2 * m.number(self.sharpness) * (x - 1), jumps=False)

    def _curvature(self, x: Any, m: Any) -> Any:
        one = x * 0 + 1
        return self._choose(x, m, 2 * one, 2 * m.number(self.sharpness) * one, jumps=True)
