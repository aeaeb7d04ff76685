"""Results of training: one table per run as JSON lines, and what reads them.

``OUT/EXPERIMENT/`` holds

- ``manifest.json``: the experiment as it was read, the files of its runs in order, the hyperparameters that tuning
  chose, versions and the digest of the data;
- ``tune/*.jsonl`` and ``final/*.jsonl``: one file per finished run, named by optimizer, digest of the run's
  description, and seed; there whole or not at all;
- ``checkpoints/``: runs that are not finished, one file each, replaced after every epoch;
- ``seconds.jsonl``: wall time per run, kept apart because it differs from one run to the next.

A table has one row per epoch, row 0 before the first step. Every row has all keys of :data:`COLUMNS`; what was not
asked for, does not apply or is not finite is ``null``:

=========================  =============================================================================================
``experiment``             name of the experiment
``stage``                  ``"tune"`` (search of hyperparameters, own seeds) or ``"final"`` (what comparisons use)
``optimizer``              label of the optimizer
``hyper``                  object: hyperparameters from the grid (those tried, or those chosen), ``{}`` without a grid
``seed``                   integer; the same seed gives all optimizers the same start and the same order of data
``epoch``, ``step``        finished epochs and steps
``gradients``              examples or words whose gradients were computed so far, several per example where a rule asks
``status``                 ``"ok"``, ``"diverged"`` or ``"out of memory"``; the last two end a run early
``step_size``              at the last step of the epoch
``train_loss``             mean over the epoch's examples while the parameters moved, without L2 penalty
``train_accuracy``         likewise, share in [0, 1] (classification; language: next words)
``full_train_loss``        over all training examples at the end of the epoch
``validation_loss``        at the end of the epoch, cross-entropy in nats per example or word, or mean squared error
``validation_accuracy``    share in [0, 1]
``validation_perplexity``  language models
``test_loss``, ...         the same three of the test set
``sharpness``              largest eigenvalue of the Hessian of the training loss on a fixed sample
``m_sharpness``            mean rise of minibatch losses after one ascent step, (15) of "Critical Momenta"
``diagonal_mass``          share of the Hessian's absolute entries on its diagonal, (13) of "Dissecting Adam"
``near_zero``              share of its eigenvalues of at most a hundredth of the largest in size
``distance``               Euclidean distance of the parameters from their start
``path``                   sum of the distances travelled per epoch, a lower bound of the length of the path
``buffer_variance``        mean squared distance of a critical buffer's vectors from their mean
``buffer_relative``        the same over their mean square
``buffer_cancellation``    1 - |mean vector| / mean length
``buffer_cosine``          mean cosine of the longest vector with the others (figure 8 of "Critical Momenta")
=========================  =============================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

MEASURES = ("loss", "accuracy", "perplexity")
DIAGNOSTICS = (
    *("sharpness", "m_sharpness", "diagonal_mass", "near_zero", "distance", "path"),
    *("buffer_variance", "buffer_relative", "buffer_cancellation", "buffer_cosine"),
)
COLUMNS = (
    *("experiment", "stage", "optimizer", "hyper", "seed", "epoch", "step", "gradients", "status", "step_size"),
    *("train_loss", "train_accuracy", "full_train_loss"),
    *(f"{split}_{measure}" for split in ("validation", "test") for measure in MEASURES),
    *DIAGNOSTICS,
)
MANIFEST = "manifest.json"

Row = dict[str, Any]


def encode(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The table as JSON lines: keys in the order of :data:`COLUMNS`, numbers by their shortest exact form."""
    lines = (json.dumps({key: row.get(key) for key in COLUMNS}, allow_nan=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def read_results(path: str | Path, stage: str | None = "final") -> list[Row]:
    """Rows of one table, or of all finished runs of an experiment's folder in the order of its manifest.

    Parameters
    ----------
    path : path
        A ``.jsonl`` file, or the folder of an experiment.
    stage : {"final", "tune", None}
        Which runs; None for all.

    Raises
    ------
    FileNotFoundError
        There is no such table, or the folder has no manifest.
    ValueError
        A line is not a row of a table; the message names file and line.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / MANIFEST).is_file():
            raise FileNotFoundError(f"{path} holds no {MANIFEST}: it is not the folder of an experiment")
        names = json.loads((path / MANIFEST).read_text())["runs"]
        files = [file for name in names if (file := path / name).is_file()]
    elif path.is_file():
        files = [path]
    else:
        raise FileNotFoundError(f"{path} is neither a table nor the folder of an experiment")
    rows = [row for file in files for row in _read(file)]
    return [row for row in rows if stage is None or row["stage"] == stage]


def _read(file: Path) -> list[Row]:
    rows = []
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
            missing = [key for key in COLUMNS if key not in row]
        except (json.JSONDecodeError, TypeError) as error:
            raise ValueError(f"{file}, line {number}: not a row of a table ({error})") from error
        if missing:
            raise ValueError(f"{file}, line {number}: not a row of a table, it lacks {missing[0]!r}")
        rows.append(row)
    return rows


def curves(rows: Iterable[Row], metric: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each optimizer the epochs (E,) and the metric (seeds, E), seeds ascending, NaN where there is no value.

    Raises
    ------
    ValueError
        ``metric`` is not a column.
    """
    found: dict[str, dict[int, dict[int, float]]] = {}
    for row in rows:
        value = _number(row, metric)
        found.setdefault(row["optimizer"], {}).setdefault(row["seed"], {})[row["epoch"]] = value
    result = {}
    for label, runs in found.items():
        epochs = np.asarray(sorted({epoch for run in runs.values() for epoch in run}))
        values = [[runs[seed].get(int(epoch), np.nan) for epoch in epochs] for seed in sorted(runs)]
        result[label] = epochs, np.asarray(values, dtype=float)
    return result


def final_values(rows: Iterable[Row], metric: str, pick: str = "last") -> dict[str, dict[int, float]]:
    """Of each optimizer and seed one number of the run; pairs of optimizers share their seeds.

    Parameters
    ----------
    metric : str
        A column.
    pick : {"last", "best"}
        Of the last epoch, or the best over the epochs (largest accuracy, smallest of anything else). NaN for a run
        that did not reach its end.

    Raises
    ------
    ValueError
        ``metric`` is not a column, or ``pick`` is unknown.
    """
    if pick not in ("last", "best"):
        raise ValueError(f"pick must be 'last' or 'best', got {pick!r}")
    found: dict[str, dict[int, list[float]]] = {}
    broken = set()
    for row in rows:
        found.setdefault(row["optimizer"], {}).setdefault(row["seed"], []).append(_number(row, metric))
        if row["status"] != "ok":
            broken.add((row["optimizer"], row["seed"]))

    def one(label: str, seed: int, values: list[float]) -> float:
        if (label, seed) in broken or np.all(np.isnan(values)):
            return float("nan")
        best = np.nanmax if better(metric) > 0 else np.nanmin
        return values[-1] if pick == "last" else float(best(values))

    return {
        label: {seed: one(label, seed, values) for seed, values in sorted(runs.items())}
        for label, runs in found.items()
    }


def better(metric: str) -> int:
    """1 if larger values of the metric are better, -1 if smaller ones are."""
    return 1 if metric.endswith("accuracy") else -1


def _number(row: Row, metric: str) -> float:
    if metric not in COLUMNS:
        raise ValueError(f"metric must be one of the columns {', '.join(COLUMNS)}, got {metric!r}")
    value = row[metric]
    return float("nan") if value is None else float(value)
