"""Section 3.2, second half: worst cases over a spectrum, stability, optimal rates, and the buffer's assumptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from spectral import (
    OptimalRate,
    RateCertificate,
    certify_rate,
    optimal_rate,
    spectral_radius,
    stability_intervals,
    verify_rate,
    worst_case_rate,
)

from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness

# --- worst case over the spectrum -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorstCase:
    """``value(alpha, beta, mu, L, C)`` is the largest radius over all curvatures in [mu, L]."""

    value: Callable[[float, float, float, float, int], float]


def over_interval(step: float, beta: float, low: float, high: float, size: int) -> float:
    return float(worst_case_rate(np.asarray(step), beta, low, high, size))


def over_ends(step: float, beta: float, low: float, high: float, size: int) -> float:
    return float(np.max(spectral_radius(step, beta, np.array([low, high]), size)))


REPLAY_WORST = """
import numpy as np
from spectral import spectral_radius
h = np.array([witness["low"], witness["h"], witness["high"]])
a, inside, b = spectral_radius(witness["step"], witness["momentum"], h, witness["size"])
violated = inside > max(a, b) + 1e-6
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
    for step, beta, low, high, size in _settings(budget):
        value = statement.value(step, beta, low, high, size)
        name = f"alpha = {step}, beta = {beta}, [{low}, {high}], C = {size}"
        certificate = RateCertificate(step, beta, low, high, size, value * (1 + 1e-9) + 1e-15)
        steps[name] = verify_rate(certificate)
        if not steps[name]:
            return [Exact("ball", steps), *_worse_curvature(value, step, beta, low, high, size)]
    return [Exact("ball", steps)]


def _worse_curvature(value: float, step: float, beta: float, low: float, high: float, size: int) -> list[Witness]:
    grid = np.linspace(low, high, 20001)
    radii = spectral_radius(step, beta, grid, size)
    h = float(grid[int(np.argmax(radii))])
    bound = certify_rate(step, beta, h, h, size, float(np.max(radii))).bound
    # The certificate says the radius is below ``bound``; that it is not below the claimed value is checked exactly too.
    inside = verify_rate(RateCertificate(step, beta, h, h, size, value))
    roots = np.roots(_coefficients(step * h, beta, size))
    if inside or bound <= value:
        return []
    return [
        Witness(
            point={"step": step, "momentum": beta, "low": low, "high": high, "size": size, "h": h, "claimed": value},
            first=Way("ball arithmetic: roots outside the claimed circle", int(not inside), "<=", 0),
            second=Way("roots in floating point", float(np.abs(roots).max()), "<=", value, margin=1e-9),
            replay=REPLAY_WORST,
        )
    ]


def _coefficients(x: float, beta: float, size: int) -> np.ndarray:
    from spectral import characteristic_polynomial

    return characteristic_polynomial(1.0, beta, np.asarray(x), size)


# --- stability --------------------------------------------------------------------------------------------------------

MOMENTA = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99)


@dataclass(frozen=True)
class Stability:
    """For each momentum some step size of the given sign converges for every curvature in [1, kappa]."""

    sign: int


def converges_for_some_step(statement: Stability, budget: Budget) -> list[Evidence]:
    """A circle of radius below one is certified for a step size in the first stability interval."""
    steps, data = {}, {}
    for size in budget.pick((1, 2, 5, 20), (1, 2, 3, 5, 10, 20, 50)):
        for beta in MOMENTA:
            intervals = stability_intervals(beta, size)
            data[f"C = {size}, beta = {beta}"] = intervals
            for kappa in (1.0, 100.0, 1e6):
                step = statement.sign * 0.5 * intervals[0][1] / kappa
                certificate = RateCertificate(step, beta, 1.0, kappa, size, 1.0)
                steps[f"C = {size}, beta = {beta}, kappa = {kappa:g}"] = verify_rate(certificate)
    return [Exact("certificate", steps, {"stability intervals of x = alpha h": data})]


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


# --- optimal rates ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def best(kappa: float, size: int, momentum: float | None = None) -> OptimalRate:
    return optimal_rate(kappa, size, momentum)


@dataclass(frozen=True)
class Optimum:
    """``factor`` times the gap 1 - rho of the found optimum can be reached, and nothing better was found."""

    factor: float


def _grid(budget: Budget) -> tuple[tuple[float, ...], tuple[int, ...]]:
    return budget.pick(
        ((2.0, 10.0, 100.0), (1, 2, 5)),
        ((1.0, 2.0, 5.0, 10.0, 30.0, 1e2, 1e3, 1e4, 1e5), (1, 2, 5, 10, 20)),
    )


def optimum_is_certified(statement: Optimum, budget: Budget) -> list[Evidence]:
    """Each optimum has a verified certificate, and a global search over (alpha, beta) finds nothing better."""
    kappas, sizes = _grid(budget)
    steps, table, slack, searched, violations = {}, {}, np.inf, 0, 0
    for size in sizes:
        for kappa in kappas:
            found = best(kappa, size)
            claimed = 1.0 - statement.factor * (1.0 - found.rate)
            name = f"C = {size}, kappa = {kappa:g}"
            bound = 1.0 - statement.factor * (1.0 - found.certified_upper)
            steps[name] = verify_rate(replace(found.certificate, bound=bound))
            table[name] = {
                "rate": found.rate,
                "certified upper": found.certified_upper,
                "step size": found.step_size,
                "momentum": found.momentum,
                "rate at momentum 0.9": best(kappa, size, 0.9).rate,
                "classical": best(kappa, 0).rate,
                "gradient descent": best(kappa, 0, 0.0).rate,
            }
            rival = _search(kappa, size, budget)
            searched += 1
            slack = min(slack, rival - claimed)
            violations += rival < claimed - 1e-9
    evidence: list[Evidence] = [Exact("certificate", steps, table)]
    effort = f"differential evolution over log alpha and log(1 - beta), {budget.pick(20, 60)} generations each"
    return [*evidence, Sampled("global search", searched, int(violations), float(slack), effort)]


def _search(kappa: float, size: int, budget: Budget) -> float:
    from scipy.optimize import differential_evolution

    curvatures = np.geomspace(1.0, kappa, 24)[:, None]

    def objective(p: np.ndarray) -> np.ndarray:
        return np.max(spectral_radius(np.exp(p[0]), -np.expm1(p[1]), curvatures, size), axis=0)

    bounds = [(np.log(1e-3 / kappa), np.log(2.0)), (np.log(1e-3), 0.0)]
    found = differential_evolution(
        objective,
        bounds,
        rng=1,
        maxiter=budget.pick(20, 60),
        popsize=12,
        vectorized=True,
        updating="deferred",
        polish=False,
        tol=0.0,
    )
    return over_interval(float(np.exp(found.x[0])), float(-np.expm1(found.x[1])), 1.0, kappa, size)


def _no_faster(point: Any) -> tuple[float, float]:
    return best(point["kappa"], point["size"], point["momentum"]).certified_upper, point["bound"]


REPLAY_RATE = """
from spectral import optimal_rate
found = optimal_rate(witness["kappa"], witness["size"], witness["momentum"])
violated = found.certified_upper < witness["bound"] - 1e-9
"""


def slower_than(bound: Callable[[float], float], momentum: float | None, also: tuple[float, ...] = ()) -> ForAll:
    """No critical-momenta rate on the grid is below ``bound(kappa)``."""

    def points(budget: Budget) -> Any:
        kappas, sizes = _grid(budget)
        return (
            {"kappa": kappa, "size": size, "momentum": momentum, "bound": bound(kappa)}
            for size in sizes
            for kappa in (*also, *kappas)
        )

    return ForAll(
        points=points,
        sides=_no_faster,
        relation=">=",
        again=lambda p: (best(p["kappa"], p["size"], p["momentum"]).rate, p["bound"]),
        replay=REPLAY_RATE,
        methods=("certified rate", "rate in floating point"),
        margins=(1e-9, 1e-9),
    )


def chebyshev(kappa: float) -> float:
    """(sqrt(kappa) - 1) / (sqrt(kappa) + 1): no method that takes polynomials of H does better on all spectra."""
    root = kappa**0.5
    return (root - 1.0) / (root + 1.0)


# --- the buffer's assumptions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Norms:
    """Gradient norms |g_t| = ratio^t, priorities decayed by ``decay`` in every step."""

    ratio: Fraction
    decay: Fraction


REPLAY_BUFFER = """
from fractions import Fraction as F
ratio, decay = F(witness["ratio"]), F(witness["decay"])
buffer = []
for t in range(witness["steps"]):
    key = ratio**t
    if len(buffer) < witness["size"]:
        buffer.append((key, t))
    else:
        least = min(buffer)
        if key > least[0]:
            buffer[buffer.index(least)] = (key, t)
    buffer = [(k * decay, s) for k, s in buffer]
violated = sorted(s for _, s in buffer) != list(range(witness["steps"] - witness["size"], witness["steps"]))
"""


def holds_last_momenta(statement: Norms, budget: Budget) -> list[Evidence]:
    """Run the priority rule on keys in exact arithmetic and compare the stored steps with the last C."""
    steps = {}
    for size in (1, 2, 5, 20):
        count = size + budget.pick(30, 200)
        stored = _priority(statement, size, count)
        last = list(range(count - size, count))
        steps[f"C = {size}, {count} steps"] = stored == last
        if stored != last:
            staleness = count - 1 - min(stored)
            point = {"ratio": statement.ratio, "decay": statement.decay, "size": size, "steps": count}
            return [
                Exact("rational", steps),
                Witness(
                    point,
                    Way("priority rule in rationals: staleness", staleness, "<=", size - 1),
                    Way(
                        "SGDCriticalMomenta on such gradients: staleness",
                        _staleness(statement, size, count),
                        "<=",
                        size - 1,
                    ),
                    REPLAY_BUFFER,
                ),
            ]
    return [Exact("rational", steps)]


def _priority(statement: Norms, size: int, count: int) -> list[int]:
    keys: list[Fraction] = []
    ages: list[int] = []
    for t in range(count):
        key = statement.ratio**t
        if len(keys) < size:
            keys.append(key)
            ages.append(t)
        else:
            slot = keys.index(min(keys))
            if key > keys[slot]:
                keys[slot], ages[slot] = key, t
        keys = [k * statement.decay for k in keys]
    return sorted(ages)


def _staleness(statement: Norms, size: int, count: int) -> int:
    """Age of the oldest stored momentum in the library's own rule; momentum 0 makes each stored value its gradient."""
    from optassay.optimizers import SGDCriticalMomenta

    rule = SGDCriticalMomenta.paper(
        step_size=1e-3, momentum=0.0, capacity=size, decay=float(statement.decay), convention="heavy-ball"
    )
    params = np.zeros(1)
    state = rule.init(params)
    for t in range(count):
        params, state = rule.step(params, np.array([float(statement.ratio) ** t]), state)
    gradients = [float(statement.ratio) ** t for t in range(count)]
    values = np.sort(np.asarray(state.buffer.values).reshape(-1))
    oldest = max(int(np.argmin([abs(g - v) for g in gradients])) * -1 + count - 1 for v in values)
    return oldest


SLOW = Norms(Fraction(99, 100), Fraction(7, 10))

CLAIMS = [
    Claim(
        id="critical-momenta/buffer-assumptions",
        location="section 3.2, (i) and (ii)",
        statement=r"The buffer holds exactly $m_{t-1},\dots,m_{t-C}$, so that staleness is at most $K=C$. Judged for "
        r"the priority rule of algorithm 1 as it runs when the method converges, $\|g_t\|$ falling by a constant "
        r"factor per step.",
        parts=(
            Part(
                "the priority rule keeps the last C momenta",
                holds_last_momenta,
                printed=Norms(Fraction(1, 2), Fraction(7, 10)),
                broken=Norms(Fraction(1, 2), Fraction(99, 100)),
                repair=SLOW,
                repair_note=r"$\|g_t\|>\lambda\|g_{t-1}\|$ for all $t$: then the oldest key is always the smallest and "
                r"below the new one",
                note=r"Where gradients fall faster than priorities decay, $\|g_t\|/\|g_{t-1}\|<\lambda$, a full buffer "
                r"never changes again and staleness grows without bound: no $K$ exists. (i) is implied by no property "
                r"of the rule; with $\|g_t\|\ge\lambda\|g_{t-1}\|$ both hold with $K=C$.",
            ),
        ),
    ),
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
                note="Proved by certificates over whole intervals; a Hessian may have any of these eigenvalues.",
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
        ),
    ),
    Claim(
        id="critical-momenta/optimal-rate",
        location="section 3.2",
        statement=r"$\rho^*=\min_{\alpha,\beta}\rho(\alpha,\beta)$, found numerically. Judged: the parameters found "
        r"here have the stated rate by certificate, and a global search finds none better.",
        figures=("critical-momenta/figure-3", "critical-momenta/rate-curves"),
        parts=(
            Part(
                "certified optima",
                optimum_is_certified,
                printed=Optimum(1.0),
                broken=Optimum(1.05),
                note=r"$\rho^*$ grows with $C$ at small $\kappa$; the best momentum is 0 for $C\le2$ and rises towards "
                r"a limit below one with $\kappa$ for larger $C$ ($C=5$: 0.549), so that $1-\rho^*\sim c_C/\kappa$ "
                r"(about 2, 4 and 13 for $C=1,2,5$): no acceleration; classical momentum has $2/\sqrt\kappa$.",
            ),
            Part(
                "no critical-momenta rate beats classical momentum",
                for_all,
                printed=slower_than(chebyshev, None),
                broken=slower_than(lambda kappa: (kappa - 1.0) / (kappa + 1.0), None),
                bears=False,
                note=r"The rate of classical momentum, $(\sqrt\kappa-1)/(\sqrt\kappa+1)$, bounds every method whose "
                r"iterates are polynomials in $H$, from Chebyshev's problem. The control is the rate of gradient "
                r"descent, which larger buffers do beat; $C=1$ does not.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/wide-range-of-condition-numbers",
        location="section 3.2, figure 3",
        statement=r"In both variants, $\beta$ optimised and $\beta=0.9$, CM converges for a wide range of condition "
        r"numbers. Judged: for $\kappa=1,10^2,10^6$ and every $\beta$ of a grid with 0.9 in it an $\alpha$ converges.",
        figures=("critical-momenta/figure-3", "critical-momenta/rate-curves"),
        parts=(
            Part(
                "certified convergence",
                converges_for_some_step,
                printed=Stability(1),
                broken=Stability(-1),
                note=r"True for every $\kappa$, $C$ and $\beta$, as for gradient descent; what differs is the rate, "
                r"$1-\rho^*=O(1/\kappa)$.",
            ),
            Part(
                "at beta = 0.9 CM is no slower than classical momentum with the same beta",
                for_all,
                printed=slower_than(lambda kappa: best(kappa, 0, 0.9).rate, 0.9, also=(1.0,)),
                broken=slower_than(lambda kappa: 1.0 - 1e-4, 0.9),
                sound=slower_than(chebyshev, 0.9),
                bears=False,
                note=r"Judged as: no certified rate at $\beta=0.9$ lies below that of classical momentum there. "
                r"It falls where $\kappa$ is near 1: there, for $C\ge3$, the buffer damps better.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/figure-3-rates",
        location="figure 3",
        statement=r"$1-\rho^*$ against $\kappa$ for $C=5$, classical momentum and CM, $\alpha,\beta$ optimised and "
        r"$\beta=0.9$. Judged: the curves drawn here are certified, and in the optimised variant classical momentum is "
        r"at least as fast at every $\kappa$.",
        figures=("critical-momenta/figure-3",),
        parts=(
            Part("certified curves", optimum_is_certified, printed=Optimum(1.0), broken=Optimum(1.05)),
            Part(
                "classical momentum is at least as fast when both are tuned",
                for_all,
                printed=slower_than(chebyshev, None),
                broken=slower_than(lambda kappa: (kappa - 1.0) / (kappa + 1.0), None),
            ),
        ),
    ),
]
