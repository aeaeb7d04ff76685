"""Compiled rounds against the same rounds one by one, and what cannot be compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from optassay._compiler import compiler
from optassay.arrays import context
from optassay.optimizers import (
    AdaBelief,
    Adam,
    AdaMomentum,
    AMSGrad,
    GradientDescent,
    InverseSqrt,
    Momentum,
    RMSprop,
    Rule,
)
from optassay.rounds import Rounds, _run

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler")
BATCH = (2, 5)
B1, B2 = np.linspace(0.0, 0.9, 5), np.array([[0.1], [0.99]])
SHARED: dict[str, Any] = {"step_size": InverseSqrt(0.3), "beta1": B1, "beta2": B2, "nonfinite": "propagate"}
RULES: dict[str, Rule] = {
    "Adam": Adam(**SHARED, epsilon=0.0, debias=False),
    "AMSGrad": AMSGrad(**SHARED, debias=False),
    "AdaMomentum": AdaMomentum(**SHARED, epsilon=0.0, debias=False),
    "running maximum": AdaMomentum(**SHARED, epsilon=0.0, debias=False, amsgrad=True),
    "wide schedule": AdaMomentum(InverseSqrt(B2), lambda t: B1 / t, B2, 0.0, debias=False, nonfinite="propagate"),
    "gradient descent": GradientDescent(0.05, nonfinite="propagate"),
    "momentum": Momentum(InverseSqrt(0.1), 0.9, nonfinite="propagate"),
    "RMSprop": RMSprop(0.01, 0.9, nonfinite="propagate"),
}


class Carry(NamedTuple):
    x: Any
    state: Any
    total: Any
    nothing: None = None


def play(rule: Rule, t: Any, carry: Carry) -> Carry:
    """A quadratic whose target has period three, clipped; every kind of reduction and of constant takes part."""
    x = carry.x
    ctx = context(x=x)
    xp = ctx.xp
    target = ctx.asarray(np.array([1.0, -2.0, 0.5])) * (1.0, -1.0, 3.0)[t % 3]
    gradient = xp.where(x > target, ctx.ones(x.shape), xp.zeros_like(x)) + 0.5 * (x - target) ** 2 * xp.sign(x)
    after, state = rule.step(x, gradient, carry.state)
    inside = xp.astype(xp.all(xp.abs(after) <= 2.0, axis=-1) & ~xp.any(x == 0.0, axis=-1), ctx.dtype)
    norm = xp.sqrt(xp.sum(after * after, axis=-1, keepdims=True))
    return Carry(xp.clip(after, -2.0, 2.0), state, carry.total + inside + norm[..., 0] / t)


def start(rule: Rule) -> Carry:
    x = np.random.default_rng(3).uniform(-2.0, 2.0, (*BATCH, 3))
    return Carry(x, rule.init(x), np.zeros(BATCH))


def both(rule: Rule, cuts: tuple[int, ...] = (40,), body: Any = play) -> tuple[Rounds, Any, Any]:
    loop, direct = Rounds(body, rule, BATCH, 10**9), Rounds(body, rule, BATCH, 0)
    found, expected, first = start(rule), start(rule), 1
    for last in cuts:
        found, expected = loop.run(found, first, last), direct.run(expected, first, last)
        first = last + 1
    assert not direct.compiled
    return loop, found, expected


def leaves(tree: Any) -> list[Any]:
    return [leaf for value in tree for leaf in leaves(value)] if isinstance(tree, tuple) else [tree]


@needs_compiler
@pytest.mark.parametrize("name", RULES)
def test_compiled_rounds_are_the_rounds_bit_for_bit(name: str) -> None:
    loop, found, expected = both(RULES[name], (1, 7, 50))
    assert loop.compiled
    assert type(found.state) is type(expected.state)
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)
        assert type(a) is type(b)


@needs_compiler
@pytest.mark.parametrize("rule", [Adam(**SHARED), Adam(0.01, nonfinite="propagate"), AdaBelief(**SHARED)])
def test_bias_correction_takes_powers_of_the_round(rule: Rule) -> None:
    loop, found, expected = both(rule)
    assert loop.compiled
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-9)


@needs_compiler
def test_history_is_the_carry_after_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "AT_ONCE", 4)
    rule = RULES["running maximum"]
    trails = []
    for count in (10**9, 0):
        loop = Rounds(play, rule, BATCH, count)
        carry = loop.run(start(rule), 1, 3)
        after, seen = loop.history(carry, 4, 14)
        trails.append(seen)
        assert loop.compiled is (count > 0)
        one_by_one = Rounds(play, rule, BATCH, 0)
        for k, t in enumerate(range(4, 15)):
            carry = one_by_one.run(carry, t, t)
            for a, b in zip(leaves(seen), leaves(carry), strict=True):
                np.testing.assert_array_equal(a[k] if b is not None else a, b)
        for a, b in zip(leaves(after), leaves(carry), strict=True):
            np.testing.assert_array_equal(a, b)
    assert type(trails[0].state) is type(trails[1].state)
    np.testing.assert_array_equal(trails[0].state.t, np.arange(4, 15))


@needs_compiler
def test_more_rounds_than_a_call_and_more_lanes_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "AT_ONCE", 7)
    rule = RULES["AdaMomentum"].replace(beta1=0.5, beta2=0.9, step_size=lambda t: np.arange(1.0, 2502.0) / t)
    x = np.random.default_rng(0).uniform(-2.0, 2.0, (2501, 3))
    carry = Carry(x, rule.init(x), np.zeros(2501))
    results = [Rounds(play, rule, (2501,), count).run(carry, 1, 23) for count in (10**9, 0)]
    np.testing.assert_array_equal(results[0].x, results[1].x)
    np.testing.assert_array_equal(results[0].total, results[1].total)


@needs_compiler
def test_single_run_without_batch_axes() -> None:
    rule = Adam(InverseSqrt(0.3), epsilon=0.0, debias=False, nonfinite="propagate")
    x = np.array([0.3, -0.2, 1.5])
    results = []
    for count in (10**9, 0):
        loop = Rounds(play, rule, (), count)
        results.append(loop.run(Carry(x, rule.init(x), np.zeros(())), 1, 30))
        assert loop.compiled is (count > 0)
    np.testing.assert_array_equal(results[0].x, results[1].x)
    assert results[0].state.t == 30
    np.testing.assert_array_equal(x, [0.3, -0.2, 1.5])  # arguments are left alone


@needs_compiler
def test_special_numbers_are_numpys() -> None:
    """Every function on infinities, NaN and zeros, one round each."""

    class Special(NamedTuple):
        x: Any
        y: Any
        found: Any

    def body(rule: Rule, t: Any, carry: Special) -> Special:
        x, y = carry.x, carry.y
        xp = context(x=x).xp
        conditions = (x < y, x <= y, x > y, x >= y, x == y, x != y, xp.isnan(x), xp.isinf(x), xp.isfinite(x))
        either = xp.logical_or(xp.logical_and(x > 0, y > 0), xp.logical_not(x == y))
        numbers = (xp.sqrt(x), xp.abs(x), xp.sign(x), -x, xp.square(x), x**2, x**3.0, x + y, x - y, x * y, x / y,
                   xp.maximum(x, y), xp.minimum(x, y), xp.where(x < y, x, 1.0), xp.clip(x, -1.0, None))  # fmt: skip
        found = carry.found
        for k, value in enumerate((*numbers, *(xp.astype(c, x.dtype) for c in (*conditions, either)))):
            place = found * 0.0 + xp.asarray(np.eye(25)[k])
            found = xp.where(place > 0, found * 0.0 + value[..., None], found)
        return Special(x, y, found)

    numbers = np.array([np.nan, np.inf, -np.inf, 0.0, 1.5, -2.0, 1e-310, 1e300])
    x, y = (axis.ravel() for axis in np.meshgrid(numbers, numbers))
    start = Special(x, y, np.zeros((64, 25)))
    rule = GradientDescent(0.1, nonfinite="propagate")
    with np.errstate(all="ignore"):
        results = [Rounds(body, rule, (64,), count) for count in (10**9, 0)]
        found, expected = (loop.run(start, 1, 1).found for loop in results)
    assert results[0].compiled
    assert np.isnan(expected).any() and np.isinf(expected).any()
    np.testing.assert_array_equal(found, expected)


def _branch_on_entry(rule: Rule, t: Any, carry: Carry) -> Carry:
    return play(rule, t, carry) if bool(context(x=carry.x).xp.all(carry.x < 5)) else carry


def _branch_on_round(rule: Rule, t: Any, carry: Carry) -> Carry:
    return play(rule, t, carry)._replace(total=carry.total + (1.0 if t > 5 else 2.0))


def _mixes_runs(rule: Rule, t: Any, carry: Carry) -> Carry:
    return play(rule, t, carry)._replace(total=carry.total + context(x=carry.x).xp.sum(carry.x, axis=0)[..., 0])


def _arithmetic_of_round(rule: Rule, t: Any, carry: Carry) -> Carry:
    return play(rule, t, carry)._replace(total=carry.total + 2.0 * t)


def _slices_runs(rule: Rule, t: Any, carry: Carry) -> Carry:
    return play(rule, t, carry)._replace(total=carry.total + carry.total[..., :1])


def _other_function(rule: Rule, t: Any, carry: Carry) -> Carry:
    xp = context(x=carry.x).xp
    return play(rule, t, carry)._replace(x=xp.sort(carry.x, axis=-1))


def _long_period(rule: Rule, t: Any, carry: Carry) -> Carry:
    return play(rule, t, carry)._replace(total=carry.total + float(1 if t % 101 else 3))


@needs_compiler
@pytest.mark.parametrize(("rounds", "compiled"), [(10**9, True), (4000, False)])
def test_a_period_is_recorded_where_the_rounds_are_many_more(rounds: int, compiled: bool) -> None:
    rule = RULES["Adam"]
    loop = Rounds(_long_period, rule, BATCH, rounds)
    loop.run(start(rule), 1, 2)
    assert loop.compiled is compiled


@pytest.mark.parametrize(
    "body",
    [_branch_on_entry, _branch_on_round, _arithmetic_of_round, _mixes_runs, _slices_runs, _other_function],
    ids=lambda b: b.__name__,
)
def test_what_cannot_be_recorded_runs_round_by_round(body: Any) -> None:
    loop, found, expected = both(RULES["Adam"], (12,), body)
    assert not loop.compiled
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.total, expected.total)


def test_few_rounds_and_other_libraries_are_not_compiled(xb: Any) -> None:
    rule = Adam(0.1, nonfinite="propagate")
    x = xb.array(np.full((2, 3), 0.5))
    loop = Rounds(play, rule, (2,), 10**9)
    out = loop.run(Carry(x, rule.init(x), context(x=x).zeros((2,))), 1, 3)
    assert context(x=out.x).xp is context(x=x).xp
    assert loop.compiled is (type(x) is np.ndarray and compiler() is not None)
    few = Rounds(play, rule, (2,), 10)
    few.run(Carry(x, rule.init(x), context(x=x).zeros((2,))), 1, 3)
    assert not few.compiled


def test_an_error_of_the_body_is_not_swallowed() -> None:
    def broken(rule: Rule, t: Any, carry: Carry) -> Carry:
        return carry._replace(x=rule.no_such_name)  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="no_such_name"):
        both(RULES["Adam"], (5,), broken)


@needs_compiler
def test_a_schedule_that_leaves_its_domain_is_named_with_its_step() -> None:
    rule = RULES["Adam"].replace(beta1=lambda t: 0.5 if t < 9 else 1.5)
    with pytest.raises(ValueError, match=r"step 9: beta1 must lie in \[0, 1\)"):
        both(rule)


@needs_compiler
def test_a_carry_of_another_round_is_refused() -> None:
    loop, found, _ = both(RULES["Adam"])
    with pytest.raises(ValueError, match="must be that before round 3"):
        loop.run(found, 3, 5)


def test_without_a_compiler_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "build", lambda *_: None)
    loop, found, expected = both(RULES["Adam"], (9,))
    assert not loop.compiled
    np.testing.assert_array_equal(found.x, expected.x)
