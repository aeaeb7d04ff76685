"""Figure 3 of "Critical Momenta": certified rates on quadratics, for other buffers too, and the stable step sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import BLACK, BLUE, COLUMN, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILLION, canvas
from ._common import declare

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SPECTRAL = ("spectral", "optassay.arrays", "optassay.html")
COLOURS = {0: BLUE, 1: GREEN, 2: ORANGE, 5: VERMILLION, 10: SKY, 20: PURPLE}
LINES: dict[int, Any] = {0: "-", 1: (0, (5, 1)), 2: (0, (3, 1, 1, 1)), 5: "-", 10: (0, (2, 1)), 20: (0, (1, 1))}
LARGEST = 1e6
FIXED = 0.9


def _name(size: int) -> str:
    return "classical momentum" if size == 0 else f"CM, $C={size}$"


def _rates(kappas: np.ndarray, sizes: Sequence[int]) -> FigureData:
    """Certified rates (C, kappa) and momenta, tuned and with the momentum at 0.9."""
    from spectral import optimal_rate

    tuned = [[optimal_rate(float(k), size) for k in kappas] for size in sizes]
    fixed = [[optimal_rate(float(k), size, FIXED) for k in kappas] for size in sizes]
    arrays = {
        "kappa": kappas,
        "C": np.array(sizes),
        "rate": np.array([[found.certified_upper for found in row] for row in tuned]),
        "momentum": np.array([[found.momentum for found in row] for row in tuned]),
        "step size": np.array([[found.step_size for found in row] for row in tuned]),
        "rate at 0.9": np.array([[found.certified_upper for found in row] for row in fixed]),
        "gradient descent": (kappas - 1.0) / (kappas + 1.0),
    }
    return FigureData(
        arrays, {"fixed momentum": FIXED, "units": "heavy ball; the rates are those of either convention"}
    )


def rates_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table(
        {"C": a["C"], "kappa": a["kappa"]},
        certified_rate=a["rate"],
        momentum=a["momentum"],
        step_size=a["step size"],
        certified_rate_at_momentum_09=a["rate at 0.9"],
    )


def _overtakes(data: FigureData, size: int) -> str:
    """The first condition number drawn from which a buffer is faster than gradient descent."""
    a = data.arrays
    slower = a["rate"][a["C"].tolist().index(size)] >= a["gradient descent"] - 1e-9
    last = int(np.max(np.nonzero(slower)[0], initial=-1))
    return f"{a['kappa'][last + 1]:.2g}" if last + 1 < len(slower) else "never"


# Figure 3


def figure_data(level: Level) -> FigureData:
    """The paper's curves: classical momentum and C = 5."""
    return _rates(np.geomspace(1.0, LARGEST, {Level.QUICK: 9, Level.NORMAL: 49, Level.FULL: 121}[level]), (0, 5))


def figure_caption(data: FigureData) -> str:
    a = data.arrays
    fast, slow = 1.0 - a["rate"][:, -1]
    behind = a["kappa"][a["rate at 0.9"][1] > a["rate at 0.9"][0]]
    return (
        rf"Worst-case rate over all curvatures in $[1,\kappa]$; each point is a bound proved in ball arithmetic at "
        rf"the parameters found. CM converges for every $\kappa$, but with $C=5$ and both parameters tuned $1-\rho^*$ "
        rf"falls like $1/\kappa$, as for gradient descent ({slow * 1e6:.3g} against 2, in units of $10^{{-6}}$, at "
        rf"$\kappa=10^6$), while classical momentum keeps $2/\sqrt\kappa$ ({fast:.2g}), the best of any method of "
        rf"this kind. Gradient descent is faster than CM below $\kappa={_overtakes(data, 5)}$. At $\beta=0.9$ CM is "
        rf"ahead of classical momentum next to $\kappa=1$ only, and behind from "
        rf"$\kappa={behind.min(initial=LARGEST):.2g}$ on."
    )


def figure_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(COLUMN, 2.8)
    ax = figure.subplots()
    for k, size in enumerate(a["C"].tolist()):
        ax.loglog(a["kappa"], 1.0 - a["rate"][k], color=COLOURS[size], label=_name(size))
        ax.loglog(a["kappa"], 1.0 - a["rate at 0.9"][k], color=COLOURS[size], linestyle="--")
    ax.loglog(a["kappa"], 1.0 - a["gradient descent"], color=GREY, linestyle=":", label="gradient descent")
    ax.plot([], [], color=BLACK, linestyle="--", label=r"the same at $\beta=0.9$")
    ax.set(xlabel=r"condition number $\kappa$", ylabel=r"$1-\rho^*$", ylim=(3e-7, 1.5), xlim=(1, LARGEST))
    ax.legend(loc="lower left")
    return figure


# Other buffers


def curves_data(level: Level) -> FigureData:
    """Rates for more buffer sizes."""
    sizes = {Level.QUICK: (0, 1, 5), Level.NORMAL: (0, 1, 2, 5, 10, 20), Level.FULL: (0, 1, 2, 5, 10, 20)}[level]
    return _rates(np.geomspace(1.0, LARGEST, {Level.QUICK: 7, Level.NORMAL: 25, Level.FULL: 61}[level]), sizes)


def curves_caption(data: FigureData) -> str:
    a = data.arrays
    sizes = a["C"].tolist()
    limits = ", ".join(
        f"{(1 - a['rate'][k, -1]) * LARGEST:.3g} ($C={size}$)" for k, size in enumerate(sizes) if size > 0
    )
    fixed = ", ".join(f"{(1 - a['rate at 0.9'][k, -1]) * LARGEST:.2g}" for k, size in enumerate(sizes) if size > 0)
    return (
        rf"Left: certified $1-\rho^*$ with step size and momentum tuned (lines) and with $\beta=0.9$ (thin). Middle: "
        rf"times $\kappa$: every buffer levels off, so that $1-\rho^*$ falls like $1/\kappa$; at $\kappa=10^6$ the "
        rf"factors are {limits}, 2 for gradient descent, and {fixed} with $\beta=0.9$. Right: the best momentum; at 0 "
        rf"the buffer stands in for it. It jumps where two optima are equally good. No buffer beats classical "
        rf"momentum, whose rate is the lower bound of the whole class."
    )


def curves_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.1)
    axes = figure.subplots(1, 3)
    kappa = a["kappa"]
    for k, size in enumerate(a["C"].tolist()):
        style = {"color": COLOURS[size], "linestyle": LINES[size]}
        axes[0].loglog(kappa, 1.0 - a["rate"][k], label=_name(size), **style)
        axes[0].loglog(kappa, 1.0 - a["rate at 0.9"][k], color=COLOURS[size], linewidth=0.5)
        axes[1].loglog(kappa, kappa * (1.0 - a["rate"][k]), **style)
        axes[2].semilogx(kappa, a["momentum"][k], linewidth=0.8, marker=".", markersize=3, **style)
    axes[0].loglog(kappa, 1.0 - a["gradient descent"], color=GREY, linestyle=":", label="gradient descent")
    axes[1].loglog(kappa, kappa * (1.0 - a["gradient descent"]), color=GREY, linestyle=":")
    for ax, title in zip(axes, (r"$1-\rho^*$", r"$\kappa\,(1-\rho^*)$", r"best momentum $\beta$"), strict=True):
        ax.set(title=title, xlabel=r"condition number $\kappa$", xlim=(1, LARGEST))
    axes[0].set(ylim=(2e-7, 1.5))
    axes[1].set(ylim=(0.3, 1e3))
    figure.legend(loc="outside upper center", ncols=4)
    return figure


# Stable step sizes

MAPPED = (1, 2, 5, 20)


def stability_data(level: Level) -> FigureData:
    """End points (C, momentum, interval, 2) of all stable intervals of x, exact; NaN where there are fewer."""
    from spectral import stability_intervals

    momenta = np.linspace(0.0, 0.995, {Level.QUICK: 20, Level.NORMAL: 200, Level.FULL: 600}[level])
    found = [[stability_intervals(float(b), size) for b in momenta] for size in MAPPED]
    most = max(len(intervals) for row in found for intervals in row)
    ends = np.full((len(MAPPED), momenta.size, most, 2), np.nan)
    for i, row in enumerate(found):
        for j, intervals in enumerate(row):
            ends[i, j, : len(intervals)] = intervals
    return FigureData({"C": np.asarray(MAPPED), "momentum": momenta, "ends": ends}, {"units": "heavy ball"})


def stability_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    number = np.arange(a["ends"].shape[2])
    columns = long_table(
        {"C": a["C"], "momentum": a["momentum"], "interval": number}, low=a["ends"][..., 0], high=a["ends"][..., 1]
    )
    kept = np.isfinite(columns["low"])
    return {name: values[kept] for name, values in columns.items()}


def stability_draw(data: FigureData) -> Canvas:
    from matplotlib.collections import PolyCollection

    a = data.arrays
    beta = a["momentum"]
    half = 0.5 * (beta[1] - beta[0])
    figure = canvas(PAGE, 2.7)
    axes = figure.subplots(1, len(a["C"]), sharey=True)
    for ax, size, ends in zip(axes, a["C"].tolist(), a["ends"], strict=True):
        bars = [
            [(b - half, low), (b + half, low), (b + half, high), (b - half, high)]
            for b, intervals in zip(beta, ends, strict=True)
            for low, high in intervals
            if np.isfinite(low)
        ]
        # Neighbouring bars share an edge; smoothing it would leave hairlines between them.
        ax.add_collection(PolyCollection(bars, facecolor="#F2B48F", linewidth=0, antialiased=False))
        ax.plot(beta, 2.0 * (1.0 + beta), color=BLUE, label=r"$2(1+\beta)$, classical")
        if size == 1:
            ax.plot(beta, 1.0 - beta, color=GREEN, linestyle="--", label=r"$1-\beta$")
        ax.set(title=_name(size), xlabel=r"momentum $\beta$", xlim=(0.0, 1.0), ylim=(0.0, 4.1))
    axes[0].set_ylabel(r"$x=\alpha h$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def stability_caption(data: FigureData) -> str:
    ends, beta = data.arrays["ends"], data.arrays["momentum"]
    islands = [
        f"{beta[np.nonzero(np.isfinite(ends[i, :, 1, 0]))[0][0]]:.2f} on for $C={size}$"
        for i, size in enumerate(MAPPED)
        if ends.shape[2] > 1 and np.isfinite(ends[i, :, 1, 0]).any()
    ]
    return (
        rf"Step size times curvature for which momentum with the last $C$ momenta converges (shaded), for every "
        rf"momentum $\beta$: exactly all open intervals, heavy-ball units (with the moving average of (4) $x$ is "
        rf"$1/(1-\beta)$ times larger). For $C=1$ it is $0<x<1-\beta$. Larger buffers have islands of stability apart "
        rf"from the first interval (from $\beta=$ {', '.join(islands)}), so that a curvature between two stable ones "
        rf"can be unstable; classical momentum converges for all $x$ below the blue line, which $C=5$ passes for "
        rf"small $\beta$."
    )


FIGURES = [
    declare(
        "figure-3",
        "Rates on quadratics, certified",
        r"$1-\rho^*$ against the condition number for classical momentum and CM with $C=5$, momentum tuned "
        r"(solid) and fixed at 0.9 (dashed).",
        ("figure-3-rates", "optimal-rate", "wide-range-of-condition-numbers"),
        (2.0, 8.0, 20.0),
        data=figure_data,
        table=rates_table,
        caption=figure_caption,
        draw=figure_draw,
        uses=SPECTRAL,
    ),
    declare(
        "rate-curves",
        "Rates of other buffers, up to a condition number of a million",
        "Nothing drawn; the paper shows one buffer size.",
        ("optimal-rate", "wide-range-of-condition-numbers"),
        (3.0, 18.0, 50.0),
        data=curves_data,
        table=rates_table,
        caption=curves_caption,
        draw=curves_draw,
        uses=SPECTRAL,
    ),
    declare(
        "stability",
        "Stable step sizes",
        "Nothing drawn; the text takes for granted that the method converges for suitable parameters.",
        ("stability-region", "worst-case-over-spectrum"),
        (1.5, 6.0, 15.0),
        data=stability_data,
        table=stability_table,
        caption=stability_caption,
        draw=stability_draw,
        uses=SPECTRAL,
    ),
]
