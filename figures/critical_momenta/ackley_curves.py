"""Figures 4 and 16 of "Critical Momenta": loss on Ackley over the steps, and how it depends on the starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import PAGE, canvas
from ._common import (
    COLOURS,
    DROP,
    FIVE,
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
    interval_line,
    mean_rows,
    method_handles,
    study_band,
    surface,
    walk,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.toys import Method

SIDES = (2.0, 10.0)
EVERY = 5  # steps between the points of a curve
TEN = 10  # runs of the paper
CENTRE = 1.5  # losses below it lie in the central well
WINDOW = 11.0
LAST = 100  # steps at the end over which an oscillation is measured
DROPS = (50, 150, 250, 350, 450)


def _squares(sides: Sequence[float], runs: int) -> np.ndarray:
    """Starts (sides, runs, 2): the same in every square, to scale."""
    from analysis.toys import Starts

    return np.asarray(sides)[:, None, None] * Starts(-1.0, 1.0, 2, runs).points()


def _curves(loss: np.ndarray) -> dict[str, np.ndarray]:
    """Of losses (..., steps + 1, runs): mean with interval, and the band of a mean of ten runs, every few steps."""
    some = loss[..., ::EVERY, :]
    return {"mean": mean_rows(some), "band of ten": study_band(some, TEN)}


def _walks(drop: int | None, runs: int) -> np.ndarray:
    """Points (methods, sides, steps + 1, runs, 2) with the settings of table 11."""
    from analysis.landscapes import Ackley
    from analysis.toys import BEST

    starts = _squares(SIDES, runs)
    return np.moveaxis(np.stack([walk(replace(BEST[name], drop=drop), Ackley(), starts) for name in FIVE]), 1, 2)


def _end_loss(methods: Sequence[Method], sides: Sequence[float], runs: int) -> np.ndarray:
    """Losses (methods, sides, runs) after the last step."""
    from analysis.landscapes import Ackley
    from analysis.runs import run

    starts = _squares(sides, runs)
    return np.stack([Ackley().value(run(method.rule(), Ackley(), starts, STEPS).params) for method in methods])


def _curves_table(data: FigureData) -> dict[str, np.ndarray]:
    a = data.arrays
    axes = {"method": FIVE, "half side": SIDES, "step": EVERY * np.arange(a["mean"].shape[2])}
    band = {"ten_runs_low": a["band of ten"][..., 0], "ten_runs_high": a["band of ten"][..., 1]}
    return long_table(axes, **columns_of(a["mean"], "mean_loss"), **band)


def _draw_curves(axes: Sequence[Any], data: FigureData) -> None:
    a = data.arrays
    step = EVERY * np.arange(a["mean"].shape[2])
    for i, (ax, side) in enumerate(zip(axes, SIDES, strict=True)):
        for k, name in enumerate(FIVE):
            ax.plot(step, a["mean"][k, i, :, 0], color=COLOURS[name])
            # Bands of one panel overlap; their edges stay visible where fillings would turn to mud.
            for edge in np.moveaxis(a["band of ten"][k, i], -1, 0):
                ax.plot(step, edge, color=COLOURS[name], linewidth=0.4, alpha=0.7)
            ax.fill_between(step, *np.moveaxis(a["band of ten"][k, i], -1, 0), color=COLOURS[name], alpha=0.07, lw=0)
        ax.set(title=f"starts in $[-{side:g},{side:g}]^2$", xlim=(0, STEPS), ylim=(0, None), xlabel="step")
    axes[0].set(ylabel="mean loss")


# Figure 4


def drop_data(level: Level) -> FigureData:
    """Loss over the steps with the step drop, and the five paths from the first start."""
    from analysis.landscapes import Ackley

    points = _walks(DROP, RUNS[level])
    arrays = {
        **_curves(np.asarray(Ackley().value(points))),
        "paths": points[:, 1, :, 0],
        "surface": surface(Ackley(), (-WINDOW, -WINDOW), (WINDOW, WINDOW)),
    }
    return FigureData(arrays, {"runs": RUNS[level], "seed": 0, "settings": "table 11", "step drop": DROP})


def drop_caption(data: FigureData) -> str:
    k, a = FIVE.index, data.arrays
    near, far = a["mean"][:, 0, -1, 0], a["mean"][:, 1, -1, 0]
    return (
        rf"Mean loss of {data.inputs['runs']} runs with table 11's settings, step divided by ten after {DROP}; band: "
        rf"95 % of studies of ten runs, as in the paper; the mean's own interval is about the line. Starts in "
        rf"$[-2,2]^2$ (left) fit the printed axis, which ends at 6. There Adam+CG ends lowest "
        rf"({near[k('Adam+CG')]:.2f} against {near[k('Adam+CM')]:.2f} for Adam+CM and {near[k('Adam+SAM+CM')]:.2f} "
        rf"for Adam+SAM+CM); from $[-10,10]^2$ (middle) both CM variants do ({far[k('Adam+CM')]:.1f} and "
        rf"{far[k('Adam+SAM+CM')]:.1f} against {far[k('Adam+CG')]:.1f}). Right: paths from the first start of the "
        rf"large square."
    )


def drop_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 2.9)
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    _draw_curves(axes[:2], data)
    draw_surface(axes[2], data.arrays["surface"], (-WINDOW, -WINDOW), (WINDOW, WINDOW), levels=4)
    for k, name in enumerate(FIVE):
        draw_path(axes[2], data.arrays["paths"][k], name)
    draw_start(axes[2], data.arrays["paths"][0, 0])
    draw_goal(axes[2], (0.0, 0.0))
    figure.legend(handles=method_handles(FIVE), loc="outside upper center", ncols=5)
    return figure


# Figure 16


def constant_data(level: Level) -> FigureData:
    """Loss over the steps with a constant step, its oscillation, and the end loss by the time of a drop."""
    from analysis.landscapes import Ackley
    from analysis.toys import BEST

    points = _walks(None, RUNS[level])
    loss = np.asarray(Ackley().value(points))
    tail = points[:, :, -LAST:]
    centred = loss[:, :, -LAST:].min(axis=2) < CENTRE
    spread = np.sqrt(np.mean(np.sum((tail - tail.mean(axis=2, keepdims=True)) ** 2, axis=-1), axis=2))
    swing = mean_rows(np.where(centred, spread, np.nan))
    drops = (DROP,) if level is Level.QUICK else DROPS
    ends = [mean_rows(_end_loss([replace(BEST[n], drop=t) for n in FIVE], SIDES[:1], RUNS[level])) for t in drops]
    by_drop = np.concatenate([*ends, mean_rows(loss[:, :1, -1])], axis=1)
    arrays = {**_curves(loss), "swing": swing, "by drop": by_drop}
    return FigureData(arrays, {"runs": RUNS[level], "seed": 0, "settings": "table 11", "drops": [*drops, None]})


def constant_table(data: FigureData) -> Mapping[str, np.ndarray]:
    """The curves, then the end losses by the time of a drop: those rows say where it stands."""
    a = data.arrays
    curves = _curves_table(data)
    times = ["constant" if t is None else f"drop at {t}" for t in data.inputs["drops"]]
    ends = long_table({"method": FIVE, "setting": times}, **columns_of(a["by drop"], "mean_loss"))
    count = len(ends["method"])
    blank = {name: np.full(count, np.nan) for name in ("ten_runs_low", "ten_runs_high")}
    ends |= {"half side": np.full(count, SIDES[0]), "step": np.full(count, STEPS)} | blank
    curves |= {"setting": np.full(len(curves["method"]), "constant")}
    return {name: np.concatenate([curves[name], ends[name]]) for name in curves}


def constant_caption(data: FigureData) -> str:
    k, a = FIVE.index, data.arrays
    near, far, swing = a["mean"][:, 0, -1, 0], a["mean"][:, 1, -1, 0], a["swing"][:, 0, 0]
    drop = a["by drop"][k("Adam+SAM+CM"), :, 0]
    return (
        rf"As figure 4, with a constant step. At the end, starts in $[-2,2]^2$: Adam+CG {near[k('Adam+CG')]:.2f}, "
        rf"Adam+CM {near[k('Adam+CM')]:.2f}, Adam+SAM+CM {near[k('Adam+SAM+CM')]:.2f}, Adam {near[k('Adam')]:.2f}; in "
        rf"$[-10,10]^2$: {far[k('Adam+CG')]:.1f}, {far[k('Adam+CM')]:.1f}, {far[k('Adam+SAM+CM')]:.1f}, "
        rf"{far[k('Adam')]:.1f}. Runs in the central well swing around their mean place by "
        rf"{swing[k('Adam+SAM+CM')]:.2f} (Adam+SAM+CM), {swing[k('Adam+CG')]:.2f} (Adam+CG) and "
        rf"{swing[k('Adam+CM')]:.2f} (Adam+CM; rms over the last {LAST} steps). Right: end loss by the step after "
        rf"which the step size is divided by ten, $[-2,2]^2$, 95 % intervals: a drop lets Adam+SAM+CM settle "
        rf"({drop[-1]:.2f} without, {drop[data.inputs['drops'].index(DROP)]:.2f} at {DROP})."
    )


def constant_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 2.9)
    axes = figure.subplots(1, 3)
    _draw_curves(axes[:2], data)
    drops = data.inputs["drops"]
    at = np.arange(len(drops))
    for k, name in enumerate(FIVE):
        rows = data.arrays["by drop"][k]
        shifted = at + 0.06 * (k - 2)
        axes[2].errorbar(
            shifted, rows[:, 0], yerr=errors_of(rows), fmt=MARKERS[name], color=COLOURS[name], linewidth=0.9, ls="-"
        )
    axes[2].set_xticks(at, ["none" if t is None else str(t) for t in drops])
    axes[2].set(title="starts in $[-2,2]^2$", xlabel="step drop after", ylabel="mean loss at the end", ylim=(0, None))
    figure.legend(handles=method_handles(FIVE), loc="outside upper center", ncols=5)
    return figure


# How the order depends on the starts' square

REGIONS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0)
SWAPPED = ("Adam+CG, $C=20$, $\\lambda=0.99$", "Adam+CM, $C=5$, $\\lambda=0.7$")


def _swapped() -> dict[str, Method]:
    """Each of the two methods with the buffer that table 11 gives the other."""
    from analysis.toys import BEST

    changed = (replace(BEST["Adam+CG"], capacity=20, decay=0.99), replace(BEST["Adam+CM"], capacity=5, decay=0.7))
    return dict(zip(SWAPPED, changed, strict=True))


def regions_data(level: Level) -> FigureData:
    """End loss and share of runs in the central well by the square of the starts, for table 11 and swapped buffers."""
    from analysis.toys import BEST

    runs = {Level.QUICK: 50, Level.NORMAL: 1000, Level.FULL: 2000}[level]
    methods = [replace(m, drop=DROP) for m in (*(BEST[name] for name in FIVE), *_swapped().values())]
    final = _end_loss(methods, REGIONS, runs)
    arrays = {"loss": mean_rows(final), "centre": wilson_rows(final < CENTRE)}
    return FigureData(arrays, {"runs": runs, "seed": 0, "settings": "table 11", "step drop": DROP})


def regions_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    names = [*FIVE, "Adam+CG C=20 0.99", "Adam+CM C=5 0.7"]
    return long_table(
        {"method": names, "half side": REGIONS},
        **columns_of(a["loss"], "mean_loss"),
        **columns_of(a["centre"], "centre"),
    )


def regions_caption(data: FigureData) -> str:
    loss = data.arrays["loss"]
    k = FIVE.index

    def first(lower: int, upper: int) -> str:
        """From which square on one method is below another, intervals apart."""
        apart = loss[lower, :, 2] < loss[upper, :, 1]
        return f"{REGIONS[len(apart) - int(np.argmin(apart[::-1]))]:g}" if apart[-1] else "nowhere"

    return (
        rf"Mean end loss on Ackley (left) and share of runs in the central well (right) by the square $[-a,a]^2$ of "
        rf"{data.inputs['runs']} starts, which the paper leaves open; 95 % intervals, settings of table 11, step "
        rf"drop. Adam+CM is below Adam+CG from $a={first(k('Adam+CM'), k('Adam+CG'))}$ on; before, Adam+CG is the "
        rf"lower. Dashed: each with the buffer of the other. At equal buffers Adam+CM is below Adam+CG from "
        rf"$a={first(k('Adam+CM'), 5)}$ on with $C=20$, $\lambda=0.99$, from $a={first(6, k('Adam+CG'))}$ on with "
        rf"$C=5$, $\lambda=0.7$. Adam+CM leaves the central well again: even of starts in $[-0.5,0.5]^2$ only "
        rf"{data.arrays['centre'][k('Adam+CM'), 0, 0]:.2f} end there."
    )


def regions_draw(data: FigureData) -> Canvas:
    from matplotlib.lines import Line2D

    figure = canvas(PAGE, 2.9)
    x = np.asarray(REGIONS)
    for ax, what in zip(figure.subplots(1, 2), ("loss", "centre"), strict=True):
        rows = data.arrays[what]
        for k, name in enumerate(FIVE):
            interval_line(ax, x, rows[k], COLOURS[name], marker=MARKERS[name], markersize=3)
        for k, label in enumerate(SWAPPED, len(FIVE)):
            interval_line(ax, x, rows[k], COLOURS[label.partition(",")[0]], "--")
        ax.set(xscale="log", xlabel="half side $a$ of the starts' square")
        ax.set_xticks(REGIONS, [f"{a:g}" for a in REGIONS])
        ax.minorticks_off()
    figure.axes[0].set(ylabel="mean loss at the end", ylim=(0, None))
    figure.axes[1].set(ylabel="share in the central well", ylim=(-0.02, 1.02))
    dashed = [Line2D([], [], color=COLOURS[n.partition(",")[0]], linestyle="--", label=n) for n in SWAPPED]
    figure.legend(handles=[*method_handles(FIVE), *dashed], loc="outside upper center", ncols=4)
    return figure


FIGURES = [
    declare(
        "figure-4",
        "Loss on Ackley",
        "Mean loss of ten runs on Ackley, and paths from one start: only the CM variants fall to low values.",
        ("figure-4-ackley", "ackley"),
        (3.0, 9.0, 35.0),
        data=drop_data,
        table=_curves_table,
        caption=drop_caption,
        draw=drop_draw,
    ),
    declare(
        "figure-16",
        "Loss on Ackley with a constant step",
        "Mean loss of ten runs without the step drop: Adam+CM and Adam+SAM+CM reach lower loss and oscillate.",
        ("figure-16-constant-step",),
        (3.0, 14.0, 55.0),
        data=constant_data,
        table=constant_table,
        caption=constant_caption,
        draw=constant_draw,
    ),
    declare(
        "ackley-start-region",
        "The order on Ackley by the region of the starts",
        "Nothing drawn; the region of the starts is not given.",
        ("figure-4-ackley", "figures-13-14-trajectories"),
        (3.5, 11.0, 25.0),
        data=regions_data,
        table=regions_table,
        caption=regions_caption,
        draw=regions_draw,
    ),
]
