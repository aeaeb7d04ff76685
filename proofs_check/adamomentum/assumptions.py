"""Section 3.2: can assumptions 3, 4 and 5 be met where the proofs use them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from analysis.stationary import momentum_moments, self_consistent_root

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Unsatisfiable

B1, BATCH = sp.symbols("beta_1 B", positive=True)
X, S, T = sp.symbols("x s t", positive=True)
UNIT = {B1: S / (1 + S)}  # 0 < beta_1 < 1

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


# --- assumption 5 ---


def _assumption_5(mean_square: Any, batch: Any) -> Inequality:
    """``Sigma <= b/(2-b) E m^2`` with noise variance 1/batch and stationary m of squared mean ``mean_square``."""
    second = mean_square + (1 - B1) / (1 + B1) / batch
    return Inequality(1 / sp.sympify(batch), "<=", B1 / (2 - B1) * second, UNIT | {BATCH: 1 + X})


# On a noisy quadratic, x = step curvature below the edge of stability 2 (1 + b)/(1 - b), unit noise:
EDGE = 2 * (1 + B1) / (1 - B1)
STEP = sp.Symbol("x_step", positive=True)
GAP = 2 * (1 + B1) - (1 - B1) * STEP
MOMENTUM = 2 * (1 - B1) / GAP
GRADIENT = 2 * (1 + B1 + B1 * STEP) / GAP


def _stationary(momentum: Any, gradient: Any) -> Mapping[str, Identity]:
    """The Lyapunov equations of (theta, m) at unit curvature, solved by the given ``E m^2`` and ``E g^2``."""
    tt, mm = gradient - 1, momentum
    # theta' = theta - x m', m' = b m + (1 - b)(theta + zeta); E theta'^2 = E theta^2 gives E theta' m' = x E m'^2 / 2.
    after = STEP * mm / 2  # E theta m' = E theta' m' + x E m'^2, and E theta' m' = -x E m'^2 / 2 + ...
    cross = -after  # E theta' m'
    one_step = B1**2 * mm + 2 * B1 * (1 - B1) * cross + (1 - B1) ** 2 * (tt + 1)
    mixed = B1 * cross + (1 - B1) * tt  # E theta m'
    return {
        "E m^2": Identity(one_step, mm),
        "E theta^2: 2 E theta m' = x E m'^2": Identity(2 * mixed, STEP * mm),
        "E theta' m' = E theta m' - x E m'^2": Identity(mixed - STEP * mm, cross),
    }


def _within(share: Any) -> Inequality:
    """Assumption 5 at ``x = edge - d``, where d runs over (0, share 2 b/(2 - b))."""
    d = X / (1 + X) * share * 2 * B1 / (2 - B1)
    at = {STEP: EDGE - d}
    return Inequality(1, "<=", sp.simplify((B1 / (2 - B1) * MOMENTUM).subs(at)), UNIT)


@dataclass(frozen=True)
class Roots:
    """``R^(M) relation R^(A)`` for preconditioners that agree with their own stationary second moments."""

    relation: str


def roots_ordered(statement: Roots, budget: Budget) -> list[Evidence]:
    """Solve for both on a grid of (step, decay, curvature), by Lyapunov equations; where assumption 5 holds there."""
    size = budget.pick(5, 31)
    alpha, beta1, curvature = np.meshgrid(
        np.geomspace(1e-4, 1e2, size), np.array([0.1, 0.5, 0.9, 0.99]), np.geomspace(1e-2, 1e2, 5), indexing="ij"
    )
    ours, adam = (self_consistent_root(alpha, beta1, curvature, k) for k in ("momentum", "gradient"))
    ratio = ours / adam
    wrong = int(np.sum(ratio > 1 if statement.relation == "<=" else ratio < 1))
    slack = float(np.min(1 - ratio if statement.relation == "<=" else ratio - 1))
    moments = momentum_moments(alpha / ours, beta1, curvature)
    met = beta1 / (2 - beta1) * moments.momentum >= 1
    data = {
        "least and largest R(M) / R(A)": [float(ratio.min()), float(ratio.max())],
        "share of the grid where assumption 5 holds at AdaMomentum's own preconditioner": float(met.mean()),
        "least alpha times curvature where it holds": float((alpha * curvature)[met].min()) if met.any() else None,
    }
    return [Sampled("exact stationary moments", ratio.size, wrong, slack, f"{ratio.size} settings", data)]


@dataclass(frozen=True)
class Batch:
    """Assumption 5 holds at AdaMomentum's own preconditioner for batches of ``size``, beta1 = 0.9, alpha = 10^-3.

    One example has noise of variance 1; the curvature is 1. In units of the noise the step size is ``alpha sqrt(B)``.
    """

    size: float


def own_batch(statement: Batch, budget: Budget) -> list[Evidence]:
    """Solve for the preconditioner on a grid of batches up to the stated one; the least that does is in the data."""
    sizes = np.geomspace(1.0, statement.size, budget.pick(31, 61))
    alpha = 1e-3 * np.sqrt(sizes)
    root = self_consistent_root(alpha, np.full_like(alpha, 0.9), np.ones_like(alpha), "momentum")
    second = momentum_moments(alpha / root, np.array(0.9), np.array(1.0)).momentum
    gap = 0.9 / 1.1 * second - 1.0
    met = sizes[gap >= 0]
    data = {"least batch": float(met[0]) if met.size else None, "share of its bound at B = 1": float(gap[0] + 1)}
    return [Sampled("exact stationary moments", 1, int(gap[-1] < 0), float(gap[-1]), f"{len(sizes)} batches", data)]


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
    Claim(
        id="adamomentum/assumption-5-satisfiable",
        location="assumption 5",
        statement=r"$\mathrm{diag}(\Sigma_t)\le\frac{\beta_1}{2-\beta_1}E(m_{t-1}^2)$ for $t>T_0$ is mild. Judged in "
        r"the regime of the proof: independent centred noise of variance $\sigma^2$ at the minimiser.",
        parts=(
            Part(
                "at the minimiser",
                inequality,
                printed=_assumption_5(0, 1),
                broken=_assumption_5(1, 1),
                sound=_assumption_5((2 - B1) / B1, 1),
                note=r"There $Em^2=\frac{1-\beta_1}{1+\beta_1}\sigma^2$, and the right side is "
                r"$\frac{\beta_1(1-\beta_1)}{(2-\beta_1)(1+\beta_1)}\sigma^2$, at most $\sigma^2/9$ (at "
                r"$\beta_1=\frac12$): false for every $\beta_1$. It needs $E[m]^2$ of at least about "
                r"$\frac{2-\beta_1}{\beta_1}\sigma^2$: a mean gradient larger than the noise, for all later t.",
            ),
            Part(
                "false for every beta_1",
                inequality,
                printed=Inequality(B1 * (1 - B1) / ((2 - B1) * (1 + B1)), "<", 1, UNIT),
                broken=Inequality(B1 * (1 - B1) / ((2 - B1) * (1 + B1)), "<", sp.Rational(1, 10), UNIT),
                bears=False,
            ),
            Part(
                "moving iterates: exact stationary moments on a noisy quadratic, fixed preconditioner",
                symbolic_identity,
                printed=_stationary(MOMENTUM, GRADIENT),
                broken=_stationary(MOMENTUM, MOMENTUM),
                bears=False,
                note=r"With $x$ the effective step times the curvature, below $\frac{2(1+\beta_1)}{1-\beta_1}$, and "
                r"$D=2(1+\beta_1)-(1-\beta_1)x$: $Em^2=2(1-\beta_1)\sigma^2/D$ and "
                r"$Eg^2=2(1+\beta_1+\beta_1x)\sigma^2/D$.",
            ),
            Part(
                "moving iterates: where it holds",
                inequality,
                printed=_within(1),
                broken=_within(2),
                bears=False,
                note=r"Exactly where $x$ is within $\frac{2\beta_1}{2-\beta_1}$ of the edge of stability: at "
                r"$\beta_1=0.9$ for $36.4\le x<38$, steps that all but diverge.",
            ),
            Part(
                "moving iterates: the second moments keep their order",
                inequality,
                printed=Inequality(MOMENTUM / GRADIENT, "<", 1, UNIT),
                broken=Inequality(MOMENTUM / GRADIENT, "<", (1 - B1) / (1 + B1) / 2, UNIT),
                bears=False,
                note=r"$Em^2/Eg^2=\frac{1-\beta_1}{1+\beta_1+\beta_1x}$: below one at every step size, also where "
                "assumption 5 holds.",
            ),
            Part(
                "preconditioners that agree with their own second moments",
                roots_ordered,
                printed=Roots("<="),
                broken=Roots(">="),
                bears=False,
                note=r"$R^{(M)}<R^{(A)}$ throughout; assumption 5 holds at AdaMomentum's own $R$ only for large "
                r"$\alpha\lambda$ (see the data).",
            ),
        ),
    ),
    Claim(
        id="adamomentum/assumption-5-batch-size",
        location="after assumption 5",
        statement="A large enough mini-batch satisfies assumption 5. Judged in the regime of the proof, at the "
        "minimiser.",
        parts=(
            Part(
                "at the minimiser, batch of any size",
                inequality,
                printed=_assumption_5(0, BATCH),
                broken=_assumption_5(1 / BATCH, BATCH),
                sound=_assumption_5((2 - B1) / B1, BATCH),
                note=r"Both sides fall like $1/B$: the batch cancels. Where the mean gradient does not vanish "
                "the right side has a floor and a large batch does help.",
            ),
            Part(
                "stationary runs with AdaMomentum's own preconditioner",
                own_batch,
                printed=Batch(1e10),
                broken=Batch(1e6),
                bears=False,
                note=r"Less noise makes $R$ smaller and the effective step larger: batches of about $2\cdot10^9$ bring "
                r"the iteration so near its edge of stability that the assumption holds ($\alpha=10^{-3}$, "
                r"$\beta_1=0.9$, unit curvature and noise).",
            ),
        ),
    ),
]
