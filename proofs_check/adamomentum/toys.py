"""Section 5, appendices A and D: toy functions, figure 2, and the experiments that need data."""

from __future__ import annotations

from ..claim import Claim, Missing


def _open(slug: str, location: str, statement: str, would_decide: str, what: str = "") -> Claim:
    return Claim(
        id=f"adamomentum/{slug}",
        location=location,
        statement=statement,
        missing=Missing("proof", what or "a check of this statement", would_decide),
    )


CLAIMS = [
    _open(slug, "section 5", "", "")
    for slug in (
        "toy-functions",
        "toy-function-beale",
        "figure-2-fastest",
        "figure-2-rivals-much-slower",
        "figure-2-stable",
        "figure-2-sgdm-tuning",
    )
]
