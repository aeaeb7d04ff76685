"""Anderson mixing: published trajectories, direct transcriptions, reductions, GMRES, the check (14), batches."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optassay.arrays import context
from optassay.optimizers import (
    Adagrad,
    Adam,
    AdaSAM,
    AndersonMixing,
    GradientDescent,
    Momentum,
    PreconditionedAdaSAM,
    RegularizedAnderson,
    RMSprop,
    StochasticAnderson,
    _gram,
    _projection,
    _streams,
)

RECORD = json.loads((Path(__file__).parent / "data" / "open_loop.json").read_text())
CASES = {case["name"]: case for case in RECORD["cases"] if "AdaSAM" in case["name"]}


def published(case: dict[str, Any]) -> Any:
    hyper, inner = case["hyper"], case["hyper"]["inner_hyper"]
    decay = inner.get("weight_decay", 0.0)
    rules = {
        "SGD": Momentum(inner["lr"], inner.get("momentum", 0.0), convention="torch", weight_decay=decay),
        "Adam": Adam(inner["lr"], weight_decay=decay),
        "RMSprop": RMSprop(inner["lr"], weight_decay=decay),
        "Adagrad": Adagrad(inner["lr"], weight_decay=decay),
    }
    kind = AdaSAM if case["name"].startswith("AdaSAM") else PreconditionedAdaSAM
    return kind.published(
        rules[hyper["inner"]],
        memory=hyper["hist_length"],
        period=hyper["period"],
        c1=hyper["damp"],
        average=hyper["gamma"],
        damping=hyper["alpha"],
        mixing=hyper["beta"],
    )


def run(rule: Any, start: Any, gradients: Any) -> tuple[list[Any], list[Any]]:
    params, state, rows, states = start, rule.init(start), [], []
    for grad in gradients:
        params, state = rule.step(params, grad(params) if callable(grad) else grad, state)
        rows.append(params)
        states.append(state)
    return rows, states


def test_every_recorded_case_is_compared():
    assert len(CASES) == 19


def decided_steps(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Steps before the first whose check ``(x_new - x)' r > 0`` rounding decides.

    The coefficients carry an error of about ``m eps kappa(Z)`` relative to their size, and the move that times the
    lengths of what they multiply. Closer to zero than ten times that, two codes may branch apart.
    """
    found: list[Any] = []
    solve = _projection.from_pseudoinverse

    def spied(ctx: Any, z: np.ndarray, rhs: np.ndarray, cut: float) -> Any:
        projection = solve(ctx, z, rhs, cut)
        found[:] = [z, projection.coefficients]
        return projection

    monkeypatch.setattr(_projection, "from_pseudoinverse", spied)
    rule = published(case)
    params = np.array(RECORD["theta0"])
    state = rule.init(params)
    for grad in np.array(RECORD["streams"][case["stream"]]):
        found.clear()
        free, mixed = rule.replace(descent=None).step(params, grad, state)
        if found:
            z, gamma = found
            values = np.linalg.svd(z, compute_uv=False)
            kappa = values[0] / np.min(values[values > 1e-15 * values[0]])  # of what the published cut-off keeps
            r = -(grad + rule.weight_decay * params)
            lengths = sum(np.linalg.norm(np.stack(v), axis=-1) for v in (mixed.history.x, mixed.history.r))
            size = np.linalg.norm(r) + lengths @ np.abs(gamma)
            bound = 10 * len(gamma) * np.finfo(float).eps * kappa * np.linalg.norm(r) * size
            if abs((free - params) @ r) <= bound:
                break
        params, state = rule.step(params, grad, state)
    monkeypatch.undo()
    return state.t


@pytest.mark.parametrize("name", CASES)
def test_published_trajectories_and_rejections(name, monkeypatch):
    case = CASES[name]
    steps = min(decided_steps(case, monkeypatch), case.get("well_posed_steps") or RECORD["steps"])
    # With 10 and 20 columns of 7 numbers the exact move of step 7 has no component along r at all.
    assert steps == (6 if case["hyper"]["hist_length"] >= 10 else RECORD["steps"])
    rows, states = run(published(case), np.array(RECORD["theta0"]), np.array(RECORD["streams"][case["stream"]]))
    np.testing.assert_allclose(rows[:steps], case["theta"][:steps], rtol=0, atol=1e-10)
    assert [int(state.rejected) for state in states[:steps]] == case["rejected"][:steps]


@pytest.mark.parametrize(
    "change",
    [
        {"average": 0.5},
        {"c1": 0.1},
        {"descent": None},
        {"positivity": 0.5, "solver": "gram"},
        {"restart": 3},
        {"weight_decay": 0.1},
        {"damping": 0.9},
        {"mixing": 0.5},
        {"memory": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_options_do_not_agree(change):
    """Control of the comparison with the records."""
    case = CASES["AdaSAM/base"]
    gradients = np.array(RECORD["streams"][case["stream"]])
    rows, _ = run(published(case).replace(**change), np.array(RECORD["theta0"]), gradients)
    assert np.max(np.abs(np.array(rows) - case["theta"])) > 1e-4


# --- direct transcription ---------------------------------------------------------------------------------------


def transcription(rule: Any, start: np.ndarray, gradients: Any) -> np.ndarray:
    """(3)-(12), (16): columns in the order of time, the least squares problem of (5), (10) or (11) by SVD."""
    x, xs, rs, rows = start, [], [], []
    for k, grad in enumerate(gradients):
        r = -(grad(x) if callable(grad) else grad)
        xs.append(x)
        rs.append(r)
        m_k = min(rule.memory, k)
        if m_k == 0:
            x = x + rule.mixing * r
        else:
            big_x = np.stack([xs[j + 1] - xs[j] for j in range(k - m_k, k)], axis=1)
            big_r = np.stack([rs[j + 1] - rs[j] for j in range(k - m_k, k)], axis=1)
            if isinstance(rule, AndersonMixing):
                gamma = np.linalg.lstsq(big_r, r, rcond=None)[0]
            else:
                if isinstance(rule, AdaSAM):
                    step = xs[k] - xs[k - 1]
                    delta = max(rule.c1 * r @ r / (step @ step + rule.epsilon), rule.c2 / rule.mixing**2)
                else:
                    delta = rule.regularization
                extra = np.eye(m_k) if isinstance(rule, RegularizedAnderson) else big_x
                stacked = np.concatenate([big_r, np.sqrt(delta) * extra])
                gamma = np.linalg.lstsq(stacked, np.concatenate([r, np.zeros(len(extra))]), rcond=None)[0]
            x = x + rule.mixing * r - rule.damping * (big_x + rule.mixing * big_r) @ gamma
        rows.append(x)
    return np.array(rows)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from([AndersonMixing, RegularizedAnderson, StochasticAnderson, AdaSAM]),
    memory=st.integers(1, 4),
    dimension=st.integers(5, 9),
    mixing=st.floats(0.1, 2.0),
    damping=st.floats(0.0, 1.5),
    solver=st.sampled_from(["gram", "factors"]),
    seed=st.integers(0, 2**31),
)
def test_rules_agree_with_a_direct_transcription(kind, memory, dimension, mixing, damping, solver, seed):
    options: dict[str, Any] = {
        AndersonMixing: {},
        RegularizedAnderson: {"regularization": 0.3},
        StochasticAnderson: {"regularization": 0.3, "positivity": None},
        AdaSAM: {"c1": 0.2, "c2": 0.05, "positivity": None},
    }[kind]
    rng = np.random.default_rng(seed)
    gradients, start = rng.standard_normal((9, dimension)), rng.standard_normal(dimension)
    rule = kind(memory, mixing, damping, solver=solver, **options)
    expected = transcription(rule, start, gradients)
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(run(rule, start, gradients)[0], expected, rtol=0, atol=1e-8 * scale)


def quadratic(dimension: int, seed: int, condition: float = 20.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
    a = q @ np.diag(np.geomspace(1.0, condition, dimension)) @ q.T
    return a, rng.standard_normal(dimension), rng.standard_normal(dimension)


@pytest.mark.parametrize("solver", ["factors", "gram"])
def test_projected_residual_on_a_quadratic_is_that_of_gmres(solver):
    """Full memory: r_bar_k is the smallest residual over x_0 + K_k, found here by least squares over the powers."""
    d, beta = 10, 0.07
    a, b, start = quadratic(d, 1)
    rows, _ = run(AndersonMixing(d, beta, solver=solver), start, [lambda x: a @ x - b] * d)
    residual = b - a @ start
    for k in range(1, d - 2):
        # x_{k+1} = x_bar + beta r_bar and r is affine: r_bar = (I - beta A)^-1 r(x_{k+1}).
        r_bar = np.linalg.solve(np.eye(d) - beta * a, b - a @ rows[k])
        basis = np.linalg.qr(np.stack([np.linalg.matrix_power(a, j) @ residual for j in range(k)], axis=1))[0]
        best = residual - a @ basis @ np.linalg.lstsq(a @ basis, residual, rcond=None)[0]
        np.testing.assert_allclose(r_bar, best, rtol=0, atol=1e-7 * np.linalg.norm(residual))
    plain = np.linalg.norm(b - a @ transcription(AndersonMixing(1, beta, 0.0), start, [lambda x: a @ x - b] * d)[-1])
    assert np.linalg.norm(best) < 0.25 * plain  # control: gradient descent is far behind


# --- reductions -------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), memory=st.integers(1, 5), mixing=st.floats(0.01, 2.0))
def test_reductions(seed, memory, mixing):
    rng = np.random.default_rng(seed)
    gradients, start = rng.standard_normal((8, 6)), rng.standard_normal(6)
    am = np.array(run(AndersonMixing(memory, mixing), start, gradients)[0])
    scale = np.max(np.abs(am)) + 1.0

    def close(rule: Any, expected: Any, tolerance: float) -> None:
        np.testing.assert_allclose(run(rule, start, gradients)[0], expected, rtol=0, atol=tolerance * scale)

    close(RegularizedAnderson(memory, mixing, regularization=0.0), am, 1e-12)
    close(RegularizedAnderson(memory, mixing, regularization=1e-13), am, 1e-6)
    close(StochasticAnderson(memory, mixing, regularization=0.0, positivity=None, solver="factors"), am, 1e-12)
    close(AdaSAM(memory, mixing, c1=0.0, positivity=None, solver="factors"), am, 1e-12)
    descent = np.array(run(GradientDescent(mixing), start, gradients)[0])
    close(StochasticAnderson(memory, mixing, damping=0.0), descent, 1e-13)
    close(RegularizedAnderson(memory, mixing, regularization=1e12), descent, 1e-9)
    close(PreconditionedAdaSAM(GradientDescent(mixing), memory=memory, mixing=mixing, c1=0.3),
          run(AdaSAM(memory, mixing, c1=0.3, positivity=None), start, gradients)[0], 1e-9)  # fmt: skip


def test_memory_one_is_the_secant_formula():
    """AM(1): Gamma = r'dr / dr'dr."""
    a, b, start = quadratic(4, 3)
    rows, _ = run(AndersonMixing(1, 0.1), start, [lambda x: a @ x - b] * 8)
    x0, x1 = start, start + 0.1 * (b - a @ start)
    for row in rows[1:]:
        r0, r1 = b - a @ x0, b - a @ x1
        gamma = r1 @ (r1 - r0) / ((r1 - r0) @ (r1 - r0))
        x0, x1 = x1, x1 + 0.1 * r1 - ((x1 - x0) + 0.1 * (r1 - r0)) * gamma
        np.testing.assert_allclose(row, x1, rtol=1e-10)


def test_restart_is_a_fresh_start():
    a, b, start = quadratic(6, 4)
    fn = lambda x: a @ x - b  # noqa: E731
    rows, _ = run(AndersonMixing(3, 0.05, restart=3), start, [fn] * 7)
    # Steps 2, 3, 4 know one, two, three columns; step 5 starts again from its last difference alone.
    fresh, _ = run(AndersonMixing(1, 0.05), rows[2], [fn] * 2)
    previous = rows[2]
    r0, r1 = b - a @ previous, b - a @ rows[3]
    gamma = r1 @ (r1 - r0) / ((r1 - r0) @ (r1 - r0))
    expected = rows[3] + 0.05 * r1 - ((rows[3] - previous) + 0.05 * (r1 - r0)) * gamma
    np.testing.assert_allclose(rows[4], expected, rtol=1e-10)
    assert np.max(np.abs(fresh[1] - rows[4])) > 1e-6  # control: another pair of points


@pytest.mark.parametrize("solver", ["gram", "factors"])
def test_rank_deficient_histories_stay_finite_and_harmless(solver):
    """Equal gradients give R = 0; a repeated point gives dX = dR = 0."""
    start, grad = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    for rule in (
        AndersonMixing(3, 0.1, solver=solver),
        RegularizedAnderson(3, 0.1, solver=solver),
        AdaSAM(3, 0.1, solver=solver),
        StochasticAnderson(3, 0.1, regularization=0.0, solver=solver),
    ):
        rows, _ = run(rule, start, [grad] * 6)
        np.testing.assert_allclose(np.array(rows), start - 0.1 * np.arange(1, 7)[:, None] * grad, rtol=1e-9)
        rows, _ = run(rule, start, [0.0 * grad] * 6)
        np.testing.assert_array_equal(np.array(rows), np.tile(start, (6, 1)))


def test_factors_survive_condition_numbers_that_the_gram_matrix_squares_away():
    rng = np.random.default_rng(5)
    left = np.linalg.qr(rng.standard_normal((40, 4)))[0]
    mix = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    errors = {}
    for condition in (1e3, 1e10):
        r_columns = left @ np.diag(np.geomspace(1.0, 1.0 / condition, 4)) @ mix
        r = left @ np.ones(4)
        ctx = context(r=r)
        history = _gram.empty(ctx, r, 4)._replace(r=tuple(r_columns.T))
        exact = mix.T @ np.geomspace(1.0, condition, 4)
        gram = _projection.from_gram(ctx, r_columns.T @ r_columns, r_columns.T @ r).coefficients
        factors = _projection.from_factors(ctx, history, None, False, r).coefficients
        errors[condition] = [float(np.linalg.norm(r_columns @ (found - exact))) for found in (gram, factors)]
    assert max(errors[1e3]) < 1e-8
    assert errors[1e10][1] < 1e-5
    assert errors[1e10][0] > 0.5  # control: the Gram matrix has lost the small directions


# --- batches, backends, purity, errors --------------------------------------------------------------------------

RULES = {
    "am": AndersonMixing(3, 0.1),
    "am-gram-restart": AndersonMixing(3, 0.1, solver="gram", restart=4, damping=0.7),
    "ram": RegularizedAnderson(3, 0.1, regularization=1e-3),
    "sam": StochasticAnderson(3, 0.1, regularization=1e-2),
    "sam-factors": StochasticAnderson(2, 0.1, regularization=1e-2, solver="factors"),
    "adasam": AdaSAM(3, 0.1, c2=1e-3, period=2, average=0.5, weight_decay=0.01),
    "adasam-published": AdaSAM.published(Momentum(0.1, 0.5, convention="torch"), memory=2),
    "padasam-adam": PreconditionedAdaSAM.adam(0.1, memory=2),
    "padasam-published": PreconditionedAdaSAM.published(Adam(0.1), memory=2, period=2),
    "adagrad-adasam": PreconditionedAdaSAM.adagrad(0.1, memory=2, descent=0.0),
    "rmsprop-adasam": PreconditionedAdaSAM.rmsprop(0.1, memory=2, period=2),
}
EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, tuple):
        return list(itertools.chain.from_iterable(leaves(entry) for entry in tree))
    return [tree] if array_api_compat.is_array_api_obj(tree) else []


@EACH_RULE
def test_backends_agree_and_keep_namespace_device_and_dtype(xb, rule):
    rng = np.random.default_rng(8)
    gradients, start = rng.standard_normal((8, 3, 7)), rng.standard_normal((3, 7))
    expected, _ = run(rule, start, gradients)
    rows, _ = run(rule, xb.array(start), [xb.array(g) for g in gradients])
    for row, other in zip(rows, expected, strict=True):
        xb.assert_close(row, other, rtol=1e-8, atol=1e-9)
    rows, states = run(rule, xb.array(start, "float32"), [xb.array(g, "float32") for g in gradients])
    for array in leaves((rows[-1], states[-1])):
        assert array.dtype in (xb.xp.float32, xb.xp.int64)
        assert array_api_compat.device(array) == xb.device


@EACH_RULE
@pytest.mark.parametrize("dimension", [2, 7, _gram.BLOCK + 5, _streams.LONG + 5])
def test_a_batch_equals_its_runs_one_by_one_bit_for_bit(rule, dimension):
    """Runs differ in rank (zero gradients), rejections and damping; the grid is one call."""
    rng = np.random.default_rng(9)
    gradients, start = rng.standard_normal((9, 4, dimension)), rng.standard_normal((4, dimension))
    gradients[:, 1] = 0.0
    gradients[4:, 2] = gradients[4:5, 2]
    damping = np.array([1.0, 0.5, 0.3, 1.0])
    rows, states = run(rule.replace(damping=damping), start, gradients)
    for i in range(4):
        alone, own = run(rule.replace(damping=float(damping[i])), start[i], gradients[:, i])
        np.testing.assert_array_equal(np.array(rows)[:, i], np.array(alone))
        for array, other in zip(leaves(states[-1]), leaves(own[-1]), strict=True):
            np.testing.assert_array_equal(array[i], other)


def test_the_batch_above_holds_runs_that_differ_in_rejection():
    rng = np.random.default_rng(10)
    gradients, start = rng.standard_normal((12, 30, 4)), rng.standard_normal((30, 4))
    for rule in (RULES["adasam-published"], RULES["padasam-published"]):
        _, states = run(rule, start, gradients)
        assert any(0 < np.sum(state.rejected) < 30 for state in states)
    steps = states[-1].inner.steps
    assert len(np.unique(steps)) > 1
    assert steps.max() > 12


@EACH_RULE
def test_steps_are_pure_and_keep_nothing_of_the_caller(rule):
    rng = np.random.default_rng(11)
    params, state = rng.standard_normal(4), rule.init(np.zeros(4))
    for _ in range(6):
        grad = rng.standard_normal(4)
        before = [array.copy() for array in (params, grad, *leaves(state))]
        new_params, new_state = rule.step(params, grad, state)
        for array, copy in zip((params, grad, *leaves(state)), before, strict=True):
            np.testing.assert_array_equal(array, copy)
        grad[:], params[:] = np.nan, np.nan
        assert all(np.all(np.isfinite(array)) for array in leaves((new_params, new_state)))
        params, state = new_params.copy(), new_state


def test_a_diverging_run_of_a_batch_leaves_the_others_alone():
    rule = AdaSAM(3, 0.1, nonfinite="propagate")
    rng = np.random.default_rng(12)
    gradients, start = rng.standard_normal((8, 2, 5)), rng.standard_normal((2, 5))
    expected, _ = run(rule, start[1], gradients[:, 1])
    gradients[3, 0, 2] = np.nan
    rows, _ = run(rule, start, gradients)
    np.testing.assert_array_equal(np.array(rows)[:, 1], np.array(expected))
    assert np.all(np.isnan(rows[-1][0]))


def test_a_schedule_of_mixing_and_damping_is_followed():
    gradients, start = np.random.default_rng(13).standard_normal((5, 3)), np.zeros(3)
    rule = StochasticAnderson(2, lambda t: 0.1 / t, lambda t: 0.0)
    rows, _ = run(rule, start, gradients)
    np.testing.assert_allclose(rows[-1], -sum(0.1 / t * g for t, g in enumerate(gradients, start=1)), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: AndersonMixing(0), ValueError, r"memory must lie in \[1, inf\), got 0"),
        (lambda: AndersonMixing(2.5), TypeError, "memory must be an integer, got 2.5"),
        (lambda: AndersonMixing(restart=0), ValueError, r"restart must lie in \[1, inf\), got 0"),
        (lambda: AdaSAM(period=0), ValueError, r"period must lie in \[1, inf\), got 0"),
        (lambda: AdaSAM(mixing=0.0), ValueError, r"mixing must lie in \(0, inf\), got 0.0"),
        (lambda: AdaSAM(average=1.0), ValueError, r"average must lie in \[0, 1\), got 1.0"),
        (lambda: RegularizedAnderson(regularization=-1.0), ValueError, r"regularization must lie in \[0, inf\)"),
        (lambda: StochasticAnderson(positivity=1.0), ValueError, r"positivity must be None or lie in \(0, 1\)"),
        (lambda: AdaSAM(descent=-0.1), ValueError, r"descent must be None or lie in \[0, 1\)"),
        (lambda: AdaSAM(solver="pseudoinverse"), ValueError, "positivity needs solver 'gram' or 'factors'"),
        (lambda: AdaSAM(inner="sgd"), TypeError, "inner must be an update rule"),
        (lambda: PreconditionedAdaSAM(), TypeError, "inner must be an update rule"),
        (lambda: PreconditionedAdaSAM(Adam(), positivity=0.1), ValueError, "positivity must be None"),
    ],
)
def test_bad_hyperparameters_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_state_of_another_memory_is_refused():
    rule, start = AdaSAM(3), np.zeros(2)
    with pytest.raises(ValueError, match="a memory of 3, the rule has 2"):
        rule.replace(memory=2).step(start, start, rule.init(start))
