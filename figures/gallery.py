"""The gallery: one page with every figure, its caption, its claims and their verdicts; no request to any network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optassay import __version__

from .registry import Figure

NOT_JUDGED = "not judged"


def verdicts(out: Path) -> dict[str, str]:
    """Verdicts by claim id: those of a ``ledger.json`` in the output folder, over those recorded with this version."""
    import json

    from proofs_check.ledger import recorded

    known = dict(recorded())
    ledger = out / "ledger.json"
    if ledger.is_file():
        try:
            known |= {entry["id"]: entry["verdict"] for entry in json.loads(ledger.read_text())["claims"]}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{ledger} is not a ledger of optassay check: {error}") from error
    return known


def cards(
    figures: Sequence[Figure],
    records: Mapping[str, Mapping[str, Any]],
    errors: Mapping[str, str],
    known: Mapping[str, str],
) -> list[dict[str, Any]]:
    """What the gallery shows of each figure: its record, its error if it failed, its claims with their verdicts."""
    return [
        {
            "figure": figure,
            "record": records.get(figure.id),
            "error": errors.get(figure.id),
            "claims": [(claim, known.get(claim, NOT_JUDGED)) for claim in figure.claims],
            "paper": figure.paper,
        }
        for figure in figures
    ]


def render(
    figures: Sequence[Figure], records: Mapping[str, Mapping[str, Any]], errors: Mapping[str, str], out: Path
) -> str:
    """The page as HTML, from the registry and the manifest's records."""
    from proofs_check.page import environment

    shown = cards(figures, records, errors, verdicts(out))
    return (
        environment("figures")
        .get_template("gallery.html.j2")
        .render(
            cards=shown,
            papers=list(dict.fromkeys(figure.paper for figure in figures)),
            drawn=sum(card["record"] is not None for card in shown),
            version=__version__,
        )
    )
