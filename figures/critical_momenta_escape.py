"""Figures of "Critical Momenta" on the two-well family (9): figures 5 to 7, 17, 18, and what makes runs escape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .critical_momenta import PAPER
from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, BLUE, COLUMN, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

RUNS = {Level.QUICK: 60, Level.NORMAL: 1000, Level.FULL: 4000}
COLOURS = {"Adam": BLACK, "Adam+SAM": ORANGE, "Adam+CG": BLUE, "Adam+CM": VERMILLION, "Adam+SAM+CM": GREEN}
METHODS = ("Adam", "Adam+SAM", "Adam+CG", "Adam+CM")
CAPACITIES = (5, 10, 20, 40)
CRITERIA: tuple[Literal["basin"], Literal["near"]] = ("basin", "near")
USES = ("analysis", "optassay.arrays", "optassay.optimizers", "optassay.factors")


def _wilson(outcomes: np.ndarray) -> np.ndarray:
    """Ratio, low and high (..., 3) of 0/1 outcomes along the last axis."""
    from analysis.escape import wilson

    found = wilson(outcomes.sum(axis=-1).astype(int), outcomes.shape[-1])
    return np.stack([found.value, found.low, found.high], axis=-1)


def _ratio_lines(ax: Any, x: np.ndarray, table: np.ndarray, colour: str, style: str, label: str | None) -> None:
    ax.plot(x, table[:, 0], style, color=colour, label=label, markersize=3)
    ax.fill_between(x, table[:, 1], table[:, 2], color=colour, alpha=0.15, linewidth=0)


# Figure 6

SIX = (2.0, 3.0, 5.0, 10.0, 100.0)
SIX_METHODS = (*METHODS, "Adam+CM, no buffer", "Adam+CM, corrected v")


def _six(name: str) -> Any:
    from analysis.toys import READINGS, Method

    if name == "Adam+CM, no buffer":
        return Method("Adam+CM", capacity=0)
    options = READINGS["v of the corrected aggregate"] if name.endswith("corrected v") else ()
    return Method(name.partition(",")[0], capacity=20, decay=0.99, options=options)  # type: ignore[arg-type]


def six_data(level: Level) -> FigureData:
    """Escape ratios in ten dimensions by method, criterion and s; with Wilson intervals."""
    from analysis.toys import Starts, Wells, reached_flat

    study = Wells(SIX, Starts(-5.0, 5.0, 10, RUNS[level]))
    table = np.stack(
        [np.stack([_wilson(reached_flat(_six(name), study, c)) for c in CRITERIA]) for name in SIX_METHODS]
    )
    inputs = {"runs": RUNS[level], "steps": 500, "capacity": 20, "decay": 0.99, "seed": 0, "box": [-5, 5]}
    return FigureData({"ratio": table, "s": np.asarray(SIX)}, inputs)


def six_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["ratio"]
    axes = {"method": SIX_METHODS, "criterion": CRITERIA, "s": SIX}
    return long_table(axes, ratio=a[..., 0], low=a[..., 1], high=a[..., 2])


def six_caption(data: FigureData) -> str:
    a, k = data.arrays["ratio"], SIX_METHODS.index
    at = {name: a[k(name), 0, -1, 0] for name in SIX_METHODS}
    return (
        rf"Share of {data.inputs['runs']} runs ending in the flat basin in all ten coordinates, 95 % Wilson intervals. "
        rf"The printed order holds: at $s=100$ Adam+CM {at['Adam+CM']:.2f}, Adam+CG {at['Adam+CG']:.2f}, Adam+SAM "
        rf"{at['Adam+SAM']:.2f}, Adam {at['Adam']:.2f}. Dashed: Adam+CM without its buffer escapes far more often "
        rf"({at['Adam+CM, no buffer']:.2f}); with $v$ formed of bias-corrected momenta it hardly escapes "
        rf"({at['Adam+CM, corrected v']:.2f}). The first steps, ten times Adam's, leave the sharp well, not the memory."
    )


def six_draw(data: FigureData) -> Canvas:
    a = data.arrays["ratio"]
    figure = canvas(COLUMN, 2.7)
    ax = figure.subplots()
    x = np.arange(len(SIX))
    for k, name in enumerate(SIX_METHODS):
        extra = name not in METHODS
        colour = {"Adam+CM, no buffer": PURPLE, "Adam+CM, corrected v": SKY}.get(name) or COLOURS[name]
        _ratio_lines(ax, x, a[k, 0], colour, "o--" if extra else "o-", name)
    ax.set(xlabel="sharpness coefficient $s$", ylabel="escape ratio, $D=10$", ylim=(-0.02, 1.02))
    ax.set_xticks(x, [f"{s:g}" for s in SIX])
    ax.legend(loc="upper left")
    return figure


# Figure 7

SEVEN = (1.0, 2.0, 3.0, 5.0, 10.0, 100.0)
DECAYS = (0.7, 0.99)
SEVEN_ARMS = (*METHODS, *(f"Adam+CM, C={c}" for c in CAPACITIES))


def _seven(name: str, decay: float) -> Any:
    from analysis.toys import Method

    short, _, capacity = name.partition(", C=")
    return Method(short, capacity=int(capacity or 10), decay=decay)  # type: ignore[arg-type]


def seven_data(level: Level) -> FigureData:
    """Escape ratios in one dimension by decay, method, criterion and s; with Wilson intervals."""
    from analysis.toys import Starts, Wells, reached_flat

    study = Wells(SEVEN, Starts(-5.0, 5.0, 1, RUNS[level]))
    table = np.stack(
        [
            np.stack(
                [
                    np.stack([_wilson(reached_flat(_seven(name, decay), study, c)) for c in CRITERIA])
                    for name in SEVEN_ARMS
                ]
            )
            for decay in DECAYS
        ]
    )
    inputs = {"runs": RUNS[level], "steps": 500, "seed": 0, "box": [-5, 5], "tolerance of near": 0.1}
    return FigureData({"ratio": table, "s": np.asarray(SEVEN)}, inputs)


def seven_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["ratio"]
    axes = {"decay": DECAYS, "method": SEVEN_ARMS, "criterion": CRITERIA, "s": SEVEN}
    return long_table(axes, ratio=a[..., 0], low=a[..., 1], high=a[..., 2])


def seven_caption(data: FigureData) -> str:
    a = data.arrays["ratio"][0]
    cg, adam = (a[METHODS.index(name), 0, -1, 0] for name in ("Adam+CG", "Adam"))
    sizes = a[len(METHODS) :, 0, 1, 0]
    return (
        rf"Share of {data.inputs['runs']} runs from $[-5,5]$ that end in the flat basin (solid) and within 0.1 of 0 "
        r"(dotted; constant step), 95 % Wilson intervals. Top $\lambda=0.7$, bottom 0.99; left $C=10$. Adam+CG is not "
        rf"outperformed at large $s$ ({cg:.2f} against {adam:.2f} at $s=100$, $\lambda=0.7$), except at $\lambda=0.99$ "
        r"when oscillation around 0 counts as failure. Right: more slots do not help steadily; at $s=2$ the ratios for "
        rf"$C=5,10,20,40$ are {', '.join(f'{v:.2f}' for v in sizes)}."
    )


def seven_draw(data: FigureData) -> Canvas:
    a = data.arrays["ratio"]
    figure = canvas(PAGE, 4.4)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    x = np.arange(len(SEVEN))
    for row, decay in enumerate(DECAYS):
        for k, name in enumerate(SEVEN_ARMS):
            left = k < len(METHODS)
            ax = axes[row, 0 if left else 1]
            colour = COLOURS[name] if left else (SKY, VERMILLION, PURPLE, BLACK)[k - len(METHODS)]
            _ratio_lines(ax, x, a[row, k, 0], colour, "o-", name if left else name.partition(", ")[2])
            ax.plot(x, a[row, k, 1, :, 0], ":", color=colour)
        axes[row, 0].set(ylabel=f"escape ratio, $\\lambda={decay}$", ylim=(-0.02, 1.02))
    for ax in axes[0]:
        ax.legend(loc="lower right")
    for ax in axes[1]:
        ax.set(xlabel="sharpness coefficient $s$")
        ax.set_xticks(x, [f"{s:g}" for s in SEVEN])
    return figure


# Figure 5: where which start ends

MAP = {Level.QUICK: (40, 12), Level.NORMAL: (200, 60), Level.FULL: (600, 120)}
FIVE = ("Adam", "Adam+CG", "Adam+CM")


def five_data(level: Level) -> FigureData:
    """Basin that ends up occupied, by method, s and start: 1.0 for the flat one."""
    from analysis.toys import Method, Starts, Wells, reached_flat

    starts, count = MAP[level]
    sharpness = np.geomspace(1.2, 200, count)
    study = Wells(tuple(sharpness.tolist()), Starts(-3.0, 4.0, 1, starts, grid=True))
    flat = np.stack([reached_flat(Method(name), study, "basin") for name in FIVE])  # type: ignore[arg-type]
    arrays = {"flat": flat, "s": sharpness, "x0": study.starts.points()[:, 0]}
    return FigureData(arrays, {"capacity": 5, "decay": 0.7, "steps": 500, "step size": 0.05})


def five_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table({"method": FIVE, "s": a["s"], "x0": a["x0"]}, flat=a["flat"])


def five_caption(data: FigureData) -> str:
    a = data.arrays
    share = ", ".join(f"{name} {value:.2f}" for name, value in zip(FIVE, a["flat"].mean(axis=(1, 2)), strict=True))
    leaves = a["flat"][:, :, a["x0"] > 1].mean(axis=2) >= 0.5
    first = [a["s"][np.argmax(row)] if row.any() else np.inf for row in leaves]
    return (
        r"Every start $x_0$ and sharpness $s$: green where the run ends in the flat basin, red in the sharp one "
        rf"($C=5$, $\lambda=0.7$, 500 steps). Shares of the picture: {share}. Line: ridge between the wells. Crosses: "
        rf"the paper's nine runs. Adam stays on the side where it starts. Both buffers leave the sharp well once it "
        rf"is sharp enough: half of the starts beyond 1 do so from $s={first[2]:.1f}$ on with stored momenta, from "
        rf"$s={first[1]:.1f}$ on with stored gradients."
    )


def five_draw(data: FigureData) -> Canvas:
    from matplotlib.colors import ListedColormap

    a = data.arrays
    figure = canvas(PAGE, 2.5)
    colours = ListedColormap(["#EFB09A", "#A8D8C2"])
    for ax, name, flat in zip(figure.subplots(1, 3, sharey=True), FIVE, a["flat"], strict=True):
        ax.pcolormesh(a["x0"], a["s"], flat, cmap=colours, vmin=0, vmax=1, rasterized=True)
        ax.plot(np.sqrt(a["s"]) / (np.sqrt(a["s"]) + 1), a["s"], color=GREY)
        for s in (5, 10, 100):
            ax.plot([-2, 2, 3], [s] * 3, "x", color=BLACK, markersize=4)
        ax.set(yscale="log", title=name, xlabel="start $x_0$")
        if name == FIVE[0]:
            ax.set(ylabel="sharpness coefficient $s$")
    return figure


# Figures 17, 18: counts of nine

NINE_SIZES = (5, 10, 20)
NINE_RULES = ("Adam+CG", "Adam+CM")


def nine_data(level: Level) -> FigureData:
    """How many of the nine runs end in the flat basin, by decay, C, method and step drop."""
    from analysis.escape import in_flat_basin
    from analysis.landscapes import TwoWell
    from analysis.runs import run
    from analysis.toys import Method

    del level
    sharpness = np.array([5.0, 10.0, 100.0])[:, None]
    start = np.broadcast_to(np.array([-2.0, 2.0, 3.0])[:, None], (3, 3, 1))
    counts = np.empty((2, 3, 2, 2))
    for index in np.ndindex(counts.shape):
        decay, size, rule, drop = index
        method = Method(
            NINE_RULES[rule],  # type: ignore[arg-type]
            capacity=NINE_SIZES[size],
            decay=DECAYS[decay],
            drop=250 if drop else None,
        )
        ends = run(method.rule(), TwoWell(sharpness), start, 500).params
        counts[index] = np.sum(in_flat_basin(ends, sharpness))
    return FigureData({"count": counts}, {"s": [5, 10, 100], "x0": [-2, 2, 3], "steps": 500})


def nine_table(data: FigureData) -> Mapping[str, np.ndarray]:
    axes = {"decay": DECAYS, "C": NINE_SIZES, "method": NINE_RULES, "step drop": ("no", "at 250")}
    return long_table(axes, flat_of_nine=data.arrays["count"])


def nine_caption(data: FigureData) -> str:
    a = data.arrays["count"][..., 0].astype(int)
    said = "; ".join(
        rf"$\lambda={decay}$: "
        + ", ".join(f"{a[i, j, 1]} to {a[i, j, 0]} at $C={c}$" for j, c in enumerate(NINE_SIZES))
        for i, decay in enumerate(DECAYS)
    )
    return (
        rf"Of figure 5's nine runs, how many end in the flat basin, Adam+CM to Adam+CG: {said}. Open markers: with the "
        r"step divided by ten after 250. Adam+CM is ahead with small buffers; at $C=20$, $\lambda=0.7$ Adam+CG is."
    )


def nine_draw(data: FigureData) -> Canvas:
    a = data.arrays["count"]
    figure = canvas(COLUMN, 2.3)
    for ax, decay, rows in zip(figure.subplots(1, 2, sharey=True), DECAYS, a, strict=True):
        for k, name in enumerate(NINE_RULES):
            x = np.arange(3) + 0.12 * (2 * k - 1)
            ax.plot(x, rows[:, k, 0], "o", color=COLOURS[name], label=name)
            ax.plot(x, rows[:, k, 1], "o", color=COLOURS[name], markerfacecolor="none", markersize=8)
        ax.set(title=f"$\\lambda={decay}$", xlabel="$C$", ylim=(0, 9.5))
        ax.set_xticks(range(3), [str(c) for c in NINE_SIZES])
    figure.axes[0].set(ylabel="flat of nine runs")
    figure.axes[0].legend(loc="lower left")
    return figure


# Sensitivity: what the open choices and the ablations do

CHOICES = (
    "as printed",
    "mean over the fill",
    "insert first",
    "momentum as key",
    "values decayed",
    "published code",
    "no bias correction",
    "v of the corrected aggregate",
    "no buffer",
    "no buffer, corrected v",
)
PLACES = (
    "1-D, $C=10$, $\\lambda=0.7$, $s=5$",
    "1-D, $C=10$, $\\lambda=0.99$, $s=5$",
    "10-D, $C=20$, $\\lambda=0.99$, $s=100$",
)


def choice_data(level: Level) -> FigureData:
    """Escape ratios of Adam+CG and Adam+CM under every reading and ablation, at three places."""
    from analysis.toys import READINGS, Method, Starts, Wells, reached_flat

    runs = {Level.QUICK: 50, Level.NORMAL: 1000, Level.FULL: 4000}[level]
    places = (
        (Wells((5.0,), Starts(-5.0, 5.0, 1, runs)), 10, 0.7),
        (Wells((5.0,), Starts(-5.0, 5.0, 1, runs)), 10, 0.99),
        (Wells((100.0,), Starts(-5.0, 5.0, 10, runs)), 20, 0.99),
    )
    table = np.empty((3, len(CHOICES), 2, 3))
    for i, (study, capacity, decay) in enumerate(places):
        for j, choice in enumerate(CHOICES):
            for k, name in enumerate(NINE_RULES):
                corrected = "v of the corrected aggregate" if choice.endswith("corrected v") else "as printed"
                method = Method(
                    name,  # type: ignore[arg-type]
                    capacity=0 if choice.startswith("no buffer") else capacity,
                    decay=decay,
                    options=READINGS.get(choice, READINGS[corrected]),
                )
                table[i, j, k] = _wilson(reached_flat(method, study, "basin"))[0]
    return FigureData({"ratio": table}, {"runs": runs, "steps": 500, "seed": 0, "box": [-5, 5]})


def choice_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["ratio"]
    axes = {"place": ("1-D 0.7", "1-D 0.99", "10-D 0.99"), "choice": CHOICES, "method": NINE_RULES}
    return long_table(axes, ratio=a[..., 0], low=a[..., 1], high=a[..., 2])


def choice_caption(data: FigureData) -> str:
    a = data.arrays["ratio"][..., 0]
    return (
        rf"Share of {data.inputs['runs']} runs that end in the flat basin under what the paper leaves open, one "
        r"choice at a time, and under ablations; 95 % Wilson intervals. In one dimension at $\lambda=0.99$ Adam+CG "
        rf"escapes more often than Adam+CM as printed ({a[1, 0, 0]:.2f} and {a[1, 0, 1]:.2f}); in ten dimensions "
        rf"taking the buffer away raises Adam+CM's ratio from {a[2, 0, 1]:.2f} to {a[2, 8, 1]:.2f}, and correcting "
        rf"the bias inside $v$ lowers it to {a[2, 7, 1]:.2f}. The options that exist for momenta only leave Adam+CG "
        rf"as it is."
    )


def choice_draw(data: FigureData) -> Canvas:
    a = data.arrays["ratio"]
    figure = canvas(PAGE, 3.2)
    y = -np.arange(len(CHOICES))
    for ax, place, rows in zip(figure.subplots(1, 3, sharey=True), PLACES, a, strict=True):
        for k, name in enumerate(NINE_RULES):
            value, low, high = np.moveaxis(rows[:, k], -1, 0)
            error = np.maximum([value - low, high - value], 0)
            ax.errorbar(
                value, y + 0.12 * (1 - 2 * k), xerr=error, fmt="o", color=COLOURS[name], label=name, markersize=3
            )
        ax.set(title=place, xlim=(-0.02, 1.02), xlabel="escape ratio")
        ax.axhline(-7.5, color=GREY, linewidth=0.6)
    figure.axes[0].set_yticks(y, CHOICES)
    figure.axes[2].legend(loc="upper right")
    return figure


def _figure(short: str, title: str, shows: str, claims: tuple[str, ...], cost: Cost, **functions: Any) -> Figure:
    return Figure(
        id=f"critical-momenta/{short}",
        paper=PAPER,
        title=title,
        shows=shows,
        claims=tuple(f"critical-momenta/{claim}" for claim in claims),
        cost=cost,
        uses=USES,
        **functions,
    )


FIGURES = [
    _figure(
        "figure-5",
        "Which starts end in the flat well",
        r"Nine runs on the two-well function, $s\in\{5,10,100\}$, $x_0\in\{-2,2,3\}$, per optimizer.",
        ("figure-5-1d-trajectories", "two-global-minima"),
        Cost(1.5, 12.0, 60.0),
        caption=five_caption,
        data=five_data,
        table=five_table,
        draw=five_draw,
    ),
    _figure(
        "figure-6",
        "Escape in ten dimensions",
        "Escape ratios of 50 runs in ten dimensions, Adam+CM above the others.",
        ("figure-6-escape-10d", "escape-cause"),
        Cost(6.0, 40.0, 160.0),
        caption=six_caption,
        data=six_data,
        table=six_table,
        draw=six_draw,
    ),
    _figure(
        "figure-7",
        "Escape in one dimension, and the buffer's size",
        r"Escape ratios of 50 runs, $C=10$ (left), and of Adam+CM with $C\in\{5,10,20,40\}$ (right).",
        ("figure-7-left-escape-1d", "figure-7-right-buffer-size", "larger-buffer-overshoots-more"),
        Cost(7.0, 30.0, 100.0),
        caption=seven_caption,
        data=seven_data,
        table=seven_table,
        draw=seven_draw,
    ),
    _figure(
        "figures-17-18",
        "Nine runs, six settings",
        r"Figure 5's nine runs for $\lambda=0.7$ and $0.99$, $C\in\{5,10,20\}$.",
        ("figures-17-18-sensitivity",),
        Cost(6.0, 6.0, 6.0),
        caption=nine_caption,
        data=nine_data,
        table=nine_table,
        draw=nine_draw,
    ),
    _figure(
        "escape-ablation",
        "What makes runs escape",
        "Nothing drawn; the paper ascribes the escapes to storing momenta instead of gradients.",
        ("escape-cause", "figure-6-escape-10d", "figure-7-left-escape-1d", "aggregation-mean"),
        Cost(12.0, 40.0, 120.0),
        caption=choice_caption,
        data=choice_data,
        table=choice_table,
        draw=choice_draw,
    ),
]
