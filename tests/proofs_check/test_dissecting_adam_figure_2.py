"""Claims on figure 2: verdicts, controls, the sentence judge, and the facts behind by other means."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from proofs_check.claim import Budget, Sampled, Verdict, Witness, judge
from proofs_check.dissecting_adam import figure_2, panels, sentences
from proofs_check.judge import judge_claim
from quadratics import StochasticQuadratic, compare_directions

EXPECTED = {
    "fig-2-sgd-vs-ssd": "supported",
    "fig-2-well-conditioned-noise-free": "supported",
    "fig-2-little-noise-evens-out": "ambiguous",
    "fig-2-orientation-little-effect": "ambiguous",
    "fig-2-ill-conditioned-rotated-equal": "supported",
    "fig-2-ill-conditioned-axis-aligned": "ambiguous",
}
CLAIMS = {claim.id.partition("/")[2]: claim for claim in figure_2.CLAIMS}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def test_every_claim_of_the_section_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


def test_readings_of_the_ambiguous_sentences_disagree() -> None:
    for slug, verdict in EXPECTED.items():
        bearing = {p["verdict"] for p in entry(slug)["evidence"]["parts"] if p["bears"]}
        assert ("refuted" in bearing and "supported" in bearing) == (verdict == "ambiguous")


def test_runs_scale_with_start_and_noise() -> None:
    """f from (c delta, c nu) is c^2 times f from (delta, nu), step by step, rotated and not."""
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((5, 5))
    start = rng.standard_normal(5)
    for hessian in (factor @ factor.T, np.diag(np.arange(1.0, 6.0))):
        one = compare_directions(StochasticQuadratic(hessian, np.zeros(5), 0.5), start, 20, 3)
        ten = compare_directions(StochasticQuadratic(hessian, np.zeros(5), 5.0), 10 * start, 20, 3)
        np.testing.assert_allclose(ten.gradient, 100 * one.gradient, rtol=1e-9)
        np.testing.assert_allclose(ten.sign, 100 * one.sign, rtol=1e-9)


def test_gradient_descent_keeps_its_rate() -> None:
    p = panels.panel("well", True, False, Budget.QUICK)
    fallen = p.gradient[p.horizons.index(50), 0] - p.gradient[p.horizons.index(10), 0]
    assert (fallen <= 40 * np.log10(25 / 36) + 1e-9).all()


def test_rotated_and_aligned_gradient_runs_agree_without_noise() -> None:
    aligned, rotated = (panels.panel("ill", turned, False, Budget.QUICK) for turned in (False, True))
    np.testing.assert_allclose(rotated.gradient[:3], aligned.gradient[:3], atol=1e-6)


def test_an_interval_of_no_and_of_all_hits() -> None:
    assert panels.interval(0, 8)[0] == pytest.approx(0, abs=1e-12) and panels.interval(0, 8)[1] < 0.5
    assert panels.interval(8, 8)[0] > 0.5 > panels.interval(4, 8)[0]


def _judge(monkeypatch: pytest.MonkeyPatch, gap: np.ndarray, sentence: sentences.Sentence) -> list[Any]:
    cell = sentences.Cell(panels.NOISE_FREE, 10, False, gap)
    monkeypatch.setattr(sentences, "cells", lambda sentence, budget: [cell])
    return sentences.judge_sentence(sentence, Budget.QUICK)


def test_sentence_judge_supports_refuses_and_abstains(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = sentences.VASTLY
    assert judge(_judge(monkeypatch, np.full(8, 1.5), sentence)) is Verdict.SUPPORTED
    (undecided,) = _judge(monkeypatch, np.array([0.5, 1.5] * 4), sentence)
    assert isinstance(undecided, Sampled) and not undecided.holds  # neither: no verdict comes of it
    low = _judge(monkeypatch, np.zeros(8), sentence)
    assert isinstance(low[1], Witness) and low[1].first.violated
    # The second way runs the true problem, where gradient descent is far ahead: an invented gap does not stand.
    assert not low[1].stands


@pytest.mark.parametrize(("test", "inside"), [("within", [0.0]), ("at least", [1.2]), ("at most", [-2.0, 0.0])])
def test_sentence_tests(test: Any, inside: list[float]) -> None:
    sentence = sentences.Sentence("sign - gradient", "well", test, 1.0, (10,), (0.0, 1.0))
    gaps = np.array([-2.0, 0.0, 1.2])
    assert gaps[sentence.holds(gaps)].tolist() == inside


def test_plain_loop_agrees_with_the_study() -> None:
    """The second way of the witnesses, without noise, where nothing is sampled."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0.1, 1.1, 10)
    start = rng.standard_normal(10)
    found = compare_directions(StochasticQuadratic(np.diag(values), np.zeros(10), 0.0), start, 15, 0)
    for sign, path in ((True, found.sign), (False, found.gradient)):
        end = sentences._descend((np.diag(values), start), 0.0, 15, sign, rng, 1)
        np.testing.assert_allclose(end, path[-1], rtol=1e-8)
