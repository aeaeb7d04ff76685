"""Mean and law of exit times against noise and measure: by a Markov chain without sampling, and by Euler steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from analysis.exit_times import exit_times, exponential_mean, inside_box
from analysis.landscapes import Valley
from analysis.stable_exit import Drift, exit_laplace, mean_exit_time, small_noise_rate
from analysis.stable_flow import StableFlow

from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact, Sampled, Way, Witness

LOW, HIGH = -1.0, 1.0
CELLS = 800  # of the finest grid; a quarter of it for the quick budget
PATHS = 150


def _downhill(valley: Valley) -> Drift:
    return lambda x: -valley.gradient(x[:, None])[:, 0]


drift = _downhill(Valley())  # of the flow on x^2/2 with unit preconditioner


# --- scaling of the mean ---


@dataclass(frozen=True)
class Scaling:
    """``E Gamma = Theta(upsilon^power)``: the quotient varies by at most ``factor`` over upsilon from 0.3 to 0.01.

    The flow is ``dx = -x dt + upsilon dL`` on (-1, 1), so that the measure of the escaping set is fixed; ``power`` is a
    function of p.
    """

    power: Callable[[Any], Any]
    factor: float = 3.0


SCALING_REPLAY = """
from proofs_check.adamomentum.exit_scaling import PATHS, simulated_mean
means = [simulated_mean(v, witness["p"], PATHS, 1)[0] for v in witness["upsilon"]]
power = witness["power"]
quotients = [m / v ** power for m, v in zip(means, witness["upsilon"])]
violated = max(quotients) > witness["factor"] * min(quotients)
"""


def simulated_mean(scale: float, index: float, paths: int, seed: int) -> tuple[float, float, float]:
    """Mean exit time and its 95 % interval by Euler steps, each at most 0.05 and a hundredth of the expected mean."""
    expected = 1.0 / small_noise_rate(scale, index, LOW, HIGH)
    dt = min(0.05, expected / 100)
    flow = StableFlow(Valley(), scale, index, dt)
    found = exit_times(flow, np.zeros((paths, 1)), inside_box(LOW, HIGH), int(6 * expected / dt), seed)
    return tuple(dt * v for v in exponential_mean(found))  # type: ignore[return-value]


def scales(s: Scaling, budget: Budget) -> list[Evidence]:
    """Means by the Markov chain for several p; a quotient that varies more is simulated by Euler steps too."""
    grid = (0.3, 0.1, 0.03, 0.01)
    slopes, spread, table = {}, {}, {}
    for index in budget.pick((1.5, 0.8), (1.5, 0.5, 0.8, 1.0, 1.2, 1.8)):
        means = [mean_exit_time(drift, v, index, LOW, HIGH, cells=budget.pick(CELLS // 4, CELLS)).value for v in grid]
        table[index] = [round(m, 2) for m in means]
        quotients = [m / v ** float(s.power(index)) for m, v in zip(means, grid, strict=True)]
        spread[index] = max(quotients) / min(quotients)
        slopes[index] = float(np.log(means[-1] / means[-2]) / np.log(grid[-1] / grid[-2]))
        if spread[index] > s.factor:
            pair = (0.5, 0.15)
            ends = [simulated_mean(v, index, PATHS, 1) for v in pair]
            again = [m[0] / v ** float(s.power(index)) for m, v in zip(ends, pair, strict=True)]
            relative = max(m[2] / m[1] for m in ends)
            return [
                Witness(
                    {"p": index, "upsilon": list(pair), "power": float(s.power(index)), "factor": s.factor},
                    Way("Markov chain, 0.3 to 0.01: largest over least quotient", spread[index], "<=", s.factor),
                    Way(
                        "Euler steps: the same at 0.5 and 0.15",
                        max(again) / min(again),
                        "<=",
                        s.factor,
                        margin=(relative - 1) * max(again) / min(again),
                    ),
                    SCALING_REPLAY,
                )
            ]
    data = {"means at 0.3, 0.1, 0.03, 0.01": table, "slope of log E Gamma at 0.01": slopes}
    data["largest over least quotient"] = spread
    slack = s.factor - max(spread.values())
    found = Sampled("mean exit times by a Markov chain", len(spread) * len(grid), 0, slack, f"{len(spread)} p", data)
    return [found, _one_equation()]


def _one_equation() -> Exact:
    """``y = x / upsilon`` obeys one equation for every upsilon and leaves ``|y| < r / upsilon``: Gamma falls."""
    v, y, r, more = sp.symbols("upsilon y r d", positive=True)
    steps = {
        "drift of y: -x / upsilon = -y": is_zero(-(v * y) / v + y),
        "a larger noise has the smaller interval": bool((r / v - r / (v + more)).simplify().is_positive),
    }
    return Exact("symbolic", steps)


# --- scaling with the measure ---


@dataclass(frozen=True)
class InMeasure:
    """``E Gamma upsilon^p N(set)^power`` is within 5 % of one for every interval and valley, at upsilon = 0.005."""

    power: float


def in_measure(s: InMeasure, budget: Budget) -> list[Evidence]:
    """Parabolas of curvature 1, and valleys of curvatures 8 and 1/2 on their sides, by the Markov chain."""
    found, scale = {}, 0.005
    even, valley = Valley(), Valley(8.0, 0.5)
    cases = [(even, *ends) for ends in ((-1.0, 1.0), (-0.5, 0.5), (-2.0, 2.0), (-0.5, 2.0), (-1.0, 4.0))]
    for landscape, low, high in [*cases, (valley, -0.5, 2.0), (valley, -1.0, 1.0)]:
        for index in budget.pick((1.5,), (0.8, 1.2, 1.5, 1.8)):
            mass = small_noise_rate(scale, index, low, high) / scale**index
            cells = budget.pick(CELLS // 4, CELLS)
            mean = mean_exit_time(_downhill(landscape), scale, index, low, high, cells=cells).value
            name = f"p = {index}, ({low}, {high}), curvatures {landscape.left}, {landscape.right}"
            found[name] = mean * scale**index * mass**s.power
    off = [abs(v - 1) for v in found.values()]
    worst = sum(v > 0.05 for v in off)
    return [Sampled("mean exit times by a Markov chain", len(off), worst, 0.05 - max(off), f"{len(off)} sets", found)]


# --- law ---


@dataclass(frozen=True)
class Law:
    """``E exp(-u N upsilon^power Gamma)`` is within ``rho`` of ``1/(1 + u)``, p = 1.5, u up to 5, at upsilon = 0.01."""

    power: float
    rho: float = 0.05


LAW_REPLAY = """
from proofs_check.adamomentum.exit_scaling import PATHS, simulated_laplace
found, error = simulated_laplace(witness["upsilon"], witness["p"], witness["rate"], PATHS, 3)
violated = abs(found - 1 / (1 + witness["u"])) > witness["rho"] + 3 * error
"""


def simulated_laplace(scale: float, index: float, rate: float, paths: int, seed: int) -> tuple[float, float]:
    """Mean and standard error of ``exp(-rate Gamma)`` over simulated paths."""
    expected = 1.0 / small_noise_rate(scale, index, LOW, HIGH)
    dt = min(0.05, expected / 100)
    flow = StableFlow(Valley(), scale, index, dt)
    found = exit_times(flow, np.zeros((paths, 1)), inside_box(LOW, HIGH), int(6 * expected / dt), seed)
    values = np.exp(-rate * dt * found.steps)
    return float(values.mean()), float(values.std(ddof=1) / paths**0.5)


def law(s: Law, budget: Budget) -> list[Evidence]:
    """Laplace transforms by the Markov chain for falling noise; where one is off, paths of Euler steps too."""
    index, found = 1.5, {}
    for scale in budget.pick((0.1, 0.01), (0.3, 0.1, 0.03, 0.01, 0.003)):
        mass = small_noise_rate(scale, index, LOW, HIGH) / scale**index
        off = []
        for u in (0.5, 1.0, 2.0, 5.0):
            rate = u * mass * scale**s.power
            value = exit_laplace(drift, scale, index, LOW, HIGH, rate, cells=budget.pick(CELLS // 4, CELLS)).value
            off.append((abs(value - 1 / (1 + u)), u, rate, value))
        found[scale] = max(off)[0]
        gap, u, rate, value = max(off)
        if scale < 0.1 and gap > s.rho:
            scale = 0.1  # large enough to simulate; the deviation grows as the noise falls
            rate = u * mass * scale**s.power
            again, error = simulated_laplace(scale, index, rate, PATHS, 3)
            return [
                Witness(
                    {"upsilon": scale, "p": index, "u": u, "rate": rate, "rho": s.rho},
                    Way("Markov chain, distance from 1/(1 + u) at 0.01", gap, "<=", s.rho),
                    Way("Euler steps, at 0.1", abs(again - 1 / (1 + u)), "<=", s.rho, margin=3 * error),
                    LAW_REPLAY,
                )
            ]
    least = min(found)
    return [Sampled("Laplace transforms", 4 * len(found), 0, s.rho - found[least], "u = 0.5, 1, 2, 5", {"off": found})]
