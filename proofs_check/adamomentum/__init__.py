"""Claims of "Adapting Stepsizes by Momentumized Gradients Improves Optimization and Generalization"."""

from importlib import import_module

from ..claim import Claim

SECTIONS = (
    "method",  # 1, 2: table 1, algorithm 1
    "method_merits",  # 1, 2: costs, momentum as an estimate
    "areas",  # 3.1: figure 1, areas A and B, Adam in C
    "area_c",  # 3.1: both methods in area C
    "damping",  # 3.1: epsilon under the root
    "damping_stability",  # 3.1: epsilon and linear stability
    "sde_noise",  # 3.2, B.1: stochastic differential equation, its noise
    "escape_set",  # 3.2: definition 2
    "assumptions",  # 3.2: assumptions 3 and 4
    "assumption_5",  # 3.2: assumption 5
    "escape_law",  # 3.2, B.2: lemma 1, theorem 3
    "lyapunov",  # B.2: theorem 4
    "prop_1_steps",  # B.3: steps of the proof of proposition 1
    "prop_1_exits",  # 3.2: proposition 1
    "convex_theorem",  # 4.1: theorem 1
    "convex_steps",  # 4.1, C.1.1: second moment in the proof of theorem 1
    "convex_sums",  # 4.1, C.1.1: sums of m^2 / sqrt(t v)
    "convex_chain",  # 4.1, C.1.1: (10)-(16)
    "convex_corollary",  # 4.1, C.1.2: corollary 1
    "convex_extensions",  # 4, 4.1: rate, bias corrections
    "nonconvex_rate",  # 4.2, C.2: theorem 2, corollary 2, (21)-(25)
    "nonconvex_conditions",  # 4.2: conditions of theorem 2
    "nonconvex_lemmas",  # C.2: theorem 5, lemmas 5-11
    "toys",  # 5, A: toy functions
    "figure_2_speed",  # 5.1.1: figure 2, who is fastest
    "figure_2_stability",  # 5.1.1: figure 2, oscillations
    "figure_2_sgdm",  # 5.1.1: figure 2, rates of SGDM
    "experiments",  # 5, D: printed tables
)


def claims() -> list[Claim]:
    """All claims of the paper, in its order."""
    return [claim for section in SECTIONS for claim in import_module(f".{section}", __package__).CLAIMS]
