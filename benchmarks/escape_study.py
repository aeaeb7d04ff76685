"""The 10-d escape study: 50 000 runs, 500 steps of Adam with critical momenta, C = 20, on the two-well function.

Run: python benchmarks/escape_study.py [--runs N] [--steps N]
"""

from __future__ import annotations

import argparse

import numpy as np
from _common import report, side_by_side

from analysis.escape import in_flat_basin, wilson
from analysis.landscapes import TwoWell
from analysis.runs import run, uniform_starts
from optassay.optimizers import AdamCriticalMomenta

SHARPNESS = 10.0


def study(starts: np.ndarray, steps: int, block: int | None, jobs: int) -> float:
    """Share of runs in the flat basin at the end."""
    rule = AdamCriticalMomenta.paper(step_size=0.05, beta2=0.99, capacity=20, decay=0.99)
    ends = run(rule, TwoWell(SHARPNESS), starts, steps, block=block, jobs=jobs).params
    return wilson(int(in_flat_basin(ends, SHARPNESS).sum()), len(starts)).value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50_000)
    parser.add_argument("--steps", type=int, default=500)
    given = parser.parse_args()
    starts = uniform_starts(given.runs, [-5] * 10, [5] * 10, 0)
    ways = {
        "two processes": (None, 2),
        "one process, blocks that fit the cache": (None, 1),
        "one process, all at once": (given.runs, 1),
    }
    seconds = side_by_side(
        {name: lambda way=way: study(starts, given.steps, *way) for name, way in ways.items()}, repeats=1, warmup=0
    )
    rows = [
        {
            "how": name,
            "runs": given.runs,
            "steps": given.steps,
            "seconds": s,
            "million coordinate steps / s": given.runs * 10 * given.steps / s / 1e6,
        }
        for name, s in seconds.items()
    ]
    report("escape_study", rows, "target: 60 s on 2 cores")


if __name__ == "__main__":
    main()
