"""E[s s^T] of a Gaussian vector, d = 100: this package against SciPy's pairwise cdf and a vectorised Owen's T formula.

Run: python benchmarks/sign_moment.py
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import mpmath as mp
import numpy as np
from _common import report, side_by_side
from scipy.stats import multivariate_normal

from quadratics import (
    SignMoments,
    StochasticQuadratic,
    ill_conditioned_eigenvalues,
    random_rotation,
    sign_second_moment,
    well_conditioned_eigenvalues,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "quadratics"))
from sign_oracles import owens_pair_moment, pair_moment

DIM = 100
SCIPY_PAIRS = 100  # of 4950; its time is scaled up
ORACLE_PAIRS = 60


def owens_second_moment(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The whole matrix by Owen's T, upper triangle only."""
    i, j = np.triu_indices(mean.shape[-1], 1)
    std = np.sqrt(np.diagonal(covariance))
    a = mean / std
    value = np.eye(mean.shape[-1])
    value[i, j] = owens_pair_moment(a[i], a[j], covariance[i, j] / (std[i] * std[j]))
    value[j, i] = value[i, j]
    return value


def scipy_pair(mean: np.ndarray, covariance: np.ndarray, i: int, j: int) -> float:
    """One entry by orthant probabilities of scipy.stats."""
    pick = [i, j]
    positive = multivariate_normal.cdf(np.zeros(2), mean=-mean[pick], cov=covariance[np.ix_(pick, pick)])
    single = [0.5 * (1 + mp.erf(mean[k] / np.sqrt(2 * covariance[k, k]))) for k in pick]
    return 4 * positive - 2 * float(sum(single)) + 1


def exact_pair(mean: np.ndarray, covariance: np.ndarray, i: int, j: int) -> mp.mpf:
    with mp.workdps(50):
        first, second = mp.sqrt(mp.mpf(covariance[i, i])), mp.sqrt(mp.mpf(covariance[j, j]))
        correlation = mp.mpf(covariance[i, j]) / (first * second)
        return pair_moment(mp.mpf(mean[i]) / first, mp.mpf(mean[j]) / second, correlation, digits=40)


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    found = {}
    for name, spectrum in (("well", well_conditioned_eigenvalues), ("ill", ill_conditioned_eigenvalues)):
        rotation = random_rotation(DIM, rng)
        hessian = (rotation * spectrum(DIM, rng)) @ rotation.T
        problem = StochasticQuadratic(hessian, np.zeros(DIM), 4.0)
        found[f"figure 2, {name}, rotated, nu = 4"] = (
            problem.gradient(rng.standard_normal(DIM)),
            problem.gradient_covariance(),
        )
    factor = rng.standard_normal((DIM, DIM)) + 20 * rng.standard_normal((DIM, 1))
    found["one strong factor, |r| near 1"] = (5 * rng.standard_normal(DIM), factor @ factor.T)
    return found


def main() -> None:
    rows = []
    for name, (mean, covariance) in cases().items():
        covariance = 0.5 * (covariance + covariance.T)
        moments = SignMoments(covariance)
        many = np.random.default_rng(1).standard_normal((32, DIM)) + mean
        # By themselves: a large call before one of the two would cost it the cache.
        once = side_by_side(
            {
                "this": lambda m=mean, c=covariance: sign_second_moment(m, c),
                "Owen's T": lambda m=mean, c=covariance: owens_second_moment(m, c),
            },
            repeats=500,
            warmup=20,
            statistic=lambda values: (min(values), statistics.median(values)),
        )
        (fastest, median), (owens_fastest, owens_median) = once["this"], once["Owen's T"]
        seconds = side_by_side(
            {
                "build": lambda c=covariance: SignMoments(c),
                "prepared": lambda m=mean, p=moments: p.second_moment(m),
                "prepared, 32 means": lambda m=many, p=moments: p.second_moment(m),
            },
            repeats=30,
        )
        rng = np.random.default_rng(2)
        i, j = np.triu_indices(DIM, 1)
        chosen = rng.choice(len(i), SCIPY_PAIRS, replace=False)
        start = time.perf_counter()
        for k in chosen:
            scipy_pair(mean, covariance, i[k], j[k])
        scipy_seconds = (time.perf_counter() - start) * len(i) / SCIPY_PAIRS
        ours, owens = sign_second_moment(mean, covariance), owens_second_moment(mean, covariance)
        errors: dict[str, list[float]] = {"this": [], "Owen's T": [], "scipy.stats": []}
        for k in chosen[:ORACLE_PAIRS]:
            exact = exact_pair(mean, covariance, i[k], j[k])
            errors["this"].append(float(abs(ours[i[k], j[k]] - exact)))
            errors["Owen's T"].append(float(abs(owens[i[k], j[k]] - exact)))
            errors["scipy.stats"].append(float(abs(scipy_pair(mean, covariance, i[k], j[k]) - exact)))
        rows.append(
            {
                "case": name,
                "this, ms": median * 1e3,
                "this, least ms": fastest * 1e3,
                "Owen's T, ms": owens_median * 1e3,
                "Owen's T, least ms": owens_fastest * 1e3,
                "times faster than Owen's T": owens_median / median,
                "the same, least": owens_fastest / fastest,
                "preparation, ms": seconds["build"] * 1e3,
                "prepared, ms": seconds["prepared"] * 1e3,
                "prepared, ms per mean of 32": seconds["prepared, 32 means"] * 1e3 / 32,
                "scipy.stats loop, ms": scipy_seconds * 1e3,
                "times faster than scipy.stats": scipy_seconds / median,
                "error, this": max(errors["this"]),
                "error, Owen's T": max(errors["Owen's T"]),
                "error, scipy.stats": max(errors["scipy.stats"]),
            }
        )
    report(
        "sign_moment",
        rows,
        note=f"d = {DIM}, 4950 pairs; medians (and least) of 500 runs in turn, of 30 where prepared; "
        f"scipy.stats timed on {SCIPY_PAIRS} pairs and "
        f"scaled; errors: largest of {ORACLE_PAIRS} pairs against 40-digit quadrature",
    )


if __name__ == "__main__":
    main()
