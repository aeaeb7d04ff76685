"""Tables 1 and 5: the printed rows against each other, against what the functions admit, and against runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from analysis.landscapes import GoldsteinPrice
from analysis.toys import Method

from ..checks.orderings import Ordering, Pair, ordering
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Part
from . import plain, sensitivity
from .minima import located
from .toy_runs import AnyArm, Arm, Level, ordered, study

# Loss, sharpness.
TABLE_1: dict[str, dict[str, tuple[str, str]]] = {
    "GP": {
        "Adam": ("0.86", "1.49"),
        "Adam+SAM": ("3.14", "1.43"),
        "Adam+CG": ("0.85", "1.51"),
        "Adam+CM": ("0.81", "1.36"),
    },
    "Levy": {
        "Adam": ("13.87", "65.65"),
        "Adam+SAM": ("13.87", "65.62"),
        "Adam+CG": ("13.61", "64.45"),
        "Adam+CM": ("12.50", "62.53"),
    },
}
TABLE_5: dict[str, tuple[str, str]] = {
    "Adam+CG (5, 0.7)": ("14.40", "64.72"),
    "Adam+CG (5, 0.99)": ("14.41", "64.67"),
    "Adam+CG (20, 0.99)": ("13.61", "64.45"),
    "Adam+CM (5, 0.7)": ("12.90", "63.74"),
    "Adam+CM (5, 0.99)": ("13.02", "63.83"),
    "Adam+CM (20, 0.99)": ("12.50", "62.53"),
}
COLUMNS = ("loss", "sharpness")


def printed_order(rows: dict[str, tuple[str, str]], pairs: Sequence[Pair], columns: Sequence[str] = COLUMNS) -> ForAll:
    """``first`` is printed with the smaller number than ``second``, in each of the columns."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for first, second in pairs:
            for column in columns:
                k = COLUMNS.index(column)
                yield {"first": first, "second": second, "column": column, "values": [rows[first][k], rows[second][k]]}

    return ForAll(
        points=points,
        sides=lambda p: (Fraction(p["values"][0]), Fraction(p["values"][1])),
        relation="<",
        again=lambda p: (float(p["values"][0]), float(p["values"][1])),
        replay="violated = float(witness['values'][0]) >= float(witness['values'][1])",
        methods=("decimals of the table", "floating point"),
        margins=(0.0, 0.0),
        exhaustive=True,
    )


def _same_rows(pairs: Sequence[Pair]) -> ForAll:
    """A row of table 1 (Levy) equals a row of table 5, number by number."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for first, second in pairs:
            for a, b in zip(TABLE_1["Levy"][first], TABLE_5[second], strict=True):
                yield {"rows": [first, second], "values": [a, b]}

    return ForAll(
        points=points,
        sides=lambda p: (Fraction(p["values"][0]), Fraction(p["values"][1])),
        relation="==",
        again=lambda p: (float(p["values"][0]), float(p["values"][1])),
        replay="violated = float(witness['values'][0]) != float(witness['values'][1])",
        methods=("decimals of the table", "floating point"),
        margins=(0.0, 0.0),
        exhaustive=True,
    )


def _all_pairs(first: str, second: str) -> list[Pair]:
    return [(a, b) for a in TABLE_5 if a.startswith(first) for b in TABLE_5 if b.startswith(second)]


GROWING = [("Adam+CM (20, 0.99)", "Adam+CM (5, 0.99)"), ("Adam+CM (20, 0.99)", "Adam+CM (5, 0.7)")]

# --- Runs ---

NAMES = ("Adam", "Adam+SAM", "Adam+CG", "Adam+CM")
METHODS = {name: Method(name, 0.1, capacity=20, decay=0.99) for name in NAMES}  # type: ignore[arg-type]
SIZES = {
    f"{name} ({c}, {lam})": Method(name, 0.1, capacity=c, decay=lam)
    for name in ("Adam+CG", "Adam+CM")
    for c, lam in ((5, 0.7), (5, 0.99), (20, 0.99))
}


def _runs(
    methods: dict[str, Method],
    pairs: Sequence[Pair],
    function: str,
    low: float,
    high: float,
    columns: Sequence[str] = COLUMNS,
    dim: int = 2,
    drop: int | None = None,
    least: float = 0.0,
    counts: tuple[int, int] = (200, 1000),
) -> Ordering:
    """``first`` ends with the smaller mean than ``second``, in each of the columns."""
    arms = {
        f"{column} of {name}": Arm(replace(method, drop=drop), function, low, high, column, dim)
        for name, method in methods.items()
        for column in columns
    }
    named = tuple((f"{c} of {second}", f"{c} of {first}") for c in columns for first, second in pairs)
    return Ordering(study(arms), named, counts, least)


FINE = (4000, 12000)  # starts for a small difference of sharpness
CM_BELOW = [("Adam+CM", other) for other in NAMES[:3]]


def _gp(columns: Sequence[str], pairs: Sequence[Pair] = CM_BELOW, **options: Any) -> Ordering:
    setup: dict[str, Any] = {"function": "Goldstein-Price", "low": -2.0, "high": 2.0, "counts": (100, 1000)} | options
    return _runs(METHODS, pairs, columns=columns, **setup)


def _deeper(name: str, reading: str, **options: Any) -> Part:
    return Part(
        name,
        ordering,
        printed=_gp(("loss",), **options),
        broken=_gp(("loss",), CM_BELOW[:1], **options),
        sound=_gp(("loss",), [("Adam", "Adam+CM")], **options),
        reading=reading,
    )


def _rows_of_minima(rows: Sequence[tuple[str, str]]) -> ForAll:
    """Each row can be the mean over runs that ended at minima of the source's form: its sharpness reaches the least."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for loss, sharp in rows:
            yield {"row": [loss, sharp]}

    def least(point: Any) -> tuple[Any, Any]:
        found = located(GoldsteinPrice(), (-2, -2), (2, 2))
        lower = [p.sharpness.lower() for p in found.points if p.kind == "minimum"]
        return float(point["row"][1]), min(float(x) for x in lower)

    def again(point: Any) -> tuple[Any, Any]:
        places = np.array([[0.0, -1.0], [-0.6, -0.4], [1.8, 0.2], [1.2, 0.8]])
        return float(point["row"][1]), float(plain.top_eigenvalue(plain.FUNCTIONS["Goldstein-Price"], places).min())

    return ForAll(
        points=points,
        sides=least,
        relation=">=",
        again=again,
        replay=(
            "import numpy as np\nfrom proofs_check.critical_momenta import plain\n"
            "tops = plain.top_eigenvalue(plain.FUNCTIONS['Goldstein-Price'], "
            "np.array([[0., -1.], [-.6, -.4], [1.8, .2], [1.2, .8]]))\n"
            "violated = bool(float(witness['row'][1]) < tops.min() - 1e-3)"
        ),
        methods=("balls around all minima in the square", "differences at the four known minima"),
        margins=(1e-9, 1e-3),
    )


ROWS_GP = TABLE_1["GP"]

GP = Claim(
    id="critical-momenta/table-1-gp",
    location="section 4, table 1",
    statement=(
        r"On Goldstein-Price ($\lambda=0.99$, $C=20$ as the rows for Levy show) Adam+CM ends with lower mean loss and "
        r"lower "
        r"mean sharpness than Adam, Adam+SAM and Adam+CG; Adam+SAM's solutions are sub-optimal with lower sharpness."
    ),
    assumptions=(r"step 0.1, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps; source's form of (12), uniform starts",),
    figures=("critical-momenta/table-1", "critical-momenta/table-1-choices", "critical-momenta/study-size"),
    parts=(
        _deeper("deeper: mean loss, starts in [-2, 2]^2, constant step", "constant step"),
        _deeper("deeper: mean loss, step divided by ten after 250", "step drop", drop=250),
        _deeper("deeper: mean loss, starts in [-1, 1]^2", "inner square", low=-1.0, high=1.0),
        _deeper(
            "deeper: mean loss, variables on the unit square, step drop",
            "unit square",
            function="Goldstein-Price, unit square",
            low=0.0,
            high=1.0,
            drop=250,
        ),
        ordered(
            "flatter: mean sharpness, starts in [-2, 2]^2",
            _gp(("sharpness",)),
            bears=False,
            note="Adam+CM about 20, the others about 115: it ends on the flat, high minimum (1.2, 0.8), or has not "
            "settled.",
        ),
        Part(
            "the printed numbers: Adam+CM lowest in both columns",
            for_all,
            printed=printed_order(ROWS_GP, CM_BELOW),
            broken=printed_order(ROWS_GP, [("Adam+SAM", "Adam")]),
            bears=False,
        ),
        Part(
            "the printed rows are means over runs that ended at minima of the source's form",
            for_all,
            printed=_rows_of_minima(list(ROWS_GP.values())),
            broken=_rows_of_minima([("-0.8", "1.0")]),
            sound=_rows_of_minima([("-1.5", "30.0")]),
            bears=False,
            note="Values and sharpness of the four minima: gp-flat-region-contains-minimum. The smallest sharpness is "
            "6.5 (times 16 on the unit square) and every value negative: no mean over them has sharpness 1.5, or a "
            "positive loss.",
        ),
        *sensitivity.TABLE_1_GP,
    ),
)

NEARLY = [("Adam", "Adam+SAM"), ("Adam+SAM", "Adam")]


def _levy(columns: Sequence[str], pairs: Sequence[Pair] = CM_BELOW, radius: float = 10.0, **options: Any) -> Ordering:
    return _runs(METHODS, pairs, "Levy", -radius, radius, columns, **options)


def _wide(loss: float, sharpness: float) -> Ordering:
    """Adam's mean loss and sharpness from starts in [-18, 18]^2 exceed the two numbers."""
    arms: dict[str, AnyArm] = {column: Arm(METHODS["Adam"], "Levy", -18.0, 18.0, column) for column in COLUMNS}
    arms |= {f"{level:g}": Level(level) for level in (loss, sharpness)}
    return Ordering(study(arms), (("loss", f"{loss:g}"), ("sharpness", f"{sharpness:g}")), (1000, 4000))


LEVY = Claim(
    id="critical-momenta/table-1-levy",
    location="section 4, table 1",
    statement=(
        r"On Levy ($\lambda=0.99$, $C=20$) Adam+CM ends with lower mean loss and lower mean sharpness than Adam, "
        r"Adam+SAM "
        r"and Adam+CG; Adam and Adam+SAM are nearly equal (within 5 %)."
    ),
    assumptions=(r"step 0.1, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps, starts uniform in a cube",),
    figures=(
        "critical-momenta/table-1",
        "critical-momenta/table-1-choices",
        "critical-momenta/table-5",
        "critical-momenta/study-size",
    ),
    main_reading="two variables",
    reading_reason="(13) is written for two variables with its minimum at (1, 1), and section 4 speaks of 2D surfaces.",
    parts=(
        ordered(
            "lower mean loss than all three, starts in [-10, 10]^2",
            _levy(("loss",)),
            reading="two variables",
            note="Printed are 12.5 to 13.9 for the loss and 62 to 66 for the sharpness; runs give 3.5 to 4.6 and 25 to "
            "27.",
        ),
        Part(
            "no square gives both printed numbers of Adam: where its loss is above 12.5 its sharpness is above 85",
            ordering,
            printed=_wide(12.5, 85.0),
            broken=_wide(12.5, 120.0),
            bears=False,
            note="Starts in $[-18,18]^2$; printed are 13.87 and 65.65. Loss and sharpness of the minima grow together "
            "with the square.",
        ),
        ordered(
            "lower mean sharpness than Adam and Adam+SAM, starts in [-10, 10]^2",
            _levy(("sharpness",), CM_BELOW[:2]),
            reading="two variables",
        ),
        Part(
            "lower mean sharpness than Adam+CG, starts in [-10, 10]^2",
            ordering,
            printed=_levy(("sharpness",), CM_BELOW[2:], counts=FINE),
            broken=_levy(("sharpness",), [("Adam", "Adam+CM")]),
            repair=_levy(("sharpness",), [("Adam+CG", "Adam+CM")], counts=FINE),
            repair_note="Adam+CG's is the lower of the two",
            reading="two variables",
            note="The difference is about 0.5 of 25, a fifteenth of its spread over starts: some 5000 starts are "
            "needed to see it, and a study of 20 shows either order.",
        ),
        ordered(
            "step divided by ten after 250: lower mean loss, flatter than Adam and Adam+SAM",
            Ordering(
                _levy(COLUMNS, drop=250).study,
                (*_levy(("loss",)).pairs, *_levy(("sharpness",), CM_BELOW[:2]).pairs),
                (200, 1000),
            ),
            bears=False,
        ),
        ordered(
            "lower mean loss, starts in [-20, 20]^2",
            _levy(("loss",), radius=20.0),
            bears=False,
        ),
        Part(
            "five variables, starts in [-10, 10]^5",
            ordering,
            printed=_levy(COLUMNS, dim=5, counts=(400, 2000)),
            broken=_levy(("loss",), [("Adam", "Adam+CM")], dim=5),
            sound=_levy(("loss",), dim=5),
            reading="five variables",
            note="The losses keep their order; the sharpness of Adam+CM is above Adam+CG's.",
        ),
        Part(
            "Adam and Adam+SAM: mean losses within 0.25 of each other",
            ordering,
            printed=_levy(("loss",), NEARLY, least=-0.25),
            broken=_levy(("loss",), [("Adam", "Adam+CM")], least=-0.25),
            bears=False,
        ),
        Part(
            "C = 20 in table 1: its rows of Adam+CG and Adam+CM are table 5's rows (20, 0.99)",
            for_all,
            printed=_same_rows((("Adam+CG", "Adam+CG (20, 0.99)"), ("Adam+CM", "Adam+CM (20, 0.99)"))),
            broken=_same_rows((("Adam+CG", "Adam+CG (5, 0.99)"),)),
            bears=False,
            note="The caption of table 1 gives only the decay.",
        ),
        *sensitivity.TABLE_1_LEVY,
    ),
)

SMALLER = [("Adam+CM (5, 0.7)", "Adam+CG (20, 0.99)"), ("Adam+CM (5, 0.99)", "Adam+CG (5, 0.99)")]


def _sizes(pairs: Sequence[Pair], columns: Sequence[str] = COLUMNS, **options: Any) -> Ordering:
    return _runs(SIZES, pairs, "Levy", -10.0, 10.0, columns, **options)


BUFFER = Claim(
    id="critical-momenta/table-5-levy-buffer",
    location="A.2.1, table 5",
    statement=(
        "On Levy Adam+CM ends flatter and lower with a larger buffer, and outperforms Adam+CG always, even with a "
        "smaller "
        "buffer; both sentences describe table 5 and are judged against its numbers, then against runs."
    ),
    assumptions=(r"runs: step 0.1, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps, $d=2$, starts uniform in $[-10,10]^2$",),
    figures=("critical-momenta/table-1-choices", "critical-momenta/table-5", "critical-momenta/study-size"),
    main_reading="printed numbers",
    reading_reason="Both sentences are the caption's reading of its own rows; the parts on runs say whether they carry "
    "over.",
    parts=(
        Part(
            "flatter and lower with C = 20 than with C = 5",
            for_all,
            printed=printed_order(TABLE_5, GROWING),
            broken=printed_order(TABLE_5, [(b, a) for a, b in GROWING]),
            reading="printed numbers",
            note="At equal C the slower decay is printed higher and sharper (12.90 to 13.02, 63.74 to 63.83).",
        ),
        Part(
            "each row of Adam+CM below each row of Adam+CG, in both columns",
            for_all,
            printed=printed_order(TABLE_5, _all_pairs("Adam+CM", "Adam+CG")),
            broken=printed_order(TABLE_5, _all_pairs("Adam+CG", "Adam+CM")),
            reading="printed numbers",
        ),
        Part(
            "runs: flatter and lower with C = 20 than with C = 5 at lambda = 0.99",
            ordering,
            printed=_sizes(GROWING[:1]),
            broken=_sizes(GROWING[:1], ("loss",)),
            sound=_sizes([("Adam+CM (5, 0.99)", "Adam+CM (20, 0.99)")], ("loss",)),
            reading="runs",
            note="Reversed: 3.0 and 23.6 with five slots, 3.8 and 25.7 with twenty.",
        ),
        Part(
            "runs: Adam+CM below Adam+CG at equal (5, 0.99), constant step",
            ordering,
            printed=_sizes(SMALLER[1:]),
            broken=_sizes(SMALLER[1:], ("sharpness",)),
            sound=_sizes([("Adam+CG (5, 0.99)", "Adam+CM (5, 0.99)")]),
            reading="runs",
            note="Reversed: Adam+CG with five slots is both the lowest (2.1) and the flattest (5.4).",
        ),
        *sensitivity.TABLE_5,
    ),
)

CLAIMS = [GP, LEVY, BUFFER]
