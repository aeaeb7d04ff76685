"""Sign statistics of Gaussian vectors: success probabilities, E[s], E[s s^T] and quadratic forms of it, all exact.

``sign_of_zero`` is the value of sign(0), footnote 3 of "Dissecting Adam": 1 in its theory (the default here), 0 in
practice. It matters only for coordinates of zero mean: with zero variance, in every function; with positive variance,
in the success probability alone, where sign(mean) itself is then 0 and is hit with probability 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optassay.arrays import DEFAULT_MAX_BYTES, Array, Context, check_finite, chunks, context, erf

from . import _orthants
from ._layout import SharedLayout

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
    limit = _orthants.CERTAIN
    # Clip before and after: mean / std may overflow.
    bounded = xp.where(
        xp.abs(mean) >= limit * safe, limit * xp.sign(mean), mean / xp.maximum(safe, xp.abs(mean) / limit)
    )
    fixed = xp.where(mean == 0, xp.full_like(mean, limit * sign_of_zero), limit * xp.sign(mean))
    return xp.where(random, bounded, fixed)


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


class _Block:
    """Pair tables of a few covariance matrices (C, d, d), float64."""

    def __init__(self, covariance: Array, std: Array, keep_tables: bool, ctx: Context) -> None:
        xp = self.xp = ctx.xp
        count, dim = covariance.shape[0], covariance.shape[-1]
        self.count, self.dim = count, dim
        rows, columns = np.triu_indices(dim, 1)
        self.pairs = len(rows)
        integers = {"dtype": xp.int64}
        i, j = ctx.asarray(rows, **integers), ctx.asarray(columns, **integers)
        self.flat_pairs = ctx.asarray(rows * dim + columns, **integers)
        base = ctx.asarray(np.arange(count) * dim, **integers)[:, None]
        first, second = (xp.reshape(base + index[None, :], (-1,)) for index in (i, j))

        # Powers of two bring every variance to [1, 4) without rounding: products neither overflow nor underflow.
        random = std > 0
        safe = xp.where(random, std, xp.ones_like(std))
        scale = 2.0 ** xp.floor(xp.log2(safe))
        variance = xp.reshape(xp.linalg.diagonal(covariance) / scale / scale, (-1,))
        scale, random = xp.reshape(scale, (-1,)), xp.reshape(random, (-1,))
        pair = xp.reshape(xp.take(xp.reshape(covariance, (count, dim * dim)), self.flat_pairs, axis=1), (-1,))
        pair = pair / xp.take(scale, first, axis=0) / xp.take(scale, second, axis=0)
        left, right = xp.take(variance, first, axis=0), xp.take(variance, second, axis=0)
        both = xp.take(random, first, axis=0) & xp.take(random, second, axis=0)
        pair = xp.where(both, pair, xp.zeros_like(pair))
        left, right = xp.where(both, left, xp.ones_like(left)), xp.where(both, right, xp.ones_like(right))
        excess = xp.abs(pair) - xp.sqrt(left * right)
        if self.pairs and bool(xp.any(excess > 1e-10)):
            worst = int(xp.argmax(excess))
            matrix, position = divmod(worst, self.pairs)
            raise ValueError(
                f"covariance is indefinite: its entry ({int(rows[position])}, {int(columns[position])})"
                + (f" of matrix {matrix}" if count > 1 else "")
                + f" means a correlation of {float(pair[worst] / xp.sqrt(left[worst] * right[worst])):.12g}, "
                "allowed are -1 to 1"
            )
        root = xp.sqrt(xp.clip(_orthants.determinant(left, right, pair), 0.0, None))
        angle = xp.atan2(pair, root)
        cosine = root / xp.sqrt(left * right)
        self.groups, members = _orthants.classify(first, second, angle, cosine, ctx)
        self.tables = [group.table(xp) if keep_tables else None for group in self.groups]
        # Where the value of each pair stands once the groups are laid end to end; the last place holds zero.
        total = count * self.pairs
        place = np.full(total, sum(int(m.shape[0]) for m in members))
        if members:
            from optassay.arrays import to_numpy

            order = np.concatenate([to_numpy(m) for m in members])
            place[order] = np.arange(len(order))
        self.pair_place = ctx.asarray(place, **integers)
        square = np.full((count, dim, dim), place.size and int(place.max(initial=0)))
        square[...] = sum(int(m.shape[0]) for m in members)
        square[:, rows, columns] = place.reshape(count, -1)
        square[:, columns, rows] = place.reshape(count, -1)
        self.square_place = ctx.asarray(square.reshape(-1), **integers)

    def excess(self, a: Array, place: Array) -> Array:
        """E[s_i s_j] - E[s_i] E[s_j] at the places asked for; ``a`` is (S, C, d)."""
        xp = self.xp
        flat = xp.reshape(a, (a.shape[0], -1))
        parts = []
        for group, table in zip(self.groups, self.tables, strict=True):
            left, right = xp.take(flat, group.first, axis=1), xp.take(flat, group.second, axis=1)
            parts.append(group.excess(left, right, table if table is not None else group.table(xp), xp))
        parts.append(xp.zeros_like(flat[:, :1]))
        return xp.take(xp.concat(parts, axis=1), place, axis=1)

    def second_moment(self, a: Array, squares: Array) -> Array:
        xp = self.xp
        mean = erf(a / _SQRT2)
        extra = xp.reshape(self.excess(a, self.square_place), (*a.shape, self.dim))
        value = mean[..., :, None] * mean[..., None, :] + extra
        diagonal = xp.eye(self.dim, dtype=xp.bool, device=_device(a))
        return xp.where(diagonal, squares[..., None], value)

    def quadratic_form(self, a: Array, squares: Array, weights: Array) -> Array:
        xp = self.xp
        mean = erf(a / _SQRT2)
        diagonal = xp.linalg.diagonal(weights)
        product = xp.matmul(weights, mean[..., None])[..., 0]
        value = xp.sum(mean * (product - diagonal * mean), axis=-1) + xp.sum(diagonal * squares, axis=-1)
        if self.groups:
            both = weights + xp.matrix_transpose(weights)
            pairs = xp.take(xp.reshape(both, (self.count, -1)), self.flat_pairs, axis=1)
            extra = xp.reshape(self.excess(a, self.pair_place), (a.shape[0], self.count, self.pairs))
            value = value + xp.sum(extra * pairs, axis=-1)
        return value


def _device(array: Array) -> Any:
    import array_api_compat

    return array_api_compat.device(array)


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
        self._ctx = ctx = context(covariance=covariance)
        check_finite(covariance=covariance)
        xp = ctx.xp
        if covariance.ndim < 2 or covariance.shape[-1] != covariance.shape[-2] or covariance.shape[-1] == 0:
            raise ValueError(f"covariance must have shape (..., d, d), got {tuple(covariance.shape)}")
        self.sign_of_zero, self.max_bytes = float(sign_of_zero), max_bytes
        self.batch_shape = tuple(covariance.shape[:-2])
        self.dim = dim = covariance.shape[-1]
        self._work = Context(xp, ctx.device, xp.float64)
        matrix = self._work.asarray(covariance)
        variance = xp.linalg.diagonal(matrix)
        if bool(xp.any(variance < 0)):
            raise ValueError(f"covariance must not have a negative diagonal, got {float(xp.min(variance))}")
        gap = xp.abs(matrix - xp.matrix_transpose(matrix))
        if bool(xp.any(gap > 1e3 * ctx.eps * xp.max(xp.abs(matrix)))):
            raise ValueError(f"covariance must be symmetric, it differs from its transpose by {float(xp.max(gap))}")
        self.std = xp.sqrt(variance)
        count = math.prod(self.batch_shape)
        matrix = xp.reshape(matrix, (count, dim, dim))
        std = xp.reshape(self.std, (count, dim))
        self._slices = list(chunks(count, 200 * dim * dim, max_bytes))
        keep = count * dim * dim * 24 * 12 <= max_bytes
        self._blocks = [_Block(matrix[part, ...], std[part, ...], keep, self._work) for part in self._slices]

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
        check_finite(mean=mean)
        work, xp = self._work, ctx.xp
        if mean.ndim < 1 or mean.shape[-1] != self.dim:
            raise ValueError(f"mean must have shape (..., {self.dim}), got {tuple(mean.shape)}")
        dtype = xp.result_type(self._ctx.dtype, mean.dtype) if xp.isdtype(mean.dtype, "real floating") else None
        batch = tuple(mean.shape[:-1])
        _broadcast("batch axes of mean and covariance", {"mean": batch, "covariance": self.batch_shape})
        layout = SharedLayout(batch, self.batch_shape)
        a = _standardised(*xp.broadcast_arrays(work.asarray(mean), self.std), self.sign_of_zero, xp)
        squares = xp.astype(a != 0, work.dtype) if self.sign_of_zero == 0 else xp.ones_like(a)
        if self.sign_of_zero == 0:
            squares = xp.where(xp.broadcast_to(self.std > 0, a.shape), xp.ones_like(a), squares)
        a, squares = layout.split(a), layout.split(squares)
        if weights is not None:
            weights = xp.reshape(work.asarray(weights), (-1, self.dim, self.dim))
        limit = min(self.max_bytes, _HOST_CHUNK) if str(ctx.device).startswith("cpu") else self.max_bytes
        blocks = []
        for part, block in zip(self._slices, self._blocks, strict=True):
            rows = []
            for row in chunks(layout.runs, block.count * self.dim**2 * 32, limit):
                a_part, s_part = a[row, part, :], squares[row, part, :]
                if weights is None:
                    rows.append(block.second_moment(a_part, s_part))
                else:
                    rows.append(block.quadratic_form(a_part, s_part, weights[part, ...]))
            blocks.append(rows[0] if len(rows) == 1 else xp.concat(rows, axis=0))
        value = blocks[0] if len(blocks) == 1 else xp.concat(blocks, axis=1)
        return xp.astype(layout.join(value, 2 if weights is None else 0), dtype or self._ctx.dtype, copy=False)


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
    context(mean=mean, covariance=covariance)
    return SignMoments(covariance, sign_of_zero=sign_of_zero, max_bytes=max_bytes).second_moment(mean)
