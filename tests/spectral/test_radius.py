"""Radii against high-precision roots, closed forms and eigenvalues."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optassay.arrays import to_numpy
from spectral import (
    characteristic_polynomial,
    critical_momentum_matrix,
    polynomial_radius,
    quadratic_radius,
    roots_inside,
    spectral_radius,
)


def precise_radius(coefficients: np.ndarray) -> float:
    with mpmath.workdps(40):
        roots = mpmath.polyroots([mpmath.mpf(float(c)) for c in coefficients], maxsteps=500, extraprec=400)
        return float(max(abs(root) for root in roots))


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_against_forty_digits(xb: Any, size: int) -> None:
    rng = np.random.default_rng(size)
    beta, x = rng.uniform(0, 0.95, 12), rng.uniform(0.05, 4.0, 12)
    expected = [precise_radius(c) for c in characteristic_polynomial(1.0, beta, x, size)]
    xb.assert_close(spectral_radius(1.0, xb.array(beta), xb.array(x), size), expected, rtol=1e-11)


@pytest.mark.parametrize("size", [0, 1, 3, 20, 50])
def test_equals_the_matrix_eigenvalues(size: int) -> None:
    for step, beta in ((0.01, 0.5), (0.3, 0.9), (1.5, 0.1)):
        matrix = critical_momentum_matrix(step, beta, np.diag([1.0, 2.0]), size)
        expected = np.abs(np.linalg.eigvals(matrix)).max()
        radii = spectral_radius(step, beta, np.array([1.0, 2.0]), size)
        assert float(radii.max()) == pytest.approx(expected, rel=1e-9)


def test_classical_momentum_in_closed_form(xb: Any) -> None:
    beta = 0.81
    x = xb.array([(1 - 0.9) ** 2, 1.0, (1 + 0.9) ** 2])
    # At the ends of the complex range both roots have modulus sqrt(beta); rounding makes them real by sqrt(eps).
    xb.assert_close(spectral_radius(1.0, beta, x, 0), [0.9, 0.9, 0.9], rtol=1e-7)
    xb.assert_close(quadratic_radius(xb.array([1.0, -3.0, 2.0])), np.asarray(2.0))


def test_gradient_descent_is_no_momentum_and_no_buffer(xb: Any) -> None:
    x = np.array([0.1, 1.0, 1.7, 2.5])
    xb.assert_close(spectral_radius(1.0, 0.0, xb.array(x), 0), np.abs(1 - x), rtol=1e-14)


def test_zero_polynomial_tail(xb: Any) -> None:
    xb.assert_close(polynomial_radius(xb.array([1.0, 0.0, 0.0])), np.asarray(0.0))
    xb.assert_close(polynomial_radius(xb.array([2.0, -1.0, 0.0, 0.0])), np.asarray(0.5), rtol=1e-14)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7))
def test_inside_means_inside(roots: list[float]) -> None:
    coefficients = np.poly(roots)
    radius = max(abs(r) for r in roots)
    assert bool(roots_inside(coefficients, 1.1 * radius + 0.05))
    if radius > 0.1:
        assert not bool(roots_inside(coefficients, 0.8 * radius))


def test_batches_equal_single_runs(xb: Any) -> None:
    beta, x = np.linspace(0, 0.9, 4)[:, None], np.linspace(0.1, 3, 5)
    grid = spectral_radius(1.0, xb.array(beta), xb.array(x), 3)
    assert tuple(grid.shape) == (4, 5)
    single = [[float(spectral_radius(1.0, float(b), xb.array(v), 3)) for v in x] for b in beta[:, 0]]
    xb.assert_close(grid, single, rtol=0)


def test_splitting_changes_nothing() -> None:
    x = np.linspace(0.1, 3, 50)
    np.testing.assert_array_equal(spectral_radius(1.0, 0.5, x, 4, max_bytes=500), spectral_radius(1.0, 0.5, x, 4))
    sizes = np.arange(5)[:, None]
    whole = spectral_radius(1.0, 0.5, x, sizes)
    np.testing.assert_allclose(spectral_radius(1.0, 0.5, x, sizes, max_bytes=5000), whole, rtol=1e-13)
    with pytest.raises(ValueError, match="max_bytes must be positive, got 0"):
        spectral_radius(1.0, 0.5, x, 4, max_bytes=0)


def test_single_precision_stays(xb: Any) -> None:
    radius = spectral_radius(0.1, 0.5, xb.array([1.0, 2.0], "float32"), 2)
    assert radius.dtype == xb.xp.float32
    np.testing.assert_allclose(to_numpy(radius), spectral_radius(0.1, 0.5, np.array([1.0, 2.0]), 2), rtol=3e-6)


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (np.array([0.0, 1.0]), "non-zero leading"),
        (np.array([1.0]), "n >= 1"),
        (np.array([1.0, np.nan]), "must be finite"),
    ],
)
def test_bad_polynomials(bad: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        polynomial_radius(bad)


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-5])
def test_close_pair_keeps_its_modulus(distance: float) -> None:
    # The test of Schur and Cohn is blurred by eps / distance^2 there; the modulus of the pair is not.
    polynomials, expected = [], []
    for radius in (0.6, 0.9, 1.4):
        pair = np.array([1.0, -2.0 * radius, radius**2 * (1.0 + 0.25 * distance**2)])
        polynomials.append(np.convolve(pair, np.poly([0.3, -0.2, 0.1 + 0.4j, 0.1 - 0.4j]).real))
        expected.append(precise_radius(polynomials[-1]))
    np.testing.assert_allclose(polynomial_radius(np.stack(polynomials)), expected, rtol=1e-12)


def test_equal_moduli(xb: Any) -> None:
    # z^6 = 2, and two pairs of one modulus: Newton's root is one of several largest.
    many = np.array([1.0, 0, 0, 0, 0, 0, -2.0])
    pairs = np.convolve([1.0, -0.4, 0.81], np.convolve([1.0, 1.0, 0.81], [1.0, -0.1, 0.02]))
    xb.assert_close(polynomial_radius(xb.array(np.stack([many, pairs]))), [2 ** (1 / 6), 0.9], rtol=1e-12)


@pytest.mark.parametrize("size", [2, 5, 20])
def test_a_large_batch_against_eigenvalues(size: int) -> None:
    rng = np.random.default_rng(size)
    beta, x = rng.uniform(0, 0.99, 4000), 10 ** rng.uniform(-3.5, 0.5, 4000)
    polynomials = characteristic_polynomial(1.0, beta, x, size)
    stack = np.zeros((4000, size + 1, size + 1))
    stack[:, 0] = -polynomials[:, 1:]
    stack[:, np.arange(1, size + 1), np.arange(size)] = 1.0
    expected = np.abs(np.linalg.eigvals(stack)).max(axis=-1)
    np.testing.assert_allclose(spectral_radius(1.0, beta, x, size), expected, rtol=1e-10)


def test_empty_batch(xb: Any) -> None:
    assert tuple(polynomial_radius(xb.array(np.ones((0, 4)))).shape) == (0,)
