"""Section 1: minibatch variance, moving averages as convex combinations, figure 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations, product
from typing import Any

import sympy as sp

from ..checks.symbolic import is_zero, nonnegative_coefficients
from ..claim import Budget, Claim, Evidence, Exact, Part

# Footnote 1: variance of a minibatch mean


@dataclass(frozen=True)
class BatchVariance:
    """``var[batch mean] = factor(M, B) * population variance`` with or without replacement."""

    replacement: bool
    factor: Callable[[Any, Any], Any]


def _batch_variance(statement: BatchVariance, budget: Budget) -> list[Evidence]:
    largest = budget.pick(4, 5)
    steps = {}
    for m in range(2, largest + 1):
        values = [Fraction(v) for v in (3, -1, 4, 0, 7)[:m]]
        mean = sum(values) / m
        population = sum((v - mean) ** 2 for v in values) / m
        for b in range(1, m + 1):
            batches = list(product(values, repeat=b) if statement.replacement else permutations(values, b))
            variance = sum((sum(batch) / b - mean) ** 2 for batch in batches) / len(batches)
            steps[f"enumeration M = {m}, B = {b}"] = variance == statement.factor(Fraction(m), Fraction(b)) * population
    m, b, variance = sp.symbols("M B V", positive=True)
    # Centred draws: independent ones have no covariance; of two distinct ones sum_{k != l} a_k a_l = -sum_k a_k^2.
    covariance = 0 if statement.replacement else -m * variance / (m * (m - 1))
    general = (b * variance + b * (b - 1) * covariance) / b**2
    steps["general M and B"] = is_zero(general - statement.factor(m, b) * variance)
    return [Exact("enumeration", steps)]


def _replacement_error(bound: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    del budget
    b, c = sp.symbols("b c", nonnegative=True)
    batch, size = 1 + b, 2 + b + c  # 1 <= B < M; at B = M the error is exactly 1 = B / M
    error = (batch - 1) / (size - 1)
    steps = {
        "error 1 - (M - B)/(M - 1) is (B - 1)/(M - 1)": is_zero(1 - (size - batch) / (size - 1) - error),
        "bound - error has no negative coefficient, B < M": nonnegative_coefficients(
            bound(size, batch) - error, [b, c]
        ),
        "holds at B = M": all(bound(Fraction(m), Fraction(m)) >= 1 for m in range(2, 50)),
    }
    return [Exact("symbolic", steps)]


# (3), (4): convex combinations


def _convex_weights(weight: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    beta, t, s = sp.symbols("beta t s", positive=True)
    closed = (1 - beta**s) / (1 - beta**t)  # sum of the first s weights
    normal = 1 - beta**t
    steps = {
        "newest weight: (1 - beta^t) c(t, 0) = 1 - beta": is_zero(weight(beta, t, sp.Integer(0)) * normal - (1 - beta)),
        "ageing: (1 - beta^(t+1)) c(t+1, s+1) = beta (1 - beta^t) c(t, s)": is_zero(
            sp.expand_power_exp(weight(beta, t + 1, s + 1) * (1 - beta ** (t + 1)) - beta * normal * weight(beta, t, s))
        ),
        "telescoping: c(t, s) = P(s+1) - P(s), P(0) = 0, P(t) = 1": is_zero(
            sp.expand_power_exp(weight(beta, t, s) - closed.subs(s, s + 1) + closed)
        )
        and closed.subs(s, 0) == 0
        and is_zero(closed.subs(s, t) - 1),
    }
    for b in (Fraction(0), Fraction(1, 2), Fraction(9, 10), Fraction(999, 1000)):
        for horizon in range(1, budget.pick(7, 30)):
            gradients = [Fraction((7 * k * k + 3) % 11 - 5) for k in range(horizon)]
            average = Fraction(0)
            for g in gradients:
                average = b * average + (1 - b) * g
            weights = [weight(b, horizon, k) for k in range(horizon)]
            steps[f"recursion (3) unrolled, beta = {b}, t = {horizon}"] = (
                average / (1 - b**horizon) == sum(w * g for w, g in zip(weights, reversed(gradients), strict=True))
                and sum(weights) == 1
                and all(w >= 0 for w in weights)
                and (b == 0 or min(weights) > 0)
            )
    return [Exact("symbolic", steps)]


# Figure 1


def _sketch(factor: Callable[[Any], Any], budget: Budget) -> list[Evidence]:
    del budget
    mean = (Fraction(2), Fraction(1))
    variance = (Fraction(1), Fraction(9, 4))
    relative = [v / m**2 for m, v in zip(mean, variance, strict=True)]
    gamma = [factor(r) for r in relative]
    after_mean = [g * m for g, m in zip(gamma, mean, strict=True)]
    after_variance = [g**2 * v for g, v in zip(gamma, variance, strict=True)]
    error = sum(g**2 * v + (g - 1) ** 2 * m**2 for g, m, v in zip(gamma, mean, variance, strict=True))
    steps = {
        "relative variances are 0.25 and 2.25": relative == [Fraction(1, 4), Fraction(9, 4)],
        "second coordinate is shortened, and more than the first": gamma[1] < min(1, gamma[0]),
        "total variance is reduced": sum(after_variance) < sum(variance),
        "mean is biased in both coordinates": all(a != m for a, m in zip(after_mean, mean, strict=True)),
        "mean squared error is reduced": error < sum(variance),
    }
    data = {
        "factors": gamma,
        "mean": after_mean,
        "variance (covariance is diagonal)": after_variance,
        "total variance before, after": [sum(variance), sum(after_variance)],
        "mean squared error before, after": [sum(variance), error],
    }
    return [Exact("rational", steps, data)]


CLAIMS = [
    Claim(
        id="dissecting-adam/minibatch-variance-scaling",
        location="footnote 1",
        statement=r"With replacement $\mathbf{var}[g_i]=B^{-1}\mathbf{var}[\nabla\ell_{k,i}]$; without replacement the "
        "same up to a relative error that vanishes with $B/M$ (judged: at most $B/M$).",
        parts=(
            Part(
                "with replacement",
                _batch_variance,
                printed=BatchVariance(True, lambda m, b: 1 / b),
                broken=BatchVariance(True, lambda m, b: (m - b) / ((m - 1) * b)),
                note="All batches of up to five points, and every $M$, $B$ through the pair covariance.",
            ),
            Part(
                "without replacement the factor 1/B is close for B << M",
                _replacement_error,
                printed=lambda m, b: b / m,
                broken=lambda m, b: b / (2 * m),
                note=r"The relative error is exactly $(B-1)/(M-1)\le B/M$.",
            ),
            Part(
                "exact factor without replacement",
                _batch_variance,
                printed=BatchVariance(False, lambda m, b: (m - b) / ((m - 1) * b)),
                broken=BatchVariance(False, lambda m, b: 1 / b),
                bears=False,
                note=r"$\mathbf{var}[g_i]=\frac{M-B}{M-1}\frac1B\mathbf{var}[\nabla\ell_{k,i}]$ for $1\le B\le M$, "
                r"$M\ge2$: zero at $B=M$, equal to the form with replacement at $B=1$ only.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/bias-corrected-averages-are-convex",
        location="(3), (4), end of (41)",
        statement=r"$m_t=\sum_{s=0}^{t-1}c(\beta_1,t,s)g_{t-s}$ with $c(\beta,t,s)=\beta^s(1-\beta)/(1-\beta^t)\ge0$ "
        r"and $\sum_sc=1$; likewise $v_t$ of $g^2$.",
        assumptions=(r"$\beta\in[0,1)$, $t\ge1$, start at zero",),
        parts=(
            Part(
                "weights are those of the recursion, nonnegative, sum to one",
                _convex_weights,
                printed=lambda b, t, s: b**s * (1 - b) / (1 - b**t),
                broken=lambda b, t, s: b**s * (1 - b),
                note=r"Weights are positive for $\beta>0$; at $\beta=0$ the newest gradient has weight one.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/fig-1-variance-adaptation-sketch",
        location="figure 1",
        statement=r"$\nabla\mathcal L=(2,1)$, $\sigma=(1,1.5)$: $\eta^2=(0.25,2.25)$; scaling by $(1+\eta_i^2)^{-1}$ "
        "shortens the second coordinate, lowers the variance and biases the mean.",
        parts=(
            Part(
                "exact moments before and after",
                _sketch,
                printed=lambda r: 1 / (1 + r),
                broken=lambda r: 1 + r,
                note=r"Factors $(4/5,4/13)$, mean $(8/5,4/13)$, total variance $13/4\to3604/4225\approx0.853$, mean "
                r"squared error $13/4\to97/65\approx1.492$.",
            ),
        ),
        figures=("dissecting-adam/figure-1",),
    ),
]
