"""The three factors against exact values, limits and mpmath on every array backend."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from optassay.factors import adam_factor, sign_adaptation_factor, variance_adaptation_factor

FACTORS = [variance_adaptation_factor, adam_factor, sign_adaptation_factor]


def test_variance_adaptation_factor_is_the_rational_it_should_be(xb: Any) -> None:
    squares = [Fraction(0), Fraction(1, 4), Fraction(9, 4), Fraction(100)]
    eta = xb.array([math.sqrt(s) for s in squares])
    xb.assert_close(variance_adaptation_factor(eta), [float(1 / (1 + s)) for s in squares], rtol=1e-15)


def test_factors_against_high_precision(xb: Any) -> None:
    values = np.geomspace(1e-4, 1e8, 61)
    with mpmath.workdps(40):
        exact_sign = [float(mpmath.erf(1 / (mpmath.sqrt(2) * mpmath.mpf(v)))) for v in values]
        exact_adam = [float(1 / mpmath.sqrt(1 + mpmath.mpf(v) ** 2)) for v in values]
    xb.assert_close(sign_adaptation_factor(xb.array(values)), exact_sign, rtol=2e-15)
    xb.assert_close(adam_factor(xb.array(values)), exact_adam, rtol=2e-15)


@pytest.mark.parametrize("factor", FACTORS)
def test_limits_without_overflow(xb: Any, factor: Any) -> None:
    xb.assert_close(factor(xb.array([0.0, math.inf])), [1.0, 0.0])
    large = factor(xb.array([1e200]))
    assert 0.0 <= float(large[0]) < 1e-199


@pytest.mark.parametrize("factor", FACTORS)
def test_single_precision_is_kept(xb: Any, factor: Any) -> None:
    eta = xb.array([0.5, 2.0], "float32")
    assert factor(eta).dtype == eta.dtype


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("bad", [-0.1, math.nan])
def test_negative_and_nan_are_refused(xb: Any, factor: Any, bad: float) -> None:
    with pytest.raises(ValueError, match="relative_std must be >= 0"):
        factor(xb.array([1.0, bad]))
