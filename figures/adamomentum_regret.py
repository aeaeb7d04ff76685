"""Figures of "AdaMomentum", section 4.1: average regret in the counterexample of Reddi et al., theorem 1's bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, BLUE, GREEN, ORANGE, PAGE, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PAPER = "Adapting Stepsizes by Momentumized Gradients Improves Optimization and Generalization"
METHODS = ("Adam", "AMSGrad", "AdaMomentum", "AdaMomentum, running maximum")
COLOURS = (ORANGE, GREEN, VERMILLION, BLUE)
BETA1 = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)
BETA2 = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99)
SIZE, ALPHA = 3.0, 0.5
USES = ("analysis", "optassay.arrays", "optassay.optimizers")
SHOWN = ((0.0, 0.1), (0.2, 0.1), (0.9, 0.99))


def _rules(beta1: np.ndarray, beta2: np.ndarray) -> dict[str, Any]:
    from optassay.optimizers import Adam, AdaMomentum, AMSGrad, InverseSqrt

    shared: dict[str, Any] = {
        "step_size": InverseSqrt(ALPHA),
        "beta1": beta1,
        "beta2": beta2,
        "epsilon": 0.0,
        "debias": False,
    }
    kinds = (Adam(**shared), AMSGrad(**shared), AdaMomentum(**shared), AdaMomentum(**shared, amsgrad=True))
    return dict(zip(METHODS, kinds, strict=True))


def regret_data(level: Level) -> FigureData:
    """R(T)/T of four methods over 56 pairs (beta1, beta2), slopes 3, -1, -1 on [-1, 1]."""
    from analysis.games import reddi_game
    from analysis.regret import play

    rounds = {Level.QUICK: 600, Level.NORMAL: 20_000, Level.FULL: 1_000_000}[level]
    record = sorted({3 * max(1, round(t / 3)) for t in np.geomspace(3, rounds, 40)})
    record = [t for t in record if t <= rounds]
    beta1, beta2 = (axis.ravel() for axis in np.meshgrid(BETA1, BETA2, indexing="ij"))
    start = np.zeros((beta1.size, 1))
    average = np.stack(
        [play(rule, reddi_game(SIZE), start, rounds, record=record).average for rule in _rules(beta1, beta2).values()]
    )
    arrays = {
        "rounds": np.array(record),
        "beta1": np.array(BETA1),
        "beta2": np.array(BETA2),
        "average": average.reshape(len(METHODS), len(record), len(BETA1), len(BETA2)),
    }
    return FigureData(arrays, {"C": SIZE, "alpha": ALPHA, "rounds": record[-1], "methods": list(METHODS)})


def regret_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"method": METHODS, "round": a["rounds"], "beta1": a["beta1"], "beta2": a["beta2"]}
    return long_table(axes, average=a["average"])


def regret_caption(data: FigureData) -> str:
    last = data.arrays["average"][:, -1]
    failed = [int(np.sum(final > 0.1)) for final in last]
    counts = ", ".join(f"{name} {count}" for name, count in zip(METHODS, failed, strict=True))
    return (
        r"Average regret in the game of Reddi et al. ($C=3$, $[-1,1]$, $\alpha_t=0.5/\sqrt t$, no bias correction). "
        r"Left: "
        r"three pairs $(\beta_1,\beta_2)$: (0, 0.1) full, (0.2, 0.1) dashed, (0.9, 0.99) dotted. Middle and right: the "
        r"value "
        f"after {data.inputs['rounds']} rounds. Pairs of 56 in which it is still above 0.1: {counts}. "
        r"AdaMomentum's $v_t$ falls, theorem 1's hypothesis fails, and with it the conclusion; the running maximum "
        r"meets "
        "the hypothesis and repairs both."
    )


def regret_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.5)
    left, *maps = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    for style, (b1, b2) in zip(("-", "--", ":"), SHOWN, strict=True):
        i, j = int(np.argmin(np.abs(a["beta1"] - b1))), int(np.argmin(np.abs(a["beta2"] - b2)))
        for k, (name, colour) in enumerate(zip(METHODS, COLOURS, strict=True)):
            curve = np.maximum(a["average"][k, :, i, j], 1e-6)
            left.loglog(a["rounds"], curve, style, color=colour, label=name if style == "-" else None)
    left.axhline(2 / 3, color=BLACK, linewidth=0.6)
    left.set(xlabel="rounds $T$", ylabel="$R(T)/T$")
    left.legend(fontsize=7, loc="lower left", handlelength=1)
    for axis, k in zip(maps, (2, 3), strict=True):
        image = axis.imshow(a["average"][k, -1], origin="lower", aspect="auto", vmin=0, vmax=2 / 3, cmap="viridis")
        axis.grid(False)
        axis.set_xticks(range(len(a["beta2"])), [f"{b:g}" for b in a["beta2"]], rotation=90)
        axis.set_yticks(range(len(a["beta1"])), [f"{b:g}" for b in a["beta1"]])
        axis.set(xlabel=r"$\beta_2$", ylabel=r"$\beta_1$")
        axis.set_title(METHODS[k], fontsize=7)
    figure.colorbar(image, ax=maps[1], label="$R(T)/T$")
    return figure


def slack_data(level: Level) -> FigureData:
    """Regret and the three terms of the bound with a running maximum, constant and decaying beta1."""
    from analysis.games import AdversarialGame
    from analysis.regret import play
    from optassay.optimizers import AdaMomentum, InverseSqrt

    rounds = {Level.QUICK: 600, Level.NORMAL: 20_000, Level.FULL: 200_000}[level]
    record = sorted({int(t) for t in np.geomspace(1, rounds, 40)})
    rows = {}
    for name, beta1 in (("constant", 0.9), ("decaying", lambda t: 0.9 * 0.9 ** (t - 1))):
        rule = AdaMomentum(
            step_size=InverseSqrt(1.0), beta1=beta1, beta2=0.999, epsilon=0.0, debias=False, amsgrad=True
        )
        found = play(rule, AdversarialGame(), np.full(1, 0.5), rounds, record=record, bound=True)
        assert found.bound is not None
        rows[name] = np.stack([found.regret, *found.bound[:3], found.bound.printed, found.bound.sharp])
    arrays = {"rounds": np.array(record), **rows}
    return FigureData(arrays, {"beta1": 0.9, "beta2": 0.999, "alpha": 1.0, "rounds": rounds})


SLACK_ROWS = ("regret", "first term", "second term", "third term", "bound", "tighter bound")


def slack_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    values = np.stack([a["constant"], a["decaying"]])
    return long_table({"decay": ("constant", "decaying"), "row": SLACK_ROWS, "round": a["rounds"]}, value=values)


def slack_caption(data: FigureData) -> str:
    a = data.arrays
    ratios = [a[name][4, -1] / a[name][0, -1] for name in ("constant", "decaying")]
    sharp = [a[name][5, -1] / a[name][0, -1] for name in ("constant", "decaying")]
    return (
        r"Regret of AdaMomentum with a running maximum against an adversary on $[-1,1]$, and theorem 1's bound term by "
        r"term, "
        r"$(\beta_1,\beta_2)=(0.9,0.999)$. Left: constant $\beta_{1,t}$, right: $\beta_{1,t}=0.9^t$. After "
        f"{data.inputs['rounds']} rounds the bound exceeds the regret {ratios[0]:.3g} and {ratios[1]:.3g} times, the "
        f"tighter "
        f"one {sharp[0]:.3g} and {sharp[1]:.3g} times. For constant decay the second term grows like $T^{{3/2}}$."
    )


def slack_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.6)
    styles = ((BLACK, "-"), (ORANGE, ":"), (VERMILLION, ":"), (GREEN, ":"), (BLUE, "-"), (BLUE, "--"))
    for axis, name in zip(figure.subplots(1, 2, sharey=True), ("constant", "decaying"), strict=True):
        for row, label, (colour, style) in zip(a[name], SLACK_ROWS, styles, strict=True):
            # The third term is nearly the whole bound: drawn over it, so that both are seen.
            axis.loglog(
                a["rounds"], np.maximum(row, 1e-3), style, color=colour, label=label, zorder=3 if style == ":" else 2
            )
        axis.set(xlabel="rounds $T$")
        axis.set_title(name + r" $\beta_{1,t}$", fontsize=7)
    figure.axes[1].legend(fontsize=7, loc="center right", bbox_to_anchor=(1.0, 0.56), ncols=2)
    return figure


FIGURES = [
    Figure(
        id="adamomentum/average-regret",
        paper=PAPER,
        title="Average regret over pairs of decays",
        shows="The paper has no such figure; it concludes that the average regret tends to zero.",
        caption=regret_caption,
        claims=("adamomentum/theorem-1-monotone-second-moment", "adamomentum/corollary-1-average-regret"),
        cost=Cost(1.0, 10.0, 300.0),
        data=regret_data,
        table=regret_table,
        draw=regret_draw,
        uses=USES,
    ),
    Figure(
        id="adamomentum/regret-bound-slack",
        paper=PAPER,
        title="Theorem 1's bound, term by term",
        shows="The paper has no such figure.",
        caption=slack_caption,
        claims=("adamomentum/theorem-1-regret", "adamomentum/theorem-1-rate-remark"),
        cost=Cost(0.5, 6.0, 60.0),
        data=slack_data,
        table=slack_table,
        draw=slack_draw,
        uses=USES,
    ),
]
