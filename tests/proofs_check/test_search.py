"""Adversarial search: finds, shrinks, reports, and does not cry wolf."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from proofs_check.claim import Budget, Exact, Sampled, Witness
from proofs_check.judge import replay
from proofs_check.search import (
    Never,
    Problem,
    certain,
    exact_sides,
    high_precision,
    load,
    never_violated,
    search,
    shrink,
)

MODULE = __name__


def product_bound(level: str) -> Problem:
    """``x y <= level`` on the unit square."""
    return Problem(["x", "y"], [0, 0], [1, 1], lambda v, f: (v[0] * v[1], Fraction(level) + 0 * v[0]))


def root_bound(scale: str) -> Problem:
    """``sqrt(x^2 + y^2) <= scale (x + y)`` away from the origin: true for scale >= 1."""

    def sides(v: Any, f: Any) -> Any:
        return f.sqrt(v[0] ** 2 + v[1] ** 2), float(Fraction(scale)) * (v[0] + v[1]), v[0] + v[1] - 1

    return Problem(["x", "y"], [0, 0], [1, 1], sides, "ball")


def narrow() -> Problem:
    """A violation in a tube of width 1e-3 only: ``1 <= 1 + (x - 1/3)^2 + (y - 2/7)^2 - 1e-6``."""

    def sides(v: Any, f: Any) -> Any:
        one = 1 + 0 * v[0]
        return one, one + (v[0] - Fraction(1, 3)) ** 2 + (v[1] - Fraction(2, 7)) ** 2 - Fraction(1, 10**6)

    return Problem(["x", "y"], [0, 0], [1, 1], sides)


def test_finds_and_shrinks() -> None:
    found = search(product_bound("1/2"), Budget.QUICK)
    assert found.point is not None
    assert found.point[0] * found.point[1] > Fraction(1, 2)
    assert all(v.denominator <= 4 for v in found.point)


def test_follows_the_objective_into_a_narrow_tube() -> None:
    found = search(narrow(), Budget.QUICK)
    assert found.point is not None and certain(narrow(), found.point)
    assert {"grid", "random", "gradient-free"} <= set(found.effort)


def pinhole() -> Problem:
    """Six variables and a violation within 1e-5 of one point: out of reach of anything but a gradient."""
    centre = [Fraction(k, 7 + k) for k in range(1, 7)]

    def sides(v: Any, f: Any) -> Any:
        one = 1 + 0 * v[0]
        return one, one + sum((x - c) ** 2 for x, c in zip(v, centre, strict=True)) - Fraction(1, 10**10)

    return Problem([f"x{k}" for k in range(6)], [0] * 6, [1] * 6, sides)


def test_climbs_to_a_pinhole_by_gradients() -> None:
    found = search(pinhole(), Budget.QUICK)
    assert found.point is not None and certain(pinhole(), found.point)
    assert found.effort["gradient-based"] > 7  # at least two gradients of six quotients each
    assert found.effort["shrinking"] > 0
    assert max(v.denominator for v in found.point) <= 10**6


def test_shrinks_to_the_smallest_point_at_hand() -> None:
    messy = (Fraction(987_654_321, 1_000_000_007), Fraction(876_543_211, 1_000_000_009))
    assert shrink(product_bound("1/2"), messy) == (1, 1)
    assert shrink(product_bound("1"), messy) is None


def test_true_inequality_is_not_violated() -> None:
    found = search(product_bound("1"), Budget.QUICK)
    assert found.point is None
    assert found.worst == pytest.approx(1.0, abs=1e-9)
    assert set(found.effort) == {"grid", "random", "random near ends", "gradient-free", "gradient-based"}
    assert all(count > 0 for count in found.effort.values())


def test_conditions_restrict_the_search() -> None:
    found = search(root_bound("7/8"), Budget.QUICK)
    assert found.point is not None
    assert sum(found.point) >= 1
    assert search(root_bound("1"), Budget.QUICK).point is None


def test_balls_and_digits_agree() -> None:
    point = (Fraction(1, 3), Fraction(6, 7))
    ball = exact_sides(root_bound("1"), point)
    digits = high_precision(root_bound("1"), point)
    for left, right in zip(ball, digits, strict=True):
        assert abs(float(left.mid()) - float(right)) < 1e-15


def test_rationals_refuse_roots() -> None:
    rootless = Problem(["x"], [0], [1], lambda v, f: (f.sqrt(v[0]), v[0]))
    with pytest.raises(TypeError, match="give the problem kind='ball'"):
        certain(rootless, (Fraction(1, 4),))


def test_check_gives_a_witness_that_runs_again() -> None:
    from proofs_check._encode import encode

    statement = Never("proofs_check.adamomentum.convex_steps", ["lower_bound(2, 2)"])
    (witness,) = never_violated(statement, Budget.QUICK)
    assert isinstance(witness, Witness) and witness.stands
    assert replay(encode(witness)["point"], witness.replay)
    tampered = encode(witness)["point"] | {"values": dict.fromkeys(witness.point["values"], "1/2")}
    assert not replay(tampered, witness.replay)


def test_check_without_and_with_a_proof() -> None:
    calls = ["lower_bound(2, 2, True)"]
    module = "proofs_check.adamomentum.convex_steps"
    (sampled,) = never_violated(Never(module, calls), Budget.QUICK)
    assert isinstance(sampled, Sampled) and sampled.holds and sampled.instances > 10_000
    proved = never_violated(Never(module, calls, lambda _: [Exact("symbolic", {"by hand": True})]), Budget.QUICK)
    assert all(isinstance(item, Exact) for item in proved) and len(proved) == 2


def test_problems_are_made_from_text() -> None:
    problem = load("proofs_check.adamomentum.convex_steps:lower_bound(3, 1)")
    assert list(problem.names) == ["beta1", "s", "g1", "g2", "g3"]
    assert problem.low[0] > 0
