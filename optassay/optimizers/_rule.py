"""What every update rule shares: validated hyperparameters that broadcast, schedules, and checks of its arguments.

The last axis of every array is the parameter vector, the leading axes are independent runs. A hyperparameter is a
number, an array that broadcasts against the leading axes, or a schedule ``t -> value`` of the step ``t = 1, 2, ...``.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import array_api_compat

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


def choice(default: str, *allowed: str, kw_only: bool = True) -> Any:
    """A dataclass field that names one of a few conventions."""
    return dataclasses.field(default=default, metadata={"allowed": allowed}, kw_only=kw_only)


@dataclasses.dataclass(frozen=True, eq=False)
class Rule(ABC):
    """An update rule: frozen hyperparameters and two pure functions.

    Sub-classes are frozen dataclasses; ``init`` and ``step`` never write to their arguments.

    Attributes
    ----------
    nonfinite : {"raise", "skip", "propagate"}
        What a NaN or infinite gradient does: raise ValueError with the step number (default), leave that run's
        parameters and state as they are for this step, or let it through (for batches in which single runs diverge).
    """

    nonfinite: NonFinite = choice("raise", "raise", "skip", "propagate")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            domain: Domain | None = field.metadata.get("domain")
            if domain is not None and value is not None and not callable(value):
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

    def value(self, ctx: Context, name: str, t: int) -> Any:
        """The hyperparameter ``name`` at step ``t``, ready to multiply arrays of shape (..., d)."""
        return resolve(ctx, getattr(self, name), t)

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
            total = ctx.xp.sum(grad)
            if not bool(ctx.xp.isfinite(total)):
                try:
                    check_finite(grad=grad)
                except ValueError as error:
                    raise ValueError(f"step {t}: {error}") from error
        return ctx


def resolve(ctx: Context, value: Hyper, t: int) -> Any:
    """A hyperparameter's value at step ``t``: schedules are called, batch arrays get the parameter axis."""
    if callable(value):
        value = value(t)
    if array_api_compat.is_array_api_obj(value) and value.ndim > 0:
        return ctx.asarray(value)[..., None]
    return value


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
