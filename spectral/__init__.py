"""Linear dynamics of momentum methods on quadratics: matrices, spectral radii, stability, tuning, certificates."""

from .asymptotics import crossing_points, gap_constant, log_reach
from .bounds import (
    gradient_descent_rate,
    heavy_ball_rate,
    one_momentum_rate,
    polynomial_lower_bound,
    stability_limit,
    two_momenta_condition_number,
)
from .certificates import RateCertificate, RateWitness, verify_rate, verify_witness
from .chains import certify_optimality
from .companion import characteristic_polynomial, critical_momentum_matrix
from .optimality import OptimalityCertificate, verify_optimality
from .radius import polynomial_radius, quadratic_radius, roots_inside, spectral_radius
from .stability import stability_intervals
from .tuning import OptimalRate, certify_rate, optimal_rate, optimal_rates, rate_table
from .worst_case import worst_case_rate

__all__ = [
    "OptimalRate",
    "OptimalityCertificate",
    "RateCertificate",
    "RateWitness",
    "certify_optimality",
    "certify_rate",
    "characteristic_polynomial",
    "critical_momentum_matrix",
    "crossing_points",
    "gap_constant",
    "gradient_descent_rate",
    "heavy_ball_rate",
    "log_reach",
    "one_momentum_rate",
    "optimal_rate",
    "optimal_rates",
    "polynomial_lower_bound",
    "polynomial_radius",
    "quadratic_radius",
    "rate_table",
    "roots_inside",
    "spectral_radius",
    "stability_intervals",
    "stability_limit",
    "two_momenta_condition_number",
    "verify_optimality",
    "verify_rate",
    "verify_witness",
    "worst_case_rate",
]
