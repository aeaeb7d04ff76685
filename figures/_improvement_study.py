"""Expected one-step improvement of the sign against the gradient, I(s) / I(g), exact: the numbers of one figure.

A problem has a geometric spectrum of a given condition number; its error is ``lambda^-p`` times a standard normal in
coordinates of the eigenbasis, brought to root mean square one. The axis-aligned and the rotated problem of a seed share
spectrum and error, so that they differ in the orientation alone.
"""

from __future__ import annotations

import numpy as np

from .registry import FigureData, Level

DIM = 100
SEED = 1712
CONDITIONS = (1.0, 10.0, 100.0, 1000.0)
POWERS = (0.0, 0.5, 1.0)
BASES = ("axis-aligned", "rotated")
QUANTILES = (0.1, 0.5, 0.9)
SIZE = {Level.QUICK: (3, 9), Level.NORMAL: (24, 25), Level.FULL: (64, 41)}  # seeds, noise levels


def noisy_limit(hessian: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Limit of I(s) / I(g) as nu -> infinity, any orientation; shapes (..., d, d) and (..., d).

    ``2 rho - 1 ~ sqrt(2 / pi) |grad_i| / sigma_i`` and ``E[s s^T]`` tends to that of pure noise. For diagonal Q it is
    ``2/pi (sum lambda delta^2)^2 sum lambda^3 / ((sum lambda^2 delta^2)^2 sum lambda)``.
    """
    from quadratics import sign_second_moment

    square = hessian @ hessian
    slope = (hessian @ error[..., None])[..., 0]
    variance = np.diagonal(square, axis1=-2, axis2=-1)  # of the gradient, over nu^2
    pure = sign_second_moment(np.zeros_like(variance), square)
    sign = (2 / np.pi) * np.sum(slope**2 / np.sqrt(variance), axis=-1) ** 2 / np.sum(hessian * pure, axis=(-2, -1))
    gradient = np.sum(slope**2, axis=-1) ** 2 / np.sum(hessian * square, axis=(-2, -1))
    return sign / gradient


def improvement_ratio(level: Level) -> FigureData:
    """I(s) / I(g) over noise, conditioning, orientation and the shape of the error.

    Arrays
    ------
    ratio : (2 bases, 3 powers, 4 condition numbers, noise levels, seeds)
    limit : (2 bases, 3 powers, 4 condition numbers, seeds)
    """
    from quadratics import StochasticQuadratic, expected_improvement, random_rotation

    seeds, count = SIZE[level]
    noise = np.geomspace(1e-2, 1e2, count)
    rng = np.random.default_rng(SEED)
    rotation = random_rotation(DIM, rng, batch=(seeds,))
    normal = rng.standard_normal((seeds, DIM))
    powers = np.array(POWERS)[:, None]
    ratio = np.empty((len(BASES), len(POWERS), len(CONDITIONS), count, seeds))
    limit = np.empty((len(BASES), len(POWERS), len(CONDITIONS), seeds))
    for c, condition in enumerate(CONDITIONS):
        eigenvalues = np.geomspace(1 / condition, 1.0, DIM)
        error = eigenvalues**-powers * normal[:, None]  # seeds, powers, d
        error *= np.sqrt(DIM) / np.linalg.norm(error, axis=-1, keepdims=True)
        turned = (rotation * eigenvalues) @ np.swapaxes(rotation, -1, -2)
        cases = (
            (np.broadcast_to(np.diag(eigenvalues), (seeds, DIM, DIM)), error),
            # the product is symmetric up to rounding only
            ((turned + np.swapaxes(turned, -1, -2)) / 2, error @ np.swapaxes(rotation, -1, -2)),
        )
        for b, (hessian, start) in enumerate(cases):
            problem = StochasticQuadratic(hessian[:, None, None], np.zeros(DIM), noise)
            sign, gradient = (expected_improvement(problem, start[:, :, None], z) for z in ("sign", "gradient"))
            ratio[b, :, c] = np.moveaxis(sign / gradient, 0, -1)
            limit[b, :, c] = noisy_limit(hessian[:, None], start).T
    arrays = {
        "noise": noise,
        "condition": np.array(CONDITIONS),
        "power": np.array(POWERS),
        "ratio": ratio,
        "limit": limit,
    }
    inputs = {"dimension": DIM, "seeds": seeds, "seed": SEED, "quantiles": list(QUANTILES)}
    return FigureData(arrays, inputs)
