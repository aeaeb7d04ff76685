"""All runs of an experiment: tuning, comparison, tables on disk, workers wherever joblib puts them.

On a cluster, with a folder that all machines see::

    with dask.distributed.Client("scheduler:8786"), joblib.parallel_config("dask"):
        Sweep(load_experiment("anderson-mixing-mnist-6k"), "out/train/mnist", jobs=None).run()
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import torch

import optassay
from optassay.files import source_digest, write_atomic

from .experiment import Experiment, seed_list
from .planning import run_spec, tuning_seeds
from .results import MANIFEST, Row, encode, read_results
from .training import RunSpec, dataset_of, train
from .tuning import Point, as_table, choose, edges, protocol, trial

SECONDS = "seconds.jsonl"


class Event(NamedTuple):
    """Something finished: an epoch of a run in this process, or a whole run.

    Attributes
    ----------
    row : dict
        The newest row.
    epochs : int
        Epochs that the event adds to the progress.
    finished : bool
    """

    spec: RunSpec
    row: Row
    epochs: int
    finished: bool


class Outcome(NamedTuple):
    """What a sweep left behind.

    Attributes
    ----------
    folder : Path
        Of the experiment, for :func:`~analysis.networks.results.read_results`.
    chosen : dict
        Hyperparameters by optimizer; None where every point of the grid diverged.
    edges : dict
        Those of them that lie at an end of what was tried.
    rows : list
        Of the comparison's runs.
    """

    folder: Path
    chosen: dict[str, Point | None]
    edges: dict[str, list[str]]
    rows: list[Row]


class Sweep:
    """The runs of an experiment in a folder.

    Parameters
    ----------
    experiment : Experiment
    folder : Path
        Made if need be.
    data_folder : path, optional
    device : str
    jobs : int, optional
        Processes on this machine; 1 runs in this process. None leaves it to ``joblib.parallel_config`` around the
        call: any of its backends, dask or ray among them. On several machines ``folder`` must be one that all see.
    force : bool
        Run again what is finished.
    report : callable, optional
        Sees events.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: str | Path,
        *,
        data_folder: str | Path | None = None,
        device: str = "cpu",
        jobs: int | None = 1,
        force: bool = False,
        report: Callable[[Event], None] | None = None,
    ) -> None:
        self.experiment, self.folder = experiment, Path(folder)
        self.data_folder, self.device, self.jobs, self.force = data_folder, device, jobs, force
        self.report = report or (lambda event: None)
        self.source = source_digest(["analysis.networks", "analysis.buffers", "analysis.sharpness", "optassay"])
        self.files: list[str] = []
        self.tried: dict[str, list[tuple[Point, float]]] = {o.title: [] for o in experiment.optimizers}
        self.chosen: dict[str, Point | None] = {}

    def run(self) -> Outcome:
        """Tune, compare, and return what was found; finished runs are not run again."""
        self._tidy()
        specs = [run_spec(self.experiment, o, {}, 0, "final") for o in self.experiment.optimizers[:1]]
        self.digest = dataset_of(specs[0].settings, self.data_folder).digest  # missing data are noticed here
        self._tune()
        specs = [
            run_spec(self.experiment, optimizer, point, seed, "final")
            for optimizer in self.experiment.optimizers
            if (point := self.chosen[optimizer.title]) is not None
            for seed in seed_list(self.experiment.seeds)
        ]
        self._all(specs)
        ends = {title: edges(self.tried[title], point) for title, point in self.chosen.items()}
        return Outcome(self.folder, self.chosen, ends, read_results(self.folder))

    def _tune(self) -> None:
        optimizers = {o.title: o for o in self.experiment.optimizers}
        if self.experiment.tuning is None:
            self.chosen = {title: {} for title in optimizers}
            return
        protocols = {title: protocol(self.experiment, o) for title, o in optimizers.items()}
        asked = {title: next(found) for title, found in protocols.items()}
        while asked:
            # What all optimizers ask for at once, so that workers are never idle for the sake of one of them.
            specs = {
                (title, i): [
                    run_spec(self.experiment, optimizers[title], point, seed, "tune")
                    for seed in tuning_seeds(self.experiment)
                ]
                for title, points in asked.items()
                for i, point in enumerate(points)
            }
            self._all([spec for group in specs.values() for spec in group])
            following = {}
            for title, points in asked.items():
                rows = [[r for s in specs[title, i] for r in self._rows(s)] for i in range(len(points))]
                trials = [trial(found, self.experiment.tuning) for found in rows]
                self.tried[title] += [(point, t.score) for point, t in zip(points, trials, strict=True)]
                with contextlib.suppress(StopIteration):
                    following[title] = protocols[title].send(trials)
            asked = following
        self.chosen = {title: choose(found) for title, found in self.tried.items()}

    def _all(self, specs: Sequence[RunSpec]) -> None:
        """Run what is not finished and write its tables."""
        self.files += [spec.file for spec in specs]
        self._manifest()
        todo = []
        for spec in specs:
            rows = [] if self.force else self._rows(spec)
            # More memory may be there the next time.
            if not rows or rows[-1]["status"] == "out of memory":
                todo.append(spec)
            else:
                self.report(Event(spec, rows[-1], spec.settings["epochs"], True))
        for spec, rows, seconds in self._execute(todo):
            write_atomic(self.folder / spec.file, encode(rows))
            self._checkpoint(spec).unlink(missing_ok=True)
            self._note(spec, seconds)
            in_process = self.jobs == 1
            self.report(Event(spec, rows[-1], 0 if in_process else spec.settings["epochs"], True))
        self._manifest()

    def _execute(self, todo: Sequence[RunSpec]) -> Iterator[tuple[RunSpec, list[Row], float]]:
        arguments: dict[str, Any] = {"data_folder": self.data_folder, "device": self.device}
        if self.jobs == 1:
            for spec in todo:
                yield execute(spec, self._checkpoint(spec), on_epoch=self._epoch(spec), **arguments)
            return
        # Without n_jobs the backend around the call decides.
        around: Any = contextlib.nullcontext()
        if self.jobs is not None:
            around = joblib.parallel_config(n_jobs=self.jobs)
            arguments["parent"] = os.getpid()
        with around:
            yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(
                joblib.delayed(execute)(spec, self._checkpoint(spec), **arguments) for spec in todo
            )

    def _epoch(self, spec: RunSpec) -> Callable[[Row], None]:
        return lambda row: self.report(Event(spec, row, 1 if row["epoch"] else 0, False))

    def _rows(self, spec: RunSpec) -> list[Row]:
        path = self.folder / spec.file
        return read_results(path, stage=None) if path.is_file() else []

    def _checkpoint(self, spec: RunSpec) -> Path:
        return self.folder / "checkpoints" / spec.file.replace("/", "--").replace(".jsonl", ".pt")

    def _tidy(self) -> None:
        """Remove what a killed process left half written, and with ``force`` what is there."""
        for path in self.folder.rglob(".*.part"):
            path.unlink(missing_ok=True)
        if self.force:
            for pattern in ("checkpoints/*.pt", "tune/*.jsonl", "final/*.jsonl"):
                for path in self.folder.glob(pattern):
                    path.unlink(missing_ok=True)

    def _note(self, spec: RunSpec, seconds: float) -> None:
        line = {"run": spec.file, "seconds": round(seconds, 3), "device": self.device, "source": self.source}
        with (self.folder / SECONDS).open("a") as stream:
            stream.write(json.dumps({**line, "torch": torch.__version__}) + "\n")

    def others(self) -> int:
        """Finished runs that other sources or another PyTorch made."""
        path = self.folder / SECONDS
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
        last = {line["run"]: (line["source"], line["torch"]) for line in lines}
        here = (self.source, torch.__version__)
        return sum(made != here and (self.folder / run).is_file() for run, made in last.items())

    def _manifest(self) -> None:
        content = {
            "experiment": self.experiment.model_dump(mode="json", by_alias=True),
            "runs": self.files,
            "tuning": as_table(self.tried, self.experiment.tuning),
            "chosen": self.chosen,
            "data": self.digest,
            "versions": {
                "optassay": optassay.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "source": self.source,
        }
        write_atomic(self.folder / MANIFEST, json.dumps(content, indent=1).encode() + b"\n")


def execute(
    spec: RunSpec,
    checkpoint: Path,
    *,
    data_folder: str | Path | None,
    device: str,
    on_epoch: Callable[[Row], None] | None = None,
    parent: int | None = None,
) -> tuple[RunSpec, list[Row], float]:
    """A run in whichever process: its description, rows and seconds.

    Parameters
    ----------
    parent : int, optional
        Process whose child this one is. When that was killed, nobody waits for the run, and it stops at the next epoch.
    """

    def stop_without_parent(row: Row) -> None:
        if os.getppid() != parent:
            raise SystemExit(1)

    if parent is not None:
        on_epoch = stop_without_parent
    start = time.perf_counter()
    rows = train(spec, data_folder=data_folder, device=device, checkpoint=checkpoint, on_epoch=on_epoch)
    return spec, rows, time.perf_counter() - start
