"""Models by the names that experiment files use."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from . import dense, plain, residual
from .language import LSTMLanguageModel


def _language(shape: Sequence[int], outputs: int, **options: Any) -> nn.Module:
    return LSTMLanguageModel(outputs, **options)


_language.__signature__ = inspect.signature(LSTMLanguageModel)  # type: ignore[attr-defined]

MODELS: dict[str, Callable[..., nn.Module]] = {
    "mlp": plain.mlp,
    "cifar-cnn": plain.cifar_cnn,
    "all-cnn": plain.all_cnn,
    "mnist-cnn": plain.mnist_cnn,
    "vgg": plain.vgg,
    "alexnet": plain.alexnet,
    "cifar-resnet": residual.cifar_resnet,
    "resnet": residual.resnet,
    "wide-resnet": residual.wide_resnet,
    "densenet": dense.densenet,
    "lstm": _language,
}


def options_of(name: str) -> tuple[str, ...]:
    """Options of a model; shape and number of outputs follow from the data."""
    return tuple(p for p in inspect.signature(MODELS[name]).parameters if p not in ("shape", "outputs", "words"))


def build_model(name: str, options: Mapping[str, Any], shape: Sequence[int], outputs: int) -> nn.Module:
    """The model for inputs of ``shape`` (channels, height, width; or features) and ``outputs`` classes or words.

    Raises
    ------
    ValueError
        An option outside its range, or images for a model of vectors, or the other way round.
    """
    if name not in ("mlp", "lstm") and len(shape) != 3:
        raise ValueError(f"model {name!r} takes images (channels, height, width), the data have shape {tuple(shape)}")
    return MODELS[name](shape, outputs, **options)


def parameter_count(model: nn.Module) -> int:
    """Numbers that training changes, tied weights once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
