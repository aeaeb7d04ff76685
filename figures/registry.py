"""What a figure is, and where the figures are found.

The figures of a paper are one module with a list ``FIGURES``. Those of this package stand in ``MODULES``, whose order
is the gallery's; another distribution adds its own through an entry point of the group ``optassay.figures`` that names
such a module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# A tuple and not a search of the folder: the order is meant, and a half-written module in the folder breaks nothing.
MODULES = (
    "figures.dissecting_adam",
    "figures.dissecting_adam_theory",
    "figures.softadam",
    "figures.critical_momenta",
    "figures.adamomentum",
    "figures.anderson_mixing",
    "figures.training",
)
GROUP = "optassay.figures"


class Level(StrEnum):
    """How much a study computes: seconds for a look, what the paper's figure needs, or the heavy version."""

    QUICK = "quick"
    NORMAL = "normal"
    FULL = "full"


class FigureData(NamedTuple):
    """What a figure is drawn from: named arrays, and the inputs (seeds, sizes, choices) that they came from."""

    arrays: Mapping[str, np.ndarray]
    inputs: Mapping[str, Any]  # JSON values


@dataclass(frozen=True)
class Cost:
    """Seconds on one core at each level; None where the figure is left out of that level."""

    quick: float | None
    normal: float | None
    full: float | None

    def at(self, level: Level) -> float | None:
        return getattr(self, level.value)


@dataclass(frozen=True)
class Figure:
    """One figure: pure data, a table for people, a drawing, and what the gallery says beside it.

    Attributes
    ----------
    id : str
        ``paper/figure``, for example ``dissecting-adam/figure-2``; also the path of its files.
    paper, title : str
        The paper's title; a short headline of our own.
    shows : str
        What the paper's figure shows, in our words.
    caption : callable
        From the data: what holds, with its numbers. TeX between dollar signs.
    claims : sequence of str
        Ids of the claims that the figure bears on.
    cost : Cost
    data : callable
        ``Level -> FigureData``. Pure: the same arrays on every call, process and number of jobs.
    table : callable
        The data as columns of one length, for the CSV file.
    draw : callable
        The data as a matplotlib figure, made by :func:`figures.style.canvas`.
    uses : sequence of str
        Packages or modules of ours that ``data`` computes with; their source decides whether cached data is stale.
    """

    id: str
    paper: str
    title: str
    shows: str
    caption: Callable[[FigureData], str]
    claims: Sequence[str]
    cost: Cost
    data: Callable[[Level], FigureData]
    table: Callable[[FigureData], Mapping[str, np.ndarray]]
    draw: Callable[[FigureData], Canvas]
    uses: Sequence[str] = field(default=())


def load_figures(only: Sequence[str] = ()) -> list[Figure]:
    """All figures in the gallery's order, or those with the ids ``only``.

    Raises
    ------
    ValueError
        An id is not known (the message suggests the nearest), or two figures share one.
    """
    modules = [*MODULES, *(point.value for point in sorted(entry_points(group=GROUP), key=lambda point: point.name))]
    found: dict[str, Figure] = {}
    for module in modules:
        for figure in import_module(module).FIGURES:
            if figure.id in found:
                raise ValueError(f"figure id {figure.id!r} is defined twice")
            found[figure.id] = figure
    for name in only:
        if name not in found:
            near = get_close_matches(name, found, n=1, cutoff=0.3)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(found)}"
            raise ValueError(f"figure {name!r} is not known; {hint}")
    return [figure for figure in found.values() if not only or figure.id in only]


def long_table(coordinates: Mapping[str, Any], **variables: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a long table: one row for every combination of coordinates, the last one running fastest.

    Parameters
    ----------
    coordinates : mapping
        Name and values of each axis, in the order of the variables' axes.
    **variables : array
        Each of the shape given by the coordinates.

    Raises
    ------
    ValueError
        A variable has another shape.
    """
    axes = [np.asarray(values) for values in coordinates.values()]
    shape = tuple(len(axis) for axis in axes)
    for name, values in variables.items():
        if np.shape(values) != shape:
            raise ValueError(f"{name} must have the coordinates' shape {shape}, got {np.shape(values)}")
    grids = np.meshgrid(*axes, indexing="ij")
    columns = {name: grid.ravel() for name, grid in zip(coordinates, grids, strict=True)}
    return columns | {name: np.ravel(values) for name, values in variables.items()}
