"""SoftAdam's claims: each verdict, each control, and the mathematics behind the verdicts by other means."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from optassay.optimizers.adam import Adam, AMSGrad
from optassay.optimizers.sgd import Momentum
from optassay.optimizers.softadam import SoftAdam
from proofs_check._encode import encode
from proofs_check.checks.search import for_all
from proofs_check.checks.tables import welch
from proofs_check.claim import Budget, Verdict, Witness, judge, rejects
from proofs_check.judge import judge_claim, replay
from proofs_check.softadam import claims
from proofs_check.softadam.adam_long_run import _growth, distance_bound, step_bound
from proofs_check.softadam.early_variance import variance_of_inverse_root
from proofs_check.softadam.tables import CIFAR10, PENN_TREEBANK
from proofs_check.softadam.transcription import ratio, second_moment_weights

EXPECTED = {
    "direction-mixes-sgd-and-adam": "proved",
    "step-size-compared-with-padam": "corrected",
    "default-equals-or-outperforms": "supported",
    "sgd-momentum-adam-updates": "supported",
    "bias-corrected-moments-unbiased": "corrected",
    "quadratic-model-in-theta-and-x": "corrected",
    "unrolled-distance-to-optimum": "corrected",
    "stability-condition": "proved",
    "fastest-constant-learning-rate": "proved",
    "diagonal-preconditioner-one-step": "proved",
    "constant-size-step-faster": "corrected",
    "adagrad-coefficient-condition": "proved",
    "adagrad-small-eigenvalues": "proved",
    "adagrad-ideal-for-equal-distances": "proved",
    "eigenvalue-estimate-and-correlations": "proved",
    "adagrad-large-steps-near-optimum": "proved",
    "adam-step-grows-unbounded": "corrected",
    "smoothed-coefficient": "proved",
    "step-within-factor-eta": "corrected",
    "recovers-sgd-guarantees": "corrected",
    "eta-zero-is-sgdm": "proved",
    "eta-minus-one-comparable-to-adam": "corrected",
    "early-variance-of-adaptive-coefficient": "proved",
    "sample-ratio-r": "corrected",
    "beta2-hat-unbiased": "proved",
    "number-of-samples": "corrected",
    "biased-first-moment": "proved",
    "beta2-hat-negligible-impact": "needs data",
    "decoupled-weight-decay": "corrected",
    "algorithm-1": "supported",
    "appendix-a-reference-code": "supported",
    "code-implements-algorithm-1": "corrected",
    "cifar10-table-1": "needs data",
    "larger-weight-decay-tradeoff": "needs data",
    "penn-treebank-table-2": "needs data",
    "iwslt14-table-3": "needs data",
}
CLAIMS = {claim.id.partition("/")[2]: claim for claim in claims()}


def test_every_entry_has_its_claim_in_the_papers_order() -> None:
    assert list(CLAIMS) == list(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    entry = judge_claim(CLAIMS[slug], Budget.QUICK)
    assert entry["verdict"] == EXPECTED[slug], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]
    assert all(part["control"]["caught"] for part in entry["evidence"]["parts"])


def coefficients(rule: SoftAdam, grad: Any, steps: int) -> np.ndarray:
    """d_i/alpha that the rule applies after ``steps`` steps of one gradient (beta1 = 0)."""
    theta = np.zeros(len(grad))
    state = rule.init(theta)
    for _ in range(steps):
        before = theta
        theta, state = rule.step(theta, np.asarray(grad, dtype=float), state)
    return (before - theta) / (np.asarray(grad) * 1.0)


@pytest.mark.parametrize("eta", [0.5, 1.0, 10.0])
@pytest.mark.parametrize("n", [2, 10, 100])
def test_range_of_the_step_is_reached_by_the_optimizer(eta: float, n: int) -> None:
    rule = SoftAdam.paper(step_size=1.0, beta1=0.0, beta2=0.5, eta=eta, epsilon=0.0)
    grad = np.full(n, 1e-9)
    grad[0] = 1.0
    d = coefficients(rule, grad, 4)  # r = 1 from t = 2 on
    np.testing.assert_allclose(d[0], (1 + eta) / (1 + eta * math.sqrt(n)), rtol=1e-6)
    np.testing.assert_allclose(d[1], 1 + eta, rtol=1e-6)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_no_sampled_gradient_leaves_the_range(n: int) -> None:
    eta, rng = 1.0, np.random.default_rng(0)
    for _ in range(50):
        d = coefficients(
            SoftAdam.paper(step_size=1.0, beta1=0.0, beta2=0.5, eta=eta, epsilon=0.0), rng.standard_cauchy(n), 3
        )
        assert np.all(d <= 2 + 1e-12) and np.all(d >= 2 / (1 + math.sqrt(n)) - 1e-12)


def test_eta_minus_one_stands_still_and_the_code_at_minus_one_half_follows_adam() -> None:
    grads = np.random.default_rng(1).standard_normal((40, 5))
    still, code = SoftAdam.paper(eta=-1.0), SoftAdam.published(step_size=0.1, beta1=0.0, beta2=0.5, eta=-0.5)
    start = theta = np.ones(5)
    state = still.init(theta)
    for g in grads:
        theta, state = still.step(theta, g, state)
    np.testing.assert_array_equal(theta, start)
    soft, adam = np.zeros(5), np.zeros(5)
    a, rule = code.init(soft), Adam(0.1, 0.0, 0.5, 0.0, debias=False)
    # v of the code has uniform weights at t <= 2; both forget the start
    b = rule.init(adam)
    for g in grads:
        last_soft, last_adam = soft, adam
        soft, a = code.step(soft, g, a)
        adam, b = rule.step(adam, g, b)
    u, w = soft - last_soft, adam - last_adam
    assert u @ w / np.linalg.norm(u) / np.linalg.norm(w) > 1 - 1e-9
    np.testing.assert_allclose(np.linalg.norm(u) / np.linalg.norm(w), math.sqrt(np.mean(a.v)), rtol=1e-6)


def test_code_without_gradient_or_epsilon_is_nan() -> None:
    rule = SoftAdam.published(eta=0.0, epsilon=0.0)
    theta = np.ones(3)
    with np.errstate(invalid="ignore"):
        theta, _ = rule.step(theta, np.zeros(3), rule.init(theta))
    assert np.all(np.isnan(theta))


def test_minimiser_drives_softadam_off() -> None:
    # g_1 = 7 with probability 1/8, else -1; g_2 = 1; beta_2 = 0: v = g^2, r = 1
    rule = SoftAdam.paper(step_size=1.0, beta1=0.0, beta2=0.0, eta=1.0, epsilon=0.0)
    moves = []
    for g in (7.0, -1.0):
        theta, _ = rule.step(np.zeros(2), np.array([g, 1.0]), rule.init(np.zeros(2)))
        moves.append(float(theta[0]))
    assert moves[0] / 8 + 7 * moves[1] / 8 == pytest.approx(7 / 48, abs=1e-14)


@pytest.mark.parametrize("text", ["0 999/1000", "9/10 999/1000", "1/2 3/10", "9/10 82/100", "3/10 1/10"])
def test_adams_steps_and_iterates_stay_within_the_bounds(text: str) -> None:
    # The last three have 1 - beta2 > (1 - beta1)^2, so that the first steps need more than K without bias corrections.
    first, second = betas = tuple(map(Fraction, text.split()))
    assert first**2 < second
    starts = np.concatenate([np.geomspace(1e-3, 10, 40), [0.05]])[:, None]
    rule, alpha = Adam(0.1, float(first), float(second), 0.0), 0.1
    theta = starts
    state = rule.init(theta)
    bounds = np.array([distance_bound(*betas, Fraction(float(s)), Fraction(1, 10)) for s in starts[:, 0]])
    for _ in range(3000):
        new, state = rule.step(theta, theta, state)
        assert np.max(np.abs(new - theta)) <= alpha * step_bound(*betas)
        assert np.all(np.abs(new[:, 0]) <= bounds)
        theta = new


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.999), (0.9, 0.999), (0.5, 0.3), (0.9, 0.82)])
def test_step_bound_against_the_extremal_stream(first: float, second: float) -> None:
    # Over all streams m^2/v reaches sum c1^2/c2, c the weights of the corrected averages; K is its supremum over t.
    largest = 0.0
    for t in (*range(1, 60), 20_000):
        ages = np.arange(t)
        scale = (1 - first) ** 2 * (1 - second**t) / ((1 - first**t) ** 2 * (1 - second))
        largest = max(largest, math.sqrt(scale * np.sum((first**2 / second) ** ages)))
    bound = step_bound(Fraction(str(first)), Fraction(str(second)))
    assert 0.99 * bound < largest <= bound * (1 + 1e-12)


@pytest.mark.parametrize("quantity", ["step", "coefficient", "distance"])
def test_bounds_below_the_proved_ones_do_not_pass(quantity: Any) -> None:
    assert judge(for_all(_growth(quantity, "<="), Budget.QUICK)) is Verdict.PROVED
    assert rejects(for_all(_growth(quantity, "<=", 0.9), Budget.QUICK))


def test_adams_long_run_coefficient_without_momentum_is_two() -> None:
    rule = Adam(0.1, 0.0, 0.99, 0.0)
    theta = np.array([[0.3], [0.07], [2.0]])
    state = rule.init(theta)
    for _ in range(6000):
        before = theta
        theta, state = rule.step(theta, theta, state)
    np.testing.assert_allclose((before - theta) / before, 2.0, rtol=1e-5)
    np.testing.assert_allclose(np.abs(theta), 0.05, rtol=1e-5)


def test_amsgrads_coefficient_ends_at_two_or_below() -> None:
    rule = AMSGrad(0.1, 0.0, 0.99, 0.0)
    theta = np.geomspace(0.01, 5, 30)[:, None]
    state = rule.init(theta)
    for _ in range(4000):
        before = theta
        theta, state = rule.step(theta, theta, state)
    moved = np.abs(before[:, 0]) > 0
    assert np.all((before - theta)[moved] / before[moved] < 2.001)


def test_adagrads_first_step_does_not_see_the_eigenvalue() -> None:
    for eigenvalue in (1e-3, 1.0, 40.0):
        g = eigenvalue * 0.7
        assert 0.7 - 0.7 * g / math.sqrt(g * g) == pytest.approx(0.0, abs=1e-15)


def test_heavy_ball_is_the_running_average_with_a_smaller_rate() -> None:
    grads = np.random.default_rng(2).standard_normal((30, 4))
    a, b, c = Momentum(0.1, 0.9, convention="ema"), Momentum(0.01, 0.9), Momentum(0.1, 0.9)
    points = [np.zeros(4)] * 3
    states = [rule.init(points[0]) for rule in (a, b, c)]
    for g in grads:
        stepped = [rule.step(x, g, s) for rule, x, s in zip((a, b, c), points, states, strict=True)]
        points, states = [x for x, _ in stepped], [s for _, s in stepped]
    np.testing.assert_allclose(points[0], points[1], rtol=1e-12)
    assert np.max(np.abs(points[0] - points[2])) > 0.1


def test_effective_sample_size_leaves_the_stated_number_after_one_memory() -> None:
    beta = Fraction(9, 10)
    sizes = [1 / sum(w * w for w in second_moment_weights(beta, t)) for t in (10, 11, 200)]
    assert sizes[0] == 10 and sizes[1] > 10
    assert float(sizes[2]) == pytest.approx(19.0, rel=1e-12)


@pytest.mark.parametrize("k", [3, 5, 12])
def test_variance_of_the_inverse_root_by_scipy(k: int) -> None:
    from scipy.stats import chi2

    law = chi2(k)
    first = law.expect(lambda x: math.sqrt(k / x))
    second = law.expect(lambda x: k / x)
    assert variance_of_inverse_root(k) == pytest.approx(second - first**2, rel=1e-3)


@pytest.mark.parametrize("factor", [1.0, math.sqrt(3)])
def test_welch_by_scipy(factor: float) -> None:
    from scipy.stats import ttest_ind_from_stats

    spread = "standard deviation" if factor == 1.0 else "standard error"
    rows = [(c["SoftAdam"], c["SGD"]) for c in (*CIFAR10.values(), *PENN_TREEBANK.values())]
    for a, b in rows:
        test = ttest_ind_from_stats(a[0], a[1] * factor, 3, b[0], b[1] * factor, 3, equal_var=False)
        t, _, p = welch(a, b, spread, 3)  # type: ignore[arg-type]
        assert (t, p) == (pytest.approx(test.statistic, rel=1e-9), pytest.approx(test.pvalue, rel=1e-9))


def test_transcribed_ratio_is_the_optimizers() -> None:
    grad = np.array([0.3, -2.0, 1.1])
    d = coefficients(SoftAdam.paper(step_size=1.0, beta1=0.0, beta2=0.75, eta=0.6, epsilon=0.2), grad, 1)
    x = np.abs(grad) / np.sqrt(np.mean(grad**2) + 0.04)
    np.testing.assert_allclose(d, [ratio(0.6, 0.5, v) for v in x], rtol=1e-13)


def test_recorded_counterexamples_stand_in_code_that_the_checks_do_not_use() -> None:
    (claim,) = [c for c in claims() if c.id.endswith("recovers-sgd-guarantees")]
    (found,) = claim.parts[0].check(claim.parts[0].printed, Budget.QUICK)
    assert isinstance(found, Witness)
    assert replay(encode(found)["point"], found.replay)
    # A learning rate that is small enough must not replay as a violation.
    assert not replay(encode(found)["point"] | {"alpha": "1"}, found.replay)
