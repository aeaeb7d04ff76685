"""Element-wise factors that shorten a stochastic direction where its relative variance is high.

Each is a function of the relative standard deviation eta = sigma / |mean|. They are the factors of Balles and Hennig,
"Dissecting Adam: The Sign, Magnitude and Variance of Stochastic Gradients".
"""

from __future__ import annotations

import math

from .arrays import Array, Context, context, erf


def _relative_std(relative_std: Array) -> tuple[Context, Array]:
    ctx = context(relative_std=relative_std)
    eta = ctx.asarray(relative_std)
    if not bool(ctx.xp.all(eta >= 0)):  # also false for NaN
        raise ValueError("relative_std must be >= 0 (infinity where the mean is zero); some entry is negative or NaN")
    return ctx, eta


def variance_adaptation_factor(relative_std: Array) -> Array:
    r"""The factor ``1 / (1 + eta^2)`` of an unbiased estimate, least in expected squared distance ((14), (16)).

    Parameters
    ----------
    relative_std : array
        eta >= 0, any shape; infinity (mean zero) gives 0.

    Returns
    -------
    array
        Values in [0, 1], of the same shape.

    Raises
    ------
    ValueError
        An entry is negative or NaN.
    """
    return adam_factor(relative_std) ** 2


def adam_factor(relative_std: Array) -> Array:
    r"""The factor ``(1 + eta^2)^(-1/2)`` that Adam applies to the sign of its average ((6), (7)).

    Parameters, result and errors as for :func:`variance_adaptation_factor`.
    """
    ctx, eta = _relative_std(relative_std)
    # hypot does not overflow where eta^2 would.
    return 1.0 / ctx.xp.hypot(ctx.asarray(1.0), eta)


def sign_adaptation_factor(relative_std: Array) -> Array:
    r"""The factor ``erf(1 / (sqrt(2) eta)) = 2 rho - 1`` of the sign of a Gaussian estimate ((8), (15)).

    Parameters, result and errors as for :func:`variance_adaptation_factor`; eta = 0 gives 1.
    """
    ctx, eta = _relative_std(relative_std)
    one = ctx.asarray(1.0)
    noisy = eta > 0
    return ctx.xp.where(noisy, erf(1.0 / (math.sqrt(2.0) * ctx.xp.where(noisy, eta, one))), one)
