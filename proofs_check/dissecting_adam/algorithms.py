"""Section 4 and appendix D: algorithms 1-5 as printed."""

from __future__ import annotations

from fractions import Fraction as F

from ..checks.search import for_all
from ..checks.symbolic import symbolic_identity
from ..claim import Claim, Part
from . import transcription as printed_lines
from .algorithm_checks import (
    CLOSED,
    HALF_OPEN,
    agrees,
    defined,
    first_step,
    momentum_sums,
    no_division,
    note,
    references,
    scaled_average,
)

WITH_TILDES = "tildes as in algorithm 2"
WITHOUT_TILDES = "one name for raw and corrected averages"

CLAIMS = [
    Claim(
        id="dissecting-adam/algorithm-1-m-ssd",
        location="algorithm 1",
        statement=r"$m\leftarrow\mu m+g$, $\theta\leftarrow\theta-\alpha\,\mathrm{sign}(m)$ from $m=0$, "
        r"$\mu\in[0,1]$.",
        parts=(
            Part(
                "momentum unrolled",
                symbolic_identity,
                printed={k: v for k, v in momentum_sums(2).items() if k.endswith("m")},
                broken=momentum_sums(1),
                note="m_t = sum_{s<t} mu^s g_{t-s}. The line that sets v = 0 is never used.",
            ),
            Part(
                "both ends of mu",
                defined,
                printed=(printed_lines.algorithm_1, CLOSED),
                broken=(printed_lines.algorithm_2, CLOSED),
                note="mu = 0 is SSD, mu = 1 the sign of the sum of all gradients; both are defined.",
            ),
            Part(
                "the library's rule on exact trajectories",
                for_all,
                printed=agrees("MomentumSign(0.25, m)", printed_lines.algorithm_1, (F(0), F(1, 2), F(1)), 0.0),
                broken=agrees(
                    "MomentumSign(0.25, m, sign_of_zero=1)",
                    printed_lines.algorithm_1,
                    (F(0), F(1, 2), F(1)),
                    0.0,
                ),
                bears=False,
                note="Equal to the last bit on dyadic data, with sign(0) = 0.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/algorithm-2-m-svag",
        location="algorithm 2",
        statement=r"M-SVAG: $m,v$ bias-corrected averages with one $\mu\in[0,1]$, $\eta^2=\kappa(\mu,t)(v-m^2)/m^2$, "
        r"$\theta\leftarrow\theta-\alpha(1+\eta^2)^{-1}m$, no move where $m_i=0$.",
        parts=(
            Part(
                "defined on the stated range of mu",
                defined,
                printed=(printed_lines.algorithm_2, CLOSED),
                repair=(printed_lines.algorithm_2, HALF_OPEN),
                broken=(printed_lines.algorithm_2, (F(0), F(-1))),
                repair_note=r"$\mu\in[0,1)$",
                note="At mu = 1 the averages never leave 0 and line 5 and kappa are 0/0 (the limit mu -> 1 is "
                "the plain "
                "mean with kappa = 1/t). mu = 0 is plain SGD.",
            ),
            Part(
                "first step, and every step at mu = 0, is plain SGD",
                symbolic_identity,
                printed=first_step(scaled_average),
                broken=first_step(lambda m, v, k: m / (1 + v / m**2)),
                note="m = g, v = g^2, so the estimated variance is 0 and the factor 1.",
            ),
            Part(
                "no move where m = 0",
                symbolic_identity,
                printed=no_division(lambda m, s: m**3 / (m**2 + s)),
                broken=no_division(lambda m, s: m**2 / (m**2 + s)),
                note="gamma m = m^3 / (m^2 + kappa (v - m^2)) has the limit 0, so the printed rule is continuous. "
                "v - m^2 = sum_{i<j} c_i c_j (g_i - g_j)^2 is never negative.",
            ),
            Part(
                "the library's rule against rational trajectories",
                for_all,
                printed=agrees("MSVAG(0.25, m)", printed_lines.algorithm_2, HALF_OPEN, 1e-12),
                broken=agrees(
                    "MSVAG.published(step_size=0.25, momentum=m)",
                    printed_lines.algorithm_2,
                    HALF_OPEN,
                    1e-12,
                ),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/algorithm-3-m-svag-mb",
        location="algorithm 3",
        statement=r"M-SVAG-mb: $m\leftarrow\mu m+g$, $\bar s\leftarrow\mu^2\bar s+\hat s$, $\eta^2=\bar s/m^2$, "
        r"$\theta\leftarrow\theta-\alpha(1+\eta^2)^{-1}m$.",
        assumptions=(r"$m_i=0$ caught as in algorithm 2",),
        parts=(
            Part(
                "aggregators unrolled",
                symbolic_identity,
                printed=momentum_sums(2),
                broken=momentum_sums(1),
                note="m and s are r_t of (18) and the sum of (48), with t terms.",
            ),
            Part(
                "both ends of mu",
                defined,
                printed=(printed_lines.algorithm_3, CLOSED),
                broken=(printed_lines.algorithm_2, CLOSED),
                note="Unlike algorithm 2 it is defined at mu = 1.",
            ),
            Part(
                "m = 0",
                symbolic_identity,
                printed=no_division(lambda m, s: m**3 / (m**2 + s)),
                broken=no_division(lambda m, s: m**2 / (m**2 + s)),
                note="No rule is printed for m = 0, where eta^2 = s/0; the rule of algorithm 2, no move, is the "
                "limit. With "
                "(44) as printed s > 0 unless every example's gradient has been 0.",
            ),
            Part(
                "the library's rule against rational trajectories",
                for_all,
                printed=agrees("MiniBatchMSVAG(0.25, m)", printed_lines.algorithm_3, CLOSED, 1e-12),
                broken=agrees("MiniBatchMSVAG(0.25, m / 2)", printed_lines.algorithm_3, CLOSED, 1e-12),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/algorithm-4-adam-star",
        location="algorithm 4",
        statement=r"As algorithm 2 with $\gamma=(1+\eta^2)^{-1/2}$ and "
        r"$\theta\leftarrow\theta-\alpha\gamma\,\mathrm{sign}(m)$; "
        r"apart from $\kappa$ it is Adam with $\beta_1=\beta_2=\mu$, $\varepsilon=0$.",
        main_reading=WITH_TILDES,
        reading_reason="The correction line names raw averages with tildes, as algorithm 2 does throughout.",
        parts=(
            Part(
                "the note: Adam apart from kappa",
                for_all,
                printed=note(tilde=True),
                broken=note(tilde=True, second=F(1, 3)),
                reading=WITH_TILDES,
                note="gamma sign(m) = m / sqrt(v) for kappa = 1 and m != 0; at m = 0 neither moves.",
            ),
            Part(
                "the note without tildes",
                for_all,
                printed=note(tilde=False),
                repair=note(tilde=True),
                broken=note(tilde=False, second=F(1, 3)),
                reading=WITHOUT_TILDES,
                repair_note="tildes on the raw averages",
                note="Were the corrected averages fed back, the note would fail from the second step on.",
            ),
            Part(
                "defined on the stated range of mu",
                defined,
                printed=(printed_lines.algorithm_4, CLOSED),
                repair=(printed_lines.algorithm_4, HALF_OPEN),
                broken=(printed_lines.algorithm_4, (F(0), F(-1))),
                repair_note=r"$\mu\in[0,1)$",
                note="0/0 at mu = 1, as in algorithm 2.",
            ),
            Part(
                "the library's rule against rational trajectories",
                for_all,
                printed=agrees("AdamStar(0.25, m)", printed_lines.algorithm_4, HALF_OPEN, 1e-12),
                broken=agrees("AdamStar(0.25, m, correct=False)", printed_lines.algorithm_4, HALF_OPEN, 1e-12),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/algorithm-5-adam-star-mb",
        location="algorithm 5",
        statement=r"As algorithm 3 with $\gamma=(1+\eta^2)^{-1/2}$ and "
        r"$\theta\leftarrow\theta-\alpha\gamma\,\mathrm{sign}(m)$.",
        assumptions=(r"$m_i=0$ caught as in algorithm 2",),
        parts=(
            Part("aggregators unrolled", symbolic_identity, printed=momentum_sums(2), broken=momentum_sums(1)),
            Part(
                "both ends of mu",
                defined,
                printed=(printed_lines.algorithm_5, CLOSED),
                broken=(printed_lines.algorithm_4, CLOSED),
            ),
            Part(
                "the library's rule against rational trajectories",
                for_all,
                printed=agrees("MiniBatchAdamStar(0.25, m)", printed_lines.algorithm_5, CLOSED, 1e-12),
                broken=agrees("MiniBatchAdamStar(0.25, m / 2)", printed_lines.algorithm_5, CLOSED, 1e-12),
                bears=False,
                note="At m = 0 gamma has the limit 0 and sign(0) = 0: no move.",
            ),
        ),
    ),
    Claim(
        id="dissecting-adam/variant-references",
        location="appendix D",
        statement="M-SVAG-mb is algorithm 5; the Adam* variants are algorithms 4 and 5.",
        parts=(
            Part(
                "M-SVAG-mb",
                references,
                printed={"M-SVAG-mb": 5},
                repair={"M-SVAG-mb": 3},
                broken={"M-SVAG-mb": 4},
                repair_note="algorithm 3",
                note="Algorithm 5 is sign-based: it ignores the scale of the gradients, which M-SVAG does not.",
            ),
            Part(
                "Adam* variants",
                references,
                printed={"Adam*": 4, "Adam*-mb": 5},
                broken={"Adam*": 5, "Adam*-mb": 4},
            ),
        ),
    ),
]
