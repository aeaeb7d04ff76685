"""Numbers of the figures of regret."""

from __future__ import annotations

from functools import cache

import numpy as np

from figures.adamomentum_regret import FIGURES, METHODS, SIZE, SLACK_ROWS
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
    worst = 2 / 3 * (SIZE - 2)
    short = 1  # beta2 = 0.1
    for name in ("Adam", "AdaMomentum"):
        assert abs(final[name][0, short] - worst) < 0.03
    for name in ("AMSGrad", "AdaMomentum, running maximum"):
        assert np.max(final[name]) < 0.1


def test_slack_of_the_bound() -> None:
    a = data("regret-bound-slack").arrays
    for name in ("constant", "decaying"):
        rows = dict(zip(SLACK_ROWS, a[name], strict=True))
        assert np.all(rows["regret"] <= rows["tighter bound"])
        assert np.all(rows["tighter bound"] <= rows["bound"])
        np.testing.assert_allclose(rows["bound"], rows["first term"] + rows["second term"] + rows["third term"])
    # From round 100 on the second term keeps growing under a constant decay and has stopped under a decaying one.
    late = int(np.searchsorted(a["rounds"], 100))
    assert a["constant"][2, -1] > 5 * a["constant"][2, late]
    assert a["decaying"][2, -1] < 1.01 * a["decaying"][2, late]


def test_tables_have_columns_of_one_length() -> None:
    for figure in FIGURES:
        lengths = {len(column) for column in figure.table(data(figure.id.partition("/")[2])).values()}
        assert len(lengths) == 1
