"""Our prose as HTML: TeX between dollar signs becomes MathML, back-ticks become code, all else is escaped.

Names and notes also stand in terminals, where they write `beta_1^2 >= 0`; on a page that is set as a formula is.
"""

from __future__ import annotations

import re
from typing import Any

# Browsers set MathML's script, bold and open letters in plain type, and words letter by letter, unless they are given
# like this.
_SCRIPT = re.compile(r"\\math(cal|bf|bb|sf)\s*(?:\{([A-Za-z])\}|([A-Za-z]))")
_FIRST = {"cal": (0x1D49C, 0x1D4B6), "bf": (0x1D400, 0x1D41A), "bb": (0x1D538, 0x1D552), "sf": (0x1D5A0, 0x1D5BA)}
_WORD = re.compile(r"\\math(?:rm|bf)\s*\{([A-Za-z]{2,})\}")
_APPLIED = re.compile(r"<mo>([A-Za-z]{2,})</mo>(?=<mo stretchy=\"false\">(?:&#x00028;|\[))")
_IRREGULAR = {
    "cal": {"B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ"},
    "bb": {"C": "ℂ", "H": "ℍ", "N": "ℕ", "P": "ℙ", "Q": "ℚ", "R": "ℝ", "Z": "ℤ"},
}
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|`(.+?)`", re.DOTALL)

_NAMES = (
    "alpha beta gamma delta eps epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi omega Sigma Gamma"
)
_GREEK = dict(zip(_NAMES.split(), "αβγδεεζηθκλμνξπρστφωΣΓ", strict=True))
# Ids, such as beta2-hat-unbiased, are left alone.
_GREEK_NAME = re.compile(rf"(?<![A-Za-z_])({'|'.join(_GREEK)})(\d?)(?![A-Za-z0-9]|-(?:[a-z]+-)+[a-z])")
_SYMBOLS = [
    (re.compile(pattern), symbol)
    for pattern, symbol in (
        (r"&lt;=", "≤"),
        (r"&gt;=", "≥"),
        (r"!=", "≠"),
        (r"(?<![\w+-])\+-(?=[\s\w.])", "±"),
        (r"-&gt;", "→"),
        (r"&lt;&lt;", "≪"),
        (r"\bsqrt(?:\s(?=\w)|(?=\())", "√"),
        (r"\bsum(?=_)", "∑"),
        (r"\bgrad (?=[A-Za-z](?![a-z]))", "∇"),
        (r"(?<!\w)([a-z])(?:_hat\b|\^(?=[,.;: )]|$))", "\\1\N{COMBINING CIRCUMFLEX ACCENT}"),
    )
]
_INDEX = re.compile(r"(?<![A-Za-z_])([A-Za-zΑ-ω∑])_(\{[^{}]*\}|[A-Za-z0-9]{1,3}(?![A-Za-z0-9])|\*)")
_POWER = re.compile(r"([\w)\]|*]|</sub>)\^(\{[^{}]*\}|\([^()]*\)|-?[A-Za-z0-9α-ω]+|\+(?= ))")


def to_html(text: str) -> Any:
    """Prose with TeX between dollar signs and code between back-ticks, as safe HTML (a ``markupsafe.Markup``)."""
    from markupsafe import Markup, escape

    pieces: list[str] = []
    position = 0
    for match in _FORMULA.finditer(text):
        pieces.append(_typeset(str(escape(text[position : match.start()]))))
        display, inline, code = match.groups()
        if code is not None:
            pieces.append(f"<code>{escape(code)}</code>")
        else:
            pieces.append(scrolling(mathml(display or inline, block=display is not None), display is not None))
        position = match.end()
    pieces.append(_typeset(str(escape(text[position:]))))
    return Markup("".join(pieces))


def _typeset(html: str) -> str:
    """Escaped text with Greek names, relations, indices and powers as they are printed in formulas."""

    def greek(match: re.Match[str]) -> str:
        return _GREEK[match[1]] + (f"_{match[2]}" if match[2] else "")

    def raised(match: re.Match[str]) -> str:
        exponent = match[2][1:-1] if match[2][0] in "{(" else match[2]
        return f"{match[1]}<sup>{exponent.replace('-', '−')}</sup>"

    html = _GREEK_NAME.sub(greek, html)
    for pattern, symbol in _SYMBOLS:
        html = pattern.sub(symbol, html)
    html = _INDEX.sub(lambda match: f"{match[1]}<sub>{match[2].strip('{}')}</sub>", html)
    return _POWER.sub(raised, html)


def mathml(tex: str, block: bool) -> str:
    """A formula as MathML; one that the converter cannot read is shown as TeX rather than lost."""
    from latex2mathml.converter import convert
    from latex2mathml.exceptions import DenominatorNotFoundError, ExtraLeftOrMissingRightError
    from markupsafe import escape

    try:
        formula = str(convert(_plain_letters(tex.strip()), display="block" if block else "inline"))
        return _APPLIED.sub(r'<mo rspace="0">\1</mo>', formula)
    except (DenominatorNotFoundError, ExtraLeftOrMissingRightError, IndexError, ValueError, KeyError):
        return f"<code>{escape(tex)}</code>"


def _plain_letters(tex: str) -> str:
    def script(match: re.Match[str]) -> str:
        font, letter = match[1], match[2] or match[3]
        capital, small = _FIRST[font]
        regular = chr(capital + ord(letter) - ord("A") if letter.isupper() else small + ord(letter) - ord("a"))
        return "{" + _IRREGULAR.get(font, {}).get(letter, regular) + "}"

    return _WORD.sub(r"\\operatorname{\1}", _SCRIPT.sub(script, tex))


def scrolling(formula: str, block: bool) -> str:
    """Wrapped, so that a formula wider than the page scrolls by itself."""
    return f'<span class="{"display" if block else "inline"}">{formula}</span>'
