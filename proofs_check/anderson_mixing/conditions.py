"""Section 3: what the conditions of the theorems ask of SAM and AdaSAM, and the batch dependence of ``H_k``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import tiny
from .batches import batch_dependence

# (18a), (18b) together


@dataclass(frozen=True)
class Damping:
    """``alpha = min{1, beta^(1/2), cap(mu, s)}``, ``s = (1 + 1/C)^(1/2)``, satisfies (14) for every history."""

    cap: Callable[[Any, Any], Any]


def damping(statement: Damping, budget: Budget) -> list[Evidence]:
    """``lambda <= beta + (beta^2 + 1/delta)^(1/2) <= beta (1 + s)``: ``cap (1 + s) <= 2 (1 - mu)``.

    With ``P = p``, ``|Q|^2 = p (1 - p) / delta`` in the worst plane, ``lambda / beta`` is at most
    ``2 p + 2 c (p (1 - p))^(1/2) = 1 + cos + c sin``, ``c^2 = 1/C``, whose square of amplitude is ``1 + c^2 = s^2``.
    """
    t, w, c, u = sp.symbols("t w c u", positive=True)
    mu, s = t / (1 + t), 1 + w
    # p = 1 / (1 + u^2): 2 p = 1 + cos, 2 (p (1 - p))^(1/2) = 2 u / (1 + u^2) = sin.
    cos, sin = (1 - u**2) / (1 + u**2), 2 * u / (1 + u**2)
    steps = {
        "cos^2 + sin^2 = 1": is_zero(cos**2 + sin**2 - 1),
        "s^2 - (cos + c sin)^2 = (c cos - sin)^2 for s^2 = 1 + c^2": is_zero(
            1 + c**2 - (cos + c * sin) ** 2 - (c * cos - sin) ** 2
        ),
    }
    found = inequality({"(14)": Inequality(statement.cap(mu, s) * (1 + s), "<=", 2 * (1 - mu))}, budget)
    return [Exact("symbolic", steps), *found]


def schedules(statement: tuple[Fraction, Fraction], budget: Budget) -> list[Evidence]:
    """``beta_k = beta_0 (k + 1)^-r`` satisfies (18a) for ``statement[0] < r <= statement[1]``: p-series."""
    del budget
    low, high = (sp.Rational(str(v)) for v in statement)
    n, gap = sp.symbols("n gap", positive=True)

    def tail(power: Any) -> Any:
        """``lim int_1^n x^-power dx``: the series of ``k^-power`` converges exactly if it is finite."""
        antiderivative = sp.log(n) if power == 1 else (n ** (1 - power) - 1) / (1 - power)
        assert is_zero(sp.diff(antiderivative, n) - n**-power)
        return sp.limit(antiderivative, n, sp.oo)

    steps = {
        "power above 1: converges": tail(1 + gap).is_finite is True,
        "power 1: diverges": tail(sp.Integer(1)) == sp.oo,
        "power below 1: terms not below those of power 1": is_zero(n ** -(1 - gap) / n**-1 - n**gap),
        "r <= 1 on the whole range": bool(high <= 1),
        "2 r > 1 on the whole range": bool(2 * low >= 1),
    }
    return [Exact("symbolic", steps)]


@dataclass(frozen=True)
class Closeness:
    """``|H - beta I| <= factor(beta) beta (1 + 1/C)^(1/2)`` under (18b), in squares: on all paths of tiny problems."""

    squared: Callable[[Any], Any]


def closeness(statement: Closeness, budget: Budget) -> list[Evidence]:
    """The relative change of the update matrix; ``alpha^2 <= beta`` and ``|Y Z^+ R'| <= beta (1 + 1/C)^(1/2)``."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for problem, c, top in product(tiny.PROBLEMS, (Fraction(1, 10), Fraction(3)), (Fraction(1), Fraction(1, 16))):
            betas = [top / (k + 1) for k in range(budget.pick(3, 4))]
            tree = tiny.levels(problem, Fraction(3), betas, c, Fraction(1, 10), 1)
            for level, beta in zip(tree[1:], betas[1:], strict=False):
                for node in level:
                    for i in range(len(problem.a)):
                        r = -problem.gradient(node.x, (i,))
                        yield {"x": node.x, "r": r, "before": list(node.before or ()), "beta": beta, "C": c}

    def sides(point: Any) -> tuple[Fraction, Fraction]:
        beta, c = point["beta"], point["C"]
        h, _ = tiny.step(point["x"], point["r"], tuple(point["before"]), beta, c, Fraction(1, 10))
        return (h - beta) ** 2, statement.squared(beta) * beta**2 * (1 + 1 / c)

    def again(point: Any) -> tuple[float, float]:
        beta, c, x, r = (float(point[k]) for k in ("beta", "C", "x", "r"))
        dx, dr = x - float(point["before"][0]), r - float(point["before"][1])
        z = dr * dr + c / beta**2 * dx * dx
        half = (dx + beta * dr) * dr / z if z else 0.0
        alpha = min(1.0, beta**0.5)
        if alpha * half > beta * 0.9:
            alpha = beta * 0.9 / half
        return (alpha * half) ** 2, float(statement.squared(point["beta"])) * beta**2 * (1 + 1 / c)

    replay = """
from fractions import Fraction
read = lambda v: [float(Fraction(str(c))) for c in v] if isinstance(v, list) else float(Fraction(str(v)))
beta, C, x, r, before = (read(witness[k]) for k in ("beta", "C", "x", "r", "before"))
dx, dr = x - before[0], r - before[1]
half = (dx + beta * dr) * dr / (dr * dr + C / beta**2 * dx * dx)
alpha = min(1.0, beta**0.5)
alpha = beta * 0.9 / half if alpha * half > beta * 0.9 else alpha
violated = (alpha * half) ** 2 > read(witness["squared"]) * beta**2 * (1 + 1 / C)
"""

    def proof(budget: Budget) -> list[Evidence]:
        del budget
        p, a, b, u, v = sp.symbols("p a b u v", real=True)
        lagrange = (a**2 + b**2) * (u**2 + v**2) - (a * u + b * v) ** 2 - (a * v - b * u) ** 2
        beta = sp.Symbol("beta", positive=True)
        steps = {
            "Lagrange's identity": is_zero(lagrange),
            "a^2 + b^2 = p^2 + p (1 - p) = p <= 1": is_zero(p**2 + p * (1 - p) - p),
            "the factor is alpha^2 <= beta": is_zero(statement.squared(beta) - beta),
        }
        return [Exact("symbolic", steps)]

    with_factor = ForAll(
        lambda b: ({**p, "squared": statement.squared(p["beta"])} for p in points(b)), sides, "<=", again, replay,
        proof=proof,
    )  # fmt: skip
    return for_all(with_factor, budget)


# AdaSAM


Requirement = Literal["delta", "alpha <= beta^(1/2)", "(14)", "(18a) and the step bound"]


@dataclass(frozen=True)
class Inherits:
    """(16) with the stated ``alpha`` rule meets the named requirements of the theorems.

    ``c2`` are the admitted constants; ``alpha`` of ``(beta, limit of (14))``.
    """

    requirements: tuple[Requirement, ...]
    alpha: Callable[[Fraction, Fraction], Fraction]
    c2: tuple[Fraction, ...] = (Fraction(0), Fraction(1, 100), Fraction(1))


def inherits(statement: Inherits, budget: Budget) -> list[Evidence]:
    """One-column histories with (16): requirement by requirement, in rationals; ``C = c_2`` (1/100 if that is 0)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for name, c2, beta, x, r in product(
            statement.requirements, statement.c2, (Fraction(1, 4), Fraction(1, 16)), (Fraction(1), Fraction(9)),
            (Fraction(1, 2), Fraction(-2)),
        ):  # fmt: skip
            c1, eps, mu, res = Fraction(1, 100), Fraction(1, 1000), Fraction(1, 2), Fraction(1)
            delta = max(c1 * res**2 / (x * x + eps), c2 / beta**2)
            half = (x + beta * r) * r / (r * r + delta * x * x)
            limit = beta * (1 - mu) / half if half > 0 else Fraction(1)
            alpha = statement.alpha(beta, limit)
            yield {
                "requirement": name, "c1": c1, "c2": c2, "beta": beta, "X": x, "R": r, "r": res, "mu": mu,
                "epsilon": eps, "delta": delta, "alpha": alpha, "half": half,
            }  # fmt: skip

    def pair(point: Any, kind: Any) -> tuple[Any, Any]:
        v = {k: kind(x) for k, x in point.items() if k != "requirement"}
        if point["requirement"] == "delta":
            return kind(point["c2"] or Fraction(1, 100)) / v["beta"] ** 2, v["delta"]
        if point["requirement"] == "alpha <= beta^(1/2)":
            return v["alpha"] ** 2, v["beta"]
        return v["alpha"] * v["half"], v["beta"] * (1 - v["mu"])

    replay = """
from fractions import Fraction
v = {k: float(Fraction(str(x))) for k, x in witness.items() if k != "requirement"}
x, r, beta = v["X"], v["R"], v["beta"]
delta = max(v["c1"] * v["r"] ** 2 / (x * x + v["epsilon"]), v["c2"] / beta**2)
half = (x + beta * r) * r / (r * r + delta * x * x)
left, right = {
    "delta": ((v["c2"] or 0.01) / beta**2, delta),
    "alpha <= beta^(1/2)": (v["alpha"] ** 2, beta),
    "(14)": (v["alpha"] * half, beta * (1 - v["mu"])),
}[witness["requirement"]]
violated = left > right + 1e-9
"""

    def proof(budget: Budget) -> list[Evidence]:
        a, c2, beta, g = sp.symbols("a c2 beta g", positive=True)
        # max{u, v} >= v: with u = v + g or u = v - g; alpha = min of the three numbers.
        return inequality(
            {
                "the first term is larger": Inequality(c2 / beta**2, "<=", c2 / beta**2 + g),
                "min{a, a + g} <= a": Inequality(a, "<=", a + g),
            },
            budget,
        )

    return for_all(
        ForAll(points, lambda p: pair(p, Fraction), "<=", lambda p: pair(p, float), replay, proof=proof), budget
    )


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

    def ratio(point: Any, kind: Any) -> tuple[Any, Any]:
        old, new = abs(kind(point["x"] - point["before"])), abs(kind(point["after"] - point["x"]))
        return max(old, new), kind(statement) * min(old, new)

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
violated = max(abs(dx), abs(move)) > v["factor"] * min(abs(dx), abs(move)) + 1e-6
"""
    return for_all(ForAll(points, lambda p: ratio(p, Fraction), "<=", lambda p: ratio(p, float), replay), budget)


def _full(beta: Fraction, limit: Fraction) -> Fraction:
    """The default ``alpha = 1``, shrunk by (14) only (line 9)."""
    return min(Fraction(1), limit)


def _imposed(beta: Fraction, limit: Fraction) -> Fraction:
    return min(Fraction(1), tiny.square_root_below(beta), limit)


CLAIMS = [
    Claim(
        id="anderson-mixing/parameter-conditions-satisfiable",
        location="Theorem 1, (18a), (18b)",
        figures=("anderson-mixing/bound-slack",),
        statement="Assumptions 1-2, (18a), (18b) and Theorem 1's bound on the step hold together. Judged: for "
        r"$\beta_k=\frac{\mu}{4L(1+C^{-1})}(k+1)^{-r}$, $\delta_k=C\beta_k^{-2}$, $\alpha_k=\min\{1,\beta_k^{1/2},"
        r"\frac{2(1-\mu)}{1+(1+C^{-1})^{1/2}}\}$, all problems of Assumptions 1-2.",
        parts=(
            Part(
                "an explicit damping meets (14) for every history",
                damping,
                printed=Damping(lambda mu, s: 2 * (1 - mu) / (1 + s)),
                broken=Damping(lambda mu, s: 3 * (1 - mu) / (1 + s)),
                note=r"$\alpha_k=0$ also meets (14), so the conditions are never empty; this one is positive. Problem: "
                r"a least-squares sum with bounded noise.",
            ),
            Part(
                "step sizes for (18a)",
                schedules,
                printed=(Fraction(1, 2), Fraction(1)),
                broken=(Fraction(1, 4), Fraction(1)),
                note=r"$r\in(\frac12,1]$.",
            ),
            Part(
                "what they force: SAM becomes SGD",
                closeness,
                printed=Closeness(lambda beta: beta),
                broken=Closeness(lambda beta: beta / 10**4),
                bears=False,
                note=r"$\delta_k\ge C\beta_k^{-2}\to\infty$, $\alpha_k\le\beta_k^{1/2}\to0$ and $\|H_k-\beta_kI\|\le"
                r"\beta_k^{1/2}(1+C^{-1})^{1/2}\,\beta_k$: the mixing is a vanishing share of the step. "
                r"$\alpha_k\le\beta_k^{1/2}$ is not invariant under $f\to sf$, $\beta\to\beta/s$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/update-matrix-depends-on-batch",
        location="Remark 3, Section 5",
        statement=r"$H_k$ of SAM depends on $S_k$ and $\mathbb E[H_kg_k|S_{[k-1]}]=H_k\nabla f(x_k)$ is not available; "
        r"with $y_k=\nabla f_{S_{k-1}}(x_k)-\nabla f_{S_{k-1}}(x_{k-1})$ it is.",
        parts=(
            Part(
                "SAM: dependence, identity fails",
                batch_dependence,
                printed=("current batch", False),
                broken=("current batch", True),
                note=r"Second steps of three finite sums, all batches: $H_1$ takes different values and "
                r"$\mathbb E[H_1g_1]\ne\mathbb E[H_1]\nabla f(x_1)$, exact differences in the record.",
            ),
            Part(
                "difference on the previous batch: identity holds",
                batch_dependence,
                printed=("previous batch", True),
                broken=("previous batch", False),
                note=r"With $\delta_k$ not made from $r_k$, as here; (16) contains $\|r_k\|$ and brings the "
                r"dependence back.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/adasam-curvature-heuristic",
        location="(25)",
        figures=("anderson-mixing/rescaling",),
        statement=r"Supposing $\|x_k-x_{k-1}\|=\beta_kh_k\|r_k\|$, $h_k\in(0,h)$: $c_1\|r_k\|^2/\|x_k-x_{k-1}\|^2\ge"
        r"c_1h^{-2}\beta_k^{-2}$.",
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
                printed=Inherits(("delta", "alpha <= beta^(1/2)", "(14)"), _full),
                broken=Inherits(("alpha <= beta^(1/2)",), lambda beta, limit: Fraction(1)),
                repair=Inherits(("delta", "alpha <= beta^(1/2)", "(14)"), _imposed, (Fraction(1, 100), Fraction(1))),
                repair_note=r"(16) with $c_2>0$ gives $\delta_k\ge c_2\beta_k^{-2}$, $C=c_2$; "
                r"$\alpha_k\le\min\{1,\beta_k^{1/2}\}$ and (14) must be imposed besides.",
                note=r"$c_2=0$ gives no $C$. $\alpha_k$ does not occur in (16); the default $\alpha_k=1$ exceeds "
                r"$\beta_k^{1/2}$ for $\beta_k<1$, and line 9 enforces (14) only.",
            ),
            Part(
                "delta alone, c_2 > 0",
                inherits,
                printed=Inherits(("delta",), _full, (Fraction(1, 100), Fraction(1))),
                broken=Inherits(("delta",), _full, (Fraction(0),)),
                bears=False,
            ),
            Part(
                "Algorithm 1's defaults: alpha = 1 with its safeguard",
                inherits,
                printed=Inherits(("alpha <= beta^(1/2)",), _full, (Fraction(1),)),
                broken=Inherits(("alpha <= beta^(1/2)",), lambda beta, limit: Fraction(1)),
                sound=Inherits(("(14)",), _full, (Fraction(1),)),
                bears=False,
                note=r"$\alpha=\beta=1$ meets $\alpha\le\beta^{1/2}$ only while $\beta$ stays 1, which (18a) "
                "excludes; no formality, see theorem-1-liminf: with the default the gradient need not vanish.",
            ),
        ),
    ),
]
