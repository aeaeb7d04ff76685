"""Linear dynamics of momentum methods on quadratics: matrices, spectral radii, stability, tuning, certificates."""

from .certificates import RateCertificate, verify_rate
from .companion import characteristic_polynomial, critical_momentum_matrix
from .radius import polynomial_radius, quadratic_radius, roots_inside, spectral_radius
from .stability import stability_intervals
from .tuning import OptimalRate, certify_rate, optimal_rate, worst_case_rate

__all__ = [
    "OptimalRate",
    "RateCertificate",
    "certify_rate",
    "characteristic_polynomial",
    "critical_momentum_matrix",
    "optimal_rate",
    "polynomial_radius",
    "quadratic_radius",
    "roots_inside",
    "spectral_radius",
    "stability_intervals",
    "verify_rate",
    "worst_case_rate",
]
