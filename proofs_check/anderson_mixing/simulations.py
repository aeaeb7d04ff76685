"""Theorems 1-4 on simulated runs of the update rule: known L, sigma and lower bound, all assumptions met.

``f = sum_i (Q x)_i^2 / (1 + (Q x)_i^2)`` is not convex, with ``L = 2`` and ``f_low = 0``; one sample adds a vector of
length sigma and uniform direction to the gradient, so that Assumption 2 holds with equality everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np

from analysis.mixing.theory import conforming_rule

from ..claim import Budget, Evidence, Sampled
from .one_step import largest_step, sharp_noise

LIPSCHITZ, DIM = 2.0, 10
SETTINGS = ((0.5, 1.0), (0.9, 0.1), (0.1, 5.0))  # mu, C
Z = 3.0  # standard errors demanded of every mean


class Runs(NamedTuple):
    """``f`` (N + 1, runs), ``|grad f|^2`` (N, runs) and the steps (N,)."""

    values: np.ndarray
    squares: np.ndarray
    betas: np.ndarray


@lru_cache(maxsize=64)
def simulate(
    power: float, steps: int, mu: float, c: float, sigma: float, batch: int, runs: int, seed: int, start: float = 1.0
) -> Runs:
    """SAM with ``beta_k = mu / (4 L (1 + 1/C)) (k + 1)^-power``, ``delta_k = C / beta_k^2``, ``alpha_k = min(1,
    beta_k^(1/2))`` shrunk by (14) and memory 5, from a common point at ``start`` times a fixed distance to the minimum.
    """
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    betas = float(largest_step(LIPSCHITZ, mu, c)) * np.arange(1, steps + 1) ** -power
    rule = conforming_rule(lambda k: betas[k], c, mu)
    x = np.broadcast_to(start * np.linspace(0.3, 1.2, DIM) @ q, (runs, DIM)).copy()
    state = rule.init(x)
    values, squares = [], []
    for k in range(steps + 1):
        y = x @ q.T
        values.append(np.sum(y * y / (1 + y * y), axis=-1))
        if k == steps:
            break
        gradient = (2 * y / (1 + y * y) ** 2) @ q
        squares.append(np.sum(gradient**2, axis=-1))
        noise = rng.standard_normal((batch, runs, DIM))
        noise *= sigma / np.linalg.norm(noise, axis=-1, keepdims=True)
        x, state = rule.step(x, gradient + noise.mean(axis=0), state)
    return Runs(np.array(values), np.array(squares), betas)


def _upper(samples: np.ndarray) -> float:
    """Upper end of the interval of a mean."""
    return float(samples.mean() + Z * samples.std(ddof=1) / len(samples) ** 0.5)


@dataclass(frozen=True)
class Simulated:
    """``scale`` times the bound of the named result holds in the mean of simulated runs.

    Attributes
    ----------
    result : {"weighted series", "values", "rate", "constant step"}
        ``sum beta_k |grad f|^2`` behind Theorem 1; (20); (23); the average behind Theorem 4.
    """

    result: Literal["weighted series", "values", "rate", "constant step"]
    scale: float = 1.0


def _sides(result: str, found: Runs, mu: float, c: float, sigma: float, batch: int, r: float) -> tuple[float, float]:
    noise, start = sigma**2 / batch, float(found.values[0, 0])
    top_value = start + float(sharp_noise(LIPSCHITZ, mu, c)) * noise * float(np.sum(found.betas**2))
    count = len(found.betas)
    first = 16 * LIPSCHITZ * (1 + 1 / c) / mu**2
    match result:
        case "weighted series":
            return _upper(found.betas @ found.squares), 4 / mu * top_value
        case "values":
            return max(_upper(row) for row in found.values), top_value
        case "rate":
            tail = (count**-r - r / count) / (1 - r)
            bound = first * top_value * count ** (r - 1) + (1 + 1 / (LIPSCHITZ * mu)) * noise * tail
            return _upper(found.squares.mean(axis=0)), bound
        case _:
            return _upper(found.squares.mean(axis=0)), first * start / count + (1 + 1 / (LIPSCHITZ * mu)) * noise


def simulated(statement: Simulated, budget: Budget) -> list[Evidence]:
    """Left side with its interval against the bound, for several constants, powers of the step and batches."""
    data: dict[str, Any] = {}
    slack, bad = float("inf"), 0
    powers = (0.0,) if statement.result == "constant step" else budget.pick((0.51, 0.99), (0.51, 0.75, 0.99))
    noises = budget.pick(((4.0, 4),), ((1.0, 1), (4.0, 4)))
    start = 0.0 if statement.result == "values" else 1.0  # from the minimum the expectation can only rise
    for (k, (mu, c)), r, (sigma, batch) in product(enumerate(SETTINGS), powers, noises):
        steps, runs = budget.pick(40, 400), budget.pick(24, 64)
        found = simulate(r, steps, mu, c, sigma, batch, runs, k, start)
        left, right = _sides(statement.result, found, mu, c, sigma, batch, r)
        right *= statement.scale
        data[f"mu {mu:g}, C {c:g}, r {r:g}, sigma {sigma:g}, n {batch}"] = {"left": left, "bound": right}
        slack, bad = min(slack, 1 - left / right), bad + (left > right)
    effort = f"upper ends of {Z:g} standard errors; slack relative to the bound"
    return [Sampled("simulated runs of the update rule", len(data), bad, slack, effort, data)]


# With probability one


def falling_gradients(share: Callable[[np.ndarray, int], float], budget: Budget) -> list[Evidence]:
    """Every run: the smallest gradient so far (Theorem 1), and the largest of the last tenth (Theorem 2), keep falling.

    ``share`` gives, of one run's ``|grad f|^2`` and a horizon, the quantity that must fall from N/10 to N.
    """
    horizon, count = budget.pick(300, 3000), budget.pick(24, 64)
    found = simulate(0.51, horizon, 0.9, 10.0, 0.5, 4, count, 7)
    ratios = [share(run, horizon) / share(run, horizon // 10) for run in found.squares.T]
    bad = sum(ratio >= 1 for ratio in ratios)
    effort = f"{horizon} steps; slack: 1 - largest ratio"
    return [Sampled("simulated runs", count, bad, 1 - max(ratios), effort, {"largest ratio": max(ratios)})]


def smallest_so_far(squares: np.ndarray, horizon: int) -> float:
    """``min_(k<N) |grad f|^2``."""
    return float(np.min(squares[:horizon]))


def largest_of_the_last(squares: np.ndarray, horizon: int) -> float:
    """``max |grad f|^2`` over the last tenth before N."""
    return float(np.max(squares[horizon - horizon // 10 : horizon]))
