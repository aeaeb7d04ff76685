"""Update rules against exact transcriptions, on streams of rational gradients or along a given gradient field."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import optassay.optimizers

from ..claim import Budget, Evidence, Sampled, Way, Witness

Path = Sequence[Sequence[Any]]
FIELD_STEPS = 25  # a closed loop may amplify rounding without bound: the comparison ends before that
REPLAY = """
from proofs_check.checks.trajectories import again
found, expected = again(witness)
violated = abs(found - expected) > 1e-12 * (1 + abs(expected))
"""


@dataclass(frozen=True)
class SamePath:
    """A rule and a transcription that are said to give the same trajectory.

    Attributes
    ----------
    rule : callable
        Hyperparameters of an instance to an update rule.
    exact : callable
        ``(gradients, theta0, hyperparameters)`` on mpmath numbers to the path; with ``field`` the first argument is a
        :class:`Field`.
    hyper : sequence of mappings
        Hyperparameters as "p/q" strings.
    streams : callable
        ``(n, steps, rng)`` to gradients (steps, n) of rationals; default: dense random ones.
    sizes : sequence of int
        Numbers of elements.
    field : callable, optional
        Gradient at a vector of any numbers: the rule then takes its gradients there (and, if it looks at a second
        point, is handed the function).
    """

    rule: Callable[[Mapping[str, float]], Any]
    exact: Callable[[Any, Sequence[Any], Mapping[str, Any]], Path]
    hyper: Sequence[Mapping[str, str]]
    sizes: Sequence[int] = (1, 2, 5)
    streams: Callable[[int, int, np.random.Generator], list[list[Fraction]]] | None = None
    field: Callable[[Sequence[Any]], list[Any]] | None = None


class Field(NamedTuple):
    """A gradient function and for how many steps to follow it."""

    gradient: Callable[[Sequence[Any]], list[Any]]
    steps: int


def random_stream(n: int, steps: int, rng: np.random.Generator) -> list[list[Fraction]]:
    """Rational gradients k/16 of very different sizes per element."""
    scale = 4 ** (np.arange(n) % 3)
    return [[Fraction(int(k), 16) for k in row * scale] for row in rng.integers(-20, 21, (steps, n))]


def sparse_stream(n: int, steps: int, rng: np.random.Generator) -> list[list[Fraction]]:
    """The same with leading zero gradients and an element that never gets one (n > 1)."""
    rows = random_stream(n, steps, rng)
    rows[:2] = [[Fraction(0)] * n] * 2
    return [[Fraction(0) if n > 1 and k == 0 else g for k, g in enumerate(row)] for row in rows]


def run_rule(rule: Any, theta: Sequence[Any], grads: Path) -> np.ndarray:
    """The rule's trajectory in float64, (steps, n)."""
    params = np.array([float(x) for x in theta])
    state, path = rule.init(params), []
    for g in grads:
        params, state = rule.step(params, np.array([float(x) for x in g]), state)
        path.append(params)
    return np.stack(path)


def run_in_field(rule: Any, theta: Sequence[Any], field: Field) -> np.ndarray:
    """The rule's trajectory in float64 where the gradients come from the points it visits, (steps, n)."""

    def gradient(x: np.ndarray) -> np.ndarray:
        return np.array([float(v) for v in field.gradient([float(v) for v in x])])

    params = np.array([float(x) for x in theta])
    state, path = rule.init(params), []
    extra = {"gradient_fn": gradient} if "gradient_fn" in inspect.signature(rule.step).parameters else {}
    for _ in range(field.steps):
        params, state = rule.step(params, gradient(params), state, **extra)
        path.append(params)
    return np.stack(path)


def same_path(statement: SamePath, budget: Budget) -> list[Evidence]:
    """Compare all instances; a difference above rounding becomes a witness."""
    worst, count = 0.0, 0
    for hyper, grads, theta in _instances(statement, budget):
        numbers = {k: float(Fraction(v)) for k, v in hyper.items()}
        field = None if statement.field is None else Field(statement.field, FIELD_STEPS)
        rule = statement.rule(numbers)
        found = run_rule(rule, theta, grads) if field is None else run_in_field(rule, theta, field)
        path = _in_40_digits(statement.exact, field, grads, theta, numbers)
        gap = np.abs(found - np.array(path))
        scale = 1.0 + np.abs(np.array(path))
        worst = max(worst, float(np.max(gap / scale)))
        count += 1
        if not worst <= 1e-12:
            at = tuple(int(k) for k in np.unravel_index(int(np.argmax(gap / scale)), gap.shape))
            floats = statement.exact(field or _floats(grads), _floats([theta])[0], numbers)
            expected, second = path[at[0]][at[1]], float(floats[at[0]][at[1]])
            return [
                Witness(
                    point={
                        "rule": recorded(rule),
                        "hyper": numbers,
                        "start": list(theta),
                        "gradients": [] if field else grads[: at[0] + 1],
                        "field": _place(statement.field),
                        "transcription": _place(statement.exact),
                        "entry": list(at),
                        "values": [float(found[at]), expected],
                    },
                    first=Way("40-digit transcription", float(found[at]), "==", expected, margin=1e-12),
                    second=Way("float64 transcription", float(found[at]), "==", second, margin=1e-11),
                    replay=REPLAY,
                )
            ]
    return [
        Sampled(
            "trajectories against 40-digit transcription",
            count,
            0,
            1e-12 - worst,
            f"{count} runs, largest relative difference {worst:.1e}",
            {"largest relative difference": worst},
        )
    ]


def _in_40_digits(exact: Any, field: Field | None, grads: Path, theta: Sequence[Any], numbers: Any) -> Path:
    import mpmath

    with mpmath.workdps(40):
        # The rule sees hyperparameters rounded to float64: the transcription gets the same ones.
        lifted = {k: mpmath.mpf(v) for k, v in numbers.items()}
        big = [[mpmath.mpf(g.numerator) / g.denominator for g in row] for row in grads]
        start = [mpmath.mpf(x.numerator) / x.denominator for x in theta]
        return [[float(x) for x in row] for row in exact(field or big, start, lifted)]


# --- a recorded difference, run again ---


def recorded(value: Any) -> Any:
    """A rule (or schedule) of the library as plain data, name and hyperparameters; numbers and names as they are."""
    if not is_dataclass(value):
        return value
    return {"name": type(value).__name__, "options": {f.name: recorded(getattr(value, f.name)) for f in fields(value)}}


def _rebuilt(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    options = {name: _rebuilt(option) for name, option in value["options"].items()}
    return getattr(optassay.optimizers, value["name"])(**options)


def _place(function: Any) -> str:
    """``module:name`` of a function that can be imported, else nothing."""
    name = getattr(function, "__qualname__", "<")
    return "" if "<" in name else f"{function.__module__}:{name}"


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def again(witness: Mapping[str, Any]) -> tuple[float, float]:
    """The entry of a recorded difference, by the rule and by the transcription, both run again.

    A transcription without an importable name gives its recorded number.
    """
    rule, (step, element) = _rebuilt(witness["rule"]), witness["entry"]
    theta = [Fraction(x) for x in witness["start"]]
    grads = [[Fraction(g) for g in row] for row in witness["gradients"]]
    field = Field(_imported(witness["field"]), FIELD_STEPS) if witness["field"] else None
    found = run_rule(rule, theta, grads) if field is None else run_in_field(rule, theta, field)
    expected = witness["values"][1]
    if witness["transcription"]:
        exact = _imported(witness["transcription"])
        expected = _in_40_digits(exact, field, grads, theta, witness["hyper"])[step][element]
    return float(found[step, element]), float(expected)


def _floats(rows: Path) -> list[list[float]]:
    return [[float(x) for x in row] for row in rows]


def _instances(statement: SamePath, budget: Budget) -> Iterator[tuple[Mapping[str, str], Path, list[Fraction]]]:
    rng = np.random.default_rng(7)
    make = statement.streams or random_stream
    for n in statement.sizes:
        for hyper in statement.hyper:
            for _ in range(budget.pick(1, 5)):
                grads = make(n, budget.pick(25, 120), rng)
                yield hyper, grads, [Fraction(int(k), 8) for k in rng.integers(-16, 17, n)]
