"""Section 4.2 and C.2: the rate for non-convex losses."""

from __future__ import annotations

from ..claim import Claim, Missing


def _open(slug: str, location: str, statement: str, would_decide: str, what: str = "") -> Claim:
    return Claim(
        id=f"adamomentum/{slug}",
        location=location,
        statement=statement,
        missing=Missing("proof", what or "a check of this statement", would_decide),
    )


CLAIMS = [
    _open(
        "theorem-2-rate",
        "theorem 2",
        r"$\min_tE\|\nabla f(\theta_t)\|^2\le\frac H{T\alpha_T}[C_1H^2\eta/c+C_2d\alpha/\sqrt c+C_3d\alpha^2/c+C_4]$.",
        "the chain (20)-(25) with explicit constants, and runs without the monotone step size",
    ),
    _open(
        "theorem-2-conditions-satisfiable",
        "after theorem 2",
        r"The hypotheses hold in most scenarios, e.g. $\alpha_t=\alpha/\sqrt t$, $\beta_{1,t}=1/t$.",
        "every hypothesis on the example, and how often step sizes decrease in runs",
    ),
    _open(
        "corollary-2-rate",
        "corollary 2",
        r"$\alpha_t=\alpha/\sqrt t$ gives $T\alpha_T=\alpha\sqrt T$, $\eta=\alpha^2(1+\log T)$, $O(\log T/\sqrt T)$.",
        "the harmonic sum",
    ),
    _open(
        "theorem-5-inequality-20",
        "theorem 5, (20)",
        "The summed preconditioned squared gradients are bounded by three sums and a constant.",
        "a derivation of (20) from lemmas 5-11, and runs",
    ),
    _open(
        "theorem-5-constants",
        "C.2.5",
        r"$C_1,\dots,C_4$ of (20) as printed.",
        "collecting lemmas 5-11",
    ),
    _open(
        "lemma-5-z-sequence",
        "lemma 5",
        r"$z_{t+1}-z_t=-(c_{t+1}-c_t)w_tm_t-c_t\delta_tm_{t-1}-w_tg_t$.",
        "a symbolic identity",
    ),
    _open(
        "lemma-6-decomposition",
        "lemma 6",
        r"$E[f(z_{t+1})-f(z_1)]\le\sum_{i\le6}T_i$.",
        "smoothness and the square of a sum of three",
    ),
    _open("lemmas-7-to-11", "lemmas 7-11", r"Bounds of $T_1,\dots,T_5$.", "each bound alone, by exact search"),
    _open(
        "equations-21-to-25",
        "(21)-(25)",
        "Bounds of the sums of (20) and their combination.",
        "each by exact search",
    ),
]
