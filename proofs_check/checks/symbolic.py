"""Symbolic identities, with an exact and a numerical counterexample where one fails, and certificates of sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..claim import Budget, Evidence, Exact, Way, Witness

POINTS = (Fraction(2), Fraction(1, 2), Fraction(3), Fraction(1, 3), Fraction(1))

REPLAY = """
import sympy as sp
values = {sp.Symbol(k): sp.Rational(str(v)) for k, v in witness["values"].items()}
plain = lambda text: sp.sympify(text, locals={k: sp.Symbol(k) for k in witness["values"]})
left, right = (plain(witness[side]).subs(values) for side in ("left", "right"))
violated = abs(sp.N(left - right, 40)) > sp.Float("1e-30")
"""


@dataclass(frozen=True)
class Identity:
    """``left == right`` for every value of the free symbols.

    Attributes
    ----------
    left, right : sympy expression
    over : mapping of symbol to sequence of rationals
        Values tried when a counterexample is wanted; must lie in the domain of the statement. Symbols that are not
        named take ``POINTS``.
    """

    left: Any
    right: Any
    over: Mapping[sp.Symbol, Sequence[Any]] = field(default_factory=dict)


def is_zero(expression: Any) -> bool:
    """Whether a sympy expression is identically zero, by expansion, cancellation and, last, simplification."""
    expression = sp.sympify(expression)
    for transform in (sp.expand, lambda e: sp.cancel(sp.together(e)), sp.simplify):
        expression = transform(expression)
        if expression == 0:
            return True
    return False


def counterexample(identity: Identity) -> Witness | None:
    """A rational point where the two sides differ, seen exactly and in 30-digit arithmetic; None if none is found."""
    left, right = sp.sympify(identity.left), sp.sympify(identity.right)
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    for values in _points(symbols, identity.over):
        exact = [_number(side.subs(values)) for side in (left, right)]
        if not all(_finite(side) for side in exact) or abs(sp.N(sp.sympify(exact[0]) - exact[1], 40)) < 1e-30:
            continue
        import mpmath

        with mpmath.workdps(30):
            arguments = [mpmath.mpf(values[s].p) / values[s].q for s in symbols]
            numeric = [sp.lambdify(symbols, side, "mpmath")(*arguments) for side in (left, right)]
            floats = [float(value) for value in numeric]
        names = {str(s): _number(values[s]) for s in symbols}
        return Witness(
            point={"left": str(left), "right": str(right), "values": names},
            first=Way("exact arithmetic", exact[0], "==", exact[1]),
            second=Way("30-digit floating point", floats[0], "==", floats[1], margin=1e-12 * max(map(abs, floats))),
            replay=REPLAY,
        )
    return None


def symbolic_identity(statement: Identity | Mapping[str, Identity], budget: Budget) -> list[Evidence]:
    """Decide one identity or several named ones; the first that fails comes with a witness."""
    del budget
    identities = statement if isinstance(statement, Mapping) else {"identity": statement}
    steps = {}
    for name, identity in identities.items():
        steps[name] = is_zero(sp.sympify(identity.left) - identity.right)
        if not steps[name]:
            witness = counterexample(identity)
            return [Exact("symbolic", steps), *([witness] if witness else [])]
    return [Exact("symbolic", steps)]


def nonnegative_coefficients(expression: Any, symbols: Sequence[sp.Symbol]) -> bool:
    """Certificate that a rational function is >= 0 for nonnegative symbols: no negative coefficient anywhere."""
    numerator, denominator = sp.fraction(sp.cancel(sp.together(expression)))
    return all(c >= 0 for part in (numerator, denominator) for c in sp.Poly(part, *symbols).coeffs())


def _points(symbols: Sequence[sp.Symbol], over: Mapping[sp.Symbol, Sequence[Any]]) -> Iterator[dict[sp.Symbol, Any]]:
    choices = [[sp.Rational(str(v)) for v in over.get(s, POINTS)] for s in symbols]
    # The diagonal first: different values for different symbols, so that no accidental symmetry hides a difference.
    for shift in range(len(POINTS)):
        yield {s: c[(k + shift) % len(c)] for k, (s, c) in enumerate(zip(symbols, choices, strict=True))}
    for count, values in enumerate(product(*choices)):
        if count >= 2000:
            return
        yield dict(zip(symbols, values, strict=True))


def _number(value: Any) -> Any:
    return Fraction(int(value.p), int(value.q)) if isinstance(value, sp.Rational) else value


def _finite(value: Any) -> bool:
    return isinstance(value, Fraction) or (value.is_number and bool(value.is_finite) and bool(value.is_real))
