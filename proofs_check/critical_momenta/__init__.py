"""Claims of "Promoting Exploration in Memory-Augmented Adam using Critical Momenta"."""

from importlib import import_module

from ..claim import Claim

SECTIONS = (
    "algorithms",  # 3, (1) to (7)
    "bias_correction",  # (4), (5), (7)
    "buffers",  # 3, 3.1: keys, cancellation, variance
    "variants",  # (8), (10), sharpness-aware steps, extragradient
    "public_code",  # abstract, A.2.2
    "system",  # 3.2: the linear system
    "blocks",  # 3.2: its blocks
    "changing_curvature",  # 6: curvatures that change
    "stability",  # 3.2: worst cases over a spectrum, stability
    "buffer_order",  # 3.2: what the buffer holds
    "rates",  # 3.2: optimal rates, figure 3
    "landscapes",  # 3.2 end, 4, A.2.1, A.3.1: test functions, sharpness
    "escape",  # 3.1, 4: escape from sharp wells, figures 6 and 7
    "escape_cause",  # abstract, 3, 4: what makes runs escape
    "nine_runs",  # 4, A.3: figures 5, 17 and 18
    "toys",  # 1, 4, A.2.1: figures 1, 4, 13 to 16
    "toy_tables",  # 4, A.2.1: table 1 on Goldstein-Price
    "levy_tables",  # 4, A.2.1: tables 1 and 5 on Levy
    "buffer_figures",  # figures 2, 11 and 12
    "networks",  # 5, A.2, A.3
    "settings",  # A.2.2, A.2.3: settings, sizes, buffer sizes
)


def claims() -> list[Claim]:
    """All claims of the paper, in its order."""
    return [claim for section in SECTIONS for claim in import_module(f".{section}", __package__).CLAIMS]
