"""Figure 2: paths on the toy functions, and the distance to the optimum over a grid of starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, GREY, PAGE, PURPLE, canvas
from ._common import COLOURS, PAPER, USES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

METHODS = ("SGDM", "RMSprop", "Adam", "AdaBelief", "AdaMomentum")
START = {
    "sphere": (-4.0, 3.0),
    "camel": (-3.5, 2.0),
    "beale, as printed": (1.0, 1.5),
    "beale": (1.0, 1.5),
    "ackley": (-3.4, 2.7),
}
TITLES = {
    "sphere": "sphere",
    "camel": "three-hump camel",
    "beale, as printed": "Beale, printed 2.2",
    "beale": "Beale, 2.25",
    "ackley": "Ackley",
}
LOW, HIGH = 0.25, 0.75  # of the band
TOLERANCE = 0.1


def race_data(level: Level) -> FigureData:
    """Paths from one start; quartiles of the distance over a grid of starts; who is first within 0.1."""
    from analysis.races import OBJECTIVES, PAPER_SETTING, distances, rule, times
    from analysis.runs import run

    steps = {Level.QUICK: 150, Level.NORMAL: 1000, Level.FULL: 1000}[level]
    shape = (len(START), len(METHODS))
    paths = np.empty((*shape, steps + 1, 2))
    bands = np.empty((*shape, 3, steps))
    first = np.zeros((len(START), len(METHODS) + 1))  # the last column: nobody comes
    for i, (name, start) in enumerate(START.items()):
        toy, arrivals = OBJECTIVES[name], []
        for k, method in enumerate(METHODS):
            one = run(rule(method, toy, PAPER_SETTING), toy.landscape, np.array(start), steps, record_every=1)
            paths[i, k] = one.trajectory
            away = distances(name, method, PAPER_SETTING, steps)
            bands[i, k] = np.quantile(away, (LOW, 0.5, HIGH), axis=1, method="nearest")
            arrivals.append(times(away, TOLERANCE, "first"))
        soonest = np.min(arrivals, axis=0)
        wins = (np.array(arrivals) == soonest) & np.isfinite(soonest)
        first[i, :-1] = np.mean(wins & (wins.sum(axis=0) == 1), axis=1)
        first[i, -1] = np.mean(np.isinf(soonest))
    arrays = {"paths": paths, "bands": bands, "first": first}
    return FigureData(arrays, {"steps": steps, "starts": "20 x 20 grid, nearer than 0.5 to the optimum left out"})


def race_table(data: FigureData) -> Mapping[str, np.ndarray]:
    bands = data.arrays["bands"]
    axes = {"function": list(START), "method": METHODS, "step": np.arange(1, bands.shape[-1] + 1)}
    return long_table(axes, **{name: bands[:, :, q] for q, name in enumerate(("low", "median", "high"))})


def race_caption(data: FigureData) -> str:
    first = data.arrays["first"]
    ours = METHODS.index("AdaMomentum")
    shares = ", ".join(f"{TITLES[name]} {100 * row[ours]:.0f} %" for name, row in zip(START, first, strict=True))
    best = ", ".join(f"{METHODS[int(np.argmax(row[:-1]))]} ({100 * row[:-1].max():.0f} %)" for row in first)
    return (
        rf"Top: paths from one start (square) to the marked point (cross), step 0.1, $(\beta_1,\beta_2)=(0.9,0.999)$, "
        rf"$\epsilon=10^{{-16}}$, SGDM at the printed rates. Bottom: distance to the marked point over "
        rf"{data.inputs['steps']} steps from a $20\times20$ grid of starts, median and quartiles. Share of the starts "
        rf"from which AdaMomentum alone is first within 0.1: {shares}; most often first: {best}. Beale as printed has "
        rf"its minimum 0.006 beside the marked point, which changes no other picture; SGDM at 0.1 diverges on both "
        rf"forms. AdaMomentum is fast, but not always first, and it overshoots."
    )


def race_draw(data: FigureData) -> Canvas:
    from analysis.races import OBJECTIVES

    a = data.arrays
    figure = canvas(PAGE, 3.7)
    axes = figure.subplots(2, len(START), gridspec_kw={"height_ratios": [1.0, 1.1]})
    for i, (name, start) in enumerate(START.items()):
        toy, (top, bottom) = OBJECTIVES[name], axes[:, i]
        side = toy.half_side
        grid = np.linspace(-side, side, 121)
        x, y = np.meshgrid(grid, grid)
        height = np.log1p(toy.landscape.value(np.stack([x, y], axis=-1)))
        top.contour(x, y, height, 9, colors=GREY, linewidths=0.3)
        for k, method in enumerate(METHODS):
            path = a["paths"][i, k]
            top.plot(*np.clip(path, -3 * side, 3 * side).T, color=COLOURS[method], linewidth=0.8)
            low, middle, high = np.clip(np.where(np.isfinite(a["bands"][i, k]), a["bands"][i, k], 1e3), 1e-4, 1e3)
            at = np.arange(1, middle.size + 1)
            bottom.loglog(at, middle, color=COLOURS[method], label=method)
            bottom.fill_between(at, low, high, color=COLOURS[method], alpha=0.12, linewidth=0)
        top.plot(*start, "s", color=BLACK, markersize=3)
        top.plot(*toy.optimum, "x", color=PURPLE, markersize=6, markeredgewidth=1.6, zorder=5)
        top.set(xlim=(-side, side), ylim=(-side, side), title=TITLES[name], xticks=(-4, 0, 4), yticks=(-4, 0, 4))
        top.grid(False)
        bottom.axhline(TOLERANCE, color=BLACK, linewidth=0.5)
        bottom.set(ylim=(1e-3, 30), xlabel="step")
        if i:
            bottom.tick_params(labelleft=False)
            top.tick_params(labelleft=False)
    axes[1, 0].set_ylabel("distance to the mark")
    handles, labels = axes[1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


FIGURES = [
    Figure(
        id="adamomentum/figure-2",
        paper=PAPER,
        title="Five methods on four functions",
        shows="Paths of SGDM, RMSprop, Adam, AdaBelief and AdaMomentum on the sphere, the three-hump camel, Beale's "
        "and Ackley's function; AdaMomentum is said to be the fastest in all cases and without big oscillations.",
        caption=race_caption,
        claims=(
            "adamomentum/figure-2-fastest",
            "adamomentum/figure-2-rivals-much-slower",
            "adamomentum/figure-2-stable",
            "adamomentum/figure-2-sgdm-tuning",
            "adamomentum/toy-functions",
            "adamomentum/toy-function-beale",
        ),
        cost=Cost(1.0, 6.0, 6.0),
        data=race_data,
        table=race_table,
        draw=race_draw,
        uses=USES,
    ),
]
