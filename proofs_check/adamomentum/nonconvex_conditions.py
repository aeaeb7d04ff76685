"""Section 4.2: the conditions of theorem 2, and how often runs meet them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import AdaMomentum

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness
from .toy_runs import TOYS, starts
from .transcription import momenta, second_moments

# The conditions of theorem 2


def _falls_below_one(decay: str, budget: Budget) -> list[Evidence]:
    """The same schedule for every ``beta1 < 1`` and every t."""
    x, k = sp.symbols("x k", positive=True)
    beta1 = x / (1 + x)
    now, after = (sp.sympify(decay, locals={"t": t, "beta1": beta1}) for t in (1 + k, 2 + k))
    at_one = sp.sympify(decay, locals={"t": sp.Integer(1), "beta1": beta1})
    bounds = {
        "is not negative": Inequality(0, "<=", after),
        "falls": Inequality(after, "<=", now),
        "is below one": Inequality(now, "<", 1),
        "is below one at t = 1": Inequality(at_one, "<", 1),
    }
    return sufficient(bounds, budget)


def _example(decay: str) -> ForAll:
    """0 <= beta_{1,t+1} <= beta_{1,t} < 1 for a schedule given as text in t and beta1."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta1 in ("1/2", "9/10", "999/1000") if "beta1" in decay else ("9/10",):
            for t in range(1, budget.pick(200, 2000)):
                yield {"decay": decay, "beta1": beta1, "t": t}

    def sides(p: Any, kind: Any) -> tuple[Any, Any]:
        now, after = (
            kind(eval(decay, {"t": Fraction(t), "beta1": Fraction(p["beta1"])})) for t in (p["t"], p["t"] + 1)
        )
        return (now if 0 <= after <= now else now + 1), 1

    return ForAll(
        points,
        lambda p: sides(p, Fraction),
        "<",
        lambda p: sides(p, float),
        "from fractions import Fraction\nt, beta1 = Fraction(witness['t']), Fraction(witness['beta1'])\n"
        "now = eval(witness['decay'])\nt = t + 1\nviolated = now >= 1 or not 0 <= eval(witness['decay']) <= now",
        margins=(0.0, 0.0),
        proof=partial(_falls_below_one, decay),
    )


@dataclass(frozen=True)
class FallingSteps:
    """``w_t >= w_{t+1}`` for ``alpha_t = alpha / sqrt(t)`` up to ``horizon``, whatever the gradients."""

    horizon: int
    beta2: Fraction = Fraction(9, 10)


FALLING_REPLAY = """
from fractions import Fraction
from proofs_check.adamomentum.transcription import momenta, second_moments
g = [Fraction(v) for v in witness["gradients"]]
v = second_moments(momenta(g, [Fraction(1, 2)] * len(g)), Fraction(witness["beta2"]))
t = witness["t"]
violated = v[t] * (t + 1) < v[t - 1] * t
"""


def falling_steps(s: FallingSteps, budget: Budget) -> list[Evidence]:
    """``v_{t+1}/v_t >= beta_2 >= t/(t+1)`` decides; beyond, gradients that fall to 0 at t are tried."""
    worst = [s.beta2 - Fraction(t, t + 1) for t in range(1, s.horizon)]
    if all(x >= 0 for x in worst):
        b2, v, m = sp.symbols("beta_2 v m", positive=True)
        rest = sp.cancel((b2 * v + (1 - b2) * m**2 - b2 * v) / (1 - b2))
        steps = {
            f"beta_2 >= t/(t+1) for t + 1 <= {s.horizon}": min(worst) >= 0,
            "v_{t+1} - beta_2 v_t = (1 - beta_2) m^2": bool(rest.is_positive),
        }
        x, y = sp.symbols("x y", positive=True)
        early = Inequality(x / (1 + y) / (1 + x / (1 + y)), "<=", x / (1 + x))  # t = x/(1 + y) <= beta_2/(1 - beta_2)
        return [
            Exact("rational", steps),
            *inequality({"t/(t+1) <= beta_2 for t <= beta_2/(1 - beta_2)": early}, budget),
        ]
    t = next(k for k in range(1, s.horizon) if worst[k - 1] < 0)
    for at in range(t, s.horizon):
        # Gradients that make m_{t+1} = 0: the average halves at each step (beta_1 = 1/2).
        m = momenta([Fraction(1)] * at, [Fraction(1, 2)] * at)[-1]
        gradients = [Fraction(1)] * at + [-m]
        v = second_moments(momenta(gradients, [Fraction(1, 2)] * (at + 1)), s.beta2)
        if v[at] * (at + 1) < v[at - 1] * at:
            rough = np.array([float(x) for x in gradients])
            alpha, average, second, w = 1.0, 0.0, 0.0, []
            for k, g in enumerate(rough):
                average = 0.5 * average + 0.5 * float(g)
                second = float(s.beta2) * second + (1 - float(s.beta2)) * average**2
                w.append(alpha / np.sqrt(k + 1) / np.sqrt(second))
            point = {"gradients": gradients, "beta2": s.beta2, "t": at}
            return [
                Witness(
                    point,
                    Way("exact: (t + 1) v_{t+1} against t v_t", (at + 1) * v[at], ">=", at * v[at - 1]),
                    Way("floating point: w_t against w_{t+1}", float(w[at - 1]), ">=", float(w[at])),
                    FALLING_REPLAY,
                )
            ]
    return [Sampled("gradients that stop", s.horizon, 0, float(min(worst)), f"{s.horizon} horizons")]


@cache
def _falling_along_runs(steps: int) -> dict[str, Any]:
    """Share of steps and coordinates with w_t >= w_{t+1} along runs on the toy functions, and the first t without."""
    data: dict[str, Any] = {}
    for name, toy in TOYS.items():
        for beta2 in (0.99, 0.999):
            for schedule in ("decaying", "constant"):
                theta = starts(name)[::20]
                rule = AdaMomentum(0.1, 0.9, beta2, 0.0, debias=False)
                state, before, held, seen, first = rule.init(theta), None, 0, 0, None
                for t in range(1, steps + 1):
                    size = 0.1 / np.sqrt(t) if schedule == "decaying" else 0.1
                    theta, state = rule.replace(step_size=size).step(theta, toy.landscape.gradient(theta), state)
                    with np.errstate(divide="ignore"):
                        w = size / np.sqrt(state.v)
                    if before is not None:
                        falls = w <= before * (1 + 1e-12)
                        held, seen = held + int(falls.sum()), seen + falls.size
                        first = t - 1 if first is None and not falls.all() else first
                    before = w
                sure = (round(1 / (1 - beta2)) - 1) / (steps - 1) if schedule == "decaying" else None
                data[f"{name}, beta2 {beta2}, {schedule}"] = {
                    "share": held / seen,
                    "guaranteed": sure,
                    "first not": first,
                }
    return data


def _share_falling(slack: float, budget: Budget) -> list[Evidence]:
    """With ``alpha_t ~ 1/sqrt(t)`` the share is at least ``slack`` above the guaranteed ``t < 1/(1 - beta_2)``."""
    steps = budget.pick(1100, 6000)
    data = _falling_along_runs(steps)
    gaps = [v["share"] - v["guaranteed"] for v in data.values() if v["guaranteed"] is not None]
    over = sum(g < slack for g in gaps)
    effort = f"{steps} steps, {len(data)} settings, 20 starts each"
    return [Sampled("runs of AdaMomentum without bias correction", len(gaps), over, min(gaps) - slack, effort, data)]


CLAIMS = [
    Claim(
        id="adamomentum/theorem-2-conditions-satisfiable",
        location="after theorem 2",
        statement=r"The hypotheses hold in most scenarios, e.g. $\alpha_t=\alpha/\sqrt t$, $\beta_{1,t}=1/t$. Judged: "
        r"the example obeys $0\le\beta_{1,t+1}\le\beta_{1,t}<1$; $w_t\ge w_{t+1}$ holds for every gradient sequence.",
        parts=(
            Part(
                "the example's decay",
                for_all,
                printed=_example("1/t"),
                broken=_example("2/t"),
                repair=_example("beta1/t"),
                repair_note=r"$\beta_{1,t}=\beta_1/t$ with $\beta_1<1$",
                note=r"$\beta_{1,1}=1$ is not below 1; then $m_1=0$, $v_1=0$, no $c>0$, and $c_1=\beta_{1,1}/"
                r"(1-\beta_{1,1})$ in lemma 5 does not exist.",
            ),
            Part(
                "falling effective steps, beta_2 = 0.9, T = 100",
                falling_steps,
                printed=FallingSteps(100),
                broken=FallingSteps(40),
                repair=FallingSteps(10),
                repair_note=r"$T\le1/(1-\beta_2)$: there $v_{t+1}/v_t\ge\beta_2\ge t/(t+1)$ always",
                note=r"Guaranteed for the first $1/(1-\beta_2)$ iterations (1000 at the default 0.999) and no longer.",
            ),
            Part(
                "share of steps with w_t >= w_{t+1} in runs on the toy functions",
                _share_falling,
                printed=0.0,
                broken=0.9,
                bears=False,
                note=r"With $\alpha_t\propto t^{-1/2}$ at least the guaranteed share of the steps; in which runs it is "
                r"more, and at which step each setting first breaks it (with constant $\alpha$ almost at once), is in "
                "the data.",
            ),
        ),
    ),
]
