"""Certified signs, extremes and zeros: right on functions whose answers are known, undecided where they must be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb
from flint import ctx as flint_context

from proofs_check.certificates import (
    Undecided,
    ball,
    certain_sign,
    maximum,
    minimum,
    polynomial_sign,
    precision,
    root,
    zeros,
)


def test_precision_is_restored_after_an_error() -> None:
    before = flint_context.prec
    with pytest.raises(ZeroDivisionError), precision(300):
        assert flint_context.prec == 300
        1 / 0  # noqa: B018
    assert flint_context.prec == before


def test_ball_of_a_fraction_encloses_it() -> None:
    assert bool((ball(Fraction(1, 3)) * 3).contains(1))


@pytest.mark.parametrize(
    ("function", "low", "high", "sign"),
    [(lambda x: x * x - x + arb("0.26"), 0, 1, 1), (lambda x: x.sin() - arb("1.001"), 0, 10, -1)],
)
def test_sign_of_functions_that_stay_off_zero(function, low, high, sign) -> None:
    assert certain_sign(function, low, high) == sign


@pytest.mark.parametrize("function", [lambda x: x - arb("0.3"), lambda x: (x - arb("0.5")) ** 2])
def test_no_sign_is_given_to_a_function_with_a_zero(function) -> None:
    with pytest.raises(Undecided):
        certain_sign(function, 0, 1, pieces=500)


def test_extremes_of_a_cubic() -> None:
    def cubic(x: arb) -> arb:
        return x * x * x - x

    peak = 2 / (3 * np.sqrt(3))
    assert abs(float(maximum(cubic, -1, 1, 1e-6).mid()) - peak) < 2e-6
    assert abs(float(minimum(cubic, -1, 1, 1e-6).mid()) + peak) < 2e-6
    with pytest.raises(Undecided):
        maximum(cubic, -1, 1, 1e-9, pieces=10)


def test_root_of_a_falling_function_and_missing_sign_change() -> None:
    found = root(lambda x: 2 - x * x, 0, 2)
    assert bool((found * found).contains(2))
    with pytest.raises(Undecided, match="change of sign"):
        root(lambda x: x * x + 1, 0, 2)


def test_all_zeros_of_sine_are_found_and_no_other() -> None:
    found = zeros(lambda x: x.sin(), lambda x: x.cos(), 1, 10)
    assert [round(float(z.mid()), 12) for z in found] == [round(k * np.pi, 12) for k in (1, 2, 3)]
    with pytest.raises(Undecided):
        zeros(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), 0, 3, pieces=500)


def test_intervals_must_have_a_length() -> None:
    with pytest.raises(ValueError, match="low must be certainly below high"):
        certain_sign(lambda x: x, 1, 1)


def test_polynomial_sign_by_sturm() -> None:
    assert polynomial_sign([1, 0, -1], Fraction(0), Fraction(1)) == -1  # the zero at the end does not count
    assert polynomial_sign([1, 0, 1], Fraction(-5), Fraction(5)) == 1
    with pytest.raises(Undecided, match="1 zeros"):
        polynomial_sign([2, -1], Fraction(0), Fraction(1))
    with pytest.raises(ValueError, match="low must be below high"):
        polynomial_sign([1], Fraction(1), Fraction(0))
