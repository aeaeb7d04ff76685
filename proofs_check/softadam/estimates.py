"""Sections 3 and 3.1: the second moment's weights and sample sizes, early variance, the uncorrected first moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Missing, Part, Sampled
from .early_variance import CLAIM as EARLY
from .mixing_ends import momentum_forms
from .sample_ratio import CLAIM as RATIO
from .transcription import beta2_hat, ratio, second_moment_weights

BETAS = (Fraction(3, 4), Fraction(9, 10), Fraction(7, 10))
BETA, Y, N_T, N_END = sp.symbols("beta y n N")
S, U, W = sp.symbols("p u w")

# --- weights of v_t ---

Hat = Callable[[Fraction, int], Fraction]


def _weights(hat: Hat, beta: Fraction, t: int) -> tuple[Fraction, list[Fraction]]:
    """Weight of v_0, and of g_1^2 .. g_t^2."""
    start = Fraction(1)
    weights: list[Fraction] = []
    for s in range(1, t + 1):
        b = hat(beta, s)
        start, weights = b * start, [b * w for w in weights] + [1 - b]
    return start, weights


WEIGHT_REPLAY = """
from fractions import Fraction as F
total = F(0)
for s in range(1, witness["t"] + 1):
    b = min(F(witness["beta2"]), 1 - F(1, s))
    total = b * total + (1 - b)
violated = total != 1
"""


def _sum_to_one(hat: Hat) -> ForAll:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta in BETAS:
            for t in range(1, budget.pick(25, 80)):
                yield {"beta2": beta, "t": t, "sum": sum(_weights(hat, beta, t)[1])}

    def proof(budget: Budget) -> list[Evidence]:
        step = Identity(BETA * 1 + (1 - BETA), 1)
        first = all(hat(beta, 1) == 0 for beta in BETAS)
        return [
            *symbolic_identity({"a sum of one stays one for every beta2hat": step}, budget),
            Exact("rational", {"beta2hat = 0 at t = 1, so v_0 has no weight and the sum starts at one": first}),
        ]

    return ForAll(
        points=points,
        sides=lambda p: (p["sum"], 1),
        relation="==",
        again=lambda p: (_running(hat, float(p["beta2"]), p["t"]), 1.0),
        replay=WEIGHT_REPLAY,
        proof=proof,
    )


def _running(hat: Hat, beta: float, t: int) -> float:
    v = 0.0
    for s in range(1, t + 1):
        b = float(hat(Fraction(beta).limit_denominator(1000), s))
        v = b * v + (1 - b)
    return v


def _uniform(until: Callable[[Fraction], Fraction]) -> ForAll:
    """All weights of v_t are 1/t while t <= until(beta2)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta in (Fraction(3, 4), Fraction(9, 10)):
            for t in range(1, math.floor(until(beta)) + 1):
                weights = second_moment_weights(beta, t)
                yield {"beta2": beta, "t": t, "spread": max(weights) - min(weights)}

    def proof(budget: Budget) -> list[Evidence]:
        t = sp.Symbol("t")
        return symbolic_identity({"1/(t-1) becomes 1/t": Identity((1 - 1 / t) / (t - 1), 1 / t)}, budget)

    return ForAll(
        points=points,
        sides=lambda p: (p["spread"], 0),
        relation="==",
        again=lambda p: (float(max(second_moment_weights(p["beta2"], p["t"])) * p["t"]), 1.0),
        replay="""
from fractions import Fraction as F
from proofs_check.softadam.transcription import second_moment_weights
weights = second_moment_weights(F(witness["beta2"]), witness["t"])
violated = max(weights) != min(weights)
""",
        proof=proof,
    )


def _lag(lag: Any) -> dict[str, Identity]:
    """Mean over s <= t of a moment a + c s, said to be that at t - lag(t): at t = 1, and from t to t + 1."""
    a, c, t = sp.symbols("a c t")
    mean = [a + c * (x - lag(x)) for x in (t, t + 1)]
    more = Identity((t * mean[0] + a + c * (t + 1)) / (t + 1), mean[1])
    return {"t = 1": Identity(mean[0].subs(t, 1), a + c), "t to t + 1": more}


UNBIASED = Claim(
    id="softadam/beta2-hat-unbiased",
    location="section 3.1",
    statement=(
        r"With $\hat\beta_{2t}=\min(\beta_2,1-1/t)$ the average $v_t$ is unbiased and needs no correction. Precise "
        r"version: the weights of $g_1^2,\dots,g_t^2$ sum to one at every $t$, and $v_0$ has none."
    ),
    assumptions=("stationary second moments, as for the bias correction that it replaces",),
    parts=(
        Part(
            "weights sum to one for every t, none on v_0",
            for_all,
            printed=_sum_to_one(beta2_hat),
            broken=_sum_to_one(lambda beta, t: min(beta, 1 - Fraction(1, t + 1))),
            note="So E v_t = E g^2 for stationary moments, like v/(1 - beta2^t).",
        ),
        Part(
            "uniform weights 1/t while t <= 1/(1 - beta2)",
            for_all,
            printed=_uniform(lambda beta: 1 / (1 - beta)),
            broken=_uniform(lambda beta: 1 / (1 - beta) + 2),
            bears=False,
            note="Afterwards old weights shrink by beta2 per step; 1/t switches over at t = 1/(1 - beta2), smoothly.",
        ),
        Part(
            "for a drifting moment it lags by (t - 1)/2 steps in the uniform phase",
            symbolic_identity,
            printed=_lag(lambda t: (t - 1) / 2),
            broken=_lag(lambda t: t / 2),
            bears=False,
            note="Not unbiased there, as no average of the past is.",
        ),
    ),
)

# --- number of samples ---


def _effective(until: Callable[[Fraction], int]) -> ForAll:
    """1/(1 - beta2hat_t) is the effective sample size 1/sum w^2 for t <= until(beta2)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta in (Fraction(3, 4), Fraction(9, 10)):
            for t in range(1, until(beta) + 1):
                yield {"beta2": beta, "t": t}

    def exact(p: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
        weights = second_moment_weights(p["beta2"], p["t"])
        return 1 / (1 - beta2_hat(p["beta2"], p["t"])), 1 / sum((w * w for w in weights), Fraction(0))

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        beta, squares = float(p["beta2"]), 0.0
        for s in range(1, p["t"] + 1):
            b = min(beta, 1 - 1 / s)
            squares = b * b * squares + (1 - b) ** 2
        return 1 / (1 - min(beta, 1 - 1 / p["t"])), 1 / squares

    def proof(budget: Budget) -> list[Evidence]:
        t = sp.Symbol("t")
        step = Identity((1 - 1 / t) ** 2 / (t - 1) + 1 / t**2, 1 / t)
        return symbolic_identity({"sum of squared weights 1/(t-1) becomes 1/t": step}, budget)

    return ForAll(
        points=points,
        sides=exact,
        relation="==",
        again=again,
        replay="""
from fractions import Fraction as F
b, q = F(witness["beta2"]), F(0)
for s in range(1, witness["t"] + 1):
    h = min(b, 1 - F(1, s))
    q = h * h * q + (1 - h) ** 2
violated = 1 / (1 - h) != 1 / q
""",
        proof=proof,
    )


SAMPLES = Claim(
    id="softadam/number-of-samples",
    location="section 3.1",
    statement=(
        r"$n_t$ is the number of samples in $v_t$ and $n_\infty$ that of the steady state. Precise version: "
        r"$1/(1-\hat\beta_{2t})$ is the effective sample size $1/\sum_sw_s^2$ for every $t$."
    ),
    assumptions=("effective: the variance of the average is that of so many equally weighted samples",),
    parts=(
        Part(
            "1/(1 - beta2hat) is the effective sample size at every t",
            for_all,
            printed=_effective(lambda beta: 3 * int(1 / (1 - beta))),
            broken=_effective(lambda beta: int(1 / (1 - beta)) + 1),
            repair=_effective(lambda beta: int(1 / (1 - beta))),
            repair_note=(
                r"for $t\le1/(1-\beta_2)$, where both are $t$; afterwards it grows on to "
                r"$(1+\beta_2)/(1-\beta_2)$"
            ),
            note=(
                "Steady state at .999: 1999 samples, not 1000, so the sample ratio is off by up "
                "to (1 + beta2). Counted "
                "literally v_t uses t samples and v_infinity all of them."
            ),
        ),
        Part(
            "steady-state sum of squared weights",
            symbolic_identity,
            printed=Identity(BETA**2 * (1 - BETA) / (1 + BETA) + (1 - BETA) ** 2, (1 - BETA) / (1 + BETA)),
            broken=Identity(BETA**2 * (1 - BETA) + (1 - BETA) ** 2, 1 - BETA),
            bears=False,
            note="The fixed point (1 - beta2)/(1 + beta2); 1 - beta2 would be the stated number's.",
        ),
    ),
)

# --- first moment ---


def _variance(beta: Any, power: Any) -> Any:
    """Var m_t/sigma^2 for independent gradients, power = beta^t."""
    return (1 - beta) / (1 + beta) * (1 - power**2)


def _relative_variance(normaliser: Callable[[Any, int], Any]) -> dict[str, Identity]:
    """Var m/(E m)^2 against Var m_hat/(E m_hat)^2 with E m_hat = mu, from the weights themselves."""
    identities = {}
    for t in range(1, 7):
        weights = [(1 - BETA) * BETA**k for k in range(t)]
        corrected = sum((w / normaliser(BETA, t)) ** 2 for w in weights)
        inside = {BETA: (Fraction(1, 2), Fraction(9, 10))}
        identities[f"t = {t}"] = Identity(sum(w**2 for w in weights) / sum(weights) ** 2, corrected, inside)
    return identities


_MEAN_SQUARE = (1 - Y) ** 2

FIRST = Claim(
    id="softadam/biased-first-moment",
    location="section 3.1",
    statement=(
        r"The uncorrected $m_t=\beta_1m_{t-1}+(1-\beta_1)g_t$ matches SGD's momentum and "
        r"does not magnify the variance of "
        r"early estimates as $\hat m_t$ does."
    ),
    assumptions=("independent gradients of equal mean and variance",),
    parts=(
        Part(
            "same steps as SGD's momentum: running average with alpha, heavy ball with alpha (1 - beta1)",
            symbolic_identity,
            printed={
                "running average of section 2": momentum_forms(lambda alpha, beta: alpha, "average"),
                "heavy ball": momentum_forms(lambda alpha, beta: alpha * (1 - beta), "heavy-ball"),
                "every step, m = (1 - beta1) h": Identity(
                    BETA * (1 - BETA) * U + (1 - BETA) * W, (1 - BETA) * (BETA * U + W)
                ),
            },
            broken={"heavy ball with the same alpha": momentum_forms(lambda alpha, beta: alpha, "heavy-ball")},
            note="PyTorch's SGD (dampening 0) is the heavy ball; its dampening 1 - beta1 differs in the first step.",
        ),
        Part(
            "mean (1 - beta1^t) mu and variance (1 - beta1)/(1 + beta1) (1 - beta1^2t) sigma^2",
            symbolic_identity,
            printed={
                "mean": Identity(BETA * (1 - Y) + (1 - BETA), 1 - BETA * Y),
                "variance": Identity(BETA**2 * _variance(BETA, Y) + (1 - BETA) ** 2, _variance(BETA, BETA * Y)),
                "variance at the start": Identity(_variance(BETA, 1), 0),
            },
            broken={"variance": Identity(BETA**2 * _variance(BETA, Y) + (1 - BETA), _variance(BETA, BETA * Y))},
            note="Induction in t with y = beta1^(t-1).",
        ),
        Part(
            "the correction magnifies the variance at every t",
            inequality,
            printed=Inequality(
                _variance(BETA, Y), "<", _variance(BETA, Y) / _MEAN_SQUARE, {BETA: S / (1 + S), Y: U / (1 + U)}
            ),
            broken=Inequality(
                _variance(BETA, Y) * 2, "<", _variance(BETA, Y) / _MEAN_SQUARE, {BETA: S / (1 + S), Y: U / (1 + U)}
            ),
            note="By (1 - beta1^t)^-2: a hundredfold at t = 1 and beta1 = 0.9.",
        ),
        Part(
            "relative to the squared mean both have the same variance",
            symbolic_identity,
            printed=_relative_variance(lambda beta, t: 1 - beta**t),
            broken=_relative_variance(lambda beta, t: 1),
            bears=False,
            note="The correction is a factor per step: leaving it out is a warm-up of the learning rate, nothing else.",
        ),
    ),
)


# --- beta2-hat against the corrected exponential average ---


def _distance_of_weights(bound: Fraction) -> ForAll:
    """Total variation between the two weightings of g_1^2 .. g_t^2, over all t up to five memories."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta in (Fraction(9, 10), Fraction(29, 30)):
            for t in range(1, 5 * int(1 / (1 - beta)), budget.pick(3, 1)):
                yield {"beta2": beta, "t": t}

    def values(p: Mapping[str, Any], kind: Callable[[Any], Any]) -> tuple[Any, Any]:
        beta, t = kind(p["beta2"]), p["t"]
        plain = [(1 - beta) * beta ** (t - s) / (1 - beta**t) for s in range(1, t + 1)]
        mine = [kind(w) for w in second_moment_weights(p["beta2"], t)]
        return sum(abs(a - b) for a, b in zip(plain, mine, strict=True)) / 2, kind(bound)

    return ForAll(
        points=points,
        sides=lambda p: values(p, Fraction),
        relation="<=",
        again=lambda p: values(p, float),
        replay="""
from fractions import Fraction as F
from proofs_check.softadam.transcription import second_moment_weights
b, t = F(witness["beta2"]), witness["t"]
plain = [(1 - b) * b ** (t - s) / (1 - b ** t) for s in range(1, t + 1)]
violated = sum(abs(x - y) for x, y in zip(plain, second_moment_weights(b, t))) / 2 > F(1, 100)
""",
    )


def _apart(limits: tuple[float, float], budget: Budget) -> list[Evidence]:
    """SoftAdam with beta2-hat and with the corrected exponential average on one noisy quadratic, n = 20.

    The value is the largest median distance of the iterates, relative to that of the start.
    """
    import numpy as np

    from optassay.optimizers.softadam import SoftAdam

    rng, n, runs, beta1, beta2, alpha = np.random.default_rng(8), 20, budget.pick(30, 200), 0.9, 0.999, 0.1
    curvature = np.geomspace(1e-2, 1, n)
    start = x = y = rng.standard_normal((runs, n))
    rule = SoftAdam.paper(step_size=alpha, beta1=beta1, beta2=beta2)
    state, gaps = rule.init(x), []
    m = v = np.zeros_like(y)
    for t in range(1, 1501):
        noise = 0.3 * rng.standard_normal((runs, n))
        g = curvature * y + noise
        x, state = rule.step(x, curvature * x + noise, state)
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        r = min(1.0, math.sqrt(t * (1 - beta2)))
        y = y - alpha * m * ratio(1.0, r, np.sqrt(v / (np.mean(v, axis=1, keepdims=True) + 1e-16 * (1 - beta2**t))))
        gaps.append(float(np.median(np.linalg.norm(x - y, axis=1) / np.linalg.norm(start, axis=1))))
    largest, slack = max(gaps), min(max(gaps) - limits[0], limits[1] - max(gaps))
    data = {"largest": largest, "at step": gaps.index(largest) + 1, "after 1500 steps": gaps[-1]}
    return [Sampled("runs in floating point", runs, 0 if slack >= 0 else runs, slack, f"{runs} runs", data)]


IMPACT = Claim(
    id="softadam/beta2-hat-negligible-impact",
    location="section 3.1",
    statement=r"Using $\hat\beta_{2t}$ in place of $\beta_2$ has a negligible impact on performance.",
    missing=Missing(
        "data",
        "No run with the bias-corrected exponential average is printed.",
        "The networks of section 4 with both averages, the same seeds, ten each.",
    ),
    parts=(
        Part(
            "total variation between the two weightings stays below 1/7",
            for_all,
            printed=_distance_of_weights(Fraction(1, 7)),
            broken=_distance_of_weights(Fraction(1, 100)),
            bears=False,
            note="The largest value, .139, is at t of about 1.25/(1 - beta2); afterwards it decays like beta2^t.",
        ),
        Part(
            "iterates on a noisy quadratic stay together",
            _apart,
            printed=(0.0, 0.02),
            broken=(0.05, 1.0),
            bears=False,
            note="Against the bias-corrected exponential average, defaults, n = 20; the numbers are in the data.",
        ),
    ),
)
CLAIMS = [EARLY, RATIO, UNBIASED, SAMPLES, FIRST, IMPACT]
