"""Section 3.2: can assumption 5 be met where the proof of proposition 1 uses it, and what would it imply?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from analysis.stationary import momentum_moments, self_consistent_root

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part, Sampled

B1, BATCH = sp.symbols("beta_1 B", positive=True)
X, S = sp.symbols("x s", positive=True)
UNIT = {B1: S / (1 + S)}  # 0 < beta_1 < 1


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


def _next_second_moments(extra: Any) -> Mapping[str, Inequality]:
    """Noise variance 1 and no gradient: ``E m_t^2`` where ``E m_{t-1}^2`` meets the assumption by x, less ``extra``.

    It is at least 1 then, and smaller than before by ``(1 - b^2)(E m^2 - (1 - b)/(1 + b))``, no less than 2 (1 - b)/b.
    """
    before = (2 - B1) / B1 + X
    after = B1**2 * before + (1 - B1) ** 2
    return {
        "E m_t^2 >= noise": Inequality(1, "<=", after, UNIT),
        "falls by at least this much a step": Inequality(after, "<=", before - extra, UNIT),
    }


CLAIMS = [
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
                "what it implies at the minimiser over all later t: E m^2 falls by a fixed amount a step",
                inequality,
                printed=_next_second_moments(2 * (1 - B1) / B1),
                broken=_next_second_moments(4 * (1 - B1) / B1),
                bears=False,
                note=r"However large $Em_{T_0}^2$ is, each step at which the assumption holds lowers it by at least "
                r"$2\frac{1-\beta_1}{\beta_1}\sigma^2$: so it fails after finitely many, and no $T_0$ exists.",
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
