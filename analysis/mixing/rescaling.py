"""The same method on ``s f`` with ``beta / s``: which constants have to change with ``s``?

``r`` is multiplied by ``s``, the columns of X stay and those of R are multiplied: (12) gives the same ``R Gamma`` and
``X Gamma`` if ``delta`` is multiplied by ``s^2``. (16) does so by itself, for all ``c_1``, ``c_2`` and ``epsilon``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import Array, context, to_numpy
from optassay.optimizers import AdaSAM, RegularizedAnderson, Rule, StochasticAnderson

from .problems import LinearModel


class Rescaled(NamedTuple):
    """Results over the scales.

    Attributes
    ----------
    suboptimality : (scales, runs)
        Of f itself at the end.
    change : (scales,)
        Largest distance of an end point to that for ``s = 1``, over the length of the latter.
    """

    suboptimality: np.ndarray
    change: np.ndarray


def rescaled_trials(
    problem: LinearModel,
    scales: Sequence[float] | np.ndarray,
    runs: int,
    steps: int,
    seed: Any,
    mixing: float,
    delta_ram: float,
    delta_sam: float,
    c1: float,
    memory: int = 10,
) -> dict[str, Rescaled]:
    """RAM, SAM, AdaSAM and SAM with ``delta s^2`` on ``s f`` with the full gradient.

    Parameters
    ----------
    mixing : float
        ``beta`` at ``s = 1``, in units of ``1 / L``.
    delta_ram, delta_sam : float
        The latter in units of ``L^2`` of ``s = 1``.

    Raises
    ------
    ValueError
        A scale is not positive.
    """
    if not all(s > 0 for s in scales):
        raise ValueError(f"scales must be positive, got {list(scales)}")
    ctx = context(features=problem.features)
    unit = 1.0 / problem.smoothness
    shared: dict[str, Any] = {"memory": memory, "positivity": None, "solver": "factors", "nonfinite": "propagate"}

    def rules(s: float) -> dict[str, Rule]:
        beta = mixing * unit / s
        return {
            "RAM": RegularizedAnderson(mixing=beta, regularization=delta_ram, **shared),
            "SAM": StochasticAnderson(mixing=beta, regularization=delta_sam / unit**2, **shared),
            "AdaSAM": AdaSAM(mixing=beta, c1=c1, **shared),
            "SAM, scaled penalty": StochasticAnderson(mixing=beta, regularization=delta_sam / unit**2 * s**2, **shared),
        }

    start = ctx.asarray(np.random.default_rng(seed).standard_normal((runs, problem.dim)))

    def ends(s: float) -> dict[str, Array]:
        scaled = replace(problem, scale=s * problem.scale)
        found = {}
        for name, rule in rules(s).items():
            x, state = start, rule.init(start)
            for _ in range(steps):
                x, state = rule.step(x, scaled.gradient(x), state)
            found[name] = x
        return found

    first = ends(1.0)
    results: dict[str, tuple[list[Any], list[float]]] = {name: ([], []) for name in first}
    with np.errstate(over="ignore", invalid="ignore"):
        for s in scales:
            for name, x in ends(float(s)).items():
                gap, size = (np.linalg.norm(to_numpy(v), axis=-1) for v in (x - first[name], first[name]))
                results[name][0].append(to_numpy(problem.suboptimality(x)))
                results[name][1].append(float(np.max(gap / size)))
    return {name: Rescaled(np.stack(values), np.array(change)) for name, (values, change) in results.items()}
