"""Exact theory of stochastic quadratic problems."""

from .descent import DirectionComparison, compare_directions
from .improvement import expected_improvement, optimal_step_size, sign_improvement_bound
from .krylov import AndersonIterates, Breakdown, anderson_iterates, gmres_breakdown, gmres_iterates
from .problem import StochasticQuadratic
from .signs import SignMoments, sign_mean, sign_second_moment, sign_success_probability
from .spectra import ill_conditioned_eigenvalues, random_rotation, well_conditioned_eigenvalues

__all__ = [
    "AndersonIterates",
    "Breakdown",
    "DirectionComparison",
    "SignMoments",
    "StochasticQuadratic",
    "anderson_iterates",
    "compare_directions",
    "expected_improvement",
    "gmres_breakdown",
    "gmres_iterates",
    "ill_conditioned_eigenvalues",
    "optimal_step_size",
    "random_rotation",
    "sign_improvement_bound",
    "sign_mean",
    "sign_second_moment",
    "sign_success_probability",
    "well_conditioned_eigenvalues",
]
