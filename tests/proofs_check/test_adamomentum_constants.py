"""Proofs follow the constants that are stated: a smaller one is not accepted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from proofs_check.adamomentum import (
    areas,
    convex_chain,
    convex_corollary,
    convex_extensions,
    convex_steps,
    convex_sums,
    convex_theorem,
    damping,
    damping_stability,
    figure_2_sgdm,
    method,
    nonconvex_conditions,
    nonconvex_derivation,
    nonconvex_rate,
    toys,
)
from proofs_check.adamomentum.convex_corollary import DISPLAYS
from proofs_check.adamomentum.convex_sums import SUM_FORMS
from proofs_check.adamomentum.convex_theorem import REGRET_FORMS
from proofs_check.checks.bounds import Inequality, sufficient
from proofs_check.checks.search import for_all
from proofs_check.checks.symbolic import symbolic_identity
from proofs_check.claim import Budget, InconsistentEvidence, Verdict, judge, rejects
from proofs_check.critical_momenta.places import global_minimum_lies_in
from proofs_check.search import Never, never_violated

LESS = Fraction(99, 100)


def verdict(statement: Never) -> Verdict:
    return judge(never_violated(statement, Budget.QUICK))


def not_accepted(statement: Never) -> None:
    evidence = never_violated(statement, Budget.QUICK)
    assert rejects(evidence)
    with suppress(InconsistentEvidence):  # no violation found and no proof either
        assert judge(evidence) is Verdict.REFUTED


def test_what_would_suffice_refutes_nothing() -> None:
    x = sp.Symbol("x")
    with pytest.raises(InconsistentEvidence):
        judge(sufficient({"below": Inequality(1 + x, "<=", 1)}, Budget.QUICK))
    assert judge(sufficient({"below": Inequality(1, "<=", 1 + x)}, Budget.QUICK)) is Verdict.PROVED


def test_last_summand_and_merged_sums() -> None:
    not_accepted(convex_sums.last_bound(0, LESS))
    not_accepted(convex_sums.last_bound(-1))
    assert verdict(convex_sums.last_bound(0)) is Verdict.PROVED  # the power of a is not needed
    for condition in ("monotone", "gamma"):
        not_accepted(convex_sums.merged(condition, factor=LESS))


@pytest.mark.parametrize("scaled", [{"factor": lambda b, gamma: 99 / (100 * (1 - b))}, {"extra": LESS}])
def test_whole_sum(scaled: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    form = replace(SUM_FORMS["free"], **scaled)
    monkeypatch.setitem(SUM_FORMS, "less", replace(form, extra=sp.Rational(str(form.extra))))
    assert rejects(convex_sums.sum_proof("less", True, Budget.QUICK))


def test_whole_sum_where_gamma_may_exceed_one() -> None:
    not_accepted(convex_sums.sum_bound("printed", (1,), True))


REGRET_LESS = {
    "first": lambda b: (99 + 0 * b) / 100,
    "middle": lambda d, b: 99 * d / (100 * (1 - d)),
    "last": lambda b, gamma: 99 * REGRET_FORMS["sharp"].last(b, gamma) / 100,
}


@pytest.mark.parametrize("constant", REGRET_LESS)
def test_theorem_1(constant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    less: dict[str, Any] = {constant: REGRET_LESS[constant]}
    monkeypatch.setitem(REGRET_FORMS, "less", replace(REGRET_FORMS["sharp"], **less))
    monkeypatch.setitem(REGRET_FORMS, "printed, less", replace(REGRET_FORMS["printed"], **less))
    not_accepted(convex_theorem.regret_bound("less", (1, 2), True))
    not_accepted(convex_theorem.regret_bound("printed, less", (1, 2)))
    not_accepted(convex_extensions.debiased_bound("printed, less", (1, 2)))


def test_theorem_1_without_its_last_term_and_telescoping() -> None:
    not_accepted(convex_theorem.regret_bound("two", (1,)))
    not_accepted(convex_extensions.debiased_bound("two", (1,)))
    # The corrections cost a factor a in the last term: the sharp form without them is not proved with them.
    not_accepted(convex_extensions.debiased_bound("sharp", (1,)))
    not_accepted(convex_chain._telescoping((2,), LESS))


DISPLAY_LESS = {
    "first": lambda b: (99 + 0 * b) / 100,
    "middle": lambda b: 99 * b / (100 * (1 - b)),
    "last": lambda b, gamma, steps: REGRET_FORMS["sharp"].last(b, gamma) * 99 / 100,
    "limit": lambda lam: 99 / (100 * (1 - lam) ** 2),
}


@pytest.mark.parametrize("constant", DISPLAY_LESS)
def test_corollary_1(constant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    less: dict[str, Any] = {constant: DISPLAY_LESS[constant]}
    monkeypatch.setitem(DISPLAYS, "less", replace(DISPLAYS["above"], **less))
    for shift in (0, 1):
        not_accepted(convex_corollary.average_bound("less", ((2, shift, False),), series=False))
    if constant != "limit":
        not_accepted(convex_corollary.average_bound("less", ((2, 0, False),), series=True))


def test_corollary_1_with_the_last_term_divided_twice() -> None:
    not_accepted(convex_corollary.average_bound("extracted", ((2, 0, False),), series=False))
    # The series of (18) starts at lam: for the decays beta_1 lam^{t - 1} it is too small by 1 / lam.
    not_accepted(convex_corollary.average_bound("above", ((2, 1, False),), series=True))


def test_expansion_lower_bound_and_rising_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = convex_steps.EXPANSION.parts[0].printed
    assert rejects(convex_steps._expansion(replace(printed, factor=LESS), Budget.QUICK))
    not_accepted(areas._rising((2,), LESS))
    monkeypatch.setattr(convex_steps, "divisor", lambda b, s: 1 + 99 * b * b / (100 * s * s))
    assert rejects(convex_steps._lower_bound_proof(Budget.QUICK))


def test_final_steps() -> None:
    assert verdict(damping.final_step("inside", "v", 2)) is Verdict.PROVED  # delta (1 - beta_2) / 2, really
    not_accepted(damping.final_step("inside", "v", 5))
    not_accepted(damping.final_step("outside", "root", 2))


@pytest.mark.parametrize("sign", [0, 2])
def test_sign_of_the_gradient(sign: int) -> None:
    assert rejects(for_all(method._sign_step(sign=sign), Budget.QUICK))
    assert rejects(symbolic_identity(method._signs(sign), Budget.QUICK))


@pytest.mark.parametrize("decay", ["beta1*t/10", "beta1/t - 1/1000", "101*beta1/(100*t)"])
def test_decays_of_theorem_2(decay: str) -> None:
    """Growing, below zero from some t on, and above one for some beta_1 < 1."""
    assert rejects(nonconvex_conditions._falls_below_one(decay, Budget.QUICK))
    assert not rejects(nonconvex_conditions._falls_below_one("beta1/t", Budget.QUICK))


@pytest.mark.parametrize("name", ["squares", "first", "second"])
def test_sums_of_falling_steps(name: str) -> None:
    less = nonconvex_rate.Sums(**{name: sp.Rational(99, 100)})
    assert rejects(nonconvex_rate.falling_sums(less, Budget.QUICK))
    assert rejects(nonconvex_rate.falling_sums(nonconvex_rate.Sums(third=sp.Rational(101, 100)), Budget.QUICK))


@pytest.mark.parametrize("change", [{"extra": LESS}, {"power": Fraction(51, 100)}, {"power": Fraction(49, 100)}])
def test_factor_of_corollary_2(change: Mapping[str, Any]) -> None:
    assert rejects(nonconvex_rate._harmonic(nonconvex_rate.Factor(**change), Budget.QUICK))


@pytest.mark.parametrize("name", [field.name for field in fields(nonconvex_derivation.Lemmas)])
def test_factors_of_lemmas_6_to_11(name: str) -> None:
    """A smaller factor is not proved, and the steps do not give it either."""
    d = nonconvex_derivation
    less = replace(d.GIVEN, **{name: getattr(d.GIVEN, name) * sp.Rational(99, 100)})
    assert rejects(d.lemmas(less, Budget.QUICK))
    assert rejects(d._steps(less, Budget.QUICK))
    assert not rejects(d.lemmas(replace(d.GIVEN, eight=1, share=d.B**2 * (1 + d.B) ** 2), Budget.QUICK))


@pytest.mark.parametrize("name", ["c1", "c2", "c3", "c4"])
def test_constants_of_20(name: str) -> None:
    d = nonconvex_derivation
    printed = d.stated(True, d.EXTRAPOLATED)
    assert rejects(d.derived(printed._replace(**{name: getattr(printed, name) * sp.Rational(99, 100)}), Budget.QUICK))


def test_edge_of_the_heavy_ball() -> None:
    """A rate far beyond the edge is not stable because the statement names a larger edge."""
    sgdm = figure_2_sgdm
    rates = {"sphere": Fraction(10)}
    assert rejects(sgdm.stable_rates(sgdm.StableRates(rates, lambda b: 20 * (1 + b)), Budget.QUICK))
    assert rejects(sgdm.stable_rates(sgdm.StableRates({"sphere": Fraction(1)}, lambda b: 4), Budget.QUICK))
    assert rejects(sgdm.stable_rates(sgdm.StableRates(rates), Budget.QUICK))


@pytest.mark.parametrize("index", [1, 2, 3])
def test_places_near_the_origin(index: int) -> None:
    printed = toys.CLAIMS[0].parts[index].printed
    for point in ((Fraction(1, 10**8), 0), (Fraction(1, 100), Fraction(-1, 100))):
        with suppress(InconsistentEvidence):  # too near for floating point to witness
            moved = replace(printed, low=point, high=point)
            assert judge(global_minimum_lies_in(moved, Budget.QUICK)) is Verdict.REFUTED


def test_value_of_the_toy_functions() -> None:
    assert rejects(symbolic_identity(toys._at_origin(Fraction(1, 10**9)), Budget.QUICK))


@pytest.mark.parametrize("edge", [damping_stability._INSIDE, damping_stability._OUTSIDE])
@pytest.mark.parametrize("factor", [-1, Fraction(99, 100), Fraction(101, 100)])
def test_edge_of_the_damped_methods(edge: damping_stability.Threshold, factor: Any) -> None:
    """The sign too: squares of the edge are not enough."""
    scaled = replace(edge, value=lambda b, b2, e: factor * edge.value(b, b2, e))
    assert rejects(damping_stability._linear(scaled, Budget.QUICK))
    assert not rejects(damping_stability._linear(edge, Budget.QUICK))
