"""Section 1: Adam read as sign and variance adaptation."""

from __future__ import annotations

import sympy as sp

from ..claim import Budget, Claim, Evidence, Exact, Part


def _weights_sum_to_one(weight: object, budget: Budget) -> list[Evidence]:
    beta, s = sp.symbols("beta s", positive=True)
    t = sp.symbols("t", integer=True, positive=True)
    total = sp.Integer(0)
    steps = {}
    for horizon in range(1, budget.pick(8, 40)):
        total = sum(weight(beta, horizon, k) for k in range(horizon))  # type: ignore[operator]
        steps[f"t = {horizon}"] = sp.simplify(total - 1) == 0
    del s, t
    return [Exact("symbolic", steps)]


CLAIMS = [
    Claim(
        id="dissecting-adam/bias-corrected-averages-are-convex",
        location="(3), (4), end of (41)",
        statement=r"$m_t=\sum_s c(\beta_1,t,s)g_{t-s}$ with weights that sum to one.",
        parts=(
            Part(
                "weights sum to one",
                _weights_sum_to_one,
                printed=lambda b, t, s: b**s * (1 - b) / (1 - b**t),
                broken=lambda b, t, s: b**s * (1 - b),
            ),
        ),
    ),
]
