"""Orderings of means over runs from the same starts.

One rule, fixed before anything is run. A statement names its pairs and its number of starts n. The first code runs n
starts; all k pairs together are judged at 99 % confidence, each at 1 - 0.01 / k (Bonferroni), by the normal interval of
the mean paired difference. The statement holds if every pair lies clear of the bound, and is open if some pair is not
told apart. If some pair lies clear on the other side, the second code runs that one pair from n starts of its own; it
refutes if it finds the same at 99 %, contradicts if it finds the opposite at 99 % (the check is then at fault), and
leaves the pair open otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from ..claim import Budget, Evidence, Missing, Sampled, Way, Witness

LEVEL = 0.01  # of a wrong answer about any of the pairs of a statement
Pair = tuple[str, str]


def errors(pairs: int) -> float:
    """Half-width in standard errors of intervals that hold for so many pairs at once."""
    return NormalDist().inv_cdf(1 - LEVEL / (2 * pairs))


@dataclass(frozen=True)
class Study:
    """Outcomes of several methods from shared starts, and a second code for the same.

    Attributes
    ----------
    sample : callable
        ``(names, count, seed)`` to outcomes per name, arrays of one length; NaN where a start does not count.
    again : callable
        ``(larger, smaller, count, seed)``: mean of either by code that shares nothing with ``sample``, from other
        starts, and the standard error of their difference (see :func:`paired`).
    record : callable
        Name to the JSON record that ``replay`` needs.
    replay : str
        Sets ``violated`` from a witness with ``larger``, ``smaller`` (records), ``count``, ``seed``, ``least``.
    chance : callable, optional
        ``(outcomes, pairs)`` to what is said of small studies.
    """

    sample: Callable[[tuple[str, ...], int, int], Mapping[str, np.ndarray]]
    again: Callable[[str, str, int, int], tuple[float, float, float]]
    record: Callable[[str], Any]
    replay: str
    chance: Callable[[Mapping[str, np.ndarray], tuple[Pair, ...]], Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Ordering:
    """The mean outcome of ``larger`` exceeds that of ``smaller`` by more than ``least``, for each of the pairs.

    Attributes
    ----------
    study : Study
    pairs : tuple of (larger, smaller)
    counts : (quick, full)
        Numbers of starts.
    least : float
    quick : tuple of pairs, optional
        The pairs that a quick run looks at; all without it.
    """

    study: Study
    pairs: tuple[Pair, ...]
    counts: tuple[int, int] = (200, 1000)
    least: float = 0.0
    describe: Mapping[str, Any] = field(default_factory=dict)
    quick: tuple[Pair, ...] | None = None

    def reverse(self) -> Ordering:
        """Every pair the other way round."""
        quick = None if self.quick is None else tuple((b, a) for a, b in self.quick)
        return replace(self, pairs=tuple((b, a) for a, b in self.pairs), quick=quick)

    def only(self, keep: Callable[[Pair], bool]) -> Ordering:
        """The pairs that ``keep`` accepts."""
        quick = None if self.quick is None else tuple(p for p in self.quick if keep(p))
        return replace(self, pairs=tuple(p for p in self.pairs if keep(p)), quick=quick)


def paired(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Mean difference over the starts that count in both, and its standard error.

    Where no start makes a difference the error is 1/n, so that a few of them bound what n starts can have missed.
    """
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        raise ValueError("no start counts in both samples")
    d = first[both] - second[both]
    error = float(d.std(ddof=1) / np.sqrt(len(d))) if len(d) > 1 else float("inf")
    return float(d.mean()), error if error > 0 else 1.0 / len(d)


def ordering(statement: Ordering, budget: Budget) -> list[Evidence]:
    """Look for a pair in the other order, seen again by the second code; else say how clearly all pairs hold."""
    count = budget.pick(*statement.counts)
    pairs = statement.pairs if statement.quick is None else budget.pick(statement.quick, statement.pairs)
    if not pairs:
        raise ValueError("pairs must not be empty")
    names = tuple(dict.fromkeys(name for pair in pairs for name in pair))
    outcomes = statement.study.sample(names, count, 0)
    found = {pair: paired(outcomes[pair[0]], outcomes[pair[1]]) for pair in pairs}
    score = {pair: (d - statement.least) / e for pair, (d, e) in found.items()}
    width = errors(len(found))
    worst = min(score, key=score.__getitem__)
    data = dict(statement.describe) | {
        "means": {name: round(float(np.nanmean(outcomes[name])), 4) for name in names},
        "differences": {f"{a} - {b}": [round(d, 4), round(e, 4)] for (a, b), (d, e) in found.items()},
        "decided": {
            f"{a} above {b}": "holds" if z >= width else "reversed" if z <= -width else "not told apart"
            for (a, b), z in score.items()
        },
    }
    if statement.study.chance is not None:
        data |= statement.study.chance(outcomes, pairs)
    unclear = [f"{a} above {b}" for (a, b), value in score.items() if value < width]
    if score[worst] <= -width:
        witness = _witness(statement, worst, outcomes, found[worst], count, width)
        excess = (witness.second.left - statement.least) / witness.second.margin
        if not -1 < excess < 1:  # the same, or the opposite: then the witness does not stand, which is an error
            return [witness, _table(data, count, score, sum(z <= -width for z in score.values()))]
        unclear = [f"{worst[0]} above {worst[1]} (the second code does not tell)"]
    if unclear:
        missing = Missing(
            "proof",
            f"Not told apart by {count} starts: {'; '.join(unclear[:6])}.",
            "More starts, if there is a difference at all.",
        )
        return [missing, _table(data, count, score)]
    return [_table(data, count, score)]


def _table(data: Mapping[str, Any], count: int, score: Mapping[Pair, float], turned: int = 0) -> Sampled:
    """All pairs; ``turned`` of them are in the other order."""
    return Sampled(
        "paired runs from shared starts",
        instances=count * len(score),
        violations=turned,
        smallest_slack=min(score.values()),
        effort=f"{count} starts, {len(score)} pairs; slack in standard errors",
        data=data,
    )


def _witness(
    statement: Ordering,
    pair: Pair,
    outcomes: Mapping[str, np.ndarray],
    found: tuple[float, float],
    count: int,
    width: float,
) -> Witness:
    study, (larger, smaller) = statement.study, pair
    difference, own = found
    a, b, error = study.again(larger, smaller, count, 1)
    margin = errors(1) * error
    return Witness(
        point={
            "claimed": f"{larger} above {smaller}",
            "larger": study.record(larger),
            "smaller": study.record(smaller),
            "count": count,
            "seed": 1,
            "least": statement.least,
            "margin": margin,
            "means": {name: float(np.nanmean(outcomes[name])) for name in pair},
            "second means": [a, b],
        },
        first=Way(f"the study's code, {width:.2f} standard errors", difference, ">", statement.least, width * own),
        second=Way("plain code from other starts, 99 %", a - b, ">", statement.least, margin),
        replay=study.replay,
    )
