"""Batches of settings and seeds of one update rule on a finite sum, at a budget of sample gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import Array, context, to_numpy
from optassay.optimizers import Rule, VarianceReduced

from .problems import LinearModel

RECORDS = 40


class Curves(NamedTuple):
    """Suboptimality along the runs.

    Attributes
    ----------
    calls : (k,)
        Sample gradients (SFO-calls) spent so far, the start at 0.
    suboptimality : (k, settings, runs)
        Infinite where a run has diverged.
    """

    calls: np.ndarray
    suboptimality: np.ndarray

    @property
    def final(self) -> np.ndarray:
        """(settings, runs)."""
        return self.suboptimality[-1]


def trial(
    problem: LinearModel, rule: Rule, starts: Array, settings: int, batch: int, budget: int, seed: Any, inner: int = 0
) -> Curves:
    """Run ``rule`` with every setting from every start until ``budget`` sample gradients are spent.

    Parameters
    ----------
    problem : LinearModel
    rule : Rule
        Hyperparameters are numbers or arrays (settings, 1). For ``VarianceReduced`` a step costs ``2 batch`` and a
        snapshot T calls.
    starts : array, shape (runs, d)
    batch : int
        Drawn with replacement, the same for every setting and every rule that takes as many per step; T stands for the
        full gradient.
    budget : int
        Sample gradients.
    seed : int or sequence of int
        Of the batches.
    inner : int
        Steps between snapshots of ``VarianceReduced``.

    Raises
    ------
    ValueError
        ``batch`` outside 1..T, a budget below one step, ``inner`` below 1 for ``VarianceReduced``.
    """
    if not 1 <= batch <= problem.count:
        raise ValueError(f"batch must lie in 1..{problem.count}, got {batch}")
    reduced = isinstance(rule, VarianceReduced)
    if reduced and inner < 1:
        raise ValueError(f"inner must be at least 1 for VarianceReduced, got {inner}")
    least = problem.count + 2 * batch if reduced else batch
    if budget < least:
        raise ValueError(f"budget must cover one step ({least}), got {budget}")
    ctx = context(starts=starts, features=problem.features)
    x = ctx.xp.broadcast_to(starts, (settings, *starts.shape))
    batches = _batches(np.random.default_rng(seed), problem, starts.shape[0], batch)
    calls, found = [0], [_suboptimality(problem, x)]
    marks = np.linspace(0, budget, RECORDS + 1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # divergence is a result
        for spent, point in (_reduced if reduced else _plain)(problem, rule, x, batches, batch, budget, inner):
            if spent >= marks[len(calls)] - 1e-9 * budget or spent + batch > budget:
                calls.append(spent)
                found.append(_suboptimality(problem, point))
                marks = np.append(marks, np.inf) if len(calls) == len(marks) else marks
    return Curves(np.array(calls), np.stack(found))


def _plain(
    problem: LinearModel, rule: Any, x: Array, batches: Iterator[Any], batch: int, budget: int, inner: int
) -> Iterator[tuple[int, Array]]:
    del inner
    rule = rule.replace(nonfinite="propagate")
    state = rule.init(x)
    for t in range(1, budget // batch + 1):
        x, state = rule.step(x, _gradient(problem, x, next(batches)), state)
        yield t * batch, x


def _reduced(
    problem: LinearModel, rule: Any, x: Array, batches: Iterator[Any], batch: int, budget: int, inner: int
) -> Iterator[tuple[int, Array]]:
    rule = rule.replace(nonfinite="propagate", rule=rule.rule.replace(nonfinite="propagate"))
    state, spent = rule.init(x), 0
    while spent + problem.count + 2 * batch <= budget:
        state = rule.take_snapshot(x, problem.gradient(x), state)
        spent += problem.count
        for _ in range(inner):
            if spent + 2 * batch > budget:
                return
            indices = next(batches)

            def gradient(point: Array, indices: Any = indices) -> Array:
                return _gradient(problem, point, indices)

            x, state = rule.step(x, gradient(x), state, gradient_fn=gradient)
            spent += 2 * batch
            yield spent, x


def _gradient(problem: LinearModel, x: Array, indices: Any) -> Array:
    return problem.gradient(x) if indices is None else problem.batch_gradient(x, indices)


def _batches(rng: np.random.Generator, problem: LinearModel, runs: int, batch: int) -> Iterator[Any]:
    """Indices (runs, batch) for ever; None for the full sum."""
    ctx = context(features=problem.features)
    while True:
        if batch == problem.count:
            yield None
        else:
            yield ctx.asarray(rng.integers(0, problem.count, (runs, batch)), dtype=ctx.xp.int64)


def _suboptimality(problem: LinearModel, x: Array) -> np.ndarray:
    found = to_numpy(problem.suboptimality(x))
    return np.where(np.isfinite(found), found, np.inf)
