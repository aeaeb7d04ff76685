"""What an experiment says: means of its methods, and differences on the same seeds with corrected p-values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..statistics import Difference, Mean, mean, paired_differences
from .results import Row, better, final_values


class Summary(NamedTuple):
    """Means and differences of one measure.

    Attributes
    ----------
    metric : str
    means : dict
        Method -> :class:`~analysis.statistics.Mean`.
    differences : list of Difference
        Oriented so that a positive value speaks for ``first``.
    """

    metric: str
    means: dict[str, Mean]
    differences: list[Difference]


def summarize(
    rows: Iterable[Row],
    metric: str,
    pick: str = "last",
    against: str | None = None,
    level: float = 0.95,
) -> Summary:
    """Means and paired differences of a measure of the final runs.

    Parameters
    ----------
    rows : iterable of dict
        As :func:`~analysis.networks.results.read_results` gives them.
    metric : str
        A column of the tables.
    pick : {"last", "best"}
        Of each run the last epoch, or the best.
    against : str, optional
        Compare all methods with this one only; default: each with each.
    level : float
        Of the intervals.

    Raises
    ------
    ValueError
        Unknown metric, pick or method, or ``level`` outside (0, 1).
    """
    values = final_values(rows, metric, pick)
    pairs: Sequence[tuple[str, str]] | None = None
    if against is not None:
        if against not in values:
            raise ValueError(f"against must be one of the methods {', '.join(values)}, got {against!r}")
        pairs = [(name, against) for name in values if name != against]
    sign = better(metric)
    oriented = {name: {seed: sign * value for seed, value in runs.items()} for name, runs in values.items()}
    means = {name: mean(list(runs.values()), level) for name, runs in values.items()}
    return Summary(metric, means, paired_differences(oriented, pairs, level))


def lines(summary: Summary, level: float = 0.05) -> list[str]:
    """The differences in words, those that chance explains told as such."""
    told = []
    for item in summary.differences:
        ahead = item.value >= 0
        first, second = (item.first, item.second) if ahead else (item.second, item.first)
        low, high = (item.low, item.high) if ahead else (-item.high, -item.low)
        relation = "better than" if item.adjusted < level else "not told apart from"
        detail = f"{abs(item.value):.4g} [{low:.3g}, {high:.3g}], p = {item.adjusted:.2g} (Holm), {item.runs} pairs"
        if item.missing:
            detail += f", {item.missing} without a value"
        told.append(f"{first} {relation} {second}: {detail}")
    return told
