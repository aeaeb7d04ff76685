"""Sections 1 and 2: what the method costs, and momentum as an estimate of the gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import Adam, AdaMomentum

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled

B1 = sp.Symbol("beta1")

# --- memory and parameters ---


@dataclass(frozen=True)
class Counts:
    """Arrays of the parameters' size in the state, and hyperparameters in play, of AdaMomentum less those of Adam."""

    arrays: int
    parameters: int


def _counts(statement: Counts, budget: Budget) -> list[Evidence]:
    del budget
    params = np.zeros((3,))
    states = [rule.step(params, params + 1, rule.init(params))[1] for rule in (AdaMomentum(), Adam())]
    arrays = [sum(isinstance(x, np.ndarray) and x.shape == params.shape for x in state) for state in states]
    names = ("step_size", "beta1", "beta2", "epsilon")
    used = [sum(hasattr(rule, n) for n in names) for rule in (AdaMomentum(), Adam())]
    return [
        Exact(
            "enumeration",
            {
                "arrays": arrays[0] - arrays[1] == statement.arrays,
                "parameters": used[0] - used[1] == statement.parameters,
            },
            {"arrays of AdaMomentum, Adam": arrays, "parameters": used},
        )
    ]


@dataclass(frozen=True)
class Works:
    """At step size ``alpha`` and default decays the median loss falls below ``share`` of its start."""

    alpha: float
    share: float


def _works(statement: Works, budget: Budget) -> list[Evidence]:
    """Quadratics of several condition numbers, noise levels and scales; both methods over a grid of step sizes."""
    steps = budget.pick(2000, 20_000)
    curvature = np.stack([np.geomspace(1 / k, 1, 8) for k in (1, 10, 100)])  # (3, 8)
    noise = np.array([0.0, 0.1, 1.0])[:, None, None]
    settings = [(alpha, 0.9, 0.999) for alpha in (1e-4, 1e-3, 1e-2, 1e-1)]
    settings += [(1e-3, b1, 0.999) for b1 in (0.0, 0.5, 0.99)] + [(1e-3, 0.9, b2) for b2 in (0.9, 0.99, 0.9999)]
    alpha, beta1, beta2 = (np.array(column)[:, None, None] for column in zip(*settings, strict=True))
    table = {}
    for name, make in (("AdaMomentum", AdaMomentum), ("Adam", Adam)):
        rng = np.random.default_rng(3)  # the same noise for both
        rule: Any = make(step_size=alpha, beta1=beta1, beta2=beta2, epsilon=1e-8)
        x = np.ones((len(settings), 3, 3, 8))
        start = np.sum(curvature * x * x, axis=-1)
        state = rule.init(x)
        for _ in range(steps):
            x, state = rule.step(x, curvature * x + noise * rng.standard_normal(x.shape), state)
        ends = np.sum(curvature * x * x, axis=-1) / start
        for (a, b1, b2), end in zip(settings, ends, strict=True):
            table[f"{name}, alpha = {a:g}, beta1 = {b1:g}, beta2 = {b2:g}"] = end
    found = table[f"AdaMomentum, alpha = {statement.alpha:g}, beta1 = 0.9, beta2 = 0.999"]
    worst = float(np.max(found))
    data = {k: [round(float(np.median(v)), 6), round(float(np.max(v)), 6)] for k, v in table.items()}
    return [
        Sampled(
            "runs on quadratics",
            found.size,
            int(np.sum(found > statement.share)),
            statement.share - worst,
            f"9 problems (condition 1, 10, 100; noise 0, 0.1, 1), {steps} steps",
            {"median and largest final share of the loss": data},
        )
    ]


COSTS = Claim(
    id="adamomentum/no-extra-memory-little-tuning",
    location="sections 1, 5, 6",
    statement="AdaMomentum needs no memory or parameters beyond Adam's; default values work well in most cases.",
    parts=(
        Part(
            "buffers and parameters",
            _counts,
            printed=Counts(0, 0),
            broken=Counts(1, 0),
            note=r"Two arrays ($m$, $v$) and four parameters each.",
        ),
        Part(
            "defaults on noisy quadratics",
            _works,
            printed=Works(1e-3, 0.2),
            broken=Works(1e-1, 1e-6),
            note=r"Precise version judged: at $\alpha=10^{-3}$, default decays and $\epsilon=10^{-8}$ the loss falls "
            r"below a "
            "fifth of its start on all of nine quadratics; the data hold the same for other step sizes and decays and "
            "for Adam. "
            "Deep "
            "networks are the matter of section 5's entries.",
        ),
    ),
)

# --- momentum as an estimate ---


D, D2, NOISE = sp.symbols("delta delta2 sigma2")
X, Q = sp.symbols("x q")


def _error(drift_squared: Any = D2) -> Any:
    """Long-run mean squared error of m_t about a mean that drifts by delta per step, noise variance sigma2."""
    return NOISE * (1 - B1) / (1 + B1) + drift_squared * (B1 / (1 - B1)) ** 2


def _stationary(variance: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    """Variance and lag (mean minus E m) are fixed points of the recursion."""
    lag = D * B1 / (1 - B1)
    return symbolic_identity(
        {
            "variance": Identity(B1**2 * variance(NOISE, B1) + (1 - B1) ** 2 * NOISE, variance(NOISE, B1)),
            "lag": Identity(B1 * (lag + D), lag),
            "error formula": Identity(variance(NOISE, B1) + lag**2, _error(D**2)),
        },
        budget,
    )


_INSIDE = {B1: X / (1 + X)}
_LIMIT = 2 * (1 - B1) ** 2 / (B1 * (1 + B1)) * NOISE  # of delta^2


ESTIMATE = Claim(
    id="adamomentum/momentum-is-more-accurate-estimate",
    location="section 2",
    statement=r"$m_t$ is a more accurate estimate of the gradient's mean than $g_t$. Precise version: its long-run "
    r"mean "
    r"squared error is smaller, for independent noise of variance $\sigma^2$ about a mean that drifts by $\delta$ per "
    r"step.",
    assumptions=(r"$0<\beta_1<1$",),
    parts=(
        Part(
            "for every noise and drift",
            inequality,
            printed=Inequality(_error(), "<", NOISE, _INSIDE),
            broken=Inequality(_error(), "<", NOISE / 2, _INSIDE),
            repair=Inequality(_error(), "<", NOISE, _INSIDE | {D2: (Q / (1 + Q) * _LIMIT).subs(B1, X / (1 + X))}),
            repair_note=r"where $\delta^2<\frac{2(1-\beta_1)^2}{\beta_1(1+\beta_1)}\sigma^2$, in particular for a "
            "stationary mean",
            note=r"Noise shrinks by $\frac{1-\beta_1}{1+\beta_1}$ (1/19 at 0.9), but the mean is followed with the lag "
            r"$\frac{\beta_1}{1-\beta_1}\delta$: without noise, or with a drift above $0.108\,\sigma$ per step at "
            r"$\beta_1=0.9$, $g_t$ is the better estimate.",
        ),
        Part(
            "the two errors",
            _stationary,
            printed=lambda noise, b: noise * (1 - b) / (1 + b),
            broken=lambda noise, b: noise * (1 - b) / (1 - b**2) * (1 - b) * 2,
            bears=False,
            note=r"At the start $m_t$ is also biased by the factor $1-\beta_1^t$: $m_1=(1-\beta_1)g_1$.",
        ),
        Part(
            "does the 'hence' follow: v of momenta is nearer to the squared mean",
            inequality,
            printed=Inequality(_error(0), "<", NOISE, _INSIDE),
            broken=Inequality(NOISE, "<", _error(0), _INSIDE),
            bears=False,
            note=r"For a stationary mean $\mu$, $Ev^M-\mu^2=\frac{1-\beta_1}{1+\beta_1}\sigma^2<Ev^A-\mu^2=\sigma^2$. "
            r"That "
            r"makes $v^M$ the better estimate of $\mu^2$ and the worse one of $Eg^2$; which of them belongs under the "
            r"root "
            r"does not follow from accuracy. With $v^M$ the step near $\mu=0$ is longer, by up to "
            r"$\sqrt{(1+\beta_1)/(1-\beta_1)}=4.4$ at 0.9.",
        ),
    ),
)
CLAIMS = [COSTS, ESTIMATE]
