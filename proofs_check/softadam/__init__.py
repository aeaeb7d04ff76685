"""Claims of "SoftAdam: Unifying SGD and Adam for Better Stochastic Gradient Descent"."""

from importlib import import_module

from ..claim import Claim

SECTIONS = (
    "introduction",  # abstract, 1
    "updates",  # 2
    "convergence",  # 2.1
    "adaptive_moments",  # 2.2
    "adam_long_run",  # 2.2
    "smoothing",  # 3
    "guarantees",  # 3
    "mixing_ends",  # 3, 4
    "estimates",  # 3, 3.1
    "algorithm",  # algorithm 1, appendix A
    "experiments",  # 4
)


def claims() -> list[Claim]:
    """All claims of the paper, in its order."""
    return [claim for section in SECTIONS for claim in import_module(f".{section}", __package__).CLAIMS]
