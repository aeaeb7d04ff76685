"""How the method and its conditions change under ``f -> s f``, ``beta -> beta / s``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact
from .algebra import Matrix, letters
from .histories import Step
from .one_step import largest_step
from .sam import ram_coefficients, sam_coefficients, update_matrix

S = sp.Symbol("s", positive=True)


def _numbers(s: Any) -> dict[str, Any]:
    """Quantities of Section 3 for ``s f``: residuals, sigma and L are multiplied by s, beta is divided by it."""
    lip, mu, c, beta, sigma, drop, size, move, eps, c1, c2 = sp.symbols(
        "L mu C beta sigma D r x epsilon c1 c2", positive=True
    )
    return {
        "bound on the step": largest_step(s * lip, mu, c),
        "first term of (16)": c1 * (s * size) ** 2 / (move**2 + eps),
        "second term of (16)": c2 / (beta / s) ** 2,
        "C beta^-2": c / (beta / s) ** 2,
        "beta^(1/2)": sp.sqrt(beta / s),
        "first term of (23)": 16 * (s * lip) * (1 + 1 / c) * (s * drop) / mu**2,
        "sigma^2 in (23)": (s * sigma) ** 2,
        "sigma^2 / (L mu) in (23)": (s * sigma) ** 2 / (s * lip * mu),
    }


def _matrices(power: Any) -> dict[str, tuple[Matrix, Matrix]]:
    """``H`` and the coefficients of SAM and RAM for f and for ``s f``; delta is multiplied by ``s^power``."""
    x, r, res = letters("X R r")
    beta, alpha, delta = sp.symbols("beta alpha delta", positive=True)
    asked: list[Matrix] = []

    def inverse(value: Matrix) -> Matrix:
        """``Z^+``, and ``(k Z)^+ = Z^+ / k`` for the multiple that was asked for before."""
        asked.append(value)
        for k in (S**2, sp.Integer(1)):
            if (value - k * asked[0]).is_zero():
                return 1 / k * letters("Z+", symmetric=True)[0]
        return letters("W+", symmetric=True)[0]

    found = {}
    for name, formula in (("H", update_matrix), ("Gamma of SAM", sam_coefficients), ("Gamma of RAM", ram_coefficients)):
        asked.clear()
        before = formula(Step(x, r, res, delta, alpha, beta), inverse)
        after = formula(Step(x, S * r, S * res, S**power * delta, alpha, beta / S), inverse)
        found[name] = (before, after)
    return found


def rescaled(statement: Mapping[str, Any], budget: Budget) -> list[Evidence]:
    """Each named quantity is multiplied by the stated power of s; "delta" is the power that delta is given."""
    del budget
    before, after, steps = _numbers(sp.Integer(1)), _numbers(S), {}
    matrices = _matrices(statement["delta"])
    for name, power in statement.items():
        if name in matrices:
            old, new = matrices[name]
            steps[f"{name}: s^{power}"] = (new - S**power * old).is_zero()
        elif name != "delta":
            steps[f"{name}: s^{power}"] = is_zero(after[name] - S**power * before[name])
    return [Exact("symbolic", steps)]
