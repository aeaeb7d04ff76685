"""Appendix C.1.1: the steps of the proof of theorem 1, each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from ..search import Never, Problem, never_violated
from .transcription import momenta, second_moments

MODULE = __name__
SMALL = Fraction(1, 100)
NEAR_ONE = Fraction(99, 100)
B, S, M, P, G = sp.symbols("beta s m p g")  # p is the momentum before m, s the root of beta2


def _names(letter: str, steps: int) -> list[str]:
    return [f"{letter}{k}" for k in range(1, steps + 1)]


# --- expansion ---


@dataclass(frozen=True)
class Expansion:
    """``m_T = sum_j weight(T, j, betas) g_j``, and ``m_T^2 <= factor * (sum_j b^{T-j}) (sum_j b^{T-j} g_j^2)``."""

    weight: Callable[[int, int, Sequence[Any]], Any]
    factor: Any = 1


def _printed_weight(steps: int, j: int, betas: Sequence[Any]) -> Any:
    """``(1 - beta_{1,j}) prod_{l=1}^{T-j} beta_{1,T-l+1}``; an empty product is one."""
    return (1 - betas[j - 1]) * sp.prod([betas[steps - k] for k in range(1, steps - j + 1)])


def _expansion(statement: Expansion, budget: Budget) -> list[Evidence]:
    identities = {}
    for steps in range(1, budget.pick(5, 8)):
        betas, grads = sp.symbols(f"b1:{steps + 1}"), sp.symbols(f"g1:{steps + 1}")
        weights = [statement.weight(steps, j, betas) for j in range(1, steps + 1)]
        identities[f"m_{steps}"] = Identity(
            momenta(grads, betas)[-1], sum(w * g for w, g in zip(weights, grads, strict=True))
        )
    found = symbolic_identity(identities, budget)
    if not all(isinstance(item, Exact) and item.holds for item in found):
        return found
    # Cauchy-Schwarz for all T: (sum q)(sum q x^2) - (sum q x)^2 grows by q_T sum_j q_j (x_j - x_T)^2.
    q, x, s0, s1, s2 = sp.symbols("q x s0 s1 s2")
    growth = (s0 + q) * (s2 + q * x**2) - (s1 + q * x) ** 2 - (s0 * s2 - s1**2)
    chain = {
        "any T: the printed product of m_{t+1} is beta_{t+1} times that of m_t": _product_steps(),
        "Cauchy-Schwarz, induction: the gap grows by q sum_j q_j (x_j - x)^2": is_zero(
            growth - q * (s2 - 2 * x * s1 + x**2 * s0)
        ),
    }
    shrink = {
        "(1 - beta_j) <= 1": Inequality(1 - B, "<=", 1),
        "beta_{1,t} <= beta_1 keeps products below powers": Inequality(B * M, "<=", (B + S) * (M + P)),
    }
    return [
        *found,
        Exact("symbolic", chain),
        *inequality(shrink, budget),
        *sufficient({"1 <= the stated factor": Inequality(1, "<=", sp.Rational(str(statement.factor)))}, budget),
        *never_violated(
            Never(MODULE, [f"expansion_bound({t}, Fraction('{statement.factor}'))" for t in (1, 2, 3)], lambda _: []),
            budget,
        ),
    ]


def _product_steps() -> bool:
    """``prod_{l=1}^{t+1-j} b_{t+2-l}``, its first factor taken out and counted from there, is that of t."""
    b, (t, j, k) = sp.IndexedBase("b"), sp.symbols("t j l", integer=True)
    longer = sp.Product(b[t + 2 - k], (k, 1, t + 1 - j)).change_index(k, k - 1)
    index, low, high = longer.limits[0]
    rest = sp.Product(longer.function, (index, low + 1, high))
    return bool(
        low == 0 and longer.function.subs(index, low) == b[t + 1] and rest == sp.Product(b[t + 1 - k], (k, 1, t - j))
    )


def expansion_bound(steps: int, factor: Fraction = Fraction(1)) -> Problem:
    """``m_T^2`` against the two sums, decays at most ``b``."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, ratios, grads = values[0], values[1 : steps + 1], values[steps + 1 :]
        m = momenta(grads, [b * r for r in ratios])[-1]
        powers = [b ** (steps - j) for j in range(1, steps + 1)]
        product = sum(powers) * sum(p * g * g for p, g in zip(powers, grads, strict=True))
        return m * m, product * factor.numerator / factor.denominator

    return Problem(
        ["b", *_names("r", steps), *_names("g", steps)],
        [SMALL, *[0] * steps, *[-1] * steps],
        [NEAR_ONE, *[1] * steps, *[1] * steps],
        sides,
    )


EXPANSION = Claim(
    id="adamomentum/theorem-1-proof-expansion",
    location="C.1.1, first display",
    statement=r"$m_T=\sum_{j\le T}(1-\beta_{1,j})\prod_{l=1}^{T-j}\beta_{1,T-l+1}g_j$ (empty products are 1), and "
    r"$m_T^2\le\bigl(\sum_j\beta_1^{T-j}\bigr)\bigl(\sum_j\beta_1^{T-j}g_j^2\bigr)$.",
    assumptions=(r"$m_0=0$, $0<\beta_{1,t}\le\beta_1<1$",),
    parts=(
        Part(
            "expansion and Cauchy-Schwarz",
            _expansion,
            printed=Expansion(_printed_weight),
            broken=Expansion(lambda t, j, b: (1 - b[j - 1]) * sp.prod(list(b[: t - j]))),
            note=r"Both hold. Sharper: the weights sum to at most one, so $m_T^2\le\sum_jw_jg_j^2$ with "
            r"$w_j=(1-\beta_{1,j})\prod\beta$; the printed bound gives away up to $(1-\beta_1)^{-2}$.",
        ),
    ),
)

# --- second-moment lower bound ---


def divisor(b: Any, s: Any) -> Any:
    """Of the square of the repaired lower bound: ``1 + beta1^2 / beta2``."""
    return 1 + b * b / (s * s)


def lower_bound(steps: int, j: int, repaired: bool = False, monotone: bool = False) -> Problem:
    """``beta2^{T-j} (1-beta1)^2 g_j^2`` against ``sum_l beta2^{T-l} m_l^2``, both squared roots; beta2 = s^2.

    ``repaired`` divides the left side by ``divisor`` for ``j >= 2``; ``monotone`` asks ``v_t <= v_{t+1}``.
    """

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, s, grads = values[0], values[1], values[2:]
        m = momenta(grads, [b] * steps)
        v = second_moments(m, s * s)
        left = s ** (2 * (steps - j)) * (1 - b) ** 2 * grads[j - 1] ** 2
        if repaired and j > 1:
            left = left / divisor(b, s)
        right = sum(s ** (2 * (steps - k)) * m[k - 1] ** 2 for k in range(1, steps + 1))
        conditions = [1000 * (s - b) - 1] + ([b2 - b1 for b1, b2 in pairwise(v)] if monotone else [])
        return left, right, *conditions

    return Problem(
        ["beta1", "s", *_names("g", steps)],
        [SMALL, Fraction(1, 10), *[-1] * steps],
        [NEAR_ONE, Fraction(999, 1000), *[1] * steps],
        sides,
    )


def _lower_bound_proof(budget: Budget) -> list[Evidence]:
    # m_j^2 + beta2 m_{j-1}^2 are two of the terms of the sum; (1 - beta) g_j = m_j - beta m_{j-1}.
    gap = divisor(B, S) * (M**2 + S**2 * P**2) - (M - B * P) ** 2
    identities = {
        "gap is a square": Identity(gap, (B * M / S + S * P) ** 2),
        "attained where m_j = -(beta2 / beta1) m_{j-1}": Identity(gap.subs(M, -(S**2) / B * P), 0),
        "first gradient: (1 - beta) g_1 = m_1": Identity(momenta([G], [B])[0], (1 - B) * G),
    }
    return symbolic_identity(identities, budget)


def summed_bound(steps: int, repaired: bool = False) -> Problem:
    """The same after the sum over j with weights ``beta1^{T-j}``, times (1 - beta1), squared."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, s, grads = values[0], values[1], values[2:]
        m = momenta(grads, [b] * steps)
        total = sum(s ** (2 * (steps - k)) * m[k - 1] ** 2 for k in range(1, steps + 1))
        left = sum(b ** (steps - j) * grads[j - 1] ** 2 for j in range(1, steps + 1))
        right = sum((b / s) ** (steps - j) * abs(grads[j - 1]) for j in range(1, steps + 1))
        factor = divisor(b, s) if repaired else 1
        return (1 - b) ** 2 * left**2, factor * total * right**2, 1000 * (s - b) - 1

    return Problem(
        ["beta1", "s", *_names("g", steps)],
        [SMALL, Fraction(1, 10), *[-1] * steps],
        [NEAR_ONE, Fraction(999, 1000), *[1] * steps],
        sides,
    )


_PAIRS = [(t, j) for t in (1, 2, 3) for j in range(1, t + 1)]

LOWER_BOUND = Claim(
    id="adamomentum/theorem-1-proof-second-moment-lower-bound",
    location="C.1.1, first display",
    statement=r"For $j\le T$: $\sqrt{\sum_{l\le T}\beta_2^{T-l}m_l^2}\ge\beta_2^{(T-j)/2}(1-\beta_{1,j})|g_j|$.",
    assumptions=(r"$m_0=0$, $\gamma=\beta_1/\sqrt{\beta_2}<1$",),
    parts=(
        Part(
            "termwise",
            never_violated,
            printed=Never(MODULE, [f"lower_bound({t}, {j})" for t, j in _PAIRS]),
            broken=Never(MODULE, ["lower_bound(2, 1)", "lower_bound(3, 2)"]),
            repair=Never(MODULE, [f"lower_bound({t}, {j}, True)" for t, j in _PAIRS], _lower_bound_proof),
            repair_note=r"divide the right side by $\sqrt{1+\beta_{1,j}^2/\beta_2}$ for $j\ge2$ (below $\sqrt2$ for "
            r"$\gamma<1$); best possible, attained at $T=j=2$, $m_2=-(\beta_2/\beta_1)m_1$",
            note=r"$m_l$ carries signs: $(1-\beta_{1,j})g_j=m_j-\beta_{1,j}m_{j-1}$ may be longer than both. True for "
            r"$T=1$ and $j=1$ only; false for every $\beta_1>0$ at $T=j=2$.",
        ),
        Part(
            "also under the theorem's monotone second moment",
            never_violated,
            printed=Never(MODULE, ["lower_bound(2, 2, False, True)", "lower_bound(3, 3, False, True)"]),
            broken=Never(MODULE, ["lower_bound(2, 2)"]),
            repair=Never(
                MODULE, ["lower_bound(2, 2, True, True)", "lower_bound(3, 3, True, True)"], _lower_bound_proof
            ),
            repair_note="as above",
            bears=False,
            note="The hypothesis does not save the step.",
        ),
        Part(
            "summed with the weights of the proof",
            never_violated,
            printed=Never(MODULE, ["summed_bound(2)", "summed_bound(3)"]),
            broken=Never(MODULE, ["lower_bound(3, 3)"]),
            repair=Never(MODULE, ["summed_bound(2, True)", "summed_bound(3, True)"], _lower_bound_proof),
            repair_note=r"times $\sqrt{1+\gamma^2}$",
            bears=False,
            note=r"$(1-\beta_1)\sum_j\beta_1^{T-j}g_j^2\le\sqrt{\sum_l\beta_2^{T-l}m_l^2}\sum_j\gamma^{T-j}|g_j|$ "
            "falls too.",
        ),
    ),
)
CLAIMS = [EXPANSION, LOWER_BOUND]
