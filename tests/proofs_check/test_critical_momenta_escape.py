"""Verdicts of the two-well experiments, and the two codes behind them against each other."""

from __future__ import annotations

from dataclasses import asdict, replace
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest

from analysis.landscapes import TwoWell
from analysis.runs import run
from analysis.toys import READINGS, Method, Starts, Wells, reached_flat, well_ends, with_options
from proofs_check.checks.orderings import Ordering, Study, errors, ordering, paired
from proofs_check.claim import Budget, Missing, Sampled, Witness, rejects
from proofs_check.critical_momenta import (
    escape,
    escape_cause,
    nine_runs,
    open_choices,
    plain,
    plain_outcomes,
    what_is_stored,
)
from proofs_check.critical_momenta.toy_runs import Arm, Level, values
from proofs_check.judge import judge_claim

VERDICTS = {
    "larger-buffer-overshoots-more": "refuted",
    "figure-5-1d-trajectories": "supported",
    "figure-6-escape-10d": "supported",
    "figure-7-left-escape-1d": "refuted",
    "figure-7-right-buffer-size": "refuted",
    "escape-cause": "corrected",
    "figures-17-18-sensitivity": "corrected",
}
CLAIMS = [*escape.CLAIMS, *escape_cause.CLAIMS, *nine_runs.CLAIMS]


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_verdict(claim: object) -> None:
    entry = judge_claim(claim, Budget.QUICK)  # type: ignore[arg-type]
    assert entry["verdict"] == VERDICTS[entry["id"].partition("/")[2]], entry["evidence"].get("error")
    assert entry["control"]["caught"] and entry["control"]["parts"]


# --- the plain code is the rules' code by another hand ---


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("name", ["Adam", "Adam+SAM", "Adam+CG", "Adam+CM", "Adam+SAM+CM", "Adam+MEG"])
def test_plain_code_follows_the_rules(name: str, reading: str) -> None:
    for capacity in (0, 3):
        method = with_options(Method(name, capacity=capacity, drop=6), reading)  # type: ignore[arg-type]
        study = Wells((5.0,), Starts(-5.0, 5.0, 2, 20, seed=3), steps=12)
        again = plain.ends(plain.well_gradient(5.0), study.starts.points(), asdict(method), 12)
        np.testing.assert_allclose(well_ends(method, study)[0], again, atol=1e-9)


def test_adam_by_hand_in_rationals() -> None:
    # Two steps of Adam on x^2 from 1 at beta1 = 9/10, beta2 = 99/100: the second one needs both corrections.
    x = Fraction(1)
    step = Fraction(1, 20)
    first = x - step  # m_hat / sqrt(v_hat) = g / |g|
    m = Fraction(9, 10) * Fraction(1, 10) * 2 + Fraction(1, 10) * 2 * first
    v = Fraction(99, 100) * Fraction(1, 100) * 4 + Fraction(1, 100) * (2 * first) ** 2
    second = (
        float(first) - float(step) * float(m / (1 - Fraction(81, 100))) / float(v / (1 - Fraction(99, 100) ** 2)) ** 0.5
    )
    found = run(Method("Adam").rule(), TwoWell(5.0), np.array([[-1.0]]), 2).params[0, 0]
    np.testing.assert_allclose(-found, second, rtol=1e-7)


def test_first_step_of_stored_momenta_is_ten_steps_of_adam() -> None:
    # v of (5) averages squares of uncorrected momenta: what the claim on the cause says of the first step.
    start = np.array([[-3.0]])
    for capacity, options, size in ((0, (), 0.5), (5, (), 0.5), (5, READINGS["v of the corrected aggregate"], 0.05)):
        method = Method("Adam+CM", capacity=capacity, options=options)
        moved = run(method.rule(), TwoWell(5.0), start, 1).params
        np.testing.assert_allclose(abs(moved - start), size, rtol=1e-6)


def test_order_of_figure_6_in_the_plain_code() -> None:
    arms = {
        name: Arm(Method(name, capacity=20, decay=0.99), "wells", -5.0, 5.0, "basin", 10, 500, 100.0, (100.0,))
        for name in ("Adam+CG", "Adam+CM")
    }
    mean, other, error = plain_outcomes.difference(arms["Adam+CM"].record(), arms["Adam+CG"].record(), 150, 4)
    assert mean - other > 4 * error
    assert abs(values(arms["Adam+CM"], 150, 0).mean() - mean) < 0.15


def test_outcomes_that_leave_out_starts() -> None:
    study = Wells((5.0,), Starts(-5.0, 5.0, 1, 200))
    escaped = reached_flat(Method("Adam"), study, "escaped")[0]
    basin = reached_flat(Method("Adam"), study, "basin")[0]
    inside = study.starts.points()[:, 0] < np.sqrt(5) / (1 + np.sqrt(5))
    assert np.array_equal(np.isnan(escaped), inside)
    assert np.array_equal(escaped[~inside], basin[~inside])


# --- the check of orderings ---


def _study(shift: float, again: float) -> Study:
    def sample(names: tuple[str, ...], count: int, seed: int) -> dict[str, np.ndarray]:
        noise = np.random.default_rng(seed).standard_normal((2, count))
        return {"a": noise[0] + shift, "b": noise[1]}

    return Study(sample, lambda a, b, count, seed: (again, 0.0, 0.1), lambda name: name, "violated = True")


def test_ordering_tells_the_three_cases() -> None:
    def judged(shift: float) -> object:
        return ordering(Ordering(_study(shift, shift), (("a", "b"),), (400, 400)), Budget.QUICK)[0]

    assert isinstance(judged(1.0), Sampled)
    assert isinstance(judged(-1.0), Witness)
    assert isinstance(judged(0.0), Missing)
    assert rejects(ordering(Ordering(_study(-1.0, -1.0), (("a", "b"),)), Budget.QUICK))


def test_witness_needs_the_second_code() -> None:
    found = ordering(Ordering(_study(-1.0, +1.0), (("a", "b"),)), Budget.QUICK)[0]
    assert isinstance(found, Witness) and not found.stands


def test_second_code_that_does_not_tell_leaves_the_pair_open() -> None:
    found = ordering(Ordering(_study(-1.0, -0.2), (("a", "b"),), (400, 400)), Budget.QUICK)[0]
    assert isinstance(found, Missing) and "second code" in found.what


def test_intervals_are_wider_for_more_pairs() -> None:
    # Quantiles of the normal distribution from tables: 0.995 and 0.9995.
    assert errors(1) == pytest.approx(2.5758, abs=1e-4)
    assert errors(10) == pytest.approx(3.2905, abs=1e-4)
    weak = Ordering(_study(0.2, 0.2), (("a", "b"),), (400, 400))  # 2.83 standard errors
    assert isinstance(ordering(weak, Budget.QUICK)[0], Sampled)

    def sample(names: tuple[str, ...], count: int, seed: int) -> dict[str, np.ndarray]:
        return dict(weak.study.sample(names, count, seed)) | {"c": np.full(count, -9.0)}

    several = Ordering(replace(weak.study, sample=sample), (("a", "b"), ("a", "c"), ("b", "c")), (400, 400))
    assert isinstance(ordering(several, Budget.QUICK)[0], Missing)


def test_a_quick_run_looks_at_the_named_pairs_only() -> None:
    statement = Ordering(_study(1.0, 1.0), (("b", "a"), ("a", "b")), (400, 400), quick=(("a", "b"),))
    assert isinstance(ordering(statement, Budget.QUICK)[0], Sampled)
    assert statement.reverse().quick == (("b", "a"),)
    assert statement.only(lambda p: p[0] == "a").pairs == (("a", "b"),)
    assert isinstance(ordering(statement, Budget.FULL)[0], Witness)


# --- open choices ---


def test_choices_change_what_they_name() -> None:
    arm = Arm(Method("Adam+CM"), "wells", -5.0, 5.0, "basin", 1, 500, 5.0, (5.0,))
    adam = replace(arm, method=Method("Adam"))
    wide = open_choices.RUNS["(b) twice the cube"](arm)
    assert (wide.low, wide.high) == (-10.0, 10.0)  # type: ignore[union-attr]
    order = open_choices.RULES["(c) insertion first"]
    assert order(arm).method.options == (("order", "insert"),) and order(adam) is adam  # type: ignore[union-attr]
    assert open_choices.RULES["(f) no bias correction"](adam).method.options == (("debias", False),)  # type: ignore[union-attr]
    assert open_choices.BUFFERS["(20, 0.99)"](arm).method.capacity == 20  # type: ignore[union-attr]
    level = Level(1.0)
    assert all(change(level) is level for change in (open_choices.RUNS | open_choices.RULES).values())


def test_pairs_under_choices() -> None:
    arms = {name: Arm(Method(name), "wells", -5.0, 5.0, "basin", 1, 5, 5.0, (5.0,)) for name in ("Adam", "Adam+CM")}  # type: ignore[arg-type]
    made = open_choices.under(open_choices.RUNS, arms, [("Adam+CM", "Adam")], (7, 9), ["as printed"])
    assert len(made.pairs) == len(open_choices.RUNS) and made.quick == (("as printed: Adam+CM", "as printed: Adam"),)
    found = made.study.sample(tuple(made.quick[0]), 7, 0)
    np.testing.assert_array_equal(found["as printed: Adam"], values(arms["Adam"], 7, 0))


@pytest.mark.parametrize("outcome", ["basin", "any", "share", "ever", "near", "escaped", "product"])
def test_both_codes_see_the_same_outcomes(outcome: str) -> None:
    arm = Arm(Method("Adam+CG", capacity=3), "wells", -5.0, 5.0, outcome, 2, 120, 2.0, (2.0,), within=0.2)
    draw = np.random.default_rng
    first = values(arm, 60, 0)
    with patch.object(np.random, "default_rng", lambda seed: draw(seed[:2])):
        second = plain_outcomes.outcomes(arm.record(), 60, 0)
    np.testing.assert_allclose(first, second, atol=1e-12)
    assert np.isfinite(first).any()


def test_pairs_must_be_given() -> None:
    with pytest.raises(ValueError, match="pairs must not be empty"):
        ordering(Ordering(_study(0.0, 0.0), ()), Budget.QUICK)


def test_paired_differences_use_the_shared_starts() -> None:
    x = np.random.default_rng(0).standard_normal(500)
    difference, error = paired(10 * x + 0.1, 10 * x)
    np.testing.assert_allclose([difference, error], [0.1, 0.0], atol=1e-10)
    assert paired(np.ones(50), np.ones(50)) == (0.0, 1 / 50)
    with pytest.raises(ValueError, match="no start counts"):
        paired(np.array([np.nan]), np.array([1.0]))


def test_a_queue_of_gradients_or_of_momenta_gives_one_numerator() -> None:
    # By convolution: 0.1 * 0.9^k and (1, 1/7, ..., 1/7) commute; the second averages of the two methods do not agree.
    rng = np.random.default_rng(8)
    g = rng.uniform(1.0, 1.4, 60) * rng.choice([-1.0, 1.0], 60)
    memory, window = 0.1 * 0.9 ** np.arange(60), np.r_[1.0, np.full(7, 1 / 7)]
    aggregate = np.convolve(g, window)[:60]
    first = np.convolve(aggregate, memory)[:60]
    assert np.allclose(first, np.convolve(np.convolve(g, memory)[:60], window)[:60], atol=1e-12)
    squares = [np.convolve(x**2, 0.01 * 0.99 ** np.arange(60))[59] for x in (aggregate, first)]
    assert squares[0] > 3 * squares[1]


def test_adam_cg_with_the_other_square_runs_alike_in_both_codes() -> None:
    setting = what_is_stored.Setting(2, 5, 0.7, 5.0)
    start = np.random.default_rng(5).uniform(-5, 5, (50, 2))
    method = asdict(Method("Adam+CG", capacity=5, decay=0.7)) | {"options": (("square", "average"),)}
    again = plain.ends(plain.well_gradient(5.0), start, method, 500)
    assert np.mean(np.abs(what_is_stored._average_squared(setting, start) - again) < 1e-6) > 0.9
