"""Sections 2 and 2.1: the stochastic quadratic and the optimal step along a direction, (9)-(11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ..checks.gaussian import gaussian_expectation
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness


def symbolic_problem(dim: int) -> tuple[sp.Matrix, sp.Matrix, sp.Matrix, list[sp.Symbol], sp.Symbol]:
    """Symmetric Q, delta, x*, standard normals xi and nu; x = x* + nu xi, theta = x* + delta."""
    q = sp.Matrix(dim, dim, lambda i, j: sp.Symbol(f"q_{min(i, j)}{max(i, j)}"))
    delta, optimum = (sp.Matrix(dim, 1, lambda i, _, n=name: sp.Symbol(f"{n}_{i}")) for name in ("delta", "x"))
    return q, delta, optimum, [sp.Symbol(f"xi_{i}") for i in range(dim)], sp.Symbol("nu")


def stochastic_gradient(q: sp.Matrix, delta: sp.Matrix, xi: list[sp.Symbol], nu: sp.Symbol) -> sp.Matrix:
    return q * (delta - nu * sp.Matrix(xi))


# (9) and the law of the stochastic gradient


def _loss(constant: Callable[[sp.Matrix, sp.Symbol], sp.Expr], budget: Budget) -> list[Evidence]:
    steps = {}
    for dim in range(1, budget.pick(4, 5)):
        q, delta, _, xi, nu = symbolic_problem(dim)
        u = delta - nu * sp.Matrix(xi)
        stated = (delta.T * q * delta)[0] / 2 + constant(q, nu)
        steps[f"expected loss, d = {dim}"] = is_zero(gaussian_expectation((u.T * q * u)[0] / 2, xi) - stated)
        slope = [sp.diff(stated, delta[i]) - (q * delta)[i] for i in range(dim)]
        steps[f"gradient is Q delta, d = {dim}"] = all(map(is_zero, slope))
    _, delta, _, xi, nu = symbolic_problem(2)
    pair = [(delta[i] - nu * xi[i]) * (delta[j] - nu * xi[j]) for i, j in ((0, 0), (0, 1))]
    # Any d: the loss is sum_ij q_ij u_i u_j / 2 and only these two kinds of entries occur.
    steps["entry i = j: E[u_i^2] = delta_i^2 + nu^2"] = is_zero(
        gaussian_expectation(pair[0], xi) - delta[0] ** 2 - nu**2
    )
    steps["entry i != j: E[u_i u_j] = delta_i delta_j"] = is_zero(
        gaussian_expectation(pair[1], xi) - delta[0] * delta[1]
    )
    return [Exact("symbolic", steps)]


@dataclass(frozen=True)
class GaussianLaw:
    """Mean and covariance of the stochastic gradient as functions of (Q, delta, x*, nu)."""

    mean: Callable[..., sp.Matrix]
    covariance: Callable[..., sp.Matrix]


LAW_REPLAY = """
from fractions import Fraction as F
Q = [[F(v) for v in row] for row in witness["hessian"]]
delta, nu = [F(v) for v in witness["delta"]], F(witness["nu"])
i, j = witness["entry"]
dot = lambda a, b: sum(x * y for x, y in zip(a, b))
exact = dot(Q[i], delta) if j is None else nu**2 * dot(Q[i], Q[j])
violated = exact != F(witness["stated"])
"""


def check_gradient_law(law: GaussianLaw, budget: Budget) -> list[Evidence]:
    steps = {}
    for dim in range(1, budget.pick(3, 4) + 1):
        q, delta, optimum, xi, nu = symbolic_problem(dim)
        g = stochastic_gradient(q, delta, xi, nu)
        mean = g.applyfunc(lambda e, xi=xi: gaussian_expectation(e, xi))
        centred = g - mean
        covariance = (centred * centred.T).applyfunc(lambda e, xi=xi: gaussian_expectation(e, xi))
        gaps = {
            "mean": mean - law.mean(q, delta, optimum, nu),
            "covariance": covariance - law.covariance(q, delta, optimum, nu),
        }
        for name, gap in gaps.items():
            steps[f"{name}, d = {dim}"] = all(is_zero(entry) for entry in gap)
            if not steps[f"{name}, d = {dim}"] and dim == 2:
                return [Exact("symbolic", steps), _law_witness(law, name)]
    return [Exact("symbolic", steps)]


def _law_witness(law: GaussianLaw, name: str) -> Witness:
    from quadratics import StochasticQuadratic

    hessian, point, centre, noise = (
        sp.Matrix([[2, 1], [1, 3]]),
        sp.Matrix([1, -2]),
        sp.Matrix([5, 7]),
        sp.Rational(3, 2),
    )
    i, j = (0, None) if name == "mean" else (0, 1)
    if j is None:
        exact, stated = (hessian * point)[i], law.mean(hessian, point, centre, noise)[i]
    else:
        exact, stated = (noise**2 * hessian * hessian)[i, j], law.covariance(hessian, point, centre, noise)[i, j]
    exact, stated = Fraction(str(exact)), Fraction(str(stated))
    count = 40_000
    problem = StochasticQuadratic(
        np.array(hessian.tolist(), dtype=float), np.array(centre.tolist(), dtype=float)[:, 0], float(noise)
    )
    theta = np.array((centre + point).tolist(), dtype=float)[:, 0]
    draws = problem.sample_gradient(np.broadcast_to(theta, (count, 2)), 0)
    if j is None:
        values = draws[:, i]
    else:
        values = (draws[:, i] - draws[:, i].mean()) * (draws[:, j] - draws[:, j].mean())
    margin = 6 * float(values.std()) / count**0.5
    return Witness(
        point={
            "hessian": hessian.tolist(),
            "delta": list(point),
            "optimum": list(centre),
            "nu": Fraction(str(noise)),
            "entry": [i, j],
            "stated": stated,
        },
        first=Way("exact moments of the linear image of a Gaussian", exact, "==", stated),
        second=Way(
            f"mean of {count} sampled gradients, six standard errors", float(values.mean()), "==", float(stated), margin
        ),
        replay=LAW_REPLAY,
    )


# (10), (11)


def _optimal_step(statement: Mapping[str, Callable[[Any, Any], Any]], budget: Budget) -> list[Evidence]:
    steps = {}
    alpha, slope, curvature = sp.symbols("alpha A C")
    for dim in range(1, budget.pick(4, 5)):
        q, delta, _, _, nu = symbolic_problem(dim)
        z = sp.Matrix(sp.symbols(f"z_0:{dim}"))

        def loss(d: sp.Matrix, q: sp.Matrix = q, nu: sp.Symbol = nu) -> sp.Expr:
            return (d.T * q * d)[0] / 2 + nu**2 * q.trace() / 2

        expanded = loss(delta) + alpha * ((q * delta).T * z)[0] + alpha**2 / 2 * (z.T * q * z)[0]
        steps[f"(10) holds for every z, d = {dim}"] = is_zero(loss(delta + alpha * z) - expanded)
    best, gain = statement["step"](slope, curvature), statement["improvement"](slope, curvature)
    square = curvature / 2 * (alpha - best) ** 2 - gain
    steps["A alpha + C alpha^2 / 2 = C/2 (alpha - step)^2 - improvement"] = is_zero(
        alpha * slope + alpha**2 * curvature / 2 - square
    )
    # Singular Q = F^T F: (grad^T z)^2 <= (delta^T Q delta)(z^T Q z), so that a zero denominator has a zero numerator.
    u, w = sp.symbols("u_0:3"), sp.symbols("w_0:3")
    lagrange = sum((u[i] * w[j] - u[j] * w[i]) ** 2 for i in range(3) for j in range(i))
    gap = sum(a**2 for a in u) * sum(b**2 for b in w) - sum(a * b for a, b in zip(u, w, strict=True)) ** 2
    steps["E[z^T Q z] = 0 forces grad^T z = 0 almost surely"] = is_zero(gap - lagrange)
    return [Exact("symbolic", steps)]


CLAIMS = [
    Claim(
        id="dissecting-adam/model-problem-loss",
        location="(9)",
        statement=r"$\mathcal L(\theta)=\frac12\delta^TQ\delta+\frac{\nu^2}2\mathrm{tr}\,Q$, $\nabla\mathcal "
        r"L=Q\delta$.",
        parts=(
            Part(
                "expectation and gradient",
                _loss,
                printed=lambda q, nu: nu**2 * q.trace() / 2,
                broken=lambda q, nu: nu**2 * q.trace(),
                note="Exact moments for generic $Q$; the entrywise steps cover every $d$.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/model-problem-gradient-law",
        location="section 2, model problem",
        statement=r"$g(\theta)=Q(\theta-x)\sim\mathcal N(x^*,\nu^2I)$.",
        assumptions=(r"$Q\in\mathbb R^{d\times d}$ (printed $\mathbb R^d$) symmetric positive definite",),
        parts=(
            Part(
                "mean and covariance",
                check_gradient_law,
                printed=GaussianLaw(lambda q, d, x, nu: x, lambda q, d, x, nu: nu**2 * sp.eye(q.rows)),
                broken=GaussianLaw(lambda q, d, x, nu: q * x, lambda q, d, x, nu: nu**2 * q),
                repair=GaussianLaw(lambda q, d, x, nu: q * d, lambda q, d, x, nu: nu**2 * q * q),
                repair_note=r"$g(\theta)\sim\mathcal N(Q\delta,\nu^2QQ)$",
                note=r"The printed law is that of $x$. It is the law of $g$ only where $Q=I$ and $\delta=x^*$ (or "
                r"$\nu=0$ and $Q\delta=x^*$). (12) and B.1 use the repaired one.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/optimal-step-and-improvement",
        location="(10), (11)",
        statement=r"$\mathbf E\mathcal L(\theta+\alpha z)=\mathcal L+\alpha\nabla\mathcal L^T\mathbf "
        r"Ez+\frac{\alpha^2}2\mathbf E[z^TQz]$; $\alpha_*=-\nabla\mathcal L^T\mathbf Ez/\mathbf E[z^TQz]$; $\mathcal "
        r"I(z)=(\nabla\mathcal L^T\mathbf Ez)^2/(2\mathbf E[z^TQz])$.",
        assumptions=(r"$z$ has second moments and $\mathbf E[z^TQz]>0$",),
        parts=(
            Part(
                "expansion, minimiser, improvement",
                _optimal_step,
                printed={"step": lambda a, c: -a / c, "improvement": lambda a, c: a**2 / (2 * c)},
                broken={"step": lambda a, c: -a / c, "improvement": lambda a, c: a**2 / c},
                note=r"For every law of $z$, by completing the square, so the minimiser is unique. $\mathbf "
                "E[z^TQz]=0$ with $Q$ positive definite means $z=0$ almost surely: no step changes the loss, "
                r"$\alpha_*$ is $0/0$.",
            ),
        ),
    ),
]
