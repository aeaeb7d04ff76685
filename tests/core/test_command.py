"""The command: sub-commands from entry points, usage errors in one line with exit code 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("optassay"))


def call(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *args], capture_output=True, text=True, check=False)


def test_help_lists_the_commands() -> None:
    done = call("--help")
    assert done.returncode == 0
    assert "check" in done.stdout
    assert "figures" in done.stdout


def test_version() -> None:
    from optassay import __version__

    assert __version__ in call("--version").stdout


@pytest.mark.parametrize(("typed", "meant"), [("chek", "check"), ("figure", "figures")])
def test_unknown_command_suggests_the_nearest(typed: str, meant: str) -> None:
    done = call(typed)
    assert done.returncode == 2
    assert f"Did you mean '{meant}'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_has_a_short_help() -> None:
    from importlib.metadata import entry_points

    from optassay.cli import GROUP, SHORT_HELP

    assert {point.name for point in entry_points(group=GROUP)} <= set(SHORT_HELP)
