"""Numbers of the SoftAdam figures against closed forms."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from figures.registry import FigureData, Level
from figures.softadam import FIGURES

BY_ID = {figure.id.partition("/")[2]: figure for figure in FIGURES}


@cache
def data(name: str) -> FigureData:
    return BY_ID[name].data(Level.QUICK)


def test_ends_of_the_step_are_the_closed_forms() -> None:
    a = data("step-ratio").arrays
    eta, n = a["eta"], a["n"][:, None]
    np.testing.assert_allclose(a["ends"][:, 0], (1 + eta) / (1 + eta * np.sqrt(n)), rtol=1e-6)
    np.testing.assert_allclose(a["ends"][:, 1], np.broadcast_to(1 + eta, (len(n), len(eta))), rtol=1e-4)
    low, _, high = a["quantiles"]
    assert np.all(low >= (1 + eta) / (1 + 10 * eta)) and np.all(high <= 1 + eta)


def test_ends_over_time_follow_the_sample_ratio() -> None:
    over_time = data("step-ratio").arrays["over_time"]
    t = np.arange(1, len(over_time) + 1)
    r = np.sqrt(np.minimum(1.0, t * 0.001))
    for k, eta in enumerate((1.0, 10.0)):
        np.testing.assert_allclose(over_time[:, k, 0], (1 + eta) / (1 + eta - eta * r + 10 * eta * r), rtol=1e-6)
        np.testing.assert_allclose(over_time[:, k, 1], (1 + eta) / (1 + eta - eta * r), rtol=1e-5)


def test_adagrads_product() -> None:
    found = data("adagrad-coefficient")
    lam, s = found.arrays["eigenvalue"], found.arrays["share"][:, None] * found.inputs["alpha"]
    expected = found.inputs["alpha"] * lam / (found.inputs["epsilon"] + lam * s)
    np.testing.assert_allclose(found.arrays["product"], expected, rtol=1e-9)


def test_direction_passes_from_sgd_to_adam() -> None:
    a = data("angles").arrays
    to_sgd, to_adam = a["algorithm"][1]
    assert to_sgd[0] < 2 and np.all(np.diff(to_sgd) > 0)
    assert to_adam[-1] < 2 and np.all(np.diff(to_adam) < 0)
    assert to_sgd[-1] == pytest.approx(a["between"][1], abs=2)
    half, one = (int(np.argmin(np.abs(a["negative"] - x))) for x in (-0.5, -1.0))
    assert a["code_negative"][1, 1, half] < 1
    assert np.isnan(a["algorithm_negative"][1, 1, one]) and np.isnan(a["code_negative"][1, 1, one])


def test_long_run_of_adam() -> None:
    a = data("adam-long-run").arrays
    np.testing.assert_allclose(a["coefficient"][-1, 0, :1], 2.0, rtol=1e-3)
    tail = a["coefficient"][-300:, 1, 0]
    assert 20 < np.min(tail) < 38 < np.max(tail) < 70
    assert np.max(a["distance"]) <= 2.3
