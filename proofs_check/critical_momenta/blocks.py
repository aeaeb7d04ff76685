"""Section 3.2: how the system falls apart over the curvatures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions, rotations
from ..claim import Budget, Claim, Evidence, Exact, Part
from .every_size import ALPHA, BETA, H, collapse_steps
from .system import collapsed, derived

# --- blocks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blocks:
    """Spectra of the block matrix are the union of those of the collapsed ones, for Hessians made by ``hessian``.

    ``general``: the Hessians are U D U^-1, with U orthogonal for singular values; the proof then decides all of them,
    without it there are instances alone.
    """

    hessian: Callable[[np.ndarray, list[Fraction]], np.ndarray]
    singular: bool
    general: bool = False


def symmetric(rotation: np.ndarray, curvatures: list[Fraction]) -> np.ndarray:
    return (rotation * np.array(curvatures, dtype=object)) @ rotation.T


def skewed(rotation: np.ndarray, curvatures: list[Fraction]) -> np.ndarray:
    """The same eigenvalues, but not symmetric."""
    matrix = symmetric(rotation, curvatures)
    shear = fractions(np.eye(len(matrix), dtype=int))
    shear[0, -1] = Fraction(2)
    back = shear.copy()
    back[0, -1] = Fraction(-2)
    return shear @ matrix @ back


def _block(hessian: np.ndarray, alpha: Fraction, beta: Fraction, size: int) -> np.ndarray:
    """A with H in place of h, in rationals, from the same derivation."""
    constant = derived(size).subs({ALPHA: sp.Rational(str(alpha)), BETA: sp.Rational(str(beta))})
    dim, width = len(hessian), size + 2
    eye = fractions(np.eye(dim, dtype=int))
    total = fractions(np.zeros((width * dim, width * dim), dtype=int))
    for i in range(width):
        for j in range(width):
            entry = sp.Poly(constant[i, j], H)
            rows, columns = slice(i * dim, (i + 1) * dim), slice(j * dim, (j + 1) * dim)
            total[rows, columns] = Fraction(str(entry.nth(0))) * eye + Fraction(str(entry.nth(1))) * hessian
    return total


def characteristic(matrix: np.ndarray) -> Any:
    """Characteristic polynomial of a rational matrix."""
    from flint import fmpq, fmpq_mat

    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in matrix]).charpoly()


def blocks_collapse(statement: Blocks, budget: Budget) -> list[Evidence]:
    """The proof for every C and H, and characteristic polynomials of A (or A^T A) that factor over the curvatures."""
    steps = {}
    curvatures = [Fraction(1, 3), Fraction(1), Fraction(5, 2)]
    for number, rotation in enumerate(rotations(3, budget.pick(2, 6))):
        for size in budget.pick((1, 3), (1, 2, 3, 5)):
            alpha, beta = Fraction(1, 7), Fraction(3, 5)
            block = _block(statement.hessian(rotation, curvatures), alpha, beta, size)
            small = [collapsed(alpha, beta, c, size) for c in curvatures]
            if statement.singular:
                block, small = block.T @ block, [a.T @ a for a in small]
            product = characteristic(small[0])
            for matrix in small[1:]:
                product = product * characteristic(matrix)
            steps[f"rotation {number}, C = {size}"] = bool(characteristic(block) == product)
    data = {"curvatures": curvatures}
    if not statement.general:
        return [Exact("rational", steps, data, instances=len(steps))]
    return [Exact("symbolic", collapse_steps(orthogonal=statement.singular)), Exact("rational", steps, data)]


CLAIMS = [
    Claim(
        id="critical-momenta/block-collapse",
        location="section 3.2",
        statement=r"The singular values of $A$ are those of all $A_h$, $I\to1$, $H\to h$, $h$ an eigenvalue of $H$.",
        assumptions=("$H$ symmetric",),
        parts=(
            Part(
                "singular values, with multiplicity",
                blocks_collapse,
                printed=Blocks(symmetric, singular=True, general=True),
                broken=Blocks(skewed, singular=True),
                note="$I\\otimes U$ with the orthogonal eigenbasis $U$ of $H$ turns $A$ into the $A_h$ side by side. "
                "The control drops the symmetry of $H$ and keeps its eigenvalues.",
            ),
            Part(
                "eigenvalues, with multiplicity",
                blocks_collapse,
                printed=Blocks(symmetric, singular=False, general=True),
                broken=Blocks(lambda u, c: symmetric(u, [2 * v for v in c]), singular=False),
                bears=False,
                note="Holds for every diagonalisable $H$, symmetric or not.",
            ),
        ),
    ),
]
