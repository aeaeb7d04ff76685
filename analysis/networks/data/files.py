"""Published files in a local folder: found, or named; checked, or refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class DataFileError(ValueError):
    """Data files are missing or not what was published."""


def require(
    folder: Path, choices: Sequence[Sequence[str]], checksums: Mapping[str, str] | None, what: str
) -> list[Path]:
    """The files of the first complete choice, each with its published MD5.

    Parameters
    ----------
    folder : Path
        Where all data lie.
    choices : sequence of sequences of str
        Alternatives; each lists files relative to ``folder``.
    checksums : mapping or None
        MD5 by the file's last name; None checks nothing (files of one's own in the same format).
    what : str
        The data set, for messages.

    Raises
    ------
    DataFileError
        Files are missing (all are named, and where they go), or one differs from what was published.
    """
    for names in choices:
        paths = [folder / name for name in names]
        if all(path.is_file() for path in paths):
            break
    else:
        lacking = [" and ".join(n for n in names if not (folder / n).is_file()) for names in choices]
        raise DataFileError(
            f"data {what!r} need files that are not in {folder}: put there {', or '.join(lacking)} as published "
            "(another folder: --data DIR or the variable OPTASSAY_DATA)"
        )
    for path in paths:
        expected = None if checksums is None else checksums[path.name]
        if expected is not None and (found := _md5(path)) != expected:
            raise DataFileError(
                f"{path} is not the published file: its MD5 is {found}, that of the published one {expected}; fetch it "
                "again, or set verify = false for files of your own in the same format"
            )
    return paths


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def read_idx(path: Path) -> np.ndarray:
    """Array of unsigned bytes from a gzipped IDX file (MNIST, Fashion-MNIST).

    Raises
    ------
    DataFileError
        Not gzip, another type of numbers, or fewer or more numbers than announced.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataFileError(f"{path} is not a complete gzip file: {error}") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataFileError(f"{path} is not an IDX file of unsigned bytes")
    axes = content[3]
    if len(content) < 4 + 4 * axes:
        raise DataFileError(f"{path} ends within its header")
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes)
    if values.size != np.prod(shape):
        raise DataFileError(f"{path} announces {shape} and holds {values.size} numbers")
    return values.reshape(shape)


def members(path: Path, names: Sequence[str]) -> list[bytes]:
    """Contents of files in a tar archive, by their last name; nothing is unpacked to disk.

    Raises
    ------
    DataFileError
        Not a complete archive, or a file is not in it.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for entry in archive:
                name = entry.name.rpartition("/")[2]
                if name in names and entry.isfile():
                    stream = archive.extractfile(entry)
                    found[name] = b"" if stream is None else stream.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataFileError(f"{path} is not a complete tar archive: {error}") from error
    missing = [name for name in names if name not in found]
    if missing:
        raise DataFileError(f"{path} lacks {', '.join(missing)}")
    return [found[name] for name in names]


def cifar_records(content: bytes, labels: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) and their last label (n,) from CIFAR's binary version.

    Parameters
    ----------
    labels : int
        Label bytes ahead of each image: 1 for CIFAR-10, 2 (coarse, fine) for CIFAR-100.
    """
    size = labels + 3072
    if not content or len(content) % size:
        raise DataFileError(f"{where}: {len(content)} bytes are no whole number of records of {size}")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, size)
    return records[:, labels:].reshape(-1, 3, 32, 32), records[:, labels - 1].astype(np.int64)


def cifar_pickle(content: bytes, key: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`cifar_records`, from CIFAR's Python version; nothing but arrays is unpickled."""
    try:
        found = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        images = np.asarray(found[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(found[key], dtype=np.int64)
    except (pickle.UnpicklingError, KeyError, ValueError, EOFError, TypeError, AttributeError) as error:
        raise DataFileError(f"{where} is not a batch of CIFAR's Python version: {error}") from error
    if labels.shape != images.shape[:1]:
        raise DataFileError(f"{where}: {len(images)} images and {labels.size} labels")
    return images, labels


class _ArraysOnly(pickle.Unpickler):
    """A pickle can call anything; this one may build arrays and nothing else."""

    _known = frozenset(
        {("_codecs", "encode"), ("numpy", "dtype"), ("numpy", "ndarray")}
        | {(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}
        | {(f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")}
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"refused to unpickle {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
