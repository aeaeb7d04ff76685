"""Special functions on any namespace: the library's own where it has one, a rational approximation elsewhere."""

from __future__ import annotations

import importlib
import math
from typing import Any

import array_api_compat

from ._context import Array, context

_SQRT2 = math.sqrt(2.0)
_SQRT_2PI = math.sqrt(2.0 * math.pi)

# W. J. Cody, "Rational Chebyshev approximation for the error function", Math. Comp. 23 (1969), 631-637:
# coefficients of highest relative accuracy, for |x| <= 0.5, 0.46875 <= x <= 4, and x >= 4.
_P1 = (3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
_P1_LEAD = 1.85777706184603153e-1
_Q1 = (2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_P2 = (
    5.64188496988670089e-1,
    8.88314979438837594e0,
    6.61191906371416295e1,
    2.98635138197400131e2,
    8.81952221241769090e2,
    1.71204761263407058e3,
    2.05107837782607147e3,
    1.23033935479799725e3,
)
_P2_LEAD = 2.15311535474403846e-8
_Q2 = (
    1.57449261107098347e1,
    1.17693950891312499e2,
    5.37181101862009858e2,
    1.62138957456669019e3,
    3.29079923573345963e3,
    4.36261909014324716e3,
    3.43936767414372164e3,
    1.23033935480374942e3,
)
_P3 = (
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_P3_LEAD = 1.63153871373020978e-2
_Q3 = (
    2.56852019228982242e0,
    1.87295284992346047e0,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)
_INV_SQRT_PI = 5.6418958354775628695e-1


def _native(name: str, xp: Any) -> Any:
    if array_api_compat.is_numpy_namespace(xp):
        return getattr(importlib.import_module("scipy.special"), name)
    if array_api_compat.is_torch_namespace(xp):
        return getattr(xp.special, name)
    if array_api_compat.is_cupy_namespace(xp):
        return getattr(importlib.import_module("cupyx.scipy.special"), name)
    return None


def _ratio(y: Array, lead: float, top: tuple[float, ...], bottom: tuple[float, ...]) -> Array:
    numerator = lead * y
    denominator = y
    for p, q in zip(top[:-1], bottom[:-1], strict=True):
        numerator = (numerator + p) * y
        denominator = (denominator + q) * y
    return (numerator + top[-1]) / (denominator + bottom[-1])


def _erfc_positive(y: Array, xp: Any) -> Array:
    """erfc on y >= 0.46875 by Cody's two outer ranges."""
    middle = _ratio(xp.clip(y, 0.0, 4.0), _P2_LEAD, _P2, _Q2)
    far = xp.clip(y, 4.0, 1e150)
    z = 1.0 / (far * far)
    tail = (_INV_SQRT_PI - z * _ratio(z, _P3_LEAD, _P3, _Q3)) / far
    scaled = xp.where(y <= 4.0, middle, tail)
    # exp(-y^2) loses relative accuracy through the rounding of y^2: split y at 1/16 as Cody does.
    y = xp.clip(y, 0.0, 30.0)
    coarse = xp.floor(y * 16.0) / 16.0
    rest = (y - coarse) * (y + coarse)
    return xp.exp(-coarse * coarse) * xp.exp(-rest) * scaled


def _erf_pair(x: Array) -> tuple[Array, Array]:
    """(erf, erfc) from array-API operations alone."""
    xp = array_api_compat.array_namespace(x)
    y = xp.abs(x)
    inner = xp.clip(y, 0.0, 0.5)
    near = x * _ratio(inner * inner, _P1_LEAD, _P1, _Q1)
    outer = _erfc_positive(y, xp)
    sign = xp.where(x < 0, -xp.ones_like(x), xp.ones_like(x))
    small = y <= 0.46875
    erf_value = xp.where(small, near, sign * (1.0 - outer))
    erfc_value = xp.where(small, 1.0 - near, xp.where(x < 0, 2.0 - outer, outer))
    return xp.where(xp.isnan(x), x, erf_value), xp.where(xp.isnan(x), x, erfc_value)


def erf(x: Array) -> Array:
    """Error function, element by element; dtype and device of ``x`` are kept."""
    ctx = context(x=x)
    x = ctx.asarray(x)
    native = _native("erf", ctx.xp)
    return native(x) if native is not None else _erf_pair(x)[0]


def erfc(x: Array) -> Array:
    """Complementary error function with full relative accuracy in the right tail."""
    ctx = context(x=x)
    x = ctx.asarray(x)
    native = _native("erfc", ctx.xp)
    return native(x) if native is not None else _erf_pair(x)[1]


def normal_cdf(x: Array) -> Array:
    """Distribution function of N(0, 1), accurate in the left tail."""
    return 0.5 * erfc(-context(x=x).asarray(x) / _SQRT2)


def normal_pdf(x: Array) -> Array:
    """Density of N(0, 1)."""
    ctx = context(x=x)
    x = ctx.asarray(x)
    return ctx.xp.exp(-0.5 * x * x) / _SQRT_2PI


def take_along_last(array: Array, index: Array) -> Array:
    """Entries ``array[..., index[...]]`` along the last axis; ``index`` has the batch shape."""
    xp = array_api_compat.array_namespace(array)
    return xp.take_along_axis(array, index[..., None], axis=-1)[..., 0]
