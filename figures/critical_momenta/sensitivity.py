"""How far the outcomes of "Critical Momenta" depend on what its toy studies leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import GREY, PAGE, canvas
from ._common import (
    COLOURS,
    DROP,
    FOUR,
    MARKERS,
    RUNS,
    STEPS,
    columns_of,
    declare,
    errors_of,
    mean_rows,
    method_handles,
    method_of,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.landscapes import Landscape
    from analysis.toys import Criterion, Method


def _points(ax: Any, rows: np.ndarray, y: np.ndarray, name: str) -> None:
    """Values with their intervals as points at heights ``y``."""
    ax.errorbar(
        rows[:, 0], y, xerr=errors_of(rows), fmt=MARKERS[name], color=COLOURS[name], markersize=3.2, linewidth=0.9
    )


# The escape studies


@dataclass(frozen=True)
class Design:
    """A way to run and to count an escape study."""

    side: float = 5.0
    steps: int = STEPS
    drop: int | None = None
    criterion: Criterion = "basin"


DESIGNS = {
    "as in figures 6 and 7": Design(),
    "starts in $[-2,2]^D$": Design(side=2.0),
    "starts in $[-10,10]^D$": Design(side=10.0),
    "200 steps": Design(steps=200),
    "1000 steps": Design(steps=1000),
    f"step drop at {DROP}": Design(drop=DROP),
    "within 0.1 of 0": Design(criterion="near"),
    "within 0.1, step drop": Design(criterion="near", drop=DROP),
    "starts in the flat basin left out": Design(criterion="escaped"),
}
QUICK_DESIGNS = ["as in figures 6 and 7", "starts in $[-10,10]^D$", "within 0.1 of 0"]
PLACES = {  # s, D, C, decay
    "$D=1$, $C=10$, $\\lambda=0.7$, $s=5$": (5.0, 1, 10, 0.7),
    "$D=1$, $C=10$, $\\lambda=0.99$, $s=5$": (5.0, 1, 10, 0.99),
    "$D=10$, $C=20$, $\\lambda=0.99$, $s=100$": (100.0, 10, 20, 0.99),
}


def design_data(level: Level) -> FigureData:
    """Escape ratios (places, designs, methods, 3) with Wilson intervals."""
    from analysis.toys import Starts, Wells, reached_flat

    designs = QUICK_DESIGNS if level is Level.QUICK else list(DESIGNS)
    table = np.empty((len(PLACES), len(designs), len(FOUR), 3))
    for i, (s, dim, capacity, decay) in enumerate(PLACES.values()):
        for j, design in enumerate(DESIGNS[name] for name in designs):
            study = Wells((s,), Starts(-design.side, design.side, dim, RUNS[level]), design.steps)
            for k, name in enumerate(FOUR):
                method = method_of(name, 0.05, capacity, decay, drop=design.drop)
                found = reached_flat(method, study, design.criterion)[0]
                table[i, j, k] = wilson_rows(found[~np.isnan(found)])
    return FigureData({"ratio": table}, {"runs": RUNS[level], "seed": 0, "designs": designs})


def design_table(data: FigureData) -> Mapping[str, np.ndarray]:
    places = [f"D={dim} C={c} lambda={decay} s={s:g}" for s, dim, c, decay in PLACES.values()]
    axes = {"place": places, "design": [name.replace("$", "") for name in data.inputs["designs"]], "method": FOUR}
    return long_table(axes, **columns_of(data.arrays["ratio"], "ratio"))


def design_caption(data: FigureData) -> str:
    a = data.arrays["ratio"][..., 0]
    cm, rest = FOUR.index("Adam+CM"), [k for k, name in enumerate(FOUR) if name != "Adam+CM"]
    ahead = np.sum(a[:, :, cm] > a[:, :, rest].max(axis=-1), axis=1)
    at = data.inputs["designs"].index
    cg = FOUR.index("Adam+CG")
    basin, near, wide = a[1, 0], a[1, at("within 0.1 of 0")], a[2, at("starts in $[-10,10]^D$")]
    return (
        rf"Escape ratios at three places under other designs of the study, {data.inputs['runs']} starts each, 95 % "
        rf"Wilson intervals. Adam+CM has the highest ratio in {ahead[0]}, {ahead[1]} and {ahead[2]} of {a.shape[1]} "
        rf"designs (left to right). In the middle the criterion decides: Adam+CG leaves the sharp basin more often "
        rf"({basin[cg]:.2f} against {basin[cm]:.2f}), but swings, and ends within 0.1 of 0 less often ({near[cg]:.2f} "
        rf"against {near[cm]:.2f}). On the right the region of the starts does: from $[-10,10]^{{10}}$ Adam+CG is "
        rf"ahead ({wide[cg]:.2f} against {wide[cm]:.2f})."
    )


def design_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 3.6)
    y = -np.arange(len(data.inputs["designs"]))
    for ax, place, rows in zip(figure.subplots(1, len(PLACES), sharey=True), PLACES, data.arrays["ratio"], strict=True):
        for k, name in enumerate(FOUR):
            _points(ax, rows[:, k], y + 0.13 * (1.5 - k), name)
        ax.set(title=place, xlim=(-0.02, 1.02), xlabel="escape ratio")
    figure.axes[0].set_yticks(y, data.inputs["designs"])
    figure.legend(handles=method_handles(FOUR), loc="outside upper center", ncols=4)
    return figure


# Table 1


@dataclass(frozen=True)
class Choice:
    """A setting of table 1's study; ``scale`` of the square of the starts, ``reading`` of the rules with a buffer."""

    scale: float = 1.0
    drop: int | None = None
    capacity: int = 20
    decay: float = 0.99
    reading: str = "as printed"
    other_form: bool = False


CHOICES = {
    "as in table 1": Choice(),
    "starts in half the square": Choice(scale=0.5),
    "starts in twice the square": Choice(scale=2.0),
    f"step drop at {DROP}": Choice(drop=DROP),
    "$C=5$, $\\lambda=0.7$": Choice(capacity=5, decay=0.7),
    "$C=5$, $\\lambda=0.99$": Choice(capacity=5),
    "mean over the fill": Choice(reading="mean over the fill"),
    "insert first": Choice(reading="insert first"),
    "momentum as key": Choice(reading="momentum as key"),
    "$v$ of the corrected aggregate": Choice(reading="v of the corrected aggregate"),
    "unit square; five variables": Choice(other_form=True),
}
FUNCTIONS = ("Goldstein-Price", "Levy")
COLUMNS = ("loss", "sharpness")
OTHERS = FOUR[:3]


def _method(name: Any, choice: Choice) -> Method:
    from analysis.toys import CRITICAL, READINGS

    options = READINGS[choice.reading] if name in CRITICAL else ()
    return method_of(name, 0.1, choice.capacity, choice.decay, drop=choice.drop, options=options)


def _setting(function: str, choice: Choice) -> tuple[Landscape, float, float, int]:
    """The function, and the box and dimension of the starts."""
    from analysis.landscapes import GoldsteinPrice, Levy

    if function == "Levy":
        return Levy(), -10.0 * choice.scale, 10.0 * choice.scale, 5 if choice.other_form else 2
    if choice.other_form:
        return GoldsteinPrice(unit=True), 0.0, 1.0, 2
    return GoldsteinPrice(), -2.0 * choice.scale, 2.0 * choice.scale, 2


def choice_data(level: Level) -> FigureData:
    """Adam+CM minus each other method (functions, columns, choices, others, 3), in the other's standard deviations."""
    from analysis.toys import Plane, Starts, plane_outcome

    choices = list(CHOICES)[:: 5 if level is Level.QUICK else 1]
    table = np.empty((len(FUNCTIONS), len(COLUMNS), len(choices), len(OTHERS), 3))
    for f, function in enumerate(FUNCTIONS):
        for j, choice in enumerate(CHOICES[name] for name in choices):
            landscape, low, high, dim = _setting(function, choice)
            study = Plane(landscape, Starts(low, high, dim, RUNS[level]), (STEPS,))
            for c, column in enumerate(COLUMNS):
                cm = plane_outcome(_method("Adam+CM", choice), study, column)
                for k, name in enumerate(OTHERS):
                    other = plane_outcome(_method(name, choice), study, column)
                    table[f, c, j, k] = mean_rows(cm - other) / np.nanstd(other, ddof=1)
    return FigureData({"difference": table}, {"runs": RUNS[level], "steps": STEPS, "seed": 0, "choices": choices})


def choice_table(data: FigureData) -> Mapping[str, np.ndarray]:
    axes = {
        "function": FUNCTIONS,
        "column": COLUMNS,
        "choice": [name.replace("$", "") for name in data.inputs["choices"]],
        "other": OTHERS,
    }
    return long_table(axes, **columns_of(data.arrays["difference"], "difference"))


def choice_caption(data: FigureData) -> str:
    a = data.arrays["difference"]
    below = np.sum(np.all(a[..., 2] < 0, axis=-1), axis=-1)  # functions, columns: certainly below all three
    return (
        rf"Adam+CM minus each other method in the mean, in standard deviations of the other over "
        rf"{data.inputs['runs']} shared starts, 95 % intervals; left of the line Adam+CM is lower or flatter. The "
        rf"axis is linear between -1 and 1. Rows: one choice changed at a time. Both columns of table 1 ask for all "
        rf"three left of it. That holds for the loss in {below[0, 0]} of {a.shape[2]} rows on Goldstein-Price and "
        rf"{below[1, 0]} on Levy, for the sharpness in {below[0, 1]} and {below[1, 1]}: Adam+CM is mostly flatter but "
        rf"higher on the one function, lower but not flatter than Adam+CG on the other. Last row: variables on the "
        rf"unit square (Goldstein-Price), five variables (Levy)."
    )


def choice_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 3.9)
    y = -np.arange(len(data.inputs["choices"]))
    axes = figure.subplots(1, len(FUNCTIONS) * len(COLUMNS), sharey=True)
    for i, ax in enumerate(axes):
        f, c = divmod(i, len(COLUMNS))
        for k, name in enumerate(OTHERS):
            _points(ax, data.arrays["difference"][f, c, :, k], y + 0.15 * (1 - k), name)
        ax.axvline(0.0, color=GREY, linewidth=0.7)
        ax.set(title=f"{FUNCTIONS[f]},\n{COLUMNS[c]}")
        # Most differences are within one standard deviation, a few far outside.
        ax.set_xscale("symlog", linthresh=1.0, linscale=0.8)
        ax.set_xticks([-4, -1, 0, 1, 4], ["\N{MINUS SIGN}4", "\N{MINUS SIGN}1", "0", "1", "4"])
        ax.minorticks_off()
        ax.set(xlim=(-15, 15))
    axes[0].set_yticks(y, data.inputs["choices"])
    handles = method_handles(OTHERS)
    for handle in handles:
        handle.set_label(f"minus {handle.get_label()}")
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


FIGURES = [
    declare(
        "escape-designs",
        "Escape ratios by the design of the study",
        "Nothing drawn; steps, step drop and the criterion of an escape are not given.",
        ("figure-6-escape-10d", "figure-7-left-escape-1d", "escape-cause"),
        (4.5, 16.0, 60.0),
        data=design_data,
        table=design_table,
        caption=design_caption,
        draw=design_draw,
    ),
    declare(
        "table-1-choices",
        "Table 1 under other choices",
        "Nothing drawn; start region, step drop and details of the buffer are not given.",
        ("table-1-gp", "table-1-levy", "table-5-levy-buffer"),
        (4.5, 18.0, 60.0),
        data=choice_data,
        table=choice_table,
        caption=choice_caption,
        draw=choice_draw,
    ),
]
