"""Statistics of repeated runs: means with intervals, paired differences, and p-values for several tests at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np


class Mean(NamedTuple):
    """Mean of a sample with Student's interval; NaN where the sample is too small to tell.

    Attributes
    ----------
    value, low, high : float
    runs : int
        Finite values it rests on.
    missing : int
        Runs without a value: diverged, or out of memory.
    """

    value: float
    low: float
    high: float
    runs: int
    missing: int


class Difference(NamedTuple):
    """One method against another on the same seeds.

    Attributes
    ----------
    first, second : str
    value, low, high : float
        Mean of ``first - second`` over the pairs, with Student's interval.
    runs : int
        Pairs of which both runs have a value.
    missing : int
        Pairs left out.
    p : float
        Two-sided, of the paired t test; NaN for fewer than two pairs.
    adjusted : float
        The same, corrected by Holm's method for all differences told together.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    runs: int
    missing: int
    p: float
    adjusted: float


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number by Holm's step-down method; NaN stays NaN and does not count."""
    tested = [k for k, value in enumerate(values) if not np.isnan(value)]
    adjusted, highest = [float("nan")] * len(values), 0.0
    for rank, k in enumerate(sorted(tested, key=values.__getitem__)):
        highest = max(highest, (len(tested) - rank) * values[k])
        adjusted[k] = min(1.0, highest)
    return adjusted


def mean(values: Sequence[float], level: float = 0.95) -> Mean:
    """Mean of the finite values, with an interval of Student's distribution.

    Raises
    ------
    ValueError
        ``level`` outside (0, 1).
    """
    _check_level(level)
    found = np.asarray([value for value in values if np.isfinite(value)], dtype=float)
    centre = float(found.mean()) if found.size else float("nan")
    low, high = _interval(found, level)
    return Mean(centre, low, high, found.size, len(values) - found.size)


def paired_differences(
    samples: Mapping[str, Mapping[int, float]],
    pairs: Sequence[tuple[str, str]] | None = None,
    level: float = 0.95,
) -> list[Difference]:
    """Differences between methods over the seeds they share, their p-values corrected for each other.

    Parameters
    ----------
    samples : mapping
        Method -> seed -> value; a value that is not finite is a run without one.
    pairs : sequence of (str, str), optional
        Which methods to compare; default: each with each.
    level : float
        Of the intervals, each taken by itself.

    Raises
    ------
    ValueError
        A pair names an unknown method, or ``level`` outside (0, 1).
    """
    _check_level(level)
    chosen = list(combinations(samples, 2)) if pairs is None else list(pairs)
    for name in {name for pair in chosen for name in pair}:
        if name not in samples:
            raise ValueError(f"pairs must name methods among {', '.join(samples)}, got {name!r}")
    found = [_difference(samples, first, second, level) for first, second in chosen]
    corrected = holm([item.p for item in found])
    return [item._replace(adjusted=value) for item, value in zip(found, corrected, strict=True)]


def _difference(samples: Mapping[str, Mapping[int, float]], first: str, second: str, level: float) -> Difference:
    from scipy.stats import ttest_rel

    seeds = sorted(samples[first].keys() & samples[second].keys())
    a, b = (np.asarray([samples[name][seed] for seed in seeds], dtype=float) for name in (first, second))
    both = np.isfinite(a) & np.isfinite(b)
    gaps = (a - b)[both]
    if gaps.size < 2:
        p = float("nan")
    elif np.ptp(gaps) == 0.0:
        # No spread: t is infinite, or 0/0 where nothing differs at all.
        p = 1.0 if gaps[0] == 0.0 else 0.0
    else:
        p = float(ttest_rel(a[both], b[both]).pvalue)
    low, high = _interval(gaps, level)
    centre = float(gaps.mean()) if gaps.size else float("nan")
    return Difference(first, second, centre, low, high, int(both.sum()), int((~both).sum()), p, p)


def _interval(values: np.ndarray, level: float) -> tuple[float, float]:
    from scipy.stats import t

    if values.size < 2:
        return float("nan"), float("nan")
    half = float(t.ppf((1 + level) / 2, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))
    return float(values.mean()) - half, float(values.mean()) + half


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level}")
