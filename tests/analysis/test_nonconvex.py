"""Sums of (20) along runs, and its constants, against other codes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from analysis.landscapes import Sphere, Wave
from analysis.nonconvex import SignNoise, Sums, corollary_rate, descend, theorem_constants
from analysis.rates import check_bound
from optassay.optimizers import AdaMomentum, InverseSqrt
from proofs_check.adamomentum.nonconvex_lemmas import BOUNDS
from proofs_check.adamomentum.nonconvex_runs import Terms

RULE = AdaMomentum(InverseSqrt(0.1), 0.5, 0.9, 0.0, debias=False)


def test_sums_by_a_plain_loop() -> None:
    found = descend(RULE, Sphere(), np.array([[1.0, -0.5], [0.3, 2.0]]), SignNoise(0.0), [1, 4, 9], 0)
    for row, last in enumerate((1, 4, 9)):
        left = steps = falls = squares = 0.0
        least, fell = np.inf, 0
        theta, m, v = np.array([[1.0, -0.5], [0.3, 2.0]]), np.zeros((2, 2)), np.zeros((2, 2))
        before = None
        for t in range(1, last + 1):
            g = 2 * theta
            m = 0.5 * m + 0.5 * g
            v = 0.9 * v + 0.1 * m**2
            w = 0.1 / t**0.5 / v**0.5
            left, steps = left + np.sum(g * w * g) / 2, steps + np.sum((w * g) ** 2) / 2
            gap = np.zeros((2, 2)) if before is None else w - before
            falls, squares, fell = falls + np.sum(abs(gap)) / 2, squares + np.sum(gap**2) / 2, fell + np.sum(gap <= 0)
            least, before, theta = min(least, np.mean(np.sum(g**2, axis=1))), w, theta - w * m
        expected = (last, left, steps, falls, squares, least, fell / (4 * last))
        got = [getattr(found, n)[row] for n in ("rounds", "left", "steps", "falls", "squares", "smallest", "falling")]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_constants_are_those_of_the_exact_runs() -> None:
    """The right side of (20) with the sums of an exact run, by the claims' own formula."""
    value = {"wg2": 3, "delta1": 5, "delta2": 7, "w1": 2, "wm": Fraction(3, 2), "drop": Fraction(1, 3)}
    rest = {"t": (), "left": 0, "iterates": 0, "everywhere": 0, "gain": 0, "last_gain": 0}
    terms = Terms(**value, **rest)  # type: ignore[arg-type]
    sums = Sums(*(np.array([Fraction(x)]) for x in (9, 0, 3, 5, 7, 0, 0, 0)))
    h, smooth, b = Fraction(2), Fraction(4), Fraction(3)
    for name, repaired in (("(20) as printed", False), ("(20) with 3/2 L", True)):
        _, right = BOUNDS[name](terms, h, smooth, b, b)
        constants = theorem_constants(smooth, b, h, Fraction(3, 2), 2, Fraction(1, 3), repaired=repaired)
        assert sums.bound(constants)[0] == right


def test_printed_constants_as_symbols() -> None:
    smooth, b, h, move, first, drop = sp.symbols("L b H G w f", positive=True)
    a = 1 + b
    found = theorem_constants(smooth, b, h, move, first, drop, repaired=False)
    printed = (
        sp.Rational(3, 2) * smooth + sp.Rational(1, 2) + smooth**2 * b * a**2,
        h**2 * b + 2 * h**2,
        (1 + smooth**2 * a**2 * b) * h**2 * b**2,
        b * (h**2 + move**2) + b**2 * move**2 + 2 * h**2 * first + drop,
    )
    assert all(sp.expand(c - p) == 0 for c, p in zip(found, printed, strict=True))


def test_inequality_and_corollary_hold_with_a_running_maximum() -> None:
    """Noise of size 1/2 on a wave from pi/2: H = 3/2, and v_1 = ((1 - b2)^(1/2) (1 - b1) |g_1|)^2 bounds v below."""
    alpha, b1, b2 = 0.05, 0.6, 0.9
    rule = AdaMomentum(InverseSqrt(alpha), b1, b2, 0.0, debias=False, amsgrad=True)
    found = descend(rule, Wave(), np.full((64, 1), np.pi / 2), SignNoise(0.5), [1, 10, 100, 600], 1)
    root = (1 - b2) ** 0.5 * (1 - b1) * 0.5
    constants = theorem_constants(1.0, b1 / (1 - b1), 1.5, alpha * 1.5 / root, alpha / root * (1 + 1 / 3) / 2, 1.0)
    assert np.all(found.falling == 1)
    assert np.all(check_bound(found.left, found.bound(constants)).worst_ratio < 1)
    rate = corollary_rate(found.rounds, constants, alpha, 1.5, root**2)
    assert np.all(found.smallest + 4 * found.error <= rate)
    assert np.all(np.diff(rate) < 0)
    # (21)-(23): the sums in the corollary's place.
    assert np.all(found.steps <= 1.5**2 * alpha**2 * (1 + np.log(found.rounds)) / root**2)
    assert np.all(found.falls <= alpha / root) and np.all(found.squares <= alpha**2 / root**2)


def test_without_the_maximum_steps_do_not_keep_falling() -> None:
    rule = AdaMomentum(InverseSqrt(0.05), 0.6, 0.9, 0.0, debias=False)
    found = descend(rule, Wave(), np.full((64, 1), np.pi / 2), SignNoise(0.5), [600], 1)
    assert 0.1 < float(found.falling[0]) < 0.95


def test_noise_has_two_values(xb: Any) -> None:
    drawn = np.asarray(SignNoise(0.5).draw(3, np.zeros((2000, 1))))
    assert set(np.unique(drawn)) == {-0.5, 0.5}
    assert abs(drawn.mean()) < 0.05
    found = descend(RULE, Sphere(), xb.array(np.array([[1.0, -0.5]])), SignNoise(0.0), [5], 0)
    assert found.left[0] == pytest.approx(
        descend(RULE, Sphere(), np.array([[1.0, -0.5]]), SignNoise(0.0), [5], 0).left[0], rel=1e-12
    )


@pytest.mark.parametrize(
    ("rule", "record", "message"),
    [
        (AdaMomentum(), [1], "rule must be AdaMomentum"),
        (AdaMomentum(epsilon=1e-3, debias=False), [1], "rule must be AdaMomentum"),
        (RULE, [], "record must be increasing"),
        (RULE, [3, 3], "record must be increasing"),
        (RULE, [0, 3], "record must be increasing"),
    ],
)
def test_bad_input_is_named(rule: AdaMomentum, record: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        descend(rule, Sphere(), np.ones((2, 2)), SignNoise(0.0), record, 0)
