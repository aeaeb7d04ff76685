"""What the figures of critical momenta share: intervals, bands, surfaces, declarations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, t

from figures.critical_momenta import FIGURES, ORDER
from figures.critical_momenta._common import (
    GRID,
    columns_of,
    draw_surface,
    errors_of,
    mean_rows,
    study_band,
    surface,
    wilson_rows,
)
from figures.registry import Level


def test_wilson_rows_are_scipys() -> None:
    outcomes = np.array([[1, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    for row, successes in zip(wilson_rows(outcomes), (3, 0), strict=True):
        found = binomtest(successes, 5).proportion_ci(method="wilson")
        np.testing.assert_allclose(row, [successes / 5, found.low, found.high], atol=1e-12)


def test_mean_rows_leave_out_nan_and_are_nearly_students() -> None:
    values = np.random.default_rng(0).normal(size=401)
    values[7] = np.nan
    kept = values[~np.isnan(values)]
    low, high = t.interval(0.95, 399, loc=kept.mean(), scale=kept.std(ddof=1) / 20)
    np.testing.assert_allclose(mean_rows(values), [kept.mean(), low, high], atol=5e-4)


def test_band_of_a_study_is_that_of_the_mean_of_few_runs() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, size=4000)
    low, high = study_band(values, 10)
    half = 1.96 * 2.0 / np.sqrt(10)
    np.testing.assert_allclose([low, high], [3 - half, 3 + half], atol=0.15)
    # Runs that end in one of two wells: the mean of ten has steps of a tenth, not a normal band.
    wells = study_band(np.repeat([0.0, 1.0], [900, 100]), 10)
    np.testing.assert_allclose(wells, [0.0, 0.3], atol=1e-12)
    assert study_band(np.full((3, 50), 2.0), 10).tolist() == [[2.0, 2.0]] * 3


def test_error_bars_never_turn_around() -> None:
    rows = np.array([[1.0, 0.98, 1.0 - 1e-16], [0.5, 0.4, 0.7]])
    errors = errors_of(rows)
    assert np.all(errors >= 0)
    np.testing.assert_allclose(errors[:, 1], [0.1, 0.2])
    assert list(columns_of(rows, "x")) == ["x", "x_low", "x_high"]


def test_a_surface_is_drawn_the_right_way_up() -> None:
    from analysis.landscapes import GoldsteinPrice
    from figures.style import canvas

    values = surface(GoldsteinPrice(), (-2, -2), (2, 2))
    row, column = np.unravel_index(np.argmin(values), values.shape)
    at = np.linspace(-2, 2, GRID)
    assert (at[column], at[row]) == pytest.approx((0.0, -1.0), abs=0.03)
    ax = canvas(2, 2).subplots()
    draw_surface(ax, values, (-2, -2), (2, 2))
    image = ax.get_images()[0]
    assert image.origin == "lower" and list(image.get_extent()) == [-2, 2, -2, 2]
    shown = np.asarray(image.get_array())
    assert shown[row, column] == shown.min() and shown[-1, -1] > shown[row, column]


def test_every_figure_has_its_place() -> None:
    assert [figure.id.partition("/")[2] for figure in FIGURES] == list(ORDER)
    assert {f"figure-{n}" for n in (*range(1, 8), *range(11, 19))} | {"table-1", "table-5"} <= set(ORDER)


def test_links_go_both_ways() -> None:
    from proofs_check.ledger import load_claims

    claims = {claim.id: claim for claim in load_claims() if claim.id.startswith("critical-momenta/")}
    from_figures = {(figure.id, claim) for figure in FIGURES for claim in figure.claims}
    from_claims = {(figure, claim.id) for claim in claims.values() for figure in claim.figures}
    assert from_claims - from_figures == set()
    assert from_figures - from_claims == set()


def test_declared_costs_fit_the_gallery() -> None:
    costs = [figure.cost.at(Level.NORMAL) or 0.0 for figure in FIGURES]
    assert max(costs) <= 20 and max(figure.cost.at(Level.QUICK) or 0.0 for figure in FIGURES) <= 10
