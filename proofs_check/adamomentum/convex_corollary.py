"""Section 4.1 and appendix C.1.2: corollary 1, its displays, the rate of the bound, the version with corrections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Unsatisfiable
from ..search import Functions, Never, Problem, never_violated
from .convex_theorem import closed_loop, theorem_proof
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

# --- (19) ---


@dataclass(frozen=True)
class Series:
    """``sum_{t<=T} t lam^t <= limit(lam)``, with ``sqrt(t) <= t``, for 0 < lam < 1."""

    limit: Callable[[Any], Any]


def _series(statement: Series, budget: Budget) -> list[Evidence]:
    lam, t, x = sp.symbols("lam T x", positive=True)
    below = {lam: x / (1 + x)}
    closed = (lam - (t + 1) * lam ** (t + 1) + t * lam ** (t + 2)) / (1 - lam) ** 2
    step = closed.subs(t, t + 1) - closed - (t + 1) * lam ** (t + 1)
    k = sp.Symbol("k")
    exact = {
        "closed form of sum t lam^t, start": is_zero(closed.subs(t, 0)),
        "closed form of sum t lam^t, step": is_zero(sp.expand_power_exp(sp.expand(step))) or is_zero(step),
        "what is missing to lam / (1 - lam)^2": is_zero(
            sp.expand((lam / (1 - lam) ** 2 - closed) * (1 - lam) ** 2 - lam ** (t + 1) * (1 + t * (1 - lam)))
        ),
    }
    return [
        *inequality(
            {
                "lam / (1 - lam)^2 is below the limit": Inequality(
                    lam / (1 - lam) ** 2, "<=", statement.limit(lam), below
                ),
                "t <= t^2 for t >= 1": Inequality(1 + k, "<=", (1 + k) ** 2),
            },
            budget,
        ),
        Exact("symbolic", exact),
    ]


def _growth(power: float, budget: Budget) -> list[Evidence]:
    """``(1 - lam)^power sum sqrt(t) lam^t`` tends to a finite positive limit: polylogarithm, in 50 digits."""
    import mpmath

    del budget
    with mpmath.workdps(50):
        values = [
            float(mpmath.polylog(mpmath.mpf(-1) / 2, 1 - mpmath.mpf(10) ** -k).real * mpmath.mpf(10) ** (-k * power))
            for k in (3, 4, 5)
        ]
    drift = abs(values[-1] / values[0] - 1)
    return [Sampled("polylogarithm", 3, int(drift > 0.05), 0.05 - drift, "1 - lam = 1e-3 to 1e-5", {"values": values})]


EQUATION_19 = Claim(
    id="adamomentum/equation-19",
    location="C.1.2, (19)",
    statement=r"$\sum_{t\le T}\lambda^t\sqrt t\le\sum_{t\le T}t\lambda^t\le(1-\lambda)^{-2}$.",
    assumptions=(r"$0<\lambda<1$",),
    parts=(
        Part(
            "both inequalities",
            _series,
            printed=Series(lambda lam: (1 - lam) ** -2),
            broken=Series(lambda lam: (1 - lam) ** -1),
            note=r"Sharp: $\sum_{t\ge1}t\lambda^t=\lambda/(1-\lambda)^2$, the missing part being "
            r"$\lambda^{T+1}(1+T(1-\lambda))/(1-\lambda)^2$. At $\lambda=1$ the last member is infinite, for "
            r"$\lambda>1$ "
            "it is false.",
        ),
        Part(
            "what the first inequality gives away as lam tends to one",
            _growth,
            printed=1.5,
            broken=2.0,
            bears=False,
            note=r"$\sum\lambda^t\sqrt t\sim\Gamma(\frac32)(1-\lambda)^{-3/2}$: too large by $(1-\lambda)^{-1/2}$.",
        ),
    ),
)

# --- (18) and the corollary ---


def _sign(x: Any) -> Any:
    return np.sign(x) if isinstance(x, np.ndarray) else (1 if x > 0 else -1)


def _last_term(form: str, b: Any, s: Any, alpha: Any, steps: int, functions: Functions) -> Any:
    """Bound of the sum of squared momenta, G = 1: "above" has sqrt(T), "extracted" 1/sqrt(T), "flat" no log."""
    a = 1 / (1 - b)
    if form == "flat":
        return a * (2 * a - 1.5) * alpha * 2 * functions.sqrt(steps / (1 - s * s))
    power = steps if form == "above" else 1 / (1 + 0 * b) / steps
    return a**3 / (1 - b / s) * alpha * functions.sqrt((1 + functions.log(steps)) * power / (1 - s * s))


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
        a = 1 / (1 - b)
        if series:
            middle = b * sum(lam**t * functions.sqrt(t + 0 * b) for t in range(1, steps + 1))
        else:
            middle = b / (1 - lam) ** 2
        right = a * largest**2 / (2 * alpha) * (functions.sqrt(steps + 0 * b) + middle)
        right = right + _last_term(form, b, s, alpha, steps, functions)
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


def _corollary_proof(budget: Budget) -> list[Evidence]:
    b, alpha, d, g, n, lam, root = sp.symbols("beta1 alpha D G T lam L", positive=True)
    gamma, b2 = sp.symbols("gamma b2", positive=True)
    a = 1 / (1 - b)
    last16 = alpha * a**3 * root / ((1 - gamma) * sp.sqrt(1 - b2)) * g * sp.sqrt(n)  # root = sqrt(1 + log T)
    identities = {
        "first term / T": Identity(
            d**2 * sp.sqrt(n) / (2 * alpha) * a * g / n, a * d**2 * g / (2 * alpha * sp.sqrt(n))
        ),
        "last term / T": Identity(last16 / n, a**3 * g * alpha * root / ((1 - gamma) * sp.sqrt(1 - b2) * sp.sqrt(n))),
        "second term with (19)": Identity(
            d**2 * a / 2 * b * g / alpha / (1 - lam) ** 2 / n, a * d**2 * g * b / (2 * alpha * (1 - lam) ** 2 * n)
        ),
    }
    return [
        *theorem_proof(budget),
        *symbolic_identity(identities, budget),
        *_bounded_proof(budget),
        *_series(Series(lambda x: (1 - x) ** -2), budget),
    ]


def _flat_proof(budget: Budget) -> list[Evidence]:
    t, x = sp.symbols("t x")
    # sum 1/sqrt(t) <= 2 sqrt(T): 1/sqrt(t) <= 2 (sqrt(t) - sqrt(t - 1)), with r = sqrt(t - 1), t = r^2 + 1.
    q = sp.symbols("q")
    step = {
        "2 (sqrt(t) - sqrt(t-1)) - 1/sqrt(t) = (sqrt(t) - sqrt(t-1))^2 / sqrt(t)": Identity(
            (2 * (t - q) - 1 / t) * t, (t - q) ** 2 + (t**2 - q**2 - 1)
        )
    }
    del x
    return [*_corollary_proof(budget), *symbolic_identity(step, budget)]


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
            repair=Never(
                MODULE,
                ["display(2)", "display(6, 'above', True, 0, True)", "display(12, 'above', True, 0, True)"],
                _corollary_proof,
            ),
            repair_note=r"last term $\frac{a^3dG_\infty\alpha\sqrt{(1+\log T)T}}{(1-\gamma)\sqrt{1-\beta_2}}$, from "
            r"$\|g_{1:T,i}\|_2\le G_\infty\sqrt T$",
            reading="as extracted",
            note=r"The last term is already divided by $T$, the other two are not.",
        ),
        Part(
            "last term with sqrt(T) above",
            never_violated,
            printed=Never(MODULE, ["display(2)", "display(6, 'above', True, 0, True)"], _corollary_proof),
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
            repair=Never(
                MODULE,
                ["display(1, 'above', False)", "display(2, 'above', False, 1)", "display(2, 'above', False)"],
                _corollary_proof,
            ),
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
            printed=Never(MODULE, ["display(2, 'flat', False, 1)", "display(8, 'flat', False, 1, True)"], _flat_proof),
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
