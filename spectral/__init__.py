"""Linear dynamics of momentum methods on quadratics, and their spectral radii."""
