"""Landscapes, runs, rates, regret, sharpness, escape and networks."""

import optassay as _core  # refuses a stranger in place of one of our packages

__all__: list[str] = []
del _core
