"""Section 3: Theorem 5 (variance reduction), its parameters, its bound, its hypotheses and its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part

E_HIGH = Fraction(27183, 10000)  # e is below
E_LOW = Fraction(27182, 10000)  # e is above


def condition(mu0: Any, mu: Any, kappa: Any, lip: Any, n: Any, e: Any) -> Any:
    """Left side of the condition on ``nu``; ``kappa = (1 + 1/C)^(1/2)``."""
    k = (2 * lip + 1 / mu) * (e - 1) / lip
    return mu0 * mu / (2 * kappa) - 2 * mu0**2 * n - mu0**2 * k - 2 * mu0**3 * k * n


# Feasibility


@dataclass(frozen=True)
class Feasible:
    """``mu_0 = share * a / (b + c)`` satisfies the condition with ``nu > 0``: ``a mu_0 - b mu_0^2 - c mu_0^3``."""

    share: Fraction


def feasible(statement: Feasible, budget: Budget) -> list[Evidence]:
    """For all L, C > 0, mu in (0, 1), n >= 1, with e replaced by a rational above it."""
    w, o, k = sp.symbols("w o K", positive=True)
    a, n = w / (2 * (1 + w)), 1 + o  # a = mu / (2 kappa) < 1/2, K = (2 L + 1/mu)(e - 1)/L > 0
    b, c = 2 * n + k, 2 * k * n
    mu0 = sp.Rational(str(statement.share)) * a / (b + c)
    value = sp.cancel(a * mu0 - b * mu0**2 - c * mu0**3)
    lip, mu, kappa, e, m = sp.symbols("L mu kappa e m", positive=True)
    slope = (2 * lip + 1 / mu) * (e - 1) / lip
    same = m * mu / (2 * kappa) - (2 * n + slope) * m**2 - 2 * slope * n * m**3
    return [
        Exact("symbolic", {"condition = a m - b m^2 - c m^3": is_zero(condition(m, mu, kappa, lip, n, e) - same)}),
        *inequality(
            {
                "nu > 0": Inequality(0, "<", value),
                "mu_0 < 1": Inequality(sp.cancel(mu0), "<", 1),
                "nu < 1": Inequality(value, "<", 1),
            },
            budget,
        ),
    ]


@dataclass(frozen=True)
class Region:
    """The admissible ``mu_0`` are ``(0, root)``, the largest nu lies at ``best``, as functions of a, b, c."""

    root: Callable[[Any, Any, Any], Any]
    best: Callable[[Any, Any, Any], Any]


def region(statement: Region, budget: Budget) -> list[Evidence]:
    """``phi = a x - b x^2 - c x^3`` vanishes at ``root``, ``phi'`` at ``best``, ``phi'' < 0`` on ``x > 0``."""
    a, b, c, x = sp.symbols("a b c x", positive=True)
    phi = a * x - b * x**2 - c * x**3
    root, best = statement.root(a, b, c), statement.best(a, b, c)
    steps = {
        "phi(root) = 0": is_zero(phi.subs(x, root)),
        "phi'(best) = 0": is_zero(sp.diff(phi, x).subs(x, best)),
        "largest nu = best (2 a - b best) / 3": is_zero(sp.simplify((phi - x * (2 * a - b * x) / 3).subs(x, best))),
    }
    return [Exact("symbolic", steps), *inequality({"concave": Inequality(sp.diff(phi, x, 2), "<", 0)}, budget)]


@dataclass(frozen=True)
class InnerLoops:
    """``mu_0 d_0 < bound`` for every admissible ``mu_0``: then ``q >= 1`` whenever ``T >= n bound``."""

    bound: Fraction


def inner_loops(statement: InnerLoops, budget: Budget) -> list[Evidence]:
    """``mu_0 < a / b`` with ``a = mu / (2 kappa)``, ``b >= 2 n + K``; e replaced by a rational below it."""
    lip, t, w, o = sp.symbols("L t w o", positive=True)
    mu, kappa, n = t / (1 + t), 1 + w, 1 + o
    k = (2 * lip + 1 / mu) * (sp.Rational(str(E_LOW)) - 1) / lip
    largest = mu / (2 * kappa) / (2 * n + k)
    bound = sp.Rational(str(statement.bound))
    return inequality({"mu_0 d_0": Inequality(sp.cancel(largest * (6 + 2 / (lip * kappa))), "<", bound)}, budget)


# The bound (24)


@dataclass(frozen=True)
class Smoothness:
    """``scale`` times (24), L being a constant of each single gradient (``individual``) or only of their mean."""

    individual: bool
    scale: Fraction = Fraction(1)


VR_REPLAY = """
from fractions import Fraction
v = {k: float(Fraction(str(x))) for k, x in witness.items()}
h, M, beta = v["mean"], v["M"], v["beta"]
total, square = 0.0, v["x0"] ** 2
for k in range(int(v["N"])):
    snapshot = cross = square  # E x~^2, E x x~
    for t in range(int(v["q"])):
        total += h * h * square
        noise = beta**2 * M**2 * (square - 2 * cross + snapshot)
        square, cross = (1 - beta * h) ** 2 * square + noise, (1 - beta * h) * cross
violated = total / (v["q"] * v["N"]) > v["right"] * (1 + 1e-9)
"""


def second_moments(lip: Any, spread: Any, beta: Any, q: int, loops: int, start: Any) -> list[Any]:
    """``E x_t^2`` of all inner points for ``f_i = (L +- M) x^2 / 2``, n = 1, alpha = 0, by recursion of moments."""
    square = start**2
    found = []
    for _ in range(loops):
        snapshot = cross = square
        for _ in range(q):
            found.append(square)
            noise = beta**2 * spread**2 * (square - 2 * cross + snapshot)
            square, cross = (1 - beta * lip) ** 2 * square + noise, (1 - beta * lip) * cross
    return found


def by_paths(lip: Any, spread: Any, beta: Any, q: int, loops: int, start: Any) -> list[float]:
    """The same by all sign sequences, points in floating point."""
    signs = np.array(list(product((-1.0, 1.0), repeat=q * loops)))
    x = np.full(len(signs), float(start))
    found = []
    for k in range(q * loops):
        if k % q == 0:
            snapshot = x
        found.append(float(np.mean(x**2)))
        g = (lip + signs[:, k] * spread) * x - (lip + signs[:, k] * spread) * snapshot + lip * snapshot
        x = x - beta * g
    return found


def by_matrix(lip: float, spread: float, beta: float, q: int, loops: int, start: float) -> float:
    """Mean of ``E x_t^2`` over the inner points from powers of the 4 x 4 matrix of ``(x^2, x x~, x~^2, sum x^2)``."""
    one, noise = 1 - beta * lip, (beta * spread) ** 2
    inner = np.array([[one**2 + noise, -2 * noise, noise, 0], [0, one, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]])
    loop = np.linalg.matrix_power(inner, q) @ np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    return float((np.linalg.matrix_power(loop, loops) @ np.array([start**2, 0, 0, 0]))[3]) / (q * loops)


def variance_reduced_bound(statement: Smoothness, budget: Budget) -> list[Evidence]:
    """``T = 64`` quadratics of curvature ``mean +- M``, n = 1, alpha = 0: exact second moments against (24)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for lip, kappa, mu, loops in product(
            (Fraction(1, 2), Fraction(1), Fraction(4)), (Fraction(2), Fraction(11, 10)),
            (Fraction(1, 2), Fraction(9, 10)),
            (1, 2),
        ):  # fmt: skip
            k = (2 * lip + 1 / mu) * (E_HIGH - 1) / lip
            mu0 = (mu / (2 * kappa) / (4 + 2 * k)).limit_denominator(10**4)  # nearly the best
            nu = condition(mu0, mu, kappa, lip, 1, E_HIGH)
            if not 0 < nu < 1:
                raise ValueError(f"nu must lie in (0, 1), got {nu}")
            beta, q = mu0 / (lip * kappa * 16), floor(64 / (mu0 * (6 + 2 / (lip * kappa))))
            shares = (Fraction(1), Fraction(1, 2), Fraction(1, 10))
            pairs = [(lip * s, lip * (1 - s)) for s in shares]
            if not statement.individual:
                pairs += [(lip, lip * 10**j) for j in range(1, 5)]
            for mean, spread in pairs:
                yield {
                    "L": lip, "kappa": kappa, "mu": mu, "mu0": mu0, "nu": nu, "beta": beta, "q": q, "N": loops,
                    "T": 64, "mean": mean, "M": spread, "x0": Fraction(1),
                    "right": statement.scale * 16 * lip * mean / 2 / (q * loops * nu),
                }  # fmt: skip

    def sides(point: Any) -> tuple[float, float]:
        mean, spread, beta, start = (float(point[k]) for k in ("mean", "M", "beta", "x0"))
        squares = second_moments(mean, spread, beta, point["q"], point["N"], start)
        return mean**2 * sum(squares) / len(squares) / float(point["right"]), 1.0

    def again(point: Any) -> tuple[float, float]:
        mean, spread, beta = (float(point[k]) for k in ("mean", "M", "beta"))
        value = mean**2 * by_matrix(mean, spread, beta, point["q"], point["N"], 1.0)
        return value / float(point["right"]), 1.0

    methods = ("moments by recursion", "powers of the moment matrix")
    found = for_all(ForAll(points, sides, "<=", again, VR_REPLAY, methods, (1e-6, 1e-6)), budget)
    # The inequalities of the proof are certified, their assembly (in words below) is not: the instances support it.
    return [*found, *decrease_proof(budget)] if statement == Smoothness(True) and len(found) == 1 else found


def decrease_proof(budget: Budget) -> list[Evidence]:
    """Lyapunov function ``f + c_t |x_t - x~|^2`` with single gradients L-Lipschitz and ``n <= T``.

    With ``beta = h^2`` and w = |x_t - x~|, ``E|e|^2 <= L^2 w^2 / n``. Young's inequality with weights ``T^(1/3)/tau``,
    ``tau = (7 L kappa + 1)/2``, for ``2 beta G w`` and ``n^(1/2)/L`` for ``2 beta^(3/2) kappa G w`` gives growth
    ``c_t <= (1 + theta) c_(t+1) + A``. In units ``mu_0 n / T``: ``theta = theta_1``; the bound on ``c_0`` uses
    ``q theta <= 1``. Each piece is one inequality, in ``m = mu_0^(1/2)``, ``z = (L kappa)^(-1/2)``.
    """
    m, z, lip, n, g, w, rho, y = sp.symbols("m z L n G w rho y", positive=True)
    t3 = sp.Symbol("T13", positive=True)  # T^(1/3)
    # Growth: 2 m z (gradient noise) + tau z^2 + m z (cross term) + m^2 (square of the step) <= 6 + 2 z^2.
    growth = 2 * m * z + sp.Rational(1, 2) * (7 / z**2 + 1) * z**2 + m * z + m**2
    # m z <= (m^2 + z^2) / 2 leaves 5/2 m^2 + 2 z^2 + 7/2 <= 6 + 2 z^2 for m <= 1.
    after = sp.Rational(3, 2) * (m**2 + z**2) + sp.Rational(1, 2) * (7 + z**2) + m**2
    identities = {
        "Young: a x^2 + y^2 / a - 2 x y is a square": is_zero(
            rho * g**2 + w**2 / rho - 2 * g * w - (rho * g - w) ** 2 / rho
        ),
        "growth: m z is replaced by (m^2 + z^2)/2": is_zero(
            sp.expand(after - growth - sp.Rational(3, 2) * (m - z) ** 2)
        ),
    }
    # Losses in units n / (T^(2/3) L): c = mu_0 (L + 1/mu)(e - 1) / (2 d_0 T^(1/3)), d_0 = 6 + 2 z^2,
    # P = (L + 1/mu)(e - 1).
    mu0 = m**2
    p, extra = sp.symbols("P X", positive=True)  # (2 L + 1/mu)(e - 1) = P + X
    d0 = 6 + 2 * z**2
    c = mu0 * p / (2 * d0 * t3)
    kap = 1 / (lip * z**2)
    tau_value = (7 / z**2 + 1) / 2
    losses = (
        c * t3 * mu0 / (kap * tau_value)  # beta T^(1/3) / tau
        + c / t3 * m**3 * n * kap * z**3  # beta^(3/2) kappa n^(1/2) / L
        + c * mu0**2 * n / (lip * t3**2)  # beta^2 kappa^2
    )
    allowed = mu0**2 * (p + extra) / lip + 2 * mu0**3 * (p + extra) * n / lip
    # The losses fall with T >= n, take T = n = (1 + v)^6; both sides are multiples of P, and X > 0 only helps.
    root = sp.Symbol("v", positive=True)
    sub = {n: (1 + root) ** 6, t3: (1 + root) ** 2, p: 1, extra: 0}
    # kappa >= 1: L z^2 = 1 / kappa.
    gap = (allowed - losses).subs(lip, 1 / (z**2 * (1 + y))).subs(sub)
    return [
        Exact("symbolic", identities),
        *inequality(
            {
                "theta <= mu_0 n d_0 / T": Inequality(after, "<=", 6 + 2 * z**2, {m: y / (1 + y)}),
                "step term: mu_0^2 n / 2 <= 2 mu_0^2 n": Inequality(mu0**2 * n / 2, "<=", 2 * mu0**2 * n),
            },
            budget,
        ),
        *_losses(gap, m, root, z),
    ]


def _losses(gap: Any, m: Any, root: Any, z: Any) -> list[Evidence]:
    """The gap is a polynomial with few negative terms; in ``m = k / (1 + v)^3`` a square of ``(1 - k)`` takes them."""
    k = sp.Symbol("k", positive=True)
    numerator, denominator = sp.fraction(sp.cancel(sp.together(gap.subs(m, k / (1 + root) ** 3))))
    symbols = sorted((numerator.free_symbols | denominator.free_symbols), key=str)
    positive = all(v > 0 for v in sp.Poly(denominator, *symbols).coeffs())
    # Negative terms are odd in k: k <= (1 + k^2) / 2 and z <= (1 + z^2) / 2 replace them by even ones.
    total = sp.Integer(0)
    for powers, value in sp.Poly(numerator, *symbols).terms():
        term = value * sp.prod(v**e for v, e in zip(symbols, powers, strict=True))
        if value < 0:
            for v in (k, z):
                e = powers[symbols.index(v)]
                if e % 2:
                    term = term / v * (1 + v**2) / 2
        total += term
    coefficients = sp.Poly(sp.expand(total), *symbols).coeffs()
    return [
        Exact(
            "certificate",
            {
                "denominator of the gap > 0": positive,
                "gap of the losses >= 0 after k <= (1 + k^2)/2, z <= (1 + z^2)/2": all(v >= 0 for v in coefficients),
            },
        )
    ]


# Cost


@dataclass(frozen=True)
class Calls:
    """``N (T + per_step q n) <= first(x) T + second(x) K T^(2/3) / eps``, ``x = mu_0 d_0``, ``K = L D_f / nu``."""

    per_step: int
    first: Callable[[Any], Any]
    second: Callable[[Any], Any]


def calls(statement: Calls, budget: Budget) -> list[Evidence]:
    """(24) at the smallest N, with ``T/(2 x) <= q n <= T/x`` from the floor and ``q >= 1``."""
    t3, x, u, k, eps, v = sp.symbols("T13 x u K eps v", positive=True)
    total = t3**3
    qn = total / x * (sp.Rational(1, 2) + u / (2 * (1 + u)))
    loops = k * t3**2 / (qn * eps) + v / (1 + v)
    cost = loops * (total + statement.per_step * qn)
    bound = statement.first(x) * total + statement.second(x) * k * t3**2 / eps
    return inequality({"number of gradient evaluations": Inequality(sp.cancel(cost), "<=", sp.cancel(bound))}, budget)


def cheaper(statement: Any, budget: Budget) -> list[Evidence]:
    """``T + T^(2/3)/eps <= 2 eps^-2`` for ``T >= 1``, ``1/eps = statement(T^(1/3), s)``, s > 0."""
    w, s = sp.symbols("w s", positive=True)
    t3 = 1 + w
    inverse = statement(t3, s)
    return inequality({"T + T^(2/3)/eps <= 2/eps^2": Inequality(t3**3 + t3**2 * inverse, "<=", 2 * inverse**2)}, budget)


CLAIMS = [
    Claim(
        id="anderson-mixing/theorem-5-feasibility",
        location="Theorem 5",
        statement=r"There are $\nu,\mu_0\in(0,1)$ with $\frac{\mu_0\mu}{2(1+C^{-1})^{1/2}}-2\mu_0^2n-"
        r"\frac{\mu_0^2(2L+\mu^{-1})(e-1)}L-\frac{2\mu_0^3(2L+\mu^{-1})(e-1)n}L\ge\nu$, for all $L,C>0$, "
        r"$\mu\in(0,1)$, $n\ge1$.",
        parts=(
            Part(
                "satisfiable for all parameters",
                feasible,
                printed=Feasible(Fraction(1, 2)),
                broken=Feasible(Fraction(3)),
                note=r"$\mu_0=\frac{a}{2(b+c)}$ with $a=\frac{\mu}{2(1+C^{-1})^{1/2}}$, "
                r"$K=(2L+\mu^{-1})(e-1)/L$, $b=2n+K$, $c=2Kn$.",
            ),
            Part(
                "admissible set and best mu_0",
                region,
                printed=Region(
                    lambda a, b, c: (-b + sp.sqrt(b**2 + 4 * a * c)) / (2 * c),
                    lambda a, b, c: (-b + sp.sqrt(b**2 + 3 * a * c)) / (3 * c),
                ),
                broken=Region(
                    lambda a, b, c: (-b + sp.sqrt(b**2 + 4 * a * c)) / c,
                    lambda a, b, c: (-b + sp.sqrt(b**2 + 3 * a * c)) / (3 * c),
                ),
                bears=False,
                note=r"$0<\mu_0<\frac{-b+(b^2+4ac)^{1/2}}{2c}$, $0<\nu\le a\mu_0-b\mu_0^2-c\mu_0^3$; the largest "
                r"$\nu=\frac13\mu_0(2a-b\mu_0)$ at $\mu_0=\frac{-b+(b^2+3ac)^{1/2}}{3c}$.",
            ),
            Part(
                "q >= 1 whenever T >= n",
                inner_loops,
                printed=InnerLoops(Fraction(3, 5)),
                broken=InnerLoops(Fraction(1, 2)),
                bears=False,
                note=r"$\mu_0d_0<\frac35$ for every admissible $\mu_0$, so $T/(\mu_0nd_0)>1$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-5-bound",
        location="Theorem 5, (24)",
        statement=r"The output $x$ of Algorithm 2 satisfies $\mathbb E\|\nabla f(x)\|^2\le"
        r"\frac{T^{2/3}L(f(x_0)-f^{low})}{qNn\nu}$.",
        assumptions=("Assumptions 1 and 2; $L$ is a constant of $\\nabla f$", r"$n\le T$"),
        parts=(
            Part(
                "(24)",
                variance_reduced_bound,
                printed=Smoothness(False),
                broken=Smoothness(True, Fraction(1, 10)),
                repair=Smoothness(True),
                repair_note=r"$L$ is a Lipschitz constant of each $\nabla f_{\xi_i}$ (in mean square is enough): "
                r"$\mathbb E\|\nabla f_{\xi}(x)-\nabla f_\xi(\tilde x)\|^2\le L^2\|x-\tilde x\|^2$.",
                note=r"Assumption 1 speaks of $f$ alone. $T=64$ terms $\frac12(L\pm M)x^2$, $n=1$, $\alpha=0$: the "
                r"right side does not see $M$, the left grows with it without limit. With the single gradients "
                r"$L$-Lipschitz the printed constants hold on all instances, with slack; the inequalities of a proof "
                r"by $f+c_t\|x_t-\tilde x\|^2$ are certified, its bookkeeping is in words.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-5-sfo-complexity",
        location="after (24), Conclusion",
        statement=r"$\mathbb E\|\nabla f(x)\|^2\le\epsilon$ needs $O(T+T^{2/3}/\epsilon)$ SFO-calls, by (24).",
        assumptions=("(24), so each $\\nabla f_{\\xi_i}$ is $L$-Lipschitz", r"$\mu_0,\nu,n$ fixed, $q\ge1$"),
        parts=(
            Part(
                "all gradient evaluations counted",
                calls,
                printed=Calls(2, lambda x: 1 + 2 / x, lambda x: 2 * x + 2),
                broken=Calls(2, lambda x: 1, lambda x: 1),
                note=r"$T+2qn$ per outer loop; at most $(1+\frac2x)T+(2x+2)\frac{L D_f}\nu\frac{T^{2/3}}\epsilon$ "
                r"with $x=\mu_0d_0$. $\nu$ falls like $1/n$, so a fixed $n$ is part of the order.",
            ),
            Part(
                r"not above the order eps^-2 for T <= eps^(-3/2)",
                cheaper,
                printed=lambda t3, s: t3**2 + s,
                broken=lambda t3, s: t3 / 2,
                bears=False,
                note=r"$T+T^{2/3}/\epsilon\le2\epsilon^{-2}$ if $T\le\epsilon^{-3/2}$; for $T\gg\epsilon^{-2}$ the "
                r"full gradients alone cost more.",
            ),
        ),
    ),
]
