"""Section 4.2: inequality (20) term by term, and corollary 2's bound, along the same runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level
from ..style import BLACK, BLUE, GREEN, ORANGE, PAGE, PURPLE, VERMILLION, canvas
from ._common import PAPER, USES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

BETA1, BETA2, ALPHA = 0.9, 0.999, 1e-2
SIGMA, START = 0.5, np.pi / 2  # size of the noise; where 1 - cos x has slope 1
MOST = 1.0 + SIGMA  # H
LEAST = (1.0 - BETA2) * ((1.0 - BETA1) * (1.0 - SIGMA)) ** 2  # c: least v_1, and so least of every running maximum
SIDES = ("left", "C1 term", "C2 term", "C3 term", "C4", "right")
LOOKS = ((BLACK, "-"), (ORANGE, "-."), (GREEN, "-."), (PURPLE, "-."), (VERMILLION, "-."), (BLUE, "-"))


def nonconvex_data(level: Level) -> FigureData:
    """Sums of (20) on 1 - cos x with noise of two values, a running maximum and falling steps."""
    from analysis.landscapes import Wave
    from analysis.nonconvex import SignNoise, corollary_rate, descend, theorem_constants
    from optassay.optimizers import AdaMomentum, InverseSqrt

    steps = {Level.QUICK: 500, Level.NORMAL: 20_000, Level.FULL: 200_000}[level]
    runs = {Level.QUICK: 100, Level.NORMAL: 400, Level.FULL: 1000}[level]
    record = sorted({int(t) for t in np.geomspace(1, steps, 60)})
    rule = AdaMomentum(InverseSqrt(ALPHA), BETA1, BETA2, 0.0, debias=False, amsgrad=True, nonfinite="propagate")
    found = descend(rule, Wave(), np.full((runs, 1), START), SignNoise(SIGMA), record, 0)
    largest = ALPHA / LEAST**0.5  # of w_1; the other noise makes it (1 - SIGMA)/(1 + SIGMA) of this
    first = largest * (1.0 + (1.0 - SIGMA) / (1.0 + SIGMA)) / 2.0
    constants = theorem_constants(1.0, BETA1 / (1.0 - BETA1), MOST, largest * MOST, first, 1.0)
    c1, c2, c3, c4 = constants
    terms = (c1 * found.steps, c2 * found.falls, c3 * found.squares, np.full(len(record), c4))
    far = np.geomspace(1.0, 1e24, 2401)
    informs = far[np.argmax(corollary_rate(far, constants, ALPHA, MOST, LEAST) < MOST**2)]
    arrays = {
        "rounds": found.rounds,
        "sides": np.stack([found.left, *terms, found.bound(constants)]),
        "smallest": np.stack([found.smallest, found.error]),
        "corollary": corollary_rate(found.rounds, constants, ALPHA, MOST, LEAST),
        "informs": np.array([informs]),
    }
    inputs = {"steps": steps, "runs": runs, "seed": 0, "alpha": ALPHA, "sigma": SIGMA, "constants": list(constants)}
    return FigureData(arrays, inputs)


def nonconvex_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    mean, error = a["smallest"]
    columns = {"round": a["rounds"], **dict(zip(SIDES, a["sides"], strict=True))}
    return columns | {"least mean squared gradient": mean, "standard error": error, "corollary 2": a["corollary"]}


def nonconvex_caption(data: FigureData) -> str:
    a = data.arrays
    exponent = np.log10(a["informs"][0])
    return (
        rf"AdaMomentum with a running maximum on $1-\cos x$, gradient noise $\pm\frac12$ ($L=1$, $H=\frac32$, "
        rf"$G=\alpha H/\sqrt c$), $\alpha_t=0.01/\sqrt t$, $(\beta_1,\beta_2)=(0.9,0.999)$; means of "
        rf"{data.inputs['runs']} runs from $\pi/2$. Left: both sides of (20) and the terms of the right one, with the "
        rf"constants repaired: after {data.inputs['steps']} steps the right side is {a['sides'][-1, -1]:.2g}, the "
        rf"left {a['sides'][0, -1]:.2g}; the $C_3$ term is nearly all of it, and comes from the first steps, where "
        rf"$1/\sqrt{{v_t}}$ falls most. Right: $\min_tE|\nabla f|^2$ with 95 % intervals, corollary 2's bound and the "
        rf"trivial bound $H^2$, below which the corollary's falls at about $T=10^{{{exponent:.1f}}}$."
    )


def nonconvex_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.7)
    left, right = figure.subplots(1, 2)
    names = ("left side of (20)", "$C_1$ term", "$C_2$ term", "$C_3$ term", "$C_4$", "right side of (20)")
    for row, name, (colour, style) in zip(a["sides"], names, LOOKS, strict=True):
        order = 3 if style == "-." else 2
        left.loglog(a["rounds"], np.where(row > 0, row, np.nan), style, color=colour, label=name, zorder=order)
    left.set(xlabel="steps $T$", ylabel="sums up to $T$", ylim=(None, 3e9))
    left.legend(loc="upper left", ncols=3, columnspacing=1.0)
    mean, error = a["smallest"]
    right.loglog(a["rounds"], mean, color=BLACK, label=r"$\min_t E|\nabla f|^2$")
    low = np.maximum(mean - 1.96 * error, 1e-9)
    right.fill_between(a["rounds"], low, mean + 1.96 * error, color=BLACK, alpha=0.2, linewidth=0)
    right.loglog(a["rounds"], a["corollary"], color=BLUE, label="corollary 2")
    right.axhline(MOST**2, color=VERMILLION, linestyle="--", label="$H^2$")
    right.set(xlabel="steps $T$")
    right.legend(loc="center left")
    return figure


FIGURES = [
    Figure(
        id="adamomentum/nonconvex-bound-slack",
        paper=PAPER,
        title="Inequality (20) and corollary 2, term by term",
        shows="The paper has no such figure.",
        caption=nonconvex_caption,
        claims=(
            "adamomentum/theorem-2-rate",
            "adamomentum/theorem-5-inequality-20",
            "adamomentum/theorem-5-constants",
            "adamomentum/corollary-2-rate",
        ),
        cost=Cost(0.5, 5.0, 60.0),
        data=nonconvex_data,
        table=nonconvex_table,
        draw=nonconvex_draw,
        uses=USES,
    ),
]
