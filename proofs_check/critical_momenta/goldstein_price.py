"""The Goldstein-Price function of the paper: what (12) displays, where its minimum is, how flat its minima are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import sympy as sp

from analysis.landscapes import BALLS, SYMBOLS, GoldsteinPrice
from analysis.landscapes.goldstein_price import factors
from analysis.minima import Located, critical_points, largest_eigenvalue

from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness
from .places import Place, global_minimum_lies_in

X, Y, U, V = sp.symbols("x y u v", real=True)
A, B = sp.symbols("A B", positive=True)
MEAN, STD = sp.Rational(8693, 1000), sp.Rational(2427, 1000)
SOURCE = (sp.log(A) + sp.log(B) - MEAN) / STD

FIRST = "(1+(x+y+1)**2*(19-14*x+3*x**2-14*y+6*x*y+3*y**2))"
SECOND = "(30+(2*x-3*y)**2*(18-32*x+12*x**2+48*y-36*x*y+27*y**2))"
PRINTED_TEXT = f"log({FIRST})*({SECOND}-8.693)/2.427"
SCALED_TEXT = f"(log({FIRST}*{SECOND})-8.693)/2.427"
UNIT_TEXT = "(lambda x, y: " + SCALED_TEXT + ")(4*x-2, 4*y-2)"

# u = x + y and v = 2 x - 3 y at the critical points of A and of B; a maximum of the factor at u = 1 and v = 1.
CRITICAL = {(u, v): (sp.Rational(3 * u + v, 5), sp.Rational(2 * u - v, 5)) for u in (-1, 1, 2) for v in (0, 1, 3)}
MINIMA = {k: p for k, p in CRITICAL.items() if 1 not in k}


@cache
def _polynomials() -> dict[str, bool]:
    """Exact steps about the two factors, from the polynomials as (12) prints them."""
    names = {"x": X, "y": Y}
    (a, a1, a2), (b, b1, b2) = factors(U, V, SYMBOLS)
    at = {U: X + Y, V: 2 * X - 3 * Y}
    return {
        "the first printed bracket is A(x + y)": is_zero(sp.sympify(FIRST, locals=names) - a.subs(at)),
        "the second printed bracket is B(2 x - 3 y)": is_zero(sp.sympify(SECOND, locals=names) - b.subs(at)),
        "A - 1 = (u + 1)^2 (3 u^2 - 14 u + 19)": is_zero(a - 1 - (U + 1) ** 2 * (3 * U**2 - 14 * U + 19)),
        "3 u^2 - 14 u + 19 has no real zero": 14**2 < 4 * 3 * 19,
        "B - 3 = (v - 3)^2 (3 v^2 + 2 v + 3)": is_zero(b - 3 - (V - 3) ** 2 * (3 * V**2 + 2 * V + 3)),
        "3 v^2 + 2 v + 3 has no real zero": 2**2 < 4 * 3 * 3,
        "A' = 12 (u + 1)(u - 1)(u - 2)": is_zero(sp.diff(a, U) - 12 * (U + 1) * (U - 1) * (U - 2)),
        "B' = 12 v (v - 1)(v - 3)": is_zero(sp.diff(b, V) - 12 * V * (V - 1) * (V - 3)),
        "the derivatives of the landscape are these": is_zero(sp.diff(a, U) - a1) and is_zero(sp.diff(a, U, 2) - a2),
        "and these": is_zero(sp.diff(b, V) - b1) and is_zero(sp.diff(b, V, 2) - b2),
    }


def _beyond(infimum: Any) -> Mapping[str, bool]:
    """For the scaled forms, which increase in A B: A B >= 3 on the plane, with equality at u = -1, v = 3 alone."""
    lowest = (BALLS.number(3).log() - BALLS.ratio(8693, 1000)) / BALLS.ratio(2427, 1000)
    return _polynomials() | {
        "u = -1, v = 3 is the point (0, -1)": MINIMA[-1, 3] == (0, -1),
        "the searched box goes down to (log 3 - 8.693) / 2.427": bool(infimum.overlaps(lowest)),
    }


def _place(form: Any, text: str, unit: bool, low: Any, high: Any, beyond: Any = _beyond) -> Place:
    wide = ((0, 0), (1, 1)) if unit else ((-2, -2), (2, 2))
    return Place(GoldsteinPrice(form, unit), text, low, high, *wide, beyond, 1e-3 if form == "printed" else 1e-7)


def _several_minima(statement: tuple[Any, int, int], budget: Budget) -> list[Evidence]:
    """Number of local minima on the plane, and of global ones, of a form that increases in A B."""
    form, local, lowest = statement
    at = GoldsteinPrice(form)
    steps = dict(_polynomials())
    values = {}
    for (u, v), point in CRITICAL.items():
        gradient = at.formula_gradient(point, SYMBOLS)
        hessian = sp.Matrix(at.formula_hessian(point, SYMBOLS))
        steps[f"critical: u = {u}, v = {v}"] = all(is_zero(g) for g in gradient)
        if hessian.det() > 0 and hessian.trace() > 0:
            values[point] = at.formula(point, SYMBOLS)
    best = min(values.values(), key=float)
    steps[f"{local} local minima"] = len(values) == local
    steps[f"{lowest} of them lowest"] = sum(is_zero(v - best) for v in values.values()) == lowest
    found = _nine()
    steps["branch and bound on [-2, 2]^2 finds the same nine critical points and no other"] = (
        found.complete
        and len(found.points) == 9
        and all(
            sum(p.box[0].overlaps(_ball(x)) and p.box[1].overlaps(_ball(y)) for p in found.points) == 1
            for x, y in CRITICAL.values()
        )
    )
    return [Exact("symbolic", steps, {"values at the minima": {str(p): str(v) for p, v in values.items()}})]


@cache
def _nine() -> Located:
    return critical_points(GoldsteinPrice("plain"), (-2, -2), (2, 2))


def _ball(value: Any) -> Any:
    return BALLS.ratio(int(value.p), int(value.q))


def _sharpness(form: Any, unit: bool = False) -> dict[tuple[int, int], tuple[Any, Any]]:
    """(value, h_max) as balls at each local minimum."""
    table = {}
    for key, point in MINIMA.items():
        x = [_ball((c + 2) / 4 if unit else c) for c in point]
        at = GoldsteinPrice(form, unit)
        table[key] = (at.formula(x, BALLS), largest_eigenvalue(at.formula_hessian(x, BALLS)))
    return table


@dataclass(frozen=True)
class Flattest:
    """The lowest of the local minima is the flattest (or ``place``-th flattest, from 0) of them."""

    form: Any
    unit: bool = False
    place: int = 0


FLAT_REPLAY = """
import math
text = witness["formula"]
def value(x, y):
    return eval(text, dict(vars(math), x=x, y=y))
def top(p, h=1e-4):
    x, y = p
    f = value(x, y)
    xx = (value(x + h, y) - 2 * f + value(x - h, y)) / h**2
    yy = (value(x, y + h) - 2 * f + value(x, y - h)) / h**2
    xy = (value(x + h, y + h) - value(x + h, y - h) - value(x - h, y + h) + value(x - h, y - h)) / (4 * h * h)
    return (xx + yy) / 2 + math.hypot((xx - yy) / 2, xy)
low, flat = witness["lowest minimum"], witness["flatter minimum"]
violated = value(*low) < value(*flat) and top(low) > 1.01 * top(flat)
"""
TEXTS = {("scaled", False): SCALED_TEXT, ("scaled", True): UNIT_TEXT, ("plain", False): f"{FIRST}*{SECOND}"}


def _lowest_is_flattest(statement: Flattest, budget: Budget) -> list[Evidence]:
    del budget
    table = _sharpness(statement.form, statement.unit)
    by_value = sorted(table, key=lambda k: float(table[k][0].mid()))
    by_top = sorted(table, key=lambda k: float(table[k][1].mid()))
    lowest = by_value[0]
    data = {
        f"({MINIMA[k][0]}, {MINIMA[k][1]})": {"value": str(table[k][0]), "h_max": str(table[k][1])} for k in by_value
    }
    certain = all(table[a][1] < table[b][1] for a, b in pairwise(by_top)) and all(
        table[a][0] < table[b][0] for a, b in pairwise(by_value)
    )
    if by_top.index(lowest) == statement.place:
        return [Exact("ball", {"values and curvatures certainly ordered": certain, "place as stated": True}, data)]
    flat = by_top[statement.place]
    text = TEXTS[statement.form, statement.unit]
    move = (lambda c: float(c + 2) / 4) if statement.unit else float
    point = {
        "formula": text,
        "lowest minimum": [move(c) for c in MINIMA[lowest]],
        "flatter minimum": [move(c) for c in MINIMA[flat]],
    }
    scope: dict[str, Any] = {"witness": point}
    exec(FLAT_REPLAY, scope)
    tops = [scope["top"](point[name]) for name in ("lowest minimum", "flatter minimum")]
    way = Way(
        "ball arithmetic of the exact Hessians", float(table[lowest][1].lower()), "<=", float(table[flat][1].upper())
    )
    if not way.violated:  # it is flatter than the stated place says
        return [Exact("ball", {"place as stated": False}, data)]
    second = Way("second differences of the printed formula", tops[0], "<=", tops[1], margin=1e-2 * tops[1])
    return [Witness(point | {"all minima": data}, way, second, FLAT_REPLAY)]


def _along_the_valley(sign: int) -> Identity:
    """(12) as printed on 2 x - 3 y = 3, as a function of u = x + y, against a multiple of log A."""
    point = [(3 * U + 3) / 5, (2 * U - 3) / 5]
    value = GoldsteinPrice("printed").formula(point, SYMBOLS)
    return Identity(value, sign * sp.Rational(5693, 2427) * sp.log(factors(U, V, SYMBOLS)[0][0]))


CLAIMS = [
    Claim(
        id="critical-momenta/goldstein-price",
        location="(12)",
        statement=r"Display (12), $\frac1{2.427}\log[A]\times[B-8.693]$ with $A=1+(x+y+1)^2(\dots)$, "
        r"$B=30+(2x-3y)^2(\dots)$. Judged: it is the rescaled logarithm $(\log(AB)-8.693)/2.427$ of the "
        "Goldstein-Price function, as in the cited source.",
        assumptions=(r"natural logarithm; $A\ge1$ and $B\ge3$ take all these values independently",),
        figures=("critical-momenta/table-1", "critical-momenta/figure-14"),
        parts=(
            Part(
                "the display is the source's function of A and B",
                symbolic_identity,
                printed=Identity(sp.log(A) * (B - MEAN) / STD, SOURCE, {A: (1, 2, 28), B: (3, 30, 35)}),
                broken=Identity((sp.log(A) + sp.log(B) + MEAN) / STD, SOURCE, {A: (1, 2, 28), B: (3, 30, 35)}),
                repair=Identity(sp.expand_log(sp.log(A * B) - MEAN) / STD, SOURCE, {A: (1, 2, 28), B: (3, 30, 35)}),
                repair_note=r"$\frac1{2.427}\bigl[\log([A]\times[B])-8.693\bigr]$: both brackets under the logarithm, "
                r"$8.693$ outside of it.",
                note=r"As closed in print only $A$ stands under the logarithm and $8.693$ is taken from $B$. With "
                r"$u=x+y$, $v=2x-3y$ the function is $A(u)B(v)$ in every form. In print it is critical, with value 0, "
                r"on the whole line $x+y=-1$. If all that follows the logarithm were under it, the function would be "
                r"undefined where $B\le8.693$, at its minimum too.",
            ),
            Part(
                "(12) as printed has its global minimum at (0, -1)",
                global_minimum_lies_in,
                printed=_place("printed", PRINTED_TEXT, False, (0, -1), (0, -1), None),
                broken=_place("scaled", SCALED_TEXT, False, (1, 1), (1, 1)),
                repair=_place("scaled", SCALED_TEXT, False, (0, -1), (0, -1)),
                repair_note=r"$(\log(AB)-8.693)/2.427$: minimum $(\log3-8.693)/2.427=-3.1291$ at $(0,-1)$ alone.",
                bears=False,
                note=r"As printed the infimum is $-\infty$: on $v=3$, where $B-8.693=-5.693$, it falls like "
                r"$-2.35\log A(u)$. Infimum of $AB$ is 3 at $(0,-1)$; the plane is covered by "
                r"$A-1=(u+1)^2(3u^2-14u+19)$ and $B-3=(v-3)^2(3v^2+2v+3)$.",
            ),
            Part(
                "(12) as printed falls without bound along 2 x - 3 y = 3",
                symbolic_identity,
                printed=_along_the_valley(-1),
                broken=_along_the_valley(1),
                bears=False,
                note=r"There it is $-\frac{5693}{2427}\log A(u)$, and $A(u)=3u^4-8u^3-\dots\to\infty$.",
            ),
            Part(
                "all critical points of the repaired form: nine, four of them minima",
                _several_minima,
                printed=("scaled", 4, 1),
                broken=("scaled", 3, 1),
                bears=False,
                note=r"$u\in\{-1,1,2\}\times v\in\{0,1,3\}$, minima without the ones: $(0,-1)$, $(-\frac35,-\frac25)$, "
                r"$(\frac95,\frac15)$, $(\frac65,\frac45)$ with $AB=3,30,84,840$. In the source's variables the points "
                r"are $(x+2)/4$ and curvatures are 16 times larger.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/goldstein-price-minimum-place",
        location="A.2.1, after (12)",
        statement=r"The global minimum of (12) lies in $[0,1]^2$.",
        parts=(
            Part(
                "place, in the variables of (12) with its brackets repaired",
                global_minimum_lies_in,
                printed=_place("scaled", SCALED_TEXT, False, (0, 0), (1, 1)),
                broken=_place("scaled", SCALED_TEXT, False, (1, 0), (2, 1)),
                repair=_place("scaled", UNIT_TEXT, True, (Fraction(1, 2), Fraction(1, 4)), (0.5, 0.25)),
                repair_note=r"In the source's variables, $(x,y)\to(4x-2,4y-2)$, the square is the domain and the "
                r"minimum lies in it, at $(\frac12,\frac14)$; in those of (12) it is at $(0,-1)$.",
                note=r"In the variables of (12) the minimum $-3.1291$ is at $(0,-1)$, outside the square, on which the "
                r"function stays above it.",
            ),
            Part(
                "place, (12) exactly as printed",
                global_minimum_lies_in,
                printed=_place("printed", PRINTED_TEXT, False, (0, 0), (1, 1), None),
                broken=_place("printed", PRINTED_TEXT, False, (1, 0), (2, 1), None),
                sound=_place("scaled", SCALED_TEXT, False, (0, -1), (1, 0)),
                bears=False,
                note=r"As printed the function is unbounded below and has no global minimum; already on $[-2,2]^2$ "
                r"lower values lie outside the square.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/gp-flat-region-contains-minimum",
        location="1, figure 1",
        statement=r"On GP the flat region contains the global minimum, other regions are higher and often sharper. "
        r"Judged: of the local minima of (12), brackets repaired, the lowest has the smallest $h_{\max}$.",
        figures=("critical-momenta/figure-1",),
        parts=(
            Part(
                "the lowest minimum is the flattest",
                _lowest_is_flattest,
                printed=Flattest("scaled"),
                broken=Flattest("scaled", place=1),
                sound=Flattest("plain"),
                note=r"It is the sharpest of the four: $h_{\max}=132.56$ at $(0,-1)$, against 59.61, 128.59 and 6.476 "
                r"in the order of rising values: the flattest, $(\frac65,\frac45)$, is the highest. No average of "
                r"$h_{\max}$ over minima can lie below 6.476; table 1 prints 1.36 to 1.51.",
            ),
            Part(
                "the same in the source's variables",
                _lowest_is_flattest,
                printed=Flattest("scaled", unit=True),
                broken=Flattest("scaled", unit=True, place=1),
                sound=Flattest("plain"),
                bears=False,
                note="All curvatures are 16 times larger; the order is the same.",
            ),
            Part(
                "without the logarithm",
                _lowest_is_flattest,
                printed=Flattest("plain"),
                broken=Flattest("plain", place=1),
                bears=False,
                note=r"For $AB$ itself it is true: $h_{\max}=965$ at $(0,-1)$ against 4340, 13203 and 26216. The "
                r"logarithm divides the curvature at each minimum by its value and turns the order round.",
            ),
        ),
    ),
]
