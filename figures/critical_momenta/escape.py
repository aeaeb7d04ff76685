"""Figures 6 and 7 of "Critical Momenta": escape ratios on the two-well family (9), and what makes runs escape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import BLACK, COLUMN, GREY, PAGE, PURPLE, SKY, VERMILLION, canvas
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

    from analysis.toys import Criterion, Method, Name, Wells

STEP = 0.05
CRITERIA: tuple[Criterion, ...] = ("basin", "near")


def _ratios(method: Method, study: Wells) -> np.ndarray:
    """Escape ratios (criteria, s, 3) with Wilson intervals."""
    from analysis.toys import reached_flat

    return np.stack([wilson_rows(reached_flat(method, study, criterion)) for criterion in CRITERIA])


def _wells(sharpness: tuple[float, ...], dim: int, runs: int) -> Wells:
    from analysis.toys import Starts, Wells

    return Wells(sharpness, Starts(-5.0, 5.0, dim, runs))


# Figure 6

SIX = (2.0, 3.0, 5.0, 10.0, 100.0)
NO_BUFFER, CORRECTED = "Adam+CM, no buffer", "Adam+CM, corrected $v$"
SIX_ARMS = (*FOUR, NO_BUFFER, CORRECTED)
SIX_COLOURS = COLOURS | {NO_BUFFER: PURPLE, CORRECTED: SKY}


def _six_arms() -> dict[str, Method]:
    from analysis.toys import READINGS

    arms = {str(name): method_of(name, STEP, 20, 0.99) for name in FOUR}
    arms[NO_BUFFER] = replace(arms["Adam+CM"], capacity=0)
    arms[CORRECTED] = replace(arms["Adam+CM"], options=READINGS["v of the corrected aggregate"])
    return arms


def six_data(level: Level) -> FigureData:
    """Escape ratios (methods, criteria, s, 3) in ten dimensions."""
    study = _wells(SIX, 10, RUNS[level])
    table = np.stack([_ratios(method, study) for method in _six_arms().values()])
    inputs = {"runs": RUNS[level], "steps": STEPS, "capacity": 20, "decay": 0.99, "seed": 0, "box": [-5, 5]}
    return FigureData({"ratio": table, "s": np.asarray(SIX)}, inputs)


def six_table(data: FigureData) -> Mapping[str, np.ndarray]:
    names = [name.replace("$", "") for name in SIX_ARMS]
    return long_table({"method": names, "criterion": CRITERIA, "s": SIX}, **columns_of(data.arrays["ratio"], "ratio"))


def six_caption(data: FigureData) -> str:
    at = dict(zip(SIX_ARMS, data.arrays["ratio"][:, 0, -1, 0], strict=True))
    return (
        rf"Share of {data.inputs['runs']} runs from $[-5,5]^{{10}}$ that end in the flat basin in all ten "
        rf"coordinates, 95 % Wilson bands; $C=20$, $\lambda=0.99$. The printed order holds: at $s=100$ Adam+CM "
        rf"{at['Adam+CM']:.2f}, Adam+SAM {at['Adam+SAM']:.2f}, Adam+CG {at['Adam+CG']:.2f}, Adam {at['Adam']:.2f}, "
        rf"far below the printed axis, which ends at 0.9. Dashed: Adam+CM without its buffer escapes far more often "
        rf"({at[NO_BUFFER]:.2f}); with $v$ formed of bias-corrected momenta it escapes less ({at[CORRECTED]:.2f}). "
        rf"The first steps, ten times Adam's, leave the sharp well, not the memory."
    )


def six_draw(data: FigureData) -> Canvas:
    figure = canvas(COLUMN, 2.7)
    ax = figure.subplots()
    x = np.arange(len(SIX))
    for name, rows in zip(SIX_ARMS, data.arrays["ratio"][:, 0], strict=True):
        marker, line = MARKERS.get(name, "o"), "-" if name in FOUR else "--"
        interval_line(ax, x, rows, SIX_COLOURS[name], line, marker=marker, markersize=3, label=name)
    ax.set(xlabel="sharpness coefficient $s$", ylabel="escape ratio, $D=10$", ylim=(-0.02, 1.02))
    ax.set_xticks(x, [f"{s:g}" for s in SIX])
    ax.legend(loc="upper left")
    return figure


# Figure 7

SEVEN = (1.0, 2.0, 3.0, 5.0, 10.0, 100.0)
DECAYS = (0.7, 0.99)
CAPACITIES = (5, 10, 20, 40)
SIZE_COLOURS = dict(zip(CAPACITIES, (SKY, VERMILLION, PURPLE, BLACK), strict=True))
TEN_RUNS = {Level.QUICK: 40, Level.NORMAL: 400, Level.FULL: 1000}  # in ten dimensions


def seven_data(level: Level) -> FigureData:
    """Escape ratios (decays, ., criteria, s, 3): of four methods, and of Adam+CM by C in 1 and in 10 dimensions."""
    one, ten = _wells(SEVEN, 1, RUNS[level]), _wells(SEVEN, 10, TEN_RUNS[level])
    arrays = {
        "methods": [[_ratios(method_of(name, STEP, 10, decay), one) for name in FOUR] for decay in DECAYS],
        "sizes": [[_ratios(method_of("Adam+CM", STEP, c, d), one) for c in CAPACITIES] for d in DECAYS],
        "sizes in 10-D": [[_ratios(method_of("Adam+CM", STEP, c, d), ten) for c in CAPACITIES] for d in DECAYS],
    }
    inputs = {"runs": RUNS[level], "runs in 10-D": TEN_RUNS[level], "steps": STEPS, "seed": 0, "tolerance of near": 0.1}
    return FigureData({name: np.array(table) for name, table in arrays.items()}, inputs)


def seven_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    sizes = [f"Adam+CM C={c}" for c in CAPACITIES]
    parts = (("methods", 1, [f"{n} C=10" if "+C" in n else n for n in FOUR]), ("sizes", 1, sizes))
    rows = [
        long_table({"D": [dim], "decay": DECAYS, "method": names, "criterion": CRITERIA, "s": SEVEN}, **columns)
        for key, dim, names in (*parts, ("sizes in 10-D", 10, sizes))
        for columns in [columns_of(a[key][None], "ratio")]
    ]
    return {name: np.concatenate([part[name] for part in rows]) for name in rows[0]}


def seven_caption(data: FigureData) -> str:
    a = data.arrays
    cg, adam = (a["methods"][0, FOUR.index(name), 0, -1, 0] for name in ("Adam+CG", "Adam"))
    two = ", ".join(f"{v:.2f}" for v in a["sizes"][0, :, 0, SEVEN.index(2.0), 0])
    many = ", ".join(f"{v:.2f}" for v in a["sizes in 10-D"][0, :, 0, SEVEN.index(10.0), 0])
    slow = ", ".join(f"{v:.2f}" for v in a["sizes in 10-D"][1, :, 0, -1, 0])
    return (
        rf"Share of {data.inputs['runs']} runs from $[-5,5]$ ({data.inputs['runs in 10-D']} from $[-5,5]^{{10}}$) that "
        rf"end in the flat basin (solid) and within 0.1 of 0 (dotted; constant step), 95 % Wilson bands. Top "
        rf"$\lambda=0.7$, bottom 0.99. Left, $C=10$: Adam+CG is not outperformed at large $s$ ({cg:.2f} against "
        rf"{adam:.2f} at $s=100$, $\lambda=0.7$), except at $\lambda=0.99$ when swinging around 0 counts as failure. "
        rf"Middle and right, Adam+CM: more slots do not help steadily. $C=5,10,20,40$ at $\lambda=0.7$: {two} at $s=2$ "
        rf"in one dimension, {many} at $s=10$ in ten; at $\lambda=0.99$, $s=100$ in ten dimensions {slow}."
    )


def seven_draw(data: FigureData) -> Canvas:
    from matplotlib.lines import Line2D

    figure = canvas(PAGE, 4.4)
    axes = figure.subplots(len(DECAYS), 3, sharex=True, sharey=True)
    x = np.arange(len(SEVEN))

    def pair(ax: Any, rows: np.ndarray, colour: str, marker: str) -> None:
        interval_line(ax, x, rows[0], colour, marker=marker, markersize=3)
        interval_line(ax, x, rows[1], colour, ":", linewidth=0.9)

    for i, decay in enumerate(DECAYS):
        for name, rows in zip(FOUR, data.arrays["methods"][i], strict=True):
            pair(axes[i, 0], rows, COLOURS[name], MARKERS[name])
        for ax, key in ((axes[i, 1], "sizes"), (axes[i, 2], "sizes in 10-D")):
            for size, rows in zip(CAPACITIES, data.arrays[key][i], strict=True):
                pair(ax, rows, SIZE_COLOURS[size], "o")
        axes[i, 0].set(ylabel=f"escape ratio, $\\lambda={decay}$", ylim=(-0.02, 1.02))
    for ax, title in zip(axes[0], ("$D=1$, $C=10$", "$D=1$, Adam+CM", "$D=10$, Adam+CM"), strict=True):
        ax.set(title=title)
    for ax in axes[1]:
        ax.set(xlabel="sharpness coefficient $s$")
        ax.set_xticks(x, [f"{s:g}" for s in SEVEN])
    near = Line2D([], [], color=GREY, linestyle=":", label="within 0.1 of 0")
    sizes = [
        Line2D([], [], color=colour, marker="o", markersize=3, label=f"$C={c}$") for c, colour in SIZE_COLOURS.items()
    ]
    figure.legend(handles=[*method_handles(FOUR), *sizes, near], loc="outside upper center", ncols=5)
    return figure


# Which part of the rules makes runs escape

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
QUICK_CHOICES = ("as printed", "momentum as key", "v of the corrected aggregate", "no buffer")
TWO: tuple[Name, ...] = ("Adam+CG", "Adam+CM")
PLACES = {  # s, D, C, decay
    "1-D, $C=10$, $\\lambda=0.7$, $s=5$": (5.0, 1, 10, 0.7),
    "1-D, $C=10$, $\\lambda=0.99$, $s=5$": (5.0, 1, 10, 0.99),
    "10-D, $C=20$, $\\lambda=0.99$, $s=100$": (100.0, 10, 20, 0.99),
}


def _chosen(method: Method, choice: str) -> Method:
    from analysis.toys import READINGS

    corrected = "v of the corrected aggregate" if choice.endswith("corrected v") else "as printed"
    capacity = 0 if choice.startswith("no buffer") else method.capacity
    return replace(method, capacity=capacity, options=READINGS.get(choice, READINGS[corrected]))


def choice_data(level: Level) -> FigureData:
    """Escape ratios (places, choices, methods, 3); NaN for a choice that does not exist for stored gradients."""
    choices = QUICK_CHOICES if level is Level.QUICK else CHOICES
    table = np.full((len(PLACES), len(choices), len(TWO), 3), np.nan)
    for i, (s, dim, capacity, decay) in enumerate(PLACES.values()):
        study = _wells((s,), dim, RUNS[level])
        for k, name in enumerate(TWO):
            printed = method_of(name, STEP, capacity, decay)
            for j, choice in enumerate(choices):
                method = _chosen(printed, choice)
                if j == 0 or repr(method.rule()) != repr(printed.rule()):
                    table[i, j, k] = _ratios(method, study)[0, 0]
    inputs = {"runs": RUNS[level], "steps": STEPS, "seed": 0, "box": [-5, 5], "choices": list(choices)}
    return FigureData({"ratio": table}, inputs)


def choice_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["ratio"]
    places = [f"{dim}-D C={c} lambda={decay} s={s:g}" for s, dim, c, decay in PLACES.values()]
    columns = long_table({"place": places, "choice": data.inputs["choices"], "method": TWO}, **columns_of(a, "ratio"))
    kept = np.isfinite(columns["ratio"])
    return {name: values[kept] for name, values in columns.items()}


def choice_caption(data: FigureData) -> str:
    a = data.arrays["ratio"][..., 0]
    at = data.inputs["choices"].index
    return (
        rf"Share of {data.inputs['runs']} runs that end in the flat basin under what the paper leaves open, one "
        rf"choice at a time (above the line), and under ablations (below); 95 % Wilson intervals. In one dimension at "
        rf"$\lambda=0.99$ Adam+CG escapes more often than Adam+CM as printed ({a[1, 0, 0]:.2f} and {a[1, 0, 1]:.2f}); "
        rf"in ten dimensions taking the buffer away raises Adam+CM's ratio from {a[2, 0, 1]:.2f} to "
        rf"{a[2, at('no buffer'), 1]:.2f}, and correcting the bias inside $v$ lowers it to "
        rf"{a[2, at('v of the corrected aggregate'), 1]:.2f}. Choices that exist for stored momenta only have no "
        rf"triangle."
    )


def choice_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 3.3)
    choices = data.inputs["choices"]
    y = -np.arange(len(choices))
    for ax, place, rows in zip(figure.subplots(1, len(PLACES), sharey=True), PLACES, data.arrays["ratio"], strict=True):
        for k, name in enumerate(TWO):
            ax.errorbar(
                rows[:, k, 0],
                y + 0.14 * (1 - 2 * k),
                xerr=errors_of(rows[:, k]),
                fmt=MARKERS[name],
                color=COLOURS[name],
                markersize=3.5,
            )
        ax.set(title=place, xlim=(-0.02, 1.02), xlabel="escape ratio")
        ax.axhline(0.5 - choices.index("no buffer"), color=GREY, linewidth=0.6)
    figure.axes[0].set_yticks(y, [choice.replace("v of", "$v$ of").replace("d v", "d $v$") for choice in choices])
    figure.legend(handles=method_handles(TWO), loc="outside upper center", ncols=2)
    return figure


FIGURES = [
    declare(
        "figure-6",
        "Escape in ten dimensions",
        "Escape ratios of 50 runs in ten dimensions, Adam+CM above the others.",
        ("figure-6-escape-10d", "escape-cause"),
        (3.0, 12.0, 45.0),
        data=six_data,
        table=six_table,
        caption=six_caption,
        draw=six_draw,
    ),
    declare(
        "figure-7",
        "Escape in one dimension, and the buffer's size",
        r"Escape ratios of 50 runs, $C=10$ (left), and of Adam+CM with $C\in\{5,10,20,40\}$ (right).",
        ("figure-7-left-escape-1d", "figure-7-right-buffer-size", "larger-buffer-overshoots-more"),
        (6.0, 18.0, 50.0),
        data=seven_data,
        table=seven_table,
        caption=seven_caption,
        draw=seven_draw,
    ),
    declare(
        "escape-ablation",
        "What makes runs escape",
        "Nothing drawn; the paper ascribes the escapes to storing momenta instead of gradients.",
        ("escape-cause", "figure-6-escape-10d", "figure-7-left-escape-1d", "aggregation-mean"),
        (3.0, 15.0, 50.0),
        data=choice_data,
        table=choice_table,
        caption=choice_caption,
        draw=choice_draw,
    ),
]
