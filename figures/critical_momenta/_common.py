"""What the figures of "Critical Momenta" share: how one is declared, colours, intervals, surfaces and paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import Cost, Figure, FigureData, Level
from ..style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.landscapes import Landscape
    from analysis.toys import Method, Name

PAPER = "Promoting Exploration in Memory-Augmented Adam using Critical Momenta"
ID = "critical-momenta"
# What the toy figures compute with.
TOYS = ("analysis", "optassay.arrays", "optassay.optimizers", "optassay.factors", "optassay._compiler")

RUNS = {Level.QUICK: 100, Level.NORMAL: 1000, Level.FULL: 4000}
STEPS = 500
DROP = 250  # figure 4 divides the step by ten after it
FOUR: tuple[Name, ...] = ("Adam", "Adam+SAM", "Adam+CG", "Adam+CM")
FIVE: tuple[Name, ...] = (*FOUR, "Adam+SAM+CM")
COLOURS = {
    "Adam": BLACK,
    "Adam+SAM": ORANGE,
    "Adam+CG": BLUE,
    "Adam+CM": VERMILLION,
    "Adam+SAM+CM": GREEN,
    "Adam+MEG": PURPLE,
}
# Told apart without colour too.
MARKERS = {"Adam": "o", "Adam+SAM": "s", "Adam+CG": "^", "Adam+CM": "D", "Adam+SAM+CM": "v", "Adam+MEG": "P"}


def declare(
    short: str,
    title: str,
    shows: str,
    claims: Sequence[str],
    cost: tuple[float, float, float],
    *,
    data: Callable[[Level], FigureData],
    table: Callable[[FigureData], Mapping[str, np.ndarray]],
    caption: Callable[[FigureData], str],
    draw: Callable[[FigureData], Canvas],
    uses: Sequence[str] = TOYS,
) -> Figure:
    """A figure of this paper; ``short`` and ``claims`` without the paper's prefix, ``cost`` quick, normal, full."""
    return Figure(
        id=f"{ID}/{short}",
        paper=PAPER,
        title=title,
        shows=shows,
        claims=tuple(f"{ID}/{claim}" for claim in claims),
        cost=Cost(*cost),
        data=data,
        table=table,
        caption=caption,
        draw=draw,
        uses=(*uses, __name__),
    )


def method_of(name: Name, step_size: float, capacity: int, decay: float, **options: Any) -> Method:
    """A method with this buffer, if it has one: the others are the same, and run once, whatever is chosen for it."""
    from analysis.toys import CRITICAL, Method

    if name in CRITICAL:
        options |= {"capacity": capacity, "decay": decay}
    return Method(name, step_size, **options)


# Intervals: arrays (..., 3) of a value and both ends of its 95 % interval


def wilson_rows(outcomes: np.ndarray) -> np.ndarray:
    """Ratio and Wilson interval of 0/1 outcomes along the last axis."""
    from analysis.escape import wilson

    found = wilson(outcomes.sum(axis=-1).astype(int), outcomes.shape[-1])
    return np.stack([found.value, found.low, found.high], axis=-1)


def mean_rows(values: np.ndarray) -> np.ndarray:
    """Mean along the last axis and its normal interval; runs that diverged (NaN) are left out, one alone gives NaN."""
    valid = ~np.isnan(values)
    count = np.sum(valid, axis=-1).astype(float)
    count = np.where(count < 2, np.nan, count)
    mean = np.sum(np.where(valid, values, 0.0), axis=-1) / count
    squares = np.sum(np.where(valid, values - mean[..., None], 0.0) ** 2, axis=-1)
    half = 1.96 * np.sqrt(squares / (count - 1) / count)
    return np.stack([mean, mean - half, mean + half], axis=-1)


def study_band(values: np.ndarray, size: int, trials: int = 1000) -> np.ndarray:
    """Quantiles 2.5 % and 97.5 % (..., 2) of the mean of ``size`` runs drawn from those along the last axis.

    By resampling: means of few runs that end in one of several wells are far from normal.
    """
    rows = np.random.default_rng([size, trials]).integers(0, values.shape[-1], (trials, size))
    total = values[..., rows[:, 0]].copy()
    for k in range(1, size):
        total += values[..., rows[:, k]]
    return np.moveaxis(np.quantile(total / size, [0.025, 0.975], axis=-1), 0, -1)


def columns_of(rows: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """The three columns of a table that hold a value and its interval."""
    return {name: rows[..., 0], f"{name}_low": rows[..., 1], f"{name}_high": rows[..., 2]}


def errors_of(rows: np.ndarray) -> np.ndarray:
    """Lengths (2, n) of the error bars of rows (n, 3); rounding may put a Wilson end beyond a ratio of 0 or 1."""
    return np.maximum([rows[:, 0] - rows[:, 1], rows[:, 2] - rows[:, 0]], 0.0)


def interval_line(ax: Any, x: np.ndarray, rows: np.ndarray, colour: str, style: str = "-", **options: Any) -> None:
    """A curve with its band."""
    ax.plot(x, rows[:, 0], style, color=colour, **options)
    ax.fill_between(x, rows[:, 1], rows[:, 2], color=colour, alpha=0.18, linewidth=0)


# Surfaces in the plane, and paths on them

GRID = 161
Corner = Sequence[float] | np.ndarray


def surface(landscape: Landscape, low: Corner, high: Corner) -> np.ndarray:
    """Values (GRID, GRID) over a rectangle, rows along y."""
    x, y = np.meshgrid(*(np.linspace(a, b, GRID) for a, b in zip(low, high, strict=True)))
    return np.asarray(landscape.value(np.stack([x, y], axis=-1)))


def draw_surface(ax: Any, values: np.ndarray, low: Corner, high: Corner, levels: int = 12) -> None:
    """The surface in light grey, low values dark, with contours at its quantiles; the axes show just this rectangle."""
    import matplotlib as mpl

    shades = mpl.colors.ListedColormap(mpl.colormaps["Greys_r"](np.linspace(0.55, 1.0, 64)))
    extent = (low[0], high[0], low[1], high[1])
    ranks = np.quantile(values, np.linspace(0, 1, 65))
    ax.imshow(
        np.searchsorted(ranks, values),
        extent=extent,
        origin="lower",
        cmap=shades,
        interpolation="bilinear",
        aspect="auto",
        rasterized=True,
    )
    axes = [np.linspace(a, b, GRID) for a, b in zip(low, high, strict=True)]
    cuts = np.unique(np.quantile(values, np.linspace(0, 1, levels + 2)[1:-1]))
    ax.contour(*axes, values, cuts, colors="white", linewidths=0.4, linestyles="solid")
    ax.set(xlim=extent[:2], ylim=extent[2:])
    ax.grid(False)


def walk(method: Method, landscape: Landscape, starts: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Points (steps + 1, starts, d) of every step."""
    from analysis.runs import run

    return np.asarray(run(method.rule(), landscape, starts, steps, record_every=1).trajectory)


def draw_path(ax: Any, path: np.ndarray, name: str, **options: Any) -> None:
    """One path (steps + 1, 2) in its method's colour, with its end."""
    colour = COLOURS[name]
    ax.plot(*path.T, color=colour, linewidth=0.8, solid_joinstyle="round", **options)
    ax.plot(*path[-1], MARKERS[name], color=colour, markersize=4.5, markeredgecolor="white", markeredgewidth=0.5)


def draw_start(ax: Any, point: np.ndarray) -> None:
    """A black square, as in the paper."""
    ax.plot(*point, "s", color=BLACK, markersize=4, markeredgecolor="white", markeredgewidth=0.5, zorder=5)


def draw_goal(ax: Any, point: Sequence[float]) -> None:
    """The global minimum: a black diamond, as in the paper."""
    ax.plot(*point, "D", color=BLACK, markersize=5, markeredgecolor="white", markeredgewidth=0.6, zorder=6)


def method_handles(names: Sequence[str]) -> list[Any]:
    """Legend entries of methods: line and end marker."""
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=COLOURS[n], marker=MARKERS[n], markersize=4, linewidth=0.9, label=n) for n in names]
