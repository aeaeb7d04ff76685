"""What a loader returns, and the split and scale of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

TaskName = Literal["classification", "regression", "language"]


class Split(NamedTuple):
    """Examples (n, *shape) and their targets (n,); of a text the words (n,) twice."""

    inputs: np.ndarray
    targets: np.ndarray

    def take(self, index: np.ndarray) -> Split:
        return Split(self.inputs[index], self.targets[index])


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test examples as the files hold them.

    Attributes
    ----------
    task : {"classification", "regression", "language"}
    shape : tuple of int
        Of one input: (channels, height, width), (features,), or () for a text.
    outputs : int
        Classes, words of the vocabulary, or 1.
    train, test : Split
    validation : Split or None
    mean, scale : array
        Inputs enter a model as ``(x - mean) / scale``; they broadcast to ``shape``.
    digest : str
        SHA-256 of all numbers, for the manifest.
    """

    name: str
    task: TaskName
    shape: tuple[int, ...]
    outputs: int
    train: Split
    test: Split
    validation: Split | None = None
    mean: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0

    @property
    def digest(self) -> str:
        state = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for array in split or ():
                state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()

    def hold_out(self, validation: int, train: int | None = None) -> Dataset:
        """Move ``validation`` training examples, drawn once and for all, to a validation set; keep ``train`` others.

        Raises
        ------
        ValueError
            There are fewer examples than that.
        """
        available = len(self.train.inputs)
        wanted = validation + (0 if train is None else train)
        if wanted > available or (train is None and validation >= available):
            raise ValueError(
                f"data {self.name!r} have {available} training examples, {wanted} were asked for "
                f"(train {'all' if train is None else train}, validation {validation})"
            )
        # The split is part of the data, not of a run: one draw for all seeds.
        order = np.random.default_rng(0).permutation(available)
        held, kept = np.sort(order[:validation]), np.sort(order[validation : None if train is None else wanted])
        return replace(self, train=self.train.take(kept), validation=self.train.take(held) if validation else None)

    def standardized(self) -> Dataset:
        """Mean 0 and deviation 1 of the training inputs: per channel of images, per feature of vectors."""
        x = self.train.inputs
        axes = (0, 2, 3) if len(self.shape) == 3 else (0,)
        # By slices: 50 000 images in double precision would take a gigabyte.
        pieces = np.array_split(x, max(1, len(x) // 5000))
        numbers = x.size / (x.shape[1])
        mean = sum(p.sum(axis=axes, dtype=np.float64) for p in pieces) / numbers
        shaped = mean.reshape(-1, *(1,) * (len(self.shape) - 1))
        squares = sum(((p - shaped) ** 2).sum(axis=axes) for p in pieces) / numbers
        scale = np.sqrt(squares)
        scale = np.where(scale > 0, scale, 1.0).reshape(shaped.shape)  # a constant feature stays zero
        return replace(self, mean=shaped.astype(np.float32), scale=scale.astype(np.float32))
