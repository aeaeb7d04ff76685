"""Figure 2 of "Dissecting Adam" and its companion on the start: drawings, tables and captions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._direction_study import DIRECTIONS, NOISE, PROBLEMS, QUANTILES, comparison, start_scan
from .registry import Cost, Figure, FigureData, long_table
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PAPER = "Dissecting Adam: The Sign, Magnitude and Variance of Stochastic Gradients"
COLOURS = dict(zip(DIRECTIONS, (BLUE, VERMILLION), strict=True))
STEP_LOOKS = ((ORANGE, "o"), (GREEN, "s"), (BLUE, "^"), (BLACK, "D"))


def _signed(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "−")
    return text[1:] if float(f"{value:.2f}") == 0 else text


def comparison_table(data: FigureData) -> Mapping[str, np.ndarray]:
    values = np.moveaxis(data.arrays["quantiles"], 3, 0)
    coordinates: dict[str, Any] = {
        "problem": PROBLEMS,
        "noise_std": NOISE,
        "direction": DIRECTIONS,
        "step": np.arange(values.shape[-1]),
    }
    names = {f"log10_suboptimality_q{round(100 * q)}": v for q, v in zip(QUANTILES, values, strict=True)}
    return long_table(coordinates, **names)


def comparison_caption(data: FigureData) -> str:
    a, inputs = data.arrays, data.inputs
    gap = a["at_checkpoints"][:, :, 0] - a["at_checkpoints"][:, :, 1]  # problem, noise, checkpoint, seed
    rows = []
    for problem, values in zip(PROBLEMS, gap[:, :, -1], strict=True):
        parts = [
            rf"{_signed(np.median(value))} ({np.mean(value > 0):.0%}) at $\nu={noise:g}$"
            for noise, value in zip(NOISE, values, strict=True)
        ]
        rows.append(f"{problem}: {', '.join(parts)}")
    noise_free = 10 ** a["quantiles"][0, 0, 0, 1]
    below = np.flatnonzero(noise_free < 1e-8)
    arrival = f" (rotated, it passes $10^{{-8}}$ at step {below[0]})" if len(below) else ""
    return (
        rf"Suboptimality $f-f^*$ of SGD and sign descent (SSD) with the exact optimal step at every iterate, $d="
        rf"{inputs['dimension']}$. Lines are medians and bands the 10th to 90th percentile of {inputs['seeds']} seeds, "
        r"each with spectrum, rotation, start and noise of its own; the constant $\frac{\nu^2}{2}\operatorname{tr}Q$ "
        r"of the loss is left out. The paper does not say where it starts: here $\theta_0-x^*\sim\mathcal N(0,I)$, and "
        "the companion figure varies its scale. Noise-free SGD on the well-conditioned problems leaves the axis"
        f"{arrival}. Lead of SSD over SGD at step {inputs['steps']}, the median of "
        r"$\log_{10}(f_{\mathrm{SGD}}-f^*)-\log_{10}(f_{\mathrm{SSD}}-f^*)$, and the share of seeds in which it is "
        "positive:\n" + ";\n".join(rows) + "."
    )


def comparison_draw(data: FigureData) -> Canvas:
    a = data.arrays
    quantiles = 10.0 ** a["quantiles"]
    steps = np.arange(quantiles.shape[-1])
    figure = canvas(PAGE, 6.6)
    axes = figure.subplots(len(PROBLEMS), 1 + len(NOISE), width_ratios=[0.8, 1, 1, 1])
    bins = np.geomspace(1e-3, 1e2, 26)
    for row, problem in enumerate(PROBLEMS):
        eigenvalues = a["eigenvalues"][row // 2]
        ax = axes[row, 0]
        count, _ = np.histogram(eigenvalues, bins)
        ax.stairs(count / len(eigenvalues), bins, fill=True, color=GREY, alpha=0.6)
        ax.set_xscale("log")
        ax.set_xlim(bins[0], bins[-1])
        ax.set_xticks([1e-2, 1e0, 1e2])
        ax.set_ylabel(problem.replace(", ", ",\n"), fontsize=8)
        for column, noise in enumerate(NOISE):
            ax = axes[row, 1 + column]
            for direction, (low, middle, high) in zip(DIRECTIONS, quantiles[row, column], strict=True):
                ax.fill_between(steps, low, high, color=COLOURS[direction], alpha=0.22, linewidth=0)
                line = "-" if direction == "SGD" else (0, (4, 1.2))
                ax.semilogy(steps, middle, color=COLOURS[direction], linestyle=line, label=direction)
            ax.set_xlim(0, steps[-1])
            ax.set_ylim(*_row_limits(quantiles[row]))
            ax.tick_params(labelleft=column == 0)
            ax.minorticks_off()  # ten to a decade are noise at this height
            if column == 0:
                ax.set_ylabel("$f-f^*$")
            if row == 0:
                ax.set_title(f"$\\nu={noise:g}$" + (" (no noise)" if noise == 0 else ""))
            ax.tick_params(labelbottom=row == len(PROBLEMS) - 1)
            if row == len(PROBLEMS) - 1:
                ax.set_xlabel("step")
    axes[0, 0].set_title("eigenvalues per bin")
    axes[-1, 0].set_xlabel("$\\lambda$")
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    figure.align_ylabels(axes[:, 1])
    return figure


def _row_limits(quantiles: np.ndarray) -> tuple[float, float]:
    """Limits shared by a row: all of the row, but not the dozens of decades that noise-free SGD falls."""
    others = np.concatenate([quantiles[0, 1].ravel(), quantiles[1:].ravel()])
    return max(float(others.min()) / 3, 1e-12), float(quantiles[..., 0].max()) * 3


def start_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    scale = np.append(a["scale"], np.inf)  # without noise, s / nu is infinite
    gap = np.concatenate([a["gap"], a["gap_without_noise"][:, :, None]], axis=2)
    low, middle, high = np.quantile(gap, QUANTILES, axis=-1)
    coordinates = {"problem": PROBLEMS, "step": a["checkpoints"], "start_over_noise": scale}
    columns = long_table(coordinates, gap_q10=low, gap_q50=middle, gap_q90=high, share_ssd_ahead=np.mean(gap > 0, -1))
    ratio = columns["start_over_noise"]
    return columns | {"start_at_noise_0.1": 0.1 * ratio, "start_at_noise_4": 4.0 * ratio}


def start_caption(data: FigureData) -> str:
    a, inputs = data.arrays, data.inputs
    median = np.median(a["gap"], axis=-1)
    rows = []
    decades = np.log10(a["scale"])
    without = np.median(a["gap_without_noise"], axis=-1)
    for k, problem in enumerate(PROBLEMS):
        last = median[k, -1]
        low, high = int(np.argmin(last)), int(np.argmax(last))
        rows.append(
            rf"{problem}: from {_signed(last[low])} at $s/\nu=10^{{{decades[low]:g}}}$ to "
            rf"{_signed(last[high])} at $10^{{{decades[high]:g}}}$, without noise {_signed(without[k, -1])}"
        )
    return (
        r"Lead of SSD over SGD, $\log_{10}(f_{\mathrm{SGD}}-f^*)-\log_{10}(f_{\mathrm{SSD}}-f^*)$ (above zero the sign "
        rf"is ahead), after a number of steps, from a start $\theta_0-x^*\sim\mathcal N(0,s^2I)$. Median and 10th to "
        rf"90th percentile of {inputs['seeds']} seeds. Multiplying start and noise by one number multiplies every "
        r"$f-f^*$ by its square, so $s$ matters through $s/\nu$ alone, and not at all when $\nu=0$ (the last marks, "
        "where they are in sight); vertical lines mark figure 2's $s=1$ at its two noise levels. Smallest and largest "
        "median at step "
        f"{a['checkpoints'][-1]}:\n" + ";\n".join(rows) + "."
    )


def start_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 4.4)
    axes = figure.subplots(2, 2, sharex=True)
    end = a["scale"][-1]
    for k, (ax, problem) in enumerate(zip(axes.ravel(), PROBLEMS, strict=True)):
        low, middle, high = np.quantile(a["gap"][k], QUANTILES, axis=-1)
        ax.axhline(0, color=BLACK, linewidth=0.8)
        for j, (step, (colour, marker)) in enumerate(zip(a["checkpoints"], STEP_LOOKS, strict=False)):
            ax.fill_between(a["scale"], low[j], high[j], color=colour, alpha=0.16, linewidth=0)
            ax.semilogx(a["scale"], middle[j], color=colour, marker=marker, markersize=2.6, label=f"step {step}")
        ax.set_ylim(*ax.get_ylim())  # those without noise may be dozens of decades away
        without = np.quantile(a["gap_without_noise"][k], QUANTILES, axis=-1)
        for j, (colour, marker) in enumerate(STEP_LOOKS[: len(a["checkpoints"])]):
            place = end * 10 ** (0.3 + 0.15 * j)
            ax.plot([place] * 2, without[[0, 2], j], color=colour, linewidth=0.9)
            ax.plot(place, without[1, j], color=colour, marker=marker, markersize=2.6)
        ax.axvline(end * 10**0.15, color=GREY, linewidth=0.6)
        for noise in NOISE[1:]:
            ax.axvline(1 / noise, color=GREY, linewidth=0.8, linestyle=":")
            if k == 0:
                at = ax.get_xaxis_transform()
                ax.text(1.15 / noise, 0.03, f"$s=1$,\n$\\nu={noise:g}$", transform=at, va="bottom", color="#444444")
        ax.set_title(problem)
        ax.set_xlim(a["scale"][0], end * 10**0.9)
        decades = np.arange(-3, 4)
        ax.set_xticks([*10.0**decades, end * 10**0.53], [*(f"$10^{{{d}}}$" for d in decades), "$\\nu=0$"])
        ax.minorticks_off()
        if k % 2 == 0:
            ax.set_ylabel("lead of SSD (decades)")
        if k >= 2:
            ax.set_xlabel("scale of the start over noise, $s/\\nu$")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


_CLAIMS = tuple(
    f"dissecting-adam/fig-2-{name}"
    for name in (
        "sgd-vs-ssd",
        "well-conditioned-noise-free",
        "little-noise-evens-out",
        "orientation-little-effect",
        "ill-conditioned-rotated-equal",
        "ill-conditioned-axis-aligned",
    )
)
_USES = ("quadratics", "optassay")

FIGURES = [
    Figure(
        id="dissecting-adam/figure-2",
        paper=PAPER,
        title="Figure 2: sign against gradient on stochastic quadratics",
        shows="SGD and SSD on 100-dimensional quadratics, well- and ill-conditioned, with rotated and axis-aligned "
        "eigenvectors, at three noise levels: SGD far ahead without noise when well-conditioned, the two close with "
        "noise or a rotated ill-conditioned problem, SSD ahead when ill-conditioned and axis-aligned.",
        caption=comparison_caption,
        claims=_CLAIMS,
        cost=Cost(2.0, 40.0, 600.0),
        data=comparison,
        table=comparison_table,
        draw=comparison_draw,
        uses=_USES,
    ),
    Figure(
        id="dissecting-adam/figure-2-start",
        paper=PAPER,
        title="Figure 2, companion: where it starts",
        shows="Nothing: the paper fixes one start and does not say which. How much of figure 2 depends on it?",
        caption=start_caption,
        claims=_CLAIMS,
        cost=Cost(2.0, 100.0, 400.0),
        data=start_scan,
        table=start_table,
        draw=start_draw,
        uses=_USES,
    ),
]
