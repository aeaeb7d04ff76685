"""The README's table of verdicts, from the claims and the recorded verdicts.

Run: python docs/highlights.py        (rewrites the table between its two marks)
"""

from __future__ import annotations

from pathlib import Path

from optassay.files import write_atomic
from proofs_check import Claim, Part
from proofs_check.ledger import load_claims, recorded
from proofs_check.summary import first_sentence

README = Path(__file__).parents[1] / "README.md"
MARKS = ("<!-- verdicts: made by docs/highlights.py -->", "<!-- end of verdicts -->")
# Which claims are worth a look is a matter of taste; everything said about them is not.
CHOSEN = (
    "dissecting-adam/theorem-1-rate",
    "dissecting-adam/relative-variance-shortens-steps",
    "softadam/eta-minus-one-comparable-to-adam",
    "critical-momenta/cm-bias-correction",
    "critical-momenta/block-matrix",
    "critical-momenta/gp-flat-region-contains-minimum",
    "adamomentum/prop-1-proof-second-moment-ordering",
    "adamomentum/assumption-5-satisfiable",
    "adamomentum/proposition-1-escape-time",
    "adamomentum/theorem-1-regret",
    "anderson-mixing/gmres-equivalence",
    "anderson-mixing/theorem-5-bound",
)


def leading(claim: Claim, verdict: str) -> Part:
    """The part that says most: of a corrected claim the first that is repaired, else the first that bears."""
    bearing = [part for part in claim.parts if part.bears]
    if verdict == "corrected":
        return next(part for part in bearing if part.repair is not None)
    return bearing[0]


def row(claim: Claim, verdict: str) -> str:
    """One line of the table."""
    part = leading(claim, verdict)
    found = first_sentence(part.note) or part.name
    if part.repair_note:
        found = f"{found.rstrip('.')}. Right: {part.repair_note}"
    cell = found.replace("|", r"\|").replace("\n", " ")
    return f"| {claim.paper}, {claim.location} | **{verdict}** | {cell} | `{claim.id.partition('/')[2]}` |"


def table() -> str:
    """The whole table, and how many claims have each verdict."""
    verdicts = recorded()
    claims = {claim.id: claim for claim in load_claims()}
    counts = {word: list(verdicts.values()).count(word) for word in dict.fromkeys(verdicts.values())}
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    head = f"{len(verdicts)} claims: {', '.join(f'{count} {word}' for word, count in ordered)}. Some of them:"
    lines = ["| where | verdict | what was found | claim |", "|---|---|---|---|"]
    lines += [row(claims[name], verdicts[name]) for name in CHOSEN]
    return "\n".join([head, "", *lines])


def fill(text: str) -> str:
    """The README with its table made anew.

    Raises
    ------
    ValueError
        The marks are missing.
    """
    start, found, rest = text.partition(MARKS[0])
    _, closing, end = rest.partition(MARKS[1])
    if not (found and closing):
        raise ValueError(f"README.md must hold the marks {MARKS[0]} and {MARKS[1]}")
    return f"{start}{MARKS[0]}\n{table()}\n{MARKS[1]}{end}"


if __name__ == "__main__":
    write_atomic(README, fill(README.read_text()).encode())
