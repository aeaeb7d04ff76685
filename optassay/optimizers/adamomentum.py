"""AdaMomentum: Adam with the square of the momentum in the second moment and epsilon in the state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import array_api_compat

from ..arrays import Array, Context
from ._rule import ElementwiseRule, Hyper, choice, hyper, power
from .adam import MaximumState, quotient
from .sgd import add_weight_decay, shrink
from .variance_adapted import MomentsState


def rectified_length(beta2: Any, t: int, ctx: Context) -> tuple[Any, Any]:
    """RAdam's length of the averaging window at step ``t``, and its limit ``2 / (1 - beta_2) - 1``."""
    limit = 2.0 / (1.0 - beta2) - 1.0
    weight = power(ctx, beta2, t)
    return limit - 2.0 * t * weight / (1.0 - weight), limit


def rectification(length: Any, limit: Any) -> Any:
    """RAdam's variance rectification ``r_t^2`` for a window ``length > 4``."""
    return (length - 4.0) / (limit - 4.0) * (length - 2.0) / length * limit / (limit - 2.0)


@dataclass(frozen=True, eq=False)
class AdaMomentum(ElementwiseRule):
    """AdaMomentum, Algorithm 1.

    Attributes
    ----------
    epsilon : hyperparameter
        Added to ``v`` in the state at every step, so that it settles at ``epsilon / (1 - beta_2)`` under the root.
    debias : bool
        Lines 7 and 8 (default); the analysis of section 4 leaves them out.
    weight_decay, decay : hyperparameter, {"decoupled", "fixed", "l2"}
        ``theta <- (1 - alpha weight_decay) theta`` ahead of the step, the same without ``alpha``, or
        ``weight_decay theta`` joins the gradient.
    rectify : bool
        RAdam's rectification (published code): the step is ``alpha r_t m_hat / (sqrt(v) + epsilon)`` once the
        averaging window has length 5.
    short_window : {"momentum", "stay"}
        Under ``rectify``, the step before: ``alpha m_hat``, or none.
    amsgrad : bool
        Running maximum of ``v``, epsilon included, ahead of the bias correction (published code); ``rectify``
        ignores it.
    zero_over_zero : {"stay", "nan"}
        What a coordinate without any gradient so far does at ``epsilon = 0``: the paper is silent and here it stays;
        the code makes it NaN.
    """

    step_size: Hyper = hyper(0.001, domain="[0, inf)")
    beta1: Hyper = hyper(0.9, domain="[0, 1)")
    beta2: Hyper = hyper(0.999, domain="[0, 1)")
    epsilon: Hyper = hyper(1e-16, domain="[0, inf)")
    debias: bool = choice(True, False, True)
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)
    decay: Literal["decoupled", "fixed", "l2"] = choice("decoupled", "decoupled", "fixed", "l2")
    rectify: bool = choice(False, False, True)
    short_window: Literal["momentum", "stay"] = choice("momentum", "momentum", "stay")
    amsgrad: bool = choice(False, False, True)
    zero_over_zero: Literal["stay", "nan"] = choice("stay", "stay", "nan")

    @classmethod
    def paper(cls, **overrides: Any) -> AdaMomentum:
        """Algorithm 1."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> AdaMomentum:
        """The authors' code, AdaM3, with its switches off: give ``rectify=True`` for its constructor's default."""
        return cls(**{"zero_over_zero": "nan", **overrides})

    def state_type(self) -> type:
        return MaximumState if self.amsgrad else MomentsState

    def step(self, params: Array, grad: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        xp = ctx.xp
        alpha, beta1, beta2, epsilon = (self.value(ctx, name, t) for name in ("step_size", "beta1", "beta2", "epsilon"))
        if self.decay == "l2":
            g = add_weight_decay(self, ctx, params, grad, t)
        else:
            params, g = shrink(self, ctx, params, alpha if self.decay == "decoupled" else 1.0, t), grad
        m = beta1 * state.m + (1.0 - beta1) * g  # line 5
        v = beta2 * state.v + (1.0 - beta2) * (m * m) + epsilon  # line 6
        new: MomentsState | MaximumState = MomentsState(t, m, v)
        v_used = v
        if self.amsgrad:
            v_used = xp.maximum(state.v_max, v)
            new = MaximumState(t, m, v, v_used)
        m_hat = m / (1.0 - power(ctx, beta1, t)) if self.debias else m  # line 7
        if self.rectify:
            return params - alpha * self._rectified(ctx, m_hat, v, beta2, epsilon, t), new
        v_hat = v_used / (1.0 - power(ctx, beta2, t)) if self.debias else v_used  # line 8
        return params - alpha * self._divide(ctx, m_hat, xp.sqrt(v_hat), epsilon), new  # line 9

    def _divide(self, ctx: Context, numerator: Array, denominator: Array, epsilon: Any) -> Array:
        return (
            numerator / denominator if self.zero_over_zero == "nan" else quotient(ctx, numerator, denominator, epsilon)
        )

    def _rectified(self, ctx: Context, m_hat: Array, v: Array, beta2: Any, epsilon: Any, t: int) -> Array:
        xp = ctx.xp
        length, limit = rectified_length(beta2, t, ctx)
        early = m_hat if self.short_window == "momentum" else xp.zeros_like(m_hat)
        weight = 1.0 - power(ctx, beta2, t)
        adaptive = self._divide(ctx, m_hat, xp.sqrt(v) + epsilon, epsilon)
        if array_api_compat.is_array_api_obj(length):
            long = length >= 5.0
            six = xp.full_like(length, 6.0)  # stands in where the window is short, so that no root is negative
            safe = rectification(xp.where(long, length, six), xp.where(long, limit, six))
            return xp.where(long, xp.sqrt(weight * safe) * adaptive, early)
        if length < 5.0:
            return early
        return math.sqrt(weight * rectification(length, limit)) * adaptive
