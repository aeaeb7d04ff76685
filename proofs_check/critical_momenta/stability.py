"""Section 3.2: the worst case over a spectrum, and for which step sizes the method converges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import sympy as sp

from spectral import (
    RateCertificate,
    RateWitness,
    spectral_radius,
    stability_intervals,
    verify_rate,
    verify_witness,
    worst_case_rate,
)
from spectral.enclosure import Enclosure, enclose_rate

from ..claim import Budget, Claim, Evidence, Exact, Part, Relation, Sampled, Way, Witness
from .every_size import BETA, SIZE, at_one, collapse_steps, slope_at_one

# --- worst case over the spectrum -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorstCase:
    """``value(alpha, beta, mu, L, C)`` is the largest radius of A over all Hessians with spectrum in [mu, L].

    Of :func:`over_interval` that is proved for everything at once; any other value is tried at instances.
    """

    value: Callable[[float, float, float, float, int], float]


def over_interval(step: float, beta: float, low: float, high: float, size: int) -> float:
    return float(worst_case_rate(np.asarray(step), beta, low, high, size))


def over_ends(step: float, beta: float, low: float, high: float, size: int) -> float:
    return float(np.max(spectral_radius(step, beta, np.array([low, high]), size)))


REPLAY_WORST = """
import numpy as np
from spectral import spectral_radius
h = np.linspace(witness["low"], witness["high"], 4001)
top = float(np.max(spectral_radius(witness["step"], witness["momentum"], h, witness["size"])))
violated = abs(top - witness["claimed"]) > 1e-6
"""


def _settings(budget: Budget) -> list[tuple[float, float, float, float, int]]:
    return [
        (step, beta, 1.0, kappa, size)
        for size in budget.pick((1, 2, 5, 20), (1, 2, 3, 5, 10, 20))
        for beta in (0.0, 0.5, 0.9)
        for kappa in (3.0, 65.0)
        for step in budget.pick((0.02,), (0.005, 0.02, 0.1))
    ]


def is_worst_case(statement: WorstCase, budget: Budget) -> list[Evidence]:
    """The stated value is proved to bound the radius over the interval, and some curvature comes within 1e-9 of it."""
    steps = {}
    for setting in _settings(budget):
        value, (step, beta, low, high, size) = statement.value(*setting), setting
        name = f"alpha = {step}, beta = {beta}, [{low}, {high}], C = {size}"
        found = _enclosed(*setting)
        steps[name] = _bounds(RateCertificate(*setting[:4], size, value * (1 + 1e-9) + 1e-15)) and verify_witness(
            RateWitness(step, beta, found.curvature, size, value * (1 - 1e-9))
        )
        if not steps[name]:
            return [Exact("ball", steps), *_another_maximum(value, found, setting)]
    if statement.value is not over_interval:
        return [Exact("ball", steps, instances=len(steps))]
    return [Exact("symbolic", maximum_over_spectrum()), Exact("ball", steps)]


_enclosed, _bounds = cache(enclose_rate), cache(verify_rate)


def maximum_over_spectrum() -> dict[str, bool]:
    """The maximum over Hessians is the maximum over the interval, for every C.

    A is similar to the A_h side by side, h the eigenvalues of H, so its radius is the largest of theirs and at most the
    maximum over [mu, L], which is attained since radii are continuous in h. The Hessian h I attains every single one.
    """
    return collapse_steps(orthogonal=False)


def _another_maximum(value: float, found: Enclosure, setting: tuple[float, float, float, float, int]) -> list[Witness]:
    """The proved bound of the maximum that the value lies on the wrong side of, and the maximum over a grid."""
    step, beta, low, high, size = setting
    top = float(np.max(spectral_radius(step, beta, np.linspace(low, high, 4001), size)))
    bound = found.attained if found.attained > value else found.bound
    if bound is None:
        return []
    relation: Relation = "<=" if found.attained > value else ">="
    return [
        Witness(
            point={"step": step, "momentum": beta, "low": low, "high": high, "size": size, "claimed": value},
            first=Way("exact roots and ball arithmetic: a bound of the maximum", bound, relation, value),
            second=Way("largest radius on a grid, floating point", top, relation, value, margin=1e-9),
            replay=REPLAY_WORST,
        )
    ]


# --- stability --------------------------------------------------------------------------------------------------------

MOMENTA = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99)


@dataclass(frozen=True)
class Stability:
    """For every C >= 1, momentum and kappa, small steps of the given sign converge for all curvatures in [1, kappa]."""

    sign: int


def converges_for_some_step(statement: Stability, budget: Budget) -> list[Evidence]:
    """The simple root at 1 moves inside for every C; certificates at steps of half the first stability interval.

    At x = 0 the roots are 1 (simple), beta and 0 (C - 1 times). Roots are continuous in x, so for small x all but the
    first stay inside, and the first moves by slope * x. A step below the end of that range over L serves all [mu, L].
    """
    momentum = sp.Symbol("beta", nonnegative=True)
    room = sp.Symbol("room", positive=True)  # 1 - beta
    value, slope, _ = (sp.sympify(e).subs(BETA, momentum) for e in at_one())
    moves = statement.sign * slope_at_one().subs(BETA, 1 - room)
    general = {
        "every C: z = 1 is a root at x = 0": value == 0,
        "every C: it is simple, A'(1) = 1 - beta > 0": sp.simplify(slope - (1 - momentum)) == 0,
        "every C: it moves inside": bool(sp.simplify(moves).is_negative),
    }
    steps, data = {}, {}
    for size in budget.pick((1, 2, 5, 20), (1, 2, 3, 5, 10, 20, 50)):
        for beta in MOMENTA:
            intervals = stability_intervals(beta, size)
            data[f"C = {size}, beta = {beta}"] = intervals
            for kappa in (1.0, 100.0, 1e6):
                step = statement.sign * 0.5 * intervals[0][1] / kappa
                certificate = RateCertificate(step, beta, 1.0, kappa, size, 1.0)
                steps[f"C = {size}, beta = {beta}, kappa = {kappa:g}"] = verify_rate(certificate)
    return [Exact("symbolic", general), Exact("certificate", steps, {"stability intervals of x = alpha h": data})]


@dataclass(frozen=True)
class Region:
    """The stability region in x is what ``intervals(beta, C)`` says."""

    intervals: Callable[[float, int], list[tuple[float, float]]]


def region_matches_runs(statement: Region, budget: Budget) -> list[Evidence]:
    """Runs of the method itself on one curvature shrink inside the stated region and grow outside."""
    agree, count, undecided, closest = 0, 0, 0, np.inf
    for size in (1, 2, 5, 20):
        for beta in (0.0, 0.5, 0.9):
            x = np.linspace(0.013, 4.3, budget.pick(60, 400))
            claimed = np.zeros(x.size, bool)
            for low, high in statement.intervals(beta, size):
                claimed |= (x > low) & (x < high)
            grown = _runs(x, beta, size, budget.pick(3000, 20000))
            # Less than a factor of a hundred in either direction is the ripple of a slowly turning pair, not a trend.
            clear = np.abs(grown) > np.log(100.0)
            agree += int(np.sum((grown < 0.0) == claimed, where=clear))
            count += int(np.sum(clear))
            undecided += int(np.sum(~clear))
            closest = min(closest, float(np.min(np.abs(grown[clear]))))
    effort = f"{count} runs from one start over a grid of x; {undecided} more changed by less than a factor of 100"
    return [Sampled("direct simulation", count, count - agree, closest, effort)]


@dataclass(frozen=True)
class Limits:
    """For buffers of one and two the region is exactly 0 < x < s, s the given functions of beta and w.

    w^2 = beta^2 + 8 beta.
    """

    one: sp.Expr
    two: sp.Expr


W = sp.Symbol("w", positive=True)
LIMITS = Limits(1 - BETA, 2 + BETA - W)


def regions_in_closed_form(statement: Limits, budget: Budget) -> list[Evidence]:
    """Jury's conditions, each factored or signed by hand and the factors checked by sympy.

    C = 2: with a = x - 1 - beta, b = beta + x/2, c = x/2, the roots are inside if and only if p(1) > 0, -p(-1) > 0,
    |c| < 1, and f1 = 1 - c^2 + a c - b and f2 = 1 - c^2 - a c + b are positive. On 0 < x < 2, where |c| < 1, f2 is
    concave and not negative at both ends, and -p(-1) >= 0, so that f1 decides; it is positive at 0, not positive at 2,
    and a quadratic, so it is positive exactly up to its smaller root.
    """
    del budget
    x, z = sp.symbols("x z")
    p = z**2 + (x - 1 - BETA) * z + BETA + x
    steps = {
        "C = 1: p(1) = 2 x": sp.expand(p.subs(z, 1) - 2 * x) == 0,
        "C = 1: p(-1) = 2 (1 + beta)": sp.expand(p.subs(z, -1) - 2 * (1 + BETA)) == 0,
        "C = 1: 1 - p(0) = s - x": sp.expand(1 - p.subs(z, 0) - (statement.one - x)) == 0,
    }
    a, b, c = x - 1 - BETA, BETA + x / 2, x / 2
    p = z**3 + a * z**2 + b * z + c
    f1, f2 = 1 - c**2 + a * c - b, 1 - c**2 - a * c + b
    other = 2 * (2 + BETA) - statement.two

    def reduced(expression: sp.Expr) -> sp.Expr:
        return sp.rem(sp.expand(expression), W**2 - BETA**2 - 8 * BETA, W)

    steps |= {
        "C = 2: p(1) = 2 x": sp.expand(p.subs(z, 1) - 2 * x) == 0,
        "C = 2: -p(-1) = 2 (1 + beta) - x": sp.expand(-p.subs(z, -1) - 2 * (1 + BETA) + x) == 0,
        "C = 2: f1 = (x - s)(x - s') / 4": reduced(4 * f1 - (x - statement.two) * (x - other)) == 0,
        "C = 2: f1 = 1 - beta at 0": sp.expand(f1.subs(x, 0) - (1 - BETA)) == 0,
        "C = 2: f1 = -2 beta at 2": sp.expand(f1.subs(x, 2) + 2 * BETA) == 0,
        "C = 2: f2 = 1 + beta at 0": sp.expand(f2.subs(x, 0) - (1 + BETA)) == 0,
        "C = 2: f2 = 2 beta at 2": sp.expand(f2.subs(x, 2) - 2 * BETA) == 0,
        "C = 2: f2 is concave": sp.diff(f2, x, 2).is_negative is True,
    }
    return [Exact("symbolic", steps)]


@dataclass(frozen=True)
class Limit:
    """s / (1 - beta) tends to ``value`` as beta tends to 1, s the end of the first stability interval, C the symbol."""

    value: sp.Expr


def limit_at_full_momentum(statement: Limit, budget: Budget) -> list[Evidence]:
    """The crossing of the two roots next to 1, to the order that decides, for every C.

    With 1 - beta = a theta^2 and z = e^(i theta), x = -(z - 1)(z - beta) / (z (1 + mean_j z^-j)), j = 1..C, is real to
    third order for one a only. Before that crossing the pair is inside; the other roots tend to 0 with x.
    """
    theta, a = sp.symbols("theta a", positive=True)
    j = sp.Symbol("j", integer=True)
    z = sp.series(sp.exp(sp.I * theta), theta, 0, 4).removeO()
    mean = 1 - sp.I * theta * sp.Sum(j, (j, 1, SIZE)).doit() / SIZE  # second order only enters at order four
    x = -(z - 1) * (z - 1 + a * theta**2) / (z * (1 + mean))
    expansion = sp.series(x, theta, 0, 4).removeO()
    second, third = (sp.simplify(sp.expand(expansion).coeff(theta, k)) for k in (2, 3))
    (found,) = sp.solve(third, a)
    steps = {
        "every C: x is real at order two": sp.simplify(sp.im(second)) == 0 and second.is_positive is True,
        "every C: at order three for one a > 0": sp.simplify(found).is_positive is True,
        "every C: the limit of x / (1 - beta)": sp.simplify(second / found - statement.value) == 0,
    }
    data = {}
    for size in budget.pick((1, 5), (1, 2, 3, 5, 10, 20, 50)):
        beta = 1.0 - 1e-6
        ratio = stability_intervals(beta, size)[0][1] / (1.0 - beta)
        data[f"C = {size}, 1 - beta = 1e-6"] = ratio
        steps[f"C = {size}: exact interval at 1 - beta = 1e-6 within 1e-4"] = (
            abs(ratio / float(statement.value.subs(SIZE, size)) - 1.0) < 1e-4
        )
    return [Exact("symbolic", steps, data)]


def _runs(x: np.ndarray, beta: float, size: int, steps: int) -> np.ndarray:
    """Log growth of |(theta, m, ...)| over the second half of a run, rescaled on the way."""
    theta, m = np.ones_like(x), np.zeros((size, x.size))
    logs = np.zeros_like(x)
    for step in range(steps):
        new = beta * m[0] + x * theta
        theta = theta - (new + np.mean(m, axis=0))
        m = np.concatenate([new[None], m[:-1]])
        if step % 10 == 9:
            scale = np.maximum(np.abs(theta), np.max(np.abs(m), axis=0)) + 1e-300
            theta, m = theta / scale, m / scale
            if step > steps // 2:
                logs += np.log(scale)
    return logs


CLAIMS = [
    Claim(
        id="critical-momenta/worst-case-over-spectrum",
        location="section 3.2",
        statement=r"$\rho(\alpha,\beta)=\max_{h\in[\mu,L]}\rho(A_h)$.",
        figures=("critical-momenta/stability",),
        parts=(
            Part(
                "the maximum over the interval bounds every admissible Hessian",
                is_worst_case,
                printed=WorstCase(over_interval),
                broken=WorstCase(lambda *p: 0.999 * over_interval(*p)),
                note="For every $C$: $A$ is similar to the $A_h$ side by side, and $hI$ is admissible for every $h$. "
                "Certificates over whole intervals bound the computed maxima.",
            ),
            Part(
                "the maximum is attained at an end",
                is_worst_case,
                printed=WorstCase(over_ends),
                broken=WorstCase(lambda *p: 0.5 * over_ends(*p)),
                repair=WorstCase(over_interval),
                repair_note="the maximum over the whole interval",
                bears=False,
                note="With a buffer the radius is not quasi-convex in $h$: an inner curvature can be the worst, and "
                "even unstable between two stable ends ($C=5$, $\\beta=0.9$, $\\alpha=0.02$, $h\\in[1,65]$).",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/stability-region",
        location="section 3.2, implied",
        statement=r"(8) on quadratics converges for suitable $\alpha,\beta$.",
        figures=("critical-momenta/stability",),
        parts=(
            Part(
                "for every momentum some step size converges",
                converges_for_some_step,
                printed=Stability(1),
                broken=Stability(-1),
                note=r"$p(1)=2x>0$ and the root near 1 moves by $-2x/(1-\beta)$: small steps always converge. The "
                r"exact region is a union of intervals: $0<x<1-\beta$ for $C=1$ (classical: $0<x<2(1+\beta)$), two "
                r"for $C=5$, $\beta=0.9$, ten for $C=20$, $\beta=0.9$. Moving-average units multiply it by "
                r"$1/(1-\beta)$.",
            ),
            Part(
                "the exact region against runs of the method",
                region_matches_runs,
                printed=Region(stability_intervals),
                broken=Region(lambda beta, size: [(0.0, 2.0 * (1.0 + beta))]),
                bears=False,
                note="The control is the region of classical momentum.",
            ),
            Part(
                "the region in closed form for C = 1, 2",
                regions_in_closed_form,
                printed=LIMITS,
                broken=replace(LIMITS, two=2 * (1 - BETA)),
                bears=False,
                note=r"$0<x<1-\beta$ and $0<x<2+\beta-\sqrt{\beta^2+8\beta}$ (classical momentum: $0<x<2(1+\beta)$). "
                r"For $\beta\to0$ they end at 1 and 2.",
            ),
            Part(
                "the limit of full momentum",
                limit_at_full_momentum,
                printed=Limit(2 / (SIZE + 1)),
                broken=Limit(2 / SIZE),
                bears=False,
                note=r"$s/(1-\beta)\to2/(C+1)$ as $\beta\to1$: in moving-average units the region shrinks to "
                r"$0<x<2/(C+1)$, while that of classical momentum grows without bound.",
            ),
        ),
    ),
]
