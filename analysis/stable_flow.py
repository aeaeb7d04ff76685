"""Euler steps of the Levy-driven equation (3) of "AdaMomentum", and of its simpler relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from optassay.arrays import Array, context, symmetric_stable

from .exit_times import Process
from .landscapes import Landscape


class FlowState(NamedTuple):
    """Time, momentum and second moment."""

    time: float
    m: Array
    v: Array


@dataclass(frozen=True)
class StableFlow(Process):
    """``d theta = -q_t m / R_t dt + scale / R_t dL`` by Euler steps of length ``dt``, unit noise matrix.

    ``dm = rate_m (grad f - m) dt``, ``dv = rate_v (k^2 - v) dt``, ``q_t = 1 / (1 - beta1^t)`` and
    ``R_t = sqrt(v / (1 - beta2^t))``, from ``m = 0`` and ``v = second_moment``.

    Attributes
    ----------
    landscape : Landscape
    scale, index : float
        Of the stable motion L, ``E exp(i u L_t) = exp(-t |u|^index)`` per coordinate.
    dt : float
    momentum : bool
        Without it the drift is ``-grad f / R_t`` (m follows its gradient at once, q = 1).
    square : {"none", "gradient", "momentum"}
        ``k``: the full gradient (Adam), the momentum (AdaMomentum), or no preconditioner (R = 1).
    beta1, beta2 : float
        Also the rates of m and v, as (3) prints them.
    alpha : float, optional
        With it the rates are those of the recursion (2) at this step size, ``(1 - beta) / alpha``, and the bias
        corrections count iterations of length ``alpha``.
    second_moment : float
        Start of v. It decays to zero where the flow rests: (3) has no epsilon.
    """

    landscape: Landscape
    scale: float
    index: float
    dt: float
    momentum: bool = False
    square: Literal["none", "gradient", "momentum"] = "none"
    beta1: float = 0.9
    beta2: float = 0.999
    alpha: float | None = None
    second_moment: float = 0.0

    def __post_init__(self) -> None:
        if self.dt <= 0:
            raise ValueError(f"dt must be positive, got {self.dt}")
        if self.scale < 0:
            raise ValueError(f"scale must not be negative, got {self.scale}")
        for name in ("beta1", "beta2"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in (0, 1), got {getattr(self, name)}")
        if self.alpha is not None and self.alpha <= 0:
            raise ValueError(f"alpha must be positive, got {self.alpha}")
        if self.square not in ("none", "gradient", "momentum"):
            raise ValueError(f"square must be 'none', 'gradient' or 'momentum', got {self.square!r}")
        if self.square == "momentum" and not self.momentum:
            raise ValueError("square 'momentum' needs momentum=True")

    def init(self, params: Array) -> FlowState:
        ctx = context(params=params)
        shape = tuple(params.shape)
        return FlowState(0.0, ctx.zeros(shape), ctx.full(shape, self.second_moment))

    def _rate(self, beta: float) -> float:
        return beta if self.alpha is None else (1.0 - beta) / self.alpha

    def step(self, params: Array, state: FlowState, rng: Any) -> tuple[Array, FlowState]:
        ctx = context(params=params)
        dt, gradient = self.dt, self.landscape.gradient(params)
        # Ahead of the move, as the recursion does: at time 0 both corrections would divide by zero.
        time = state.time + dt
        m = state.m + dt * self._rate(self.beta1) * (gradient - state.m) if self.momentum else gradient
        count = time / (self.alpha or 1.0)
        v, root = state.v, 1.0
        if self.square != "none":
            k = m if self.square == "momentum" else gradient
            v = v + dt * self._rate(self.beta2) * (k * k - v)
            root = ctx.xp.sqrt(v / (1.0 - self.beta2**count))
        q = 1.0 / (1.0 - self.beta1**count) if self.momentum else 1.0
        move = -dt * q * m
        if self.scale:
            move = move + self.scale * dt ** (1.0 / self.index) * symmetric_stable(
                rng, self.index, tuple(params.shape), ctx
            )
        return params + move / root, FlowState(time, m, v)
