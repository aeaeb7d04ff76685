"""Figures and tables of "Critical Momenta" in the paper's order, each followed by those that widen it."""

from . import ackley_curves, buffer_steps, escape, extragradient, nine_runs, rates, surfaces, tables

ORDER = (
    "figure-1",
    "figure-2",
    "figure-3",
    "rate-curves",
    "stability",
    "figure-4",
    "ackley-start-region",
    "figure-5",
    "figure-5-map",
    "figure-6",
    "figure-7",
    "escape-ablation",
    "table-1",
    "table-5",
    "figure-11",
    "figure-12",
    "figure-13",
    "figure-14",
    "figure-15",
    "figure-16",
    "figure-17",
    "figure-18",
)
_MODULES = (ackley_curves, buffer_steps, escape, extragradient, nine_runs, rates, surfaces, tables)
FIGURES = sorted(
    (figure for module in _MODULES for figure in module.FIGURES),
    key=lambda figure: ORDER.index(figure.id.partition("/")[2]),
)
