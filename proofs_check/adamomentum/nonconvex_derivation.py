"""C.2: inequality (20) derived step by step, for every dimension, T and noise; what each step contributes.

``u_i = w_i m_i`` obeys ``u_i = beta_i u_{i-1} + (1 - beta_i) w_i g_i + beta_i delta_i m_{i-1}``, so it is the sum of an
average A of the ``w_i g_i`` and of ``D_i = beta_i (D_{i-1} + delta_i m_{i-1})``. Decays fall: ``c_i <= c_1 = b``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import sympy as sp

from analysis.nonconvex import Constants, theorem_constants

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Evidence, Witness

L, B, H, G = sp.symbols("L b H G", positive=True)  # b = beta_1 / (1 - beta_1), a = 1 + b
FIRST, DROP = sp.symbols("w_1 Delta", positive=True)
EXTRAPOLATED = H + L * B * G  # bounds the gradient at z_i = theta_i - c_i w_{i-1} m_{i-1}


@dataclass(frozen=True)
class Lemmas:
    """Factors of lemmas 6 to 11, by default what the steps below give.

    ``seven`` times ``b H |grad f(z)| sum |delta|_1``; ``eight`` times ``(b - c)(|grad f(z)|^2 + G^2)``; ``squares``
    times ``L`` (T_4, T_5, T_6); of T_2: ``own`` and ``L^2 share`` times ``sum |w g|^2``, ``L^2 H^2 lagged`` times
    ``sum |delta|^2``, ``noise`` times ``H^2 (sum |delta|_1 + |w_1|_1)``.
    """

    seven: Any = 1
    eight: Any = sp.Rational(1, 2)
    squares: Any = sp.Rational(3, 2)
    own: Any = sp.Rational(1, 2)
    share: Any = B**2
    lagged: Any = B**4
    noise: Any = 2


GIVEN = Lemmas()


def stated(repaired: bool, gradient: Any = H) -> Constants:
    """The constants of theorem 5 in symbols, ``gradient`` for H."""
    return theorem_constants(L, B, gradient, G, FIRST, DROP, repaired=repaired)


def contributions(at_z: Any = H) -> Constants:
    """What the steps below add up to, ``at_z`` bounding the gradients at the z_i."""
    k, squares = GIVEN, GIVEN.squares * L
    return Constants(
        squares + k.own + L**2 * k.share,
        k.seven * H * at_z * B + k.noise * H**2,
        (squares * B**2 + L**2 * k.lagged) * H**2,
        k.eight * B * (at_z**2 + G**2) + squares * B**2 * G**2 + k.noise * H**2 * FIRST + DROP,
    )


def collected(constants: Constants, at_z: Any = H) -> dict[str, Inequality]:
    """The contributions are at most C_1 to C_4."""
    pairs = zip(contributions(at_z), constants, strict=True)
    return {
        f"C_{k}": Inequality(sp.expand(given), "<=", sp.expand(sp.sympify(total)))
        for k, (given, total) in enumerate(pairs, 1)
    }


def three_squares(factor: Any, budget: Budget) -> list[Evidence]:
    """Lemma 6: ``L/2`` times ``|x + y + z|^2 <= factor (|x|^2 + |y|^2 + |z|^2)`` for vectors of any signs.

    Smoothness: ``f(z + D) - f(z) - <grad f(z), D>`` integrates ``<grad f(z + s D) - grad f(z), D> <= L s |D|^2``.
    """
    x, y, z, u, s = sp.symbols("x y z u s", positive=True)
    found = inequality(Inequality((3 * u) ** 2, "<=", factor * 3 * u**2), budget)  # equal coordinates: least slack
    if isinstance(found[0], Witness):
        return found
    squares = (x - y) ** 2 + (y - z) ** 2 + (x - z) ** 2 + (factor - 3) * (x**2 + y**2 + z**2)
    identities = {
        "smoothness: the integral of L s |D|^2, |D| = u": Identity(sp.integrate(L * s * u**2, (s, 0, 1)), L * u**2 / 2),
        "three squares, coordinate by coordinate": Identity(factor * (x**2 + y**2 + z**2) - (x + y + z) ** 2, squares),
    }
    return [*found, *symbolic_identity(identities, budget)]


def _averages(budget: Budget) -> list[Evidence]:
    """``sum A_i^2 <= sum x_i^2`` and ``sum D_i^2 <= b^2 sum y_i^2``, ``x = w g``, ``y = delta m``, any length.

    Carried along: ``sum_{i<=n} A_i^2 + c_{n+1} A_n^2 <= sum_{i<=n} x_i^2``, and the same for D; ``c_{n+1} <= c_n``.
    """
    beta, past, x, s = sp.symbols("beta A x s", positive=True)
    c = beta / (1 - beta)
    w, old, m, g = sp.symbols("w w_old m g", positive=True)
    over = {beta: ("1/2", "1/3")}
    identities = {
        "w_i m_i from w_{i-1} m_{i-1}": Identity(
            w * (beta * m + (1 - beta) * g), beta * old * m + (1 - beta) * w * g + beta * (w - old) * m, over
        ),
        "A^2: Jensen's slack is a square": Identity(
            beta * past**2 + (1 - beta) * x**2 - (beta * past + (1 - beta) * x) ** 2,
            beta * (1 - beta) * (past - x) ** 2,
        ),
        "(1 + c)(beta A^2 + (1 - beta) x^2) = c A^2 + x^2": Identity(
            (1 + c) * (beta * past**2 + (1 - beta) * x**2), c * past**2 + x**2, over
        ),
        "D^2: the slack is a square": Identity(
            beta * past**2 + beta**2 / (1 - beta) * x**2 - beta**2 * (past + x) ** 2,
            beta * (1 - beta) * (past - c * x) ** 2,
            over,
        ),
        "(1 + c)(beta D^2 + beta^2/(1 - beta) y^2) = c D^2 + c^2 y^2": Identity(
            (1 + c) * (beta * past**2 + beta**2 / (1 - beta) * x**2), c * past**2 + c**2 * x**2, over
        ),
        "(A + D)^2 <= 2 A^2 + 2 D^2: the slack": Identity(2 * past**2 + 2 * x**2 - (past + x) ** 2, (past - x) ** 2),
    }
    bounds = {
        "c_{n+1} <= c_n for falling decays": Inequality(
            beta / (1 - beta), "<=", x, {beta: s / (1 + s) / (1 + past), x: s}
        ),
        "|delta m| <= H |delta|, c^2 <= b^2": Inequality(
            beta**2 * (w * m) ** 2, "<=", B**2 * H**2 * w**2, {beta: B / (1 + x), m: H / (1 + s)}
        ),
    }
    return [*symbolic_identity(identities, budget), *inequality(bounds, budget)]


@cache
def _steps(k: Lemmas, budget: Budget) -> tuple[Evidence, ...]:
    """Lemmas 6 to 11 with the factors that :data:`GIVEN` names; what is stated is compared with these."""
    n, p, q, c, d, e, x, y, z = sp.symbols("n p q c d e x y z", positive=True)
    identities = {
        "lemma 8: p q against p^2 + q^2": Identity(k.eight * (p**2 + q**2) - p * q, (p - q) ** 2 / 2),
        "lemma 6: L/2 times three squares": Identity(L / 2 * 3, k.squares * L),
        "lemma 8: decrements of c telescope": Identity((c - d) + (d - e), c - e),
        "lemma 11: <u, w g> against u^2/2 + (w g)^2/2": Identity(p**2 / 2 + k.own * q**2 - p * q, (p - q) ** 2 / 2),
        "lemma 11: (L^2 b^2 / 2) (2 A^2 + 2 D^2)": Identity(
            L**2 * B**2 / 2 * (2 * x + 2 * B**2 * H**2 * y), L**2 * k.share * x + L**2 * k.lagged * H**2 * y
        ),
    }
    at_z = {p: EXTRAPOLATED / (1 + x), q: H / (1 + y), c: B / (1 + z)}
    at_theta = {p: H / (1 + x), q: H / (1 + y)}
    bounds = {
        "gradient at z: H + L c |w m|": Inequality(
            p + L * c * q, "<=", EXTRAPOLATED, {p: H / (1 + x), q: G / (1 + y), c: B / (1 + z)}
        ),
        "lemma 7, per coordinate": Inequality(c * p * q * d, "<=", k.seven * B * EXTRAPOLATED * H * d, at_z),
        "lemma 8": Inequality(c * (p**2 + q**2), "<=", B * (EXTRAPOLATED**2 + G**2), at_z | {q: G / (1 + y)}),
        "lemma 9: squares of decrements against the square of their sum": Inequality(d**2 + e**2, "<=", (d + e) ** 2),
        "lemma 9": Inequality(c**2 * q**2, "<=", B**2 * G**2, {c: B / (1 + z), q: G / (1 + y)}),
        "lemma 10, per coordinate": Inequality((c * d * q) ** 2, "<=", B**2 * H**2 * d**2, at_z),
        "lemma 11: |z - theta| = c |w m|, L-Lipschitz": Inequality(
            L**2 * c**2 * n**2 / 2, "<=", L**2 * B**2 * n**2 / 2, {c: B / (1 + z)}
        ),
        "lemma 11: noise against delta, per coordinate": Inequality(
            p * d * (p + q), "<=", k.noise * H**2 * d, at_theta
        ),
    }
    return (
        *three_squares(3, budget),
        *symbolic_identity(identities, budget),
        *inequality(bounds, budget),
        *_averages(budget),
    )


def derived(statement: Constants, budget: Budget) -> list[Evidence]:
    """(20) with these constants, from smoothness, assumption 4 at the iterates, ``|w m| <= G`` and unbiased gradients.

    The noise meets ``w_{i-1}``, which it does not enter, with mean zero; ``delta_i`` (and ``w_1``) is what is left.
    """
    return [*sufficient(collected(statement, EXTRAPOLATED), budget), *_steps(GIVEN, budget)]


def lemmas(statement: Lemmas, budget: Budget) -> list[Evidence]:
    """Lemmas 7 to 11 with the stated factors, from the same steps."""
    names = [field.name for field in fields(Lemmas)]
    stated_ones = {n: Inequality(getattr(GIVEN, n), "<=", getattr(statement, n)) for n in names}
    return [*_steps(GIVEN, budget), *sufficient(stated_ones, budget)]
