"""Variance reduction around any rule (Algorithm 2 of "Stochastic Anderson Mixing", after SVRG)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from ..arrays import Array, check_finite, context
from ._rule import Rule, check_params, choice
from ._wrapper import check_rule, check_shape, required


class VarianceReducedState(NamedTuple):
    """Finished steps, snapshots taken, the last one, the full gradient there, and the state of the rule."""

    t: int
    loops: int
    snapshot: Array
    full_gradient: Array
    inner: Any


@dataclass(frozen=True, eq=False)
class VarianceReduced(Rule):
    """``g = grad f_K(x) - grad f_K(snapshot) + grad f(snapshot)`` (line 6) in place of the gradient.

    One outer loop is ``state = rule.take_snapshot(params, full_gradient, state)`` and then ``q`` steps with
    ``gradient_fn``, the gradient of the step's batch as a function of the parameters. AdaSAM-VR is
    ``VarianceReduced(AdaSAM(...))``; the published one has ``damping=1``.

    Attributes
    ----------
    rule : Rule
    history : {"keep", "restart"}
        Whether the state of ``rule`` outlives a new snapshot (published; Algorithm 2 does not say).
    """

    State: ClassVar[type] = VarianceReducedState

    rule: Rule = required()
    history: Literal["keep", "restart"] = choice("keep", "keep", "restart")

    def __post_init__(self) -> None:
        check_rule(rule=self.rule)
        super().__post_init__()

    def init(self, params: Array) -> VarianceReducedState:
        ctx = check_params(params)
        snapshot, full = (ctx.zeros(params.shape) for _ in range(2))
        return VarianceReducedState(0, 0, snapshot, full, self.rule.init(params))

    def take_snapshot(self, params: Array, full_gradient: Array, state: VarianceReducedState) -> VarianceReducedState:
        """Start an outer loop at ``params`` (lines 2, 3).

        Raises
        ------
        TypeError, ValueError
            ``full_gradient`` does not fit ``params``, or one is not finite (unless ``nonfinite`` lets it through).
        """
        ctx = context(params=params)
        if self.nonfinite != "propagate":
            check_finite(params=params)
        self.enter(params, full_gradient, state.t)
        inner = self.rule.init(ctx.xp.zeros_like(params)) if self.history == "restart" else state.inner
        snapshot, full = (ctx.xp.asarray(array, copy=True) for array in (params, full_gradient))
        return VarianceReducedState(state.t, state.loops + 1, snapshot, full, inner)

    def check_state(self, params: Array, state: Any) -> None:
        check_shape(params, snapshot=state.snapshot)

    def step(
        self,
        params: Array,
        grad: Array,
        state: VarianceReducedState,
        *,
        gradient_fn: Callable[[Array], Array] | None = None,
    ) -> tuple[Array, VarianceReducedState]:
        """One step; ``gradient_fn`` maps parameters to the gradient of the batch that ``grad`` came from."""
        t = state.t + 1
        self.enter(params, grad, t)
        if state.loops == 0:
            raise ValueError("state holds no snapshot; call take_snapshot(params, full_gradient, state) first")
        if gradient_fn is None:
            raise TypeError(
                "VarianceReduced.step needs gradient_fn=..., a function from parameters to the gradient of the same "
                "batch"
            )
        g = grad - gradient_fn(state.snapshot) + state.full_gradient
        params, inner = self.rule.step(params, g, state.inner)
        return params, state._replace(t=t, inner=inner)
