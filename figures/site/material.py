"""What the site is made of: a ledger file, a folder of figures, and the papers they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..registry import Figure, load_figures
from ..runner import records


@dataclass(frozen=True)
class Material:
    """Ledger and figures of one site.

    Attributes
    ----------
    document : dict
        The ledger, as ``optassay check --json`` writes it.
    figures : sequence of Figure
        Those that have been drawn, in the gallery's order.
    records : mapping
        The manifest's record of each of them.
    folder : Path
        Where their files are.
    """

    document: dict[str, Any]
    figures: Sequence[Figure]
    records: Mapping[str, Mapping[str, Any]]
    folder: Path

    @property
    def claims(self) -> list[dict[str, Any]]:
        """Entries of the ledger."""
        return self.document["claims"]

    @property
    def papers(self) -> list[str]:
        """Papers by name, in the ledger's order."""
        return list(dict.fromkeys(entry["paper"] for entry in self.claims))

    def title(self, paper: str) -> str:
        """Title of a paper as its figures give it; its name where it has none."""
        return next((figure.paper for figure in self.all_figures if figure.id.partition("/")[0] == paper), paper)

    @property
    def all_figures(self) -> list[Figure]:
        """Every registered figure, drawn or not."""
        return load_figures()


def gather(ledger: Path, folder: Path) -> Material:
    """Read a ledger and a folder of figures.

    Raises
    ------
    ValueError
        The ledger is missing, broken or unfinished, or the folder holds no figures; the message says what to run.
    """
    try:
        document = json.loads(ledger.read_text())
        complete = document["complete"] and bool(document["claims"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{ledger} is not a ledger ({error}); `optassay check --json {ledger}` writes one") from error
    if not complete:
        raise ValueError(f"{ledger} is unfinished; run `optassay check --json {ledger}` again, it goes on from there")
    known = records(folder)
    drawn = [figure for figure in load_figures() if figure.id in known]
    if not drawn:
        raise ValueError(f"{folder} holds no figures; `optassay figures --out {folder}` draws them")
    return Material(document, drawn, known, folder)
