"""Claims of section 4.1 and C.1: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from analysis.games import reddi_game
from analysis.regret import play
from optassay.optimizers import Adam, AdaMomentum, AMSGrad, InverseSqrt
from proofs_check.adamomentum import (
    convex_chain,
    convex_corollary,
    convex_extensions,
    convex_games,
    convex_steps,
    convex_sums,
    convex_theorem,
)
from proofs_check.claim import Budget
from proofs_check.judge import judge_claim

EXPECTED = {
    "theorem-1-regret": "corrected",
    "theorem-1-bounded-iterates": "corrected",
    "theorem-1-monotone-second-moment": "refuted",
    "theorem-1-proof-expansion": "proved",
    "theorem-1-proof-second-moment-lower-bound": "corrected",
    "theorem-1-proof-momentum-sum": "proved",
    "equations-10-to-13": "proved",
    "theorem-1-proof-uniform-denominator": "corrected",
    "theorem-1-proof-lagged-term": "proved",
    "theorem-1-proof-telescoping": "proved",
    "theorem-1-rate-remark": "corrected",
    "corollary-1-average-regret": "corrected",
    "corollary-1-induction": "proved",
    "equation-18": "corrected",
    "equation-19": "proved",
    "debiased-version": "proved",
}
MODULES = (
    convex_theorem,
    convex_steps,
    convex_sums,
    convex_chain,
    convex_corollary,
    convex_extensions,
)
CLAIMS = {claim.id.partition("/")[2]: claim for module in MODULES for claim in module.CLAIMS}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def part(slug: str, name: str) -> dict[str, Any]:
    return next(p for p in entry(slug)["evidence"]["parts"] if p["name"].startswith(name))


def witness(slug: str, name: str) -> dict[str, float]:
    (found,) = (e for e in part(slug, name)["printed"] if e["type"] == "witness")
    return {k: float(Fraction(v)) for k, v in found["point"]["values"].items()}


def test_every_claim_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


def _momenta(grads: np.ndarray, beta1: Any, beta2: Any) -> tuple[np.ndarray, np.ndarray]:
    """m and v (T, ...) by the weighted sums instead of the recursions; constant decays."""
    steps = len(grads)
    powers = np.subtract.outer(np.arange(steps), np.arange(steps))
    kernel = np.where(powers >= 0, (1 - beta1) * beta1 ** np.maximum(powers, 0.0), 0.0)
    m = np.tensordot(kernel, grads, 1)
    return m, np.tensordot(np.where(powers >= 0, (1 - beta2) * beta2 ** np.maximum(powers, 0.0), 0.0), m**2, 1)


def test_witness_of_the_lower_bound_by_plain_arithmetic() -> None:
    w = witness("theorem-1-proof-second-moment-lower-bound", "termwise")
    grads = np.array([w["g1"], w["g2"]])
    _, v = _momenta(grads, w["beta1"], w["s"] ** 2)
    root = (v[-1] / (1 - w["s"] ** 2)) ** 0.5
    assert root < (1 - w["beta1"]) * abs(w["g2"]) - 1e-3
    assert root * (1 + w["beta1"] ** 2 / w["s"] ** 2) ** 0.5 >= (1 - w["beta1"]) * abs(w["g2"])


def test_best_constant_of_the_lower_bound_is_attained() -> None:
    b1, b2 = 0.9, 0.99
    m1 = 1.0
    m2 = -(b2 / b1) * m1
    g2 = (m2 - b1 * m1) / (1 - b1)
    left = (b2 * m1**2 + m2**2) ** 0.5
    assert left == pytest.approx((1 - b1) * abs(g2) / (1 + b1**2 / b2) ** 0.5, rel=1e-12)


@pytest.mark.parametrize(("b1", "b2"), [(0.9, 0.999), (0.9, 0.5), (0.3, 0.2)])
def test_sum_without_gamma_on_random_sequences(b1: float, b2: float) -> None:
    rng = np.random.default_rng(0)
    grads = rng.standard_normal((60, 500)) * 10.0 ** rng.integers(-3, 4, (60, 500))
    m, v = _momenta(grads, b1, b2)
    times = np.arange(1, 61)[:, None]
    total = np.sum(m**2 / np.sqrt(times * v), axis=0)
    flat = np.sqrt((1 + np.log(60)) / (1 - b2)) * np.linalg.norm(grads, axis=0)
    assert np.all(total <= flat)  # constant decay: even without the factor a


def test_sharpness_at_one_round() -> None:
    """T = 1: the sum is |g| (1 - beta1) / sqrt(1 - beta2); the printed bound exceeds it by a^3 / (1 - gamma)."""
    b1, b2, g = 0.9, 0.999, 2.0
    m, v = _momenta(np.array([g]), b1, b2)
    exact = m[0] ** 2 / v[0] ** 0.5
    assert exact == pytest.approx((1 - b1) * g / (1 - b2) ** 0.5)
    gamma = b1 / b2**0.5
    assert 1 / ((1 - b1) ** 2 * (1 - gamma)) == pytest.approx(1004.5, rel=1e-3)


@pytest.mark.parametrize("monotone", [True, False])
def test_theorem_on_random_monotone_sequences(monotone: bool) -> None:
    """Gradients chosen so that v does not fall: the printed bound holds with D to the comparator, for any decays."""
    rng = np.random.default_rng(1)
    violations, tried = 0, 0
    for _ in range(3000):
        steps = int(rng.integers(1, 7))
        b1, s = rng.uniform(0.01, 0.9), rng.uniform(0.2, 0.999)
        if b1 >= s:
            continue
        alpha, e = 10 ** rng.uniform(-2, 1), rng.uniform(-3, 3)
        m = v = 0.0
        left = second = squares = 0.0
        width = 0.0
        for t in range(1, steps + 1):
            b = b1 * (1.0 if t == 1 else rng.uniform(0, 1))
            target = rng.choice([-1, 1]) * (max(v, 1e-4) ** 0.5) * rng.uniform(1, 3)
            g = (target - b * m) / (1 - b) if monotone else rng.standard_normal()
            m = b * m + (1 - b) * g
            assert not monotone or m * m >= v
            v = s * s * v + (1 - s * s) * m * m
            left, squares, width = left + g * e, squares + g * g, max(width, abs(e))
            second += b * (t * v) ** 0.5 / alpha
            e -= alpha * m / (t * v) ** 0.5
        a, gamma = 1 / (1 - b1), b1 / s
        right = a * width**2 / 2 * ((steps * v) ** 0.5 / alpha + second)
        right += alpha * a**3 / (1 - gamma) * ((1 + np.log(steps)) / (1 - s * s)) ** 0.5 * squares**0.5
        tried += 1
        violations += left > right
    assert tried > 1000
    if monotone:
        assert violations == 0


def test_witness_of_the_literal_theorem_by_a_real_game() -> None:
    """One round of |g| |theta - theta*|: no distance between iterates, yet a regret above the last term."""
    w = witness("theorem-1-regret", "the bound, distances as printed")
    a, gamma = 1 / (1 - w["beta1"]), w["beta1"] / w["s"]
    regret = abs(w["g1"]) * abs(w["e1"])
    third = w["alpha"] * a**3 / ((1 - gamma) * (1 - w["s"] ** 2) ** 0.5) * abs(w["g1"])
    assert w["g1"] * w["e1"] > 0
    assert regret > third + 0.1


def test_witness_without_monotonicity_in_the_library() -> None:
    w = witness("theorem-1-monotone-second-moment", "the bound without it")

    class Two:
        """|theta| in the first round, nothing in the second."""

        low, high = -np.inf, np.inf

        def value(self, t: int, x: np.ndarray) -> np.ndarray:
            return np.abs(x)[..., 0] if t == 1 else 0.0 * x[..., 0]

        def gradient(self, t: int, x: np.ndarray) -> np.ndarray:
            return np.sign(x) if t == 1 else 0.0 * x

        def best(self, rounds: int, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return 0.0 * slopes, 0.0 * slopes[..., 0]

        def project(self, x: np.ndarray) -> np.ndarray:
            return x

    assert w["g1"] == -1 and w["g2"] == 0 and w["r2"] == 1
    rule = AdaMomentum(
        step_size=InverseSqrt(w["alpha"]), beta1=w["beta1"], beta2=w["s"] ** 2, epsilon=0.0, debias=False
    )
    found = play(rule, Two(), np.array([w["e1"]]), 2, bound=True)  # type: ignore[arg-type]
    assert found.bound is not None and found.monotone is not None
    assert float(found.regret[-1]) > float(found.bound.printed[-1])
    assert int(found.monotone) == 1


def test_equation_18_witness_by_plain_arithmetic() -> None:
    w = witness("equation-18", "last term with 1/sqrt(T)")
    b1, s, alpha, e, lam = (w[k] for k in ("beta1", "s", "alpha", "e1", "lam"))
    m = v = regret = width = 0.0
    steps, previous = 6, 0.0
    for t in range(1, steps + 1):
        g = 1.0 if e > 0 else -1.0
        b = b1 * lam**t
        regret, width = regret + abs(e), max(width, abs(e))
        m = b * m + (1 - b) * g
        v = s * s * v + (1 - s * s) * m * m
        assert v >= previous
        previous = v
        e -= alpha * m / (t * v) ** 0.5
    a, gamma = 1 / (1 - b1), b1 / s
    decayed = sum(lam**t * t**0.5 for t in range(1, steps + 1))
    first = a * width**2 / (2 * alpha) * (steps**0.5 + b1 * decayed)
    last = a**3 * alpha * ((1 + np.log(steps)) / (1 - s * s)) ** 0.5 / (1 - gamma)
    assert regret > first + last / steps**0.5
    assert regret < first + last * steps**0.5


def test_equation_19_by_summation() -> None:
    for lam in (0.1, 0.5, 0.9, 0.999):
        t = np.arange(1, 50_000)
        linear = float(np.sum(t * lam**t))
        assert float(np.sum(np.sqrt(t) * lam**t)) <= linear <= (1 - lam) ** -2
        assert linear == pytest.approx(lam / (1 - lam) ** 2, rel=1e-9)


def test_corrected_weights_rise() -> None:
    t = np.arange(1, 5000)
    for b1, b2 in ((0.9, 0.999), (0.5, 0.3), (0.99, 0.9999)):
        assert np.all(np.diff(t * (1 - b1**t) ** 2 / (1 - b2**t)) > 0)


def test_second_term_outgrows_the_rounds() -> None:
    """Constant decay, alternating slopes: the second term of the bound grows with power 3/2."""
    rule = AdaMomentum(step_size=InverseSqrt(0.5), beta1=0.5, beta2=0.9, epsilon=0.0, debias=False)
    found = play(rule, reddi_game(3.0), np.zeros(1), 3000, record=[300, 3000], bound=True)
    assert found.bound is not None
    growth = np.log10(float(found.bound.second[1] / found.bound.second[0]))
    assert growth == pytest.approx(1.5, abs=0.02)


def test_counterexample_at_small_and_large_memory() -> None:
    small: dict[str, Any] = {"step_size": InverseSqrt(0.5), "beta1": 0.2, "beta2": 0.1, "epsilon": 0.0, "debias": False}
    for rule, vanishes in (
        (Adam(**small), False),
        (AdaMomentum(**small), False),
        (AMSGrad(**small), True),
        (AdaMomentum(**small, amsgrad=True), True),
        (AdaMomentum(**(small | {"beta1": 0.9, "beta2": 0.99})), True),
        (Adam(**(small | {"beta1": 0.9, "beta2": 0.99})), True),
    ):
        average = float(play(rule, reddi_game(3.0), np.zeros(1), 1500).average[-1])
        assert (average < 0.1) is vanishes, (rule, average)
    in_digits = convex_games.average_in_digits(3, 300, False)
    library = float(play(AdaMomentum(**small), reddi_game(3.0), np.zeros(1), 300).average[-1])
    assert in_digits == pytest.approx(library, rel=1e-9)


def test_corrected_steps_of_section_4_2_along_a_run() -> None:
    """alpha / H <= w^_t <= a alpha / sqrt(c), c the least v_t; w_t falls while w^_t rises (from t = 12 on)."""
    b1, b2, rng = 0.9, 0.999, np.random.default_rng(0)
    m = v = 0.0
    seen, least = [], np.inf
    for t in range(1, 300):
        m = b1 * m + (1 - b1) * float(rng.uniform(0.5, 1.0))
        v = b2 * v + (1 - b2) * m * m
        seen.append(1 / ((1 - b1**t) * (v / (1 - b2**t)) ** 0.5))
        least = min(least, v)
        assert 1.0 <= seen[-1] <= 1 / (1 - b1) / least**0.5
    factor = [(1 - b2**t) ** 0.5 / (1 - b1**t) for t in range(1, 40)]
    assert int(np.argmin(factor)) + 1 == 12
