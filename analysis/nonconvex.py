"""Section 4.2 of "AdaMomentum" along runs: the sums in (20), and the bounds of theorem 5 and theorem 2 on them.

Rates are theirs for a loss with an L-Lipschitz gradient and ``|gradient|, |g_t| <= H``, without bias correction and
epsilon; effective steps ``w_t = alpha_t / sqrt(v_t)``, ``delta_t = w_t - w_{t-1}`` from t = 2 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import Array, context, generator, uniform
from optassay.optimizers import AdaMomentum

from .landscapes import Landscape


class Constants(NamedTuple):
    """``C_1 .. C_4`` of theorem 5."""

    c1: Any
    c2: Any
    c3: Any
    c4: Any


def theorem_constants(
    smoothness: Any, ratio: Any, gradient: Any, move: Any, first: Any, drop: Any, *, repaired: bool = True
) -> Constants:
    """The constants of theorem 5 (C.2.5), in numbers of any kind: floats, fractions, symbols.

    Parameters
    ----------
    smoothness, gradient, move : number
        ``L``; ``H``; ``G``, the bound of ``|w_t m_t|``.
    ratio : number
        ``b = beta_1 / (1 - beta_1)``.
    first, drop : number
        ``E |w_1|_1`` and ``E f(z_1) - min f``.
    repaired : bool
        With the factor ``3/2 L`` of lemmas 9 and 10 in ``C_3`` and ``C_4``, which the paper loses.
    """
    b, a = ratio, 1 + ratio
    factor = Fraction(3, 2) * smoothness
    kept = factor if repaired else 1
    return Constants(
        factor + Fraction(1, 2) + smoothness**2 * b * a**2,
        gradient**2 * (b + 2),
        (kept + smoothness**2 * a**2 * b) * gradient**2 * b**2,
        b * (gradient**2 + move**2) + kept * b**2 * move**2 + 2 * gradient**2 * first + drop,
    )


def corollary_rate(
    rounds: Any, constants: Constants, alpha: float, gradient: float, least: float, dim: int = 1
) -> np.ndarray:
    """Corollary 2: theorem 2's bound of ``min_t E |gradient f|^2`` for ``alpha_t = alpha / sqrt(t)``.

    Parameters
    ----------
    rounds : array
        ``T``.
    gradient, least : float
        ``H``; ``c``, the least entry of all ``v_t``.
    """
    t = np.asarray(rounds, dtype=float)
    c1, c2, c3, c4 = constants
    growing = c1 * gradient**2 * alpha**2 * (1.0 + np.log(t)) / least
    return (
        gradient / (alpha * np.sqrt(t)) * (growing + c2 * dim * alpha / least**0.5 + c3 * dim * alpha**2 / least + c4)
    )


class Sums(NamedTuple):
    """Means over runs after each of the recorded rounds, (k,).

    Attributes
    ----------
    rounds : (k,)
    left : ``E sum <grad f, w_t grad f>``
    steps, falls, squares : ``E sum |w_t g_t|^2``, ``E sum |delta_t|_1``, ``E sum |delta_t|^2``
    smallest, error : ``min_t E |grad f(theta_t)|^2`` so far, and the standard error of that mean over runs.
    falling : share of all steps and coordinates up to then with ``w_t <= w_{t-1}``.
    """

    rounds: np.ndarray
    left: np.ndarray
    steps: np.ndarray
    falls: np.ndarray
    squares: np.ndarray
    smallest: np.ndarray
    error: np.ndarray
    falling: np.ndarray

    def bound(self, constants: Constants) -> np.ndarray:
        """Right side of (20)."""
        c1, c2, c3, c4 = constants
        return c1 * self.steps + c2 * self.falls + c3 * self.squares + c4


@dataclass(frozen=True)
class SignNoise:
    """Independent noise of two equally likely values ``+-size`` per coordinate."""

    size: float

    def draw(self, rng: Any, like: Array) -> Array:
        ctx = context(like=like)
        half = uniform(rng, -1.0, 1.0, tuple(like.shape), ctx)
        return self.size * ctx.xp.sign(half)


def descend(
    rule: AdaMomentum, landscape: Landscape, start: Array, noise: SignNoise, record: Sequence[int], rng: Any
) -> Sums:
    """Run a batch (n, d) from ``start`` and collect the sums of (20).

    Raises
    ------
    ValueError
        The rule corrects its bias or has an epsilon: section 4.2 has neither; or ``record`` is not increasing from 1.
    """
    if rule.debias or rule.rectify or rule.epsilon != 0:
        raise ValueError(f"rule must be AdaMomentum(epsilon=0.0, debias=False), got {rule!r}")
    marks = list(record)
    if not marks or marks[0] < 1 or any(b <= a for a, b in pairwise(marks)):
        raise ValueError(f"record must be increasing rounds from 1 on, got {marks}")
    ctx = context(start=start)
    xp, theta, state, rng = ctx.xp, ctx.asarray(start), rule.init(start), generator(rng)
    runs, dim = theta.shape
    before: Any = None
    sums, rows = np.zeros(4), []
    fell, smallest, error = 0, np.inf, 0.0
    for t in range(1, marks[-1] + 1):
        slope = landscape.gradient(theta)
        g = slope + noise.draw(rng, theta)
        theta, state = rule.step(theta, g, state)
        used = state.v_max if rule.amsgrad else state.v
        w = rule.value(ctx, "step_size", t) / xp.sqrt(used)
        delta = w - before if before is not None else xp.zeros_like(w)
        fell += int(xp.sum(xp.astype(delta <= 0, xp.int64)))
        parts = (slope * w * slope, (w * g) ** 2, xp.abs(delta), delta * delta)
        sums += [float(xp.sum(part)) / runs for part in parts]
        norms = xp.sum(slope * slope, axis=-1)
        mean = float(xp.mean(norms))
        if mean < smallest:
            smallest, error = mean, float(xp.std(norms, correction=1)) / runs**0.5 if runs > 1 else 0.0
        before = w
        if t in marks:
            rows.append((t, *sums, smallest, error, fell / (t * runs * dim)))
    return Sums(*np.array(rows, dtype=float).T)
