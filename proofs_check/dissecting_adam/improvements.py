"""Section 2.1 and B.1: improvement of SGD on the stochastic quadratic, (12) left and (20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.gaussian import gaussian_expectation
from ..checks.rational import fractions, positive_definite, sign_vectors
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


CLAIMS = [
    Claim(
        id="dissecting-adam/improvement-sgd",
        location="(12), left",
        statement=r"$\mathcal I(g)=\frac12\frac{(\nabla\mathcal L^T\nabla\mathcal L)^2}{\nabla\mathcal "
        r"L^TQ\nabla\mathcal L+\nu^2\sum_i\lambda_i^3}$.",
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
        id="dissecting-adam/improvement-sgd-appendix",
        location="B.1, (20)",
        statement=r"$\mathrm{cov}[g]=\nu^2QQ$, $\mathrm{tr}(Q\,\mathrm{cov}[g])=\nu^2\sum_i\lambda_i^3$, and $\mathcal "
        r"I(g)=\frac{(\nabla\mathcal L^T\nabla\mathcal L)^2}{\nabla\mathcal L^TQ\nabla\mathcal "
        r"L+\nu^2\sum_i\lambda_i^3}$.",
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
                broken=lambda a, b, c: a**2 / (3 * (b + c)),
                repair=lambda a, b, c: a**2 / (2 * (b + c)),
                repair_note=r"$\mathcal I(g)=\frac12\frac{(\nabla\mathcal L^T\nabla\mathcal L)^2}{\nabla\mathcal "
                r"L^TQ\nabla\mathcal L+\nu^2\sum_i\lambda_i^3}$, as in (12)",
                note="(20) lacks the factor one half of (11): twice the improvement wherever the gradient is not 0.",
            ),
        ),
    ),
]
