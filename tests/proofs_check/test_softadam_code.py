"""Algorithm 1 and the published code as properties over random hyperparameters and gradients."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optassay.optimizers.softadam import SoftAdam

HYPER = {
    "beta1": st.floats(0.0, 0.99),
    "beta2": st.floats(0.0, 0.9999),
    "epsilon": st.floats(1e-8, 0.5),
}


def path(rule: SoftAdam, grads: np.ndarray) -> np.ndarray:
    theta = np.ones(grads.shape[1])
    state, points = rule.init(theta), []
    for g in grads:
        theta, state = rule.step(theta, g, state)
        points.append(theta)
    return np.stack(points)


def stream(seed: int, n: int, steps: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((steps, n)) * 10 ** rng.uniform(-2, 2, n)


@settings(max_examples=60, deadline=None)
@given(eta=st.floats(0.0, 30.0), n=st.integers(1, 6), seed=st.integers(0, 10**6), **HYPER)
def test_one_tensor_and_nonnegative_eta_agree(eta: float, n: int, seed: int, **hyper: float) -> None:
    grads = stream(seed, n)
    paper, code = (preset(step_size=0.1, eta=eta, **hyper) for preset in (SoftAdam.paper, SoftAdam.published))
    np.testing.assert_allclose(path(paper, grads), path(code, grads), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(eta=st.floats(-0.3, -0.05), n=st.integers(1, 4), seed=st.integers(0, 10**6), **HYPER)
def test_dividers_differ_by_two_eta_r_x_minus_one_for_negative_eta(
    eta: float, n: int, seed: int, **hyper: float
) -> None:
    g = stream(seed, n)[0]
    dividers = []
    for preset in (SoftAdam.paper, SoftAdam.published):
        moved = path(preset(step_size=1.0, eta=eta, **hyper), g[None])[0] - 1.0
        dividers.append(-(1 + eta) * (1 - hyper["beta1"]) * g / moved)
    r = np.sqrt(1 - hyper["beta2"])
    x = np.abs(g) / np.sqrt(np.mean(g * g) + hyper["epsilon"] ** 2)
    np.testing.assert_allclose(dividers[1] - dividers[0], 2 * abs(eta) * r * (x - 1), rtol=1e-6, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(eta=st.floats(0.1, 10.0), seed=st.integers(0, 10**6), **HYPER)
def test_two_tensors_are_two_runs_of_one(eta: float, seed: int, **hyper: float) -> None:
    grads = stream(seed, 5)
    rule = SoftAdam.published(step_size=0.1, eta=eta, **hyper)
    both = path(rule.replace(segments=(2, 3)), grads)
    np.testing.assert_allclose(both[:, :2], path(rule, grads[:, :2]), rtol=1e-12)
    np.testing.assert_allclose(both[:, 2:], path(rule, grads[:, 2:]), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(decay=st.floats(0.0, 1.0), eta=st.floats(0.0, 5.0), seed=st.integers(0, 10**6))
def test_decay_leaves_the_moments_alone_and_scales_with_the_learning_rate(decay: float, eta: float, seed: int) -> None:
    g, theta = stream(seed, 3)[0], np.full(3, 2.0)
    plain, decayed = (SoftAdam.published(step_size=0.1, eta=eta, weight_decay=d) for d in (0.0, decay))
    (a, s), (b, u) = (rule.step(theta, g, rule.init(theta)) for rule in (plain, decayed))
    np.testing.assert_allclose(a - b, 0.1 * decay * theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(s.m, u.m)
    np.testing.assert_array_equal(s.v, u.v)
