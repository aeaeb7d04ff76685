"""Section 3: numbers of iterations and of gradient evaluations after Theorems 3 and 4."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isqrt
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from .one_step import OneStep, averaged, largest_step, one_step, paper_noise
from .series import telescoping
from .simulations import Simulated, simulated

# Theorem 3: number of iterations


@dataclass(frozen=True)
class Iterations:
    """``A N^(r-1) + B (N^-r - r N^-1)/(1-r) < eps`` once ``N > ((A + B/(1-r))/eps)^power(r)``."""

    power: Callable[[Any], Any]
    rs: tuple[str, ...] = ("51/100", "6/10", "3/4", "9/10", "99/100")


def iterations(statement: Iterations, budget: Budget) -> list[Evidence]:
    """Instances at the smallest such N, in 40 digits; proof: ``N^-r <= N^(r-1)`` for ``r >= 1/2``."""
    import mpmath

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(3)
        for r in statement.rs:
            for _ in range(budget.pick(20, 200)):
                a, b = (Fraction(float(10 ** rng.uniform(-2, 3))).limit_denominator(1000) for _ in range(2))
                eps = Fraction(float(10 ** rng.uniform(-3, -0.01)))
                yield {"r": Fraction(r), "A": a, "B": b, "eps": eps, "power": statement.power(Fraction(r))}

    def value(point: Any, digits: int) -> tuple[float, float]:
        with mpmath.workdps(digits):
            r, a, b, eps = (mpmath.mpf(point[k].numerator) / point[k].denominator for k in ("r", "A", "B", "eps"))
            power = statement.power(point["r"])
            count = mpmath.floor(((a + b / (1 - r)) / eps) ** (mpmath.mpf(power.numerator) / power.denominator)) + 1
            bound = a * count ** (r - 1) + b * (count**-r - r / count) / (1 - r)
            return float(bound / eps), 1.0

    def proof(budget: Budget) -> list[Evidence]:
        n, r, o, t = sp.symbols("n r o t", positive=True)
        # -r <= r - 1 for r >= 1/2 and -r/N < 0: the bound is below (A + B/(1-r)) N^(r-1).
        exponents = Inequality(-r, "<=", r - 1, {r: sp.Rational(1, 2) + t / (2 * (1 + t))})
        solved = is_zero(sp.powsimp(sp.powdenest(((n / o) ** (1 / (1 - r))) ** (r - 1), force=True) - o / n))
        right_power = is_zero(statement.power(r) - 1 / (1 - r))
        return [
            *inequality({"N^-r <= N^(r-1)": exponents}, budget),
            Exact(
                "symbolic",
                {
                    "K N^(r-1) = eps at N = (K/eps)^(1/(1-r))": solved,
                    "that exponent": right_power,
                    "1/2 <= r < 1": all(Fraction(1, 2) <= Fraction(v) < 1 for v in statement.rs),
                },
            ),
        ]

    replay = """
from fractions import Fraction
r, A, B, eps, power = (float(Fraction(str(witness[k]))) for k in ("r", "A", "B", "eps", "power"))
N = int(((A + B / (1 - r)) / eps) ** power) + 1
violated = A * N ** (r - 1) + B * (N**-r - r / N) / (1 - r) > eps * (1 + 1e-9)
"""
    return for_all(
        ForAll(points, lambda p: value(p, 40), "<=", lambda p: value(p, 20), replay, ("40 digits", "20 digits"),
               (1e-12, 1e-9), proof=proof),
        budget,
    )  # fmt: skip


# Theorem 4


def average_bound(lip: Any, mu: Any, c: Any, sigma: Any, drop: Any, batch: Any, loops: Any) -> Any:
    """Of ``E |grad f|^2`` over ``loops`` constant steps: ``A / N + B / n``."""
    return 16 * drop * lip * (1 + 1 / c) / mu**2 / loops + (1 + 1 / (lip * mu)) * sigma**2 / batch


@dataclass(frozen=True)
class Existence:
    """``n >= batch / eps`` and ``N >= length / eps`` make the constant step's bound at most eps.

    ``batch``, ``length`` are multiples of ``B = (1 + 1/(L mu)) sigma^2`` and ``A = 16 L (1 + 1/C) D_f / mu^2``.
    """

    batch: int = 2
    length: int = 2


def existence(statement: Existence, budget: Budget) -> list[Evidence]:
    """``A/N + B/n``, the average of the one-step inequality over a constant step."""
    a, b, eps, u, v, t = sp.symbols("A B eps u v t", positive=True)
    # n = batch B / eps + u, at most one more than needed: u in (0, 1]; the same for N.
    n, big_n = statement.batch * b / eps + u, statement.length * a / eps + v
    lip, mu, c, sigma, drop, batch, loops = sp.symbols("L mu C sigma D n N", positive=True)
    bound = average_bound(lip, mu, c, sigma, drop, batch, loops)
    first, noise = 16 * lip * (1 + 1 / c) * drop / mu**2, (1 + 1 / (lip * mu)) * sigma**2
    steps = {"the average's bound is A / N + B / n": is_zero(bound - first / loops - noise / batch)}
    found = inequality(
        {
            "the bound is at most eps": Inequality(a / big_n + b / n, "<=", eps),
            "n N <= (2 A + 1)(2 B + 1) / eps^2 for eps < 1": Inequality(
                n.subs(u, 1) * big_n.subs(v, 1),
                "<=",
                (statement.batch * b + 1) * (statement.length * a + 1) / eps**2,
                {eps: t / (1 + t)},
            ),
        },
        budget,
    )
    return [Exact("symbolic", steps), *found, *_summed_decrease(budget)]


def _summed_decrease(budget: Budget) -> list[Evidence]:
    """:func:`average_bound` itself: the one-step decrease, summed over N steps of one size, the largest."""
    lip, mu, c, sigma, drop, n, loops = sp.symbols("L mu C sigma D n N", positive=True)
    decrease, beta = Fraction(1, 4), largest_step(lip, mu, c)
    noise = beta**2 * paper_noise(lip, mu, c) * sigma**2 / n
    summed = (drop + loops * noise) / (sp.Rational(str(decrease)) * beta * mu * loops)
    steps = {
        **telescoping(),
        "(D + N noise) / (beta mu N / 4) is the bound": is_zero(
            summed - average_bound(lip, mu, c, sigma, drop, n, loops)
        ),
    }
    return [*one_step(OneStep(decrease, paper_noise), budget), Exact("symbolic", steps)]


def first_constant(lip: Any, mu: Any, c: Any, sigma: Any, drop: Any, t: Any) -> Any:
    """``C_1`` with ``D~ = t^2``."""
    return 32 * drop * (1 + 1 / c) * sigma / (mu**2 * t) + (lip + 1 / mu) * sigma * t


def second_constant(lip: Any, mu: Any, c: Any, sigma: Any, drop: Any, t: Any) -> Any:
    """``C_2``."""
    return 32 * drop * lip * (1 + 1 / c) / mu**2


@dataclass(frozen=True)
class BatchRule:
    """``N_bar >= max{C_1^2 / eps^2 + factor C_2 / eps, sigma^2 / (L^2 D~)}`` and the batch size guarantee ``<= eps``.

    ``first``, ``second``: ``C_1``, ``C_2``; ``shrink`` scales C_1^2 (1 as printed).
    """

    factor: Fraction = Fraction(4)
    shrink: Fraction = Fraction(1)
    first: Callable[..., Any] = first_constant
    second: Callable[..., Any] = second_constant


BATCH_REPLAY = """
from math import ceil, sqrt
v = {k: float(__import__("fractions").Fraction(str(x))) for k, x in witness.items() if k != "calls"}
calls = witness["calls"]
n = ceil(min(calls, max(1.0, v["sigma"] / v["L"] * sqrt(calls) / v["t"])) - 1e-9)
bound = (16 * v["D"] * v["L"] * (1 + 1 / v["C"]) / v["mu"] ** 2 / (calls // n)
         + (1 + 1 / (v["L"] * v["mu"])) * v["sigma"] ** 2 / n)
violated = bound > v["eps"]
"""


def batch_size(calls: int, ratio: Fraction) -> int:
    """``ceil(min{N_bar, max{1, ratio sqrt(N_bar)}})`` in integers."""
    square = ratio**2 * calls
    root = isqrt(square.numerator // square.denominator)
    root += root * root < square
    return min(calls, max(1, root))


def batch_rule(statement: BatchRule, budget: Budget) -> list[Evidence]:
    """Random constants over decades with the smallest integer ``N_bar``, ``D~ = t^2`` a square: all in rationals."""

    names = ("L", "mu", "C", "sigma", "D", "t")

    def constants(point: Any) -> tuple[Fraction, Fraction]:
        numbers = [point[k] for k in names]
        return statement.first(*numbers), statement.second(*numbers)

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(4)
        for k in range(budget.pick(3000, 60000)):
            lip, c, sigma, drop, t, eps = (
                Fraction(float(10 ** rng.uniform(-2, 2))).limit_denominator(1000) + Fraction(1, 1000) for _ in range(6)
            )
            mu = Fraction(int(rng.integers(1, 100)), 100)
            point = {"L": lip, "mu": mu, "C": c, "sigma": sigma, "D": drop, "t": t, "eps": eps}
            c1, c2 = constants(point)
            if k % 2:  # near the boundary n ~ sigma sqrt(N_bar) / (L t) with the two parts of C_1 balanced
                point["t"] = t = Fraction(
                    float((32 * drop * (1 + 1 / c) / mu**2 / (lip + 1 / mu)) ** Fraction(1, 2))
                ).limit_denominator(1000) + Fraction(1, 1000)
                c1, c2 = constants(point)
            least = max(
                statement.shrink * c1**2 / eps**2 + statement.factor * c2 / eps, sigma**2 / (lip * t) ** 2, Fraction(1)
            )
            yield {**point, "calls": ceil(least)}

    def sides(point: Any) -> tuple[Fraction, Fraction]:
        n = batch_size(point["calls"], point["sigma"] / (point["L"] * point["t"]))
        lip, mu, c, sigma, drop, _ = (point[k] for k in names)
        return average_bound(lip, mu, c, sigma, drop, n, point["calls"] // n), point["eps"]

    def again(point: Any) -> tuple[float, float]:
        v = {k: float(x) for k, x in point.items()}
        n = float(np.ceil(min(v["calls"], max(1.0, v["sigma"] / v["L"] * v["calls"] ** 0.5 / v["t"])) - 1e-9))
        first = 16 * v["D"] * v["L"] * (1 + 1 / v["C"]) / v["mu"] ** 2 / (v["calls"] // n)
        return (first + (1 + 1 / (v["L"] * v["mu"])) * v["sigma"] ** 2 / n) / v["eps"], 1.0

    def proof(budget: Budget) -> list[Evidence]:
        lip, mu, c, sigma, drop, t, s, o, y, c1, c2, eps, f = sp.symbols(
            "L mu C sigma D t s o y C1 C2 eps f", positive=True
        )
        root = s * lip * t / sigma  # sqrt(N_bar), s = sigma sqrt(N_bar) / (L t)
        big1, big2 = (f(lip, mu, c, sigma, drop, t) for f in (statement.first, statement.second))
        n = s + o / (1 + o)  # max{1, s} <= n < s + 1
        total = average_bound(lip, mu, c, sigma, drop, n, root**2 / n / 2)  # N = floor(N_bar / n) >= N_bar / (2 n)
        factor = sp.Rational(str(statement.factor))
        root_eps = c1 / eps * sp.sqrt(sp.Rational(str(statement.shrink)))
        # With N_bar = (C1/eps)^2 + factor C2/eps + y: (C1 u + C2 u^2 <= eps) <=> C1^2 N_bar <= (eps N_bar - C2)^2.
        bar = root_eps**2 + factor * c2 / eps + y
        gap = sp.expand((eps * bar - c2) ** 2 - c1**2 * bar)
        found = inequality(
            {
                "bound <= C_1 / sqrt(N_bar) + C_2 / N_bar": Inequality(total, "<=", big1 / root + big2 / root**2),
                "floor(v) >= v / 2 for v = k + f, k >= 1, 0 <= f < 1": Inequality(
                    (1 + y + f / (1 + f)) / 2, "<=", 1 + y
                ),
                "C_1 / sqrt(N_bar) + C_2 / N_bar <= eps": Inequality(0, "<=", gap),
                "eps N_bar >= C_2": Inequality(c2, "<=", eps * bar),
            },
            budget,
        )
        return [*found, *_summed_decrease(budget)]

    return for_all(ForAll(points, sides, "<=", again, BATCH_REPLAY, margins=(0.0, 1e-9), proof=proof), budget)


@dataclass(frozen=True)
class Sufficient:
    """``C_1 / sqrt(N_bar) + C_2 / N_bar <= eps`` for ``N_bar = C_1^2 / eps^2 + factor C_2 / eps``, all constants."""

    factor: Fraction


def sufficient(statement: Sufficient, budget: Budget) -> list[Evidence]:
    """``(eps N_bar - C_2)^2 >= C_1^2 N_bar`` and ``eps N_bar >= C_2``: coefficients, or a rational point."""
    c1, c2, eps = sp.symbols("C1 C2 eps", positive=True)
    bar = c1**2 / eps**2 + sp.Rational(str(statement.factor)) * c2 / eps
    return inequality(
        {
            "squared": Inequality(c1**2 * bar, "<=", sp.expand((eps * bar - c2) ** 2)),
            "sign": Inequality(c2, "<=", eps * bar),
        },
        budget,
    )


CLAIMS = [
    Claim(
        id="anderson-mixing/theorem-3-complexity",
        location="end of Theorem 3",
        statement=r"$\frac1N\sum\mathbb E\|\nabla f(x_k)\|^2<\epsilon$ needs at most "
        r"$N=O(\epsilon^{-1/(1-r)})$. Judged: "
        r"any $N>(K/\epsilon)^{1/(1-r)}$ with $K=\frac{16L(1+C^{-1})(M_f-f^{low})}{\mu^2}+"
        r"\frac{(1+L^{-1}\mu^{-1})\sigma^2}{(1-r)n}$ does, by (23).",
        parts=(
            Part(
                "explicit constant",
                iterations,
                printed=Iterations(lambda r: 1 / (1 - r)),
                broken=Iterations(lambda r: 1 / r),
                note=r"For $r<\frac12$ the noise would decide, $\epsilon^{-1/r}$: $\epsilon^{-2}$ is the limit "
                r"$r\to\frac12$, not reached, as $M_f$ contains $\sum(k+1)^{-2r}$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-4-random-output",
        location="Theorem 4",
        figures=("anderson-mixing/bound-slack",),
        statement=r"$\beta_k=\frac{\mu}{4L(1+C^{-1})}$, (18b): for each $\epsilon$ there are $n$ and "
        r"$N=O(\epsilon^{-2})/n$ "
        r"with $\mathbb E\|\nabla f(x_{\mathsf R})\|^2\le\epsilon$.",
        parts=(
            Part(
                "n = ceil(2B/eps), N = ceil(2A/eps)",
                existence,
                printed=Existence(),
                broken=Existence(batch=1),
                note=r"$A=16L(1+C^{-1})D_f/\mu^2$, $B=(1+L^{-1}\mu^{-1})\sigma^2$: at most $(2A+1)(2B+1)\epsilon^{-2}$ "
                r"calls for $\epsilon<1$; for $\sigma\to0$, $n=1$ and $O(\epsilon^{-1})$. SGD's order, with constants "
                r"not below SGD's: $\alpha_k=0$ is admissible.",
            ),
            Part(
                "simulated runs: the average at the constant step, with its interval",
                simulated,
                printed=Simulated("constant step"),
                broken=Simulated("constant step", 1e-3),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-4-batch-size",
        location="after Theorem 4",
        statement=r"$n=\lceil\min\{\bar N,\max\{1,\frac\sigma L\sqrt{\bar N/\tilde D}\}\}\rceil$ with $\bar N\ge"
        r"\max\{\frac{C_1^2}{\epsilon^2}+\frac{4C_2}\epsilon,\frac{\sigma^2}{L^2\tilde D}\}$ calls gives "
        r"$\le\epsilon$.",
        assumptions=(r"$\bar N$ an integer, $N=\lfloor\bar N/n\rfloor$ iterations",),
        parts=(
            Part(
                "the rule guarantees epsilon",
                batch_rule,
                printed=BatchRule(),
                broken=BatchRule(shrink=Fraction(1, 10), factor=Fraction(1, 2)),
                note=r"With $s=\frac\sigma L\sqrt{\bar N/\tilde D}\le\bar N$: $n\le s+1$, $N\ge\bar N/(2n)$, "
                r"so the bound "
                r"is at most $C_1\bar N^{-1/2}+C_2\bar N^{-1}$. $\tilde D$ is free.",
            ),
            Part(
                "C_1 and C_2 are not sharp either",
                averaged,
                printed=(Fraction(2, 3), Fraction(1, 3)),
                broken=(Fraction(2, 3), Fraction(1, 4)),
                bears=False,
                note=r"Two thirds of $C_2$ and of the first term of $C_1$, one third of the second term suffice.",
            ),
            Part(
                "factor 2 instead of 4 is enough",
                sufficient,
                printed=Sufficient(Fraction(2)),
                broken=Sufficient(Fraction(19, 10)),
                bears=False,
                note=r"And no smaller one: $(\epsilon\bar N-C_2)^2-C_1^2\bar "
                r"N=(c-2)C_1^2C_2/\epsilon+(c-1)^2C_2^2$ for "
                r"the factor $c$.",
            ),
        ),
    ),
]
