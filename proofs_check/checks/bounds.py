"""Inequalities and attained ranges of rational functions: certified by the signs of coefficients, or refuted."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import sympy as sp

from ..claim import Budget, Evidence, Exact, Way, Witness
from .symbolic import Identity, counterexample, is_zero

TRIED = tuple(sp.Rational(*pq) for pq in ((1, 1), (2, 1), (1, 3), (7, 2), (1, 20), (12, 1), (1, 1000), (100, 1)))

REPLAY = """
import sympy as sp
names = {k: sp.Symbol(k) for k in witness["values"]}
at = {names[k]: sp.Rational(str(v)) for k, v in witness["values"].items()}
left, right = (sp.sympify(witness[side], locals=names).subs(at) for side in ("left", "right"))
violated = not {"<=": left <= right, "<": left < right, ">=": left >= right, ">": left > right}[witness["relation"]]
"""


@dataclass(frozen=True)
class Inequality:
    """``left relation right`` between rational functions on a domain.

    Attributes
    ----------
    left, right : sympy expression
    relation : {"<=", "<", ">=", ">"}
    domain : mapping of symbol to expression
        Each variable as an expression in parameters that run over (0, inf): ``{eta: -1 + s}`` is eta > -1,
        ``{x: c * s / (1 + s)}`` is 0 < x < c. Variables that are not named run over (0, inf) themselves.
    """

    left: Any
    relation: Literal["<=", "<", ">=", ">"]
    right: Any
    domain: Mapping[sp.Symbol, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    """``low <= function <= high`` on a domain, both ends attained at (or in the limit towards) the named points."""

    function: Any
    low: Any
    high: Any
    lowest_at: Mapping[sp.Symbol, Any]
    highest_at: Mapping[sp.Symbol, Any]
    domain: Mapping[sp.Symbol, Any] = field(default_factory=dict)


def coefficient_signs(expression: Any) -> tuple[bool, bool]:
    """Whether a rational function of positive symbols is certified > 0 and >= 0 by equal signs of its coefficients."""
    expression = sp.cancel(sp.together(sp.sympify(expression)))
    if expression == 0:
        return False, True
    symbols = sorted(expression.free_symbols, key=str)
    if not symbols:
        return bool(expression > 0), bool(expression >= 0)
    signs = []
    for part in sp.fraction(expression):
        coefficients = sp.Poly(part, *symbols).coeffs()
        signs.append({bool(c > 0) for c in coefficients})
    same = len(signs[0]) == len(signs[1]) == 1 and signs[0] == signs[1]
    return same, same


def inequality(statement: Inequality | Mapping[str, Inequality], budget: Budget) -> list[Evidence]:
    """Decide one inequality or several named ones: search rational points, then certify by coefficient signs."""
    statements = statement if isinstance(statement, Mapping) else {"inequality": statement}
    steps = {}
    for name, item in statements.items():
        witness = _violation(item, budget.pick(400, 4000))
        if witness is not None:
            return [witness]
        sign = 1 if item.relation[0] == "<" else -1
        gap = sp.sympify(sign * (sp.sympify(item.right) - item.left)).subs(dict(item.domain), simultaneous=True)
        strict, weak = coefficient_signs(gap)
        steps[f"{name}: coefficients of one sign certify {item.relation}"] = weak if "=" in item.relation else strict
    return [Exact("certificate", steps)]


def sufficient(statements: Mapping[str, Inequality], budget: Budget) -> list[Evidence]:
    """Inequalities from which a statement follows: where one fails the statement is unproved, yet not refuted."""
    found = inequality(statements, budget)
    if isinstance(found[0], Witness):
        return [Exact("certificate", {f"what would suffice: {', '.join(statements)}": False}, dict(found[0].point))]
    return found


def attained_range(statement: Range | Mapping[str, Range], budget: Budget) -> list[Evidence]:
    """Decide whether stated ends bound a function and are reached, for one range or several named ones."""
    statements = statement if isinstance(statement, Mapping) else {"range": statement}
    evidence: list[Evidence] = []
    for name, item in statements.items():
        bounds = {
            f"{name}, from below": Inequality(item.low, "<=", item.function, item.domain),
            f"{name}, from above": Inequality(item.function, "<=", item.high, item.domain),
        }
        found = inequality(bounds, budget)
        if isinstance(found[0], Witness):
            return found
        evidence += found
        steps = {}
        for end, value, at in (("low", item.low, item.lowest_at), ("high", item.high, item.highest_at)):
            reached = Identity(sp.sympify(item.function).subs(dict(at)), value)
            steps[f"{name}: {end} end is reached at {at}"] = is_zero(sp.sympify(reached.left) - reached.right)
            if not steps[f"{name}: {end} end is reached at {at}"]:
                witness = counterexample(reached)
                return [Exact("symbolic", steps), *([witness] if witness else [])]
        evidence.append(Exact("symbolic", steps))
    return evidence


def _violation(item: Inequality, tries: int) -> Witness | None:
    left, right = sp.sympify(item.left), sp.sympify(item.right)
    variables = sorted(left.free_symbols | right.free_symbols, key=str)
    values = {v: sp.sympify(item.domain.get(v, v)) for v in variables}
    parameters = sorted(set().union(*(e.free_symbols for e in values.values()), set()), key=str)
    # Compiled once: substituting into expressions thousands of times would take seconds.
    both = sp.lambdify(
        parameters, [left.subs(values, simultaneous=True), right.subs(values, simultaneous=True)], "math"
    )
    rng = random.Random(0)
    fallback = None
    for k in range(tries if parameters else 1):
        at = {p: TRIED[k % len(TRIED)] if k < len(TRIED) else rng.choice(TRIED) for p in parameters}
        try:
            rough = both(*(Fraction(int(v.p), int(v.q)) for v in at.values()))
        except ZeroDivisionError:
            continue
        if not _violates(rough[0], rough[1], item.relation):
            continue
        point = {v: e.subs(at) for v, e in values.items()}
        exact = [_rational(side.subs(point)) for side in (left, right)]
        if not _violates(exact[0], exact[1], item.relation):
            continue  # constants such as 1/2 are floats in the compiled form
        floats = [float(sp.lambdify(variables, side, "math")(*map(float, point.values()))) for side in (left, right)]
        if exact[0] == exact[1]:
            floats[1] = floats[0]  # a strict inequality that fails by equality: rounding must not decide it
        witness = Witness(
            point={
                "left": str(left),
                "relation": item.relation,
                "right": str(right),
                "values": {str(v): _rational(value) for v, value in point.items()},
            },
            first=Way("exact arithmetic", exact[0], item.relation, exact[1]),
            second=Way("floating point", floats[0], item.relation, floats[1]),
            replay=REPLAY,
        )
        if witness.stands:
            return witness
        fallback = witness  # exact, but too close for floating point: look for a clearer point
    return fallback


def _violates(left: Any, right: Any, relation: str) -> bool:
    return not {"<=": left <= right, "<": left < right, ">=": left >= right, ">": left > right}[relation]


def _rational(value: sp.Expr) -> Fraction:
    value = sp.nsimplify(value) if not value.is_Rational else value
    return Fraction(int(value.p), int(value.q))
