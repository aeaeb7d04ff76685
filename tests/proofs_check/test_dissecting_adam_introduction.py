"""Claims of section 1: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import combinations
from math import erf, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from proofs_check.claim import Budget
from proofs_check.dissecting_adam import adam_direction, introduction, sign_success
from proofs_check.judge import judge_claim

EXPECTED = {
    "minibatch-variance-scaling": "proved",
    "bias-corrected-averages-are-convex": "proved",
    "adam-sign-magnitude-rewriting": "proved",
    "relative-variance-shortens-steps": "corrected",
    "sign-and-variance-decomposition": "proved",
    "fig-1-variance-adaptation-sketch": "proved",
    "lemma-2-sign-success-probability": "proved",
    "fig-4-wrong-sign-probability": "proved",
}
CLAIMS = {
    claim.id.partition("/")[2]: claim for claim in [*introduction.CLAIMS, *adam_direction.CLAIMS, *sign_success.CLAIMS]
}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def part(slug: str, name: str) -> dict[str, Any]:
    return next(p for p in entry(slug)["evidence"]["parts"] if p["name"].startswith(name))


def test_every_claim_of_the_section_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


@pytest.mark.parametrize(("size", "batch"), [(5, 1), (5, 3), (6, 4), (6, 6)])
def test_factor_without_replacement_by_unordered_batches(size: int, batch: int) -> None:
    values = [Fraction(k * k - 3 * k) for k in range(size)]
    mean = sum(values) / size
    batches = [sum(b) / batch for b in combinations(values, batch)]
    variance = sum((b - mean) ** 2 for b in batches) / len(batches)
    population = sum((v - mean) ** 2 for v in values) / size
    (printed,) = [p for p in CLAIMS["minibatch-variance-scaling"].parts if p.name.startswith("exact factor")]
    assert variance == printed.printed.factor(Fraction(size), Fraction(batch)) * population


def test_witness_of_a_negative_relative_variance_in_the_optimizer() -> None:
    """The published Adam, without epsilon, takes a step longer than its step size on the witness."""
    from optassay.optimizers import Adam

    found = part("relative-variance-shortens-steps", "v >= m^2")
    assert found["verdict"] == "corrected"
    point = next(e for e in found["printed"] if e["type"] == "witness")["point"]
    gradients = [float(Fraction(g)) for g in point["gradients"]]
    rule = Adam(step_size=1.0, beta1=0.9, beta2=0.999, epsilon=0.0)
    params = np.zeros(1)
    state = rule.init(params)
    moves = []
    for g in gradients:
        after, state = rule.step(params, np.array([g]), state)
        moves.append(float(abs(after - params)[0]))
        params = after
    assert abs(moves[0] - 1) < 1e-12
    assert moves[-1] > 1.001
    relative = float(Fraction(point["relative_variance"]))
    assert abs(moves[-1] - (1 + relative) ** -0.5) < 1e-9


def test_largest_factor_by_random_search() -> None:
    """No sequence exceeds the closed supremum, and hill climbing comes close to it."""
    rng = np.random.default_rng(0)
    horizon, b1, b2 = 6, 0.5, 0.75
    first = np.array([b1**s * (1 - b1) / (1 - b1**horizon) for s in range(horizon)])
    second = np.array([b2**s * (1 - b2) / (1 - b2**horizon) for s in range(horizon)])

    def ratio(g: np.ndarray) -> np.ndarray:
        return (g @ first) ** 2 / (g**2 @ second)

    limit = float(adam_direction._closed_supremum(Fraction(1, 2), Fraction(3, 4), horizon))
    best = rng.standard_normal(horizon)
    for scale in np.geomspace(1, 1e-3, 60):
        trial = best + scale * rng.standard_normal((500, horizon))
        assert ratio(trial).max() <= limit * (1 + 1e-12)
        if ratio(trial).max() > ratio(best[None])[0]:
            best = trial[ratio(trial).argmax()]
    assert ratio(best[None])[0] > 0.999 * limit > 1


def test_limits_of_the_factor_at_the_defaults() -> None:
    (evidence,) = part("relative-variance-shortens-steps", "exact range")["printed"]
    assert Fraction(evidence["data"]["its limit squared"]) == Fraction(370, 7)
    factors = evidence["data"]["largest factor at the defaults"]
    assert factors["t = 1"] == 1 and abs(factors["t = 10000"] - sqrt(370 / 7)) < 1e-3


def test_figure_1_by_simulation() -> None:
    (evidence,) = part("fig-1-variance-adaptation-sketch", "exact moments")["printed"]
    data = {k: [float(Fraction(x)) for x in v] for k, v in evidence["data"].items()}
    draws = np.random.default_rng(0).normal((2, 1), (1, 1.5), (400_000, 2)) * data["factors"]
    np.testing.assert_allclose(draws.mean(0), data["mean"], atol=6e-3)
    np.testing.assert_allclose(draws.var(0).sum(), data["total variance before, after"][1], rtol=1e-2)
    error = ((draws - (2, 1)) ** 2).sum(1).mean()
    np.testing.assert_allclose(error, data["mean squared error before, after"][1], rtol=1e-2)


def test_areas_of_figure_4() -> None:
    (evidence,) = part("fig-4-wrong-sign-probability", "areas")["printed"]
    for variance in ("1/2", "1", "4"):
        expected = NormalDist(1, sqrt(Fraction(variance))).cdf(0)
        assert abs(evidence["data"][f"variance {variance}"] - expected) < 1e-12


@pytest.mark.parametrize(("mean", "std"), [(0.3, 1.2), (-2.0, 0.7), (0.0, 1.0)])
def test_lemma_2_by_counting(mean: float, std: float) -> None:
    draws = np.random.default_rng(1).normal(mean, std, 400_000)
    agree = (draws >= 0) == (mean >= 0)
    assert abs(agree.mean() - (1 + erf(abs(mean) / sqrt(2) / std)) / 2) < 0.004
