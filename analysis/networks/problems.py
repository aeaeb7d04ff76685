"""What is wrong in an experiment file, with line and key."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from typing import Any

Key = str | int


class ExperimentError(ValueError):
    """An experiment that cannot run, in one line that names file, line and key."""


class Problem(Exception):
    """Something wrong with the value at a path of keys."""

    def __init__(self, path: tuple[Key, ...], message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)``, or what there is."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def located(where: str, text: str, problem: Problem) -> str:
    """``file, line 12: optimizers[0].step_size: message``."""
    path = problem.path
    line = None
    # The value may come from the table of --quick; a missing key is reported at its table.
    for candidate in (path, ("quick", *path)):
        line = line or line_of(text, candidate)
    shown = ""
    for key in path:
        shown += f"[{key}]" if isinstance(key, int) else f".{key}" if shown else str(key)
    while line is None and path:
        path = path[:-1]
        line = line_of(text, path) if path else None
    return f"{where}{f', line {line}' if line else ''}: {f'{shown}: ' if shown else ''}{problem.message}"


def line_of(text: str, path: tuple[Key, ...]) -> int | None:
    """Line of a TOML text on which the value at ``path`` begins; None if it has none.

    The parser says where a value is: the first lines that hold it and are TOML by themselves end with it.
    """
    lines = text.splitlines()
    begin = 0  # first line after the last complete text without the value
    for end in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _holds(content, path):
            blank = [line.strip() == "" or line.lstrip().startswith("#") for line in lines[begin:end]]
            return begin + blank.index(False) + 1
        begin = end
    return None


def _holds(content: Any, path: tuple[Key, ...]) -> bool:
    for key in path:
        here = range(len(content)) if isinstance(content, list) else content if isinstance(content, dict) else ()
        if key not in here:
            return False
        content = content[key]
    return True
