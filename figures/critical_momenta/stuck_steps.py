"""Figure 11 of "Critical Momenta": steps of Adam+CG at which the buffer cancels the gradient, and how rare they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import GREY, PAGE, canvas
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
    TOYS,
    columns_of,
    declare,
    draw_surface,
    errors_of,
    method_handles,
    surface,
    wilson_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

USES = (*TOYS, "figures.critical_momenta._arrows")

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
        (name, decay): _worst_of_three(buffer_of_five(name, decay, study, ("ratio", "left over")))
        for name in TWO
        for decay in STUCK_DECAYS
    }
    share = [
        [[wilson_rows(found[name, decay][0] <= bound) for bound in BOUNDS] for decay in STUCK_DECAYS] for name in TWO
    ]
    smallest, when = found["Adam+CG", 0.99]
    index = int(np.argmin(smallest))
    method = Method("Adam+CG", 0.1, capacity=5, decay=0.99)
    steps = record_steps(method, AckleyRosenbrock(), study.starts.points()[index], STUCK_STEPS)
    first = int(when[index])
    low, high = window_around(steps.path[first : first + THREE + 1], 0.8)
    arrays = {
        "share": np.array(share),
        **as_arrays("run", steps),
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
    steps, first = from_arrays(data, "run"), data.inputs["first step"]
    low, high = data.arrays["window"]
    for k, ax in enumerate(axes[:THREE]):
        t = first + k
        draw_surface(ax, data.arrays["surface"], low, high)
        ax.plot(*steps.path[first : t + 1].T, color=COLOURS["Adam+CG"], marker=".", linewidth=0.8)
        draw_arrows(ax, steps, t, 0.42 * float(high[0] - low[0]))
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
        handles=[*method_handles(TWO), *arrow_handles(), *_decay_handles()], loc="outside upper center", ncols=7
    )
    return figure


def _decay_handles() -> list[Any]:
    from matplotlib.lines import Line2D

    fast, slow = STUCK_DECAYS
    return [
        Line2D([], [], color=GREY, linestyle="--", label=rf"$\lambda={fast}$"),
        Line2D([], [], color=GREY, linestyle="-", label=rf"$\lambda={slow}$"),
    ]


FIGURES = [
    declare(
        "figure-11",
        "Three steps at which the buffer cancels the gradient",
        "Three consecutive steps of Adam+CG on (14): four of five stored gradients oppose, and the update vanishes.",
        ("figure-11-stuck-steps", "gradient-cancellation", "ackley-rosenbrock"),
        (3.0, 4.0, 10.0),
        data=eleven_data,
        table=eleven_table,
        caption=eleven_caption,
        draw=eleven_draw,
        uses=USES,
    ),
]
