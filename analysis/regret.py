"""Regret of update rules in online convex games, with theorem 1's bound of "AdaMomentum" evaluated along the same "
"run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import Array, context
from optassay.optimizers import AdaMomentum, Rule
from optassay.optimizers.schedules import InverseSqrt
from optassay.rounds import Rounds

from .games import Game
from .runs import propagating

STRETCH = 1 << 18  # numbers per array in the consecutive rounds that are evaluated at once


class BoundTerms(NamedTuple):
    """The three terms of theorem 1, and those of the tighter bound that needs no condition on gamma."""

    first: Array
    second: Array
    third: Array
    sharp_first: Array
    sharp_second: Array
    sharp_third: Array

    @property
    def printed(self) -> Array:
        return self.first + self.second + self.third

    @property
    def sharp(self) -> Array:
        return self.sharp_first + self.sharp_second + self.sharp_third


class Regret(NamedTuple):
    """What was recorded.

    Attributes
    ----------
    rounds : tuple of int
    regret : (len(rounds), ...)
        Against the best fixed point of the rounds so far.
    points : (len(rounds), ..., d)
        The player's points in those rounds.
    distance : (len(rounds), ..., d)
        Largest distance between iterates, or of an iterate from the comparator, per coordinate.
    bound : BoundTerms or None
        Arrays (len(rounds), ...).
    monotone : (...,) or None
        In how many of the rounds no coordinate of the second moment fell.
    """

    rounds: tuple[int, ...]
    regret: Array
    points: Array
    distance: Array
    bound: BoundTerms | None
    monotone: Array | None

    @property
    def average(self) -> Array:
        """``R(T) / T``."""
        ctx = context(regret=self.regret)
        shape = (len(self.rounds), *(1,) * (self.regret.ndim - 1))
        return self.regret / ctx.xp.reshape(ctx.asarray(np.array(self.rounds, dtype=float)), shape)


def regret_bound(
    rounds: Any,
    alpha: Any,
    beta1: Any,
    beta2: Any,
    width: Any,
    root: Array,
    weighted: Array,
    weighted_sharp: Array,
    gradient_norm: Array,
) -> BoundTerms:
    """Theorem 1 of "AdaMomentum" (4.1, (16)) and its tighter form.

    Parameters
    ----------
    rounds : int or NumPy array (k,)
        ``T``; an array goes with the first axis of the other arrays.
    alpha, beta1, beta2 : number or array (..., 1)
        ``alpha_t = alpha / sqrt(t)``; ``beta1`` is the largest decay.
    width : array (..., d)
        ``D`` per coordinate.
    root : array (..., d)
        ``sqrt(v_T)``.
    weighted, weighted_sharp : array (..., d)
        ``sum_t beta_{1,t} sqrt(t v_t)`` and ``sum_t beta_{1,t} / (1 - beta_{1,t}) sqrt(t v_t)``.
    gradient_norm : array (..., d)
        ``|g_{1:T,i}|``.

    Notes
    -----
    The last term is infinite where ``gamma = beta1 / sqrt(beta2) >= 1``. The tighter form is
    ``D^2/2 (sqrt(T v_T)/alpha + sum c_t sqrt(v_t)/alpha_t) + alpha a (2 a - 3/2) sqrt((1 + log T)/(1 - beta2)) |g|``.
    """
    ctx = context(root=root)
    xp = ctx.xp
    a = 1.0 / (1.0 - beta1)
    gamma = beta1 / beta2**0.5
    counts = np.asarray(rounds, dtype=float).reshape((*np.shape(rounds), *[1] * (root.ndim - np.ndim(rounds))))
    log, horizon = ctx.asarray(np.sqrt(1.0 + np.log(counts))), ctx.asarray(np.sqrt(counts))
    last = alpha * log / (1.0 - beta2) ** 0.5 * gradient_norm
    room = xp.broadcast_to(ctx.asarray(1.0 - gamma), last.shape)
    infinite = xp.full_like(last, xp.inf)
    third = xp.where(room > 0, a**3 * last / xp.where(room > 0, room, xp.ones_like(room)), infinite)
    half = width**2 / (2.0 * alpha)
    first = half * horizon * root
    terms = (a * first, a * half * weighted, third, first, half * weighted_sharp, a * (2.0 * a - 1.5) * last)
    return BoundTerms(*(xp.sum(term, axis=-1) for term in terms))


def corollary_bound(
    rounds: Any, alpha: float, beta1: float, beta2: float, decay: float, width: Any, gradient: float, dim: int = 1
) -> Any:
    """Corollary 1 of "AdaMomentum": bound of ``R(T) / T`` for ``beta_{1,t} = beta1 decay^t``, on the host.

    Parameters
    ----------
    rounds : number or array
        ``T``.
    width : number or array
        ``D``, the largest distance per coordinate, of each ``T``.
    gradient : float
        ``G_infinity``.

    Raises
    ------
    ValueError
        ``decay`` outside (0, 1), or ``beta1 >= sqrt(beta2)``, where the bound is not defined.
    """
    if not 0 < decay < 1:
        raise ValueError(f"decay must lie in (0, 1), got {decay}")
    gamma = beta1 / beta2**0.5
    if not gamma < 1:
        raise ValueError(f"beta1 must be below sqrt(beta2) = {beta2**0.5:g}, got {beta1}")
    t, a = np.asarray(rounds, dtype=float), 1.0 / (1.0 - beta1)
    last = a**3 * dim * gradient * alpha * np.sqrt(1.0 + np.log(t)) / ((1.0 - gamma) * np.sqrt((1.0 - beta2) * t))
    spread = a * dim * np.asarray(width, dtype=float) ** 2 * gradient / (2.0 * alpha)
    return last + spread / np.sqrt(t) + spread * beta1 / ((1.0 - decay) ** 2 * t)


def play(
    rule: Rule,
    game: Game,
    start: Array,
    rounds: int,
    *,
    record: Sequence[int] | None = None,
    bound: bool = False,
) -> Regret:
    """Let a batch of players run ``rule`` against ``game``, projected after every step.

    Onto a box the projection is the same in every norm with a diagonal matrix, also in that of ``sqrt(v)``. Long games
    run as one compiled loop where that can be made, see :class:`optassay.rounds.Rounds`.

    Parameters
    ----------
    rule : Rule
        Hyperparameters may be arrays over the batch axes, or schedules.
    game : Game
    start : array, shape (..., d)
        Projected first.
    rounds : int
    record : sequence of int, optional
        Rounds after which to record, increasing; default: the last. ``range(1, rounds + 1)`` records all.
    bound : bool
        Evaluate theorem 1's bound on the way: ``rule`` must be AdaMomentum without bias correction and epsilon, its
        step size an :class:`InverseSqrt`. Under ``amsgrad`` the running maximum takes the place of ``v``; it meets
        the theorem's hypothesis by construction.

    Raises
    ------
    TypeError
        ``rule`` is no update rule, or (``bound``) not the one of the theorem.
    ValueError
        ``rounds`` below 1, or ``record`` not increasing within 1..rounds.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be an update rule such as Adam(), got {rule!r}")
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    kept = (rounds,) if record is None else tuple(record)
    if not kept or any(b <= a for a, b in zip((0, *kept), kept, strict=False)) or kept[-1] > rounds:
        raise ValueError(f"record must be increasing rounds in 1..{rounds}, got {kept}")
    if bound:
        _check_theorem(rule)
    ctx = context(start=start)
    x = game.project(ctx.asarray(start))
    rule = propagating(rule)
    tally = _Tally.start(ctx, x) if bound else None
    carry = _Carry(x, rule.init(x), x, ctx.zeros(x.shape[:-1]), ctx.zeros(x.shape), x, x, tally)
    loop = Rounds(partial(_round, game), rule, tuple(x.shape[:-1]), kept[-1])
    found: list[Regret] = []
    done = 0
    for first, last in _stretches(kept, max(1, STRETCH // max(1, math.prod(x.shape)))):
        carry = loop.run(carry, done + 1, first - 1)
        carry, seen = loop.history(carry, first, last)
        found.append(_evaluate(ctx, game, rule, tuple(range(first, last + 1)), seen))
        done = last
    rises = carry.tally.rises if carry.tally is not None else None
    return _joined(ctx, kept, found, rises)


def _stretches(rounds: tuple[int, ...], most: int) -> Iterator[tuple[int, int]]:
    """First and last of the stretches of consecutive rounds, none of more than ``most``."""
    first = last = rounds[0]
    for t in rounds[1:]:
        if t > last + 1 or t - first >= most:
            yield first, last
            first = t
        last = t
    yield first, last


def _evaluate(ctx: Any, game: Game, rule: Any, rounds: tuple[int, ...], seen: _Carry) -> Regret:
    """Regret and bound after each of the rounds; the arrays of ``seen`` have their axis in front."""
    xp, low, high, counts = ctx.xp, seen.low, seen.high, np.array(rounds)
    best, value = game.best(counts, seen.slopes)
    width = xp.maximum(high - low, xp.maximum(xp.abs(best - low), xp.abs(best - high)))
    bound = None if seen.tally is None else seen.tally.terms(ctx, rule, counts, width)
    return Regret(rounds, seen.total - value, seen.played, width, bound, None)


def _joined(ctx: Any, rounds: tuple[int, ...], parts: Sequence[Regret], rises: Array | None) -> Regret:
    def join(columns: Iterable[Array]) -> Array:
        return ctx.xp.concat(list(columns), axis=0)

    regret, points, distance = (join(getattr(p, name) for p in parts) for name in ("regret", "points", "distance"))
    bounds = [p.bound for p in parts if p.bound is not None]
    bound = BoundTerms(*(join(column) for column in zip(*bounds, strict=True))) if bounds else None
    return Regret(rounds, regret, points, distance, bound, rises)


class _Carry(NamedTuple):
    """What goes from round to round: the next point and the rule's state, the last point, sums, extremes."""

    x: Array
    state: Any
    played: Array
    total: Array
    slopes: Array
    low: Array
    high: Array
    tally: _Tally | None


def _round(game: Game, rule: Rule, t: Any, carry: _Carry) -> _Carry:
    xp = context(x=carry.x).xp
    x = carry.x
    gradient = game.gradient(t, x)
    after, state = rule.step(x, gradient, carry.state)
    return _Carry(
        game.project(after),
        state,
        x,
        carry.total + game.value(t, x),
        carry.slopes + gradient,
        xp.minimum(carry.low, x),
        xp.maximum(carry.high, x),
        None if carry.tally is None else carry.tally.after(rule, gradient, state),
    )


class _Tally(NamedTuple):
    """Running sums of the bound."""

    weighted: Array
    sharp: Array
    squares: Array
    v: Array
    largest: Array
    rises: Array

    @classmethod
    def start(cls, ctx: Any, x: Array) -> _Tally:
        zero = ctx.zeros(x.shape)
        return cls(zero, zero, zero, zero, ctx.zeros((*x.shape[:-1], 1)), ctx.zeros(x.shape[:-1]))

    def after(self, rule: Any, gradient: Array, state: Any) -> _Tally:
        ctx = context(gradient=gradient)
        xp = ctx.xp
        decay = rule.value(ctx, "beta1", state.t)
        used = state.v_max if rule.amsgrad else state.v
        root = xp.sqrt(used * state.t)
        grew = xp.astype(xp.all(used >= self.v, axis=-1), ctx.dtype)
        largest = xp.maximum(self.largest, decay + xp.zeros_like(self.largest))
        return _Tally(
            self.weighted + decay * root,
            self.sharp + decay / (1.0 - decay) * root,
            self.squares + gradient * gradient,
            used,
            largest,
            self.rises + grew,
        )

    def terms(self, ctx: Any, rule: Any, rounds: Any, width: Array) -> BoundTerms:
        xp = ctx.xp
        alpha = rule.value(ctx, "step_size", 1)
        return regret_bound(
            rounds,
            alpha,
            self.largest,
            rule.value(ctx, "beta2", 1),
            width,
            xp.sqrt(self.v),
            self.weighted,
            self.sharp,
            xp.sqrt(self.squares),
        )


def _check_theorem(rule: Rule) -> None:
    fits = (
        isinstance(rule, AdaMomentum)
        and not rule.debias
        and not rule.rectify
        and isinstance(rule.epsilon, int | float)
        and rule.epsilon == 0
        and isinstance(rule.step_size, InverseSqrt)
    )
    if not fits:
        raise TypeError(
            "bound needs rule = AdaMomentum(step_size=InverseSqrt(alpha), epsilon=0.0, debias=False), "
            f"with or without amsgrad, got {rule!r}"
        )
