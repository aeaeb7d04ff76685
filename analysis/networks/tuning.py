"""How hyperparameters are chosen: protocols as generators that ask for results of points and get their scores."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .experiment import Experiment, Optimizer, Tuning
from .planning import points
from .results import Row, better, final_values

Point = dict[str, Any]
Scores = Sequence[float]  # of the points asked for: larger is better, NaN where a run diverged
SMALLEST = 1e-12  # no step size below is tried

Protocol = Generator[list[Point], Scores, None]


def protocol(experiment: Experiment, optimizer: Optimizer) -> Protocol:
    """The protocol of an experiment for one of its optimizers.

    Yields
    ------
    list of points
        To be run on all tuning seeds; their scores are sent back.
    """
    tuning = experiment.tuning
    if tuning is None:
        return
    if tuning.protocol == "stability":
        yield from _from_stability(tuning, optimizer.largest or tuning.largest)
    else:
        yield list(points(experiment, optimizer))


def step_sizes(tuning: Tuning, largest: float) -> list[float]:
    """Mantissas times powers of ten from ``largest`` downwards."""
    top = math.ceil(math.log10(largest)) + 1
    bottom = math.floor(math.log10(SMALLEST))
    # Decimal literals: 3 * 10 ** -4 is not 3e-4.
    sizes = [float(f"{m!r}e{k}") for k in range(top, bottom, -1) for m in sorted(tuning.mantissas, reverse=True)]
    return [size for size in sizes if size <= largest]


def _from_stability(tuning: Tuning, largest: float) -> Protocol:
    sizes = step_sizes(tuning, largest)
    for first, size in enumerate(sizes):
        scores = yield [{tuning.parameter: size}]
        if not math.isnan(scores[0]):
            break
    else:
        return
    # Compared with a margin: 1 / 100 is not the double 0.01 times one.
    rest = [size for size in sizes[first + 1 :] if size >= sizes[first] / 10**tuning.decades * (1 - 1e-9)]
    yield [{tuning.parameter: size} for size in rest]


def score(rows: Iterable[Row], tuning: Tuning) -> float:
    """Mean over the seeds of one point's runs, larger is better; NaN if a run did not reach its end."""
    values = [value for runs in final_values(rows, tuning.metric, tuning.pick).values() for value in runs.values()]
    return better(tuning.metric) * float(np.mean(values)) if values else math.nan


def choose(tried: Sequence[tuple[Point, float]]) -> Point | None:
    """The point with the best score, of equal ones the first; None if every point diverged."""
    usable = [(value, point) for point, value in tried if not math.isnan(value)]
    return max(usable, key=lambda pair: pair[0])[1] if usable else None


def as_table(tried: Mapping[str, Sequence[tuple[Point, float]]], tuning: Tuning | None) -> dict[str, Any]:
    """For the manifest: every point with its mean of the metric, null where a run diverged."""
    if tuning is None:
        return {}
    sign = better(tuning.metric)
    return {
        label: [{"hyper": point, tuning.metric: None if math.isnan(value) else sign * value} for point, value in found]
        for label, found in tried.items()
    }
