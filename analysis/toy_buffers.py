"""What the buffers of Adam+CG and Adam+CM hold along the runs of :mod:`analysis.toys`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from optassay.optimizers import Rule

from .buffers import Spread, agreement, cosines, spread, stacked
from .landscapes import Landscape
from .runs import Observation, run
from .toys import Method, Plane

NEAR = 0.5  # of the sharp minimum, in every coordinate
Window = tuple[int, int]


@dataclass
class _Step:
    """One step as the measures see it: points, gradient, the buffer with the vector offered, and the one before."""

    landscape: Landscape
    before: np.ndarray
    gradient: np.ndarray
    after: np.ndarray
    offered: np.ndarray
    buffer: Any
    expected_keys: np.ndarray  # of a buffer that took nothing
    old_mean: np.ndarray

    @cached_property
    def stored(self) -> tuple[np.ndarray, np.ndarray]:
        return stacked(self.buffer)

    @cached_property
    def spread(self) -> Spread:
        return spread(*self.stored)

    @cached_property
    def mean(self) -> np.ndarray:
        return self.buffer.total / len(self.buffer.values)

    def alignment(self) -> np.ndarray:
        if self.before.shape[-1] != 2:
            raise ValueError(f"alignment needs two coordinates, got {self.before.shape[-1]}")
        vectors, fill = self.stored
        found = np.abs(cosines(vectors, top_direction(self.landscape.hessian(self.before)), fill))
        return _finite_mean(np.moveaxis(found, -1, 0))

    def influence(self) -> np.ndarray:
        change = _length(self.mean - self.old_mean)
        return change / (change + _length(self.offered + self.old_mean))


MEASURES: dict[str, Callable[[_Step], np.ndarray]] = {
    "ratio": lambda s: s.spread.ratio,
    "variance": lambda s: s.spread.variance,
    "relative variance": lambda s: s.spread.relative_variance,
    "agreement": lambda s: agreement(*s.stored),
    "replaced": lambda s: np.any(s.buffer.keys != s.expected_keys, axis=-1).astype(float),
    "step": lambda s: _length(s.after - s.before),
    "turning": lambda s: 1 - _cosine(s.mean, s.old_mean),
    "alignment": _Step.alignment,
    "opposition": lambda s: _cosine(s.gradient, s.old_mean),
    "left over": lambda s: _length(s.gradient + s.old_mean) / _length(s.gradient),
    "smaller": lambda s: (_length(s.offered) < _length(s.gradient)).astype(float),
    "influence": _Step.influence,
}


def top_direction(hessian: np.ndarray) -> np.ndarray:
    """Unit eigenvectors (..., 2) of the largest eigenvalue of symmetric 2 x 2 matrices."""
    angle = 0.5 * np.arctan2(2 * hessian[..., 0, 1], hessian[..., 0, 0] - hessian[..., 1, 1])
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def buffer_course(
    method: Method, study: Plane, measures: Sequence[str], *, along: Method | None = None, near: bool = False
) -> Mapping[str, np.ndarray]:
    """Measures (steps, starts) of the buffer after every step, for ``max(study.at)`` steps.

    "ratio": length of the mean over the mean length; "variance", "relative variance": see
    :class:`analysis.buffers.Spread`; "agreement": mean cosine of the longest stored vector with the others;
    "replaced": 1.0 where the step stored a vector; "step": length of the step; "turning": one minus the cosine
    between the buffer's means before and after; "alignment": mean modulus of the cosine between stored vectors and
    the Hessian's top eigenvector (two coordinates only); "opposition": cosine between the new gradient and the mean
    that the step adds to it; "left over": length of their sum over that of the gradient; "smaller": 1.0 where the
    vector offered is shorter than the gradient; "influence": length c of the change of the mean over c + length of
    the aggregate.

    Parameters
    ----------
    method : Method
        With a buffer of at least one vector.
    study : Plane
    measures : sequence of str
        Of ``MEASURES``.
    along : Method, optional
        The method whose runs these are; the buffer is that of ``method`` fed with the gradients met there.
    near : bool
        On the two wells: NaN unless every coordinate is within 1/2 of the sharp minimum 1.

    Raises
    ------
    ValueError
        An unknown measure, or one that the number of coordinates does not allow.
    """
    for name in measures:
        if name not in MEASURES:
            raise ValueError(f"measures must be of {', '.join(MEASURES)}, got {name!r}")
    watch = _Watch(method, study, measures, shadow=None if along is None else method.rule(), near=near)
    path = (method if along is None else along).rule()
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        observed = run(path, study.landscape, study.starts.points(), max(study.at), observe=watch).observed
    return {name: np.stack([row[k] for row in observed]) for k, name in enumerate(measures)}


@lru_cache(maxsize=1024)
def window_means(
    method: Method,
    study: Plane,
    measures: tuple[str, ...],
    windows: tuple[Window, ...],
    along: Method | None = None,
    near: bool = False,
) -> Mapping[str, np.ndarray]:
    """Means (windows, starts) of the measures over steps ``first`` to ``last`` of each window, both included.

    NaN steps are left out; see :func:`buffer_course` for the rest.

    Raises
    ------
    ValueError
        As :func:`buffer_course`, and windows outside the run.
    """
    for first, last in windows:
        if not 1 <= first <= last <= max(study.at):
            raise ValueError(f"windows must lie in 1..{max(study.at)}, got {first} to {last}")
    course = buffer_course(method, study, measures, along=along, near=near)
    return {
        name: np.stack([_finite_mean(table[first - 1 : last]) for first, last in windows])
        for name, table in course.items()
    }


class _Watch:
    """The observer behind :func:`buffer_course`, which remembers the buffer of the step before."""

    def __init__(self, method: Method, study: Plane, measures: Sequence[str], shadow: Rule | None, near: bool) -> None:
        self.study, self.near, self.shadow = study, near, shadow
        self.measures = [MEASURES[name] for name in measures]
        self.decay = 1.0 if dict(method.options).get("decayed") == "values" else method.decay
        self.momenta = method.name != "Adam+CG"
        start = study.starts.points()
        self.state: Any = None if shadow is None else shadow.init(start)
        self.keys = np.full((len(start), method.capacity), -np.inf)
        self.mean = np.zeros_like(start)

    def __call__(self, o: Observation) -> list[np.ndarray]:
        state = o.state
        if self.shadow is not None:
            _, self.state = self.shadow.step(o.before, o.gradient, self.state)
            state = self.state
        while not hasattr(state, "buffer"):
            state = state.inner
        step = _Step(
            landscape=self.study.landscape,
            before=o.before,
            gradient=o.gradient,
            after=o.after,
            offered=state.m if self.momenta else o.gradient,
            buffer=state.buffer,
            expected_keys=self.decay * self.keys,
            old_mean=self.mean,
        )
        self.keys, self.mean = state.buffer.keys, step.mean
        found = [measure(step) for measure in self.measures]
        if not self.near:
            return found
        here = np.all(np.abs(o.before - 1) < NEAR, axis=-1)
        return [np.where(here, values, np.nan) for values in found]


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(vectors * vectors, axis=-1))


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sum(a * b, axis=-1) / (_length(a) * _length(b))


def _finite_mean(values: np.ndarray) -> np.ndarray:
    """Means over the first axis of the finite entries, NaN without any."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    return np.where(finite, values, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan)
