"""The right sides of Theorems 3 and 4 against what a run under their conditions does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, BLUE, GREEN, PAGE, VERMILLION, canvas
from ._common import PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

POWERS = (0.0, 0.55, 0.75, 0.95)
COLOURS = (BLACK, BLUE, GREEN, VERMILLION)
L, DIM, MU, C, NOISE, BATCH = 1.0, 10, 0.5, 1.0, 0.1, 4


def data(level: Level) -> FigureData:
    """Means over runs of ``1/N sum |grad f(x_k)|^2`` with intervals, and the printed bounds with ``M_f`` of (20)."""
    from analysis.mixing.studies import bootstrap_interval
    from analysis.mixing.theory import conforming_rule, squared_gradients
    from proofs_check.anderson_mixing.one_step import largest_step, paper_noise
    from proofs_check.anderson_mixing.rates import CLAIMS, Rate
    from quadratics import StochasticQuadratic

    steps, runs = {Level.QUICK: (200, 10), Level.NORMAL: (1000, 30), Level.FULL: (10000, 100)}[level]
    # The statement that the ledger judges is the formula that is drawn.
    claim = next(claim for claim in CLAIMS if claim.id == "anderson-mixing/theorem-3-rate")
    bound = next(part.printed for part in claim.parts if isinstance(part.printed, Rate))
    curvatures = np.geomspace(L, L / 100, DIM)
    problem = StochasticQuadratic(np.diag(curvatures), np.zeros(DIM), NOISE)
    variance = NOISE**2 * float(np.sum(curvatures**2))  # of one sample's gradient, at every point
    powers = np.array(POWERS)[:, None]
    top = largest_step(L, MU, C)
    start = np.broadcast_to(np.ones(DIM), (len(POWERS), runs, DIM))
    rule = conforming_rule(lambda k: top * (k + 1.0) ** -powers, C, MU)
    squares = squared_gradients(problem, rule, start, steps, BATCH, 90)
    horizons = np.unique(np.geomspace(1, steps, 25).round().astype(int))
    means = (np.cumsum(squares, axis=0) / np.arange(1, steps + 1)[:, None, None])[horizons - 1]
    low, high = bootstrap_interval(means)
    gap = float(problem.suboptimality(np.ones(DIM)))
    right = np.empty((len(horizons), len(POWERS)))
    for j, r in enumerate(POWERS):
        sums = np.cumsum((top * np.arange(1, steps + 1) ** -r) ** 2)[horizons - 1]
        # Constant steps need no bound of E f(x_k): the sum telescopes (Theorem 4).
        rise = paper_noise(L, MU, C) * variance / BATCH * sums if r > 0 else 0.0
        n = horizons.astype(float)
        first = bound.first(L, MU, C) * (gap + rise) * n ** (r - 1)
        right[:, j] = first + bound.noise(L, MU) * variance / BATCH / (1 - r) * bound.tail(n, r)
    arrays = {
        "r": np.array(POWERS), "N": horizons, "mean": means.mean(axis=-1), "low": low, "high": high, "bound": right,
    }  # fmt: skip
    constants = {"L": L, "mu": MU, "C": C, "beta_0": top, "sigma^2": variance, "n": BATCH, "d": DIM}
    return FigureData(arrays, {**constants, "runs": runs, "seed": 90, "memory": 5})


def table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table({"N": a["N"], "r": a["r"]}, mean=a["mean"], low=a["low"], high=a["high"], bound=a["bound"])


def draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.0)
    left, right = figure.subplots(1, 2)
    for j, r in enumerate(a["r"]):
        label = "constant step (Theorem 4)" if r == 0 else rf"$r={r:g}$ (Theorem 3)"
        left.loglog(a["N"], a["bound"][:, j], color=COLOURS[j], linestyle="--")
        left.loglog(a["N"], a["mean"][:, j], color=COLOURS[j], label=label)
        left.fill_between(a["N"], a["low"][:, j], a["high"][:, j], color=COLOURS[j], alpha=0.3, linewidth=0)
        right.loglog(a["N"], a["bound"][:, j] / a["mean"][:, j], color=COLOURS[j])
        ratio = (a["bound"] / a["high"], a["bound"] / a["low"])
        right.fill_between(a["N"], ratio[0][:, j], ratio[1][:, j], color=COLOURS[j], alpha=0.3, linewidth=0)
    left.plot([], [], color=BLACK, linestyle="--", label="bounds")
    left.set(xlabel="horizon $N$", ylabel=r"$\frac{1}{N}\sum_{k<N}\mathrm{E}\|\nabla f(x_k)\|^2$")
    right.set(xlabel="horizon $N$", ylabel="bound / mean")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def caption(data: FigureData) -> str:
    a, inputs = data.arrays, data.inputs
    slack = a["bound"] / a["high"]
    last = ", ".join(f"{s:.3g}" for s in (a["bound"] / a["mean"])[-1])
    return (
        rf"Algorithm 1 with $\beta_0=\frac{{\mu}}{{4L(1+C^{{-1}})}}={inputs['beta_0']:.3g}$, "
        rf"$\delta_k=C\beta_k^{{-2}}$, the largest damping of (18b) and the check (14), on a quadratic of size "
        rf"{inputs['d']} with $L=1$, $\mu=0.5$, "
        rf"$C=1$, $\sigma^2={inputs['sigma^2']:.3g}$, $n={inputs['n']}$; means over {inputs['runs']} runs with 95% "
        rf"bootstrap bands. The bounds hold at every horizon, the upper ends of the bands included; the smallest ratio "
        rf"is {slack.min():.3g}, those at $N={a['N'][-1]}$ are {last}."
        if (slack >= 1).all()
        else rf"A bound is exceeded: the smallest ratio to the upper end of a band is {slack.min():.3g}."
    )


FIGURES = [
    Figure(
        id="anderson-mixing/bound-slack",
        paper=PAPER,
        title="Slack of Theorems 3 and 4",
        shows="Nothing drawn; the bounds are stated.",
        caption=caption,
        claims=(
            "anderson-mixing/theorem-3-rate",
            "anderson-mixing/theorem-4-random-output",
            "anderson-mixing/random-output-improves-complexity",
            "anderson-mixing/parameter-conditions-satisfiable",
        ),
        cost=Cost(4.0, 10.0, 150.0),
        data=data,
        table=table,
        draw=draw,
        uses=("analysis", "proofs_check", "quadratics", "optassay"),
    ),
]
