"""What the C sources that are made while running share: types, operations on real numbers.

Sub-normal numbers, infinities and NaN are treated as IEEE 754 says (no "fast math").
"""

from __future__ import annotations

from collections.abc import Sequence

PRELUDE = """#include <math.h>
typedef {type} real;
#define maximum(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define minimum(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))
"""
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==",
          "ne": "!=", "logical_and": "&&", "logical_or": "||"}  # fmt: skip
_CALLS = frozenset({"sqrt", "exp", "log", "log1p", "tanh", "pow"})


def operation(op: str, a: Sequence[str], suffix: str) -> str:
    """C text of an operation on real numbers (conditions are 0 and 1); ``suffix`` is "f" for single precision.

    Raises
    ------
    KeyError
        There is no such operation.
    """
    if op in _INFIX:
        return f"{a[0]} {_INFIX[op]} {a[1]}"
    if op in _CALLS:
        return f"{op}{suffix}({', '.join(a)})"
    match op:
        case "neg":
            return f"-{a[0]}"
        case "reciprocal":
            return f"(real)1 / {a[0]}"
        case "abs":
            return f"fabs{suffix}({a[0]})"
        case "sign":
            return f"(real)(({a[0]} > 0) - ({a[0]} < 0))"
        case "isnan":
            return f"{a[0]} != {a[0]}"
        case "isinf":
            return f"fabs{suffix}({a[0]}) == (real)INFINITY"
        case "isfinite":
            return f"fabs{suffix}({a[0]}) < (real)INFINITY"
        case "logical_not":
            return f"!{a[0]}"
        case "where":
            return f"{a[0]} ? {a[1]} : {a[2]}"
        case "maximum" | "minimum":
            return f"{op}({a[0]}, {a[1]})"
    raise KeyError(op)
