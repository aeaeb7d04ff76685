"""Claims on epsilon: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from optassay.optimizers import Adam, AdaMomentum
from proofs_check.adamomentum import damping, damping_stability
from proofs_check.claim import Budget, rejects
from proofs_check.judge import judge_claim

EXPECTED = {
    "debiased-second-moment-identity": "proved",
    "final-stage-steps": "corrected",
    "inner-damping-reduces-step": "proved",
    "damping-stability": "proved",
}
CLAIMS = {claim.id.partition("/")[2]: claim for claim in [*damping.CLAIMS, *damping_stability.CLAIMS]}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def test_every_claim_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


def test_identity_in_the_library() -> None:
    x = np.zeros(1)
    damped, plain = AdaMomentum(epsilon=1e-3), AdaMomentum(epsilon=0.0)
    with_eps, without = damped.init(x), plain.init(x)
    for t in range(1, 40):
        g = np.array([np.sin(t)])
        _, with_eps = damped.step(x, g, with_eps)
        _, without = plain.step(x, g, without)
        share = (with_eps.v - without.v) / (1 - 0.999**t)
        assert float(share[0]) == pytest.approx(1e-3 / (1 - 0.999), rel=1e-9)


def test_premise_of_the_final_stage_by_numbers() -> None:
    """v' a hundredth of epsilon, yet Adam's step is a thousandth of alpha / epsilon."""
    eps, v = 1e-8, 1e-10
    assert v <= 0.011 * eps
    assert eps / (v**0.5 + eps) == pytest.approx(1e-3, rel=2e-3)
    assert (eps / 1e-3) ** 0.5 / (v + eps / 1e-3) ** 0.5 > 0.999


def test_set_of_the_inner_placement_by_a_grid() -> None:
    rng = np.random.default_rng(0)
    b2 = rng.uniform(0, 1, 10_000)
    eps = 10 ** rng.uniform(-8, 2, 10_000)
    root = 10 ** rng.uniform(-4, 4, 10_000)
    shorter = root**2 + eps / (1 - b2) > (root + eps) ** 2
    np.testing.assert_array_equal(shorter, root < damping._edge(b2, eps))
    assert 0.1 < shorter.mean() < 0.9


@pytest.mark.parametrize("kind", [AdaMomentum, Adam])
def test_spectral_radius_at_the_threshold(kind: Any) -> None:
    place: Any = "inside" if kind is AdaMomentum else "outside"
    part = next(
        p
        for p in CLAIMS["damping-stability"].parts
        if p.printed.__class__.__name__ == "Threshold" and p.printed.place == place
    )
    eps, b2 = 1e-8, 0.999
    for b1 in (0.0, 0.5, 0.9):
        edge = part.printed.value(b1, b2, eps)
        k = damping_stability._coefficient(place, eps, b2, np.sqrt)
        for factor, inside in ((0.99, True), (1.01, False)):
            y = factor * edge * k
            matrix = np.array([[1 - (1 - b1) * y, -b1], [(1 - b1) * y, b1]])
            assert bool(np.max(np.abs(np.linalg.eigvals(matrix))) < 1) is inside


def test_toy_step_sizes() -> None:
    """38 is the edge of alpha lambda / root for beta1 = 0.9."""
    assert pytest.approx(38) == 2 * (1 + 0.9) / (1 - 0.9)
    assert pytest.approx(63.2, abs=0.1) == 0.2 * (1e-3 / 1e-8) ** 0.5
    assert pytest.approx(0.632, abs=1e-3) == 2e-3 * (1e-3 / 1e-8) ** 0.5


def test_jury_conditions_are_eigenvalues_on_the_unit_circle() -> None:
    """A claimed edge that is off by a hundredth is rejected, for either placement."""
    for edge in (damping_stability._INSIDE, damping_stability._OUTSIDE):
        for factor, accepted in ((1, True), (1.01, False)):
            value = edge.value
            stated = damping_stability.Threshold(edge.place, lambda *a, f=factor, g=value: f * g(*a))
            assert rejects(damping_stability._linear(stated, Budget.QUICK)) is not accepted
