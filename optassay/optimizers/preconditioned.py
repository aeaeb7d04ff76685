"""Preconditioned AdaSAM (17): the mixing step is a step of another optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from ..arrays import Array, Context, to_numpy
from . import _gram
from ._gram import Pushed
from ._rule import Rule, _select, check_params, choice
from ._wrapper import check_rule
from .adam import Adam
from .anderson import AdaSAM, AndersonState, published_conventions
from .baselines import Adagrad, RMSprop


class CountedState(NamedTuple):
    """State of a rule whose steps differ from run to run: their number (...,), and the state (its ``t`` is unused)."""

    steps: Array
    state: Any


@dataclass(frozen=True, eq=False)
class PreconditionedAdaSAM(AdaSAM):
    """AdaSAM whose mixing step is ``inner`` at ``x - alpha X Gamma`` with gradient ``-(r - alpha R Gamma)`` (17).

    ``inner=GradientDescent(beta)`` gives AdaSAM. For a rule that scales its gradient by what it sees, ``M_k`` of (17)
    depends on the extragradient; a rule with momentum has no ``M_k``.

    Attributes
    ----------
    inner : Rule
    mixing : hyperparameter
        ``beta`` of (16) and of ``descent`` only.
    rejected_state : {"restored", "advanced"}
        What a rejected point (``descent``) leaves in the state of ``inner``: nothing, or (published) its step, so
        that the state advances twice.
    """

    inner: Rule | None = field(default=None)
    positivity: float | None = field(default=None, kw_only=True)  # (14) belongs to the mixing beta r
    rejected_state: Literal["restored", "advanced"] = choice("restored", "restored", "advanced")

    def __post_init__(self) -> None:
        check_rule(inner=self.inner)
        if self.positivity is not None:
            raise ValueError(f"positivity must be None: (14) holds without a preconditioner, got {self.positivity!r}")
        super().__post_init__()

    @classmethod
    def paper(cls, **overrides: Any) -> PreconditionedAdaSAM:
        """Eq. (17) around ``inner``, Adam unless given: pAdaSAM."""
        return cls(**{"inner": Adam(), **overrides})

    @classmethod
    def published(cls, inner: Rule, **overrides: Any) -> PreconditionedAdaSAM:
        """``pAdaSAM`` of wfc12/Stochastic_Anderson_Mixing around ``inner``, whose weight decay enters the residual."""
        return cls(**{**published_conventions(inner), "rejected_state": "advanced", **overrides})

    @classmethod
    def adagrad(cls, step_size: Any = 0.01, **overrides: Any) -> PreconditionedAdaSAM:
        """Adagrad-AdaSAM."""
        return cls(**{"inner": Adagrad(step_size), **overrides})

    @classmethod
    def rmsprop(cls, step_size: Any = 0.01, **overrides: Any) -> PreconditionedAdaSAM:
        """RMSprop-AdaSAM."""
        return cls(**{"inner": RMSprop(step_size), **overrides})

    @classmethod
    def adam(cls, step_size: Any = 0.001, **overrides: Any) -> PreconditionedAdaSAM:
        """pAdaSAM."""
        return cls(**{"inner": Adam(step_size), **overrides})

    def init(self, params: Array) -> AndersonState:
        state = super().init(params)
        ctx = check_params(params)
        return state._replace(inner=CountedState(ctx.zeros(params.shape[:-1], dtype=ctx.xp.int64), state.inner))

    def _without_mixing(self, ctx: Context, x: Array, grad: Array, r: Array, inner: Any, t: int) -> tuple[Array, Any]:
        return self._advance(x, grad, inner, ctx)

    def _mix(
        self, ctx: Context, x: Array, grad: Array, r: Array, pushed: Pushed, weights: Array, inner: Any, t: int
    ) -> tuple[Array, Any, Array]:
        xp, history = ctx.xp, pushed.history
        one = xp.ones_like(weights[..., :1])
        x_bar = _gram.combine(ctx, (*history.x, x), xp.concat([-weights, one], axis=-1))  # (8)
        minus_r_bar = _gram.combine(ctx, (*history.r, r), xp.concat([weights, -one], axis=-1))
        point, advanced = self._advance(x_bar, minus_r_bar, inner, ctx)
        if self.descent is None:
            return point, advanced, one > 0
        (along,) = _gram.products(ctx, ((point - x,), (r,)))
        kept = self._kept(along[..., 0], pushed.size, self.value(ctx, "mixing", t))
        if bool(xp.all(kept)):
            return point, advanced, kept
        other, inner = self._advance(x, grad, advanced if self.rejected_state == "advanced" else inner, ctx)
        return xp.where(kept, point, other), _select(kept[..., 0], advanced, inner, xp), kept

    def _advance(self, x: Array, grad: Array, inner: CountedState, ctx: Context) -> tuple[Array, CountedState]:
        """One step of ``inner`` in every run.

        Runs whose rejections differ have taken different numbers of inner steps. Rules count in Python integers, so
        every number present takes the step and its runs keep the result.
        """
        xp = ctx.xp
        point, new = x, inner.state
        for i, count in enumerate(np.unique(to_numpy(inner.steps))):
            moved, state = self._trusted.step(x, grad, _with_steps(inner.state, int(count)))
            mine = inner.steps == int(count)
            point = moved if i == 0 else xp.where(mine[..., None], moved, point)
            new = state if i == 0 else _select(mine, state, new, xp)
        return point, CountedState(inner.steps + 1, new)


def _with_steps(state: Any, t: int) -> Any:
    """``state`` with every counter ``t``, also of rules inside, set."""
    if not isinstance(state, tuple):
        return state
    entries = [_with_steps(entry, t) for entry in state]
    if not hasattr(state, "_fields"):
        return tuple(entries)
    new: Any = type(state)(*entries)
    return new._replace(t=t) if "t" in new._fields else new
