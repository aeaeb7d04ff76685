"""Appendix C.1.1: sums of m_t^2 / sqrt(t v_t)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
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


def last_summand(steps: int, power: int = 2, own: bool = False) -> Problem:
    """``m_T^4`` against ``(a^power sum_j gamma^{T-j} |g_j|)^2 v_T / (1 - beta2)``; ``own``: beta1 instead of gamma."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, s, grads, m, v = _state(values, steps)
        base = b if own else b / s
        total = sum(base ** (steps - j) * abs(grads[j - 1]) for j in range(1, steps + 1))
        return m[-1] ** 4 * (1 - b) ** (2 * power) * (1 - s * s), total**2 * v[-1]

    return _box(steps, sides)


def _last_proof(budget: Budget) -> list[Evidence]:
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
                "1 <= a^2": Inequality(1, "<=", 1 / (1 - b) ** 2, inside),
            },
            budget,
        ),
    ]


def second_moments_step(v: Any, m: Any, s: Any) -> Any:
    """``v_T`` from ``v_{T-1}`` and ``m_T``."""
    return s**2 * v + (1 - s**2) * m**2


# --- the sum ---


def whole_sum(steps: int, form: str = "printed", any_gamma: bool = False) -> Problem:
    """``sum_t m_t^2 / sqrt(t v_t)`` against the bound, divided by ``1 / sqrt(1 - beta2)``.

    ``form``: "printed" ``a^2 sqrt(1 + log T) / (1 - gamma)``; "free" ``a sqrt(1 + log T)``, without gamma; "flat"
    ``sqrt(1 + log T)``; "half" is half of the latter.
    """

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        b, s, grads, m, v = _state(values, steps)
        left = sum(
            x * x / functions.sqrt(t * y) for t, (x, y) in enumerate(zip(m, v, strict=True), 1)
        ) * functions.sqrt(1 - s * s)
        norm = functions.sqrt(sum(g * g for g in grads))
        a, gamma = 1 / (1 - b), b / s
        factor = a * a / (1 - gamma) if form == "printed" else {"free": a, "flat": 1, "half": 0.5}[form]
        # The first gradient is not zero, so that no quotient is 0/0.
        positive = [1000 * abs(m[0]) - 1]
        return (
            left,
            factor * functions.sqrt(1 + functions.log(steps)) * norm,
            *([] if any_gamma else [1000 * (s - b) - 1]),
            *positive,
        )

    return _box(steps, sides, "ball")


def _sum_proof(budget: Budget) -> list[Evidence]:
    q, n, t, x, c, d = sp.symbols("q n t x c d", positive=True)
    s0, s1, s2 = sp.symbols("s0 s1 s2")
    growth = (s0 + 1) * (s2 + c**2 * 0 + d**2) - (s1 + d) ** 2 - (s0 * s2 - s1**2)
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
    return [*_last_proof(budget), *symbolic_identity(identities, budget), *inequality(bounds, budget)]


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
            printed=Never(MODULE, [f"last_summand({t})" for t in (1, 2, 3)], _last_proof),
            broken=Never(MODULE, ["last_summand(1, -2)", "last_summand(2, -2)"]),
            note=r"True for all sequences, though the step before falls. Repaired proof: $v_T\ge(1-\beta_2)m_T^2$, "
            r"so $m_T^2/\sqrt{v_T}\le|m_T|/\sqrt{1-\beta_2}$, and $|m_T|\le\sum_j\beta_1^{T-j}|g_j|$, "
            r"$\beta_1\le\gamma$. Neither $\gamma<1$ nor a monotone $v_t$ is used.",
        ),
        Part(
            "the whole sum",
            never_violated,
            printed=Never(MODULE, [f"whole_sum({t})" for t in (1, 2, 4)], _sum_proof),
            broken=Never(MODULE, ["whole_sum(1, 'half')", "whole_sum(2, 'half')"]),
            note=r"Exchange of sums, $1/\sqrt j\le1/\sqrt t$, geometric series, Cauchy-Schwarz and "
            r"$\sum1/t\le1+\log T$ hold each.",
        ),
        Part(
            "without any condition on gamma, and tighter",
            never_violated,
            printed=Never(MODULE, [f"whole_sum({t}, 'free', True)" for t in (1, 2, 4)], _sum_proof),
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
            repair=Never(MODULE, ["whole_sum(2, 'free', True)"], _sum_proof),
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


def lagged(steps: int, condition: str = "monotone", factor: Any = 1) -> Problem:
    """``sum (a/2) m_t^2/sqrt(t v_t) + (a beta1/2) m_{t-1}^2/sqrt(t v_t)`` against ``factor a sum m_t^2/sqrt(t v_t)``.

    ``condition``: "monotone" (v_t <= v_{t+1}), "gamma" (gamma < 1) or "none".
    """

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        b, s, _, m, v = _state(values, steps)
        roots = [functions.sqrt(t * y) for t, y in enumerate(v, 1)]
        own = sum(x * x / r for x, r in zip(m, roots, strict=True))
        late = sum(x * x / r for x, r in zip(m, roots[1:], strict=False))
        conditions = {"monotone": [q - p for p, q in pairwise(v)], "gamma": [1000 * (s - b) - 1], "none": []}[condition]
        return own / 2 + b * late / 2, factor * own, *conditions, 1000 * abs(m[0]) - 1

    return _box(steps, sides, "ball")


def _lagged_proof(gamma: bool) -> Callable[[Budget], list[Evidence]]:
    def proof(budget: Budget) -> list[Evidence]:
        b, s, v, t, m, x, u, y = sp.symbols("beta1 s v t m x u y")
        inside = {b: x / (1 + x), s: u / (1 + u), t: 1 + y}
        if gamma:  # squares of beta1 m^2/sqrt((t+1) v') <= m^2/sqrt(t v) with v' >= beta2 v and beta1 <= s
            claim = {
                "beta1^2 t v <= (t + 1) v_{t+1}": Inequality(
                    b**2 * t * v, "<=", (t + 1) * s**2 * v, {b: u * x / ((1 + u) * (1 + x)), s: u / (1 + u), t: 1 + y}
                )
            }
        else:
            claim = {"t v <= (t + 1) (v + growth)": Inequality(t * v, "<=", (t + 1) * (v + m), inside)}
        total = {"(1 + beta1) / 2 <= 1": Inequality((1 + b) / 2, "<=", 1, inside)}
        return list(inequality(claim | total, budget))

    return proof


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
            printed=Never(MODULE, ["lagged(2)", "lagged(3)"], _lagged_proof(False)),
            broken=Never(MODULE, ["lagged(2, factor=0.5)", "lagged(3, factor=0.5)"]),
            note=r"Uses only that $tv_t$ does not fall; the constant is really $a(1+\beta_1)/2$.",
        ),
        Part(
            "without a monotone second moment, gamma < 1",
            never_violated,
            printed=Never(MODULE, ["lagged(2, 'gamma')", "lagged(3, 'gamma')"], _lagged_proof(True)),
            broken=Never(MODULE, ["lagged(2, 'gamma', 0.5)"]),
            bears=False,
            note=r"$v_{t+1}\ge\beta_2v_t$ gives $\beta_1/\sqrt{(t+1)v_{t+1}}\le\gamma/\sqrt{tv_t}$, so the constant "
            r"$a(1+\gamma)/2$ needs no monotonicity.",
        ),
        Part(
            "without either",
            never_violated,
            printed=Never(MODULE, ["lagged(2, 'none')"]),
            broken=Never(MODULE, ["lagged(2, 'none', 0.5)"]),
            repair=Never(MODULE, ["lagged(2, 'gamma')"], _lagged_proof(True)),
            repair_note=r"$\gamma\le1$ or $tv_t$ not falling",
            bears=False,
            note="One of the two hypotheses is needed.",
        ),
    ),
)
CLAIMS = [MOMENTUM_SUM, LAGGED]
