"""SGD against stochastic sign descent on stochastic quadratics, both with exact optimal steps (figure 2)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from optassay.arrays import DEFAULT_MAX_BYTES, Array, generator, standard_normal

from .improvement import GradientMoments, SignDirectionMoments, _ratio
from .problem import StochasticQuadratic
from .signs import _check_sign_of_zero


class DirectionComparison(NamedTuple):
    """Suboptimality L(theta_t) - L(x*) along both runs, each of shape (steps + 1, ...); row 0 is the start."""

    gradient: Array
    sign: Array


def compare_directions(
    problem: StochasticQuadratic,
    start: Array,
    steps: int,
    rng: Any,
    *,
    sign_of_zero: float = 0.0,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> DirectionComparison:
    """Run theta + alpha* g and theta + alpha* sign(g), each with the exact optimal step of its own position.

    Parameters
    ----------
    problem : StochasticQuadratic
    start : array, shape (..., d)
        theta_0; its batch axes broadcast against the problem's (seeds, problems and noise levels at once).
    steps : int
    rng : int or generator
        Step t draws one standard normal array xi_t of shape (*batch, d), batch being the broadcast shape. Both
        directions see the same x_t = x* + nu xi_t (common random numbers); different runs draw independently.
    sign_of_zero : {0, 1}
        0 (practice, the default) leaves a coordinate alone whose stochastic gradient is exactly zero.
    max_bytes : int
        Limit on temporaries of the pair probabilities.

    Returns
    -------
    DirectionComparison
        ``.gradient`` and ``.sign``.

    Raises
    ------
    ValueError
        ``steps`` negative, shapes that do not fit, NaN in ``start``.

    Notes
    -----
    The step is 0 where it is undefined (the optimum reached without noise). A Q that is diagonal exactly needs no
    pair probabilities, see :class:`quadratics.improvement.SignDirectionMoments`.
    Source: "Dissecting Adam", section 2.2.
    """
    if not isinstance(problem, StochasticQuadratic):
        raise TypeError(f"problem must be a StochasticQuadratic, not {type(problem).__name__}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be a non-negative integer, got {steps!r}")
    _check_sign_of_zero(sign_of_zero)
    rng = generator(rng)
    xp = problem._ctx.xp
    delta = problem._displacement(start)
    batch = np.broadcast_shapes(delta.shape[:-1], problem.batch_shape)
    delta = xp.broadcast_to(delta, (*batch, problem.dim))
    by_gradient, by_sign = delta, delta
    moments = (GradientMoments(problem), SignDirectionMoments(problem, sign_of_zero, max_bytes))
    noise_std = problem.noise_std[..., None]

    slopes = [problem.apply_hessian(by_gradient)] * 2
    records: tuple[list[Array], list[Array]] = ([], [])
    for step in range(steps + 1):
        for record, position, slope in zip(records, (by_gradient, by_sign), slopes, strict=True):
            record.append(0.5 * xp.sum(position * slope, axis=-1))
        if step == steps:
            break
        noise = problem.apply_hessian(noise_std * standard_normal(rng, (*batch, problem.dim), problem._ctx))
        length = _ratio(*moments[0](slopes[0]), xp)
        by_gradient = by_gradient - length[..., None] * (slopes[0] - noise)
        length = _ratio(*moments[1](slopes[1]), xp)
        by_sign = by_sign - length[..., None] * _sign(slopes[1] - noise, sign_of_zero, xp)
        slopes = [problem.apply_hessian(by_gradient), problem.apply_hessian(by_sign)]
    return DirectionComparison(*(xp.stack(record) for record in records))


def _sign(x: Array, sign_of_zero: float, xp: Any) -> Array:
    value = xp.sign(x)
    return xp.where(x == 0, xp.full_like(x, sign_of_zero), value) if sign_of_zero else value
