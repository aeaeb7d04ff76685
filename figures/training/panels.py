"""Arrays and panels of training figures, from rows of results: curves with bands, and forests of differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.networks.results import Row, curves
from analysis.networks.summary import summarize

from ..registry import FigureData
from ..style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK, GREY)
# Where the buffers are compared, as in all figures of that paper.
BUFFERS = {"Adam": BLACK, "Adam+SAM": ORANGE, "Adam+CG": BLUE, "Adam+CM": VERMILLION, "Adam+SAM+CM": GREEN}
STYLES = ("-", "--", "-.", ":")
NAMES = {
    "train_loss": "training loss",
    "full_train_loss": "training loss, full set",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
    "validation_accuracy": "validation accuracy",
    "test_perplexity": "test perplexity",
    "sharpness": "largest Hessian eigenvalue",
    "m_sharpness": "m-sharpness",
    "diagonal_mass": "diagonal mass c of the Hessian",
    "near_zero": "share of eigenvalues near zero",
    "distance": "distance from the start",
    "path": "length of the path",
    "buffer_variance": "variance in the buffer",
    "buffer_relative": "relative variance in the buffer",
    "buffer_cancellation": "cancellation in the buffer",
    "buffer_cosine": "cosine in the buffer",
}
LOGARITHMIC = {"train_loss", "full_train_loss", "sharpness", "m_sharpness", "buffer_variance"}


def gather(rows: Sequence[Row], measures: Sequence[str], compared: str, against: str) -> dict[str, np.ndarray]:
    """Arrays of one figure.

    Returns
    -------
    dict
        ``labels`` (methods); per measure ``<measure>/epochs`` (E,) and ``<measure>/band`` (methods, E, 3): lower
        quartile, median, upper quartile over the seeds, NaN where no run has a value; of the comparison ``pairs``
        (comparisons, 2) names, ``difference`` (comparisons, 4): mean, ends of the 95 % interval, corrected p.
    """
    labels = list(dict.fromkeys(row["optimizer"] for row in rows))
    arrays: dict[str, np.ndarray] = {"labels": np.asarray(labels)}
    for measure in measures:
        found = curves(rows, measure)
        epochs = np.unique(np.concatenate([found[label][0] for label in labels]))
        band = np.full((len(labels), epochs.size, 3), np.nan)
        for index, label in enumerate(labels):
            own, values = found[label]
            seen = ~np.all(np.isnan(values), axis=0)
            if not seen.any():
                continue
            places = np.searchsorted(epochs, own[seen])
            band[index, places] = np.nanquantile(values[:, seen], (0.25, 0.5, 0.75), axis=0).T
        kept = ~np.all(np.isnan(band), axis=(0, 2))
        arrays[f"{measure}/epochs"], arrays[f"{measure}/band"] = epochs[kept], band[:, kept]
    differences = summarize(rows, compared, against=against).differences
    arrays["pairs"] = np.asarray([[item.first, item.second] for item in differences])
    arrays["difference"] = np.asarray([[item.value, item.low, item.high, item.adjusted] for item in differences])
    return arrays


def table(data: FigureData, measures: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Curves as a long table: method, measure, epoch, quartiles."""
    columns: dict[str, list[Any]] = {name: [] for name in ("method", "measure", "epoch", "low", "median", "high")}
    for measure in measures:
        epochs, band = data.arrays[f"{measure}/epochs"], data.arrays[f"{measure}/band"]
        for label, rows in zip(data.arrays["labels"], band, strict=True):
            for epoch, (low, median, high) in zip(epochs, rows, strict=True):
                if np.isfinite(median):
                    for name, value in zip(columns, (str(label), measure, int(epoch), low, median, high), strict=True):
                        columns[name].append(value)
    return {name: np.asarray(values) for name, values in columns.items()}


def _colour(data: FigureData, label: str) -> str:
    labels = [str(name) for name in data.arrays["labels"]]
    return BUFFERS[label] if set(labels) <= set(BUFFERS) else COLOURS[labels.index(label) % len(COLOURS)]


def draw_curves(axes: Axes, data: FigureData, measure: str) -> None:
    """Medians over the seeds with quartiles."""
    from matplotlib.ticker import MaxNLocator

    epochs, band = data.arrays[f"{measure}/epochs"], data.arrays[f"{measure}/band"]
    for index, (label, rows) in enumerate(zip(data.arrays["labels"], band, strict=True)):
        seen = np.isfinite(rows[:, 1])
        if not seen.any():
            continue
        colour, style = _colour(data, str(label)), STYLES[index % len(STYLES)]
        axes.plot(epochs[seen], rows[seen, 1], style, color=colour, label=str(label))
        axes.fill_between(epochs[seen], rows[seen, 0], rows[seen, 2], color=colour, alpha=0.2, linewidth=0)
    if measure in LOGARITHMIC and np.nanmin(band) > 0:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch", title=NAMES.get(measure, measure))


def draw_forest(axes: Axes, data: FigureData, compared: str) -> None:
    """Differences with 95 % intervals; filled where they stand after correction for their number."""
    from matplotlib.ticker import MaxNLocator

    pairs, values = data.arrays["pairs"], data.arrays["difference"]
    rows = np.arange(len(pairs))[::-1]
    for row, (first, _), (value, low, high, p) in zip(rows, pairs, values, strict=True):
        colour = _colour(data, str(first))
        axes.plot([low, high], [row, row], "-", color=colour)
        axes.plot([value], [row], "o", color=colour, markerfacecolor=colour if p < 0.05 else "white", markersize=4)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_yticks(rows, [str(first) for first, _ in pairs])
    axes.set_ylim(-0.6, len(pairs) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))  # small differences have long labels
    axes.set(title=NAMES.get(compared, compared), xlabel=f"gain over {pairs[0, 1]}, last epoch")


def tell(data: FigureData, compared: str) -> str:
    """The comparison in words, with intervals and corrected p-values."""
    told = []
    for (first, second), (value, low, high, p) in zip(data.arrays["pairs"], data.arrays["difference"], strict=True):
        word = "told apart" if p < 0.05 else "not told apart"
        told.append(f"{first} over {second} {value:.3g} [{low:.3g}, {high:.3g}], p = {p:.2g}, {word}")
    return f"Gain in {NAMES.get(compared, compared)}, positive where the first is better: {'; '.join(told)}."
