"""Anderson mixing with a growing basis, compiled: the steps of :class:`BasisSteps` and the loop around them.

A step on one small system is a microsecond of arithmetic, of which NumPy's calls, made for a block of systems, would be
several. Tests hold both to the same numbers; without a compiler NumPy does all of it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from math import prod
from typing import Any

import numpy as np
from array_api_compat import is_numpy_array

from optassay._compiler import build

from ._systems import Systems

LARGE = 10**8  # multiplications by the matrices; less than that would not repay the compilation
TYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}

SOURCE = """
#include <math.h>
#include <string.h>
typedef {type} real;

static inline real dot(const real *a, const real *b, long n) {{
  real t = 0;
  #pragma omp simd reduction(+ : t)
  for (long i = 0; i < n; i++) t += a[i] * b[i];
  return t;
}}

/* out[i] = row i . v, four rows at a time: one sum would wait for itself */
static inline void dots(real *out, const real *rows, long stride, long count, const real *v, long n) {{
  long i = 0;
  for (; i + 4 <= count; i += 4) {{
    const real *a = rows + i * stride, *b = a + stride, *c = b + stride, *e = c + stride;
    real p = 0, q = 0, r = 0, s = 0;
    #pragma omp simd reduction(+ : p, q, r, s)
    for (long j = 0; j < n; j++) p += a[j] * v[j], q += b[j] * v[j], r += c[j] * v[j], s += e[j] * v[j];
    out[i] = p, out[i + 1] = q, out[i + 2] = r, out[i + 3] = s;
  }}
  for (; i < count; i++) out[i] = dot(rows + i * stride, v, n);
}}

/* out -= sum_i factor * w[i] row i */
static inline void subtract(real *out, real factor, const real *w, const real *rows, long count, long n) {{
  long i = 0;
  for (; i + 4 <= count; i += 4) {{
    const real *a = rows + i * n, *b = a + n, *c = b + n, *e = c + n;
    const real p = factor * w[i], q = factor * w[i + 1], r = factor * w[i + 2], s = factor * w[i + 3];
    #pragma omp simd
    for (long j = 0; j < n; j++) out[j] -= p * a[j] + q * b[j] + r * c[j] + s * e[j];
  }}
  for (; i < count; i++) {{
    const real p = factor * w[i], *a = rows + i * n;
    #pragma omp simd
    for (long j = 0; j < n; j++) out[j] -= p * a[j];
  }}
}}

/* here, last, bar: (r, x); a row: (q_j, p_j) */
void run(long n, long d, long steps, long columns, const real *matrix, const real *rhs, const real *start,
         const real *frobenius, real eps, const real *mixing, const real *damping, real *points, real *bars,
         long stride, real *sizes, real *noises, real *changes, char *solved, real *work) {{
  real *rows = work, *here = rows + 2 * columns * d, *last = here + 2 * d, *bar = last + 2 * d, *w = bar + 2 * d;
  for (long s = 0; s < n; s++) {{
    const real *a = matrix + s * d * d, *b = rhs + s * d;
    const real right = sqrt(dot(b, b, d));
    memcpy(here + d, start + s * d, d * sizeof(real));
    for (long k = 0; k <= steps; k++) {{
      const long at = k * n + s;
      const real beta = mixing[at], alpha = damping[at];
      dots(here, a, d, d, here + d, d);
      for (long i = 0; i < d; i++) here[i] = b[i] - here[i];
      const real size = sqrt(dot(here, here, d)), far = sqrt(dot(here + d, here + d, d));
      const real noise = 4 * eps * (frobenius[s] * far + right);
      const int done = size <= noise && size <= {largest};
      real change = HUGE_VAL;
      memcpy(bar, here, 2 * d * sizeof(real));
      if (k > 0) {{
        const long count = (k - 1) % columns;
        real *column = rows + 2 * count * d;
        for (long i = 0; i < 2 * d; i++) column[i] = here[i] - last[i];
        change = sqrt(dot(column, column, d));
        for (int pass = 0; pass < 2; pass++) {{
          dots(w, rows, 2 * d, count, column, d);
          subtract(column, 1, w, rows, count, 2 * d);
        }}
        const real beyond = sqrt(dot(column, column, d));
        const real scale = beyond <= 8 * d * eps * change ? 0 : 1 / beyond;
        for (long i = 0; i < 2 * d; i++) column[i] *= scale;
        dots(w, rows, 2 * d, count + 1, here, d);
        subtract(bar, alpha, w, rows, count + 1, 2 * d);
      }}
      memcpy(points + k * stride + s * d, here + d, d * sizeof(real));
      memcpy(bars + k * stride + s * d, (done ? here : bar) + d, d * sizeof(real));
      sizes[at] = size, noises[at] = noise, changes[at] = change, solved[at] = done;
      memcpy(last, here, 2 * d * sizeof(real));
      if (!done) for (long i = 0; i < d; i++) here[d + i] = bar[d + i] + beta * bar[i];
    }}
  }}
}}
"""


@cache
def kernel(dtype: np.dtype) -> Any:
    """The compiled function for a dtype; None without a compiler, or for another dtype."""
    if dtype not in TYPES:
        return None
    largest = repr(float(np.finfo(dtype).max))
    library = build(SOURCE.format(type=TYPES[dtype], largest=largest))
    if library is None:
        return None
    real = ctypes.c_float if dtype == np.float32 else ctypes.c_double
    pointer, integer = ctypes.c_void_p, ctypes.c_long
    library.run.argtypes = [integer] * 4 + [pointer] * 4 + [real] + [pointer] * 4 + [integer] + [pointer] * 5
    library.run.restype = None
    return library.run


def serves(systems: Systems, steps: int) -> bool:
    """Whether these systems are worth the compiled loop, and fit it."""
    products = prod(systems.matrix.shape) * steps
    fits = systems.own and is_numpy_array(systems.matrix) and systems.preconditioner is None
    return fits and products >= LARGE and kernel(systems.matrix.dtype) is not None


def compiled_steps(
    systems: Systems, rule: Any, columns: int, points: np.ndarray, bars: np.ndarray, alphas: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Fill the arrays, whose batch has one axis; ``|r|``, its rounding noise, ``|dr|`` and "solved", (steps + 1, n)."""
    (n, d), rows, dtype = systems.start.shape, len(points), systems.start.dtype
    given = [np.ascontiguousarray(v) for v in (systems.matrix, systems.rhs, systems.start, systems.size)]
    mixing, damping, sizes, noises, changes = (np.zeros((rows, n), dtype) for _ in range(5))
    for k in range(rows):
        mixing[k] = np.broadcast_to(rule.value(systems.ctx, "mixing", k + 1), (n, 1))[:, 0]
        if k > 0:
            damping[k] = np.broadcast_to(rule.value(systems.ctx, "damping", k + 1), (n, 1))[:, 0]
    alphas[..., 0] = damping
    solved = np.zeros((rows, n), bool)
    work = np.empty((2 * columns + 6) * d + columns, dtype)
    results = (sizes, noises, changes, solved, work)
    kernel(dtype)(
        n, d, rows - 1, columns, *(v.ctypes.data for v in given), float(np.finfo(dtype).eps), mixing.ctypes.data,
        damping.ctypes.data, points.ctypes.data, bars.ctypes.data, points.strides[0] // points.itemsize,
        *(v.ctypes.data for v in results),
    )  # fmt: skip
    return sizes, noises, changes, solved
