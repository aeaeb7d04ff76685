"""Outcomes of the plain code: what a witness of an ordering is seen with a second time, and replayed with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .plain import FUNCTIONS, ends, gradient_of, top_eigenvalue, well_gradient
from .plain_buffers import buffer_measure


def outcomes(arm: Mapping[str, Any], count: int, seed: int) -> np.ndarray:
    """Outcomes (count,) of one arm, a JSON record of an arm of :mod:`~proofs_check.critical_momenta.toy_runs`.

    NaN for starts that the outcome leaves out.
    """
    if "constant" in arm:
        return np.full(count, arm["constant"])
    s, dim = arm["sharpness"], arm["dim"]
    # Not the seeds of the study itself: the second way takes other starts.
    start = np.random.default_rng([seed, dim, 77]).uniform(arm["low"], arm["high"], (count, dim))
    if "measure" in arm:
        return buffer_measure(arm, start)
    function = None if s is not None else FUNCTIONS[arm["function"]]
    gradient = well_gradient(s) if function is None else gradient_of(function)
    with np.errstate(all="ignore"):
        end = ends(gradient, start, arm["method"], arm["steps"])
        outcome = arm["outcome"]
        if function is None:
            ridge = np.sqrt(s) / (1 + np.sqrt(s))
            if outcome == "near":
                return np.all(np.abs(end) <= 0.1, axis=-1).astype(float)
            found = np.all(end < ridge, axis=-1).astype(float)
            return found if outcome == "basin" else np.where(np.all(start < ridge, axis=-1), np.nan, found)
        if outcome == "loss":
            return function(end)
        if outcome == "sharpness":
            return top_eigenvalue(function, end)
        if outcome == "travelled":
            return np.linalg.norm(end - start, axis=-1)
        return (np.linalg.norm(end - np.asarray(arm["target"]), axis=-1) <= arm["within"]).astype(float)


def difference(
    larger: Mapping[str, Any], smaller: Mapping[str, Any], count: int, seed: int
) -> tuple[float, float, float]:
    """Mean outcomes of both arms over the same starts, and the standard error of their difference.

    Where no start makes a difference the error is 1/n.
    """
    a, b = outcomes(larger, count, seed), outcomes(smaller, count, seed)
    both = np.isfinite(a) & np.isfinite(b)
    d = a[both] - b[both]
    error = float(d.std(ddof=1) / np.sqrt(len(d)))
    return float(a[both].mean()), float(b[both].mean()), error or 1.0 / len(d)


def reversed_again(witness: Mapping[str, Any]) -> bool:
    """Whether the recorded pair, run again, falls short of what is claimed by the recorded margin."""
    a, b, _ = difference(witness["larger"], witness["smaller"], witness["count"], witness["seed"])
    return a - b - witness["least"] <= -witness["margin"] * (1 - 1e-9)
