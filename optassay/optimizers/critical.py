"""Critical gradients and critical momenta ("Promoting Exploration in Memory-Augmented Adam using Critical Momenta").

Equation numbers are that paper's. The options of the buffer are those of :class:`CriticalRule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

from ..arrays import Array, Context
from ._buffer import Buffer
from ._critical import CriticalRule
from ._rule import Hyper, Rule, check_params, choice, hyper, is_zero
from .adam import Adam, AMSGrad, _AdamLike
from .baselines import RMSprop
from .sgd import Momentum, shrink


class CriticalGradientsState(NamedTuple):
    """Finished steps, the stored gradients, and the state of the rule that uses the aggregate."""

    t: int
    buffer: Buffer
    inner: Any


class SGDCriticalMomentaState(NamedTuple):
    """Finished steps, the momentum and the stored momenta."""

    t: int
    m: Array
    buffer: Buffer


class AdamCriticalMomentaState(NamedTuple):
    """Finished steps, the momentum, the second moment of the aggregate, its running maximum, the stored momenta."""

    t: int
    m: Array
    v: Array
    v_max: Array
    buffer: Buffer


@dataclass(frozen=True, eq=False)
class _CriticalGradients(CriticalRule):
    """``a_t = g_t + mean of the stored gradients`` (6), handed to a rule in place of the gradient; key ``|g_t|``."""

    State: ClassVar[type] = CriticalGradientsState

    @cached_property
    def inner(self) -> Rule:
        """The rule that receives the aggregate."""
        raise NotImplementedError

    def init(self, params: Array) -> CriticalGradientsState:
        ctx = check_params(params)
        return CriticalGradientsState(0, self._empty(ctx, params), self.inner.init(params))

    def step(
        self, params: Array, grad: Array, state: CriticalGradientsState, *, key_gradient: Array | None = None
    ) -> tuple[Array, CriticalGradientsState]:
        """One step; ``key_gradient`` replaces the gradient in the key (see :class:`SharpnessAware`)."""
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        key = self._key(ctx, grad if key_gradient is None else key_gradient)
        stored = self._stored(ctx, params, grad, t)
        mean, buffer = self._offer(ctx, state.buffer, key, stored, t)
        params, inner = self.inner.step(params, self._aggregate(ctx, stored, mean, buffer, t), state.inner)
        return params, CriticalGradientsState(t, buffer, inner)

    def _stored(self, ctx: Context, params: Array, grad: Array, t: int) -> Array:
        return ctx.xp.asarray(grad, copy=True)  # the buffer outlives the caller's array

    def _aggregate(self, ctx: Context, grad: Array, mean: Array, buffer: Buffer, t: int) -> Array:
        return grad + mean


@dataclass(frozen=True, eq=False)
class SGDCriticalGradients(_CriticalGradients):
    """SGD with critical gradients (10), optionally with momentum.

    Attributes
    ----------
    momentum, dampening : hyperparameters
        ``b_t = momentum b_{t-1} + (1 - dampening) a_t`` from ``b_1 = a_1``; the paper has none.
    weight_decay : hyperparameter
        L2 decay.
    decayed_gradient : {"aggregate", "stored"}
        Where L2 decay enters: into the aggregate, or (published) into the gradient ahead of its storage, the key
        remaining that of the raw gradient.
    """

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    momentum: Hyper = hyper(0.0, domain="[0, 1]")
    dampening: Hyper = hyper(0.0, domain="[0, 1]", kw_only=True)
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)
    decayed_gradient: Literal["aggregate", "stored"] = choice("aggregate", "aggregate", "stored")

    @classmethod
    def paper(cls, **overrides: Any) -> SGDCriticalGradients:
        """Eq. (10)."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> SGDCriticalGradients:
        """``SGD_C`` of chandar-lab/CMOptimizer."""
        return cls(**{"mean": "fill", "decayed_gradient": "stored", **overrides})

    @cached_property
    def inner(self) -> Rule:
        return Momentum(
            step_size=self.step_size,
            momentum=self.momentum,
            convention="torch",
            dampening=self.dampening,
            weight_decay=self.weight_decay if self.decayed_gradient == "aggregate" else 0.0,
            nonfinite="propagate",
        )

    def _stored(self, ctx: Context, params: Array, grad: Array, t: int) -> Array:
        decay = self.value(ctx, "weight_decay", t)
        if self.decayed_gradient == "aggregate" or is_zero(decay):
            return super()._stored(ctx, params, grad, t)
        return grad + decay * params


@dataclass(frozen=True, eq=False)
class AdamCriticalGradients(_CriticalGradients, _AdamLike):
    """Adam with critical gradients (3).

    Attributes
    ----------
    amsgrad : bool
        Running maximum of the second moment, ahead of its bias correction.
    weight_decay : hyperparameter
        L2 decay, added to the aggregate.
    """

    amsgrad: bool = choice(False, False, True)

    @classmethod
    def paper(cls, **overrides: Any) -> AdamCriticalGradients:
        """Eq. (3)."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> AdamCriticalGradients:
        """``Adam_C`` of chandar-lab/CMOptimizer."""
        return cls(**{"mean": "fill", **overrides})

    @cached_property
    def inner(self) -> Rule:
        rule: Any = AMSGrad if self.amsgrad else Adam
        return rule(
            step_size=self.step_size,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            epsilon_place=self.epsilon_place,
            debias=self.debias,
            weight_decay=self.weight_decay,
            nonfinite="propagate",
        )


@dataclass(frozen=True, eq=False)
class RMSpropCriticalGradients(_CriticalGradients):
    """RMSprop with critical gradients; only the published code has it.

    Attributes
    ----------
    current : {"add", "drop"}
        Aggregate with the current gradient (6), or take the mean of the stored ones alone (published, from ``t = 2``).
    weight_decay : hyperparameter
        L2 decay, added to the aggregate.
    """

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    beta2: Hyper = hyper(0.99, domain="[0, 1)")
    epsilon: Hyper = hyper(1e-8, domain="[0, inf)")
    current: Literal["add", "drop"] = choice("add", "add", "drop")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    @classmethod
    def published(cls, **overrides: Any) -> RMSpropCriticalGradients:
        """``RMSprop_C`` of chandar-lab/CMOptimizer without its momentum and centering."""
        return cls(**{"mean": "fill", "current": "drop", **overrides})

    @cached_property
    def inner(self) -> Rule:
        return RMSprop(
            step_size=self.step_size,
            beta2=self.beta2,
            epsilon=self.epsilon,
            weight_decay=self.weight_decay,
            nonfinite="propagate",
        )

    def _aggregate(self, ctx: Context, grad: Array, mean: Array, buffer: Buffer, t: int) -> Array:
        return mean if self.current == "drop" and t > 1 else grad + mean


@dataclass(frozen=True, eq=False)
class _CriticalMomenta(CriticalRule):
    """What the two rules with stored momenta share.

    Attributes
    ----------
    key : {"gradient", "momentum"}
        Whose norm is the key: section 3.1, or Algorithm 1.
    start : {"momentum", "gradient"}
        What the first step stores: ``m_1``, or (published) the raw ``g_1`` while ``m_1 = 0`` and nothing moves.
    """

    key: Literal["gradient", "momentum"] = choice("gradient", "gradient", "momentum")
    start: Literal["momentum", "gradient"] = choice("momentum", "momentum", "gradient")

    def _momenta(
        self, ctx: Context, grad: Array, key_gradient: Array | None, m: Array, buffer: Buffer, t: int
    ) -> tuple[Array, Array, Buffer]:
        """``m_t``, the aggregate (4) and the buffer; ``m`` is ``m_t`` as (4) gives it."""
        first = t == 1 and self.start == "gradient"
        stored = ctx.xp.asarray(grad, copy=True) if first else m
        m = ctx.xp.zeros_like(m) if first else m
        of = m if self.key == "momentum" else grad if key_gradient is None else key_gradient
        mean, buffer = self._offer(ctx, buffer, self._key(ctx, of), stored, t)
        return m, m + mean, buffer  # (6)


@dataclass(frozen=True, eq=False)
class SGDCriticalMomenta(_CriticalMomenta):
    """SGD with critical momenta (8): ``theta <- theta - alpha (m_t + mean of the stored momenta)``.

    Attributes
    ----------
    convention : {"ema", "heavy-ball"}
        ``m <- beta m + (1 - beta) g`` (4), or ``m <- beta m + g``, which the matrix of section 3.2 follows.
    weight_decay : hyperparameter
        Decoupled decay.
    """

    State: ClassVar[type] = SGDCriticalMomentaState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    momentum: Hyper = hyper(0.9, domain="[0, 1]")
    convention: Literal["ema", "heavy-ball"] = choice("ema", "ema", "heavy-ball")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)

    @classmethod
    def paper(cls, **overrides: Any) -> SGDCriticalMomenta:
        """Eqs. (4) and (8)."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> SGDCriticalMomenta:
        """The conventions of the published ``Adam_CM``; no code of SGD with critical momenta was published."""
        return cls(**{"mean": "fill", "start": "gradient", **overrides})

    def init(self, params: Array) -> SGDCriticalMomentaState:
        ctx = check_params(params)
        return SGDCriticalMomentaState(0, ctx.zeros(params.shape), self._empty(ctx, params))

    def step(
        self, params: Array, grad: Array, state: SGDCriticalMomentaState, *, key_gradient: Array | None = None
    ) -> tuple[Array, SGDCriticalMomentaState]:
        """One step; ``key_gradient`` replaces the gradient in the key (see :class:`SharpnessAware`)."""
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha = self.value(ctx, "step_size", t)
        beta = self.value(ctx, "momentum", t)
        m = beta * state.m + (grad if self.convention == "heavy-ball" else (1.0 - beta) * grad)  # (4)
        m, aggregate, buffer = self._momenta(ctx, grad, key_gradient, m, state.buffer, t)
        params = shrink(self, ctx, params, alpha, t)
        return params - alpha * aggregate, SGDCriticalMomentaState(t, m, buffer)  # (8)


@dataclass(frozen=True, eq=False)
class AdamCriticalMomenta(_CriticalMomenta, _AdamLike):
    """Adam with critical momenta, Algorithm 1.

    Eq. (5) averages the square of the aggregate of momenta: with ``capacity=0`` this is AdaMomentum (``epsilon``
    aside), not Adam.

    Attributes
    ----------
    square : {"aggregate", "corrected"}
        What the second moment averages the square of: the aggregate (5), or the aggregate over ``1 - beta_1^t``.
    amsgrad : bool
        Running maximum of the second moment, ahead of its bias correction.
    weight_decay : hyperparameter
        Decoupled decay.
    """

    State: ClassVar[type] = AdamCriticalMomentaState

    square: Literal["aggregate", "corrected"] = choice("aggregate", "aggregate", "corrected")
    amsgrad: bool = choice(False, False, True)

    @classmethod
    def paper(cls, **overrides: Any) -> AdamCriticalMomenta:
        """Eqs. (4)-(7) in the order of Algorithm 1, with the key of section 3.1."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> AdamCriticalMomenta:
        """``Adam_CM`` of chandar-lab/CMOptimizer."""
        return cls(**{"mean": "fill", "start": "gradient", **overrides})

    def init(self, params: Array) -> AdamCriticalMomentaState:
        ctx = check_params(params)
        m, v, v_max = (ctx.zeros(params.shape) for _ in range(3))
        return AdamCriticalMomentaState(0, m, v, v_max, self._empty(ctx, params))

    def step(
        self, params: Array, grad: Array, state: AdamCriticalMomentaState, *, key_gradient: Array | None = None
    ) -> tuple[Array, AdamCriticalMomentaState]:
        """One step; ``key_gradient`` replaces the gradient in the key (see :class:`SharpnessAware`)."""
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        beta1 = self.value(ctx, "beta1", t)
        beta2 = self.value(ctx, "beta2", t)
        m = beta1 * state.m + (1.0 - beta1) * grad  # (4)
        m, aggregate, buffer = self._momenta(ctx, grad, key_gradient, m, state.buffer, t)
        squared = aggregate if self.square == "aggregate" else aggregate / self._weight(ctx, "beta1", t)
        v = beta2 * state.v + (1.0 - beta2) * (squared * squared)  # (5)
        v_max = ctx.xp.maximum(state.v_max, v) if self.amsgrad else state.v_max
        v_hat = (v_max if self.amsgrad else v) / self._weight(ctx, "beta2", t)
        params = shrink(self, ctx, params, self.value(ctx, "step_size", t), t)
        params = self._move(ctx, params, aggregate, v_hat, t)  # (7)
        return params, AdamCriticalMomentaState(t, m, v, v_max, buffer)
