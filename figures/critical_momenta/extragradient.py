"""Figure 15 of "Critical Momenta": Adam with extragradient beside Adam+CM, over all extrapolation steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..registry import FigureData, Level
from ..style import PAGE, canvas
from ._common import (
    COLOURS,
    DROP,
    MARKERS,
    RUNS,
    STEPS,
    TOYS,
    columns_of,
    declare,
    draw_goal,
    draw_path,
    draw_start,
    draw_surface,
    interval_line,
    mean_rows,
    method_handles,
    surface,
    walk,
)
from .surfaces import GOAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.toys import Name

GAMMAS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
SHOWN = 0.01  # gamma of the drawn path
NAMES: tuple[Name, ...] = ("Adam", "Adam+SAM", "Adam+CM", "Adam+MEG")
PLACES = {"Ackley": (5.0, 6.5), "Goldstein-Price": (2.0, 3.2)}  # half sides of the starts' square and of the picture
OUTCOMES = ("travelled", "loss")


def meg_data(level: Level) -> FigureData:
    """Distance from the start (constant step) and end loss (step drop) by gamma; one path of each method."""
    from analysis.landscapes import Ackley, GoldsteinPrice
    from analysis.toys import Method, Plane, Starts, plane_outcome

    gammas = GAMMAS[::3] if level is Level.QUICK else GAMMAS
    arms = [Method("Adam+MEG", 0.1, extrapolation=g) for g in gammas] + [Method(n, 0.1) for n in NAMES[:3]]
    arrays: dict[str, np.ndarray] = {}
    outcome = []
    for landscape, (name, (side, reach)) in zip((Ackley(), GoldsteinPrice()), PLACES.items(), strict=True):
        study = Plane(landscape, Starts(-side, side, 2, RUNS[level]), (STEPS,))
        found = [
            [plane_outcome(arm if what == "travelled" else replace(arm, drop=DROP), study, what) for what in OUTCOMES]
            for arm in arms
        ]
        outcome.append(mean_rows(np.array(found)))
        drawn = [Method(n, 0.1, extrapolation=SHOWN) for n in NAMES]
        arrays[f"paths on {name}"] = np.stack([walk(m, landscape, study.starts.points()[:1])[:, 0] for m in drawn])
        arrays[f"surface of {name}"] = surface(landscape, (-reach, -reach), (reach, reach))
    arrays |= {"outcome": np.stack(outcome), "gamma": np.asarray(gammas)}
    return FigureData(arrays, {"runs": RUNS[level], "seed": 0, "settings": "defaults, step 0.1", "shown gamma": SHOWN})


def meg_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["outcome"]
    gammas, count = data.arrays["gamma"], a.shape[1]
    names = [*["Adam+MEG"] * len(gammas), *NAMES[:3]]
    columns = {
        "function": np.repeat(list(PLACES), count),
        "method": np.tile(names, len(PLACES)),
        "gamma": np.tile([*gammas, np.nan, np.nan, np.nan], len(PLACES)),
    }
    for j, what in enumerate(OUTCOMES):
        columns |= columns_of(a[:, :, j].reshape(-1, 3), what)
    return columns


def meg_caption(data: FigureData) -> str:
    a = data.arrays["outcome"][..., 0]
    many = len(data.arrays["gamma"])
    cm = many + NAMES.index("Adam+CM")
    return (
        rf"Left: paths from the first random start, constant step, $\gamma={SHOWN:g}$. Middle: mean distance from the "
        rf"start after 500 steps; right: mean end loss with the step drop, both over the extrapolation step $\gamma$ "
        rf"of Adam+MEG, {data.inputs['runs']} starts in $[-5,5]^2$ and $[-2,2]^2$, 95 % bands; level lines: the "
        rf"others. On Ackley Adam+CM travels farther ({a[0, cm, 0]:.1f}; at most {a[0, :many, 0].max():.1f}) "
        rf"and ends lower ({a[0, cm, 1]:.1f}; at least {a[0, :many, 1].min():.1f}). On Goldstein-Price it "
        rf"travels farther ({a[1, cm, 0]:.1f}; at most {a[1, :many, 0].max():.1f}) and ends higher "
        rf"({a[1, cm, 1]:.1f}; down to {a[1, :many, 1].min():.1f}): exploring is not finding."
    )


def meg_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 4.6)
    axes = figure.subplots(2, 3)
    gamma = data.arrays["gamma"]
    for i, (name, (_, reach)) in enumerate(PLACES.items()):
        paths = data.arrays[f"paths on {name}"]
        levels = 5 if name == "Ackley" else 12
        draw_surface(axes[i, 0], data.arrays[f"surface of {name}"], (-reach, -reach), (reach, reach), levels)
        for method, path in zip(NAMES, paths, strict=True):
            draw_path(axes[i, 0], path, method)
        draw_start(axes[i, 0], paths[0, 0])
        draw_goal(axes[i, 0], GOAL[name])
        axes[i, 0].set(title=name)
        for j, words in enumerate(("distance from the start", "mean loss at the end")):
            ax, rows = axes[i, 1 + j], data.arrays["outcome"][i, :, j]
            interval_line(
                ax, gamma, rows[: len(gamma)], COLOURS["Adam+MEG"], marker=MARKERS["Adam+MEG"], markersize=3.5
            )
            for method, row in zip(NAMES[:3], rows[len(gamma) :], strict=True):
                interval_line(ax, gamma[[0, -1]], np.stack([row, row]), COLOURS[method])
            ax.set(xscale="log", title=words)
    for ax in axes[1, 1:]:
        ax.set(xlabel=r"extrapolation step $\gamma$")
    for ax in axes[:, 1]:
        ax.set(ylim=(0, None))
    figure.legend(handles=method_handles(NAMES), loc="outside upper center", ncols=4)
    return figure


USES = (*TOYS, "figures.critical_momenta.surfaces")
FIGURES = [
    declare(
        "figure-15",
        "Extragradient and stored momenta",
        "Paths of Adam, Adam+SAM, Adam+MEG and Adam+CM on Ackley and Goldstein-Price: Adam+CM explores more.",
        ("figure-15-meg", "meg-baseline"),
        (5.0, 10.0, 35.0),
        data=meg_data,
        table=meg_table,
        caption=meg_caption,
        draw=meg_draw,
        uses=USES,
    ),
]
