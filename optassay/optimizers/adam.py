"""Adam with its variants: decoupled decay (AdamW) and a running maximum (AMSGrad)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from ..arrays import Array, Context
from ._rule import ElementwiseRule, Hyper, Rule, choice, hyper, is_positive, power, ratio
from .sgd import add_weight_decay, shrink
from .variance_adapted import MomentsState


class MaximumState(NamedTuple):
    """Finished steps, uncorrected averages, and the largest second moment so far."""

    t: int
    m: Array
    v: Array
    v_max: Array


def quotient(ctx: Context, numerator: Array, denominator: Array, epsilon: Any) -> Array:
    """Quotient in which 0/0 is 0; a denominator of at least ``epsilon > 0`` makes the search for 0/0 needless."""
    return numerator / denominator if is_positive(ctx, epsilon) else ratio(numerator, denominator, ctx.xp)


@dataclass(frozen=True, eq=False)
class _AdamLike(Rule):
    """Hyperparameters and averages, eqs. (3) and (4) of "Dissecting Adam"."""

    step_size: Hyper = hyper(0.001, domain="[0, inf)")
    beta1: Hyper = hyper(0.9, domain="[0, 1)")
    beta2: Hyper = hyper(0.999, domain="[0, 1)")
    epsilon: Hyper = hyper(1e-8, domain="[0, inf)")
    epsilon_place: Literal["outside", "inside"] = choice("outside", "outside", "inside")
    debias: bool = choice(True, False, True)
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    def _averages(self, ctx: Context, grad: Array, state: Any, t: int) -> tuple[Array, Array]:
        beta1 = self.value(ctx, "beta1", t)
        beta2 = self.value(ctx, "beta2", t)
        m = beta1 * state.m + (1.0 - beta1) * grad  # (3)
        v = beta2 * state.v + (1.0 - beta2) * (grad * grad)  # (4)
        return m, v

    def _weight(self, ctx: Context, name: str, t: int) -> Any:
        """Total weight ``1 - beta^t`` of an average that starts at zero; 1 without bias correction.

        Under a schedule ``beta`` is its value at ``t``, as in the codes: exact for constants only.
        """
        return 1.0 - power(ctx, self.value(ctx, name, t), t) if self.debias else 1.0

    def _move(self, ctx: Context, params: Array, m: Array, v_hat: Array, t: int) -> Array:
        """``alpha m_hat / (sqrt(v_hat) + epsilon)``, eq. (5)."""
        epsilon = self.value(ctx, "epsilon", t)
        m_hat = m / self._weight(ctx, "beta1", t)
        root = ctx.xp.sqrt(v_hat + epsilon) if self.epsilon_place == "inside" else ctx.xp.sqrt(v_hat) + epsilon
        return params - self.value(ctx, "step_size", t) * quotient(ctx, m_hat, root, epsilon)


@dataclass(frozen=True, eq=False)
class Adam(_AdamLike, ElementwiseRule):
    """Adam, eqs. (3)-(5) of "Dissecting Adam"; where numerator and denominator vanish, nothing moves.

    Attributes
    ----------
    epsilon_place : {"outside", "inside"}
        ``sqrt(v) + epsilon`` (default) or ``sqrt(v + epsilon)``.
    debias : bool
        Divide the averages by ``1 - beta^t``.
    weight_decay : hyperparameter
        L2 decay, added to the gradient.
    """

    State: ClassVar[type] = MomentsState

    def step(self, params: Array, grad: Array, state: MomentsState) -> tuple[Array, MomentsState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        m, v = self._averages(ctx, add_weight_decay(self, ctx, params, grad, t), state, t)
        v_hat = v / self._weight(ctx, "beta2", t)
        return self._move(ctx, params, m, v_hat, t), MomentsState(t, m, v)


@dataclass(frozen=True, eq=False)
class AdamW(_AdamLike, ElementwiseRule):
    """Adam with decoupled decay: ``theta <- (1 - alpha weight_decay) theta`` ahead of the step."""

    State: ClassVar[type] = MomentsState

    weight_decay: Hyper = hyper(0.01, domain="[0, inf)", kw_only=True)

    def step(self, params: Array, grad: Array, state: MomentsState) -> tuple[Array, MomentsState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        params = shrink(self, ctx, params, self.value(ctx, "step_size", t), t)
        m, v = self._averages(ctx, grad, state, t)
        v_hat = v / self._weight(ctx, "beta2", t)
        return self._move(ctx, params, m, v_hat, t), MomentsState(t, m, v)


@dataclass(frozen=True, eq=False)
class AMSGrad(_AdamLike, ElementwiseRule):
    """Adam whose second moment never falls.

    Attributes
    ----------
    maximum : {"raw", "corrected"}
        Running maximum of ``v`` ahead of the bias correction (default, as torch) or of the corrected
        ``v / (1 - beta_2^t)``. Reddi et al. have no bias correction: ``debias=False``, where the two agree.
    """

    State: ClassVar[type] = MaximumState

    maximum: Literal["raw", "corrected"] = choice("raw", "raw", "corrected")

    def step(self, params: Array, grad: Array, state: MaximumState) -> tuple[Array, MaximumState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        m, v = self._averages(ctx, add_weight_decay(self, ctx, params, grad, t), state, t)
        weight = self._weight(ctx, "beta2", t)
        if self.maximum == "raw":
            v_max = ctx.xp.maximum(state.v_max, v)
            v_hat = v_max / weight
        else:
            v_max = v_hat = ctx.xp.maximum(state.v_max, v / weight)
        return self._move(ctx, params, m, v_hat, t), MaximumState(t, m, v, v_max)
