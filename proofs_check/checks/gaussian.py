"""Exact moments of polynomials in independent standard normals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp


def gaussian_expectation(expression: Any, normals: Sequence[sp.Symbol]) -> sp.Expr:
    """``E[expression]`` for a polynomial in independent standard normal ``normals``, by their moments (k - 1)!!."""
    total = sp.Integer(0)
    for powers, coefficient in sp.Poly(sp.expand(expression), *normals).terms():
        if all(power % 2 == 0 for power in powers):
            total += coefficient * sp.prod(sp.factorial2(power - 1) for power in powers)
    return sp.expand(total)
