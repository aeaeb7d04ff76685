"""The toy experiments a second time, in plain NumPy: what a witness of an ordering is replayed with.

It shares no code with the optimizers or the landscapes: the updates are written from the paper's equations with one
buffer array per batch, the functions from their printed formulas, and gradients come by complex steps, Hessians by
differences of those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]  # (..., d), real or complex, to (...)
STEP = 1e-30


def _ackley(p: np.ndarray) -> np.ndarray:
    x, y = p[..., 0], p[..., 1]
    hills = np.exp(0.5 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)))
    return -20 * np.exp(-0.2 * np.sqrt(0.5 * (x * x + y * y))) - hills + np.e + 20


def _mixture(p: np.ndarray) -> np.ndarray:
    x, y = p[..., 0], p[..., 1]
    hills = np.exp(0.5 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)))
    cone = np.exp(-0.2 * np.sqrt(0.5 * (x * x + y * y)))
    return 0.05 * (1 - x) ** 2 + 0.05 * (y - x * x) ** 2 + 0.6 * (cone - hills + np.e)


def _goldstein_price(p: np.ndarray, form: str) -> np.ndarray:
    x, y = p[..., 0], p[..., 1]
    if form == "unit":
        x, y = 4 * x - 2, 4 * y - 2
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y)
    return np.log(a) * (b - 8.693) / 2.427 if form == "printed" else (np.log(a * b) - 8.693) / 2.427


def _levy(p: np.ndarray) -> np.ndarray:
    w = 1 + (p - 1) / 4
    body, tail = w[..., :-1], w[..., -1]
    total = np.sin(np.pi * w[..., 0]) ** 2 + (tail - 1) ** 2 * (1 + np.sin(2 * np.pi * tail) ** 2)
    return total + np.sum((body - 1) ** 2 * (1 + 10 * np.sin(np.pi * body + 1) ** 2), axis=-1)


def _levy_gradient(p: np.ndarray) -> np.ndarray:
    """By hand: complex steps through five squared sines would take most of a study's time."""
    w = 1 + (p - 1) / 4
    z, body, tail = w - 1, w[..., :-1], w[..., -1:]
    slopes = np.concatenate(
        [
            2 * z[..., :-1] * (1 + 10 * np.sin(np.pi * body + 1) ** 2)
            + z[..., :-1] ** 2 * 10 * np.pi * np.sin(2 * np.pi * body + 2),
            2 * z[..., -1:] * (1 + np.sin(2 * np.pi * tail) ** 2)
            + z[..., -1:] ** 2 * 2 * np.pi * np.sin(4 * np.pi * tail),
        ],
        axis=-1,
    )
    slopes[..., 0] += np.pi * np.sin(2 * np.pi * w[..., 0])
    return slopes / 4


FUNCTIONS: dict[str, Function] = {
    "Ackley": _ackley,
    "Ackley+Rosenbrock": _mixture,
    "Goldstein-Price": lambda p: _goldstein_price(p, "scaled"),
    "Goldstein-Price, unit square": lambda p: _goldstein_price(p, "unit"),
    "Goldstein-Price, printed": lambda p: _goldstein_price(p, "printed"),
    "Levy": _levy,
}


def gradient_of(function: Function) -> Function:
    """Gradients (..., d) by complex steps, of Levy's function by hand."""
    if function is _levy:
        return _levy_gradient

    def gradient(p: np.ndarray) -> np.ndarray:
        columns = []
        for i in range(p.shape[-1]):
            shifted = p.astype(complex)
            shifted[..., i] += 1j * STEP
            columns.append(np.imag(function(shifted)) / STEP)
        return np.stack(columns, axis=-1)

    return gradient


def top_eigenvalue(function: Function, p: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Largest Hessian eigenvalues by central differences of the gradient."""
    gradient = gradient_of(function)
    rows = []
    for i in range(p.shape[-1]):
        shift = np.zeros(p.shape[-1])
        shift[i] = h
        rows.append((gradient(p + shift) - gradient(p - shift)) / (2 * h))
    hessian = np.stack(rows, axis=-2)
    return np.linalg.eigvalsh(0.5 * (hessian + np.swapaxes(hessian, -1, -2)))[..., -1]


def well_gradient(s: float) -> Function:
    """Gradient of the two-well function."""
    return lambda p: np.where(p * p <= s * (p - 1) ** 2, 2 * p, 2 * s * (p - 1))


class Seen(NamedTuple):
    """One step of a batch: points (n, d), gradient, new points, buffer (n, C, d) and keys after it; with a buffer the
    vector offered, which runs took it, and the mean over C before it.
    """

    t: int
    before: np.ndarray
    gradient: np.ndarray
    after: np.ndarray
    held: np.ndarray
    keys: np.ndarray
    offered: Any = None
    taken: Any = None
    old_mean: Any = None


Watch = Callable[[Seen], None]


def ends(
    gradient: Function, start: np.ndarray, method: Mapping[str, Any], steps: int, watch: Watch | None = None
) -> np.ndarray:
    """End points (n, d) of a method given by name, hyperparameters and options.

    ``watch`` is handed every step.
    """
    o: dict[str, Any] = {
        "mean": "capacity",
        "order": "aggregate",
        "key": "gradient",
        "decayed": "keys",
        "square": "aggregate",
    }
    o |= {"start": "momentum", "debias": True} | dict(method["options"])
    name, b1, b2 = method["name"], method["beta1"], method["beta2"]
    size, radius = method["capacity"], method["radius"]
    gradients, buffered = "CG" in name, "CG" in name or "CM" in name
    momenta = buffered and not gradients
    p = np.array(start, dtype=float)
    n, d = p.shape
    m, v, one = np.zeros((n, d)), np.zeros((n, d)), np.arange(n)
    # Slots outermost in memory: sums over them are then sums of whole arrays.
    held = np.zeros((max(size, 1), n, d)).swapaxes(0, 1)
    keys, fill = np.full((n, max(size, 1)), -np.inf), np.zeros(n)
    seen: dict[str, Any] = {}

    def offer(key: np.ndarray, value: np.ndarray) -> None:
        slot = np.argmin(keys, axis=1)
        accepted = key > keys[one, slot]
        seen.update(offered=value, taken=accepted, old_mean=held.sum(axis=1) / size)
        fill[accepted & np.isneginf(keys[one, slot])] += 1
        held[one[accepted], slot[accepted]] = value[accepted]
        keys[one[accepted], slot[accepted]] = key[accepted]
        (held if o["decayed"] == "values" else keys)[...] *= method["decay"]

    def with_buffer(value: np.ndarray, key: np.ndarray) -> np.ndarray:
        if size == 0:
            return value
        if o["order"] == "insert":
            offer(key, value)
        count = size if o["mean"] == "capacity" else np.maximum(fill, 1)[:, None]
        total = value + held.sum(axis=1) / count
        if o["order"] == "aggregate":
            offer(key, value)
        return total

    for t in range(1, steps + 1):
        g = raw = gradient(p)
        if "SAM" in name:
            length = np.linalg.norm(g, axis=-1, keepdims=True)
            g = gradient(p + radius * g / np.where(length > 0, length, 1))
        elif "MEG" in name:
            g = gradient(p - method["extrapolation"] * g)
        norm = np.linalg.norm(raw if method["key_at"] == "original" else g, axis=-1)
        c1, c2 = (1 - b1**t, 1 - b2**t) if o["debias"] else (1.0, 1.0)
        if momenta:
            m = b1 * m + (1 - b1) * g
            late = t == 1 and o["start"] == "gradient"  # the first step of the published code only stores
            m = 0 * m if late else m
            key = np.linalg.norm(m, axis=-1) if o["key"] == "momentum" else norm
            if late and size:
                offer(key, g)
            total = m if late else with_buffer(m, key)
            square = total / c1 if o["square"] == "corrected" else total
        else:
            total = with_buffer(g, norm) if gradients else g
            m = b1 * m + (1 - b1) * total
            total, square = m, m if o["square"] == "average" else total
        v = b2 * v + (1 - b2) * square * square
        step = method["step_size"] * (0.1 if method["drop"] is not None and t > method["drop"] else 1.0)
        before = p
        p = p - step * (total / c1) / (np.sqrt(v / c2) + method["epsilon"])
        if watch is not None:
            watch(Seen(t, before, g, p, held, keys, **seen))
    return p


def nine_runs(method: Mapping[str, Any], sharpness: Any, starts: Any, near_zero: bool, steps: int = 500) -> int:
    """How many one-dimensional runs end in the flat basin (or within 0.1 of 0), over all sharpnesses and starts."""
    start, count = np.asarray(starts, dtype=float)[:, None], 0
    for s in sharpness:
        end = ends(well_gradient(s), start, method, steps)[:, 0]
        count += int(np.sum(np.abs(end) <= 0.1 if near_zero else end < np.sqrt(s) / (1 + np.sqrt(s))))
    return count
