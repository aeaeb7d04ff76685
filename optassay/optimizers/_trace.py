"""Elementwise formulas of the array API as C expressions, so that a compiled pass over memory can begin with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple


class Untraceable(Exception):
    """The formula does something other than arithmetic on whole vectors and numbers."""


class Formula(NamedTuple):
    """C expressions of the results in the inputs ``v0, v1, ...`` and ``numbers`` as ``s0, s1, ...``."""

    results: tuple[str, ...]
    inputs: int
    numbers: tuple[float, ...]


class _Symbol:
    """A vector entry in a formula; ``__array_priority__`` keeps NumPy scalars from taking it for an object."""

    __slots__ = ("numbers", "text")
    __array_priority__ = 1e3

    def __init__(self, text: str, numbers: list[float]) -> None:
        self.text, self.numbers = text, numbers

    def _operand(self, value: Any) -> str:
        if isinstance(value, _Symbol):
            return value.text
        if not isinstance(value, int | float):
            raise Untraceable(f"{type(value).__name__} in an elementwise formula")
        self.numbers.append(float(value))
        return f"s{len(self.numbers) - 1}"

    def _made(self, text: str) -> _Symbol:
        return _Symbol(f"({text})", self.numbers)

    def __neg__(self) -> _Symbol:
        return self._made(f"-{self.text}")

    def __add__(self, other: Any) -> _Symbol:
        return self._made(f"{self.text} + {self._operand(other)}")

    def __radd__(self, other: Any) -> _Symbol:
        return self._made(f"{self._operand(other)} + {self.text}")

    def __sub__(self, other: Any) -> _Symbol:
        return self._made(f"{self.text} - {self._operand(other)}")

    def __rsub__(self, other: Any) -> _Symbol:
        return self._made(f"{self._operand(other)} - {self.text}")

    def __mul__(self, other: Any) -> _Symbol:
        return self._made(f"{self.text} * {self._operand(other)}")

    def __rmul__(self, other: Any) -> _Symbol:
        return self._made(f"{self._operand(other)} * {self.text}")


@lru_cache(maxsize=64)
def trace(formula: Callable[..., tuple[Any, ...]], inputs: int) -> Formula | None:
    """The formula in C, None if it is more than sums, differences and products with numbers."""
    numbers: list[float] = []
    try:
        results = formula(*(_Symbol(f"v{k}", numbers) for k in range(inputs)))
    except (Untraceable, TypeError, AttributeError):
        return None
    if not all(isinstance(result, _Symbol) for result in results):
        return None
    return Formula(tuple(result.text for result in results), inputs, tuple(numbers))


def c_function(formula: Formula | None) -> str:
    """``before``: entries ``at ... at + n`` of the outputs from those of the inputs; nothing without a formula."""
    head = (
        "static inline void before(\n"
        "  long n, long at, const real *const *in, const real *scalar, real *const *out\n) {\n"
    )
    if formula is None:
        return head + "  (void)n; (void)at; (void)in; (void)scalar; (void)out;\n}\n"
    lines = [f"  const real *const a{k} = in[{k}] + at;" for k in range(formula.inputs)]
    lines += [f"  const real s{k} = scalar[{k}];" for k in range(len(formula.numbers))]
    lines += [f"  real *restrict o{k} = out[{k}] + at;" for k in range(len(formula.results))]
    lines += ["#pragma GCC ivdep", "  for (long i = 0; i < n; ++i) {"]
    lines += [f"    const real v{k} = a{k}[i];" for k in range(formula.inputs)]
    lines += [f"    o{k}[i] = {text};" for k, text in enumerate(formula.results)]
    return head + "\n".join(lines) + "\n  }\n}\n"
