"""Files that are there whole or not at all, and digests that say when a result is stale."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


def write_atomic(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write ``content`` to ``path`` through a temporary file in the same folder, so that no half-written file is seen.

    Raises
    ------
    OSError
        The folder cannot be made or written to; the message names it.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise OSError(f"cannot write {target}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        # mkstemp gives 0600; a result is as readable as any other file the user makes.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def source_digest(modules: Iterable[str | ModuleType]) -> str:
    """SHA-256 over the source files of whole packages or single modules, by sorted name.

    A result that was computed by other sources has another digest, helpers included. A name need not be imported yet:
    finding a package does not run it.

    Raises
    ------
    ValueError
        A module is not found or has no source file.
    """
    digest = hashlib.sha256()
    paths: set[Path] = set()
    for module in modules:
        path = _source_file(module)
        paths |= set(path.parent.rglob("*.py")) if path.name == "__init__.py" else {path}
    for path in sorted(paths):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_file(module: str | ModuleType) -> Path:
    name = module if isinstance(module, str) else module.__name__
    loaded = sys.modules.get(name) if isinstance(module, str) else module
    spec = importlib.util.find_spec(name) if loaded is None else None
    file = loaded.__file__ if loaded is not None else (spec.origin if spec is not None else None)
    if file is None:
        raise ValueError(f"module {name} is not found or has no source file")
    return Path(file)
