"""Checkpoints: states and hyperparameters as plain containers, and back with every disagreement named."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from .. import optimizers

_NAME = "optassay"  # key that marks an encoded object


def encode_state(state: Any) -> Any:
    """NamedTuples as dicts, tuples as lists, tensors and numbers as they are."""
    if isinstance(state, tuple):
        if hasattr(state, "_fields"):
            return {name: encode_state(value) for name, value in zip(state._fields, state, strict=True)}
        return [encode_state(value) for value in state]
    return state


def decode_state(found: Any, like: Any, path: str) -> Any:
    """``found`` in the form of the state ``like``.

    Raises
    ------
    TypeError, ValueError
        Unknown or missing entries, another number of entries, another shape or dtype.
    """
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        if not isinstance(found, Mapping):
            raise TypeError(f"{path} must be a dict, got {type(found).__name__}")
        unknown, missing = set(found) - set(like._fields), set(like._fields) - set(found)
        if unknown or missing:
            raise ValueError(f"{path} has unknown entries {sorted(map(str, unknown))} and lacks {sorted(missing)}")
        return type(like)(*(decode_state(found[k], v, f"{path}.{k}") for k, v in zip(like._fields, like, strict=True)))
    if isinstance(like, tuple):
        if not isinstance(found, list | tuple) or len(found) != len(like):
            size = len(found) if isinstance(found, list | tuple) else type(found).__name__
            raise ValueError(f"{path} must have {len(like)} entries, got {size}")
        return tuple(decode_state(f, v, f"{path}[{i}]") for i, (f, v) in enumerate(zip(found, like, strict=True)))
    if isinstance(like, torch.Tensor):
        if not isinstance(found, torch.Tensor):
            raise TypeError(f"{path} must be a tensor, got {type(found).__name__}")
        if found.shape != like.shape or found.dtype != like.dtype:
            raise ValueError(f"{path} must be {tuple(like.shape)} {like.dtype}, got {tuple(found.shape)} {found.dtype}")
        return found.to(like.device)
    if isinstance(found, torch.Tensor) or type(found) is not type(like):
        raise TypeError(f"{path} must be of type {type(like).__name__}, got {type(found).__name__}")
    return found


def encode_value(value: Any) -> Any:
    """A hyperparameter: numbers and names as they are, rules and schedules by class and fields, callables by name."""
    if dataclasses.is_dataclass(value) and getattr(optimizers, type(value).__name__, None) is type(value):
        fields = {f.name: encode_value(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
        return {_NAME: type(value).__name__, **fields}
    if isinstance(value, tuple):
        return [encode_value(v) for v in value]
    if callable(value):
        return {_NAME: "callable", "name": getattr(value, "__qualname__", type(value).__name__)}
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return value.item()
    return value


def decode_value(found: Any, current: Any, path: str) -> Any:
    """Undo :func:`encode_value`; a callable is kept from the optimizer at hand, for no checkpoint can hold it."""
    if isinstance(found, Mapping) and _NAME in found:
        if found[_NAME] == "callable":
            if not callable(current):
                raise ValueError(
                    f"{path} was the function {found['name']!r}, which checkpoints cannot hold: "
                    "give it to this optimizer before loading"
                )
            return current
        kind = getattr(optimizers, str(found[_NAME]), None)
        if not dataclasses.is_dataclass(kind):
            raise ValueError(f"{path} names the unknown rule or schedule {found[_NAME]!r}")
        fields = {f.name for f in dataclasses.fields(kind)}
        unknown = set(found) - fields - {_NAME}
        if unknown:
            raise ValueError(f"{path} has unknown entries {sorted(unknown)}")
        values = {k: decode_value(v, getattr(current, k, None), f"{path}.{k}") for k, v in found.items() if k in fields}
        return kind(**values)  # type: ignore[operator]
    return tuple(decode_value(v, None, path) for v in found) if isinstance(found, list) else found


def read(optimizer: Any, state_dict: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """Groups and states of a checkpoint, checked against an optimizer that stays as it is."""
    expected = {"rule", "scope", "state", "param_groups"}
    if set(state_dict) != expected:
        raise ValueError(f"state_dict must have the keys {sorted(expected)}, got {sorted(map(str, state_dict))}")
    name = type(optimizer).__name__
    if state_dict["rule"] != name or state_dict["scope"] != optimizer.scope:
        raise ValueError(
            f"state_dict is of {state_dict['rule']} with scope {state_dict['scope']!r}, this optimizer is {name} with "
            f"scope {optimizer.scope!r}"
        )
    saved, here = state_dict["param_groups"], optimizer.param_groups
    if [len(g["params"]) for g in saved] != [len(g["params"]) for g in here]:
        raise ValueError(
            f"state_dict has groups of {[len(g['params']) for g in saved]} parameters, this optimizer of "
            f"{[len(g['params']) for g in here]}"
        )
    groups, states = [], []
    for i, (old, new, units) in enumerate(zip(here, saved, optimizer._units, strict=True)):
        missing = set(optimizer.hyperparameters) - set(new)
        if missing:
            raise ValueError(f"group {i} of state_dict lacks {sorted(missing)}")
        decoded = {k: decode_value(v, old.get(k), f"param_groups[{i}].{k}") for k, v in new.items()}
        for key in optimizer.hyperparameters:
            # Integers size the state; everything else may come from the checkpoint.
            a, b = old[key], decoded[key]
            if type(a) is int and type(b) is int and a != b:
                raise ValueError(f"state_dict has {key} {b} in group {i}, this optimizer {a}")
        groups.append({**decoded, "params": new["params"]})
        found = state_dict["state"].get(i)
        if found is None or len(found) != len(units):
            raise ValueError(f"state_dict must have {len(units)} states for group {i}")
        states.append(
            [
                None
                if f is None
                else decode_state(
                    f,
                    optimizer._build({**old, **decoded}, u).init(torch.zeros(u.length, dtype=u.dtype, device=u.device)),
                    f"state[{i}][{j}]",
                )
                for j, (f, u) in enumerate(zip(found, units, strict=True))
            ]
        )
    extra = set(state_dict["state"]) - set(range(len(here)))
    if extra:
        raise ValueError(f"state_dict has states of unknown groups {sorted(map(str, extra))}")
    return groups, states
