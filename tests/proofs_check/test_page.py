"""The ledger page: formulas as MathML, everything escaped, nothing fetched."""

from __future__ import annotations

import unicodedata
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
        assert f'assay("{entry["id"]}")' in page and f"check --claim {entry['id']}<" in page


def test_text_is_escaped() -> None:
    assert str(to_html("<b> & `x<y`")) == "&lt;b&gt; &amp; <code>x&lt;y</code>"
    assert "<mfrac>" in str(to_html(r"half: $\frac12$"))


def test_an_unreadable_formula_is_shown_as_it_is() -> None:
    assert "<code>" in str(to_html(r"$\left( x$"))


def test_script_letters_and_words_are_given_as_browsers_set_them() -> None:
    page = str(to_html(r"$\mathcal N(0,1)$, $\mathcal{L}_t$, $\mathrm{tr}\,Q$"))
    assert "\N{MATHEMATICAL SCRIPT CAPITAL N}" in page and "\N{SCRIPT CAPITAL L}" in page
    assert "<mo>tr</mo>" in page
    page = str(to_html(r"$\mathbf E[x]$, $\mathbb R^d$, $\mathbb{E}$, $\mathsf R$, $\mathbf{var}[g]$"))
    for name in ("MATHEMATICAL BOLD CAPITAL E", "DOUBLE-STRUCK CAPITAL R", "MATHEMATICAL SANS-SERIF CAPITAL R"):
        assert unicodedata.lookup(name) in page
    assert '<mo rspace="0">var</mo>' in page and "mathvariant" not in page


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("beta_1^t < 1", "β<sub>1</sub><sup>t</sup> &lt; 1"),
        ("v - m^2 = sum_{i<j} c_i c_j >= 0", "v - m<sup>2</sup> = ∑<sub>i&lt;j</sub> c<sub>i</sub> c<sub>j</sub> ≥ 0"),
        ("beta2^(-t/2), sqrt(pi/2)", "β<sub>2</sub><sup>−t/2</sup>, √(π/2)"),
        ("eta^4/4", "η<sup>4</sup>/4"),
        ("see softadam/eta-zero-is-sgdm, beta2-hat-unbiased", "see softadam/eta-zero-is-sgdm, beta2-hat-unbiased"),
        ("theta, meta_data, in_features, 3 - 2", "θ, meta_data, in_features, 3 - 2"),
    ],
)
def test_what_a_terminal_spells_out_is_set_as_a_formula(written: str, printed: str) -> None:
    assert str(to_html(written)) == printed
