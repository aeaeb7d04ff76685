"""Section 4.1, theorem 1: the regret bound, its hypotheses, its rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part
from ..search import Functions, Never, Problem, never_violated
from . import convex_games
from .convex_chain import _telescoping_proof
from .convex_sums import gamma_range, sum_proof
from .transcription import second_moments

MODULE = __name__
SMALL = Fraction(1, 100)
NEAR_ONE = Fraction(99, 100)


def closed_loop(
    grads: Sequence[Any],
    decays: Sequence[Any],
    s: Any,
    alpha: Any,
    start: Any,
    functions: Functions,
    debias: Any = None,
) -> tuple[list[Any], list[Any]]:
    """Distances ``e_t`` from the comparator, and the ``v_t`` under the root (corrected with ``debias = beta1``)."""
    distances, used = [start], []
    m, v = 0 * start, 0 * start
    for t, (g, b) in enumerate(zip(grads, decays, strict=True), 1):
        m = b * m + (1 - b) * g
        v = s * s * v + (1 - s * s) * m * m
        numerator, under = (m, v) if debias is None else (m / (1 - debias**t), v / (1 - s ** (2 * t)))
        used.append(under)
        distances.append(distances[-1] - alpha * numerator / functions.sqrt(t * under))
    return distances[:-1], used


@dataclass(frozen=True)
class Regret:
    """``D^2/2 (first W_T + sum_t middle W_t) + last alpha sqrt((1 + log T)/(1 - beta2)) |g|``, W = sqrt(t v) / alpha.

    ``first`` of beta1, ``middle`` of beta_{1,t} and beta1, ``last`` of beta1 and gamma.
    """

    first: Callable[[Any], Any]
    middle: Callable[[Any, Any], Any]
    last: Callable[[Any, Any], Any]


REGRET_FORMS = {
    "printed": Regret(
        lambda b: 1 / (1 - b), lambda d, b: d / (1 - b), lambda b, gamma: 1 / ((1 - b) ** 3 * (1 - gamma))
    ),
    "sharp": Regret(lambda b: 1, lambda d, b: d / (1 - d), lambda b, gamma: (1 + 3 * b) / (2 * (1 - b) ** 2)),
    "two": Regret(lambda b: 1 / (1 - b), lambda d, b: d / (1 - b), lambda b, gamma: 0),
}


def right_side(
    form: str,
    b: Any,
    s: Any,
    alpha: Any,
    width: Any,
    decays: Sequence[Any],
    used: Sequence[Any],
    norm: Any,
    functions: Any,
) -> Any:
    """The bound with D = ``width``: "printed", "sharp" (no gamma), or without its last term ("two")."""
    stated = REGRET_FORMS[form]
    roots = [functions.sqrt(t * v) / alpha for t, v in enumerate(used, 1)]
    middle = sum(stated.middle(d, b) * w for d, w in zip(decays, roots, strict=True))
    last = alpha * functions.sqrt((1 + functions.log(len(used))) / (1 - s * s)) * norm
    return width**2 / 2 * (stated.first(b) * roots[-1] + middle) + stated.last(b, b / s) * last


def bound(
    steps: int,
    form: str = "printed",
    width: str = "comparator",
    monotone: bool = True,
    any_gamma: bool = False,
    debias: bool = False,
    hat: bool = True,
) -> Problem:
    """``sum g_t (theta_t - theta^*)``, at least the regret and equal to it for suitable losses, against the bound.

    ``width``: D from the distances to the "comparator", or as printed between "iterates" only. ``monotone`` asks for
    ``v_t <= v_{t+1}`` (of what stands under the root), ``any_gamma`` drops ``gamma < 1``. ``debias``: both
    corrections, and the corrected v in the bound (``hat``) or the raw one.
    """

    def sides(values: Sequence[Any], functions: Functions) -> tuple[Any, ...]:
        b, s, alpha, start = values[:4]
        decays = [b, *[b * r for r in values[4 : 3 + steps]]]
        grads = list(values[3 + steps :])
        distances, used = closed_loop(grads, decays, s, alpha, start, functions, b if debias else None)
        if width == "comparator":
            spans = [abs(e) for e in distances]
        else:
            spans = [abs(x - y) for x, y in combinations(distances, 2)] or [0 * start]
        largest = spans[0]
        for span in spans[1:]:
            largest = functions.maximum(largest, span)
        norm = functions.sqrt(sum(g * g for g in grads))
        weighed = used
        if debias and not hat:
            weighed = [v * (1 - s ** (2 * t)) for t, v in enumerate(used, 1)]
        left = sum(g * e for g, e in zip(grads, distances, strict=True))
        right = right_side(form, b, s, alpha, largest, decays, weighed, norm, functions)
        conditions = [y - x for x, y in pairwise(used)] if monotone else []
        if not any_gamma:
            conditions.append(1000 * (s - b) - 1)
        return left, right, 1000 * abs(grads[0]) - 1, *conditions

    later = range(2, steps + 1)
    return Problem(
        ["beta1", "s", "alpha", "e1", *[f"r{t}" for t in later], *[f"g{t}" for t in range(1, steps + 1)]],
        [SMALL, SMALL, SMALL, -3, *[SMALL for _ in later], *[-1] * steps],
        [NEAR_ONE, Fraction(999, 1000), 5, 3, *[1 for _ in later], *[1] * steps],
        sides,
        "ball",
    )


def squares_in(b: Any) -> Any:
    """How often ``m_t^2 / W_t`` enters the repaired proof: 1/2 from the first part, 2 c from Young's inequality."""
    return sp.Rational(1, 2) + 2 * b / (1 - b)


def theorem_proof(form: str, any_gamma: bool, debias: bool, budget: Budget) -> list[Evidence]:
    """The repaired proof: ``g e = m e + c (m - p) e`` with p the momentum before m, W = sqrt(t v_t) / alpha.

    It gives ``W_T``, ``c_t W_t`` and ``a (1/2 + 2 c)``, with corrections a times that, against the stated constants.
    """
    b, c, m, p, e, w = sp.symbols("beta c m p e w")
    x, y, u, beta1, gamma = sp.symbols("x y u beta1 gamma")
    new = e - m / w
    young = c * w * e**2 / 2 + c * (m**2 + p**2) / w - c * e * (m - p)
    identities = {
        "g = m + c (m - p)": Identity(
            (m - b * p) / (1 - b), m + b / (1 - b) * (m - p), {b: (Fraction(1, 2), Fraction(1, 3))}
        ),
        "m e = W (e^2 - e'^2) / 2 + m^2 / (2 W)": Identity(m * e, w * (e**2 - new**2) / 2 + m**2 / (2 * w)),
        "Young: the slack is a sum of squares": Identity(young, c / (2 * w) * ((w * e - (m - p)) ** 2 + (m + p) ** 2)),
    }
    below = {u: x / (1 + x) / (1 + y), beta1: x / (1 + x)}  # beta_{1,t} <= beta_1
    bounds = {
        "c_t <= c": Inequality(u / (1 - u), "<=", beta1 / (1 - beta1), below),
        "lag: p^2 / W_t <= p^2 / W_{t-1}": Inequality(p**2 / (w + u), "<=", p**2 / w),
    }
    stated = REGRET_FORMS[form]
    squares = squares_in(beta1) / (1 - beta1) ** (2 if debias else 1)
    constants = {
        "first term": Inequality(1, "<=", stated.first(beta1), below),
        "second term": Inequality(u / (1 - u), "<=", stated.middle(u, beta1), below),
        "last term": Inequality(squares, "<=", stated.last(beta1, gamma), gamma_range(any_gamma, beta1, gamma)),
    }
    return [
        *symbolic_identity(identities, budget),
        *inequality(bounds, budget),
        *_telescoping_proof(1, budget),
        *sum_proof("free", True, budget),
        *sufficient(constants, budget),
    ]


def regret_bound(form: str, sizes: Sequence[int], any_gamma: bool = False) -> Never:
    """One of ``REGRET_FORMS``, D reaching to the comparator, and what proves it."""
    problems = [f"bound({t}, '{form}', any_gamma={any_gamma})" for t in sizes]
    return Never(MODULE, problems, partial(theorem_proof, form, any_gamma, False))


_LITERAL = Never(MODULE, ["bound(1, width='iterates')", "bound(2, width='iterates')"])
_MEANT = regret_bound("printed", (1, 2, 3))
_BROKEN = Never(MODULE, ["bound(1, 'two')", "bound(2, 'two')"])

THEOREM = Claim(
    id="adamomentum/theorem-1-regret",
    location="4.1, theorem 1",
    statement=r"$R(T)\le\frac{D^2\sqrt T}{2\alpha(1-\beta_1)}\sum_i\sqrt{v_{T,i}}+\frac{D^2}{2(1-\beta_1)}\sum_{i,t}"
    r"\frac{\beta_{1,t}\sqrt{v_{t,i}}}{\alpha_t}+\frac{\alpha\sqrt{1+\log T}}{(1-\beta_1)^3(1-\gamma)\sqrt{1-\beta_2}}"
    r"\sum_i\|g_{1:T,i}\|_2$.",
    assumptions=(
        r"$f_t$ convex, $\alpha_t=\alpha/\sqrt t$, $\beta_{1,1}=\beta_1$, $0<\beta_{1,t}\le\beta_1<1$, "
        r"$v_t\le v_{t+1}$, $\gamma<1$, no debiasing, no $\epsilon$",
        r"$\|\theta_m-\theta_n\|_\infty\le D$ for $m,n\in[T]$",
    ),
    figures=("adamomentum/regret-bound-slack",),
    parts=(
        Part(
            "the bound, distances as printed",
            never_violated,
            printed=_LITERAL,
            broken=_BROKEN,
            repair=_MEANT,
            repair_note=r"$D$ also bounds $\|\theta_t-\theta^*\|_\infty$, $t\in[T]$, as (16) uses",
            note=r"Literally $D=0$ is allowed at $T=1$. With $D$ reaching to $\theta^*$ the theorem stands, for every "
            r"schedule $\beta_{1,t}\le\beta_1$ and also without $\beta_{1,1}=\beta_1$, though two steps of its proof "
            r"fall. "
            r"Repaired proof: $g_te_t=m_te_t+c_t(m_t-m_{t-1})e_t$; the first part telescopes with the weights "
            r"$W_t=\sqrt{tv_t}/\alpha$ alone, Young gives $c_tW_te_t^2/2+c_t(m_t^2+m_{t-1}^2)/W_t$ for the second, and "
            r"$\frac12+2b\le a^2$.",
        ),
        Part(
            "a tighter bound without gamma",
            never_violated,
            printed=regret_bound("sharp", (1, 2, 3), True),
            broken=_BROKEN,
            bears=False,
            note=r"$R(T)\le\frac{D^2}2\sum_i\bigl[\frac{\sqrt{Tv_{T,i}}}\alpha+\sum_tc_t\frac{\sqrt{v_{t,i}}}{\alpha_t}\bigr]"
            r"+\frac{a(2a-\frac32)\alpha\sqrt{1+\log T}}{\sqrt{1-\beta_2}}\sum_i\|g_{1:T,i}\|_2$ for every $\gamma$. "
            r"First "
            r"term smaller by $1-\beta_1$; last by $a^2/((1-\gamma)(2a-\frac32))$, 54 at the defaults.",
        ),
        Part(
            "the printed bound where gamma exceeds one",
            never_violated,
            printed=Never(MODULE, ["bound(1, any_gamma=True)", "bound(2, any_gamma=True)"]),
            broken=_BROKEN,
            repair=regret_bound("sharp", (2,), True),
            repair_note="the tighter bound",
            bears=False,
            note="The last term is negative then. Zero gradients up to T leave both sides zero.",
        ),
        *convex_games.ALONG,
    ),
)

BOUNDED = Claim(
    id="adamomentum/theorem-1-bounded-iterates",
    location="4.1, theorem 1",
    statement=r"It is enough that distances between pairs of iterates are bounded: $\|\theta_m-\theta_n\|_\infty\le "
    r"D$, "
    r"$m,n\in[T]$.",
    assumptions=("the other hypotheses of theorem 1",),
    parts=(
        Part(
            "pairs of iterates only",
            never_violated,
            printed=_LITERAL,
            broken=_BROKEN,
            repair=_MEANT,
            repair_note=r"$\|\theta_t-\theta^*\|_\infty\le D$ for $t\in[T]$; distances between iterates and "
            r"$\theta_{T+1}$ "
            "are not needed",
            note=r"The proof bounds $|\theta_{t,i}-\theta^*_i|$. Witness: one round of "
            r"$f(\theta)=|g||\theta-\theta^*|$ far "
            "from its minimum.",
        ),
        Part(
            "twice the distance to the comparator follows for pairs",
            inequality,
            printed=Inequality(
                sp.Symbol("x") + sp.Symbol("y"),
                "<=",
                2 * sp.Symbol("d"),
                {
                    sp.Symbol("x"): sp.Symbol("d") / (1 + sp.Symbol("p")),
                    sp.Symbol("y"): sp.Symbol("d") / (1 + sp.Symbol("q")),
                },
            ),
            broken=Inequality(
                sp.Symbol("x") + sp.Symbol("y"),
                "<=",
                sp.Symbol("d"),
                {
                    sp.Symbol("x"): sp.Symbol("d") / (1 + sp.Symbol("p")),
                    sp.Symbol("y"): sp.Symbol("d") / (1 + sp.Symbol("q")),
                },
            ),
            bears=False,
            note=r"$\|\theta_t-\theta^*\|\le D$ implies pair distances at most $2D$; the converse fails.",
        ),
    ),
)

# --- the monotone second moment ---


def rises(steps: int, weighted: bool = False, limit: bool = False) -> Problem:
    """``v_{T-1}`` against ``v_T``; ``weighted``: ``(T-1) v_{T-1}`` against ``T v_T``, ``limit``: T - 1 <= b2/(1-b2)."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, b2, grads = values[0], values[1], values[2:]
        m, a = [], 0 * b
        for g in grads:
            a = b * a + (1 - b) * g
            m.append(a)
        v = second_moments(m, b2)
        factors = (steps - 1, steps) if weighted else (1, 1)
        return factors[0] * v[-2], factors[1] * v[-1], *([b2 - (steps - 1) * (1 - b2)] if limit else [])

    return Problem(
        ["beta1", "beta2", *[f"g{t}" for t in range(1, steps + 1)]],
        [SMALL, SMALL, *[-1] * steps],
        [NEAR_ONE, Fraction(999, 1000), *[1] * steps],
        sides,
    )


def _rises_proof(weighted: bool) -> Callable[[Budget], list[Evidence]]:
    def proof(budget: Budget) -> list[Evidence]:
        b, v, m, k, x, y = sp.symbols("beta2 v m k x y")
        at = {b: x / (1 + x), k: x / (1 + y)}  # t = k <= beta2 / (1 - beta2) = x
        return (
            list(
                inequality(
                    {
                        "t v <= (t + 1) (beta2 v + (1 - beta2) m^2)": Inequality(
                            k * v, "<=", (k + 1) * (b * v + (1 - b) * m**2), at
                        )
                    },
                    budget,
                )
            )
            if weighted
            else []
        )

    return proof


MONOTONE = Claim(
    id="adamomentum/theorem-1-monotone-second-moment",
    location="4.1, theorem 1",
    statement=r"$v_t\le v_{t+1}$ for all $t$ (judged: along every run of AdaMomentum).",
    figures=("adamomentum/average-regret", "adamomentum/regret-map"),
    parts=(
        Part(
            "holds along every run",
            never_violated,
            printed=Never(MODULE, ["rises(2)", "rises(3)"]),
            broken=Never(MODULE, ["rises(4)"]),
            sound=Never(MODULE, ["rises(3, True, True)"], _rises_proof(True)),
            note=r"$v_{t+1}\ge v_t$ iff $m_{t+1}^2\ge v_t$: it fails as soon as the momentum falls below the root mean "
            r"square "
            r"of the past, so in every run that converges.",
        ),
        Part(
            "the bound without it",
            never_violated,
            printed=Never(MODULE, ["bound(2, monotone=False)"]),
            broken=_BROKEN,
            repair=regret_bound("printed", (2,)),
            repair_note=r"$tv_t\le(t+1)v_{t+1}$, which is all the proof uses",
            bears=False,
            note="The hypothesis matters: two rounds suffice when the second momentum is small.",
        ),
        Part(
            "what closes the proof, and when it holds by itself",
            never_violated,
            printed=Never(MODULE, ["rises(2, True, True)", "rises(4, True, True)"], _rises_proof(True)),
            broken=Never(MODULE, ["rises(2, True)", "rises(3, True)"]),
            bears=False,
            note=r"$tv_t\le(t+1)v_{t+1}$ suffices. It holds for every gradient sequence while "
            r"$t\le\beta_2/(1-\beta_2)$ "
            r"(999 rounds at $\beta_2=0.999$), for ever with $\beta_{2,t}\ge1-1/t$, and always under a running "
            r"maximum.",
        ),
        convex_games.SHARES,
        convex_games.COUNTEREXAMPLE,
    ),
)
CLAIMS = [THEOREM, BOUNDED, MONOTONE]
