"""Second moments of signs on the host without preparation, for one mean per covariance.

A matrix of weak correlations takes the shortest rule of the centre form that covers all its pairs, any other SciPy's
Owen's T function. For (X, Y) with unit variances and correlation r >= 0 (Owen, Annals of Mathematical Statistics 27
(1956) 1075-1090)

    E[sign(X + a) sign(Y + b)] = 1 - 4 T(a, (b - r a) / (a w)) - 4 T(b, (a - r b) / (b w)) - 2 [(a < 0) != (b < 0)]

with w = sqrt(1 - r^2), and E(a, b, r) = -E(a, -b, -r). The slopes are formed as (b - a) / (a w) + w / (1 + r) and
(a - b) / (b w) + w / (1 + r): next to r = 1 both share the rounding of (b - a) / w, which leaves their sum alone.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf, owens_t

from ._orthants import CENTRE_RULES, Centre, determinant
from ._pairs import check_correlations, pair_entries, upper_triangle

_SQRT2 = math.sqrt(2.0)
_RULES = CENTRE_RULES[:3]  # those that take clearly less time than Owen's T
# Beyond the last limit Owen's T needs an exact determinant.
_LIMITS = np.array([*(limit for limit, _ in _RULES), 0.9])
# Least determinant: at w = 0 any difference of means then has an (almost) infinite slope, and no difference none.
_TINY = 1e-300


def one_shot_second_moment(a: np.ndarray, squares: np.ndarray, covariance: np.ndarray, rounding: float) -> np.ndarray:
    """E[s s^T], shape (C, d, d).

    Parameters
    ----------
    a, squares : array, shape (C, d)
        Standardised means and E[s_i^2].
    covariance : array, shape (C, d, d)
        float64.
    rounding : float
        Excess of a correlation over 1 that counts as rounding.

    Raises
    ------
    ValueError
        A correlation exceeds 1 by more than ``rounding``.
    """
    dim = a.shape[-1]
    if dim == 1:
        return squares[..., None]
    triangle = upper_triangle(dim)
    pair, left, right = pair_entries(covariance, triangle, np)
    size = np.sqrt(left * right)
    first, second = a.take(triangle.rows, axis=1), a.take(triangle.columns, axis=1)
    correlation = np.abs(pair)
    correlation /= size
    largest = correlation.max(axis=1)
    if not (largest <= 1.0 + rounding).all():
        check_correlations(correlation - 1.0, rounding)
    arguments = first, second, pair, size, left, right
    # By matrix, not by pair: sorting pairs costs more than it saves, and a batch must equal its single runs.
    choice = np.searchsorted(_LIMITS, largest)
    chosen = np.unique(choice).tolist() if len(choice) > 1 else [int(choice[0])]
    if len(chosen) == 1:
        value = _by_rule(chosen[0], *arguments)
    else:
        value = np.empty_like(pair)
        for rule in chosen:
            members = choice == rule
            value[members] = _by_rule(rule, *(x[members] for x in arguments))
    square = value.take(triangle.square, axis=1)
    square[:, :: dim + 1] = squares
    return square.reshape(covariance.shape)


def _by_rule(
    rule: int,
    first: np.ndarray,
    second: np.ndarray,
    pair: np.ndarray,
    size: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
) -> np.ndarray:
    """E of means, covariance, geometric mean of the variances and variances."""
    if rule >= len(_RULES):
        return _owen(first, second, pair, size, left, right, exact=rule > len(_RULES))
    tangent = np.abs(pair)
    root = np.sqrt((size - tangent) * (size + tangent))
    root += size
    tangent /= root
    group = Centre(first, second, tangent, np.copysign(1.0, pair), _RULES[rule][1])
    value = group.excess(first, second, group.table(np), np)
    value += erf(first / _SQRT2) * erf(second / _SQRT2)
    return value


def _owen(
    first: np.ndarray,
    second: np.ndarray,
    pair: np.ndarray,
    size: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    exact: bool,
) -> np.ndarray:
    """E at any r."""
    sign = np.copysign(1.0, pair)
    # No negative zeros: their infinite slopes would have the wrong sign.
    first = first + 0.0
    second = second * sign
    second += 0.0
    size_of_pair = np.abs(pair)
    root = determinant(left, right, pair) if exact else (size - size_of_pair) * (size + size_of_pair)
    np.sqrt(np.maximum(root, _TINY, out=root), out=root)
    shift = root / (size + size_of_pair)  # w / (1 + r) = tan(arccos(r) / 2)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = second - first
        gap *= size
        gap /= root
        slope = gap / first
        gap /= second
    slope += shift
    value = owens_t(first, slope)
    value += owens_t(second, np.subtract(shift, gap, out=gap))
    value *= -4.0
    # 1 where both are of one sign, zero counted as positive, otherwise -1; the product may underflow to a signed zero.
    value += np.copysign(1.0, first * second)
    origin = np.isnan(value)
    if origin.any():
        # Slope 0 / 0: the arcsine law.
        value = np.where(origin, 1.0 - np.arctan(shift) / (0.25 * math.pi), value)
    value *= sign
    return value
