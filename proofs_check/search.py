"""Adversarial search for violations of inequalities, with shrinking to a small exact witness.

A problem is ``left <= right`` over a box, its two sides written once for numbers of any kind: columns of floats while
searching, rationals or balls when a violation is to be certain. The search is exhaustive on a small grid, random,
gradient-free (shrinking Gaussian steps around the best points) and gradient-based (L-BFGS-B from the best points).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from itertools import product
from math import ceil, floor
from typing import Any, Literal, NamedTuple

import numpy as np

from .certificates import ball, precision
from .claim import Budget, Evidence, Exact, Sampled, Way, Witness

Sides = Callable[..., Sequence[Any]]
DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 32, 50, 100, 1000, 10**6)


@dataclass(frozen=True)
class Problem:
    """``left <= right`` for all points of a box that meet some conditions.

    Attributes
    ----------
    names : sequence of str
        Variables.
    low, high : sequence of number
        The box.
    sides : callable
        ``sides(values, functions)`` to ``(left, right, condition, ...)``; conditions must be >= 0. ``values`` are the
        variables, ``functions`` has ``sqrt`` and ``log`` and ``maximum`` for their kind of number.
    kind : {"fraction", "ball"}
        Arithmetic in which a violation is certain; rationals have no roots.
    """

    names: Sequence[str]
    low: Sequence[Any]
    high: Sequence[Any]
    sides: Sides
    kind: Literal["fraction", "ball"] = "fraction"


class Functions(NamedTuple):
    """Functions of one kind of number."""

    sqrt: Callable[[Any], Any]
    log: Callable[[Any], Any]
    maximum: Callable[[Any, Any], Any]


class Found(NamedTuple):
    """Outcome of a search.

    Attributes
    ----------
    point : tuple of Fraction or None
        A shrunk violation.
    worst : float
        Largest ``left / right`` met (right positive), or infinity.
    effort : dict
        Points tried by each way of searching, those of numerical gradients included; "shrinking" counts exact trials.
    """

    point: tuple[Fraction, ...] | None
    worst: float
    effort: dict[str, int]


def _no_function(name: str) -> Callable[[Any], Any]:
    def refuse(_: Any) -> Any:
        raise TypeError(f"{name} of a rational is not rational: give the problem kind='ball'")

    return refuse


FLOATS = Functions(np.sqrt, np.log, np.maximum)
RATIONALS = Functions(_no_function("sqrt"), _no_function("log"), max)
BALLS = Functions(lambda x: x.sqrt(), lambda x: ball(x).log(), lambda a, b: a.max(b))


def high_precision(problem: Problem, values: Sequence[Fraction], digits: int = 50) -> tuple[Any, ...]:
    """The sides and conditions at a rational point in ``digits``-digit floating point (mpmath)."""
    import mpmath

    with mpmath.workdps(digits):
        numbers = [mpmath.mpf(v.numerator) / v.denominator for v in values]
        return tuple(problem.sides(numbers, Functions(mpmath.sqrt, mpmath.log, max)))


def certain(problem: Problem, values: Sequence[Fraction]) -> bool:
    """Whether the point certainly meets the conditions and violates the inequality."""
    try:
        left, right, *conditions = exact_sides(problem, values)
    except ZeroDivisionError:
        return False
    return bool(left > right) and all(bool(c >= 0) for c in conditions)


def exact_sides(problem: Problem, values: Sequence[Fraction]) -> tuple[Any, ...]:
    """The sides and conditions as rationals or balls."""
    if problem.kind == "fraction":
        return tuple(problem.sides(list(values), RATIONALS))
    with precision(200):
        return tuple(problem.sides([ball(v) for v in values], BALLS))


def search(problem: Problem, budget: Budget, seed: int = 0, per_axis: int = 5) -> Found:
    """Look for a violation; the first certain one is shrunk, else the worst ratio met is reported."""
    rng = np.random.default_rng(seed)
    low, high = (np.array([float(v) for v in side]) for side in (problem.low, problem.high))
    effort: dict[str, int] = {}
    best, best_at = np.empty(0), np.empty((0, len(low)))
    worst = -np.inf

    def look(name: str, points: np.ndarray) -> tuple[Fraction, ...] | None:
        nonlocal best, best_at, worst
        points = np.clip(points, low, high)
        effort[name] = effort.get(name, 0) + len(points)
        score = _score(problem, points)
        order = np.argsort(-score)[:12]
        for k in order[:4]:
            if score[k] > 1 + 1e-12:  # above rounding; what is certain is decided exactly
                point, trials = _shrunk(problem, [Fraction(float(x)) for x in points[k]])
                effort["shrinking"] = effort.get("shrinking", 0) + trials
                if point is not None:
                    worst = max(worst, float(score[k]))
                    return point
        best, best_at = np.concatenate([best, score[order]]), np.concatenate([best_at, points[order]])
        keep = np.argsort(-best)[:12]
        best, best_at = best[keep], best_at[keep]
        worst = max(worst, float(best[0]))
        return None

    for name, points in _batches(low, high, rng, budget, per_axis):
        if (found := look(name, points)) is not None:
            return Found(found, worst, effort)
    scales = np.geomspace(0.3, 1e-4, budget.pick(12, 40))
    for scale in scales:
        noise = rng.standard_normal((len(best_at), budget.pick(30, 100), len(low)))
        mask = rng.random(noise.shape) < 0.6  # some coordinates stay, so that ridges can be followed
        points = best_at[:, None] + scale * (high - low) * noise * mask
        if (found := look("gradient-free", points.reshape(-1, len(low)))) is not None:
            return Found(found, worst, effort)
    for start in best_at[: budget.pick(1, 5)]:
        summit, tried = _ascend(problem, start, low, high)
        effort["gradient-based"] = effort.get("gradient-based", 0) + tried
        if (found := look("gradient-based", summit[None])) is not None:
            return Found(found, worst, effort)
    return Found(None, worst, effort)


def _batches(
    low: np.ndarray, high: np.ndarray, rng: np.random.Generator, budget: Budget, per_axis: int
) -> Iterator[tuple[str, np.ndarray]]:
    # Interior grid points too: the ends of a box are often degenerate.
    axis = np.concatenate([np.linspace(0, 1, per_axis), [0.1, 0.9]])
    limit = budget.pick(20_000, 400_000)
    while len(axis) ** len(low) > limit and len(axis) > 2:
        axis = axis[:-1] if len(axis) > 3 else axis[[0, -1]]
    grid = np.array(list(product(axis, repeat=len(low)))[:limit])
    yield "grid", low + (high - low) * grid
    yield "random", rng.uniform(low, high, (budget.pick(4000, 200_000), len(low)))
    # Corners are where inequalities of ratios break: many coordinates near an end.
    yield "random near ends", low + (high - low) * rng.beta(0.2, 0.2, (budget.pick(4000, 200_000), len(low)))


def _score(problem: Problem, points: np.ndarray) -> np.ndarray:
    """``left / right``, minus infinity where a condition fails or a side is not finite."""
    with np.errstate(all="ignore"):
        left, right, *conditions = problem.sides([points[:, k] for k in range(points.shape[1])], FLOATS)
        # Rational constants among the sides make object arrays.
        left, right = (np.broadcast_to(np.asarray(side, dtype=float), len(points)) for side in (left, right))
        score = np.where(right > 0, left / right, np.where(left > right, np.inf, -np.inf))
        valid = np.isfinite(left) & np.isfinite(right)
        for condition in conditions:
            valid = valid & (np.asarray(condition, dtype=float) >= 0)
    return np.where(valid, score, -np.inf)


def _ascend(problem: Problem, start: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, int]:
    """Where L-BFGS-B ends, and how many points it and its difference quotients took (one batch per step)."""
    from scipy.optimize import minimize

    tried, width = 0, high - low
    # Differences into the box, so that a start on its boundary has a gradient.
    inward = np.where(start > (low + high) / 2, -1.0, 1.0) * 1e-7 * np.where(width > 0, width, 1.0)

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal tried
        scores = _score(problem, np.concatenate([x[None], x + np.diag(inward)]))
        tried += len(scores)
        values = np.where(scores == -np.inf, 1e6, -np.minimum(scores, 1e6))
        return float(values[0]), (values[1:] - values[0]) / inward

    bounds = list(zip(low, high, strict=True))
    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x, tried


def shrink(problem: Problem, values: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
    """A violation near ``values`` with small numerators and denominators; None if not even ``values`` is one."""
    return _shrunk(problem, values)[0]


def _shrunk(problem: Problem, values: Sequence[Fraction]) -> tuple[tuple[Fraction, ...] | None, int]:
    """The same, and how many points were decided exactly."""
    trials = 0

    def holds(trial: Sequence[Fraction]) -> bool:
        nonlocal trials
        trials += 1
        return certain(problem, trial)

    point = tuple(values)
    for bound in DENOMINATORS:
        rounded = tuple(v.limit_denominator(bound) for v in point)
        if _inside(problem, rounded) and holds(rounded):
            point = rounded
            break
    else:
        if not holds(point):
            return None, trials
    for _ in range(3):
        before = point
        for k, value in enumerate(point):
            for simpler in _simpler(value):
                trial = (*point[:k], simpler, *point[k + 1 :])
                if _inside(problem, trial) and holds(trial):
                    point = trial
                    break
        if point == before:
            break
    return point, trials


def _simpler(value: Fraction) -> Iterator[Fraction]:
    tried = [Fraction(0), Fraction(1), Fraction(-1), Fraction(round(value))]
    for n in DENOMINATORS:
        tried += [Fraction(floor(value * n), n), Fraction(ceil(value * n), n)]
    size = abs(value.numerator) + value.denominator
    for trial in tried:
        if trial != value and abs(trial.numerator) + trial.denominator < size:
            yield trial


def _inside(problem: Problem, values: Sequence[Fraction]) -> bool:
    return all(
        Fraction(low) <= v <= Fraction(high) for low, v, high in zip(problem.low, values, problem.high, strict=True)
    )


REPLAY = """
from fractions import Fraction
from proofs_check.search import certain, load
violated = certain(load(witness["problem"]), [Fraction(v) for v in witness["values"].values()])
"""


@dataclass(frozen=True)
class Never:
    """No point of any of the problems violates its inequality.

    Attributes
    ----------
    module : str
        Where the problems are defined.
    problems : sequence of str
        Calls that make them, such as ``"lower_bound(3, 2)"``: kept as text, so that a witness can be run again.
    proof : callable, optional
        Budget to evidence for all points; without it a search that finds nothing is only support.
    per_axis : int
        Points per axis of the exhaustive grid.
    """

    module: str
    problems: Sequence[str]
    proof: Callable[[Budget], Sequence[Evidence]] | None = None
    per_axis: int = 5


def load(source: str) -> Problem:
    """The problem that ``"module:call"`` makes."""
    module, _, call = source.partition(":")
    return eval(call, dict(vars(import_module(module))))


def never_violated(statement: Never, budget: Budget) -> list[Evidence]:
    """Search every problem; a violation becomes a witness, else the proof or how hard was searched."""
    worst: dict[str, float] = {}
    effort: dict[str, int] = {}
    for call in statement.problems:
        source = f"{statement.module}:{call}"
        problem = load(source)
        found = search(problem, budget, per_axis=statement.per_axis)
        if found.point is not None:
            return [_witness(source, problem, found.point)]
        worst[call] = found.worst
        for name, count in found.effort.items():
            effort[name] = effort.get(name, 0) + count
    tried = ", ".join(f"{count} {name}" for name, count in effort.items())
    data = {"worst ratio left / right": worst, "points": effort}
    if statement.proof is not None:
        searched = {f"search found no violation ({tried})": len(worst) == len(statement.problems)}
        return [*statement.proof(budget), Exact("enumeration", searched, data)]
    return [Sampled("adversarial search", sum(effort.values()), 0, 1 - max(worst.values()), tried, data)]


def _witness(source: str, problem: Problem, point: Sequence[Fraction]) -> Witness:
    left, right = exact_sides(problem, point)[:2]
    if problem.kind == "ball":
        left, right = float(left.lower()), float(right.upper())
    again = [float(side) for side in high_precision(problem, point)[:2]]
    name = "ball arithmetic" if problem.kind == "ball" else "exact rational arithmetic"
    margin = 1e-12 * max(1e-300, abs(again[0]), abs(again[1]))
    return Witness(
        point={"problem": source, "values": dict(zip(problem.names, point, strict=True))},
        first=Way(name, left, "<=", right),
        second=Way("50-digit floating point", again[0], "<=", again[1], margin=margin),
        replay=REPLAY,
    )
