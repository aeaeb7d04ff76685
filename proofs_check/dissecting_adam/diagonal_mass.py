"""Section 2.1: the bound for the sign update by the share of the Hessian on its diagonal, (13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions, positive_definite, sign_vectors, solve
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Missing, Part, Sampled
from .curvature import mass
from .improvements import figure_2_problems, line_search
from .sign_bounds import SIGN_REPLAY

# (13)


def _diagonal_dominance(bound: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    """``bound(slope, c, sum of eigenvalues) <= I(s)`` for every c in (0, 1] with sum |q_ii| >= c sum |q_ij|."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for dim in range(1, budget.pick(4, 5)):
            for q in positive_definite(dim, budget.pick(4, 20), seed=dim):
                largest = Fraction(np.trace(q)) / mass(q)
                for s, c in product(sign_vectors(dim), (largest, largest / 2)):
                    delta = solve(q, s * fractions(range(1, dim + 1)))
                    yield {"hessian": q.tolist(), "signs": list(s), "delta": list(delta), "c": c}

    def sides(p: Mapping[str, Any]) -> tuple[Any, Any]:
        q, s = fractions(p["hessian"]), fractions(p["signs"])
        slope = sum(abs(v) for v in q @ fractions(p["delta"]))
        return bound(slope, p["c"], np.trace(q)), slope**2 / (2 * (s @ q @ s))

    statement = ForAll(
        points,
        sides,
        "<=",
        again=lambda p: (float(sides(p)[0]), line_search(p["hessian"], p["delta"], [fractions(p["signs"])])),
        replay=SIGN_REPLAY,
        margins=(0.0, 1e-6),
        proof=lambda budget: [_diagonal_dominance_proof(bound)],
    )
    return for_all(statement, budget)


def _diagonal_dominance_proof(bound: Callable[[Any, Any, Any], Any]) -> Exact:
    slope, c, trace, slack = sp.symbols("A c T h", positive=True)
    x = sp.Symbol("x")
    q = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"q_{min(i, j)}{max(i, j)}"))
    steps = {
        "bound is A^2 / (2 T / c)": is_zero(bound(slope, c, trace) - c * slope**2 / (2 * trace)),
        # mass = T / (c + h) with h >= 0 is the hypothesis; (12) then gives at least the bound.
        "follows from (12): A^2 / (2 mass) - bound is nonnegative": is_zero(
            slope**2 * (c + slack) / (2 * trace) - bound(slope, c, trace) - slack * slope**2 / (2 * trace)
        ),
        "tr Q is the sum of the eigenvalues (coefficient of the characteristic polynomial, d = 3)": is_zero(
            sp.Poly(q.charpoly(x).as_expr(), x).all_coeffs()[1] + q.trace()
        ),
    }
    return Exact("symbolic", steps)


def _attainable_mass(statement: tuple[Callable[[int], Fraction], list[int]], budget: Budget) -> list[Evidence]:
    """Every c of (lowest(d), 1] is the diagonal mass of a positive definite matrix, lowest(d) of a semidefinite one."""
    del budget
    lowest, sizes = statement
    steps = {}
    for dim in sizes:
        low = lowest(dim)
        for c in (Fraction(1), (1 + low) / 2, low + Fraction(1, 1000)):
            a = (1 / c - 1) / (dim - 1)  # (1 - a) I + a 1 1^T has eigenvalues 1 - a and 1 + (d - 1) a
            mass = dim + dim * (dim - 1) * abs(a)
            steps[f"d = {dim}, c = {c}: positive definite"] = dim / mass == c and 0 <= a < 1
        steps[f"d = {dim}: lower end attained by the matrix of ones"] = Fraction(dim, dim * dim) == low
    return [Exact("rational", steps, instances=len(steps))]


def _figure_2_mass(limit: Callable[[str, float], bool], budget: Budget) -> list[Evidence]:
    """Diagonal mass c and looseness of the eigenvector bound on the matrices of figure 2."""
    masses: dict[str, list[float]] = {}
    loose: dict[str, list[float]] = {}
    for name, q in figure_2_problems(budget.pick(4, 16)):
        values, vectors = np.linalg.eigh(q)
        masses.setdefault(name, []).append(float(np.trace(q) / np.abs(q).sum()))
        loose.setdefault(name, []).append(float(values @ np.abs(vectors).sum(0) ** 2 / np.abs(q).sum()))
    violations = sum(not limit(name, c) for name, found in masses.items() for c in found)
    count = sum(map(len, masses.values()))
    data = {
        "c": {name: [min(v), max(v)] for name, v in masses.items()},
        "sum lambda ||v||_1^2 over sum |q_ij|": {name: [min(v), max(v)] for name, v in loose.items()},
    }
    slack = min(c - 0.01 for found in masses.values() for c in found)
    return [Sampled("floating point", count, violations, slack, f"{count} matrices of size 100", data)]


CLAIMS = [
    Claim(
        id="dissecting-adam/diagonal-dominance-bound",
        location="(13)",
        statement=r"If $\sum_i|q_{ii}|\ge c\sum_{ij}|q_{ij}|$ then $\mathcal "
        r"I(s)\ge\frac12(\sum_i(2\rho_i-1)|\nabla\mathcal L_i|)^2/(c^{-1}\sum_i\lambda_i)$.",
        assumptions=(r"$c\in(0,1]$; at $c=0$, which the text admits, $c^{-1}$ is read as $\infty$ and the bound as 0",),
        parts=(
            Part(
                "bound",
                _diagonal_dominance,
                printed=lambda a, c, trace: a**2 / (2 * (trace / c)),
                broken=lambda a, c, trace: a**2 / (2 * trace),
                note=r"Best at the largest admissible $c=\mathrm{tr}\,Q/\sum_{ij}|q_{ij}|$, where it is (12). Written "
                r"$\frac c2(\cdot)^2/\sum_i\lambda_i$ it needs no exception at $c=0$.",
            ),
            Part(
                "values of c",
                _attainable_mass,
                printed=(lambda d: Fraction(1, d), [2, 3, 10, 100]),
                broken=(lambda d: Fraction(1, d * d), [2, 3, 10, 100]),
                bears=False,
                note="The largest admissible $c$ takes exactly the values $(1/d,1]$ for positive definite $Q$, "
                r"$d\ge2$, and $[1/d,1]$ for semidefinite $Q\ne0$; 1 iff diagonal. So $c\le1/d$ always satisfies the "
                "hypothesis.",
            ),
            Part(
                "c of the matrices of figure 2",
                _figure_2_mass,
                printed=lambda name, c: abs(c - 1) < 1e-9 if "axis" in name else 0.01 < c < 0.3,
                broken=lambda name, c: c > 0.3,
                bears=False,
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/hessian-facts",
        location="2.1",
        statement="Hessians of networks have a diagonal mass $c$ of 0.1 to 0.6; most of their eigenvalues are near "
        "zero and a few very large.",
        missing=Missing(
            "data",
            "Hessians of trained networks (Becker and LeCun 1988; Chaudhari et al. 2016)",
            r"diagonal mass $\sum_i|h_{ii}|/\sum_{ij}|h_{ij}|$ and spectra of such Hessians",
        ),
        parts=(
            Part(
                "c from 0.1 to 0.6 is possible at sizes 10 and above",
                _attainable_mass,
                printed=(lambda d: Fraction(1, d), [10, 1000]),
                broken=(lambda d: Fraction(1, d * d), [10, 1000]),
                bears=False,
                note=r"$c\ge1/d$ for semidefinite matrices, so 0.1 is below what $d<10$ allows and far above the least "
                "value of a large one. The rotated ill-conditioned matrices of figure 2 have c of about 0.04.",
            ),
        ),
    ),
]
