"""Statements about many exact instances: look for one that fails, else run the proof, else report what was tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..claim import Budget, Evidence, Exact, Relation, Sampled, Way, Witness

Point = Mapping[str, Any]


@dataclass(frozen=True)
class ForAll:
    """``left relation right`` at every point.

    Attributes
    ----------
    points : callable
        Budget to the instances, as dictionaries that become the witness.
    sides, again : callable
        Point to (left, right), in two independent ways: exactly, and as ``methods[1]`` says. ``again`` may give None
        for sides that it cannot tell (no witness is made of such a point).
    relation : str
    replay : str
        Code that sets ``violated`` from a recorded point.
    methods : pair of str
    margins : pair of float
        Numerical uncertainty of the two ways.
    proof : callable, optional
        Budget to evidence for all points at once; without it a search that finds nothing is only support.
    exhaustive : bool
        The points are all there are.
    exact : bool
        ``sides`` decides without rounding: the points are exact instances of a statement about more.
    """

    points: Callable[[Budget], Iterable[Point]]
    sides: Callable[[Point], tuple[Any, Any]]
    relation: Relation
    again: Callable[[Point], tuple[Any, Any]]
    replay: str
    methods: tuple[str, str] = ("exact arithmetic", "floating point")
    margins: tuple[float, float] = (0.0, 1e-9)
    proof: Callable[[Budget], Sequence[Evidence]] | None = None
    exhaustive: bool = False
    exact: bool = False


def for_all(statement: ForAll, budget: Budget) -> list[Evidence]:
    """Search the points for a violation; without one, the proof, or how many points held and by how much."""
    count, slack = 0, float("inf")
    for point in statement.points(budget):
        way = Way(statement.methods[0], *_ordered(statement, statement.sides(point)), margin=statement.margins[0])
        if way.violated:
            again = _ordered(statement, statement.again(point))
            second = Way(statement.methods[1], *again, margin=statement.margins[1])
            return [Witness(point, way, second, statement.replay)]
        count += 1
        slack = min(slack, _slack(way))
    tried = f"no violation among {count} instances"
    if count and statement.proof is not None:
        # The search is no part of the proof, so it is told beside it.
        return [
            replace(item, data={**item.data, "searched first": tried}) if isinstance(item, Exact) else item
            for item in statement.proof(budget)
        ]
    if count and statement.exhaustive:
        return [Exact("enumeration", {tried: True}, {"smallest slack": slack})]
    if count and statement.exact:
        return [Exact("enumeration", {tried: True}, {"smallest slack": slack}, instances=count)]
    return [Sampled(statement.methods[0], count, 0, slack, tried)]


def _ordered(statement: ForAll, sides: tuple[Any, Any]) -> tuple[Any, Relation, Any]:
    return sides[0], statement.relation, sides[1]


def _slack(way: Way) -> float:
    gap = float(way.right - way.left) if way.relation in ("<=", "<") else float(way.left - way.right)
    return way.margin - abs(gap) if way.relation == "==" else abs(gap) if way.relation == "!=" else gap
