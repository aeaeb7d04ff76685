"""The shared exact checks: identities, Gaussian moments, rational matrices."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from proofs_check.checks.gaussian import gaussian_expectation
from proofs_check.checks.rational import cayley, fractions, positive_definite, rotations, sign_vectors, solve
from proofs_check.checks.symbolic import (
    Identity,
    counterexample,
    is_zero,
    nonnegative_coefficients,
    symbolic_identity,
)
from proofs_check.claim import Budget, Verdict, Witness, judge, rejects
from proofs_check.judge import replay

X, Y = sp.symbols("x y", positive=True)


@pytest.mark.parametrize(
    ("expression", "zero"),
    [
        ((X + Y) ** 2 - X**2 - 2 * X * Y - Y**2, True),
        ((X**2 - 1) / (X - 1) - X - 1, True),
        (sp.sin(X) ** 2 + sp.cos(X) ** 2 - 1, True),
        (sp.sqrt(X**2) - X, True),
        (X - Y, False),
        (sp.Integer(0), True),
    ],
)
def test_is_zero(expression: sp.Expr, zero: bool) -> None:
    assert is_zero(expression) is zero


def test_identities_are_proved_or_refuted_with_a_replayable_point() -> None:
    assert judge(symbolic_identity(Identity((X + 1) ** 2, X**2 + 2 * X + 1), Budget.QUICK)) is Verdict.PROVED
    false = symbolic_identity({"good": Identity(X, X), "bad": Identity(sp.sqrt(X), X / 2)}, Budget.QUICK)
    assert judge(false) is Verdict.REFUTED and rejects(false)
    witness = next(e for e in false if isinstance(e, Witness))
    point = {k: str(v) if isinstance(v, Fraction) else v for k, v in witness.point.items()}
    point["values"] = {k: str(v) for k, v in point["values"].items()}
    assert replay(point, witness.replay)
    assert not replay(point | {"right": point["left"]}, witness.replay)


def test_counterexamples_stay_in_the_domain_given() -> None:
    found = counterexample(Identity(X, 2 * X, over={X: [Fraction(7, 3)]}))
    assert found is not None and found.point["values"] == {"x": Fraction(7, 3)}
    assert counterexample(Identity(X * Y, Y * X)) is None
    assert counterexample(Identity(X, X**2, over={X: [1]})) is None  # equal where it looks


def test_nonnegative_coefficients() -> None:
    assert nonnegative_coefficients((X**2 + X * Y) / (1 + Y), [X, Y])
    assert not nonnegative_coefficients((X - Y) ** 2, [X, Y])  # true, but not certified by coefficients
    assert not nonnegative_coefficients(X - 1, [X])


@pytest.mark.parametrize(("power", "moment"), [(0, 1), (1, 0), (2, 1), (4, 3), (6, 15), (7, 0)])
def test_gaussian_moments(power: int, moment: int) -> None:
    assert gaussian_expectation(X**power * Y**2, [X, Y]) == moment


def test_gaussian_expectation_keeps_parameters() -> None:
    a = sp.Symbol("a")
    assert is_zero(gaussian_expectation((a + X) ** 2 * Y**2, [X, Y]) - a**2 - 1)


def test_rational_matrices() -> None:
    for rotation in rotations(4, 5, seed=1):
        product = rotation @ rotation.T
        assert (product == fractions(np.eye(4, dtype=int))).all()
        assert abs(np.linalg.det(rotation.astype(float)) - 1) < 1e-12
    for matrix in positive_definite(3, 6, seed=2):
        assert (matrix == matrix.T).all() and np.linalg.eigvalsh(matrix.astype(float)).min() > 0
        right = fractions([1, "2/3", -5])
        assert (matrix @ solve(matrix, right) == right).all()
    assert len(list(sign_vectors(3))) == 8


def test_cayley_of_zero_is_the_identity() -> None:
    assert (cayley(fractions([[0, 0], [0, 0]])) == fractions([[1, 0], [0, 1]])).all()
    quarter = cayley(fractions([[0, 1], [-1, 0]]))
    assert (quarter == fractions([[0, -1], [1, 0]])).all()
