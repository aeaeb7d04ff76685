"""Stochastic gradient descent, without and with momentum in the conventions in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from ..arrays import Array, Context
from ._rule import ElementwiseRule, Hyper, Rule, choice, hyper, is_zero


class CounterState(NamedTuple):
    """State of a rule without memory: the number of finished steps."""

    t: int


class MomentumState(NamedTuple):
    """Finished steps and the momentum term, of the parameters' shape."""

    t: int
    m: Array


def add_weight_decay(rule: Rule, ctx: Context, params: Array, grad: Array, t: int) -> Array:
    """L2 decay: the gradient of ``weight_decay / 2 * |params|^2`` joins the gradient."""
    decay = rule.value(ctx, "weight_decay", t)
    return grad if is_zero(decay) else grad + decay * params


def shrink(rule: Rule, ctx: Context, params: Array, step_size: Any, t: int) -> Array:
    """Decoupled decay: ``params * (1 - step_size * weight_decay)``, ahead of the step."""
    decay = rule.value(ctx, "weight_decay", t)
    return params if is_zero(decay) else params * (1.0 - step_size * decay)


@dataclass(frozen=True, eq=False)
class GradientDescent(ElementwiseRule):
    """``theta <- theta - alpha g``, with optional L2 decay."""

    State: ClassVar[type] = CounterState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    def step(self, params: Array, grad: Array, state: CounterState) -> tuple[Array, CounterState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        g = add_weight_decay(self, ctx, params, grad, t)
        return params - self.value(ctx, "step_size", t) * g, CounterState(t)


@dataclass(frozen=True, eq=False)
class Momentum(ElementwiseRule):
    """Gradient descent along a momentum term.

    Attributes
    ----------
    convention : {"heavy-ball", "ema", "torch"}
        ``m <- beta m + w g`` with ``w = 1``, ``w = 1 - beta`` or ``w = 1 - dampening``; "torch" also starts with
        ``m_1 = g_1`` whatever the dampening, as ``torch.optim.SGD`` does.
    dampening : hyperparameter
        For the convention "torch" only.
    nesterov : bool
        Step along ``beta m + w g`` instead of ``m``.
    weight_decay : hyperparameter
        L2 decay, added to the gradient.
    """

    State: ClassVar[type] = MomentumState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    momentum: Hyper = hyper(0.9, domain="[0, 1]")
    convention: Literal["heavy-ball", "ema", "torch"] = choice("heavy-ball", "heavy-ball", "ema", "torch")
    nesterov: bool = choice(False, False, True)
    dampening: Hyper = hyper(0.0, domain="[0, 1]", kw_only=True)
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if is_zero(self.dampening):
            return
        if self.convention != "torch":
            raise ValueError(f"dampening needs convention 'torch', got {self.convention!r}")
        if self.nesterov:
            raise ValueError(f"nesterov needs dampening 0, got {self.dampening!r}")

    def step(self, params: Array, grad: Array, state: MomentumState) -> tuple[Array, MomentumState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha = self.value(ctx, "step_size", t)
        beta = self.value(ctx, "momentum", t)
        g = add_weight_decay(self, ctx, params, grad, t)
        match self.convention:
            case "heavy-ball":
                w = 1.0
            case "ema":
                w = 1.0 - beta
            case "torch":
                w = 1.0 - self.value(ctx, "dampening", t) if t > 1 else 1.0
        m = beta * state.m + w * g
        direction = beta * m + w * g if self.nesterov else m
        return params - alpha * direction, MomentumState(t, m)
