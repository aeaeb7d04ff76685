"""Checks of the algorithms beyond their trajectories: limits, Algorithm 2, the safeguard, Gram matrices, GMRES."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from optassay.arrays import context
from optassay.optimizers import (
    StochasticAnderson,
    VarianceReduced,
    _projection,
)
from quadratics import anderson_iterates, gmres_iterates
from quadratics.krylov import exact_anderson, exact_gmres

from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Evidence, Exact, Sampled
from .histories import READ, exact, floats, histories, kernel_in_kernel
from .positivity import max_root, symmetric_part
from .transcription import algorithm_1, constant, variance_reduced


def delta_to_zero(last: Fraction, budget: Budget) -> list[Evidence]:
    """RAM's path on gradient streams for delta down to ``last``: its distance to AM falls in proportion."""
    import mpmath

    rng = np.random.default_rng(3)
    with mpmath.workdps(60):
        gradients = [[mpmath.mpf(int(v)) for v in row] for row in rng.integers(-9, 10, (6, 5))]
        start, hyper = [mpmath.mpf(0)] * 5, {"beta": mpmath.mpf(1) / 2, "alpha": 1}
        limit = np.array(algorithm_1(gradients, start, hyper, 3, None))
        gaps = []
        for power in (6, 8, 10):
            delta = mpmath.mpf(last.numerator) / last.denominator / mpmath.mpf(10) ** power
            path = np.array(algorithm_1(gradients, start, {**hyper, "delta": delta}, 3, constant, "identity"))
            gaps.append(max(abs(v) for v in (path - limit).ravel()))
        ratios = [float(a / b) for a, b in pairwise(gaps)]
    bad = sum(abs(r - 100) > 1 for r in ratios)
    slack = 1 - max(abs(r - 100) for r in ratios)
    return [Sampled("60 digits", len(ratios), bad, slack, "ratio of distances per factor 100", {"ratios": ratios})]


# Algorithm 2


@dataclass(frozen=True)
class VarianceReduction:
    """Line 6 with the full gradient at the snapshot weighted by ``correction``."""

    correction: int = 1


HESSIANS = [fractions(m) for m in ([[3, 1], [1, 2]], [[1, 0], [0, 5]], [[2, -1], [-1, 4]])]
BATCHES = [[[0], [1, 2], [2]], [[1], [0, 1], [0, 2]]]


def variance_reduction(statement: VarianceReduction, budget: Budget) -> list[Evidence]:
    """The rule against the transcription (history kept across outer loops), and the mean of line 6 over all batches."""
    start = fractions([2, -1])
    hyper = {"beta": Fraction(1, 8), "alpha": Fraction(1), "delta": Fraction(1, 10)}

    def update(gradients: list[list[Any]]) -> list[Any]:
        return algorithm_1(gradients, list(start), hyper, 2, constant)[-1]

    expected = np.array(variance_reduced(HESSIANS, start, BATCHES, update, statement.correction), dtype=float)
    rule = VarianceReduced(StochasticAnderson(2, 0.125, 1.0, regularization=0.1, positivity=None, solver="factors"))
    x = np.array(start, dtype=float)
    state = rule.init(x)
    big = np.array([np.array(h, dtype=float) for h in HESSIANS])
    found = []
    for loop in BATCHES:
        state = rule.take_snapshot(x, big.mean(axis=0) @ x, state)
        for batch in loop:
            mean = big[batch].mean(axis=0)
            x, state = rule.step(x, mean @ x, state, gradient_fn=mean.__matmul__)
            found.append(x)
    worst = float(np.max(np.abs(np.array(found) - expected)))
    full, snapshot, point = sum(HESSIANS[1:], HESSIANS[0]) / 3, fractions([1, 4]), fractions([-2, 3])
    steps = {}
    for n in (1, 2, 3):
        drawn = [sum((HESSIANS[i] for i in b[1:]), HESSIANS[b[0]]) / n for b in combinations(range(3), n)]
        values = [m @ point - m @ snapshot + statement.correction * (full @ snapshot) for m in drawn]
        steps[f"unbiased, n = {n}"] = not (sum(values[1:], values[0]) / len(values) - full @ point).any()
    return [
        Sampled(
            "trajectory of two outer loops", 1, int(worst > 1e-11), 1e-11 - worst, "6 steps", {"largest gap": worst}
        ),
        Exact("enumeration", steps, instances=len(steps)),
    ]


# The safeguard


EIGENVALUE_REPLAY = (
    READ
    + """
delta, beta = (float(Fraction(str(witness[k]))) for k in ("delta", "beta"))
half = (X + beta * R) @ np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10) @ R.T
violated = bool(abs(np.linalg.eigvalsh(half + half.T)[-1] - witness["found"]) > 1e-6)
"""
)


@dataclass(frozen=True)
class SafeguardValue:
    """The rule's eigenvalue times ``factor`` is the dense one; ``deficient``: also where (12) depends on the solver."""

    factor: float = 1.0
    deficient: bool = False


def safeguard(statement: SafeguardValue, budget: Budget) -> list[Evidence]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories(budget, betas=("1", "1/4"), seed=12):
            step = floats(point)
            determined = point["delta"] > 0 or kernel_in_kernel(exact(point).r, exact(point).x)
            if not determined and not statement.deficient:
                continue
            ctx = context(x=step.x)
            found = _projection.from_gram(ctx, step.z, step.r.T @ step.res)
            assert found.whitening is not None
            value = _projection.largest_eigenvalue(
                ctx, found.whitening, step.x.T @ step.x, step.x.T @ step.r, step.r.T @ step.r, step.beta, point["d"]
            )
            yield {**point, "found": statement.factor * float(value)}

    return for_all(
        ForAll(
            points,
            lambda p: (p["found"], max_root(exact(p), small=False)),
            "==",
            lambda p: (p["found"], float(np.linalg.eigvalsh(symmetric_part(floats(p)))[-1])),
            EIGENVALUE_REPLAY,
            ("zeros of the exact characteristic polynomial", "dense eigenvalues in floating point"),
            (1e-6, 1e-6),
        ),
        budget,
    )


def largest_damping(scale: float, budget: Budget) -> list[Evidence]:
    """The damping used satisfies (13), and ``scale`` times it (where it was shrunk) does not."""
    rng = np.random.default_rng(14)
    bad, count, beyond, slack = 0, 0, 0, float("inf")
    eps = float(np.finfo(float).eps)
    for d, memory in ((8, 3), (5, 3), (3, 3), (2, 4)):
        for mu in (0.01, 0.5):
            rule = StochasticAnderson(memory, 1.0, 1.0, regularization=0.01, positivity=mu, solver="factors")
            x = np.zeros(d)
            state = rule.init(x)
            for _ in range(budget.pick(12, 60)):
                x, state = rule.step(x, rng.standard_normal(d), state)
                columns = np.stack(state.history.x, axis=1), np.stack(state.history.r, axis=1)
                if not columns[0].any():
                    continue
                big_x, big_r = columns
                # Z^+ R' is the pseudo-inverse of the stacked matrix, whose condition number is not squared.
                stack = np.concatenate([big_r, 0.1 * big_x])
                scale_columns = np.linalg.norm(stack, axis=0)
                scale_columns = np.where(scale_columns > 0, scale_columns, 1.0)
                values = np.linalg.svd(stack / scale_columns, compute_uv=False)
                kept = values[values > max(stack.shape) * eps * values[0]]
                inverse = np.linalg.pinv(stack / scale_columns, rcond=max(stack.shape) * eps)[:, :d]
                columns = (big_x + big_r) / scale_columns
                half = columns @ inverse
                alpha = float(state.damping)
                ends = [
                    np.linalg.eigvalsh(np.eye(d) - 0.5 * a * (half + half.T))[0] - mu for a in (alpha, scale * alpha)
                ]
                # A backward stable pseudo-inverse loses a relative c eps kappa, c = 10 (d + m), on both sides.
                loss = 20 * (d + memory) * eps * float(kept[0] / kept[-1]) * float(np.linalg.norm(columns) / kept[-1])
                if loss > 0.001 * mu:
                    beyond += 1
                    continue
                count += 1
                slack = min(slack, float(ends[0] + loss))
                bad += bool(ends[0] < -loss or (alpha < 1.0 and ends[1] >= -loss))
    data = {"steps beyond double precision": beyond}
    return [Sampled("dense eigenvalues", count, bad, slack, "steps with Gaussian gradients, four shapes", data)]


# Gram matrices


def gram_products(units: float, budget: Budget) -> list[Evidence]:
    """Every entry of the maintained products against recomputation, after every step, relative to the columns' lengths.

    Two sums of d products differ by at most ``d eps`` of the lengths, in whatever order; ``units`` of that are granted.
    """
    d = 30
    tolerance = units * d * float(np.finfo(float).eps)
    rng = np.random.default_rng(15)
    worst, count = 0.0, 0
    for memory, restart in ((4, None), (10, None), (5, 7)):
        rule = StochasticAnderson(memory, 0.5, restart=restart)
        x = rng.standard_normal(d)
        state = rule.init(x)
        for _ in range(budget.pick(200, 600)):
            x, state = rule.step(x, 0.1 * x + rng.standard_normal(d), state)
            h = state.history
            big_x, big_r = np.stack(h.x, axis=1), np.stack(h.r, axis=1)
            lengths = np.linalg.norm(big_x, axis=0), np.linalg.norm(big_r, axis=0)
            for kept, a, b, la, lb in (
                (h.xx, big_x, big_x, lengths[0], lengths[0]),
                (h.rr, big_r, big_r, lengths[1], lengths[1]),
                (h.xr, big_x, big_r, lengths[0], lengths[1]),
            ):
                worst = max(worst, float(np.max(np.abs(kept - a.T @ b) / (np.outer(la, lb) + 1e-300))))
                count += 1
    data = {"largest relative difference": worst}
    return [Sampled("recomputation", count, int(worst > tolerance) * count, tolerance - worst, "with eviction", data)]


# Section 5's comparison


def high_precision(tolerance: float, budget: Budget) -> list[Evidence]:
    """d = 24: 80-digit Anderson mixing against 80-digit GMRES, and SciPy's GMRES and MINRES against ours in double."""
    import mpmath
    import scipy.sparse.linalg as sparse

    d, rng = 24, np.random.default_rng(16)
    q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    matrix = q @ np.diag(np.linspace(1, 30, d)) @ q.T
    matrix, b = 0.5 * (matrix + matrix.T), rng.standard_normal(d)
    with mpmath.workdps(80):
        lift = np.vectorize(mpmath.mpf, otypes=[object])
        big, rhs, tiny = lift(matrix), lift(b), mpmath.mpf(10) ** -72
        steps = budget.pick(8, 16)
        path = exact_anderson(big, rhs, 0 * rhs, lambda k: mpmath.mpf(1) / 10, steps, negligible=tiny)
        points = exact_gmres(big, rhs, 0 * rhs, steps, negligible=tiny)
        gap = float(max(abs(v) for v in (path.projected - points).ravel()))
    ours = gmres_iterates(matrix, b, 0 * b, d)
    double = anderson_iterates(matrix, b, 0 * b, 0.1, 8).projected
    others = {"80 digits": gap, "double precision, first 8 steps": float(np.max(np.abs(double - ours[:9])))}
    others["GMRES in double precision against 80 digits"] = float(
        np.max(np.abs(ours[: steps + 1] - points.astype(float)))
    )
    for k in (3, 8, 15):
        x, _ = sparse.gmres(matrix, b, rtol=1e-300, restart=k, maxiter=1)
        y, _ = sparse.minres(matrix, b, rtol=1e-300, maxiter=k)
        others[f"SciPy GMRES, k = {k}"] = float(np.max(np.abs(x - ours[k])))
        others[f"SciPy MINRES, k = {k}"] = float(np.max(np.abs(y - ours[k])))
    limits = {k: tolerance * (1e-20 if k == "80 digits" else 1.0) for k in others}
    bad = sum(others[k] > limits[k] for k in others)
    slack = float(min(np.log10(limits[k] / max(others[k], 1e-90)) for k in others))
    return [Sampled("points compared", len(others), bad, slack, "slack in decades; d = 24", others)]
