"""Section 2.1: how noise enters the two improvements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.gaussian import gaussian_expectation
from ..checks.rational import positive_definite, sign_vectors
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from .directions import stochastic_gradient, symbolic_problem
from .sign_moments import as_ball, sign_moment_ball

# Noise enters I(s) only through rho


def _free_of_noise(correlation: Callable[[sp.Matrix, sp.Symbol, int, int], Any], budget: Budget) -> list[Evidence]:
    """Signs depend on g_i / sigma_i ~ N(z_i, 1): z_i = sign(grad_i) sqrt(2) erfinv(2 rho_i - 1), and correlations.

    ``correlation(Q, nu, i, j)`` is the squared correlation of g_i and g_j; it must be theirs, and free of nu.
    """
    steps = {}
    for dim in (2, budget.pick(3, 4)):
        q, delta, _, xi, nu = symbolic_problem(dim)
        g = stochastic_gradient(q, delta, xi, nu)
        noise = g - g.subs(dict.fromkeys(xi, 0))
        for i, j in ((0, 1), (0, dim - 1)):
            stated = correlation(q, nu, i, j)
            cov, first, second = (gaussian_expectation(noise[k] * noise[m], xi) for k, m in ((i, j), (i, i), (j, j)))
            steps[f"squared correlation of ({i}, {j}), d = {dim}"] = is_zero(stated * first * second - cov**2)
            steps[f"squared correlation ({i}, {j}) is free of nu, d = {dim}"] = is_zero(sp.diff(stated, nu))
    z = sp.Symbol("z", positive=True)
    rho = sp.Rational(1, 2) + sp.erf(z / sp.sqrt(2)) / 2
    steps["rho is strictly increasing in |grad_i| / sigma_i, so rho determines it"] = (
        sp.diff(rho, z) * sp.exp(z**2 / 2)
    ).simplify().is_positive is True
    return [Exact("symbolic", steps)]


def _bounded_denominator(bounds: Callable[[np.ndarray], tuple[Any, Any]], budget: Budget) -> list[Evidence]:
    """``low <= s^T Q s <= high`` for every sign vector, hence for its mean at every noise level."""
    steps = {}
    for dim in range(1, budget.pick(5, 7)):
        for k, q in enumerate(positive_definite(dim, budget.pick(4, 10), seed=dim)):
            low, high = bounds(q)
            steps[f"d = {dim}, matrix {k}"] = all(low <= s @ q @ s <= high for s in sign_vectors(dim))
    if not all(steps.values()):
        return [Exact("enumeration", steps, instances=len(steps))]
    proof = {
        "termwise q s_i s_j <= |q| for signs in {-1, 0, 1}": all(
            q * si * sj <= abs(q) for q, si, sj in product((-1, 1), (-1, 0, 1), (-1, 0, 1))
        )
    }
    for dim in (1, 2, 3):
        entries = np.array(
            [[sp.Symbol(f"q_{min(i, j)}{max(i, j)}", real=True) for j in range(dim)] for i in range(dim)]
        )
        low, high = bounds(entries)
        # The lower bound is that of a positive definite form, the upper one the sum of the terms' bounds.
        proof[f"the bounds are 0 and sum_ij |q_ij|, d = {dim}"] = low == 0 and is_zero(high - np.abs(entries).sum())
    return [Exact("symbolic", proof, {"enumerated first": f"{len(steps)} matrices, all sign vectors"})]


def _spectrum_in_rho(basis: sp.Matrix, budget: Budget) -> list[Evidence]:
    """Squared argument of rho, (grad_1 / sigma_1)^2 at nu = 1: the same for eigenvalues (a, b) and (c, e)?

    In an axis-aligned basis entry i of grad and sigma sees the eigenvalue i only, whatever the dimension is.
    """
    a, b, c, e, x, y = sp.symbols("a b c e x y", positive=True)

    def argument(first: sp.Symbol, second: sp.Symbol) -> sp.Expr:
        q = basis * sp.diag(first, second) * basis.T
        return sp.cancel((q * sp.Matrix([x, y]))[0] ** 2 / (q * q)[0, 0])

    return symbolic_identity(Identity(argument(a, b), argument(c, e)), budget)


_AXES = sp.eye(2)
_DIAGONALS = sp.Matrix([[1, 1], [1, -1]]) / sp.sqrt(2)
_OBLIQUE = sp.Matrix([[3, -4], [4, 3]]) / 5


def _denominator_without_noise(off_diagonal: Fraction, budget: Budget) -> list[Evidence]:
    """E[s^T Q s], Q = [[2, h], [h, 2]], delta = (1, 1): the same at nu = 1 as without noise (nu -> 0)?"""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        yield {"off_diagonal": off_diagonal, "delta": [1, 1], "nu": 1}

    def sides(p: Mapping[str, Any]) -> tuple[float, float]:
        from flint import ctx

        h = Fraction(p["off_diagonal"])
        with ctx.workprec(120):
            mean = (2 + as_ball(h)) / (4 + as_ball(h) ** 2).sqrt()
            moment = sign_moment_ball(mean, mean, 4 * as_ball(h) / (4 + as_ball(h) ** 2))
            return float(4 + 2 * as_ball(h) * moment), float(4 + 2 * h)

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        h = float(p["off_diagonal"])
        q = np.array([[2.0, h], [h, 2.0]])
        noise = np.random.default_rng(0).standard_normal((200_000, 2))
        s = np.sign((np.ones(2) - noise) @ q)
        return float(np.mean(np.sum(s * (s @ q), axis=-1))), 4 + 2 * h

    replay = (
        "import numpy as np\nfrom fractions import Fraction as F\nh = float(F(witness['off_diagonal']))\n"
        "q = np.array([[2.0, h], [h, 2.0]])\n"
        "s = np.sign((1 - np.random.default_rng(1).standard_normal((200000, 2))) @ q)\n"
        "violated = abs(np.mean(np.sum(s * (s @ q), axis=-1)) - (4 + 2 * h)) > 0.05"
    )
    methods = ("certified quadrature", "200000 simulated signs")
    statement = ForAll(points, sides, "==", again, replay, methods, (1e-12, 0.05), exhaustive=True)
    return for_all(statement, budget)


# The offset nu^2 sum lambda^3


@dataclass(frozen=True)
class NoisyLimit:
    """Limit of I(s) / I(g) for axis-aligned Q as nu -> infinity, from power sums S_ab = sum_i lambda_i^a delta_i^b."""

    ratio: Callable[[Any, Any, Any, Any], Any]  # of (S_12, S_22, S_10, S_30)


def _power_sums(eigenvalues: list[Any], delta: list[Any]) -> tuple[Any, Any, Any, Any]:
    pairs = list(zip(eigenvalues, delta, strict=True))
    return tuple(sum(lam**a * d**b for lam, d in pairs) for a, b in ((1, 2), (2, 2), (1, 0), (3, 0)))


def _noisy_limit(statement: NoisyLimit, budget: Budget) -> list[Evidence]:
    nu, big = sp.symbols("nu K", positive=True)
    steps = {}
    for dim in range(1, budget.pick(3, 4)):
        lam = list(sp.symbols(f"l0:{dim}", positive=True))
        delta = list(sp.symbols(f"d0:{dim}", positive=True))
        s12, s22, s10, s30 = _power_sums(lam, delta)
        curvature = sum(v**3 * d**2 for v, d in zip(lam, delta, strict=True))
        gradient = sp.limit(nu**2 * s22**2 / (2 * (curvature + nu**2 * s30)), nu, sp.oo)
        slope = sum(
            v * d * sp.limit(nu * sp.erf(d / (sp.sqrt(2) * nu)), nu, sp.oo) for v, d in zip(lam, delta, strict=True)
        )
        signs = slope**2 / (2 * s10)
        steps[f"nu^2 I(g) -> S_22^2 / (2 S_30), nu^2 I(s) -> S_12^2 / (pi S_10), d = {dim}"] = is_zero(
            gradient - s22**2 / (2 * s30)
        ) and is_zero(signs - s12**2 / (sp.pi * s10))
        steps[f"limit of I(s) / I(g), d = {dim}"] = is_zero(
            signs / gradient - statement.ratio(*_power_sums(lam, delta))
        )
    family = statement.ratio(*_power_sums([sp.Integer(1), big], [sp.Integer(1), 1 / big]))
    steps["eigenvalues (1, K), delta (1, 1/K): the limit ratio grows without bound"] = (
        sp.limit(family, big, sp.oo) == sp.oo
    )
    # With w = lambda delta^2 the ratio is (2/pi)(S_30/S_10)(sum w / sum lambda w)^2: any value between these ends.
    for only, end in ((0, "smallest"), (1, "largest")):
        lam = [sp.Integer(1), big]
        single = statement.ratio(*_power_sums(lam, [sp.Integer(int(k == only)) for k in (0, 1)]))
        expected = 2 / sp.pi * (1 + big**3) / (1 + big) / lam[only] ** 2
        steps[f"error in the {end} eigenvalue only: (2/pi) S_30 / (S_10 lambda^2)"] = is_zero(single - expected)
    return [Exact("symbolic", steps, {"figure 2 matrices, limit ratios": _figure_2_limits(statement, budget)})]


def _figure_2_limits(statement: NoisyLimit, budget: Budget) -> dict[str, list[float]]:
    from quadratics import ill_conditioned_eigenvalues, well_conditioned_eigenvalues

    found: dict[str, list[float]] = {}
    starts: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "delta ~ N(0, I)": lambda lam: np.random.default_rng(1).standard_normal(lam.size),
        "equal delta": np.ones_like,
        "equal lambda delta^2": lambda lam: lam**-0.5,
        "equal lambda delta": lambda lam: 1 / lam,
        "largest eigenvalue only": lambda lam: (lam == lam.max()) * 1.0,
        "smallest eigenvalue only": lambda lam: (lam == lam.min()) * 1.0,
    }
    for name, draw in (("well", well_conditioned_eigenvalues), ("ill", ill_conditioned_eigenvalues)):
        for label, start in starts.items():
            ratios = []
            for seed in range(budget.pick(4, 16)):
                lam = draw(100, np.random.default_rng(seed))
                ratios.append(float(statement.ratio(*_power_sums(list(lam), list(start(lam))))))
            found[f"{name}-conditioned, {label}"] = [min(ratios), max(ratios)]
    return found


Criterion = Callable[[tuple[Any, Any, Any, Any]], bool]


def _sign_is_better(criterion: Criterion, budget: Budget) -> list[Evidence]:
    """``criterion(power sums)`` says exactly when I(s) > I(g) at very large noise, in balls at nu = 10^6."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        spectra = [
            [Fraction(1, 100)] + [Fraction(k, 10) for k in range(1, 10)] + [Fraction(45)],
            [Fraction(1, 2)] * budget.pick(9, 90) + [Fraction(30 + 3 * k) for k in range(budget.pick(2, 10))],
        ]
        for lam in spectra:
            for power in (-2, -1, 0, 1):
                yield {"eigenvalues": lam, "delta": [v**power for v in lam], "nu": 10**6}
            yield {"eigenvalues": lam, "delta": [Fraction(int(v == max(lam))) for v in lam], "nu": 10**6}
            yield {"eigenvalues": lam, "delta": [Fraction(int(v == min(lam))) for v in lam], "nu": 10**6}

    def sides(p: Mapping[str, Any]) -> tuple[int, int]:
        lam, delta = [Fraction(v) for v in p["eigenvalues"]], [Fraction(v) for v in p["delta"]]
        return int(criterion(_power_sums(lam, delta))), int(_ball_ratio(lam, delta, p["nu"]) > 1)

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        from quadratics import StochasticQuadratic, expected_improvement

        lam, delta = (np.array(p[k], dtype=float) for k in ("eigenvalues", "delta"))
        problem = StochasticQuadratic(np.diag(lam), np.zeros(lam.size), 1e3 * float(np.abs(delta).max()))
        better = expected_improvement(problem, delta, "sign") > expected_improvement(problem, delta, "gradient")
        return float(
            criterion(_power_sums([Fraction(v) for v in p["eigenvalues"]], list(map(Fraction, p["delta"]))))
        ), float(better)

    replay = (
        "from math import erf, sqrt\nfrom fractions import Fraction as F\n"
        "lam, delta, nu = [float(F(v)) for v in witness['eigenvalues']], [float(F(v)) for v in witness['delta']], 1e6\n"
        "slope = sum(l * d * erf(d / sqrt(2) / nu) for l, d in zip(lam, delta))\n"
        "signs = slope**2 / sum(lam) / 2\n"
        "sgd = sum((l * d)**2 for l, d in zip(lam, delta))**2\n"
        "sgd /= 2 * (sum(l**3 * d**2 for l, d in zip(lam, delta)) + nu**2 * sum(l**3 for l in lam))\n"
        "violated = signs <= sgd"
    )
    methods = ("ball arithmetic at nu = 10^6", "exact expectations in floating point")
    proof = lambda budget: [Exact("symbolic", {"criterion is limit ratio > 1": _criterion_is_limit(criterion)})]  # noqa: E731
    return for_all(ForAll(points, sides, "==", again, replay, methods, (0.0, 0.5), proof=proof), budget)


def _ball_ratio(lam: list[Fraction], delta: list[Fraction], nu: int) -> Any:
    from flint import arb, ctx

    with ctx.workprec(200):
        pairs = [(as_ball(v), as_ball(d)) for v, d in zip(lam, delta, strict=True)]
        slope = sum((v * d * (d / (arb(2).sqrt() * nu)).erf() for v, d in pairs), arb(0))
        squares = sum((v**2 * d**2 for v, d in pairs), arb(0))
        signs = slope**2 / (2 * sum((v for v, _ in pairs), arb(0)))
        denominator = sum((v**3 * d**2 + nu**2 * v**3 for v, d in pairs), arb(0))
        return signs / (squares**2 / (2 * denominator))


def _criterion_is_limit(criterion: Criterion) -> bool:
    """The criterion switches where the limit ratio passes one, pi S_22^2 S_10 = 2 S_12^2 S_30: tried on both sides."""
    below, above = Fraction(314159, 100000), Fraction(314160, 100000)  # pi lies between
    return all(
        criterion((Fraction(1), Fraction(1), Fraction(1), v)) == (v == above / 2) for v in (below / 2, above / 2)
    )


def _larger_sign_limit(sums: tuple[Any, Any, Any, Any]) -> bool:
    from flint import arb

    s12, s22, s10, s30 = sums
    left, right = 2 * s12**2 * s30, s22**2 * s10
    return bool(as_ball(Fraction(left)) > arb.pi() * as_ball(Fraction(right)))


def _mass_bounds(q: np.ndarray) -> tuple[Any, Any]:
    # Gershgorin below the smallest eigenvalue would be looser than zero: the form is positive.
    return 0, sum(abs(v) for v in q.flat)


CLAIMS = [
    Claim(
        id="dissecting-adam/noise-enters-ssd-only-through-rho",
        location="2.1",
        statement=r"In $\mathcal I(s)$ noise magnitude and eigenspectrum do not interact: noise enters only by the "
        r"$\rho_i$, and its effect on the denominator is bounded. Judged: (a) $\mathcal I(s)$ is a function of $Q$, "
        r"$\nabla\mathcal L$ and the $\rho_i$; (b) $\mathbf E[s^TQs]$ is bounded at every noise level; (c) at given "
        r"$\delta$ the $\rho_i$ do not depend on the eigenvalues.",
        parts=(
            Part(
                "only through rho",
                _free_of_noise,
                printed=lambda q, nu, i, j: nu**4 * (q * q)[i, j] ** 2 / (nu**4 * (q * q)[i, i] * (q * q)[j, j]),
                broken=lambda q, nu, i, j: q[i, j] ** 2 / (q[i, i] * q[j, j]),
                note=r"The signs are those of $g_i/\sigma_i\sim\mathcal N(z_i,1)$ with correlations of $QQ$, free of "
                r"$\nu$, and $\rho_i$ determines $|z_i|$. True of the bound and of the exact $\mathcal I(s)$; for "
                "rotated $Q$ the exact denominator needs these correlations as well.",
            ),
            Part(
                "bounded denominator",
                _bounded_denominator,
                printed=_mass_bounds,
                broken=lambda q: (0, sum(q[i, i] for i in range(len(q)))),
                note=r"$0<\mathbf E[s^TQs]\le\sum_{ij}|q_{ij}|$ at every noise level; $\mathrm{tr}\,Q$ for diagonal "
                r"$Q$. $\mathbf E[g^TQg]$ grows like $\nu^2\sum\lambda_i^3$.",
            ),
            Part(
                "noise and spectrum do not meet in rho",
                _spectrum_in_rho,
                printed=_DIAGONALS,
                broken=_OBLIQUE,
                repair=_AXES,
                repair_note=r"for diagonal $Q$, where $\rho_i=\Phi(|\delta_i|/\nu)$",
                note=r"$\rho_i=\Phi(|(Q\delta)_i|/(\nu\sqrt{(QQ)_{ii}}))$: the noise is multiplied by "
                r"$(QQ)_{ii}=\sum_k\lambda_k^2v_{ki}^2$, so that on a rotated basis the noise of steep directions "
                "drowns the sign of every coordinate. They are independent on axis-aligned problems only.",
            ),
            Part(
                "the exact denominator is free of the noise",
                _denominator_without_noise,
                printed=Fraction(1),
                broken=Fraction(-1),
                sound=Fraction(0),
                bears=False,
                note=r"Only for diagonal $Q$. For rotated $Q$ it moves between $s^TQs$ at the true signs ($\nu\to0$) "
                r"and $\frac2\pi\sum q_{ij}\arcsin r_{ij}$ ($\nu\to\infty$).",
            ),
        ),
        figures=("dissecting-adam/improvement-ratio",),
    ),
    Claim(
        id="dissecting-adam/noise-offset-hurts-sgd",
        location="2.1",
        statement=r"The offset $\nu^2\sum\lambda_i^3$ of $\mathcal I(g)$ can be hugely obstructive, so that the sign "
        "update is better on noisy, ill-conditioned problems with diagonally dominant $Q$. Judged for diagonal $Q$ by "
        r"the limit of $\mathcal I(s)/\mathcal I(g)$ as $\nu\to\infty$: it can be arbitrarily large; it exceeds one on "
        "ill-conditioned problems.",
        parts=(
            Part(
                "the limit, and that it can be arbitrarily large",
                _noisy_limit,
                printed=NoisyLimit(lambda s12, s22, s10, s30: 2 * s12**2 * s30 / (sp.pi * s22**2 * s10)),
                broken=NoisyLimit(lambda s12, s22, s10, s30: 2 * s12**2 * s30 / (sp.pi * s22 * s10)),
                note=r"Both improvements fall like $\nu^{-2}$. $\mathcal I(s)/\mathcal "
                r"I(g)\to\frac2\pi\frac{(\sum\lambda_i\delta_i^2)^2\sum\lambda_i^3}{(\sum\lambda_i^2\delta_i^2)^2\sum\l"
                r"ambda_i}$, between $\frac2\pi\frac{\sum\lambda^3}{\sum\lambda}\lambda_{\max}^{-2}\le\frac2\pi$ and "
                r"the same with $\lambda_{\min}^{-2}$, depending on where the error lies.",
            ),
            Part(
                "the sign update is better on noisy, ill-conditioned, diagonal problems",
                _sign_is_better,
                printed=lambda sums: True,
                broken=lambda sums: False,
                repair=_larger_sign_limit,
                repair_note=r"For diagonal $Q$ and $\nu\to\infty$ it is better iff "
                r"$2(\sum\lambda_i\delta_i^2)^2\sum\lambda_i^3>\pi(\sum\lambda_i^2\delta_i^2)^2\sum\lambda_i$.",
                note=r"With the error in the largest eigenvalue the limit is at most $2/\pi<1$ for every condition "
                r"number. On the ill-conditioned spectrum of figure 2 with $\delta\sim\mathcal N(0,s^2I)$ it is about "
                "0.7: SGD is better in the first step, and the sign update only once the large-eigenvalue part of the "
                "error is gone.",
            ),
        ),
        figures=("dissecting-adam/improvement-ratio",),
    ),
]
