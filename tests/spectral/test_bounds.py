"""The lower bound for the class, the closed forms, the leading behaviour in kappa, and the crossing points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from spectral import (
    crossing_points,
    gap_constant,
    gradient_descent_rate,
    heavy_ball_rate,
    one_momentum_rate,
    optimal_rate,
    optimal_rates,
    polynomial_lower_bound,
    rate_table,
    stability_intervals,
    stability_limit,
    two_momenta_condition_number,
)

KAPPAS = np.array([1.0, 2.0, 10.0, 1e3, 1e6])


def test_bound_is_polyaks_rate(xb: Any) -> None:
    expected = [(math.sqrt(k) - 1) / (math.sqrt(k) + 1) for k in KAPPAS]
    xb.assert_close(polynomial_lower_bound(xb.array(KAPPAS)), expected, rtol=1e-14)
    xb.assert_close(heavy_ball_rate(xb.array(KAPPAS)), expected, rtol=1e-14)


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_bound_after_steps_is_chebyshevs(xb: Any, steps: int) -> None:
    kappa = np.array([1.5, 4.0, 50.0])
    chebyshev = np.cosh(steps * np.arccosh((kappa + 1) / (kappa - 1)))
    xb.assert_close(polynomial_lower_bound(xb.array(kappa), steps), 1 / chebyshev, rtol=1e-12)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("momentum", [None, 0.0, 0.9])
def test_nothing_is_faster_than_the_bound(size: int, momentum: float | None) -> None:
    for kappa in (2.0, 30.0, 1e4):
        bound = float(polynomial_lower_bound(kappa))
        rate = optimal_rate(kappa, size, momentum).rate
        assert rate >= bound - 1e-12
        if size:
            assert rate > bound + 1e-4 * (1 - bound)


def test_gradient_descent(xb: Any) -> None:
    xb.assert_close(gradient_descent_rate(xb.array(KAPPAS)), (KAPPAS - 1) / (KAPPAS + 1), rtol=1e-15)


def test_one_momentum_in_closed_form(xb: Any) -> None:
    found = [optimal_rate(float(k), 1).rate for k in KAPPAS]
    xb.assert_close(one_momentum_rate(xb.array(KAPPAS)), found, rtol=1e-11)


def test_two_momenta_in_closed_form(xb: Any) -> None:
    rates = np.array([optimal_rate(float(k), 2).rate for k in KAPPAS[1:-1]])
    xb.assert_close(two_momenta_condition_number(xb.array(rates)), KAPPAS[1:-1], rtol=1e-9)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_stability_limits_are_the_exact_ones(xb: Any, size: int) -> None:
    momenta = np.array([0.0, 0.25, 0.5, 0.9, 0.99])
    exact = []
    for beta in momenta:
        ((low, high),) = stability_intervals(float(beta), size)
        assert low == 0.0
        exact.append(high)
    xb.assert_close(stability_limit(xb.array(momenta), size), exact, rtol=1e-14)


@pytest.mark.parametrize("size", [1, 3, 5, 20])
def test_gap_constant_is_the_limit(size: int) -> None:
    for momentum in (None, 0.0, 0.9):
        constant = gap_constant(size, momentum)
        assert 1e6 * (1 - optimal_rate(1e6, size, momentum).rate) == pytest.approx(constant, rel=2e-3)


@pytest.mark.parametrize("size", [0, 1, 2, 5, 20])
def test_gap_constant_from_the_exact_stability_region(size: int) -> None:
    for momentum in (0.0, 0.5, 0.9):
        end = stability_intervals(momentum, size)[0][1]
        expected = (2 if size else 1) * end / (1 - momentum)
        assert gap_constant(size, momentum) == pytest.approx(expected, rel=1e-11)


def test_gap_constants_without_momentum_grow_with_the_buffer() -> None:
    constants = [gap_constant(size) for size in (1, 2, 3, 5, 10, 20, 50)]
    assert constants == sorted(constants)
    assert constants[:2] == pytest.approx([2.0, 4.0])
    assert gap_constant(0) == math.inf


@pytest.mark.parametrize(("size", "other"), [(1, 2), (1, 5), (5, 10)])
def test_curves_cross_there(size: int, other: int) -> None:
    (kappa,) = crossing_points(size, other, largest=1e4, points=100)
    before, after = ([optimal_rate(k, c).rate for c in (size, other)] for k in (0.9 * kappa, 1.1 * kappa))
    assert before[0] < before[1]
    assert after[0] > after[1]
    here = [optimal_rate(kappa, c).rate for c in (size, other)]
    assert here[0] == pytest.approx(here[1], abs=1e-9)


def test_classical_momentum_is_crossed_by_none_when_tuned() -> None:
    assert crossing_points(0, 5, largest=1e4, points=60) == []


def test_all_methods_in_one_table() -> None:
    kappas = [2.0, 50.0]
    table = rate_table(kappas, [1, 5])
    assert list(table) == ["gradient descent", "classical momentum", "C = 1", "C = 5"]
    for k, kappa in enumerate(kappas):
        rates = {name: column[k].rate for name, column in table.items()}
        assert rates["gradient descent"] == pytest.approx(float(gradient_descent_rate(kappa)), rel=1e-12)
        assert rates["classical momentum"] == pytest.approx(float(heavy_ball_rate(kappa)), abs=1e-12)
        assert rates["C = 1"] == pytest.approx(float(one_momentum_rate(kappa)), rel=1e-11)
        assert min(rates, key=lambda name: rates[name]) == "classical momentum"
    fixed = rate_table(kappas, [5], momentum=0.9)
    assert fixed["gradient descent"] == table["gradient descent"]
    assert fixed["C = 5"][1].momentum == 0.9


def test_rates_come_size_by_size() -> None:
    found = optimal_rates([2.0, 10.0], [0, 3])
    assert [(r.buffer_size, r.condition_number) for r in found] == [(0, 2.0), (0, 10.0), (3, 2.0), (3, 10.0)]
    assert found[3].rate == optimal_rate(10.0, 3).rate


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: polynomial_lower_bound(0.5), "condition_number must be a finite number >= 1, got 0.5"),
        (lambda: polynomial_lower_bound(2.0, -1), "steps must be an integer >= 0, got -1"),
        (lambda: stability_limit(0.5, 3), "buffer_size must be 0, 1 or 2"),
        (lambda: stability_limit(1.0, 1), r"momentum must lie in \[0, 1\)"),
        (lambda: two_momenta_condition_number(1.0), r"rate must lie in \(0, 1\)"),
        (lambda: crossing_points(5, 5), "other must differ from buffer_size"),
        (lambda: crossing_points(5, 2, largest=1.0), "largest must be a finite number > 1"),
        (lambda: gap_constant(-1), "buffer_size must be >= 0"),
    ],
)
def test_bad_input(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
