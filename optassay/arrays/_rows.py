"""Replacing single entries of stored rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import array_api_compat

from ._context import Array, Context


def replace_in_rows(ctx: Context, rows: Sequence[Array], index: Array, value: Array) -> tuple[list[Array], Array]:
    """For every run i of a batch, entry i of row ``index[i]`` becomes ``value[i]``; new rows, nothing is written to.

    Parameters
    ----------
    rows : sequence of arrays, all of shape (..., d)
    index : array of integers, shape (...) or (..., d)
        One row per run, or per number. Runs whose index is no row's are left alone.
    value : array, shape (..., d)

    Returns
    -------
    rows : list of arrays
    change : array, shape (..., d)
        What was there less what is there now, exactly zero where nothing was replaced.
    """
    xp = ctx.xp
    if not any(
        test(xp)
        for test in (
            array_api_compat.is_numpy_namespace,
            array_api_compat.is_torch_namespace,
            array_api_compat.is_cupy_namespace,
        )
    ):
        return _by_selection(ctx, rows, index, value)
    # The standard has no assignment by integer arrays, but these three do: one copy of all rows and one entry per run
    # written into it is ten times faster than selecting in every row, whose pattern no processor can predict.
    stack = xp.stack(list(rows))
    runs, rest = math.prod(index.shape), value.shape[index.ndim :]
    index = xp.astype(xp.reshape(index, (runs,)), xp.int64)
    stored = (index >= 0) & (index < len(rows))
    where = (xp.where(stored, index, xp.zeros_like(index)), ctx.arange(runs, dtype=xp.int64))
    inside = xp.reshape(stored, (runs, *(1,) * len(rest)))
    entries = xp.reshape(stack, (len(rows), runs, *rest))  # of a contiguous array: the same memory
    old = entries[where]
    new = xp.where(inside, xp.reshape(value, old.shape), old)
    entries[where] = new
    change = xp.where(inside, old - new, xp.zeros_like(old))
    return [stack[k, ...] for k in range(len(rows))], xp.reshape(change, value.shape)


def _by_selection(ctx: Context, rows: Sequence[Array], index: Array, value: Array) -> tuple[list[Array], Array]:
    xp = ctx.xp
    index = (index[..., None] if index.ndim < value.ndim else index) + xp.zeros_like(value, dtype=index.dtype)
    change, kept = xp.zeros_like(value), []
    for k, row in enumerate(rows):
        new = xp.where(index == k, value, row)
        change = change + (row - new)  # zero in all rows but one
        kept.append(new)
    return kept, change
