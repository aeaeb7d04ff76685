"""Section 3.2: exit times of Adam and AdaMomentum from basins against the noise on their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, PAGE, canvas
from ._common import COLOURS, PAPER, USES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

METHODS = ("Adam", "AdaMomentum")
BASINS = {"flat": (0.5, 0.5), "sharp": (8.0, 8.0), "asymmetric": (8.0, 0.5)}  # curvatures left and right
INDICES = (2.0, 1.5)
RADIUS, STEP, BETA1, BETA2, EPSILON = 0.3, 0.05, 0.9, 0.99, 1e-16
WARM = 200


def exits_data(level: Level) -> FigureData:
    """Mean exit steps from [-0.3, 0.3], censored at a horizon, started at the minimiser with warm second moments."""
    from analysis.exit_times import Noise, NoisyMethod, exit_times, inside_box, restricted_mean
    from analysis.landscapes import Valley
    from optassay.optimizers import Adam, AdaMomentum

    paths = {Level.QUICK: 60, Level.NORMAL: 300, Level.FULL: 3000}[level]
    count = {Level.QUICK: 3, Level.NORMAL: 9, Level.FULL: 17}[level]
    horizon = {Level.QUICK: 200, Level.NORMAL: 3000, Level.FULL: 20_000}[level]
    scales = np.geomspace(0.1, 30.0, count)
    shape = (len(BASINS), len(INDICES), len(METHODS), count)
    mean, censored = np.empty((*shape, 3)), np.empty(shape)
    seeds = iter(range(censored.size))
    for i, curvatures in enumerate(BASINS.values()):
        for j, index in enumerate(INDICES):
            for k, kind in enumerate((Adam, AdaMomentum)):
                for n, scale in enumerate(scales):
                    process = NoisyMethod(
                        kind(STEP, BETA1, BETA2, EPSILON), Valley(*curvatures), Noise(float(scale), index)
                    )
                    start, inside = np.zeros((paths, 1)), inside_box(-RADIUS, RADIUS)
                    found = exit_times(process, start, inside, horizon, next(seeds), warm=WARM)
                    mean[i, j, k, n] = restricted_mean(found)
                    censored[i, j, k, n] = 1.0 - np.mean(found.exited)
    inputs = {"paths": paths, "horizon": horizon, "warm": WARM, "radius": RADIUS, "alpha": STEP, "seeds": "0, 1, ..."}
    return FigureData({"scale": scales, "mean": mean, "censored": censored}, inputs)


def exits_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"basin": list(BASINS), "stable index": INDICES, "method": METHODS, "scale": a["scale"]}
    parts = {name: a["mean"][..., q] for q, name in enumerate(("mean_steps", "low", "high"))}
    return long_table(axes, **parts, share_censored=a["censored"])


def exits_caption(data: FigureData) -> str:
    mean, i = data.arrays["mean"], data.inputs
    adam, ours = mean[:, :, 0], mean[:, :, 1]
    sooner, later = int(np.sum(ours[..., 2] < adam[..., 1])), int(np.sum(ours[..., 1] > adam[..., 2]))
    ratio = ours[..., 0] / adam[..., 0]
    return (
        rf"Steps until the first exit from $[-0.3,0.3]$, mean of {i['paths']} paths with 95 % intervals, times cut at "
        rf"{i['horizon']}; open marks: more than 1 % were cut, so that the mean is a lower bound. Gradient noise is "
        rf"$sS$ with $Ee^{{iuS}}=e^{{-|u|^p}}$: Gaussian ($p=2$, full) or stable ($p=1.5$, dashed). Curvature 0.5, 8, "
        rf"and 8 left, 0.5 right; $\alpha=0.05$, $(\beta_1,\beta_2)=(0.9,0.99)$, $\epsilon=10^{{-16}}$, second moments "
        rf"warm. Proposition 1 says that AdaMomentum exits later. Of {ratio.size} settings the intervals say later in "
        rf"{later} and sooner in {sooner}; its mean is {ratio.min():.2g} to {ratio.max():.2g} of Adam's."
    )


def exits_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.8)
    axes = figure.subplots(1, len(BASINS), sharey=True)
    for i, (axis, name) in enumerate(zip(axes, BASINS, strict=True)):
        for k, method in enumerate(METHODS):
            for j, (index, style) in enumerate(zip(INDICES, ("-", "--"), strict=True)):
                mean, low, high = np.moveaxis(a["mean"][i, j, k], -1, 0)
                label = rf"{method}, $p={index:g}$"
                axis.loglog(a["scale"], mean, style, color=COLOURS[method], label=label)
                axis.fill_between(a["scale"], low, high, color=COLOURS[method], alpha=0.2, linewidth=0)
                cut = a["censored"][i, j, k] > 0.01
                for mask, fill in ((cut, "white"), (~cut, COLOURS[method])):
                    axis.plot(a["scale"][mask], mean[mask], "o", color=COLOURS[method], markerfacecolor=fill)
        axis.axhline(data.inputs["horizon"], color=BLACK, linewidth=0.6)
        axis.set(xlabel="scale $s$ of the noise", title=f"{name} basin")
    axes[0].set_ylabel("mean exit time in steps")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


FIGURES = [
    Figure(
        id="adamomentum/exit-times",
        paper=PAPER,
        title="Exit times against the noise",
        shows="The paper has no such figure; proposition 1 says that AdaMomentum needs longer to leave flat basins and "
        "asymmetric valleys than Adam.",
        caption=exits_caption,
        claims=("adamomentum/proposition-1-escape-time", "adamomentum/sharp-basins-escape-sooner"),
        cost=Cost(2.0, 15.0, 600.0),
        data=exits_data,
        table=exits_table,
        draw=exits_draw,
        uses=USES,
    ),
]
