"""Seconds of one step of Adam, Adam+CG and Adam+CM over the buffer size C and the number of parameters d.

One thread, float64. Run: python benchmarks/critical_step.py [--sizes D ...] [--capacities C ...]
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from _common import report, side_by_side

from optassay.optimizers import Adam, AdamCriticalGradients, AdamCriticalMomenta, Rule

STEPS = 60  # buffers of up to 20 are full for most of them


def steps(rule: Rule, gradients: np.ndarray) -> None:
    """``STEPS`` steps through the given gradients, over and over."""
    params = np.zeros(gradients.shape[-1])
    state = rule.init(params)
    for t in range(STEPS):
        params, state = rule.step(params, gradients[t % len(gradients)], state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 30_000, 1_000_000])
    parser.add_argument("--capacities", type=int, nargs="+", default=[1, 5, 20])
    given = parser.parse_args()
    rows = []
    for size, capacity in itertools.product(given.sizes, given.capacities):
        gradients = np.random.default_rng(0).standard_normal((4, size))
        rules = {
            "Adam": Adam(0.001),
            "Adam+CG": AdamCriticalGradients(0.001, capacity=capacity),
            "Adam+CM": AdamCriticalMomenta(0.001, capacity=capacity),
        }
        seconds = side_by_side(
            {name: lambda rule=rule, g=gradients: steps(rule, g) for name, rule in rules.items()}, repeats=5
        )
        rows.append(
            {"d": size, "C": capacity}
            | {f"{name}, us": s / STEPS * 1e6 for name, s in seconds.items()}
            | {"CM / CG": seconds["Adam+CM"] / seconds["Adam+CG"], "CM / Adam": seconds["Adam+CM"] / seconds["Adam"]}
        )
    report("critical_step", rows, "ratios of medians of the same run")


if __name__ == "__main__":
    main()
