"""Section 4's recursions on numbers of any kind, written once more and apart from the optimizer that they check.

Numbers are Fractions, balls, mpmath numbers, sympy expressions, or columns of floats. No bias correction, no epsilon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Number = Any


def averages(values: Sequence[Number], decays: Sequence[Number]) -> list[Number]:
    """``a_t = b_t a_{t-1} + (1 - b_t) x_t`` from ``a_0 = 0``."""
    found, a = [], 0 * values[0]
    for x, b in zip(values, decays, strict=True):
        a = b * a + (1 - b) * x
        found.append(a)
    return found


def momenta(grads: Sequence[Number], beta1: Sequence[Number]) -> list[Number]:
    """``m_1, ..., m_T`` with varying decay ``beta_{1,t}``."""
    return averages(grads, beta1)


def second_moments(values: Sequence[Number], beta2: Number) -> list[Number]:
    """``v_1, ..., v_T`` of the given values (momenta: AdaMomentum, gradients: Adam)."""
    return averages([x * x for x in values], [beta2] * len(values))
