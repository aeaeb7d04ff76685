"""Data files: same bytes, read back whole or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from figures.registry import FigureData, long_table
from figures.store import CorruptEntry, csv_bytes, npz_bytes, read_npz, read_provenance

DATA = FigureData({"b": np.linspace(0, 1, 500), "a": np.arange(6).reshape(2, 3)}, {"seed": 3, "note": "η"})


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(npz_bytes(DATA, {"source": "abc"}))
    back = read_npz(path)
    assert back.inputs == DATA.inputs
    assert set(back.arrays) == {"a", "b"}
    for name, values in DATA.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], values)
    assert read_provenance(path) == {"source": "abc", "inputs": DATA.inputs}


def test_bytes_do_not_depend_on_the_clock_or_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    first = npz_bytes(DATA, {"x": 1})
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    reordered = FigureData(dict(reversed(DATA.arrays.items())), DATA.inputs)
    assert npz_bytes(reordered, {"x": 1}) == first


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    content = bytearray(npz_bytes(DATA, {}))
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[content.index(b"b.npy") + 200] ^= 0xFF
    elif damage == "foreign":
        content = bytearray(b"hello")
    else:
        content = bytearray()
    path = tmp_path / "x.npz"
    path.write_bytes(bytes(content))
    with pytest.raises(CorruptEntry, match=r"x\.npz"):
        read_npz(path)


def test_csv_is_plain_and_fixed() -> None:
    columns = {"name": np.array(["p, q", "r"]), "step": np.array([0, 10]), "value": np.array([1 / 3, 1e-300])}
    assert csv_bytes(columns) == b'name,step,value\n"p, q",0,0.333333333333\nr,10,1e-300\n'
    with pytest.raises(ValueError, match="one length"):
        csv_bytes({"a": np.arange(2), "b": np.arange(3)})


def test_long_table_runs_the_last_coordinate_fastest() -> None:
    table = long_table({"x": [1, 2], "y": ["u", "v", "w"]}, z=np.arange(6).reshape(2, 3))
    assert table["x"].tolist() == [1, 1, 1, 2, 2, 2]
    assert table["y"].tolist() == ["u", "v", "w"] * 2
    assert table["z"].tolist() == list(range(6))
    with pytest.raises(ValueError, match=r"z must have the coordinates' shape \(2,\)"):
        long_table({"x": [1, 2]}, z=np.zeros(3))
