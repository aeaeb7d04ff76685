"""Arithmetic of an array program, counted: arrays that add up the operations of everything done with them.

The counts are the same on every machine, which timings are not. An operation counts as long if one of its arrays has
at least as many entries as the counter's length; the rest is what a method does with its small matrices.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import array_api_compat.numpy as anp
import numpy as np

# fmt: off
MOVES = frozenset((
    "arange", "argsort", "asarray", "astype", "broadcast_to", "concat", "diagonal", "empty", "empty_like",
    "expand_dims", "eye", "flip", "full", "full_like", "matrix_transpose", "moveaxis", "ones", "ones_like",
    "permute_dims", "reshape", "squeeze", "stack", "take", "take_along_axis", "tril", "triu", "where", "zeros",
    "zeros_like",
))
# fmt: on
REDUCTIONS = frozenset(("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "sum"))


class Counter:
    """Sums of additions, multiplications and the like (one each) of long and of short operations.

    Parameters
    ----------
    length : int
        Entries that make an array long.
    """

    def __init__(self, length: int) -> None:
        self.length, self.long, self.short = length, 0, 0
        self.namespace = _Namespace(self)  # one object: arrays are compared by it

    def array(self, value: Any) -> Counted:
        """A counted array."""
        return Counted(np.asarray(value), self)

    def add(self, name: str, arrays: list[np.ndarray], results: list[np.ndarray]) -> None:
        """Count one call."""
        operations = _operations(name, arrays, results)
        if max((a.size for a in (*arrays, *results)), default=0) >= self.length:
            self.long += operations
        else:
            self.short += operations


def _operations(name: str, arrays: list[np.ndarray], results: list[np.ndarray]) -> int:
    """Usual counts; those of iterative factorisations (EISPACK's, LAPACK's) are of the leading order."""
    if name in MOVES or not arrays:
        return 0
    first, last = arrays[0].shape, arrays[0].shape[-2:]
    if name == "vecdot":
        return 2 * prod(np.broadcast_shapes(*(a.shape for a in arrays)))
    if name == "matmul":
        return 2 * results[0].size * first[-1]
    if name in REDUCTIONS:
        return arrays[0].size
    if name in ("qr", "svd", "eigh", "eigvalsh", "pinv"):
        (n, m), batch = (max(last), min(last)), prod(first[:-2])
        constant = {"qr": 4, "svd": 14, "eigh": 9, "eigvalsh": 4 / 3, "pinv": 16}[name]
        return round(batch * constant * n * m * m)
    return max(r.size for r in results)


class _Namespace:
    """NumPy, every function counted."""

    def __init__(self, counter: Counter, module: Any = anp) -> None:
        self._counter, self._module = counter, module
        self.__name__ = "counted"

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if name == "linalg":
            return _Namespace(self._counter, value)
        if isinstance(value, type) or not callable(value):
            return value
        return _counted(name, value, self._counter)


class Counted:
    """A NumPy array of the array API that tells its counter of every operation."""

    def __init__(self, value: np.ndarray, counter: Counter) -> None:
        self.value, self.counter = value, counter

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        del api_version
        return self.counter.namespace

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "ndim", "size", "dtype"):
            return getattr(self.value, name)
        raise AttributeError(name)

    @property
    def device(self) -> str:
        return "cpu"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __getitem__(self, key: Any) -> Counted:
        return Counted(np.asarray(self.value[_plain(key)]), self.counter)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.value[_plain(key)] = _plain(value)


def _install(name: str, function: Callable[..., Any], *, reverse: bool = False) -> None:
    def method(self: Counted, *others: Any) -> Any:
        arguments = (*others, self) if reverse else (self, *others)
        return _counted(name, function, self.counter)(*arguments)

    setattr(Counted, f"__{'r' if reverse else ''}{name}__", method)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _install(_name, getattr(operator, _name))
    _install(_name, getattr(operator, _name), reverse=True)
for _name in ("neg", "abs", "invert", "eq", "ne", "lt", "le", "gt", "ge"):
    _install(_name, getattr(operator, _name))
for _name in ("and", "or"):
    _install(_name, getattr(operator, f"{_name}_"))


def _counted(name: str, function: Callable[..., Any], counter: Counter) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        arrays: list[np.ndarray] = []
        result = function(*(_plain(a, arrays) for a in args), **{k: _plain(v, arrays) for k, v in kwargs.items()})
        if isinstance(result, tuple):  # of a factorisation
            counter.add(name, arrays, [np.asarray(r) for r in result])
            return tuple(Counted(np.asarray(r), counter) for r in result)
        if isinstance(result, np.ndarray | np.generic):
            counter.add(name, arrays, [np.asarray(result)])
            return Counted(np.asarray(result), counter)
        return result

    return call


def _plain(value: Any, seen: list[np.ndarray] | None = None) -> Any:
    """Counted arrays replaced by NumPy's, also inside tuples and lists."""
    if isinstance(value, Counted):
        if seen is not None:
            seen.append(value.value)
        return value.value
    if isinstance(value, tuple | list):
        return type(value)(_plain(v, seen) for v in value)
    return value
