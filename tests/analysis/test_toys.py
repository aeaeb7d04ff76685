"""Studies of the toy experiments: methods, starts, outcomes, small studies, buffers along runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.landscapes import Ackley, Sphere, TwoWell
from analysis.toy_buffers import MEASURES, buffer_course, top_direction, window_means
from analysis.toys import (
    NAMES,
    Method,
    Plane,
    Starts,
    Wells,
    chance_of_order,
    losses,
    plane_outcome,
    power_of_mean,
    ratios,
    reached_flat,
    small_studies,
    visited,
    well_ends,
    with_options,
)
from optassay.optimizers import Adam, AdamCriticalGradients, AdamCriticalMomenta, ExtraGradient, SharpnessAware

STUDY = Plane(Ackley(), Starts(-2.0, 2.0, 2, 12), (0, 5, 20))


def test_methods_build_the_rules_they_name() -> None:
    kinds = {
        "Adam": Adam,
        "Adam+SAM": SharpnessAware,
        "Adam+CG": AdamCriticalGradients,
        "Adam+CM": AdamCriticalMomenta,
        "Adam+SAM+CM": SharpnessAware,
        "Adam+MEG": ExtraGradient,
    }
    for name, kind in kinds.items():
        assert type(Method(name).rule()) is kind  # type: ignore[arg-type]
    assert isinstance(Method("Adam+SAM+CM").rule().rule, AdamCriticalMomenta)  # type: ignore[attr-defined]
    rule = Method("Adam+CM", capacity=7, decay=0.9, drop=3, options=(("mean", "fill"),)).rule()
    assert (rule.capacity, rule.decay, rule.mean) == (7, 0.9, "fill")  # type: ignore[attr-defined]
    assert [rule.step_size(t) for t in (3, 4)] == pytest.approx([0.05, 0.005])  # type: ignore[attr-defined]


def test_momentum_options_leave_stored_gradients_alone() -> None:
    rule = with_options(Method("Adam+CG"), "published code").rule()
    assert rule.mean == "fill"  # type: ignore[attr-defined]
    assert with_options(Method("Adam"), "mean over the fill").rule() is not None


def test_bad_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"name must be one of Adam, .* got 'Adan'"):
        Method("Adan")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reading must be one of as printed"):
        with_options(Method("Adam"), "none")
    with pytest.raises(ValueError, match="grid of starts needs dim 1, got 2"):
        Starts(0.0, 1.0, 2, 4, grid=True).points()
    with pytest.raises(ValueError, match="outcome must be 'loss'"):
        plane_outcome(Method("Adam"), STUDY, "speed")


def test_starts() -> None:
    np.testing.assert_allclose(Starts(0.0, 1.0, 1, 4, grid=True).points()[:, 0], [0.125, 0.375, 0.625, 0.875])
    points = Starts(-5.0, 5.0, 10, 300).points()
    assert points.shape == (300, 10) and abs(points).max() <= 5
    assert np.array_equal(points, Starts(-5.0, 5.0, 10, 300).points())
    assert not np.array_equal(points, Starts(-5.0, 5.0, 10, 300, seed=1).points())


def test_visited_points_are_steps_of_one_run() -> None:
    method = Method("Adam+CM", 0.1)
    points = visited(method, STUDY)
    assert np.array_equal(points[0], STUDY.starts.points())
    shorter = visited(method, Plane(Ackley(), STUDY.starts, (5,)))
    assert np.array_equal(points[1], shorter[0])
    np.testing.assert_allclose(losses(method, STUDY), Ackley().value(points))
    travelled = plane_outcome(method, STUDY, "travelled")
    np.testing.assert_allclose(travelled, np.hypot(*(points[-1] - points[0]).T))
    reached = plane_outcome(method, STUDY, "reached", within=1.0)
    assert np.array_equal(reached, (np.hypot(*points[-1].T) <= 1.0).astype(float))


def test_ratios_leave_out_starts_that_do_not_count() -> None:
    table = ratios({"a": np.array([1.0, np.nan, 0.0, 1.0])})["a"]
    assert table[0] == pytest.approx(2 / 3, abs=1e-4) and table[3] == 3
    assert table[1] < table[0] < table[2]


def test_chance_of_order_against_the_binomial() -> None:
    # a is 1 for half of the starts, b is 0 for all: 10 starts show a > b unless all ten miss.
    outcomes = {"a": np.array([0.0, 1.0]), "b": np.zeros(2)}
    assert chance_of_order(outcomes, [("a", "b")], 10) == pytest.approx(1 - 0.5**10, abs=2e-3)
    assert chance_of_order(outcomes, [("a", "b")], 1) == pytest.approx(0.5, abs=0.05)
    assert chance_of_order(outcomes, [("b", "a")], 10) == 0.0


def test_small_studies_pair_by_pair() -> None:
    outcomes = {"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0]), "c": np.array([np.nan, -1.0])}
    shown = small_studies(outcomes, [("a", "b"), ("b", "a"), ("b", "c")], 1, trials=400)
    assert shown.shape == (400, 3)
    assert np.array_equal(shown[:, 0], ~shown[:, 1])  # one start: one of the two is above
    assert np.array_equal(shown[:, 2], shown[:, 1])  # c counts in the second start only
    assert chance_of_order(outcomes, [("a", "b"), ("b", "a")], 5) == 0.0


def test_power_of_a_mean_by_independent_coordinates() -> None:
    # Shares of two independent coordinates: the product law holds, and both means agree within their errors.
    coordinates = np.random.default_rng(0).random((40_000, 2)) < 0.3
    product = power_of_mean(coordinates.mean(axis=1), 2)
    np.testing.assert_allclose(product.mean(), coordinates.mean() ** 2, rtol=1e-12)
    difference = product - coordinates.all(axis=1)
    assert abs(difference.mean()) < 4 * difference.std() / 200
    assert product.std() == pytest.approx(2 * 0.3 * np.sqrt(0.21 / 2), rel=0.03)


def test_last_step() -> None:
    method = Method("Adam", 0.1)
    points = visited(method, Plane(Ackley(), STUDY.starts, (19, 20)))
    found = plane_outcome(method, STUDY, "step")
    np.testing.assert_allclose(found, np.hypot(*(points[1] - points[0]).T))


def test_criteria_of_escape() -> None:
    study, method = Wells((2.0,), Starts(-1.0, 2.0, 2, 80), 30), Method("Adam", 0.2)
    inside = well_ends(method, study)[0] < np.sqrt(2) / (1 + np.sqrt(2))
    for criterion, expected in (("basin", inside.all(-1)), ("any", inside.any(-1)), ("share", inside.mean(-1))):
        np.testing.assert_array_equal(reached_flat(method, study, criterion)[0], expected)  # type: ignore[arg-type]
    ever = reached_flat(method, study, "ever")[0]
    assert np.all(ever >= inside.all(-1))
    assert not reached_flat(method, Wells((2.0,), Starts(2.0, 3.0, 2, 20), 1), "ever").any()
    with pytest.raises(ValueError, match="criterion must be one of basin"):
        reached_flat(method, study, "soon")  # type: ignore[arg-type]


def test_course_of_a_buffer() -> None:
    study = Plane(Ackley(), Starts(-2.0, 2.0, 2, 10), (12,))
    method = Method("Adam+CG", 0.1, capacity=3)
    course = buffer_course(method, study, tuple(MEASURES))
    assert set(course) == set(MEASURES) and all(table.shape == (12, 10) for table in course.values())
    np.testing.assert_allclose(course["ratio"][0], 1.0)  # one vector is its own mean
    np.testing.assert_allclose(course["variance"][0], 0.0, atol=1e-20)
    np.testing.assert_allclose(course["step"][0], 0.1 * np.sqrt(2), rtol=1e-4)  # Adam's first step, either coordinate
    assert np.all(course["replaced"][:3] == 1) and np.all(course["smaller"] == 0)
    means = window_means(method, study, ("ratio", "step"), ((2, 4), (1, 12)))
    np.testing.assert_allclose(means["ratio"][0], course["ratio"][1:4].mean(axis=0))
    np.testing.assert_allclose(means["step"][1], course["step"].mean(axis=0))
    with pytest.raises(ValueError, match="measures must be of"):
        buffer_course(method, study, ("size",))
    with pytest.raises(ValueError, match=r"must lie in 1..12, got 0 to 2"):
        window_means(method, study, ("ratio",), ((0, 2),))
    with pytest.raises(ValueError, match="two coordinates, got 3"):
        buffer_course(method, Plane(Sphere(), Starts(-2.0, 2.0, 3, 2), (2,)), ("alignment",))


def test_a_buffer_fed_along_another_path() -> None:
    study = Plane(Ackley(), Starts(-2.0, 2.0, 2, 10), (8,))
    cg, cm = Method("Adam+CG", 0.1, capacity=3), Method("Adam+CM", 0.1, capacity=3)
    along = buffer_course(cg, study, ("ratio", "step"), along=cg)
    for name, table in buffer_course(cg, study, ("ratio", "step")).items():
        np.testing.assert_array_equal(along[name], table)
    fed = buffer_course(cm, study, ("step",), along=cg)
    np.testing.assert_array_equal(fed["step"], along["step"])  # the path stays that of the other method


def test_near_the_sharp_well_only() -> None:
    study = Plane(TwoWell(5.0), Starts(-1.0, 2.0, 1, 50), (5,))
    method = Method("Adam+CM", 0.05, capacity=2)
    everywhere, near = (buffer_course(method, study, ("step",), near=n)["step"] for n in (False, True))
    inside = np.abs(study.starts.points()[:, 0] - 1) < 0.5
    assert np.array_equal(np.isfinite(near[0]), inside) and 0 < inside.sum() < 50
    np.testing.assert_array_equal(near[0][inside], everywhere[0][inside])


def test_top_direction_is_an_eigenvector() -> None:
    matrices = np.random.default_rng(0).standard_normal((30, 2, 2))
    matrices = matrices + np.swapaxes(matrices, -1, -2)
    found = top_direction(matrices)
    top = np.linalg.eigvalsh(matrices)[:, -1:]
    np.testing.assert_allclose((matrices @ found[..., None])[..., 0], top * found, atol=1e-12)


def test_methods_of_one_rule_are_one_method() -> None:
    twins = (
        (Method("Adam", capacity=20, decay=0.99, radius=1.0), Method("Adam", options=(("mean", "fill"),))),
        (
            Method("Adam+CG", options=(("key", "momentum"), ("mean", "fill"))),
            Method("Adam+CG", options=(("mean", "fill"),)),
        ),
        (Method("Adam+SAM", extrapolation=1.0, capacity=3), Method("Adam+SAM")),
    )
    for first, second in twins:
        assert first.used() == second.used()
        assert repr(first.rule()) == repr(second.rule()) == repr(first.used().rule())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "change",
    [
        {"capacity": 7},
        {"decay": 0.9},
        {"radius": 0.2},
        {"extrapolation": 0.2},
        {"key_at": "original"},
        {"options": (("key", "momentum"),)},
        {"options": (("mean", "fill"),)},
        {"options": (("debias", False),)},
    ],
)
def test_what_a_rule_uses_is_kept(name: Any, change: dict[str, Any]) -> None:
    method = Method(name, **change)
    assert repr(method.used().rule()) == repr(method.rule())
    assert (method.used() == Method(name)) == (repr(method.rule()) == repr(Method(name).rule()))
