"""The one-step expected decrease behind Theorems 1-4, by proof and on all paths of tiny problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Evidence, Exact
from . import tiny
from .update_bounds import NormBound, certificate
from .update_structure import structure

CONSTANTS = ((Fraction(1, 2), Fraction(1)), (Fraction(9, 10), Fraction(1, 10)), (Fraction(1, 10), Fraction(5)))  # mu, C

REPLAY = """
from fractions import Fraction
from itertools import product
read = lambda v: [read(c) for c in v] if isinstance(v, list) else Fraction(str(v))
a, b, x, beta, mu, C = (read(witness[k]) for k in ("a", "b", "x", "beta", "mu", "C"))
n, T = witness["n"], len(a)
f = lambda y: float(sum(p * (y - q) ** 2 for p, q in zip(a, b)) / (2 * T))
g = lambda y, s: sum(a[i] * (y - b[i]) for i in s) / len(s)
grad = g(x, range(T))
var = sum((g(x, (i,)) - grad) ** 2 for i in range(T)) / T / n
values = []
for s in product(range(T), repeat=n):
    r, h = -g(x, s), beta
    if witness["before"]:
        dx, dr = x - read(witness["before"])[0], r - read(witness["before"])[1]
        z = dr * dr + C / beta**2 * dx * dx
        half = (dx + beta * dr) * dr / z if z else 0
        alpha = min(1, float(beta) ** 0.5 - 1e-6)
        if alpha * half > beta * (1 - mu):
            alpha = float(beta * (1 - mu) / half)
        h = float(beta) - alpha * float(half)
    values.append(f(float(x) + float(h) * float(r)))
bound = f(float(x)) - float(read(witness["decrease"]) * beta * mu * grad**2)
bound += float(beta**2 * read(witness["noise"]) * var)
violated = sum(values) / len(values) > bound + 1e-9
"""


@dataclass(frozen=True)
class OneStep:
    """``E f(x_{k+1}) <= f(x_k) - decrease beta mu |grad f|^2 + beta^2 noise(L, mu, C) V``, V the gradient's variance.

    For ``beta <= mu / (4 L (1 + 1/C))``, ``delta >= C beta^-2``, ``alpha <= min(1, beta^(1/2))`` with (14), all of
    which may depend on the batch.
    """

    decrease: Fraction
    noise: Callable[[Any, Any, Any], Any]


def paper_noise(lipschitz: Any, mu: Any, c: Any) -> Any:
    """The coefficient that (23) and C_1 contain: ``(1 + 1/C)(L + 1/mu)``."""
    return (1 + 1 / c) * (lipschitz + 1 / mu)


def sharp_noise(lipschitz: Any, mu: Any, c: Any) -> Any:
    """``(1 + 1/C)(L + 1/mu) / 2``, with the sharp norm bound ``|H r|^2 <= beta^2 (1 + 1/C) |r|^2``."""
    return (1 + 1 / c) * (lipschitz + 1 / mu) / 2


def largest_step(lipschitz: Any, mu: Any, c: Any) -> Any:
    """``mu / (4 L (1 + 1/C))``."""
    return mu / (4 * lipschitz * (1 + 1 / c))


def proof(statement: OneStep, budget: Budget) -> list[Evidence]:
    """With ``g = G + e``, ``E e = 0``: ``-G'Hg = -G'HG - beta G'e - G'(H - beta I) e``; (13) bounds the first term,
    the second has mean zero, ``|H - beta I| <= alpha beta (1 + 1/C)^(1/2) <= beta^(3/2) (1 + 1/C)^(1/2)`` the third.
    """
    p, u, v, a, b = sp.symbols("p u v a b", real=True)
    size, noise, mu, h, kappa, lip, t = sp.symbols("G s mu h kappa L t", positive=True)  # beta = h^2
    c = 1 / (kappa**2 - 1)  # kappa^2 = 1 + 1/C
    # |H r|^2 <= beta^2 (1 + 1/C) |r|^2, factor 1.
    bounds = [*structure(budget), certificate(NormBound(1, form="uniform"))]
    steps = {
        "|(H - beta I) r|^2 <= alpha^2 (beta^2 + 1/delta) r'Pr: a^2 + b^2 = p^2 + p (1 - p) = p": is_zero(
            p**2 + p * (1 - p) - p
        ),
        "Lagrange's identity": is_zero((a**2 + b**2) * (u**2 + v**2) - (a * u + b * v) ** 2 - (a * v - b * u) ** 2),
    }
    left = -(h**2) * mu * size**2 + h**3 * kappa * size * noise + lip / 2 * h**4 * kappa**2 * (size**2 + noise**2)
    coefficient = sp.sympify(statement.noise(lip, mu, c))
    right = -sp.Rational(str(statement.decrease)) * h**2 * mu * size**2 + h**4 * coefficient * noise**2
    young = h**2 / (2 * mu) * (mu * size - h * kappa * noise) ** 2
    # beta = t / (1 + t) of the largest step, which is inverse to L: so L = largest_step(1) t / (beta (1 + t)).
    steps["the largest step is inverse to L"] = is_zero(largest_step(lip, mu, c) * lip - largest_step(1, mu, c))
    rest = (right - left - young).subs(lip, largest_step(1, mu, c) * t / (h**2 * (1 + t)))
    found = inequality({"after Young's square": Inequality(0, "<=", sp.cancel(rest))}, budget)
    return [*bounds, Exact("symbolic", steps), *found]


def one_step(statement: OneStep, budget: Budget) -> list[Evidence]:
    """Every node of the trees of all paths; then the proof."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for problem in tiny.PROBLEMS:
            for mu, c in CONSTANTS:
                top = largest_step(problem.lipschitz, mu, c)
                for start in (problem.minimiser, Fraction(3)):
                    for n, depth in ((1, budget.pick(2, 3)), (2, 1)):
                        betas = [top, top / 3, top, top / 2][:depth]
                        tree = tiny.levels(problem, start, betas[:-1], c, mu, n)
                        for level, beta in zip(tree, betas, strict=True):
                            for node in level:
                                yield {
                                    "a": list(problem.a), "b": list(problem.b), "x": node.x, "n": n, "beta": beta,
                                    "before": list(node.before or ()), "mu": mu, "C": c,
                                    "decrease": statement.decrease,
                                    "noise": Fraction(statement.noise(problem.lipschitz, mu, c)),
                                }  # fmt: skip

    def sides(point: Any) -> tuple[Fraction, Fraction]:
        problem = tiny.FiniteSum(tuple(point["a"]), tuple(point["b"]))
        before = tuple(point["before"]) or None
        node = tiny.Node(Fraction(1), point["x"], before)
        beta, mu, c, n = (point[k] for k in ("beta", "mu", "C", "n"))
        after = tiny.mean(list(tiny.children(problem, node, beta, c, mu, n)), lambda child: problem.value(child.x))
        bound = problem.value(node.x) - statement.decrease * beta * mu * problem.gradient(node.x) ** 2
        return after, bound + beta**2 * point["noise"] * problem.variance(node.x) / n

    def again(point: Any) -> tuple[float, float]:
        # By simulation-free floats: the same expectation through the closed form of f at the mean and its variance.
        problem = tiny.FiniteSum(tuple(point["a"]), tuple(point["b"]))
        before = tuple(point["before"]) or None
        new = [
            tiny.step(point["x"], -problem.gradient(point["x"], s), before, point["beta"], point["C"], point["mu"])[1]
            for s in problem.batches(point["n"])
        ]
        centre = sum(map(float, new)) / len(new)
        spread = sum((float(v) - centre) ** 2 for v in new) / len(new)
        low, lip = problem.minimiser, float(problem.lipschitz)
        after = float(problem.value(low)) + lip / 2 * ((centre - float(low)) ** 2 + spread)
        return after, float(sides(point)[1])

    methods = ("all batches in rationals", "mean and variance of the next point")
    return for_all(
        ForAll(points, sides, "<=", again, REPLAY, methods, (0.0, 1e-9), proof=lambda b: proof(statement, b)), budget
    )


def averaged(statement: tuple[Fraction, Fraction], budget: Budget) -> list[Evidence]:
    """The shares of ``16 L (1 + 1/C) / mu^2`` and ``1 + 1/(L mu)`` that suffice in the averages of Theorems 3 and 4.

    ``1/(d mu beta_0)`` and ``beta_0 noise / (d mu)`` for the decrease with ``d = 3/8`` and the noise term that it has.
    """
    lip, mu, c = sp.symbols("L mu C", positive=True)
    d, top = Fraction(3, 8), largest_step(lip, mu, c)
    first, noise = (sp.Rational(str(v)) for v in statement)
    share = sp.Rational(str(1 / d))
    steps = {
        "first coefficient": is_zero(share / (mu * top) - first * 16 * lip * (1 + 1 / c) / mu**2),
        "noise coefficient": is_zero(share * top * sharp_noise(lip, mu, c) / mu - noise * (1 + 1 / (lip * mu))),
    }
    return [*one_step(OneStep(d, sharp_noise), budget), Exact("symbolic", steps)]
