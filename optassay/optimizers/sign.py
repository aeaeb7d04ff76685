"""Sign descent of "Dissecting Adam": SSD and M-SSD (Algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..arrays import Array
from ._rule import ElementwiseRule, Hyper, choice, hyper
from .sgd import CounterState, MomentumState


def sign(x: Array, xp: Any, at_zero: int = 0) -> Array:
    """Sign, with ``sign(0) = 0`` in practice and 1 in the paper's theory (footnote 3)."""
    signs = xp.sign(x)
    return xp.where(x == 0, xp.ones_like(x), signs) if at_zero == 1 else signs


@dataclass(frozen=True, eq=False)
class SignDescent(ElementwiseRule):
    """SSD: ``theta <- theta - alpha sign(g)``.

    Attributes
    ----------
    sign_of_zero : {0, 1}
        The paper's practice (default) or its theory, footnote 3.
    """

    State: ClassVar[type] = CounterState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    sign_of_zero: Literal[0, 1] = choice(0, 0, 1)

    def step(self, params: Array, grad: Array, state: CounterState) -> tuple[Array, CounterState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        return params - self.value(ctx, "step_size", t) * sign(grad, ctx.xp, self.sign_of_zero), CounterState(t)


@dataclass(frozen=True, eq=False)
class MomentumSign(ElementwiseRule):
    """M-SSD, Algorithm 1: the sign of a momentum term.

    Attributes
    ----------
    convention : {"heavy-ball", "ema"}
        ``m <- mu m + g`` (the paper) or ``m <- mu m + (1 - mu) g`` (third-party codes). The signs differ through
        rounding only, and at ``mu = 1``, where the average never moves.
    """

    State: ClassVar[type] = MomentumState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    momentum: Hyper = hyper(0.9, domain="[0, 1]")
    convention: Literal["heavy-ball", "ema"] = choice("heavy-ball", "heavy-ball", "ema")
    sign_of_zero: Literal[0, 1] = choice(0, 0, 1)

    @classmethod
    def paper(cls, **overrides: Any) -> MomentumSign:
        """Algorithm 1."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> MomentumSign:
        """SignSGD of pytorch_optimizer 4.1.0; the authors published no code of M-SSD."""
        return cls(**{"convention": "ema", **overrides})

    def step(self, params: Array, grad: Array, state: MomentumState) -> tuple[Array, MomentumState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha = self.value(ctx, "step_size", t)
        mu = self.value(ctx, "momentum", t)
        w = 1.0 if self.convention == "heavy-ball" else 1.0 - mu
        m = mu * state.m + w * grad  # line 4
        return params - alpha * sign(m, ctx.xp, self.sign_of_zero), MomentumState(t, m)  # line 5
