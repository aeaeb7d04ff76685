"""Both bounds of the rate of given parameters, decided again in fractions and in sixty digits."""

from __future__ import annotations

import dataclasses
import math

import fractions_only
import mpmath
import numpy as np
import pytest

from spectral import RateWitness, log_reach, optimal_rate, verify_rate, verify_witness
from spectral.enclosure import enclose_rate, radius_ball

# Where double precision has put the rate below the true one by 1e-7 and more.
NEARLY_ONE = [(1.0 + 1.7386386774731477e-08, 48, 0.0), (1.0 + 2.953304267805379e-11, 11, 0.3)]


def precise_radius(step: float, beta: float, curvature: float, size: int) -> mpmath.mpf:
    with mpmath.workdps(60):
        x = mpmath.mpf(step) * mpmath.mpf(curvature)
        a, b = fractions_only.pencil(fractions_only.F(beta), size)
        p = [
            mpmath.mpf(u.numerator) / u.denominator + x * v.numerator / v.denominator for u, v in zip(a, b, strict=True)
        ]
        return max(abs(z) for z in mpmath.polyroots(p[::-1], maxsteps=2000, extraprec=800))


@pytest.mark.parametrize(("kappa", "size", "momentum"), [*NEARLY_ONE, (1.0, 7, 0.9), (1.0 + 1e-9, 20, None)])
def test_nearly_one_curvature(kappa: float, size: int, momentum: float | None) -> None:
    best = optimal_rate(kappa, size, momentum)
    radii = [precise_radius(best.step_size, best.momentum, h, size) for h in (1.0, kappa)]
    assert abs(float(max(radii)) - best.rate) < 1e-15
    assert best.rate <= best.certified_upper <= best.rate + 1e-12
    # The rate is the best one too: no interval so long at a rate that is 1e-9 less, and no step nearby.
    assert log_reach(1.0 - best.rate + 1e-9, size, momentum) < math.log(kappa)


@pytest.mark.parametrize("seed", range(6))
def test_certified_to_rounding_on_the_domain(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(4):
        kappa = 1.0 + 10.0 ** rng.uniform(-12, 0) if rng.random() < 0.7 else 10.0 ** rng.uniform(0, 6)
        size, momentum = int(rng.integers(0, 51)), (None, 0.9, 0.0, float(rng.random()))[rng.integers(4)]
        best = optimal_rate(kappa, size, momentum)
        assert best.witness.bound <= best.rate <= best.certified_upper <= best.witness.bound + 1e-12
        assert verify_rate(best.certificate)
        assert verify_witness(best.witness)


@pytest.mark.parametrize(
    ("kappa", "size", "momentum"),
    [(10.0, 0, None), (3.0, 1, None), (50.0, 2, 0.5), (30.0, 3, None), (150.0, 4, None), (1.0, 5, 0.9), (1e4, 6, 0.9)],
)
def test_certificates_in_fractions(kappa: float, size: int, momentum: float | None) -> None:
    best = optimal_rate(kappa, size, momentum)
    fields = dataclasses.astuple(best.certificate)
    assert fields == (best.step_size, best.momentum, 1.0, kappa, size, best.certified_upper)
    arguments = (best.step_size, best.momentum, 1.0, kappa, size)
    assert fractions_only.certified(*arguments, best.certified_upper)
    assert not fractions_only.certified(*arguments, best.witness.bound)
    witness = RateWitness.from_json(best.witness.to_json())
    assert witness == best.witness
    a, b = fractions_only.pencil(fractions_only.F(witness.momentum), size)
    x = fractions_only.F(witness.step_size) * fractions_only.F(witness.curvature)
    p = [u + x * v for u, v in zip(a, b, strict=True)]
    assert not fractions_only.all_inside(p, fractions_only.F(witness.bound))
    assert fractions_only.all_inside(p, fractions_only.F(best.certified_upper))


def test_a_worst_curvature_inside() -> None:
    found = enclose_rate(1.0, 0.9, 0.02, 1.3, 5)
    assert found.bound is not None
    assert 0.02 < found.curvature < 1.3
    assert found.attained <= found.rate <= found.bound <= found.attained * (1.0 + 1e-12)
    assert float(precise_radius(1.0, 0.9, found.curvature, 5)) == pytest.approx(found.rate, abs=1e-15)
    assert fractions_only.certified(1.0, 0.9, 0.02, 1.3, 5, found.bound)
    assert not fractions_only.certified(1.0, 0.9, 0.02, 1.3, 5, found.attained)


def test_double_root_exactly() -> None:
    # z^2 - (1 + beta - x) z + beta at x = (1 - sqrt(beta))^2 = 1/4: (z - 1/2)^2.
    assert float(radius_ball(0.25, 0.25, 1.0, 0).mid()) == 0.5
    assert float(radius_ball(0.25 - 2.0**-54, 0.25, 1.0, 0).mid()) > 0.5 + 1e-9


def test_wrong_witnesses() -> None:
    witness = optimal_rate(20.0, 3).witness
    assert verify_witness(witness)
    assert verify_witness(dataclasses.replace(witness, bound=0.0))
    assert not verify_witness(dataclasses.replace(witness, bound=witness.bound + 1e-12))
    assert not verify_witness(dataclasses.replace(witness, momentum=1.0))
    with pytest.raises(ValueError, match="a rate witness has the fields"):
        RateWitness.from_json("{}")


@pytest.mark.parametrize("beta", [0.25, 0.9650749103679294, 0.290436552701536, 1.0 / 9.0])
def test_double_roots_at_both_ends_are_enclosed_at_the_parameters_returned(beta: float) -> None:
    # At a given momentum's own Polyak condition number rounding of the step size costs the root of itself.
    kappa = ((1.0 + math.sqrt(beta)) / (1.0 - math.sqrt(beta))) ** 2
    best = optimal_rate(kappa, 0, beta)
    with mpmath.workdps(60):
        b, k = mpmath.mpf(beta), mpmath.mpf(kappa)
        radii = [precise_quadratic(1 + b - mpmath.mpf(best.step_size) * h, b) for h in (1, k)]
        ideal = max(precise_quadratic(1 + b - 2 * (1 + b) / (1 + k) * h, b) for h in (1, k))
        assert best.witness.bound <= max(radii) <= best.certified_upper <= best.witness.bound + 1e-12
        assert abs(max(radii) - best.rate) < 1e-15
        assert -1e-15 <= best.rate - ideal < 1e-7


def precise_quadratic(trace: mpmath.mpf, product: mpmath.mpf) -> mpmath.mpf:
    discriminant = trace**2 / 4 - product
    return abs(trace) / 2 + mpmath.sqrt(discriminant) if discriminant >= 0 else mpmath.sqrt(product)
