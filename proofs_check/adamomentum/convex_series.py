"""Appendix C.1.2, (19): the series of the geometric decays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled


@dataclass(frozen=True)
class Series:
    """``sum_{t<=T} t lam^t <= limit(lam)``, with ``sqrt(t) <= t``, for 0 < lam < 1."""

    limit: Callable[[Any], Any]


def _series(statement: Series, budget: Budget) -> list[Evidence]:
    lam, t, x = sp.symbols("lam T x", positive=True)
    below = {lam: x / (1 + x)}
    closed = (lam - (t + 1) * lam ** (t + 1) + t * lam ** (t + 2)) / (1 - lam) ** 2
    step = closed.subs(t, t + 1) - closed - (t + 1) * lam ** (t + 1)
    k = sp.Symbol("k")
    exact = {
        "closed form of sum t lam^t, start": is_zero(closed.subs(t, 0)),
        "closed form of sum t lam^t, step": is_zero(sp.expand_power_exp(sp.expand(step))) or is_zero(step),
        "what is missing to lam / (1 - lam)^2": is_zero(
            sp.expand((lam / (1 - lam) ** 2 - closed) * (1 - lam) ** 2 - lam ** (t + 1) * (1 + t * (1 - lam)))
        ),
    }
    return [
        *inequality(
            {
                "lam / (1 - lam)^2 is below the limit": Inequality(
                    lam / (1 - lam) ** 2, "<=", statement.limit(lam), below
                ),
                "t <= t^2 for t >= 1": Inequality(1 + k, "<=", (1 + k) ** 2),
            },
            budget,
        ),
        Exact("symbolic", exact),
    ]


def _growth(power: float, budget: Budget) -> list[Evidence]:
    """``(1 - lam)^power sum sqrt(t) lam^t`` tends to a finite positive limit: polylogarithm, in 50 digits."""
    import mpmath

    del budget
    with mpmath.workdps(50):
        values = [
            float(mpmath.polylog(mpmath.mpf(-1) / 2, 1 - mpmath.mpf(10) ** -k).real * mpmath.mpf(10) ** (-k * power))
            for k in (3, 4, 5)
        ]
    drift = abs(values[-1] / values[0] - 1)
    return [Sampled("polylogarithm", 3, int(drift > 0.05), 0.05 - drift, "1 - lam = 1e-3 to 1e-5", {"values": values})]


EQUATION_19 = Claim(
    id="adamomentum/equation-19",
    location="C.1.2, (19)",
    statement=r"$\sum_{t\le T}\lambda^t\sqrt t\le\sum_{t\le T}t\lambda^t\le(1-\lambda)^{-2}$.",
    assumptions=(r"$0<\lambda<1$",),
    parts=(
        Part(
            "both inequalities",
            _series,
            printed=Series(lambda lam: (1 - lam) ** -2),
            broken=Series(lambda lam: (1 - lam) ** -1),
            note=r"Sharp: $\sum_{t\ge1}t\lambda^t=\lambda/(1-\lambda)^2$, the missing part being "
            r"$\lambda^{T+1}(1+T(1-\lambda))/(1-\lambda)^2$. At $\lambda=1$ the last member is infinite, for "
            r"$\lambda>1$ "
            "it is false.",
        ),
        Part(
            "what the first inequality gives away as lam tends to one",
            _growth,
            printed=1.5,
            broken=2.0,
            bears=False,
            note=r"$\sum\lambda^t\sqrt t\sim\Gamma(\frac32)(1-\lambda)^{-3/2}$: too large by $(1-\lambda)^{-1/2}$.",
        ),
    ),
)
