"""Table 3: how far a buffer lengthens the steps of SGD, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from optassay.optimizers import SGDCriticalGradients, SGDCriticalMomenta

from ..checks.search import ForAll, for_all
from ..claim import Budget, Part
from .transcription import Buffer, sgd_cg, sgd_cm


@dataclass(frozen=True)
class Gain:
    """Total displacement under a constant gradient, over that of SGD at the same step size, after ``steps``."""

    momenta: bool
    formula: Callable[[int, int], Fraction]


def _displacement(point: Any) -> Fraction:
    """Over that of SGD (the same momentum, if any), by the transcription."""
    ones = [[Fraction(1)]] * point["steps"]
    buffer = Buffer(point["size"], Fraction(7, 10))
    if point["momenta"]:
        beta = Fraction(1, 2)
        path = sgd_cm(ones, [Fraction(0)], buffer, alpha=Fraction(1), beta=beta)
        plain = sgd_cm(ones, [Fraction(0)], Buffer(0, Fraction(1)), alpha=Fraction(1), beta=beta)
    else:
        path = sgd_cg(ones, [Fraction(0)], buffer, alpha=Fraction(1))
        plain = sgd_cg(ones, [Fraction(0)], Buffer(0, Fraction(1)), alpha=Fraction(1))
    return Fraction(path[-1][0]) / plain[-1][0]


def _library(point: Any) -> float:
    ends = []
    for size in (point["size"], 0):
        rule: Any = (
            SGDCriticalMomenta(step_size=1.0, momentum=0.5, capacity=size, decay=0.7)
            if point["momenta"]
            else SGDCriticalGradients(step_size=1.0, capacity=size, decay=0.7)
        )
        x = np.zeros(1)
        state = rule.init(x)
        for _ in range(point["steps"]):
            x, state = rule.step(x, np.ones(1), state)
        ends.append(float(x[0]))
    return ends[0] / ends[1]


REPLAY = """
from fractions import Fraction as F
from proofs_check.critical_momenta.speed_up import _displacement, _library
violated = abs(float(_displacement(witness)) - float(F(str(witness["stated"])))) > 1e-9
"""


def gain(statement: Gain) -> ForAll:
    """The stated factor for every buffer size and number of steps."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for size in (1, 5, 20):
            for steps in budget.pick((1, 2, 10, 60), (1, 2, 3, 5, 10, 20, 60, 200, 1000)):
                yield {
                    "size": size,
                    "steps": steps,
                    "momenta": statement.momenta,
                    "stated": statement.formula(size, steps),
                }

    return ForAll(
        points=points,
        sides=lambda p: (_displacement(p), p["stated"]),
        relation="==",
        again=lambda p: (_library(p), float(p["stated"])),
        replay=REPLAY,
    )


def gradients_factor(size: int, steps: int) -> Fraction:
    """2 less what is missing while the buffer fills: sum over t of min(t - 1, C) / C."""
    return 1 + sum((Fraction(min(t - 1, size), size) for t in range(1, steps + 1)), Fraction(0)) / steps


def momenta_factor(size: int, steps: int) -> Fraction:
    """The same with m_t = 1 - beta^t at beta = 1/2, the last C momenta being stored."""
    m = [1 - Fraction(1, 2**t) for t in range(1, steps + 1)]
    stored = sum((sum(m[max(0, t - size) : t], Fraction(0)) / size for t in range(steps)), Fraction(0))
    return 1 + stored / sum(m)


def speed_up_parts() -> tuple[Part, ...]:
    return (
        Part(
            "what step length explains: SGD+CG under a constant gradient moves 2 - (C + 1) / (2 T) times SGD's way",
            for_all,
            printed=gain(Gain(momenta=False, formula=gradients_factor)),
            broken=gain(Gain(momenta=False, formula=lambda size, steps: Fraction(2))),
            bears=False,
            note=(
                "(10) adds the mean of the buffer to the gradient: along a steady direction the step doubles once the "
                "buffer is full (T >= C). A speed-up of 1.2 to 1.3 over SGD at the same step size is less than that; "
                "only SGD at twice the step size would tell the buffer from the step."
            ),
        ),
        Part(
            "the same for SGD+CM against averaged momentum",
            for_all,
            printed=gain(Gain(momenta=True, formula=momenta_factor)),
            broken=gain(Gain(momenta=True, formula=gradients_factor)),
            bears=False,
            note="At beta = 1/2, C = 5: factor 1.94 after 60 steps, tending to 2.",
        ),
    )
