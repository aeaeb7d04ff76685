"""One step of Anderson mixing for linear systems, by the update rules of the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from optassay.arrays import Array, Context
from optassay.optimizers import AdaSAM, PreconditionedAdaSAM, RegularizedAnderson, Rule, StochasticAnderson
from optassay.optimizers._rule import hyper

from ._systems import Systems, apply, length

Penalty = Literal["points", "coefficients", "adaptive"]


@dataclass(frozen=True, eq=False)
class _SignedRegularized(RegularizedAnderson):
    """Without the demand of a positive ``beta``: on linear systems any but zero will do."""

    mixing: Any = hyper(1.0, domain="(-inf, inf)")


@dataclass(frozen=True, eq=False)
class _SignedStochastic(StochasticAnderson):
    mixing: Any = hyper(1.0, domain="(-inf, inf)")


@dataclass(frozen=True, eq=False)
class _SignedAdaptive(AdaSAM):
    mixing: Any = hyper(1.0, domain="(-inf, inf)")


class _Count(NamedTuple):
    t: int


@dataclass(frozen=True, eq=False)
class _LinearStep(Rule):
    """``x - beta M^-1 grad``: the mixing step of (17)."""

    inverse: Any = None
    mixing: Any = 1.0
    State = _Count

    def init(self, params: Array) -> _Count:
        return _Count(0)

    def step(self, params: Array, grad: Array, state: _Count) -> tuple[Array, _Count]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        return params - self.value(ctx, "mixing", t) * apply(ctx.xp, self.inverse, grad), _Count(t)


def rule_for(penalty: Penalty, regularization: Any, inverse: Array | None, options: dict[str, Any]) -> Any:
    """The rule whose gradient is ``A x - b``; ``inverse`` is a right preconditioner ``M^-1``."""
    options = {**options, "nonfinite": "propagate"}
    if inverse is not None:
        # With mixing 1 the delta of (16) is max{c1 ..., c2}; the mixing parameter goes into the inner step.
        inner = _LinearStep(inverse, options.pop("mixing"), nonfinite="propagate")
        points = penalty == "points"
        constants: dict[str, Any] = {"c1": 0.0 if points else regularization, "c2": regularization if points else 0.0}
        return PreconditionedAdaSAM(inner=inner, epsilon=0.0, **options, **constants)
    if penalty == "coefficients":
        return _SignedRegularized(**options, regularization=regularization)
    if penalty == "adaptive":
        return _SignedAdaptive(**options, c1=regularization, c2=0.0, epsilon=0.0)
    return _SignedStochastic(**options, regularization=regularization)


class RuleSteps:
    """Steps of a rule, with its state."""

    def __init__(self, rule: Any, systems: Systems) -> None:
        self._ctx: Context = systems.ctx
        self._rule, self._state = rule, rule.init(systems.start)
        self._last: Array = None

    def step(self, x: Array, r: Array) -> tuple[Array, Array, Array, Array]:
        """``x_{k+1}``, ``x_bar_k``, ``alpha_k`` (..., 1) as used, 0 where nothing was mixed, and ``|dr|`` (...).

        Infinite at the first step.
        """
        new, self._state, bar = self._rule.step_with_projection(x, -r, self._state)
        change = self._ctx.full(x.shape[:-1], float("inf"))
        if self._last is not None:
            change = length(self._ctx.xp, r - self._last)
        self._last = r
        return new, bar, self._state.damping[..., None], change
