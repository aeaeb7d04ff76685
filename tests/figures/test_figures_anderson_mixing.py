"""Figures of Anderson mixing: what their numbers must satisfy."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from figures.anderson_mixing import FIGURES
from figures.anderson_mixing._panels import END
from figures.registry import FigureData, Level

BY_ID = {figure.id.partition("/")[2]: figure for figure in FIGURES}


@cache
def data(name: str) -> FigureData:
    return BY_ID[name].data(Level.QUICK)


def test_every_figure_has_levels_and_runs_within_its_budget():
    assert len(BY_ID) == 11
    for figure in FIGURES:
        assert (figure.cost.quick or 0) <= 5 and (figure.cost.normal or 0) <= 20


def test_residuals_of_all_columns_are_those_of_gmres_and_no_method_is_below():
    a = data("residuals").arrays
    names = a["method"].tolist()
    median = a["residual"][..., 1]
    gmres = median[:, names.index("GMRES")]
    ours = median[:, names.index("AM, all columns")]
    np.testing.assert_allclose(ours[0, :12], gmres[0, :12], rtol=1e-6)
    assert np.all(median >= gmres[:, None] * (1 - 1e-6) - 1e-12)
    assert np.all(np.diff(gmres, axis=-1) <= 1e-12)
    late = median[0, :, 12]
    assert late[names.index("AM, memory 1")] > 3 * late[names.index("AM, memory 5")] > 1.01 * late[0]


def test_deviation_grows_linearly_with_delta_and_vanishes_with_all_columns():
    a = data("deviations").arrays
    gap, delta = a["against_delta"][0, :, 1], a["delta"]
    inside = (gap > 1e-12) & (gap < 1e-4)
    assert inside.sum() >= 2
    slope = np.polyfit(np.log(delta[inside]), np.log(gap[inside]), 1)[0]
    assert 0.95 < slope < 1.05
    assert a["against_memory"][0, -1, 1] < 1e-9 < 1e-4 < a["against_memory"][0, 0, 1]
    middle = dict(zip(a["solver"].tolist(), a["against_kappa"][:, a["kappa"].tolist().index(1e8), 1], strict=True))
    assert middle["gram"] > 100 * middle["basis"]
    assert 0.01 < middle["basis"] / middle["factors"] < 100


@pytest.mark.parametrize(
    "name", ["study-quadratic", "study-logistic", "study-variance-reduction", "study-preconditioned"]
)
def test_studies_start_together_and_are_paired(name):
    found = data(name)
    a = found.arrays
    methods = a["method"].tolist()
    reference = methods.index(found.inputs["reference"])
    for i in range(len(a["panel"])):
        present = np.isfinite(a["final"][i, :, 0])
        starts = a["course"][i, present, 1, 0]
        assert np.ptp(starts) < 1e-12  # the same starts for all
        assert np.all(a["difference"][i, reference] == 0.0)
        for j in np.flatnonzero(present):
            passes, mean, low, high = (row[np.isfinite(a["course"][i, j, 0])] for row in a["course"][i, j])
            assert np.all(np.diff(passes) > 0) and np.all((low <= mean + 1e-12) & (mean <= high + 1e-12))
            np.testing.assert_allclose(mean[-1], a["final"][i, j, 0])
            expected = a["final"][i, j, 0] - a["final"][i, reference, 0]
            np.testing.assert_allclose(a["difference"][i, j, 0], expected, atol=1e-10)
            assert mean[-1] < mean[0]
    assert len(found.inputs["chosen"]) == np.isfinite(a["final"][..., 0]).sum()
    assert all(END in chosen for chosen in found.inputs["chosen"].values())


def test_noise_free_quadratics_separate_the_families():
    a = data("study-quadratic").arrays
    difference = dict(zip(a["method"].tolist(), a["difference"][0], strict=True))
    assert difference["SGD"][1] > 0 and difference["SGDM"][1] > 0  # intervals above zero: AdaSAM is better


def test_rescaling_is_exact_where_the_theory_says_so():
    a = data("rescaling").arrays
    change = dict(zip(a["method"].tolist(), a["change"], strict=True))
    assert np.all(change["AdaSAM"] == 0.0) and np.all(change["SAM, scaled penalty"] == 0.0)
    away = a["s"] != 1.0
    assert np.all(change["RAM"][away] > 1e-3) and np.all(change["SAM"][away] > 1e-3)


def test_bounds_hold_on_their_own_conditions():
    found = data("bound-slack")
    a, inputs = found.arrays, found.inputs
    assert np.all(a["bound"] >= a["high"])
    assert inputs["beta_0"] == pytest.approx(inputs["mu"] / (4 * inputs["L"] * (1 + 1 / inputs["C"])))
    # At N = 1 every power gives the first gradient against 16 L (1 + 1/C) D / mu^2 + (1 + 1/(L mu)) sigma^2 / n.
    gap = 0.5 * np.sum(np.geomspace(1, 0.01, 10))
    noise = (1 + 1 / inputs["mu"]) * inputs["sigma^2"] / inputs["n"]
    assert a["bound"][0, 0] == pytest.approx(16 * 2 * gap / inputs["mu"] ** 2 + noise)


def test_the_bound_with_variance_reduction_holds_and_its_expectation_is_that_of_all_sign_paths():
    from proofs_check.anderson_mixing.theorem_5_bound import by_paths, second_moments

    found = data("bound-slack-variance-reduced")
    a, inputs = found.arrays, found.inputs
    assert np.all(a["bound"] >= a["mean"]) and np.all(a["T"] % 2 == 0)
    kappa = (1 + 1 / inputs["C"]) ** 0.5
    beta = inputs["mu_0"] / (inputs["L"] * kappa * a["T"][0] ** (2 / 3))
    q = int(a["T"][0] / (inputs["mu_0"] * (6 + 2 / (inputs["L"] * kappa))))
    np.testing.assert_allclose(by_paths(0.5, 0.5, beta, 4, 2, 1.0), second_moments(0.5, 0.5, beta, 4, 2, 1.0))
    exact = 0.5**2 * np.mean(second_moments(0.5, 0.5, beta, q, int(a["N"][1]), 1.0))
    assert a["mean"][1, 1, 0] == pytest.approx(exact, rel=1e-9)


def test_operations_are_linear_in_the_memory_without_new_factorisations():
    a = data("cost").arrays
    for name in ("AdaSAM", "AdaSAM with (14)"):
        count = a["per_parameter"][a["method"].tolist().index(name)]
        slopes = np.diff(count) / np.diff(a["m"])
        np.testing.assert_allclose(slopes, slopes[0])
    factors = a["per_parameter"][a["method"].tolist().index("AdaSAM, new QR")]
    assert factors[-1] / factors[-2] > 2.5  # quadratic in m
    assert "linear" in BY_ID["cost"].caption(data("cost"))


def test_printed_margins_are_positive_and_welch_is_scipys():
    from scipy.stats import ttest_ind_from_stats

    a = data("tables").arrays
    assert len(a["p"]) == 7 * 7 + 2 * 6 + 3 * 4 and np.all(a["margin"] > 0)
    at = (a["row"] == "ResNet18") & (a["rival"] == "SGDM")
    found = ttest_ind_from_stats(95.17, 0.10, 3, 94.82, 0.15, 3, equal_var=False)
    assert a["p"][at][0] == pytest.approx(found.pvalue) and a["margin"][at][0] == pytest.approx(0.35)
