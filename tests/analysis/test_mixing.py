"""Problems, trials, tuning and rescaling of the Anderson mixing studies."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.mixing import (
    METHODS,
    LinearModel,
    judged_on_new_seeds,
    noisy_quadratic,
    paired_difference,
    real_logistic,
    rescaled_trials,
    trial,
)
from analysis.mixing.studies import bootstrap_interval, logarithm
from analysis.mixing.theory import conforming_rule, squared_gradients
from optassay.arrays import to_numpy
from optassay.optimizers import AdaSAM, GradientDescent, VarianceReduced
from quadratics import StochasticQuadratic


def small(loss: Any = "logistic", **options: Any) -> LinearModel:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((12, 3))
    targets = np.sign(rng.standard_normal(12)) if loss == "logistic" else rng.standard_normal(12)
    return LinearModel(features, targets, loss, **{"l2": 0.1, **options})


@pytest.mark.parametrize("loss", ["logistic", "squares"])
def test_values_and_gradients_on_every_backend(xb, loss):
    plain = small(loss, scale=3.0)
    problem = replace(plain, features=xb.array(plain.features), targets=xb.array(plain.targets))
    x = np.random.default_rng(1).standard_normal((2, 4, 3))
    terms = []
    for a, y in zip(plain.features, plain.targets, strict=True):
        z = x @ a
        terms.append(np.log1p(np.exp(-y * z)) if loss == "logistic" else 0.5 * (z - y) ** 2)
    expected = 3.0 * (np.mean(terms, axis=0) + 0.05 * np.sum(x**2, axis=-1))
    xb.assert_close(problem.value(xb.array(x)), expected, rtol=1e-12)
    step = 1e-6
    slopes = [(plain.value(x + step * e) - plain.value(x - step * e)) / (2 * step) for e in np.eye(3)]
    xb.assert_close(problem.gradient(xb.array(x)), np.stack(slopes, axis=-1), rtol=1e-6, atol=1e-8)
    everything = xb.array(np.tile(np.arange(12), (4, 1)), "int64")
    xb.assert_close(
        problem.batch_gradient(xb.array(x), everything), to_numpy(plain.gradient(x)), rtol=1e-12, atol=1e-14
    )


def test_batches_belong_to_their_runs():
    problem = small("squares")
    indices = np.array([[0, 5], [7, 7]])
    x = np.random.default_rng(2).standard_normal((3, 2, 3))
    found = problem.batch_gradient(x, indices)
    for run, rows in enumerate(indices):
        part = LinearModel(problem.features[rows], problem.targets[rows], "squares", 0.1)
        np.testing.assert_allclose(found[:, run], part.gradient(x[:, run]), rtol=1e-12)


def test_extreme_margins_do_not_overflow():
    problem = small()
    with np.errstate(over="raise", invalid="raise"):
        assert np.all(np.isfinite(problem.value(np.array([1e4, -1e4, 1e4]))))
        assert np.all(np.isfinite(problem.gradient(np.array([1e4, -1e4, 1e4]))))


@pytest.mark.parametrize("loss", ["logistic", "squares"])
def test_minimiser_and_smoothness(loss):
    problem = small(loss)
    x = problem.minimiser
    np.testing.assert_allclose(problem.gradient(x), 0.0, atol=1e-13)
    assert float(problem.suboptimality(x)) == 0.0
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 50, 3))
    ratio = np.linalg.norm(problem.gradient(a) - problem.gradient(b), axis=-1) / np.linalg.norm(a - b, axis=-1)
    assert np.max(ratio) <= problem.smoothness * (1 + 1e-12)
    assert np.all(problem.suboptimality(a) > 0)
    assert replace(problem, scale=4.0).smoothness == pytest.approx(4 * problem.smoothness)


def test_without_a_minimum_the_error_says_so():
    separable = LinearModel(np.array([[1.0], [-1.0]]), np.array([1.0, -1.0]), "logistic")
    with pytest.raises(RuntimeError, match="no minimiser found"):
        _ = replace(separable, features=1e-3 * separable.features).minimiser


def test_quadratic_has_the_spectrum_asked_for():
    problem = noisy_quadratic(0, 5, 40, 50.0)
    values = np.linalg.eigvalsh(problem.features.T @ problem.features / 40)
    np.testing.assert_allclose(values, np.geomspace(1 / 50, 1, 5), rtol=1e-10)
    assert float(problem.value(problem.minimiser)) < 1e-25
    assert float(noisy_quadratic(0, 5, 40, 50.0, noise=1.0).value(problem.minimiser)) > 0.1


@pytest.mark.parametrize("name, shape", [("breast-cancer", (569, 31)), ("digits", (1797, 65)), ("wine", (178, 14))])
def test_real_data(name, shape):
    pytest.importorskip("sklearn")
    problem = real_logistic(name)
    assert problem.features.shape == shape
    assert set(np.unique(problem.targets)) == {-1.0, 1.0}
    assert np.all(problem.features[:, -1] == 1.0)
    spread = problem.features[:, :-1].std(axis=0)
    assert np.all(np.isclose(spread, 1.0) | (spread == 0.0))
    raw = real_logistic(name, standardise=False)
    assert raw.smoothness > 3 * problem.smoothness


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"optassay\[data\]"):
        real_logistic("wine")


def test_trial_is_the_rule_run_by_hand(xb):
    plain = small("squares")
    problem = replace(plain, features=xb.array(plain.features), targets=xb.array(plain.targets))
    starts = np.random.default_rng(4).standard_normal((2, 3))
    steps = np.array([[0.05], [0.2], [0.4]])
    found = trial(problem, GradientDescent(xb.array(steps)), xb.array(starts), 3, 4, 60, 9)
    x, rng = np.broadcast_to(starts, (3, 2, 3)), np.random.default_rng(9)
    expected = [plain.suboptimality(x)]
    for _ in range(15):
        x = x - steps[..., None] * plain.batch_gradient(x, rng.integers(0, 12, (2, 4)))
        expected.append(plain.suboptimality(x))
    assert found.calls.tolist() == list(range(0, 61, 4))
    np.testing.assert_allclose(found.suboptimality, expected, rtol=1e-9)


def test_full_batch_has_no_noise_and_many_steps_are_thinned():
    problem = small("squares")
    found = trial(problem, GradientDescent(0.5 / problem.smoothness), np.ones((2, 3)), 1, 12, 12 * 500, 0)
    assert np.all(found.suboptimality[:, 0, 0] == found.suboptimality[:, 0, 1])
    assert 40 <= len(found.calls) <= 42 and found.calls[-1] == 6000
    assert np.all(np.diff(found.suboptimality[:10, 0, 0]) < 0)


def test_divergence_is_infinite():
    problem = small("squares")
    found = trial(problem, GradientDescent(1e6), np.ones((1, 3)), 1, 12, 12 * 100, 0)
    assert found.final[0, 0] == np.inf and logarithm(found.final)[0, 0] == 6.0


def test_variance_reduction_pays_for_its_snapshots():
    problem = small()
    rule = VarianceReduced(GradientDescent(1.0 / problem.smoothness))
    found = trial(problem, rule, np.ones((1, 3)), 1, 2, 100, 0, inner=3)
    # 12 for a snapshot, then 4 a step, three times: 24 a loop.
    assert found.calls.tolist()[:7] == [0, 16, 20, 24, 40, 44, 48]
    long = trial(problem, rule, np.ones((1, 3)), 1, 2, 20000, 0, inner=10)
    noisy = trial(problem, GradientDescent(1.0 / problem.smoothness), np.ones((1, 3)), 1, 2, 20000, 0)
    assert long.final[0, 0] < 1e-12 < 1e-6 < noisy.final[0, 0]


def test_every_grid_has_24_settings_and_builds():
    for name, method in METHODS.items():
        settings = method.settings()
        assert {values.shape for values in settings.values()} == {(24, 1)}, name
        rule = method.build(0.1, **settings)
        assert rule.init(np.zeros((24, 2, 3))) is not None


def test_judging_uses_other_seeds_and_the_best_setting():
    problem = noisy_quadratic(0, 4, 50, 10.0, noise=0.1)
    found = judged_on_new_seeds(problem, ["SGD", "AdaSAM"], 5, 500, 3, 6)
    again = judged_on_new_seeds(problem, ["AdaSAM"], 5, 500, 3, 6)
    assert np.all(again["AdaSAM"].final == found["AdaSAM"].final)
    other = judged_on_new_seeds(problem, ["AdaSAM"], 5, 500, 3, 6, seed=1)
    assert np.all(other["AdaSAM"].final != found["AdaSAM"].final)
    for name, judged in found.items():
        settings = METHODS[name].settings()
        best = int(np.argmin(judged.tuning))
        assert judged.setting == {key: float(v[best, 0]) for key, v in settings.items()}
        assert judged.final.shape == (6,)
        assert judged.final.mean() < 0.5 * (judged.tuning.max() + judged.tuning.min())


def test_paired_intervals():
    rng = np.random.default_rng(5)
    shared = 10 * rng.standard_normal(200)
    a, b = shared + rng.standard_normal(200) + 0.5, shared + rng.standard_normal(200)
    mean, low, high = paired_difference(a, b)
    assert low < mean < high and 0.0 < low < 0.5 < high
    assert high - low == pytest.approx(2 * 1.96 * np.std(a - b) / np.sqrt(200), rel=0.15)
    rows = bootstrap_interval(np.stack([a - b, b - a]))
    np.testing.assert_allclose((rows[0][0], rows[1][0]), (low, high))
    np.testing.assert_allclose(rows[0][1], -high, atol=0.02)


def test_rescaling_leaves_adasam_and_moves_a_constant_penalty():
    found = rescaled_trials(small(), [2.0**-12, 1.0, 2.0**12], 3, 8, 0, 1.0, 1e-2, 1e-1, 0.01, memory=2)
    assert found["AdaSAM"].change.tolist() == [0.0, 0.0, 0.0]
    assert found["SAM, scaled penalty"].change.tolist() == [0.0, 0.0, 0.0]
    for name in ("RAM", "SAM"):
        change = found[name].change
        assert change[1] == 0.0 and change[0] > 1e-3 and change[2] > 1e-3, name


def test_theory_runs_meet_their_conditions():
    rule = conforming_rule(lambda k: 0.1 / (1 + k), 2.0, 0.3)
    for t in (1, 5):
        beta = rule.mixing(t)
        assert beta == 0.1 / t and rule.regularization(t) == 2.0 / beta**2 and rule.damping(t) == beta**0.5
    problem = StochasticQuadratic(np.diag([1.0, 0.5]), np.zeros(2), 0.2)
    start = np.broadcast_to([1.0, -2.0], (4000, 2))
    squares = squared_gradients(problem, rule, start, 3, 4, 0)
    assert squares.shape == (3, 4000) and np.all(squares[0] == 2.0)
    # One step of gradient descent, as there is no column yet: E |G|^2 = |Q (I - beta Q) x|^2 + beta^2 nu^2/n tr(Q^4).
    q = np.array([1.0, 0.5])
    expected = np.sum((q * (1 - 0.1 * q) * [1.0, -2.0]) ** 2) + 0.01 * 0.04 / 4 * np.sum(q**4)
    assert abs(squares[1].mean() - expected) < 4 * squares[1].std() / np.sqrt(4000)


FEATURES, TARGETS = np.ones((3, 2)), np.ones(3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: LinearModel(FEATURES, np.ones(2), "squares"), "features and targets must have shapes"),
        (lambda: LinearModel(FEATURES, TARGETS, "hinge"), "loss must be"),
        (lambda: LinearModel(FEATURES, 2 * TARGETS, "logistic"), "targets must be -1 or 1"),
        (lambda: LinearModel(FEATURES, TARGETS, "squares", -1.0), "l2 must not be negative"),
        (lambda: LinearModel(FEATURES, TARGETS, "squares", scale=0.0), "scale must be positive"),
        (lambda: LinearModel(FEATURES * np.nan, TARGETS, "squares"), "features must be finite"),
        (lambda: noisy_quadratic(0, 5, 4), "count must be at least dim"),
        (lambda: noisy_quadratic(0, condition=0.5), "condition must be at least 1"),
        (lambda: noisy_quadratic(0, noise=-1.0), "noise must not be negative"),
        (lambda: real_logistic("mnist"), "name must be one of"),
        (lambda: trial(small(), AdaSAM(), np.ones((1, 3)), 1, 0, 10, 0), "batch must lie in"),
        (lambda: trial(small(), AdaSAM(), np.ones((1, 3)), 1, 5, 4, 0), "budget must cover one step"),
        (lambda: trial(small(), VarianceReduced(AdaSAM()), np.ones((1, 3)), 1, 5, 99, 0), "inner must be at least 1"),
        (lambda: judged_on_new_seeds(small(), ["Newton"], 3, 30), "method must be one of"),
        (lambda: paired_difference(np.ones(3), np.ones(2)), "must be paired"),
        (lambda: rescaled_trials(small(), [0.0], 1, 1, 0, 1.0, 0.0, 0.0, 0.0), "scales must be positive"),
        (
            lambda: squared_gradients(
                StochasticQuadratic(np.eye(2), np.zeros(2), 1.0),
                conforming_rule(lambda k: 0.1, 1.0, 0.5),
                np.ones(2),
                0,
                1,
                0,
            ),
            "steps and batch must be at least 1",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
