"""GMRES for many systems at once."""

from __future__ import annotations

from typing import Any

from optassay.arrays import Array

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
    leaves the last point: the later rows repeat it. For symmetric matrices these are the points of MINRES.

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
    xp = systems.ctx.xp
    rows = [systems.start[None, ...]]
    while (done := sum(r.shape[0] for r in rows) - 1) < steps:
        count = steps - done if restart is None else min(restart, steps - done)
        rows.append(_cycle(systems, rows[-1][-1, ...], count))
    return xp.concat(rows, axis=0)


def _cycle(systems: Systems, start: Array, count: int) -> Array:
    """Rows 1, ..., count of GMRES without restart."""
    ctx = systems.ctx
    xp = ctx.xp
    m_inv = systems.preconditioner
    d = start.shape[-1]
    count_all, count = count, min(count, d)  # nothing moves after step d
    r = systems.residual(start)
    size = length(xp, r)
    size = xp.where(size <= systems.rounding(start), xp.zeros_like(size), size)
    basis = ctx.zeros((*r.shape[:-1], count + 1, d))  # in rows
    basis[..., 0, :] = r * _inverse(xp, size)[..., None]
    columns: list[Array] = []  # of the triangular factor, (..., count)
    right = [size]  # rotated right side
    cosines: list[Array] = []
    sines: list[Array] = []
    for k in range(count):
        last_vector = basis[..., k, :]
        w = apply(xp, systems.matrix, last_vector if m_inv is None else apply(xp, m_inv, last_vector))
        before = length(xp, w)
        rows = basis[..., : k + 1, :]
        h = xp.zeros_like(rows[..., 0])
        for _ in range(2):  # twice is enough for orthogonality to rounding
            part = apply(xp, rows, w)
            w = w - apply(xp, xp.matrix_transpose(rows), part)
            h = h + part
        beyond = length(xp, w)
        noise = 8.0 * d * ctx.eps * before
        beyond = xp.where(beyond <= noise, xp.zeros_like(beyond), beyond)
        basis[..., k + 1, :] = w * _inverse(xp, beyond)[..., None]
        column = [h[..., i] for i in range(k + 1)]
        for i, (c, s) in enumerate(zip(cosines, sines, strict=True)):
            column[i], column[i + 1] = c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]
        # An exhausted space of a singular matrix leaves a zero here: that direction is not used.
        last = xp.where((beyond == 0) & (xp.abs(column[k]) <= noise), xp.zeros_like(beyond), column[k])
        pivot = xp.sqrt(last * last + beyond * beyond)
        inverse = _inverse(xp, pivot)
        c, s = last * inverse, beyond * inverse
        column[k] = pivot
        cosines.append(c)
        sines.append(s)
        right[k:] = [c * right[k], xp.where(pivot == 0, xp.zeros_like(s), -s * right[k])]
        columns.append(xp.stack([*column, *[xp.zeros_like(pivot)] * (count - k - 1)], axis=-1))
    triangle = xp.stack(columns, axis=-1)
    coefficients = _all_solutions(xp, triangle, right[:count])
    moves = xp.matmul(xp.matrix_transpose(basis[..., :count, :]), coefficients)
    if m_inv is not None:
        moves = xp.matmul(m_inv, moves)
    points = xp.moveaxis(start[..., None] + moves, -1, 0)
    if count_all > count:
        last_row = points[-1:, ...]
        points = xp.concat([points, *[last_row] * (count_all - count)], axis=0)
    return points


def _all_solutions(xp: Any, triangle: Array, right: list[Array]) -> Array:
    """Column ``k`` solves the leading system of size ``k + 1``; one back substitution for all."""
    count = len(right)
    rows: list[Array] = [None] * count
    for i in reversed(range(count)):
        # Entry i of the right side is there in columns i, i + 1, ...
        zero = xp.zeros_like(right[i])
        row = xp.stack([zero] * i + [right[i]] * (count - i), axis=-1)
        for j in range(i + 1, count):
            row = row - triangle[..., i, j, None] * rows[j]
        rows[i] = row * _inverse(xp, triangle[..., i, i])[..., None]
    return xp.stack(rows, axis=-2)


def _inverse(xp: Any, value: Array) -> Array:
    """``1 / value``, 0 where it is zero."""
    safe = xp.where(value == 0, xp.ones_like(value), value)
    return xp.where(value == 0, xp.zeros_like(value), 1.0 / safe)
