"""Arithmetic of one step, counted, against the memory and the number of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import Cost, Figure, FigureData, Level, long_table
from ..style import BLACK, BLUE, PAGE, PURPLE, VERMILLION, canvas
from ._common import PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

STYLES: dict[str, tuple[str, Any]] = {
    "SGD": (BLACK, ":"),
    "AdaSAM": (BLUE, "-"),
    "AdaSAM with (14)": (VERMILLION, "-"),
    "AdaSAM, new QR": (PURPLE, "--"),
}
MEMORY = 10


def data(level: Level) -> FigureData:
    """Operations of a step with a full memory, on arrays of length d and on the small matrices."""
    from analysis.counting import Counter
    from optassay.optimizers import AdaSAM, GradientDescent

    memories = {Level.QUICK: (1, 5, 10), Level.NORMAL: (1, 2, 5, 10, 20), Level.FULL: (1, 2, 5, 10, 20, 40)}[level]
    sizes = (10 ** np.arange(2, {Level.QUICK: 3.6, Level.NORMAL: 4.6, Level.FULL: 6.1}[level], 0.5)).astype(int)

    def counts(name: str, m: int, d: int) -> tuple[int, int]:
        rule: Any = {
            "SGD": GradientDescent(0.1),
            "AdaSAM": AdaSAM(memory=m, positivity=None),
            "AdaSAM with (14)": AdaSAM(memory=m),
            "AdaSAM, new QR": AdaSAM(memory=m, positivity=None, solver="factors"),
        }[name]
        counter, rng = Counter(d), np.random.default_rng(0)
        x = counter.array(rng.standard_normal(d))
        state = rule.init(x)
        for k in range(m + 3):
            if k == m + 2:
                counter.long = counter.short = 0
            x, state = rule.step(x, counter.array(rng.standard_normal(d)), state)
        return counter.long, counter.short

    large = 2 * (2 * memories[-1]) ** 2  # so that no small matrix counts as long
    over_m = np.array([[counts(name, m, large) for m in memories] for name in STYLES], dtype=float)
    over_d = np.array([[counts(name, MEMORY, int(d)) for d in sizes] for name in STYLES], dtype=float)
    arrays = {
        "method": np.array(list(STYLES)), "m": np.array(memories), "d": sizes, "per_parameter": over_m[..., 0] / large,
        "small": over_m[..., 1], "total": over_d.sum(axis=-1),
    }  # fmt: skip
    return FigureData(arrays, {"m of the right": MEMORY, "d of the left": large})


def table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    left = long_table({"method": a["method"], "x": a["m"].astype(float)}, value=a["per_parameter"])
    small = long_table({"method": a["method"], "x": a["m"].astype(float)}, value=a["small"])
    right = long_table({"method": a["method"], "x": a["d"].astype(float)}, value=a["total"])
    kinds = ("operations per parameter, x = m", "operations on small matrices, x = m", "all operations, x = d")
    kind = np.concatenate([np.full(len(t["x"]), k) for t, k in zip((left, small, right), kinds, strict=True)])
    return {"kind": kind} | {name: np.concatenate([t[name] for t in (left, small, right)]) for name in left}


def draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.9)
    left, right = figure.subplots(1, 2)
    for j, name in enumerate(a["method"].tolist()):
        colour, line = STYLES[name]
        left.loglog(a["m"], a["per_parameter"][j], color=colour, linestyle=line, marker=".", label=name)
        right.loglog(a["d"], a["total"][j] / a["total"][0], color=colour, linestyle=line, marker=".")
    left.set(xlabel="memory $m$", ylabel="operations per parameter and step")
    right.set(xlabel="parameters $d$", ylabel="operations over those of SGD")
    right.set_title(f"$m={data.inputs['m of the right']}$, small matrices included")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def caption(data: FigureData) -> str:
    a = data.arrays
    names = a["method"].tolist()

    def line(name: str) -> str:
        """The count as a line in m, if it is one."""
        values = a["per_parameter"][names.index(name)]
        slope = (values[1] - values[0]) / (a["m"][1] - a["m"][0])
        exact = np.allclose(values, values[0] + slope * (a["m"] - a["m"][0]), rtol=1e-9, atol=1e-2)
        return f"${slope:.3g}m{values[0] - slope * a['m'][0]:+.3g}$" if exact else "not linear in $m$"

    small = a["small"][names.index("AdaSAM with (14)")] / np.maximum(a["small"][names.index("AdaSAM")], 1)
    cubes = a["small"][names.index("AdaSAM with (14)")][-1] / float(a["m"][-1]) ** 3
    qr = a["per_parameter"][names.index("AdaSAM, new QR")][-1]
    return (
        rf"Additions and multiplications of one step with a full memory, counted as the code carries them out "
        rf"(checks of the gradient included). On vectors of length $d$, per parameter: AdaSAM with incremental Gram "
        rf"matrices {line('AdaSAM')}, with the check (14) {line('AdaSAM with (14)')}; a new QR each time "
        rf"{line('AdaSAM, new QR')}, {qr:.0f} at $m={a['m'][-1]}$; SGD {a['per_parameter'][0, 0]:.0f}. The small "
        rf"matrices of (14) cost about {cubes:.0f} $m^3$ more operations, {small[-1]:.0f} times those of the "
        rf"projection, which is negligible only for $d$ far above $m^2$."
    )


FIGURES = [
    Figure(
        id="anderson-mixing/cost",
        paper=PAPER,
        title="The arithmetic of a step",
        shows="Nothing drawn; remark 2 gives orders.",
        caption=caption,
        claims=(
            "anderson-mixing/remark-2-storage-and-cost",
            "anderson-mixing/small-eigenproblem-cost",
            "anderson-mixing/algorithm-incremental-gram",
        ),
        cost=Cost(2.0, 10.0, 60.0),
        data=data,
        table=table,
        draw=draw,
        uses=("analysis", "optassay"),
    ),
]
