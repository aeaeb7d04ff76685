"""Figure 2 over a grid of starts: when each method comes within a tolerance of the optimum, and when it stays there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np

from analysis.landscapes import Ackley, Beale, Landscape, Sphere, ThreeHumpCamel
from analysis.runs import grid_starts, run
from optassay.optimizers import AdaBelief, Adam, AdaMomentum, Momentum, RMSprop

OURS = "AdaMomentum"
ADAPTIVE = ("RMSprop", "Adam", "AdaBelief", OURS)
RIVALS = ("SGDM", "RMSprop", "Adam", "AdaBelief")
Measure = Literal["first", "settled"]


class Toy(NamedTuple):
    """A toy function, its optimum, half the side of the box of starts, and SGDM's printed rate."""

    landscape: Landscape
    optimum: tuple[float, float]
    half_side: float
    sgdm_rate: float


# The standard Beale function: that of the printed 2.2 has no minimum at the marked point (see toy-function-beale).
TOYS = {
    "sphere": Toy(Sphere(), (0.0, 0.0), 5.0, 0.1),
    "camel": Toy(ThreeHumpCamel(), (0.0, 0.0), 5.0, 0.001),
    "beale": Toy(Beale(Fraction(9, 4)), (3.0, 0.5), 4.5, 0.1),
    "ackley": Toy(Ackley(), (0.0, 0.0), 5.0, 0.1),
}


@dataclass(frozen=True)
class Setting:
    """What figure 2 leaves open, and the shared step.

    Attributes
    ----------
    step, beta1, beta2, epsilon : float
        Shared by the adaptive methods.
    rmsprop_beta2 : float, optional
        RMSprop's own decay.
    rate : float, optional
        SGDM's, instead of the printed one.
    convention : {"heavy-ball", "ema"}
        SGDM's momentum.
    """

    step: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-16
    rmsprop_beta2: float | None = None
    rate: float | None = None
    convention: Literal["heavy-ball", "ema"] = "heavy-ball"
    debias: bool = True


def rule(method: str, toy: Toy, setting: Setting) -> Any:
    """The update rule of a method in figure 2."""
    a, b1, b2, e = setting.step, setting.beta1, setting.beta2, setting.epsilon
    match method:
        case "SGDM":
            rate = toy.sgdm_rate if setting.rate is None else setting.rate
            return Momentum(rate, b1, convention=setting.convention)
        case "RMSprop":
            return RMSprop(a, setting.rmsprop_beta2 or b2, e)
        case "Adam":
            return Adam(a, b1, b2, e)
        case "AdaBelief":
            return AdaBelief(a, b1, b2, e)
        case _:
            return AdaMomentum(a, b1, b2, e, debias=setting.debias)


@cache
def starts(name: str, per_axis: int = 20) -> np.ndarray:
    """Grid of starts, those nearer than 0.5 to the optimum left out."""
    toy = TOYS[name]
    grid = grid_starts(per_axis, (-toy.half_side,) * 2, (toy.half_side,) * 2)
    return grid[np.linalg.norm(grid - np.array(toy.optimum), axis=1) > 0.5]


@cache
def distances(name: str, method: str, setting: Setting = Setting(), steps: int = 1000) -> np.ndarray:
    """Distance to the optimum after each step, (steps, starts); infinite once diverged."""
    toy = TOYS[name]
    optimum = np.array(toy.optimum)
    seen = run(
        rule(method, toy, setting),
        toy.landscape,
        starts(name),
        steps,
        observe=lambda o: np.linalg.norm(o.after - optimum, axis=-1),
    ).observed
    found = np.array(seen)
    return np.where(np.isnan(found), np.inf, found)


def times(path: np.ndarray, tolerance: float, measure: Measure) -> np.ndarray:
    """First step within the tolerance, or the one from which on it holds to the end; infinite if there is none."""
    near = path < tolerance
    if measure == "first":
        return np.where(near.any(axis=0), near.argmax(axis=0) + 1.0, np.inf)
    away = ~near
    last = np.where(away.any(axis=0), len(path) - away[::-1].argmax(axis=0), 0) + 1.0
    return np.where(near[-1], last, np.inf)


# A second code, in scalars, that shares nothing with the above.


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
    name: str, method: str, start: Sequence[float], setting: Setting = Setting(), steps: int = 1000
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
    setting: Setting = Setting(),
    steps: int = 1000,
) -> float:
    """The same time of one run by the second code."""
    path = plain_distances(name, method, start, setting, steps)
    return float(times(np.array(path)[:, None], tolerance, measure)[0])
