"""The equivalence with GMRES for every dimension and step: the links of its induction as identities of matrices."""

from __future__ import annotations

import sympy as sp

from ..claim import Exact
from .algebra import IDENTITY, Matrix, axioms, letters


def induction() -> Exact:
    """Full memory, ``alpha = 1``, ``delta = 0``, ``beta_j != 0`` and ``u'Au != 0`` for ``u != 0`` (SPD A, say).

    Let the columns of V be a basis of ``K_k``, of full rank with ``W = A V`` as A is regular, and let ``span X_k =
    K_k``: ``X_k = V C`` with regular C, once the columns are independent. Then:

    1. ``R_k = -W C``, its pseudo-inverse is ``-C^-1 W^+``, and ``x_bar_k - x_0 = V W^+ r_0`` whatever ``x_k = x_0 + V
       a``: the point of GMRES, whose coefficients solve the normal equations of ``|r_0 - W y|``.
    2. ``r_bar_k = r_0 - A (x_bar_k - x_0)`` lies in ``K_{k+1}`` and ``W' r_bar_k = 0``. If it were ``V c``, then
       ``r_bar' A r_bar = c' W' r_bar = 0``, hence ``r_bar = 0``.
    3. So ``x_{k+1} - x_k = (x_bar_k - x_k) + beta_k r_bar_k`` with ``x_bar_k - x_k`` in ``K_k`` extends ``span X_k`` to
       ``K_{k+1}`` unless ``r_bar_k = 0``; the dimension grows by one, and the columns stay independent.
    4. If ``r_bar_k = 0``, then ``x_{k+1} = x_bar_k`` solves the system, ``r_{k+1} = 0`` and ``Gamma = R^+ 0`` after.

    It begins with ``x_1 - x_0 = beta_0 r_0`` and ``K_1 = span r_0``.
    """
    a_matrix, v, w, c, inverse, start, a, weights, point = letters("A V W C C^-1 r0 a c x")
    plus = Matrix({("W+",): 1})
    beta = sp.Symbol("beta")
    rules = axioms("W") | {
        ("W+", "W"): IDENTITY,
        ("C", "C^-1"): IDENTITY,
        ("C^-1", "C"): IDENTITY,
        ("A", "V"): w,
        ("V'", "A'"): w.T,
        ("C'", "C^-1'"): IDENTITY,
        ("C^-1'", "C'"): IDENTITY,
    }
    x, r, candidate = v @ c, -(a_matrix @ v @ c), -(inverse @ plus)
    residual = start - a_matrix @ v @ a  # r_k = r_0 - A (x_k - x_0)
    gamma = candidate @ residual
    projected = v @ a - x @ gamma  # x_bar_k - x_0
    r_bar = residual - r @ gamma
    new = point + beta * residual - (x + beta * r) @ gamma  # (6)
    inside = v @ weights
    # The projector W W^+ is symmetric: one of Penrose's axioms, not among the rewriting rules.
    product = (r @ candidate).reduce(rules)
    steps = {
        "1. R R^+ R = R": (r @ candidate @ r - r).is_zero(rules),
        "1. R^+ R R^+ = R^+": (candidate @ r @ candidate - candidate).is_zero(rules),
        "1. R R^+ = W W^+, symmetric": (product - w @ plus).is_zero(),
        "1. R^+ R = I, symmetric": (candidate @ r - IDENTITY).is_zero(rules),
        "1. x_bar_k - x_0 = V W^+ r_0": (projected - v @ plus @ start).is_zero(rules),
        "1. W' (r_0 - W W^+ r_0) = 0": (w.T @ (start - w @ plus @ start)).is_zero(rules),
        "2. r_bar_k = r_0 - A (x_bar_k - x_0)": (r_bar - start + a_matrix @ projected).is_zero(rules),
        "2. W' r_bar_k = 0": (w.T @ r_bar).is_zero(rules),
        "2. r_bar = V c: r_bar' A' r_bar = c' W' r_bar": (
            inside.T @ a_matrix.T @ start - weights.T @ w.T @ start
        ).is_zero(rules),
        "3. x_{k+1} = (x_k - X Gamma) + beta r_bar_k": (new - (point - x @ gamma) - beta * r_bar).is_zero(rules),
    }
    return Exact("symbolic", steps)
