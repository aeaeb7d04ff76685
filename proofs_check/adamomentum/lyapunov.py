"""Theorem 4: the Lyapunov function of the flow without noise, its derivative, and its decay."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import numpy as np
import sympy as sp

from ..certificates import ball, precision
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Unsatisfiable, Way, Witness
from .assumptions import Start, met_at_the_start

# --- the derivative ---

G, M, Q, R, DQ, DR, V, DW, W = sp.symbols("g m q R dq dR v dw w", positive=True)
B1, B2, K = sp.symbols("beta_1 beta_2 k", positive=True)


def _derivative(logarithmic: bool) -> Identity:
    """``dL/dt`` of ``f + m^2 q / (2 beta1 R)`` against ``-2 beta1 E + E (q'/q - R'/R)``."""
    energy = M**2 * Q / (2 * B1 * R)
    flow = {M: B1 * (G - M), Q: DQ, R: DR}
    total = G * (-Q * M / R) + sum(sp.diff(energy, x) * dx for x, dx in flow.items())
    return Identity(total, -2 * B1 * energy + (energy * (DQ / Q - DR / R) if logarithmic else 0))


def _preconditioner(input_term: int) -> Identity:
    """``R'/R`` for ``R^2 = w v``, ``w = 1 / (1 - beta2^t)``, ``v' = beta2 (k^2 - v)``."""
    squared = W * V
    change = sp.diff(squared, V) * B2 * (K**2 - V) + sp.diff(squared, W) * DW
    return Identity(change / (2 * squared), B2 * K**2 / (2 * V) * input_term - B2 / 2 + DW / (2 * W))


# --- facts about signs ---


class Decays(NamedTuple):
    """``beta1 = p1``, ``beta2 = p2`` and a time."""

    b1: Fraction
    b2: Fraction
    t: Fraction


def _hazard(beta: Any, t: Any, log: Any, exp: Any) -> Any:
    """``l / (e^{l t} - 1)`` with ``l = -log beta``: minus the logarithmic derivative of ``1 / (1 - beta^t)``."""
    rate = -log(beta)
    return rate / (exp(rate * t) - 1)


SIGN_REPLAY = """
from fractions import Fraction as F
from math import exp, log
h = lambda b, t: -log(b) / (exp(-log(b) * t) - 1)
b1, b2, t, share = (float(F(witness[k])) for k in ("beta1", "beta2", "t", "share"))
violated = h(b2, t) / 2 - h(b1, t) > share / t
"""


def _corrections(share: Fraction) -> ForAll:
    """``q'/q - w'/(2 w) <= share / t``, for ``beta1 <= beta2 <= 2 beta1`` at every t."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for b1, b2 in (("1/2", "1/2"), ("1/2", "9/10"), ("9/10", "99/100"), ("9/10", "999/1000")):
            for k in range(budget.pick(8, 40)):
                t = Fraction(1, 4) * 2**k if k < 12 else Fraction(k)
                yield {"beta1": b1, "beta2": b2, "t": t, "share": share}

    def sides(p: Mapping[str, Any]) -> tuple[Any, Any]:
        with precision(120):
            b1, b2, t = (ball(Fraction(p[k])) for k in ("beta1", "beta2", "t"))
            found = _hazard(b2, t, lambda x: x.log(), lambda x: x.exp()) / 2
            found -= _hazard(b1, t, lambda x: x.log(), lambda x: x.exp())
            bound = ball(share) / t
            # The end of the ball that makes a violation certain.
            return float(found.lower()), float(bound.upper())

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        b1, b2, t = (float(Fraction(p[k])) for k in ("beta1", "beta2", "t"))
        found = _hazard(b2, t, math.log, math.exp) / 2 - _hazard(b1, t, math.log, math.exp)
        return found, float(share) / t

    def proof(budget: Budget) -> list[Evidence]:
        del budget
        x = sp.Symbol("x", positive=True)
        gap = sp.exp(x) - 1 - x
        steps = {
            "e^x - 1 - x and its derivative vanish at 0": gap.subs(x, 0) == 0 and sp.diff(gap, x).subs(x, 0) == 0,
            "its second derivative is positive": bool(sp.diff(gap, x, 2).is_positive),
        }
        return [Exact("symbolic", {k: bool(v) for k, v in steps.items()})]

    return ForAll(
        points,
        sides,
        "<=",
        again,
        SIGN_REPLAY,
        methods=("ball arithmetic", "floating point"),
        margins=(0.0, 1e-12),
        proof=proof if share >= Fraction(1, 2) else None,
    )


def _weight_bounded(of: Literal["v", "R", "R/2"]) -> ForAll:
    """Squares of ``s_t <= beta1 v_+`` where ``v_+`` bounds ``sqrt(v)``, the corrected R, or half of it, t >= 1."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for b1, b2 in (("1/2", "1/2"), ("9/10", "9/10"), ("9/10", "999/1000")):
            for t in range(1, budget.pick(20, 300)):
                yield {"beta1": b1, "beta2": b2, "t": t}

    def sides(p: Mapping[str, Any], kind: Any) -> tuple[Any, Any]:
        b1, b2, t = kind(Fraction(p["beta1"])), kind(Fraction(p["beta2"])), p["t"]
        return (1 - b1**t) ** 2, {"v": 1 - b2**t, "R": 1, "R/2": kind(Fraction(1, 4))}[of]

    return ForAll(
        points,
        lambda p: sides(p, Fraction),
        "<=",
        lambda p: sides(p, float),
        "from fractions import Fraction as F\n"
        f"right = 1 - F(witness['beta2']) ** witness['t'] if {of!r} == 'v' else F(1, 4)\n"
        "violated = (1 - F(witness['beta1']) ** witness['t']) ** 2 > right",
        margins=(0.0, 1e-12),
        proof=_at_most_one if of == "R" else None,
    )


def _at_most_one(budget: Budget) -> list[Evidence]:
    x = sp.Symbol("x", positive=True)  # beta1^t in (0, 1)
    return symbolic_identity({"1 - (1 - y)^2 = y (2 - y)": Identity(1 - (1 - x) ** 2, x * (2 - x))}, budget)


# --- the start ---


def starts_for(square: Literal["gradient", "momentum"], budget: Budget) -> list[Evidence]:
    """Leading terms of ``q m / R`` from ``m = v = 0``: bounded, or like ``1/t``, which has no integral from 0."""
    del budget
    t, g, first, second = sp.symbols("t g l_1 l_2", positive=True)  # l = -log beta
    m = B1 * g * t
    k2 = g**2 if square == "gradient" else m**2
    v = B2 * sp.integrate(k2, (t, 0, t))
    speed = sp.simplify(m / (first * t) / sp.sqrt(v / (second * t)))
    steps = {"m = beta1 g t solves dm = beta1 (g - m) dt to first order": is_zero(sp.diff(m, t) - B1 * g)}
    data = {"leading speed": str(speed)}
    if sp.limit(speed, t, 0, "+") == sp.oo:
        steps["t times the speed has a positive limit: its integral from 0 is infinite"] = bool(
            sp.limit(t * speed, t, 0, "+").is_positive
        )
        return [Unsatisfiable("symbolic", steps, data)]
    steps["the speed is bounded"] = bool(sp.limit(speed, t, 0, "+").is_positive)
    return [Exact("symbolic", steps, data)]


# --- decay along flows on a quadratic, mu = L = 1 ---


@dataclass(frozen=True)
class Flow:
    """State of (6) on ``theta^2 / 2`` at time ``begin``, followed to ``end``."""

    theta: float
    m: float
    v: float
    begin: float
    end: float
    beta1: float = 0.9
    beta2: float = 0.999


@dataclass(frozen=True)
class Decay:
    """``L_t <= L_begin exp(-factor rate (t - begin))`` with the assumptions' constants measured along the flow.

    ``rate``: "printed" is ``kappa_2``, "repaired" has ``v_+`` bound the corrected preconditioner and ``1/(4 begin)``
    off ``beta1 - beta2 / 4``.
    """

    rate: Literal["printed", "repaired"]
    factor: float = 1.0


def _flows(budget: Budget) -> list[Flow]:
    """Warm starts with momentum of the gradient's sign, for as long as it keeps it; the defaults and others."""
    rng = np.random.default_rng(0)
    found = [Flow(2.25, 3.15, 0.03, 10.0, 16.0)]
    for _ in range(budget.pick(7, 150)):
        b1, b2 = ((0.9, 0.999), (0.9, 0.99), (0.5, 0.9))[rng.integers(3)]
        x, begin = 10 ** rng.uniform(-1, 2), 10 ** rng.uniform(0, 1.5)
        v = x * x * 10 ** rng.uniform(-2, 0.5) * (1 - b2**begin)
        found.append(Flow(x, x * rng.uniform(0.3, 1.5), v, begin, begin + 10 ** rng.uniform(-1, 0.8), b1, b2))
    return found


def _speed(flow: Flow, t: float, y: Any) -> tuple[float, float, float]:
    x, m, v = y
    root = math.sqrt(v / (1 - flow.beta2**t))
    return -m / (1 - flow.beta1**t) / root, flow.beta1 * (x - m), flow.beta2 * (x * x - v)


def _level(flow: Flow, t: Any, x: Any, m: Any, v: Any) -> Any:
    """The Lyapunov function."""
    s = flow.beta1 * (1 - flow.beta1**t) * (v / (1 - flow.beta2**t)) ** 0.5
    return x * x / 2 + m * m / (2 * s)


def _adaptive(flow: Flow) -> tuple[np.ndarray, np.ndarray]:
    """Times and states by SciPy's LSODA."""
    from scipy.integrate import solve_ivp

    times = np.linspace(flow.begin, flow.end, 601)
    start = [flow.theta, flow.m, flow.v]
    found = solve_ivp(lambda t, y: _speed(flow, t, y), times[[0, -1]], start, "LSODA", times, rtol=1e-9, atol=1e-12)
    return times, found.y


def _fixed(flow: Flow, steps: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """The same by the classical Runge-Kutta method with a fixed step."""
    h, y = (flow.end - flow.begin) / steps, np.array([flow.theta, flow.m, flow.v])
    path = [y]
    for n in range(steps):
        t = flow.begin + n * h
        k1 = np.array(_speed(flow, t, y))
        k2 = np.array(_speed(flow, t + h / 2, y + h / 2 * k1))
        k3 = np.array(_speed(flow, t + h / 2, y + h / 2 * k2))
        k4 = np.array(_speed(flow, t + h, y + h * k3))
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path.append(y)
    return np.linspace(flow.begin, flow.end, steps + 1), np.stack(path, axis=1)


def excess(flow: Flow, decay: Decay, path: tuple[np.ndarray, np.ndarray]) -> float:
    """Largest ``L_t / (L_begin e^{-rate (t - begin)})``; NaN where the momentum turns, so that no tau > 0 exists."""
    times, (x, m, v) = path
    if np.min(m / x) <= 0:
        return math.nan
    # Assumption 3 with and without squares on the norms: the smaller tau gives the weaker statement.
    ratio = float(np.min(m * m / (x * x)))
    tau = min(ratio, math.sqrt(ratio)) if decay.rate == "printed" else ratio
    root = np.sqrt(v if decay.rate == "printed" else v / (1 - flow.beta2**times))
    speed = flow.beta1 - flow.beta2 / 4 - (0 if decay.rate == "printed" else 1 / (4 * flow.begin))
    rate = decay.factor * 2 * tau * speed / (flow.beta1 * float(np.max(root)) + tau)
    level = _level(flow, times, x, m, v)
    return float(np.max(level / level[0] * np.exp(rate * (times - times[0]))))


DECAY_REPLAY = """
from proofs_check.adamomentum.lyapunov import Decay, Flow, _fixed, excess
flow = Flow(**witness["flow"])
violated = excess(flow, Decay(witness["rate"], witness["factor"]), _fixed(flow)) > 1.001
"""


def decays(statement: Decay, budget: Budget) -> list[Evidence]:
    """Follow the flows; a flow above the bound is followed again by another method."""
    worst, count = 0.0, 0
    for flow in _flows(budget):
        found = excess(flow, statement, _adaptive(flow))
        if math.isnan(found):
            continue
        count, worst = count + 1, max(worst, found)
        if found > 1.001:
            again = excess(flow, statement, _fixed(flow))
            return [
                Witness(
                    {"flow": asdict(flow), "rate": statement.rate, "factor": statement.factor},
                    Way("LSODA: largest L over the bound", found, "<=", 1.0, margin=1e-3),
                    Way("Runge-Kutta with a fixed step", again, "<=", 1.0, margin=1e-3),
                    DECAY_REPLAY,
                )
            ]
    return [Sampled("flows on a quadratic", count, 0, 1.001 - worst, f"{count} warm starts", {"largest": worst})]


CLAIMS = [
    Claim(
        id="adamomentum/theorem-4-lyapunov",
        location="theorem 4, B.2",
        statement=r"Along (6), $\mathcal L=f(\hat\theta_t)-f(\theta^*)+\frac12\|\hat m_t\|^2_{1/s_t}\le\Delta "
        r"e^{-\kappa_2t}$, and $\|\hat\theta_t-\theta^*\|^2\le\frac{2\Delta}\mu e^{-\kappa_2t}$ (which follows by "
        "strong convexity).",
        assumptions=(r"assumptions 1-3; $m_0=0$, by which the paper has $\mathcal L_0=\Delta$",),
        parts=(
            Part(
                "assumption 3 at the start",
                met_at_the_start,
                printed=Start(sp.Integer(0), sp.Integer(0)),
                broken=Start(sp.Integer(0), sp.Integer(1)),
                sound=Start(sp.Integer(1), sp.Integer(1)),
                note=r"$\|\hat m_t\|\ge\tau\|\nabla f\|$ is never met from $m_0=0$ (see assumption-3-along-the-flow). "
                "The other parts give the flow a warm start, or ask what holds without the bound.",
            ),
            Part(
                "derivative, term by term",
                symbolic_identity,
                printed=_derivative(True),
                broken=_derivative(False),
                bears=False,
                note=r"$\dot{\mathcal L}=-2\beta_1E+E(\frac{\dot q}q-\frac{\dot R}R)$, "
                r"$E=\frac12\|\hat m\|^2_{1/s}$: $\beta_1/q_t$ in $s_t$ cancels the cross term.",
            ),
            Part(
                "derivative of the preconditioner",
                symbolic_identity,
                printed=_preconditioner(1),
                broken=_preconditioner(2),
                bears=False,
                note=r"$-\dot R/R\le\frac{\beta_2}2-\frac{\dot\omega}{2\omega}$ whatever the input $k$, so for $k=g$ "
                r"and $k=m$ alike: this is the $\beta_1-\beta_2/4$ of $\kappa_2$.",
            ),
            Part(
                "the corrections only help",
                for_all,
                printed=_corrections(Fraction(0)),
                broken=_corrections(Fraction(1, 4)),
                repair=_corrections(Fraction(1, 2)),
                repair_note=r"$\frac{\dot q}q-\frac{\dot\omega}{2\omega}\le\frac1{2t}$",
                bears=False,
                note=r"For $\beta_1<\beta_2$ the sum is negative at first and positive later (at the defaults from "
                r"$t\approx12$): $\beta_1-\frac{\beta_2}4$ must lose $\frac1{4t}$.",
            ),
            Part(
                r"$s_t\le\beta_1v_+$ where $v_+$ bounds $\sqrt{v_t}$",
                for_all,
                printed=_weight_bounded("v"),
                broken=_weight_bounded("R/2"),
                repair=_weight_bounded("R"),
                repair_note=r"$v_+$ bounds the corrected $\sqrt{v_t/(1-\beta_2^t)}$",
                bears=False,
                note=r"$s_t/(\beta_1\sqrt{v_t})=(1-\beta_1^t)/\sqrt{1-\beta_2^t}$ is 3.2 at $t=1$ and 6.5 at $t=10$ at "
                "the defaults.",
            ),
            Part(
                r"decay at the rate $\kappa_2$ from a warm start, all constants measured",
                decays,
                printed=Decay("printed"),
                broken=Decay("repaired", 20.0),
                repair=Decay("repaired"),
                repair_note=r"$v_+$ bounds $R_t$, and $\beta_1-\frac{\beta_2}4-\frac1{4t_0}$ from time $t_0$ on",
                bears=False,
                note=r"At the defaults $\mathcal L$ exceeds the bound 2.4 times over on $10\le t\le16$, where all of "
                r"assumption 3 holds; with the two repairs the chain of inequalities closes.",
            ),
            Part(
                "the flow starts: k = g",
                starts_for,
                printed="gradient",
                broken="momentum",
                bears=False,
                note=r"$q_tm_t/R_t$ tends to a finite value, though $m_0=v_0=0$.",
            ),
            Part(
                "the flow starts: k = m",
                starts_for,
                printed="momentum",
                broken="momentum",
                sound="gradient",
                bears=False,
                note=r"With AdaMomentum's input the speed is "
                r"$\frac{\sqrt{3\log(1/\beta_2)/\beta_2}}{\log(1/\beta_1)}\cdot"
                r"\frac1t$ near 0, whatever the gradient: no solution starts at $m_0=v_0=0$. (6) as printed has "
                r"$\nabla f^2$ as input; theorem 4 does not cover AdaMomentum.",
            ),
        ),
    ),
]
