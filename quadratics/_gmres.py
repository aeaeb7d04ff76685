"""GMRES for many systems at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optassay.arrays import Array, Context

from ._blocks import Pick, in_blocks
from ._breakdown import Breakdown
from ._systems import Side, Systems, apply, length, steps_of


def gmres_iterates(
    matrix: Array,
    rhs: Array,
    start: Array,
    steps: int,
    *,
    preconditioner: Array | None = None,
    side: Side = "right",
    restart: int | None = None,
) -> Array:
    """Points of least residual ``|b - A x|`` over ``start + K_k(A, r_0)``, for ``k = 0, ..., steps``.

    Arnoldi with two Gram-Schmidt passes and Givens rotations. An exhausted Krylov space, a singular matrix included,
    leaves the last point: the later rows repeat it, and :func:`gmres_breakdown` tells why. For symmetric matrices these
    are the points of MINRES.

    Parameters
    ----------
    matrix : array, shape (..., d, d)
        Any square matrices.
    rhs, start : array, shape (..., d)
    steps : int
    preconditioner : array, shape (..., d, d), optional
        ``M^-1``. From the right: least ``|b - A x|`` over ``start + M^-1 K_k(A M^-1, r_0)``; from the left: GMRES for
        ``M^-1 A x = M^-1 b``.
    side : {"right", "left"}
    restart : int, optional
        GMRES(m): begin anew every so many steps.

    Returns
    -------
    array, shape (steps + 1, ..., d)
        Row 0 is the start.

    Raises
    ------
    TypeError, ValueError
        Complex or non-square matrices, shapes that do not fit, ``steps`` or ``restart`` out of range.

    Notes
    -----
    Source: Saad and Schultz, SIAM J. Sci. Stat. Comput. 7 (1986), 856-869.
    """
    systems = Systems.of(matrix, rhs, start, preconditioner, side)
    steps = steps_of(steps)
    if restart is not None and (isinstance(restart, bool) or not isinstance(restart, int) or restart < 1):
        raise ValueError(f"restart must be None or a positive integer, got {restart!r}")

    def work(part: Systems, pick: Pick, out: Sequence[Array]) -> None:
        del pick
        (points,) = out
        points[0, ...] = part.start
        for done in range(0, steps, restart or max(1, steps)):
            count = min(restart or steps, steps - done)
            _cycle(part, points[done, ...], points[done + 1 : done + count + 1, ...])

    return in_blocks(systems, min(steps, systems.start.shape[-1]), [(steps + 1, systems.start.shape[-1])], work)[0]


def gmres_breakdown(matrix: Array, rhs: Array, points: Array) -> tuple[Array, Array]:
    """What became of the points of :func:`gmres_iterates`, as far as they go.

    Parameters
    ----------
    matrix : array, shape (..., d, d)
    rhs : array, shape (..., d)
    points : array, shape (steps + 1, ..., d)

    Returns
    -------
    reason, step : array of integers, shape (...)
        :class:`Breakdown`, and the first ``k`` at which it is seen; -1 without one. SOLVED: the residual is rounding
        noise. STAGNATION: it is not, and the points are the same from ``k`` to the last one, at least two: the Krylov
        space is exhausted, or the method has not got on yet. NONFINITE: overflow.

    Raises
    ------
    TypeError, ValueError
        As :func:`gmres_iterates`; no points.
    """
    if points.ndim < 2 or points.shape[0] == 0:
        raise ValueError(f"points must have shape (steps + 1, ..., d), got {tuple(points.shape)}")
    systems = Systems.of(matrix, rhs, points[0, ...])
    ctx = systems.ctx
    xp, last = ctx.xp, points.shape[0] - 1
    with np.errstate(over="ignore", invalid="ignore"):
        far = [length(xp, points[k, ...]) for k in range(last + 1)]
        size = [length(xp, systems.residual(points[k, ...])) for k in range(last + 1)]
    finite = xp.stack([xp.isfinite(v) for v in size])
    solved = finite & xp.stack([v <= systems.rounding(x) for v, x in zip(size, far, strict=True)])
    same = [xp.all(points[k, ...] == points[last, ...], axis=-1) for k in range(last)]
    same.append(xp.zeros_like(solved[0, ...]))  # one point alone is no repetition
    reason = ctx.zeros(systems.batch, dtype=xp.int64)
    step = xp.full_like(reason, -1)
    for seen, code in (
        (xp.stack(same), Breakdown.STAGNATION),
        (solved, Breakdown.SOLVED),
        (~finite, Breakdown.NONFINITE),
    ):
        some, first = xp.any(seen, axis=0), xp.argmax(xp.astype(seen, xp.int64), axis=0)
        reason = xp.where(some, xp.full_like(reason, int(code)), reason)
        step = xp.where(some, xp.astype(first, xp.int64), step)
    return reason, step


def _cycle(systems: Systems, start: Array, points: Array) -> None:
    """Fill the points 1, 2, ... of GMRES without restart."""
    ctx = systems.ctx
    xp = ctx.xp
    m_inv = systems.preconditioner
    d = start.shape[-1]
    count = min(points.shape[0], d)  # nothing moves after step d
    r = systems.residual(start)
    size = length(xp, r)
    size = xp.where(size <= systems.rounding(length(xp, start)), xp.zeros_like(size), size)
    basis = ctx.zeros((*r.shape[:-1], count + 1, d))  # in rows
    basis[..., 0, :] = r / _or_infinity(ctx, size)[..., None]
    hessenberg = ctx.zeros((*r.shape[:-1], count + 1, count))
    noises = []
    for k in range(count):
        last_vector = basis[..., k, :]
        w = apply(xp, systems.matrix, last_vector if m_inv is None else apply(xp, m_inv, last_vector))
        noises.append((8.0 * d * ctx.eps) * length(xp, w))
        rows = basis[..., : k + 1, :]
        for _ in range(2):  # twice is enough for orthogonality to rounding
            part = apply(xp, rows, w)
            w = w - xp.matmul(part[..., None, :], rows)[..., 0, :]
            hessenberg[..., : k + 1, k] += part
        beyond = length(xp, w)
        beyond = xp.where(beyond <= noises[-1], xp.zeros_like(beyond), beyond)
        basis[..., k + 1, :] = w / _or_infinity(ctx, beyond)[..., None]
        hessenberg[..., k + 1, k] = beyond
    moves = xp.matmul(_all_solutions(ctx, *_rotated(ctx, hessenberg, size, noises)), basis[..., :count, :])
    if m_inv is not None:
        moves = xp.matmul(moves, xp.matrix_transpose(m_inv))
    points[:count, ...] = xp.moveaxis(start[..., None, :] + moves, -2, 0)
    points[count:, ...] = points[count - 1, ...]


def _rotated(ctx: Context, hessenberg: Array, size: Array, noises: list[Array]) -> tuple[list[Array], list[Array]]:
    """Rows (..., count) of the triangular factor by Givens rotations, and the rotated right side, first ``size``."""
    xp = ctx.xp
    triangle, right = [], []
    row, entry = hessenberg[..., 0, :], size
    for k, noise in enumerate(noises):
        after = hessenberg[..., k + 1, :]
        last, beyond = row[..., k], after[..., k]
        # An exhausted space of a singular matrix leaves a zero here: that direction is not used.
        last = xp.where((beyond == 0) & (xp.abs(last) <= noise), xp.zeros_like(last), last)
        pivot = _or_infinity(ctx, xp.sqrt(last * last + beyond * beyond))
        c, s = last / pivot, beyond / pivot
        triangle.append(c[..., None] * row + s[..., None] * after)
        right.append(c * entry)
        row, entry = c[..., None] * after - s[..., None] * row, -s * entry
    return triangle, right


def _all_solutions(ctx: Context, triangle: list[Array], right: list[Array]) -> Array:
    """Row ``k`` solves the leading system of size ``k + 1``, (..., count, count); one back substitution for all."""
    xp, count = ctx.xp, len(right)
    solutions = ctx.zeros((*right[0].shape, count, count))
    for i in reversed(range(count)):
        # Entry i of the right side is there for rows i, i + 1, ...
        found = right[i][..., None] - apply(xp, solutions[..., i:, i + 1 :], triangle[i][..., i + 1 :])
        solutions[..., i:, i] = found / _or_infinity(ctx, triangle[i][..., i])[..., None]
    return solutions


def _or_infinity(ctx: Context, value: Array) -> Array:
    """A divisor whose zeros give a quotient of zero."""
    return ctx.xp.where(value == 0, ctx.full((), float("inf")), value)
