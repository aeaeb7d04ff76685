"""Section 3: Theorem 5 (variance reduction), its parameters, its bound, its hypotheses and its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from .theorem_5_bound import E_LOW, Smoothness, condition, simulated_runs, variance_reduced_bound

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
                r"$L$-Lipschitz the printed constants are proved by $f+c_t\|x_t-\tilde x\|^2$, with slack in each of "
                r"the four terms of the condition on $\nu$; $n\le T$ is not used.",
            ),
            Part(
                "simulated runs with damping, single gradients L-Lipschitz, some terms concave",
                simulated_runs,
                printed=1.0,
                broken=1e-5,
                bears=False,
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
