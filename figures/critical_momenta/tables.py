"""Tables 1 and 5 of "Critical Momenta": loss and sharpness at the end of runs on Goldstein-Price and Levy.

The data files hold every start and every outcome, so that each mean can be compared run by run, and per row the share
of runs that rounding does not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import GREY, PAGE, canvas
from ._common import DROP, FOUR, RUNS, STEPS, TOYS, columns_of, declare, mean_rows, method_of, wilson_rows
from .surfaces import MINIMA

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.toys import Method, Name, Plane

FUNCTIONS = ("Goldstein-Price", "Levy")
SIDES = {"Goldstein-Price": 2.0, "Levy": 10.0}
COLUMNS = ("loss", "sharpness")
DROPS = (None, DROP)
SEEDS = 20  # of the paper
MINUS = "\N{MINUS SIGN}"
CLOSE = 0.12  # of a minimum, in both coordinates


def study_of(function: str, runs: int) -> Plane:
    """Starts uniform in a square, 500 steps."""
    from analysis.landscapes import GoldsteinPrice, Levy
    from analysis.toys import Plane, Starts

    landscape = GoldsteinPrice() if function == "Goldstein-Price" else Levy()
    return Plane(landscape, Starts(-SIDES[function], SIDES[function], 2, runs), (STEPS,))


def _outcomes(methods: Sequence[Method], study: Plane) -> np.ndarray:
    """Loss and sharpness of every run: (drops, methods, columns, starts)."""
    from analysis.toys import plane_outcome

    return np.array(
        [
            [[plane_outcome(replace(method, drop=drop), study, column) for column in COLUMNS] for method in methods]
            for drop in DROPS
        ]
    )


def _repeatable(methods: Sequence[Method], study: Plane, outcomes: np.ndarray) -> np.ndarray:
    """Share of runs (drops, methods) whose loss stays within 1e-9 when the start moves by a few units of rounding.

    Runs that swing amplify rounding: two correct codes then agree in the means, not run by run.
    """
    from analysis.runs import run

    starts = study.starts.points() * (1 + 4 * np.finfo(float).eps)
    moved = [
        [
            study.landscape.value(run(replace(m, drop=drop).rule(), study.landscape, starts, STEPS).params)
            for m in methods
        ]
        for drop in DROPS
    ]
    return np.mean(np.abs(np.array(moved) - outcomes[:, :, COLUMNS.index("loss")]) <= 1e-9, axis=-1)


def _chance(outcomes: np.ndarray, order: Sequence[tuple[int, int]]) -> np.ndarray:
    """How often the means of twenty of these runs (methods, columns, starts) show ``first > second``, per column."""
    from analysis.toys import chance_of_order

    pairs = [(str(a), str(b)) for a, b in order]
    return np.array(
        [
            chance_of_order({str(k): row for k, row in enumerate(outcomes[:, c])}, pairs, SEEDS)
            for c in range(len(COLUMNS))
        ]
    )


def _draw_rows(ax: Any, header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    """A table as text, first column left, others right-aligned; ``widths`` are relative."""
    edges = np.cumsum([0, *widths]) / sum(widths)
    lines = len(rows) + 1
    ax.set(xlim=(0, 1), ylim=(lines, 0))
    ax.axis("off")
    for i, row in enumerate((header, *rows)):
        for j, text in enumerate(row):
            x = edges[0] if j == 0 else edges[j + 1] - 0.005
            align = "left" if j == 0 else "right"
            weight = "bold" if i == 0 else "normal"
            ax.text(
                x,
                i + 0.5,
                text.replace("-", MINUS) if i and j else text,
                ha=align,
                va="center",
                fontsize=7,
                fontweight=weight,
            )
    for y, width in ((0, 0.9), (1, 0.5), (lines, 0.9)):
        ax.axhline(y, color=GREY, linewidth=width, clip_on=False)


HEADER = ("", "loss, printed", "constant step", "step drop", "sharpness, printed", "constant step", "step drop")


def _cell(row: np.ndarray) -> str:
    """Mean and half of its 95 % interval."""
    return rf"{row[0]:.2f} $\pm$ {row[2] - row[0]:.2f}"


# Table 1


def table_1_methods() -> list[Method]:
    """C = 20 and decay 0.99: the rows of Levy are those of table 5 with these."""
    return [method_of(name, 0.1, 20, 0.99) for name in FOUR]


def one_data(level: Level) -> FigureData:
    """Outcomes of every run, their means, what a study of twenty shows, and the four minima of Goldstein-Price."""
    from analysis.escape import near
    from analysis.sharpness import sharpness
    from analysis.toys import visited

    arrays: dict[str, np.ndarray] = {}
    for function in FUNCTIONS:
        study = study_of(function, RUNS[level])
        outcomes = _outcomes(table_1_methods(), study)
        cm = FOUR.index("Adam+CM")
        lowest = [(k, cm) for k in range(len(FOUR)) if k != cm]
        arrays |= {
            f"{function} starts": study.starts.points(),
            f"{function} outcomes": outcomes,
            f"{function} repeatable": _repeatable(table_1_methods(), study, outcomes),
            f"{function} chance": np.stack([_chance(part, lowest) for part in outcomes]),
        }
    study, places = study_of("Goldstein-Price", RUNS[level]), np.asarray(MINIMA)
    ends = [visited(replace(method, drop=DROP), study)[-1] for method in table_1_methods()]
    arrays |= {
        "minima": places,
        "minima loss": np.asarray(study.landscape.value(places)),
        "minima sharpness": np.asarray(sharpness(study.landscape, places)),
        "minima share": wilson_rows(np.stack([[near(e, place, CLOSE) for place in places] for e in ends])),
    }
    inputs = {"runs": RUNS[level], "steps": STEPS, "step size": 0.1, "seed": 0, "C": 20, "lambda": 0.99}
    return FigureData(arrays, inputs | {"half sides": SIDES, "order of drops": [None, DROP]})


def _printed_one() -> np.ndarray:
    """The paper's numbers (functions, methods, columns)."""
    from proofs_check.critical_momenta.toy_tables import TABLE_1

    return np.array([[TABLE_1[f][name] for name in FOUR] for f in ("GP", "Levy")], dtype=float)


def one_table(data: FigureData) -> Mapping[str, np.ndarray]:
    rows = np.stack([mean_rows(data.arrays[f"{f} outcomes"]) for f in FUNCTIONS])  # functions, drops, methods, columns
    printed = np.broadcast_to(_printed_one()[:, None], rows.shape[:-1])
    columns: dict[str, np.ndarray] = {}
    for c, column in enumerate(COLUMNS):
        columns |= {f"printed_{column}": printed[..., c]} | columns_of(rows[..., c, :], column)
    columns["share_repeatable"] = np.stack([data.arrays[f"{f} repeatable"] for f in FUNCTIONS])
    return long_table({"function": FUNCTIONS, "step drop": ("none", f"at {DROP}"), "method": FOUR}, **columns)


def one_caption(data: FigureData) -> str:
    a = data.arrays
    k = FOUR.index
    gp, levy = (np.nanmean(a[f"{f} outcomes"], axis=-1) for f in FUNCTIONS)
    chance = [100 * a[f"{f} chance"][0] for f in FUNCTIONS]
    least = a["minima sharpness"].min()
    return (
        rf"Means of {data.inputs['runs']} runs with their 95 % interval, beside the printed ones; $C=20$, "
        rf"$\lambda=0.99$, starts uniform in $[-2,2]^2$ and $[-10,10]^2$. Below: the four minima of Goldstein-Price "
        rf"in the source's form, and the share of runs that end at each (step drop). No mean over them has sharpness "
        rf"1.5, the least is {least:.3f}: the printed rows belong to another function or scale. Adam+CM is flatter "
        rf"there ({gp[0, k('Adam+CM'), 1]:.0f} to {gp[0, k('Adam'), 1]:.0f}) but higher ({gp[0, k('Adam+CM'), 0]:.2f} "
        rf"to {gp[0, k('Adam'), 0]:.2f}); on Levy it is lower than all ({levy[0, k('Adam+CM'), 0]:.2f}; Adam+CG "
        rf"{levy[0, k('Adam+CG'), 0]:.2f}), not flatter than Adam+CG. A study of {SEEDS} starts shows Adam+CM lowest "
        rf"in {chance[0][0]:.0f} % (Goldstein-Price) and {chance[1][0]:.0f} % (Levy) of the cases, flattest in "
        rf"{chance[0][1]:.0f} % and {chance[1][1]:.0f} %."
    )


def one_draw(data: FigureData) -> Canvas:
    a = data.arrays
    printed = _printed_one()
    rows, minima = [], []
    for f, function in enumerate(FUNCTIONS):
        means = mean_rows(a[f"{function} outcomes"])
        for k, name in enumerate(FOUR):
            cells = [[f"{printed[f, k, c]:.2f}", _cell(means[0, k, c]), _cell(means[1, k, c])] for c in range(2)]
            rows.append([f"{function}, {name}", *cells[0], *cells[1]])
    for i, (x, y) in enumerate(a["minima"]):
        shares = [f"{row[0]:.3f}" for row in a["minima share"][:, i]]
        minima.append(
            [
                f"minimum at ({x:g}, {y:g})".replace("-", MINUS),
                f"{a['minima loss'][i]:.9f}",
                f"{a['minima sharpness'][i]:.9f}",
                *shares,
            ]
        )
    figure = canvas(PAGE, 3.0)
    top, bottom = figure.subplots(2, 1, height_ratios=(len(rows) + 1, len(minima) + 1))

    _draw_rows(top, HEADER, rows, (1.9, 1.05, 1.2, 1.1, 1.55, 1.3, 1.3))
    _draw_rows(bottom, ["", "loss", "sharpness", *FOUR], minima, (1.8, 1.4, 1.4, 0.9, 0.9, 0.9, 0.9))
    return figure


# Table 5

SETTINGS = ((5, 0.7), (5, 0.99), (20, 0.99))
TWO: tuple[Name, ...] = ("Adam+CG", "Adam+CM")


def table_5_methods() -> list[Method]:
    """Adam+CG, then Adam+CM, each with the three settings."""
    return [method_of(name, 0.1, c, decay) for name in TWO for c, decay in SETTINGS]


def five_data(level: Level) -> FigureData:
    """Outcomes of every run on Levy, and how often twenty starts show what the caption of table 5 says."""
    study = study_of("Levy", RUNS[level])
    outcomes = _outcomes(table_5_methods(), study)
    always = [(cg, 3 + cm) for cg in range(3) for cm in range(3)]  # every row of Adam+CM below every row of Adam+CG
    chances = [[_chance(part, always), _chance(part, [(3, 5), (4, 5)])] for part in outcomes]
    arrays = {
        "starts": study.starts.points(),
        "outcomes": outcomes,
        "repeatable": _repeatable(table_5_methods(), study, outcomes),
        "chance": np.array(chances),
    }
    return FigureData(arrays, {"runs": RUNS[level], "steps": STEPS, "step size": 0.1, "seed": 0, "half side": 10.0})


def _printed_five() -> np.ndarray:
    """The paper's numbers (rows, columns)."""
    from proofs_check.critical_momenta.toy_tables import TABLE_5

    return np.array([TABLE_5[f"{name} ({c}, {decay})"] for name in TWO for c, decay in SETTINGS], dtype=float)


def five_table(data: FigureData) -> Mapping[str, np.ndarray]:
    rows = mean_rows(data.arrays["outcomes"])
    shape = (len(DROPS), len(TWO), len(SETTINGS))
    printed = np.broadcast_to(_printed_five(), rows.shape[:-1])
    columns: dict[str, np.ndarray] = {}
    for c, column in enumerate(COLUMNS):
        values = columns_of(rows[:, :, c], column) | {f"printed_{column}": printed[..., c]}
        columns |= {name: value.reshape(shape) for name, value in values.items()}
    columns["share_repeatable"] = data.arrays["repeatable"].reshape(shape)
    axes = {"step drop": ("none", f"at {DROP}"), "method": TWO, "C lambda": [f"{c} {decay}" for c, decay in SETTINGS]}
    return long_table(axes, **columns)


def five_caption(data: FigureData) -> str:
    means = np.nanmean(data.arrays["outcomes"], axis=-1)[0]  # constant step: rows, columns
    always, growing = 100 * data.arrays["chance"][0, :, 0]
    lowest, flattest = (int(np.argmin(means[:, c])) for c in range(2))
    names = [f"{name} with $C={c}$, $\\lambda={decay}$" for name in TWO for c, decay in SETTINGS]
    return (
        rf"Levy in two variables, {data.inputs['runs']} starts uniform in $[-10,10]^2$; means with their 95 % "
        rf"interval. Both sentences of the table hold of its own numbers, not of runs: with the constant step "
        rf"{names[lowest]} ends lowest ({means[lowest, 0]:.2f}) and {names[flattest]} flattest "
        rf"({means[flattest, 1]:.1f}); Adam+CM with $\lambda=0.99$ ends higher with twenty slots ({means[5, 0]:.2f}) "
        rf"than with five ({means[4, 0]:.2f}). Of studies of {SEEDS} starts {always:.0f} % show every loss of Adam+CM "
        rf"below every loss of Adam+CG, {growing:.0f} % the lowest loss of Adam+CM at $C=20$."
    )


def five_draw(data: FigureData) -> Canvas:
    printed, means = _printed_five(), mean_rows(data.arrays["outcomes"])
    rows = []
    for k, (name, (c, decay)) in enumerate((name, setting) for name in TWO for setting in SETTINGS):
        cells = [[f"{printed[k, j]:.2f}", _cell(means[0, k, j]), _cell(means[1, k, j])] for j in range(2)]
        rows.append([rf"{name}, $C={c}$, $\lambda={decay}$", *cells[0], *cells[1]])
    figure = canvas(PAGE, 1.5)

    _draw_rows(figure.subplots(), HEADER, rows, (1.9, 1.05, 1.2, 1.1, 1.55, 1.3, 1.3))
    return figure


USES = (*TOYS, "figures.critical_momenta.surfaces")
FIGURES = [
    declare(
        "table-1",
        "Loss and sharpness of solutions",
        "Mean loss and sharpness over 20 runs on Goldstein-Price and Levy, Adam+CM lowest in both columns.",
        ("table-1-gp", "table-1-levy", "goldstein-price", "levy"),
        (6.0, 12.0, 40.0),
        data=one_data,
        table=one_table,
        caption=one_caption,
        draw=one_draw,
        uses=USES,
    ),
    declare(
        "table-5",
        "Loss and sharpness by buffer on Levy",
        "Mean loss and sharpness on Levy for three buffers: Adam+CM lower and flatter than Adam+CG, best with C=20.",
        ("table-5-levy-buffer", "table-1-levy"),
        (5.0, 8.0, 30.0),
        data=five_data,
        table=five_table,
        caption=five_caption,
        draw=five_draw,
        uses=USES,
    ),
]
