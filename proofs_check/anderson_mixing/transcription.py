"""The paper's algorithms line by line on numbers of any field, for comparison with the update rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
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


def one_step(
    points: Sequence[np.ndarray],
    residuals: Sequence[np.ndarray],
    hyper: Mapping[str, Any],
    memory: int,
    delta: Delta | None,
    penalty: str = "points",
) -> np.ndarray:
    """``x_{k+1}`` of Algorithm 1 from ``x_0 .. x_k`` and ``r_0 .. r_k``, of which the last ``memory + 1`` matter.

    ``delta`` None is (5). ``mu`` in ``hyper`` switches line 9 on.
    """
    alpha, beta = hyper.get("alpha", 1), hyper["beta"]
    x, r = points[-1], residuals[-1]
    if len(points) == 1:
        return x + beta * r
    big_x, big_r = (
        np.stack([after - before for before, after in pairwise(v[-memory - 1 :])], axis=1) for v in (points, residuals)
    )
    z = big_r.T @ big_r
    if delta is not None:
        size = delta(r, big_x[:, -1], hyper)
        z = z + size * (big_x.T @ big_x if penalty == "points" else _eye(z.shape[0], r[0] * 0 + 1))
    damping = alpha
    if "mu" in hyper:
        damping = _shrunk(big_x, big_r, z, alpha, beta, hyper["mu"])
    gamma, _ = solve_semidefinite(z, big_r.T @ r, NEGLIGIBLE)
    x_bar = x - damping * (big_x @ gamma)  # (8)
    r_bar = r - damping * (big_r @ gamma)
    return x_bar + beta * r_bar  # (4b)


def algorithm_1(
    gradients: Sequence[Sequence[Any]],
    start: Sequence[Any],
    hyper: Mapping[str, Any],
    memory: int,
    delta: Delta | None,
    penalty: str = "points",
) -> list[list[Any]]:
    """The path of Algorithm 1 along a stream of gradients; arguments as of :func:`one_step`."""
    points, residuals = [np.array(start, dtype=object)], []
    for gradient in gradients:
        residuals.append(-np.array(gradient, dtype=object))
        points.append(one_step(points, residuals, hyper, memory, delta, penalty))
    return [list(x) for x in points[1:]]


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
