"""Networks of the papers trained with the optimizers of :mod:`optassay.optimizers`: models, data, runs, diagnostics.

``optassay train`` is the command; :func:`analysis.networks.results.read_results` reads what it writes. Models, data and
training need the extra ``train`` (PyTorch, pydantic); this package and the reader of results do not.
"""

from .results import COLUMNS, curves, final_values, read_results

__all__ = ["COLUMNS", "curves", "final_values", "read_results"]
