"""Figures of "Critical Momenta" on Ackley, Goldstein-Price and Levy: figures 1, 4, 13, 14, 16, tables 1 and 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .critical_momenta import PAPER
from .critical_momenta_escape import COLOURS, USES
from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, GREY, PAGE, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

RUNS = {Level.QUICK: 60, Level.NORMAL: 1000, Level.FULL: 4000}
NAMES = ("Adam", "Adam+CG", "Adam+SAM", "Adam+CM", "Adam+SAM+CM")
FOUR = NAMES[:4]


def _best(name: str, drop: int | None = None) -> Any:
    """Settings of table 11."""
    from analysis.toys import Method

    if "CM" in name:
        return Method(name, 0.1, beta2=0.999, capacity=20, decay=0.99, drop=drop)  # type: ignore[arg-type]
    return Method(name, 0.1, radius=0.01, drop=drop)  # type: ignore[arg-type]


def _twenty(name: str, drop: int | None = None) -> Any:
    """C = 20 and decay 0.99, as in figure 1 and table 1."""
    from analysis.toys import Method

    return Method(name, 0.1, capacity=20, decay=0.99, drop=drop)  # type: ignore[arg-type]


# Figures 4 and 16

SIDES = (2.0, 10.0)
DROPS = (250, None)


def curves_data(level: Level) -> FigureData:
    """Mean loss on Ackley over the steps with its standard error, and of 10 runs its spread, by square and drop."""
    from analysis.landscapes import Ackley
    from analysis.toys import Plane, Starts, losses

    runs, at = RUNS[level], tuple(range(0, 501, 5))
    mean, error, ten = (np.empty((2, 2, len(NAMES), len(at))) for _ in range(3))
    reached = np.empty((2, 2, len(NAMES)))
    for i, side in enumerate(SIDES):
        study = Plane(Ackley(), Starts(-side, side, 2, runs), at)
        for j, drop in enumerate(DROPS):
            for k, name in enumerate(NAMES):
                loss = losses(_best(name, drop), study)
                spread = loss.std(axis=1, ddof=1)
                mean[i, j, k], error[i, j, k], ten[i, j, k] = loss.mean(axis=1), spread / runs**0.5, spread / 10**0.5
                reached[i, j, k] = np.mean(loss[-1] < 1.5)
    arrays = {"step": np.asarray(at), "mean": mean, "error": error, "error of ten": ten, "reached": reached}
    return FigureData(arrays, {"runs": runs, "seed": 0, "settings": "table 11", "squares": list(SIDES)})


def curves_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"half side": SIDES, "step drop": ("at 250", "none"), "method": NAMES, "step": a["step"]}
    return long_table(axes, mean_loss=a["mean"], standard_error=a["error"], standard_error_of_ten=a["error of ten"])


def curves_caption(data: FigureData) -> str:
    last = data.arrays["mean"][..., -1]
    k = NAMES.index
    return (
        rf"Mean loss of {data.inputs['runs']} runs on Ackley with table 11's settings; band: 95 % for a mean of ten "
        rf"runs, as in the paper. Left: starts in $[-2,2]^2$, the only square of the three tried that fits the "
        rf"printed axis; right: $[-10,10]^2$. Top: step divided by ten after 250 (figure 4); bottom: constant step "
        rf"(figure 16). Near the origin Adam+CG ends lowest ({last[0, 0, k('Adam+CG')]:.2f} against "
        rf"{last[0, 0, k('Adam+CM')]:.2f} for Adam+CM and {last[0, 0, k('Adam+SAM+CM')]:.2f} for Adam+SAM+CM); from "
        rf"far away both CM variants do ({last[1, 0, k('Adam+CM')]:.1f} and {last[1, 0, k('Adam+SAM+CM')]:.1f} "
        rf"against {last[1, 0, k('Adam+CG')]:.1f})."
    )


def curves_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 4.2)
    axes = figure.subplots(2, 2, sharex=True)
    for i, side in enumerate(SIDES):
        for j, drop in enumerate(DROPS):
            ax = axes[j, i]
            for k, name in enumerate(NAMES):
                mean, half = a["mean"][i, j, k], 1.96 * a["error of ten"][i, j, k]
                ax.plot(a["step"], mean, color=COLOURS[name], label=name)
                ax.fill_between(a["step"], mean - half, mean + half, color=COLOURS[name], alpha=0.12, linewidth=0)
            words = f"starts in $[-{side:g},{side:g}]^2$, " + ("step drop" if drop else "constant step")
            ax.set(title=words, xlim=(0, 500), ylim=(0, None))
    for ax in axes[:, 0]:
        ax.set(ylabel="mean loss")
    for ax in axes[1]:
        ax.set(xlabel="step")
    axes[0, 0].legend(loc="upper right", ncols=2)
    return figure


# Figures 1 and 14: shares at the minima of Goldstein-Price

MINIMA = ((0.0, -1.0), (-0.6, -0.4), (1.8, 0.2), (1.2, 0.8))
PATHS = ((-1.5, 1.0), (1.5, -1.5), (0.5, 1.5))


def shares_data(level: Level) -> FigureData:
    """Share of runs that end at each minimum, with Wilson intervals, by step drop and method; and some paths."""
    from analysis.escape import near, wilson
    from analysis.landscapes import GoldsteinPrice
    from analysis.runs import run
    from analysis.toys import Plane, Starts, visited

    study = Plane(GoldsteinPrice(), Starts(-2.0, 2.0, 2, RUNS[level]), (500,))
    share = np.empty((2, 4, 4, 3))
    paths = np.empty((4, 501, len(PATHS), 2))
    for k, name in enumerate(FOUR):
        for j, drop in enumerate((None, 250)):
            ends = visited(_twenty(name, drop), study)[-1]
            for i, minimum in enumerate(MINIMA):
                found = wilson(int(np.sum(near(ends, np.asarray(minimum), 0.12))), len(ends))
                share[j, k, i] = found.value, found.low, found.high
        paths[k] = run(_twenty(name, 250).rule(), GoldsteinPrice(), np.asarray(PATHS), 500, record_every=1).trajectory
    return FigureData({"share": share, "paths": paths}, {"runs": RUNS[level], "seed": 0, "C": 20, "lambda": 0.99})


def shares_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["share"]
    axes = {"step drop": ("none", "at 250"), "method": FOUR, "minimum": [str(m) for m in MINIMA]}
    return long_table(axes, share=a[..., 0], low=a[..., 1], high=a[..., 2])


def shares_caption(data: FigureData) -> str:
    a = data.arrays["share"][..., 0, 0]
    said = ", ".join(
        f"{name} {constant:.2f} ({drop:.2f})" for name, constant, drop in zip(FOUR, a[0], a[1], strict=True)
    )
    return (
        rf"Goldstein-Price in the source's form, $C=20$, $\lambda=0.99$. Left: paths from three starts (squares), "
        rf"step divided by ten after 250; diamond: global minimum. Right: share of {data.inputs['runs']} runs from "
        rf"$[-2,2]^2$ at each of the four minima, lowest first; filled: constant step, open: with the drop; 95 % "
        rf"Wilson intervals. At the global minimum: {said}. The figure's sentence is the wrong way round: Adam+CM "
        rf"leaves the deep, sharp minimum."
    )


def shares_draw(data: FigureData) -> Canvas:
    from analysis.landscapes import GoldsteinPrice

    a = data.arrays
    figure = canvas(PAGE, 2.9)
    left, right = figure.subplots(1, 2)
    grid = np.linspace(-2.2, 2.2, 160)
    x, y = np.meshgrid(grid, grid)
    left.contour(x, y, GoldsteinPrice().value(np.stack([x, y], axis=-1)), 14, colors=GREY, linewidths=0.4)
    for k, name in enumerate(FOUR):
        for i in range(len(PATHS)):
            left.plot(*a["paths"][k, :, i].T, color=COLOURS[name], linewidth=0.9, label=name if i == 0 else None)
    left.plot(*np.transpose(PATHS), "s", color=BLACK, markersize=4)
    left.plot(0, -1, "D", color=BLACK, markersize=5)
    left.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xlabel="$x$", ylabel="$y$")
    left.legend(loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
    for j in range(2):
        for k, name in enumerate(FOUR):
            value, low, high = np.moveaxis(a["share"][j, k], -1, 0)
            error = np.maximum([value - low, high - value], 0)
            at = np.arange(4) + 0.16 * (k - 1.5) + 0.05 * (2 * j - 1)
            fill = COLOURS[name] if j == 0 else "white"
            right.errorbar(at, value, yerr=error, fmt="o", color=COLOURS[name], markerfacecolor=fill, markersize=3.5)
    right.set_xticks(range(4), [f"({p[0]:g}, {p[1]:g})" for p in MINIMA])
    right.set(xlabel="minimum", ylabel="share of runs", ylim=(0, None))
    return figure


# Tables 1 and 5

PRINTED = {
    "Adam": ((0.86, 1.49), (13.87, 65.65)),
    "Adam+SAM": ((3.14, 1.43), (13.87, 65.62)),
    "Adam+CG": ((0.85, 1.51), (13.61, 64.45)),
    "Adam+CM": ((0.81, 1.36), (12.50, 62.53)),
}
SETTINGS = ((20, 0.99), (5, 0.99), (5, 0.7))


def rows_data(level: Level) -> FigureData:
    """Mean loss and sharpness of end points with standard errors, by function, setting and method."""
    from analysis.landscapes import GoldsteinPrice, Levy
    from analysis.toys import Method, Plane, Starts, plane_outcome

    functions = ((GoldsteinPrice(), 2.0), (Levy(), 10.0))
    table = np.empty((2, len(SETTINGS), 4, 2, 2))
    for i, (landscape, side) in enumerate(functions):
        study = Plane(landscape, Starts(-side, side, 2, RUNS[level]), (500,))
        for j, (capacity, decay) in enumerate(SETTINGS):
            for k, name in enumerate(FOUR):
                memory = "C" in name.partition("+")[2][:1]
                method = Method(
                    name,  # type: ignore[arg-type]
                    0.1,
                    capacity=capacity if memory else 5,
                    decay=decay if memory else 0.7,
                )
                for c, column in enumerate(("loss", "sharpness")):
                    found = plane_outcome(method, study, column)
                    table[i, j, k, c] = np.nanmean(found), np.nanstd(found, ddof=1) / len(found) ** 0.5
    return FigureData({"rows": table}, {"runs": RUNS[level], "steps": 500, "step size": 0.1, "seed": 0})


def rows_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays["rows"]
    axes = {"function": ("Goldstein-Price", "Levy"), "C, lambda": [str(s) for s in SETTINGS], "method": FOUR}
    printed = np.stack([np.stack([np.asarray(PRINTED[name][i]) for name in FOUR]) for i in range(2)])
    known = np.full((2, len(SETTINGS), 4, 2), np.nan)
    known[:, 0] = printed
    return long_table(
        axes,
        loss=a[..., 0, 0],
        loss_error=a[..., 0, 1],
        sharpness=a[..., 1, 0],
        sharpness_error=a[..., 1, 1],
        printed_loss=known[..., 0],
        printed_sharpness=known[..., 1],
    )


def rows_caption(data: FigureData) -> str:
    a, k = data.arrays["rows"][..., 0], FOUR.index
    gp, levy = a[0, 0], a[1, 0]
    return (
        rf"Mean loss and sharpness at the end of {data.inputs['runs']} runs, 95 % intervals; circles "
        rf"$(C,\lambda)=(20,0.99)$ as in table 1, triangles (5, 0.99), squares (5, 0.7); crosses: printed. Left, "
        rf"Goldstein-Price from $[-2,2]^2$: Adam+CM is flatter than Adam ({gp[k('Adam+CM'), 1]:.0f} against "
        rf"{gp[k('Adam'), 1]:.0f}) but not deeper ({gp[k('Adam+CM'), 0]:.2f} against {gp[k('Adam'), 0]:.2f}); the "
        rf"printed rows lie where no converged runs can. Right, Levy from $[-10,10]^2$: Adam+CM is lower "
        rf"({levy[k('Adam+CM'), 0]:.2f}; Adam {levy[k('Adam'), 0]:.2f}, Adam+CG {levy[k('Adam+CG'), 0]:.2f}); with "
        rf"five slots and $\lambda=0.99$ Adam+CG is the lowest and the flattest of all."
    )


def rows_draw(data: FigureData) -> Canvas:
    a = data.arrays["rows"]
    figure = canvas(PAGE, 2.7)
    for i, (ax, title) in enumerate(zip(figure.subplots(1, 2), ("Goldstein-Price", "Levy, $d=2$"), strict=True)):
        for k, name in enumerate(FOUR):
            for j, marker in enumerate("o^s"):
                if j and "C" not in name.partition("+")[2][:1]:
                    continue
                (x, dx), (y, dy) = a[i, j, k]
                ax.errorbar(
                    x, y, xerr=1.96 * dx, yerr=1.96 * dy, fmt=marker, color=COLOURS[name], label=None if j else name
                )
            ax.plot(*PRINTED[name][i], "x", color=COLOURS[name], markersize=5)
        ax.set(title=title, xlabel="mean loss", ylabel="mean sharpness", ylim=(0, None))
    figure.axes[1].legend(loc="upper left")
    return figure


def _figure(short: str, title: str, shows: str, claims: tuple[str, ...], cost: Cost, **functions: Any) -> Figure:
    return Figure(
        id=f"critical-momenta/{short}",
        paper=PAPER,
        title=title,
        shows=shows,
        claims=tuple(f"critical-momenta/{claim}" for claim in claims),
        cost=cost,
        uses=(*USES, "figures.critical_momenta_escape"),
        **functions,
    )


FIGURES = [
    _figure(
        "figure-1",
        "Where runs on Goldstein-Price end",
        "Paths on Goldstein-Price: the others get stuck, Adam+CM reaches the global minimum.",
        (
            "figure-1-gp-trajectories",
            "figures-13-14-trajectories",
            "gp-flat-region-contains-minimum",
            "figure-12-gp-buffer",
        ),
        Cost(6.0, 12.0, 40.0),
        caption=shares_caption,
        data=shares_data,
        table=shares_table,
        draw=shares_draw,
    ),
    _figure(
        "figure-4",
        "Loss on Ackley",
        "Mean loss of ten runs on Ackley: only the CM variants fall to low values.",
        ("figure-4-ackley", "figure-16-constant-step", "ackley"),
        Cost(9.0, 25.0, 80.0),
        caption=curves_caption,
        data=curves_data,
        table=curves_table,
        draw=curves_draw,
    ),
    _figure(
        "table-1",
        "Loss and sharpness of solutions",
        "Two tables of mean loss and sharpness over 20 runs, Adam+CM lowest in both columns.",
        ("table-1-gp", "table-1-levy", "table-5-levy-buffer"),
        Cost(8.0, 25.0, 80.0),
        caption=rows_caption,
        data=rows_data,
        table=rows_table,
        draw=rows_draw,
    ),
]
