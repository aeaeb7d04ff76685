"""A second code for the runs of figure 2, in scalars, that shares nothing with those of :mod:`analysis.races`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from analysis.races import OURS, PAPER_SETTING, RIVALS, TOYS, Measure, Setting, distances, starts, times

__all__ = [
    "OURS",
    "RIVALS",
    "SLOPES",
    "TOYS",
    "Measure",
    "Setting",
    "distances",
    "plain_distances",
    "plain_time",
    "starts",
    "times",
]


def _sphere(x: float, y: float) -> tuple[float, float]:
    return 2 * x, 2 * y


def _camel(x: float, y: float) -> tuple[float, float]:
    return 4 * x - 4.2 * x**3 + x**5 + y, x + 2 * y


def _beale(x: float, y: float) -> tuple[float, float]:
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return 2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1)), 2 * x * (a + 2 * b * y + 3 * c * y**2)


def _ackley(x: float, y: float) -> tuple[float, float]:
    r = math.sqrt((x * x + y * y) / 2)
    cone = 2 * math.exp(-r / 5) / r if r else 0.0
    wave = math.pi * math.exp((math.cos(2 * math.pi * x) + math.cos(2 * math.pi * y)) / 2)
    return cone * x + wave * math.sin(2 * math.pi * x), cone * y + wave * math.sin(2 * math.pi * y)


SLOPES: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "sphere": _sphere,
    "camel": _camel,
    "beale": _beale,
    "ackley": _ackley,
}


def plain_distances(
    name: str, method: str, start: Sequence[float], setting: Setting = PAPER_SETTING, steps: int = 1000
) -> list[float]:
    """Distances of one run by textbook recursions on scalars."""
    toy = TOYS[name]
    b1, b2, e = setting.beta1, setting.beta2, setting.epsilon
    rate = toy.sgdm_rate if setting.rate is None else setting.rate
    x, m, v, found = [float(c) for c in start], [0.0, 0.0], [0.0, 0.0], []
    for t in range(1, steps + 1):
        try:
            slopes = SLOPES[name](x[0], x[1])
            for k, g in enumerate(slopes):
                if method == "SGDM":
                    m[k] = b1 * m[k] + (1.0 if setting.convention == "heavy-ball" else 1 - b1) * g
                    x[k] -= rate * m[k]
                    continue
                m[k] = b1 * m[k] + (1 - b1) * g
                first, debias1, debias2 = m[k], 1 - b1**t, 1 - b2**t
                if method == "RMSprop":
                    b = setting.rmsprop_beta2 or b2
                    v[k] = b * v[k] + (1 - b) * g * g
                    x[k] -= setting.step * g / (math.sqrt(v[k]) + e) if g else 0.0
                elif method == "Adam":
                    v[k] = b2 * v[k] + (1 - b2) * g * g
                    x[k] -= setting.step * first / debias1 / (math.sqrt(v[k] / debias2) + e)
                elif method == "AdaBelief":
                    v[k] = b2 * v[k] + (1 - b2) * (g - first) ** 2 + e
                    x[k] -= setting.step * first / debias1 / (math.sqrt(v[k] / debias2) + e)
                else:
                    if not setting.debias:
                        debias1 = debias2 = 1.0
                    v[k] = b2 * v[k] + (1 - b2) * first**2 + e
                    x[k] -= setting.step * first / debias1 / math.sqrt(v[k] / debias2)
            found.append(math.dist(x, toy.optimum))
        except OverflowError:
            return found + [math.inf] * (steps - len(found))
    return [d if d == d else math.inf for d in found]


def plain_time(
    name: str,
    method: str,
    start: Sequence[float],
    tolerance: float,
    measure: Measure,
    setting: Setting = PAPER_SETTING,
    steps: int = 1000,
) -> float:
    """The same time of one run by the second code."""
    path = plain_distances(name, method, start, setting, steps)
    return float(times(np.array(path)[:, None], tolerance, measure)[0])
