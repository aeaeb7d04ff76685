"""Exit times of 10^5 paths from a valley under Gaussian and stable noise: discrete methods and an Euler scheme.

Run: python benchmarks/exit_times.py [--paths N]
"""

from __future__ import annotations

import argparse

import numpy as np
from _common import report, side_by_side

from analysis.exit_times import Exits, Noise, NoisyMethod, Process, exit_times, inside_box, restricted_mean
from analysis.landscapes import Valley
from analysis.stable_flow import StableFlow
from optassay.optimizers import Adam, AdaMomentum

RADIUS, HORIZON, WARM = 0.3, 3000, 300


def study(process: Process, paths: int, radius: float, warm: int) -> Exits:
    """All paths at once, from the minimiser."""
    return exit_times(process, np.zeros((paths, 1)), inside_box(-radius, radius), HORIZON, 0, warm=warm)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=100_000)
    given = parser.parse_args()
    valley, heavy = Valley(2.0, 2.0), Noise(0.7, 1.5)
    cases: dict[str, tuple[Process, float, int]] = {
        "Adam, Gaussian": (NoisyMethod(Adam(0.05, beta2=0.99), valley, Noise.gaussian(1.0)), RADIUS, WARM),
        "AdaMomentum, Gaussian": (
            NoisyMethod(AdaMomentum(0.05, beta2=0.99), valley, Noise.gaussian(1.0)),
            RADIUS,
            WARM,
        ),
        "Adam, stable 1.5": (NoisyMethod(Adam(0.05, beta2=0.99), valley, heavy), RADIUS, WARM),
        "AdaMomentum, stable 1.5": (NoisyMethod(AdaMomentum(0.05, beta2=0.99), valley, heavy), RADIUS, WARM),
        "flow, stable 1.5": (StableFlow(Valley(), 0.3, 1.5, 0.02), 1.0, 0),
    }
    found: dict[str, Exits] = {}

    def run(name: str) -> None:
        process, radius, warm = cases[name]
        found[name] = study(process, given.paths, radius, warm)

    seconds = side_by_side({name: lambda n=name: run(n) for name in cases}, repeats=1, warmup=0)
    rows = [
        {
            "case": name,
            "paths": given.paths,
            "seconds": s,
            "million path steps / s": float(np.sum(found[name].steps)) / s / 1e6,
            "mean of min(exit, 3000), steps": restricted_mean(found[name]).value,
            "share censored": float(1.0 - np.mean(found[name].exited)),
        }
        for name, s in seconds.items()
    ]
    report("exit_times", rows, "target: each under 60 s on 2 cores for 10^5 paths")


if __name__ == "__main__":
    main()
