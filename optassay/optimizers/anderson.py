"""Anderson mixing and its stochastic versions ("Stochastic Anderson Mixing"); equation numbers are that paper's.

``r_k = -g_k`` is the residual, the columns of ``X_k``, ``R_k`` are the last differences of points and residuals; step
``t = k + 1``. Columns are written circularly, which permutes the coefficients and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal, NamedTuple

from ..arrays import Array, Context, context
from . import _gram, _projection
from ._gram import History, Pushed
from ._projection import Projection
from ._rule import Hyper, Rule, check_params, choice, hyper, is_zero, square_root
from ._wrapper import check_rule, check_shape


class AndersonState(NamedTuple):
    """State of every Anderson rule.

    Attributes
    ----------
    t : int
        Finished steps.
    x, r : (..., d)
        Point and residual of the last step.
    dx, dr : (..., d)
        Moving averages of their differences: the last columns written.
    history : History
    inner : state
        Of the rule inside; () without one.
    rejected : (...,)
        1 where the last step turned the mixed point down.
    damping : (...,)
        ``alpha`` of the last mixing, after (14) has shrunk it.
    """

    t: int
    x: Array
    r: Array
    dx: Array
    dr: Array
    history: History
    inner: Any
    rejected: Array
    damping: Array


@dataclass(frozen=True, eq=False)
class _Anderson(Rule):
    """Anderson mixing with its options.

    Attributes
    ----------
    memory : int
        ``m``, the number of columns.
    mixing : hyperparameter
        ``beta_k``.
    damping : hyperparameter
        ``alpha_k``; 0 leaves ``x + beta r``.
    weight_decay : hyperparameter
        L2 decay: ``r = -(g + weight_decay x)``.
    restart : int, optional
        Forget the columns every so many steps.
    period : int
        Mix at every ``period``-th step only (alternating iteration).
    average : hyperparameter
        ``gamma`` of the moving average ``dx <- gamma dx + (1 - gamma) (x - x_prev)`` (and of ``dr``) that becomes
        the new column; 0 for the plain differences.
    positivity : float, optional
        ``mu`` of (13): shrink ``alpha`` to the largest value that satisfies (14). None: no check.
    descent : float, optional
        ``nu``: keep the mixed point only if ``(x_new - x)' r > nu beta |r|^2``, otherwise take the step of ``inner``:
        (13) along ``r`` alone. None: no check.
    inner : Rule, optional
        Rule of the first step, of the steps without mixing and of rejected ones; it advances at every step. None for
        ``x + beta r``.
    solver : {"gram", "factors", "pseudoinverse"}
        Truncated eigendecomposition of the incremental Gram matrix (O(m d) per step); QR of the augmented matrix
        (O(m^2 d), accurate for condition numbers of ``R`` beyond 1e8); or the published pseudo-inverse.
    rank_tolerance : float, optional
        Cut-off of the solver; None for a multiple of the rounding unit.
    """

    State: ClassVar[type] = AndersonState

    inner: Rule | None = field(default=None, kw_only=True)  # first: positional where it is required
    memory: int = hyper(10, domain="[1, inf)")
    mixing: Hyper = hyper(1.0, domain="(0, inf)")
    damping: Hyper = hyper(1.0, domain="[0, inf)")
    weight_decay: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)
    restart: int | None = hyper(None, domain="[1, inf)", kw_only=True)
    period: int = hyper(1, domain="[1, inf)", kw_only=True)
    average: Hyper = hyper(0.0, domain="[0, 1)", kw_only=True)
    positivity: float | None = field(default=None, kw_only=True)
    descent: float | None = field(default=None, kw_only=True)
    solver: Literal["gram", "factors", "pseudoinverse"] = choice("gram", "gram", "factors", "pseudoinverse")
    rank_tolerance: float | None = hyper(None, domain="[0, 1)", kw_only=True)

    _penalty: ClassVar[Literal["none", "identity", "points"]] = "none"

    def __post_init__(self) -> None:
        for name in ("memory", "period", "restart"):
            value = getattr(self, name)
            if (value is not None or name != "restart") and (not isinstance(value, int) or isinstance(value, bool)):
                raise TypeError(f"{name} must be an integer, got {value!r}")
        if self.inner is not None:
            check_rule(inner=self.inner)
        if self.positivity is not None and not 0.0 < self.positivity < 1.0:
            raise ValueError(f"positivity must be None or lie in (0, 1), got {self.positivity!r}")
        if self.descent is not None and not 0.0 <= self.descent < 1.0:
            raise ValueError(f"descent must be None or lie in [0, 1), got {self.descent!r}")
        if self.positivity is not None and self.solver == "pseudoinverse":
            raise ValueError("positivity needs solver 'gram' or 'factors', got 'pseudoinverse'")
        super().__post_init__()

    def init(self, params: Array) -> AndersonState:
        ctx = check_params(params)
        x, r, dx, dr = (ctx.zeros(params.shape) for _ in range(4))
        history = _gram.empty(ctx, params, self.memory)
        inner = () if self.inner is None else self.inner.init(params)
        rejected, damping = (ctx.zeros(params.shape[:-1]) for _ in range(2))
        return AndersonState(0, x, r, dx, dr, history, inner, rejected, damping)

    @cached_property
    def _trusted(self) -> Rule:
        """``inner`` without its own check of the gradient, which ``enter`` has made."""
        assert self.inner is not None
        return self.inner.replace(nonfinite="propagate")

    def check_state(self, params: Array, state: Any) -> None:
        if len(state.history.x) != self.memory:
            raise ValueError(f"state holds a memory of {len(state.history.x)}, the rule has {self.memory}")
        check_shape(params, x=state.x)

    def step(self, params: Array, grad: Array, state: AndersonState) -> tuple[Array, AndersonState]:
        params, state, _ = self._whole_step(params, grad, state)
        return params, state

    def step_with_projection(
        self, params: Array, grad: Array, state: AndersonState
    ) -> tuple[Array, AndersonState, Array]:
        """:meth:`step`, and the projected point ``x_bar`` (8) on its way: ``params`` where nothing was mixed."""
        self.check_state(params, state)
        new, state, weights = self._whole_step(params, grad, state)
        if weights is None:
            return new, state, params
        return new, state, params - _gram.combine(context(params=params), state.history.x, weights)

    def _whole_step(
        self, params: Array, grad: Array, state: AndersonState
    ) -> tuple[Array, AndersonState, Array | None]:
        """The new point and state, and ``alpha Gamma`` if this step mixes."""
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        xp = ctx.xp
        x, r, pushed = self._remember(ctx, params, grad, state, t)
        runs = xp.zeros_like(state.rejected)
        columns = state if pushed is None else pushed
        dx, dr, history = columns.dx, columns.dr, columns.history
        if pushed is None or (t - 1) % self.period != 0:
            params, inner = self._without_mixing(ctx, x, grad, r, state.inner, t)
            return params, AndersonState(t, x, r, dx, dr, history, inner, runs, runs), None
        gamma, alpha = self._project(ctx, pushed, r, x.shape[-1], t)
        weights = alpha * xp.astype(gamma, ctx.dtype, copy=False)
        params, inner, accepted = self._mix(ctx, x, grad, r, pushed, weights, state.inner, t)
        rejected = 1.0 - xp.astype(accepted[..., 0], ctx.dtype)
        state = AndersonState(t, x, r, dx, dr, history, inner, rejected + runs, alpha[..., 0] + runs)
        return params, state, weights

    def _remember(
        self, ctx: Context, params: Array, grad: Array, state: AndersonState, t: int
    ) -> tuple[Array, Array, Pushed | None]:
        """A copy of the point (the state outlives the caller's array), the residual, and the history with the new
        columns (3); None in its place before there are any."""
        decay, gamma = self.value(ctx, "weight_decay", t), self.value(ctx, "average", t)
        if t == 1:
            return ctx.xp.asarray(params, copy=True), _residual(decay, params, grad), None
        index, history = t - 2, state.history
        if self.restart is not None:
            index = index % self.restart
            if index == 0:
                history = _gram.empty(ctx, params, self.memory)
        xr = self.positivity is not None
        xx = xr or self._penalty == "points"
        vectors = (params, grad, state.x, state.r, *(() if is_zero(gamma) else (state.dx, state.dr)))
        numbers = all(isinstance(value, int | float) for value in (decay, gamma))
        formula = (_numeric_columns if numbers else _columns)(decay, gamma)
        return _gram.push(ctx, history, index % self.memory, formula, vectors, xx=xx, xr=xr)

    def _project(self, ctx: Context, pushed: Pushed, r: Array, dimension: int, t: int) -> tuple[Array, Array]:
        """``Gamma_k`` (12) and the damping that satisfies (14); the small matrices are in double precision."""
        xp, history = ctx.xp, pushed.history
        wide = Context(xp, ctx.device, xp.float64)
        grams = (history.xx, history.rr, history.xr)
        if ctx.dtype != xp.float64:
            grams = tuple(xp.astype(gram, xp.float64) for gram in grams)
        xx, rr, xr = grams
        delta = self._delta(ctx, pushed, t)
        found: Projection
        if self.solver == "factors":
            root = None if delta is None else square_root(ctx, delta)
            identity = self._penalty == "identity"
            found = _projection.from_factors(ctx, history, root, identity, r, self.rank_tolerance)
        else:
            z, against = rr, xp.astype(pushed.against, xp.float64, copy=False)
            if delta is not None:
                factor: Any = delta if isinstance(delta, int | float) else wide.asarray(delta)
                factor = factor[..., None] if getattr(factor, "ndim", 0) > 0 else factor
                z = rr + factor * (wide.eye(self.memory) if self._penalty == "identity" else xx)
            if self.solver == "gram":
                found = _projection.from_gram(wide, z, against, self.rank_tolerance)
            else:
                cut = 1e-15 if self.rank_tolerance is None else self.rank_tolerance
                found = _projection.from_pseudoinverse(wide, z, against, cut)
        alpha = self.value(ctx, "damping", t) + ctx.zeros((*r.shape[:-1], 1))
        if self.positivity is not None and found.whitening is not None:
            beta = self.value(ctx, "mixing", t)
            if self.solver == "factors":
                largest = _projection.largest_eigenvalue_of_columns(ctx, found.whitening, history, beta)
                largest = xp.astype(largest, xp.float64, copy=False)
            beta = beta if isinstance(beta, int | float) else wide.asarray(beta)
            if self.solver != "factors":
                whitening = xp.astype(found.whitening, xp.float64, copy=False)
                largest = _projection.largest_eigenvalue(wide, whitening, xx, xr, rr, beta, dimension)
            shrunk = _projection.admissible_damping(wide, wide.asarray(alpha), largest, beta, self.positivity)
            alpha = xp.astype(shrunk, ctx.dtype, copy=False)
        return found.coefficients, alpha

    def _delta(self, ctx: Context, pushed: Pushed, t: int) -> Any:
        """``delta_k``: None, a number or (..., 1)."""
        return None

    def _without_mixing(self, ctx: Context, x: Array, grad: Array, r: Array, inner: Any, t: int) -> tuple[Array, Any]:
        if self.inner is None:
            return x + self.value(ctx, "mixing", t) * r, ()
        return self._trusted.step(x, grad, inner)

    def _mix(
        self, ctx: Context, x: Array, grad: Array, r: Array, pushed: Pushed, weights: Array, inner: Any, t: int
    ) -> tuple[Array, Any, Array]:
        """New point, state of the inner rule, whether the mixed point was kept (..., 1); ``weights`` = alpha Gamma."""
        beta = self.value(ctx, "mixing", t)
        one = ctx.xp.ones_like(weights[..., :1])
        columns = (r, *pushed.history.r, *pushed.history.x)
        factors = (beta * one, -beta * weights, -weights)
        weighted = ctx.xp.concat(factors, axis=-1)
        new, along = _gram.move_from(ctx, x, columns, weighted, None if self.descent is None else r)  # (9)
        kept = one > 0 if along is None else self._kept(along, pushed.size, beta)
        if self.inner is None and along is None:
            return new, (), kept
        other, inner = self._without_mixing(ctx, x, grad, r, inner, t)
        return new if bool(ctx.xp.all(kept)) else ctx.xp.where(kept, new, other), inner, kept

    def _kept(self, along: Array, size: Array, beta: Any) -> Array:
        """Whether a move descends along ``r`` enough to be kept: (..., 1); ``along`` = move' r, ``size`` = |r|^2."""
        return along > (self.descent or 0.0) * (beta * size)


def _residual(decay: Any, x: Array, g: Array) -> Array:
    return -g if is_zero(decay) else -(g + decay * x)


def _columns(decay: Any, gamma: Any) -> Callable[..., tuple[Array, ...]]:
    """Point, residual and columns (3) from the point, the gradient, and those of the last step."""

    def columns(
        x: Array, g: Array, last_x: Array, last_r: Array, last_dx: Array | None = None, last_dr: Array | None = None
    ) -> tuple[Array, ...]:
        r = _residual(decay, x, g)
        dx, dr = x - last_x, r - last_r
        if last_dx is not None and last_dr is not None:
            dx = gamma * last_dx + (1.0 - gamma) * dx
            dr = gamma * last_dr + (1.0 - gamma) * dr
        return x, r, dx, dr

    return columns


_numeric_columns = lru_cache(maxsize=64)(_columns)  # one formula for one pair of numbers: it is traced once


@dataclass(frozen=True, eq=False)
class AndersonMixing(_Anderson):
    """AM, (3)-(6): ``x + beta r - (X + beta R) Gamma`` with the least squares solution of ``R Gamma = r``."""

    solver: Literal["gram", "factors", "pseudoinverse"] = choice("factors", "gram", "factors", "pseudoinverse")

    @classmethod
    def paper(cls, **overrides: Any) -> AndersonMixing:
        """Eqs. (3)-(6)."""
        return cls(**overrides)


@dataclass(frozen=True, eq=False)
class RegularizedAnderson(_Anderson):
    """RAM (10): AM with ``delta |Gamma|^2`` added to the least squares problem.

    Attributes
    ----------
    regularization : hyperparameter
        ``delta``; the paper's experiments have 1e-6.
    """

    regularization: Hyper = hyper(1e-6, domain="[0, inf)", kw_only=True)
    solver: Literal["gram", "factors", "pseudoinverse"] = choice("factors", "gram", "factors", "pseudoinverse")
    _penalty: ClassVar[Literal["none", "identity", "points"]] = "identity"

    @classmethod
    def paper(cls, **overrides: Any) -> RegularizedAnderson:
        """Eq. (10)."""
        return cls(**overrides)

    def _delta(self, ctx: Context, pushed: Pushed, t: int) -> Any:
        return self.value(ctx, "regularization", t)


@dataclass(frozen=True, eq=False)
class StochasticAnderson(_Anderson):
    """SAM, Algorithm 1: AM with ``delta |X Gamma|^2`` (11), (12), damping (9) and the check (14).

    Attributes
    ----------
    regularization : hyperparameter
        ``delta_k``, which Algorithm 1 leaves open.
    positivity : float, optional
        ``mu``; the paper gives no value.
    """

    regularization: Hyper = hyper(1e-6, domain="[0, inf)", kw_only=True)
    positivity: float | None = field(default=0.01, kw_only=True)
    _penalty: ClassVar[Literal["none", "identity", "points"]] = "points"

    @classmethod
    def paper(cls, **overrides: Any) -> StochasticAnderson:
        """Algorithm 1 with its defaults ``m = 10``, ``alpha = beta = 1``."""
        return cls(**overrides)

    def _delta(self, ctx: Context, pushed: Pushed, t: int) -> Any:
        return self.value(ctx, "regularization", t)


@dataclass(frozen=True, eq=False)
class AdaSAM(_Anderson):
    """SAM with ``delta_k = max{c1 |r_k|^2 / (|x_k - x_{k-1}|^2 + epsilon), c2 / beta_k^2}`` (16).

    With a moving average the last column takes the place of ``x_k - x_{k-1}``, as in the published code.

    Attributes
    ----------
    c1, c2, epsilon : hyperparameters
        Constants of (16). The theory needs ``c2 > 0``; the published code has no second term.
    """

    c1: Hyper = hyper(0.01, domain="[0, inf)", kw_only=True)
    c2: Hyper = hyper(0.0, domain="[0, inf)", kw_only=True)
    epsilon: Hyper = hyper(1e-8, domain="[0, inf)", kw_only=True)
    positivity: float | None = field(default=0.01, kw_only=True)
    _penalty: ClassVar[Literal["none", "identity", "points"]] = "points"

    @classmethod
    def paper(cls, **overrides: Any) -> AdaSAM:
        """Algorithm 1 with (16)."""
        return cls(**overrides)

    @classmethod
    def published(cls, inner: Rule, **overrides: Any) -> AdaSAM:
        """``AdaSAM`` of wfc12/Stochastic_Anderson_Mixing around ``inner``, whose weight decay enters the residual."""
        return cls(**{**published_conventions(inner), **overrides})

    def _delta(self, ctx: Context, pushed: Pushed, t: int) -> Any:
        xp = ctx.xp
        length = pushed.length + self.value(ctx, "epsilon", t)
        rest = xp.where(length > 0, length, 1.0)
        delta = self.value(ctx, "c1", t) * pushed.size / rest
        c2 = self.value(ctx, "c2", t)
        if is_zero(c2):
            return delta
        beta = self.value(ctx, "mixing", t)
        return xp.maximum(delta, c2 / (beta * beta) + xp.zeros_like(delta))


def published_conventions(inner: Rule) -> dict[str, Any]:
    """What the published AdaSAM and pAdaSAM have in common; their check is ``(x_new - x)' r > 0``.

    Where the columns of ``(R, X)`` leave the exact move no component along ``r``, rounding decides that sign.
    """
    return {
        "inner": inner,
        "average": 0.9,
        "positivity": None,
        "descent": 0.0,
        "solver": "pseudoinverse",
        "weight_decay": getattr(inner, "weight_decay", 0.0),
    }
