"""Whether a figure's files are what its sources would make now, and if not, why.

The data file in the output folder is the cache: it carries the digest of the sources that computed it, so nothing is
hidden in a folder elsewhere, and deleting the output folder forgets everything. Data of each level has its own file;
the drawing is that of the level asked for last.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from optassay.files import source_digest

from .registry import Figure, Level
from .store import CorruptEntry, read_provenance
from .style import STYLE

DATA_VERSIONS = ("numpy", "scipy")
DRAWING_SUFFIXES = (".csv", ".svg", ".png")


@dataclass(frozen=True)
class Plan:
    """What is to be done for a figure: nothing, a new drawing, or new data and a new drawing."""

    figure: Figure
    reason: str
    compute: bool
    draw: bool

    @property
    def fresh(self) -> bool:
        return not (self.compute or self.draw)


def data_path(out: Path, figure_id: str, level: Level) -> Path:
    return out / f"{figure_id}.{level.value}.npz"


def drawing_paths(out: Path, figure_id: str) -> list[Path]:
    return [out / f"{figure_id}{suffix}" for suffix in DRAWING_SUFFIXES]


@cache
def _digest(modules: tuple[str, ...]) -> str:
    return source_digest(modules)


@cache
def _versions(names: tuple[str, ...]) -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def data_origin(figure: Figure) -> dict[str, Any]:
    """Digest of the sources and versions of the libraries that compute the figure's data."""
    modules = tuple(sorted({*figure.uses, figure.data.__module__}))
    return {"source": _digest(modules), "modules": list(modules), "versions": _versions(DATA_VERSIONS)}


def drawing_origin(figure: Figure) -> str:
    """Digest of all that decides how given data looks: drawing, table and caption code, style and matplotlib."""
    modules = {figure.draw.__module__, figure.table.__module__, figure.caption.__module__}
    digest = hashlib.sha256(_digest(tuple(sorted({*modules, f"{__package__}.style", f"{__package__}.store"}))).encode())
    digest.update(STYLE.read_bytes())
    digest.update(str(_versions(("matplotlib",))).encode())
    return digest.hexdigest()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plan(figure: Figure, out: Path, level: Level, record: Mapping[str, Any] | None, force: bool = False) -> Plan:
    """Compare the files in ``out`` and the manifest's ``record`` of the figure with what its sources are now."""
    if force:
        return Plan(figure, "forced", True, True)
    path = data_path(out, figure.id, level)
    if not path.is_file():
        return Plan(figure, "new" if record is None else f"new at level {level.value}", True, True)
    try:
        provenance = read_provenance(path)
    except CorruptEntry:
        return Plan(figure, "cache entry corrupt", True, True)
    current = data_origin(figure)
    if provenance.get("source") != current["source"]:
        return Plan(figure, "source changed", True, True)
    if provenance.get("versions") != current["versions"]:
        return Plan(
            figure, f"versions changed ({_difference(provenance['versions'], current['versions'])})", True, True
        )
    if record is None:
        return Plan(figure, "new drawing", False, True)
    # Another source in the record: the run that computed this data was stopped before it could draw it.
    if record["level"] == level.value and record["data"]["source"] == current["source"]:
        if record["data"]["sha256"] != sha256(path):
            return Plan(figure, "cache entry corrupt", True, True)
    elif record["level"] == level.value:
        return Plan(figure, "new drawing", False, True)
    else:
        return Plan(figure, f"level changed ({record['level']} to {level.value})", False, True)
    if record["drawing"] != drawing_origin(figure):
        return Plan(figure, "drawing changed", False, True)
    for file in drawing_paths(out, figure.id):
        if not file.is_file():
            return Plan(figure, f"{file.name} is missing", False, True)
        if sha256(file) != record["files"].get(file.suffix[1:]):
            return Plan(figure, f"{file.name} was changed", False, True)
    return Plan(figure, "fresh", False, False)


def _difference(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {old.get(name, 'none')} to {new[name]}" for name in new if old.get(name) != new[name])
