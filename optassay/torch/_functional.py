"""Gradients of single examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call, grad, vmap


def per_example_gradients(
    model: torch.nn.Module, loss_fn: Callable[[Any, Any], torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor
) -> dict[torch.Tensor, torch.Tensor]:
    """Gradient of each example's loss, by ``torch.func``.

    Parameters
    ----------
    model : torch.nn.Module
        Without layers that mix examples or draw masks per batch (batch normalisation in training mode).
    loss_fn : callable
        ``loss_fn(outputs, targets)`` of a batch; it is called with batches of one.
    inputs, targets : tensors (B, ...)

    Returns
    -------
    dict
        Parameter -> tensor (B, \\*shape), for the parameters that require a gradient; for ``step(per_example=...)``.

    Raises
    ------
    ValueError
        ``inputs`` and ``targets`` differ in their number of examples.
    """
    if inputs.shape[:1] != targets.shape[:1]:
        raise ValueError(
            f"inputs and targets must have as many examples, got {tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    named = dict(model.named_parameters())
    trained = {name: p.detach() for name, p in named.items() if p.requires_grad}
    fixed = {name: p.detach() for name, p in named.items() if not p.requires_grad} | dict(model.named_buffers())

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss_fn(functional_call(model, {**values, **fixed}, (x[None],)), y[None])

    found = vmap(grad(loss), in_dims=(None, 0, 0), randomness="different")(trained, inputs, targets)
    return {named[name]: value.detach() for name, value in found.items()}
