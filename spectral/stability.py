"""Stability regions in x = step size * curvature, exactly."""

from __future__ import annotations

from itertools import pairwise

import flint

from . import exact
from .companion import Convention, check_buffer_size, check_convention, check_momentum_value


def stability_intervals(
    momentum: float, buffer_size: int, convention: Convention = "heavy-ball", precision: int = 1024
) -> list[tuple[float, float]]:
    """All open intervals of x = step_size * curvature on which the method converges.

    The end points are the crossings of |z| = 1, isolated exactly for the binary fraction that ``momentum`` is; between
    two neighbours stability is decided by Schur-Cohn in ball arithmetic at a rational point. Crossings that agree to
    ``precision`` bits (two pairs may cross at one x) count as one point.

    Parameters
    ----------
    momentum : float
        beta in [0, 1).
    buffer_size : int
        C >= 0.
    convention : {"heavy-ball", "ema"}
        With the moving average every end point is 1 / (1 - beta) times larger.

    Returns
    -------
    list of (low, high)
        Increasing and disjoint; end points rounded to the nearest float.

    Raises
    ------
    ArithmeticError
        Schur-Cohn is undecided at ``precision`` bits.
    """
    size = check_buffer_size(buffer_size)
    check_convention(convention)
    beta = exact.rational(check_momentum_value(momentum))
    scale = 1 / (1 - beta) if convention == "ema" else flint.fmpq(1)
    before = flint.ctx.prec
    try:
        flint.ctx.prec = precision
        return [(float(low * scale), float(high * scale)) for low, high in _intervals(beta, size)]
    finally:
        flint.ctx.prec = before


def _intervals(beta: object, size: int) -> list[tuple[flint.arb, flint.arb]]:
    one = flint.fmpq(1)
    if size == 0:
        # Heavy ball: |beta| < 1 and z = -1 crosses at x = 2 (1 + beta); there is no other crossing.
        return [(flint.arb(0), flint.arb(2 * (1 + beta)))]  # type: ignore[operator]
    found = sorted((value for value in exact.crossings(one, beta, size) if value > 0), key=lambda v: float(v.mid()))
    points = [flint.arb(0)]
    for value in found:
        if value > points[-1]:
            points.append(value)
    # Beyond the last crossing one root runs to minus infinity, so the last point closes the region.
    intervals = []
    for low, high in pairwise(points):
        inside = exact.all_inside(one, beta, size, _between(low, high))
        if inside is None:
            raise ArithmeticError(f"stability between x = {low} and {high} is undecided at {flint.ctx.prec} bits")
        if inside:
            intervals.append((low, high))
    return intervals


def _between(low: flint.arb, high: flint.arb) -> flint.fmpq:
    """A rational strictly between two disjoint balls."""
    middle = ((low.upper() + high.lower()) / 2).mid()
    mantissa, exponent = middle.man_exp()
    two = flint.fmpq(2)
    return flint.fmpq(mantissa) * two ** int(exponent)
