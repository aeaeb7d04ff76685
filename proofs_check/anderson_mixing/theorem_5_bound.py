"""Theorem 5: the bound (24) by exact moments and by simulation; its proof is in :mod:`.theorem_5_proof`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import StochasticAnderson, VarianceReduced

from ..checks.bounds import coefficient_signs
from ..checks.search import ForAll, for_all
from ..claim import Budget, Evidence, Exact, Sampled
from .theorem_5_proof import decrease_proof

E_HIGH = Fraction(27183, 10000)  # e is below
E_LOW = Fraction(27182, 10000)  # e is above


def condition(mu0: Any, mu: Any, kappa: Any, lip: Any, n: Any, e: Any) -> Any:
    """Left side of the condition on ``nu``; ``kappa = (1 + 1/C)^(1/2)``."""
    k = (2 * lip + 1 / mu) * (e - 1) / lip
    return mu0 * mu / (2 * kappa) - 2 * mu0**2 * n - mu0**2 * k - 2 * mu0**3 * k * n


def right_side(t23: Any, lip: Any, drop: Any, q: Any, loops: Any, n: Any, nu: Any) -> Any:
    """Of (24): ``T^(2/3) L (f(x_0) - f_low) / (q N n nu)``."""
    return t23 * lip * drop / (q * loops * n * nu)


def inner_steps(mu0: Any, kappa: Any, lip: Any, n: int, terms: int, t23: Any) -> tuple[Any, int]:
    """Step ``beta`` and number ``q`` of inner loops for ``T = terms``; ``t23 = T^(2/3)``."""
    return mu0 * n / (lip * kappa * t23), floor(terms / (mu0 * n * (6 + 2 / (lip * kappa))))


@dataclass(frozen=True)
class Smoothness:
    """``scale`` times (24), L being a constant of each single gradient (``individual``) or only of their mean."""

    individual: bool
    scale: Fraction = Fraction(1)


VR_REPLAY = """
from fractions import Fraction
v = {k: float(Fraction(str(x))) for k, x in witness.items()}
h, M, beta = v["mean"], v["M"], v["beta"]
total, square = 0.0, v["x0"] ** 2
for k in range(int(v["N"])):
    snapshot = cross = square  # E x~^2, E x x~
    for t in range(int(v["q"])):
        total += h * h * square
        noise = beta**2 * M**2 * (square - 2 * cross + snapshot)
        square, cross = (1 - beta * h) ** 2 * square + noise, (1 - beta * h) * cross
violated = total / (v["q"] * v["N"]) > v["right"] * (1 + 1e-9)
"""


def second_moments(lip: Any, spread: Any, beta: Any, q: int, loops: int, start: Any) -> list[Any]:
    """``E x_t^2`` of all inner points for ``f_i = (L +- M) x^2 / 2``, n = 1, alpha = 0, by recursion of moments."""
    square = start**2
    found = []
    for _ in range(loops):
        snapshot = cross = square
        for _ in range(q):
            found.append(square)
            noise = beta**2 * spread**2 * (square - 2 * cross + snapshot)
            square, cross = (1 - beta * lip) ** 2 * square + noise, (1 - beta * lip) * cross
    return found


def by_paths(lip: Any, spread: Any, beta: Any, q: int, loops: int, start: Any) -> list[float]:
    """The same by all sign sequences, points in floating point."""
    signs = np.array(list(product((-1.0, 1.0), repeat=q * loops)))
    x = np.full(len(signs), float(start))
    found = []
    for k in range(q * loops):
        if k % q == 0:
            snapshot = x
        found.append(float(np.mean(x**2)))
        g = (lip + signs[:, k] * spread) * x - (lip + signs[:, k] * spread) * snapshot + lip * snapshot
        x = x - beta * g
    return found


def by_matrix(lip: float, spread: float, beta: float, q: int, loops: int, start: float) -> float:
    """Mean of ``E x_t^2`` over the inner points from powers of the 4 x 4 matrix of ``(x^2, x x~, x~^2, sum x^2)``."""
    one, noise = 1 - beta * lip, (beta * spread) ** 2
    inner = np.array([[one**2 + noise, -2 * noise, noise, 0], [0, one, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]])
    loop = np.linalg.matrix_power(inner, q) @ np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    return float((np.linalg.matrix_power(loop, loops) @ np.array([start**2, 0, 0, 0]))[3]) / (q * loops)


def variance_reduced_bound(statement: Smoothness, budget: Budget) -> list[Evidence]:
    """``T = 64`` quadratics of curvature ``mean +- M``, n = 1, alpha = 0: exact second moments against (24)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for lip, kappa, mu, loops in product(
            (Fraction(1, 2), Fraction(1), Fraction(4)), (Fraction(2), Fraction(11, 10)),
            (Fraction(1, 2), Fraction(9, 10)),
            (1, 2),
        ):  # fmt: skip
            k = (2 * lip + 1 / mu) * (E_HIGH - 1) / lip
            mu0 = (mu / (2 * kappa) / (4 + 2 * k)).limit_denominator(10**4)  # nearly the best
            nu = condition(mu0, mu, kappa, lip, 1, E_HIGH)
            if not 0 < nu < 1:
                raise ValueError(f"nu must lie in (0, 1), got {nu}")
            beta, q = inner_steps(mu0, kappa, lip, 1, 64, 16)
            shares = (Fraction(1), Fraction(1, 2), Fraction(1, 10))
            pairs = [(lip * s, lip * (1 - s)) for s in shares]
            if not statement.individual:
                pairs += [(lip, lip * 10**j) for j in range(1, 5)]
            for mean, spread in pairs:
                yield {
                    "L": lip, "kappa": kappa, "mu": mu, "mu0": mu0, "nu": nu, "beta": beta, "q": q, "N": loops,
                    "T": 64, "mean": mean, "M": spread, "x0": Fraction(1),
                    "right": statement.scale * right_side(16, lip, mean / 2, q, loops, 1, nu),
                }  # fmt: skip

    def sides(point: Any) -> tuple[float, float]:
        mean, spread, beta, start = (float(point[k]) for k in ("mean", "M", "beta", "x0"))
        squares = second_moments(mean, spread, beta, point["q"], point["N"], start)
        return mean**2 * sum(squares) / len(squares) / float(point["right"]), 1.0

    def again(point: Any) -> tuple[float, float]:
        mean, spread, beta = (float(point[k]) for k in ("mean", "M", "beta"))
        value = mean**2 * by_matrix(mean, spread, beta, point["q"], point["N"], 1.0)
        return value / float(point["right"]), 1.0

    methods = ("moments by recursion", "powers of the moment matrix")

    def proof(budget: Budget) -> list[Evidence]:
        t23, lip, drop, q, loops, n, nu = sp.symbols("T23 L D q N n nu", positive=True)
        summed = drop / (q * loops * (n * nu / (lip * t23)))  # every point lowers f by n nu / (L T^(2/3)) |grad f|^2
        scaled = sp.Rational(str(statement.scale)) * right_side(t23, lip, drop, q, loops, n, nu)
        steps = {"6. the sum over all points is not above (24)": coefficient_signs(scaled - summed)[1]}
        return [*decrease_proof(condition, budget), Exact("symbolic", steps)]

    individual = proof if statement.individual else None
    return for_all(ForAll(points, sides, "<=", again, VR_REPLAY, methods, (1e-6, 1e-6), proof=individual), budget)


def simulated_runs(scale: float, budget: Budget) -> list[Evidence]:
    """Algorithm 2 on sums of T quadratics in four dimensions, damping on: ``scale`` times (24), with intervals.

    Each ``A_i`` has its spectrum in [-L/2, L], so that every single gradient is L-Lipschitz and some terms are concave.
    """
    data: dict[str, Any] = {}
    slack, bad, runs = float("inf"), 0, budget.pick(16, 48)
    for samples, batch, c, mu in budget.pick(
        ((16, 1, 1.0, 0.9),), ((64, 1, 1.0, 0.9), (64, 4, 0.1, 0.9), (128, 2, 5.0, 0.5))
    ):
        lip, kappa, rng = 1.0, (1 + 1 / c) ** 0.5, np.random.default_rng(samples + batch)
        k = (2 * lip + 1 / mu) * (float(E_HIGH) - 1) / lip
        mu0 = mu / (2 * kappa) / (2 * (2 * batch + k + 2 * k * batch))
        nu = condition(mu0, mu, kappa, lip, batch, float(E_HIGH))
        beta, q = inner_steps(mu0, kappa, lip, batch, samples, samples ** (2 / 3))
        rotations = np.linalg.qr(rng.standard_normal((samples, 4, 4)))[0]
        hessians = rotations @ (rng.uniform(-lip / 2, lip, (samples, 4, 1)) * np.swapaxes(rotations, -1, -2))
        mean = hessians.mean(axis=0)
        if np.linalg.eigvalsh(mean)[0] <= 0:
            raise ValueError("the mean Hessian must be positive definite: f needs a lower bound")
        inner = StochasticAnderson(3, beta, min(1.0, beta**0.5), regularization=c / beta**2, positivity=mu)
        rule = VarianceReduced(inner)
        x = np.ones((runs, 4))
        state, squares, start = rule.init(x), [], 0.5 * float(np.ones(4) @ mean @ np.ones(4))
        for _ in range(2):
            state = rule.take_snapshot(x, x @ mean, state)
            for _ in range(q):
                squares.append(np.sum((x @ mean) ** 2, axis=-1))
                drawn = hessians[rng.integers(samples, size=(batch, runs))].mean(axis=0)

                def gradient(y: np.ndarray, drawn: np.ndarray = drawn) -> np.ndarray:
                    return np.einsum("rij,rj->ri", drawn, y)

                x, state = rule.step(x, gradient(x), state, gradient_fn=gradient)
        means = np.mean(squares, axis=0)
        left = float(means.mean() + 3.0 * means.std(ddof=1) / runs**0.5)
        right = scale * right_side(samples ** (2 / 3), lip, start, q, 2, batch, nu)
        data[f"T {samples}, n {batch}, C {c:g}, mu {mu:g}"] = {"left": left, "bound": right, "q": q, "nu": nu}
        slack, bad = min(slack, 1 - left / right), bad + (left > right)
    return [Sampled("simulated runs of Algorithm 2", len(data), bad, slack, "upper ends at 3 standard errors", data)]
