"""Section 3.2 of critical momenta: verdicts against mathematics derived here a second time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from proofs_check.claim import Budget, Claim, Verdict, rejects
from proofs_check.critical_momenta import rates, system
from proofs_check.judge import judge_claim

EXPECTED = {
    "state-vector": Verdict.PROVED,
    "block-matrix": Verdict.CORRECTED,
    "momentum-convention": Verdict.CORRECTED,
    "spectral-radius-term": Verdict.CORRECTED,
    "block-collapse": Verdict.PROVED,
    "commuting-hessians": Verdict.REFUTED,
    "buffer-assumptions": Verdict.CORRECTED,
    "worst-case-over-spectrum": Verdict.PROVED,
    "stability-region": Verdict.PROVED,
    "optimal-rate": Verdict.SUPPORTED,
    "wide-range-of-condition-numbers": Verdict.PROVED,
    "figure-3-rates": Verdict.SUPPORTED,
}


def test_every_claim_of_the_section_is_here() -> None:
    assert {c.id.partition("/")[2] for c in (*system.CLAIMS, *rates.CLAIMS)} == set(EXPECTED)


@pytest.mark.parametrize("claim", [*system.CLAIMS, *rates.CLAIMS], ids=lambda c: c.id)
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


def test_falling_gradients_freeze_the_buffer() -> None:
    statement = rates.Norms(Fraction(1, 2), Fraction(7, 10))
    assert rates._priority(statement, 3, 40) == [0, 1, 2]
    assert rates._priority(rates.SLOW, 3, 40) == [37, 38, 39]


def test_a_region_that_is_too_large_is_rejected() -> None:
    broken = rates.Region(lambda beta, size: [(0.0, 4.0)])
    assert rejects(rates.region_matches_runs(broken, Budget.QUICK))
