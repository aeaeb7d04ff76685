"""Anderson mixing and GMRES in double precision: rounding, the choice of beta, truncated memory."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quadratics.krylov import anderson_iterates, gmres_iterates

from ..claim import Budget, Evidence, Sampled


@dataclass(frozen=True)
class Accuracy:
    """``|A (x_bar_k - x_k^G)| <= constant eps kappa^power |r_0|``, kappa that of ``R_k`` with columns of length one."""

    solver: Literal["factors", "gram"]
    power: float
    constant: float


def _column_condition(a: np.ndarray, iterates: np.ndarray, k: int) -> np.ndarray:
    """Condition numbers (n,) of ``R_k`` with columns of length one."""
    columns = np.einsum("nij,knj->kni", a, np.diff(iterates[: k + 1], axis=0))
    columns = columns / np.maximum(np.linalg.norm(columns, axis=-1, keepdims=True), 1e-300)
    return np.array([np.linalg.cond(columns[:, i].T) for i in range(len(a))])


def _lengths(a: np.ndarray, vectors: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``|A v| / |b|`` of every system."""
    return np.linalg.norm(np.einsum("nij,...nj->...ni", a, vectors), axis=-1) / np.linalg.norm(b, axis=-1)


def double_precision(statement: Accuracy, budget: Budget) -> list[Evidence]:
    """Every step of random systems with condition numbers up to 1e9 against GMRES (itself within 100 eps kappa(A) of 80
    digits): the worst distance for each decade of the condition number of the scaled columns of R_k.
    """
    worst: dict[int, float] = {}
    d = 12
    for exponent in (1, 2, 3, 5, 7, 9):
        rng = np.random.default_rng(exponent)
        q, _ = np.linalg.qr(rng.standard_normal((budget.pick(3, 20), d, d)))
        a = q @ (np.logspace(-exponent, 0, d)[:, None] * np.swapaxes(q, -1, -2))
        b = rng.standard_normal((len(q), d))
        path = anderson_iterates(a, b, 0 * b, 1.0, d, solver=statement.solver)
        gaps = _lengths(a, path.projected - gmres_iterates(a, b, 0 * b, d), b)
        for k in range(1, d):
            for condition, gap in zip(_column_condition(a, path.iterates, k), gaps[k], strict=True):
                if condition < 1e15:
                    decade = int(np.ceil(np.log10(condition)))
                    worst[decade] = max(worst.get(decade, 0.0), float(gap))
    eps = float(np.finfo(float).eps)
    bounds = {c: statement.constant * eps * 10.0 ** (statement.power * c) for c in worst}
    # A distance cannot exceed the two residuals, so a bound above one says nothing.
    slack = [float(np.log10(bounds[c] / e)) for c, e in worst.items() if e > 0 and bounds[c] < 1]
    bad = sum(s < 0 for s in slack)
    data = {f"condition number of R_k up to 1e{c}": worst[c] for c in sorted(worst)}
    return [Sampled("residuals in double precision", len(slack), bad, min(slack), "slack in decades", data)]


def _systems(kappa: float, budget: Budget) -> tuple[np.ndarray, np.ndarray]:
    """Random spectra on [1/kappa, 1] with both ends, d = 40."""
    rng, d, n = np.random.default_rng(0), 40, budget.pick(20, 100)
    q, _ = np.linalg.qr(rng.standard_normal((n, d, d)))
    inner = rng.uniform(1 / kappa, 1, (n, d - 2))
    values = np.concatenate([np.full((n, 1), 1 / kappa), inner, np.ones((n, 1))], axis=1)
    return q @ (values[..., None] * np.swapaxes(q, -1, -2)), rng.standard_normal((n, d))


def mixing_order(names: tuple[str, ...], budget: Budget) -> list[Evidence]:
    """The named constant ``beta`` in rising order of the condition number of ``R_12`` (medians)."""
    bad, data = 0, {}
    slack = float("inf")
    kappas = (10.0, 100.0, 1000.0)
    for kappa in kappas:
        a, b = _systems(kappa, budget)
        gmres = gmres_iterates(a, b, 0 * b, 12)
        choices: dict[str, float] = {"2/(L+l)": 2 / (1 + 1 / kappa), "1/L": 1.0, "1/(10 L)": 0.1}
        found: dict[str, float] = {}
        for name in names:
            path = anderson_iterates(a, b, 0 * b, choices[name], 12)
            found[name] = float(np.median(_column_condition(a, path.iterates, 12)))
            gap = float(np.median(_lengths(a, path.projected[12] - gmres[12], b)))
            data[f"kappa {kappa:g}, beta {name}"] = {"condition number of R_12": found[name], "distance to GMRES": gap}
        values = list(found.values())
        decades = min(float(np.log10(after / before)) for before, after in itertools.pairwise(values))
        slack = min(slack, decades)
        bad += decades < 0
    return [Sampled("medians over random systems", len(kappas), bad, slack, "slack in decades, d = 40", data)]


def memory_against_restart(rival: Literal["GMRES(m)", "GMRES"], budget: Budget) -> list[Evidence]:
    """Memory m falls below the rival's residual after 30 products with A, for kappa 1000 (medians; 10 and 100 in the "
    "data)."""
    bad, count, data = 0, 0, {}
    slack = float("inf")
    for kappa in (10.0, 100.0, 1000.0):
        a, b = _systems(kappa, budget)
        for m in (1, 2, 5, 10):
            restart = m if rival == "GMRES(m)" else None
            ours = anderson_iterates(a, b, 0 * b, 1.0, 30, m).projected[30]
            theirs = gmres_iterates(a, b, 0 * b, 30, restart=restart)[30]
            sizes = [
                float(np.median(np.linalg.norm(b - np.einsum("nij,nj->ni", a, x), axis=-1))) for x in (ours, theirs)
            ]
            data[f"kappa {kappa:g}, m = {m}"] = {"Anderson": sizes[0], rival: sizes[1]}
            if kappa > 100:
                count += 1
                slack = min(slack, float(np.log10(sizes[1] / sizes[0])))
                bad += sizes[0] > sizes[1]
    effort: Any = "slack in decades, d = 40"
    return [Sampled("medians over random systems", count, bad, slack, effort, data)]
