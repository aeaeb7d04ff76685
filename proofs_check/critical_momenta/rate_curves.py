"""Section 3.2, figure 3: the curves of optimal rates, where they end, where they cross and what they leave open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spectral import (
    OptimalRate,
    RateCertificate,
    crossing_points,
    gap_constant,
    optimal_rate,
    stability_intervals,
    verify_rate,
)

from ..claim import Budget, Evidence, Sampled, Way, Witness
from .stability import over_interval


@lru_cache(maxsize=512)
def best(kappa: float, size: int, momentum: float | None = None) -> OptimalRate:
    return optimal_rate(kappa, size, momentum)


@dataclass(frozen=True)
class Steps:
    """At momentum 0 and this kappa and C, the best rate is reached by exactly one step size."""

    kappa: float
    size: int


REPLAY_STEPS = """
from spectral import RateCertificate, optimal_rate, verify_rate
found = optimal_rate(witness["kappa"], witness["size"])
bound = found.certified_upper + 1e-11
violated = all(verify_rate(RateCertificate(step, found.momentum, 1.0, witness["kappa"], witness["size"], bound))
               for step in (witness["low"], witness["high"])) and witness["high"] > 1.001 * witness["low"]
"""


def best_step_is_unique(statement: Steps, budget: Budget) -> list[Evidence]:
    """Two step sizes more than a part in a thousand apart with one certified rate, or the smallest change of rate."""
    del budget
    kappa, size = statement.kappa, statement.size
    found = best(kappa, size)
    bound = found.certified_upper + 1e-11
    factors = np.linspace(0.97, 1.03, 13)
    rates = [over_interval(found.step_size * f, found.momentum, 1.0, kappa, size) for f in factors]
    serving = [found.step_size * float(f) for f, r in zip(factors, rates, strict=True) if r <= bound]
    if max(serving) > 1.001 * min(serving):
        ends = [RateCertificate(step, found.momentum, 1.0, kappa, size, bound) for step in (min(serving), max(serving))]
        certified = sum(verify_rate(c) for c in ends)
        return [
            Witness(
                point={"kappa": kappa, "size": size, "low": min(serving), "high": max(serving), "rate": found.rate},
                first=Way("certificates at both step sizes", certified, "<=", 1),
                second=Way(
                    "steps with the best rate in floating point, high / low", max(serving) / min(serving), "<=", 1.001
                ),
                replay=REPLAY_STEPS,
            )
        ]
    slack = min(r - found.rate for f, r in zip(factors, rates, strict=True) if abs(f - 1.0) > 1e-3)
    return [Sampled("rates at other step sizes", len(factors), 0, slack, "step sizes within 3 % of the best")]


@dataclass(frozen=True)
class Crossings:
    """The optimal rates of two buffer sizes cross once on 1 < kappa < 1e4, within ``width`` of the given kappa."""

    places: dict[tuple[int, int], float]
    width: float


def curves_cross(statement: Crossings, budget: Budget) -> list[Evidence]:
    """The computed crossing, and certified upper bounds on either side that are in the stated order."""
    slack, count, violations = np.inf, 0, 0
    data = {}
    for (small, large), kappa in list(statement.places.items())[: budget.pick(2, 10)]:
        found = crossing_points(small, large, largest=1e4, points=budget.pick(40, 400))
        data[f"C = {small}, {large}"] = found
        below = best(0.95 * kappa, large).rate - best(0.95 * kappa, small).certified_upper
        above = best(1.05 * kappa, small).rate - best(1.05 * kappa, large).certified_upper
        count += 2
        violations += (below <= 0) + (above <= 0) + (len(found) != 1 or abs(found[0] / kappa - 1.0) > statement.width)
        slack = min(slack, below, above)
    effort = "both curves compared at rates on a grid, and the sign change bisected"
    return [Sampled("crossing points", count, min(int(violations), count), float(slack), effort, data)]


CROSSINGS = Crossings({(1, 2): 10.3727, (1, 5): 13.0586, (2, 5): 13.9807, (5, 10): 99.8889}, 1e-5)


@dataclass(frozen=True)
class LeadingConstants:
    """lim kappa (1 - rate) over all momenta, by buffer size."""

    constants: dict[int, float]


def leading_constants(statement: LeadingConstants, budget: Budget) -> list[Evidence]:
    """The largest of 2 s / (1 - beta) over momenta, against certified rates at kappa = 1e6 and a scan of momenta."""
    slack, count, violations = np.inf, 0, 0
    data = {}
    for size, claimed in statement.constants.items():
        scan = max(
            2.0 * stability_intervals(float(beta), size)[0][1] / (1.0 - float(beta))
            for beta in np.linspace(0.0, 0.99, budget.pick(8, 100))
        )
        certified = 1e6 * (1.0 - best(1e6, size).certified_upper)
        exponent = math.log(certified / 1e6 / (1.0 - best(1e5, size).rate)) / math.log(10.0)
        data[f"C = {size}"] = {"limit": gap_constant(size), "at 1e6": certified, "exponent from 1e5": exponent}
        count += 4
        violations += abs(exponent + 1.0) > 0.01
        violations += abs(gap_constant(size) - claimed) > 1e-3
        violations += scan > claimed + 1e-9
        violations += abs(certified / claimed - 1.0) > 5e-3
        slack = min(slack, claimed - scan)
    effort = "exact stability intervals over a grid of momenta; one certified rate per size"
    return [Sampled("leading constants", count, int(violations), float(slack), effort, data)]


CONSTANTS = LeadingConstants({1: 2.0, 2: 4.0, 3: 7.2542, 5: 13.0589, 10: 23.4766, 20: 45.3747})
