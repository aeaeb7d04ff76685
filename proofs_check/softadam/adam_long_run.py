"""Section 2.2: does Adam's step grow without bound near an optimum? Bounds, long-run orbit, and how Adam does fail.

On a noise-free quadratic with diagonal H each coordinate runs by itself: e is its distance to the optimum and lambda e
its gradient. For eps = 0 the run of e does not depend on lambda.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from .adam_orbit import LongRun, attracts, landing, long_run, orbit, towards_optimum

Quantity = Literal["step", "coefficient", "distance"]
B1, B2, S, U, W = sp.symbols("beta1 beta2 s u w")
DEFAULT = (Fraction(9, 10), Fraction(999, 1000))

# --- bounded or not: closed-loop runs ---


def step_bound(beta1: Fraction, beta2: Fraction) -> float:
    """K with ``|theta_t - theta_{t-1}| <= alpha K`` for every gradient stream (needs beta1^2 < beta2)."""
    return float(1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1**2 / beta2))


def distance_bound(beta1: Fraction, beta2: Fraction, start: Fraction, alpha: Fraction) -> float:
    """Bound of ``|e_t|``: the start, or one step plus what is left of the momentum after crossing the optimum."""
    reach = float(alpha) * step_bound(beta1, beta2) / (1 - float(beta1) / math.sqrt(beta2))
    return max(float(start), reach)


def _run(point: Mapping[str, Any], quantity: Quantity) -> float:
    """Largest step/alpha, coefficient or distance over a run: an upper bound of it, in ball arithmetic."""
    import flint

    def ball(value: Fraction) -> Any:
        return flint.arb(flint.fmpq(value.numerator, value.denominator))

    before, flint.ctx.prec = flint.ctx.prec, 400
    try:
        e, alpha, eps = (ball(point[k]) for k in ("start", "alpha", "eps"))
        b1, b2 = (ball(b) for b in point["betas"])
        m = v = 0 * e
        largest = abs(e) if quantity == "distance" else 0 * e
        for t in range(1, point["steps"] + 1):
            m = b1 * m + (1 - b1) * e
            v = b2 * v + (1 - b2) * e * e
            d = alpha / ((v / (1 - b2**t)).sqrt() + eps)
            step = d * m / (1 - b1**t)
            e = e - step
            seen = {"step": abs(step) / alpha, "coefficient": d, "distance": abs(e)}[quantity]
            largest = max(largest, seen, key=float)
        return float(largest.upper())
    finally:
        flint.ctx.prec = before


def _run_of_the_rule(point: Mapping[str, Any], quantity: Quantity) -> float:
    """The same in floating point by the library's Adam."""
    import numpy as np

    from optassay.optimizers.adam import Adam

    alpha, eps = float(point["alpha"]), float(point["eps"])
    beta1, beta2 = (float(b) for b in point["betas"])
    rule, e = Adam(alpha, beta1, beta2, eps), np.array([float(point["start"])])
    state, largest = rule.init(e), float(e[0]) if quantity == "distance" else 0.0
    for t in range(1, point["steps"] + 1):
        new, state = rule.step(e, e, state)
        coefficient = alpha / (math.sqrt(float(state.v[0]) / (1 - beta2**t)) + eps)
        seen = {"step": abs(float((e - new)[0])) / alpha, "coefficient": coefficient, "distance": abs(float(new[0]))}
        largest, e = max(largest, seen[quantity]), new
    return largest


def _runs(eps: Fraction) -> Callable[[Budget], Iterator[dict[str, Any]]]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        starts = [Fraction(1, 3), Fraction(1, 20), Fraction(10)][: budget.pick(2, 3)]
        for betas, start in product([(Fraction(0), DEFAULT[1]), DEFAULT], starts):
            yield {
                "betas": list(betas),
                "start": start,
                "alpha": Fraction(1, 10),
                "eps": eps,
                "steps": budget.pick(400, 3000),
            }

    return points


def _limit(point: Mapping[str, Any], quantity: Quantity) -> float:
    beta1, beta2 = point["betas"]
    if quantity == "step":
        return step_bound(beta1, beta2)
    if quantity == "coefficient":
        return float(point["alpha"] / point["eps"])
    return distance_bound(beta1, beta2, point["start"], point["alpha"])


REPLAY = """
from fractions import Fraction as F
from math import sqrt
from proofs_check.softadam.adam_long_run import _limit
point = witness | {k: F(witness[k]) for k in ("start", "alpha", "eps")} | {"betas": [F(b) for b in witness["betas"]]}
e, alpha, eps, b1, b2 = map(float, (point["start"], point["alpha"], point["eps"], *point["betas"]))
m = v = 0.0
seen = [abs(e)] if witness["quantity"] == "distance" else []
for t in range(1, witness["steps"] + 1):
    m, v = b1 * m + (1 - b1) * e, b2 * v + (1 - b2) * e * e
    d = alpha / (sqrt(v / (1 - b2**t)) + eps)
    step = d * m / (1 - b1**t)
    e -= step
    seen.append({"step": abs(step) / alpha, "coefficient": d, "distance": abs(e)}[witness["quantity"]])
violated = max(seen) <= _limit(point, witness["quantity"])
"""


def _growth(quantity: Quantity, relation: str, share: float = 1.0) -> ForAll:
    """The largest value in every run against ``share`` of the bound that is proved for it."""
    eps = Fraction(1, 50) if quantity == "coefficient" else Fraction(0)
    proofs = {"step": _bounded_steps, "coefficient": _bounded_coefficient, "distance": _bounded_distance}
    return ForAll(
        points=lambda budget: (p | {"quantity": quantity} for p in _runs(eps)(budget)),
        sides=lambda p: (_run(p, quantity), share * _limit(p, quantity)),
        relation=relation,  # type: ignore[arg-type]
        again=lambda p: (_run_of_the_rule(p, quantity), share * _limit(p, quantity)),
        replay=REPLAY,
        methods=("transcription in ball arithmetic of 400 bits", "the library's rule"),
        margins=(0.0, 0.0),
        proof=lambda budget: proofs[quantity](share, budget),
    )


def _bounded_steps(share: float, budget: Budget) -> list[Evidence]:
    """m_hat^2 / v_hat <= K^2 by Cauchy-Schwarz: with p^2 = beta2^t and q^2 = (beta1^2/beta2)^t, so that p q = beta1^t,
    it is at most K^2 (1 - q^2) (1 - p^2) / (1 - p q)^2, and the bias corrections are paid by the missing tail."""
    a, s, g = (sp.symbols(f"{n}1:4") for n in "asg")
    left = sum(x**2 / y**2 for x, y in zip(a, s, strict=True)) * sum(y**2 * z**2 for y, z in zip(s, g, strict=True))
    squares = [(a[i] * s[j] * g[j] / s[i] - a[j] * s[i] * g[i] / s[j]) ** 2 for i, j in ((0, 1), (0, 2), (1, 2))]
    right = sum(x * z for x, z in zip(a, g, strict=True)) ** 2 + sum(squares)
    p, q, rho = sp.symbols("p q rho")
    identities = {
        "Lagrange's identity: (sum a g)^2 <= sum(a^2/b) sum(b g^2)": Identity(left, right),
        "sum of (beta1^2/beta2)^j, j < t: one more term": Identity((1 - W) / (1 - rho) + W, (1 - W * rho) / (1 - rho)),
        "(1 - p^2)(1 - q^2) <= (1 - p q)^2": Identity((1 - p * q) ** 2 - (1 - p**2) * (1 - q**2), (p - q) ** 2),
    }
    stated = {"the stated bound is not below the one that is proved": share >= 1}
    return [*symbolic_identity(identities, budget), Exact("rational", stated)]


def _bounded_coefficient(share: float, budget: Budget) -> list[Evidence]:
    alpha, eps = sp.symbols("alpha eps")
    bound = sp.Rational(str(share)) * alpha / eps
    return inequality({"alpha/(w + eps) < alpha/eps": Inequality(alpha / (W + eps), "<", bound)}, budget)


def _bounded_distance(share: float, budget: Budget) -> list[Evidence]:
    """While e > 0 gradients are positive, so an upward m decays at least like beta1^j, and v at most like beta2^j:
    the steps away from the optimum after a crossing sum to at most alpha K/(1 - beta1/sqrt(beta2))."""
    geometric = Inequality((1 - U) / (1 - W), "<", 1 / (1 - W), {W: S / (1 + S)})
    decay = Inequality(B1 * W - (1 - B1) * U, "<", B1 * W, {B1: S / (1 + S)})
    # K^2 (1 - w) bounds m^2/v at the crossing s, 1/(1 - w u) the corrections j steps later; w = rho^s, u = rho^j.
    later = Inequality((1 - W) / (1 - W * U), "<", 1, {W: S / (1 + S), U: B1 / (1 + B1)})
    return [
        *_bounded_steps(share, budget),
        *inequality(
            {
                "m away from the optimum shrinks by beta1": decay,
                "bias corrections of later steps": later,
                "sum of (beta1/sqrt(beta2))^j": geometric,
            },
            budget,
        ),
    ]


def _drops(share: Any) -> dict[str, Inequality]:
    """The average falls, so the coefficient rises, while the squared gradient is ``share`` of the average."""
    v, b = sp.symbols("v b")
    new = b * v + (1 - b) * v * share
    return {"v falls": Inequality(new, "<", v, {b: S / (1 + S)})}


CLAIM = Claim(
    id="softadam/adam-step-grows-unbounded",
    location="section 2.2",
    statement=(
        r"As a parameter reaches its optimum, Adam's believed eigenvalue drops and its "
        r"step size rises; Adam can diverge, "
        r"since the step size grows without bound unless $\alpha$ declines or AMSGrad bounds it."
    ),
    assumptions=(r"noise-free quadratic, diagonal $H$, constant $\alpha$", r"$\beta_1^2<\beta_2$"),
    parts=(
        Part(
            "(i) the believed eigenvalue drops while the squared gradient is below its average",
            inequality,
            printed=_drops(U / (1 + U)),
            broken=_drops(1 + U),
            note="v' - v = (1 - beta2)(g^2 - v).",
        ),
        Part(
            "(ii) the step taken grows beyond any bound",
            for_all,
            printed=_growth("step", ">"),
            broken=_growth("step", "<=", 1e-3),
            repair=_growth("step", "<="),
            repair_note=(
                r"$|\theta_t-\theta_{t-1}|\le\alpha K$, "
                r"$K=(1-\beta_1)/\sqrt{(1-\beta_2)(1-\beta_1^2/\beta_2)}$, for every "
                r"gradient stream"
            ),
            note="No step is longer than alpha K, whatever the gradients, without a decline of alpha: K = 7.27 at the "
            "defaults, 31.6 at beta1 = 0.",
        ),
        Part(
            "(ii) the coefficient alpha/(sqrt(v) + epsilon) grows beyond any bound, epsilon > 0",
            for_all,
            printed=_growth("coefficient", ">"),
            broken=_growth("coefficient", "<=", 1e-3),
            repair=_growth("coefficient", "<="),
            repair_note=r"it is at most $\alpha/\epsilon$",
        ),
        Part(
            "(iii) the iterates diverge",
            for_all,
            printed=_growth("distance", ">"),
            broken=_growth("distance", "<=", 1e-3),
            repair=_growth("distance", "<="),
            repair_note=r"$|e_t|\le\max(|e_0|,\,\alpha K/(1-\beta_1/\sqrt{\beta_2}))$",
            note="7.27 alpha/(1 - .9005) = 73 alpha at the defaults. Bounded, but with epsilon = 0 not convergent.",
        ),
        Part(
            "(ii) orbit e -> -e: coefficient 2(1 + beta1)/((1 - beta1) lambda)",
            symbolic_identity,
            printed=orbit(2 * (1 + B1) / (1 - B1)),
            broken=orbit(2 / (1 - B1)),
            bears=False,
            note="The edge of stability: 2/lambda at beta1 = 0, 38/lambda at 0.9; then |e| = alpha (1-b1)/(2(1+b1)).",
        ),
        Part(
            "(ii) that orbit attracts, at beta1 = 0.9",
            for_all,
            printed=attracts(DEFAULT[0]),
            broken=attracts(Fraction(1, 2)),
            repair=attracts(Fraction(0)),
            repair_note=r"at $\beta_1=0$, for every $\beta_2\in(0,1)$",
            bears=False,
            note="Spectral radius 1.049 at the defaults: there the coefficient keeps wandering around 38/lambda.",
        ),
        Part(
            "(ii) long-run coefficient times lambda, beta1 = 0, epsilon = 0",
            long_run,
            printed=LongRun(1.999, 2.001),
            broken=LongRun(3.0, math.inf),
            bears=False,
        ),
        Part(
            "(ii) long-run coefficient times lambda, beta1 = 0.9, epsilon = 0",
            long_run,
            printed=LongRun(20.0, 70.0, beta1=0.9),
            broken=LongRun(37.99, 38.01, beta1=0.9),
            bears=False,
            note="A range around 38, in the data; no limit.",
        ),
        Part(
            "(ii), (iii) with alpha lambda/epsilon = 1 the coefficient tends to alpha/epsilon and e to zero",
            long_run,
            printed=LongRun(0.999, 1.001, beta1=0.9, eps=0.1),
            broken=LongRun(1.9, 2.1, eps=0.1),
            bears=False,
            note=(
                "In general min(alpha/epsilon, 2(1 + b1)/((1 - b1) lambda)), the second as a centre if beta1 is large."
            ),
        ),
        Part(
            "(ii) the exception: landing exactly on the optimum (epsilon = 0)",
            symbolic_identity,
            printed=landing((1 - B2 ** sp.Symbol("t")) / ((1 - B2) * B2 ** (sp.Symbol("t") - 1))),
            broken=landing(1 / (1 - B2)),
            bears=False,
            note="Then d lambda grows like beta2^(-t/2) without bound, while the parameter does not move at all.",
        ),
        Part(
            "(iv) declining alpha/sqrt(t): the coefficient still ends at 2/lambda, and the distance shrinks",
            long_run,
            printed=LongRun(1.9, 2.2, declining=True),
            broken=LongRun(0.0, 1.0, declining=True),
            bears=False,
            note="The distance follows alpha_t/2: decline brings convergence, not a smaller coefficient.",
        ),
        Part(
            "(iv) AMSGrad: the coefficient times lambda ends at 2 or below",
            long_run,
            printed=LongRun(0.0, 2.001, amsgrad=True),
            broken=LongRun(2.1, math.inf, amsgrad=True),
            bears=False,
            note=(
                "The distance then tends to zero, slowly where the coefficient ends next to "
                "2/lambda: after 40000 steps "
                "204 of 210 starts are below 1e-6, the farthest at 0.023 (alpha = 0.1)."
            ),
        ),
        Part(
            "(v) known failure: over a period of gradients C, -1, -1 Adam moves towards the optimum",
            for_all,
            printed=towards_optimum("<"),
            broken=replace(towards_optimum("<"), points=lambda budget: [{"spike": 4}]),
            repair=towards_optimum(">"),
            repair_note="it moves away: the rare large gradient is divided by its own size",
            bears=False,
            note=(
                "beta1 = 0, beta2 = 1/(1 + C^2) (Reddi et al.): steps stay below alpha/sqrt(1 - beta2) and may even "
                "decline. A weight that depends on the current gradient makes Adam fail, not a growing step."
            ),
        ),
    ),
    figures=("softadam/adam-long-run",),
)
CLAIMS = [CLAIM]
