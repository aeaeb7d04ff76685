"""Facts behind figure 2: the runs as computed, their scaling, rates, rotation invariance, SSD inside the noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions, rotations
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Evidence, Exact, Sampled
from .improvements import figure_2_problems
from .panels import NOISE_FREE, panel

# The set-up


def scaling(statement: Mapping[str, Callable[..., Any]], budget: Budget) -> list[Evidence]:
    """Degrees of homogeneity of the optimal steps in (delta, nu): runs from (c delta, c nu) are c times those."""
    c, a, b, s, nu, d, q = sp.symbols("c a b s nu d q", positive=True)
    # At scale one: a = ||grad||^2, b = grad^T Q grad, s = sum lambda^3, d = sum |grad| (2 rho - 1), q = E[s^T Q s].
    gradient = lambda k: statement["gradient"](k**2 * a, k**2 * b, (k * nu) ** 2 * s)  # noqa: E731
    sign = lambda k: statement["sign"](k * d, q)  # noqa: E731
    return symbolic_identity(
        {
            "SGD: same step size, so that delta - alpha Q (delta - nu xi) scales": Identity(gradient(c), gradient(1)),
            "SSD: rho is unchanged, the step size and with it delta - alpha s scale": Identity(sign(c), c * sign(1)),
        },
        budget,
    )


def optimal_first_steps(stated: Callable[[Any], Any], budget: Budget) -> list[Evidence]:
    """Mean decrease in one step of the study against ``stated(I(z))``, six standard errors, all noisy panels."""
    from quadratics import StochasticQuadratic, compare_directions, expected_improvement

    runs, violations, slack, count = budget.pick(400, 4000), 0, np.inf, 0
    for _, hessian in figure_2_problems(budget.pick(1, 2)):
        for nu in (0.1, 4.0):
            problem = StochasticQuadratic(hessian, np.zeros(100), nu)
            theta = np.random.default_rng(3).standard_normal(100)
            found = compare_directions(problem, np.broadcast_to(theta, (runs, 100)), 1, np.random.default_rng(4))
            for name, path in (("gradient", found.gradient), ("sign", found.sign)):
                decrease = np.asarray(path[0] - path[1])
                error = float(decrease.std()) / runs**0.5
                gap = abs(float(decrease.mean()) - float(stated(expected_improvement(problem, theta, name)))) / error
                violations, slack, count = violations + (gap > 6), min(slack, 6 - gap), count + 1
    effort = f"{count} cells (matrix, noise, method) of {runs} one-step runs"
    return [Sampled("simulation", count, int(violations), float(slack), effort)]


def panel_table(direction: int, budget: Budget) -> list[Evidence]:
    """Medians of all panels; between the first and the last step they must fall (``direction`` -1) for s >= nu."""
    table: dict[str, dict[str, float]] = {}
    slopes: dict[str, float] = {}
    violations, count, slack = 0, 0, np.inf
    for spectrum in ("well", "ill"):
        for rotated in (False, True):
            for noisy in (False, True):
                p = panel(spectrum, rotated, noisy, budget)
                for k, start in enumerate(p.starts):
                    for method, values in (("SGD", p.gradient), ("SSD", p.sign)):
                        medians = np.median(values[:, k], axis=-1)
                        name = f"{spectrum}-conditioned, {'rotated' if rotated else 'axis-aligned'}, "
                        name += f"{'nu = 0' if start == NOISE_FREE else f's = {start:g} nu'}, {method}"
                        table[name] = dict(zip(map(str, p.horizons), medians.round(2).tolist(), strict=True))
                        if start == NOISE_FREE:
                            per_step = (medians[-2] - medians[-1]) / (p.horizons[-1] - p.horizons[-2])
                            slopes[name] = round(float(per_step), 4)
                        if start >= 1:
                            fall = direction * float(medians[-1] - medians[0])
                            violations, slack, count = violations + (fall <= 0), min(slack, fall), count + 1
    effort = f"{count} panels and methods with s >= nu"
    data = {"median log10(f - f*)": table, "decades per step, from 100 to 500 steps": slopes}
    return [Sampled("simulation", count, violations, float(slack), effort, data)]


# Exact facts behind the sentences


def gradient_rate(rate: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    """Noise-free optimal steps multiply f by ``rate(m, M)`` at most, spectrum in [m, M], and attain it."""
    del budget
    m, x, y, w, v = sp.symbols("m x y w v", positive=True)
    big, lam = m + x + y, m + x
    steps = {
        "(lambda - m)(M - lambda) >= 0: lambda + m M / lambda <= m + M": is_zero(
            (m + big) - (lam + m * big / lam) - x * y / lam
        ),
        "4 m M A B <= (A + m M B)^2 (Kantorovich)": is_zero(
            (w + m * big * v) ** 2 - 4 * m * big * w * v - (w - m * big * v) ** 2
        ),
        "1 - 4 m M / (m + M)^2 is the stated rate": is_zero(1 - 4 * m * big / (m + big) ** 2 - rate(m, big)),
    }
    # Equal gradient components on m and M attain it.
    g2, gq, gi = 2, m + big, 1 / m + 1 / big
    steps["attained"] = is_zero(1 - sp.Integer(g2) ** 2 / (gq * gi) - rate(m, big))
    worst = rate(Fraction(1, 10), Fraction(11, 10))
    data = {"rate on the well-conditioned problem": worst, "decades per step": float(-np.log10(float(worst)))}
    return [Exact("symbolic", steps, data)]


def rotation_invariance(sign: bool, budget: Budget) -> list[Evidence]:
    """Whether one optimal step commutes with rotations: (R L R^T, R delta, R xi) moves to R times the move."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for dim in (2, 3):
            for k, rotation in enumerate(rotations(dim, budget.pick(4, 20), seed=dim)):
                yield {
                    "eigenvalues": [Fraction(j + 1, 2) for j in range(dim)],
                    "rotation": rotation.tolist(),
                    "delta": [Fraction(3 - 2 * j, 2) for j in range(dim)],
                    "noise": [Fraction((k + j) % 3 - 1) for j in range(dim)],
                    "nu": 0 if sign else Fraction(1, 2),
                }

    def sides(p: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
        lam, turn = fractions(p["eigenvalues"]), fractions(p["rotation"])
        delta, noise, nu = fractions(p["delta"]), fractions(p["noise"]), Fraction(p["nu"])
        moved = _exact_step((turn * lam) @ turn.T, turn @ delta, turn @ noise, nu, sign)
        return moved[0], (turn @ _exact_step(np.diag(lam), delta, noise, nu, sign))[0]

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        left, right = sides(p)
        return float(left), float(right)

    statement = ForAll(points, sides, "==", again, "violated = False", proof=_invariants)
    return for_all(statement, budget)


def _exact_step(q: np.ndarray, delta: np.ndarray, noise: np.ndarray, nu: Fraction, sign: bool) -> np.ndarray:
    slope = q @ delta
    move = slope - nu * (q @ noise)
    if sign:  # noise-free, where signs are certain
        move = fractions([(v > 0) - (v < 0) for v in move])
        return delta - (slope @ move) / (move @ q @ move) * move
    return delta - (slope @ slope) / (slope @ q @ slope + nu**2 * np.trace(q @ q @ q)) * move


def _invariants(budget: Budget) -> list[Evidence]:
    del budget
    c, s = sp.symbols("c s")
    lam, delta = sp.diag(*sp.symbols("l0:2")), sp.Matrix(sp.symbols("d0:2"))
    turn = sp.Matrix([[c, -s], [s, c]])
    q, slope, turned = turn * lam * turn.T, lam * delta, turn * lam * turn.T * turn * delta
    pairs = {
        "||grad||^2": (turned.dot(turned), slope.dot(slope)),
        "grad^T Q grad": (turned.dot(q * turned), slope.dot(lam * slope)),
        "tr Q^3": ((q**3).trace(), (lam**3).trace()),
    }
    # Any d: the step size is made of inner products and a trace, the move is linear, and R xi has the law of xi.
    return [
        Exact(
            "symbolic",
            {
                f"{name} is invariant, d = 2": sp.rem(sp.expand(a - b), s**2 + c**2 - 1, s) == 0
                for name, (a, b) in pairs.items()
            },
        )
    ]


def inside_noise(constant: Any, budget: Budget) -> list[Evidence]:
    """Axis-aligned SSD with |delta| << nu: 1/e_t = 1/e_0 + constant t / (nu^2 tr Q)."""
    from quadratics import (
        StochasticQuadratic,
        compare_directions,
        ill_conditioned_eigenvalues,
        well_conditioned_eigenvalues,
    )

    d, nu = sp.symbols("delta nu", positive=True)
    e, trace = sp.symbols("e T", positive=True)
    slope = sp.limit(sp.erf(d / (sp.sqrt(2) * nu)) * nu / d, nu, sp.oo)  # 2 rho - 1 ~ slope |delta| / nu
    improvement = (slope * 2 * e / nu) ** 2 / (2 * trace)  # sum lambda |delta| (2 rho - 1) = slope 2 e / nu
    steps = {"I(s) -> constant e^2 / (nu^2 tr Q)": is_zero(improvement - constant * e**2 / (nu**2 * trace))}
    ratios = {}
    horizon = budget.pick(400, 2000)
    for name, draw in (("well", well_conditioned_eigenvalues), ("ill", ill_conditioned_eigenvalues)):
        for scale in (0.1, 0.3):
            values = draw(100, np.random.default_rng(0))
            runs = 64
            problem = StochasticQuadratic(np.diag(values), np.zeros(100), 1.0)
            start = scale * np.random.default_rng(1).standard_normal((runs, 100))
            mean = np.asarray(compare_directions(problem, start, horizon, 2).sign).mean(axis=-1)
            law = 1 / (1 / mean[0] + float(constant) * np.arange(horizon + 1) / values.sum())
            ratios[f"{name}-conditioned, s = {scale} nu"] = [float((mean / law).min()), float((mean / law).max())]
    violations = sum(not (low > 0.7 and high < 1.05) for low, high in ratios.values())
    effort = f"64 runs of {horizon} steps each, mean over law"
    slack = min(min(low - 0.7, 1.05 - high) for low, high in ratios.values())
    return [
        Exact("symbolic", steps),
        Sampled("simulation", len(ratios), violations, slack, effort, {"range of e_t / law": ratios}),
    ]
