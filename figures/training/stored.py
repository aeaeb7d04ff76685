"""Results of the cross-checks that ship with the package, so that their figures need no training and no torch.

Run: python -m figures.training.stored OUT/EXPERIMENT ...      (after ``optassay train``; keeps the final runs)
"""

from __future__ import annotations

import gzip
import sys
from importlib.resources import files
from pathlib import Path

from analysis.networks.results import Row, encode, read_results
from optassay.files import write_atomic

FOLDER = Path(str(files("figures.training"))) / "results"


def stored(name: str) -> list[Row]:
    """Rows of the final runs of a cross-check.

    Raises
    ------
    ValueError
        No results of this name are stored; the message names those that are.
    """
    import json

    path = FOLDER / f"{name}.jsonl.gz"
    if not path.is_file():
        known = sorted(item.name.removesuffix(".jsonl.gz") for item in FOLDER.glob("*.jsonl.gz"))
        raise ValueError(f"no results are stored for {name!r}; stored are {', '.join(known) or 'none'}")
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def keep(folder: Path) -> Path:
    """Store the final runs of an experiment's folder; the same runs give the same bytes."""
    rows = read_results(folder)
    return write_atomic(FOLDER / f"{folder.name}.jsonl.gz", gzip.compress(encode(rows), mtime=0))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(keep(Path(argument)))
