"""All paths of Algorithm 1 on one-dimensional finite sums, in rationals: ``f_i = a_i (x - b_i)^2 / 2``, memory 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import isqrt
from typing import Any, NamedTuple


@dataclass(frozen=True)
class FiniteSum:
    """``f = mean_i a_i (x - b_i)^2 / 2`` with ``mean a > 0``; single terms may be concave."""

    a: tuple[Fraction, ...]
    b: tuple[Fraction, ...]

    @property
    def lipschitz(self) -> Fraction:
        """L of the mean."""
        return sum(self.a, Fraction(0)) / len(self.a)

    @property
    def minimiser(self) -> Fraction:
        return sum((a * b for a, b in zip(self.a, self.b, strict=True)), Fraction(0)) / sum(self.a)

    def value(self, x: Fraction) -> Fraction:
        return sum((a * (x - b) ** 2 for a, b in zip(self.a, self.b, strict=True)), Fraction(0)) / (2 * len(self.a))

    def gradient(self, x: Fraction, batch: Sequence[int] | None = None) -> Fraction:
        """Mean gradient of a batch, by default of all samples."""
        batch = range(len(self.a)) if batch is None else batch
        return sum((self.a[i] * (x - self.b[i]) for i in batch), Fraction(0)) / len(batch)

    def value_at(self, node: Node) -> Fraction:
        """f at a node."""
        return self.value(node.x)

    def squared_gradient(self, node: Node) -> Fraction:
        """Of the mean, at a node."""
        return self.gradient(node.x) ** 2

    def variance(self, x: Fraction) -> Fraction:
        """Of one sample's gradient."""
        mean = self.gradient(x)
        return sum(((self.gradient(x, (i,)) - mean) ** 2 for i in range(len(self.a))), Fraction(0)) / len(self.a)

    def batches(self, n: int) -> list[tuple[int, ...]]:
        """All batches of n independent draws, equally likely."""
        return list(product(range(len(self.a)), repeat=n))


PROBLEMS = (
    FiniteSum((Fraction(1), Fraction(1)), (Fraction(-1), Fraction(1))),
    FiniteSum((Fraction(3), Fraction(-1)), (Fraction(-1), Fraction(1, 2))),  # a concave term
    FiniteSum((Fraction(1, 4), Fraction(2), Fraction(1)), (Fraction(4), Fraction(0), Fraction(-2))),
)


class Node(NamedTuple):
    """A reached state: probability, point, and the previous point and residual (None at the start)."""

    probability: Fraction
    x: Fraction
    before: tuple[Fraction, Fraction] | None


def square_root_below(value: Fraction) -> Fraction:
    """A rational in ``(sqrt(v) - 1e-6, sqrt(v)]``."""
    scale = 10**6
    return Fraction(isqrt(value.numerator * scale**2 // value.denominator), scale)


def half_matrix(x: Fraction, r: Fraction, before: tuple[Fraction, Fraction], beta: Fraction, delta: Fraction) -> Any:
    """``Y Z^+ R`` of a one-column history, a number."""
    dx, dr = x - before[0], r - before[1]
    z = dr * dr + delta * dx * dx
    return (dx + beta * dr) * dr / z if z else Fraction(0)


def step(
    x: Fraction,
    r: Fraction,
    before: tuple[Fraction, Fraction] | None,
    beta: Fraction,
    c: Fraction,
    mu: Fraction,
    alpha: Fraction | None = None,
) -> tuple[Fraction, Fraction]:
    """``(H, x_{k+1})`` with ``delta = C beta^-2``; damping as given or the largest of (18b), shrunk by (14)."""
    if before is None:
        return beta, x + beta * r
    half = half_matrix(x, r, before, beta, c / beta**2)
    alpha = min(Fraction(1), square_root_below(beta)) if alpha is None else alpha
    if 2 * alpha * half > 2 * beta * (1 - mu):  # lambda = 2 Y Z^+ R
        alpha = beta * (1 - mu) / half
    h = beta - alpha * half
    return h, x + h * r


def levels(
    problem: FiniteSum, start: Fraction, betas: Sequence[Fraction], c: Fraction, mu: Fraction, n: int
) -> list[list[Node]]:
    """Nodes of every level, the start first."""
    found = [[Node(Fraction(1), start, None)]]
    for beta in betas:
        found.append([child for node in found[-1] for child in children(problem, node, beta, c, mu, n)])
    return found


def children(problem: FiniteSum, node: Node, beta: Fraction, c: Fraction, mu: Fraction, n: int) -> Iterator[Node]:
    """One SAM step for every batch."""
    batches = problem.batches(n)
    for batch in batches:
        r = -problem.gradient(node.x, batch)
        _, new = step(node.x, r, node.before, beta, c, mu)
        yield Node(node.probability / len(batches), new, (node.x, r))


def mean(level: Sequence[Node], value: Callable[[Node], Fraction]) -> Fraction:
    """Expectation over the nodes of a level."""
    return sum((node.probability * value(node) for node in level), Fraction(0))


def float_gradients(
    problem: FiniteSum, start: float, betas: Sequence[float], c: float, mu: float, n: int
) -> list[float]:
    """``E f'(x_k)^2`` of every level in floating point, written out apart from the rational tree."""
    a, b = [float(v) for v in problem.a], [float(v) for v in problem.b]
    paths: list[tuple[float, float | None, float]] = [(start, None, 0.0)]
    found = []
    for beta in betas:
        full = [sum(u * (x - v) for u, v in zip(a, b, strict=True)) / len(a) for x, _, _ in paths]
        found.append(sum(g * g for g in full) / len(full))
        new: list[tuple[float, float | None, float]] = []
        for x, old, r_old in paths:
            for batch in product(range(len(a)), repeat=n):
                r = -sum(a[i] * (x - b[i]) for i in batch) / n
                move = beta * r
                if old is not None:
                    dx, dr = x - old, r - r_old
                    z = dr * dr + c / beta**2 * dx * dx
                    half = (dx + beta * dr) * dr / z if z else 0.0
                    alpha = min(1.0, beta**0.5)
                    move -= (beta * (1 - mu) if alpha * half > beta * (1 - mu) else alpha * half) * r
                new.append((x + move, x, r))
        paths = new
    return found
