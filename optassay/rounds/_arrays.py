"""Arrays that record what a round does with them, in an array-API namespace of their own.

Batch axes are lanes, which a round treats alike; the axis behind them, the parameter vector, is written out entry by
entry, so that sums over it are recorded too. Whatever has no such form, above all a branch on an entry, raises
`Unrecordable`. (The torch bridge records one step at a time on long vectors, and knows the values of sums and scalars;
here nothing has a value, so that one recording holds for all rounds.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from ._record import Recorder, Ref, Round, Unrecordable


def wrapped(value: Any, shape: tuple[int, ...] = ()) -> np.ndarray:
    """An object array full of one entry."""
    data = np.empty(shape, dtype=object)
    data.fill(value)
    return data


class Recorded:
    """An array of recorded numbers and constants.

    Attributes
    ----------
    data : object array
        `Ref` or NumPy scalar per entry of the axes behind the batch.
    batched : bool
        Whether the shape has the batch axes in front (constants may lack them).
    """

    __slots__ = ("batched", "boolean", "data", "recorder")
    __array_ufunc__ = None

    def __init__(self, data: np.ndarray, recorder: Recorder, batched: bool, boolean: bool = False) -> None:
        self.data, self.recorder, self.batched, self.boolean = data, recorder, batched, boolean

    @property
    def shape(self) -> tuple[int, ...]:
        return (*(self.recorder.batch if self.batched else ()), *self.data.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(bool) if self.boolean else self.recorder.dtype

    @property
    def device(self) -> str:
        return "cpu"

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return namespace

    def __getitem__(self, index: Any) -> Recorded:
        index = index if isinstance(index, tuple) else (index,)
        if index[0] is not Ellipsis or (not self.data.ndim and any(i is not None for i in index[1:])):
            raise Unrecordable(f"index {index}")  # of a batch axis
        found = self.data[index]
        return Recorded(found if isinstance(found, np.ndarray) else wrapped(found), *self._kind())

    def _kind(self) -> tuple[Recorder, bool, bool]:
        return self.recorder, self.batched, self.boolean

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise Unrecordable("the value of an entry")

    __bool__ = __int__ = __index__ = __float__ = __array__ = __iter__ = _refuse
    __hash__ = None  # type: ignore[assignment]


_CONSTANT: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "neg": np.negative,
    "abs": np.abs, "sign": np.sign, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "maximum": np.maximum,
    "minimum": np.minimum, "logical_not": np.logical_not, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "where": np.where,
}  # fmt: skip
_BOOLEAN = frozenset(
    {"isnan", "isinf", "isfinite", "lt", "le", "gt", "ge", "eq", "ne", "logical_not", "logical_and", "logical_or"}
)


def _apply(op: str, *args: Any) -> Recorded:
    recorder = next(a.recorder for a in args if isinstance(a, Recorded))
    arrays = [_operand(recorder, a) for a in args]
    ranks = {a.data.ndim for a in arrays if a.batched}
    if recorder.batch and (len(ranks) > 1 or any(a.data.ndim > max(ranks, default=9) for a in arrays)):
        raise Unrecordable("batch axes against the parameter axis")
    spread = np.broadcast_arrays(*[a.data for a in arrays])
    data = np.empty(spread[0].shape, dtype=object)
    for index in np.ndindex(data.shape):
        data[index] = _entry(recorder, op, [s[index] for s in spread])
    branches = arrays[1:] if op == "where" else arrays
    boolean = op in _BOOLEAN or (op == "where" and all(a.boolean for a in branches))
    return Recorded(data, recorder, any(a.batched for a in arrays), boolean)


def _operand(recorder: Recorder, value: Any) -> Recorded:
    if isinstance(value, Recorded):
        return value
    if isinstance(value, Round):
        return Recorded(wrapped(value.node()), recorder, False)
    if isinstance(value, bool | np.bool):
        return Recorded(wrapped(np.bool(value)), recorder, False, True)
    if isinstance(value, int | float | np.number):
        return Recorded(wrapped(recorder.dtype.type(value)), recorder, False)
    raise Unrecordable(f"an operand of type {type(value).__name__}")


def _entry(recorder: Recorder, op: str, values: Sequence[Any]) -> Any:
    if not any(isinstance(v, Ref) for v in values):
        with np.errstate(all="ignore"):
            found = _CONSTANT[op](*values)
        return found[()] if isinstance(found, np.ndarray) else found
    if op == "where" and not isinstance(values[0], Ref):
        return values[1] if values[0] else values[2]
    if op == "pow" and not isinstance(values[1], Ref) and values[1] == 2:
        return recorder.node("mul", values[0], values[0])  # as NumPy squares
    return recorder.node(op, *values)


def _method(op: str, reverse: bool = False) -> Any:
    return (
        (lambda self, other: _apply(op, other, self)) if reverse else (lambda self, *others: _apply(op, self, *others))
    )


for _name, _op in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "and": "logical_and",
                   "or": "logical_or"}.items():  # fmt: skip
    setattr(Recorded, f"__{_name}__", _method(_op))
    setattr(Recorded, f"__r{_name}__", _method(_op, reverse=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "neg", "abs"):
    setattr(Recorded, f"__{_name}__", _method(_name))
setattr(Recorded, "__invert__", _method("logical_not"))  # noqa: B010 - as its neighbours


def _reduced(op: str) -> Callable[..., Recorded]:
    def call(x: Recorded, /, *, axis: int | None = None, keepdims: bool = False, dtype: Any = None) -> Recorded:
        if not x.data.ndim or axis not in (-1, x.ndim - 1) or (op == "add" and x.boolean):
            raise Unrecordable(f"a reduction over axis {axis}")
        entries = [Recorded(wrapped(entry), *x._kind()) for entry in x.data]
        total = reduce(partial(_apply, op), entries)
        return total[..., None] if keepdims else total

    return call


def _filled(value: float, like: bool) -> Callable[..., Recorded]:
    def fill(shape: Any, *given: Any, dtype: Any = None, device: Any = None) -> Recorded:
        recorder = shape.recorder if like else _current[-1]
        shape = shape.shape if like else tuple(np.atleast_1d(shape).tolist())
        batched = shape[: len(recorder.batch)] == recorder.batch
        tail = shape[len(recorder.batch) :] if batched else shape
        if len(tail) > 1 or isinstance(given and given[0], Recorded):
            raise Unrecordable(f"an array of shape {shape}")
        kind = recorder.dtype if dtype is None else np.dtype(dtype)
        entry = kind.type(given[0] if given else value)
        return Recorded(wrapped(entry, tail), recorder, batched, kind == np.dtype(bool))

    return fill


def _asarray(value: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Recorded:
    if isinstance(value, Recorded):
        return value if dtype is None else _astype(value, dtype)
    recorder = _current[-1]
    array = np.asarray(value, dtype=dtype or recorder.dtype)
    if array.ndim > 1:
        raise Unrecordable(f"a constant of shape {array.shape}")
    data = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        data[index] = array[index]
    return Recorded(data, recorder, False, array.dtype == np.dtype(bool))


def _astype(x: Recorded, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Recorded:
    if np.dtype(dtype) == x.dtype:
        return x
    if not (x.boolean and np.dtype(dtype) == x.recorder.dtype):
        raise Unrecordable(f"a change of dtype to {dtype}")
    cast = x.recorder.dtype.type
    data = np.empty(x.data.shape, dtype=object)
    for index in np.ndindex(data.shape):
        data[index] = x.data[index] if isinstance(x.data[index], Ref) else cast(x.data[index])
    return Recorded(data, x.recorder, x.batched)


def _clip(x: Recorded, /, min: Any = None, max: Any = None) -> Recorded:
    if min is not None:
        x = _apply("maximum", x, min)
    return x if max is None else _apply("minimum", x, max)


def _broadcast_to(x: Recorded, /, shape: tuple[int, ...]) -> Recorded:
    if tuple(shape) == x.shape:
        return x
    raise Unrecordable("a broadcast")


_current: list[Recorder] = []  # who records now: creation functions have no array to take it from
_FUNCTIONS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "negative": "neg", "less": "lt",
              "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne"}  # fmt: skip


class _Namespace:
    """The array API on `Recorded`."""

    __name__ = "optassay.rounds._arrays"
    bool, float32, float64, int64 = np.dtype(bool), np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
    inf, nan, pi, e = np.inf, np.nan, np.pi, np.e
    isdtype, finfo, iinfo = staticmethod(np.isdtype), staticmethod(np.finfo), staticmethod(np.iinfo)

    def __init__(self) -> None:
        for name in _CONSTANT:
            setattr(self, _OF_OP.get(name, name), partial(_apply, name))
        self.square = lambda x, /: _apply("mul", x, x)
        self.sum, self.all, self.any = _reduced("add"), _reduced("logical_and"), _reduced("logical_or")
        self.zeros, self.ones, self.full = _filled(0.0, False), _filled(1.0, False), _filled(np.nan, False)
        self.zeros_like, self.ones_like, self.full_like = _filled(0.0, True), _filled(1.0, True), _filled(np.nan, True)
        self.asarray, self.astype, self.clip, self.broadcast_to = _asarray, _astype, _clip, _broadcast_to

    def result_type(self, *args: Any) -> Any:
        return np.result_type(*[a.dtype if isinstance(a, Recorded) else a for a in args])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Unrecordable(f"the function {name}")


_OF_OP = {op: name for name, op in _FUNCTIONS.items()}
namespace = _Namespace()


class recording:
    """Context in which creation functions belong to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def __enter__(self) -> None:
        _current.append(self.recorder)

    def __exit__(self, *error: object) -> None:
        _current.pop()
