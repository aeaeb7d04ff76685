"""E[s s^T] against mpmath, SciPy and closed forms; success probabilities; bad input."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sign_oracles import certain_pair_moment, owens_pair_moment, pair_moment

from optassay.arrays import to_numpy
from quadratics import SignMoments, sign_mean, sign_second_moment, sign_success_probability
from quadratics._orthants import CENTRE_RULES

CORRELATIONS = (
    [0.0, 0.05, 0.5, 0.999, 1 - 1e-4, 1 - 1e-9, 1 - 1e-15, math.nextafter(1.0, 0.0)]
    + [math.nextafter(limit, 0.0) for limit, _ in CENTRE_RULES]
    + [math.nextafter(limit, 1.0) for limit, _ in CENTRE_RULES]
)
MEANS = [(0.0, 0.0), (1e-300, -0.7), (0.3, -0.2), (-1.0, 1.0 + 1e-7), (2.0, 2.1), (5.0, 4.5)]


def _pair(a: float, b: float, first: float, second: float, covariance: float) -> float:
    matrix = np.array([[first, covariance], [covariance, second]])
    return float(sign_second_moment(np.array([a, b]), matrix)[0, 1])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_pairs_agree_with_30_digit_quadrature(correlation, sign):
    r = sign * correlation
    for a, b in MEANS:
        expected = pair_moment(a, b, r, digits=30)
        prepared = SignMoments(np.array([[1.0, r], [r, 1.0]])).second_moment(np.array([a, b]))[0, 1]
        for value in (_pair(a, b, 1.0, 1.0, r), float(prepared)):
            assert abs(mp.mpf(value) - expected) < 2e-15, (a, b, r)


@pytest.mark.parametrize("sign", [1, -1])
def test_certain_correlation(sign):
    for a, b in [*MEANS, (0.0, 0.4), (40.0, 1.0), (1e8, -1e8), (-0.2, 0.0)]:
        # (X, 3 X): entries 1, 9, 3 are exact.
        prepared = SignMoments(np.array([[1.0, sign * 3.0], [sign * 3.0, 9.0]])).second_moment(np.array([a, 3 * b]))
        for value in (_pair(a, 3 * b, 1.0, 9.0, sign * 3.0), float(prepared[0, 1])):
            assert abs(mp.mpf(value) - certain_pair_moment(a, b, sign)) < 1e-15, (a, b, sign)


@pytest.mark.parametrize(
    ("first", "second", "covariance"),
    [
        (3.0, 1 / 3, 1 - 1e-15),
        (3.0, 1 / 3, math.nextafter(1.0, 0.0)),
        (0.1, 0.3, math.sqrt(0.03) * (1 - 3e-16)),
        (1e-12, 1e12, 0.99999999),
        (7e120, 5e-130, math.sqrt(35) * 1e-5 * (1 - 1e-13)),
        (2.0, 5.0, -math.sqrt(10) * (1 - 1e-12)),
    ],
)
def test_covariances_count_as_exact_next_to_singularity(first, second, covariance):
    """sqrt(1 - r^2) from rounded products would be wrong in half its digits here."""
    with mp.workdps(60):
        square = mp.mpf(covariance) ** 2 / (mp.mpf(first) * mp.mpf(second))
        assert square < 1
        r = mp.sign(covariance) * mp.sqrt(square)
    for a, b in [(0.0, 0.0), (0.5, 0.5), (1.0, -0.3)]:
        means = (a * math.sqrt(first), b * math.sqrt(second))
        with mp.workdps(60):
            expected = pair_moment(means[0] / mp.sqrt(first), means[1] / mp.sqrt(second), r, digits=50)
        prepared = SignMoments(np.array([[first, covariance], [covariance, second]])).second_moment(np.array(means))
        for value in (_pair(*means, first, second, covariance), float(prepared[0, 1])):
            assert abs(mp.mpf(value) - expected) < 2e-15


def test_one_mean_per_covariance_equals_the_prepared_rules_in_hard_places():
    """On the host the two are different formulas: short rules and Owen's T against quadrature alone."""
    rng = np.random.default_rng(7)
    n = 4000
    width = 10.0 ** rng.uniform(-9, 0, n)
    r = np.sqrt((1 - width) * (1 + width)) * rng.choice([-1, 1], n)
    r[:3] = [1.0, -1.0, 0.0]
    a = rng.standard_normal(n) * 10.0 ** rng.uniform(-4, 1.5, n)
    near = np.sign(r) * a * (1 + width * rng.standard_normal(n))
    b = np.where(rng.random(n) < 0.5, near, rng.standard_normal(n))
    a[::17], b[::19], a[5::23], b[5::29], b[0] = 0.0, 0.0, -0.0, -0.0, a[0]
    spread = np.array([1e-70, 1.0, 1e70])[rng.integers(0, 3, (2, n))]
    covariance = np.empty((n, 2, 2))
    covariance[:, 0, 0], covariance[:, 1, 1] = spread**2
    covariance[:, 0, 1] = covariance[:, 1, 0] = r * spread[0] * spread[1] * (1 - 4e-16)
    mean = np.stack([a * spread[0], b * spread[1]], axis=-1)
    value = sign_second_moment(mean, covariance)
    np.testing.assert_allclose(value, SignMoments(covariance).second_moment(mean), rtol=0, atol=1e-14)


def test_one_mean_of_weak_and_strong_matrices():
    """A stack whose largest correlations ask for every rule, against quadrature by pairs."""
    rng = np.random.default_rng(8)
    strength = np.append(np.linspace(0, 0.03, 36), [0.1, 0.3, 1, 3])[:, None, None]
    factor = rng.standard_normal((40, 12, 4000)) / math.sqrt(4000) + strength * rng.standard_normal((40, 12, 1))
    covariance = factor @ np.swapaxes(factor, 1, 2)
    std = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    rows, columns = np.triu_indices(12, 1)
    largest = np.max(np.abs(covariance / std[:, :, None] / std[:, None, :])[:, rows, columns], axis=1)
    assert np.all(np.bincount(np.searchsorted([0.1, 0.3, 0.5, 0.9], largest)) >= 3)
    mean = rng.standard_normal((40, 12))
    value = sign_second_moment(mean, covariance)
    np.testing.assert_allclose(value, SignMoments(covariance).second_moment(mean), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(value, np.swapaxes(value, 1, 2))
    for k in range(40):
        np.testing.assert_array_equal(value[k], sign_second_moment(mean[k], covariance[k]))


def test_negative_control_a_wrong_correlation_is_seen():
    error = abs(mp.mpf(_pair(0.3, -0.2, 1.0, 1.0, 0.5)) - pair_moment(0.3, -0.2, 0.5 + 1e-13, digits=30))
    assert error > 1e-14


def test_zero_mean_is_the_arcsine_law():
    correlation = np.linspace(-1, 1, 1001)
    matrix = np.ones((1001, 2, 2))
    matrix[:, 0, 1] = matrix[:, 1, 0] = correlation
    value = sign_second_moment(np.zeros(2), matrix)[:, 0, 1]
    np.testing.assert_allclose(value, 2 / np.pi * np.arcsin(correlation), atol=1e-14)


def test_against_owens_t_on_many_pairs():
    rng = np.random.default_rng(0)
    n = 20_000
    r = np.sin(rng.uniform(-np.pi / 2, np.pi / 2, n))
    a, b = rng.standard_normal((2, n)) * 10.0 ** rng.uniform(-3, 1, (2, n))
    matrix = np.ones((n, 2, 2))
    matrix[:, 0, 1] = matrix[:, 1, 0] = r
    value = sign_second_moment(np.stack([a, b], axis=-1), matrix)[:, 0, 1]
    # 1 - r^2 from a rounded r limits neither side: both take r as exact.
    np.testing.assert_allclose(value, owens_pair_moment(a, b, r), rtol=0, atol=1e-13)


def test_against_scipy_multivariate_normal_in_three_dimensions():
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(1)
    factor = rng.standard_normal((3, 3))
    covariance, mean = factor @ factor.T, rng.standard_normal(3)
    value = sign_second_moment(mean, covariance)
    expected = np.eye(3)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        block = covariance[np.ix_([i, j], [i, j])]
        positive = multivariate_normal(mean=-mean[[i, j]], cov=block).cdf(np.zeros(2))
        marginal = [multivariate_normal(mean=-mean[k], cov=covariance[k, k]).cdf(0.0) for k in (i, j)]
        expected[i, j] = expected[j, i] = 4 * positive - 2 * sum(marginal) + 1
    np.testing.assert_allclose(value, expected, atol=1e-12)


def test_independent_coordinates_factor(xb):
    rng = np.random.default_rng(2)
    mean, std = rng.standard_normal((4, 6)), rng.uniform(0.1, 2, 6)
    value = sign_second_moment(xb.array(mean), xb.array(np.diag(std**2)))
    first = np.array([[math.erf(m / s / math.sqrt(2)) for m, s in zip(row, std, strict=True)] for row in mean])
    expected = first[:, :, None] * first[:, None, :]
    expected[:, np.arange(6), np.arange(6)] = 1.0
    xb.assert_close(value, expected, atol=1e-15)


def test_every_backend_agrees_on_every_rule(xb):
    rng = np.random.default_rng(3)
    matrices = []
    for strength in (0.01, 0.3, 1.0, 3.0, 30.0):
        factor = rng.standard_normal((8, 8)) + strength * rng.standard_normal((8, 1))
        matrices.append(factor @ factor.T)
    covariance = np.array(matrices)
    covariance = 0.5 * (covariance + np.swapaxes(covariance, 1, 2))
    mean = rng.standard_normal((3, 5, 8)) * np.array([0.1, 1.0, 30.0])[:, None, None]
    value = sign_second_moment(xb.array(mean), xb.array(covariance))
    deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    a = mean / deviation
    r = covariance / deviation[:, :, None] / deviation[:, None, :]
    expected = owens_pair_moment(a[..., :, None], a[..., None, :], np.where(np.eye(8) > 0, 0.0, r))
    expected = np.where(np.eye(8) > 0, 1.0, expected)
    xb.assert_close(value, expected, rtol=0, atol=1e-13)


def test_huge_means_and_zero_variances(xb):
    covariance = np.array([[1.0, 0, 0.5], [0, 0, 0], [0.5, 0, 1.0]])
    mean = np.array([[40.0, -1.0, 1e8], [0.3, 0.0, -5.0], [-1e8, 2.0, 40.0]])
    theory = to_numpy(sign_second_moment(xb.array(mean), xb.array(covariance)))
    practice = to_numpy(sign_second_moment(xb.array(mean), xb.array(covariance), sign_of_zero=0.0))
    np.testing.assert_array_equal(theory[0], [[1, -1, 1], [-1, 1, -1], [1, -1, 1]])
    np.testing.assert_array_equal(theory[2], [[1, -1, -1], [-1, 1, 1], [-1, 1, 1]])
    np.testing.assert_array_equal(practice[[0, 2]], theory[[0, 2]])
    single = math.erf(0.3 / math.sqrt(2))
    np.testing.assert_allclose(theory[1, 0, 1], single, atol=1e-15)
    assert theory[1, 1, 1] == 1.0
    np.testing.assert_array_equal(practice[1, 1], [0.0, 0.0, 0.0])


def test_mean_beyond_the_float_range_of_the_ratio():
    value = sign_second_moment(np.array([1e300, -1e300]), np.diag([1e-300, 1e-300]))
    np.testing.assert_array_equal(value, [[1, -1], [-1, 1]])
    np.testing.assert_allclose(sign_mean(np.array([1e-310]), np.array([1e-310])), math.erf(1 / math.sqrt(2)))


def test_one_dimension_and_one_coordinate(xb):
    xb.assert_close(sign_second_moment(xb.array([0.5]), xb.array([[2.0]])), [[1.0]])
    assert tuple(sign_second_moment(xb.array(np.ones((2, 3, 1))), xb.array(np.ones((3, 1, 1)))).shape) == (2, 3, 1, 1)


def test_dtype_is_kept_and_work_is_in_double(xb):
    mean, covariance = [0.5, -0.25], [[1.0, 0.5], [0.5, 1.0]]
    value = sign_second_moment(xb.array(mean, "float32"), xb.array(covariance, "float32"))
    assert value.dtype == xb.xp.float32
    exact = to_numpy(sign_second_moment(xb.array(mean), xb.array(covariance)))
    np.testing.assert_array_equal(to_numpy(value), exact.astype(np.float32))


def test_batches_equal_single_runs_and_memory_limit_changes_nothing():
    rng = np.random.default_rng(4)
    factor = rng.standard_normal((3, 1, 9, 9)) + rng.standard_normal((3, 1, 9, 1))
    covariance = factor @ np.swapaxes(factor, -1, -2)
    mean = rng.standard_normal((4, 1, 5, 9))
    batch = sign_second_moment(mean, covariance)
    assert batch.shape == (4, 3, 5, 9, 9)
    for j in range(3):
        moments = SignMoments(covariance[j, 0])
        for i in range(4):
            for k in range(5):
                np.testing.assert_array_equal(batch[i, j, k], moments.second_moment(mean[i, 0, k]))
                # One mean of one covariance: other formulas.
                single = sign_second_moment(mean[i, 0, k], covariance[j, 0])
                np.testing.assert_allclose(batch[i, j, k], single, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(batch, sign_second_moment(mean, covariance, max_bytes=1))
    each = sign_second_moment(mean[0, 0, 0], covariance)
    assert each.shape == (3, 1, 9, 9)
    np.testing.assert_array_equal(each, sign_second_moment(mean[0, 0, 0], covariance, max_bytes=1))
    for j in range(3):
        np.testing.assert_array_equal(each[j, 0], sign_second_moment(mean[0, 0, 0], covariance[j, 0]))


def test_quadratic_form_is_the_weighted_sum(xb):
    rng = np.random.default_rng(5)
    factor = rng.standard_normal((2, 7, 7)) + rng.standard_normal((2, 7, 1))
    covariance, weights = factor @ np.swapaxes(factor, 1, 2), rng.standard_normal((2, 7, 7))
    mean = rng.standard_normal((6, 2, 7))
    for limit in (1, 1 << 28):
        moments = SignMoments(xb.array(covariance), max_bytes=limit)
        value = moments.quadratic_form(xb.array(mean), xb.array(weights))
        full = to_numpy(moments.second_moment(xb.array(mean)))
        xb.assert_close(value, np.sum(full * weights, axis=(-2, -1)), rtol=0, atol=1e-13)


def test_success_probability(xb):
    mean, std = [0.0, 0.0, 1.0, -1.0, 2.0, -3.0], [1.0, 0.0, 2.0, 2.0, 0.0, 0.0]
    half = 0.5 + 0.5 * math.erf(0.5 / math.sqrt(2))
    xb.assert_close(sign_success_probability(xb.array(mean), xb.array(std)), [0.5, 1, half, half, 1, 1], atol=1e-16)
    practice = sign_success_probability(xb.array(mean), xb.array(std), sign_of_zero=0.0)
    xb.assert_close(practice, [0, 1, half, half, 1, 1], atol=1e-16)


def test_mean_sign_is_success_probability_in_disguise(xb):
    rng = np.random.default_rng(6)
    mean, std = rng.standard_normal((5, 4)), rng.uniform(0.1, 3, 4)
    rho = to_numpy(sign_success_probability(xb.array(mean), xb.array(std)))
    xb.assert_close(sign_mean(xb.array(mean), xb.array(std)), (2 * rho - 1) * np.sign(mean), atol=1e-15)


_entries = st.floats(-3, 3, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(_entries, min_size=12, max_size=12), st.lists(_entries, min_size=3, max_size=3), st.floats(0.01, 100))
def test_scale_sign_and_permutation_symmetries(factor, mean, scale):
    """s does not see positive scales; flips of coordinates flip entries; permutations permute them."""
    factor, mean = np.array(factor).reshape(3, 4), np.array(mean)
    covariance = factor @ factor.T + 1e-3 * np.eye(3)
    value = sign_second_moment(mean, covariance)
    scales = np.array([scale, 1.0, 1 / scale])
    np.testing.assert_allclose(
        sign_second_moment(mean * scales, covariance * np.outer(scales, scales)), value, rtol=0, atol=1e-11
    )
    flips = np.array([1.0, -1.0, -1.0])
    if np.all(mean != 0):
        flipped = sign_second_moment(mean * flips, covariance * np.outer(flips, flips))
        np.testing.assert_allclose(flipped, value * np.outer(flips, flips), rtol=0, atol=1e-14)
    order = [2, 0, 1]
    permuted = sign_second_moment(mean[order], covariance[np.ix_(order, order)])
    np.testing.assert_allclose(permuted, value[np.ix_(order, order)], rtol=0, atol=1e-14)
    assert np.linalg.eigvalsh(value)[0] > -1e-13
    first = sign_mean(mean, np.sqrt(np.diag(covariance)))
    assert np.linalg.eigvalsh(value - np.outer(first, first))[0] > -1e-13


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], r"indefinite.*\(0, 1\).*2 times"),
        ([0.0, 0.0], [[1e-300, 1e300], [1e300, 1e-300]], r"indefinite.*\(0, 1\).*inf times"),
        ([0.0, 0.0], [[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([0.0, 0.0], [[-1.0, 0.0], [0.0, 1.0]], "negative diagonal.*-1"),
        ([0.0, math.nan], [[1.0, 0.0], [0.0, 1.0]], r"mean must be finite.*\(1,\)"),
        ([0.0, 0.0], [[1.0, math.inf], [math.inf, 1.0]], "covariance must be finite"),
        ([0.0, 0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], r"shape \(\.\.\., 2\), got \(3,\)"),
        ([0.0, 0.0], [1.0, 2.0], r"shape \(\.\.\., d, d\)"),
    ],
)
def test_bad_moments(mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        sign_second_moment(np.array(mean), np.array(covariance))


def test_indefinite_is_seen_in_the_right_matrix(xb):
    stack = np.tile(np.eye(4), (3, 1, 1))
    stack[1, 1, 3] = stack[1, 3, 1] = -1.5
    for mean in (np.zeros((3, 4)), np.zeros((2, 3, 4))):
        with pytest.raises(ValueError, match=r"entry \(1, 3\) of matrix 1 is 1.5 times"):
            sign_second_moment(xb.array(mean), xb.array(stack))


def test_bad_arguments():
    with pytest.raises(ValueError, match="do not broadcast"):
        sign_second_moment(np.zeros((3, 2)), np.zeros((4, 2, 2)))
    with pytest.raises(ValueError, match="std must not be negative, got -1"):
        sign_success_probability(np.zeros(2), np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"sign_of_zero must be 0 .* got 0.5"):
        sign_success_probability(np.zeros(2), np.ones(2), sign_of_zero=0.5)
    with pytest.raises(TypeError, match="mean must be an array"):
        sign_second_moment([0.0, 0.0], np.eye(2))
    with pytest.raises(ValueError, match="weights must have the shape"):
        SignMoments(np.eye(2)).quadratic_form(np.zeros(2), np.eye(3))
    with pytest.raises(ValueError, match="max_bytes must be positive"):
        SignMoments(np.eye(2), max_bytes=0)


def test_mixed_namespaces_are_refused():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="different namespaces"):
        sign_second_moment(np.zeros(2), strict.asarray([[1.0, 0.0], [0.0, 1.0]]))
