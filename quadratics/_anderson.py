"""Anderson mixing for many linear systems at once: the update rules of the core with ``-grad = b - A x``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NamedTuple

import numpy as np

from optassay.arrays import Array, Context
from optassay.optimizers import AdaSAM, PreconditionedAdaSAM, RegularizedAnderson, Rule, StochasticAnderson
from optassay.optimizers._rule import hyper

from ._systems import Side, Systems, apply, length, steps_of

Penalty = Literal["points", "coefficients", "adaptive"]


class Breakdown(IntEnum):
    """Why a run stopped moving."""

    NONE = 0
    SOLVED = 1  # the residual is rounding noise (or zero): the point is kept from there on
    STAGNATION = 2  # the projected point did not move while the residual is not zero
    NONFINITE = 3  # overflow


@dataclass(frozen=True)
class AndersonIterates:
    """Points of Anderson mixing on linear systems.

    Attributes
    ----------
    iterates, projected : array, shape (steps + 1, ..., d)
        ``x_k`` and ``x_bar_k`` of (8); row 0 of both is the start.
    breakdown, breakdown_step : array of integers, shape (...)
        :class:`Breakdown`, and the first ``k`` at which it was seen; -1 without one.
    damping : array, shape (steps + 1, ...)
        ``alpha_k`` as used, after (14) has shrunk it.
    """

    iterates: Array
    projected: Array
    breakdown: Array
    breakdown_step: Array
    damping: Array

    def reason(self, index: tuple[int, ...] = ()) -> Breakdown:
        """The breakdown of one run."""
        return Breakdown(int(self.breakdown[index]))


@dataclass(frozen=True, eq=False)
class _SignedRegularized(RegularizedAnderson):
    """Without the demand of a positive ``beta``: on linear systems any but zero will do."""

    mixing: Any = hyper(1.0, domain="(-inf, inf)")


@dataclass(frozen=True, eq=False)
class _SignedStochastic(StochasticAnderson):
    mixing: Any = hyper(1.0, domain="(-inf, inf)")


@dataclass(frozen=True, eq=False)
class _SignedAdaptive(AdaSAM):
    mixing: Any = hyper(1.0, domain="(-inf, inf)")


class _Count(NamedTuple):
    t: int


@dataclass(frozen=True, eq=False)
class _LinearStep(Rule):
    """``x - beta M^-1 grad``: the mixing step of (17)."""

    inverse: Any = None
    mixing: Any = 1.0
    State = _Count

    def init(self, params: Array) -> _Count:
        return _Count(0)

    def step(self, params: Array, grad: Array, state: _Count) -> tuple[Array, _Count]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        return params - self.value(ctx, "mixing", t) * apply(ctx.xp, self.inverse, grad), _Count(t)


def anderson_iterates(
    matrix: Array,
    rhs: Array,
    start: Array,
    mixing: float | Array | Callable[[int], float | Array],
    steps: int,
    memory: int | None = None,
    damping: float | Array | Callable[[int], float | Array] = 1.0,
    regularization: float | Array = 0.0,
    *,
    penalty: Penalty = "points",
    restart: int | None = None,
    positivity: float | None = None,
    preconditioner: Array | None = None,
    side: Side = "right",
    solver: Literal["factors", "gram"] = "factors",
    rank_tolerance: float | None = None,
) -> AndersonIterates:
    """Anderson mixing with the residual ``b - A x``; every leading axis is a batch of independent systems.

    Parameters
    ----------
    matrix : array, shape (..., d, d)
        Square; symmetric positive definite is not asked for, singular is allowed.
    rhs, start : array, shape (..., d)
    mixing : number, array over the batch, or function of ``k = 0, 1, ...``
        ``beta_k``, not zero; negative values are allowed.
    steps : int
    memory : int, optional
        ``m``; None keeps every column.
    damping : number, array over the batch, or function of ``k``
        ``alpha_k`` of (8), (9).
    regularization : number or array over the batch
        ``delta`` of (10), (11), or ``c_1`` of (16).
    penalty : {"points", "coefficients", "adaptive"}
        ``delta |X Gamma|^2`` (11), ``delta |Gamma|^2`` (10), or (16) with ``c_2 = epsilon = 0``.
    restart : int, optional
        Forget the columns every so many steps.
    positivity : float, optional
        ``mu``: shrink ``alpha_k`` until (14) holds, line 9 of Algorithm 1.
    preconditioner : array, shape (..., d, d), optional
        ``M^-1``. From the right: the mixing step is ``x_bar + beta M^-1 r_bar``, which is (17) for ``beta = 1``. From
        the left: the method for ``M^-1 A x = M^-1 b``.
    side : {"right", "left"}
    solver, rank_tolerance
        See :class:`optassay.optimizers.AndersonMixing`.

    Returns
    -------
    AndersonIterates

    Raises
    ------
    TypeError, ValueError
        Complex or non-square matrices, shapes that do not fit, ``mixing`` zero, ``memory`` below 1, negative
        ``regularization`` or ``damping``.

    Notes
    -----
    With ``memory=None``, ``damping=1``, ``regularization=0``, A nonsingular and no stagnation before, ``projected[k]``
    is the k-th point of GMRES, whatever the ``beta_k``. Source: "Stochastic Anderson Mixing", (3)-(17), section 5.
    """
    systems = Systems.of(matrix, rhs, start, preconditioner, side)
    ctx, steps = systems.ctx, steps_of(steps)
    if memory is not None and (isinstance(memory, bool) or not isinstance(memory, int) or memory < 1):
        raise ValueError(f"memory must be None or a positive integer, got {memory!r}")
    _refuse_zero(ctx, mixing)
    if penalty not in ("points", "coefficients", "adaptive"):
        raise ValueError(f"penalty must be 'points', 'coefficients' or 'adaptive', got {penalty!r}")
    options: dict[str, Any] = {
        "memory": max(1, steps if memory is None else min(memory, max(1, steps))),
        "mixing": _of_k(ctx, mixing, "mixing"),
        "damping": _of_k(ctx, damping),
        "restart": restart,
        "positivity": positivity,
        "solver": solver,
        "rank_tolerance": rank_tolerance,
        "nonfinite": "propagate",
    }
    rule: Any
    if systems.preconditioner is not None:
        if positivity is not None or penalty == "coefficients":
            raise ValueError("a right preconditioner needs positivity None and penalty 'points' or 'adaptive'")
        # With mixing 1 the delta of (16) is max{c1 ..., c2}; the mixing parameter goes into the inner step.
        inner = _LinearStep(systems.preconditioner, options.pop("mixing"), nonfinite="propagate")
        constants: dict[str, Any]
        constants = {"c1": 0.0, "c2": regularization} if penalty == "points" else {"c1": regularization, "c2": 0.0}
        rule = PreconditionedAdaSAM(inner=inner, epsilon=0.0, **options, **constants)
    elif penalty == "coefficients":
        rule = _SignedRegularized(**options, regularization=regularization)
    elif penalty == "adaptive":
        rule = _SignedAdaptive(**options, c1=regularization, c2=0.0, epsilon=0.0)
    else:
        rule = _SignedStochastic(**options, regularization=regularization)
    with np.errstate(over="ignore", invalid="ignore"):  # a run that overflows is reported, not warned of
        return _run(systems, rule, steps)


def _run(systems: Systems, rule: Any, steps: int) -> AndersonIterates:
    ctx = systems.ctx
    xp = ctx.xp
    x = xp.asarray(systems.start, copy=True)
    state = rule.init(x)
    reason = ctx.zeros(x.shape[:-1], dtype=xp.int64)
    first = xp.full_like(reason, -1)
    points, projected, damping, bar = [], [], [], x
    for k in range(steps + 1):
        r = systems.residual(x)
        size = length(xp, r)
        solved = (size <= systems.rounding(x)) & xp.isfinite(size)
        new, state, new_bar = rule.step_with_projection(x, -r, state)
        new_bar = xp.where(solved[..., None], x, new_bar)
        code = xp.where(solved, _code(xp, reason, Breakdown.SOLVED), xp.zeros_like(reason))
        if k > 0:
            unmoved = length(xp, new_bar - bar) <= 32 * ctx.eps * (length(xp, bar) + length(xp, bar - systems.start))
            mixing_only = state.damping == 1.0
            stuck = unmoved & mixing_only & ~solved
            code = xp.where(stuck, _code(xp, reason, Breakdown.STAGNATION), code)
        overflow = ~xp.all(xp.isfinite(new_bar), axis=-1)
        code = xp.where(overflow, _code(xp, reason, Breakdown.NONFINITE), code)
        fresh = (reason == 0) & (code != 0)
        reason = xp.where(fresh, code, reason)
        first = xp.where(fresh, xp.full_like(first, k), first)
        points.append(x)
        projected.append(new_bar)
        damping.append(state.damping)
        bar = new_bar
        x = xp.where(solved[..., None], x, new)
    return AndersonIterates(xp.stack(points), xp.stack(projected), reason, first, xp.stack(damping))


def _code(xp: Any, like: Array, code: Breakdown) -> Array:
    return xp.full_like(like, int(code))


def _refuse_zero(ctx: Context, mixing: Any) -> None:
    if callable(mixing):
        return
    if bool(ctx.xp.any(ctx.asarray(mixing) == 0)):
        raise ValueError(f"mixing must not be zero, got {mixing!r}")


def _of_k(ctx: Context, value: Any, name: str = "") -> Any:
    """A function of ``k`` as the schedule of ``t = k + 1`` that rules take."""
    if not callable(value):
        return value

    def schedule(t: int) -> Any:
        current = value(t - 1)
        if name:
            _refuse_zero(ctx, current)
        return current

    return schedule
