"""A stranger's module in place of one of ours is refused, by name of the intruding path and with the cure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from optassay._guard import SIBLINGS


def run(code: str, cwd: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    import os

    env = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, path)))
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True)


def test_clean_folder_imports_all_six(tmp_path: Path) -> None:
    done = run(f"import optassay, {', '.join(SIBLINGS)}; print('ok')", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"


@pytest.mark.parametrize("imports", ["import optassay", "import quadratics"])
def test_a_file_beside_the_notebook_is_named(tmp_path: Path, imports: str) -> None:
    intruder = tmp_path / "analysis.py"
    intruder.write_text("x = 1\n")
    done = run(imports, tmp_path)
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    assert str(intruder) in done.stderr
    assert "Cure:" in done.stderr


def test_another_distribution_is_named(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "spectral").mkdir(parents=True)
    (site / "spectral" / "__init__.py").write_text("")
    info = site / "spectral-0.23.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spectral\nVersion: 0.23\n")
    done = run("import optassay", tmp_path, site)
    assert done.returncode != 0
    assert str(site / "spectral" / "__init__.py") in done.stderr
    assert "uninstall the distribution" in done.stderr


def test_an_intruder_that_was_imported_first_is_seen(tmp_path: Path) -> None:
    (tmp_path / "figures.py").write_text("")
    done = run("import figures\nimport sys\nsys.path.pop(0)\nimport optassay", tmp_path)
    assert done.returncode != 0
    assert "'figures' would be loaded from" in done.stderr


def test_an_unrelated_module_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "statistics_of_mine.py").write_text("")
    assert run("import optassay", tmp_path).returncode == 0
