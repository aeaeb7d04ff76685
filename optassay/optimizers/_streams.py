"""Inner products and combinations of many long NumPy vectors, each vector read from memory once.

Level-1 BLAS reads a column again for every product with it, and a sum of columns again for every term. The compiled
loops take short pieces of all columns in turn, which stay in cache; a pass of products can first make some of its
vectors by an elementwise formula, piece by piece. Sums run in a fixed order of lanes: bits depend on the length of the
vectors alone.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .._compiler import build
from ._trace import Formula, c_function

LONG = 65536  # shorter vectors stay in cache by themselves, and would not repay the compilation
PAGE = 4096  # bytes
TYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
MOST = 3  # vectors that a column meets in one pass: their sums stay in registers
PIECE = 1 << 15  # bytes of each column at a time: the vectors that all columns meet stay in the second-level cache

SOURCE = """
typedef {type} real;
#ifdef __AVX512F__
enum {{ BYTES = 64 }};
#else
enum {{ BYTES = 32 }};
#endif
enum {{ PIECE = {piece} / sizeof(real), LANES = BYTES / sizeof(real), AHEAD = 8192 / sizeof(real) }};
typedef real lanes __attribute__((vector_size(BYTES)));
typedef real loaded __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));

static inline __attribute__((always_inline)) void meet(
  const int q, const int k, long n, long at, const real *const *c, const real *const *v, double *total
) {{
  const real *column[4], *vector[{most}];
  lanes sum[4][{most}] = {{{{{{0}}}}}};
  long i = 0;
  for (int a = 0; a < q; ++a) column[a] = c[a] + at;
  for (int b = 0; b < k; ++b) vector[b] = v[b] + at;
  for (; i + LANES <= n; i += LANES)
    for (int a = 0; a < q; ++a) {{
      __builtin_prefetch(column[a] + i + AHEAD, 0, 2);
      const lanes one = *(const loaded *)(column[a] + i);
      for (int b = 0; b < k; ++b) sum[a][b] += one * *(const loaded *)(vector[b] + i);
    }}
  for (int a = 0; a < q; ++a)
    for (int b = 0; b < k; ++b) {{
      double all = 0;
      for (int l = 0; l < LANES; ++l) all += sum[a][b][l];
      for (long rest = i; rest < n; ++rest) all += (double)column[a][rest] * vector[b][rest];
      total[k * a + b] += all;
    }}
}}

static inline __attribute__((always_inline)) void meet_all(
  const int k, long n, long at, long columns, const real *const *c, const real *const *v, double *total
) {{
  long a = 0;
  for (; a + 4 <= columns; a += 4) meet(4, k, n, at, c + a, v, total + k * a);
  for (; a + 2 <= columns; a += 2) meet(2, k, n, at, c + a, v, total + k * a);
  for (; a < columns; ++a) meet(1, k, n, at, c + a, v, total + k * a);
}}

{before}
/* Group g: columns[g] columns meet vectors[g] vectors, listed one group after the other; total starts at zero. */
void products(
  long rows, long n, long groups, const long *columns, const long *vectors, const real *const *column,
  const real *const *vector, double *total, const real *const *in, const real *scalar, real *const *out
) {{
  for (long row = 0; row < rows; ++row) {{
    double *here = total;
    for (long start = 0; start < n; start += PIECE) {{
      const long length = n - start < PIECE ? n - start : PIECE, at = row * n + start;
      before(length, at, in, scalar, out);
      const real *const *c = column, *const *v = vector;
      here = total;
      for (long g = 0; g < groups; ++g) {{
        if (vectors[g] == 1) meet_all(1, length, at, columns[g], c, v, here);
        else if (vectors[g] == 2) meet_all(2, length, at, columns[g], c, v, here);
        else meet_all(3, length, at, columns[g], c, v, here);
        c += columns[g];
        v += vectors[g];
        here += columns[g] * vectors[g];
      }}
    }}
    total = here;
  }}
}}

enum {{ BLOCK = 4 * LANES, TOGETHER = 13 }}; /* entries kept in registers, columns read side by side */

/* move[i ...] (+)= sum over `count` columns, one block of entries at a time. */
static inline __attribute__((always_inline)) void gather(
  long n, long count, const real *const *column, const real *weight, long at, const real *from, real *to
) {{
  long i = 0;
  for (; i + BLOCK <= n; i += BLOCK) {{
    lanes sum[4] = {{{{0}}}};
    if (from) for (int l = 0; l < 4; ++l) sum[l] = *(const loaded *)(from + i + l * LANES);
    for (long c = 0; c < count; ++c) {{
      const real *p = column[c] + at + i, w = weight[c];
      for (int l = 0; l < 4; ++l) {{
        __builtin_prefetch(p + AHEAD / 2 + l * LANES, 0, 2);
        sum[l] += w * *(const loaded *)(p + l * LANES);
      }}
    }}
    for (int l = 0; l < 4; ++l) *(loaded *)(to + i + l * LANES) = sum[l];
  }}
  for (; i < n; ++i) {{
    real sum = from ? from[i] : 0;
    for (long c = 0; c < count; ++c) sum += weight[c] * column[c][at + i];
    to[i] = sum;
  }}
}}

/* out = begin + sum_c weight[c] column[c], the sum in the order of the columns; along = its product with `against`. */
void combine(
  long rows, long n, long columns, const real *const *column, const real *weight, const real *begin,
  const real *against, real *out, double *along
) {{
  real move[PIECE] __attribute__((aligned(BYTES)));
  const long groups = (columns + TOGETHER - 1) / TOGETHER;
  for (long row = 0; row < rows; ++row, weight += columns) {{
    double total = 0;
    for (long start = 0; start < n; start += PIECE) {{
      const long length = n - start < PIECE ? n - start : PIECE, at = row * n + start;
      long done = 0;
      for (long g = 0; g < groups; ++g) {{ /* groups of nearly equal size */
        const long count = (columns - done + groups - g - 1) / (groups - g);
        gather(length, count, column + done, weight + done, at, g ? move : 0, move);
        done += count;
      }}
      if (against) {{
        const real *const one = move, *const other = against + at;
        meet_all(1, length, 0, 1, &one, &other, &total);
      }}
      if (begin) for (long i = 0; i < length; ++i) out[at + i] = begin[at + i] + move[i];
      else for (long i = 0; i < length; ++i) out[at + i] = move[i];
    }}
    if (against) along[row] = total;
  }}
}}
"""


class Before(NamedTuple):
    """Elementwise work ahead of a pass of products: ``outputs`` are written, and may take part in it."""

    formula: Formula
    inputs: Sequence[np.ndarray]
    outputs: Sequence[np.ndarray]


@cache
def _loops(dtype: np.dtype, results: tuple[str, ...] = (), inputs: int = 0, numbers: int = 0) -> ctypes.CDLL | None:
    before = c_function(Formula(results, inputs, (0.0,) * numbers) if results else None)
    library = build(SOURCE.format(type=TYPES[dtype], piece=PIECE, most=MOST, before=before))
    if library is not None:
        for name, count in (("products", 8), ("combine", 6)):
            function = getattr(library, name)
            function.restype = None
            function.argtypes = [*[ctypes.c_long] * 3, *[ctypes.c_void_p] * count]
    return library


def applies(*arrays: Any) -> bool:
    """Whether the arrays are long NumPy vectors of one kind and there is a compiler."""
    head = arrays[0]
    if type(head) is not np.ndarray or head.shape[-1] < LONG or head.dtype not in TYPES:
        return False
    same = all(
        type(a) is np.ndarray and a.shape == head.shape and a.dtype == head.dtype and a.flags.c_contiguous
        for a in arrays
    )
    return same and _loops(head.dtype) is not None


_places = itertools.cycle([576 * k % PAGE for k in range(PAGE // 64)])  # every line of a page once


def fresh(like: np.ndarray) -> np.ndarray:
    """Memory for a vector, at another place of its page than the last ones.

    Long arrays otherwise start at the same place of a page, and those that one loop reads side by side then compete for
    the same lines of the first-level cache.
    """
    if like.shape[-1] < LONG or like.dtype not in TYPES:
        return np.empty_like(like)
    memory = np.empty(like.nbytes + PAGE, dtype=np.uint8)
    start = next(_places)
    return memory[start : start + like.nbytes].view(like.dtype).reshape(like.shape)


def _address(array: np.ndarray) -> int:
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))  # several times faster than `array.ctypes.data`
    except (TypeError, ValueError):  # read-only or empty
        return array.ctypes.data


def _addresses(arrays: Sequence[np.ndarray]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*map(_address, arrays))


def products(
    asked: Sequence[tuple[Sequence[np.ndarray], Sequence[np.ndarray]]], before: Before | None = None
) -> list[np.ndarray]:
    """For each pair of columns and at most ``MOST`` vectors all inner products (..., m, n)."""
    head = asked[0][0][0]
    rows, sizes = math.prod(head.shape[:-1]), [len(columns) * len(vectors) for columns, vectors in asked]
    total = np.zeros((rows, sum(sizes)))
    work: tuple[Any, Any, Any] = (None, None, None)
    library = _loops(head.dtype)
    if before is not None:
        formula = before.formula
        library = _loops(head.dtype, formula.results, formula.inputs, len(formula.numbers))
        numbers = np.array(formula.numbers or (0.0,), dtype=head.dtype)
        work = (_addresses(before.inputs), _address(numbers), _addresses(before.outputs))
    assert library is not None
    library.products(
        rows,
        head.shape[-1],
        len(asked),
        (ctypes.c_long * len(asked))(*[len(columns) for columns, _ in asked]),
        (ctypes.c_long * len(asked))(*[len(vectors) for _, vectors in asked]),
        _addresses([column for columns, _ in asked for column in columns]),
        _addresses([vector for _, vectors in asked for vector in vectors]),
        _address(total),
        *work,
    )
    total, found, first = total.astype(head.dtype, copy=False), [], 0
    for size, (columns, vectors) in zip(sizes, asked, strict=True):
        part = total[:, first : first + size]
        found.append(part.reshape((*head.shape[:-1], len(columns), len(vectors))))
        first += size
    return found


def combine(
    columns: Sequence[np.ndarray],
    weights: np.ndarray,
    start: np.ndarray | None = None,
    against: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """``start + sum_j weights[..., j] columns[j]``, and the sum's inner product (...,) with ``against``."""
    head = columns[0]
    out = fresh(head)
    along = None if against is None else np.empty(head.shape[:-1])
    library = _loops(head.dtype)
    assert library is not None
    shape = (*head.shape[:-1], len(columns))
    if weights.shape != shape or weights.dtype != head.dtype or not weights.flags.c_contiguous:
        weights = np.ascontiguousarray(np.broadcast_to(weights, shape), dtype=head.dtype)
    begin, other, found = (None if array is None else _address(array) for array in (start, against, along))
    library.combine(
        math.prod(head.shape[:-1]), head.shape[-1], len(columns), _addresses(columns), _address(weights),
        begin, other, _address(out), found,
    )  # fmt: skip
    return out, None if along is None else along.astype(head.dtype, copy=False)
