"""Complete lists of local minima in a box: several of them, and how many are global."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from analysis.landscapes import Landscape
from analysis.minima import critical_points, global_minima

from ..claim import Budget, Evidence, Exact

located, lowest = cache(critical_points), cache(global_minima)


@dataclass(frozen=True)
class Minima:
    """Several local minima in a box, ``lowest`` of them global."""

    landscape: Landscape
    low: tuple[Any, ...]
    high: tuple[Any, ...]
    lowest: int


def several_minima(statement: Minima, budget: Budget) -> list[Evidence]:
    del budget
    found = located(statement.landscape, statement.low, statement.high)
    bottom = lowest(statement.landscape, statement.low, statement.high)
    local = [p for p in found.points if p.kind == "minimum"]
    steps = {
        "the list of critical points is complete": found.complete,
        "more than one local minimum": len(local) > 1,
        "none is degenerate": all(p.kind != "degenerate" for p in found.points),
        f"{statement.lowest} global": bottom.complete and len(bottom.points) == statement.lowest,
        "the global one is among the local ones": all(
            any(all(a.overlaps(b) for a, b in zip(p.box, q.box, strict=True)) for q in local) for p in bottom.points
        ),
    }
    counts = {kind: sum(p.kind == kind for p in found.points) for kind in ("minimum", "saddle", "maximum")}
    table = [[[round(c, 6) for c in p.point], float(p.value.mid()), float(p.sharpness.mid())] for p in local]
    return [Exact("ball", steps, {"counts": counts, "minima: point, value, h_max": table})]
