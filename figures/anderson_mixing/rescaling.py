"""What becomes of a tuned method when the objective is multiplied by a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLUE, GREEN, ORANGE, PAGE, VERMILLION, canvas
from ._common import PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLOURS = {"RAM": BLUE, "SAM": GREEN, "AdaSAM": VERMILLION, "SAM, scaled penalty": ORANGE}
LINES = {"RAM": "-", "SAM": "-", "AdaSAM": "-", "SAM, scaled penalty": "--"}
MIXING, PENALTY_R, PENALTY_X, C1 = 3.0, 1e-4, 1e-2, 0.01


def data(level: Level) -> FigureData:
    """Final suboptimality over ``s`` of ``s f`` with ``beta / s``, and the largest change of an end point."""
    from analysis.mixing import real_logistic, rescaled_trials
    from analysis.mixing.studies import bootstrap_interval, logarithm

    runs, passes = {Level.QUICK: (5, 10), Level.NORMAL: (20, 30), Level.FULL: (100, 60)}[level]
    # Powers of two change no digit: what is invariant stays to the last bit.
    scales = 2.0 ** np.arange(-20, 21, {Level.QUICK: 10, Level.NORMAL: 4, Level.FULL: 1}[level])
    found = rescaled_trials(real_logistic("breast-cancer"), scales, runs, passes, 60, MIXING, PENALTY_R, PENALTY_X, C1)
    logs = logarithm(np.stack([result.suboptimality for result in found.values()]))  # (methods, scales, runs)
    low, high = bootstrap_interval(logs)
    change = np.stack([result.change for result in found.values()])
    arrays = {
        "method": np.array(list(found)), "s": scales, "mean": logs.mean(axis=-1), "low": low, "high": high,
        "change": change,
    }  # fmt: skip
    constants = {"mixing": MIXING, "delta of RAM": PENALTY_R, "delta of SAM / L^2": PENALTY_X, "c1": C1}
    return FigureData(arrays, {"runs": runs, "passes": passes, "seed": 60, **constants})


def table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table(
        {"method": a["method"], "s": a["s"]}, mean_log10=a["mean"], low=a["low"], high=a["high"], change=a["change"]
    )


def draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.9)
    left, right = figure.subplots(1, 2)
    for j, name in enumerate(a["method"].tolist()):
        style = {"color": COLOURS[name], "linestyle": LINES[name]}
        left.semilogx(a["s"], a["mean"][j], label=name, **style)
        left.fill_between(a["s"], a["low"][j], a["high"][j], color=COLOURS[name], alpha=0.2, linewidth=0)
        right.loglog(a["s"], np.maximum(a["change"][j], 1e-16), marker=".", markersize=3, **style)
    left.set(xlabel="scale $s$ of the objective", ylabel=r"mean $\log_{10}(f(x)-f^*)$")
    right.set(xlabel="scale $s$ of the objective", ylabel="largest change of an end point", ylim=(3e-17, 1e3))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def caption(data: FigureData) -> str:
    a, inputs = data.arrays, data.inputs
    names = a["method"].tolist()
    change = {name: np.max(a["change"][names.index(name)]) for name in names}
    spread = {name: np.ptp(a["mean"][names.index(name)]) for name in names}
    return (
        rf"Regularised logistic regression (breast cancer, full gradient, {inputs['passes']} steps, {inputs['runs']} "
        r"starts) with the objective multiplied by $s$ and $\beta$ divided by it, all other constants as they were; "
        r"means with 95% bootstrap bands, and the largest relative change of an end point against $s=1$ "
        r"(none is drawn at $10^{-16}$). "
        rf"AdaSAM's points {_moves(change['AdaSAM'])}; with a constant $\delta$ the final $\log_{{10}}$ suboptimality "
        rf"moves by {spread['RAM']:.2g} (RAM) and {spread['SAM']:.2g} (SAM); with $\delta s^2$ the points of SAM "
        rf"{_moves(change['SAM, scaled penalty'])}."
    )


def _moves(change: float) -> str:
    return "are the same to the last bit" if change == 0 else f"move by at most {change:.1g} of their length"


FIGURES = [
    Figure(
        id="anderson-mixing/rescaling",
        paper=PAPER,
        title="Multiplying the objective",
        shows="Nothing drawn; the adaptive penalty is motivated by the curvature.",
        caption=caption,
        claims=(
            "anderson-mixing/adaptive-versus-constant-regularisation",
            "anderson-mixing/adasam-curvature-heuristic",
            "anderson-mixing/algorithm-adasam",
        ),
        cost=Cost(2.0, 8.0, 60.0),
        data=data,
        table=table,
        draw=draw,
        uses=("analysis", "quadratics", "optassay"),
    ),
]
