"""Rounds of the online counterexample: 56 pairs of decays, four optimizers, one batch each.

Target: 10^6 rounds of all four in under 60 s on two cores. ``python benchmarks/regret_rounds.py [rounds]`` times the
whole of it on one core, compilation and schedules included, and beside it the same rounds one by one (a hundredth of
them, extrapolated: the time per round does not depend on the round).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from _common import report

from analysis.reddi import counterexample_rules, play_pairs
from optassay.rounds import _run


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    found = call()
    return found, time.perf_counter() - begin


def main(rounds: int = 1_000_000) -> None:
    rows: list[dict[str, Any]] = []
    few = max(1, rounds // 100)
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
                "largest average regret": float(np.max(found.average)),
            }
        )
    sums = {key: sum(row[key] for row in rows) for key in ("seconds", "seconds round by round, extrapolated")}
    rows.append({"optimizer": "all four, one core", "rounds": rounds, **sums})
    report("regret_rounds", rows, "target: 60 s on two cores for all four and 10^6 rounds")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
