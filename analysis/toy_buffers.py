"""What the buffers of Adam+CG and Adam+CM hold along the runs of :mod:`analysis.toys`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .buffers import cosines, spread, stacked
from .runs import Observation, run
from .toys import Method, Plane

MEASURES = (
    "ratio",
    "variance",
    "relative variance",
    "replaced",
    "step",
    "turning",
    "alignment",
    "opposition",
    "left over",
)


def _buffer(state: Any) -> Any:
    while not hasattr(state, "buffer"):
        state = state.inner
    return state.buffer


def top_direction(hessian: np.ndarray) -> np.ndarray:
    """Unit eigenvectors (..., 2) of the largest eigenvalue of symmetric 2 x 2 matrices."""
    angle = 0.5 * np.arctan2(2 * hessian[..., 0, 1], hessian[..., 0, 0] - hessian[..., 1, 1])
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


@lru_cache(maxsize=64)
def buffer_course(method: Method, study: Plane) -> Mapping[str, np.ndarray]:
    """Measures (steps, starts) of the buffer after every step, for ``max(study.at)`` steps in the plane.

    "ratio": length of the mean over the mean length; "variance", "relative variance": see
    :class:`analysis.buffers.Spread`; "replaced": 1.0 where the step stored a vector; "step": length of the step;
    "turning": one minus the cosine between the buffer's means before and after; "alignment": mean modulus of the
    cosine between stored vectors and the Hessian's top eigenvector; "opposition": cosine between the new gradient and
    the mean that the step adds to it; "left over": length of their sum over that of the gradient.
    """
    previous: dict[str, Any] = {"vectors": None, "mean": None}

    def observe(o: Observation) -> list[np.ndarray]:
        vectors, fill = (np.asarray(a) for a in stacked(_buffer(o.state)))
        found, count = spread(vectors, fill), vectors.shape[-2]
        mean = vectors.sum(axis=-2) / count
        before = previous["vectors"]
        replaced = np.ones(len(mean)) if before is None else np.any(vectors != before, axis=(-2, -1)).astype(float)
        old = np.zeros_like(mean) if before is None else previous["mean"]
        gradient, step = np.asarray(o.gradient), np.asarray(o.after) - np.asarray(o.before)
        top = top_direction(np.asarray(study.landscape.hessian(o.before)))
        previous["vectors"], previous["mean"] = vectors, mean
        return [
            np.asarray(found.ratio),
            np.asarray(found.variance),
            np.asarray(found.relative_variance),
            replaced,
            np.linalg.norm(step, axis=-1),
            1 - _cosine(mean, old),
            np.nanmean(np.abs(np.asarray(cosines(vectors, top, fill))), axis=-1),
            _cosine(gradient, old),
            np.linalg.norm(gradient + old, axis=-1) / np.linalg.norm(gradient, axis=-1),
        ]

    with np.errstate(invalid="ignore", divide="ignore"):
        observed = run(method.rule(), study.landscape, study.starts.points(), max(study.at), observe=observe).observed
    table = np.stack([np.stack(row) for row in observed])
    return {name: table[:, k] for k, name in enumerate(MEASURES)}


def window_mean(method: Method, study: Plane, measure: str, first: int, last: int) -> np.ndarray:
    """Mean (starts,) of a measure over steps ``first`` to ``last``, both included; NaN steps left out.

    Raises
    ------
    ValueError
        An unknown measure, or steps outside the run.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}, got {measure!r}")
    if not 1 <= first <= last <= max(study.at):
        raise ValueError(f"first and last must lie in 1..{max(study.at)}, got {first} and {last}")
    part = buffer_course(method, study)[measure][first - 1 : last]
    valid = np.isfinite(part)
    return np.where(valid, part, 0).sum(axis=0) / np.where(valid.any(axis=0), valid.sum(axis=0), np.nan)


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
