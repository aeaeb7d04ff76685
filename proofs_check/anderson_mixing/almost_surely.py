"""Theorems 1 and 2 with probability one, from probabilities and expectations of finitely many steps.

Both use the series ``E sum beta_k |grad f(x_k)|^2 <= V`` of :mod:`.series`, with ``V = factor / mu (f(x_0) - f_low +
coefficient sigma^2 / n sum beta_k^2)``, which is finite by (18a).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, coefficient_signs, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact
from . import tiny
from .one_step import OneStep, one_step, sharp_noise
from .series import TINY, Weighted, runs, series_bound, telescoping, weighted
from .update_bounds import NormBound, norm_bound

# The gradients |grad f| along every path again, in floating point; all paths are equally likely.
PATHS = (
    TINY
    + """
paths = [(start, None, 0.0, [abs(g(start, range(T)))])]
for beta in betas:
    moved = [(step(*path, beta, batch), seen) for *path, seen in paths for batch in product(range(T), repeat=n)]
    paths = [(*new, [*seen, abs(g(new[0], range(T)))]) for new, seen in moved]
"""
)
SMALLEST_REPLAY = (
    PATHS
    + """
level, first = read(witness["level"]), int(witness["first"])
left = sum(min(seen[first:-1]) >= level * (1 - 1e-6) for *_, seen in paths) / len(paths)
violated = left > read(witness["bound"]) + 1e-6
"""
)
FALLS_REPLAY = (
    PATHS
    + """
eps, total = read(witness["level"]), 0
for *_, seen in paths:
    high = False
    for v in seen:
        total += high and v <= eps
        high = v >= 2 * eps or (high and v > eps)
left = total / len(paths)
violated = left > read(witness["bound"]) + 1e-6
"""
)


def _paths(problem: tiny.FiniteSum, tree: list[list[tiny.Node]]) -> list[tuple[Fraction, list[Fraction]]]:
    """Probability and ``|grad f|`` along every path; the children of a node stand together in the next level."""
    found = [(tree[0][0].probability, [abs(problem.gradient(tree[0][0].x))])]
    for before, level in pairwise(tree):
        each = len(level) // len(before)
        found = [
            (node.probability, [*found[i // each][1], abs(problem.gradient(node.x))]) for i, node in enumerate(level)
        ]
    return found


def _series_bound(point: Any, problem: tiny.FiniteSum, factor: Fraction) -> Fraction:
    """V."""
    drop = problem.value(point["start"]) - problem.value(problem.minimiser)
    coefficient = Fraction(sharp_noise(problem.lipschitz, point["mu"], point["C"]))
    return series_bound(factor, point, drop, coefficient)


def _again(point: Any, replay: str) -> float:
    """The left side as the replay finds it."""
    scope: dict[str, Any] = {"witness": point}
    exec(replay, scope)
    return float(scope["left"])


# Theorem 1


@dataclass(frozen=True)
class SmallestGradient:
    """``P(|grad f(x_k)| >= a for all K <= k < N) <= bound(V, a, sum_(K <= k < N) beta_k)``, V with this factor."""

    factor: Fraction
    bound: Callable[[Any, Any, Any], Any] = lambda v, level, total: v / (level**2 * total)


def smallest_gradient(statement: SmallestGradient, budget: Budget) -> list[Evidence]:
    """All paths of tiny problems; then Markov's inequality for the series.

    With ``sum beta_k = oo`` the right side tends to 0 with N: for every K and every a > 0 the event that all gradients
    from K on have length a or more has probability 0, and so has their union over K and over ``a = 1, 1/2, 1/3, ...``.
    Off that union the lower limit is 0: this is (19).
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point, problem, tree in runs(budget):
            found, v = _paths(problem, tree), _series_bound(point, problem, statement.factor)
            for first in (0, 1):
                smallest = sorted(min(seen[first:-1]) for _, seen in found)
                total = sum(point["betas"][first:], Fraction(0))
                for level in {smallest[0], smallest[len(smallest) // 2], smallest[-1]} - {Fraction(0)}:
                    share = sum((p for p, seen in found if min(seen[first:-1]) >= level), Fraction(0))
                    bound = statement.bound(v, level, total)
                    yield {**point, "first": first, "level": level, "left": share, "bound": bound}

    def proof(budget: Budget) -> list[Evidence]:
        series, level, size, beta, total, over, v = sp.symbols("S a G beta B o V", positive=True)
        steps = {
            "S - a^2 B grows by beta_k (G_k^2 - a^2)": is_zero(
                (series + beta * size**2 - level**2 * (total + beta))
                - (series - level**2 * total)
                - beta * (size**2 - level**2)
            ),
            "Markov at c = a^2 B: V / c is not above the bound": coefficient_signs(
                statement.bound(v, level, total) - v / (level**2 * total)
            )[1],
            "the bound -> 0 as B -> oo": sp.limit(statement.bound(v, level, total), total, sp.oo) == 0,
        }
        markov = {
            "c 1{S >= c} <= S where S >= c": Inequality(level, "<=", level + over),
            "c 1{S >= c} <= S elsewhere": Inequality(0, "<=", series),
        }
        return [
            *one_step(OneStep(1 / statement.factor, sharp_noise), budget),
            Exact("symbolic", {**telescoping(), **steps}),
            *inequality(markov, budget),
        ]

    methods = ("all paths in rationals", "all paths in floating point")
    return for_all(
        ForAll(
            points,
            lambda p: (p["left"], p["bound"]),
            "<=",
            lambda p: (_again(p, SMALLEST_REPLAY), float(p["bound"])),
            SMALLEST_REPLAY,
            methods,
            (0.0, 1e-6),
            proof=proof,
        ),
        budget,
    )


# Theorem 2


@dataclass(frozen=True)
class Falls:
    """At most ``count(L, kappa, bound, V, eps)`` falls of ``|grad f|`` from ``2 eps`` to ``eps`` are expected.

    ``bound(eps, sigma)``: ``|grad f| + sigma <= bound |grad f|^2`` while ``|grad f| > eps``; ``kappa = (1 +
    1/C)^(1/2)``, V with factor 8/3.
    """

    bound: Callable[[Any, Any], Any]
    count: Callable[[Any, Any, Any, Any, Any], Any] = lambda lip, kappa, rate, v, eps: lip * kappa * rate * v / eps


def count_falls(seen: Sequence[Any], eps: Any) -> int:
    """How often a sequence, having been at ``2 eps`` or above, comes to ``eps`` or below."""
    high, total = False, 0
    for v in seen:
        if v >= 2 * eps:
            high = True
        elif v <= eps and high:
            high, total = False, total + 1
    return total


def falls(statement: Falls, budget: Budget) -> list[Evidence]:
    """All paths of tiny problems; then the movement that a fall needs against the series.

    During a fall from ``2 eps`` to ``eps`` every step starts where ``|grad f| > eps``, and the steps together have
    length ``eps / L`` or more; falls share no step. The past decides whether ``|grad f(x_k)| > eps``, and given the
    past ``E |x_{k+1} - x_k| <= beta_k kappa (|grad f| + sigma) <= beta_k kappa bound |grad f|^2``. So with probability
    1 there are finitely many falls for each ``eps = 1, 1/2, 1/3, ...``; as the lower limit is 0 (Theorem 1), the upper
    limit is at most ``2 eps``.
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point, problem, tree in runs(budget):
            found = _paths(problem, tree)
            kappa, sigma = (1 + 1 / float(point["C"])) ** 0.5, float(point["sigma2"]) ** 0.5
            v = float(_series_bound(point, problem, Fraction(8, 3)))
            top = max(max(seen) for _, seen in found)
            for eps in (top / 3, top / 9, found[0][1][0] / 2):
                if eps > 0:
                    count = sum((p * count_falls(seen, eps) for p, seen in found), Fraction(0))
                    rate = float(statement.bound(float(eps), sigma))
                    bound = statement.count(float(problem.lipschitz), kappa, rate, v, float(eps))
                    yield {**point, "level": eps, "left": count, "bound": bound}

    def proof(budget: Budget) -> list[Evidence]:
        size, sigma, eps, over = sp.symbols("G s epsilon o", positive=True)
        lip, kappa, rate, v = sp.symbols("L kappa b V", positive=True)
        moved = kappa * rate * v  # all steps that begin above eps, in expectation; a fall needs (2 eps - eps) / L
        enough = coefficient_signs(statement.count(lip, kappa, rate, v, eps) - moved / ((2 * eps - eps) / lip))[1]
        item = Inequality(size + sigma, "<=", statement.bound(eps, sigma) * size**2, {size: eps + over})
        found = inequality({"|grad f| + sigma <= bound |grad f|^2 above eps": item}, budget)
        if len(found) == 1 and isinstance(found[0], Exact):
            found += [Exact("symbolic", {"the movement over that of one fall is not above the count": enough})]
            found += [*norm_bound(NormBound(1, form="uniform"), budget), *weighted(Weighted(Fraction(8, 3)), budget)]
        return found

    methods = ("all paths in rationals", "all paths in floating point")
    return for_all(
        ForAll(
            points,
            lambda p: (p["left"], p["bound"]),
            "<=",
            lambda p: (_again(p, FALLS_REPLAY), p["bound"]),
            FALLS_REPLAY,
            methods,
            (1e-9, 1e-6),
            proof=proof,
        ),
        budget,
    )
