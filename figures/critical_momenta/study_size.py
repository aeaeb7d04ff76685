"""How often a study of the size of "Critical Momenta" would show the paper's orderings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..registry import FigureData, Level, long_table
from ..style import BLACK, PAGE, canvas
from ._common import DROP, FIVE, FOUR, RUNS, STEPS, TOYS, declare, method_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.toys import Wells

SIZES = (5, 10, 20, 50, 100, 200, 500)
Pairs = tuple[tuple[str, str], ...]  # (larger, smaller)


@dataclass(frozen=True)
class Sentence:
    """An ordering that the paper states.

    Attributes
    ----------
    words : str
    claim : str
        Its id, without the paper's prefix.
    study : str
        Key of the outcomes that it is about.
    pairs : tuple of (larger, smaller)
    runs : int
        Of the paper.
    """

    words: str
    claim: str
    study: str
    pairs: Pairs
    runs: int


def _below(lower: Sequence[str], upper: Sequence[str]) -> Pairs:
    return tuple((b, a) for a in lower for b in upper)


def _above(upper: Sequence[str], lower: Sequence[str]) -> Pairs:
    return tuple((a, b) for a in upper for b in lower)


def _at(names: Sequence[str], sharpness: Sequence[float]) -> list[list[str]]:
    """Names at each s."""
    return [[f"{name} s={s:g}" for name in names] for s in sharpness]


CM, OTHERS, PLAIN = ["Adam+CM"], FOUR[:3], FOUR[:2]
CM_VARIANTS = FIVE[3:]
ROWS = ("(5, 0.7)", "(5, 0.99)", "(20, 0.99)")


def _sentences() -> tuple[Sentence, ...]:
    six = tuple(p for a, b in zip(_at(CM, (10, 100)), _at(OTHERS, (10, 100)), strict=True) for p in _above(a, b))
    seven = (3, 5, 10, 100)
    left = tuple(p for a, b in zip(_at(CM, seven), _at(OTHERS, seven), strict=True) for p in _above(a, b))
    behind = tuple(
        p for a, b in zip(_at(PLAIN, (10, 100)), _at(["Adam+CG"], (10, 100)), strict=True) for p in _above(a, b)
    )
    cm, cg = ([f"{name} {row}" for row in ROWS] for name in ("Adam+CM", "Adam+CG"))
    lowest, claim_7 = _below(CM, OTHERS), "figure-7-left-escape-1d"
    ackley = _below(CM_VARIANTS, OTHERS)
    return (
        Sentence("figure 4: CM variants lowest, starts in $[-2,2]^2$", "figure-4-ackley", "Ackley 2", ackley, 10),
        Sentence("figure 4: CM variants lowest, starts in $[-10,10]^2$", "figure-4-ackley", "Ackley 10", ackley, 10),
        Sentence("figure 6: Adam+CM highest at $s=10$, 100", "figure-6-escape-10d", "wells 10", six, 50),
        Sentence("figure 7: Adam+CM highest at $s=3$, 5, 10, 100", claim_7, "wells 1", left, 50),
        Sentence("figure 7: Adam+CG below Adam, Adam+SAM at $s=10$, 100", claim_7, "wells 1", behind, 50),
        *(
            Sentence(f"table 1, {function}: Adam+CM {word}", claim, f"{function} {column}", lowest, 20)
            for function, claim in (("Goldstein-Price", "table-1-gp"), ("Levy", "table-1-levy"))
            for word, column in (("lowest", "loss"), ("flattest", "sharpness"))
        ),
        Sentence("table 5: Adam+CM below Adam+CG, each row", "table-5-levy-buffer", "Levy rows", _below(cm, cg), 20),
        Sentence("table 5: Adam+CM lowest with $C=20$", "table-5-levy-buffer", "Levy rows", _below(cm[2:], cm[:2]), 20),
    )


SENTENCES = _sentences()


def _wells(dim: int, sharpness: tuple[float, ...], runs: int) -> Wells:
    from analysis.toys import Starts, Wells

    return Wells(sharpness, Starts(-5.0, 5.0, dim, runs))


def _outcomes(runs: int) -> dict[str, dict[str, np.ndarray]]:
    """By study: an array (runs,) of outcomes under every name that its sentences use."""
    from analysis.landscapes import Ackley
    from analysis.toys import BEST, Plane, Starts, plane_outcome, reached_flat

    from .tables import study_of, table_1_methods, table_5_methods

    found: dict[str, dict[str, np.ndarray]] = {}
    for side in (2, 10):
        study = Plane(Ackley(), Starts(-side, side, 2, runs), (STEPS,))
        found[f"Ackley {side}"] = {n: plane_outcome(replace(BEST[n], drop=DROP), study, "loss") for n in FIVE}
    for dim, sharpness, capacity, decay in ((10, (10.0, 100.0), 20, 0.99), (1, (3.0, 5.0, 10.0, 100.0), 10, 0.7)):
        wells = _wells(dim, sharpness, runs)
        found[f"wells {dim}"] = {
            f"{name} s={s:g}": row
            for name in FOUR
            for s, row in zip(
                sharpness, reached_flat(method_of(name, 0.05, capacity, decay), wells, "basin"), strict=True
            )
        }
    for function in ("Goldstein-Price", "Levy"):
        for column in ("loss", "sharpness"):
            found[f"{function} {column}"] = {
                m.name: plane_outcome(m, study_of(function, runs), column) for m in table_1_methods()
            }
    found["Levy rows"] = {
        f"{m.name} ({m.capacity}, {m.decay})": plane_outcome(m, study_of("Levy", runs), "loss")
        for m in table_5_methods()
    }
    return found


def size_data(level: Level) -> FigureData:
    """Share of studies that show each ordering in their means (sentences, sizes), drawn from the runs at hand."""
    from analysis.toys import chance_of_order

    outcomes = _outcomes(RUNS[level])
    trials = {Level.QUICK: 200, Level.NORMAL: 1000, Level.FULL: 4000}[level]
    chance = [[chance_of_order(outcomes[s.study], s.pairs, n, trials) for n in SIZES] for s in SENTENCES]
    return FigureData({"chance": np.array(chance)}, {"runs": RUNS[level], "studies": trials, "seed": 0})


def size_table(data: FigureData) -> Mapping[str, np.ndarray]:
    from analysis.escape import wilson

    chance = data.arrays["chance"]
    found = wilson(np.rint(chance * data.inputs["studies"]).astype(int), data.inputs["studies"])
    axes = {"ordering": [s.words.replace("$", "") for s in SENTENCES], "runs": SIZES}
    return long_table(axes, share=found.value, low=found.low, high=found.high)


def size_caption(data: FigureData) -> str:
    chance = data.arrays["chance"]
    own = [chance[i, SIZES.index(s.runs)] for i, s in enumerate(SENTENCES)]
    often, seldom = (sum(v > 0.9 for v in own), sum(v < 0.1 for v in own))
    return (
        rf"How often the means of a study of $n$ runs show an ordering that the paper states: "
        rf"{data.inputs['studies']} studies drawn from {data.inputs['runs']} runs each (error of a share at most "
        rf"{1.96 * 0.5 / data.inputs['studies'] ** 0.5:.2f}); framed: the paper's own size. Of {len(SENTENCES)} "
        rf"orderings {often} show in more than 90 % of such studies and {seldom} in less than 10 %: there few runs do "
        rf"not explain the printed order. Constant step but for figure 4."
    )


def size_draw(data: FigureData) -> Canvas:
    chance = data.arrays["chance"]
    figure = canvas(PAGE, 3.2)
    ax = figure.subplots()
    ax.imshow(chance, cmap="RdBu", vmin=-0.35, vmax=1.35, aspect="auto", alpha=0.7)
    for (i, j), value in np.ndenumerate(chance):
        ax.text(j, i, f"{100 * value:.0f} %", ha="center", va="center", fontsize=7)
    for i, sentence in enumerate(SENTENCES):
        j = SIZES.index(sentence.runs)
        ax.plot([j - 0.48, j + 0.48, j + 0.48, j - 0.48, j - 0.48], [i - 0.46, i - 0.46, i + 0.46, i + 0.46, i - 0.46],
                color=BLACK, linewidth=1.0)  # fmt: skip
    ax.set_xticks(range(len(SIZES)), [str(n) for n in SIZES])
    ax.set_yticks(range(len(SENTENCES)), [s.words for s in SENTENCES])
    ax.set(xlabel="runs per study")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return figure


FIGURES = [
    declare(
        "study-size",
        "How often a study of the paper's size shows its orderings",
        "Nothing drawn; the paper compares means of 10, 20 or 50 runs.",
        tuple(dict.fromkeys(sentence.claim for sentence in SENTENCES)),
        (7.0, 12.0, 45.0),
        data=size_data,
        table=size_table,
        caption=size_caption,
        draw=size_draw,
        uses=(*TOYS, "figures.critical_momenta.tables"),
    ),
]
