"""Notebooks and the scripts they are paired with say the same; that they run is seen by nbmake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext", reason="needs the extra 'notebooks'")
FOLDER = Path(__file__).parents[2] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def test_there_are_five() -> None:
    assert len(SCRIPTS) == 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_is_its_script(script: Path) -> None:
    cells = [
        [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
        for path in (script, script.with_suffix(".ipynb"))
    ]
    assert cells[0] == cells[1], f"run: jupytext --update --to ipynb {script.name}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_path_of_a_machine_is_in_a_notebook(script: Path) -> None:
    text = script.with_suffix(".ipynb").read_text()
    assert str(FOLDER.parent) not in text
    assert not re.search(r"(?<![\w.])/(home|Users|root|tmp)/", text)
