"""Section 3.2: can assumptions 3 and 4 be met where the proofs use them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Unsatisfiable

B1, T = sp.symbols("beta_1 t", positive=True)

# --- assumption 3 ---


@dataclass(frozen=True)
class Start:
    """Momentum and second moment at time 0, in units of the gradient there and of its square."""

    momentum: Any
    second_moment: Any


def met_at_the_start(start: Start, budget: Budget) -> list[Evidence]:
    """Is there a ``tau > 0`` with ``|m| >= tau |grad f|``, and a ``v_- > 0`` below ``sqrt(v)``, near time 0?

    ``m_t = m_0 e^{-b t} + int b e^{-b (t - s)} grad f ds``: up to ``o(1)`` the share of the gradient in m is below.
    """
    del budget
    share = sp.limit(start.momentum * sp.exp(-B1 * T) + (1 - sp.exp(-B1 * T)), T, 0, "+")
    if share == 0 and sp.sympify(start.second_moment) == 0:
        steps = {
            "|m_t| / |grad f| -> 0 as t -> 0+: below every tau > 0, also almost everywhere": share == 0,
            "sqrt(v_0) = 0 lies above no v_- > 0": sp.sqrt(start.second_moment) == 0,
        }
        return [Unsatisfiable("symbolic", steps)]
    held = {"some tau > 0": bool(share > 0), "some v_- > 0": bool(sp.sympify(start.second_moment) > 0)}
    return [Exact("symbolic", held)]


def momenta_agree(scale: Any, budget: Budget) -> list[Evidence]:
    """``|m - m^| <= tau_m |int (m - m^)|`` against a noise of scale ``scale``: Gronwall's inequality.

    With ``F = int_0^t (m - m^)``, ``|F'| <= tau_m |F|`` and F(0) = 0: ``e^{-2 tau t} |F|^2`` cannot rise from 0.
    """
    tau = sp.Symbol("tau_m", positive=True)
    f = sp.Function("F")(T)
    weighted = sp.exp(-2 * tau * T) * f**2
    mu, gap, r = sp.symbols("mu D r", positive=True)
    steps = {
        "d/dt e^{-2 tau t} F^2 = 2 e^{-2 tau t} (F F' - tau F^2)": is_zero(
            sp.diff(weighted, T) - 2 * sp.exp(-2 * tau * T) * (f * sp.diff(f, T) - tau * f**2)
        ),
        "|F'| <= tau |F| makes F F' - tau F^2 <= 0: (tau - r) F^2 with |F'| = (tau - r) |F|": bool(
            (tau * gap**2 - (tau - r) * gap * gap - r * gap**2).expand() == 0
        ),
        "squares on both norms: the same with sqrt(tau)": bool(sp.sqrt(tau).is_positive),
        "so F = 0, m = m^, and dm = b (grad f - m) dt gives equal gradients; strong convexity: equal points": bool(
            (mu * gap**2).is_positive
        ),
    }
    if sp.sympify(scale) == 0:
        return [Exact("symbolic", steps)]
    steps["but a noise of positive scale moves the point"] = bool(sp.sympify(scale).is_positive)
    del budget
    return [Unsatisfiable("symbolic", steps)]


def _integral(sign: int) -> Identity:
    """``d/dt log(1 + f(theta_t)) = f' theta' / (1 + f)`` along the flow against ``sign`` times the integrand."""
    slope, m, q, root, level = sp.symbols("slope m q R f", positive=True)
    move = -q * m / root
    return Identity(sp.diff(sp.log(1 + level), level) * slope * move, sign * slope / (1 + level) * q * m / root)


def _turning(time: Any) -> Mapping[str, Identity]:
    """Underdamped flow ``x'' + b x' + (b^2/4 + w^2) x = 0`` from rest: the momentum (a multiple of x') at ``time``."""
    b, w = sp.symbols("b w", positive=True)
    x = sp.exp(-b * T / 2) * (sp.cos(w * T) + b / (2 * w) * sp.sin(w * T))
    values = {b: ("1/2", "1"), w: (1, 2)}
    equation = sp.simplify(sp.diff(x, T, 2) + b * sp.diff(x, T) + (b**2 / 4 + w**2) * x)
    return {
        "solves the flow": Identity(equation, 0),
        "starts at rest": Identity(sp.diff(x, T).subs(T, 0), 0),
        "the momentum vanishes": Identity(sp.simplify(sp.diff(x, T).subs(T, time(w))), 0, values),
        "away from the minimum": Identity(
            sp.simplify(x.subs(T, time(w))), -sp.exp(-b * sp.pi / (2 * w)) if time(w) != 0 else 1, values
        ),
    }


# --- assumption 4 ---


def bounded_and_stable(allowed: str, budget: Budget) -> list[Evidence]:
    """Bounded noise against the p-stable law ``E exp(iu zeta) = exp(-|u|^p)`` for every p in (0, 2].

    ``allowed``: "stable", "gaussian" for p = 2 alone, or "two values" for a bounded noise.
    """
    del budget
    u, k, y, s = sp.symbols("u k y s", positive=True)
    if allowed == "two values":
        variance = sp.limit(2 * (1 - sp.cos(u)) / u**2, u, 0)
        return [Exact("symbolic", {"two values: variance 1, bounded by 1": variance == 1})]
    below = (1 + y) * sp.exp(-y)
    fourth = sp.exp(-(u**2)).diff(u, 4).subs(u, 0)
    tail = sp.erfc(k / 2)  # P(|zeta| > k) at variance 2
    steps = {
        "1 - exp(-y) >= y / (1 + y): (1 + y) exp(-y) falls from 1": bool(
            below.subs(y, 0) == 1 and sp.simplify(sp.diff(below, y) + y * sp.exp(-y)) == 0
        ),
        "p = 2 - s < 2: 2 (1 - exp(-u^p)) / u^2 >= 2 u^(-s) / (1 + u^p) -> oo, while it tends to the second moment, "
        "which a bounded variable has": sp.limit(u**-s, u, 0, "+") == sp.oo,
        "p = 2: variance 2, fourth moment 12: Gaussian": bool(
            sp.limit(2 * (1 - sp.exp(-(u**2))) / u**2, u, 0) == 2 and fourth == 12
        ),
        "p = 2: P(|zeta| > k) falls to 0 strictly, so it is positive at every k": bool(
            sp.limit(tail, k, sp.oo) == 0 and sp.diff(tail, k).is_negative
        ),
    }
    if allowed == "gaussian":
        steps = {name: held for name, held in steps.items() if name.startswith("p = 2:")}
    return [Unsatisfiable("symbolic", steps)]


CLAIMS = [
    Claim(
        id="adamomentum/assumption-3-along-the-flow",
        location="assumption 3",
        statement=r"Along the flow without noise, from $m_0=v_0=0$, $\|\hat m_t\|\ge\tau\|\nabla f(\hat\theta_t)\|$, "
        r"$\tau>0$, and $\sqrt{v_t}>v_->0$; and $\|m_t-\hat m_t\|\le\tau_m\|\int_0^t(m_x-\hat m_x)dx\|$ for the noisy "
        "momentum.",
        parts=(
            Part(
                "the lower bounds on momentum and second moment near t = 0",
                met_at_the_start,
                printed=Start(sp.Integer(0), sp.Integer(0)),
                broken=Start(sp.Integer(0), sp.Integer(1)),
                sound=Start(sp.Integer(1), sp.Integer(1)),
                note=r"$\hat m_0=0$ (theorem 4 uses it) while $\nabla f(\hat\theta_0)\ne0$, and $v_0=0$: never met at "
                r"the start, nor almost everywhere, since $\hat m_t/\nabla f\to0$. For $\theta_0=\theta^*$ the bound "
                r"on $v_0$ fails.",
            ),
            Part(
                "the bound on m - m^, with any noise",
                momenta_agree,
                printed=sp.Symbol("upsilon", positive=True),
                broken=sp.Rational(1, 10),
                sound=sp.Integer(0),
                note=r"By Gronwall's inequality it forces $m_t=\hat m_t$ for all $t$, hence equal gradients and, in a "
                r"strongly convex basin, $\theta_t=\hat\theta_t$: no noise at all. Holds with squares on the norms "
                "too, and for any start.",
            ),
            Part(
                "the integral is a difference of logarithms",
                symbolic_identity,
                printed=_integral(-1),
                broken=_integral(1),
                bears=False,
                note=r"$\int_0^t\langle\frac{\nabla f}{1+f},q_sR_s^{-1}\hat m_s\rangle ds=\log\frac{1+f(\hat\theta_0)}"
                r"{1+f(\hat\theta_t)}$: this part asks only that the loss never exceeds its first value.",
            ),
            Part(
                "turning points of an underdamped flow (q and R constant)",
                symbolic_identity,
                printed=_turning(lambda w: sp.pi / w),
                broken=_turning(lambda w: sp.pi / (2 * w)),
                bears=False,
                note=r"Where $\beta_1R<4\lambda$ the flow swings through: at $t=\pi/\omega$ the momentum is zero and "
                r"$\theta\ne0$, so that no $\tau>0$ exists on any longer interval either.",
            ),
            Part(
                r"$\beta_1\le\beta_2\le2\beta_1$ at the defaults",
                inequality,
                printed={
                    "b1 <= b2": Inequality(sp.Rational(9, 10), "<=", sp.Rational(999, 1000)),
                    "b2 <= 2 b1": Inequality(sp.Rational(999, 1000), "<=", 2 * sp.Rational(9, 10)),
                },
                broken={"b2 <= 2 b1": Inequality(sp.Rational(999, 1000), "<=", 2 * sp.Rational(2, 5))},
                bears=False,
                note=r"Excludes $\beta_1<\beta_2/2$, RMSprop among others.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/assumption-4-with-stable-noise",
        location="assumption 4",
        statement=r"$\|\nabla f(\theta_t)\|,\|g_t\|\le H$ and $p$-stable gradient noise, both assumed for "
        r"proposition 1.",
        parts=(
            Part(
                "joint satisfiability, every p in (0, 2]",
                bounded_and_stable,
                printed="stable",
                broken="gaussian",
                sound="two values",
                note=r"Bounded $g$ and $\nabla f$ make $|\zeta|\le2H$, hence a finite variance. For $p<2$ it is "
                r"infinite, so $\Sigma_t$ of assumption 5 is no covariance; for $p=2$ the law has no bound. Only zero "
                r"noise does.",
            ),
        ),
    ),
]
