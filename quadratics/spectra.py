"""Random eigenvalues and eigenbases of the study in "Dissecting Adam", section 2.2."""

from __future__ import annotations

from typing import Any

from optassay.arrays import Array, Context, context, generator, orthonormal, uniform


def _context(dim: int, like: Array | None) -> Context:
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
        raise ValueError(f"dim must be a positive integer, got {dim!r}")
    return context(like=0.0 if like is None else like)


def well_conditioned_eigenvalues(
    dim: int, rng: Any, *, batch: tuple[int, ...] = (), like: Array | None = None
) -> Array:
    """Independent U[0.1, 1.1] eigenvalues, shape (*batch, dim).

    Parameters
    ----------
    dim : int
    rng : int or generator
    batch : tuple of int
        Leading axes of independent spectra.
    like : array, optional
        An array whose namespace, device and dtype the result takes (default: NumPy, float64).
    """
    ctx = _context(dim, like)
    return uniform(rng, 0.1, 1.1, (*batch, dim), ctx)


def ill_conditioned_eigenvalues(dim: int, rng: Any, *, batch: tuple[int, ...] = (), like: Array | None = None) -> Array:
    """90 % of the eigenvalues U[0, 1], then 10 % U[30, 60], shape (*batch, dim).

    The number of large ones is exact: ``dim / 10`` to the nearest integer (halves up), at least one. They come last.
    Parameters as in :func:`well_conditioned_eigenvalues`.
    """
    ctx = _context(dim, like)
    large = max(1, (dim + 5) // 10)
    rng = generator(rng)
    parts = [uniform(rng, 0.0, 1.0, (*batch, dim - large), ctx), uniform(rng, 30.0, 60.0, (*batch, large), ctx)]
    return ctx.xp.concat(parts, axis=-1)


def random_rotation(
    dim: int, rng: Any, *, batch: tuple[int, ...] = (), like: Array | None = None, special: bool = True
) -> Array:
    """Haar-distributed rotations R of SO(d) (determinant +1), shape (*batch, dim, dim).

    Parameters
    ----------
    dim, rng, batch, like
        As in :func:`well_conditioned_eigenvalues`.
    special : bool
        False: Haar measure of O(d), determinant +-1. For R Lambda R^T both have the same law.

    Notes
    -----
    A Haar matrix of O(d) with its first column negated where the determinant is -1 is Haar on SO(d): left
    multiplication by a rotation commutes with that map.
    """
    ctx = _context(dim, like)
    q = orthonormal(rng, dim, ctx, batch)
    if not special:
        return q
    xp = ctx.xp
    sign = xp.where(xp.linalg.det(q) < 0, ctx.asarray(-1.0), ctx.asarray(1.0))
    return xp.concat([q[..., :1] * sign[..., None, None], q[..., 1:]], axis=-1)
