"""Schedules of hyperparameters."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from optassay.optimizers import Constant, Cosine, GradientDescent, InverseSqrt, Momentum, StepDrops, WarmUp


def test_values() -> None:
    assert [Constant(0.5)(t) for t in (1, 9)] == [0.5, 0.5]
    assert [StepDrops(1.0, (2, 4), factor=0.5)(t) for t in range(1, 7)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [InverseSqrt(3.0)(t) for t in (1, 4, 9)] == [3.0, 1.5, 1.0]
    cosine = Cosine(2.0, 8, final=1.0)
    assert [cosine(t) for t in (1, 5, 9, 100)] == pytest.approx([2.0, 1.5, 1.0, 1.0], rel=1e-15)
    assert all(cosine(t) > cosine(t + 1) for t in range(1, 9))
    assert [WarmUp(0.8, 4)(t) for t in (1, 2, 4, 5)] == pytest.approx([0.2, 0.4, 0.8, 0.8])
    assert WarmUp(InverseSqrt(1.0), 4)(2) == pytest.approx(0.5 / math.sqrt(2))
    assert WarmUp(InverseSqrt(1.0), 4)(9) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "schedule",
    [Constant(0.1), StepDrops(0.1, (2,)), InverseSqrt(0.1), Cosine(0.1, 5), WarmUp(0.1, 3), WarmUp(Cosine(0.1, 9), 2)],
    ids=lambda s: type(s).__name__,
)
def test_a_schedule_is_the_number_it_gives_at_each_step(schedule) -> None:
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((8, 3))
    params = other = np.ones(3)
    rule = Momentum(schedule)
    state = same = rule.init(params)
    for t, grad in enumerate(gradients, 1):
        params, state = rule.step(params, grad, state)
        other, same = rule.replace(step_size=float(schedule(t))).step(other, grad, same)
        assert np.array_equal(params, other)
    assert pickle.loads(pickle.dumps(schedule))(3) == schedule(3)


def test_arrays_over_runs_and_any_callable(xb) -> None:
    steps = np.array([0.1, 0.2])
    rule = GradientDescent(WarmUp(Cosine(xb.array(steps), 10), 5))
    params = xb.array(np.ones((2, 3)))
    grad = xb.array(np.ones((2, 3)))
    new, _ = rule.step(params, grad, rule.init(params))
    xb.assert_close(new, 1.0 - np.broadcast_to(steps[:, None] / 5, (2, 3)))
    new, _ = GradientDescent(lambda t: 0.5 / t).step(params, grad, rule.init(params))
    xb.assert_close(new, np.full((2, 3), 0.5))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: StepDrops(0.1, (5, 5)), "after must be increasing"),
        (lambda: StepDrops(0.1, (0,)), "after must be increasing positive steps"),
        (lambda: Cosine(0.1, 0), "steps must be at least 1, got 0"),
        (lambda: WarmUp(0.1, 0), "steps must be at least 1"),
        (lambda: Constant(math.nan), "initial must be finite"),
        (lambda: InverseSqrt(np.array([1.0, math.inf])), "initial must be finite"),
        (lambda: InverseSqrt(1.0)(0), "t must be at least 1, got 0"),
    ],
)
def test_bad_arguments(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_a_schedule_that_leaves_the_domain_is_named_with_its_step() -> None:
    rule = Momentum(0.1, momentum=lambda t: 1.5 if t == 2 else 0.9)
    params = np.ones(2)
    params, state = rule.step(params, params, rule.init(params))
    with pytest.raises(ValueError, match=r"step 2: momentum must lie in \[0, 1\], its schedule gave 1.5"):
        rule.step(params, params, state)
