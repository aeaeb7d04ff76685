"""Section 3, analysis of AdaSAM: the bounds on ``H r`` from above, with their sharp constants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp

from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import histories
from .histories import READ, exact, floats, pseudoinverse
from .sam import update_matrix
from .update_structure import structure

UPDATE = (
    READ
    + """
delta, alpha, beta, factor = (float(Fraction(str(witness[k]))) for k in ("delta", "alpha", "beta", "factor"))
H = beta * np.eye(len(r)) - alpha * (X + beta * R) @ np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10) @ R.T
"""
)
NORM_REPLAY = (
    UPDATE
    + """
scale = alpha**2 if witness["form"] == "split" else 1.0
violated = bool((H @ r) @ (H @ r) > factor * (beta**2 + scale / delta) * (r @ r) * (1 + 1e-9))
"""
)


@dataclass(frozen=True)
class NormBound:
    """``|H r|^2 <= factor (beta^2 + alpha^2 / delta) |r|^2`` (split), or without ``alpha^2`` (uniform), on a range.

    The uniform form is the paper's at the largest admissible constant, ``C = delta beta^2``.
    """

    factor: Any
    low: Any = 0
    high: Any = 1
    form: Literal["split", "uniform"] = "split"

    def bound(self, alpha: Any, beta: Any, delta: Any) -> Any:
        """Right side for ``|r| = 1``."""
        return Fraction(self.factor) * (beta**2 + (alpha**2 if self.form == "split" else 1) / delta)


def _inside(low: Any, high: Any, count: int) -> list[Fraction]:
    """Rational points of an interval whose ends may be irrational, close to the ends and between."""
    a, b = float(low), float(high)
    shrink = [0.0, 1e-6, *(k / count for k in range(1, count)), 1 - 1e-6, 1.0]
    found = [Fraction(a + (b - a) * s).limit_denominator(10**7) for s in shrink]
    return [v for v in found if bool(low <= v) and bool(v <= high)]


def extremal_point(alpha: Fraction, p: Fraction) -> dict[str, Any]:
    """``d = m = 1``, ``R = -1``, ``beta = 1`` with ``P = R Z^+ R' = p``: X and delta for which Cauchy's bound is tight.

    Then ``H = 1 - alpha p + alpha p X`` and ``|H|^2 = ((1 - alpha p)^2 + p (1 - p)) (1 + alpha^2 / delta)``.
    """
    x = (1 - p) / (alpha * (1 - alpha * p))
    return {
        "kind": "extremal", "d": 1, "m": 1, "X": [[x]], "R": [[Fraction(-1)]], "r": [Fraction(1)],
        "delta": (1 - p) / (p * x * x), "alpha": alpha, "beta": Fraction(1),
    }  # fmt: skip


def uniform_point(alpha: Fraction, p: Fraction, c: Fraction) -> dict[str, Any]:
    """``d = m = 1``, ``R = -1``, ``beta = 1``, ``P = p = 1 / (1 + w^2)`` with rational w, ``delta = 1 / c^2``."""
    w2 = (1 - p) / p  # delta x^2
    w = Fraction(int(w2.numerator**0.5 + 0.5), int(w2.denominator**0.5 + 0.5))
    return {
        "kind": "extremal", "d": 1, "m": 1, "X": [[w * c * (1 if alpha > 0 else -1)]], "R": [[Fraction(-1)]],
        "r": [Fraction(1)], "delta": 1 / c**2, "alpha": alpha, "beta": Fraction(1),
    }  # fmt: skip


def _adversarial(statement: NormBound, count: int) -> Iterator[dict[str, Any]]:
    for alpha in _inside(statement.low, statement.high, count):
        for k in range(1, count):
            if statement.form == "uniform":
                for c in (Fraction(1, 20), Fraction(1), Fraction(20)):
                    yield uniform_point(alpha, 1 / (1 + Fraction(k, count // 4) ** 2), c)
                continue
            for p in (Fraction(k, count), 1 - Fraction(1, 10**k)):
                if alpha != 0 and alpha * p != 1:
                    yield extremal_point(alpha, p)


def _nonnegative_on_unit_interval(quadratic: sp.Poly) -> bool:
    """Exact sign of ``a p^2 + b p + c`` on [0, 1]: at both ends, and at the vertex if it is a minimum inside."""
    a, b, _ = (quadratic.coeff_monomial(quadratic.gen**k) for k in (2, 1, 0))
    points = [sp.Integer(0), sp.Integer(1)]
    if bool(a > 0) and bool(-b > 0) and bool(-b < 2 * a):
        points.append(-b / (2 * a))
    return all(bool(sp.simplify(quadratic.eval(p)) >= 0) for p in points)


def certificate(statement: NormBound) -> Exact:
    """Cauchy: ``(beta a + v b)^2 <= (a^2 + b^2)(beta^2 + v^2)``, and ``a^2 + b^2 <= factor`` over eigenvalues p of P.

    split: ``v = |alpha| delta^(-1/2)``, ``a^2 + b^2 = (1 - alpha p)^2 + p (1 - p)``; uniform: ``v = delta^(-1/2)``,
    ``(1 - alpha p)^2 + alpha^2 p (1 - p)``. The gap is concave in alpha for the first; for the second the norm of
    ``H``, affine in alpha, is convex. Both leave the two ends of the range.
    """
    a, b, u, v, p, alpha = sp.symbols("a b u v p alpha", real=True)
    scale = 1 if statement.form == "split" else alpha**2
    gap = sp.sympify(statement.factor) - (1 - alpha * p) ** 2 - scale * p * (1 - p)
    beta, root = sp.symbols("beta eta", positive=True)  # eta = delta^(-1/2)
    second = (alpha * root if statement.form == "split" else root) ** 2
    stated = statement.bound(alpha, beta, 1 / root**2)
    steps = {
        "the right side is factor (beta^2 + v^2)": is_zero(stated - sp.sympify(statement.factor) * (beta**2 + second)),
        "Lagrange's identity": is_zero((a**2 + b**2) * (u**2 + v**2) - (a * u + b * v) ** 2 - (a * v - b * u) ** 2),
    }
    if statement.form == "split":
        steps["the gap is concave in alpha"] = is_zero(sp.diff(gap, alpha, 2) + 2 * p**2)
    for end in (statement.low, statement.high):
        quadratic = sp.Poly(sp.expand(gap.subs(alpha, sp.sympify(end))), p, extension=True)
        steps[f"gap >= 0 for p in [0, 1] at alpha = {end}"] = _nonnegative_on_unit_interval(quadratic)
    return Exact("certificate", steps)


def norm_bound(statement: NormBound, budget: Budget) -> list[Evidence]:
    """Standard cases and extremal histories in rationals; without a violation the proof."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        extra = {"factor": statement.factor, "form": statement.form}
        for point in _adversarial(statement, budget.pick(8, 40)):
            yield {**point, **extra}
        alphas = tuple(str(v) for v in _inside(statement.low, statement.high, 3))
        for point in histories.histories(budget, deltas=("1/10", "3", "1/10000"), alphas=alphas, betas=("1", "-1/4")):
            yield {**point, **extra}

    def sides(point: Any, read: Any = exact, pinv: Any = pseudoinverse) -> tuple[Any, Any]:
        step = read(point)
        moved = update_matrix(step, pinv) @ step.res
        bound = statement.bound(point["alpha"], point["beta"], point["delta"])
        if read is floats:
            bound = float(bound)
        return moved @ moved, bound * (step.res @ step.res)

    def again(point: Any) -> tuple[float, float]:
        left, right = sides(point, floats, lambda z: np.linalg.pinv(z, rcond=1e-12))
        return left / right, 1.0

    def proof(budget: Budget) -> list[Evidence]:
        return [*structure(budget), certificate(statement)]

    return for_all(ForAll(points, sides, "<=", again, NORM_REPLAY, margins=(0.0, 1e-10), proof=proof), budget)


@dataclass(frozen=True)
class SharpUniform:
    """``max |H| = beta peak(s)`` over ``alpha in [0, 1]``, ``delta >= C beta^-2``, where ``s = (1 + 1/C)^(1/2)``."""

    peak: Any


def _sharp_uniform(statement: SharpUniform, budget: Budget) -> list[Evidence]:
    """``p = 1 / (1 + w^2)``: ``|H| <= beta (w^2 + c w) / (1 + w^2)`` at alpha = 1, ``c^2 = 1/C``; 1 at alpha = 0."""
    s, w = sp.symbols("s w", positive=True)
    claimed = sp.sympify(statement.peak(s))
    # c = (s^2 - 1)^(1/2); with s = (1 + u^2) / (1 - u^2) it is 2 u / (1 - u^2), the best w is 1 / u.
    u = sp.Symbol("u", positive=True)
    s_u, c = (1 + u**2) / (1 - u**2), 2 * u / (1 - u**2)
    value = (w**2 + c * w) / (1 + w**2)
    steps = {
        "c^2 = s^2 - 1": is_zero(c**2 - s_u**2 + 1),
        "peak - |H| = (u w - 1)^2 / ((1 - u^2)(1 + w^2)), zero at w = 1/u": is_zero(
            claimed.subs(s, s_u) - value - (u * w - 1) ** 2 / ((1 - u**2) * (1 + w**2))
        ),
    }
    for half in (Fraction(1, 3), Fraction(4, 5)):
        point = uniform_point(Fraction(1), 1 / (1 + 1 / half**2), 2 * half / (1 - half**2))
        step = exact(point)
        size = abs((update_matrix(step, pseudoinverse) @ step.res)[0])
        steps[f"attained by a history, u = {half}"] = size == Fraction(str(claimed.subs(s, s_u).subs(u, half)))
    return [Exact("symbolic", steps)]


CLAIMS = [
    Claim(
        id="anderson-mixing/update-norm-bound",
        location="3, analysis of AdaSAM (Corollary 1 of the appendix)",
        statement=r"$\|H_kr_k\|^2\le2(\beta_k^2+\alpha_k^2\delta_k^{-1})\|r_k\|^2$ for $\delta_k>0$, "
        r"$\alpha_k\in[0,1]$.",
        assumptions=(r"$\delta_k>0$", r"$\alpha_k\in[0,1]$ as in (18b)"),
        parts=(
            Part(
                "factor 2 for alpha in [0, 1]",
                norm_bound,
                printed=NormBound(2),
                broken=NormBound(Fraction(6, 5)),
                note=r"$H=\beta(I-\alpha P)-\alpha Q$ with $P^2+\delta Q^\top Q=P$, then Cauchy: the factor is "
                r"$K(\alpha)=\max_{p\in[0,1]}(1-\alpha p)^2+p(1-p)$, attained for $d=m=1$ at each $\alpha$; any sign "
                r"of $\beta$, any rank, any $d,m$. For $\delta=0$ there is no bound.",
            ),
            Part(
                "sharp factor on [0, 1]: 5/4",
                norm_bound,
                printed=NormBound(Fraction(5, 4)),
                broken=NormBound(Fraction(124, 100)),
                bears=False,
                note=r"$K(\alpha)=1+\frac{(1-2\alpha)^2}{4(1-\alpha^2)}$ for $0\le\alpha\le\frac12$: 5/4 is "
                r"the supremum, "
                r"approached as $\alpha\to0$, $p=\frac12$.",
            ),
            Part(
                "sharp factor on [1/2, 2]: 1",
                norm_bound,
                printed=NormBound(1, Fraction(1, 2), 2),
                broken=NormBound(Fraction(99, 100), Fraction(1, 2), 2),
                bears=False,
            ),
            Part(
                "factor 2 exactly for |alpha - 1| <= 2^(1/2)",
                norm_bound,
                printed=NormBound(2, 1 - sp.sqrt(2), 1 + sp.sqrt(2)),
                broken=NormBound(2, Fraction(-1, 2), Fraction(5, 2)),
                bears=False,
                note=r"Outside, $K(\alpha)=(1-\alpha)^2>2$ and the bound fails; $\alpha\le1$ without "
                r"$\alpha\ge1-\sqrt2$ "
                r"does not do.",
            ),
            Part(
                "alpha <= 1 without a lower limit",
                norm_bound,
                printed=NormBound(2, -1, 1),
                broken=NormBound(Fraction(6, 5), -1, 1),
                repair=NormBound(2, 0, 1),
                repair_note=r"$\alpha_k\in[0,1]$.",
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/update-norm-bound-uniform",
        location="3, analysis of AdaSAM (Corollary 1 of the appendix)",
        statement=r"$\|H_kr_k\|^2\le2\beta_k^2(1+C^{-1})\|r_k\|^2$ for $\alpha_k\in[0,1]$, $\delta_k\ge "
        r"C\beta_k^{-2}$.",
        assumptions=(r"$\alpha_k\in[0,1]$ as in (18b)", r"$C>0$"),
        parts=(
            Part(
                "factor 2",
                norm_bound,
                printed=NormBound(2, form="uniform"),
                broken=NormBound(Fraction(99, 100), form="uniform"),
                note="Never attained: factor 1 holds, see the next parts.",
            ),
            Part(
                "factor 1 holds and is the smallest",
                norm_bound,
                printed=NormBound(1, form="uniform"),
                broken=NormBound(Fraction(99, 100), form="uniform"),
                bears=False,
                note=r"Approached as $C\to\infty$.",
            ),
            Part(
                "sharp for each C",
                _sharp_uniform,
                printed=SharpUniform(lambda s: (1 + s) / 2),
                broken=SharpUniform(lambda s: s),
                bears=False,
                note=r"$\max\|H\|=\frac{\beta}{2}\big(1+(1+C^{-1})^{1/2}\big)$, attained at $\alpha=1$, $d=m=1$; so "
                r"$\|Hr\|^2\le\frac14\beta^2(1+(1+C^{-1})^{1/2})^2\|r\|^2$.",
            ),
            Part(
                "alpha <= 1 without a lower limit",
                norm_bound,
                printed=NormBound(2, -1, 1, "uniform"),
                broken=NormBound(Fraction(99, 100), -1, 1, "uniform"),
                repair=NormBound(2, 0, 1, "uniform"),
                repair_note=r"$\alpha_k\in[0,1]$.",
                bears=False,
            ),
        ),
    ),
]
