"""Section 3: factors that minimise the expected squared distance (lemma 1, (14)-(16), (27)-(30))."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction as F
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.search import ForAll, Point, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness

# p: the mean, m2: the second moment of its estimate, v: its variance, c: the factor, r: the success probability.
p, m2, v, c, r, r2, c2 = sp.symbols("p m2 v c r r2 c2")
MOMENTS = {p: (1, -2, sp.Rational(1, 3)), m2: (5, 7, 4)}
RATES = {r: (1, sp.Rational(3, 4), sp.Rational(1, 4), sp.Rational(1, 8)), r2: (sp.Rational(1, 8), sp.Rational(1, 4), 1)}


def squared_distance(factor: Any) -> sp.Expr:
    """E (c p_hat - p)^2 of one coordinate, from E p_hat = p and E p_hat^2 = m2."""
    return factor**2 * m2 - 2 * factor * p * p + p**2


def _leastsquared_distance(variance: Any, first: Any, second: Any) -> dict[str, Identity]:
    """(14), (27), (28) with sigma^2 = ``variance`` put into both forms of the factor."""
    best = sp.solve(sp.diff(squared_distance(c), c), c)[0]
    return {
        "first form is the stationary point": Identity(first.subs(v, variance), best, MOMENTS),
        "second form is the first": Identity(second.subs(v, variance), first.subs(v, variance), MOMENTS),
        "(27): objective": Identity(
            squared_distance(c), (c**2 * (p**2 + v) - 2 * c * p**2 + p**2).subs(v, variance), MOMENTS
        ),
        # A square with the positive weight m2: the stationary point is the unique minimum.
        "unique minimum": Identity(squared_distance(c), m2 * (c - best) ** 2 + p**2 * (m2 - p**2) / m2, MOMENTS),
    }


FORM_1, FORM_2 = p**2 / (p**2 + v), 1 / (1 + v / p**2)


def _defined_and_unique(domain: Any, budget: Budget) -> list[Evidence]:
    """Both printed forms exist and the minimiser is unique for every (p, sigma^2) in the domain."""
    size = budget.pick(4, 12)
    count = 0
    for mean, variance in product([F(k, 2) for k in range(-size, size + 1)], [F(k, 3) for k in range(size + 1)]):
        if not domain(mean, variance):
            continue
        count += 1
        vanishing = [mean**2 == 0, mean**2 + variance == 0]
        if any(vanishing):
            value = sp.Rational(str(variance)) / sp.Rational(str(mean)) ** 2
            return [
                Witness(
                    {"mean": mean, "variance": variance},
                    Way("divisors that vanish, in exact rationals", sum(vanishing), "==", 0),
                    Way("sympy: variance / mean^2 is not finite", int(value.is_finite is not True), "==", 0),
                    "from fractions import Fraction as F\n"
                    "mean, variance = F(str(witness['mean'])), F(str(witness['variance']))\n"
                    "violated = mean**2 == 0 or mean**2 + variance == 0",
                )
            ]
    off_zero, spread = sp.Symbol("p", real=True, nonzero=True), sp.Symbol("v", nonnegative=True)
    steps = {
        f"defined at all {count} rational points tried": count > 0,
        "p^2 > 0 for p != 0": (off_zero**2).is_positive is True,
        "p^2 + sigma^2 > 0 for p != 0": (off_zero**2 + spread).is_positive is True,
    }
    return [Exact("symbolic", steps)]


def _discrete_laws(budget: Budget) -> Iterable[Point]:
    """Three-point laws with a given mean, an atom at zero among them, as values and probabilities."""
    weights = budget.pick(6, 10)
    for i, j in product(range(1, weights), repeat=2):
        if i + j >= weights:
            continue
        q = (F(i, weights), F(j, weights), F(weights - i - j, weights))
        for low, mean in product((F(-1), F(-3, 2)), (F(1), F(-1, 2), F(0))):
            top = (mean - q[0] * low) / q[2]
            yield {"values": (low, F(0), top), "weights": q}


def _sign(x: Any, at_zero: int) -> int:
    return at_zero if x == 0 else (1 if x > 0 else -1)


def _sign_factor(point: Point, at_zero: int) -> tuple[F, F]:
    """Exact minimiser of (15) for a discrete law, and rho, by enumeration."""
    values, weights = point["values"], point["weights"]
    mean = sum(w * x for w, x in zip(weights, values, strict=True))
    signs = [_sign(x, at_zero) for x in values]
    goal = _sign(mean, at_zero)
    square = sum(w * s * s for w, s in zip(weights, signs, strict=True))
    best = sum(w * s * goal for w, s in zip(weights, signs, strict=True)) / square
    return best, sum((w for w, s in zip(weights, signs, strict=True) if s == goal), F(0))


def _sign_factor_again(point: Point, at_zero: int) -> float:
    """The same minimiser from the objective at c = -1, 0, 1: the vertex of the parabola through them."""
    x, w = np.array(point["values"], dtype=float), np.array(point["weights"], dtype=float)
    mean = float(w @ x)
    signs = np.where(np.abs(x) > 1e-15, np.sign(x), at_zero)
    goal = at_zero if abs(mean) < 1e-12 else np.sign(mean)
    low, middle, high = ((w * (f * signs - goal) ** 2).sum() for f in (-1.0, 0.0, 1.0))
    return float((low - high) / (2 * (low + high - 2 * middle)))


REPLAY_SIGN = """
from fractions import Fraction as F
x = [F(str(v)) for v in witness["values"]]
w = [F(str(v)) for v in witness["weights"]]
sign = lambda y: (y > 0) - (y < 0)
goal = sign(sum(a * b for a, b in zip(x, w)))
objective = lambda c: sum(b * (c * sign(a) - goal) ** 2 for a, b in zip(x, w))
claimed = 2 * sum(b for a, b in zip(x, w) if sign(a) == goal) - 1
violated = any(objective(claimed + s) < objective(claimed) for s in (F(1, 64), F(-1, 64)))
"""


def _zero_convention(claimed: Any) -> ForAll:
    """The minimiser of (15) under sign(0) = 0, for laws with an atom at zero."""

    def formula(point: Point) -> F:
        rho = _sign_factor(point, 0)[1]
        mean = sum(w * x for w, x in zip(point["weights"], point["values"], strict=True))
        atom = sum((w for w, x in zip(point["weights"], point["values"], strict=True) if x == 0), F(0))
        return claimed(rho, atom, mean)

    return ForAll(
        points=_discrete_laws,
        sides=lambda point: (_sign_factor(point, 0)[0], formula(point)),
        relation="==",
        again=lambda point: (_sign_factor_again(point, 0), float(formula(point))),
        replay=REPLAY_SIGN,
        proof=lambda budget: symbolic_identity(
            Identity(  # agreement w.p. r, zero w.p. q, the opposite otherwise; then complete the square
                r * (c - 1) ** 2 + sp.Symbol("q") + (1 - r - sp.Symbol("q")) * (c + 1) ** 2,
                (1 - sp.Symbol("q")) * (c - (2 * r - 1 + sp.Symbol("q")) / (1 - sp.Symbol("q"))) ** 2
                + 1
                - (2 * r - 1 + sp.Symbol("q")) ** 2 / (1 - sp.Symbol("q")),
            ),
            budget,
        ),
    )


def _skewed_laws(budget: Budget) -> Iterable[Point]:
    """-1 with probability 1 - 2^-k, else the value that makes the mean 1: the estimate almost always has it wrong."""
    for k in range(1, budget.pick(30, 200)):
        q = F(1, 2**k)
        yield {"values": (F(-1), (2 - q) / q), "weights": (1 - q, q)}


def _factor_above(low: F, strict: bool) -> ForAll:
    return ForAll(
        points=lambda budget: [*_skewed_laws(budget), *_discrete_laws(budget)],
        sides=lambda point: (_sign_factor(point, 1)[0], low),
        relation=">" if strict else ">=",
        again=lambda point: (_sign_factor_again(point, 1), float(low)),
        replay="from fractions import Fraction as F\n"
        "violated = 2 * sum(F(str(w)) for x, w in zip(witness['values'], witness['weights']) if F(str(x)) >= 0) < 1",
        # rho = 0 would mean p_hat sign(p) <= 0 always, against E p_hat sign(p) = |p| > 0 (p = 0: against E p_hat = 0).
        proof=lambda budget: [Exact("rational", {"rho > 0 for every law with mean p, so 2 rho - 1 > -1": low <= -1})],
    )


def _sign_sum(coordinates: int, display: Any) -> Identity:
    """(29) for several coordinates with success probabilities r, r2."""
    rates, factors = (r, r2)[:coordinates], (c, c2)[:coordinates]
    left = sum(q * (f - 1) ** 2 + (1 - q) * (f + 1) ** 2 for q, f in zip(rates, factors, strict=True))
    return Identity(left, display(list(zip(rates, factors, strict=True))), RATES)


def _sign_statement(best: Any) -> dict[str, Identity]:
    objective = r * (c - 1) ** 2 + (1 - r) * (c + 1) ** 2
    return {
        "per coordinate: objective": Identity(objective, c**2 - 2 * c * (2 * r - 1) + 1, RATES),
        "the stationary point": Identity(sp.solve(sp.diff(objective, c), c)[0], best, RATES),
        "unique minimum": Identity(objective, (c - (2 * r - 1)) ** 2 + 1 - (2 * r - 1) ** 2, RATES),
        "1 at rho = 1": Identity(best.subs(r, 1), 1),
        "0 at rho = 1/2": Identity(best.subs(r, sp.Rational(1, 2)), 0),
    }


CLAIMS = [
    Claim(
        id="dissecting-adam/lemma-1-variance-adaptation",
        location="lemma 1, (14), (27), (28)",
        statement=r"For $\mathbf E\hat p=p$ the factor of least $\mathbf E\|\gamma\odot\hat p-p\|^2$ is "
        r"$\gamma_i=p_i^2/(p_i^2+\sigma_i^2)=1/(1+\sigma_i^2/p_i^2)$, where $\sigma_i^2=\mathbf{var}[p_i]$ as printed.",
        assumptions=(r"$\hat p$ has finite second moments",),
        parts=(
            Part(
                "minimiser, both forms, uniqueness and (27)",
                symbolic_identity,
                # p is a constant, so var[p_i] = 0; the repair's variance of the estimate is m2 - p^2.
                printed=_leastsquared_distance(sp.Integer(0), FORM_1, FORM_2),
                repair=_leastsquared_distance(m2 - p**2, FORM_1, FORM_2),
                broken=_leastsquared_distance(m2 - p**2, p**2 / (p**2 + 2 * v), FORM_2),
                repair_note=r"$\mathbf{var}[\hat p_i]=\sigma_i^2$",
                note="p is a constant, so the printed var[p_i] is zero and would give the factor 1. With the variance "
                "of the estimate, which the proof uses, both forms and every display of the proof are identities and "
                "completing the square shows a unique minimum, of value p^2 sigma^2 / (p^2 + sigma^2).",
            ),
            Part(
                "both forms exist and the minimiser is unique",
                _defined_and_unique,
                printed=lambda mean, variance: variance >= 0,
                repair=lambda mean, variance: variance >= 0 and mean != 0,
                broken=lambda mean, variance: variance > 0,
                repair_note=r"$p_i\neq0$",
                note="At p = 0 the second form divides by zero. For sigma > 0 the first form still gives the unique "
                "minimiser 0; at p = sigma = 0 it is 0/0 and every factor is optimal. At sigma = 0, p != 0 the "
                "factor is 1.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/lemma-1-sign-adaptation",
        location="lemma 1, (15), (29), (30)",
        statement=r"The factor of least $\mathbf E\|\gamma\odot\mathrm{sign}(\hat p)-\mathrm{sign}(p)\|^2$ is "
        r"$2\rho_i-1$; the objective equals $\gamma_i^2-2\gamma_i(2\rho_i-1)+1$; $\gamma_i$ is "
        r"proportional to $\rho_i$.",
        assumptions=(r"$\mathrm{sign}(0)=1$ (footnote 3)",),
        parts=(
            Part(
                "(15), (30): minimiser, with sign(0) = 1",
                symbolic_identity,
                printed=_sign_statement(2 * r - 1),
                broken=_sign_statement(r),
                note="With signs in {-1, 1} the objective depends on the law through rho alone, for p = 0 too.",
            ),
            Part(
                "(29): the display for two coordinates",
                symbolic_identity,
                printed=_sign_sum(2, lambda pairs: pairs[0][1] ** 2 - 2 * pairs[0][1] * (2 * pairs[0][0] - 1) + 1),
                repair=_sign_sum(2, lambda pairs: sum(f**2 - 2 * f * (2 * q - 1) + 1 for q, f in pairs)),
                broken=_sign_sum(2, lambda pairs: sum(f**2 - 2 * f * q + 1 for q, f in pairs)),
                repair_note=r"$\sum_{i=1}^d\big(\gamma_i^2-2\gamma_i(2\rho_i-1)+1\big)$",
                note="The last line of (29) has lost the sum over coordinates.",
            ),
            Part(
                "proportional to the success probability",
                symbolic_identity,
                printed=Identity((2 * r - 1) * r2, (2 * r2 - 1) * r, RATES),
                repair=Identity((2 * r - 1) * (r2 - sp.Rational(1, 2)), (2 * r2 - 1) * (r - sp.Rational(1, 2)), RATES),
                broken=Identity((2 * r - 1) * (r2 - sp.Rational(1, 3)), (2 * r2 - 1) * (r - sp.Rational(1, 3)), RATES),
                repair_note=r"affine in $\rho_i$, proportional to $\rho_i-\frac12$",
                note="A quantity that is 1 at rho = 1 and 0 at rho = 1/2 is not proportional to rho; it is affine.",
            ),
            Part(
                "sign(0) = 0 with an atom at zero",
                for_all,
                printed=_zero_convention(lambda rho, atom, mean: 2 * rho - 1),
                repair=_zero_convention(
                    lambda rho, atom, mean: F(0) if mean == 0 else (2 * rho - 1 + atom) / (1 - atom)
                ),
                broken=_zero_convention(lambda rho, atom, mean: rho),
                bears=False,
                repair_note=r"$(2\rho-1+q)/(1-q)$, $q=\mathbf P[\hat p=0]<1$, and $0$ at $p=0$",
                note="Under the practical convention the square of the sign is no longer one.",
            ),
            Part(
                "the factor is nonnegative",
                for_all,
                printed=_factor_above(F(0), strict=False),
                repair=_factor_above(F(-1), strict=True),
                broken=_factor_above(F(-1, 2), strict=False),
                bears=False,
                repair_note=r"$\gamma_i\in(-1,1]$, both bounds best possible",
                note="Unbiasedness does not force rho >= 1/2: an estimate that is -1 except for a rare large value has "
                "a factor as near to -1 as one likes. The range over all laws with mean p is (-1, 1].",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/svag-factor",
        location="(16)",
        statement=r"For $\hat p=g$ the factor is $\gamma_i=1/(1+\eta_i^2)$.",
        assumptions=(r"$\nabla\mathcal L_i\neq0$, without which $\eta_i$ is not defined",),
        parts=(
            Part(
                "(16) from (14)",
                symbolic_identity,
                printed=_leastsquared_distance(m2 - p**2, FORM_1, 1 / (1 + (m2 - p**2) / p**2)),
                broken=_leastsquared_distance(m2 - p**2, FORM_1, 1 / sp.sqrt(1 + (m2 - p**2) / p**2)),
                note="1 at zero variance. At a zero gradient eta is infinite: the limit 0 is the right factor while "
                "sigma > 0, and with sigma = 0 too nothing has to be scaled.",
            ),
            Part(
                "(16) needs a non-zero gradient",
                _defined_and_unique,
                printed=lambda mean, variance: mean != 0,
                broken=lambda mean, variance: True,
                bears=False,
                note="Zero gradient: sigma^2 / 0.",
            ),
        ),
    ),
]
