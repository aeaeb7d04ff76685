"""The printed results (mean, number after the plus-minus sign, three runs) and Welch tests of their differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from ..checks.search import ForAll
from ..claim import Budget

RUNS = 3

# Top-1 accuracy in percent: AdamW, SGD, SoftAdam (table 1).
CIFAR10 = {
    "AlexNet": {"AdamW": (74.55, 0.37), "SGD": (77.10, 0.50), "SoftAdam": (79.30, 0.25)},
    "VGG19 (BN)": {"AdamW": (92.50, 0.25), "SGD": (93.52, 0.18), "SoftAdam": (93.89, 0.12)},
    "PreResNet-56": {"AdamW": (91.93, 0.18), "SGD": (94.01, 0.05), "SoftAdam": (94.02, 0.03)},
    "ResNet-110": {"AdamW": (92.11, 0.04), "SGD": (94.54, 0.29), "SoftAdam": (94.75, 0.15)},
    "DenseNet-100": {"AdamW": (93.25, 0.19), "SGD": (95.04, 0.08), "SoftAdam": (95.00, 0.11)},
}
# Validation perplexity (table 2), lower is better: its negative is the score.
PENN_TREEBANK = {"LSTM": {"SoftAdam": (-63.63, 0.19), "SGD": (-66.64, 0.85), "Adam": (-62.03, 0.34)}}
# Single best values (table 3): validation perplexity, BLEU.
IWSLT14 = {"SGD": (4.14, 31.43), "SoftAdam": (4.02, 32.76), "AdamW": (3.87, 34.44)}

Spread = Literal["standard deviation", "standard error"]

REPLAY = """
from scipy.stats import ttest_ind_from_stats
a, b = witness["first"], witness["second"]
f = 1.0 if witness["spread"] == "standard deviation" else 3 ** 0.5
p = ttest_ind_from_stats(a[0], a[1] * f, 3, b[0], b[1] * f, 3, equal_var=False).pvalue * witness["tests"]
better = a[0] > b[0]
p = p if better == (witness["asks"] == "better") else 1.0
violated = bool(p >= witness["level"]) if witness["asks"] == "better" else bool(p < witness["level"])
"""


@dataclass(frozen=True)
class Comparison:
    """One optimizer against another in rows of a table."""

    table: dict[str, dict[str, tuple[float, float]]]
    first: str
    others: Sequence[str]


def welch(first: tuple[float, float], second: tuple[float, float], spread: Spread) -> tuple[float, float, float]:
    """Statistic, degrees of freedom and two-sided p-value of Welch's test for three runs each, by the definition."""
    import mpmath

    factor = 1 if spread == "standard deviation" else RUNS
    a, b = (factor * s[1] ** 2 / RUNS for s in (first, second))
    t = (first[0] - second[0]) / sqrt(a + b)
    freedom = (a + b) ** 2 / ((a * a + b * b) / (RUNS - 1))
    p = mpmath.betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True)
    return t, freedom, float(p)


def _library(first: tuple[float, float], second: tuple[float, float], spread: Spread) -> float:
    from scipy.stats import ttest_ind_from_stats

    factor = 1.0 if spread == "standard deviation" else sqrt(RUNS)
    test = ttest_ind_from_stats(first[0], factor * first[1], RUNS, second[0], factor * second[1], RUNS, equal_var=False)
    return float(test.pvalue)


def significance(
    comparison: Comparison,
    asks: Literal["better", "not worse"],
    spread: Spread,
    level: float = 0.05,
    tests: int = 1,
) -> ForAll:
    """Every difference is significant in favour of ``first``, or none is against it (two-sided, Welch).

    ``tests`` multiplies the p-values (Bonferroni).
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for row, cells in comparison.table.items():
            for other in comparison.others:
                yield {
                    "row": row,
                    "other": other,
                    "first": cells[comparison.first],
                    "second": cells[other],
                    "spread": spread,
                    "level": level,
                    "tests": tests,
                    "asks": asks,
                }

    def judged(point: Any, p: float) -> tuple[float, float]:
        favours = point["first"][0] > point["second"][0]
        counts = favours if asks == "better" else not favours and point["first"][0] != point["second"][0]
        return (min(1.0, tests * p) if counts else 1.0), level

    return ForAll(
        points=points,
        sides=lambda p: judged(p, welch(p["first"], p["second"], spread)[2]),
        relation="<" if asks == "better" else ">=",
        again=lambda p: judged(p, _library(p["first"], p["second"], spread)),
        replay=REPLAY,
        methods=("Welch's test by the incomplete beta function", "Welch's test of SciPy"),
        margins=(1e-9, 1e-9),
    )


def means_at_least(comparison: Comparison, shortfall: str = "0") -> ForAll:
    """The printed mean of ``first`` is at least that of each other optimizer, less ``shortfall`` (exact decimals)."""
    from fractions import Fraction

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for p in significance(comparison, "better", "standard deviation").points(budget):
            yield {"row": p["row"], "other": p["other"], "means": [str(p["first"][0]), str(p["second"][0])]}

    return ForAll(
        points=points,
        sides=lambda p: (Fraction(p["means"][0]), Fraction(p["means"][1]) - Fraction(shortfall)),
        relation=">=",
        again=lambda p: (float(p["means"][0]), float(p["means"][1]) - float(shortfall)),
        replay="violated = float(witness['means'][0]) < float(witness['means'][1])",
        methods=("decimals of the table", "floating point"),
        margins=(0.0, 1e-9),
    )
