"""Section 2 of "Dissecting Adam" as figures: when the sign improves more than the gradient, which sentence holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ._improvement_study import BASES, QUANTILES, improvement_ratio
from ._sentence_map import ROWS, sentence_map
from .dissecting_adam_figure_2 import PAPER
from .registry import Cost, Figure, FigureData, long_table
from .style import BLACK, BLUE, GREEN, ORANGE, PAGE, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ERRORS = ("$\\delta_i\\sim z_i$", "$\\delta_i\\sim z_i\\,/\\sqrt{\\lambda_i}$", "$\\delta_i\\sim z_i\\,/\\lambda_i$")


# I(s) / I(g) over noise, conditioning, orientation and error


def ratio_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    low, middle, high = np.quantile(a["ratio"], QUANTILES, axis=-1)
    limit = np.broadcast_to(np.median(a["limit"], axis=-1)[..., None], middle.shape)
    coordinates = {
        "basis": BASES,
        "error_power": -a["power"],
        "condition_number": a["condition"],
        "noise_std": a["noise"],
    }
    return long_table(coordinates, ratio_q10=low, ratio_q50=middle, ratio_q90=high, limit_q50=limit)


def ratio_caption(data: FigureData) -> str:
    a = data.arrays
    limit = np.median(a["limit"], axis=-1)
    rows = [
        rf"{basis}, {error}: "
        + ", ".join(rf"{v:.3g} at $\kappa={c:g}$" for c, v in zip(a["condition"], limit[b, p], strict=True))
        for b, basis in enumerate(BASES)
        for p, error in enumerate(ERRORS)
    ]
    above = [float(np.mean(a["limit"][b] > 1)) for b in range(2)]
    largest = float(np.max(a["limit"][1]))
    return (
        r"Exact ratio $\mathcal I(s)/\mathcal I(g)$ of the expected one-step improvements of the sign and of the "
        rf"gradient, $d={data.inputs['dimension']}$, eigenvalues geometric from $1/\kappa$ to 1, errors with standard "
        r"normal $z_i$ in the eigenbasis, brought to root mean square one. Medians and 10th to 90th percentile of "
        rf"{data.inputs['seeds']} seeds. Dashed: the exact limit $\nu\to\infty$, axis-aligned "
        r"$\frac2\pi(\sum\lambda_i\delta_i^2)^2\sum\lambda_i^3/((\sum\lambda_i^2\delta_i^2)^2\sum\lambda_i)$. It is "
        r"$2/\pi$ for $\kappa=1$ and, axis-aligned, has no upper bound: conditioning and noise favour the sign once "
        "the error sits at the small eigenvalues, not for errors of equal size. Rotated, "
        rf"the limit exceeds one in {above[1]:.0%} of the cases drawn (largest {largest:.3f}), against {above[0]:.0%} "
        "axis-aligned. Median limits:\n" + ";\n".join(rows) + "."
    )


def ratio_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 4.1)
    axes = figure.subplots(2, 3, sharex=True)
    far = a["noise"] >= 1
    for b, basis in enumerate(BASES):
        for p, error in enumerate(ERRORS):
            ax = axes[b, p]
            ax.axhline(1, color=BLACK, linewidth=0.8)
            low, middle, high = np.quantile(a["ratio"][b, p], QUANTILES, axis=-1)
            for c, colour in enumerate((BLUE, GREEN, ORANGE, VERMILLION)):
                ax.fill_between(a["noise"], low[c], high[c], color=colour, alpha=0.2, linewidth=0)
                ax.loglog(a["noise"], middle[c], color=colour, label=f"$\\kappa={a['condition'][c]:g}$")
                limit = np.full(int(np.sum(far)), np.median(a["limit"][b, p, c]))
                ax.loglog(a["noise"][far], limit, "--", color=BLACK, linewidth=0.8)
            if b == 0:
                ax.set_title(error)
            else:
                ax.set_xlabel("noise $\\nu$ over rms of $\\delta$")
        axes[b, 0].set_ylabel(f"{basis}\n$\\mathcal{{I}}(s)\\,/\\,\\mathcal{{I}}(g)$")
    for ax in (axes[0, 0], *axes[1]):
        ax.set_ylim(0.45, 1.6)
        ax.set_yticks([0.5, 0.7, 1, 1.4], ["0.5", "0.7", "1", "1.4"])
    for ax in axes.ravel():
        ax.set_xlim(a["noise"][0], a["noise"][-1])
        ax.minorticks_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles.append(axes[0, 0].plot([], [], "--", color=BLACK, linewidth=0.8)[0])
    figure.legend(handles, [*labels, "limit $\\nu\\to\\infty$"], loc="outside lower center", ncols=5)
    return figure


# Which sentence holds where


def sentence_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    columns = long_table(
        {"row": np.arange(len(ROWS)), "step": a["step"], "start_over_noise": a["start"]},
        share=a["share"],
        low=a["low"],
        high=a["high"],
        asked=a["asked"],
        median_gap=np.median(a["gap"], axis=-1),
    )
    names = np.array([" ".join(row.label.split()) for row in ROWS])
    return {"sentence": names[columns.pop("row")], **columns}


def sentence_caption(data: FigureData) -> str:
    a = data.arrays
    decided = (a["low"] > 0.5) | (a["high"] < 0.5)
    rows = []
    for row, low, high, asked in zip(ROWS, a["low"], a["high"], a["asked"], strict=True):
        yes, no = low > 0.5, high < 0.5
        rows.append(
            f"{' '.join(row.label.split())}: holds in {int(np.sum(yes))} of {yes.size} cells, fails in "
            f"{int(np.sum(no))}; framed, {int(np.sum(yes & asked))} and {int(np.sum(no & asked))} of "
            f"{int(np.sum(asked))}"
        )
    return (
        "Sentences of section 2.2 in numbers, asked of every start and horizon. Colour: share of "
        rf"{data.inputs['seeds']} seeds that bear the sentence out, for $\theta_0-x^*\sim\mathcal N(0,s^2I)$, $d=100$; "
        r"$s$ and $\nu$ act through $s/\nu$ alone, the last column is without noise. A sentence holds in a cell where "
        "the 95 % Wilson interval of the share lies above one half and fails where it lies below; dots mark the "
        rf"{int(np.sum(~decided))} cells of {decided.size} where it does neither. Frames: the domain on which the "
        "ledger first judges the sentence. The text names neither start nor number of steps, and most of its "
        "sentences depend on them:\n" + ";\n".join(rows) + "."
    )


def sentence_draw(data: FigureData) -> Canvas:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    a = data.arrays
    shares = LinearSegmentedColormap.from_list("share", [VERMILLION, "#F7F7F7", BLUE])
    figure = canvas(PAGE, 4.3)
    axes = figure.subplots(2, 4, sharex=True, sharey=True)
    decades = np.log10(a["start"][:-1])
    ticks = [*(f"{d:g}".replace("-", "−") for d in decades), "∞"]
    for k, (ax, row) in enumerate(zip(axes.ravel(), ROWS, strict=True)):
        image = ax.imshow(a["share"][k], cmap=shares, vmin=0, vmax=1, aspect="auto", interpolation="none")
        open_cells = np.argwhere((a["low"][k] <= 0.5) & (a["high"][k] >= 0.5))
        ax.plot(open_cells[:, 1], open_cells[:, 0], ".", color=BLACK, markersize=3)
        asked = np.argwhere(a["asked"][k])
        if len(asked):
            (top, left), (bottom, right) = asked.min(axis=0) - 0.44, asked.max(axis=0) + 0.44
            ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, linewidth=1.3))
        ax.set_title(row.label)
        ax.set_xticks(range(len(ticks)), ticks)
        ax.set_yticks(range(len(a["step"])), [str(t) for t in a["step"]])
        ax.grid(visible=False)
        ax.axvline(len(decades) - 0.5, color=BLACK, linewidth=0.8)
        if k >= 4:
            ax.set_xlabel("$\\log_{10}(s/\\nu)$")
        if k % 4 == 0:
            ax.set_ylabel("steps")
    bar = figure.colorbar(image, ax=axes, aspect=40, pad=0.01)
    bar.set_label("share of seeds")
    return figure


_SENTENCES = tuple(
    f"dissecting-adam/fig-2-{name}"
    for name in (
        "well-conditioned-noise-free",
        "little-noise-evens-out",
        "orientation-little-effect",
        "ill-conditioned-rotated-equal",
        "ill-conditioned-axis-aligned",
    )
)

FIGURES = [
    Figure(
        id="dissecting-adam/improvement-ratio",
        paper=PAPER,
        title="One step of the sign against one of the gradient",
        shows=r"Nothing drawn; section 2.1 expects the sign to be better on noisy, ill-conditioned problems with "
        "diagonally dominant $Q$.",
        caption=ratio_caption,
        claims=(
            "dissecting-adam/noise-offset-hurts-sgd",
            "dissecting-adam/improvement-sgd",
            "dissecting-adam/noise-enters-ssd-only-through-rho",
            "dissecting-adam/axis-aligned-is-best-case",
        ),
        cost=Cost(0.5, 3.0, 8.0),
        data=improvement_ratio,
        table=ratio_table,
        draw=ratio_draw,
        uses=("quadratics", "optassay"),
    ),
    Figure(
        id="dissecting-adam/sentences",
        paper=PAPER,
        title="Which sentence on figure 2 holds where",
        shows="Nothing drawn; section 2.2 draws five sentences from figure 2, without a start or a number of steps.",
        caption=sentence_caption,
        claims=_SENTENCES,
        cost=Cost(1.6, 45.0, 70.0),
        data=sentence_map,
        table=sentence_table,
        draw=sentence_draw,
        uses=("proofs_check", "quadratics", "optassay"),
    ),
]
