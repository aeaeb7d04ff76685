"""Arrays of any namespace: one context per call, special functions, random draws and host transfers.

Numerical functions start with ``ctx = context(theta=theta, ...)`` and then use ``ctx.xp`` only. A context is the
namespace, device and real dtype that the arguments share; Python scalars take part in none of the three.
"""

from ._context import (
    Array,
    Context,
    backend,
    check_finite,
    context,
    host_dtype,
    to_numpy,
)
from ._memory import DEFAULT_MAX_BYTES, chunks
from ._random import generator, orthonormal, standard_normal, symmetric_stable, uniform
from ._rows import replace_in_rows
from ._special import erf, erfc, normal_cdf, normal_pdf, take_along_last

__all__ = [
    "DEFAULT_MAX_BYTES",
    "Array",
    "Context",
    "backend",
    "check_finite",
    "chunks",
    "context",
    "erf",
    "erfc",
    "generator",
    "host_dtype",
    "normal_cdf",
    "normal_pdf",
    "orthonormal",
    "replace_in_rows",
    "standard_normal",
    "symmetric_stable",
    "take_along_last",
    "to_numpy",
    "uniform",
]
