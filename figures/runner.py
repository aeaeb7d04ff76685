"""Regenerating figures: workers write whole files, the parent keeps the manifest and the gallery up to date."""

from __future__ import annotations

import json
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optassay import __version__
from optassay.files import write_atomic

from .registry import Figure, Level, load_figures
from .staleness import Plan, data_origin, data_path, drawing_origin, plan, sha256

MANIFEST = "manifest.json"
TIMINGS = "timings.json"  # apart from the manifest, which is the same on every run


@dataclass(frozen=True)
class Outcome:
    """What became of one plan: a manifest record, or the error that stopped it."""

    id: str
    reason: str
    record: dict[str, Any] | None
    seconds: dict[str, float]
    error: str | None = None
    trace: str | None = None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when the file is missing or broken, as all of it can be made anew."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def records(out: Path) -> dict[str, dict[str, Any]]:
    """The manifest's record of each figure, by id."""
    entries = read_json(out / MANIFEST).get("figures", [])
    return {entry["id"]: entry for entry in entries}


def plans(figures: Sequence[Figure], out: Path, level: Level, force: bool = False) -> list[Plan]:
    """What each figure needs."""
    known = records(out)
    return [plan(figure, out, level, known.get(figure.id), force) for figure in figures]


def produce(figure_id: str, out: Path, level: Level, compute: bool, reason: str) -> Outcome:
    """Compute (or load) the data of one figure, draw it and write its files. Runs in a worker, so figures go by id."""
    seconds: dict[str, float] = {}
    try:
        return _produce(load_figures([figure_id])[0], out, level, compute, reason, seconds)
    except Exception as error:  # one figure must not stop the others; the command reports it and exits 1
        lines = str(error).splitlines()
        message = f"{type(error).__name__}: {lines[0] if lines else ''}"
        return Outcome(figure_id, reason, None, seconds, message, traceback.format_exc())


def _produce(figure: Figure, out: Path, level: Level, compute: bool, reason: str, seconds: dict[str, float]) -> Outcome:
    from threadpoolctl import threadpool_limits

    from .staleness import drawing_paths
    from .store import CorruptEntry, csv_bytes, npz_bytes, read_npz
    from .style import freeze_layout, house_style, png_bytes, svg_bytes

    file = data_path(out, figure.id, level)
    origin = data_origin(figure)
    data = None
    if not compute:
        try:
            data = read_npz(file)
        except CorruptEntry:
            reason = "cache entry corrupt"
    start = time.perf_counter()
    if data is None:
        # One BLAS thread: sums would otherwise be split, and rounded, differently with the number of threads.
        with threadpool_limits(1):
            computed = figure.data(level)
        write_atomic(file, npz_bytes(computed, {"figure": figure.id, "level": level.value, **origin}))
        data = read_npz(file)  # draw what was stored, so that a later redraw sees the same numbers
        seconds["data"] = time.perf_counter() - start
    start = time.perf_counter()
    with house_style():
        drawing = figure.draw(data)
        freeze_layout(drawing)
        contents = [csv_bytes(figure.table(data)), svg_bytes(drawing, figure.id), png_bytes(drawing)]
    files = {}
    for path, content in zip(drawing_paths(out, figure.id), contents, strict=True):
        files[path.suffix[1:]] = sha256(write_atomic(path, content))
    seconds["drawing"] = time.perf_counter() - start
    record = {
        "id": figure.id,
        "level": level.value,
        "caption": figure.caption(data),
        "inputs": data.inputs,
        "data": {"file": str(file.relative_to(out)), "sha256": sha256(file), **origin},
        "drawing": drawing_origin(figure),
        "files": files,
    }
    return Outcome(figure.id, reason, record, seconds)


def run(todo: Sequence[Plan], out: Path, level: Level, jobs: int = 1) -> Iterator[Outcome]:
    """Outcomes as figures are finished, dearest first; the backend is whatever ``joblib.parallel_config`` says."""
    from joblib import Parallel, delayed

    ordered = sorted(todo, key=lambda item: -(item.figure.cost.at(level) or 0.0))
    calls = [delayed(produce)(item.figure.id, out, level, item.compute, item.reason) for item in ordered]
    workers = min(jobs, len(calls)) or 1
    with _deaf_to_interrupts():
        results = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch="all")(calls)
    missing = {item.figure.id: item.reason for item in ordered}
    try:
        for outcome in results:
            del missing[outcome.id]
            yield outcome
    except BrokenExecutor:
        # The pool is gone and with it what was running: report each figure that did not come back.
        message = "a worker process was killed, perhaps for want of memory; try --jobs 1"
        for figure_id, reason in missing.items():
            yield Outcome(figure_id, reason, None, {}, message)
    finally:
        if hasattr(results, "close"):
            results.close()
        remove_leftovers(out)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started in here never answer Ctrl-C, which a terminal sends to all: the parent does, and ends them.

    Ignoring is inherited; blocking the signal would be too, but the process pool unblocks it on its way.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def remove_leftovers(out: Path) -> None:
    """Delete temporary files of workers that were killed while writing."""
    for path in out.rglob(".*.part"):
        path.unlink(missing_ok=True)


class Book:
    """The manifest, the timings and the gallery of an output folder, rewritten after every figure."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.figures = load_figures()
        self.records = records(out)
        self.timings = read_json(out / TIMINGS)
        self.errors: dict[str, str] = {}

    def add(self, outcome: Outcome) -> None:
        """Enter one outcome and rewrite the files."""
        if outcome.record is None:
            self.errors[outcome.id] = outcome.error or "failed"
        else:
            self.records[outcome.id] = outcome.record
            spent = self.timings.setdefault(outcome.id, {}).setdefault(outcome.record["level"], {})
            spent.update({name: round(value, 3) for name, value in outcome.seconds.items()})
        self.write()

    def write(self) -> None:
        """Write manifest, timings and gallery; files whose content stays the same are left alone."""
        from .gallery import render

        entries = [self.records[figure.id] for figure in self.figures if figure.id in self.records]
        manifest = {"optassay": __version__, "figures": entries}
        texts = {
            MANIFEST: json.dumps(manifest, indent=1, ensure_ascii=False) + "\n",
            TIMINGS: json.dumps(dict(sorted(self.timings.items())), indent=1) + "\n",
            "index.html": render(self.figures, self.records, self.errors, self.out),
        }
        for name, text in texts.items():
            path, content = self.out / name, text.encode()
            if not path.is_file() or path.read_bytes() != content:
                write_atomic(path, content)
