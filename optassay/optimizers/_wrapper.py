"""What the rules that contain another rule share."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from ..arrays import Array
from ._rule import Rule


class WrappedState(NamedTuple):
    """Finished steps, and the state of the wrapped rule."""

    t: int
    inner: Any


def required() -> Any:
    """A dataclass field without a default."""
    return dataclasses.field()


def check_rule(**rules: Any) -> None:
    """Raise TypeError unless the named value is an update rule."""
    for name, rule in rules.items():
        if not isinstance(rule, Rule):
            raise TypeError(f"{name} must be an update rule such as Adam(), got {rule!r}")


def check_shape(params: Array, **arrays: Array) -> None:
    """Raise unless the named array of a state has the shape and dtype of the parameters."""
    for name, array in arrays.items():
        if array.shape != params.shape:
            raise ValueError(
                f"state.{name} must have the shape of params {tuple(params.shape)}, got {tuple(array.shape)}"
            )
        if array.dtype != params.dtype:
            raise TypeError(f"state.{name} must have the dtype of params ({params.dtype}), got {array.dtype}")
