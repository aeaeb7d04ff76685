"""Figures of training runs: curves with bands, diagnostics, and forest plots of differences on the same seeds."""

from .crosschecks import FIGURES

__all__ = ["FIGURES"]
