"""Variance-adapted methods of "Dissecting Adam": SVAG, M-SVAG (Algorithms 2, 3) and Adam* (Algorithms 4, 5).

All divisions by squares are written so that no coordinate divides by zero: ``(1 + s / m^2)^-1 = m^2 / (m^2 + s)``.
Where ``m_i = 0``, or ``m_i^2`` underflows, the coordinate does not move, as the paper asks below Algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from ..arrays import Array, Context, check_finite, context, erf
from ._rule import ElementwiseRule, Hyper, Rule, choice, hyper, minimum, power, ratio
from .sign import sign

KAPPA_CAP = 0.9999  # of the authors' code: keeps 1 - kappa away from 0, exact at t = 1 where the variance is 0


class MomentsState(NamedTuple):
    """Finished steps and the uncorrected averages of the gradient and of its square."""

    t: int
    m: Array
    v: Array


class MomentumVarianceState(NamedTuple):
    """Finished steps, the momentum term and its variance, eq. (48)."""

    t: int
    m: Array
    s: Array


def kappa(momentum: Any, t: int) -> Any:
    """Relative variance of a momentum term against that of one gradient, eq. (19).

    Parameters
    ----------
    momentum : number or array
        ``mu`` in [0, 1).
    t : int
        Step, at least 1.
    """
    mu_t = power(context(momentum=momentum), momentum, t)
    return (
        (1.0 - mu_t * mu_t)
        * ((1.0 - momentum) * (1.0 - momentum))
        / ((1.0 - momentum * momentum) * ((1.0 - mu_t) * (1.0 - mu_t)))
    )


def gradient_variance(per_example: Array, estimator: Literal["printed", "unbiased"] = "printed") -> Array:
    """Variance of a mini-batch gradient from the gradients of its examples, eq. (44).

    Parameters
    ----------
    per_example : array (..., B, d)
        Gradients of the ``B >= 2`` examples.
    estimator : {"printed", "unbiased"}
        Eq. (44) to the letter, ``(sum_k g_k^2 / (B - 1) - g^2) / B``, or the sample variance over ``B``,
        ``sum_k (g_k - g)^2 / (B (B - 1))``; the first exceeds the second by ``g^2 / (B (B - 1))``.

    Returns
    -------
    array (..., d)
    """
    ctx = context(per_example=per_example)
    if estimator not in ("printed", "unbiased"):
        raise ValueError(f"estimator must be one of 'printed', 'unbiased', got {estimator!r}")
    if per_example.ndim < 2 or per_example.shape[-2] < 2:
        raise ValueError(
            f"per_example must have shape (..., B, d) with at least two examples, got {tuple(per_example.shape)}"
        )
    size = per_example.shape[-2]
    mean = ctx.xp.mean(per_example, axis=-2)
    if estimator == "printed":
        return (ctx.xp.sum(per_example * per_example, axis=-2) / (size - 1) - mean * mean) / size
    deviation = per_example - mean[..., None, :]
    return ctx.xp.sum(deviation * deviation, axis=-2) / (size * (size - 1))


@dataclass(frozen=True, eq=False)
class _MovingAverages(ElementwiseRule):
    """Bias-corrected averages of gradient and squared gradient with one constant, lines 4 and 5 of Algorithm 2."""

    State: ClassVar[type] = MomentsState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    momentum: Hyper = hyper(0.9, domain="[0, 1)")

    def _averages(self, ctx: Context, grad: Array, state: MomentsState, mu: Any) -> tuple[Array, Array, MomentsState]:
        t = state.t + 1
        m = mu * state.m + (1.0 - mu) * grad  # line 4
        v = mu * state.v + (1.0 - mu) * (grad * grad)
        weight = 1.0 - power(ctx, mu, t)
        return m / weight, v / weight, MomentsState(t, m, v)  # line 5


@dataclass(frozen=True, eq=False)
class MSVAG(_MovingAverages):
    """M-SVAG, Algorithm 2: the average of the gradients, scaled by ``(1 + eta^2)^-1``.

    Attributes
    ----------
    unbiased : bool
        Divide ``v - m^2`` by ``1 - kappa``, with ``kappa`` at most 0.9999 (the authors' code); the paper does not.
    clip : bool
        Bring the factor to [0, 1] (the authors' code). It leaves this interval through rounding only.
    """

    unbiased: bool = choice(False, False, True)
    clip: bool = choice(False, False, True)

    @classmethod
    def paper(cls, **overrides: Any) -> MSVAG:
        """Algorithm 2."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> MSVAG:
        """The authors' code, lballes/msvag."""
        return cls(**{"unbiased": True, "clip": True, **overrides})

    def step(self, params: Array, grad: Array, state: MomentsState) -> tuple[Array, MomentsState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha = self.value(ctx, "step_size", t)
        mu = self.value(ctx, "momentum", t)
        m, v, state = self._averages(ctx, grad, state, mu)
        square = m * m
        k = kappa(mu, t)
        s = v - square
        if self.unbiased:
            k = minimum(ctx, k, KAPPA_CAP)
            s = s / (1.0 - k)
        gamma = ratio(square, square + k * s, ctx.xp)  # lines 6, 7
        if self.clip:
            gamma = ctx.xp.clip(gamma, 0.0, 1.0)
        return params - alpha * (gamma * m), state  # line 8


@dataclass(frozen=True, eq=False)
class SVAG(_MovingAverages):
    """SVAG, eq. (16): the gradient scaled by ``(1 + eta^2)^-1``, ``eta^2 = sigma^2 / (dL)^2``.

    The relative variance is estimated from moving averages, or idealised: ``step(..., variance=sigma^2,
    mean=true gradient)``. Either alone replaces its estimate.

    Attributes
    ----------
    unbiased, clip : bool
        As for :class:`MSVAG`.
    """

    unbiased: bool = choice(False, False, True)
    clip: bool = choice(False, False, True)

    @classmethod
    def paper(cls, **overrides: Any) -> SVAG:
        """Eq. (16) with the variance estimate ``v - m^2`` of section 3.3."""
        return cls(**overrides)

    @classmethod
    def published(cls, **overrides: Any) -> SVAG:
        """The authors' code, lballes/msvag."""
        return cls(**{"unbiased": True, "clip": True, **overrides})

    def step(
        self, params: Array, grad: Array, state: MomentsState, *, variance: Any = None, mean: Any = None
    ) -> tuple[Array, MomentsState]:
        """One step.

        Parameters
        ----------
        variance : array that broadcasts to ``params``, optional
            Exact variance of each entry of the gradient.
        mean : array that broadcasts to ``params``, optional
            Exact expectation of the gradient.
        """
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha = self.value(ctx, "step_size", t)
        mu = self.value(ctx, "momentum", t)
        m, v, state = self._averages(ctx, grad, state, mu)
        s = v - m * m
        if self.unbiased:
            s = s / (1.0 - minimum(ctx, kappa(mu, t), KAPPA_CAP))
        if mean is not None:
            m = self._given(ctx, "mean", mean, params, t)
        if variance is not None:
            s = _nonnegative(ctx, self._given(ctx, "variance", variance, params, t))
        square = m * m
        gamma = ratio(square, square + s, ctx.xp)  # (16)
        if self.clip:
            gamma = ctx.xp.clip(gamma, 0.0, 1.0)
        return params - alpha * (gamma * grad), state

    def _given(self, ctx: Context, name: str, value: Any, params: Array, t: int) -> Array:
        return given(self, ctx, name, value, params, tuple(params.shape), t)


@dataclass(frozen=True, eq=False)
class AdamStar(_MovingAverages):
    """Adam*, Algorithm 4: the sign of the average, scaled by ``(1 + eta^2)^-1/2``.

    Attributes
    ----------
    correct : bool
        Use ``kappa`` of eq. (19) (default). Without, this is Adam with ``beta_1 = beta_2 = mu`` and ``epsilon = 0``.
    factor : {"root", "erf"}
        ``(1 + eta^2)^-1/2``, or the factor ``erf(1 / (sqrt(2) eta))`` of section 3.1, which it approximates.
    """

    correct: bool = choice(True, False, True)
    factor: Literal["root", "erf"] = choice("root", "root", "erf")

    @classmethod
    def paper(cls, **overrides: Any) -> AdamStar:
        """Algorithm 4."""
        return cls(**overrides)

    def step(self, params: Array, grad: Array, state: MomentsState) -> tuple[Array, MomentsState]:
        t = state.t + 1
        ctx = self.enter(params, grad, t)
        alpha = self.value(ctx, "step_size", t)
        mu = self.value(ctx, "momentum", t)
        m, v, state = self._averages(ctx, grad, state, mu)
        square = m * m
        k = kappa(mu, t) if self.correct else 1.0
        if self.factor == "erf":
            gamma = _erf_factor(ctx, square, k * (v - square))
        else:
            gamma = ctx.xp.sqrt(ratio(square, square + k * (v - square), ctx.xp))  # lines 6, 7
        return params - alpha * (gamma * sign(m, ctx.xp)), state  # line 8


def _erf_factor(ctx: Context, square: Array, variance: Array) -> Array:
    """``erf(1 / (sqrt(2) eta))`` with ``eta^2 = variance / square``; 1 where rounding leaves no variance."""
    xp = ctx.xp
    noisy, one = variance > 0, xp.ones_like(square)
    inside = xp.sqrt(0.5 * square / xp.where(noisy, variance, one))
    return xp.where(noisy, erf(inside), one)


@dataclass(frozen=True, eq=False)
class _MiniBatch(ElementwiseRule):
    """Momentum term and its variance from mini-batches, line 4 of Algorithms 3 and 5.

    ``step`` needs one of ``per_example``, the gradients of the mini-batch's examples (..., B, d), and ``variance``,
    an estimate of the gradient's variance (broadcasts to the parameters).

    Attributes
    ----------
    estimator : {"printed", "unbiased"}
        Eq. (44) as printed, or its unbiased repair: see :func:`gradient_variance`.
    """

    State: ClassVar[type] = MomentumVarianceState

    step_size: Hyper = hyper(0.01, domain="[0, inf)")
    momentum: Hyper = hyper(0.9, domain="[0, 1]")
    estimator: Literal["printed", "unbiased"] = choice("printed", "printed", "unbiased")

    def _momentum(
        self, ctx: Context, params: Array, grad: Array, state: MomentumVarianceState, per_example: Any, variance: Any
    ) -> MomentumVarianceState:
        t = state.t + 1
        if (per_example is None) == (variance is None):
            raise TypeError(f"{type(self).__name__}.step needs exactly one of per_example and variance")
        if variance is not None:
            s_hat = _nonnegative(ctx, given(self, ctx, "variance", variance, params, tuple(params.shape), t))
        else:
            size = per_example.shape[-2] if getattr(per_example, "ndim", 0) > 1 else 0
            shape = (*params.shape[:-1], size, params.shape[-1])
            s_hat = gradient_variance(
                given(self, ctx, "per_example", per_example, params, shape, t, exact=True), self.estimator
            )
        mu = self.value(ctx, "momentum", t)
        return MomentumVarianceState(t, mu * state.m + grad, (mu * mu) * state.s + s_hat)


@dataclass(frozen=True, eq=False)
class MiniBatchMSVAG(_MiniBatch):
    """M-SVAG-mb, Algorithm 3: the momentum term, scaled by ``(1 + eta^2)^-1``."""

    @classmethod
    def paper(cls, **overrides: Any) -> MiniBatchMSVAG:
        """Algorithm 3 with eq. (44) as printed."""
        return cls(**overrides)

    def step(
        self,
        params: Array,
        grad: Array,
        state: MomentumVarianceState,
        *,
        per_example: Array | None = None,
        variance: Any = None,
    ) -> tuple[Array, MomentumVarianceState]:
        ctx = self.enter(params, grad, state.t + 1)
        state = self._momentum(ctx, params, grad, state, per_example, variance)  # lines 3, 4
        square = state.m * state.m
        gamma = ratio(square, square + state.s, ctx.xp)  # lines 5, 6
        return params - self.value(ctx, "step_size", state.t) * (gamma * state.m), state  # line 7


@dataclass(frozen=True, eq=False)
class MiniBatchAdamStar(_MiniBatch):
    """Adam*-mb, Algorithm 5: the sign of the momentum term, scaled by ``(1 + eta^2)^-1/2``."""

    @classmethod
    def paper(cls, **overrides: Any) -> MiniBatchAdamStar:
        """Algorithm 5 with eq. (44) as printed."""
        return cls(**overrides)

    def step(
        self,
        params: Array,
        grad: Array,
        state: MomentumVarianceState,
        *,
        per_example: Array | None = None,
        variance: Any = None,
    ) -> tuple[Array, MomentumVarianceState]:
        ctx = self.enter(params, grad, state.t + 1)
        state = self._momentum(ctx, params, grad, state, per_example, variance)  # lines 3, 4
        square = state.m * state.m
        gamma = ctx.xp.sqrt(ratio(square, square + state.s, ctx.xp))  # lines 5, 6
        return params - self.value(ctx, "step_size", state.t) * (gamma * sign(state.m, ctx.xp)), state  # line 7


def given(
    rule: Rule, ctx: Context, name: str, value: Any, params: Array, shape: tuple[int, ...], t: int, exact: bool = False
) -> Array:
    """An extra argument of ``step`` as an array of ``ctx``, of the given shape or (not ``exact``) broadcastable to it.

    Raises
    ------
    TypeError, ValueError
        Another namespace, device or shape; non-finite entries under the policy "raise".
    """
    context(params=params, **{name: value})
    array = ctx.asarray(value)
    fits = array.ndim <= len(shape) and all(
        a == b or (a == 1 and not exact) for a, b in zip(reversed(array.shape), reversed(shape), strict=False)
    )
    if not fits or (exact and array.ndim != len(shape)):
        raise ValueError(f"{name} must have shape {shape}, got {tuple(array.shape)}")
    if rule.nonfinite == "raise":
        try:
            check_finite(**{name: array})
        except ValueError as error:
            raise ValueError(f"step {t}: {error}") from error
    return array


def _nonnegative(ctx: Context, variance: Array) -> Array:
    if bool(ctx.xp.any(variance < 0)):
        raise ValueError(f"variance must lie in [0, inf), got the smallest entry {float(ctx.xp.min(variance)):g}")
    return variance
