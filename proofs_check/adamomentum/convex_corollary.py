"""Section 4.1 and appendix C.1.2: corollary 1, its displays, the rate of the bound, the version with corrections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Unsatisfiable
from ..search import Functions, Never, Problem, never_violated
from .convex_series import EQUATION_19, Series, _series
from .convex_sums import gamma_range
from .convex_theorem import REGRET_FORMS, closed_loop, squares_in, theorem_proof
from .transcription import momenta

MODULE = __name__
SMALL = Fraction(1, 100)
NEAR_ONE = Fraction(99, 100)

# --- bounded averages ---


def averages_bounded(steps: int, which: str, epsilon: str = "none", corrected: bool = False) -> Problem:
    """``m_T^2`` or ``v_T`` against G^2 = 1, gradients in [-1, 1]; ``epsilon`` "state": added at every step.

    ``corrected`` adds ``epsilon (1 - beta2^T) / (1 - beta2)`` to the right side.
    """

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, b2, eps = values[:3]
        grads = values[3 + steps :]
        m = momenta(grads, [b * r for r in values[3 : 3 + steps]])
        if which == "m":
            return m[-1] ** 2, 1 + 0 * b
        v = 0 * b
        for x in m:
            v = b2 * v + (1 - b2) * x * x + (eps if epsilon == "state" else 0)
        return v, 1 + (eps * (1 - b2**steps) / (1 - b2) if corrected else 0 * b)

    rest = range(1, steps + 1)
    return Problem(
        ["beta1", "beta2", "epsilon", *[f"r{t}" for t in rest], *[f"g{t}" for t in rest]],
        [SMALL, SMALL, SMALL, *[0] * steps, *[-1] * steps],
        [NEAR_ONE, NEAR_ONE, 1, *[1] * steps, *[1] * steps],
        sides,
    )


def _bounded_proof(budget: Budget) -> list[Evidence]:
    b, m, g, x, y, z, e = sp.symbols("beta m g x y z e")
    u = x / (1 + x)
    slack = b * m**2 + (1 - b) * g**2 - (b * m + (1 - b) * g) ** 2
    n = sp.Symbol("n", positive=True)
    level = 1 + e * (1 - b**n) / (1 - b)
    return [
        *symbolic_identity(
            {
                "square is convex: the slack is b (1 - b) (m - g)^2": Identity(slack, b * (1 - b) * (m - g) ** 2),
                "with epsilon the level itself obeys the recursion": Identity(
                    b * level + (1 - b) + e, 1 + e * (1 - b ** (n + 1)) / (1 - b)
                ),
            },
            budget,
        ),
        *inequality({"b m^2 + (1 - b) g^2 <= 1": Inequality(u * y / (1 + y) + (1 - u) * z / (1 + z), "<=", 1)}, budget),
    ]


INDUCTION = Claim(
    id="adamomentum/corollary-1-induction",
    location="C.1.2",
    statement=r"$m_{t,i}^2\le G_\infty^2$ and $v_{t,i}\le G_\infty^2$ for all $t$.",
    assumptions=(r"$|g_{t,i}|\le G_\infty$, section 4's recursion: no $\epsilon$ in $v_t$",),
    main_reading="section 4",
    reading_reason="C.1.2 itself writes the recursion without the damping term",
    parts=(
        Part(
            "momentum",
            never_violated,
            printed=Never(MODULE, [f"averages_bounded({t}, 'm')" for t in (1, 2)], _bounded_proof),
            broken=Never(MODULE, ["averages_bounded(1, 'v', 'state')"]),
            reading="section 4",
        ),
        Part(
            "second moment",
            never_violated,
            printed=Never(MODULE, [f"averages_bounded({t}, 'v')" for t in (1, 2)], _bounded_proof),
            broken=Never(MODULE, ["averages_bounded(1, 'v', 'state')"]),
            reading="section 4",
            note=r"Sharper: $v_t\le(1-\beta_2^t)G_\infty^2$.",
        ),
        Part(
            "second moment of Algorithm 1",
            never_violated,
            printed=Never(MODULE, [f"averages_bounded({t}, 'v', 'state')" for t in (1, 2)]),
            broken=Never(MODULE, ["averages_bounded(3, 'v', 'state')"]),
            repair=Never(MODULE, [f"averages_bounded({t}, 'v', 'state', True)" for t in (1, 2)], _bounded_proof),
            repair_note=r"$v_t\le G_\infty^2+\epsilon\frac{1-\beta_2^t}{1-\beta_2}$",
            reading="Algorithm 1",
            bears=False,
            note=r"With $\epsilon$ in the state the level is $G_\infty^2+\epsilon/(1-\beta_2)$.",
        ),
    ),
)

# --- (18) and the corollary ---


def _sign(x: Any) -> Any:
    return np.sign(x) if isinstance(x, np.ndarray) else (1 if x > 0 else -1)


@dataclass(frozen=True)
class Display:
    """``D^2/(2 alpha) (first sqrt(T) + middle series) + last alpha sqrt((1 + log T) T/(1 - beta2))``, G = d = 1.

    ``first`` and ``middle`` of beta1, ``last`` of beta1, gamma and T; ``limit`` of lambda may stand for the series
    ``sum lam^t sqrt(t)``; without ``log`` the last term has no ``1 + log T``.
    """

    first: Callable[[Any], Any]
    middle: Callable[[Any], Any]
    last: Callable[[Any, Any, Any], Any]
    limit: Callable[[Any], Any] = lambda lam: (1 - lam) ** -2
    log: bool = True


def _with_last(last: Callable[[Any, Any, Any], Any], log: bool = True) -> Display:
    return Display(lambda b: 1 / (1 - b), lambda b: b / (1 - b), last, log=log)


DISPLAYS = {
    "above": _with_last(lambda b, gamma, steps: REGRET_FORMS["printed"].last(b, gamma)),
    "extracted": _with_last(lambda b, gamma, steps: REGRET_FORMS["printed"].last(b, gamma) / steps),
    "flat": _with_last(lambda b, gamma, steps: 2 * REGRET_FORMS["sharp"].last(b, gamma), log=False),
}


def _last_term(form: str, b: Any, s: Any, alpha: Any, steps: int, functions: Functions) -> Any:
    """Bound of the sum of squared momenta, G = 1."""
    stated = DISPLAYS[form]
    grown = steps * (1 + functions.log(steps) if stated.log else 1 + 0 * b)
    return stated.last(b, b / s, steps) * alpha * functions.sqrt(grown / (1 - s * s))


def display(steps: int, form: str = "above", series: bool = True, shift: int = 0, signs: bool = False) -> Problem:
    """Regret against (18), or (``series`` False) against T times corollary 1, with G = 1, d = 1.

    ``shift``: decays ``beta1 lam^{t - shift}``. ``signs``: all losses are ``|theta - theta^*|``, the gradients then
    follow from the run; otherwise they are free.
    """

    def sides(values: Sequence[Any], functions: Functions) -> tuple[Any, ...]:
        b, s, alpha, start, lam = values[:5]
        decays = [b * lam ** (t - shift) for t in range(1, steps + 1)]
        grads = list(values[5:])
        if signs:
            # One round after the other: the next gradient is the sign of the next distance.
            grads = [_sign(start)]
            for _ in range(1, steps):
                known = [*grads, grads[-1]]
                distances, _ = closed_loop(known, decays[: len(known)], s, alpha, start, functions)
                grads.append(_sign(distances[-1]))
        distances, used = closed_loop(grads, decays, s, alpha, start, functions)
        largest = abs(distances[0])
        for e in distances[1:]:
            largest = functions.maximum(largest, abs(e))
        stated = DISPLAYS[form]
        if series:
            grown = sum(lam**t * functions.sqrt(t + 0 * b) for t in range(1, steps + 1))
        else:
            grown = stated.limit(lam)
        outer = stated.first(b) * functions.sqrt(steps + 0 * b) + stated.middle(b) * grown
        right = largest**2 / (2 * alpha) * outer + _last_term(form, b, s, alpha, steps, functions)
        left = sum(g * e for g, e in zip(grads, distances, strict=True))
        rises = [y - x for x, y in pairwise(used)]
        return left, right, 1000 * abs(grads[0]) - 1, 1000 * (s - b) - 1, *rises

    free = [] if signs else [f"g{t}" for t in range(1, steps + 1)]
    return Problem(
        ["beta1", "s", "alpha", "e1", "lam", *free],
        [SMALL, SMALL, SMALL, -3, SMALL, *[-1 for _ in free]],
        [NEAR_ONE, Fraction(999, 1000), 5, 3, NEAR_ONE, *[1 for _ in free]],
        sides,
        "ball",
    )


def _corollary_proof(form: str, series: bool, shifts: Sequence[int], budget: Budget) -> list[Evidence]:
    """Theorem 1's parts with ``sqrt(v_t) <= 1``, ``|g_{1:T}| <= sqrt(T)``, the schedules, against the stated form."""
    b, u, gamma, lam, x, y, n = sp.symbols("beta1 u gamma lam x y n")
    stated = DISPLAYS[form]
    gammas = gamma_range(False, b, gamma)
    below = {b: x / (1 + x), u: 1 / (1 + y), lam: n / (1 + n)}
    # sum m_t^2/sqrt(t v_t), times sqrt(1 - beta2): a sqrt((1 + log T) T), or sum |m_t|/sqrt(t) <= 2 sqrt(T).
    squares = squares_in(b) * (1 / (1 - b) if stated.log else 2)
    constants = {
        "first term": Inequality(1, "<=", stated.first(b), below),
        "second term: c_t <= its factor times beta_{1,t} / beta1": Inequality(
            b * u / (1 - b * u), "<=", stated.middle(b) * u, below
        ),
        "last term": Inequality(squares, "<=", stated.last(b, gamma, 1 + n), gammas),
    }
    for shift in shifts:  # beta_{1,t} = beta1 lam^{t - shift}, at most beta1
        power = lam**-shift
        total = (power, 1) if series else (power * lam / (1 - lam) ** 2, stated.limit(lam))
        constants[f"schedule lam^(t - {shift}): its series"] = Inequality(total[0], "<=", total[1], below)
    return [
        *theorem_proof("sharp", True, False, budget),
        *_bounded_proof(budget),
        *_series(Series(lambda x: x / (1 - x) ** 2), budget),
        *([] if stated.log else _flat_sum(budget)),
        *sufficient(constants, budget),
    ]


def _flat_sum(budget: Budget) -> list[Evidence]:
    """``sum 1/sqrt(t) <= 2 sqrt(T)``: ``1/r <= 2 (r - q)`` for ``r = sqrt(t)``, ``q = sqrt(t - 1)``."""
    r, q = sp.symbols("r q")
    slack = Identity((2 * (r - q) - 1 / r) * r, (r - q) ** 2 + (r**2 - q**2 - 1))
    return symbolic_identity({"2 (r - q) - 1/r = (r - q)^2 / r where q^2 = r^2 - 1": slack}, budget)


def average_bound(form: str, calls: Sequence[tuple[int, int, bool]], series: bool) -> Never:
    """One of ``DISPLAYS`` for runs of T, shift, signs each, and what proves it for all T."""
    problems = [f"display({t}, '{form}', {series}, {shift}, {signs})" for t, shift, signs in calls]
    shifts = sorted({shift for _, shift, _ in calls})
    return Never(MODULE, problems, partial(_corollary_proof, form, series, shifts))


def _schedules(exponent: Callable[[int], int], budget: Budget) -> list[Evidence]:
    """Whether ``beta_{1,t} = beta_1 lam^{exponent(t)}`` can meet ``beta_{1,1} = beta_1`` for some 0 < lam < 1."""
    del budget
    lam = sp.Symbol("lam", positive=True)
    solutions = sp.solveset(lam ** exponent(1) - 1, lam, sp.Interval.open(0, 1))
    if solutions is sp.S.EmptySet:
        steps = {"beta_1 lam^e = beta_1 has no solution with 0 < lam < 1": solutions is sp.S.EmptySet}
        return [Unsatisfiable("symbolic", steps)]
    return [Exact("symbolic", {"every 0 < lam < 1 meets beta_{1,1} = beta_1": is_zero(lam ** exponent(1) - 1)})]


def literal(steps: int) -> Problem:
    """Corollary 1 at d = 1 with D between iterates only, as theorem 1 prints: T = 1 allows D = 0."""
    base = display(steps, "above", False)

    def sides(values: Sequence[Any], functions: Functions) -> tuple[Any, ...]:
        left, _, *conditions = base.sides(values, functions)
        b, s, alpha = values[:3]
        return left, _last_term("above", b, s, alpha, 1, functions), *conditions

    return Problem(base.names, base.low, base.high, sides, "ball")


EQUATION_18 = Claim(
    id="adamomentum/equation-18",
    location="C.1.2, (18)",
    statement=r"$R(T)\le\frac{adG_\infty D^2}{2\alpha}\bigl(\sqrt T+\beta_1\sum_t\lambda^t\sqrt t\bigr)+"
    r"\frac{a^3dG_\infty\alpha\sqrt{1+\log T}}{(1-\gamma)\sqrt{(1-\beta_2)T}}$.",
    assumptions=(r"as corollary 1, $D$ reaching to $\theta^*$",),
    main_reading="as extracted",
    reading_reason="the text shows T under the root in the denominator, in the same letters as the line for R(T)/T",
    parts=(
        Part(
            "last term with 1/sqrt(T)",
            never_violated,
            printed=Never(
                MODULE, ["display(6, 'extracted', True, 0, True)", "display(12, 'extracted', True, 0, True)"]
            ),
            broken=Never(MODULE, ["display(16, 'extracted', True, 0, True)"]),
            repair=average_bound("above", ((2, 0, False), (6, 0, True), (12, 0, True)), series=True),
            repair_note=r"last term $\frac{a^3dG_\infty\alpha\sqrt{(1+\log T)T}}{(1-\gamma)\sqrt{1-\beta_2}}$, from "
            r"$\|g_{1:T,i}\|_2\le G_\infty\sqrt T$",
            reading="as extracted",
            note=r"The last term is already divided by $T$, the other two are not.",
        ),
        Part(
            "last term with sqrt(T) above",
            never_violated,
            printed=average_bound("above", ((2, 0, False), (6, 0, True)), series=True),
            broken=Never(MODULE, ["display(12, 'extracted', True, 0, True)"]),
            reading="sqrt(T) above",
            note="Follows from (17), and dividing it by T gives corollary 1.",
        ),
    ),
)

COROLLARY = Claim(
    id="adamomentum/corollary-1-average-regret",
    location="4.1, corollary 1",
    statement=r"$\frac{R(T)}T\le\frac{a^3dG_\infty\alpha\sqrt{1+\log "
    r"T}}{(1-\gamma)\sqrt{(1-\beta_2)T}}+\frac{adD^2G_\infty}"
    r"{2\alpha\sqrt T}+\frac{adD^2G_\infty\beta_1}{2\alpha(1-\lambda)^2T}=\tilde O(1/\sqrt T)$ for all $T\ge1$.",
    assumptions=(
        r"theorem 1's, $\beta_{1,t}=\beta_1\lambda^t$, $\|\nabla f_t\|_\infty\le G_\infty$",
        r"$0<\lambda<1$ (not printed)",
    ),
    figures=("adamomentum/average-regret", "adamomentum/regret-map", "adamomentum/regret-bound-slack"),
    parts=(
        Part(
            "the bound, distances as printed",
            never_violated,
            printed=Never(MODULE, ["literal(1)"]),
            broken=Never(MODULE, ["display(12, 'extracted', False, 0, True)"]),
            repair=average_bound("above", ((1, 0, False), (2, 1, False), (2, 0, False)), series=False),
            repair_note=r"$D$ also bounds $\|\theta_t-\theta^*\|_\infty$; the schedule is $\beta_1\lambda^{t-1}$, or "
            r"$\beta_{1,1}=\beta_1$ is dropped (it is not needed)",
            note=r"Inherits theorem 1's gap: at $T=1$ the printed hypotheses allow $D=0$. With $D$ to $\theta^*$ the "
            "deduction holds for both schedules.",
        ),
        Part(
            "the schedule against theorem 1's hypotheses",
            _schedules,
            printed=lambda t: t,
            broken=lambda t: 2 * t,
            sound=lambda t: t - 1,
            note=r"$\beta_{1,1}=\beta_1$ and $\beta_{1,t}=\beta_1\lambda^t$ contradict each other for $\lambda<1$, and "
            r"at "
            r"$\lambda=1$ the last term is infinite. Neither the proof nor the bound needs $\beta_{1,1}=\beta_1$.",
        ),
        Part(
            "without the logarithm",
            never_violated,
            printed=average_bound("flat", ((2, 1, False), (8, 1, True)), series=False),
            broken=Never(MODULE, ["display(12, 'extracted', False, 0, True)"]),
            bears=False,
            note=r"Under bounded gradients "
            r"$\sum_t\frac{m_t^2}{\sqrt{tv_t}}\le\frac1{\sqrt{1-\beta_2}}\sum_t\frac{|m_t|}"
            r"{\sqrt t}\le\frac{2G_\infty\sqrt T}{\sqrt{1-\beta_2}}$: the last term becomes "
            r"$\frac{2a(2a-3/2)dG_\infty\alpha}{\sqrt{(1-\beta_2)T}}$ and $R(T)/T=O(1/\sqrt T)$, for every $\gamma$. "
            r"The "
            "logarithm is not necessary.",
        ),
    ),
)

CLAIMS = [COROLLARY, INDUCTION, EQUATION_18, EQUATION_19]
