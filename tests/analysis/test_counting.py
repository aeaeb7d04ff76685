"""Counted arithmetic against counts by hand."""

from __future__ import annotations

import array_api_compat
import numpy as np
import pytest

from analysis.counting import Counter
from optassay.optimizers import AdaSAM, GradientDescent, Momentum


def test_operations_by_hand():
    counter = Counter(6)
    a, b = counter.array(np.arange(6.0)), counter.array(np.ones(6))
    xp = array_api_compat.array_namespace(a, b)
    c = 2.0 * a + b  # 12
    assert counter.long == 12
    d = xp.vecdot(c, b)  # 12
    assert (counter.long, counter.short) == (24, 0) and float(d) == 36.0
    d = d / 2.0
    assert (counter.long, counter.short) == (24, 1)
    xp.sum(a)
    m = xp.reshape(a, (2, 3))
    xp.matmul(m, xp.matrix_transpose(m))  # 2 * 2 * 2 * 3
    assert counter.long == 24 + 6 + 24
    c -= a
    assert counter.long == 60 and bool(xp.all(c == a + b))
    c[1:3] = b[1:3]
    assert np.asarray(c).tolist() == [1, 1, 1, 4, 5, 6]


def test_factorisations_count_their_leading_order():
    counter = Counter(10**9)
    xp = counter.array(np.ones(1)).__array_namespace__()
    matrix = counter.array(np.random.default_rng(0).standard_normal((8, 3)))
    xp.linalg.qr(matrix)
    assert counter.short == 4 * 8 * 9
    xp.linalg.eigh(counter.array(np.eye(4)))
    assert counter.short == 4 * 8 * 9 + 9 * 64


@pytest.mark.parametrize("rule, per_parameter", [(GradientDescent(0.1), 3), (Momentum(0.1, 0.9), 6)])
def test_plain_rules(rule, per_parameter):
    counter = Counter(50)
    x = counter.array(np.ones(50))
    state = rule.init(x)
    for _ in range(2):
        counter.long = 0
        x, state = rule.step(x, counter.array(np.full(50, 0.5)), state)
    assert counter.long == per_parameter * 50  # one for the check that the gradient is finite


def test_counted_runs_have_the_values_of_plain_ones():
    rng = np.random.default_rng(1)
    gradients = rng.standard_normal((6, 40))
    counter, rule = Counter(40), AdaSAM(memory=3)
    x, y = np.ones(40), counter.array(np.ones(40))
    plain, counted = rule.init(x), rule.init(y)
    for g in gradients:
        x, plain = rule.step(x, g, plain)
        y, counted = rule.step(y, counter.array(g), counted)
    np.testing.assert_allclose(np.asarray(y), x, rtol=1e-10)
    assert counter.long > 0 and counter.short > 0


def test_unknown_names_are_no_functions():
    namespace = Counter(1).namespace
    assert not hasattr(namespace, "inner_products")
    with pytest.raises(AttributeError):
        _ = Counter(1).array(np.ones(1)).imaginary
