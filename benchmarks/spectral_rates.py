"""300 optimal rates with certificates (5 buffer sizes x 60 condition numbers), and a heavy-ball value beside PEPit's.

PEPit's value is the worst case of |x_n - x*|^2 after n steps of heavy ball on quadratics, from a semidefinite program
that is solved to the solver's tolerance and not certified; ours is the rate over all quadratics with a verified
certificate.

Run: python benchmarks/spectral_rates.py [--quick] [--jobs N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from _common import report, side_by_side
from joblib import parallel_config

from spectral import OptimalRate, optimal_rate, optimal_rates, verify_rate

SIZES = (1, 2, 5, 10, 20)
PEPIT_STEPS = (2, 5, 10)  # one step has no momentum yet
KAPPA = 10.0


def curves(points: int, jobs: int) -> list[OptimalRate]:
    with parallel_config(n_jobs=jobs):
        return optimal_rates(np.geomspace(1.0, 1e6, points).tolist(), SIZES)


def pepit_heavy_ball(tuned: OptimalRate, steps: int) -> float:
    from PEPit import PEP
    from PEPit.functions import SmoothStronglyConvexQuadraticFunction

    problem = PEP()
    f = problem.declare_function(SmoothStronglyConvexQuadraticFunction, mu=1.0, L=tuned.condition_number)
    optimum, start = f.stationary_point(), problem.set_initial_point()
    problem.set_initial_condition((start - optimum) ** 2 <= 1)
    before = now = start
    for _ in range(steps):
        before, now = now, now - tuned.step_size * f.gradient(now) + tuned.momentum * (now - before)
    problem.set_performance_metric((now - optimum) ** 2)
    return float(problem.solve(wrapper="cvxpy", verbose=0) or np.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 condition numbers")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    start = time.perf_counter()
    found = curves(10 if given.quick else 60, given.jobs)
    seconds = time.perf_counter() - start
    if not all(verify_rate(r.certificate) and 0.0 <= r.certified_upper - r.rate < 1e-9 for r in found):
        raise SystemExit("a certificate does not stand or is not tight")
    rows: list[dict[str, Any]] = [
        {
            "what": f"optimal rates with certificates, C in {SIZES}, {given.jobs} processes",
            "values": len(found),
            "seconds": seconds,
            "seconds per value": seconds / len(found),
        }
    ]
    tuned = optimal_rate(KAPPA, 0)
    count = 200
    calls: dict[str, Callable[[], Any]] = {
        "certified heavy-ball rate": lambda: [optimal_rate(KAPPA, 0) for _ in range(count)]
    }
    installed = find_spec("PEPit") is not None
    for steps in PEPIT_STEPS if installed else ():
        calls[f"PEPit, heavy ball, {steps} steps"] = lambda steps=steps: pepit_heavy_ball(tuned, steps)
    timed = side_by_side(calls, repeats=3)
    ours = timed["certified heavy-ball rate"] / count
    for name, value in timed.items():
        each = ours if name.startswith("certified") else value
        rows.append(
            {
                "what": name,
                "values": 1,
                "seconds per value": each,
                "ratio to ours on heavy ball": each / ours,
                "ratio to ours on the curves": each / (seconds / len(found)),
            }
        )
    note = "targets: 300 values in 30 s on 2 cores; PEPit's heavy-ball value 100 times slower."
    if not installed:
        note += " PEPit is missing (pip install 'optassay[crosscheck]'), so it was not timed."
    report("spectral_rates", rows, note)


if __name__ == "__main__":
    main()
