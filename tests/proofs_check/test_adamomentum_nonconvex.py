"""Claims of section 4.2 and C.2: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from optassay.optimizers import AdaMomentum
from proofs_check.adamomentum import (
    nonconvex_bias,
    nonconvex_conditions,
    nonconvex_derivation,
    nonconvex_lemmas,
    nonconvex_rate,
)
from proofs_check.adamomentum.nonconvex_runs import expected, instances, one_run
from proofs_check.claim import Budget
from proofs_check.judge import judge_claim

EXPECTED = {
    "theorem-2-rate": "proved",
    "theorem-2-conditions-satisfiable": "corrected",
    "corollary-2-rate": "proved",
    "theorem-5-inequality-20": "proved",
    "theorem-5-constants": "corrected",
    "lemma-5-z-sequence": "proved",
    "lemma-6-decomposition": "proved",
    "lemmas-7-to-11": "corrected",
    "equations-21-to-25": "proved",
}
MODULES = (nonconvex_rate, nonconvex_conditions, nonconvex_lemmas)
CLAIMS = {claim.id.partition("/")[2]: claim for module in MODULES for claim in module.CLAIMS}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def test_every_claim_of_the_section_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


def test_lemma_7_falls_on_a_run_of_the_optimizer() -> None:
    """f = x^2/2 from 1, beta_1 = 1/2, beta_2 = 3/4, alpha = 1, 2: gradients 1, -1, T_1 = 6 above H^2 b |delta| = 4."""
    x, w, m = np.array([1.0]), [], []
    rule = AdaMomentum(1.0, 0.5, 0.75, 0.0, debias=False)
    state = rule.init(x)
    path = [x]
    for alpha in (1.0, 2.0):
        x, state = rule.replace(step_size=alpha).step(x, x, state)
        path.append(x)
        m.append(float(state.m[0]))
        w.append(alpha / float(state.v[0]) ** 0.5)
    assert w == pytest.approx([4.0, 8.0]) and float(path[1][0]) == pytest.approx(-1.0)
    z = float(path[1][0]) + 1.0 * float((path[1] - path[0])[0])
    t1 = -z * 1.0 * (w[1] - w[0]) * m[0]
    assert t1 == pytest.approx(6.0)
    assert max(abs(float(path[0][0])), abs(float(path[1][0]))) ** 2 * 1.0 * (w[1] - w[0]) == pytest.approx(4.0)


def test_exact_and_floating_runs_agree() -> None:
    for point in list(instances(20))[30:]:
        exact, rough = expected(point), expected(point, float)
        assert [float(v) for v in exact.t] == pytest.approx([float(v) for v in rough.t], rel=1e-9, abs=1e-12)


def test_terms_of_one_step() -> None:
    terms = one_run(Fraction(1), Fraction(1), [Fraction(1, 2)], [Fraction(1, 2), Fraction(1, 3)], [Fraction(0)])
    # m_1 = 1/2, theta_2 = 3/4, c = 1, 1/2: z_2 = 3/4 - 1/8 = 5/8.
    assert terms.gain == (Fraction(25, 64) - 1) / 2
    assert terms.t[1] == -Fraction(1, 2) and terms.t[2] == Fraction(1, 8) and terms.t[0] == 0


def test_bounds_below_the_truth_are_refuted() -> None:
    for name in ("(20), a hundredth", "lemma 8, eighth", "lemma 11, nothing"):
        found = nonconvex_lemmas.on_runs(nonconvex_lemmas.Bounded(name), Budget.QUICK)
        assert type(found[0]).__name__ == "Witness"


def test_step_sizes_fall_for_as_long_as_beta_2_allows() -> None:
    """w_t >= w_{t+1} up to t + 1 = 1/(1 - beta_2) for the worst gradients: a momentum that vanishes."""
    for beta2 in (0.9, 0.99):
        last = round(1 / (1 - beta2))
        t = np.arange(1, 2 * last)
        falls = beta2 >= t / (t + 1) - 1e-12
        assert falls[: last - 1].all() and not falls[last]


def test_walk_up_the_slope() -> None:
    """The process behind the counterexample without falling w_t, run with the optimizer: it goes up and stays."""
    rng = np.random.default_rng(0)
    x = np.full((500, 1), 10.0)
    rule = AdaMomentum(1.0, 0.0, 0.0, 0.0, debias=False)
    state, lowest = rule.init(x), x.copy()
    for t in range(1, 3001):
        g = np.where(rng.random(x.shape) < 0.25, 4.0, -1.0)
        x, state = rule.replace(step_size=t**-0.5).step(x, g, state)
        lowest = np.minimum(lowest, x)
    mean = 10 + 0.5 * float(np.sum(np.arange(1, 3001) ** -0.5))
    assert float(x.mean()) == pytest.approx(mean, rel=0.01)
    assert np.mean(lowest < 0) <= np.exp(-100 / (2 * (1 + np.log(3000))))


def test_sides_of_the_walk_by_plain_arithmetic() -> None:
    left, right = nonconvex_rate._drift_sides(10**10, np.log, np.sqrt, np.exp, 1.0)
    eta = 1 + np.log(1e10)
    assert left == pytest.approx((1 - np.exp(-100 / (2 * eta))) / 16)
    assert right == pytest.approx(4 / 1e5 * (0.875 * 16 * eta + 2 * 16 + 2 * 16 + 0.25 * 10.5))
    assert right < 0.03 < 0.05 < left


def test_steps_as_an_average_and_a_remainder_in_several_dimensions() -> None:
    """u = A + D with sum |A|^2 <= sum |w g|^2 and sum |D|^2 <= b^2 H^2 sum |delta|^2, falling decays, any steps."""
    rng = np.random.default_rng(4)
    for _ in range(200):
        steps, dim = 12, 3
        decays = np.sort(rng.uniform(0, 0.95, steps))[::-1]
        w, g = rng.exponential(size=(steps, dim)), rng.uniform(-1, 1, (steps, dim))
        m, average, rest = np.zeros(dim), np.zeros(dim), np.zeros(dim)
        totals = np.zeros(4)
        for i, b in enumerate(decays):
            delta = w[i] - w[i - 1] if i else np.zeros(dim)
            average, rest = b * average + (1 - b) * w[i] * g[i], b * (rest + delta * m)
            m = b * m + (1 - b) * g[i]
            np.testing.assert_allclose(average + rest, w[i] * m, atol=1e-12)
            totals += [np.sum(v * v) for v in (average, w[i] * g[i], rest, delta)]
        ratio = decays[0] / (1 - decays[0])
        assert totals[0] <= totals[1] and totals[2] <= ratio**2 * totals[3]


def test_contributions_at_a_point() -> None:
    """L = 2, b = 3, H = 1, G = 2 by hand, H also at the z_i: C_1 = 3 + 1/2 + 36, C_3 = (3 + 36) 9, C_4 as below."""
    d = nonconvex_derivation
    at = {d.L: 2, d.B: 3, d.H: 1, d.G: 2, d.FIRST: 5, d.DROP: 7}
    found = [float(v.subs(at)) for v in d.contributions()]
    assert found == [39.5, 5, 351, 3 * 5 / 2 + 3 * 9 * 4 + 10 + 7]
    assert d.EXTRAPOLATED.subs(at) == 13


def test_uphill_run_of_the_optimizer_meets_the_hypotheses() -> None:
    x, rule = np.array([0.75]), AdaMomentum(1.0, 0.0, 0.0, 0.0, debias=False)
    state, w = rule.init(x), []
    for t in range(1, 500):
        g = -x / np.sqrt(1 + x * x)
        x, state = rule.replace(step_size=t**-0.5).step(x, g, state)
        w.append(t**-0.5 / float(state.v[0]) ** 0.5)
        assert float(state.v[0]) >= 0.36 - 1e-12
    assert np.all(np.diff(w) < 0)
    assert nonconvex_bias.least_slope(500) == pytest.approx(0.36)
    # 2 (1 + log T)/c + 2/sqrt(c) + 2 w_1 + 1/4, over sqrt(T)
    expected_bound = (2 * (1 + np.log(1e6)) * 25 / 9 + 10 / 3 + 10 / 3 + 0.25) / 1e3
    assert nonconvex_bias._bound(10**6, np.log, np.sqrt, 1.0) == pytest.approx(expected_bound)
