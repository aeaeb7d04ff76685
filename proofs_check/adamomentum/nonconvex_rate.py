"""Section 4.2 and C.2.6: the rate of theorem 2 and corollary 2, (21)-(25)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from analysis.nonconvex import corollary_rate, theorem_constants

from ..certificates import ball, precision
from ..checks.bounds import Inequality, coefficient_signs, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness
from .nonconvex_bias import Ascent, ascending
from .nonconvex_derivation import EXTRAPOLATED, H, derived, stated
from .nonconvex_lemmas import Bounded, on_runs

# (21)-(25)


@dataclass(frozen=True)
class Sums:
    """Factors of the right sides of (21) to (24): ``alpha_t^2 / c``, ``w_1``, ``w_1^2``, ``T w_T`` times these."""

    squares: Any = 1
    first: Any = 1
    second: Any = 1
    third: Any = 1


def falling_sums(s: Sums, budget: Budget) -> list[Evidence]:
    """(22)-(24) per coordinate for falling w and every T: termwise, and telescoping as an induction on T.

    ``u = w_T``, ``e = w_1 - w_T``, ``d`` a single decrement, at most w_1. With ``w_1 <= alpha / sqrt(c)``, and
    ``w_T >= alpha_T / H`` from ``v_T <= H^2``, these are the printed forms.
    """
    del budget
    u, e, d, low, more, a, b, c, q, b2 = sp.symbols("u e d m h a b c q beta_2", positive=True)
    first, top = e + u, e + d + u
    steps = {
        "(21), termwise: 1/v_t <= 1/c": coefficient_signs(s.squares / c - 1 / (c + d))[1],
        "telescoping: (w_1 - w_T) + (w_T - w_{T+1}) = w_1 - w_{T+1}": is_zero((a - b) + (b - c) - (a - c)),
        "(22): sum of decrements w_1 - w_T": coefficient_signs(s.first * first - e)[1],
        "(23), termwise: d^2 <= w_1 d": coefficient_signs(top * d - d**2)[1],
        "(23), sum: w_1 (w_1 - w_T)": coefficient_signs(s.second * first**2 - first * e)[1],
        "(24), termwise: w_t x_t >= w_T min x": coefficient_signs(first * (low + more) - s.third * u * low)[1],
        "v_t <= H^2: its weights sum to 1 - beta_2^t": is_zero(b2 * (1 - q) + (1 - b2) - (1 - b2 * q)),
    }
    return [Exact("certificate", steps)]


def _from_one(factor: Any) -> dict[str, Inequality]:
    """With ``delta_1 = w_1``: ``w_1 + (w_1 - w_T)`` and ``w_1^2 + w_1 (w_1 - w_T)``, u = w_T, e = w_1 - w_T."""
    u, e = sp.symbols("u e")
    first = e + u
    return {
        "(22)": Inequality(first + e, "<=", factor * first),
        "(23)": Inequality(first**2 + first * e, "<=", factor * first**2),
    }


def _level_kept(budget: Budget) -> list[Evidence]:
    """``v <= 1 + eps/(1 - b2)`` goes on to ``b2 v + (1 - b2) m^2 + eps`` for m^2 <= 1."""
    v, m, x, y, z, eps = sp.symbols("v m x y z eps", positive=True)
    b2 = x / (1 + x)
    level = 1 + eps / (1 - b2)
    below = {v: level / (1 + y), m: 1 / (1 + z)}
    return list(inequality({"kept": Inequality(b2 * v + (1 - b2) * m + eps, "<=", level, below)}, budget))


def _with_epsilon(extra: bool) -> ForAll:
    """``v_t <= H^2 (+ eps/(1 - beta_2))`` for Algorithm 1's v with |m| <= H = 1."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for b2 in ("1/2", "9/10", "999/1000"):
            for eps in ("1/10", "1/100000000"):
                for n in (1, 5, budget.pick(200, 2000)):
                    yield {"beta2": b2, "epsilon": eps, "steps": n}

    def sides(p: Any, kind: Any) -> tuple[Any, Any]:
        b2, eps = kind(Fraction(p["beta2"])), kind(Fraction(p["epsilon"]))
        v = (1 - b2 ** p["steps"]) * (1 + eps / (1 - b2))
        return v, 1 + eps / (1 - b2) if extra else 1

    def again(p: Any) -> tuple[Any, Any]:
        b2, eps, v = float(Fraction(p["beta2"])), float(Fraction(p["epsilon"])), 0.0
        for _ in range(p["steps"]):
            v = b2 * v + (1 - b2) + eps
        return v, 1 + eps / (1 - b2) if extra else 1.0

    return ForAll(
        points,
        lambda p: sides(p, Fraction),
        "<=",
        again,
        "b, e, v = float(eval(witness['beta2'])), float(eval(witness['epsilon'])), 0.0\n"
        "for _ in range(witness['steps']):\n    v = b * v + (1 - b) + e\nviolated = v > 1",
        methods=("closed form, exact", "recursion in floating point"),
        margins=(0.0, 1e-12),
        proof=_level_kept if extra else None,
    )


# Corollary 2


@dataclass(frozen=True)
class Factor:
    """``T alpha_T = alpha T^power`` and ``eta = alpha^2 (extra + log T)`` for ``alpha_t = alpha / sqrt(t)``."""

    extra: Any = 1
    power: Any = Fraction(1, 2)


def _harmonic(s: Factor, budget: Budget) -> list[Evidence]:
    """``sum_{t <= T} 1/t <= extra + log T``: at T = 1, and the increments 1/(T + 1) <= log(1 + 1/T)."""
    x = sp.Symbol("x", positive=True)
    slope = sp.diff(sp.log(1 + x) - x / (1 + x), x)
    steps = {
        "T = 1": bool(s.extra >= 1),
        "log(1 + x) - x/(1 + x) rises from 0 (x = 1/T)": coefficient_signs(slope)[0],
        "T alpha_T = alpha T^power": is_zero(x / sp.sqrt(x) - x ** sp.Rational(str(s.power))),
    }
    total, largest = Fraction(0), budget.pick(60, 300)
    for t in range(1, largest):
        total += Fraction(1, t)
        steps[f"balls, T = {t}"] = bool(ball(total) <= ball(Fraction(s.extra)) + ball(t).log())
    return [Exact("certificate", steps)]


# Theorem 2


def _informs(power: int, budget: Budget) -> list[Evidence]:
    """The bound of corollary 2 is below the trivial H^2 from some T <= 10^power on, in the most favourable case.

    H = L = d = 1, c = H^2 (the largest possible), alpha = 10^-3, beta_1 = 0.9, f(z_1) = min f.
    """
    del budget
    alpha = 1e-3
    constants = theorem_constants(1.0, 9.0, 1.0, alpha, alpha, 0.0, repaired=False)

    grid = np.logspace(0, 14, 1401)
    first = float(grid[corollary_rate(grid, constants, alpha, 1.0, 1.0) < 1.0][0])
    seen = corollary_rate([1e4, 1e6, 1e8, 1e10], constants, alpha, 1.0, 1.0)
    return [
        Sampled(
            "bound against H^2 on a logarithmic grid of T",
            1,
            int(first > 10.0**power),
            float(np.log10(10.0**power / first)),
            "T from 1 to 10^14",
            {"first T": first, "bound at T = 10^4, 10^6, 10^8, 10^10": list(seen)},
        )
    ]


# Theorem 2 without falling w


@dataclass(frozen=True)
class Drift:
    """Theorem 2 on a process that walks up a slope, at horizon T: ``min E |f'|^2 <= share * bound``.

    ``f' = slope`` for x >= 0 (below, f bends to a minimum at -1: L = slope); ``g = 4`` with chance 1/4 and -1 else, so
    that ``E g = 1/4 = slope``; ``beta_1 = beta_2 = 0``, ``alpha_t = 1/sqrt(t)``: ``w_t = alpha_t / |g_t|`` and every
    step is a sign, upwards with chance 3/4. ``falling``: the smallest w so far in its place (a running maximum of v).
    """

    horizon: int
    falling: bool = False


def _drift_sides(t: int, log: Any, sqrt: Any, exp: Any, one: Any) -> tuple[Any, Any]:
    """A lower bound of the left side, and the right side, in numbers of one kind."""
    start, slope, h = 10, Fraction(1, 4), 4
    # Azuma's maximal inequality: P(some x_k < 0, k <= t) <= exp(-start^2 / (2 sum alpha_k^2)), as the mean rises.
    eta = 1 + log(t * one)
    left = (1 - exp(-(start**2) / (2 * eta))) / 16
    # L = slope, b = 0, |w_1| <= 1, f(z_1) - min f = slope (start + 1/2); v >= c = 1, d = 1, alpha = 1.
    c1, c2, c3, c4 = theorem_constants(slope, 0, h, 0, 1, slope * (start + Fraction(1, 2)), repaired=False)
    fixed = c2 + c3 + c4
    growing = one * (c1.numerator * h**2) / c1.denominator * eta
    return left, h / sqrt(t * one) * (growing + one * fixed.numerator / fixed.denominator)


DRIFT_REPLAY = """
from math import exp, log, sqrt
from proofs_check.adamomentum.nonconvex_rate import _drift_sides
left, right = _drift_sides(witness["T"], log, sqrt, exp, 1.0)
violated = left > right
"""


def drifting(s: Drift, budget: Budget) -> list[Evidence]:
    """Compare in balls and in 50 digits; with falling w the step is ``-alpha_t g_t / max |g|``, down in the mean."""
    import mpmath

    del budget
    if s.falling:
        up, down = Fraction(3, 4) * Fraction(1, 4), Fraction(1, 4) * 4 * Fraction(1, 4)
        return [Exact("rational", {"once the 4 has come the mean step is down the slope": up < down})]
    with precision(200):
        left, right = _drift_sides(s.horizon, lambda x: x.log(), lambda x: x.sqrt(), lambda x: x.exp(), ball(1))
        balls = float(left.lower()), float(right.upper())
    with mpmath.workdps(50):
        digits = [float(v) for v in _drift_sides(s.horizon, mpmath.log, mpmath.sqrt, mpmath.exp, mpmath.mpf(1))]
    if balls[0] > balls[1]:
        return [
            Witness(
                {"T": s.horizon, "gradients": {"4": "1/4", "-1": "3/4"}, "start": 10},
                Way("ball arithmetic: least min E |f'|^2, bound", balls[0], "<=", balls[1]),
                Way("50 digits", digits[0], "<=", digits[1], margin=1e-12),
                DRIFT_REPLAY,
            )
        ]
    return [Sampled("bound at one T", 1, 0, digits[1] - digits[0], f"T = {s.horizon}", {"sides": digits})]


def _combination(factor: Any) -> Identity:
    """(25): ``T alpha_T/H X <= R`` rearranged, and Q_1 + Q_2 eta with Q_2 = C_1 H^3 / c."""
    t, a_t, eta, c, d, alpha, c1, c2, c3, c4 = sp.symbols("T alpha_T eta c d alpha C_1 C_2 C_3 C_4", positive=True)
    inner = c1 * H**2 * eta / c + c2 * d * alpha / sp.sqrt(c) + c3 * d * alpha**2 / c + c4
    q1 = H * (c2 * d * alpha / sp.sqrt(c) + c3 * d * alpha**2 / c + c4)
    over = {c: ("4", "9")}
    return Identity(H / (t * a_t) * inner, (q1 + factor * c1 * H**3 / c * eta) / (t * a_t), over)


CLAIMS = [
    Claim(
        id="adamomentum/theorem-2-rate",
        location="theorem 2",
        statement=r"$\min_tE\|\nabla f(\theta_t)\|^2\le\frac H{T\alpha_T}[C_1H^2\eta/c+C_2d\alpha/\sqrt c"
        r"+C_3d\alpha^2/c+C_4]=(Q_1+Q_2\eta(T))/(T\alpha_T)$ with $C_1,C_2,C_3$ free of $d$, $T$ and $C_4$ of $T$.",
        assumptions=(
            r"$E[g_t\mid\theta_t]=\nabla f(\theta_t)$, which the theorem does not list; no bias correction, no "
            r"$\epsilon$",
        ),
        figures=("adamomentum/nonconvex-bound-slack",),
        parts=(
            Part(
                "(20) to (25): the combination",
                symbolic_identity,
                printed=_combination(1),
                broken=_combination(2),
            ),
            Part(
                "(22)-(24) from falling step sizes",
                falling_sums,
                printed=Sums(),
                broken=Sums(first=sp.Rational(1, 2)),
                note=r"(24) needs no falling $\alpha_t$: $w_t\ge w_T\ge\alpha_T/H$.",
            ),
            Part(
                "(20) with 3/2 L, from the hypotheses as they stand",
                derived,
                printed=stated(True, EXTRAPOLATED),
                broken=stated(True, EXTRAPOLATED)._replace(c2=H**2),
                note=r"$H+LbG$ stands where the lemmas bound $\|\nabla f(z_i)\|$, $G\le\alpha H/\sqrt c$ and "
                r"$E\|w_1\|_1\le d\alpha/\sqrt c$: $C_1,C_2,C_3$ are free of $d$ and $T$, $C_4$ of $T$.",
            ),
            Part(
                "(20) on exact runs, arbitrary steps, constants with 3/2 L",
                on_runs,
                printed=Bounded("(20) with 3/2 L"),
                broken=Bounded("(20), a hundredth"),
                bears=False,
            ),
            Part(
                "without unbiased gradients: g_t = -f'(theta_t), f = sqrt(1 + x^2), T = 10^6",
                ascending,
                printed=Ascent(10**6),
                broken=Ascent(10**8),
                sound=Ascent(100),
                bears=False,
                note=r"The theorem does not say that $E[g_t\mid\theta_t]=\nabla f(\theta_t)$. Uphill all its "
                r"hypotheses hold ($w_t=1/(\sqrt t|f'|)$ falls, $v_t\ge\frac9{25}$), $f'^2\ge\frac9{25}$ for ever, "
                r"and the bound is 0.09 at $T=10^6$.",
            ),
            Part(
                "without falling w_t: a walk up a slope, T = 10^10",
                drifting,
                printed=Drift(10**10),
                broken=Drift(10**12),
                repair=Drift(10**10, falling=True),
                repair_note=r"$w_t\ge w_{t+1}$, for instance by a running maximum of $v_t$",
                bears=False,
                note=r"All other hypotheses hold. The step is a sign, and three signs of four point up: $\|\nabla f\|^2"
                r"=\frac1{16}$ for ever while the bound falls like $\log T/\sqrt T$, to 0.025 at $T=10^{10}$.",
            ),
            Part(
                "where it says more than the trivial bound: some T up to 10^8",
                _informs,
                printed=8,
                broken=6,
                bears=False,
                note=r"At best ($H=L=d=1$, $c=H^2$, $\alpha=10^{-3}$, $\beta_1=0.9$) the bound falls below $H^2$ at "
                r"about $T=8.3\cdot10^7$; at $10^4$ it is 91.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/corollary-2-rate",
        location="corollary 2",
        statement=r"$\alpha_t=\alpha/\sqrt t$ gives $T\alpha_T=\alpha\sqrt T$, $\eta=\alpha^2(1+\log T)$, hence "
        r"$O(\log T/\sqrt T)$.",
        figures=("adamomentum/nonconvex-bound-slack",),
        parts=(
            Part(
                "the harmonic sum and the factor",
                _harmonic,
                printed=Factor(),
                broken=Factor(extra=Fraction(1, 2)),
                note=r"The constant 1 is sharp at $T=1$; $0.5773$ is its limit. $w_t\ge w_{t+1}$ is still assumed.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/equations-21-to-25",
        location="(21)-(25)",
        statement=r"$E\sum\|w_tg_t\|^2\le H^2\eta/c$, $E\sum\|\delta_t\|_1\le d\alpha/\sqrt c$, $E\sum\|\delta_t\|^2"
        r"\le d\alpha^2/c$, left side of (20) $\ge\frac{T\alpha_T}H\min_tE\|\nabla f\|^2$.",
        assumptions=(r"sums of $\delta_t$ from $t=2$; no $\epsilon$ in $v_t$",),
        parts=(
            Part(
                "(22), (23), (24) per coordinate",
                falling_sums,
                printed=Sums(),
                broken=Sums(third=2),
                note=r"(21) is termwise: $\alpha_t^2/v_t\le\alpha_t^2/c$. (23): $\sum\delta^2\le w_1\sum|\delta|$; the "
                "printed reason, a square equal to a difference, is not one.",
            ),
            Part(
                "(22) and (23) with their sums from t = 1, where w_0 does not exist: with w_0 = 0",
                inequality,
                printed=_from_one(1),
                broken=_from_one(sp.Rational(1, 2)),
                repair=_from_one(2),
                repair_note=r"twice the right sides, or sums from $t=2$",
                bears=False,
                note=r"$\delta_1=w_1$ comes on top of $w_1-w_T$. Only $C_1$ to $C_4$ change.",
            ),
            Part("(25)", symbolic_identity, printed=_combination(1), broken=_combination(2)),
            Part(
                r"v_t <= H^2 with Algorithm 1's epsilon",
                for_all,
                printed=_with_epsilon(False),
                broken=_with_epsilon(False),
                repair=_with_epsilon(True),
                repair_note=r"$\sqrt{H^2+\epsilon/(1-\beta_2)}$ for $H$ in (24)",
                bears=False,
                note="With epsilon in the state the root exceeds H for constant gradients.",
            ),
        ),
    ),
]
