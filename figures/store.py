"""Bytes of data files: NPZ with its provenance inside, and CSV; the same arrays give the same bytes."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .registry import FigureData

PROVENANCE = "_provenance"  # name of the NPZ entry that holds the JSON text
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class CorruptEntry(Exception):
    """A data file that cannot be read back whole."""


def npz_bytes(data: FigureData, provenance: Mapping[str, Any]) -> bytes:
    """The arrays and their provenance as a compressed NPZ archive (numpy gives its members one fixed date)."""
    stream = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(data.arrays[name]) for name in sorted(data.arrays)}
    text = json.dumps({**provenance, "inputs": data.inputs}, sort_keys=True, ensure_ascii=False)
    arrays[PROVENANCE] = np.asarray(text)
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def read_provenance(path: Path) -> dict[str, Any]:
    """Only the provenance of a data file.

    Raises
    ------
    CorruptEntry
        The file is not an archive of ours.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return json.loads(str(archive[PROVENANCE]))
    except _UNREADABLE as error:
        raise CorruptEntry(f"{path}: {error}") from error


def read_npz(path: Path) -> FigureData:
    """All arrays of a data file; checksums of the archive are verified on the way.

    Raises
    ------
    CorruptEntry
        The file cannot be read back whole.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name != PROVENANCE}
            return FigureData(arrays, json.loads(str(archive[PROVENANCE]))["inputs"])
    except _UNREADABLE as error:
        raise CorruptEntry(f"{path}: {error}") from error


def csv_bytes(columns: Mapping[str, np.ndarray]) -> bytes:
    """Columns of one length as CSV: a header, ``\\n`` line ends, floats with twelve significant digits.

    Raises
    ------
    ValueError
        Columns of different lengths.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of a table must have one length, got {lengths}")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_cells(np.asarray(values)) for values in columns.values()), strict=True))
    return stream.getvalue().encode()


def _cells(values: np.ndarray) -> list[str]:
    if np.issubdtype(values.dtype, np.floating):
        return [f"{value:.12g}" for value in values.tolist()]
    return [str(value) for value in values.tolist()]
