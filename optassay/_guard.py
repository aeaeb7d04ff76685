"""Refuse to run with a stranger's module in place of one of our own flat-named packages."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

SIBLINGS = ("quadratics", "spectral", "analysis", "proofs_check", "figures")


def _location(name: str) -> Path | None:
    """Folder or file that ``import name`` gives (or has given); None when nothing is found."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
    if spec is None:
        return None
    if spec.origin and spec.origin not in {"namespace", "built-in", "frozen"}:
        return Path(spec.origin)
    places = list(spec.submodule_search_locations or ())
    return Path(places[0]) if places else None


def check_siblings() -> None:
    """Raise ImportError when a package of ours would come from somewhere else.

    A file ``analysis.py`` beside a notebook, a bare folder ``figures`` in the working directory of an editable
    install, or another distribution called ``spectral`` would otherwise win silently.
    """
    home = Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        place = _location(name)
        if place is None:
            raise ImportError(f"optassay's package '{name}' is missing beside {home}: reinstall optassay", name=name)
        expected = home / name
        if place.resolve() in {expected, expected / "__init__.py"}:
            continue
        raise ImportError(
            f"'{name}' would be loaded from {place}, which is not the package of that name that belongs to optassay "
            f"({expected}). Cure: rename or move {place}, start Python from another folder, "
            "or uninstall the distribution that brought it.",
            name=name,
            path=str(place),
        )
