"""Sections 1.4 and B.2: success probabilities of the sign of a Gaussian, lemma 2, figure 4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness

POINTS = [(Fraction(m), Fraction(s)) for m in ("1", "-1", "1/3", "-5/2", "1/1000") for s in ("1", "1/2", "7/3", "10")]


@dataclass(frozen=True)
class SuccessProbability:
    """``P[sign(X) = sign(mu)] = rho(mu, sigma)`` with sign(0) as given."""

    rho: Callable[[Any, Any], Any]
    sign_of_zero: int


def _tail_enclosure(lower: Any, mean: Any, std: Any) -> Any:
    """Ball that contains ``P[X > lower]``, X ~ N(mean, std^2), by certified quadrature of the density."""
    from flint import acb, arb

    start = (arb(lower) - mean) / std
    end = start if start > 20 else arb(20)
    body = acb.integral(lambda x, _: (-x * x / 2).exp(), acb(start), acb(end)).real if start < end else arb(0)
    beyond = (-end * end / 2).exp() / end  # Mills: the integral beyond end > 0 lies in [0, exp(-end^2/2)/end]
    return (body + beyond / 2 + arb(0, beyond / 2)) / (2 * arb.pi()).sqrt()


def _arb(value: Fraction) -> Any:
    from flint import arb

    return arb(value.numerator) / value.denominator


def _lemma(statement: SuccessProbability, budget: Budget) -> list[Evidence]:
    from flint import arb, ctx

    del budget
    x = sp.Symbol("x", real=True)
    a, sigma = sp.symbols("a sigma", positive=True)
    steps = {}
    for sign in (1, -1):
        density = sp.exp(-((x - sign * a) ** 2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))
        primitive = sp.erf((x - sign * a) / (sp.sqrt(2) * sigma)) / 2
        steps[f"primitive of the density, sign(mu) = {sign}"] = is_zero(sp.diff(primitive, x) - density)
        ends = sorted((0, sign * sp.oo))  # the end point 0 has probability 0
        success = sp.limit(primitive, x, ends[1]) - sp.limit(primitive, x, ends[0])
        steps[f"mass on the side of the mean, sign(mu) = {sign}"] = is_zero(success - statement.rho(sign * a, sigma))
    if not all(steps.values()):
        return [Exact("symbolic", steps)]
    # mu = 0: P[X = 0] = 0, hence P[sign X = sign 0] is P[X >= 0] = 1/2 for sign(0) = 1, P[X = 0] = 0 for sign(0) = 0.
    claimed = statement.rho(sp.Integer(0), sigma)
    exact = Fraction(1, 2) if statement.sign_of_zero == 1 else Fraction(0)
    if not is_zero(claimed - sp.Rational(exact.numerator, exact.denominator)):
        import numpy as np

        draws = np.random.default_rng(0).standard_normal(100_000)
        frequency = float(np.mean(np.sign(draws) == 0)) if statement.sign_of_zero == 0 else float(np.mean(draws >= 0))
        value = Fraction(str(claimed))
        return [
            Witness(
                point={"mu": 0, "sigma": 1, "sign_of_zero": statement.sign_of_zero, "claimed": value},
                first=Way("law of a continuous variable", exact, "==", value),
                second=Way("frequency in 100000 draws", frequency, "==", float(value), margin=0.01),
                replay="from fractions import Fraction as F\n"
                "exact = F(1, 2) if witness['sign_of_zero'] == 1 else F(0)\n"
                "violated = exact != F(witness['claimed'])",
            )
        ]
    steps["mu = 0"] = True
    steps["limit sigma -> 0 is one for mu != 0"] = sp.limit(statement.rho(a, sigma), sigma, 0, "+") == 1
    with ctx.workprec(160):
        for mean, std in POINTS:
            upper = _tail_enclosure(arb(0), _arb(mean), _arb(std))
            success = upper if mean > 0 else 1 - upper
            m, s = (sp.Rational(v.numerator, v.denominator) for v in (mean, std))
            claimed_ball = arb(str(sp.N(statement.rho(m, s), 45)))
            steps[f"certified quadrature at mu = {mean}, sigma = {std}"] = bool(
                abs(success - claimed_ball) < arb("1e-38")
            )
    return [Exact("ball", steps)]


def _mean_of_sign(statement: tuple[Any, Any], budget: Budget) -> list[Evidence]:
    """``E[s] = (2 rho - 1) sign`` from the two- or three-point law: statement = (P[wrong sign], P[s = 0])."""
    rho = sp.Symbol("rho", positive=True)
    wrong, zero = statement
    over = {rho: [Fraction(1, 2), Fraction(2, 3), Fraction(3, 4)]}
    return symbolic_identity(
        {f"sign {s}": Identity(s * rho - s * wrong + 0 * zero, (2 * rho - 1) * s, over) for s in (1, -1)}
        | {"probabilities sum to one": Identity(rho + wrong + zero, sp.Integer(1), over)},
        budget,
    )


def _figure_4(probability: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    from flint import arb, ctx

    del budget
    a, c, sigma = sp.symbols("a c sigma", positive=True)
    steps = {
        "depends on sigma/|mu| only": is_zero(probability(c * a, c * sigma) - probability(a, sigma))
        and is_zero(probability(-a, sigma) - probability(a, sigma))
    }
    data = {}
    with ctx.workprec(160):
        for text in ("1/2", "1", "4"):
            variance = Fraction(text)
            enclosure = 1 - _tail_enclosure(arb(0), arb(1), _arb(variance).sqrt())
            std = sp.sqrt(sp.Rational(variance.numerator, variance.denominator))
            value = arb(str(sp.N(probability(sp.Integer(1), std), 45)))
            steps[f"shaded area, variance {text}"] = bool(abs(enclosure - value) < arb("1e-38"))
            data[f"variance {text}"] = float(enclosure)
    return [Exact("ball", steps, data)]


def _rho(mu: Any, sigma: Any) -> Any:
    return (1 + sp.erf(sp.Abs(mu) / (sp.sqrt(2) * sigma))) / 2


_RHO = sp.Symbol("rho", positive=True)
_ZERO = sp.Symbol("p_0", positive=True)

CLAIMS = [
    Claim(
        id="dissecting-adam/lemma-2-sign-success-probability",
        location="(8), (23)-(26)",
        statement=r"$X\sim\mathcal N(\mu,\sigma^2)$: $\mathbf "
        r"P[\mathrm{sign}(X)=\mathrm{sign}(\mu)]=\frac12(1+\operatorname{erf}\frac{|\mu|}{\sqrt2\sigma})$; hence "
        r"$\rho_i$ of a Gaussian gradient, and $\mathbf E[s_i]=(2\rho_i-1)\mathrm{sign}(\nabla\mathcal L_i)$.",
        assumptions=(r"$\sigma>0$; $\mathrm{sign}(0)=1$ (footnote 3, theory)",),
        parts=(
            Part(
                "formula of lemma 2, sign(0) = 1",
                _lemma,
                printed=SuccessProbability(_rho, 1),
                broken=SuccessProbability(lambda m, s: (1 + sp.erf(sp.Abs(m) / s)) / 2, 1),
                note=r"Both signs of $\mu$, and $\mu=0$, where $\rho=\mathbf P[X\ge0]=\frac12$. At $\sigma=0$ the "
                r"formula divides by zero; its limit for $\mu\ne0$ is 1. Only this part needs Gaussianity.",
            ),
            Part(
                "mean of the sign, any law with values +1 and -1",
                _mean_of_sign,
                printed=(1 - _RHO, sp.Integer(0)),
                broken=(1 - _RHO / 2, sp.Integer(0)),
                note="Holds for every law when sign(0) = 1, Gaussian or not.",
            ),
            Part(
                "formula with sign(0) = 0 (practice)",
                _lemma,
                printed=SuccessProbability(_rho, 0),
                broken=SuccessProbability(lambda m, s: (1 + sp.erf(sp.Abs(m) / s)) / 2, 0),
                sound=SuccessProbability(_rho, 1),
                bears=False,
                note=r"With $\mathrm{sign}(0)=0$ the formula fails at $\mu=0$ only: probability 0, formula $\frac12$.",
            ),
            Part(
                "mean of the sign with sign(0) = 0 and P[g_i = 0] > 0",
                _mean_of_sign,
                printed=(1 - _RHO - _ZERO, _ZERO),
                broken=(1 - _RHO / 2, sp.Integer(0)),
                sound=(1 - _RHO, sp.Integer(0)),
                bears=False,
                note=r"Then $\mathbf E[s_i]=(2\rho_i-1+\mathbf P[g_i=0])\,\mathrm{sign}(\nabla\mathcal L_i)$.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/fig-4-wrong-sign-probability",
        location="figure 4",
        statement=r"$\mu=1$, $\sigma^2\in\{0.5,1,4\}$: the shaded area is "
        r"$\frac12\operatorname{erfc}\frac{|\mu|}{\sqrt2\sigma}$, a function of $\sigma/|\mu|$.",
        parts=(
            Part(
                "areas and scaling",
                _figure_4,
                printed=lambda m, s: 1 - _rho(m, s),
                broken=lambda m, s: sp.erfc(sp.Abs(m) / (sp.sqrt(2) * s**2)) / 2,
                note="Areas 0.07865, 0.15866 and 0.30854.",
            ),
        ),
        figures=("dissecting-adam/figure-4",),
    ),
]
