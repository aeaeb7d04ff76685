"""Estimators of section 3.4 and appendix C: verdicts and independent calculations of the repairs."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest

from proofs_check._encode import encode
from proofs_check.checks.search import for_all
from proofs_check.claim import Budget, Claim, Verdict, Witness, judge
from proofs_check.dissecting_adam import estimators, minibatch, momentum
from proofs_check.dissecting_adam.estimators import averages, kappa, weights
from proofs_check.dissecting_adam.minibatch import bessel, variance_estimate
from proofs_check.judge import judge_claim, replay

VERDICTS = {
    "common-averaging-horizon": "needs data",
    "moving-average-unrolling": "corrected",
    "moving-average-variance-bias": "proved",
    "minibatch-variance-estimate": "corrected",
    "momentum-term-moments": "corrected",
    "kappa-correction": "proved",
    "momentum-keeps-adam-sign": "proved",
    "momentum-closed-forms": "corrected",
    "minibatch-momentum-variance": "corrected",
}
CLAIMS = [*estimators.CLAIMS, *minibatch.CLAIMS, *momentum.CLAIMS]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS[claim.id.partition("/")[2]], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]


@pytest.mark.parametrize("t", [1, 2, 4])
def test_bias_of_the_moving_variance_by_enumeration(t: int) -> None:
    mu, values = F(9, 10), (F(-1), F(0), F(4))
    centre = sum(values) / 3
    variance = sum((x - centre) ** 2 for x in values) / 3
    total = F(0)
    for draws in product(values, repeat=t):
        m, v = averages(draws, mu, mu)
        total += (v - m**2) / 3**t
    assert total == variance * (1 - kappa(mu, t))


def test_kappa_is_the_sum_of_squared_weights_and_one_over_t_at_the_end() -> None:
    for t in (1, 3, 10):
        assert kappa(F(9, 10), t) == sum(w**2 for w in weights(F(9, 10), t))
        assert float(kappa(F(10**6 - 1, 10**6), t)) == pytest.approx(1 / t, rel=1e-4)
    assert float(kappa(0.9, 1000)) == pytest.approx(0.1 / 1.9)


def test_library_kappa_agrees() -> None:
    from optassay.optimizers.variance_adapted import kappa as library_kappa

    for t in (1, 2, 17):
        assert float(library_kappa(0.9, t)) == pytest.approx(float(kappa(F(9, 10), t)), rel=1e-12)


def test_mini_batch_estimates_of_equal_gradients() -> None:
    batch = (F(3),) * 4
    assert variance_estimate(batch, bessel) == 0
    assert variance_estimate(batch) == F(9, 4 * 3)


def test_mini_batch_estimates_by_simulation() -> None:
    rng = np.random.default_rng(0)
    size, draws = 5, 200_000
    batch = 2 + 3 * rng.standard_normal((size, draws))
    target = 9 / size
    right, wrong = variance_estimate(batch, bessel).astype(float), variance_estimate(batch)
    assert right.mean() == pytest.approx(target, abs=4 * right.std() / np.sqrt(draws))
    bias = (9 / size + 4) / (size * (size - 1))
    assert wrong.mean() - target == pytest.approx(bias, abs=4 * wrong.std() / np.sqrt(draws))


def test_library_estimates_agree_with_the_transcriptions() -> None:
    from optassay.optimizers import gradient_variance

    batch = np.array([[1.0], [4.0], [-2.0]])
    exact = [F(1), F(4), F(-2)]
    assert float(gradient_variance(batch)[0]) == pytest.approx(float(variance_estimate(exact)))
    assert float(gradient_variance(batch, "unbiased")[0]) == pytest.approx(float(variance_estimate(exact, bessel)))


def test_variance_of_momentum_along_a_run_by_simulation() -> None:
    rng, paths, mu, step = np.random.default_rng(0), 200_000, 0.9, 0.5
    x, r, seen = np.ones(paths), np.zeros(paths), []
    for _ in range(4):
        g = x + rng.choice([-1.0, 1.0], paths)
        r = mu * r + g
        x = x - step * r
        seen.append(g)
    printed = sum(mu ** (2 * s) * seen[3 - s].var() for s in range(4))
    whole = mu ** np.arange(3, -1, -1)
    repaired = whole @ np.cov(np.array(seen), bias=True) @ whole
    assert r.var() == pytest.approx(repaired, rel=1e-9)
    assert printed > 1.2 * r.var()


def test_geometric_sum_has_one_term_more_than_its_printed_closed_form() -> None:
    mu, t = 0.9, 6
    assert sum(mu**s for s in range(t)) == pytest.approx((1 - mu**t) / (1 - mu))
    assert sum(mu**s for s in range(t + 1)) != pytest.approx((1 - mu**t) / (1 - mu), rel=1e-2)


@pytest.mark.parametrize("second", ["91/100", "9001/10000", "899/1000"])
def test_variance_estimate_of_any_two_different_constants_can_be_negative(second: str) -> None:
    # A quadratic form v - m^2 of two gradients with weights (a, 1 - a) and (b, 1 - b) has determinant -(a - b)^2.
    a, b = (weights(c, 2)[0] for c in (F(9, 10), F(second)))
    assert (b - a * a) * ((1 - b) - (1 - a) ** 2) - (a * (1 - a)) ** 2 == -((a - b) ** 2)
    found = for_all(estimators._nonnegative(F(9, 10), F(second)), Budget.QUICK)
    assert judge(found) is Verdict.REFUTED
    (witness,) = found
    assert isinstance(witness, Witness)
    assert replay(encode(witness)["point"], witness.replay)
