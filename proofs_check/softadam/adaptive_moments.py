"""Section 2.2: diagonal preconditioners, AdaGrad's coefficient against 1/lambda, and its dependence on distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Part
from .correlations import CLAIM as CORRELATIONS

ALPHA, EPS, LAM, DIST, E, Q, H, U, W = sp.symbols("alpha eps lam S e q h u w")

# --- one step with d = 1/lambda ---

_Z, _B = sp.symbols("z b")


def _one_step(d: Any) -> dict[str, Identity]:
    new = _Z - d * (LAM * _Z - _B)
    return {
        "contraction": Identity(new - _B / LAM, (1 - d * LAM) * (_Z - _B / LAM)),
        "arrival": Identity(new, _B / LAM),
    }


_H2 = sp.Matrix([[2, H], [H, 1]])
_E2 = sp.Matrix(sp.symbols("e1 e2"))


def _full_step(preconditioner: Any) -> dict[str, Identity]:
    error = _E2 - preconditioner * _H2 * _E2
    return {f"error {k}": Identity(error[k], 0, {H: (Fraction(1, 2), Fraction(1, 3))}) for k in range(2)}


ONE_STEP = Claim(
    id="softadam/diagonal-preconditioner-one-step",
    location="section 2.2",
    statement=(
        r"For diagonal $H$ and $z_{t+1}=z_t-Dg_t$ the rate is $r_i=1-d_i\lambda_i$; $d_i=1/\lambda_i$ reaches the "
        r"minimum in exactly one step."
    ),
    assumptions=(r"$\lambda_i>0$ (for $\lambda_i<0$ the same step reaches a saddle)",),
    parts=(
        Part(
            "rate, and arrival in one step",
            symbolic_identity,
            printed=_one_step(1 / LAM),
            broken=_one_step(1 / (2 * LAM)),
        ),
        Part(
            "the inverse diagonal also arrives in one step when H is not diagonal",
            symbolic_identity,
            printed=_full_step(sp.diag(sp.Rational(1, 2), 1)),
            broken=_full_step(sp.diag(1, 1)),
            repair=_full_step(_H2.inv()),
            repair_note=r"with the full inverse $H^{-1}$, which is diagonal only if $H$ is",
            bears=False,
            note="I - D H = 0 needs D = inverse of H; with D = diag(H)^-1 the errors mix through the off-diagonal h.",
        ),
    ),
)

# --- constant size ---


def _steps(point: Mapping[str, Any], kind: Callable[[Any], Any]) -> tuple[int, int]:
    """Steps until all errors are at most 1/100 of the first: constant size, then 2/(largest + smallest) descent."""
    start = [kind(e) for e in point["errors"]]
    spectrum = [kind(v) for v in point["eigenvalues"]]
    size, target = kind(point["size"]), max(start) / 100
    alpha = 2 / (max(spectrum) + min(spectrum))
    counts = []
    for constant in (True, False):
        errors, count = start, 0
        while max(map(abs, errors)) > target and count < 60:
            if constant:
                errors = [e - size * ((e > 0) - (e < 0)) for e in errors]
            else:
                errors = [e - alpha * v * e for e, v in zip(errors, spectrum, strict=True)]
            count += 1
        counts.append(count)
    return counts[0], counts[1]


def _constant_size(sizes: Callable[[list[Fraction]], list[Fraction]]) -> ForAll:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        spectra = [[Fraction(2), Fraction(1)], [Fraction(5), Fraction(1)], [Fraction(3), Fraction(2)]]
        starts = [[Fraction(1), Fraction(1)], [Fraction(1), Fraction(1, 2)], [Fraction(1), Fraction(1, 3)]]
        for spectrum, errors in product(spectra, starts[: budget.pick(3, 3)]):
            for size in sizes(errors):
                yield {"eigenvalues": spectrum, "errors": errors, "size": size}

    return ForAll(
        points=points,
        sides=lambda p: _steps(p, Fraction),
        relation="<=",
        again=lambda p: _steps(p, float),
        replay="""
from fractions import Fraction as F
lam, start = ([F(v) for v in witness[k]] for k in ("eigenvalues", "errors"))
s, a, counts = F(witness["size"]), 2 / (max(lam) + min(lam)), []
for constant in (1, 0):
    e, count = start, 0
    while max(map(abs, e)) > max(start) / 100 and count < 60:
        e = [x - (s * ((x > 0) - (x < 0)) if constant else a * v * x) for x, v in zip(e, lam)]
        count += 1
    counts.append(count)
violated = counts[0] > counts[1]
""",
        margins=(0.0, 0.0),
    )


def _arrival(distance: Any) -> Callable[[Budget], Any]:
    return lambda budget: symbolic_identity({"one step of size s from distance s": Identity(distance - E, 0)}, budget)


CONSTANT = Claim(
    id="softadam/constant-size-step-faster",
    location="section 2.2",
    statement=(
        "A step of constant size in every direction towards the target converges faster than one proportional to the "
        "gradient. Precise version: with the best constant rate for comparison, it needs no more steps to one percent."
    ),
    parts=(
        Part(
            "constant size needs no more steps than gradient descent",
            for_all,
            printed=_constant_size(lambda errors: [Fraction(2, 3), Fraction(1, 2), Fraction(1)]),
            broken=_constant_size(lambda errors: [2 * errors[0]]),
            repair=replace(
                _constant_size(lambda errors: [errors[0]] if errors[0] == errors[1] else []), proof=_arrival(E)
            ),
            repair_note="when all parameters start at one distance and the size is that distance (then one step)",
            note=(
                "A constant size s arrives only if every distance is a multiple of s; otherwise the error ends in a "
                "cycle of width s, while gradient descent converges. Counts stop at 60 steps."
            ),
        ),
        Part(
            "the step with d_i = 1/lambda_i has a constant size",
            symbolic_identity,
            printed=Identity(sp.diff(LAM * E / LAM, E), 0),
            broken=Identity(sp.diff(LAM * E / LAM, E), 2),
            repair=Identity(LAM * E / LAM, E),
            repair_note="its size is the distance to the optimum",
            bears=False,
            note="So the ideal preconditioner and a constant size agree only at equal distances.",
        ),
    ),
)

# --- AdaGrad's coefficient ---


def product_with_eigenvalue(top: Any, eps: Any = EPS, distance: Any = DIST) -> Any:
    """``d_i lambda_i`` for (2) with numerator ``top``; ``sum g^2 = lambda^2 S^2`` and lambda > 0."""
    return top * LAM / (eps + LAM * distance)


def _condition(top: Any) -> dict[str, Identity]:
    return {
        "without epsilon d lambda - 1 vanishes iff S = alpha": Identity(
            product_with_eigenvalue(top, eps=0) - 1, (ALPHA - DIST) / DIST
        ),
        "with epsilon d lambda - 1 vanishes iff S = alpha - epsilon/lambda": Identity(
            product_with_eigenvalue(top) - 1, (ALPHA - EPS / LAM - DIST) / (EPS / LAM + DIST)
        ),
        "at S = alpha": Identity(product_with_eigenvalue(top, distance=ALPHA), 1 / (1 + EPS / (ALPHA * LAM))),
    }


def _error_at_alpha(bound: Any) -> Inequality:
    return Inequality(1 - product_with_eigenvalue(ALPHA, distance=ALPHA), "<", bound, {})


CONDITION = Claim(
    id="softadam/adagrad-coefficient-condition",
    location="section 2.2, (2)-(4)",
    statement=(
        r"AdaGrad's $d_i=\alpha/(\epsilon+\sqrt{\sum_tg_{ti}^2})$ equals about $1/\lambda_i$, for "
        r"$\epsilon\ll\alpha\lambda_i$, when $\alpha^2\approx S_i^2=\sum_t(z_{ti}-z_i^*)^2$, the same for all $i$."
    ),
    assumptions=(r"diagonal $H$ with $\lambda_i>0$; $|\lambda_i|$ takes its place otherwise",),
    main_reading="alpha on top of (2)",
    reading_reason="(3) prints alpha, and the comparison that follows is of alpha with the distances",
    parts=(
        Part(
            "d_i lambda_i = alpha lambda_i/(eps + lambda_i S_i): one if and only if S_i = alpha (eps = 0)",
            symbolic_identity,
            printed=_condition(ALPHA),
            broken=_condition(2 * ALPHA),
            reading="alpha on top of (2)",
            note="With epsilon the exact condition is S_i = alpha - epsilon/lambda_i.",
        ),
        Part(
            "d_i lambda_i = one if and only if S_i = alpha",
            symbolic_identity,
            printed=_condition(sp.Integer(1)),
            broken=_condition(2 * ALPHA),
            repair=_condition(ALPHA),
            repair_note="with alpha on top",
            reading="1 on top of (2)",
            note="With 1 on top the condition would read S_i = 1.",
        ),
        Part(
            "the error for epsilon > 0 is below epsilon/(alpha lambda_i)",
            inequality,
            printed=_error_at_alpha(EPS / (ALPHA * LAM)),
            broken=_error_at_alpha(EPS / (2 * ALPHA * LAM)),
            note=(
                "1 - d lambda = q/(1 + q) with q = epsilon/(alpha lambda): small exactly when epsilon << alpha lambda."
            ),
        ),
    ),
    figures=("softadam/adagrad-coefficient",),
)


def _below_half(limit: Any) -> Inequality:
    """At S = alpha and lambda < limit, d lambda < 1/2."""
    at = product_with_eigenvalue(ALPHA, distance=ALPHA)
    return Inequality(at, "<", sp.Rational(1, 2), {LAM: limit * U / (1 + U)})


def _below_one(limit: Any) -> Inequality:
    return Inequality(product_with_eigenvalue(ALPHA), "<", 1, {LAM: limit * U / (1 + U)})


def _closer(distance: Any) -> Inequality:
    """(1 - d lambda)^2 is smaller for the larger of two eigenvalues."""
    d = product_with_eigenvalue(ALPHA, distance=distance)
    return Inequality((1 - d.subs(LAM, LAM + W)) ** 2, "<=", (1 - d) ** 2, {})


_AT = product_with_eigenvalue(ALPHA, distance=ALPHA)

SMALL = Claim(
    id="softadam/adagrad-small-eigenvalues",
    location="section 2.2",
    statement=(
        r"These algorithms do worse for small eigenvalues $\lambda_i<\epsilon/\alpha$, and late in training, when "
        r"$\alpha\approx S_i$ is small, more so."
    ),
    assumptions=(r"the operating condition $S_i=\alpha$ of (4), $\lambda_i>0$",),
    parts=(
        Part(
            "below lambda = epsilon/alpha the coefficient is less than half of 1/lambda",
            inequality,
            printed=_below_half(EPS / ALPHA),
            broken=_below_half(2 * EPS / ALPHA),
            note="d lambda = 1/(1 + epsilon/(alpha lambda)): one half at the threshold, to 1 above, to 0 below.",
        ),
        Part(
            "d_i lambda_i, below one, falls with the eigenvalue",
            inequality,
            printed={
                "monotone": Inequality(_AT, "<", _AT.subs(LAM, LAM + W)),
                "below one": Inequality(_AT, "<", 1),
            },
            broken={"monotone": Inequality(_AT, ">", _AT.subs(LAM, LAM + W))},
        ),
        Part(
            "and falls with alpha = S_i, so that late training is worse",
            inequality,
            printed=Inequality(_AT.subs(ALPHA, ALPHA / (1 + U)), "<", _AT),
            broken=Inequality(_AT.subs(ALPHA, ALPHA * (1 + U)), "<", _AT),
            note="The threshold epsilon/alpha grows as alpha shrinks. Adam: S_i is its weighted root mean square.",
        ),
        Part(
            "below the threshold no distance at all makes d_i lambda_i reach one",
            inequality,
            printed=_below_one(EPS / ALPHA),
            broken=_below_one(2 * EPS / ALPHA),
            bears=False,
            note="d lambda <= alpha lambda/epsilon for every S: this holds without condition (4).",
        ),
        Part(
            "smaller eigenvalues do worse whatever the distance S_i",
            inequality,
            printed=_closer(ALPHA / 8),
            broken=_closer(ALPHA / 100),
            repair=_closer(ALPHA + U),
            repair_note=r"for $S_i\ge\alpha$",
            bears=False,
            note="For S < alpha/2 large eigenvalues overshoot and diverge, small ones do better.",
        ),
    ),
    figures=("softadam/adagrad-coefficient",),
)


def _adagrad_step(eps: Any, alpha: Any, lam: Any = LAM) -> Any:
    """First AdaGrad step from distance e > 0 with gradient lambda e."""
    return E - alpha * lam * E / (eps + lam * E)


_EQUAL = {
    "first step reaches the target when alpha is the distance": Identity(_adagrad_step(0, E), 0),
    "every step is the same for every eigenvalue": Identity(E - ALPHA * LAM * E / (LAM * Q), E - ALPHA * E / Q),
}

IDEAL = Claim(
    id="softadam/adagrad-ideal-for-equal-distances",
    location="section 2.2",
    statement=(
        r"AdaGrad performs ideally when all parameters start at the same distance from their targets. Precise version: "
        r"for diagonal $H$ and $\epsilon=0$, $\alpha$ equal to that distance reaches all targets in one step."
    ),
    assumptions=(r"diagonal $H$, $\lambda_i>0$, $\epsilon=0$, $\alpha$ tuned",),
    parts=(
        Part(
            "errors do not depend on the eigenvalue; one step with the right alpha",
            symbolic_identity,
            printed=_EQUAL,
            broken=_EQUAL | {"first step with twice that alpha": Identity(_adagrad_step(0, 2 * E), 0)},
            note=(
                "With q = sqrt(sum of squared errors) the error follows e - alpha e/q for every "
                "lambda. Any other alpha "
                "leaves |distance - alpha| after one step."
            ),
        ),
        Part(
            "the same for distances that differ",
            symbolic_identity,
            printed=Identity(_adagrad_step(0, W), 0),
            broken=Identity(_adagrad_step(0, 2 * E), 0),
            repair=Identity(_adagrad_step(0, W), E - W),
            repair_note="what is left after one step is the difference of distance and alpha",
            bears=False,
            note="One alpha fits one distance; the error relative to alpha is then a function of distance/alpha alone.",
        ),
        Part(
            "epsilon > 0 brings the eigenvalues back",
            symbolic_identity,
            printed=Identity(_adagrad_step(EPS, E), 0),
            broken=Identity(_adagrad_step(EPS, E), E),
            repair=Identity(_adagrad_step(EPS, E), E * EPS / (EPS + LAM * E)),
            repair_note=r"the first step leaves $e\,\epsilon/(\epsilon+\lambda e)$",
            bears=False,
        ),
    ),
)


def _first_step(length: Any, eps: Any = 0) -> Identity:
    return Identity(E - _adagrad_step(eps, ALPHA), length)


NEAR = Claim(
    id="softadam/adagrad-large-steps-near-optimum",
    location="section 2.2",
    statement=(
        "A parameter that starts close to its optimum has its eigenvalue believed small and takes relatively large "
        "steps, which can add noise for the other parameters."
    ),
    assumptions=(r"AdaGrad, $\epsilon=0$; relative: against the distance to the optimum",),
    parts=(
        Part(
            "the first step has length alpha at every distance",
            symbolic_identity,
            printed=_first_step(ALPHA),
            broken=_first_step(ALPHA * E),
            note="With epsilon: alpha lambda e/(epsilon + lambda e), which vanishes with e below epsilon/lambda.",
        ),
        Part(
            "so it grows without bound relative to the distance, and the believed eigenvalue lambda e/alpha falls",
            inequality,
            printed={
                "step/distance": Inequality(ALPHA / (E + U), "<", ALPHA / E),
                "believed eigenvalue": Inequality(LAM * E / ALPHA, "<", LAM * (E + U) / ALPHA),
            },
            broken={"step/distance": Inequality(ALPHA / (E + U), ">", ALPHA / E)},
        ),
        Part(
            "the gradient of another parameter changes by h alpha, whatever the distance",
            symbolic_identity,
            printed=Identity(H * (_adagrad_step(0, ALPHA) - E), -H * ALPHA),
            broken=Identity(H * (_adagrad_step(0, ALPHA) - E), -H * E),
            note="h is the off-diagonal entry of H. For diagonal H, the paper's own setting, nothing is added.",
        ),
        Part(
            "later steps are shorter than alpha",
            inequality,
            printed=Inequality(E**2 / (E**2 + Q**2), "<", 1),
            broken=Inequality((E + Q) ** 2 / (E**2 + Q**2), "<", 1),
            bears=False,
            note="Squared ratio to alpha; Q^2 is the sum of the earlier squared errors.",
        ),
    ),
)
CLAIMS = [ONE_STEP, CONSTANT, CONDITION, SMALL, IDEAL, CORRELATIONS, NEAR]
