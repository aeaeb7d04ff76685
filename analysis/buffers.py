"""What is in a buffer of vectors: cancellation, variance and alignment.

Vectors are arrays (..., C, d) of which the first ``fill`` (...) rows are stored. "Critical Momenta", sections 3 and
3.1, figure 8.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from optassay.arrays import Array, Context, context


class Spread(NamedTuple):
    """Of the stored vectors of every run, arrays (...).

    Attributes
    ----------
    cancellation : array
        ``1 - |mean of vectors| / mean of |vectors|``, in [0, 1]: 0 if all point one way, 1 if they cancel; NaN if all
        are zero or nothing is stored.
    ratio : array
        ``|mean| / mean |.|``, the same the other way round.
    variance : array
        ``mean |b - mean|^2``, divided by the number of vectors.
    relative_variance : array
        ``variance / mean |b|^2``, in [0, 1]; it does not see a common scale.
    """

    cancellation: Array
    ratio: Array
    variance: Array
    relative_variance: Array


def stacked(buffer: Any) -> tuple[Array, Array]:
    """Vectors (..., C, d) and fill counts (...) of the buffer in a state of a critical rule.

    Raises
    ------
    ValueError
        A rule without a buffer (capacity 0).
    """
    if not buffer.values:
        raise ValueError("buffer must have a capacity of at least 1, got 0")
    ctx = context(total=buffer.total)
    return ctx.xp.stack(list(buffer.values), axis=-2), buffer.fill


def spread(vectors: Array, fill: Array | None = None) -> Spread:
    """Cancellation and variance of the stored vectors; see :class:`Spread`."""
    ctx, vectors, stored, count = _enter(vectors, fill)
    xp = ctx.xp
    vectors = xp.where(stored[..., None], vectors, ctx.zeros((1,)))
    mean = xp.sum(vectors, axis=-2) / count[..., None]
    squares = xp.sum(vectors * vectors, axis=-1)
    length = xp.sum(xp.sqrt(squares), axis=-1) / count
    off = xp.where(stored[..., None], vectors - mean[..., None, :], ctx.zeros((1,)))
    variance = xp.sum(off * off, axis=(-2, -1)) / count
    ratio = _divide(ctx, xp.sqrt(xp.sum(mean * mean, axis=-1)), length)
    return Spread(1.0 - ratio, ratio, variance, _divide(ctx, variance, xp.sum(squares, axis=-1) / count))


def cosines(vectors: Array, other: Array, fill: Array | None = None) -> Array:
    """Cosines (..., C) of the stored vectors with ``other`` (..., d); NaN for zero vectors and empty slots."""
    ctx, vectors, stored, _ = _enter(vectors, fill)
    xp = ctx.xp
    other = ctx.asarray(other)[..., None, :]
    product = xp.sum(vectors * other, axis=-1)
    norms = xp.sqrt(xp.sum(vectors * vectors, axis=-1)) * xp.sqrt(xp.sum(other * other, axis=-1))
    return xp.where(stored, _divide(ctx, product, norms), ctx.asarray(float("nan")))


def agreement(vectors: Array, fill: Array | None = None) -> Array:
    """Mean cosine (...) of the longest stored vector with the other stored ones, as in figure 8; NaN below two."""
    ctx, vectors, stored, _ = _enter(vectors, fill)
    xp = ctx.xp
    squares = xp.where(stored, xp.sum(vectors * vectors, axis=-1), ctx.asarray(-1.0))
    longest = xp.argmax(squares, axis=-1)
    index = xp.arange(vectors.shape[-2], device=ctx.device)
    chosen = index == longest[..., None]
    vector = xp.sum(xp.where(chosen[..., None], vectors, ctx.zeros((1,))), axis=-2)
    found = cosines(vectors, vector, fill)
    others = stored & ~chosen & ~xp.isnan(found)
    total = xp.sum(xp.where(others, found, ctx.zeros((1,))), axis=-1)
    return _divide(ctx, total, xp.sum(xp.astype(others, ctx.dtype), axis=-1))


def _enter(vectors: Array, fill: Array | None) -> tuple[Context, Array, Array, Array]:
    ctx = context(vectors=vectors, fill=fill)
    vectors = ctx.asarray(vectors)
    if vectors.ndim < 2:
        raise ValueError(f"vectors must have shape (..., C, d), got {tuple(vectors.shape)}")
    count = ctx.full(vectors.shape[:-2], float(vectors.shape[-2])) if fill is None else ctx.asarray(fill)
    if count.shape != vectors.shape[:-2]:
        raise ValueError(f"fill must have shape {tuple(vectors.shape[:-2])}, got {tuple(count.shape)}")
    stored = ctx.arange(vectors.shape[-2]) < count[..., None]
    return ctx, vectors, stored, ctx.xp.where(count > 0, count, ctx.asarray(float("nan")))


def _divide(ctx: Context, top: Array, bottom: Array) -> Array:
    """``top / bottom``, NaN where the bottom is zero."""
    return top / ctx.xp.where(bottom == 0, ctx.asarray(float("nan")), bottom)
