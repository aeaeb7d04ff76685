"""Experiment files read and checked to the line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from .experiment import OVERRIDES, Data, Diagnostics, Experiment, Optimizer, Schedule, Tuning
from .problems import ExperimentError, Key, Problem, located, nearest

FOLDER = files("analysis.networks") / "experiments"


def shipped() -> list[str]:
    """Names of the experiment files that ship with the package."""
    return sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml"))


def find_text(name: str | Path) -> tuple[str, str]:
    """Name and text of an experiment file: a path, or the name of a shipped one.

    Raises
    ------
    ExperimentError
        Neither; the nearest shipped name is in the message.
    """
    path = Path(name)
    if path.suffix == ".toml":
        try:
            return str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ExperimentError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if str(name) in shipped():
        return f"{name}.toml", (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    raise ExperimentError(
        f"no experiment is called {str(name)!r}{nearest(str(name), shipped())} (optassay train --list shows them; a "
        "file of your own ends in .toml)"
    )


def load_experiment(name: str | Path, *, quick: bool = False) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    quick : bool
        With the changes of its table ``[quick]``.

    Raises
    ------
    ExperimentError
        No such file, no TOML (line and column), or a key that is unknown, missing or out of range (line and key).
    """
    where, text = find_text(name)
    return parse_experiment(text, where, quick=quick)


def parse_experiment(text: str, where: str = "experiment", *, quick: bool = False) -> Experiment:
    """As :func:`load_experiment`, from the text of a file."""
    content = _content(text, where)
    changes = content.pop("quick", {})
    content.setdefault("name", re.sub(r"[^a-z0-9-]+", "-", Path(where).stem.lower()).strip("-"))
    try:
        if not isinstance(changes, dict):
            raise Problem(("quick",), "must be a table")
        experiment = _validated(_quick(content, changes) if quick else content)
        # A file whose quick version is broken is broken.
        if not quick and changes:
            _validated(_quick(content, changes))
    except Problem as problem:
        raise ExperimentError(located(where, text, problem)) from problem
    return experiment


def _quick(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The content with the changes of ``[quick]``, which hold for optimizers that differ in those keys as well."""
    result = merged(content, changes)
    optimizers = result.get("optimizers")
    for optimizer in optimizers if isinstance(optimizers, list) else ():
        if isinstance(optimizer, dict) and isinstance(optimizer.get("with"), dict):
            optimizer["with"] = {key: value for key, value in optimizer["with"].items() if key not in changes}
    return result


def _content(text: str, where: str, depth: int = 0) -> dict[str, Any]:
    """The tables of a file upon those of the file that it is like."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        raise ExperimentError(f"{where}{f', line {place[1]}' if place else ''}: not TOML: {error}") from error
    base = content.pop("like", None)
    if base is None:
        return content
    if not isinstance(base, str) or depth > 3:
        raise ExperimentError(located(where, text, Problem(("like",), f"must name another file, got {base!r}")))
    # A file of one's own may be beside this one.
    beside = Path(where).parent / base
    found, base_text = find_text(beside if base.endswith(".toml") and beside.is_file() else base)
    below = {key: value for key, value in _content(base_text, found, depth + 1).items() if key not in _OWN}
    return merged(below, content)


_OWN = ("name", "title", "notes", "claims")  # not inherited


def merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged key by key, everything else replaced, and so is a table that gets another name."""
    result = dict(content)
    for key, value in changes.items():
        old = result.get(key)
        if (
            isinstance(old, Mapping)
            and isinstance(value, Mapping)
            and value.get("name", old.get("name")) == old.get("name")
        ):
            value = merged(old, value)
        result[key] = value
    return result


def _validated(content: Mapping[str, Any]) -> Experiment:
    try:
        experiment = Experiment.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        path: tuple[Key, ...] = tuple(first["loc"])
        # Alternatives of a type append their name to the path of the key.
        path = tuple(
            k
            for i, k in enumerate(path)
            if isinstance(k, int) or not re.match(r"(constrained-|int$|list\[|function-)", k)
        )
        if first["type"] == "extra_forbidden":
            raise Problem(path, f"unknown key{nearest(str(path[-1]), _keys_at(path[:-1]))}") from error
        if first["type"] == "missing":
            raise Problem(path, "is missing") from error
        message = first["msg"].removeprefix("Value error, ")
        given = "" if isinstance(first["input"], dict | list | Experiment | Schedule) else f", got {first['input']!r}"
        raise Problem(path, message + given) from error
    for i, optimizer in enumerate(experiment.optimizers):
        for key in optimizer.with_:
            if key not in OVERRIDES:
                raise Problem(("optimizers", i, "with", key), f"cannot differ per optimizer{nearest(key, OVERRIDES)}")
        try:
            changed(experiment, optimizer)
        except Problem as problem:
            raise Problem(("optimizers", i, "with", *problem.path), problem.message) from problem
    return experiment


def changed(experiment: Experiment, optimizer: Optimizer) -> Experiment:
    """The experiment as one optimizer sees it."""
    if not optimizer.with_:
        return experiment
    content = experiment.model_dump(by_alias=True)
    content["optimizers"] = [{"name": "Adam"}]
    return _validated(merged(content, optimizer.with_))


def _keys_at(path: tuple[Key, ...]) -> Sequence[str]:
    tables: dict[Any, type[BaseModel]] = {
        "data": Data,
        "schedule": Schedule,
        "tuning": Tuning,
        "diagnostics": Diagnostics,
    }
    model = tables.get(path[-1], Experiment) if path else Experiment
    return list(model.model_fields)
