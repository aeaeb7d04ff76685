"""A large batch of systems in blocks whose matrices stay in the processor's cache from the first step to the last.

A Krylov method multiplies every matrix by a vector once a step. Step by step over the whole batch that reads all
matrices from memory every time; block by block they are read once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from array_api_compat import is_numpy_array

from optassay.arrays import Array, chunks

from ._systems import Systems

BLOCK_BYTES = 1 << 22  # a share of the last level of cache, and enough systems to hide the interpreter

Pick = Callable[[Any], Any]
Work = Callable[[Systems, Pick, Sequence[Array]], None]


def in_blocks(
    systems: Systems, vectors: int, shapes: Sequence[tuple[int, int]], work: Work, one_by_one: bool = False
) -> list[Array]:
    """Arrays (rows, ..., columns), the batch axes in the middle, that ``work`` has filled.

    Only NumPy batches in which every system has its own matrix are divided. The blocks run on as many threads as BLAS
    may use (``OMP_NUM_THREADS``, ``threadpoolctl``), which gains nothing from threads within products this small.

    Parameters
    ----------
    vectors : int
        Vectors of length d that a system reads in every step.
    shapes : sequence of (rows, columns)
    work : callable
        Takes a block, a function that picks the block's share of a hyperparameter (a number, an array over the batch,
        or a function of ``k``), and the block's part of the arrays, which are zero.
    one_by_one : bool
        ``work`` takes the systems of a block in turn; the cache then asks for no small blocks.
    """
    batch, d = systems.batch, systems.start.shape[-1]
    per_system = systems.start.dtype.itemsize * d * (d + vectors) if is_numpy_array(systems.matrix) else 0
    whole = [systems.ctx.zeros((rows, *batch, columns)) for rows, columns in shapes]
    if not systems.own or prod(batch) * per_system <= BLOCK_BYTES:
        work(systems, lambda value: value, whole)
        return whole
    most = BLOCK_BYTES * (8 if one_by_one else 1)
    flat = systems.flat()
    views = [array.reshape(len(array), prod(batch), array.shape[-1]) for array in whole]

    def task(block: slice) -> None:
        work(flat.part(block), lambda value: _share(value, batch, block), [view[:, block] for view in views])

    blocks = list(chunks(prod(batch), per_system, most))
    blas = _blas()
    threads = min(len(blocks), max([1, *(pool["num_threads"] for pool in blas.info())]))
    with blas.limit(limits=1), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(task, blocks):  # raises what a task has raised
            pass
    return whole


def _share(value: Any, batch: tuple[int, ...], block: slice) -> Any:
    """What of a hyperparameter belongs to one block."""
    if callable(value):
        return lambda k: _share(value(k), batch, block)
    if getattr(value, "ndim", 0) == 0:
        return value
    return np.broadcast_to(value, batch).reshape(-1)[block]


@lru_cache(maxsize=1)
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
