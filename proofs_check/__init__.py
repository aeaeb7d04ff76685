"""Claims of the papers, their checks, and verdicts computed from evidence.

``assay("paper/claim")`` judges a claim and shows the result. A pack of claims of another paper is written with
:class:`Claim`, :class:`Part` and the kinds of evidence.
"""

from typing import TYPE_CHECKING, Any

import optassay as _core  # refuses a stranger in place of one of our packages

from .claim import (
    Budget,
    Claim,
    Exact,
    Missing,
    Part,
    Sampled,
    Unsatisfiable,
    Verdict,
    Way,
    Witness,
)

if TYPE_CHECKING:
    from .notebook import Ledger, assay

__all__ = [
    "Budget",
    "Claim",
    "Exact",
    "Ledger",
    "Missing",
    "Part",
    "Sampled",
    "Unsatisfiable",
    "Verdict",
    "Way",
    "Witness",
    "assay",
]
del _core


def __getattr__(name: str) -> Any:
    # Packs import this package for their claims; only a notebook needs the pages.
    if name in ("Ledger", "assay"):
        from . import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
