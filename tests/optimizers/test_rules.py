"""What holds for every rule: letter of the algorithms, backends, batches, dtypes, purity, and clear errors."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import mpmath
import numpy as np
import pytest

from optassay.arrays import to_numpy
from optassay.optimizers import (
    MSVAG,
    SVAG,
    AdaBelief,
    Adagrad,
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
    RMSprop,
    Rule,
    SignDescent,
    SoftAdam,
    gradient_variance,
)
from optassay.optimizers.variance_adapted import kappa

RULES = {
    "gradient-descent": GradientDescent(0.1, weight_decay=0.1),
    "heavy-ball": Momentum(0.1),
    "ema-nesterov": Momentum(0.1, convention="ema", nesterov=True, weight_decay=0.1),
    "torch-dampening": Momentum(0.1, convention="torch", dampening=0.5),
    "adam": Adam(0.1),
    "adam-inside": Adam(0.1, epsilon_place="inside", debias=False, weight_decay=0.1),
    "adamw": AdamW(0.1),
    "amsgrad": AMSGrad(0.1, beta2=0.5),
    "amsgrad-corrected": AMSGrad(0.1, beta2=0.5, maximum="corrected", epsilon=0.0),
    "rmsprop": RMSprop(0.1),
    "adagrad": Adagrad(0.1, initial=0.1),
    "adabelief": AdaBelief(0.1, weight_decay=0.1),
    "sign": SignDescent(0.1, sign_of_zero=1),
    "m-ssd": MomentumSign.paper(step_size=0.1),
    "m-ssd-published": MomentumSign.published(step_size=0.1, sign_of_zero=1),
    "svag": SVAG.paper(step_size=0.1),
    "svag-published": SVAG.published(step_size=0.1),
    "m-svag": MSVAG.paper(step_size=0.1),
    "m-svag-published": MSVAG.published(step_size=0.1),
    "m-svag-mb": MiniBatchMSVAG.paper(step_size=0.1),
    "m-svag-mb-unbiased": MiniBatchMSVAG(0.1, estimator="unbiased"),
    "adam-star": AdamStar.paper(step_size=0.1),
    "adam-star-mb": MiniBatchAdamStar.paper(step_size=0.1),
    "softadam": SoftAdam.paper(weight_decay=0.1),
    "softadam-published": SoftAdam.published(eta=-0.4, nesterov=True, segments=(3, 1)),
    "softadam-readings": SoftAdam(ratio="plain", relative="plain", epsilon_power=1),
    "adamomentum": AdaMomentum.paper(step_size=0.1),
    "adamomentum-rectified": AdaMomentum.published(step_size=0.1, beta2=0.7, rectify=True, weight_decay=0.1),
    "adamomentum-amsgrad": AdaMomentum.published(step_size=0.1, beta2=0.5, amsgrad=True, decay="l2", weight_decay=0.1),
}
EXAMPLES = 5


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> Rule:
    return RULES[request.param]


def streams(batch: tuple[int, ...], steps: int = 8, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Start (*batch, d) and per-example gradients (steps, *batch, B, d) with zeros at places."""
    rng = np.random.default_rng(seed)
    examples = rng.standard_normal((steps, *batch, EXAMPLES, d))
    examples[rng.random(examples.shape[:-2]) < 0.1] = 0.0
    examples[..., -1] *= rng.random((steps, *batch, 1)) < 0.5
    return rng.standard_normal((*batch, d)), examples


def extra(rule: Rule, examples: Any) -> dict[str, Any]:
    return {"per_example": examples} if isinstance(rule, MiniBatchMSVAG | MiniBatchAdamStar) else {}


def run(rule: Rule, params: Any, examples: Any) -> tuple[list[Any], Any]:
    """All iterates and the last state; the gradient of a step is the mean over its examples."""
    state = rule.init(params)
    rows = []
    for t in range(examples.shape[0]):
        block = examples[t, ...]
        grad = block[..., 0, :]
        for k in range(1, EXAMPLES):
            grad = grad + block[..., k, :]
        params, state = rule.step(params, grad / EXAMPLES, state, **extra(rule, block))
        rows.append(params)
    return rows, state


# ---- the letter of the algorithms: transcriptions in 50 digits, coordinate by coordinate ------------------------


def _literal(name: str, x: list, examples: np.ndarray, alpha: Any, mu: Any) -> list[list]:
    d = len(x)
    m, v, s = [mpmath.mpf(0)] * d, [mpmath.mpf(0)] * d, [mpmath.mpf(0)] * d
    rows = []
    for t, block in enumerate(examples, 1):
        block = [[mpmath.mpf(float(e)) for e in row] for row in block]
        size = len(block)
        x = list(x)
        for i in range(d):
            g = mpmath.fsum(row[i] for row in block) / size
            g2 = mpmath.fsum(row[i] ** 2 for row in block)
            k = (1 - mu ** (2 * t)) * (1 - mu) ** 2 / ((1 - mu**2) * (1 - mu**t) ** 2)
            if name == "m-ssd":
                m[i] = mu * m[i] + g
                x[i] -= alpha * mpmath.sign(m[i])
            elif name in ("m-svag", "adam-star"):
                m[i] = mu * m[i] + (1 - mu) * g
                v[i] = mu * v[i] + (1 - mu) * g**2
                mean, square = m[i] / (1 - mu**t), v[i] / (1 - mu**t)
                if mean == 0:
                    continue
                eta2 = k * (square - mean**2) / mean**2
                x[i] -= alpha * (mean / (1 + eta2) if name == "m-svag" else mpmath.sign(mean) / mpmath.sqrt(1 + eta2))
            else:
                m[i] = mu * m[i] + g
                s[i] = mu**2 * s[i] + (g2 / (size - 1) - g**2) / size
                if m[i] == 0:
                    continue
                eta2 = s[i] / m[i] ** 2
                x[i] -= alpha * (
                    m[i] / (1 + eta2) if name == "m-svag-mb" else mpmath.sign(m[i]) / mpmath.sqrt(1 + eta2)
                )
        rows.append(x)
    return rows


@pytest.mark.parametrize("name", ["m-ssd", "m-svag", "m-svag-mb", "adam-star", "adam-star-mb"])
@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_algorithms_1_to_5_to_the_letter(name: str, mu: float) -> None:
    start, examples = streams((), steps=10, d=3)
    examples[:3, :, 1] = 0.0  # a coordinate that has seen no gradient yet
    ours, _ = run(RULES[name].replace(momentum=mu), start, examples)
    with mpmath.workdps(50):
        literal = _literal(name, [mpmath.mpf(float(e)) for e in start], examples, mpmath.mpf("0.1"), mpmath.mpf(mu))
    np.testing.assert_allclose(np.array(ours), np.array(literal, dtype=float), rtol=0, atol=1e-13)
    assert ours[0][1] == start[1]


@pytest.mark.parametrize("eta", [0.0, 1.0, 10.0, -0.5])
def test_softadam_algorithm_1_to_the_letter(eta: float) -> None:
    start, examples = streams((), steps=10)
    beta1, beta2, eps, alpha = 0.9, 0.8, 0.1, 0.1
    rule = SoftAdam.paper(step_size=alpha, beta1=beta1, beta2=beta2, eta=eta, epsilon=eps)
    ours, _ = run(rule, start, examples)
    theta, m, v = start, np.zeros(4), np.zeros(4)
    for t, block in enumerate(examples, 1):
        g = block.mean(axis=0)
        m = beta1 * m + (1 - beta1) * g
        b = min(beta2, 1 - 1 / t)
        v = b * v + (1 - b) * g**2
        r = np.sqrt((1 - beta2) / (1 - b))
        big_d = 1 + eta - eta * r + eta * r * np.sqrt(v / (np.mean(v) + eps**2))
        theta = theta - m * (alpha * (1 + eta) / big_d)
        np.testing.assert_allclose(ours[t - 1], theta, rtol=0, atol=1e-13)


def test_adamomentum_algorithm_1_to_the_letter() -> None:
    start, examples = streams((), steps=10)
    ours, _ = run(AdaMomentum.paper(step_size=0.1, beta1=0.8, beta2=0.9, epsilon=1e-3), start, examples)
    theta, m, v = start, np.zeros(4), np.zeros(4)
    for t, block in enumerate(examples, 1):
        m = 0.8 * m + (1 - 0.8) * block.mean(axis=0)
        v = 0.9 * v + (1 - 0.9) * m**2 + 1e-3
        theta = theta - 0.1 * (m / (1 - 0.8**t)) / np.sqrt(v / (1 - 0.9**t))
        np.testing.assert_allclose(ours[t - 1], theta, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("mu", "t"), list(itertools.product([0.0, 0.3, 0.9, 0.999], [1, 2, 7, 1000])))
def test_kappa_is_the_sum_of_squared_weights(mu: float, t: int) -> None:
    weights = (mu ** np.arange(t)) / np.sum(mu ** np.arange(t))
    assert kappa(mu, t) == pytest.approx(np.sum(weights**2), rel=1e-10)


def test_gradient_variance_by_enumeration() -> None:
    """Over all draws of B from M the repaired estimate has the mean-gradient's variance as its mean, (44) has not."""
    population, size = np.array([1.0, -2.0, 4.0]), 2
    batches = np.array(list(itertools.product(population, repeat=size)))[..., None]
    truth = np.var(population) / size
    printed, repaired = (gradient_variance(batches, e).mean() for e in ("printed", "unbiased"))
    assert repaired == pytest.approx(truth, rel=1e-14)
    second = np.mean(np.mean(batches, axis=1) ** 2)
    assert printed - repaired == pytest.approx(second / (size * (size - 1)), rel=1e-13)


@pytest.mark.parametrize(("at_zero", "moved"), [(0, 0.0), (1, -0.5)])
def test_sign_of_zero(xb, at_zero: int, moved: float) -> None:
    params, grad = xb.array(np.zeros(3)), xb.array([0.0, 2.0, -3.0])
    for rule in (SignDescent(0.5, sign_of_zero=at_zero), MomentumSign(0.5, sign_of_zero=at_zero)):
        xb.assert_close(rule.step(params, grad, rule.init(params))[0], [moved, -0.5, 0.5])


def test_idealised_svag_uses_exact_mean_and_variance() -> None:
    params, grad = np.zeros(4), np.array([1.0, -2.0, 3.0, 0.5])
    mean, variance = np.array([2.0, 1.0, 0.0, -1.0]), np.array([4.0, 0.0, 1.0, 3.0])
    rule = SVAG(1.0)
    new, _ = rule.step(params, grad, rule.init(params), mean=mean, variance=variance)
    np.testing.assert_allclose(new, -grad * np.array([0.5, 1.0, 0.0, 0.25]), rtol=1e-15)
    # Only one given: the other is estimated; at step 1 the average is the gradient itself.
    new, _ = rule.step(params, grad, rule.init(params), variance=1.0)
    np.testing.assert_allclose(new, -grad * grad**2 / (grad**2 + 1.0), rtol=1e-15)


# ---- backends, batches, dtypes, purity -----------------------------------------------------------------------


def test_same_trajectory_on_every_backend(xb, rule: Rule) -> None:
    start, examples = streams((2,))
    expected, _ = run(rule, start, examples)
    rows, state = run(rule, xb.array(start), xb.array(examples))
    for row, reference in zip(rows, expected, strict=True):
        xb.assert_close(row, reference, rtol=1e-12, atol=1e-14)
    assert state.t == len(examples)


def test_batch_equals_single_runs_bit_for_bit(rule: Rule) -> None:
    start, examples = streams((3, 2))
    rows, state = run(rule, start, examples)
    for index in np.ndindex(3, 2):
        single, last = run(rule, start[index], examples[:, *index])
        assert all(np.array_equal(row[index], one) for row, one in zip(rows, single, strict=True))
        assert all(np.array_equal(a[index], b) for a, b in zip(state[1:], last[1:], strict=True))


def test_grid_of_hyperparameters_equals_single_runs_bit_for_bit(rule: Rule) -> None:
    """Step sizes along one axis, a momentum constant along the other."""
    start, examples = streams((3, 2))
    name = next((n for n in ("beta2", "momentum") if hasattr(rule, n)), None)
    steps, constants = np.array([0.01, 0.1, 0.3])[:, None], np.array([0.37, 0.93])
    rows, _ = run(rule.replace(step_size=steps, **({name: constants} if name else {})), start, examples)
    for i, j in np.ndindex(3, 2):
        one = rule.replace(step_size=float(steps[i, 0]), **({name: float(constants[j])} if name else {}))
        single, _ = run(one, start[i, j], examples[:, i, j])
        assert all(np.array_equal(row[i, j], s) for row, s in zip(rows, single, strict=True))


def test_grid_of_hyperparameters_on_every_backend(xb, rule: Rule) -> None:
    """NumPy arrays and arrays of the backend itself do, and mean the same."""
    start, examples = streams((3, 2))
    name = next((n for n in ("beta2", "momentum") if hasattr(rule, n)), None)
    steps, constants = np.array([0.01, 0.1, 0.3])[:, None], np.array([0.37, 0.93])
    grid = rule.replace(step_size=steps, **({name: constants} if name else {}))
    own = rule.replace(step_size=xb.array(steps), **({name: xb.array(constants)} if name else {}))
    expected, _ = run(grid, start, examples)
    for given in (grid, own):
        rows, _ = run(given, xb.array(start), xb.array(examples))
        xb.assert_close(rows[-1], expected[-1], rtol=1e-11, atol=1e-13)


def test_ten_thousand_runs_over_a_grid_in_one_call() -> None:
    rng = np.random.default_rng(1)
    params = rng.standard_normal((4, 25, 100, 2))
    rule = Adam(np.array([0.001, 0.01, 0.1, 1.0])[:, None, None], beta1=np.linspace(0, 0.96, 25)[:, None])
    state = rule.init(params)
    new, _ = rule.step(params, params, state)
    # The first step of Adam has length step_size in every coordinate, whatever the constants.
    np.testing.assert_allclose(np.abs(new - params).max(axis=(1, 2, 3)), [0.001, 0.01, 0.1, 1.0], rtol=1e-6)
    assert new.shape == (4, 25, 100, 2)


@pytest.mark.parametrize(
    "hyper",
    [0.05, np.float64(0.05), np.full(2, 0.05), lambda t: np.asarray(0.05)],
    ids=["number", "NumPy number", "array", "schedule of 0-d arrays"],
)
def test_float32_is_kept(xb, rule: Rule, hyper: Any) -> None:
    start, examples = streams((2,), steps=2)
    rows, state = run(rule.replace(step_size=hyper), xb.array(start, "float32"), xb.array(examples, "float32"))
    for array in (rows[-1], *state[1:]):
        assert array.dtype == xb.xp.float32
    xb.assert_close(rows[-1], run(rule.replace(step_size=hyper), start, examples)[0][-1], rtol=2e-3, atol=2e-5)


def test_arguments_are_neither_written_nor_kept(xb, rule: Rule) -> None:
    start, examples = streams((2,), steps=3)
    params = xb.array(start)
    state = rule.init(params)
    twin_params, twin = xb.array(start), rule.init(xb.array(start))
    for block in examples:
        grad, given = xb.array(block.mean(axis=-2)), xb.array(block)
        before = [to_numpy(a).copy() for a in (params, grad, given, *state[1:])]
        new_params, new_state = rule.step(params, grad, state, **extra(rule, given))
        after = [to_numpy(a) for a in (params, grad, given, *state[1:])]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        twin_params, twin = rule.step(twin_params, xb.array(block.mean(axis=-2)), twin, **extra(rule, xb.array(block)))
        for array in (params, grad, given):  # the caller reuses its memory
            array[...] = 7.0
        params, state = new_params, new_state
        assert np.array_equal(to_numpy(params), to_numpy(twin_params))
        assert all(np.array_equal(to_numpy(a), to_numpy(b)) for a, b in zip(state[1:], twin[1:], strict=True))


def test_rules_and_states_survive_pickling(rule: Rule) -> None:
    start, examples = streams(())
    _, state = run(rule, start, examples[:4])
    copy, copied = pickle.loads(pickle.dumps((rule, state)))
    grad = examples[5].mean(axis=0)
    assert np.array_equal(
        rule.step(start, grad, state, **extra(rule, examples[5]))[0],
        copy.step(start, grad, copied, **extra(rule, examples[5]))[0],
    )


# ---- policies and errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nonfinite_gradient_raises_with_the_step_number(rule: Rule, value: float) -> None:
    start, examples = streams((2,), steps=3)
    params, state = start, rule.init(start)
    for block in examples[:2]:
        params, state = rule.step(params, block.mean(axis=-2), state, **extra(rule, block))
    grad = examples[2].mean(axis=-2)
    grad[1, 2] = value
    frozen = [a.copy() for a in (params, *state[1:])]
    with pytest.raises(ValueError, match=r"step 3: grad must be finite; 1 of its entries .* first at \(1, 2\)"):
        rule.step(params, grad, state, **extra(rule, examples[2]))
    assert state.t == 2
    assert all(np.array_equal(a, b) for a, b in zip(frozen, (params, *state[1:]), strict=True))


def test_skip_leaves_bad_runs_alone(xb, rule: Rule) -> None:
    rule = rule.replace(nonfinite="skip")
    start, examples = streams((3,), steps=3)
    params = xb.array(start)
    state = rule.init(params)
    params, state = rule.step(params, xb.array(examples[0].mean(axis=-2)), state, **extra(rule, xb.array(examples[0])))
    grad = examples[1].mean(axis=-2)
    good, good_state = rule.step(params, xb.array(grad), state, **extra(rule, xb.array(examples[1])))
    grad[1, 0] = np.nan
    new, new_state = rule.step(params, xb.array(grad), state, **extra(rule, xb.array(examples[1])))
    assert new_state.t == 2
    for result, healthy, old in zip((new, *new_state[1:]), (good, *good_state[1:]), (params, *state[1:]), strict=True):
        result, healthy, old = to_numpy(result), to_numpy(healthy), to_numpy(old)
        assert np.array_equal(result[[0, 2]], healthy[[0, 2]])
        assert np.array_equal(result[1], old[1])


def test_skip_of_a_single_run_and_of_bad_extra_arguments() -> None:
    rule = MiniBatchMSVAG(0.1, nonfinite="skip")
    params = np.ones(2)
    state = rule.init(params)
    new, new_state = rule.step(params, np.array([np.nan, 1.0]), state, per_example=np.ones((3, 2)))
    assert np.array_equal(new, params) and np.array_equal(new_state.m, state.m) and new_state.t == 1
    examples = np.ones((2, 3, 2))
    examples[0, 1, 1] = np.inf
    params = np.ones((2, 2))
    new, new_state = rule.step(params, params, rule.init(params), per_example=examples)
    assert np.array_equal(new[0], params[0]) and np.all(new[1] != params[1])
    assert np.all(np.isfinite(new_state.s))


def test_propagate_harms_one_run_only(rule: Rule) -> None:
    rule = rule.replace(nonfinite="propagate")
    start, examples = streams((2,), steps=2)
    healthy, _ = run(rule, start[1], examples[:, 1])
    examples[0, 0] = np.nan
    rows, _ = run(rule, start, examples)
    assert np.all(np.isnan(rows[-1][0]))
    assert np.array_equal(rows[-1][1], healthy[-1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Adam(-1.0), r"step_size must lie in \[0, inf\), got -1.0"),
        (lambda: Adam(beta1=1.0), r"beta1 must lie in \[0, 1\), got 1.0"),
        (lambda: Adam(beta2=np.array([0.9, 1.2])), r"beta2 must lie in \[0, 1\)"),
        (lambda: Adam(epsilon=float("nan")), r"epsilon must lie in \[0, inf\), got nan"),
        (lambda: Momentum(momentum=1.1), r"momentum must lie in \[0, 1\]"),
        (lambda: MSVAG(momentum=1.0), r"momentum must lie in \[0, 1\)"),
        (lambda: SoftAdam(eta=float("inf")), r"eta must lie in \(-inf, inf\)"),
        (lambda: Momentum(convention="polyak"), "convention must be one of 'heavy-ball', 'ema', 'torch', got 'polyak'"),
        (lambda: Momentum(dampening=0.5), "dampening needs convention 'torch', got 'heavy-ball'"),
        (lambda: Momentum(convention="torch", dampening=0.5, nesterov=True), "nesterov needs dampening 0, got 0.5"),
        (lambda: SignDescent(sign_of_zero=2), "sign_of_zero must be one of 0, 1, got 2"),
        (lambda: SoftAdam(segments=(2, 0)), r"segments must be positive lengths, got \(2, 0\)"),
        (lambda: SoftAdam(segments=(2, 1)).init(np.ones(4)), r"segments must add up to .* 4, got \(2, 1\)"),
        (lambda: AdaMomentum(decay="L2"), "decay must be one of 'decoupled', 'fixed', 'l2', got 'L2'"),
        (lambda: Adam(nonfinite="ignore"), "nonfinite must be one of 'raise', 'skip', 'propagate', got 'ignore'"),
        (lambda: gradient_variance(np.ones((1, 2))), r"at least two examples, got \(1, 2\)"),
        (lambda: gradient_variance(np.ones((3, 2)), "biased"), "estimator must be one of"),
        (lambda: Adam().init(np.ones(())), "params must have at least one axis"),
        (lambda: Adam().init(np.array([1.0, np.nan])), "params must be finite"),
    ],
)
def test_bad_values(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Adam("fast"), "step_size must be a number, an array or a schedule, got 'fast'"),
        (lambda: Adam(None), "step_size must be a number, an array or a schedule, got None"),
        (lambda: Adam(lr=0.1), "unexpected keyword argument 'lr'"),
        (lambda: Adam().init(np.ones(3, dtype=int)), "params must be real floating, got int64"),
        (lambda: Adam().init([1.0, 2.0]), "params must be an array .* not list"),
        (lambda: Adam().init(np.ones(2, dtype=complex)), "params must hold real numbers"),
    ],
)
def test_bad_types(build: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        build()


def test_bad_arguments_of_step(rule: Rule) -> None:
    params, examples = streams((2,), steps=1)
    state = rule.init(params)
    extras = extra(rule, examples[0])
    with pytest.raises(ValueError, match=r"grad must have the shape of params \(2, 4\), got \(4,\)"):
        rule.step(params, np.ones(4), state, **extras)
    with pytest.raises(TypeError, match=r"grad must have the dtype of params \(float64\), got float32"):
        rule.step(params, params.astype(np.float32), state, **extras)
    with pytest.raises(TypeError, match="grad must hold real numbers, not complex128"):
        rule.step(params, params.astype(complex), state, **extras)
    with pytest.raises(TypeError, match="unexpected keyword argument 'curvature'"):
        rule.step(params, params, state, curvature=1.0, **extras)
    with pytest.raises(TypeError, match=r"state must be the .*State of .*, got NoneType"):
        rule.step(params, params, None, **extras)
    foreign = Adam().init(params) if rule.state_type() is not type(Adam().init(params)) else RMSprop().init(params)
    with pytest.raises(TypeError, match=r"state must be the .*State of .*, got .*State"):
        rule.step(params, params, foreign, **extras)
    if len(state) > 1:
        with pytest.raises(ValueError, match=rf"state\.{state._fields[1]} must have the shape of params \(2, 4\)"):
            rule.step(params, params, rule.init(np.ones(4)), **extras)
        with pytest.raises(TypeError, match=rf"state\.{state._fields[1]} must have the dtype of params"):
            rule.step(params, params, type(state)(0, *(a.astype(np.float32) for a in state[1:])), **extras)


def test_hyperparameters_that_do_not_fit_the_batch() -> None:
    params = np.ones(3)
    rule = Adam(np.array([0.1, 0.2, 0.3]))
    with pytest.raises(ValueError, match=r"broadcast to the batch axes of params, \(\), but the step has \(3,\)"):
        rule.step(params, params, rule.init(params))


def test_bad_extra_arguments() -> None:
    params = np.ones((2, 3))
    rule = MiniBatchMSVAG()
    state = rule.init(params)
    with pytest.raises(TypeError, match="needs exactly one of per_example and variance"):
        rule.step(params, params, state)
    with pytest.raises(TypeError, match="needs exactly one of per_example and variance"):
        rule.step(params, params, state, variance=params, per_example=np.ones((2, 4, 3)))
    with pytest.raises(ValueError, match=r"per_example must have shape \(2, 4, 3\), got \(4, 3\)"):
        rule.step(params, params, state, per_example=np.ones((4, 3)))
    with pytest.raises(ValueError, match="at least two examples"):
        rule.step(params, params, state, per_example=np.ones((2, 1, 3)))
    with pytest.raises(ValueError, match="step 1: per_example must be finite"):
        rule.step(params, params, state, per_example=np.full((2, 4, 3), np.nan))
    svag = SVAG()
    with pytest.raises(ValueError, match=r"variance must lie in \[0, inf\), got the smallest entry -2"):
        svag.step(params, params, svag.init(params), variance=np.array([1.0, -2.0, 0.0]))
    with pytest.raises(ValueError, match=r"mean must have shape \(2, 3\), got \(2, 4\)"):
        svag.step(params, params, svag.init(params), mean=np.ones((2, 4)))
    with pytest.raises(TypeError, match="variance must be an array"):
        svag.step(params, params, svag.init(params), variance=[1.0])


@pytest.mark.torch
def test_torch_inputs_that_are_refused() -> None:
    torch = pytest.importorskip("torch")
    params = torch.ones(3, dtype=torch.float64)
    rule = Adam()
    with pytest.raises(TypeError, match="grad must be dense"):
        rule.step(params, params.to_sparse(), rule.init(params))
    with pytest.raises(TypeError, match="different namespaces"):
        rule.step(params, np.ones(3), rule.init(params))
