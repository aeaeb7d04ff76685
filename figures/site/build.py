"""Writing the site: pages, and copies of the figures' files that they show and offer."""

from __future__ import annotations

import shutil
from pathlib import Path

from optassay.files import write_atomic

from ..staleness import drawing_paths
from .material import Material
from .pages import pages


def build(material: Material, out: Path, documentation: Path | None = None) -> list[Path]:
    """Write the site of ``material`` into the folder ``out``; returns the pages written.

    Pages of an earlier build that are no longer part of the site are left alone.

    Parameters
    ----------
    material : Material
    out : Path
    documentation : Path, optional
        Folder with the documentation as HTML, to be copied in.
    """
    for figure in material.figures:
        data = material.folder / material.records[figure.id]["data"]["file"]
        for source in (*drawing_paths(material.folder, figure.id), data):
            _copy(source, out / "figures" / source.relative_to(material.folder))
    if documentation is not None:
        shutil.copytree(documentation, out / "docs", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    return [write_atomic(out / page.path, page.text.encode()) for page in pages(material, documentation is not None)]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
