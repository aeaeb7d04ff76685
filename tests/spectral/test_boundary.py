"""Longest intervals by D-decomposition against crossings from eigenvalues and the Schur-Cohn test."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from spectral import characteristic_polynomial, log_reach, optimal_rate, roots_inside, worst_case_rate
from spectral.boundary import longest_interval
from spectral.crossings import crossing_values


def by_eigenvalues(rate: float, beta: float, size: int) -> tuple[float, float, float]:
    """(log ratio, low, high) of the longest interval at one momentum, from all crossings and a test in between."""
    x = crossing_values(np.asarray(rate), np.asarray(beta), size)
    x = x[np.isfinite(x)]
    best = (-1.0, math.nan, math.nan)
    for low, high in pairwise(x):
        middle = math.sqrt(low * high)
        if high > low and bool(roots_inside(characteristic_polynomial(1.0, beta, middle, size), rate)):
            best = max(best, (math.log(high / low), low, high))
    return best


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 20, 50])
@pytest.mark.parametrize("gap", [0.05, 0.01, 1e-4])
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.985])
def test_one_momentum(size: int, gap: float, beta: float) -> None:
    found = longest_interval(gap, size, beta)
    ratio, low, high = by_eigenvalues(1.0 - gap, beta, size)
    assert found.log_ratio == pytest.approx(ratio, abs=1e-8)
    if ratio > 0:
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-8)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 10, 20])
@pytest.mark.parametrize("gap", [0.1, 0.0475, 0.01, 1e-3])
def test_no_momentum_is_better(size: int, gap: float) -> None:
    found = longest_interval(gap, size)
    scan = max(by_eigenvalues(1.0 - gap, beta, size)[0] for beta in np.linspace(0.0, 0.99, 100))
    assert found.log_ratio >= scan - 1e-9
    if scan > 0:
        # And the interval found is one: at its own momentum, up to the pinch that has just opened.
        nearby = max(
            by_eigenvalues(1.0 - gap, beta, size)[0]
            for beta in found.momentum + np.array([-1e-8, 0.0, 1e-8])
            if beta >= 0
        )
        assert found.log_ratio == pytest.approx(nearby, abs=1e-5)


def test_maximum_at_a_kink_between_two_crossings() -> None:
    # C = 4, kappa = 150: two pairs reach the circle at one x, between the folds 0.2617 and 0.3473.
    best = optimal_rate(150.0, 4)
    assert best.momentum == pytest.approx(0.26303021, abs=1e-7)
    for change in (-1e-5, 1e-5):
        other = max(
            float(worst_case_rate(best.step_size * scale, best.momentum + change, 1.0, 150.0, 4))
            for scale in (1.0 - 1e-5, 1.0, 1.0 + 1e-5)
        )
        assert other > best.rate


def test_reach_of_classical_momentum_and_gradient_descent() -> None:
    for gap in (0.3, 0.01):
        rate = 1.0 - gap
        kappa = math.exp(log_reach(gap, 0))
        assert (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1) == pytest.approx(rate, rel=1e-12)
        kappa = math.exp(log_reach(gap, 0, 0.0))
        assert (kappa - 1) / (kappa + 1) == pytest.approx(rate, rel=1e-12)
        kappa = math.exp(log_reach(gap, 0, 0.3))
        assert optimal_rate(kappa, 0, 0.3).rate == pytest.approx(rate, rel=1e-12)
    assert log_reach(0.3, 0, 0.9) == -1.0


@pytest.mark.parametrize("gap", [0.0, 1.0, -0.1])
def test_bad_gap(gap: float) -> None:
    with pytest.raises(ValueError, match=r"gap must lie in \(0, 1\)"):
        log_reach(gap, 3)


@pytest.mark.parametrize(("kappa", "size"), [(2.1225659445646428, 16), (2.157317983745081, 17)])
def test_rough_crossings_do_not_hide_the_best_momentum(kappa: float, size: int) -> None:
    # Interpolated crossings promise more at momentum 0.4 than there is; the best momentum is 0.
    best = optimal_rate(kappa, size)
    assert best.momentum == 0.0
    assert log_reach(1.0 - best.rate + 1e-8, size) < math.log(kappa)
    assert best.rate == pytest.approx(optimal_rate(kappa, size, 0.0).rate, abs=1e-10)


def test_maximum_close_beside_a_fold() -> None:
    # 2.3e-5 beyond the fold, where the proof that nothing is better failed: the fold's rate is 1.7e-6 larger.
    best = optimal_rate(238.59243818160493, 4)
    assert best.rate == pytest.approx(0.96803746596, abs=1e-10)
    assert best.momentum == pytest.approx(0.29833658, abs=1e-8)
