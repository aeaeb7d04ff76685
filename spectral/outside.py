"""Whether polynomials that move in one or more directions keep a root on or outside the unit circle, by balls.

The family is start(z) + sum_i t_i rise_i(z) with |t_i| <= half_i. Two tests, each of which may leave the question open.
One follows a root: with s = sum_i t_i z_i + w around a root z_0 of start that moves with velocities z_i, Rouche's
theorem puts exactly one root in |w| <= rho if

    |g(0)| + rho sup |g'(w) - c| < rho |c|,   g(w) = start(z_0 + s) + sum_i t_i rise_i(z_0 + s),   c = start'(z_0),

and all terms come from the Taylor coefficients at z_0, so the widths count squared and the degree not at all. The other
is Schur-Cohn, for points where roots meet.
"""

from __future__ import annotations

from typing import Any

import flint
import numpy as np

_CANDIDATES = 4  # roots to follow, the largest first


Move = tuple[list[Any], Any]


def some_outside(start: list[Any], moves: list[Move]) -> bool:
    """Whether, for all t_i, some root of the family has modulus at least one.

    Parameters
    ----------
    start : list of n + 1 arb
        Highest degree first.
    moves : list of (list of n + 1 arb, arb)
        Directions, which leave the leading coefficient alone, and how far they go to either side.
    """
    moves = [(rise, half) for rise, half in moves if not half.is_zero()]
    return _by_a_root(start, moves) or _by_schur_cohn(start, moves)


def _by_a_root(start: list[Any], moves: list[Move]) -> bool:
    values = np.array([float(c.mid()) for c in start])
    if not np.all(np.isfinite(values)):
        return False
    roots = np.roots(values)
    roots = roots[(np.abs(roots) > 1.0) & (roots.imag >= 0.0)]
    first = flint.acb_poly(start[::-1])
    others = [(flint.acb_poly(rise[::-1]), half) for rise, half in moves]
    order = np.argsort(-np.abs(roots))[:_CANDIDATES]
    return any(_follow(first, others, complex(roots[k])) for k in order)


def _follow(start: Any, moves: list[tuple[Any, Any]], hint: complex) -> bool:
    """Whether the root near ``hint`` stays outside."""
    slope = start.derivative()
    root = flint.acb(hint.real, hint.imag)
    for _ in range(3):
        root = (root - start(root) / slope(root)).mid()
    shift = flint.acb_poly([root, 1])
    p = list(start(shift))
    pull = abs(p[1])
    if not pull > 0:
        return False
    # Bounds of the Taylor coefficients of what multiplies neither s nor t alone.
    sizes = [flint.arb(0), flint.arb(0), *(abs(c) for c in p[2:])]
    residual, reach, turn = abs(p[0]), flint.arb(0), flint.arb(0)
    for rise, half in moves:
        q = list(rise(shift))
        velocity = (-q[0] / p[1]).mid()
        residual += half * abs(p[1] * velocity + q[0])
        reach += half * abs(velocity)
        turn += half * abs(root.real * velocity.real + root.imag * velocity.imag)
        for k in range(1, len(q)):
            sizes[k] += half * abs(q[k])
    power = reach
    for size in sizes[1:]:
        residual += size * power
        power *= reach
    radius = (2 * residual / pull).upper()
    far, power, change = reach + radius, flint.arb(1), flint.arb(0)
    for k in range(1, len(sizes)):
        change += k * sizes[k] * power
        power *= far
    if not residual + radius * change < radius * pull:
        return False
    # |z_0 + sum z_i t_i|^2 >= |z_0|^2 - 2 sum |Re(conj(z_0) z_i)| half_i.
    return bool(root.real**2 + root.imag**2 - 2 * turn >= (1 + radius) ** 2)


def _by_schur_cohn(start: list[Any], moves: list[Move]) -> bool:
    """All roots lie inside if and only if all reflection coefficients are below one.

    So a single one that is certainly at least one is enough, whatever those before it are. With one direction each is
    enclosed by its value at t = 0 and its derivative over the range, else by a ball over all.
    """
    whole = list(start)
    for rise, half in moves:
        whole = [c + d * flint.arb(0, half) for c, d in zip(whole, rise, strict=True)]
    if len(moves) != 1:
        return any(abs(k) >= 1 for k in reflections(whole))
    ((rise, half),) = moves
    slopes = _slopes(whole, rise)
    centres = reflections(start)
    return any(abs(k + d * flint.arb(0, half)) >= 1 for k, d in zip(centres, slopes, strict=True))


def reflections(coefficients: list[Any]) -> list[Any]:
    """Reflection coefficients of the Schur-Cohn recursion, highest degree first."""
    found = []
    while len(coefficients) > 1:
        last = len(coefficients) - 1
        reflection = coefficients[last] / coefficients[0]
        found.append(reflection)
        coefficients = [coefficients[j] - reflection * coefficients[last - j] for j in range(last)]
    return found


def _slopes(value: list[Any], slope: list[Any]) -> list[Any]:
    """Derivatives of the reflection coefficients of ``value`` where it changes with ``slope``."""
    found = []
    while len(value) > 1:
        last = len(value) - 1
        k = value[last] / value[0]
        dk = (slope[last] - k * slope[0]) / value[0]
        found.append(dk)
        slope = [slope[j] - dk * value[last - j] - k * slope[last - j] for j in range(last)]
        value = [value[j] - k * value[last - j] for j in range(last)]
    return found
