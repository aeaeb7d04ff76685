"""Section 3: factors that minimise the expected squared distance (lemma 1, (14)-(16), (27)-(30))."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def _distance(factor: Any) -> sp.Expr:
    """E (c p_hat - p)^2 of one coordinate, from E p_hat = p and E p_hat^2 = m2."""
    return factor**2 * m2 - 2 * factor * p * p + p**2


def _least_distance(variance: Any, first: Any, second: Any) -> dict[str, Identity]:
    """(14), (27), (28) with sigma^2 = ``variance`` put into both forms of the factor."""
    best = sp.solve(sp.diff(_distance(c), c), c)[0]
    return {
        "first form is the stationary point": Identity(first.subs(v, variance), best, MOMENTS),
        "second form is the first": Identity(second.subs(v, variance), first.subs(v, variance), MOMENTS),
        "(27): objective": Identity(_distance(c), (c**2 * (p**2 + v) - 2 * c * p**2 + p**2).subs(v, variance), MOMENTS),
        # A square with the positive weight m2: the stationary point is the unique minimum.
        "unique minimum": Identity(_distance(c), m2 * (c - best) ** 2 + p**2 * (m2 - p**2) / m2, MOMENTS),
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
    # On p != 0 both divisors p^2 and p^2 + sigma^2 are positive, so nothing else can happen outside the grid.
    return [Exact("rational", {f"defined at all {count} rational points tried": count > 0, "p^2 > 0 off zero": True})]


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


def _problems(budget: Budget) -> Iterable[Point]:
    """Axis-aligned model problems: eigenvalues, squared offsets in units of nu^2, and how often each is repeated."""
    yield {"curvature": (F(1), F(2, 5)), "offset2": (F(1), F(1, 4)), "copies": (1, 1)}
    yield {"curvature": (F(1), F(1, 10**6)), "offset2": (F(1), F(1, 999)), "copies": (1, 10**17)}
    yield {"curvature": (F(1), F(1000)), "offset2": (F(100), F(1, 10**8)), "copies": (1, 1)}
    sizes = (F(1, 10), F(1), F(7))
    for lam, off in product(product(sizes, repeat=2), product(sizes[: budget.pick(2, 3)], repeat=2)):
        yield {"curvature": lam, "offset2": off, "copies": (1, 1)}


def _improvement(point: Point, factor: Any) -> F:
    """I(c * g) of (11), diagonal Q, nu = 1, m = lambda delta: (sum c m^2)^2 / (2 sum lambda c^2 (m^2 + lambda^2))."""
    top, bottom = F(0), F(0)
    for lam, off, n in zip(point["curvature"], point["offset2"], point["copies"], strict=True):
        f = factor(lam, off)
        top += n * f * lam**2 * off
        bottom += n * lam * f**2 * lam**2 * (off + 1)
    return top**2 / (2 * bottom)


def _improvement_again(point: Point, factor: Any) -> float:
    lam, off, n = (np.array(point[k], dtype=float) for k in ("curvature", "offset2", "copies"))
    mean, second = lam * np.sqrt(off), lam**2 * (off + 1)
    f = np.array([float(factor(F(a), F(b))) for a, b in zip(point["curvature"], point["offset2"], strict=True)])
    slope, bend = np.sum(n * mean * f * mean), np.sum(n * lam * f * f * second)
    step = slope / bend  # the decrease at the optimal step, instead of the closed form of (11)
    return float(step * slope - step**2 * bend / 2)


def least(lam: F, off: F) -> F:
    """Lemma 1's factor of the gradient: 1 / (1 + eta^2) with eta^2 = nu^2 / delta^2."""
    return off / (off + 1)


def _plain(lam: F, off: F) -> F:
    return F(1)


def _curvature_aware(lam: F, off: F) -> F:
    return least(lam, off) / lam


REPLAY_IMPROVEMENT = """
from fractions import Fraction as F
rows = [tuple(map(lambda v: F(str(v)), row)) for row in
        zip(witness["curvature"], witness["offset2"], witness["copies"])]
def improvement(factor):
    top = sum(n * factor(l, o) * l**2 * o for l, o, n in rows)
    return top**2 / (2 * sum(n * l**3 * factor(l, o)**2 * (o + 1) for l, o, n in rows))
lemma = improvement(lambda l, o: o / (o + 1))
violated = lemma < improvement({other})
"""


def _maximises(factor: Any) -> ForAll:
    """The factor attains the largest improvement over all factors, sum m^4 / (lambda (m^2 + sigma^2)) / 2."""
    a1, a2, b1, b2 = sp.symbols("a1 a2 b1 b2")
    return ForAll(
        points=_problems,
        sides=lambda point: (_improvement(point, factor), _improvement(point, _curvature_aware)),
        relation=">=",
        again=lambda point: (_improvement_again(point, factor), _improvement_again(point, _curvature_aware)),
        replay=REPLAY_IMPROVEMENT.replace("{other}", "lambda l, o: o / (o + 1) / l"),
        margins=(0.0, 1e-12),
        # Cauchy-Schwarz: with a = slope and b = bend per coordinate, the maximiser is c = a / b.
        proof=lambda budget: symbolic_identity(
            Identity(
                (a1**2 / b1 + a2**2 / b2) * (b1 * c**2 + b2 * c2**2) - (a1 * c + a2 * c2) ** 2,
                (a1 * b2 * c2 - a2 * b1 * c) ** 2 / (b1 * b2),
            ),
            budget,
        ),
    )


def _never_hurts(problems: Any) -> ForAll:
    return ForAll(
        points=problems,
        sides=lambda point: (_improvement(point, least), _improvement(point, _plain)),
        relation=">=",
        again=lambda point: (_improvement_again(point, least), _improvement_again(point, _plain)),
        replay=REPLAY_IMPROVEMENT.replace("{other}", "lambda l, o: 1"),
        margins=(0.0, 1e-12),
    )


def _ratio(point: Point) -> F:
    return _improvement(point, least) / _improvement(point, _plain)


def _ratio_range(claimed: Mapping[str, Any], budget: Budget) -> list[Evidence]:
    """Improvement with over without lemma 1's factors: how far down and up explicit problems go."""
    ratios = [_ratio(point) for point in _problems(budget)]
    low, high = min(ratios), max(ratios)
    steps = {
        f"some problem has a ratio below {claimed['low']}": low < claimed["low"],
        f"some problem has a ratio above {claimed['high']}": high > claimed["high"],
    }
    return [Exact("rational", steps, {"lowest": float(low), "highest": float(high)})]


def _same_curvature(budget: Budget) -> Iterable[Point]:
    return [p for p in _problems(budget) if len(set(p["curvature"])) == 1]


def _flipped(lam: F, off: F) -> F:
    return 1 / (off + 1)


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
                printed=_least_distance(sp.Integer(0), FORM_1, FORM_2),
                repair=_least_distance(m2 - p**2, FORM_1, FORM_2),
                broken=_least_distance(m2 - p**2, p**2 / (p**2 + 2 * v), FORM_2),
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
        id="dissecting-adam/optimality-of-factors",
        location="section 3, before and after lemma 1",
        statement=r"The factors of lemma 1 make optimal use of element-wise scaling: no deterministic $\gamma$ is "
        r"nearer to the wanted direction in expected squared distance.",
        parts=(
            Part(
                "least expected squared distance, gradient and sign",
                symbolic_identity,
                printed={
                    "gradient": Identity(_distance(c) - _distance(p**2 / m2), m2 * (c - p**2 / m2) ** 2, MOMENTS),
                    "sign": Identity(
                        (c**2 - 2 * c * (2 * r - 1) + 1) - (1 - (2 * r - 1) ** 2), (c - (2 * r - 1)) ** 2, RATES
                    ),
                },
                broken={"gradient": Identity(_distance(c) - _distance(p / m2), m2 * (c - p / m2) ** 2, MOMENTS)},
                note="The excess over the minimum is m2 (c - c*)^2 for the gradient and (c - c*)^2 for the sign. A "
                "factor that may depend on the draw does better: c = p / p_hat has distance zero.",
            ),
            Part(
                "they maximise the expected decrease (11) on the model problem",
                for_all,
                printed=_maximises(least),
                repair=_maximises(_curvature_aware),
                broken=_maximises(_flipped),
                bears=False,
                repair_note=r"$\gamma_i\propto\lambda_i^{-1}/(1+\eta_i^2)$; in general $\gamma=M^{-1}a$ with "
                r"$a_i=\nabla\mathcal L_i\mathbf E z_i$, $M_{ij}=q_{ij}\mathbf E[z_iz_j]$",
                note="Nearness is not decrease: the maximiser on diagonal Q divides by the curvature. With eigenvalues "
                "(1, 2/5) and squared offsets (nu^2, nu^2/4) plain SGD is itself the maximiser.",
            ),
            Part(
                "scaling by lemma 1 never lowers the one-step improvement",
                for_all,
                printed=_never_hurts(_problems),
                broken=_never_hurts(lambda budget: [p for p in _problems(budget) if p["copies"][1] > 1]),
                sound=_never_hurts(_same_curvature),
                bears=False,
                note="True when all eigenvalues are equal, where lemma 1's factor is the maximiser, false otherwise.",
            ),
            Part(
                "range of the improvement with over without the factors",
                _ratio_range,
                printed={"low": F(1, 5), "high": F(10**3)},
                broken={"low": F(0), "high": F(10**3)},
                bears=False,
                note="The ratio has no positive lower and no upper bound over all axis-aligned problems: many flat "
                "noisy coordinates push it towards 0, one steep noisy coordinate towards infinity.",
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
                printed=_least_distance(m2 - p**2, FORM_1, 1 / (1 + (m2 - p**2) / p**2)),
                broken=_least_distance(m2 - p**2, FORM_1, 1 / sp.sqrt(1 + (m2 - p**2) / p**2)),
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
