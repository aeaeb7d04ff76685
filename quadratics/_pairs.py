"""Second moments of signs for a stack of covariance matrices: every pair i < j sent to the rule that fits it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optassay.arrays import Array, Context, erf

from ._orthants import classify, determinant

_SQRT2 = math.sqrt(2.0)


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
        rows, columns = np.triu_indices(self.dim, 1)
        self.pairs = len(rows)
        self._triangle = self._integers(rows * self.dim + columns)
        offset = self._integers(np.arange(self.count) * self.dim)[:, None]
        first = xp.reshape(offset + self._integers(rows)[None, :], (-1,))
        second = xp.reshape(offset + self._integers(columns)[None, :], (-1,))

        tangent, cosine, excess = _angles(covariance, first, second, self._upper(covariance), xp)
        if self.pairs and bool(xp.any(excess > rounding)):
            worst = int(xp.argmax(excess))
            matrix, pair = divmod(worst, self.pairs)
            raise ValueError(
                f"covariance is indefinite: entry ({int(rows[pair])}, {int(columns[pair])})"
                + (f" of matrix {matrix}" if self.count > 1 else "")
                + f" is {1 + float(excess[worst]):.9g} times the product of the standard deviations"
            )
        self._groups, members = classify(first, second, tangent, cosine, ctx)
        self._uncorrelated = int(members[-1].shape[0])
        needed = sum(24 * group.nodes * group.first.shape[0] for group in self._groups)
        self._tables = [group.table(xp) if needed <= table_bytes else None for group in self._groups]
        # Groups are evaluated end to end; the inverse permutation brings pairs back in order by a gather.
        place = xp.argsort(xp.concat(members))
        number = np.zeros((self.dim, self.dim), dtype=np.int64)
        number[rows, columns] = number[columns, rows] = np.arange(self.pairs)
        self._pair_place = place
        self._square_place = place
        if self.pairs:
            by_matrix = xp.reshape(place, (self.count, self.pairs))
            self._square_place = xp.reshape(xp.take(by_matrix, self._integers(number.reshape(-1)), axis=1), (-1,))

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


def _angles(covariance: Array, first: Array, second: Array, upper: Array, xp: Any) -> tuple[Array, Array, Array]:
    """tan(t / 2) and cos(t) of each correlation sin(t), and how far the correlation exceeds 1 in size; flat arrays."""
    variance = xp.reshape(xp.linalg.diagonal(covariance), (-1,))
    random = variance > 0
    # Powers of two bring every variance to [1/2, 4] without rounding: products neither overflow nor underflow.
    scale = 2.0 ** xp.floor(0.5 * xp.log2(xp.where(random, variance, xp.ones_like(variance))))
    variance = variance / scale / scale
    both = xp.take(random, first, axis=0) & xp.take(random, second, axis=0)
    pair = xp.reshape(upper, (-1,)) / xp.take(scale, first, axis=0) / xp.take(scale, second, axis=0)
    pair = xp.where(both, pair, xp.zeros_like(pair))
    left = xp.where(both, xp.take(variance, first, axis=0), xp.ones_like(pair))
    right = xp.where(both, xp.take(variance, second, axis=0), xp.ones_like(pair))
    size = xp.sqrt(left * right)
    root = xp.sqrt(xp.clip(determinant(left, right, pair), 0.0, None))
    return pair / (size + root), root / size, xp.abs(pair) / size - 1.0
