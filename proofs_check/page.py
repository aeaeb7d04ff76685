"""The ledger as one self-contained HTML page: statements as MathML, evidence to unfold, no request to any network."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import files
from typing import Any

_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|`(.+?)`", re.DOTALL)


def to_html(text: str) -> Any:
    """Our prose with TeX between dollar signs and code between back-ticks, as safe HTML with MathML."""
    from markupsafe import Markup, escape

    pieces: list[str] = []
    position = 0
    for match in _FORMULA.finditer(text):
        pieces.append(str(escape(text[position : match.start()])))
        display, inline, code = match.groups()
        if code is not None:
            pieces.append(f"<code>{escape(code)}</code>")
        else:
            pieces.append(_mathml(display or inline, block=display is not None))
        position = match.end()
    pieces.append(str(escape(text[position:])))
    return Markup("".join(pieces))


def _mathml(tex: str, block: bool) -> str:
    from latex2mathml.converter import convert
    from latex2mathml.exceptions import DenominatorNotFoundError, ExtraLeftOrMissingRightError
    from markupsafe import escape

    try:
        formula = str(convert(tex.strip(), display="block" if block else "inline"))
    except (DenominatorNotFoundError, ExtraLeftOrMissingRightError, IndexError, ValueError, KeyError):
        # A formula the converter cannot read is shown as TeX rather than lost.
        return f"<code>{escape(tex)}</code>"
    # The wrapper scrolls by itself where a formula is wider than the page.
    return f'<span class="{"display" if block else "inline"}">{formula}</span>'


def _sentence(entry: dict[str, Any]) -> str:
    """The evidence of an entry in one sentence, from its parts."""
    if entry["verdict"] == "error":
        return f"The check failed: {entry['evidence']['error']}"
    missing = entry["evidence"].get("missing")
    parts = [part for part in entry["evidence"]["parts"] if part["bears"]]
    if not parts and missing:
        return f"Missing: {missing['what']}"
    counts = Counter(part["verdict"] for part in parts)
    said = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    return f"{len(parts)} {'part' if len(parts) == 1 else 'parts'} on which the verdict rests: {said}."


def rerun(claim_id: str) -> str:
    """Three lines of Python that judge one claim again."""
    return (
        "from proofs_check.claim import Budget\nfrom proofs_check.ledger import load_claims, run\n"
        f'print(next(run(load_claims(claim=["{claim_id}"]), Budget.FULL)))'
    )


def render(document: dict[str, Any]) -> str:
    """The page of a ledger document, as :func:`proofs_check.ledger.document` returns it."""
    from jinja2 import DictLoader, Environment

    source = (files("proofs_check") / "templates" / "ledger.html.j2").read_text()
    environment = Environment(
        loader=DictLoader({"page": source}), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    filters: dict[str, Any] = {
        "prose": to_html,
        "pretty": lambda value: json.dumps(value, indent=1, ensure_ascii=False),
        "sentence": _sentence,
        "rerun": rerun,
    }
    environment.filters |= filters
    claims = document["claims"]
    papers = list(dict.fromkeys(entry["paper"] for entry in claims))
    verdicts = Counter(entry["verdict"] for entry in claims)
    methods = sorted({m for entry in claims for m in entry["method"].split(", ") if m})
    return environment.get_template("page").render(
        document=document, claims=claims, papers=papers, verdicts=verdicts, methods=methods
    )
