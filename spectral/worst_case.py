"""Worst-case rates over a whole interval of curvatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from optassay.arrays import Array, context, to_numpy

from .companion import Convention, check_buffer_size, check_momentum, check_positive, gradient_gain
from .crossings import Floats, crossing_values
from .radius import spectral_radius

_OUTSIDE = 1e-13  # relative distance at which the level circle is drawn outside the largest radius seen so far


def worst_case_rate(
    step_size: Any,
    momentum: Any,
    smallest: Any,
    largest: Any,
    buffer_size: int,
    convention: Convention = "heavy-ball",
) -> Array:
    """Largest spectral radius over all curvatures in [smallest, largest], not only at its ends.

    Level sets: a circle just outside the largest radius seen is crossed only where some curvature is worse; the
    midpoints between crossings give the next radius. Converges quadratically, and ends with a circle that nothing in
    the interval crosses.

    Parameters
    ----------
    step_size, momentum, smallest, largest : float or array, broadcast to (...)
        alpha > 0, beta in [0, 1), 0 < mu <= L.
    buffer_size : int
        C >= 0.
    convention : {"heavy-ball", "ema"}
        With the moving average the same rate belongs to a step size that is 1 / (1 - beta) times larger.

    Returns
    -------
    array (...)
        One or more means that some curvature does not converge: unstable parameters have a rate too.

    Raises
    ------
    ValueError
        A parameter outside its domain, or smallest > largest.
    """
    size = check_buffer_size(buffer_size)
    ctx = context(step_size=step_size, momentum=momentum, smallest=smallest, largest=largest)
    beta = check_momentum(ctx, momentum)
    alpha = check_positive(ctx, step_size, "step_size") * gradient_gain(ctx, beta, convention)
    low = check_positive(ctx, smallest, "smallest")
    high = check_positive(ctx, largest, "largest")
    if bool(ctx.xp.any(low > high)):
        raise ValueError(f"smallest must not exceed largest, got {smallest!r} and {largest!r}")
    alpha, beta, low, high = ctx.xp.broadcast_arrays(alpha, beta, low, high)
    ends = [spectral_radius(alpha, beta, h, size) for h in (low, high)]
    rate = ctx.xp.maximum(*ends)
    if size == 0:
        # |z| of heavy ball falls, stays at sqrt(beta), and rises in x: the ends are the worst.
        return rate
    # Crossings need general eigenvalues: one host transfer.
    lowest, highest, momenta, rates = (
        to_numpy(ctx.xp.reshape(a, (-1,))).astype(float) for a in (alpha * low, alpha * high, beta, rate)
    )
    return ctx.xp.reshape(ctx.asarray(_level_sets(lowest, highest, momenta, rates, size)), rate.shape)


def _level_sets(low: Floats, high: Floats, beta: Floats, rate: Floats, size: int) -> Floats:
    rate = rate.copy()
    active = np.arange(rate.size)
    while active.size:
        lo, hi = low[active, None], high[active, None]
        x = crossing_values(rate[active] * (1.0 + _OUTSIDE), beta[active], size)
        x = np.concatenate([lo, np.clip(x, lo, hi), hi], axis=-1)
        middle = 0.5 * (x[:, 1:] + x[:, :-1])
        radii = spectral_radius(middle, beta[active, None], 1.0, size)
        best = np.max(radii, axis=-1)
        worse = best > rate[active] * (1.0 + _OUTSIDE)
        rate[active] = np.maximum(rate[active], best)
        active = active[worse]
    return rate
