"""The matrix and the polynomial against the recursion itself, symbolically and by running the method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from optassay.arrays import to_numpy
from spectral import characteristic_polynomial, critical_momentum_matrix, spectral_radius


def recursion_matrix(size: int) -> tuple[sp.Matrix, tuple[sp.Symbol, ...]]:
    """A for one curvature, read off the recursion by differentiating the next state with respect to the present one."""
    alpha, beta, h = sp.symbols("alpha beta h")
    momenta = max(size, 1)
    theta, before, *m = sp.symbols(f"theta before m0:{momenta}")
    new = beta * m[0] + h * theta
    stored = sp.Rational(1, size) * sum(m[:size]) if size else 0
    state = [theta, before, *m]
    following = [theta - alpha * (new + stored), theta, new, *m[: momenta - 1]]
    return sp.Matrix(following).jacobian(state), (alpha, beta, h)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
def test_matrix_is_the_recursions(size: int) -> None:
    matrix, symbols = recursion_matrix(size)
    values = (0.3, 0.7, 1.9)
    expected = np.array(matrix.subs(dict(zip(symbols, values, strict=True))), dtype=float)
    actual = critical_momentum_matrix(values[0], values[1], np.array([[values[2]]]), size)
    np.testing.assert_allclose(actual, expected, atol=1e-15)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
def test_polynomial_divides_the_determinant(size: int) -> None:
    matrix, (alpha, beta, h) = recursion_matrix(size)
    z, x = sp.symbols("z x")
    full = sp.expand(matrix.charpoly(z).as_expr()).subs(h, x / alpha)
    minimal = (
        (z - 1) * (z - beta) * z ** (size - 1) + x * (z**size + sum(z**k for k in range(size)) / size)
        if size
        else (z - 1) * (z - beta) + x * z
    )
    assert sp.expand(sp.cancel(full - z * minimal)) == 0
    coefficients = characteristic_polynomial(0.25, 0.5, 3.0, size)
    expected = [
        float(c) for c in sp.Poly(minimal.subs({beta: sp.Rational(1, 2), x: sp.Rational(3, 4)}), z).all_coeffs()
    ]
    np.testing.assert_allclose(coefficients, expected, rtol=1e-15)


@pytest.mark.parametrize("convention", ["heavy-ball", "ema"])
@pytest.mark.parametrize("size", [0, 1, 4])
def test_matrix_runs_the_method(xb: Any, size: int, convention: Any) -> None:
    rng = np.random.default_rng(size)
    basis = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    hessian = basis @ np.diag([0.2, 1.0, 2.0]) @ basis.T
    alpha, beta = 0.1, 0.6
    matrix = to_numpy(critical_momentum_matrix(alpha, beta, xb.array(hessian), size, convention))
    theta, buffer, m = rng.standard_normal(3), [np.zeros(3)] * size, np.zeros(3)
    state = np.concatenate([theta, np.zeros(3), m, *buffer[: max(size, 1) - 1]])
    for _ in range(25):
        gain = 1.0 if convention == "heavy-ball" else 1.0 - beta
        m = beta * m + gain * hessian @ theta
        theta = theta - alpha * (m + (sum(buffer) / size if size else 0.0))
        buffer = [m, *buffer][:size]
        state = matrix @ state
        np.testing.assert_allclose(state[:3], theta, atol=1e-13)


def test_matrix_batches(xb: Any) -> None:
    hessian = xb.array(np.stack([np.diag([1.0, 2.0]), np.diag([0.5, 3.0])]))
    both = critical_momentum_matrix(xb.array([0.1, 0.2]), 0.9, hessian, 3)
    one = critical_momentum_matrix(0.2, 0.9, hessian[1, ...], 3)
    xb.assert_close(both[1, ...], to_numpy(one), rtol=0)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"buffer_size": -1}, ValueError, "buffer_size must be >= 0, got -1"),
        ({"buffer_size": 1.5}, TypeError, "buffer_size must be an integer"),
        ({"momentum": 1.0}, ValueError, r"momentum must lie in \[0, 1\)"),
        ({"step_size": 0.0}, ValueError, "step_size must be positive"),
        ({"step_size": float("nan")}, ValueError, "step_size must be finite"),
        ({"hessian": np.ones((2, 3))}, ValueError, r"hessian must have shape \(..., d, d\)"),
        ({"convention": "polyak"}, ValueError, "convention must be one of heavy-ball, ema"),
    ],
)
def test_bad_input(change: dict[str, Any], error: type[Exception], text: str) -> None:
    good = {"step_size": 0.1, "momentum": 0.5, "hessian": np.eye(2), "buffer_size": 2}
    with pytest.raises(error, match=text):
        critical_momentum_matrix(**(good | change))


def test_buffer_sizes_may_be_an_array(xb: Any) -> None:
    sizes = np.array([0, 1, 2, 5, 3])
    momentum = np.array([0.3, 0.0, 0.5, 0.9, 0.7])
    together = spectral_radius(0.2, xb.array(momentum), xb.array([1.5]), xb.xp.asarray(sizes, device=xb.device))
    single = [
        float(spectral_radius(0.2, float(b), np.asarray(1.5), int(c))) for b, c in zip(momentum, sizes, strict=True)
    ]
    xb.assert_close(together, single, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"buffer_size": np.array([1.0])}, TypeError, "buffer_size must hold integers"),
        ({"buffer_size": np.array([2, -3])}, ValueError, "buffer_size must be >= 0, got -3"),
        ({"buffer_size": True}, TypeError, "buffer_size must be an integer"),
        ({"buffer_size": 1.5}, TypeError, "buffer_size must be an integer >= 0, got 1.5"),
        ({"buffer_size": "5"}, TypeError, "buffer_size must be an integer >= 0, got '5'"),
        ({"step_size": -1.0}, ValueError, "step_size must be positive, got -1.0"),
        ({"curvature": float("inf")}, ValueError, "curvature must be finite"),
        ({"momentum": -0.1}, ValueError, r"momentum must lie in \[0, 1\)"),
    ],
)
def test_bad_polynomials(change: dict[str, Any], error: type[Exception], text: str) -> None:
    good = {"step_size": 0.1, "momentum": 0.5, "curvature": 1.0, "buffer_size": 2}
    with pytest.raises(error, match=text):
        characteristic_polynomial(**(good | change))
    with pytest.raises(error, match=text):
        spectral_radius(**(good | change))


def test_numpy_integers_are_integers() -> None:
    np.testing.assert_array_equal(
        characteristic_polynomial(0.1, 0.5, 1.0, np.int64(3)), characteristic_polynomial(0.1, 0.5, 1.0, 3)
    )


def test_mixed_arrays_are_refused(xb: Any) -> None:
    if type(xb.array([1.0])) is np.ndarray:
        pytest.skip("one library alone")
    with pytest.raises(TypeError, match="different namespaces"):
        spectral_radius(np.array([0.1]), 0.5, xb.array([1.0]), 2)
