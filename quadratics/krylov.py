"""Anderson mixing against GMRES on linear systems: batched on arrays, exact on rationals, or in many digits.

:func:`anderson_iterates` keeps an orthonormal basis of all columns, or runs the update rules of
:mod:`optassay.optimizers`; :func:`gmres_iterates` is Arnoldi's.
:func:`exact_anderson` and :func:`exact_gmres` take object arrays of Fractions or of ``mpmath.mpf``.
"""

from ._anderson import AndersonIterates, anderson_iterates
from ._breakdown import Breakdown
from ._exact import ExactPath, exact_anderson, exact_gmres, rationals, solve_semidefinite
from ._gmres import gmres_breakdown, gmres_iterates

__all__ = [
    "AndersonIterates",
    "Breakdown",
    "ExactPath",
    "anderson_iterates",
    "exact_anderson",
    "exact_gmres",
    "gmres_breakdown",
    "gmres_iterates",
    "rationals",
    "solve_semidefinite",
]
