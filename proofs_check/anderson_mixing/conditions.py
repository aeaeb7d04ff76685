"""Section 3: what the conditions of the theorems ask of SAM, and the batch dependence of ``H_k``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import tiny
from .batches import batch_dependence
from .rescaling import rescaled

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


POWERS: dict[str, Any] = {
    "delta": 2,
    "H": -1,
    "Gamma of SAM": 0,
    "Gamma of RAM": 0,
    "bound on the step": -1,
    "first term of (16)": 2,
    "second term of (16)": 2,
    "C beta^-2": 2,
    "beta^(1/2)": -sp.Rational(1, 2),
    "first term of (23)": 2,
    "sigma^2 in (23)": 2,
    "sigma^2 / (L mu) in (23)": 1,
}

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
                r"$\alpha_k\le\beta_k^{1/2}$ is not invariant under $f\to sf$, $\beta\to\beta/s$, see the next part.",
            ),
            Part(
                "f -> s f, beta -> beta / s: the power of s that each quantity takes",
                rescaled,
                printed=POWERS,
                broken={**POWERS, "delta": 0},
                bears=False,
                note=r"$H_k\to H_k/s$, so the iterates and (14) are invariant, if $\delta_k\to s^2\delta_k$: (16) with "
                r"fixed $c_1,c_2,\varepsilon$ does that by itself, as $\delta_k\ge C\beta_k^{-2}$ and the bound on the "
                r"step do; a constant $\delta$ of RAM or SAM does not. $\alpha_k\le\beta_k^{1/2}$ is not invariant, "
                r"and with it comes the noise term of (23): $\sigma^2$ takes $s^2$, $\sigma^2/(L\mu)$ only $s$.",
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
]
