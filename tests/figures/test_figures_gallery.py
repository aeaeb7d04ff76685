"""The gallery is whole, safe and asks no network for anything."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from figures import gallery, registry
from figures.cli import figures

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags nest, and collects addresses, ids and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"href", "src"} and value]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "img":
            self.images.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what is not open"


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    page.close()
    assert page.open == []
    return page


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    names = ("figure-1", "figure-4", "figure-5")
    only = [word for name in names for word in ("--only", f"dissecting-adam/{name}")]
    result = CliRunner().invoke(figures, ["--out", str(folder), "--jobs", "1", *only])
    assert result.exit_code == 0, result.output
    return folder


def test_page_nests_and_links_to_files_that_exist(out: Path) -> None:
    page = parse(out / "index.html")
    assert len(page.ids) == len(set(page.ids))
    assert len(page.images) == 3
    for address in page.addresses:
        if address.startswith("#"):
            assert address[1:] in page.ids
        else:
            assert (out / address).is_file(), address
    assert all(image["alt"] for image in page.images)


def test_page_asks_no_network(out: Path) -> None:
    text = (out / "index.html").read_text()
    assert not [url for url in re.findall(r"https?://[^\s\"'<]+", text) if url != "http://www.w3.org/1998/Math/MathML"]
    for drawing in out.rglob("*.svg"):
        assert not re.search(r"(href|src)=\"https?:", drawing.read_text())


def test_page_has_captions_as_mathml_and_both_colour_schemes(out: Path) -> None:
    text = (out / "index.html").read_text()
    assert "<math" in text
    assert "color-scheme: light dark" in text
    assert "$" not in text.partition("<main>")[2]


def test_verdicts_come_from_the_ledger(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import proofs_check.ledger as ledger

    monkeypatch.setattr(ledger, "recorded", lambda: {"a/b": "proved", "a/c": "supported"})
    assert gallery.verdicts(out) == {"a/b": "proved", "a/c": "supported"}
    try:
        (out / "ledger.json").write_text(json.dumps({"claims": [{"id": "a/b", "verdict": "refuted"}]}))
        assert gallery.verdicts(out) == {"a/b": "refuted", "a/c": "supported"}
        (out / "ledger.json").write_text("[]")
        with pytest.raises(ValueError, match="not a ledger"):
            gallery.verdicts(out)
    finally:
        (out / "ledger.json").unlink()


def test_markup_in_texts_is_shown_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(registry, "MODULES", ("sample_figures",))
    result = CliRunner().invoke(figures, ["--out", str(tmp_path), "--jobs", "1", "--only", "sample/one"])
    assert result.exit_code == 0, result.output
    page: Any = parse(tmp_path / "index.html")
    assert "script" not in page.tags and "b" not in page.tags
    text = (tmp_path / "index.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "A &lt;b&gt;paper" in text
