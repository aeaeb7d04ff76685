"""Splitting a batch of runs into blocks that fit the cache, and joining what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat

from optassay.arrays import Array
from optassay.optimizers import Rule

from .landscapes import Landscape

BLOCK_BYTES = 1 << 23  # state and temporaries of a block: longer loops gain nothing, memory traffic starts to cost
TEMPORARIES = 12  # arrays of the parameters' size that a step holds beside the state


def splits(start: Array, rule: Rule, landscape: Landscape) -> bool:
    """Whether the last batch axis of ``start`` can be cut: arrays on the host, and neither the rule nor the landscape
    has a value of its own per run there (their arrays broadcast over the batch axes).
    """
    return (
        array_api_compat.is_numpy_array(start) and start.ndim > 1 and not _varies(rule) and not _varies(vars(landscape))
    )


def _varies(value: Any) -> bool:
    if array_api_compat.is_array_api_obj(value):
        return value.ndim > 0 and value.shape[-1] != 1
    if isinstance(value, dict):
        return any(map(_varies, value.values()))
    if isinstance(value, tuple | list):
        return any(map(_varies, value))
    if isinstance(value, Rule):
        return any(_varies(part(1) if callable(part) else part) for part in vars(value).values())  # or a schedule
    return callable(value)  # nobody knows what it holds


def block_length(rule: Rule, start: Array) -> int:
    """Entries of the last batch axis whose state and temporaries take about ``BLOCK_BYTES``."""
    one = start[..., :1, :]
    size = sum(leaf.nbytes for leaf in _leaves(rule.init(one))) + TEMPORARIES * one.nbytes
    return max(1, BLOCK_BYTES // size)


def _leaves(state: Any) -> list[Any]:
    if isinstance(state, tuple | list):
        return [leaf for part in state for leaf in _leaves(part)]
    return [state] if array_api_compat.is_array_api_obj(state) else []


def joined(parts: Sequence[Any], axis: int) -> Any:
    """States (or arrays) of the blocks as one: arrays joined along ``axis``, everything else from the first block."""
    first = parts[0]
    if isinstance(first, tuple | list):
        leaves = [joined(leaf, axis) for leaf in zip(*parts, strict=True)]
        return type(first)(*leaves) if hasattr(first, "_fields") else type(first)(leaves)
    if not array_api_compat.is_array_api_obj(first) or first.ndim <= axis:
        return first
    return array_api_compat.array_namespace(first).concat(parts, axis=axis)
