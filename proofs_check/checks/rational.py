"""Exact rational matrices as object arrays of Fractions: positive definite ones, orthogonal ones, sign vectors."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np


def fractions(values: object) -> np.ndarray:
    """Nested integers, Fractions or "p/q" strings as an object array of Fractions."""
    array = np.array(values, dtype=object)
    return np.vectorize(Fraction, otypes=[object])(array) if array.size else array


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Exact solution of a regular rational system."""
    from flint import fmpq, fmpq_mat

    def pack(array: np.ndarray) -> fmpq_mat:
        return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in fractions(array)])

    columns = right.reshape(len(matrix), -1)
    found = pack(matrix).solve(pack(columns))
    values = [Fraction(int(v.p), int(v.q)) for v in found.entries()]
    return np.array(values, dtype=object).reshape(right.shape)


def cayley(skew: np.ndarray) -> np.ndarray:
    """The rational rotation ``(I - S)(I + S)^{-1}`` of a skew-symmetric rational matrix."""
    identity = fractions(np.eye(len(skew), dtype=int))
    return solve(identity + skew, identity - skew)


def rotations(dim: int, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """``count`` rational rotation matrices with small denominators."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        upper = np.triu(rng.integers(-3, 4, (dim, dim)), 1)
        yield cayley(fractions(upper - upper.T) / 2)


def positive_definite(dim: int, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """A diagonal matrix, then ``count - 1`` full rational positive definite ones ``A A^T + I / 2``."""
    rng = np.random.default_rng(seed)
    yield fractions(np.diag(np.arange(1, dim + 1)))
    for _ in range(count - 1):
        factor = fractions(rng.integers(-2, 3, (dim, dim)))
        yield factor @ factor.T + fractions(np.eye(dim, dtype=int)) / 2


def sign_vectors(dim: int) -> Iterator[np.ndarray]:
    """All of {-1, 1}^dim."""
    for signs in product((1, -1), repeat=dim):
        yield fractions(signs)
