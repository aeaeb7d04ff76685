"""Anderson mixing and GMRES: SciPy, exact rationals and transcriptions as oracles; breakdowns; bad input."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
import scipy.sparse.linalg as sparse

from optassay.arrays import backend, to_numpy
from quadratics import Breakdown, anderson_iterates, gmres_iterates
from quadratics._systems import Systems
from quadratics.krylov import exact_anderson, exact_gmres, gmres_breakdown, rationals, solve_semidefinite

NAMES = ("iterates", "projected", "breakdown", "breakdown_step", "damping")


def systems(count: int, d: int, seed: int, low: float = 1.0, high: float = 20.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.standard_normal((count, d, d)))
    matrix = q @ (np.linspace(low, high, d)[:, None] * np.swapaxes(q, -1, -2))
    return (
        0.5 * (matrix + np.swapaxes(matrix, -1, -2)),
        rng.standard_normal((count, d)),
        rng.standard_normal((count, d)),
    )


def rational_system(d: int, seed: int, kind: str = "spd") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    factor = rationals(rng.integers(-3, 4, (d, d)))
    identity = rationals(np.eye(d, dtype=int))
    matrix = factor @ factor.T + identity if kind == "spd" else factor + 7 * identity
    return matrix, rationals(rng.integers(-5, 6, d)), rationals(rng.integers(-5, 6, d))


@pytest.mark.parametrize("shape", ["general", "spd"])
def test_gmres_against_scipy(shape):
    matrix, rhs, start = systems(3, 9, 0)
    if shape == "general":
        matrix = matrix + 5 * np.random.default_rng(1).standard_normal(matrix.shape)
    found = gmres_iterates(matrix, rhs, start, 9)
    assert found.shape == (10, 3, 9)
    for run in range(3):
        for k in (1, 4, 9):
            x, _ = sparse.gmres(matrix[run], rhs[run], x0=start[run], rtol=1e-300, restart=k, maxiter=1)
            np.testing.assert_allclose(found[k, run], x, rtol=1e-9, atol=1e-11)


def test_gmres_is_minres_on_symmetric_systems():
    matrix, rhs, start = systems(1, 12, 3, -4.0, 9.0)
    found = gmres_iterates(matrix[0], rhs[0], start[0], 12)
    for k in (2, 5, 8):
        x, _ = sparse.minres(matrix[0], rhs[0], x0=start[0], rtol=1e-300, maxiter=k)
        np.testing.assert_allclose(found[k], x, rtol=1e-8, atol=1e-10)


def test_restarted_gmres_against_scipy():
    matrix, rhs, start = systems(1, 10, 4)
    found = gmres_iterates(matrix[0], rhs[0], start[0], 8, restart=3)
    x, _ = sparse.gmres(matrix[0], rhs[0], x0=start[0], rtol=1e-300, restart=3, maxiter=2)
    np.testing.assert_allclose(found[6], x, rtol=1e-10)


@pytest.mark.parametrize("side", ["left", "right"])
def test_preconditioned_gmres_minimises_over_its_space(side):
    matrix, rhs, start = (v[0] for v in systems(1, 7, 5))
    inverse = np.diag(1.0 / np.arange(1.0, 8.0)) + 0.05
    found = gmres_iterates(matrix, rhs, start, 4, preconditioner=inverse, side=side)
    r = rhs - matrix @ start
    basis = [inverse @ r]
    for _ in range(3):
        basis.append(inverse @ (matrix @ basis[-1]))
    basis = np.stack(basis, axis=1)
    metric = inverse if side == "left" else np.eye(7)
    y, *_ = np.linalg.lstsq(metric @ matrix @ basis, metric @ r, rcond=None)
    np.testing.assert_allclose(found[4], start + basis @ y, rtol=1e-8)


@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-10), ("float32", 1e-3)])
def test_backends(xb, dtype, rtol):
    matrix, rhs, start = systems(4, 5, 6)
    arrays = [xb.array(v, dtype) for v in (matrix, rhs, start)]
    expected = gmres_iterates(matrix, rhs, start, 5)
    found = gmres_iterates(*arrays, 5)
    assert found.dtype == getattr(xb.xp, dtype)
    xb.assert_close(found, expected, rtol=rtol, atol=rtol)
    path = anderson_iterates(*arrays, 0.1, 4)
    xb.assert_close(path.projected, expected[:5], rtol=rtol, atol=rtol)
    assert path.iterates.dtype == getattr(xb.xp, dtype)
    assert np.all(to_numpy(path.breakdown) == 0)


@pytest.mark.parametrize("solver", ["basis", "factors", "gram"])
@pytest.mark.parametrize("mixing", [0.3, -0.7, lambda k: (0.2, -1.0, 3.0)[k % 3]])
def test_projected_points_are_those_of_gmres(solver, mixing):
    matrix, rhs, start = systems(5, 8, 7)
    expected = gmres_iterates(matrix, rhs, start, 9)
    path = anderson_iterates(matrix, rhs, start, mixing, 9, solver=solver)
    np.testing.assert_allclose(path.projected, expected, atol=1e-5 if solver == "gram" else 1e-9)
    beta = mixing(3) if callable(mixing) else mixing
    residual = rhs - np.einsum("nij,nj->ni", matrix, path.projected[3])
    np.testing.assert_allclose(path.iterates[4], path.projected[3] + beta * residual, rtol=1e-9)
    if solver != "gram" and mixing == 0.3:
        assert np.all(path.breakdown == Breakdown.SOLVED)


@pytest.mark.parametrize(
    "options",
    [
        {"damping": 0.6},
        {"damping": lambda k: 1 / (1 + k)},
        {"restart": 3},
        {"restart": 3, "memory": 4},
        {"preconditioner": np.diag([1.0, 0.5, 2.0, 0.1, 0.3, 0.2, 0.7])},
        {"preconditioner": np.diag([1.0, 0.5, 2.0, 0.1, 0.3, 0.2, 0.7]), "side": "left", "damping": 0.9},
    ],
)
def test_the_growing_basis_gives_the_points_of_new_factorisations(options):
    matrix, rhs, start = systems(3, 7, 13)
    grown = anderson_iterates(matrix, rhs, start, 0.1, 6, **options)  # what None stands for
    named = anderson_iterates(matrix, rhs, start, 0.1, 6, solver="basis", **options)
    anew = anderson_iterates(matrix, rhs, start, 0.1, 6, solver="factors", **options)
    assert np.all(grown.projected == named.projected)
    np.testing.assert_allclose(grown.projected, anew.projected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(grown.iterates, anew.iterates, rtol=1e-9, atol=1e-11)
    assert np.all(grown.damping == anew.damping)


@pytest.mark.parametrize("penalty", ["points", "coefficients"])
@pytest.mark.parametrize("other", [{"regularization": 0.1}, {"memory": 2}, {"positivity": 0.1}])
def test_without_a_solver_named_penalties_and_short_memories_get_factors(other, penalty):
    matrix, rhs, start = systems(2, 6, 14)
    path = anderson_iterates(matrix, rhs, start, 0.05, 5, penalty=penalty, **other)
    factors = anderson_iterates(matrix, rhs, start, 0.05, 5, penalty=penalty, solver="factors", **other)
    assert np.all(path.iterates == factors.iterates)
    with pytest.raises(ValueError, match="solver 'basis' needs"):
        anderson_iterates(matrix, rhs, start, 0.05, 5, penalty=penalty, solver="basis", **other)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-3)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"damping": np.linspace(0.3, 1.0, 6)},
        {"restart": 3, "damping": lambda k: 1 / (1 + k)},
        {"mixing": lambda k: (0.2, -1.0, 3.0)[k % 3]},
        {"mixing": np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3])},
    ],
)
def test_compiled_steps_are_those_of_numpy(monkeypatch, dtype, tolerance, options):
    from quadratics import _anderson_kernel as compiled

    if compiled.kernel(np.dtype(dtype)) is None:
        pytest.skip("no C compiler")
    matrix, rhs, start = (v.astype(dtype) for v in systems(6, 7, 18))
    options = {"mixing": 0.1, **options}
    monkeypatch.setattr(compiled, "LARGE", float("inf"))
    plain = anderson_iterates(matrix, rhs, start, steps=5, **options)
    calls = []
    original = compiled.compiled_steps
    monkeypatch.setattr("quadratics._anderson.compiled_steps", lambda *a: calls.append(a) or original(*a))
    monkeypatch.setattr(compiled, "LARGE", 0)
    fast = anderson_iterates(matrix, rhs, start, steps=5, **options)
    assert len(calls) == 1
    for name in NAMES:
        a, b = getattr(fast, name), getattr(plain, name)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_compiled_steps_see_the_same_breakdowns(monkeypatch):
    from quadratics import _anderson_kernel as compiled

    if compiled.kernel(np.dtype(float)) is None:
        pytest.skip("no C compiler")
    rotation, eye = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(2)
    matrix = np.stack([eye, rotation, np.zeros((2, 2)), np.diag([1.0, 0.0]), 1e200 * eye, np.diag([1.0, 3.0])])
    rhs = np.array([[1.0, 2.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 1.0]])
    start = np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1e150, 1e150], [0.0, 0.0]])
    found = []
    for large in (float("inf"), 0):
        monkeypatch.setattr(compiled, "LARGE", large)
        path = anderson_iterates(matrix, rhs, start, 0.5, 5)
        found.append((path.breakdown.tolist(), path.breakdown_step.tolist()))
    assert found[0] == found[1]
    solved, stuck, overflow = Breakdown.SOLVED, Breakdown.STAGNATION, Breakdown.NONFINITE
    assert found[0][0] == [solved, stuck, stuck, stuck, overflow, solved]
    assert found[0][1][:3] == [0, 1, 1]


def test_without_a_compiler_numpy_does_it(monkeypatch):
    from quadratics import _anderson_kernel as compiled

    monkeypatch.setattr(compiled, "LARGE", 0)
    monkeypatch.setattr(compiled, "kernel", lambda dtype: None)
    matrix, rhs, start = systems(2, 4, 19)
    path = anderson_iterates(matrix, rhs, start, 0.1, 4)
    np.testing.assert_allclose(path.projected, gmres_iterates(matrix, rhs, start, 4), atol=1e-9)


@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_change_nothing(monkeypatch, threads):
    from threadpoolctl import threadpool_limits

    from quadratics import _blocks

    matrix, rhs, start = (v.reshape(3, 4, *v.shape[1:]) for v in systems(12, 5, 15))
    inverse = np.eye(5) + 0.1 * np.arange(4.0)[:, None, None] * np.ones((5, 5))
    mixing, delta = np.array([0.1, 0.2, 0.05, 0.3]), np.linspace(0.0, 1.0, 3)[:, None]
    seen = []
    original = Systems.part

    def counted(self, block):
        seen.append(block)
        return original(self, block)

    monkeypatch.setattr(Systems, "part", counted)

    def results() -> list[np.ndarray]:
        plain = anderson_iterates(matrix, rhs, start, mixing, 6, preconditioner=inverse)
        penal = anderson_iterates(matrix, rhs, start, lambda k: mixing / (1 + k), 6, 3, regularization=delta)
        points = gmres_iterates(matrix, rhs, start, 6, preconditioner=inverse, restart=4)
        return [points, *(getattr(path, name) for path in (plain, penal) for name in NAMES)]

    whole = results()
    assert not seen
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 5 * 8 * 5 * 5)
    with threadpool_limits(threads):
        parts = results()
    assert len(seen) > 10
    for a, b in zip(whole, parts, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_an_error_in_a_block_is_raised(monkeypatch):
    from quadratics import _blocks

    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 1)
    matrix, rhs, start = systems(4, 3, 16)
    with pytest.raises(ValueError, match="mixing must not be zero"):
        anderson_iterates(matrix, rhs, start, lambda k: np.array([1.0, 1.0, 1.0, 0.0]), 2)


def test_one_matrix_for_many_right_sides():
    matrix, rhs, start = systems(4, 6, 17)
    every = np.broadcast_to(matrix[0], matrix.shape).copy()
    for call in (
        lambda a: gmres_iterates(a, rhs, start, 5),
        lambda a: anderson_iterates(a, rhs, start, 0.1, 5).iterates,
    ):
        np.testing.assert_allclose(call(matrix[0]), call(every), rtol=1e-9, atol=1e-11)


@pytest.mark.gpu
def test_gmres_against_cupyx():
    try:
        backend("cupy")
    except ImportError as error:
        pytest.skip(str(error))
    import cupy
    from cupyx.scipy.sparse.linalg import gmres

    matrix, rhs, start = (cupy.asarray(v[0]) for v in systems(1, 9, 0))
    found = gmres_iterates(matrix, rhs, start, 9)
    path = anderson_iterates(matrix, rhs, start, 0.1, 9)
    for k in (1, 4, 9):
        x, _ = gmres(matrix, rhs, x0=start, tol=1e-300, restart=k, maxiter=k)
        np.testing.assert_allclose(to_numpy(found[k]), to_numpy(x), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(to_numpy(path.projected[k]), to_numpy(x), rtol=1e-7, atol=1e-9)


def test_truncated_memory_and_damping_do_not_follow_gmres():
    matrix, rhs, start = systems(1, 8, 8)
    expected = gmres_iterates(matrix, rhs, start, 8)
    for options in ({"memory": 2}, {"damping": 0.5}, {"regularization": 0.1}):
        path = anderson_iterates(matrix, rhs, start, 0.1, 8, **options)
        assert np.max(np.abs(path.projected[4] - expected[4])) > 1e-3, options


@pytest.mark.parametrize("kind", ["spd", "general"])
@pytest.mark.parametrize("options", [{}, {"memory": 2}, {"damping": F(2, 3)}, {"regularization": F(1, 5)}])
def test_float_path_equals_the_exact_one(kind, options):
    matrix, rhs, start = rational_system(4, 2, kind)
    exact = exact_anderson(matrix, rhs, start, lambda k: F(1, 3 + k), 4, **options)
    floats = [v.astype(float) for v in (matrix, rhs, start)]
    given = {k: v if k == "memory" else float(v) for k, v in options.items()}
    path = anderson_iterates(*floats, lambda k: 1 / (3 + k), 4, **given)
    np.testing.assert_allclose(path.iterates, exact.iterates.astype(float), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(path.projected, exact.projected.astype(float), rtol=1e-8, atol=1e-9)
    expected = exact_gmres(matrix, rhs, start, 4)
    np.testing.assert_allclose(gmres_iterates(*floats, 4), expected.astype(float), rtol=1e-9, atol=1e-10)


def test_exact_points_have_the_least_residual_of_the_krylov_space():
    matrix, rhs, start = rational_system(4, 5, "general")
    points = exact_gmres(matrix, rhs, start, 4)
    r = rhs - matrix @ start
    for k in range(1, 5):
        residual = rhs - matrix @ points[k]
        direction = r
        for _ in range(k):
            direction = matrix @ direction
            assert residual @ direction == 0
    assert all(v == 0 for v in rhs - matrix @ points[4])


def test_penalties_and_preconditioner_against_one_step_by_hand():
    matrix, rhs, start = (v[0] for v in systems(1, 5, 9))
    inverse = np.diag([1.0, 0.5, 2.0, 0.1, 0.3])
    for penalty in ("points", "coefficients", "adaptive"):
        path = anderson_iterates(matrix, rhs, start, 0.1, 2, regularization=0.3, penalty=penalty)
        x0, x1 = path.iterates[:2]
        r0, r1 = rhs - matrix @ x0, rhs - matrix @ x1
        dx, dr = x1 - x0, r1 - r0
        added = {"points": 0.3 * dx @ dx, "coefficients": 0.3, "adaptive": 0.3 * r1 @ r1}[penalty]
        gamma = (dr @ r1) / (dr @ dr + added)
        np.testing.assert_allclose(path.projected[1], x1 - gamma * dx, rtol=1e-10)
        np.testing.assert_allclose(path.iterates[2], x1 - gamma * dx + 0.1 * (r1 - gamma * dr), rtol=1e-10)
    path = anderson_iterates(matrix, rhs, start, 0.1, 6, preconditioner=inverse)
    np.testing.assert_allclose(path.iterates[1], start + 0.1 * inverse @ (rhs - matrix @ start), rtol=1e-12)
    expected = gmres_iterates(matrix, rhs, start, 5, preconditioner=inverse)
    np.testing.assert_allclose(path.projected[:6], expected, rtol=1e-7, atol=1e-9)
    left = anderson_iterates(matrix, rhs, start, 0.1, 5, preconditioner=inverse, side="left")
    expected = gmres_iterates(matrix, rhs, start, 5, preconditioner=inverse, side="left")
    np.testing.assert_allclose(left.projected, expected, rtol=1e-7, atol=1e-9)


def test_safeguard_shrinks_the_damping_and_is_reported():
    matrix, rhs, start = (v[0] for v in systems(1, 8, 10))
    vectors = np.linalg.eigh(matrix)[1]
    matrix = (vectors * np.geomspace(0.001, 10.0, 8)) @ vectors.T
    free = anderson_iterates(matrix, rhs, start, 0.05, 6)
    safe = anderson_iterates(matrix, rhs, start, 0.05, 6, positivity=0.1)
    assert np.all(free.damping[1:4] == 1.0)
    assert np.any(safe.damping[1:4] < 1.0)


def test_restart_forgets():
    matrix, rhs, start = (v[0] for v in systems(1, 6, 11))
    path = anderson_iterates(matrix, rhs, start, 0.1, 4, restart=2)
    x, r = path.iterates[2:4], rhs - path.iterates[2:4] @ matrix
    dx, dr = x[1] - x[0], r[1] - r[0]  # the only column after two others
    np.testing.assert_allclose(path.projected[3], x[1] - (dr @ r[1]) / (dr @ dr) * dx, rtol=1e-12)


def test_breakdowns_are_results():
    rotation, rhs, zero = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 0.0]), np.zeros(2)
    stuck = anderson_iterates(rotation, rhs, zero, 0.5, 5)
    assert stuck.reason() is Breakdown.STAGNATION and int(stuck.breakdown_step) == 1
    np.testing.assert_allclose(gmres_iterates(rotation, rhs, zero, 3)[2], [0.0, 1.0], atol=1e-15)
    solution = np.array([1.0, 2.0])
    solved = anderson_iterates(np.eye(2), solution, solution, 0.5, 3)
    assert solved.reason() is Breakdown.SOLVED and int(solved.breakdown_step) == 0
    assert np.all(solved.iterates == solution) and np.all(gmres_iterates(np.eye(2), solution, solution, 3) == solution)
    huge = anderson_iterates(1e200 * np.eye(2), solution, 1e150 * solution, 1.0, 3, memory=1)
    assert huge.reason() is Breakdown.NONFINITE


def test_gmres_tells_its_breakdowns(xb):
    kinds = {
        "regular": (np.diag([1.0, 2.0, 3.0]), [1.0, 1.0, 1.0], Breakdown.SOLVED, 3),
        "few eigenvalues": (np.diag([1.0, 2.0, 2.0]), [1.0, 1.0, 1.0], Breakdown.SOLVED, 2),
        "inconsistent": (np.diag([1.0, 2.0, 0.0]), [1.0, 1.0, 1.0], Breakdown.STAGNATION, 2),
        "nothing": (np.zeros((3, 3)), [1.0, 0.0, 0.0], Breakdown.STAGNATION, 0),
        "homogeneous": (np.diag([1.0, 2.0, 0.0]), [0.0, 0.0, 0.0], Breakdown.SOLVED, 0),
        "shift": (np.roll(np.eye(3), 1, axis=0), [1.0, 0.0, 0.0], Breakdown.SOLVED, 3),
    }
    matrix, rhs = (xb.array(np.stack([np.asarray(kind[i]) for kind in kinds.values()])) for i in (0, 1))
    points = gmres_iterates(matrix, rhs, xb.xp.zeros_like(rhs), 5)
    reason, step = (to_numpy(v).tolist() for v in gmres_breakdown(matrix, rhs, points))
    assert dict(zip(kinds, zip(reason, step, strict=True), strict=True)) == {k: v[2:] for k, v in kinds.items()}
    reason, step = gmres_breakdown(matrix, rhs, points[:2, ...])
    assert to_numpy(reason).tolist()[0] == Breakdown.NONE and to_numpy(step).tolist()[0] == -1
    assert to_numpy(reason).tolist()[5] == Breakdown.STAGNATION  # so far
    with pytest.raises(ValueError, match="points must have shape"):
        gmres_breakdown(matrix, rhs, points[:0, ...])


def test_singular_systems():
    matrix, rhs = np.diag([1.0, 0.0, 2.0]), np.array([1.0, 1.0, 1.0])
    found = gmres_iterates(matrix, rhs, np.zeros(3), 4)
    residual = rhs - found @ matrix
    np.testing.assert_allclose(np.linalg.norm(residual[2:], axis=-1), 1.0, rtol=1e-12)
    assert np.all(np.isfinite(found))
    consistent = gmres_iterates(matrix, np.array([1.0, 0.0, 1.0]), np.zeros(3), 3)
    np.testing.assert_allclose(consistent[2], [1.0, 0.0, 0.5], atol=1e-14)
    np.testing.assert_allclose(
        anderson_iterates(matrix, np.array([1.0, 0.0, 1.0]), np.zeros(3), 1.0, 3).projected[2],
        [1.0, 0.0, 0.5],
        atol=1e-12,
    )
    assert np.all(gmres_iterates(np.zeros((2, 2)), rhs[:2], np.zeros(2), 2) == 0)
    nothing = anderson_iterates(np.zeros((2, 2)), rhs[:2], np.zeros(2), 1.0, 3)
    assert nothing.reason() is Breakdown.STAGNATION and np.all(np.isfinite(nothing.iterates))
    for solver in ("basis", "factors", "gram"):
        least = anderson_iterates(matrix, rhs, np.zeros(3), 1.0, 5, solver=solver)
        assert least.reason() is Breakdown.STAGNATION and int(least.breakdown_step) >= 2
        np.testing.assert_allclose((rhs - least.projected[2:4] @ matrix)[:, [0, 2]], 0.0, atol=1e-7)


def test_batch_equals_its_runs_and_broadcasts():
    matrix, rhs, start = systems(3, 5, 12)
    whole = anderson_iterates(matrix, rhs, start, 0.2, 4)
    for run in range(3):
        single = anderson_iterates(matrix[run], rhs[run], start[run], 0.2, 4)
        np.testing.assert_allclose(whole.projected[:, run], single.projected, rtol=1e-10)
    shared = gmres_iterates(matrix[0], rhs, start, 3)
    np.testing.assert_allclose(shared[:, 2], gmres_iterates(matrix[0], rhs[2], start[2], 3), rtol=1e-10)
    grid = anderson_iterates(matrix, rhs, start, np.array([0.1, 0.2, 0.4]), 3)
    np.testing.assert_allclose(grid.iterates[:, 1], whole.iterates[:4, 1], rtol=1e-10)


def test_eighty_digits():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(80):
        lift = np.vectorize(lambda v: mpmath.mpf(v.numerator) / v.denominator, otypes=[object])
        matrix, rhs, start = map(lift, rational_system(6, 3))
        path = exact_anderson(matrix, rhs, start, lambda k: mpmath.mpf(1) / 7, 6, negligible=mpmath.mpf(10) ** -70)
        expected = exact_gmres(matrix, rhs, start, 6, negligible=mpmath.mpf(10) ** -70)
        assert max(abs(v) for v in (path.projected - expected).ravel()) < mpmath.mpf(10) ** -55


def test_semidefinite_solver_finds_rank_and_a_solution():
    factor = rationals([[1, 2], [0, 1], [1, 3]])
    matrix = factor @ factor.T
    right = matrix @ rationals([1, 1, 1])
    x, rank = solve_semidefinite(matrix, right)
    assert rank == 2 and all(v == 0 for v in matrix @ x - right)


EYE, ONE = np.eye(2), np.ones(2)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: gmres_iterates(np.ones((2, 3)), ONE, ONE, 1), ValueError, "matrix must be square"),
        (lambda: gmres_iterates(EYE, np.ones(3), ONE, 1), ValueError, "rhs must have shape"),
        (lambda: gmres_iterates(1j * EYE, ONE, ONE, 1), TypeError, "matrix must hold real numbers"),
        (lambda: gmres_iterates(EYE, ONE, ONE, -1), ValueError, "steps must be"),
        (lambda: gmres_iterates(EYE, ONE, ONE, 1, restart=0), ValueError, "restart must be"),
        (lambda: gmres_iterates(EYE, ONE * np.nan, ONE, 1), ValueError, "rhs must be finite"),
        (lambda: anderson_iterates(EYE, ONE, np.ones(3), 1.0, 1), ValueError, "start must have shape"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 0.0, 1), ValueError, "mixing must not be zero"),
        (lambda: anderson_iterates(EYE, ONE, ONE, lambda k: 0.0, 1), ValueError, "mixing must not be zero"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, memory=0), ValueError, "memory must be"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, regularization=-1.0), ValueError, "regularization must lie"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, penalty="l1"), ValueError, "penalty must be"),
        (lambda: gmres_iterates(np.ones((3, 2, 2)), np.ones((2, 2)), ONE, 1), ValueError, "do not broadcast"),
        (lambda: gmres_iterates(EYE, ONE, ONE, 1, preconditioner=EYE, side="split"), ValueError, "side must be"),
        (lambda: gmres_iterates(EYE, 1j * ONE, ONE, 1), TypeError, "rhs must hold real numbers"),
        (lambda: gmres_iterates(np.diag([1.0, np.inf]), ONE, ONE, 1), ValueError, "matrix must be finite"),
        (lambda: gmres_iterates(EYE, ONE, ONE, 1, preconditioner=np.ones((3, 3))), ValueError, "preconditioner must"),
        (lambda: gmres_iterates([[1.0]], ONE, ONE, 1), TypeError, "matrix must be an array"),
        (lambda: anderson_iterates(np.ones(2), ONE, ONE, 1.0, 1), ValueError, "matrix must be square"),
        (lambda: anderson_iterates(1j * EYE, ONE, ONE, 1.0, 1), TypeError, "matrix must hold real numbers"),
        (lambda: anderson_iterates(EYE, np.ones(3), ONE, 1.0, 1), ValueError, "rhs must have shape"),
        (lambda: anderson_iterates(EYE, ONE, ONE, np.array([1.0, 0.0]), 1), ValueError, "mixing must not be zero"),
        (lambda: anderson_iterates(EYE, ONE, ONE, np.nan, 1), ValueError, "mixing must lie"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, memory=2.0), ValueError, "memory must be"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, damping=-1.0), ValueError, "damping must lie"),
        (
            lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, regularization=np.nan),
            ValueError,
            "regularization must lie",
        ),
        (
            lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, regularization=-np.ones(2), preconditioner=EYE),
            ValueError,
            "regularization must lie",
        ),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, restart=0), ValueError, "restart must lie"),
        (lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, positivity=2.0), ValueError, "positivity must be"),
        (
            lambda: anderson_iterates(EYE, ONE, ONE, 1.0, 1, preconditioner=EYE, positivity=0.1),
            ValueError,
            "a right preconditioner needs",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
