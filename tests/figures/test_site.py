"""The static site: every link leads somewhere, nothing is fetched, and bad input is answered in a sentence."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from click.testing import CliRunner
from site_case import CLAIMS, made  # noqa: F401

from figures.site.cli import site

Made = tuple[Path, Path, Path]
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Addresses and ids of a page whose tags nest."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in {"href", "src"} and value]
        self.ids |= {value for name, value in attrs if name == "id" and value}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what is not open"


def test_every_link_leads_to_a_file_and_a_place_in_it(made: Made) -> None:  # noqa: F811
    out = made[2]
    pages = {path: Page(path) for path in out.rglob("*.html")}
    assert {str(path.relative_to(out)) for path in pages} == {
        "index.html",
        "claims.html",
        "papers/dissecting-adam.html",
        "papers/softadam.html",
        "errata/index.html",
        "errata/dissecting-adam.html",
        "errata/softadam.html",
        "figures/index.html",
    }
    dangling = []
    for path, page in pages.items():
        for address in page.addresses:
            file, _, place = address.partition("#")
            target = (path.parent / unquote(file)).resolve() if file else path
            # A figure bears on claims that this small ledger does not hold.
            elsewhere = path.parent.name == "figures" and place and place not in CLAIMS
            if not target.is_file() or (place and not elsewhere and place not in pages[target].ids):
                dangling.append((path.name, address))
    assert dangling == []


def test_nothing_is_fetched(made: Made) -> None:  # noqa: F811
    for path in made[2].rglob("*.html"):
        urls = re.findall(r"https?://[^\s\"'<]+", path.read_text())
        assert set(urls) <= {"http://www.w3.org/1998/Math/MathML"}, path


def test_pages_say_what_the_ledger_says(made: Made) -> None:  # noqa: F811
    ledger, _, out = made
    entries: list[dict[str, Any]] = json.loads(ledger.read_text())["claims"]
    for entry in entries:
        page = (out / "papers" / f"{entry['paper']}.html").read_text()
        assert f'id="{entry["id"]}"' in page
        assert f"optassay check --claim {entry['id']}" in page
        faulty = entry["verdict"] in ("refuted", "corrected", "vacuous")
        assert (f'id="{entry["id"]}"' in (out / "errata" / f"{entry['paper']}.html").read_text()) == faulty
    assert "dissecting-adam/figure-4.svg" in (out / "papers" / "dissecting-adam.html").read_text()


def test_a_second_build_writes_the_same_bytes(made: Made, tmp_path: Path) -> None:  # noqa: F811
    ledger, drawn, out = made
    assert CliRunner().invoke(site, [f"--ledger={ledger}", f"--figures={drawn}", f"--out={tmp_path}"]).exit_code == 0
    first = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert first == {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_bad_input_names_the_cure(made: Made, tmp_path: Path) -> None:  # noqa: F811
    ledger, drawn, _ = made

    def refused(*words: str) -> str:
        result = CliRunner().invoke(site, [*words, "--out", str(tmp_path / "site")])
        assert result.exit_code == 2
        assert not (tmp_path / "site").exists()
        return result.output

    assert "optassay check --json" in refused("--ledger", str(tmp_path / "none.json"), "--figures", str(drawn))
    assert "optassay figures --out" in refused("--ledger", str(ledger), "--figures", str(tmp_path))
    unfinished = tmp_path / "unfinished.json"
    unfinished.write_text(json.dumps(json.loads(ledger.read_text()) | {"complete": False}))
    assert "goes on from there" in refused("--ledger", str(unfinished), "--figures", str(drawn))
    assert "no index.html" in refused(f"--ledger={ledger}", f"--figures={drawn}", f"--docs={tmp_path}")
