r"""What no method of the class can beat, and the rates that are known in closed form.

The class: stationary methods with a finite state whose next state is linear in the state and in one gradient,

    p(z; h) = A(z) + h B(z),  A monic,  deg B < deg A,  A(1) = 0,

A and B real polynomials that do not depend on the curvature h; A(1) = 0 says that the method rests where gradients
vanish. Gradient descent, heavy ball, Nesterov's method and critical momenta with any buffer are members.

**Theorem.** max over h in [mu, L] of the spectral radius is at least q = (sqrt(kappa) - 1) / (sqrt(kappa) + 1), with
equality only for heavy ball at Polyak's parameters (up to common factors of A and B).

*Proof* (Lindeloef's principle). Let r be the largest radius; for r >= 1 there is nothing to prove, and otherwise B(1)
is not 0, since 1 would be a root. The rational function w = -A/B takes no value of [mu, L] on |z| > r, has w(infinity)
= infinity and w(1) = 0. With Green's function G of the complement of [mu, L], pole at infinity, G(w(z)) - log(|z|/r)
is superharmonic on |z| > r (G(w) has logarithmic poles where w has poles, at infinity one of order at least one), and
its limits at |z| = r are not negative. So it is not negative, and z = 1 gives G(0) >= log(1/r). The map
h = (L + mu)/2 - (L - mu)/4 (u + 1/u) of |u| > 1 onto the complement has h(1/q) = 0, so G(0) = log(1/q). In the case of
equality the difference vanishes at z = 1, hence everywhere, and w(z) = h(z/q) is heavy ball's.
"""

from __future__ import annotations

from typing import Any

from optassay.arrays import Array, context

from .companion import check_condition_number


def polynomial_lower_bound(condition_number: Any, steps: int | None = None) -> Array:
    """Rate below which no method is whose iterates are combinations of past gradients and the start.

    Parameters
    ----------
    condition_number : float or array (...)
        kappa >= 1.
    steps : int, optional
        With it, the bound on the error after that many steps instead of the rate: 1 / T_t((kappa + 1) / (kappa - 1)),
        the smallest maximum over [mu, L] of a polynomial of degree t with value 1 at 0 (Chebyshev).

    Returns
    -------
    array (...)
        (sqrt(kappa) - 1) / (sqrt(kappa) + 1); see the module for the statement and its proof.

    Raises
    ------
    ValueError
        kappa < 1 or negative steps.
    """
    ctx = context(condition_number=condition_number)
    rate = heavy_ball_rate(condition_number)
    if steps is None:
        return rate
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be an integer >= 0, got {steps!r}")
    power = rate**steps
    return 2.0 * power / (1.0 + power * power) if steps else ctx.xp.ones_like(rate)


def heavy_ball_rate(condition_number: Any) -> Array:
    """(sqrt(kappa) - 1) / (sqrt(kappa) + 1), the best rate of classical momentum (Polyak)."""
    ctx = context(condition_number=condition_number)
    kappa = check_condition_number(ctx, condition_number)
    root = ctx.xp.sqrt(kappa)
    return (kappa - 1.0) / (root + 1.0) ** 2


def gradient_descent_rate(condition_number: Any) -> Array:
    """(kappa - 1) / (kappa + 1), the best rate of gradient descent."""
    kappa = check_condition_number(context(condition_number=condition_number), condition_number)
    return (kappa - 1.0) / (kappa + 1.0)


def one_momentum_rate(condition_number: Any) -> Array:
    """Best rate for C = 1 over momenta in [0, 1): the root of kappa = r (1 + r) / (1 - r), at momentum 0."""
    ctx = context(condition_number=condition_number)
    kappa = check_condition_number(ctx, condition_number)
    return 2.0 * kappa / (1.0 + kappa + ctx.xp.sqrt((1.0 + kappa) ** 2 + 4.0 * kappa))


def two_momenta_condition_number(rate: Any) -> Array:
    """Largest condition number that C = 2 without momentum serves at a rate 0 < r < 1.

    2 r^2 (2 r^2 + r + 1) / ((1 - r) (1 + r^2 + sqrt((1 - r^2) (1 + 7 r^2)))).
    """
    ctx = context(rate=rate)
    r = ctx.asarray(rate)
    if not bool(ctx.xp.all((r > 0) & (r < 1))):
        raise ValueError(f"rate must lie in (0, 1), got {rate!r}")
    square = r * r
    root = ctx.xp.sqrt((1.0 - square) * (1.0 + 7.0 * square))
    return 2.0 * square * (2.0 * square + r + 1.0) / ((1.0 - r) * (1.0 + square + root))


def stability_limit(momentum: Any, buffer_size: int) -> Array:
    """End of the stability region 0 < x < s for buffers of at most two, in heavy-ball units.

    2 (1 + beta) for C = 0, 1 - beta for C = 1 and 4 (1 - beta) / (2 + beta + sqrt(beta^2 + 8 beta)) for C = 2. From
    C = 3 on use :func:`spectral.stability_intervals`.

    Raises
    ------
    ValueError
        A buffer size other than 0, 1, 2, or a momentum outside [0, 1).
    """
    from .companion import check_buffer_size, check_momentum

    ctx = context(momentum=momentum)
    beta = check_momentum(ctx, momentum)
    size = check_buffer_size(buffer_size)
    if size > 2:
        raise ValueError(f"buffer_size must be 0, 1 or 2 for a closed form, got {size}")
    if size == 0:
        return 2.0 * (1.0 + beta)
    if size == 1:
        return 1.0 - beta
    return 4.0 * (1.0 - beta) / (2.0 + beta + ctx.xp.sqrt(beta * (beta + 8.0)))
