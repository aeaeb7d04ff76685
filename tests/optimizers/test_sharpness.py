"""Sharpness-aware minimisation, extragradient and variance reduction: the letter, wrapped rules, errors."""

from __future__ import annotations

import itertools
from typing import Any

import array_api_compat
import numpy as np
import pytest

from optassay.optimizers import (
    Adam,
    AdamCriticalMomenta,
    AdaSAM,
    ExtraGradient,
    GradientDescent,
    Momentum,
    SharpnessAware,
    VarianceReduced,
)

CURVATURE = np.array([1.0, 4.0, 0.5])


def gradient(xp: Any, curvature: Any) -> Any:
    """Gradient of a smooth nonquadratic function, on any namespace."""
    return lambda x: curvature * x + xp.sin(x) * 0.3


def run(rule: Any, start: Any, fn: Any, steps: int = 20) -> tuple[list[Any], Any]:
    params, state, rows = start, rule.init(start), []
    for _ in range(steps):
        params, state = rule.step(params, fn(params), state, gradient_fn=fn)
        rows.append(params)
    return rows, state


FN = gradient(np, CURVATURE)
START = np.array([1.0, -0.5, 2.0])


def test_sharpness_aware_adam_to_the_letter():
    rows, _ = run(SharpnessAware(Adam(0.1), 0.05), START, FN)
    theta, m, v = START, np.zeros(3), np.zeros(3)
    for t, row in enumerate(rows, start=1):
        g = FN(theta)
        g_s = FN(theta + 0.05 * g / np.linalg.norm(g))
        m, v = 0.9 * m + 0.1 * g_s, 0.999 * v + 0.001 * g_s**2
        theta = theta - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(row, theta, rtol=1e-12)


def test_a_zero_gradient_moves_the_point_nowhere():
    seen = []

    def fn(x: np.ndarray) -> np.ndarray:
        seen.append(x)
        return np.ones_like(x)

    rule = SharpnessAware(GradientDescent(0.5), 0.1)
    start = np.array([[1.0, 2.0], [3.0, 4.0]])
    params, _ = rule.step(start, np.array([[0.0, 0.0], [3.0, 4.0]]), rule.init(start), gradient_fn=fn)
    np.testing.assert_allclose(seen[0], [[1.0, 2.0], [3.06, 4.08]], rtol=1e-15)
    np.testing.assert_allclose(params, start - 0.5)


@pytest.mark.parametrize("key", ["perturbed", "original"])
def test_the_key_of_a_buffer_comes_from_the_gradient_asked_for(key):
    inner = AdamCriticalMomenta(0.1, capacity=2)
    rule = SharpnessAware(inner, 0.3, key=key)
    g = FN(START)
    g_s = FN(START + 0.3 * g / np.linalg.norm(g))
    params, state = rule.step(START, g, rule.init(START), gradient_fn=FN)
    expected, own = inner.step(START, g_s, inner.init(START), key_gradient=g if key == "original" else None)
    np.testing.assert_array_equal(params, expected)
    np.testing.assert_array_equal(state.inner.buffer.keys, own.buffer.keys)
    np.testing.assert_allclose(state.inner.buffer.keys[0], 0.7 * np.linalg.norm(g if key == "original" else g_s))


def test_momentum_extragradient_is_the_recursion_of_kim_et_al():
    h, gamma, m = 0.05, 0.02, 0.8
    rows, _ = run(ExtraGradient(Momentum(h, m), gamma), START, FN)
    before, theta = START, START
    for row in rows:
        before, theta = theta, theta - h * FN(theta - gamma * FN(theta)) + m * (theta - before)
        np.testing.assert_allclose(row, theta, rtol=1e-11, atol=1e-13)


def test_no_extrapolation_leaves_the_rule_as_it_is():
    rows, _ = run(ExtraGradient(Adam(0.1), 0.0), START, FN)
    params, state = START, Adam(0.1).init(START)
    for row in rows:
        params, state = Adam(0.1).step(params, FN(params), state)
        np.testing.assert_array_equal(row, params)


def batches(seed: int, size: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((size, 3))


def test_variance_reduced_gradients_are_unbiased_and_exact_at_the_snapshot():
    """Finite sum of quadratics: the mean over all samples of the reduced gradient is the full gradient."""
    centers = batches(1)
    rule = VarianceReduced(GradientDescent(1.0))
    state = rule.take_snapshot(START, START - centers.mean(axis=0), rule.init(START))
    point = START + 0.3
    moved = []
    for center in centers:
        fn = lambda x, c=center: (x - c) * (1.0 + c * c)  # noqa: E731 - one sample's gradient
        params, new = rule.step(point, fn(point), state, gradient_fn=fn)
        expected = fn(point) - fn(START) + (START - centers.mean(axis=0))
        np.testing.assert_allclose(point - params, expected, rtol=1e-12)
        moved.append(point - params)
        at_snapshot, _ = rule.step(START, fn(START), state, gradient_fn=fn)
        np.testing.assert_allclose(START - at_snapshot, START - centers.mean(axis=0), rtol=1e-12)
        assert new.t == 1
    full_difference = ((1.0 + centers**2) * 0.3).mean(axis=0)
    np.testing.assert_allclose(np.mean(moved, axis=0), START - centers.mean(axis=0) + full_difference, rtol=1e-12)


def test_published_adasam_vr_to_the_letter():
    """Two snapshots, batches of one, history kept: the published loop on NumPy."""
    centers = batches(2)
    rng = np.random.default_rng(3)
    inner = Momentum(0.1, 0.0, convention="torch")
    rule = VarianceReduced(AdaSAM.published(inner, memory=3, average=0.0))
    params, state = START, rule.init(START)
    x, big_x, big_r, count = START, np.zeros((3, 3)), np.zeros((3, 3)), 0
    x_prev = r_prev = np.zeros(3)
    for _ in range(2):
        full = np.mean([(1.0 + c * c) * (x - c) for c in centers], axis=0)
        snapshot = x
        state = rule.take_snapshot(params, full, state)
        for center in centers[rng.permutation(len(centers))[:4]]:
            fn = lambda z, c=center: (1.0 + c * c) * (z - c)  # noqa: E731 - one sample's gradient
            params, state = rule.step(params, fn(params), state, gradient_fn=fn)
            g = fn(x) - fn(snapshot) + full
            r, new = -g, x - 0.1 * g
            if count:
                big_x[:, (count - 1) % 3], big_r[:, (count - 1) % 3] = x - x_prev, r - r_prev
                delta = 0.01 * (r @ r) / ((x - x_prev) @ (x - x_prev) + 1e-8)
                gamma = np.linalg.pinv(big_r.T @ big_r + delta * big_x.T @ big_x, rcond=1e-15) @ (big_r.T @ r)
                move = r - (big_x + big_r) @ gamma
                if move @ r > 0:
                    new = x + move
            x_prev, r_prev, x, count = x, r, new, count + 1
            np.testing.assert_allclose(params, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("history", ["keep", "restart"])
def test_a_new_snapshot_keeps_or_restarts_the_rule(history):
    rule = VarianceReduced(AdaSAM(4, 0.1), history=history)
    state = rule.take_snapshot(START, FN(START), rule.init(START))
    params = START
    for _ in range(3):
        params, state = rule.step(params, FN(params), state, gradient_fn=FN)
    state = rule.take_snapshot(params, FN(params), state)
    assert state.loops == 2
    assert state.t == 3
    assert state.inner.t == (3 if history == "keep" else 0)


def test_variance_reduction_with_the_full_gradient_changes_nothing():
    rule, plain = VarianceReduced(AdaSAM(3, 0.1)), AdaSAM(3, 0.1)
    state = rule.take_snapshot(START, FN(START), rule.init(START))
    params, other, own = START, START, plain.init(START)
    for _ in range(6):
        params, state = rule.step(params, FN(params), state, gradient_fn=FN)
        other, own = plain.step(other, FN(other), own)
        np.testing.assert_allclose(params, other, rtol=1e-9, atol=1e-11)


RULES = {
    "sam-adam": SharpnessAware(Adam(0.1), 0.05),
    "sam-cm": SharpnessAware(AdamCriticalMomenta.published(step_size=0.1, capacity=2), 0.1, key="original"),
    "meg": ExtraGradient(Momentum(0.05, 0.5), 0.02),
    "sam-of-meg-like": ExtraGradient(AdamCriticalMomenta(0.05, capacity=3), 0.02),
}
EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


@EACH_RULE
def test_backends_agree(xb, rule):
    start = np.stack([START, 2.0 * START, -START])
    expected, _ = run(rule, start, gradient(np, CURVATURE))
    rows, _ = run(rule, xb.array(start), gradient(xb.xp, xb.array(CURVATURE)))
    for row, other in zip(rows, expected, strict=True):
        xb.assert_close(row, other, rtol=1e-11, atol=1e-12)


@EACH_RULE
def test_a_batch_equals_its_runs_one_by_one_bit_for_bit(rule):
    field = "radius" if isinstance(rule, SharpnessAware) else "extrapolation"
    starts = np.stack([START, 2.0 * START, -START, 0.0 * START])
    values = np.array([0.01, 0.05, 0.2, 1.0])
    rows, _ = run(rule.replace(**{field: values}), starts, FN)
    for i, start in enumerate(starts):
        alone, _ = run(rule.replace(**{field: float(values[i])}), start, FN)
        np.testing.assert_array_equal(np.array(rows)[:, i], np.array(alone))


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, tuple):
        return list(itertools.chain.from_iterable(leaves(entry) for entry in tree))
    return [tree] if array_api_compat.is_array_api_obj(tree) else []


def test_a_snapshot_keeps_nothing_of_the_caller():
    rule = VarianceReduced(GradientDescent(0.1))
    point, full = START.copy(), FN(START)
    state = rule.take_snapshot(point, full, rule.init(point))
    point[:], full[:] = np.nan, np.nan
    assert all(np.all(np.isfinite(array)) for array in leaves(state))


@pytest.mark.parametrize("history", ["keep", "restart"])
def test_a_diverged_run_takes_its_snapshot_only_where_that_is_asked_for(history):
    rule = VarianceReduced(GradientDescent(0.1, nonfinite="propagate"), history=history, nonfinite="propagate")
    points = np.stack([START, START])
    state = rule.init(points)
    points[0, 1] = np.nan
    state = rule.take_snapshot(points, FN(points), state)
    new, _ = rule.step(points, FN(points), state, gradient_fn=FN)
    np.testing.assert_allclose(new[1], START - 0.1 * FN(START), rtol=1e-12)
    assert np.isnan(new[0, 1])
    strict = VarianceReduced(GradientDescent(0.1))
    with pytest.raises(ValueError, match=r"params must be finite; 1 of its entries"):
        strict.take_snapshot(points, FN(np.zeros_like(points)), strict.init(np.zeros_like(points)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SharpnessAware(Adam(), 0.0), ValueError, r"radius must lie in \(0, inf\), got 0.0"),
        (lambda: SharpnessAware(Adam(), -1.0), ValueError, r"radius must lie in \(0, inf\), got -1.0"),
        (lambda: SharpnessAware("adam"), TypeError, "rule must be an update rule"),
        (lambda: SharpnessAware(Adam(), key="original"), ValueError, "needs a rule with a priority buffer, got Adam"),
        (lambda: ExtraGradient(Adam(), -0.1), ValueError, r"extrapolation must lie in \[0, inf\)"),
        (lambda: ExtraGradient(None), TypeError, "rule must be an update rule"),
        (lambda: VarianceReduced(None), TypeError, "rule must be an update rule"),
    ],
)
def test_bad_hyperparameters_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("rule", [SharpnessAware(Adam()), ExtraGradient(Adam())])
def test_a_missing_second_gradient_is_named(rule):
    with pytest.raises(TypeError, match="needs gradient_fn="):
        rule.step(START, START, rule.init(START))


def test_variance_reduction_asks_for_what_is_missing():
    rule = VarianceReduced(Adam())
    with pytest.raises(ValueError, match="call take_snapshot"):
        rule.step(START, START, rule.init(START), gradient_fn=FN)
    state = rule.take_snapshot(START, START, rule.init(START))
    with pytest.raises(TypeError, match="needs gradient_fn="):
        rule.step(START, START, state)
    with pytest.raises(ValueError, match="grad must have the shape"):
        rule.take_snapshot(START, np.ones(2), state)
