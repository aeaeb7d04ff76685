"""A study in panels: every method tuned on some seeds, its suboptimality on others, with bootstrap bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level
from ..style import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.mixing import LinearModel

STYLES: dict[str, tuple[str, Any]] = {
    "SGD": (GREY, "-"),
    "SGDM": (BLACK, "-"),
    "RAM": (BLUE, "-"),
    "SAM": (GREEN, "-"),
    "AdaSAM": (VERMILLION, "-"),
    "AdaSAM with (14)": (ORANGE, "--"),
    "SVRG": (SKY, "--"),
    "AdaSAM-VR": (PURPLE, "--"),
    "Adagrad": (SKY, "-"),
    "RMSprop": (GREEN, "-"),
    "Adagrad-AdaSAM": (BLUE, "--"),
    "RMSprop-AdaSAM": (PURPLE, "--"),
}

END = "at the end of the grid"


@dataclass(frozen=True)
class Panel:
    """One problem with a batch size (0: all samples), a budget in passes over the data, and the methods.

    ``inner`` is the length of SVRG's inner loop in passes.
    """

    title: str
    problem: Callable[[], LinearModel]
    batch: int
    passes: int
    methods: Sequence[str]
    inner: int = 2


def panels_data(panels: Sequence[Panel], level: Level, reference: str) -> FigureData:
    """Curves and finals of every panel and method; differences of the final logs to ``reference``, paired by seed."""
    from analysis.mixing import judged_on_new_seeds, paired_difference
    from analysis.mixing.studies import METHODS, bootstrap_interval, logarithm

    tuning, judging, share = {Level.QUICK: (2, 5, 4), Level.NORMAL: (5, 20, 1), Level.FULL: (20, 100, 1)}[level]
    names = list(dict.fromkeys(name for panel in panels for name in panel.methods))
    shape = (len(panels), len(names))
    curves: dict[tuple[int, int], tuple[np.ndarray, ...]] = {}
    final, difference = np.full((*shape, 3), np.nan), np.full((*shape, 3), np.nan)
    settings: dict[str, Any] = {}
    for i, panel in enumerate(panels):
        problem = panel.problem()
        batch = panel.batch or problem.count
        budget, inner = panel.passes * problem.count // share, max(1, panel.inner * problem.count // batch)
        found = judged_on_new_seeds(problem, panel.methods, batch, budget, tuning, judging, 70 + i, inner)
        for name, judged in found.items():
            j = names.index(name)
            logs = logarithm(judged.curves.suboptimality[:, 0])
            curves[i, j] = (judged.curves.calls / problem.count, logs.mean(axis=-1), *bootstrap_interval(logs))
            final[i, j] = judged.final.mean(), *bootstrap_interval(judged.final)
            difference[i, j] = paired_difference(judged.final, found[reference].final)
            ends = [
                key
                for key, v in judged.setting.items()
                if v in (METHODS[name].grid[key][0], METHODS[name].grid[key][-1])
            ]
            settings[f"{panel.title}: {name}"] = {**judged.setting, END: ends}
    longest = max(len(curve[0]) for curve in curves.values())
    course = np.full((*shape, 4, longest), np.nan)
    for at, curve in curves.items():
        course[*at, :, : len(curve[0])] = curve
    arrays = {
        "panel": np.array([panel.title for panel in panels]), "method": np.array(names), "course": course,
        "final": final, "difference": difference,
    }  # fmt: skip
    inputs = {
        "tuning seeds": tuning, "judging seeds": judging, "settings per grid": 24, "reference": reference,
        "batch": [panel.batch or "all" for panel in panels], "passes": [panel.passes / share for panel in panels],
        "chosen": settings,
    }  # fmt: skip
    return FigureData(arrays, inputs)


def panels_table(data: FigureData) -> Mapping[str, np.ndarray]:
    """One row for every recorded point."""
    a = data.arrays
    rows = [
        (panel, method, *point)
        for i, panel in enumerate(a["panel"].tolist())
        for j, method in enumerate(a["method"].tolist())
        for point in a["course"][i, j].T
        if np.isfinite(point[0])
    ]
    names = ("panel", "method", "passes", "mean_log10_suboptimality", "low", "high")
    return {name: np.array([row[k] for row in rows]) for k, name in enumerate(names)}


def panels_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.1)
    axes = figure.subplots(1, len(a["panel"]), squeeze=False)[0]
    handles: dict[str, Any] = {}
    for i, title in enumerate(a["panel"].tolist()):
        for j, name in enumerate(a["method"].tolist()):
            passes, mean, low, high = a["course"][i, j]
            if not np.isfinite(passes[0]):
                continue
            colour, line = STYLES[name]
            (handles[name],) = axes[i].plot(passes, mean, color=colour, linestyle=line)
            axes[i].fill_between(passes, low, high, color=colour, alpha=0.2, linewidth=0)
        axes[i].set(title=title, xlabel="passes over the data")
    axes[0].set_ylabel(r"mean $\log_{10}(f(x)-f^*)$")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(6, len(handles)))
    return figure


def differences(data: FigureData, rivals: Sequence[str]) -> str:
    """The paired differences in words, panel by panel."""
    a = data.arrays
    names = a["method"].tolist()
    found = []
    for i, title in enumerate(a["panel"].tolist()):
        parts = []
        for name in rivals:
            mean, low, high = a["difference"][i, names.index(name)] if name in names else (np.nan,) * 3
            if np.isfinite(mean):
                parts.append(f"{name} {mean:+.2f} [{low:+.2f}, {high:+.2f}]")
        found.append(f"{title}: {', '.join(parts)}")
    return "; ".join(found)


def method_note(data: FigureData) -> str:
    """How the methods were tuned and judged."""
    inputs = data.inputs
    ends = [f"{name} ({', '.join(v[END])})" for name, v in inputs["chosen"].items() if v[END]]
    return (
        f"Each method has a grid of {inputs['settings per grid']} settings, tuned on {inputs['tuning seeds']} seeds by "
        f"the final value and judged on {inputs['judging seeds']} others; means and 95% bootstrap bands. "
        + (f"Chosen at the end of a grid: {'; '.join(ends)}." if ends else "No choice is at the end of its grid.")
    )
