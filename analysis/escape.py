"""When a run has escaped, and how often runs do: criteria and Wilson intervals."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from optassay.arrays import Array, context

Coordinates = Literal["all", "any", "mean"]


class Ratio(NamedTuple):
    """``successes / trials`` with a Wilson score interval; each an array or a number."""

    successes: Any
    trials: Any
    value: Any
    low: Any
    high: Any


def ridge(sharpness: Any) -> Any:
    """Where the wells of one coordinate of :class:`TwoWell` meet: ``sqrt(s) / (sqrt(s) + 1)``, 1/2 at s = 1.

    Gradient flow goes to 0 from below and to 1 from above, also from beyond the second meeting of the branches.
    """
    root = sharpness**0.5
    return root / (root + 1.0)


def in_flat_basin(points: Array, sharpness: Any, coordinates: Coordinates = "all") -> Array:
    """Whether points (..., d) lie in the basin of the flat well in all or in any coordinate; "mean" gives the share.

    ``sharpness`` is a number or an array over the batch axes. NaN lies in no basin.
    """
    ctx = context(points=points, sharpness=sharpness)
    border = ridge(sharpness) if isinstance(sharpness, int | float) else ridge(ctx.asarray(sharpness))[..., None]
    return _over(ctx, points < border, coordinates)


def near(points: Array, target: Array | float, tolerance: float, coordinates: Coordinates = "all") -> Array:
    """Whether ``|points - target| <= tolerance`` in all or in any coordinate; "mean" gives the share of coordinates."""
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    ctx = context(points=points, target=target)
    return _over(ctx, ctx.xp.abs(points - ctx.asarray(target)) <= tolerance, coordinates)


def wilson(successes: Any, trials: Any, level: float = 0.95) -> Ratio:
    """Wilson score intervals of proportions (on the host).

    Parameters
    ----------
    successes, trials : int or array of int, broadcast
    level : float
        Confidence, in (0, 1).

    Raises
    ------
    ValueError
        ``level`` outside (0, 1), no trials, or more successes than trials.
    """
    from scipy.stats import binomtest

    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    k, n = np.broadcast_arrays(np.asarray(successes), np.asarray(trials))
    if np.any(n < 1) or np.any(k < 0) or np.any(k > n):
        raise ValueError(f"successes must lie in 0..trials and trials be positive, got {successes} of {trials}")
    intervals = [
        binomtest(int(a), int(b)).proportion_ci(level, method="wilson") for a, b in zip(k.flat, n.flat, strict=True)
    ]
    low = np.array([i.low for i in intervals]).reshape(k.shape)
    high = np.array([i.high for i in intervals]).reshape(k.shape)
    if k.ndim == 0:
        return Ratio(int(k), int(n), int(k) / int(n), float(low), float(high))
    return Ratio(k, n, k / n, low, high)


def _over(ctx: Any, held: Array, coordinates: Coordinates) -> Array:
    if coordinates == "all":
        return ctx.xp.all(held, axis=-1)
    if coordinates == "any":
        return ctx.xp.any(held, axis=-1)
    if coordinates == "mean":
        return ctx.xp.mean(ctx.xp.astype(held, ctx.dtype), axis=-1)
    raise ValueError(f"coordinates must be 'all', 'any' or 'mean', got {coordinates!r}")
