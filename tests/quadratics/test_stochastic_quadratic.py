"""The model problem, its random ingredients, one-step improvements and the comparison of directions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optassay.arrays import to_numpy
from quadratics import (
    StochasticQuadratic,
    compare_directions,
    expected_improvement,
    ill_conditioned_eigenvalues,
    optimal_step_size,
    random_rotation,
    sign_improvement_bound,
    sign_mean,
    sign_second_moment,
    well_conditioned_eigenvalues,
)


class Replay(np.random.Generator):
    """A generator that hands out prepared normal draws, one array per call."""

    def __init__(self, draws):
        super().__init__(np.random.PCG64(0))
        self._draws = iter(draws)

    def standard_normal(self, size=None, dtype=np.float64, out=None):
        draw = next(self._draws)
        assert draw.shape == tuple(size)
        return draw


def _hessian(dim, seed, batch=()):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((*batch, dim, dim + 2))
    return factor @ np.swapaxes(factor, -1, -2)


def test_loss_gradient_and_covariance(xb):
    q, rng = _hessian(4, 0, (3, 1)), np.random.default_rng(1)
    optimum, theta, nu = rng.standard_normal((2, 4)), rng.standard_normal((5, 1, 1, 4)), np.array([0.0, 1.5])
    problem = StochasticQuadratic(xb.array(q), xb.array(optimum), xb.array(nu))
    assert problem.batch_shape == (3, 2) and problem.dim == 4
    delta = theta - optimum
    excess = 0.5 * np.einsum("...i,...ij,...j->...", delta, q, delta)
    xb.assert_close(problem.suboptimality(xb.array(theta)), excess)
    trace = np.trace(q, axis1=-2, axis2=-1)
    xb.assert_close(problem.loss(xb.array(theta)), excess + 0.5 * nu**2 * trace)
    xb.assert_close(problem.gradient(xb.array(theta)), np.einsum("...ij,...j->...i", q, delta))
    xb.assert_close(
        problem.gradient_covariance(), nu[:, None, None] ** 2 * np.einsum("...ij,...jk->...ik", q, q), atol=1e-12
    )


def test_sampled_gradients_follow_their_law(xb):
    """g = grad - nu Q xi with the documented draws, exactly; the law then is N(grad, nu^2 Q Q)."""
    q, theta = _hessian(3, 2), np.array([1.0, -2.0, 0.5])
    problem = StochasticQuadratic(xb.array(q), xb.array(np.zeros(3)), 0.7)
    noise = np.random.default_rng(5).standard_normal((6, 3))
    sample = problem.sample_gradient(xb.array(np.tile(theta, (6, 1))), 5)
    xb.assert_close(sample, (theta - 0.7 * noise) @ q, rtol=1e-11)


def test_spectra_and_rotations(xb):
    like = xb.array(np.zeros(1))
    well = to_numpy(well_conditioned_eigenvalues(40, 1, batch=(7,), like=like))
    ill = to_numpy(ill_conditioned_eigenvalues(100, 2, batch=(5,), like=like))
    assert well.shape == (7, 40) and well.min() >= 0.1 and well.max() < 1.1
    assert np.all((ill[:, :90] >= 0) & (ill[:, :90] < 1)) and np.all((ill[:, 90:] >= 30) & (ill[:, 90:] < 60))
    rotation = random_rotation(5, 3, batch=(40,), like=like)
    xb.assert_close(rotation @ xb.xp.matrix_transpose(rotation), np.tile(np.eye(5), (40, 1, 1)), atol=1e-13)
    np.testing.assert_allclose(np.linalg.det(to_numpy(rotation)), 1.0, atol=1e-12)
    both = np.linalg.det(to_numpy(random_rotation(5, 3, batch=(40,), like=like, special=False)))
    assert {-1, 1} == set(np.round(both).astype(int))


def test_planar_rotation_angle_is_uniform():
    """Haar measure on SO(2): the angle is uniform; Kolmogorov-Smirnov at the level 1e-6."""
    from scipy.stats import kstest

    rotation = random_rotation(2, 11, batch=(4000,))
    angle = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    assert kstest(angle, "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-6


@pytest.mark.parametrize(("dim", "large"), [(1, 1), (4, 1), (10, 1), (14, 1), (15, 2), (100, 10)])
def test_number_of_large_eigenvalues(dim, large):
    assert np.sum(ill_conditioned_eigenvalues(dim, 0) >= 30) == large


def _gauss_hermite(problem, theta, step, direction, nodes=40):
    """E[L(theta + step z)] by a tensor Gauss-Hermite rule; exact for z = g, whose loss is a polynomial in the noise."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / math.sqrt(2 * math.pi)
    total = 0.0
    for index in itertools.product(range(nodes), repeat=problem.dim):
        noise = x[list(index)]
        g = problem.hessian @ (theta - problem.optimum - problem.noise_std * noise)
        z = g if direction == "gradient" else np.sign(g)
        total += np.prod(w[list(index)]) * problem.loss(theta + step * z)
    return total


def test_improvement_is_the_realised_mean_decrease_of_the_gradient():
    problem = StochasticQuadratic(_hessian(2, 3), np.array([0.5, -1.0]), 0.8)
    theta = np.array([1.0, 2.0])
    step = float(optimal_step_size(problem, theta, "gradient"))
    gain = float(problem.loss(theta)) - _gauss_hermite(problem, theta, step, "gradient", nodes=6)
    np.testing.assert_allclose(expected_improvement(problem, theta, "gradient"), gain, rtol=1e-11)
    for other in (0.9 * step, 1.1 * step):
        assert float(problem.loss(theta)) - _gauss_hermite(problem, theta, other, "gradient", nodes=6) < gain
    assert step < 0


def test_improvement_is_the_realised_mean_decrease_of_the_sign():
    """The four sign patterns in two dimensions, each with its probability from SciPy's bivariate normal."""
    from scipy.stats import multivariate_normal

    problem = StochasticQuadratic(np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([0.5, -1.0]), 0.8)
    theta = np.array([1.0, -0.7])
    gradient, covariance = problem.gradient(theta), problem.gradient_covariance()
    step = float(optimal_step_size(problem, theta, "sign"))
    mean_loss = total = 0.0
    for pattern in itertools.product([-1.0, 1.0], repeat=2):
        flip = np.array(pattern)
        law = multivariate_normal(mean=-flip * gradient, cov=covariance * np.outer(flip, flip))
        total += law.cdf(np.zeros(2))
        mean_loss += law.cdf(np.zeros(2)) * float(problem.loss(theta + step * flip))
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    np.testing.assert_allclose(
        expected_improvement(problem, theta, "sign"), float(problem.loss(theta)) - mean_loss, rtol=1e-10
    )


def test_closed_forms_of_section_2(xb):
    """I(g) of (12) with eigenvalues; I(s) from the full second moment; diagonal Q has E[s^T Q s] = tr Q."""
    rng = np.random.default_rng(7)
    spectrum = ill_conditioned_eigenvalues(12, rng)
    rotation = random_rotation(12, rng)
    rotated = (rotation * spectrum) @ rotation.T
    hessian = np.stack([np.diag(spectrum), 0.5 * (rotated + rotated.T)])
    nu = np.array([0.0, 0.1, 4.0])[:, None]
    theta = rng.standard_normal((5, 1, 1, 12))
    problem = StochasticQuadratic(xb.array(hessian), xb.array(np.zeros(12)), xb.array(nu))
    gradient = np.einsum("cij,...cj->...ci", hessian, np.broadcast_to(theta, (5, 3, 2, 12)))
    curved = np.einsum("...ci,cij,...cj->...c", gradient, hessian, gradient)
    expected = 0.5 * np.sum(gradient**2, -1) ** 2 / (curved + nu**2 * np.sum(spectrum**3))
    xb.assert_close(expected_improvement(problem, xb.array(theta), "gradient"), expected, rtol=1e-11)

    covariance = nu[..., None, None] ** 2 * (hessian @ hessian)
    covariance = 0.5 * (covariance + np.swapaxes(covariance, -1, -2))
    moment = sign_second_moment(gradient, covariance)
    first = sign_mean(gradient, np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1)))
    curvature = np.sum(hessian * moment, axis=(-2, -1))
    np.testing.assert_allclose(curvature[..., 1:, 0], spectrum.sum(), rtol=1e-13)
    slope = np.sum(gradient * first, -1)
    xb.assert_close(expected_improvement(problem, xb.array(theta), "sign"), 0.5 * slope**2 / curvature, rtol=1e-10)
    xb.assert_close(optimal_step_size(problem, xb.array(theta), "sign"), -slope / curvature, rtol=1e-10)
    bound = 0.5 * slope**2 / np.sum(np.abs(hessian), axis=(-2, -1))
    xb.assert_close(sign_improvement_bound(problem, xb.array(theta)), bound, rtol=1e-11)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000), st.sampled_from([0.0, 1e-3, 0.5, 10.0]), st.floats(1e-3, 1e3))
def test_bound_and_invariances(dim, seed, nu, scale):
    q = _hessian(dim, seed)
    theta = np.random.default_rng(seed + 1).standard_normal(dim)
    problem = StochasticQuadratic(q, np.zeros(dim), nu)
    exact = float(expected_improvement(problem, theta, "sign"))
    assert float(sign_improvement_bound(problem, theta)) <= exact * (1 + 1e-12)
    excess = float(problem.suboptimality(theta))
    assert exact <= excess * (1 + 1e-9)
    for direction in ("gradient", "sign"):
        value = float(expected_improvement(problem, theta, direction))
        scaled = StochasticQuadratic(scale * q, np.zeros(dim), nu)
        np.testing.assert_allclose(expected_improvement(scaled, theta, direction), scale * value, rtol=1e-8)
        zoomed = StochasticQuadratic(q, np.zeros(dim), scale * nu)
        np.testing.assert_allclose(expected_improvement(zoomed, scale * theta, direction), scale**2 * value, rtol=1e-8)
        order = np.random.default_rng(seed).permutation(dim)
        permuted = StochasticQuadratic(q[np.ix_(order, order)], np.zeros(dim), nu)
        np.testing.assert_allclose(expected_improvement(permuted, theta[order], direction), value, rtol=1e-8)


def test_nothing_to_gain_at_the_optimum():
    problem = StochasticQuadratic(_hessian(3, 8), np.ones(3), 0.0)
    assert float(expected_improvement(problem, np.ones(3), "gradient")) == 0.0
    assert float(expected_improvement(problem, np.ones(3), "sign", sign_of_zero=0.0)) == 0.0
    assert float(sign_improvement_bound(problem, np.ones(3))) == 0.0
    for direction in ("gradient", "sign"):
        with pytest.raises(ValueError, match="0/0"):
            optimal_step_size(problem, np.ones(3), direction, sign_of_zero=0.0)
    # In theory's convention sign(0) = 1 is a direction; the best step along it is no step.
    assert float(optimal_step_size(problem, np.ones(3), "sign")) == 0.0


def test_comparison_follows_the_documented_recursion(xb):
    """Against a plain loop over steps with the public one-step functions; includes reaching the optimum."""
    rng = np.random.default_rng(9)
    rotation = random_rotation(4, rng)
    rotated = (rotation * np.array([0.2, 0.5, 1.0, 30.0])) @ rotation.T
    hessian = np.stack([0.5 * (rotated + rotated.T), np.diag([0.2, 0.5, 1.0, 30.0]), np.eye(4)])
    nu = np.array([0.0, 0.3])[:, None]
    start, steps = rng.standard_normal((3, 1, 1, 4)), 8
    draws = rng.standard_normal((steps, 3, 2, 3, 4))
    problem = StochasticQuadratic(xb.array(hessian), xb.array(np.ones(4)), xb.array(nu))
    result = compare_directions(problem, xb.array(start), steps, Replay(draws))
    assert tuple(result.gradient.shape) == tuple(result.sign.shape) == (steps + 1, 3, 2, 3)
    for run, level, matrix in itertools.product(range(3), range(2), range(3)):
        single = StochasticQuadratic(hessian[matrix], np.ones(4), float(nu[level, 0]))
        for direction in ("gradient", "sign"):
            theta, path = start[run, 0, 0], []
            for t in range(steps + 1):
                path.append(float(single.suboptimality(theta)))
                if t == steps:
                    break
                try:
                    step = float(optimal_step_size(single, theta, direction, sign_of_zero=0.0))
                except ValueError:
                    step = 0.0
                g = hessian[matrix] @ (theta - 1.0 - nu[level, 0] * draws[t, run, level, matrix])
                theta = theta + step * (g if direction == "gradient" else np.sign(g))
            ours = to_numpy(getattr(result, direction))[:, run, level, matrix]
            np.testing.assert_allclose(ours, path, rtol=1e-8, atol=1e-13)


def test_comparison_batched_equals_one_by_one():
    rng = np.random.default_rng(10)
    hessian = _hessian(6, 11, (3, 1))  # three problems, each with its own Q
    nu = np.array([0.1, 4.0])
    start, draws = rng.standard_normal((4, 1, 1, 6)), rng.standard_normal((12, 4, 3, 2, 6))
    whole = compare_directions(StochasticQuadratic(hessian, np.zeros(6), nu), start, 12, Replay(draws))
    small = compare_directions(
        StochasticQuadratic(hessian, np.zeros(6), nu), start, 12, Replay(draws), max_bytes=20_000
    )
    np.testing.assert_allclose(small.sign, whole.sign, rtol=1e-12)
    for i, j, k in itertools.product(range(4), range(3), range(2)):
        problem = StochasticQuadratic(hessian[j, 0], np.zeros(6), float(nu[k]))
        one = compare_directions(problem, start[i, 0, 0], 12, Replay(draws[:, i, j, k]))
        np.testing.assert_allclose(whole.gradient[:, i, j, k], one.gradient, rtol=1e-12)
        np.testing.assert_allclose(whole.sign[:, i, j, k], one.sign, rtol=1e-12)


def test_gradient_descent_on_a_sphere_is_done_in_one_step():
    result = compare_directions(StochasticQuadratic(2 * np.eye(3), np.zeros(3), 0.0), np.ones(3), 3, 0)
    np.testing.assert_array_equal(result.gradient, [3.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(result.sign, [3.0, 0.0, 0.0, 0.0])


def test_same_seed_same_runs():
    problem = StochasticQuadratic(_hessian(3, 1), np.zeros(3), 0.5)
    first, second, other = (compare_directions(problem, np.ones((2, 3)), 4, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.sign, second.sign)
    assert not np.array_equal(first.sign, other.sign)


@pytest.mark.parametrize(
    ("hessian", "optimum", "noise", "message"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], [0.0, 0.0], 0.0, "smallest eigenvalue is -1"),
        ([[1.0, 0.5], [0.0, 1.0]], [0.0, 0.0], 0.0, "symmetric.*0.5"),
        ([[1.0, 0.0]], [0.0, 0.0], 0.0, r"shape \(\.\.\., d, d\), got \(1, 2\)"),
        ([[1.0]], [0.0, 0.0], 0.0, r"optimum must have shape \(\.\.\., 1\), got \(2,\)"),
        ([[1.0]], [0.0], -0.5, "noise_std must not be negative, got -0.5"),
        ([[math.nan]], [0.0], 0.5, "hessian must be finite"),
        ([[1.0]], [math.inf], 0.5, "optimum must be finite"),
        ([[1.0]], [0.0], math.nan, "noise_std must be finite"),
    ],
)
def test_bad_problems(hessian, optimum, noise, message):
    with pytest.raises(ValueError, match=message):
        StochasticQuadratic(np.array(hessian), np.array(optimum), noise)


def test_bad_calls():
    problem = StochasticQuadratic(np.eye(2), np.zeros(2), np.ones(3))
    with pytest.raises(ValueError, match="'gradient', 'sign', got 'newton'"):
        expected_improvement(problem, np.ones(2), "newton")
    with pytest.raises(ValueError, match=r"theta must have shape \(\.\.\., 2\), got \(3,\)"):
        problem.loss(np.ones(3))
    with pytest.raises(ValueError, match=r"theta \(2,\) and of the problem \(3,\) do not broadcast"):
        problem.loss(np.ones((2, 2)))
    with pytest.raises(ValueError, match="theta must be finite"):
        problem.gradient(np.array([math.nan, 0.0]))
    with pytest.raises(ValueError, match="do not broadcast"):
        StochasticQuadratic(np.eye(2), np.zeros((4, 2)), np.ones(3))
    with pytest.raises(ValueError, match="steps must be a non-negative integer, got -1"):
        compare_directions(problem, np.ones(2), -1, 0)
    with pytest.raises(TypeError, match="rng must be"):
        compare_directions(problem, np.ones(2), 1, None)
    with pytest.raises(TypeError, match="problem must be a StochasticQuadratic"):
        expected_improvement(np.eye(2), np.ones(2), "sign")
    with pytest.raises(ValueError, match="dim must be a positive integer, got 0"):
        well_conditioned_eigenvalues(0, 1)
    with pytest.raises(TypeError, match="hessian must be an array"):
        StochasticQuadratic([[1.0]], np.zeros(1), 1.0)
