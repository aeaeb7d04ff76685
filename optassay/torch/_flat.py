"""One run of a rule over a list of tensors seen as one vector: chunks, state, and the step itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from . import _compiled, _lazy
from ._expressions import Leaf, Node, Untraceable, Vec, long_factor
from ._kernel import Kernels, Store, Sum
from ._lazy import Lazy

GATHER_BELOW = 16384  # smaller tensors are copied side by side: a call costs as much as ten thousand numbers
CHUNK = 65536  # operands and temporaries of a chunk stay in a second-level cache
LONG = 65536  # vectors from which a compiled loop repays its compilation within a few hundred steps
LONG_EXPRESSION = 8  # columns read from which a vector that a sum has needed is kept for those who use it after
SHORT = 256  # vectors too short for recording to pay; it also keeps small arrays apart from vectors by their length


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """The state with ``function`` applied to its tensors."""
    if isinstance(tree, torch.Tensor | Lazy):
        return function(tree)
    if isinstance(tree, tuple):
        values = [tree_map(function, value) for value in tree]
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    return tree


def tree_leaves(tree: Any) -> list[Any]:
    """Everything in the state that is no tuple, in order."""
    if isinstance(tree, tuple):
        return [leaf for value in tree for leaf in tree_leaves(value)]
    return [tree]


class Layout:
    """How a list of tensors is cut into chunks.

    Compiled loops take every tensor where it is. For PyTorch's kernels runs of small tensors are copied side by side.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device, dtype: torch.dtype, in_place: bool) -> None:
        self.device, self.dtype = device, dtype
        chunk, gather_below = (CHUNK, 0 if in_place else GATHER_BELOW) if device.type == "cpu" else (1 << 62, 1 << 62)
        self.spans: list[tuple[int, int, int]] = []  # first and last tensor, numbers
        joins = False
        for i, n in enumerate(lengths):
            if joins and n < gather_below:
                self.spans[-1] = (self.spans[-1][0], i + 1, self.spans[-1][2] + n)
            else:
                self.spans.append((i, i + 1, n))
            joins = n < gather_below
        self.cuts = [self._cut(total, chunk) for _, _, total in self.spans]
        self.sizes = [n for cut in self.cuts for n in cut]
        width = dtype.itemsize
        self.starts = np.cumsum([0, *self.sizes[:-1]], dtype=np.uintp) * width
        self.pieces = np.asarray([len(cut) for cut in self.cuts])
        self.within = self.starts - np.repeat(self.starts[np.cumsum([0, *self.pieces[:-1]])], self.pieces)
        self._scratch: dict[tuple[int, bool], list[torch.Tensor]] = {}
        self._copies: dict[tuple[str, int], torch.Tensor] = {}

    @staticmethod
    def _cut(total: int, chunk: int) -> list[int]:
        pieces = max(1, -(-total // chunk))
        return [(k + 1) * total // pieces - k * total // pieces for k in range(pieces)]

    def scratch(self, number: int, boolean: bool) -> list[torch.Tensor]:
        """A column of temporaries: every chunk uses the same memory."""
        column = self._scratch.get((number, boolean))
        if column is None:
            dtype = torch.bool if boolean else self.dtype
            memory = torch.empty(max(self.sizes), dtype=dtype, device=self.device)
            column = self._scratch[(number, boolean)] = [memory[:n] for n in self.sizes]
        return column

    def column(self, tensors: Sequence[torch.Tensor], name: str) -> tuple[Column, list[Any]]:
        """Chunks of the tensors, and (first tensor, last, memory) of those that had to be copied."""
        bases: list[torch.Tensor] = []
        copies: list[Any] = []
        for s, (first, last, total) in enumerate(self.spans):
            if last == first + 1 and tensors[first].is_contiguous():
                bases.append(tensors[first])
                continue
            memory = self._copies.get((name, s))
            if memory is None:
                memory = self._copies[(name, s)] = torch.empty(total, dtype=self.dtype, device=self.device)
            torch.cat([tensor.reshape(-1) for tensor in tensors[first:last]], out=memory)
            copies.append((first, last, memory))
            bases.append(memory)
        return Column(self, bases), copies


class Column:
    """The chunks of one vector: memory for compiled loops, views for PyTorch's kernels; each made when needed.

    Parameters
    ----------
    bases : tensors
        One per span of the layout, or a single one with all numbers.
    """

    def __init__(self, layout: Layout, bases: Sequence[torch.Tensor], whole: bool = False) -> None:
        self.layout, self.bases, self.whole = layout, bases, whole

    @cached_property
    def chunks(self) -> Sequence[torch.Tensor]:
        if self.whole:
            return self.bases[0].split(self.layout.sizes)
        pairs = zip(self.bases, self.layout.cuts, strict=True)
        return [chunk for base, cut in pairs for chunk in base.view(-1).split(cut)]

    @cached_property
    def pointers(self) -> np.ndarray:
        if self.whole:
            return self.layout.starts + np.uintp(self.bases[0].data_ptr())
        addresses = np.fromiter((base.data_ptr() for base in self.bases), dtype=np.uintp, count=len(self.bases))
        return np.repeat(addresses, self.layout.pieces) + self.layout.within


class Engine:
    """Records one step of a rule on `Lazy` arrays and evaluates it."""

    def __init__(self, unit: Unit, params: Any, grads: Any, state: Any) -> None:
        self.unit = unit
        self.length = unit.length
        self.dtype = np.dtype(str(unit.dtype).rpartition(".")[2]) if unit.dtype in _NUMPY else np.dtype("float32")
        self.kernels = unit.kernels
        self.leaves: list[Any] = [params, grads]
        self.spares = 0
        self.params = Lazy(Vec(Leaf(0)), self, True)
        self.grad = Lazy(Vec(Leaf(1)), self, True)
        self.state = tree_map(lambda leaf: self._enter(unit, leaf), state)

    def _enter(self, unit: Unit, leaf: torch.Tensor) -> Lazy:
        if leaf.ndim and leaf.shape[-1] == self.length:
            if leaf.ndim == 1:
                return Lazy(self._leaf(unit.chunks(leaf)), self, True)
            rows = np.empty(leaf.shape[:-1], dtype=object)
            for index in np.ndindex(*leaf.shape[:-1]):
                rows[index] = self._leaf(unit.chunks(leaf, index))
            return Lazy(rows, self, True)
        value = leaf.detach().cpu()
        return Lazy(np.array((value.float() if leaf.dtype is torch.bfloat16 else value).numpy()), self, False)

    def _leaf(self, column: Any) -> Vec:
        self.leaves.append(column)
        return Vec(Leaf(len(self.leaves) - 1))

    def sums(self, data: Any) -> np.ndarray:
        """Sums over the parameter axis of a vector or of an object array of them."""
        flat = list(data.flat) if isinstance(data, np.ndarray) else [data]
        vectors = [v for v in flat if isinstance(v, Vec)]
        outputs: list[Store | Sum] = [Sum(v) for v in vectors]
        long = long_factor(vectors[0], LONG_EXPRESSION) if len(vectors) == 1 else None
        if long is not None:
            leaf = self._leaf(self.unit.spare(self.spares)).node
            self.spares += 1
            outputs.append(Store(leaf.column, Vec(long)))
        totals = self.kernels.run(outputs, self.leaves)
        if long is not None:
            long.hold(leaf)
        found = iter(totals.sum(0).tolist())
        values = [next(found) if isinstance(v, Vec) else float(v) * self.length for v in flat]
        return np.asarray(values, dtype=self.dtype).reshape(np.shape(data) if isinstance(data, np.ndarray) else ())

    def segment_sums(self, value: Any, segments: tuple[int, ...]) -> np.ndarray:
        """Sums of a vector over each of the tensors."""
        self._check_segments(segments)
        if not isinstance(value, Vec):
            return np.asarray(segments, dtype=self.dtype) * self.dtype.type(value)
        per_chunk = self.kernels.run([Sum(value)], self.leaves)[:, 0]
        first = np.cumsum([0, *self.unit.layout.pieces[:-1]])
        return np.add.reduceat(per_chunk, first).astype(self.dtype)

    def spread(self, value: np.ndarray, segments: tuple[int, ...]) -> Vec:
        """A number per tensor as a vector; conditions stay conditions."""
        self._check_segments(segments)
        # NumPy repeats runs of numbers eight times as fast as repeat_interleave does.
        vector = torch.from_numpy(np.repeat(np.asarray(value, dtype=self.dtype), segments))
        vector = vector.to(self.unit.device, self.unit.dtype)
        leaf = self._leaf(Column(self.unit.layout, [vector], whole=True))
        return Vec(Node("ne", (leaf.node, "const"), (0.0,))) if value.dtype == bool else leaf

    def _check_segments(self, segments: tuple[int, ...]) -> None:
        if segments != self.unit.lengths or len(self.unit.layout.spans) != len(segments):
            raise Untraceable("segments other than the tensors")

    def finish(self, params: Lazy, state: Any, old: Any) -> Any:
        """Write the new parameters and state in place; the new state."""
        before, lazy, after = tree_leaves(old), tree_leaves(self.state), tree_leaves(state)
        if len(before) != len(after):
            raise Untraceable("a state that changes its structure")
        outputs: list[Store | Sum] = []
        small: list[tuple[torch.Tensor, np.ndarray]] = []
        values: dict[Any, list[int]] = {}  # of each new vector, the entries that hold it
        for i, (held, was, new) in enumerate(zip(before, lazy, after, strict=True)):
            if not isinstance(new, Lazy):
                if isinstance(held, torch.Tensor):
                    raise Untraceable("a state that changes its structure")
                continue
            if not isinstance(was, Lazy) or was.vector != new.vector or was.shape != new.shape:
                raise Untraceable("a state that changes its structure")
            if not new.vector:
                small.append((held, new.data))
            elif isinstance(was.data, np.ndarray):
                rows = zip(was.data.flat, new.data.flat, strict=True)
                outputs += [Store(row.node.column, v) for row, v in rows if not _same(row, v)]
            elif new is not was and not _same(was.data, value := _one(new)):
                values.setdefault(id(value) if isinstance(value, Vec) else (i,), []).append(i)
        held_by = Counter(map(id, before))
        tensors = list(before)
        for entries in values.values():
            # Entries with the same vector share memory, as they do outside; what others still hold is not overwritten.
            own = next((i for i in entries if held_by[id(before[i])] == 1), None)
            memory = torch.empty_like(before[entries[0]]) if own is None else before[own]
            leaf = self._leaf(Column(self.unit.layout, [memory], whole=True)) if own is None else lazy[own].data
            outputs.append(Store(leaf.node.column, _one(after[entries[0]])))
            for i in entries:
                tensors[i] = memory
        if not _same(self.params.data, params.data):
            outputs.append(Store(0, params.data))
        if outputs:
            self.kernels.run(outputs, self.leaves)
        for held, value in small:
            held.copy_(torch.from_numpy(value))
        if not {id(held) for held in before} <= {id(held) for held in tensors}:
            self.unit.forget()
        found = iter([leaf for leaf in tensors if isinstance(leaf, torch.Tensor)])
        return tree_map(lambda _: next(found), state)


def _one(vector: Lazy) -> Any:
    """The value of a vector without leading axes."""
    return vector.data.item() if isinstance(vector.data, np.ndarray) else vector.data


def _same(row: Vec, value: Any) -> bool:
    return isinstance(value, Vec) and value.node is row.node and value.scale == 1.0


_NUMPY = (torch.float32, torch.float64, torch.float16)


class Unit:
    """A rule's run on the tensors of one group, or on one tensor: state and memory."""

    def __init__(self, params: Sequence[torch.Tensor], compiled: bool | Literal["at once"], separate: bool) -> None:
        self.params = list(params)
        self.compiled, self.separate = compiled, separate
        self.lengths = tuple(p.numel() for p in params)
        self.length = sum(self.lengths)
        self.device, self.dtype = params[0].device, params[0].dtype
        plain = self.device.type == "cpu" and self.dtype in (torch.float32, torch.float64)
        loops = bool(compiled) and plain and self.length >= LONG and _compiled.compiler() is not None
        self.layout = Layout(self.lengths, self.device, self.dtype, in_place=loops or separate)
        self.kernels = Kernels(self.layout.scratch, self.layout.sizes, loops, 1 if compiled == "at once" else 3)
        self.state: Any = None
        self.whole: str | None = None  # why the rule steps on whole tensors, None while it is recorded
        self._spares: list[Column] = []
        self.forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"params": self.params, "compiled": self.compiled, "separate": self.separate, "state": self.state}

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.__init__(held["params"], held["compiled"], held["separate"])  # type: ignore[misc]
        self.state = held["state"]

    def set_state(self, state: Any) -> None:
        """Take over a state: every tensor gets memory of its own, for it will be overwritten."""
        self.state = tree_map(lambda leaf: leaf.detach().clone(memory_format=torch.contiguous_format), state)
        self.forget()

    def forget(self) -> None:
        """Let go of tensors that are no longer part of the state."""
        self._columns: dict[Any, Column] = {}

    def chunks(self, leaf: torch.Tensor, index: tuple[int, ...] = ()) -> Any:
        """Chunks of a state vector, remembered as long as the state keeps its tensors."""
        column = self._columns.get((id(leaf), index))
        if column is None:
            column = self._columns[(id(leaf), index)] = Column(
                self.layout, [leaf[index] if index else leaf], whole=True
            )
        return column

    def spare(self, number: int) -> Column:
        """Memory for a vector that lives for one step."""
        while len(self._spares) <= number:
            memory = torch.empty(self.length, dtype=self.dtype, device=self.device)
            self._spares.append(Column(self.layout, [memory], whole=True))
        return self._spares[number]

    def flat(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """A new vector with the numbers of all tensors."""
        return torch.cat([tensor.reshape(-1) for tensor in tensors])

    def scatter(self, flat: torch.Tensor, moves: Sequence[bool]) -> None:
        """Write a vector back to the parameters that may move."""
        pieces = zip(self.params, flat.split(self.lengths), moves, strict=True)
        found = [(p, piece.view_as(p)) for p, piece, move in pieces if move]
        torch._foreach_copy_([p for p, _ in found], [piece for _, piece in found])

    def gradients(self) -> Gradients:
        """The gradients, checked for their kind.

        Raises
        ------
        TypeError
            Sparse gradients, or such of another dtype or device than the parameters.
        """
        found = []
        for p in self.params:
            grad = p.grad
            if grad is None:
                grad = torch.zeros_like(p)
            elif grad.layout is not torch.strided:
                raise TypeError(f"gradients must be dense, got layout {grad.layout}; convert it with grad.to_dense()")
            elif grad.dtype is not self.dtype or grad.device != self.device:
                raise TypeError(
                    f"gradients must be {self.dtype} on {self.device} as their parameters, got one of {grad.dtype} on "
                    f"{grad.device}"
                )
            found.append(grad)
        column, _ = self.layout.column(found, "grads")
        return Gradients(found, [p.grad is not None for p in self.params], column)

    def finite(self, gradients: Gradients) -> bool:
        """Whether all gradients are finite."""
        # A sum is finite only if all its terms are; only a suspicious sum pays for the exact check.
        total = self.kernels.run([Sum(Vec(Leaf(0)))], [gradients.column]).sum()
        return math.isfinite(total) or all(bool(torch.isfinite(grad).all()) for grad in gradients.tensors)

    def step(self, rule: Any, recorded: Any, gradients: Gradients, extras: dict[str, Any]) -> None:
        """One step with gradients that have been checked.

        Parameters
        ----------
        rule : Rule
            For whole tensors; it checks and skips by itself.
        recorded : Rule or None
            The same rule without checks for recorded arrays; None when only whole tensors will do.
        """
        if extras and self.whole is None:
            self.whole = f"an argument {next(iter(extras))}"
        if recorded is not None and self.whole is None:
            try:
                if self.length < SHORT:
                    raise Untraceable("a short vector")
                return self._step_recorded(recorded, gradients)
            except Untraceable as reason:
                self.whole = str(reason)
            except (AttributeError, TypeError, IndexError, NotImplementedError) as reason:
                # Whole tensors either manage what recorded arrays cannot, or raise the error that the user needs.
                self.whole = repr(reason)
        self._step_whole(rule, gradients, extras)

    def _step_whole(self, rule: Any, gradients: Gradients, extras: dict[str, Any]) -> None:
        params, state = rule.step(self.flat(self.params), self.flat(gradients.tensors), self.state, **extras)
        self.scatter(params, gradients.moves)
        if self.whole is None:
            self.set_state(state)
        else:
            self.state = state

    def _step_recorded(self, rule: Any, gradients: Gradients) -> None:
        moves = gradients.moves
        params = self.params if all(moves) else [p if m else p.clone() for p, m in zip(self.params, moves, strict=True)]
        column, copies = self.layout.column(params, "params")
        engine = Engine(self, column, gradients.column, self.state)
        _lazy._current.append(engine)
        try:
            with np.errstate(all="ignore"):  # small arrays are silent about infinities and NaN, as tensors are
                new_params, new_state = rule.step(engine.params, engine.grad, engine.state)
            self.state = engine.finish(new_params, new_state, self.state)
        finally:
            _lazy._current.pop()
        for first, last, memory in copies:
            pieces = memory.split(self.lengths[first:last])
            found = [(self.params[i], piece) for i, piece in zip(range(first, last), pieces, strict=True) if moves[i]]
            if found:
                torch._foreach_copy_([p for p, _ in found], [piece.view_as(p) for p, piece in found])


class Gradients(NamedTuple):
    """Gradients of a unit (zero where there is none), which parameters have one, and their chunks."""

    tensors: list[torch.Tensor]
    moves: list[bool]
    column: Column
