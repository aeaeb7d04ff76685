"""Figures of "Stochastic Anderson Mixing": linear systems, the bounds, the studies, the cost."""

from . import cost, deviations, rescaling, residuals, slack, studies, tables

_MODULES = (residuals, deviations, studies, rescaling, slack, cost, tables)
FIGURES = [figure for module in _MODULES for figure in module.FIGURES]
