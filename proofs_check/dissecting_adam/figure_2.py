"""Section 2.2 and figure 2: the study of SGD against SSD and the five sentences drawn from it."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..claim import Claim, Missing, Part
from .figure_2_facts import gradient_rate, inside_noise, optimal_first_steps, panel_table, rotation_invariance, scaling
from .panels import NOISE_FREE
from .sentences import BENEFIT, CLEARLY, EQUAL, EVENS, LITTLE, VASTLY, judge_sentence

WORDS = (
    r"Judged with $\delta_0\sim\mathcal N(0,s^2I)$: a sentence holds in a cell (start, steps, orientation) when more "
    "than half of the runs bear it out, the 95 % Wilson interval being above one half. "
)


CLAIMS = [
    Claim(
        id="dissecting-adam/fig-2-sgd-vs-ssd",
        location="figure 2, 2.2",
        statement=r"$d=100$, two spectra, two orientations, $\nu\in\{0,0.1,4\}$: SGD and SSD with exact optimal steps. "
        "Judged: the twelve panels as a computation. $f-f^*$ is compared, without the constant of (9); the start is "
        "scanned.",
        parts=(
            Part(
                "steps of the study realise the optimal improvement",
                optimal_first_steps,
                printed=lambda improvement: improvement,
                broken=lambda improvement: 2 * improvement,
            ),
            Part(
                "only s / nu matters",
                scaling,
                printed={"gradient": lambda a, b, c: a / (b + c), "sign": lambda a, q: a / q},
                broken={"gradient": lambda a, b, c: a / (b + c), "sign": lambda a, q: a**2 / q},
                bears=False,
                note=r"Runs from $(c\delta,c\nu)$ are $c$ times those from $(\delta,\nu)$, $c^2$ in $f-f^*$: without "
                r"noise no start scale matters at all, with noise only $s/\nu$, so $\nu=0.1,s=1$ is $\nu=4,s=40$.",
            ),
            Part(
                "medians of all panels",
                panel_table,
                printed=-1,
                broken=1,
                bears=False,
                note=r"Medians over seeds after 1 to 500 steps for $s/\nu$ from $10^{-2}$ to $10^4$, in units of "
                r"$\nu^2$ ($s^2$ at $\nu=0$).",
            ),
        ),
        figures=("dissecting-adam/figure-2",),
    ),
    Claim(
        id="dissecting-adam/fig-2-well-conditioned-noise-free",
        location="2.2",
        statement=r"Well-conditioned, $\nu=0$: gradient descent vastly outperforms the sign method. "
        + WORDS
        + "Here: SSD at least one decade behind after 10, 50, 100 and 500 steps, both orientations. The start scale "
        "does not matter.",
        parts=(
            Part(
                "at least one decade",
                judge_sentence,
                printed=VASTLY,
                broken=replace(VASTLY, test="at most"),
                note="Median gaps of about 1.7 decades after 10 steps, 8 after 50, 16 after 100, 75 to 80 after 500; "
                "0.6 after one.",
            ),
            Part(
                "linear rate of gradient descent",
                gradient_rate,
                printed=lambda m, big: ((big - m) / (big + m)) ** 2,
                broken=lambda m, big: (big - m) / (big + m),
                bears=False,
                note=r"At most $25/36$ per step for $\lambda\in[0.1,1.1]$, the same in both orientations (0.158 "
                "decades per step; measured 0.17). SSD, measured from 100 to 500 steps: about 0.03 axis-aligned, 0.01 "
                "rotated.",
            ),
        ),
        figures=("dissecting-adam/sentences",),
    ),
    Claim(
        id="dissecting-adam/fig-2-little-noise-evens-out",
        location="2.2",
        statement=r"Well-conditioned: a little noise almost evens out the difference. "
        + WORDS
        + "Here: SGD and SSD within one decade (noise-free: 8 after 50 steps, 16 after 100). The start, on which it "
        "depends, is not in the text.",
        missing=Missing(
            "reading",
            "the start, which the text does not give",
            "the start and the number of steps of figure 2",
        ),
        parts=(
            Part(
                "starts up to ten noise deviations",
                judge_sentence,
                printed=EVENS,
                broken=replace(EVENS, test="at least"),
                reading="s <= 10 nu",
                note=r"Holds at every horizon, among them $s=1$ at $\nu=0.1$ and $\nu=4$.",
            ),
            Part(
                "starts of a thousand noise deviations or more",
                judge_sentence,
                printed=replace(EVENS, horizons=(10, 50, 100), starts=(1e3, 1e4)),
                broken=replace(EVENS, test="at least"),
                sound=EVENS,
                reading="s >= 1000 nu",
                note="SGD stays decades ahead (about 5 after 50 and 100 steps at $s=10^4\\nu$) until SSD, too, has "
                "come down "
                "to the noise: it evens out later, axis-aligned after about 500 steps.",
            ),
        ),
        figures=("dissecting-adam/sentences",),
    ),
    Claim(
        id="dissecting-adam/fig-2-orientation-little-effect",
        location="2.2",
        statement=r"Well-conditioned: orientation has little effect on SSD. "
        + WORDS
        + "Here: rotated and axis-aligned within one decade. The number of steps, on which it depends, is not in the "
        "text.",
        missing=Missing(
            "reading",
            "the number of steps and the start, which the text does not give",
            "the start and the number of steps of figure 2",
        ),
        parts=(
            Part(
                "10 steps, every start",
                judge_sentence,
                printed=LITTLE,
                broken=replace(LITTLE, test="at least"),
                reading="few steps or starts near the noise",
            ),
            Part(
                "starts up to ten noise deviations, every horizon",
                judge_sentence,
                printed=replace(LITTLE, horizons=(10, 50, 100, 500), starts=(0.0, 10.0)),
                broken=replace(LITTLE, test="at least"),
                reading="few steps or starts near the noise",
                note="Medians of 0 to 0.8 decades, in favour of axis-aligned.",
            ),
            Part(
                "500 steps without noise",
                judge_sentence,
                printed=replace(LITTLE, horizons=(500,), starts=(NOISE_FREE, NOISE_FREE)),
                broken=replace(LITTLE, test="at least"),
                sound=LITTLE,
                reading="many steps without noise",
                note="Without noise, whatever the start, SSD falls about a third as fast on the rotated problem: one "
                "decade behind after 100 steps, about seven after 500 (medians of 32 seeds).",
            ),
            Part(
                "optimal-step SGD is rotation invariant",
                rotation_invariance,
                printed=False,
                broken=True,
                bears=False,
                note=r"For $\delta_0\sim\mathcal N(0,s^2I)$ the law of SGD's $f_t$ is the same for every orientation; "
                "sign steps (the control) do not commute with rotations.",
            ),
        ),
        figures=("dissecting-adam/sentences",),
    ),
    Claim(
        id="dissecting-adam/fig-2-ill-conditioned-rotated-equal",
        location="2.2",
        statement=r"Ill-conditioned, rotated: SGD and SSD work roughly equally well. "
        + WORDS
        + r"Here: within half a decade after 10, 50 and 100 steps, for every start and noise level.",
        parts=(
            Part(
                "within half a decade",
                judge_sentence,
                printed=EQUAL,
                broken=replace(EQUAL, test="at least"),
                note="SGD is ahead, by medians of at most 0.4 decades.",
            ),
            Part(
                "within one decade after 500 steps without noise",
                judge_sentence,
                printed=replace(EQUAL, decades=1.0, horizons=(500,), starts=(NOISE_FREE, NOISE_FREE)),
                broken=replace(EQUAL, test="at least", decades=1.0, starts=(NOISE_FREE, NOISE_FREE)),
                bears=False,
                note="SGD's lead grows slowly: medians of 0.6 to 0.9 decades after 500 steps, by seeds.",
            ),
        ),
        figures=("dissecting-adam/sentences",),
    ),
    Claim(
        id="dissecting-adam/fig-2-ill-conditioned-axis-aligned",
        location="2.2",
        statement="Ill-conditioned: SSD benefits drastically from an axis-aligned basis and clearly outperforms SGD "
        "there. "
        + WORDS
        + "Here: at least one decade below the rotated problem (10, 50 steps); at least half a decade below SGD (10, "
        "50, 100 steps). The start, on which it depends, is not in the text.",
        missing=Missing(
            "reading",
            "the start, which the text does not give",
            "the start and the number of steps of figure 2",
        ),
        parts=(
            Part(
                "benefits drastically, starts of ten noise deviations or more",
                judge_sentence,
                printed=BENEFIT,
                broken=replace(BENEFIT, test="at most"),
                reading="s >= 10 nu",
                note="1.2 to 2 decades.",
            ),
            Part(
                "clearly outperforms SGD, starts of ten noise deviations or more",
                judge_sentence,
                printed=CLEARLY,
                broken=replace(CLEARLY, test="at least"),
                reading="s >= 10 nu",
                note="0.8 to 2.3 decades; in the very first step SGD is ahead by 0.4.",
            ),
            Part(
                "benefits drastically, starts inside the noise",
                judge_sentence,
                printed=replace(BENEFIT, starts=(0.0, 0.1)),
                broken=replace(BENEFIT, test="at most"),
                sound=BENEFIT,
                reading="s <= nu / 10",
            ),
            Part(
                "clearly outperforms SGD, starts inside the noise",
                judge_sentence,
                printed=replace(CLEARLY, starts=(0.0, 0.1)),
                broken=replace(CLEARLY, test="at least"),
                sound=CLEARLY,
                reading="s <= nu / 10",
                note="Both methods stand still there for hundreds of steps; no difference.",
            ),
            Part(
                "law of axis-aligned SSD inside the noise",
                inside_noise,
                printed=4 / sp.pi,
                broken=2 / sp.pi,
                bears=False,
                note=r"$|\delta_i|\ll\nu$: $e_{t+1}=e_t-\frac4\pi\mathbf E[f_t^2]/(\nu^2\mathrm{tr}\,Q)$, with "
                r"$\mathbf E[f^2]\ge e^2$ nearly $1/e_t=1/e_0+4t/(\pi\nu^2\mathrm{tr}\,Q)$: the spectrum enters "
                r"through its trace. Means of 64 runs from $s\le0.3\nu$ are 0.94 to 1.01 (well-) and 0.76 to 1.02 "
                "(ill-conditioned) of it.",
            ),
        ),
        figures=("dissecting-adam/sentences",),
    ),
]
