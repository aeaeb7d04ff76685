"""Worst cases over whole intervals, optimal rates, certificates and stability regions."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import differential_evolution

from spectral import (
    RateCertificate,
    certify_rate,
    log_reach,
    optimal_rate,
    spectral_radius,
    stability_intervals,
    verify_rate,
    worst_case_rate,
)


def brute_force(step: float, beta: float, low: float, high: float, size: int) -> float:
    return float(np.max(spectral_radius(step, beta, np.geomspace(low, high, 4001), size)))


@settings(deadline=None, max_examples=40)
@given(st.floats(-2.5, 0.5), st.floats(0.0, 0.97), st.floats(0.0, 3.0), st.sampled_from([0, 1, 2, 3, 5, 8, 20]))
def test_worst_case_is_never_below_brute_force(log_step: float, beta: float, log_kappa: float, size: int) -> None:
    step, high = 10.0**log_step, 10.0**log_kappa
    rate = float(worst_case_rate(np.asarray(step), beta, 1.0, high, size))
    assert rate >= brute_force(step, beta, 1.0, high, size) * (1 - 1e-9)


def test_worst_case_can_lie_inside() -> None:
    # x in [0.02, 1.3] at beta = 0.9, C = 5: both ends are stable, the middle of the interval is not.
    ends = spectral_radius(1.0, 0.9, np.array([0.02, 1.3]), 5)
    assert float(ends.max()) < 1
    rate = float(worst_case_rate(np.asarray(1.0), 0.9, 0.02, 1.3, 5))
    assert rate > 1.1
    assert rate == pytest.approx(brute_force(1.0, 0.9, 0.02, 1.3, 5), rel=1e-6)
    assert rate >= brute_force(1.0, 0.9, 0.02, 1.3, 5)


def test_worst_case_on_every_backend(xb: Any) -> None:
    steps = xb.array([0.1, 1.0])
    expected = [float(worst_case_rate(np.asarray(s), 0.9, 0.02, 1.3, 5)) for s in (0.1, 1.0)]
    xb.assert_close(worst_case_rate(steps, 0.9, 0.02, 1.3, 5), expected, rtol=1e-12)


@pytest.mark.parametrize("kappa", [1.0, 2.0, 10.0, 1e3, 1e6])
def test_classical_momentum_is_polyaks(kappa: float) -> None:
    best = optimal_rate(kappa, 0)
    root = math.sqrt(kappa)
    assert best.rate == pytest.approx((root - 1) / (root + 1), abs=1e-12)
    assert best.certified_upper - best.rate < 1e-11


@pytest.mark.parametrize("kappa", [2.0, 100.0])
def test_gradient_descent_is_no_momentum(kappa: float) -> None:
    assert optimal_rate(kappa, 0, momentum=0.0).rate == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)


def test_one_stored_momentum_in_closed_form() -> None:
    # C = 1, beta = 0: z^2 - z + x (z + 1) has all roots inside r for x from r (1 - r) / (1 + r) to r^2.
    kappa = 10.0
    best = optimal_rate(kappa, 1)
    assert best.rate * (1 + best.rate) / (1 - best.rate) == pytest.approx(kappa, rel=1e-9)
    assert best.momentum == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("kappa", "size"), [(5.0, 2), (30.0, 5)])
def test_against_a_global_search(kappa: float, size: int) -> None:
    best = optimal_rate(kappa, size)
    curvatures = np.geomspace(1, kappa, 40)[:, None]

    def objective(parameters: np.ndarray) -> np.ndarray:
        return np.max(spectral_radius(10.0 ** parameters[0], parameters[1], curvatures, size), axis=0)

    found = differential_evolution(
        objective,
        [(-4, 0.5), (0, 0.99)],
        rng=3,
        maxiter=40,
        tol=1e-9,
        polish=False,
        vectorized=True,
        updating="deferred",
    )
    truth = float(worst_case_rate(np.asarray(10.0 ** found.x[0]), found.x[1], 1.0, kappa, size))
    assert best.rate <= truth + 1e-12
    assert best.rate >= truth - 2e-3


def test_fixed_momentum_is_never_better() -> None:
    for kappa in (2.0, 100.0):
        assert optimal_rate(kappa, 5, momentum=0.9).rate >= optimal_rate(kappa, 5).rate


@pytest.mark.parametrize(
    ("kappa", "size", "momentum"), [(10.0, 1, None), (1e4, 5, None), (1e6, 20, 0.9), (100.0, 30, None)]
)
def test_certificates_stand_and_are_tight(kappa: float, size: int, momentum: float | None) -> None:
    best = optimal_rate(kappa, size, momentum)
    assert best.rate <= best.certified_upper <= best.rate + 1e-9
    again = RateCertificate.from_json(best.certificate.to_json())
    assert again == best.certificate
    assert verify_rate(again)
    # Negative controls. The rate may be set by an inner curvature or by one end, so only an interval that reaches
    # instability is wrong for every case.
    assert not verify_rate(dataclasses.replace(again, bound=best.rate - 1e-9))
    assert not verify_rate(dataclasses.replace(again, largest=5.0 / again.step_size))
    assert not verify_rate(dataclasses.replace(again, smallest=again.smallest * 1e-3))


def test_a_wrong_rate_is_not_certified() -> None:
    with pytest.raises(ArithmeticError, match="could not be certified"):
        certify_rate(1.0, 0.9, 0.02, 1.3, 5, 0.99)


def test_bad_certificate_text() -> None:
    with pytest.raises(ValueError, match="has the fields"):
        RateCertificate.from_json('{"bound": "0x1p-1"}')


@pytest.mark.parametrize("size", [0, 1, 2, 5, 20])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_stability_against_a_dense_scan(beta: float, size: int) -> None:
    x = np.linspace(1e-4, 4.5, 4001)
    radius = spectral_radius(1.0, beta, x, size)
    intervals = stability_intervals(beta, size)
    claimed = np.zeros(x.size, bool)
    for low, high in intervals:
        claimed |= (x > low) & (x < high)
    clear = np.abs(radius - 1) > 1e-9
    np.testing.assert_array_equal(claimed[clear], (radius < 1)[clear])
    assert all(a[1] <= b[0] for a, b in pairwise(intervals))


def test_stability_closed_forms() -> None:
    assert stability_intervals(0.5, 0) == [(0.0, 3.0)]
    ((low, high),) = stability_intervals(0.75, 1)
    assert (low, high) == (0.0, 0.25)  # Jury: x < 1 - beta for C = 1
    ((_, ema),) = stability_intervals(0.75, 1, convention="ema")
    assert ema == 1.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: optimal_rate(0.5, 5), "condition_number must be a finite number >= 1, got 0.5"),
        (lambda: optimal_rate(float("nan"), 5), "condition_number must be"),
        (lambda: optimal_rate(5.0, 5, momentum=1.0), r"momentum must lie in \[0, 1\)"),
        (lambda: worst_case_rate(np.asarray(0.1), 0.9, 2.0, 1.0, 5), "smallest must not exceed largest"),
        (lambda: stability_intervals(-0.1, 5), "momentum must lie in"),
    ],
)
def test_bad_input(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


def test_unstable_parameters_return_their_rate() -> None:
    rate = float(worst_case_rate(np.asarray(5.0), 0.9, 1.0, 2.0, 5))
    assert rate > 1
    certificate = certify_rate(5.0, 0.9, 1.0, 2.0, 5)
    assert not certificate.stable
    assert rate <= certificate.bound <= rate + 1e-9
    assert certify_rate(0.01, 0.9, 1.0, 2.0, 5).stable


@pytest.mark.parametrize("size", [0, 1, 5])
def test_conventions_differ_by_the_step_size_alone(xb: Any, size: int) -> None:
    best = optimal_rate(20.0, size, 0.7)
    ema = worst_case_rate(xb.array(best.ema_step_size), best.momentum, 1.0, 20.0, size, convention="ema")
    xb.assert_close(ema, np.asarray(best.rate), rtol=1e-12)


@pytest.mark.parametrize("size", [0, 1, 5])
def test_ours_are_never_below_a_run(size: int) -> None:
    # The method itself on single curvatures: growth per step over a long run stays below the certified rate.
    for kappa in (3.0, 30.0):
        best = optimal_rate(kappa, size)
        h = np.geomspace(1.0, kappa, 41)
        theta, stored = np.ones_like(h), np.zeros((max(size, 1), h.size))
        logs = np.zeros_like(h)
        for step in range(4000):
            new = best.momentum * stored[0] + h * theta
            theta = theta - best.step_size * (new + (np.sum(stored, axis=0) / size if size else 0.0))
            stored = np.concatenate([new[None], stored[:-1]])
            scale = np.maximum(np.abs(theta), np.max(np.abs(stored), axis=0)) + 1e-300
            theta, stored = theta / scale, stored / scale
            if step >= 2000:
                logs += np.log(scale)
        growth = float(np.exp(np.max(logs) / 2000))
        assert growth <= best.certified_upper * 1.003
        assert growth >= best.rate * 0.99
        again = float(worst_case_rate(best.step_size, best.momentum, 1.0, kappa, size))
        assert again == pytest.approx(best.rate, rel=1e-12)


@pytest.mark.parametrize("size", [1, 4, 10, 20, 50])
@pytest.mark.parametrize("momentum", [None, 0.9])
def test_one_curvature_alone(size: int, momentum: float | None) -> None:
    # Two roots meet there, and rounding of the step size could cost the square root of itself.
    best = optimal_rate(1.0, size, momentum)
    assert log_reach(1.0 - best.rate + 1e-9, size, momentum) < 0.0
    assert best.rate <= optimal_rate(1.0 + 1e-5, size, momentum).rate
