"""Section 2.2: Adam's long-run orbit e -> -e on a quadratic, and the mechanism of its known failure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Evidence, Sampled

B1, B2, S = sp.symbols("beta1 beta2 s")
DEFAULT_BETA1 = Fraction(9, 10)

# --- the long-run orbit e -> -e ---


def flip_polynomial(beta1: Any, beta2: Any) -> sp.Poly:
    """Characteristic polynomial of (e, m, v) -> (-e', -m', v') at its fixed point, where d lambda = 2(1+b1)/(1-b1)."""
    e, m, v, alpha, z = sp.symbols("e m v alpha z")
    new_m = beta1 * m + (1 - beta1) * e
    new_v = beta2 * v + (1 - beta2) * e**2
    image = sp.Matrix([-(e - alpha * new_m / sp.sqrt(new_v)), -new_m, new_v])
    at = {e: 1, m: -(1 - beta1) / (1 + beta1), v: 1, alpha: 2 * (1 + beta1) / (1 - beta1)}
    jacobian = image.jacobian([e, m, v]).subs(at, simultaneous=True)
    return sp.Poly(sp.cancel((z * sp.eye(3) - jacobian).det()), z)


def orbit(factor: Any) -> dict[str, Identity]:
    """With coefficient ``factor``/lambda and m = (1-b1)/(1+b1) e, one step turns (e, m) into (-e, -m)."""
    m = -(1 - B1) / (1 + B1)
    new_m = B1 * m + (1 - B1)
    below_one = {B1: (Fraction(1, 2), Fraction(1, 3), Fraction(9, 10))}
    return {"e": Identity(1 - factor * new_m, -1, below_one), "m": Identity(new_m, -m, below_one)}


def _jury(beta1: Fraction, beta2: Fraction) -> Fraction:
    """Smallest margin of Jury's conditions for all roots of the cubic inside the unit circle."""
    _, a2, a1, a0 = (
        Fraction(int(c.p), int(c.q)) for c in flip_polynomial(_rational(beta1), _rational(beta2)).all_coeffs()
    )
    return min(1 - abs(a0), 1 + a2 + a1 + a0, 1 - a2 + a1 - a0, (1 - a0 * a0) - abs(a1 - a0 * a2))


def _rational(value: Fraction) -> sp.Rational:
    return sp.Rational(value.numerator, value.denominator)


def _radius(beta1: float, beta2: float) -> float:
    import numpy as np

    m = (1 - beta1) / (1 + beta1)
    c = 2 / m
    jacobian = [
        [-1 + c * (1 - beta1) - 2 * (1 - beta2), c * beta1, -beta2],
        [-(1 - beta1), -beta1, 0.0],
        [2 * (1 - beta2), 0.0, beta2],
    ]
    return float(np.max(np.abs(np.linalg.eigvals(np.array(jacobian)))))


def attracts(beta1: Fraction) -> ForAll:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta2 in (Fraction(999, 1000), Fraction(99, 100), Fraction(9, 10), Fraction(1, 2)):
            yield {"beta1": beta1, "beta2": beta2}

    def proof(budget: Budget) -> list[Evidence]:
        # z (z^2 - (3 b2 - 1) z + b2): |det| < 1 and |trace| < 1 + det.
        inside = {B2: S / (1 + S)}
        z = sp.Symbol("z")
        cubic = flip_polynomial(sp.Integer(0), B2).as_expr()
        conditions = {
            "determinant below one": Inequality(B2, "<", 1, inside),
            "trace below 1 + det": Inequality(3 * B2 - 1, "<", 1 + B2, inside),
            "trace above -(1 + det)": Inequality(-(3 * B2 - 1), "<", 1 + B2, inside),
        }
        factored = Identity(cubic, z * (z**2 - (3 * B2 - 1) * z + B2))
        return [*symbolic_identity({"characteristic polynomial": factored}, budget), *inequality(conditions, budget)]

    return ForAll(
        points=points,
        sides=lambda p: (_jury(p["beta1"], p["beta2"]), 0),
        relation=">",
        again=lambda p: (1 - _radius(float(p["beta1"]), float(p["beta2"])), 0.0),
        replay="""
from proofs_check.softadam.adam_orbit import _radius
from fractions import Fraction as F
violated = _radius(float(F(witness["beta1"])), float(F(witness["beta2"]))) > 1 + 1e-9
""",
        methods=("Jury's conditions in rationals", "eigenvalues in floating point"),
        margins=(0.0, 1e-9),
        proof=proof if beta1 == 0 else None,
    )


@dataclass(frozen=True)
class LongRun:
    """Coefficient times lambda after many steps from a range of starts, within ``low`` and ``high``."""

    low: float
    high: float
    beta1: float = 0.0
    eps: float = 0.0
    amsgrad: bool = False
    declining: bool = False
    watch: Literal["coefficient", "distance"] = "coefficient"


def long_run(claim: LongRun, budget: Budget) -> list[Evidence]:
    """Runs at lambda = 1, alpha = 1/10, beta2 = .99 (no underflow of e at this memory)."""
    import numpy as np

    alpha, beta2 = 0.1, 0.99
    e = np.concatenate([np.geomspace(1.3e-3, 7, budget.pick(25, 200)), -np.geomspace(2e-3, 5, 10)])
    m = v = top = np.zeros_like(e)
    steps = budget.pick(6000, 40_000)
    low, high = np.full(e.shape, np.inf), np.full(e.shape, -np.inf)
    for t in range(1, steps + 1):
        m = claim.beta1 * m + (1 - claim.beta1) * e
        v = beta2 * v + (1 - beta2) * e * e
        top = np.maximum(top, v) if claim.amsgrad else v
        d = (alpha / t**0.5 if claim.declining else alpha) / (np.sqrt(top / (1 - beta2**t)) + claim.eps)
        e = e - d * m / (1 - claim.beta1**t)
        if t > 0.8 * steps:
            seen = d if claim.watch == "coefficient" else np.abs(e)
            low, high = np.minimum(low, seen), np.maximum(high, seen)
    bad = int(np.sum((low < claim.low) | (high > claim.high)))
    slack = float(min(np.min(low) - claim.low, claim.high - np.max(high)))
    data = {"range in the last fifth": [float(np.min(low)), float(np.max(high))]}
    return [Sampled("runs in floating point", len(e), bad, slack, f"{len(e)} starts, {steps} steps", data)]


def landing(coefficient_squared: Any) -> Identity:
    """e_0 = alpha lands on the optimum in one step (beta1 = 0, eps = 0, lambda = 1); d^2 at step t from then on."""
    alpha, t = sp.symbols("alpha t")
    decayed = B2 ** (t - 1) * (1 - B2) * alpha**2 / (1 - B2**t)
    return Identity(alpha**2 / decayed, coefficient_squared, {B2: (Fraction(1, 2), Fraction(1, 3)), t: (2, 3, 1)})


# --- how Adam is known to fail ---


def _period(spike: int, kind: Callable[[Fraction], Any], root: Callable[[Any], Any]) -> Any:
    """Adam's displacement/alpha over one period of gradients spike, -1, -1 (beta1 = 0, beta2 = 1/(1 + spike^2))."""
    b = kind(Fraction(1, 1 + spike * spike))
    stream = [kind(Fraction(g)) for g in (spike, -1, -1)]
    # v after the last -1 of a period, in the periodic regime
    v = (1 - b) * sum(b**k * g * g for k, g in enumerate(reversed(stream))) / (1 - b**3)
    moved = 0 * b
    for g in stream:
        v = b * v + (1 - b) * g * g
        moved = moved - g / root(v)
    return moved


def towards_optimum(relation: str) -> ForAll:
    def exact(p: Mapping[str, Any]) -> tuple[float, float]:
        import flint

        def ball(value: Fraction) -> Any:
            return flint.arb(flint.fmpq(value.numerator, value.denominator))

        moved = _period(p["spike"], ball, lambda x: x.sqrt())
        return float(moved.lower() if relation == "<" else moved.upper()), 0.0

    return ForAll(
        points=lambda budget: ({"spike": c} for c in (3, 4, 6, 10, 100)),
        sides=exact,
        relation=relation,  # type: ignore[arg-type]
        again=lambda p: (_period(p["spike"], float, math.sqrt), 0.0),
        replay="""
from math import sqrt
c = witness["spike"]; b = 1 / (1 + c * c); v, moved = 0.0, 0.0
for k in range(300):
    g = (c, -1, -1)[k % 3]
    v = b * v + (1 - b) * g * g
    moved += (-g / sqrt(v)) * (k >= 297)
violated = moved > 0
""",
        methods=("ball arithmetic", "floating point"),
        margins=(0.0, 1e-9),
    )
