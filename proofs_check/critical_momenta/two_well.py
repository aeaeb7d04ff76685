"""The two-well family (9): its global minima, their sharpness, its ridges and basins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

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


@dataclass(frozen=True)
class Minimisers:
    """The global minimisers of f_s on R^D, D and s > 1 any: points whose coordinates are of ``coordinates``.

    Attributes
    ----------
    coordinates : tuple of int
    combined : {"equal", "every"}
        Only points with D equal coordinates, or every combination.
    """

    coordinates: tuple[int, ...]
    combined: Literal["equal", "every"]

    def points(self, dim: int) -> set[tuple[int, ...]]:
        if self.combined == "equal":
            return {(c,) * dim for c in self.coordinates}
        return set(product(self.coordinates, repeat=dim))


def _global_minima_of_wells(statement: Minimisers, budget: Budget) -> list[Evidence]:
    """Decide :class:`Minimisers`: each term is >= 0, so f_s vanishes where every term does.

    A term vanishes where one of its branches does; branch and bound looks again at small D.
    """
    x = sp.Symbol("x", real=True)
    for d in (1, 2, 3):
        missed = sorted(set(product((0, 1), repeat=d)) - statement.points(d))
        if missed:
            s = Fraction(3)
            value = sum(min(Fraction(c) ** 2, s * (Fraction(c) - 1) ** 2) for c in missed[0])
            count = len(global_minima(TwoWell(s), [-2] * d, [2] * d).points)
            return [
                Witness(
                    point={"s": s, "dimension": d, "point": list(missed[0]), "listed": sorted(statement.points(d))},
                    first=Way("exact value at a point that is not listed", value, ">", 0),
                    second=Way(
                        "branch and bound: number of global minimisers at s = 3", count, "==", len(statement.points(d))
                    ),
                    replay=WELLS_REPLAY,
                )
            ]
    steps = {
        "x^2 >= 0 and s (x - 1)^2 >= 0 vanish at the stated coordinates and nowhere else": set(
            sp.solve(x**2 * S * (x - 1) ** 2, x)
        )
        == {sp.Integer(c) for c in statement.coordinates},
        "every combination is stated, as each term of the sum has to vanish": statement.combined == "every",
    }
    for d in (1, 2):
        found = global_minima(TwoWell(Fraction(5)), [-2] * d, [2] * d)
        steps[f"D = {d}: branch and bound agrees at s = 5"] = found.complete and len(found.points) == 2**d
    return [Exact("symbolic", steps)]


def _well_sharpness(statement: Any, budget: Budget) -> list[Evidence]:
    """Largest second derivative at corners of {0, 1}^D: stated (at the origin, at any other corner) for every s > 1.

    The Hessian is diagonal, its entries those of one coordinate.
    """
    del budget
    origin, other = statement
    flat, sharp = (TwoWell(S).formula_hessian([sp.Integer(c)], SYMBOLS)[0][0] for c in (0, 1))
    open_ray = sp.Interval.open(1, sp.oo)
    x, y = sp.symbols("x y", real=True)
    mixed = TwoWell(S).formula_hessian([x, y], SYMBOLS)[0][1]
    steps = {
        "mixed derivatives vanish": is_zero(mixed),
        "curvature of a coordinate at 0, largest at the origin": is_zero(flat - origin),
        "curvature of a coordinate at 1, largest at every other corner": is_zero(sharp - other),
        "the one at 1 is the larger for s > 1": sp.solveset(sharp - flat > 0, S, open_ray) == open_ray,
    }
    return [Exact("symbolic", {name: bool(held) for name, held in steps.items()})]


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
                printed=Minimisers((0, 1), "equal"),
                broken=Minimisers((0,), "equal"),
                repair=Minimisers((0, 1), "every"),
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
