"""Verdicts of the experiments on Ackley, Goldstein-Price and Levy, and the second code behind them."""

from __future__ import annotations

from dataclasses import asdict
from unittest.mock import patch

import numpy as np
import pytest

from analysis.sharpness import sharpness
from analysis.toys import Method, Plane, Starts, visited
from proofs_check.claim import Budget, Exact, Missing, Witness
from proofs_check.critical_momenta import buffer_figures, levy_tables, plain, plain_outcomes, toy_tables, toys
from proofs_check.critical_momenta.toy_runs import LANDSCAPES, MEASURED, BufferArm, values
from proofs_check.judge import judge_claim

VERDICTS = {
    "figure-1-gp-trajectories": "refuted",
    "figure-2-first-steps": "ambiguous",
    "figure-4-ackley": "corrected",
    "figures-13-14-trajectories": "refuted",
    "figure-15-meg": "supported",
    "figure-16-constant-step": "corrected",
    "table-1-gp": "refuted",
    "table-1-levy": "ambiguous",
    "table-5-levy-buffer": "ambiguous",
    "figure-11-stuck-steps": "ambiguous",
    "figure-12-gp-buffer": "ambiguous",
}
CLAIMS = [*toys.CLAIMS, *toy_tables.CLAIMS, *levy_tables.CLAIMS, *buffer_figures.CLAIMS]
SQUARE = np.random.default_rng(0).uniform(-1.9, 1.9, (40, 2))


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_verdict(claim: object) -> None:
    entry = judge_claim(claim, Budget.QUICK)  # type: ignore[arg-type]
    assert entry["verdict"] == VERDICTS[entry["id"].partition("/")[2]], entry["evidence"].get("error")
    assert entry["control"]["caught"] and entry["control"]["parts"]


@pytest.mark.parametrize("name", LANDSCAPES)
def test_plain_functions_are_the_landscapes(name: str) -> None:
    landscape, function = LANDSCAPES[name], plain.FUNCTIONS[name]
    np.testing.assert_allclose(function(SQUARE), landscape.value(SQUARE), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(plain.gradient_of(function)(SQUARE), landscape.gradient(SQUARE), rtol=1e-9, atol=1e-9)
    top = np.asarray(sharpness(landscape, SQUARE))
    np.testing.assert_allclose(plain.top_eigenvalue(function, SQUARE), top, rtol=1e-4, atol=1e-3)


def test_levy_by_hand_against_complex_steps() -> None:
    points = np.random.default_rng(1).uniform(-20, 20, (20, 5))
    by_steps = plain.gradient_of(lambda p: plain.FUNCTIONS["Levy"](p))(points)
    np.testing.assert_allclose(plain.gradient_of(plain.FUNCTIONS["Levy"])(points), by_steps, atol=1e-12)


@pytest.mark.parametrize("name", ["Adam", "Adam+SAM", "Adam+CG", "Adam+CM", "Adam+SAM+CM", "Adam+MEG"])
@pytest.mark.parametrize("function", LANDSCAPES)
def test_plain_runs_are_the_runs(name: str, function: str) -> None:
    method = Method(name, 0.1)  # type: ignore[arg-type]
    study = Plane(LANDSCAPES[function], Starts(-2.0, 2.0, 2, 30), (8,))
    again = plain.ends(plain.gradient_of(plain.FUNCTIONS[function]), study.starts.points(), asdict(method), 8)
    np.testing.assert_allclose(visited(method, study)[0], again, atol=1e-8)


def _both_codes(arm: BufferArm, count: int = 30) -> None:
    first, draw = values(arm, count, 0), np.random.default_rng
    with patch.object(np.random, "default_rng", lambda seed: draw(seed[:2])):  # the same starts for both
        second = plain_outcomes.outcomes(arm.record(), count, 0)
    assert np.isfinite(first).any()
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-9)


ALL_MEASURES = {(measure, group[0]) for group, measures in MEASURED.items() for measure in measures}


@pytest.mark.parametrize(("measure", "window"), sorted(ALL_MEASURES))
@pytest.mark.parametrize("name", ["Adam+CG", "Adam+CM"])
def test_plain_measures_are_the_measures(name: str, measure: str, window: tuple[int, int]) -> None:
    # A tenth of the step size: the codes differ in rounding, which long steps on Ackley blow up.
    _both_codes(BufferArm(Method(name, 0.01, capacity=4, decay=0.9), "Ackley", -2.0, 2.0, measure, window))  # type: ignore[arg-type]


@pytest.mark.parametrize("measure", ["ratio", "replaced", "influence"])
def test_plain_measures_near_a_well_and_along_another_path(measure: str) -> None:
    cm, cg = (Method(name, 0.001, capacity=4, decay=0.9) for name in ("Adam+CM", "Adam+CG"))  # type: ignore[arg-type]
    window = (21, 200) if measure == "replaced" else (10, 50)
    for along in (None, cg):
        for dim in (1, 3):
            _both_codes(
                BufferArm(cm, "wells", 0.6, 1.4, measure, window, dim, 5.0, along, near=True),
            )


def test_cosine_of_the_longest_by_hand() -> None:
    # Gradients of one sign in one dimension: every stored vector points the same way.
    arm = BufferArm(Method("Adam+CG", 0.001, capacity=3), "wells", -3.0, -2.0, "agreement", (10, 50), 1, 5.0)
    np.testing.assert_allclose(values(arm, 10, 0), 1.0)


# --- tables ---


def test_printed_sentences_by_counting() -> None:
    rows = {name: tuple(map(float, row)) for name, row in toy_tables.TABLE_5.items()}
    momenta, gradients = ([rows[k] for k in rows if k.startswith(f"Adam+{short}")] for short in ("CM", "CG"))
    assert max(m[0] for m in momenta) < min(g[0] for g in gradients)
    assert max(m[1] for m in momenta) < min(g[1] for g in gradients)
    assert rows["Adam+CM (5, 0.7)"] < rows["Adam+CM (5, 0.99)"]  # the decay works the other way


def test_check_of_printed_orders_rejects_a_wrong_one() -> None:
    wrong = toy_tables.printed_order(toy_tables.TABLE_5, [("Adam+CG (5, 0.7)", "Adam+CM (5, 0.7)")])
    evidence = toy_tables.for_all(wrong, Budget.QUICK)[0]
    assert isinstance(evidence, Witness) and evidence.stands
    right = toy_tables.printed_order(toy_tables.TABLE_5, [("Adam+CM (5, 0.7)", "Adam+CG (5, 0.7)")])
    assert isinstance(toy_tables.for_all(right, Budget.QUICK)[0], Exact)


def test_least_sharpness_of_the_minima_of_goldstein_price() -> None:
    # At (1.2, 0.8) = (u = 2, v = 0): f_uu = 36 / (2.427 A), f_vv = 36 / (2.427 B) with A = 28, B = 30, and the
    # Hessian in (x, y) is f_uu (1, 1)(1, 1)^T + f_vv (2, -3)(2, -3)^T.
    fuu, fvv = 36 / 28 / 2.427, 36 / 30 / 2.427
    hessian = fuu * np.ones((2, 2)) + fvv * np.outer([2, -3], [2, -3])
    top = np.linalg.eigvalsh(hessian)[-1]
    np.testing.assert_allclose(
        top, plain.top_eigenvalue(plain.FUNCTIONS["Goldstein-Price"], np.array([[1.2, 0.8]])), rtol=1e-4
    )
    assert top > 4 * float(toy_tables.TABLE_1["GP"]["Adam+CG"][1])


def test_stuck_steps_are_open_where_none_is_found() -> None:
    assert isinstance(buffer_figures._stuck((0.7, 0.01), Budget.QUICK)[0], Missing)


def test_one_start_that_shows_figure_12() -> None:
    # The start the search names, by the plain code alone: Adam+CM ends at the global minimum, Adam+CG elsewhere.
    start = np.array([[0.44476431013659345, 0.1901802841708773]])
    field = plain.gradient_of(plain.FUNCTIONS["Goldstein-Price"])
    ends = {
        name: plain.ends(field, start, asdict(Method(name, 0.1, drop=250)), 500)[0] for name in ("Adam+CG", "Adam+CM")
    }
    assert np.linalg.norm(ends["Adam+CM"] - [0.0, -1.0]) < 0.05
    assert np.linalg.norm(ends["Adam+CG"] - [0.0, -1.0]) > 0.5


def test_reversed_sharpness_on_levy_goes_with_the_literal_divisor() -> None:
    # 600 starts in [-10, 10]^2, plain code: with the mean over the stored Adam+CM is the flatter one by three errors.
    start = np.random.default_rng(17).uniform(-10, 10, (600, 2))
    function = plain.FUNCTIONS["Levy"]
    tops = {}
    for name in ("Adam+CG", "Adam+CM"):
        method = asdict(Method(name, 0.1, capacity=20, decay=0.99, options=(("mean", "fill"),)))
        tops[name] = plain.top_eigenvalue(function, plain.ends(plain.gradient_of(function), start, method, 500))
    gap = tops["Adam+CG"] - tops["Adam+CM"]
    assert gap.mean() > 3 * gap.std() / np.sqrt(len(gap))
