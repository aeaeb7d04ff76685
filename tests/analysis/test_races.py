"""The objectives of figure 2, and the times read off a run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.races import OBJECTIVES, PAPER_SETTING, TOYS, Setting, distances, rule, starts, times
from optassay.optimizers import AdaMomentum, Momentum


@pytest.mark.parametrize("name", OBJECTIVES)
def test_marked_points(name: str) -> None:
    toy = OBJECTIVES[name]
    mark = np.array(toy.optimum)
    found = minimize(toy.landscape.value, mark + 0.01, jac=toy.landscape.gradient, tol=1e-12)
    away = float(np.linalg.norm(found.x - mark))
    if name == "beale, as printed":
        assert away == pytest.approx(0.00631, abs=1e-5)
        assert float(found.fun) == pytest.approx(0.0015221, abs=1e-7)
        assert float(toy.landscape.value(mark)) == pytest.approx(0.0025)
    else:
        assert away < 1e-4
        assert abs(float(toy.landscape.value(mark))) < 1e-12
    assert np.all(np.linalg.norm(starts(name) - mark, axis=1) > 0.5)
    assert 390 <= len(starts(name)) <= 400


def test_times_of_known_paths() -> None:
    path = np.array([[3.0, 3.0, 0.5], [0.5, 0.5, 3.0], [3.0, 0.4, 3.0], [0.5, 0.2, 3.0]])
    np.testing.assert_array_equal(times(path, 1.0, "first"), [2, 2, 1])
    np.testing.assert_array_equal(times(path, 1.0, "settled"), [4, 2, np.inf])
    np.testing.assert_array_equal(times(path, 0.1, "first"), [np.inf] * 3)


def test_rules_take_what_the_paper_leaves_open() -> None:
    sgdm = rule("SGDM", TOYS["camel"], PAPER_SETTING)
    assert isinstance(sgdm, Momentum) and sgdm.step_size == 0.001
    ours = rule("AdaMomentum", TOYS["camel"], Setting(step=0.3, beta2=0.9, epsilon=1e-8))
    assert isinstance(ours, AdaMomentum)
    assert (ours.step_size, ours.beta1, ours.beta2, ours.epsilon) == (0.3, 0.9, 0.9, 1e-8)


def test_diverged_runs_are_infinitely_far() -> None:
    away = distances("beale", "SGDM", PAPER_SETTING, 60)
    assert away.shape == (60, len(starts("beale")))
    assert np.isinf(away[-1]).any() and not np.isnan(away).any()
