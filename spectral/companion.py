"""The linear system behind SGD with critical momenta on a quadratic, and its characteristic polynomial.

With the buffer holding exactly the last C momenta, one step on the loss theta^T H theta / 2 is

    m_t = beta m_{t-1} + H theta_t,    theta_{t+1} = theta_t - alpha (m_t + (m_{t-1} + ... + m_{t-C}) / C)

(critical momenta, section 3.2 and (8), heavy-ball units). C = 0 is classical momentum.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import array_api_compat
import numpy as np

from optassay.arrays import Array, Context, check_finite, context

Convention = Literal["heavy-ball", "ema"]
CONVENTIONS = ("heavy-ball", "ema")


def is_array(value: Any) -> bool:
    """An array of any namespace, and not a NumPy scalar."""
    return bool(array_api_compat.is_array_api_obj(value)) and not isinstance(value, np.generic)


def check_buffer_size(buffer_size: Any) -> int:
    """A non-negative integer, or a clear error."""
    if isinstance(buffer_size, bool) or not isinstance(buffer_size, int | np.integer):
        raise TypeError(f"buffer_size must be an integer >= 0, got {buffer_size!r}")
    if buffer_size < 0:
        raise ValueError(f"buffer_size must be >= 0, got {buffer_size}")
    return int(buffer_size)


def check_momentum(ctx: Context, momentum: Array) -> Array:
    """Momentum in [0, 1) as an array of the context."""
    value = ctx.asarray(momentum)
    if not bool(ctx.xp.all((value >= 0) & (value < 1))):
        raise ValueError(f"momentum must lie in [0, 1), got {momentum!r}")
    return value


def check_momentum_value(momentum: float) -> float:
    """One momentum in [0, 1)."""
    return float(check_momentum(context(momentum=momentum), momentum))


def check_condition_number(ctx: Context, condition_number: Any) -> Array:
    """Finite condition numbers of at least one as an array of the context."""
    kappa = ctx.asarray(condition_number)
    if not bool(ctx.xp.all((kappa >= 1.0) & ctx.xp.isfinite(kappa))):
        raise ValueError(f"condition_number must be a finite number >= 1, got {condition_number!r}")
    return kappa


def check_positive(ctx: Context, value: Any, name: str) -> Array:
    """Positive finite numbers as an array of the context."""
    check_finite(**{name: value})
    array = ctx.asarray(value)
    if not bool(ctx.xp.all(array > 0)):
        raise ValueError(f"{name} must be positive, got {value!r}")
    return array


def check_convention(convention: str) -> None:
    """One of the two conventions of the momentum, or a clear error."""
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")


def gradient_gain(ctx: Context, momentum: Array, convention: str) -> Array:
    """Factor on the gradient in the momentum: 1 in heavy-ball units, 1 - beta for the moving average."""
    check_convention(convention)
    return ctx.xp.ones_like(momentum) if convention == "heavy-ball" else 1.0 - momentum


def critical_momentum_matrix(
    step_size: Any, momentum: Any, hessian: Array, buffer_size: int, convention: Convention = "heavy-ball"
) -> Array:
    """Matrix A of V_{t+1} = A V_t, derived from the recursion.

    The state is V = [theta_{t+1}, theta_t, m_t, ..., m_{t-C+1}] (critical momenta, section 3.2), so A has C + 2 blocks
    a side; for C = 0 it is [theta_{t+1}, theta_t, m_t] with three. The paper prints the last block of the first row
    with a plus sign; the recursion gives a minus.

    Parameters
    ----------
    step_size, momentum : float or array (...)
        alpha > 0 and beta in [0, 1).
    hessian : array (..., d, d)
        Symmetric.
    buffer_size : int
        C >= 0.
    convention : {"heavy-ball", "ema"}
        Whether m_t = beta m_{t-1} + g_t or m_t = beta m_{t-1} + (1 - beta) g_t.

    Returns
    -------
    array (..., n d, n d) with n = max(C, 1) + 2

    Raises
    ------
    ValueError
        A parameter outside its domain, or a Hessian that is not square.
    """
    size = check_buffer_size(buffer_size)
    ctx = context(step_size=step_size, momentum=momentum, hessian=hessian)
    xp = ctx.xp
    check_finite(hessian=hessian)
    if hessian.ndim < 2 or hessian.shape[-1] != hessian.shape[-2]:
        raise ValueError(f"hessian must have shape (..., d, d), got {tuple(hessian.shape)}")
    h = ctx.asarray(hessian)
    beta = check_momentum(ctx, momentum)
    alpha = check_positive(ctx, step_size, "step_size")
    h = h * gradient_gain(ctx, beta, convention)[..., None, None]
    dim = h.shape[-1]
    alpha, beta = alpha[..., None, None], beta[..., None, None]
    batch = xp.broadcast_arrays(alpha, beta, h)[0].shape[:-2]
    identity = xp.broadcast_to(ctx.eye(dim), (*batch, dim, dim))
    zero = xp.zeros_like(identity)
    h = xp.broadcast_to(h, (*batch, dim, dim))
    share = 1.0 / size if size else 0.0
    momenta = max(size, 1)
    rows = [
        [identity - alpha * h, zero, -alpha * (beta + share) * identity] + [-alpha * share * identity] * (momenta - 1),
        [identity, zero] + [zero] * momenta,
        [h, zero, beta * identity] + [zero] * (momenta - 1),
    ]
    for k in range(1, momenta):
        rows.append([zero, zero] + [identity if j == k - 1 else zero for j in range(momenta)])
    return xp.concat([xp.concat([xp.broadcast_to(b, zero.shape) for b in row], axis=-1) for row in rows], axis=-2)


def characteristic_polynomial(
    step_size: Any, momentum: Any, curvature: Any, buffer_size: Any, convention: Convention = "heavy-ball"
) -> Array:
    """Monic characteristic polynomial of the minimal recursion for one curvature, highest degree first.

    With x = alpha h: (z - 1)(z - beta) z^(C-1) + x (z^C + (z^(C-1) + ... + 1) / C) for C >= 1, of degree C + 1, and
    (z - 1)(z - beta) + x z for C = 0. The matrix of :func:`critical_momentum_matrix` has one eigenvalue 0 more per
    coordinate.

    Parameters
    ----------
    step_size, momentum, curvature : float or array, broadcast to (...)
        alpha > 0, beta in [0, 1), finite h.
    buffer_size : int or array of integers, broadcast with the others
        C >= 0. The polynomials of smaller sizes are multiplied by a power of z up to the degree of the largest.

    Returns
    -------
    array (..., max(C, 1) + 2)

    Raises
    ------
    ValueError, TypeError
        A parameter outside its domain.
    """
    many = is_array(buffer_size)
    sizes: Any = buffer_size if many else check_buffer_size(buffer_size)
    ctx = context(
        step_size=step_size, momentum=momentum, curvature=curvature, buffer_size=buffer_size if many else None
    )
    xp = ctx.xp
    beta = check_momentum(ctx, momentum)
    check_finite(curvature=curvature)
    alpha = check_positive(ctx, step_size, "step_size")
    x = alpha * ctx.asarray(curvature) * gradient_gain(ctx, beta, convention)
    if many:
        if not xp.isdtype(sizes.dtype, "integral"):
            raise TypeError(f"buffer_size must hold integers, not {sizes.dtype}")
        if not bool(xp.all(sizes >= 0)):
            raise ValueError(f"buffer_size must be >= 0, got {int(xp.min(sizes))} among its entries")
        x, beta, sizes = xp.broadcast_arrays(x, beta, ctx.asarray(sizes))
        share = xp.where(sizes > 0, x / xp.where(sizes > 0, sizes, xp.ones_like(sizes)), xp.zeros_like(x))
        largest = int(xp.max(sizes)) if math.prod(sizes.shape) else 0
        tail = [xp.where(sizes >= k, share, xp.zeros_like(share)) for k in range(2, largest + 1)]
    else:
        x, beta = xp.broadcast_arrays(x, beta)
        share = x / sizes if sizes else xp.zeros_like(x)
        tail = [share] * (sizes - 1)
    return xp.stack([xp.ones_like(x), x - 1.0 - beta, beta + share, *tail], axis=-1)
