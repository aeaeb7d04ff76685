"""Reductions between rules and bounds on their steps, over arbitrary gradient streams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optassay.optimizers import (
    MSVAG,
    SVAG,
    Adam,
    AdaMomentum,
    AdamStar,
    AdamW,
    AMSGrad,
    GradientDescent,
    MiniBatchAdamStar,
    MiniBatchMSVAG,
    Momentum,
    MomentumSign,
    Rule,
    SignDescent,
    SoftAdam,
)

SETTINGS = settings(max_examples=60, deadline=None)

# Magnitudes whose squares neither overflow nor underflow, after twelve steps of decay either, and exact zeros.
ENTRIES = st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.floats(-1e6, -1e-6))
STREAMS = st.integers(1, 12).flatmap(lambda steps: arrays(np.float64, (steps, 3), elements=ENTRIES))
CONSTANTS = st.one_of(st.just(0.0), st.floats(0.01, 0.99))
START = np.array([1.0, -2.0, 0.5])


def path(rule: Rule, gradients: np.ndarray) -> np.ndarray:
    params, state = START, rule.init(START)
    rows = [params]
    for grad in gradients:
        params, state = rule.step(params, grad, state)
        rows.append(params)
    return np.stack(rows)


def close(actual: np.ndarray, expected: np.ndarray, rtol: float = 1e-9) -> None:
    """Paths agree up to rounding of their largest entry."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


@SETTINGS
@given(STREAMS, CONSTANTS, CONSTANTS, st.booleans())
def test_softadam_at_eta_zero_is_averaged_momentum(gradients, beta1, beta2, nesterov) -> None:
    soft = SoftAdam(0.1, beta1, beta2, eta=0.0, nesterov=nesterov)
    momentum = Momentum(0.1, beta1, convention="ema", nesterov=nesterov)
    assert np.array_equal(path(soft, gradients), path(momentum, gradients))


@SETTINGS
@given(STREAMS, CONSTANTS)
def test_averaged_momentum_is_heavy_ball_with_a_smaller_step(gradients, beta) -> None:
    ema = Momentum(0.1, beta, convention="ema")
    close(path(ema, gradients), path(Momentum(0.1 * (1.0 - beta), beta), gradients))


@SETTINGS
@given(STREAMS, CONSTANTS, st.floats(-0.9, 20.0))
def test_softadam_on_one_element_tensors_is_averaged_momentum(gradients, beta1, eta) -> None:
    """v / mean(v) = 1 there, whatever eta: exactly, once epsilon is negligible and a gradient was seen."""
    gradients = np.where(gradients == 0, 1.0, gradients)
    soft = SoftAdam(0.1, beta1, eta=eta, epsilon=0.0, segments=(1, 1, 1))
    close(path(soft, gradients), path(Momentum(0.1, beta1, convention="ema"), gradients))


@SETTINGS
@given(STREAMS, CONSTANTS, st.sampled_from([0.0, 1e-8, 0.1]))
def test_adamomentum_at_beta1_zero_is_adam_with_epsilon_inside_the_root(gradients, beta2, epsilon) -> None:
    """Epsilon in the state adds up to ``epsilon (1 - beta_2^t) / (1 - beta_2)``: Adam's with epsilon / (1 - beta_2)."""
    ours = path(AdaMomentum(0.1, 0.0, beta2, epsilon), gradients)
    adam = Adam(0.1, 0.0, beta2, epsilon / (1.0 - beta2), epsilon_place="inside")
    close(ours, path(adam, gradients))


@SETTINGS
@given(STREAMS)
def test_adaptive_methods_without_memory_are_sign_descent(gradients) -> None:
    close(path(AdaMomentum(0.1, 0.0, 0.0, 0.0), gradients), path(SignDescent(0.1), gradients))
    close(path(Adam(0.1, 0.0, 0.0, 0.0), gradients), path(SignDescent(0.1), gradients))


@SETTINGS
@given(STREAMS, CONSTANTS)
def test_adam_is_algorithm_4_without_kappa(gradients, mu) -> None:
    close(path(Adam(0.1, mu, mu, 0.0), gradients), path(AdamStar(0.1, mu, correct=False), gradients))


@SETTINGS
@given(STREAMS)
def test_variance_adaptation_without_memory_is_plain(gradients) -> None:
    descent, signs = path(GradientDescent(0.1), gradients), path(SignDescent(0.1), gradients)
    for rule in (MSVAG, SVAG):
        assert np.array_equal(path(rule.paper(step_size=0.1, momentum=0.0), gradients), descent)
        assert np.array_equal(path(rule.published(step_size=0.1, momentum=0.0), gradients), descent)
    assert np.array_equal(path(Momentum(0.1, 0.0), gradients), descent)
    assert np.array_equal(path(MomentumSign(0.1, 0.0), gradients), signs)
    assert np.array_equal(path(MomentumSign.published(step_size=0.1, momentum=0.0), gradients), signs)
    assert np.array_equal(path(AdamStar(0.1, 0.0), gradients), signs)


@SETTINGS
@given(STREAMS, CONSTANTS)
def test_no_variance_means_no_adaptation(gradients, mu) -> None:
    """Equal examples: algorithms 3 and 5 are heavy-ball momentum and M-SSD, with the unbiased estimate."""
    for adapted, plain in ((MiniBatchMSVAG, Momentum), (MiniBatchAdamStar, MomentumSign)):
        rule = adapted(0.1, mu, estimator="unbiased")
        params, state = START, rule.init(START)
        rows = [params]
        for grad in gradients:
            # Four equal examples have this mean exactly.
            params, state = rule.step(params, grad, state, per_example=np.broadcast_to(grad, (4, 3)))
            rows.append(params)
        close(np.stack(rows), path(plain(0.1, mu), gradients))


@SETTINGS
@given(STREAMS, CONSTANTS)
def test_msvag_moves_within_the_average(gradients, mu) -> None:
    """0 <= gamma <= 1 up to rounding: no coordinate moves farther than the bias-corrected average, or against it."""
    for rule in (MSVAG.paper(step_size=1.0, momentum=mu), MSVAG.published(step_size=1.0, momentum=mu)):
        state = rule.init(START)
        for grad in gradients:
            new, state = rule.step(np.zeros(3), grad, state)
            mean = state.m / (1.0 - mu**state.t)
            assert np.all(np.abs(new) <= np.abs(mean) * (1.0 + 1e-9))
            assert np.all(new * mean <= 0.0)


@SETTINGS
@given(STREAMS, CONSTANTS, CONSTANTS, st.sampled_from(["raw", "corrected"]), st.booleans())
def test_amsgrad_never_steps_farther_than_adam(gradients, beta1, beta2, maximum, debias) -> None:
    ams = AMSGrad(0.1, beta1, beta2, maximum=maximum, debias=debias)
    adam = Adam(0.1, beta1, beta2, debias=debias)
    state, other = ams.init(START), adam.init(START)
    for grad in gradients:
        previous = state.v_max
        bounded, state = ams.step(np.zeros(3), grad, state)
        free, other = adam.step(np.zeros(3), grad, other)
        assert np.all(state.v_max >= previous)
        assert np.all(np.abs(bounded) <= np.abs(free))
        assert np.array_equal(state.v, other.v)


@SETTINGS
@given(st.floats(1e-3, 1e3), st.integers(1, 20), CONSTANTS, CONSTANTS)
def test_amsgrad_is_adam_on_growing_gradients(scale, steps, beta1, beta2) -> None:
    gradients = scale * np.arange(1.0, steps + 1.0)[:, None] * np.array([1.0, -2.0, 0.5])
    assert np.array_equal(path(AMSGrad(0.1, beta1, beta2), gradients), path(Adam(0.1, beta1, beta2), gradients))


@SETTINGS
@given(STREAMS, CONSTANTS, CONSTANTS, st.floats(0.0, 1.0))
def test_adamw_is_adam_at_zero_decay_and_on_zero_gradients_a_contraction(gradients, beta1, beta2, decay) -> None:
    assert np.array_equal(
        path(AdamW(0.1, beta1, beta2, weight_decay=0.0), gradients), path(Adam(0.1, beta1, beta2), gradients)
    )
    zeros = path(AdamW(0.1, beta1, beta2, weight_decay=decay), np.zeros((5, 3)))
    np.testing.assert_allclose(zeros, START * (1.0 - 0.1 * decay) ** np.arange(6.0)[:, None], rtol=1e-13)


@SETTINGS
@given(STREAMS, CONSTANTS, st.sampled_from([2.0**-8, 2.0**9]))
def test_scale_of_the_gradients(gradients, mu, scale) -> None:
    """Sign methods and Adam do not see it, M-SVAG is proportional to it: exactly, for powers of two and epsilon = 0."""
    for rule in (MomentumSign(0.1, mu), AdamStar(0.1, mu), Adam(0.1, mu, mu, 0.0), AdaMomentum(0.1, mu, mu, 0.0)):
        assert np.array_equal(path(rule, scale * gradients), path(rule, gradients))
    for rule in (MSVAG(1.0, mu), SVAG(1.0, mu), SoftAdam(1.0, mu, epsilon=0.0)):
        state, scaled = rule.init(START), rule.init(START)
        for grad in gradients:
            small, state = rule.step(np.zeros(3), grad, state)
            large, scaled = rule.step(np.zeros(3), scale * grad, scaled)
            assert np.array_equal(large, scale * small)


@SETTINGS
@given(STREAMS, st.sampled_from(["MSVAG", "Adam", "AdaMomentum", "AdamStar"]))
def test_a_run_does_not_see_its_neighbours(gradients, name) -> None:
    rule = {"MSVAG": MSVAG(0.1), "Adam": Adam(0.1), "AdaMomentum": AdaMomentum(0.1), "AdamStar": AdamStar(0.1)}[name]
    pair = np.stack([gradients, gradients[::-1]], axis=1)
    params = np.stack([START, START])
    state = rule.init(params)
    for grad in pair:
        params, state = rule.step(params, grad, state)
    assert np.array_equal(params[0], path(rule, gradients)[-1])
    assert np.array_equal(params[1], path(rule, gradients[::-1])[-1])


def test_the_comparisons_can_fail() -> None:
    """Negative control: with a constant slightly off, each kind of comparison reports it."""
    gradients = np.array([[1.0, -2.0, 0.5], [0.3, 0.1, -4.0], [2.0, 1.0, 1.0]])
    with pytest.raises(AssertionError):
        close(path(Adam(0.1, 0.9, 0.9, 0.0), gradients), path(AdamStar(0.1, 0.9, correct=True), gradients))
    with pytest.raises(AssertionError):
        close(path(SoftAdam(0.1, eta=1e-3), gradients), path(Momentum(0.1, convention="ema"), gradients))
    with pytest.raises(AssertionError):
        adam = Adam(0.1, 0.0, 0.9, 0.1, epsilon_place="inside")
        close(path(AdaMomentum(0.1, 0.0, 0.9, 0.1), gradients), path(adam, gradients))
    assert not np.array_equal(path(AMSGrad(0.1, 0.9, 0.5), gradients[::-1]), path(Adam(0.1, 0.9, 0.5), gradients[::-1]))
