"""Independent formulas for the sign of a Gaussian pair: one dimension integrated out, at 30 digits and more."""

from __future__ import annotations

import mpmath as mp


def pair_moment(a: float, b: float, correlation: float | mp.mpf, digits: int = 40) -> mp.mpf:
    """E[sign(X + a) sign(Y + b)] of a standard pair, conditioning on X. |correlation| < 1 exact as given."""
    with mp.workdps(digits):
        a, b, r = mp.mpf(a), mp.mpf(b), mp.mpf(correlation)
        width = mp.sqrt((1 - r) * (1 + r))
        bound = mp.mpf(14)

        def conditional(x: mp.mpf) -> mp.mpf:
            return mp.npdf(x) * mp.erf((b + r * x) / (width * mp.sqrt(2)))

        points = {-bound, bound, max(-bound, min(bound, -a)), mp.mpf(0)}
        if r:
            # The conditional mean changes sign at -b / r within a few widths: break the integral there.
            points |= {-b / r + k * width / abs(r) for k in (-12, -6, -3, -1, 0, 1, 3, 6, 12)}
        points = sorted(p for p in points if -bound <= p <= bound)
        below = [p for p in points if p <= -a]
        above = [p for p in points if p >= -a]
        value = mp.mpf(0)
        if len(above) > 1:
            value += mp.quad(conditional, above, method="gauss-legendre")
        if len(below) > 1:
            value -= mp.quad(conditional, below, method="gauss-legendre")
        return +value


def certain_pair_moment(a: float, b: float, sign: int) -> mp.mpf:
    """The same at correlation +1 or -1: Y + b = sign X + b."""
    with mp.workdps(40):
        a, b = mp.mpf(a), mp.mpf(b)
        return sign * (1 - 2 * abs(mp.ncdf(a) - mp.ncdf(sign * b)))


def owens_pair_moment(a, b, correlation):
    """E[sign(X + a) sign(Y + b)] by Owen's T function in float64 (Owen 1956), for |correlation| < 1."""
    import numpy as np
    from scipy.special import ndtr, owens_t

    a, b, r = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (a, b, correlation)))
    root = np.sqrt((1 - r) * (1 + r))
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(a == 0, 0.25 * np.sign(b), owens_t(a, (b / a - r) / root))
        second = np.where(b == 0, 0.25 * np.sign(a), owens_t(b, (a / b - r) / root))
    # P[X < a, Y < b] = (Phi(a) + Phi(b)) / 2 - T - T - (1/2 where a b < 0, or a b = 0 and a + b < 0)
    split = np.where((a * b < 0) | ((a * b == 0) & (a + b < 0)), 0.5, 0.0)
    orthant = 0.5 * (ndtr(a) + ndtr(b)) - first - second - split
    both_zero = (a == 0) & (b == 0)
    orthant = np.where(both_zero, 0.25 + np.arcsin(r) / (2 * np.pi), orthant)
    return 4 * orthant - 2 * ndtr(a) - 2 * ndtr(b) + 1
