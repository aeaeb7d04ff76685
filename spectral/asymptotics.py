"""How 1 - rate falls with the condition number, and where the curves of two buffer sizes cross."""

from __future__ import annotations

import math

import numpy as np

from .boundary import longest_interval
from .companion import check_buffer_size, check_momentum_value

_TINY = 1e-100  # a gap at which only the leading order is left


def log_reach(gap: float, buffer_size: int, momentum: float | None = None) -> float:
    """Log of the largest condition number that a rate of 1 - gap serves; -1 where it serves none.

    Parameters
    ----------
    gap : float
        0 < 1 - r < 1.
    buffer_size : int
        C >= 0; 0 is classical momentum, in closed form.
    momentum : float, optional
        beta in [0, 1) to keep fixed; without it the best.
    """
    size = check_buffer_size(buffer_size)
    beta = None if momentum is None else check_momentum_value(momentum)
    if not 0.0 < gap < 1.0:
        raise ValueError(f"gap must lie in (0, 1), got {gap!r}")
    if size:
        return longest_interval(gap, size, beta).log_ratio
    rate = 1.0 - gap
    if beta is None:
        return 2.0 * math.log((1.0 + rate) / gap)
    # |z| = r is crossed at z = r and z = -r; the pair in between has modulus sqrt(beta).
    return math.log((1.0 + rate) * (rate + beta) / (gap * (rate - beta))) if beta < rate * rate else -1.0


def gap_constant(buffer_size: int, momentum: float | None = None) -> float:
    """The limit of kappa (1 - rate) for the best step size as kappa grows.

    At a fixed momentum the root near z = 1 sets the rate, 1 - g x / (1 - beta) + O(x^2) with g = 2 (g = 1 without a
    buffer), and the largest step is s / L with the end s of the first stability interval, so the limit is
    g s / (1 - beta). Without a given momentum it is the largest such value; for classical momentum that is infinite, as
    1 - rate falls like 2 / sqrt(kappa).

    Parameters
    ----------
    buffer_size : int
        C >= 0.
    momentum : float, optional
        beta in [0, 1).
    """
    size = check_buffer_size(buffer_size)
    if size == 0 and momentum is None:
        return math.inf
    return math.exp(log_reach(_TINY, size, momentum) + math.log(_TINY))


def crossing_points(
    buffer_size: int, other: int, momentum: float | None = None, largest: float = 1e6, points: int = 400
) -> list[float]:
    """Condition numbers in (1, largest] at which the faster of two buffer sizes changes.

    Both largest condition numbers served are compared as functions of the rate; a sign change between two of ``points``
    rates is bisected. A curve that is flat (one rate serves a range of condition numbers) is crossed within the flat
    part.

    Parameters
    ----------
    buffer_size, other : int
        C >= 0, different.
    momentum : float, optional
        The same for both; without it each takes its best.
    """
    if check_buffer_size(buffer_size) == check_buffer_size(other):
        raise ValueError(f"other must differ from buffer_size, got {other} for both")
    if not (largest > 1.0 and math.isfinite(largest)):
        raise ValueError(f"largest must be a finite number > 1, got {largest!r}")

    def reach(log_gap: float) -> tuple[float, float]:
        gap = math.exp(log_gap)
        first, second = (log_reach(gap, size, momentum) for size in (buffer_size, other))
        return first, second

    grid = np.linspace(-1e-3, -math.log(largest) - 3.0, points)
    values = [reach(g) for g in grid]
    signs = np.sign([a - b for a, b in values])
    found = []
    for k in np.nonzero(signs[1:] * signs[:-1] < 0)[0]:
        wide, narrow = float(grid[k]), float(grid[k + 1])
        for _ in range(60):
            middle = 0.5 * (wide + narrow)
            first, second = reach(middle)
            if (first - second) * signs[k] > 0:
                wide = middle
            else:
                narrow = middle
        first, second = reach(narrow)
        log_kappa = min(first, second)
        if 0.0 < log_kappa <= math.log(largest):
            found.append(math.exp(log_kappa))
    return sorted(found)
