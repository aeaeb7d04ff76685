"""Data sets by the names that experiment files use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .bundled import SETS, bundled
from .dataset import Dataset, Split
from .files import DataFileError, cifar_pickle, cifar_records, members, read_idx, require
from .text import corpus, lines_to_words, python_documentation

__all__ = ["CHECKSUMS", "DATA", "DataFileError", "data_folder", "load_data"]

_IDX = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz")  # fmt: skip
_PTB = ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt")

# MD5 sums as published with the data or by the libraries that fetch them.
CHECKSUMS: dict[str, dict[str, str]] = {
    "mnist": dict(
        zip(
            _IDX,
            ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
             "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"),
            strict=True,
        )
    ),
    "fashion-mnist": dict(
        zip(
            _IDX,
            ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
             "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"),
            strict=True,
        )
    ),
    "cifar-10": {
        "cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    },
    "cifar-100": {
        "cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8",
        "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
    },
    "penn-treebank": dict(
        zip(
            _PTB,
            ("f26c4b92c5fdc7b3f8c7cdcb991d8420", "aa0affc06ff7c36e977d7cd49e3839bf",
             "8b80168b89c18661a38ef683c0dc3721"),
            strict=True,
        )
    ),
}  # fmt: skip

DATA = (*SETS, "python-documentation", *CHECKSUMS)


def data_folder() -> Path:
    """``$OPTASSAY_DATA``, or ``data`` in the working directory."""
    return Path(os.environ.get("OPTASSAY_DATA", "data"))


def load_data(
    name: str,
    folder: str | Path | None = None,
    *,
    train: int | None = None,
    validation: int | None = None,
    standardize: bool = True,
    vocabulary: int | None = None,
    verify: bool = True,
    checksums: Mapping[str, Mapping[str, str]] = CHECKSUMS,
) -> Dataset:
    """A data set, split and scaled.

    Parameters
    ----------
    name : str
        One of :data:`DATA`.
    folder : path, optional
        Of the published files; :func:`data_folder` without.
    train, validation : int, optional
        Training examples to keep and to hold out, both drawn once and for all from the published training set. By
        default all and, of scikit-learn's sets, a fifth; of the others none. Texts have a validation set of their own;
        ``train`` keeps their first words.
    standardize : bool
        See :meth:`Dataset.standardized`.
    vocabulary : int, optional
        Words kept of ``python-documentation``.
    verify : bool
        Whether published files are compared with their checksums.

    Raises
    ------
    DataFileError
        Missing or corrupt files.
    ImportError
        scikit-learn's sets without scikit-learn.
    ValueError
        An unknown name, or more examples asked for than there are.
    """
    if name not in DATA:
        raise ValueError(f"data must be one of {', '.join(DATA)}, got {name!r}")
    where = Path(folder) if folder is not None else data_folder()
    sums = checksums.get(name) if verify else None
    if vocabulary is not None and name != "python-documentation":
        raise ValueError(f"vocabulary is an option of 'python-documentation', not of {name!r}")
    if name in SETS:
        dataset = bundled(name)
        if validation is None:
            validation = len(dataset.train.inputs) // 5
    elif name == "python-documentation":
        return _shorter(python_documentation(vocabulary or 2000), train)
    elif name == "penn-treebank":
        return _shorter(_penn_treebank(where, sums), train)
    elif name.startswith("cifar"):
        dataset = _cifar(name, where, sums)
    else:
        dataset = _idx_images(name, where, sums)
    dataset = dataset.hold_out(validation or 0, train)
    return dataset.standardized() if standardize else dataset


def _shorter(dataset: Dataset, train: int | None) -> Dataset:
    if train is None:
        return dataset
    available = len(dataset.train.inputs)
    if not 1 < train <= available:
        raise ValueError(f"data {dataset.name!r} have {available} training words, train = {train} was asked for")
    kept = dataset.train.take(np.arange(train))
    return Dataset(dataset.name, "language", (), dataset.outputs, kept, dataset.test, dataset.validation)


def _idx_images(name: str, folder: Path, sums: Any) -> Dataset:
    paths = require(folder, [[f"{name}/{file}" for file in _IDX]], sums, name)
    images, labels, test_images, test_labels = (read_idx(path) for path in paths)
    for x, y, path in ((images, labels, paths[1]), (test_images, test_labels, paths[3])):
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise DataFileError(f"{path} holds {y.shape} labels for images {x.shape}")
    train = Split(images[:, None], labels.astype(np.int64))
    test = Split(test_images[:, None], test_labels.astype(np.int64))
    return Dataset(name, "classification", train.inputs.shape[1:], 10, train, test)


def _cifar(name: str, folder: Path, sums: Any) -> Dataset:
    ten = name == "cifar-10"
    (path,) = require(folder, [[f"{name}-binary.tar.gz"], [f"{name}-python.tar.gz"]], sums, name)
    binary = "binary" in path.name
    end = ".bin" if binary else ""
    names = (
        [*(f"data_batch_{i}{end}" for i in range(1, 6)), f"test_batch{end}"] if ten else [f"train{end}", f"test{end}"]
    )
    contents = members(path, names)
    parts = [
        cifar_records(content, 1 if ten else 2, f"{path}: {file}")
        if binary
        else cifar_pickle(content, b"labels" if ten else b"fine_labels", f"{path}: {file}")
        for file, content in zip(names, contents, strict=True)
    ]
    train = Split(*(np.concatenate(arrays) for arrays in zip(*parts[:-1], strict=True)))
    return Dataset(name, "classification", (3, 32, 32), 10 if ten else 100, train, Split(*parts[-1]))


def _penn_treebank(folder: Path, sums: Any) -> Dataset:
    paths = require(folder, [[f"penn-treebank/{file}" for file in _PTB]], sums, "penn-treebank")
    try:
        train, validation, test = (lines_to_words(path.read_text(encoding="utf-8")) for path in paths)
    except UnicodeDecodeError as error:
        raise DataFileError(f"penn-treebank in {folder} is not text: {error}") from error
    return corpus("penn-treebank", train, validation, test)
