"""Theorem 1: verdicts, the enumeration against the library's rule, the exact limit against simulation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction as F

import numpy as np
import pytest

from proofs_check._encode import encode
from proofs_check.checks.search import ForAll, for_all
from proofs_check.claim import Budget, Claim, Verdict, Witness, judge, rejects
from proofs_check.dissecting_adam import theorem_1, theorem_1_proof
from proofs_check.dissecting_adam.svag_limit import limit_constant, mean_square_error
from proofs_check.dissecting_adam.svag_tree import PROBLEMS, factors, levels, mean, second_moment
from proofs_check.dissecting_adam.theorem_1_proof import library_paths
from proofs_check.judge import judge_claim, replay

VERDICTS = {
    "theorem-1-rate": "proved",
    "theorem-1-second-moment-assumption": "proved",
    "theorem-1-proof-chain": "corrected",
}
CLAIMS = [*theorem_1.CLAIMS, *theorem_1_proof.CLAIMS]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS[claim.id.partition("/")[2]], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]


def test_readings_of_the_assumption_differ() -> None:
    (claim,) = [c for c in CLAIMS if c.id.endswith("assumption")]
    parts = judge_claim(claim, Budget.QUICK)["evidence"]["parts"]
    assert [part["verdict"] for part in parts] == ["vacuous", "vacuous", "proved"]
    undecided = dataclasses.replace(claim, main_reading=None)
    assert judge_claim(undecided, Budget.QUICK)["verdict"] == "ambiguous"


@pytest.mark.parametrize("name", PROBLEMS)
def test_enumeration_agrees_with_the_library_rule(name: str) -> None:
    problem = PROBLEMS[name]
    tree = levels(name, 3)
    for t in (1, 2, 3):
        assert sum(node.probability for node in tree[t]) == 1
        weights, points = library_paths(name, t)
        values = np.array([float(problem.value(tuple(row))) for row in points])
        assert weights @ values == pytest.approx(float(mean(tree[t], lambda node: node.value)), rel=1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
def test_constants_of_the_problems_bound_their_curvature(name: str) -> None:
    problem, rng = PROBLEMS[name], np.random.default_rng(0)
    for _ in range(200):
        x, y = ([F(int(v), 8) for v in rng.integers(-30, 31, len(problem.start))] for _ in range(2))
        if x == y:
            continue
        change = [a - b for a, b in zip(problem.gradient(tuple(x)), problem.gradient(tuple(y)), strict=True)]
        gap = [a - b for a, b in zip(x, y, strict=True)]
        inner = sum(a * b for a, b in zip(change, gap, strict=True))
        size = sum(a * a for a in gap)
        assert problem.convexity * size <= inner <= problem.smoothness * size
        assert sum(q for q, _ in problem.noise(tuple(x))) == 1
        assert all(sum(q * n[i] for q, n in problem.noise(tuple(x))) == 0 for i in range(len(x)))


def test_factor_at_a_zero_gradient_is_zero() -> None:
    assert factors((F(0), F(2)), (F(1), F(4))) == (0, F(1, 2))


def test_unconditional_bound_is_below_the_conditional_one() -> None:
    tree = levels("coin", 4)
    assert max(mean(level, second_moment) for level in tree) < max(second_moment(n) for level in tree for n in level)


@pytest.mark.parametrize(("ratio", "start"), [(1.0, 1.0), (0.4, 0.5)])
def test_quadrature_of_the_error_against_simulation(ratio: float, start: float) -> None:
    rng, paths = np.random.default_rng(1), 40_000
    times = (1, 5, 40)
    expected = mean_square_error(ratio, start, times)
    delta = np.full(paths, start)
    for t in range(1, times[-1] + 1):
        factor = ratio * delta**2 / (1 + delta**2)
        delta = (1 - factor) * delta + factor * rng.standard_normal(paths)
        if t in times:
            error = np.std(delta**2) / np.sqrt(paths)
            assert np.mean(delta**2) == pytest.approx(expected[times.index(t)], abs=5 * error)


def test_first_step_of_the_quadrature_in_closed_form() -> None:
    # E delta_1^2 = (1 - a c)^2 d^2 + a^2 c^2 with c = d^2 / (1 + d^2)
    a, d = 0.7, 0.8
    c = d**2 / (1 + d**2)
    exact = (1 - a * c) ** 2 * d**2 + a**2 * c**2
    assert mean_square_error(a, d, (1,))[0] == pytest.approx(exact, rel=1e-4)


def test_limit_constant_is_the_inverse_moment_of_a_chi_square() -> None:
    from scipy.stats import chi2

    for a in (1.0, 0.5, 0.25):
        inverse = chi2(3 + 2 / a).expect(lambda v: 1 / v)
        assert limit_constant(a) == pytest.approx(inverse / a**2, rel=1e-8)
    with pytest.raises(ValueError, match="ratio"):
        mean_square_error(1.5, 1.0, (1,))


def test_sharp_noise_law_attains_the_constant() -> None:
    smooth, bound, value = 2.0, 9.0, 1.5
    constant = 2 * smooth / bound
    start = value
    for t in range(1, 100_001):
        x = np.sqrt(2 * value / smooth)
        gamma = smooth**2 * x**2 / bound
        value = smooth * x**2 * (1 - gamma) / 2
        assert value <= 1 / (1 / start + t * constant) * (1 + 1e-9)
    assert t * value * constant == pytest.approx(1.0, abs=1e-3)


def test_nodes_resolve_the_dip_around_zero() -> None:
    """At ratio one the law of the next error covers 0, where what follows dips over a width of 1 / sqrt(t)."""
    times = (250, 1000)
    default, finer, coarse = (mean_square_error(1.0, 1.0, times, 200, nodes) for nodes in (1600, 3200, 200))
    np.testing.assert_allclose(default, finer, rtol=2e-4)
    assert abs(coarse[1] / finer[1] - 1) > 0.003, "200 nodes would do as well: the docstring is out of date"
    gap = 1 - np.array(times) * default / limit_constant(1.0)
    assert gap[0] / gap[1] == pytest.approx(2, rel=0.05)  # it falls like t^(-1/2)


@pytest.mark.parametrize("statement", [theorem_1._rate, theorem_1_proof._falls, theorem_1_proof._inverses])
def test_no_constant_above_the_sharp_one_passes(statement: Callable[[F], ForAll]) -> None:
    # The two-point law attains c, so 1 + 1/100 of it is false for the class, whatever eight problems say.
    assert judge(for_all(statement(F(1)), Budget.QUICK)) is Verdict.PROVED
    assert judge(for_all(statement(F(99, 100)), Budget.QUICK)) is Verdict.PROVED
    assert rejects(for_all(statement(F(101, 100)), Budget.QUICK))


def test_witness_against_the_printed_descent_is_recomputed_from_its_problem() -> None:
    (claim,) = theorem_1_proof.CLAIMS
    found = next(e for e in claim.parts[0].check(claim.parts[0].printed, Budget.QUICK) if isinstance(e, Witness))
    point = encode(found)["point"]
    assert replay(point, found.replay)
    assert not replay(point | {"t": 0}, found.replay)  # not where the path is at t = 0
    assert replay(point | {"next f": "0"}, found.replay)  # recorded results play no part
