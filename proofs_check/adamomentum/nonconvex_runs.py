"""Exact runs of an Adam-type method on a noisy quadratic, with all terms of C.2's lemmas and their expectations.

One coordinate, ``f = L x^2 / 2``, noise of two equally likely signs per step: expectations are means over all sign
patterns. The effective steps ``w_t`` are free: with one coordinate and no noise any positive ones are AdaMomentum's,
for ``alpha_t = w_t sqrt(v_t)``. With noise they double where it is positive: like ``v_t`` they
depend on the last gradient.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

Number = Any


class Terms(NamedTuple):
    """Sums of one run: ``T_1 .. T_6`` and the quantities that bound them."""

    t: tuple[Number, ...]
    left: Number  # sum of <grad f(theta_i), w_i grad f(theta_i)>
    wg2: Number
    delta1: Number
    delta2: Number
    w1: Number
    iterates: Number  # largest |grad f(theta_i)|, |g_i|
    everywhere: Number  # and |grad f(z_i)|
    wm: Number  # largest |w_i m_i|
    gain: Number  # f(z_{t+1}) - f(z_1)
    last_gain: Number  # f(z_{t+1}) - f(z_t)
    drop: Number  # f(z_1) - min f


def one_run(
    curvature: Number, start: Number, steps: Sequence[Number], decays: Sequence[Number], noise: Sequence[Number]
) -> Terms:
    """Run ``len(steps)`` steps; ``decays`` has one more entry than ``steps``."""
    theta, previous, m, w_before = start, start, 0 * start, 0 * start
    c = [b / (1 - b) for b in decays]
    t = [0 * start] * 6
    left = wg2 = delta1 = delta2 = wm = 0 * start
    slopes, far, zs = [], [], [start]
    first = 0 * start
    for i, (size, b, zeta) in enumerate(zip(steps, decays, noise, strict=False)):
        w = 2 * size if zeta > 0 else size
        first = first if i else abs(w)
        z = theta + c[i] * (theta - previous)
        slope, slope_z = curvature * theta, curvature * z
        g = slope + zeta
        m_before, m = m, b * m + (1 - b) * g
        delta = w - w_before if i else 0 * w
        move = (c[i] * delta * m_before, w * g, (c[i + 1] - c[i]) * w * m)
        for k in range(3):
            t[k] -= slope_z * move[k]
        for k, at in ((4, 0), (5, 1), (3, 2)):
            t[k] += Fraction(3, 2) * curvature * move[at] ** 2
        left += slope * w * slope
        wg2 += (w * g) ** 2
        delta1, delta2 = delta1 + abs(delta), delta2 + delta**2
        slopes += [abs(slope), abs(g)]
        far.append(abs(slope_z))
        wm = max(wm, abs(w * m))
        previous, theta, w_before = theta, theta - w * m, w
        zs.append(theta + c[i + 1] * (theta - previous))
    values = [curvature * z * z / 2 for z in zs]
    h = max(slopes)
    gains = values[-1] - values[0], values[-1] - values[-2], values[0]
    return Terms(tuple(t), left, wg2, delta1, delta2, first, h, max(h, *far), wm, *gains)


def expected(point: Any, number: Any = Fraction) -> Terms:
    """Means over the sign patterns of the noise (largest values where :class:`Terms` says largest)."""
    steps, decays = ([number(v) for v in point[k]] for k in ("steps", "decays"))
    curvature, start, size = (number(point[k]) for k in ("curvature", "start", "noise"))
    signs = list(product((1, -1), repeat=len(steps))) if size else [(0,) * len(steps)]
    runs = [one_run(curvature, start, steps, decays, [s * size for s in pattern]) for pattern in signs]
    n = len(runs)
    t = tuple(sum(r.t[k] for r in runs) / n for k in range(6))
    sums = [sum(getattr(r, k) for r in runs) / n for k in ("left", "wg2", "delta1", "delta2", "w1")]
    tops = [max(getattr(r, k) for r in runs) for k in ("iterates", "everywhere", "wm")]
    gains = [sum(getattr(r, k) for r in runs) / n for k in ("gain", "last_gain", "drop")]
    return Terms(t, *sums, *tops, *gains)


def instances(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Small rational instances, a grid of two steps first: decays decrease, steps are arbitrary, half without noise."""
    rng = random.Random(seed)
    for top, *steps in product((Fraction(1, 2), Fraction(9, 10)), (1, 2, 4, 8), (1, 2, 4, 8)):
        yield {
            "curvature": Fraction(1),
            "start": Fraction(1),
            "steps": [Fraction(w) for w in steps],
            "decays": [top] * 3,
            "noise": Fraction(0),
        }
    for k in range(count):
        length = rng.choice((2, 3, 4))
        top = rng.choice((Fraction(1, 2), Fraction(9, 10), Fraction(1, 10)))
        decays = sorted((top * Fraction(rng.choice((4, 4, 4, 3, 1)), 4) for _ in range(length)), reverse=True)
        scale = Fraction(rng.choice((1, 4, 16, 64)), 16)
        yield {
            "curvature": rng.choice((Fraction(1, 2), Fraction(1), Fraction(4))),
            "start": Fraction(1),
            "steps": [scale * rng.choice((1, 2, 4, 8)) for _ in range(length)],
            "decays": [top, *decays],
            "noise": Fraction(0) if k % 2 else Fraction(rng.choice((1, 2, 4)), 4),
        }
