"""Matrices of any size as words in letters that do not commute: transposes, rewriting by axioms, linear combinations.

What reduces to zero here holds for all matrices of fitting shapes that obey the axioms used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

Word = tuple[str, ...]
Rules = Mapping[Word, "Matrix"]


class Matrix:
    """A linear combination of words; the empty word is the identity, ``A'`` the transpose of the letter ``A``."""

    def __init__(self, terms: Mapping[Word, Any], symmetric: frozenset[str] = frozenset()) -> None:
        self.terms = {word: c for word, value in terms.items() if (c := sp.expand(value)) != 0}
        self.symmetric = symmetric

    def __add__(self, other: Matrix) -> Matrix:
        total: dict[Word, Any] = dict(self.terms)
        for word, value in other.terms.items():
            total[word] = total.get(word, 0) + value
        return Matrix(total, self.symmetric | other.symmetric)

    def __neg__(self) -> Matrix:
        return -1 * self

    def __sub__(self, other: Matrix) -> Matrix:
        return self + -other

    def __rmul__(self, scalar: Any) -> Matrix:
        return Matrix({word: scalar * value for word, value in self.terms.items()}, self.symmetric)

    def __matmul__(self, other: Matrix) -> Matrix:
        total: dict[Word, Any] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                total[left + right] = total.get(left + right, 0) + a * b
        return Matrix(total, self.symmetric | other.symmetric)

    @property
    def T(self) -> Matrix:
        flipped = {tuple(self._flip(letter) for letter in reversed(word)): c for word, c in self.terms.items()}
        return Matrix(flipped, self.symmetric)

    def _flip(self, letter: str) -> str:
        if letter in self.symmetric:
            return letter
        return letter.removesuffix("'") if letter.endswith("'") else letter + "'"

    def reduce(self, rules: Rules) -> Matrix:
        """Replace words of the rules wherever they occur until none is left."""
        found = self
        for _ in range(100):
            step = Matrix({}, found.symmetric)
            changed = False
            for word, value in found.terms.items():
                new = _rewritten(word, rules)
                changed |= new is not None
                step += value * (Matrix({word: 1}, found.symmetric) if new is None else new)
            found = step
            if not changed:
                return found
        raise RuntimeError("the rules do not come to an end")

    def is_zero(self, rules: Rules | None = None) -> bool:
        """Whether nothing is left after the rules."""
        return not (self.reduce(rules) if rules else self).terms


def _rewritten(word: Word, rules: Rules) -> Matrix | None:
    for pattern, replacement in rules.items():
        for i in range(len(word) - len(pattern) + 1):
            if word[i : i + len(pattern)] == pattern:
                return Matrix({word[:i]: 1}) @ replacement @ Matrix({word[i + len(pattern) :]: 1})
    return None


IDENTITY = Matrix({(): 1})


def letters(names: str, symmetric: bool = False) -> list[Matrix]:
    """Matrices of one letter each."""
    return [Matrix({(name,): 1}, frozenset([name] if symmetric else [])) for name in names.split()]


def axioms(name: str) -> dict[Word, Matrix]:
    """Rules of Moore and Penrose for ``R+`` of the letter ``R``; the last two follow as ``R R+`` is symmetric."""
    r, plus = name, name + "+"
    return {
        (r, plus, r): Matrix({(r,): 1}),
        (plus, r, plus): Matrix({(plus,): 1}),
        (r + "'", r, plus): Matrix({(r + "'",): 1}),
        (plus + "'", r + "'"): Matrix({(r, plus): 1}),
    }


def recording(symmetric: bool = False) -> tuple[Callable[[Matrix], Matrix], list[Matrix]]:
    """A pseudo-inverse that answers with the letter ``Z+``, and the list of what it was asked for."""
    asked: list[Matrix] = []

    def pseudoinverse(value: Matrix) -> Matrix:
        asked.append(value)
        return letters("Z+", symmetric)[0]

    return pseudoinverse, asked
