r"""Proof that no parameters are better: a certified lower bound of the best worst-case rate.

A rate r is out of reach for a condition number kappa if and only if, at every momentum, every interval [x, kappa x] of
x = step size * curvature holds a *bad* point, at which some root has |z| >= r. A chain of bad points x_1 < ... < x_m
shows that for one momentum if

    every x in (0, x_1] is bad,    x_(k+1) <= kappa x_k,    every x >= x_m is bad,

or all between x_k and x_(k+1) is bad, which takes the place of many points where kappa is near one.

So does a chain of bad *lines* x_k + s_k (beta - centre) for a whole interval of momenta, and intervals that cover
[0, 1) for all of them. The end holds where x_m >= C r^(C+1): the product of the roots has modulus x / C. The start
holds in three ways. Where p(r) < 0 for the largest x: p(r) grows with x, and p is positive far out, so a real root
lies beyond r. Where x B(2 - r) < (1 - r) (beta - r) r^(C-1): by Rouche's theorem the disk |z - 1| < 1 - r then keeps
the two roots that are 1 and beta at x = 0. Or where one root stays outside for all of [0, x_1], which ``outside``
decides, as it does that a line is bad. The floating-point search for chains is in ``chains``; nothing of it is trusted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import flint

from . import exact
from .companion import check_buffer_size
from .outside import some_outside

Line = tuple[float, float]
_PIECES = (2000, 150)  # at most, between two lines: at one momentum, and for an interval, which can be halved


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
    sides = [[x + s * side for x, s in lines] for side in (-half, half)]
    if any(min(values) <= 0 or values[-1] < size * radius ** (size + 1) for values in sides):
        return False
    bad = _Bad(radius, (low + high) / 2, half, size)
    if not bad.below(*lines[0]) or not all(bad.at(x, slope) for x, slope in lines[1:]):
        return False
    for k, (first, second) in enumerate(pairwise(lines)):
        if all(values[k + 1] <= kappa * values[k] for values in sides):
            continue
        # A ratio that is too long at the ends alone is one across a good interval: too many momenta at once.
        if second[0] <= kappa * first[0] or not bad.between(first, second):
            return False
    return True


class _Bad:
    """p(r z) along lines; t = momentum - centre runs over [-half, half]."""

    def __init__(self, radius: Any, centre: Any, half: Any, size: int) -> None:
        powers = [radius**k for k in range(size + 2)]
        a, b = exact.pencil(centre, size)
        # Highest degree first; A changes by -t (z - 1) z^(C-1).
        self.a = [c * p for c, p in zip(a, powers, strict=True)][::-1]
        self.b = [c * p for c, p in zip(b, powers, strict=True)][::-1]
        self.change = [flint.fmpq(0), -powers[size], powers[size - 1], *[flint.fmpq(0)] * (size - 1)]
        self.half = flint.arb(half).upper()
        # The least left side and the right side's factor of Rouche's condition.
        _, plain = exact.pencil(centre, size)
        self.disk = (1 - radius) * (centre - half - radius) * powers[size - 1]
        self.largest = sum(c * (2 - radius) ** k for k, c in enumerate(plain))

    def at(self, x: Any, slope: Any) -> bool:
        """Whether some root has |z| >= r on the line, at every momentum."""
        start = [flint.arb(a + x * b) for a, b in zip(self.a, self.b, strict=True)]
        rise = [flint.arb(c + slope * b) for c, b in zip(self.change, self.b, strict=True)]
        return some_outside(start, [(rise, self.half)])

    def between(self, first: tuple[Any, Any], second: tuple[Any, Any]) -> bool:
        """Whether some root has |z| >= r everywhere between two lines, by halving what is undecided."""
        step = (second[0] - first[0], second[1] - first[1])
        b = [flint.arb(c) for c in self.b]
        left, tried = [(flint.fmpq(0), flint.fmpq(1))], 0
        most = _PIECES[0] if self.half.is_zero() else _PIECES[1]
        while left:
            begin, end = left.pop()
            tried += 1
            if self._real(first[0] + end * step[0], first[1] + end * step[1]):
                continue
            middle = (begin + end) / 2
            x, slope = first[0] + middle * step[0], first[1] + middle * step[1]
            width = (abs(flint.arb(step[0])) + abs(flint.arb(step[1])) * self.half) * flint.arb((end - begin) / 2)
            start = [flint.arb(a + x * c) for a, c in zip(self.a, self.b, strict=True)]
            rise = [flint.arb(d + slope * c) for d, c in zip(self.change, self.b, strict=True)]
            if some_outside(start, [(rise, self.half), (b, width.upper())]):
                continue
            if tried > most:
                return False
            left += [(middle, end), (begin, middle)]
        return True

    def _real(self, x: Any, slope: Any) -> bool:
        """Whether p(r) < 0, so that a real root is larger, from 0 to the line: p(r) is linear in t and grows with x."""
        value, rise = sum(self.a) + x * sum(self.b), sum(self.change) + slope * sum(self.b)
        return bool(flint.arb(value) + abs(flint.arb(rise)) * self.half < 0)

    def below(self, x: Any, slope: Any) -> bool:
        """Whether some root has |z| >= r at every x from 0 to the line, at every momentum."""
        if self._real(x, slope):
            return True
        if flint.arb(self.disk) > (flint.arb(x) + abs(flint.arb(slope)) * self.half) * flint.arb(self.largest):
            return True
        middle = (flint.arb(x) + abs(flint.arb(slope)) * self.half).upper() / 2
        b = [flint.arb(c) for c in self.b]
        start = [flint.arb(a) + middle * c for a, c in zip(self.a, b, strict=True)]
        return some_outside(start, [([flint.arb(c) for c in self.change], self.half), (b, middle)])
