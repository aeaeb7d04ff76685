"""Side-by-side timing in one run, a table on the screen, and a JSON file under ``benchmarks/results``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def side_by_side(
    candidates: Mapping[str, Callable[[], Any]],
    repeats: int = 5,
    warmup: int = 1,
    statistic: Callable[[list[float]], Any] = statistics.median,
) -> dict[str, Any]:
    """Median (``statistic``) of the seconds of each candidate.

    They run in turn A B C A B C ... so that drift of the machine hits all alike.
    """
    for call in candidates.values():
        for _ in range(warmup):
            call()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistic(values) for name, values in seconds.items()}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def report(name: str, rows: list[dict[str, Any]], note: str = "") -> None:
    """Print ``rows`` as a table and write them with the machine's description to ``results/<name>.json``."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=name, caption=note or None)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{row[c]:.4g}" if isinstance(row.get(c), float) else str(row.get(c, "")) for c in columns))
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    document = {"benchmark": name, "note": note, "machine": machine(), "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
