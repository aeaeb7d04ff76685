"""Judging claims from a notebook or a prompt, and a ledger that shows itself there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .claim import Budget
from .ledger import load_claims, run
from .page import environment, tally
from .summary import sentence


@dataclass(frozen=True)
class Ledger:
    """Entries of judged claims, as dictionaries of the ledger's JSON form.

    Indexed by claim id, iterated in the order of the papers.
    """

    entries: tuple[dict[str, Any], ...]

    @property
    def verdicts(self) -> Counter[str]:
        """How many entries have each verdict."""
        return tally(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.entries)

    def __getitem__(self, claim_id: str) -> dict[str, Any]:
        for entry in self.entries:
            if entry["id"] == claim_id:
                return entry
        raise KeyError(f"{claim_id!r} is not in this ledger of {len(self)} claims")

    def __repr__(self) -> str:
        return "\n".join(f"{entry['verdict']:>10}  {entry['id']}: {sentence(entry)}" for entry in self)

    def _repr_html_(self) -> str:
        return environment().get_template("notebook.html.j2").render(entries=self.entries)


def assay(
    *claims: str, paper: str | Sequence[str] = (), budget: Literal["quick", "full"] = "quick", jobs: int = 1
) -> Ledger:
    """Judge claims now and return their ledger.

    Parameters
    ----------
    *claims : str
        Claim ids such as ``"dissecting-adam/lemma-1-variance-adaptation"``; all claims when none and no paper is named.
    paper : str or sequence of str
        Only claims of these papers.
    budget : {"quick", "full"}
        How much work a check may spend.
    jobs : int
        Processes.

    Raises
    ------
    ValueError
        Unknown claim, paper or budget, or ``jobs`` below one; names are answered with the nearest one.
    """
    if budget not in ("quick", "full"):
        raise ValueError(f"budget must be 'quick' or 'full', got {budget!r}")
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    chosen = load_claims([paper] if isinstance(paper, str) else paper, claims)
    order = {item.id: position for position, item in enumerate(chosen)}
    entries = sorted(run(chosen, Budget(budget), jobs), key=lambda entry: order[entry["id"]])
    return Ledger(tuple(entries))
