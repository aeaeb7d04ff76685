"""Sharpness against whole Hessians, distances against their definition, buffers against the state of the rule."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pydantic")
pytest.importorskip("sklearn")

from network_cases import small, spec_of  # noqa: E402

from analysis.buffers import spread  # noqa: E402
from analysis.networks import diagnostics  # noqa: E402
from analysis.networks.hessian import hessian_facts, hessian_product, largest_hessian_eigenvalue  # noqa: E402
from analysis.networks.training import Run, dataset_of, rule_state, train  # noqa: E402

pytestmark = pytest.mark.torch


def whole_hessian(loss, params) -> np.ndarray:
    """Row by row from second derivatives of single entries."""
    grads = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, params, create_graph=True)])
    rows = [torch.cat([h.reshape(-1) for h in torch.autograd.grad(g, params, retain_graph=True)]) for g in grads]
    return torch.stack(rows).numpy()


@pytest.fixture
def network():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)).double()
    x, y = torch.randn(30, 4, dtype=torch.float64), torch.randint(0, 3, (30,))
    return list(model.parameters()), lambda: torch.nn.functional.cross_entropy(model(x), y)


def test_largest_eigenvalue_is_that_of_the_whole_hessian(network) -> None:
    params, loss = network
    exact = np.linalg.eigvalsh(whole_hessian(loss(), params))
    assert largest_hessian_eigenvalue(loss, params) == pytest.approx(exact[-1], rel=2e-3)
    assert abs(exact[0]) > 1e-3  # the matrix is indefinite: largest in size would not do
    vector = np.random.default_rng(1).standard_normal(len(exact))
    np.testing.assert_allclose(hessian_product(loss(), params)(vector), whole_hessian(loss(), params) @ vector)


def test_facts_are_those_of_the_whole_hessian(network) -> None:
    params, loss = network
    matrix = whole_hessian(loss(), params)
    found = hessian_facts(loss, params)
    assert found is not None
    assert found.diagonal_mass == pytest.approx(np.abs(np.diag(matrix)).sum() / np.abs(matrix).sum())
    values = np.abs(np.linalg.eigvalsh(matrix))
    assert found.near_zero == np.mean(values <= 0.01 * values.max()) > 0
    with pytest.raises(ValueError, match="up to 4000 parameters; this model has 5000"):
        hessian_facts(loss, [torch.zeros(5000, requires_grad=True)])


def test_the_algebraically_largest_of_a_known_spectrum() -> None:
    p = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    curvatures = torch.tensor([-9.0, 0.0, 2.0, 5.0], dtype=torch.float64)
    assert largest_hessian_eigenvalue(lambda: 0.5 * (curvatures * p**2).sum(), [p]) == pytest.approx(5, rel=1e-6)


def test_what_is_not_finite_has_no_sharpness() -> None:
    p = torch.zeros(4, requires_grad=True)
    assert largest_hessian_eigenvalue(lambda: (p / 0).sum(), [p]) is None


def runs(optimizer: str, **changes) -> Run:
    experiment = small(f"[[optimizers]]\n{optimizer}", **changes)
    spec = spec_of(experiment)
    run = Run(spec, dataset_of(spec.settings, None))
    for _ in range(3):
        run.advance()
    return run


def test_m_sharpness_is_the_rise_along_each_batchs_gradient() -> None:
    run = runs('name = "Adam"', precision="float64")
    found = diagnostics.m_sharpness(run.model, run.task, 192, 0.05)
    rises = []
    params = list(run.model.parameters())
    for batch in run.task.chunks("train", 192, size=64):
        loss, _ = run.task.loss(run.model, batch)
        grads = torch.autograd.grad(loss, params)
        length = math.sqrt(sum(float((g**2).sum()) for g in grads))
        with torch.no_grad():
            for p, g in zip(params, grads, strict=True):
                p += 0.05 * g / length
            rises.append(float(run.task.loss(run.model, batch)[0] - loss))
            for p, g in zip(params, grads, strict=True):
                p -= 0.05 * g / length
    assert len(rises) == 3 and min(rises) > 0
    assert found == pytest.approx(np.mean(rises), rel=1e-6)


def test_sharpness_leaves_the_run_as_it_is() -> None:
    plain = train(spec_of(small('[[optimizers]]\nname = "Adam"')))
    measured = train(
        spec_of(
            small(
                '[[optimizers]]\nname = "Adam"',
                diagnostics={"sharpness": True, "m_sharpness": True, "distance": True, "every": 2, "sample": 128},
            )
        )
    )
    assert [row["test_loss"] for row in plain] == [row["test_loss"] for row in measured]
    there = [row.get("sharpness") is not None for row in measured]
    assert there == [True, False, True, True]  # every second epoch and the last
    path = [row["path"] for row in measured]
    assert path[0] == 0 and all(a < b for a, b in itertools.pairwise(path))
    assert all(row["distance"] <= row["path"] * (1 + 1e-6) for row in measured)
    assert measured[1]["distance"] == pytest.approx(measured[1]["path"])


def test_buffers_are_those_of_the_rule() -> None:
    run = runs('name = "AdamCriticalMomenta"\ncapacity = 7', diagnostics={"buffer": True})
    state = rule_state(run.optimizer)
    vectors = torch.stack(list(state.buffer.values))
    assert int(state.buffer.fill) == 7 == len(vectors)
    mean = vectors.mean(0)
    assert run.rows[-1]["buffer_variance"] == pytest.approx(float(((vectors - mean) ** 2).sum(1).mean()), rel=1e-4)
    assert run.rows[-1]["buffer_cancellation"] == pytest.approx(float(spread(vectors).cancellation), rel=1e-4)
    longest = vectors[vectors.norm(dim=1).argmax()]
    others = [v for v in vectors if v is not longest and not torch.equal(v, longest)]
    cosine = np.mean([float(torch.nn.functional.cosine_similarity(v, longest, dim=0)) for v in others])
    assert run.rows[-1]["buffer_cosine"] == pytest.approx(cosine, rel=1e-4)
    assert "buffer_variance" not in runs('name = "Adam"', diagnostics={"buffer": True}).rows[-1]
    inside = runs('name = "SharpnessAware"\nrule = { name = "AdamCriticalMomenta" }', diagnostics={"buffer": True})
    assert inside.rows[-1]["buffer_variance"] > 0


def test_normalised_networks_and_texts_have_a_sharpness() -> None:
    image = small(
        '[[optimizers]]\nname = "Momentum"',
        model={"name": "cifar-resnet", "depth": 8},
        epochs=1,
        data={"name": "digits", "train": 200},
        diagnostics={"sharpness": True, "sample": 64},
    )
    text = small(
        '[[optimizers]]\nname = "Adam"',
        model={"name": "lstm", "embedding": 4, "hidden": 4, "layers": 1},
        data={"name": "python-documentation", "vocabulary": 30, "train": 800, "window": 10},
        batch_size=4,
        epochs=1,
        diagnostics={"sharpness": True, "m_sharpness": True, "sample": 64},
    )
    for experiment in (image, text):
        row = train(spec_of(experiment))[-1]
        assert row["sharpness"] > 0
    assert row["m_sharpness"] > 0
