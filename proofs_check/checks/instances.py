"""Relations decided in exact arithmetic on every one of finitely many instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..claim import Budget, Evidence, Exact, ExactMethod, Relation, Way, Witness

Point = Mapping[str, Any]


@dataclass(frozen=True)
class OnInstances:
    """``actual(point) relation claimed(point)`` for all points of a finite family, in exact rationals.

    Attributes
    ----------
    points : callable
        ``points(budget)`` yields the instances: mappings of names to Fractions, integers, text or tuples of them.
    actual, claimed : callable
        ``f(**point)``, a Fraction: what is computed from first principles, and what the statement says.
    again : callable
        ``again(**point)``, a float: the actual side once more, by another method or in other arithmetic.
    replay : str
        Code that recomputes the actual side from ``witness`` (with the claimed value as ``witness["claimed"]``).
    relation : str
    method : str
    margin : float
        Relative uncertainty of ``again``.
    """

    points: Callable[[Budget], Iterable[Point]]
    actual: Callable[..., Any]
    claimed: Callable[..., Any]
    again: Callable[..., float]
    replay: str
    relation: Relation = "=="
    method: ExactMethod = "enumeration"
    margin: float = 1e-9


def on_instances(statement: OnInstances, budget: Budget) -> list[Evidence]:
    """Decide the relation on every instance; the first that violates it becomes the witness.

    Raises
    ------
    ValueError
        The family has no instance.
    """
    count = 0
    slack: Any = None
    tightest: Point = {}
    for point in statement.points(budget):
        left, right = statement.actual(**point), statement.claimed(**point)
        way = Way("exact rational arithmetic", left, statement.relation, right)
        if way.violated:
            again = statement.again(**point)
            scale = max(abs(again), abs(float(right)))
            second = Way("floating point, second calculation", again, statement.relation, float(right))
            if statement.relation in ("==", "<=", ">="):
                second = Way(second.method, again, statement.relation, float(right), statement.margin * scale)
            return [Witness({**point, "claimed": right}, way, second, statement.replay)]
        count += 1
        gap = abs(Fraction(right) - Fraction(left))
        if slack is None or gap < slack:
            slack, tightest = gap, point
    if not count:
        raise ValueError("the statement has no instance to be decided on")
    data: dict[str, Any] = {"instances": count}
    if statement.relation != "==":
        data |= {"smallest slack": float(slack), "at": tightest}
    return [Exact(statement.method, {f"holds on all {count} instances": True}, data)]
