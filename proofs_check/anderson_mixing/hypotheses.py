"""Theorems 1 and 2 with one hypothesis dropped: SGD in one dimension (``alpha_k = 0`` is admissible), in rationals."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from ..claim import Budget, Evidence, Exact, Way, Witness

Dropped = Literal["nothing", "divergent steps", "lower bound", "Lipschitz gradient", "unbiased gradient"]


class Instance(NamedTuple):
    """``x_{k+1} = x_k - beta_k (f'(x_k) + bias)`` from ``start``."""

    gradient: str
    start: Fraction
    step: Callable[[int], Fraction]
    steps: int
    bias: Fraction = Fraction(0)


GRADIENTS: dict[str, Callable[[Any], Any]] = {"x": lambda x: x, "1": lambda x: x * 0 + 1, "x^3": lambda x: x**3}
INSTANCES: dict[Dropped, Instance] = {
    "nothing": Instance("x", Fraction(1), lambda k: Fraction(1, 8), 80),
    "divergent steps": Instance("x", Fraction(1), lambda k: Fraction(1, 2 ** (k + 4)), 60),
    "lower bound": Instance("1", Fraction(1), lambda k: Fraction(1, 8 + k), 60),
    "Lipschitz gradient": Instance("x^3", Fraction(10), lambda k: Fraction(1, 8 + k), 4),
    "unbiased gradient": Instance("x", Fraction(1), lambda k: Fraction(1, 8), 80, Fraction(1)),
}

REPLAY = """
from fractions import Fraction
gradient = {"x": lambda x: x, "1": lambda x: 1.0, "x^3": lambda x: x**3}[witness["gradient"]]
x, bias = (float(Fraction(str(witness[k]))) for k in ("start", "bias"))
for beta in witness["betas"]:
    x -= float(Fraction(str(beta))) * (gradient(x) + bias)
violated = abs(gradient(x)) > float(Fraction(str(witness["bound"])))
"""


def _last(instance: Instance, number: Callable[[Any], Any]) -> Any:
    x = number(instance.start)
    for k in range(instance.steps):
        x = x - number(instance.step(k)) * (GRADIENTS[instance.gradient](x) + number(instance.bias))
    return abs(GRADIENTS[instance.gradient](x))


def conclusion(dropped: Dropped, budget: Budget) -> list[Evidence]:
    """Whether the gradient has fallen to 1/10 at the end of the instance; the distance to a limit is monotone there.

    divergent steps: ``x_k >= 1 - sum beta_k > 7/8`` for ever. lower bound: the gradient is 1. Lipschitz gradient: the
    points grow. unbiased gradient: they go to -1.
    """
    del budget
    instance, bound = INSTANCES[dropped], Fraction(1, 10)
    exact, rough = _last(instance, Fraction), _last(instance, float)
    if exact <= bound:
        return [Exact("rational", {f"without {dropped}: the gradient falls to 1/10": True}, instances=1)]
    point = {
        "gradient": instance.gradient, "start": instance.start, "bias": instance.bias, "bound": bound,
        "betas": [instance.step(k) for k in range(instance.steps)],
    }  # fmt: skip
    return [
        Witness(
            point,
            Way("last gradient in rationals", exact, "<=", bound),
            Way("last gradient in floating point", rough, "<=", float(bound), 1e-9),
            REPLAY,
        )
    ]


class ConstantStep(NamedTuple):
    """``E |grad f(x_k)|^2`` falls below ``floor`` for a constant step: Theorem 2 without ``sum beta_k^2 < oo``."""

    floor: Fraction
    beta: Fraction = Fraction(1, 8)


MOMENT_REPLAY = """
from fractions import Fraction
beta, floor = (float(Fraction(str(witness[k]))) for k in ("beta", "floor"))
square = 4.0
for _ in range(witness["steps"]):
    square = (1 - beta) ** 2 * square + beta**2
violated = square > floor
"""


def constant_step(statement: ConstantStep, budget: Budget) -> list[Evidence]:
    """``f = x^2/2``, noise +-1: ``E x^2 = beta / (2 - beta) + (1 - beta)^(2k) (4 - beta / (2 - beta))``, exactly."""
    steps = budget.pick(60, 200)
    beta, square = statement.beta, Fraction(4)
    for _ in range(steps):
        square = (1 - beta) ** 2 * square + beta**2
    limit = beta / (2 - beta)
    if limit <= statement.floor:
        return [Exact("rational", {"the limit beta / (2 - beta) is not above": True}, {"limit": limit}, instances=1)]
    closed = float(limit) + (1 - float(beta)) ** (2 * steps) * (4 - float(limit))
    return [
        Witness(
            {"beta": beta, "floor": statement.floor, "steps": steps},
            Way("second moment by recursion", square, "<=", statement.floor),
            Way("closed form", closed, "<=", float(statement.floor), 1e-9),
            MOMENT_REPLAY,
        )
    ]
