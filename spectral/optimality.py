r"""Proof that no parameters are better: a certified lower bound of the best worst-case rate.

A rate r is out of reach for a condition number kappa if and only if, at every momentum, every interval [x, kappa x] of
x = step size * curvature holds a *bad* point, at which some root has |z| >= r. A chain of bad points x_1 < ... < x_m
shows that for one momentum if

    every x in (0, x_1] is bad,    x_(k+1) <= kappa x_k,    every x >= x_m is bad.

So does a chain of bad *lines* x_k + s_k (beta - centre) for a whole interval of momenta, and intervals that cover
[0, 1) for all of them. The start holds where p(r) < 0 for the largest x (p(r) grows with x, and p is positive far out,
so a real root lies beyond r), or by Schur-Cohn with all of [0, x_1] as one ball. The end holds where
x_m >= C r^(C+1): the product of the roots has modulus x / C. That a line is bad is decided by Schur-Cohn with the
momentum as a ball. The floating-point search for chains is in ``chains``; nothing of it is trusted here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import flint

from . import exact
from .companion import check_buffer_size

Line = tuple[float, float]


@dataclass(frozen=True)
class Chain:
    """Bad lines ``x + slope (momentum - centre)`` for all momenta in [low, high], the centre being (low + high) / 2."""

    low: float
    high: float
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class OptimalityCertificate:
    """The statement "no step size and momentum in ``momenta`` have a worst-case rate below ``bound``".

    Worst case over curvatures in [1, condition_number], for buffers of the last ``buffer_size`` >= 1 momenta. The
    chains prove it.
    """

    condition_number: float
    buffer_size: int
    bound: float
    momenta: tuple[float, float]
    chains: tuple[Chain, ...]

    def to_json(self) -> str:
        """The certificate as JSON with floats in hexadecimal, which round-trips exactly."""
        chains = [[c.low.hex(), c.high.hex(), [[x.hex(), s.hex()] for x, s in c.lines]] for c in self.chains]
        fields = {
            "condition_number": self.condition_number.hex(),
            "buffer_size": self.buffer_size,
            "bound": self.bound.hex(),
            "momenta": [m.hex() for m in self.momenta],
            "chains": chains,
        }
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> OptimalityCertificate:
        """Read a certificate back.

        Raises
        ------
        ValueError
            Unknown or missing fields.
        """
        fields = json.loads(text)
        if set(fields) != set(cls.__dataclass_fields__):
            raise ValueError(f"an optimality certificate has the fields {', '.join(cls.__dataclass_fields__)}")
        number = float.fromhex
        chains = (
            Chain(number(low), number(high), tuple((number(x), number(s)) for x, s in lines))
            for low, high, lines in fields["chains"]
        )
        first, last = fields["momenta"]
        return cls(
            number(fields["condition_number"]),
            int(fields["buffer_size"]),
            number(fields["bound"]),
            (number(first), number(last)),
            tuple(chains),
        )


def verify_optimality(certificate: OptimalityCertificate, max_precision: int = 1024) -> bool:
    """Check every chain in ball arithmetic, and that they cover the momenta.

    Returns
    -------
    bool
        False when a chain is not one, or is undecided at ``max_precision`` bits.
    """
    first, last = certificate.momenta
    if not (0.0 <= first <= last <= 1.0 and 0.0 < certificate.bound < 1.0 and certificate.condition_number >= 1.0):
        return False
    reached = first
    for chain in sorted(certificate.chains, key=lambda c: c.low):
        if chain.low > reached:
            return False
        reached = max(reached, chain.high)
    if reached < last or not certificate.chains:
        return False
    data = (certificate.bound, certificate.condition_number, certificate.buffer_size)
    return all(verify_chain(chain, *data, max_precision) for chain in certificate.chains)


def verify_chain(
    chain: Chain, bound: float, condition_number: float, buffer_size: int, max_precision: int = 1024
) -> bool:
    """Whether the lines are a chain of bad points at every momentum in [chain.low, chain.high].

    Parameters
    ----------
    chain : Chain
    bound : float
        r, the rate to be excluded.
    condition_number : float
        kappa >= 1.
    buffer_size : int
        C >= 1.

    Raises
    ------
    ValueError
        C < 1.
    """
    if check_buffer_size(buffer_size) < 1:
        raise ValueError("chains need buffer_size >= 1")
    if not (chain.low <= chain.high and chain.lines):
        return False
    before = flint.ctx.prec
    try:
        precision = exact.PRECISION // 2
        while precision <= max_precision:
            flint.ctx.prec = precision
            if _holds(chain, exact.rational(bound), exact.rational(condition_number), buffer_size):
                return True
            # More digits help only where rounding, and not the width of the interval, has left it undecided.
            precision = precision * 4 if chain.low == chain.high else max_precision + 1
    finally:
        flint.ctx.prec = before
    return False


def _holds(chain: Chain, radius: Any, kappa: Any, size: int) -> bool:
    low, high = exact.rational(chain.low), exact.rational(chain.high)
    half = (high - low) / 2
    lines = [(exact.rational(x), exact.rational(s)) for x, s in chain.lines]
    # Linear in the momentum, so both ends decide.
    for side in (-half, half):
        values = [x + s * side for x, s in lines]
        if not values[0] > 0 or any(not 0 < b <= kappa * a for a, b in pairwise(values)):
            return False
        if values[-1] < size * radius ** (size + 1):
            return False
    bad = _Bad(radius, (low + high) / 2, half, size)
    return bad.below(*lines[0]) and all(bad.at(x, slope) for x, slope in lines)


class _Bad:
    """Schur-Cohn for p(r z) along lines; t = momentum - centre runs over [-half, half]."""

    def __init__(self, radius: Any, centre: Any, half: Any, size: int) -> None:
        powers = [radius**k for k in range(size + 2)]
        a, b = exact.pencil(centre, size)
        # Highest degree first; A changes by -t (z - 1) z^(C-1).
        self.a = [c * p for c, p in zip(a, powers, strict=True)][::-1]
        self.b = [c * p for c, p in zip(b, powers, strict=True)][::-1]
        self.change = [flint.fmpq(0), -powers[size], powers[size - 1], *[flint.fmpq(0)] * (size - 1)]
        self.range = flint.arb(0, flint.arb(half).upper())

    def at(self, x: Any, slope: Any) -> bool:
        """Whether some root has |z| >= r on the line, at every momentum."""
        start = [flint.arb(a + x * b) for a, b in zip(self.a, self.b, strict=True)]
        rise = [flint.arb(c + slope * b) for c, b in zip(self.change, self.b, strict=True)]
        return _some_outside(start, rise, self.range)

    def below(self, x: Any, slope: Any) -> bool:
        """Whether some root has |z| >= r at every x from 0 to the line, at every momentum."""
        # p(r) is linear in t, and grows with x.
        value, rise = sum(self.a) + x * sum(self.b), sum(self.change) + slope * sum(self.b)
        if flint.arb(value) + flint.arb(rise) * self.range < 0:
            return True
        half = (flint.arb(x) + flint.arb(slope) * self.range).upper() / 2
        ball = flint.arb(half, half)
        coefficients = [
            flint.arb(a) + ball * flint.arb(b) + flint.arb(c) * self.range
            for a, b, c in zip(self.a, self.b, self.change, strict=True)
        ]
        return any(abs(k) >= 1 for k in _reflections(coefficients))


def _some_outside(start: list[Any], rise: list[Any], interval: Any) -> bool:
    """Whether, for every t in the interval, some root of start + t rise has modulus at least one.

    All roots lie inside if and only if all reflection coefficients are below one. So a single one that is certainly at
    least one is enough, whatever those before it are. Each is enclosed by its value at t = 0 and its derivative over
    the interval, so along a crossing of the circle the width counts squared.
    """
    at_centre = _reflections(start)
    if interval.is_zero():
        return any(abs(k) >= 1 for k in at_centre)
    return any(
        abs(centre + slope * interval) >= 1
        for centre, slope in zip(at_centre, _slopes(start, rise, interval), strict=True)
    )


def _reflections(coefficients: list[Any]) -> list[Any]:
    found = []
    while len(coefficients) > 1:
        last = len(coefficients) - 1
        reflection = coefficients[last] / coefficients[0]
        found.append(reflection)
        coefficients = [coefficients[j] - reflection * coefficients[last - j] for j in range(last)]
    return found


def _slopes(start: list[Any], rise: list[Any], interval: Any) -> list[Any]:
    """Balls around the derivatives of the reflection coefficients over the interval."""
    value, slope = [c + d * interval for c, d in zip(start, rise, strict=True)], rise
    found = []
    while len(value) > 1:
        last = len(value) - 1
        k = value[last] / value[0]
        dk = (slope[last] - k * slope[0]) / value[0]
        found.append(dk)
        slope = [slope[j] - dk * value[last - j] - k * slope[last - j] for j in range(last)]
        value = [value[j] - k * value[last - j] for j in range(last)]
    return found
