"""Exact histories ``X, R, r`` of every shape and rank, and the exact linear algebra of one Anderson step.

Instances are dictionaries of Fractions, which become the record of a witness as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import fmpq, fmpq_mat

from ..checks.rational import fractions
from ..claim import Budget
from .algebra import IDENTITY, Matrix

SHAPES = ((7, 3), (4, 2), (5, 3), (3, 3), (2, 4), (1, 1))  # m < d/2, d = 2m, d/2 < m < d, d = m, d < m, d = m = 1
READ = """
import numpy as np
from fractions import Fraction
def read(v):
    return np.array([read(c) for c in v]) if isinstance(v, list) else float(Fraction(str(v)))
X, R, r = (read(witness[k]) for k in ("X", "R", "r"))
"""


class Step(NamedTuple):
    """Arrays of one step: ``x`` (d, m), ``r`` (d, m), ``res`` (d,) and the numbers delta, alpha, beta.

    Formulas of a step also take :class:`~.algebra.Matrix` letters and symbols in their place.
    """

    x: Any
    r: Any
    res: Any
    delta: Any
    alpha: Any
    beta: Any

    @property
    def z(self) -> Any:
        return self.r.T @ self.r + self.delta * (self.x.T @ self.x)

    @property
    def y(self) -> Any:
        return self.x + self.beta * self.r

    def eye(self, axis: int) -> Any:
        """Identity of the points (axis 0) or of the columns (axis 1), of the kind of ``x``."""
        if isinstance(self.x, Matrix):
            return IDENTITY
        n = self.x.shape[axis]
        return fractions(np.eye(n, dtype=int)) if self.x.dtype == object else np.eye(n)


def exact(point: Mapping[str, Any]) -> Step:
    """The step of a point in Fractions."""
    return Step(*(fractions(point[k]) for k in ("X", "R", "r")), *(point[k] for k in ("delta", "alpha", "beta")))


def floats(point: Mapping[str, Any]) -> Step:
    """The step of a point in float64."""
    step = exact(point)
    arrays = (np.array(v, dtype=float) for v in step[:3])
    return Step(*arrays, *(float(v) for v in step[3:]))


def matrix(array: np.ndarray) -> fmpq_mat:
    """An object array of Fractions as a flint matrix."""
    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in map(Fraction, row)] for row in array])


def array(found: fmpq_mat) -> np.ndarray:
    """A flint matrix as an object array of Fractions."""
    values = [Fraction(int(v.p), int(v.q)) for v in found.entries()]
    return np.array(values, dtype=object).reshape(found.nrows(), found.ncols())


def rank(values: np.ndarray) -> int:
    """Rank of an exact matrix."""
    return int(matrix(values).rank())


def pseudoinverse(values: np.ndarray) -> np.ndarray:
    """Moore-Penrose inverse in rationals, from a full-rank factorisation ``C F``."""
    reduced, found = matrix(values).rref()
    found = int(found)
    if found == 0:
        return fractions(np.zeros(values.shape[::-1], dtype=int))
    rows = array(reduced)[:found]
    pivots = [next(j for j, v in enumerate(row) if v != 0) for row in rows]
    columns = values[:, pivots]
    inner = array(matrix(rows @ rows.T).inv()) @ array(matrix(columns.T @ columns).inv())
    return rows.T @ inner @ columns.T


def null_space(values: np.ndarray) -> np.ndarray:
    """Columns that span the kernel, (n, n - rank)."""
    n = values.shape[1]
    reduced, found = matrix(values).rref()
    rows = array(reduced)[: int(found)]
    pivots = [next(j for j, v in enumerate(row) if v != 0) for row in rows]
    basis = []
    for free in (j for j in range(n) if j not in pivots):
        vector = fractions(np.zeros(n, dtype=int))
        vector[free] = Fraction(1)
        for row, pivot in zip(rows, pivots, strict=True):
            vector[pivot] = -row[free]
        basis.append(vector)
    return np.stack(basis, axis=1) if basis else fractions(np.zeros((n, 0), dtype=int)).reshape(n, 0)


def kernel_in_kernel(r: np.ndarray, x: np.ndarray) -> bool:
    """Whether ``ker R`` lies in ``ker X``: the secant condition ``H R = -X`` is then feasible."""
    kernel = null_space(r)
    return kernel.shape[1] == 0 or not (x @ kernel).any()


def histories(
    budget: Budget,
    deltas: tuple[str, ...] = ("0", "1/10", "3"),
    alphas: tuple[str, ...] = ("1",),
    betas: tuple[str, ...] = ("1", "1/4"),
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """Standard cases: every relation of d and m, full and deficient ranks, zero columns, zero residual."""
    rng = np.random.default_rng(seed)
    for d, m in SHAPES:
        for kind in KINDS:
            x, r = rng.integers(-3, 4, (d, m)), rng.integers(-3, 4, (d, m))
            res = rng.integers(-3, 4, d)
            if kind == "R deficient" and m > 1:
                r[:, -1] = r[:, 0]
            elif kind == "X deficient" and m > 1:
                x[:, -1] = -x[:, 0]
            elif kind == "common null vector" and m > 1:
                x[:, -1], r[:, -1] = 2 * x[:, 0], 2 * r[:, 0]
            elif kind == "both deficient, no common null vector" and m > 1:
                x[:, -1], r[:, -1] = x[:, 0], -r[:, 0]
            elif kind == "zero column of R":
                r[:, 0] = 0
            elif kind == "zero column of both":
                r[:, 0] = x[:, 0] = 0
            elif kind == "zero residual":
                res[:] = 0
            elif kind != "generic":
                continue
            # All settings in the full budget; in the quick one each case takes its share of them.
            settings = [(a, b, c) for a in deltas for b in alphas for c in betas]
            count = budget.pick(min(3, len(settings)), len(settings))
            for k in rng.permutation(len(settings))[:count]:
                delta, alpha, beta = map(Fraction, settings[int(k)])
                yield {
                    "d": d,
                    "m": m,
                    "kind": kind,
                    "X": [[Fraction(int(v)) for v in row] for row in x],
                    "R": [[Fraction(int(v)) for v in row] for row in r],
                    "r": [Fraction(int(v)) for v in res],
                    "delta": delta,
                    "alpha": alpha,
                    "beta": beta,
                }


KINDS = (
    "generic",
    "R deficient",
    "X deficient",
    "common null vector",
    "both deficient, no common null vector",
    "zero column of R",
    "zero column of both",
    "zero residual",
)


def largest(values: np.ndarray) -> Any:
    """Largest absolute entry, 0 for an empty array."""
    return max((abs(v) for v in np.asarray(values).ravel()), default=0)
