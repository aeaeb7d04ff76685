"""Figure 1: a loss curve with a plateau, a steep slope and a rough basin, and the steps Adam and AdaMomentum take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import PAGE, canvas
from ._common import COLOURS, PAPER, USES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

METHODS = ("Adam", "AdaMomentum")
STEP, BETA1 = 0.05, 0.9
BETA2 = (0.9, 0.999)
FAR, NEAR = 4.5, -0.5  # the walk; starts of the free runs lie in [3, FAR]
BORDERS = (3.0, 1.0)  # A ends where the slope is an eighth of its largest; C begins where the ripple does
BAND = (0.1, 0.5, 0.9)


def _rule(method: str, beta2: float) -> Any:
    from optassay.optimizers import Adam, AdaMomentum

    return {"Adam": Adam, "AdaMomentum": AdaMomentum}[method](STEP, BETA1, beta2)


def _coefficients(before: np.ndarray, after: np.ndarray, m: np.ndarray, t: int) -> np.ndarray:
    """What multiplies the corrected momentum, in units of the step size: ``1 / sqrt(v)``; NaN without momentum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (before - after) * (1.0 - BETA1**t) / m / STEP


def areas_data(level: Level) -> FigureData:
    """Coefficients along one walk with the same gradients for both, and free runs from many starts."""
    from analysis.landscapes import LossCurve
    from analysis.runs import run, uniform_starts

    count = {Level.QUICK: 50, Level.NORMAL: 500, Level.FULL: 5000}[level]
    steps, curve = 400, LossCurve()
    walk = np.linspace(FAR, NEAR, 251)
    starts = uniform_starts(count, (3.0,), (FAR,), 0)
    shape = (len(BETA2), len(METHODS))
    led = np.empty((*shape, walk.size))
    loss, coefficient, place = (np.empty((*shape, len(BAND), steps)) for _ in range(3))
    settled = np.empty(shape)
    for i, beta2 in enumerate(BETA2):
        for k, method in enumerate(METHODS):
            rule = _rule(method, beta2)
            state = rule.init(walk[:1])
            for t, x in enumerate(walk, start=1):
                at = np.array([x])
                after, state = rule.step(at, curve.gradient(at), state)
                led[i, k, t - 1] = _coefficients(at, after, state.m, t)[0]
            seen = run(
                rule,
                curve,
                starts,
                steps,
                observe=lambda o: np.stack(
                    [
                        curve.value(o.after),
                        _coefficients(o.before, o.after, o.state.m, o.t)[:, 0],
                        np.abs(o.after[:, 0]),
                    ]
                ),
            ).observed
            table = np.array(seen)
            for target, column in ((loss, 0), (coefficient, 1), (place, 2)):
                target[i, k] = np.nanquantile(table[:, column], BAND, axis=1)
            settled[i, k] = np.mean(table[-1, 2] < 0.15)
    arrays = {
        "walk": walk,
        "curve": curve.value(walk[:, None]),
        "slope": curve.gradient(walk[:, None])[:, 0],
        "coefficient on the walk": led,
        "loss": loss,
        "coefficient": coefficient,
        "distance": place,
        "settled": settled,
    }
    return FigureData(arrays, {"starts": count, "seed": 0, "steps": steps, "step size": STEP, "beta1": BETA1})


def areas_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    axes = {"beta2": BETA2, "method": METHODS, "quantile": BAND, "step": np.arange(1, a["loss"].shape[-1] + 1)}
    return long_table(axes, **{name: a[name] for name in ("loss", "coefficient", "distance")})


def areas_caption(data: FigureData) -> str:
    a = data.arrays
    x, ratio = a["walk"], a["coefficient on the walk"][:, 1] / a["coefficient on the walk"][:, 0]
    inside = {"A": x > BORDERS[0], "B": (x <= BORDERS[0]) & (x > BORDERS[1]), "C": x <= BORDERS[1]}
    words = [", ".join(f"{name} {np.median(row[mask]):.2f}" for name, mask in inside.items()) for row in ratio]
    share = [", ".join(f"{m} {100 * s:.0f} %" for m, s in zip(METHODS, row, strict=True)) for row in a["settled"]]
    return (
        rf"The paper's curve has no formula; here $1-e^{{-x^2/2}}+0.02(1-\cos20x)e^{{-2x^2}}$, walked from right to "
        rf"left. Top: the curve, and $1/\sqrt{{\hat v_t}}$ when both methods see the same gradients of an even walk. "
        rf"AdaMomentum's over Adam's, median in each area: $\beta_2=0.9$: {words[0]}; $\beta_2=0.999$: {words[1]}. It "
        rf"is larger on entering the slope, as said, and a little larger in area C too, where it is said to stay "
        rf"small. Bottom: free runs with both methods' own $\epsilon$ from {data.inputs['starts']} starts in "
        rf"$[3,4.5]$, $\alpha=0.05$, $\beta_2=0.9$ full, 0.999 dashed, median and 80 % band: loss, and the "
        rf"coefficient. After {data.inputs['steps']} steps within 0.15 of the minimum: {share[0]} at 0.9, {share[1]} "
        rf"at 0.999."
    )


def areas_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 4.4)
    grid = figure.add_gridspec(2, 6)
    top = [figure.add_subplot(grid[0, 2 * k : 2 * k + 2]) for k in range(3)]
    bottom = [figure.add_subplot(grid[1, 3 * k : 3 * k + 3]) for k in range(2)]
    top[0].plot(a["walk"], a["curve"], color="black")
    top[0].set(ylabel="loss", title="the curve", ylim=(-0.05, 1.18))
    for i, axis in enumerate(top[1:]):
        for k, name in enumerate(METHODS):
            axis.semilogy(a["walk"], a["coefficient on the walk"][i, k], color=COLOURS[name], label=name)
        axis.set(title=rf"$1/\sqrt{{\hat v_t}}$, $\beta_2={BETA2[i]:g}$")
    for axis in top:
        axis.set(xlabel="$x$ (walked to the left)", xlim=(FAR, NEAR))
        for border in BORDERS:
            axis.axvline(border, color="0.6", linewidth=0.6, linestyle="--")
        for name, place in zip("ABC", (3.75, 2.0, 0.25), strict=True):
            axis.text(place, 0.97, name, transform=axis.get_xaxis_transform(), ha="center", va="top", fontsize=8)
    top[1].legend(loc="upper right", bbox_to_anchor=(1.0, 0.88))
    for axis, name, label in zip(bottom, ("loss", "coefficient"), ("loss", r"$1/\sqrt{\hat v_t}$"), strict=True):
        for i, style in enumerate(("-", "--")):
            for k, method in enumerate(METHODS):
                low, middle, high = a[name][i, k]
                at = np.arange(1, middle.size + 1)
                axis.semilogy(at, middle, style, color=COLOURS[method], label=rf"{method}, $\beta_2={BETA2[i]:g}$")
                axis.fill_between(at, low, high, color=COLOURS[method], alpha=0.12, linewidth=0)
        axis.set(xlabel="step", ylabel=label, xlim=(0, middle.size))
    bottom[0].legend(loc="lower left")
    return figure


FIGURES = [
    Figure(
        id="adamomentum/figure-1",
        paper=PAPER,
        title="Steps on a plateau, on a steep slope and in a rough basin",
        shows="A one-dimensional loss curve without formula, with areas A (plateau to slope), B (steep slope) and C "
        "(slope to a basin with small peaks), and bars for the step sizes of Adam and AdaMomentum in each.",
        caption=areas_caption,
        claims=(
            "adamomentum/figure-1-loss-curve-areas",
            "adamomentum/areas-a-b",
            "adamomentum/area-c-adam-step",
            "adamomentum/area-c-comparison",
        ),
        cost=Cost(0.6, 1.5, 6.0),
        data=areas_data,
        table=areas_table,
        draw=areas_draw,
        uses=USES,
    ),
]
