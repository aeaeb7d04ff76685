"""Inner products and combinations of many long NumPy vectors, each vector read from memory once.

Level-1 BLAS reads a column again for every product with it, and a sum of columns again for every term. The compiled
loops take short pieces of all columns in turn, which stay in cache. Sums run in a fixed order of lanes: bits depend on
the length of the vectors alone.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .._compiler import build

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

/* Group g: columns[g] columns meet vectors[g] vectors, listed one group after the other; total starts at zero. */
void products(
  long rows, long n, long groups, const long *columns, const long *vectors, const real *const *column,
  const real *const *vector, double *total
) {{
  for (long row = 0; row < rows; ++row) {{
    double *here = total;
    for (long start = 0; start < n; start += PIECE) {{
      const long length = n - start < PIECE ? n - start : PIECE, at = row * n + start;
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

/* out = sum_c weight[c] column[c], in the order of the columns. */
void combine(long rows, long n, long columns, const real *const *column, const real *weight, real *out) {{
  for (long row = 0; row < rows; ++row, weight += columns)
    for (long start = 0; start < n; start += PIECE) {{
      const long length = n - start < PIECE ? n - start : PIECE, at = row * n + start;
      real *o = out + at;
      long c = 0;
      {{
        const real *restrict p = column[0] + at;
        const real w = weight[0];
        for (long i = 0; i < length; ++i) o[i] = w * p[i];
      }}
      for (c = 1; c + 4 <= columns; c += 4) {{
        const real *p[4];
        real w[4];
        long i = 0;
        for (int k = 0; k < 4; ++k) {{
          p[k] = column[c + k] + at;
          w[k] = weight[c + k];
        }}
        for (; i + LANES <= length; i += LANES) {{
          lanes sum = *(const loaded *)(o + i);
          for (int k = 0; k < 4; ++k) {{
            __builtin_prefetch(p[k] + i + AHEAD, 0, 2);
            sum += w[k] * *(const loaded *)(p[k] + i);
          }}
          *(loaded *)(o + i) = sum;
        }}
        for (; i < length; ++i)
          for (int k = 0; k < 4; ++k) o[i] += w[k] * p[k][i];
      }}
      for (; c < columns; ++c) {{
        const real *restrict p = column[c] + at;
        const real w = weight[c];
        for (long i = 0; i < length; ++i) o[i] += w * p[i];
      }}
    }}
}}
"""


@cache
def _loops(dtype: np.dtype) -> ctypes.CDLL | None:
    library = build(SOURCE.format(type=TYPES[dtype], piece=PIECE, most=MOST))
    if library is not None:
        for name, count in (("products", 5), ("combine", 3)):
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


def _addresses(arrays: Sequence[np.ndarray]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])


def products(asked: Sequence[tuple[Sequence[np.ndarray], Sequence[np.ndarray]]]) -> list[np.ndarray]:
    """For each pair of columns and at most ``MOST`` vectors all inner products (..., m, n)."""
    head = asked[0][0][0]
    rows, sizes = math.prod(head.shape[:-1]), [len(columns) * len(vectors) for columns, vectors in asked]
    total = np.zeros((rows, sum(sizes)))
    library = _loops(head.dtype)
    assert library is not None
    library.products(
        rows,
        head.shape[-1],
        len(asked),
        (ctypes.c_long * len(asked))(*[len(columns) for columns, _ in asked]),
        (ctypes.c_long * len(asked))(*[len(vectors) for _, vectors in asked]),
        _addresses([column for columns, _ in asked for column in columns]),
        _addresses([vector for _, vectors in asked for vector in vectors]),
        total.ctypes.data,
    )
    parts = np.split(total.astype(head.dtype, copy=False), np.cumsum(sizes)[:-1], axis=-1)
    shapes = [(*head.shape[:-1], len(columns), len(vectors)) for columns, vectors in asked]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def combine(columns: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """``sum_j weights[..., j] columns[j]``."""
    head = columns[0]
    out = fresh(head)
    library = _loops(head.dtype)
    assert library is not None
    weights = np.ascontiguousarray(np.broadcast_to(weights, (*head.shape[:-1], len(columns))), dtype=head.dtype)
    library.combine(
        math.prod(head.shape[:-1]), head.shape[-1], len(columns), _addresses(columns), weights.ctypes.data,
        out.ctypes.data,
    )  # fmt: skip
    return out
