"""Section 4.2: theorem 2 without ``E[g_t | theta_t] = grad f(theta_t)``, which it does not list."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from analysis.nonconvex import theorem_constants

from ..certificates import ball, precision
from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact, Sampled, Way, Witness

START = Fraction(3, 4)  # f' = 3/5, f = 5/4
LEAST = Fraction(9, 25)


@dataclass(frozen=True)
class Ascent:
    """Theorem 2 for ``f = sqrt(1 + x^2)`` from 3/4 with ``g_t = -f'(theta_t)``, at horizon T.

    ``beta_1 = beta_2 = 0``, ``alpha_t = 1/sqrt(t)``: every step is ``alpha_t`` uphill, so ``|f'|`` rises from 3/5
    towards ``H = L = 1``, ``v_t = f'^2 >= 9/25 = c`` rises and ``w_t = alpha_t / |f'|`` falls.
    """

    horizon: int


def _bound(t: int, log: Any, sqrt: Any, one: Any) -> Any:
    """Right side of theorem 2: ``alpha = d = 1``, ``w_1 = 5/3``, ``f(z_1) - min f = 1/4``."""
    constants = theorem_constants(Fraction(1), 0, Fraction(1), 0, Fraction(5, 3), Fraction(1, 4))
    fixed = constants.c2 / Fraction(3, 5) + constants.c3 / LEAST + constants.c4
    growing = constants.c1 / LEAST
    eta = 1 + log(t * one)
    return (one * growing.numerator / growing.denominator * eta + one * fixed.numerator / fixed.denominator) / sqrt(
        t * one
    )


ASCENT_REPLAY = """
from math import log, sqrt
from proofs_check.adamomentum.nonconvex_bias import _bound, least_slope
violated = least_slope(min(witness["T"], 1000)) > _bound(witness["T"], log, sqrt, 1.0)
"""


def least_slope(steps: int) -> float:
    """Least ``f'^2`` along the recursion with ``m = g``, ``v = g^2``; later ones are larger still."""
    x, least = float(START), 1.0
    for t in range(1, steps + 1):
        slope = x / (1 + x * x) ** 0.5
        least = min(least, slope * slope)
        g = -slope
        x -= t**-0.5 * g / (g * g) ** 0.5
    return least


def ascending(s: Ascent, budget: Budget) -> list[Evidence]:
    """The slope's square is at least its first value; the bound in balls, and along the run in floating point."""
    del budget
    x = sp.Symbol("x", positive=True)
    f = sp.sqrt(1 + x**2)
    slope = sp.diff(f, x)
    steps = {
        "f' rises: f'' = (1 + x^2)^(-3/2), at most L = 1": is_zero(sp.diff(f, x, 2) - (1 + x**2) ** sp.Rational(-3, 2)),
        "f'^2 at the start": slope.subs(x, sp.Rational(3, 4)) ** 2 == sp.Rational(9, 25),
        "|f'| < H = 1": is_zero(1 - slope**2 - 1 / (1 + x**2)),
    }
    with precision(200):
        bound = _bound(s.horizon, lambda v: v.log(), lambda v: v.sqrt(), ball(1))
        low, high = float(bound.lower()), float(bound.upper())
    if high < LEAST and all(steps.values()):
        rough = _bound(s.horizon, math.log, math.sqrt, 1.0)
        return [
            Witness(
                {"T": s.horizon, "f": "sqrt(1 + x^2)", "start": START, "g": "-f'"},
                Way("f'^2 rises from 9/25; bound in ball arithmetic", LEAST, "<=", Fraction(high)),
                Way("run and bound in floating point", least_slope(1000), "<=", rough, margin=1e-9),
                ASCENT_REPLAY,
            )
        ]
    return [Exact("symbolic", steps), Sampled("bound at one T", 1, 0, low - float(LEAST), f"T = {s.horizon}")]
