"""The bridge steps as the rules do on NumPy, and as torch's own optimizers where they are the same method."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch_cases as helpers  # noqa: E402

import optassay.torch as bridge  # noqa: E402
from optassay import optimizers as rules  # noqa: E402
from optassay.torch import _compiled, _flat, _kernel  # noqa: E402

pytestmark = pytest.mark.torch


def on_numpy(rule, start, problem, steps):
    x, state = start.copy(), rule.init(start)
    for t in range(steps):
        extra = {}
        if type(rule).__name__ in helpers.CLOSURE:
            extra["gradient_fn"] = lambda y, t=t: problem.gradient(y, t)
        x, state = rule.step(x, problem.gradient(x, t), state, **extra)
    return x


def test_every_rule_has_its_optimizer():
    names = {
        n for n in rules.__all__ if isinstance(getattr(rules, n), type) and issubclass(getattr(rules, n), rules.Rule)
    }
    assert names - {"Rule"} == set(helpers.CASES) | set(helpers.MINI_BATCH) | {"VarianceReduced"}
    for name in names - {"Rule"}:
        assert issubclass(getattr(bridge, name), torch.optim.Optimizer)
        assert getattr(bridge, name).__name__ == name


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("name", helpers.CASES)
def test_same_trajectory_as_on_numpy(name, short):
    shapes = ((3, 2), (5,)) if short else ((40, 10), (10,), (7, 3, 2), (1,))
    params = helpers.tensors(shapes)
    start = helpers.flat(params)
    problem = helpers.Quadratic(start.size)
    optimizer = helpers.make(name, params)
    unit = optimizer._units[0][0]
    rule = optimizer._build(optimizer.param_groups[0], unit)
    helpers.run(optimizer, params, problem, range(25))
    expected = on_numpy(rule, start, problem, 25)
    assert np.abs(expected - start).max() > 1e-3
    np.testing.assert_allclose(helpers.flat(params), expected, rtol=0, atol=1e-10)
    # Only what needs a second gradient or all numbers at once runs on whole tensors.
    whole = short or name in (*helpers.CLOSURE, "AndersonMixing", "RegularizedAnderson")
    assert (unit.whole is not None) == whole, unit.whole


PUBLISHED = ["MSVAG", "SVAG", "MomentumSign", "AdaMomentum", "SoftAdam", "AdamCriticalMomenta", "AdamCriticalGradients"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_presets(name):
    params = helpers.tensors()
    start = helpers.flat(params)
    problem = helpers.Quadratic(start.size)
    preset = getattr(rules, name).published()
    segmented = {"segmented": True} if hasattr(preset, "segments") else {}
    optimizer = getattr(bridge, name).from_rule(params, preset, **segmented)
    if segmented:
        preset = preset.replace(segments=tuple(p.numel() for p in params))
    helpers.run(optimizer, params, problem, range(12))
    np.testing.assert_allclose(helpers.flat(params), on_numpy(preset, start, problem, 12), rtol=0, atol=1e-10)
    assert optimizer._units[0][0].whole is None


@pytest.mark.parametrize("inner", [rules.Momentum(0.05), rules.Adam(0.01)])
@pytest.mark.parametrize("name", ["AdaSAM", "PreconditionedAdaSAM"])
def test_published_anderson(name, inner):
    params = helpers.tensors()
    start = helpers.flat(params)
    problem = helpers.Quadratic(start.size)
    preset = getattr(rules, name).published(inner).replace(memory=4)
    helpers.run(getattr(bridge, name).from_rule(params, preset), params, problem, range(12))
    np.testing.assert_allclose(helpers.flat(params), on_numpy(preset, start, problem, 12), rtol=0, atol=1e-10)


@pytest.mark.skipif(_compiled.compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("name", [n for n in helpers.CASES if n not in helpers.CLOSURE])
def test_compiled_loops_give_the_same(name, monkeypatch):
    monkeypatch.setattr(_flat, "LONG", 1)
    results = []
    for compiled in (True, False):
        params = helpers.tensors()
        optimizer = helpers.make(name, params, compiled=compiled)
        helpers.run(optimizer, params, helpers.Quadratic(len(helpers.flat(params))), range(12))
        used = [loop.compiled is not None for loop in optimizer._units[0][0].kernels._cache.values()]
        assert any(used) == compiled
        results.append(helpers.flat(params))
    np.testing.assert_allclose(*results, rtol=0, atol=1e-11)


def test_threads_do_not_change_a_bit(monkeypatch):
    if _compiled.compiler() is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(_compiled, "_PARALLEL_FROM", 1)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            params = helpers.tensors(((300, 300), (50,), (7,)), torch.float32)
            optimizer = bridge.AdamCriticalMomenta(params, capacity=2)
            helpers.run(optimizer, params, helpers.Quadratic(90057), range(6))
            results.append(helpers.flat(params))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_long_vectors_in_several_chunks():
    params = helpers.tensors(((300, 500), (20000,), (3,), (70,)))
    start = helpers.flat(params)
    problem = helpers.Quadratic(start.size)
    for compiled in (True, False):
        for p, values in zip(params, helpers.tensors(((300, 500), (20000,), (3,), (70,))), strict=True):
            p.data = values.data.clone()
        optimizer = bridge.SoftAdam(params, compiled=compiled)
        helpers.run(optimizer, params, problem, range(6))
        expected = on_numpy(rules.SoftAdam(), start, problem, 6)
        np.testing.assert_allclose(helpers.flat(params), expected, rtol=0, atol=1e-10)


TWINS = [
    ("GradientDescent", {"lr": 0.05}, torch.optim.SGD, {"lr": 0.05}),
    ("Momentum", {"lr": 0.05, "convention": "torch"}, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    (
        "Momentum",
        {"lr": 0.05, "convention": "torch", "nesterov": True, "weight_decay": 0.1},
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    ("Momentum", {"lr": 0.05, "convention": "torch", "dampening": 0.3}, torch.optim.SGD,
     {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    ("Adam", {"lr": 0.01}, torch.optim.Adam, {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1}, torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1}),
    ("AMSGrad", {"lr": 0.01}, torch.optim.Adam, {"lr": 0.01, "amsgrad": True}),
    ("AdamW", {"lr": 0.01}, torch.optim.AdamW, {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01}, torch.optim.RMSprop, {"lr": 0.01}),
    ("Adagrad", {"lr": 0.01}, torch.optim.Adagrad, {"lr": 0.01}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ours", "theirs", "options"), TWINS)
def test_agrees_with_torch(name, ours, theirs, options):
    mine, other = helpers.tensors(), helpers.tensors()
    problem = helpers.Quadratic(len(helpers.flat(mine)))
    if name == "RMSprop":
        ours = {**ours, "beta2": 0.99} if "beta2" in bridge.RMSprop.rule_type.__dataclass_fields__ else ours
    helpers.run(getattr(bridge, name)(mine, **ours), mine, problem, range(30))
    helpers.run(theirs(other, **options), other, problem, range(30))
    np.testing.assert_allclose(helpers.flat(mine), helpers.flat(other), rtol=0, atol=1e-12)


def test_thousand_small_tensors():
    shapes = [(1 + i % 7,) for i in range(1000)]
    params = helpers.tensors(shapes)
    start = helpers.flat(params)
    problem = helpers.Quadratic(start.size)
    for name in ("Adam", "SoftAdam", "AdamCriticalMomenta"):
        for p, values in zip(params, helpers.tensors(shapes), strict=True):
            p.data = values.data.clone()
        optimizer = helpers.make(name, params, **({"scope": "tensor"} if name == "SoftAdam" else {}))
        assert len(optimizer._units[0]) == 1
        rule = optimizer._build(optimizer.param_groups[0], optimizer._units[0][0])
        helpers.run(optimizer, params, problem, range(6))
        np.testing.assert_allclose(helpers.flat(params), on_numpy(rule, start, problem, 6), rtol=0, atol=1e-10)


def test_core_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, optassay, optassay.optimizers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_torch_names_the_extra():
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['torch'] = None\n"
        "try:\n    import optassay.torch\n"
        "except ImportError as error:\n    sys.exit(0 if \"extra 'torch'\" in str(error) else 1)\n"
        "sys.exit(2)"
    )
    assert importlib.util.find_spec("optassay.torch") is not None
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("memory", [1, 3])
@pytest.mark.parametrize("compiled", [True, False])
def test_entries_with_one_vector_share_its_memory_and_no_other(compiled, memory):
    rule = rules.AdaSAM(memory=memory, average=0.5, restart=5)
    x = np.linspace(-1.0, 1.0, _flat.LONG)
    p, state = torch.nn.Parameter(torch.from_numpy(x.copy())), rule.init(x)
    opt = bridge.AdaSAM.from_rule([p], rule, compiled=compiled)
    wave, kappa = np.arange(x.size), 1.0
    for k in range(12):
        # New directions keep the columns independent. Those of a smooth run have Gram matrices with condition numbers
        # near 1e7, which the two orders of summation (chunks here, the whole vector on NumPy) differ by.
        grad = np.tanh(x) + 0.1 * np.cos((k + 1.0) * wave)
        p.grad = torch.from_numpy(grad)
        opt.step()
        x, state = rule.step(x, grad, state)
        unit = opt._units[0][0]
        assert unit.whole is None
        found = [unit.state.x, unit.state.r, *unit.state.history.x, *unit.state.history.r]
        columns = np.stack([column for column in state.history.r if column.any()] or [x])
        columns /= np.linalg.norm(columns, axis=-1, keepdims=True)
        kappa = max(kappa, float(np.linalg.cond(columns @ columns.T)))
        assert kappa < 100.0
        for ours, theirs in zip(found, [state.x, state.r, *state.history.x, *state.history.r], strict=True):
            # The coefficients differ by some eps kappa, and a dozen steps add up.
            np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=12 * np.finfo(float).eps * kappa)
        assert len({tensor.data_ptr() for tensor in found}) == 2 + 2 * memory
        if k:
            slot = (k - 1) % 5 % memory
            assert unit.state.dx is unit.state.history.x[slot]
            assert unit.state.dr is unit.state.history.r[slot]
            # Nothing else is kept alive.
            held = {id(base) for column in unit._columns.values() for base in column.bases}
            assert held <= {id(tensor) for tensor in found}


def test_a_long_expression_is_evaluated_once(monkeypatch):
    """The move, which the test for descent has needed, is no longer read from the columns it is made of."""
    p = torch.nn.Parameter(torch.linspace(-1.0, 1.0, 1000, dtype=torch.float64))
    opt = bridge.AdaSAM.from_rule([p], rules.AdaSAM.published(rules.Momentum(0.01, 0.9)))
    read = []
    structure = _kernel._structure

    def recorded(outputs):
        found = structure(outputs)
        read.append(len(found[0][2]))
        return found

    monkeypatch.setattr(_kernel, "_structure", recorded)
    for k in range(15):
        p.grad = torch.tanh(p.detach()) + 0.01 * k
        opt.step()
    assert max(read) > 20
    assert read[-1] < 12
