"""Online convex games: losses, subgradients, the set the player is projected on, and the exact comparator.

Losses are sums over the coordinates unless said otherwise. Points have shape (..., d); rounds are t = 1, 2, ...
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optassay.arrays import Array, Context, context, to_numpy


def _check_interval(low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"low must be below high, got low = {low}, high = {high}")


def _check_pattern(name: str, values: tuple[float, ...]) -> None:
    if not values or not np.all(np.isfinite(values)):
        raise ValueError(f"{name} must be finite numbers, at least one, got {values}")


def _counts(rounds: Any, period: int) -> np.ndarray:
    """How often each member of a period came in so many rounds: (period,) or (k, period)."""
    periods, rest = np.divmod(rounds, period)
    return np.asarray(periods)[..., None] + (np.arange(period) < np.asarray(rest)[..., None])


def _spread(ctx: Context, values: Any, shape: tuple[int, ...]) -> Array:
    """A number, or one per entry (k,) of the first axis, as an array of this shape."""
    values = np.asarray(values, dtype=float)
    return ctx.zeros(shape) + ctx.asarray(values.reshape((*values.shape, *[1] * (len(shape) - values.ndim))))


class Game(ABC):
    """A sequence of convex losses on a box (the whole space where its ends are infinite)."""

    low: float
    high: float

    @abstractmethod
    def value(self, t: int, x: Array) -> Array:
        """Loss of round ``t``: (...,)."""

    @abstractmethod
    def gradient(self, t: int, x: Array) -> Array:
        """A subgradient there: (..., d)."""

    @abstractmethod
    def best(self, rounds: Any, slopes: Array) -> tuple[Array, Array]:
        """Best fixed point (..., d) of the first ``rounds`` losses and their sum there (...,).

        ``slopes`` (..., d) is the sum of the subgradients that were handed out; only adaptive games need it.
        ``rounds`` may be a NumPy array (k,) of whole numbers, then the first axis of ``slopes`` and results is theirs.
        """

    def project(self, x: Array) -> Array:
        """Nearest point of the box."""
        if self.low == -np.inf and self.high == np.inf:
            return x
        xp = context(x=x).xp  # not the namespace's clip, which checks and broadcasts the ends anew every time
        return xp.minimum(xp.maximum(x, xp.full_like(x, self.low)), xp.full_like(x, self.high))


@dataclass(frozen=True)
class LinearGame(Game):
    """``f_t(x) = sum_i c_t x_i`` with a periodic ``c_t`` on a bounded interval."""

    pattern: tuple[float, ...]
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_pattern("pattern", self.pattern)
        _check_interval(self.low, self.high)
        if not np.isfinite([self.low, self.high]).all():
            raise ValueError(f"a linear game needs a bounded interval, got [{self.low}, {self.high}]")

    def slope(self, t: int) -> float:
        """``c_t``."""
        return self.pattern[(t - 1) % len(self.pattern)]

    def value(self, t: int, x: Array) -> Array:
        return self.slope(t) * context(x=x).xp.sum(x, axis=-1)

    def gradient(self, t: int, x: Array) -> Array:
        return context(x=x).full(x.shape, self.slope(t))

    def best(self, rounds: Any, slopes: Array) -> tuple[Array, Array]:
        ctx = context(slopes=slopes)
        total = _counts(rounds, len(self.pattern)) @ np.asarray(self.pattern)
        point = _spread(ctx, np.where(total > 0, self.low, self.high), slopes.shape)
        return point, _spread(ctx, total, slopes.shape[:-1]) * ctx.xp.sum(point, axis=-1)


def reddi_game(size: float, period: int = 3) -> LinearGame:
    """Reddi, Kale and Kumar's counterexample to Adam: slopes ``C, -1, ..., -1`` in turn on [-1, 1], best point -1.

    Parameters
    ----------
    size : float
        ``C``, above ``period - 1`` so that the slopes of a period have a positive sum.
    period : int
        Rounds from one large slope to the next: 3 in their theorem 1, ``C`` in theorem 2 (any decays).
    """
    if period < 2:
        raise ValueError(f"period must be at least 2, got {period}")
    if not size > period - 1:
        raise ValueError(f"size must be above {period - 1}, got {size}")
    return LinearGame((float(size), *[-1.0] * (period - 1)))


@dataclass(frozen=True)
class AdversarialGame(Game):
    """``f_t(x) = sum_i c_{t,i} x_i`` with slopes ``size sign(x_i)`` chosen against the player's point."""

    size: float = 1.0
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_interval(self.low, self.high)
        if not self.size > 0:
            raise ValueError(f"size must be positive, got {self.size}")

    def value(self, t: int, x: Array) -> Array:
        return context(x=x).xp.sum(self.gradient(t, x) * x, axis=-1)

    def gradient(self, t: int, x: Array) -> Array:
        xp = context(x=x).xp
        return self.size * xp.where(x >= 0, xp.ones_like(x), -xp.ones_like(x))

    def best(self, rounds: Any, slopes: Array) -> tuple[Array, Array]:
        ctx = context(slopes=slopes)
        point = ctx.xp.where(slopes > 0, ctx.full(slopes.shape, self.low), ctx.full(slopes.shape, self.high))
        return point, ctx.xp.sum(slopes * point, axis=-1)


@dataclass(frozen=True)
class QuadraticGame(Game):
    """``f_t(x) = curvature/2 sum_i (x_i - c_t)^2`` with periodic targets ``c_t``."""

    targets: tuple[float, ...]
    curvature: float = 1.0
    low: float = -np.inf
    high: float = np.inf

    def __post_init__(self) -> None:
        _check_pattern("targets", self.targets)
        _check_interval(self.low, self.high)
        if not self.curvature > 0:
            raise ValueError(f"curvature must be positive, got {self.curvature}")

    def _target(self, t: int) -> float:
        return self.targets[(t - 1) % len(self.targets)]

    def value(self, t: int, x: Array) -> Array:
        return self.curvature / 2 * context(x=x).xp.sum((x - self._target(t)) ** 2, axis=-1)

    def gradient(self, t: int, x: Array) -> Array:
        return self.curvature * (x - self._target(t))

    def best(self, rounds: Any, slopes: Array) -> tuple[Array, Array]:
        ctx = context(slopes=slopes)
        targets = np.asarray(self.targets)
        counts = _counts(rounds, len(targets))
        point = np.clip(counts @ targets / rounds, self.low, self.high)
        total = self.curvature / 2 * np.sum(counts * (point[..., None] - targets) ** 2, axis=-1) * slopes.shape[-1]
        return _spread(ctx, point, slopes.shape), _spread(ctx, total, slopes.shape[:-1])


@dataclass(frozen=True)
class HingeGame(Game):
    """The counterexample without projection: ``C max(x_i, -1)`` every third round, ``-min(x_i, 1)`` in the others.

    Beyond the ends of [-1, 1] the losses are flat, so that the player is driven back; the best point is -1 (C > 2).
    """

    size: float
    low: float = field(default=-np.inf, init=False)
    high: float = field(default=np.inf, init=False)

    def __post_init__(self) -> None:
        if not self.size > 2:
            raise ValueError(f"size must be above 2, got {self.size}")

    def value(self, t: int, x: Array) -> Array:
        xp = context(x=x).xp
        loss = self.size * xp.clip(x, -1.0, None) if t % 3 == 1 else -xp.clip(x, None, 1.0)
        return xp.sum(loss, axis=-1)

    def gradient(self, t: int, x: Array) -> Array:
        xp = context(x=x).xp
        if t % 3 == 1:
            return xp.where(x > -1, xp.full_like(x, self.size), xp.zeros_like(x))
        return xp.where(x < 1, -xp.ones_like(x), xp.zeros_like(x))

    def best(self, rounds: Any, slopes: Array) -> tuple[Array, Array]:
        ctx = context(slopes=slopes)
        large = (np.asarray(rounds) + 2) // 3
        total = (-self.size * large + (rounds - large)) * slopes.shape[-1]
        return ctx.full(slopes.shape, -1.0), _spread(ctx, total, slopes.shape[:-1])


@dataclass(frozen=True, eq=False)
class LogisticGame(Game):
    """``f_t(x) = log(1 + exp(-y_k a_k . x))``, the examples ``k`` in turn; coordinates are coupled.

    Attributes
    ----------
    features : NumPy array, shape (n, d)
    labels : NumPy array of +-1, shape (n,)
    """

    features: np.ndarray
    labels: np.ndarray
    low: float = -10.0
    high: float = 10.0

    def __post_init__(self) -> None:
        _check_interval(self.low, self.high)
        if self.features.ndim != 2 or self.labels.shape != self.features.shape[:1]:
            raise ValueError(
                f"features and labels must have shapes (n, d) and (n,), got {self.features.shape}, {self.labels.shape}"
            )
        if not np.all(np.abs(self.labels) == 1):
            raise ValueError("labels must be 1 or -1")

    def _row(self, t: int, x: Array) -> Array:
        k = (t - 1) % len(self.labels)
        return context(x=x).asarray(self.labels[k] * self.features[k])

    def value(self, t: int, x: Array) -> Array:
        xp = context(x=x).xp
        margin = xp.sum(self._row(t, x) * x, axis=-1)
        return xp.log1p(xp.exp(-xp.abs(margin))) + xp.where(margin < 0, -margin, xp.zeros_like(margin))

    def gradient(self, t: int, x: Array) -> Array:
        xp = context(x=x).xp
        row = self._row(t, x)
        margin = xp.sum(row * x, axis=-1, keepdims=True)
        small = xp.exp(-xp.abs(margin))
        return -row * xp.where(margin < 0, xp.ones_like(margin), small) / (1.0 + small)

    def best(self, rounds: Any, slopes: Array) -> tuple[Array, Array]:
        ctx = context(slopes=slopes)
        found = [self._minimum(weights) for weights in np.atleast_2d(_counts(rounds, len(self.labels)))]
        points, totals = (np.array(column) for column in zip(*found, strict=True))
        if np.ndim(rounds) == 0:
            return ctx.zeros(slopes.shape) + ctx.asarray(points[0]), ctx.full(slopes.shape[:-1], float(totals[0]))
        lead = (len(totals), *[1] * (slopes.ndim - 2), points.shape[-1])
        return ctx.zeros(slopes.shape) + ctx.asarray(points.reshape(lead)), _spread(ctx, totals, slopes.shape[:-1])

    def _minimum(self, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Minimiser over the box of the sum in which example k counts ``weights[k]`` times, and the minimum."""
        from scipy.optimize import minimize

        rows, rounds = self.labels[:, None] * self.features, float(weights.sum())

        def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
            margin = rows @ x
            share = 0.5 * (1.0 - np.tanh(margin / 2.0))
            return float(weights @ np.logaddexp(0.0, -margin)) / rounds, -(weights * share) @ rows / rounds

        found = minimize(
            objective,
            np.zeros(rows.shape[1]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(self.low, self.high)] * rows.shape[1],
            options={"ftol": 1e-15, "gtol": 1e-11, "maxiter": 5000},
        )
        return found.x, float(found.fun) * rounds


def duality_gap(game: LogisticGame, rounds: int) -> float:
    """Upper bound of what the comparator's total may lack to the minimum: ``max_u <gradient, x - u>`` over the box."""
    point = to_numpy(game.best(rounds, np.zeros(game.features.shape[1]))[0])
    weights = _counts(rounds, len(game.labels))
    gradient = sum(w * game.gradient(k + 1, point) for k, w in enumerate(weights))
    return float(np.sum(np.where(gradient > 0, gradient * (point - game.low), gradient * (point - game.high))))


def standard_games() -> dict[str, Game]:
    """Quadratic, linear, logistic, adversarial and periodic streams; the counterexample with and without projection."""
    rng = np.random.default_rng(11)
    features = rng.standard_normal((7, 3))
    labels = np.where(features @ np.ones(3) + rng.standard_normal(7) > 0, 1.0, -1.0)
    return {
        "quadratic": QuadraticGame((1.0, -0.5, 0.25), low=-2.0, high=2.0),
        "linear, periodic": LinearGame((2.0, -1.0, -1.5, 1.0)),
        "logistic": LogisticGame(features, labels, low=-2.0, high=2.0),
        "adversarial": AdversarialGame(),
        "Reddi, C = 3": reddi_game(3.0),
        "Reddi, C = 10": reddi_game(10.0),
        "hinge, C = 4": HingeGame(4.0),
    }
