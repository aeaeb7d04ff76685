"""Small tables as HTML, for objects that show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any


def fact_table(title: str, facts: Mapping[str, Any]) -> str:
    """A table of names and values under a title; everything is escaped, floats have twelve digits."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(_text(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f'<table><caption style="text-align:left">{escape(title)}</caption><tbody>{rows}</tbody></table>'


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
