"""Theorem 1: the identities and inequalities that carry its proof beyond the problems that are enumerated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Evidence

Step = Identity | Inequality
a, b, a2, b2, x, y, m, q, e, G2, L, mu, u = sp.symbols("a b a2 b2 x y m q e G2 L mu u")

# Cauchy-Schwarz with weights a_i = grad_i^2, b_i = grad_i^2 + var_i:
CAUCHY = Identity((a**2 / b + a2**2 / b2) * (b + b2) - (a + a2) ** 2, (a * b2 - a2 * b) ** 2 / (b * b2))
# f(y) - f(x) >= grad (y - x) + m (y - x)^2 / 2 is least at y - x = -grad / m, where it is -grad^2 / (2 m):
DOMINATION = Identity(x * y + m * y**2 / 2, m * (y + x / m) ** 2 / 2 - x**2 / (2 * m))
# With g = grad and step 1/L, (31) becomes (33): -c g^2 + c^2 (g^2 + v) / 2 = -c g^2 / 2 at c = g^2 / (g^2 + v).
SIMPLIFY = Identity(-(x**4) / (x**2 + y) + x**4 / (2 * (x**2 + y)), -(x**4) / (2 * (x**2 + y)))
SECOND_MOMENT = Identity(q * (x + (1 - q) * y) ** 2 + (1 - q) * (x - q * y) ** 2, x**2 + q * (1 - q) * y**2)
SQUARE_OF_MEAN = Identity(q * x**2 + (1 - q) * y**2 - (q * x + (1 - q) * y) ** 2, q * (1 - q) * (x - y) ** 2)


# Every path of the problem once more, without merging equal points; x must be one of those reached at step t.
REPLAY = """
from fractions import Fraction as F
from proofs_check.dissecting_adam.svag_tree import PROBLEMS
problem = PROBLEMS[witness["problem"]]
L, mu = problem.smoothness, problem.convexity
def ahead(x):
    law, g = problem.noise(x), problem.gradient(x)
    var = [sum(q * n[i] ** 2 for q, n in law) for i in range(len(x))]
    c = [a * a / (a * a + v) if a else F(0) for a, v in zip(g, var)]
    return g, var, c, [(q, tuple(y - s * (a + b) / L for y, s, a, b in zip(x, c, g, n))) for q, n in law]
levels = [[(F(1), problem.start)]]
for _ in range(int(witness["levels"])):
    levels.append([(w * q, y) for w, x in levels[-1] for q, y in ahead(x)[3]])
G2 = max(sum(w * sum(a * a + v for a, v in zip(*ahead(x)[:2])) for w, x in level) for level in levels)
x, here = tuple(F(str(v)) for v in witness["point"]), levels[int(witness["t"])]
average = [sum(w * problem.gradient(y)[i] for w, y in here) for i in range(len(x))]
g, var, c, moved = ahead(x)
f, after = problem.value(x), sum(q * problem.value(y) for q, y in moved)
size, scaled = sum(a * a for a in g), sum(s * a * a for s, a in zip(c, g))
second = size + sum(var)
violated = x in [y for _, y in here] and not ({test})
"""


def decrease(scale: Any) -> Inequality:
    """(33) with E|grad|^2 >= 2 mu e and E|g|^2 <= G^2 gives e_{t+1} <= e (1 - scale c e), c = 2 mu^2 / (L G^2)."""
    constant = 2 * mu**2 / (L * G2)
    return Inequality(e - (2 * mu * e) ** 2 / (2 * L * G2), "<=", e * (1 - sp.Rational(str(scale)) * constant * e))


def inverse_grows(scale: Any) -> Inequality:
    """(39): 1 / (1 - x) >= 1 + scale x for every x = c e of (0, 1)."""
    return Inequality(1 + sp.Rational(str(scale)) * x, "<=", 1 / (1 - x), {x: u / (1 + u)})


def decided(proof: Sequence[Step], budget: Budget) -> list[Evidence]:
    """The general part of a proof; nothing where an inequality holds by definition."""
    found: list[Evidence] = []
    named = {f"step {k + 1}": step for k, step in enumerate(proof)}
    equal = {name: step for name, step in named.items() if isinstance(step, Identity)}
    ordered = {name: step for name, step in named.items() if isinstance(step, Inequality)}
    if equal:
        found += symbolic_identity(equal, budget)
    if ordered:
        found += inequality(ordered, budget)
    return found


def spread_of(gaps: Sequence[Any]) -> dict[str, Any]:
    """How tight an inequality is over the instances tried."""
    values = sorted(map(float, gaps))
    return {"nodes": len(values), "smallest slack": values[0], "median slack": values[len(values) // 2]}
