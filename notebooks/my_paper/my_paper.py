"""Claims of a paper of mine: one lemma on gradient descent, with its control and its repair."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from proofs_check import Budget, Claim, Exact, Part, Way, Witness

REPLAY = """
from fractions import Fraction as F
alpha, L, x = (F(witness[name]) for name in ("alpha", "L", "x"))
g = L * x
decrease = L / 2 * (x**2 - (x - alpha * g)**2)
violated = decrease < alpha / 2 * g**2
"""


def descends(largest: Fraction, budget: Budget) -> list[object]:
    """Whether f(x - alpha g) <= f(x) - alpha |g|^2 / 2 for f = h x^2 / 2, 0 <= h <= L and 0 < alpha L <= largest.

    A quadratic is a sum of such f over its eigenvectors, so one coordinate decides.
    """
    del budget
    alpha, h, x = sp.symbols("alpha h x", positive=True)
    slack = h / 2 * (x**2 - (x - alpha * h * x) ** 2) - alpha / 2 * (h * x) ** 2
    factored = alpha * h**2 * x**2 * (1 - alpha * h) / 2
    steps = {"slack is alpha h^2 x^2 (1 - alpha h) / 2": sp.expand(slack - factored) == 0}
    if largest <= 1:
        return [Exact("symbolic", steps | {"alpha h <= alpha L <= 1": True})]
    step = largest  # L = 1: the longest step allowed violates first
    decrease = Fraction(1, 2) * (1 - (1 - step) ** 2)
    value = float(slack.subs({alpha: float(step), h: 1.0, x: 1.0}))
    ways = (
        Way("decrease in rationals", decrease, ">=", step / 2),
        Way("slack in floating point", value, ">=", 0.0, margin=1e-12),
    )
    return [Exact("symbolic", steps), Witness({"alpha": str(step), "L": "1", "x": "1"}, *ways, REPLAY)]


def claims() -> list[Claim]:
    """The claims of this pack, as the entry point asks for them."""
    part = Part(
        "decrease for every step size up to the stated one",
        descends,
        printed=Fraction(2),
        broken=Fraction(3),
        repair=Fraction(1),
        repair_note=r"$\alpha\le1/L$",
        note=r"At $\alpha=2/L$ the loss does not fall at all, while the stated decrease is positive.",
    )
    statement = r"For an $L$-smooth quadratic and $0<\alpha\le2/L$: $f(x-\alpha g)\le f(x)-\frac\alpha2\|g\|^2$."
    return [Claim("my-paper/lemma-1", "lemma 1", statement, (part,))]
