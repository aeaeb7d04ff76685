"""Largest eigenvalue and m-sharpness against dense solvers, samples of the ball and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.landscapes import Ackley, GoldsteinPrice, Levy, TwoWell
from analysis.sharpness import (
    largest_eigenvalue,
    one_step_m_sharpness,
    quadratic_m_sharpness,
    quadratic_rise,
    sharpness,
)


def symmetric(rng: np.random.Generator, *shape: int) -> np.ndarray:
    a = rng.standard_normal((*shape, shape[-1]))
    return a + np.swapaxes(a, -1, -2)


@pytest.mark.parametrize("dim", [1, 2, 3, 6])
def test_largest_eigenvalue(xb: Any, dim: int) -> None:
    matrices = symmetric(np.random.default_rng(dim), 4, 5, dim)
    expected = np.linalg.eigvalsh(matrices)[..., -1]
    xb.assert_close(largest_eigenvalue(xb.array(matrices)), expected, rtol=1e-11, atol=1e-12)


def test_a_diverged_run_does_not_stop_the_batch() -> None:
    matrices = symmetric(np.random.default_rng(0), 3, 4)
    matrices[1, 0, 0] = np.nan
    found = largest_eigenvalue(matrices)
    assert np.isnan(found[1]) and np.all(np.isfinite(found[[0, 2]]))


@pytest.mark.parametrize("at", [Ackley(), GoldsteinPrice(), Levy(), TwoWell(5)])
def test_sharpness_of_a_landscape(xb: Any, at: Any) -> None:
    points = np.random.default_rng(1).uniform(-2, 2, (7, 2))
    xb.assert_close(sharpness(at, xb.array(points)), np.linalg.eigvalsh(at.hessian(points))[:, -1], rtol=1e-9)


def test_levy_and_wells_in_many_dimensions() -> None:
    points = np.random.default_rng(2).uniform(-5, 5, (6, 10))
    for at in (Levy(), TwoWell(7)):
        np.testing.assert_allclose(sharpness(at, points), np.linalg.eigvalsh(at.hessian(points))[:, -1], rtol=1e-12)
    assert sharpness(TwoWell(7), np.ones(10)) == 14
    assert sharpness(TwoWell(7), np.zeros(10)) == 2


def _cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    return {
        "indefinite": (symmetric(rng, 4), rng.standard_normal(4)),
        "convex": (symmetric(rng, 4) @ np.eye(4) + 9 * np.eye(4), rng.standard_normal(4)),
        "maximum inside": (-np.diag([2.0, 3.0, 50.0]), np.array([1e-2, 1e-2, 0.0])),
        "hard case": (np.diag([1.0, 4.0, 9.0]), np.array([0.3, -0.2, 0.0])),
        "no gradient": (np.diag([1.0, 4.0, 9.0]), np.zeros(3)),
        "no curvature": (np.zeros((3, 3)), np.array([1.0, -2.0, 2.0])),
        "double top": (np.diag([1.0, 5.0, 5.0]), np.array([0.1, 0.0, 0.0])),
        "nothing": (np.zeros((2, 2)), np.zeros(2)),
    }


@pytest.mark.parametrize("radius", [0.05, 1.0])
@pytest.mark.parametrize("case", _cases())
def test_rise_of_a_quadratic_is_enclosed(case: str, radius: float) -> None:
    hessian, gradient = _cases()[case]
    low, high = quadratic_rise(hessian, gradient, radius, certify=True)
    assert low <= high * (1 + 1e-12) + 1e-15
    assert high - low <= 1e-9 * (1e-6 + abs(high)), f"gap {high - low}"
    draws = np.random.default_rng(0).standard_normal((200_000, len(gradient)))
    draws *= radius / np.linalg.norm(draws, axis=1, keepdims=True)
    draws[::10] *= np.random.default_rng(1).uniform(0, 1, (len(draws[::10]), 1))
    rises = draws @ gradient + 0.5 * np.einsum("ni,ij,nj->n", draws, hessian, draws)
    assert rises.max() <= low + 1e-12 * (1 + abs(low))
    assert rises.max() >= low - 0.15 * abs(low) - 1e-15  # random directions come near


def test_known_rises() -> None:
    hessian = np.diag([1.0, 4.0, 9.0])
    assert quadratic_rise(hessian, np.zeros(3), 0.1) == pytest.approx(0.5 * 9 * 0.01)
    assert quadratic_rise(np.zeros((3, 3)), np.array([1.0, -2.0, 2.0]), 0.1) == pytest.approx(0.3)
    inside = quadratic_rise(-np.diag([2.0, 4.0]), np.array([0.02, 0.0]), 0.05)
    assert inside == pytest.approx(0.02**2 / 4)


def test_m_sharpness_on_backends(xb: Any) -> None:
    rng = np.random.default_rng(4)
    hessians, gradients = symmetric(rng, 3, 5, 3), rng.standard_normal((3, 5, 3))
    exact = quadratic_m_sharpness(xb.array(hessians), xb.array(gradients))
    expected = [
        np.mean([quadratic_rise(h, g, 0.05) for h, g in zip(*pair, strict=True)])
        for pair in zip(hessians, gradients, strict=True)
    ]
    xb.assert_close(exact, expected, rtol=1e-10)


def test_one_step_is_below_the_maximum() -> None:
    rng = np.random.default_rng(5)
    hessians, centres = symmetric(rng, 6, 3), rng.standard_normal((6, 3))

    def loss(points: np.ndarray) -> np.ndarray:
        off = points - centres
        return 0.5 * np.einsum("...ni,nij,...nj->...n", off, hessians, off)

    def gradient(points: np.ndarray) -> np.ndarray:
        return np.einsum("nij,...nj->...ni", hessians, points - centres)

    points = rng.standard_normal((4, 3))
    for radius in (0.05, 0.8):
        step = one_step_m_sharpness(loss, gradient, points, radius)
        slopes = gradient(points[:, None, :] + np.zeros((6, 1)))
        exact = quadratic_m_sharpness(np.broadcast_to(hessians, (4, 6, 3, 3)), slopes, radius)
        assert np.all(step <= exact + 1e-12)
        assert np.all(step >= 0.3 * exact) and np.any(step < exact * (1 - 1e-6))
    # At a common minimum all gradients vanish: the step sees nothing, the maximum sees the curvature.
    centres[:] = 0
    assert one_step_m_sharpness(loss, gradient, np.zeros(3), 0.05) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: largest_eigenvalue(np.zeros((2, 3))), "matrix must have shape"),
        (lambda: quadratic_rise(np.eye(2), np.zeros(2), 0.0), "radius must be positive"),
        (lambda: quadratic_rise(np.full((2, 2), np.nan), np.zeros(2), 0.1), "hessian must be finite"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
