"""The documentation leaves out no public module, and links to files that exist."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import analysis

DOCS = Path(__file__).parents[2] / "docs"


def test_every_module_of_analysis_is_documented() -> None:
    text = (DOCS / "api" / "analysis.md").read_text()
    named = set(re.findall(r"automodule:: analysis\.(\w+)", text))
    assert named == {module.name for module in pkgutil.iter_modules(analysis.__path__) if module.name[0] != "_"}


def test_pages_name_files_that_exist() -> None:
    pages = sorted(DOCS.rglob("*.md"))
    assert len(pages) >= 10
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists() or (page.parent / f"{link}.md").exists(), (page.name, link)
