"""Section 4.1: average regret of four methods in the counterexample of Reddi, Kale and Kumar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, PAGE, canvas
from ._common import COLOURS, PAPER, USES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SHOWN = ((0.0, 0.1), (0.4, 0.1), (0.9, 0.99))
FAILED = 0.5  # of the worst point's average regret: the map counts these pairs
CLAIMS = ("adamomentum/theorem-1-monotone-second-moment", "adamomentum/corollary-1-average-regret")


def _averages(size: int, rounds: int, record: list[int]) -> np.ndarray:
    """R(T)/T, (method, record, beta1, beta2); the large slope comes every ``size`` rounds."""
    from analysis.reddi import BETA1, BETA2, counterexample_rules, play_pairs

    runs = [play_pairs(rule, float(size), size, rounds, record).average for rule in counterexample_rules().values()]
    return np.stack(runs).reshape(len(runs), len(record), len(BETA1), len(BETA2))


def _pairs() -> dict[str, np.ndarray]:
    from analysis.reddi import BETA1, BETA2

    return {"beta1": np.array(BETA1), "beta2": np.array(BETA2)}


# Against T


def curves_data(level: Level) -> FigureData:
    """Four methods over 56 pairs (beta1, beta2), slopes 3, -1, -1 on [-1, 1], recorded at multiples of three."""
    from analysis.reddi import ALPHA, METHODS

    rounds = {Level.QUICK: 600, Level.NORMAL: 1_000_000, Level.FULL: 10_000_000}[level]
    record = sorted({3 * max(1, round(t / 3)) for t in np.geomspace(3, rounds - 2, 60)})
    arrays = {"rounds": np.array(record), **_pairs(), "average": _averages(3, rounds, record)}
    inputs = {"C": 3, "alpha": ALPHA, "rounds": record[-1], "methods": list(METHODS)}
    return FigureData(arrays, inputs)


def curves_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"method": data.inputs["methods"], "round": a["rounds"], "beta1": a["beta1"], "beta2": a["beta2"]}
    return long_table(axes, average=a["average"])


def curves_caption(data: FigureData) -> str:
    last = data.arrays["average"][:, -1]
    counts = ", ".join(
        f"{name} {int(np.sum(final > FAILED * 2 / 3))}"
        for name, final in zip(data.inputs["methods"], last, strict=True)
    )
    largest = max(float(last[k].max()) for k in (1, 3))
    return (
        rf"Average regret against $T$ in the game of Reddi et al. ($C=3$, $[-1,1]$, $\alpha_t=0.5/\sqrt t$, no bias "
        rf"correction) for three pairs of decays (at $\beta_1=0$ the two ideas of $v_t$ are one, at $(0.9,0.99)$ all "
        rf"four methods find the best point); grey: range over all 56 pairs with a running maximum. The line is "
        rf"$\frac23(C-2)$, the worst point's. Pairs of 56 that are still above half of it after "
        rf"{data.inputs['rounds']} rounds: {counts}. AdaMomentum's $v_t$ falls, so that theorem 1's hypothesis fails "
        rf"and with it the conclusion; the running maximum meets the hypothesis, and at most {largest:.2g} is left."
    )


def curves_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.6)
    axes = figure.subplots(1, 3, sharey=True)
    low, high = (bound(a["average"][3], axis=(1, 2)) for bound in (np.min, np.max))
    for axis, (b1, b2) in zip(axes, SHOWN, strict=True):
        i, j = int(np.argmin(np.abs(a["beta1"] - b1))), int(np.argmin(np.abs(a["beta2"] - b2)))
        axis.fill_between(a["rounds"], np.maximum(low, 1e-9), np.maximum(high, 1e-9), color="0.85", linewidth=0)
        for k, (name, style) in enumerate(zip(data.inputs["methods"], ("-", "-", "--", "--"), strict=True)):
            curve = np.maximum(a["average"][k, :, i, j], 1e-9)
            axis.loglog(a["rounds"], curve, style, color=COLOURS[name], label=name)
        axis.axhline(2 / 3, color=BLACK, linewidth=0.6)
        axis.set(xlabel="rounds $T$", ylim=(1e-6, 3))
        axis.set_title(rf"$(\beta_1,\beta_2)=({b1:g},{b2:g})$")
    axes[0].set_ylabel("average regret $R(T)/T$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


# The map over pairs


def map_data(level: Level) -> FigureData:
    """R(T)/T at the end over 56 pairs for several C, the large slope every C rounds."""
    from analysis.reddi import ALPHA, METHODS, worst_average

    rounds = {Level.QUICK: 900, Level.NORMAL: 1_000_000, Level.FULL: 10_000_000}[level]
    sizes = (3, 10, 100)
    average = np.stack([_averages(size, rounds, [rounds])[:, 0] for size in sizes])
    worst = np.array([worst_average(size, size) for size in sizes])
    arrays = {"C": np.array(sizes), **_pairs(), "average": average, "worst": worst}
    return FigureData(arrays, {"alpha": ALPHA, "rounds": rounds, "methods": list(METHODS)})


def map_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"C": a["C"], "method": data.inputs["methods"], "beta1": a["beta1"], "beta2": a["beta2"]}
    return long_table(axes, average=a["average"], share_of_worst=a["average"] / a["worst"][:, None, None, None])


def map_caption(data: FigureData) -> str:
    a, methods = data.arrays, data.inputs["methods"]
    failed = np.sum(a["average"] > FAILED * a["worst"][:, None, None, None], axis=(2, 3))
    counts = "; ".join(
        f"$C={size}$: " + ", ".join(f"{name} {int(n)}" for name, n in zip(methods, row, strict=True))
        for size, row in zip(a["C"], failed, strict=True)
    )
    return (
        rf"Average regret after {data.inputs['rounds']} rounds in units of the worst point's, $2/C$: slopes $C$ once "
        rf"in $C$ rounds, else $-1$, on $[-1,1]$; $\alpha_t=0.5/\sqrt t$, no bias correction. Pairs of 56 above "
        rf"{FAILED:g}: {counts}. The larger $C$, the more pairs lead Adam and AdaMomentum to the worst point, those "
        rf"with $\beta_1<\sqrt{{\beta_2}}$ (right of the line) among them; a running maximum repairs both, slowly for "
        rf"large $C$."
    )


def map_draw(data: FigureData) -> Canvas:
    a, methods = data.arrays, data.inputs["methods"]
    figure = canvas(PAGE, 5.0)
    axes = figure.subplots(len(a["C"]), len(methods), sharex=True, sharey=True)
    edge = np.arange(len(a["beta1"]) + 1) - 0.5
    # Between the grid's values: in every row the first beta2 with beta1 < sqrt(beta2).
    first = [int(np.searchsorted(a["beta2"], b**2, side="right")) - 0.5 for b in a["beta1"]]
    for i, size in enumerate(a["C"]):
        for k, name in enumerate(methods):
            axis = axes[i, k]
            share = a["average"][i, k] / a["worst"][i]
            image = axis.imshow(share, origin="lower", aspect="auto", vmin=0, vmax=1, cmap="viridis")
            axis.stairs(first, edge, orientation="horizontal", color="white", linewidth=1.0, baseline=None)
            axis.grid(False)
            axis.set_xticks(range(len(a["beta2"])), [f"{b:g}" for b in a["beta2"]], rotation=90)
            axis.set_yticks(range(len(a["beta1"])), [f"{b:g}" for b in a["beta1"]])
            if i == 0:
                axis.set_title(name.replace(", ", ",\n"))
            if i == len(a["C"]) - 1:
                axis.set_xlabel(r"$\beta_2$")
        axes[i, 0].set_ylabel(rf"$C={size}$" + "\n" + r"$\beta_1$")
    figure.colorbar(image, ax=axes, label="$R(T)/T$, worst point's = 1", shrink=0.6, extend="both")
    return figure


FIGURES = [
    Figure(
        id="adamomentum/average-regret",
        paper=PAPER,
        title="Average regret against the number of rounds",
        shows="The paper has no such figure; it concludes that the average regret tends to zero.",
        caption=curves_caption,
        claims=CLAIMS,
        cost=Cost(1.0, 6.0, 50.0),
        data=curves_data,
        table=curves_table,
        draw=curves_draw,
        uses=USES,
    ),
    Figure(
        id="adamomentum/regret-map",
        paper=PAPER,
        title="Average regret over pairs of decays",
        shows="The paper has no such figure; it concludes that the average regret tends to zero.",
        caption=map_caption,
        claims=CLAIMS,
        cost=Cost(1.0, 12.0, 120.0),
        data=map_data,
        table=map_table,
        draw=map_draw,
        uses=USES,
    ),
]
