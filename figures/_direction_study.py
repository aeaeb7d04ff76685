"""SGD against stochastic sign descent on the stochastic quadratics of "Dissecting Adam", section 2.2: the numbers.

Every seed is a problem of its own: its spectrum, rotation, start and noise. The axis-aligned and the rotated problem of
a seed share spectrum and start (in coordinates of the eigenbasis), so that they differ in the orientation alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .registry import FigureData, Level

DIM = 100
ENTROPY = 1705  # with the indices of spectrum and batch, the seed of all draws
BATCH = 32  # seeds that advance together: their tables of pair probabilities stay within quadratics' memory limit
SPECTRA = ("well-conditioned", "ill-conditioned")
BASES = ("rotated", "axis-aligned")
PROBLEMS = tuple(f"{spectrum}, {basis}" for spectrum in SPECTRA for basis in BASES)
NOISE = (0.0, 0.1, 4.0)
DIRECTIONS = ("SGD", "SSD")
QUANTILES = (0.1, 0.5, 0.9)
CHECKPOINTS = (10, 50, 100, 500)
# Seeds and steps of figure 2; seeds, steps and scales of the scan.
COMPARISON_SIZE = {Level.QUICK: (4, 100), Level.NORMAL: (32, 500), Level.FULL: (128, 2000)}
SCAN_SIZE = {Level.QUICK: (2, 100, 5), Level.NORMAL: (16, 500, 15), Level.FULL: (32, 500, 29)}
SMALLEST = 1e-300  # log10 of a run that arrived exactly


class _Draw(NamedTuple):
    eigenvalues: np.ndarray  # (seeds, d)
    hessians: dict[str, np.ndarray]  # by basis, (seeds, d, d)
    starts: dict[str, np.ndarray]  # by basis, (seeds, d), of scale 1
    noise: dict[str, np.random.SeedSequence]


def _draw(spectrum: str, batch: int, seeds: int) -> _Draw:
    from quadratics import ill_conditioned_eigenvalues, random_rotation, well_conditioned_eigenvalues

    sample = well_conditioned_eigenvalues if spectrum == SPECTRA[0] else ill_conditioned_eigenvalues
    sequences = np.random.SeedSequence([ENTROPY, SPECTRA.index(spectrum), batch]).spawn(5)
    eigenvalues = sample(DIM, sequences[0], batch=(seeds,))
    rotation = random_rotation(DIM, sequences[1], batch=(seeds,))
    start = np.random.default_rng(sequences[2]).standard_normal((seeds, DIM))
    rotated = (rotation * eigenvalues[:, None, :]) @ np.swapaxes(rotation, -1, -2)
    return _Draw(
        eigenvalues,
        {"rotated": rotated, "axis-aligned": eigenvalues[:, :, None] * np.eye(DIM)},
        {"rotated": (rotation @ start[:, :, None])[..., 0], "axis-aligned": start},
        dict(zip(BASES, sequences[3:], strict=True)),
    )


def _batches(seeds: int) -> list[int]:
    return [min(BATCH, seeds - first) for first in range(0, seeds, BATCH)]


def _log_runs(hessian: np.ndarray, start: np.ndarray, noise_std: Any, steps: int, seed: Any) -> np.ndarray:
    """log10 of the suboptimality, shape (2 directions, steps + 1, seeds, settings)."""
    from quadratics import StochasticQuadratic, compare_directions

    problem = StochasticQuadratic(hessian[:, None], np.zeros(DIM), np.asarray(noise_std))
    runs = compare_directions(problem, start, steps, np.random.default_rng(seed))
    return np.log10(np.maximum(np.stack([runs.gradient, runs.sign]), SMALLEST))


def comparison(level: Level) -> FigureData:
    """Figure 2: log10 suboptimality along the runs, by problem, noise level and direction.

    Arrays
    ------
    quantiles : (4 problems, 3 noise levels, 2 directions, 3 quantiles, steps + 1)
    at_checkpoints : (4 problems, 3 noise levels, 2 directions, checkpoints, seeds)
    eigenvalues : (2 spectra, seeds, d)
    """
    seeds, steps = COMPARISON_SIZE[level]
    checkpoints = sorted({step for step in (*CHECKPOINTS, steps) if step <= steps})
    quantiles, at_checkpoints, eigenvalues = [], [], []
    for spectrum in SPECTRA:
        draws = [_draw(spectrum, batch, size) for batch, size in enumerate(_batches(seeds))]
        eigenvalues.append(np.concatenate([draw.eigenvalues for draw in draws]))
        for basis in BASES:
            parts = [
                _log_runs(draw.hessians[basis], draw.starts[basis][:, None], NOISE, steps, draw.noise[basis])
                for draw in draws
            ]
            runs = np.moveaxis(np.concatenate(parts, axis=2), 3, 0)  # noise, direction, step, seed
            quantiles.append(np.moveaxis(np.quantile(runs, QUANTILES, axis=-1), 0, 2))
            at_checkpoints.append(runs[:, :, checkpoints, :])
    arrays = {
        "quantiles": np.stack(quantiles),
        "at_checkpoints": np.stack(at_checkpoints),
        "eigenvalues": np.stack(eigenvalues),
        "checkpoints": np.asarray(checkpoints),
    }
    inputs = {
        "dimension": DIM,
        "problems": list(PROBLEMS),
        "noise levels": list(NOISE),
        "directions": list(DIRECTIONS),
        "quantiles": list(QUANTILES),
        "seeds": seeds,
        "steps": steps,
        "entropy of the seeds": ENTROPY,
        "start": "each coordinate of theta_0 - x* is N(0, 1)",
    }
    return FigureData(arrays, inputs)


def start_scan(level: Level) -> FigureData:
    """How far the sign is ahead as a function of the scale s of the start, in units of the noise nu.

    The model is homogeneous: start and noise multiplied by one number multiply every suboptimality by its square. So
    the gap depends on s / nu alone, and on nothing without noise: one scan serves every noise level.

    Arrays
    ------
    scale : (scales,), s / nu
    gap : (4 problems, checkpoints, scales, seeds), log10 of SGD's suboptimality over SSD's
    gap_without_noise : (4 problems, checkpoints, seeds)
    """
    seeds, steps, count = SCAN_SIZE[level]
    checkpoints = [step for step in CHECKPOINTS if step <= steps]
    scale = 10.0 ** np.linspace(-3, 4, count)
    settings = np.append(scale, 1.0)  # the last one runs without noise
    noise = np.append(np.ones_like(scale), 0.0)
    gaps = []
    for spectrum in SPECTRA:
        draws = [_draw(spectrum, batch, size) for batch, size in enumerate(_batches(seeds))]
        for basis in BASES:
            parts = [
                _log_runs(
                    draw.hessians[basis],
                    settings[:, None] * draw.starts[basis][:, None],
                    noise,
                    steps,
                    draw.noise[basis],
                )
                for draw in draws
            ]
            runs = np.concatenate(parts, axis=2)[:, checkpoints]  # direction, checkpoint, seed, setting
            gaps.append(np.swapaxes(runs[0] - runs[1], 1, 2))
    gap = np.stack(gaps)
    arrays = {
        "scale": scale,
        "gap": gap[:, :, :-1],
        "gap_without_noise": gap[:, :, -1],
        "checkpoints": np.asarray(checkpoints),
    }
    inputs = {
        "dimension": DIM,
        "problems": list(PROBLEMS),
        "seeds": seeds,
        "steps": steps,
        "entropy of the seeds": ENTROPY,
        "quantiles": list(QUANTILES),
    }
    return FigureData(arrays, inputs)
