"""The README's Python runs as it stands."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

README = Path(__file__).parents[2] / "README.md"


def test_the_examples_run_one_after_the_other(capsys: Any) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) >= 4
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(block, scope)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 4
    assert printed.split()[0] == "corrected"
    assert scope["params"].shape == (10_000, 2)
    assert scope["best"].rate <= scope["best"].certified_upper


def test_files_it_names_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert links
    for link in links:
        assert (README.parent / link).exists(), link


def test_its_table_is_what_the_ledger_says() -> None:
    made = runpy.run_path(str(README.parent / "docs" / "highlights.py"))
    assert made["fill"](README.read_text()) == README.read_text(), "run: python docs/highlights.py"
