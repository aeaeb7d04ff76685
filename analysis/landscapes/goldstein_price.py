"""Goldstein and Price's function: as printed, with its brackets repaired, and without the logarithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ._landscape import Landscape, Point

Form = Literal["printed", "inside", "scaled", "plain"]


def factors(u: Any, v: Any, m: Any) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The factors A(u), B(v) of the function, ``u = x + y`` and ``v = 2 x - 3 y``, each with two derivatives.

    The printed polynomials are ``A = 1 + (u + 1)^2 (19 - 14 u + 3 u^2)`` and ``B = 30 + v^2 (18 - 16 v + 3 v^2)``;
    here they stand as sums of squares, which enclose tightly over boxes and show A >= 1, B >= 3.
    """
    third = m.ratio(1, 3)
    first = (
        1 + m.square(u + 1) * (8 * third + 3 * m.square(u - 7 * third)),
        12 * (u + 1) * (u - 1) * (u - 2),
        36 * m.square(u - 2 * third) - 28,
    )
    second = (
        3 + m.square(v - 3) * (8 * third + 3 * m.square(v + third)),
        12 * v * (v - 1) * (v - 3),
        36 * m.square(v - 4 * third) - 28,
    )
    return first, second


@dataclass(frozen=True)
class GoldsteinPrice(Landscape):
    """Goldstein and Price's function of A(x + y) and B(2 x - 3 y).

    "Critical Momenta" (12), after Picheny et al. (2013).

    Attributes
    ----------
    form : {"scaled", "printed", "inside", "plain"}
        "scaled": ``(log(A B) - 8.693) / 2.427``, the source's form; "printed": ``log(A) (B - 8.693) / 2.427``, the
        brackets as (12) closes them; "inside": ``log(A (B - 8.693)) / 2.427``, the logarithm of all that follows it
        (NaN where B <= 8.693); "plain": ``A B``.
    unit : bool
        The source's variables on the unit square: the point is ``4 x - 2``.
    """

    form: Form = "scaled"
    unit: bool = False

    def __post_init__(self) -> None:
        if self.form not in ("printed", "inside", "scaled", "plain"):
            raise ValueError(f"form must be 'scaled', 'printed', 'inside' or 'plain', got {self.form!r}")

    def _variables(self, x: Point) -> tuple[Any, Any]:
        a, b = [4 * c - 2 for c in x] if self.unit else x
        return a + b, 2 * a - 3 * b

    def formula(self, x: Point, m: Any) -> Any:
        (a, _, _), (b, _, _) = factors(*self._variables(x), m)
        if self.form == "plain":
            return a * b
        mean, std = m.ratio(8693, 1000), m.ratio(2427, 1000)
        if self.form == "printed":
            return m.log(a) * (b - mean) / std
        if self.form == "inside":
            return (m.log(a) + m.log(b - mean)) / std
        return (m.log(a) + m.log(b) - mean) / std

    def _partial(self, x: Point, m: Any) -> tuple[Any, Any, Any, Any, Any]:
        """First and second derivatives in u and v: f_u, f_v, f_uu, f_uv, f_vv."""
        (a, a1, a2), (b, b1, b2) = factors(*self._variables(x), m)
        if self.form == "plain":
            return a1 * b, a * b1, a2 * b, a1 * b1, a * b2
        mean, std = m.ratio(8693, 1000), m.ratio(2427, 1000)
        log_1, log_2 = a1 / a, a2 / a - m.square(a1 / a)
        if self.form == "printed":
            c, log_0 = b - mean, m.log(a)
            return log_1 * c / std, log_0 * b1 / std, log_2 * c / std, log_1 * b1 / std, log_0 * b2 / std
        c = b - mean if self.form == "inside" else b
        return log_1 / std, b1 / c / std, log_2 / std, 0 * log_1, (b2 / c - m.square(b1 / c)) / std

    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        fu, fv, *_ = self._partial(x, m)
        scale = 4 if self.unit else 1
        return [scale * (fu + 2 * fv), scale * (fu - 3 * fv)]

    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        _, _, uu, uv, vv = self._partial(x, m)
        scale = 16 if self.unit else 1
        mixed = scale * (uu - uv - 6 * vv)
        return [[scale * (uu + 4 * uv + 4 * vv), mixed], [mixed, scale * (uu - 6 * uv + 9 * vv)]]
