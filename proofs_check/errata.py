"""Errata of a paper, from the ledger: what is printed, what is wrong with it, the witness, and the correction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .summary import witnesses

FAULTY = ("refuted", "corrected", "vacuous")


class Erratum(NamedTuple):
    """One faulty statement of a paper.

    Attributes
    ----------
    entry : dict
        The ledger's entry.
    faults : tuple of dict
        The parts on which the verdict rests and which do not hold as printed.
    """

    entry: dict[str, Any]
    faults: tuple[dict[str, Any], ...]


def errata(entries: Iterable[dict[str, Any]]) -> list[Erratum]:
    """Entries whose printed form does not hold, with the parts that say so, in the order given."""
    found = []
    for entry in entries:
        if entry["verdict"] in FAULTY:
            # Without a main reading the verdict is that of every reading.
            reading = entry["evidence"].get("main_reading", {}).get("reading")
            faults = tuple(
                part
                for part in entry["evidence"]["parts"]
                if part["bears"]
                and part["verdict"] in FAULTY
                and (reading is None or part["reading"] in (None, reading))
            )
            found.append(Erratum(entry, faults))
    return found


def faults(entry: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The parts of an entry that do not hold as printed; none where its verdict is another."""
    return next((erratum.faults for erratum in errata([entry])), ())


def witness_of(part: dict[str, Any]) -> dict[str, Any] | None:
    """The counterexample of a part, if it has one (a vacuous statement has none)."""
    return next(iter(witnesses(part["printed"])), None)
