"""One run: a model trained by one optimizer from one seed, resumable at every epoch with the same numbers."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from optassay.files import write_atomic

from .data import Dataset, load_data
from .diagnostics import Observer
from .models import build_model
from .problems import ExperimentError
from .results import MEASURES, Row
from .rules import StepSizes, build_optimizer, schedule_factor
from .stepping import Diverged, Stepper
from .tasks import INITIAL, NOISE, make_task, stream_seed

LIMIT = 1e3  # an epoch whose mean training loss is this many times the first loss has diverged


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides the numbers of a run, as plain values.

    Attributes
    ----------
    optimizer : dict
        ``name``, ``preset``, ``scope``, ``segmented`` and ``options``, the grid's values among them.
    hyper : dict
        The grid's values alone.
    settings : dict
        Model, data, epochs and the rest of the experiment as this optimizer sees it.
    """

    experiment: str
    stage: str
    label: str
    optimizer: dict[str, Any]
    hyper: dict[str, Any]
    seed: int
    settings: dict[str, Any]

    @property
    def digest(self) -> str:
        """Of everything but the seed."""
        content = {**asdict(self), "seed": None}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def file(self) -> str:
        """Name of the run's table within the experiment's folder."""
        slug = re.sub(r"[^A-Za-z0-9.+-]+", "_", self.label)
        return f"{self.stage}/{slug}--{self.digest}--seed{self.seed}.jsonl"


_ONE_AT_A_TIME = threading.Lock()


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """One thread and only algorithms that repeat their results bit by bit; afterwards all is as it was.

    PyTorch's settings and its generator belong to the process, so that runs in threads wait for each other.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with _ONE_AT_A_TIME:
        threads, flag = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        generator = torch.get_rng_state()
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(flag)
            torch.set_rng_state(generator)


@lru_cache(maxsize=2)
def _load(name: str, options: str, folder: str | None) -> Dataset:
    return load_data(name, folder, **json.loads(options))


def dataset_of(settings: Mapping[str, Any], folder: str | Path | None) -> Dataset:
    """The data of a run, kept in memory for the next run of this process."""
    data = settings["data"]
    return _load(data["name"], json.dumps(data["options"], sort_keys=True), None if folder is None else str(folder))


class Run:
    """Model, optimizer and data of a run at the end of some epoch."""

    def __init__(self, spec: RunSpec, dataset: Dataset, device: str = "cpu") -> None:
        self.spec, self.settings = spec, spec.settings
        s = self.settings
        self.task = make_task(dataset, s, spec.seed, device)
        torch.manual_seed(stream_seed(spec.seed, 0, INITIAL))
        model = build_model(s["model"]["name"], s["model"]["options"], dataset.shape, dataset.outputs)
        self.model = model.to(device=device, dtype=self.task.dtype)
        self.observer = Observer(s["diagnostics"], self.model, self.task)
        self.optimizer = build_optimizer([p for p in self.model.parameters() if p.requires_grad], spec.optimizer)
        self.stepper = Stepper(self.model, self.optimizer, self.task, s)
        self.sizes = StepSizes(self.optimizer, schedule_factor(s["schedule"], self.task.steps, s["epochs"]))
        self.rows: list[Row] = []
        self.step = 0

    @property
    def finished(self) -> bool:
        return bool(self.rows) and (
            self.rows[-1]["epoch"] >= self.settings["epochs"] or self.rows[-1]["status"] != "ok"
        )

    def advance(self) -> None:
        """The first row, or one more epoch and its row."""
        if not self.rows:
            self._append(0, {})
            return
        epoch = self.rows[-1]["epoch"] + 1
        try:
            found = self._train(epoch)
        except Diverged:
            self._append(epoch, {}, status="diverged")
        else:
            self._append(epoch, found)

    def _train(self, epoch: int) -> dict[str, Any]:
        torch.manual_seed(stream_seed(self.spec.seed, epoch, NOISE))
        if self.stepper.needs_snapshot:
            self.stepper.snapshot()
        self.model.train()
        total = torch.zeros((), device=self.task.device, dtype=torch.float64)
        right = torch.zeros((), device=self.task.device, dtype=torch.float64)
        count = 0
        for batch in self.task.batches(epoch):
            self.step += 1
            self.sizes.at(self.step)
            found = self.stepper.step(batch)
            total += batch.size * found.loss
            right += found.correct
            count += batch.size
        loss = float(total) / count
        if not math.isfinite(loss) or loss > LIMIT * max(1.0, self._first_loss()):
            raise Diverged(f"the mean training loss of epoch {epoch} is {loss}")
        return {"train_loss": loss, "train_accuracy": float(right) / count if self.task.classes else None}

    def _first_loss(self) -> float:
        first = self.rows[0]
        return first.get("validation_loss") or first.get("test_loss") or 0.0

    def _append(self, epoch: int, found: dict[str, Any], status: str = "ok") -> None:
        spec = self.spec
        row: Row = {
            "experiment": spec.experiment,
            "stage": spec.stage,
            "optimizer": spec.label,
            "hyper": spec.hyper,
            "seed": spec.seed,
            "epoch": epoch,
            "step": self.step,
            "gradients": self.stepper.gradients,
            "status": status,
            "step_size": self.sizes.now,
            **found,
        }
        if status == "ok":
            for split in ("validation", "test"):
                if split in self.task.splits:
                    measured = self.task.evaluate(self.model, split)
                    row |= {f"{split}_{measure}": measured[measure] for measure in MEASURES}
            if self.settings["diagnostics"]["full_train"]:
                row["full_train_loss"] = self.task.evaluate(self.model, "train")["loss"]
            row |= self.observer.measure(epoch, epoch == self.settings["epochs"], rule_state(self.optimizer))
        self.rows.append({key: _finite(value) for key, value in row.items()})

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        content = io.BytesIO()
        state = {
            "spec": self.spec.digest,
            "seed": self.spec.seed,
            "rows": self.rows,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, content)
        write_atomic(path, content.getvalue())

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint of the same run.

        Raises
        ------
        ValueError
            It is of another run.
        """
        state = torch.load(path, weights_only=True, map_location=self.task.device)
        if (state["spec"], state["seed"]) != (self.spec.digest, self.spec.seed):
            raise ValueError(f"{path} is the checkpoint of another run")
        self.rows = state["rows"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        last = self.rows[-1]
        self.step, self.stepper.gradients = last["step"], last["gradients"]
        self.observer.resume(last.get("path"))
        self.sizes.last = math.nan  # whatever the groups hold, the next step sets it


def rule_state(optimizer: Any) -> Any:
    """The state of the optimizer's rule; None for PyTorch's own optimizers, and for a vector per tensor."""
    units = [unit for group in getattr(optimizer, "_units", []) for unit in group]
    return units[0].state if len(units) == 1 else None


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def train(
    spec: RunSpec,
    *,
    data_folder: str | Path | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    on_epoch: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Train from the start or from a checkpoint; the same rows either way.

    Parameters
    ----------
    checkpoint : Path, optional
        Read if it is there, replaced after every epoch.
    on_epoch : callable, optional
        Sees every new row.

    Returns
    -------
    list of dict
        Rows of :data:`~analysis.networks.results.COLUMNS`. A run that diverges, or for which memory does not suffice,
        ends with a row that says so.
    """
    with deterministic():
        rows: list[Row] = []
        try:
            dataset = dataset_of(spec.settings, data_folder)
            try:
                run = Run(spec, dataset, device)
            except ValueError as error:  # model, data and rule do not go together
                raise ExperimentError(f"{spec.label}: {error}") from error
            rows = run.rows
            if checkpoint is not None and checkpoint.is_file():
                run.restore(checkpoint)
                rows = run.rows
            while not run.finished:
                run.advance()
                if checkpoint is not None:
                    run.save(checkpoint)
                if on_epoch is not None:
                    on_epoch(run.rows[-1])
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            rows.append(memory_row(spec, rows))
        return rows


def out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory did not suffice, on whichever device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def memory_row(spec: RunSpec, rows: list[Row]) -> Row:
    """The row that ends a run for which memory did not suffice."""
    last = rows[-1] if rows else {"epoch": -1, "step": 0, "gradients": 0}
    return {
        "experiment": spec.experiment,
        "stage": spec.stage,
        "optimizer": spec.label,
        "hyper": spec.hyper,
        "seed": spec.seed,
        "epoch": last["epoch"] + 1,
        "step": last["step"],
        "gradients": last["gradients"],
        "status": "out of memory",
        "step_size": None,
    }
