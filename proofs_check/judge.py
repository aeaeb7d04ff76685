"""Running the checks of one claim: printed statement, repair, controls, replayed witnesses, seconds."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from typing import Any

from analysis.networks.catalogue import decided_by

from ._encode import encode
from .claim import (
    Budget,
    Claim,
    Evidence,
    Exact,
    InconsistentEvidence,
    Missing,
    Part,
    Sampled,
    Unsatisfiable,
    Verdict,
    Witness,
    combine,
    judge,
    rejects,
)

POSITIVE = (Verdict.PROVED, Verdict.SUPPORTED)


class ControlNotCaught(RuntimeError):
    """A check accepted a deliberately broken statement, or rejected a sound one."""


def replay(witness: dict[str, Any], code: str) -> bool:
    """Run a witness again from its JSON form; True when it still violates the statement."""
    scope: dict[str, Any] = {"witness": witness}
    exec(code, scope)
    if "violated" not in scope:
        raise InconsistentEvidence("the replay code does not set 'violated'")
    return bool(scope["violated"])


def _record(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    records = []
    for item in evidence:
        record = encode(item)
        if isinstance(item, Witness):
            record["stands"] = item.stands
            record["replayed"] = replay(record["point"], item.replay)
            if not record["replayed"]:
                raise InconsistentEvidence(
                    f"the witness {record['point']} does not stand when replayed from its record"
                )
        if isinstance(item, Exact | Sampled):
            record["holds"] = item.holds
        records.append(record)
    return records


def _methods(evidence: Sequence[Evidence]) -> set[str]:
    """Kinds of evidence, in words of one small vocabulary; what exactly was done is said in each record."""
    names: set[str] = set()
    for item in evidence:
        if isinstance(item, Exact) and item.instances is not None:
            names.add("exact instances")
        elif isinstance(item, Exact | Unsatisfiable):
            names.add(item.method)
        elif isinstance(item, Sampled):
            names.add("sampled")
        elif isinstance(item, Witness):
            names.add("counterexample")
    return names


def judge_part(part: Part, budget: Budget) -> tuple[Verdict, dict[str, Any], set[str]]:
    """Verdict, record and methods of one part.

    Raises
    ------
    ControlNotCaught
        The check accepted the broken statement, or a refuted part has no accepted repair or sound twin.
    InconsistentEvidence
        See :func:`proofs_check.claim.judge`.
    """
    evidence = part.check(part.printed, budget)
    verdict = judge(evidence)
    methods = _methods(evidence)
    record: dict[str, Any] = {
        "name": part.name,
        "reading": part.reading,
        "bears": part.bears,
        "note": part.note,
        "printed": _record(evidence),
    }
    accepted = verdict in POSITIVE
    if verdict is Verdict.REFUTED and part.repair is not None:
        repaired = part.check(part.repair, budget)
        repair_verdict = judge(repaired)
        methods |= _methods(repaired)
        record["repair"] = {
            "statement": part.repair_note,
            "verdict": repair_verdict.value,
            "evidence": _record(repaired),
        }
        if repair_verdict in POSITIVE:
            verdict = Verdict.CORRECTED
            accepted = True
    if not accepted and part.sound is not None:
        if rejects(part.check(part.sound, budget)):
            raise ControlNotCaught(f"part {part.name!r}: the check rejects a sound statement too")
        accepted = True
    if verdict is Verdict.REFUTED and not accepted:
        raise ControlNotCaught(
            f"part {part.name!r}: refuted, yet no repair or sound statement shows that the check can accept anything"
        )
    control = part.check(part.broken, budget)
    caught = rejects(control)
    record["verdict"] = verdict.value
    record["control"] = {"caught": caught, "evidence": encode(control)}
    if not caught:
        raise ControlNotCaught(f"part {part.name!r}: the broken statement was not rejected")
    return verdict, record, methods


def _missing_verdict(missing: Missing) -> Verdict:
    return judge([missing])


def judge_claim(claim: Claim, budget: Budget) -> dict[str, Any]:
    """The ledger's entry of one claim. Never raises for a faulty check: the entry then has verdict ``error``."""
    start = time.perf_counter()
    entry: dict[str, Any] = {
        "id": claim.id,
        "paper": claim.paper,
        "location": claim.location,
        "statement": claim.statement,
        "assumptions": list(claim.assumptions),
        "figures": list(claim.figures),
        "experiments": decided_by().get(claim.id, []),
    }
    try:
        verdict, parts, methods = _judge_parts(claim, budget)
    except Exception as error:  # a failed claim must not stop the others; the entry carries the traceback
        entry |= {
            "verdict": "error",
            "method": "",
            "evidence": {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()},
            "control": {"caught": False},
        }
    else:
        controls = [{"part": p["name"], "caught": p["control"]["caught"]} for p in parts]
        evidence: dict[str, Any] = {"parts": parts}
        if claim.missing is not None:
            evidence["missing"] = encode(claim.missing)
        if claim.main_reading is not None:
            evidence["main_reading"] = {"reading": claim.main_reading, "reason": claim.reading_reason}
        entry |= {
            "verdict": verdict.value,
            "method": ", ".join(sorted(methods)),
            "evidence": evidence,
            # A claim without parts ran no check, so there is nothing a control could catch.
            "control": {"caught": all(c["caught"] for c in controls), "parts": controls},
        }
    entry["seconds"] = round(time.perf_counter() - start, 3)
    return entry


def _judge_parts(claim: Claim, budget: Budget) -> tuple[Verdict, list[dict[str, Any]], set[str]]:
    records: list[dict[str, Any]] = []
    methods: set[str] = set()
    by_reading: dict[str | None, list[Verdict]] = {}
    for part in claim.parts:
        verdict, record, used = judge_part(part, budget)
        records.append(record)
        methods |= used
        if part.bears:
            by_reading.setdefault(part.reading, []).append(verdict)
    always = by_reading.pop(None, [])
    if claim.missing is not None:
        always.append(_missing_verdict(claim.missing))
    if not by_reading:
        return combine(always), records, methods
    if claim.main_reading is not None:
        if claim.main_reading not in by_reading:
            raise InconsistentEvidence(f"main_reading {claim.main_reading!r} is the reading of no part")
        return combine(always + by_reading[claim.main_reading]), records, methods
    verdicts = {combine(always + found) for found in by_reading.values()}
    return (verdicts.pop() if len(verdicts) == 1 else Verdict.AMBIGUOUS), records, methods
