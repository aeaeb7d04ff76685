"""The rules of section 3, written once more on exact numbers and apart from the optimizers that they check.

Numbers are Fractions, mpmath numbers or floats; ``sqrt`` is handed in where a root is taken. A path holds the points
after every step. ``source`` is a sequence of gradients or a ``Field`` (gradient function and number of steps).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt
from typing import Any, Literal

from ..checks.trajectories import Field

Number = Any
Vector = list[Any]
Path = list[Vector]
Root = Callable[[Number], Number]


def rational_root(x: Any) -> Fraction:
    """Square root of a rational >= 0: exact where it is one, else rounded down at the 60th digit."""
    x = Fraction(x)
    exact = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    digits = 10**60
    return exact if exact * exact == x else Fraction(isqrt(x.numerator * digits**2 // x.denominator), digits)


@dataclass
class Buffer:
    """Pairs [key, vector] in a plain list, oldest insertion first.

    Attributes
    ----------
    size : int
        C.
    decay : number
    decayed : {"keys", "values"}
    pairs : list
    """

    size: int
    decay: Number
    decayed: Literal["keys", "values"] = "keys"
    pairs: list[list[Any]] = field(default_factory=list)

    def mean(self, over: Literal["capacity", "fill"], like: Vector) -> Vector:
        """(6)'s second term; zero where nothing is stored."""
        if not self.pairs:
            return [0 * x for x in like]
        count = self.size if over == "capacity" else len(self.pairs)
        return [sum(column[1:], column[0]) / count for column in zip(*(v for _, v in self.pairs), strict=True)]

    def offer(self, key: Number, vector: Vector) -> bool:
        """Insert or not, then decay; whether the pair was taken."""
        taken = True
        if len(self.pairs) < self.size:
            self.pairs.append([key, vector])
        elif self.pairs and key > min(k for k, _ in self.pairs):
            # Among equal smallest keys the one that has held its place longest goes.
            slot = min(range(self.size), key=lambda c: self.pairs[c][0])
            self.pairs[slot] = [key, vector]
        else:
            taken = False
        for pair in self.pairs:
            if self.decayed == "keys":
                pair[0] = self.decay * pair[0]
            else:
                pair[1] = [self.decay * x for x in pair[1]]
        return taken


@dataclass(frozen=True)
class Reading:
    """How the buffer is used: divisor of the mean, what comes first, whose norm is the key, what a first step does."""

    mean: Literal["capacity", "fill"] = "capacity"
    insert_first: bool = False
    key: Literal["gradient", "momentum"] = "gradient"
    start: Literal["momentum", "gradient"] = "momentum"
    aggregation: Literal["aggregate", "momentum", "negative"] = "aggregate"
    eps_inside: bool = False


def norm(v: Vector, sqrt: Root) -> Number:
    return sqrt(sum((x * x for x in v[1:]), v[0] * v[0]))


def _gradients(source: Any) -> int:
    return source.steps if isinstance(source, Field) else len(source)


def _at(source: Any, t: int, theta: Vector) -> Vector:
    return list(source.gradient(theta) if isinstance(source, Field) else source[t - 1])


def _move(theta: Sequence[Any], m: Vector, v: Vector, t: int, sqrt: Root, h: Any, eps_inside: bool) -> Vector:
    """(2) and (7); where numerator and denominator vanish nothing moves."""
    new = []
    for x, a, b in zip(theta, m, v, strict=True):
        top, square = a / (1 - h["beta1"] ** t), b / (1 - h["beta2"] ** t)
        bottom = sqrt(square + h["eps"]) if eps_inside else sqrt(square) + h["eps"]
        new.append(x - h["alpha"] * top / bottom if bottom else x)
    return new


def _average(old: Vector, new: Vector, beta: Number) -> Vector:
    return [beta * a + (1 - beta) * b for a, b in zip(old, new, strict=True)]


def _sum(a: Vector, b: Vector) -> Vector:
    return [x + y for x, y in zip(a, b, strict=True)]


def _offered(buffer: Buffer, key: Number, vector: Vector, reading: Reading) -> Vector:
    """The mean that joins the aggregate, before or after the insertion."""
    before = buffer.mean(reading.mean, vector)
    buffer.offer(key, vector)
    return buffer.mean(reading.mean, vector) if reading.insert_first else before


def adam(source: Any, theta: Sequence[Any], sqrt: Root, h: Any, eps_inside: bool = False) -> Path:
    """(1), (2)."""
    theta = list(theta)
    m = v = [0 * x for x in theta]
    path: Path = []
    for t in range(1, _gradients(source) + 1):
        g = _at(source, t, theta)
        m = _average(m, g, h["beta1"])
        v = _average(v, [x * x for x in g], h["beta2"])
        theta = _move(theta, m, v, t, sqrt, h, eps_inside)
        path.append(theta)
    return path


def adam_cg(source: Any, theta: Sequence[Any], sqrt: Root, h: Any, buffer: Buffer, reading: Reading) -> Path:
    """(3), step as in (2)."""
    theta = list(theta)
    m = v = [0 * x for x in theta]
    path: Path = []
    for t in range(1, _gradients(source) + 1):
        g = _at(source, t, theta)
        a = _sum(g, _offered(buffer, norm(g, sqrt), g, reading))
        m = _average(m, a, h["beta1"])
        v = _average(v, [x * x for x in a], h["beta2"])
        theta = _move(theta, m, v, t, sqrt, h, reading.eps_inside)
        path.append(theta)
    return path


def adam_cm(
    source: Any,
    theta: Sequence[Any],
    sqrt: Root,
    h: Any,
    buffer: Buffer,
    reading: Reading,
    *,
    tensors: Sequence[slice] = (slice(None),),
    radius: Number = 0,
    original_key: bool = False,
) -> Path:
    """(4)-(7). ``tensors``: the key is the sum of their norms; ``radius``: the gradient is SAM's, of that radius."""
    theta = list(theta)
    m = v = [0 * x for x in theta]
    path: Path = []
    for t in range(1, _gradients(source) + 1):
        g = raw = _at(source, t, theta)
        if radius:
            g = perturbed(source, theta, raw, radius, sqrt)
        new = _average(m, g, h["beta1"])
        stored = new
        if t == 1 and reading.start == "gradient":
            new, stored = [0 * x for x in g], g
        m = new
        of = m if reading.key == "momentum" else raw if original_key else g
        lengths = [norm(of[part], sqrt) for part in tensors]
        mean = _offered(buffer, sum(lengths[1:], lengths[0]), stored, reading)
        if reading.aggregation == "aggregate":
            a = _sum(m, mean)
        else:
            a = m if reading.aggregation == "momentum" else [-x for x in m]
        v = _average(v, [x * x for x in a], h["beta2"])
        theta = _move(theta, a, v, t, sqrt, h, reading.eps_inside)
        path.append(theta)
    return path


def perturbed(source: Field, theta: Sequence[Any], g: Vector, radius: Number, sqrt: Root) -> Vector:
    """SAM's gradient at ``theta + radius g / |g|``, at ``theta`` where g = 0."""
    length = norm(g, sqrt)
    if not length:
        return list(source.gradient(theta))
    return list(source.gradient([x + radius * y / length for x, y in zip(theta, g, strict=True)]))


def adam_sam(source: Field, theta: Sequence[Any], sqrt: Root, h: Any, radius: Number) -> Path:
    """(1), (2) with SAM's gradient."""
    theta = list(theta)
    m = v = [0 * x for x in theta]
    path: Path = []
    for t in range(1, source.steps + 1):
        g = perturbed(source, theta, list(source.gradient(theta)), radius, sqrt)
        m = _average(m, g, h["beta1"])
        v = _average(v, [x * x for x in g], h["beta2"])
        theta = _move(theta, m, v, t, sqrt, h, False)
        path.append(theta)
    return path


def sgd_cm(
    source: Any,
    theta: Sequence[Any],
    buffer: Buffer,
    *,
    alpha: Number,
    beta: Number,
    heavy_ball: bool = False,
    reading: Reading | None = None,
    sqrt: Root = rational_root,
) -> Path:
    """(8)."""
    reading = reading or Reading()
    theta = list(theta)
    m = [0 * x for x in theta]
    path: Path = []
    for t in range(1, _gradients(source) + 1):
        g = _at(source, t, theta)
        m = [beta * a + b for a, b in zip(m, g, strict=True)] if heavy_ball else _average(m, g, beta)
        a = _sum(m, _offered(buffer, norm(m if reading.key == "momentum" else g, sqrt), m, reading))
        theta = [x - alpha * y for x, y in zip(theta, a, strict=True)]
        path.append(theta)
    return path


def sgd_cg(
    source: Any,
    theta: Sequence[Any],
    buffer: Buffer,
    *,
    alpha: Number,
    reading: Reading | None = None,
    sqrt: Root = rational_root,
) -> Path:
    """(10)."""
    theta = list(theta)
    path: Path = []
    for t in range(1, _gradients(source) + 1):
        g = _at(source, t, theta)
        a = _sum(g, _offered(buffer, norm(g, sqrt), g, reading or Reading()))
        theta = [x - alpha * y for x, y in zip(theta, a, strict=True)]
        path.append(theta)
    return path


def extragradient(source: Field, theta: Sequence[Any], *, h: Number, gamma: Number, m: Number) -> Path:
    """Momentum extragradient, line by line in theta (A.2.1)."""
    theta = before = list(theta)
    path: Path = []
    for _ in range(source.steps):
        g = source.gradient(theta)
        second = source.gradient([x - gamma * y for x, y in zip(theta, g, strict=True)])
        theta, before = [x - h * s + m * (x - y) for x, s, y in zip(theta, second, before, strict=True)], theta
        path.append(theta)
    return path
