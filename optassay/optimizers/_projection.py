"""The small problems of an Anderson step: projection coefficients, and the largest admissible damping.

``Gamma`` minimises ``|r - R Gamma|^2 + delta |E Gamma|^2`` with ``E = X`` or ``E = I``. Every solver cuts off what is
below the rounding level of its matrix instead of dividing by it. Non-finite runs of a batch pass through as NaN.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..arrays import Array, Context
from ._gram import History


class Projection(NamedTuple):
    """``coefficients`` (..., m), and ``whitening`` W (..., m, k) with ``W W'`` the inverse used; None from pinv."""

    coefficients: Array
    whitening: Array | None


def from_gram(ctx: Context, z: Array, rhs: Array, tolerance: float | None = None) -> Projection:
    """Coefficients from ``Z = R'R + delta E'E`` (..., m, m) and ``R'r`` (..., m).

    Truncated eigendecomposition of ``Z`` after scaling its columns to length one, which removes the harmless part of
    its condition number (columns of very different length). The coefficients have the least scaled norm.

    Parameters
    ----------
    tolerance : float, optional
        Eigenvalues below this share of the largest are cut off; default ``10 m eps``.
    """
    xp = ctx.xp
    m = z.shape[-1]
    z = _finite(ctx, z)
    diagonal = xp.linalg.diagonal(z)
    scale = _inverse(ctx, xp.sqrt(xp.where(diagonal > 0, diagonal, 0.0)))
    values, vectors = xp.linalg.eigh(z * scale[..., :, None] * scale[..., None, :])
    cut = (10 * m * ctx.eps if tolerance is None else tolerance) * xp.max(values, axis=-1, keepdims=True)
    kept = xp.where(values > cut, values, 0.0)
    whitening = scale[..., :, None] * vectors * _inverse(ctx, xp.sqrt(kept))[..., None, :]
    return Projection(_apply(xp, whitening, _apply(xp, xp.matrix_transpose(whitening), rhs)), whitening)


def from_factors(
    ctx: Context, history: History, root: Any, identity: bool, r: Array, tolerance: float | None = None
) -> Projection:
    """Coefficients from a QR factorisation of the augmented matrix ``[R; root E]``: no squared condition number.

    Parameters
    ----------
    root : None, number or (..., 1)
        Root of ``delta``; None for no regularisation.
    identity : bool
        ``E = I`` instead of ``E = X``.
    tolerance : float, optional
        Singular values (of the matrix with columns of length one) below this share of the largest are cut off;
        default ``eps`` times the larger side.
    """
    xp = ctx.xp
    m = len(history.r)
    blocks = [xp.stack(list(history.r), axis=-1)]
    if root is not None:
        factor = root[..., None] if getattr(root, "ndim", 0) > 0 else root
        eye = xp.broadcast_to(ctx.eye(m), (*r.shape[:-1], m, m))
        blocks.append(factor * (eye if identity else xp.stack(list(history.x), axis=-1)))
    matrix = _finite(ctx, xp.concat(blocks, axis=-2))
    scale = _inverse(ctx, xp.sqrt(xp.sum(matrix * matrix, axis=-2)))
    q, triangle = xp.linalg.qr(matrix * scale[..., None, :])
    u, values, vt = xp.linalg.svd(triangle, full_matrices=False)
    share = max(matrix.shape[-2:]) * ctx.eps if tolerance is None else tolerance
    cut = share * xp.max(values, axis=-1, keepdims=True)
    inverse = _inverse(ctx, xp.where(values > cut, values, 0.0))
    whitening = scale[..., :, None] * xp.matrix_transpose(vt) * inverse[..., None, :]
    top = q[..., : r.shape[-1], :]  # the right side is zero below
    projected = _apply(xp, xp.matrix_transpose(u), _apply(xp, xp.matrix_transpose(top), r))
    return Projection(_apply(xp, whitening, projected), whitening)


def from_pseudoinverse(ctx: Context, z: Array, rhs: Array, tolerance: float = 1e-15) -> Projection:
    """``pinv(Z) R'r`` with the published cut-off, which keeps rounding noise of a rank-deficient ``Z``."""
    inverse = ctx.xp.linalg.pinv(_finite(ctx, z), rtol=tolerance)
    return Projection(_apply(ctx.xp, inverse, rhs), None)


def largest_eigenvalue(
    ctx: Context, whitening: Array, xx: Array, xr: Array, rr: Array, mixing: Any, dimension: int
) -> Array:
    """``lambda_max(Y Z^+ R' + R Z^+ Y')`` of (14), ``Y = X + mixing R``, from the Gram matrices: (...,).

    With ``P = Y W``, ``Q = R W``, ``Z^+ = W W'`` the d x d matrix is ``B J B'``, ``B = (P Q)``, ``J`` the swap of the
    two blocks. A root ``A'A = B'B`` gives the symmetric ``A J A'`` with the same non-zero eigenvalues, instead of the
    unsymmetric ``B'B J`` of (15). The numbers of zeros differ: the big matrix has ``d - 2k`` more when ``d > 2k``,
    the small one ``2k - d`` more when ``d < 2k``, and only the former count.
    """
    xp = ctx.xp
    beta = mixing[..., None] if getattr(mixing, "ndim", 0) > 0 else mixing
    wt = xp.matrix_transpose(whitening)
    yr = xr + beta * rr
    yy = xx + beta * (xr + xp.matrix_transpose(xr)) + beta * beta * rr
    pp = xp.matmul(wt, xp.matmul(yy, whitening))
    pq = xp.matmul(wt, xp.matmul(yr, whitening))
    qq = xp.matmul(wt, xp.matmul(rr, whitening))
    # P / c and c Q have the same product: equal sizes keep the rounding error smallest.
    size_p, size_q = _trace(xp, pp), _trace(xp, qq)
    balance = xp.sqrt(_inverse(ctx, size_p) * size_q)
    balance = xp.where(balance > 0, balance, 1.0)[..., None, None]
    upper = xp.concat([pp * balance, pq], axis=-1)
    lower = xp.concat([xp.matrix_transpose(pq), qq / balance], axis=-1)
    values, vectors = xp.linalg.eigh(_finite(ctx, xp.concat([upper, lower], axis=-2)))
    root = xp.sqrt(xp.where(values > 0, values, 0.0))
    a = root[..., :, None] * xp.matrix_transpose(vectors)
    k = whitening.shape[-1]
    half = xp.matmul(a[..., :k], xp.matrix_transpose(a[..., k:]))
    values = xp.linalg.eigvalsh(half + xp.matrix_transpose(half))
    if dimension < 2 * k:
        order = xp.argsort(xp.abs(values), axis=-1, descending=True)
        values = xp.take_along_axis(values, order[..., :dimension], axis=-1)
    largest = xp.max(values, axis=-1)
    if dimension > 2 * k:
        largest = xp.where(largest > 0, largest, 0.0)
    return largest


def largest_eigenvalue_of_columns(ctx: Context, whitening: Array, history: History, mixing: Any) -> Array:
    """:func:`largest_eigenvalue` from the columns, O(m^2 d): no Gram matrix squares the condition number of ``Z``.

    The triangular factor ``T`` of ``B = (P Q)`` gives ``T J T'``, of size min(d, 2k): it has no zeros too many.
    """
    xp = ctx.xp
    beta = mixing[..., None] if getattr(mixing, "ndim", 0) > 0 else mixing
    q = xp.matmul(xp.stack(list(history.r), axis=-1), whitening)
    p = xp.matmul(xp.stack(list(history.x), axis=-1), whitening) + beta * q
    triangle = xp.linalg.qr(_finite(ctx, xp.concat([p, q], axis=-1)))[1]
    k = whitening.shape[-1]
    half = xp.matmul(triangle[..., :k], xp.matrix_transpose(triangle[..., k:]))
    largest = xp.max(xp.linalg.eigvalsh(half + xp.matrix_transpose(half)), axis=-1)
    if history.r[0].shape[-1] > 2 * k:
        largest = xp.where(largest > 0, largest, 0.0)
    return largest


def admissible_damping(ctx: Context, damping: Any, eigenvalue: Array, mixing: Any, margin: float) -> Array:
    """Largest ``alpha <= damping`` with ``alpha lambda <= 2 beta (1 - margin)`` (14): (..., 1)."""
    xp = ctx.xp
    eigenvalue = eigenvalue[..., None]
    bound = 2.0 * (1.0 - margin) * mixing * _inverse(ctx, eigenvalue)
    damping = damping + xp.zeros_like(eigenvalue)
    return xp.where(damping * eigenvalue > 2.0 * (1.0 - margin) * mixing, bound, damping)


def _apply(xp: Any, matrix: Array, vector: Array) -> Array:
    return xp.matmul(matrix, vector[..., None])[..., 0]


def _trace(xp: Any, matrix: Array) -> Array:
    return xp.sum(xp.linalg.diagonal(matrix), axis=-1)


def _inverse(ctx: Context, value: Array) -> Array:
    """``1 / value`` where it is not zero, else 0."""
    xp = ctx.xp
    nonzero = value != 0
    return xp.where(nonzero, 1.0 / xp.where(nonzero, value, 1.0), 0.0)


def _finite(ctx: Context, matrix: Array) -> Array:
    """``matrix``, zero for the runs in which it is not finite: factorisations may raise on those."""
    xp = ctx.xp
    finite = xp.all(xp.isfinite(matrix), axis=(-2, -1), keepdims=True)
    return xp.where(finite, matrix, 0.0)
