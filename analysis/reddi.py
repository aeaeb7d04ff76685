"""The counterexample of Reddi, Kale and Kumar over pairs of decays: four methods, one batch each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from optassay.optimizers import Adam, AdaMomentum, AMSGrad, InverseSqrt, Rule

from .games import reddi_game
from .regret import Regret, play

METHODS = ("Adam", "AMSGrad", "AdaMomentum", "AdaMomentum, running maximum")
BETA1 = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)
BETA2 = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99)
ALPHA = 0.5  # alpha_t = ALPHA / sqrt(t)


def counterexample_rules(
    beta1: Sequence[float] = BETA1, beta2: Sequence[float] = BETA2, alpha: float = ALPHA
) -> dict[str, Rule]:
    """The four methods without epsilon and bias correction; their decays are all pairs, ``beta2`` running fastest."""
    pairs = np.array(list(product(beta1, beta2)))
    shared: dict[str, Any] = {
        "step_size": InverseSqrt(alpha),
        "beta1": pairs[:, 0],
        "beta2": pairs[:, 1],
        "epsilon": 0.0,
        "debias": False,
    }
    kinds = (Adam(**shared), AMSGrad(**shared), AdaMomentum(**shared), AdaMomentum(**shared, amsgrad=True))
    return dict(zip(METHODS, kinds, strict=True))


def play_pairs(rule: Rule, size: float, period: int, rounds: int, record: Sequence[int] | None = None) -> Regret:
    """One method of :func:`counterexample_rules` from the middle of the interval; its pairs side by side."""
    pairs: Any = rule.beta1  # type: ignore[attr-defined]
    return play(rule, reddi_game(size, period), np.zeros((len(pairs), 1)), rounds, record=record)


def worst_average(size: float, period: int) -> float:
    """Average regret of whoever stays at the worst point 1: twice the mean slope."""
    return 2.0 * (size - (period - 1)) / period
