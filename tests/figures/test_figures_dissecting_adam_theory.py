"""The numbers behind the theory figures of "Dissecting Adam", against exact values and independent computations."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from figures import _improvement_study as study
from figures import _sentence_map as sentence_map
from figures import dissecting_adam_signs as signs
from figures import dissecting_adam_theory as theory
from figures.registry import FigureData, Level

# Theorem 1


@pytest.fixture(scope="module")
def rate() -> FigureData:
    return theory.rate_data(Level.QUICK)


def test_rate_first_step_in_closed_form(rate: FigureData) -> None:
    """From delta_0 = nu the factor is 1/2, so E delta_1^2 = (1 - a/2)^2 + (a/2)^2; under SGD (1 - a)^2 + a^2."""
    a = rate.arrays
    assert a["time"][0] == 1
    for row, ratio in enumerate(a["ratio"]):
        for key, weight in (("svag", 0.5), ("sgd", 1.0)):
            exact = sum(x * ((1 - weight * x) ** 2 + (weight * x) ** 2) / 2 for x in (1.0, ratio))
            assert a[key][row, 0] == pytest.approx(exact, rel=2e-4)


def test_rate_against_paths_of_the_library(rate: FigureData) -> None:
    from optassay.optimizers.sgd import GradientDescent
    from optassay.optimizers.variance_adapted import SVAG

    a, paths, row = rate.arrays, 40_000, 1
    hessian = np.array([1.0, a["ratio"][row]])
    rng = np.random.default_rng(0)
    steps = a["time"][a["time"] <= 12]
    for rule, key in ((SVAG(step_size=1.0), "svag"), (GradientDescent(1.0), "sgd")):
        points = np.ones((paths, 2))
        state = rule.init(points)
        for t in range(1, steps[-1] + 1):
            slope = points * hessian
            noisy = slope + hessian * rng.standard_normal(points.shape)
            extra = {"variance": hessian**2, "mean": slope} if key == "svag" else {}
            points, state = rule.step(points, noisy, state, **extra)
            if t in steps:
                values = 0.5 * t * np.sum(points * hessian * points, axis=1)
                error = values.std() / np.sqrt(paths)
                assert abs(values.mean() - a[key][row, list(a["time"]).index(t)]) < 5 * error


def test_rate_limits_bound_and_order(rate: FigureData) -> None:
    a = rate.arrays
    np.testing.assert_allclose(a["limit"], [sum(1 / (2 * (2 + x)) for x in (1.0, r)) for r in a["ratio"]], rtol=1e-14)
    second = 2 * (1 + a["ratio"] ** 2)  # E|g_0|^2
    np.testing.assert_allclose(a["bound_limit"], second / (2 * a["ratio"] ** 2), rtol=1e-14)
    assert np.all(a["svag"] < a["bound"])
    np.testing.assert_allclose(a["svag"][:, -1], a["limit"], rtol=0.08)
    gap = np.abs(a["svag"] / a["limit"][:, None] - 1)
    assert np.all(gap[:2, -1] < 0.6 * gap[:2, -12])  # the third crosses its limit on the way
    floor = [sum(x**2 / (2 * (2 - x)) for x in (1.0, r)) for r in a["ratio"]]
    np.testing.assert_allclose(a["sgd"][:, -1] / a["time"][-1], floor, rtol=1e-9)
    assert float(a["grid_error"]) < 0.02


# Estimators


def test_bias_of_the_moving_average_by_enumeration() -> None:
    """E[v - m^2] over all sequences of +-1 (variance one, mean zero), in rationals."""
    a = theory.bias_data(Level.NORMAL).arrays
    for t in (1, 2, 3, 6):
        for mu in (Fraction(1, 10), Fraction(9, 10)):
            c = [mu**s * (1 - mu) / (1 - mu**t) for s in range(t)]
            draws = list(product((-1, 1), repeat=t))
            means = [sum(w * g for w, g in zip(c, draw, strict=True)) for draw in draws]
            estimate = sum(sum(c) - m * m for m in means) / len(draws)
            row, column = list(a["mu"]).index(float(mu)), list(a["time"]).index(t)
            assert a["kappa"][row, column] == pytest.approx(float(1 - estimate), rel=1e-13)
    np.testing.assert_allclose(a["kappa"][:4, -1], (1 - a["mu"][:4]) / (1 + a["mu"][:4]), rtol=1e-12)


def test_spread_of_the_moving_average_from_the_quadratic_form() -> None:
    a = theory.bias_data(Level.NORMAL).arrays
    for t in (2, 5, 50):
        column = int(np.argmin(np.abs(a["time"] - t)))
        t = int(a["time"][column])
        for row, mu in enumerate(a["mu"]):
            c = mu ** np.arange(t)
            c /= c.sum()
            form = np.diag(c) - np.outer(c, c)
            exact = (1 - np.trace(form)) / np.sqrt(2 * np.sum(form * form))
            assert a["against_spread"][row, column] == pytest.approx(exact, rel=1e-8)
    assert np.all(np.isinf(a["against_spread"][:, 0]))
    # What the caption says: below one from t = 2 on for mu >= 1/2, never for mu = 0.1.
    assert np.all(a["against_spread"][1:, 1:] < 1) and np.all(a["against_spread"][0] > 1)


def test_bias_of_the_minibatch_estimate_by_enumeration() -> None:
    """(44) as the library computes it, over all batches from {mean - std, mean + std}, against var[g] = std^2 / B."""
    from optassay.optimizers.variance_adapted import gradient_variance

    a = theory.bias_data(Level.NORMAL).arrays
    for b, (row, eta) in product((2, 5), enumerate(a["eta"])):
        batches = 1.0 + eta * np.array(list(product((-1.0, 1.0), repeat=b)))
        truth = eta**2 / b
        bias = float(np.mean(gradient_variance(batches[..., None]))) - truth
        assert a["minibatch"][row, list(a["batch"]).index(b)] == pytest.approx(bias / truth, rel=1e-9)


# Range of Adam's factor


def test_largest_factor_of_adam_against_the_exact_sum() -> None:
    a = theory.range_data(Level.NORMAL).arrays
    for row, (beta1, beta2) in enumerate(theory.PAIRS):
        for t in (1, 2, 10, 500, 2000):
            first, second = (b ** np.arange(t) * (1 - b) / (1 - b**t) for b in (beta1, beta2))
            assert a["largest"][row, t - 1] == pytest.approx(np.sqrt(np.sum(first**2 / second)), rel=1e-9)
    assert a["limit"][0] == pytest.approx(np.sqrt(370 / 7), rel=1e-13)
    assert np.isinf(a["limit"][4]) and a["largest"][4, -1] > 1000
    assert a["limit"][3] == pytest.approx(1.0)
    assert np.all(np.diff(a["largest"][:3]) > -1e-12) and np.all(a["largest"][:3] < a["limit"][:3, None])


def test_no_other_sequence_has_a_larger_factor() -> None:
    a, t = theory.range_data(Level.NORMAL).arrays, 20
    draws = np.random.default_rng(0).standard_normal((20_000, t)) * np.geomspace(0.01, 1, t)
    for row, (beta1, beta2) in enumerate(theory.PAIRS):
        first, second = (b ** np.arange(t)[::-1] * (1 - b) / (1 - b**t) for b in (beta1, beta2))
        factor = np.abs(draws @ first) / np.sqrt(draws**2 @ second)
        assert factor.max() <= a["largest"][row, t - 1] * (1 + 1e-12)


def test_jump_stays_below_the_supremum_and_above_one_at_the_defaults() -> None:
    a = theory.range_data(Level.NORMAL).arrays
    k = np.arange(1, a["jump"].shape[1] + 1)
    start = theory.QUIET
    exact = (1 - 0.9**k) / np.sqrt((1 - 0.999**k) / (1 - 0.999 ** (start + k)))
    np.testing.assert_allclose(a["jump"][0], exact, rtol=1e-9)
    assert 6 < a["jump"][0].max() < a["limit"][0]
    assert a["jump"][3].max() <= 1 + 1e-12


# One-step improvement


@pytest.fixture(scope="module")
def improvement() -> FigureData:
    return study.improvement_ratio(Level.QUICK)


def test_improvement_ratio_axis_aligned_in_closed_form(improvement: FigureData) -> None:
    """Sums over coordinates, the error drawn again from the seed; limit by the formula of the noise."""
    from scipy.special import erf

    from quadratics import random_rotation

    a = improvement.arrays
    seeds = improvement.inputs["seeds"]
    rng = np.random.default_rng(study.SEED)
    random_rotation(study.DIM, rng, batch=(seeds,))
    normal = rng.standard_normal((seeds, study.DIM))
    for c, p in product(range(4), range(3)):
        lam = np.geomspace(1 / study.CONDITIONS[c], 1, study.DIM)
        delta = normal * lam ** -study.POWERS[p]
        delta /= np.sqrt(np.mean(delta**2, axis=1, keepdims=True))
        s12, s22 = (np.sum(lam**k * delta**2, axis=1) for k in (1, 2))
        limit = 2 / np.pi * s12**2 * np.sum(lam**3) / (s22**2 * np.sum(lam))
        np.testing.assert_allclose(a["limit"][0, p, c], limit, rtol=1e-10)
        for n in (0, 4, 8):
            nu = a["noise"][n]
            sign = np.sum(lam * np.abs(delta) * erf(np.abs(delta) / (np.sqrt(2) * nu)), axis=1) ** 2 / np.sum(lam)
            gradient = s22**2 / (np.sum(lam**3 * delta**2, axis=1) + nu**2 * np.sum(lam**3))
            np.testing.assert_allclose(a["ratio"][0, p, c, n], sign / gradient, rtol=1e-9)


def test_improvement_ratio_rotated_by_sampling() -> None:
    """Optimal quadratic in the step from sampled signs, on one small rotated problem; and its limit at large noise."""
    from quadratics import StochasticQuadratic, expected_improvement, random_rotation

    d, draws = 6, 200_000
    rng = np.random.default_rng(3)
    rotation = random_rotation(d, rng)
    hessian = (rotation * np.geomspace(0.05, 1, d)) @ rotation.T
    hessian = (hessian + hessian.T) / 2
    delta = rng.standard_normal(d)
    slope = hessian @ delta
    z = np.sign(slope - 300.0 * rng.standard_normal((draws, d)) @ hessian)
    curvature = np.einsum("ni,ij,nj->n", z, hessian, z)
    problem = StochasticQuadratic(hessian, np.zeros(d), 300.0)
    exact = {k: float(expected_improvement(problem, delta, k)) for k in ("sign", "gradient")}
    assert study.noisy_limit(hessian, delta) == pytest.approx(exact["sign"] / exact["gradient"], rel=1e-3)
    from quadratics import sign_second_moment

    pure = float(np.sum(hessian * sign_second_moment(np.zeros(d), hessian @ hessian)))
    assert abs(curvature.mean() - pure) < 5 * curvature.std() / np.sqrt(draws)


def test_improvement_ratio_tends_to_its_limit(improvement: FigureData) -> None:
    a = improvement.arrays
    np.testing.assert_allclose(a["ratio"][:, :, :, -1], a["limit"], rtol=5e-3)
    np.testing.assert_allclose(a["limit"][:, :, 0], 2 / np.pi, rtol=1e-9)  # Q = I in any basis
    assert a["limit"][0, 2, 3].min() > 1000 > 2 > a["limit"][1].max()


# Sentences


@pytest.fixture(scope="module")
def sentences() -> FigureData:
    return sentence_map.sentence_map(Level.QUICK)


def test_sentence_map_counts_what_its_gaps_say(sentences: FigureData) -> None:
    a = sentences.arrays
    tests = (
        lambda gap: gap >= 1,
        lambda gap: gap >= 1,
        lambda gap: np.abs(gap) <= 1,
        lambda gap: np.abs(gap) <= 1,
        lambda gap: np.abs(gap) <= 1,
        lambda gap: np.abs(gap) <= 0.5,
        lambda gap: gap >= 1,
        lambda gap: gap <= -0.5,
    )
    for k, test in enumerate(tests):
        np.testing.assert_array_equal(a["share"][k], np.mean(test(a["gap"][k]), axis=-1))
    assert np.all((a["low"] <= a["share"]) & (a["share"] <= a["high"]))
    # Rows of the two orientations differ by the gap that compares them, and only in SSD: the starts are the same.
    assert a["gap"].shape == (8, 2, 4, sentences.inputs["seeds"])
    assert np.isinf(a["start"][-1])


def test_sentence_map_without_noise_by_plain_line_searches(sentences: FigureData) -> None:
    """The same draws, descended along Q delta and along its sign with exact line searches."""
    from quadratics import ill_conditioned_eigenvalues, random_rotation

    seeds = sentences.inputs["seeds"]
    rng = np.random.default_rng(2018)
    values = ill_conditioned_eigenvalues(100, rng, batch=(seeds,))
    rotation = random_rotation(100, rng, batch=(seeds,))
    unit = rng.standard_normal((1, seeds, 100))[0]

    def log_descent(hessian: np.ndarray, delta: np.ndarray, steps: int, sign: bool) -> float:
        for _ in range(steps):
            slope = hessian @ delta
            move = np.sign(slope) if sign else slope
            delta = delta - (slope @ move) / (move @ hessian @ move) * move
        return float(np.log10(delta @ hessian @ delta / 2))

    gap = sentences.arrays["gap"][:, 0, -1]  # after 10 steps, no noise
    for seed in range(seeds):
        axis = np.diag(values[seed]), unit[seed]
        turned = (rotation[seed] * values[seed]) @ rotation[seed].T, rotation[seed] @ unit[seed]
        ends = {(k, sign): log_descent(*pair, 10, sign) for k, pair in enumerate((axis, turned)) for sign in (0, 1)}
        np.testing.assert_allclose(gap[7, seed], ends[0, 1] - ends[0, 0], atol=1e-6)
        np.testing.assert_allclose(gap[5, seed], ends[1, 1] - ends[1, 0], atol=1e-6)
        np.testing.assert_allclose(gap[6, seed], ends[1, 1] - ends[0, 1], atol=1e-6)


def test_sentence_map_full_level_is_the_study_of_the_claims() -> None:
    from proofs_check.claim import Budget
    from proofs_check.dissecting_adam import panels

    seeds, every, horizons = sentence_map.SIZE[Level.FULL]
    assert seeds == panels.seeds(Budget.FULL) and every == 1
    assert horizons == panels.horizons(True, True, Budget.FULL)
    quick = panels.panel("ill", False, True, Budget.QUICK)
    again = panels.scan("ill", False, True, panels.seeds(Budget.QUICK), quick.starts, quick.horizons)
    np.testing.assert_array_equal(quick.sign, again.sign)


def test_sentence_map_asks_the_domain_of_the_claims(sentences: FigureData) -> None:
    asked = sentences.arrays["asked"]  # steps 10 and 50; s / nu = 0.01, 10, 10^4, infinity
    np.testing.assert_array_equal(asked[0], [[0, 0, 0, 1], [0, 0, 0, 1]])
    np.testing.assert_array_equal(asked[2], [[1, 1, 0, 0], [1, 1, 0, 0]])
    np.testing.assert_array_equal(asked[4], [[1, 1, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(asked[7], [[0, 1, 1, 1], [0, 1, 1, 1]])


def test_rows_name_existing_sentences_and_captions_count_cells(sentences: FigureData) -> None:
    from proofs_check.dissecting_adam import sentences as claims

    for row in sentence_map.ROWS:
        sentence = getattr(claims, row.sentence)
        assert (row.rotated is None) == (sentence.gap == "rotated - axis-aligned")
        assert row.rotated is None or row.rotated in sentence.orientations
        assert row.label.startswith(f"{sentence.spectrum}-conditioned")
    assert signs.sentence_caption(sentences).count(": holds in") == len(sentence_map.ROWS)


def test_figures_and_claims_name_each_other() -> None:
    from proofs_check.dissecting_adam import claims

    named = {claim.id: set(claim.figures) for claim in claims()}
    for figure in theory.FIGURES:
        assert set(figure.claims) <= set(named)
        assert any(figure.id in named[claim] for claim in figure.claims)
