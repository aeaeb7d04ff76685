"""Why a Krylov method stopped moving."""

from __future__ import annotations

from enum import IntEnum


class Breakdown(IntEnum):
    """Why a run stopped moving."""

    NONE = 0
    SOLVED = 1  # the residual is rounding noise (or zero): the point is kept from there on
    STAGNATION = 2  # the projected point, or the residual, did not move, and the residual is not rounding noise
    NONFINITE = 3  # overflow
