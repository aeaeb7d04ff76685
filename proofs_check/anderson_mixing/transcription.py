"""The paper's algorithms line by line on numbers of any field, for comparison with the update rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from quadratics.krylov import solve_semidefinite

NEGLIGIBLE = 1e-28  # pivots of 40-digit Gram matrices below this are rounding noise

Delta = Callable[[np.ndarray, np.ndarray, Mapping[str, Any]], Any]


def constant(r: np.ndarray, dx: np.ndarray, hyper: Mapping[str, Any]) -> Any:
    """``delta``."""
    return hyper["delta"]


def adaptive(r: np.ndarray, dx: np.ndarray, hyper: Mapping[str, Any]) -> Any:
    """(16)."""
    return max(hyper["c1"] * (r @ r) / (dx @ dx + hyper["epsilon"]), hyper["c2"] / hyper["beta"] ** 2)


def algorithm_1(
    gradients: Sequence[Sequence[Any]],
    start: Sequence[Any],
    hyper: Mapping[str, Any],
    memory: int,
    delta: Delta | None,
    penalty: str = "points",
    diagonal: Sequence[Any] | None = None,
) -> list[list[Any]]:
    """Algorithm 1; ``delta`` None is (5). ``mu`` in ``hyper`` switches line 9 on, ``diagonal`` is M^-1 of (17)."""
    x = np.array(start, dtype=object)
    alpha, beta = hyper.get("alpha", 1), hyper["beta"]
    xs: list[np.ndarray] = []
    rs: list[np.ndarray] = []
    path = []
    before = x  # placeholder until the first residual is there
    for k, gradient in enumerate(gradients):
        r = -np.array(gradient, dtype=object)
        inverse = beta if diagonal is None else np.array(diagonal, dtype=object)
        if k == 0:
            new = x + inverse * r
        else:
            rs.append(r - before)
            big_x = np.stack(xs[-memory:], axis=1)
            big_r = np.stack(rs[-memory:], axis=1)
            z = big_r.T @ big_r
            if delta is not None:
                size = delta(r, xs[-1], hyper)
                z = z + size * (big_x.T @ big_x if penalty == "points" else _eye(z.shape[0], r[0] * 0 + 1))
            damping = alpha
            if "mu" in hyper:
                damping = _shrunk(big_x, big_r, z, alpha, beta, hyper["mu"])
            gamma, _ = solve_semidefinite(z, big_r.T @ r, NEGLIGIBLE)
            x_bar = x - damping * (big_x @ gamma)  # (8)
            r_bar = r - damping * (big_r @ gamma)
            new = x_bar + inverse * r_bar  # (4b), (17)
        xs.append(new - x)
        before, x = r, new
        path.append(list(x))
    return path


def _eye(n: int, one: Any) -> np.ndarray:
    return np.array([[one if i == j else one * 0 for j in range(n)] for i in range(n)], dtype=object)


def _shrunk(x: np.ndarray, r: np.ndarray, z: np.ndarray, alpha: Any, beta: Any, mu: Any) -> Any:
    """Line 9 with the dense matrix: the largest ``alpha`` up to the given one that satisfies (14)."""
    import mpmath

    y = x + beta * r
    solved = np.stack([solve_semidefinite(z, column, NEGLIGIBLE)[0] for column in r], axis=1)  # Z^+ R'
    half = y @ solved
    values = mpmath.eigsy(mpmath.matrix((half + half.T).tolist()), eigvals_only=True)
    largest, bound = max(values), 2 * beta * (1 - mu)
    return bound / largest if alpha * largest > bound else alpha


def variance_reduced(
    hessians: Sequence[np.ndarray],
    start: np.ndarray,
    batches: Sequence[Sequence[Sequence[int]]],
    update: Callable[[list[list[Any]]], list[Any]],
    correction: int = 1,
) -> list[list[Any]]:
    """Algorithm 2 for ``f_i = x' A_i x / 2``: ``update`` maps the gradients so far to the new point.

    ``correction`` 0 leaves the full gradient out.
    """
    full = sum(hessians[1:], hessians[0]) / len(hessians)
    x = np.array(start, dtype=object)
    gradients: list[list[Any]] = []
    path = []
    for loop in batches:
        snapshot = x
        for batch in loop:
            mean = sum((hessians[i] for i in batch[1:]), hessians[batch[0]]) / len(batch)
            gradients.append(list(mean @ x - mean @ snapshot + correction * (full @ snapshot)))
            x = np.array(update(gradients), dtype=object)
            path.append(list(x))
    return path
