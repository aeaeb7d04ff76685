"""Batched runs of any update rule on a landscape, and the starts they begin from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import Array, Context, context, uniform
from optassay.optimizers import Rule

from ._blocks import block_length, joined, splits
from .landscapes import Landscape


class Observation(NamedTuple):
    """What an observer sees after step ``t``: the point it came from, the gradient there, the point it went to."""

    t: int
    before: Array
    gradient: Array
    after: Array
    state: Any


class Run(NamedTuple):
    """A finished batch.

    Attributes
    ----------
    params : (..., d)
        End points.
    state : NamedTuple
        The rule's state there.
    steps : tuple of int
        At which steps the trajectory was recorded, 0 being the start.
    trajectory : (len(steps), ..., d) or None
    observed : list
        What ``observe`` returned, step by step.
    """

    params: Array
    state: Any
    steps: tuple[int, ...]
    trajectory: Array | None
    observed: list[Any]


def run(
    rule: Rule,
    landscape: Landscape,
    start: Array,
    steps: int,
    *,
    record_every: int | None = None,
    observe: Callable[[Observation], Any] | None = None,
    block: int | None = None,
    jobs: int = 1,
) -> Run:
    """Run ``rule`` on ``landscape`` from every start at once.

    Parameters
    ----------
    rule : Rule
        Its hyperparameters may be arrays over the batch axes, or schedules. Runs that diverge do not stop the others,
        whatever its ``nonfinite`` says: they go on as infinities and NaN.
    landscape : Landscape
    start : array, shape (..., d)
    steps : int
    record_every : int, optional
        Record the start, every so many steps, and the end.
    observe : callable, optional
        Called after every step with the whole batch; its results are collected.
    block : int, optional
        Runs per block on the last batch axis; the default fits the cache. Batches go in blocks on the host, without
        an observer, and where no hyperparameter or parameter of the landscape differs along that axis; it does not
        change the results.
    jobs : int
        Processes that share the blocks.

    Raises
    ------
    TypeError
        ``rule`` is no update rule.
    ValueError
        Negative ``steps``, ``record_every``, ``block`` or ``jobs`` below 1, or starts that do not fit the landscape.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be an update rule such as Adam(), got {rule!r}")
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    for name, count in (("record_every", record_every), ("block", block), ("jobs", jobs)):
        if count is not None and count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    params = context(start=start).asarray(start)
    rule = propagating(rule)
    if observe is None and splits(params, rule, landscape):
        length = block if block is not None else block_length(rule, params)
        length = min(length, -(-params.shape[-2] // jobs))
        if length < params.shape[-2]:
            return _in_blocks(rule, landscape, params, steps, record_every, length, jobs)
    return _whole(rule, landscape, params, steps, record_every, observe)


def _in_blocks(
    rule: Rule, landscape: Landscape, start: Array, steps: int, record_every: int | None, length: int, jobs: int
) -> Run:
    parts = [start[..., cut : cut + length, :] for cut in range(0, start.shape[-2], length)]
    if jobs == 1:
        done = [_whole(rule, landscape, part, steps, record_every, None) for part in parts]
    else:
        from joblib import Parallel, delayed

        done = Parallel(n_jobs=jobs)(delayed(_whole)(rule, landscape, p, steps, record_every, None) for p in parts)
    axis = start.ndim - 2
    path = None if record_every is None else joined([part.trajectory for part in done], axis + 1)
    return Run(
        joined([part.params for part in done], axis),
        joined([part.state for part in done], axis),
        done[0].steps,
        path,
        [],
    )


def _whole(
    rule: Rule,
    landscape: Landscape,
    params: Array,
    steps: int,
    record_every: int | None,
    observe: Callable[[Observation], Any] | None,
) -> Run:
    xp = context(params=params).xp
    extra: dict[str, Any] = {}
    if "gradient_fn" in inspect.signature(rule.step).parameters:
        extra["gradient_fn"] = landscape.gradient
    state = rule.init(params)
    kept, path, observed = [0], [params], []
    # Single runs of a batch may overflow; that is a result, not a fault to warn about.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for t in range(1, steps + 1):
            gradient = landscape.gradient(params)
            after, state = rule.step(params, gradient, state, **extra)
            if observe is not None:
                observed.append(observe(Observation(t, params, gradient, after, state)))
            params = after
            if record_every is not None and (t % record_every == 0 or t == steps):
                kept.append(t)
                path.append(params)
    if record_every is None:
        return Run(params, state, (), None, observed)
    return Run(params, state, tuple(kept), xp.stack(path, axis=0), observed)


def uniform_starts(count: int, low: Sequence[float], high: Sequence[float], rng: Any, like: Array = None) -> Array:
    """``count`` independent points, uniform in the box from ``low`` to ``high``: shape (count, d).

    Namespace, device and dtype are those of ``like`` (NumPy without it).

    Raises
    ------
    ValueError
        No starts asked for, corners of different lengths, or a box that is turned inside out.
    """
    ctx, low, high = _box(low, high, like)
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    unit = uniform(rng, 0.0, 1.0, (count, len(low)), ctx)
    return ctx.asarray(np.array(low)) + ctx.asarray(np.subtract(high, low)) * unit


def grid_starts(per_axis: int, low: Sequence[float], high: Sequence[float], like: Array = None) -> Array:
    """The points of a regular grid over a box, its ends included: shape (per_axis^d, d)."""
    ctx, low, high = _box(low, high, like)
    if per_axis < 2:
        raise ValueError(f"per_axis must be at least 2, got {per_axis}")
    axes = np.meshgrid(*(np.linspace(a, b, per_axis) for a, b in zip(low, high, strict=True)), indexing="ij")
    return ctx.asarray(np.stack([axis.ravel() for axis in axes], axis=-1))


def _box(low: Sequence[float], high: Sequence[float], like: Array) -> tuple[Context, list[float], list[float]]:
    low, high = [float(v) for v in low], [float(v) for v in high]
    if len(low) != len(high) or not low:
        raise ValueError(f"low and high must have one entry per coordinate each, got {len(low)} and {len(high)}")
    if any(a > b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"low must not exceed high, got {low} and {high}")
    return context(like=np.zeros(0) if like is None else like), low, high


def propagating(rule: Rule) -> Rule:
    """The rule, and every rule inside it, with ``nonfinite="propagate"``."""
    changes: dict[str, Any] = {"nonfinite": "propagate"}
    if is_dataclass(rule):
        changes |= {
            f.name: propagating(value) for f in fields(rule) if isinstance(value := getattr(rule, f.name), Rule)
        }
    return rule.replace(**changes)
