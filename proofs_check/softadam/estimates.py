from __future__ import annotations

from ..claim import Claim

CLAIMS: list[Claim] = []
