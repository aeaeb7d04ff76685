"""Checks of algorithms 1-5: the library's rules against exact transcriptions, ranges, identities, references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction as F
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from optassay import optimizers
from optassay.optimizers import Adam, AdamStar, MiniBatchAdamStar, MiniBatchMSVAG

from ..checks.search import ForAll, Point
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Evidence, Exact, Way, Witness
from . import transcription as printed_lines
from .estimators import S, averages, gradients, kappa, mu

ALPHA = F(1, 4)
Path = Callable[..., list[F]]


def _runs(constants: Sequence[F], variances: bool) -> Callable[[Budget], Iterable[Point]]:
    """All short gradient sequences over a few values, zero among them, one long one, and averaging constants."""

    def points(budget: Budget) -> Iterable[Point]:
        steps = budget.pick(3, 5)
        long = tuple(F((7 * k * k + 3 * k) % 11 - 5, 4) for k in range(budget.pick(30, 60)))
        for constant in constants:
            for values in [*product((F(-1), F(0), F(1), F(3, 2)), repeat=steps), long]:
                point: dict[str, Any] = {"gradients": values, "mu": constant}
                if variances:
                    point["variances"] = tuple(F(k % 3, 4) for k in range(len(values)))
                yield point

    return points


def _library(rule: Any, point: Point) -> float:
    """Last position of the library's rule on the sequence, from 0."""
    x = np.zeros(1)
    state = rule.init(x)
    for k, g in enumerate(point["gradients"]):
        extra = {"variance": np.array([float(point["variances"][k])])} if "variances" in point else {}
        x, state = rule.step(x, np.array([float(g)]), state, **extra)
    return float(x[0])


def agrees(rule: str, path: Path, constants: Sequence[F], margin: float) -> ForAll:
    """The library's last position against the transcription's; ``rule`` is code with ``m`` for mu, as in the replay."""

    def exact(point: Point) -> F:
        extra = [point["variances"]] if "variances" in point else []
        return path(point["gradients"], *extra, point["mu"], ALPHA)[-1]

    def built(point: Point) -> Any:
        return eval(rule, vars(optimizers), {"m": float(point["mu"])})

    return ForAll(
        points=_runs(constants, path in (printed_lines.algorithm_3, printed_lines.algorithm_5)),
        # The rounded position is itself a rational; a margin of 0 demands equality without rounding.
        sides=lambda point: (F(_library(built(point), point)), exact(point)),
        relation="==",
        again=lambda point: (_library(built(point), point), float(exact(point))),
        replay="from proofs_check.dissecting_adam import algorithm_checks\n"
        f"violated = algorithm_checks.differs(witness, {rule!r}, {path.__name__!r}, {margin})",
        methods=("library rule against rational transcription", "floating point"),
        margins=(margin, margin),
    )


def differs(record: Point, rule: str, path: str, margin: float) -> bool:
    """Whether a recorded instance still separates the library's rule from the transcription."""
    point = {
        k: tuple(F(str(x)) for x in v) if k in ("gradients", "variances") else F(str(v)) for k, v in record.items()
    }
    left, right = agrees(rule, getattr(printed_lines, path), (), margin).sides(point)
    return abs(left - right) > margin


def defined(statement: tuple[Path, Sequence[F]], budget: Budget) -> list[Evidence]:
    """Every step of the algorithm is defined for every averaging constant of the stated range."""
    path, constants = statement
    values = tuple(map(F, (1, -2, 3)))
    extra = [(F(1), F(2), F(1))] if path in (printed_lines.algorithm_3, printed_lines.algorithm_5) else []
    steps = {}
    for constant in constants:
        try:
            path(values, *extra, constant, ALPHA)
            steps[f"mu = {constant}: three steps"] = True
        except ZeroDivisionError:
            # The bias corrections divide by 1 - mu^t, kappa by 1 - mu^2.
            bias = (1 - sp.Rational(str(constant))) * (1 - sp.Rational(str(constant)) ** 2)
            return [
                Witness(
                    {"mu": constant},
                    Way("steps that divide by zero, in exact rationals", 1, "==", 0),
                    Way(
                        "sympy: 1 / ((1 - mu)(1 - mu^2)) is not finite", int((1 / bias).is_finite is not True), "==", 0
                    ),
                    "from fractions import Fraction as F\nmu = F(str(witness['mu']))\n"
                    "violated = (1 - mu) * (1 - mu**2) == 0",
                )
            ]
    del budget
    return [Exact("rational", steps, instances=len(steps))]


CLOSED = tuple(map(F, ("0", "1/2", "9/10", "1")))
HALF_OPEN = CLOSED[:-1]


def first_step(m_factor: Callable[[Any, Any, Any], Any]) -> dict[str, Identity]:
    """At t = 1, and for mu = 0 at every t, m = g, v = g^2, so the factor is one."""
    found = {}
    for t, constant in ((1, mu), (1, sp.Integer(0)), (3, sp.Integer(0))):
        g = gradients(t)
        m, v = averages(g, constant, constant)
        k = kappa(constant, t)
        found[f"t = {t}, mu = {constant}"] = Identity(m_factor(m, v, k), g[-1])
    # At mu = 0 both recursions forget what was before, whatever it was.
    g, before, k = sp.symbols("g before k")
    constant = sp.Integer(0)
    found["mu = 0, any t: average"] = Identity(constant * before + (1 - constant) * g, g)
    found["mu = 0, any t: factor"] = Identity(m_factor(g, g**2, k), g)
    return found


def scaled_average(m: Any, v: Any, k: Any) -> Any:
    return m / (1 + k * (v - m**2) / m**2)


def no_division(formula: Callable[[Any, Any], Any]) -> dict[str, Identity]:
    """gamma m = m^3 / (m^2 + s), which has the limit 0 at m = 0 for s > 0, and value 0 by the printed rule."""
    m, s = sp.symbols("m s")
    return {
        "without a quotient": Identity(m / (1 + s / m**2), formula(m, s)),
        "limit at m = 0": Identity(sp.limit(m / (1 + 3 / m**2), m, 0), formula(sp.Integer(0), sp.Integer(3))),
    }


def momentum_sums(power: int) -> dict[str, Identity]:
    """Lines 4 of algorithms 3 and 5 unrolled: m = sum mu^s g, s = sum mu^(power s) s_hat; t <= 5, and t to t + 1."""
    found: dict[str, Identity] = {}
    for t in range(1, 6):
        g, v = gradients(t), sp.symbols(f"h1:{t + 1}")
        m, s = sp.Integer(0), sp.Integer(0)
        for a, b in zip(g, v, strict=True):
            m, s = mu * m + a, mu**2 * s + b
        found[f"t = {t}: m"] = Identity(sp.expand(m), sum(mu**k * g[t - 1 - k] for k in range(t)))
        found[f"t = {t}: s"] = Identity(sp.expand(s), sum(mu ** (power * k) * v[t - 1 - k] for k in range(t)))
    found["t to t + 1: m"] = Identity(mu * mu**S, mu ** (S + 1))
    found["t to t + 1: s"] = Identity(mu**2 * mu ** (power * S), mu ** (power * (S + 1)))
    return found


def note(tilde: bool, second: F | None = None) -> ForAll:
    """Algorithm 4 with kappa = 1 against Adam with beta1 = beta2 = mu (or another beta2), epsilon = 0."""

    def exact(point: Point) -> tuple[Any, Any]:
        values, constant = point["gradients"], point["mu"]
        star = printed_lines.algorithm_4(values, constant, ALPHA, tilde, corrected=False)[-1]
        return star, printed_lines.adam(values, constant, second or constant, ALPHA)[-1]

    def again(point: Point) -> tuple[Any, Any]:
        constant = float(point["mu"])
        other = Adam(float(ALPHA), constant, float(second or constant), 0.0)
        if tilde:
            return _library(AdamStar(float(ALPHA), constant, correct=False), point), _library(other, point)
        return float(exact(point)[0]), _library(other, point)

    def prove(budget: Budget) -> list[Evidence]:
        m, v = sp.symbols("m v")
        return symbolic_identity({"gamma^2 = m^2 / v": Identity(1 / (1 + (v - m**2) / m**2), m**2 / v)}, budget)

    return ForAll(
        points=_runs(HALF_OPEN, False),
        sides=exact,
        relation="==",
        again=again,
        replay=REPLAY_NOTE,
        methods=("rational transcriptions, roots to 60 digits", "library rules"),
        margins=(1e-40, 1e-12),
        proof=prove,
    )


REPLAY_NOTE = """
from fractions import Fraction as F
g, mu = [float(F(str(v))) for v in witness["gradients"]], float(F(str(witness["mu"])))
def run(overwrite):
    m = v = x = 0.0
    for t, a in enumerate(g, 1):
        m, v = mu * m + (1 - mu) * a, mu * v + (1 - mu) * a * a
        mh, vh = m / (1 - mu**t), v / (1 - mu**t)
        if overwrite:
            m, v = mh, vh
        x -= 0.25 * mh / vh**0.5 if vh > 0 else 0.0
    return x
violated = abs(run(True) - run(False)) > 1e-9
"""


BEHAVIOUR = {  # what the text says of each method: sign-based?, variance from the mini-batch?
    "M-SVAG-mb": (False, True),
    "Adam*": (True, False),
    "Adam*-mb": (True, True),
}


def _behaviour(number: int) -> tuple[bool, bool]:
    """Whether algorithm 3, 4 or 5 ignores the scale of its gradients, and whether it takes mini-batch variances."""
    values, noise = (F(1), F(2)), (F(1), F(3))
    if number == 4:
        base, scaled = (printed_lines.algorithm_4([c * g for g in values], F(1, 2), ALPHA) for c in (1, 2))
        return base == scaled, False
    path = {3: printed_lines.algorithm_3, 5: printed_lines.algorithm_5}[number]
    base, scaled = (path([c * g for g in values], [c * c * s for s in noise], F(1, 2), ALPHA) for c in (1, 2))
    return base == scaled, path(values, (F(0), F(0)), F(1, 2), ALPHA) != base


def _scale_ratio(number: int) -> float:
    """How the library's step grows when gradients double and variances quadruple: 1 for a sign-based method."""
    rule = {3: MiniBatchMSVAG(0.25, 0.5), 5: MiniBatchAdamStar(0.25, 0.5)}[number]
    ends = [_library(rule, {"gradients": (c, 2 * c), "variances": (c * c, 3 * c * c)}) for c in (1.0, 2.0)]
    return ends[1] / ends[0]


def references(statement: Mapping[str, int], budget: Budget) -> list[Evidence]:
    """Does the algorithm of each number behave as the text says of the method?"""
    del budget
    steps = {}
    for name, number in statement.items():
        steps[f"algorithm {number} is {name}"] = _behaviour(number) == BEHAVIOUR[name]
        if not steps[f"algorithm {number} is {name}"] and name == "M-SVAG-mb" and number == 5:
            return [
                Exact("rational", steps),
                Witness(
                    {"method": name, "algorithm": number},
                    Way("exact: the step ignores the scale of the gradients", int(_behaviour(number)[0]), "==", 0),
                    Way("library: step for doubled gradients over step", _scale_ratio(number), "==", 2.0, 1e-9),
                    "gamma = lambda m, s: (1 + s / m**2) ** -0.5\n"
                    "violated = gamma(1.0, 1.0) * 1 == gamma(2.0, 4.0) * 1  # algorithm 5 moves by gamma sign(m)",
                ),
            ]
    return [Exact("rational", steps)]
