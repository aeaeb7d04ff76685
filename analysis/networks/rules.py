"""Update rules, and PyTorch's own optimizers, from the tables of an experiment file."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Mapping
from typing import Any

from optassay import optimizers
from optassay.optimizers import Rule

from .problems import Key, Problem, nearest

RULES = [
    name
    for name in optimizers.__all__
    if isinstance(value := getattr(optimizers, name), type) and issubclass(value, Rule) and value is not Rule
]
_TORCH = "torch."


def with_values(options: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Options with those of a grid's point; a dotted name reaches into a rule inside (``rule.step_size``)."""
    result = dict(options)
    for name, value in values.items():
        outer, dot, inner = name.partition(".")
        if not dot:
            result[name] = value
        elif isinstance(result.get(outer), Mapping):
            result[outer] = with_values(result[outer], {inner: value})
        else:
            raise Problem((name,), f"{outer} is no table with a rule inside")
    return result


def is_torch(name: str) -> bool:
    """Whether the name is that of one of PyTorch's optimizers, ``torch.Adam``."""
    return name.startswith(_TORCH)


def build_rule(name: str, options: Mapping[str, Any], preset: str | None = None) -> Rule:
    """The rule; those inside it are tables with a ``name``.

    Non-finite gradients are let through: training notices them by itself and records the run as diverged.

    Raises
    ------
    Problem
        An unknown rule, preset or hyperparameter, or a value outside its domain.
    """
    if name not in RULES:
        raise Problem(("name",), f"no rule is called {name!r}{nearest(name, RULES)}")
    kind = getattr(optimizers, name)
    known = [field.name for field in dataclasses.fields(kind) if field.init and field.name != "segments"]
    values: dict[str, Any] = {}
    for key, value in options.items():
        if key not in known:
            raise Problem((key,), f"{name} has no such hyperparameter{nearest(key, known)}")
        values[key] = _value(value, (key,))
    make = kind
    if preset is not None:
        make = getattr(kind, preset, None)
        if make is None:
            raise Problem(("preset",), f"{name} has no preset {preset!r}")
    try:
        return make(**values, nonfinite="propagate")
    except (TypeError, ValueError) as error:
        at: tuple[Key, ...] = next(((key,) for key in options if str(error).startswith(f"{key} ")), ())
        raise Problem(at, str(error)) from error


def _value(value: Any, path: tuple[Key, ...]) -> Any:
    if isinstance(value, Mapping):
        if "name" not in value:
            raise Problem(path, "a rule inside a rule is a table with a name")
        inner = {key: entry for key, entry in value.items() if key not in ("name", "preset")}
        try:
            return build_rule(value["name"], inner, value.get("preset"))
        except Problem as problem:
            raise Problem((*path, *problem.path), problem.message) from problem
    return tuple(value) if isinstance(value, list) else value


def build_optimizer(params: Any, table: Mapping[str, Any]) -> Any:
    """The ``torch.optim.Optimizer`` of a run's optimizer table (name, preset, scope, segmented, options)."""
    name, options = table["name"], table["options"]
    if is_torch(name):
        kind, values = torch_optimizer(name, options)
        return kind(params, **values)
    from optassay import torch as bridge

    rule = build_rule(name, options, table["preset"])
    more = {"segmented": True} if table["segmented"] else {}
    # At once: a resumed run must not differ from an uninterrupted one in its first steps.
    return getattr(bridge, name).from_rule(params, rule, scope=table["scope"], compiled="at once", **more)


def torch_optimizer(name: str, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Class and arguments; the step size is called ``step_size`` here too.

    Raises
    ------
    Problem
        PyTorch has no such optimizer, or it no such argument.
    """
    import torch

    kinds = {
        key: value
        for key, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
    }
    short = name.removeprefix(_TORCH)
    if short not in kinds:
        raise Problem(("name",), f"PyTorch has no optimizer {short!r}{nearest(short, kinds)}")
    known = ["step_size" if key == "lr" else key for key in inspect.signature(kinds[short]).parameters][1:]
    for key in options:
        if key not in known:
            raise Problem((key,), f"{name} has no such argument{nearest(key, known)}")
    values = {"lr" if key == "step_size" else key: _value(value, (key,)) for key, value in options.items()}
    return kinds[short], values


def schedule_factor(schedule: Mapping[str, Any], steps_per_epoch: int, epochs: int) -> Any:
    """What multiplies the step size at step t = 1, 2, ...: a schedule of :mod:`optassay.optimizers`."""
    per = steps_per_epoch if schedule["unit"] == "epochs" else 1
    made: Any
    if schedule["kind"] == "drops":
        made = optimizers.StepDrops(1.0, after=tuple(per * at for at in schedule["at"]), factor=schedule["factor"])
    elif schedule["kind"] == "cosine":
        made = optimizers.Cosine(1.0, steps=epochs * steps_per_epoch)
    else:
        made = optimizers.Constant(1.0)
    return optimizers.WarmUp(made, schedule["warm_up"]) if schedule["warm_up"] else made


class StepSizes:
    """Sets an optimizer's step size (and Anderson's damping, which decays with it) step by step.

    "Stochastic Anderson Mixing" decays both of its parameters ("alpha_k and beta_k were decayed").
    """

    def __init__(self, optimizer: Any, factor: Any) -> None:
        self.optimizer, self.factor = optimizer, factor
        self.initial = [
            {key: group[key] for key in ("lr", "damping") if isinstance(group.get(key), int | float)}
            for group in optimizer.param_groups
        ]
        self.last = 1.0

    def at(self, t: int) -> None:
        """Make the values those of step ``t``."""
        factor = self.factor(t)
        if factor == self.last:
            return
        self.last = factor
        for group, initial in zip(self.optimizer.param_groups, self.initial, strict=True):
            for key, value in initial.items():
                group[key] = value * factor

    @property
    def now(self) -> float | None:
        """The step size of the first group."""
        value = self.initial[0].get("lr")
        return None if value is None or not math.isfinite(value) else value * self.last
