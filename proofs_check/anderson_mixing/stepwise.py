"""Update rules of Anderson mixing against the transcription, step by step from the rule's own history.

Every step is compared with 40 digits from the points and gradients that the rule has seen, which are exact numbers: no
error travels from step to step. What one step may lose is told beforehand by the perturbation theory of least squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from ..checks.trajectories import random_stream
from ..claim import Budget, Evidence, Sampled, Way, Witness
from .transcription import Delta, adaptive, constant, one_step

DELTAS: dict[str, Delta | None] = {"none": None, "constant": constant, "adaptive": adaptive}
EPS = float(np.finfo(float).eps)
DECIDED = 1e-3  # a step whose possible loss exceeds this share of its length tells nothing

REPLAY = """
import numpy as np
from fractions import Fraction
from proofs_check.anderson_mixing import stepwise
hyper = {k: float(Fraction(v)) for k, v in witness["hyper"].items()}
points, residuals = (list(np.array(witness[k])) for k in ("points", "residuals"))
kind = (witness[k] for k in ("memory", "delta", "penalty"))
again = stepwise.transcribed_in_floats(points, residuals, hyper, *kind)
violated = float(np.linalg.norm(again - np.array(witness["found"]))) > witness["bound"]
"""


@dataclass(frozen=True)
class SameSteps:
    """Every step of ``rule`` is that of Algorithm 1 with the named regularisation, to within what rounding may cost.

    Attributes
    ----------
    rule : callable
        Hyperparameters to an update rule.
    hyper : sequence of mappings
        Hyperparameters as "p/q" strings; with ``mu`` line 9 is on.
    delta : {"none", "constant", "adaptive"}
    penalty : {"points", "identity"}
    """

    rule: Callable[[Mapping[str, float]], Any]
    hyper: Sequence[Mapping[str, str]]
    delta: Literal["none", "constant", "adaptive"]
    penalty: Literal["points", "identity"] = "points"
    memory: int = 3
    sizes: Sequence[int] = (1, 2, 5, 7)


class _Problem(NamedTuple):
    """The least squares problem of one step, with columns of length one."""

    stack: np.ndarray
    scale: np.ndarray
    big_x: np.ndarray
    big_r: np.ndarray
    values: np.ndarray


def _problem(
    points: Any, residuals: Any, hyper: Mapping[str, float], memory: int, delta: str, penalty: str
) -> _Problem:
    big_x, big_r = (np.stack([b - a for a, b in pairwise(v[-memory - 1 :])], axis=1) for v in (points, residuals))
    blocks, rule = [big_r], DELTAS[delta]
    if rule is not None:
        root = float(rule(residuals[-1], big_x[:, -1], hyper)) ** 0.5
        blocks.append(root * (big_x if penalty == "points" else np.eye(big_x.shape[1])))
    stack = np.concatenate(blocks)
    lengths = np.linalg.norm(stack, axis=0)
    scale = 1 / np.where(lengths > 0, lengths, 1.0)
    return _Problem(stack * scale, scale, big_x, big_r, np.linalg.svd(stack * scale, compute_uv=False))


def transcribed_in_floats(
    points: Any, residuals: Any, hyper: Mapping[str, float], memory: int, delta: str, penalty: str
) -> np.ndarray:
    """The step in double precision, by NumPy's least squares and dense eigenvalues."""
    x, r, beta, alpha = points[-1], residuals[-1], hyper["beta"], hyper.get("alpha", 1.0)
    if len(points) == 1:
        return x + beta * r
    p = _problem(points, residuals, hyper, memory, delta, penalty)
    inverse = p.scale[:, None] * np.linalg.pinv(p.stack, rcond=max(p.stack.shape) * EPS)[:, : len(r)]
    half = (p.big_x + beta * p.big_r) @ inverse
    if "mu" in hyper:
        largest = float(np.linalg.eigvalsh(half + half.T)[-1])
        bound = 2 * beta * (1 - hyper["mu"])
        alpha = bound / largest if alpha * largest > bound else alpha
    return x + beta * r - alpha * (half @ r)


def loss(points: Any, residuals: Any, hyper: Mapping[str, float], memory: int, delta: str, penalty: str) -> float:
    """What a backward stable step may lose, absolutely.

    Columns of length one, ``s`` the singular values above ``max(shape) eps``, ``kappa = s_1 / s_r``, ``c = 10 (d +
    m)``. The coefficients lose ``c eps (kappa |g| + kappa^2 |rest| / s_1)`` (Wedin), the damping of line 9 a relative
    ``c eps kappa |Y| / (s_r lambda)``, all sums ``c eps`` of their terms.
    """
    x, r, beta, alpha = points[-1], residuals[-1], hyper["beta"], hyper.get("alpha", 1.0)
    plain = float(np.linalg.norm(x) + beta * np.linalg.norm(r))
    if len(points) == 1:
        return 10 * len(x) * EPS * plain
    p = _problem(points, residuals, hyper, memory, delta, penalty)
    unit = 10 * (len(x) + p.big_x.shape[1]) * EPS
    kept = p.values[p.values > max(p.stack.shape) * EPS * p.values[0]] if p.values[0] > 0 else p.values[:0]
    if not len(kept):
        return unit * plain
    kappa = float(kept[0] / kept[-1])
    right = np.concatenate([r, np.zeros(len(p.stack) - len(r))])
    g = np.linalg.pinv(p.stack, rcond=max(p.stack.shape) * EPS) @ right
    rest = float(np.linalg.norm(right - p.stack @ g))
    columns = float(np.linalg.norm((p.big_x + beta * p.big_r) * p.scale) + np.linalg.norm(p.big_x * p.scale))
    size = float(np.linalg.norm(g))
    total = plain + alpha * columns * (size + kappa * size + kappa**2 * rest / float(kept[0]))
    if "mu" in hyper:
        total += alpha * (columns * size) * kappa * columns / float(kept[-1]) / (2 * beta * (1 - hyper["mu"]))
    return unit * total


def _streams(statement: SameSteps, budget: Budget) -> Iterator[tuple[Mapping[str, str], Any, Any]]:
    rng = np.random.default_rng(7)
    for n in statement.sizes:
        for hyper in statement.hyper:
            for _ in range(budget.pick(1, 2)):
                gradients = np.array(random_stream(n, budget.pick(20, 60), rng), dtype=float)
                yield hyper, gradients, rng.integers(-16, 17, n) / 8.0


def same_steps(statement: SameSteps, budget: Budget) -> list[Evidence]:
    """All steps of all streams whose possible loss is small beside their length; the others are counted."""
    import mpmath

    lift = np.vectorize(mpmath.mpf, otypes=[object])
    memory, compared, beyond, worst = statement.memory, 0, 0, 0.0
    for hyper, gradients, start in _streams(statement, budget):
        numbers = {k: float(Fraction(v)) for k, v in hyper.items()}
        rule = statement.rule(numbers)
        state, points, residuals = rule.init(start), [start], []
        for gradient in gradients:
            found, state = rule.step(points[-1], gradient, state)
            residuals.append(-gradient)
            held = points[-memory - 1 :], residuals[-memory - 1 :]
            bound = loss(*held, numbers, memory, statement.delta, statement.penalty)
            if bound > DECIDED * np.linalg.norm(found - points[-1]):
                beyond += 1
            else:
                compared += 1
                with mpmath.workdps(40):
                    big_x, big_r = ([lift(v) for v in side] for side in held)
                    big = {k: mpmath.mpf(v) for k, v in numbers.items()}
                    digits = one_step(big_x, big_r, big, memory, DELTAS[statement.delta], statement.penalty)
                    exact = digits.astype(float)
                gap = float(np.linalg.norm(found - exact))
                worst = max(worst, gap / bound)
                if gap > bound:
                    again = transcribed_in_floats(*held, numbers, memory, statement.delta, statement.penalty)
                    point = {
                        "hyper": dict(hyper), "memory": memory, "delta": statement.delta, "penalty": statement.penalty,
                        "points": np.array(held[0]).tolist(), "residuals": np.array(held[1]).tolist(),
                        "found": found.tolist(), "bound": bound,
                    }  # fmt: skip
                    first = Way("distance to the 40-digit step", gap, "==", 0.0, bound)
                    second = Way(
                        "distance to a least squares step", float(np.linalg.norm(found - again)), "==", 0.0, bound
                    )
                    return [Witness(point, first, second, REPLAY)]
            points.append(found)
    data = {"largest share of the possible loss": worst, "steps beyond double precision": beyond}
    effort = "slack: 1 - largest share of the loss that rounding may cause"
    return [Sampled("steps against a 40-digit transcription", compared, 0, 1 - worst, effort, data)]
