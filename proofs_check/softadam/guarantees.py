"""Section 3: which convergence guarantees of SGD carry over, with which learning rate, and the best rate provable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part, Sampled
from .transcription import ratio

ALPHA, ETA, R, X, L, D = sp.symbols("alpha eta r x L d")
S, U, W, Q = sp.symbols("p u w q")

# --- deterministic smooth descent, beta_1 = 0 ---


def _increase(point: Mapping[str, Any]) -> float:
    """Largest f(theta_{t+1}) - f(theta_t) relative to f(theta_t) on f = sum lambda e^2/2, a lower bound in balls."""
    import flint

    def ball(value: Fraction | int) -> Any:
        return flint.arb(flint.fmpq(Fraction(value).numerator, Fraction(value).denominator))

    lam, e = ([ball(Fraction(v)) for v in point[k]] for k in ("eigenvalues", "start"))
    alpha, eta, beta2 = (Fraction(point[k]) for k in ("alpha", "eta", "beta2"))
    v = [0 * x for x in e]
    worst = -math.inf
    for t in range(1, point["steps"] + 1):
        b = min(beta2, 1 - Fraction(1, t))
        r = ball((1 - beta2) / (1 - b)).sqrt()
        g = [x * y for x, y in zip(lam, e, strict=True)]
        v = [ball(b) * x + ball(1 - b) * y * y for x, y in zip(v, g, strict=True)]
        mean = sum(v) / len(v)
        new = [x - ball(alpha) * ratio(ball(eta), r, (y / mean).sqrt()) * z for x, y, z in zip(e, v, g, strict=True)]
        before, after = (sum(x * y * y for x, y in zip(lam, z, strict=True)) for z in (e, new))
        worst = max(worst, float(((after - before) / before).lower()))
        e = new
    return worst


def _increase_of_the_rule(point: Mapping[str, Any]) -> float:
    """The same in floating point by the library's rule."""
    import numpy as np

    from optassay.optimizers.softadam import SoftAdam

    lam, theta = (np.array([float(Fraction(v)) for v in point[k]]) for k in ("eigenvalues", "start"))
    alpha, eta, beta2 = (float(Fraction(point[k])) for k in ("alpha", "eta", "beta2"))
    rule = SoftAdam.paper(step_size=alpha, beta1=0.0, beta2=beta2, eta=eta, epsilon=0.0)
    state, values = rule.init(theta), [float(lam @ theta**2)]
    for _ in range(point["steps"]):
        theta, state = rule.step(theta, lam * theta, state)
        values.append(float(lam @ theta**2))
    return max((after - before) / before for before, after in pairwise(values))


RISES = """
from fractions import Fraction as F
from math import sqrt
lam, e = ([float(F(v)) for v in witness[k]] for k in ("eigenvalues", "start"))
alpha, eta, beta = (float(F(witness[k])) for k in ("alpha", "eta", "beta2"))
f = lambda z: sum(l * x * x for l, x in zip(lam, z))
v, violated = [0.0] * len(e), False
for t in range(1, witness["steps"] + 1):
    b = min(beta, 1 - 1 / t)
    r = sqrt((1 - beta) / (1 - b))
    g = [l * x for l, x in zip(lam, e)]
    v = [b * a + (1 - b) * c * c for a, c in zip(v, g)]
    d = [alpha * (1 + eta) / (1 + eta - eta * r + eta * r * sqrt(a * len(v) / sum(v))) for a in v]
    new = [x - s * c for x, s, c in zip(e, d, g)]
    violated, e = violated or f(new) > f(e) * (1 + 1e-9), new
"""


def _descends(alpha_times_l: Fraction) -> ForAll:
    """f never increases, for alpha = ``alpha_times_l``/L, from a start that feeds one coordinate's v only."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta2, second in ((Fraction(999, 1000), Fraction(1, 2)), (Fraction(1, 2), Fraction(1, 2))):
            yield {
                "eigenvalues": [Fraction(1), second],
                "start": [Fraction(1), Fraction(1000)],
                "alpha": alpha_times_l,
                "eta": Fraction(1),
                "beta2": beta2,
                "steps": budget.pick(40, 200),
            }

    def proof(budget: Budget) -> list[Evidence]:
        # f(theta - D g) <= f - sum d (1 - L d/2) g^2, positive for 0 < d < 2/L.
        rate = sp.Rational(alpha_times_l.numerator, alpha_times_l.denominator) / L
        step = Inequality(rate * ratio(1, R, X), "<=", 2 / L, {R: S / (1 + S)})
        gain = Inequality(D * (1 - L * D / 2), ">", 0, {D: 2 / L * U / (1 + U)})
        return inequality({"every d_i stays at or below 2/L (eta = 1)": step, "then f falls": gain}, budget)

    return ForAll(
        points=points,
        sides=lambda p: (_increase(p), 0.0),
        relation="<=",
        again=lambda p: (_increase_of_the_rule(p), 0.0),
        replay=RISES,
        methods=("transcription in ball arithmetic", "the library's rule"),
        margins=(0.0, 1e-9),
        proof=proof,
    )


@dataclass(frozen=True)
class Vanishes:
    """f at the end over f at the start, on random quadratics with L = 1, is below ``share``."""

    share: float
    alpha: float = 1.9
    beta1: float = 0.0


def _vanishes(claim: Vanishes, budget: Budget) -> list[Evidence]:
    import numpy as np

    from optassay.optimizers.softadam import SoftAdam

    rng, n = np.random.default_rng(4), 5
    runs, steps = budget.pick(60, 300), budget.pick(3000, 8000)
    basis = np.linalg.qr(rng.standard_normal((runs, n, n)))[0]
    spectrum = np.concatenate([np.ones((runs, 1)), rng.uniform(0.05, 1.0, (runs, n - 1))], axis=1)
    hessian = (basis * spectrum[:, None, :]) @ np.swapaxes(basis, 1, 2)
    theta = rng.standard_normal((runs, n)) * 10 ** rng.uniform(-3, 3, (runs, n))
    rule = SoftAdam.paper(step_size=claim.alpha, beta1=claim.beta1, eta=1.0, epsilon=0.0, nonfinite="propagate")
    state, seen = rule.init(theta), []
    with np.errstate(all="ignore"):  # diverging runs overflow
        for _ in range(steps):
            g = np.einsum("rij,rj->ri", hessian, theta)
            seen.append(np.sum(theta * g, axis=1))
            theta, state = rule.step(theta, g, state)
    values = np.array(seen)
    rises = int(np.sum(np.any(values[1:] > values[:-1], axis=0)))
    end = np.nan_to_num(values[-1] / values[0], nan=np.inf)
    data = {"runs in which f rises at some step": rises, "largest final share": float(np.max(end))}
    bad = int(np.sum(end >= claim.share))
    return [Sampled("runs in floating point", runs, bad, claim.share - float(np.max(end)), f"{steps} steps", data)]


# --- stochastic: is the minimiser stationary? ---


def _drift(point: Mapping[str, Any], kind: Callable[[Any], Any], root: Callable[[Any], Any]) -> Any:
    """E[d_1 g_1]/alpha at the minimiser: g_1 is C with probability 1/(1 + C) and else -1, g_2 = +-1; beta_1 = 0.

    beta_2 = 0 makes v the squared gradient (``coefficient="current"``) or that of the step before ("previous").
    """
    c, eta = kind(point["C"]), kind(point["eta"])
    law = [(1 / (1 + c), c), (c / (1 + c), -1 / kind(1))]
    total = 0 * c
    for p_now, now in law:
        for p_old, old in law:
            source = now if point["coefficient"] == "current" else old
            x = root(2 * source * source / (source * source + 1))
            total = total + p_now * p_old * now * (1 + eta) / (1 + eta * x)
    return total


def _exact_root(value: Fraction) -> Fraction:
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top != value.numerator or bottom * bottom != value.denominator:
        raise ValueError(f"{value} is no square of a rational")
    return Fraction(top, bottom)


def _stationary(coefficient: Literal["current", "previous"]) -> ForAll:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for eta in (Fraction(1), Fraction(1, 2), Fraction(4)):
            yield {"C": Fraction(7), "eta": eta, "coefficient": coefficient}  # C = 7: x = 7/5 or 1, no roots left

    def proof(budget: Budget) -> list[Evidence]:
        p, d, a, b = sp.symbols("p d a b")
        mean = Identity(p * d * a + (1 - p) * d * b, d * (p * a + (1 - p) * b))
        return symbolic_identity({"a coefficient fixed before the draw factors out of the mean": mean}, budget)

    return ForAll(
        points=points,
        sides=lambda p: (_drift(p, Fraction, _exact_root), 0),
        relation="==",
        again=lambda p: (_drift(p, float, math.sqrt), 0.0),
        replay="""
from fractions import Fraction as F
c, eta = F(witness["C"]), F(witness["eta"])
# 2 * 49/50 = (7/5)^2: x is 7/5 after a draw of C = 7 and 1 after a draw of -1
drift = c / (1 + c) * ((1 + eta) / (1 + eta * F(7, 5)) - 1)
violated = c == 7 and drift != 0
""",
        proof=proof,
    )


_X1, _X2 = sp.symbols("x1 x2")
# v_1 = old + w g^2 for any history old >= 0: x_1^2 = 2 v_1/(v_1 + v_2) grows with g^2, and d falls with x.
_OLD, _V2, _G = sp.symbols("old v2 g")


def _share(v: Any) -> Any:
    return 2 * v / (v + _V2)


def _skewed(relation: Literal["<", ">"]) -> dict[str, Inequality]:
    return {
        "x grows with its own squared gradient": Inequality(
            _share(_OLD + _G),
            relation,
            _share(_OLD + _G + W),
        ),
        "d falls with x": Inequality(ratio(ETA, R, X + W), "<", ratio(ETA, R, X), {R: S / (1 + S)}),
    }


@dataclass(frozen=True)
class Settles:
    """Mean of theta_1 after many steps with alpha_t = 1/t^0.9: between ``low`` and ``high`` with its 99.9% interval."""

    low: float
    high: float
    eta: float
    beta1: float = 0.0


@cache
def _simulated(eta: float, beta1: float, runs: int, steps: int) -> tuple[float, float]:
    """Mean of theta_1 over the runs and the half width of its 99.9% interval."""
    import numpy as np

    from optassay.optimizers.softadam import SoftAdam

    rng = np.random.default_rng(11)
    rule = SoftAdam.paper(step_size=lambda t: 0.5 * float(t) ** -0.9, beta1=beta1, beta2=0.9, eta=eta, epsilon=1e-8)
    theta = np.zeros((runs, 2))
    state = rule.init(theta)
    for _ in range(steps):
        xi = np.stack([np.where(rng.random(runs) < 1 / 8, -7.0, 1.0), rng.choice([-1.0, 1.0], runs)], axis=-1)
        theta, state = rule.step(theta, theta - xi, state)
    return float(np.mean(theta[:, 0])), 3.29 * float(np.std(theta[:, 0])) / math.sqrt(runs)


def _settles(claim: Settles, budget: Budget) -> list[Evidence]:
    """f = E (theta - xi)^2/2 with xi_1 = -7 (probability 1/8) or 1, xi_2 = +-1; beta_2 = 0.9; minimiser 0."""
    runs, steps = budget.pick(800, 6000), budget.pick(2000, 10_000)
    mean, half = _simulated(claim.eta, claim.beta1, runs, steps)
    slack = min(mean - half - claim.low, claim.high - mean - half)
    data = {"mean of theta_1": mean, "99.9% half width": half}
    return [Sampled("simulation", runs, 0 if slack >= 0 else runs, slack, f"{runs} runs of {steps} steps", data)]


# --- rate ---

_LOW, _TOP = W, W + Q  # l < u: the ends of d/alpha


def _best_rate(alpha: Any) -> dict[str, Inequality]:
    """Guaranteed decrease d (1 - L d/2) of f per squared gradient, d in alpha [l, u], for a stated alpha."""
    value = lambda d: d * (1 - L * d / 2)  # noqa: E731
    floor = 2 * _LOW * _TOP / (L * (_LOW + _TOP) ** 2)
    inside = alpha * (_LOW + (_TOP - _LOW) * U / (1 + U))
    return {
        "every d in the range gains at least 2 l u/(L (l + u)^2)": Inequality(value(inside), ">=", floor),
        "a larger alpha guarantees less": Inequality(value(alpha * (1 + U) * _TOP), "<", floor),
        "a smaller alpha guarantees less": Inequality(value(alpha / (1 + U) * _LOW), "<", floor),
    }


CLAIM = Claim(
    id="softadam/recovers-sgd-guarantees",
    location="section 3",
    statement=(
        "The coefficient recovers SGD's convergence guarantees, since its step stays within a factor of an SGD step. "
        r"Precise versions: (a) deterministic descent of an $L$-smooth $f$ for every "
        r"$\alpha<2/L$; (b) stochastic convex "
        r"problems: with declining $\alpha_t$ ($\sum\alpha_t=\infty$, "
        r"$\sum\alpha_t^2<\infty$) the iterates converge to "
        "the minimiser."
    ),
    assumptions=(r"$\beta_1=0$ for (a); (b) for every $\beta_1,\beta_2\in[0,1)$, $\eta>0$, $n\ge2$",),
    parts=(
        Part(
            "(a) descent in every step under SGD's own condition, alpha = 1.9/L, eta = 1",
            for_all,
            printed=_descends(Fraction(19, 10)),
            broken=_descends(Fraction(3)),
            repair=_descends(Fraction(1)),
            repair_note=(
                r"under $\alpha\,(1+\eta)/(1+\eta-\eta r_t)\le2/L$, for which $\alpha(1+\eta)\le2/L$ suffices: then "
                r"$f_{t+1}\le f_t-\sum_id_i(1-Ld_i/2)g_i^2$, and gradients tend to zero if the bound is strict"
            ),
            note=(
                "Once the other element's gradient is gone its v lingers: x_1 is near 0, d_1 near "
                "(1 + eta)/(1 + eta - eta r) alpha > 2/L, and f grows (at the default beta_2 too)."
            ),
        ),
        Part(
            "(a) under SGD's own condition f still vanishes on random quadratics, rises in between included",
            _vanishes,
            printed=Vanishes(1e-3),
            broken=Vanishes(1e-3, alpha=4.0),
            bears=False,
            note=(
                "alpha = 1.9/L, beta_1 = 0, rotated Hessians, n = 5: an element that overshoots raises its own v until "
                "d_i <= alpha. No proof of convergence is known to us for alpha (1 + eta) > 2/L."
            ),
        ),
        Part(
            "(a) the same with beta_1 = 0.9",
            _vanishes,
            printed=Vanishes(1e-3, beta1=0.9),
            broken=Vanishes(1e-3, alpha=80.0, beta1=0.9),
            bears=False,
        ),
        Part(
            "(b) the minimiser is a stationary point of the mean step",
            for_all,
            printed=_stationary("current"),
            broken=replace(_stationary("previous"), relation="!="),
            repair=_stationary("previous"),
            repair_note=(
                r"for the changed rule whose $d_t$ is made from $v_{t-1}$ ($\beta_1=0$): then "
                r"$E[d_tg_t]=d_t\nabla f$, and "
                r"$\sum_t\alpha_t\|\nabla f\|^2<\infty$ follows from $\alpha_tl\le d_t\le\alpha_tu$"
            ),
            note=(
                "n = 2, g_1 = 7 (probability 1/8) or -1, g_2 = +-1, beta_2 = 0, eta = 1: E[d g] = -7/48 alpha at the "
                "minimiser, where E g = 0. SGD converges there; SoftAdam is driven off although d stays within "
                "[5/6, 1] alpha: being within a factor is not a sufficient reason. With constant "
                "alpha SGD's stationary "
                "mean is the minimiser here; SoftAdam's is not, by the same drift."
            ),
        ),
        Part(
            "(b) the drift has one sign whatever the history: all beta_1, beta_2 < 1, eta > 0, n >= 2",
            inequality,
            printed=_skewed("<"),
            broken=_skewed(">"),
            bears=False,
            note=(
                "Given all other draws d_t falls strictly with each g_s^2, so E[g_s d_t] < 0 for "
                "every s <= t when large "
                "draws are positive and rare: E[m_t d_t] <= -c alpha_t near the minimiser, uniformly in v. With "
                "sum alpha_t = infinity and sum alpha_t^2 < infinity the iterates cannot converge to it."
            ),
        ),
        Part(
            "(b) where SoftAdam settles, beta_2 = 0.9, eta = 1, declining alpha_t",
            _settles,
            printed=Settles(0.005, 0.1, eta=1.0),
            broken=Settles(-0.004, 0.004, eta=1.0),
            bears=False,
            note="The minimiser is 0; the interval is in the data.",
        ),
        Part(
            "(b) the same run with eta = 0 (SGD) settles at the minimiser",
            _settles,
            printed=Settles(-0.01, 0.01, eta=0.0),
            broken=Settles(0.02, 0.1, eta=0.0),
            bears=False,
        ),
        Part(
            "n = 1 without epsilon: SoftAdam is SGD with momentum, every guarantee carries over",
            symbolic_identity,
            printed=Identity(ratio(ETA, R, 1), 1),
            broken=Identity(ratio(ETA, R, X), 1),
            bears=False,
            note="With epsilon > 0 the coefficient depends on v again, at the order of epsilon^2/v.",
        ),
        Part(
            "best provable rule: alpha = 2/(L (l + u)) for l <= d/alpha <= u",
            inequality,
            printed=_best_rate(2 / (L * (_LOW + _TOP))),
            broken=_best_rate(1 / (L * _TOP) / 2),
            bears=False,
            note=(
                r"l = (1+eta)/(1+eta-eta r+eta r sqrt n), u = (1+eta)/(1+eta-eta r): at r = 1 "
                r"alpha = 2 (1+eta sqrt n)/(L (1+eta)(2+eta sqrt n)). With mu-PL: f - f* shrinks by "
                r"1 - (4k/(k+1)^2) mu/L per step, k = u/l = 1 + eta sqrt n; SGD (k = 1): 1 - mu/L. Minimax over d; on "
                r"diagonal quadratics alpha = 2/(l mu + u L) gives (K-1)/(K+1), K = k L/mu, by "
                r"the same argument as (1)."
            ),
        ),
    ),
    figures=("softadam/step-ratio",),
)
CLAIMS = [CLAIM]
