"""Our prose as HTML: TeX between dollar signs becomes MathML, back-ticks become code, all else is escaped."""

from __future__ import annotations

import re
from typing import Any

# Browsers set MathML's script letters in plain type, and words letter by letter, unless they are given like this.
_SCRIPT = re.compile(r"\\mathcal\s*(?:\{([A-Z])\}|([A-Z]))")
_WORD = re.compile(r"\\mathrm\s*\{([A-Za-z]{2,})\}")
_IRREGULAR = {"B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ"}
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|`(.+?)`", re.DOTALL)


def to_html(text: str) -> Any:
    """Prose with TeX between dollar signs and code between back-ticks, as safe HTML (a ``markupsafe.Markup``)."""
    from markupsafe import Markup, escape

    pieces: list[str] = []
    position = 0
    for match in _FORMULA.finditer(text):
        pieces.append(str(escape(text[position : match.start()])))
        display, inline, code = match.groups()
        if code is not None:
            pieces.append(f"<code>{escape(code)}</code>")
        else:
            pieces.append(scrolling(mathml(display or inline, block=display is not None), display is not None))
        position = match.end()
    pieces.append(str(escape(text[position:])))
    return Markup("".join(pieces))


def mathml(tex: str, block: bool) -> str:
    """A formula as MathML; one that the converter cannot read is shown as TeX rather than lost."""
    from latex2mathml.converter import convert
    from latex2mathml.exceptions import DenominatorNotFoundError, ExtraLeftOrMissingRightError
    from markupsafe import escape

    try:
        return str(convert(_plain_letters(tex.strip()), display="block" if block else "inline"))
    except (DenominatorNotFoundError, ExtraLeftOrMissingRightError, IndexError, ValueError, KeyError):
        return f"<code>{escape(tex)}</code>"


def _plain_letters(tex: str) -> str:
    def script(match: re.Match[str]) -> str:
        letter = match[1] or match[2]
        return "{" + _IRREGULAR.get(letter, chr(0x1D49C + ord(letter) - ord("A"))) + "}"

    return _WORD.sub(r"\\operatorname{\1}", _SCRIPT.sub(script, tex))


def scrolling(formula: str, block: bool) -> str:
    """Wrapped, so that a formula wider than the page scrolls by itself."""
    return f'<span class="{"display" if block else "inline"}">{formula}</span>'
