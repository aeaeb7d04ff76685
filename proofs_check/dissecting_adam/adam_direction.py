"""Section 1.1: Adam's direction as a sign and a magnitude set by the relative variance, (6), (7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..checks.symbolic import Identity, is_zero, nonnegative_coefficients, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness

DEFAULT_BETAS = (Fraction(9, 10), Fraction(999, 1000))


# (6), (7): sign and relative variance


def _rewriting(right: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    magnitude, v = sp.symbols("a v", positive=True)
    return symbolic_identity(
        {f"sign(m) = {s}": Identity(s * magnitude / sp.sqrt(v), right(s, magnitude, v)) for s in (1, -1)}, budget
    )


def _second_moment_positive(beta_2: Sequence[Fraction], budget: Budget) -> list[Evidence]:
    """Whether m_t != 0 forces v_t > 0: all gradient sequences over {-1, 0, 1} for each beta_2."""
    steps = {}
    for b2 in beta_2:
        for horizon in range(1, budget.pick(4, 6)):
            for gradients in product((-1, 0, 1), repeat=horizon):
                m, v = _moments(gradients, Fraction(1, 2), b2)
                if m != 0 and v <= 0:
                    return [
                        Witness(
                            point={"gradients": list(gradients), "beta_2": b2},
                            first=Way("recursion (3), (4) in rationals", v, ">", 0),
                            second=Way("weights c(beta_2, t, s) in floating point", _weighted(gradients, b2), ">", 0.0),
                            replay=MOMENTS_REPLAY
                            + "m, v = moments(witness['gradients'], F(1, 2), F(witness['beta_2']))\n"
                            + "violated = m != 0 and v <= 0",
                        )
                    ]
            steps[f"beta_2 = {b2}, t = {horizon}"] = True
    return [Exact("enumeration", steps)]


MOMENTS_REPLAY = """
from fractions import Fraction as F
def moments(gradients, b1, b2):
    m = v = F(0)
    for g in map(F, gradients):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
    t = len(gradients)
    return m / (1 - b1**t), v / (1 - b2**t)
"""


def _moments(gradients: Sequence[Any], beta_1: Any, beta_2: Any) -> tuple[Any, Any]:
    """Bias-corrected m_t and v_t of (3), (4), in the arithmetic of the arguments."""
    m = v = 0 * beta_1
    for g in gradients:
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
    t = len(gradients)
    return m / (1 - beta_1**t), v / (1 - beta_2**t)


def _weights(beta: Any, horizon: int) -> list[Any]:
    return [beta**s * (1 - beta) / (1 - beta**horizon) for s in range(horizon)]


def _weighted(gradients: Sequence[int], beta: Fraction) -> float:
    weights = _weights(float(beta), len(gradients))
    return sum(w * g * g for w, g in zip(weights, reversed(gradients), strict=True))


# Range of the relative variance


def _never_lengthens(betas: tuple[Any, Any], budget: Budget) -> list[Evidence]:
    """Whether ``v_t >= m_t^2`` for every gradient sequence, by the extremal sequence g_{t-s} = c(beta_1)/c(beta_2)."""
    beta_1, beta_2 = betas
    horizons = range(1, budget.pick(6, 12))
    if beta_1 is None:  # equal constants, as a symbol
        # sum c (g - m)^2 = sum c g^2 - 2 m sum c g + m^2 sum c, whatever the number of gradients is.
        total, mean, second = sp.symbols("sum_c m v")
        spread = second - 2 * mean * mean + mean**2 * total
        steps = {
            "weights c >= 0 sum to one => v - m^2 = sum_s c_s (g_s - m)^2 >= 0": is_zero(
                second - mean**2 - spread.subs(total, 1)
            )
        }
        return [Exact("symbolic", steps)]
    steps = {}
    for t in horizons:
        first, second = _weights(beta_1, t), _weights(beta_2, t)
        extremal = [a / b for a, b in zip(first, second, strict=True)][::-1]
        m, v = _moments(extremal, beta_1, beta_2)
        if v < m * m:
            relative = (v - m * m) / m**2
            f1, f2, g = [float(w) for w in first], [float(w) for w in second], [float(x) for x in extremal[::-1]]
            m_float, v_float = (
                sum(w * x for w, x in zip(f1, g, strict=True)),
                sum(w * x * x for w, x in zip(f2, g, strict=True)),
            )
            return [
                Witness(
                    point={"gradients": extremal, "beta_1": beta_1, "beta_2": beta_2, "relative_variance": relative},
                    first=Way("recursion (3), (4) in rationals", relative, ">=", 0),
                    second=Way("weights c in floating point", (v_float - m_float**2) / m_float**2, ">=", 0.0, 1e-9),
                    replay=MOMENTS_REPLAY
                    + "m, v = moments(witness['gradients'], F(witness['beta_1']), F(witness['beta_2']))\n"
                    + "violated = v < m * m",
                )
            ]
        steps[f"t = {t}"] = True
    return [Exact("rational", steps)]


def _monotone(factor: Callable[[Any], Any], budget: Budget) -> list[Evidence]:
    del budget
    h, step = sp.symbols("h delta", positive=True)
    shifted = h - 1  # relative variances are > -1
    ratio = sp.simplify((factor(shifted) / factor(shifted + step)) ** 2)
    steps = {
        "strictly decreasing in the relative variance": nonnegative_coefficients(ratio - 1, [h, step]) and ratio != 1,
        "equal to one at zero": is_zero(factor(sp.Integer(0)) - 1),
    }
    return [Exact("symbolic", steps)]


def _largest_squared_factor(closed: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    """``sup m_t^2 / v_t = closed(beta_1, beta_2, t)``, attained, and every value in (0, sup] for t >= 2."""
    beta_1, beta_2 = sp.symbols("beta_1 beta_2", positive=True)
    steps = {}
    for t in range(1, budget.pick(3, 6)):
        total = sum(a**2 / b for a, b in zip(_weights(beta_1, t), _weights(beta_2, t), strict=True))
        steps[f"closed form, t = {t}"] = is_zero(total - closed(beta_1, beta_2, t))
    x, y = sp.symbols("x0:4"), sp.symbols("y0:4")
    lagrange = sum((x[i] * y[j] - x[j] * y[i]) ** 2 for i in range(4) for j in range(i))
    gap = sum(a**2 for a in x) * sum(b**2 for b in y) - sum(a * b for a, b in zip(x, y, strict=True)) ** 2
    # x_s = c_1 / sqrt(c_2), y_s = sqrt(c_2) g_{t-s}
    steps["Cauchy-Schwarz: sup * v_t - m_t^2 is a sum of squares"] = is_zero(gap - lagrange)
    for b1, b2 in (DEFAULT_BETAS, (Fraction(1, 2), Fraction(1, 2)), (Fraction(9, 10), Fraction(1, 2))):
        for t in (1, 2, 7):
            weights = list(zip(_weights(b1, t), _weights(b2, t), strict=True))
            m, v = _moments([a / b for a, b in reversed(weights)], b1, b2)
            steps[f"attained, beta = ({b1}, {b2}), t = {t}"] = m * m == closed(b1, b2, t) * v
            if t > 1:  # m = 0 with v > 0, hence by continuity everything in between
                m, v = _moments([weights[0][0], -weights[1][0]] if t == 2 else [0] * (t - 2) + [b1**-1, -1], b1, b2)
                steps[f"zero attained, beta = ({b1}, {b2}), t = {t}"] = m == 0 < v
    defaults = {f"t = {t}": float(closed(*DEFAULT_BETAS, t)) ** 0.5 for t in (1, 2, 10, 100, 1000, 10000)}
    limit = (1 - DEFAULT_BETAS[0]) ** 2 / ((1 - DEFAULT_BETAS[1]) * (1 - DEFAULT_BETAS[0] ** 2 / DEFAULT_BETAS[1]))
    data = {"largest factor at the defaults": defaults, "its limit squared": limit, "limit": float(limit) ** 0.5}
    return [Exact("symbolic", steps, data)]


def _closed_supremum(beta_1: Any, beta_2: Any, t: Any) -> Any:
    ratio = beta_1**2 / beta_2
    geometric = t if ratio == 1 else (1 - ratio**t) / (1 - ratio)
    return (1 - beta_1) ** 2 * (1 - beta_2**t) / ((1 - beta_1**t) ** 2 * (1 - beta_2)) * geometric


# The decomposition and the invariance to the scale of the gradients


def _decomposition(epsilon: Any, budget: Budget) -> list[Evidence]:
    a, c, h, alpha = sp.symbols("a c h alpha", positive=True)  # |m|, scale, 1 + relative variance, step size
    identities = {}
    for s in (1, -1):
        step = alpha * s * a / (sp.sqrt(a**2 * h) + epsilon)  # (5) with v = m^2 (1 + relative variance)
        identities[f"sign {s}: step is alpha sign(m) (1 + rel. variance)^(-1/2)"] = Identity(
            step, alpha * s / sp.sqrt(h)
        )
        identities[f"sign {s}: same step for gradients scaled by c > 0"] = Identity(step.subs(a, c * a), step)
    return symbolic_identity(identities, budget)


CLAIMS = [
    Claim(
        id="dissecting-adam/adam-sign-magnitude-rewriting",
        location="(6), (7)",
        statement=r"For $\varepsilon=0$, $m\ne0$: $m/\sqrt v=\mathrm{sign}(m)\big/\sqrt{1+(v-m^2)/m^2}$.",
        assumptions=(r"$v_{t,i}>0$, which $m_{t,i}\ne0$ implies when $\beta_2>0$",),
        parts=(
            Part(
                "identity for both signs",
                _rewriting,
                printed=lambda s, a, v: s / sp.sqrt(1 + (v - a**2) / a**2),
                broken=lambda s, a, v: s / sp.sqrt(1 + v / a**2),
                note=r"At $m=0<v$ the left side is 0 and the right side is undefined, with limit 0 for $m\to0$; at "
                r"$m=v=0$ (all gradients zero) both sides are undefined; (5) then moves nothing, by $\varepsilon$.",
            ),
            Part(
                "m != 0 implies v > 0",
                _second_moment_positive,
                printed=(Fraction(999, 1000), Fraction(1, 2), Fraction(1, 10**6)),
                broken=(Fraction(1, 2), Fraction(0)),
                bears=False,
                note=r"Every weight of $v_t$ is positive when $\beta_2>0$. At $\beta_2=0<\beta_1$ a zero gradient "
                r"after a non-zero one gives $v=0\ne m$: (6) divides by zero.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/relative-variance-shortens-steps",
        location="1.1, after (7)",
        statement=r"$\hat\eta_t^2=(v_t-m_t^2)/m_t^2$ estimates a relative variance and Adam's factor "
        r"$(1+\hat\eta_t^2)^{-1/2}$ shortens steps. Judged: the factor decreases in $\hat\eta_t^2$, and, for every "
        r"gradient sequence with Adam's constants, $\hat\eta_t^2\ge0$, so that the factor never exceeds one.",
        parts=(
            Part(
                "factor decreases with the relative variance",
                _monotone,
                printed=lambda h: (1 + h) ** sp.Rational(-1, 2),
                broken=lambda h: (1 + h) ** sp.Rational(1, 2),
            ),
            Part(
                "v >= m^2 at Adam's constants (0.9, 0.999)",
                _never_lengthens,
                printed=DEFAULT_BETAS,
                broken=(Fraction(1, 2), Fraction(3, 4)),
                repair=(None, None),
                repair_note=r"$\beta_1=\beta_2$: then $v_t-m_t^2=\sum_sc_s(g_{t-s}-m_t)^2\ge0$.",
                note="With different constants $m_t$ and $v_t$ are moments under different weights, and $v_t<m_t^2$ "
                "occurs from $t=2$ on: the estimated relative variance is negative and the step is lengthened.",
            ),
            Part(
                "exact range",
                _largest_squared_factor,
                printed=_closed_supremum,
                broken=lambda b1, b2, t: 1 / _closed_supremum(b1, b2, t),
                bears=False,
                note=r"The factor attains exactly $[0,\sqrt{S_t}]$ for $t\ge2$ and 1 at $t=1$, "
                r"$S_t=\sum_sc(\beta_1,t,s)^2/c(\beta_2,t,s)$; $\hat\eta_t^2$ attains $[1/S_t-1,\infty)$. $S_t=1$ for "
                r"$\beta_1=\beta_2$. As $t\to\infty$, $S_t\to(1-\beta_1)^2/((1-\beta_2)(1-\beta_1^2/\beta_2))$ if "
                r"$\beta_1^2<\beta_2$, otherwise $S_t\to\infty$. At the defaults $S_\infty=370/7$: factor up to "
                r"7.2703, $\hat\eta^2$ down to $-0.98108$.",
            ),
        ),
        figures=("dissecting-adam/relative-variance-range",),
    ),
    Claim(
        id="dissecting-adam/sign-and-variance-decomposition",
        location="1.1, 1.2, table 1",
        statement=r"With $\varepsilon=0$, $m_{t,i}\ne0$: Adam's step is $\alpha\,\mathrm{sign}(m_{t,i})$ times a "
        r"function of $\hat\eta_{t,i}^2$ alone, and is unchanged when all gradients are scaled by $c>0$. Table 1: base "
        "direction $g$ or its sign, variance-adapted or not.",
        parts=(
            Part(
                "decomposition and scale invariance, epsilon = 0",
                _decomposition,
                printed=sp.Integer(0),
                broken=sp.Rational(1, 10),
                note=r"For $c<0$ the step changes its sign only. At $m=0$ the step is 0 for any $\mathrm{sign}(0)$.",
            ),
            Part(
                "the same with epsilon = 1e-8",
                _decomposition,
                printed=sp.Rational(1, 10**8),
                broken=sp.Rational(1, 10),
                sound=sp.Integer(0),
                bears=False,
                note=r"With $\varepsilon>0$ it is $\alpha\,\mathrm{sign}(m)/(\sqrt{1+\hat\eta^2}+\varepsilon/|m|)$, "
                r"neither exact nor scale invariant; the relative change is at most $\varepsilon/\sqrt{v}$.",
            ),
        ),
    ),
]
