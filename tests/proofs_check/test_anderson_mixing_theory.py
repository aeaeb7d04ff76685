"""Section 3 of the Anderson mixing paper: verdicts, and the mathematics behind them by other means."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import product
from math import ceil, e, sqrt

import numpy as np
import pytest

from optassay.optimizers.anderson import StochasticAnderson
from proofs_check.anderson_mixing import (
    adasam_conditions,
    almost_surely,
    complexity,
    conditions,
    descent,
    random_output,
    rates,
    sam,
    series,
    theorem_5,
    theorem_5_bound,
    tiny,
    update_bounds,
    update_structure,
)
from proofs_check.anderson_mixing import one_step as one_step_module
from proofs_check.anderson_mixing.one_step import OneStep, one_step, proof, sharp_noise
from proofs_check.anderson_mixing.theorem_5_proof import decrease_proof
from proofs_check.claim import Budget, Claim, rejects
from proofs_check.judge import judge_claim

VERDICTS = {
    "parameter-conditions-satisfiable": "proved",
    "theorem-1-liminf": "proved",
    "theorem-1-bounded-expectation": "proved",
    "theorem-2-limit": "proved",
    "theorem-3-rate": "proved",
    "theorem-3-complexity": "proved",
    "theorem-4-random-output": "proved",
    "theorem-4-batch-size": "proved",
    "random-output-improves-complexity": "corrected",
    "theorem-5-feasibility": "proved",
    "theorem-5-bound": "corrected",
    "theorem-5-sfo-complexity": "proved",
    "update-matrix-depends-on-batch": "proved",
    "descent-lower-bound": "proved",
    "update-norm-bound": "proved",
    "update-norm-bound-uniform": "proved",
    "adasam-curvature-heuristic": "proved",
    "adasam-inherits-theorems": "corrected",
}
CLAIMS = [
    c
    for m in (conditions, rates, complexity, random_output, theorem_5, descent, update_bounds, adasam_conditions)
    for c in m.CLAIMS
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS[claim.id.partition("/")[2]], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]


def test_every_claim_of_the_section_is_there() -> None:
    assert sorted(c.id.partition("/")[2] for c in CLAIMS) == sorted(VERDICTS)


def _norm(d: int, m: int, alpha: float, beta: float, delta: float, rng: np.random.Generator) -> float:
    """Spectral norm of H from the stacked least-squares problem, without Gram matrices."""
    x, r = rng.standard_normal((2, d, m)) * 10.0 ** rng.uniform(-2, 2, (2, 1, 1))
    stacked = np.concatenate([r, sqrt(delta) * x])
    gamma = np.linalg.pinv(stacked)[:, :d]
    return float(np.linalg.norm(beta * np.eye(d) - alpha * (x + beta * r) @ gamma, 2))


@pytest.mark.parametrize("alpha", [0.05, 0.3, 0.5, 1.0, 1.7, 2.3, -0.4])
def test_sharp_factor_of_the_norm_bound(alpha: float) -> None:
    p = np.linspace(0, 1, 100001)
    factor = float(np.max((1 - alpha * p) ** 2 + p * (1 - p)))
    if 0 <= alpha <= 0.5:
        assert factor == pytest.approx(1 + (1 - 2 * alpha) ** 2 / (4 * (1 - alpha**2)), rel=1e-8)
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(1500):
        d, m = ((1, 1), (3, 2), (2, 4))[int(rng.integers(3))]
        beta, delta = 10.0 ** rng.uniform(-1, 1), 10.0 ** rng.uniform(-2, 2)
        worst = max(worst, _norm(d, m, alpha, beta, delta, rng) ** 2 / (beta**2 + alpha**2 / delta))
    assert worst <= factor * (1 + 1e-9)
    assert worst >= 0.8 * factor
    assert (factor <= 2) == (abs(alpha - 1) <= sqrt(2))


def test_extremal_history_attains_the_factor() -> None:
    alpha, p = F(1, 10), F(1, 2)
    point = update_bounds.extremal_point(alpha, p)
    x, r, delta = point["X"][0][0], point["R"][0][0], point["delta"]
    h = 1 - alpha * (x + r) * r / (r * r + delta * x * x)
    assert h * h / (1 + alpha**2 / delta) == (1 - alpha * p) ** 2 + p * (1 - p)


def test_tiny_step_is_the_library_rule() -> None:
    problem, beta, c, mu = tiny.PROBLEMS[0], F(1, 16), F(1), F(1, 10)
    x0 = F(3)
    r0 = -problem.gradient(x0, (0,))
    x1 = x0 + beta * r0
    r1 = -problem.gradient(x1, (1,))
    h, x2 = tiny.step(x1, r1, (x0, r0), beta, c, mu)
    half = tiny.half_matrix(x1, r1, (x0, r0), beta, c / beta**2)
    alpha = float((beta - h) / half)
    rule = StochasticAnderson(
        memory=1, mixing=float(beta), damping=alpha, regularization=float(c / beta**2), positivity=None
    )
    params = np.array([float(x0)])
    state = rule.init(params)
    for r in (r0, r1):
        params, state = rule.step(params, np.array([-float(r)]), state)
    assert params[0] == pytest.approx(float(x2), rel=1e-10)


def test_one_step_rejects_a_missing_noise_term() -> None:
    assert rejects(one_step(OneStep(F(3, 8), lambda lip, mu, c: 0 * lip), Budget.QUICK))
    assert not rejects(one_step(OneStep(F(3, 8), sharp_noise), Budget.QUICK))


def test_tree_probabilities_and_variance() -> None:
    for problem, n in product(tiny.PROBLEMS, (1, 2)):
        tree = tiny.levels(problem, F(3), [F(1, 16)] * 2, F(1), F(1, 2), n)
        assert all(sum(node.probability for node in level) == 1 for level in tree)
        values = [problem.gradient(F(3), s) for s in problem.batches(n)]
        spread = sum(v * v for v in values) / len(values) - problem.gradient(F(3)) ** 2
        assert spread == problem.variance(F(3)) / n


def test_batch_size_in_integers() -> None:
    for calls, ratio in product((1, 7, 100, 12345), (F(1, 50), F(1), F(37, 10), F(500))):
        assert complexity.batch_size(calls, ratio) == ceil(min(calls, max(1, float(ratio) * sqrt(calls))))


def test_second_moments_three_ways() -> None:
    lip, spread, beta, q, loops = 0.7, 2.0, 0.3, 4, 2
    recursion = theorem_5_bound.second_moments(lip, spread, beta, q, loops, 1.0)
    assert recursion == pytest.approx(theorem_5_bound.by_paths(lip, spread, beta, q, loops, 1.0), rel=1e-12)
    mean = theorem_5_bound.by_matrix(lip, spread, beta, q, loops, 1.0)
    assert mean == pytest.approx(sum(recursion) / len(recursion), rel=1e-12)


def test_best_parameter_of_theorem_5() -> None:
    lip, mu, kappa, n = 2.0, 0.5, 1.3, 4
    k = (2 * lip + 1 / mu) * (e - 1) / lip
    a, b, c = mu / (2 * kappa), 2 * n + k, 2 * k * n
    best = (-b + sqrt(b * b + 3 * a * c)) / (3 * c)
    grid = np.linspace(1e-6, 0.2, 200001)
    values = theorem_5_bound.condition(grid, mu, kappa, lip, n, e)
    assert grid[np.argmax(values)] == pytest.approx(best, rel=1e-3)
    assert float(np.max(values)) == pytest.approx(best * (2 * a - b * best) / 3, rel=1e-6)
    root = (-b + sqrt(b * b + 4 * a * c)) / (2 * c)
    assert theorem_5_bound.condition(root, mu, kappa, lip, n, e) == pytest.approx(0, abs=1e-15)


def test_complexity_factor_two_is_the_smallest() -> None:
    c1, c2, eps = 100.0, 1.0, 0.1
    assert c1 / sqrt(c1**2 / eps**2 + 2 * c2 / eps) + c2 / (c1**2 / eps**2 + 2 * c2 / eps) <= eps
    calls = c1**2 / eps**2 + 1.9 * c2 / eps
    assert c1 / sqrt(calls) + c2 / calls > eps


@pytest.mark.parametrize("problem", tiny.PROBLEMS)
def test_rational_tree_agrees_with_floating_point(problem: tiny.FiniteSum) -> None:
    betas = [F(1, 16), F(1, 25), F(1, 9), F(1, 4)]
    tree = tiny.levels(problem, F(3), betas, F(1, 2), F(1, 2), 1)
    exact = [float(tiny.mean(level, problem.squared_gradient)) for level in tree[:-1]]
    rough = tiny.float_gradients(problem, 3.0, [float(v) for v in betas], 0.5, 0.5, 1)
    assert rough == pytest.approx(exact, rel=1e-5)  # the rational square root is cut at 1e-6


def test_potential_of_theorem_5_by_recursion() -> None:
    """The weights c_t run backwards in numbers: what is left of every step is n nu / (L T^(2/3)) or more."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        lip, c, mu, n = *10.0 ** rng.uniform(-2, 2, 2), rng.uniform(0.05, 0.95), int(rng.integers(1, 6))
        total, kappa = int(rng.integers(n, 400)), sqrt(1 + 1 / c)
        k = (2 * lip + 1 / mu) * (e - 1) / lip
        mu0 = rng.uniform(0.05, 1.0) * mu / (2 * kappa) / (2 * n + k)
        nu = theorem_5_bound.condition(mu0, mu, kappa, lip, n, e)
        beta = mu0 * n / (lip * kappa * total ** (2 / 3))
        d0 = 6 + 2 / (lip * kappa)
        q, zeta, omega = int(total / (mu0 * n * d0)), lip / (d0 * total ** (1 / 3)), lip / sqrt(n)
        theta = beta * kappa * zeta + 2 * beta**1.5 * kappa * omega + (beta * kappa * omega) ** 2
        weight, left = 0.0, []
        for _ in range(q):
            left.append(
                0.75 * beta * mu - lip * (beta * kappa) ** 2 / 2 - weight * beta * kappa * (1 / zeta + beta * kappa)
            )
            weight = (1 + theta) * weight + (beta * kappa * omega) ** 2 * (lip / 2 + 1 / mu)
        assert q >= 1 and min(left) >= n * nu / (lip * total ** (2 / 3))


def test_proof_of_theorem_5_rejects_a_weaker_condition() -> None:
    def weaker(mu0, mu, kappa, lip, n, euler):  # the third term ten times smaller
        k = (2 * lip + 1 / mu) * (euler - 1) / lip
        return theorem_5_bound.condition(mu0, mu, kappa, lip, n, euler) + F(9, 10) * mu0**2 * k

    assert rejects(decrease_proof(weaker, Budget.QUICK))
    assert not rejects(decrease_proof(theorem_5_bound.condition, Budget.QUICK))


def test_theorem_5_with_rough_single_gradients_is_proved_to_be_repaired() -> None:
    (claim,) = (c for c in theorem_5.CLAIMS if c.id.endswith("theorem-5-bound"))
    part = judge_claim(claim, Budget.QUICK)["evidence"]["parts"][0]
    assert (part["verdict"], part["repair"]["verdict"]) == ("corrected", "proved")


def test_falls_are_counted_once_each() -> None:
    assert almost_surely.count_falls([2, 1.5, 1, 0.5, 1.9, 1, 2, 3, 0], 1) == 2
    assert almost_surely.count_falls([1.9, 0.1, 1.9, 0], 1) == 0


def test_paths_carry_their_probabilities() -> None:
    problem = tiny.PROBLEMS[2]
    tree = tiny.levels(problem, F(3), [F(1, 16), F(1, 25), F(1, 9)], F(1, 2), F(1, 2), 1)
    paths = almost_surely._paths(problem, tree)
    assert sum(p for p, _ in paths) == 1
    for k, level in enumerate(tree):
        assert sum(p * seen[k] ** 2 for p, seen in paths) == tiny.mean(level, problem.squared_gradient)


def test_large_gradients_and_falls_of_many_runs() -> None:
    """f = x^2/2, noise +-1, alpha = 0: both bounds of almost_surely, V written out again."""
    rng, count, horizon, mu, c = np.random.default_rng(2), 4000, 300, 0.9, 1.0
    kappa2 = 1 + 1 / c
    betas = mu / (4 * kappa2) * np.arange(1, horizon + 1) ** -0.6
    x = np.full(count, 1.5)
    seen = [x]
    for beta in betas:
        x = x - beta * (x + rng.choice((-1.0, 1.0), count))
        seen.append(x)
    sizes = np.abs(np.array(seen))
    v = 8 / (3 * mu) * (1.5**2 / 2 + kappa2 * (1 + 1 / mu) / 2 * np.sum(betas**2))
    for first, level in ((0, 0.05), (100, 0.02), (0, 0.5)):
        share = np.mean(np.min(sizes[first:-1], axis=0) >= level)
        assert share <= v / (level**2 * np.sum(betas[first:]))
    for eps in (0.05, 0.2):
        mean = np.mean([almost_surely.count_falls(run, eps) for run in sizes.T[:500]])
        assert 0 < mean <= sqrt(kappa2) / eps * (1 / eps + 1 / eps**2) * v


def test_probability_of_large_gradients_rejects_a_smaller_bound() -> None:
    check, statement = almost_surely.smallest_gradient, almost_surely.SmallestGradient
    assert rejects(check(statement(F(1, 10)), Budget.QUICK))
    assert not rejects(check(statement(F(8, 3)), Budget.QUICK))


@pytest.mark.parametrize(("p", "order"), [(0.0, 2.0), (0.25, 2.0), (0.5, 2.0), (0.75, 4.0)])
def test_order_of_the_total_calls_by_the_best_batch(p: float, order: float) -> None:
    """Least n N with N^(p-1) + N^-p / n <= eps, by search over n: its growth from eps = 1e-4 to 1e-6."""
    found = []
    for eps in (1e-4, 1e-6):
        n = np.logspace(0, -1.2 * np.log10(eps), 3001)
        low, high = np.zeros_like(n), np.full_like(n, 80.0)  # log N by bisection: the sum falls with N
        for _ in range(200):
            mid = 0.5 * (low + high)
            good = np.exp((p - 1) * mid) + np.exp(-p * mid) / n <= eps
            low, high = np.where(good, low, mid), np.where(good, mid, high)
        good = np.exp((p - 1) * high) + np.exp(-p * high) / n <= eps * (1 + 1e-9)
        found.append(np.min((np.log(n) + high)[good]))
    assert (found[1] - found[0]) / np.log(100) == pytest.approx(order, abs=0.02)


def test_uniform_random_output_is_the_average() -> None:
    check, statement = random_output.output_rule, random_output.OutputRule
    assert rejects(check(statement(F(999, 1000), "<="), Budget.QUICK))
    assert not rejects(check(statement(F(1), "=="), Budget.QUICK))
    assert rejects(random_output.total_order(lambda p: 2 - p, Budget.QUICK))


def test_adasam_requirements_by_hand() -> None:
    """X = 1, R = -2, beta = 1/16, c2 = 1: Y R / Z = 2 (2 beta - 1) / (4 + 256) < 0, so (14) leaves alpha at 1 > 1/4."""
    check, statement = adasam_conditions.inherits, adasam_conditions.Inherits
    (witness,) = check(statement(("alpha <= beta^(1/2)",), "line 9", (F(1),)), Budget.QUICK)
    assert witness.stands and witness.second.left > witness.second.right
    assert not rejects(check(statement(("(14)", "delta"), "line 9", (F(1),)), Budget.QUICK))
    assert rejects(check(statement(("step bound",), "imposed", (F(1),)), Budget.QUICK))
    assert rejects(check(statement(("delta",), "line 9", (F(0),)), Budget.QUICK))


@pytest.mark.parametrize("name", ["delta", "alpha", "sign"])
def test_bounds_rest_on_the_update_matrix_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(step, pinv):
        if name == "delta":
            return sam.update_matrix(step._replace(delta=2 * step.delta), pinv)
        inner = step.y @ pinv(step.z) @ step.r.T
        factor = step.alpha**2 if name == "alpha" else -step.alpha
        return step.beta * step.eye(0) - factor * inner

    monkeypatch.setattr(update_structure, "update_matrix", other)
    assert rejects(update_structure.structure(Budget.QUICK))
    assert rejects(proof(OneStep(F(3, 8), sharp_noise), Budget.QUICK))
    assert rejects(decrease_proof(theorem_5_bound.condition, Budget.QUICK))


def test_descent_is_not_proved_without_14() -> None:
    check, statement = descent.descent, descent.Descent
    for factor, deltas in ((F(1, 10**6), ("10000000",)), (F(1, 2), ("3",))):
        assert rejects(check(statement("regularisation", factor, deltas), Budget.QUICK))
    assert rejects(check(statement("(14)", F(10001, 10000)), Budget.QUICK))
    assert not rejects(check(statement("(14)", F(99, 100)), Budget.QUICK))


RATE = {"first": lambda lip, mu, c: 16 * lip * (1 + 1 / c) / mu**2, "noise": lambda lip, mu: 1 + 1 / (lip * mu)}
EIGHT_THIRDS = F(8, 3)


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        (almost_surely.smallest_gradient, almost_surely.SmallestGradient(EIGHT_THIRDS, lambda v, a, b: v / (a**3 * b))),
        (almost_surely.smallest_gradient, almost_surely.SmallestGradient(EIGHT_THIRDS, lambda v, a, b: v / a**2)),
        (almost_surely.smallest_gradient, almost_surely.SmallestGradient(EIGHT_THIRDS * F(99, 100))),
        (
            almost_surely.falls,
            almost_surely.Falls(lambda eps, s: 1 / eps + s / eps**2, lambda lip, k, b, v, eps: 0.99 * lip * k * b * v),
        ),
        (almost_surely.falls, almost_surely.Falls(lambda eps, s: F(99, 100) * (1 / eps + s / eps**2))),
        (rates.rate, rates.Rate(**RATE, power=lambda r: r - F(101, 100))),
        (rates.rate, rates.Rate(**RATE, power=lambda r: -r)),
        (rates.rate, rates.Rate(**RATE, tail=lambda n, r: n**-r - F(101, 100) * r / n)),
        (complexity.iterations, complexity.Iterations(lambda r: 1 / (1 - r), ("499/1000", "3/4"))),
        (complexity.batch_rule, complexity.BatchRule(first=lambda *v: F(99, 100) * complexity.first_constant(*v))),
        (complexity.batch_rule, complexity.BatchRule(F(2), second=lambda *v: complexity.second_constant(*v) / 2)),
        (theorem_5_bound.variance_reduced_bound, theorem_5_bound.Smoothness(True, F(99, 100))),
        (theorem_5_bound.variance_reduced_bound, theorem_5_bound.Smoothness(True, F(1, 2))),
    ],
)
def test_wrong_exponents_and_constants_of_the_bounds_are_not_accepted(check, statement) -> None:
    assert rejects(check(statement, Budget.QUICK))


def test_the_one_step_decrease_needs_the_bound_on_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = OneStep(F(3, 8), sharp_noise)
    assert not rejects(proof(statement, Budget.QUICK))
    for wrong in (lambda lip, mu, c: F(101, 400) * mu / (lip * (1 + 1 / c)), lambda lip, mu, c: mu / (4 * lip)):
        monkeypatch.setattr(one_step_module, "largest_step", wrong)
        assert rejects(proof(statement, Budget.QUICK))


def test_theorem_4_is_proved_of_the_bound_that_the_decrease_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = complexity.average_bound
    monkeypatch.setattr(complexity, "average_bound", lambda *v: F(99, 100) * whole(*v))
    assert rejects(complexity.existence(complexity.Existence(), Budget.QUICK))
    assert rejects(complexity.batch_rule(complexity.BatchRule(), Budget.QUICK))


@pytest.mark.parametrize("name", ["series_bound", "right_side"])
def test_the_sums_are_proved_of_the_stated_right_side(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = series if name == "series_bound" else theorem_5_bound
    whole = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *numbers: F(101, 100) * whole(*numbers) - whole(*numbers) / 50)
    if name == "series_bound":
        assert rejects(series.weighted(series.Weighted(F(4)), Budget.QUICK))
        assert rejects(series.expected_value(series.ExpectedValue(sharp_noise), Budget.QUICK))
    else:
        assert rejects(theorem_5_bound.variance_reduced_bound(theorem_5_bound.Smoothness(True), Budget.QUICK))


def test_a_fixed_damping_does_not_meet_14_whatever_the_penalty() -> None:
    """X / R = t: Y R / Z = (t + beta) / (1 + t^2 / beta^2) exceeds beta / 2 at t = beta / 10, c2 = 1."""
    check, statement = adasam_conditions.inherits, adasam_conditions.Inherits
    for c2 in (F(1), F(100)):
        assert rejects(check(statement(("(14)",), "fixed", (c2,)), Budget.QUICK))
    assert rejects(check(statement(("(14)",), "fixed", (F(10**6),)), Budget.QUICK))  # the search is too coarse here
    for rule in ("line 9", "imposed"):
        assert not rejects(check(statement(("(14)",), rule, (F(1),)), Budget.QUICK))
    assert adasam_conditions.damping("imposed", F(1, 16), F(1, 2)) == F(1, 4)


def test_rescaling_in_numbers() -> None:
    """H of s f with beta / s: H / s exactly where delta follows as s^2."""
    rng = np.random.default_rng(5)
    x, r = rng.standard_normal((2, 5, 2))
    s, alpha, beta, delta = 3.7, 0.6, 0.4, 0.3

    def h(r: np.ndarray, beta: float, delta: float) -> np.ndarray:
        return beta * np.eye(5) - alpha * (x + beta * r) @ np.linalg.inv(r.T @ r + delta * x.T @ x) @ r.T

    np.testing.assert_allclose(h(s * r, beta / s, s**2 * delta), h(r, beta, delta) / s, rtol=1e-12)
    assert np.max(np.abs(h(s * r, beta / s, delta) - h(r, beta, delta) / s)) > 1e-3
    assert rejects(conditions.rescaled({**conditions.POWERS, "delta": 0}, Budget.QUICK))
    assert rejects(conditions.rescaled({"delta": 2, "beta^(1/2)": 0}, Budget.QUICK))
    assert not rejects(conditions.rescaled(conditions.POWERS, Budget.QUICK))
