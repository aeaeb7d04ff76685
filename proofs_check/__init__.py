"""Claims of the papers, their checks, and verdicts computed from evidence."""

import optassay as _core  # refuses a stranger in place of one of our packages

__all__: list[str] = []
del _core
