"""The checks of inequalities, ranges and enumerated statements: they accept the true and reject the false."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from proofs_check.checks.bounds import Inequality, Range, attained_range, coefficient_signs, inequality
from proofs_check.checks.search import ForAll, for_all
from proofs_check.claim import Budget, InconsistentEvidence, Verdict, Witness, judge
from proofs_check.judge import replay

X, S, U = sp.symbols("x s u")
QUICK = Budget.QUICK


def witness_of(evidence: list) -> Witness:
    (found,) = [e for e in evidence if isinstance(e, Witness)]
    return found


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        (Inequality(X / (1 + X), "<", 1), Verdict.PROVED),
        (Inequality(X / (1 + X), "<", sp.Rational(1, 2)), Verdict.REFUTED),
        (Inequality(X, "<", 2, {X: 2 * S / (1 + S)}), Verdict.PROVED),
        (Inequality(X, "<", 2, {X: 1 + S}), Verdict.REFUTED),
        (Inequality(X, ">=", 1, {X: 1 + S}), Verdict.PROVED),
        (Inequality(X, "<", X), Verdict.REFUTED),
        (Inequality(X, "<=", X), Verdict.PROVED),
        (Inequality(1, "<", 0), Verdict.REFUTED),
    ],
)
def test_inequalities(statement: Inequality, verdict: Verdict) -> None:
    assert judge(inequality(statement, QUICK)) is verdict


def test_witness_of_an_inequality_replays_from_its_record() -> None:
    from proofs_check._encode import encode

    found = witness_of(inequality(Inequality(X**2, "<=", X, {X: 1 + S / 3}), QUICK))
    assert replay(encode(found)["point"], found.replay)
    sound = encode(found)["point"] | {"right": "2*x**2"}
    assert not replay(sound, found.replay)


def test_a_true_inequality_without_certificate_is_an_error_and_no_proof() -> None:
    # (x - 1)^2 + 1/10^9 > 0 has a negative coefficient
    with pytest.raises(InconsistentEvidence, match="certify"):
        judge(inequality(Inequality((X - 1) ** 2 + sp.Rational(1, 10**9), ">", 0), QUICK))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (X + 1, (True, True)),
        (X - 1, (False, False)),
        (sp.Integer(0), (False, True)),
        ((-X - 2) / (-1 - X), (True, True)),
    ],
)
def test_coefficient_signs(expression: sp.Expr, expected: tuple[bool, bool]) -> None:
    assert coefficient_signs(expression) == expected


def _range(low: object, high: object) -> Range:
    return Range(1 / (1 + X), low, high, {X: 3}, {X: 0}, {X: 3 * S / (1 + S)})


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (sp.Rational(1, 4), 1, Verdict.PROVED),
        (sp.Rational(1, 5), 1, Verdict.REFUTED),  # a bound, but not reached
        (sp.Rational(1, 3), 1, Verdict.REFUTED),  # no bound
        (sp.Rational(1, 4), 2, Verdict.REFUTED),
    ],
)
def test_ranges_must_bound_and_be_reached(low: object, high: object, verdict: Verdict) -> None:
    assert judge(attained_range(_range(low, high), QUICK)) is verdict


def _squares(bound: Callable[[int], int], relation: str = "<=") -> ForAll:
    return ForAll(
        points=lambda budget: ({"k": k} for k in range(5)),
        sides=lambda p: (Fraction(p["k"]) ** 2, bound(p["k"])),
        relation=relation,  # type: ignore[arg-type]
        again=lambda p: (float(p["k"]) ** 2, float(bound(p["k"]))),
        replay="violated = witness['k'] ** 2 > 10",
    )


def test_enumerated_statements() -> None:
    holds = _squares(lambda k: 16)
    assert judge(for_all(holds, QUICK)) is Verdict.SUPPORTED
    assert judge(for_all(replace(holds, exhaustive=True), QUICK)) is Verdict.PROVED
    found = witness_of(for_all(_squares(lambda k: 10), QUICK))
    assert found.stands and found.point["k"] == 4


def test_a_proof_is_run_only_without_a_violation() -> None:
    calls = []

    def proof(budget: Budget) -> list:
        calls.append(budget)
        return []

    for_all(replace(_squares(lambda k: 10), proof=proof), QUICK)
    assert calls == []
    for_all(replace(_squares(lambda k: 16), proof=proof), QUICK)
    assert calls == [QUICK]


def test_no_instances_never_pass() -> None:
    with pytest.raises(ValueError, match="checked nothing"):
        for_all(replace(_squares(lambda k: 16), points=lambda budget: iter(())), QUICK)


def test_witness_is_clear_enough_for_floating_point() -> None:
    # true gap u^2 s^2: at small u and s the sides agree in float64
    found = witness_of(inequality(Inequality(1 + X**2 * U**2, "<=", 1), QUICK))
    assert found.stands
