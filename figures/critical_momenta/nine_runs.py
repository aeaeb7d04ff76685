"""Figures 5, 17 and 18 of "Critical Momenta": nine runs on the two-well function (9), and all starts around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import BLACK, GREY, ORANGE, PAGE, PURPLE, SKY, canvas
from ._common import COLOURS, DROP, STEPS, declare, walk

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.toys import Method, Name

SHARPNESS = (5.0, 10.0, 100.0)
STARTS = (-2.0, 2.0, 3.0)
THREE: tuple[Name, ...] = ("Adam", "Adam+CG", "Adam+CM")
TWO: tuple[Name, ...] = ("Adam+CG", "Adam+CM")
FLAT, SHARP = "#CBE8DD", "#F7D3C7"  # the green and red backgrounds of the paper, pale
GRIDS = {Level.QUICK: (40, 12), Level.NORMAL: (200, 60), Level.FULL: (600, 120)}  # starts, sharpness coefficients


def _nine(method: Method) -> np.ndarray:
    """Paths (steps + 1, s, x0) of the nine runs."""
    from analysis.landscapes import TwoWell

    start = np.broadcast_to(np.asarray(STARTS)[:, None], (len(SHARPNESS), len(STARTS), 1))
    return walk(method, TwoWell(np.asarray(SHARPNESS)[:, None]), start)[..., 0]


def _flat(ends: np.ndarray) -> np.ndarray:
    """Whether ends (..., s, x0) lie in the flat basin."""
    from analysis.escape import in_flat_basin

    return np.asarray(in_flat_basin(ends[..., None], np.asarray(SHARPNESS)[:, None]))


def _map(method: Method, level: Level) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sharpness coefficients, starts, and 1.0 (s, x0) where the run ends in the flat basin."""
    from analysis.toys import Starts, Wells, reached_flat

    starts, count = GRIDS[level]
    sharpness = np.geomspace(1.2, 200, count)
    study = Wells(tuple(sharpness.tolist()), Starts(-3.0, 4.0, 1, starts, grid=True))
    return sharpness, study.starts.points()[:, 0], reached_flat(method, study, "basin")


def _nine_table(data: FigureData, axes: Mapping[str, Sequence[Any]]) -> dict[str, np.ndarray]:
    """The end points and outcomes; ``axes`` come before s and x0."""
    ends = data.arrays["paths"][..., -1, :, :]
    return long_table({**axes, "s": SHARPNESS, "x0": STARTS}, end=ends, flat=_flat(ends).astype(int))


# Figure 5


def five_data(level: Level) -> FigureData:
    """Paths (methods, steps + 1, s, x0) at C = 5, decay 0.7."""
    from analysis.toys import Method

    del level
    paths = np.stack([_nine(Method(name)) for name in THREE])
    return FigureData({"paths": paths}, {"capacity": 5, "decay": 0.7, "steps": STEPS, "step size": 0.05})


def five_table(data: FigureData) -> Mapping[str, np.ndarray]:
    return _nine_table(data, {"method": THREE})


def five_caption(data: FigureData) -> str:
    counts = _flat(data.arrays["paths"][:, -1]).sum(axis=(1, 2))
    ends = np.abs(data.arrays["paths"][:, -1])
    near = np.sum(ends <= 0.1, axis=(1, 2))
    said = ", ".join(f"{name} {n} of nine" for name, n in zip(THREE, counts, strict=True))
    return (
        rf"The points of each run on the loss, dark: early, line: end point; green: it ends in the flat basin. Rows: "
        rf"start $x_0$, columns: sharpness $s$. $C=5$, $\lambda=0.7$, {STEPS} steps of 0.05. In the flat basin end "
        rf"{said}, as the paper says. Within 0.1 of the minimum itself are only {near[2]} of Adam+CM's, which still "
        rf"swing, and {near[1]} of Adam+CG's."
    )


def five_draw(data: FigureData) -> Canvas:
    from analysis.landscapes import TwoWell

    paths = data.arrays["paths"]
    outcome = _flat(paths[:, -1])
    figure = canvas(PAGE, 2.75)
    blocks = figure.subfigures(1, len(THREE), wspace=0.02, squeeze=False).flat
    x = np.linspace(-2.6, 3.4, 301)
    for block, name, method_paths, method_outcome in zip(blocks, THREE, paths, outcome, strict=True):
        axes = block.subplots(len(STARTS), len(SHARPNESS), sharex=True, sharey=True)
        block.suptitle(name, fontsize=8)
        for column, s in enumerate(SHARPNESS):
            landscape = TwoWell(s)
            for row, start in enumerate(STARTS):
                ax, path = axes[row, column], method_paths[:, column, row]
                ax.set_facecolor(FLAT if method_outcome[column, row] else SHARP)
                ax.plot(x, landscape.value(x[:, None]), color=GREY, linewidth=0.6)
                ax.scatter(
                    path,
                    landscape.value(path[:, None]),
                    c=np.log1p(np.arange(len(path))),
                    cmap="viridis",
                    s=3,
                    linewidths=0,
                    rasterized=True,
                )
                ax.axvline(path[-1], color=BLACK, linewidth=0.8)
                ax.grid(False)
                ax.set(xlim=(-2.6, 3.4), ylim=(-0.5, 9.5), yticks=[])
                ax.set_xticks([-2, 0, 2])
                if row == 0:
                    ax.set_title(f"$s={s:g}$", fontsize=7.5, pad=2)
                if column == 0 and name == THREE[0]:
                    ax.set_ylabel(f"$x_0={start:g}$")
    return figure


# The whole range of starts and sharpness


def map_data(level: Level) -> FigureData:
    """Basin that ends up occupied, by method, s and start: 1.0 for the flat one."""
    from analysis.toys import Method

    found = [_map(Method(name), level) for name in THREE]
    arrays = {"flat": np.stack([flat for _, _, flat in found]), "s": found[0][0], "x0": found[0][1]}
    return FigureData(arrays, {"capacity": 5, "decay": 0.7, "steps": STEPS, "step size": 0.05})


def map_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table({"method": THREE, "s": a["s"], "x0": a["x0"]}, flat=a["flat"].astype(int))


def map_caption(data: FigureData) -> str:
    a = data.arrays
    share = ", ".join(f"{name} {value:.2f}" for name, value in zip(THREE, a["flat"].mean(axis=(1, 2)), strict=True))
    leaves = a["flat"][:, :, a["x0"] > 1].mean(axis=2) >= 0.5
    first = [a["s"][np.argmax(row)] if row.any() else np.inf for row in leaves]
    return (
        r"Every start $x_0$ and sharpness $s$: green where the run ends in the flat basin, red in the sharp one "
        rf"($C=5$, $\lambda=0.7$, {STEPS} steps). Shares of the picture: {share}. Line: ridge between the wells. "
        rf"Crosses: the paper's nine runs. Adam stays on the side where it starts. Both buffers leave the sharp well "
        rf"once it is sharp enough: half of the starts beyond 1 do so from $s={first[2]:.1f}$ on with stored momenta, "
        rf"from $s={first[1]:.1f}$ on with stored gradients."
    )


def map_draw(data: FigureData) -> Canvas:
    from matplotlib.colors import ListedColormap

    from analysis.escape import ridge

    a = data.arrays
    figure = canvas(PAGE, 2.5)
    for ax, name, flat in zip(figure.subplots(1, 3, sharey=True), THREE, a["flat"], strict=True):
        ax.pcolormesh(a["x0"], a["s"], flat, cmap=ListedColormap([SHARP, FLAT]), vmin=0, vmax=1, rasterized=True)
        ax.plot(ridge(a["s"]), a["s"], color=GREY)
        for s in SHARPNESS:
            ax.plot(STARTS, [s] * len(STARTS), "x", color=BLACK, markersize=4)
        ax.grid(False)
        ax.set(yscale="log", title=name, xlabel="start $x_0$", xlim=(-3, 4), ylim=(a["s"][0], a["s"][-1]))
    figure.axes[0].set(ylabel="sharpness coefficient $s$")
    return figure


# Figures 17 and 18

SIZES = (5, 10, 20)
RUN_COLOURS = dict(zip(STARTS, (PURPLE, SKY, ORANGE), strict=True))


def _sensitivity(decay: float, level: Level) -> FigureData:
    """Paths (C, methods, drop, steps + 1, s, x0), and the flat share of the whole map (C, methods)."""
    from analysis.toys import Method

    arms = [[Method(name, capacity=size, decay=decay) for name in TWO] for size in SIZES]
    paths = [
        [[_nine(Method(name, capacity=size, decay=decay, drop=drop)) for drop in (None, DROP)] for name in TWO]
        for size in SIZES
    ]
    share = [[_map(method, level)[2].mean() for method in row] for row in arms]
    return FigureData({"paths": np.array(paths), "share": np.array(share)}, {"lambda": decay, "steps": STEPS})


def seventeen_data(level: Level) -> FigureData:
    """Decay 0.7."""
    return _sensitivity(0.7, level)


def eighteen_data(level: Level) -> FigureData:
    """Decay 0.99."""
    return _sensitivity(0.99, level)


def sensitivity_table(data: FigureData) -> Mapping[str, np.ndarray]:
    return _nine_table(data, {"C": SIZES, "method": TWO, "step drop": ("none", f"at {DROP}")})


def sensitivity_caption(data: FigureData) -> str:
    counts = _flat(data.arrays["paths"][:, :, 0, -1]).sum(axis=(2, 3))
    dropped = _flat(data.arrays["paths"][:, :, 1, -1]).sum(axis=(2, 3))
    share = data.arrays["share"]
    each = "; ".join(
        rf"$C={size}$: {cm} to {cg} ({drop_cm} to {drop_cg} with a step drop at {DROP})"
        for size, (cg, cm), (drop_cg, drop_cm) in zip(SIZES, counts, dropped, strict=True)
    )
    ahead = [str(size) for size, (cg, cm) in zip(SIZES, counts, strict=True) if cm > cg]
    maps = ", ".join(f"{cm:.2f} to {cg:.2f}" for cg, cm in share)
    return (
        rf"Figure 5's nine runs at $\lambda={data.inputs['lambda']}$, here $x_t$ over the steps; start $-2$ purple, 2 "
        rf"blue, 3 orange; green and red: flat and sharp basin, number: how many of the three end in the flat one. "
        rf"Adam+CM to Adam+CG of nine: {each}. Adam+CM is ahead at $C={', '.join(ahead)}$, not at all three as the "
        rf"paper says. Share of the whole map of starts and $s$, $C=5,10,20$: {maps}."
    )


def sensitivity_draw(data: FigureData) -> Canvas:
    from analysis.escape import ridge

    paths = data.arrays["paths"][:, :, 0]
    flat = _flat(paths[:, :, -1])
    figure = canvas(PAGE, 3.9)
    axes = figure.subplots(len(SIZES), 2 * len(SHARPNESS), sharex=True, sharey=True)
    step = np.arange(paths.shape[2])
    for i, size in enumerate(SIZES):
        for k, name in enumerate(TWO):
            for j, s in enumerate(SHARPNESS):
                ax = axes[i, 3 * k + j]
                border = ridge(s)
                ax.axhspan(-4, border, color=FLAT, linewidth=0)
                ax.axhspan(border, 5, color=SHARP, linewidth=0)
                for n, start in enumerate(STARTS):
                    ax.plot(step, paths[i, k, :, j, n], color=RUN_COLOURS[start], linewidth=0.8)
                ax.text(0.96, 0.92, f"{flat[i, k, j].sum()}/3", transform=ax.transAxes, ha="right", va="top")
                ax.grid(False)
                ax.set(ylim=(-4, 5))
                ax.set_xscale("symlog", linthresh=10, linscale=0.5)
                ax.set_xlim(0, STEPS)
                ax.set_xticks([0, 10, 100], ["0", "10", "100"])
                ax.minorticks_off()
                if i == 0:
                    ax.set_title(f"{name}\n$s={s:g}$", color=COLOURS[name])
        axes[i, 0].set(ylabel=f"$C={size}$:  $x_t$")
    for ax in axes[-1]:
        ax.set(xlabel="step $t$")
    return figure


FIGURES = [
    declare(
        "figure-5",
        "Nine runs on two wells",
        r"Nine runs on the two-well function, $s\in\{5,10,100\}$, $x_0\in\{-2,2,3\}$, per optimizer.",
        ("figure-5-1d-trajectories", "two-global-minima"),
        (3.0, 4.0, 4.0),
        data=five_data,
        table=five_table,
        caption=five_caption,
        draw=five_draw,
    ),
    declare(
        "figure-5-map",
        "Which starts end in the flat well",
        "Nothing drawn; figure 5 shows nine points of this map.",
        ("figure-5-1d-trajectories", "two-global-minima"),
        (1.0, 3.0, 15.0),
        data=map_data,
        table=map_table,
        caption=map_caption,
        draw=map_draw,
    ),
    declare(
        "figure-17",
        r"Nine runs with three buffers, decay 0.7",
        r"Figure 5's nine runs for $\lambda=0.7$, $C\in\{5,10,20\}$: Adam+CM ends in the flat well more often.",
        ("figures-17-18-sensitivity",),
        (4.5, 9.0, 45.0),
        data=seventeen_data,
        table=sensitivity_table,
        caption=sensitivity_caption,
        draw=sensitivity_draw,
    ),
    declare(
        "figure-18",
        r"Nine runs with three buffers, decay 0.99",
        r"Figure 5's nine runs for $\lambda=0.99$, $C\in\{5,10,20\}$: Adam+CM ends in the flat well more often.",
        ("figures-17-18-sensitivity",),
        (4.5, 9.0, 45.0),
        data=eighteen_data,
        table=sensitivity_table,
        caption=sensitivity_caption,
        draw=sensitivity_draw,
    ),
]
