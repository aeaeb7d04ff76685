"""The ledger as one self-contained HTML page: statements as MathML, evidence to unfold, no request to any network."""

from __future__ import annotations

import json
import pprint
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .errata import faults
from .prose import to_html
from .summary import first_sentence, place, sentence, short, stated

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(*packages: str) -> Environment:
    """Templates of this package, and of ``packages`` ahead of it, with the filters that all pages share."""
    from jinja2 import ChoiceLoader, PackageLoader
    from jinja2 import Environment as Templates

    templates = Templates(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, "proofs_check")]),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "prose": to_html,
        "pretty": lambda value: json.dumps(value, indent=1, ensure_ascii=False),
        "python": lambda value: pprint.pformat(value, width=100, sort_dicts=False),
        "sentence": sentence,
        "short": short,
        "faults": faults,
        "first_sentence": first_sentence,
        "place": place,
        "stated": stated,
    }
    templates.filters |= filters
    return templates


def tally(claims: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many entries have each verdict."""
    return Counter(entry["verdict"] for entry in claims)


def methods(claims: Iterable[Mapping[str, Any]]) -> list[str]:
    """Kinds of evidence among the entries."""
    return sorted({name for entry in claims for name in entry["method"].split(", ") if name})


def render(document: dict[str, Any]) -> str:
    """The page of a ledger document, as :func:`proofs_check.ledger.document` returns it."""
    claims = document["claims"]
    return (
        environment()
        .get_template("ledger.html.j2")
        .render(
            document=document,
            claims=claims,
            papers=list(dict.fromkeys(entry["paper"] for entry in claims)),
            verdicts=tally(claims),
            methods=methods(claims),
        )
    )
