"""Section 3.2 of critical momenta: verdicts against mathematics derived here a second time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from proofs_check.checks.search import for_all
from proofs_check.claim import Budget, Claim, Verdict, judge, rejects
from proofs_check.critical_momenta import (
    blocks,
    buffer_order,
    changing_curvature,
    every_size,
    optimality,
    rate_proofs,
    rates,
    stability,
    system,
)
from proofs_check.judge import judge_claim

EXPECTED = {
    "state-vector": Verdict.PROVED,
    "block-matrix": Verdict.CORRECTED,
    "momentum-convention": Verdict.CORRECTED,
    "spectral-radius-term": Verdict.CORRECTED,
    "block-collapse": Verdict.PROVED,
    "commuting-hessians": Verdict.CORRECTED,
    "buffer-assumptions": Verdict.CORRECTED,
    "worst-case-over-spectrum": Verdict.PROVED,
    "stability-region": Verdict.PROVED,
    "optimal-rate": Verdict.SUPPORTED,
    "wide-range-of-condition-numbers": Verdict.PROVED,
    "figure-3-rates": Verdict.SUPPORTED,
}


SECTION = [c for module in (system, blocks, changing_curvature, stability, buffer_order, rates) for c in module.CLAIMS]


def test_every_claim_of_the_section_is_here() -> None:
    assert {c.id.partition("/")[2] for c in SECTION} == set(EXPECTED)


@pytest.mark.parametrize("claim", SECTION, ids=lambda c: c.id)
def test_verdicts_and_controls(claim: Claim) -> None:
    entry: dict[str, Any] = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == EXPECTED[claim.id.partition("/")[2]], entry["evidence"]
    assert entry["control"]["caught"]


def test_printed_matrix_does_not_run_the_method() -> None:
    # Two stored momenta of 1 and nothing else: (8) subtracts both, the printed row adds the older one.
    matrix = np.array(system.printed_rows().matrix(2).subs({"alpha": 1, "beta": 0, "h": 0}), dtype=float)
    assert matrix[0] @ np.array([0, 0, 1.0, 1.0]) == 0.0
    truth = np.array(system.derived(2).subs({"alpha": 1, "beta": 0, "h": 0}), dtype=float)
    assert truth[0] @ np.array([0, 0, 1.0, 1.0]) == -1.0


def test_one_stored_momentum_is_stable_below_one_minus_beta() -> None:
    # Jury for z^2 + (x - 1 - beta) z + beta + x: beta + x < 1 is the binding condition.
    for beta in (Fraction(0), Fraction(1, 2), Fraction(9, 10)):
        for x, stable in ((1 - beta - Fraction(1, 1000), True), (1 - beta + Fraction(1, 1000), False)):
            roots = np.roots([1.0, float(x - 1 - beta), float(beta + x)])
            assert bool(np.abs(roots).max() < 1) is stable


def test_alternating_curvatures_by_hand() -> None:
    # The witness of the ledger, run as the method itself: curvatures 1/40, 1/40, 3/8, 3/8, ... with beta = 1/2, C = 1.
    theta, m = 1.0, 0.0
    sizes = []
    for t in range(4000):
        h = 0.375 if (t // 2) % 2 == 0 else 0.025
        new = 0.5 * m + h * theta
        theta, m = theta - (new + m), new
        sizes.append(abs(theta) + abs(m))
    assert max(sizes[-50:]) > 1e3 * max(sizes[:50])


def test_small_steps_contract_under_any_curvatures_and_the_proof_needs_the_limit() -> None:
    # Largest norm of a product of 4000 matrices, C = 20, against the stated rate; ten times the limit breaks the proof.
    size, beta = 20, 0.9
    step = float(changing_curvature.small_step(beta, size))
    rng = np.random.default_rng(3)
    theta, m = 1.0, np.ones(size)
    for h in rng.choice([0.5, 1.0], 200_000):
        fresh = beta * m[0] + h * theta
        theta, m = theta - step * (fresh + m.mean()), np.concatenate([[fresh], m[:-1]])
    rate = max(1 - 0.5 * step / (1 - beta), 1 - (1 - beta) / (4 * size))
    assert abs(theta) + step * np.abs(m).max() < 50 * rate**200_000
    assert all(changing_curvature._norm_contracts(changing_curvature.small_step).values())
    too_large = changing_curvature._norm_contracts(lambda b, c: 10 * changing_curvature.small_step(b, c))
    assert not too_large["3 alpha L Q <= (1 - nu) / 2"]


def test_best_parameters_do_not_stand_alternating_curvatures() -> None:
    # C = 5, kappa = 100, as a run; step and momentum from a search of its own, rounded.
    theta, m, sizes = 1.0, [0.0] * 5, []
    for t in range(200):
        new = 0.297 * m[0] + (1.0, 100.0)[t % 2] * theta
        theta, m = theta - 0.0234 * (new + sum(m) / 5), [new, *m[:-1]]
        sizes.append(max(abs(theta), *map(abs, m)))
    assert 1.38 < (sizes[-1] / sizes[99]) ** 0.01 < 1.48


def test_falling_gradients_freeze_the_buffer() -> None:
    statement = buffer_order.Norms(Fraction(1, 2), Fraction(7, 10))
    assert buffer_order._priority(statement, 3, 40) == [0, 1, 2]
    assert buffer_order._priority(buffer_order.SLOW, 3, 40) == [37, 38, 39]


def test_a_region_that_is_too_large_is_rejected() -> None:
    broken = stability.Region(lambda beta, size: [(0.0, 4.0)])
    assert rejects(stability.region_matches_runs(broken, Budget.QUICK))


def test_determinant_with_a_symbolic_size_rejects_a_wrong_term() -> None:
    assert all(every_size.determinant_steps(every_size.closed_form).values())
    wrong = every_size.determinant_steps(lambda size: every_size.closed_form(size) + every_size.ALPHA * every_size.Z)
    assert not wrong["every C: determinant"]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_rows_with_a_symbolic_size_give_the_matrix_of_one_size(size: int) -> None:
    assert every_size.derived_rows().matrix(size) == system.derived(size).as_mutable()


def test_rows_of_another_method_differ() -> None:
    other = every_size.derived_rows().subs(every_size.SIZE, every_size.SIZE + 1)
    assert not all(every_size.same_rows(other, every_size.derived_rows()).values())


@pytest.mark.parametrize("kappa", [1.5, 10.0, 500.0])
def test_one_stored_momentum_with_negative_beta_by_roots(kappa: float) -> None:
    # rho = sqrt((kappa - 1) / (kappa + 3)) at beta = -(1 + rho^2) / 2: roots of z^2 + (x - 1 - beta) z + beta + x.
    rate = np.sqrt((kappa - 1) / (kappa + 3))
    beta = -(1 + rate**2) / 2

    def worst(beta: float, low: float) -> float:
        x = np.linspace(low, kappa * low, 4001)
        b, c = x - 1 - beta, beta + x
        root = np.sqrt((b * b - 4 * c).astype(complex))
        return float(np.max(np.abs([(-b + root) / 2, (-b - root) / 2])))

    low = (1 - rate) * (rate - beta) / (1 + rate)
    assert worst(beta, low) == pytest.approx(rate, abs=1e-6)
    around = [worst(beta + d, low * f) for d in (-0.02, 0.0, 0.02) for f in (0.97, 1.0, 1.03)]
    assert min(around) >= rate - 1e-6


def test_lower_bound_steps_see_a_bound_that_is_too_high() -> None:
    larger = rate_proofs.LowerBound((rate_proofs.ROOT**2 - 1) / (rate_proofs.ROOT**2 + 1))
    assert not rate_proofs.lower_bound_steps(larger)["h(1/q) = 0"]


@pytest.mark.parametrize("factor", [0.99, 0.999999, 1.000001, 1.01])
def test_a_worst_case_off_by_a_factor_is_refuted(factor: float) -> None:
    wrong = stability.WorstCase(lambda *p: factor * stability.over_interval(*p))
    assert judge(stability.is_worst_case(wrong, Budget.QUICK)) is Verdict.REFUTED


def test_only_the_maximum_over_the_interval_is_proved_the_worst_case() -> None:
    same = stability.WorstCase(lambda *p: stability.over_interval(*p))
    assert judge(stability.is_worst_case(same, Budget.QUICK)) is Verdict.SUPPORTED


@pytest.mark.parametrize("percent", [99, 101])
def test_a_lower_bound_off_by_a_hundredth_is_not_proved(percent: int) -> None:
    # One more per cent is below the rates of every searched condition number, and false for large ones.
    off = rate_proofs.LowerBound(rate_proofs.CHEBYSHEV.rate * percent / 100)
    assert rejects(for_all(rates.no_method_below(off), Budget.QUICK))
    assert judge(for_all(rates.no_method_below(rate_proofs.CHEBYSHEV), Budget.QUICK)) is Verdict.PROVED


def test_degrees_at_infinity_with_a_symbolic_size() -> None:
    size, z = every_size.SIZE, every_size.Z
    b = every_size.closed_form(size).diff(every_size.ALPHA) / every_size.H
    assert rate_proofs._at_infinity(b, size) == 1
    assert rate_proofs._at_infinity(b, size + 1) == 0
    assert rate_proofs._at_infinity(2 * b + z ** (size - 1), size) == 2


def test_spectra_at_instances_alone_are_no_proof() -> None:
    assert judge(blocks.blocks_collapse(blocks.Blocks(blocks.symmetric, True), Budget.QUICK)) is Verdict.SUPPORTED
    skewed = blocks.Blocks(blocks.skewed, singular=True, general=True)
    assert rejects(blocks.blocks_collapse(skewed, Budget.QUICK))


def test_a_queue_needs_norms_above_the_decayed_ones_at_every_step() -> None:
    decay = Fraction(7, 10)
    assert (
        judge(buffer_order.holds_last_momenta(buffer_order.Norms(decay * 101 / 100, decay), Budget.QUICK)) == "proved"
    )
    for ratio in (decay, decay * 99 / 100):
        assert rejects(buffer_order.holds_last_momenta(buffer_order.Norms(ratio, decay), Budget.QUICK))


def test_closed_form_of_two_momenta_by_a_scan() -> None:
    from spectral import worst_case_rate

    rate, w = 0.9, np.sqrt((1 - 0.81) * (1 + 7 * 0.81))
    kappa = 2 * 0.81 * (2 * 0.81 + 0.9 + 1) / (0.1 * (1.81 + w))
    scan = [
        float(np.min(worst_case_rate(np.geomspace(0.02, 0.2, 120), beta, 1.0, kappa, 2)))
        for beta in (0.0, 0.05, 0.2, 0.5)
    ]
    assert rate <= scan[0] < rate + 5e-3
    assert scan == sorted(scan)


def test_a_rate_above_the_best_is_not_proved_out_of_reach() -> None:
    assert judge(optimality.nothing_better(optimality.NothingBetter(1e-9), Budget.QUICK)) is Verdict.SUPPORTED
    assert rejects(optimality.nothing_better(optimality.NothingBetter(-1e-9), Budget.QUICK))
    # kappa = 10, C = 3 from a grid in floating point: nothing below what was proved.
    from spectral import worst_case_rate

    (found,) = optimality.nothing_better(optimality.NothingBetter(1e-9), Budget.QUICK)
    bound = found.data["kappa 10, C 3"]["bound"]
    steps, betas = np.meshgrid(np.geomspace(0.01, 1, 60), np.linspace(0, 0.98, 50))
    assert float(np.min(worst_case_rate(steps, betas, 1.0, 10.0, 3))) >= bound
