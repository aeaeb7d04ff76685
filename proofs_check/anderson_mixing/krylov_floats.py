"""Anderson mixing and GMRES in double precision: rounding, the choice of beta, truncated memory."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binom

from quadratics.krylov import anderson_iterates, gmres_iterates

from ..claim import Budget, Evidence, Sampled


@dataclass(frozen=True)
class Accuracy:
    """``|A (x_bar_k - x_k^G)| <= 10 d k eps kappa^power |r_0|``, kappa that of ``R_k`` with columns of length one.

    The constant is the usual one of a backward stable solver, ``10 d`` for each of k steps.
    """

    solver: Literal["factors", "gram"]
    power: float


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
    shares: list[float] = []
    d, eps = 12, float(np.finfo(float).eps)
    for exponent in (1, 2, 3, 5, 7, 9):
        rng = np.random.default_rng(exponent)
        q, _ = np.linalg.qr(rng.standard_normal((budget.pick(3, 20), d, d)))
        a = q @ (np.logspace(-exponent, 0, d)[:, None] * np.swapaxes(q, -1, -2))
        b = rng.standard_normal((len(q), d))
        path = anderson_iterates(a, b, 0 * b, 1.0, d, solver=statement.solver)
        gaps = _lengths(a, path.projected - gmres_iterates(a, b, 0 * b, d), b)
        for k in range(1, d):
            for condition, gap in zip(_column_condition(a, path.iterates, k), gaps[k], strict=True):
                bound = 10 * d * k * eps * float(condition) ** statement.power
                if bound < 1:  # a distance cannot exceed the two residuals: a larger bound says nothing
                    shares.append(float(gap) / bound)
                    decade = int(np.ceil(np.log10(condition)))
                    worst[decade] = max(worst.get(decade, 0.0), float(gap))
    bad, slack = sum(share > 1 for share in shares), -float(np.log10(max(shares)))
    data = {f"condition number of R_k up to 1e{c}": worst[c] for c in sorted(worst)}
    return [Sampled("residuals in double precision", len(shares), bad, slack, "slack in decades", data)]


JUDGED = 1  # seed of the systems that judge; the statements were read off those of seed 0


def _systems(kappa: float, budget: Budget) -> tuple[np.ndarray, np.ndarray]:
    """Random spectra on [1/kappa, 1] with both ends, d = 40."""
    rng, d, n = np.random.default_rng(JUDGED), 40, budget.pick(20, 100)
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


@dataclass(frozen=True)
class Window:
    """With memory m the residual after 30 products is below (``ahead``) or above (``behind``) that of GMRES(m).

    Keys are (kappa, m). In more than half of the systems, by a one-sided binomial test at 1%.
    """

    ahead: tuple[tuple[float, int], ...]
    behind: tuple[tuple[float, int], ...]


KAPPAS, MEMORIES = (10.0, 100.0, 1000.0), (1, 2, 5, 10)


def memory_against_restart(statement: Window, budget: Budget) -> list[Evidence]:
    """Every condition number and memory; what the statement does not name is in the data only."""
    bad, count, data = 0, 0, {}
    slack = float("inf")
    for kappa in KAPPAS:
        a, b = _systems(kappa, budget)
        for m in MEMORIES:
            ours = anderson_iterates(a, b, 0 * b, 1.0, 30, m).projected[30]
            theirs = gmres_iterates(a, b, 0 * b, 30, restart=m)[30]
            sizes = [np.linalg.norm(b - np.einsum("nij,nj->ni", a, x), axis=-1) for x in (ours, theirs)]
            share = float(np.mean(sizes[0] < sizes[1]))
            data[f"kappa {kappa:g}, m = {m}"] = {
                "share of systems with Anderson ahead": share,
                "median ratio of residuals": float(np.median(sizes[0] / sizes[1])),
            }
            for named, fraction in ((statement.ahead, share), (statement.behind, 1 - share)):
                if (kappa, m) in named:
                    count += 1
                    needed = float(binom.ppf(0.99, len(b), 0.5)) / len(b)
                    slack = min(slack, fraction - needed)
                    bad += fraction <= needed
    return [Sampled("shares of random systems", count, bad, slack, "slack over the critical share, d = 40", data)]
