"""Fused evaluation of elementwise expressions over chunks of flat tensors, in place.

An expression over vectors (`Vec`) is a graph whose leaves are columns: the parameters, the gradient, rows of the state.
`Kernels.run` turns a graph into one Python loop over chunks that calls PyTorch's in-place and ``out=`` kernels, so that
temporaries stay in the processor's cache. Its source depends on the structure of the graph only: scalars are arguments.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from . import _compiled
from ._expressions import BOOLEAN, Leaf, Untraceable, Value, Vec, full

_NAMES = (
    "mul",
    "add",
    "addcmul",
    "addcdiv",
    "div",
    "sqrt",
    "lerp",
    "dot",
    "sum",
    "where",
    "full_like",
    "count_nonzero",
)
_GLOBALS = {name: getattr(torch, name) for name in _NAMES} | {"t": torch}


class Store(NamedTuple):
    """Write a vector over a leaf."""

    leaf: int
    value: Value


class Sum(NamedTuple):
    """Sum the entries of a vector (or count those of a condition that hold)."""

    value: Vec


class _Instruction(NamedTuple):
    out: int
    operands: tuple[int, ...]
    text: str  # with {0}, {1}, ... for operands and {out}
    boolean: bool


class Kernels:
    """Loops by structure: the second step of a rule finds its loop ready.

    Parameters
    ----------
    scratch : callable
        ``scratch(number, boolean)`` gives a column of temporaries.
    sizes : sequence of int
        Lengths of the chunks.
    compiled : bool
        Compile loops, if the machine has a C compiler.
    compile_at : int
        At which use: a loop that is used once or twice does not repay it.
    """

    def __init__(self, scratch: Any, sizes: Sequence[int], compiled: bool, compile_at: int = 3) -> None:
        self._scratch = scratch
        self._sizes = (ctypes.c_long * len(sizes))(*sizes)
        self._compile_at = compile_at if compiled else None
        self._cache: dict[Any, _Loop] = {}
        self._backwards = False

    def run(self, outputs: Sequence[Store | Sum], leaves: Sequence[Any]) -> np.ndarray:
        """Evaluate; stores are done in place, sums are returned per chunk, (chunks, sums), in double precision.

        Parameters
        ----------
        leaves : sequence of columns
            Column i has the chunks of leaf i, as tensors in ``chunks`` and as addresses in ``pointers``.
        """
        key, scalars = _structure(outputs)
        loop = self._cache.get(key[:2])
        if loop is None:
            loop = self._cache[key[:2]] = _Loop(*_compile(key))
        loop.uses += 1
        columns = [leaves[i] for i in key[2]]
        if loop.uses == self._compile_at:
            loop.compiled = _compiled.load(_compiled.source(key, leaves[0].bases[0].dtype))
        scales = [output.value.scale for output in outputs if isinstance(output, Sum)]
        if loop.compiled is not None:
            # The other way than the loop before: it finds in the cache what that one read last.
            totals = _compiled.call(loop.compiled, columns, self._sizes, scalars, len(scales), self._backwards)
            self._backwards = not self._backwards
        else:
            chunks = [column.chunks for column in columns]
            chunks += [self._scratch(i, False) for i in range(loop.reals)]
            chunks += [self._scratch(i, True) for i in range(loop.booleans)]
            first = chunks[0][0]
            consts = tuple(torch.scalar_tensor(scalars[i], dtype=first.dtype, device=first.device) for i in key[3])
            sums: list[torch.Tensor] = []
            loop.function(chunks, scalars, consts, sums.append)
            if not scales:
                return np.zeros((0, 0))
            totals = torch.stack(sums).reshape(-1, len(scales)).to("cpu", torch.float64).numpy()
        return totals * np.asarray(scales)


class _Loop:
    """A loop in PyTorch's kernels, and its compiled form once there is one."""

    def __init__(self, function: Any, reals: int, booleans: int) -> None:
        self.function, self.reals, self.booleans = function, reals, booleans
        self.compiled: Any = None
        self.uses = 0


def _structure(outputs: Sequence[Store | Sum]) -> tuple[Any, tuple[float, ...]]:
    """(nodes, outputs, used leaves, scalars that must be tensors), and the scalars."""
    number: dict[int, int] = {}
    rows: list[Any] = []
    used: dict[int, int] = {}
    scalars: list[float] = []
    consts: list[int] = []
    keep: list[Any] = []

    def visit(node: Any) -> int:
        if type(node) is Leaf:
            found = used.get(node.column)
            if found is None:
                found = used[node.column] = len(rows)
                rows.append(("leaf", (), 0))
            return found
        if node.op == "held":
            return visit(node.args[0])
        found = number.get(id(node))
        if found is not None:
            return found
        args = tuple([arg if type(arg) is str else visit(arg) for arg in node.args])
        first = len(scalars)
        scalars.extend(node.scalars)
        if node.scalars and ("const" in args or node.op == "affine"):
            consts.append(first)
            if node.op == "where" and args[1:] == ("const", "const"):
                consts.append(first + 1)
        number[id(node)] = len(rows)
        rows.append((node.op, args, first))
        return len(rows) - 1

    targets: list[Any] = []
    for output in outputs:
        if isinstance(output, Sum):
            targets.append(("sum", visit(output.value.node), -1))
        elif isinstance(output.value, Vec):
            node = full(output.value)
            keep.append(node)
            targets.append(("store", visit(node), output.leaf))
        else:
            scalars.append(float(output.value))
            targets.append(("fill", len(scalars) - 1, output.leaf))
    for _, _, leaf in targets:
        if leaf >= 0 and leaf not in used:
            used[leaf] = len(rows)
            rows.append(("leaf", (), 0))
    key = (tuple(rows), tuple((k, n, used.get(leaf, -1)) for k, n, leaf in targets), tuple(used), tuple(consts))
    return key, tuple(scalars)


def _compile(key: Any) -> tuple[Any, int, int]:
    """The loop of a structure, and how many real and boolean temporaries it needs."""
    rows, targets, used, consts = key
    instructions, resolved = _instructions(rows, targets, consts)
    leaf_rows = [i for i, row in enumerate(rows) if row[0] == "leaf"]
    place = {row: f"c{k}" for k, row in enumerate(leaf_rows)}

    end = len(instructions)
    last: dict[int, int] = {}
    for k, instruction in enumerate(instructions):
        for operand in instruction.operands:
            last[operand] = k
    defined = {instruction.out: k for k, instruction in enumerate(instructions)}
    moves: list[tuple[int, int]] = []
    for kind, node, _leaf in resolved:
        if kind != "fill" and node in defined:
            last[node] = max(last.get(node, -1), end if kind == "store" else last.get(node, -1))
        if kind == "store" and node in place:
            last[node] = end
    direct: dict[int, int] = {}
    for kind, node, leaf in resolved:
        if kind != "store" or node == leaf:
            continue
        if node in defined and node not in direct and last.get(leaf, -1) <= defined[node]:
            direct[node] = leaf
        else:
            moves.append((node, leaf))

    lines: list[str] = []
    free: dict[bool, list[str]] = {False: [], True: []}
    count = {False: 0, True: 0}
    home: dict[int, tuple[bool, str]] = {}
    names = dict(place)
    for k, instruction in enumerate(instructions):
        operands = [names[operand] for operand in instruction.operands]
        for operand in set(instruction.operands):
            if last[operand] == k and operand in home:
                boolean, register = home.pop(operand)
                free[boolean].append(register)
        out = ""
        if "{out}" in instruction.text:
            if instruction.out in direct:
                out = place[direct[instruction.out]]
            else:
                pool = free[instruction.boolean]
                if pool:
                    out = pool.pop()
                else:
                    out = f"{'b' if instruction.boolean else 'r'}{count[instruction.boolean]}"
                    count[instruction.boolean] += 1
                home[instruction.out] = (instruction.boolean, out)
            names[instruction.out] = out
        lines.append(instruction.text.format(*operands, out=out))
    # Moves between leaves read before anything overwrites them; a chain of them would need more care.
    sources = {node for node, _ in moves if node in place}
    if any(leaf in sources for node, leaf in moves if node in place):
        raise Untraceable("a cycle of copies between state entries")
    for node, leaf in sorted(moves, key=lambda move: move[0] not in place):
        lines.append(f"{place[leaf]}.copy_({names[node]})")
    lines += [f"{place[leaf]}.fill_(s[{scalar}])" for kind, scalar, leaf in resolved if kind == "fill"]

    variables = [place[row] for row in leaf_rows]
    variables += [f"r{i}" for i in range(count[False])] + [f"b{i}" for i in range(count[True])]
    body = "\n        ".join(lines) or "pass"
    source = f"def kernel(columns, s, k, total):\n    for {', '.join(variables)}, in zip(*columns):\n        {body}\n"
    scope: dict[str, Any] = {}
    exec(compile(source, "<optassay kernel>", "exec"), dict(_GLOBALS), scope)
    assert len(used) == len(leaf_rows)
    return scope["kernel"], count[False], count[True]


def _instructions(rows: Any, targets: Any, consts: Any) -> tuple[list[_Instruction], Any]:
    """Calls in order, products and quotients merged into the sums that use them."""
    uses = [0] * len(rows)
    for _, args, _ in rows:
        for arg in args:
            if arg != "const":
                uses[arg] += 1
    for kind, node, _ in targets:
        if kind == "store" or kind == "sum":
            uses[node] += 1
    summed = {node for kind, node, _ in targets if kind == "sum"}
    temporary = iter(range(len(rows), 4 * len(rows) + 8))
    tensor = {scalar: f"k[{i}]" for i, scalar in enumerate(consts)}

    def mergeable(node: int) -> bool:
        return rows[node][0] in ("mul", "div") and uses[node] == 1

    merged: set[int] = set()
    for op, args, _ in rows:
        if op in ("axpy", "axpby"):
            base, other = args
            if mergeable(other):
                merged.add(other)
            elif op == "axpby" and mergeable(base):
                merged.add(base)
    merged |= {node for node in summed if rows[node][0] == "mul" and uses[node] == 1}

    out: list[_Instruction] = []

    def emit(node: int, operands: tuple[int, ...], text: str, boolean: bool = False) -> None:
        out.append(_Instruction(node, operands, text, boolean))

    for node, (op, args, first) in enumerate(rows):
        if op == "leaf" or node in merged:
            continue
        if op in ("axpy", "axpby"):
            base, other = args
            alpha = first
            if op == "axpby":
                scale, alpha = first, first + 1
                if other not in merged and base in merged:
                    base, other, scale, alpha = other, base, alpha, scale
                held = next(temporary)
                emit(held, (base,), f"mul({{0}}, s[{scale}], out={{out}})")
                base = held
            if other in merged:
                call, (p, q) = rows[other][0], rows[other][1]
                emit(node, (base, p, q), f"addc{call}({{0}}, {{1}}, {{2}}, value=s[{alpha}], out={{out}})")
            else:
                emit(node, (base, other), f"add({{0}}, {{1}}, alpha=s[{alpha}], out={{out}})")
        elif op == "affine":
            emit(node, args, f"add({tensor[first]}, {{0}}, alpha=s[{first + 1}], out={{out}})")
        elif op == "shift":
            emit(node, args, f"add({{0}}, s[{first}], out={{out}})")
        elif op == "scale":
            emit(node, args, f"mul({{0}}, s[{first}], out={{out}})")
        elif op == "lerp":
            emit(node, args, f"lerp({{0}}, {{1}}, s[{first}], out={{out}})")
        elif op == "eq_number":
            emit(node, args, f"t.eq({{0}}, s[{first}], out={{out}})")
        elif op == "pow":
            emit(node, args, f"t.pow({{0}}, s[{first}], out={{out}})")
        else:
            texts: list[str] = []
            operands: list[int] = []
            scalar = first
            for arg in args:
                if arg == "const":
                    texts.append(tensor[scalar])
                    scalar += 1
                else:
                    texts.append(f"{{{len(operands)}}}")
                    operands.append(arg)
            emit(node, tuple(operands), f"t.{op}({', '.join(texts)}, out={{out}})", op in BOOLEAN)
    for kind, node, _ in targets:
        if kind != "sum":
            continue
        op, args, _ = rows[node]
        target = next(temporary)
        if node in merged:
            emit(target, args, "total(dot({0}, {1}))")
        elif op in BOOLEAN:
            emit(target, (node,), "total(count_nonzero({0}))")
        else:
            emit(target, (node,), "total(sum({0}))")
    return out, targets
