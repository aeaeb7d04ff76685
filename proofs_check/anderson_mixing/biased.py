"""What ``alpha_k <= beta_k^(1/2)`` in (18b) is for: without it the batch in ``H_k`` biases the step at order beta."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from optassay.optimizers import StochasticAnderson

from ..checks.search import ForAll, for_all
from ..claim import Budget, Evidence, Sampled
from . import tiny
from .one_step import sharp_noise

SKEW = tiny.FiniteSum((Fraction(1),) * 5, (Fraction(-4), *(Fraction(1),) * 4))  # gradient x plus noise 4 or -1
MU, C = Fraction(1, 10), Fraction(1, 10)

REPLAY = """
from fractions import Fraction
beta, x, old, r_old, alpha = (float(Fraction(str(witness[k]))) for k in ("beta", "x", "old", "r_old", "alpha"))
mean = 0.0
for noise, probability in ((4.0, 0.2), (-1.0, 0.8)):
    r = -(x + noise)
    dx, dr = x - old, r - r_old
    half = (dx + beta * dr) * dr / (dr * dr + 0.1 / beta**2 * dx * dx)
    a = beta * 0.9 / half if alpha * half > beta * 0.9 else alpha
    mean += probability * ((x + (beta - a * half) * r) ** 2 - x * x) / 2
violated = mean > -3 / 8 * beta * 0.1 * x * x + beta**2 * (1 + 10) * (1 + 10) / 2 * 4.0
"""


@dataclass(frozen=True)
class Decrease:
    """The one-step decrease of Theorem 1 with ``alpha = damping(beta)``, shrunk by (14), however small the step."""

    damping: Callable[[Fraction], Fraction]


def decrease(statement: Decrease, budget: Budget) -> list[Evidence]:
    """Second steps of ``f = x^2/2`` with skew noise, all samples: in rationals, and from the drift in floats."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta, x, i in product(
            (Fraction(1, 100), Fraction(1, 10**4), Fraction(1, 10**6)), map(Fraction, ("1/4", "1/2", "-1/2")), range(2)
        ):
            r_old = -SKEW.gradient(x, (i,))
            old = x - beta * r_old  # the first step led from there to x
            yield {"beta": beta, "x": x, "old": old, "r_old": r_old, "alpha": statement.damping(beta)}

    def sides(point: Any) -> tuple[Fraction, Fraction]:
        beta, x = point["beta"], point["x"]
        after = Fraction(0)
        for i in range(5):
            r = -SKEW.gradient(x, (i,))
            _, new = tiny.step(x, r, (point["old"], point["r_old"]), beta, C, MU, point["alpha"])
            after += SKEW.value(new) / 5
        bound = SKEW.value(x) - Fraction(3, 8) * beta * MU * SKEW.gradient(x) ** 2
        return after, bound + beta**2 * sharp_noise(Fraction(1), MU, C) * SKEW.variance(x)

    def again(point: Any) -> tuple[float, float]:
        beta, x, old, r_old, alpha = (float(point[k]) for k in ("beta", "x", "old", "r_old", "alpha"))
        r = -(x + np.array([4.0, -1.0, -1.0, -1.0, -1.0]))
        dx, dr = x - old, r - r_old
        half = (dx + beta * dr) * dr / (dr * dr + float(C) / beta**2 * dx * dx)
        h = beta - np.minimum(alpha * half, beta * (1 - float(MU)))
        drift = float(np.mean(x * h * r + (h * r) ** 2 / 2)) / beta
        return drift, -0.375 * float(MU) * x * x + beta * float(sharp_noise(1.0, MU, C)) * 4.0

    methods = ("all samples in rationals", "drift over the step, in floating point")
    return for_all(ForAll(points, sides, "<=", again, REPLAY, methods, (0.0, 1e-6)), budget)


def lasting_gradient(damping: Callable[[float], float], budget: Budget) -> list[Evidence]:
    """The same problem run on: the mean gradient of the second half stays above 0.3 for every beta, with intervals."""
    data: dict[str, Any] = {}
    slack, bad, count = float("inf"), 0, budget.pick(200, 1000)
    betas = budget.pick((0.08, 0.02), (0.08, 0.02, 0.005))
    for beta in betas:
        rng = np.random.default_rng(5)
        rule = StochasticAnderson(1, beta, damping(beta), regularization=float(C) / beta**2, positivity=float(MU))
        x = np.zeros((count, 1))
        state, total, horizon = rule.init(x), np.zeros(count), int(8 / beta)
        for k in range(horizon):
            x, state = rule.step(x, x + np.where(rng.random((count, 1)) < 0.2, 4.0, -1.0), state)
            total += x[:, 0] * (2 * k >= horizon)
        means = total / (horizon - horizon // 2)
        lower = float(means.mean() - 3.0 * means.std(ddof=1) / count**0.5)
        data[f"beta {beta:g}"] = {"mean gradient": float(means.mean()), "lower end": lower}
        slack, bad = min(slack, lower - 0.3), bad + (lower < 0.3)
    return [Sampled("simulated runs", len(betas), bad, slack, f"{count} runs, lower ends at 3 standard errors", data)]
