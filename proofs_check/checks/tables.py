"""Printed tables of means with a number after the plus-minus sign: order of the means, and Welch tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import hypot, sqrt
from typing import Any, Literal

from analysis.statistics import holm

from ..claim import Budget, Evidence, Sampled
from .search import ForAll

Cell = tuple[float, float]
Spread = Literal["standard deviation", "standard error"]

REPLAY = """
from scipy.stats import ttest_ind_from_stats
n = witness["runs"]
f = 1.0 if witness["spread"] == "standard deviation" else n ** 0.5
def p_value(a, b):
    return ttest_ind_from_stats(a[0], a[1] * f, n, b[0], b[1] * f, n, equal_var=False).pvalue
a, b = witness["first"], witness["second"]
p = p_value(a, b) * witness["tests"]
if witness["family"]:
    order = sorted((p_value(*pair), k) for k, pair in enumerate(witness["family"]))
    p = 0.0
    for rank, (value, k) in enumerate(order):
        p = max(p, (len(order) - rank) * value)
        if witness["family"][k] == [a, b]:
            break
better = a[0] > b[0]
p = p if better == (witness["asks"] == "better") else 1.0
violated = bool(p >= witness["level"]) if witness["asks"] == "better" else bool(p < witness["level"])
"""


@dataclass(frozen=True)
class Comparison:
    """One method against others in the rows of a table.

    Attributes
    ----------
    table : mapping
        Row to method to (mean, number after the sign); larger is better, so a perplexity enters with a minus sign.
    first : str
    others : sequence of str
    runs : int
        Repetitions behind every cell.
    """

    table: Mapping[str, Mapping[str, Cell]]
    first: str
    others: Sequence[str]
    runs: int


def welch(first: Cell, second: Cell, spread: Spread, runs: int) -> tuple[float, float, float]:
    """Statistic, degrees of freedom and two-sided p-value of Welch's test for equal numbers of runs, by definition."""
    import mpmath

    factor = 1 if spread == "standard deviation" else runs
    a, b = (factor * s[1] ** 2 / runs for s in (first, second))
    t = (first[0] - second[0]) / sqrt(a + b)
    freedom = (a + b) ** 2 / ((a * a + b * b) / (runs - 1))
    p = mpmath.betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True)
    return t, freedom, float(p)


def _library(first: Cell, second: Cell, spread: Spread, runs: int) -> float:
    from scipy.stats import ttest_ind_from_stats

    factor = 1.0 if spread == "standard deviation" else sqrt(runs)
    test = ttest_ind_from_stats(first[0], factor * first[1], runs, second[0], factor * second[1], runs, equal_var=False)
    return float(test.pvalue)


def _pairs(comparison: Comparison) -> list[tuple[str, str, Cell, Cell]]:
    return [
        (row, other, cells[comparison.first], cells[other])
        for row, cells in comparison.table.items()
        for other in comparison.others
    ]


def significance(
    comparison: Comparison,
    asks: Literal["better", "not worse"],
    spread: Spread,
    level: float = 0.05,
    tests: int = 1,
    family: bool = False,
) -> ForAll:
    """Every difference is significant in favour of ``first``, or none is against it (two-sided, Welch).

    ``tests`` multiplies the p-values (Bonferroni); ``family`` adjusts them for all differences together (Holm).
    """
    runs = comparison.runs

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        pairs = _pairs(comparison)
        for row, other, first, second in pairs:
            yield {
                "row": row,
                "other": other,
                "first": first,
                "second": second,
                "spread": spread,
                "level": level,
                "tests": tests,
                "asks": asks,
                "runs": runs,
                "family": [[a, b] for *_, a, b in pairs] if family else [],
            }

    def judged(point: Any, test: Any) -> tuple[float, float]:
        first, second = point["first"], point["second"]
        favours = first[0] > second[0]
        counts = favours if asks == "better" else not favours and first[0] != second[0]
        if not counts:
            return 1.0, level
        if not family:
            return min(1.0, tests * test(first, second)), level
        return holm([test(a, b) for a, b in point["family"]])[point["family"].index([first, second])], level

    return ForAll(
        points=points,
        sides=lambda p: judged(p, lambda a, b: welch(a, b, spread, runs)[2]),
        relation="<" if asks == "better" else ">=",
        again=lambda p: judged(p, lambda a, b: _library(a, b, spread, runs)),
        replay=REPLAY,
        methods=("Welch's test by the incomplete beta function", "Welch's test of SciPy"),
        margins=(1e-9, 1e-9),
    )


@dataclass(frozen=True)
class Excludes:
    """The 95% intervals of ``first - other`` (Welch, not adjusted) exclude zero in just these pairs (row, other)."""

    comparison: Comparison
    spread: Spread
    pairs: frozenset[tuple[str, str]]


def intervals(statement: Excludes, budget: Budget) -> list[Evidence]:
    """Compute every interval and compare the set of those that exclude zero."""
    from scipy.stats import t as student

    del budget
    found, smallest, wrong = {}, float("inf"), 0
    pairs = _pairs(statement.comparison)
    for row, other, first, second in pairs:
        _, freedom, _ = welch(first, second, statement.spread, statement.comparison.runs)
        difference = first[0] - second[0]
        factor = 1.0 if statement.spread == "standard deviation" else sqrt(statement.comparison.runs)
        error = factor * hypot(first[1], second[1]) / sqrt(statement.comparison.runs)
        half = float(student.ppf(0.975, freedom)) * error
        low, high = difference - half, difference + half
        found[f"{row}: {statement.comparison.first} - {other}"] = [round(low, 3), round(high, 3)]
        wrong += ((row, other) in statement.pairs) != (low > 0 or high < 0)
        smallest = min(smallest, abs(low), abs(high))
    method = f"95% Welch intervals, +- as {statement.spread}"
    return [Sampled(method, len(pairs), wrong, smallest, f"{len(pairs)} differences", {"intervals": found})]


def means_at_least(comparison: Comparison, shortfall: str = "0", strict: bool = False) -> ForAll:
    """The printed mean of ``first`` is at least that of each other method, less ``shortfall`` (exact decimals)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for row, other, first, second in _pairs(comparison):
            yield {"row": row, "other": other, "means": [str(first[0]), str(second[0])]}

    return ForAll(
        points=points,
        sides=lambda p: (Fraction(p["means"][0]), Fraction(p["means"][1]) - Fraction(shortfall)),
        relation=">" if strict else ">=",
        again=lambda p: (float(p["means"][0]), float(p["means"][1]) - float(shortfall)),
        replay=f"a, b = map(float, witness['means'])\nviolated = {'a <= b' if strict else 'a < b'}",
        methods=("decimals of the table", "floating point"),
        margins=(0.0, 0.0 if strict else 1e-9),
        exhaustive=strict,
    )
