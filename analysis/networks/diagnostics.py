"""What is measured along a run: sharpness, distances, and what is in a critical buffer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from analysis.buffers import agreement, spread, stacked
from analysis.sharpness import one_step_m_sharpness

from .hessian import hessian_facts, largest_hessian_eigenvalue
from .results import DIAGNOSTICS
from .tasks import Batch, Task


def flat_parameters(model: nn.Module) -> Tensor:
    """All trained numbers as one vector of its own."""
    return torch.cat([p.detach().reshape(-1) for p in model.parameters() if p.requires_grad])


def sharpness(model: nn.Module, task: Task, sample: int) -> float | None:
    """Largest Hessian eigenvalue of the mean loss over the first ``sample`` training examples, in evaluation mode.

    Evaluation mode: dropout off, normalisation with its running means, so that it is a function of the parameters.
    """
    return largest_hessian_eigenvalue(*_training_loss(model, task, sample))


def _training_loss(model: nn.Module, task: Task, sample: int) -> tuple[Callable[[], Tensor], list[Tensor]]:
    model.eval()
    # As one batch: the mean over batches would need a graph of each.
    batch = next(iter(task.chunks("train", sample, size=sample)))
    return lambda: task.loss(model, batch)[0], [p for p in model.parameters() if p.requires_grad]


def m_sharpness(model: nn.Module, task: Task, sample: int, radius: float) -> float:
    """Mean over minibatches of the rise of their loss after one ascent step of length ``radius``, (15).

    Minibatches of the run's batch size from the first ``sample`` training examples, in evaluation mode.
    """
    model.eval()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    sizes = [p.numel() for p in trained.values()]
    point = flat_parameters(model)

    def rise(batch: Batch) -> float:
        def loss(points: Tensor) -> Tensor:
            pieces = points.reshape(-1).split(sizes)
            values = {name: piece.view_as(p) for (name, p), piece in zip(trained.items(), pieces, strict=True)}
            return task.loss(_At(model, values), batch)[0][None]

        def gradient(points: Tensor) -> Tensor:
            with torch.enable_grad():
                variable = points.detach().requires_grad_()
                return torch.autograd.grad(loss(variable).sum(), variable)[0]

        return float(one_step_m_sharpness(loss, gradient, point, radius))

    with torch.no_grad(), torch.backends.cudnn.flags(enabled=False):
        rises = [rise(batch) for batch in task.chunks("train", sample, size=task.batch_size)]
    return sum(rises) / len(rises)


class _At:
    """A model with other values of its parameters."""

    def __init__(self, model: nn.Module, values: Mapping[str, Tensor]) -> None:
        self.model, self.values, self.training = model, values, model.training

    def __call__(self, *inputs: Any) -> Any:
        return functional_call(self.model, dict(self.values), inputs)


def buffer_of(state: Any) -> Any:
    """The critical buffer in a rule's state, also of a rule inside; None if there is none."""
    if not isinstance(state, tuple):
        return None
    found = getattr(state, "buffer", None)
    if found is not None:
        return found if found.values else None
    return next((inner for entry in state if (inner := buffer_of(entry)) is not None), None)


def buffer_measures(state: Any) -> dict[str, float]:
    """Variance, cancellation and agreement of the buffer's vectors; nothing for a rule without a buffer."""
    buffer = buffer_of(state)
    if buffer is None or buffer.fill.ndim:
        return {}
    vectors, fill = stacked(buffer)
    found = spread(vectors, fill)
    return {
        "buffer_variance": float(found.variance),
        "buffer_relative": float(found.relative_variance),
        "buffer_cancellation": float(found.cancellation),
        "buffer_cosine": float(agreement(vectors, fill)),
    }


class Observer:
    """The diagnostics of one run.

    Parameters
    ----------
    settings : mapping
        The experiment's table of diagnostics.
    """

    def __init__(self, settings: Mapping[str, Any], model: nn.Module, task: Task) -> None:
        self.settings, self.model, self.task = settings, model, task
        self.start = flat_parameters(model) if settings["distance"] else None
        self.before = self.start
        self.path = 0.0

    def resume(self, path: float | None) -> None:
        """Continue behind an epoch whose row said ``path``; the model is already that of the epoch's end."""
        if self.start is not None:
            self.before, self.path = flat_parameters(self.model), path or 0.0

    def measure(self, epoch: int, last: bool, state: Any) -> dict[str, float | None]:
        """The diagnostic columns at the end of an epoch; ``state`` is that of the optimizer's rule."""
        found: dict[str, float | None] = {}
        if self.start is not None and self.before is not None:
            here = flat_parameters(self.model)
            self.path += float(torch.linalg.vector_norm(here - self.before))
            self.before = here
            found["distance"], found["path"] = float(torch.linalg.vector_norm(here - self.start)), self.path
        if not (last or epoch % self.settings["every"] == 0):
            return found
        if self.settings["buffer"]:
            found |= buffer_measures(state)
        if self.settings["sharpness"]:
            found["sharpness"] = sharpness(self.model, self.task, self.settings["sample"])
        if self.settings["hessian"]:
            facts = hessian_facts(*_training_loss(self.model, self.task, self.settings["sample"]))
            found |= {} if facts is None else facts._asdict()
        if self.settings["m_sharpness"]:
            found["m_sharpness"] = m_sharpness(self.model, self.task, self.settings["sample"], self.settings["radius"])
        assert set(found) <= set(DIAGNOSTICS)
        return {key: value if value is not None and math.isfinite(value) else None for key, value in found.items()}
