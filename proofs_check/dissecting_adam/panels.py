"""The runs behind the claims on figure 2: one scan over starts, noise levels, spectra and orientations.

Scaling delta and nu by one constant scales every run of either method by it, so only r = s / nu matters (and nothing
but the noise-free problem itself when nu = 0). One scan over r therefore answers for every nu and s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..claim import Budget

RATIOS = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4)
NOISE_FREE = float("inf")


@dataclass(frozen=True)
class Panel:
    """log10 suboptimality at the horizons, arrays of shape (len(horizons), starts, seeds), in units of nu^2.

    ``starts`` holds r = s / nu; for the noise-free problem it is one entry, infinity, and the unit is s^2.
    """

    horizons: tuple[int, ...]
    starts: tuple[float, ...]
    gradient: np.ndarray
    sign: np.ndarray

    def at(self, values: np.ndarray, horizon: int, start: float) -> np.ndarray:
        """Values of all seeds at one horizon and start."""
        return values[self.horizons.index(horizon), self.starts.index(start)]


def seeds(budget: Budget) -> int:
    """Number of seeds: independent spectra, rotations, starts and noise."""
    return budget.pick(8, 32)


def horizons(rotated: bool, noisy: bool, budget: Budget) -> tuple[int, ...]:
    """Numbers of steps looked at; quick runs of rotated noisy problems, the expensive ones, stop at 100."""
    return (1, 10, 50, 100) if rotated and noisy and budget is Budget.QUICK else (1, 10, 50, 100, 500)


@cache
def panel(spectrum: str, rotated: bool, noisy: bool, budget: Budget) -> Panel:
    """Runs of both methods on one problem of figure 2; quick scans every other start of ``RATIOS``.

    Parameters as for :func:`scan`.
    """
    starts = (NOISE_FREE,) if not noisy else budget.pick(RATIOS[::2], RATIOS)
    return scan(spectrum, rotated, noisy, seeds(budget), starts, horizons(rotated, noisy, budget))


def scan(
    spectrum: str, rotated: bool, noisy: bool, count: int, starts: tuple[float, ...], steps: tuple[int, ...]
) -> Panel:
    """Runs of both methods on one problem of figure 2.

    Parameters
    ----------
    spectrum : {"well", "ill"}
    rotated, noisy : bool
    count : int
        Number of seeds.
    starts : tuple of float
        r = s / nu; ``(NOISE_FREE,)`` where not noisy.
    steps : increasing tuple of int
        Horizons.

    Both orientations start from the same coordinates in the eigenbasis, so from the same value.
    """
    from quadratics import (
        StochasticQuadratic,
        compare_directions,
        ill_conditioned_eigenvalues,
        random_rotation,
        well_conditioned_eigenvalues,
    )

    dim = 100
    rng = np.random.default_rng(2018)
    draw = {"well": well_conditioned_eigenvalues, "ill": ill_conditioned_eigenvalues}[spectrum]
    values = draw(dim, rng, batch=(count,))
    rotation: Any = random_rotation(dim, rng, batch=(count,))
    unit = rng.standard_normal((1, count, dim))
    scale = np.array([1.0 if not noisy else r for r in starts])[:, None, None]
    if rotated:
        hessian = (rotation * values[:, None, :]) @ np.swapaxes(rotation, -1, -2)
        unit = (rotation @ unit[..., None])[..., 0]
    else:
        hessian = values[:, :, None] * np.eye(dim)
    problem = StochasticQuadratic(hessian, np.zeros((count, dim)), 1.0 if noisy else 0.0)
    runs = compare_directions(problem, scale * unit, steps[-1], np.random.default_rng(7))
    with np.errstate(divide="ignore"):
        chosen = [np.log10(np.maximum(np.asarray(run)[list(steps)], 1e-300)) for run in (runs.gradient, runs.sign)]
    return Panel(steps, starts, *chosen)


def interval(hits: int, count: int) -> tuple[float, float]:
    """95 % Wilson interval of a proportion."""
    from scipy.stats import binomtest

    found = binomtest(hits, count).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
