"""Small files in the published formats of the data sets."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np


def write_idx(path: Path, array: np.ndarray) -> None:
    """IDX of unsigned bytes, gzipped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0))


def write_mnist(folder: Path, name: str = "mnist", train: int = 60, test: int = 20, seed: int = 0) -> None:
    """The four files of MNIST or Fashion-MNIST; the class is written into the image as a bright row."""
    rng = np.random.default_rng(seed)
    for prefix, count in (("train", train), ("t10k", test)):
        labels = rng.integers(0, 10, count)
        images = rng.integers(0, 60, (count, 28, 28))
        images[np.arange(count), 2 * labels + 4] = 250
        write_idx(folder / name / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(folder / name / f"{prefix}-labels-idx1-ubyte.gz", labels)


def cifar_arrays(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 3072)).astype(np.uint8), rng.integers(0, classes, count)


def write_tar(path: Path, folder: str, contents: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def write_cifar_10(folder: Path, version: str = "binary", per_batch: int = 10) -> None:
    """Five training batches and one of tests, as binary records or as Python pickles."""
    contents = {}
    for i in range(6):
        images, labels = cifar_arrays(per_batch, 10, i)
        name = "test_batch" if i == 5 else f"data_batch_{i + 1}"
        if version == "binary":
            contents[f"{name}.bin"] = b"".join(
                bytes([label]) + image.tobytes() for label, image in zip(labels, images, strict=True)
            )
        else:
            contents[name] = pickle.dumps({b"data": images, b"labels": labels.tolist(), b"batch_label": b"x"}, 2)
    write_tar(folder / f"cifar-10-{version}.tar.gz", "cifar-10-batches", contents)


def write_cifar_100(folder: Path, version: str = "binary", train: int = 30, test: int = 10) -> None:
    """Coarse and fine labels ahead of each image, or pickled beside them."""
    contents = {}
    for name, count, seed in (("train", train, 0), ("test", test, 1)):
        images, fine = cifar_arrays(count, 100, seed)
        if version == "binary":
            contents[f"{name}.bin"] = b"".join(
                bytes([label // 5, label]) + image.tobytes() for label, image in zip(fine, images, strict=True)
            )
        else:
            table = {b"data": images, b"fine_labels": fine.tolist(), b"coarse_labels": (fine // 5).tolist()}
            contents[name] = pickle.dumps(table, 2)
    write_tar(folder / f"cifar-100-{version}.tar.gz", "cifar-100", contents)


def write_penn_treebank(folder: Path) -> None:
    """Three texts of one sentence per line."""
    (folder / "penn-treebank").mkdir(parents=True, exist_ok=True)
    line = " the cat sat on the <unk> mat \n a dog N years old ran \n"
    for name, repeats in (("train", 40), ("valid", 8), ("test", 8)):
        (folder / "penn-treebank" / f"ptb.{name}.txt").write_text(line * repeats)


def checksums(folder: Path) -> dict[str, dict[str, str]]:
    """The checksum table that these files fulfil, by data set and file name."""
    table: dict[str, dict[str, str]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            sets = [path.parent.name] if path.parent != folder else ["-".join(path.name.split("-")[:2])]
            for name in sets:
                table.setdefault(name, {})[path.name] = hashlib.md5(path.read_bytes()).hexdigest()
    return table
