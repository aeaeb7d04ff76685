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
    """

    ctx: Context
    matrix: Array
    rhs: Array
    start: Array
    preconditioner: Array | None

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
        given = {"matrix": matrix, "rhs": rhs, "start": start, "preconditioner": preconditioner}
        ctx = context(**given)
        check_finite(**given)
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
        if m_inv is not None and side == "left":
            a, b, m_inv = xp.matmul(m_inv, a), apply(xp, m_inv, b), None
        return cls(ctx, a, xp.broadcast_to(b, (*batch, d)), xp.broadcast_to(x, (*batch, d)), m_inv)

    def residual(self, x: Array) -> Array:
        """``b - A x``."""
        return self.rhs - apply(self.ctx.xp, self.matrix, x)

    def rounding(self, x: Array) -> Array:
        """Norm below which a residual at ``x`` is rounding noise: (...,)."""
        xp = self.ctx.xp
        size, right = self._sizes
        return 4.0 * self.ctx.eps * (size * length(xp, x) + right)

    @cached_property
    def _sizes(self) -> tuple[Array, Array]:
        """Frobenius norms of the matrices and norms of the right sides."""
        xp = self.ctx.xp
        return xp.sqrt(xp.sum(self.matrix * self.matrix, axis=(-2, -1))), length(xp, self.rhs)


def apply(xp: Any, matrix: Array, vector: Array) -> Array:
    """``matrix @ vector`` over the last axes."""
    return xp.matmul(matrix, vector[..., None])[..., 0]


def length(xp: Any, vector: Array) -> Array:
    """Euclidean norm over the last axis: (...,)."""
    return xp.sqrt(xp.sum(vector * vector, axis=-1))


def steps_of(steps: int) -> int:
    """``steps``, a nonnegative integer."""
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise ValueError(f"steps must be a nonnegative integer, got {steps!r}")
    return int(steps)
