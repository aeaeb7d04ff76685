"""The figures of the cross-checks: real networks on data that ships with scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Cost, Figure, FigureData, Level
from ..style import PAGE, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True)
class CrossCheck:
    """What is drawn of one experiment.

    Attributes
    ----------
    experiment : str
        Name of its file and of its stored results.
    measures : tuple of str
        Columns to draw over the epochs, at most five.
    compared, against : str
        Column and method of the forest plot.
    """

    experiment: str
    measures: tuple[str, ...]
    compared: str
    against: str

    def data(self, level: Level) -> FigureData:
        """The same stored runs at every level: nothing is trained here."""
        from .panels import gather
        from .stored import stored

        del level
        rows = stored(self.experiment)
        seeds = sorted({row["seed"] for row in rows})
        ended = {row["optimizer"] for row in rows if row["status"] != "ok"}
        inputs = {
            "experiment": self.experiment,
            "seeds": len(seeds),
            "epochs": max(row["epoch"] for row in rows),
            "diverged": sorted(ended),
            "again": f"optassay train {self.experiment.removesuffix('-quick')}"
            + " --quick" * self.experiment.endswith("-quick"),
        }
        return FigureData(gather(rows, self.measures, self.compared, self.against), inputs)

    def caption(self, data: FigureData) -> str:
        """What was run, and what the comparison says."""
        from .panels import tell

        inputs = data.inputs
        broken = f" Runs that diverged: {', '.join(inputs['diverged'])}." if inputs["diverged"] else ""
        return (
            f"Medians and quartiles over {inputs['seeds']} seeds, {inputs['epochs']} epochs; intervals are 95 %, "
            f"p-values of paired t tests corrected by Holm.{broken} {tell(data, self.compared)}\n"
            f"Stored results; `{inputs['again']}` makes them anew."
        )

    def draw(self, data: FigureData) -> Canvas:
        """Curves, and the forest of differences in the last panel."""
        from .panels import draw_curves, draw_forest

        count = len(self.measures) + 1
        columns = 2 if count in (2, 4) else 3
        lines = -(-count // columns)
        figure = canvas(PAGE, 2.3 * lines + 0.3)
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for panel, measure in zip(axes, self.measures, strict=False):
            draw_curves(panel, data, measure)
        draw_forest(axes[count - 1], data, self.compared)
        for empty in axes[count:]:
            empty.remove()
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))
        return figure

    def table(self, data: FigureData) -> Mapping[str, np.ndarray]:
        """The curves as a long table."""
        from .panels import table

        return table(data, self.measures)

    def figure(self, id: str, paper: str, title: str, shows: str, claims: tuple[str, ...]) -> Figure:
        """The registry's entry."""
        return Figure(
            id=id,
            paper=paper,
            title=title,
            shows=shows,
            caption=self.caption,
            claims=claims,
            cost=Cost(quick=0.3, normal=0.3, full=None),
            data=self.data,
            table=self.table,
            draw=self.draw,
            uses=("analysis", "optassay", "figures.training"),
        )


RECOMBINATIONS = CrossCheck(
    "crosscheck-recombinations", ("train_loss", "full_train_loss", "test_accuracy"), "test_accuracy", "M-SGD"
)
HESSIAN = CrossCheck("crosscheck-hessian", ("diagonal_mass", "near_zero", "sharpness"), "test_accuracy", "M-SGD")
BUFFERS = CrossCheck(
    "crosscheck-critical-buffers",
    ("full_train_loss", "sharpness", "distance", "buffer_relative", "buffer_cosine"),
    "sharpness",
    "Adam",
)
ADAMOMENTUM = CrossCheck(
    "crosscheck-adamomentum-softadam", ("train_loss", "full_train_loss", "test_accuracy"), "test_accuracy", "Adam"
)
LARGE_BATCHES = CrossCheck(
    "crosscheck-large-batches", ("train_loss", "full_train_loss", "test_accuracy"), "full_train_loss", "SGDM"
)

FIGURES = [
    RECOMBINATIONS.figure(
        "dissecting-adam/crosscheck-recombinations",
        "Dissecting Adam: The Sign, Magnitude and Variance of Stochastic Gradients",
        "Four recombinations of sign and variance adaptation on digits",
        "Figures 3 and 6: training loss and test accuracy of the four methods on MNIST and CIFAR.",
        ("dissecting-adam/network-experiments",),
    ),
    HESSIAN.figure(
        "dissecting-adam/crosscheck-hessian",
        "Dissecting Adam: The Sign, Magnitude and Variance of Stochastic Gradients",
        "Diagonal mass and spectrum of a small network's Hessian",
        "Nothing drawn; section 2.1 quotes a diagonal mass of 0.1 to 0.6 and spectra with most eigenvalues near zero.",
        ("dissecting-adam/hessian-facts",),
    ),
    BUFFERS.figure(
        "critical-momenta/crosscheck-buffers",
        "Promoting Exploration in Memory-Augmented Adam using Critical Momenta",
        "Sharpness, distance and buffers in a small classifier",
        "Figures 8 to 10: what the buffers hold, and sharpness against buffer and batch size, on CIFAR.",
        ("critical-momenta/figure-9-buffer-sharpness", "critical-momenta/figure-8-cifar100"),
    ),
    ADAMOMENTUM.figure(
        "adamomentum/crosscheck-digits",
        "Adapting Stepsizes by Momentumized Gradients Improves Optimization and Generalization",
        "AdaMomentum and SoftAdam next to Adam and SGD on digits",
        "Tables 2 to 6: test accuracies of larger networks.",
        ("adamomentum/cifar10",),
    ),
    LARGE_BATCHES.figure(
        "anderson-mixing/crosscheck-large-batches",
        "Stochastic Anderson Mixing",
        "Anderson mixing in large batches of digits",
        "Figure 1: training loss on MNIST in batches of 3000 and 6000.",
        ("anderson-mixing/mnist-training",),
    ),
]
