"""What a round does with its numbers, operation by operation, and the number of the round as a symbol."""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np

from ..optimizers import Rule

OPERATIONS = 4000  # of the different rounds of a period, beyond which compiling costs more than it gives


class Unrecordable(Exception):
    """The round did something that only real arrays and numbers can do."""


class LongerPeriod(Exception):
    """The round asked for the remainder of its number by a divisor that the period has not: the period to try."""

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.period = period


class Ref(NamedTuple):
    """A recorded number per lane, by its place in the rows."""

    row: int


class Row(NamedTuple):
    """An operation; arguments are rows (`Ref`) or places in the list of scalars."""

    op: str
    args: tuple[Any, ...]


class Stream(NamedTuple):
    """A hyperparameter under a schedule."""

    name: str
    wide: bool  # differs between lanes


class Recorder:
    """What the phases of a period share: scalars, columns that stay, streams; and the rows of the current phase."""

    def __init__(self, rule: Rule, batch: tuple[int, ...], dtype: np.dtype, period: int) -> None:
        self.rule, self.batch, self.dtype, self.period = rule, batch, dtype, period
        self.scalars: dict[str, int] = {}
        self.fixed: dict[str, np.ndarray] = {}
        self.streams: list[Stream] = []
        self.rows: list[Row] = []
        self._known: dict[Row, Ref] = {}

    def begin(self) -> None:
        """Start a phase."""
        self.rows, self._known = [], {}

    def scalar(self, value: Any) -> int:
        return self.scalars.setdefault(float(value).hex(), len(self.scalars))

    def node(self, op: str, *args: Any) -> Ref:
        row = Row(op, tuple(arg if isinstance(arg, Ref | str | int) else self.scalar(arg) for arg in args))
        found = self._known.get(row)
        if found is None:
            if len(self.rows) > OPERATIONS:
                raise Unrecordable("a round of too many operations")
            found = self._known[row] = Ref(len(self.rows))
            self.rows.append(row)
        return found

    def hyperparameter(self, ctx: Any, name: str, t: Any) -> Any:
        """What ``Rule.value`` returns, as a number, a column that stays, or a stream."""
        value = getattr(self.rule, name)
        if callable(value):
            if not (isinstance(t, Round) and t.offset == 0):
                raise Unrecordable("a schedule at another step")
            known = [stream.name for stream in self.streams]
            if name not in known:
                self.streams.append(Stream(name, np.ndim(value(1)) > 0))
                known.append(name)
            return self._column(self.node("stream", known.index(name)))
        if isinstance(value, np.ndarray) and value.ndim:
            self.fixed[name] = np.ascontiguousarray(np.broadcast_to(value, self.batch), dtype=self.dtype).reshape(-1)
            return self._column(self.node("fixed", list(self.fixed).index(name)))
        return value.item() if isinstance(value, np.ndarray | np.generic) else value

    def _column(self, entry: Ref) -> Any:
        from ._arrays import Recorded, wrapped

        return Recorded(wrapped(entry, (1,)), self, True)

    def recorded_rule(self) -> Rule:
        """The rule, its hyperparameters read through the recorder."""
        clone = copy.copy(self.rule)
        object.__setattr__(clone, "value", self.hyperparameter)
        return clone


class Round:
    """``t + offset`` for the rounds ``t = phase, phase + period, ...``: shifts and remainders, nothing else."""

    def __init__(self, recorder: Recorder, phase: int, offset: int = 0) -> None:
        self.recorder, self.phase, self.offset = recorder, phase, offset

    def __add__(self, other: Any) -> Round:
        if type(other) is not int:
            return NotImplemented
        return Round(self.recorder, self.phase, self.offset + other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Round:
        return self + -other if type(other) is int else NotImplemented

    def __mod__(self, divisor: int) -> int:
        period = self.recorder.period
        if period % divisor:
            raise LongerPeriod(math.lcm(period, divisor))
        return (self.phase + self.offset) % divisor

    def _refuse(self, *args: Any) -> Any:
        raise Unrecordable("the value of the number of a round")

    __float__ = __int__ = __index__ = __bool__ = __hash__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __pow__ = __floordiv__ = __rtruediv__ = _refuse

    def __rpow__(self, base: Any) -> Any:
        """Weights ``beta^t`` of averages that start at zero."""
        from ._arrays import Recorded, wrapped

        return Recorded(wrapped(self.recorder.dtype.type(base)), self.recorder, False) ** self

    def node(self) -> Ref:
        return self.recorder.node("round", str(self.offset))
