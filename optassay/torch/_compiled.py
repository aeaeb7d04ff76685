"""One compiled loop per structure of an expression, where the machine has a C compiler.

A chain of ready-made kernels reads and writes every temporary; compiled, the numbers stay in registers and a step costs
one pass over memory. The C source is the expression and nothing else, so that compiling takes tenths of a second.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from .._c_source import PRELUDE, operation
from .._compiler import build, compiler

__all__ = ["call", "compiler", "load", "source"]

_TYPES = {torch.float32: ("float", "f"), torch.float64: ("double", "")}
_PARALLEL_FROM = 1 << 18  # numbers per thread below which starting threads costs more than it saves

_BLOCK = 8192  # numbers worked on at a time, so that values which cross from one loop to the next stay in cache
_STREAMS = 32  # columns and sums per loop: fewer cost more passes over what crosses, more spill registers

_TEMPLATE = """{prelude}
void kernel(
  long first, long last, long step, long chunks, const long *sizes, real *const *columns, const double *s, double *total
) {{
  {scalars}
  {held}
  for (long chunk = first; chunk != last; chunk += step) {{
    real *const *column = columns + chunk;
    {totals}
    for (long start = 0; start < sizes[chunk]; start += {block}) {{
      const long n = sizes[chunk] - start < {block} ? sizes[chunk] - start : {block};
      {pointers}
      {loops}
    }}
    {results}
  }}
}}
"""
_LOOP = """
      #pragma omp simd{reduction}
      for (long i = 0; i < n; ++i) {{
        {body}
      }}"""


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="optassay")


def source(key: Any, dtype: torch.dtype) -> str:
    """C source of the loop of a structure."""
    rows, targets, _, _ = key
    name, suffix = _TYPES[dtype]
    leaves = [i for i, row in enumerate(rows) if row[0] == "leaf"]
    place = {row: f"c{k}" for k, row in enumerate(leaves)}
    texts: list[str] = []
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
            case _:
                text = operation(op, a, suffix)
        texts.append(text)
    sums = [node for kind, node, _ in targets if kind == "sum"]
    groups = _groups(rows, sums)
    last_use = {arg: g for g, nodes in enumerate(groups) for node in nodes for arg in rows[node][1] if arg != "const"}
    last_use |= {node: len(groups) - 1 for kind, node, _ in targets if kind == "store"}
    held: list[int] = []
    loops: list[str] = []
    for g, nodes in enumerate(groups):
        mine = set(nodes)
        body = []
        stores = [target for target in targets if target[0] != "sum"] if g == len(groups) - 1 else []
        read = {arg for node in nodes for arg in rows[node][1] if arg != "const"}
        read |= {node for node in sums if node in mine or (rows[node][0] == "leaf" and g == 0)}
        read |= {node for kind, node, _ in stores if kind == "store"}
        for node in sorted(read - mine):
            body.append(f"const real v{node} = {texts[node] if rows[node][0] == 'leaf' else f'w{node}[i]'};")
        for node in nodes:
            body.append(f"const real v{node} = {texts[node]};")
            if last_use.get(node, g) > g:
                held.append(node)
                body.append(f"w{node}[i] = v{node};")
        here = [k for k, node in enumerate(sums) if node in mine or (rows[node][0] == "leaf" and g == 0)]
        body += [f"p{k} += v{sums[k]};" for k in here]
        for kind, node, leaf in stores:
            body.append(f"{place[leaf]}[i] = {f'v{node}' if kind == 'store' else scalar(node)};")
        # Partial sums of a block in the vectors' own precision, added up in double precision.
        reduction = f" reduction(+: {', '.join(f'p{k}' for k in here)})" if here else ""
        loops.append(" ".join(f"real p{k} = 0;" for k in here))
        loops.append(_LOOP.format(reduction=reduction, body="\n        ".join(body)))
        loops.append(" ".join(f"t{k} += (double)p{k};" for k in here))
    return _TEMPLATE.format(
        prelude=PRELUDE.format(type=name),
        scalars=" ".join(f"const real s{i} = (real)s[{i}];" for i in range(count)),
        held=" ".join(f"real w{node}[{_BLOCK}];" for node in held),
        totals=" ".join(f"double t{k} = 0;" for k in range(len(sums))),
        block=_BLOCK,
        pointers=" ".join(f"real *restrict const c{k} = column[{k} * chunks] + start;" for k in range(len(leaves))),
        loops="\n      ".join(loops),
        results=" ".join(f"total[{len(sums)} * chunk + {k}] = t{k};" for k in range(len(sums))),
    )


def _groups(rows: Any, sums: Sequence[int]) -> list[list[int]]:
    """The operations in order, cut into loops of a few columns and sums each."""
    groups: list[list[int]] = [[]]
    columns: set[int] = set()
    summed = 0
    for node, (op, args, _) in enumerate(rows):
        if op == "leaf":
            continue
        read = {arg for arg in args if arg != "const" and rows[arg][0] == "leaf"}
        if groups[-1] and (len(columns | read) > _STREAMS or summed >= _STREAMS):
            groups.append([])
            columns, summed = set(), 0
        groups[-1].append(node)
        columns |= read
        summed += sums.count(node)
    return groups


@cache
def load(text: str) -> Any:
    """The compiled function of a source, None if there is no compiler or it fails."""
    library = build(text)
    if library is None:
        return None
    function = library.kernel
    function.restype = None
    function.argtypes = [*[ctypes.c_long] * 4, *[ctypes.c_void_p] * 4]
    return function


def call(
    function: Callable[..., None],
    columns: Sequence[Any],
    sizes: Any,
    scalars: Sequence[float],
    sums: int,
    backwards: bool = False,
) -> np.ndarray:
    """Run a compiled loop over chunks; its sums (chunks, sums).

    Parameters
    ----------
    sizes : array of C long
        Lengths of the chunks.
    backwards : bool
        Start with the last chunk.
    """
    chunks = len(sizes)
    table = np.concatenate([column.pointers for column in columns])  # named: it must outlive the call
    pointers = table.ctypes.data
    s = (ctypes.c_double * max(1, len(scalars)))(*scalars)
    totals = np.zeros((chunks, sums))
    address = totals.ctypes.data

    def run(first: int, last: int) -> None:
        ends = (last - 1, first - 1, -1) if backwards else (first, last, 1)
        function(*ends, chunks, sizes, pointers, s, address)

    threads = min(torch.get_num_threads(), chunks, max(1, sum(sizes) // _PARALLEL_FROM))
    if threads == 1:
        run(0, chunks)
        return totals
    cuts = [k * chunks // threads for k in range(threads + 1)]
    for job in [_pool(threads).submit(run, a, b) for a, b in pairwise(cuts)]:
        job.result()
    return totals
