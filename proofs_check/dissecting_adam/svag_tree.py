"""Idealised SVAG on small noise models, enumerated exactly: every path of T steps in rational arithmetic.

An independent transcription of theorem 1's update ``theta <- theta - (c * g) / L``, ``c = (1 + var / grad^2)^-1``
(0 at a zero gradient), for the checks of its proof; the rule that runs is :class:`optassay.optimizers.SVAG`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction as F
from functools import lru_cache
from itertools import product

Vector = tuple[F, ...]
Law = Sequence[tuple[F, Vector]]


@dataclass(frozen=True)
class Problem:
    """A strongly convex, smooth function with minimum value 0 and a noise law of the gradient at each point."""

    value: Callable[[Vector], F]
    gradient: Callable[[Vector], Vector]
    noise: Callable[[Vector], Law]
    smoothness: F
    convexity: F
    start: Vector


@dataclass(frozen=True)
class Node:
    """One point reached after ``t`` steps, with everything the proof speaks of."""

    t: int
    probability: F
    point: Vector
    value: F
    gradient: Vector
    variance: Vector
    next_value: F  # E_t f_{t+1}


def factors(gradient: Vector, variance: Vector) -> Vector:
    """(32): grad^2 / (grad^2 + var), 0 at a zero gradient."""
    return tuple(g * g / (g * g + v) if g else F(0) for g, v in zip(gradient, variance, strict=True))


def _children(problem: Problem, point: Vector) -> tuple[Vector, Vector, list[tuple[F, Vector]]]:
    gradient, law = problem.gradient(point), problem.noise(point)
    variance = tuple(sum((q * n[i] ** 2 for q, n in law), F(0)) for i in range(len(point)))
    scale = factors(gradient, variance)
    moved = [
        (q, tuple(x - c * (g + e) / problem.smoothness for x, c, g, e in zip(point, scale, gradient, n, strict=True)))
        for q, n in law
    ]
    return gradient, variance, moved


@lru_cache(maxsize=32)
def levels(name: str, steps: int) -> tuple[tuple[Node, ...], ...]:
    """Nodes of each level t = 0..steps, equal points merged."""
    problem = PROBLEMS[name]
    found = []
    current: dict[Vector, F] = {problem.start: F(1)}
    for t in range(steps + 1):
        nodes: list[Node] = []
        following: dict[Vector, F] = {}
        for point, probability in current.items():
            gradient, variance, moved = _children(problem, point)
            mean = sum((q * problem.value(x) for q, x in moved), F(0))
            nodes.append(Node(t, probability, point, problem.value(point), gradient, variance, mean))
            for q, x in moved:
                following[x] = following.get(x, F(0)) + probability * q
        found.append(tuple(nodes))
        current = following
    return tuple(found)


def quadratic(hessian: Sequence[Sequence[F]], smoothness: F, convexity: F, start: Vector, noise: Law) -> Problem:
    """``0.5 x^T H x`` with noise of one law everywhere; the two constants must bound the eigenvalues of H."""

    def gradient(x: Vector) -> Vector:
        return tuple(sum((h * a for h, a in zip(row, x, strict=True)), F(0)) for row in hessian)

    return Problem(
        lambda x: sum((a * b for a, b in zip(x, gradient(x), strict=True)), F(0)) / 2,
        gradient,
        lambda x: noise,
        smoothness,
        convexity,
        start,
    )


def _huber(convexity: F, smoothness: F, start: F) -> Problem:
    """A smooth, strongly convex function that is no quadratic, with noise that grows with the distance."""
    extra = smoothness - convexity

    def value(x: Vector) -> F:
        far = abs(x[0])
        return convexity * far**2 / 2 + extra * (far**2 / 2 if far <= 1 else far - F(1, 2))

    def gradient(x: Vector) -> Vector:
        return (convexity * x[0] + extra * min(max(x[0], F(-1)), F(1)),)

    def noise(x: Vector) -> Law:
        size = (1 + abs(x[0])) / 4
        return [(F(2, 3), (size,)), (F(1, 3), (-2 * size,))]

    return Problem(value, gradient, noise, smoothness, convexity, (start,))


def _independent(size: F) -> Law:
    return [(F(1, 4), (a * size, b * size)) for a, b in product((1, -1), repeat=2)]


_COIN: Law = [(F(1, 2), (F(1),)), (F(1, 2), (F(-1),))]
_SKEW: Law = [(F(3, 4), (F(1),)), (F(1, 4), (F(-3),))]
# Perfectly correlated coordinates: the theorem asks nothing of the covariances.
_TIED: Law = [(F(1, 2), (F(1), F(-2))), (F(1, 2), (F(-1), F(2)))]
_ROTATED = ((F(2), F(1)), (F(1), F(3)))  # eigenvalues (5 -+ sqrt 5) / 2, inside [1, 4]

PROBLEMS = {
    "coin": quadratic(((F(1),),), F(1), F(1), (F(1, 2),), _COIN),
    "coin, short steps": quadratic(((F(1),),), F(3), F(1), (F(2),), _COIN),
    "skew": quadratic(((F(2),),), F(2), F(2), (F(-1),), _SKEW),
    "axis-aligned": quadratic(((F(1), F(0)), (F(0), F(4))), F(4), F(1), (F(1), F(1)), _independent(F(1, 2))),
    "rotated": quadratic(_ROTATED, F(4), F(1), (F(1), F(-1, 3)), _independent(F(1))),
    "rotated, tied noise": quadratic(_ROTATED, F(4), F(1), (F(1), F(1)), _TIED),
    "noise-free": quadratic(((F(1), F(0)), (F(0), F(2))), F(2), F(1), (F(1), F(3)), [(F(1), (F(0), F(0)))]),
    "not quadratic": _huber(F(1), F(3), F(3)),
}


def depth(name: str, full: bool) -> int:
    """Levels that keep an enumeration near a tenth of a second (quick) or a few seconds; the digits grow fast."""
    problem = PROBLEMS[name]
    branches, dim = len(problem.noise(problem.start)), len(problem.start)
    return (6 if branches == 1 else 5 if dim == 1 else 3) + int(full)


def second_moment(node: Node) -> F:
    """E_t |g_t|^2."""
    return sum((g * g + v for g, v in zip(node.gradient, node.variance, strict=True)), F(0))


def mean(level: Sequence[Node], quantity: Callable[[Node], F]) -> F:
    """Expectation over a level."""
    return sum((node.probability * quantity(node) for node in level), F(0))
