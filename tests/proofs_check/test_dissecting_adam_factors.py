"""Lemma 1, Adam's factor against the erf factor, and one-step improvement: verdicts and independent values."""

from __future__ import annotations

import math
from fractions import Fraction as F

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import erf

from proofs_check.claim import Budget, Claim
from proofs_check.dissecting_adam import erf_factor, factor_effects, factors
from proofs_check.judge import judge_claim

VERDICTS = {
    "lemma-1-variance-adaptation": "corrected",
    "lemma-1-sign-adaptation": "corrected",
    "svag-factor": "proved",
    "erf-approximation": "proved",
    "optimality-of-factors": "proved",
    "adam-and-erf-factors-identical-effects": "needs data",
}
CLAIMS = [*factors.CLAIMS, *erf_factor.CLAIMS, *factor_effects.CLAIMS]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS[claim.id.partition("/")[2]], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]


def test_every_claim_of_the_section_is_here() -> None:
    assert {claim.id.partition("/")[2] for claim in CLAIMS} == set(VERDICTS)


def test_least_distance_on_a_skewed_law_is_where_the_lemma_says() -> None:
    values, chance = np.array([0.0, 2.0, 5.0]), np.array([0.5, 0.3, 0.2])
    mean = chance @ values
    variance = chance @ values**2 - mean**2
    best = minimize_scalar(lambda c: chance @ (c * values - mean) ** 2).x
    assert best == pytest.approx(mean**2 / (mean**2 + variance), rel=1e-7)
    assert best != pytest.approx(1.0, abs=0.1)  # the printed var[p_i] = 0


def test_sign_factor_of_an_unbiased_estimate_can_be_negative() -> None:
    values, chance = np.array([-1.0, 19.0]), np.array([0.9, 0.1])
    assert chance @ values == pytest.approx(1.0)
    best = minimize_scalar(lambda c: chance @ (c * np.sign(values) - 1.0) ** 2).x
    assert best == pytest.approx(2 * 0.1 - 1, abs=1e-7)


def test_landmarks_of_the_difference_against_a_grid() -> None:
    eta = np.geomspace(1e-3, 1e3, 400_001)
    difference = (1 + eta**2) ** -0.5 - erf(1 / (np.sqrt(2) * eta))
    marks = {name: float(value.mid()) for name, value in erf_factor.landmarks().items()}
    assert difference.max() == pytest.approx(marks["largest difference"], abs=1e-9)
    assert difference.min() == pytest.approx(marks["smallest difference"], abs=1e-9)
    assert eta[difference.argmax()] == pytest.approx(marks["eta of the largest difference"], rel=1e-3)
    assert eta[difference.argmin()] == pytest.approx(marks["eta of the smallest difference"], rel=1e-3)
    crossing = eta[np.flatnonzero(np.diff(np.sign(difference)))]
    assert crossing == pytest.approx([marks["eta of the zero"]], rel=1e-4)
    ratio = (1 + eta**2) ** -0.5 / erf(1 / (np.sqrt(2) * eta))
    assert ratio.min() == pytest.approx(marks["smallest ratio"], abs=1e-8)
    assert ratio.max() < math.sqrt(math.pi / 2) == pytest.approx(marks["supremum of the ratio"])


def test_a_bound_below_the_supremum_is_refuted_with_a_point() -> None:
    (witness,) = erf_factor._within({"absolute difference": F("0.0644")}, Budget.QUICK)
    assert witness.stands
    assert float(witness.point["eta"]) == pytest.approx(1.9127, abs=1e-3)


def test_curvature_aware_factor_is_the_numerical_maximiser() -> None:
    rng = np.random.default_rng(0)
    curvature, offset = np.array([1.0, 0.4, 3.0]), np.array([1.0, 0.5, 0.2])
    mean = curvature * offset
    bend = curvature * (mean**2 + curvature**2)

    def improvement(factor: np.ndarray) -> np.ndarray:
        return (factor @ mean**2) ** 2 / (2 * factor**2 @ bend)

    best = improvement(offset**2 / (1 + offset**2) / curvature)
    tried = improvement(rng.uniform(-1, 2, (100_000, 3)))
    assert tried.max() <= best * (1 + 1e-12)
    assert tried.max() > 0.99 * best
    assert improvement(offset**2 / (1 + offset**2)) < 0.96 * best


def test_plain_sgd_beats_the_lemma_on_the_witness_problem() -> None:
    point = next(iter(factor_effects._problems(Budget.QUICK)))
    assert factor_effects._ratio(point) < 1
