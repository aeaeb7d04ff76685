"""Section 3.1: what moving epsilon under the root, into the state, does to the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp

from optassay.optimizers import Adam, AdaMomentum

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part, Sampled, Way, Witness
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


def final(place: str, premise: str) -> Problem:
    """``1 - delta`` against step / approximate step, where v' is at most ``delta`` epsilon or its root is.

    ``place``: "inside" alpha/sqrt(v' + eps/(1-b2)), "outside" alpha/(sqrt(v') + eps). ``premise``: "v" or "root".
    """

    def sides(values: Any, functions: Any) -> tuple[Any, ...]:
        share, k, b2, delta = values
        eps = delta * 0 + _power_of_ten(k, functions)
        v = share * delta * eps if premise == "v" else (share * delta * eps) ** 2
        if place == "inside":
            ratio = functions.sqrt(eps / (1 - b2)) / functions.sqrt(v + eps / (1 - b2))
        else:
            ratio = eps / (functions.sqrt(v) + eps)
        return 1 - delta, ratio

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


def _final_proof(budget: Budget) -> list[Evidence]:
    share = X / (1 + X)
    delta = Y / (1 + Y)
    inside = {V: share * delta * EPS, B2: Z / (1 + Z), D: delta}
    return list(
        inequality(
            {
                "inside, squared: (1 - delta)^2 (v + eps/(1-b2)) <= eps/(1-b2)": Inequality(
                    (1 - D) ** 2 * (V + EPS / (1 - B2)), "<=", EPS / (1 - B2), inside
                ),
                "outside, r = sqrt(v) <= delta eps: (1 - delta)(r + eps) <= eps": Inequality(
                    (1 - D) * (V + EPS), "<=", EPS, inside
                ),
            },
            budget,
        )
    )


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
            printed=Never(MODULE, ["final('inside', 'v')"], _final_proof),
            broken=Never(MODULE, ["final('outside', 'v')"]),
            note=r"Even $\hat v'_t\ll\epsilon/(1-\beta_2)$ suffices.",
        ),
        Part(
            "Adam's step",
            never_violated,
            printed=Never(MODULE, ["final('outside', 'v')"]),
            broken=Never(MODULE, ["final('outside', 'v')"]),
            repair=Never(MODULE, ["final('outside', 'root')"], _final_proof),
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
    """sqrt(v') below ``level`` of (beta2, epsilon), epsilon below 1/(1 - beta2): 1/(1 - beta2) = 1 + x + z "
    "epsilon..."""
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

# --- stability ---

Place = Literal["inside", "outside"]


@dataclass(frozen=True)
class Threshold:
    """Largest stable ``alpha lambda`` of a quadratic's minimiser, by placement: beta1, beta2, epsilon to a value."""

    place: Place
    value: Callable[[Any, Any, Any], Any]


def _coefficient(place: Place, eps: Any, b2: Any, sqrt: Callable[[Any], Any]) -> Any:
    """``1 / sqrt(v_hat)`` with damping at v' = 0."""
    return sqrt((1 - b2) / eps) if place == "inside" else 1 / eps


THRESHOLD_REPLAY = """
import numpy as np
from proofs_check.adamomentum.damping import _runs_near
tried = np.array([witness["alpha lambda"]])
end = float(_runs_near(witness["place"], tried, np.array([witness["beta1"]]), 0.99, 1e-4, 4000)[0])
violated = (end < 1e-9) != (witness["alpha lambda"] < witness["stated edge"])
"""


def _threshold(statement: Threshold, budget: Budget) -> list[Evidence]:
    """Jury's conditions of the linearised map, and runs of the optimizers on either side of the threshold."""
    b, x, u, z = sp.symbols("beta1 x u z")
    # (theta, m) -> m' = b m + (1 - b) lam theta, theta' = theta - k m', with y = k lam; v' is of second order.
    y = sp.Symbol("y")
    jacobian = sp.Matrix([[1 - (1 - b) * y, -b], [(1 - b) * y, b]])  # in (theta, k m)
    polynomial = sp.Poly(sp.expand((z * sp.eye(2) - jacobian).det()), z)
    evidence: list[Evidence] = [
        *symbolic_identity(
            {
                "characteristic polynomial": Identity(polynomial.as_expr(), z**2 - (1 + b - (1 - b) * y) * z + b),
                "at -1 it vanishes at the edge": Identity(
                    polynomial.as_expr().subs(z, -1).subs(y, 2 * (1 + b) / (1 - b)), 0
                ),
                "at 1 it is (1 - beta1) y": Identity(polynomial.as_expr().subs(z, 1), (1 - b) * y),
            },
            budget,
        ),
        *inequality(
            {
                "below the edge Jury's condition at -1 holds": Inequality(
                    0, "<", 2 * (1 + b) - (1 - b) * y, {b: x / (1 + x), y: 2 * (1 + 2 * x) * u / (1 + u)}
                )
            },
            budget,
        ),
    ]
    b2, eps = 0.99, 1e-4
    beta1 = np.repeat([0.0, 0.5, 0.9], 2)
    below = np.tile([True, False], 3)
    edge = np.array([float(statement.value(x, b2, eps)) for x in beta1])
    actual = 2 * (1 + beta1) / (1 - beta1) / float(_coefficient(statement.place, eps, b2, np.sqrt))
    tried = np.where(below, 0.8, 1.25) * edge
    ends = _runs_near(statement.place, tried, beta1, b2, eps, budget.pick(4000, 20_000))
    wrong = (ends < 1e-9) != below
    if np.any(wrong):
        k = int(np.argmax(wrong))
        return [
            Witness(
                point={
                    "place": statement.place,
                    "beta1": beta1[k],
                    "alpha lambda": tried[k],
                    "end": ends[k],
                    "stated edge": edge[k],
                },
                first=Way("linear stability", float(edge[k]), "==", float(actual[k]), margin=1e-9 * float(actual[k])),
                second=Way("run: distance shrank (1) or not (0)", int(ends[k] < 1e-9), "==", int(below[k])),
                replay=THRESHOLD_REPLAY,
            )
        ]
    slack = float(np.min(np.abs(tried / actual - 1)))
    return [*evidence, Sampled("runs on either side of the edge", len(ends), 0, slack, "6 runs from 1e-6")]


def _runs_near(place: Place, alpha: Any, beta1: Any, b2: float, eps: float, steps: int) -> np.ndarray:
    """Largest distance over the last tenth of runs on theta^2/2 from 1e-6."""
    kind: Any = AdaMomentum if place == "inside" else Adam
    rule = kind(step_size=alpha, beta1=beta1, beta2=b2, epsilon=eps)
    x = np.full((len(alpha), 1), 1e-6)
    state, worst = rule.init(x), np.zeros(len(alpha))
    for t in range(steps):
        x, state = rule.step(x, x, state)
        if t >= 0.9 * steps:
            worst = np.maximum(worst, np.abs(x[:, 0]))
    return worst


_TINY = {B2: X / (1 + X), EPS: (1 + X) * Y / (1 + Y)}  # epsilon < 1 / (1 - beta2)


def _range_ratio(relation: str) -> Inequality:
    """Squared coefficients: inside ``(1 - b2)/eps``, outside ``1/eps^2``."""
    return Inequality((1 - B2) / EPS, relation, 1 / EPS**2, _TINY)  # type: ignore[arg-type]


def _toy(stable: Mapping[Place, bool]) -> ForAll:
    """Squares: alpha lambda at alpha = 1/10, lambda = 2, epsilon 1e-8, against the thresholds."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for place in stable:
            for alpha in (Fraction(1, 10), Fraction(1, 1000)):
                yield {"place": place, "alpha": alpha}

    def sides(p: Mapping[str, Any]) -> tuple[Any, Any]:
        squared = Fraction(10**5) if p["place"] == "inside" else Fraction(10**16)
        return (2 * p["alpha"]) ** 2 * squared, Fraction(38) ** 2

    return ForAll(
        points=points,
        sides=sides,
        relation="<",
        again=lambda p: (
            (2 * float(p["alpha"]) * float(_coefficient(p["place"], 1e-8, 0.999, np.sqrt))) ** 2,
            38.0**2,
        ),
        replay="from fractions import Fraction as F\n"
        "k = 1e5 ** 0.5 if witness['place'] == 'inside' else 1e8\n"
        "violated = 2 * float(F(witness['alpha'])) * k >= 38",
        exhaustive=True,
    )


_INSIDE_SMALL = replace(
    _toy({"inside": True}), points=lambda budget: iter([{"place": "inside", "alpha": Fraction(1, 1000)}])
)

STABILITY = Claim(
    id="adamomentum/damping-stability",
    location="section 3.1",
    statement=r"Moving $\epsilon$ under the root contributes to convergence and stability. Precise version: at a "
    r"quadratic's "
    r"minimiser it raises the largest linearly stable $\alpha\lambda_{\max}$, for every $\epsilon<1/(1-\beta_2)$.",
    parts=(
        Part(
            "threshold with epsilon inside (AdaMomentum)",
            _threshold,
            printed=Threshold("inside", lambda b, b2, e: 2 * (1 + b) / (1 - b) * (e / (1 - b2)) ** 0.5),
            broken=Threshold("inside", lambda b, b2, e: 2 * (1 + b) / (1 - b) * e),
            bears=False,
            note=r"$\alpha\lambda<\frac{2(1+\beta_1)}{1-\beta_1}\sqrt{\epsilon/(1-\beta_2)}$.",
        ),
        Part(
            "threshold with epsilon outside (Adam)",
            _threshold,
            printed=Threshold("outside", lambda b, b2, e: 2 * (1 + b) / (1 - b) * e),
            broken=Threshold("outside", lambda b, b2, e: 2 * (1 + b) / (1 - b) * (e / (1 - b2)) ** 0.5),
            bears=False,
            note=r"$\alpha\lambda<\frac{2(1+\beta_1)}{1-\beta_1}\epsilon$.",
        ),
        Part(
            "the stable range grows",
            inequality,
            printed=_range_ratio("<"),
            broken=_range_ratio(">"),
            note=r"By the factor $1/\sqrt{(1-\beta_2)\epsilon}$: $3.2\cdot10^5$ at $\epsilon=10^{-8}$, $3.2\cdot10^9$ "
            r"at "
            r"$10^{-16}$. Jury's conditions of the linearised map; $v$ enters in second order.",
        ),
        Part(
            "stable at the toy's and at the default step size",
            for_all,
            printed=_toy({"inside": True}),
            broken=_toy({"outside": True}),
            repair=_INSIDE_SMALL,
            repair_note=r"$\alpha=10^{-3}$ (with $\epsilon=10^{-8}$, $\lambda=2$)",
            bears=False,
            note=r"$\lambda=2$ (sphere), $\epsilon=10^{-8}$: at $\alpha=0.1$ neither minimiser is stable "
            r"($\alpha\lambda/\sqrt{1000\epsilon}=63>38$; Adam's $2\cdot10^7$), at $\alpha=10^{-3}$ AdaMomentum's is "
            r"(0.63). "
            r"With $\epsilon=10^{-16}$ it is not even there (6325). Where both are stable the inner placement is the "
            r"slower "
            "one for small steps.",
        ),
    ),
)
CLAIMS = [IDENTITY, FINAL, INNER, STABILITY]
