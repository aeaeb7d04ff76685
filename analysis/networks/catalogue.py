"""Which experiment file decides which claim, and which claims are beyond the files and why."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

_HERE = files("analysis.networks")


@cache
def decided_by() -> dict[str, list[str]]:
    """Names of the shipped experiment files by the claims on which their results bear."""
    found: dict[str, list[str]] = {}
    for entry in sorted((_HERE / "experiments").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            for claim in tomllib.loads(entry.read_text(encoding="utf-8")).get("claims", ()):
                found.setdefault(claim, []).append(entry.name.removesuffix(".toml"))
    return found


def beyond() -> dict[str, str]:
    """Claims about networks that no experiment file can decide, each with what is missing."""
    return tomllib.loads((_HERE / "beyond.toml").read_text(encoding="utf-8"))
