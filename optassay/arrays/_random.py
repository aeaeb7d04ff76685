"""Random draws from one explicit generator.

Draws come from NumPy on the host and are then moved, so that a seed gives the same numbers on every backend. A
generator of the backend itself (``cupy.random.Generator``, ``torch.Generator``) asks for draws on the device instead.
"""

from __future__ import annotations

import math
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


def symmetric_stable(rng: Any, index: float, shape: tuple[int, ...], ctx: Context) -> Array:
    """Independent symmetric stable draws ``S`` with ``E exp(i u S) = exp(-|u|^index)``: N(0, 2) at index 2.

    Chambers, Mallows and Stuck (1976): from ``V`` uniform on (-pi/2, pi/2) and ``W`` exponential,
    ``S = sin(p V) / cos(V)^(1/p) (cos((1 - p) V) / W)^((1 - p)/p)``.

    Raises
    ------
    ValueError
        ``index`` outside (0, 2].
    """
    if not 0 < index <= 2:
        raise ValueError(f"index must lie in (0, 2], got {index}")
    rng = generator(rng)
    if index == 2:
        return math.sqrt(2.0) * standard_normal(rng, shape, ctx)
    xp = ctx.xp
    angle = uniform(rng, -0.5 * math.pi, 0.5 * math.pi, shape, ctx)
    if index == 1:
        return xp.tan(angle)
    unit = 1.0 - uniform(rng, 0.0, 1.0, shape, ctx)  # in (0, 1], so that its logarithm is finite
    waiting = xp.clip(-xp.log(unit), ctx.eps, None)  # ... and W is not zero, which a negative power would not survive
    spread = (xp.cos((1.0 - index) * angle) / waiting) ** ((1.0 - index) / index)
    return xp.sin(index * angle) / xp.cos(angle) ** (1.0 / index) * spread
