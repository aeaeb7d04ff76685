"""Exit times of both methods, and of equation (3), compared: simulation with intervals, seen again by a scalar code."""

from __future__ import annotations

import math
import random
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from analysis.escape import wilson
from analysis.exit_times import (
    Estimate,
    Exits,
    Noise,
    NoisyMethod,
    exit_times,
    exponential_mean,
    inside_box,
    restricted_mean,
    survival,
)
from analysis.landscapes import Valley
from analysis.stable_flow import StableFlow
from optassay.arrays import Array, Context
from optassay.optimizers import Adam, AdaMomentum, Rule

from ..claim import Budget, Evidence, Sampled, Way, Witness

LEVEL = 0.999  # of every interval: an order counts where intervals are disjoint
PLAIN_PATHS = 40

METHODS = ("Adam", "AdaMomentum", "g^2, inside", "m^2, outside")


@dataclass(frozen=True, eq=False)
class _OutsideRoot(AdaMomentum):
    """AdaMomentum with an epsilon beside the root, as in Adam, in place of the one in its state."""

    outside: float = field(default=0.0, kw_only=True)

    def _divide(self, ctx: Context, numerator: Array, denominator: Array, epsilon: Any) -> Array:
        return super()._divide(ctx, numerator, denominator + self.outside, epsilon)


@dataclass(frozen=True)
class Basin:
    """A valley of two curvatures with symmetric stable noise on its gradient, exit at ``-radius`` or ``radius``.

    ``index`` 2 and ``scale`` ``1/sqrt(2)`` is unit Gaussian noise. With ``warm`` steps every path first runs so long
    and then restarts at the minimiser. Paths are censored at ``cap`` steps: means are of ``min(Gamma, cap)``.
    """

    radius: float
    left: float = 2.0
    right: float = 2.0
    scale: float = 0.5**0.5
    index: float = 2.0
    step: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-16
    warm: int = 300
    cap: int = 3000


def rule(method: str, basin: Basin) -> Rule:
    """The method; the two mixtures have the square of one and the place of epsilon of the other."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    numbers = (basin.step, basin.beta1, basin.beta2)
    match method:
        case "AdaMomentum":
            return AdaMomentum(*numbers, basin.epsilon)
        case "g^2, inside":  # epsilon accumulates to epsilon / (1 - beta2) in AdaMomentum's state
            return Adam(*numbers, basin.epsilon / (1 - basin.beta2), epsilon_place="inside")
        case "m^2, outside":
            return _OutsideRoot(*numbers, 0.0, outside=basin.epsilon)
        case _:
            return Adam(*numbers, basin.epsilon)


def exits(method: str, basin: Basin, paths: int, seed: int) -> Exits:
    """Simulated exits of so many paths."""
    process = NoisyMethod(rule(method, basin), Valley(basin.left, basin.right), Noise(basin.scale, basin.index))
    inside = inside_box(-basin.radius, basin.radius)
    return exit_times(process, np.zeros((paths, 1)), inside, basin.cap, seed, warm=basin.warm)


def mean_steps(method: str, basin: Basin, paths: int, seed: int) -> Estimate:
    """Mean of ``min(Gamma, cap)`` in steps over simulated paths."""
    return restricted_mean(exits(method, basin, paths, seed), LEVEL)


def _stable(rng: random.Random, index: float) -> float:
    if index == 2:
        return rng.gauss(0.0, math.sqrt(2.0))
    angle = rng.uniform(-math.pi / 2, math.pi / 2)
    if index == 1:
        return math.tan(angle)
    spread = (math.cos((1 - index) * angle) / rng.expovariate(1.0)) ** ((1 - index) / index)
    return math.sin(index * angle) / math.cos(angle) ** (1 / index) * spread


def plain_exits(method: str, basin: Basin, paths: int = PLAIN_PATHS, seed: int = 5) -> list[int]:
    """``min(Gamma, cap)`` of each path, by a scalar recursion with another generator."""
    rng, found = random.Random(seed), []
    of_momentum, in_state = method in ("AdaMomentum", "m^2, outside"), method in ("AdaMomentum", "g^2, inside")
    for _ in range(paths):
        x = m = v = 0.0
        exited = basin.cap
        for t in range(1, basin.warm + basin.cap + 1):
            g = (basin.left if x < 0 else basin.right) * x + basin.scale * _stable(rng, basin.index)
            m = basin.beta1 * m + (1 - basin.beta1) * g
            v = basin.beta2 * v + (1 - basin.beta2) * (m * m if of_momentum else g * g)
            v += basin.epsilon if in_state else 0.0
            root = math.sqrt(v / (1 - basin.beta2**t)) + (0.0 if in_state else basin.epsilon)
            x = 0.0 if t == basin.warm else x - basin.step * m / (1 - basin.beta1**t) / root
            if t > basin.warm and abs(x) >= basin.radius:
                exited = t - basin.warm
                break
        found.append(exited)
    return found


def plain_mean(method: str, basin: Basin, paths: int = PLAIN_PATHS, seed: int = 5) -> Estimate:
    """Their mean."""
    from statistics import mean, stdev

    from scipy.stats import t as student

    found = plain_exits(method, basin, paths, seed)
    half = float(student.ppf(0.5 + LEVEL / 2, paths - 1)) * stdev(found) / math.sqrt(paths)
    return Estimate(mean(found), mean(found) - half, mean(found) + half)


LATER_REPLAY = """
from proofs_check.adamomentum.exit_checks import Basin, plain_mean
late, soon = (plain_mean(witness[k], Basin(**witness["basin"])) for k in ("later", "sooner"))
violated = late.high < soon.low
"""


@dataclass(frozen=True)
class LaterExit:
    """In every basin the mean of ``min(Gamma, cap)`` of the first of each pair is at least that of the second."""

    pairs: tuple[tuple[str, str], ...]
    basins: tuple[Basin, ...]


def later_exit(s: LaterExit, budget: Budget) -> list[Evidence]:
    """Simulate; a reversal of disjoint intervals is seen again by the scalar code. Overlaps count as violations."""
    # Quick: every eighth basin, a stride that meets shapes, noises and steps in turn.
    paths, stride = budget.pick(200, 2000), budget.pick(8, 1)
    undecided, slack, count, data = 0, float("inf"), 0, {}
    for number, basin in enumerate(s.basins[::stride]):
        methods = sorted({m for pair in s.pairs for m in pair})
        means = {m: mean_steps(m, basin, paths, 10 * number + k) for k, m in enumerate(methods)}
        data[_label(basin)] = {m: [round(v, 2) for v in e] for m, e in means.items()}
        for later, sooner in s.pairs:
            late, soon = means[later], means[sooner]
            if late.high < soon.low:
                again = plain_mean(later, basin), plain_mean(sooner, basin)
                return [
                    Witness(
                        {"later": later, "sooner": sooner, "basin": asdict(basin), "means and intervals": means},
                        Way("batched optimizers: upper end, lower end", late.high, ">=", soon.low),
                        Way("scalar recursion: upper end, lower end", again[0].high, ">=", again[1].low),
                        LATER_REPLAY,
                    )
                ]
            count, undecided = count + 1, undecided + (late.low < soon.high)
            slack = min(slack, late.low / soon.high - 1)
    text = f"{count} comparisons, {paths} paths each, intervals at {LEVEL}"
    return [Sampled("mean exit times, disjoint intervals", count, undecided, slack, text, {"means": data})]


def _label(b: Basin) -> str:
    return (
        f"curvatures {b.left:g}, {b.right:g}, index {b.index:g}, radius {b.radius:g}, step {b.step:g}, "
        f"beta2 {b.beta2:g}, epsilon {b.epsilon:g}, warm {b.warm}"
    )


SHARP_REPLAY = """
from proofs_check.adamomentum.exit_checks import Basin, plain_mean
flat, sharp = (plain_mean(witness["method"], Basin(**witness[k])) for k in ("flat", "sharp"))
violated = sharp.low > flat.high
"""


@dataclass(frozen=True)
class SharperSooner:
    """A basin 16 times as curved is left sooner in the mean, at the same radius or at the same height of its rim."""

    method: str
    same: Literal["radius", "height"]
    radius: float = 0.3

    def basins(self) -> tuple[Basin, Basin]:
        """The flat and the sharp one."""
        flat = Basin(self.radius, 0.5, 0.5)
        return flat, replace(flat, left=8.0, right=8.0, radius=self.radius / (4 if self.same == "height" else 1))


def sharper_sooner(s: SharperSooner, budget: Budget) -> list[Evidence]:
    """Both means; a reversal of disjoint intervals is seen again by the scalar code."""
    paths = budget.pick(200, 2000)
    flat, sharp = (mean_steps(s.method, basin, paths, k) for k, basin in enumerate(s.basins()))
    if sharp.low > flat.high:
        again = [plain_mean(s.method, basin) for basin in s.basins()]
        point = {"method": s.method, "flat": asdict(s.basins()[0]), "sharp": asdict(s.basins()[1])}
        return [
            Witness(
                point | {"means and intervals": [flat, sharp]},
                Way("batched optimizers: lower end of sharp, upper of flat", sharp.low, "<=", flat.high),
                Way("scalar recursion: lower end of sharp, upper of flat", again[1].low, "<=", again[0].high),
                SHARP_REPLAY,
            )
        ]
    data = {"flat": flat, "sharp": sharp}
    worse = int(sharp.high > flat.low)
    return [Sampled("mean exit times", 1, worse, flat.low / sharp.high - 1, f"{paths} paths per basin", data)]


# --- the law of the exit time in runs ---


@dataclass(frozen=True)
class ExponentialRuns:
    """``P(Gamma > t) = exp(-t / E Gamma)`` within Kaplan and Meier's intervals, at five multiples of the mean."""

    methods: tuple[str, ...]
    basin: Basin
    multiples: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)


LAW_REPLAY = """
from math import exp
from proofs_check.adamomentum.exit_checks import Basin, plain_exits, surviving
found = plain_exits(witness["method"], Basin(**witness["basin"]), 10 * 40, 5)
share = surviving(found, witness["t"])
expected = exp(-witness["t"] / witness["mean"])
violated = not share.low <= expected <= share.high
"""


def surviving(steps: list[int], t: float) -> Estimate:
    """Share of paths that are still inside after t steps (below the cap), with Wilson's interval."""
    found = wilson(sum(s > t for s in steps), len(steps), LEVEL)
    return Estimate(float(found.value), float(found.low), float(found.high))


def exponential_runs(s: ExponentialRuns, budget: Budget) -> list[Evidence]:
    """Survival functions of censored runs; where one leaves its interval, the scalar code counts survivors too."""
    paths, data, outside, slack = budget.pick(600, 4000), {}, 0, float("inf")
    for method in s.methods:
        found = exits(method, s.basin, paths, 2)
        mean = exponential_mean(found, LEVEL).value
        times = np.array(s.multiples) * mean
        values, low, high = survival(found, times, LEVEL)
        expected = np.exp(-times / mean)
        data[method] = {"mean": mean, "survival": values.tolist(), "exponential": expected.tolist()}
        gaps = np.fmin(expected - low, high - expected)
        k = int(np.argmin(gaps))
        if gaps[k] < 0:
            t = float(times[k])
            share = surviving(plain_exits(method, s.basin, 10 * PLAIN_PATHS), t)
            below = expected[k] < low[k]
            sides = ("<=", float(low[k]), share.low) if below else (">=", float(high[k]), share.high)
            return [
                Witness(
                    {"method": method, "basin": asdict(s.basin), "t": t, "mean": mean},
                    Way("Kaplan-Meier: end of the interval", sides[1], sides[0], float(expected[k])),  # type: ignore[arg-type]
                    Way("scalar recursion: end of Wilson's interval", sides[2], sides[0], float(expected[k])),  # type: ignore[arg-type]
                    LAW_REPLAY,
                )
            ]
        slack = min(slack, float(gaps[k]))
        outside += int(np.sum(gaps < 0))
    count = len(s.methods) * len(s.multiples)
    return [Sampled("Kaplan-Meier survival, censored runs", count, outside, slack, f"{paths} paths", data)]


# --- equation (3) with its own preconditioner ---


@dataclass(frozen=True)
class OwnRoot:
    """Slope of ``log E Gamma`` against ``log upsilon`` in (3) on ``x^2/2``, exit at 1, as multiples of p.

    The order of magnitude of v at rest is that of upsilon, with which it starts.
    """

    low: float
    high: float


ROOT_REPLAY = """
from proofs_check.adamomentum.exit_checks import equation_mean
ends = [equation_mean(witness["square"], witness["p"], v, 200, 7) for v in witness["upsilon"]]
from math import log
step = log(witness["upsilon"][0] / witness["upsilon"][1])
violated = log(ends[0].low / ends[1].high) / step > witness["slope"] or (
    log(ends[0].high / ends[1].low) / step < witness["slope"])
"""


def equation_mean(
    square: Literal["gradient", "momentum"], index: float, scale: float, paths: int, seed: int
) -> Estimate:
    """Mean exit time of (3) in its own time, by Euler steps of 0.05, censored at 1000."""
    flow = StableFlow(Valley(), scale, index, 0.05, True, square, 0.9, 0.999, second_moment=scale)
    found = exponential_mean(exit_times(flow, np.zeros((paths, 1)), inside_box(-1.0, 1.0), 20_000, seed), LEVEL)
    return Estimate(*(0.05 * v for v in found))


def own_root(s: OwnRoot, budget: Budget) -> list[Evidence]:
    """Slopes from the ends of a range of upsilon, with the ends of the intervals."""
    paths, found = budget.pick(150, 600), {}
    squares: tuple[Literal["gradient", "momentum"], ...] = ("gradient", "momentum")
    slopes: list[tuple[float, float]] = []
    for square in squares:
        for index in budget.pick((1.0,), (1.0, 1.5)):
            pair = (0.1, 0.01) if index == 1.0 else (0.1, 0.03)
            ends = [equation_mean(square, index, v, paths, k) for k, v in enumerate(pair)]
            step = math.log(pair[0] / pair[1])
            low, high = math.log(ends[0].low / ends[1].high) / step, math.log(ends[0].high / ends[1].low) / step
            found[f"p = {index}, k = {square}"] = {"means": ends, "slope / p": [low / index, high / index]}
            slopes.append((low / index, high / index))
            if low / index > s.high or high / index < s.low:
                slope = s.high if low / index > s.high else s.low
                again = [equation_mean(square, index, v, 200, 7) for v in pair]
                value = math.log(again[0].value / again[1].value) / step / index
                return [
                    Witness(
                        {"square": square, "p": index, "upsilon": list(pair), "slope": slope * index},
                        Way("end of the interval of slope / p", low / index if slope == s.high else high / index,
                            "<=" if slope == s.high else ">=", slope),
                        Way("another sample: slope / p", value, "<=" if slope == s.high else ">=", slope),
                        ROOT_REPLAY,
                    )
                ]  # fmt: skip
    outside = sum(low < s.low or high > s.high for low, high in slopes)
    slack = min(min(low - s.low, s.high - high) for low, high in slopes)
    return [Sampled("Euler steps of (3)", len(slopes), outside, slack, f"{paths} paths per mean", {"slopes": found})]
