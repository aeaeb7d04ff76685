"""The longest interval of x = step size * curvature that one circle serves, over all momenta: D-decomposition.

On |z| = r, z = r e^(i theta), a root of p = (z - 1)(z - beta) z^(C-1) + x B(z) needs f = Im(A conj(B)) = 0. A is linear
in the momentum, so with the sine polynomials g_0 = Im((z - 1) z^(C-1) conj(B)) and g_1 = Im((z - 1) z^C conj(B)),

    f = g_1 - beta g_0,        beta(theta) = g_1 / g_0,        x(theta) = -Re(A conj(B)) / |B|^2

give the whole boundary in closed form, with two lines for the real points z = r and z = -r. At a fixed momentum the
roots outside are counted from one crossing to the next: as x grows, a pair leaves the circle where f falls through zero
and enters where it rises. The best momentum is 0, or a fold of beta(theta), where a pair of crossings has just vanished
and the interval jumps, or lies where the ends move smoothly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .crossings import Floats, pencil, sine_series

_MOMENTA = 33  # momenta tried besides 0 and the folds
_ANGLES_PER_TERM = 24  # of the sine polynomials, which have C + 1 terms
_NEWTON_STEPS = 12
_ROUNDING = 1e-9  # of a momentum on the curve


@dataclass(frozen=True)
class Interval:
    """All roots lie in |z| < r for low < x < high; ``log_ratio`` is log(high / low), or -1 where there is none."""

    log_ratio: float
    momentum: float
    low: float
    high: float


def longest_interval(gap: float, size: int, momentum: float | None = None) -> Interval:
    """The longest interval, by the ratio of its ends, at one momentum or over all in [0, 1).

    Parameters
    ----------
    gap : float
        0 < 1 - r < 1. Below rounding of one it matters for the low end alone, which is then ``gap (1 - beta) / 2``.
    size : int
        C >= 1.
    momentum : float, optional
    """
    circle = _Circle(gap, size)
    if momentum is not None:
        return circle.longest(np.array([momentum]), np.array([-1]))
    (inside,) = np.nonzero((circle.folds > 0.0) & (circle.folds < 1.0))
    momenta = np.concatenate([[0.0], circle.folds[inside], np.linspace(0.0, 1.0, _MOMENTA + 2)[1:-1]])
    tags = np.concatenate([[-1], inside, np.full(_MOMENTA, -1)])
    best = circle.longest(momenta, tags)
    if best.log_ratio < 0.0:
        return best
    ordered = np.unique(momenta)
    at = int(np.searchsorted(ordered, best.momentum))
    left, right = ordered[max(at - 1, 0)], ordered[min(at + 1, ordered.size - 1)]
    if ordered[at] == 0.0 or ordered[at] in circle.folds:
        # Exact, and often the best; but a maximum may lie beside it at any distance.
        steps = 10.0 ** -np.linspace(0.0, 13.0, 40)
        middle = best.momentum
        beside = np.unique(
            np.concatenate([middle - (middle - left) * steps, [middle], middle + (right - middle) * steps])
        )
        found = circle.longest(beside, np.full(beside.size, -1))
        if found.log_ratio <= best.log_ratio:
            return best
        best, at = found, int(np.searchsorted(beside, found.momentum))
        left, right = float(beside[max(at - 1, 0)]), float(beside[min(at + 1, beside.size - 1)])
    while right - left > 1e-13:
        middle = best.momentum
        grid = np.concatenate([np.linspace(left, middle, 11)[:-1], np.linspace(middle, right, 11)[1:]])
        found = circle.longest(grid, np.full(grid.size, -1))
        if found.log_ratio > best.log_ratio:
            best = found
        width = 0.1 * max(middle - left, right - middle)
        left, right = max(best.momentum - width, left), min(best.momentum + width, right)
    return best


class _Circle:
    """Boundary of the region of (momentum, x) in which all roots lie in |z| < rate = 1 - gap."""

    def __init__(self, gap: float, size: int) -> None:
        self.rate = rate = 1.0 - gap
        # A at the momenta 0 and 1; their difference is what multiplies -beta.
        (a1, both), b = pencil(np.array([0.0, 1.0]), size)
        powers = rate ** np.arange(a1.size)
        a1, a0, b = a1 * powers, (a1 - both) * powers, b * powers
        self._orders = np.arange(1, a1.size)
        self._sines = np.stack([sine_series(a1, b), sine_series(a0, b)])
        self._cosines = np.stack([_cosine_series(a1, b), _cosine_series(a0, b), _cosine_series(b, b)])
        signs = (-1.0) ** np.arange(a1.size)
        # z = r and z = -r: x = (z - beta) * factor, with 1 - r to all its digits.
        self._real = np.array([rate, -rate])
        distance = np.array([gap, 1.0 + rate])
        with np.errstate(divide="ignore"):
            self._factor = distance * self._real ** (size - 1) / np.array([np.sum(b), np.sum(b * signs)])
        angles, sines, cosines = _angles(size)
        on_grid = self._sines @ sines
        self.fold_angles, self.folds = self._find_folds(angles, on_grid)
        order = np.argsort(np.concatenate([angles, self.fold_angles]))
        self._angles = np.concatenate([angles, self.fold_angles])[order]
        self._one, self._zero = np.concatenate([on_grid, self._parts(self.fold_angles)], axis=1)[:, order]
        self._position = np.argsort(order)[angles.size :]  # of the folds
        phases = np.multiply.outer(np.arange(a1.size), self.fold_angles)
        self._real_parts = (self._cosines @ np.concatenate([cosines, np.cos(phases)], axis=1))[:, order]

    def _parts(self, angles: Floats, derivative: int = 0) -> Floats:
        """(g_1, g_0), or their derivatives with respect to the angle; shape (2, n)."""
        phases = np.multiply.outer(self._orders, angles) + 0.5 * math.pi * derivative
        return (self._sines * self._orders.astype(float) ** derivative) @ np.sin(phases)

    def _find_folds(self, angles: Floats, on_grid: Floats) -> tuple[Floats, Floats]:
        """Angles and momenta of the local extrema of beta(theta) in and near [0, 1)."""
        one, zero = on_grid
        with np.errstate(divide="ignore", invalid="ignore"):
            momenta = one / zero
        rises = np.diff(momenta) > 0.0
        near = (momenta[1:-1] > -0.1) & (momenta[1:-1] < 1.1) & (rises[1:] != rises[:-1])
        at = np.nonzero(near)[0] + 1
        angle = angles[at]
        low, high = angles[at - 1], angles[at + 1]
        start, end = momenta[at - 1], momenta[at + 1]
        for _ in range(_NEWTON_STEPS):
            (one, zero), (d_one, d_zero), (c_one, c_zero) = (self._parts(angle, k) for k in range(3))
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.nan_to_num((d_one * zero - one * d_zero) / (c_one * zero - one * c_zero))
            angle = np.clip(angle - step, low, high)
            if not np.any(np.abs(step) > 1e-9 * angle):
                break
        one, zero = self._parts(angle)
        with np.errstate(divide="ignore", invalid="ignore"):
            momenta = one / zero
            # At theta -> 0 the curve is flat and rounding makes folds of it.
            genuine = np.min(np.abs(momenta - np.stack([start, end])), axis=0, initial=1.0) > _ROUNDING
        return angle[genuine], momenta[genuine]

    def longest(self, momenta: Floats, tags: NDArray[np.int64]) -> Interval:
        """The longest interval over the given momenta.

        ``tags`` names the fold at which a momentum lies, whose crossings count as vanished, or is -1.
        """
        # Interpolated crossings tell which momenta are worth exact ones. They may promise too much, so once more for
        # those that the first exact result leaves in the race.
        rough, of, *_ = self._intervals(momenta, tags, exact=False)
        best = Interval(-1.0, math.nan, math.nan, math.nan)
        tried = np.zeros(momenta.size, bool)
        bar = float(np.max(rough, initial=-1.0))
        for _ in range(2):
            chosen = np.setdiff1d(of[rough >= bar - 0.1], np.nonzero(tried)[0])
            if chosen.size:
                tried[chosen] = True
                ratio, row, low, high = self._intervals(momenta[chosen], tags[chosen], exact=True)
                if ratio.size and np.max(ratio) > best.log_ratio:
                    at = int(np.argmax(ratio))
                    best = Interval(float(ratio[at]), float(momenta[chosen[row[at]]]), float(low[at]), float(high[at]))
            bar = best.log_ratio
        return best

    def _intervals(
        self, momenta: Floats, tags: NDArray[np.int64], exact: bool
    ) -> tuple[Floats, NDArray[np.int64], Floats, Floats]:
        """(log ratio, index of the momentum, low, high) of every interval without roots outside."""
        value = self._one - momenta[:, None] * self._zero
        (tagged,) = np.nonzero(tags >= 0)
        place = self._position[tags[tagged]]
        value[tagged, place] = value[tagged, place - 1]
        above = value > 0.0
        row, at = np.nonzero(above[:, 1:] != above[:, :-1])
        share = value[row, at] / (value[row, at] - value[row, at + 1])
        if exact:
            x = self._refined(at, share, momenta[row])
        else:
            parts = (1.0 - share) * self._real_parts[:, at] + share * self._real_parts[:, at + 1]
            x = _quotient(parts, momenta[row])
        change = np.where(above[row, at], 2, -2)
        rows = np.arange(momenta.size)
        real_x, real_change = self._real_crossings(momenta)
        row = np.concatenate([row, rows, rows])
        x = np.concatenate([x, *real_x])
        change = np.concatenate([change, *real_change])
        order = np.lexsort((x, row))
        order = order[x[order] > 0.0]
        row, x, change = row[order], x[order], change[order]
        # For small x the root near 1 is outside, and so is the one near the momentum if that exceeds the rate.
        total = np.concatenate([[0], np.cumsum(change)])
        outside = total[1:] - total[np.searchsorted(row, rows)][row] + 1 + (momenta > self.rate)[row]
        (begin,) = np.nonzero((outside[:-1] == 0) & (row[1:] == row[:-1]))
        low, high = x[begin], x[begin + 1]
        return np.log(high / low), row[begin], low, high

    def _real_crossings(self, momenta: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """x at which a root lies at z = r and at z = -r, and how many roots leave there; both (2, n)."""
        x = (self._real[:, None] - momenta) * self._factor[:, None]
        slope_one, slope_zero = (self._sines * self._orders) @ np.stack(
            [np.ones(self._orders.size), (-1.0) ** self._orders], axis=-1
        )
        return x, -np.sign(slope_one[:, None] - slope_zero[:, None] * momenta).astype(int)

    def _refined(self, at: NDArray[np.int64], share: Floats, momenta: Floats) -> Floats:
        """x at the crossing between the angles ``at`` and ``at + 1``, by Newton's method from the interpolated one."""
        low, high = self._angles[at], self._angles[at + 1]
        angle = low + (high - low) * share
        for _ in range(_NEWTON_STEPS):
            (one, zero), (d_one, d_zero) = self._parts(angle), self._parts(angle, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.nan_to_num((one - momenta * zero) / (d_one - momenta * d_zero))
            angle = np.clip(angle - step, low, high)
            if not np.any(np.abs(step) > 1e-9 * angle):  # the next step would be below rounding
                break
        phases = np.multiply.outer(np.arange(self._orders.size + 1), angle)
        return _quotient(self._cosines @ np.cos(phases), momenta)


def _quotient(parts: Floats, momenta: Floats) -> Floats:
    """x = -Re(A conj(B)) / |B|^2 from its parts (3, n)."""
    first, second, square = parts
    return (momenta * second - first) / np.maximum(square, 1e-300)


@lru_cache(maxsize=8)
def _angles(size: int) -> tuple[Floats, Floats, Floats]:
    """A grid of angles in (0, pi), with sin(n theta) for n = 1..C+1 and cos(n theta) for n = 0..C+1."""
    uniform = np.linspace(0.0, math.pi, _ANGLES_PER_TERM * (size + 1))[1:-1]
    # Near z = 1 the curves live on the scale of 1 - r.
    angles = np.concatenate([np.geomspace(1e-8, uniform[0], 60)[:-1], uniform, [math.pi - 1e-4, math.pi - 1e-7]])
    phases = np.multiply.outer(np.arange(max(size, 1) + 2), angles)
    return angles, np.sin(phases[1:]), np.cos(phases)


def _cosine_series(a: Floats, b: Floats) -> Floats:
    """Coefficients c_0, c_1, ... of Re(A conj(B)) = sum_n c_n cos(n theta), for coefficients scaled by r^k."""
    length = a.size
    both = [np.dot(a[n:], b[: length - n]) + np.dot(a[: length - n], b[n:]) for n in range(length)]
    return np.array([0.5 * both[0], *both[1:]])
