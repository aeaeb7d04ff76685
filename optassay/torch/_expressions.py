"""Elementwise expressions over vectors, as a rule builds them: graphs whose leaves are columns.

Scalar factors are kept apart and merge with the operation that uses them; what the graph cannot say raises
`Untraceable`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Untraceable(Exception):
    """The rule did something that only real arrays can do; it then runs on whole tensors."""


class Node:
    """One operation on whole vectors; ``scalars`` are left out of the structure."""

    __slots__ = ("args", "op", "scalars")

    def __init__(self, op: str, args: tuple[Any, ...], scalars: tuple[float, ...] = ()) -> None:
        self.op = op
        self.args = args
        self.scalars = scalars

    def hold(self, leaf: Leaf) -> None:
        """From now on the node is a column, which has its numbers."""
        self.op, self.args, self.scalars = "held", (leaf,), ()


class Leaf(NamedTuple):
    """A column of chunks that exist already."""

    column: int


class Vec:
    """``scale * node``: scalar factors wait, so that they merge with the operation that uses them."""

    __slots__ = ("node", "scale")

    def __init__(self, node: Any, scale: float = 1.0) -> None:
        self.node = node
        self.scale = scale


def long_factor(a: Vec, columns: int) -> Node | None:
    """A factor of a product that reads more than so many columns, None without any."""
    if not isinstance(a.node, Node) or a.node.op != "mul":
        return None
    for factor in a.node.args:
        seen: set[int] = set()
        waiting = [factor]
        while waiting and len(seen) <= columns:
            node = waiting.pop()
            if isinstance(node, Leaf):
                seen.add(node.column)
            elif isinstance(node, Node):
                waiting.extend(node.args)
        if len(seen) > columns and factor.op not in BOOLEAN:
            return factor
    return None


Value = Any  # Vec, or a number that stands for a constant vector


def full(a: Vec) -> Any:
    """The vector as one node, its factor applied."""
    if a.scale != 1.0:
        a.node, a.scale = Node("scale", (a.node,), (a.scale,)), 1.0
    return a.node


def mul(a: Value, b: Value) -> Value:
    if isinstance(a, Vec):
        if isinstance(b, Vec):
            return Vec(Node("mul", (a.node, b.node)), a.scale * b.scale)
        return Vec(a.node, a.scale * float(b))
    return Vec(b.node, b.scale * float(a)) if isinstance(b, Vec) else a * b


def div(a: Value, b: Value) -> Value:
    if not isinstance(b, Vec):
        if float(b) == 0.0:
            raise Untraceable("division by zero")
        return Vec(a.node, a.scale / float(b)) if isinstance(a, Vec) else a / b
    if b.scale == 0.0:
        raise Untraceable("division by zero")
    if isinstance(a, Vec):
        return Vec(Node("div", (a.node, b.node)), a.scale / b.scale)
    return Vec(Node("reciprocal", (b.node,)), float(a) / b.scale)


def add(a: Value, b: Value) -> Value:
    if not isinstance(a, Vec):
        if not isinstance(b, Vec):
            return a + b
        a, b = b, a
    if not isinstance(b, Vec):
        b = float(b)
        if b == 0.0:
            return a
        if a.scale == 1.0:
            return Vec(Node("shift", (a.node,), (b,)))
        return Vec(Node("affine", (a.node,), (b, a.scale)))
    if a.node is b.node:
        return Vec(a.node, a.scale + b.scale)
    if a.scale + b.scale == 1.0 and 0.0 < b.scale < 1.0:
        return Vec(Node("lerp", (a.node, b.node), (b.scale,)))
    if a.scale == 1.0:
        return Vec(Node("axpy", (a.node, b.node), (b.scale,)))
    if b.scale == 1.0:
        return Vec(Node("axpy", (b.node, a.node), (a.scale,)))
    return Vec(Node("axpby", (a.node, b.node), (a.scale, b.scale)))


def neg(a: Value) -> Value:
    return Vec(a.node, -a.scale) if isinstance(a, Vec) else -a


def sub(a: Value, b: Value) -> Value:
    return add(a, neg(b))


def sqrt(a: Value) -> Value:
    if not isinstance(a, Vec):
        return math.sqrt(a)
    if a.scale < 0.0:
        return Vec(Node("sqrt", (full(a),)))
    return Vec(Node("sqrt", (a.node,)), math.sqrt(a.scale))


def absolute(a: Value) -> Value:
    return Vec(Node("abs", (a.node,)), abs(a.scale)) if isinstance(a, Vec) else abs(a)


def sign(a: Value) -> Value:
    if not isinstance(a, Vec):
        return math.copysign(1.0, a) if a else 0.0
    return Vec(Node("sign", (a.node,)), math.copysign(1.0, a.scale) if a.scale else 0.0)


def power(a: Value, b: Value) -> Value:
    if isinstance(b, Vec):
        raise Untraceable("power of vectors")
    if b == 2:
        return mul(a, a)
    if b == 0.5:
        return sqrt(a)
    return Vec(Node("pow", (full(a),), (float(b),))) if isinstance(a, Vec) else a**b


def unary(op: str) -> Any:
    def call(a: Value) -> Value:
        if not isinstance(a, Vec):
            raise Untraceable(f"{op} of a constant vector")
        return Vec(Node(op, (full(a),)))

    return call


def binary(op: str) -> Any:
    """An operation with a form for two vectors and one for a vector and a number."""

    def call(a: Value, b: Value) -> Value:
        if isinstance(a, Vec) and isinstance(b, Vec):
            return Vec(Node(op, (full(a), full(b))))
        if isinstance(a, Vec):
            return Vec(Node(op, (full(a), "const"), (float(b),)))
        if isinstance(b, Vec):
            return Vec(Node(op, ("const", full(b)), (float(a),)))
        raise Untraceable(f"{op} of two constant vectors")

    return call


def _as_numbers(condition: Any) -> Any:
    """A condition made of ``== number`` and ``and`` as a vector of 0 and 1, else None."""
    op = getattr(condition, "op", "")
    if op == "eq" and condition.args[1] == "const":
        return Node("eq_number", condition.args[:1], condition.scalars)
    if op == "logical_and":
        parts = [_as_numbers(arg) for arg in condition.args]
        return None if None in parts else Node("mul", tuple(parts))
    return None


def _implies_zero(condition: Any, node: Any) -> bool:
    if condition.op == "logical_and":
        return any(_implies_zero(arg, node) for arg in condition.args)
    return condition.op == "eq" and condition.args == (node, "const") and condition.scalars == (0.0,)


def where(condition: Value, a: Value, b: Value) -> Value:
    if not isinstance(condition, Vec):
        return a if condition else b
    if isinstance(b, Vec) and not isinstance(a, Vec) and math.isfinite(a) and _implies_zero(condition.node, full(b)):
        # Replacing zeros is adding a number there: conditions of one byte cost four times as much as numbers.
        numbers = _as_numbers(condition.node)
        if numbers is not None:
            return add(b, Vec(numbers, float(a)))
    args: list[Any] = [full(condition)]
    scalars: list[float] = []
    for branch in (a, b):
        if isinstance(branch, Vec):
            args.append(full(branch))
        else:
            args.append("const")
            scalars.append(float(branch))
    return Vec(Node("where", tuple(args), tuple(scalars)))


BOOLEAN = {"lt", "le", "gt", "ge", "eq", "ne", "isnan", "isinf", "isfinite", "logical_and", "logical_or", "logical_not"}
