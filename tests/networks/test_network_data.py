"""Loaders: published formats from files written here, checksums, and every way in which files can be wrong."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from published_files import (
    checksums,
    cifar_arrays,
    write_cifar_10,
    write_cifar_100,
    write_mnist,
    write_penn_treebank,
    write_tar,
)

from analysis.networks.data import DataFileError, load_data
from analysis.networks.data.files import cifar_pickle, cifar_records, read_idx
from analysis.networks.data.registry import CHECKSUMS
from analysis.networks.data.text import corpus


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_are_read_and_verified(tmp_path: Path, name: str) -> None:
    write_mnist(tmp_path, name)
    dataset = load_data(name, tmp_path, checksums=checksums(tmp_path), standardize=False)
    assert dataset.shape == (1, 28, 28) and dataset.outputs == 10
    assert dataset.train.inputs.shape == (60, 1, 28, 28) and dataset.test.targets.shape == (20,)
    # The writer put the class into the image.
    rows = dataset.train.inputs[:, 0].mean(axis=2)
    np.testing.assert_array_equal((np.argmax(rows, axis=1) - 4) // 2, dataset.train.targets)
    with pytest.raises(DataFileError, match="is not the published file: its MD5"):
        load_data(name, tmp_path)  # against the published checksums
    assert load_data(name, tmp_path, verify=False).digest == load_data(name, tmp_path, verify=False).digest


@pytest.mark.parametrize("version", ["binary", "python"])
def test_cifar_in_both_versions(tmp_path: Path, version: str) -> None:
    write_cifar_10(tmp_path, version)
    write_cifar_100(tmp_path, version)
    sums = checksums(tmp_path)
    ten = load_data("cifar-10", tmp_path, checksums=sums)
    images, labels = cifar_arrays(10, 10, 3)
    np.testing.assert_array_equal(ten.train.inputs[30:40].reshape(10, -1), images)
    np.testing.assert_array_equal(ten.train.targets[30:40], labels)
    np.testing.assert_array_equal(ten.test.targets, cifar_arrays(10, 10, 5)[1])
    hundred = load_data("cifar-100", tmp_path, checksums=sums)
    np.testing.assert_array_equal(hundred.train.targets, cifar_arrays(30, 100, 0)[1])  # fine labels, not coarse ones
    assert hundred.outputs == 100 and hundred.shape == (3, 32, 32)
    with pytest.raises(DataFileError, match="MD5"):
        load_data("cifar-100", tmp_path, checksums=CHECKSUMS)


def test_penn_treebank(tmp_path: Path) -> None:
    write_penn_treebank(tmp_path)
    dataset = load_data("penn-treebank", tmp_path, checksums=checksums(tmp_path))
    assert dataset.task == "language" and dataset.validation is not None
    assert dataset.outputs == 13  # the cat sat on <unk> mat <eos> a dog N years old ran
    assert len(dataset.train.inputs) == 40 * (8 + 7)
    assert dataset.train.inputs[7] == dataset.train.inputs[14]  # both lines end


def test_missing_files_are_named_with_their_place(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataFileError) as caught:
        load_data("mnist", tmp_path)
    message = str(caught.value)
    assert "mnist/t10k-labels-idx1-ubyte.gz" in message and str(tmp_path) in message and "--data" in message
    assert "train-images" not in message  # that one is there
    with pytest.raises(DataFileError, match=r"cifar-10-binary.tar.gz, or cifar-10-python.tar.gz"):
        load_data("cifar-10", tmp_path)
    with pytest.raises(DataFileError, match=r"ptb.train.txt and .*ptb.valid.txt"):
        load_data("penn-treebank", tmp_path)


def test_corrupt_files(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    for content, match in (
        (b"no gzip", "not a complete gzip file"),
        (gzip.compress(b"\0\0\x0d\x01" + bytes(8)), "not an IDX file of unsigned bytes"),
        (gzip.compress(bytes([0, 0, 8, 3]) + bytes(4)), "ends within its header"),
        (gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9]) + bytes(5)), "announces"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=match):
            read_idx(path)
    whole = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9]) + bytes(9))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataFileError, match="gzip"):
        read_idx(path)
    with pytest.raises(DataFileError, match="no whole number of records"):
        cifar_records(bytes(3072), 1, "here")
    with pytest.raises(DataFileError, match="not a complete tar archive"):
        (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"not a tar")
        load_data("cifar-10", tmp_path, verify=False)
    write_tar(tmp_path / "cifar-10-binary.tar.gz", "x", {"data_batch_1.bin": bytes(3073)})
    with pytest.raises(DataFileError, match=r"lacks data_batch_2.bin"):
        load_data("cifar-10", tmp_path, verify=False)


class _Evil:
    def __reduce__(self) -> tuple:
        return print, ("arbitrary code ran",)


def test_pickles_cannot_run_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataFileError, match=r"refused to unpickle builtins.print"):
        cifar_pickle(pickle.dumps({b"data": _Evil(), b"labels": []}), b"labels", "here")
    assert "arbitrary" not in capsys.readouterr().out


def test_splits_are_disjoint_fixed_and_bounded() -> None:
    pytest.importorskip("sklearn")
    whole = load_data("digits", validation=0)
    dataset = load_data("digits", train=500, validation=100)
    assert whole.validation is None and dataset.validation is not None
    assert (len(dataset.train.inputs), len(dataset.validation.inputs)) == (500, 100)
    rows = {x.tobytes() for x in dataset.train.inputs}
    assert not rows & {x.tobytes() for x in dataset.validation.inputs}
    assert dataset.digest == load_data("digits", train=500, validation=100).digest != whole.digest
    with pytest.raises(ValueError, match="2000 were asked for"):
        load_data("digits", train=2000, validation=0)


@pytest.mark.parametrize("name", ["digits", "breast-cancer", "wine", "iris", "diabetes"])
def test_bundled_sets_are_standardized(name: str) -> None:
    pytest.importorskip("sklearn")
    dataset = load_data(name)
    x = (dataset.train.inputs - dataset.mean) / dataset.scale
    axes = (0, 2, 3) if x.ndim == 4 else (0,)
    np.testing.assert_allclose(x.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=axes), 1, atol=1e-5)
    assert dataset.validation is not None and len(dataset.test.inputs) > 0
    if dataset.task == "regression":
        assert dataset.train.targets.dtype == np.float32 and abs(dataset.train.targets.mean()) < 0.2
    else:
        assert set(np.unique(dataset.train.targets)) == set(range(dataset.outputs))


def test_a_constant_feature_stays_finite() -> None:
    pytest.importorskip("sklearn")
    dataset = load_data("digits", standardize=False)
    flat = dataset.train.inputs.copy()
    flat[:] = 3.0
    from dataclasses import replace

    standard = replace(dataset, train=dataset.train._replace(inputs=flat)).standardized()
    assert np.all((flat - standard.mean) / standard.scale == 0)


def test_documentation_text() -> None:
    dataset = load_data("python-documentation", vocabulary=500, train=20_000)
    assert dataset.outputs == 500 and len(dataset.train.inputs) == 20_000 and dataset.validation is not None
    assert max(split.inputs.max() for split in (dataset.train, dataset.validation, dataset.test)) < 500
    assert len(dataset.validation.inputs) > 5000 and len(dataset.test.inputs) > 5000


def test_unknown_words() -> None:
    with pytest.raises(ValueError, match="not in the training text"):
        corpus("x", ["a", "b"], ["c"], ["a"])
    kept = corpus("x", ["a", "<unk>"], ["c"], ["a"])
    assert kept.validation is not None and kept.validation.inputs.tolist() == [1]


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="data must be one of"):
        load_data("imagenet")
    with pytest.raises(ValueError, match="vocabulary is an option"):
        load_data("mnist", vocabulary=10)


@pytest.mark.parametrize(
    ("missing", "arguments", "message"),
    [
        ("torch", ["dissecting-adam-mnist"], "this needs torch, which is not installed: pip install 'optassay[train]'"),
        ("pydantic", ["--list"], "this needs pydantic, which is not installed: pip install 'optassay[train]'"),
    ],
)
def test_missing_extras_are_named(missing: str, arguments: list[str], message: str) -> None:
    """In a process of its own, in which the package cannot be imported."""
    code = f"import sys; sys.modules[{missing!r}] = None; from analysis.networks.cli import train; train({arguments!r})"
    if missing != "pydantic":
        pytest.importorskip("pydantic")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_scikit_learn_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"optassay\[data\]"):
        load_data("digits")


def test_the_reader_of_results_needs_no_extra() -> None:
    without = "import sys; sys.modules['torch'] = sys.modules['pydantic'] = None"
    code = f"{without}; import analysis.networks as n; n.curves([], 'test_loss')"
    assert subprocess.run([sys.executable, "-c", code], timeout=100).returncode == 0
