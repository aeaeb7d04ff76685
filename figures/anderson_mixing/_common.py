"""What the figures of this paper share."""

from __future__ import annotations

import numpy as np

PAPER = "Stochastic Anderson Mixing"


def spd_systems(count: int, dim: int, condition: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices ``Q diag(l) Q'``, ``l`` log-uniform in [1/condition, 1] with both ends, and normal right sides."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.standard_normal((count, dim, dim)))
    values = condition ** -rng.uniform(0, 1, (count, dim))
    values[:, 0], values[:, -1] = 1.0, 1.0 / condition
    return q @ (values[..., None] * np.swapaxes(q, -1, -2)), rng.standard_normal((count, dim))


def lengths(matrix: np.ndarray, vectors: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """``|A v| / |b|`` of every system: (steps, systems) from (steps, systems, d)."""
    return np.linalg.norm(np.einsum("nij,knj->kni", matrix, vectors), axis=-1) / np.linalg.norm(rhs, axis=-1)


def quartiles(values: np.ndarray) -> np.ndarray:
    """Lower quartile, median and upper quartile over the last axis, (..., 3)."""
    return np.moveaxis(np.quantile(values, (0.25, 0.5, 0.75), axis=-1), 0, -1)
