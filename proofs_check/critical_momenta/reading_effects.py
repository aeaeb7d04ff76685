"""How far open choices of section 3 change outcomes on the toy functions, and the best buffers by an own grid."""

from __future__ import annotations

from analysis.toys import READINGS, Method, Name

from ..checks.orderings import Ordering, ordering
from ..claim import Part
from .toy_runs import plane_ordering, wells_ordering

FAMILY = (2.0, 5.0, 10.0, 100.0)
STARTS = (400, 1000)


def _reading(reading: str, size: int, decay: float, at: tuple[float, ...], dim: int, more: bool) -> Ordering:
    """The reading reaches the flat minimum of (9) more often than the printed form does (less often: not ``more``)."""
    printed = Method("Adam+CM", capacity=size, decay=decay)
    methods = {"printed": printed, reading: Method("Adam+CM", capacity=size, decay=decay, options=READINGS[reading])}
    order = ((reading, "printed"),) if more else (("printed", reading),)
    return wells_ordering(methods, order, at, family=FAMILY, dim=dim, counts=STARTS)


def _effect(name: str, arguments: tuple[str, int, float, tuple[float, ...], int], note: str) -> Part:
    return Part(
        name,
        ordering,
        printed=_reading(*arguments, more=True),
        broken=_reading(*arguments, more=False),
        bears=False,
        note=note,
    )


def mean_effect() -> Part:
    """What the divisor of (6) changes."""
    return _effect(
        "effect on (9), D = 1, (20, .99): divided by the fill more runs reach the flat minimum at s = 2 and 5",
        ("mean over the fill", 20, 0.99, (2.0, 5.0), 1),
        "About .70 against .59 at s = 2, .79 against .73 at s = 5; in ten dimensions see figure-6-escape-10d, (d).",
    )


def key_effect() -> Part:
    """What the key changes."""
    return _effect(
        "effect on (9), D = 1, (5, .7): with the key of the momentum more runs reach the flat minimum at s = 2, 5",
        ("momentum as key", 5, 0.7, (2.0, 5.0), 1),
        "About .86 against .74 at s = 2, 1.00 against .95 at s = 5; in ten dimensions see figure-6-escape-10d, (e).",
    )


NAMES: tuple[tuple[Name, float], ...] = (("Adam+CG", 0.99), ("Adam+CM", 0.999))  # beta2 of table 11
GRID = {
    f"{name} ({size}, {decay:g})": Method(name, 0.1, beta2=beta2, capacity=size, decay=decay)
    for name, beta2 in NAMES
    for size, decay in ((5, 0.7), (5, 0.99), (20, 0.7), (20, 0.99))
}
REGIONS = {"Ackley": 5.0, "Goldstein-Price": 2.0}


def _lower(function: str, lower: str, *higher: str) -> Ordering:
    """Mean final loss of ``lower`` below that of each of ``higher``."""
    methods = {name: GRID[name] for name in (lower, *higher)}
    reach = REGIONS[function]
    return plane_ordering(
        methods,
        tuple((name, lower) for name in higher),
        function,
        low=-reach,
        high=reach,
        outcome="loss",
        counts=(200, 1000),
        drop=250,
    )


def own_grid_parts() -> tuple[Part, ...]:
    """Mean loss after 500 steps (step / 10 at 250), starts uniform in the plotted region."""
    small, small_slow, large, slow = (f"({size}, {decay})" for size in (5, 20) for decay in (0.7, 0.99))
    return (
        Part(
            "own grid, Ackley: (5, .7) serves Adam+CM better than the rest, its printed best (20, .99) included",
            ordering,
            printed=_lower("Ackley", f"Adam+CM {small}", *(f"Adam+CM {s}" for s in (small_slow, large, slow))),
            broken=_lower("Ackley", f"Adam+CM {slow}", f"Adam+CM {small}"),
            bears=False,
        ),
        Part(
            "own grid, Ackley: Adam+CG too wants C = 5 at lambda = .7",
            ordering,
            printed=_lower("Ackley", f"Adam+CG {small}", f"Adam+CG {large}"),
            broken=_lower("Ackley", f"Adam+CG {large}", f"Adam+CG {small}"),
            bears=False,
            note="2.76 at C = 5, 7.53 at C = 20: no smaller buffer than CG.",
        ),
        Part(
            "own grid, Goldstein-Price: C = 5 serves Adam+CM better than C = 20 at lambda = .7",
            ordering,
            printed=_lower("Goldstein-Price", f"Adam+CM {small}", f"Adam+CM {large}"),
            broken=_lower("Goldstein-Price", f"Adam+CM {small}", f"Adam+CM {large}"),
            sound=_lower("Goldstein-Price", f"Adam+CM {large}", f"Adam+CM {small}"),
            bears=False,
        ),
        Part(
            "own grid, Goldstein-Price: C = 20 serves Adam+CG better than C = 5 at lambda = .7, too",
            ordering,
            printed=_lower("Goldstein-Price", f"Adam+CG {large}", f"Adam+CG {small}"),
            broken=_lower("Goldstein-Price", f"Adam+CG {small}", f"Adam+CG {large}"),
            bears=False,
        ),
    )
