"""Section 3: which conditions of the theorems (16) gives to AdaSAM, and the argument (25) for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import tiny

Requirement = Literal["delta", "alpha <= beta^(1/2)", "(14)", "step bound"]
Rule = Literal["fixed", "line 9", "imposed"]

# How alpha is chosen: the smallest of 1 and of the bounds that the named requirements set.
RULES: dict[Rule, tuple[Requirement, ...]] = {
    "fixed": (),
    "line 9": ("(14)",),
    "imposed": ("alpha <= beta^(1/2)", "(14)"),
}


def damping(rule: Rule, beta: Fraction, limit: Fraction) -> Fraction:
    """``alpha`` by the rule; ``limit`` is the largest that (14) admits."""
    bounds: dict[Requirement, Fraction] = {"alpha <= beta^(1/2)": tiny.square_root_below(beta), "(14)": limit}
    return min([Fraction(1), *(bounds[name] for name in RULES[rule])])


INHERITS_REPLAY = """
import numpy as np
from fractions import Fraction
v = {k: float(Fraction(str(x))) for k, x in witness.items() if k not in ("requirement", "rule")}
x, r, beta, mu = (v[k] for k in ("X", "R", "beta", "mu"))
delta = max(v["c1"] * v["r"] ** 2 / (x * x + v["epsilon"]), v["c2"] / beta**2)
stacked = np.array([[r], [delta**0.5 * x]])
half = (x + beta * r) * float(np.linalg.lstsq(stacked, np.array([1.0, 0.0]), rcond=None)[0][0])
low, alpha = 0.0, min(1.0, beta**0.5) if witness["rule"] == "imposed" else 1.0
if witness["rule"] != "fixed" and beta - alpha * half < beta * mu:  # (13): the largest alpha by bisection
    for _ in range(60):
        middle = 0.5 * (low + alpha)
        low, alpha = (middle, alpha) if beta - middle * half >= beta * mu else (low, middle)
C = v["c2"] or 0.01
left, right = {
    "delta": (C / beta**2, delta),
    "alpha <= beta^(1/2)": (alpha, beta**0.5),
    "(14)": (alpha * half, beta * (1 - mu)),
    "step bound": (beta, mu / (4 * abs(r / x) * (1 + 1 / C))),
}[witness["requirement"]]
violated = left > right + 1e-6
"""


@dataclass(frozen=True)
class Inherits:
    """(16) with ``alpha`` by the named rule meets the named requirements of the theorems; ``c2`` are admitted."""

    requirements: tuple[Requirement, ...]
    rule: Rule
    c2: tuple[Fraction, ...] = (Fraction(0), Fraction(1, 100), Fraction(1))


def inherits(statement: Inherits, budget: Budget) -> list[Evidence]:
    """One-column histories with (16): requirement by requirement; ``C = c_2`` (1/100 if that is 0).

    In rationals with (14) solved for alpha; then by least squares and a bisection of (13).
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for name, c2, beta, x, r in product(
            statement.requirements, statement.c2, (Fraction(1, 4), Fraction(1, 16)),
            (Fraction(1), Fraction(9), Fraction(1, 200)), (Fraction(1, 2), Fraction(-2)),
        ):  # fmt: skip
            yield {
                "requirement": name, "rule": statement.rule, "c1": Fraction(1, 100), "c2": c2, "beta": beta, "X": x,
                "R": r, "r": Fraction(1), "mu": Fraction(1, 2), "epsilon": Fraction(1, 1000),
            }  # fmt: skip

    def sides(point: Any) -> tuple[Fraction, Fraction]:
        x, r, beta, mu, c2 = (point[k] for k in ("X", "R", "beta", "mu", "c2"))
        delta = max(point["c1"] * point["r"] ** 2 / (x * x + point["epsilon"]), c2 / beta**2)
        half = (x + beta * r) * r / (r * r + delta * x * x)
        limit = beta * (1 - mu) / half if half > 0 else Fraction(1)
        alpha, c = damping(statement.rule, beta, limit), c2 or Fraction(1, 100)
        both: dict[Requirement, tuple[Fraction, Fraction]] = {
            "delta": (c / beta**2, delta),
            "alpha <= beta^(1/2)": (alpha**2, beta),
            "(14)": (alpha * half, beta * (1 - mu)),
            "step bound": (beta, mu / (4 * abs(r / x) * (1 + 1 / c))),  # L is |Delta r / Delta x| at least
        }
        return both[point["requirement"]]

    def again(point: Any) -> tuple[float, float]:
        scope: dict[str, Any] = {"witness": point}
        exec(INHERITS_REPLAY, scope)
        return float(scope["left"]), float(scope["right"])

    def proof(budget: Budget) -> list[Evidence]:
        """max{u, v} >= v, with u = v + g or u = v - g, gives ``delta``; a minimum meets the bounds it is taken of."""
        a, c2, beta, g = sp.symbols("a c2 beta g", positive=True)
        found = inequality(
            {
                "the first term is larger": Inequality(c2 / beta**2, "<=", c2 / beta**2 + g),
                "min{a, a + g} <= a": Inequality(a, "<=", a + g),
            },
            budget,
        )
        given = {
            f"{name}: c_2 > 0" if name == "delta" else f"{name}: {statement.rule} alpha is a minimum with its bound": (
                min(statement.c2) > 0 if name == "delta" else name in RULES[statement.rule]
            )
            for name in statement.requirements
        }
        return [*found, Exact("symbolic", given)]

    methods = ("exact arithmetic", "least squares and bisection")
    return for_all(ForAll(points, sides, "<=", again, INHERITS_REPLAY, methods, (0.0, 1e-6), proof=proof), budget)


@dataclass(frozen=True)
class Curvature:
    """``c_1 |r|^2 / (s^2 + epsilon) >= factor c_1 h^-2 beta^-2`` where ``s = beta h_k |r|``, ``h_k < h``."""

    epsilon: bool
    factor: int = 1


def curvature(statement: Curvature, budget: Budget) -> list[Evidence]:
    """The last link of (25) with and without the constant in (16)'s denominator."""
    c1, beta, hk, over, res, eps = sp.symbols("c1 beta h_k o r epsilon", positive=True)
    left = c1 * res**2 / (beta**2 * hk**2 * res**2 + (eps if statement.epsilon else 0))
    bound = statement.factor * c1 / ((hk + over) ** 2 * beta**2)
    return inequality({"c1 |r|^2 / s^2": Inequality(left, ">=", bound)}, budget)


def step_ratio(statement: Fraction, budget: Budget) -> list[Evidence]:
    """``|x_k - x_(k-1)|`` equals ``|x_(k+1) - x_k|`` up to the stated factor, on all paths of tiny problems."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for problem in tiny.PROBLEMS:
            betas = [Fraction(1, 16)] * budget.pick(4, 5)
            tree = tiny.levels(problem, Fraction(3), betas, Fraction(1), Fraction(1, 10), 1)
            for level, beta in zip(tree[1:-1], betas[1:], strict=True):
                for node in level:
                    assert node.before is not None
                    for i, child in enumerate(tiny.children(problem, node, beta, Fraction(1), Fraction(1, 10), 1)):
                        yield {
                            "a": problem.a[i], "b": problem.b[i], "beta": beta, "before": node.before[0],
                            "r before": node.before[1], "x": node.x, "after": child.x, "factor": statement,
                        }  # fmt: skip

    def ratio(point: Any) -> tuple[Fraction, Fraction]:
        old, new = abs(point["x"] - point["before"]), abs(point["after"] - point["x"])
        return max(old, new), statement * min(old, new)

    replay = """
from fractions import Fraction
v = {k: float(Fraction(str(x))) for k, x in witness.items()}
x, beta = v["x"], v["beta"]
r = -v["a"] * (x - v["b"])  # of the sample drawn; one step of SAM with C = 1, mu = 1/10
dx, dr = x - v["before"], r - v["r before"]
half = (dx + beta * dr) * dr / (dr * dr + dx * dx / beta**2)
alpha = beta**0.5
alpha = beta * 0.9 / half if alpha * half > beta * 0.9 else alpha
move = (beta - alpha * half) * r
left, right = max(abs(dx), abs(move)), v["factor"] * min(abs(dx), abs(move))
violated = left > right + 1e-6
"""

    def again(point: Any) -> tuple[float, float]:
        scope: dict[str, Any] = {"witness": point}
        exec(replay, scope)  # the step itself once more, not its recorded end
        return float(scope["left"]), float(scope["right"])

    methods = ("all paths in rationals", "one step in floating point")
    return for_all(ForAll(points, ratio, "<=", again, replay, methods, (0.0, 1e-6)), budget)


CLAIMS = [
    Claim(
        id="anderson-mixing/adasam-curvature-heuristic",
        location="(25)",
        figures=("anderson-mixing/rescaling",),
        statement=r"Supposing $\|x_k-x_{k-1}\|=\beta_kh_k\|r_k\|$, $h_k\in(0,h)$: $c_1\|r_k\|^2/\|x_k-x_{k-1}\|^2"
        r"\ge c_1h^{-2}\beta_k^{-2}$.",
        assumptions=(r"the supposition itself; $h<\infty$",),
        parts=(
            Part(
                "the chain, granted its supposition",
                curvature,
                printed=Curvature(False),
                broken=Curvature(True),
                note=r"$h\le\frac12(1+(1+C^{-1})^{1/2})$ follows from $\delta_k\ge C\beta_k^{-2}$: what the "
                r"chain is to "
                r"motivate.",
            ),
            Part(
                "the first term of (16) as it stands, epsilon > 0",
                curvature,
                printed=Curvature(True),
                broken=Curvature(False, factor=2),
                repair=Curvature(False),
                repair_note=r"$\varepsilon=0$; otherwise the term tends to $c_1\|r_k\|^2/\varepsilon$, bounded, as "
                r"$\beta_k\to0$.",
                bears=False,
            ),
            Part(
                "consecutive steps are alike within a factor 10",
                step_ratio,
                printed=Fraction(10),
                broken=Fraction(2),
                sound=Fraction(10**6),
                bears=False,
                note="On single-sample paths of three finite sums with constant step: consecutive steps "
                "differ by more.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/adasam-inherits-theorems",
        location="Section 3",
        statement=r"Theorems 1-5 apply to AdaSAM as (16) satisfies (18b).",
        parts=(
            Part(
                "(16) implies (18b)",
                inherits,
                printed=Inherits(("alpha <= beta^(1/2)", "(14)", "delta"), "line 9"),
                broken=Inherits(("alpha <= beta^(1/2)",), "fixed"),
                repair=Inherits(("alpha <= beta^(1/2)", "(14)", "delta"), "imposed", (Fraction(1, 100), Fraction(1))),
                repair_note=r"(16) with $c_2>0$ gives $\delta_k\ge c_2\beta_k^{-2}$, $C=c_2$; "
                r"$\alpha_k\le\min\{1,\beta_k^{1/2}\}$ and (14) must be imposed besides.",
                note=r"$c_2=0$ gives no $C$. $\alpha_k$ does not occur in (16); the default $\alpha_k=1$ exceeds "
                r"$\beta_k^{1/2}$ for $\beta_k<1$, and line 9 enforces (14) only.",
            ),
            Part(
                "delta alone, c_2 > 0",
                inherits,
                printed=Inherits(("delta",), "line 9", (Fraction(1, 100), Fraction(1))),
                broken=Inherits(("delta",), "line 9", (Fraction(0),)),
                bears=False,
            ),
            Part(
                "Algorithm 1's defaults: alpha = 1 with its safeguard",
                inherits,
                printed=Inherits(("alpha <= beta^(1/2)",), "line 9", (Fraction(1),)),
                broken=Inherits(("alpha <= beta^(1/2)",), "fixed"),
                sound=Inherits(("(14)",), "line 9", (Fraction(1),)),
                bears=False,
                note=r"$\alpha=\beta=1$ meets $\alpha\le\beta^{1/2}$ only while $\beta$ stays 1, which (18a) "
                "excludes; no formality, see theorem-1-liminf: with the default the gradient need not vanish.",
            ),
            Part(
                "the bound on the step of Theorems 1, 3, 4",
                inherits,
                printed=Inherits(("step bound",), "imposed", (Fraction(1),)),
                broken=Inherits(("step bound",), "fixed", (Fraction(1),)),
                sound=Inherits(("alpha <= beta^(1/2)",), "imposed", (Fraction(1),)),
                bears=False,
                note=r"(16) does not restrict $\beta_k$: $\beta_k\le\frac{\mu}{4L(1+C^{-1})}$ and (18a) are conditions "
                r"of their own, and the constant default $\beta=1$ never meets (18a).",
            ),
        ),
    ),
]
