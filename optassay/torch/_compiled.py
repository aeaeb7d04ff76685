"""One compiled loop per structure of an expression, where the machine has a C compiler.

A chain of ready-made kernels reads and writes every temporary; compiled, the numbers stay in registers and a step costs
one pass over memory. The C source is the expression and nothing else, so that compiling takes tenths of a second.
Sub-normal numbers, infinities and NaN are treated as IEEE 754 says (no "fast math").
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

_TYPES = {torch.float32: ("float", "f"), torch.float64: ("double", "")}
_BINARY = {"mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
           "logical_and": "&&", "logical_or": "||"}  # fmt: skip
_FLAGS = ("-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-shared", "-fPIC")
_PARALLEL_FROM = 1 << 18  # numbers per thread below which starting threads costs more than it saves

_TEMPLATE = """#include <math.h>
typedef {type} real;
#define maximum(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define minimum(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))
void kernel(long first, long last, const long *sizes, real *const *columns, const double *s, double *total) {{
  {scalars}
  for (long chunk = first; chunk < last; ++chunk) {{
    real *const *column = columns + {width} * chunk;
    {pointers}
    const long n = sizes[chunk];
    {totals}
    #pragma omp simd{reduction}
    for (long i = 0; i < n; ++i) {{
      {body}
    }}
    {results}
  }}
}}
"""


@cache
def compiler() -> str | None:
    """The C compiler: ``$CC``, or the first of cc, gcc and clang; None if there is none."""
    return next((found for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (found := shutil.which(name))), None)


@cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="optassay-")  # private to this process, removed at its end


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="optassay")


def source(key: Any, dtype: torch.dtype) -> str:
    """C source of the loop of a structure."""
    rows, targets, _, _ = key
    name, suffix = _TYPES[dtype]
    leaves = [i for i, row in enumerate(rows) if row[0] == "leaf"]
    place = {row: f"c{k}" for k, row in enumerate(leaves)}
    body: list[str] = []
    count = 0

    def scalar(index: int) -> str:
        nonlocal count
        count = max(count, index + 1)
        return f"s{index}"

    for node, (op, args, first) in enumerate(rows):
        given = iter(range(first, first + len(args)))
        a = [scalar(next(given)) if arg == "const" else f"v{arg}" for arg in args]
        match op:
            case "leaf":
                text = f"{place[node]}[i]"
            case "scale":
                text = f"{scalar(first)} * {a[0]}"
            case "shift":
                text = f"{a[0]} + {scalar(first)}"
            case "affine":
                text = f"{scalar(first)} + {scalar(first + 1)} * {a[0]}"
            case "axpy":
                text = f"{a[0]} + {scalar(first)} * {a[1]}"
            case "axpby":
                text = f"{scalar(first)} * {a[0]} + {scalar(first + 1)} * {a[1]}"
            case "lerp":
                text = f"{a[0]} + {scalar(first)} * ({a[1]} - {a[0]})"
            case "eq_number":
                text = f"(real)({a[0]} == {scalar(first)})"
            case "pow":
                text = f"pow{suffix}({a[0]}, {scalar(first)})"
            case "reciprocal":
                text = f"(real)1 / {a[0]}"
            case "sqrt" | "exp" | "log" | "tanh":
                text = f"{op}{suffix}({a[0]})"
            case "abs":
                text = f"fabs{suffix}({a[0]})"
            case "sign":
                text = f"(real)(({a[0]} > 0) - ({a[0]} < 0))"
            case "isnan":
                text = f"{a[0]} != {a[0]}"
            case "isinf":
                text = f"fabs{suffix}({a[0]}) == (real)INFINITY"
            case "isfinite":
                text = f"fabs{suffix}({a[0]}) < (real)INFINITY"
            case "logical_not":
                text = f"!{a[0]}"
            case "where":
                text = f"{a[0]} ? {a[1]} : {a[2]}"
            case "maximum" | "minimum":
                text = f"{op}({a[0]}, {a[1]})"
            case _ if op in _BINARY:
                text = f"{a[0]} {_BINARY[op]} {a[1]}"
            case _:
                raise KeyError(op)
        body.append(f"const real v{node} = {text};")
    totals = []
    for kind, node, leaf in targets:
        if kind == "sum":
            body.append(f"t{len(totals)} += (double)v{node};")
            totals.append(f"t{len(totals)}")
        else:
            body.append(f"{place[leaf]}[i] = {f'v{node}' if kind == 'store' else scalar(node)};")
    return _TEMPLATE.format(
        type=name,
        scalars=" ".join(f"const real s{i} = (real)s[{i}];" for i in range(count)),
        totals=" ".join(f"double {t} = 0;" for t in totals),
        width=len(leaves),
        pointers=" ".join(f"real *restrict const c{k} = column[{k}];" for k in range(len(leaves))),
        reduction=f" reduction(+: {', '.join(totals)})" if totals else "",
        body="\n      ".join(body),
        results=" ".join(f"total[{len(totals)} * chunk + {i}] = {t};" for i, t in enumerate(totals)),
    )


@cache
def load(text: str) -> Any:
    """The compiled function of a source, None if the compiler fails."""
    cc = compiler()
    if cc is None:
        return None
    folder = Path(_folder().name)
    stem = folder / f"kernel{len(list(folder.glob('*.c')))}"
    stem.with_suffix(".c").write_text(text)
    library = stem.with_suffix(".so")
    for native in (("-march=native",), ()):
        command = [cc, *_FLAGS, *native, "-o", str(library), str(stem.with_suffix(".c")), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            function = ctypes.CDLL(str(library)).kernel
            function.restype = None
            function.argtypes = [ctypes.c_long, ctypes.c_long, *[ctypes.c_void_p] * 4]
            return function
    return None


def call(
    function: Callable[..., None], columns: Sequence[Any], sizes: Any, scalars: Sequence[float], sums: int
) -> np.ndarray:
    """Run a compiled loop over chunks; its sums (chunks, sums).

    Parameters
    ----------
    sizes : array of C long
        Lengths of the chunks.
    """
    chunks = len(sizes)
    table = np.stack([column.pointers for column in columns], axis=1)  # named: it must outlive the call
    pointers = table.ctypes.data
    s = (ctypes.c_double * max(1, len(scalars)))(*scalars)
    totals = np.zeros((chunks, sums))
    address = totals.ctypes.data
    threads = min(torch.get_num_threads(), chunks, max(1, sum(sizes) // _PARALLEL_FROM))
    if threads == 1:
        function(0, chunks, sizes, pointers, s, address)
        return totals
    cuts = [k * chunks // threads for k in range(threads + 1)]
    jobs = [_pool(threads).submit(function, a, b, sizes, pointers, s, address) for a, b in pairwise(cuts)]
    for job in jobs:
        job.result()
    return totals
