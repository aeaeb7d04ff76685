"""What the buffers hold along the toy runs a second time, by the plain code; see :mod:`analysis.toy_buffers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .plain import FUNCTIONS, Function, Seen, ends, gradient_of, well_gradient


def _length(a: np.ndarray) -> np.ndarray:
    return np.sqrt((a * a).sum(axis=-1))


def _directions(function: Function, p: np.ndarray) -> np.ndarray:
    """Eigenvectors (n, d) of the largest Hessian eigenvalue, by differences of the gradient."""
    gradient, rows = gradient_of(function), []
    for i in range(p.shape[-1]):
        shift = np.zeros(p.shape[-1])
        shift[i] = 1e-6
        rows.append((gradient(p + shift) - gradient(p - shift)) / 2e-6)
    hessian = np.nan_to_num(np.stack(rows, axis=-2))
    return np.linalg.eigh(0.5 * (hessian + np.swapaxes(hessian, -1, -2)))[1][..., -1]


def _measures(seen: Seen, function: Function | None) -> dict[str, Callable[[], np.ndarray]]:
    held, keys, old = seen.held, seen.keys, seen.old_mean
    here = np.isfinite(keys)[..., None]
    number = here.sum(axis=(1, 2))
    sizes, mean = _length(held), held.mean(axis=1)
    own = held.sum(axis=1) / number[:, None]

    def variance() -> np.ndarray:
        return (np.where(here, held - own[:, None], 0) ** 2).sum(axis=(1, 2)) / number

    def agreement() -> np.ndarray:
        longest = held[np.arange(len(held)), np.argmax(np.where(here[..., 0], sizes, -1), axis=1)]
        cosine = (held * longest[:, None]).sum(axis=-1) / sizes / _length(longest)[:, None]
        return (np.nansum(cosine, axis=1) - 1) / (np.isfinite(cosine).sum(axis=1) - 1)

    def alignment() -> np.ndarray:
        assert function is not None
        product = np.abs((held * _directions(function, seen.before)[:, None]).sum(axis=-1))
        return np.nanmean(product / np.where(sizes > 0, sizes, np.nan), axis=1)

    def influence() -> np.ndarray:
        change = _length(mean - old)
        return change / (change + _length(seen.offered + old))

    return {
        "ratio": lambda: _length(own) / (sizes.sum(axis=1) / number),
        "variance": variance,
        "relative variance": lambda: variance() / ((sizes**2).sum(axis=1) / number),
        "agreement": agreement,
        "replaced": lambda: seen.taken.astype(float),
        "step": lambda: _length(seen.after - seen.before),
        "turning": lambda: 1 - (mean * old).sum(axis=-1) / _length(mean) / _length(old),
        "left over": lambda: _length(seen.gradient + old) / _length(seen.gradient),
        "alignment": alignment,
        "smaller": lambda: (_length(seen.offered) < _length(seen.gradient)).astype(float),
        "influence": influence,
    }


def buffer_measure(arm: Mapping[str, Any], start: np.ndarray) -> np.ndarray:
    """Mean (count,) of one measure over a window of steps, from given starts (count, d).

    ``arm`` is the JSON record of a :class:`~proofs_check.critical_momenta.toy_runs.BufferArm`.
    """
    function = None if arm["sharpness"] is not None else FUNCTIONS[arm["function"]]
    gradient = well_gradient(arm["sharpness"]) if function is None else gradient_of(function)
    (first, last), points = arm["window"], start
    kept: list[np.ndarray] = []
    path: list[tuple[np.ndarray, np.ndarray]] = []

    def watch(seen: Seen) -> None:
        if path:
            seen = seen._replace(before=path[seen.t - 1][0])
        if first <= seen.t <= last:
            value = _measures(seen, function)[arm["measure"]]()
            if arm["near"]:
                value = np.where(np.all(np.abs(seen.before - 1) < 0.5, axis=-1), value, np.nan)
            kept.append(np.where(np.isfinite(value), value, np.nan))

    with np.errstate(all="ignore"):
        if arm["along"] is not None:
            # First the path, then the buffer that its gradients would have filled.
            ends(gradient, start, arm["along"], last, lambda seen: path.append((seen.before, seen.gradient)))
            met = iter([g for _, g in path])
            ends(lambda p: next(met), points, arm["method"], last, watch)
        else:
            ends(gradient, points, arm["method"], last, watch)
        table = np.stack(kept)
        count = np.isfinite(table).sum(axis=0)
        return np.where(count > 0, np.nansum(table, axis=0) / np.maximum(count, 1), np.nan)


def measures_along(
    function: Function, start: np.ndarray, method: Mapping[str, Any], steps: int, measures: Sequence[str]
) -> dict[str, np.ndarray]:
    """Measures (steps, count) after every step of a method."""
    rows: dict[str, list[np.ndarray]] = {name: [] for name in measures}

    def watch(seen: Seen) -> None:
        found = _measures(seen, function)
        for name, row in rows.items():
            row.append(found[name]())

    with np.errstate(all="ignore"):
        ends(gradient_of(function), start, method, steps, watch)
    return {name: np.stack(row) for name, row in rows.items()}
