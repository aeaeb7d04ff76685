"""Section 3.1: linear stability of a quadratic's minimiser with epsilon inside and outside the root."""

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

B2, EPS, X, Y = sp.symbols("beta2 epsilon x y")

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
from proofs_check.adamomentum.damping_stability import _runs_near
tried = np.array([witness["alpha lambda"]])
end = float(_runs_near(witness["place"], tried, np.array([witness["beta1"]]), 0.99, 1e-4, 4000)[0])
violated = (end < 1e-9) != (witness["alpha lambda"] < witness["stated edge"])
"""


def _linear(statement: Threshold, budget: Budget) -> list[Evidence]:
    """Jury's conditions of the linearised map, for every curvature and decay, and the stated edge against theirs.

    With ``k`` the coefficient at v' = 0 and ``y = k alpha lambda``: ``m' = b m + (1 - b) lambda theta``,
    ``theta' = theta - k alpha m'``; v' is of second order.
    """
    b, x, u, z, y, b2, w, eps = sp.symbols("beta1 x u z y beta2 w epsilon", positive=True)
    jacobian = sp.Matrix([[1 - (1 - b) * y, -b], [(1 - b) * y, b]])  # in (theta, k alpha m)
    polynomial = sp.expand((z * sp.eye(2) - jacobian).det())
    edge = 2 * (1 + b) / (1 - b)
    m, root, level = sp.symbols("m r e", positive=True)
    inside = m / sp.sqrt(b2 * root + (1 - b2) * m**2 + level)
    over = {b: ("1/2", "1/3"), w: ("1/4", "1/9"), eps: ("1/4", "1/9")}
    identities = {
        "characteristic polynomial": Identity(polynomial, z**2 - (1 + b - (1 - b) * y) * z + b),
        "at -1 it vanishes at the edge": Identity(polynomial.subs(z, -1).subs(y, edge), 0),
        "at 1 it is (1 - beta1) y": Identity(polynomial.subs(z, 1), (1 - b) * y),
        "at -1 it is 2 (1 + beta1) - (1 - beta1) y": Identity(polynomial.subs(z, -1), 2 * (1 + b) - (1 - b) * y),
        "outside: m / (r + eps) is m / eps but for a product of m and r = sqrt(v')": Identity(
            m / (root + level) - m / level, -m * root / (level * (root + level))
        ),
        "inside: no slope in v at m = 0": Identity(sp.diff(inside, root).subs(m, 0), 0),
        "the stated edge, beta2 = 1 - w": Identity(
            statement.value(b, 1 - w, eps) * _coefficient(statement.place, eps, 1 - w, sp.sqrt), edge, over
        ),
    }
    below = {b: x / (1 + x), y: 2 * (1 + 2 * x) * u / (1 + u)}
    bounds = {
        "below the edge Jury's condition at -1 holds": Inequality(0, "<", 2 * (1 + b) - (1 - b) * y, below),
        "above it does not": Inequality(2 * (1 + b) - (1 - b) * y, "<", 0, below | {y: 2 * (1 + 2 * x) * (1 + u)}),
        "the product of the roots, beta1, is below one": Inequality(b, "<", 1, below),
    }
    return [*symbolic_identity(identities, budget), *inequality(bounds, budget)]


def _threshold(statement: Threshold, budget: Budget) -> list[Evidence]:
    """Runs of the optimizers on either side of the threshold."""
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
    return [Sampled("runs on either side of the edge", len(ends), 0, slack, "6 runs from 1e-6")]


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

_INSIDE = Threshold("inside", lambda b, b2, e: 2 * (1 + b) / (1 - b) * (e / (1 - b2)) ** Fraction(1, 2))
_OUTSIDE = Threshold("outside", lambda b, b2, e: 2 * (1 + b) / (1 - b) * e)


def _swapped(edge: Threshold, place: Place) -> Threshold:
    """The edge of one placement claimed of the other."""
    return replace(edge, place=place)


STABILITY = Claim(
    id="adamomentum/damping-stability",
    location="section 3.1",
    statement=r"Moving $\epsilon$ under the root contributes to convergence and stability. Precise version: at a "
    r"quadratic's "
    r"minimiser it raises the largest linearly stable $\alpha\lambda_{\max}$, for every $\epsilon<1/(1-\beta_2)$.",
    parts=(
        Part(
            "threshold with epsilon inside (AdaMomentum)",
            _linear,
            printed=_INSIDE,
            broken=_swapped(_OUTSIDE, "inside"),
            note=r"$\alpha\lambda<\frac{2(1+\beta_1)}{1-\beta_1}\sqrt{\epsilon/(1-\beta_2)}$.",
        ),
        Part(
            "threshold with epsilon outside (Adam)",
            _linear,
            printed=_OUTSIDE,
            broken=_swapped(_INSIDE, "outside"),
            note=r"$\alpha\lambda<\frac{2(1+\beta_1)}{1-\beta_1}\epsilon$.",
        ),
        *(
            Part(
                f"runs on either side of the threshold, epsilon {edge.place}",
                _threshold,
                printed=edge,
                broken=_swapped(other, edge.place),
                bears=False,
            )
            for edge, other in ((_INSIDE, _OUTSIDE), (_OUTSIDE, _INSIDE))
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
CLAIMS = [STABILITY]
