"""Section 4 at the scale of one processor: methods tuned on some seeds and judged on others, at equal SFO budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from analysis.mixing import Judged, judged_on_new_seeds, noisy_quadratic, paired_difference

from ..claim import Budget, Evidence, Sampled

SEED = 1  # the statements were read off runs with seed 0


@dataclass(frozen=True)
class Problem:
    """Least squares with condition number 100 and errors ``noise`` in the targets, minibatches of ``batch``."""

    noise: float
    batch: int
    epochs: int = 20
    count: int = 1000
    dim: int = 20
    inner: int = 0

    def __str__(self) -> str:
        return f"noise {self.noise:g}, batch {self.batch} of {self.count}, {self.epochs} epochs"


@lru_cache(maxsize=128)
def _judged(problem: Problem, method: str, tuning: int, judging: int) -> Judged:
    model = noisy_quadratic(0, problem.dim, problem.count, noise=problem.noise)
    calls = problem.epochs * problem.count
    found: Mapping[str, Judged] = judged_on_new_seeds(
        model, (method,), problem.batch, calls, tuning, judging, SEED, problem.inner
    )
    return found[method]


def _rising(judged: Judged) -> np.ndarray:
    """Share of the records at which each judging run has risen."""
    return np.mean(np.diff(judged.curves.suboptimality[:, 0], axis=0) > 0, axis=0)


@dataclass(frozen=True)
class EndsBelow:
    """``first`` ends at a lower mean log suboptimality than each of ``others`` on every problem.

    ``margin``: or not more than that many decades above.
    """

    first: str
    others: tuple[str, ...]
    problems: tuple[Problem, ...]
    margin: float = 0.0


def ends_below(statement: EndsBelow, budget: Budget) -> list[Evidence]:
    """Intervals of paired differences over the judging seeds; they must lie below ``margin``.

    The data also have the share of records at which a run has risen, for oscillation.
    """
    settings = budget.pick((3, 8), (5, 20))
    data: dict[str, Any] = {}
    highs = []
    for problem in statement.problems if budget is Budget.FULL else statement.problems[:1]:
        runs = {name: _judged(problem, name, *settings) for name in (statement.first, *statement.others)}
        rises = {name: float(np.mean(_rising(v))) for name, v in runs.items()}
        for name in statement.others:
            mean, low, high = paired_difference(runs[statement.first].final, runs[name].final)
            highs.append(high - statement.margin)
            data[f"{problem}: {statement.first} - {name}"] = {
                "mean": mean, "interval": [low, high], "rising records": [rises[statement.first], rises[name]],
            }  # fmt: skip
    bad, effort = sum(high >= 0 for high in highs), "paired bootstrap, 95%, log10 of the final suboptimality"
    return [Sampled("runs judged on seeds that did not tune", len(highs), bad, -max(highs), effort, data)]


@dataclass(frozen=True)
class Oscillates:
    """``first`` rises at more than ``share`` times as many records as each of ``others``, on every problem."""

    first: str
    others: tuple[str, ...]
    problems: tuple[Problem, ...]
    share: float


def oscillates(statement: Oscillates, budget: Budget) -> list[Evidence]:
    """Intervals of paired differences of the shares over the judging seeds; they must lie above 0."""
    settings = budget.pick((3, 8), (5, 20))
    data: dict[str, Any] = {}
    lows = []
    for problem in statement.problems if budget is Budget.FULL else statement.problems[:1]:
        ours = _rising(_judged(problem, statement.first, *settings))
        for name in statement.others:
            theirs = _rising(_judged(problem, name, *settings))
            _, low, high = paired_difference(ours, statement.share * theirs)
            lows.append(low)
            data[f"{problem}: {statement.first}, {name}"] = {
                "rising records": [float(ours.mean()), float(theirs.mean())],
                f"first - {statement.share:.3g} second": [low, high],
            }
    bad, effort = sum(low <= 0 for low in lows), "paired bootstrap, 95%"
    return [Sampled("runs judged on seeds that did not tune", len(lows), bad, min(lows), effort, data)]
