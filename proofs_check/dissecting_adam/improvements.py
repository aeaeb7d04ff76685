"""Section 2.1 and B.1: improvements of SGD and SSD on the stochastic quadratic, (12), (20)-(22)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.gaussian import gaussian_expectation
from ..checks.rational import fractions, positive_definite, sign_vectors, solve
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Witness
from .directions import GaussianLaw, check_gradient_law, stochastic_gradient, symbolic_problem

# SGD: (12) left, (20)


def _improvement_sgd(stated: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    """``stated(slope, curvature, offset)``: ||grad||^2, grad^T Q grad, nu^2 sum lambda^3."""
    statement = ForAll(
        points=_noisy_points,
        sides=lambda p: (_exact_gain(p), stated(*_sgd_moments(p))),
        relation="==",
        again=lambda p: (_searched_gain(p), float(stated(*_sgd_moments(p)))),
        replay=SGD_REPLAY,
        methods=("exact second moments by enumeration", "line search over the enumerated mean loss"),
        margins=(0.0, 1e-6),
        proof=lambda budget: _improvement_sgd_proof(stated, budget),
    )
    # The value that failed belongs to the witness: its replay recomputes the improvement only.
    found = for_all(statement, budget)
    return [
        Witness(dict(e.point) | {"stated": e.first.right}, e.first, e.second, e.replay) if isinstance(e, Witness) else e
        for e in found
    ]


def _improvement_sgd_proof(stated: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    steps = {}
    for dim in range(1, budget.pick(3, 4)):
        q, delta, _, xi, nu = symbolic_problem(dim)
        g, mean = stochastic_gradient(q, delta, xi, nu), q * delta
        second = gaussian_expectation((g.T * q * g)[0], xi)
        curvature, offset = (mean.T * q * mean)[0], nu**2 * (q**3).trace()
        steps[f"E[g^T Q g] = grad^T Q grad + nu^2 tr Q^3, d = {dim}"] = is_zero(second - curvature - offset)
    a, b, c = sp.symbols("a b c", positive=True)
    steps["(11) with these moments"] = is_zero(stated(a, b, c) - a**2 / (2 * (b + c)))
    # Any d: E[g_i g_j] = grad_i grad_j + cov_ij, summed against q_ij, is grad^T Q grad + tr(Q cov).
    e1, e2, e3 = sp.symbols("e1:4")
    companion = sp.Matrix([[0, 0, e3], [1, 0, -e2], [0, 1, e1]])
    roots = sp.symbols("l1:4")
    vieta = {e1: sum(roots), e2: roots[0] * roots[1] + roots[0] * roots[2] + roots[1] * roots[2], e3: sp.prod(roots)}
    steps["tr Q^3 = sum of cubed eigenvalues, d = 3"] = is_zero(
        (companion**3).trace().subs(vieta) - sum(r**3 for r in roots)
    )
    return [Exact("symbolic", steps)]


def _noisy_points(budget: Budget) -> Iterator[dict[str, Any]]:
    for dim in range(1, budget.pick(3, 4)):
        for q, nu in product(positive_definite(dim, budget.pick(3, 8), seed=dim), (Fraction(0), Fraction(3, 2))):
            yield {"hessian": q.tolist(), "delta": [Fraction(k + 1, 2) * (-1) ** k for k in range(dim)], "nu": nu}


def _sgd_moments(p: Mapping[str, Any]) -> tuple[Fraction, Fraction, Fraction]:
    q, delta = fractions(p["hessian"]), fractions(p["delta"])
    g = q @ delta
    return g @ g, g @ q @ g, Fraction(p["nu"]) ** 2 * np.trace(q @ q @ q)


def _enumerated(p: Mapping[str, Any]) -> list[np.ndarray]:
    """Stochastic gradients with fair signs for the normals: mean and second moments are those of the Gaussian."""
    q, delta = fractions(p["hessian"]), fractions(p["delta"])
    return [q @ (delta - Fraction(p["nu"]) * xi) for xi in sign_vectors(len(delta))]


def _exact_gain(p: Mapping[str, Any]) -> Fraction:
    q, draws = fractions(p["hessian"]), _enumerated(p)
    slope = sum(g @ (q @ fractions(p["delta"])) for g in draws) / len(draws)
    return slope**2 / (2 * sum(g @ q @ g for g in draws) / len(draws))


def _searched_gain(p: Mapping[str, Any]) -> float:
    return line_search(p["hessian"], p["delta"], _enumerated(p))


def line_search(hessian: Any, delta: Any, directions: list[np.ndarray]) -> float:
    """Largest mean decrease of delta^T Q delta / 2 along the directions, by Brent's method on the step."""
    from scipy.optimize import minimize_scalar

    q, start = fractions(hessian).astype(float), fractions(delta).astype(float)
    moves = np.array([d.astype(float) for d in directions])

    def mean_loss(step: float) -> float:
        ends = start + step * moves
        return float(np.mean(np.sum(ends * (ends @ q), axis=-1)) / 2)

    found = minimize_scalar(mean_loss, bracket=(-1.0, 1.0), options={"xtol": 1e-10})
    return mean_loss(0.0) - float(found.fun)


SGD_REPLAY = """
from fractions import Fraction as F
from itertools import product
Q = [[F(v) for v in row] for row in witness["hessian"]]
delta, nu = [F(v) for v in witness["delta"]], F(witness["nu"])
dot = lambda a, b: sum(x * y for x, y in zip(a, b))
times = lambda v: [dot(row, v) for row in Q]
draws = [times([d - nu * x for d, x in zip(delta, xi)]) for xi in product((1, -1), repeat=len(delta))]
slope = sum(dot(g, times(delta)) for g in draws) / len(draws)
second = sum(dot(g, times(g)) for g in draws) / len(draws)
violated = slope**2 / (2 * second) != F(witness["stated"])
"""


def _realised_decrease(stated: Callable[[Any], Any], budget: Budget) -> list[Evidence]:
    """Mean decrease of the loss in simulated optimal steps against ``stated(expected improvement)``, five errors."""
    from quadratics import StochasticQuadratic, expected_improvement, optimal_step_size

    count, violations, slack, worst = budget.pick(4000, 40_000), 0, np.inf, []
    cases = list(figure_2_problems(budget.pick(1, 4)))
    for name, hessian in cases:
        problem = StochasticQuadratic(hessian, np.zeros(hessian.shape[-1]), 1.0)
        theta: Any = np.random.default_rng(5).standard_normal(hessian.shape[-1])
        step = optimal_step_size(problem, theta, "gradient")
        rng = np.random.default_rng(6)
        moved = theta + step * problem.sample_gradient(np.broadcast_to(theta, (count, hessian.shape[-1])), rng)
        decrease = problem.loss(theta) - problem.loss(moved)
        error = float(decrease.std()) / count**0.5
        gap = abs(float(decrease.mean()) - float(stated(expected_improvement(problem, theta, "gradient"))))
        violations += gap > 5 * error
        slack = min(slack, 5 - gap / error)
        worst.append(f"{name}: {gap / error:.2f} standard errors")
    effort = f"{count} simulated steps for each of {len(cases)} matrices of size 100"
    return [Sampled("simulation", len(cases), violations, float(slack), effort, {"gaps": worst})]


def figure_2_problems(count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Matrices of figure 2: both spectra, axis-aligned and rotated."""
    from quadratics import ill_conditioned_eigenvalues, random_rotation, well_conditioned_eigenvalues

    for seed in range(count):
        rng = np.random.default_rng(seed)
        for name, draw in (("well", well_conditioned_eigenvalues), ("ill", ill_conditioned_eigenvalues)):
            values = draw(100, rng)
            rotation = random_rotation(100, rng)
            rotated = (rotation * values) @ rotation.T
            yield f"{name}-conditioned, axis-aligned", np.diag(values)
            yield f"{name}-conditioned, rotated", (rotated + rotated.T) / 2


# SSD: (12) right, (21), (22)

SignBound = Callable[[Any, list[list[Any]]], Any]


def _sign_bound(bound: SignBound, budget: Budget) -> list[Evidence]:
    """``bound(slope, Q) <= I(s)``: exactly without noise for every sign vector, then in general by termwise bounds."""
    statement = ForAll(
        points=_sign_points,
        sides=lambda p: (bound(_slope(p), _rows(p)), _slope(p) ** 2 / (2 * _sign_form(p))),
        relation="<=",
        again=lambda p: (
            float(bound(_slope(p), _rows(p))),
            line_search(p["hessian"], p["delta"], [fractions(p["signs"])]),
        ),
        replay=SIGN_REPLAY,
        methods=("exact arithmetic, (11) without noise", "line search along the signs"),
        margins=(0.0, 1e-6),
        proof=lambda budget: _sign_bound_proof(bound),
    )
    found = for_all(statement, budget)
    return [
        Witness(dict(e.point) | {"bound": e.first.left}, e.first, e.second, e.replay) if isinstance(e, Witness) else e
        for e in found
    ]


def _sign_bound_proof(bound: SignBound) -> list[Evidence]:
    steps = {}
    slope = sp.Symbol("A", positive=True)
    for dim in (1, 2, 3):
        rows = [[sp.Symbol(f"q_{min(i, j)}{max(i, j)}", real=True) for j in range(dim)] for i in range(dim)]
        mass = sum(abs(entry) for row in rows for entry in row)
        steps[f"bound is A^2 / (2 sum_ij |q_ij|), d = {dim}"] = is_zero(bound(slope, rows) - slope**2 / (2 * mass))
    q = sp.Symbol("q", positive=True)
    steps["termwise q_ij s_i s_j <= |q_ij| for signs in {-1, 0, 1}"] = all(
        (sign * q * si * sj - q).subs(q, 1) <= 0 for sign in (1, -1) for si in (-1, 0, 1) for sj in (-1, 0, 1)
    )
    rho, grad = sp.symbols("rho g", positive=True)
    # E[s_i] = (2 rho - 1) sign(grad_i): grad_i E[s_i] = (2 rho_i - 1) |grad_i|.
    steps["grad_i E[s_i] = (2 rho_i - 1) |grad_i|"] = all(
        is_zero(sign * grad * (2 * rho - 1) * sign - (2 * rho - 1) * grad) for sign in (1, -1)
    )
    return [Exact("symbolic", steps)]


def _sign_points(budget: Budget) -> Iterator[dict[str, Any]]:
    for dim in range(1, budget.pick(4, 5)):
        for q in positive_definite(dim, budget.pick(4, 20), seed=dim):
            for s in sign_vectors(dim):
                gradient = s * fractions(range(1, dim + 1))
                yield {"hessian": q.tolist(), "signs": list(s), "delta": list(solve(q, gradient))}


def _rows(p: Mapping[str, Any]) -> list[list[Fraction]]:
    return fractions(p["hessian"]).tolist()


def _slope(p: Mapping[str, Any]) -> Fraction:
    gradient: np.ndarray = fractions(p["hessian"]) @ fractions(p["delta"])
    return sum((abs(v) for v in gradient), Fraction(0))


def _sign_form(p: Mapping[str, Any]) -> Fraction:
    s = fractions(p["signs"])
    return s @ fractions(p["hessian"]) @ s


SIGN_REPLAY = """
from fractions import Fraction as F
Q = [[F(v) for v in row] for row in witness["hessian"]]
s, delta = [F(v) for v in witness["signs"]], [F(v) for v in witness["delta"]]
dot = lambda a, b: sum(x * y for x, y in zip(a, b))
slope = sum(abs(dot(row, delta)) for row in Q)
violated = F(witness["bound"]) > slope**2 / (2 * dot(s, [dot(row, s) for row in Q]))
"""


@dataclass(frozen=True)
class IndexedSum:
    """A sum over entries of Q and s next to s^T Q s; ``column`` is a value of the index that the sum leaves free."""

    value: Callable[[list[list[Any]], list[Any], int], Any]
    relation: str


def _chain(statement: IndexedSum, budget: Budget) -> list[Evidence]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for p in _sign_points(budget):
            for column in range(len(p["signs"])):
                yield {"hessian": p["hessian"], "signs": p["signs"], "column": column}

    def stated(p: Mapping[str, Any]) -> Any:
        return statement.value(_rows(p), [Fraction(v) for v in p["signs"]], p["column"])

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        q, s = np.array(_rows(p), dtype=float), np.array(p["signs"], dtype=float)
        return float(np.einsum("i,ij,j", s, q, s)), float(stated(p))

    found = for_all(
        ForAll(
            points=points,
            sides=lambda p: (_sign_form(p), stated(p)),
            relation=statement.relation,  # type: ignore[arg-type]
            again=again,
            replay=CHAIN_REPLAY[statement.relation],
            proof=lambda budget: _chain_proof(statement),
        ),
        budget,
    )
    return [
        Witness(dict(e.point) | {"stated": e.first.right}, e.first, e.second, e.replay) if isinstance(e, Witness) else e
        for e in found
    ]


CHAIN_REPLAY = {
    relation: """
from fractions import Fraction as F
Q = [[F(v) for v in row] for row in witness["hessian"]]
s = [F(v) for v in witness["signs"]]
form = sum(q * a * b for row, a in zip(Q, s) for q, b in zip(row, s))
"""
    + test
    for relation, test in (
        ("==", "violated = form != F(witness['stated'])"),
        ("<=", "violated = form > F(witness['stated'])"),
    )
}


def _chain_proof(statement: IndexedSum) -> list[Evidence]:
    steps = {}
    for dim in (1, 2, 3):
        rows = [[sp.Symbol(f"q_{min(i, j)}{max(i, j)}", real=True) for j in range(dim)] for i in range(dim)]
        for s in sign_vectors(dim):
            signs = [int(v) for v in s]
            form = sum(rows[i][j] * signs[i] * signs[j] for i in range(dim) for j in range(dim))
            for column in range(dim):
                gap = statement.value(rows, signs, column) - form
                if statement.relation == "==":  # the form is nonnegative, its absolute value the form itself
                    gap = (statement.value(rows, signs, column) - abs(form)).subs(abs(form), form)
                    held = is_zero(gap.replace(sp.Abs, lambda x: x)) if isinstance(gap, sp.Expr) else gap == 0
                else:  # |q| - q s s is 0 or 2 |q| at either sign of q
                    held = all(
                        coefficient >= 0
                        for pattern in product((1, -1), repeat=dim * (dim + 1) // 2)
                        for coefficient in _coefficients(gap, rows, pattern)
                    )
                steps[f"d = {dim}, s = {signs}, free index {column}"] = held
    return [Exact("symbolic", steps)]


def _coefficients(gap: Any, rows: list[list[Any]], pattern: tuple[int, ...]) -> list[Any]:
    entries = sorted({entry for row in rows for entry in row}, key=str)
    positive = [sp.Symbol(f"p_{k}", positive=True) for k in range(len(entries))]
    value = sp.expand(sp.sympify(gap).subs({e: s * p for e, s, p in zip(entries, pattern, positive, strict=True)}))
    return [sp.Integer(0)] if value == 0 else sp.Poly(value, *positive).coeffs()


def _mass(rows: list[list[Any]]) -> Any:
    return sum(abs(entry) for row in rows for entry in row)


def _column_mass(rows: list[list[Any]], column: int) -> Any:
    return sum(abs(row[column]) for row in rows)


def _looseness(claimed: Callable[[float], bool], budget: Budget) -> list[Evidence]:
    """Ratios I(s) / bound on the figure 2 matrices at delta ~ N(0, s^2 I); ``claimed(ratio)`` must hold for each."""
    from quadratics import StochasticQuadratic, expected_improvement, sign_improvement_bound

    data: dict[str, list[float]] = {}
    for name, hessian in figure_2_problems(budget.pick(1, 4)):
        for scale, nu in ((1.0, 0.0), (1.0, 0.1), (1.0, 4.0)):
            problem = StochasticQuadratic(hessian, np.zeros(100), nu)
            theta = scale * np.random.default_rng(9).standard_normal(100)
            ratio = expected_improvement(problem, theta, "sign") / sign_improvement_bound(problem, theta)
            data.setdefault(f"{name}, nu = {nu}", []).append(float(ratio))
    ratios = [r for values in data.values() for r in values]
    violations = sum(not claimed(r) for r in ratios)
    spread = {name: [min(values), max(values)] for name, values in data.items()}
    return [
        Sampled(
            "exact expectations in floating point",
            len(ratios),
            violations,
            min(ratios) - 1 + 1e-9,
            "figure 2 matrices, start N(0, I), three noise levels",
            {"I(s) / bound": spread},
        )
    ]


CLAIMS = [
    Claim(
        id="dissecting-adam/improvement-sgd",
        location="(12), left",
        statement=r"$\mathcal I(g)=\frac12\frac{(\nabla\mathcal L^T\nabla\mathcal L)^2}{\nabla\mathcal L^TQ"
        r"\nabla\mathcal L+\nu^2\sum_i\lambda_i^3}$.",
        parts=(
            Part(
                "derivation from (11)",
                _improvement_sgd,
                printed=lambda a, b, c: a**2 / (b + c) / 2,
                broken=lambda a, b, c: a**2 / (b + 2 * c) / 2,
                note="Twice smaller than (20), which lacks the factor one half of (11).",
            ),
            Part(
                "realised mean decrease",
                _realised_decrease,
                printed=lambda improvement: improvement,
                broken=lambda improvement: 2 * improvement,
                bears=False,
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/improvement-ssd-bound",
        location="(12), right",
        statement=r"$\mathcal I(s)\ge\frac12\frac{(\sum_i(2\rho_i-1)|\nabla\mathcal L_i|)^2}{\sum_{ij}|q_{ij}|}$.",
        assumptions=(r"any law of $g$ with $\mathbf E[s_i]=(2\rho_i-1)\mathrm{sign}(\nabla\mathcal L_i)$",),
        parts=(
            Part(
                "bound",
                _sign_bound,
                printed=lambda a, q: a**2 / (2 * _mass(q)),
                broken=lambda a, q: a**2 / (2 * sum(q[i][i] for i in range(len(q)))),
                note=r"Equality iff $\nabla\mathcal L=0$ or $s_is_jq_{ij}=|q_{ij}|$ almost surely for all $i\ne j$. "
                r"With Gaussian noise, $\nu>0$ and $Q\succ0$ every sign pattern occurs: iff $Q$ is diagonal "
                r"or $\nabla\mathcal L=0$.",
            ),
            Part(
                "looseness on the matrices of figure 2",
                _looseness,
                printed=lambda ratio: ratio >= 1 - 1e-9,
                broken=lambda ratio: ratio <= 1 + 1e-9,
                bears=False,
                note=r"Tight for diagonal $Q$; on rotated ones the bound is too small by factors of 3.3 to 4.1 "
                r"(both spectra, all three noise levels, start $\mathcal N(0,I)$).",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/improvement-sgd-appendix",
        location="B.1, (20)",
        statement=r"$\mathrm{cov}[g]=\nu^2QQ$, $\mathrm{tr}(Q\,\mathrm{cov}[g])=\nu^2\sum_i\lambda_i^3$, and "
        r"$\mathcal I(g)=\frac{(\nabla\mathcal L^T\nabla\mathcal L)^2}{\nabla\mathcal L^TQ\nabla\mathcal L+\nu^2\sum_i"
        r"\lambda_i^3}$.",
        parts=(
            Part(
                "mean and covariance of g",
                check_gradient_law,
                printed=GaussianLaw(lambda q, d, x, nu: q * d, lambda q, d, x, nu: nu**2 * q * q),
                broken=GaussianLaw(lambda q, d, x, nu: q * d, lambda q, d, x, nu: nu**2 * q),
            ),
            Part(
                "(20)",
                _improvement_sgd,
                printed=lambda a, b, c: a**2 / (b + c),
                broken=lambda a, b, c: a**2 / (b + 2 * c),
                repair=lambda a, b, c: a**2 / (2 * (b + c)),
                repair_note=r"$\mathcal I(g)=\frac12\frac{(\nabla\mathcal L^T\nabla\mathcal L)^2}{\nabla\mathcal L^TQ"
                r"\nabla\mathcal L+\nu^2\sum_i\lambda_i^3}$, as in (12)",
                note="(20) lacks the factor one half of (11): twice the improvement wherever the gradient is not 0.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/improvement-ssd-appendix",
        location="B.1, (21), (22)",
        statement=r"$0\le s^THs=|s^TQs|=|\sum_{i=1}^dq_{ij}s_is_j|\le\sum_{i=1}^d|q_{ij}|$ and "
        r"$\mathcal I(s)\ge(\sum_i(2\rho_i-1)|\nabla\mathcal L_i|)^2/\sum_{i=1}^d|q_{ij}|$. $H$ is read as $Q$; the "
        r"index $j$, over which nothing is summed, as free.",
        parts=(
            Part(
                "(21), equality",
                _chain,
                printed=IndexedSum(lambda q, s, j: abs(sum(q[i][j] * s[i] * s[j] for i in range(len(s)))), "=="),
                broken=IndexedSum(lambda q, s, j: abs(sum(sum(row) for row in q)), "=="),
                repair=IndexedSum(
                    lambda q, s, j: abs(sum(q[i][k] * s[i] * s[k] for i in range(len(s)) for k in range(len(s)))), "=="
                ),
                repair_note=r"$s^TQs=|\sum_{i,j=1}^dq_{ij}s_is_j|$",
                note="The sum runs over $i$ only as printed; already false for diagonal matrices of size two.",
            ),
            Part(
                "(21), bound",
                _chain,
                printed=IndexedSum(lambda q, s, j: _column_mass(q, j), "<="),
                broken=IndexedSum(lambda q, s, j: sum(sum(row) for row in q), "<="),
                repair=IndexedSum(lambda q, s, j: _mass(q), "<="),
                repair_note=r"$s^TQs\le\sum_{i,j=1}^d|q_{ij}|$",
            ),
            Part(
                "(22)",
                _sign_bound,
                printed=lambda a, q: a**2 / _column_mass(q, 0),
                broken=lambda a, q: a**2 / (2 * sum(q[i][i] for i in range(len(q)))),
                repair=lambda a, q: a**2 / (2 * _mass(q)),
                repair_note=r"$\mathcal I(s)\ge\frac12(\sum_i(2\rho_i-1)|\nabla\mathcal L_i|)^2/"
                r"\sum_{i,j=1}^d|q_{ij}|$, as in (12)",
                note="Twice too large even in one dimension, where the index range does not matter: (11) has a "
                "factor one half.",
            ),
            Part(
                "(22) with the sum over both indices",
                _sign_bound,
                printed=lambda a, q: a**2 / _mass(q),
                broken=lambda a, q: a**2 / (2 * sum(q[i][i] for i in range(len(q)))),
                repair=lambda a, q: a**2 / (2 * _mass(q)),
                repair_note="factor one half",
                bears=False,
                note=r"False for every diagonal $Q$ with $\nabla\mathcal L\ne0$, where (12) is an equality.",
            ),
        ),
    ),
]
