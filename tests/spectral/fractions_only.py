"""The statements of certificates decided in Python's fractions alone: nothing from ``spectral``, FLINT or NumPy.

Roots inside a circle by Schur-Cohn. Crossings: x = -A/B is real on the circle where a polynomial in cos(theta)
vanishes, whose roots Sturm's theorem isolates; x over an isolating interval by interval arithmetic.
"""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise

Poly = list[F]  # lowest degree first


def pencil(beta: F, size: int) -> tuple[Poly, Poly]:
    """A and B with p = A + x B, from the recursion."""
    if size == 0:
        return [beta, -1 - beta, F(1)], [F(0), F(1), F(0)]
    a = [F(0)] * (size - 1) + [beta, -1 - beta, F(1)]
    return a, [F(1, size)] * size + [F(1), F(0)]


def all_inside(p: Poly, radius: F) -> bool:
    """Whether all roots lie in |z| < radius."""
    p = [c * radius**k for k, c in enumerate(p)]
    while len(p) > 1:
        p = [c / p[-1] for c in p]  # keeps the digits at those of ratios of minors
        k = p[0]
        if abs(k) >= 1:
            return False
        p = [p[j] - k * p[-1 - j] for j in range(1, len(p))]
    return True


def certified(step: float, beta: float, low: float, high: float, size: int, bound: float) -> bool:
    """Whether all roots are inside |z| < bound for every curvature in [low, high]."""
    b, r, x0, x1 = F(beta), F(bound), F(step) * F(low), F(step) * F(high)
    a_, b_ = pencil(b, size)
    if not all_inside([u + x0 * v for u, v in zip(a_, b_, strict=True)], r):
        return False
    a = [c * r**k for k, c in enumerate(a_)]
    b2 = [c * r**k for k, c in enumerate(b_)]
    n = len(a)
    for sign in (1, -1):
        ends = [sum(c * sign**k for k, c in enumerate(p)) for p in (a, b2)]
        if ends[1] and x0 <= -ends[0] / ends[1] <= x1:
            return False
    # Im(A conj(B)) / sin(theta) in U_(n-1)(c), Re(A conj(B)) and |B|^2 in T_n(c), as polynomials in c.
    u, t = [[F(1)], [F(0), F(2)]], [[F(1)], [F(0), F(1)]]
    for family in (u, t):
        while len(family) < n:
            family.append(_add([F(0)] + [2 * c for c in family[-1]], [-c for c in family[-2]]))
    q: Poly = [F(0)]
    top: Poly = [F(0)]
    bottom: Poly = [F(0)]
    for j in range(n):
        for k in range(n):
            d = abs(j - k)
            if d:
                q = _add(q, [a[j] * b2[k] * (1 if j > k else -1) * c for c in u[d - 1]])
            top = _add(top, [-a[j] * b2[k] * c for c in t[d]])
            bottom = _add(bottom, [b2[j] * b2[k] * c for c in t[d]])
    for lo, hi in _isolate(q, F(-1), F(1)):
        while True:
            x = _over(top, bottom, lo, hi)
            if x is not None and (x[1] < x0 or x[0] > x1):
                break
            if x is not None and x0 <= x[0] and x[1] <= x1:
                return False
            middle = (lo + hi) / 2
            if _at(q, middle) == 0:
                lo = hi = middle
            elif _changes(q, lo) != _changes(q, middle):
                hi = middle
            else:
                lo = middle
    return True


def _add(p: Poly, q: Poly) -> Poly:
    length = max(len(p), len(q))
    return [(p[k] if k < len(p) else F(0)) + (q[k] if k < len(q) else F(0)) for k in range(length)]


def _at(p: Poly, x: F) -> F:
    value = F(0)
    for c in reversed(p):
        value = value * x + c
    return value


_CHAINS: dict[tuple[F, ...], list[Poly]] = {}


def _chain(p: Poly) -> list[Poly]:
    key = tuple(p)
    if key not in _CHAINS:
        while p and p[-1] == 0:
            p = p[:-1]
        chain = [p, [k * c for k, c in enumerate(p)][1:]]
        while len(chain[-1]) > 1:
            r = list(chain[-2])
            d = chain[-1]
            while len(r) >= len(d):
                factor = r[-1] / d[-1]
                r = [c - (factor * d[k - len(r) + len(d)] if k >= len(r) - len(d) else 0) for k, c in enumerate(r)][:-1]
            while r and r[-1] == 0:
                r = r[:-1]
            if not r:
                break
            scale = max(abs(c) for c in r)
            chain.append([-c / scale for c in r])
        _CHAINS[key] = chain
    return _CHAINS[key]


def _changes(p: Poly, x: F) -> int:
    signs = [v for v in (_at(s, x) for s in _chain(p)) if v != 0]
    return sum((v > 0) != (w > 0) for v, w in pairwise(signs))


def _isolate(p: Poly, low: F, high: F) -> list[tuple[F, F]]:
    """Half-open intervals (low, high] with one root each; the ends -1 and 1 are crossed by the real points anyway."""
    count = _changes(p, low) - _changes(p, high)
    if count == 0:
        return []
    if count == 1:
        return [(low, high)]
    middle = (low + high) / 2
    return _isolate(p, low, middle) + _isolate(p, middle, high)


def _over(top: Poly, bottom: Poly, low: F, high: F) -> tuple[F, F] | None:
    """An interval around top/bottom over [low, high] (mean value form), or None where the bottom may vanish."""
    ends = []
    for p in (top, bottom):
        middle = (low + high) / 2
        value = _at(p, middle)
        spread = (high - low) / 2 * sum((k * abs(c) for k, c in enumerate(p)), F(0))  # |c| <= 1
        ends.append((value - spread, value + spread))
    (t0, t1), (b0, b1) = ends
    if b0 <= 0:
        return None
    options = [t / b for t in (t0, t1) for b in (b0, b1)]
    return min(options), max(options)
