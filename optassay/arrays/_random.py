"""Random draws from one explicit generator.

Draws come from NumPy on the host and are then moved, so that a seed gives the same numbers on every backend. A
generator of the backend itself (``cupy.random.Generator``, ``torch.Generator``) asks for draws on the device instead.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from ._context import Array, Context


def generator(seed: Any) -> Any:
    """A generator from a seed: int or SeedSequence gives NumPy's PCG64, a generator is returned as it is.

    Raises
    ------
    TypeError
        ``seed`` is None or of another type: randomness is always explicit.
    """
    if isinstance(seed, bool) or seed is None:
        raise TypeError(f"rng must be an integer seed or a generator, got {seed!r}")
    if isinstance(seed, int | np.integer | np.random.SeedSequence):
        return np.random.default_rng(seed)
    module = type(seed).__module__.split(".")[0]
    if isinstance(seed, np.random.Generator) or (type(seed).__name__ == "Generator" and module in {"cupy", "torch"}):
        return seed
    raise TypeError(f"rng must be an integer seed or a generator, got {type(seed).__name__}")


def _on_device(rng: Any) -> bool:
    return not isinstance(rng, np.random.Generator)


def standard_normal(rng: Any, shape: tuple[int, ...], ctx: Context) -> Array:
    """Independent N(0, 1) draws of the given shape."""
    rng = generator(rng)
    if _on_device(rng):
        if array_api_compat.is_torch_namespace(ctx.xp):
            return ctx.xp.randn(*shape, generator=rng, dtype=ctx.dtype, device=ctx.device)
        return rng.standard_normal(shape, dtype=ctx.dtype)
    return ctx.asarray(rng.standard_normal(shape))


def uniform(rng: Any, low: float, high: float, shape: tuple[int, ...], ctx: Context) -> Array:
    """Independent U[low, high) draws of the given shape."""
    rng = generator(rng)
    if _on_device(rng):
        if array_api_compat.is_torch_namespace(ctx.xp):
            unit = ctx.xp.rand(*shape, generator=rng, dtype=ctx.dtype, device=ctx.device)
        else:
            unit = rng.random(shape, dtype=ctx.dtype)
        return low + (high - low) * unit
    return ctx.asarray(rng.uniform(low, high, shape))


def orthonormal(rng: Any, dim: int, ctx: Context, batch: tuple[int, ...] = ()) -> Array:
    """Haar-distributed orthogonal matrices of shape ``batch + (dim, dim)``.

    The QR factor of a Gaussian matrix is Haar only after its columns take the signs of R's diagonal.
    """
    gaussian = standard_normal(rng, (*batch, dim, dim), ctx)
    q, r = ctx.xp.linalg.qr(gaussian)
    diagonal = ctx.xp.linalg.diagonal(r)
    signs = ctx.xp.where(diagonal < 0, ctx.asarray(-1.0), ctx.asarray(1.0))
    return q * signs[..., None, :]
