"""Judging from a notebook: the ledger object, its sentences, the errata, and what a claim computes with."""

from __future__ import annotations

from typing import Any

import pytest

from proofs_check import Exact, Ledger, Part, Sampled, Way, Witness, assay
from proofs_check.claim import Budget, Claim
from proofs_check.errata import errata, witness_of
from proofs_check.judge import judge_claim
from proofs_check.summary import sentence, short
from proofs_check.uses import functions_used

REPLAY = "violated = witness['x'] > 10"
CONTROL = 99


def below_ten(statement: Any, budget: Budget) -> list[Any]:
    """Accepts numbers below ten, in the kind of evidence that the statement's type asks for."""
    del budget
    if statement >= 10:
        way = Way("exact", statement, "<=", 10), Way("numeric", float(statement), "<=", 10.0)
        return [Witness({"x": statement}, *way, REPLAY)]
    if statement == 1:
        return [Exact("symbolic", {"step": True})]
    if statement == 2:
        return [Exact("rational", {"each": True}, instances=12)]
    return [Sampled("simulation", 30, 0, 0.25, "thirty runs")]


def entry(*parts: Part) -> dict[str, Any]:
    return judge_claim(Claim("paper/slug", "here", "statement", parts), Budget.QUICK)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return assay("dissecting-adam/model-problem-loss", "dissecting-adam/improvement-ssd-appendix")


def test_a_ledger_is_indexed_and_counted(ledger: Ledger) -> None:
    assert len(ledger) == 2
    assert ledger["dissecting-adam/model-problem-loss"]["verdict"] == "proved"
    assert ledger.verdicts == {"proved": 1, "corrected": 1}
    with pytest.raises(KeyError, match="ledger of 2 claims"):
        ledger["dissecting-adam/none"]


def test_a_ledger_shows_itself(ledger: Ledger) -> None:
    for item in ledger:
        assert item["id"] in repr(ledger)
        assert f"<code>{item['id']}</code>" in ledger._repr_html_()
    assert "<math" in ledger._repr_html_()


def test_bad_requests_say_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="'quick' or 'full', got 'slow'"):
        assay("dissecting-adam/model-problem-loss", budget="slow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1, got 0"):
        assay("dissecting-adam/model-problem-loss", jobs=0)
    with pytest.raises(ValueError, match="did you mean 'dissecting-adam/model-problem-loss'"):
        assay("dissecting-adam/model-problem-los")


@pytest.mark.parametrize(
    ("printed", "repair", "said"),
    [
        (1, None, "Proved by a symbolic identity."),
        (2, None, "Held: 12 instances decided exactly."),
        (3, None, "Held: 30 sampled instances without a violation (smallest slack 0.25)."),
        (12, 1, "As printed it fails (12 where ≤ 10 is stated); repaired form proved, by a symbolic identity."),
        (12, 13, "It fails: 12 where ≤ 10 is stated, seen by exact and by numeric."),
    ],
)
def test_the_sentence_says_what_the_evidence_is(printed: int, repair: int | None, said: str) -> None:
    item = entry(Part("part", below_ten, printed, CONTROL, repair=repair, sound=1))
    assert item["verdict"] != "error", item["evidence"]
    assert sentence(item) == said


def test_values_are_shortened() -> None:
    assert short(1 / 3) == "0.33333"
    assert short("1" * 30 + "/" + "3" * 30) == "0.333333"
    assert len(short(list(range(1000)))) <= 90
    assert short({"x": [1, "1/2"]}) == "x = [1, 1/2]"


def test_errata_hold_what_fails_and_nothing_else() -> None:
    good = entry(Part("good", below_ten, 1, CONTROL))
    bad = entry(
        Part("good", below_ten, 1, CONTROL),
        Part("bad", below_ten, 12, CONTROL, repair=1),
        Part("finding", below_ten, 15, CONTROL, sound=1, bears=False),
    )
    (found,) = errata([good, bad])
    assert found.entry is bad
    assert [part["name"] for part in found.faults] == ["bad"]
    witness = witness_of(found.faults[0])
    assert witness is not None and witness["point"] == {"x": 12}


def test_functions_of_a_check_are_found_through_closures_and_late_imports() -> None:
    def late(statement: Any, budget: Budget) -> list[Any]:
        from quadratics import random_rotation

        del budget
        return [Exact("symbolic", {"square": bool(random_rotation(2, statement).shape)})]

    from spectral import spectral_radius

    part = Part("part", late, lambda x: spectral_radius(x, 0.9, 1.0, 0), None)
    used = functions_used(Claim("paper/slug", "here", "statement", (part,)))
    assert {name.rpartition(".")[2] for name in used} == {"random_rotation", "spectral_radius"}
    assert functions_used(Claim("paper/slug", "here", "s", (Part("part", below_ten, 1, CONTROL),))) == frozenset()


@pytest.mark.parametrize("main", [None, "first"])
def test_errata_follow_the_reading_that_the_verdict_follows(main: str | None) -> None:
    parts = tuple(Part(name, below_ten, 12, CONTROL, repair=1, reading=name) for name in ("first", "second"))
    (found,) = errata([judge_claim(Claim("paper/slug", "here", "s", parts, main_reading=main), Budget.QUICK)])
    assert [part["name"] for part in found.faults] == (["first"] if main else ["first", "second"])
