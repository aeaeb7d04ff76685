"""The priority buffer of critical gradients and critical momenta.

At most ``C`` pairs (key, value) per run. The values are C separate arrays, so that replacing the same slot of every
run (always so for a single run) swaps one reference and copies nothing; only runs that replace different slots pay for
one copy of the slots concerned. The sum of the values is kept incrementally: a step touches the replaced row and the
sum, not ``C d`` numbers. The sum is formed afresh from the rows every C steps, at most one row per step on average:
between two refreshes there are at most C exchanges, so its rounding error stays of the order of a direct summation's,
forever.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..arrays import Array, Context, replace_in_rows

Segments = tuple[int, ...] | None


class Buffer(NamedTuple):
    """Stored pairs of every run.

    Attributes
    ----------
    keys : (..., C)
        Priorities; -inf where nothing is stored yet. With one buffer per tensor (..., S, C).
    values : C arrays (..., d)
        Stored vectors, zero where nothing is stored yet.
    total : (..., d)
        Sum of the stored vectors.
    fill : (...,) or (..., S)
        Number of stored pairs.
    """

    keys: Array
    values: tuple[Array, ...]
    total: Array
    fill: Array


def empty(ctx: Context, params: Array, capacity: int, tensors: int | None) -> Buffer:
    """A buffer without entries; ``tensors`` is the number of separate buffers per run, None for one."""
    per_run = params.shape[:-1] if tensors is None else (*params.shape[:-1], tensors)
    zero = ctx.zeros(params.shape)  # shared by all slots: nothing ever writes to it
    keys = ctx.full((*per_run, capacity), -math.inf)
    return Buffer(keys, (zero,) * capacity, ctx.zeros(params.shape), ctx.zeros(per_run))


def spread(ctx: Context, value: Array, segments: Segments) -> Array:
    """A number per run (...,), or per tensor (..., S), ready to meet arrays of shape (..., d)."""
    if segments is None:
        return value[..., None]
    if hasattr(ctx.xp, "segment_spread"):  # a namespace that records expressions knows its tensors
        return ctx.xp.segment_spread(value, segments)
    index = [i for i, length in enumerate(segments) for _ in range(length)]
    return ctx.xp.take(value, ctx.asarray(index, dtype=ctx.xp.int64), axis=-1)


def tensor_norms(ctx: Context, vector: Array, segments: Segments) -> Array:
    """Euclidean norms of the consecutive tensors of lengths ``segments``: (..., S), S = 1 without segments."""
    xp = ctx.xp
    if segments is not None and hasattr(xp, "segment_sums"):
        return xp.sqrt(xp.segment_sums(vector * vector, segments))
    norms, start = [], 0
    for length in segments or (vector.shape[-1],):
        part = vector[..., start : start + length]
        norms.append(xp.sqrt(xp.vecdot(part, part, axis=-1)))
        start += length
    return xp.stack(norms, axis=-1)


def find_slot(ctx: Context, keys: Array, key: Array, *, strict: bool, first: bool) -> Array:
    """Where the pair with ``key`` goes: a slot, or C when it is turned away.

    A free slot is taken first; then the first smallest key is replaced if the new one is larger (``strict``) or not
    smaller. With ``first`` a full buffer always replaces slot 0 (the published ``critical_test = 1``).
    """
    xp = ctx.xp
    capacity = keys.shape[-1]
    # Reductions over a leading axis run along the batch, several times faster than over a short last axis.
    keys = xp.moveaxis(keys, -1, 0)
    lowest = xp.min(keys, axis=0)
    other = xp.astype(keys != lowest, xp.int32)
    slot = xp.min(_positions(ctx, keys) + capacity * other, axis=0)
    free = lowest == -math.inf
    if first:
        return xp.where(free, slot, xp.zeros_like(slot))
    accepted = free | ((key > lowest) if strict else (key >= lowest))
    return xp.where(accepted & (slot < capacity), slot, xp.full_like(slot, capacity))


def _positions(ctx: Context, leading: Array) -> Array:
    """0, ..., C - 1 along the leading axis."""
    count = ctx.arange(leading.shape[0], dtype=ctx.xp.int32)
    return ctx.xp.reshape(count, (-1, *(1,) * (leading.ndim - 1)))


def exchange(total: Array, old: Array, new: Array) -> Array:
    """The sum after ``new`` has replaced ``old``."""
    return total - (old - new)


def exact_total(values: Any) -> Any:
    """Sum of the rows in the order of the slots."""
    total = values[0]
    for row in values[1:]:
        total = total + row
    return total


def is_refresh(t: int, capacity: int) -> bool:
    """Whether the sum is formed afresh at step ``t``."""
    return t % capacity == 0


def insert(
    ctx: Context,
    buffer: Buffer,
    key: Array,
    value: Array,
    t: int,
    *,
    decay: Any,
    strict: bool = True,
    first: bool = False,
    decay_values: bool = False,
    segments: Segments = None,
) -> Buffer:
    """The buffer after step ``t`` has offered ``(key, value)`` and decayed the priorities.

    Parameters
    ----------
    key : (...,) or (..., S)
    value : (..., d)
    decay : number or (..., 1)
        Factor of the keys; with ``decay_values`` of the stored vectors instead.
    """
    xp = ctx.xp
    capacity = len(buffer.values)
    if capacity == 0:
        return buffer
    keys, values, total = buffer.keys, list(buffer.values), buffer.total
    slot = find_slot(ctx, keys, key, strict=strict, first=first)
    leading = xp.moveaxis(keys, -1, 0)
    keys = xp.moveaxis(xp.where(_positions(ctx, leading) == slot, key, leading), 0, -1)
    # Slots fill in order: a pair is new exactly where its slot is the next free one.
    fill = buffer.fill + xp.astype(xp.astype(slot, total.dtype) == buffer.fill, total.dtype)
    fill = xp.where(fill > capacity, buffer.fill, fill)

    low, high = int(xp.min(slot)), int(xp.max(slot))
    if low == high < capacity:  # one slot for all: no copy of any row
        total = exchange(total, values[low], value)
        values[low] = value
    elif low < capacity:
        values[low : high + 1], change = replace_in_rows(
            ctx, values[low : high + 1], (slot if segments is None else spread(ctx, slot, segments)) - low, value
        )
        total = total - change
    if decay_values:
        values, total = [decay * row for row in values], decay * total
    else:
        keys = (decay[..., None] if segments is not None and getattr(decay, "ndim", 0) > 0 else decay) * keys
    if is_refresh(t, capacity):
        total = exact_total(values)
    return Buffer(keys, tuple(values), total, fill)


def stored_mean(ctx: Context, buffer: Buffer, *, over_capacity: bool, segments: Segments) -> Array:
    """Mean of the stored vectors, over their number or over the capacity; zero while nothing is stored."""
    if not buffer.values:
        return buffer.total
    if over_capacity:
        return buffer.total / float(len(buffer.values))
    count = ctx.xp.where(buffer.fill > 0, buffer.fill, ctx.xp.ones_like(buffer.fill))
    return buffer.total / spread(ctx, count, segments)
