"""Means, paired differences and Holm's correction, against values by hand and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from analysis.networks.results import COLUMNS
from analysis.networks.summary import lines, summarize
from analysis.statistics import holm, mean, paired_differences


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    with_nan = holm([0.01, float("nan"), 0.04])
    assert with_nan[0] == pytest.approx(0.02) and math.isnan(with_nan[1]) and with_nan[2] == pytest.approx(0.04)


def test_mean_by_hand() -> None:
    # 1, 2, 3: standard error 1/sqrt(3), t_{0.975, 2} = 4.302652729749464.
    found = mean([1.0, 2.0, 3.0, float("nan")])
    half = 4.302652729749464 / math.sqrt(3)
    assert found.value == 2.0 and (found.runs, found.missing) == (3, 1)
    assert (found.low, found.high) == pytest.approx((2.0 - half, 2.0 + half))
    single = mean([1.0])
    assert single.value == 1.0 and math.isnan(single.low)
    assert math.isnan(mean([]).value)


def test_differences_are_those_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    base = 10.0 * rng.standard_normal(12)  # what seeds share, much larger than what is to be seen
    samples = {
        "a": dict(enumerate(base + 0.3 + 0.1 * rng.standard_normal(12))),
        "b": dict(enumerate(base + 0.1 * rng.standard_normal(12))),
    }
    (found,) = paired_differences(samples)
    gaps = np.array([samples["a"][k] - samples["b"][k] for k in range(12)])
    test = ttest_1samp(gaps, 0.0)
    assert found.p == pytest.approx(test.pvalue) and found.adjusted == found.p < 1e-3
    assert (found.low, found.high) == pytest.approx(tuple(test.confidence_interval()))


def test_broken_runs_are_left_out_and_counted() -> None:
    nan = float("nan")
    samples = {"a": {0: 1.0, 1: nan, 2: 3.0, 3: 2.0}, "b": {0: 0.5, 1: 1.0, 2: 2.0, 4: 9.0}}
    (found,) = paired_differences(samples)
    assert (found.runs, found.missing) == (2, 1)
    assert found.value == pytest.approx(0.75)


def test_no_spread() -> None:
    equal = paired_differences({"a": {0: 1.0, 1: 2.0}, "b": {0: 1.0, 1: 2.0}})[0]
    shifted = paired_differences({"a": {0: 1.0, 1: 2.0}, "b": {0: 0.0, 1: 1.0}})[0]
    assert equal.p == 1.0 and shifted.p == 0.0


def test_the_false_alarm_rate_is_what_it_should_be() -> None:
    """Of families of six true null hypotheses, five per cent may raise any alarm; without Holm it is far more."""
    rng = np.random.default_rng(1)
    families, alarms, plain = 400, 0, 0
    for _ in range(families):
        samples = {name: dict(enumerate(rng.standard_normal(8))) for name in "abcd"}
        found = paired_differences(samples)
        alarms += min(item.adjusted for item in found) < 0.05
        plain += min(item.p for item in found) < 0.05
    assert alarms / families < 0.05 + 3 * math.sqrt(0.05 * 0.95 / families)
    assert plain / families > 0.1


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="among a, b, got 'c'"):
        paired_differences({"a": {0: 1.0}, "b": {0: 1.0}}, [("a", "c")])
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got 1.5"):
        mean([1.0], level=1.5)


def _rows(accuracies: dict[str, list[float]]) -> list[dict[str, object]]:
    empty = dict.fromkeys(COLUMNS)
    return [
        empty
        | {"optimizer": name, "seed": seed, "epoch": 1, "status": "ok", "test_accuracy": value, "test_loss": -value}
        for name, values in accuracies.items()
        for seed, value in enumerate(values)
    ]


def test_a_summary_points_to_the_better_method_whatever_the_measure() -> None:
    rows = _rows({"good": [0.9, 0.92, 0.91, 0.93], "bad": [0.5, 0.53, 0.51, 0.52], "same": [0.9, 0.925, 0.905, 0.93]})
    for metric in ("test_accuracy", "test_loss"):
        found = {(d.first, d.second): d for d in summarize(rows, metric).differences}
        assert found["good", "bad"].value == pytest.approx(0.4)
        assert found["good", "bad"].adjusted < 0.01 < found["good", "same"].adjusted
    told = lines(summarize(rows, "test_accuracy", against="bad"))
    assert len(told) == 2 and told[0].startswith("good better than bad: 0.4 [")
    assert any("not told apart from" in line for line in lines(summarize(rows, "test_accuracy")))
    with pytest.raises(ValueError, match="methods good, bad, same, got 'best'"):
        summarize(rows, "test_accuracy", against="best")
