"""Figures of runs: what is drawn against code that shares nothing with it, and against each other."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import numpy as np
import pytest

from analysis.toys import BEST, Method
from figures.critical_momenta import (
    ackley_curves,
    buffer_courses,
    buffer_steps,
    escape,
    extragradient,
    laws,
    nine_runs,
    sensitivity,
    stuck_steps,
    study_size,
    surfaces,
)
from figures.critical_momenta._arrows import from_arrays, stored_mean
from figures.registry import FigureData, Level
from proofs_check.critical_momenta import plain


@cache
def quick(function: object) -> FigureData:
    return function(Level.QUICK)  # type: ignore[operator]


# Steps


@pytest.mark.parametrize("name", ["Adam+CG", "Adam+CM"])
def test_the_arrows_are_what_moves_the_point(name: str) -> None:
    """(3), or (4) to (7), fed with the drawn gradients and stored vectors, walk the drawn path."""
    steps = from_arrays(quick(buffer_steps.two_data), f"first {name}")
    m, v, point = np.zeros(2), np.zeros(2), steps.path[0]
    for t, gradient in enumerate(steps.gradient):
        if name == "Adam+CG":
            total = gradient + stored_mean(steps, t)
            m, v = 0.9 * m + 0.1 * total, 0.99 * v + 0.01 * total**2
            moving = m
        else:
            m = 0.9 * m + 0.1 * gradient
            moving = m + stored_mean(steps, t)
            v = 0.99 * v + 0.01 * moving**2
        point = point - 0.1 * moving / (1 - 0.9 ** (t + 1)) / (np.sqrt(v / (1 - 0.99 ** (t + 1))) + 1e-8)
        np.testing.assert_allclose(steps.path[t + 1], point, atol=1e-12)
    assert np.isnan(steps.vectors[0]).all() and np.isfinite(steps.vectors[-1]).all()


def test_strongest_cancellation_is_the_strongest() -> None:
    data = quick(buffer_steps.two_data)
    steps = from_arrays(data, "cancelled Adam+CG")
    left = [
        np.linalg.norm(g + stored_mean(steps, t)) / np.linalg.norm(g) for t, g in enumerate(steps.gradient) if t > 0
    ]
    assert min(left) == pytest.approx(data.arrays["smallest"][0], rel=1e-9)
    assert min(left) < data.arrays["left over"][:, 0].min()


def test_stuck_steps_keep_their_bound() -> None:
    data = quick(stuck_steps.eleven_data)
    share = data.arrays["share"][..., 0]
    assert np.all(np.diff(share, axis=-1) >= 0)
    steps, first = from_arrays(data, "run"), data.inputs["first step"]
    left = [
        np.linalg.norm(steps.gradient[t] + stored_mean(steps, t)) / np.linalg.norm(steps.gradient[t])
        for t in range(first, first + 3)
    ]
    assert max(left) <= data.inputs["bound"] + 1e-12
    assert data.inputs["bound"] < 0.5


def test_measures_of_the_buffers_are_within_their_ranges() -> None:
    course = quick(buffer_courses.course_data).arrays["course"][..., 0]
    assert np.all((course[:2] > 0) & (course[:2] < 1)) and np.all(np.abs(course[2]) < 1)
    # The longer the mean against the mean length, the smaller the relative variance.
    assert np.corrcoef(course[0].ravel(), course[1].ravel())[0, 1] < -0.8


# Two wells


def test_nine_runs_by_the_plain_code() -> None:
    paths = quick(nine_runs.five_data).arrays["paths"]
    for k, name in enumerate(nine_runs.THREE):
        for j, s in enumerate(nine_runs.SHARPNESS):
            starts = np.asarray(nine_runs.STARTS)[:, None]
            record = asdict(Method(name))
            # Fifty steps: afterwards swinging runs amplify rounding.
            found = plain.ends(plain.well_gradient(s), starts, record, 50)
            np.testing.assert_allclose(paths[k, 50, j], found[:, 0], atol=1e-9)
    counts = nine_runs._flat(paths[:, -1]).sum(axis=(1, 2))
    assert counts.tolist() == [3, 7, 9]


def test_adam_stays_on_its_side_of_the_ridge() -> None:
    a = quick(nine_runs.map_data).arrays
    flat, blunt = a["flat"][0], a["s"] < 50
    ridge = np.sqrt(a["s"]) / (np.sqrt(a["s"]) + 1)
    clear = np.abs(a["x0"] - ridge[:, None]) > 0.1
    assert np.all((flat == (a["x0"] < ridge[:, None]))[blunt][clear[blunt]])
    assert a["flat"][2].mean() > a["flat"][0].mean()


def test_sensitivity_runs_contain_those_of_figure_5() -> None:
    paths = quick(nine_runs.seventeen_data).arrays["paths"]
    np.testing.assert_array_equal(paths[0, :, 0], quick(nine_runs.five_data).arrays["paths"][1:])
    assert np.array_equal(paths[:, :, 0, :251], paths[:, :, 1, :251])
    assert not np.array_equal(paths[:, :, 0, 251:], paths[:, :, 1, 251:])


def test_escape_in_ten_dimensions_by_the_plain_code() -> None:
    ratio = quick(escape.six_data).arrays["ratio"]
    starts = np.random.default_rng([0, 10]).uniform(-5, 5, (100, 10))
    for k, name in ((0, "Adam"), (3, "Adam+CM")):
        record = asdict(Method(name, capacity=20, decay=0.99))  # type: ignore[arg-type]
        ends = plain.ends(plain.well_gradient(100.0), starts, record, 500)
        share = np.mean(np.all(ends < 10 / 11, axis=-1))
        assert ratio[k, 0, -1, 0] == pytest.approx(share, abs=0.05)
    assert np.all((ratio[..., 1] <= ratio[..., 0] + 1e-12) & (ratio[..., 0] <= ratio[..., 2] + 1e-12))


def test_choices_of_momenta_only_leave_stored_gradients_out() -> None:
    ratio = quick(escape.choice_data).arrays["ratio"][..., 0]
    choices = quick(escape.choice_data).inputs["choices"]
    missing = [choices[j] for j in np.nonzero(np.isnan(ratio[0, :, 0]))[0]]
    assert missing == ["momentum as key", "v of the corrected aggregate"]
    assert np.isfinite(ratio[:, :, 1]).all()
    assert not np.isnan(escape.choice_table(quick(escape.choice_data))["ratio"]).any()


def test_designs_share_the_runs_of_the_figures() -> None:
    ratio = quick(sensitivity.design_data).arrays["ratio"]
    six = quick(escape.six_data).arrays["ratio"]
    np.testing.assert_array_equal(ratio[2, 0], six[:4, 0, -1])


def test_independent_coordinates_follow_the_power_law() -> None:
    a = quick(laws.law_data).arrays
    adam, cg = a["ratio"][laws.FOUR.index("Adam")], a["ratio"][laws.FOUR.index("Adam+CG")]
    power = adam[0, 0] ** np.asarray(laws.DIMENSIONS)
    # Of the law itself the ratio in one dimension is known to a tenth only.
    assert np.all((adam[:, 1] - 0.1 <= power) & (power <= adam[:, 2] + 0.1))
    assert cg[-1, 2] < cg[0, 1] ** laws.DIMENSIONS[-1]
    # A well as blunt as the flat one holds every method; the sharpest ones hold none.
    assert np.all(a["left"][:, 0, 0] == 0) and np.all(a["left"][:, -1, 0] > 0.8)


# Surfaces


def test_figures_4_and_16_part_at_the_drop() -> None:
    drop, constant = (quick(f).arrays["mean"] for f in (ackley_curves.drop_data, ackley_curves.constant_data))
    at = ackley_curves.DROP // ackley_curves.EVERY
    np.testing.assert_array_equal(drop[:, :, : at + 1], constant[:, :, : at + 1])
    assert np.abs(drop[2:, :, -1, 0] - constant[2:, :, -1, 0]).min() > 1e-3
    times = quick(ackley_curves.constant_data).inputs["drops"]
    by_drop = quick(ackley_curves.constant_data).arrays["by drop"]
    np.testing.assert_allclose(by_drop[:, times.index(250)], drop[:, 0, -1], rtol=1e-12)
    np.testing.assert_allclose(by_drop[:, times.index(None)], constant[:, 0, -1], rtol=1e-12)


def test_start_regions_contain_those_of_figure_4() -> None:
    """Starts of different counts: the same means within their intervals."""
    regions = quick(ackley_curves.regions_data).arrays["loss"]
    for i, side in enumerate(ackley_curves.SIDES):
        low, high = np.moveaxis(regions[:5, ackley_curves.REGIONS.index(side), 1:], -1, 0)
        mean, other_low, other_high = np.moveaxis(quick(ackley_curves.drop_data).arrays["mean"][:, i, -1], -1, 0)
        assert np.all((low <= other_high + 0.5) & (other_low <= high + 0.5)), mean


@pytest.mark.parametrize("data", [surfaces.ackley_data, surfaces.goldstein_price_data])
def test_shares_below_a_loss_are_a_distribution(data: object) -> None:
    arrays = quick(data).arrays
    below = arrays["below"][..., 0]
    assert np.all(np.diff(below, axis=-1) >= 0) and np.all(below[:, 0] <= 0.05) and np.all(below[:, -1] > 0.9)
    np.testing.assert_allclose(below[0, 60], np.mean(arrays["final"][0] <= arrays["loss"][60]))


def test_shares_at_the_minima_by_the_plain_code() -> None:
    share = quick(surfaces.shares_data).arrays["share"]
    starts = np.random.default_rng([0, 2]).uniform(-2, 2, (100, 2))
    record = asdict(Method("Adam", 0.1))
    ends = plain.ends(plain.gradient_of(plain.FUNCTIONS["Goldstein-Price"]), starts, record, 500)
    for i, place in enumerate(surfaces.MINIMA):
        near = np.mean(np.max(np.abs(ends - place), axis=-1) <= 0.12)
        assert share[0, 0, i, 0] == pytest.approx(near, abs=0.011)


def test_a_small_extrapolation_is_adam() -> None:
    outcome = quick(extragradient.meg_data).arrays["outcome"][..., 0]
    adam = outcome[:, -3]  # behind those of the extrapolation steps
    np.testing.assert_allclose(outcome[:, 0], adam, rtol=0.05)
    assert np.all(np.abs(outcome[:, -4, 1] - adam[:, 1]) > 0.5)


# Studies


def test_large_studies_show_the_orders_of_the_pool() -> None:
    outcomes = study_size._outcomes(100)
    chance = quick(study_size.size_data).arrays["chance"]
    for sentence, shares in zip(study_size.SENTENCES, chance, strict=True):
        means = {name: np.nanmean(values) for name, values in outcomes[sentence.study].items()}
        gaps = [means[a] - means[b] for a, b in sentence.pairs]
        clear = min(abs(gap) for gap in gaps) > 0.02
        if clear:
            assert (shares[-1] > 0.5) == (min(gaps) > 0), sentence.words
    assert {0.0, 1.0} <= set(np.round(chance[:, -1], 2))


def test_table_1_choices_start_from_table_1() -> None:
    from figures.critical_momenta import tables

    difference = quick(sensitivity.choice_data).arrays["difference"][:, :, 0]
    one = quick(tables.one_data).arrays
    for f, function in enumerate(tables.FUNCTIONS):
        outcomes = one[f"{function} outcomes"][0]
        for k in range(3):
            gap = (outcomes[3] - outcomes[k]).mean(axis=-1) / outcomes[k].std(axis=-1, ddof=1)
            np.testing.assert_allclose(difference[f, :, k, 0], gap, rtol=1e-9)


def test_settings_of_table_11() -> None:
    from proofs_check.critical_momenta.printed import TOYS

    for name, printed in TOYS.items():
        method = BEST[name]
        found = {"alpha": method.step_size, "beta1": method.beta1, "beta2": method.beta2}
        found |= {"C": method.capacity, "lambda": method.decay, "rho": method.radius}
        assert {key: float(value) for key, value in printed.items()} == {key: found[key] for key in printed}
