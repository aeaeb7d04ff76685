"""The floors hold: arrows point down only, and the light-weight entry stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _lint(config: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(config_filename=sys.argv[1]))"
    return subprocess.run(
        [sys.executable, "-c", code, str(config)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the checkout")
def test_imports_point_down() -> None:
    done = _lint(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "KEPT" in done.stdout


def test_an_upward_import_would_be_seen(tmp_path: Path) -> None:
    # Negative control: with the layers upside down the same contract must break.
    text = (ROOT / "pyproject.toml").read_text()
    flipped = text.replace(
        'layers = ["figures", "proofs_check", "analysis", "quadratics | spectral", "optassay"]',
        'layers = ["optassay", "quadratics | spectral", "analysis", "proofs_check", "figures"]',
    )
    assert flipped != text
    config = tmp_path / "pyproject.toml"
    config.write_text(flipped)
    done = _lint(config)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize("heavy", ["numpy", "scipy", "sympy", "matplotlib", "torch", "cupy"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    code = (
        "import sys\nfrom optassay.cli import command\n"
        "command().main(['--help'], standalone_mode=False)\n"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
