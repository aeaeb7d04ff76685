"""Section 4 of the Anderson mixing paper: what the printed tables say, and what needs data."""

from __future__ import annotations

import pytest
from scipy.stats import ttest_ind_from_stats

from proofs_check.anderson_mixing import experiments
from proofs_check.anderson_mixing.printed_tables import ACCURACY, COST, METHODS, PERPLEXITY
from proofs_check.claim import Budget, Claim, Exact, rejects
from proofs_check.judge import judge_claim

VERDICTS = {
    "tables-consistency": "proved",
    "adaptive-versus-constant-regularisation": "supported",
    "noise-tolerance": "supported",
    "variance-reduction-lower-loss": "supported",
}


@pytest.mark.parametrize("claim", experiments.CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS.get(claim.id.partition("/")[2], "needs data"), entry["evidence"]
    if claim.parts:
        assert entry["control"]["caught"]


def test_tables_are_complete() -> None:
    assert [len(cells) for cells in ACCURACY.values()] == [8] * 7 + [7] * 2
    assert all("AdaHessian" not in ACCURACY[name] for name in ("ResNeXt", "DenseNet"))
    assert ACCURACY["DenseNet"]["AdaSAM"] == (80.09, 0.52)
    assert ACCURACY["ResNet18"]["SGDM"] == (94.82, 0.15)
    assert ACCURACY["ResNet56"]["RAM"] == (93.76, 0.16)
    assert set(ACCURACY["ResNet20"]) == set(METHODS)


def test_smallest_margins() -> None:
    margins = {
        (network, other): cells["AdaSAM"][0] - mean
        for network, cells in ACCURACY.items()
        for other, (mean, _) in cells.items()
        if other != "AdaSAM"
    }
    assert min(margins.items(), key=lambda item: item[1])[0] == ("ResNet56", "RAM")
    assert min(margins.values()) == pytest.approx(0.01)
    plain = {k: v for k, v in margins.items() if k[1] != "RAM"}
    assert min(plain.values()) == pytest.approx(0.25)


def test_number_of_insignificant_comparisons() -> None:
    found = [
        (network, other)
        for network, cells in ACCURACY.items()
        for other in cells
        if other != "AdaSAM"
        and ttest_ind_from_stats(*cells["AdaSAM"], 3, *cells[other], 3, equal_var=False).pvalue >= 0.05
    ]
    assert len(found) == 19
    assert sum(network not in ("ResNeXt", "DenseNet") for network, _ in found) == 16


def test_margins_of_table_3() -> None:
    gains = [cells["pAdaSAM"][0] - cells["Adam"][0] for cells in PERPLEXITY.values()]
    assert min(gains) == pytest.approx(0.87)
    assert max(gains) == pytest.approx(1.54)


def test_epochs_behind_table_2() -> None:
    (found,) = experiments.whole_epochs(160, Budget.QUICK)
    assert isinstance(found, Exact)
    for network, (low, high) in found.data.items():
        per, total = (float(v) for v in COST[network]["AdaSAM"][1:])
        assert low <= 160 * total / per <= high + 1
    assert rejects(experiments.whole_epochs(7, Budget.QUICK))
