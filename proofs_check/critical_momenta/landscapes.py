"""Test functions of section 4 and A.2.1: Ackley, Levy, counts of minima; and the claims of the whole section."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from analysis.landscapes import BALLS, SYMBOLS, Ackley, Levy

from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import goldstein_price, mixture, sharpness, two_well
from .goldstein_price import SCALED_TEXT
from .minima import Minima, located, several_minima
from .mixture import CONE, RIPPLE
from .places import Place, global_minimum_lies_in

X, Y = sp.symbols("x y", real=True)

ACKLEY_TEXT = f"-20*{CONE}-{RIPPLE}+e+20"
W, Z = "(1+(x-1)/4)", "(1+(y-1)/4)"
LEVY_REST = f"({W}-1)**2*(1+10*sin(pi*{W}+1)**2)+({Z}-1)**2*(1+sin(2*pi*{Z})**2)"
LEVY_TEXT = {
    "first": f"sin(pi*{W})**2+{LEVY_REST}",
    "last": f"sin(pi*{Z})**2+{LEVY_REST}",
    "all": f"sin(pi*{W})**2+sin(pi*{Z})**2+{LEVY_REST}",
}


# Ackley


def _ackley_beyond(infimum: Any) -> Mapping[str, bool]:
    """f = 20 (1 - E) + (e - W), where E <= 1 with equality at the origin alone, and W <= e."""
    r = sp.sqrt((X**2 + Y**2) / 2)
    split = 20 * (1 - sp.exp(-r / 5)) + (sp.E - sp.exp((sp.cos(2 * sp.pi * X) + sp.cos(2 * sp.pi * Y)) / 2))
    return {
        "f = 20 (1 - exp(-r/5)) + (e - exp((cos 2 pi x + cos 2 pi y)/2)), both >= 0, the first zero at r = 0 only": (
            is_zero(Ackley().formula((X, Y), SYMBOLS) - split)
        ),
        "f(0, 0) = 0": is_zero(Ackley().formula((sp.Integer(0), sp.Integer(0)), SYMBOLS)),
        "the searched box goes down to 0": bool(infimum.contains(0)),
    }


@dataclass(frozen=True)
class Rim:
    """On [-5, 5]^2 every minimum other than the origin has ``low < h_max < high``; values rise with the distance."""

    low: Fraction
    high: Fraction


def _rim(statement: Rim, budget: Budget) -> list[Evidence]:
    del budget
    found = located(Ackley(), (Fraction(1, 4), -5), (5, 5))
    # f is even in x and symmetric: the strip |x| < 1/4 is the strip |y| < 1/4 turned, but for the centre.
    minima = [p for p in found.points if p.kind == "minimum"]
    axis = [p for p in minima if abs(p.point[1]) < 0.25]
    total = 2 * len(minima) + 2 * len(axis)
    low, high = BALLS.number(statement.low), BALLS.number(statement.high)
    steps = {
        "the list of critical points is complete": found.complete,
        "one minimum near every lattice point of the box but the origin": total == 120,
        "every curvature within the stated range": all(low < p.sharpness < high for p in minima),
        "x sin(2 pi x) > 0 for 0 < |x| < 1/2, so that no critical point is near the origin": is_zero(
            sp.diff(sp.exp((sp.cos(2 * sp.pi * X) + sp.cos(2 * sp.pi * Y)) / 2), X)
            + sp.pi * sp.sin(2 * sp.pi * X) * sp.exp((sp.cos(2 * sp.pi * X) + sp.cos(2 * sp.pi * Y)) / 2)
        ),
    }
    curvatures = sorted(float(p.sharpness.mid()) for p in minima)
    rings = {}
    for p in sorted(minima, key=lambda p: math.hypot(*p.point)):
        rings[f"r = {math.hypot(*p.point):.4f}"] = [float(p.value.mid()), float(p.sharpness.mid())]
    envelope = {f"r = {r}": 20 * 0.2 / math.sqrt(2) * math.exp(-0.2 * r / math.sqrt(2)) for r in (0, 1, 5, 10, 32)}
    data = {
        "minima besides the origin": total,
        "h_max, smallest and largest": [curvatures[0], curvatures[-1]],
        "distance: value, h_max": rings,
        "slope of the cone without ripple": envelope,
    }
    return [Exact("ball", steps, data)]


def _kink(slope: Any) -> Identity:
    """Directional derivative of (11) at the origin, along an axis."""
    t = sp.Symbol("t", positive=True)
    along = Ackley().formula((t, sp.Integer(0)), SYMBOLS)
    return Identity(sp.limit(sp.diff(along, t), t, 0, "+"), slope)


# Levy


def _levy_beyond(first: Any) -> Any:
    def steps(infimum: Any) -> Mapping[str, bool]:
        """Each term less (w_i - 1)^2 is a sum of squares: f = 0 at x = (1, ..., 1) alone, for every d.

        f is the sum of one first, d - 2 inner and one last term, or of a single one.
        """
        x = sp.Symbol("x", real=True)
        w, decided = 1 + (x - 1) / 4, {"the searched box goes down to 0": bool(infimum.contains(0))}
        for name, index, dim in (("only", 0, 1), ("first", 0, 3), ("inner", 1, 3), ("last", 2, 3)):
            waves = first == "all" or index == (0 if first == "first" else dim - 1)
            body = (w - 1) ** 2 * (sp.sin(2 * sp.pi * w) ** 2 if index == dim - 1 else 10 * sp.sin(sp.pi * w + 1) ** 2)
            term = Levy(first).term(index, dim).value
            gap = term(x, SYMBOLS) - (w - 1) ** 2 - body - (sp.sin(sp.pi * w) ** 2 if waves else 0)
            decided[f"{name} term: (w - 1)^2 and squares"] = sp.expand(gap) == 0
            decided[f"{name} term vanishes at 1"] = is_zero(term(sp.Integer(1), SYMBOLS))
        return decided

    return steps


def _levy_place(first: Any, point: tuple[int, int]) -> Place:
    return Place(Levy(first), LEVY_TEXT[first], point, point, (-10, -10), (10, 10), _levy_beyond(first))


CLAIMS = [
    Claim(
        id="critical-momenta/ackley",
        location="(11), section 4",
        statement=r"(11) has its global minimum at $(0,0)$; a nearly flat outer region with many sharp minima and a "
        r"hole at the centre. Judged of the last: on $[-5,5]^2$ one minimum near every lattice point, each with "
        r"$h_{\max}$ between 52 and 56.",
        figures=("critical-momenta/figure-4", "critical-momenta/figure-13"),
        parts=(
            Part(
                "global minimum at the origin, alone",
                global_minimum_lies_in,
                printed=Place(Ackley(), ACKLEY_TEXT, (0, 0), (0, 0), (-5, -5), (5, 5), _ackley_beyond, 1e-6),
                broken=Place(Ackley(), ACKLEY_TEXT, (1, 0), (1, 0), (-5, -5), (5, 5), _ackley_beyond, 1e-6),
                note=r"Infimum 0, attained at the origin only, on the whole plane. (11) is the usual two-dimensional "
                r"form of Ackley's function.",
            ),
            Part(
                "many sharp minima outside",
                _rim,
                printed=Rim(Fraction(52), Fraction(56)),
                broken=Rim(Fraction(54), Fraction(56)),
                note=r"Besides the origin there are 120 minima on $[-5,5]^2$, with $52.97\le h_{\max}\le55.07$ at "
                r"every distance; values rise from 2.58 to 12.63. The slope of the cone without ripple is "
                r"$2\sqrt2e^{-r\sqrt2/10}$, $r$ the distance: 2.83, 1.39 at 5, 0.69 at 10, 0.03 at 32. The outer "
                r"region is flat in the limit only, not in the plotted box.",
            ),
            Part(
                "smoothness at the global minimum",
                symbolic_identity,
                printed=_kink(2 * sp.sqrt(2)),
                broken=_kink(0),
                bears=False,
                note=r"The origin is a cone with slope $2\sqrt2$ in every direction, not a smooth minimum: there is no "
                r"Hessian, and $h_{\max}\to\infty$ on the way to it (like $2\sqrt2/r$). By the paper's own measure "
                r"the global minimum is the sharpest of all.",
            ),
        ),
    ),
    *goldstein_price.CLAIMS,
    Claim(
        id="critical-momenta/levy",
        location="(13)",
        statement=r"$f=\sin^2(\pi w)+\sum_{i<d}(w_i-1)^2[1+10\sin^2(\pi w_i+1)]+(w_d-1)^2[1+\sin^2(2\pi w_d)]$, "
        r"$w_i=1+(x_i-1)/4$, has its global minimum at $(1,\dots,1)$, for every completion of the first $w$.",
        figures=("critical-momenta/table-1",),
        parts=tuple(
            Part(
                f"global minimum at (1, 1), first w is {meaning}",
                global_minimum_lies_in,
                printed=_levy_place(first, (1, 1)),
                broken=_levy_place(first, (1, 2)),
                note=r"$f=\sum_i(w_i-1)^2+$ squares, zero at $(1,\dots,1)$ only, for every $d$. $h_{\max}$ there: "
                r"2.2438 with $w_1$ and $d=2$."
                if first == "first"
                else "",
            )
            for first, meaning in (("first", "w_1, the source's"), ("last", "w_d"), ("all", "every w_i, summed"))
        ),
    ),
    Claim(
        id="critical-momenta/one-global-minimum-each",
        location="section 4",
        statement="The Goldstein-Price and Levy functions have several local minima and one global minimum.",
        assumptions=(r"(12) with its brackets repaired; Levy with $w_1$ in the first term",),
        parts=(
            Part(
                "Goldstein-Price, on the plane",
                goldstein_price._several_minima,
                printed=("scaled", 4, 1),
                broken=("scaled", 4, 2),
                note="Four local minima, one global; complete, since the factors' critical points are known exactly.",
            ),
            Part(
                "Levy, d = 2, in [-10, 10]^2",
                several_minima,
                printed=Minima(Levy(), (-10, -10), (10, 10), 1),
                broken=Minima(Levy(), (-10, -10), (10, 10), 2),
                note="40 local minima (75 saddles, 35 maxima) with values 0 to 12.28 and curvatures 2.24 to 64.68; "
                r"uniqueness of the global one on the plane and for all $d$: see levy.",
            ),
            Part(
                "(12) with its brackets as printed",
                global_minimum_lies_in,
                printed=goldstein_price._place("printed", goldstein_price.PRINTED_TEXT, False, (-1, -1), (1, 1), None),
                broken=goldstein_price._place("scaled", SCALED_TEXT, False, (1, 1), (1, 1)),
                sound=goldstein_price._place("scaled", SCALED_TEXT, False, (-1, -1), (1, 1)),
                bears=False,
                note=r"The printed display has no global minimum: it is unbounded below (see goldstein-price); the "
                r"witness here is a point outside $[-1,1]^2$ below everything in it.",
            ),
        ),
    ),
    *mixture.CLAIMS,
    *two_well.CLAIMS,
    *sharpness.CLAIMS,
]
