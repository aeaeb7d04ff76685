"""Claims of section 3.2 and appendix B: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from proofs_check.adamomentum import escape
from proofs_check.adamomentum.exit_times import Basin, exit_steps, plain_mean
from proofs_check.claim import Budget
from proofs_check.judge import judge_claim

EXPECTED = {
    "equation-3-levy-sde": "corrected",
    "appendix-b1-momentum-noise": "corrected",
    "appendix-b1-stable-noise": "corrected",
    "definition-2-escape-set": "open",
    "assumption-3-along-the-flow": "vacuous",
    "assumption-4-with-stable-noise": "vacuous",
    "lemma-1-escape-time": "open",
    "theorem-3-laplace-bounds": "open",
    "theorem-4-lyapunov": "open",
    "sharp-basins-escape-sooner": "corrected",
    "assumption-5-satisfiable": "refuted",
    "assumption-5-batch-size": "refuted",
    "prop-1-proof-limits": "proved",
    "prop-1-proof-algebra": "proved",
    "prop-1-proof-second-moment-ordering": "corrected",
    "prop-1-proof-volumes": "corrected",
    "volume-to-radon-measure": "corrected",
    "prop-1-proof-radon-relation": "corrected",
    "proposition-1-escape-time": "vacuous",
    "generalizes-better-conclusion": "needs data",
}
CLAIMS = {claim.id.partition("/")[2]: claim for claim in escape.CLAIMS}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def test_every_claim_of_the_section_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"]


@pytest.mark.parametrize("beta1", [0.1, 0.5, 0.9])
def test_second_moments_of_momentum_by_simulation(beta1: float) -> None:
    """Stationary E m^2 = (1 - b)/(1 + b), below b-share of assumption 5, for independent unit noise."""
    rng = np.random.default_rng(1)
    m = np.zeros(20_000)
    for _ in range(200):
        m = beta1 * m + (1 - beta1) * rng.standard_normal(m.shape)
    second = float((m**2).mean())
    assert second == pytest.approx((1 - beta1) / (1 + beta1), rel=0.05)
    assert beta1 / (2 - beta1) * second < 1 / 8


def test_neighbouring_sums_are_correlated() -> None:
    rng = np.random.default_rng(2)
    total = np.zeros(20_000)
    for _ in range(100):
        before, total = total, 0.9 * total + rng.standard_normal(total.shape)
    assert np.corrcoef(before, total)[0, 1] == pytest.approx(0.9, abs=0.02)


def test_two_codes_of_the_exit_times_agree() -> None:
    basin = Basin(0.2, warm=100)
    batch = exit_steps("AdaMomentum", basin, 400, 3)
    assert plain_mean("AdaMomentum", basin, 100, 3) == pytest.approx(batch.mean(), rel=0.25)


def test_quadratic_forms_are_not_ordered() -> None:
    plain = np.array([[1.0, 0.5], [0.5, 1.0]])
    scale = np.diag([1.0, 0.5])
    values = np.linalg.eigvalsh(plain - scale @ plain @ scale)
    assert values[0] < 0 < values[1]
