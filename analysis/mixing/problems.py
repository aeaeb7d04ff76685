"""Finite sums ``f(x) = mean_i phi(a_i'x, y_i) + l2 |x|^2 / 2``: noisy quadratics, logistic regression on real data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from optassay.arrays import Array, check_finite, context, to_numpy

DATA = ("breast-cancer", "digits", "wine")


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A regularised linear model, one term per sample.

    Attributes
    ----------
    features : array, shape (T, d)
    targets : array, shape (T,)
        Numbers for "squares", -1 and 1 for "logistic".
    loss : {"squares", "logistic"}
        ``(z - y)^2 / 2`` or ``log(1 + exp(-y z))``.
    l2 : float
    scale : float
        Factor of the whole sum: ``scale * f``.

    Raises
    ------
    ValueError
        Shapes that do not fit, targets other than -1 and 1, negative ``l2``, ``scale`` not positive, NaN.
    """

    features: Array
    targets: Array
    loss: Literal["squares", "logistic"]
    l2: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        ctx = context(features=self.features, targets=self.targets)
        check_finite(features=self.features, targets=self.targets)
        if self.features.ndim != 2 or self.targets.shape != self.features.shape[:1] or 0 in self.features.shape:
            shapes = f"{tuple(self.features.shape)} and {tuple(self.targets.shape)}"
            raise ValueError(f"features and targets must have shapes (T, d) and (T,), got {shapes}")
        if self.loss not in ("squares", "logistic"):
            raise ValueError(f"loss must be 'squares' or 'logistic', got {self.loss!r}")
        if self.loss == "logistic" and not bool(ctx.xp.all(ctx.xp.abs(self.targets) == 1)):
            raise ValueError("targets must be -1 or 1 for loss 'logistic'")
        if not self.l2 >= 0:
            raise ValueError(f"l2 must not be negative, got {self.l2!r}")
        if not self.scale > 0:
            raise ValueError(f"scale must be positive, got {self.scale!r}")

    @property
    def count(self) -> int:
        """``T``, the number of samples."""
        return self.features.shape[0]

    @property
    def dim(self) -> int:
        return self.features.shape[1]

    def value(self, x: Array) -> Array:
        """``scale * f(x)``, shape (...)."""
        xp = context(x=x, features=self.features).xp
        z = xp.matmul(x, xp.matrix_transpose(self.features))
        if self.loss == "squares":
            terms = 0.5 * (z - self.targets) ** 2
        else:
            margin = self.targets * z
            # log(1 + exp(-margin)), without overflow
            terms = xp.log1p(xp.exp(-xp.abs(margin))) + xp.where(margin < 0, -margin, xp.zeros_like(margin))
        return self.scale * (xp.mean(terms, axis=-1) + 0.5 * self.l2 * xp.vecdot(x, x))

    def gradient(self, x: Array) -> Array:
        """Of :meth:`value`, shape (..., d)."""
        xp = context(x=x, features=self.features).xp
        slopes = self._slopes(xp, xp.matmul(x, xp.matrix_transpose(self.features)), self.targets)
        return self.scale * (xp.matmul(slopes, self.features) / self.count + self.l2 * x)

    def batch_gradient(self, x: Array, indices: Array) -> Array:
        """Mean gradient over the samples ``indices`` (runs, n) at ``x`` (settings, runs, d)."""
        xp = context(x=x, features=self.features).xp
        runs, n = indices.shape
        flat = xp.reshape(indices, (-1,))
        rows = xp.reshape(xp.take(self.features, flat, axis=0), (runs, n, self.dim))
        targets = xp.reshape(xp.take(self.targets, flat, axis=0), (runs, n))
        points = xp.permute_dims(x, (1, 2, 0))  # one product per run for all settings
        slopes = self._slopes(xp, xp.matmul(rows, points), targets[..., None])
        found = xp.matmul(xp.matrix_transpose(slopes), rows) / n
        return self.scale * (xp.permute_dims(found, (1, 0, 2)) + self.l2 * x)

    def _slopes(self, xp: Any, z: Array, targets: Array) -> Array:
        """``phi'(z, y)``."""
        if self.loss == "squares":
            return z - targets
        margin = targets * z
        small = xp.exp(-xp.abs(margin))
        return -targets * xp.where(margin > 0, small, xp.ones_like(small)) / (1.0 + small)

    @cached_property
    def smoothness(self) -> float:
        """``L``: largest eigenvalue of the Hessian, or its bound for the logistic loss."""
        a = to_numpy(self.features)
        largest = float(np.linalg.eigvalsh(a.T @ a / self.count)[-1])
        return self.scale * ((0.25 if self.loss == "logistic" else 1.0) * largest + self.l2)

    @cached_property
    def minimiser(self) -> np.ndarray:
        """By Newton's method on the host, (d,).

        Raises
        ------
        RuntimeError
            The gradient does not vanish to rounding: for ``l2`` zero there may be no minimiser.
        """
        a, y = to_numpy(self.features), to_numpy(self.targets)
        x = np.zeros(self.dim)
        size, move = 0.0, 0.0
        for _ in range(100):
            z = a @ x
            slopes = self._slopes(np, z, y)
            gradient = a.T @ slopes / self.count + self.l2 * x
            size = float(np.linalg.norm(gradient))
            small = size <= 1e-14 * (1.0 + np.linalg.norm(a.T @ y) / self.count)
            if small and move <= 1e-6 * (1.0 + np.linalg.norm(x)):  # towards infinity the gradient vanishes too
                return x
            weights = 1.0 if self.loss == "squares" else np.abs(slopes) * (1.0 - np.abs(slopes))
            hessian = (a.T * weights) @ a / self.count + self.l2 * np.eye(self.dim)
            step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
            x, move = x - step, float(np.linalg.norm(step))
        raise RuntimeError(f"no minimiser found: the gradient is {size:.3g} after 100 Newton steps")

    def suboptimality(self, x: Array) -> Array:
        """``value(x)`` less the minimum, at least 0: (...)."""
        ctx = context(x=x)
        least = self.value(ctx.asarray(self.minimiser))
        return ctx.xp.clip(self.value(x) - least, 0.0, None)


def noisy_quadratic(
    rng: Any, dim: int = 20, count: int = 1000, condition: float = 100.0, noise: float = 0.0, like: Array = None
) -> LinearModel:
    """Least squares whose Hessian has eigenvalues from 1 down to ``1 / condition``, and targets with errors ``noise``.

    Raises
    ------
    ValueError
        Fewer samples than dimensions, ``condition`` below 1, negative ``noise``.
    """
    if not count >= dim >= 1:
        raise ValueError(f"count must be at least dim, got {count} and {dim}")
    if not condition >= 1:
        raise ValueError(f"condition must be at least 1, got {condition!r}")
    if not noise >= 0:
        raise ValueError(f"noise must not be negative, got {noise!r}")
    ctx = context(like=np.zeros(0) if like is None else like)
    generator = np.random.default_rng(rng)
    left, _ = np.linalg.qr(generator.standard_normal((count, dim)))
    right, _ = np.linalg.qr(generator.standard_normal((dim, dim)))
    roots = np.sqrt(np.geomspace(1.0, 1.0 / condition, dim) * count)
    features = left * roots @ right
    targets = features @ generator.standard_normal(dim) + noise * generator.standard_normal(count)
    return LinearModel(ctx.asarray(features), ctx.asarray(targets), "squares")


def real_logistic(name: str, l2: float = 1e-3, standardise: bool = True, like: Array = None) -> LinearModel:
    """Logistic regression on a data set that scikit-learn brings along, with an intercept.

    Parameters
    ----------
    name : {"breast-cancer", "digits", "wine"}
        569 x 30, malignant or not; 1797 x 64, odd digits or even; 178 x 13, the second kind of wine or another.
    l2 : float
        Also on the intercept, so that the sum is strongly convex.
    standardise : bool
        Features of mean 0 and variance 1, constant ones 0; otherwise as they come, which is badly scaled.

    Raises
    ------
    ValueError
        Unknown name.
    ImportError
        scikit-learn is missing; names the extra.
    """
    if name not in DATA:
        raise ValueError(f"name must be one of {', '.join(DATA)}, got {name!r}")
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            f"data set {name!r} comes with scikit-learn, which is not installed; pip install 'optassay[data]'"
        ) from error
    load = {"breast-cancer": datasets.load_breast_cancer, "digits": datasets.load_digits, "wine": datasets.load_wine}
    features, labels = load[name](return_X_y=True)
    positive = {"breast-cancer": labels == 0, "digits": labels % 2 == 1, "wine": labels == 1}[name]
    if standardise:
        spread = features.std(axis=0)
        features = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    features = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    ctx = context(like=np.zeros(0) if like is None else like)
    return LinearModel(ctx.asarray(features), ctx.asarray(np.where(positive, 1.0, -1.0)), "logistic", l2)
