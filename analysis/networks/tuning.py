"""How hyperparameters are chosen: protocols as generators that ask for results of points and get their scores."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .experiment import Experiment, Optimizer, Tuning
from .planning import points
from .results import Row, better, final_values

Point = dict[str, Any]
SMALLEST = 1e-12  # no step size below is tried


class Trial(NamedTuple):
    """What the runs of one point of a grid came to.

    Attributes
    ----------
    score : float
        Mean of the metric over the seeds, its sign such that larger is better; NaN if a run did not reach its end.
    stable : bool
        Every run reached its end with a smaller loss than it began with.
    """

    score: float
    stable: bool


Protocol = Generator[list[Point], Sequence[Trial], None]


def protocol(experiment: Experiment, optimizer: Optimizer) -> Protocol:
    """The protocol of an experiment for one of its optimizers.

    Yields
    ------
    list of points
        To be run on all tuning seeds; what they came to is sent back.
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
    for size in sizes:
        trials = yield [{tuning.parameter: size}]
        if trials[0].stable:
            break
    else:
        return
    # Compared with a margin: 1 / 100 is not the double 0.01 times one.
    lowest = size / 10**tuning.decades * (1 - 1e-9)
    yield [{tuning.parameter: smaller} for smaller in sizes if lowest <= smaller < size]


def trial(rows: Sequence[Row], tuning: Tuning) -> Trial:
    """What the rows of one point's runs came to."""

    def values(metric: str, pick: str = "last") -> list[float]:
        return [v for runs in final_values(rows, metric, pick).values() for v in runs.values()]

    # Without a validation set the column is empty.
    loss = "test_loss" if all(row["validation_loss"] is None for row in rows) else "validation_loss"
    first = [row[loss] for row in rows if row["epoch"] == 0]
    last = values(loss)
    stable = len(first) == len(last) > 0 and all(a is not None and b < a for a, b in zip(first, last, strict=True))
    return Trial(better(tuning.metric) * float(np.mean(values(tuning.metric, tuning.pick))), stable)


def choose(tried: Sequence[tuple[Point, float]]) -> Point | None:
    """The point with the best score, of equal ones the first; None if every point diverged."""
    usable = [(value, point) for point, value in tried if not math.isnan(value)]
    return max(usable, key=lambda pair: pair[0])[1] if usable else None


def edges(tried: Sequence[tuple[Point, float]], chosen: Point | None) -> list[str]:
    """Hyperparameters whose chosen value is the smallest or the largest that was tried: the best may lie beyond."""
    found = []
    for key, value in (chosen or {}).items():
        values = {point[key] for point, _ in tried if isinstance(point[key], int | float)}
        if len(values) > 1 and value in (min(values), max(values)):
            found.append(key)
    return found


def as_table(tried: Mapping[str, Sequence[tuple[Point, float]]], tuning: Tuning | None) -> dict[str, Any]:
    """For the manifest: every point with its mean of the metric, null where a run diverged."""
    if tuning is None:
        return {}
    sign = better(tuning.metric)
    return {
        label: [{"hyper": point, tuning.metric: None if math.isnan(value) else sign * value} for point, value in found]
        for label, found in tried.items()
    }
