"""The core of optassay: arrays, optimizers, the torch bridge and the command line.

The floors above (``quadratics``, ``spectral``, ``analysis``, ``proofs_check``, ``figures``) are separate top-level
packages of the same distribution. Importing this package checks that none of them is shadowed.
"""

from ._guard import check_siblings

__version__ = "0.1.0"

check_siblings()
