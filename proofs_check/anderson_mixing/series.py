"""Section 3: the sums over the one-step inequality behind Theorems 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact
from . import tiny
from .one_step import CONSTANTS, OneStep, largest_step, one_step, sharp_noise

# Tiny sums of T quadratics, and one step of Algorithm 1 with memory one on them, in floating point.
TINY = """
from fractions import Fraction
from itertools import product
read = lambda v: [read(c) for c in v] if isinstance(v, list) else float(Fraction(str(v)))
a, b, start, betas, C, mu = (read(witness[k]) for k in ("a", "b", "start", "betas", "C", "mu"))
n, T = int(witness["n"]), len(a)
g = lambda x, batch: sum(a[i] * (x - b[i]) for i in batch) / len(batch)
def step(x, old, r_old, beta, batch):
    r, h = -g(x, batch), beta
    if old is not None:
        dx, dr = x - old, r - r_old
        z = dr * dr + C / beta**2 * dx * dx
        half = (dx + beta * dr) * dr / z if z else 0.0
        alpha = min(1.0, beta**0.5)
        h -= beta * (1 - mu) if alpha * half > beta * (1 - mu) else alpha * half
    return x + h * r, x, r
"""
# All paths again: mean values and squared gradients of every level, the largest variance.
PATHS = (
    TINY
    + """
f = lambda x: sum(p * (x - q) ** 2 for p, q in zip(a, b)) / (2 * T)
low = f(sum(p * q for p, q in zip(a, b)) / sum(a))
paths, values, squares, sigma2 = [(start, None, 0.0)], [], [], 0.0
for beta in [*betas, None]:
    values.append(sum(f(x) for x, _, _ in paths) / len(paths))
    if beta is None:
        break
    squares.append(sum(g(x, range(T)) ** 2 for x, _, _ in paths) / len(paths))
    for x, _, _ in paths:
        sigma2 = max(sigma2, sum((g(x, (i,)) - g(x, range(T))) ** 2 for i in range(T)) / T)
    paths = [step(*path, beta, batch) for path in paths for batch in product(range(T), repeat=n)]
noise = read(witness["coefficient"]) * sigma2 / n
"""
)
VALUE_REPLAY = PATHS + "violated = max(values) > f(start) + noise * sum(v * v for v in betas) + 1e-6"
WEIGHTED_REPLAY = (
    PATHS
    + """
left = sum(v * s for v, s in zip(betas, squares))
violated = left > read(witness["factor"]) / mu * (f(start) - low + noise * sum(v * v for v in betas)) + 1e-6
"""
)


# Theorem 1, (20)


@dataclass(frozen=True)
class ExpectedValue:
    """``E f(x_k) <= f(x_0) + coefficient(L, mu, C) sigma^2 / n * sum beta_k^2`` for all k."""

    coefficient: Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Weighted:
    """``sum beta_k E |grad f(x_k)|^2 <= factor / mu * (f(x_0) - f_low + coefficient sigma^2 / n * sum beta_k^2)``."""

    factor: Fraction


def _schedules(top: Fraction, depth: int) -> Iterator[list[Fraction]]:
    yield [top] * depth
    yield [top / (k + 1) for k in range(depth)]


def runs(budget: Budget) -> Iterator[tuple[dict[str, Any], tiny.FiniteSum, list[list[tiny.Node]]]]:
    """Trees with their data; ``sigma^2`` is the largest variance at a reached point."""
    for problem, (mu, c) in product(tiny.PROBLEMS, CONSTANTS):
        top = largest_step(problem.lipschitz, mu, c)
        for start in (problem.minimiser, Fraction(3)):
            for n, depth in ((1, budget.pick(3, 4)), (2, 2)):
                for betas in _schedules(top, depth):
                    tree = tiny.levels(problem, start, betas, c, mu, n)
                    sigma2 = max(problem.variance(node.x) for level in tree[:-1] for node in level)
                    yield (
                        {"a": list(problem.a), "b": list(problem.b), "start": start, "betas": betas, "C": c, "mu": mu,
                         "n": n, "sigma2": sigma2},
                        problem,
                        tree,
                    )  # fmt: skip


def _tree_statement(
    sides: Callable[..., tuple[Fraction, Fraction]],
    constants: Callable[..., Any],
    replay: str,
    budget: Budget,
    proof: Any,
) -> list[Evidence]:
    """``sides(point, problem, tree)`` in rationals, again with rounded points; ``constants(problem, mu, C)``."""
    trees: dict[int, Any] = {}

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for key, (point, problem, tree) in enumerate(runs(budget)):
            point |= constants(problem, point["mu"], point["C"])
            left, right = sides(point, problem, tree)
            trees[key] = (point, problem, tree)
            yield {**point, "key": key, "left": left, "right": right}

    def again(point: Any) -> tuple[float, float]:
        inner, problem, tree = trees[point["key"]]
        rounded = [
            [node._replace(x=Fraction(float(node.x)), probability=Fraction(float(node.probability))) for node in level]
            for level in tree
        ]
        return tuple(map(float, sides(inner, problem, rounded)))  # type: ignore[return-value]

    methods = ("all paths in rationals", "all paths, points rounded to double precision")
    statement = ForAll(points, lambda p: (p["left"], p["right"]), "<=", again, replay, methods, proof=proof)
    return for_all(statement, budget)


def telescoping() -> dict[str, bool]:
    """The sums over the one-step inequality for any number of steps, by induction; ``a_k = E f(x_k)``.

    ``S_N = sum_(k<N) (a_k - a_(k+1)) = a_0 - a_N``, and Abel's ``T_N = sum_(k<N) w_k (a_k - a_(k+1))``: ``M w_(N-1) -
    T_N - a_N w_(N-1)`` is a sum of ``(M - a_k)(w_k - w_(k-1))``, not negative for ``M >= a_k`` and rising weights.
    """
    first, old, new, top, low, high, total = sp.symbols("a_0 a_N a_N+1 M w_N-1 w_N T_N")
    rest = top * low - total - old * low
    after = top * high - (total + high * (old - new)) - new * high
    return {
        "S_(N+1) = S_N + a_N - a_(N+1)": is_zero((first - old) + (old - new) - (first - new)),
        "Abel: N = 1": is_zero(top * low - low * (first - old) - old * low - (top - first) * low),
        "Abel: from N to N + 1 comes (M - a_N)(w_N - w_(N-1))": is_zero(after - rest - (top - old) * (high - low)),
    }


def expected_value(statement: ExpectedValue, budget: Budget) -> list[Evidence]:
    """Explicit ``M_f``."""

    def sides(point: Any, problem: tiny.FiniteSum, tree: list[list[tiny.Node]]) -> tuple[Fraction, Fraction]:
        largest = max(tiny.mean(level, problem.value_at) for level in tree)
        return largest, series_bound(point["mu"], point, problem.value(point["start"]), point["coefficient"])

    def constants(problem: tiny.FiniteSum, mu: Fraction, c: Fraction) -> dict[str, Any]:
        return {"coefficient": Fraction(statement.coefficient(problem.lipschitz, mu, c))}

    def proof(budget: Budget) -> list[Evidence]:
        found = one_step(OneStep(Fraction(1, 4), statement.coefficient), budget)
        return [*found, Exact("symbolic", {**telescoping(), **_summed()})]

    return _tree_statement(sides, constants, VALUE_REPLAY, budget, proof)


def series_bound(factor: Any, point: Any, drop: Any, coefficient: Any) -> Any:
    """Right side of :class:`Weighted`; ``point`` has mu, sigma2, n and the betas."""
    squares = sum(beta**2 for beta in point["betas"])
    return factor / point["mu"] * (drop + coefficient * point["sigma2"] / point["n"] * squares)


def _summed() -> dict[str, bool]:
    """``mu / factor`` times :func:`series_bound` sums the one-step inequality: f's fall, and the noise of each step."""
    factor, mu, sigma2, n, drop, weight, beta, old = sp.symbols("k mu sigma2 n D c beta beta_0", positive=True)

    def right(*betas: Any) -> Any:
        return mu / factor * series_bound(factor, {"mu": mu, "sigma2": sigma2, "n": n, "betas": betas}, drop, weight)

    added = right(old, beta) - right(old)
    return {
        "without steps: the fall of f": is_zero(right() - drop),
        "a step adds beta^2 times its noise term": is_zero(added - beta**2 * weight * sigma2 / n),
    }


def weighted(statement: Weighted, budget: Budget) -> list[Evidence]:
    """The series whose finiteness gives (19)."""

    def sides(point: Any, problem: tiny.FiniteSum, tree: list[list[tiny.Node]]) -> tuple[Fraction, Fraction]:
        drop = problem.value(point["start"]) - problem.value(problem.minimiser)
        gradients = [tiny.mean(level, problem.squared_gradient) for level in tree[:-1]]
        total = sum((b * g for b, g in zip(point["betas"], gradients, strict=True)), Fraction(0))
        return total, series_bound(statement.factor, point, drop, point["coefficient"])

    def constants(problem: tiny.FiniteSum, mu: Fraction, c: Fraction) -> dict[str, Any]:
        return {"coefficient": Fraction(sharp_noise(problem.lipschitz, mu, c)), "factor": statement.factor}

    def proof(budget: Budget) -> list[Evidence]:
        found = one_step(OneStep(1 / statement.factor, sharp_noise), budget)
        return [*found, Exact("symbolic", {**telescoping(), **_summed()})]

    return _tree_statement(sides, constants, WEIGHTED_REPLAY, budget, proof)
