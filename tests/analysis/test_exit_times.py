"""Exit times: simulated, solved for and estimated, against closed forms, each other and lifelines' arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analysis.exit_times import (
    Exits,
    Noise,
    NoisyMethod,
    exit_times,
    exponential_mean,
    inside_box,
    restricted_mean,
    survival,
)
from analysis.landscapes import Valley
from analysis.stable_exit import exit_laplace, mean_exit_time, small_noise_rate, tail_constant
from analysis.stable_flow import StableFlow
from optassay.arrays import to_numpy
from optassay.optimizers import Adam, AdaMomentum, GradientDescent


def rest(x: np.ndarray) -> np.ndarray:
    return 0.0 * x


def pull(x: np.ndarray) -> np.ndarray:
    return -x


class TestSolver:
    @pytest.mark.parametrize("index", [0.5, 1.0, 1.5, 2.0])
    def test_without_drift_it_is_getoors_formula(self, index: float) -> None:
        scale, r, x = 0.7, 1.3, 0.2
        exact = (r * r - x * x) ** (index / 2) / math.gamma(1 + index) / scale**index
        found = mean_exit_time(rest, scale, index, -r, r, x, cells=400)
        assert abs(found.value - exact) < max(found.error, 1e-6)
        assert found.error < 0.05 * exact

    def test_gaussian_against_quadrature(self) -> None:
        from scipy.integrate import quad

        d = 0.3**2
        exact = quad(lambda y: quad(lambda z: math.exp((y * y - z * z) / (2 * d)) / d, 0, y)[0], 0, 1)[0]
        assert mean_exit_time(pull, 0.3, 2.0, -1, 1).value == pytest.approx(exact, rel=1e-5)

    @pytest.mark.parametrize(("index", "scale"), [(1.5, 0.3), (1.8, 0.3), (1.5, 0.1)])
    def test_against_a_spectral_method(self, index: float, scale: float) -> None:
        found = mean_exit_time(pull, scale, index, -1, 1)
        assert found.value == pytest.approx(spectral_mean(scale, index), rel=0.006)

    def test_small_noise_limit_and_exponential_law(self) -> None:
        for index in (0.8, 1.5):
            ratios = [
                mean_exit_time(pull, s, index, -1, 2, cells=400).value * small_noise_rate(s, index, -1, 2)
                for s in (0.2, 0.05, 0.01)
            ]
            assert ratios == sorted(ratios) and 0.98 < ratios[-1] < 1
            mean = mean_exit_time(pull, 0.01, index, -1, 2, cells=400).value
            for u in (0.5, 2.0):
                assert exit_laplace(pull, 0.01, index, -1, 2, u / mean, cells=400).value == pytest.approx(
                    1 / (1 + u), abs=2e-3
                )

    def test_tail_constant_of_cauchy_and_gauss(self) -> None:
        assert tail_constant(1.0) == pytest.approx(2 / math.pi)
        assert tail_constant(2.0) == 0.0

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"index": 2.5}, "index must lie in"),
            ({"scale": 0.0}, "scale must be positive"),
            ({"low": 1.0}, "low and high must lie on either side of 0"),
            ({"start": 5.0}, "start must lie in"),
            ({"cells": 10}, "cells must be a positive multiple of 4"),
        ],
    )
    def test_refuses(self, change: dict[str, Any], message: str) -> None:
        given: dict[str, Any] = {"scale": 1.0, "index": 1.5, "low": -1.0, "high": 1.0} | change
        with pytest.raises(ValueError, match=message):
            mean_exit_time(pull, **given)

    def test_laplace_refuses_a_negative_rate(self) -> None:
        with pytest.raises(ValueError, match="rate must not be negative"):
            exit_laplace(pull, 1.0, 1.5, -1, 1, -0.1)


def spectral_mean(scale: float, index: float, degree: int = 150) -> float:
    """The same mean on (-1, 1), drift -x, in the basis (1 - x^2)^(p/2) P_n^(p/2, p/2) of Dyda, Kuznetsov, Kwasnicki."""
    from scipy.special import eval_jacobi, gammaln, roots_jacobi

    s, n = index / 2, np.arange(degree)[:, None]
    at, weight = roots_jacobi(3 * degree, 2 * s - 1, 2 * s - 1)
    rest_at, rest_weight = roots_jacobi(2 * degree, s, s)
    basis = eval_jacobi(n, s, s, rest_at)
    eigenvalues = np.exp(gammaln(index + n + 1) - gammaln(n + 1))
    matrix = scale**index * (basis * rest_weight) @ (basis * eigenvalues).T
    slopes = -2.0 * (n + 1) * eval_jacobi(n + 1, s - 1, s - 1, at)
    matrix += (eval_jacobi(n, s, s, at) * weight * at) @ slopes.T
    return float(np.linalg.solve(matrix, basis @ rest_weight) @ eval_jacobi(n[:, 0], s, s, 0.0))


class TestSimulation:
    @pytest.mark.parametrize("index", [0.8, 1.5])
    def test_flow_against_the_solver(self, index: float) -> None:
        flow = StableFlow(Valley(), 0.4, index, 0.02)
        found = restricted_mean(exit_times(flow, np.zeros((2000, 1)), inside_box(-1, 1), 20_000, 3), 0.999)
        exact = mean_exit_time(pull, 0.4, index, -1, 1)
        # Euler steps see exits at grid times only: a bias of the order of the step.
        assert found.low * 0.02 - 0.05 * exact.value < exact.value < found.high * 0.02
        wider = restricted_mean(exit_times(flow, np.zeros((300, 1)), inside_box(-2, 2), 20_000, 3))
        assert wider.low * 0.02 > exact.value

    def test_gaussian_random_walk_leaves_in_r_squared_steps(self) -> None:
        """Descent on a nearly flat valley: E Gamma = (r / sd)^2 but for the overshoot."""
        walk = NoisyMethod(GradientDescent(1.0), Valley(1e-9, 1e-9), Noise.gaussian(0.01))
        found = restricted_mean(exit_times(walk, np.zeros((1500, 1)), inside_box(-0.2, 0.2), 20_000, 0), 0.999)
        overshoot = 0.5826 * 0.01  # -zeta(1/2)/sqrt(2 pi) standard deviations
        assert found.low < ((0.2 + overshoot) / 0.01) ** 2 < found.high

    def test_order_of_paths_survives_dropping(self) -> None:
        """Starts nearer to the rim leave sooner; each result belongs to its start."""
        start = np.repeat(np.array([[0.0], [0.9], [-0.99]]), 300, axis=0)
        found = exit_times(StableFlow(Valley(), 0.5, 2.0, 0.01), start, inside_box(-1, 1), 3000, 1)
        means = found.steps.reshape(3, 300).mean(axis=1)
        assert means[0] > means[1] > means[2]
        assert np.all(np.abs(found.place[found.exited]) >= 1)
        assert found.steps.shape == (900,)

    def test_warm_state_is_kept_and_the_point_put_back(self) -> None:
        rule = Adam(1e-6, 0.9, 0.99)
        method = NoisyMethod(rule, Valley(), Noise.gaussian(1.0))
        found = exit_times(method, np.zeros((5, 1)), inside_box(-1, 1), 3, 0, warm=50)
        assert not np.any(found.exited) and np.all(found.steps == 3)
        assert np.max(np.abs(found.place)) < 1e-5

    def test_without_momentum_both_methods_are_one(self) -> None:
        pair = [
            exit_times(
                NoisyMethod(kind(0.05, 0.0, 0.99, 0.0), Valley(2.0, 2.0), Noise(0.5, 1.5)),
                np.zeros((200, 1)), inside_box(-0.3, 0.3), 500, 4,
            ).steps
            for kind in (Adam, AdaMomentum)
        ]  # fmt: skip
        np.testing.assert_array_equal(*pair)

    def test_every_backend(self, xb: Any) -> None:
        plain = exit_times(
            NoisyMethod(Adam(0.1), Valley(), Noise(0.5, 1.5)), np.zeros((40, 2)), inside_box(-1, 1), 200, 5
        )
        found = exit_times(
            NoisyMethod(Adam(0.1), Valley(), Noise(0.5, 1.5)), xb.array(np.zeros((40, 2))), inside_box(-1, 1), 200, 5
        )
        xb.assert_close(found.steps, plain.steps)
        np.testing.assert_array_equal(to_numpy(found.exited), plain.exited)

    def test_flows_of_equation_3(self, xb: Any) -> None:
        for square in ("none", "gradient", "momentum"):
            flow = StableFlow(Valley(), 0.0, 2.0, 2e-3, True, square, 0.9, 0.95, second_moment=0.5)  # type: ignore[arg-type]
            x = xb.array([[1.0]])
            state = flow.init(x)
            for _ in range(500):
                x, state = flow.step(x, state, 0)
            xb.assert_close(x, [[solve_flow(square, 1.0)]], atol=0.01)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"horizon": 0}, "horizon must be at least 1"),
            ({"warm": -1}, "warm must not be negative"),
            ({"start": np.zeros(3)}, "start must have shape"),
            ({"start": np.full((3, 1), 2.0)}, "start must lie inside the basin"),
        ],
    )
    def test_refuses(self, change: dict[str, Any], message: str) -> None:
        given: dict[str, Any] = {
            "start": np.zeros((3, 1)),
            "inside": inside_box(-1, 1),
            "horizon": 5,
            "rng": 0,
        } | change
        with pytest.raises(ValueError, match=message):
            exit_times(StableFlow(Valley(), 0.5, 2.0, 0.01), **given)

    def test_arrays_of_hyperparameters_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"rule\.step_size must be a number"):
            NoisyMethod(Adam(np.array([0.1, 0.2])), Valley(), Noise(1.0))
        with pytest.raises(TypeError, match="rule must be an update rule"):
            NoisyMethod("Adam", Valley(), Noise(1.0))  # type: ignore[arg-type]

    def test_bad_noise_and_flow(self) -> None:
        with pytest.raises(ValueError, match="index must lie in"):
            Noise(1.0, 3.0)
        with pytest.raises(ValueError, match="scale must not be negative"):
            Noise(-1.0)
        with pytest.raises(ValueError, match="square 'momentum' needs momentum=True"):
            StableFlow(Valley(), 0.5, 2.0, 0.01, square="momentum")
        with pytest.raises(ValueError, match="dt must be positive"):
            StableFlow(Valley(), 0.5, 2.0, 0.0)


def solve_flow(square: str, until: float) -> float:
    """(3) without noise on x^2/2 by an adaptive Runge-Kutta method, from a small time and its leading terms."""
    from scipy.integrate import solve_ivp

    b1, b2, first = 0.9, 0.95, 1e-6

    def slope(t: float, y: np.ndarray) -> list[float]:
        x, m, v = y
        k = {"none": 0.0, "gradient": x, "momentum": m}[square]
        root = 1.0 if square == "none" else math.sqrt(v / (1 - b2**t))
        return [-m / (1 - b1**t) / root, b1 * (x - m), b2 * (k * k - v)]

    start = [1.0, b1 * first, 0.5]
    return float(solve_ivp(slope, (first, until), start, rtol=1e-9, atol=1e-12, method="LSODA").y[0, -1])


class TestEstimates:
    EXITS = Exits(
        np.array([1.0, 2.0, 2.0, 4.0, 5.0, 5.0]), np.array([True, True, True, True, False, False]), np.zeros((6, 1))
    )

    def test_survival_is_kaplan_meiers_product(self) -> None:
        values, low, high = survival(self.EXITS, [0, 1, 2, 3, 4, 5])
        np.testing.assert_allclose(values, [1, 5 / 6, 3 / 6, 3 / 6, 2 / 6, 2 / 6])
        assert np.all(low[1:] < values[1:]) and np.all(values[1:] < high[1:])

    def test_exponential_mean_is_exposure_over_exits(self) -> None:
        found = exponential_mean(self.EXITS)
        assert found.value == pytest.approx(19 / 4)
        assert found.low < found.value < found.high

    def test_intervals_cover(self) -> None:
        """Intervals at 95 % of an exponential time, censored at twice its mean, hold the truth as often."""
        rng, hits = np.random.default_rng(0), np.zeros(2)
        for _ in range(400):
            times = rng.exponential(10.0, 60)
            exits = Exits(np.minimum(times, 20.0), times < 20.0, np.zeros((60, 1)))
            rate, mean = exponential_mean(exits), restricted_mean(exits)
            hits += rate.low < 10 < rate.high, mean.low < 10 * (1 - math.exp(-2)) < mean.high
        assert np.all(hits > 400 * 0.95 - 4 * math.sqrt(400 * 0.05 * 0.95))
        assert np.all(hits < 400)

    def test_refuses(self) -> None:
        censored = Exits(np.full(3, 9.0), np.zeros(3, dtype=bool), np.zeros((3, 1)))
        with pytest.raises(ValueError, match="no path has left"):
            exponential_mean(censored)
        with pytest.raises(ValueError, match="level must lie in"):
            restricted_mean(self.EXITS, 1.0)
        with pytest.raises(ValueError, match="at least two paths"):
            restricted_mean(Exits(np.ones(1), np.ones(1, dtype=bool), np.zeros((1, 1))))
