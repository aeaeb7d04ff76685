"""Figures of "Stochastic Anderson Mixing": linear systems, the bounds, the studies, the cost."""

from . import cost, deviations, rescaling, residuals, slack, slack_variance_reduced, studies, tables

_MODULES = (residuals, deviations, studies, rescaling, slack, slack_variance_reduced, cost, tables)
FIGURES = [figure for module in _MODULES for figure in module.FIGURES]
