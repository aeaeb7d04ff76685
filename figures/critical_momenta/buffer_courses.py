"""What the buffers of "Critical Momenta" hold along whole runs on the toys: what figure 8 shows for a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import GREY, PAGE, canvas
from ._arrows import TWO
from ._common import COLOURS, RUNS, TOYS, columns_of, declare, interval_line, mean_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

STEPS = 200
LATE = 50  # from here on a run is taken to be where it stays
FUNCTIONS = {"Ackley": 5.0, "Goldstein-Price": 2.0, "Levy": 10.0}  # half sides of the starts' square
DECAYS = (0.7, 0.99)
MEASURES = {
    "ratio": "|mean| / mean length",
    "relative variance": "relative variance",
    "agreement": "cosine with the longest",
}


def course_data(level: Level) -> FigureData:
    """Means over starts (measures, functions, decays, methods, steps, 3), and those over the late steps per run."""
    from analysis.landscapes import Ackley, GoldsteinPrice, Levy
    from analysis.toy_buffers import buffer_course
    from analysis.toys import Method, Plane, Starts

    names = tuple(MEASURES)
    course = np.empty((len(names), len(FUNCTIONS), len(DECAYS), len(TWO), STEPS - 1, 3))
    late = np.empty((len(names) + 1, len(FUNCTIONS), len(DECAYS), len(TWO), 3))
    for f, (landscape, side) in enumerate(zip((Ackley(), GoldsteinPrice(), Levy()), FUNCTIONS.values(), strict=True)):
        study = Plane(landscape, Starts(-side, side, 2, RUNS[level]), (STEPS,))
        for d, decay in enumerate(DECAYS):
            for k, name in enumerate(TWO):
                found = buffer_course(Method(name, 0.1, capacity=5, decay=decay), study, (*names, "variance"))
                for m, what in enumerate((*names, "variance")):
                    values = found[what][1:]  # one vector alone says nothing
                    late[m, f, d, k] = mean_rows(np.nanmean(values[LATE:], axis=0))
                    if what in MEASURES:
                        course[m, f, d, k] = mean_rows(values)
    return FigureData({"course": course, "late": late}, {"runs": RUNS[level], "C": 5, "seed": 0, "late from": LATE})


def course_table(data: FigureData) -> Mapping[str, np.ndarray]:
    axes = {
        "measure": list(MEASURES),
        "function": list(FUNCTIONS),
        "decay": DECAYS,
        "method": TWO,
        "step": np.arange(2, STEPS + 1),
    }
    return long_table(axes, **columns_of(data.arrays["course"], "mean"))


def course_caption(data: FigureData) -> str:
    late = data.arrays["late"][..., 0]
    relative, raw = late[1], late[3]
    lower = [
        rf"{name} ($\lambda={decay}$)"
        for f, name in enumerate(FUNCTIONS)
        for d, decay in enumerate(DECAYS)
        if relative[f, d, 1] < relative[f, d, 0]
    ]
    factor = raw[..., 0] / raw[..., 1]
    where = f"lower for Adam+CM on {', '.join(lower)}, higher elsewhere" if lower else "nowhere lower for Adam+CM"
    return (
        rf"Buffers with five slots along {data.inputs['runs']} runs, means over the starts with 95 % bands. 1 in the "
        rf"top row: all stored vectors point one way; 0: they cancel. Late (from step {LATE}) the variance of "
        rf"Adam+CG's gradients is {factor.min():.2g} to {factor.max():.2g} times that of Adam+CM's momenta, which are "
        rf"shorter; relative to the mean square it is {where}. Neither kind cancels by itself: function and decay "
        rf"matter as much."
    )


def course_draw(data: FigureData) -> Canvas:
    from matplotlib.lines import Line2D

    figure = canvas(PAGE, 5.0)
    axes = figure.subplots(len(MEASURES), len(FUNCTIONS), sharex=True, sharey="row")
    step = np.arange(2, STEPS + 1)
    for m, words in enumerate(MEASURES.values()):
        for f, function in enumerate(FUNCTIONS):
            ax = axes[m, f]
            for d in range(len(DECAYS)):
                for k, name in enumerate(TWO):
                    style = "--" if d == 0 else "-"
                    interval_line(ax, step, data.arrays["course"][m, f, d, k], COLOURS[name], style, linewidth=0.9)
            if m == 0:
                ax.set(title=function)
            if f == 0:
                ax.set(ylabel=words)
            ax.set(ylim=(-0.55, 1.02) if m == 2 else (0, 1.02), xlim=(0, STEPS))
    for ax in axes[-1]:
        ax.set(xlabel="step")
    fast, slow = DECAYS
    handles = [Line2D([], [], color=COLOURS[name], label=name) for name in TWO]
    handles += [
        Line2D([], [], color=GREY, linestyle="--", label=rf"$\lambda={fast}$"),
        Line2D([], [], color=GREY, linestyle="-", label=rf"$\lambda={slow}$"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


FIGURES = [
    declare(
        "buffer-courses",
        "What the buffers hold along runs",
        "Nothing drawn for the toys; figure 8 shows variance and cosine of the buffers of a network.",
        ("gradient-cancellation", "momentum-buffer-low-variance"),
        (4.0, 8.0, 20.0),
        data=course_data,
        table=course_table,
        caption=course_caption,
        draw=course_draw,
        uses=(*TOYS, "figures.critical_momenta._arrows"),
    ),
]
