"""Identities between matrix expressions: non-commuting symbols first, random rational matrices for a counterexample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ..claim import Budget, Evidence, Exact, Way, Witness
from .rational import fractions

REPLAY = """
import numpy as np
from fractions import Fraction
read = lambda v: np.array([read(c) for c in v]) if isinstance(v, list) else float(Fraction(str(v)))
left, right = read(witness["left"]), read(witness["right"])
violated = bool(np.max(np.abs(left - right)) > 1e-9)
"""


@dataclass(frozen=True)
class MatrixIdentity:
    """``left(...) == right(...)`` for scalars that commute and matrices that do not.

    Attributes
    ----------
    left, right : callable
        Of the named symbols; they use ``+ - *`` only, with ``*`` for every product.
    scalars : sequence of str
    shapes : mapping of str to (int, int)
        Matrices, with the shape that a numerical counterexample gives them.
    """

    left: Callable[..., Any]
    right: Callable[..., Any]
    scalars: tuple[str, ...]
    shapes: Mapping[str, tuple[int, int]]


class _Product:
    """An exact matrix whose ``*`` is the matrix product, or the multiple by a scalar."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __add__(self, other: _Product) -> _Product:
        return _Product(self.values + other.values)

    def __sub__(self, other: _Product) -> _Product:
        return _Product(self.values - other.values)

    def __neg__(self) -> _Product:
        return _Product(-self.values)

    def __mul__(self, other: Any) -> _Product:
        return _Product(self.values @ other.values if isinstance(other, _Product) else self.values * other)

    def __rmul__(self, other: Any) -> _Product:
        return _Product(other * self.values)


def matrix_identity(statement: MatrixIdentity | Mapping[str, MatrixIdentity], budget: Budget) -> list[Evidence]:
    """Decide one identity or several named ones; one that fails comes with exact and floating matrices."""
    del budget
    named = statement if isinstance(statement, Mapping) else {"identity": statement}
    steps = {}
    for name, item in named.items():
        symbols = {s: sp.Symbol(s) for s in item.scalars}
        symbols |= {s: sp.Symbol(s, commutative=False) for s in item.shapes}
        steps[name] = sp.expand(item.left(**symbols) - item.right(**symbols)) == 0
        if not steps[name]:
            witness = _witness(item)
            return [Exact("symbolic", steps), *([witness] if witness else [])]
    return [Exact("symbolic", steps)]


def _witness(item: MatrixIdentity) -> Witness | None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        values: dict[str, Any] = {s: Fraction(int(rng.integers(1, 6)), int(rng.integers(2, 5))) for s in item.scalars}
        integers = {s: rng.integers(-3, 4, shape) for s, shape in item.shapes.items()}
        left, right = (
            side(**values, **{s: _Product(fractions(v)) for s, v in integers.items()}).values
            for side in (item.left, item.right)
        )
        gap = max(abs(v) for v in (left - right).ravel())
        if gap == 0:
            continue
        numbers = {s: float(v) for s, v in values.items()}
        rough = [
            side(**numbers, **{s: _Product(v.astype(float)) for s, v in integers.items()}).values
            for side in (item.left, item.right)
        ]
        point = {
            "scalars": values,
            "matrices": {s: v.tolist() for s, v in integers.items()},
            "left": left.tolist(),
            "right": right.tolist(),
        }
        return Witness(
            point,
            Way("exact arithmetic, largest difference", gap, "==", 0),
            Way("floating point, largest difference", float(np.max(np.abs(rough[0] - rough[1]))), "==", 0.0, 1e-9),
            REPLAY,
        )
    return None
