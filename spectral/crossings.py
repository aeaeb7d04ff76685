"""Where roots of the momentum polynomial cross a circle as the curvature grows: the level sets of the radius.

p(z; x) = A(z) + x B(z) is linear in x = step size * curvature. On |z| = r a root needs x = -A/B, which is real only
where Im(A conj(B)) = 0; with z = r e^(i theta) that is sin(theta) times a polynomial Q in cos(theta) of degree C. Its
roots in [-1, 1], with the two real points z = r and z = -r, are all crossings. NumPy on the host, batched.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pencil(momentum: Floats, buffer_size: int) -> tuple[Floats, Floats]:
    """Coefficients of A and B, lowest degree first, shape (..., max(C, 1) + 2)."""
    beta = np.asarray(momentum, dtype=float)
    size = buffer_size
    degree = max(size, 1) + 1
    a = np.zeros((*beta.shape, degree + 1))
    a[..., degree], a[..., degree - 1], a[..., degree - 2] = 1.0, -(1.0 + beta), beta
    b = np.zeros(degree + 1)
    b[degree - 1] = 1.0
    if size:
        b[:size] = 1.0 / size
    return a, b


def crossing_values(radius: Floats, momentum: Floats, buffer_size: int) -> Floats:
    """All x > 0 at which a root lies on |z| = radius, sorted, padded with inf; shape (..., C + 2).

    Parameters
    ----------
    radius, momentum : array (...)
        0 < r, 0 <= beta < 1.
    buffer_size : int
        C >= 1 (classical momentum has closed forms).
    """
    radius, momentum = np.broadcast_arrays(np.asarray(radius, float), np.asarray(momentum, float))
    a, b = pencil(momentum, buffer_size)
    powers = radius[..., None] ** np.arange(a.shape[-1])
    a, b = a * powers, b * powers
    cosines = _colleague_roots(sine_series(a, b))
    real = (np.abs(cosines.imag) < 1e-12) & (np.abs(cosines.real) < 1.0)
    angle = np.arccos(np.clip(cosines.real, -1.0, 1.0))
    ends = np.broadcast_to(np.array([0.0, np.pi]), (*radius.shape, 2))
    angle = np.concatenate([angle, ends], axis=-1)
    real = np.concatenate([real, np.ones((*radius.shape, 2), bool)], axis=-1)
    z = np.exp(1j * angle)
    x = -(_polyval(a, z) * np.conj(_polyval(b, z))).real / np.maximum(np.abs(_polyval(b, z)) ** 2, 1e-300)
    return np.sort(np.where(real & (x > 0), x, np.inf), axis=-1)


def _polyval(coefficients: Floats, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    value = np.zeros_like(z)
    for k in range(coefficients.shape[-1] - 1, -1, -1):
        value = value * z + coefficients[..., k, None]
    return value


def sine_series(a: Floats, b: Floats) -> Floats:
    """Coefficients s_1, s_2, ... of Im(A conj(B)) = sum_n s_n sin(n theta), for coefficients scaled by r^k."""
    length = a.shape[-1]
    series = np.zeros((*a.shape[:-1], length - 1))
    for n in range(1, length):
        series[..., n - 1] = np.sum(a[..., n:] * b[..., : length - n] - a[..., : length - n] * b[..., n:], axis=-1)
    return series


def _colleague_roots(series: Floats) -> NDArray[np.complex128]:
    """Roots in c of sum_k series_k U_k(c), by the colleague matrix of the Chebyshev polynomials U."""
    n = series.shape[-1] - 1
    matrix = np.zeros((*series.shape[:-1], n, n))
    k = np.arange(n - 1)
    matrix[..., k, k + 1] = 0.5
    matrix[..., k + 1, k] = 0.5
    matrix[..., n - 1, :] -= 0.5 * series[..., :-1] / series[..., -1:]
    return np.linalg.eigvals(matrix).astype(complex)
