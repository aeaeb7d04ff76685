"""Orderings of the toy experiments: which runs stand behind a name, by the rules and by the plain code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from analysis.landscapes import Ackley, AckleyRosenbrock, GoldsteinPrice, Landscape, Levy, TwoWell
from analysis.toy_buffers import Window, window_means
from analysis.toys import Method, Plane, Starts, Wells, plane_outcome, ratios, reached_flat, small_studies

from ..checks.orderings import Ordering, Pair, Study, ordering
from ..claim import Part
from . import plain_outcomes

LANDSCAPES: dict[str, Landscape] = {
    "Ackley": Ackley(),
    "Ackley+Rosenbrock": AckleyRosenbrock(),
    "Goldstein-Price": GoldsteinPrice(),
    "Goldstein-Price, unit square": GoldsteinPrice(unit=True),
    "Goldstein-Price, printed": GoldsteinPrice(form="printed"),
    "Levy": Levy(),
}
# Steps over which measures of buffers are averaged, and the measures: all of one group come from the same runs.
PICTURED: tuple[Window, ...] = ((2, 10), (3, 8))
WHOLE: tuple[Window, ...] = ((10, 50), (50, 200))
FILLED: tuple[Window, ...] = ((21, 200),)  # buffers of up to 20 are full
MEASURED: dict[tuple[Window, ...], tuple[str, ...]] = {
    PICTURED: ("variance", "step", "turning", "alignment", "left over"),
    WHOLE: ("ratio", "variance", "relative variance", "agreement", "replaced", "step", "smaller", "influence"),
    FILLED: ("replaced",),
}
PAPER_RUNS = (10, 20, 50)  # starts behind the paper's figures and tables
REPLAY = """
from proofs_check.critical_momenta.plain_outcomes import reversed_again
violated = reversed_again(witness)
"""


@dataclass(frozen=True)
class Arm:
    """Runs of one method on one function, and what is looked at in the end.

    Attributes
    ----------
    function : str
        "wells", or a key of ``LANDSCAPES``.
    sharpness : float, optional
        s of (9); ``family`` lists all s that run in one batch.
    outcome : str
        See :func:`analysis.toys.reached_flat` and :func:`analysis.toys.plane_outcome`.
    """

    method: Method
    function: str
    low: float
    high: float
    outcome: str
    dim: int = 2
    steps: int = 500
    sharpness: float | None = None
    family: tuple[float, ...] = ()
    target: tuple[float, ...] = (0.0, 0.0)
    within: float = 0.5

    def record(self) -> dict[str, Any]:
        """JSON record for the plain code."""
        return asdict(self)


@dataclass(frozen=True)
class BufferArm:
    """A measure of the buffer (:data:`analysis.toy_buffers.MEASURES`), averaged over the steps of a window.

    Attributes
    ----------
    function : str
        As for :class:`Arm`; with ``sharpness`` for "wells".
    window : (first, last)
        Of one of the groups of ``MEASURED``.
    along, near
        See :func:`analysis.toy_buffers.buffer_course`.
    """

    method: Method
    function: str
    low: float
    high: float
    measure: str
    window: Window
    dim: int = 2
    sharpness: float | None = None
    along: Method | None = None
    near: bool = False

    def record(self) -> dict[str, Any]:
        """JSON record for the plain code."""
        return asdict(self)


@dataclass(frozen=True)
class Level:
    """A number that an outcome is compared with."""

    constant: float

    def record(self) -> dict[str, Any]:
        """JSON record for the plain code."""
        return asdict(self)


AnyArm = Arm | BufferArm | Level


@cache
def wells(sharpness: float) -> TwoWell:
    """One and the same object for one sharpness, so that runs are found again."""
    return TwoWell(sharpness)


@lru_cache(maxsize=1024)
def values(arm: AnyArm, count: int, seed: int) -> np.ndarray:
    """Outcomes (count,) by the rules of ``optassay``."""
    if isinstance(arm, Level):
        return np.full(count, arm.constant)
    starts = Starts(arm.low, arm.high, arm.dim, count, seed)
    if isinstance(arm, BufferArm):
        windows = next(group for group in MEASURED if arm.window in group)
        landscape = LANDSCAPES[arm.function] if arm.sharpness is None else wells(arm.sharpness)
        plane = Plane(landscape, starts, (max(last for _, last in windows),))
        found = window_means(arm.method, plane, MEASURED[windows], windows, arm.along, arm.near)
        return found[arm.measure][windows.index(arm.window)]
    if arm.sharpness is not None:
        reached = reached_flat(arm.method, Wells(arm.family, starts, arm.steps), arm.outcome, arm.within)  # type: ignore[arg-type]
        return reached[arm.family.index(arm.sharpness)]
    plane = Plane(LANDSCAPES[arm.function], starts, (arm.steps,))
    return plane_outcome(arm.method, plane, arm.outcome, arm.target, arm.within)


def study(arms: Mapping[str, AnyArm]) -> Study:
    """The study whose names stand for these arms."""

    def chance(outcomes: Mapping[str, np.ndarray], pairs: tuple[Pair, ...]) -> dict[str, Any]:
        shown = {runs: small_studies(outcomes, pairs, runs) for runs in PAPER_RUNS}
        said: dict[str, Any] = {
            f"share of studies of {runs} starts that show every pair": float(found.all(axis=1).mean())
            for runs, found in shown.items()
        }
        if len(pairs) > 1:
            said[f"share of studies of {', '.join(map(str, PAPER_RUNS))} starts that show a pair"] = {
                f"{a} above {b}": [round(float(found[:, k].mean()), 3) for found in shown.values()]
                for k, (a, b) in enumerate(pairs)
            }
        if all(set(np.unique(v[np.isfinite(v)])) <= {0.0, 1.0} for v in outcomes.values()):
            said["ratio, Wilson 95 % interval, runs"] = ratios(outcomes)
        return said

    return Study(
        sample=lambda names, count, seed: {name: values(arms[name], count, seed) for name in names},
        again=lambda a, b, count, seed: plain_outcomes.difference(arms[a].record(), arms[b].record(), count, seed),
        record=lambda name: arms[name].record(),
        replay=REPLAY,
        chance=chance,
    )


def wells_ordering(
    methods: Mapping[str, Method],
    order: tuple[Pair, ...],
    at: tuple[float, ...],
    *,
    dim: int,
    family: tuple[float, ...] | None = None,
    outcome: str = "basin",
    steps: int = 500,
    low: float = -5.0,
    high: float = 5.0,
    counts: tuple[int, int] = (200, 1000),
    least: float = 0.0,
    options: tuple[tuple[str, Any], ...] = (),
    drop: int | None = None,
    quick_at: tuple[float, ...] | None = None,
) -> Ordering:
    """``first`` reaches the flat minimum of (9) more often than ``second``, for every pair and every s of ``at``.

    All s of ``family`` run in one batch, without it each s alone. ``quick_at``: the s of a quick run.
    """
    arms = {
        f"{name}, s={s:g}": Arm(
            replace(method, options=method.options + options, drop=drop),
            "wells",
            low,
            high,
            outcome,
            dim,
            steps,
            s,
            family or (s,),
            within=0.1,
        )
        for name, method in methods.items()
        for s in family or at
    }
    pairs = {s: tuple((f"{a}, s={s:g}", f"{b}, s={s:g}") for a, b in order) for s in at}
    quick = None if quick_at is None else tuple(pair for s in quick_at for pair in pairs[s])
    return Ordering(study(arms), tuple(p for s in at for p in pairs[s]), counts, least, quick=quick)


def plane_ordering(
    methods: Mapping[str, Method],
    order: tuple[Pair, ...],
    function: str,
    *,
    low: float,
    high: float,
    outcome: str,
    dim: int = 2,
    steps: int = 500,
    counts: tuple[int, int] = (200, 1000),
    least: float = 0.0,
    drop: int | None = None,
    target: tuple[float, ...] = (0.0, 0.0),
    within: float = 0.5,
) -> Ordering:
    """The mean outcome of ``first`` is above that of ``second`` for every pair."""
    arms = {
        name: Arm(
            replace(method, drop=drop),
            function,
            low,
            high,
            outcome,
            dim,
            steps,
            target=target,
            within=within,
        )
        for name, method in methods.items()
    }
    return Ordering(study(arms), order, counts, least)


def above(name: str, *others: str) -> tuple[Pair, ...]:
    """``name`` above each of the others."""
    return tuple((name, other) for other in others)


def ordered(
    name: str,
    printed: Ordering,
    *,
    broken: Ordering | None = None,
    sound: Ordering | None = None,
    **options: Any,
) -> Part:
    """A part judged by :func:`ordering`; its control is the printed order reversed, or for a false one ``sound``'s."""
    control = broken if broken is not None else (sound if sound is not None else printed).reverse()
    return Part(name, ordering, printed=printed, broken=control, sound=sound, **options)
