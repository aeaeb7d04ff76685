"""The two halves of the update matrix, which every bound on it uses."""

from __future__ import annotations

from ..checks.matrices import MatrixIdentity, matrix_identity
from ..claim import Budget, Evidence


def structure(budget: Budget) -> list[Evidence]:
    """With ``P = R Z^+ R'``, ``Q = X Z^+ R'``: ``P^2 + delta Q'Q = P`` from ``Z^+ Z Z^+ = Z^+``, so ``0 <= P <= I`` and
    ``delta |Q r|^2 = r' P (I - P) r``.
    """
    shapes = {"R": (3, 2), "Rt": (2, 3), "X": (3, 2), "Xt": (2, 3), "D": (2, 2)}
    return matrix_identity(
        {
            "P^2 + delta Q'Q = R (Z^+ Z Z^+) R'": MatrixIdentity(
                lambda delta, R, Rt, X, Xt, D: R * D * Rt * R * D * Rt + delta * (R * D * Xt * X * D * Rt),
                lambda delta, R, Rt, X, Xt, D: R * D * (Rt * R + delta * (Xt * X)) * D * Rt,
                ("delta",),
                shapes,
            ),
            "H = beta (I - alpha P) - alpha Q": MatrixIdentity(
                lambda alpha, beta, R, Rt, X, D, E: beta * E - alpha * ((X + beta * R) * D * Rt) * E,
                lambda alpha, beta, R, Rt, X, D, E: beta * (E - alpha * (R * D * Rt) * E) - alpha * (X * D * Rt) * E,
                ("alpha", "beta"),
                {"R": (3, 2), "Rt": (2, 3), "X": (3, 2), "D": (2, 2), "E": (3, 3)},
            ),
        },
        budget,
    )
