"""Exit of a one-dimensional flow with symmetric stable noise from an interval: mean and Laplace transform, no sampling.

``dx = b(x) dt + scale dL`` with ``E exp(i u L_t) = exp(-t |u|^p)`` leaves (low, high), by a jump or (p = 2) through an
end. With A its generator, ``u(x) = E_x Gamma`` solves ``A u = -1`` and ``E_x exp(-rate Gamma) = 1 - rate w(x)`` with
``(rate - A) w = 1``, both zero outside. A is replaced by that of a Markov chain on a grid: jumps to other cells at
the exact rates of the Levy measure, jumps within a cell as diffusion, the drift by central differences or upwind. The
chain's matrix is an M-matrix for every p and drift; three grids and Aitken's extrapolation give the value and its
numerical error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Drift = Callable[[np.ndarray], Any]


class Numeric(NamedTuple):
    """An extrapolated value; ``error`` is its distance from the finest grid's, or that grid's from the one before."""

    value: float
    error: float


def tail_constant(index: float) -> float:
    """``C`` in the Levy measure ``nu(|y| > r) = C r^(-p)`` of the stable motion: ``2 Gamma(p) sin(pi p/2) / pi``.

    At index 2 there are no jumps and it is 0.

    Raises
    ------
    ValueError
        ``index`` outside (0, 2].
    """
    _check_index(index)
    return 0.0 if index == 2 else 2.0 * math.gamma(index) * math.sin(0.5 * math.pi * index) / math.pi


def small_noise_rate(scale: float, index: float, low: float, high: float) -> float:
    """Rate of jumps from 0 that leave (low, high): ``scale^p C ((-low)^(-p) + high^(-p)) / 2``.

    One over it is the mean exit time in the limit of small noise of a flow that rests at 0 (Imkeller and Pavlyukevich,
    2006), for ``index`` below 2; the exit time is then exponential.
    """
    _check(scale, index, low, high)
    return scale**index * tail_constant(index) * ((-low) ** -index + high**-index) / 2.0


def mean_exit_time(
    drift: Drift, scale: float, index: float, low: float, high: float, start: float = 0.0, cells: int = 800
) -> Numeric:
    """``E Gamma`` from ``start``.

    Parameters
    ----------
    drift : callable
        ``b`` at an array of points.
    scale, index : float
        Noise; ``index`` in (0, 2].
    low, high : float
        The interval around 0, with ``low < start < high``.
    cells : int
        Of the finest grid, a multiple of 4; the matrix is dense.

    Raises
    ------
    ValueError
        A start outside, ends that do not enclose 0, an index outside (0, 2], a scale that is not positive, or cells
        that are no positive multiple of 4.
    """
    return _extrapolated(drift, scale, index, low, high, start, cells, 0.0)


def exit_laplace(
    drift: Drift,
    scale: float,
    index: float,
    low: float,
    high: float,
    rate: float,
    start: float = 0.0,
    cells: int = 800,
) -> Numeric:
    """``E exp(-rate Gamma)`` from ``start``, for ``rate >= 0``; see :func:`mean_exit_time`."""
    if rate < 0:
        raise ValueError(f"rate must not be negative, got {rate}")
    found = _extrapolated(drift, scale, index, low, high, start, cells, rate)
    return Numeric(1.0 - rate * found.value, rate * found.error)


def _extrapolated(
    drift: Drift, scale: float, index: float, low: float, high: float, start: float, cells: int, rate: float
) -> Numeric:
    _check(scale, index, low, high)
    if not low < start < high:
        raise ValueError(f"start must lie in ({low}, {high}), got {start}")
    if cells < 4 or cells % 4:
        raise ValueError(f"cells must be a positive multiple of 4, got {cells}")
    coarse, middle, fine = (
        _chain(drift, scale, index, low, high, start, n, rate) for n in (cells // 4, cells // 2, cells)
    )
    first, second = middle - coarse, fine - middle
    # Aitken's step where the differences fall; otherwise the grids do not converge and the error says so.
    step = second**2 / (first - second) if abs(second) < abs(first) else second
    return Numeric(fine + step, max(abs(step), abs(second)))


def _chain(
    drift: Drift, scale: float, index: float, low: float, high: float, start: float, cells: int, rate: float
) -> float:
    """``w(start)`` for ``(rate - A) w = 1`` on one grid."""
    from scipy.linalg import toeplitz

    h = (high - low) / cells
    x = low + h * np.arange(1, cells)
    strength, tail = scale**index, tail_constant(index)
    # Levy measure of |y| > r is tail r^-p, half of it on either side; cells are centred at multiples of h.
    edges = (np.arange(cells) + 0.5) * h
    beyond = tail / 2 * edges**-index
    jumps = -strength * np.diff(beyond)[: cells - 2]
    matrix = toeplitz(np.concatenate([[0.0], -jumps]))
    inner = 1.0 if index == 2 else index * tail / 2 * (h / 2) ** (2 - index) / (2 - index)
    diffusion, b = strength * inner / h**2, drift(x)
    # Central differences where the diffusion keeps the rates positive, upwind elsewhere.
    extra = np.maximum(np.abs(b) / (2 * h) - diffusion, 0.0)
    right, left = diffusion + extra + b / (2 * h), diffusion + extra - b / (2 * h)
    k = np.arange(cells - 1)
    matrix[k[:-1], k[1:]] -= right[:-1]
    matrix[k[1:], k[:-1]] -= left[1:]
    matrix[k, k] = 2 * strength * beyond[0] + left + right + rate
    return float(np.interp(start, x, np.linalg.solve(matrix, np.ones(cells - 1))))


def _check_index(index: float) -> None:
    if not 0 < index <= 2:
        raise ValueError(f"index must lie in (0, 2], got {index}")


def _check(scale: float, index: float, low: float, high: float) -> None:
    _check_index(index)
    if scale <= 0:
        raise ValueError(f"scale must be positive, got {scale}")
    if not low < 0 < high:
        raise ValueError(f"low and high must lie on either side of 0, got {low} and {high}")
