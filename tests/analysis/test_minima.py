"""Branch and bound: known lists of critical points, descents that must end in a box, and boxes that are left open."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.landscapes import (
    Ackley,
    AckleyRosenbrock,
    Beale,
    GoldsteinPrice,
    Landscape,
    Levy,
    Sphere,
    ThreeHumpCamel,
    TwoWell,
)
from analysis.minima import Unfinished, critical_points, global_minima, krawczyk, largest_eigenvalue


@dataclass(frozen=True)
class Flat(Landscape):
    """x^4 + y^2: its minimum is degenerate and must be left undecided, not listed."""

    dim: ClassVar[int | None] = 2

    def formula(self, x: Any, m: Any) -> Any:
        return m.square(m.square(x[0])) + m.square(x[1])

    def formula_gradient(self, x: Any, m: Any) -> list[Any]:
        return [4 * x[0] * m.square(x[0]), 2 * x[1]]

    def formula_hessian(self, x: Any, m: Any) -> list[list[Any]]:
        return [[12 * m.square(x[0]), 0 * x[0]], [0 * x[0], 0 * x[0] + 2]]


def test_goldstein_price_has_nine_rational_critical_points() -> None:
    found = critical_points(GoldsteinPrice("plain"), [-2, -2], [2, 2])
    assert found.complete
    expected = {}
    for u in (-1, 1, 2):
        for v in (0, 1, 3):
            expected[(Fraction(3 * u + v, 5), Fraction(2 * u - v, 5))] = (u == 1) + (v == 1)
    assert len(found.points) == 9
    for point, maxima in expected.items():
        (near,) = [
            p for p in found.points if all(abs(a - float(b)) < 1e-9 for a, b in zip(p.point, point, strict=True))
        ]
        assert near.kind == ("minimum", "saddle", "maximum")[maxima]
        at = np.array([float(c) for c in point])
        assert abs(float(near.value.mid()) - GoldsteinPrice("plain").value(at)) < 1e-6
        top = np.linalg.eigvalsh(GoldsteinPrice("plain").hessian(at))[-1]
        assert abs(float(near.sharpness.mid()) - top) <= 1e-9 * abs(top) + float(near.sharpness.rad())


@pytest.mark.parametrize(
    ("at", "low", "high"),
    [
        (ThreeHumpCamel(), (-3, -3), (3, 3)),
        (Levy(), (-4, -5), (4, 5)),
        (AckleyRosenbrock(), (0.4, 0.4), (2.4, 3.4)),
        (Ackley(), (0.3, 0.3), (2.3, 2.3)),
    ],
)
def test_every_descent_ends_in_a_listed_minimum(at: Landscape, low: tuple[float, ...], high: tuple[float, ...]) -> None:
    found = critical_points(at, low, high)
    assert found.complete
    minima = np.array([p.point for p in found.points if p.kind == "minimum"])
    hit = set()
    for start in np.random.default_rng(0).uniform(low, high, (80, 2)):
        end = minimize(at.value, start, jac=at.gradient, method="BFGS", tol=1e-10).x
        if np.all(end > np.array(low) + 1e-3) and np.all(end < np.array(high) - 1e-3):
            distance = np.linalg.norm(minima - end, axis=1)
            assert distance.min() < 1e-5
            hit.add(int(distance.argmin()))
    assert len(hit) > len(minima) / 2
    for point in found.points:
        assert np.linalg.norm(at.gradient(np.array(point.point))) < 1e-5


def test_number_of_critical_points_obeys_the_index_formula() -> None:
    """On a disc whose gradient points outwards, minima + maxima - saddles = 1 (Poincare and Hopf)."""
    found = critical_points(ThreeHumpCamel(), (-5, -5), (5, 5))
    signs = {"minimum": 1, "maximum": 1, "saddle": -1}
    assert sum(signs[p.kind] for p in found.points) == 1


@pytest.mark.parametrize(
    ("at", "low", "high", "point"),
    [
        (Beale(), (-4.5, -4.5), (4.5, 4.5), (3, 0.5)),
        (ThreeHumpCamel(), (-5, -5), (5, 5), (0, 0)),
        (Levy(), (-10, -10), (10, 10), (1, 1)),
        (GoldsteinPrice("plain"), (-2, -2), (2, 2), (0, -1)),
    ],
)
def test_one_global_minimum(at: Landscape, low: Any, high: Any, point: Any) -> None:
    found = global_minima(at, low, high)
    assert found.complete and len(found.points) == 1
    np.testing.assert_allclose(found.points[0].point, point, atol=1e-9)
    exact = at.value(np.array(point, dtype=float))
    assert float(found.infimum.lower()) - 1e-9 <= exact <= float(found.infimum.upper()) + 1e-9


ONE = Fraction(1)
EVERY = [
    (Sphere(), (-5,) * 3, (5,) * 3, [(0, 0, 0)]),
    (ThreeHumpCamel(), (-5, -5), (5, 5), [(0, 0)]),
    (Beale(), (-4.5, -4.5), (4.5, 4.5), [(3, 0.5)]),
    (Beale(Fraction(11, 5)), (-4.5, -4.5), (4.5, 4.5), [(2.99888182514914, 0.50620936417089)]),  # 2.2, as printed
    (AckleyRosenbrock(1), (-1, -1), (4, 12), [(2.99462864384831, 9.00055230694405)]),
    (AckleyRosenbrock(-1), (-1, -2), (2, 5), [(0.00046921573000681, 0)]),
    (Levy(), (-10,), (10,), [(1,)]),
    (Levy("last"), (-10, -10), (10, 10), [(1, 1)]),
    (Levy("all"), (-10, -10), (10, 10), [(1, 1)]),
    (GoldsteinPrice("scaled"), (-2, -2), (2, 2), [(0, -1)]),
    (GoldsteinPrice("scaled", unit=True), (0, 0), (1, 1), [(0.5, 0.25)]),
    (TwoWell(ONE), (-2, -2), (2, 2), [(0, 0), (0, 1), (1, 0), (1, 1)]),
    (TwoWell(100 * ONE), (-5,), (5,), [(0,), (1,)]),
]


@pytest.mark.parametrize(
    ("at", "low", "high", "points"), EVERY, ids=lambda v: str(v) if isinstance(v, Landscape) else ""
)
def test_all_global_minima(at: Landscape, low: Any, high: Any, points: Any) -> None:
    found = global_minima(at, low, high, tolerance=1e-9)
    assert found.complete and len(found.points) == len(points)
    np.testing.assert_allclose(sorted(p.point for p in found.points), points, atol=1e-9)
    plain = replace(at, **{f.name: float(v) for f in fields(at) if isinstance(v := getattr(at, f.name), Fraction)})  # type: ignore[type-var]
    at_minima = np.array([p.point for p in found.points])
    np.testing.assert_allclose(plain.gradient(at_minima), 0.0, atol=1e-9)
    assert np.all(np.linalg.eigvalsh(plain.hessian(at_minima)) > 0)
    starts = np.random.default_rng(0).uniform(
        np.array(low, dtype=float), np.array(high, dtype=float), (20_000, len(low))
    )
    assert plain.value(starts).min() >= float(found.infimum.lower()) - 1e-12


def test_goldstein_price_as_printed_is_lowest_on_the_border() -> None:
    """It is unbounded on the plane: over a box nothing inside it is lowest."""
    found = global_minima(GoldsteinPrice("printed"), (-2, -2), (2, 2), tolerance=1e-3)
    assert not found.points
    assert found.undecided and all(abs(float(box[1].mid()) + 2) < 1e-2 for box in found.undecided)


def test_ackleys_kink_is_left_in_one_tiny_box() -> None:
    found = global_minima(Ackley(), (-4, -4), (4, 4), tolerance=1e-6, try_points=[(0, 0)])
    assert not found.points
    assert all(box[0].contains(0) and box[1].contains(0) for box in found.undecided)
    assert found.infimum.contains(0)


def test_both_wells_in_two_dimensions() -> None:
    found = global_minima(TwoWell(3), (-2, -2), (2, 2))
    assert {tuple(np.round(p.point, 9) + 0.0) for p in found.points} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert found.complete
    assert sorted(round(float(p.sharpness.mid()), 6) for p in found.points) == [2, 6, 6, 6]


def test_a_degenerate_minimum_is_not_listed() -> None:
    found = critical_points(Flat(), (-1, -1), (1, 1), tolerance=1e-4)
    assert not found.points and found.undecided
    assert any(box[0].contains(0) and box[1].contains(0) for box in found.undecided)


def test_a_minimum_on_the_border_is_kept() -> None:
    found = global_minima(Beale(), (-1, -1), (1, 1), tolerance=1e-5)
    lows = np.random.default_rng(0).uniform(-1, 1, (100_000, 2))
    lows = np.concatenate([lows, np.stack([np.ones(2001), np.linspace(-1, 1, 2001)], -1)])
    assert float(found.infimum.lower()) <= Beale().value(lows).min()
    assert Beale().value(lows).min() < float(found.infimum.upper()) + 1e-4
    assert found.undecided


def test_krawczyk_says_no_more_than_it_knows() -> None:
    from flint import arb

    box = (arb(0.6, 0.3), arb(0.6, 0.3))  # a ridge of the wells, where the slope jumps
    assert krawczyk(TwoWell(3), box)[0] == "unknown"
    assert krawczyk(Beale(), (arb(3, 1e-4), arb(0.5, 1e-4)))[0] == "one"
    assert krawczyk(Beale(), (arb(1, 0.01), arb(0.5, 0.01)))[0] == "none"


def test_largest_eigenvalue_of_three_by_three() -> None:
    from flint import arb

    matrix = np.array([[2.0, 1.0, 0.5], [1.0, -1.0, 0.25], [0.5, 0.25, 3.0]])
    ball = largest_eigenvalue([[arb(v) for v in row] for row in matrix])
    assert abs(float(ball.mid()) - np.linalg.eigvalsh(matrix)[-1]) < 1e-12


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: critical_points(Ackley(), (0,), (1,)), ValueError, "coordinates"),
        (lambda: global_minima(Ackley(), (0, 1), (1, 1)), ValueError, "low must be below high"),
        (lambda: critical_points(Levy(), (-10, -10), (10, 10), boxes=5), Unfinished, "boxes are left after 5"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
