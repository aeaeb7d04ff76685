"""The history of Anderson mixing and its Gram matrices, updated at O(m d) per step.

The columns of ``X`` and ``R`` are 2 m separate arrays: writing one is a swap of references, so that no step copies
the m d numbers of a history. Every column is read from memory once for all its inner products and once for the
combination: long NumPy vectors by compiled loops (`_streams`), everything else in blocks that stay in the processor's
cache. Both depend on the length of the vector alone: a run gives the same bits alone and in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import array_api_compat

from ..arrays import Array, Context
from . import _streams
from ._trace import trace

BLOCK = 32768


class History(NamedTuple):
    """Differences of points and residuals, column ``j`` in ``x[j]``, ``r[j]`` (..., d); zero while unused.

    ``xx``, ``rr``, ``xr`` are ``X'X``, ``R'R`` and ``X'R`` (..., m, m), as far as the rule keeps them.
    """

    x: tuple[Array, ...]
    r: tuple[Array, ...]
    xx: Array
    rr: Array
    xr: Array


def empty(ctx: Context, params: Array, memory: int) -> History:
    """A history without columns."""
    zero = ctx.zeros(params.shape)  # shared by all columns: nothing ever writes to it
    xx, rr, xr = (ctx.zeros((*params.shape[:-1], memory, memory)) for _ in range(3))
    return History((zero,) * memory, (zero,) * memory, xx, rr, xr)


class Pushed(NamedTuple):
    """A history with a new column (``dx``, ``dr``), and what came out of the same pass.

    ``against`` is ``R' r`` (..., m), ``size`` is ``|r|^2`` and ``length`` the new column's ``|dx|^2`` (..., 1); the
    last is None without ``X'X``.
    """

    history: History
    dx: Array
    dr: Array
    against: Array
    size: Array
    length: Array | None


def push(
    ctx: Context,
    history: History,
    slot: int,
    formula: Callable[..., tuple[Array, ...]],
    vectors: Sequence[Array],
    *,
    xx: bool,
    xr: bool,
) -> tuple[Array, Array, Pushed]:
    """Point, residual and column ``slot`` by ``x, r, dx, dr = formula(*vectors)``, and the Gram matrices asked for."""
    point, residual, dx, dr, before = _made(ctx, history, formula, vectors)
    x = (*history.x[:slot], dx, *history.x[slot + 1 :])
    r = (*history.r[:slot], dr, *history.r[slot + 1 :])
    asked = [((residual,), (residual,)), (r, (dr, residual, dx) if xr else (dr, residual))]
    if xx or xr:
        asked.append((x, (dx, dr) if xr else (dx,)))
    size, with_r, *rest = products(ctx, *asked, before=before)
    here = ctx.arange(len(x), dtype=ctx.xp.int64) == slot
    rr = _set_cross(ctx, history.rr, here, with_r[..., 0], with_r[..., 0])
    new_xx, new_xr, length = history.xx, history.xr, None
    for with_x in rest:
        new_xx = _set_cross(ctx, history.xx, here, with_x[..., 0], with_x[..., 0])
        length = with_x[..., slot, :1]
        if xr:
            new_xr = _set_cross(ctx, history.xr, here, with_r[..., 2], with_x[..., 1])
    pushed = Pushed(History(x, r, new_xx, rr, new_xr), dx, dr, with_r[..., 1], size[..., 0], length)
    return point, residual, pushed


def _made(
    ctx: Context, history: History, formula: Callable[..., tuple[Array, ...]], vectors: Sequence[Array]
) -> tuple[Array, Array, Array, Array, _streams.Before | None]:
    """``formula(*vectors)``; where a compiled pass follows that can make them on its way, that pass's first work."""
    if _streams.applies(*vectors, *history.x, *history.r):
        traced = trace(formula, len(vectors))
        if traced is not None:
            x, r, dx, dr = (_streams.fresh(vectors[0]) for _ in range(4))
            return x, r, dx, dr, _streams.Before(traced, vectors, (x, r, dx, dr))
    x, r, dx, dr = blockwise(ctx, formula, *vectors)
    return x, r, dx, dr, None


def products(
    ctx: Context, *asked: tuple[Sequence[Array], Sequence[Array]], before: _streams.Before | None = None
) -> list[Array]:
    """For each pair of columns and vectors all inner products (..., m, n); one pass over memory for all of them."""
    if before is not None:
        return _streams.products(asked, before)
    xp = ctx.xp
    if hasattr(xp, "inner_products"):  # a namespace that records expressions reads its columns its own way
        return xp.inner_products(*asked)
    few = all(len(vectors) <= _streams.MOST for _, vectors in asked)
    if few and _streams.applies(*(v for pair in asked for side in pair for v in side)):
        return _streams.products(asked)
    total: list[Any] = []
    for block in _blocks(asked[0][0][0].shape[-1]):
        part = []
        for columns, vectors in asked:
            right = [v[..., block] for v in vectors]
            part += [xp.vecdot(left, v) for left in (c[..., block] for c in columns) for v in right]
        total = [a + b for a, b in zip(total, part, strict=True)] if total else part
    found, first = [], 0
    for columns, vectors in asked:
        flat = xp.stack(total[first : first + len(columns) * len(vectors)], axis=-1)
        found.append(xp.reshape(flat, (*flat.shape[:-1], len(columns), len(vectors))))
        first += len(columns) * len(vectors)
    return found


def combine(ctx: Context, columns: Sequence[Array], weights: Array) -> Array:
    """``sum_j weights[..., j] columns[j]`` in the order of the columns: (..., d)."""
    if hasattr(ctx.xp, "linear_combination"):
        return ctx.xp.linear_combination(columns, weights)
    if _streams.applies(*columns):
        return _streams.combine(columns, weights)[0]
    # NumPy multiplies by a scalar much faster than by an axis of length one that it broadcasts.
    factors = [weights[..., j] if weights.ndim == 1 else weights[..., j, None] for j in range(len(columns))]

    def weighted(*parts: Array) -> tuple[Array]:
        total = factors[0] * parts[0]
        for factor, part in zip(factors[1:], parts[1:], strict=True):
            total += factor * part  # in place: a temporary of this loop
        return (total,)

    return blockwise(ctx, weighted, *columns)[0]


def move_from(
    ctx: Context, start: Array, columns: Sequence[Array], weights: Array, against: Array | None = None
) -> tuple[Array, Array | None]:
    """``start + move`` with the ``move`` of :func:`combine`, and ``move' against`` (..., 1) if that is given."""
    if _streams.applies(start, *columns, *(() if against is None else (against,))):
        moved, along = _streams.combine(columns, weights, start, against)
        return moved, None if along is None else along[..., None]
    move = combine(ctx, columns, weights)
    if against is None:
        return start + move, None
    (found,) = products(ctx, ((move,), (against,)))
    return start + move, found[..., 0]


def blockwise(ctx: Context, formula: Callable[..., tuple[Array, ...]], *vectors: Array) -> tuple[Array, ...]:
    """``formula(*vectors)`` for an elementwise formula, on NumPy block by block: its temporaries stay in cache.

    The results are new arrays, also where the formula returns one of its arguments.
    """
    blocks = list(_blocks(vectors[0].shape[-1]))
    if len(blocks) == 1 or not array_api_compat.is_numpy_namespace(ctx.xp):
        given = {id(v) for v in vectors}
        return tuple(ctx.xp.asarray(part, copy=True) if id(part) in given else part for part in formula(*vectors))
    whole: list[Array] = []
    for block in blocks:
        parts = formula(*(v[..., block] for v in vectors))
        if not whole:
            whole = [_streams.fresh(vectors[0]) for _ in parts]
        for array, part in zip(whole, parts, strict=True):
            array[..., block] = part
    return tuple(whole)


def _blocks(length: int) -> Iterator[slice]:
    for start in range(0, max(length, 1), BLOCK):
        yield slice(start, min(start + BLOCK, length))


def _set_cross(ctx: Context, matrix: Array, here: Array, row: Array, column: Array) -> Array:
    """``matrix`` (..., m, m) with the row and the column that ``here`` (m,) marks replaced."""
    return ctx.xp.where(here[:, None], row[..., None, :], ctx.xp.where(here[None, :], column[..., :, None], matrix))
