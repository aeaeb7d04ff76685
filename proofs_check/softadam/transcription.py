"""The paper's formulas on exact numbers, written once more and apart from the optimizers that they check.

Numbers are Fractions, mpmath numbers or sympy expressions; ``sqrt`` is handed in where a root is taken. ``r`` is the
sample ratio, ``x`` stands for ``sqrt(v_i / (mean(v) + eps^2))``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Literal

Number = Any
Vector = Sequence[Any]


def ratio(eta: Number, r: Number, x: Number) -> Number:
    """``d_i / alpha`` of Algorithm 1."""
    return (1 + eta) / (1 + eta - eta * r + eta * r * x)


def beta2_hat(beta2: Fraction, t: int) -> Fraction:
    """``min(beta_2, 1 - 1/t)``."""
    return min(beta2, 1 - Fraction(1, t))


def second_moment_weights(beta2: Fraction, t: int) -> list[Fraction]:
    """Weights of ``g_1^2 .. g_t^2`` in ``v_t`` with ``beta2_hat``; they and the weight of ``v_0`` sum to one."""
    weights: list[Fraction] = []
    for s in range(1, t + 1):
        b = beta2_hat(beta2, s)
        weights = [b * w for w in weights] + [1 - b]
    return weights


def sgdm(
    grads: Sequence[Vector], theta: Vector, alpha: Number, beta1: Number, form: str = "average"
) -> Sequence[Vector]:
    """Momentum as a running average, ``form="heavy-ball"`` (``m = beta m + g``) or ``"nesterov"`` of the average."""
    m = [0 * x for x in theta]
    path = []
    for g in grads:
        weight = 1 if form == "heavy-ball" else 1 - beta1
        m = [beta1 * a + weight * b for a, b in zip(m, g, strict=True)]
        u = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)] if form == "nesterov" else m
        theta = [x - alpha * a for x, a in zip(theta, u, strict=True)]
        path.append(theta)
    return path


def adam(
    grads: Sequence[Vector],
    theta: Vector,
    alpha: Number,
    beta1: Number,
    beta2: Number,
    sqrt: Callable[[Number], Number],
    eps: Number = 0,
) -> Sequence[Vector]:
    """Section 2's Adam with bias corrections ``1 - beta^t``; ``eps`` outside the root."""
    m = [0 * x for x in theta]
    v = [0 * x for x in theta]
    path = []
    for t, g in enumerate(grads, 1):
        m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)]
        v = [beta2 * a + (1 - beta2) * b * b for a, b in zip(v, g, strict=True)]
        theta = [
            x - alpha * a / (1 - beta1**t) / (sqrt(b / (1 - beta2**t)) + eps)
            for x, a, b in zip(theta, m, v, strict=True)
        ]
        path.append(theta)
    return path


def algorithm_1(
    grads: Sequence[Vector],
    theta: Vector,
    sqrt: Callable[[Number], Number],
    *,
    alpha: Number,
    beta1: Number,
    beta2: Number,
    eta: Number,
    eps: Number,
    r_root: bool = True,
    eps_squared: bool = True,
    combine: Literal["division", "product"] = "division",
) -> Sequence[Vector]:
    """Algorithm 1 in its readings: root of ``r`` or none, ``eps`` squared or not, division or product by ``D``."""
    m = [0 * x for x in theta]
    v = [0 * x for x in theta]
    path = []
    for t, g in enumerate(grads, 1):
        m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)]
        b2 = min(beta2, 1 - 1 / (0 * beta2 + t))
        v = [b2 * a + (1 - b2) * b * b for a, b in zip(v, g, strict=True)]
        mean = sum(v) / len(v)
        r = (1 - beta2) / (1 - b2)
        r = sqrt(r) if r_root else r
        floor = eps * eps if eps_squared else eps
        dividers = [1 + eta - eta * r + eta * r * sqrt(a / (mean + floor)) for a in v]
        d = [alpha * (1 + eta) * (1 / k if combine == "division" else k) for k in dividers]
        theta = [x - a * b for x, a, b in zip(theta, m, d, strict=True)]
        path.append(theta)
    return path


def reference_code(
    grads: Sequence[Sequence[Vector]],
    theta: Sequence[Vector],
    sqrt: Callable[[Number], Number],
    *,
    alpha: Number,
    beta1: Number,
    beta2: Number,
    eta: Number,
    eps: Number,
    decay: Number = 0,
    nesterov: bool = False,
) -> Sequence[Sequence[Vector]]:
    """Appendix A's code on a list of tensors: every tensor has its own mean."""
    paths = []
    for k, start in enumerate(theta):
        p = list(start)
        m = [0 * x for x in p]
        v = [0 * x for x in p]
        path = []
        for t, tensors in enumerate(grads, 1):
            g = tensors[k]
            b2 = min(beta2, 1 - 1 / (0 * beta2 + t))
            h = eta * eta * ((1 - beta2) / (1 - b2))
            m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)]
            v = [b2 * a + (1 - b2) * b * b for a, b in zip(v, g, strict=True)]
            mean = sum(v) / len(v)
            divider = [sqrt(a * (h / (mean + eps * eps))) + (1 + eta - sqrt(h)) for a in v]
            p = [x - decay * alpha * x for x in p]
            rate = alpha * (1 + eta)
            if nesterov:
                p = [x - rate * beta1 * a / d for x, a, d in zip(p, m, divider, strict=True)]
                p = [x - rate * (1 - beta1) * b / d for x, b, d in zip(p, g, divider, strict=True)]
            else:
                p = [x - rate * a / d for x, a, d in zip(p, m, divider, strict=True)]
            path.append(p)
        paths.append(path)
    return [list(step) for step in zip(*paths, strict=True)]
