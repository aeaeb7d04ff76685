"""Section 4.1: regret against theorem 1 term by term, its tighter form, and corollary 1, along the same runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, BLUE, GREEN, ORANGE, PAGE, PURPLE, VERMILLION, canvas
from ._common import PAPER, USES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

BETA1, BETA2, ALPHA, FADING = 0.9, 0.999, 1.0, 0.9
DECAYS = ("constant", "decaying")
ROWS = ("regret", "first term", "second term", "third term", "theorem 1", "tighter bound", "corollary 1")
DOTS = (0, (1, 2.5))
LOOKS = ((BLACK, "-"), (ORANGE, DOTS), (VERMILLION, DOTS), (GREEN, DOTS), (BLUE, "-"), (BLUE, "--"), (PURPLE, "-."))
GAMES = ("adversarial", "Reddi, C = 3", "quadratic", "logistic")  # of the standard ones


def _fading(t: int) -> float:
    return BETA1 * FADING ** (t - 1)


def slack_data(level: Level) -> FigureData:
    """Regret and bounds with a running maximum: constant and decaying beta1, four games; every round is compared."""
    from analysis.games import LogisticGame, standard_games
    from analysis.rates import check_bound, order
    from analysis.regret import corollary_bound, play
    from optassay.optimizers import AdaMomentum, InverseSqrt

    rounds = {Level.QUICK: 600, Level.NORMAL: 1_000_000, Level.FULL: 3_000_000}[level]
    shown = np.unique(np.geomspace(1, rounds, 200).astype(int))
    values = np.full((len(DECAYS), len(GAMES), len(ROWS), len(shown)), np.nan)
    worst = np.empty((len(DECAYS), len(GAMES), 2))
    for i, beta1 in enumerate((BETA1, _fading)):
        rule = AdaMomentum(InverseSqrt(ALPHA), beta1, BETA2, 0.0, debias=False, amsgrad=True)
        for j, name in enumerate(GAMES):
            game = standard_games()[name]
            coupled = isinstance(game, LogisticGame)  # its comparator is a minimisation: only where it is shown
            start = np.full(game.features.shape[1] if isinstance(game, LogisticGame) else 1, 0.5)
            record = shown.tolist() if coupled else range(1, rounds + 1)
            found = play(rule, game, start, rounds, record=record, bound=True)
            assert found.bound is not None
            for k, bound in enumerate((found.bound.printed, found.bound.sharp)):
                worst[i, j, k] = check_bound(found.regret, bound).worst_ratio
            at = slice(None) if coupled else shown - 1
            rows = (found.regret, *found.bound[:3], found.bound.printed, found.bound.sharp)
            values[i, j, :6] = [row[at] for row in rows]
            if (i, j) == (1, 0):  # unit gradients
                width = found.distance[at, 0]
                values[i, j, 6] = shown * corollary_bound(shown, ALPHA, BETA1, BETA2, FADING, width, 1.0)
    late = shown >= rounds / 10
    pairs = np.moveaxis(values[:, 0][:, [0, ROWS.index("theorem 1")]][..., late], -1, 0)  # regret and bound, adversary
    orders = np.stack(order(shown[late], pairs.reshape(late.sum(), -1)), axis=-1).reshape(len(DECAYS), 2, 3)
    inputs = {"beta1": BETA1, "beta2": BETA2, "alpha": ALPHA, "lambda": FADING, "rounds": rounds, "seed": 11}
    return FigureData({"rounds": shown, "values": values, "worst": worst, "orders": orders}, inputs)


def slack_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"decay": DECAYS, "game": GAMES, "row": ROWS, "round": a["rounds"]}
    return long_table(axes, value=a["values"])


def slack_caption(data: FigureData) -> str:
    values = data.arrays["values"]
    last = values[:, 0, :, -1]
    far = [last[i, ROWS.index("theorem 1")] / last[i, 0] for i in range(2)]
    near = [last[i, ROWS.index("tighter bound")] / last[i, 0] for i in range(2)]
    corollary = last[1, ROWS.index("corollary 1")] / last[1, 0]
    worst = data.arrays["worst"].max(axis=(0, 1))
    powers = [
        [f"$T^{{{power:.3g}}}$ ({low:.3g} to {high:.3g})" for power, low, high in row] for row in data.arrays["orders"]
    ]
    return (
        rf"Regret of AdaMomentum with a running maximum, $(\beta_1,\beta_2)=(0.9,0.999)$, $\alpha_t=1/\sqrt t$, and "
        rf"the bounds along the same run. Left, middle: an adversary on $[-1,1]$, theorem 1 term by term, constant "
        rf"$\beta_{{1,t}}$ and $\beta_{{1,t}}=0.9\cdot0.9^{{t-1}}$. After {data.inputs['rounds']} rounds theorem 1 "
        rf"exceeds the regret {far[0]:.3g} and {far[1]:.3g} times, its tighter form {near[0]:.3g} and {near[1]:.3g} "
        rf"times, corollary 1 {corollary:.3g} times; over the last decade of $T$ regret grows like "
        rf"{powers[0][0]} and {powers[1][0]}, theorem 1 like {powers[0][1]} and {powers[1][1]} (Theil and Sen's slope "
        rf"with Sen's interval): for constant decay the second term, $\propto T^{{3/2}}$, takes over. "
        rf"Right: bound over regret in four games (full: theorem 1, dashed: tighter form; decaying decay). Over both "
        rf"decays and all games regret is at most {worst[0]:.2g} of theorem 1's bound and {worst[1]:.2g} of the "
        rf"tighter one, at every single round (in the logistic game at {data.arrays['rounds'].size} of them)."
    )


def slack_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.0)
    *terms, right = figure.subplots(1, 3)
    for i, axis in enumerate(terms):
        for row, label, (colour, style) in zip(a["values"][i, 0], ROWS, LOOKS, strict=True):
            # The third term is nearly the whole bound: drawn over it, so that both are seen.
            order = 3 if style == DOTS else 2
            shown = np.where(row > 1e-3, row, np.nan)
            axis.loglog(a["rounds"], shown, linestyle=style, color=colour, label=label, zorder=order)
        axis.set(xlabel="rounds $T$", title=rf"adversary, {DECAYS[i]} $\beta_{{1,t}}$", ylim=(0.3, None))
    terms[1].set_ylim(terms[0].get_ylim())
    terms[0].set_ylabel("regret and bounds")
    for j, (game, colour) in enumerate(zip(GAMES, (BLACK, VERMILLION, BLUE, GREEN), strict=True)):
        regret = a["values"][1, j, 0]
        for row, style in ((4, "-"), (5, "--")):
            ratio = a["values"][1, j, row] / np.where(regret > 0, regret, np.nan)
            right.loglog(a["rounds"], ratio, style, color=colour, label=game if style == "-" else None)
    right.axhline(1.0, color=BLACK, linewidth=0.6)
    right.set(xlabel="rounds $T$", title="bound over regret")
    right.legend(loc="center", bbox_to_anchor=(0.5, 0.3))
    handles, labels = terms[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


FIGURES = [
    Figure(
        id="adamomentum/regret-bound-slack",
        paper=PAPER,
        title="Theorem 1's bound, term by term",
        shows="The paper has no such figure.",
        caption=slack_caption,
        claims=(
            "adamomentum/theorem-1-regret",
            "adamomentum/theorem-1-rate-remark",
            "adamomentum/corollary-1-average-regret",
        ),
        cost=Cost(2.0, 8.0, 60.0),
        data=slack_data,
        table=slack_table,
        draw=slack_draw,
        uses=USES,
    ),
]
