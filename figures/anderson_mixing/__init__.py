"""Figures of "Stochastic Anderson Mixing": linear systems, the bounds, the studies, the cost."""

from . import deviations, residuals

_MODULES = (residuals, deviations)
FIGURES = [figure for module in _MODULES for figure in module.FIGURES]
