"""Time of ``optassay figures``: start-up, nothing to do, the quick gallery, and figure 2 against its floor.

Run with ``python benchmarks/figures_command.py`` (about five minutes; ``--quick`` leaves out the normal level).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _common import report

COMMAND = [sys.executable, "-c", "from optassay.cli import main; main()"]
JOBS = "2"
ONE_THREAD = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def seconds(*arguments: str, repeats: int = 1) -> float:
    """Least wall time of the command, start-up included."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([*COMMAND, *arguments], check=True, capture_output=True, env=ONE_THREAD)
        taken.append(time.perf_counter() - start)
    return min(taken)


def pair_seconds() -> float:
    """Least time of one exact E[s^T Q s] at figure 2's size: rotated, noisy, d = 100, many runs at once."""
    from figures import _direction_study as study
    from quadratics import SignMoments

    draw = study._draw(study.SPECTRA[0], 0, 32)
    hessian = draw.hessians["rotated"]
    gradient = (hessian @ draw.starts["rotated"][:, :, None])[..., 0]
    square = hessian @ hessian
    moments = SignMoments(0.5 * (square + np.swapaxes(square, -1, -2)), sign_of_zero=0.0)
    means = np.stack([gradient / noise for noise in study.NOISE if noise > 0])
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        moments.quadratic_form(means, hessian)
        taken.append(time.perf_counter() - start)
    return min(taken) / (means.shape[0] * means.shape[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the normal level")
    quick_only = parser.parse_args().quick
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    rows: list[dict[str, Any]] = []

    def add(what: str, taken: float, target: float | None, **more: Any) -> None:
        rows.append({"what": what, "seconds": taken, "target": target, **more})

    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "figures")
        add("optassay --help", seconds("--help", repeats=5), 0.3)
        add("figures --list", seconds("figures", "--list", "--out", out, repeats=3), 2.0)
        two = ["--only", "dissecting-adam/figure-2", "--force", "--out", out, "--jobs", JOBS]
        add("figure 2, quick", seconds("figures", "--quick", *two), None)
        add("all figures, quick", seconds("figures", "--quick", "--force", "--out", out, "--jobs", JOBS), 10.0)
        add("fresh: nothing to do", seconds("figures", "--quick", "--out", out, repeats=5), 2.0)
        if not quick_only:
            from figures import _direction_study as study
            from figures.registry import Level

            taken = seconds("figures", *two)
            seeds, steps = study.COMPARISON_SIZE[Level.NORMAL]
            # Two rotated spectra, two noise levels: only these need pair probabilities.
            floor = 2 * 2 * seeds * steps * pair_seconds()
            add(f"figure 2, {seeds} seeds x {steps} steps", taken, 120.0, floor=floor, over_floor=taken / floor)
            add("all figures, normal", seconds("figures", "--force", "--out", out, "--jobs", JOBS), 600.0)
    report(
        "figures_command",
        rows,
        "Wall seconds, start-up included. The floor of figure 2: its exact second moments of signs alone, at the rate "
        "of one prepared batch on one core, as the runs of one figure are not split over processes.",
    )


if __name__ == "__main__":
    main()
