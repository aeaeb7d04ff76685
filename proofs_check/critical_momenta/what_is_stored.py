"""Sections 3 and 4: what a buffer stores against where the square is taken, apart from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from analysis.escape import in_flat_basin
from analysis.toys import Method, Starts

from ..checks.orderings import Ordering, Pair, Study
from ..claim import Budget, Evidence, Exact
from . import plain
from .escape import ALL
from .toy_runs import Arm, values
from .transcription import Buffer

# --- the numerator ---

SLOW = ((2, 3), (-3, 2), (4, -1), (3, 3), (-4, 2), (3, -2), (5, 1), (-3, 4), (4, 4), (-5, 2), (4, 3), (3, -4))
WILD = ((40, 3), (-3, 1), (1, -1), (30, 3), (-1, 2), (3, -2), (50, 1), (-3, 1), (1, 4), (-50, 2), (1, 3), (3, -4))


@dataclass(frozen=True)
class SameNumerator:
    """With gradients ``stream`` and decay 1/2 what Adam+CM divides by the root is what Adam+CG divides by its own.

    No gradient of ``SLOW`` is as short as half the one before; some of ``WILD`` are.
    """

    stream: Sequence[tuple[int, int]]


def numerators_agree(statement: SameNumerator, budget: Budget) -> list[Evidence]:
    """The aggregate of averages against the average of aggregates, zeros in place of what is not stored yet.

    While the buffer holds the last C, m_t + (1/C) sum_k m_{t-k}, k = 1..C, obeys the recursion of the average of
    g_t + (1/C) sum_k g_{t-k}: each of its terms does so with its own gradient, those of s <= 0 too, as 0 = 0. Decided
    is that the priority rule brings this about on the stream.
    """
    del budget
    steps = {
        f"C = {capacity}, beta = {b}, every step": _paths_agree(statement.stream, capacity, b)
        for capacity in (1, 2, 5)
        for b in (Fraction(1, 2), Fraction(9, 10))
    }
    return [Exact("rational", steps, instances=len(steps))]


def _paths_agree(stream: Sequence[tuple[int, int]], size: int, beta: Fraction) -> bool:
    """Both numerators by the priority rule with the key |g|^2 and the decay 1/4 of squares, in rationals."""
    gradients, momenta = (Buffer(size, Fraction(1, 4)) for _ in range(2))
    m, average = [Fraction(0)] * 2, [Fraction(0)] * 2
    for row in stream:
        g = [Fraction(x) for x in row]
        key = sum(x * x for x in g)
        m = [beta * a + (1 - beta) * b for a, b in zip(m, g, strict=True)]
        a = [x + y for x, y in zip(g, gradients.mean("capacity", g), strict=True)]
        average = [beta * x + (1 - beta) * y for x, y in zip(average, a, strict=True)]
        if [x + y for x, y in zip(m, momenta.mean("capacity", m), strict=True)] != average:
            return False
        gradients.offer(key, g)
        momenta.offer(key, m)
    return True


# --- runs ---

Kind = Literal["CM", "CG", "CG, squares of the average"]
KINDS: tuple[Kind, ...] = ("CM", "CG", "CG, squares of the average")
BY_STORE, BY_SQUARE = "by what is stored", "by the place of the square"


@dataclass(frozen=True)
class Setting:
    """Runs on (9): D, C, lambda and s."""

    dim: int
    capacity: int
    decay: float
    sharpness: float


def _average_squared(setting: Setting, start: np.ndarray) -> np.ndarray:
    """Adam+CG, end points after 500 steps, with v averaging the squares of the average that the step takes."""
    x, size, s = start.copy(), setting.capacity, setting.sharpness
    average, v = np.zeros_like(x), np.zeros_like(x)
    held, keys = np.zeros((size, *x.shape)), np.zeros((size, len(x)))
    one = np.arange(len(x))
    for t in range(1, 501):
        g = np.where(x**2 <= s * (x - 1) ** 2, 2 * x, 2 * s * (x - 1))
        average = 0.9 * average + 0.1 * (g + held.sum(axis=0) / size)
        v = 0.99 * v + 0.01 * average**2
        key = np.sqrt(np.sum(g**2, axis=1))
        slot = np.full(len(x), t - 1) if t <= size else np.argmin(keys, axis=0)
        taken = (key > keys[slot, one]) | (t <= size)
        held[slot[taken], one[taken]] = g[taken]
        keys[slot[taken], one[taken]] = key[taken]
        keys *= setting.decay
        x = x - 0.05 * average / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
    return x


@lru_cache(maxsize=64)
def reached(kind: Kind, setting: Setting, count: int) -> np.ndarray:
    """Which runs end in the flat basin: of the library's rules, or of the changed one."""
    if kind == "CG, squares of the average":
        start = Starts(-5.0, 5.0, setting.dim, count).points()
        return np.asarray(in_flat_basin(_average_squared(setting, start), setting.sharpness), dtype=float)
    name: Any = f"Adam+{kind}"
    method, s = Method(name, capacity=setting.capacity, decay=setting.decay), setting.sharpness
    # In one dimension all s of the figures run in one batch, as everywhere else.
    family = ALL if setting.dim == 1 and s in ALL else (s,)
    return values(Arm(method, "wells", -5.0, 5.0, "basin", setting.dim, 500, s, family, within=0.1), count, 0)


def _parts(found: Mapping[Kind, np.ndarray]) -> dict[str, np.ndarray]:
    """The lead of Adam+CM over Adam+CG in two parts, and the three outcomes."""
    middle = found["CG, squares of the average"]
    outcomes: dict[str, np.ndarray] = {kind: found[kind] for kind in KINDS}
    return outcomes | {BY_STORE: found["CM"] - middle, BY_SQUARE: middle - found["CG"]}


@lru_cache(maxsize=64)
def _reached_again(kind: Kind, setting: Setting, count: int, seed: int) -> np.ndarray:
    start = np.random.default_rng([seed, setting.dim, 77]).uniform(-5, 5, (count, setting.dim))
    name: Any = f"Adam+{kind[:2]}"
    options = (("square", "average"),) if kind not in ("CM", "CG") else ()
    method = asdict(Method(name, capacity=setting.capacity, decay=setting.decay)) | {"options": options}
    s = setting.sharpness
    end = plain.ends(plain.well_gradient(s), start, method, 500)
    return np.all(end < np.sqrt(s) / (1 + np.sqrt(s)), axis=-1).astype(float)


def again(larger: Mapping[str, Any], smaller: Mapping[str, Any], count: int, seed: int) -> tuple[float, float, float]:
    """The same by the plain code from other starts."""
    setting = Setting(**larger["setting"])
    parts = _parts({kind: _reached_again(kind, setting, count, seed) for kind in KINDS})
    a, b = parts[larger["of"]], parts[smaller["of"]]
    error = float((a - b).std(ddof=1) / np.sqrt(count))
    return float(a.mean()), float(b.mean()), error or 1.0 / count


REPLAY = """
from proofs_check.critical_momenta.what_is_stored import again
a, b, _ = again(witness["larger"], witness["smaller"], witness["count"], witness["seed"])
violated = a - b - witness["least"] <= -witness["margin"] * (1 - 1e-9)
"""


def larger_part(
    order: Sequence[Pair], settings: Sequence[Setting], counts: tuple[int, int], least: float = 0.0
) -> Ordering:
    """The mean of the first exceeds that of the second, for each pair of ``order`` and in each setting."""
    names = {
        f"{of}, s = {x.sharpness:g}, D = {x.dim}, ({x.capacity}, {x.decay:g})": (of, x)
        for x in settings
        for of in (BY_STORE, BY_SQUARE, *KINDS)
    }
    label = {value: name for name, value in names.items()}

    def sample(wanted: tuple[str, ...], count: int, seed: int) -> dict[str, np.ndarray]:
        del seed
        return {
            name: _parts({kind: reached(kind, names[name][1], count) for kind in KINDS})[names[name][0]]
            for name in wanted
        }

    study = Study(
        sample=sample,
        again=lambda a, b, count, seed: again(_record(names[a]), _record(names[b]), count, seed),
        record=lambda name: _record(names[name]),
        replay=REPLAY,
    )
    return Ordering(study, tuple((label[a, x], label[b, x]) for x in settings for a, b in order), counts, least)


def _record(named: tuple[str, Setting]) -> dict[str, Any]:
    return {"of": named[0], "setting": asdict(named[1])}
