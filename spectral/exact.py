"""The same crossings in exact and ball arithmetic: what certificates and stability intervals rest on.

Nothing here is shared with the floating-point search in ``crossings``, ``radius`` and ``tuning``: rational polynomials,
root isolation and balls come from FLINT.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint

PRECISION = 256  # bits; raised by the callers until a comparison is certain


def rational(value: float | Fraction | int) -> Any:
    """An exact rational of FLINT."""
    fraction = Fraction(value)
    return flint.fmpq(fraction.numerator, fraction.denominator)


def pencil(momentum: Any, buffer_size: int) -> tuple[list[Any], list[Any]]:
    """A and B of p(z; x) = A + x B as lists of rationals, lowest degree first."""
    one, zero = flint.fmpq(1), flint.fmpq(0)
    degree = max(buffer_size, 1) + 1
    a = [zero] * (degree - 2) + [momentum, -(one + momentum), one]
    b = [flint.fmpq(1, buffer_size) if buffer_size and k < buffer_size else zero for k in range(degree + 1)]
    b[degree - 1] = one
    return a, b


def crossing_polynomial(radius: Any, momentum: Any, buffer_size: int) -> Any:
    """Q of degree C with Im(A conj(B)) = sin(theta) Q(cos theta) on |z| = radius, as a primitive integer polynomial."""
    a, b = _scaled(radius, momentum, buffer_size)
    length = len(a)
    two_c = flint.fmpq_poly([0, 2])
    previous, chebyshev = flint.fmpq_poly([0]), flint.fmpq_poly([1])  # U_{-1}, U_0
    total = flint.fmpq_poly([0])
    for n in range(1, length):
        weight = sum((a[j] * b[j - n] - a[j - n] * b[j] for j in range(n, length)), flint.fmpq(0))
        total += weight * chebyshev
        previous, chebyshev = chebyshev, two_c * chebyshev - previous
    return total.numer()


def _scaled(radius: Any, momentum: Any, buffer_size: int) -> tuple[list[Any], list[Any]]:
    a, b = pencil(momentum, buffer_size)
    power = flint.fmpq(1)
    for k in range(len(a)):
        a[k], b[k] = a[k] * power, b[k] * power
        power *= radius
    return a, b


def crossings(radius: Any, momentum: Any, buffer_size: int) -> list[Any]:
    """Balls that hold every x at which a root lies on |z| = radius, in no order; some may be negative.

    The number of crossings is exact; a double root of Q (a root that touches the circle) is given once.
    """
    polynomial = crossing_polynomial(radius, momentum, buffer_size)
    a, b = _scaled(radius, momentum, buffer_size)
    # z = r and z = -r are rational points, so their crossings are rational numbers.
    values = [flint.arb(-_at(a, sign) / _at(b, sign)) for sign in (1, -1) if _at(b, sign) != 0]
    cosines = []
    if polynomial.degree() > 0:
        for root, _ in polynomial.complex_roots():
            # FLINT gives real roots with an imaginary part that is exactly zero.
            if root.imag.is_zero() and not root.real > 1 and not root.real < -1:
                cosines.append(root.real)
    if cosines:
        above, below = _correlation(a, b), _correlation(b, b)
        values += [-_clenshaw(above, cosine) / _clenshaw(below, cosine) for cosine in cosines]
    return values


def _at(coefficients: list[Any], sign: int) -> Any:
    return sum((c * sign**k for k, c in enumerate(coefficients)), flint.fmpq(0))


def _correlation(a: list[Any], b: list[Any]) -> list[Any]:
    """Balls w_n of Re(A conj(B)) = sum_jk a_j b_k T_|j-k|(cos theta) = sum_n w_n T_n(cos theta)."""
    length = len(a)
    weights = []
    for n in range(length):
        forward = sum((a[j] * b[j - n] for j in range(n, length)), flint.fmpq(0))
        backward = sum((a[j - n] * b[j] for j in range(n, length)), flint.fmpq(0)) if n else flint.fmpq(0)
        weights.append(flint.arb(forward + backward))
    return weights


def _clenshaw(weights: list[Any], cosine: Any) -> Any:
    """sum_n w_n T_n(cosine) as a ball, by Clenshaw's recurrence."""
    after, now = flint.arb(0), flint.arb(0)
    for n in range(len(weights) - 1, 0, -1):
        now, after = weights[n] + 2 * cosine * now - after, now
    return weights[0] + cosine * now - after


def all_inside(radius: Any, momentum: Any, buffer_size: int, x: Any) -> bool | None:
    """Whether all roots of p(z; x) lie in |z| < radius, by Schur-Cohn in ball arithmetic; None where undecided."""
    a, b = _scaled(radius, momentum, buffer_size)
    coefficients = [flint.arb(a[k]) + flint.arb(x) * flint.arb(b[k]) for k in range(len(a) - 1, -1, -1)]
    while len(coefficients) > 1:
        last = len(coefficients) - 1
        reflection = coefficients[last] / coefficients[0]
        if abs(reflection) >= 1:
            return False
        if not abs(reflection) < 1:
            return None
        coefficients = [coefficients[j] - reflection * coefficients[last - j] for j in range(last)]
    return True
