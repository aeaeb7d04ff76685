"""Section 5: superlinear convergence on quadratics and beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from quadratics.krylov import anderson_iterates, exact_anderson, exact_gmres

from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero, nonnegative_coefficients
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled

REPLAY = """
from fractions import Fraction
from quadratics.krylov import exact_anderson, rationals
values, b = rationals(witness["spectrum"]), rationals(witness["b"])
path = exact_anderson(__import__("numpy").diag(values), b, 0 * b, lambda j: Fraction(1), witness["k"])
r = b - values * path.projected[witness["k"]]
violated = (r @ r) > Fraction(witness["bound"]) ** 2 * (b @ b)
"""


@dataclass(frozen=True)
class Decay:
    """``|r_bar_k| <= 2^-exponent(k) |r_0|`` for the spectrum ``1 + above(j)``, any right side and dimension."""

    exponent: Callable[[Any], Any]
    above: Callable[[Any], Any] = lambda j: Fraction(1) / 2**j

    def bound(self, k: int) -> Fraction:
        """The statement's factor."""
        return Fraction(1, 2 ** int(self.exponent(k)))


def _decay(statement: Decay, budget: Budget) -> list[Evidence]:
    """The residual polynomial with zeros at the k largest eigenvalues: ``prod_j |1 - l_i / l_j| <= prod_j (l_j - 1) =
    2^(-k (k + 1) / 2)`` at every later eigenvalue, as ``0 <= l_j - l_i <= l_j - 1`` and ``l_j >= 1``.
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(29)
        for d in (2, 5, budget.pick(8, 12)):
            for _ in range(2):
                b = [Fraction(int(v)) for v in rng.integers(1, 9, d)]
                for k in range(1, d):
                    spectrum = [1 + statement.above(j) for j in range(1, d + 1)]
                    yield {"spectrum": spectrum, "b": b, "k": k, "bound": statement.bound(k)}

    def sides(point: Any) -> tuple[Any, Any]:
        values, b = fractions(point["spectrum"]), fractions(point["b"])
        path = exact_anderson(np.diag(values), b, 0 * b, lambda j: Fraction(1), point["k"])
        r = b - values * path.projected[point["k"]]
        return r @ r, point["bound"] ** 2 * (b @ b)

    def again(point: Any) -> tuple[float, float]:
        values, b = fractions(point["spectrum"]), fractions(point["b"])
        x = exact_gmres(np.diag(values), b, 0 * b, point["k"])[-1]
        r = np.array(b - values * x, dtype=float)
        return float(np.linalg.norm(r)), float(point["bound"]) * float(np.linalg.norm(np.array(b, dtype=float)))

    def proof(budget: Budget) -> list[Evidence]:
        i, j = sp.symbols("l_i l_j", positive=True)
        n, q = sp.symbols("n q", integer=True, positive=True)
        gap = ((j - 1) ** 2 + (i - 1)) / j
        above = sp.sympify(statement.above(q))
        power = sp.simplify(sp.expand_log(-sp.log(above) / sp.log(2), force=True))
        steps = {
            "kappa <= 3/2: 0 < l_1 - 1 <= 1/2": bool(0 < statement.above(1) <= Fraction(1, 2)),
            "l_j falls": sp.simplify(above / sp.sympify(statement.above(q + 1)) - 1).is_positive is True,
            # 1 <= l_i <= l_j: each factor |1 - l_i / l_j| of the polynomial is at most l_j - 1 = 2^-j.
            "(l_j - 1) - (l_j - l_i)/l_j = ((l_j - 1)^2 + (l_i - 1))/l_j >= 0": is_zero((j - 1) - (j - i) / j - gap),
            "sum of j up to k: the exponent": is_zero(sp.summation(power, (q, 1, n)) - statement.exponent(n)),
        }
        return [Exact("symbolic", steps)]

    methods = ("Anderson mixing in rationals", "GMRES in rationals, norms in floating point")
    return for_all(ForAll(points, sides, "<=", again, REPLAY, methods, (0.0, 1e-12), proof=proof), budget)


def rates(spectrum: Sequence[Any], steps: int, digits: int = 80) -> list[float]:
    """``|r_bar_{k+1}| / |r_bar_k|`` of Anderson mixing with many digits, right side of ones."""
    import mpmath

    with mpmath.workdps(digits):
        values = np.array([mpmath.mpf(v.numerator) / v.denominator for v in map(Fraction, spectrum)], dtype=object)
        b = np.array([mpmath.mpf(1)] * len(values), dtype=object)
        tiny = mpmath.mpf(10) ** (8 - digits)
        path = exact_anderson(np.diag(values), b, 0 * b, lambda j: mpmath.mpf(1) / 2, steps, negligible=tiny)
        sizes = [mpmath.sqrt(sum(v * v for v in b - values * x)) for x in path.projected]
        return [float(after / before) for before, after in pairwise(sizes)]


@dataclass(frozen=True)
class Profile:
    """The rates of a spectrum fall below ``fraction`` of the Chebyshev rate within ``steps`` (``falls``), or do not."""

    spectrum: Callable[[int], Sequence[Fraction]]
    fraction: float
    falls: bool
    steps: int = 12


def _profile(statement: Profile, budget: Budget) -> list[Evidence]:
    data = {}
    bad = 0
    slack = float("inf")
    sizes = (24,) if budget is Budget.QUICK else (24, 40)
    for d in sizes:
        values = list(statement.spectrum(d))
        root = float(max(values) / min(values)) ** 0.5
        chebyshev = (root - 1) / (root + 1)
        found = rates(values, statement.steps)
        ratio = found[-1] / chebyshev
        data[f"d = {d}"] = {"rates": [round(v, 6) for v in found], "Chebyshev rate": chebyshev}
        margin = statement.fraction - ratio if statement.falls else ratio - statement.fraction
        slack = min(slack, margin)
        bad += margin < 0
        # Double precision follows as long as its residual is above rounding.
        matrix, b = np.diag([float(v) for v in values]), np.ones(d)
        path = anderson_iterates(matrix, b, 0 * b, 0.5, statement.steps)
        double = np.linalg.norm(b - path.projected @ matrix, axis=-1)
        data[f"d = {d}"]["double precision residuals"] = [float(v) for v in double]
    return [Sampled("80 digits", len(sizes), bad, slack, f"{statement.steps} steps", data)]


# Nonquadratic: one dimension is the secant method on f'


def _secant(bound: Callable[[Any, Any], Any], budget: Budget) -> list[Evidence]:
    """AM with m = 1 for ``f = x^2/2 + x^4/4``: ``0 < x_{k+1} <= bound(x_k, x_{k-1})`` for ``0 < x_k <= x_{k-1}``.

    As ``x_{k+1} <= q x_k`` with ``q < 1`` that only falls, the order is kept and the iterates go to 0.
    """
    del budget
    x, y, beta = sp.symbols("x y beta", positive=True)  # x = x_k, y = x_{k-1}
    r = lambda z: -(z + z**3)  # noqa: E731
    gamma = r(x) / (r(x) - r(y))
    new = x + beta * r(x) - ((x - y) + beta * (r(x) - r(y))) * gamma
    secant = x * y * (x + y) / (1 + x * x + x * y + y * y)
    s = sp.symbols("s", nonnegative=True)
    # y = x + s covers x <= y; the sign is certified by nonnegative coefficients.
    steps = {
        "the iterate is the secant step, whatever beta": is_zero(new - secant),
        "0 < x_{k+1} <= bound": nonnegative_coefficients((bound(x, y) - secant).subs(y, x + s), (x, s)),
        "x_{k+1} <= q x_k, q = 2 y^2/(1 + 2 y^2) < 1: the iterates fall to 0": nonnegative_coefficients(
            (2 * y**2 / (1 + 2 * y**2) * x - secant).subs(y, x + s), (x, s)
        ),
        "f'' >= 1, f >= 0": is_zero(sp.diff(x**2 / 2 + x**4 / 4, x, 2) - 1 - 3 * x**2),
    }
    return [Exact("symbolic", steps)]


def orders(d: int, steps: int) -> list[float]:
    """Measured orders ``log e_{k+1} / log e_k`` of AM with ``m = d`` and 2000 digits, towards the minimum 0 of
    ``sum_i (x_i^2 (1 + i) / 2 + x_i^3 / 6) + x_1 x_2 / 4 + (sum x_i)^4 / 24``.
    """
    import mpmath

    with mpmath.workdps(2000):
        one = mpmath.mpf(1)

        def gradient(x: np.ndarray) -> np.ndarray:
            total = sum(x)
            g = [x[i] * (1 + i) + x[i] ** 2 / 2 + total**3 / 6 for i in range(d)]
            if d > 1:
                g[0] += x[1] / 4
                g[1] += x[0] / 4
            return np.array(g, dtype=object)

        x = np.array([one / (10 + 3 * i) for i in range(d)], dtype=object)
        xs, rs = [x], [-gradient(x)]
        sizes = []
        for k in range(steps):
            r, new = rs[-1], xs[-1] + rs[-1] / 3
            if k >= d:
                columns = range(len(xs) - 1 - d, len(xs) - 1)
                big_r = mpmath.matrix([[rs[j + 1][i] - rs[j][i] for j in columns] for i in range(d)])
                gamma = mpmath.lu_solve(big_r, mpmath.matrix(list(r)))
                new = xs[-1] - sum(gamma[n] * (xs[j + 1] - xs[j]) for n, j in enumerate(columns))
            xs.append(new)
            rs.append(-gradient(new))
            size = mpmath.sqrt(sum(v * v for v in new))
            sizes.append(mpmath.log(size))
            if size < mpmath.mpf(10) ** -900:
                break
        return [float(b / a) for a, b in pairwise(sizes)]


def _measured_order(statement: tuple[int, float], budget: Budget) -> list[Evidence]:
    """Mean of the last measured orders for m = d against a stated value, within 0.05."""
    d, expected = statement
    found = orders(d, 60)[-2 * (d + 1) :]
    value = float(np.exp(np.mean(np.log(found))))
    gap = abs(value - expected)
    return [Sampled("2000 digits", 1, int(gap > 0.05), 0.05 - gap, f"mean of the last {len(found)}", {"orders": found})]


CLAIMS = [
    Claim(
        id="anderson-mixing/superlinear-quadratic",
        location="5",
        statement="On strongly convex quadratics SAM can exhibit superlinear convergence, as GMRES. Judged: there are "
        r"spectra with $\kappa\le3/2$ in every dimension with $\|\bar r_k\|\le2^{-k(k+1)/2}\|r_0\|$.",
        assumptions=(r"full memory, $\alpha=1$, $\delta=0$, (14) off",),
        parts=(
            Part(
                "eigenvalues 1 + 2^-j, any right side",
                _decay,
                printed=Decay(lambda k: k * (k + 1) / 2),
                broken=Decay(lambda k: 2 * k * (k + 1)),
                note=r"The bound's rate $2^{-k}$ falls to zero, while the bound in $\kappa(A)$ stays at about 0.10 "
                r"per step.",
            ),
            Part(
                "clustered spectrum: rates far below Chebyshev's",
                _profile,
                printed=Profile(lambda d: [1 + Fraction(1, j * j) for j in range(1, d + 1)], 0.5, True),
                broken=Profile(lambda d: [1 + Fraction(1, j * j) for j in range(1, d + 1)], 1e-6, True),
                bears=False,
                note=r"$1+j^{-2}$, $\kappa<2$, 80 digits; double precision shows it only until its residual "
                r"reaches rounding.",
            ),
            Part(
                "spectrum of Chebyshev points: no superlinear phase",
                _profile,
                printed=Profile(
                    lambda d: [2 + Fraction(round(1e6 * np.cos(np.pi * (j + 0.5) / d)), 10**6) for j in range(d)],
                    0.8,
                    False,
                ),
                broken=Profile(lambda d: [1 + Fraction(1, 2**j) for j in range(1, d + 1)], 0.8, False),
                bears=False,
                note="So it is a property of spectra (isolated or clustered eigenvalues), not of the method.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/superlinear-nonlinear",
        location="5",
        statement=r"In nonlinear optimization SAM can be superlinear in some cases. Judged: for "
        r"$f=\frac12x^2+\frac14x^4$ "
        r"and $m=1$, $\alpha=1$, $\delta=0$, $x_{k+1}/x_k\le2x_{k-1}^2\to0$.",
        parts=(
            Part(
                "one dimension: the secant method on f'",
                _secant,
                printed=lambda x, y: 2 * x * y**2,
                broken=lambda x, y: x * x * y,
                note=r"Exactly $x_{k+1}=x_kx_{k-1}(x_k+x_{k-1})/(1+x_k^2+x_kx_{k-1}+x_{k-1}^2)$ for every "
                r"$\beta_k$; in one "
                r"dimension $\bar r_k=0$ and the mixing plays no role.",
            ),
            Part(
                "measured order, d = m = 1, generic",
                _measured_order,
                printed=(1, 1.618),
                broken=(1, 2.0),
                bears=False,
                note=r"The secant order $(1+\sqrt5)/2$.",
            ),
            Part(
                "measured order, d = m = 2",
                _measured_order,
                printed=(2, 1.466),
                broken=(2, 2.0),
                bears=False,
                note=r"The root 1.4656 of $t^3=t^2+1$, as for multi-point secant methods.",
            ),
        ),
    ),
]
