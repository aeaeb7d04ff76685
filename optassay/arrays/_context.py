"""Which namespace, device and dtype a call works in, and clear errors when its arguments disagree."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import array_api_compat
import numpy as np

Array = Any  # an array of any namespace that array-api-compat knows
_SCALARS = (bool, int, float, np.generic)


@dataclass(frozen=True)
class Context:
    """Namespace, device and real floating dtype shared by the arguments of one call."""

    xp: Any
    device: Any
    dtype: Any

    def asarray(self, value: Any, *, dtype: Any = None) -> Array:
        """``value`` (scalar, NumPy array or array of this namespace) as an array of this context."""
        dtype = self.dtype if dtype is None else dtype
        if isinstance(value, np.generic):
            value = value.item()
        if array_api_compat.is_array_api_obj(value) and not isinstance(value, np.ndarray):
            return self.xp.astype(value, dtype, copy=False)
        if isinstance(value, np.ndarray) and not array_api_compat.is_numpy_namespace(self.xp):
            return _from_numpy(self, value, dtype)
        return self.xp.asarray(value, dtype=dtype, device=self.device)

    def zeros(self, shape: tuple[int, ...], *, dtype: Any = None) -> Array:
        return self.xp.zeros(shape, dtype=dtype or self.dtype, device=self.device)

    def ones(self, shape: tuple[int, ...], *, dtype: Any = None) -> Array:
        return self.xp.ones(shape, dtype=dtype or self.dtype, device=self.device)

    def full(self, shape: tuple[int, ...], value: float, *, dtype: Any = None) -> Array:
        return self.xp.full(shape, value, dtype=dtype or self.dtype, device=self.device)

    def eye(self, n: int) -> Array:
        return self.xp.eye(n, dtype=self.dtype, device=self.device)

    def arange(self, *args: int, dtype: Any = None) -> Array:
        return self.xp.arange(*args, dtype=dtype or self.dtype, device=self.device)

    @property
    def eps(self) -> float:
        return float(self.xp.finfo(self.dtype).eps)


def _from_numpy(ctx: Context, value: np.ndarray, dtype: Any) -> Array:
    xp = ctx.xp
    if array_api_compat.is_torch_namespace(xp):
        # from_numpy shares memory; the copy keeps the caller's array ours to leave alone.
        return xp.from_numpy(np.array(value)).to(device=ctx.device, dtype=dtype)
    if "array_api_strict" in xp.__name__:
        # array_api_strict takes NumPy arrays on its default device only.
        array = xp.asarray(np.array(value), dtype=dtype)
        return array.to_device(ctx.device)
    return xp.asarray(value, dtype=dtype, device=ctx.device)


def context(*, real: bool = True, **arrays: Any) -> Context:
    """The context of the named arguments.

    Parameters
    ----------
    real : bool
        Refuse complex arrays (default).
    **arrays : array, Python scalar or None
        Arguments under their public names; scalars and None are passed over.

    Raises
    ------
    TypeError
        An argument is no array, two belong to different namespaces or devices, or dtypes are not real numbers.
    """
    plain = _numpy_context(arrays.values())
    if plain is not None:
        return plain
    names: list[str] = []
    values: list[Array] = []
    for name, value in arrays.items():
        if value is None or isinstance(value, _SCALARS):
            continue
        if not array_api_compat.is_array_api_obj(value):
            raise TypeError(
                f"{name} must be an array (NumPy, CuPy, torch, ...) or a number, not {type(value).__name__}; "
                f"convert it first, for example numpy.asarray({name})"
            )
        names.append(name)
        values.append(value)
    if not values:
        if not any(value is not None for value in arrays.values()):
            raise TypeError(f"at least one of {', '.join(arrays)} must be an array")
        return Context(array_api_compat.array_namespace(np.zeros(0)), "cpu", np.float64)

    namespaces = [array_api_compat.array_namespace(value) for value in values]
    xp = namespaces[0]
    for name, other in zip(names, namespaces, strict=True):
        if other is not xp:
            raise TypeError(
                f"{names[0]} and {name} are arrays of different namespaces ({_short(xp)} and {_short(other)}); "
                "give both from one library"
            )
    device = array_api_compat.device(values[0])
    for name, value in zip(names, values, strict=True):
        if array_api_compat.device(value) != device:
            raise TypeError(
                f"{names[0]} is on device {device} and {name} on {array_api_compat.device(value)}; "
                "give both on one device"
            )
    for name, value in zip(names, values, strict=True):
        allowed = ("bool", "integral", "real floating") if real else ("bool", "numeric")
        if not xp.isdtype(value.dtype, allowed):
            raise TypeError(f"{name} must hold real numbers, not {value.dtype}")
    floating = [value.dtype for value in values if xp.isdtype(value.dtype, ("real floating", "complex floating"))]
    dtype = xp.result_type(*floating) if floating else xp.float64
    return Context(xp, device, dtype)


def _numpy_context(values: Iterable[Any]) -> Context | None:
    """Context of NumPy arrays of one real floating dtype; None leaves everything else to the general path.

    This is the most frequent case by far, and in loops over small arrays the general path is most of the time.
    """
    dtype = None
    for value in values:
        if type(value) is np.ndarray:
            if dtype is None:
                dtype = value.dtype
            elif value.dtype != dtype:
                return None
        elif value is not None and not isinstance(value, _SCALARS):
            return None
    return _of_dtype(dtype) if dtype is not None and dtype.kind == "f" else None


@lru_cache(maxsize=16)
def _of_dtype(dtype: np.dtype) -> Context:
    sample = np.zeros(0, dtype=dtype)
    xp = array_api_compat.array_namespace(sample)
    return Context(xp, array_api_compat.device(sample), xp.result_type(sample.dtype))


def _short(xp: Any) -> str:
    return xp.__name__.removeprefix("array_api_compat.")


def check_finite(**arrays: Any) -> None:
    """Raise ValueError naming the first argument that holds NaN or an infinity, and where."""
    for name, value in arrays.items():
        if value is None:
            continue
        if isinstance(value, _SCALARS):
            if not np.isfinite(value):
                raise ValueError(f"{name} must be finite, got {value}")
            continue
        xp = array_api_compat.array_namespace(value)
        if not xp.isdtype(value.dtype, "real floating") or bool(xp.all(xp.isfinite(value))):
            continue
        bad = np.argwhere(~np.isfinite(to_numpy(value)))
        index = tuple(int(i) for i in bad[0])
        entry = to_numpy(value)[index]
        raise ValueError(f"{name} must be finite; {len(bad)} of its entries are not, the first at {index}: {entry}")


def to_numpy(array: Any) -> np.ndarray:
    """The array on the host as NumPy; a NumPy array is returned as it is."""
    if isinstance(array, np.ndarray | np.generic) or not array_api_compat.is_array_api_obj(array):
        return np.asarray(array)
    if array_api_compat.is_torch_array(array):
        return array.detach().cpu().numpy()
    if array_api_compat.is_cupy_array(array):
        return array.get()
    xp = array_api_compat.array_namespace(array)
    if "array_api_strict" in xp.__name__:
        return np.asarray(array.to_device(xp.Device("CPU_DEVICE"))._array)
    return np.asarray(array)


def host_dtype(ctx: Context) -> np.dtype:
    """NumPy's dtype of the context's dtype."""
    return np.dtype(str(ctx.dtype).rpartition(".")[2])


def backend(name: str) -> Any:
    """The namespace called ``name``, ready for use.

    Parameters
    ----------
    name : {"numpy", "cupy", "torch", "array_api_strict"}

    Raises
    ------
    ValueError
        Unknown name.
    ImportError
        The library is not installed (names the extra), or CuPy finds no GPU.
    """
    known = {"numpy": "numpy", "cupy": "cuda12' or 'cuda13", "torch": "torch", "array_api_strict": "test"}
    if name not in known:
        raise ValueError(f"backend name must be one of {', '.join(known)}, got {name!r}")
    try:
        if name == "array_api_strict":
            return importlib.import_module(name)
        importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"backend {name!r} is not installed; install optassay with the extra '{known[name]}'"
        ) from error
    if name == "cupy":
        _require_gpu()
    return importlib.import_module(f"array_api_compat.{name}")


def _require_gpu() -> None:
    cupy = importlib.import_module("cupy")
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CuPy raises its own runtime error class, which needs the library to name
        raise ImportError(f"CuPy is installed but finds no usable GPU: {error}") from error
    if count == 0:
        raise ImportError("CuPy is installed but this machine has no GPU")
