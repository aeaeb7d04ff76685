"""Figures 1, 13 and 14 of "Critical Momenta": paths on Goldstein-Price and Ackley, and where many runs end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import GREY, PAGE, canvas
from ._common import (
    COLOURS,
    DROP,
    FIVE,
    FOUR,
    MARKERS,
    RUNS,
    STEPS,
    columns_of,
    declare,
    draw_goal,
    draw_path,
    draw_start,
    draw_surface,
    errors_of,
    method_handles,
    method_of,
    surface,
    walk,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.landscapes import Landscape
    from analysis.toys import Method, Name

# Minima of Goldstein-Price, lowest first.
MINIMA = ((0.0, -1.0), (-0.6, -0.4), (1.8, 0.2), (1.2, 0.8))
WINDOW = {"Goldstein-Price": 2.6, "Ackley": 5.6}
GOAL = {"Goldstein-Price": MINIMA[0], "Ackley": (0.0, 0.0)}


def _twenty(name: Name, drop: int | None) -> Method:
    """C = 20 and decay 0.99, as in figure 1."""
    return method_of(name, 0.1, 20, 0.99, drop=drop)


def _landscape(name: str) -> Landscape:
    from analysis.landscapes import Ackley, GoldsteinPrice

    return Ackley() if name == "Ackley" else GoldsteinPrice()


def _picture(name: str, methods: Sequence[Method], starts: np.ndarray) -> dict[str, np.ndarray]:
    """The surface and paths (methods, steps + 1, starts, 2) on it."""
    landscape, reach = _landscape(name), WINDOW[name]
    return {
        "surface": surface(landscape, (-reach, -reach), (reach, reach)),
        "paths": np.stack([walk(method, landscape, starts) for method in methods]),
    }


def _draw_paths(ax: Any, data: FigureData, names: Sequence[str], which: Sequence[int]) -> None:
    function = str(data.inputs["function"])
    reach = WINDOW[function]
    levels = 5 if function == "Ackley" else 12
    draw_surface(ax, data.arrays["surface"], (-reach, -reach), (reach, reach), levels)
    for i in which:
        for k, name in enumerate(names):
            draw_path(ax, data.arrays["paths"][k, :, i], name)
        draw_start(ax, data.arrays["paths"][0, 0, i])
    draw_goal(ax, GOAL[function])


# Figure 1


def shares_data(level: Level) -> FigureData:
    """Share of runs that end at each minimum, by step drop and method, with Wilson intervals; and three paths."""
    from analysis.escape import near
    from analysis.toys import Plane, Starts, visited

    study = Plane(_landscape("Goldstein-Price"), Starts(-2.0, 2.0, 2, RUNS[level]), (STEPS,))
    ends = np.stack([[visited(_twenty(name, drop), study)[-1] for name in FOUR] for drop in (None, DROP)])
    share = wilson_rows(np.stack([near(ends, np.asarray(place), 0.12) for place in MINIMA], axis=2))
    picture = _picture("Goldstein-Price", [_twenty(name, DROP) for name in FOUR], study.starts.points()[:3])
    inputs = {"runs": RUNS[level], "seed": 0, "C": 20, "lambda": 0.99, "function": "Goldstein-Price"}
    return FigureData({"share": share, **picture}, inputs)


def shares_table(data: FigureData) -> Mapping[str, np.ndarray]:
    axes = {"step drop": ("none", "at 250"), "method": FOUR, "minimum": [str(m) for m in MINIMA]}
    return long_table(axes, **columns_of(data.arrays["share"], "share"))


def shares_caption(data: FigureData) -> str:
    a = data.arrays["share"][..., 0]
    said = ", ".join(f"{name} {c:.2f} ({d:.2f})" for name, c, d in zip(FOUR, a[0, :, 0], a[1, :, 0], strict=True))
    return (
        rf"Goldstein-Price in the source's form, $C=20$, $\lambda=0.99$. Left: paths from the first three random "
        rf"starts (squares), step divided by ten after 250; diamond: global minimum. Right: share of "
        rf"{data.inputs['runs']} runs from $[-2,2]^2$ within 0.12 of each of the four minima, lowest first; filled: "
        rf"constant step, open: with the drop; 95 % Wilson intervals; what is missing to 1 has not settled. At the "
        rf"global minimum: {said}. The sentence of the figure is the wrong way round: Adam+CM leaves the deep, sharp "
        rf"minimum most often."
    )


def shares_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 3.1)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    _draw_paths(left, data, FOUR, range(3))
    left.set(xlabel="$x$", ylabel="$y$")
    for j in range(2):
        for k, name in enumerate(FOUR):
            rows = data.arrays["share"][j, k]
            at = np.arange(len(MINIMA)) + 0.19 * (k - 1.5) + 0.045 * (2 * j - 1)
            right.errorbar(
                at,
                rows[:, 0],
                yerr=errors_of(rows),
                fmt=MARKERS[name],
                color=COLOURS[name],
                markerfacecolor="white" if j else COLOURS[name],
                markersize=3.5,
                linewidth=0.9,
            )
    right.set_xticks(range(len(MINIMA)), [f"({x:g}, {y:g})".replace("-", "\N{MINUS SIGN}") for x, y in MINIMA])
    right.set(xlabel="minimum", ylabel="share of runs", ylim=(0, None))
    right.legend(handles=method_handles(FOUR), loc="upper right")
    return figure


# Figures 13 and 14

LEVELS = 121


def _ends(function: str, side: float, names: Sequence[str], level: Level) -> FigureData:
    """Share of runs below every loss at the end, by method, with Wilson intervals; and paths from four starts."""
    from analysis.toys import BEST, Plane, Starts, losses

    study = Plane(_landscape(function), Starts(-side, side, 2, RUNS[level]), (STEPS,))
    methods = [replace(BEST[name], drop=DROP) for name in names]
    final = np.stack([losses(method, study)[-1] for method in methods])
    # Many runs end at exactly one value; the levels must not depend on its last digits.
    at = np.linspace(np.floor(10 * final.min()) / 10, np.ceil(10 * np.quantile(final, 0.995)) / 10, LEVELS) + 1e-3
    below = wilson_rows(final[:, None, :] <= at[:, None])
    arrays = {"loss": at, "below": below, "final": final, **_picture(function, methods, study.starts.points()[:4])}
    inputs = {
        "runs": RUNS[level],
        "seed": 0,
        "side": side,
        "settings": "table 11",
        "step drop": DROP,
        "function": function,
        "methods": list(names),
    }
    return FigureData(arrays, inputs)


def ends_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table({"method": data.inputs["methods"], "loss": a["loss"]}, **columns_of(a["below"], "share_below"))


def ends_draw(data: FigureData) -> Canvas:
    names = data.inputs["methods"]
    figure = canvas(PAGE, 3.9)
    left, right = figure.subfigures(1, 2, width_ratios=(1.45, 1), squeeze=False).flat
    axes = left.subplots(2, 2, sharex=True, sharey=True)
    for i, ax in enumerate(axes.flat):
        _draw_paths(ax, data, names, [i])
    ax = right.subplots()
    for k, name in enumerate(names):
        rows = data.arrays["below"][k]
        ax.step(data.arrays["loss"], rows[:, 0], where="post", color=COLOURS[name])
        ax.fill_between(
            data.arrays["loss"], rows[:, 1], rows[:, 2], step="post", color=COLOURS[name], alpha=0.18, linewidth=0
        )
    if data.inputs["function"] == "Goldstein-Price":
        for value in _landscape("Goldstein-Price").value(np.asarray(MINIMA)):
            ax.axvline(value, color=GREY, linewidth=0.6, linestyle=":")
    ax.set(xlabel="loss after 500 steps", ylabel="share of runs that end below", ylim=(-0.02, 1.02))
    right.legend(handles=method_handles(names), loc="outside upper center", ncols=2)
    return figure


def ackley_data(level: Level) -> FigureData:
    """Figure 13."""
    return _ends("Ackley", 5.0, FIVE, level)


def goldstein_price_data(level: Level) -> FigureData:
    """Figure 14."""
    return _ends("Goldstein-Price", 2.0, FOUR, level)


def _ends_words(data: FigureData) -> str:
    side = data.inputs["side"]
    return (
        rf"Left: paths from the first four random starts (squares), not chosen ones; ends in colour, diamond: global "
        rf"minimum. Settings of table 11, step divided by ten after 250. Right: share of {data.inputs['runs']} runs "
        rf"from $[-{side:g},{side:g}]^2$ that end below each loss, 95 % Wilson bands. "
    )


def ackley_caption(data: FigureData) -> str:
    final = dict(zip(data.inputs["methods"], data.arrays["final"], strict=True))
    centre = {name: float(np.mean(values < 1.5)) for name, values in final.items()}
    return _ends_words(data) + (
        rf"In the central well (loss below 1.5) end {centre['Adam+SAM+CM']:.2f} of the runs of Adam+SAM+CM, "
        rf"{centre['Adam+CG']:.2f} of Adam+CG, {centre['Adam+CM']:.2f} of Adam+CM, {centre['Adam']:.2f} of Adam and "
        rf"{centre['Adam+SAM']:.2f} of Adam+SAM: only these last two stop near their start, Adam+CG travels too."
    )


def goldstein_price_caption(data: FigureData) -> str:
    final = dict(zip(data.inputs["methods"], data.arrays["final"], strict=True))
    second = float(_landscape("Goldstein-Price").value(np.asarray(MINIMA[1])))
    lower = ", ".join(f"{name} {float(np.mean(values < second - 0.05)):.2f}" for name, values in final.items())
    return _ends_words(data) + (
        rf"Dotted: the values of the four minima. Below the second lowest end, in the well of the global minimum: "
        rf"{lower}. Adam+CM finds it least often."
    )


FIGURES = [
    declare(
        "figure-1",
        "Where runs on Goldstein-Price end",
        "Paths on Goldstein-Price: the others get stuck, Adam+CM reaches the global minimum.",
        ("figure-1-gp-trajectories", "gp-flat-region-contains-minimum"),
        (3.0, 5.0, 20.0),
        data=shares_data,
        table=shares_table,
        caption=shares_caption,
        draw=shares_draw,
    ),
    declare(
        "figure-13",
        "Paths on Ackley from four starts",
        "Paths of five optimizers on Ackley from four starts: others stop nearby, Adam+CM finds a lower surface.",
        ("figures-13-14-trajectories", "ackley"),
        (3.0, 5.0, 15.0),
        data=ackley_data,
        table=ends_table,
        caption=ackley_caption,
        draw=ends_draw,
    ),
    declare(
        "figure-14",
        "Paths on Goldstein-Price from four starts",
        "Paths of four optimizers on Goldstein-Price from four starts: others stop, Adam+CM finds the global minimum.",
        ("figures-13-14-trajectories", "goldstein-price"),
        (2.0, 4.0, 12.0),
        data=goldstein_price_data,
        table=ends_table,
        caption=goldstein_price_caption,
        draw=ends_draw,
    ),
]
