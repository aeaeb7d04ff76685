"""Many rounds of a rule over a batch of runs, compiled where the round can be recorded."""

from ._run import Rounds

__all__ = ["Rounds"]
