"""Claims of "Dissecting Adam: The Sign, Magnitude and Variance of Stochastic Gradients"."""

from importlib import import_module

from ..claim import Claim

SECTIONS = (
    "introduction",  # 1, figure 1
    "adam_direction",  # 1.1, 1.2, table 1
    "sign_success",  # 1.4, B.2, lemma 2, figure 4
    "directions",  # 2, (9)-(11)
    "improvements",  # (12) left, B.1
    "sign_bounds",  # (12) right, B.1
    "curvature",  # 2.1: orientation of the eigenbasis
    "diagonal_mass",  # (13)
    "noise",  # 2.1: noise
    "sign_moments",  # 2.2: exact steps
    "figure_2",  # 2.2
    "factors",  # 3, lemma 1
    "erf_factor",  # 3.1, figure 5
    "factor_effects",  # 3, 3.1: one-step improvement
    "theorem_1",  # 3.2
    "theorem_1_proof",  # B.4
    "estimators",  # 3.3, C.1
    "minibatch",  # C.2
    "momentum",  # 3.4, C.3
    "algorithms",  # 4, D
    "costs",  # 5, and the experiments of 4, A, D.1
)


def claims() -> list[Claim]:
    """All claims of the paper, in its order."""
    return [claim for section in SECTIONS for claim in import_module(f".{section}", __package__).CLAIMS]
