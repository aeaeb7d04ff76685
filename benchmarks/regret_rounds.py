"""Rounds of the online counterexample: 56 pairs of decays, four optimizers, one batch each.

Target: 10^6 rounds of all four in under 60 s on two cores. ``python benchmarks/regret_rounds.py [rounds]``; fewer
rounds are extrapolated, since the time per round does not depend on the round.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from _common import report

from analysis.games import reddi_game
from analysis.regret import play
from figures.adamomentum_regret import BETA1, BETA2, SIZE, _rules


def main(rounds: int = 20_000) -> None:
    beta1, beta2 = (axis.ravel() for axis in np.meshgrid(BETA1, BETA2, indexing="ij"))
    start = np.zeros((beta1.size, 1))
    rows = []
    for name, rule in _rules(beta1, beta2).items():
        play(rule, reddi_game(SIZE), start, 200)
        begin = time.perf_counter()
        found = play(rule, reddi_game(SIZE), start, rounds)
        seconds = time.perf_counter() - begin
        rows.append(
            {
                "optimizer": name,
                "pairs": beta1.size,
                "rounds": rounds,
                "seconds": seconds,
                "seconds per 10^6 rounds": seconds * 1e6 / rounds,
                "largest average regret": float(np.max(found.average)),
            }
        )
    total = sum(row["seconds per 10^6 rounds"] for row in rows)
    rows.append({"optimizer": "all four, one core", "seconds per 10^6 rounds": total})
    report("regret_rounds", rows, "target: 60 s on two cores for all four and 10^6 rounds")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
