"""The two-well family (9): its global minima, their sharpness, its ridges and basins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from analysis.landscapes import SYMBOLS, TwoWell
from analysis.minima import global_minima
from analysis.runs import run
from optassay.optimizers import GradientDescent

from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness

S = sp.Symbol("s", positive=True)

WELLS_REPLAY = """
from fractions import Fraction as F
s, x = F(witness["s"]), [F(c) for c in witness["point"]]
value = sum(min(c * c, s * (c - 1) ** 2) for c in x)
listed = [[F(c) for c in p] for p in witness["listed"]]
violated = value == 0 and x not in listed
"""


def _global_minima_of_wells(listed: Any, budget: Budget) -> list[Evidence]:
    """Whether ``listed(D)`` are all global minimisers of f_s on R^D, for every D tried and every s > 1.

    A term is zero at 0 and 1 only and positive elsewhere, so the global minimisers are {0, 1}^D.
    """
    x = sp.Symbol("x", real=True)
    roots = {sp.Integer(0), sp.Integer(1)}
    steps = {
        "x^2 >= 0 and s (x - 1)^2 >= 0 vanish at 0 and 1 only": set(sp.solve(x**2 * S * (x - 1) ** 2, x)) == roots,
    }
    for d in range(1, budget.pick(5, 8)):
        true = set(product((0, 1), repeat=d))
        claimed = {tuple(p) for p in listed(d)}
        missed = sorted(true - claimed)
        if missed:
            s = Fraction(3)
            value = sum(min(Fraction(c) ** 2, s * (Fraction(c) - 1) ** 2) for c in missed[0])
            count = len(global_minima(TwoWell(s), [-2] * d, [2] * d).points)
            return [
                Witness(
                    point={"s": s, "dimension": d, "point": list(missed[0]), "listed": sorted(claimed)},
                    first=Way("exact value at a point that is not listed", value, ">", 0),
                    second=Way("branch and bound: number of global minimisers at s = 3", count, "==", len(claimed)),
                    replay=WELLS_REPLAY,
                )
            ]
        steps[f"D = {d}: {len(true)} global minimisers"] = claimed == true
        if d <= 2:
            found = global_minima(TwoWell(Fraction(5)), [-2] * d, [2] * d)
            steps[f"D = {d}: branch and bound agrees at s = 5"] = found.complete and len(found.points) == len(true)
    return [Exact("symbolic", steps)]


def _well_sharpness(statement: Any, budget: Budget) -> list[Evidence]:
    """Largest second derivative at corners of {0, 1}^D: stated (at the origin, at any other corner) for every s > 1."""
    origin, other = statement
    steps = {}
    for d in range(1, budget.pick(4, 7)):
        for corner in product((0, 1), repeat=d):
            expected = other if any(corner) else origin
            for s in (Fraction(3, 2), 2, 5, 100):
                hessian = TwoWell(s).formula_hessian([sp.Integer(c) for c in corner], SYMBOLS)
                top = max(hessian[i][i] for i in range(d))
                name = f"D = {d}, corner {''.join(map(str, corner))}, s = {s}"
                steps[name] = is_zero(top - sp.sympify(expected).subs(S, sp.Rational(str(s))))
    steps["2 < 2 s for s > 1"] = bool(
        sp.solveset(2 * S - 2 > 0, S, sp.Interval.open(1, sp.oo)) == sp.Interval.open(1, sp.oo)
    )
    return [Exact("rational", steps)]


def _branches(sign: int) -> Mapping[str, Identity]:
    """Where the branches meet, and the slopes there."""
    q = sp.sqrt(S)
    left = q / (q + sign)
    return {
        "branches meet at sqrt(s)/(sqrt(s) + 1)": Identity(left**2, S * (left - 1) ** 2),
        "slope of the sharp branch there is -sqrt(s) times that of the flat one": Identity(
            2 * S * (left - 1), -q * 2 * left
        ),
        "and at sqrt(s)/(sqrt(s) - 1), s > 1": Identity((q / (q - 1)) ** 2, S * (q / (q - 1) - 1) ** 2, {S: (4, 9, 2)}),
        "where it is +sqrt(s) times": Identity(2 * S * (q / (q - 1) - 1), q * 2 * q / (q - 1), {S: (4, 9, 2)}),
    }


def _ends_of_gradient_flow(statement: Any, budget: Budget) -> list[Evidence]:
    """Whether gradient descent with small steps ends in the well that ``statement(x, s)`` names, from a grid."""
    wrong, count, nearest = 0, 0, math.inf
    for s in (1.0, 2.0, 3.0, 5.0, 10.0, 100.0):
        start = np.linspace(-5, 6, budget.pick(1101, 11001))[:, None] + 1e-4
        end = run(GradientDescent(0.1 / s), TwoWell(s), start, int(40 * s) + 100).params[:, 0]
        named = np.array([statement(x, s) for x in start[:, 0]])
        wrong += int(np.sum(np.abs(end - named) > 1e-2))
        count += len(start)
        nearest = min(nearest, float(np.abs(start[:, 0] - math.sqrt(s) / (math.sqrt(s) + 1)).min()))
    return [Sampled("gradient descent with step 0.1 / s", count, wrong, nearest, f"{count} starts, six values of s")]


CLAIMS = [
    Claim(
        id="critical-momenta/two-global-minima",
        location="(9)",
        statement=r"For $s>1$ and every $D$, $f_s(x)=\sum_d\min(x_d^2,s(x_d-1)^2)$ has exactly two global minima, "
        r"$(0,\dots,0)$, flat, and $(1,\dots,1)$, sharper.",
        figures=("critical-momenta/figure-5", "critical-momenta/figure-5-map"),
        parts=(
            Part(
                "two global minima for every D",
                _global_minima_of_wells,
                printed=lambda d: [(0,) * d, (1,) * d],
                broken=lambda d: [(0,) * d],
                repair=lambda d: list(product((0, 1), repeat=d)),
                repair_note=r"The global minima are the $2^D$ points of $\{0,1\}^D$, each coordinate choosing its "
                r"well; two for $D=1$ only. At $D=10$: 1024.",
                note=r"At $(0,1)$, $D=2$, the value is 0 as well.",
            ),
            Part(
                "sharpness: 2 at the origin, 2 s at every other global minimum",
                _well_sharpness,
                printed=(2, 2 * S),
                broken=(2, S),
                note=r"So all $2^D-1$ others are equally sharp by $h_{\max}$, with any number of sharp coordinates. At "
                r"$s=1$, plotted in figure 7, both wells have curvature 2: nothing is sharper.",
            ),
            Part(
                "where the branches meet, and the slopes there",
                symbolic_identity,
                printed=_branches(1),
                broken=_branches(2),
                bears=False,
                note=r"At the ridge $\sqrt s/(\sqrt s+1)$ the slope jumps from $2\sqrt s/(\sqrt s+1)$ to $-\sqrt s$ "
                r"times that: a local maximum without gradient; what is used there (either branch, or their mean as in "
                r"torch) is a choice. At $\sqrt s/(\sqrt s-1)$ the slope jumps by the factor $\sqrt s$ and keeps its "
                r"sign. Curvature is 2 again to the right of it.",
            ),
            Part(
                "basins of gradient flow: of 0 below the ridge, of 1 above it, without bound",
                _ends_of_gradient_flow,
                printed=lambda x, s: 0.0 if x < math.sqrt(s) / (math.sqrt(s) + 1) else 1.0,
                broken=lambda x, s: 0.0 if x < 0.5 else 1.0,
                bears=False,
                note=r"In $D$ dimensions basins are products: of a start uniform in $[-5,5]^{10}$, the share in the "
                r"basin of the origin is $((5+\sqrt s/(\sqrt s+1))/10)^{10}$: $0.0030$ at $s=2$, $0.0052$ at $s=100$.",
            ),
        ),
    ),
]
