"""The printed tables 1 to 3: margins of the paper's methods with intervals of what is printed beside the means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level
from ..style import BLACK, BLUE, GREEN, GREY, PAGE, PURPLE, SKY, VERMILLION, canvas
from ._common import PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLOURS = {
    "SGDM": BLACK, "Adam": GREEN, "AdaBelief": SKY, "Lookahead": BLUE, "AdaHessian": GREY, "RNA": PURPLE,
    "RAM": VERMILLION,
}  # fmt: skip


def data(level: Level) -> FigureData:
    """Differences to every rival, standard errors for three runs, and Welch's p-values."""
    del level
    from proofs_check.anderson_mixing.experiments import RUNS
    from proofs_check.anderson_mixing.printed_tables import ACCURACY, PERPLEXITY
    from proofs_check.checks.tables import welch

    rows = []
    for table, ours, cells in (("accuracy", "AdaSAM", ACCURACY), ("perplexity", "pAdaSAM", PERPLEXITY)):
        for row, methods in cells.items():
            for rival, cell in methods.items():
                if rival != ours:
                    first = methods[ours]
                    _, freedom, p = welch(first, cell, "standard deviation", RUNS)
                    error = ((first[1] ** 2 + cell[1] ** 2) / RUNS) ** 0.5
                    rows.append((table, row, rival, first[0] - cell[0], error, freedom, p))
    names = ("table", "row", "rival", "margin", "standard_error", "freedom", "p")
    return FigureData({name: np.array([row[k] for row in rows]) for k, name in enumerate(names)}, {"runs": RUNS})


def table(data: FigureData) -> Mapping[str, np.ndarray]:
    return dict(data.arrays)


def draw(data: FigureData) -> Canvas:
    from scipy.stats import t

    a = data.arrays
    half = t.ppf(0.975, a["freedom"]) * a["standard_error"]
    figure = canvas(PAGE, 3.4)
    axes = figure.subplots(1, 2, width_ratios=(3, 1))
    handles = {}
    for k, kind in enumerate(("accuracy", "perplexity")):
        mine = a["table"] == kind
        rows = list(dict.fromkeys(a["row"][mine].tolist()))
        rivals = [name for name in COLOURS if name in a["rival"][mine]]
        for j, rival in enumerate(rivals):
            at = mine & (a["rival"] == rival)
            x = [rows.index(row) + 0.1 * (j - 0.5 * (len(rivals) - 1)) for row in a["row"][at].tolist()]
            handles[rival] = axes[k].errorbar(
                x, a["margin"][at], half[at], color=COLOURS[rival], fmt="o", markersize=2.5, linewidth=0.9
            )
        axes[k].axhline(0.0, color=BLACK, linewidth=0.6)
        axes[k].set_xticks(range(len(rows)), rows, rotation=30, ha="right")
    axes[0].set(ylabel="points of accuracy above the rival", title="AdaSAM, table 1")
    axes[1].set(ylabel="perplexity below the rival", title="pAdaSAM, table 3")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))
    return figure


def caption(data: FigureData) -> str:
    a = data.arrays
    first = a["table"] == "accuracy"
    weak = int((a["p"][first] >= 0.05).sum())
    smallest = int(np.argmin(np.where(first, a["margin"], np.inf)))
    return (
        rf"The printed means less those of every rival, with 95% intervals of Welch if the printed $\pm$ is the "
        rf"standard deviation of {data.inputs['runs']} runs (the text does not say). All {len(a['p'])} margins are "
        rf"positive; of the {int(first.sum())} of table 1, {weak} are not significant at 5% each. The smallest is "
        rf"{a['margin'][smallest]:.2f} points ({a['row'][smallest]}, against {a['rival'][smallest]})."
        if (a["margin"] > 0).all()
        else "A printed margin is not positive."
    )


FIGURES = [
    Figure(
        id="anderson-mixing/tables",
        paper=PAPER,
        title="The printed margins",
        shows="Tables 1 and 3: test accuracies of nine networks and perplexities of three, mean and a number after the "
        "sign.",
        caption=caption,
        claims=(
            "anderson-mixing/tables-consistency",
            "anderson-mixing/cifar-accuracy",
            "anderson-mixing/penn-treebank",
        ),
        cost=Cost(0.5, 0.5, 0.5),
        data=data,
        table=table,
        draw=draw,
        uses=("proofs_check", "optassay", "analysis", "quadratics"),
    ),
]
