"""Sign statistics of Gaussian vectors: success probabilities, E[s], E[s s^T] and quadratic forms of it, all exact.

``sign_of_zero`` is the value of sign(0), footnote 3 of "Dissecting Adam": 1 in its theory (the default here), 0 in
practice. It matters only for coordinates of zero mean: with zero variance, in every function; with positive variance,
in the success probability alone, where sign(mean) itself is then 0 and is hit with probability 0.
"""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np

from optassay.arrays import DEFAULT_MAX_BYTES, Array, Context, check_finite, chunks, context, erf

from ._layout import SharedLayout
from ._one_shot import one_shot_second_moment
from ._orthants import CERTAIN
from ._pairs import PairTables

_SQRT2 = math.sqrt(2.0)
# Rows of a chunk on the host: larger temporaries leave the cache and cost time.
_HOST_CHUNK = 1 << 20


def _check_sign_of_zero(value: float) -> None:
    if value not in (0, 1):
        raise ValueError(f"sign_of_zero must be 0 (practice) or 1 (theory), got {value!r}")


def _broadcast(name: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        listing = ", ".join(f"{key} {value}" for key, value in shapes.items())
        raise ValueError(f"{name} do not broadcast: {listing}") from None


def _standardised(mean: Array, std: Array, sign_of_zero: float, xp: Any) -> Array:
    """mean / std; a certain sign is ``CERTAIN`` away from zero, sign(0) = 0 without noise is exactly at zero."""
    random = std > 0
    safe = xp.where(random, std, xp.ones_like(std))
    # The quotient is formed where it stays below CERTAIN: mean / std may overflow.
    size = xp.minimum(xp.abs(mean), CERTAIN * safe) / safe
    fixed = xp.where(mean == 0, xp.full_like(mean, CERTAIN * sign_of_zero), CERTAIN * xp.sign(mean))
    return xp.where(random, xp.sign(mean) * size, fixed)


def _squares(a: Array, std: Array, xp: Any) -> Array:
    """E[s_i^2] at standardised means: 0 where the sign is certainly that of 0."""
    return xp.astype((std > 0) | (a != 0), a.dtype)


def _mean_and_std(mean: Array, std: Array) -> tuple[Context, Array, Array]:
    ctx = context(mean=mean, std=std)
    check_finite(mean=mean, std=std)
    mean, std = ctx.asarray(mean), ctx.asarray(std)
    _broadcast("mean and std", {"mean": tuple(mean.shape), "std": tuple(std.shape)})
    if bool(ctx.xp.any(std < 0)):
        raise ValueError(f"std must not be negative, got {float(ctx.xp.min(std))}")
    mean, std = ctx.xp.broadcast_arrays(mean, std)
    return ctx, mean, std


def sign_mean(mean: Array, std: Array, *, sign_of_zero: float = 1.0) -> Array:
    """E[sign(X)] = (2 rho - 1) sign(mean) = erf(mean / (sqrt 2 std)) for X ~ N(mean, std^2).

    Parameters
    ----------
    mean, std : array
        Shapes broadcast. ``std`` may be zero: then the sign of the mean.
    sign_of_zero : {1, 0}
        Value where both are zero.

    Source: "Dissecting Adam", section 1.4, after (8).
    """
    _check_sign_of_zero(sign_of_zero)
    ctx, mean, std = _mean_and_std(mean, std)
    return erf(_standardised(mean, std, sign_of_zero, ctx.xp) / _SQRT2)


def sign_success_probability(mean: Array, std: Array, *, sign_of_zero: float = 1.0) -> Array:
    """rho = P[sign(X) = sign(mean)] for X ~ N(mean, std^2), independent coordinates or not.

    Parameters
    ----------
    mean, std : array
        Shapes broadcast; ``std >= 0``.
    sign_of_zero : {1, 0}
        With 1 (theory) a zero mean has rho = 1/2 (1 without noise). With 0 (practice) it has rho = 0, because
        sign(X) = 0 almost never happens (1 without noise): the formula (8) needs sign(0) = 1 there.

    Returns
    -------
    array
        rho, the broadcast shape.

    Raises
    ------
    ValueError
        Negative or non-finite numbers, shapes that do not broadcast.

    Source: "Dissecting Adam", (8), lemma 2 (24).
    """
    _check_sign_of_zero(sign_of_zero)
    ctx, mean, std = _mean_and_std(mean, std)
    xp = ctx.xp
    rho = 0.5 + 0.5 * erf(xp.abs(_standardised(mean, std, 1.0, xp)) / _SQRT2)
    if sign_of_zero == 0:
        rho = xp.where((mean == 0) & (std > 0), xp.zeros_like(rho), rho)
    return rho


def _float64_covariance(covariance: Array, ctx: Context) -> tuple[Array, Array, float]:
    """Checked covariance as float64 (C, d, d), deviations (..., d), excess of a correlation that counts as rounding.

    ``ctx`` has the dtype of the covariance.
    """
    check_finite(covariance=covariance)
    xp = ctx.xp
    if covariance.ndim < 2 or covariance.shape[-1] != covariance.shape[-2] or covariance.shape[-1] == 0:
        raise ValueError(f"covariance must have shape (..., d, d), got {tuple(covariance.shape)}")
    dim = covariance.shape[-1]
    matrix = ctx.asarray(covariance, dtype=xp.float64)
    variance = xp.linalg.diagonal(matrix)
    if bool(xp.any(variance < 0)):
        raise ValueError(f"covariance must not have a negative diagonal, got {float(xp.min(variance))}")
    rounding = 32 * dim * ctx.eps
    transpose = xp.matrix_transpose(matrix)
    if not bool(xp.all(matrix == transpose)):
        gap = xp.max(xp.abs(matrix - transpose), axis=(-2, -1))
        if bool(xp.any(gap > rounding * xp.max(xp.abs(matrix), axis=(-2, -1)))):
            raise ValueError(f"covariance must be symmetric, it differs from its transpose by {float(xp.max(gap))}")
    return xp.reshape(matrix, (-1, dim, dim)), xp.sqrt(variance), rounding


class SignMoments:
    """Second moments of s = sign(X), X ~ N(mean, covariance), prepared for many means of one covariance.

    E[s_i s_j] is a bivariate orthant probability in disguise; its quadrature nodes depend on the correlations alone
    and are prepared here once. Work is in float64, results have the dtype of the arguments.

    Parameters
    ----------
    covariance : array, shape (..., d, d)
        Symmetric, correlations in [-1, 1]; zero variances are allowed.
    sign_of_zero : {1, 0}
        sign(0), which matters for coordinates of zero mean and zero variance only.
    max_bytes : int
        Limit on temporaries. The prepared tables are kept when they fit as well, otherwise rebuilt in each call;
        indices (a few times the size of ``covariance``) are always kept.

    Raises
    ------
    ValueError
        Not square or symmetric, a negative variance, a correlation beyond +-1, NaN.
    """

    def __init__(self, covariance: Array, *, sign_of_zero: float = 1.0, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        _check_sign_of_zero(sign_of_zero)
        self._ctx = context(covariance=covariance)
        matrix, self.std, rounding = _float64_covariance(covariance, self._ctx)
        self.sign_of_zero, self.max_bytes = float(sign_of_zero), max_bytes
        self.batch_shape = tuple(covariance.shape[:-2])
        self.dim = dim = covariance.shape[-1]
        self._work = Context(self._ctx.xp, self._ctx.device, self._ctx.xp.float64)
        self._slices = list(chunks(matrix.shape[0], 400 * dim * dim, max_bytes))
        share = max_bytes / len(self._slices)
        self._tables = [PairTables(matrix[part, ...], share, rounding, self._work) for part in self._slices]

    def second_moment(self, mean: Array) -> Array:
        """E[s s^T], shape (..., d, d), for means (..., d) that broadcast against the covariance."""
        return self._evaluate(mean, None)

    def quadratic_form(self, mean: Array, weights: Array) -> Array:
        """E[s^T W s] = sum_ij w_ij E[s_i s_j], shape (...).

        ``weights`` has the shape of the covariance.
        """
        context(mean=mean, weights=weights)
        if tuple(weights.shape) != (*self.batch_shape, self.dim, self.dim):
            raise ValueError(
                f"weights must have the shape {(*self.batch_shape, self.dim, self.dim)} of the covariance, "
                f"got {tuple(weights.shape)}"
            )
        return self._evaluate(mean, weights)

    def _evaluate(self, mean: Array, weights: Array | None) -> Array:
        ctx = context(mean=mean, covariance=self.std)
        work, xp = self._work, ctx.xp
        check_finite(mean=mean)
        if mean.ndim < 1 or mean.shape[-1] != self.dim:
            raise ValueError(f"mean must have shape (..., {self.dim}), got {tuple(mean.shape)}")
        dtype = xp.result_type(self._ctx.dtype, mean.dtype) if xp.isdtype(mean.dtype, "real floating") else None
        batch = tuple(mean.shape[:-1])
        _broadcast("batch axes of mean and covariance", {"mean": batch, "covariance": self.batch_shape})
        layout = SharedLayout(batch, self.batch_shape)
        mean, std = xp.broadcast_arrays(work.asarray(mean), self.std)
        a = _standardised(mean, std, self.sign_of_zero, xp)
        squares = _squares(a, std, xp)
        a, squares = layout.split(a), layout.split(squares)
        limit = min(self.max_bytes, _HOST_CHUNK) if str(ctx.device).lower().startswith("cpu") else self.max_bytes
        columns = []
        for part, tables in zip(self._slices, self._tables, strict=True):
            rows = []
            for row in chunks(layout.runs, tables.count * self.dim**2 * 32, limit):
                given = (a[row, part, :], squares[row, part, :])
                if weights is None:
                    rows.append(tables.second_moment(*given))
                else:
                    stack = xp.reshape(work.asarray(weights), (-1, self.dim, self.dim))
                    rows.append(tables.quadratic_form(*given, stack[part, ...]))
            columns.append(xp.concat(rows, axis=0))
        value = layout.join(xp.concat(columns, axis=1), 2 if weights is None else 0)
        return xp.astype(value, dtype or self._ctx.dtype, copy=False)


def sign_second_moment(
    mean: Array, covariance: Array, *, sign_of_zero: float = 1.0, max_bytes: int = DEFAULT_MAX_BYTES
) -> Array:
    """E[s s^T] of s = sign(X), X ~ N(mean, covariance), exact to about 1e-15.

    Parameters
    ----------
    mean : array, shape (..., d)
    covariance : array, shape (..., d, d)
        Batch axes broadcast against those of ``mean``; see :class:`SignMoments`.
    sign_of_zero : {1, 0}
        Value of sign(0) for coordinates of zero mean and zero variance.
    max_bytes : int
        Limit on temporaries.

    Returns
    -------
    array, shape (..., d, d)

    Raises
    ------
    ValueError, TypeError
        As :class:`SignMoments`; shapes that do not fit; different namespaces.
    """
    ctx = context(mean=mean, covariance=covariance)
    # Tables pay for many means of one covariance; a single mean is faster by Owen's T function, which SciPy has.
    if array_api_compat.is_numpy_namespace(ctx.xp) and _one_mean_each(mean.shape, covariance.shape):
        return _one_shot(mean, covariance, sign_of_zero, max_bytes)
    return SignMoments(covariance, sign_of_zero=sign_of_zero, max_bytes=max_bytes).second_moment(mean)


def _one_mean_each(mean: tuple[int, ...], covariance: tuple[int, ...]) -> bool:
    """False as well for shapes that do not fit: SignMoments says why."""
    if mean == covariance[:-1]:
        return True
    try:
        return mean[-1:] == covariance[-1:] and np.broadcast_shapes(mean, covariance[:-1]) == covariance[:-1]
    except ValueError:
        return False


def _one_shot(mean: np.ndarray, covariance: np.ndarray, sign_of_zero: float, max_bytes: int) -> np.ndarray:
    _check_sign_of_zero(sign_of_zero)
    check_finite(mean=mean)
    dtype = covariance.dtype if covariance.dtype.kind == "f" else np.dtype(np.float64)
    matrix, std, rounding = _float64_covariance(covariance, Context(np, "cpu", dtype))
    if mean.shape != std.shape:
        mean = np.broadcast_to(mean, std.shape)
    a = _standardised(mean.astype(np.float64, copy=False), std, sign_of_zero, np)
    squares = _squares(a, std, np)
    a, squares = (x.reshape(-1, x.shape[-1]) for x in (a, squares))
    parts = chunks(len(matrix), 64 * matrix.shape[-1] ** 2, min(max_bytes, _HOST_CHUNK))
    values = [one_shot_second_moment(a[part], squares[part], matrix[part], rounding) for part in parts]
    value = values[0] if len(values) == 1 else np.concat(values)
    return value.reshape(covariance.shape).astype(
        np.result_type(dtype, mean) if mean.dtype.kind == "f" else dtype, copy=False
    )
