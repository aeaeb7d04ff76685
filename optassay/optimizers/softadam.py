"""SoftAdam: a denominator between that of SGD with momentum and that of Adam."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar, Literal

from ..arrays import Array, Context
from ._rule import ElementwiseRule, Hyper, choice, hyper, is_positive, minimum, power, square_root
from .adam import quotient
from .sgd import shrink
from .variance_adapted import MomentsState


@dataclass(frozen=True, eq=False)
class SoftAdam(ElementwiseRule):
    """SoftAdam, Algorithm 1 and appendix A.

    Attributes
    ----------
    step_size, beta1, beta2, eta, epsilon : hyperparameters
        ``eta`` mixes: 0 is SGD with momentum (running average), any real number is allowed.
    weight_decay : hyperparameter
        Decoupled: ``theta <- (1 - alpha weight_decay) theta`` ahead of the step. Algorithm 1 lists it as an input
        without using it; this is the appendix' line.
    nesterov : bool
        Step along ``beta_1 m + (1 - beta_1) g`` (appendix A).
    segments : tuple of int, optional
        Lengths of the tensors that make up the last axis: the mean of ``v`` is taken over each of them, as in the
        published code. None (default, Algorithm 1): over all elements.
    eta_sign : {"signed", "absolute"}
        ``eta r`` (Algorithm 1) or ``|eta| r`` (the code, which squares eta under a root); differs for ``eta < 0``.
    ratio, relative : {"root", "plain"}
        Readings of section 3: ``r`` and the relative second moment with (Algorithm 1, code) or without root.
    epsilon_power : {2, 1}
        ``mean(v) + epsilon^2`` (section 3, code) or ``mean(v) + epsilon`` (a reading of Algorithm 1).
    average : {"hat", "corrected"}
        ``v`` by ``beta2_hat = min(beta_2, 1 - 1/t)``, or, to compare, by ``beta_2`` and bias correction; ``r`` is
        the same.
    zero_over_zero : {"stay", "nan"}
        What a coordinate does whose step is 0/0 (no gradient so far, and ``epsilon = 0`` or ``eta <= -1/2``): the
        paper is silent and here it stays; the code makes it NaN.
    """

    State: ClassVar[type] = MomentsState

    step_size: Hyper = hyper(0.1, domain="[0, inf)")
    beta1: Hyper = hyper(0.9, domain="[0, 1)")
    beta2: Hyper = hyper(0.999, domain="[0, 1)")
    eta: Hyper = hyper(1.0, domain="(-inf, inf)")
    epsilon: Hyper = hyper(1e-8, domain="[0, inf)")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)
    nesterov: bool = choice(False, False, True)
    segments: tuple[int, ...] | None = None
    eta_sign: Literal["signed", "absolute"] = choice("signed", "signed", "absolute")
    ratio: Literal["root", "plain"] = choice("root", "root", "plain")
    relative: Literal["root", "plain"] = choice("root", "root", "plain")
    epsilon_power: Literal[1, 2] = choice(2, 2, 1)
    average: Literal["hat", "corrected"] = choice("hat", "hat", "corrected")
    zero_over_zero: Literal["stay", "nan"] = choice("stay", "stay", "nan")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.segments is not None:
            segments = tuple(self.segments)
            if not segments or any(not isinstance(n, int) or n < 1 for n in segments):
                raise ValueError(f"segments must be positive lengths, got {self.segments!r}")
            object.__setattr__(self, "segments", segments)

    @classmethod
    def paper(cls, **overrides: Any) -> SoftAdam:
        """Algorithm 1: mean over all elements, signed ``eta``."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> SoftAdam:
        """The authors' code: ``|eta|``, and the mean per tensor (give the tensors' lengths as ``segments``).

        ``nesterov`` stays off as in appendix A; the repository's constructor turns it on.
        """
        return cls(**{"eta_sign": "absolute", "zero_over_zero": "nan", **overrides})

    def init(self, params: Array) -> MomentsState:
        state = super().init(params)
        if self.segments is not None and sum(self.segments) != params.shape[-1]:
            raise ValueError(
                f"segments must add up to the length of params' last axis, {params.shape[-1]}, got {self.segments}"
            )
        return state

    def step(self, params: Array, grad: Array, state: MomentsState) -> tuple[Array, MomentsState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha, beta1, beta2, eta = (self.value(ctx, name, t) for name in ("step_size", "beta1", "beta2", "eta"))
        m = beta1 * state.m + (1.0 - beta1) * grad
        beta2_hat = minimum(ctx, beta2, 1.0 - 1.0 / t)
        kept = beta2_hat if self.average == "hat" else beta2
        v = kept * state.v + (1.0 - kept) * (grad * grad)
        r = (1.0 - beta2) / (1.0 - beta2_hat)
        if self.ratio == "root":
            r = square_root(ctx, r)
        e = (abs(eta) if self.eta_sign == "absolute" else eta) * r
        relative = self._relative(ctx, v if self.average == "hat" else v / (1.0 - power(ctx, beta2, t)), t)
        denominator = (1.0 + eta - e) + e * relative
        least = (1.0 + eta - e) if is_positive(ctx, e) else 0.0  # relative >= 0
        direction = beta1 * m + (1.0 - beta1) * grad if self.nesterov else m
        params = shrink(self, ctx, params, alpha, t)
        return params - alpha * (1.0 + eta) * self._divide(ctx, direction, denominator, least), MomentsState(t, m, v)

    def _divide(self, ctx: Context, numerator: Array, denominator: Array, least: Any) -> Array:
        return numerator / denominator if self.zero_over_zero == "nan" else quotient(ctx, numerator, denominator, least)

    def _relative(self, ctx: Context, v: Array, t: int) -> Array:
        """``sqrt(v / (mean(v) + epsilon^2))``; 0 where all of ``v`` and ``epsilon`` vanish."""
        xp = ctx.xp
        epsilon = self.value(ctx, "epsilon", t)
        floor = epsilon * epsilon if self.epsilon_power == 2 else epsilon
        if self.segments is None:
            mean = xp.mean(v, axis=-1, keepdims=True)
        elif hasattr(xp, "segment_sums"):  # a namespace that records expressions knows its tensors
            lengths = ctx.asarray([float(n) for n in self.segments])
            mean = xp.segment_spread(xp.segment_sums(v, self.segments) / lengths, self.segments)
        else:
            ends = list(accumulate(self.segments))
            means = [
                xp.broadcast_to(xp.mean(v[..., end - n : end], axis=-1, keepdims=True), (*v.shape[:-1], n))
                for n, end in zip(self.segments, ends, strict=True)
            ]
            mean = xp.concat(means, axis=-1)
        x = self._divide(ctx, v, xp.broadcast_to(mean + floor, v.shape), floor)
        return xp.sqrt(x) if self.relative == "root" else x
