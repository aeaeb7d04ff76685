"""Section 3.1: what moving epsilon under the root, into the state, does to the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part
from ..search import Never, Problem, never_violated

MODULE = __name__
B2, EPS, V, D, X, Y, Z = sp.symbols("beta2 epsilon v delta x y z")

# --- v_hat = v_hat' + epsilon / (1 - beta2) ---


def _debiased(extra: Callable[[Any, Any], Any]) -> dict[str, Identity]:
    """Lines 6 and 8 against the sum, for the first steps and, by the recursion, for all."""
    identities = {}
    for t in range(1, 5):
        squares = sp.symbols(f"q1:{t + 1}")  # m_i^2
        v = sp.Integer(0)
        for q in squares:
            v = B2 * v + (1 - B2) * q + EPS
        plain = (1 - B2) * sum(B2 ** (t - i) * q for i, q in enumerate(squares, 1))
        identities[f"t = {t}"] = Identity(v / (1 - B2**t), plain / (1 - B2**t) + extra(EPS, B2))
    w, q, n = sp.symbols("w q n")  # w = v'_t uncorrected, n = beta2^t
    old = w + extra(EPS, B2) * (1 - n)
    identities["from t to t + 1"] = Identity(
        B2 * old + (1 - B2) * q + EPS, B2 * w + (1 - B2) * q + extra(EPS, B2) * (1 - B2 * n)
    )
    return identities


IDENTITY = Claim(
    id="adamomentum/debiased-second-moment-identity",
    location="section 3.1",
    statement=r"$\hat v_t=\hat v'_t+\epsilon/(1-\beta_2)$, $\hat v'_t=\frac{1-\beta_2}{1-\beta_2^t}\sum_{i\le t}"
    r"\beta_2^{t-i}m_i^2$.",
    assumptions=(r"$v_0=0$, $t\ge1$",),
    parts=(
        Part(
            "every t",
            symbolic_identity,
            printed=_debiased(lambda e, b: e / (1 - b)),
            broken=_debiased(lambda e, b: e),
            note=r"The correction makes the share of $\epsilon$ exactly constant from $t=1$ on: $1000\,\epsilon$ at "
            r"the default.",
        ),
    ),
)

# --- the two steps in the final stage ---


def final(place: str, premise: str, share: int = 1) -> Problem:
    """``1 - delta / share`` against step / approximate step, where v' is at most ``delta`` epsilon or its root is.

    ``place``: "inside" alpha/sqrt(v' + eps/(1-b2)), "outside" alpha/(sqrt(v') + eps). ``premise``: "v" or "root".
    """

    def sides(values: Any, functions: Any) -> tuple[Any, ...]:
        part, k, b2, delta = values
        eps = delta * 0 + _power_of_ten(k, functions)
        v = part * delta * eps if premise == "v" else (part * delta * eps) ** 2
        if place == "inside":
            ratio = functions.sqrt(eps / (1 - b2)) / functions.sqrt(v + eps / (1 - b2))
        else:
            ratio = eps / (functions.sqrt(v) + eps)
        return 1 - delta / share, ratio

    return Problem(
        ["share", "k", "beta2", "delta"],
        [0, 8, Fraction(1, 2), Fraction(1, 1000)],
        [1, 16, Fraction(999, 1000), Fraction(1, 2)],
        sides,
        "ball",
    )


def _power_of_ten(k: Any, functions: Any) -> Any:
    """``10^-k`` for any kind of number, as the root of ``100^-k``; k is real in the search."""
    if isinstance(k, np.ndarray):
        return 10.0**-k
    del functions
    return type(k)(10) ** (-k)


def _final_proof(place: str, premise: str, share: int, budget: Budget) -> list[Evidence]:
    """What the premise bounds, v' or its root, is ``V = part delta epsilon``; inside the root the steps are squared."""
    delta = Y / (1 + Y)
    small = {V: X / (1 + X) * delta * EPS, B2: Z / (1 + Z), D: delta}
    rest, level = 1 - D / share, EPS / (1 - B2)
    forms = {
        ("inside", "v"): Inequality(rest**2 * (V + level), "<=", level, small),
        ("outside", "root"): Inequality(rest * (V + EPS), "<=", EPS, small),
    }
    return sufficient({f"{place}, {premise}: (1 - delta / share) divisor <= its limit": forms[place, premise]}, budget)


def final_step(place: str, premise: str, share: int = 1) -> Never:
    """The step of the final stage to a relative error of ``delta / share``, and what proves it."""
    call = f"final('{place}', '{premise}', {share})"
    return Never(MODULE, [call], partial(_final_proof, place, premise, share))


def _much_smaller(bound: Fraction) -> ForAll:
    """Square of the ratio of the two final steps, ``(1 - b2) eps``, against ``bound`` squared."""
    return ForAll(
        points=lambda budget: ({"epsilon": Fraction(1, 10**k), "beta2": Fraction(999, 1000)} for k in range(8, 17)),
        sides=lambda p: ((1 - p["beta2"]) * p["epsilon"], bound**2),
        relation="<=",
        again=lambda p: ((0.1 * float(p["epsilon"])) * 0.01, float(bound) ** 2),
        replay="from fractions import Fraction as F\n"
        f"violated = (1 - F(witness['beta2'])) * F(witness['epsilon']) > F('{bound}') ** 2",
        margins=(0.0, 0.0),
        proof=lambda budget: inequality(
            {"the ratio rises with epsilon": Inequality((1 - B2) * EPS, "<=", (1 - B2) * (EPS + V), {B2: X / (1 + X)})},
            budget,
        ),
    )


FINAL = Claim(
    id="adamomentum/final-stage-steps",
    location="section 3.1",
    statement=r"Where $\hat v'_t\ll\epsilon$ the steps $\alpha/\sqrt{\hat v'_t+\epsilon/(1-\beta_2)}$ and "
    r"$\alpha/(\sqrt{\hat v'_t}+\epsilon)$ are about $\sqrt{1-\beta_2}\,\alpha/\sqrt\epsilon$ and $\alpha/\epsilon$, "
    r"the first "
    r"much smaller. Judged: $\hat v'_t\le\delta\epsilon$ gives each to a relative error of $\delta$.",
    assumptions=(r"$\epsilon\in[10^{-16},10^{-8}]$, $\beta_2=0.999$ for the last sentence",),
    parts=(
        Part(
            "AdaMomentum's step",
            never_violated,
            printed=final_step("inside", "v"),
            broken=Never(MODULE, ["final('outside', 'v')"]),
            note=r"Even $\hat v'_t\ll\epsilon/(1-\beta_2)$ suffices.",
        ),
        Part(
            "Adam's step",
            never_violated,
            printed=Never(MODULE, ["final('outside', 'v')"]),
            broken=Never(MODULE, ["final('outside', 'v')"]),
            repair=final_step("outside", "root"),
            repair_note=r"$\sqrt{\hat v'_t}\le\delta\epsilon$, that is $\hat v'_t\ll\epsilon^2$",
            note=r"The step is $\frac\alpha\epsilon/(1+\sqrt{\hat v'_t}/\epsilon)$. At $\epsilon=10^{-8}$, "
            r"$\hat v'_t=10^{-10}$ it is 1000 times shorter than $\alpha/\epsilon$. Over $\hat v'_t\in[0,1]$ the "
            r"approximation is off by up to $1+1/\epsilon$, AdaMomentum's by up to $\sqrt{1+(1-\beta_2)/\epsilon}$.",
        ),
        Part(
            "ratio of the approximate steps",
            for_all,
            printed=_much_smaller(Fraction(1, 10**5)),
            broken=_much_smaller(Fraction(1, 10**9)),
            note=r"$\sqrt{(1-\beta_2)\epsilon}$: $3.2\cdot10^{-6}$ at $\epsilon=10^{-8}$, $3.2\cdot10^{-10}$ at "
            r"$10^{-16}$.",
        ),
    ),
)

# --- at equal v' ---

# r = sqrt(v'); inner: r^2 + e/(1 - b2); outer squared: (r + e)^2
_INNER = V**2 + EPS / (1 - B2)
_OUTER = (V + EPS) ** 2


def _below(level: Any) -> Mapping[Any, Any]:
    """sqrt(v') below ``level`` of (beta2, epsilon), epsilon below 1/(1 - beta2): 1/(1 - beta2) = 1 + x."""
    b2 = X / (1 + X)
    eps = (1 + X) * Y / (1 + Y)
    return {B2: b2, EPS: eps, V: Z / (1 + Z) * level(b2, eps)}


def _edge(b2: Any, eps: Any) -> Any:
    return (1 / (1 - b2) - eps) / 2


def own_moments(ratio: Any) -> Inequality:
    """Squared denominators where AdaMomentum's v' is ``ratio`` times Adam's."""
    return Inequality((V + EPS) ** 2, "<=", ratio * V**2 + EPS / (1 - B2), {B2: X / (1 + X)})


INNER = Claim(
    id="adamomentum/inner-damping-reduces-step",
    location="section 3.1",
    statement=r"Moving $\epsilon$ under the root further reduces the steps near minima (judged: at equal $\hat v'_t$).",
    assumptions=(r"near minima: $\sqrt{\hat v'_t}<\frac12(\frac1{1-\beta_2}-\epsilon)$, $\epsilon<1/(1-\beta_2)$",),
    parts=(
        Part(
            "shorter near minima",
            inequality,
            printed=Inequality(_OUTER, "<", _INNER, _below(_edge)),
            broken=Inequality(_INNER, "<", _OUTER, _below(_edge)),
            note=r"Exactly where $2\sqrt{\hat v'_t}+\epsilon<1/(1-\beta_2)$: $\hat v'_t<2.5\cdot10^5$ at "
            r"$\beta_2=0.999$, so near "
            "every minimum (and almost everywhere else).",
        ),
        Part(
            "the set is exact: equality at its edge",
            symbolic_identity,
            printed=Identity(_OUTER.subs(V, _edge(B2, EPS)), _INNER.subs(V, _edge(B2, EPS))),
            broken=Identity(_OUTER.subs(V, _edge(B2, EPS) / 2), _INNER.subs(V, _edge(B2, EPS) / 2)),
            bears=False,
            note="Beyond it the inner placement makes steps longer.",
        ),
        Part(
            "for every v'",
            inequality,
            printed=Inequality(_OUTER, "<", _INNER, {B2: X / (1 + X)}),
            broken=Inequality(_INNER, "<", _OUTER, _below(_edge)),
            repair=Inequality(_OUTER, "<", _INNER, _below(_edge)),
            repair_note=r"$2\sqrt{\hat v'_t}+\epsilon<1/(1-\beta_2)$",
            bears=False,
        ),
        Part(
            "each method with its own v'",
            inequality,
            printed=own_moments(sp.Rational(1, 361)),
            broken=own_moments(sp.Integer(0)),
            repair=Inequality(
                (V + EPS) ** 2,
                "<=",
                V**2 / 361 + EPS / (1 - B2),
                {B2: X / (1 + X), EPS: (1 + X) / (1 + Y) / 4, V: Z / (1 + Z) * (1 + X) / (1 + Y) / 4},
            ),
            repair_note=r"$\sqrt{v'}\le\epsilon\le\frac1{4(1-\beta_2)}$, for instance",
            bears=False,
            note=r"AdaMomentum's own $v'$ may be as small as 1/361 of Adam's; away from the immediate neighbourhood of "
            r"the "
            "minimum its step is then the longer one.",
        ),
    ),
)

CLAIMS = [IDENTITY, FINAL, INNER]
