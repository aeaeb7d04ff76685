"""Every entry of the catalogue of claims has a claim, and every claim a recorded verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proofs_check.ledger import load_claims, papers, recorded

CATALOGUE = Path(__file__).parents[3] / "shared" / "claims"
COMPLETE = ("dissecting-adam", "softadam", "critical-momenta", "adamomentum", "anderson-mixing")


@pytest.mark.skipif(not CATALOGUE.is_dir(), reason="the catalogue lies beside a developer's checkout only")
@pytest.mark.parametrize("paper", COMPLETE)
def test_no_entry_is_without_a_claim(paper: str) -> None:
    listed = re.findall(rf"^### `({paper}/[a-z0-9-]+)`", (CATALOGUE / f"{paper}.md").read_text(), flags=re.MULTILINE)
    assert len(listed) > 30
    assert sorted(claim.id for claim in load_claims(paper=[paper])) == sorted(listed)


def test_every_claim_has_a_recorded_verdict_and_no_more() -> None:
    assert set(recorded()) == {claim.id for claim in load_claims()}


def test_papers_are_found() -> None:
    assert set(COMPLETE) <= set(papers())
