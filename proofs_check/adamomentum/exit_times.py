"""Mean exit times of both methods from a quadratic basin under Gaussian gradient noise, started at the minimiser."""

from __future__ import annotations

import math
import random
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from optassay.optimizers import Adam, AdaMomentum

from ..claim import Budget, Evidence, Sampled, Way, Witness

SHARP_REPLAY = """
from proofs_check.adamomentum.exit_times import Basin, plain_mean
flat, sharp = (plain_mean(witness["method"], Basin(**witness[k]), 40, 5) for k in ("flat", "sharp"))
violated = sharp > 1.3 * flat
"""
REPLAY = """
from proofs_check.adamomentum.exit_times import Basin, plain_mean
basin = Basin(**witness["basin"])
violated = plain_mean("AdaMomentum", basin, 40, 5) < 0.7 * plain_mean("Adam", basin, 40, 5)
"""


@dataclass(frozen=True)
class Basin:
    """``f = curvature x^2 / 2``, unit noise on the gradient, exit at ``radius``; times are capped at ``cap`` steps.

    The second moments are warm: each path first runs ``warm`` steps and then restarts at the minimiser.
    """

    radius: float
    step: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-16
    warm: int = 300
    cap: int = 3000
    curvature: float = 2.0


@dataclass(frozen=True)
class LaterExit:
    """The mean (capped) exit time of ``later`` is at least that of ``sooner``."""

    later: str
    sooner: str
    basin: Basin


def exit_steps(method: str, basin: Basin, count: int, seed: int) -> np.ndarray:
    """Capped exit steps of ``count`` paths."""
    kind = AdaMomentum if method == "AdaMomentum" else Adam
    rule = kind(basin.step, basin.beta1, basin.beta2, basin.epsilon)
    rng = np.random.default_rng(seed)
    x = np.zeros((count, 1))
    state = rule.init(x)
    found = np.full(count, float(basin.cap))
    for t in range(1, basin.warm + basin.cap + 1):
        gradient = basin.curvature * x + rng.standard_normal(x.shape)
        x, state = rule.step(x, gradient, state)
        if t == basin.warm:
            x = np.zeros_like(x)
        if t > basin.warm:
            out = (np.abs(x[:, 0]) > basin.radius) & (found == basin.cap)
            found[out] = t - basin.warm
            if (found < basin.cap).all():
                break
    return found


def plain_mean(method: str, basin: Basin, count: int, seed: int) -> float:
    """The same mean by a scalar recursion with another generator."""
    rng, total = random.Random(seed), 0.0
    for _ in range(count):
        x = m = v = 0.0
        exited = basin.cap
        for t in range(1, basin.warm + basin.cap + 1):
            g = basin.curvature * x + rng.gauss(0.0, 1.0)
            m = basin.beta1 * m + (1 - basin.beta1) * g
            ours = method == "AdaMomentum"
            v = basin.beta2 * v + (1 - basin.beta2) * (m * m if ours else g * g) + (basin.epsilon if ours else 0.0)
            root = math.sqrt(v / (1 - basin.beta2**t)) + (0.0 if ours else basin.epsilon)
            x = 0.0 if t == basin.warm else x - basin.step * m / (1 - basin.beta1**t) / root
            if t > basin.warm and abs(x) > basin.radius:
                exited = t - basin.warm
                break
        total += exited
    return total / count


def later_exit(s: LaterExit, budget: Budget) -> list[Evidence]:
    """Means with standard errors; a reversal beyond four of them is seen again by the second code."""
    count = budget.pick(300, 3000)
    means: dict[str, Any] = {}
    for k, name in enumerate((s.later, s.sooner)):
        steps = exit_steps(name, s.basin, count, k)
        error = float(steps.std(ddof=1) / math.sqrt(count))
        means[name] = (float(steps.mean()), error, float((steps == s.basin.cap).mean()))
    (late, late_error, _), (soon, soon_error, _) = means[s.later], means[s.sooner]
    margin = 4 * math.hypot(late_error, soon_error)
    if late < soon - margin:
        again = [plain_mean(name, s.basin, 40, 5) for name in (s.later, s.sooner)]
        return [
            Witness(
                {"basin": asdict(s.basin), "mean, standard error, share censored": means},
                Way("batched optimizers: mean exit steps", late, ">=", soon, margin),
                Way("scalar recursion: mean exit steps, margin 30 %", again[0], ">=", again[1], 0.3 * again[1]),
                REPLAY,
            )
        ]
    text = f"{count} paths per method"
    return [Sampled("mean exit times", 1, int(late < soon), late - soon, text, means)]


@dataclass(frozen=True)
class SharperSooner:
    """A basin 16 times as curved is left sooner in the mean, at the same radius or at the same height of its rim."""

    method: str
    same: str
    radius: float = 0.3

    def basins(self) -> tuple[Basin, Basin]:
        """The flat and the sharp one."""
        return Basin(self.radius, curvature=0.5), Basin(
            self.radius / (4 if self.same == "height" else 1), curvature=8.0
        )


def sharper_sooner(s: SharperSooner, budget: Budget) -> list[Evidence]:
    """Both means with four standard errors; a reversal is seen again by the second code."""
    count = budget.pick(300, 3000)
    flat, sharp = (exit_steps(s.method, basin, count, k) for k, basin in enumerate(s.basins()))
    means = [float(flat.mean()), float(sharp.mean())]
    margin = 4 * math.hypot(*(float(x.std(ddof=1)) / math.sqrt(count) for x in (flat, sharp)))
    data = {"mean exit steps, flat and sharp": means, "four standard errors": margin}
    if means[1] > means[0] + margin:
        again = [plain_mean(s.method, basin, 40, 5) for basin in s.basins()]
        point = {"method": s.method, "flat": asdict(s.basins()[0]), "sharp": asdict(s.basins()[1])}
        return [
            Witness(
                point | data,
                Way("batched optimizers: mean exit steps, sharp and flat", means[1], "<=", means[0], margin),
                Way("scalar recursion, margin 30 %", again[1], "<=", again[0], 0.3 * again[0]),
                SHARP_REPLAY,
            )
        ]
    worse = int(means[1] > means[0] - margin)
    return [Sampled("mean exit times", 1, worse, means[0] - means[1] - margin, f"{count} paths per basin", data)]
