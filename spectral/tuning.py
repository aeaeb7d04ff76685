"""Worst-case rates over an interval of curvatures, and the step size and momentum with the best one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optassay.arrays import Array, context, to_numpy
from optassay.html import fact_table

from .boundary import longest_interval
from .certificates import RateCertificate, verify_rate
from .companion import (
    check_buffer_size,
    check_condition_number,
    check_momentum,
    check_momentum_value,
    check_positive,
)
from .crossings import Floats, crossing_values
from .radius import spectral_radius

_OUTSIDE = 1e-13  # relative distance at which the level circle is drawn outside the largest radius seen so far


def worst_case_rate(step_size: Any, momentum: Any, smallest: Any, largest: Any, buffer_size: int) -> Array:
    """Largest spectral radius over all curvatures in [smallest, largest], not only at its ends.

    Level sets: a circle just outside the largest radius seen is crossed only where some curvature is worse; the
    midpoints between crossings give the next radius. Converges quadratically, and ends with a circle that nothing in
    the interval crosses.

    Parameters
    ----------
    step_size, momentum, smallest, largest : float or array, broadcast to (...)
        alpha > 0, beta in [0, 1), 0 < mu <= L; heavy-ball units.
    buffer_size : int

    Returns
    -------
    array (...)
        One or more means that some curvature is unstable.

    Raises
    ------
    ValueError
        A parameter outside its domain, or smallest > largest.
    """
    size = check_buffer_size(buffer_size)
    ctx = context(step_size=step_size, momentum=momentum, smallest=smallest, largest=largest)
    alpha = check_positive(ctx, step_size, "step_size")
    beta = check_momentum(ctx, momentum)
    low = check_positive(ctx, smallest, "smallest")
    high = check_positive(ctx, largest, "largest")
    if bool(ctx.xp.any(low > high)):
        raise ValueError(f"smallest must not exceed largest, got {smallest!r} and {largest!r}")
    alpha, beta, low, high = ctx.xp.broadcast_arrays(alpha, beta, low, high)
    ends = [spectral_radius(alpha, beta, h, size) for h in (low, high)]
    rate = ctx.xp.maximum(*ends)
    if size == 0:
        # |z| of heavy ball falls, stays at sqrt(beta), and rises in x: the ends are the worst.
        return rate
    # Crossings need general eigenvalues: one host transfer.
    lowest, highest, momenta, rates = (
        to_numpy(ctx.xp.reshape(a, (-1,))).astype(float) for a in (alpha * low, alpha * high, beta, rate)
    )
    return ctx.xp.reshape(ctx.asarray(_level_sets(lowest, highest, momenta, rates, size)), rate.shape)


def _level_sets(low: Floats, high: Floats, beta: Floats, rate: Floats, size: int) -> Floats:
    rate = rate.copy()
    active = np.arange(rate.size)
    while active.size:
        lo, hi = low[active, None], high[active, None]
        x = crossing_values(rate[active] * (1.0 + _OUTSIDE), beta[active], size)
        x = np.concatenate([lo, np.clip(x, lo, hi), hi], axis=-1)
        middle = 0.5 * (x[:, 1:] + x[:, :-1])
        radii = spectral_radius(middle, beta[active, None], 1.0, size)
        best = np.max(radii, axis=-1)
        worse = best > rate[active] * (1.0 + _OUTSIDE)
        rate[active] = np.maximum(rate[active], best)
        active = active[worse]
    return rate


@dataclass(frozen=True)
class OptimalRate:
    """The best worst-case rate over curvatures in [1, condition_number].

    Attributes
    ----------
    rate : float
        Worst-case spectral radius at the parameters below, to rounding.
    step_size, momentum : float
        For curvatures in [1, kappa]; divide the step by mu for [mu, kappa mu]. Heavy-ball units.
    certified_upper : float
        No curvature in the interval has a larger radius at these parameters: proved by ``certificate``.
    certificate : RateCertificate
    """

    condition_number: float
    buffer_size: int
    rate: float
    step_size: float
    momentum: float
    certified_upper: float
    certificate: RateCertificate

    def _repr_html_(self) -> str:
        facts = {
            "condition number": self.condition_number,
            "buffer size": self.buffer_size,
            "rate": self.rate,
            "proved to be at most": self.certified_upper,
            "step size times smallest curvature": self.step_size,
            "momentum": self.momentum,
        }
        return fact_table("OptimalRate", facts)


def optimal_rate(condition_number: float, buffer_size: int, momentum: float | None = None) -> OptimalRate:
    """Smallest worst-case rate over step size (and momentum, unless given) for a condition number.

    For a rate r and a momentum the admissible x = alpha h form intervals between crossings of |z| = r; the largest
    ratio of the ends of one is the condition number that r can serve. Its maximum over the momentum rises with r, so r
    is found by bracketing.

    Parameters
    ----------
    condition_number : float
        kappa >= 1.
    buffer_size : int
        C >= 0; 0 is classical momentum, in closed form.
    momentum : float, optional
        beta in [0, 1) to keep fixed.

    Raises
    ------
    ValueError
        kappa < 1, or a momentum outside [0, 1).
    """
    size = check_buffer_size(buffer_size)
    kappa = float(check_condition_number(context(condition_number=condition_number), condition_number))
    if momentum is not None:
        momentum = check_momentum_value(momentum)
    step, beta = _classical(kappa, momentum) if size == 0 else _search(kappa, size, momentum)
    rate = float(worst_case_rate(np.asarray(step), np.asarray(beta), 1.0, kappa, size))
    certificate = certify_rate(step, beta, 1.0, kappa, size, rate)
    return OptimalRate(kappa, size, rate, step, beta, certificate.bound, certificate)


def optimal_rates(
    condition_numbers: Sequence[float], buffer_sizes: Sequence[int], momentum: float | None = None
) -> list[OptimalRate]:
    """:func:`optimal_rate` for every pair, buffer size by buffer size.

    ``joblib.parallel_config`` says in how many processes.
    """
    from joblib import Parallel, delayed

    return list(
        Parallel(return_as="generator")(
            delayed(optimal_rate)(float(kappa), size, momentum) for size in buffer_sizes for kappa in condition_numbers
        )
    )


def _classical(kappa: float, momentum: float | None) -> tuple[float, float]:
    """Polyak's parameters, or the step that balances both ends for a given momentum."""
    if momentum is None:
        root = math.sqrt(kappa)
        beta = ((root - 1.0) / (root + 1.0)) ** 2
        # Both ends have a double root there; a breath more momentum keeps rounding from making it two real ones, whose
        # larger modulus would be off by the square root of the rounding error.
        beta += 4e-16 * (root + 1.0) if kappa > 1.0 else 0.0
        return 2.0 * (1.0 + beta) / (1.0 + kappa), beta
    return 2.0 * (1.0 + momentum) / (1.0 + kappa), momentum


def certify_rate(
    step_size: float, momentum: float, smallest: float, largest: float, buffer_size: int, rate: float
) -> RateCertificate:
    """A verified certificate for a bound just above ``rate``.

    Raises
    ------
    ArithmeticError
        No bound up to 1e-6 above the rate could be verified, so ``rate`` is not the worst case.
    """
    excess = 1e-13
    while excess < 1e-6:
        # Forty bits keep the exact polynomials short; the bound is rounded up, never down.
        bound = _round_up(rate + max(excess * rate, 1e-300))
        certificate = RateCertificate(step_size, momentum, smallest, largest, buffer_size, bound)
        if verify_rate(certificate):
            return certificate
        excess *= 10.0
    raise ArithmeticError(
        f"rate {rate} at step_size {step_size}, momentum {momentum} could not be certified over [{smallest}, {largest}]"
    )


def _round_up(value: float, bits: int = 42) -> float:
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.ceil(mantissa * 2.0**bits), exponent - bits)


def _search(kappa: float, size: int, momentum: float | None) -> tuple[float, float]:
    from scipy.optimize import brentq

    target = math.log(kappa)

    def shortfall(log_gap: float) -> float:
        return longest_interval(math.exp(log_gap), size, momentum).log_ratio - target

    # No method of this kind beats the Chebyshev rate, so its gap bounds the search from above.
    upper = min(math.log(2.0 / (math.sqrt(kappa) + 1.0)), -1e-3)
    if shortfall(upper) >= 0.0:
        upper = -1e-12
    lower = upper - 1.0
    while shortfall(lower) < 0.0:
        lower -= 1.0
        if lower < -40.0:
            raise ArithmeticError(f"no stable step size was found for condition number {kappa}, buffer size {size}")
    gap = brentq(shortfall, lower, upper, xtol=1e-13, rtol=1e-14)
    # The end of the final bracket on which the interval is long enough.
    found = longest_interval(math.exp(gap), size, momentum)
    for _ in range(60):
        if found.log_ratio >= target:
            break
        gap = gap - 1e-13 * max(1.0, abs(gap))
        found = longest_interval(math.exp(gap), size, momentum)
    return math.sqrt(found.low * found.high / kappa), found.momentum
