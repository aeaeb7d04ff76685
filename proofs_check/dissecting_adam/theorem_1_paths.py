"""The proof of theorem 1 along simulated paths of Gaussian quadratics, with exact conditional expectations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optassay.factors import variance_adaptation_factor
from optassay.optimizers import SVAG

from ..claim import Budget, Evidence, Sampled

HESSIANS = {
    "axis-aligned": np.diag([1.0, 0.4, 0.05]),
    "rotated": np.array([[0.6, 0.2, 0.1], [0.2, 0.5, -0.1], [0.1, -0.1, 0.4]]),
    "rotated, ill-conditioned": np.array([[40.0, 9.0, 0.5], [9.0, 3.0, 0.2], [0.5, 0.2, 0.1]]),
}


def along_paths(shares: Mapping[str, float], budget: Budget) -> list[Evidence]:
    """Descent (31), (33), Jensen in (34) and (35) at every point of every path, nu = 1, SVAG with step 1 / L.

    ``shares`` scales the decrease that each inequality promises: 1 is the statement. For f = x^T Q x / 2 the
    conditional expectation E_t f_{t+1} is a closed form in theta_t: no sampling error enters the slacks.
    """
    paths, steps = budget.pick((500, 40), (5000, 300))
    rng = np.random.default_rng(0)
    worst = dict.fromkeys(shares, np.inf)
    checks = violations = 0
    for hessian in HESSIANS.values():
        spectrum = np.linalg.eigvalsh(hessian)
        smooth, convex = float(spectrum[-1]), float(spectrum[0])
        covariance = hessian @ hessian
        variance = np.diag(covariance)
        rule = SVAG(step_size=1 / smooth)
        points = 2 * rng.standard_normal((paths, 3))
        state = rule.init(points)
        for _ in range(steps):
            gradient = points @ hessian
            value = 0.5 * np.sum(gradient * points, axis=1)
            factor = variance_adaptation_factor(np.sqrt(variance) / np.abs(gradient))
            scaled = np.sum(factor * gradient**2, axis=1)
            size = np.sum(gradient**2, axis=1)
            mean_step = factor * gradient / smooth
            spread = np.einsum("ni,ij,nj->n", factor, hessian * covariance, factor) / smooth**2
            after = (
                value
                - np.sum(mean_step * gradient, axis=1)
                + 0.5 * np.einsum("ni,ij,nj->n", mean_step, hessian, mean_step)
                + 0.5 * spread
            )
            noise = np.sum(factor**2 * (gradient**2 + variance), axis=1)
            slacks = {
                "(31)": (value + shares["(31)"] * (noise / 2 - scaled) / smooth - after) / value,
                "(33)": (value - shares["(33)"] * scaled / (2 * smooth) - after) / value,
                "(34)": scaled * (size + variance.sum()) / size**2 - shares["(34)"],
                "(35)": size / (2 * convex * value) - shares["(35)"],
            }
            for name, slack in slacks.items():
                worst[name] = min(worst[name], float(slack.min()))
                checks, violations = checks + slack.size, violations + int(np.sum(slack < -1e-9))
            points, state = rule.step(
                points,
                gradient + rng.standard_normal(points.shape) @ hessian,
                state,
                variance=np.broadcast_to(variance, points.shape).copy(),
                mean=gradient,
            )
    effort = f"{len(HESSIANS)} problems, {paths} paths, {steps} steps"
    slacks_found = {"smallest relative slack": worst}
    return [
        Sampled("simulated paths, exact expectations", checks, violations, min(worst.values()), effort, slacks_found)
    ]
