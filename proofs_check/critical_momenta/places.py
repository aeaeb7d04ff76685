"""Where a landscape's global minima are: "it lies here" decided by branch and bound, with a better point if not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import sympy as sp

from analysis.landscapes import BALLS, SYMBOLS, Landscape
from analysis.minima import Located, global_minima

from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact, Way, Witness

Corner = Sequence[Any]

REPLAY = """
import math
def value(point):
    return eval(witness["formula"], dict(vars(math), x=point[0], y=point[1]))
violated = value(witness["best point of the stated place"]) > value(witness["better point"]) + 1e-9
"""


@dataclass(frozen=True)
class Place:
    """The global minimum over the plane is attained, and only in the box from ``low`` to ``high``.

    Attributes
    ----------
    landscape : Landscape
    formula : str
        The same function in plain Python of x and y, transcribed apart; the second way and the replay use it.
    low, high : pair of numbers
        The stated place, rounding included; equal for an exact point.
    wide_low, wide_high : pair of numbers
        Box that the search covers.
    beyond : callable, optional
        Enclosure of the infimum over the wide box to named steps, exactly decided, that nothing outside the box is as
        low (so that the infimum over the plane lies in the enclosure). Without it the statement is about the wide box
        alone.
    tolerance : float
        Width of boxes that may stay undecided (at a kink).
    """

    landscape: Landscape
    formula: str
    low: Corner
    high: Corner
    wide_low: Corner
    wide_high: Corner
    beyond: Callable[[Any], Mapping[str, bool]] | None = None
    tolerance: float = 1e-7

    def value(self, point: Sequence[float]) -> float:
        """The transcribed formula in floating point."""
        return float(_compiled(self.formula)(point[0], point[1]))


@cache
def _compiled(formula: str) -> Callable[[float, float], float]:
    return eval(f"lambda x, y: {formula}", dict(vars(math)))


def global_minimum_lies_in(place: Place, budget: Budget) -> list[Evidence]:
    """Decide a :class:`Place`: branch and bound over the wide box, the place's own infimum, and what lies beyond."""
    del budget
    at = place.landscape
    if tuple(place.low) == tuple(place.high):
        inside = at.formula([BALLS.number(c) for c in place.low], BALLS)
        own: Sequence[float] = [float(c) for c in place.low]
    else:
        best = global_minima(at, place.low, place.high, tolerance=1e-4)
        inside = best.infimum
        own = best.points[0].point if best.points else [float(c.mid()) for c in best.undecided[0]]
    found = _searched(at, place.wide_low, place.wide_high, place.tolerance)
    better = _representative(found)
    if found.infimum.upper() < inside.lower() and _certain(place, better, inside):
        return [
            Witness(
                point={
                    "formula": place.formula,
                    "place": [[float(c) for c in place.low], [float(c) for c in place.high]],
                    "best point of the stated place": list(own),
                    "better point": list(better),
                    "infimum over the place": str(inside),
                    "infimum over the wide box": str(found.infimum),
                },
                first=Way(
                    "ball arithmetic: lower bound over the place against upper bound at the better point",
                    float(inside.lower()),
                    "<=",
                    float(at.formula([BALLS.number(c) for c in better], BALLS).upper()),
                ),
                second=Way(
                    "printed formula on a grid of the place, floating point",
                    _lowest_on_grid(place, own),
                    "<=",
                    place.value(better),
                    margin=1e-9,
                ),
                replay=REPLAY,
            )
        ]
    steps = {"every global minimiser over the searched box lies in the stated place": _all_inside(place, found)}
    if tuple(place.low) == tuple(place.high):
        # Boxes cannot tell the stated point from its neighbours; an exact gradient does.
        steps["the stated point is critical (or a kink), exactly"] = _is_critical(at, place.low)
    if place.beyond is not None:
        steps |= place.beyond(found.infimum)
    data = {
        "infimum": str(found.infimum),
        "minimisers": [[str(c) for c in p.box] for p in found.points],
        "largest Hessian eigenvalue there": [str(p.sharpness) for p in found.points],
        "undecided boxes": [[str(c) for c in box] for box in found.undecided[:4]],
        "boxes looked at": found.boxes,
    }
    return [Exact("ball", steps, data)]


def _is_critical(landscape: Landscape, point: Corner) -> bool:
    """Whether the gradient at an exact point vanishes, or does not exist."""
    exact = [sp.Rational(*Fraction(c).as_integer_ratio()) for c in point]
    slopes = [sp.sympify(slope) for slope in landscape.formula_gradient(exact, SYMBOLS)]
    return all(slope.has(sp.nan, sp.zoo) or is_zero(slope) for slope in slopes)


@cache
def _searched(landscape: Landscape, low: Corner, high: Corner, tolerance: float) -> Located:
    return global_minima(landscape, low, high, tolerance)


def _representative(found: Located) -> list[float]:
    boxes = [p.box for p in found.points] or list(found.undecided)
    return [float(c.mid()) for c in boxes[0]]


def _certain(place: Place, better: Sequence[float], inside: Any) -> bool:
    return bool(place.landscape.formula([BALLS.number(c) for c in better], BALLS).upper() < inside.lower())


def _lowest_on_grid(place: Place, own: Sequence[float], per_axis: int = 81) -> float:
    (a, b), (c, d) = ([float(v) for v in corner] for corner in (place.low, place.high))
    grid = [
        (a + (c - a) * i / (per_axis - 1), b + (d - b) * j / (per_axis - 1))
        for i in range(per_axis)
        for j in range(per_axis)
    ]
    return min(place.value(p) for p in {*grid, tuple(own)})


def _all_inside(place: Place, found: Located) -> bool:
    boxes = [p.box for p in found.points] + list(found.undecided)
    slack = place.tolerance
    return bool(boxes) and all(
        float(x.lower()) >= float(a) - slack and float(x.upper()) <= float(b) + slack
        for box in boxes
        for x, a, b in zip(box, place.low, place.high, strict=True)
    )
