"""Figures 2, 11 and 12 of "Critical Momenta": what the buffers hold in single steps, and over many starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import BLACK, GREEN, GREY, PAGE, SKY, canvas
from ._common import (
    COLOURS,
    MARKERS,
    RUNS,
    columns_of,
    declare,
    draw_goal,
    draw_surface,
    errors_of,
    interval_line,
    mean_rows,
    method_handles,
    surface,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.landscapes import Landscape
    from analysis.toys import Method, Name, Plane

TWO: tuple[Name, ...] = ("Adam+CG", "Adam+CM")


class Steps(NamedTuple):
    """One run of a method with a buffer: ``path`` (steps + 1, 2); at each step the new ``gradient`` (steps, 2) and the
    ``vectors`` (steps, C, 2) stored before it, NaN in empty slots."""

    path: np.ndarray
    gradient: np.ndarray
    vectors: np.ndarray


def _steps(method: Method, landscape: Landscape, start: np.ndarray, steps: int) -> Steps:
    from analysis.buffers import stacked
    from analysis.runs import Observation, run

    held = [np.full((method.capacity, 2), np.nan)]

    def observe(o: Observation) -> tuple[np.ndarray, np.ndarray]:
        vectors, fill = stacked(o.state.buffer)
        stored = np.arange(method.capacity) < np.asarray(fill)
        held.append(np.where(stored[:, None], np.asarray(vectors), np.nan))
        return np.asarray(o.gradient), held[-2]

    found = run(method.rule(), landscape, start, steps, record_every=1, observe=observe)
    gradients, vectors = zip(*found.observed, strict=True)
    return Steps(np.asarray(found.trajectory), np.stack(gradients), np.stack(vectors))


def _arrays(prefix: str, steps: Steps) -> dict[str, np.ndarray]:
    return {f"{prefix} {name}": value for name, value in steps._asdict().items()}


def _from_arrays(data: FigureData, prefix: str) -> Steps:
    return Steps(*(data.arrays[f"{prefix} {name}"] for name in Steps._fields))


def _mean(steps: Steps, t: int) -> np.ndarray:
    """What step t adds to the new gradient or momentum: the sum over the stored vectors by C."""
    return np.nansum(steps.vectors[t], axis=0) / steps.vectors.shape[1]


def _draw_arrows(ax: Any, steps: Steps, t: int, length: float) -> None:
    """Stored vectors, their mean and the new gradient of one step, all downhill; the longest as long as ``length``."""
    origin = steps.path[t]
    stored = steps.vectors[t][np.isfinite(steps.vectors[t, :, 0])]
    shown = [*((v, SKY, 0.7) for v in stored), (_mean(steps, t), BLACK, 1.2), (steps.gradient[t], GREEN, 1.2)]
    longest = max(float(np.linalg.norm(v)) for v, _, _ in shown) or 1.0
    for vector, colour, width in shown:
        tip = origin - vector * (length / longest)
        ax.annotate(
            "",
            tip,
            origin,
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour,
                "lw": width,
                "mutation_scale": 4,
                "shrinkA": 0,
                "shrinkB": 0,
            },
            annotation_clip=True,
        )


def _arrow_handles() -> list[Any]:
    from matplotlib.lines import Line2D

    words = (("stored", SKY), ("their mean", BLACK), ("new gradient", GREEN))
    return [Line2D([], [], color=colour, label=word) for word, colour in words]


def _window(points: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a square around points (n, 2), of at least the side ``least``."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float(np.max(high - low)) * 0.62, least / 2)
    centre = (low + high) / 2
    return centre - half, centre + half


def _course(name: Name, decay: float, study: Plane, measures: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Measures (steps, starts) of the buffer with five slots."""
    from analysis.toy_buffers import buffer_course
    from analysis.toys import Method

    return buffer_course(Method(name, 0.1, capacity=5, decay=decay), study, measures)


# Figure 2

FIRST = 10


def two_data(level: Level) -> FigureData:
    """Ten steps on Ackley from the first start and from the one with the strongest cancellation; measures over all."""
    from analysis.landscapes import Ackley
    from analysis.toys import Method, Plane, Starts

    study = Plane(Ackley(), Starts(-5.0, 5.0, 2, RUNS[level]), (FIRST,))
    courses = [_course(name, 0.7, study, ("left over", "opposition", "step")) for name in TWO]
    left = courses[0]["left over"][1:]  # nothing is stored at the first step
    cancelled = int(np.argmin(np.min(left, axis=0)))
    arrays: dict[str, np.ndarray] = {}
    for label, index in (("first", 0), ("cancelled", cancelled)):
        for name in TWO:
            steps = _steps(Method(name, 0.1), Ackley(), study.starts.points()[index], FIRST)
            low, high = _window(steps.path, 1.5)
            arrays |= _arrays(f"{label} {name}", steps)
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
            steps = _from_arrays(data, f"{label} {name}")
            low, high = data.arrays[f"{label} {name} window"]
            draw_surface(ax, data.arrays[f"{label} {name} surface"], low, high, levels=8)
            for t in range(1, FIRST):
                _draw_arrows(ax, steps, t, 0.14 * float(high[0] - low[0]))
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
    figure.legend(handles=[*method_handles(TWO), *_arrow_handles()], loc="outside upper center", ncols=5)
    return figure


# Figure 11

STUCK_STEPS = 150
BOUNDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
STUCK_RUNS = {Level.QUICK: 300, Level.NORMAL: 3000, Level.FULL: 10000}
STUCK_DECAYS = (0.7, 0.99)
THREE = 3


def _worst_of_three(course: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Per run: the smallest bound that three consecutive steps from the sixth on keep, and the first of those steps."""
    both = np.maximum(course["ratio"], course["left over"])[5:]
    both = np.where(np.isfinite(both), both, np.inf)
    triple = np.max(np.stack([both[k : len(both) - 2 + k] for k in range(THREE)]), axis=0)
    return triple.min(axis=0), triple.argmin(axis=0) + 5


def eleven_data(level: Level) -> FigureData:
    """Share of starts with three such steps against the bound; and the run with the clearest ones."""
    from analysis.landscapes import AckleyRosenbrock
    from analysis.toys import Method, Plane, Starts

    study = Plane(AckleyRosenbrock(), Starts(-3.0, 3.0, 2, STUCK_RUNS[level]), (STUCK_STEPS,))
    found = {
        (name, decay): _worst_of_three(_course(name, decay, study, ("ratio", "left over")))
        for name in TWO
        for decay in STUCK_DECAYS
    }
    share = [
        [[wilson_rows(found[name, decay][0] <= bound) for bound in BOUNDS] for decay in STUCK_DECAYS] for name in TWO
    ]
    smallest, when = found["Adam+CG", 0.99]
    index = int(np.argmin(smallest))
    method = Method("Adam+CG", 0.1, capacity=5, decay=0.99)
    steps = _steps(method, AckleyRosenbrock(), study.starts.points()[index], STUCK_STEPS)
    first = int(when[index])
    low, high = _window(steps.path[first : first + THREE + 1], 0.8)
    arrays = {
        "share": np.array(share),
        **_arrays("run", steps),
        "surface": surface(AckleyRosenbrock(), low, high),
        "window": np.stack([low, high]),
    }
    inputs = {"runs": STUCK_RUNS[level], "steps": STUCK_STEPS, "first step": first, "bound": float(smallest[index])}
    return FigureData(arrays, inputs | {"start": study.starts.points()[index].tolist(), "C": 5, "seed": 0})


def eleven_table(data: FigureData) -> Mapping[str, np.ndarray]:
    axes = {"method": TWO, "decay": STUCK_DECAYS, "bound": BOUNDS}
    return long_table(axes, **columns_of(data.arrays["share"], "share"))


def eleven_caption(data: FigureData) -> str:
    share = data.arrays["share"][..., 0]
    at = BOUNDS.index(0.25)
    t = data.inputs["first step"]
    return (
        rf"(14) as printed, $C=5$. Left: the clearest of {data.inputs['runs']} random runs of Adam+CG at "
        rf"$\lambda=0.99$, steps {t + 1} to {t + THREE}; arrows point downhill, to scale within a panel. Right: share "
        rf"of runs with three consecutive steps, of {STUCK_STEPS}, at which both the length of the mean (in mean "
        rf"lengths) and what gradient and mean leave over (in gradients) are below a bound; 95 % Wilson intervals. At "
        rf"a quarter: {100 * share[0, 1, at]:.1f} % for Adam+CG and {100 * share[1, 1, at]:.1f} % for Adam+CM at "
        rf"$\lambda=0.99$, {100 * share[0, 0, at]:.1f} % and {100 * share[1, 0, at]:.1f} % at the default 0.7: rare "
        rf"in both, but less so with stored gradients."
    )


def eleven_draw(data: FigureData) -> Canvas:
    figure = canvas(PAGE, 2.5)
    axes = figure.subplots(1, THREE + 1, width_ratios=(1, 1, 1, 1.35))
    steps, first = _from_arrays(data, "run"), data.inputs["first step"]
    low, high = data.arrays["window"]
    for k, ax in enumerate(axes[:THREE]):
        t = first + k
        draw_surface(ax, data.arrays["surface"], low, high)
        ax.plot(*steps.path[first : t + 1].T, color=COLOURS["Adam+CG"], marker=".", linewidth=0.8)
        _draw_arrows(ax, steps, t, 0.42 * float(high[0] - low[0]))
        ax.set(title=f"step {t + 1}")
        if k:
            ax.set_yticklabels([])
    ax = axes[THREE]
    for i, name in enumerate(TWO):
        for j, _ in enumerate(STUCK_DECAYS):
            rows = data.arrays["share"][i, j]
            ax.errorbar(
                BOUNDS,
                rows[:, 0],
                yerr=errors_of(rows),
                color=COLOURS[name],
                marker=MARKERS[name],
                markersize=3,
                linewidth=0.9,
                linestyle="--" if j == 0 else "-",
            )
    ax.set(xlabel="bound", title="share of runs", ylim=(-0.01, None))
    figure.legend(
        handles=[*method_handles(TWO), *_arrow_handles(), *_decay_handles()], loc="outside upper center", ncols=7
    )
    return figure


def _decay_handles() -> list[Any]:
    from matplotlib.lines import Line2D

    fast, slow = STUCK_DECAYS
    return [
        Line2D([], [], color=GREY, linestyle="--", label=rf"$\lambda={fast}$"),
        Line2D([], [], color=GREY, linestyle="-", label=rf"$\lambda={slow}$"),
    ]


# Figure 12

SIX = range(2, 8)  # steps 3 to 8, counted from 0
MEASURES = ("alignment", "turning", "variance")


def twelve_data(level: Level) -> FigureData:
    """Steps 3 to 8 on Goldstein-Price from the first start; alignment, turning and variance over all starts."""
    from analysis.landscapes import GoldsteinPrice
    from analysis.toys import Method, Plane, Starts

    study = Plane(GoldsteinPrice(), Starts(-2.0, 2.0, 2, RUNS[level]), (20,))
    courses = [_course(name, 0.7, study, MEASURES) for name in TWO]
    arrays = {what: mean_rows(np.stack([course[what][1:] for course in courses])) for what in MEASURES}
    for name in TWO:
        steps = _steps(Method(name, 0.1), GoldsteinPrice(), study.starts.points()[0], SIX.stop)
        low, high = _window(steps.path[SIX.start :], 1.2)
        arrays |= _arrays(name, steps)
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
        steps = _from_arrays(data, name)
        low, high = data.arrays[f"{name} window"]
        for ax, t in zip(row, SIX, strict=True):
            draw_surface(ax, data.arrays[f"{name} surface"], low, high, levels=9)
            ax.plot(*steps.path[SIX.start : t + 1].T, color=COLOURS[name], marker=".", linewidth=0.8)
            _draw_arrows(ax, steps, t, 0.4 * float(high[0] - low[0]))
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
    figure.legend(handles=[*method_handles(TWO), *_arrow_handles()], loc="outside upper center", ncols=5)
    return figure


FIGURES = [
    declare(
        "figure-2",
        "The first ten steps on Ackley",
        "Ten steps with stored vectors, their mean and the new gradient: in Adam+CG they cancel, Adam+CM gets away.",
        ("figure-2-first-steps", "gradient-cancellation"),
        (2.0, 6.0, 8.0),
        data=two_data,
        table=two_table,
        caption=two_caption,
        draw=two_draw,
    ),
    declare(
        "figure-11",
        "Three steps at which the buffer cancels the gradient",
        "Three consecutive steps of Adam+CG on (14): four of five stored gradients oppose, and the update vanishes.",
        ("figure-11-stuck-steps", "gradient-cancellation", "ackley-rosenbrock"),
        (3.0, 12.0, 30.0),
        data=eleven_data,
        table=eleven_table,
        caption=eleven_caption,
        draw=eleven_draw,
    ),
    declare(
        "figure-12",
        "Six steps on Goldstein-Price",
        "Six steps: Adam+CG's buffer follows the sharp directions, Adam+CM's changes little.",
        ("figure-12-gp-buffer", "momentum-buffer-low-variance"),
        (3.0, 7.0, 8.0),
        data=twelve_data,
        table=twelve_table,
        caption=twelve_caption,
        draw=twelve_draw,
    ),
]
