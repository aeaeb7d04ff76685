"""The ledger page: formulas as MathML, everything escaped, nothing fetched."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from proofs_check.claim import Budget
from proofs_check.ledger import document, load_claims, run
from proofs_check.page import render
from proofs_check.prose import to_html


class Tags(HTMLParser):
    """Balance of tags, and every address the page would load."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.loads += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    ids = ["dissecting-adam/model-problem-loss", "dissecting-adam/improvement-ssd-appendix"]
    return list(run(load_claims(claim=ids)))


def test_page_is_whole_and_loads_nothing(entries: list[dict[str, Any]]) -> None:
    tags = Tags()
    tags.feed(render(document(entries, Budget.QUICK)))
    assert tags.open == []
    assert tags.loads == []
    assert tags.counts["article"] == 2
    assert tags.counts["math"] > 2


def test_verdicts_and_reruns_are_on_it(entries: list[dict[str, Any]]) -> None:
    page = render(document(entries, Budget.QUICK))
    for entry in entries:
        assert f'data-verdict="{entry["verdict"]}"' in page
        assert f"assay(&#34;{entry['id']}&#34;" in page


def test_text_is_escaped() -> None:
    assert str(to_html("<b> & `x<y`")) == "&lt;b&gt; &amp; <code>x&lt;y</code>"
    assert "<mfrac>" in str(to_html(r"half: $\frac12$"))


def test_an_unreadable_formula_is_shown_as_it_is() -> None:
    assert "<code>" in str(to_html(r"$\left( x$"))


def test_script_letters_and_words_are_given_as_browsers_set_them() -> None:
    page = str(to_html(r"$\mathcal N(0,1)$, $\mathcal{L}_t$, $\mathrm{tr}\,Q$"))
    assert "\N{MATHEMATICAL SCRIPT CAPITAL N}" in page and "\N{SCRIPT CAPITAL L}" in page
    assert "<mo>tr</mo>" in page
