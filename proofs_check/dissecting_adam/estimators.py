"""Sections 3.3 and C.1: gradient variance from moving averages, with its exact bias."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction as F
from itertools import combinations, product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.search import ForAll, Point, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Missing, Part

T, S = sp.symbols("t s", integer=True, positive=True)  # for the steps of inductions
beta, mu, var, mean, size = sp.symbols("beta mu v1 m1 n")  # v1, m1: variance and mean of one gradient
CONSTANTS = {mu: (sp.Rational(1, 2), sp.Rational(9, 10), sp.Rational(1, 10))}
CONSTANTS |= {beta: CONSTANTS[mu], var: (1, 3), mean: (2, -1), size: (3, 2, 5)}


def gradients(count: int) -> list[sp.Symbol]:
    """g1, g2, ..., in the order of the steps."""
    return list(sp.symbols(f"g1:{count + 1}"))


def weight(constant: Any, t: Any, s: Any) -> Any:
    """c(mu, t, s), the weight of g_{t-s} in the corrected average of t gradients."""
    return constant**s * (1 - constant) / (1 - constant**t)


def weights(constant: Any, t: int) -> list[Any]:
    """c(mu, t, s) for s = 0..t-1."""
    return [weight(constant, t, s) for s in range(t)]


def ageing(constant: Any, t: Any) -> Any:
    """What all weights are multiplied with from step t to t + 1, in the exact average."""
    return constant * (1 - constant**t) / (1 - constant ** (t + 1))


def kappa(constant: Any, t: Any) -> Any:
    """(19), transcribed; the array version is the library's."""
    return (1 - constant ** (2 * t)) * (1 - constant) ** 2 / ((1 - constant**2) * (1 - constant**t) ** 2)


def averages(values: Sequence[Any], first: Any, second: Any) -> tuple[Any, Any]:
    """m_t and v_t of (3), (4) by their recursions."""
    m, v = values[0] * 0, values[0] * 0
    for g in values:
        m, v = first * m + (1 - first) * g, second * v + (1 - second) * g * g
    t = len(values)
    return m / (1 - first**t), v / (1 - second**t)


def iid_expectation(expression: Any, draws: Sequence[sp.Symbol]) -> sp.Expr:
    """Expectation of a polynomial of degree at most two in each of several iid draws with mean m1 and variance v1."""
    moments = (sp.Integer(1), mean, mean**2 + var)
    total = sp.Integer(0)
    for powers, coefficient in sp.Poly(sp.expand(expression), *draws).terms():
        total += coefficient * sp.prod(moments[power] for power in powers)
    return sp.expand(total)


def _unrolled(before: str) -> dict[str, Identity]:
    """(41): the recursion with m_{t-1} or with its uncorrected form, and the sum; t = 1..6, and from t to t + 1."""
    found: dict[str, Identity] = {}
    for t in range(1, 7):
        g = gradients(t)
        m, _ = averages(g, beta, beta)
        previous = averages(g[:-1], beta, beta)[0] if t > 1 else sp.Integer(0)
        # The uncorrected average is m~ = (1 - beta^(t-1)) m.
        previous *= {"m": 1, "m~": 1 - beta ** (t - 1), "nothing": 0}[before]
        found[f"t = {t}: recursion"] = Identity((beta * previous + (1 - beta) * g[-1]) / (1 - beta**t), m, CONSTANTS)
        total = sum(w * x for w, x in zip(weights(beta, t), reversed(g), strict=True))
        found[f"t = {t}: sum"] = Identity(total, m, CONSTANTS)
    # If m_t has the weights c(beta, t, s), then the recursion gives m_{t+1} the weights c(beta, t + 1, s).
    kept = {"m": 1, "m~": 1 - beta**T, "nothing": 0}[before]
    newest, older = (1 - beta) / (1 - beta ** (T + 1)), beta * kept / (1 - beta ** (T + 1))
    found["t to t + 1: newest weight"] = Identity(newest, weight(beta, T + 1, 0), CONSTANTS)
    found["t to t + 1: older weights"] = Identity(older * weight(beta, T, S), weight(beta, T + 1, S + 1), CONSTANTS)
    return found


def _moments(value: Any, square: Any) -> dict[str, Identity]:
    """(42), (43) for t = 1..6, and from t to t + 1."""
    found: dict[str, Identity] = {}
    for t in range(1, 7):
        g = gradients(t)
        m, v = averages(g, mu, mu)
        found[f"t = {t}: E m"] = Identity(sp.cancel(iid_expectation(m, g)), value, CONSTANTS)
        found[f"t = {t}: E v"] = Identity(sp.cancel(iid_expectation(v, g)), square, CONSTANTS)
    newest, older = weight(mu, T + 1, 0), ageing(mu, T)
    found["t to t + 1: E m"] = Identity(newest * mean + older * value, value, CONSTANTS)
    found["t to t + 1: E v"] = Identity(newest * (mean**2 + var) + older * square, square, CONSTANTS)
    return found


def _estimated(
    first: int, claimed: Callable[[Any], Any], scale: Callable[[Any], Any] = lambda t: 1
) -> dict[str, Identity]:
    """E[v - m^2] / scale for t = first..6 against a claim, and from t to t + 1."""
    found: dict[str, Identity] = {}
    for t in range(first, 7):
        g = gradients(t)
        m, v = averages(g, mu, mu)
        found[f"t = {t}"] = Identity(sp.cancel(iid_expectation(v - m**2, g) / scale(t)), claimed(t), CONSTANTS)
    # E v = mean^2 + var and E m^2 = mean^2 + var sum c^2, so E[v - m^2] = var (1 - sum c^2), and all weights age alike.
    squares = [1 - scale(t) * claimed(t) / var for t in (T, T + 1)]
    aged = weight(mu, T + 1, 0) ** 2 + ageing(mu, T) ** 2 * squares[0]
    found["t to t + 1: sum of squared weights"] = Identity(aged, squares[1], CONSTANTS)
    found["t to t + 1: ageing"] = Identity(ageing(mu, T) * weight(mu, T, S), weight(mu, T + 1, S + 1), CONSTANTS)
    return found


def _bias_against_noise(first: int, least: F) -> ForAll:
    """Squared bias of v - m^2 against its variance, for iid Gaussian gradients of variance one.

    v - m^2 = x^T (C - c c^T) x has variance 2 tr (C - c c^T)^2 = 2 (sum c^2 - 2 sum c^3 + (sum c^2)^2).
    """

    def points(budget: Budget) -> Iterable[Point]:
        constants = [F(k, 20) for k in range(20)] + [F(99, 100)]
        for t, constant in product(range(first, budget.pick(25, 80)), constants):
            if constant >= least:
                yield {"t": t, "mu": constant}

    def sides(point: Point) -> tuple[Any, Any]:
        c = weights(point["mu"], point["t"])
        second, third = sum(w**2 for w in c), sum(w**3 for w in c)
        return second**2, 2 * (second - 2 * third + second**2)

    def again(point: Point) -> tuple[Any, Any]:
        c = np.array(weights(float(point["mu"]), point["t"]))
        form = np.diag(c) - np.outer(c, c)
        return (1 - np.trace(form)) ** 2, 2 * np.trace(form @ form)

    return ForAll(
        points=points,
        sides=sides,
        relation="<=",
        again=again,
        replay="from fractions import Fraction as F\nt, mu = int(witness['t']), F(str(witness['mu']))\n"
        "c = [mu**s * (1 - mu) / (1 - mu**t) for s in range(t)]\n"
        "a, b = sum(w**2 for w in c), sum(w**3 for w in c)\nviolated = a**2 > 2 * (a - 2 * b + a**2)",
    )


def _nonnegative(first: F, second: F) -> ForAll:
    """v >= m^2 for averages with two constants: step-shaped, small exhaustive and extremal gradient sequences."""

    def points(budget: Budget) -> Iterable[Point]:
        yield {"gradients": (0,) * 40 + (1,) * 20}
        for t in range(1, budget.pick(4, 6)):
            for values in product((-1, 0, 2), repeat=t):
                yield {"gradients": values}
        # Of all sequences these have the largest m^2 / v; it passes one for any two different constants.
        for t in (2, 5):
            pairs = zip(weights(first, t), weights(second, t), strict=True)
            yield {"gradients": tuple(a / b for a, b in pairs)[::-1]}

    def sides(point: Point) -> tuple[Any, Any]:
        m, v = averages([F(g) for g in point["gradients"]], first, second)
        return v, m * m

    def again(point: Point) -> tuple[Any, Any]:
        g = np.array(point["gradients"], dtype=float)[::-1]
        found = [np.array(weights(float(b), len(g))) @ values for b, values in ((first, g), (second, g * g))]
        return found[1], found[0] ** 2

    x = gradients(3)
    c = sp.symbols("c1:4")
    pairs = [c[i] * c[j] * (x[i] - x[j]) ** 2 for i, j in combinations(range(3), 2)]
    total = (
        sum(a * b**2 for a, b in zip(c, x, strict=True)) * sum(c) - sum(a * b for a, b in zip(c, x, strict=True)) ** 2
    )
    return ForAll(
        points=points,
        sides=sides,
        relation=">=",
        again=again,
        replay="from fractions import Fraction as F\n"
        "def average(values, b):\n    a = F(0)\n    for g in values:\n        a = b * a + (1 - b) * g\n"
        "    return a / (1 - b ** len(values))\n"
        f"g, first, second = [F(str(x)) for x in witness['gradients']], F('{first}'), F('{second}')\n"
        "violated = average([x * x for x in g], second) < average(g, first) ** 2",
        margins=(0.0, 1e-12),
        # With weights that sum to one: v - m^2 = sum_{i<j} c_i c_j (g_i - g_j)^2.
        proof=lambda budget: symbolic_identity(Identity(total, sum(pairs)), budget),
    )


CLAIMS = [
    Claim(
        id="dissecting-adam/common-averaging-horizon",
        location="section 3.3",
        statement=r"Different averaging constants for $m_t$ and $v_t$ are hardly justifiable and have only a minor "
        r"effect; both variance estimators work equally well.",
        missing=Missing(
            "data",
            "training runs on the networks of section 4 with common and with different constants, and both estimators",
            "M-SVAG and Adam* with (0.9, 0.9), (0.9, 0.99), (0.9, 0.999), and their mini-batch variants, ten "
            "seeds each",
        ),
        parts=(
            Part(
                "v - m^2 is never negative, with Adam's default constants",
                for_all,
                printed=_nonnegative(F(9, 10), F(999, 1000)),
                repair=_nonnegative(F(9, 10), F(9, 10)),
                broken=_nonnegative(F(1, 2), F(9, 10)),
                bears=False,
                repair_note=r"$\beta_1=\beta_2$",
                note="One sound reason for a common constant: only then v - m^2 = sum_{i<j} c_i c_j (g_i - "
                "g_j)^2 >= 0. "
                "With (0.9, 0.999) the estimate is negative after 40 zero and 20 unit gradients.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/moving-average-unrolling",
        location="C.1, (41)",
        statement=r"$m_t=\tilde m_t/(1-\beta_1^t)=(\beta_1m_{t-1}+(1-\beta_1)g_t)/(1-\beta_1^t)"
        r"=\frac{1-\beta_1}{1-\beta_1^t}\sum_{s=0}^{t-1}\beta_1^sg_{t-s}$.",
        main_reading="m without a tilde, as the text has it",
        reading_reason="The text shows m_{t-1} while the tilde two symbols before it survived.",
        parts=(
            Part(
                "(41) with m_{t-1}",
                symbolic_identity,
                printed=_unrolled("m"),
                repair=_unrolled("m~"),
                broken=_unrolled("nothing"),
                reading="m without a tilde, as the text has it",
                repair_note=r"$\tilde m_{t-1}$",
                note="False from t = 2 on: the corrected average is a fixed point of constant gradients, and beta m + "
                "(1 - beta) g over 1 - beta^t is larger. At t = 1 m_0 would be 0/0 and is taken as 0.",
            ),
            Part(
                "(41) with the uncorrected average",
                symbolic_identity,
                printed=_unrolled("m~"),
                broken=_unrolled("m"),
                reading="a tilde over m_{t-1} was lost",
                note="With the tilde every equality of (41) is an identity.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/moving-average-variance-bias",
        location="C.1, (42), (43)",
        statement=r"For iid past gradients $\mathbf Em_t=\nabla\mathcal L$ and "
        r"$\mathbf Ev_t=\nabla\mathcal L^2+\sigma^2$; $v_t-m_t^2$ is a biased estimate of $\sigma^2$, which is "
        r"judged with its exact bias. Whether other errors dominate that bias is a finding.",
        assumptions=("past gradients iid", r"$\beta_1=\beta_2=\mu\in[0,1)$"),
        parts=(
            Part(
                "(42), (43)",
                symbolic_identity,
                printed=_moments(mean, mean**2 + var),
                broken=_moments(mean, var),
            ),
            Part(
                "exact bias",
                symbolic_identity,
                printed=_estimated(1, lambda t: var * (1 - kappa(mu, t))),
                broken=_estimated(1, lambda t: var * (1 - kappa(mu, t + 1))),
                note="E[v_t - m_t^2] = sigma^2 (1 - kappa(mu, t)): the bias is -kappa sigma^2, the whole "
                "variance at t = 1 "
                "and -(1 - mu)/(1 + mu) sigma^2 in the limit (-5.3 % at mu = 0.9).",
            ),
            Part(
                "the bias can be removed from t = 2 on",
                symbolic_identity,
                printed=_estimated(2, lambda t: var, lambda t: 1 - kappa(mu, t)),
                broken=_estimated(2, lambda t: var),
                bears=False,
                note="(v - m^2) / (1 - kappa) is unbiased; at t = 1 it is 0/0.",
            ),
            Part(
                "squared bias below the estimate's variance, Gaussian gradients",
                for_all,
                printed=_bias_against_noise(1, F(0)),
                repair=_bias_against_noise(2, F(1, 2)),
                broken=_bias_against_noise(2, F(0)),
                bears=False,
                repair_note=r"$t\ge2$ and $\mu\ge\frac12$",
                note="A precise form of the bias being dominated. It fails at t = 1, where v - m^2 = 0 for "
                "every law and "
                "the bias is the only error, and for small mu; at the paper's mu = 0.9 it holds from t = 2 on.",
            ),
        ),
        figures=("dissecting-adam/estimator-bias",),
    ),
]
