"""Sections 3.4, C.3: moments of a momentum term and the correction kappa, (18), (19), (45)-(48)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction as F
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..certificates import Undecided, polynomial_sign
from ..checks.search import ForAll, Point, for_all
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from .estimators import CONSTANTS, S, T, averages, gradients, kappa, mu, size, weight, weights
from .minibatch import Weight, as_printed, bessel, expected_estimate

FIRST_ONE = "g_1 is the first gradient, r_0 = 0"
FIRST_ZERO = "g_0 is the first gradient, r_{-1} = 0"


def momentum(values: Iterable[Any]) -> Any:
    """r_t = mu r_{t-1} + g_t from zero."""
    r = sp.Integer(0)
    for g in values:
        r = mu * r + g
    return r


def _sums(first: int, last: Callable[[Any], Any]) -> dict[str, Identity]:
    """r_t by recursion from g_first against sum_{s=0}^{last(t)} mu^s g_{t-s}; t up to 5, and from t to t + 1."""
    g = sp.symbols("g0:8")
    found = {
        f"t = {t}": Identity(
            sp.expand(momentum(g[first : t + 1])), sum(mu**s * g[t - s] for s in range(last(t) + 1)), CONSTANTS
        )
        for t in range(max(first, 1), 6)
    }
    found["t to t + 1: one more term"] = Identity(last(T + 1), last(T) + 1)
    found["t to t + 1: older weights"] = Identity(mu * mu**S, mu ** (S + 1), CONSTANTS)
    return found


def _independent(squared: Callable[[Any], Any]) -> dict[str, Identity]:
    """Mean and variance of r_t for independent gradients with means m_j and variances w_j, t <= 5, and the step."""
    found: dict[str, Identity] = {}
    for t in range(1, 6):
        means, deviations, noise = (sp.symbols(f"{name}1:{t + 1}") for name in ("m", "d", "z"))
        r = sp.expand(momentum([m + d * z for m, d, z in zip(means, deviations, noise, strict=True)]))
        poly = sp.Poly(r, *noise)
        # E z_j = 0, E z_j^2 = 1, E z_j z_k = 0: the mean is the constant term, the variance the sum of squares.
        linear = [poly.coeff_monomial(z) for z in noise]
        found[f"t = {t}: mean"] = Identity(
            poly.coeff_monomial(1), sum(mu**s * means[t - 1 - s] for s in range(t)), CONSTANTS
        )
        found[f"t = {t}: variance"] = Identity(
            sum(a**2 for a in linear), sum(squared(s) * deviations[t - 1 - s] ** 2 for s in range(t)), CONSTANTS
        )
    # r_{t+1} = mu r_t + g_{t+1} with g_{t+1} independent of r_t: the mean ages with mu, the variance with mu^2.
    found["t to t + 1: mean"] = Identity(mu * mu**S, mu ** (S + 1), CONSTANTS)
    found["t to t + 1: variance"] = Identity(mu**2 * squared(S), squared(S + 1), CONSTANTS)
    return found


def _power_sum(base: Any, terms: Any) -> Any:
    """sum_{s < terms} base^s in closed form."""
    return (1 - base**terms) / (1 - base)


def _power_sum_steps() -> dict[str, Identity]:
    """Induction for :func:`_power_sum` at mu and mu^2."""
    found: dict[str, Identity] = {}
    for name, base in (("mu", mu), ("mu^2", mu**2)):
        found[f"sum of powers of {name}, one term"] = Identity(_power_sum(base, 1), 1, CONSTANTS)
        found[f"sum of powers of {name}, one more"] = Identity(
            1 + base * _power_sum(base, T), _power_sum(base, T + 1), CONSTANTS
        )
    return found


def _along_a_run(pairs: Callable[[int, int], bool]) -> ForAll:
    """var[r_t] on f = x^2 / 2 with g = x + noise of +-1 and x <- x - r / 2, by enumeration of all noise sequences.

    Claimed: sum mu^(s+u) cov[g_{t-s}, g_{t-u}] over the ``pairs`` (s, u); the equal ones are (18).
    """

    def points(budget: Budget) -> Iterable[Point]:
        for t, constant in product(range(1, budget.pick(5, 9)), (F(1, 2), F(9, 10), F(0))):
            yield {"t": t, "mu": constant, "step": F(1, 2)}

    def histories(point: Point, number: Callable[[Any], Any]) -> list[list[Any]]:
        found = []
        for noise in product((1, -1), repeat=point["t"]):
            x, r, seen = number(1), number(0), []
            for xi in noise:
                g = x + xi
                r = number(point["mu"]) * r + g
                x = x - number(point["step"]) * r
                seen.append(g)
            found.append([*seen, r])
        return found

    def covariance(rows: list[list[Any]], i: int, j: int) -> Any:
        n = len(rows)
        return (
            sum(row[i] * row[j] for row in rows) / n - sum(row[i] for row in rows) * sum(row[j] for row in rows) / n**2
        )

    def sides(point: Point) -> tuple[Any, Any]:
        rows, t, constant = histories(point, F), point["t"], point["mu"]
        taken = ((s, u) for s in range(t) for u in range(t) if pairs(s, u))
        claimed = sum(constant ** (s + u) * covariance(rows, t - 1 - s, t - 1 - u) for s, u in taken)
        return covariance(rows, t, t), claimed

    def again(point: Point) -> tuple[Any, Any]:
        rows = np.array(histories(point, float))
        matrix = np.atleast_2d(np.cov(rows[:, :-1].T, bias=True))
        ages = np.arange(point["t"])[::-1]
        powers = float(point["mu"]) ** ages
        taken = np.array([[pairs(int(s), int(u)) for u in ages] for s in ages])
        return rows[:, -1].var(), powers @ (matrix * taken) @ powers

    return ForAll(
        points=points,
        sides=sides,
        relation="==",
        again=again,
        replay="from fractions import Fraction as F\nfrom itertools import product\n"
        "t, mu, step = int(witness['t']), F(str(witness['mu'])), F(str(witness['step']))\nrows = []\n"
        "for noise in product((1, -1), repeat=t):\n    x, r, seen = F(1), F(0), []\n"
        "    for xi in noise:\n        g = x + xi\n        r = mu * r + g\n"
        "        x -= step * r\n        seen.append(g)\n"
        "    rows.append([*seen, r])\n"
        "var = lambda j: sum(w[j] ** 2 for w in rows) / len(rows) - (sum(w[j] for w in rows) / F(len(rows))) ** 2\n"
        "violated = var(t) != sum(mu ** (2 * s) * var(t - 1 - s) for s in range(t))",
        exact=True,
    )


def _kappa_relation(terms: Callable[[Any], Any], factor: Callable[[Any], Any]) -> dict[str, Identity]:
    """Relative variance of r_t for iid gradients, and sum c^2, against kappa; t <= 5, and any t by closed sums."""
    found: dict[str, Identity] = {}
    for t in range(1, 6):
        n = terms(t)
        # var[r] / sigma^2 = factor * (E r / grad)^2, written without the division.
        found[f"t = {t}: var/mean^2"] = Identity(
            sum(mu ** (2 * s) for s in range(n)), factor(t) * sum(mu**s for s in range(n)) ** 2, CONSTANTS
        )
        found[f"t = {t}: sum of squared weights"] = Identity(sum(c**2 for c in weights(mu, n)), factor(t), CONSTANTS)
    n = terms(T)
    plain, squares = _power_sum(mu, n), _power_sum(mu**2, n)
    found["any t: var/mean^2"] = Identity(squares, factor(T) * plain**2, CONSTANTS)
    found["any t: sum of squared weights"] = Identity(weight(mu, n, 0) ** 2 * squares, factor(T), CONSTANTS)
    return found | _power_sum_steps()


def _kappa_properties(function: Callable[[Any, int], Any], budget: Budget) -> list[Evidence]:
    """Ends, limits, bounds 1/t <= kappa <= 1 and monotonicity of a candidate for kappa on 0 < mu < 1."""
    x = sp.Symbol("x")  # mu^t
    simple = (1 - mu) * (1 + x) / ((1 + mu) * (1 - x))
    steps = {
        "kappa(mu, 1) = 1": is_zero(function(mu, 1) - 1),
        "kappa(0, t) = 1": all(function(sp.Integer(0), t) == 1 for t in range(1, 9)),
        "t -> infinity: (1 - mu)/(1 + mu)": simple.subs(x, 0) == (1 - mu) / (1 + mu),
        # kappa_t - kappa_{t+1} has positive factors only.
        "falls with t": is_zero(
            simple - simple.subs(x, mu * x) - (1 - mu) / (1 + mu) * 2 * x * (1 - mu) / ((1 - x) * (1 - mu * x))
        ),
    }
    for t in range(2, budget.pick(6, 25)):
        value = sp.cancel(function(mu, t))
        top, bottom = (sp.Poly(part, mu) for part in sp.fraction(value))
        if bottom.eval(sp.Rational(1, 2)) < 0:
            top, bottom = -top, -bottom
        steps[f"t = {t}: closed form"] = is_zero(value - simple.subs(x, mu**t))
        steps[f"t = {t}: mu -> 1 gives 1/t"] = value.subs(mu, 1) == sp.Rational(1, t)
        for name, poly in {
            "the divisor is positive": bottom,
            "falls with mu": top * bottom.diff(mu) - top.diff(mu) * bottom,
            "above 1/t": t * top - bottom,
            "below 1": bottom - top,
        }.items():
            steps[f"t = {t}: {name}"] = _positive_inside(poly)
    return [Exact("certificate", steps)]


def _positive_inside(poly: sp.Poly) -> bool:
    """Whether a polynomial is > 0 on (0, 1), by Sturm's theorem."""
    try:
        return polynomial_sign([F(int(c.p), int(c.q)) for c in poly.all_coeffs()], F(0), F(1)) == 1
    except Undecided:
        return False


def _same_sign(scale: Callable[[Any], Any]) -> dict[str, Identity]:
    """m_t against a multiple of r_t, positive for 0 <= mu < 1; t <= 6, and from t to t + 1."""
    found: dict[str, Identity] = {}
    for t in range(1, 7):
        g = gradients(t)
        found[f"t = {t}"] = Identity(averages(g, mu, mu)[0], scale(t) * momentum(g), CONSTANTS)
    # Before the correction the average is (1 - mu) r_t, and stays so.
    r, g_new = sp.symbols("r g")
    found["any t: correction"] = Identity(scale(T) * (1 - mu**T), 1 - mu, CONSTANTS)
    found["t to t + 1"] = Identity(mu * (1 - mu) * r + (1 - mu) * g_new, (1 - mu) * (mu * r + g_new), CONSTANTS)
    return found


def _adam_factor(correction: Any) -> Identity:
    m, v = sp.symbols("m v")
    over = {m: (1, -2, sp.Rational(1, 2)), v: (5, 7, 4)}
    return Identity(m**2 / v, 1 / (1 + correction * (v - m**2) / m**2), over)


def _closed(last: Callable[[Any], Any]) -> dict[str, Identity]:
    """Right sides of (46), (47): t <= 7, and any t by induction over the number of terms."""
    m, w = sp.symbols("m w")
    found: dict[str, Identity] = {}
    for t in range(1, 8):
        sums = [sum(mu ** (p * s) for s in range(last(t) + 1)) for p in (1, 2)]
        found[f"t = {t}: (46)"] = Identity(m**2 * sums[0] ** 2, m**2 * ((1 - mu**t) / (1 - mu)) ** 2, CONSTANTS)
        found[f"t = {t}: (47)"] = Identity(w * sums[1], w * (1 - mu ** (2 * t)) / (1 - mu**2), CONSTANTS)
    n = last(T) + 1
    found["any t: (46)"] = Identity(_power_sum(mu, n), _power_sum(mu, T), CONSTANTS)
    found["any t: (47)"] = Identity(_power_sum(mu**2, n), (1 - mu ** (2 * T)) / (1 - mu**2), CONSTANTS)
    return found | _power_sum_steps()


def _aggregated(square_weight: Weight) -> dict[str, Identity]:
    """E s_t of (48) from s_0 = 0 against var[r_t], independent batches of n examples at t fixed points.

    E of (44) by moments, with the given weight of g^2: see :mod:`.minibatch`.
    """
    found: dict[str, Identity] = {}
    for t in range(1, 5):
        means, variances = sp.symbols(f"m1:{t + 1}"), sp.symbols(f"w1:{t + 1}")
        total = sp.Integer(0)
        for m, w in zip(means, variances, strict=True):
            total = mu**2 * total + expected_estimate(square_weight, m, w)
        claimed = sum(mu ** (2 * s) * variances[t - 1 - s] / size for s in range(t))
        found[f"t = {t}"] = Identity(total, claimed, CONSTANTS)
    # Both sides age with mu^2; the new terms must agree.
    m, w = sp.symbols("m1 w1")
    found["t to t + 1: new term"] = Identity(expected_estimate(square_weight, m, w), w / size, CONSTANTS)
    found["t to t + 1: older terms"] = Identity(mu**2 * mu ** (2 * S), mu ** (2 * (S + 1)), CONSTANTS)
    return found


CLAIMS = [
    Claim(
        id="dissecting-adam/momentum-term-moments",
        location="section 3.4, (18)",
        statement=r"$r_t=\mu r_{t-1}+g_t=\sum_{s=0}^t\mu^sg_{t-s}$, "
        r"$\mathbf E[r_t]=\sum_{s=0}^t\mu^s\nabla\mathcal L_{t-s}$, "
        r"$\mathbf{var}[r_{t,i}]=\sum_{s=0}^t\mu^{2s}\sigma_{t-s,i}^2$.",
        main_reading=FIRST_ONE,
        reading_reason="(3), (19), (41) and all algorithms count from t = 1, and (46), (47) close the sums with "
        "t terms.",
        parts=(
            Part(
                "the sum, counted as in (3) and the algorithms",
                symbolic_identity,
                printed=_sums(1, lambda t: t),
                repair=_sums(1, lambda t: t - 1),
                broken=_sums(1, lambda t: t - 2),
                reading=FIRST_ONE,
                repair_note=r"$\sum_{s=0}^{t-1}$",
                note="With g_1 first the sum has t terms; the printed one has a term mu^t g_0 of a gradient "
                "that never was.",
            ),
            Part(
                "the sum, counted from g_0",
                symbolic_identity,
                printed=_sums(0, lambda t: t),
                broken=_sums(0, lambda t: t - 1),
                reading=FIRST_ZERO,
                note="Right for r_{-1} = 0 and g_0 first, but then kappa(mu, t), (46) and (47) are one step late.",
            ),
            Part(
                "moments at fixed points with independent noise",
                symbolic_identity,
                printed=_independent(lambda s: mu ** (2 * s)),
                broken=_independent(lambda s: mu**s),
            ),
            Part(
                "variance along a real run",
                for_all,
                printed=_along_a_run(lambda s, u: s == u),
                repair=_along_a_run(lambda s, u: True),
                broken=_along_a_run(lambda s, u: abs(s - u) <= 1),
                repair_note=r"$\sum_{s,u}\mu^{s+u}\mathbf{cov}[g_{t-s},g_{t-u}]$; (18) for independent gradients",
                note="Past noise moves the iterate, so gradients along a run are correlated, on a convex quadratic "
                "negatively. Likewise the mean is sum mu^s E[grad L_{t-s}].",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/kappa-correction",
        location="(19)",
        statement=r"$\mathbf{var}[r_t]/\mathbf E[r_t]^2\approx\kappa(\mu,t)(v_t-m_t^2)/m_t^2$ with "
        r"$\kappa(\mu,t)=\frac{(1-\mu^{2t})(1-\mu)^2}{(1-\mu^2)(1-\mu^t)^2}$.",
        assumptions=("past gradients iid, estimated by $m_t$ and $v_t-m_t^2$", r"$\mu\in[0,1)$, $t\ge1$"),
        parts=(
            Part(
                "kappa is the relative variance of r_t in units of eta^2, and sum c^2",
                symbolic_identity,
                printed=_kappa_relation(lambda t: t, lambda t: kappa(mu, t)),
                broken=_kappa_relation(lambda t: t, lambda t: kappa(mu, t + 1)),
                note="Exact for iid gradients and t terms; the approximation is only in estimating sigma^2 / grad^2. "
                "Since E[v - m^2] = (1 - kappa) sigma^2 the numerator is too small by the factor 1 - kappa.",
            ),
            Part(
                "with the t + 1 terms of (18) as printed",
                symbolic_identity,
                printed=_kappa_relation(lambda t: t + 1, lambda t: kappa(mu, t)),
                repair=_kappa_relation(lambda t: t + 1, lambda t: kappa(mu, t + 1)),
                broken=_kappa_relation(lambda t: t + 1, lambda t: kappa(mu, t + 2)),
                bears=False,
                repair_note=r"$\kappa(\mu,t+1)$",
                note="(18) and (19) count differently.",
            ),
            Part(
                "ends, limits, bounds, monotonicity",
                _kappa_properties,
                printed=kappa,
                broken=lambda constant, t: (1 - constant) / (1 + constant),
                bears=False,
                note="kappa(mu, 1) = 1, kappa(0, t) = 1, kappa(1-, t) = 1/t, kappa -> (1 - mu)/(1 + mu); it "
                "falls in both "
                "arguments and lies in [1/t, 1]. For mu this is t mu^(t-1) < sum_{k<t} mu^(2k), the inequality "
                "of means.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/momentum-keeps-adam-sign",
        location="section 3.4",
        statement=r"$\mathrm{sign}(m_t)=\mathrm{sign}(r_t)$; $\kappa$ does not appear in Adam.",
        assumptions=(r"$\beta_1=\mu\in[0,1)$",),
        parts=(
            Part(
                "m_t is a positive multiple of r_t",
                symbolic_identity,
                printed=_same_sign(lambda t: (1 - mu) / (1 - mu**t)),
                broken=_same_sign(lambda t: 1 - mu),
                note="m_t = (1 - mu) / (1 - mu^t) r_t, and the multiple is positive for 0 <= mu < 1.",
            ),
            Part(
                "Adam's factor is the one with kappa = 1",
                symbolic_identity,
                printed=_adam_factor(1),
                broken=_adam_factor(sp.Rational(1, 19)),
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/momentum-closed-forms",
        location="C.3, (45)-(47)",
        statement=r"$(\sum_{s=0}^t\mu^s)^2=(\frac{1-\mu^t}{1-\mu})^2$ and "
        r"$\sum_{s=0}^t\mu^{2s}=\frac{1-\mu^{2t}}{1-\mu^2}$.",
        parts=(
            Part(
                "the closed forms",
                symbolic_identity,
                printed=_closed(lambda t: t),
                repair=_closed(lambda t: t - 1),
                broken=_closed(lambda t: t + 1),
                repair_note=r"$\sum_{s=0}^{t-1}$ on the left (or $\mu^{t+1}$, $\mu^{2(t+1)}$ on the right)",
                note="The sums run one term too far for every mu in (0, 1]; with t terms both agree with (19) "
                "and (41). The "
                "term s = t of (45) would also need m_0 = 0/0.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/minibatch-momentum-variance",
        location="C.3, (48)",
        statement=r"$\bar s_t=\mu^2\bar s_{t-1}+\hat s_t$ with $\hat s_t$ from (44) is an unbiased estimate of "
        r"$\mathbf{var}[r_t]$ in (18).",
        assumptions=(r"$\bar s_0=0$, gradients independent, drawn with replacement at fixed points",),
        parts=(
            Part(
                "unbiased with (44)",
                symbolic_identity,
                printed=_aggregated(as_printed),
                repair=_aggregated(bessel),
                broken=_aggregated(lambda b: (b + 1) / b),
                repair_note=r"(48) with the repaired $\hat s=\frac1{B(B-1)}\sum(\nabla\ell_k-g)^2$",
                note="The recursion is right, what it sums is not: (48) inherits the bias of (44).",
            ),
        ),
    ),
]
