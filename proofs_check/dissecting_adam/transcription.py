"""Algorithms 1-5 and Adam, line by line, for one coordinate in any exact numbers.

Independent of the rules in :mod:`optassay.optimizers`: the checks compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as F
from math import isqrt
from typing import Any

from .estimators import kappa

DIGITS = 10**60


def sign(x: Any) -> int:
    """With sign(0) = 0, the paper's practice."""
    return (x > 0) - (x < 0)


def root(x: F) -> F:
    """Square root of a rational >= 0, exact or rounded down at the 60th digit."""
    exact = F(isqrt(x.numerator), isqrt(x.denominator))
    return exact if exact**2 == x else F(isqrt(x.numerator * DIGITS**2 // x.denominator), DIGITS)


def factor(relative_variance_top: F, m: F) -> F:
    """1 / (1 + top / m^2), 0 where m = 0 (the rule printed below algorithm 2)."""
    return 1 / (1 + relative_variance_top / m**2) if m else F(0)


def algorithm_1(gradients: Sequence[F], mu: F, alpha: F) -> list[F]:
    """M-SSD: positions from 0."""
    m, theta, path = F(0), F(0), []
    for g in gradients:
        m = mu * m + g
        theta -= alpha * sign(m)
        path.append(theta)
    return path


def _averaged(gradients: Sequence[F], mu: F, alpha: F, tilde: bool, update: Any, corrected: bool = True) -> list[F]:
    m_raw, v_raw, theta, path = F(0), F(0), F(0), []
    for t, g in enumerate(gradients, start=1):
        m_raw = mu * m_raw + (1 - mu) * g
        v_raw = mu * v_raw + (1 - mu) * g**2
        m, v = m_raw / (1 - mu**t), v_raw / (1 - mu**t)
        if not tilde:
            m_raw, v_raw = m, v  # one name for both: the correction feeds back
        gamma = factor((kappa(mu, t) if corrected else 1) * (v - m**2), m)
        theta -= alpha * update(gamma, m)
        path.append(theta)
    return path


def algorithm_2(gradients: Sequence[F], mu: F, alpha: F) -> list[F]:
    """M-SVAG."""
    return _averaged(gradients, mu, alpha, True, lambda gamma, m: gamma * m)


def algorithm_4(gradients: Sequence[F], mu: F, alpha: F, tilde: bool = True, corrected: bool = True) -> list[F]:
    """Adam*; without ``tilde`` the averages are overwritten by their corrected values."""
    return _averaged(gradients, mu, alpha, tilde, lambda gamma, m: root(gamma) * sign(m), corrected)


def _mini_batch(gradients: Sequence[F], variances: Sequence[F], mu: F, alpha: F, update: Any) -> list[F]:
    m, s, theta, path = F(0), F(0), F(0), []
    for g, s_hat in zip(gradients, variances, strict=True):
        m, s = mu * m + g, mu**2 * s + s_hat
        theta -= alpha * update(factor(s, m), m)
        path.append(theta)
    return path


def algorithm_3(gradients: Sequence[F], variances: Sequence[F], mu: F, alpha: F) -> list[F]:
    """M-SVAG-mb."""
    return _mini_batch(gradients, variances, mu, alpha, lambda gamma, m: gamma * m)


def algorithm_5(gradients: Sequence[F], variances: Sequence[F], mu: F, alpha: F) -> list[F]:
    """Adam*-mb."""
    return _mini_batch(gradients, variances, mu, alpha, lambda gamma, m: root(gamma) * sign(m))


def adam(gradients: Sequence[F], beta1: F, beta2: F, alpha: F) -> list[F]:
    """(3)-(5) with epsilon = 0; no move where v = 0."""
    m, v, theta, path = F(0), F(0), F(0), []
    for t, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        top, bottom = m / (1 - beta1**t), root(v / (1 - beta2**t))
        theta -= alpha * top / bottom if bottom else F(0)
        path.append(theta)
    return path


# One step per coordinate as printed, powers of the constants precomputed: for counting operations.
PRINTED_STEPS = {
    "Adam": (
        "m = b1 * m + (1 - b1) * g",
        "v = b2 * v + (1 - b2) * g ** 2",
        "mh = m * c1",
        "vh = v * c2",
        "theta = theta - a * (mh / (sqrt(vh) + eps))",
    ),
    "M-SVAG": (
        "m = mu * m + (1 - mu) * g",
        "v = mu * v + (1 - mu) * g ** 2",
        "mh = m * c",
        "vh = v * c",
        "q = mh ** 2",
        "eta2 = k * ((vh - q) / q)",
        "gamma = 1 / (1 + eta2)",
        "theta = theta - a * (gamma * mh)",
    ),
}
