"""Section 4 and A.3: the nine one-dimensional runs of figures 5, 17 and 18."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np

from analysis.escape import in_flat_basin, near
from analysis.landscapes import TwoWell
from analysis.runs import run
from analysis.toys import Method, with_options

from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Part, Sampled
from . import plain
from .toy_runs import above, ordered, wells_ordering

ALL = (1.0, 2.0, 3.0, 5.0, 10.0, 100.0)
NINE_S, NINE_X = (5.0, 10.0, 100.0), (-2.0, 2.0, 3.0)
NINE_REPLAY = """
from proofs_check.critical_momenta.plain import nine_runs
counts = [nine_runs(m, witness["s"], witness["x0"], witness["near"]) for m in witness["methods"]]
violated = not (counts[0] > counts[1] if witness["strict"] else counts[0] >= counts[1])
"""


@lru_cache(maxsize=64)
def nine(method: Method, near_zero: bool) -> int:
    """How many of the nine runs of figure 5 end in the flat basin (or within 0.1 of 0)."""
    sharpness = np.asarray(NINE_S)
    start = np.broadcast_to(np.asarray(NINE_X)[:, None], (3, 3, 1))
    ends = run(method.rule(), TwoWell(sharpness[:, None]), start, 500).params
    found = near(ends, 0.0, 0.1) if near_zero else in_flat_basin(ends, sharpness[:, None])
    return int(np.sum(found))


def _nine(pairs: Sequence[tuple[Method, Method]], *, near_zero: bool = False, strict: bool = True) -> ForAll:
    """The first method of each pair has the larger count of the nine runs (not the smaller one unless strict)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for first, second in pairs:
            yield {
                "methods": [asdict(first), asdict(second)],
                "s": NINE_S,
                "x0": NINE_X,
                "near": near_zero,
                "strict": strict,
                "counts": [nine(first, near_zero), nine(second, near_zero)],
            }

    return ForAll(
        points=points,
        sides=lambda p: (p["counts"][0], p["counts"][1]),
        relation=">" if strict else ">=",
        again=lambda p: tuple(plain.nine_runs(m, NINE_S, NINE_X, near_zero) for m in p["methods"]),  # type: ignore[arg-type,return-value]
        replay=NINE_REPLAY,
        methods=("counts of the rules' runs", "counts of the plain code's runs"),
        margins=(0.0, 0.0),
    )


def nine_check(statement: ForAll, budget: Budget) -> list[Evidence]:
    """:func:`for_all` with all counts beside it."""
    counts = [
        {"methods": [_label(m) for m in point["methods"]], "counts": list(point["counts"])}
        for point in statement.points(budget)
    ]
    table = Sampled("counts of nine runs", 9 * len(counts), 0, 0.0, f"{len(counts)} pairs", {"counts": counts})
    return [*for_all(statement, budget), table]


def _label(record: Mapping[str, Any]) -> str:
    options = "".join(f", {name} {value}" for name, value in record["options"])
    return f"{record['name']} ({record['capacity']}, {record['decay']:g}){options}"


def _pairs(settings: Sequence[tuple[int, float]], **options: Any) -> list[tuple[Method, Method]]:
    return [
        (Method("Adam+CM", capacity=c, decay=lam, **options), Method("Adam+CG", capacity=c, decay=lam, **options))
        for c, lam in settings
    ]


def _turned(pairs: Sequence[tuple[Method, Method]]) -> list[tuple[Method, Method]]:
    return [(b, a) for a, b in pairs]


SIX = [(c, lam) for lam in (0.7, 0.99) for c in (5, 10, 20)]
DEFAULT = _pairs([(5, 0.7)])


def _closest(statement: str, budget: Budget) -> list[Evidence]:
    """How many of Adam's nine runs end at the minimum closest to ("closest") or farthest from their start."""
    start, counts = np.asarray(NINE_X), []
    target = np.where(np.abs(start) < np.abs(start - 1), 0.0, 1.0)
    target = target if statement == "closest" else 1 - target
    for ends in (
        run(
            Method("Adam").rule(), TwoWell(np.asarray(NINE_S)[:, None]), np.tile(start[:, None], (3, 1, 1)), 500
        ).params,
        np.stack([plain.ends(plain.well_gradient(s), start[:, None], asdict(Method("Adam")), 500) for s in NINE_S]),
    ):
        counts.append(int(np.sum(np.abs(ends[..., 0] - target) < 0.1)))
    majority = all(count > 4 for count in counts)
    return [
        Sampled(
            "nine runs in two codes",
            9,
            0 if majority else 9 - max(counts),
            min(counts) - 4.5,
            "500 steps",
            {"at that minimum, rules": counts[0], "plain code": counts[1]},
        )
    ]


IN_READINGS = [
    (with_options(cm, reading), with_options(cg, reading))
    for cm, cg in DEFAULT
    for reading in ("insert first", "mean over the fill", "momentum as key", "v of the corrected aggregate")
]
THREE = {name: Method(name) for name in ("Adam", "Adam+CG", "Adam+CM")}

FIGURE_5 = Claim(
    id="critical-momenta/figure-5-1d-trajectories",
    location="section 4, figure 5",
    statement=(
        r"On (9), $D=1$, $s\in\{5,10,100\}$, $x_0\in\{-2,2,3\}$ ($C=5$, $\lambda=0.7$): most of Adam's nine runs end "
        r"at the minimum closest to the start; more of Adam+CM's than of Adam+CG's end in the flat basin."
    ),
    assumptions=(r"step 0.05, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps",),
    figures=("critical-momenta/figure-5", "critical-momenta/figure-5-map"),
    parts=(
        Part(
            "Adam ends at the closest minimum in more than four of nine runs",
            _closest,
            printed="closest",
            broken="farthest",
            note="In all nine: from -2 at 0, from 2 and 3 at 1, whatever s.",
        ),
        Part(
            "more of Adam+CM's nine runs than of Adam+CG's end in the flat basin",
            nine_check,
            printed=_nine(DEFAULT),
            broken=_nine(_turned(DEFAULT)),
            note="9 against 7.",
        ),
        Part(
            "the same in four other readings: order, divisor, key, bias correction",
            nine_check,
            printed=_nine(IN_READINGS),
            broken=_nine(_turned(IN_READINGS)),
            bears=False,
        ),
        Part(
            "within 0.1 of 0 after 500 steps with the constant step",
            nine_check,
            printed=_nine(DEFAULT, near_zero=True),
            broken=_nine([(Method("Adam"), DEFAULT[0][1])], near_zero=True),
            sound=_nine([(DEFAULT[0][1], Method("Adam"))], near_zero=True),
            bears=False,
            note="3 against 7: Adam+CM escapes but still oscillates around 0; with a step drop 9 against 7.",
        ),
        Part(
            "within 0.1 of 0, step divided by ten after 250",
            nine_check,
            printed=_nine(_pairs([(5, 0.7)], drop=250), near_zero=True),
            broken=_nine(_turned(_pairs([(5, 0.7)], drop=250)), near_zero=True),
            bears=False,
        ),
        ordered(
            "over all starts in [-5, 5]: Adam+CM above Adam+CG and Adam in the flat basin at s = 2, 3, 5, 10",
            wells_ordering(
                THREE, above("Adam+CM", "Adam+CG", "Adam"), (2.0, 3.0, 5.0, 10.0), family=ALL, dim=1,
                counts=(300, 1000),
            ),
            bears=False,
            note="At s = 100 both buffers leave the sharp well from everywhere.",
        ),
    ),
)  # fmt: skip

FIGURES_17_18 = Claim(
    id="critical-momenta/figures-17-18-sensitivity",
    location="A.3, figures 17 and 18",
    statement=(
        r"Figure 5's nine runs for $C\in\{5,10,20\}$ and $\lambda\in\{0.7,0.99\}$: in each of the six settings more of "
        r"Adam+CM's runs than of Adam+CG's end in the basin of the flat minimum; the counts depend on $C$."
    ),
    assumptions=(r"step 0.05, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps",),
    figures=("critical-momenta/figure-17", "critical-momenta/figure-18"),
    parts=(
        Part(
            "Adam+CM's count above Adam+CG's in all six settings",
            nine_check,
            printed=_nine(_pairs(SIX)),
            broken=_nine(_turned(DEFAULT)),
            repair=_nine(_pairs([(5, 0.7), (10, 0.7), (5, 0.99)])),
            repair_note=r"for $(C,\lambda)\in\{(5,0.7),(10,0.7),(5,0.99)\}$",
            note="CM to CG: C=5, 10, 20 at 0.7: 9:7, 8:7, 8:9; at 0.99: 9:8, 9:8, 8:8.",
        ),
        Part(
            "the same within 0.1 of 0 with the step divided by ten after 250",
            nine_check,
            printed=_nine(_pairs(SIX, drop=250), near_zero=True),
            broken=_nine(_turned(_pairs([(5, 0.7)], drop=250)), near_zero=True),
            repair=_nine(_pairs([(5, 0.7), (10, 0.7), (5, 0.99), (10, 0.99), (20, 0.99)], drop=250), near_zero=True),
            repair_note=r"in all but $(C,\lambda)=(20,0.7)$",
            bears=False,
            note="CM to CG: 9:7, 8:7, 8:9 at 0.7; 9:4, 9:6, 8:6 at 0.99.",
        ),
        Part(
            "Adam+CG reaches more with C = 20 than with C = 5 at 0.7, Adam+CM fewer",
            nine_check,
            printed=_nine(
                [
                    (Method("Adam+CG", capacity=20), Method("Adam+CG", capacity=5)),
                    (Method("Adam+CM", capacity=5), Method("Adam+CM", capacity=20)),
                ]
            ),
            broken=_nine([(Method("Adam+CG", capacity=5), Method("Adam+CG", capacity=20))]),
            bears=False,
        ),
    ),
)

CLAIMS = [FIGURE_5, FIGURES_17_18]
