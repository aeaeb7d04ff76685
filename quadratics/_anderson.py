"""Anderson mixing for many linear systems at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace

from optassay.arrays import Array

from ._anderson_basis import BasisSteps
from ._anderson_kernel import compiled_steps, serves
from ._anderson_rules import Penalty, RuleSteps, rule_for
from ._blocks import Pick, in_blocks
from ._breakdown import Breakdown
from ._systems import Side, Systems, length, steps_of


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
    solver: Literal["basis", "factors", "gram"] | None = None,
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
    solver : {"basis", "factors", "gram"}, optional
        "basis": an orthonormal basis of ``R_k`` that grows by one vector a step, the cheapest, for methods that keep
        all columns (up to a restart) and have no penalty and no (14). "factors", "gram": as in
        :class:`optassay.optimizers.AndersonMixing`. None: "basis" where it applies, else "factors".
    rank_tolerance : float, optional
        Cut-off of "factors" and "gram".

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
    is the k-th point of GMRES, whatever the ``beta_k``. Large NumPy batches run in blocks that stay in the cache, on
    as many threads as BLAS may use, and with solver "basis" in compiled loops if the machine has a C compiler. Source:
    "Stochastic Anderson Mixing", (3)-(17), section 5.
    """
    systems = Systems.of(matrix, rhs, start, preconditioner, side)
    steps = steps_of(steps)
    if memory is not None and (isinstance(memory, bool) or not isinstance(memory, int) or memory < 1):
        raise ValueError(f"memory must be None or a positive integer, got {memory!r}")
    _refuse_zero(mixing)
    if penalty not in ("points", "coefficients", "adaptive"):
        raise ValueError(f"penalty must be 'points', 'coefficients' or 'adaptive', got {penalty!r}")
    if not _all(regularization, lambda value: value >= 0):
        raise ValueError(f"regularization must lie in [0, inf), got {regularization!r}")
    inverse = systems.preconditioner
    if inverse is not None and (positivity is not None or penalty == "coefficients"):
        raise ValueError("a right preconditioner needs positivity None and penalty 'points' or 'adaptive'")
    longest = max(1, steps if restart is None else min(restart, steps))  # columns there can be
    plain = positivity is None and _all(regularization, lambda value: value == 0)
    fits = plain and rank_tolerance is None and (memory is None or memory >= longest)
    if solver == "basis" and not fits:
        raise ValueError(
            "solver 'basis' needs regularization 0, positivity None, rank_tolerance None and a memory of all columns "
            f"({longest}), got {regularization!r}, {positivity!r}, {rank_tolerance!r} and {memory!r}"
        )
    basis = solver == "basis" or (solver is None and fits)
    options: dict[str, Any] = {
        "memory": longest if memory is None else min(memory, longest),
        "restart": restart,
        "positivity": positivity,
        "solver": "factors" if solver is None or basis else solver,
        "rank_tolerance": rank_tolerance,
    }

    compiled = basis and serves(systems, steps)

    def work(part: Systems, pick: Pick, out: Sequence[Array]) -> None:
        points, bars, alphas, codes = out
        schedules = {"mixing": _of_k(pick(mixing), _refuse_zero), "damping": _of_k(pick(damping))}
        inner = None if basis else part.preconditioner
        rule = rule_for(penalty, pick(regularization), inner, {**options, **schedules})
        with np.errstate(over="ignore", invalid="ignore"):  # a run that overflows is reported, not warned of
            if compiled and len(part.batch) == 1:
                found = compiled_steps(part, rule, longest, points, bars, alphas)
            else:
                stepper = BasisSteps(part, rule, longest) if basis else RuleSteps(rule, part)
                found = _by_steps(part, stepper, points, bars, alphas)
            codes[0, ..., 0], codes[1, ..., 0] = _breakdown(part, points, bars, alphas[..., 0], *found)

    d, rows = systems.start.shape[-1], steps + 1
    shapes = [(rows, d), (rows, d), (rows, 1), (2, 1)]
    points, bars, alphas, codes = in_blocks(systems, 2 * longest, shapes, work, one_by_one=compiled)
    xp = systems.ctx.xp
    reason, first = (xp.astype(codes[i, ..., 0], xp.int64) for i in (0, 1))
    return AndersonIterates(points, bars, reason, first, alphas[..., 0])


def _by_steps(
    systems: Systems, stepper: BasisSteps | RuleSteps, points: Array, bars: Array, alphas: Array
) -> tuple[Array, ...]:
    """Fill the arrays; ``|r|``, its rounding noise, ``|dr|`` and "solved", each (steps + 1, ...)."""
    xp = systems.ctx.xp
    x = systems.start
    found: list[tuple[Array, ...]] = []
    for k in range(points.shape[0]):
        r = systems.residual(x)
        size, noise = length(xp, r), systems.rounding(length(xp, x))
        done = (size <= noise) & xp.isfinite(size)
        new, bar, alpha, change = stepper.step(x, r)
        if bool(xp.any(done)):
            new, bar = (xp.where(done[..., None], x, v) for v in (new, bar))
        points[k, ...], bars[k, ...], alphas[k, ...] = x, bar, alpha
        found.append((size, noise, change, done))
        x = new
    return tuple(xp.stack(column) for column in zip(*found, strict=True))


def _breakdown(
    systems: Systems, points: Array, bars: Array, alphas: Array, size: Array, noise: Array, change: Array, solved: Array
) -> tuple[Array, Array]:
    """:class:`Breakdown` and its first step (...); 0 and -1 without one."""
    ctx = systems.ctx
    xp = ctx.xp
    reach = length(xp, points[1:, ...]) + length(xp, systems.start)
    still = (length(xp, bars[1:, ...] - bars[:-1, ...]) <= 32 * ctx.eps * reach) & (alphas[1:, ...] == 1.0)
    stuck = (change <= noise) | xp.concat([xp.zeros_like(still[:1, ...]), still], axis=0)
    overflow = ~xp.isfinite(size)
    broken = solved | stuck | overflow
    first = xp.argmax(xp.astype(broken, xp.int64), axis=0, keepdims=True)
    solved, overflow, broken = (xp.take_along_axis(v, first, axis=0)[0, ...] for v in (solved, overflow, broken))
    if bool(xp.any(broken & ~solved & ~overflow)):  # at the solution the projected point does not move either
        bar = xp.take_along_axis(bars, xp.broadcast_to(first[..., None], (1, *bars.shape[1:])), axis=0)[0, ...]
        solved = solved | (length(xp, systems.residual(bar)) <= systems.rounding(length(xp, bar)))
    step = xp.astype(first[0, ...], bars.dtype)
    reason = xp.where(solved, xp.full_like(step, Breakdown.SOLVED), xp.full_like(step, Breakdown.STAGNATION))
    reason = xp.where(overflow, xp.full_like(step, Breakdown.NONFINITE), reason)
    return xp.where(broken, reason, xp.zeros_like(reason)), xp.where(broken, step, xp.full_like(step, -1.0))


def _all(value: Any, holds: Callable[[Any], Any]) -> bool:
    """Whether every entry of a number or array satisfies the condition."""
    found = holds(value)
    return bool(found) if getattr(found, "ndim", 0) == 0 else bool(array_namespace(found).all(found))


def _refuse_zero(mixing: Any) -> None:
    if not callable(mixing) and not _all(mixing, lambda value: value != 0):
        raise ValueError(f"mixing must not be zero, got {mixing!r}")


def _of_k(value: Any, check: Callable[[Any], None] = lambda value: None) -> Any:
    """A function of ``k`` as the schedule of ``t = k + 1`` that rules take."""
    if not callable(value):
        return value

    def schedule(t: int) -> Any:
        current = value(t - 1)
        check(current)
        return current

    return schedule
