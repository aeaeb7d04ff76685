"""Verdict rules, controls, replays, the JSON form of evidence, the ledger and the command ``optassay check``."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from proofs_check import ledger
from proofs_check._encode import encode
from proofs_check.claim import (
    Budget,
    Claim,
    Exact,
    InconsistentEvidence,
    Missing,
    Part,
    Sampled,
    Unsatisfiable,
    Verdict,
    Way,
    Witness,
    combine,
    judge,
    rejects,
)
from proofs_check.cli import check
from proofs_check.judge import judge_claim, replay

GOOD = Exact("symbolic", {"step": True})
BAD = Exact("symbolic", {"step": False})
INSTANCES = Exact("rational", {"every system tried": True}, instances=40)
SAMPLED = Sampled("simulation", 10, 0, 0.1, "ten runs")
VIOLATED = Sampled("simulation", 10, 3, -0.1, "ten runs")


def witness(left: Any = 2, code: str = "violated = witness['x'] == 2", relation: Any = "<=") -> Witness:
    return Witness({"x": 2}, Way("exact", left, relation, 1), Way("numeric", float(left), relation, 1.0), code)


def threshold(statement: float, budget: Budget) -> list[Any]:
    """Accepts numbers below ten, refutes the others."""
    del budget
    return [GOOD] if statement < 10 else [witness()]


def claim(*parts: Part, **fields: Any) -> Claim:
    return Claim("paper/slug", "here", "statement", tuple(parts), **fields)


# The verdict of one list of evidence


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ([GOOD], Verdict.PROVED),
        ([GOOD, SAMPLED], Verdict.SUPPORTED),
        ([INSTANCES], Verdict.SUPPORTED),
        ([GOOD, INSTANCES], Verdict.SUPPORTED),
        ([GOOD, witness()], Verdict.REFUTED),
        ([BAD, witness()], Verdict.REFUTED),
        ([Unsatisfiable("symbolic", {"no point": True})], Verdict.VACUOUS),
        ([Missing("data", "what", "how")], Verdict.NEEDS_DATA),
        ([Missing("reading", "what", "how")], Verdict.AMBIGUOUS),
        ([GOOD, Missing("proof", "what", "how")], Verdict.OPEN),
    ],
)
def test_verdict_follows_from_evidence(evidence: list[Any], verdict: Verdict) -> None:
    assert judge(evidence) is verdict


@pytest.mark.parametrize(
    "evidence",
    [
        [],
        [BAD],
        [VIOLATED],
        [witness(left=1)],
        [witness(), witness(left=0)],
        [Unsatisfiable("symbolic", {"no point": False})],
    ],
    ids=["none", "failed step", "violation without witness", "fallen witness", "one fallen", "not shown"],
)
def test_inconsistent_evidence_is_an_error(evidence: list[Any]) -> None:
    with pytest.raises(InconsistentEvidence):
        judge(evidence)


def test_a_witness_needs_both_ways_and_different_ones() -> None:
    half = Witness({"x": 2}, Way("exact", 2, "<=", 1), Way("numeric", 1.0, "<=", 1.0), "violated = True")
    assert not half.stands
    with pytest.raises(ValueError, match="must differ"):
        Witness({}, Way("same", 2, "<=", 1), Way("same", 2, "<=", 1), "violated = True")


def test_evidence_that_decided_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Exact("symbolic", {})
    with pytest.raises(ValueError, match="checked nothing"):
        Exact("rational", {"every system tried": True}, instances=0)
    with pytest.raises(ValueError, match="checked nothing"):
        Sampled("simulation", 0, 0, 0.0, "nothing")
    with pytest.raises(ValueError, match=r"0\.\.3"):
        Sampled("simulation", 3, 4, 0.0, "too many")


@pytest.mark.parametrize(
    ("left", "relation", "right", "margin", "violated"),
    [
        (Fraction(1, 3), "==", Fraction(1, 3), 0.0, False),
        (Fraction(1, 3), "==", Fraction(1, 3) + Fraction(1, 10**30), 0.0, True),
        (1.0, "==", 1.0 + 1e-12, 1e-9, False),
        (1, "!=", 1, 0.0, True),
        (2.0, "<=", 1.0, 0.5, True),
        (1.4, "<=", 1.0, 0.5, False),
        (1, "<", 1, 0.0, True),
        (1, "<=", 1, 0.0, False),
        (0, ">=", 1, 0.0, True),
        (1, ">", 1, 0.0, True),
    ],
)
def test_way_compares_with_its_margin(left: Any, relation: Any, right: Any, margin: float, violated: bool) -> None:
    assert Way("way", left, relation, right, margin).violated is violated


def test_way_refuses_nan() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Way("way", float("nan"), "<=", 1.0)


def test_rejects() -> None:
    assert rejects([witness()]) and rejects([BAD]) and rejects([VIOLATED])
    assert rejects([Unsatisfiable("symbolic", {"no point": True})])
    assert not rejects([GOOD, SAMPLED]) and not rejects([witness(left=1)])


def test_a_conjunction_takes_its_worst_news_then_its_weakest_evidence() -> None:
    assert combine([Verdict.PROVED, Verdict.REFUTED, Verdict.CORRECTED]) is Verdict.REFUTED
    assert combine([Verdict.PROVED, Verdict.CORRECTED]) is Verdict.CORRECTED
    assert combine([Verdict.PROVED, Verdict.SUPPORTED]) is Verdict.SUPPORTED
    assert combine([Verdict.PROVED, Verdict.PROVED]) is Verdict.PROVED
    assert combine([Verdict.SUPPORTED, Verdict.VACUOUS]) is Verdict.VACUOUS
    with pytest.raises(InconsistentEvidence):
        combine([])


# Claims


def test_proved_and_corrected_claims() -> None:
    entry = judge_claim(claim(Part("p", threshold, printed=1, broken=11)), Budget.QUICK)
    assert (entry["verdict"], entry["control"]["caught"]) == ("proved", True)
    entry = judge_claim(claim(Part("p", threshold, 12, 11, repair=3, repair_note="three")), Budget.QUICK)
    assert entry["verdict"] == "corrected"
    part = entry["evidence"]["parts"][0]
    assert part["repair"]["verdict"] == "proved" and part["printed"][0]["replayed"] is True


def test_a_repair_that_fails_leaves_the_claim_refuted() -> None:
    entry = judge_claim(claim(Part("p", threshold, 12, 11, repair=13, sound=1)), Budget.QUICK)
    assert entry["verdict"] == "refuted"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part("p", threshold, printed=1, broken=2), "was not rejected"),
        (Part("p", threshold, printed=12, broken=11), "no repair or sound statement"),
        (Part("p", threshold, printed=12, broken=11, sound=13), "rejects a sound statement"),
        (Part("p", lambda s, b: [witness(code="violated = False")], 1, 1, sound=1), "does not stand when replayed"),
        (Part("p", lambda s, b: [witness(code="pass")], 1, 1, sound=1), "does not set 'violated'"),
        (Part("p", lambda s, b: 1 / 0, 1, 1), "ZeroDivisionError"),  # type: ignore[arg-type,return-value]
    ],
)
def test_a_faulty_check_is_an_error_and_no_verdict(part: Part, message: str) -> None:
    entry = judge_claim(claim(part), Budget.QUICK)
    assert entry["verdict"] == "error" and message in entry["evidence"]["error"]
    assert entry["control"]["caught"] is False


def test_findings_do_not_drive_the_verdict() -> None:
    parts = (Part("p", threshold, 1, 11), Part("finding", threshold, 12, 11, sound=1, bears=False))
    assert judge_claim(claim(*parts), Budget.QUICK)["verdict"] == "proved"


def test_readings() -> None:
    parts = (Part("a", threshold, 1, 11, reading="A"), Part("b", threshold, 12, 11, sound=1, reading="B"))
    assert judge_claim(claim(*parts), Budget.QUICK)["verdict"] == "ambiguous"
    assert judge_claim(claim(*parts, main_reading="B"), Budget.QUICK)["verdict"] == "refuted"
    assert judge_claim(claim(*parts, main_reading="A"), Budget.QUICK)["verdict"] == "proved"
    assert judge_claim(claim(*parts, main_reading="C"), Budget.QUICK)["verdict"] == "error"
    agreeing = (parts[0], Part("b", threshold, 2, 11, reading="B"))
    assert judge_claim(claim(*agreeing), Budget.QUICK)["verdict"] == "proved"


def test_missing_data() -> None:
    missing = Missing("data", "trained networks", "their spectra")
    entry = judge_claim(claim(missing=missing), Budget.QUICK)
    assert entry["verdict"] == "needs data" and entry["control"] == {"caught": True, "parts": []}
    finding = Part("finding", threshold, 1, 11, bears=False)
    assert judge_claim(claim(finding, missing=missing), Budget.QUICK)["verdict"] == "needs data"


@pytest.mark.parametrize(
    "build",
    [
        lambda: Claim("no-slash", "", ""),
        lambda: Claim("a/b", "", ""),
        lambda: Claim("a/b", "", "", (Part("p", threshold, 1, 11, bears=False),)),
    ],
)
def test_claims_that_could_not_be_judged_are_refused(build: Any) -> None:
    with pytest.raises(ValueError, match=r"claim|form"):
        build()


# Records


def test_replay_reads_the_json_form() -> None:
    point = json.loads(json.dumps(encode({"x": Fraction(1, 3), "n": Fraction(4), "v": np.array([1.0, 2.0])})))
    assert point == {"x": "1/3", "n": 4, "v": [1.0, 2.0]}
    assert replay(
        point, "from fractions import Fraction as F\nviolated = F(witness['x']) * 3 == 1 and witness['n'] == 4"
    )
    assert not replay(point, "violated = witness['v'][1] > 2")


def test_encode() -> None:
    assert encode({"inf": float("inf"), "b": True, "none": None}) == {"inf": "inf", "b": True, "none": None}
    assert encode(Verdict.PROVED) == "proved" and encode((np.int64(3), np.float64(0.5))) == [3, 0.5]
    record = encode(GOOD)
    assert record["type"] == "exact" and record["steps"] == {"step": True}
    json.dumps(encode([GOOD, SAMPLED, witness()]), allow_nan=False)


# The ledger and its command

FAST = ["dissecting-adam/fig-1-variance-adaptation-sketch", "dissecting-adam/optimal-step-and-improvement"]


def test_claims_are_found_by_paper_and_id() -> None:
    assert "dissecting-adam" in ledger.papers()
    assert {c.id for c in ledger.load_claims(claim=FAST)} == set(FAST)
    ids = [c.id for c in ledger.load_claims(paper=["dissecting-adam"])]
    assert len(ids) == len(set(ids)) and all(i.startswith("dissecting-adam/") for i in ids)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'dissecting-adam'"):
        ledger.load_claims(paper=["disecting-adam"])
    with pytest.raises(ValueError, match="did you mean 'dissecting-adam/fig-1-variance-adaptation-sketch'"):
        ledger.load_claims(claim=["dissecting-adam/fig-1-variance-adaption"])


def test_jobs_do_not_change_the_result() -> None:
    claims = ledger.load_claims(claim=FAST)

    def entries(jobs: int) -> list[dict[str, Any]]:
        found = sorted(ledger.run(claims, Budget.QUICK, jobs), key=lambda e: e["id"])
        return [{k: v for k, v in e.items() if k != "seconds"} for e in found]

    one = entries(1)
    assert [e["verdict"] for e in one] == ["proved", "proved"]
    assert entries(2) == one


@pytest.fixture
def record(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An own record of verdicts instead of the installed one."""
    path = tmp_path / "recorded.json"
    monkeypatch.setattr(ledger, "RECORD", path)
    return path


def test_command_exit_codes(record: Any, tmp_path: Any) -> None:
    run = CliRunner().invoke
    arguments = ["--claim", FAST[0], "--json", str(tmp_path / "new" / "ledger.json")]
    first = run(check, arguments)  # nothing is recorded yet
    assert first.exit_code == 1 and "no verdict is recorded" in first.output
    assert run(check, ["--claim", FAST[0], "--record"]).exit_code == 0
    assert json.loads(record.read_text()) == {FAST[0]: "proved"}
    assert run(check, arguments).exit_code == 0
    document = json.loads((tmp_path / "new" / "ledger.json").read_text())
    assert document["budget"] == "quick" and document["claims"][0]["verdict"] == "proved"
    assert {"id", "paper", "location", "statement", "method", "evidence", "control", "seconds"} <= set(
        document["claims"][0]
    )
    record.write_text(json.dumps({FAST[0]: "refuted"}))
    changed = run(check, arguments)
    assert changed.exit_code == 1 and "recorded is refuted" in changed.output
    unknown = run(check, ["--claim", FAST[0] + "s"])
    assert unknown.exit_code == 2 and "did you mean" in unknown.output
    assert run(check, ["--budget", "huge"]).exit_code == 2 and run(check, ["--jobs", "0"]).exit_code == 2


def test_command_lists_without_judging(record: Any) -> None:
    record.write_text(json.dumps({FAST[0]: "proved"}))
    result = CliRunner().invoke(check, ["--list", "--claim", FAST[0]])
    assert result.exit_code == 0 and FAST[0] in result.output and "proved" in result.output


def test_command_fails_on_an_error_entry(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Claim("paper/faulty", "here", "statement", (Part("p", threshold, 1, 2),))
    monkeypatch.setattr(ledger, "load_claims", lambda paper=(), claim=(): [broken])
    result = CliRunner().invoke(check, ["--record"])
    assert result.exit_code == 1 and "ControlNotCaught" in result.output
    assert json.loads(record.read_text()) == {}
