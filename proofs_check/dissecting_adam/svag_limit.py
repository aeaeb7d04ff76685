"""Exact propagation of E delta_t^2 under idealised SVAG on one Gaussian coordinate, by quadrature.

With nu = 1, curvature ratio ``a = lambda / L`` and step 1 / L the error obeys ``delta' = delta (1 - a c) + a c xi``,
``c = delta^2 / (1 + delta^2)``, xi standard normal. ``W_k(y) = y^2 E[delta_k^2 | delta_0 = 1/y]`` lies in [0, 1], and
``W_{k+1}(y) = y^2 E[W_k(1/|delta'|) delta'^2]`` is linear: one matrix on a grid in y, applied once a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

WIDEST = 8.5  # standard deviations of xi that are kept; what is beyond weighs 2e-17


@lru_cache(maxsize=8)
def _operator(ratio: float, points: int, nodes: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Grid in y and the matrix W_k -> W_{k+1}, with cubic interpolation in w, y = 2 sinh w."""
    from scipy.sparse import coo_matrix

    w = np.linspace(0.0, np.arcsinh(reach / 2), points)
    y = 2 * np.sinh(w)
    y[0] = 1e-8
    z, weight = np.polynomial.legendre.leggauss(nodes)
    xi = WIDEST * z
    weight = WIDEST * weight * np.exp(-(xi**2) / 2) / np.sqrt(2 * np.pi)
    shrink = 1 / (1 + y * y)
    after = ((1 - ratio * shrink) / y)[:, None] + (ratio * shrink)[:, None] * xi
    mass = weight * (after * y[:, None]) ** 2
    with np.errstate(divide="ignore"):
        target = np.arcsinh(np.minimum(1 / np.abs(after), reach) / 2)
    # Cubic Lagrange interpolation on the uniform grid in w.
    position = target / (w[1] - w[0])
    left = np.clip(np.floor(position).astype(int) - 1, 0, points - 4)
    s = position - left
    basis = (
        -(s - 1) * (s - 2) * (s - 3) / 6,
        s * (s - 2) * (s - 3) / 2,
        -s * (s - 1) * (s - 3) / 2,
        s * (s - 1) * (s - 2) / 6,
    )
    rows = np.broadcast_to(np.arange(points)[:, None], left.shape)
    matrix = sum(
        coo_matrix(((mass * b).ravel(), (rows.ravel(), (left + k).ravel())), shape=(points, points)).tocsr()
        for k, b in enumerate(basis)
    )
    return y, np.asarray(matrix.todense())


def mean_square_error(
    ratio: float, start: float, times: Sequence[int], points: int = 400, nodes: int = 1600, reach: float = 2000.0
) -> np.ndarray:
    """``E delta_t^2 / nu^2`` at the given times for ``delta_0 = start`` (in units of nu).

    Parameters
    ----------
    ratio : float
        ``lambda / L`` in (0, 1].
    start : float
    times : increasing sequence of int
    points, nodes : int
        Grid and quadrature sizes; compare two of them for the error. ``E[delta_k^2 | delta_0]`` dips around 0 over a
        width of ``1 / sqrt(k)``, which the nodes must resolve where ``ratio`` is near one and 0 within reach: 200 of
        them are wrong by 2 % at k = 20 000, 1600 by 0.03 %.
    reach : float
        Largest 1/|delta| kept, far above the square root of the last time.
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio must lie in (0, 1], got {ratio}")
    y, matrix = _operator(ratio, points, nodes, reach)
    values, found, t = np.ones_like(y), [], 0
    for time in times:
        while t < time:
            values = matrix @ values
            t += 1
        found.append(float(np.interp(1 / start, y, values)) * start**2)
    return np.array(found)


def limit_constant(ratio: float) -> float:
    """Limit of ``t E delta_t^2 / nu^2``: 1/delta is asymptotically ``ratio`` times a Bessel process.

    Its dimension is ``3 + 2 / ratio``, so ``E delta_t^2 ~ 1 / (ratio^2 t (1 + 2 / ratio))``.
    """
    return 1 / (ratio * (ratio + 2))
