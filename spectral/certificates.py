"""Certificates of worst-case rates over intervals of curvatures, from above and below, and what checks them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import flint

from . import exact


@dataclass(frozen=True)
class RateCertificate:
    """The statement "every root of the momentum polynomial stays inside |z| < bound for all h in [smallest, largest]".

    All numbers are the binary fractions that the floats are; nothing is rounded when they are read back.
    """

    step_size: float
    momentum: float
    smallest: float
    largest: float
    buffer_size: int
    bound: float

    @property
    def stable(self) -> bool:
        """Whether the bound proves convergence for every curvature of the interval."""
        return self.bound < 1.0

    def to_json(self) -> str:
        """The certificate as JSON with floats in hexadecimal, which round-trips exactly."""
        return _to_json(self)

    @classmethod
    def from_json(cls, text: str) -> RateCertificate:
        """Read a certificate back.

        Raises
        ------
        ValueError
            Unknown or missing fields.
        """
        return cls(**_from_json(text, cls))


@dataclass(frozen=True)
class RateWitness:
    """The statement "at this curvature some root of the momentum polynomial has |z| >= bound"."""

    step_size: float
    momentum: float
    curvature: float
    buffer_size: int
    bound: float

    def to_json(self) -> str:
        """The witness as JSON with floats in hexadecimal, which round-trips exactly."""
        return _to_json(self)

    @classmethod
    def from_json(cls, text: str) -> RateWitness:
        """Read a witness back.

        Raises
        ------
        ValueError
            Unknown or missing fields.
        """
        return cls(**_from_json(text, cls))


def _to_json(statement: RateCertificate | RateWitness) -> str:
    return json.dumps({k: v.hex() if isinstance(v, float) else v for k, v in asdict(statement).items()})


def _from_json(text: str, cls: type[RateCertificate] | type[RateWitness]) -> dict[str, Any]:
    fields = json.loads(text)
    if set(fields) != set(cls.__dataclass_fields__):
        kind = "certificate" if cls is RateCertificate else "witness"
        raise ValueError(f"a rate {kind} has the fields {', '.join(cls.__dataclass_fields__)}")
    size = int(fields.pop("buffer_size"))
    return {name: float.fromhex(value) for name, value in fields.items()} | {"buffer_size": size}


def verify_witness(witness: RateWitness, max_precision: int = 8192) -> bool:
    """Check a witness by Schur-Cohn in ball arithmetic at the exact values of its floats.

    Returns
    -------
    bool
        False when the statement is false, or still undecided at ``max_precision`` bits.
    """
    beta, radius = exact.rational(witness.momentum), exact.rational(witness.bound)
    x = exact.rational(Fraction(witness.step_size) * Fraction(witness.curvature))
    if not (x > 0 and 0 <= beta < 1 and witness.buffer_size >= 0):
        return False
    if radius <= 0:
        return True
    before = flint.ctx.prec
    try:
        precision = exact.PRECISION
        while precision <= max_precision:
            flint.ctx.prec = precision
            inside = exact.all_inside(radius, beta, witness.buffer_size, x)
            if inside is not None:
                return not inside
            precision *= 2
    finally:
        flint.ctx.prec = before
    return False


def verify_rate(certificate: RateCertificate, max_precision: int = 8192) -> bool:
    """Check a certificate in exact and ball arithmetic.

    At the smallest curvature all roots lie inside the circle (Schur-Cohn), and no root crosses it before the largest
    (every crossing is isolated exactly and lies outside the interval): so they stay inside throughout.

    Returns
    -------
    bool
        False when the statement is false, or still undecided at ``max_precision`` bits.
    """
    beta, radius = exact.rational(certificate.momentum), exact.rational(certificate.bound)
    alpha = Fraction(certificate.step_size)
    low = exact.rational(alpha * Fraction(certificate.smallest))
    high = exact.rational(alpha * Fraction(certificate.largest))
    if not (0 < low <= high and 0 <= beta < 1 and radius > 0 and certificate.buffer_size >= 0):
        return False
    before = flint.ctx.prec
    try:
        precision = exact.PRECISION
        while precision <= max_precision:
            flint.ctx.prec = precision
            decided = _decide(radius, beta, certificate.buffer_size, low, high)
            if decided is not None:
                return decided
            precision *= 2
    finally:
        flint.ctx.prec = before
    return False


def _decide(radius: Any, beta: Any, size: int, low: Any, high: Any) -> bool | None:
    inside = exact.all_inside(radius, beta, size, low)
    if inside is not True:
        return inside
    low_ball, high_ball = flint.arb(low), flint.arb(high)
    undecided = False
    for value in exact.crossings(radius, beta, size):
        if value > high_ball or value < low_ball:
            continue
        if value >= low_ball and value <= high_ball:
            return False
        undecided = True
    return None if undecided else True
