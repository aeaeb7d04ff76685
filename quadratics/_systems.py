"""A batch of square linear systems ``A x = b`` with a start, as the Krylov methods take them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from optassay.arrays import Array, Context, check_finite, context

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Systems:
    """Validated systems: ``matrix`` (..., d, d) and ``rhs``, ``start`` (..., d), broadcast to one batch.

    Attributes
    ----------
    preconditioner : (..., d, d), optional
        ``M^-1``. From the left it has entered ``matrix`` and ``rhs``; from the right it is applied by the method.
    size : (...,)
        Frobenius norms of ``matrix``.
    """

    ctx: Context
    matrix: Array
    rhs: Array
    start: Array
    preconditioner: Array | None
    size: Array

    @classmethod
    def of(
        cls, matrix: Array, rhs: Array, start: Array, preconditioner: Array | None = None, side: Side = "right"
    ) -> Systems:
        """Check the arguments and bring them to one context and batch.

        Raises
        ------
        TypeError
            Complex numbers, no arrays, or arrays of different namespaces or devices.
        ValueError
            Matrices that are not square, vectors of another length, batch axes that do not broadcast, NaN.
        """
        ctx = context(matrix=matrix, rhs=rhs, start=start, preconditioner=preconditioner)
        if side not in ("left", "right"):
            raise ValueError(f"side must be 'left' or 'right', got {side!r}")
        a, b, x = (ctx.asarray(v) for v in (matrix, rhs, start))
        m_inv = None if preconditioner is None else ctx.asarray(preconditioner)
        for name, value in (("matrix", a), ("preconditioner", m_inv)):
            if value is not None and (value.ndim < 2 or value.shape[-1] != value.shape[-2] or value.shape[-1] == 0):
                raise ValueError(f"{name} must be square, shape (..., d, d), got {tuple(value.shape)}")
        d = a.shape[-1]
        if m_inv is not None and m_inv.shape[-1] != d:
            raise ValueError(f"preconditioner must have shape (..., {d}, {d}), got {tuple(m_inv.shape)}")
        for name, value in (("rhs", b), ("start", x)):
            if value.ndim < 1 or value.shape[-1] != d:
                raise ValueError(f"{name} must have shape (..., {d}) to fit matrix, got {tuple(value.shape)}")
        shapes = [a.shape[:-2], b.shape[:-1], x.shape[:-1], () if m_inv is None else m_inv.shape[:-2]]
        try:
            batch = np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(
                f"batch axes of matrix {tuple(shapes[0])}, rhs {tuple(shapes[1])}, start {tuple(shapes[2])} and "
                f"preconditioner {tuple(shapes[3])} do not broadcast"
            ) from None
        xp = ctx.xp
        check_finite(rhs=b, start=x, preconditioner=m_inv)
        if m_inv is not None and side == "left":
            check_finite(matrix=a)
            a, b, m_inv = xp.matmul(m_inv, a), apply(xp, m_inv, b), None
        with np.errstate(over="ignore", invalid="ignore"):
            size = frobenius(xp, a)
        if not bool(xp.all(xp.isfinite(size))):  # one pass over the matrices serves both; an overflow is no NaN
            check_finite(matrix=a)
        return cls(ctx, a, xp.broadcast_to(b, (*batch, d)), xp.broadcast_to(x, (*batch, d)), m_inv, size)

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the batch."""
        return tuple(self.start.shape[:-1])

    @property
    def own(self) -> bool:
        """Whether every system of a batch has its own matrix."""
        return bool(self.batch) and tuple(self.matrix.shape[:-2]) == self.batch

    def flat(self) -> Systems:
        """The same systems along one batch axis; every one must have its own matrix."""
        xp, d = self.ctx.xp, self.start.shape[-1]
        m_inv = self.preconditioner
        if m_inv is not None:
            m_inv = xp.reshape(xp.broadcast_to(m_inv, (*self.batch, d, d)), (-1, d, d))
        rhs, start = (xp.reshape(v, (-1, d)) for v in (self.rhs, self.start))
        matrix, size = xp.reshape(self.matrix, (-1, d, d)), xp.reshape(self.size, (-1,))
        return Systems(self.ctx, matrix, rhs, start, m_inv, size)

    def part(self, block: slice) -> Systems:
        """Some systems of a batch with one axis."""
        m_inv = self.preconditioner
        entries = (self.matrix, self.rhs, self.start)
        matrix, rhs, start = (entry[block, ...] for entry in entries)
        return Systems(self.ctx, matrix, rhs, start, None if m_inv is None else m_inv[block, ...], self.size[block])

    def residual(self, x: Array) -> Array:
        """``b - A x``."""
        return self.rhs - apply(self.ctx.xp, self.matrix, x)

    def rounding(self, size: Array) -> Array:
        """Norm below which a residual at a point of norm ``size`` is rounding noise: (...,)."""
        return 4.0 * self.ctx.eps * (self.size * size + self._right)

    @cached_property
    def _right(self) -> Array:
        """Norms of the right sides."""
        return length(self.ctx.xp, self.rhs)


def apply(xp: Any, matrix: Array, vector: Array) -> Array:
    """``matrix @ vector`` over the last axes."""
    if matrix.ndim == 2 and vector.ndim > 1:  # one matrix for all: a product of matrices reads it once
        return xp.matmul(vector, xp.matrix_transpose(matrix))
    return xp.matmul(matrix, vector[..., None])[..., 0]


def length(xp: Any, vector: Array) -> Array:
    """Euclidean norm over the last axis: (...,)."""
    return xp.sqrt(xp.vecdot(vector, vector))


def frobenius(xp: Any, matrix: Array) -> Array:
    """Frobenius norm over the last two axes: (...,)."""
    return length(xp, xp.reshape(matrix, (*matrix.shape[:-2], matrix.shape[-2] * matrix.shape[-1])))


def steps_of(steps: int) -> int:
    """``steps``, a nonnegative integer."""
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise ValueError(f"steps must be a nonnegative integer, got {steps!r}")
    return int(steps)
