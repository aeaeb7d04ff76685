"""The check (14) of stochastic Anderson mixing: the small eigenvalue problem, the largest admissible damping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optassay.arrays import context
from optassay.optimizers import StochasticAnderson, _projection


def dense_eigenvalue(x: np.ndarray, r: np.ndarray, z_inverse: np.ndarray, beta: float) -> float:
    y = x + beta * r
    m = y @ z_inverse @ r.T
    return float(np.linalg.eigvalsh(m + m.T)[-1])


@pytest.mark.parametrize(("d", "m"), [(20, 3), (7, 3), (6, 3), (5, 3), (3, 3), (2, 3), (1, 3), (1, 1), (2, 1), (3, 1)])
@pytest.mark.parametrize("delta", [0.1, 10.0])
@pytest.mark.parametrize("beta", [1.0, 0.05, -0.7])
def test_small_eigenvalue_equals_the_dense_one(d, m, delta, beta):
    """Also where d < 2m and the two matrices have different numbers of zeros."""
    rng = np.random.default_rng(d * 100 + m)
    for deficient in (False, True):
        for sign in (1.0, -1.0):
            x, r = rng.standard_normal((2, d, m))
            r = sign * (x + 0.1 * r)
            if deficient:
                x[:, -1] = r[:, -1] = 0.0
            z = r.T @ r + delta * x.T @ x
            ctx = context(z=z)
            whitening = _projection.from_gram(ctx, z, r.T @ r[:, 0]).whitening
            found = _projection.largest_eigenvalue(ctx, whitening, x.T @ x, x.T @ r, r.T @ r, beta, d)
            expected = dense_eigenvalue(x, r, np.linalg.pinv(z, rcond=1e-12), beta)
            np.testing.assert_allclose(float(found), expected, rtol=1e-7, atol=1e-9)


def test_a_negative_eigenvalue_is_not_replaced_by_a_zero_of_the_small_matrix():
    """d = m = 1: Y Z^+ R' + R Z^+ Y' = 2 y r / z < 0, while the 2 x 2 matrix of (15) has the eigenvalue 0 as well."""
    x, r, delta, beta = 1.0, -0.5, 0.1, 1.0
    z = r * r + delta * x * x
    one = lambda value: np.array([[value]])  # noqa: E731
    ctx = context(z=one(z))
    whitening = _projection.from_gram(ctx, one(z), np.array([r])).whitening
    found = _projection.largest_eigenvalue(ctx, whitening, one(x * x), one(x * r), one(r * r), beta, 1)
    np.testing.assert_allclose(float(found), 2 * (x + beta * r) * r / z, rtol=1e-12)
    assert found < 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), mu=st.floats(0.01, 0.9), mixing=st.floats(0.05, 2.0))
def test_damping_is_the_largest_that_keeps_h_positive_definite(seed, mu, mixing):
    """lambda_min of the symmetric part of the dense H_k is at least beta mu, and equals it where alpha was shrunk."""
    rng = np.random.default_rng(seed)
    rule = StochasticAnderson(3, mixing, regularization=0.1, positivity=mu)
    params = rng.standard_normal(8)
    state = rule.init(params)
    for t in range(1, 8):
        grad = rng.standard_normal(8)
        params, state = rule.step(params, grad, state)
        if t == 1:
            continue
        x, r = np.stack(state.history.x, axis=1), np.stack(state.history.r, axis=1)
        z = r.T @ r + 0.1 * x.T @ x
        h = mixing * np.eye(8) - float(state.damping) * (x + mixing * r) @ np.linalg.pinv(z, rcond=1e-12) @ r.T
        smallest = np.linalg.eigvalsh(0.5 * (h + h.T))[0]
        assert smallest >= mixing * mu - 1e-7
        if state.damping < 1.0:
            np.testing.assert_allclose(smallest, mixing * mu, rtol=1e-6, atol=1e-7)
            assert -grad @ h @ -grad >= mixing * mu * (grad @ grad) - 1e-7


def test_without_the_check_h_need_not_be_positive_definite():
    rng = np.random.default_rng(0)
    rule = StochasticAnderson(3, 0.1, regularization=0.1, positivity=None)
    params = rng.standard_normal(8)
    state, smallest = rule.init(params), []
    for _ in range(8):
        params, state = rule.step(params, rng.standard_normal(8), state)
        x, r = np.stack(state.history.x, axis=1), np.stack(state.history.r, axis=1)
        h = 0.1 * np.eye(8) - (x + 0.1 * r) @ np.linalg.pinv(r.T @ r + 0.1 * x.T @ x, rcond=1e-12) @ r.T
        smallest.append(np.linalg.eigvalsh(0.5 * (h + h.T))[0])
    assert min(smallest) < 0
    gradients = rng.standard_normal((8, 8))
    checked, dampings = rule.replace(positivity=0.01), []
    state = checked.init(params)
    for grad in gradients:
        params, state = checked.step(params, grad, state)
        dampings.append(float(state.damping))
    assert any(0 < damping < 1 for damping in dampings)
