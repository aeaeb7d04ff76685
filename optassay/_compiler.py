"""The machine's C compiler, for loops that would cost several passes over memory as ready-made calls."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

FLAGS = ("-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-shared", "-fPIC")


@cache
def compiler() -> str | None:
    """The C compiler: ``$CC``, or the first of cc, gcc and clang; None if there is none."""
    return next(
        (found for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (found := shutil.which(name))), None
    )


@cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="optassay-")  # private to this process, removed at its end


@cache
def build(text: str, *flags: str) -> ctypes.CDLL | None:
    """The library of a C source, None if there is no compiler or it fails; ``flags`` join ``FLAGS``."""
    cc = compiler()
    if cc is None:
        return None
    folder = Path(_folder().name)
    stem = folder / f"kernel{len(list(folder.glob('*.c')))}"
    stem.with_suffix(".c").write_text(text)
    library = stem.with_suffix(".so")
    for native in (("-march=native",), ()):
        command = [cc, *FLAGS, *flags, *native, "-o", str(library), str(stem.with_suffix(".c")), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            return ctypes.CDLL(str(library))
    return None
