"""``torch.optim.Optimizer`` around an update rule: groups, closures, checkpoints."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch.optim import Optimizer

from .. import optimizers
from ..optimizers import Rule
from . import _checkpoint as checkpoint
from ._flat import Unit

# Coordinates do not see each other: cutting the vector changes nothing.
ELEMENTWISE = frozenset(
    {"GradientDescent", "Momentum", "Adam", "AdamW", "AMSGrad", "RMSprop", "Adagrad", "AdaBelief", "SignDescent"}
    | {"MomentumSign", "SVAG", "MSVAG", "MiniBatchMSVAG", "AdamStar", "MiniBatchAdamStar", "AdaMomentum"}
)
_FROM_BRIDGE = ("segments", "scope")  # fields that follow from the optimizer's scope and the tensors' lengths
_TORCH_KEYS = ("params", "param_names", "initial_lr")


def fields_of(rule_type: type[Rule]) -> dict[str, dataclasses.Field]:
    """The hyperparameters a group holds, by their names in the rule."""
    return {f.name: f for f in dataclasses.fields(rule_type) if f.name not in _FROM_BRIDGE}


def group_key(name: str) -> str:
    """torch's schedulers know the step size as ``lr``."""
    return "lr" if name == "step_size" else name


def _place_of_step_size(rule: Rule) -> str | None:
    """The field that acts as step size, or that holds the rule whose step size acts."""
    # Anderson's rule inside takes the steps without mixing only, unless it is the preconditioner.
    inside = isinstance(rule, optimizers.PreconditionedAdaSAM)
    for name in ("step_size", "rule", "inner" if inside else "mixing"):
        if getattr(rule, name, None) is not None and name in rule.__dataclass_fields__:
            return name
    return None


def step_size_of(rule: Rule) -> Any:
    """The step size of a rule: its own, that of the rule inside, or Anderson's mixing parameter; None without any."""
    name = _place_of_step_size(rule)
    value = None if name is None else getattr(rule, name)
    return step_size_of(value) if isinstance(value, Rule) else value


def with_step_size(rule: Rule, step_size: Any) -> Rule:
    """The rule with the step size that :func:`step_size_of` finds changed."""
    name = _place_of_step_size(rule)
    if name is None:
        return rule
    value = getattr(rule, name)
    return rule.replace(**{name: with_step_size(value, step_size) if isinstance(value, Rule) else step_size})


def trusting(rule: Rule) -> Rule:
    """The rule and those inside it without their check for non-finite gradients, which was made before."""
    changes: dict[str, Any] = {"nonfinite": "propagate"}
    for field in dataclasses.fields(rule):
        value = getattr(rule, field.name)
        if isinstance(value, Rule):
            changes[field.name] = trusting(value)
    return rule.replace(**changes)


class RuleOptimizer(Optimizer):
    """An update rule of :mod:`optassay.optimizers` as a PyTorch optimizer.

    Each parameter group is one flat vector with hyperparameters of its own (``scope="model"``), or one vector per
    tensor (``scope="tensor"``). A parameter whose ``.grad`` is None does not move; its part of the vector sees a zero
    gradient. With ``scope="tensor"`` a rule that is not elementwise leaves such a tensor's state alone as well.

    Loops are compiled when they are used for the third time. The first two uses differ from the others in the last
    bits; with ``compiled="at once"`` they do not, so that a run resumed from a checkpoint repeats every bit.
    """

    rule_type: ClassVar[type[Rule]]
    _needs_closure: ClassVar[bool] = False
    segmented = False  # whether a rule with ``segments`` gets the tensors' lengths in scope "model" too

    def __init__(
        self,
        params: Any,
        *,
        scope: Literal["model", "tensor"] = "model",
        compiled: bool | Literal["at once"] = True,
        **hyperparameters: Any,
    ) -> None:
        if scope not in ("model", "tensor"):
            raise ValueError(f"scope must be one of 'model', 'tensor', got {scope!r}")
        self.hyperparameters = tuple(hyperparameters)
        self.scope = scope
        self.compiled = compiled
        self._units: list[list[Unit]] = []
        self._rules: dict[int, tuple[Any, Rule, Rule]] = {}
        super().__init__(params, hyperparameters)

    @classmethod
    def from_rule(cls, params: Any, rule: Rule, **options: Any) -> RuleOptimizer:
        """The optimizer with a rule's hyperparameters, for example those of ``rule.published()``.

        Parameters
        ----------
        params : iterable of tensors, or of groups
        rule : Rule
            Of this optimizer's type. Its ``segments`` and ``scope`` follow from ``options``.
        **options
            ``scope``, ``segmented``, ``compiled``.

        Raises
        ------
        TypeError
            The rule is of another type.
        """
        if type(rule) is not cls.rule_type:
            raise TypeError(f"rule must be of type {cls.__name__}, got {type(rule).__name__}")
        values = {group_key(name): getattr(rule, name) for name in fields_of(cls.rule_type)}
        return cls(params, **values, **options)

    # Groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; its hyperparameters are checked at once.

        Raises
        ------
        TypeError, ValueError
            Unknown names, hyperparameters outside their domain, parameters that are not real floating.
        """
        name = type(self).__name__
        for key in param_group:
            if key not in self.hyperparameters and key not in _TORCH_KEYS:
                raise TypeError(f"{name} has no hyperparameter {key!r}; it has {', '.join(self.hyperparameters)}")
        before = len(self.param_groups)
        super().add_param_group(param_group)
        try:
            group = self.param_groups[-1]
            for i, p in enumerate(group["params"]):
                if not p.dtype.is_floating_point:
                    raise TypeError(f"parameter {i} must be real floating, got {p.dtype}")
            units = self._partition(group, len(self.param_groups) - 1)
            for unit in units:
                self._rule(group, unit)
        except BaseException:
            del self.param_groups[before:]
            raise
        self._units.append(units)

    def _partition(self, group: Mapping[str, Any], number: int) -> list[Unit]:
        """The flat vectors of a group."""
        params = [p for p in group["params"] if p.numel() > 0]
        kinds: dict[Any, list[torch.Tensor]] = {}
        elementwise = self.rule_type.__name__ in ELEMENTWISE
        has_segments = "segments" in self.rule_type.__dataclass_fields__
        for i, p in enumerate(params):
            own = self.scope == "tensor" and not elementwise and not has_segments
            kinds.setdefault((p.device, p.dtype, i if own else 0), []).append(p)
        if self.scope == "model" and not elementwise and len(kinds) > 1:
            raise ValueError(
                f"{type(self).__name__} sees group {number} as one vector, which needs one dtype and one device; got "
                f"{', '.join(f'{dtype} on {device}' for device, dtype, _ in kinds)}: "
                "split the group, or use scope='tensor'"
            )
        units = [
            Unit(tensors, self.compiled, has_segments and (self.segmented or self.scope == "tensor"))
            for tensors in kinds.values()
        ]
        if self._needs_closure and sum(len(known) for known in self._units) + len(units) > 1:
            raise ValueError(
                f"{type(self).__name__} evaluates the loss away from the parameters, all of them moved together: it "
                "takes one group of one dtype and device, and scope='model'"
            )
        return units

    def _rule(self, group: Mapping[str, Any], unit: Unit) -> tuple[Rule, Rule]:
        """The group's rule for a unit, as it is and without its check for non-finite gradients."""
        values = tuple(group[key] for key in self.hyperparameters)
        known = self._rules.get(id(unit))
        if known is not None and all(
            a is b or (type(a) is type(b) is float and a == b) for a, b in zip(known[0], values, strict=True)
        ):
            return known[1], known[2]
        rule = self._build(group, unit)
        self._rules[id(unit)] = (values, rule, trusting(rule))
        return rule, self._rules[id(unit)][2]

    def _build(self, group: Mapping[str, Any], unit: Unit) -> Rule:
        arguments = {}
        for name in fields_of(self.rule_type):
            if group_key(name) in group:
                arguments[name] = _number(group[group_key(name)])
        own = self.rule_type.__dataclass_fields__
        if "segments" in own and self.scope == "tensor":
            arguments["segments"] = unit.lengths
            if "scope" in own:
                arguments["scope"] = "tensor"
        elif "segments" in own and self.segmented:
            arguments["segments"] = unit.lengths
        rule = self.rule_type(**arguments)
        # Rules without a step size of their own take ``lr`` where it acts.
        own_step_size = "step_size" in own or group.get("lr") is None
        return rule if own_step_size else with_step_size(rule, _number(group["lr"]))

    # Steps

    def step(
        self,
        closure: Callable[[], Any] | None = None,
        *,
        per_example: Mapping[torch.Tensor, torch.Tensor] | None = None,
        **extras: Any,
    ) -> Any:
        """One step with the gradients in ``.grad``.

        Parameters
        ----------
        closure : callable, optional
            Clears the gradients, computes the loss, calls ``backward`` and returns the loss. Rules that look at a
            second point need it.
        per_example : mapping, optional
            For mini-batch rules: of each parameter the gradients of the examples (B, \\*shape), as
            :func:`per_example_gradients` gives them. Where ``.grad`` is None, their mean is the gradient.
        **extras
            Further arguments of the rule's ``step``.

        Raises
        ------
        TypeError
            A missing closure; sparse gradients, or such of another dtype or device.
        ValueError
            Non-finite gradients (policy "raise"). Nothing has moved then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        elif self._needs_closure:
            raise TypeError(
                f"{type(self).__name__}.step needs a closure that clears the gradients, computes the loss, calls "
                "backward() and returns the loss"
            )
        with torch.no_grad():
            if per_example is not None:
                _fill_gradients(per_example)
            work = []
            for number, (group, units) in enumerate(zip(self.param_groups, self._units, strict=True)):
                for unit in units:
                    self._follow(unit)
                    if all(p.grad is None for p in unit.params):
                        continue
                    rule, fast = self._rule(group, unit)
                    if unit.state is None:
                        unit.set_state(rule.init(unit.flat(unit.params)))
                    gradients = unit.gradients()
                    finite = rule.nonfinite == "propagate" or unit.finite(gradients)
                    if not finite and rule.nonfinite == "raise":
                        _refuse(unit, gradients.tensors, number)
                    work.append((unit, rule, fast if finite else None, gradients))
            for unit, rule, recorded, gradients in work:
                more = dict(extras)
                if per_example is not None:
                    more["per_example"] = _flat_examples(per_example, unit)
                if self._needs_closure:
                    more["gradient_fn"] = self._gradient_fn(unit, closure)
                unit.step(rule, None if more else recorded, gradients, more)
        return loss

    def _follow(self, unit: Unit) -> None:
        """Notice parameters that ``module.to`` or ``.data = `` has changed since the state was made."""
        dtype, device = unit.dtype, unit.device
        for i, p in enumerate(unit.params):
            if p.numel() != unit.lengths[i] or p.dtype is not dtype or p.device != device:
                raise ValueError(
                    f"a parameter is now {tuple(p.shape)} {p.dtype} on {p.device}, its optimizer was built for "
                    f"{unit.lengths[i]} numbers {unit.dtype} on {unit.device}: build the optimizer afterwards"
                )

    def _gradient_fn(self, unit: Unit, closure: Any) -> Callable[[torch.Tensor], torch.Tensor]:
        def gradient(point: torch.Tensor) -> torch.Tensor:
            here = unit.flat(unit.params)
            everything = [True] * len(unit.params)
            unit.scatter(point, everything)
            try:
                with torch.enable_grad():
                    closure()
            finally:
                unit.scatter(here, everything)
            return unit.flat(unit.gradients().tensors)

        return gradient

    def take_snapshot(self, closure: Callable[[], Any]) -> Any:
        """Start an outer loop of a variance-reduced rule: ``closure`` computes loss and gradients of all data.

        Raises
        ------
        TypeError
            The rule has no snapshots.
        """
        if not hasattr(self.rule_type, "take_snapshot"):
            raise TypeError(f"{type(self).__name__} has no snapshots")
        with torch.enable_grad():
            loss = closure()
        with torch.no_grad():
            for group, units in zip(self.param_groups, self._units, strict=True):
                for unit in units:
                    rule, _ = self._rule(group, unit)
                    params = unit.flat(unit.params)
                    state = rule.init(params) if unit.state is None else unit.state
                    full = unit.flat(unit.gradients().tensors)
                    unit.state = rule.take_snapshot(params, full, state)  # type: ignore[attr-defined]
        return loss

    # Checkpoints

    def state_dict(self) -> dict[str, Any]:
        """Groups and state as plain containers, numbers and tensors: ``torch.load(weights_only=True)`` reads it."""
        base = super().state_dict()
        groups = [{k: checkpoint.encode_value(v) for k, v in group.items()} for group in base["param_groups"]]
        state = {i: [checkpoint.encode_state(unit.state) for unit in units] for i, units in enumerate(self._units)}
        return {"rule": type(self).__name__, "scope": self.scope, "state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a checkpoint of the same rule on tensors of the same shapes.

        Raises
        ------
        TypeError, ValueError
            Another rule or scope, unknown or missing entries, another capacity, shape or dtype. Nothing has changed.
        """
        groups, states = checkpoint.read(self, state_dict)
        super().load_state_dict({"state": {}, "param_groups": groups})
        for units, found in zip(self._units, states, strict=True):
            for unit, state in zip(units, found, strict=True):
                unit.state = None
                if state is not None:
                    unit.set_state(state)
        self._rules = {}

    def __getstate__(self) -> dict[str, Any]:
        own = ("hyperparameters", "scope", "compiled", "segmented", "_units")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in own}, "_rules": {}}


def _refuse(unit: Unit, grads: Sequence[torch.Tensor], number: int) -> None:
    bad = [i for i, grad in enumerate(grads) if not bool(torch.isfinite(grad).all())]
    raise ValueError(
        f"step {unit.state.t + 1}: grad must be finite; in group {number} the gradient of tensor {bad[0]} of shape "
        f"{tuple(grads[bad[0]].shape)} is not ({len(bad)} of {len(grads)} tensors); parameters and state are unchanged"
    )


def _number(value: Any) -> Any:
    """A one-element tensor (``torch.optim`` allows it for lr) as a number."""
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def _fill_gradients(per_example: Mapping[torch.Tensor, torch.Tensor]) -> None:
    for p, examples in per_example.items():
        if p.grad is None:
            p.grad = examples.mean(0)


def _flat_examples(per_example: Mapping[torch.Tensor, torch.Tensor], unit: Unit) -> torch.Tensor:
    size = next(iter(per_example.values())).shape[0]
    pieces = []
    for p in unit.params:
        examples = per_example.get(p)
        if examples is None:
            if p.grad is not None:
                raise ValueError(f"per_example lacks a parameter of shape {tuple(p.shape)}")
            examples = p.new_zeros((size, *p.shape))
        if tuple(examples.shape) != (size, *p.shape):
            raise ValueError(f"per_example must have shape {(size, *p.shape)}, got {tuple(examples.shape)}")
        pieces.append(examples.reshape(size, -1))
    return torch.cat(pieces, dim=1)


def generate(rule_type: type[Rule]) -> type[RuleOptimizer]:
    """The optimizer class of a rule, with the rule's hyperparameters as its arguments."""
    fields = fields_of(rule_type)
    lends = "step_size" not in fields  # the step size is that of something inside
    parameters = [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD),
    ]
    for name, field in fields.items():
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        kind = inspect.Parameter.KEYWORD_ONLY if field.kw_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
        empty = inspect.Parameter.empty if default is dataclasses.MISSING else default
        parameters.append(inspect.Parameter(group_key(name), kind, default=empty))
    if lends:
        parameters.append(inspect.Parameter("lr", inspect.Parameter.KEYWORD_ONLY, default=None))
    if "segments" in rule_type.__dataclass_fields__:
        parameters.append(inspect.Parameter("segmented", inspect.Parameter.KEYWORD_ONLY, default=False))
    parameters.append(inspect.Parameter("scope", inspect.Parameter.KEYWORD_ONLY, default="model"))
    parameters.append(inspect.Parameter("compiled", inspect.Parameter.KEYWORD_ONLY, default=True))
    parameters.sort(key=lambda p: (p.kind, p.default is not inspect.Parameter.empty if p.name != "self" else False))
    signature = inspect.Signature(parameters)

    def __init__(self: RuleOptimizer, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        values = dict(bound.arguments)
        del values["self"]
        if lends and values["lr"] is None:
            plain = {name: values[name] for name in fields if name in values}
            values["lr"] = step_size_of(rule_type(**plain))
        self.segmented = bool(values.pop("segmented", False))
        RuleOptimizer.__init__(
            self, values.pop("params"), scope=values.pop("scope"), compiled=values.pop("compiled"), **values
        )

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    needs_closure = "gradient_fn" in inspect.signature(rule_type.step).parameters
    doc = f":class:`optassay.optimizers.{rule_type.__name__}` as a PyTorch optimizer.\n\n{inspect.getdoc(rule_type)}\n"
    if "segments" in rule_type.__dataclass_fields__:
        doc += "\nWith ``segmented=True`` the lengths of a group's tensors are the rule's ``segments``.\n"
    return type(
        rule_type.__name__,
        (RuleOptimizer,),
        {
            "rule_type": rule_type,
            "_needs_closure": needs_closure,
            "__init__": __init__,
            "__doc__": doc,
            "__module__": "optassay.torch",
        },
    )


def rules() -> dict[str, type[Rule]]:
    """Every rule of the library by its name."""
    return {
        name: value
        for name in optimizers.__all__
        if isinstance(value := getattr(optimizers, name), type) and issubclass(value, Rule) and value is not Rule
    }
