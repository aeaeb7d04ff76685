"""Outcomes of the plain code: what a witness of an ordering is seen with a second time, and replayed with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .plain import FUNCTIONS, Seen, ends, gradient_of, top_eigenvalue, well_gradient
from .plain_buffers import buffer_measure


def outcomes(arm: Mapping[str, Any], count: int, seed: int) -> np.ndarray:
    """Outcomes (count,) of one arm, a JSON record of an arm of :mod:`~proofs_check.critical_momenta.toy_runs`.

    NaN for starts that the outcome leaves out. Runs of one process are kept.
    """
    return _outcomes(json.dumps(arm), count, seed)


@lru_cache(maxsize=512)
def _outcomes(record: str, count: int, seed: int) -> np.ndarray:
    arm = json.loads(record)
    if "constant" in arm:
        return np.full(count, arm["constant"])
    s, dim = arm["sharpness"], arm["dim"]
    # Not the seeds of the study itself: the second way takes other starts.
    start = np.random.default_rng([seed, dim, 77]).uniform(arm["low"], arm["high"], (count, dim))
    if "measure" in arm:
        return buffer_measure(arm, start)
    function = None if s is not None else FUNCTIONS[arm["function"]]
    if function is None:
        with np.errstate(all="ignore"):
            return _reached(arm, start)
    outcome, last = arm["outcome"], [start, start]

    def watch(seen: Seen) -> None:
        last[:] = [seen.before, seen.after]

    with np.errstate(all="ignore"):
        end = ends(gradient_of(function), start, arm["method"], arm["steps"], watch)
        if outcome == "step":
            return np.linalg.norm(last[1] - last[0], axis=-1)
        if outcome == "loss":
            return function(end)
        if outcome == "sharpness":
            return top_eigenvalue(function, end)
        if outcome == "travelled":
            return np.linalg.norm(end - start, axis=-1)
        return (np.linalg.norm(end - np.asarray(arm["target"]), axis=-1) <= arm["within"]).astype(float)


def _reached(arm: Mapping[str, Any], start: np.ndarray) -> np.ndarray:
    """Outcomes on the two wells, see :func:`analysis.toys.reached_flat`."""
    s, outcome = arm["sharpness"], arm["outcome"]
    ridge = np.sqrt(s) / (1 + np.sqrt(s))
    ever = np.zeros(len(start), dtype=bool)

    def watch(seen: Seen) -> None:
        ever[:] |= np.all(seen.after < ridge, axis=-1)

    end = ends(well_gradient(s), start, arm["method"], arm["steps"], watch if outcome == "ever" else None)
    found = np.all(end < ridge, axis=-1).astype(float)
    return {
        "basin": lambda: found,
        "ever": lambda: ever.astype(float),
        "any": lambda: np.any(end < ridge, axis=-1).astype(float),
        "share": lambda: np.mean(end < ridge, axis=-1),
        "product": lambda: _power_of_mean(np.mean(end < ridge, axis=-1), end.shape[-1]),
        "near": lambda: np.all(np.abs(end) <= arm["within"], axis=-1).astype(float),
        "escaped": lambda: np.where(np.all(start < ridge, axis=-1), np.nan, found),
    }[outcome]()


def _power_of_mean(share: np.ndarray, n: int) -> np.ndarray:
    """The mean to the power n, linearised about it for every run."""
    p = share.sum() / len(share)
    return p**n + (share - p) * n * p ** (n - 1)


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
