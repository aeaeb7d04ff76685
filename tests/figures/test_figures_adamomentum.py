"""Numbers of the figures of AdaMomentum."""

from __future__ import annotations

from functools import cache

import numpy as np

from analysis.reddi import METHODS, worst_average
from figures.adamomentum import FIGURES, areas, race, slack
from figures.registry import FigureData, Level

BY_ID = {figure.id.partition("/")[2]: figure for figure in FIGURES}


@cache
def data(name: str) -> FigureData:
    return BY_ID[name].data(Level.QUICK)


def test_methods_agree_where_they_are_the_same() -> None:
    a = data("average-regret").arrays["average"]
    without_momentum = a[:, :, 0]
    np.testing.assert_allclose(without_momentum[0], without_momentum[2], rtol=1e-12)
    np.testing.assert_allclose(without_momentum[1], without_momentum[3], rtol=1e-12)


def test_who_fails_in_the_counterexample() -> None:
    a = data("average-regret").arrays
    final = dict(zip(METHODS, a["average"][:, -1], strict=True))
    short = 1  # beta2 = 0.1
    for name in ("Adam", "AdaMomentum"):
        assert abs(final[name][0, short] - worst_average(3, 3)) < 0.03
    for name in ("AMSGrad", "AdaMomentum, running maximum"):
        assert np.max(final[name]) < 0.1


def test_map_of_three_is_the_counterexample_and_larger_ones_break_more_pairs() -> None:
    a = data("regret-map").arrays
    np.testing.assert_allclose(a["worst"], [2 / 3, 2 / 10, 2 / 100])
    share = a["average"] / a["worst"][:, None, None, None]
    broken = np.sum(share > 0.5, axis=(2, 3))  # after 900 rounds, too few for C = 100
    for name in ("Adam", "AdaMomentum"):
        assert 0 < broken[0, METHODS.index(name)] < broken[1, METHODS.index(name)]
    assert broken[0, METHODS.index("AMSGrad")] == 0


def test_slack_of_the_convex_bounds() -> None:
    values = data("regret-bound-slack").arrays["values"]
    rows = dict(zip(slack.ROWS, np.moveaxis(values, 2, 0), strict=True))
    assert np.all(rows["regret"] <= rows["tighter bound"])
    assert np.all(rows["tighter bound"] <= rows["theorem 1"])
    np.testing.assert_allclose(
        rows["theorem 1"], rows["first term"] + rows["second term"] + rows["third term"], rtol=1e-12
    )
    # Corollary 1 bounds every term of theorem 1 under unit gradients.
    assert np.all(rows["theorem 1"][1, 0] <= rows["corollary 1"][1, 0])
    # From round 100 on the second term keeps growing under a constant decay and has stopped under a decaying one.
    second, late = rows["second term"][:, 0], int(np.searchsorted(data("regret-bound-slack").arrays["rounds"], 100))
    assert second[0, -1] > 5 * second[0, late]
    assert second[1, -1] < 1.01 * second[1, late]


def test_slack_of_the_nonconvex_bounds() -> None:
    a = data("nonconvex-bound-slack").arrays
    left, *terms, right = a["sides"]
    assert np.all(left <= right)
    np.testing.assert_allclose(np.sum(terms, axis=0), right, rtol=1e-12)
    assert np.all(np.diff(a["smallest"][0]) <= 0)
    assert np.all(a["smallest"][0] <= a["corollary"])
    assert a["informs"][0] > 1e10


def test_race_starts_and_ends_where_it_should() -> None:
    a = data("figure-2").arrays
    for i, start in enumerate(race.START.values()):
        np.testing.assert_allclose(a["paths"][i, :, 0], np.tile(start, (len(race.METHODS), 1)))
    low, middle, high = np.moveaxis(a["bands"], 2, 0)
    assert np.all(low <= middle) and np.all(middle <= high)
    sphere = a["first"][0]
    assert sphere[race.METHODS.index("RMSprop")] > 0.9
    assert sphere[race.METHODS.index("AdaMomentum")] < 0.05
    assert np.all(a["first"].sum(axis=1) <= 1 + 1e-12)


def test_coefficients_on_the_walk_by_plain_recursions() -> None:
    a = data("figure-1").arrays
    for i, beta2 in enumerate(areas.BETA2):
        m = v_adam = v_ours = 0.0
        for t, g in enumerate(a["slope"], start=1):
            m = 0.9 * m + 0.1 * g
            v_adam = beta2 * v_adam + (1 - beta2) * g * g
            v_ours = beta2 * v_ours + (1 - beta2) * m * m + 1e-16
            found = a["coefficient on the walk"][i, :, t - 1]
            expected = [1 / ((v_adam / (1 - beta2**t)) ** 0.5 + 1e-8), ((1 - beta2**t) / v_ours) ** 0.5]
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_areas_are_a_plateau_a_slope_and_a_basin() -> None:
    a = data("figure-1").arrays
    x, slope = a["walk"], np.abs(a["slope"])
    assert np.all(slope[x > areas.BORDERS[0]] < slope.max() / 8)
    steep = (x <= 2.0) & (x >= areas.BORDERS[1])
    assert np.all(slope[steep] > slope.max() / 8)
    signs = np.sign(a["slope"][(x > 0.02) & (x < areas.BORDERS[1])])
    assert np.any(signs < 0)  # a valley beside the minimum


def test_exits_are_counted_and_cut() -> None:
    found = data("exit-times")
    mean, censored = found.arrays["mean"], found.arrays["censored"]
    assert np.all(mean[..., 1] <= mean[..., 0]) and np.all(mean[..., 0] <= mean[..., 2])
    assert np.all(mean[..., 0] <= found.inputs["horizon"])
    np.testing.assert_array_equal(mean[..., 0] == found.inputs["horizon"], censored == 1)
    # The sharp basin holds Adam the longest under the least Gaussian noise; the flat one lets AdaMomentum go first.
    assert censored[1, 0, 0, 0] == 1
    assert np.all(mean[0, 0, 1, :, 2] < mean[0, 0, 0, :, 1])


def test_tables_have_columns_of_one_length() -> None:
    for name, figure in BY_ID.items():
        assert len({len(column) for column in figure.table(data(name)).values()}) == 1
