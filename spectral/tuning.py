"""The step size and momentum with the best worst-case rate over an interval of curvatures, with certificates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optassay.arrays import context
from optassay.html import fact_table

from .boundary import longest_interval
from .certificates import RateCertificate, RateWitness, verify_rate
from .companion import (
    check_buffer_size,
    check_condition_number,
    check_momentum_value,
)
from .enclosure import enclose_rate, radius_ball, round_up
from .worst_case import worst_case_rate

_BREATHS = np.array([0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, -1e-15, -1e-14, -1e-13, -1e-12, -1e-11])
_CLOSE = 1e-12  # to the rate that the search promises


@dataclass(frozen=True)
class OptimalRate:
    """The best worst-case rate over curvatures in [1, condition_number].

    Attributes
    ----------
    rate : float
        Worst-case spectral radius at the parameters below, which are the binary fractions that the floats are, to
        rounding.
    step_size, momentum : float
        For curvatures in [1, kappa]; divide the step by mu for [mu, kappa mu]. Heavy-ball units.
    certified_upper : float
        No curvature in the interval has a larger radius at these parameters: proved by ``certificate``. At most 1e-12
        above the rate.
    certificate : RateCertificate
    witness : RateWitness
        A curvature whose radius is the rate, to rounding: the bound from below.

    Notes
    -----
    The bounds enclose the rate of these parameters. That no others are better is another statement:
    :func:`spectral.certify_optimality` proves it.
    """

    condition_number: float
    buffer_size: int
    rate: float
    step_size: float
    momentum: float
    certified_upper: float
    certificate: RateCertificate
    witness: RateWitness

    @property
    def ema_step_size(self) -> float:
        """The step size of the same method written with m_t = beta m_{t-1} + (1 - beta) g_t."""
        return self.step_size / (1.0 - self.momentum)

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
    ArithmeticError
        No step size was found, or its rate could not be certified.

    Notes
    -----
    The search is in floating point. That no parameters are better by 1e-9, :func:`spectral.certify_optimality` proves
    case by case.

    Where the dominant root is k-fold at the best parameters, the rate rises like the k-th root of a change of them, so
    rounding the parameters alone can cost eps^(1/k). Where a step size or momentum a little to one side costs nothing,
    as at condition numbers near one, that side is taken. There is none for classical momentum at a given momentum
    whose Polyak condition number ((1 + sqrt(beta)) / (1 - sqrt(beta)))^2 is the one asked for: both ends of the
    interval have a double root, and the rounding of the step size alone has been seen to cost 2e-8 there. ``rate`` and
    ``certified_upper`` are then still those of the parameters returned.
    """
    size = check_buffer_size(buffer_size)
    kappa = float(check_condition_number(context(condition_number=condition_number), condition_number))
    if momentum is not None:
        momentum = check_momentum_value(momentum)
    if size == 0:
        step, beta = _classical(kappa, momentum)
    else:
        promised, step, beta = _search(kappa, size, momentum)
        step = _harmless_side(promised, step, beta, kappa, size)
    found = enclose_rate(step, beta, 1.0, kappa, size)
    certificate = None if found.bound is None else RateCertificate(step, beta, 1.0, kappa, size, found.bound)
    if certificate is None or not verify_rate(certificate):
        raise ArithmeticError(f"rate {found.rate} at step_size {step}, momentum {beta} could not be certified")
    witness = RateWitness(step, beta, found.curvature, size, found.attained)
    return OptimalRate(kappa, size, found.rate, step, beta, certificate.bound, certificate, witness)


def _harmless_side(promised: float, step: float, beta: float, kappa: float, size: int) -> float:
    """The step size, or one beside it where rounding has cost more than a breath does.

    Where two roots meet, as at kappa = 1, the radius rises like a square root on one side of the best step size. In
    double precision the radius itself is blurred there, so exact roots decide.
    """

    def worse_end(value: float) -> float:
        return max(float(radius_ball(value, beta, h, size).mid()) for h in {1.0, kappa})

    if worse_end(step) <= promised * (1.0 + _CLOSE):
        return step
    return min((float(s) for s in step * (1.0 + _BREATHS)), key=worse_end)


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


def rate_table(
    condition_numbers: Sequence[float], buffer_sizes: Sequence[int], momentum: float | None = None
) -> dict[str, list[OptimalRate]]:
    """Optimal rates of gradient descent, classical momentum and each buffer size, in this order.

    ``momentum`` is kept fixed for all but gradient descent; without it each method takes its best.
    """
    found = optimal_rates(condition_numbers, [0, *buffer_sizes], momentum)
    names = ["classical momentum", *(f"C = {size}" for size in buffer_sizes)]
    count = len(condition_numbers)
    table = {"gradient descent": optimal_rates(condition_numbers, [0], 0.0)}
    return table | {name: found[k * count : (k + 1) * count] for k, name in enumerate(names)}


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
    step_size: float, momentum: float, smallest: float, largest: float, buffer_size: int, rate: float | None = None
) -> RateCertificate:
    """A verified certificate for a bound just above ``rate``.

    Parameters
    ----------
    step_size, momentum, smallest, largest : float
        Heavy-ball units, 0 < smallest <= largest.
    buffer_size : int
        C >= 0.
    rate : float, optional
        Without it, the worst case of these parameters, to which the bound is then as close as 1e-12 relative. Unstable
        parameters have a rate of one or more, and a certificate whose ``stable`` is False.

    Raises
    ------
    ValueError
        A parameter outside its domain.
    ArithmeticError
        No bound up to 1e-6 above the rate could be verified, so ``rate`` is not the worst case (in double precision a
        double root is found to 1e-8 only; without ``rate`` the worst case comes from exact roots).
    """
    if rate is None:
        worst_case_rate(step_size, momentum, smallest, largest, buffer_size)  # for its checks
        bound = enclose_rate(step_size, momentum, smallest, largest, buffer_size).bound
        bounds = [] if bound is None else [bound]
    else:
        bounds = [round_up(rate + max(10.0**-k * rate, 1e-300)) for k in range(13, 6, -1)]
    for bound in bounds:
        certificate = RateCertificate(step_size, momentum, smallest, largest, buffer_size, bound)
        if verify_rate(certificate):
            return certificate
    raise ArithmeticError(
        f"rate {rate} at step_size {step_size}, momentum {momentum} could not be certified over [{smallest}, {largest}]"
    )


def _search(kappa: float, size: int, momentum: float | None) -> tuple[float, float, float]:
    """(rate promised, step size, momentum)."""
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
    return 1.0 - math.exp(gap), math.sqrt(found.low * found.high / kappa), found.momentum
