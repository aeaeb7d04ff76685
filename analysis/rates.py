"""Bounds against what they bound along a run, and orders of growth with intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import Array, context, generator, to_numpy


class Slack(NamedTuple):
    """How a bound compares with what it bounds.

    Attributes
    ----------
    slack : (times, ...)
        ``bound - actual``.
    worst_ratio : (...,)
        Largest ``actual / bound``; above one is a violation. Bounds that are not positive count as infinity where
        ``actual`` exceeds them, and as zero elsewhere.
    worst_at : (...,)
        Index of the time where it is reached.
    violations : (...,)
        Number of times with ``actual > bound (1 + tolerance)``.
    """

    slack: Array
    worst_ratio: Array
    worst_at: Array
    violations: Array


def check_bound(actual: Array, bound: Array, tolerance: float = 0.0) -> Slack:
    """Compare along the first axis.

    Raises
    ------
    ValueError
        Different shapes, no times, or a negative tolerance.
    """
    ctx = context(actual=actual, bound=bound)
    xp = ctx.xp
    if actual.shape != bound.shape or actual.ndim < 1 or actual.shape[0] < 1:
        raise ValueError(
            f"actual and bound must share a shape with at least one time, got {tuple(actual.shape)} and "
            f"{tuple(bound.shape)}"
        )
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    positive = bound > 0
    safe = xp.where(positive, bound, xp.ones_like(bound))
    outside = xp.where(actual > bound, xp.full_like(bound, xp.inf), xp.zeros_like(bound))
    ratio = xp.where(positive, actual / safe, outside)
    exceeds = actual > bound + tolerance * xp.abs(bound)
    return Slack(
        bound - actual,
        xp.max(ratio, axis=0),
        xp.argmax(ratio, axis=0),
        xp.sum(xp.astype(exceeds, xp.int64), axis=0),
    )


class Order(NamedTuple):
    """Power of growth with an interval, on the host."""

    power: Any
    low: Any
    high: Any


def order(times: Any, values: Array, level: float = 0.95) -> Order:
    """Theil-Sen slope of ``log values`` against ``log times`` per run, with Sen's interval.

    The interval takes the deviations from a power law for independent; along one run they are not, and it then says
    how much the slopes between pairs of times spread.

    Parameters
    ----------
    times : sequence of increasing positive numbers, shape (k,)
    values : array of positive numbers, shape (k,) or (k, runs)

    Raises
    ------
    ValueError
        Fewer than three times, times or values that are not positive, or a level outside (0, 1).
    """
    from scipy.stats import theilslopes

    x, y = np.asarray(times, dtype=float), to_numpy(values).astype(float)
    _check_series(x, y, level)
    columns = y.reshape(len(x), -1)
    found = np.array([theilslopes(np.log(c), np.log(x), alpha=level)[k] for c in columns.T for k in (0, 2, 3)])
    power, low, high = found.reshape(-1, 3).T.reshape(3, *y.shape[1:])
    return Order(power, low, high)


def bootstrap_order(times: Any, values: Array, rng: Any, draws: int = 1000, level: float = 0.95) -> Order:
    """Order of growth of the mean over runs: Theil-Sen slope, percentile interval from resampled runs.

    Unlike the interval of :func:`order` it is right for values that depend on each other along a run.

    Parameters
    ----------
    times : sequence of increasing positive numbers, shape (k,)
    values : array of positive numbers, shape (k, runs)
    rng : seed or generator
    draws : int
        Resamples.

    Raises
    ------
    ValueError
        As :func:`order`; fewer than two runs or than a hundred draws.
    """
    from scipy.stats import bootstrap, theilslopes

    x, y = np.asarray(times, dtype=float), to_numpy(values).astype(float)
    _check_series(x, y, level)
    if y.ndim != 2 or y.shape[1] < 2:
        raise ValueError(f"values must have shape (times, runs) with at least two runs, got {y.shape}")
    if draws < 100:
        raise ValueError(f"draws must be at least 100, got {draws}")

    def power(runs: np.ndarray) -> float:
        return float(theilslopes(np.log(y[:, runs].mean(axis=1)), np.log(x))[0])

    runs = np.arange(y.shape[1])
    found = bootstrap(
        (runs,), power, n_resamples=draws, vectorized=False, confidence_level=level, method="percentile",
        random_state=generator(rng),
    )  # fmt: skip
    return Order(power(runs), float(found.confidence_interval.low), float(found.confidence_interval.high))


def _check_series(x: np.ndarray, y: np.ndarray, level: float) -> None:
    if x.ndim != 1 or len(x) < 3 or y.shape[:1] != x.shape:
        raise ValueError(f"times must be three or more, one per row of values, got {x.shape} and {y.shape}")
    if not (np.all(x > 0) and np.all(np.diff(x) > 0)):
        raise ValueError("times must be positive and increasing")
    if not np.all(y > 0):
        raise ValueError("values must be positive: an order of growth is a slope of logarithms")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
