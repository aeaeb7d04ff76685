"""Section 3.2: how the system falls apart over the curvatures, and what is left when they change from step to step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions, rotations
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness
from .every_size import ALPHA, BETA, H, collapse_steps
from .system import collapsed, derived

# --- blocks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blocks:
    """Spectra of the block matrix are the union of those of the collapsed ones, for Hessians made by ``hessian``."""

    hessian: Callable[[np.ndarray, list[Fraction]], np.ndarray]
    singular: bool
    proof: Callable[[], dict[str, bool]] = dict


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


def _characteristic(matrix: np.ndarray) -> Any:
    from flint import fmpq, fmpq_mat

    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in matrix]).charpoly()


def blocks_collapse(statement: Blocks, budget: Budget) -> list[Evidence]:
    """The proof for every C and H, and characteristic polynomials of A (or A^T A) that factor over the curvatures."""
    steps = statement.proof()
    curvatures = [Fraction(1, 3), Fraction(1), Fraction(5, 2)]
    for number, rotation in enumerate(rotations(3, budget.pick(2, 6))):
        for size in budget.pick((1, 3), (1, 2, 3, 5)):
            alpha, beta = Fraction(1, 7), Fraction(3, 5)
            block = _block(statement.hessian(rotation, curvatures), alpha, beta, size)
            small = [collapsed(alpha, beta, c, size) for c in curvatures]
            if statement.singular:
                block, small = block.T @ block, [a.T @ a for a in small]
            product = _characteristic(small[0])
            for matrix in small[1:]:
                product = product * _characteristic(matrix)
            steps[f"rotation {number}, C = {size}"] = bool(_characteristic(block) == product)
    return [Exact("symbolic", steps, {"curvatures": curvatures})]


# --- time-varying curvatures ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Switching:
    """All products of A_h with curvatures from a set contract whenever each A_h does."""

    constant: bool


def products_contract(statement: Switching, budget: Budget) -> list[Evidence]:
    """Alternate two curvatures, each stable by itself: exact Schur-Cohn of the product of two matrices."""
    tried = 0
    for size in (1, 2, 5):
        for beta in (Fraction(1, 2), Fraction(9, 10)):
            from spectral import stability_intervals

            low, high = stability_intervals(float(beta), size)[0]
            del low
            for first in range(1, budget.pick(3, 12)):
                for second in range(1, 20):
                    x = Fraction(high * first / 20).limit_denominator(10**4)
                    y = x if statement.constant else Fraction(high * second / 20).limit_denominator(10**4)
                    for repeats in (1, 2, 4, 8, 16):
                        tried += 1
                        witness = _unstable_product(size, beta, x, y, repeats)
                        if witness is not None:
                            return [witness]
                    if statement.constant:
                        break
    return [Exact("rational", {f"all {tried} products of stable matrices are stable": True}, instances=tried)]


def _radius(matrix: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(matrix.astype(float))).max())


def _unstable_product(size: int, beta: Fraction, x: Fraction, y: Fraction, repeats: int) -> Witness | None:
    one, two = collapsed(Fraction(1), beta, x, size), collapsed(Fraction(1), beta, y, size)
    product = (
        np.linalg.multi_dot([one.astype(float)] * repeats + [two.astype(float)] * repeats)
        if repeats > 1
        else (one.astype(float) @ two.astype(float))
    )
    if _radius(product) <= 1.0 + 1e-6 or max(_radius(one), _radius(two)) >= 1.0:
        return None
    exact = fractions(np.eye(size + 2, dtype=int))
    for matrix in [two] * repeats + [one] * repeats:
        exact = matrix @ exact
    reflection = _largest_reflection(exact)
    return Witness(
        point={"size": size, "beta": beta, "x": x, "y": y, "repeats": repeats},
        first=Way("Schur-Cohn of the product in exact rationals", reflection, "<=", Fraction(1)),
        second=Way("eigenvalues of the product in floating point", _radius(product), "<=", 1.0, margin=1e-7),
        replay=REPLAY_PRODUCT,
    )


def _largest_reflection(matrix: np.ndarray) -> Fraction:
    """The first reflection coefficient above one, or the largest of all: above one proves an eigenvalue outside."""
    coefficients = [Fraction(int(c.p), int(c.q)) for c in _characteristic(matrix).coeffs()][::-1]
    largest = Fraction(0)
    while len(coefficients) > 1 and largest <= 1:
        last = len(coefficients) - 1
        reflection = coefficients[last] / coefficients[0]
        largest = max(largest, abs(reflection))
        coefficients = [coefficients[j] - reflection * coefficients[last - j] for j in range(last)]
    return largest


REPLAY_PRODUCT = """
import numpy as np
from fractions import Fraction as F
from spectral import critical_momentum_matrix, spectral_radius
beta, x, y = (float(F(witness[k])) for k in ("beta", "x", "y"))
a, b = (critical_momentum_matrix(1.0, beta, np.array([[v]]), witness["size"]) for v in (x, y))
power = np.linalg.matrix_power
product = power(a, witness["repeats"]) @ power(b, witness["repeats"])
alone = max(float(spectral_radius(1.0, beta, np.asarray(v), witness["size"])) for v in (x, y))
violated = alone < 1 < np.abs(np.linalg.eigvals(product)).max()
"""

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
                printed=Blocks(symmetric, singular=True, proof=lambda: collapse_steps(orthogonal=True)),
                broken=Blocks(skewed, singular=True),
                note="$I\\otimes U$ with the orthogonal eigenbasis $U$ of $H$ turns $A$ into the $A_h$ side by side. "
                "The control drops the symmetry of $H$ and keeps its eigenvalues.",
            ),
            Part(
                "eigenvalues, with multiplicity",
                blocks_collapse,
                printed=Blocks(symmetric, singular=False, proof=lambda: collapse_steps(orthogonal=False)),
                broken=Blocks(lambda u, c: symmetric(u, [2 * v for v in c]), singular=False),
                bears=False,
                note="Holds for every diagonalisable $H$, symmetric or not.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/commuting-hessians",
        location="section 6",
        statement=r"The quadratic assumption can be relaxed to Hessians that commute along the trajectory. Judged: if "
        r"every $A_h$, $h\in[\mu,L]$, has radius below one, so has every product of them (commuting Hessians share "
        r"their eigenvectors, but the curvature of each may change from step to step).",
        parts=(
            Part(
                "products of stable matrices",
                products_contract,
                printed=Switching(constant=False),
                broken=Switching(constant=False),
                sound=Switching(constant=True),
                note="Two curvatures of one eigenvector, each stable for ever, diverge when they alternate: the "
                "$A_h$ do not commute with each other. What stays is the case of one Hessian.",
            ),
        ),
    ),
]
