"""Stationary second moments: against SciPy, closed forms and long runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from analysis.stationary import momentum_moments, self_consistent_root, solve_lyapunov


def test_doubling_against_scipy(xb: Any) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 3, 3))
    a /= 1.05 * np.max(np.abs(np.linalg.eigvals(a)), axis=-1)[:, None, None]
    q = a @ np.swapaxes(a, -1, -2)
    found = solve_lyapunov(xb.array(a), xb.array(q))
    xb.assert_close(found, np.stack([solve_discrete_lyapunov(x, y) for x, y in zip(a, q, strict=True)]), rtol=1e-10)


def test_unstable_is_infinite_and_leaves_the_others_alone() -> None:
    a = np.stack([0.5 * np.eye(2), 1.1 * np.eye(2)])
    found = solve_lyapunov(a, np.stack([np.eye(2)] * 2))
    np.testing.assert_allclose(found[0], np.eye(2) / 0.75, rtol=1e-14)
    assert np.all(np.isinf(found[1]))


def test_refuses_what_does_not_match() -> None:
    with pytest.raises(ValueError, match="matrix and noise must be square and alike"):
        solve_lyapunov(np.ones((2, 3)), np.ones((2, 2)))


@pytest.mark.parametrize("b", [0.0, 0.5, 0.9])
def test_moments_against_closed_forms(b: float) -> None:
    """x = step curvature: E m^2 = 2 (1-b)/D, E theta^2 c^2 = ..., D = 2 (1+b) - (1-b) x, solved by hand at c = 1."""
    x = np.array([0.01, 0.5, 1.5])
    found = momentum_moments(x, np.array(b), np.array(1.0))
    edge = 2 * (1 + b) - (1 - b) * x
    np.testing.assert_allclose(found.momentum, 2 * (1 - b) / edge, rtol=1e-10)
    np.testing.assert_allclose(found.theta, x * (1 + b + (1 - b) * 0) / edge, rtol=1e-10)


def test_moments_against_a_long_run() -> None:
    rng = np.random.default_rng(1)
    h, b, c = 2.0, 0.7, 1.5
    theta, m, kept = np.zeros(4000), np.zeros(4000), []
    for t in range(400):
        g = c * theta + rng.standard_normal(4000)
        m = b * m + (1 - b) * g
        if t > 100:
            kept.append([np.mean(theta**2), np.mean(m**2), np.mean(g**2)])
        theta = theta - h * m
    found = momentum_moments(np.array(h), np.array(b), np.array(c))
    np.testing.assert_allclose(np.mean(kept, axis=0), found, rtol=0.01)


@pytest.mark.parametrize("square", ["gradient", "momentum"])
def test_self_consistent_root_solves_its_equation(xb: Any, square: Any) -> None:
    alpha = np.array([1e-3, 0.1, 3.0])
    root = self_consistent_root(xb.array(alpha), xb.array(0.9), xb.array(2.0), square)
    from optassay.arrays import to_numpy

    found = momentum_moments(alpha / to_numpy(root), np.array(0.9), np.array(2.0))
    xb.assert_close(root, np.sqrt(getattr(found, square)), rtol=1e-8)


def test_self_consistent_root_names_a_bad_square() -> None:
    with pytest.raises(ValueError, match="square must be"):
        self_consistent_root(np.array(1.0), np.array(0.5), np.array(1.0), "noise")  # type: ignore[arg-type]
