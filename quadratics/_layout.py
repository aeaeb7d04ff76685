"""Which batch axes share one matrix: vectors of a batch as (shared runs, own matrices)."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np

from optassay.arrays import Array


class SharedLayout:
    """Views of a batch of vectors that broadcasts against a smaller batch of matrices.

    Work that depends on the matrix alone is done once per matrix; the axes along which it is repeated become one
    leading axis S, the axes along which matrices differ one axis C.

    Parameters
    ----------
    vectors, matrices : tuple of int
        Batch shapes; they must broadcast.
    """

    def __init__(self, vectors: tuple[int, ...], matrices: tuple[int, ...]) -> None:
        self.batch: tuple[int, ...] = np.broadcast_shapes(vectors, matrices)
        padded = (1,) * (len(self.batch) - len(matrices)) + tuple(matrices)
        shared = [axis for axis, size in enumerate(padded) if size == 1]
        own = [axis for axis, size in enumerate(padded) if size != 1]
        self._order = (*shared, *own)
        self._permuted = tuple(self.batch[axis] for axis in self._order)
        self._inverse = tuple(int(axis) for axis in np.argsort(self._order)) if self._order else ()
        self.runs = math.prod(self.batch[axis] for axis in shared)
        self.matrices = math.prod(self.batch[axis] for axis in own)

    def split(self, array: Array, tail: int = 1) -> Array:
        """Shape (..., *rest) with ``tail`` trailing axes -> (S, C, *rest)."""
        xp: Any = array_api_compat.array_namespace(array)
        rest = tuple(array.shape[array.ndim - tail :])
        array = xp.broadcast_to(array, (*self.batch, *rest))
        axes = (*self._order, *range(len(self.batch), len(self.batch) + tail))
        return xp.reshape(xp.permute_dims(array, axes), (self.runs, self.matrices, *rest))

    def join(self, array: Array, tail: int = 1) -> Array:
        """Inverse of :meth:`split`: (S, C, *rest) -> (*batch, *rest)."""
        xp: Any = array_api_compat.array_namespace(array)
        rest = tuple(array.shape[array.ndim - tail :]) if tail else ()
        array = xp.reshape(array, (*self._permuted, *rest))
        axes = (*self._inverse, *range(len(self.batch), len(self.batch) + tail))
        return xp.permute_dims(array, axes)
