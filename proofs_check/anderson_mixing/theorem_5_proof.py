"""Theorem 5 with single gradients L-Lipschitz in mean square: the steps of a proof of (24), constants as printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact
from .update_bounds import NormBound, certificate
from .update_structure import structure

Condition = Callable[[Any, Any, Any, Any, Any, Any], Any]


def decrease_proof(condition: Condition, budget: Budget) -> list[Evidence]:
    """``E (f + c_t |x_t - x~|^2)`` falls by ``gamma E |grad f(x_t)|^2``, ``gamma >= n nu / (L T^(2/3))``.

    Notation: G = |grad f(x_t)|, w = |x_t - x~|, ``v = grad f(x_t) + e`` the gradient of line 6, ``s^2 = E |e|^2 <=
    omega^2 w^2`` with ``omega^2 = L^2 / n`` (mean-square smoothness; draws with or without replacement), kappa^2 = 1 +
    1/C, ``h = beta^(1/2)``. Of H only this is used: ``-G'HG <= -beta mu G^2`` by (14), ``|H v| <= beta kappa |v|``
    (update-norm-bound-uniform, factor 1) and ``|(H - beta I) e| <= beta^(3/2) kappa |e|`` with ``E e = 0``.

    1. ``E f(x_{t+1}) <= f - gamma_0 G^2 + A w^2``.
    2. ``E |x_{t+1} - x~|^2 <= (1 + theta) w^2 + rho G^2``, Young's inequality with ``zeta = L / (d_0 T^(1/3))``.
    3. With ``c_q = 0``, ``c_t = (1 + theta) c_{t+1} + A`` the sum falls by ``gamma_0 - c_{t+1} rho``.
    4. ``theta <= top = mu_0 n d_0 / T <= 1 / q``, so ``c_0 <= A ((1 + top)^q - 1) / top <= A (e - 1) / top``.
    5. ``gamma_0 - c_0 rho >= n nu / (L T^(2/3))`` is what the condition on nu grants.

    A loop begins with w = 0 and ends with ``c_q = 0``: over the loops the values of f telescope, and the mean over all
    ``q N`` points is (24).
    """
    size, w, noise, h, mu, kappa, lip, omega, zeta = sp.symbols("G w s h mu kappa L omega zeta", positive=True)
    value, later, theta, rho, gamma, extra = sp.symbols("f c theta rho gamma A", positive=True)
    top, j = sp.symbols("top j", positive=True)
    first = -(h**2) * mu * size**2 + h**3 * kappa * size * noise + lip / 2 * h**4 * kappa**2 * (size**2 + noise**2)
    moved = w**2 + 2 * h**2 * kappa * size * w + 2 * h**3 * kappa * noise * w + h**4 * kappa**2 * (size**2 + noise**2)
    parts = _parts(h**2, mu, kappa, lip, omega, zeta)
    closed = extra * ((1 + top) ** j - 1) / top
    before = (1 + theta) * later + extra
    steps = {
        "1. after Young's square": is_zero(
            (first + parts["gamma"] * size**2).subs(noise, omega * w)
            - parts["A"] * w**2
            + h**2 / mu * (mu * size / 2 - h * kappa * omega * w) ** 2
        ),
        "2. after Young's square": is_zero(
            moved.subs(noise, omega * w)
            - (1 + parts["theta"].subs(sp.sqrt(h**2), h)) * w**2
            - parts["rho"] * size**2
            + h**2 * kappa / zeta * (size - zeta * w) ** 2
        ),
        "3. f - gamma G^2 + A w^2 + c ((1 + theta) w^2 + rho G^2)": is_zero(
            (value - gamma * size**2 + extra * w**2 + later * ((1 + theta) * w**2 + rho * size**2))
            - (value + before * w**2 - (gamma - later * rho) * size**2)
        ),
        "4. c = A ((1 + top)^j - 1)/top: from 0 by c -> (1 + top) c + A": is_zero(
            sp.expand_power_exp(sp.expand(closed.subs(j, j + 1) - (1 + top) * closed - extra))
        )
        and closed.subs(j, 0) == 0,
        "4. e^x - 1 - x is zero at 0 and rises": is_zero(sp.diff(sp.exp(top) - 1 - top, top) - (sp.exp(top) - 1)),
    }
    bounds = [*structure(budget), certificate(NormBound(1, form="uniform"))]
    return [*bounds, Exact("symbolic", steps), *_constants(condition, budget)]


def _parts(beta: Any, mu: Any, kappa: Any, lip: Any, omega: Any, zeta: Any) -> dict[str, Any]:
    """``gamma_0``, A, theta and rho of the docstring above."""
    return {
        "gamma": sp.Rational(3, 4) * beta * mu - lip * beta**2 * kappa**2 / 2,
        "A": beta**2 * kappa**2 * (lip / 2 + 1 / mu) * omega**2,
        "theta": beta * kappa * zeta + 2 * beta * sp.sqrt(beta) * kappa * omega + beta**2 * kappa**2 * omega**2,
        "rho": beta * kappa / zeta + beta**2 * kappa**2,
    }


def _constants(condition: Condition, budget: Budget) -> list[Evidence]:
    """Steps 4 and 5 for the printed beta, q and d_0: ``m^2 = mu_0``, ``z^2 = 1/(L kappa)``, ``T^(1/3) = 1 + v``."""
    m, z, lip, root, v, y, mu, e1 = sp.symbols("m z L s v y mu E", positive=True)  # n = s^2, e = 1 + E
    kappa = 1 / (lip * z**2)
    mu0, n, third, d0 = m**2, root**2, 1 + v, 6 + 2 * z**2  # d_0 = 6 + 2 / (L kappa)
    beta = mu0 * n / (lip * kappa * third**2)
    omega, zeta, top = lip / root, lip / (d0 * third), mu0 * n * d0 / third**3
    parts = _parts(beta, mu, kappa, lip, omega, zeta)
    half_root = m * root * z / third
    theta = parts["theta"].subs(sp.sqrt(beta), half_root)
    share = sp.cancel(theta * third**3 / (mu0 * n))  # theta in units of mu_0 n / T
    without = sp.cancel(share - 2 * m * z)
    # 2 m z <= m^2 + z^2.
    enough = sp.cancel(without + m**2 + z**2)
    loss = parts["gamma"] - parts["A"] * e1 / top * parts["rho"]
    wide = {lip: 1 / (z**2 * (1 + y))}  # kappa = 1 + y
    granted = condition(mu0, mu, kappa, lip, n, 1 + e1).subs(wide)
    kept = (loss * lip * third**2 / n).subs(wide)
    steps = {
        "4. h^2 = beta": is_zero(half_root**2 - beta),
        "4. q = T/(mu_0 n d_0) rounded down: q top <= 1": is_zero(top * third**3 / (mu0 * n * d0) - 1),
        "4. m^2 + z^2 - 2 m z is a square": is_zero(enough - share - (m - z) ** 2),
    }
    return [
        Exact("symbolic", steps),
        *inequality(
            {
                "4. theta <= mu_0 n d_0 / T for mu_0 < 1": Inequality(enough, "<=", d0, {m: y / (1 + y)}),
                "5. gamma_0 - c_0 rho >= n nu / (L T^(2/3))": Inequality(granted, "<=", kept),
            },
            budget,
        ),
    ]
