"""Files are whole or absent, and digests see every helper."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from optassay.files import source_digest, write_atomic


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.json"
    write_atomic(target, b"1")
    write_atomic(target, b"2")
    assert target.read_bytes() == b"2"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x"
    write_atomic(target, b"old")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        write_atomic(tmp_path / "file" / "x", b"")


def test_digest_sees_a_changed_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pack_for_digest"
    package.mkdir()
    (package / "__init__.py").write_text("from .helper import x\n")
    (package / "helper.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import pack_for_digest  # type: ignore[import-not-found]

    before = source_digest([pack_for_digest])
    assert source_digest(["pack_for_digest"]) == before
    (package / "helper.py").write_text("x = 2\n")
    assert source_digest([pack_for_digest]) != before
    del sys.modules["pack_for_digest"]
