"""Definition 2: the exit time and the set of escaping jumps; do the limits behind it exist, is it well formed?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp

from analysis.stable_exit import tail_constant

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Unsatisfiable, Way, Witness
from .transcription import averages, momenta

B1, B2 = sp.symbols("beta_1 beta_2", positive=True)
LEVEL = (1 - B1) / (1 + B1)  # stationary E m^2 for unit noise


@dataclass(frozen=True)
class Limit:
    """The corrected second moment tends to one value at the minimiser, where gradients are noise.

    ``of``: along every path of the noise ("path"), or for its mean over independent noise of variance one ("mean");
    then ``value`` is the limit. ``square``: of the gradients (Adam) or of the momenta (AdaMomentum).
    """

    of: Literal["path", "mean"]
    square: Literal["gradient", "momentum"]
    value: Any = None


LIMIT_REPLAY = """
def value(x):
    m = v = 0.0
    for _ in range(witness["steps"]):
        m = m / 2 + x / 2
        v = 3 * v / 4 + (x if witness["square"] == "gradient" else m) ** 2 / 4
    return v / (1 - 0.75 ** witness["steps"])
violated = abs(value(witness["noise"][0]) - value(witness["noise"][1])) > 0.5
"""


def along_one_value(square: str, x: float, steps: int) -> float:
    """The same at ``beta1 = 1/2``, ``beta2 = 3/4`` for noise that keeps one value, by the sum over closed forms."""
    i = np.arange(1, steps + 1)
    k = np.full(steps, x) if square == "gradient" else x * (1 - 0.5**i)
    weights = 0.25 * 0.75 ** (steps - i)
    return float(np.sum(weights * k * k) / np.sum(weights))


def corrected(square: str, noise: Any, b1: Any, b2: Any) -> Any:
    """``v_T / (1 - beta2^T)`` along gradients that are pure noise."""
    k = noise if square == "gradient" else momenta(noise, [b1] * len(noise))
    return averages([x * x for x in k], [b2] * len(noise))[-1] / (1 - b2 ** len(noise))


def one_limit(s: Limit, budget: Budget) -> list[Evidence]:
    """Two paths of the same four-valued noise (1, -1, 2, -2) with different values; for the mean, its closed form."""
    if s.of == "path":
        steps = budget.pick(40, 200)
        paths = [[Fraction(size)] * steps for size in (1, 2)]
        exact = [corrected(s.square, path, Fraction(1, 2), Fraction(3, 4)) for path in paths]
        rough = [along_one_value(s.square, size, steps) for size in (1.0, 2.0)]
        return [
            Witness(
                {"square": s.square, "noise": [1, 2], "steps": steps},
                Way("exact", exact[0], "==", exact[1]),
                Way("sum over closed forms, floating point", rough[0], "==", rough[1], margin=1e-9),
                LIMIT_REPLAY,
            )
        ]
    one, two = sp.symbols("n1 n2", positive=True)  # beta1^(2T) and beta2^T
    if s.square == "gradient":
        mean, fresh = 1 - two, sp.Integer(1)
    else:
        mean = LEVEL * (1 - two) - LEVEL * (1 - B2) * B1**2 * (two - one) / (B2 - B1**2)
        fresh = LEVEL * (1 - B1**2 * one)
    identities = {
        "E m_T^2 from E m_{T-1}^2": Identity(B1**2 * LEVEL * (1 - one) + (1 - B1) ** 2, LEVEL * (1 - B1**2 * one)),
        "E v_T from E v_{T-1}": Identity(
            mean.subs({one: B1**2 * one, two: B2 * two}, simultaneous=True), B2 * mean + (1 - B2) * fresh
        ),
        "E v_0 = 0": Identity(mean.subs({one: 1, two: 1}), 0),
        "beta1^(2T), beta2^T -> 0": Identity(mean.subs({one: 0, two: 0}), s.value, {B1: ("1/2", "9/10")}),
    }
    return symbolic_identity(identities, budget)


def invertible_at_rest(square: Any, budget: Budget) -> list[Evidence]:
    """``R_* = lim sqrt(v)`` along ``dv = beta2 (k^2 - v) dt`` with ``k^2 -> square``: is there an inverse?"""
    del budget
    t, v0 = sp.symbols("t v_0", positive=True)
    v = v0 * sp.exp(-B2 * t) + square * (1 - sp.exp(-B2 * t))
    steps = {
        "solves the equation": is_zero(sp.diff(v, t) - B2 * (square - v)),
        "starts at v_0": is_zero(v.subs(t, 0) - v0),
    }
    limit = sp.limit(v, t, sp.oo)
    if limit == 0:
        return [Unsatisfiable("symbolic", steps | {"v -> 0, so R_* = 0 has no inverse": limit == 0})]
    return [Exact("symbolic", steps | {"R_* is positive": bool(sp.sympify(limit).is_positive)})]


def finite_mass(side: Literal["outside", "inside"], budget: Budget) -> list[Evidence]:
    """Mass that the Levy measure ``c |y|^(-1-p) dy`` gives to ``|y| >= r``, or to ``0 < |y| < r``, for every p."""
    del budget
    p, r, y, d = sp.symbols("p r y d", positive=True)
    antiderivative = -(y**-p) / p
    steps = {"antiderivative": is_zero(sp.diff(antiderivative, y) - y ** (-1 - p))}
    if side == "outside":
        mass = sp.limit(antiderivative, y, sp.oo) - antiderivative.subs(y, r)
        steps["mass of |y| >= r is r^-p / p, finite"] = is_zero(mass - r**-p / p)
    else:
        steps["mass of d < |y| < r stays bounded as d -> 0"] = bool(sp.limit(d**-p, d, 0, "+").is_finite)
    return [Exact("symbolic", steps, {"both sides, scale 1, p = 1": tail_constant(1.0)})]


R, SIGMA, RIM, MORE = sp.symbols("R sigma r d", positive=True)


def _threshold(preconditioner: Any) -> Any:
    """Least escaping jump in one dimension: ``sigma y / R`` reaches ``r``, here the inner rim."""
    return preconditioner * RIM / SIGMA


def _later_with_r(relation: str) -> Inequality:
    return Inequality(_threshold(R), relation, _threshold(R + MORE))  # type: ignore[arg-type]


CLAIMS = [
    Claim(
        id="adamomentum/definition-2-escape-set",
        location="definition 2",
        statement=r"$\Gamma$ is the first exit from $\Omega^{-\upsilon^{\gamma'}}$; $\Upsilon=\{y:R_*^{-1}\Sigma_*y"
        r"\notin\Omega^{-\upsilon^{\gamma'}}\}$ with the limits $R_*$, $\Sigma_*$ as $\theta_t\to\theta^*$. Judged: "
        r"$R_t$ has one limit at the minimiser, in the regime of B.3 (gradients are centred noise there).",
        assumptions=(r"the mean in the repair: independent noise of variance $\sigma^2$, $\beta_2\ne\beta_1^2$",),
        parts=(
            *(
                Part(
                    f"one limit, squares of the {square}",
                    one_limit,
                    printed=Limit("path", square),  # type: ignore[arg-type]
                    broken=Limit("mean", square, 1 - value),  # type: ignore[arg-type]
                    repair=Limit("mean", square, value),  # type: ignore[arg-type]
                    repair_note=rf"$R_*$ from the limit of $Ev_t$, ${tex}$",
                    note=r"$R_t$ depends on the whole path, not on $\theta_t$, and goes on fluctuating with the noise: "
                    "at the minimiser two paths of one bounded noise hold it at 1 and at 2."
                    if square == "gradient"
                    else r"With $p<2$ not even $Ev_t$ exists.",
                )
                for square, value, tex in (
                    ("gradient", sp.Integer(1), r"\sigma^2"),
                    ("momentum", LEVEL, r"\frac{1-\beta_1}{1+\beta_1}\sigma^2"),
                )
            ),
            Part(
                "without noise",
                invertible_at_rest,
                printed=sp.Integer(0),
                broken=sp.Integer(0),
                sound=sp.Symbol("sigma2", positive=True),
                bears=False,
                note=r"Along the flow of (6) $k\to0$, so $v\to0$ and $R_*=0$: $R_*^{-1}$ does not exist.",
            ),
            Part(
                r"$\notin$: the mass of the set is finite; $\in$: it is not",
                finite_mass,
                printed="outside",
                broken="inside",
                bears=False,
                note=r"The Levy measure gives every neighbourhood of 0 infinite mass: with the extracted $\in$ the set "
                "holds the small jumps, and lemma 1 would have mean exit time 0. The lost slash is $\\notin$.",
            ),
            Part(
                "a larger R needs larger jumps (d = 1)",
                inequality,
                printed=_later_with_r("<"),
                broken=_later_with_r(">"),
                bears=False,
                note=r"$\Upsilon=\{|y|\ge R(r-\upsilon^{\gamma'})/\sigma\}$; it is everything once "
                r"$\upsilon^{\gamma'}\ge r$, and $\Gamma=0$.",
            ),
        ),
    ),
]
