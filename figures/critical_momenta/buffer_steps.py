"""Figures 2 and 12 of "Critical Momenta": first steps with the buffers, and over many starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import BLACK, GREY, PAGE, canvas
from ._arrows import (
    TWO,
    arrow_handles,
    as_arrays,
    buffer_of_five,
    draw_arrows,
    from_arrays,
    record_steps,
    window_around,
)
from ._common import (
    COLOURS,
    MARKERS,
    RUNS,
    TOYS,
    columns_of,
    declare,
    draw_goal,
    draw_surface,
    interval_line,
    mean_rows,
    method_handles,
    surface,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

USES = (*TOYS, "figures.critical_momenta._arrows")

# Figure 2

FIRST = 10


def two_data(level: Level) -> FigureData:
    """Ten steps on Ackley from the first start and from the one with the strongest cancellation; measures over all."""
    from analysis.landscapes import Ackley
    from analysis.toys import Method, Plane, Starts

    study = Plane(Ackley(), Starts(-5.0, 5.0, 2, RUNS[level]), (FIRST,))
    courses = [buffer_of_five(name, 0.7, study, ("left over", "opposition", "step")) for name in TWO]
    left = courses[0]["left over"][1:]  # nothing is stored at the first step
    cancelled = int(np.argmin(np.min(left, axis=0)))
    arrays: dict[str, np.ndarray] = {}
    for label, index in (("first", 0), ("cancelled", cancelled)):
        for name in TWO:
            steps = record_steps(Method(name, 0.1), Ackley(), study.starts.points()[index], FIRST)
            low, high = window_around(steps.path, 1.5)
            arrays |= as_arrays(f"{label} {name}", steps)
            arrays |= {
                f"{label} {name} surface": surface(Ackley(), low, high),
                f"{label} {name} window": np.stack([low, high]),
            }
    arrays |= {
        "left over": mean_rows(left),
        "shorter": wilson_rows(left < 1.0),
        "smallest": left[:, cancelled].min(keepdims=True),
        "cosine": mean_rows(np.stack([course["opposition"][1:] for course in courses])),
        "step": mean_rows(np.stack([course["step"][1:] for course in courses])),
    }
    return FigureData(arrays, {"runs": RUNS[level], "C": 5, "lambda": 0.7, "seed": 0, "index of cancelled": cancelled})


def two_table(data: FigureData) -> Mapping[str, np.ndarray]:
    """What gradient and mean leave over is a matter of stored gradients; NaN for momenta."""
    a = data.arrays
    none = np.full_like(a["left over"], np.nan)
    return long_table(
        {"method": TWO, "step": np.arange(2, FIRST + 1)},
        **columns_of(np.stack([a["left over"], none]), "left_over"),
        **columns_of(np.stack([a["shorter"], none]), "share_shorter_than_gradient"),
        **columns_of(a["cosine"], "cosine"),
        **columns_of(a["step"], "step_length"),
    )


def two_caption(data: FigureData) -> str:
    a = data.arrays
    left, shorter = a["left over"][:, 0].mean(), a["shorter"][:, 0].mean()
    step = a["step"][..., 0].mean(axis=1)
    return (
        rf"First {FIRST} steps on Ackley, $C=5$, $\lambda=0.7$; arrows point downhill, to scale within a step; each "
        rf"panel has its own window. Top: from the first random start of $[-5,5]^2$; bottom: of {data.inputs['runs']} "
        rf"starts the one with the strongest cancellation, where gradient plus mean shrink to {a['smallest'][0]:.2f} "
        rf"gradients. Right, over all starts, 95 % bands: length of gradient plus mean of Adam+CG, and the cosine "
        rf"between new gradient and mean. Cancellation is the exception: the sum is {left:.2f} times as long as the "
        rf"gradient on average, shorter in {100 * shorter:.0f} % of the steps. Adam+CM's steps are "
        rf"{step[1] / step[0]:.1f} times as long."
    )


def two_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 4.4)
    axes = figure.subplots(2, 3, width_ratios=(1, 1, 0.9))
    for i, label in enumerate(("first", "cancelled")):
        for ax, name in zip(axes[i], TWO, strict=False):
            steps = from_arrays(data, f"{label} {name}")
            low, high = data.arrays[f"{label} {name} window"]
            draw_surface(ax, data.arrays[f"{label} {name} surface"], low, high, levels=8)
            for t in range(1, FIRST):
                draw_arrows(ax, steps, t, 0.14 * float(high[0] - low[0]))
            ax.plot(*steps.path.T, color=COLOURS[name], linewidth=0.8, marker=".", markersize=3)
            ax.plot(*steps.path[0], "s", color=BLACK, markersize=4)
            ax.plot(*steps.path[-1], MARKERS[name], color=COLOURS[name], markersize=6, markeredgecolor="white")
            if np.all((low < 0) & (high > 0)):
                draw_goal(ax, (0.0, 0.0))
            ax.set(title=f"{name}, {'first start' if label == 'first' else 'strongest cancellation'}")
    at = np.arange(2, FIRST + 1)
    interval_line(axes[0, 2], at, data.arrays["left over"], COLOURS["Adam+CG"], marker=MARKERS["Adam+CG"], markersize=3)
    for name, rows in zip(TWO, data.arrays["cosine"], strict=True):
        interval_line(axes[1, 2], at, rows, COLOURS[name], marker=MARKERS[name], markersize=3)
    axes[0, 2].axhline(1.0, color=GREY, linewidth=0.6)
    axes[0, 2].set(title="|gradient + mean| / |gradient|", ylim=(0, None), xticks=(2, 4, 6, 8, 10))
    axes[1, 2].axhline(0.0, color=GREY, linewidth=0.6)
    axes[1, 2].set(title="cosine of gradient and mean", ylim=(-1, 1), xlabel="step", xticks=(2, 4, 6, 8, 10))
    figure.legend(handles=[*method_handles(TWO), *arrow_handles()], loc="outside upper center", ncols=5)
    return figure


# Figure 12

SIX = range(2, 8)  # steps 3 to 8, counted from 0
MEASURES = ("alignment", "turning", "variance")


def twelve_data(level: Level) -> FigureData:
    """Steps 3 to 8 on Goldstein-Price from the first start; alignment, turning and variance over all starts."""
    from analysis.landscapes import GoldsteinPrice
    from analysis.toys import Method, Plane, Starts

    study = Plane(GoldsteinPrice(), Starts(-2.0, 2.0, 2, RUNS[level]), (20,))
    courses = [buffer_of_five(name, 0.7, study, MEASURES) for name in TWO]
    arrays = {what: mean_rows(np.stack([course[what][1:] for course in courses])) for what in MEASURES}
    for name in TWO:
        steps = record_steps(Method(name, 0.1), GoldsteinPrice(), study.starts.points()[0], SIX.stop)
        low, high = window_around(steps.path[SIX.start :], 1.2)
        arrays |= as_arrays(name, steps)
        arrays |= {f"{name} surface": surface(GoldsteinPrice(), low, high), f"{name} window": np.stack([low, high])}
    return FigureData(arrays, {"runs": RUNS[level], "C": 5, "lambda": 0.7, "seed": 0})


def twelve_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    columns: dict[str, np.ndarray] = {}
    for what in MEASURES:
        columns |= columns_of(a[what], what)
    return long_table({"method": TWO, "step": np.arange(2, 2 + a["turning"].shape[1])}, **columns)


def twelve_caption(data: FigureData) -> str:
    a = {what: data.arrays[what][:, 1:7, 0].mean(axis=1) for what in MEASURES}  # steps 3 to 8
    return (
        rf"Top: steps 3 to 8 on Goldstein-Price from the first random start, $C=5$, $\lambda=0.7$; arrows point "
        rf"downhill, to scale within a panel; each row has its own window. Bottom: over {data.inputs['runs']} starts "
        rf"in $[-2,2]^2$, 95 % bands. In steps 3 to 8 the modulus of the cosine between stored vectors and the "
        rf"sharpest direction is {a['alignment'][0]:.2f} for Adam+CG and {a['alignment'][1]:.2f} for Adam+CM "
        rf"($2/\pi=0.64$ for directions at random, dotted): neither buffer is dominated by it. The mean turns by "
        rf"{a['turning'][0]:.2f} and {a['turning'][1]:.2f} per step, no less in Adam+CM; the variance of Adam+CG is "
        rf"{a['variance'][0] / a['variance'][1]:.0f} times larger, gradients being longer than their averages."
    )


def twelve_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 4.9)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.35, 1), squeeze=False).flat
    axes = top.subplots(len(TWO), len(SIX), sharex="row", sharey="row")
    for row, name in zip(axes, TWO, strict=True):
        steps = from_arrays(data, name)
        low, high = data.arrays[f"{name} window"]
        for ax, t in zip(row, SIX, strict=True):
            draw_surface(ax, data.arrays[f"{name} surface"], low, high, levels=9)
            ax.plot(*steps.path[SIX.start : t + 1].T, color=COLOURS[name], marker=".", linewidth=0.8)
            draw_arrows(ax, steps, t, 0.4 * float(high[0] - low[0]))
            if name == TWO[0]:
                ax.set(title=f"step {t + 1}")
        row[0].set_ylabel(name, color=COLOURS[name])
    words = ("|cosine| with the sharpest direction", "turning of the mean, $1-\\cos$", "variance of the stored vectors")
    for ax, what, title in zip(bottom.subplots(1, len(MEASURES)), MEASURES, words, strict=True):
        rows = data.arrays[what]
        for k, name in enumerate(TWO):
            interval_line(ax, np.arange(2, 2 + rows.shape[1]), rows[k], COLOURS[name])
        ax.set(title=title, xlabel="step")
        if what == "variance":
            ax.set(yscale="log")
        else:
            ax.set(ylim=(0, None))
        if what == "alignment":
            ax.axhline(2 / np.pi, color=GREY, linestyle=":", linewidth=0.8)
    figure.legend(handles=[*method_handles(TWO), *arrow_handles()], loc="outside upper center", ncols=5)
    return figure


FIGURES = [
    declare(
        "figure-2",
        "The first ten steps on Ackley",
        "Ten steps with stored vectors, their mean and the new gradient: in Adam+CG they cancel, Adam+CM gets away.",
        ("figure-2-first-steps", "gradient-cancellation"),
        (3.5, 4.0, 8.0),
        data=two_data,
        table=two_table,
        caption=two_caption,
        draw=two_draw,
        uses=USES,
    ),
    declare(
        "figure-12",
        "Six steps on Goldstein-Price",
        "Six steps: Adam+CG's buffer follows the sharp directions, Adam+CM's changes little.",
        ("figure-12-gp-buffer", "momentum-buffer-low-variance"),
        (3.0, 4.0, 6.0),
        data=twelve_data,
        table=twelve_table,
        caption=twelve_caption,
        draw=twelve_draw,
        uses=USES,
    ),
]
