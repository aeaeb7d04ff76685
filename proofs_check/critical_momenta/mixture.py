"""Ackley's function mixed with Rosenbrock's, (14): where its global minimum is, with either sign."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from analysis.landscapes import BALLS, SYMBOLS, AckleyRosenbrock
from analysis.minima import critical_points

from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness
from .minima import Minima, several_minima
from .places import Place, global_minimum_lies_in

X, Y = sp.symbols("x y", real=True)
CONE = "exp(-0.2*sqrt(0.5*(x**2+y**2)))"
RIPPLE = "exp(0.5*(cos(2*pi*x)+cos(2*pi*y)))"


def _mixture_text(sign: int) -> str:
    return f"0.05*(1-x)**2+0.05*(y-x**2)**2+0.6*({'' if sign > 0 else '-'}{CONE}-{RIPPLE}+e)"


def _mixture_beyond(sign: Any, low: Any, high: Any) -> Any:
    """For a box with 1 between its ends in x, 0 above its lower end in y and all x^2 below its upper one."""

    def steps(infimum: Any) -> Mapping[str, bool]:
        """f = ((1 - x)^2 + (y - x^2)^2) / 20 + 3/5 (sign E + (e - W)) with 0 < E <= 1, W <= e."""
        floor = BALLS.ratio(0, 1) if sign > 0 else BALLS.ratio(-3, 5)
        (left, bottom), (right, top) = ([Fraction(c) for c in corner] for corner in (low, high))
        # Lower bounds of (1 - x)^2 + (y - x^2)^2 left and right of, below and above the box that is searched.
        gaps = {
            f"x < {left}": 1 - left,
            f"x > {right}": right - 1,
            f"y < {bottom}": -bottom,
            f"y > {top}": top - max(left**2, right**2),
        }
        off = (1 - X) ** 2 / 20 + (Y - X**2) ** 2 / 20
        r = sp.sqrt((X**2 + Y**2) / 2)
        ripple = sp.exp((sp.cos(2 * sp.pi * X) + sp.cos(2 * sp.pi * Y)) / 2)
        split = off + sp.Rational(3, 5) * (sign * sp.exp(-r / 5) + (sp.E - ripple))
        decided = {
            "f is the sum of its bounded parts": is_zero(AckleyRosenbrock(sign).formula((X, Y), SYMBOLS) - split)
        }
        for side, gap in gaps.items():
            above = BALLS.number(gap**2) / 20 + floor > infimum.upper()
            decided[f"{side}: f above the infimum"] = gap >= 0 and bool(above)
        return decided

    return steps


def _mixture_place(sign: Any, low: Any, high: Any) -> Place:
    wide = ((-1, -2), (2, 5)) if sign < 0 else (_decimals("-1.7", "-2.7"), _decimals("3.7", "16.4"))
    beyond = _mixture_beyond(sign, *wide)
    return Place(AckleyRosenbrock(sign), _mixture_text(sign), low, high, *wide, beyond, 1e-9)


def _decimals(*texts: str) -> tuple[Any, ...]:
    return tuple(Fraction(text) for text in texts)


def _rounded(x: str, y: str) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
    """The box of all points that round to the given decimals."""
    ends = []
    for text in (x, y):
        digits = len(text.partition(".")[2])
        ends.append((Fraction(text) - Fraction(1, 2 * 10**digits), Fraction(text) + Fraction(1, 2 * 10**digits)))
    return (ends[0][0], ends[1][0]), (ends[0][1], ends[1][1])


CRITICAL_REPLAY = """
import math
h, (x, y) = 1e-6, witness["point"]
def value(x, y):
    return eval(witness["formula"], dict(vars(math), x=x, y=y))
slope = math.hypot((value(x + h, y) - value(x - h, y)) / (2 * h), (value(x, y + h) - value(x, y - h)) / (2 * h))
violated = slope > 0.1
"""


def _critical_place(statement: tuple[Any, Any], budget: Budget) -> list[Evidence]:
    """Whether some critical point rounds to the stated one."""
    del budget
    sign, (low, high) = statement
    at = AckleyRosenbrock(sign)
    found = critical_points(at, low, high)
    if found.points:
        steps = {"a critical point rounds to it": True}
        return [Exact("ball", steps, {"points": [[str(c) for c in p.box] for p in found.points]})]
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    slopes = at.formula_gradient([BALLS.number(c) for c in middle], BALLS)
    size = (BALLS.square(slopes[0]) + BALLS.square(slopes[1])).sqrt()
    point = [float(c) for c in middle]
    scope: dict[str, Any] = {"witness": {"point": point, "formula": _mixture_text(sign)}}
    exec(CRITICAL_REPLAY, scope)
    return [
        Witness(
            point={"point": point, "formula": _mixture_text(sign), "gradient": [str(g) for g in slopes]},
            first=Way("ball arithmetic: no critical point in the box of rounding, |gradient|", float(size), "<=", 0.0),
            second=Way("central differences of the printed formula", scope["slope"], "<=", 0.0, margin=1e-3),
            replay=CRITICAL_REPLAY,
        )
    ]


CLAIMS = [
    Claim(
        id="critical-momenta/ackley-rosenbrock",
        location="(14)",
        statement=r"$f=0.05(1-x)^2+0.05(y-x^2)^2+0.6[\pm e^{-0.2\sqrt{(x^2+y^2)/2}}-e^{(\cos2\pi x+\cos2\pi y)/2}+e]$ "
        r"has its global minimum at $(2.1,3.9)$. Judged with all points that round to it.",
        figures=("critical-momenta/figure-11",),
        parts=(
            Part(
                "global minimum, sign + as printed",
                global_minimum_lies_in,
                printed=_mixture_place(1, *_rounded("2.1", "3.9")),
                broken=_mixture_place(1, *_rounded("1.0", "1.0")),
                repair=_mixture_place(1, *_rounded("2.9946", "9.0006")),
                repair_note=r"The global minimum on the plane is 0.356326 at $(2.9946,9.0006)$, $h_{\max}=35.92$.",
                reading="plus",
                note=r"Near $(2.1,3.9)$ (rounding included) the function stays above 0.4559; on the plane it goes "
                r"down to 0.35633.",
            ),
            Part(
                "global minimum, sign -",
                global_minimum_lies_in,
                printed=_mixture_place(-1, *_rounded("2.1", "3.9")),
                broken=_mixture_place(-1, *_rounded("1.0", "1.0")),
                repair=_mixture_place(-1, *_rounded("0.0005", "0.0000")),
                repair_note=r"The global minimum is $-0.5500036$ at $(0.000469,0)$, beside the kink at the origin, "
                r"$h_{\max}=213.1$.",
                reading="minus",
                note=r"With a minus sign the function is lowest near the origin. The origin itself, a kink, is not a "
                r"minimum: Rosenbrock's slope $0.1$ exceeds the cone's $0.6\sqrt2/10=0.085$.",
            ),
            *(
                Part(
                    f"a critical point rounds to (2.1, 3.9), sign {'+' if sign > 0 else '-'}",
                    _critical_place,
                    printed=(sign, _rounded("2.1", "3.9")),
                    broken=(sign, _rounded("2.3", "3.7")),
                    repair=(sign, _rounded("2.00", "4.00")),
                    repair_note=r"The nearest minimum is $(1.9977,4.0012)$ with sign $+$, $(1.9964,3.9987)$ with $-$.",
                    bears=False,
                    note=r"At $(2.1,3.9)$ the value is 0.6778 and the gradient $(2.79,-2.58)$ with sign $+$; 0.0364 "
                    r"and $(2.83,-2.50)$ with $-$. Neither is a critical point.",
                )
                for sign in (1, -1)
            ),
            Part(
                "sign +, over [-2, 2.5] x [-1, 6] only",
                global_minimum_lies_in,
                printed=Place(
                    AckleyRosenbrock(), _mixture_text(1), *_rounded("2.1", "3.9"), (-2, -1), (Fraction(5, 2), 6)
                ),
                broken=Place(
                    AckleyRosenbrock(), _mixture_text(1), *_rounded("1.0", "1.0"), (-2, -1), (Fraction(5, 2), 6)
                ),
                repair=Place(
                    AckleyRosenbrock(), _mixture_text(1), *_rounded("2.00", "4.00"), (-2, -1), (Fraction(5, 2), 6)
                ),
                repair_note=r"Over boxes that leave out $x\approx3$ the lowest point is $(1.9977,4.0012)$, 0.368653.",
                bears=False,
                note=r"In a window without $(3,9)$ the lowest point rounds to $(2.0,4.0)$, not to $(2.1,3.9)$.",
            ),
            Part(
                "several local minima, sign +, one global in [0.25, 3.5] x [-1.5, 10.5]",
                several_minima,
                printed=Minima(AckleyRosenbrock(), _decimals("0.25", "-1.5"), _decimals("3.5", "10.5"), 1),
                broken=Minima(AckleyRosenbrock(), _decimals("0.25", "-1.5"), _decimals("3.5", "10.5"), 2),
                bears=False,
                note=r"Complete list there: 33 minima, 53 saddles, 20 maxima, with values and $h_{\max}$ in the data; "
                r"$h_{\max}$ runs from 23.1 to 35.9, the global minimum being the sharpest. With the "
                r"sign $+$ the origin is a maximum of the cone, a kink.",
            ),
        ),
        main_reading="plus",
        reading_reason="(14) as extracted shows no sign; both readings are decided and give the same verdict",
    ),
]
