"""Batched runs, starts, escape criteria, intervals and buffer diagnostics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis import buffers
from analysis._blocks import BLOCK_BYTES, TEMPORARIES, block_length
from analysis.escape import in_flat_basin, near, ridge, wilson
from analysis.landscapes import Ackley, GoldsteinPrice, Levy, Sphere, TwoWell
from analysis.runs import grid_starts, run, uniform_starts
from optassay.arrays import to_numpy
from optassay.optimizers import (
    Adam,
    AdamCriticalGradients,
    AdamCriticalMomenta,
    ExtraGradient,
    GradientDescent,
    Momentum,
    SharpnessAware,
    StepDrops,
)

RULES = {
    "adam": Adam(step_size=0.1, beta2=0.99),
    "cg": AdamCriticalGradients.paper(step_size=0.1, beta2=0.99),
    "cm": AdamCriticalMomenta.paper(step_size=0.1, beta2=0.99, capacity=3),
    "sam": SharpnessAware(Adam(step_size=0.1, beta2=0.99)),
    "meg": ExtraGradient(Momentum(0.01, 0.9), extrapolation=0.01),
}


@pytest.mark.parametrize("name", RULES)
def test_a_batch_is_its_runs_side_by_side(xb: Any, name: str) -> None:
    starts = uniform_starts(5, [-3, -3], [3, 3], 0)
    together = run(RULES[name], Ackley(), xb.array(starts), 25).params
    single = np.stack([run(RULES[name], Ackley(), s, 25).params for s in starts])
    xb.assert_close(together, single, rtol=1e-8, atol=1e-9)


def test_gradient_descent_on_the_sphere_in_closed_form() -> None:
    done = run(GradientDescent(0.1), Sphere(), np.array([[1.0, -2.0]]), 7, record_every=3)
    assert done.steps == (0, 3, 6, 7)
    assert done.trajectory is not None
    for t, row in zip(done.steps, done.trajectory, strict=True):
        np.testing.assert_allclose(row, 0.8**t * np.array([[1.0, -2.0]]))
    np.testing.assert_array_equal(done.trajectory[-1], done.params)


def test_schedules_and_grids_of_hyperparameters() -> None:
    drop = run(GradientDescent(StepDrops(0.1, after=(4,))), Sphere(), np.ones(1), 6).params
    np.testing.assert_allclose(drop, 0.8**4 * 0.98**2)
    grid = run(GradientDescent(np.array([0.1, 0.2])), Sphere(), np.ones((2, 3)), 2).params
    np.testing.assert_allclose(grid[:, 0], [0.8**2, 0.6**2])


@pytest.mark.parametrize("wrap", [lambda r: r, SharpnessAware])
def test_divergence_does_not_stop_the_batch(wrap: Any) -> None:
    start = np.array([[1.0, 1.0], [80.0, -70.0]])
    done = run(wrap(GradientDescent(1e-3)), GoldsteinPrice("plain"), start, 60)
    assert not np.any(np.isfinite(done.params[1]))
    alone = run(wrap(GradientDescent(1e-3)), GoldsteinPrice("plain"), start[:1], 60)
    np.testing.assert_array_equal(done.params[0], alone.params[0])


def test_observer_sees_every_step() -> None:
    start = uniform_starts(3, [-2, -2], [2, 2], 1)
    rule = AdamCriticalMomenta.paper(step_size=0.1, capacity=4, decay=0.99)
    done = run(rule, Ackley(), start, 6, observe=lambda o: (o.t, o.before, o.after, o.state.buffer.fill))
    assert [o[0] for o in done.observed] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(done.observed[0][1], start)
    for earlier, later in zip(done.observed, done.observed[1:], strict=False):
        np.testing.assert_array_equal(earlier[2], later[1])
    assert np.all(done.observed[-1][3] == 4)


@pytest.mark.parametrize("name", ["cm", "sam", "momentum"])
@pytest.mark.parametrize("landscape", [Ackley(), TwoWell(np.array([[2.0], [7.0]]))])
def test_blocks_change_nothing(name: str, landscape: Any) -> None:
    rule = RULES.get(name, Momentum(StepDrops(0.01, after=(5,)), 0.9))
    start = np.broadcast_to(uniform_starts(37, [-3, -3], [3, 3], 0), (2, 37, 2))
    whole = run(rule, landscape, start, 30, record_every=10, block=37)
    for options in ({"block": 5}, {"block": 36}, {"jobs": 2}):
        parts = run(rule, landscape, start, 30, record_every=10, **options)  # type: ignore[arg-type]
        np.testing.assert_array_equal(parts.params, whole.params)
        np.testing.assert_array_equal(parts.trajectory, whole.trajectory)
        assert parts.steps == whole.steps
        assert _equal(parts.state, whole.state)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        return type(a) is type(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return np.array_equal(a, b)


def test_blocks_leave_alone_what_differs_along_the_cut() -> None:
    start = np.ones((4, 2))
    steps = np.array([0.1, 0.2, 0.3, 0.4])
    found = run(GradientDescent(steps), Sphere(), start, 2, block=1).params
    np.testing.assert_allclose(found[:, 0], (1 - 2 * steps) ** 2)
    scheduled = run(GradientDescent(lambda t: steps / t), Sphere(), start, 1, block=1).params
    np.testing.assert_allclose(scheduled[:, 0], 1 - 2 * steps)
    well = run(GradientDescent(0.01), TwoWell(np.array([2.0, 3.0, 4.0, 5.0])), start + 0.2, 1, block=1).params
    np.testing.assert_allclose(well[:, 0], 1.2 - 0.004 * np.array([2.0, 3.0, 4.0, 5.0]))


def test_a_block_fits_the_cache() -> None:
    start = np.zeros((50_000, 10))
    small, large = (block_length(AdamCriticalMomenta(capacity=c), start) for c in (5, 40))
    assert large < small < 50_000
    assert BLOCK_BYTES / 2 < large * 8 * (10 * (40 + 4 + TEMPORARIES) + 41) <= BLOCK_BYTES * 1.05
    assert block_length(Adam(), np.zeros((3, 10**9 // 100))) == 1


def test_starts(xb: Any) -> None:
    like = xb.array([0.0])
    box = uniform_starts(4000, [-1, 2], [1, 6], 3, like=like)
    xb.assert_close(box, uniform_starts(4000, [-1, 2], [1, 6], 3))
    host = to_numpy(box)
    assert np.all(host >= (-1, 2)) and np.all(host < (1, 6))
    np.testing.assert_allclose(host.mean(0), (0, 4), atol=0.1)
    grid = to_numpy(grid_starts(3, [0, 10], [1, 12], like=like))
    assert grid.shape == (9, 2)
    assert {tuple(row) for row in grid} == {(a, b) for a in (0, 0.5, 1) for b in (10, 11, 12)}


@pytest.mark.parametrize("s", [1.0, 2.0, 5.0, 100.0])
def test_ridge_divides_the_basins_of_gradient_flow(s: float) -> None:
    border = ridge(s)
    starts = np.array([[-3.0], [border - 1e-3], [border + 1e-3], [1.0], [4.0], [40.0]])
    end = run(GradientDescent(0.2 / s), TwoWell(s), starts, int(60 * s) + 200).params[:, 0]
    np.testing.assert_allclose(end, [0, 0, 1, 1, 1, 1], atol=1e-6)
    np.testing.assert_array_equal(in_flat_basin(starts, s), np.round(end) == 0)


def test_criteria(xb: Any) -> None:
    points = xb.array([[0.1, 0.2], [0.1, 0.9], [1.0, 1.0], [np.nan, 0.0]])
    s = xb.array([4.0, 4.0, 4.0, 4.0])  # ridge at 2/3
    assert to_numpy(in_flat_basin(points, s)).tolist() == [True, False, False, False]
    assert to_numpy(in_flat_basin(points, 4.0, "any")).tolist() == [True, True, False, True]
    assert to_numpy(in_flat_basin(points, s, "mean")).tolist() == [1, 0.5, 0, 0.5]
    assert to_numpy(near(points, 0.0, 0.15, "any")).tolist() == [True, True, False, True]
    assert to_numpy(near(points, xb.array([1.0, 1.0]), 0.1)).tolist() == [False, False, True, False]


def test_wilson_intervals() -> None:
    found = wilson([0, 10, 50], 50)
    z = 1.959963984540054
    for k, low, high in zip((0, 10, 50), found.low, found.high, strict=True):
        centre = (k + z * z / 2) / (50 + z * z)
        half = z * np.sqrt(k * (50 - k) / 50 + z * z / 4) / (50 + z * z)
        assert (low, high) == (pytest.approx(max(centre - half, 0), abs=1e-12), pytest.approx(min(centre + half, 1)))
    assert wilson(10, 50, 0.99).low < wilson(10, 50).low


def test_spread_of_a_buffer(xb: Any) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((4, 5, 3))
    fill = np.array([5.0, 2.0, 1.0, 0.0])
    found = buffers.spread(xb.array(vectors), xb.array(fill))
    for row in range(3):
        kept = vectors[row, : int(fill[row])]
        lengths = np.linalg.norm(kept, axis=1)
        ratio = np.linalg.norm(kept.mean(0)) / lengths.mean()
        variance = kept.var(axis=0).sum()
        got = [float(to_numpy(part)[row]) for part in found]
        np.testing.assert_allclose(got, [1 - ratio, ratio, variance, variance / (lengths**2).mean()], atol=1e-12)
    assert np.isnan(to_numpy(found.ratio)[3])
    opposed = buffers.spread(xb.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert float(opposed.cancellation) == 1 and float(opposed.relative_variance) == 1


def test_cosines_and_agreement(xb: Any) -> None:
    vectors = np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 1.0], [9.0, 9.0]])
    fill = np.array(3.0)
    found = to_numpy(buffers.cosines(xb.array(vectors), xb.array([2.0, 0.0]), xb.array(fill)))
    np.testing.assert_allclose(found, [1, 0, np.sqrt(0.5), np.nan])
    xb.assert_close(buffers.agreement(xb.array(vectors), xb.array(fill)), np.sqrt(0.5) / 2)
    assert np.isnan(to_numpy(buffers.agreement(xb.array(vectors), xb.array(1.0))))


def test_buffer_of_a_state() -> None:
    done = run(AdamCriticalGradients.paper(step_size=0.1, capacity=4), Levy(), np.ones((3, 2)) * 2, 2)
    vectors, fill = buffers.stacked(done.state.buffer)
    assert vectors.shape == (3, 4, 2) and np.all(fill == 2)
    np.testing.assert_allclose(vectors[:, 0], Levy().gradient(np.ones((3, 2)) * 2))
    with pytest.raises(ValueError, match="capacity"):
        buffers.stacked(AdamCriticalGradients.paper(capacity=0).init(np.zeros(2)).buffer)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: run(Adam(), Ackley(), np.zeros(2), -1), ValueError, "steps must not be negative"),
        (lambda: run(Adam(), Ackley(), np.zeros(2), 1, record_every=0), ValueError, "record_every must be"),
        (lambda: run(Adam(), Ackley(), np.zeros(2), 1, block=0), ValueError, "block must be at least 1, got 0"),
        (lambda: run(Adam(), Ackley(), np.zeros(2), 1, jobs=0), ValueError, "jobs must be at least 1, got 0"),
        (lambda: run("adam", Ackley(), np.zeros(2), 1), TypeError, "rule must be an update rule"),  # type: ignore[arg-type]
        (lambda: run(Adam(), Ackley(), np.zeros(3), 1), ValueError, "x must have 2 coordinates"),
        (lambda: uniform_starts(0, [0], [1], 0), ValueError, "count must be at least 1"),
        (lambda: uniform_starts(3, [0, 1], [1], 0), ValueError, "one entry per coordinate"),
        (lambda: uniform_starts(3, [2], [1], 0), ValueError, "low must not exceed high"),
        (lambda: grid_starts(1, [0], [1]), ValueError, "per_axis must be at least 2"),
        (lambda: wilson(3, 2), ValueError, "successes must lie in"),
        (lambda: wilson(1, 2, 1.0), ValueError, "level must lie in"),
        (lambda: near(np.zeros(2), 0.0, -1.0), ValueError, "tolerance must not be negative"),
        (lambda: in_flat_basin(np.zeros(2), 2.0, "some"), ValueError, "coordinates must be"),  # type: ignore[arg-type]
        (lambda: buffers.spread(np.zeros(2)), ValueError, "vectors must have shape"),
        (lambda: buffers.spread(np.zeros((2, 2)), np.zeros(3)), ValueError, "fill must have shape"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
