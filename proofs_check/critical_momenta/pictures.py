"""Figures 1 and 12: from how many starts on Goldstein-Price runs show what is pictured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analysis.toys import Method, Name, Starts

from ..claim import Budget, Evidence, Sampled
from . import plain, plain_outcomes
from .plain_buffers import measures_along
from .toy_runs import AnyArm, Arm, BufferArm, values

LOWEST = (0.0, -1.0)
WITHIN = 0.15


def reaches(method: Method) -> Arm:
    """Whether runs from [-2, 2]^2, the step divided by ten after 250, end at the global minimum."""
    return Arm(replace(method, drop=250), "Goldstein-Price", -2.0, 2.0, "reached", target=LOWEST, within=WITHIN)


PAIR: dict[str, Name] = {"CG": "Adam+CG", "CM": "Adam+CM"}
REACHES: dict[str, AnyArm] = {name: reaches(Method(name, 0.1)) for name in PAIR.values()}
DRAWN = ("variance", "turning", "alignment")


@dataclass(frozen=True)
class Drawn:
    """More than the share ``least`` of starts show all of figure 12.

    In steps 3 to 8 the buffer of Adam+CG varies, turns and aligns more, and of the two only Adam+CM ends at the global
    minimum. ``arms``: measure and window to arms by name.
    """

    arms: Callable[[str, tuple[int, int]], Mapping[str, BufferArm]]
    least: float


def drawn(statement: Drawn, budget: Budget) -> list[Evidence]:
    """The share over starts; one of them is run again by the plain code."""
    count = budget.pick(1000, 4000)
    ends = {short: values(REACHES[name], count, 0) for short, name in PAIR.items()}
    shown = (ends["CM"] == 1) & (ends["CG"] == 0)
    for measure in DRAWN:
        arms = statement.arms(measure, (3, 8))
        larger, smaller = (values(arms[f"{k} on Goldstein-Price, C=5, 0.7"], count, 0) for k in PAIR)
        shown &= larger > smaller
    share, again = float(shown.mean()), False
    data: dict[str, Any] = {"share of starts": share}
    if shown.any():
        start = Starts(-2.0, 2.0, 2, count).points()[[int(np.argmax(shown))]]
        function, means, reached = plain.FUNCTIONS["Goldstein-Price"], {}, {}
        for short, name in PAIR.items():
            method = asdict(Method(name, 0.1))
            course = measures_along(function, start, method, 8, DRAWN)
            means[short] = [float(np.nanmean(course[measure][2:8])) for measure in DRAWN]
            end = plain.ends(plain.gradient_of(function), start, method | {"drop": 250}, 500)
            reached[short] = bool(np.linalg.norm(end[0] - np.array(LOWEST)) <= WITHIN)
        again = reached["CM"] and not reached["CG"] and all(a > b for a, b in zip(*means.values(), strict=True))
        data |= {"start": start[0].tolist(), "there by the plain code": means, "at the global minimum": reached}
    wrong = int(share <= statement.least or not again)
    slack = share - statement.least
    return [Sampled("search over starts, one run again", count, wrong, slack, f"{count} starts", data)]


@dataclass(frozen=True)
class Alone:
    """The share of starts from which only the last of the methods reaches the global minimum is between two levels."""

    methods: Mapping[str, Method]
    low: float
    high: float


def alone_at(statement: Alone, budget: Budget) -> list[Evidence]:
    """Shares by the rules, and by the plain code from starts of its own."""
    count = budget.pick(250, 2000)
    arms = [reaches(method) for method in statement.methods.values()]
    shares = {}
    for code, ends in (
        ("rules", [values(arm, count, 0) for arm in arms]),
        ("plain code", [plain_outcomes.outcomes(arm.record(), count, 1) for arm in arms]),
    ):
        shares[code] = float(np.mean((ends[-1] == 1) & (np.sum(ends[:-1], axis=0) == 0)))
    slack = min(min(share - statement.low, statement.high - share) for share in shares.values())
    wrong = sum(not statement.low < share < statement.high for share in shares.values())
    return [Sampled("shares of starts", 2, wrong, slack, f"{count} starts in each code", {"shares": shares})]
