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

# Evaluates both expressions anew: ``*`` is the matrix product, a number multiplies.
REPLAY = """
import numpy as np
from fractions import Fraction
read = lambda v: np.array([read(c) for c in v]) if isinstance(v, list) else float(Fraction(str(v)))
bare = lambda v: v.a if isinstance(v, M) else v
class M:
    def __init__(self, a): self.a = a
    def __add__(self, o): return M(self.a + bare(o))
    __radd__ = __add__
    def __sub__(self, o): return M(self.a - bare(o))
    def __neg__(self): return M(-self.a)
    def __mul__(self, o): return M(self.a @ o.a if isinstance(o, M) else self.a * o)
    def __rmul__(self, o): return M(o * self.a)
    def __pow__(self, n): return M(np.linalg.matrix_power(self.a, n))
names = {k: read(v) for k, v in witness["scalars"].items()}
names.update({k: M(read(v)) for k, v in witness["matrices"].items()})
left, right = (bare(eval(witness[side], {}, names)) for side in ("left", "right"))
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
            witness = _witness(item, symbols)
            return [Exact("symbolic", steps), *([witness] if witness else [])]
    return [Exact("symbolic", steps)]


def _witness(item: MatrixIdentity, symbols: Mapping[str, Any]) -> Witness | None:
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
            "left": str(item.left(**symbols)),
            "right": str(item.right(**symbols)),
        }
        return Witness(
            point,
            Way("exact arithmetic, largest difference", gap, "==", 0),
            Way("floating point, largest difference", float(np.max(np.abs(rough[0] - rough[1]))), "==", 0.0, 1e-9),
            REPLAY,
        )
    return None
