"""Floating-point search for the chains of bad points from which :mod:`spectral.optimality` proves lower bounds."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from optassay.arrays import context

from .boundary import longest_interval
from .companion import (
    characteristic_polynomial,
    check_buffer_size,
    check_condition_number,
    check_momentum_value,
)
from .crossings import crossing_values, pencil
from .optimality import Chain, Line, OptimalityCertificate, verify_chain
from .radius import roots_inside

# Of the slack, that each end of a good interval takes. Schur-Cohn is singular on a curve of points, so there are three.
_SHARES = (0.47, 0.36, 0.25)
_POINTS = 40
_FAR = 0.6  # at most, in log x


def certify_optimality(
    condition_number: float, buffer_size: int, bound: float, momentum: float | None = None, max_chains: int = 20000
) -> OptimalityCertificate:
    """A verified proof that no step size (and momentum, unless given) has a worst-case rate below ``bound``.

    Intervals of momenta are halved until each has a chain; near the best momentum they shrink with the distance of
    ``bound`` to the best rate. At a given momentum one chain is all, for any condition number. Over all momenta, large
    buffers with condition numbers near one (C = 20, kappa = 1.01) take many intervals, and a proof may not be found.

    Parameters
    ----------
    condition_number : float
        kappa >= 1.
    buffer_size : int
        C >= 1.
    bound : float
        0 < r < 1.
    momentum : float, optional
        beta in [0, 1) to keep fixed.
    max_chains : int
        How many intervals to try.

    Raises
    ------
    ValueError
        A parameter outside its domain.
    ArithmeticError
        No proof was found; the bound may be false.
    """
    size = check_buffer_size(buffer_size)
    kappa = float(check_condition_number(context(condition_number=condition_number), condition_number))
    if size < 1 or not 0.0 < bound < 1.0:
        raise ValueError("a proof needs buffer_size >= 1 and 0 < bound < 1")
    first, last = (0.0, 1.0) if momentum is None else (check_momentum_value(momentum),) * 2
    left, proved = [(first, last)], []
    tried = 0
    while left:
        low, high = left.pop()
        tried += 1
        found = (find_chain(low, high, bound, kappa, size, share) for share in _SHARES)
        chain = next((c for c in found if c is not None and verify_chain(c, bound, kappa, size)), None)
        if chain is not None:
            proved.append(chain)
            continue
        middle = 0.5 * (low + high)
        if tried >= max_chains or high - low < 1e-14:
            raise ArithmeticError(f"no proof that the rate {bound} is out of reach at momenta from {low} to {high}")
        left += [(middle, high), (low, middle)]
    return OptimalityCertificate(kappa, size, bound, (first, last), tuple(proved))


def find_chain(low: float, high: float, rate: float, kappa: float, size: int, share: float) -> Chain | None:
    """Lines that ought to be a chain for the momenta in [low, high]; None where the middle one has a long interval."""
    beta = 0.5 * (low + high)
    found = _good_intervals(beta, rate, size)
    if low == high:
        # Where two roots meet, eigenvalues miss crossings that lie close together.
        longest = longest_interval(1.0 - rate, size, beta)
        if longest.log_ratio > 0.0 and all(b <= longest.low or a >= longest.high for a, b in found):
            found = sorted([*found, (longest.low, longest.high)])
    good = _merged(found, math.log(kappa))
    if good is None:
        return None
    start, end = _start(beta, low, rate, size), size * rate ** (size + 1) * (1.0 + 1e-9)
    anchors: list[tuple[float, float, bool]] = [(*start, True)]  # x, slope, and whether all x up to the next are bad
    for k, (begin, stop) in enumerate(good):
        before = good[k - 1][1] if k else 0.0
        after = good[k + 1][0] if k + 1 < len(good) else math.inf
        slack = math.log(kappa) - math.log(stop / begin)
        down = min(share * slack, share * _FAR, share * math.log(begin / before) if before else math.inf)
        up = min(share * slack, share * _FAR, share * math.log(after / stop))
        for x, shift, bad_after in ((begin, -down, False), (stop, up, True)):
            factor = math.exp(shift)
            anchors.append((x * factor, _slope(x, beta, rate, size) * factor, bad_after))
    anchors.append((end, 0.0, True))
    if len(good) and start[0] >= anchors[1][0]:  # the real root sets the first interval's beginning
        anchors = anchors[1:]
    anchors = [a for a in anchors[:-1] if a[0] < end] + [anchors[-1]]
    return Chain(low, high, tuple(_filled(anchors, math.log(kappa), 0.5 * (high - low))))


def _good_intervals(beta: float, rate: float, size: int) -> list[tuple[float, float]]:
    x = crossing_values(np.asarray(rate), np.asarray(beta), size)
    x = np.unique(x[np.isfinite(x)])
    if x.size < 2:
        return []
    middle = np.sqrt(x[1:] * x[:-1])
    inside = roots_inside(characteristic_polynomial(1.0, min(beta, np.nextafter(1.0, 0.0)), middle, size), rate)
    found: list[tuple[float, float]] = []
    for k in np.nonzero(inside)[0]:
        if found and found[-1][1] == x[k]:
            found[-1] = (found[-1][0], float(x[k + 1]))
        else:
            found.append((float(x[k]), float(x[k + 1])))
    return found


def _merged(good: list[tuple[float, float]], log_kappa: float) -> list[tuple[float, float]] | None:
    """Thin bad gaps given up where the interval across them is short enough; None where an interval is too long."""
    good = list(good)
    while len(good) > 1:
        gaps = [math.log(b[0] / a[1]) for a, b in pairwise(good)]
        slacks = [log_kappa - math.log(b[1] / a[0]) for a, b in pairwise(good)]
        k = int(np.argmax(np.subtract(slacks, gaps)))
        if slacks[k] <= gaps[k]:
            break
        good[k : k + 2] = [(good[k][0], good[k + 1][1])]
    return good if all(log_kappa > math.log(stop / begin) for begin, stop in good) else None


def _start(beta: float, low: float, rate: float, size: int) -> Line:
    """A line below which all is bad: that of the root at z = r, or a small x where two roots are too large."""
    distance = 1.0 - rate
    if low < 0.5 * rate * (1.0 + rate) and beta < rate:
        total = rate**size + sum(rate**k for k in range(size)) / size
        factor = (1.0 - 1e-12) * distance * rate ** (size - 1) / total
        return factor * (rate - beta), -factor
    if low < rate + 0.5 * distance:
        return 0.003 * distance**2, 0.0
    far = 2.0 - rate
    total = far**size + sum(far**k for k in range(size)) / size
    return 0.9 * distance * (low - rate) * rate ** (size - 1) / total, 0.0


def _slope(x: float, beta: float, rate: float, size: int) -> float:
    """dx / dbeta of the crossing at x."""
    a, b = pencil(np.asarray(beta), size)
    p = (a + x * b)[::-1]
    roots = np.roots(p)
    z = roots[np.argmin(np.abs(np.abs(roots) - rate))]
    derivative = np.polyval(np.polyder(p), z)
    by_x = -np.polyval(b[::-1], z) / derivative
    by_beta = (z - 1.0) * z ** (size - 1) / derivative
    slope = -(np.conj(z) * by_beta).real / (np.conj(z) * by_x).real
    return float(slope) if math.isfinite(slope) else 0.0


def _filled(anchors: list[tuple[float, float, bool]], log_kappa: float, half: float) -> list[Line]:
    """The anchors, and points between those whose gap is bad, so that no ratio exceeds kappa at either end."""
    lines: list[Line] = []
    for (x, slope, bad), (y, other, _) in pairwise(anchors):
        lines.append((x, slope))
        if not bad:
            continue
        spans = [(y + s * other, x + s * slope) for s in (-half, 0.0, half)]
        ratio = max(math.log(max(top, 1e-300) / max(bottom, 1e-300)) for top, bottom in spans)
        # What takes many points is left to the test of all that lies between.
        many = ratio > _POINTS * log_kappa
        count = max(math.ceil(ratio / (0.9 * log_kappa)), 1) if ratio > 0.999 * log_kappa and not many else 1
        for k in range(1, count):
            share = k / count
            value = x ** (1.0 - share) * y**share
            lines.append((value, value * ((1.0 - share) * slope / x + share * other / y)))
    lines.append(anchors[-1][:2])
    return lines
