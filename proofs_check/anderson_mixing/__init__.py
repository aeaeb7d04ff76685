"""Claims of "Stochastic Anderson Mixing"."""

from importlib import import_module

from ..claim import Claim

SECTIONS = (
    "algorithms",  # what must be implemented
    "mixing",  # 2.1
    "sam",  # 2.2: regularisation, update matrix
    "positivity",  # 2.2: (13), (14)
    "small_eigenproblem",  # 2.2: (15)
    "enhancements",  # 2.3
    "conditions",  # 3: conditions, batch dependence
    "rates",  # 3: theorems 1-3
    "complexity",  # 3: theorems 3 and 4
    "random_output",  # 3: theorem 4 against theorem 3
    "theorem_5",  # 3
    "descent",  # 3: analysis of AdaSAM, from below
    "update_bounds",  # 3: from above
    "adasam_conditions",  # 3: (16) and the conditions, (25)
    "experiments",  # 4
    "krylov",  # 5: GMRES
    "safeguard",  # algorithm 1, line 9, with section 5
    "superlinear",  # 5: superlinear convergence
)


def claims() -> list[Claim]:
    """All claims of the paper, in its order."""
    return [claim for section in SECTIONS for claim in import_module(f".{section}", __package__).CLAIMS]
