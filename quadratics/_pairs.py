"""Second moments of signs for a stack of covariance matrices: every pair i < j sent to the rule that fits it."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from optassay.arrays import Array, Context, erf, to_numpy

from ._orthants import classify, determinant

_SQRT2 = math.sqrt(2.0)
_CACHED_DIM = 512  # 4 MiB of indices


class Triangle(NamedTuple):
    """Indices of the pairs i < j of a (d, d) matrix."""

    rows: Array
    columns: Array
    entries: Array  # place of each pair in the flat matrix
    square: Array  # pair of each entry of the flat matrix; 0 on the diagonal


def upper_triangle(dim: int) -> Triangle:
    """The indices on the host; kept for small matrices, where finding them costs as much as using them."""
    return _cached_triangle(dim) if dim <= _CACHED_DIM else _new_triangle(dim)


def _new_triangle(dim: int) -> Triangle:
    rows, columns = (np.ascontiguousarray(index, dtype=np.int64) for index in np.triu_indices(dim, 1))
    square = np.zeros((dim, dim), dtype=np.int64)
    square[rows, columns] = square[columns, rows] = np.arange(len(rows))
    triangle = Triangle(rows, columns, rows * dim + columns, square.reshape(-1))
    for index in triangle:
        index.flags.writeable = False
    return triangle


_cached_triangle = functools.lru_cache(maxsize=4)(_new_triangle)


def pair_entries(covariance: Array, triangle: Triangle, xp: Any) -> tuple[Array, Array, Array]:
    """Covariance and both variances of each pair, (C, pairs), up to a common factor, in a range safe for products.

    Pairs with a coordinate without variance count as uncorrelated with unit variances.
    """
    variance = xp.linalg.diagonal(covariance)
    pair = xp.take(xp.reshape(covariance, (covariance.shape[0], -1)), triangle.entries, axis=1)
    if not bool(xp.all((variance > 1e-100) & (variance < 1e100))):
        random = variance > 0
        # Powers of two bring every variance to [1/4, 1] without rounding: products neither overflow nor underflow.
        scale = 2.0 ** xp.floor(-0.5 * xp.log2(xp.where(random, variance, xp.ones_like(variance))))
        variance = xp.where(random, variance * scale * scale, xp.ones_like(variance))
        scale = xp.where(random, scale, xp.zeros_like(scale))
        pair = pair * xp.take(scale, triangle.rows, axis=1) * xp.take(scale, triangle.columns, axis=1)
    return pair, xp.take(variance, triangle.rows, axis=1), xp.take(variance, triangle.columns, axis=1)


def check_correlations(excess: Array, rounding: float) -> None:
    """Raise ValueError where the size of a correlation minus 1, (C, pairs), is more than ``rounding``."""
    xp: Any = array_api_compat.array_namespace(excess)
    if not bool(xp.any(excess > rounding)):
        return
    excess = to_numpy(excess)
    matrix, pair = np.unravel_index(np.argmax(excess), excess.shape)
    dim = (1 + math.isqrt(1 + 8 * excess.shape[1])) // 2
    triangle = upper_triangle(dim)
    raise ValueError(
        f"covariance is indefinite: entry ({triangle.rows[pair]}, {triangle.columns[pair]})"
        + (f" of matrix {matrix}" if excess.shape[0] > 1 else "")
        + f" is {1 + excess[matrix, pair]:.9g} times the product of the standard deviations"
    )


class PairTables:
    """Upper triangle of E[s s^T] for covariances (C, d, d), prepared for many standardised means.

    Parameters
    ----------
    covariance : array, shape (C, d, d)
        float64.
    table_bytes : float
        Quadrature tables are kept if they need no more than this.
    rounding : float
        Excess of a correlation over 1 that counts as rounding.
    ctx : Context
        Namespace and device; float64.
    """

    def __init__(self, covariance: Array, table_bytes: float, rounding: float, ctx: Context) -> None:
        xp = ctx.xp
        self._ctx = ctx
        self.count, self.dim = covariance.shape[0], covariance.shape[-1]
        triangle = Triangle(*(self._integers(index) for index in upper_triangle(self.dim)))
        self.pairs = triangle.rows.shape[0]
        self._triangle = triangle.entries
        offset = self._integers(np.arange(self.count) * self.dim)[:, None]
        first = xp.reshape(offset + triangle.rows[None, :], (-1,))
        second = xp.reshape(offset + triangle.columns[None, :], (-1,))

        pair, left, right = pair_entries(covariance, triangle, xp)
        size = xp.sqrt(left * right)
        check_correlations(xp.abs(pair) / size - 1.0, rounding)
        root = xp.sqrt(xp.clip(determinant(left, right, pair), 0.0, None))
        tangent, cosine = (xp.reshape(x, (-1,)) for x in (pair / (size + root), root / size))
        self._groups, members = classify(first, second, tangent, cosine, ctx)
        self._uncorrelated = int(members[-1].shape[0])
        needed = sum(24 * group.nodes * group.first.shape[0] for group in self._groups)
        self._tables = [group.table(xp) if needed <= table_bytes else None for group in self._groups]
        # Groups are evaluated end to end; the inverse permutation brings pairs back in order by a gather.
        place = xp.argsort(xp.concat(members))
        self._pair_place = place
        self._square_place = place
        if self.pairs:
            by_matrix = xp.reshape(place, (self.count, self.pairs))
            self._square_place = xp.reshape(xp.take(by_matrix, triangle.square, axis=1), (-1,))

    def _integers(self, values: np.ndarray) -> Array:
        return self._ctx.asarray(values, dtype=self._ctx.xp.int64)

    def _upper(self, matrices: Array) -> Array:
        """Entries i < j of (C, d, d), shape (C, pairs)."""
        xp = self._ctx.xp
        return xp.take(xp.reshape(matrices, (matrices.shape[0], -1)), self._triangle, axis=1)

    def _excess(self, a: Array, place: Array) -> Array:
        """E[s_i s_j] - E[s_i] E[s_j] at the places asked for; ``a`` is (S, C, d)."""
        xp = self._ctx.xp
        flat = xp.reshape(a, (a.shape[0], -1))
        parts = []
        for group, table in zip(self._groups, self._tables, strict=True):
            left, right = xp.take(flat, group.first, axis=1), xp.take(flat, group.second, axis=1)
            parts.append(group.excess(left, right, group.table(xp) if table is None else table, xp))
        parts.append(self._ctx.zeros((a.shape[0], self._uncorrelated)))
        return xp.take(xp.concat(parts, axis=1), place, axis=1)

    def second_moment(self, a: Array, squares: Array) -> Array:
        """E[s s^T], shape (S, C, d, d), at standardised means and E[s_i^2], both (S, C, d)."""
        xp = self._ctx.xp
        mean = erf(a / _SQRT2)
        value = mean[..., :, None] * mean[..., None, :]
        if self.pairs:
            value = value + xp.reshape(self._excess(a, self._square_place), value.shape)
        diagonal = self._ctx.eye(self.dim) > 0
        return xp.where(diagonal, squares[..., None], value)

    def quadratic_form(self, a: Array, squares: Array, weights: Array) -> Array:
        """E[s^T W s], shape (S, C), for weights (C, d, d)."""
        xp = self._ctx.xp
        mean = erf(a / _SQRT2)
        diagonal = xp.linalg.diagonal(weights)
        product = xp.matmul(weights, mean[..., None])[..., 0]
        value = xp.sum(mean * (product - diagonal * mean), axis=-1) + xp.sum(diagonal * squares, axis=-1)
        if not self._groups:
            return value
        pairs = self._upper(weights) + self._upper(xp.matrix_transpose(weights))
        excess = xp.reshape(self._excess(a, self._pair_place), (a.shape[0], self.count, self.pairs))
        return value + xp.sum(excess * pairs, axis=-1)
