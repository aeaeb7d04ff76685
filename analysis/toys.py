"""Batched runs of the toy experiments of "Critical Momenta", section 4: methods, starts, end points, outcomes.

Everything is keyed by frozen values and cached, so that claims and figures share the same runs. The functions are
deterministic: chance enters by the starts alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np

from optassay.optimizers import (
    Adam,
    AdamCriticalGradients,
    AdamCriticalMomenta,
    ExtraGradient,
    Rule,
    SharpnessAware,
)
from optassay.optimizers.schedules import StepDrops

from .escape import Coordinates, in_flat_basin, near, wilson
from .landscapes import Landscape, TwoWell
from .runs import Observation, run

Name = Literal["Adam", "Adam+SAM", "Adam+CG", "Adam+CM", "Adam+SAM+CM", "Adam+MEG"]
Criterion = Literal["basin", "near", "escaped", "any", "share", "ever", "product"]
NAMES: tuple[Name, ...] = ("Adam", "Adam+SAM", "Adam+CG", "Adam+CM", "Adam+SAM+CM", "Adam+MEG")
CRITICAL: tuple[Name, ...] = ("Adam+CG", "Adam+CM", "Adam+SAM+CM")
# Readings of what the paper leaves open, as options of the rules; "square" and "key" exist for momenta only.
READINGS: dict[str, tuple[tuple[str, Any], ...]] = {
    "as printed": (),
    "mean over the fill": (("mean", "fill"),),
    "insert first": (("order", "insert"),),
    "values decayed": (("decayed", "values"),),
    "momentum as key": (("key", "momentum"),),
    "published code": (("mean", "fill"), ("start", "gradient")),
    "v of the corrected aggregate": (("square", "corrected"),),
    "no bias correction": (("debias", False),),
}
_MOMENTA_ONLY = frozenset({"key", "start", "square"})


@dataclass(frozen=True)
class Method:
    """An optimizer of section 4 with its hyperparameters; the defaults are the paper's.

    Attributes
    ----------
    name : str
        One of ``NAMES``.
    capacity, decay : int, float
        C and lambda of the buffer; for Adam+CG, Adam+CM and Adam+SAM+CM.
    radius : float
        rho of SAM.
    extrapolation : float
        gamma of the extragradient.
    drop : int, optional
        The step size is divided by ten after this step.
    epsilon : float
    key_at : {"perturbed", "original"}
        Of Adam+SAM+CM: the gradient whose norm is the key.
    options : tuple of (name, value)
        Options of the rule with a buffer, such as the entries of ``READINGS``; those that exist for stored momenta
        only are left out for stored gradients, and all but ``debias`` for the rules without a buffer.
    """

    name: Name
    step_size: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.99
    capacity: int = 5
    decay: float = 0.7
    radius: float = 0.05
    extrapolation: float = 0.01
    drop: int | None = None
    epsilon: float = 1e-8
    key_at: Literal["perturbed", "original"] = "perturbed"
    options: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}, got {self.name!r}")

    def used(self) -> Method:
        """The same rule with everything that it does not use at its default: methods of one rule are then equal."""
        unused: dict[str, Any] = {}
        if self.name not in CRITICAL:
            unused |= {"capacity": 5, "decay": 0.7, "options": tuple(o for o in self.options if o[0] == "debias")}
        if self.name == "Adam+CG":
            unused["options"] = tuple(o for o in self.options if o[0] not in _MOMENTA_ONLY)
        if "SAM" not in self.name:
            unused["radius"] = 0.05
        if self.name != "Adam+SAM+CM":
            unused["key_at"] = "perturbed"
        if self.name != "Adam+MEG":
            unused["extrapolation"] = 0.01
        return replace(self, **unused)

    def rule(self) -> Rule:
        """The update rule."""
        step: Any = self.step_size if self.drop is None else StepDrops(self.step_size, (self.drop,))
        base: dict[str, Any] = {"step_size": step, "beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}
        options = dict(self.options)
        buffer: dict[str, Any] = {"capacity": self.capacity, "decay": self.decay}
        if self.name == "Adam+CG":
            kept = {k: v for k, v in options.items() if k not in _MOMENTA_ONLY}
            return AdamCriticalGradients(**base, **buffer, **kept)
        if self.name in ("Adam+CM", "Adam+SAM+CM"):
            momenta = AdamCriticalMomenta(**base, **buffer, **options)
            return momenta if self.name == "Adam+CM" else SharpnessAware(momenta, self.radius, key=self.key_at)
        adam = Adam(**base, **{k: v for k, v in options.items() if k == "debias"})
        if self.name == "Adam+SAM":
            return SharpnessAware(adam, self.radius)
        return ExtraGradient(adam, self.extrapolation) if self.name == "Adam+MEG" else adam


# Table 11, the same for Goldstein-Price and Ackley.
BEST: dict[str, Method] = {
    "Adam": Method("Adam", 0.1),
    "Adam+CG": Method("Adam+CG", 0.1),
    "Adam+SAM": Method("Adam+SAM", 0.1, radius=0.01),
    "Adam+CM": Method("Adam+CM", 0.1, beta2=0.999, capacity=20, decay=0.99),
    "Adam+SAM+CM": Method("Adam+SAM+CM", 0.1, beta2=0.999, capacity=20, decay=0.99, radius=0.05),
}


@dataclass(frozen=True)
class Starts:
    """Independent starts, uniform in a cube; with ``grid`` the midpoints of a regular partition (one coordinate)."""

    low: float
    high: float
    dim: int
    count: int
    seed: int = 0
    grid: bool = False

    def points(self) -> np.ndarray:
        """The starts (count, dim)."""
        if self.grid:
            if self.dim != 1:
                raise ValueError(f"a grid of starts needs dim 1, got {self.dim}")
            return (self.low + (self.high - self.low) * (np.arange(self.count) + 0.5) / self.count)[:, None]
        return np.random.default_rng([self.seed, self.dim]).uniform(self.low, self.high, (self.count, self.dim))


@dataclass(frozen=True)
class Wells:
    """Runs on the two-well family (9): every start at every sharpness coefficient."""

    sharpness: tuple[float, ...]
    starts: Starts
    steps: int = 500

    def landscape(self) -> TwoWell:
        return TwoWell(np.asarray(self.sharpness)[:, None])


def well_ends(method: Method, study: Wells) -> np.ndarray:
    """End points (sharpness, starts, d) on the two-well family."""
    return _well_ends(method.used(), study)


@lru_cache(maxsize=512)
def _well_ends(method: Method, study: Wells) -> np.ndarray:
    start = np.broadcast_to(study.starts.points(), (len(study.sharpness), study.starts.count, study.starts.dim))
    return np.asarray(run(method.rule(), study.landscape(), start, study.steps).params)


@lru_cache(maxsize=64)
def _ever_in_flat_basin(method: Method, study: Wells) -> np.ndarray:
    """Whether all coordinates were in the flat basin at once after some step, (sharpness, starts)."""
    sharpness = np.asarray(study.sharpness)[:, None]
    start = np.broadcast_to(study.starts.points(), (len(sharpness), study.starts.count, study.starts.dim))
    found = np.zeros(start.shape[:-1], dtype=bool)

    def observe(o: Observation) -> None:
        nonlocal found
        found = found | np.asarray(in_flat_basin(o.after, sharpness))

    run(method.rule(), study.landscape(), start, study.steps, observe=observe)
    return found


def reached_flat(method: Method, study: Wells, criterion: Criterion, tolerance: float = 0.1) -> np.ndarray:
    """Whether runs reached the flat minimum, (sharpness, starts) of 0.0 or 1.0.

    "basin": all coordinates end in its basin; "any": some coordinate does; "share": the share that does; "ever": all
    were there at once after some step; "near": all end within ``tolerance`` of it; "escaped": as "basin" for starts
    outside the basin of the flat minimum, NaN for the others. "product": numbers whose mean is the D-th power of the
    mean share, what "basin" would have if coordinates were independent; see :func:`power_of_mean`.
    """
    ends, sharpness = well_ends(method, study), np.asarray(study.sharpness)[:, None]
    if criterion == "near":
        return np.asarray(near(ends, 0.0, tolerance), dtype=float)
    if criterion == "ever":
        return _ever_in_flat_basin(method.used(), study).astype(float)
    if criterion in ("any", "share", "product"):
        which: Coordinates = "any" if criterion == "any" else "mean"
        found = np.asarray(in_flat_basin(ends, sharpness, which), dtype=float)
        return power_of_mean(found, study.starts.dim) if criterion == "product" else found
    found = np.asarray(in_flat_basin(ends, sharpness), dtype=float)
    if criterion == "basin":
        return found
    if criterion != "escaped":
        raise ValueError(f"criterion must be one of {', '.join(get_args(Criterion))}, got {criterion!r}")
    inside = np.asarray(in_flat_basin(np.broadcast_to(study.starts.points(), ends.shape), sharpness))
    return np.where(inside, np.nan, found)


def power_of_mean(values: np.ndarray, power: int) -> np.ndarray:
    """``p^n + n p^(n - 1) (values - p)`` with p the mean over the last axis.

    Its mean is ``p^n``, and its differences to other outcomes of the same runs have the right standard errors (delta
    method).
    """
    mean = values.mean(axis=-1, keepdims=True)
    return mean**power + power * mean ** (power - 1) * (values - mean)


@dataclass(frozen=True)
class Plane:
    """Runs on one landscape from many starts, looked at after each of ``at`` steps."""

    landscape: Landscape
    starts: Starts
    at: tuple[int, ...] = (500,)


def visited(method: Method, study: Plane) -> np.ndarray:
    """Points (len(at), starts, d) after each of the wanted steps; runs that diverge show as NaN or infinity."""
    return _visited(method.used(), study)


@lru_cache(maxsize=256)
def _visited(method: Method, study: Plane) -> np.ndarray:
    every = max(1, int(np.gcd.reduce(np.asarray(study.at))))
    result = run(method.rule(), study.landscape, study.starts.points(), max(study.at), record_every=every)
    assert result.trajectory is not None
    return np.asarray(result.trajectory)[[result.steps.index(t) for t in study.at]]


def losses(method: Method, study: Plane) -> np.ndarray:
    """Values (len(at), starts) of the landscape there."""
    return np.asarray(study.landscape.value(visited(method, study)))


def ratios(outcomes: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """[ratio, Wilson 95 % low, high, runs] of 0/1 outcomes, NaN left out."""
    table = {}
    for name, values in outcomes.items():
        valid = values[~np.isnan(values)]
        found = wilson(int(valid.sum()), len(valid))
        table[name] = [round(float(v), 4) for v in (found.value, found.low, found.high)] + [len(valid)]
    return table


def small_studies(
    outcomes: Mapping[str, np.ndarray], order: Sequence[tuple[str, str]], runs: int, trials: int = 2000, seed: int = 0
) -> np.ndarray:
    """Which ``first > second`` of ``order`` the means of studies of ``runs`` starts show, (trials, pairs) of bool.

    Studies are drawn from the given outcomes, with replacement; the methods of one study share their starts.
    """
    keys = list(dict.fromkeys(key for pair in order for key in pair))
    rows = np.random.default_rng([seed, runs]).integers(0, len(outcomes[keys[0]]), (trials, runs))
    means = {key: _mean_of_drawn(outcomes[key], rows) for key in keys}
    return np.stack([means[a] > means[b] for a, b in order], axis=1)


def _mean_of_drawn(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean of the finite among ``values[rows]``; NaN, which is above nothing, without any."""
    finite = np.isfinite(values)
    drawn = np.where(finite, values, 0.0)[rows].sum(axis=1)
    if finite.all():
        return drawn / rows.shape[1]
    counts = finite[rows].sum(axis=1)
    return drawn / np.where(counts > 0, counts, np.nan)


def chance_of_order(
    outcomes: Mapping[str, np.ndarray], order: Sequence[tuple[str, str]], runs: int, trials: int = 2000, seed: int = 0
) -> float:
    """How often a study of ``runs`` starts shows all of ``order``, see :func:`small_studies`."""
    return float(np.mean(np.all(small_studies(outcomes, order, runs, trials, seed), axis=1)))


def with_options(method: Method, reading: str) -> Method:
    """The method in one of the ``READINGS``."""
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}, got {reading!r}")
    return replace(method, options=READINGS[reading])


def plane_outcome(
    method: Method, study: Plane, outcome: str, target: Sequence[float] = (0.0, 0.0), within: float = 0.5
) -> np.ndarray:
    """One number per start after the last step: "loss", "sharpness", "travelled" from the start, "step", or "reached".

    "step" is the length of the last step; "reached" is 1.0 within the distance ``within`` of ``target``. Runs that
    diverged give NaN, not reached ones 0.
    """
    from .sharpness import sharpness

    if outcome == "step":
        last = max(study.at)
        before, ends = visited(method, replace(study, at=(last - 1, last)))
    else:
        ends = visited(method, study)[-1]
    if outcome == "loss":
        values = np.asarray(study.landscape.value(ends))
    elif outcome == "sharpness":
        values = np.asarray(sharpness(study.landscape, ends))
    elif outcome == "travelled":
        values = np.linalg.norm(ends - study.starts.points(), axis=-1)
    elif outcome == "step":
        values = np.linalg.norm(ends - before, axis=-1)
    elif outcome == "reached":
        return (np.linalg.norm(ends - np.asarray(target), axis=-1) <= within).astype(float)
    else:
        raise ValueError(f"outcome must be 'loss', 'sharpness', 'travelled', 'step' or 'reached', got {outcome!r}")
    return np.where(np.isfinite(values), values, np.nan)
