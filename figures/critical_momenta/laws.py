"""On the two-well family (9): from which curvature on a well is left, and what one dimension says of ten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import PAGE, canvas
from ._common import (
    COLOURS,
    FOUR,
    MARKERS,
    RUNS,
    STEPS,
    columns_of,
    declare,
    errors_of,
    interval_line,
    method_handles,
    method_of,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

DIMENSIONS = (1, 2, 3, 5, 7, 10)
SHARP = 100.0  # s of the right panel
CAPACITY, DECAY = 20, 0.99
GRID = {Level.QUICK: (13, 40), Level.NORMAL: (61, 400), Level.FULL: (121, 2000)}  # sharpness coefficients, starts
LARGEST = 1e6


def law_data(level: Level) -> FigureData:
    """Share of starts inside the sharp well that leave it (methods, s, 3), and escape ratios (methods, D, 3)."""
    from analysis.escape import in_flat_basin, ridge
    from analysis.landscapes import TwoWell
    from analysis.runs import run
    from analysis.toys import Starts, Wells, reached_flat

    count, starts = GRID[level]
    sharpness = np.geomspace(1.0, LARGEST, count)[:, None]
    # From the middle half of the well to both sides: its half width is 1 - ridge.
    place = np.random.default_rng([0, starts]).uniform(-0.5, 0.5, starts)
    start = (1.0 + place * (1.0 - ridge(sharpness)))[..., None]
    left, ratio = [], []
    for name in FOUR:
        rule = method_of(name, 0.05, 5, 0.7).rule()
        ends = run(rule, TwoWell(sharpness), start, STEPS).params
        left.append(wilson_rows(np.asarray(in_flat_basin(ends, sharpness))))
        method = method_of(name, 0.05, CAPACITY, DECAY)
        studies = [Wells((SHARP,), Starts(-5.0, 5.0, dim, RUNS[level])) for dim in DIMENSIONS]
        ratio.append([wilson_rows(reached_flat(method, study, "basin")[0]) for study in studies])
    arrays = {"s": sharpness[:, 0], "left": np.stack(left), "ratio": np.array(ratio)}
    return FigureData(arrays, {"runs": RUNS[level], "starts in the well": starts, "steps": STEPS, "seed": 0})


def law_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    parts = [
        long_table({"study": ["leaves the well"], "method": FOUR, "D": [1], "s": a["s"]}, **columns_of(rows, "share"))
        for rows in [a["left"][None, :, None]]
    ]
    axes = {"study": ["escape ratio"], "method": FOUR, "D": DIMENSIONS, "s": [SHARP]}
    parts.append(long_table(axes, **columns_of(a["ratio"][None, :, :, None], "share")))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _half(data: FigureData, name: str) -> str:
    """The first curvature 2 s of the grid from which on at least half of the starts leave for good."""
    a = data.arrays
    leaves = a["left"][FOUR.index(name), :, 0] >= 0.5
    if not leaves[-1]:
        return "no curvature shown"
    stays = np.nonzero(~leaves)[0]
    first = 2 * a["s"][stays[-1] + 1 if stays.size else 0]
    return f"{float(f'{first:.2g}'):g}"


def law_caption(data: FigureData) -> str:
    ratio = dict(zip(FOUR, data.arrays["ratio"][..., 0], strict=True))
    power = {name: f"{row[-1]:.2g} against {row[0] ** DIMENSIONS[-1]:.2g}" for name, row in ratio.items()}
    return (
        rf"Left: share of {data.inputs['starts in the well']} starts in the middle half of the sharp well that have "
        rf"left it after {STEPS} steps of 0.05, over its curvature $2s$ ($C=5$, $\lambda=0.7$). At least half leave "
        rf"from curvature {_half(data, 'Adam+CM')} on with Adam+CM, {_half(data, 'Adam+CG')} with Adam+CG, "
        rf"{_half(data, 'Adam+SAM')} with Adam+SAM and {_half(data, 'Adam')} with Adam: every method has such a "
        rf"limit, stored momenta have the lowest. Right: escape ratio in $D$ dimensions ({data.inputs['runs']} "
        rf"starts, $s=100$, $C=20$, $\lambda=0.99$); dashed: the $D$th power of that in one. It must hold for Adam, "
        rf"whose coordinates do not know each other ({power['Adam']} at $D=10$). A key that is a norm over all "
        rf"coordinates couples them: Adam+CG falls far below ({power['Adam+CG']}), Adam+CM a little "
        rf"({power['Adam+CM']}). 95 % Wilson intervals."
    )


def law_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.8)
    left, right = figure.subplots(1, 2)
    dims = np.asarray(DIMENSIONS, dtype=float)
    fine = np.linspace(1, 10, 50)
    for k, name in enumerate(FOUR):
        interval_line(left, 2 * a["s"], a["left"][k], COLOURS[name])
        rows = a["ratio"][k]
        right.errorbar(
            dims + 0.06 * (k - 1.5),
            rows[:, 0],
            yerr=errors_of(rows),
            fmt=MARKERS[name],
            color=COLOURS[name],
            markersize=3.5,
        )
        right.plot(fine, rows[0, 0] ** fine, "--", color=COLOURS[name], linewidth=0.8)
    left.set(xscale="log", xlabel="curvature $2s$ of the sharp well", ylabel="share that leaves", ylim=(-0.02, 1.02))
    right.set(xlabel="dimension $D$", ylabel="escape ratio", ylim=(-0.02, 1.02), xticks=DIMENSIONS)
    figure.legend(handles=method_handles(FOUR), loc="outside upper center", ncols=4)
    return figure


FIGURES = [
    declare(
        "escape-laws",
        "Which wells are left, and what one dimension says of ten",
        "Nothing drawn; the text says that a larger buffer needs wider minima.",
        ("escape-cause", "figure-6-escape-10d", "larger-buffer-overshoots-more"),
        (2.5, 12.0, 60.0),
        data=law_data,
        table=law_table,
        caption=law_caption,
        draw=law_draw,
    ),
]
