"""Critical gradients and critical momenta: published trajectories, an independent buffer, reductions, batches."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optassay.arrays import Context, context
from optassay.optimizers import (
    Adam,
    AdamCriticalGradients,
    AdamCriticalMomenta,
    AdaMomentum,
    AdamW,
    AMSGrad,
    Momentum,
    RMSprop,
    RMSpropCriticalGradients,
    SGDCriticalGradients,
    SGDCriticalMomenta,
    StepDrops,
    _buffer,
)

RECORD = json.loads((Path(__file__).parent / "data" / "open_loop.json").read_text())
CASES = {case["name"]: case for case in RECORD["cases"] if case["name"].startswith("CM.")}
KINDS = {
    "Adam_CM": AdamCriticalMomenta,
    "Adam_C": AdamCriticalGradients,
    "SGD_C": SGDCriticalGradients,
    "RMSprop_C": RMSpropCriticalGradients,
}
SEGMENTS = tuple(math.prod(shape) for shape in RECORD["shapes"])


def published(case: dict[str, Any]) -> Any:
    hyper = dict(case["hyper"])
    values = {"step_size": hyper.pop("lr"), "capacity": hyper.pop("topC"), "decay": hyper.pop("decay")}
    if "betas" in hyper:
        values["beta1"], values["beta2"] = hyper.pop("betas")
    if "alpha" in hyper:
        values["beta2"] = hyper.pop("alpha")
    if "eps" in hyper:
        values["epsilon"] = hyper.pop("eps")
    if not hyper.pop("synced", True):
        values["scope"] = "tensor"
    if hyper.pop("critical_test", 0.0) == 1.0:
        values["replace_slot"] = "first"
    kind = KINDS[case["name"].split("/")[0].removeprefix("CM.")]
    return kind.published(segments=SEGMENTS, **values, **hyper)


def run(rule: Any, start: Any, gradients: Any) -> tuple[Any, Any]:
    params, state, rows = start, rule.init(start), []
    for grad in gradients:
        params, state = rule.step(params, grad, state)
        rows.append(params)
    return rows, state


def test_every_recorded_case_is_compared():
    assert len(CASES) == 17


@pytest.mark.parametrize("name", CASES)
def test_published_trajectories_and_keys(name):
    case = CASES[name]
    rule = published(case)
    params = np.array(RECORD["theta0"])
    state = rule.init(params)
    for t, grad in enumerate(np.array(RECORD["streams"][case["stream"]])):
        params, state = rule.step(params, grad, state)
        np.testing.assert_allclose(params, case["theta"][t], rtol=0, atol=1e-10)
        keys = np.atleast_2d(state.buffer.keys)
        size = case["aux"][t]["size"]
        assert np.all(state.buffer.fill == size)
        np.testing.assert_allclose(keys[0, :size], case["aux"][t]["keys"][:size], rtol=1e-12)
        np.testing.assert_allclose(keys[-1, :size], case["aux"][t]["keys_last_tensor"][:size], rtol=1e-12)


def test_a_case_of_another_option_does_not_agree():
    """Control: each recorded option changes the trajectory, so that agreement means something."""
    base = CASES["CM.Adam_CM/topC=3,decay=0.7"]
    gradients = np.array(RECORD["streams"]["A"])
    rows, _ = run(published(base), np.array(RECORD["theta0"]), gradients)
    for change in (
        {"mean": "capacity"},
        {"start": "momentum"},
        {"order": "insert"},
        {"key": "momentum"},
        {"scope": "tensor"},
        {"decayed": "values"},
        {"square": "corrected"},
        {"replace_slot": "first"},
    ):
        others, _ = run(published(base).replace(**change), np.array(RECORD["theta0"]), gradients)
        assert np.max(np.abs(np.array(others) - np.array(rows))) > 1e-6, change


class ListBuffer:
    """Independent buffer: Python lists, one pair at a time, every sum formed afresh."""

    def __init__(self, rule: Any) -> None:
        self.rule, self.pairs = rule, []

    def offer(self, key: float, value: np.ndarray) -> None:
        rule = self.rule
        if len(self.pairs) < rule.capacity:
            self.pairs.append((key, value))
        elif rule.capacity:
            keys = [k for k, _ in self.pairs]
            place = 0 if rule.replace_slot == "first" else keys.index(min(keys))
            better = key > keys[place] if rule.strict else key >= keys[place]
            if better or rule.replace_slot == "first":
                self.pairs[place] = (key, value)
        self.shrink()

    def shrink(self) -> None:
        a, b = (self.rule.decay, 1.0) if self.rule.decayed == "keys" else (1.0, self.rule.decay)
        self.pairs = [(a * k, b * v) for k, v in self.pairs]

    def mean(self, d: int) -> np.ndarray:
        count = self.rule.capacity if self.rule.mean == "capacity" else len(self.pairs)
        return sum((v for _, v in self.pairs), np.zeros(d)) / max(count, 1)


def literal(rule: Any, start: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Algorithm 1, or (4) and (8), line by line."""
    adam = isinstance(rule, AdamCriticalMomenta)
    beta = rule.beta1 if adam else rule.momentum
    theta, m, v, buffer, rows = start.copy(), np.zeros(start.size), np.zeros(start.size), ListBuffer(rule), []
    for t, g in enumerate(gradients, start=1):
        m = beta * m + (1.0 if not adam and rule.convention == "heavy-ball" else 1 - beta) * g
        stored = m
        if t == 1 and rule.start == "gradient":
            m, stored = np.zeros(start.size), g
        key = math.sqrt(sum(x * x for x in (g if rule.key == "gradient" else m)))
        if rule.order == "insert":
            buffer.offer(key, stored)
        aggregate = m + buffer.mean(start.size)
        if rule.order == "aggregate":
            buffer.offer(key, stored)
        if adam:
            v = rule.beta2 * v + (1 - rule.beta2) * aggregate**2
            m_hat, v_hat = aggregate / (1 - beta**t), v / (1 - rule.beta2**t)
            theta = theta - rule.step_size * m_hat / (np.sqrt(v_hat) + rule.epsilon)
        else:
            theta = theta - rule.step_size * aggregate
        rows.append(theta)
    return np.array(rows)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from([SGDCriticalMomenta, AdamCriticalMomenta]),
    capacity=st.integers(0, 4),
    decay=st.sampled_from([1e-300, 0.5, 0.99, 1.0]),
    options=st.fixed_dictionaries(
        {
            "mean": st.sampled_from(["capacity", "fill"]),
            "order": st.sampled_from(["aggregate", "insert"]),
            "strict": st.booleans(),
            "replace_slot": st.sampled_from(["smallest", "first"]),
            "decayed": st.sampled_from(["keys", "values"]),
            "key": st.sampled_from(["gradient", "momentum"]),
            "start": st.sampled_from(["momentum", "gradient"]),
        }
    ),
    seed=st.integers(0, 2**31),
)
def test_rules_agree_with_the_letter_for_every_reading(kind, capacity, decay, options, seed):
    """Small integers, so that keys tie and gradients vanish."""
    rng = np.random.default_rng(seed)
    gradients = rng.integers(-1, 2, size=(15, 2)).astype(float)
    if options["key"] == "momentum":
        gradients += rng.standard_normal((15, 2))  # ties of rounded norms are decided by the last bit
    rule = kind(0.1, capacity=capacity, decay=decay, **options)
    start = np.array([0.3, -0.2])
    rows, _ = run(rule, start, gradients)
    np.testing.assert_allclose(np.array(rows), literal(rule, start, gradients), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "plain"),
    [
        (AdamCriticalGradients(0.1, capacity=0, weight_decay=0.1), Adam(0.1, weight_decay=0.1)),
        (AdamCriticalGradients(0.1, beta2=0.5, capacity=0, amsgrad=True), AMSGrad(0.1, beta2=0.5)),
        (RMSpropCriticalGradients(0.1, capacity=0), RMSprop(0.1)),
        (SGDCriticalGradients(0.1, 0.5, capacity=0), Momentum(0.1, 0.5, convention="torch")),
        (SGDCriticalMomenta(0.1, capacity=0), Momentum(0.1, convention="ema")),
        (SGDCriticalMomenta(0.1, capacity=0, convention="heavy-ball"), Momentum(0.1)),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_without_a_buffer_the_plain_rule_remains_bit_for_bit(rule, plain):
    gradients = np.random.default_rng(1).standard_normal((20, 3))
    start = np.array([1.0, -2.0, 0.5])
    np.testing.assert_array_equal(run(rule, start, gradients)[0], run(plain, start, gradients)[0])


def test_adam_with_critical_momenta_and_no_buffer_is_adamomentum_not_adam():
    """Eq. (5) averages the square of the momentum, so that the buffer is not all that separates it from Adam."""
    gradients = np.random.default_rng(1).standard_normal((20, 3))
    rule = AdamCriticalMomenta(0.1, epsilon=0.0, capacity=0, weight_decay=0.1)
    rows = np.array(run(rule, np.ones(3), gradients)[0])
    other = AdaMomentum(0.1, epsilon=0.0, weight_decay=0.1, decay="decoupled")
    np.testing.assert_allclose(rows, run(other, np.ones(3), gradients)[0], rtol=1e-12)
    adam = run(AdamW(0.1, epsilon=0.0, weight_decay=0.1), np.ones(3), gradients)[0]
    assert np.max(np.abs(rows - np.array(adam))) > 0.5


def test_a_capacity_that_is_never_reached_does_not_matter():
    gradients = np.random.default_rng(2).standard_normal((12, 3))
    rows = [np.array(run(AdamCriticalMomenta.published(capacity=c), np.zeros(3), gradients)[0]) for c in (12, 13, 40)]
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-12)
    np.testing.assert_allclose(rows[0], rows[2], rtol=1e-12)


def test_fast_decay_keeps_the_last_momenta_as_section_3_2_assumes():
    """With keys that fade at once the buffer holds m_{t-1}, ..., m_{t-C}: the linear recursion of section 3.2."""
    h, capacity, alpha, beta = np.array([1.0, 3.0]), 3, 0.05, 0.8
    rule = SGDCriticalMomenta(alpha, beta, capacity=capacity, decay=1e-6, convention="heavy-ball")
    theta = expected = np.array([1.0, -1.0])
    state, m, past = rule.init(theta), np.zeros(2), []
    for _ in range(30):
        theta, state = rule.step(theta, h * theta, state)
        m = beta * m + h * expected
        expected = expected - alpha * (m + sum(past[-capacity:], np.zeros(2)) / capacity)
        past.append(m)
        np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-15)


def test_published_first_step_moves_nothing_and_stores_the_raw_gradient():
    rule = AdamCriticalMomenta.published(step_size=0.1)
    start, grad = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    params, state = rule.step(start, grad, rule.init(start))
    np.testing.assert_array_equal(params, start)
    np.testing.assert_array_equal(state.m, 0.0)
    np.testing.assert_array_equal(state.buffer.values[0], grad)
    np.testing.assert_allclose(state.buffer.keys[0], 0.7 * 5.0)
    assert state.t == 1


def sum_error(values: np.ndarray, slots: np.ndarray, refresh: bool) -> float:
    """Error of the kept sum after all exchanges, relative to the largest stored number."""
    rows = [np.zeros(2) for _ in range(7)]
    total = np.zeros(2)
    for t, (value, slot) in enumerate(zip(values, slots, strict=True), start=1):
        total = _buffer.exchange(total, rows[slot], value)
        rows[slot] = value
        if refresh and _buffer.is_refresh(t, 7):
            total = _buffer.exact_total(rows)
    exact = np.array([math.fsum(column) for column in zip(*rows, strict=True)])
    return float(np.max(np.abs(total - exact)) / np.max(np.abs(rows)))


def test_the_sum_does_not_drift_over_1e5_insertions():
    rng = np.random.default_rng(3)
    values, slots = rng.standard_normal((100_000, 2)), rng.integers(0, 7, size=100_000)
    values[:1000] *= 1e8  # rounding errors of early giants, which later values must not inherit
    assert sum_error(values, slots, refresh=True) < 30 * 2.0**-53
    assert sum_error(values, slots, refresh=False) > 1e4 * 2.0**-53  # control: without fresh sums they stay


def test_insert_keeps_the_sum_the_same_way():
    values = np.random.default_rng(3).standard_normal((500, 1))
    values[:100] *= 1e8
    ctx = context(values=values)
    buffer = _buffer.empty(ctx, values[0], 7, None)
    for t, value in enumerate(values, start=1):
        buffer = _buffer.insert(ctx, buffer, np.asarray(float(t)), value, t, decay=1.0)
        if t % 7 == 0:
            np.testing.assert_array_equal(buffer.total, _buffer.exact_total(buffer.values))
    assert abs(float(buffer.total[0]) - math.fsum(float(row[0]) for row in buffer.values)) < 1e-13


def test_a_key_that_is_no_number_is_stored_while_there_is_room_and_blocks_a_full_buffer():
    """As the published code: argmin finds the NaN, and nothing exceeds it."""
    ctx = Context(array_api_compat.array_namespace(np.zeros(1)), "cpu", np.float64)
    infinite = -math.inf
    for keys, key, slot in (
        ([1.0, infinite], math.nan, 1),
        ([1.0, math.nan], 5.0, 2),
        ([2.0, 1.0], math.nan, 2),
        ([1.0, 1.0], 2.0, 0),
        ([2.0, 1.0], 1.0, 2),
    ):
        assert int(_buffer.find_slot(ctx, np.array(keys), np.asarray(key), strict=True, first=False)) == slot


RULES = {
    "adam-cm": AdamCriticalMomenta(0.1, capacity=3),
    "adam-cm-published": AdamCriticalMomenta.published(step_size=0.1, capacity=3, segments=(1, 2), amsgrad=True),
    "adam-cm-tensor": AdamCriticalMomenta.published(step_size=0.1, capacity=2, segments=(1, 2), scope="tensor"),
    "adam-cm-letter": AdamCriticalMomenta(
        0.1, capacity=2, order="insert", key="momentum", strict=False, decayed="values", square="corrected"
    ),
    "adam-cg": AdamCriticalGradients(StepDrops(0.1, after=(5,)), capacity=3, weight_decay=0.1),
    "adam-cg-first": AdamCriticalGradients.published(step_size=0.1, capacity=2, replace_slot="first"),
    "rmsprop-cg": RMSpropCriticalGradients.published(step_size=0.1, capacity=2),
    "sgd-cg": SGDCriticalGradients.published(step_size=0.1, momentum=0.5, capacity=2, weight_decay=0.1),
    "sgd-cm": SGDCriticalMomenta(0.1, capacity=3, weight_decay=0.1),
    "sgd-cm-heavy": SGDCriticalMomenta.published(step_size=0.1, capacity=1, convention="heavy-ball"),
}
EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


@EACH_RULE
def test_backends_agree_and_keep_namespace_device_and_dtype(xb, rule):
    gradients = np.random.default_rng(5).standard_normal((12, 4, 3))
    start = np.random.default_rng(6).standard_normal((4, 3))
    expected, _ = run(rule, start, gradients)
    rows, state = run(rule, xb.array(start), [xb.array(g) for g in gradients])
    for row, other in zip(rows, expected, strict=True):
        xb.assert_close(row, other, rtol=1e-12, atol=1e-13)
    rows, state = run(rule, xb.array(start, "float32"), [xb.array(g, "float32") for g in gradients])
    for array in leaves((rows[-1], state)):
        assert array.dtype == xb.xp.float32
        assert array_api_compat.device(array) == xb.device


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, tuple):
        return list(itertools.chain.from_iterable(leaves(entry) for entry in tree))
    return [tree] if array_api_compat.is_array_api_obj(tree) else []


@EACH_RULE
def test_a_batch_equals_its_runs_one_by_one_bit_for_bit(rule):
    rng = np.random.default_rng(7)
    gradients, start = rng.standard_normal((25, 3, 2, 3)), rng.standard_normal((3, 2, 3))
    decay = np.array([[0.3, 0.7], [0.9, 0.99], [0.5, 1.0]])
    grid = rule.replace(decay=decay, weight_decay=decay / 10)
    rows, state = run(grid, start, gradients)
    for i, j in itertools.product(range(3), range(2)):
        one = rule.replace(decay=float(decay[i, j]), weight_decay=float(decay[i, j]) / 10)
        alone, own = run(one, start[i, j], gradients[:, i, j])
        np.testing.assert_array_equal(np.array(rows)[:, i, j], np.array(alone))
        for array, other in zip(leaves(state), leaves(own), strict=True):
            np.testing.assert_array_equal(array[i, j], other)


@EACH_RULE
def test_steps_are_pure_and_keep_nothing_of_the_caller(rule):
    rng = np.random.default_rng(8)
    params, state = rng.standard_normal(3), rule.init(np.zeros(3))
    for _ in range(6):
        grad = rng.standard_normal(3)
        before = [array.copy() for array in (params, grad, *leaves(state))]
        first = rule.step(params, grad, state)
        for array, copy in zip((params, grad, *leaves(state)), before, strict=True):
            np.testing.assert_array_equal(array, copy)
        grad[:], params[:] = np.nan, np.nan
        for array in leaves(first):
            assert np.all(np.isfinite(array) | (array == -np.inf))
        params, state = first


def test_a_skipped_run_keeps_its_buffer():
    rule = AdamCriticalMomenta(0.1, capacity=2, nonfinite="skip")
    start = np.ones((2, 2))
    params, state = rule.step(start, np.ones((2, 2)), rule.init(start))
    bad = np.array([[np.nan, 1.0], [2.0, 2.0]])
    after, new = rule.step(params, bad, state)
    np.testing.assert_array_equal(after[0], params[0])
    np.testing.assert_array_equal(new.buffer.keys[0], state.buffer.keys[0])
    assert new.buffer.fill.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: AdamCriticalMomenta(capacity=-1), ValueError, r"capacity must lie in \[0, inf\), got -1"),
        (lambda: AdamCriticalMomenta(capacity=2.5), TypeError, "capacity must be an integer, got 2.5"),
        (lambda: AdamCriticalMomenta(decay=0.0), ValueError, r"decay must lie in \(0, 1\], got 0.0"),
        (lambda: SGDCriticalMomenta(decay=1.5), ValueError, r"decay must lie in \(0, 1\], got 1.5"),
        (lambda: SGDCriticalMomenta(momentum=-0.1), ValueError, r"momentum must lie in \[0, 1\], got -0.1"),
        (lambda: AdamCriticalMomenta(order="sideways"), ValueError, "order must be one of 'aggregate', 'insert'"),
        (lambda: AdamCriticalMomenta(scope="tensor"), ValueError, "scope 'tensor' needs segments"),
        (lambda: AdamCriticalMomenta(segments=(2, 0)), ValueError, "segments must be positive lengths"),
        (lambda: AdamCriticalMomenta(segments=(2, 2)).init(np.ones(3)), ValueError, "segments must sum to the 3"),
    ],
)
def test_bad_hyperparameters_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_state_of_another_capacity_or_shape_is_refused():
    rule, start = AdamCriticalMomenta(capacity=3), np.zeros(2)
    with pytest.raises(ValueError, match="a buffer of capacity 3, the rule has 2"):
        rule.replace(capacity=2).step(start, start, rule.init(start))
    with pytest.raises(ValueError, match="shape of params"):
        rule.step(np.zeros(3), np.zeros(3), rule.init(start))
