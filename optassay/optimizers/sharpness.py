"""Rules that look at a second gradient of the same batch: sharpness-aware minimisation and extragradient.

Their ``step`` takes the keyword ``gradient_fn``, a function from parameters to the gradient of the batch that ``grad``
came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..arrays import Array, Context
from ._critical import CriticalRule
from ._rule import Hyper, Rule, choice, hyper, norm
from ._wrapper import WrappedState, check_rule, required

Gradient = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class _SecondGradient(Rule):
    """Moves away from the point, and hands the gradient found there to ``rule``."""

    State: ClassVar[type] = WrappedState

    rule: Rule = required()

    def __post_init__(self) -> None:
        check_rule(rule=self.rule)
        super().__post_init__()

    def init(self, params: Array) -> WrappedState:
        return WrappedState(0, self.rule.init(params))

    def _second(self, point: Array, gradient_fn: Gradient | None) -> Array:
        if gradient_fn is None:
            raise TypeError(
                f"{type(self).__name__}.step needs gradient_fn=..., a function from parameters to the gradient of the "
                "same batch"
            )
        return gradient_fn(point)


@dataclass(frozen=True, eq=False)
class SharpnessAware(_SecondGradient):
    """Sharpness-aware minimisation (Foret et al.): the gradient at ``theta + radius g / |g|`` goes to ``rule``.

    Where ``g = 0`` the point is not moved.

    Attributes
    ----------
    rule : Rule
    radius : hyperparameter
        ``rho``, the length of the ascent.
    key : {"perturbed", "original"}
        For a rule with a priority buffer: the gradient whose norm is the key, at the moved or at the given point.
    """

    radius: Hyper = hyper(0.05, domain="(0, inf)")
    key: Literal["perturbed", "original"] = choice("perturbed", "perturbed", "original")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.key == "original" and not isinstance(self.rule, CriticalRule):
            raise ValueError(f"key 'original' needs a rule with a priority buffer, got {type(self.rule).__name__}")

    def step(
        self, params: Array, grad: Array, state: WrappedState, *, gradient_fn: Gradient | None = None
    ) -> tuple[Array, WrappedState]:
        """One step; ``gradient_fn`` maps parameters to the gradient of the batch that ``grad`` came from."""
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        length = norm(grad, ctx.xp)
        radius = self.value(ctx, "radius", t)
        second = self._second(params + radius * unit(ctx, grad, length), gradient_fn)
        extra = {"key_gradient": grad} if self.key == "original" else {}
        params, inner = self.rule.step(params, second, state.inner, **extra)
        return params, WrappedState(t, inner)


@dataclass(frozen=True, eq=False)
class ExtraGradient(_SecondGradient):
    """Extragradient: the gradient at ``theta - extrapolation g`` goes to ``rule``.

    With ``rule=Momentum(h, m)`` (heavy-ball) this is the momentum extragradient of Kim et al.,
    ``theta_{t+1} = theta_t - h grad(theta_t - gamma grad(theta_t)) + m (theta_t - theta_{t-1})``.

    Attributes
    ----------
    rule : Rule
    extrapolation : hyperparameter
        ``gamma``.
    """

    extrapolation: Hyper = hyper(0.01, domain="[0, inf)")

    def step(
        self, params: Array, grad: Array, state: WrappedState, *, gradient_fn: Gradient | None = None
    ) -> tuple[Array, WrappedState]:
        """One step; ``gradient_fn`` maps parameters to the gradient of the batch that ``grad`` came from."""
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        second = self._second(params - self.value(ctx, "extrapolation", t) * grad, gradient_fn)
        params, inner = self.rule.step(params, second, state.inner)
        return params, WrappedState(t, inner)


def unit(ctx: Context, vector: Array, length: Array) -> Array:
    """``vector / length``, zero where the length is zero."""
    return vector / ctx.xp.where(length > 0, length, ctx.xp.ones_like(length))
