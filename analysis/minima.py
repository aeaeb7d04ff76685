"""All critical points and all global minima of a landscape over a box, located rigorously.

Interval branch and bound in ball arithmetic on the landscape's own formulas. Boxes go for a certain reason only (the
gradient has no zero there, or the value is certainly above one attained), and a critical point is listed when
Krawczyk's operator proves that its box holds exactly one. What cannot be decided is returned as such.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from .landscapes import BALLS, Landscape

Kind = Literal["minimum", "saddle", "maximum", "degenerate"]
Box = tuple[Any, ...]  # balls, one per coordinate
Corner = Sequence[Any]  # numbers: int, float, Fraction or ball


@dataclass(frozen=True)
class CriticalPoint:
    """The only critical point in a box of balls.

    Attributes
    ----------
    box : tuple of arb
        Encloses the point.
    value, sharpness : arb
        Enclose the value and the largest Hessian eigenvalue there.
    kind : {"minimum", "saddle", "maximum", "degenerate"}
        From the certain signs of the Hessian's pivots; "degenerate" if they are not certain.
    """

    box: Box
    value: Any
    sharpness: Any
    kind: Kind

    @property
    def point(self) -> tuple[float, ...]:
        """Midpoint, for the eye."""
        return tuple(float(x.mid()) for x in self.box)


@dataclass(frozen=True)
class Located:
    """What a search over a box found.

    Attributes
    ----------
    points : tuple of CriticalPoint
        Sorted by value.
    undecided : tuple of boxes
        Boxes, no wider than the tolerance, that may hold more: at kinks, degenerate points, the border of the box. The
        list of points is complete if this is empty.
    boxes : int
        How many boxes were looked at.
    infimum : arb or None
        Enclosure of the infimum over the box (of :func:`global_minima`).
    """

    points: tuple[CriticalPoint, ...]
    undecided: tuple[Box, ...]
    boxes: int
    infimum: Any = None

    @property
    def complete(self) -> bool:
        return not self.undecided


class Unfinished(RuntimeError):
    """The search used up its boxes."""


def critical_points(
    landscape: Landscape, low: Corner, high: Corner, tolerance: float = 1e-7, boxes: int = 200_000
) -> Located:
    """Every zero of the gradient in the open box from ``low`` to ``high``.

    Raises
    ------
    ValueError
        A box of the wrong dimension or turned inside out.
    Unfinished
        ``boxes`` boxes were not enough.
    """
    start = _start(landscape, low, high)
    queue, found = deque([start]), []
    undecided: list[Box] = []
    used = 0
    while queue:
        used += 1
        if used > boxes:
            raise Unfinished(f"{len(queue)} boxes are left after {boxes}; take a smaller box or a larger tolerance")
        box = queue.pop()
        if _no_zero(landscape.formula_gradient(box, BALLS)):
            continue
        verdict, smaller = krawczyk(landscape, box)
        if verdict == "one":
            found.append(_describe(landscape, smaller))
        elif verdict == "unknown":
            _split_or_keep(smaller, tolerance, queue, undecided)
    return Located(_distinct(landscape, found, undecided), tuple(undecided), used)


def global_minima(
    landscape: Landscape,
    low: Corner,
    high: Corner,
    tolerance: float = 1e-7,
    boxes: int = 200_000,
    try_points: Sequence[Corner] = (),
) -> Located:
    """Every global minimiser over the closed box from ``low`` to ``high``, with bounds of the infimum.

    Each minimiser lies in the box of one of ``points`` or in one of ``undecided``. Points whose values cannot be told
    apart from the smallest within their enclosures are all listed.

    Parameters
    ----------
    try_points : sequence of points
        Where to evaluate first: values there are upper bounds of the infimum, and save work.

    Raises
    ------
    ValueError, Unfinished
        As :func:`critical_points`.
    """
    start = _start(landscape, low, high)
    best = min((_value_at(landscape, p) for p in [*try_points, [x.mid() for x in start]]), key=float)
    queue, found = deque([start]), []
    undecided: list[Box] = []
    used = 0
    while queue:
        used += 1
        if used > boxes:
            raise Unfinished(f"{len(queue)} boxes are left after {boxes}; take a smaller box or a larger tolerance")
        box = queue.popleft()
        if _lower(landscape, box) > best:
            continue
        best = min(best, _value_at(landscape, [x.mid() for x in box]), key=float)
        verdict, smaller = "unknown", box
        if _interior(box, start):  # a minimiser on the border need not be critical
            if _no_zero(landscape.formula_gradient(box, BALLS)):
                continue
            verdict, smaller = krawczyk(landscape, box)
        if verdict == "one":
            point = _describe(landscape, smaller)
            if point.kind in ("minimum", "degenerate"):
                found.append(point)
                best = min(best, point.value.upper(), key=float)
        elif verdict == "unknown":
            _split_or_keep(smaller, tolerance, queue, undecided)
    undecided = [box for box in undecided if not _lower(landscape, box) > best]
    points = tuple(p for p in _distinct(landscape, found, undecided) if not p.value > best)
    lows = [p.value.lower() for p in points] + [_lower(landscape, box) for box in undecided]
    return Located(points, tuple(undecided), used, reduce(lambda a, b: a.min(b), lows).union(best))


def krawczyk(landscape: Landscape, box: Box) -> tuple[Literal["none", "one", "unknown"], Box]:
    """Whether the gradient has no zero or exactly one in ``box``, or that is unknown; and a box with all its zeros.

    ``K(X) = c - Y g(c) + (I - Y H(X)) (X - c)`` with Y close to the inverse of the Hessian at the midpoint c: every
    zero in X lies in K(X), and if K(X) lies in the interior of X there is exactly one.
    """
    centre = [x.mid() for x in box]
    inverse = _inverse(landscape.formula_hessian(centre, BALLS))
    hessian = landscape.formula_hessian(box, BALLS)
    if inverse is None or not all(h.is_finite() for row in hessian for h in row):
        return "unknown", box
    gradient = landscape.formula_gradient(centre, BALLS)
    n = range(len(box))
    image = []
    for i in n:
        total = centre[i] - sum(inverse[i][k] * gradient[k] for k in n)
        for j in n:
            entry = (1 if i == j else 0) - sum(inverse[i][k] * hessian[k][j] for k in n)
            total = total + entry * (box[j] - centre[j])
        image.append(total)
    if any(not y.is_finite() for y in image):
        return "unknown", box
    if any(not x.overlaps(y) for x, y in zip(box, image, strict=True)):
        return "none", box
    inside = all(x.contains_interior(y) for x, y in zip(box, image, strict=True))
    smaller = tuple(x.intersection(y) for x, y in zip(box, image, strict=True))
    return ("one" if inside else "unknown"), smaller


def _start(landscape: Landscape, low: Corner, high: Corner) -> Box:
    if len(low) != len(high) or landscape.dim not in (None, len(low)):
        raise ValueError(f"low and high must have the {landscape.dim or 'same number of'} coordinates of the landscape")
    corners = [(BALLS.number(a), BALLS.number(b)) for a, b in zip(low, high, strict=True)]
    if not all(a < b for a, b in corners):
        raise ValueError(f"low must be below high in every coordinate, got {low} and {high}")
    return tuple(a.union(b) for a, b in corners)


def _lower(landscape: Landscape, box: Box) -> Any:
    """A lower bound of the value over the box: the formula's, or that of the mean value form if it is higher."""
    plain = landscape.formula(box, BALLS).lower()
    slopes = landscape.formula_gradient(box, BALLS)
    if not all(s.is_finite() for s in slopes):
        return plain
    centre = [x.mid() for x in box]
    mean = landscape.formula(centre, BALLS)
    for slope, x, c in zip(slopes, box, centre, strict=True):
        mean = mean + slope * (x - c)
    return max(plain, mean.lower(), key=float) if plain.is_finite() else mean.lower()


def _value_at(landscape: Landscape, point: Corner) -> Any:
    """An upper bound of the value at a point, infinite where the formula gives none."""
    value = landscape.formula([BALLS.number(c) for c in point], BALLS)
    return value.upper() if value.is_finite() else BALLS.number(float("inf"))


def _no_zero(gradient: Sequence[Any]) -> bool:
    return any(g > 0 or g < 0 for g in gradient)


def _interior(box: Box, start: Box) -> bool:
    return all(s.contains_interior(x) for s, x in zip(start, box, strict=True))


def _split_or_keep(box: Box, tolerance: float, queue: deque[Box], undecided: list[Box]) -> None:
    widths = [float(x.rad()) for x in box]
    widest = max(range(len(box)), key=widths.__getitem__)
    if 2 * widths[widest] <= tolerance:
        undecided.append(box)
        return
    x = box[widest]
    # An uneven cut, so that symmetric points (origin, lattice) are not on the border of two boxes.
    cut = (x.lower() + (x.upper() - x.lower()) * BALLS.ratio(61, 128)).mid()
    for part in (x.lower().union(cut), cut.union(x.upper())):
        queue.append((*box[:widest], part, *box[widest + 1 :]))


def _describe(landscape: Landscape, box: Box) -> CriticalPoint:
    for _ in range(60):  # contract to the working precision
        verdict, smaller = krawczyk(landscape, box)
        if verdict != "one" or not any(s.rad() * 2 < x.rad() for s, x in zip(smaller, box, strict=True)):
            break
        box = smaller
    hessian = landscape.formula_hessian(box, BALLS)
    return CriticalPoint(box, landscape.formula(box, BALLS), largest_eigenvalue(hessian), _kind(hessian))


def _kind(hessian: list[list[Any]]) -> Kind:
    """From the inertia: the signs of the pivots of Gaussian elimination (Sylvester)."""
    rows = [list(row) for row in hessian]
    signs: list[int] = []
    for k in range(len(rows)):
        pivot = rows[k][k]
        if not (pivot > 0 or pivot < 0):
            # A saddle with a doubtful pivot: opposite signs on the diagonal, or a certainly negative 2 x 2 minor.
            if len(set(signs)) == 2:
                return "saddle"
            minors = [rows[k][k] * rows[j][j] - rows[k][j] * rows[j][k] for j in range(k + 1, len(rows))]
            return "saddle" if any(minor < 0 for minor in minors) else "degenerate"
        signs.append(1 if pivot > 0 else -1)
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / pivot
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return "minimum" if min(signs) > 0 else "maximum" if max(signs) < 0 else "saddle"


def largest_eigenvalue(hessian: list[list[Any]]) -> Any:
    """Enclosure of the largest eigenvalue: of a diagonal or a 2 x 2 matrix in closed form, of others by flint."""
    n = len(hessian)
    if all(hessian[i][j].is_zero() for i in range(n) for j in range(n) if i != j):
        top = hessian[0][0]
        for i in range(1, n):
            top = top.max(hessian[i][i])
        return top
    if n == 2:
        (a, b), (_, c) = hessian
        return (a + c) / 2 + BALLS.sqrt(BALLS.square((a - c) / 2) + BALLS.square(b))
    from flint import acb, acb_mat

    values = acb_mat([[acb(h) for h in row] for row in hessian]).eig(multiple=True)
    top = values[0].real
    for value in values[1:]:
        top = top.max(value.real)
    return top


def _inverse(matrix: list[list[Any]]) -> list[list[Any]] | None:
    """Midpoint of the inverse, None where it is not finite; any approximation serves."""
    from flint import arb_mat

    if not all(h.is_finite() for row in matrix for h in row):
        return None
    try:
        inverse = arb_mat(matrix).inv()
    except ZeroDivisionError:
        return None
    rows = [[inverse[i, j].mid() for j in range(len(matrix))] for i in range(len(matrix))]
    return rows if all(v.is_finite() for row in rows for v in row) else None


def _distinct(landscape: Landscape, points: list[CriticalPoint], undecided: list[Box]) -> tuple[CriticalPoint, ...]:
    """Points sorted by value, each once: a zero on the common border of two boxes is found from both sides.

    Boxes that overlap hold the same zero if their hull, blown up a little, holds only one; else both are kept and the
    hull is undecided.
    """
    kept: list[CriticalPoint] = []
    for point in sorted(points, key=lambda p: float(p.value.mid())):
        twin = next((k for k in kept if all(a.overlaps(b) for a, b in zip(k.box, point.box, strict=True))), None)
        if twin is not None:
            hull = tuple(_blown_up(a.union(b)) for a, b in zip(twin.box, point.box, strict=True))
            if krawczyk(landscape, hull)[0] == "one":
                continue
            undecided.append(hull)
        kept.append(point)
    return tuple(kept)


def _blown_up(x: Any) -> Any:
    """A ball of ten times the radius, and not below rounding size."""
    from flint import arb

    return arb(x.mid(), 10 * float(x.rad()) + 1e-12 * (1 + abs(float(x.mid()))))
