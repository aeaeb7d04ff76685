"""Groups, checkpoints, schedulers, closures, per-example gradients, and errors that leave everything as it was."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch_cases as helpers  # noqa: E402

import optassay.torch as bridge  # noqa: E402
from optassay import optimizers as rules  # noqa: E402

pytestmark = pytest.mark.torch


def reload(state_dict):
    """Through a file, with nothing but plain containers and tensors allowed."""
    file = io.BytesIO()
    torch.save(state_dict, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def numbers(optimizer):
    """All hyperparameters and state as something that compares bit for bit."""

    def plain(value):
        if isinstance(value, torch.Tensor):
            return value.tolist()
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, list) else value

    return repr(plain(optimizer.state_dict()))


# Checkpoints


@pytest.mark.parametrize("scope", ["model", "tensor"])
@pytest.mark.parametrize("name", helpers.CASES)
def test_resume_bit_for_bit(name, scope):
    if scope == "tensor" and name in helpers.CLOSURE:
        pytest.skip("one vector only")
    params = helpers.tensors()
    problem = helpers.Quadratic(len(helpers.flat(params)))
    optimizer = helpers.make(name, params, scope=scope)
    helpers.run(optimizer, params, problem, range(7))
    saved = reload(optimizer.state_dict())
    other = [torch.nn.Parameter(p.detach().clone()) for p in params]
    resumed = helpers.make(name, other, scope=scope)
    resumed.load_state_dict(saved)
    helpers.run(optimizer, params, problem, range(7, 15))
    helpers.run(resumed, other, problem, range(7, 15))
    np.testing.assert_array_equal(helpers.flat(params), helpers.flat(other))
    assert numbers(optimizer) == numbers(resumed)


def test_loaded_hyperparameters_win_and_schedules_survive():
    params = helpers.tensors()
    schedule = rules.WarmUp(rules.Cosine(0.1, 20), 3)
    optimizer = bridge.Adam(params, lr=schedule, beta1=0.5)
    problem = helpers.Quadratic(len(helpers.flat(params)))
    helpers.run(optimizer, params, problem, range(3))
    other = [torch.nn.Parameter(p.detach().clone()) for p in params]
    resumed = bridge.Adam(other)
    resumed.load_state_dict(reload(optimizer.state_dict()))
    assert resumed.param_groups[0]["beta1"] == 0.5
    assert [resumed.param_groups[0]["lr"](t) for t in range(1, 9)] == [schedule(t) for t in range(1, 9)]
    helpers.run(optimizer, params, problem, range(3, 6))
    helpers.run(resumed, other, problem, range(3, 6))
    np.testing.assert_array_equal(helpers.flat(params), helpers.flat(other))


def test_function_as_schedule_must_be_given_again():
    params = helpers.tensors()
    optimizer = bridge.Adam(params, lr=lambda t: 0.1 / t)
    saved = reload(optimizer.state_dict())
    with pytest.raises(ValueError, match=r"param_groups\[0\].lr was the function"):
        bridge.Adam(params).load_state_dict(saved)
    again = bridge.Adam(params, lr=lambda t: 0.1 / t)
    again.load_state_dict(saved)
    assert again.param_groups[0]["lr"](2) == 0.05


def _edited(state_dict, edit):
    changed = copy.deepcopy(state_dict)
    edit(changed)
    return changed


BROKEN = {
    "unknown key": (lambda d: d["state"][0][0].update(momentum=1), "unknown entries"),
    "missing key": (lambda d: d["state"][0][0].pop("m"), "lacks"),
    "unknown top": (lambda d: d.update(more=1), "must have the keys"),
    "shape": (lambda d: d["state"][0][0].update(m=torch.zeros(3, dtype=torch.float64)), "must be"),
    "dtype": (lambda d: d["state"][0][0].update(m=d["state"][0][0]["m"].float()), "float32"),
    "capacity": (lambda d: d["state"][0][0]["buffer"]["values"].pop(), "must have 3 entries, got 2"),
    "rule": (lambda d: d.update(rule="Adam"), "is of Adam"),
    "scope": (lambda d: d.update(scope="tensor"), "scope"),
    "hyperparameter": (lambda d: d["param_groups"][0].update(beta1=1.5), "beta1 must lie in"),
    "lost hyperparameter": (lambda d: d["param_groups"][0].pop("beta1"), "lacks"),
    "counter": (lambda d: d["state"][0][0].update(t="7"), "type int"),
    "state of no group": (lambda d: d["state"].update({5: []}), "unknown groups"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_checkpoints_change_nothing(what):
    edit, message = BROKEN[what]
    params = helpers.tensors()
    optimizer = helpers.make("AdamCriticalMomenta", params)
    helpers.run(optimizer, params, helpers.Quadratic(len(helpers.flat(params))), range(4))
    saved, before = optimizer.state_dict(), numbers(optimizer)
    with pytest.raises((ValueError, TypeError), match=message):
        optimizer.load_state_dict(_edited(saved, edit))
    assert numbers(optimizer) == before
    optimizer.load_state_dict(_edited(saved, lambda d: None))
    assert numbers(optimizer) == before


@pytest.mark.parametrize(("name", "field"), [("AdamCriticalMomenta", "capacity"), ("AdaSAM", "memory")])
def test_other_capacity_is_refused(name, field):
    params = helpers.tensors()
    optimizer = helpers.make(name, params)
    helpers.run(optimizer, params, helpers.Quadratic(len(helpers.flat(params))), range(3))
    other = helpers.make(name, params, **{field: 5})
    before = numbers(other)
    with pytest.raises(ValueError, match=f"{field} 3 in group 0, this optimizer 5"):
        other.load_state_dict(optimizer.state_dict())
    assert numbers(other) == before


def test_deepcopy_runs_on_alone():
    params = helpers.tensors()
    problem = helpers.Quadratic(len(helpers.flat(params)))
    optimizer = helpers.make("AdamCriticalMomenta", params)
    helpers.run(optimizer, params, problem, range(3))
    twins, twin = copy.deepcopy((params, optimizer))
    helpers.run(twin, twins, problem, range(3, 6))
    kept = helpers.flat(params)
    helpers.run(optimizer, params, problem, range(3, 6))
    assert not np.array_equal(kept, helpers.flat(params))
    np.testing.assert_array_equal(helpers.flat(params), helpers.flat(twins))


# Groups, scopes, schedulers


def test_groups_have_their_own_hyperparameters_and_state():
    a, b = helpers.tensors(), helpers.tensors(seed=3)
    a2, b2 = helpers.tensors(), helpers.tensors(seed=3)
    joint = bridge.AdamCriticalMomenta([{"params": a, "lr": 0.1}, {"params": b, "beta1": 0.5}], lr=0.01, capacity=2)
    first = bridge.AdamCriticalMomenta(a2, lr=0.1, capacity=2)
    second = bridge.AdamCriticalMomenta(b2, lr=0.01, beta1=0.5, capacity=2)
    size = len(helpers.flat(a))
    for t in range(6):
        for params, seed in ((a, 1), (b, 2), (a2, 1), (b2, 2)):
            helpers.Quadratic(size, seed).closure(params, t)()
        for optimizer in (joint, first, second):
            optimizer.step()
    np.testing.assert_array_equal(helpers.flat(a), helpers.flat(a2))
    np.testing.assert_array_equal(helpers.flat(b), helpers.flat(b2))


def test_group_added_later_starts_its_own_clock():
    a, b = helpers.tensors(), helpers.tensors(seed=3)
    optimizer = bridge.Adam(a, lr=0.1)
    problem = helpers.Quadratic(len(helpers.flat(a)))
    helpers.run(optimizer, a, problem, range(3))
    optimizer.add_param_group({"params": b, "lr": 0.2})
    before = helpers.flat(b)
    for params in (a, b):
        problem.closure(params, 3)()
    grad = np.concatenate([p.grad.numpy().reshape(-1) for p in b])
    optimizer.step()
    # Adam's first step is lr * sign(g) but for epsilon.
    np.testing.assert_allclose(before - helpers.flat(b), 0.2 * np.sign(grad), rtol=1e-3)
    assert [units[0].state.t for units in optimizer._units] == [4, 1]


def test_scope_tensor_is_one_run_per_tensor():
    params = helpers.tensors()
    problem = helpers.Quadratic(len(helpers.flat(params)))
    for name in ("AdaSAM", "AdamCriticalMomenta", "SoftAdam", "Adam"):
        joint, alone = helpers.tensors(), helpers.tensors()
        optimizer = helpers.make(name, joint, scope="tensor")
        each = [helpers.make(name, [p]) for p in alone]
        for t in range(8):
            problem.closure(joint, t)()
            optimizer.step()
            problem.closure(alone, t)()
            for one in each:
                one.step()
        np.testing.assert_allclose(helpers.flat(joint), helpers.flat(alone), rtol=0, atol=1e-11, err_msg=name)
    model = helpers.tensors()
    helpers.run(helpers.make("AdaSAM", model), model, problem, range(8))
    assert np.abs(helpers.flat(model) - helpers.flat(alone)).max() > 1e-4


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.5),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 9),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, 8, cycle_momentum=False),
    ],
)
@pytest.mark.parametrize("name", ["Adam", "AdamCriticalMomenta", "AdaSAM", "StochasticAnderson"])
def test_schedulers_of_torch(name, scheduler):
    """The scheduled run is the run with the rates set by hand, and another one than without."""
    results, rates = [], []
    for way in ("scheduler", "by hand", "constant"):
        params = helpers.tensors()
        problem = helpers.Quadratic(len(helpers.flat(params)))
        optimizer = helpers.make(name, params)
        schedule = scheduler(optimizer) if way == "scheduler" else None
        for t in range(8):
            if way == "by hand":
                optimizer.param_groups[0]["lr"] = rates[t]
            elif way == "scheduler":
                rates.append(optimizer.param_groups[0]["lr"])
            helpers.run(optimizer, params, problem, range(t, t + 1))
            if schedule is not None and t < 7:
                schedule.step()
        results.append(helpers.flat(params))
    np.testing.assert_array_equal(results[0], results[1])
    assert np.abs(results[0] - results[2]).max() > 1e-6
    assert len(set(rates)) > 2


def test_missing_gradients_do_not_move():
    params = helpers.tensors()
    optimizer = bridge.Adam(params, lr=0.1)
    problem = helpers.Quadratic(len(helpers.flat(params)))
    helpers.run(optimizer, params, problem, range(2))
    problem.closure(params, 2)()
    params[1].grad = None
    before = [p.detach().clone() for p in params]
    optimizer.step()
    moved = [not torch.equal(p, q) for p, q in zip(params, before, strict=True)]
    assert moved == [True, False, True, True]
    optimizer.zero_grad()
    before = numbers(optimizer)
    optimizer.step()
    assert numbers(optimizer) == before


def test_layout_of_memory_does_not_matter():
    def build(strided):
        rng = np.random.default_rng(0)
        values = torch.as_tensor(rng.standard_normal((50, 40)))
        p = torch.nn.Parameter(values.t().contiguous().t() if strided else values)
        assert p.is_contiguous() != strided
        return p

    results = []
    for strided in (True, False):
        p = build(strided)
        optimizer = bridge.AdamCriticalMomenta([p], lr=0.1)
        for t in range(4):
            g = torch.as_tensor(np.random.default_rng(t).standard_normal((50, 40)))
            p.grad = g.t().contiguous().t() if t % 2 else g
            optimizer.step()
        results.append(p.detach().numpy().copy())
    np.testing.assert_allclose(*results, rtol=0, atol=1e-13)


def test_mixed_dtypes():
    pair = [torch.nn.Parameter(torch.ones(300, dtype=torch.float64)), torch.nn.Parameter(torch.ones(300))]
    with pytest.raises(ValueError, match="one dtype and one device"):
        bridge.AdaSAM(pair)
    optimizer = bridge.Adam(pair, lr=0.1)
    for p in pair:
        p.grad = torch.ones_like(p)
    optimizer.step()
    for p in pair:
        np.testing.assert_allclose(p.detach().numpy(), 0.9, rtol=1e-6)
    assert {unit.dtype for unit in optimizer._units[0]} == {torch.float32, torch.float64}


# Bad input


def _snapshot(optimizer, params):
    return numbers(optimizer), helpers.flat(params).tobytes()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["Adam", "AdamCriticalMomenta", "AdaSAM"])
def test_nonfinite_gradients_raise_and_change_nothing(name, bad):
    params = helpers.tensors()
    optimizer = helpers.make(name, params)
    problem = helpers.Quadratic(len(helpers.flat(params)))
    helpers.run(optimizer, params, problem, range(4))
    before = _snapshot(optimizer, params)
    problem.closure(params, 4)()
    params[2].grad[0, 1, 1] = bad
    with pytest.raises(ValueError, match=r"step 5: grad must be finite; in group 0 the gradient of tensor 2"):
        optimizer.step()
    assert _snapshot(optimizer, params) == before


def test_one_bad_group_stops_all():
    a, b = helpers.tensors(), helpers.tensors()
    optimizer = bridge.Adam([{"params": a}, {"params": b}])
    for p in (*a, *b):
        p.grad = torch.ones_like(p)
    optimizer.step()
    before = _snapshot(optimizer, [*a, *b])
    b[0].grad[0, 0] = float("nan")
    with pytest.raises(ValueError, match="group 1"):
        optimizer.step()
    assert _snapshot(optimizer, [*a, *b]) == before


def test_skip_and_propagate():
    for policy in ("skip", "propagate"):
        params = helpers.tensors()
        start = helpers.flat(params)
        rule = rules.Adam(0.1, nonfinite=policy)
        optimizer = bridge.Adam(params, lr=0.1, nonfinite=policy)
        x, state = start, rule.init(start)
        for t in range(4):
            g = np.random.default_rng(t).standard_normal(start.size)
            if t == 2:
                g[7] = np.nan
            x, state = rule.step(x, g, state)
            pieces = torch.as_tensor(g).split([p.numel() for p in params])
            for p, piece in zip(params, pieces, strict=True):
                p.grad = piece.view_as(p).clone()
            optimizer.step()
        np.testing.assert_allclose(helpers.flat(params), x, rtol=0, atol=1e-12)
        assert np.isnan(x).any() == (policy == "propagate")


def test_large_finite_gradients_are_no_infinities():
    p = torch.nn.Parameter(torch.zeros(1000))
    p.grad = torch.full((1000,), 3e38)
    optimizer = bridge.SignDescent([p], lr=0.5)
    optimizer.step()
    assert torch.equal(p.detach(), torch.full((1000,), -0.5))


def test_clear_errors():
    params = helpers.tensors()
    with pytest.raises(ValueError, match=r"beta1 must lie in \[0, 1\), got 1.5"):
        bridge.Adam(params, beta1=1.5)
    with pytest.raises(ValueError, match="scope must be one of 'model', 'tensor', got 'layer'"):
        bridge.Adam(params, scope="layer")
    with pytest.raises(TypeError, match="beta_1"):
        bridge.Adam(params, beta_1=0.5)
    with pytest.raises(TypeError, match="Adam has no hyperparameter 'beta_1'; it has lr, beta1"):
        bridge.Adam([{"params": params, "beta_1": 0.5}])
    with pytest.raises(TypeError, match="real floating"):
        bridge.Adam([torch.nn.Parameter(torch.zeros(3, dtype=torch.complex64))])
    with pytest.raises(TypeError, match="rule must be of type Adam, got Momentum"):
        bridge.Adam.from_rule(params, rules.Momentum())
    with pytest.raises(TypeError, match="update rule"):
        bridge.SharpnessAware(params, rule="Adam")
    optimizer = bridge.Adam(params)
    with pytest.raises(ValueError, match=r"beta1 must lie in"):
        optimizer.add_param_group({"params": helpers.tensors(), "beta1": -1.0})
    assert len(optimizer.param_groups) == len(optimizer._units) == 1


def test_sparse_gradients_are_refused():
    table = torch.nn.Embedding(300, 2, sparse=True)
    optimizer = bridge.Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    before = table.weight.detach().clone()
    with pytest.raises(TypeError, match=r"grad.to_dense\(\)"):
        optimizer.step()
    assert torch.equal(before, table.weight.detach())


def test_parameters_changed_under_the_optimizer():
    params = helpers.tensors()
    optimizer = bridge.Adam(params)
    helpers.run(optimizer, params, helpers.Quadratic(len(helpers.flat(params))), range(2))
    params[0].data = params[0].data.float()
    params[0].grad = torch.ones_like(params[0])
    with pytest.raises(ValueError, match="build the optimizer afterwards"):
        optimizer.step()


def test_replaced_data_is_followed():
    params = helpers.tensors()
    optimizer = bridge.GradientDescent(params, lr=1.0)
    params[0].data = torch.zeros_like(params[0])
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert torch.equal(params[0].detach(), -torch.ones_like(params[0]))


# Closures


@pytest.mark.parametrize("name", helpers.CLOSURE)
def test_closure_rules(name):
    params = helpers.tensors()
    optimizer = helpers.make(name, params)
    problem = helpers.Quadratic(len(helpers.flat(params)))
    problem.closure(params, 0)()
    with pytest.raises(TypeError, match=f"{name}.step needs a closure"):
        optimizer.step()
    here = problem.closure(params, 0)()
    assert torch.equal(optimizer.step(problem.closure(params, 0)), here)
    with pytest.raises(ValueError, match="one group of one dtype"):
        optimizer.add_param_group({"params": helpers.tensors()})
    assert len(optimizer.param_groups) == 1

    calls = []

    def breaks():
        if calls:
            raise RuntimeError("out of data")
        calls.append(1)
        return problem.closure(params, 1)()

    before = _snapshot(optimizer, params)
    with pytest.raises(RuntimeError, match="out of data"):
        optimizer.step(breaks)
    assert _snapshot(optimizer, params) == before


def test_variance_reduction():
    rng = np.random.default_rng(0)
    data, targets = rng.standard_normal((12, 6)), rng.standard_normal(12)
    p = torch.nn.Parameter(torch.zeros(6, dtype=torch.float64))
    optimizer = bridge.VarianceReduced([p], rules.GradientDescent(0.05))
    x = np.zeros(6)
    rule = rules.VarianceReduced(rules.GradientDescent(0.05))
    state = rule.init(x)

    def gradient(y, rows):
        return data[rows].T @ (data[rows] @ y - targets[rows]) / len(rows)

    def closure(rows):
        def call():
            p.grad = None
            loss = 0.5 * ((torch.as_tensor(data[rows]) @ p - torch.as_tensor(targets[rows])) ** 2).mean()
            loss.backward()
            return loss.detach()

        return call

    everything = list(range(12))
    for _ in range(3):
        state = rule.take_snapshot(x, gradient(x, everything), state)
        optimizer.take_snapshot(closure(everything))
        for _ in range(4):
            rows = list(rng.choice(12, 3, replace=False))
            x, state = rule.step(x, gradient(x, rows), state, gradient_fn=lambda y, rows=rows: gradient(y, rows))
            optimizer.step(closure(rows))
    np.testing.assert_allclose(p.detach().numpy(), x, rtol=0, atol=1e-12)
    assert np.abs(x).max() > 0.01
    saved = reload(optimizer.state_dict())
    again = bridge.VarianceReduced([p], rules.GradientDescent(0.05))
    again.load_state_dict(saved)
    assert numbers(again) == numbers(optimizer)


# Per-example gradients


def test_per_example_gradients_are_those_of_the_examples():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()
    model[0].bias.requires_grad_(False)
    x, y = torch.randn(6, 5, dtype=torch.float64), torch.randint(0, 3, (6,))
    found = bridge.per_example_gradients(model, torch.nn.functional.cross_entropy, x, y)
    assert set(found) == {p for p in model.parameters() if p.requires_grad}
    for i in range(6):
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        for p, gradients in found.items():
            torch.testing.assert_close(gradients[i], p.grad, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match="as many examples"):
        bridge.per_example_gradients(model, torch.nn.functional.cross_entropy, x, y[:5])


@pytest.mark.parametrize("name", helpers.MINI_BATCH)
def test_mini_batch_rules(name):
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3).double()
    x, y = torch.randn(8, 5, dtype=torch.float64), torch.randint(0, 3, (8,))
    loss = torch.nn.functional.cross_entropy
    params = list(model.parameters())
    optimizer = helpers.make(name, params)
    rule = optimizer._build(optimizer.param_groups[0], optimizer._units[0][0])
    z = helpers.flat(params)
    state = rule.init(z)
    for _ in range(4):
        optimizer.zero_grad()
        examples = bridge.per_example_gradients(model, loss, x, y)
        flat = np.concatenate([examples[p].numpy().reshape(8, -1) for p in params], axis=1)
        z, state = rule.step(z, flat.mean(0), state, per_example=flat)
        optimizer.step(per_example=examples)  # no backward pass: the mean of the examples is the gradient
        np.testing.assert_allclose(helpers.flat(params), z, rtol=0, atol=1e-12)
    with pytest.raises(TypeError, match="per_example"):
        optimizer.step()
    short = {p: g[:, :1] for p, g in examples.items()}
    with pytest.raises(ValueError, match="per_example must have shape"):
        optimizer.step(per_example=short)
