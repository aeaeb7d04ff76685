"""Anderson mixing and GMRES in exact rationals, or in as many digits as one asks for.

The numbers may be of any field whose operations Python's operators do: :class:`fractions.Fraction` (every result is
exact) or ``mpmath.mpf`` (set ``mpmath.mp.dps``). These are host-side oracles for small systems, written for clarity;
:func:`quadratics.anderson_iterates` and :func:`quadratics.gmres_iterates` are the fast ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class ExactPath(NamedTuple):
    """Points ``x_k`` and ``x_bar_k``, as object arrays (steps + 1, d), and the rank of ``R_k`` at every step."""

    iterates: np.ndarray
    projected: np.ndarray
    ranks: tuple[int, ...]


def exact_anderson(
    matrix: np.ndarray,
    rhs: np.ndarray,
    start: np.ndarray,
    mixing: Callable[[int], Any],
    steps: int,
    memory: int | None = None,
    damping: Any = 1,
    regularization: Any = 0,
    preconditioner: np.ndarray | None = None,
    negligible: Any = 0,
) -> ExactPath:
    """(3)-(9), (11), (12) and (17) by normal equations, whose squared condition number costs nothing here.

    Parameters
    ----------
    matrix : object array, shape (d, d)
    rhs, start : object array, shape (d,)
    mixing : callable
        ``k`` to ``beta_k``.
    negligible : number
        Pivots of the normal equations at most this share of the largest diagonal entry count as zero; 0 for
        rationals. Their coefficients are set to zero.
    """
    x, points, bars, ranks = start, [], [], []
    xs: list[np.ndarray] = []
    rs: list[np.ndarray] = []
    memory = steps if memory is None else memory
    r = rhs - matrix @ x
    for k in range(steps + 1):
        points.append(x)
        bar, r_bar, rank = x, r, 0
        if xs:
            big_x, big_r = np.stack(xs[-memory:], axis=1), np.stack(rs[-memory:], axis=1)
            z = big_r.T @ big_r + regularization * (big_x.T @ big_x)
            gamma, rank = solve_semidefinite(z, big_r.T @ r, negligible)
            bar, r_bar = x - damping * (big_x @ gamma), r - damping * (big_r @ gamma)
        bars.append(bar)
        ranks.append(rank)
        new = bar + mixing(k) * (r_bar if preconditioner is None else preconditioner @ r_bar)
        r_new = rhs - matrix @ new
        xs.append(new - x)
        rs.append(r_new - r)
        x, r = new, r_new
    return ExactPath(np.stack(points), np.stack(bars), tuple(ranks))


def exact_gmres(
    matrix: np.ndarray,
    rhs: np.ndarray,
    start: np.ndarray,
    steps: int,
    preconditioner: np.ndarray | None = None,
    negligible: Any = 0,
) -> np.ndarray:
    """Points of least residual over ``start + K_k``, object array (steps + 1, d).

    ORTHODIR: directions ``p_k`` with orthogonal ``A p_k``, which needs no roots and never stagnates by itself. An
    exhausted space repeats the last point; with ``preconditioner`` the space is ``M^-1 K_k(A M^-1, r_0)``.
    """
    minv = (lambda v: v) if preconditioner is None else (lambda v: preconditioner @ v)
    x, r = start, rhs - matrix @ start
    points = [x]
    directions: list[np.ndarray] = []
    images: list[np.ndarray] = []
    squares: list[Any] = []
    p = minv(r)
    for _ in range(steps):
        image = matrix @ p
        before = image @ image
        for _ in range(1 if negligible == 0 else 2):
            for q, a_q, size in zip(directions, images, squares, strict=True):
                weight = (image @ a_q) / size
                p, image = p - weight * q, image - weight * a_q
        square = image @ image
        if square <= negligible * before:
            points += [x] * (steps + 1 - len(points))
            break
        weight = (r @ image) / square
        x, r = x + weight * p, r - weight * image
        directions.append(p)
        images.append(image)
        squares.append(square)
        points.append(x)
        p = minv(image)
    return np.stack(points)


def solve_semidefinite(matrix: np.ndarray, right: np.ndarray, negligible: Any = 0) -> tuple[np.ndarray, int]:
    """A solution of a consistent positive semidefinite system, and the rank: elimination with the largest pivot."""
    a, b = matrix.copy(), right.copy()
    n = len(b)
    zero = b[0] * 0
    scale = max(a[i, i] for i in range(n))
    free = list(range(n))
    pivots: list[int] = []
    while free:
        i = max(free, key=lambda j: a[j, j])
        if a[i, i] <= negligible * scale:
            break
        free.remove(i)
        pivots.append(i)
        for j in free:
            factor = a[j, i] / a[i, i]
            if factor != 0:
                a[j] = a[j] - factor * a[i]
                b[j] = b[j] - factor * b[i]
    solution = np.array([zero] * n, dtype=object)
    for i in reversed(pivots):
        solution[i] = (b[i] - sum((a[i, j] * solution[j] for j in pivots if solution[j] != 0 and j != i), zero)) / a[
            i, i
        ]
    return solution, len(pivots)


def rationals(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Integers, Fractions or "p/q" strings, nested, as an object array of Fractions."""
    from fractions import Fraction

    array = np.array(values, dtype=object)
    return np.vectorize(Fraction, otypes=[object])(array) if array.size else array
