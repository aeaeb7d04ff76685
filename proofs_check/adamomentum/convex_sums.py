"""Appendix C.1.1: sums of m_t^2 / sqrt(t v_t)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part
from ..search import Never, Problem, never_violated
from .transcription import momenta, second_moments

MODULE = __name__
SMALL = Fraction(1, 100)
NEAR_ONE = Fraction(99, 100)


def _box(steps: int, sides: Callable[..., Any], kind: Any = "fraction") -> Problem:
    """beta1, s = sqrt(beta2), ratios beta_{1,t} / beta1, gradients."""
    rest = list(range(1, steps + 1))
    return Problem(
        ["beta1", "s", *[f"r{k}" for k in rest], *[f"g{k}" for k in rest]],
        [SMALL, Fraction(1, 10), *[0] * steps, *[-1] * steps],
        [NEAR_ONE, Fraction(999, 1000), *[1] * steps, *[1] * steps],
        sides,
        kind,
    )


def _state(values: Sequence[Any], steps: int) -> tuple[Any, Any, list[Any], list[Any], list[Any]]:
    b, s, grads = values[0], values[1], list(values[2 + steps :])
    m = momenta(grads, [b * r for r in values[2 : 2 + steps]])
    return b, s, grads, m, second_moments(m, s * s)


# --- the last summand ---


def last_summand(steps: int, power: int = 2, factor: Fraction = Fraction(1)) -> Problem:
    """``m_T^4`` against ``(factor a^power sum_j gamma^{T-j} |g_j|)^2 v_T / (1 - beta2)``."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, s, grads, m, v = _state(values, steps)
        total = sum((b / s) ** (steps - j) * abs(grads[j - 1]) for j in range(1, steps + 1))
        return m[-1] ** 4 * (1 - b) ** (2 * power) * (1 - s * s), total**2 * v[
            -1
        ] * factor.numerator**2 / factor.denominator**2

    return _box(steps, sides)


def _momentum_steps(budget: Budget) -> list[Evidence]:
    """``m_T^2 / sqrt(v_T) <= |m_T| / sqrt(1 - beta2)`` and ``|m_T| <= sum_j beta1^{T-j} |g_j|``."""
    b, s, u, x, v, m = sp.symbols("beta1 s u x v m")
    inside = {b: x / (1 + x), s: u / (1 + u)}
    return [
        *symbolic_identity(
            {
                "v_T - (1 - beta2) m_T^2 = beta2 v_{T-1}": Identity(
                    second_moments_step(v, m, s) - (1 - s**2) * m**2, s**2 * v
                )
            },
            budget,
        ),
        *inequality(
            {
                "|m_t| <= beta1 |m_{t-1}| + |g_t|: weights at most one and beta1": Inequality(1 - b, "<=", 1, inside),
                "beta1 <= gamma": Inequality(b, "<=", b / s, inside),
            },
            budget,
        ),
    ]


def _last_proof(power: int, factor: Fraction, budget: Budget) -> list[Evidence]:
    b, x = sp.symbols("beta1 x")
    constant = Inequality(1, "<=", sp.Rational(str(factor)) / (1 - b) ** power, {b: x / (1 + x)})
    return [*_momentum_steps(budget), *sufficient({"1 <= the stated constant": constant}, budget)]


def last_bound(power: int = 2, factor: Fraction = Fraction(1)) -> Never:
    """The last summand with the constant ``factor a^power``, and what proves it."""
    problems = [f"last_summand({t}, {power}, Fraction('{factor}'))" for t in (1, 2, 3)]
    return Never(MODULE, problems, partial(_last_proof, power, factor))


def second_moments_step(v: Any, m: Any, s: Any) -> Any:
    """``v_T`` from ``v_{T-1}`` and ``m_T``."""
    return s**2 * v + (1 - s**2) * m**2


# --- the sum ---


@dataclass(frozen=True)
class SumBound:
    """``factor(beta1, gamma) sqrt(extra + log T) |g_{1:T}| / sqrt(1 - beta2)``."""

    factor: Callable[[Any, Any], Any]
    extra: Any = 1


SUM_FORMS = {
    "printed": SumBound(lambda b, gamma: 1 / ((1 - b) ** 2 * (1 - gamma))),
    "free": SumBound(lambda b, gamma: 1 / (1 - b)),
    "half": SumBound(lambda b, gamma: (1 + 0 * b) / 2),
}


def whole_sum(steps: int, form: str = "printed", any_gamma: bool = False) -> Problem:
    """``sum_t m_t^2 / sqrt(t v_t)`` against one of ``SUM_FORMS``, both times ``sqrt(1 - beta2)``."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        b, s, grads, m, v = _state(values, steps)
        left = sum(
            x * x / functions.sqrt(t * y) for t, (x, y) in enumerate(zip(m, v, strict=True), 1)
        ) * functions.sqrt(1 - s * s)
        norm = functions.sqrt(sum(g * g for g in grads))
        bound = SUM_FORMS[form]
        # The first gradient is not zero, so that no quotient is 0/0.
        positive = [1000 * abs(m[0]) - 1]
        return (
            left,
            bound.factor(b, b / s) * functions.sqrt(bound.extra + functions.log(steps)) * norm,
            *([] if any_gamma else [1000 * (s - b) - 1]),
            *positive,
        )

    return _box(steps, sides, "ball")


def gamma_range(any_gamma: bool, beta1: sp.Symbol, gamma: sp.Symbol) -> dict[sp.Symbol, Any]:
    """``0 < beta1 < 1`` and ``gamma`` above it, below one unless ``any_gamma``."""
    x, y = sp.symbols("x y")
    return {beta1: x / (1 + x), gamma: x / (1 + x) * (1 + y) if any_gamma else (x + y) / (1 + x + y)}


def sum_proof(form: str, any_gamma: bool, budget: Budget) -> list[Evidence]:
    """Exchange, ``1/sqrt(j) <= 1/sqrt(t)``, geometric series (a), Cauchy-Schwarz, ``sum 1/t <= 1 + log T``."""
    q, n, t, x, d = sp.symbols("q n t x d", positive=True)
    s0, s1, s2, b, gamma = sp.symbols("s0 s1 s2 beta1 gamma")
    growth = (s0 + 1) * (s2 + d**2) - (s1 + d) ** 2 - (s0 * s2 - s1**2)
    bound = SUM_FORMS[form]
    constants = {
        "a <= the stated factor": Inequality(
            1 / (1 - b), "<=", bound.factor(b, gamma), gamma_range(any_gamma, b, gamma)
        ),
        "harmonic sum, T = 1": Inequality(1, "<=", bound.extra),
    }
    identities = {
        "geometric sum": Identity((1 - q**n) / (1 - q) + q**n, (1 - q ** (n + 1)) / (1 - q)),
        "Cauchy-Schwarz, induction": Identity(growth, s2 - 2 * d * s1 + s0 * d**2),
        "log(1 + x) - x / (1 + x) has derivative x / (1 + x)^2": Identity(
            sp.diff(sp.log(1 + x) - x / (1 + x), x), x / (1 + x) ** 2
        ),
        "x = 1/t: log((t + 1)/t) >= 1 / (t + 1), the step of the harmonic sum": Identity(
            (x / (1 + x)).subs(x, 1 / t), 1 / (t + 1)
        ),
    }
    bounds = {
        "1/sqrt(j) <= 1/sqrt(t) for j >= t (squares)": Inequality(1 / (t + x), "<=", 1 / t),
        "that derivative is positive": Inequality(x / (1 + x) ** 2, ">", 0),
    }
    return [
        *_momentum_steps(budget),
        *symbolic_identity(identities, budget),
        *inequality(bounds, budget),
        *sufficient(constants, budget),
    ]


def sum_bound(form: str, sizes: Sequence[int], any_gamma: bool = False) -> Never:
    """The whole sum against one of ``SUM_FORMS``, and what proves it."""
    problems = [f"whole_sum({t}, '{form}', {any_gamma})" for t in sizes]
    return Never(MODULE, problems, partial(sum_proof, form, any_gamma))


def _sharp_ratio(statement: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    """Constant beta1: weights (1 - beta1) beta1^k, k < T, sum below one, so that a factor (1 - beta1) cancels."""
    b, t = sp.symbols("beta1 t", positive=True)
    identities = {
        "sum of the weights, T = 1": Identity(1 - b, statement(b, 1)),
        "from T to T + 1": Identity(statement(b, t) + (1 - b) * b**t, statement(b, t + 1)),
    }
    return symbolic_identity(identities, budget)


MOMENTUM_SUM = Claim(
    id="adamomentum/theorem-1-proof-momentum-sum",
    location="C.1.1, first two displays",
    statement=r"$\frac{m_T^2}{\sqrt{Tv_T}}\le\frac{a^2}{\sqrt{T(1-\beta_2)}}\sum_{j\le T}\gamma^{T-j}|g_j|$, and "
    r"$\sum_{t\le T}\frac{m_t^2}{\sqrt{tv_t}}\le\frac{a^2\sqrt{1+\log T}}{(1-\gamma)\sqrt{1-\beta_2}}\|g_{1:T}\|_2$.",
    assumptions=(r"$0<\beta_{1,t}\le\beta_1$, $\gamma=\beta_1/\sqrt{\beta_2}<1$; terms with $v_t=0$ count as zero",),
    parts=(
        Part(
            "last summand",
            never_violated,
            printed=last_bound(),
            broken=Never(MODULE, ["last_summand(1, -2)", "last_summand(2, -2)"]),
            note=r"True for all sequences, though the step before falls. Repaired proof: $v_T\ge(1-\beta_2)m_T^2$, "
            r"so $m_T^2/\sqrt{v_T}\le|m_T|/\sqrt{1-\beta_2}$, and $|m_T|\le\sum_j\beta_1^{T-j}|g_j|$, "
            r"$\beta_1\le\gamma$. Neither $\gamma<1$ nor a monotone $v_t$ is used.",
        ),
        Part(
            "the whole sum",
            never_violated,
            printed=sum_bound("printed", (1, 2, 4)),
            broken=Never(MODULE, ["whole_sum(1, 'half')", "whole_sum(2, 'half')"]),
            note=r"Exchange of sums, $1/\sqrt j\le1/\sqrt t$, geometric series, Cauchy-Schwarz and "
            r"$\sum1/t\le1+\log T$ hold each.",
        ),
        Part(
            "without any condition on gamma, and tighter",
            never_violated,
            printed=sum_bound("free", (1, 2, 4), True),
            broken=Never(MODULE, ["whole_sum(1, 'half', True)"]),
            bears=False,
            note=r"$\sum_t\frac{m_t^2}{\sqrt{tv_t}}\le\frac{a\sqrt{1+\log T}}{\sqrt{1-\beta_2}}\|g_{1:T}\|_2$ for "
            r"every $\beta_1<1$, $\beta_2<1$: tighter by $a/(1-\gamma)$, 100.5 at the defaults.",
        ),
        Part(
            "the printed form where gamma exceeds one",
            never_violated,
            printed=Never(MODULE, ["whole_sum(2, 'printed', True)"]),
            broken=Never(MODULE, ["whole_sum(1, 'half', True)"]),
            repair=sum_bound("free", (2,), True),
            repair_note=r"$a$ in place of $a^2/(1-\gamma)$",
            bears=False,
            note=r"Here $\gamma<1$ is needed: the printed right side is negative for $\gamma>1$.",
        ),
        Part(
            "constant decay: weights sum to 1 - beta1^T",
            _sharp_ratio,
            printed=lambda b, t: 1 - b**t,
            broken=lambda b, t: sp.Integer(1),
            bears=False,
            note=r"Then $\sum_t\frac{m_t^2}{\sqrt{tv_t}}\le\frac{\sqrt{1+\log T}}{\sqrt{1-\beta_2}}\|g_{1:T}\|_2$: the "
            r"printed constant is too large by $a^2/(1-\gamma)$, 1005 at the defaults. With the factor $1-\beta_1^T$ "
            r"besides, an equality at $T=1$.",
        ),
    ),
)

# --- the lagged term ---


def lagged(steps: int, condition: str = "monotone", factor: Fraction = Fraction(1)) -> Problem:
    """``sum (a/2) m_t^2/sqrt(t v_t) + (a beta1/2) m_{t-1}^2/sqrt(t v_t)`` against ``factor a sum m_t^2/sqrt(t v_t)``.

    ``condition``: "monotone" (v_t <= v_{t+1}), "gamma" (gamma < 1) or "none".
    """

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        b, s, _, m, v = _state(values, steps)
        roots = [functions.sqrt(t * y) for t, y in enumerate(v, 1)]
        own = sum(x * x / r for x, r in zip(m, roots, strict=True))
        late = sum(x * x / r for x, r in zip(m, roots[1:], strict=False))
        conditions = {"monotone": [q - p for p, q in pairwise(v)], "gamma": [1000 * (s - b) - 1], "none": []}[condition]
        scaled = own * factor.numerator / factor.denominator
        return own / 2 + b * late / 2, scaled, *conditions, 1000 * abs(m[0]) - 1

    return _box(steps, sides, "ball")


def _lagged_proof(condition: str, factor: Any, budget: Budget) -> list[Evidence]:
    """The lagged sum is at most ``share`` times the other: beta1, or gamma without a monotone second moment."""
    share, v, t, m, x, y = sp.symbols("share v t m x y")
    inside = {share: x / (1 + x), t: 1 + y}
    if condition == "gamma":  # squares of beta1 m^2/sqrt((t+1) v') <= gamma m^2/sqrt(t v) with v' >= beta2 v
        s = sp.Symbol("s")
        claim = Inequality((share * s) ** 2 * t * v, "<=", share**2 * (t + 1) * s**2 * v, inside)
    else:
        claim = Inequality(t * v, "<=", (t + 1) * (v + m), inside)
    total = {"(1 + share) / 2 <= the stated factor": Inequality((1 + share) / 2, "<=", factor, inside)}
    return [*inequality({"the lagged term": claim}, budget), *sufficient(total, budget)]


def merged(condition: str = "monotone", sizes: Sequence[int] = (2, 3), factor: Fraction = Fraction(1)) -> Never:
    """Both sums in one with ``factor``, and what proves it."""
    problems = [f"lagged({t}, '{condition}', Fraction('{factor}'))" for t in sizes]
    return Never(MODULE, problems, partial(_lagged_proof, condition, factor))


LAGGED = Claim(
    id="adamomentum/theorem-1-proof-lagged-term",
    location="(14)-(15)",
    statement=r"$\frac{a\alpha}2\sum_t\frac{m_t^2}{\sqrt{tv_t}}+\frac{a\beta_1\alpha}2\sum_t\frac{m_{t-1}^2}{\sqrt{tv_t}}"
    r"\le a\alpha\sum_t\frac{m_t^2}{\sqrt{tv_t}}$.",
    assumptions=(r"$v_t\le v_{t+1}$, $m_0=0$",),
    parts=(
        Part(
            "merging the two sums",
            never_violated,
            printed=merged(),
            broken=merged(factor=Fraction(1, 2)),
            note=r"Uses only that $tv_t$ does not fall; the constant is really $a(1+\beta_1)/2$.",
        ),
        Part(
            "without a monotone second moment, gamma < 1",
            never_violated,
            printed=merged("gamma"),
            broken=merged("gamma", (2,), Fraction(1, 2)),
            bears=False,
            note=r"$v_{t+1}\ge\beta_2v_t$ gives $\beta_1/\sqrt{(t+1)v_{t+1}}\le\gamma/\sqrt{tv_t}$, so the constant "
            r"$a(1+\gamma)/2$ needs no monotonicity.",
        ),
        Part(
            "without either",
            never_violated,
            printed=Never(MODULE, ["lagged(2, 'none')"]),
            broken=Never(MODULE, ["lagged(2, 'none', Fraction(1, 2))"]),
            repair=merged("gamma", (2,)),
            repair_note=r"$\gamma\le1$ or $tv_t$ not falling",
            bears=False,
            note="One of the two hypotheses is needed.",
        ),
    ),
)
CLAIMS = [MOMENTUM_SUM, LAGGED]
