"""Section 4.2 and C.2: the rate for non-convex losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import AdaMomentum

from ..certificates import ball
from ..checks.bounds import Inequality, coefficient_signs, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness
from .nonconvex_runs import Terms, expected, instances
from .toy_runs import TOYS, starts
from .transcription import momenta, second_moments

L, B, H, G = sp.symbols("L b H G", positive=True)  # b = beta_1 / (1 - beta_1), a = 1 + b
A = 1 + B


# Lemma 5


def _z_steps(sign: int = -1) -> Mapping[str, Identity]:
    """``z_{t+1} - z_t`` from the recursions against the stated form; at t = 1 from theta_0 = theta_1."""
    w, v, m, g, b1, b2, theta = sp.symbols("w v m g beta beta_next theta", positive=True)
    c, d = b1 / (1 - b1), b2 / (1 - b2)
    new = b1 * m + (1 - b1) * g

    def step(m_before: Any, w_before: Any) -> Any:
        now = b1 * m_before + (1 - b1) * g
        after = theta - w * now
        return after + d * (after - theta) - (theta + c * (-w_before * m_before))

    general = sign * ((d - c) * w * new + c * (w - v) * m + w * g)
    first = sign * ((d - c) * w * (1 - b1) * g + w * g)
    over = {b1: ("1/2", "1/3"), b2: ("1/5", "1/7")}
    return {
        "t > 1": Identity(step(m, v), general, over),
        "t = 1, without the middle term": Identity(step(sp.Integer(0), sp.Integer(0)), first, over),
    }


# Lemmas 6-11, inequality (20), on exact runs

Bound = Callable[[Terms, Any, Any, Any, Any], tuple[Any, Any]]  # terms, H, L, b, c_{t+1} -> left, right

RUN_REPLAY = """
from fractions import Fraction
from proofs_check.adamomentum.nonconvex import BOUNDS, compared
left, right = compared(BOUNDS[witness["bound"]], witness, witness["gradient bound"], Fraction)
violated = left > right
"""


@dataclass(frozen=True)
class Bounded:
    """A named entry of ``BOUNDS``, with H the largest gradient at the iterates, or at the points z_t too."""

    bound: str
    gradient_bound: str = "everywhere"


def _number(kind: Any) -> Callable[[Any], Any]:
    return lambda v: kind(Fraction(str(v)))


def compared(bound: Bound, point: Any, gradient_bound: str, kind: Any) -> tuple[Any, Any]:
    """Both sides at an instance, in numbers of one kind."""
    number = _number(kind)
    terms = expected(point, number)
    c = [number(v) / (1 - number(v)) for v in point["decays"]]
    h = terms.iterates if gradient_bound == "iterates" else terms.everywhere
    return bound(terms, h, number(point["curvature"]), c[0], c[len(point["steps"])])


def _half(value: Any) -> Any:
    return value / 2


def _t2(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Bound:
    def bound(s: Terms, h: Any, lip: Any, b: Any, last: Any) -> tuple[Any, Any]:
        del last
        right = (Fraction(1, 2) + lip**2 * first(b)) * s.wg2 + lip**2 * h**2 * second(b) * s.delta2
        return s.t[1], right + 2 * h**2 * (s.delta1 + s.w1) - s.left

    return bound


def _twenty(c3: Callable[[Any, Any], Any], c4: Callable[[Any], Any], share: Any = 1) -> Bound:
    """(20) with the printed C_1, C_2, and ``c3(L, b)``, ``c4(L)`` in C_3, C_4."""

    def bound(s: Terms, h: Any, lip: Any, b: Any, last: Any) -> tuple[Any, Any]:
        del last
        c1 = Fraction(3, 2) * lip + Fraction(1, 2) + lip**2 * b * (1 + b) ** 2
        right = c1 * s.wg2 + h**2 * (b + 2) * s.delta1 + c3(lip, b) * h**2 * b**2 * s.delta2
        right += b * (h**2 + s.wm**2) + c4(lip) * b**2 * s.wm**2 + 2 * h**2 * s.w1 + s.drop
        return s.left, share * right

    return bound


BOUNDS: dict[str, Bound] = {
    "lemma 6": lambda s, h, lip, b, last: (s.gain, sum(s.t)),
    "lemma 6, f(z_{t+1}) - f(z_t)": lambda s, h, lip, b, last: (s.last_gain, sum(s.t)),
    "lemma 6, factor 1/2": lambda s, h, lip, b, last: (s.gain, sum(s.t[:3]) + sum(s.t[3:]) / 3),
    "lemma 7": lambda s, h, lip, b, last: (s.t[0], h**2 * b * s.delta1),
    "lemma 7, half": lambda s, h, lip, b, last: (s.t[0], h**2 * b * s.delta1 / 4),
    "lemma 8": lambda s, h, lip, b, last: (s.t[2], (b - last) * (h**2 + s.wm**2)),
    "lemma 8, half": lambda s, h, lip, b, last: (s.t[2], (b - last) * (h**2 + s.wm**2) / 2),
    "lemma 8, eighth": lambda s, h, lip, b, last: (s.t[2], (b - last) * (h**2 + s.wm**2) / 8),
    "lemma 9": lambda s, h, lip, b, last: (s.t[3], Fraction(3, 2) * lip * (b - last) ** 2 * s.wm**2),
    "lemma 9, half": lambda s, h, lip, b, last: (s.t[3], Fraction(3, 4) * lip * (b - last) ** 2 * s.wm**2),
    "lemma 10": lambda s, h, lip, b, last: (s.t[4], Fraction(3, 2) * lip * b**2 * h**2 * s.delta2),
    "lemma 10, quarter": lambda s, h, lip, b, last: (s.t[4], Fraction(3, 8) * lip * b**2 * h**2 * s.delta2 / 4),
    "lemma 11, b^2 and b^4": _t2(lambda b: b**2, lambda b: b**4),
    "lemma 11, b^2 a^2 and a^2 b^4": _t2(lambda b: b**2 * (1 + b) ** 2, lambda b: (1 + b) ** 2 * b**4),
    "lemma 11, nothing": lambda s, h, lip, b, last: (s.t[1], -s.left),
    "(20) as printed": _twenty(lambda lip, b: 1 + lip**2 * b * (1 + b) ** 2, lambda lip: 1),
    "(20) with 3/2 L": _twenty(
        lambda lip, b: Fraction(3, 2) * lip + lip**2 * b * (1 + b) ** 2, lambda lip: Fraction(3, 2) * lip
    ),
    "(20), a hundredth": _twenty(lambda lip, b: 1, lambda lip: 1, Fraction(1, 100)),
}


def on_runs(statement: Bounded | tuple[Bounded, ...], budget: Budget) -> list[Evidence]:
    """Search exact runs for a violation of each bound."""
    evidence: list[Evidence] = []
    for item in statement if isinstance(statement, tuple) else (statement,):
        bound = BOUNDS[item.bound]

        def points(budget: Budget, item: Bounded = item) -> Iterator[dict[str, Any]]:
            for point in instances(budget.pick(150, 3000)):
                yield point | {"bound": item.bound, "gradient bound": item.gradient_bound}

        found = for_all(
            ForAll(
                points,
                lambda p, f=bound, i=item: compared(f, p, i.gradient_bound, Fraction),  # type: ignore[misc]
                "<=",
                lambda p, f=bound, i=item: compared(f, p, i.gradient_bound, float),  # type: ignore[misc]
                RUN_REPLAY,
            ),
            budget,
        )
        if isinstance(found[0], Witness):
            return found
        evidence += found
    return evidence


def _three_squares(factor: Any) -> Inequality:
    """``|x + y + z|^2 <= factor (|x|^2 + |y|^2 + |z|^2)`` at x = u, y = u + p, z = u + p + q (any order, any sign)."""
    u, p, q = sp.symbols("u p q", positive=True)
    x, y, z = u, u + p, u + p + q
    return Inequality((x + y + z) ** 2, "<=", factor * (x**2 + y**2 + z**2))


def _weights(statement: int, budget: Budget) -> list[Evidence]:
    """Rows and columns of ``m_i = sum_k P_ik g_k`` sum to at most 1, hence ``sum w m^2 <= sum w g^2`` for falling w.

    With decays ``b_k = 1/(1 + s_k)``, s rising; ``statement`` is the claimed bound of the sums.
    """
    steps = {}
    for n in range(2, budget.pick(5, 6)):
        rises = sp.symbols(f"r1:{n + 1}", positive=True)
        decays = [1 / (1 + sum(rises[: k + 1])) for k in range(n)]
        rows = [
            [(1 - decays[k]) * sp.prod(decays[k + 1 : i + 1]) if k <= i else sp.Integer(0) for k in range(n)]
            for i in range(n)
        ]
        for k in range(n):
            steps[f"n = {n}: column {k + 1}"] = coefficient_signs(statement - sum(rows[i][k] for i in range(n)))[1]
            steps[f"n = {n}: row {k + 1}"] = is_zero(1 - sum(rows[k]) - sp.prod(decays[: k + 1]))
    return [Exact("certificate", steps)]


# (21)-(25)


@dataclass(frozen=True)
class Sums:
    """Factors of the right sides of (22), (23), (24): ``w_1``, ``w_1^2`` and ``T w_T`` times these."""

    first: Any = 1
    second: Any = 1
    third: Any = 1


def falling_sums(s: Sums, budget: Budget) -> list[Evidence]:
    """(22)-(24) per coordinate for falling w, as polynomials in the decrements: ``w_t = u + e_t + ... + e_{T-1}``.

    With ``w_1 <= alpha / sqrt(c)``, and ``w_T >= alpha_T / H`` from ``v_T <= H^2``, these are the printed forms.
    """
    steps = {}
    for n in range(2, budget.pick(6, 9)):
        e = sp.symbols(f"e1:{n}", positive=True)
        u, low = sp.symbols("u m", positive=True)
        h = sp.symbols(f"h1:{n + 1}", positive=True)
        w = [u + sum(e[k:]) for k in range(n)]
        gaps = [w[k] - w[k + 1] for k in range(n - 1)]
        steps[f"(22), T = {n}"] = coefficient_signs(s.first * w[0] - sum(gaps))[1]
        steps[f"(23), T = {n}"] = coefficient_signs(s.second * w[0] ** 2 - sum(x**2 for x in gaps))[1]
        total = sum(x * (low + y) for x, y in zip(w, h, strict=True))
        steps[f"(24), T = {n}"] = coefficient_signs(sp.expand(total - s.third * n * u * low))[1]
    b2 = sp.Symbol("beta_2", positive=True)
    for n in (1, 2, 5):
        weights = second_moments([sp.Integer(1)] * n, b2)[-1]
        steps[f"v_{n} <= H^2: its weights sum to 1 - beta_2^{n}"] = is_zero(weights - (1 - b2**n))
    return [Exact("certificate", steps)]


def _with_epsilon(extra: bool) -> ForAll:
    """``v_t <= H^2 (+ eps/(1 - beta_2))`` for Algorithm 1's v with |m| <= H = 1."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for b2 in ("1/2", "9/10", "999/1000"):
            for eps in ("1/10", "1/100000000"):
                for n in (1, 5, budget.pick(200, 2000)):
                    yield {"beta2": b2, "epsilon": eps, "steps": n}

    def sides(p: Any, kind: Any) -> tuple[Any, Any]:
        b2, eps = kind(Fraction(p["beta2"])), kind(Fraction(p["epsilon"]))
        v = (1 - b2 ** p["steps"]) * (1 + eps / (1 - b2))
        return v, 1 + eps / (1 - b2) if extra else 1

    def again(p: Any) -> tuple[Any, Any]:
        b2, eps, v = float(Fraction(p["beta2"])), float(Fraction(p["epsilon"])), 0.0
        for _ in range(p["steps"]):
            v = b2 * v + (1 - b2) + eps
        return v, 1 + eps / (1 - b2) if extra else 1.0

    return ForAll(
        points,
        lambda p: sides(p, Fraction),
        "<=",
        again,
        "b, e, v = float(eval(witness['beta2'])), float(eval(witness['epsilon'])), 0.0\n"
        "for _ in range(witness['steps']):\n    v = b * v + (1 - b) + e\nviolated = v > 1",
        methods=("closed form, exact", "recursion in floating point"),
        margins=(0.0, 1e-12),
    )


# Corollary 2


def _harmonic(extra: Any, budget: Budget) -> list[Evidence]:
    """``sum_{t <= T} 1/t <= extra + log T``: at T = 1, and the increments 1/(T + 1) <= log(1 + 1/T)."""
    x = sp.Symbol("x", positive=True)
    slope = sp.diff(sp.log(1 + x) - x / (1 + x), x)
    steps = {
        "T = 1": bool(extra >= 1),
        "log(1 + x) - x/(1 + x) rises from 0 (x = 1/T)": coefficient_signs(slope)[0],
        "T alpha_T = alpha sqrt(T)": is_zero(x**2 * (1 / sp.sqrt(x**2)) - x),
    }
    total, largest = Fraction(0), budget.pick(60, 300)
    for t in range(1, largest):
        total += Fraction(1, t)
        steps[f"balls, T = {t}"] = bool(ball(total) <= ball(Fraction(extra)) + ball(t).log())
    return [Exact("certificate", steps)]


# The conditions of theorem 2


def _example(decay: str) -> ForAll:
    """0 <= beta_{1,t+1} <= beta_{1,t} < 1 for a schedule given as text in t."""

    def at(t: int, kind: Any) -> Any:
        return kind(eval(decay, {"t": Fraction(t), "Fraction": Fraction}))

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for t in range(1, budget.pick(200, 2000)):
            yield {"decay": decay, "t": t}

    def sides(p: Any, kind: Any) -> tuple[Any, Any]:
        now, after = at(p["t"], kind), at(p["t"] + 1, kind)
        return (now if 0 <= after <= now else now + 1), 1

    return ForAll(
        points,
        lambda p: sides(p, Fraction),
        "<",
        lambda p: sides(p, float),
        "from fractions import Fraction\nt = Fraction(witness['t'])\nviolated = eval(witness['decay']) >= 1",
        margins=(0.0, 0.0),
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
    del budget
    worst = [s.beta2 - Fraction(t, t + 1) for t in range(1, s.horizon)]
    if all(x >= 0 for x in worst):
        return [Exact("rational", {f"beta_2 >= t/(t+1) for t + 1 <= {s.horizon}": True, "v_{t+1} >= beta_2 v_t": True})]
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
                data[f"{name}, beta2 {beta2}, {schedule}"] = {"share": round(held / seen, 4), "first not": first}
    return data


def _share_falling(low: float, budget: Budget) -> list[Evidence]:
    """At least this share of steps and coordinates has falling effective steps, in every setting."""
    steps = budget.pick(1500, 6000)
    data = _falling_along_runs(steps)
    shares = [v["share"] for v in data.values()]
    over = sum(v < low for v in shares)
    effort = f"{steps} steps, {len(data)} settings, 20 starts each"
    return [Sampled("runs of AdaMomentum without bias correction", len(shares), over, min(shares) - low, effort, data)]


# Theorem 2


def _informs(power: int, budget: Budget) -> list[Evidence]:
    """The bound of corollary 2 is below the trivial H^2 from some T <= 10^power on, in the most favourable case.

    H = L = d = 1, c = H^2 (the largest possible), alpha = 10^-3, beta_1 = 0.9, f(z_1) = min f.
    """
    del budget
    h, lip, d, c, alpha, b = 1.0, 1.0, 1.0, 1.0, 1e-3, 9.0
    g = alpha * h / np.sqrt(c)
    c1 = 1.5 * lip + 0.5 + lip**2 * b * (1 + b) ** 2
    c2, c3 = h**2 * (b + 2), (1 + lip**2 * (1 + b) ** 2 * b) * h**2 * b**2
    c4 = b * (h**2 + g**2) + b**2 * g**2 + 2 * h**2 * d * alpha / np.sqrt(c)

    def value(t: float) -> float:
        inner = c1 * h**2 * alpha**2 * (1 + np.log(t)) / c + c2 * d * alpha / np.sqrt(c) + c3 * d * alpha**2 / c + c4
        return float(h * inner / (alpha * np.sqrt(t)))

    grid = np.logspace(0, 14, 1401)
    first = float(next(t for t in grid if value(t) < h**2))
    return [
        Sampled(
            "bound against H^2 on a logarithmic grid of T",
            1,
            int(first > 10.0**power),
            float(np.log10(10.0**power / first)),
            "T from 1 to 10^14",
            {"first T": first, "bound at T = 10^4, 10^6, 10^8, 10^10": [value(10.0**k) for k in (4, 6, 8, 10)]},
        )
    ]


def _combination(factor: Any) -> Identity:
    """(25): ``T alpha_T/H X <= R`` rearranged, and Q_1 + Q_2 eta with Q_2 = C_1 H^3 / c."""
    t, a_t, eta, c, d, alpha, c1, c2, c3, c4 = sp.symbols("T alpha_T eta c d alpha C_1 C_2 C_3 C_4", positive=True)
    inner = c1 * H**2 * eta / c + c2 * d * alpha / sp.sqrt(c) + c3 * d * alpha**2 / c + c4
    q1 = H * (c2 * d * alpha / sp.sqrt(c) + c3 * d * alpha**2 / c + c4)
    over = {c: ("4", "9")}
    return Identity(H / (t * a_t) * inner, (q1 + factor * c1 * H**3 / c * eta) / (t * a_t), over)


def _collected(c1: Any, c3: Any, c4: Any) -> Mapping[str, Inequality]:
    """What the lemmas add up to is at most C_1, C_3, C_4 (their parts that are not equal anyway)."""
    return {
        "C_1": Inequality(sp.Rational(3, 2) * L + sp.Rational(1, 2) + L**2 * B**2, "<=", c1),
        "C_3 / (H^2 b^2)": Inequality(sp.Rational(3, 2) * L + L**2 * B**2, "<=", c3),
        "C_4, its terms of lemmas 8 and 9": Inequality(
            B * (H**2 + G**2) + sp.Rational(3, 2) * L * B**2 * G**2, "<=", B * (H**2 + G**2) + c4 * B**2 * G**2
        ),
    }


C1 = sp.Rational(3, 2) * L + sp.Rational(1, 2) + L**2 * B * A**2
LEMMAS = ("lemma 8", "lemma 9", "lemma 10", "lemma 11, b^2 a^2 and a^2 b^4")

CLAIMS = [
    Claim(
        id="adamomentum/theorem-2-rate",
        location="theorem 2",
        statement=r"$\min_tE\|\nabla f(\theta_t)\|^2\le\frac H{T\alpha_T}[C_1H^2\eta/c+C_2d\alpha/\sqrt c"
        r"+C_3d\alpha^2/c+C_4]=(Q_1+Q_2\eta(T))/(T\alpha_T)$ with $C_1,C_2,C_3$ free of $d$, $T$ and $C_4$ of $T$.",
        assumptions=(
            r"$E[g_t\mid\theta_t]=\nabla f(\theta_t)$, which the theorem does not list; no bias correction, no "
            r"$\epsilon$",
        ),
        parts=(
            Part(
                "(20) to (25): the combination",
                symbolic_identity,
                printed=_combination(1),
                broken=_combination(2),
            ),
            Part(
                "(22)-(24) from falling step sizes",
                falling_sums,
                printed=Sums(),
                broken=Sums(first=sp.Rational(1, 2)),
                note=r"(24) needs no falling $\alpha_t$: $w_t\ge w_T\ge\alpha_T/H$.",
            ),
            Part(
                "(20) on exact runs, arbitrary steps, constants with 3/2 L",
                on_runs,
                printed=Bounded("(20) with 3/2 L"),
                broken=Bounded("(20), a hundredth"),
                note=r"Derived: the lemmas with $\|\nabla f(z_i)\|\le H$, or, from the hypotheses as they stand, with "
                r"$H+LbG$ for the one $H$ that stands for it, $G\le\alpha H/\sqrt c$. With falling steps "
                r"$\sum\|w_tm_t\|^2\le\sum\|w_tg_t\|^2$ and $C_1=\frac32L+\frac12+\frac12L^2b^2$ does.",
            ),
            Part(
                "where it says more than the trivial bound: some T up to 10^8",
                _informs,
                printed=8,
                broken=6,
                bears=False,
                note=r"At best ($H=L=d=1$, $c=H^2$, $\alpha=10^{-3}$, $\beta_1=0.9$) the bound falls below $H^2$ at "
                r"about $T=8.3\cdot10^7$; at $10^4$ it is 91.",
            ),
        ),
    ),
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
                repair=_example("Fraction(9,10)/t"),
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
                printed=0.01,
                broken=0.999,
                bears=False,
                note=r"With $\alpha_t\propto t^{-1/2}$ and $\beta_2=0.999$ runs obey it up to $t=999$ and break it "
                r"at 1000, with $\beta_2=0.99$ at 100; it holds for 7 to 19 % of 1500 steps in all; with constant "
                r"$\alpha$ it fails within the first five steps.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/corollary-2-rate",
        location="corollary 2",
        statement=r"$\alpha_t=\alpha/\sqrt t$ gives $T\alpha_T=\alpha\sqrt T$, $\eta=\alpha^2(1+\log T)$, hence "
        r"$O(\log T/\sqrt T)$.",
        parts=(
            Part(
                "the harmonic sum and the factor",
                _harmonic,
                printed=1,
                broken=Fraction(1, 2),
                note=r"The constant 1 is sharp at $T=1$; $0.5773$ is its limit. $w_t\ge w_{t+1}$ is still assumed.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/theorem-5-inequality-20",
        location="theorem 5, (20)",
        statement=r"$E\sum\langle\nabla f,w_t\nabla f\rangle\le E[C_1\sum\|w_tg_t\|^2+C_2\sum\|\delta_t\|_1+C_3\sum"
        r"\|\delta_t\|^2]+C_4$ for constants free of $T$.",
        assumptions=(r"unbiased $g_t$; sums of $\delta_t$ from $t=2$, since $w_0=\alpha_0/\sqrt{v_0}$ does not exist",),
        parts=(
            Part(
                "exact runs, printed constants, H at the z_t too",
                on_runs,
                printed=Bounded("(20) as printed"),
                broken=Bounded("(20), a hundredth"),
                note="Whether the constants follow from the lemmas is judged in theorem-5-constants.",
            ),
            Part(
                "exact runs, constants with 3/2 L",
                on_runs,
                printed=Bounded("(20) with 3/2 L"),
                broken=Bounded("(20), a hundredth"),
            ),
        ),
    ),
    Claim(
        id="adamomentum/theorem-5-constants",
        location="C.2.5",
        statement=r"$C_1=\frac32L+\frac12+L^2ba^2$, $C_2=H^2b+2H^2$, $C_3=(1+L^2a^2b)H^2b^2$, "
        r"$C_4=b(H^2+G^2)+b^2G^2+2H^2E\|w_1\|_1+E[f(z_1)-f(z^*)]$ collect lemmas 6-11. Judged: each is at least the "
        "sum of what the lemmas, in their sharpest form here, contribute.",
        parts=(
            Part(
                "C_1, C_3, C_4 for all L and beta_1",
                inequality,
                printed=_collected(C1, 1 + L**2 * A**2 * B, 1),
                broken=_collected(L, 1, 0),
                repair=_collected(C1, sp.Rational(3, 2) * L + L**2 * A**2 * B, sp.Rational(3, 2) * L),
                repair_note=r"$C_3=(\frac32L+L^2a^2b)H^2b^2$ and $\frac32Lb^2G^2$ in $C_4$",
                note=r"The factor $\frac32L$ of $T_4$ and $T_5$ is lost: $C_4$ follows for $L\le2/3$ only, $C_3$ for "
                r"all $L$ only where $a^2b-b^2\ge9/16$. $C_1$ may be $\frac32L+\frac12+L^2b^2$, $C_2$ is exact.",
            ),
            Part(
                "sum of squared momenta at most that of gradients (falling decays)",
                _weights,
                printed=1,
                broken=sp.Rational(1, 2),
                bears=False,
                note=r"$m_i=\sum_kP_{ik}g_k$ with row and column sums at most 1; so the factor $a^2$ in $C_1$ is not "
                "needed.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/lemma-5-z-sequence",
        location="lemma 5",
        statement=r"$z_t=\theta_t+c_t(\theta_t-\theta_{t-1})$: $z_{t+1}-z_t=-(c_{t+1}-c_t)w_tm_t-c_t\delta_tm_{t-1}"
        r"-w_tg_t$ for $t>1$; at $t=1$ without the middle term.",
        parts=(
            Part(
                "both displays",
                symbolic_identity,
                printed=_z_steps(),
                broken=_z_steps(1),
                note=r"For any $w_t$, so also for the bias-corrected step. $z_1$ needs $\theta_0=\theta_1$; "
                r"$\beta_{1,t}<1$ is needed at every $t$.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/lemma-6-decomposition",
        location="lemma 6",
        statement=r"$E[f(z_{t+1})-f(z_1)]\le\sum_{i\le6}T_i$: smoothness, and $\frac32L$ for three squares.",
        main_reading="f(z_1)",
        reading_reason="The sums run over all steps and C.2.5 starts from it; the display's f(z_t) is a slip.",
        parts=(
            Part(
                "square of a sum of three",
                inequality,
                printed=_three_squares(3),
                broken=_three_squares(2),
                reading="f(z_1)",
                note=r"$3\sum x_i^2-(\sum x_i)^2=\sum_{i<j}(x_i-x_j)^2$; with smoothness this is the lemma.",
            ),
            Part(
                "exact runs",
                on_runs,
                printed=Bounded("lemma 6"),
                broken=Bounded("lemma 6, factor 1/2"),
                bears=False,
            ),
            Part(
                "exact runs, last step alone on the left",
                on_runs,
                printed=Bounded("lemma 6, f(z_{t+1}) - f(z_t)"),
                broken=Bounded("lemma 6, factor 1/2"),
                repair=Bounded("lemma 6"),
                repair_note=r"$f(z_1)$ for $f(z_t)$",
                reading="f(z_t)",
            ),
        ),
    ),
    Claim(
        id="adamomentum/lemmas-7-to-11",
        location="lemmas 7-11",
        statement=r"$T_1\le H^2bE\sum_{i\ge2}\|\delta_i\|_1$, $T_3\le(b-c_{t+1})(H^2+G^2)$, "
        r"$T_4\le\frac32L(b-c_{t+1})^2G^2$, $T_5\le\frac32Lb^2H^2E\sum\|\delta_i\|^2$, and $T_2$.",
        parts=(
            Part(
                "lemma 7, H bounding the gradients at the iterates (assumption 4)",
                on_runs,
                printed=Bounded("lemma 7", "iterates"),
                broken=Bounded("lemma 7, half"),
                repair=Bounded("lemma 7"),
                repair_note=r"$H$ also bounds $\|\nabla f(z_i)\|$; else $H(H+LbG)$ for $H^2$",
                note=r"The step bounds $\nabla f(z_i)$ by $H$, but assumption 4 speaks of $\theta_t$, and $z_t$ "
                r"extrapolates by $b$ steps.",
            ),
            Part(
                "lemmas 8-11, H bounding the gradients at the z_i too",
                on_runs,
                printed=tuple(Bounded(name) for name in LEMMAS),
                broken=Bounded("lemma 11, nothing"),
                note=r"Lemma 11 uses $E[g_t\mid\theta_t]=\nabla f(\theta_t)$ and $w_{i-1}$ independent of $\zeta_i$.",
            ),
            Part(
                "sharper factors: half in lemma 8, b^2 and b^4 in lemma 11",
                on_runs,
                printed=(Bounded("lemma 8, half"), Bounded("lemma 11, b^2 and b^4")),
                broken=Bounded("lemma 8, eighth"),
                bears=False,
                note=r"$HG\le\frac12(H^2+G^2)$; rows and columns of the averaging matrix sum to at most 1.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/equations-21-to-25",
        location="(21)-(25)",
        statement=r"$E\sum\|w_tg_t\|^2\le H^2\eta/c$, $E\sum\|\delta_t\|_1\le d\alpha/\sqrt c$, $E\sum\|\delta_t\|^2"
        r"\le d\alpha^2/c$, left side of (20) $\ge\frac{T\alpha_T}H\min_tE\|\nabla f\|^2$.",
        assumptions=(r"sums of $\delta_t$ from $t=2$; no $\epsilon$ in $v_t$",),
        parts=(
            Part(
                "(22), (23), (24) per coordinate",
                falling_sums,
                printed=Sums(),
                broken=Sums(third=2),
                note=r"(21) is termwise: $\alpha_t^2/v_t\le\alpha_t^2/c$. (23): $\sum\delta^2\le w_1\sum|\delta|$; the "
                "printed reason, a square equal to a difference, is not one. Summed from $t=1$ with $w_0=0$ (22) would "
                "need a factor 2.",
            ),
            Part("(25)", symbolic_identity, printed=_combination(1), broken=_combination(2)),
            Part(
                r"v_t <= H^2 with Algorithm 1's epsilon",
                for_all,
                printed=_with_epsilon(False),
                broken=_with_epsilon(False),
                repair=_with_epsilon(True),
                repair_note=r"$\sqrt{H^2+\epsilon/(1-\beta_2)}$ for $H$ in (24)",
                bears=False,
                note="With epsilon in the state the root exceeds H for constant gradients.",
            ),
        ),
    ),
]
