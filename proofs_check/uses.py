"""Which public functions a claim's check computes with, read from its code without running it."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .claim import Claim

FLOORS = ("optassay", "quadratics", "spectral", "analysis")


def functions_used(claim: Claim) -> frozenset[str]:
    """Qualified names of functions and classes of the floors below that the claim's checks and statements refer to.

    Follows functions, closures, containers and dataclasses of the claim packages; what stands in a branch that a run
    does not take counts as well.
    """
    walk = _Walk()
    for part in claim.parts:
        for item in (part.check, part.printed, part.broken, part.repair, part.sound):
            walk.visit(item)
    return frozenset(walk.found)


class _Walk:
    def __init__(self) -> None:
        self.found: set[str] = set()
        self._seen: set[int] = set()
        self._kept: list[Any] = []  # else an id could be given out twice

    def visit(self, item: Any) -> None:
        if item is None or isinstance(item, str | bytes | int | float | complex) or id(item) in self._seen:
            return
        self._seen.add(id(item))
        self._kept.append(item)
        if isinstance(item, functools.partial):
            self._all([item.func, *item.args, *item.keywords.values()])
        elif isinstance(item, FunctionType | type) and _ours(item):
            self.found.add(f"{item.__module__}.{item.__qualname__}")
        elif isinstance(item, FunctionType):
            self._function(item)
        elif isinstance(item, Mapping):
            self._all([*item.keys(), *item.values()])
        elif isinstance(item, list | tuple | set | frozenset):
            self._all(item)
        elif isinstance(item, Callable) and hasattr(item, "__wrapped__"):  # type: ignore[arg-type]
            self.visit(item.__wrapped__)
        elif hasattr(item, "__self__") and hasattr(item, "__func__"):
            self._all([item.__self__, item.__func__])
        elif not isinstance(item, type | ModuleType):
            self._instance(item)

    def _all(self, items: Iterable[Any]) -> None:
        for item in items:
            self.visit(item)

    def _instance(self, item: Any) -> None:
        kind = type(item)
        if _ours(kind):
            self.found.add(f"{kind.__module__}.{kind.__qualname__}")
        elif kind.__module__.partition(".")[0] == "proofs_check":
            self._all(vars(item).values() if hasattr(item, "__dict__") else ())

    def _function(self, function: FunctionType) -> None:
        if (function.__module__ or "").partition(".")[0] in sys.stdlib_module_names:
            return
        self._all(function.__defaults__ or ())
        self._all((function.__kwdefaults__ or {}).values())
        for cell in function.__closure__ or ():
            try:
                self.visit(cell.cell_contents)
            except ValueError:  # an empty cell
                continue
        self._code(function.__code__, function.__globals__)

    def _code(self, code: CodeType, scope: dict[str, Any]) -> None:
        module: str | None = None
        for step in dis.get_instructions(code):
            if step.opname == "IMPORT_NAME":
                module = step.argval
            elif step.opname == "IMPORT_FROM" and module is not None:
                self._imported(module, step.argval)
            elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                value = scope.get(step.argval)
                if isinstance(value, ModuleType):
                    self._attributes(value, code.co_names)
                elif value is not None and (_ours(value) or _claims(value)):
                    self.visit(value)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._code(constant, scope)

    def _imported(self, module: str, name: str) -> None:
        if module.partition(".")[0] in FLOORS:
            self.visit(getattr(import_module(module), name, None))

    def _attributes(self, module: ModuleType, names: Iterable[str]) -> None:
        if module.__name__.partition(".")[0] in (*FLOORS, "proofs_check"):
            self._all(value for name in names if _ours(value := getattr(module, name, None)) or _claims(value))


def _home(item: Any) -> str:
    module = getattr(item, "__module__", None) or getattr(type(item), "__module__", None) or ""
    return str(module).partition(".")[0]


def _ours(item: Any) -> bool:
    return isinstance(item, FunctionType | type) and _home(item) in FLOORS


def _claims(item: Any) -> bool:
    return _home(item) == "proofs_check" or isinstance(item, dict | list | tuple | functools.partial)
