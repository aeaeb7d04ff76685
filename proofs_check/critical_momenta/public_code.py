"""The published code against algorithm 1, and what CM costs next to CG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np

from optassay.optimizers import AdamCriticalGradients, AdamCriticalMomenta

from ..checks.search import ForAll, for_all
from ..checks.trajectories import SamePath, random_stream, same_path
from ..claim import Budget, Claim, Evidence, Exact, Part
from .algorithms import COMMON, SETTINGS, _root, buffer, moments
from .transcription import Buffer, Reading, adam, adam_cg, adam_cm

# --- the published code ---


def _algorithm(source: Any, theta: Any, h: Any) -> Any:
    return adam_cm(source, theta, _root, h, buffer(h), Reading())


def _code(source: Any, theta: Any, h: Any, pieces: bool) -> Any:
    """``Adam_CM``: mean of the stored, nothing but storing at step 1, key summed over the tensors' norms."""
    tensors = (slice(0, 1), slice(1, None)) if pieces and len(theta) > 1 else (slice(None),)
    return adam_cm(source, theta, _root, h, buffer(h), Reading(mean="fill", start="gradient"), tensors=tensors)


def _adam_cg_fill(source: Any, theta: Any, h: Any) -> Any:
    return adam_cg(source, theta, _root, h, buffer(h), Reading(mean="fill"))


@dataclass(frozen=True)
class Agreement:
    """Two computations said to agree over the first ``steps`` of a stream of ``n`` elements."""

    left: Callable[[Any, Any, Any], Any]
    right: Callable[[Any, Any, Any], Any]
    sizes: Sequence[int]


REPLAY_CODE = """
from proofs_check.critical_momenta.public_code import _apart, CODE_PRINTED
violated = _apart(CODE_PRINTED, witness["n"], witness["steps"], 30) > 1e-9
"""


def _apart(pair: Agreement, n: int, steps: int, digits: int) -> float:
    """Largest difference of a coordinate between the two over the stream."""
    import mpmath

    with mpmath.workdps(digits):
        grads = [[mpmath.mpf(g.numerator) / g.denominator for g in row] for row in _stream(n, steps)]
        h = {k: mpmath.mpf(Fraction(v).numerator) / Fraction(v).denominator for k, v in COMMON.items()}
        paths = [side(grads, [mpmath.mpf(1)] * n, h) for side in (pair.left, pair.right)]
        return max(float(abs(a - b)) for x, y in zip(*paths, strict=True) for a, b in zip(x, y, strict=True))


def _stream(n: int, steps: int) -> list[list[Fraction]]:
    return random_stream(n, steps, np.random.default_rng(5))


def code_agrees(statement: Agreement) -> ForAll:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for n in statement.sizes:
            for steps in budget.pick((1, 2, 40), (1, 2, 40, 150)):
                yield {"n": n, "steps": steps}

    return ForAll(
        points=points,
        sides=lambda p: (_apart(statement, p["n"], p["steps"], 40), 0.0),
        relation="<=",
        again=lambda p: (_apart(statement, p["n"], p["steps"], 16), 0.0),
        replay=REPLAY_CODE,
        methods=("40-digit transcriptions", "16-digit transcriptions"),
        margins=(1e-25, 1e-11),
    )


def _read_as_code(source: Any, theta: Any, h: Any) -> Any:
    """Algorithm 1 with the three changes of the repair, along another route: the buffer is handed in pre-filled."""
    import mpmath

    held = Buffer(int(h["size"]), h["decay"])
    first, rest = source[0], source[1:]
    key = mpmath.fsum([abs(first[0]), mpmath.sqrt(mpmath.fsum(x * x for x in first[1:]))])
    held.offer(key, list(first))
    m = [mpmath.mpf(0)] * len(theta)
    v, path = list(m), [list(theta)]
    theta = list(theta)
    for t, g in enumerate(rest, 2):
        m = [h["beta1"] * a + (1 - h["beta1"]) * b for a, b in zip(m, g, strict=True)]
        stored = [vector for _, vector in held.pairs]
        a = [x + mpmath.fsum(column) / len(stored) for x, column in zip(m, zip(*stored, strict=True), strict=True)]
        held.offer(mpmath.fsum([abs(g[0]), mpmath.sqrt(mpmath.fsum(x * x for x in g[1:]))]), m)
        v = [h["beta2"] * x + (1 - h["beta2"]) * y * y for x, y in zip(v, a, strict=True)]
        scale = h["alpha"] / (1 - h["beta1"] ** t)
        down = mpmath.sqrt(1 - h["beta2"] ** t)
        theta = [x - scale * y / (mpmath.sqrt(z) / down + h["eps"]) for x, y, z in zip(theta, a, v, strict=True)]
        path.append(theta)
    return path


CODE_PRINTED = Agreement(lambda s, x, h: _code(s, x, h, True), _algorithm, (1, 3))
CODE_REPAIRED = Agreement(lambda s, x, h: _code(s, x, h, True), _read_as_code, (1, 3))


def _published(**changes: Any) -> SamePath:
    return SamePath(
        rule=lambda h: AdamCriticalMomenta.published(**(moments(h) | {"segments": (1, 4)} | changes)),
        exact=lambda source, theta, h: _code(source, theta, h, True),
        hyper=SETTINGS,
        sizes=(5,),
    )


CODE = Claim(
    id="critical-momenta/public-code",
    location="abstract",
    statement="The public package chandar-lab/CMOptimizer computes algorithm 1.",
    assumptions=("its source of optim.py, Adam_CM with default switches, restated from reading it",),
    parts=(
        Part(
            "the code's trajectories are algorithm 1's",
            for_all,
            printed=code_agrees(CODE_PRINTED),
            broken=code_agrees(Agreement(_algorithm, lambda s, x, h: _code(s, x, h, False), (3,))),
            repair=code_agrees(CODE_REPAIRED),
            repair_note=(
                r"$1/|\mathbf m_c|$ for $1/C$; step 1 only stores the raw $g_1$ (with $m_1=0$, nothing moves, $t$ "
                r"advances); the key is the sum of the tensors' norms"
            ),
            note=(
                "Line by line: same order (aggregate, insert, square, decay, move), same strict comparison, same two "
                "corrections, epsilon outside. Different: step 1, the divisor until the buffer is full, the key for "
                "several tensors, decoupled weight decay. The switch kappa = 0, said to give Adam, fails for lack of a "
                "buffer to decay (read, not run); critical_test = 1, called first-in-first-out, replaces slot 0."
            ),
        ),
        Part(
            "the library's preset of the code against the restated code",
            same_path,
            printed=_published(),
            broken=_published(segments=None),
            bears=False,
            note="The preset also agrees with 17 recorded trajectories of the code to 1e-10 (tests of the optimizers).",
        ),
        Part(
            "Adam+CG: code and (3) differ only in the divisor of the mean (one tensor)",
            same_path,
            printed=SamePath(
                rule=lambda h: AdamCriticalGradients.published(**moments(h)),
                exact=_adam_cg_fill,
                hyper=SETTINGS,
            ),
            broken=SamePath(
                rule=lambda h: AdamCriticalGradients.paper(**moments(h)),
                exact=_adam_cg_fill,
                hyper=SETTINGS,
            ),
            bears=False,
        ),
    ),
)

# --- cost ---


class Counted:
    """A number that counts the arithmetic done with it."""

    count = 0

    def __init__(self, value: float) -> None:
        self.value = value

    def _with(self, other: Any, result: Callable[[float, float], float]) -> Counted:
        Counted.count += 1
        return Counted(result(self.value, other.value if isinstance(other, Counted) else other))

    def __add__(self, other: Any) -> Counted:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Counted:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Counted:
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Counted:
        return self._with(other, lambda a, b: a / b)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Counted:
        return self._with(other, lambda a, b: b - a)

    def __gt__(self, other: Counted) -> bool:
        Counted.count += 1
        return self.value > other.value

    def __lt__(self, other: Counted) -> bool:
        Counted.count += 1
        return self.value < other.value


def _counted_root(x: Counted) -> Counted:
    Counted.count += 1
    return Counted(sqrt(x.value))


CONSTANTS = {"alpha": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
METHODS: dict[str, Callable[[Any, Any, Buffer], Any]] = {
    "Adam": lambda grads, theta, held: adam(grads, theta, _counted_root, CONSTANTS),
    "Adam+CG": lambda grads, theta, held: adam_cg(grads, theta, _counted_root, CONSTANTS, held, Reading()),
    "Adam+CM": lambda grads, theta, held: adam_cm(grads, theta, _counted_root, CONSTANTS, held, Reading()),
}


def operations(method: str, size: int, dim: int, steps: int = 30) -> int:
    """Arithmetic and comparisons of ``steps`` steps from an empty buffer of ``size``, ``dim`` parameters."""
    Counted.count = 0
    grads = [[Counted(float(g)) for g in row] for row in _stream(dim, steps)]
    METHODS[method](grads, [Counted(1.0)] * dim, Buffer(size, 0.7))
    return Counted.count


def stored(method: str, size: int, dim: int) -> int:
    """Numbers that the library's state holds, its running sum and the counter of entries included."""
    rule: Any = {"Adam+CG": AdamCriticalGradients, "Adam+CM": AdamCriticalMomenta}[method](capacity=size)
    state = rule.init(np.zeros(dim))
    inner = state.inner if method == "Adam+CG" else state
    parts = [inner.m, inner.v, state.buffer.keys, *state.buffer.values, state.buffer.total, state.buffer.fill]
    return sum(int(np.size(part)) for part in parts)


@dataclass(frozen=True)
class Cost:
    """One method and what is said of its cost next to another: operations within ``factor``, the same state."""

    method: str
    other: str
    state: Callable[[int, int], int]


def same_cost(statement: Cost, budget: Budget) -> list[Evidence]:
    steps, data = {}, {}
    for size in (1, 5, 20):
        for dim in budget.pick((1, 4), (1, 4, 16)):
            ours, theirs = (operations(name, size, dim) for name in (statement.method, statement.other))
            steps[f"C = {size}, d = {dim}: operations of 30 steps"] = ours == theirs
            steps[f"C = {size}, d = {dim}: numbers in the state"] = stored(
                statement.method, size, dim
            ) == statement.state(size, dim)
            data[f"C = {size}, d = {dim}"] = {name: operations(name, size, dim) for name in METHODS}
    return [Exact("enumeration", steps, data, instances=len(steps))]


def _state(size: int, dim: int) -> int:
    """m, v, C vectors with their keys, their sum and their number."""
    return 2 * dim + size * (dim + 1) + dim + 1


COST = Claim(
    id="critical-momenta/cost-as-cg",
    location="A.2.2",
    statement="CM has the computation and the space cost of CG.",
    assumptions=("key of the gradient; one gradient per step in both",),
    parts=(
        Part(
            "the same number of operations and of stored numbers, for every C and d",
            same_cost,
            printed=Cost("Adam+CM", "Adam+CG", _state),
            broken=Cost("Adam+CM", "Adam", _state),
            note=(
                "The steps are the same operations in another order; the state is 2 d + C (d + 1) numbers in both, and "
                "d + 1 more where the sum is kept. What is chosen differs, so that C may differ at the best settings."
            ),
        ),
        Part(
            "Adam+CG the same way round",
            same_cost,
            printed=Cost("Adam+CG", "Adam+CM", _state),
            broken=Cost("Adam+CG", "Adam+CM", lambda size, dim: 2 * dim),
            bears=False,
            note="Seconds per step over C and d: benchmarks/critical_step.py.",
        ),
    ),
)

CLAIMS = [CODE, COST]
