"""Lemma 1 and theorem 3: how the exit time scales with noise and measure, its law, and what the hypotheses admit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Unsatisfiable, Way, Witness
from .assumptions import Start, met_at_the_start, momenta_agree
from .exit_checks import Basin, ExponentialRuns, SharperSooner, exponential_runs, sharper_sooner
from .exit_scaling import InMeasure, Law, Scaling, in_measure, law, scales

P, U, RHO, A, S, X = sp.symbols("p u rho a s x", positive=True)
# --- what the hypotheses admit ---


def admits_small_noise(right: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    """``log(2 Delta / (mu upsilon^(1/3))) <= right(kappa, upsilon)`` as upsilon -> 0, for a start off the minimum."""
    del budget
    v, kappa, c = sp.symbols("upsilon kappa c", positive=True)  # c = 2 Delta / mu
    w = sp.Symbol("w", positive=True)  # upsilon = w^-3
    gap = (sp.log(c) + sp.log(w) - right(kappa, w**-3)).subs(v, w**-3)
    limit = sp.limit(gap, w, sp.oo)
    if limit == sp.oo:
        return [
            Unsatisfiable(
                "symbolic",
                {
                    "left less right -> oo: no upsilon below some bound is admitted": limit == sp.oo,
                    "the bound is (c e^(-kappa))^3": is_zero(
                        sp.log(c) - sp.log(c * sp.exp(-kappa)) - sp.expand_log(sp.log(sp.exp(kappa)))
                    ),
                },
            )
        ]
    return [Exact("symbolic", {"left less right -> -oo: every small upsilon is admitted": limit == -sp.oo})]


def exponent_fits(target: Any, budget: Budget) -> list[Evidence]:
    """``upsilon^(p+1) = alpha^target`` for ``upsilon = alpha^(1 - 1/p)``: which p in (0, 2]?"""
    del budget
    solutions = sp.solveset(sp.expand((1 - 1 / P) * (P + 1) * P - target * P), P, sp.Interval.Lopen(0, 2))
    if solutions is sp.S.EmptySet:
        return [Unsatisfiable("symbolic", {"no p in (0, 2] solves (p^2 - 1)/p = target": solutions is sp.S.EmptySet})]
    root = next(iter(solutions))
    steps = {
        "it solves the equation": is_zero(((root**2 - 1) / root) - target),
        "it is the only one": len(solutions) == 1,
    }
    return [Exact("symbolic", steps, {"p": str(root), "value": float(root)})]


@dataclass(frozen=True)
class Measure:
    """``N(U) < N(V)``, or ``<=``, for U in V: the Levy measure of p = 1, of unions of intervals, and a single point."""

    strict: bool


def monotone_measure(s: Measure, budget: Budget) -> list[Evidence]:
    """A set and the same with one point more; nested intervals."""
    from scipy.integrate import quad

    del budget

    def mass(low: Fraction, high: Fraction) -> Fraction:
        return 1 / low - 1 / high

    small, large = mass(Fraction(1), Fraction(2)), mass(Fraction(1), Fraction(3))
    point = mass(Fraction(5), Fraction(5))
    if s.strict:
        rough = quad(lambda y: y**-2, 1.0, 2.0)[0]
        return [
            Witness(
                {"U": ["1", "2"], "V": ["1", "2", "5"]},
                Way("integral of 1/y^2 over [1, 2], and over [1, 2] and the point 5", small, "<", small + point),
                Way("quadrature", rough, "<", rough + quad(lambda y: y**-2, 5.0, 5.0)[0]),
                "from fractions import Fraction as F\na, b, c = (F(v) for v in witness['V'])\n"
                "violated = not 1 / a - 1 / b < 1 / a - 1 / b + (1 / c - 1 / c)",
            )
        ]
    x, y, d = sp.symbols("x y d", positive=True)
    steps = {
        "a longer interval has no smaller mass": bool(sp.simplify(1 / (x + y) - 1 / (x + y + d)).is_positive),
        "these two": small <= large,
        "a point has mass 0": point == 0,
    }
    return [Exact("symbolic", steps)]


# --- the closing sums ---


def _sums(shift: Any) -> Mapping[str, Identity]:
    """Limits of the two geometric sums, with ``a`` the chance per big jump; ``shift`` perturbs the upper one."""
    ratio = (1 - A * (1 - RHO)) / (1 + U * A)
    lower = (1 - A * (1 + RHO)) / (1 + U * A)
    n = sp.Symbol("n", positive=True)
    return {
        "upper sum": Identity(
            A * (1 + RHO / 3) / (1 + U * A) / (1 - ratio), (1 + RHO / 3) / (1 + U - RHO + shift), {A: ("1/2", "1/3")}
        ),
        "lower sum": Identity(A * (1 - RHO) / (1 + U * A) / (1 - lower), (1 - RHO) / (1 + U + RHO)),
        "partial sums of a geometric series": Identity((1 - X**n) / (1 - X) + X**n, (1 - X ** (n + 1)) / (1 - X)),
    }


def _converges(least: Any) -> Inequality:
    """Common ratio of the upper sum below one, for ``u > least``, 0 < rho, a < 1."""
    inside = {A: S / (1 + S), RHO: X / (1 + X)}
    u = sp.Symbol("u_")
    return Inequality(
        (1 - A * (1 - RHO)), "<", 1 + u * A, inside | {u: least(X / (1 + X)) + sp.Symbol("q", positive=True)}
    )


def _mean_pinched(order: Any) -> Mapping[str, Identity]:
    """Bounds on ``E N Theta Gamma`` from the Laplace bounds at u = +-w, w = rho^order: both tend to one with rho."""
    w = RHO**order
    low = (1 - (1 + RHO) / (1 + w - RHO)) / w
    high = ((1 + RHO) / (1 - w - RHO) - 1) / w
    return {
        "from below, 1 - e^(-x) <= x": Identity(sp.limit(low, RHO, 0, "+"), 1),
        "from above, x <= e^x - 1": Identity(sp.limit(high, RHO, 0, "+"), 1),
    }


_VACUOUS = (
    Part(
        "assumption 3 with noise",
        momenta_agree,
        printed=sp.Symbol("upsilon", positive=True),
        broken=sp.Rational(1, 10),
        sound=sp.Integer(0),
        note=r"$\|m_t-\hat m_t\|\le\tau_m\|\int_0^t(m_x-\hat m_x)dx\|$ forces $m=\hat m$ (Gronwall), hence no noise: "
        "the hypotheses contradict the model, from whatever start.",
    ),
    Part(
        "assumption 3 at the start",
        met_at_the_start,
        printed=Start(sp.Integer(0), sp.Integer(0)),
        broken=Start(sp.Integer(0), sp.Integer(1)),
        sound=Start(sp.Integer(1), sp.Integer(1)),
        note=r"Nor is it met from $m_0=v_0=0$.",
    ),
)


CLAIMS = [
    Claim(
        id="adamomentum/lemma-1-escape-time",
        location="lemma 1",
        statement=r"Under assumptions 1-3, $\upsilon^{p+1}=\Theta(p)$ and $\ln\frac{2\Delta}{\mu\upsilon^{1/3}}\le"
        r"\kappa_2$: $E\,\Gamma=\Theta(\upsilon/N(\Upsilon))$ with a non-zero Radon measure $N$, $N(U)<N(V)$ for "
        r"$U\subset V$.",
        parts=(
            *_VACUOUS,
            Part(
                r"power of $\upsilon$ without the hypotheses: $dx=-x\,dt+\upsilon\,dL$ on $(-1,1)$",
                scales,
                printed=Scaling(lambda p: 1),
                broken=Scaling(lambda p: 0),
                repair=Scaling(lambda p: -p),
                repair_note=r"$E\,\Gamma=\Theta(\upsilon^{-p}/N(\Upsilon))$; as $\upsilon\to0$, "
                r"$E\,\Gamma\sim\upsilon^{-p}/\nu(\Upsilon)$",
                bears=False,
                note=r"Less noise keeps the point longer, not shorter: at $p=1.5$ the mean is 11.2 at $\upsilon=0.3$, "
                r"75 at 0.1 and 2503 at 0.01; path by path, since $x/\upsilon$ follows one equation for every "
                r"$\upsilon$ and leaves $|y|<r/\upsilon$. Judged: the quotient varies by a factor of at most 3 over "
                r"$\upsilon\in[0.01,0.3]$; the slopes at 0.01 are in the data ($-p$ to within 0.01).",
            ),
            Part(
                "inverse in the measure, at fixed noise",
                in_measure,
                printed=InMeasure(1.0),
                broken=InMeasure(2.0),
                bears=False,
                note=r"Symmetric and asymmetric intervals and valleys: $E\,\Gamma\,\upsilon^p\nu(\Upsilon)$ is within "
                r"3 % of 1 at $\upsilon=0.005$: this half of the lemma is right. Curvature drops out: at a fixed "
                "preconditioner only the distances of the rim count, so that a sharp basin of the same width is no "
                "easier to leave by jumps.",
            ),
            Part(
                r"which $\upsilon$ the logarithm admits",
                admits_small_noise,
                printed=lambda kappa, v: kappa,
                broken=lambda kappa, v: kappa / 2,
                sound=lambda kappa, v: kappa * v ** sp.Rational(-1, 3),
                bears=False,
                note=r"$\upsilon\ge(2\Delta/(\mu e^{\kappa_2}))^3$: small noise is excluded unless $\Delta=0$, so "
                r"that an order in $\upsilon\to0$ says nothing. Theorem 3's $\kappa_2\upsilon^{-1/3}$ admits all small "
                r"$\upsilon$.",
            ),
            Part(
                r"$\upsilon^{p+1}=\Theta(\alpha)$ for $\upsilon=\alpha^{1-1/p}$ (theorem 3's form)",
                exponent_fits,
                printed=1,
                broken=2,
                bears=False,
                note=r"As $\alpha\to0$ only for one tail index, $p=\frac{1+\sqrt5}2=1.618$. As $\Theta(p)$ it ties "
                r"$\upsilon$ to a constant at fixed $p$; there $\upsilon^{-p}$ and $\upsilon$ are of one order, which "
                r"is how the paper gets $\upsilon$.",
            ),
            Part(
                "strictly monotone under inclusion",
                monotone_measure,
                printed=Measure(True),
                broken=Measure(True),
                repair=Measure(False),
                repair_note=r"$N(U)\le N(V)$, true of every measure",
                bears=False,
                note="No Radon measure is strictly monotone: uncountably many points of a compact set would each have "
                "positive mass. The Levy measure of independent components sees the axes only.",
            ),
            Part(
                "implied by theorem 3",
                symbolic_identity,
                printed=_mean_pinched(sp.Rational(1, 2)),
                broken=_mean_pinched(sp.Integer(1)),
                bears=False,
                note=r"The Laplace bounds at $u=\pm\sqrt\rho$ give $E\,N\Theta(\upsilon^{-1})\Gamma\to1$: with "
                r"$\Theta$ the tail function of lemma 2, $\propto\upsilon^p$, not the order $\upsilon$.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/theorem-3-laplace-bounds",
        location="theorem 3, B.2",
        statement=r"For $u>-1$ and small $\rho$, $\rho\to0$ as $\upsilon\to0$: $\frac{1-\rho}{1+u+\rho}\le E\exp(-uN("
        r"\Upsilon)\Theta(\upsilon^{-1})\Gamma)\le\frac{1+\rho}{1+u-\rho}$.",
        parts=(
            *_VACUOUS,
            Part(
                "values of the closing sums",
                symbolic_identity,
                printed=_sums(0),
                broken=_sums(RHO),
                bears=False,
                note=r"Both are right where they converge. They are of the cited proof, for $k=g$; with AdaMomentum's "
                r"$k=m$ the noise-free flow behind it does not start (see theorem-4-lyapunov).",
            ),
            Part(
                r"the upper sum converges for all $u>-1$",
                inequality,
                printed=_converges(lambda rho: -1),
                broken=_converges(lambda rho: -2),
                repair=_converges(lambda rho: -1 + rho),
                repair_note=r"$u>-1+\rho$",
                bears=False,
                note=r"For $-1<u\le-1+\rho$ the sum is infinite and the right side of the theorem negative or "
                r"infinite, while the expectation is at least 1: $\rho_0$ must depend on $u$.",
            ),
            Part(
                r"law of the exit time, $\Theta(\upsilon^{-1})$ of the order $\upsilon$",
                law,
                printed=Law(1.0),
                broken=Law(0.0),
                repair=Law(1.5),
                repair_note=r"$\Theta(\upsilon^{-1})=\upsilon^p$, the tail of the Levy measure",
                bears=False,
                note=r"With $\upsilon^p$ the exit time is exponential in the limit: at $p=1.5$ the transforms are off "
                r"by at most 0.0005 at $\upsilon=0.01$. With $\upsilon$ they tend to 0. Computed without sampling, "
                "and by Euler steps.",
            ),
            Part(
                "law of the exit time in runs of both methods (Gaussian noise, $f=x^2$, exit at 0.3, step 0.05)",
                exponential_runs,
                printed=ExponentialRuns(("Adam", "AdaMomentum"), Basin(0.3)),
                broken=ExponentialRuns(("AdaMomentum",), Basin(0.2)),
                repair=ExponentialRuns(("Adam",), Basin(0.3)),
                repair_note="where the exit takes long against the memory of the method, as Adam's here",
                bears=False,
                note="AdaMomentum leaves within a few memories of its momentum: no path exits in the first tenth of "
                "the mean, where an exponential time would lose a tenth of them.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/sharp-basins-escape-sooner",
        location="section 3.2",
        statement=r"A sharp basin has large $N(\Upsilon)$, hence smaller $\Gamma$, for both methods. Judged: $f=\lambda"
        r" x^2/2$ with $\lambda=8$ against $\lambda=\frac12$, unit Gaussian noise, step 0.05, "
        r"$\beta=(0.9,0.99)$, warm second moments; at the same radius 0.3 and at the same height of the rim.",
        figures=("adamomentum/exit-times",),
        parts=tuple(
            Part(
                f"{method}: mean exit time, same radius",
                sharper_sooner,
                printed=SharperSooner(method, "radius"),
                broken=SharperSooner(method, "radius", 0.2),
                repair=SharperSooner(method, "height"),
                repair_note="at the same height of the rim",
                note=note,
            )
            for method, note in (
                (
                    "AdaMomentum",
                    "At the same radius the sharp basin holds more than ten times as long (means in the data).",
                ),
                ("Adam", "At the same radius no path leaves the sharp basin within 3000 steps."),
            )
        ),
    ),
]
