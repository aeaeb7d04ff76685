"""Figures of "Critical Momenta", theory: certified rates over condition numbers, and the map of stable step sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, BLUE, COLUMN, GREEN, GREY, ORANGE, PAGE, PURPLE, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PAPER = "Promoting Exploration in Memory-Augmented Adam using Critical Momenta"
COLOURS = {0: BLUE, 1: GREEN, 2: ORANGE, 5: VERMILLION, 20: PURPLE}
LINES = {0: "-", 1: (0, (5, 1)), 2: (0, (3, 1, 1, 1)), 5: "-", 20: (0, (1, 1))}


def _name(size: int) -> str:
    return "classical momentum" if size == 0 else f"CM, $C={size}$"


# Rates over condition numbers


def rates_data(level: Level) -> FigureData:
    """Certified rates with the momentum tuned and at 0.9."""
    from spectral import optimal_rate

    sizes = {Level.QUICK: (0, 5), Level.NORMAL: (0, 1, 2, 5), Level.FULL: (0, 1, 2, 5, 20)}[level]
    count = {Level.QUICK: 5, Level.NORMAL: 19, Level.FULL: 61}[level]
    kappas = np.geomspace(1.0, 1e6, count)
    tuned = [[optimal_rate(float(k), size) for k in kappas] for size in sizes]
    fixed = [[optimal_rate(float(k), size, 0.9) for k in kappas] for size in sizes]
    arrays = {
        "kappa": kappas,
        "C": np.array(sizes),
        "rate": np.array([[o.certified_upper for o in row] for row in tuned]),
        "momentum": np.array([[o.momentum for o in row] for row in tuned]),
        "rate_momentum_09": np.array([[o.certified_upper for o in row] for row in fixed]),
        "gradient_descent": (kappas - 1.0) / (kappas + 1.0),
    }
    return FigureData(arrays, {"fixed momentum": 0.9, "units": "heavy ball; the rates are those of either convention"})


def rates_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table(
        {"C": a["C"], "kappa": a["kappa"]},
        certified_rate=a["rate"],
        momentum=a["momentum"],
        certified_rate_at_momentum_09=a["rate_momentum_09"],
    )


def rates_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(COLUMN, 2.9)
    axes = figure.subplots()
    for k, size in enumerate(a["C"].tolist()):
        axes.loglog(a["kappa"], 1.0 - a["rate"][k], color=COLOURS[size], linestyle=LINES[size], label=_name(size))
        axes.loglog(a["kappa"], 1.0 - a["rate_momentum_09"][k], color=COLOURS[size], linestyle="--", linewidth=0.8)
    axes.loglog(
        a["kappa"], np.maximum(1.0 - a["gradient_descent"], 1e-9), color=GREY, linestyle=":", label="gradient descent"
    )
    axes.plot([], [], color=BLACK, linestyle="--", linewidth=0.8, label=r"the same at $\beta=0.9$")
    axes.set(xlabel=r"condition number $\kappa$", ylabel=r"$1-\rho^*$", ylim=(2e-7, 1.5))
    axes.legend(loc="lower left")
    return figure


def rates_caption(data: FigureData) -> str:
    a = data.arrays
    sizes = a["C"].tolist()
    slow = 1.0 - a["rate"][sizes.index(5), -1]
    fast = 1.0 - a["rate"][sizes.index(0), -1]
    return (
        r"Worst-case rate over all curvatures in $[1,\kappa]$, each point a bound proved in ball arithmetic at the "
        rf"parameters found. With $C=5$ and both parameters tuned $1-\rho^*$ falls like $1/\kappa$, as for gradient "
        rf"descent ({slow * 1e6:.3g} against 2, in units of $10^{{-6}}$, at $\kappa=10^6$), while classical momentum "
        rf"keeps $2/\sqrt\kappa$ ({fast:.2g}). No buffer beats classical momentum when both are tuned; at $\beta=0.9$ "
        r"the buffer is faster only next to $\kappa=1$."
    )


# Stable step sizes


def stability_data(level: Level) -> FigureData:
    """End points of all stable intervals of x over the momentum, exact, for several buffers."""
    from spectral import stability_intervals

    sizes = np.array([1, 5, 20])
    momenta = np.linspace(0.0, 0.99, {Level.QUICK: 12, Level.NORMAL: 100, Level.FULL: 300}[level])
    found = [[stability_intervals(float(b), int(size)) for b in momenta] for size in sizes]
    most = max(len(intervals) for row in found for intervals in row)
    ends = np.full((sizes.size, momenta.size, most, 2), np.nan)
    for i, row in enumerate(found):
        for j, intervals in enumerate(row):
            ends[i, j, : len(intervals)] = intervals
    return FigureData({"C": sizes, "momentum": momenta, "ends": ends}, {"units": "heavy ball"})


def stability_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    number = np.arange(a["ends"].shape[2])
    columns = long_table(
        {"C": a["C"], "momentum": a["momentum"], "interval": number}, low=a["ends"][..., 0], high=a["ends"][..., 1]
    )
    kept = np.isfinite(columns["low"])
    return {name: values[kept] for name, values in columns.items()}


def stability_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.6)
    axes = figure.subplots(1, len(a["C"]), sharey=True)
    for k, size in enumerate(a["C"].tolist()):
        axes[k].plot(a["momentum"], 2.0 * (1.0 + a["momentum"]), color=BLUE, label="end of classical momentum's")
        if size == 1:
            axes[k].plot(a["momentum"], 1.0 - a["momentum"], color=GREEN, linestyle="--", label=r"$1-\beta$")
        width = 0.5 * (a["momentum"][1] - a["momentum"][0])
        for j, momentum in enumerate(a["momentum"]):
            for low, high in a["ends"][k, j]:
                if np.isfinite(low):
                    axes[k].fill_between(
                        [momentum - width, momentum + width],
                        low,
                        high,
                        color=VERMILLION,
                        alpha=0.55,
                        linewidth=0,
                        antialiased=False,
                    )
        axes[k].set(title=_name(size), xlabel=r"momentum $\beta$", xlim=(0.0, 1.0), ylim=(0.0, 4.1))
    axes[0].set_ylabel(r"$x=\alpha h$")
    axes[0].legend(loc="upper left")
    return figure


def stability_caption(data: FigureData) -> str:
    del data
    return (
        r"Step size times curvature for which momentum with the last $C$ momenta converges (shaded), for every "
        r"momentum $\beta$: exactly all open intervals. For $C=1$ it is $0<x<1-\beta$. Larger buffers have islands of "
        r"stability apart from the first interval, so that a curvature between two stable ones can be unstable; "
        r"classical momentum converges for all $x$ below the blue line."
    )


FIGURES = [
    Figure(
        id="critical-momenta/figure-3",
        paper=PAPER,
        title="Rates on quadratics, certified",
        shows=r"$1-\rho^*$ against the condition number for classical momentum and CM with $C=5$, momentum tuned "
        r"(solid) and fixed at 0.9 (dashed).",
        caption=rates_caption,
        claims=(
            "critical-momenta/figure-3-rates",
            "critical-momenta/optimal-rate",
            "critical-momenta/wide-range-of-condition-numbers",
        ),
        cost=Cost(2.0, 30.0, 250.0),
        data=rates_data,
        table=rates_table,
        draw=rates_draw,
        uses=("spectral", "optassay.arrays"),
    ),
    Figure(
        id="critical-momenta/stability",
        paper=PAPER,
        title="Stable step sizes",
        shows="Nothing drawn; the text takes for granted that the method converges for suitable parameters.",
        caption=stability_caption,
        claims=("critical-momenta/stability-region", "critical-momenta/worst-case-over-spectrum"),
        cost=Cost(0.5, 4.0, 12.0),
        data=stability_data,
        table=stability_table,
        draw=stability_draw,
        uses=("spectral", "optassay.arrays"),
    ),
]
