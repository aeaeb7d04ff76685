"""One training step: loss, gradients, penalty, clipping, and the optimizer's step in the form that its rule needs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from optassay.optimizers import Rule

from .tasks import Batch, Task


class Diverged(Exception):
    """The loss of a run is not finite, or beyond all bounds."""


class Stepped(NamedTuple):
    """Loss and number of right answers ahead of a step, as tensors."""

    loss: Tensor
    correct: Tensor


class Stepper:
    """Takes the steps of a run.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    task : Task
    settings : mapping
        ``l2`` (penalty ``l2/2 |w|^2`` of weights: parameters of two or more axes, so neither biases nor
        normalisation), ``clip_norm``.
    """

    def __init__(self, model: nn.Module, optimizer: Any, task: Task, settings: Mapping[str, Any]) -> None:
        self.model, self.optimizer, self.task = model, optimizer, task
        self.params = [p for p in model.parameters() if p.requires_grad]
        self.weights: list[Tensor] = [p for p in self.params if p.ndim > 1]
        self.l2, self.clip_norm = settings["l2"], settings["clip_norm"]
        self.gradients = 0  # examples whose gradients were computed
        rule_type: type[Rule] | None = getattr(optimizer, "rule_type", None)
        arguments = inspect.signature(rule_type.step).parameters if rule_type is not None else {}
        self.needs_closure = "gradient_fn" in arguments or isinstance(optimizer, torch.optim.LBFGS)
        self.needs_examples = "per_example" in arguments
        self.needs_snapshot = hasattr(rule_type, "take_snapshot")
        if self.needs_examples and self.clip_norm is not None:
            raise ValueError("clip_norm is not defined for rules that need the gradients of single examples")
        if self.needs_examples and task.dataset.task == "language":
            raise ValueError("rules that need the gradients of single examples are not for texts in windows")
        if self.needs_examples and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
            raise ValueError("batch normalisation mixes examples: no gradients of single ones for this model")

    def step(self, batch: Batch) -> Stepped:
        """One step on a batch.

        Raises
        ------
        Diverged
            The loss is not finite; nothing has moved.
        """
        if self.needs_examples:
            return self._step_examples(batch)
        if self.needs_closure:
            first: list[Stepped] = []

            def closure() -> Tensor:
                found = self._backward(batch)
                first.append(found)
                return found.loss

            self.optimizer.step(closure)
            self._check(first[0].loss)
            return first[0]
        found = self._backward(batch)
        self.optimizer.step()
        return found

    def _backward(self, batch: Batch) -> Stepped:
        self.optimizer.zero_grad()
        loss, outputs = self.task.loss(self.model, batch)
        self._check(loss)
        loss.backward()
        self.gradients += batch.size
        self._penalize()
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.params, self.clip_norm)
        return Stepped(loss.detach(), self.task.correct(outputs, batch))

    def _penalize(self) -> None:
        """Add the gradient of ``l2/2 |w|^2``."""
        if self.l2:
            grads = [p.grad for p in self.weights if p.grad is not None]
            torch._foreach_add_(grads, [p for p in self.weights if p.grad is not None], alpha=self.l2)

    @staticmethod
    def _check(loss: Tensor) -> None:
        # On a GPU looking at every loss would wait for it; there the epoch's mean tells.
        if loss.device.type == "cpu" and not bool(torch.isfinite(loss)):
            raise Diverged("the loss is not finite")

    def _step_examples(self, batch: Batch) -> Stepped:
        from optassay.torch import per_example_gradients

        self.optimizer.zero_grad()
        found = per_example_gradients(self.model, self.task.example_loss, batch.inputs, batch.targets)
        with torch.no_grad():
            loss, outputs = self.task.loss(self.model, batch)
            self._check(loss)
            if self.l2:
                for p in self.weights:
                    found[p] += self.l2 * p
        self.gradients += batch.size
        self.optimizer.step(per_example=found)
        return Stepped(loss, self.task.correct(outputs, batch))

    def snapshot(self) -> None:
        """Start an outer loop of a variance-reduced rule with the gradient of all training examples."""

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            total = 0
            for batch in self.task.chunks("train"):
                (self.task.loss(self.model, batch)[0] * batch.size).backward()
                total += batch.size
            self.gradients += total
            for p in self.params:
                if p.grad is not None:
                    p.grad /= total
            self._penalize()
            return torch.zeros(())

        self.model.train()
        self.optimizer.take_snapshot(closure)
