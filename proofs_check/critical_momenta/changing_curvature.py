"""Section 6: curvatures that change from step to step along shared eigenvectors, one coordinate of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import sympy as sp

from spectral import critical_momentum_matrix, optimal_rate, stability_intervals

from ..checks.rational import fractions
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness
from .blocks import characteristic
from .every_size import AGE, ALPHA, BETA, SIZE, H, derived_rows
from .system import collapsed


@dataclass(frozen=True)
class Contraction:
    """Every product of A_h with curvatures in [mu, L] contracts when alpha L is below ``limit(beta, C)``.

    With ``proof`` the limit also takes symbols, and the statement is decided for every C, beta, mu and L.
    """

    limit: Callable[[Any, Any], Any]
    proof: bool = False


def each_stable(beta: Fraction, size: int) -> Fraction:
    """Every single A_h is stable up to here: the end of the first stability interval, a little less."""
    return Fraction(stability_intervals(float(beta), size)[0][1] * (1 - 1e-6))


def half_stable(beta: Fraction, size: int) -> Fraction:
    return each_stable(beta, size) / 2


def small_step(beta: Any, size: Any) -> Any:
    """A sufficient limit; see :func:`_norm_contracts`."""
    return (1 - beta) ** 2 / (12 * size * (2 * beta + size * (1 - beta)))


SMALL = (Fraction(1, 1000), Fraction(1, 20), Fraction(1, 5))


def products_contract(statement: Contraction, budget: Budget) -> list[Evidence]:
    """Alternate two curvatures, each stable by itself: exact Schur-Cohn of the product; the proof, if there is one."""
    tried = 0
    for size in (1, 2, 5):
        for beta in (Fraction(1, 2), Fraction(9, 10)):
            top = statement.limit(beta, size)
            shares = [Fraction(k, 20) for k in range(19, 0, -2)]
            for large, small, first, second in product(shares, SMALL, budget.pick((1, 4), (1, 4, 16)), (1, 2, 4, 8)):
                tried += 1
                found = _unstable_product(size, beta, (small * top, large * top), (first, second))
                if found is not None:
                    return [found]
    if not statement.proof:
        return [Exact("rational", {"no product found that expands": True}, instances=tried)]
    steps = {"every C, beta: " + name: held for name, held in _norm_contracts(statement.limit).items()}
    return [Exact("symbolic", steps), Exact("rational", _shrinks_along_runs(statement.limit, budget))]


def _radius(matrix: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(matrix.astype(float))).max())


def _unstable_product(
    size: int, beta: Fraction, curvatures: tuple[Fraction, Fraction], repeats: tuple[int, int]
) -> Witness | None:
    course = [(h.limit_denominator(10**6), count) for h, count in zip(curvatures, repeats, strict=True)]
    floats = [critical_momentum_matrix(1.0, float(beta), np.array([[float(h)]]), size) for h, _ in course]
    powers = [np.linalg.matrix_power(a, count) for a, (_, count) in zip(floats, course, strict=True)]
    if max(map(_radius, floats)) >= 1.0 or _radius(powers[0] @ powers[1]) <= 1.0 + 1e-3:
        return None
    steps = [h for h, count in course for _ in range(count)]
    exact = fractions(np.eye(size + 2, dtype=int))
    for h in steps:
        exact = collapsed(Fraction(1), beta, h, size) @ exact
    return Witness(
        point={"size": size, "beta": beta, "curvatures": [h for h, _ in course], "repeats": list(repeats)},
        first=Way("Schur-Cohn of the product in exact rationals", _largest_reflection(exact), "<=", Fraction(1)),
        second=Way(
            "growth of a run of (8) per period, floating point", _run(float(beta), steps, size), "<=", 1.0, 1e-4
        ),
        replay=REPLAY_PRODUCT,
    )


def _largest_reflection(matrix: np.ndarray) -> Fraction:
    """The first reflection coefficient above one, or the largest of all: above one proves an eigenvalue outside."""
    coefficients = [Fraction(int(c.p), int(c.q)) for c in characteristic(matrix).coeffs()][::-1]
    largest = Fraction(0)
    while len(coefficients) > 1 and largest <= 1:
        last = len(coefficients) - 1
        reflection = coefficients[last] / coefficients[0]
        largest = max(largest, abs(reflection))
        coefficients = [coefficients[j] - reflection * coefficients[last - j] for j in range(last)]
    return largest


def _run(beta: float, curvatures: list[Fraction], size: int, alpha: float = 1.0) -> float:
    """Growth per period of (8), heavy-ball momentum, over 2000 periods after as many to settle."""
    theta, m, logs = 1.0, [0.0] * size, []
    for _ in range(4000):
        for h in map(float, curvatures):
            new = beta * m[0] + h * theta
            theta, m = theta - alpha * (new + sum(m) / size), [new, *m[:-1]]
        scale = max(abs(theta), *map(abs, m))
        theta, m = theta / scale, [v / scale for v in m]
        logs.append(np.log(scale))
    return float(np.exp(np.mean(logs[2000:])))


REPLAY_PRODUCT = """
import numpy as np
from fractions import Fraction as F
from spectral import critical_momentum_matrix, spectral_radius
beta, (x, y), (r, s) = float(F(witness["beta"])), witness["curvatures"], witness["repeats"]
a, b = (critical_momentum_matrix(1.0, beta, np.array([[float(F(v))]]), witness["size"]) for v in (x, y))
product = np.linalg.matrix_power(b, s) @ np.linalg.matrix_power(a, r)
alone = max(float(spectral_radius(1.0, beta, np.asarray(float(F(v))), witness["size"])) for v in (x, y))
violated = alone < 1 < np.abs(np.linalg.eigvals(product)).max()
"""


# --- small steps ------------------------------------------------------------------------------------------------------


def weights(beta: Any, size: Any, age: Any) -> Any:
    """q_j of theta + alpha sum_j q_j m_{t-j}, which a step changes by -2 alpha h theta / (1 - beta) alone."""
    late = -(size - age + 1) / size
    if isinstance(age, int):
        return -(1 + beta) / (1 - beta) if age == 1 else late
    return late


def _norm_contracts(limit: Callable[[Any, Any], Any]) -> dict[str, bool]:
    """|phi| + alpha / (1 - beta) max_j nu^(j-1) |m_{t-j}| shrinks in every step, whatever h in [mu, L] comes next.

    phi = theta + alpha q, q = sum_j q_j m_{t-j}; nu = 1 - (1 - beta)/(2 C), at least beta, so that a shift and the
    factor beta bring the maximum M down to nu M. |q| <= Q M, where nu^(1-j) <= 2 by Bernoulli. With theta = phi - alpha
    q, x = alpha h and gamma = 2/(1 - beta) the new phi is (1 - gamma x) phi + gamma x alpha q, and the new M at most
    nu M + h |phi| + x |q|. Together: 1 - x/(1 - beta) of |phi| and nu + 3 x Q of M, at most (1 + nu)/2 below the limit.
    """
    rows = derived_rows()
    x, n, phi, q = sp.symbols("x n phi q", nonnegative=True)
    first, late = weights(BETA, SIZE, 1), weights(BETA, SIZE, AGE)

    def on(entry: sp.Expr, age: sp.Expr) -> sp.Expr:
        plain = sp.sympify(entry).subs(AGE, age).doit()
        return plain if age == 1 else plain.replace(sp.KroneckerDelta, lambda *_: sp.Integer(0))

    def on_momentum(age: sp.Expr, before: sp.Expr) -> sp.Expr:
        """Coefficient of the new phi on m_{t-age} less that of the old one."""
        fresh = first * on(rows.momentum_on_momentum, age) + late.subs(AGE, age + 1)
        return sp.cancel(on(rows.theta_on_momentum, age) + ALPHA * (fresh - before))

    nu = 1 - (1 - BETA) / (2 * SIZE)
    total = (1 + BETA) / (1 - BETA) + SIZE - 1
    top = limit(BETA, SIZE)
    c, gamma = 1 / (1 - BETA), 2 / (1 - BETA)
    return {
        "phi on theta": sp.cancel(rows.theta_on_theta + ALPHA * first * rows.momentum_on_theta - 1 + gamma * ALPHA * H)
        == 0,
        "phi on m_{t-1}": on_momentum(sp.Integer(1), first) == 0,
        "phi on m_{t-j}, j >= 2": on_momentum(AGE + 1, late.subs(AGE, AGE + 1)) == 0,
        "q_{C+1} = 0": late.subs(AGE, SIZE + 1) == 0,
        "nu >= beta": _positive(nu - BETA),
        "Bernoulli's induction": sp.expand((1 - n * x) * (1 - x) - (1 - (n + 1) * x) - n * x**2) == 0,
        "nu^(C-1) >= 1/2": _positive(1 - (SIZE - 1) * (1 - nu) - sp.Rational(1, 2)),
        "Q: |q_1| + 2 sum_{j >= 2} |q_j|": sp.cancel(
            -first + 2 * sp.summation(n / SIZE, (n, 1, SIZE - 1)) - total
        )
        == 0,
        "new phi": sp.expand(phi - gamma * x * (phi - ALPHA * q) - (1 - gamma * x) * phi - gamma * x * ALPHA * q) == 0,
        "on |phi|: 1 - x / (1 - beta)": sp.cancel(1 - gamma * x + c * x - (1 - c * x)) == 0,
        "on M: nu + 3 x Q": sp.cancel(gamma * x * total + c * (nu + x * total) - c * (nu + 3 * x * total)) == 0,
        "1 - 2 alpha h / (1 - beta) >= 0": _positive(1 - gamma * top),
        "3 alpha L Q <= (1 - nu) / 2": _not_negative((1 - nu) / 2 - 3 * top * total),
    }  # fmt: skip


def _parts(expression: sp.Expr) -> list[sp.Expr]:
    """Coefficients of numerator and denominator in n, b >= 0, where C = 1 + n and beta = b / (1 + b)."""
    n, b = sp.symbols("n b", nonnegative=True)
    fraction = sp.fraction(sp.cancel(sp.together(expression.subs({SIZE: 1 + n, BETA: b / (1 + b)}))))
    numerator, denominator = (sp.Poly(part, n, b) for part in fraction)
    sign = 1 if denominator.coeffs()[0] > 0 else -1
    if any(sign * c < 0 for c in denominator.coeffs()):
        return [sp.Integer(-1)]
    return [sign * c for c in numerator.coeffs()] + [sign * numerator.eval({n: 0, b: 0})]


def _not_negative(expression: sp.Expr) -> bool:
    """Sufficient: no coefficient is negative."""
    return bool(all(c >= 0 for c in _parts(expression)))


def _positive(expression: sp.Expr) -> bool:
    """Sufficient: no coefficient is negative, and the constant one is positive."""
    parts = _parts(expression)
    return bool(all(c >= 0 for c in parts) and parts[-1] > 0)


def _shrinks_along_runs(limit: Callable[[Any, Any], Any], budget: Budget) -> dict[str, bool]:
    """The norm of the proof in rationals, along runs with curvatures that come as badly as they can, and at random."""
    steps = {}
    for size in (1, 2, 5):
        for beta in (Fraction(0), Fraction(1, 2), Fraction(9, 10)):
            high = limit(beta, size)  # alpha = 1
            low = high / 10
            nu = 1 - (1 - beta) / (2 * size)
            rate = max(1 - low / (1 - beta), (1 + nu) / 2)
            for name, curvatures in _courses(low, high, budget.pick(10, 40)):
                theta = Fraction(1)
                m = [Fraction(1 - 2 * (j % 2), j + 3) for j in range(size)]
                norms = []
                for h in curvatures:
                    norms.append(_norm(theta, m, beta, nu))
                    fresh = beta * m[0] + h * theta
                    theta, m = theta - fresh - sum(m, Fraction(0)) / size, [fresh, *m[:-1]]
                norms.append(_norm(theta, m, beta, nu))
                steps[f"C = {size}, beta = {beta}, {name}"] = all(b <= rate * a for a, b in pairwise(norms))
    return steps


def _norm(theta: Fraction, m: list[Fraction], beta: Fraction, nu: Fraction) -> Fraction:
    phi = theta + sum((weights(beta, Fraction(len(m)), j) * v for j, v in enumerate(m, 1)), Fraction(0))
    return abs(phi) + max(nu**j * abs(v) for j, v in enumerate(m)) / (1 - beta)


def _courses(low: Fraction, high: Fraction, count: int) -> Iterator[tuple[str, list[Fraction]]]:
    rng = np.random.default_rng(0)
    yield "alternating", [(low, high)[t % 2] for t in range(count)]
    yield "in blocks", [(low, high)[t // 4 % 2] for t in range(count)]
    yield "random", [low + (high - low) * Fraction(int(k), 16) for k in rng.integers(0, 17, count)]


# --- the best parameters ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tuned:
    """At the best (alpha, beta) of each (kappa, C) A_mu A_L has a radius below ``bound(rho*)``."""

    settings: tuple[tuple[float, int], ...]
    bound: Callable[[float], float]


def alternation_keeps(statement: Tuned, budget: Budget) -> list[Evidence]:
    """The radius of A_mu A_L at the best parameters, from eigenvalues and from a run."""
    del budget
    worst, data = np.inf, {}
    for kappa, size in statement.settings:
        found = optimal_rate(kappa, size)
        alpha, beta = found.step_size, found.momentum
        bound = statement.bound(found.rate)
        matrices = [critical_momentum_matrix(alpha, beta, np.array([[h]]), size) for h in (1.0, kappa)]
        radius = _radius(matrices[0] @ matrices[1])
        data[f"kappa = {kappa:g}, C = {size}"] = {"rho*": found.rate, "rate of the alternation": radius**0.5}
        if radius >= bound:
            curvatures = [Fraction(1), Fraction(kappa)]
            point = {"kappa": kappa, "size": size, "step": alpha, "momentum": beta, "bound": bound}
            return [
                Witness(
                    point,
                    Way("eigenvalues of A_mu A_L", radius, "<", bound, 1e-9),
                    Way("growth of a run per two steps", _run(beta, curvatures, size, alpha), "<", bound, 1e-3),
                    REPLAY_TUNED,
                )
            ]
        worst = min(worst, bound - radius)
    return [Sampled("radius of A_mu A_L", len(data), 0, float(worst), "best parameters, floating point", data)]


REPLAY_TUNED = """
import numpy as np
from spectral import critical_momentum_matrix
a, b = (critical_momentum_matrix(witness["step"], witness["momentum"], np.array([[h]]), witness["size"])
        for h in (1.0, witness["kappa"]))
violated = np.abs(np.linalg.eigvals(a @ b)).max() > witness["bound"] + 1e-6
"""

CLAIMS = [
    Claim(
        id="critical-momenta/commuting-hessians",
        location="section 6",
        statement=r"The quadratic assumption can be relaxed to Hessians that commute along the trajectory. Judged: if "
        r"every $A_h$, $h\in[\mu,L]$, has radius below one, so has every product of them (commuting Hessians share "
        r"their eigenvectors, but the curvature of each may change from step to step).",
        assumptions=("quadratic losses with one minimiser, $H_t$ of each step with eigenvalues in $[\\mu,L]$",),
        parts=(
            Part(
                "products of stable matrices",
                products_contract,
                printed=Contraction(each_stable),
                broken=Contraction(half_stable),
                repair=Contraction(small_step, proof=True),
                repair_note=r"for $\alpha L\le(1-\beta)^2/(12C(2\beta+C(1-\beta)))$ every product contracts, each step "
                r"by $\max\{1-\alpha\mu/(1-\beta),1-(1-\beta)/(4C)\}$ in one norm: the order $1/\kappa$ of $1-\rho^*$ "
                r"carries over, $\rho^*$ does not",
                note="Two curvatures of one eigenvector, each stable for ever, diverge when they alternate: the "
                "$A_h$ do not commute with each other. What carries over is convergence for small steps (heavy-ball "
                "momentum; the average of (4) allows $1/(1-\\beta)$ times as much).",
            ),
            Part(
                "at the best parameters alternating curvatures still converge",
                alternation_keeps,
                printed=Tuned(((10.0, 5), (100.0, 5), (1000.0, 5)), lambda rate: 1.0),
                broken=Tuned(((10.0, 5),), lambda rate: 0.5 * rate),
                sound=Tuned(((10.0, 1), (10.0, 2), (10.0, 5)), lambda rate: 1.0),
                bears=False,
                note=r"$\rho^*$ says nothing of them: for $C=5$, $\kappa=100$ ($\rho^*=0.921$) a run with $\mu$ and "
                r"$L$ in turn grows by 1.43 a step.",
            ),
        ),
    ),
]
