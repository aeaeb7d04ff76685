"""Claims of "Adapting Stepsizes by Momentumized Gradients Improves Optimization and Generalization"."""

from importlib import import_module

from ..claim import Claim

SECTIONS = (
    "convex_steps",  # 4.1, C.1.1: second moment in the proof of theorem 1
    "convex_sums",  # 4.1, C.1.1: sums of m^2 / sqrt(t v)
    "convex_chain",  # 4.1, C.1.1: (10)-(16)
)


def claims() -> list[Claim]:
    """All claims of the paper, in its order."""
    return [claim for section in SECTIONS for claim in import_module(f".{section}", __package__).CLAIMS]
