"""Our prose as HTML: TeX between dollar signs becomes MathML, back-ticks become code, all else is escaped."""

from __future__ import annotations

import re
from typing import Any

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
        return str(convert(tex.strip(), display="block" if block else "inline"))
    except (DenominatorNotFoundError, ExtraLeftOrMissingRightError, IndexError, ValueError, KeyError):
        return f"<code>{escape(tex)}</code>"


def scrolling(formula: str, block: bool) -> str:
    """Wrapped, so that a formula wider than the page scrolls by itself."""
    return f'<span class="{"display" if block else "inline"}">{formula}</span>'
