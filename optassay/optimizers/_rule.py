"""What every update rule shares: validated hyperparameters that broadcast, schedules, and checks of its arguments.

The last axis of every array is the parameter vector, the leading axes are independent runs. A hyperparameter is a
number, an array that broadcasts to the leading axes, or a schedule ``t -> value`` of the step ``t = 1, 2, ...``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import array_api_compat
import numpy as np

from ..arrays import Array, Context, check_finite, context

Hyper = Any  # float | Array over the batch axes | Callable[[int], float | Array]
NonFinite = Literal["raise", "skip", "propagate"]


class Domain(NamedTuple):
    """Interval a hyperparameter must lie in."""

    low: float
    high: float
    closed_low: bool
    closed_high: bool

    def __str__(self) -> str:
        return f"{'[' if self.closed_low else '('}{self.low:g}, {self.high:g}{']' if self.closed_high else ')'}"

    def contains(self, value: Any) -> bool:
        """Whether a number, or every entry of an array, lies inside (NaN never does)."""
        above = value >= self.low if self.closed_low else value > self.low
        below = value <= self.high if self.closed_high else value < self.high
        if array_api_compat.is_array_api_obj(above):
            xp = array_api_compat.array_namespace(above)
            return bool(xp.all(above)) and bool(xp.all(below))
        return bool(above) and bool(below)


def hyper(default: Any = dataclasses.MISSING, *, domain: str, kw_only: bool = False) -> Any:
    """A dataclass field with a domain written as an interval, for example ``"[0, 1)"`` or ``"(0, inf)"``."""
    low, high = domain[1:-1].split(",")
    parsed = Domain(float(low), float(high), domain[0] == "[", domain[-1] == "]")
    return dataclasses.field(default=default, metadata={"domain": parsed}, kw_only=kw_only)


def choice(default: Any, *allowed: Any, kw_only: bool = True) -> Any:
    """A dataclass field that names one of a few conventions."""
    return dataclasses.field(default=default, metadata={"allowed": allowed}, kw_only=kw_only)


@dataclasses.dataclass(frozen=True, eq=False)
class Rule(ABC):
    """An update rule: frozen hyperparameters and two pure functions.

    Sub-classes are frozen dataclasses; ``init`` and ``step`` never write to their arguments. Arrays of a state carry
    the batch axes in front.

    Attributes
    ----------
    nonfinite : {"raise", "skip", "propagate"}
        What a NaN or infinite gradient does: raise ValueError with the step number (default), leave that run's
        parameters and state as they are for this step, or let it through (for batches in which single runs diverge).
        The counter ``t`` is common to all runs and advances on a skipped step too.
    """

    State: ClassVar[type | None] = None  # the NamedTuple of the rule; a state of another type is refused

    # Written out, not by `choice`: type checkers must see that it takes no positional argument.
    nonfinite: NonFinite = dataclasses.field(
        default="raise", kw_only=True, metadata={"allowed": ("raise", "skip", "propagate")}
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _guarded(cls.__dict__["step"])  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            domain: Domain | None = field.metadata.get("domain")
            if domain is not None and not callable(value) and not (value is None and field.default is None):
                try:
                    inside = domain.contains(value)
                except TypeError as error:
                    raise TypeError(f"{field.name} must be a number, an array or a schedule, got {value!r}") from error
                if not inside:
                    raise ValueError(f"{field.name} must lie in {domain}, got {value!r}")
            allowed = field.metadata.get("allowed")
            if allowed is not None and value not in allowed:
                raise ValueError(f"{field.name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")

    def replace(self, **changes: Any) -> Any:
        """The same rule with some hyperparameters changed."""
        return dataclasses.replace(self, **changes)

    @abstractmethod
    def init(self, params: Array) -> Any:
        """The state before the first step: a NamedTuple whose first entry ``t`` counts finished steps."""

    @abstractmethod
    def step(self, params: Array, grad: Array, state: Any) -> tuple[Array, Any]:
        """New parameters and state after one step with the gradient ``grad`` at ``params``."""

    def state_type(self) -> type | None:
        """The NamedTuple that ``init`` returns, where the rule names it."""
        return self.State

    def check_state(self, params: Array, state: Any) -> None:  # noqa: B027 - most states need no more than their type
        """Refuse a state that cannot belong to ``params``; called ahead of every step."""

    def value(self, ctx: Context, name: str, t: int) -> Any:
        """The hyperparameter ``name`` at step ``t``, ready to multiply arrays of shape (..., d)."""
        value = getattr(self, name)
        if callable(value):
            value = value(t)
            domain: Domain | None = type(self).__dataclass_fields__[name].metadata.get("domain")
            if domain is not None and not domain.contains(value):
                raise ValueError(f"step {t}: {name} must lie in {domain}, its schedule gave {value!r}")
        return resolve(ctx, value, t)

    def enter(self, params: Array, grad: Array, t: int) -> Context:
        """Check the arguments of step ``t`` and return their context.

        Raises
        ------
        TypeError
            Different namespaces, devices or dtypes; sparse, integer or complex gradients.
        ValueError
            Another shape than the parameters', or (policy "raise") a non-finite gradient.
        """
        if getattr(grad, "is_sparse", False):
            raise TypeError("grad must be dense, got a sparse tensor; convert it with grad.to_dense()")
        ctx = context(params=params, grad=grad)
        if grad.dtype != params.dtype:
            raise TypeError(f"grad must have the dtype of params ({params.dtype}), got {grad.dtype}")
        if grad.shape != params.shape:
            raise ValueError(f"grad must have the shape of params {tuple(params.shape)}, got {tuple(grad.shape)}")
        if self.nonfinite == "raise":
            # A sum is finite only if all its terms are; only a suspicious sum pays for the exact check.
            with np.errstate(over="ignore", invalid="ignore"):
                total = ctx.xp.sum(grad)
            if not bool(ctx.xp.isfinite(total)):
                try:
                    check_finite(grad=grad)
                except ValueError as error:
                    raise ValueError(f"step {t}: {error}") from error
        return ctx


@dataclasses.dataclass(frozen=True, eq=False)
class ElementwiseRule(Rule):
    """A rule whose state holds, beside ``t``, arrays of the parameters' shape that start at zero."""

    def init(self, params: Array) -> Any:
        ctx = check_params(params)
        kind: Any = self.state_type()
        return kind(0, *(ctx.zeros(params.shape) for _ in kind._fields[1:]))

    def check_state(self, params: Array, state: Any) -> None:
        for name, array in zip(state._fields[1:], state[1:], strict=True):
            if array.shape != params.shape:
                raise ValueError(
                    f"state.{name} must have the shape of params {tuple(params.shape)}, got {tuple(array.shape)}"
                )
            if array.dtype != params.dtype:
                raise TypeError(f"state.{name} must have the dtype of params ({params.dtype}), got {array.dtype}")


def _guarded(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step`` with the checks every rule shares and the policy "skip", both in one place."""

    @functools.wraps(step)
    def wrapper(self: Rule, params: Array, grad: Array, state: Any, **extra: Any) -> tuple[Array, Any]:
        kind = self.state_type()
        if kind is not None and not isinstance(state, kind):
            raise TypeError(
                f"state must be the {kind.__name__} of {type(self).__name__}.init, got {type(state).__name__}"
            )
        self.check_state(params, state)
        if self.nonfinite == "skip":
            with np.errstate(over="ignore", invalid="ignore"):
                new_params, new_state = _step_finite_runs(step, self, params, grad, state, extra)
        else:
            new_params, new_state = step(self, params, grad, state, **extra)
        if new_params.shape != params.shape:
            raise ValueError(
                f"hyperparameters and state must broadcast to the batch axes of params, {tuple(params.shape[:-1])}, "
                f"but the step has {tuple(new_params.shape[:-1])}: a grid needs params of its own shape"
            )
        return new_params, new_state

    return wrapper


def _step_finite_runs(
    step: Callable[..., Any], rule: Rule, params: Array, grad: Array, state: Any, extra: dict[str, Any]
) -> tuple[Array, Any]:
    ctx = rule.enter(params, grad, state.t + 1)
    xp = ctx.xp
    finite = xp.all(xp.isfinite(grad), axis=-1)
    for value in extra.values():
        if array_api_compat.is_array_api_obj(value):
            # Axes behind the batch are one run's; an array without the batch axes concerns all runs.
            axes = tuple(range(finite.ndim, value.ndim)) if value.shape[: finite.ndim] == finite.shape else None
            finite = finite & xp.all(xp.isfinite(value), axis=axes)
    if bool(xp.all(finite)):
        return step(rule, params, grad, state, **extra)
    # Skipped runs take a step with gradient zero that is thrown away: no NaN can leak, no shape depends on data.
    new_params, new_state = step(rule, params, xp.where(finite[..., None], grad, xp.zeros_like(grad)), state, **extra)
    return _select(finite, new_params, params, xp), _select(finite, new_state, state, xp)


def _select(finite: Array, new: Any, old: Any, xp: Any) -> Any:
    """Leaf by leaf the new value where a run is finite, else the old one; what is no array is new."""
    if isinstance(new, tuple):
        leaves = [_select(finite, n, o, xp) for n, o in zip(new, old, strict=True)]
        return type(new)(*leaves) if hasattr(new, "_fields") else tuple(leaves)
    if not array_api_compat.is_array_api_obj(new):
        return new
    mask = xp.reshape(finite, (*finite.shape, *(1,) * (new.ndim - finite.ndim)))
    return xp.where(mask, new, old)


def resolve(ctx: Context, value: Hyper, t: int) -> Any:
    """A hyperparameter's value at step ``t``: schedules are called, batch arrays get the parameter axis.

    Arrays are rounded to the dtype of the parameters; numbers stay Python's and take part in double precision.
    """
    if callable(value):
        value = value(t)
    if isinstance(value, np.generic):
        return value.item()
    if array_api_compat.is_array_api_obj(value):
        array = ctx.asarray(value)
        return array[..., None] if array.ndim > 0 else array
    return value


def is_zero(value: Hyper) -> bool:
    """Whether a hyperparameter is the number zero, so that its term can be left out."""
    return isinstance(value, int | float) and value == 0


def power(ctx: Context, base: Any, exponent: int) -> Any:
    """``base ** exponent`` for a number or an array of hyperparameters.

    On NumPy a number goes through the array routine, which differs from Python's in the last bit: a grid of runs then
    equals the same runs one by one bit for bit.
    """
    if isinstance(base, int | float) and array_api_compat.is_numpy_namespace(ctx.xp):
        return float(np.power(np.asarray(base, dtype=np.float64), float(exponent)))
    return base ** (float(exponent) if isinstance(exponent, int) else exponent)


def square_root(ctx: Context, value: Any) -> Any:
    """Root of a number or an array of hyperparameters."""
    return ctx.xp.sqrt(value) if array_api_compat.is_array_api_obj(value) else math.sqrt(value)


def minimum(ctx: Context, value: Any, bound: float) -> Any:
    """The smaller of a number or an array of hyperparameters and a number."""
    if array_api_compat.is_array_api_obj(value):
        return ctx.xp.minimum(value, ctx.asarray(bound))
    return min(value, bound)


def ratio(numerator: Array, denominator: Array, xp: Any) -> Array:
    """Quotient in which 0/0 is 0: a coordinate that never saw a gradient does not move."""
    rest = (numerator == 0) & (denominator == 0)
    return numerator / xp.where(rest, xp.ones_like(denominator), denominator)


def is_positive(ctx: Context, value: Any) -> bool:
    """Whether a resolved hyperparameter is a number that stays positive in the arrays' dtype: sums cannot vanish."""
    return isinstance(value, int | float) and value >= float(ctx.xp.finfo(ctx.dtype).smallest_normal)


def check_params(params: Array) -> Context:
    """Context of the parameters of ``init``: real floating, at least one axis, finite."""
    ctx = context(params=params)
    if params.ndim < 1:
        raise ValueError("params must have at least one axis: the last one is the parameter vector")
    if not ctx.xp.isdtype(params.dtype, "real floating"):
        raise TypeError(f"params must be real floating, got {params.dtype}")
    check_finite(params=params)
    return ctx


def dot(a: Array, b: Array, xp: Any) -> Array:
    """Inner product over the last axis, which is kept: (..., 1)."""
    return xp.sum(a * b, axis=-1, keepdims=True)


def norm(a: Array, xp: Any) -> Array:
    """Euclidean norm over the last axis, which is kept: (..., 1)."""
    return xp.sqrt(dot(a, a, xp))


Schedule = Callable[[int], Any]
