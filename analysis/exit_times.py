"""First exit times from a basin under gradient noise: batched, censored at a horizon, with intervals.

A :class:`Process` moves a batch of paths by one step; :class:`NoisyMethod` is any update rule with Gaussian or
symmetric stable noise on its gradients, :class:`analysis.stable_flow.StableFlow` a stochastic differential equation.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from optassay.arrays import Array, Context, context, generator, symmetric_stable, to_numpy
from optassay.optimizers import Rule

from .landscapes import Landscape
from .runs import propagating

COMPACT_EVERY = 16  # steps between looks whether enough paths are gone to drop them


@dataclass(frozen=True)
class Noise:
    """Independent symmetric stable noise ``scale S`` with ``E exp(i u S) = exp(-|u|^index)`` per coordinate.

    Gaussian noise of standard deviation s has index 2 and scale ``s / sqrt(2)``: :meth:`gaussian`.
    """

    scale: float
    index: float = 2.0

    def __post_init__(self) -> None:
        if not self.scale >= 0:
            raise ValueError(f"scale must not be negative, got {self.scale}")
        if not 0 < self.index <= 2:
            raise ValueError(f"index must lie in (0, 2], got {self.index}")

    @classmethod
    def gaussian(cls, std: float) -> Noise:
        return cls(std / 2**0.5)

    def draw(self, rng: Any, shape: tuple[int, ...], ctx: Context) -> Array:
        return self.scale * symmetric_stable(rng, self.index, shape, ctx)


class Process(ABC):
    """A Markov process that moves a batch of paths, shape (n, d), step by step."""

    @abstractmethod
    def init(self, params: Array) -> Any:
        """State before the first step: numbers, arrays with the batch axis in front, tuples of these."""

    @abstractmethod
    def step(self, params: Array, state: Any, rng: Any) -> tuple[Array, Any]:
        """Points and state after one step."""


@dataclass(frozen=True)
class NoisyMethod(Process):
    """An update rule on ``landscape`` whose gradients carry independent noise.

    Its hyperparameters must be numbers or schedules that give numbers: paths are dropped as they exit.
    """

    rule: Rule
    landscape: Landscape
    noise: Noise

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise TypeError(f"rule must be an update rule such as Adam(), got {self.rule!r}")
        for field in fields(self.rule):
            value = getattr(self.rule, field.name)
            if array_api_compat.is_array_api_obj(value):
                raise TypeError(f"rule.{field.name} must be a number, got an array: run one process per setting")
        object.__setattr__(self, "rule", propagating(self.rule))

    def init(self, params: Array) -> Any:
        return self.rule.init(params)

    def step(self, params: Array, state: Any, rng: Any) -> tuple[Array, Any]:
        ctx = context(params=params)
        gradient = self.landscape.gradient(params) + self.noise.draw(rng, tuple(params.shape), ctx)
        return self.rule.step(params, gradient, state)


class Exits(NamedTuple):
    """First exits of n paths.

    Attributes
    ----------
    steps : (n,)
        Step of the first exit, or the horizon where there was none.
    exited : (n,) of bool
        False: censored at the horizon.
    place : (n, d)
        Where the path was then.
    """

    steps: Array
    exited: Array
    place: Array


def inside_box(low: Any, high: Any) -> Callable[[Array], Array]:
    """Predicate of points (n, d): every coordinate strictly between ``low`` and ``high``; NaN is outside."""

    def inside(points: Array) -> Array:
        xp = array_api_compat.array_namespace(points)
        return xp.all((points > low) & (points < high), axis=-1)

    return inside


def exit_times(
    process: Process, start: Array, inside: Callable[[Array], Array], horizon: int, rng: Any, *, warm: int = 0
) -> Exits:
    """Run every path until it leaves the basin, or to the horizon.

    Parameters
    ----------
    process : Process
    start : array, shape (n, d)
        Inside the basin.
    inside : callable
        Points (n, d) to booleans (n,).
    horizon : int
        Number of steps after which a path is censored.
    rng : seed or generator
    warm : int
        Steps run first, after which every path is put back to ``start`` with the state it has got (warm second
        moments).

    Raises
    ------
    ValueError
        ``start`` not of shape (n, d) or outside the basin, a horizon below 1, or a negative ``warm``.
    """
    ctx = context(start=start)
    xp = ctx.xp
    x = first = ctx.asarray(start)
    if x.ndim != 2 or x.shape[0] < 1:
        raise ValueError(f"start must have shape (paths, d) with at least one path, got {tuple(x.shape)}")
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    if warm < 0:
        raise ValueError(f"warm must not be negative, got {warm}")
    if not bool(xp.all(inside(x))):
        raise ValueError("start must lie inside the basin")
    rng = generator(rng)
    state = process.init(x)
    paths = _Paths.start(ctx, x, horizon)
    done: list[_Paths] = []
    # Paths that have left may overflow before they are dropped; they no longer count.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(warm):
            x, state = process.step(x, state, rng)
        x = first
        for t in range(1, horizon + 1):
            x, state = process.step(x, state, rng)
            paths = paths.after(ctx, t, x, ~inside(x))
            if t % COMPACT_EVERY == 0:
                left = int(xp.sum(xp.astype(paths.exited, xp.int64)))
                if left == paths.exited.shape[0]:
                    break
                if 2 * left > paths.exited.shape[0]:
                    done.append(_kept(paths, paths.exited))
                    stay = ~paths.exited
                    paths, x, state = _kept(paths, stay), x[stay, :], _kept(state, stay)
    whole = _Paths(*(xp.concat([getattr(p, name) for p in (*done, paths)], axis=0) for name in _Paths._fields))
    order = xp.argsort(whole.number)
    return Exits(*(xp.take(column, order, axis=0) for column in whole[1:]))


class _Paths(NamedTuple):
    number: Array
    steps: Array
    exited: Array
    place: Array

    @classmethod
    def start(cls, ctx: Context, x: Array, horizon: int) -> _Paths:
        n = int(x.shape[0])
        never = ctx.xp.zeros((n,), dtype=ctx.xp.bool, device=ctx.device)
        return cls(ctx.arange(n, dtype=ctx.xp.int64), ctx.full((n,), float(horizon)), never, x)

    def after(self, ctx: Context, t: int, x: Array, outside: Array) -> _Paths:
        xp = ctx.xp
        now = outside & ~self.exited
        steps = xp.where(now, ctx.asarray(float(t)), self.steps)
        return _Paths(self.number, steps, self.exited | outside, xp.where(self.exited[:, None], self.place, x))


def _kept(state: Any, mask: Array) -> Any:
    """Leaf by leaf the chosen paths; numbers stay."""
    if isinstance(state, tuple):
        leaves = [_kept(leaf, mask) for leaf in state]
        return type(state)(*leaves) if hasattr(state, "_fields") else tuple(leaves)
    if not array_api_compat.is_array_api_obj(state) or state.ndim == 0:
        return state
    return state[(mask, *(slice(None) for _ in range(state.ndim - 1)))]


class Estimate(NamedTuple):
    """A number with an interval, on the host."""

    value: float
    low: float
    high: float


def restricted_mean(exits: Exits, level: float = 0.95) -> Estimate:
    """``E min(Gamma, horizon)`` in steps, with Student's interval: a lower bound of ``E Gamma``, free of any model."""
    from scipy.stats import t as student

    _check_level(level)
    steps = to_numpy(exits.steps)
    if len(steps) < 2:
        raise ValueError("an interval needs at least two paths, got one")
    half = float(student.ppf(0.5 + level / 2, len(steps) - 1)) * float(steps.std(ddof=1)) / len(steps) ** 0.5
    mean = float(steps.mean())
    return Estimate(mean, mean - half, mean + half)


def exponential_mean(exits: Exits, level: float = 0.95) -> Estimate:
    """``E Gamma`` in steps if exits come at a constant rate: exposure over exits, with the chi-square interval.

    Uncensored paths make the interval exact, censoring at a common horizon conservative by at most one exit.
    """
    from scipy.stats import chi2

    _check_level(level)
    count, exposure = int(to_numpy(exits.exited).sum()), float(to_numpy(exits.steps).sum())
    if count == 0:
        raise ValueError("no path has left before the horizon: only a lower bound can be given")
    tail = (1 - level) / 2
    low, high = chi2.ppf(1 - tail, 2 * count + 2), chi2.ppf(tail, 2 * count)
    return Estimate(exposure / count, 2 * exposure / float(low), 2 * exposure / float(high))


def survival(exits: Exits, at: Any, level: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kaplan and Meier's ``P(Gamma > t)`` at the steps ``at``, with the ends of its log-log intervals."""
    from scipy.stats import CensoredData, ecdf

    _check_level(level)
    data = CensoredData.right_censored(to_numpy(exits.steps), ~to_numpy(exits.exited))
    function = ecdf(data).sf
    with warnings.catch_warnings():
        # Where no path, or none any more, has left the interval is a point; SciPy leaves NaN and says so.
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        interval = function.confidence_interval(level, method="log-log")
    where = np.asarray(at, dtype=float)
    return function.evaluate(where), interval.low.evaluate(where), interval.high.evaluate(where)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
