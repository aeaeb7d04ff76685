"""Element-wise adaptive baselines: RMSprop, Adagrad, AdaBelief."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from ..arrays import Array
from ._rule import ElementwiseRule, Hyper, check_params, choice, hyper, power
from .adam import quotient
from .sgd import add_weight_decay, shrink
from .variance_adapted import MomentsState


class SquaresState(NamedTuple):
    """Finished steps and the average (RMSprop) or sum (Adagrad) of squared gradients."""

    t: int
    v: Array


@dataclass(frozen=True, eq=False)
class RMSprop(ElementwiseRule):
    """``v <- beta_2 v + (1 - beta_2) g^2``, ``theta <- theta - alpha g / (sqrt(v) + epsilon)``.

    Attributes
    ----------
    epsilon_place : {"outside", "inside"}
        ``sqrt(v) + epsilon`` (default, torch) or ``sqrt(v + epsilon)``.
    weight_decay : hyperparameter
        L2 decay, added to the gradient.
    """

    State: ClassVar[type] = SquaresState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    beta2: Hyper = hyper(0.99, domain="[0, 1)")
    epsilon: Hyper = hyper(1e-8, domain="[0, inf)")
    epsilon_place: Literal["outside", "inside"] = choice("outside", "outside", "inside")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    def step(self, params: Array, grad: Array, state: SquaresState) -> tuple[Array, SquaresState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha, beta2, epsilon = (self.value(ctx, name, t) for name in ("step_size", "beta2", "epsilon"))
        g = add_weight_decay(self, ctx, params, grad, t)
        v = beta2 * state.v + (1.0 - beta2) * (g * g)
        root = ctx.xp.sqrt(v + epsilon) if self.epsilon_place == "inside" else ctx.xp.sqrt(v) + epsilon
        return params - alpha * quotient(ctx, g, root, epsilon), SquaresState(t, v)


@dataclass(frozen=True, eq=False)
class Adagrad(ElementwiseRule):
    """``v <- v + g^2``, ``theta <- theta - alpha g / (epsilon + sqrt(v))``: eq. (2) of "SoftAdam".

    Attributes
    ----------
    initial : float
        Value of ``v`` before the first step.
    weight_decay : hyperparameter
        L2 decay, added to the gradient.
    """

    State: ClassVar[type] = SquaresState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    epsilon: Hyper = hyper(1e-10, domain="[0, inf)")
    initial: float = hyper(0.0, domain="[0, inf)", kw_only=True)
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    def init(self, params: Array) -> SquaresState:
        ctx = check_params(params)
        return SquaresState(0, ctx.full(params.shape, self.initial))

    def step(self, params: Array, grad: Array, state: SquaresState) -> tuple[Array, SquaresState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha, epsilon = (self.value(ctx, name, t) for name in ("step_size", "epsilon"))
        g = add_weight_decay(self, ctx, params, grad, t)
        v = state.v + g * g
        return params - alpha * quotient(ctx, g, epsilon + ctx.xp.sqrt(v), epsilon), SquaresState(t, v)


@dataclass(frozen=True, eq=False)
class AdaBelief(ElementwiseRule):
    """Adam with ``(g - m)^2`` for ``g^2`` and epsilon both in the state and outside the root (Zhuang et al., 2020).

    Attributes
    ----------
    weight_decay : hyperparameter
        Decoupled: ``theta <- (1 - alpha weight_decay) theta`` ahead of the step.
    """

    State: ClassVar[type] = MomentsState

    step_size: Hyper = hyper(0.001, domain="[0, inf)")
    beta1: Hyper = hyper(0.9, domain="[0, 1)")
    beta2: Hyper = hyper(0.999, domain="[0, 1)")
    epsilon: Hyper = hyper(1e-16, domain="[0, inf)")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    def step(self, params: Array, grad: Array, state: MomentsState) -> tuple[Array, MomentsState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha, beta1, beta2, epsilon = (self.value(ctx, name, t) for name in ("step_size", "beta1", "beta2", "epsilon"))
        params = shrink(self, ctx, params, alpha, t)
        m = beta1 * state.m + (1.0 - beta1) * grad
        surprise = grad - m
        v = beta2 * state.v + (1.0 - beta2) * (surprise * surprise) + epsilon
        m_hat = m / (1.0 - power(ctx, beta1, t))
        v_hat = v / (1.0 - power(ctx, beta2, t))
        return params - alpha * quotient(ctx, m_hat, ctx.xp.sqrt(v_hat) + epsilon, epsilon), MomentsState(t, m, v)
