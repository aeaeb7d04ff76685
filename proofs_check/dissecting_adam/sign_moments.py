"""Section 2.2: the exact second moment of the signs of a correlated Gaussian pair."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled


def _cdf(x: Any) -> Any:
    from flint import arb

    return (-x / arb(2).sqrt()).erfc() / 2


def _exponent(a: Any, b: Any, sine: Any, cosine: Any) -> Any:
    """Logarithm of Plackett's integrand at the correlation ``sine``, in any numbers."""
    return -(a * a - 2 * a * b * sine + b * b) / (2 * cosine**2)


def sign_moment_ball(a: Any, b: Any, r: Any) -> Any:
    """Ball around E[sign(X + a) sign(Y + b)], (X, Y) standard with correlation r, by Plackett's identity."""
    from flint import acb, arb

    if abs(r) == 1:
        return r * (1 - 2 * abs(_cdf(a) - _cdf(r * b)))
    body = acb.integral(lambda u, _: _exponent(a, b, u.sin(), u.cos()).exp(), acb(0), acb(r.asin()))
    root = arb(2).sqrt()
    return (a / root).erf() * (b / root).erf() + 2 / arb.pi() * body.real


def conditional_moment_ball(a: Any, b: Any, r: Any) -> Any:
    """The same expectation by conditioning on X: one integral of the error function, no use of Plackett's identity."""
    from flint import acb, arb

    scale = (2 * (1 - r * r)).sqrt()
    cut = arb(14)

    def integrand(x: Any, _: Any) -> Any:
        return (-x * x / 2).exp() * ((b + r * x) / scale).erf()

    points = (acb(-cut), acb(-a), acb(cut))
    below, above = (acb.integral(integrand, points[k], points[k + 1]).real for k in (0, 1))
    tail = 4 * (-cut * cut / 2).exp() / cut
    return (above - below + arb(0, 1) * tail) / (2 * arb.pi()).sqrt()


def as_ball(value: Fraction) -> Any:
    """A ball around a rational number."""
    from flint import arb

    return arb(value.numerator) / value.denominator


MOMENT_POINTS = [
    tuple(map(Fraction, point))
    for point in (
        ("0", "0", "1/2"),
        ("1", "-1/2", "3/10"),
        ("2", "2", "9/10"),
        ("1/10", "-3", "-99/100"),
        ("1/2", "1/2", "-999/1000"),
        ("3", "1", "0"),
        ("-1", "4", "-7/10"),
    )
]


def _exact_moment(formula: Callable[[Any, Any, Any], Any], budget: Budget) -> list[Evidence]:
    """``formula(a, b, r)`` in balls against the conditional integral; Plackett's identity symbolically."""
    from flint import arb, ctx

    del budget
    x, y = sp.symbols("x y", real=True)
    r = sp.Symbol("r")
    density = sp.exp(-(x**2 - 2 * r * x * y + y**2) / (2 * (1 - r**2))) / (2 * sp.pi * sp.sqrt(1 - r**2))
    slope = 2 / sp.pi * sp.exp(_exponent(x, y, r, sp.sqrt(1 - r**2))) * sp.diff(sp.asin(r), r)
    steps = {
        "d phi_2 / dr = d^2 phi_2 / dx dy, hence dE/dr = 4 phi_2(a, b; r)": sp.simplify(
            (sp.diff(density, r) - sp.diff(density, x, y)) / density
        )
        == 0,
        # At r = 0 the signs are independent, with means erf(a / sqrt 2) and erf(b / sqrt 2).
        "the integral in u = arcsin r has that slope": sp.simplify(slope / density - 4) == 0,
    }
    with ctx.workprec(200):
        for a, b, corr in MOMENT_POINTS:
            gap = formula(as_ball(a), as_ball(b), as_ball(corr)) - conditional_moment_ball(
                as_ball(a), as_ball(b), as_ball(corr)
            )
            steps[f"a = {a}, b = {b}, r = {corr}: agrees to 30 digits"] = bool(abs(gap) < arb("1e-30"))
        for sign in (1, -1):
            near = 1 - as_ball(Fraction(1, 10**24))
            gap = formula(as_ball(Fraction(1, 3)), as_ball(Fraction(2, 3)), arb(sign)) - formula(
                as_ball(Fraction(1, 3)), as_ball(Fraction(2, 3)), sign * near
            )
            steps[f"r = {sign} is the limit"] = bool(abs(gap) < arb("1e-10"))
    return [Exact("ball", steps)]


def _implemented_moment(tolerance: float, budget: Budget) -> list[Evidence]:
    """Largest error of ``quadratics`` against balls: one call for one mean, and prepared moments as in figure 2."""
    from flint import ctx

    from quadratics import SignMoments, sign_second_moment

    points = list(MOMENT_POINTS) + [(Fraction(1, 3), Fraction(2, 3), Fraction(s)) for s in (1, -1)]
    rng = np.random.default_rng(0)
    for _ in range(budget.pick(40, 400)):
        points.append(tuple(Fraction(int(v), 256) for v in (*rng.integers(-1000, 1000, 2), rng.integers(-255, 256))))
    worst = 0.0
    with ctx.workprec(120):
        for a, b, r in points:
            ball = sign_moment_ball(as_ball(a), as_ball(b), as_ball(Fraction(float(r))))
            covariance = np.array([[1.0, float(r)], [float(r), 1.0]])
            mean = np.array([float(a), float(b)])
            prepared = SignMoments(covariance).second_moment(mean)
            for value in (sign_second_moment(mean, covariance)[0, 1], prepared[0, 1]):
                worst = max(worst, abs(float(ball) - float(value)))
    return [
        Sampled(
            "floating point against certified balls",
            len(points),
            int(worst > tolerance),
            tolerance - worst,
            f"{len(points)} means and correlations, among them +-1",
            {"largest error": worst},
        )
    ]


CLAIMS = [
    Claim(
        id="dissecting-adam/optimal-step-exactly-computable",
        location="2.2",
        statement="Optimal steps of SGD and SSD can be computed exactly: SGD's is a rational function of "
        r"$Q,\delta,\nu$; SSD's needs $\mathbf E[s_is_j]=\operatorname{erf}\frac a{\sqrt2}\operatorname{erf}\frac "
        r"b{\sqrt2}+\frac2\pi\int_0^{\arcsin r}\exp(-\frac{a^2-2ab\sin u+b^2}{2\cos^2u})du$ with $a,b$ mean over "
        "deviation and $r$ the correlation.",
        parts=(
            Part(
                "second moment of the sign for any means and correlation",
                _exact_moment,
                printed=sign_moment_ball,
                broken=lambda a, b, r: (a / 2).erf() * (b / 2).erf() + 2 / a.pi() * r.asin(),
                note=r"A one-dimensional integral of an analytic function; $\frac2\pi\arcsin r$ at zero means, "
                r"$\pm(1-2|\Phi(a)-\Phi(\pm b)|)$ at $r=\pm1$. No elementary closed form, but any accuracy.",
            ),
            Part(
                "accuracy of the implementation",
                _implemented_moment,
                printed=2e-15,
                broken=1e-19,
                bears=False,
            ),
        ),
    ),
]
