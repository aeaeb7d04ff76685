"""Section 3: theorems 1-5 and what they rest on."""

from __future__ import annotations

from ..claim import Claim, Missing

CLAIMS = [
    Claim(
        id="anderson-mixing/parameter-conditions-satisfiable",
        location="Theorem 1, (18)",
        statement=r"Assumptions 1-2, (18a), (18b) and Theorem 1's bound on the step hold together.",
        missing=Missing("proof", "not derived yet", "a derivation of every constant"),
    ),
    Claim(
        id="anderson-mixing/update-matrix-depends-on-batch",
        location="Remark 3, 5",
        statement=r"$\mathbb E[H_kg_k]=H_k\nabla f(x_k)$ is not available for SAM.",
        missing=Missing("proof", "not derived yet", "a derivation of every constant"),
    ),
    Claim(
        id="anderson-mixing/adasam-curvature-heuristic",
        location="(25)",
        statement=r"The first term of (16) is of the order $\beta_k^{-2}$.",
        missing=Missing("proof", "not derived yet", "a derivation of every constant"),
    ),
    Claim(
        id="anderson-mixing/adasam-inherits-theorems",
        location="3",
        statement=r"Theorems 1-5 apply to AdaSAM as (16) satisfies (18b).",
        missing=Missing("proof", "not derived yet", "a derivation of every constant"),
    ),
]
