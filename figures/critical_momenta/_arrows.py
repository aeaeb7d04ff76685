"""Single steps of the rules with a buffer: what they hold, and how that is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..registry import FigureData
from ..style import BLACK, GREEN, SKY

if TYPE_CHECKING:
    from analysis.landscapes import Landscape
    from analysis.toys import Method, Name, Plane

TWO: tuple[Name, ...] = ("Adam+CG", "Adam+CM")


class Steps(NamedTuple):
    """One run of a method with a buffer.

    Attributes
    ----------
    path : array, shape (steps + 1, 2)
    gradient : array, shape (steps, 2)
        New at each step.
    vectors : array, shape (steps, C, 2)
        Stored before it; NaN in empty slots.
    """

    path: np.ndarray
    gradient: np.ndarray
    vectors: np.ndarray


def record_steps(method: Method, landscape: Landscape, start: np.ndarray, steps: int) -> Steps:
    """One run from ``start`` (2,), with what its buffer holds before every step."""
    from analysis.buffers import stacked
    from analysis.runs import Observation, run

    held = [np.full((method.capacity, 2), np.nan)]

    def observe(o: Observation) -> tuple[np.ndarray, np.ndarray]:
        vectors, fill = stacked(o.state.buffer)
        stored = np.arange(method.capacity) < np.asarray(fill)
        held.append(np.where(stored[:, None], np.asarray(vectors), np.nan))
        return np.asarray(o.gradient), held[-2]

    found = run(method.rule(), landscape, start, steps, record_every=1, observe=observe)
    gradients, vectors = zip(*found.observed, strict=True)
    return Steps(np.asarray(found.trajectory), np.stack(gradients), np.stack(vectors))


def as_arrays(prefix: str, steps: Steps) -> dict[str, np.ndarray]:
    """The run as named arrays of a figure's data; :func:`from_arrays` takes them back."""
    return {f"{prefix} {name}": value for name, value in steps._asdict().items()}


def from_arrays(data: FigureData, prefix: str) -> Steps:
    """The run that :func:`as_arrays` stored under ``prefix``."""
    return Steps(*(data.arrays[f"{prefix} {name}"] for name in Steps._fields))


def stored_mean(steps: Steps, t: int) -> np.ndarray:
    """What step t adds to the new gradient or momentum: the sum over the stored vectors by C."""
    return np.nansum(steps.vectors[t], axis=0) / steps.vectors.shape[1]


def draw_arrows(ax: Any, steps: Steps, t: int, length: float) -> None:
    """Stored vectors, their mean and the new gradient of one step, all downhill; the longest as long as ``length``."""
    origin = steps.path[t]
    stored = steps.vectors[t][np.isfinite(steps.vectors[t, :, 0])]
    shown = [*((v, SKY, 0.7) for v in stored), (stored_mean(steps, t), BLACK, 1.2), (steps.gradient[t], GREEN, 1.2)]
    longest = max(float(np.linalg.norm(v)) for v, _, _ in shown) or 1.0
    for vector, colour, width in shown:
        tip = origin - vector * (length / longest)
        ax.annotate(
            "",
            tip,
            origin,
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour,
                "lw": width,
                "mutation_scale": 4,
                "shrinkA": 0,
                "shrinkB": 0,
            },
            annotation_clip=True,
        )


def arrow_handles() -> list[Any]:
    """Legend entries of :func:`draw_arrows`."""
    from matplotlib.lines import Line2D

    words = (("stored", SKY), ("their mean", BLACK), ("new gradient", GREEN))
    return [Line2D([], [], color=colour, label=word) for word, colour in words]


def window_around(points: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a square around points (n, 2), of at least the side ``least``."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float(np.max(high - low)) * 0.62, least / 2)
    centre = (low + high) / 2
    return centre - half, centre + half


def buffer_of_five(name: Name, decay: float, study: Plane, measures: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Measures (steps, starts) of the buffer with five slots."""
    from analysis.toy_buffers import buffer_course
    from analysis.toys import Method

    return buffer_course(Method(name, 0.1, capacity=5, decay=decay), study, measures)
