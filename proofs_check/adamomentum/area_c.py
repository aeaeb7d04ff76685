"""Section 3.1, area C: how far the second moments of momenta and of gradients can be apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from ..search import Never, Problem, never_violated
from .areas import B1, G, P, S, both, on_gradients

MODULE = __name__

# --- C: comparison ---


def shorter(steps: int, times: int = 2) -> Problem:
    """``v^A_T`` against ``v^M_T`` where ``|m_T| >= times |g_T|`` and not all is zero."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        grads = values[2:]
        m, ours, adam = both(grads, values[0], values[1])
        return adam[-1], ours[-1], abs(m[-1]) - times * abs(grads[-1]), 1000 * abs(m[-1]) - 1

    return on_gradients(steps, sides)


def constants(steps: int, end: str, factor: Any = 1) -> Problem:
    """``c v^A_T`` against ``v^M_T`` ("low"), or ``v^M_T`` against ``C v^A_T`` ("high", gamma < 1); beta2 = s^2."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b, s = values[:2]
        _, ours, adam = both(values[2:], b, s * s)
        if end == "low":
            return factor * (1 - b) ** 2 / (1 + b / s) ** 2 * adam[-1], ours[-1]
        return ours[-1], (1 - b) ** 2 / (1 - b / s) ** 2 * adam[-1] / factor, 1000 * (s - b) - 1

    return on_gradients(steps, sides, root=True)


def _constants_proof(budget: Budget) -> list[Evidence]:
    """``y_i = s^{T-i} m_i``, ``x_i = s^{T-i} g_i`` obey ``y_i = gamma y_{i-1} + (1 - beta1) x_i``."""
    gamma = sp.Symbol("gamma")
    identities = {}
    for steps in range(1, budget.pick(5, 9)):
        y = [sp.Integer(0), *sp.symbols(f"y1:{steps + 1}")]
        energy = sum(v**2 for v in y)
        adam = sum((y[i] - gamma * y[i - 1]) ** 2 for i in range(1, steps + 1))  # (1 - beta1)^2 sum x_i^2
        plus = sum((y[i] + y[i - 1]) ** 2 for i in range(1, steps + 1))
        minus = sum((y[i] - y[i - 1]) ** 2 for i in range(1, steps + 1))
        identities[f"low end, T = {steps}"] = Identity(
            (1 + gamma) ** 2 * energy - adam, gamma * plus + gamma * (1 + gamma) * y[-1] ** 2
        )
        identities[f"high end, T = {steps}"] = Identity(
            adam - (1 - gamma) ** 2 * energy, gamma * minus + gamma * (1 - gamma) * y[-1] ** 2
        )
    old, new = sp.symbols("y_T y_new")
    # From T to T + 1 both sides change by the same: y_new^2 and a square.
    identities["low end, step"] = Identity(
        (1 + gamma) ** 2 * new**2 - (new - gamma * old) ** 2,
        gamma * (new + old) ** 2 + gamma * (1 + gamma) * (new**2 - old**2),
    )
    identities["high end, step"] = Identity(
        (new - gamma * old) ** 2 - (1 - gamma) ** 2 * new**2,
        gamma * (new - old) ** 2 + gamma * (1 - gamma) * (new**2 - old**2),
    )
    k = sp.Symbol("k")  # T - i
    identities["recursion of the weighted values"] = Identity(
        S**k * (B1 * P + (1 - B1) * G), B1 / S * (S ** (k + 1) * P) + (1 - B1) * S**k * G
    )
    return symbolic_identity(identities, budget)


@dataclass(frozen=True)
class Limits:
    """What v^M / v^A tends to along geometric gradients with ``y_i`` constant ("high") or alternating ("low")."""

    high: Callable[[Any, Any], Any]
    low: Callable[[Any, Any], Any]


def _attained(statement: Limits, budget: Budget) -> list[Evidence]:
    """Constant or alternating weighted momenta: the ratio over T steps, and its limit."""
    t, gamma = sp.symbols("T gamma", positive=True)
    del budget
    steps = {}
    for name, sign, value in (("high", -1, statement.high(B1, gamma)), ("low", 1, statement.low(B1, gamma))):
        energy, adam = t, (1 + (t - 1) * (1 + sign * gamma) ** 2) / (1 - B1) ** 2
        steps[f"{name} end is the limit"] = sp.simplify(sp.limit(energy / adam, t, sp.oo) - value) == 0
    return [Exact("symbolic", steps)]


def _high(b: Any, gamma: Any) -> Any:
    return ((1 - b) / (1 - gamma)) ** 2


def _low(b: Any, gamma: Any) -> Any:
    return ((1 - b) / (1 + gamma)) ** 2


AREA_C = Claim(
    id="adamomentum/area-c-comparison",
    location="section 3.1",
    statement=r"Entering the basin AdaMomentum's $\alpha/\sqrt{v_t}$ is smaller than Adam's, since $|m_t|$ is much "
    r"larger than "
    r"$|g_t|$ (judged: $|m_t|\ge2|g_t|$ implies $v^M_t\ge v^A_t$).",
    assumptions=("the same gradients, no damping; the correction $1-\\beta_2^t$ is the same for both",),
    figures=("adamomentum/figure-1",),
    parts=(
        Part(
            "a momentum above the gradient makes the coefficient smaller",
            never_violated,
            printed=Never(MODULE, ["shorter(2)", "shorter(3)"]),
            broken=Never(MODULE, ["shorter(3, 10)"]),
            sound=Never(MODULE, ["constants(2, 'high')", "constants(3, 'high')"], _constants_proof),
            note=r"$v$ sums the whole past, not the present $|m_t|$, $|g_t|$. AdaMomentum's coefficient is never below "
            r"$\frac{1-\gamma}{1-\beta_1}$ times Adam's, 0.9955 at the defaults: at best half a per cent smaller. It "
            r"can be "
            r"$\frac{1+\gamma}{1-\beta_1}=19$ times larger. So the sentence fails in direction or, at its best, in "
            r"size.",
        ),
        Part(
            "best constants",
            never_violated,
            printed=Never(
                MODULE,
                ["constants(2, 'low')", "constants(3, 'low')", "constants(2, 'high')", "constants(3, 'high')"],
                _constants_proof,
            ),
            broken=Never(MODULE, ["constants(3, 'low', 4)", "constants(3, 'high', 4)"]),
            bears=False,
            note=r"$\bigl(\frac{1-\beta_1}{1+\gamma}\bigr)^2v^A_T\le "
            r"v^M_T\le\bigl(\frac{1-\beta_1}{1-\gamma}\bigr)^2v^A_T$, the "
            r"right half for $\gamma<1$: 0.00277 and 1.0091 at the defaults. For $\gamma\ge1$ there is no upper "
            r"constant for "
            "all T.",
        ),
        Part(
            "both ends are approached",
            _attained,
            printed=Limits(_high, _low),
            broken=Limits(_low, _high),
            bears=False,
            note=r"Along $m_i\propto\beta_2^{i/2}$, constant or alternating in sign.",
        ),
    ),
)


CLAIMS = [AREA_C]
