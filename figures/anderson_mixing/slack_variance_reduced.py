"""The right side of Theorem 5 against exact expectations along Algorithm 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, BLUE, PAGE, VERMILLION, canvas
from ._common import PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SHARES = (1.0, 0.5, 0.1)  # of L in the curvature of the mean; the rest is spread between the terms
COLOURS = (BLACK, BLUE, VERMILLION)
LOOPS = (1, 4, 16, 64)
L, MU, C, BATCH = 1.0, 0.9, 1.0, 1


def data(level: Level) -> FigureData:
    """``T`` quadratics of curvature ``mean +- M`` with ``mean + M = L``, n = 1, no mixing: both sides of (24)."""
    from proofs_check.anderson_mixing.theorem_5_bound import by_matrix, condition, inner_steps, right_side

    count = {Level.QUICK: 8, Level.NORMAL: 25, Level.FULL: 60}[level]
    kappa = (1 + 1 / C) ** 0.5
    grid = np.linspace(0, 1, 200001)[1:-1]
    values = condition(grid, MU, kappa, L, BATCH, np.e)
    mu0, nu = float(grid[np.argmax(values)]), float(np.max(values))
    terms = 2 * np.unique(np.geomspace(1, 5e5, count).round().astype(int))  # as many above the mean as below
    mean, bound = (np.empty((len(SHARES), len(LOOPS), len(terms))) for _ in range(2))
    for i, size in enumerate(terms.tolist()):
        t23 = size ** (2 / 3)
        beta, q = inner_steps(mu0, kappa, L, BATCH, size, t23)
        for j, share in enumerate(SHARES):
            h = L * share
            for k, loops in enumerate(LOOPS):
                mean[j, k, i] = h**2 * by_matrix(h, L - h, beta, q, loops, 1.0)
                bound[j, k, i] = right_side(t23, L, h / 2, q, loops, BATCH, nu)
    arrays = {"share": np.array(SHARES), "N": np.array(LOOPS), "T": terms, "mean": mean, "bound": bound}
    return FigureData(arrays, {"L": L, "mu": MU, "C": C, "n": BATCH, "mu_0": mu0, "nu": nu, "x_0": 1.0, "alpha": 0.0})


def table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table({"share": a["share"], "N": a["N"], "T": a["T"]}, mean=a["mean"], bound=a["bound"])


def draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.0)
    left, right = figure.subplots(1, 2)
    for j, share in enumerate(a["share"]):
        label = "mean curvature $L$" if share == 1 else f"mean curvature ${share:g}L$"
        left.loglog(a["T"], a["mean"][j, 0], color=COLOURS[j], label=label)
        left.loglog(a["T"], a["bound"][j, 0], color=COLOURS[j], linestyle="--")
        for k, style in enumerate(("-", "--", "-.", ":")):
            right.loglog(a["T"], a["bound"][j, k] / a["mean"][j, k], color=COLOURS[j], linestyle=style)
    left.plot([], [], color=BLACK, linestyle="--", label="right side of (24)")
    for loops, style in zip(a["N"], ("-", "--", "-.", ":"), strict=True):
        right.plot([], [], color="grey", linestyle=style, label=f"N = {loops}")
    left.set(xlabel="terms $T$", ylabel=r"$\mathrm{E}\|\nabla f(x)\|^2$, one outer loop")
    right.set(xlabel="terms $T$", ylabel="bound / expectation")
    right.legend()
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def caption(data: FigureData) -> str:
    a, inputs = data.arrays, data.inputs
    ratio = a["bound"] / a["mean"]
    least = np.unravel_index(np.argmin(ratio), ratio.shape)
    where = rf"at $T={a['T'][least[2]]}$, $N={a['N'][least[1]]}$, mean curvature $h={a['share'][least[0]]:g}L$"
    verdict = "The bound holds throughout" if ratio.min() >= 1 else "The bound is exceeded"
    return (
        rf"Algorithm 2 on $f_i(x)=\frac12(h\pm M)x^2$ with $h+M=L=1$, $n=1$, $\mu={inputs['mu']:g}$, $C=1$, $\mu_0="
        rf"{inputs['mu_0']:.4g}$, which gives the largest $\nu={inputs['nu']:.3g}$; $\alpha_k=0$ is among the "
        rf"dampings allowed. Expectations are exact, by powers of the matrix of second moments. {verdict}; the "
        rf"smallest ratio is {ratio.min():.3g}, {where}."
    )


FIGURES = [
    Figure(
        id="anderson-mixing/bound-slack-variance-reduced",
        paper=PAPER,
        title="Slack of Theorem 5",
        shows="Nothing drawn; the bound is stated.",
        caption=caption,
        claims=(
            "anderson-mixing/theorem-5-bound",
            "anderson-mixing/theorem-5-feasibility",
            "anderson-mixing/theorem-5-sfo-complexity",
        ),
        cost=Cost(1.0, 2.0, 5.0),
        data=data,
        table=table,
        draw=draw,
        uses=("proofs_check", "optassay"),
    ),
]
