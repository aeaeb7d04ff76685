"""The figures of the cross-checks: real networks on data that ships with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..registry import Cost, Figure, FigureData, Level
from ..style import PAGE, canvas
from .panels import draw_curves, draw_forest, gather, table, tell
from .stored import stored

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
        del level
        rows = stored(self.experiment)
        seeds = sorted({row["seed"] for row in rows})
        ended = {row["optimizer"] for row in rows if row["status"] != "ok"}
        inputs = {
            "experiment": self.experiment,
            "seeds": len(seeds),
            "epochs": max(row["epoch"] for row in rows),
            "diverged": sorted(ended),
            "again": f"optassay train {self.experiment}",
        }
        return FigureData(gather(rows, self.measures, self.compared, self.against), inputs)

    def caption(self, data: FigureData) -> str:
        """What was run, and what the comparison says."""
        inputs = data.inputs
        broken = f" Runs that diverged: {', '.join(inputs['diverged'])}." if inputs["diverged"] else ""
        return (
            f"Medians and quartiles over {inputs['seeds']} seeds, {inputs['epochs']} epochs; intervals are 95 %, "
            f"p-values of paired t tests corrected by Holm.{broken} {tell(data, self.compared)}\n"
            f"Stored results; `{inputs['again']}` makes them anew."
        )

    def draw(self, data: FigureData) -> Canvas:
        """Curves, and the forest of differences in the last panel."""
        count = len(self.measures) + 1
        columns = 3 if count > 2 else count
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
            table=lambda data: table(data, self.measures),
            draw=self.draw,
            uses=("analysis.networks.results", "analysis.networks.summary", "analysis.statistics", "figures.training"),
        )


FIGURES: list[Figure] = []
