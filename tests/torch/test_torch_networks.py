"""Every rule trains a perceptron, a convolutional and a recurrent network."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch_cases as helpers  # noqa: E402
from torch import nn  # noqa: E402

import optassay.torch as bridge  # noqa: E402
from optassay import optimizers as rules  # noqa: E402

pytestmark = pytest.mark.torch


class LastState(nn.Module):
    """An LSTM whose last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 12, batch_first=True)
        self.out = nn.Linear(12, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def task(kind):
    """A model and data that it can learn: bars in images, the sign of a sum over a sequence, two spirals of points."""
    torch.manual_seed(3)
    if kind == "mlp":
        x = torch.randn(96, 6)
        y = (x[:, 0] * x[:, 1] > 0).long()
        return nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 2)), x, y
    if kind == "cnn":
        y = torch.arange(64) % 2
        x = 0.3 * torch.randn(64, 1, 8, 8)
        for i in range(64):
            at = i // 2 % 8
            x[(i, 0, at, slice(None)) if y[i] else (i, 0, slice(None), at)] += 1.0
        return nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(54, 2)), x, y
    x = torch.randn(64, 7, 3)
    return LastState(), x, (x[:, :, 0].sum(1) > 0).long()


@pytest.mark.parametrize("kind", ["mlp", "cnn", "lstm"])
@pytest.mark.parametrize("name", [*helpers.CASES, *helpers.MINI_BATCH, "VarianceReduced"])
def test_training_lowers_the_loss(name, kind):
    if kind == "lstm" and name in helpers.MINI_BATCH:
        pytest.skip("vmap has no rule for the fused LSTM")
    model, x, y = task(kind)
    params = list(model.parameters())
    if name == "VarianceReduced":
        optimizer = bridge.VarianceReduced(params, helpers.INNER)
    else:
        optimizer = helpers.make(name, params, **helpers.NETWORK.get(name, {}))
    loss_fn = nn.functional.cross_entropy
    order = torch.Generator().manual_seed(0)

    def closure_on(rows):
        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(x[rows]), y[rows])
            loss.backward()
            return loss.detach()

        return closure

    def full_loss():
        with torch.no_grad():
            return float(loss_fn(model(x), y))

    before = full_loss()
    for t in range(40):
        # Without damping or positivity Anderson mixing is a method for deterministic problems.
        size = len(x) if name in ("AndersonMixing", "RegularizedAnderson") else 32
        rows = torch.randperm(len(x), generator=order)[:size]
        if name in helpers.MINI_BATCH:
            optimizer.zero_grad()
            optimizer.step(per_example=bridge.per_example_gradients(model, loss_fn, x[rows], y[rows]))
            continue
        if name == "VarianceReduced" and t % 10 == 0:
            optimizer.take_snapshot(closure_on(torch.arange(len(x))))
        optimizer.step(closure_on(rows))
    assert full_loss() < 0.98 * before, f"{before} -> {full_loss()}"


def test_a_rule_that_climbs_is_seen():
    """Control: with a reversed gradient the same check of the loss fails."""
    model, x, y = task("mlp")
    optimizer = bridge.GradientDescent(model.parameters(), lr=0.05)
    loss_fn = nn.functional.cross_entropy
    before = float(loss_fn(model(x), y).detach())
    for _ in range(40):
        optimizer.zero_grad()
        (-loss_fn(model(x), y)).backward()
        optimizer.step()
    assert float(loss_fn(model(x), y).detach()) > before


def test_tied_parameters_are_one():
    torch.manual_seed(0)
    embedding, out = nn.Embedding(10, 8), nn.Linear(8, 10, bias=False)
    out.weight = embedding.weight
    model = nn.Sequential(embedding, out)
    assert len(list(model.parameters())) == 1
    optimizer = bridge.AdamCriticalMomenta(model.parameters(), lr=0.05)
    tokens = torch.arange(10)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens), tokens.roll(1))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert out.weight is embedding.weight


def test_published_preset_trains():
    model, x, y = task("mlp")
    preset = rules.AdamCriticalMomenta.published(step_size=0.01)
    optimizer = bridge.AdamCriticalMomenta.from_rule(model.parameters(), preset, segmented=True)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
