"""Where each sentence of section 2.2 of "Dissecting Adam" holds: the runs behind its claims, cut by start and horizon.

The sentences and what bears them out are those that the claims are judged by; here each of them is asked of every
start, noise-free or not, and not only of the domain that it speaks of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .registry import FigureData, Level

if TYPE_CHECKING:
    from proofs_check.dissecting_adam.panels import Panel
    from proofs_check.dissecting_adam.sentences import Sentence

# Seeds, every how manieth start, horizons. The full level is the study of the claims to the last bit.
SIZE = {
    Level.QUICK: (4, 3, (10, 50)),
    Level.NORMAL: (24, 1, (1, 10, 50, 100, 500)),
    Level.FULL: (32, 1, (1, 10, 50, 100, 500)),
}


class Row(NamedTuple):
    """A sentence of :mod:`proofs_check.dissecting_adam.sentences` on one orientation (None: both compared)."""

    sentence: str
    rotated: bool | None
    label: str


ROWS = (
    Row("VASTLY", False, "well-conditioned,\naxis-aligned:\nSGD ≥ 1 decade\nahead"),
    Row("VASTLY", True, "well-conditioned,\nrotated:\nSGD ≥ 1 decade\nahead"),
    Row("EVENS", False, "well-conditioned,\naxis-aligned:\nSGD and SSD\nwithin 1 decade"),
    Row("EVENS", True, "well-conditioned,\nrotated:\nSGD and SSD\nwithin 1 decade"),
    Row("LITTLE", None, "well-conditioned:\nSSD rotated and\naxis-aligned\nwithin 1 decade"),
    Row("EQUAL", True, "ill-conditioned,\nrotated:\nSGD and SSD within\nhalf a decade"),
    Row("BENEFIT", None, "ill-conditioned:\nSSD ≥ 1 decade\nlower axis-aligned\nthan rotated"),
    Row("CLEARLY", False, "ill-conditioned,\naxis-aligned:\nSSD ≥ half a decade\nahead"),
)


def sentence_map(level: Level) -> FigureData:
    """Share of seeds that bear each sentence out, with 95 % Wilson intervals.

    Arrays
    ------
    start : (starts,), s / nu; the last one is infinity, no noise
    step : (horizons,)
    gap : (8 rows, horizons, starts, seeds), decades
    share, low, high : (8 rows, horizons, starts)
    asked : (8 rows, horizons, starts), whether the cell is in the domain that the claim is judged on first
    """
    from proofs_check.dissecting_adam import sentences
    from proofs_check.dissecting_adam.panels import NOISE_FREE, RATIOS, interval, scan

    seeds, every, horizons = SIZE[level]
    noisy = RATIOS[::every]
    panels = {
        (spectrum, rotated): (
            scan(spectrum, rotated, True, seeds, noisy, horizons),
            scan(spectrum, rotated, False, seeds, (NOISE_FREE,), horizons),
        )
        for spectrum in ("well", "ill")
        for rotated in (False, True)
    }
    starts = np.array([*noisy, NOISE_FREE])
    gap, holds, asked = [], [], []
    for row in ROWS:
        sentence = getattr(sentences, row.sentence)
        gap.append(_gap(sentence, row.rotated, panels))
        holds.append(sentence.holds(gap[-1]))
        inside = (starts >= sentence.starts[0]) & (starts <= sentence.starts[1])
        asked.append(np.isin(horizons, sentence.horizons)[:, None] & inside)
    hits = np.sum(holds, axis=-1)
    bounds = np.array([interval(int(k), seeds) for k in range(seeds + 1)])
    arrays = {
        "start": starts,
        "step": np.array(horizons),
        "gap": np.stack(gap),
        "share": hits / seeds,
        "low": bounds[hits, 0],
        "high": bounds[hits, 1],
        "asked": np.stack(asked),
    }
    return FigureData(arrays, {"seeds": seeds, "dimension": 100, "sentences": [row.sentence for row in ROWS]})


def _gap(sentence: Sentence, rotated: bool | None, panels: dict[tuple[str, bool], tuple[Panel, Panel]]) -> np.ndarray:
    """The sentence's gap, shape (horizons, starts, seeds), the noise-free problem last."""

    def values(turned: bool, method: str) -> np.ndarray:
        return np.concatenate([getattr(panel, method) for panel in panels[sentence.spectrum, turned]], axis=1)

    if rotated is None:
        return values(True, "sign") - values(False, "sign")
    return values(rotated, "sign") - values(rotated, "gradient")
