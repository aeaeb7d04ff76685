"""Measures of the buffers along runs on the toy functions, named and compared, for sections 3 and 3.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis.toys import Method, Name

from ..checks.orderings import Ordering, ordering
from ..claim import Part
from .toy_runs import AnyArm, BufferArm, Level, study

EARLY, FULL, LATER = (10, 50), (21, 200), (50, 200)
SMALL, LARGE = (5, 0.7), (20, 0.99)
GRID = ((5, 0.7), (5, 0.99), (20, 0.7), (20, 0.99))
SMOOTH = ("Ackley", "Goldstein-Price")
PLANES = (*SMOOTH, "Levy", "Ackley+Rosenbrock")
SHARP = ("wells s=2", "wells s=5", "wells s=100")
COUNTS = (150, 1000)
CHANCE = f"{COUNTS[0]} starts ({COUNTS[1]} in full), 200 steps; means of all arms in the data."


@dataclass(frozen=True)
class Place:
    """A toy function with the paper's step size, and the cube of the starts."""

    step: float
    reach: float
    dim: int = 2
    sharpness: float | None = None


PLACES = {
    "Ackley": Place(0.1, 5.0),
    "Goldstein-Price": Place(0.1, 2.0),
    "Levy": Place(0.1, 10.0),
    "Ackley+Rosenbrock": Place(0.1, 5.0),
    **{f"wells s={s}": Place(0.05, 5.0, 1, float(s)) for s in (2, 5, 100)},
    "wells s=5, 10-D": Place(0.05, 5.0, 10, 5.0),
}
Stored = Literal["CG", "CM", "CM along CG"]


@dataclass(frozen=True)
class Probe:
    """A measure of the buffer of one method along its runs, averaged per start over the steps of a window.

    Attributes
    ----------
    stored : {"CG", "CM", "CM along CG"}
        The last: momenta of the gradients that Adam+CG meets on its own path.
    near : bool
        On the wells, only while every coordinate is within 1/2 of the sharp minimum.
    scale : float
        Factor of the step size.
    """

    stored: Stored
    place: str
    size: int
    decay: float
    measure: str = "ratio"
    window: tuple[int, int] = LATER
    near: bool = True
    key: str = "gradient"
    scale: float = 1.0

    @property
    def name(self) -> str:
        near = "" if self.near or not self.place.startswith("wells") else ", anywhere"
        key = "" if self.key == "gradient" else f", key of the {self.key}"
        scale = "" if self.scale == 1 else f", step x {self.scale:g}"
        return (
            f"{self.measure} of {self.stored} ({self.size}, {self.decay:g}) on {self.place}, "
            f"steps {self.window[0]}-{self.window[1]}{near}{key}{scale}"
        )

    def arm(self) -> BufferArm:
        """The runs behind it."""
        place = PLACES[self.place]

        def method(name: Name, **options: Any) -> Method:
            return Method(name, place.step * self.scale, capacity=self.size, decay=self.decay, **options)

        options = () if self.key == "gradient" else (("key", self.key),)
        return BufferArm(
            method("Adam+CG") if self.stored == "CG" else method("Adam+CM", options=options),
            "wells" if place.sharpness is not None else self.place,
            -place.reach,
            place.reach,
            self.measure,
            self.window,
            place.dim,
            place.sharpness,
            method("Adam+CG") if self.stored == "CM along CG" else None,
            self.near and place.sharpness is not None,
        )


@dataclass(frozen=True)
class Constant:
    """A number to compare with."""

    value: float

    @property
    def name(self) -> str:
        return f"{self.value:g}"

    def arm(self) -> Level:
        return Level(self.value)


Arms = tuple[Probe | Constant, Probe | Constant]  # the first is said to exceed the second
HALF = Constant(0.5)


def ordered(arms: Sequence[Arms], quick: int | None = None) -> Ordering:
    """The first of every pair has the larger mean; a quick run looks at the first ``quick`` pairs."""
    named: dict[str, AnyArm] = {item.name: item.arm() for pair in arms for item in pair}
    pairs = tuple((a.name, b.name) for a, b in arms)
    return Ordering(study(named), pairs, COUNTS, quick=None if quick is None else pairs[:quick])


def part(
    name: str, arms: Sequence[Arms], broken: Sequence[Arms], note: str, quick: int | None = None, **options: Any
) -> Part:
    """A part on orderings; ``repair`` and ``sound`` are given as arms too."""
    for key in ("repair", "sound"):
        if key in options:
            options[key] = ordered(options[key])
    note = f"{note} {CHANCE}"
    return Part(name, ordering, printed=ordered(arms, quick), broken=ordered(broken), note=note, **options)


def turned(arms: Iterable[Arms]) -> list[Arms]:
    return [(b, a) for a, b in arms]
