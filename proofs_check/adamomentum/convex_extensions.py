"""Section 4.1: the rate of theorem 1's bound, and the version with bias corrections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness
from ..search import Never, never_violated
from .convex_theorem import MODULE as THEOREM_MODULE
from .convex_theorem import theorem_proof

# --- corrections ---


def _weights_rise(budget: Budget) -> list[Evidence]:
    """``t (1 - b1^t)^2 / (1 - b2^t)`` does not fall: t / (1 - b^t) rises by Bernoulli's inequality, 1 - b1^t rises."""
    x, n = sp.symbols("x n")
    b = sp.Symbol("b")
    # t/(1 - b^t) <= (t+1)/(1 - b^{t+1}) iff t b^t (1 - b) <= 1 - b^t; with S_t = sum_{k<t} b^k: t b^t <= S_t.
    y = sp.Symbol("y")
    return [
        *symbolic_identity(
            {
                "cross-multiplied difference": Identity((n + 1) * (1 - y) - n * (1 - b * y), (1 - y) - n * y * (1 - b)),
                "step: S_{t+1} - (t+1) b^{t+1} from S_t - t b^t": Identity(
                    (sp.Symbol("S") + y) - (n + 1) * b * y, (sp.Symbol("S") - n * y) + (n + 1) * y * (1 - b)
                ),
            },
            budget,
        ),
        *inequality({"the step is positive": Inequality((n + 1) * y * (1 - b), ">", 0, {b: x / (1 + x)})}, budget),
    ]


def _debiased_proof(form: str, budget: Budget) -> list[Evidence]:
    x, y, b, u = sp.symbols("x y b u")
    power = {
        "1 / (1 - beta1^t) <= a: beta1^t <= beta1": Inequality(b * u, "<=", b, {b: x / (1 + x), u: y / (1 + y)}),
    }
    return [*theorem_proof(form, False, True, budget), *_weights_rise(budget), *inequality(power, budget)]


def debiased_bound(form: str, sizes: Sequence[int]) -> Never:
    """One of theorem 1's forms for the version with corrections, and what proves it."""
    problems = [f"bound({t}, '{form}', debias=True)" for t in sizes]
    return Never(THEOREM_MODULE, problems, partial(_debiased_proof, form))


def _corrected_steps(factor: Callable[[Any], Any]) -> dict[str, Inequality]:
    """Section 4.2's two uses of ``w_t``, squared, for ``w^_t = alpha_t / ((1 - beta1^t) sqrt(v^_t))``.

    (21) asks for ``w^2 <= factor alpha^2 / c`` where ``v_t >= c``, (24) for ``w^2 >= alpha^2 / H^2`` where
    ``v^ <= H^2``.
    """
    b, power1, power2, v, c, h, alpha, x, y, z = sp.symbols("b p q v c H alpha x y z")
    inside = {b: x / (1 + x), power1: x / (1 + x) / (1 + y), power2: z / (1 + z)}  # beta1, beta1^t, beta2^t
    return {
        "(21)": Inequality(
            alpha**2 * (1 - power2) / ((1 - power1) ** 2 * v), "<=", factor(b) * alpha**2 / c, inside | {v: c + h}
        ),
        "(24)": Inequality(alpha**2 / h**2, "<=", alpha**2 / ((1 - power1) ** 2 * v), inside | {v: h**2 / (1 + c)}),
    }


DEBIASED = Claim(
    id="adamomentum/debiased-version",
    location="section 4",
    statement=r"The analysis can be easily adapted to the de-biased version. Judged: theorem 1's bound, with $\hat "
    r"v_t$ for "
    r"$v_t$ in its first two terms and the same constants, holds for $\theta_{t+1}=\theta_t-\alpha_t\hat "
    r"m_t/\sqrt{\hat v_t}$; theorem 2's proof asks nothing of its steps that the corrected ones do not have.",
    assumptions=(
        r"$\hat m_t=m_t/(1-\beta_1^t)$, $\hat v_t=v_t/(1-\beta_2^t)$; $D$ reaching to $\theta^*$",
        r"$v_t\le v_{t+1}$ "
        r"or $\hat v_t\le\hat v_{t+1}$, $\gamma<1$",
    ),
    parts=(
        Part(
            "the bound with corrected second moments",
            never_violated,
            printed=debiased_bound("printed", (1, 2, 3)),
            broken=Never(THEOREM_MODULE, ["bound(1, 'two', debias=True)", "bound(2, 'two', debias=True)"]),
            note=r"$W_t=(1-\beta_1^t)\sqrt{t\hat v_t}/\alpha$ still does not fall, since "
            r"$t(1-\beta_1^t)^2/(1-\beta_2^t)$ "
            r"rises; $W_t\le\sqrt{t\hat v_t}/\alpha$ serves the first two terms, and $1/W_t\le a\,\alpha/\sqrt{tv_t}$ "
            r"costs one "
            r"factor $a$ in the last, which $a^3/(1-\gamma)\ge a^4$ pays.",
        ),
        Part(
            r"section 4.2: what its proof asks of $\hat w_t=\alpha_t/((1-\beta_1^t)\sqrt{\hat v_t})$",
            inequality,
            printed=_corrected_steps(lambda b: (1 - b) ** -2),
            broken=_corrected_steps(lambda b: 1),
            note=r"The method moves by $\hat w_tm_t$, and lemmas 5 to 11 hold for any positive steps (see "
            r"theorem-5-inequality-20). So theorem 2 stands with $\hat w_t\ge\hat w_{t+1}$ for its condition and "
            r"$a\alpha$ for $\alpha$ in (21)-(23). That condition does not follow from $w_t\ge w_{t+1}$, as "
            r"$\sqrt{1-\beta_2^t}/(1-\beta_1^t)$ falls and then rises (at the defaults from $t=12$ on).",
        ),
        Part(
            "unchanged, with raw second moments on the right",
            never_violated,
            printed=Never(THEOREM_MODULE, ["bound(1, debias=True, hat=False)", "bound(2, debias=True, hat=False)"]),
            broken=Never(THEOREM_MODULE, ["bound(1, 'two', debias=True)"]),
            bears=False,
            note="Searched, not proved: the corrected terms are the ones that the proof gives.",
        ),
    ),
)

# --- the rate ---


@dataclass(frozen=True)
class Rate:
    """``sum_{t<=T} t^{1/2 - decay} = O(T^power log T)``: the second term under ``beta_{1,t} = beta1 t^{-decay}``."""

    power: Fraction
    decay: int


def _rate(statement: Rate, budget: Budget) -> list[Evidence]:
    """Squeeze the sum between integrals, take limits; where it grows faster, a T at which it is 20 times too large."""
    del budget
    x, n = sp.symbols("x n", positive=True)
    summand = x ** (sp.Rational(1, 2) - statement.decay)
    integral = sp.integrate(summand, (x, 1, n))
    power = sp.Rational(statement.power.numerator, statement.power.denominator)
    target = n**power * (1 + sp.log(n))
    # The sum and the integral from 1 differ by at most the first and the last summand.
    ratios = [sp.limit((integral + extra) / target, n, sp.oo) for extra in (0, 1 + summand.subs(x, n))]
    if ratios[0] == sp.oo:
        size = 10**6
        total = float(np.sum(np.arange(1, size + 1, dtype=float) ** (0.5 - statement.decay)))
        allowed = float(20 * target.subs(n, size))
        return [
            Witness(
                point={"decay": statement.decay, "power": statement.power, "T": size, "constant": 20},
                first=Way("integral below the sum", float(integral.subs(n, size)), "<=", allowed),
                second=Way("sum in floating point", total, "<=", allowed, margin=1e-9 * total),
                replay=_RATE_REPLAY,
            )
        ]
    steps = {"the ratio to T^power log T stays finite": all(r.is_finite for r in ratios)}
    return [Exact("symbolic", steps, {"limit of the ratio": [str(r) for r in ratios]})]


_RATE_REPLAY = """
from fractions import Fraction
from math import fsum, log
n = witness["T"]
total = fsum(t ** (0.5 - witness["decay"]) for t in range(1, n + 1))
violated = total > witness["constant"] * n ** float(Fraction(witness["power"])) * (1 + log(n))
"""


def _outer_terms(power: int) -> dict[str, Inequality]:
    """Squares of the first term, T v_T, and of the norm of the gradients over G, against T^(power/2) squared."""
    n, v, g = sp.symbols("n v g")  # T = 1 + n, v and each g^2 at most one
    below = {v: X / (1 + X), g: Y / (1 + Y)}
    return {
        "first term": Inequality((1 + n) * v, "<=", (1 + n) ** (power - 1), below),
        "last term": Inequality((1 + n) * g, "<=", (1 + n) ** (power - 1), below),
    }


def _sparse() -> Inequality:
    """``(sum sqrt v)^2 <= d sum v`` for two coordinates."""
    return Inequality((X + (X + Y)) ** 2, "<=", 2 * (X**2 + (X + Y) ** 2))


X, Y = sp.symbols("x y")
HALF = Fraction(1, 2)
RATE = Claim(
    id="adamomentum/theorem-1-rate-remark",
    location="4.1, after theorem 1",
    statement=r"Theorem 1's bound is $\tilde O(\sqrt T)$, and smaller still for sparse features.",
    assumptions=(r"bounded gradients, so that $v_t$ is bounded and $\|g_{1:T,i}\|_2=O(\sqrt T)$",),
    figures=("adamomentum/regret-bound-slack",),
    parts=(
        Part(
            "second term",
            _rate,
            printed=Rate(HALF, 0),
            broken=Rate(Fraction(1), 0),
            repair=Rate(HALF, 1),
            repair_note=r"$\tilde O(\sqrt T)$ if $\sum_t\beta_{1,t}\sqrt t=O(\sqrt T)$, as for "
            r"$\beta_{1,t}\le\beta_1/t$ or "
            r"geometric decay",
            note=r"For constant $\beta_{1,t}=\beta_1$, which the theorem admits and Algorithm 1 uses, the second term "
            r"is "
            r"$\Theta(T^{3/2})$ as long as $v_t$ is bounded below: above the trivial $O(T)$, so that the theorem says "
            r"nothing.",
        ),
        Part(
            "first and last term",
            inequality,
            printed=_outer_terms(2),
            broken=_outer_terms(1),
            note=r"$v_{t,i}\le G^2$ and $\|g_{1:T,i}\|_2\le G\sqrt T$: both are $\tilde O(\sqrt T)$ (compared as "
            r"squares).",
        ),
        Part(
            "sparse features",
            inequality,
            printed=_sparse(),
            broken=Inequality((X + Y) ** 2, "<=", X**2 + Y**2),
            bears=False,
            note=r"$\sum_i\sqrt{v_i}\le\sqrt{d\sum_iv_i}$, equal for equal coordinates, so sparsity shrinks the first "
            r"terms; "
            r"$\sum_i\sqrt{v_{T,i}}\ll\sqrt d$ needs small gradients as well. Geometric decay makes the second term "
            r"$O(1)$.",
        ),
    ),
)
CLAIMS = [RATE, DEBIASED]
