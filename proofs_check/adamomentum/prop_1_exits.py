"""Proposition 1 and its conclusion: whose exit is later, in discrete runs and in the equation."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..claim import Claim, Missing, Part
from .assumptions import bounded_and_stable, momenta_agree
from .exit_checks import Basin, LaterExit, OwnRoot, later_exit, own_root

FIRST = Basin(0.3)
SHAPES = ((0.5, 0.5), (2.0, 2.0), (8.0, 8.0), (8.0, 0.5))  # flat, middle, sharp, asymmetric
NOISES = ((0.5**0.5, 2.0), (0.7, 1.5), (0.7, 1.0))
# Flat, middle, sharp and asymmetric; Gaussian and stable; two steps with their own radius and decay; warm.
WARM = tuple(
    Basin(radius, left, right, scale, index, step, beta2=beta2)
    for step, beta2, radius in ((0.05, 0.99, 0.2), (0.01, 0.999, 0.08))
    for left, right in SHAPES
    for scale, index in NOISES
)
COLD = tuple(Basin(0.6, left, right, scale, index, warm=0) for left, right in SHAPES for scale, index in NOISES)
# epsilon / (1 - beta2) = 10 against noise of variance 1: the damping dominates.
DAMPED = tuple(Basin(0.08, *shape, step=0.01, beta2=0.999, epsilon=1e-2, cap=1500) for shape in SHAPES)
OURS, ADAM, INSIDE, OUTSIDE = "AdaMomentum", "Adam", "g^2, inside", "m^2, outside"
FLAT = WARM[0]

CLAIMS = [
    Claim(
        id="adamomentum/proposition-1-escape-time",
        location="proposition 1",
        statement=r"Under assumptions 1-5, in a flat basin or asymmetric valley, "
        r"$E\,\Gamma(\mathrm{AdaMomentum})\ge E\,\Gamma(\mathrm{Adam})$.",
        figures=("adamomentum/exit-times",),
        parts=(
            Part(
                "assumption 4 with the stable noise of the model",
                bounded_and_stable,
                printed="stable",
                broken="gaussian",
                sound="two values",
                note="The hypotheses contradict each other (see assumption-4-with-stable-noise); assumption 5 fails at "
                "the minimiser besides.",
            ),
            Part(
                "assumption 3 with noise",
                momenta_agree,
                printed=sp.Symbol("upsilon", positive=True),
                broken=sp.Rational(1, 10),
                sound=sp.Integer(0),
                note="See assumption-3-along-the-flow.",
            ),
            Part(
                r"Gaussian noise, $f=x^2$, exit at 0.3, step 0.05, $\beta=(0.9,0.99)$, warm second moments",
                later_exit,
                printed=LaterExit(((OURS, ADAM),), (FIRST,)),
                broken=LaterExit(((OURS, ADAM),), (replace(FIRST, radius=0.2),)),
                repair=LaterExit(((ADAM, OURS),), (FIRST,)),
                repair_note=r"$E\,\Gamma(\mathrm{AdaMomentum})\le E\,\Gamma(\mathrm{Adam})$ at equal step",
                bears=False,
                note=r"Without the contradictory hypotheses the order is reversed: $v^M$ is 19 times smaller near the "
                "minimiser, so that AdaMomentum's steps are 4.4 times larger. Means and intervals are in the data.",
            ),
            Part(
                "flat, middle, sharp and asymmetric basins; Gaussian and stable noise; two steps; negligible epsilon",
                later_exit,
                printed=LaterExit(((OURS, ADAM),), WARM),
                broken=LaterExit(((OURS, ADAM),), COLD),
                repair=LaterExit(((ADAM, OURS),), WARM),
                repair_note="the reverse, in all 24 settings",
                bears=False,
                note="Also in asymmetric valleys and at the default decays; least with heavy tails, most in sharp "
                "basins under Gaussian noise. Means and intervals of all settings are in the data.",
            ),
            Part(
                "cold second moments, negligible epsilon",
                later_exit,
                printed=LaterExit(((OURS, ADAM),), COLD),
                broken=LaterExit(((OURS, ADAM),), WARM[:1]),
                repair=LaterExit(((ADAM, OURS),), COLD),
                repair_note="the reverse, in all 12 settings",
                bears=False,
                note=r"From $m=v=0$ AdaMomentum's first step is $\alpha/(1-\beta_1)=10\alpha$.",
            ),
            Part(
                r"dominant epsilon: $\epsilon/(1-\beta_2)$ ten times the noise variance",
                later_exit,
                printed=LaterExit(((OURS, ADAM),), DAMPED),
                broken=LaterExit(((ADAM, OURS),), DAMPED),
                bears=False,
                note=r"Then AdaMomentum stays longer: steps are at most $\alpha|\hat m|\sqrt{(1-\beta_2)/\epsilon}$.",
            ),
            Part(
                "2 x 2: the square decides while epsilon is negligible",
                later_exit,
                printed=LaterExit(((INSIDE, OURS), (ADAM, OUTSIDE), (INSIDE, OUTSIDE), (ADAM, OURS)), (FLAT,)),
                broken=LaterExit(((INSIDE, OURS), (INSIDE, ADAM)), (FLAT,)),
                bears=False,
                note=r"Squares $g^2$ or $m^2$, epsilon inside or outside: with $g^2$ the exit is later, wherever "
                "epsilon is.",
            ),
            Part(
                "2 x 2: the place of epsilon decides where it dominates",
                later_exit,
                printed=LaterExit(((OURS, OUTSIDE), (INSIDE, ADAM), (OURS, ADAM), (INSIDE, OUTSIDE)), DAMPED[:2]),
                broken=LaterExit(((ADAM, OURS),), DAMPED[:2]),
                bears=False,
                note="With epsilon in the state the exit is later, whatever is squared.",
            ),
            Part(
                r"equation (3) with its own $R$: $E\,\Gamma\propto\upsilon^{-p}$",
                own_root,
                printed=OwnRoot(-1.1, -0.9),
                broken=OwnRoot(-2.0, -1.0),
                repair=OwnRoot(-0.75, 0.0),
                repair_note=r"grows, but slower than $\upsilon^{-3p/4}$, over a decade",
                bears=False,
                note=r"$R_*$ is no constant: at rest $v$ follows the noise, $v\sim\upsilon$, so that the noise term is "
                r"$\upsilon/R\sim\sqrt\upsilon$ and $E\,\Gamma$ grows like $\upsilon^{-p/2}$ at most. With $k=m$ the "
                r"exit comes sooner than with $k=g$ there too.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/generalizes-better-conclusion",
        location="section 3.2",
        statement="Hence AdaMomentum more likely reaches minima that generalise better.",
        missing=Missing("data", "trained networks of both methods", "sharpness of their minima and test gaps"),
    ),
]
