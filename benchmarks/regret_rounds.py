"""Rounds of the online counterexample: 56 pairs of decays, four optimizers, one batch each.

Target: 10^6 rounds of all four in under 60 s on two cores. ``python benchmarks/regret_rounds.py [rounds]`` times the
whole of it on one core, compilation and schedules included, and beside it the same rounds one by one (a hundredth of
them, extrapolated: the time per round does not depend on the round). The floor is one division and one root for every
pair and round, by NumPy on numbers in cache.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from _common import report

from analysis.reddi import BETA1, BETA2, counterexample_rules, play_pairs
from optassay.rounds import _run


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    found = call()
    return found, time.perf_counter() - begin


def floor(numbers: int) -> float:
    """Seconds for so many divisions and roots."""
    block, out = np.linspace(1.0, 2.0, 2048), np.empty(2048)
    repeats = max(1, numbers // block.size // 10)

    def once() -> None:
        for _ in range(repeats):
            np.sqrt(block, out=out)
            np.divide(block, out, out=out)

    timed(once)
    return timed(once)[1] * numbers / (repeats * block.size)


def main(rounds: int = 1_000_000) -> None:
    rows: list[dict[str, Any]] = []
    few = max(1, rounds // 100)
    least = floor(rounds * len(BETA1) * len(BETA2))
    for name, rule in counterexample_rules().items():
        found, seconds = timed(lambda rule=rule: play_pairs(rule, 3.0, 3, rounds))
        with patch.object(_run, "WORTH", 1 << 62):
            _, slow = timed(lambda rule=rule: play_pairs(rule, 3.0, 3, few))
        rows.append(
            {
                "optimizer": name,
                "pairs": len(found.average[-1]),
                "rounds": rounds,
                "seconds": seconds,
                "seconds round by round, extrapolated": slow * rounds / few,
                "times the floor": seconds / least,
                "largest average regret": float(np.max(found.average)),
            }
        )
    sums = {key: sum(row[key] for row in rows) for key in ("seconds", "seconds round by round, extrapolated")}
    rows.append(
        {"optimizer": "all four, one core", "rounds": rounds, **sums, "times the floor": sums["seconds"] / least / 4}
    )
    report("regret_rounds", rows, "target: 60 s on two cores for all four and 10^6 rounds")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
