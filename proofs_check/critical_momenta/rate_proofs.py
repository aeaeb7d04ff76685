"""Section 3.2, "go further": what can be proved of optimal rates for all condition numbers or all buffer sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from ..claim import Budget, Evidence, Exact
from .every_size import ALPHA, BETA, SIZE, H, Z, at_one, closed_form, slope_at_one

ROOT = sp.Symbol("s", positive=True)  # sqrt(kappa), at least 1
R, X, KAPPA = sp.symbols("r x kappa", positive=True)


@dataclass(frozen=True)
class LowerBound:
    """No method p = A + h B, A monic, deg B < deg A, A(1) = 0, has a rate below ``rate(sqrt(kappa))``.

    Stationary methods whose state is finite, with any buffer, weights and momentum, are of this form.
    """

    rate: sp.Expr


CHEBYSHEV = LowerBound((ROOT - 1) / (ROOT + 1))


def lower_bound_steps(statement: LowerBound) -> dict[str, bool]:
    """The steps of the proof in ``spectral.bounds`` that are computations; mu = 1, L = kappa = s^2.

    What is not computed is Lindeloef's principle: Green's function of the image domain, taken along w = -A/B, is at
    least that of |z| > r, from the minimum principle for superharmonic functions. The steps: h(u) maps |u| > 1 one to
    one onto the complement of [mu, L], and h(1/q) = 0, so that Green's function at 0 is log(1/q). Equality needs
    w(z) = h(z/q).
    """
    u, v, angle = sp.symbols("u v phi")
    largest = ROOT**2
    rate = statement.rate

    def image(point: sp.Expr) -> sp.Expr:
        return (largest + 1) / 2 - (largest - 1) / 4 * (point + 1 / point)

    circle = image(sp.exp(sp.I * angle)).rewrite(sp.cos)
    difference = image(u) - image(v) + (largest - 1) / 4 * (u - v) * (1 - 1 / (u * v))
    step = 4 * rate / (largest - 1)
    heavy_ball = -(Z - 1) * (Z - rate**2) / (step * Z)
    zero, _, gain = at_one()
    a, b = closed_form(SIZE).subs(ALPHA, 0), sp.diff(closed_form(SIZE), ALPHA) / H
    return {
        "|u| = 1 goes to (L + mu)/2 - (L - mu)/2 cos phi": sp.simplify(
            circle - (largest + 1) / 2 + (largest - 1) / 2 * sp.cos(angle)
        )
        == 0,
        "h(u) = h(v) only for v = u or v = 1/u": sp.cancel(difference) == 0,
        "h(1/q) = 0": sp.cancel(image(1 / rate)) == 0,
        "h(z/q) is heavy ball's -A/B": sp.cancel(image(Z / rate) - heavy_ball) == 0,
        "critical momenta, every C: A(1) = 0": zero == 0,
        "critical momenta, every C: B(1) is not 0": gain != 0,
        "critical momenta, every C: A is monic of degree C + 1": _at_infinity(a, SIZE + 1) == 1,
        "critical momenta, every C: B is monic of degree C": _at_infinity(b, SIZE) == 1,
    }


def _at_infinity(polynomial: sp.Expr, degree: sp.Expr) -> sp.Expr:
    """The limit of p(z) / z^degree, in powers u^j and u^(C + j) of u = 1/z, of which u^C vanishes with u."""
    inverse, power = sp.symbols("u u_C", positive=True)
    ratio = sp.expand_power_exp(sp.expand(polynomial / Z**degree, power_exp=True))
    ratio = sp.cancel(sp.together(ratio.subs(Z**SIZE, 1 / power).subs(Z**-SIZE, power).subs(Z, 1 / inverse)))
    return ratio.subs({inverse: 0, power: 0})


def lower_bound(statement: LowerBound, budget: Budget) -> list[Evidence]:
    """The proof for every method of the class."""
    del budget
    return [Exact("symbolic", lower_bound_steps(statement))]


def strictly_slower(statement: sp.Expr, budget: Budget) -> list[Evidence]:
    """Equality would make -A/B heavy ball's, which has a pole at z = 0; ``statement`` is B(0) for C as a symbol."""
    k = sp.Symbol("k", integer=True)
    constant = sp.Sum(sp.KroneckerDelta(k, 0), (k, 0, SIZE - 1)).doit() / SIZE  # of (z^(C-1) + ... + 1) / C
    constant = constant.replace(lambda e: e.is_Relational, lambda e: sp.true)
    steps = {
        **lower_bound_steps(CHEBYSHEV),
        "every C >= 1: B(0) = 1/C": sp.simplify(constant - statement) == 0,
        "every C >= 1: B(0) is not 0, so -A/B has no pole at 0": sp.simplify(statement).is_positive is True,
    }
    del budget
    return [Exact("symbolic", steps)]


@dataclass(frozen=True)
class BestRate:
    """The best rate, as kappa(r): momentum in [0, 1), C = 1; the same for C = 2; momentum in (-1, 1), C = 1."""

    one: sp.Expr
    two: sp.Expr
    one_with_negative: sp.Expr


_SURD = sp.Symbol("w", positive=True)  # w^2 = (1 - r^2)(1 + 7 r^2)
BEST = BestRate(
    R * (1 + R) / (1 - R),
    2 * R**2 * (2 * R**2 + R + 1) / ((1 - R) * (1 + R**2 + _SURD)),
    (1 + 3 * R**2) / (1 - R**2),
)


def best_rates(statement: BestRate, budget: Budget) -> list[Evidence]:
    """Jury's conditions on |z| = r and the best momentum, every sign as a factorisation.

    C = 1, p = z^2 + (x - 1 - beta) z + beta + x. p(r) > 0 gives x > lo, p(0) < r^2 gives x < hi = r^2 - beta, and
    p(-r) > 0 binds for beta < -r only. hi / lo falls with the momentum as long as the first two bind, and rises below
    the momentum at which the third takes over from the first.

    C = 2. Where f1 of Jury's conditions vanishes, the momentum is a function of x that is r^2 at x = 0, so that the
    first x with a given momentum, hi, falls with the momentum; and x / (r - beta(x)), which is hi / lo up to a factor,
    rises with x: the longest interval is that of the smallest momentum, 0. There, on 0 < x < 2 r^3 (where |p(0)| <
    r^3), f1 > 0 exactly below hi, f2 > 0 throughout, and p(-r) < 0 too.
    """
    del budget
    steps = {**_one(statement), **_two(statement)}
    return [Exact("symbolic", steps)]


def _one(statement: BestRate) -> dict[str, bool]:
    p = Z**2 + (X - 1 - BETA) * Z + BETA + X
    low = (1 - R) * (R - BETA) / (1 + R)
    high = R**2 - BETA
    other = -(1 + R) * (R + BETA) / (1 - R)
    ratio = high / low
    best = -(1 + R**2) / 2
    return {
        "C = 1: p(r) = (1 + r)(x - lo)": sp.expand(p.subs(Z, R) - sp.expand((1 + R) * (X - low))) == 0
        or sp.cancel(p.subs(Z, R) - (1 + R) * (X - low)) == 0,
        "C = 1: r^2 - p(0) = hi - x": sp.expand(R**2 - p.subs(Z, 0) - (high - X)) == 0,
        "C = 1: p(-r) = (1 - r)(x - lo'), lo' < 0 for beta > -r": sp.cancel(p.subs(Z, -R) - (1 - R) * (X - other)) == 0,
        "C = 1: d(hi/lo)/dbeta = -r (1 + r) / (r - beta)^2": sp.cancel(
            sp.diff(ratio, BETA) + R * (1 + R) / (R - BETA) ** 2
        )
        == 0,
        "C = 1: kappa = hi/lo at beta = 0": sp.cancel(ratio.subs(BETA, 0) - statement.one) == 0,
        "C = 1: lo = lo' at beta = -(1 + r^2)/2": sp.cancel((low - other).subs(BETA, best)) == 0,
        "C = 1: below it, d(hi/lo')/dbeta = (1 - r) r / (r + beta)^2": sp.cancel(
            sp.diff(high / other, BETA) - (1 - R) * R / (R + BETA) ** 2
        )
        == 0,
        "C = 1: kappa = hi/lo at beta = -(1 + r^2)/2": sp.cancel(ratio.subs(BETA, best) - statement.one_with_negative)
        == 0,
    }


def _two(statement: BestRate) -> dict[str, bool]:
    a, b, c = X - 1 - BETA, BETA + X / 2, X / 2
    p = Z**3 + a * Z**2 + b * Z + c
    low = 2 * R * (1 - R) * (R - BETA) / (2 * R**2 + R + 1)
    f1 = 4 * (R**6 - c**2 + R**2 * a * c - R**4 * b)
    f2 = 4 * (R**6 - c**2 - R**2 * a * c + R**4 * b)
    (momentum,) = sp.solve(f1, BETA)
    slope = sp.together(R - momentum + X * sp.diff(momentum, X))
    positive = 2 * R**3 * ((3 * R + 1) * X**2 + 4 * R**2 * (1 - R) * X + 4 * R**4 * (1 - R))
    high = 4 * R**6 / (R**2 + R**4 + R**2 * _SURD)

    def reduced(expression: sp.Expr) -> sp.Expr:
        numerator = sp.fraction(sp.cancel(sp.together(expression)))[0]
        return sp.expand(sp.rem(sp.expand(numerator), _SURD**2 - (1 - R**2) * (1 + 7 * R**2), _SURD))

    end = 2 * R**3
    room = sp.Symbol("q", positive=True)  # r = 1 / (1 + q)
    inside = {R: 1 / (1 + room)}
    return {
        "C = 2: p(r) > 0 is x > lo": sp.cancel(p.subs(Z, R) - (2 * R**2 + R + 1) / 2 * (X - low)) == 0,
        "C = 2: beta(0) = r^2": sp.cancel(momentum.subs(X, 0) - R**2) == 0,
        "C = 2: x / (r - beta(x)) rises": sp.cancel(slope - positive / (2 * R**2 * (2 * R**2 + X) ** 2)) == 0,
        "C = 2: f1 = 4 r^4 (r^2 - beta) at 0": sp.expand(f1.subs(X, 0) - 4 * R**4 * (R**2 - BETA)) == 0,
        "C = 2: f1 < 0 at 2 r^3": _negative(f1.subs(X, end).subs(BETA, 0).subs(inside), room)
        and sp.expand(sp.diff(f1.subs(X, end), BETA) + 4 * R**4 + 4 * R**5) == 0,
        "C = 2, beta = 0: f1 = 0 at hi": reduced(f1.subs(BETA, 0).subs(X, high)) == 0,
        "C = 2, beta = 0: f2 > 0 at both ends": _negative(-f2.subs(BETA, 0).subs(X, 0).subs(inside), room)
        and _negative(-f2.subs(BETA, 0).subs(X, end).subs(inside), room),
        "C = 2, beta = 0: f2 is concave": sp.expand(sp.diff(f2.subs(BETA, 0), X, 2) + 2 * (1 + 2 * R**2)) == 0,
        "C = 2, beta = 0: p(-r) < 0 below 2 r^3": _negative(p.subs({Z: -R, BETA: 0, X: end}).subs(inside), room)
        and sp.expand(sp.diff(p.subs({Z: -R}), X) - (2 * R**2 - R + 1) / 2) == 0,
        "C = 2: kappa = hi/lo at beta = 0": reduced(high / low.subs(BETA, 0) - statement.two) == 0,
    }


def _negative(expression: sp.Expr, symbol: sp.Symbol) -> bool:
    """Whether a rational function is negative for all positive values: no coefficient of another sign."""
    numerator, denominator = (sp.Poly(part, symbol) for part in sp.fraction(sp.cancel(sp.together(expression))))
    return (all(c <= 0 for c in numerator.coeffs()) and all(c > 0 for c in denominator.coeffs())) or (
        all(c >= 0 for c in numerator.coeffs()) and all(c < 0 for c in denominator.coeffs())
    )


@dataclass(frozen=True)
class Leading:
    """At fixed momentum kappa (1 - rate) tends to ``constant(s, beta)``, s the end of the first stability interval."""

    constant: Callable[[sp.Expr, sp.Expr], sp.Expr]


def leading_behaviour(statement: Leading, budget: Budget) -> list[Evidence]:
    """1 - rho = -slope x + O(x^2) at the smallest x, alpha mu, and alpha L can come up to the end s.

    For large kappa alpha mu is small, so [alpha mu, alpha L] lies in the first stability interval (the others are
    bounded away from 0), alpha L < s and 1 - rate <= -slope s / kappa + O(1 / kappa^2); alpha = s (1 - eps) / L
    attains it.
    """
    from spectral import optimal_rate, stability_intervals

    end = sp.Symbol("s", positive=True)
    limit = -slope_at_one() * end
    steps = {"every C: the limit": sp.simplify(limit - statement.constant(end, BETA)) == 0}
    data = {}
    for size in budget.pick((1, 5), (1, 2, 3, 5, 10, 20)):
        for beta in (0.0, 0.9):
            stable = stability_intervals(beta, size)[0][1]
            expected = float(statement.constant(sp.Float(stable), sp.Float(beta)))
            found = 1e6 * (1.0 - optimal_rate(1e6, size, beta).certified_upper)
            data[f"C = {size}, beta = {beta}"] = {"limit": expected, "at kappa = 1e6, certified": found}
            steps[f"C = {size}, beta = {beta}: certified at kappa = 1e6 within 1 %"] = (
                abs(found / expected - 1.0) < 1e-2
            )
    return [Exact("symbolic", steps, data)]
