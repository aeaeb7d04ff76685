"""A small site to test: a ledger of five claims, two drawn figures, and the pages made of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from figures.cli import figures
from figures.site.cli import site
from proofs_check.claim import Budget
from proofs_check.ledger import document, load_claims, run, write_json

CLAIMS = (
    "dissecting-adam/model-problem-loss",
    "dissecting-adam/improvement-ssd-appendix",
    "dissecting-adam/fig-4-wrong-sign-probability",
    "softadam/direction-mixes-sgd-and-adam",
    "dissecting-adam/hessian-facts",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Paths of the ledger, the folder of figures, and the site."""
    home = tmp_path_factory.mktemp("site")
    ledger, drawn, out = home / "ledger.json", home / "figures", home / "site"
    write_json(ledger, document(run(load_claims(claim=CLAIMS)), Budget.QUICK))
    only = [word for name in ("figure-1", "figure-4") for word in ("--only", f"dissecting-adam/{name}")]
    assert CliRunner().invoke(figures, ["--out", str(drawn), "--jobs", "1", *only]).exit_code == 0
    result = CliRunner().invoke(site, ["--ledger", str(ledger), "--figures", str(drawn), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return ledger, drawn, out
