"""Section 5 of Critical Momenta: verdicts, the tests behind the tables, sizes, grids and references."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from scipy.stats import ttest_ind_from_stats

from analysis.statistics import holm
from proofs_check.checks.search import for_all
from proofs_check.checks.tables import Comparison, Excludes, intervals, means_at_least, significance, welch
from proofs_check.claim import Budget, Exact, Sampled, Witness, rejects
from proofs_check.critical_momenta import networks, printed, settings, speed_up
from proofs_check.critical_momenta.architectures import efficientnet_b0, lstm_language_model, resnet34, resnet34_closed
from proofs_check.judge import judge_claim

EXPECTED = {
    "table-2-benchmarks": "needs data",
    "table-3-sgd": "needs data",
    "table-4-online": "needs data",
    "figure-8-cifar100": "needs data",
    "figure-9-buffer-sharpness": "needs data",
    "figure-10-batch-and-buffer": "needs data",
    "figure-19-m-sharpness": "needs data",
    "figure-20-learning-rate": "needs data",
    "meg-cifar10": "needs data",
    "experiment-settings": "corrected",
    "cm-needs-smaller-buffer": "corrected",
}
CLAIMS = {claim.id.partition("/")[2]: claim for module in (networks, settings) for claim in module.CLAIMS}


def test_every_entry_has_its_claim() -> None:
    assert list(CLAIMS) == list(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    entry = judge_claim(CLAIMS[slug], Budget.QUICK)
    assert entry["verdict"] == EXPECTED[slug], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]
    assert all(part["verdict"] not in ("open", "ambiguous") for part in entry["evidence"]["parts"])


@pytest.mark.parametrize("spread", ["standard deviation", "standard error"])
def test_welch_by_scipy(spread: str) -> None:
    factor = 1.0 if spread == "standard deviation" else math.sqrt(5)
    for cells in (*printed.BENCHMARKS.values(), *printed.ONLINE.values()):
        a, b = cells["Adam+CM"], cells["Adam"]
        test = ttest_ind_from_stats(a[0], a[1] * factor, 5, b[0], b[1] * factor, 5, equal_var=False)
        assert welch(a, b, spread, 5)[2] == pytest.approx(test.pvalue, rel=1e-9)  # type: ignore[arg-type]


def test_four_of_twelve_survive_holm() -> None:
    values = [
        welch(cells["Adam+CM"], cells[other], "standard deviation", 5)[2]
        for cells in printed.BENCHMARKS.values()
        for other in networks.BASELINES
    ]
    assert sum(p < 0.05 for p in holm(values)) == 4
    assert sum(p < 0.05 for p in values) == 7


def test_an_interval_set_that_is_wrong_is_rejected() -> None:
    table = Comparison({"row": {"a": (1.0, 0.1), "b": (0.0, 0.1)}}, "a", ("b",), 5)
    right = Excludes(table, "standard deviation", frozenset({("row", "b")}))
    assert not rejects(intervals(right, Budget.QUICK))
    assert rejects(intervals(Excludes(table, "standard deviation", frozenset()), Budget.QUICK))
    found = intervals(right, Budget.QUICK)[0]
    assert isinstance(found, Sampled)
    half = 2.306004 * math.hypot(0.1, 0.1) / math.sqrt(5)
    assert found.data["intervals"]["row: a - b"] == pytest.approx([1 - half, 1 + half], abs=2e-3)


def test_equal_means_are_not_strictly_better() -> None:
    table = Comparison({"row": {"a": (1.0, 0.1), "b": (1.0, 0.1)}}, "a", ("b",), 5)
    assert rejects(for_all(means_at_least(table, strict=True), Budget.QUICK))
    assert not rejects(for_all(means_at_least(table), Budget.QUICK))
    assert rejects(for_all(significance(table, "better", "standard error"), Budget.QUICK))


def test_parameter_counts_are_the_published_ones() -> None:
    assert sum(resnet34(1000, 7)) == resnet34_closed(1000, 7) == 21_797_672
    assert sum(efficientnet_b0(1000)) == 5_288_548
    assert sum(resnet34(10, 3)) == 21_282_122


def test_lstm_layer_by_torch() -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.LSTM(7, 7)
    head = torch.nn.Linear(7, 11)
    own = sum(p.numel() for m in (layer, head, torch.nn.Embedding(11, 7)) for p in m.parameters())
    assert sum(lstm_language_model(11, 7, tied=False)) == own


def test_the_one_setting_outside_its_grid() -> None:
    witness = for_all(settings.in_grid(settings.ALL_TABLES), Budget.QUICK)[0]
    assert isinstance(witness, Witness)
    assert (witness.point["problem"], witness.point["method"], witness.point["value"]) == ("PTB", "Adam+SAM", "0.9")
    rest = for_all(settings.in_grid(settings.ALL_TABLES, settings._not_the_exception), Budget.QUICK)[0]
    assert isinstance(rest, Exact)
    numbers = sum(len(s) for table, _ in settings.ALL_TABLES for methods in table.values() for s in methods.values())
    assert f"{numbers - 1} instances" in next(iter(rest.steps))


@pytest.mark.parametrize(("size", "steps"), [(5, 3), (5, 5), (5, 60), (20, 10)])
def test_gain_in_closed_form(size: int, steps: int) -> None:
    found = speed_up.gradients_factor(size, steps)
    closed = 2 - Fraction(size + 1, 2 * steps) if steps >= size else 1 + Fraction(steps - 1, 2 * size)
    assert found == closed


def test_gain_of_momenta_tends_to_two() -> None:
    assert float(speed_up.momenta_factor(5, 60)) == pytest.approx(1.94, abs=0.01)
    assert float(speed_up.momenta_factor(5, 2000)) == pytest.approx(2.0, abs=2e-3)
