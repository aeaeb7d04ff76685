"""Runs of Algorithm 1 under the conditions of its theorems, on a quadratic whose constants are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from optassay.arrays import context, standard_normal, to_numpy
from optassay.optimizers import StochasticAnderson
from quadratics import StochasticQuadratic


def conforming_rule(steps: Any, c: float, mu: float, memory: int = 5) -> StochasticAnderson:
    """SAM with ``delta_k = C beta_k^-2``, the largest damping of (18b) and the check (14).

    Parameters
    ----------
    steps : callable
        ``k = 0, 1, ...`` to ``beta_k``, a number or an array over the batch.
    """

    def beta(t: int) -> Any:
        return steps(t - 1)

    return StochasticAnderson(
        mixing=beta,
        damping=lambda t: np.minimum(1.0, np.sqrt(beta(t))),
        regularization=lambda t: c / beta(t) ** 2,
        positivity=mu,
        memory=memory,
        solver="gram",
    )


def squared_gradients(
    problem: StochasticQuadratic, rule: StochasticAnderson, start: Any, steps: int, batch: int, rng: Any
) -> np.ndarray:
    """``|grad f(x_k)|^2`` for ``k = 0, ..., steps - 1``, shape (steps, ...), with mean gradients of ``batch`` samples.

    Raises
    ------
    ValueError
        ``steps`` or ``batch`` below 1.
    """
    if steps < 1 or batch < 1:
        raise ValueError(f"steps and batch must be at least 1, got {steps} and {batch}")
    ctx = context(start=start)
    xp = ctx.xp
    generator = np.random.default_rng(rng)
    x, state, found = start, rule.init(start), []
    for _ in range(steps):
        gradient = problem.gradient(x)
        found.append(to_numpy(xp.vecdot(gradient, gradient)))
        # The mean of n draws of the target: N(x*, nu^2 I / n), seen through the Hessian.
        noise = problem.apply_hessian(standard_normal(generator, tuple(x.shape), ctx))
        x, state = rule.step(x, gradient + float(problem.noise_std) / batch**0.5 * noise, state)
    return np.stack(found)
