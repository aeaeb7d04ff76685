"""The two halves of the update matrix, which every bound on it uses."""

from __future__ import annotations

import sympy as sp

from ..claim import Budget, Evidence, Exact
from .algebra import IDENTITY, axioms, letters, recording
from .histories import Step
from .sam import update_matrix


def structure(budget: Budget) -> list[Evidence]:
    """With ``P = R Z^+ R'``, ``Q = X Z^+ R'``: ``P^2 + delta Q'Q = P`` from ``Z^+ Z Z^+ = Z^+``, so ``0 <= P <= I`` and
    ``delta |Q r|^2 = r' P (I - P) r``.
    """
    del budget
    x, r, res = letters("X R r")
    alpha, beta, delta = sp.symbols("alpha beta delta", real=True)
    pinv, asked = recording(symmetric=True)
    h = update_matrix(Step(x, r, res, delta, alpha, beta), pinv)
    z, plus = letters("Z Z+", symmetric=True)
    p, q = r @ plus @ r.T, x @ plus @ r.T
    steps = {
        "H = beta (I - alpha P) - alpha Q": (h - beta * (IDENTITY - alpha * p) + alpha * q).is_zero(),
        "P^2 + delta Q'Q = R Z^+ Z Z^+ R'": (p @ p + delta * (q.T @ q) - r @ plus @ asked[0] @ plus @ r.T).is_zero(),
        "Z^+ Z Z^+ = Z^+": (plus @ z @ plus - plus).is_zero(axioms("Z")),
        "P is symmetric": (p - p.T).is_zero(),
    }
    return [Exact("symbolic", steps)]
