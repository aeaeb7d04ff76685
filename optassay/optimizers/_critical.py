"""What the rules with a priority buffer share: its options, its keys, and how it is read and filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..arrays import Array, Context
from . import _buffer
from ._buffer import Buffer
from ._rule import Hyper, Rule, choice, hyper
from ._wrapper import check_shape


@dataclass(frozen=True, eq=False)
class CriticalRule(Rule):
    """A rule with a priority buffer of ``capacity`` vectors.

    Attributes
    ----------
    capacity : int
        ``C``; 0 leaves the rule without its buffer.
    decay : hyperparameter
        ``lambda``, the factor of the priorities after every step, the new one included. Decaying ahead of the
        comparison makes the same choices: it divides all keys by ``lambda``.
    mean : {"capacity", "fill"}
        Divide the sum of the stored vectors by ``C``, as (6) prints, or by their number, as the published code does.
    order : {"aggregate", "insert"}
        What comes first: aggregating (Algorithm 1 and the published code) or inserting the current vector.
    strict : bool
        Replace only for a strictly larger key (Algorithm 1, published), or for an equal one too.
    replace_slot : {"smallest", "first"}
        Which entry of a full buffer goes: the first smallest key, or always slot 0 (published ``critical_test = 1``).
    decayed : {"keys", "values"}
        What ``decay`` multiplies. "values" is the reading of section 3.1; it touches all ``C d`` numbers.
    segments : tuple of int, optional
        Lengths of the tensors that make up the parameter vector. The key is then the sum of the tensors' norms
        (published ``synced``), without segments the norm of the whole vector.
    scope : {"model", "tensor"}
        One buffer, or one per tensor with the tensor's own norm as key (published ``synced=False``).
    """

    capacity: int = hyper(5, domain="[0, inf)", kw_only=True)
    decay: Hyper = hyper(0.7, domain="(0, 1]", kw_only=True)
    mean: Literal["capacity", "fill"] = choice("capacity", "capacity", "fill")
    order: Literal["aggregate", "insert"] = choice("aggregate", "aggregate", "insert")
    strict: bool = choice(True, False, True)
    replace_slot: Literal["smallest", "first"] = choice("smallest", "smallest", "first")
    decayed: Literal["keys", "values"] = choice("keys", "keys", "values")
    segments: tuple[int, ...] | None = field(default=None, kw_only=True)
    scope: Literal["model", "tensor"] = choice("model", "model", "tensor")

    def __post_init__(self) -> None:
        if not isinstance(self.capacity, int) or isinstance(self.capacity, bool):
            raise TypeError(f"capacity must be an integer, got {self.capacity!r}")
        super().__post_init__()
        if self.segments is not None:
            object.__setattr__(self, "segments", tuple(self.segments))
            if not self.segments or any(not isinstance(n, int) or n < 1 for n in self.segments):
                raise ValueError(f"segments must be positive lengths of tensors, got {self.segments}")
        elif self.scope == "tensor":
            raise ValueError("scope 'tensor' needs segments, the lengths of the tensors")

    @property
    def _own(self) -> tuple[int, ...] | None:
        return self.segments if self.scope == "tensor" else None

    def _empty(self, ctx: Context, params: Array) -> Buffer:
        if self.segments is not None and sum(self.segments) != params.shape[-1]:
            raise ValueError(f"segments must sum to the {params.shape[-1]} parameters, got {self.segments}")
        return _buffer.empty(ctx, params, self.capacity, len(self._own) if self._own else None)

    def check_state(self, params: Array, state: Any) -> None:
        held = len(state.buffer.values)
        if held != self.capacity:
            raise ValueError(f"state holds a buffer of capacity {held}, the rule has {self.capacity}")
        check_shape(params, buffer=state.buffer.total)

    def _key(self, ctx: Context, vector: Array) -> Array:
        norms = _buffer.tensor_norms(ctx, vector, self.segments)
        return norms if self._own else ctx.xp.sum(norms, axis=-1)

    def _mean(self, ctx: Context, buffer: Buffer) -> Array:
        return _buffer.stored_mean(ctx, buffer, over_capacity=self.mean == "capacity", segments=self._own)

    def _offer(self, ctx: Context, buffer: Buffer, key: Array, vector: Array, t: int) -> tuple[Array, Buffer]:
        """Mean of the stored vectors that joins the aggregate, and the buffer after ``vector`` was offered to it."""
        new = _buffer.insert(
            ctx,
            buffer,
            key,
            vector,
            t,
            decay=self.value(ctx, "decay", t),
            strict=self.strict,
            first=self.replace_slot == "first",
            decay_values=self.decayed == "values",
            segments=self._own,
        )
        return self._mean(ctx, buffer if self.order == "aggregate" else new), new
