"""Tuning on one set of seeds, judging on another: AdaSAM and its rivals with grids of the same size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import context
from optassay.optimizers import (
    Adagrad,
    AdaSAM,
    GradientDescent,
    Momentum,
    PreconditionedAdaSAM,
    RegularizedAnderson,
    RMSprop,
    Rule,
    StochasticAnderson,
    VarianceReduced,
)

from .problems import LinearModel
from .trials import Curves, trial

SMALLEST, LARGEST = 1e-15, 1e6  # a suboptimality below is rounding; one above, infinity included, is divergence
MIXINGS = (1.0, 3.0, 10.0, 30.0)
STEPS = tuple(np.geomspace(0.03, 100.0, 8))
C1 = (1e-4, 1e-2, 0.1, 1.0, 10.0, 100.0)
SHARED: dict[str, Any] = {"memory": 10, "solver": "gram"}
UNCHECKED: dict[str, Any] = {**SHARED, "positivity": None}


@dataclass(frozen=True)
class Method:
    """A rule and its grid of 24 settings.

    Attributes
    ----------
    build : callable
        From ``1 / L``, the unit of steps and mixing, and hyperparameters, arrays (settings, 1), to the rule; the unit
        of ``regularization`` of SAM is ``L^2``.
    grid : mapping
        Values of each.
    """

    build: Callable[..., Rule]
    grid: Mapping[str, Sequence[float]]

    def settings(self) -> dict[str, np.ndarray]:
        """All combinations, each of shape (settings, 1)."""
        columns = np.array(list(product(*self.grid.values())), dtype=float)
        return {name: columns[:, i, None] for i, name in enumerate(self.grid)}


def _ada(unit: Any, mixing: Any, c1: Any, **options: Any) -> AdaSAM:
    return AdaSAM(mixing=unit * mixing, c1=c1, **UNCHECKED, **options)


METHODS: dict[str, Method] = {
    "SGD": Method(lambda unit, step: GradientDescent(unit * step), {"step": tuple(np.geomspace(0.01, 100.0, 24))}),
    "SGDM": Method(
        lambda unit, step, momentum: Momentum(unit * step, momentum), {"step": STEPS, "momentum": (0.3, 0.7, 0.9)}
    ),
    "RAM": Method(
        lambda unit, mixing, regularization: RegularizedAnderson(
            mixing=unit * mixing, regularization=regularization, **UNCHECKED
        ),
        {"mixing": MIXINGS, "regularization": (1e-13, 1e-10, 1e-7, 1e-4, 0.1, 100.0)},
    ),
    "SAM": Method(
        lambda unit, mixing, regularization: StochasticAnderson(
            mixing=unit * mixing, regularization=regularization / unit**2, **UNCHECKED
        ),
        {"mixing": MIXINGS, "regularization": (1e-10, 1e-6, 1e-3, 1.0, 100.0, 1e4)},
    ),
    "AdaSAM": Method(_ada, {"mixing": MIXINGS, "c1": C1}),
    "AdaSAM with (14)": Method(
        lambda unit, mixing, c1: AdaSAM(mixing=unit * mixing, c1=c1, positivity=0.01, **SHARED),
        {"mixing": MIXINGS, "c1": C1},
    ),
    "SVRG": Method(
        lambda unit, step: VarianceReduced(GradientDescent(unit * step)), {"step": tuple(np.geomspace(0.01, 100.0, 24))}
    ),
    "AdaSAM-VR": Method(
        lambda unit, mixing, c1: VarianceReduced(_ada(unit, mixing, c1)),
        {"mixing": MIXINGS, "c1": C1},
    ),
    # The inner step is the rule's own; AdaSAM's mixing has no part in it.
    "Adagrad": Method(lambda unit, step: Adagrad(step), {"step": tuple(np.geomspace(1e-3, 3.0, 24))}),
    "RMSprop": Method(lambda unit, step: RMSprop(step), {"step": tuple(np.geomspace(1e-4, 0.3, 24))}),
    "Adagrad-AdaSAM": Method(
        lambda unit, step, c1: PreconditionedAdaSAM.adagrad(step, c1=c1, **SHARED),
        {"step": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "c1": (1e-4, 1e-2, 1.0, 100.0)},
    ),
    "RMSprop-AdaSAM": Method(
        lambda unit, step, c1: PreconditionedAdaSAM.rmsprop(step, c1=c1, **SHARED),
        {"step": (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3), "c1": (1e-4, 1e-2, 1.0, 100.0)},
    ),
}


class Judged(NamedTuple):
    """A method with the setting chosen on the tuning seeds, on the judging seeds.

    Attributes
    ----------
    setting : dict of float
    tuning : (settings,)
        Mean of log10 of the final suboptimality over the tuning seeds.
    curves : Curves
        With one setting.
    """

    setting: dict[str, float]
    tuning: np.ndarray
    curves: Curves

    @property
    def final(self) -> np.ndarray:
        """log10 of the final suboptimality of every judging seed."""
        return logarithm(self.curves.final[0])


def logarithm(suboptimality: np.ndarray) -> np.ndarray:
    """log10 between :data:`SMALLEST` and :data:`LARGEST`."""
    return np.log10(np.clip(suboptimality, SMALLEST, LARGEST))


def judged_on_new_seeds(
    problem: LinearModel,
    names: Sequence[str],
    batch: int,
    budget: int,
    tuning_seeds: int = 5,
    judging_seeds: int = 20,
    seed: int = 0,
    inner: int = 0,
) -> dict[str, Judged]:
    """Tune every method on some seeds by the mean log of the final suboptimality, then run the best setting on others.

    A seed is a start (standard normal) and a stream of batches; they are the same for all methods, so that differences
    can be paired. Methods with variance reduction draw half as many batches as the others.

    Raises
    ------
    ValueError
        Unknown method; see also :func:`analysis.mixing.trials.trial`.
    """
    ctx = context(features=problem.features)

    def run(rule: Rule, settings: int, stage: int, runs: int) -> Curves:
        starts = ctx.asarray(np.random.default_rng([seed, stage]).standard_normal((runs, problem.dim)))
        return trial(problem, rule, starts, settings, batch, budget, [seed, stage, 1], inner)

    found = {}
    for name in names:
        if name not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {name!r}")
        method = METHODS[name]
        settings = method.settings()
        unit = 1.0 / problem.smoothness
        count = len(next(iter(settings.values())))
        rule = method.build(unit, **{key: ctx.asarray(values) for key, values in settings.items()})
        scores = logarithm(run(rule, count, 0, tuning_seeds).final).mean(axis=-1)
        best = int(np.argmin(scores))
        setting = {key: float(values[best, 0]) for key, values in settings.items()}
        found[name] = Judged(setting, scores, run(method.build(unit, **setting), 1, 1, judging_seeds))
    return found


def paired_difference(a: np.ndarray, b: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of ``a - b`` over paired seeds, with a percentile bootstrap interval.

    Raises
    ------
    ValueError
        Not paired, or fewer than two.
    """
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(f"a and b must be paired, two or more, got shapes {a.shape} and {b.shape}")
    low, high = bootstrap_interval(a - b, level)
    return float((a - b).mean()), float(low), float(high)


def bootstrap_interval(values: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval of the mean over the last axis, the same resamples for all rows: (...), (...)."""
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,), np.mean, axis=-1, n_resamples=2000, batch=100, confidence_level=level, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return found.low, found.high
