"""Linear dynamics of momentum methods on quadratics, and their spectral radii."""

import optassay as _core  # refuses a stranger in place of one of our packages

__all__: list[str] = []
del _core
