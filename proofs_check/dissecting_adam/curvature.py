"""Section 2.1: how the orientation of the eigenbasis enters the bound for the sign update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions, positive_definite, rotations
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from .improvements import line_search

NO_REPLAY = "raise AssertionError('a finding without a counterexample has nothing to replay')"


def _oriented_points(budget: Budget) -> Iterator[dict[str, Any]]:
    """Spectra and rational eigenbases: axis-aligned first, then rotations."""
    for dim in range(2, budget.pick(4, 6)):
        spectrum = [Fraction(k * k + 1, 2) for k in range(dim)]
        yield {"eigenvalues": spectrum, "basis": np.eye(dim, dtype=int).tolist()}
        for rotation in rotations(dim, budget.pick(6, 30), seed=dim):
            yield {"eigenvalues": spectrum, "basis": rotation.tolist()}


def _assembled(p: Mapping[str, Any]) -> np.ndarray:
    basis = fractions(p["basis"])
    return (basis * fractions(p["eigenvalues"])) @ basis.T


def mass(matrix: np.ndarray) -> Any:
    return sum(abs(entry) for entry in matrix.flat)


# sum |q_ij| <= sum lambda_i ||v_i||_1^2, ||v||_1 <= sqrt(d) ||v||_2


def _eigenvector_bound(right: Callable[[list[Any], list[list[Any]]], Any], budget: Budget) -> list[Evidence]:
    """``right(eigenvalues, eigenvectors)``, eigenvectors as lists."""

    def sides(p: Mapping[str, Any]) -> tuple[Any, Any]:
        return mass(_assembled(p)), right(list(p["eigenvalues"]), fractions(p["basis"]).T.tolist())

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        basis, values = fractions(p["basis"]).astype(float), np.array(p["eigenvalues"], dtype=float)
        q = np.einsum("ik,k,jk->ij", basis, values, basis)
        return float(np.abs(q).sum()), float(right(values.tolist(), basis.T.tolist()))

    return for_all(
        ForAll(_oriented_points, sides, "<=", again, NO_REPLAY, proof=lambda budget: _eigenvector_proof(right)), budget
    )


def _eigenvector_proof(right: Callable[[list[Any], list[list[Any]]], Any]) -> list[Evidence]:
    steps = {}
    for dim in (2, 3):
        values = list(sp.symbols(f"l0:{dim}", positive=True))
        vectors = [list(sp.symbols(f"v{k}_0:{dim}", real=True)) for k in range(dim)]
        # |q_ij| = |sum_k l_k v_ki v_kj| <= sum_k l_k |v_ki| |v_kj|, summed over i and j.
        triangle = sum(values[k] * abs(vectors[k][i]) * abs(vectors[k][j]) for k, i, j in product(range(dim), repeat=3))
        steps[f"right side is the termwise triangle inequality, d = {dim}"] = is_zero(right(values, vectors) - triangle)
    return [Exact("symbolic", steps)]


def _norm_bound(constant: Callable[[int], int], budget: Budget) -> list[Evidence]:
    steps = {}
    for dim in range(1, budget.pick(6, 9)):
        a = sp.symbols(f"a0:{dim}", nonnegative=True)
        gap = constant(dim) * sum(x**2 for x in a) - sum(a) ** 2
        squares = sum((a[i] - a[j]) ** 2 for i in range(dim) for j in range(i))
        steps[f"d ||v||_2^2 - ||v||_1^2 is a sum of squares, zero iff all |v_i| agree, d = {dim}"] = is_zero(
            gap - squares
        )
    d = sp.Symbol("d", positive=True)
    # Any d: each |v_i|^2 occurs in d - 1 of the pairs, each product once.
    steps["coefficient of |v_i|^2 for any d"] = is_zero((constant(d) - 1) - (d - 1))
    return [Exact("symbolic", steps)]


def _equality_cases(aligned: Callable[[Any, Any], bool], budget: Budget) -> list[Evidence]:
    """``aligned(mass, right)`` must hold exactly for the axis-aligned bases of positive definite matrices."""
    steps = {}
    for k, p in enumerate(_oriented_points(budget)):
        q = _assembled(p)
        columns = fractions(p["basis"]).T
        right = sum(lam * sum(abs(x) for x in v) ** 2 for lam, v in zip(p["eigenvalues"], columns, strict=True))
        axis = all(sum(x != 0 for x in v) == 1 for v in columns)
        steps[f"basis {k}, d = {len(q)}, axis-aligned: {axis}"] = aligned(mass(q), right) == axis
    # Equality needs v_ki v_kj of one sign for all k; rows of an orthogonal matrix make sum_k v_ki v_kj = 0 for i != j,
    # so that all of them vanish and every eigenvector has one entry.
    return [Exact("rational", steps, instances=len(steps))]


# Axis-aligned as the best case


def _smallest_mass(functional: Callable[[np.ndarray], Any], budget: Budget) -> list[Evidence]:
    """Diagonal Q has the smallest ``functional`` among all orientations of its spectrum, and only it."""
    statement = ForAll(
        points=_oriented_points,
        sides=lambda p: (functional(np.diag(fractions(p["eigenvalues"]))), functional(_assembled(p))),
        relation="<=",
        again=lambda p: (
            float(functional(np.diag(np.array(p["eigenvalues"], dtype=float)))),
            float(functional(_assembled(p).astype(float))),
        ),
        replay=NO_REPLAY,
        proof=lambda budget: [_mass_is_at_least_trace(functional, budget)],
    )
    return for_all(statement, budget)


def _mass_is_at_least_trace(functional: Callable[[np.ndarray], Any], budget: Budget) -> Exact:
    steps = {}
    for k, p in enumerate(_oriented_points(budget)):
        q = _assembled(p)
        trace, diagonal = sum(p["eigenvalues"]), all(q[i, j] == 0 for i in range(len(q)) for j in range(i))
        excess = sum(abs(q[i, j]) for i in range(len(q)) for j in range(len(q)) if i != j)
        steps[f"case {k}: mass = trace + off-diagonal mass, equal to the trace iff diagonal"] = (
            np.trace(q) == trace and functional(q) == trace + excess and (excess == 0) == diagonal
        )
    for dim in (2, 3):
        entries = np.array(
            [[sp.Symbol(f"q_{min(i, j)}{max(i, j)}", real=True) for j in range(dim)] for i in range(dim)]
        )
        steps[f"what is compared is the sum of |q_ij|, d = {dim}"] = is_zero(functional(entries) - mass(entries))
    lam, r = sp.symbols("l0:3", positive=True), sp.symbols("r0:3", real=True)
    # Any orientation: q_ii = sum_k l_k r_ik^2 > 0, hence sum |q_ii| = tr Q = sum l_k, and the rest is >= 0.
    entry = sum(value * x**2 for value, x in zip(lam, r, strict=True))
    steps["diagonal entries are nonnegative combinations of the eigenvalues"] = bool(entry.is_nonnegative)
    return Exact("rational", steps)


def _mass_range(largest: Callable[[int], Any], budget: Budget) -> list[Evidence]:
    """``1 <= sum |q_ij| / tr Q <= largest(d)``, the upper end attained by semidefinite matrices only (d >= 2)."""
    statement = ForAll(
        points=lambda budget: (
            {"hessian": q.tolist()}
            for dim in range(2, budget.pick(5, 7))
            for q in [*positive_definite(dim, budget.pick(6, 40), seed=dim), fractions(np.ones((dim, dim), dtype=int))]
        ),
        sides=lambda p: (
            mass(fractions(p["hessian"])),
            largest(len(p["hessian"])) * np.trace(fractions(p["hessian"])),
        ),
        relation="<=",
        again=lambda p: (
            float(np.abs(np.array(p["hessian"], dtype=float)).sum()),
            float(largest(len(p["hessian"]))) * float(np.trace(np.array(p["hessian"], dtype=float))),
        ),
        replay=MASS_REPLAY,
        proof=lambda budget: [_mass_range_proof(largest, budget)],
    )
    return for_all(statement, budget)


MASS_REPLAY = """
from fractions import Fraction as F
Q = [[F(v) for v in row] for row in witness["hessian"]]
mass, trace = sum(abs(v) for row in Q for v in row), sum(Q[i][i] for i in range(len(Q)))
violated = mass > (len(Q) - 1) * trace
"""


def _mass_range_proof(largest: Callable[[int], Any], budget: Budget) -> Exact:
    a, p, q, r = sp.symbols("a p q r")
    steps = {}
    for sign in (1, -1):  # 2 |q_ij| <= q_ii + q_jj, strictly if Q is positive definite
        form = sp.expand((sp.Matrix([[1, -sign]]) * sp.Matrix([[p, q], [q, r]]) * sp.Matrix([1, -sign]))[0])
        steps[f"(e_i - ({sign}) e_j)^T Q (e_i - ({sign}) e_j) = q_ii + q_jj - 2 ({sign}) q_ij"] = is_zero(
            form - p - r + 2 * sign * q
        )
    d = sp.Symbol("d", positive=True)
    # sum_ij (q_ii + q_jj) / 2 = d tr Q; (1 - a) I + a 1 1^T, 0 <= a < 1, has every ratio of [1, d).
    ratio = (d + d * (d - 1) * a) / d
    steps["ratio of (1 - a) I + a 1 1^T is 1 + (d - 1) a: from 1 at a = 0 to d at a = 1"] = (
        is_zero(ratio - 1 - (d - 1) * a) and ratio.subs(a, 0).equals(1) and is_zero(ratio.subs(a, 1) - largest(d))
    )
    return Exact("certificate", steps)


def _pointwise_best(ceiling: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    """I(s) of a rotated problem is at most ``ceiling(I(s) axis-aligned, suboptimality)``, without noise, d = 2."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        # |a| != |b|: no gradient component is zero in either basis, so that sign(0) plays no part.
        for delta in ((1, 2), (3, 2), (1, 3), (-1, 3), (3, -2)):
            yield {"hessian": [[2, 1], [1, 2]], "delta": list(delta)}

    def rotated(p: Mapping[str, Any]) -> Fraction:
        q, delta = fractions(p["hessian"]), fractions(p["delta"])
        g = q @ delta
        s = np.array([Fraction(1 if v >= 0 else -1) for v in g], dtype=object)
        return (g @ s) ** 2 / (2 * (s @ q @ s))

    def aligned(p: Mapping[str, Any]) -> Fraction:
        # Eigenvalues 3 and 1 with coordinates (a + b) / sqrt 2 and (a - b) / sqrt 2; (sum |grad_i|)^2 is rational.
        a, b = (Fraction(v) for v in p["delta"])
        return (3 * abs(a + b) + abs(a - b)) ** 2 / (4 * 4)

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        q, delta = np.array(p["hessian"], dtype=float), np.array(p["delta"], dtype=float)
        values, vectors = np.linalg.eigh(q)
        left = line_search(q, delta, [np.where(q @ delta >= 0, 1.0, -1.0)])
        inner = vectors.T @ delta
        best = line_search(np.diag(values), inner, [np.where(values * inner >= 0, 1.0, -1.0)])
        return left, float(ceiling(best, float(delta @ q @ delta / 2)))

    def sides(p: Mapping[str, Any]) -> tuple[Any, Any]:
        q, delta = fractions(p["hessian"]), fractions(p["delta"])
        return rotated(p), ceiling(aligned(p), delta @ q @ delta / 2)

    statement = ForAll(points, sides, "<=", again, POINTWISE_REPLAY, margins=(0.0, 1e-6), exhaustive=True)
    return for_all(statement, budget)


POINTWISE_REPLAY = """
from fractions import Fraction as F
a, b = (F(v) for v in witness["delta"])
g = (2 * a + b, a + 2 * b)
s = [1 if v >= 0 else -1 for v in g]
rotated = (abs(g[0]) + abs(g[1])) ** 2 / (2 * (4 + 2 * s[0] * s[1]))
violated = rotated > (3 * abs(a + b) + abs(a - b)) ** 2 / F(16)
"""


CLAIMS = [
    Claim(
        id="dissecting-adam/absolute-sum-eigenvector-bound",
        location="2.1",
        statement=r"$\sum_{ij}|q_{ij}|\le\sum_k\lambda_k\|v_k\|_1^2$ and $\|v\|_1\le\sqrt d\,\|v\|_2$.",
        assumptions=(r"$Q$ symmetric positive semidefinite, $v_k$ orthonormal eigenvectors",),
        parts=(
            Part(
                "mass against eigenvectors",
                _eigenvector_bound,
                printed=lambda lam, v: sum(x * sum(abs(e) for e in vec) ** 2 for x, vec in zip(lam, v, strict=True)),
                broken=lambda lam, v: sum(x * sum(e**2 for e in vec) for x, vec in zip(lam, v, strict=True)),
            ),
            Part(
                "norms",
                _norm_bound,
                printed=lambda d: d,
                broken=lambda d: d - 1,
                note=r"Equality iff all $|v_i|$ agree.",
            ),
            Part(
                "equality iff axis-aligned (positive definite Q)",
                _equality_cases,
                printed=lambda mass, right: mass == right,
                broken=lambda mass, right: mass <= right,
                bears=False,
                note="For semidefinite $Q$ also otherwise, e.g. rank one. On the rotated matrices of figure 2 the "
                "right side is too large by factors of 13 to 14 (well-conditioned) and 2.9 (ill-conditioned).",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/axis-aligned-is-best-case",
        location="2.1",
        statement=r"Among all orientations of a spectrum, diagonal $Q$ ($\|v_i\|_1=1$) is best for the sign update. "
        r"Judged for what the text compares, the denominator $\sum_{ij}|q_{ij}|$ of the bound: it is smallest iff $Q$ "
        "is diagonal.",
        parts=(
            Part(
                "smallest mass iff diagonal",
                _smallest_mass,
                printed=mass,
                broken=lambda q: sum(entry**2 for entry in q.flat),
                note=r"$\sum_{ij}|q_{ij}|\ge\sum_iq_{ii}=\mathrm{tr}\,Q$ with equality iff $Q$ is diagonal.",
            ),
            Part(
                "range of sum |q_ij| / tr Q",
                _mass_range,
                printed=lambda d: d,
                broken=lambda d: d - 1,
                bears=False,
                note="$[1,d]$ for semidefinite $Q$, upper end for the matrix of ones (up to signs); $[1,d)$ for "
                r"positive definite $Q$, $d\ge2$; every value is attained by $(1-a)I+a11^T$.",
            ),
            Part(
                "the improvement itself at a given start is largest when axis-aligned",
                _pointwise_best,
                printed=lambda aligned, suboptimality: aligned,
                broken=lambda aligned, suboptimality: aligned / 2,
                sound=lambda aligned, suboptimality: suboptimality,
                bears=False,
                note=r"False pointwise: close to an eigenvector $(1,1)$ one sign step nearly reaches the optimum. At "
                r"$\delta=(1,2)$, $Q=I+11^T$ it gains $27/4$, against $25/4$ axis-aligned.",
            ),
        ),
    ),
]
