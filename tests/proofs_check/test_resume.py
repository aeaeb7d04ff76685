"""An interrupted check keeps what it has judged and goes on from there; anything else starts afresh."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from proofs_check import ledger
from proofs_check.claim import Budget
from proofs_check.cli import check

IDS = ["dissecting-adam/model-problem-loss", "dissecting-adam/optimal-step-and-improvement"]
ARGUMENTS = [word for claim in IDS for word in ("--claim", claim)]


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger file left behind by Ctrl-C after the first of two claims."""
    real = ledger.run

    def stop_after_one(*args: Any) -> Iterator[dict[str, Any]]:
        yield next(real(*args))
        raise KeyboardInterrupt

    path = tmp_path / "ledger.json"
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "run", stop_after_one)
        result = CliRunner().invoke(check, [*ARGUMENTS, "--json", str(path)])
    assert result.exit_code != 0
    return path


def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids that the next run judges, in a list that fills up."""
    seen: list[str] = []
    real = ledger.run

    def watch(claims: Any, *rest: Any) -> Iterator[dict[str, Any]]:
        seen.extend(claim.id for claim in claims)
        return real(claims, *rest)

    monkeypatch.setattr(ledger, "run", watch)
    return seen


def test_finished_claims_survive(interrupted: Path) -> None:
    document = json.loads(interrupted.read_text())
    assert [entry["id"] for entry in document["claims"]] == IDS[:1]
    assert document["complete"] is False


def test_the_next_run_judges_the_rest_only(interrupted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = judged(monkeypatch)
    result = CliRunner().invoke(check, [*ARGUMENTS, "--json", str(interrupted)])
    assert seen == IDS[1:]
    assert "resuming: 1 claims" in result.output
    document = json.loads(interrupted.read_text())
    assert document["complete"] is True
    assert [entry["id"] for entry in document["claims"]] == IDS


@pytest.mark.parametrize("change", [{"source": "other"}, {"budget": "full"}, {"complete": True}, {"claims": 3}])
def test_another_ledger_is_not_taken_over(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    interrupted.write_text(json.dumps(json.loads(interrupted.read_text()) | change))
    seen = judged(monkeypatch)
    CliRunner().invoke(check, [*ARGUMENTS, "--json", str(interrupted)])
    assert seen == IDS


def test_a_corrupt_file_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_text("{")
    assert ledger.unfinished(path, Budget.QUICK) == []
    assert ledger.unfinished(tmp_path / "absent.json", Budget.QUICK) == []
