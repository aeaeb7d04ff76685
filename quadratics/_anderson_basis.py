"""One step of Anderson mixing for linear systems with all columns kept: a factorisation that grows with the columns.

``R_k Gamma`` runs through the span of the columns, and so does ``Q y`` with an orthonormal basis Q of it; with P, the
same combinations of the columns of ``X_k``, the least squares problem (5) has the solution ``y = Q'r``, and (8) is
``x_bar = x - alpha P Q'r``. A new column is orthogonalised against the others as Arnoldi does it, O(k d), where a new
factorisation costs O(k^2 d).
"""

from __future__ import annotations

from typing import Any

from optassay.arrays import Array, Context

from ._systems import Systems, apply, length


class BasisSteps:
    """Steps of (3)-(6), (8), (9) without penalty.

    Parameters
    ----------
    rule : Rule
        Whose ``mixing`` and ``damping`` are taken.
    columns : int
        Steps between restarts, or all steps.
    """

    def __init__(self, systems: Systems, rule: Any, columns: int) -> None:
        self._ctx: Context = systems.ctx
        self._inverse = systems.preconditioner
        self._rule = rule
        self._d = systems.start.shape[-1]
        # Rows (q_j, p_j): one product updates both.
        self._rows = self._ctx.zeros((*systems.batch, columns, 2 * self._d))
        self._infinity = self._ctx.full((), float("inf"))
        self._change = self._ctx.full(systems.batch, float("inf"))
        self._t = 0
        self._last: Array = None  # (r, x) of the last step
        self._weights: Array = None  # Q'r of the last step

    def step(self, x: Array, r: Array) -> tuple[Array, Array, Any, Array]:
        """``x_{k+1}``, ``x_bar_k``, ``alpha_k``, 0 where nothing was mixed, and ``|dr|`` (...), infinite at first."""
        xp, d = self._ctx.xp, self._d
        self._t += 1
        here = xp.concat([r, x], axis=-1)
        alpha: Any = 0.0
        bar = here
        if self._t > 1:
            alpha = self._rule.value(self._ctx, "damping", self._t)
            bar = self._mixed(here, r, alpha, (self._t - 2) % self._rows.shape[-2])
        self._last = here
        r_bar, x_bar = bar[..., :d], bar[..., d:]
        move = r_bar if self._inverse is None else apply(xp, self._inverse, r_bar)
        return x_bar + self._rule.value(self._ctx, "mixing", self._t) * move, x_bar, alpha, self._change

    def _mixed(self, here: Array, r: Array, alpha: Any, count: int) -> Array:
        """``(r_bar, x_bar)``, after the last differences have become row ``count``."""
        xp, d, rows = self._ctx.xp, self._d, self._rows[..., :count, :]
        column = here - self._last
        bar = here
        self._change = before = length(xp, column[..., :d])
        weights = apply(xp, rows[..., :d], r)  # Q'r
        if count:
            # One product for both: Q'dr comes from the last weights. A second pass makes up for what rounding leaves.
            both = xp.matmul(xp.stack([weights - self._weights, alpha * weights], axis=-2), rows)
            column -= both[..., 0, :]
            bar = here - both[..., 1, :]
            column -= xp.matmul(apply(xp, rows[..., :d], column[..., :d])[..., None, :], rows)[..., 0, :]
        beyond = length(xp, column[..., :d])
        # A difference that depends on the others leaves a row of zeros.
        column /= xp.where(beyond <= (8.0 * d * self._ctx.eps) * before, self._infinity, beyond)[..., None]
        self._rows[..., count, :] = column
        newest = xp.vecdot(column[..., :d], r)[..., None]
        self._weights = xp.concat([weights, newest], axis=-1)
        return bar - (alpha * newest) * column
