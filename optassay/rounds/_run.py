"""Rounds of a rule: one by one on arrays, or as one compiled loop over all of them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import array_api_compat
import numpy as np

from .._compiler import build
from ..arrays import context
from ..optimizers import Rule
from ._arrays import Recorded, recording
from ._record import LongerPeriod, Recorder, Ref, Round, Unrecordable
from ._source import Phase, source

Body = Callable[[Rule, Any, Any], Any]  # body(rule, t, carry) -> carry
WORTH = 3000  # rounds from which compiling, some tenths of a second, pays
RECORDING = 20  # rounds that cost as much as recording one
AT_ONCE = 4096  # rounds per call of the loop: what schedules give for them is laid out in memory
# No fused multiply-add: every operation rounds as it does on arrays, so that both ways agree bit for bit.
_FLAG = "-ffp-contract=off"


class Rounds:
    """``carry = body(rule, t, carry)`` for the rounds ``t = 1, 2, ...`` of a batch of independent runs.

    In a loop over small arrays nearly all the time goes into starting operations. Where the body allows, it is
    recorded once per phase of its period (a stream of losses that repeats asks for ``t % period``), compiled, and run
    for all rounds in one call; schedules are called ahead, round by round. The body stays the only formula. It cannot
    be recorded if it branches on an entry or on ``t``, mixes runs, or leaves the elementwise part of the array API;
    then, on other libraries' arrays than NumPy's in double precision, without a C compiler, and for few rounds, it is
    called round by round.

    Parameters
    ----------
    body : callable
        ``body(rule, t, carry)``: pure, in array-API functions of its arguments' namespace; hyperparameters only by
        ``rule.value``.
    rule : Rule
    batch : tuple of int
        The leading axes of all arrays of the carry; at most one more follows.
    rounds : int
        How many there will be in all.
    """

    def __init__(self, body: Body, rule: Rule, batch: tuple[int, ...], rounds: int) -> None:
        self.body, self.rule, self.batch = body, rule, batch
        self._longest = rounds // RECORDING if rounds >= WORTH else 0  # period
        self._loop: _Loop | None = None

    @property
    def compiled(self) -> bool:
        """Whether the last call of `run` used a compiled loop."""
        return self._loop is not None

    def run(self, carry: Any, first: int, last: int) -> Any:
        """The carry after the rounds ``first, ..., last``: nested NamedTuples of arrays, numbers and None.

        Whole numbers in it must count rounds, as ``t`` in the state of a rule does.
        """
        loop = self._ready(carry, first)
        if loop is not None:
            return loop.run(carry, first, last)[0]
        for t in range(first, last + 1):
            carry = self.body(self.rule, t, carry)
        return carry

    def history(self, carry: Any, first: int, last: int) -> tuple[Any, Any]:
        """As `run`, and the carries after each of the rounds, their arrays and whole numbers stacked along axis 0."""
        loop = self._ready(carry, first)
        if loop is not None:
            return loop.run(carry, first, last, np.empty((loop.columns, last - first + 1, loop.lanes)))
        seen = []
        for t in range(first, last + 1):
            carry = self.body(self.rule, t, carry)
            seen.append(list(_leaves(carry)))
        return carry, _rebuilt(carry, iter([_stacked(column) for column in zip(*seen, strict=True)]))

    def _ready(self, carry: Any, first: int) -> _Loop | None:
        if self._loop is None and self._longest:
            self._loop = _record(self.body, self.rule, self.batch, carry, first, self._longest)
            self._longest = 0
        return self._loop


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        for value in tree:
            yield from _leaves(value)
    else:
        yield tree


def _stacked(column: Sequence[Any]) -> Any:
    if array_api_compat.is_array_api_obj(column[0]):
        return array_api_compat.array_namespace(column[0]).stack(list(column), axis=0)
    return np.array(column) if type(column[0]) is int else column[0]


def _rebuilt(tree: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(tree, tuple):
        values = [_rebuilt(value, leaves) for value in tree]
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    return next(leaves)


def _record(body: Body, rule: Rule, batch: tuple[int, ...], carry: Any, first: int, longest: int) -> _Loop | None:
    """The compiled loop, None where there cannot be one."""
    arrays = [leaf for leaf in _leaves(carry) if array_api_compat.is_array_api_obj(leaf)]
    if not all(type(a) is np.ndarray and a.dtype == np.float64 and a.shape[: len(batch)] == batch for a in arrays):
        return None
    period = 1
    while period <= longest:
        recorder = Recorder(rule, batch, np.dtype(np.float64), period)
        try:
            phases = [_phase(recorder, body, carry, first, phase) for phase in range(period)]
            columns = sum(_entries(leaf, batch) for leaf in arrays)
            text = source(recorder, phases, columns)
        except LongerPeriod as longer:
            period = longer.period
            continue
        except Exception:
            # Most often `Unrecordable`. An error of the body itself comes again in the rounds one by one.
            return None
        library = build(text, _FLAG)
        return None if library is None else _Loop(library.kernel, recorder, columns, carry, first)
    return None


def _entries(array: np.ndarray, batch: tuple[int, ...]) -> int:
    return int(np.prod(array.shape[len(batch) :]))


def _phase(recorder: Recorder, body: Body, carry: Any, first: int, phase: int) -> Phase:
    """Record the rounds ``t`` with ``t % period == phase``."""
    recorder.begin()
    depth, column = len(recorder.batch), 0
    inputs: list[Any] = []
    places: list[int] = []
    for leaf in _leaves(carry):
        places.append(column)
        if isinstance(leaf, np.ndarray):
            tail = leaf.shape[depth:]
            if len(tail) > 1:
                raise Unrecordable("more than one axis behind the batch")
            data = np.empty(tail, dtype=object)
            for index in np.ndindex(tail):
                data[index] = recorder.node("carry", column)
                column += 1
            inputs.append(Recorded(data, recorder, True))
        else:
            inputs.append(Round(recorder, phase, leaf - first) if type(leaf) is int else leaf)
    with recording(recorder):
        after = body(recorder.recorded_rule(), Round(recorder, phase), _rebuilt(carry, iter(inputs)))
    outputs = list(_leaves(after))
    if len(outputs) != len(inputs):
        raise Unrecordable("a carry that changes its structure")
    stores: list[tuple[int, Ref | float]] = []
    for before, now, place in zip(inputs, outputs, places, strict=True):
        if isinstance(before, Round):
            if not (isinstance(now, Round) and now.offset == before.offset + 1):
                raise Unrecordable("a whole number that does not count rounds")
        elif isinstance(before, Recorded):
            if not isinstance(now, Recorded) or now.data.shape != before.data.shape or now.boolean:
                raise Unrecordable("an array that changes its shape")
            pairs = zip(before.data.flat, now.data.flat, strict=True)
            stores += [
                (place + k, new) for k, (old, new) in enumerate(pairs) if not (isinstance(new, Ref) and new == old)
            ]
        elif now is not before:
            raise Unrecordable("a constant that changes")
    return Phase(recorder.rows, stores)


class _Loop:
    """A compiled period, and what its calls need."""

    def __init__(self, kernel: Any, recorder: Recorder, columns: int, carry: Any, first: int) -> None:
        kernel.restype, kernel.argtypes = None, [*[ctypes.c_long] * 4, *[ctypes.c_void_p] * 5]
        self.kernel, self.recorder, self.columns = kernel, recorder, columns
        self.counts = [leaf - first for leaf in _leaves(carry) if type(leaf) is int]
        self.lanes = int(np.prod(recorder.batch))
        self.scalars = np.array([float.fromhex(text) for text in recorder.scalars] or [0.0])
        self.fixed = list(recorder.fixed.values())

    def run(self, carry: Any, first: int, last: int, seen: np.ndarray | None = None) -> tuple[Any, Any]:
        """The carry after the last round and, where there is room for it (columns, rounds, lanes), after each."""
        leaves = list(_leaves(carry))
        if self.counts != [leaf - first for leaf in leaves if type(leaf) is int]:
            raise ValueError(f"the carry must be that before round {first}")
        arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
        blocks = [np.array(a.reshape(self.lanes, -1).T, order="C") for a in arrays]
        columns = [row for block in blocks for row in block]
        for start in range(first, last + 1, AT_ONCE):
            end = min(last, start + AT_ONCE - 1)
            tables = [self._table(stream.name, start, end) for stream in self.recorder.streams]
            groups = [_addresses(group) for group in (self.fixed, tables, columns)]
            if seen is not None:
                groups.append(_addresses([rows[start - first :] for rows in seen]))
            pointers = [group.ctypes.data for group in groups]
            phase = start % self.recorder.period
            room = [] if seen is not None else [None]
            self.kernel(start, end, phase, self.lanes, self.scalars.ctypes.data, *pointers, *room)
        rounds = last - first + 1
        ends = iter([block.T.reshape(a.shape) for a, block in zip(arrays, blocks, strict=True)])
        after = [_moved(leaf, ends, rounds) for leaf in leaves]
        if seen is None:
            return _rebuilt(carry, iter(after)), None
        parts = np.split(seen, np.cumsum([len(block) for block in blocks])[:-1])
        shaped = [np.moveaxis(p, 0, -1).reshape(rounds, *a.shape) for a, p in zip(arrays, parts, strict=True)]
        steps = iter(shaped)
        trail = [_moved(leaf, steps, np.arange(1, rounds + 1)) for leaf in leaves]
        return _rebuilt(carry, iter(after)), _rebuilt(carry, iter(trail))

    def _table(self, name: str, first: int, last: int) -> np.ndarray:
        """What a schedule gives for the rounds, (rounds,) or (rounds, lanes)."""
        rule = self.recorder.rule
        schedule = getattr(rule, name)
        values = [schedule(t) for t in range(first, last + 1)]
        if np.ndim(values[0]):
            values = [np.broadcast_to(value, self.recorder.batch) for value in values]
        table = np.asarray(values, dtype=np.float64)
        domain = type(rule).__dataclass_fields__[name].metadata.get("domain")
        if domain is not None and not domain.contains(table):
            for t in range(first, last + 1):
                rule.value(context(table=table), name, t)  # raises at the step that is wrong, and names it
        return np.ascontiguousarray(table)


def _moved(leaf: Any, arrays: Iterator[np.ndarray], rounds: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return next(arrays)
    return leaf + rounds if type(leaf) is int else leaf


def _addresses(arrays: list[np.ndarray]) -> np.ndarray:
    return np.array([a.ctypes.data for a in arrays], dtype=np.uintp)
