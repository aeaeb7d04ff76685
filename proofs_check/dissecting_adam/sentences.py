"""Judging a sentence about figure 2: over a domain of starts and horizons, by the share of seeds that bear it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..claim import Budget, Evidence, Sampled, Way, Witness
from .panels import NOISE_FREE, RATIOS, interval, panel


@dataclass(frozen=True)
class Sentence:
    """A gap in decades of f - f* and the bound that most runs must keep in every cell of a domain.

    Attributes
    ----------
    gap : {"sign - gradient", "rotated - axis-aligned"}
        Methods on one problem, or sign descent on the two orientations.
    spectrum : {"well", "ill"}
    test : {"at least", "at most", "within"}
    decades : float
    horizons : tuple of int
    starts : (low, high)
        Range of r = s / nu; infinity is the problem without noise.
    orientations : tuple of bool
        Rotated or not; ignored where the gap compares them.
    """

    gap: Literal["sign - gradient", "rotated - axis-aligned"]
    spectrum: Literal["well", "ill"]
    test: Literal["at least", "at most", "within"]
    decades: float
    horizons: tuple[int, ...]
    starts: tuple[float, float]
    orientations: tuple[bool, ...] = (False, True)

    def holds(self, gap: np.ndarray) -> np.ndarray:
        """Which runs bear the sentence out."""
        if self.test == "within":
            return np.abs(gap) <= self.decades
        return gap >= self.decades if self.test == "at least" else gap <= self.decades


@dataclass(frozen=True)
class Cell:
    """One start and horizon on one orientation (None: both compared), with the gaps of all seeds."""

    start: float
    horizon: int
    rotated: bool | None
    gap: np.ndarray

    @property
    def name(self) -> str:
        where = {None: "orientations compared", True: "rotated", False: "axis-aligned"}[self.rotated]
        return (
            f"{where}, "
            + ("nu = 0" if self.start == NOISE_FREE else f"s = {self.start:g} nu")
            + f", t = {self.horizon}"
        )


def cells(sentence: Sentence, budget: Budget) -> Iterator[Cell]:
    """All cells of the domain that the budget scans."""
    low, high = sentence.starts
    for noisy in (False, True):
        if (noisy and low == NOISE_FREE) or (not noisy and high != NOISE_FREE):
            continue
        if sentence.gap == "sign - gradient":
            for rotated in sentence.orientations:
                p = panel(sentence.spectrum, rotated, noisy, budget)
                for start in p.starts:
                    if low <= start <= high:
                        for t in set(sentence.horizons) & set(p.horizons):
                            yield Cell(start, t, rotated, p.at(p.sign, t, start) - p.at(p.gradient, t, start))
        else:
            axis, turned = (panel(sentence.spectrum, rotated, noisy, budget) for rotated in (False, True))
            for start in axis.starts:
                if low <= start <= high:
                    for t in set(sentence.horizons) & set(axis.horizons) & set(turned.horizons):
                        yield Cell(start, t, None, turned.at(turned.sign, t, start) - axis.at(axis.sign, t, start))


def judge_sentence(sentence: Sentence, budget: Budget) -> list[Evidence]:
    """Witness: a cell where the 95 % interval of the share lies below one half. Else every cell must lie above it."""
    table, slack, count, short = {}, np.inf, 0, 0
    worst: tuple[float, Cell] | None = None
    for cell in cells(sentence, budget):
        hits = int(sentence.holds(cell.gap).sum())
        low, high = interval(hits, cell.gap.size)
        table[cell.name] = {
            "median gap": round(float(np.median(cell.gap)), 3),
            "range": [round(float(cell.gap.min()), 3), round(float(cell.gap.max()), 3)],
            "share": hits / cell.gap.size,
            "interval": [round(low, 3), round(high, 3)],
        }
        count, slack, short = count + 1, min(slack, low - 0.5), short + (low <= 0.5)
        if high < 0.5 and (worst is None or high < worst[0]):
            worst = (high, cell)
    size = panel(sentence.spectrum, False, False, budget).gradient.shape[-1]
    effort = f"{count} cells (start, horizon, orientation) of {size} seeds each, d = 100"
    evidence: list[Evidence] = [
        Sampled("simulation with Wilson intervals", max(count, 1), short, float(slack), effort, table)
    ]
    if worst is not None:
        evidence.append(_witness(sentence, *worst))
    return evidence


def _witness(sentence: Sentence, high: float, cell: Cell) -> Witness:
    point = {
        "gap": sentence.gap,
        "spectrum": sentence.spectrum,
        "rotated": cell.rotated,
        "nu": 0.0 if cell.start == NOISE_FREE else 1.0,
        "start_std": 1.0 if cell.start == NOISE_FREE else cell.start,
        "steps": cell.horizon,
        "test": sentence.test,
        "decades": sentence.decades,
        "median_gap": float(np.median(cell.gap)),
    }
    left, relation = _compare(sentence, float(np.median(_sampled_gaps(point))))
    return Witness(
        point,
        first=Way("upper end of the 95 % Wilson interval of the share of seeds", high, ">=", 0.5),
        second=Way("median of other seeds, optimal steps from sampled signs", left, relation, sentence.decades),
        replay=REPLAY,
    )


def _compare(sentence: Sentence, gap: float) -> tuple[float, Any]:
    if sentence.test == "within":
        return abs(gap), "<="
    return gap, ">=" if sentence.test == "at least" else "<="


def _sampled_gaps(point: dict[str, Any], seeds: int = 3, draws: int = 300) -> np.ndarray:
    """Gaps of other seeds by a plain loop whose sign steps come from sampled signs, not from orthant probabilities."""
    gaps = []
    for seed in range(seeds):
        rng = np.random.default_rng(100 + seed)
        count = 100
        if point["spectrum"] == "well":
            values = rng.uniform(0.1, 1.1, count)
        else:
            values = np.concatenate([rng.uniform(0, 1, 90), rng.uniform(30, 60, 10)])
        basis, upper = np.linalg.qr(rng.standard_normal((count, count)))
        basis = basis * np.sign(np.diag(upper))
        inner = point["start_std"] * rng.standard_normal(count)
        rotated = (basis * values) @ basis.T, basis @ inner
        axis = np.diag(values), inner
        if point["gap"] == "sign - gradient":
            problem = rotated if point["rotated"] else axis
            ends = [_descend(problem, point["nu"], point["steps"], sign, rng, draws) for sign in (True, False)]
        else:
            ends = [_descend(problem, point["nu"], point["steps"], True, rng, draws) for problem in (rotated, axis)]
        gaps.append(np.log10(max(ends[0], 1e-300)) - np.log10(max(ends[1], 1e-300)))
    return np.array(gaps)


def _descend(
    problem: tuple[np.ndarray, np.ndarray], nu: float, steps: int, sign: bool, rng: np.random.Generator, draws: int
) -> float:
    """f - f* after ``steps`` steps on the problem (Q, delta)."""
    q, delta = problem
    for _ in range(steps):
        slope = q @ delta
        directions = slope - nu * rng.standard_normal((draws if nu else 1, delta.size)) @ q
        if sign:
            directions = np.sign(directions)
        length = np.mean(directions @ slope) / np.mean(np.sum(directions * (directions @ q), axis=-1))
        # A fresh draw for the move, so that the step is not fitted to it.
        move = slope - nu * q @ rng.standard_normal(delta.size)
        delta = delta - length * (np.sign(move) if sign else move)
    return float(delta @ q @ delta / 2)


REPLAY = """
import numpy as np
from quadratics import (StochasticQuadratic, compare_directions, ill_conditioned_eigenvalues, random_rotation,
                        well_conditioned_eigenvalues)
w, n, d = witness, 4, 100
rng = np.random.default_rng(1)
draw = {"well": well_conditioned_eigenvalues, "ill": ill_conditioned_eigenvalues}[w["spectrum"]]
values, turn = draw(d, rng, batch=(n,)), random_rotation(d, rng, batch=(n,))
inner = w["start_std"] * rng.standard_normal((n, d))
def runs(rotated):
    q = (turn * values[:, None, :]) @ np.swapaxes(turn, -1, -2) if rotated else values[:, :, None] * np.eye(d)
    start = (turn @ inner[..., None])[..., 0] if rotated else inner
    return compare_directions(StochasticQuadratic(q, np.zeros((n, d)), w["nu"]), start, w["steps"], 2)
if w["gap"] == "sign - gradient":
    found = runs(w["rotated"])
    gaps = np.log10(found.sign[-1]) - np.log10(np.maximum(found.gradient[-1], 1e-300))
else:
    gaps = np.log10(runs(True).sign[-1]) - np.log10(runs(False).sign[-1])
gap = float(np.median(gaps))
violated = {"within": abs(gap) > w["decades"], "at least": gap < w["decades"], "at most": gap > w["decades"]}[w["test"]]
"""

EVERY_START = (RATIOS[0], NOISE_FREE)

# The sentences of section 2.2, each on the domain that it is judged on first.
VASTLY = Sentence("sign - gradient", "well", "at least", 1.0, (10, 50, 100, 500), (NOISE_FREE, NOISE_FREE))
EVENS = Sentence("sign - gradient", "well", "within", 1.0, (10, 50, 100, 500), (0.0, 10.0))
LITTLE = Sentence("rotated - axis-aligned", "well", "within", 1.0, (10,), EVERY_START)
EQUAL = Sentence("sign - gradient", "ill", "within", 0.5, (10, 50, 100), EVERY_START, (True,))
BENEFIT = Sentence("rotated - axis-aligned", "ill", "at least", 1.0, (10, 50), (10.0, NOISE_FREE))
CLEARLY = Sentence("sign - gradient", "ill", "at most", -0.5, (10, 50, 100), (10.0, NOISE_FREE), (False,))
