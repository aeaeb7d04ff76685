"""Residuals of GMRES and of Anderson mixing in its variants, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILLION, canvas
from ._common import PAPER, lengths, quartiles, spd_systems

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CONDITIONS = (1e1, 1e3)
OPTIONS: dict[str, dict[str, Any]] = {
    "AM, all columns": {},
    "AM, memory 5": {"memory": 5},
    "AM, memory 1": {"memory": 1},
    "AM, penalty": {"regularization": 1e-2, "solver": "gram"},  # the penalty bounds the condition number
    "AM with (14)": {"positivity": 0.01},
}
STYLES: dict[str, tuple[str, Any]] = {
    "GMRES": (BLACK, "-"),
    "AM, all columns": (ORANGE, (0, (2, 2))),
    "GMRES(5)": (GREY, "--"),
    "AM, memory 5": (BLUE, "-"),
    "AM, memory 1": (SKY, "-"),
    "AM, penalty": (PURPLE, "-"),
    "AM with (14)": (VERMILLION, "-"),
    "gradient descent": (GREEN, ":"),
}


def data(level: Level) -> FigureData:
    """Quartiles over random systems of the relative residual at ``x_bar_k``."""
    from quadratics import anderson_iterates, gmres_iterates

    dim, count, steps = {Level.QUICK: (24, 4, 24), Level.NORMAL: (50, 8, 50), Level.FULL: (100, 20, 100)}[level]
    found = np.empty((len(CONDITIONS), len(STYLES), steps + 1, 3))
    for i, condition in enumerate(CONDITIONS):
        a, b = spd_systems(count, dim, condition, 70 + i)
        points = {
            "GMRES": gmres_iterates(a, b, 0 * b, steps),
            "GMRES(5)": gmres_iterates(a, b, 0 * b, steps, restart=5),
        }
        for name, options in OPTIONS.items():
            points[name] = anderson_iterates(a, b, 0 * b, 1.0, steps, **options).projected
        points["gradient descent"] = anderson_iterates(a, b, 0 * b, 1.0, steps, damping=0.0).projected
        solution = np.linalg.solve(a, b[..., None])[..., 0]
        for j, name in enumerate(STYLES):
            found[i, j] = quartiles(lengths(a, solution - points[name], b))
    names = np.array(list(STYLES))
    arrays = {"condition": np.array(CONDITIONS), "method": names, "k": np.arange(steps + 1), "residual": found}
    inputs = {"d": dim, "systems": count, "seeds": [70, 71], "beta": 1.0, "delta": 1e-2, "mu": 0.01}
    return FigureData(arrays, inputs)


def table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    r = a["residual"]
    axes = {"condition": a["condition"], "method": a["method"], "k": a["k"]}
    return long_table(axes, lower_quartile=r[..., 0], median=r[..., 1], upper_quartile=r[..., 2])


def draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.3)
    axes = figure.subplots(1, len(CONDITIONS), sharey=True)
    for i, condition in enumerate(a["condition"]):
        for j, name in enumerate(a["method"].tolist()):
            colour, line = STYLES[name]
            low, middle, high = np.maximum(a["residual"][i, j], 1e-17).T
            axes[i].semilogy(a["k"], middle, color=colour, linestyle=line, label=name)
            axes[i].fill_between(a["k"], low, high, color=colour, alpha=0.15, linewidth=0)
        axes[i].set(title=rf"$\kappa(A)=10^{{{round(np.log10(condition))}}}$", xlabel=r"step $k$", ylim=(1e-12, 3.0))
    axes[0].set_ylabel(r"$\|b-A\bar x_k\|\,/\,\|b\|$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def caption(data: FigureData) -> str:
    a, inputs = data.arrays, data.inputs
    names = a["method"].tolist()
    half = len(a["k"]) // 2

    def at(name: str, i: int) -> str:
        return f"{a['residual'][i, names.index(name), half, 1]:.2g}"

    near = []
    for i in range(len(CONDITIONS)):
        best, ours = (a["residual"][i, names.index(name), :, 1] for name in ("GMRES", "AM, all columns"))
        apart = np.flatnonzero(np.abs(ours - best) > 0.01 * best + 1e-14)
        near.append(int(apart[0]) - 1 if apart.size else len(best) - 1)
    return (
        rf"Residuals of the projected points, medians and quartiles over {inputs['systems']} random positive definite "
        rf"systems of size {inputs['d']}, $\beta=1/L$. In exact arithmetic Anderson mixing with all columns is GMRES; "
        rf"in double precision the medians agree to 1% up to step {near[0]} ($\kappa=10$) and {near[1]} "
        rf"($\kappa=1000$), and part when the columns of $R_k$ become dependent to rounding. At step {half} and "
        rf"$\kappa=1000$: GMRES {at('GMRES', 1)}, memory 5 {at('AM, memory 5', 1)}, GMRES(5) {at('GMRES(5)', 1)}, with "
        rf"the check (14) at $\mu=0.01$ {at('AM with (14)', 1)}, penalty $\delta={inputs['delta']}$ "
        rf"{at('AM, penalty', 1)}, gradient descent {at('gradient descent', 1)}."
    )


FIGURES = [
    Figure(
        id="anderson-mixing/residuals",
        paper=PAPER,
        title="GMRES, and what is left of it",
        shows="Nothing drawn; section 5 says that the method is essentially GMRES on strongly convex quadratics.",
        caption=caption,
        claims=(
            "anderson-mixing/gmres-equivalence",
            "anderson-mixing/gmres-equivalence-with-safeguard",
            "anderson-mixing/algorithm-gmres-minres-comparison",
        ),
        cost=Cost(2.0, 12.0, 100.0),
        data=data,
        table=table,
        draw=draw,
        uses=("figures.anderson_mixing._common", "quadratics", "optassay"),
    ),
]
