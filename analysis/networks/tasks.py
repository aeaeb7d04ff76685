"""What a step sees of the data: batches in the order of a seed and an epoch, losses, evaluation.

The order of the data, augmentation and dropout are functions of (seed, epoch), so that a run resumed at an epoch's
start repeats them without any saved generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .augment import augment
from .data import Dataset, Split
from .models.language import detached

EVALUATION_BATCH = 1000
ORDER, NOISE, INITIAL = range(3)  # purposes of random streams


def stream_seed(seed: int, epoch: int, purpose: int) -> int:
    """A seed for one purpose within one epoch of a run."""
    return int(np.random.SeedSequence([seed, epoch, purpose]).generate_state(1, np.uint64)[0] >> 1)


class Batch(NamedTuple):
    """Inputs, targets, and how many examples or words they are."""

    inputs: Tensor
    targets: Tensor
    size: int


class Task:
    """Examples with labels or numbers to predict.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int
    seed : int
    device, dtype
        Of the inputs that models see; the examples stay as they are.
    label_smoothing : float
    augmentation : sequence of str
        Of the training batches; see :func:`~analysis.networks.augment.augment`.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        seed: int,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        label_smoothing: float = 0.0,
        augmentation: Sequence[str] = (),
    ) -> None:
        self.dataset, self.batch_size, self.seed, self.device, self.dtype = dataset, batch_size, seed, device, dtype
        self.augmentation = tuple(augmentation)
        self.classes = dataset.task != "regression"
        self.criterion: Any = nn.CrossEntropyLoss(label_smoothing=label_smoothing) if self.classes else nn.MSELoss()
        self.mean, self.scale = (
            torch.as_tensor(value, dtype=dtype, device=device) for value in (dataset.mean, dataset.scale)
        )
        self.splits = {
            name: tuple(torch.as_tensor(np.array(array), device=device) for array in split)
            for name, split in self._splits().items()
        }
        available = self.splits["train"][0].shape[0]
        if batch_size > available:
            raise ValueError(
                f"batch_size is {batch_size}, but data {dataset.name!r} have {available} training examples"
            )

    def _splits(self) -> dict[str, Split]:
        found = {"train": self.dataset.train, "validation": self.dataset.validation, "test": self.dataset.test}
        return {name: split for name, split in found.items() if split is not None and len(split.inputs)}

    @property
    def steps(self) -> int:
        """Steps per epoch; the last batch may be smaller."""
        return -(-len(self.splits["train"][0]) // self.batch_size)

    def _inputs(self, raw: Tensor) -> Tensor:
        return (raw.to(self.dtype) - self.mean) / self.scale

    def _targets(self, raw: Tensor) -> Tensor:
        return raw if self.classes else raw.to(self.dtype)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The training batches of an epoch, every example once."""
        inputs, targets = self.splits["train"]
        generator = torch.Generator().manual_seed(stream_seed(self.seed, epoch, ORDER))
        order = torch.randperm(len(inputs), generator=generator).to(self.device)
        for index in order.split(self.batch_size):
            raw = inputs[index]
            if self.augmentation:
                raw = augment(raw.to(self.dtype), self.augmentation, generator)
            yield Batch(self._inputs(raw), self._targets(targets[index]), len(index))

    def chunks(self, split: str, limit: int | None = None, size: int = EVALUATION_BATCH) -> Iterator[Batch]:
        """A split in the order of its files, in pieces; the first ``limit`` examples."""
        inputs, targets = self.splits[split]
        end = len(inputs) if limit is None else min(limit, len(inputs))
        for start in range(0, end, size):
            stop = min(start + size, end)
            yield Batch(self._inputs(inputs[start:stop]), self._targets(targets[start:stop]), stop - start)

    def loss(self, model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean loss of a batch, and the outputs, of a module or of something called like it."""
        outputs = model(batch.inputs)
        return self.criterion(outputs if self.classes else outputs[:, 0], batch.targets), outputs

    def example_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss as a function of outputs, for the gradients of single examples."""
        return self.criterion(outputs if self.classes else outputs[:, 0], targets)

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Number of right answers; zero where the task has none."""
        if not self.classes:
            return torch.zeros((), device=self.device)
        return (outputs.detach().argmax(1) == batch.targets).sum()

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str) -> dict[str, float | None]:
        """Loss (without label smoothing or penalties), accuracy and perplexity of a split, in evaluation mode."""
        model.eval()
        total, right, count = 0.0, 0.0, 0
        for batch in self.chunks(split):
            _, outputs = self.loss(model, batch)
            total += batch.size * float(self._plain(outputs, batch.targets))
            right += float(self.correct(outputs, batch))
            count += batch.size
        mean = total / count
        words = self.dataset.task == "language"
        return {
            "loss": mean,
            "accuracy": right / count if self.classes else None,
            "perplexity": math.exp(min(mean, 700.0)) if words else None,
        }

    def _plain(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.classes:
            return nn.functional.cross_entropy(outputs, targets)
        return nn.functional.mse_loss(outputs[:, 0], targets)


class LanguageTask(Task):
    """Next words of a text in ``batch_size`` parallel columns, windows of ``window`` words, state carried along.

    Within an epoch the order is the text's own. Of rules that evaluate a batch several times the last evaluation's
    state is carried.

    Parameters
    ----------
    activity, temporal : float
        Strengths of the penalties of :meth:`loss`.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        seed: int,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        label_smoothing: float = 0.0,
        window: int = 70,
        activity: float = 0.0,
        temporal: float = 0.0,
    ) -> None:
        super().__init__(dataset, batch_size, seed, device, dtype, label_smoothing)
        self.window, self.activity, self.temporal = window, activity, temporal
        self._hidden: Any = None
        self._next: Any = None
        if len(self.splits["train"][0]) // batch_size < 2:
            raise ValueError(f"batch_size is {batch_size}: too many columns for {len(self.splits['train'][0])} words")

    def _columns(self, split: str, limit: int | None = None) -> Tensor:
        words = self.splits[split][0][:limit]
        columns = min(self.batch_size, max(1, len(words) // 2))
        length = len(words) // columns
        return words[: length * columns].reshape(columns, length).T.contiguous()

    @property
    def steps(self) -> int:
        return -(-(len(self._columns("train")) - 1) // self.window)

    def _windows(self, columns: Tensor) -> Iterator[Batch]:
        self._hidden = None
        for start in range(0, len(columns) - 1, self.window):
            end = min(start + self.window, len(columns) - 1)
            targets = columns[start + 1 : end + 1].reshape(-1)
            yield Batch(columns[start:end], targets, targets.numel())
            self._hidden = self._next

    def batches(self, epoch: int) -> Iterator[Batch]:
        yield from self._windows(self._columns("train"))

    def chunks(self, split: str, limit: int | None = None, size: int = EVALUATION_BATCH) -> Iterator[Batch]:
        yield from self._windows(self._columns(split, limit))

    def loss(self, model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean loss with the penalties of Merity et al. on large and on quickly changing outputs of the last layer."""
        output = model(batch.inputs, self._hidden)
        self._next = detached(output.hidden)
        scores = output.scores.reshape(-1, output.scores.shape[-1])
        loss = self.criterion(scores, batch.targets)
        if self.activity and model.training:
            loss = loss + self.activity * output.dropped.square().mean()
        if self.temporal and model.training and len(output.raw) > 1:
            loss = loss + self.temporal * (output.raw[1:] - output.raw[:-1]).square().mean()
        return loss, scores


def make_task(dataset: Dataset, settings: Mapping[str, Any], seed: int, device: str = "cpu") -> Task:
    """The task of a data set with the settings of a run.

    Raises
    ------
    ValueError
        Augmentation of words, or larger batches than there are data.
    """
    dtype, smoothing = getattr(torch, settings["precision"]), settings["label_smoothing"]
    kinds, window = settings["data"]["augment"], settings["data"]["window"]
    if dataset.task != "language":
        return Task(dataset, settings["batch_size"], seed, device, dtype, smoothing, kinds)
    if kinds:
        raise ValueError("augment changes images; data of words have none")
    penalties = settings["activity"], settings["temporal"]
    return LanguageTask(dataset, settings["batch_size"], seed, device, dtype, smoothing, window, *penalties)
