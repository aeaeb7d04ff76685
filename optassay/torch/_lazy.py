"""Arrays that record what a rule does with them, in an array-API namespace of their own.

A rule steps on these instead of tensors. Everything with the parameter axis is an expression (`_expressions.Vec`) that
waits; everything else (hyperparameters, keys, Gram matrices, norms) is a NumPy array with its value. A sum over the
parameter axis evaluates what it needs chunk by chunk, so that the rule may branch on it. The rule needs no second
formula, and whatever an expression cannot express raises `Untraceable`: the rule then steps on whole tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import array_api_compat
import array_api_compat.numpy
import numpy as np

from . import _expressions as expressions
from ._expressions import Leaf, Untraceable, Vec

numpy_namespace: Any = array_api_compat.numpy


class Lazy:
    """A vector expression with leading axes, or a small array with a value."""

    __slots__ = ("data", "engine", "vector")
    __array_priority__ = 1000.0

    def __init__(self, data: Any, engine: Any, vector: bool) -> None:
        self.data = data  # vector: a Vec, a number, or an object array of them over the leading axes
        self.engine = engine
        self.vector = vector

    @property
    def shape(self) -> tuple[int, ...]:
        if not self.vector:
            return self.data.shape
        return (*(self.data.shape if isinstance(self.data, np.ndarray) else ()), self.engine.length)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        if not self.vector:
            return self.data.dtype
        first = self.data.flat[0] if isinstance(self.data, np.ndarray) and self.data.size else self.data
        boolean = isinstance(first, Vec) and getattr(first.node, "op", "") in expressions.BOOLEAN
        return np.dtype(bool) if boolean else self.engine.dtype

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def mT(self) -> Lazy:
        if self.vector:
            raise Untraceable("transpose of a vector expression")
        return Lazy(self.data.mT, self.engine, False)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return namespace

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if self.vector:
            raise Untraceable("conversion to NumPy")
        return np.asarray(self.data, *args, **kwargs)

    def _scalar(self) -> Any:
        if self.vector:
            raise Untraceable("value of a vector expression")
        return self.data

    def __bool__(self) -> bool:
        return bool(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __index__(self) -> int:
        return int(self._scalar())

    def __float__(self) -> float:
        return float(self._scalar())

    def __getitem__(self, index: Any) -> Lazy:
        if not self.vector:
            index = tuple(
                i.data if isinstance(i, Lazy) else i for i in (index if isinstance(index, tuple) else (index,))
            )
            return Lazy(np.asarray(self.data[index]), self.engine, False)
        index = index if isinstance(index, tuple) else (index,)
        explicit = sum(i is not None and i is not Ellipsis for i in index)
        if Ellipsis not in index and explicit < self.ndim:
            index = (*index, Ellipsis)
        if index[-1] is Ellipsis:
            index = index[:-1]  # the rest of the axes, the last one with them
        elif isinstance(index[-1], slice) and index[-1].indices(self.engine.length) == (0, self.engine.length, 1):
            index = index[:-1]
        elif index == (Ellipsis, slice(None, 1)):
            return _Unread(self.shape[:-1], self.engine)
        else:
            raise Untraceable(f"index {index[-1]} of the parameter axis")
        if not isinstance(self.data, np.ndarray):
            if all(i is Ellipsis for i in index):
                return self
            wrapped = np.empty((), dtype=object)
            wrapped[()] = self.data
            return Lazy(wrapped[index], self.engine, True)
        return Lazy(self.data[index], self.engine, True)


class _Unread(Lazy):
    """The first entries of vectors, of which only shape and dtype may be asked."""

    __slots__ = ("batch",)

    def __init__(self, batch: tuple[int, ...], engine: Any) -> None:
        self.batch, self.engine, self.vector = batch, engine, False

    @property
    def data(self) -> Any:
        raise Untraceable("an entry of a vector expression")

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.batch, 1)

    @property
    def dtype(self) -> Any:
        return self.engine.dtype


def _operand(a: Any) -> Any:
    """What broadcasts over the leading axes of vectors: small arrays lose their last axis, which must be 1."""
    if not isinstance(a, Lazy):
        return a
    if a.vector:
        return a.data
    if a.data.ndim == 0:
        return a.data.item()
    if a.data.shape[-1] != 1:
        raise Untraceable(f"a small array of shape {a.data.shape} against the parameter axis")
    return a.data[..., 0].item() if a.data.size == 1 else a.data[..., 0]


def _small(a: Any) -> Any:
    if isinstance(a, Lazy):
        if a.vector:
            raise Untraceable("a vector expression where a small array is needed")
        return a.data
    return a


def _elementwise(vector: Callable[..., Any], small: Callable[..., Any], arity: int = 2) -> Callable[..., Any]:
    many = np.frompyfunc(vector, arity, 1)

    def call(*args: Any) -> Any:
        engine = None
        operands: list[Any] = []
        for a in args:
            if isinstance(a, Lazy):
                engine = a.engine
                if a.vector:
                    break
                a = a.data
            operands.append(a)
        else:
            return Lazy(np.asarray(small(*operands)), engine, False)
        operands = [_operand(a) for a in args]
        apply = many if any(isinstance(o, np.ndarray) for o in operands) else vector
        return Lazy(apply(*operands), engine, True)

    return call


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": _elementwise(expressions.add, np.add),
    "subtract": _elementwise(expressions.sub, np.subtract),
    "multiply": _elementwise(expressions.mul, np.multiply),
    "divide": _elementwise(expressions.div, np.divide),
    "pow": _elementwise(expressions.power, np.power),
    "negative": _elementwise(expressions.neg, np.negative, 1),
    "abs": _elementwise(expressions.absolute, np.abs, 1),
    "sign": _elementwise(expressions.sign, np.sign, 1),
    "sqrt": _elementwise(expressions.sqrt, np.sqrt, 1),
    "square": _elementwise(lambda a: expressions.mul(a, a), np.square, 1),
    "where": _elementwise(expressions.where, np.where, 3),
}
for _name in ("exp", "log", "tanh", "isnan", "isinf", "isfinite", "logical_not", "reciprocal"):
    _ELEMENTWISE[_name] = _elementwise(expressions.unary(_name), getattr(np, _name), 1)
for _name, _op in {
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "equal": "eq",
    "not_equal": "ne",
    "maximum": "maximum",
    "minimum": "minimum",
    "logical_and": "logical_and",
    "logical_or": "logical_or",
}.items():
    _ELEMENTWISE[_name] = _elementwise(expressions.binary(_op), getattr(np, _name))

_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "pow",
    "and": "logical_and",
    "or": "logical_or",
}


def _install() -> None:
    def method(call: Callable[..., Any], reverse: bool = False) -> Any:
        if reverse:
            return lambda self, other: call(other, self)
        return lambda self, other: call(self, other)

    for name, function in _OPERATORS.items():
        call = _ELEMENTWISE[function]
        setattr(Lazy, f"__{name}__", method(call))
        setattr(Lazy, f"__r{name}__", method(call, reverse=True))
    for name, function in {
        "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"
    }.items():  # fmt: skip
        setattr(Lazy, f"__{name}__", method(_ELEMENTWISE[function]))
    for name, function in {"neg": "negative", "abs": "abs", "invert": "logical_not"}.items():
        setattr(Lazy, f"__{name}__", lambda self, call=_ELEMENTWISE[function]: call(self))


_install()


_current: list[Any] = []  # the engine at work: creation functions have no array to take it from


def _axis(x: Lazy, axis: int | None) -> int | None:
    return axis if axis is None or axis < 0 else axis - x.ndim


def _sum(x: Lazy, /, *, axis: int | None = None, dtype: Any = None, keepdims: bool = False) -> Lazy:
    if not x.vector:
        return Lazy(np.asarray(np.sum(x.data, axis=axis, dtype=dtype, keepdims=keepdims)), x.engine, False)
    axis = _axis(x, axis)
    if axis == -1 or (axis is None and x.ndim == 1):
        values = x.engine.sums(x.data)
        return Lazy(values[..., None] if keepdims else values, x.engine, False)
    if axis is None or keepdims:
        raise Untraceable("a sum over several axes")
    rows = np.moveaxis(x.data, axis + 1, 0)
    total = rows[0]
    for row in rows[1:]:
        total = _ELEMENTWISE["add"](Lazy(total, x.engine, True), Lazy(row, x.engine, True)).data
    return Lazy(total, x.engine, True)


def _mean(x: Lazy, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    if not x.vector:
        return Lazy(np.asarray(np.mean(x.data, axis=axis, keepdims=keepdims)), x.engine, False)
    count = int(np.prod(x.shape)) if axis is None else x.shape[axis]
    total: Any = _sum(x, axis=axis, keepdims=keepdims)
    return total / float(count)


def _created(value: float) -> Callable[..., Lazy]:
    def call(shape: Any, *fill: float, dtype: Any = None, device: Any = None) -> Lazy:
        engine = _current[-1]
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        filler = float(fill[0]) if fill else value
        if shape and shape[-1] == engine.length:
            return Lazy(np.full(shape[:-1], filler, dtype=object) if shape[1:] else filler, engine, True)
        return Lazy(np.full(shape, filler, dtype=dtype or engine.dtype), engine, False)

    return call


def _asarray(value: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Lazy:
    if isinstance(value, Lazy):
        return value if dtype is None else _astype(value, dtype)
    return Lazy(np.array(value, dtype=dtype), _current[-1], False)


def _all_any(name: str) -> Callable[..., Lazy]:
    def call(x: Lazy, /, *, axis: int | None = None, keepdims: bool = False) -> Lazy:
        if not x.vector:
            return Lazy(np.asarray(getattr(np, name)(x.data, axis=axis, keepdims=keepdims)), x.engine, False)
        counts = _sum(x, axis=axis, keepdims=keepdims).data
        return Lazy(np.asarray(counts == x.engine.length if name == "all" else counts > 0), x.engine, False)

    return call


def _filled(x: Lazy, value: float) -> Lazy:
    if not x.vector:
        return Lazy(np.full(x.shape, value, dtype=x.dtype), x.engine, False)
    if isinstance(x.data, np.ndarray):
        return Lazy(np.full(x.data.shape, value, dtype=object), x.engine, True)
    return Lazy(float(value), x.engine, True)


def _astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Lazy:
    if not x.vector:
        return Lazy(x.data.astype(dtype, copy=copy), x.engine, False)
    if x.dtype == dtype:
        return x
    raise Untraceable("a change of dtype")


def _stack(arrays: Sequence[Lazy], /, *, axis: int = 0) -> Lazy:
    if not any(x.vector for x in arrays):
        return Lazy(np.stack([_small(x) for x in arrays], axis=axis), arrays[0].engine, False)
    if axis != -2 and axis != 0:
        raise Untraceable("a stack along this axis")
    rows = np.empty(len(arrays), dtype=object)
    for i, x in enumerate(arrays):
        if not x.vector or isinstance(x.data, np.ndarray):
            raise Untraceable("a stack of matrices")
        rows[i] = x.data
    return Lazy(rows, arrays[0].engine, True)


def _matmul(a: Any, b: Any, /) -> Lazy:
    if not a.vector and not b.vector:
        return Lazy(np.asarray(np.matmul(a.data, b.data)), a.engine, False)
    if not a.vector and b.vector and a.data.ndim == 2 and b.ndim == 2:
        rows = [_combination(row, b.data) for row in a.data]
        data = np.empty(len(rows), dtype=object)
        data[:] = rows
        return Lazy(data, b.engine, True)
    raise Untraceable("this product of matrices")


def _combination(weights: np.ndarray, rows: Any) -> Any:
    total: Any = 0.0
    for weight, row in zip(weights.tolist(), rows, strict=True):
        total = expressions.add(total, expressions.mul(weight, row))
    return total


def _vecdot(a: Lazy, b: Lazy, /, *, axis: int = -1) -> Lazy:
    return _sum(_ELEMENTWISE["multiply"](a, b), axis=axis)


def _reshape(x: Lazy, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Lazy:
    if not x.vector:
        return Lazy(x.data.reshape(shape), x.engine, False)
    if tuple(shape) == x.shape:
        return x
    raise Untraceable("a change of shape")


def _broadcast_to(x: Lazy, /, shape: tuple[int, ...]) -> Lazy:
    if x.vector and tuple(shape) == x.shape:
        return x
    if not x.vector and len(shape) == 1 and shape[0] == x.engine.length and x.data.size == 1:
        return Lazy(float(x.data.reshape(())), x.engine, True)
    if not x.vector and (not shape or shape[-1] != x.engine.length):
        return Lazy(np.broadcast_to(x.data, shape), x.engine, False)
    raise Untraceable("a broadcast")


def _clip(x: Lazy, /, min: Any = None, max: Any = None) -> Lazy:
    if min is not None:
        x = _ELEMENTWISE["maximum"](x, min)
    return x if max is None else _ELEMENTWISE["minimum"](x, max)


def _leaves_last(columns: Sequence[Lazy]) -> list[int]:
    """Order in which the place of a fresh column among stored ones leaves no trace in the structure."""
    return sorted(range(len(columns)), key=lambda i: isinstance(getattr(columns[i].data, "node", None), Leaf))


def _inner_products(*asked: tuple[Sequence[Lazy], Sequence[Lazy]]) -> list[Lazy]:
    """All in one pass over memory: (m, n) for each pair of columns and vectors."""
    engine = asked[0][0][0].engine
    orders = [_leaves_last(columns) for columns, _ in asked]
    pairs = [
        expressions.mul(columns[i].data, v.data)
        for order, (columns, vectors) in zip(orders, asked, strict=True)
        for i in order
        for v in vectors
    ]
    flat = np.empty(len(pairs), dtype=object)
    flat[:] = pairs
    sums = engine.sums(flat)
    found, first = [], 0
    for order, (columns, vectors) in zip(orders, asked, strict=True):
        values = np.empty((len(columns), len(vectors)), dtype=engine.dtype)
        values[order] = sums[first : first + values.size].reshape(values.shape)
        first += values.size
        found.append(Lazy(values, engine, False))
    return found


def _linear_combination(columns: Sequence[Lazy], weights: Lazy) -> Lazy:
    order = _leaves_last(columns)
    return Lazy(_combination(weights.data[order], [columns[i].data for i in order]), columns[0].engine, True)


def _segment_sums(x: Lazy, segments: Sequence[int]) -> Lazy:
    """Sums over consecutive tensors: (S,)."""
    return Lazy(x.engine.segment_sums(x.data, tuple(segments)), x.engine, False)


def _segment_spread(value: Lazy, segments: Sequence[int]) -> Lazy:
    """One number per tensor as a vector."""
    return Lazy(value.engine.spread(value.data, tuple(segments)), value.engine, True)


class _Namespace:
    """The array API on `Lazy`; functions without an entry here are NumPy's, for small arrays only."""

    __name__ = "optassay.torch._lazy"

    def __init__(self) -> None:
        for name, call in _ELEMENTWISE.items():
            setattr(self, name, call)
        self.sum, self.mean, self.vecdot, self.stack = _sum, _mean, _vecdot, _stack
        self.all, self.any = _all_any("all"), _all_any("any")
        self.zeros_like = lambda x, /, **_: _filled(x, 0.0)
        self.ones_like = lambda x, /, **_: _filled(x, 1.0)
        self.full_like = lambda x, value, /, **_: _filled(x, value)
        self.astype, self.reshape, self.broadcast_to, self.clip = _astype, _reshape, _broadcast_to, _clip
        self.inner_products, self.linear_combination = _inner_products, _linear_combination
        self.segment_sums, self.segment_spread = _segment_sums, _segment_spread
        self.matmul, self.asarray = _matmul, _asarray
        self.zeros, self.ones, self.full = _created(0.0), _created(1.0), _created(float("nan"))
        self.isdtype = np.isdtype
        self.finfo, self.iinfo = np.finfo, np.iinfo
        self.linalg = SimpleNamespace(vecdot=_vecdot, matmul=_matmul)
        for name in ("eigh", "eigvalsh", "qr", "svd", "svdvals", "solve", "cholesky", "pinv", "inv", "diagonal"):
            setattr(self.linalg, name, _on_small(getattr(numpy_namespace.linalg, name)))
        self.linalg.vector_norm = _vector_norm

    def result_type(self, *args: Any) -> Any:
        return np.result_type(*[a.dtype if isinstance(a, Lazy) else a for a in args])

    def __getattr__(self, name: str) -> Any:
        value = getattr(numpy_namespace, name)
        if isinstance(value, type) or not callable(value):
            return value
        wrapped = _on_small(value)
        setattr(self, name, wrapped)
        return wrapped


def _vector_norm(x: Lazy, /, *, axis: int | None = None, keepdims: bool = False, ord: float = 2) -> Lazy:
    if ord != 2:
        raise Untraceable(f"norm of order {ord}")
    return _ELEMENTWISE["sqrt"](_sum(_ELEMENTWISE["square"](x), axis=axis, keepdims=keepdims))


def _on_small(call: Callable[..., Any]) -> Callable[..., Any]:
    def unwrap(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(unwrap(v) for v in value) if not hasattr(value, "_fields") else value
        return _small(value)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        engine = _current[-1]
        kwargs.pop("device", None)
        result = call(*[unwrap(a) for a in args], **{k: unwrap(v) for k, v in kwargs.items()})
        if isinstance(result, tuple):
            parts: list[Any] = [Lazy(np.asarray(r), engine, False) for r in result]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        if isinstance(result, np.ndarray | np.generic):
            return Lazy(np.asarray(result), engine, False)
        return result

    return wrapped


namespace = _Namespace()
assert array_api_compat.is_array_api_obj(Lazy(np.zeros(1), None, False))
