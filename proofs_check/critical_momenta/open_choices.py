"""What the paper leaves open about its toy runs, choice by choice: the same ordering under each of them.

Letters are those of the list of open choices: (a) number of steps and drop, (b) starts, (c) order of aggregation and
insertion, (d) divisor of the mean, (e) key and what decays, (f) bias correction in v, (g) criterion, (h) form of the
function, (i) epsilon and key under SAM, (j) settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.toys import CRITICAL, with_options

from ..checks.orderings import Ordering, Pair
from .toy_runs import AnyArm, Level, study

Change = Callable[[AnyArm], AnyArm]


def runs(**changes: Any) -> Change:
    """Other starts, steps, criterion or function; a level stays what it is under every change."""
    return lambda arm: arm if isinstance(arm, Level) else replace(arm, **changes)


def method(**changes: Any) -> Change:
    """Other hyperparameters."""
    return lambda arm: arm if isinstance(arm, Level) else replace(arm, method=replace(arm.method, **changes))


def reading(name: str) -> Change:
    """Another reading of the rules; one that concerns the buffer leaves rules without it alone."""

    def change(arm: AnyArm) -> AnyArm:
        if isinstance(arm, Level) or (arm.method.name not in CRITICAL and name != "no bias correction"):
            return arm
        return replace(arm, method=with_options(arm.method, name))

    return change


def scaled(factor: float) -> Change:
    """Starts in a cube about the same middle, ``factor`` times as wide."""

    def change(arm: AnyArm) -> AnyArm:
        if isinstance(arm, Level):
            return arm
        middle, half = (arm.low + arm.high) / 2, (arm.high - arm.low) / 2
        return replace(arm, low=middle - factor * half, high=middle + factor * half)

    return change


BUFFER_USE: dict[str, Change] = {
    "(c) insertion first": reading("insert first"),
    "(d) mean over the fill": reading("mean over the fill"),
    "(e) key of the momentum": reading("momentum as key"),
    "(e) stored vectors decay": reading("values decayed"),
}
EPSILON: dict[str, Change] = {"(i) epsilon 1e-4": method(epsilon=1e-4)}
RULES: dict[str, Change] = {
    **BUFFER_USE,
    "(f) v of the corrected aggregate": reading("v of the corrected aggregate"),
    "(f) no bias correction": reading("no bias correction"),
    "(c, d) published code": reading("published code"),
    **EPSILON,
}
STARTS: dict[str, Change] = {
    "as printed": lambda arm: arm,
    "(b) half the cube": scaled(0.5),
    "(b) twice the cube": scaled(2.0),
}
RUNS: dict[str, Change] = {
    **STARTS,
    "(a) 250 steps": runs(steps=250),
    "(a) 1000 steps": runs(steps=1000),
    "(a) step / 10 after 250": method(drop=250),
}
CRITERIA: dict[str, Change] = {
    "(g) within 0.1": runs(outcome="near"),
    "(g) within 0.01": runs(outcome="near", within=0.01),
    "(g) some coordinate": runs(outcome="any"),
    "(g) share of coordinates": runs(outcome="share"),
    "(g) at any time": runs(outcome="ever"),
    "(g) starts outside the flat basin": runs(outcome="escaped"),
}
BUFFERS: dict[str, Change] = {
    f"({size}, {decay:g})": method(capacity=size, decay=decay) for size in (5, 10, 20) for decay in (0.7, 0.99)
}


def under(
    choices: Mapping[str, Change],
    arms: Mapping[str, AnyArm],
    order: Sequence[Pair],
    counts: tuple[int, int],
    quick: Sequence[str] | None = None,
) -> Ordering:
    """Every pair of ``order`` under every choice; in a quick run only under the choices named in ``quick``."""
    named = {f"{choice}: {name}": change(arm) for choice, change in choices.items() for name, arm in arms.items()}
    pairs = {choice: tuple((f"{choice}: {a}", f"{choice}: {b}") for a, b in order) for choice in choices}
    every = tuple(pair for found in pairs.values() for pair in found)
    few = every if quick is None else tuple(pair for choice in quick for pair in pairs[choice])
    return Ordering(study(named), every, counts, quick=few)
