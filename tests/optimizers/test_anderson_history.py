"""The history of Anderson mixing: incremental Gram matrices, compiled passes over long vectors."""

from __future__ import annotations

import numpy as np
import pytest

from optassay.arrays import context
from optassay.optimizers import AdaSAM, GradientDescent, _gram, _streams
from optassay.optimizers._trace import trace


def test_incremental_gram_matrices_over_500_steps():
    rng = np.random.default_rng(6)
    d, m = 50, 6
    rule = AdaSAM(m, 0.1, average=0.5)
    params = rng.standard_normal(d)
    state = rule.init(params)
    for t in range(1, 501):
        params, state = rule.step(params, 0.3 * params + rng.standard_normal(d), state)
        if t % 50 == 0 or t < 10:
            x, r = np.stack(state.history.x, axis=1), np.stack(state.history.r, axis=1)
            lengths_x, lengths_r = np.linalg.norm(x, axis=0), np.linalg.norm(r, axis=0)
            for found, exact, scale in (
                (state.history.xx, x.T @ x, np.outer(lengths_x, lengths_x)),
                (state.history.rr, r.T @ r, np.outer(lengths_r, lengths_r)),
                (state.history.xr, x.T @ r, np.outer(lengths_x, lengths_r)),
            ):
                assert np.all(np.abs(found - exact) <= 1e-12 * scale)
    assert len({id(column) for column in state.history.x}) == m


def test_five_hundred_steps_equal_steps_with_all_products_formed_afresh():
    """Every step from the same state, relative to its own length; the control forgets to replace one row."""
    rng = np.random.default_rng(16)
    rule = AdaSAM(6, 0.5, average=0.5)
    params, state, worst, wrong = rng.standard_normal(50), rule.init(np.zeros(50)), 0.0, 0.0
    for _ in range(500):
        grad = np.linspace(0.05, 1.0, 50) * params + 0.1 * rng.standard_normal(50)
        new, after = rule.step(params, grad, state)
        x, r = (np.stack(v) for v in (state.history.x, state.history.r))
        fresh = state.history._replace(xx=x @ x.T, rr=r @ r.T, xr=x @ r.T)
        other, _ = rule.step(params, grad, state._replace(history=fresh))
        worst = max(worst, float(np.linalg.norm(new - other) / np.linalg.norm(new - params)))
        stale = fresh._replace(rr=np.roll(fresh.rr, 1, axis=(0, 1)))
        other, _ = rule.step(params, grad, state._replace(history=stale))
        wrong = max(wrong, float(np.linalg.norm(new - other) / np.linalg.norm(new - params)))
        params, state = new, after
    assert worst < 1e-12
    assert wrong > 1e-3


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("length", [_streams.LONG + 17, 2 * _gram.BLOCK + 17])
def test_products_and_combinations_of_long_vectors(compiled, dtype, length, monkeypatch):
    if not compiled:
        monkeypatch.setattr(_streams, "applies", lambda *arrays: False)
    rng = np.random.default_rng(7)
    for m in (1, 3, 7):
        columns, vectors = (list(rng.standard_normal((k, 2, length)).astype(dtype)) for k in (m, 3))
        weights = rng.standard_normal((2, m)).astype(dtype)
        ctx = context(columns=columns[0])
        found = _gram.products(ctx, (vectors[:1], vectors[:1]), (columns, vectors), (vectors[:2], columns[:2]))
        swapped = _gram.products(ctx, (vectors, columns))[0]  # up to seven vectors for a column
        exact = np.einsum("inj,knj->nik", *(np.array(v, dtype=float) for v in (columns, vectors)))
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(found[1], exact, rtol=0, atol=8 * eps * length)  # |column| |vector| is about length
        np.testing.assert_allclose(swapped, np.swapaxes(exact, 1, 2), rtol=0, atol=8 * eps * length)
        assert found[2].shape == (2, 2, min(m, 2))
        total = np.einsum("nm,mnj->nj", weights.astype(float), np.array(columns, dtype=float))
        combined = _gram.combine(ctx, columns, weights)
        np.testing.assert_allclose(combined, total, rtol=0, atol=40 * m * eps)
        assert combined.dtype == found[0].dtype == np.dtype(dtype)
        strided = [np.asfortranarray(v) for v in columns]
        np.testing.assert_allclose(_gram.combine(ctx, strided, weights), total, rtol=0, atol=40 * m * eps)


def test_fresh_vectors_stand_at_different_places_of_their_pages():
    like = np.ones((2, _streams.LONG), dtype=np.float32)
    made = [_streams.fresh(like) for _ in range(4)]
    assert len({array.ctypes.data % _streams.PAGE for array in made}) == 4
    for k, array in enumerate(made):
        assert array.shape == like.shape and array.dtype == like.dtype
        array[:] = k
    assert [float(array.min()) for array in made] == [float(array.max()) for array in made] == [0.0, 1.0, 2.0, 3.0]
    assert _streams.fresh(np.ones(3)).shape == (3,)


def test_long_vectors_are_combined_by_the_compiled_loops():
    if _streams._loops(np.dtype(float)) is None:
        pytest.skip("no C compiler")
    long, short = np.ones((2, _streams.LONG)), np.ones((2, _streams.LONG - 1))
    assert _streams.applies(*long)
    assert not _streams.applies(*short)
    assert not _streams.applies(long[0], long[1].astype(np.float32))
    assert not _streams.applies(long.T)


needs_compiler = pytest.mark.skipif(_streams._loops(np.dtype(float)) is None, reason="no C compiler")


@needs_compiler
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "rule",
    [
        AdaSAM(3, 0.5, positivity=None),
        AdaSAM(3, 0.5, average=0.9, weight_decay=0.01),
        AdaSAM(3, 0.5, average=lambda t: 0.5 if t % 2 else 0.0, restart=4),
        AdaSAM.published(GradientDescent(0.1), memory=3, solver="gram"),
    ],
    ids=["plain", "average-decay", "schedule-restart", "published"],
)
def test_steps_by_compiled_passes_equal_steps_by_array_operations(rule, dtype, monkeypatch):
    d = _streams.LONG + 5
    rng = np.random.default_rng(3)
    scale = np.linspace(0.2, 1.0, d)
    start, noise = rng.standard_normal((2, 2, d)).astype(dtype)
    ways = {}
    for name in ("compiled", "arrays"):
        with monkeypatch.context() as patch:
            if name == "arrays":
                patch.setattr(_streams, "applies", lambda *arrays: False)
            params, state = start, rule.init(start)
            for t in range(7):
                grad = (scale * params + 0.1 * np.roll(noise, 1000 * t, axis=-1)).astype(dtype)
                kept = params.copy(), grad.copy()
                params, state = rule.step(params, grad, state)
                grad += 1.0  # the state keeps nothing of the caller's
            ways[name] = (params, state.x, state.r, state.dx, state.dr, state.history.xx, state.history.rr)
            assert np.array_equal(state.x, kept[0])
    # Gram matrices have entries of about d, the vectors of about one.
    for fast, slow in zip(ways["compiled"], ways["arrays"], strict=True):
        bound = 1e4 * np.finfo(dtype).eps * max(1.0, float(np.abs(slow).max()))
        assert fast.dtype == slow.dtype == np.dtype(dtype)
        np.testing.assert_allclose(fast, slow, rtol=0, atol=bound)


@needs_compiler
def test_a_schedule_of_hyperparameters_uses_one_compiled_pass():
    before = _streams._loops.cache_info().currsize
    rule = AdaSAM(2, average=lambda t: 0.5 + 0.01 * t, weight_decay=lambda t: 0.02 / t)
    params = np.ones(_streams.LONG)
    state = rule.init(params)
    for t in range(6):
        params, state = rule.step(params, np.roll(params, t) + 0.1 * t, state)
    assert _streams._loops.cache_info().currsize - before <= 1


def test_moves_and_their_products():
    rng = np.random.default_rng(4)
    for d in (5, _streams.LONG + 3):
        start, against, *columns = rng.standard_normal((15, 2, d))
        weights = rng.standard_normal((2, 13))
        ctx = context(start=start)
        moved, along = _gram.move_from(ctx, start, columns, weights, against)
        move = np.einsum("nm,mnj->nj", weights, np.array(columns))
        np.testing.assert_allclose(moved, start + move, rtol=0, atol=1e-13)
        np.testing.assert_allclose(along[..., 0], np.sum(move * against, axis=-1), rtol=0, atol=1e-13 * d)
        alone, nothing = _gram.move_from(ctx, start, columns, weights)
        assert nothing is None
        np.testing.assert_array_equal(alone, moved)


def test_formulas_are_traced_or_refused():
    traced = trace(lambda x, y: (x, 0.5 * (x - y) - 2, -y), 2)
    assert traced is not None
    assert traced.numbers == (0.5, 2.0)
    assert traced.results[0] == "v0"
    x, y, s = 1.25, -3.0, traced.numbers
    values = [eval(text, {"v0": x, "v1": y, "s0": s[0], "s1": s[1]}) for text in traced.results]
    assert values == [x, 0.5 * (x - y) - 2, -y]
    for formula in (
        lambda x, y: (x + np.ones(3), y),  # an array as hyperparameter
        lambda x, y: (np.ones(3) * x, y),
        lambda x, y: (x**y,),
        lambda x, y: (abs(x),),
        lambda x, y: (1.0,),
        lambda x, y: (x[..., 0],),
    ):
        assert trace(formula, 2) is None
