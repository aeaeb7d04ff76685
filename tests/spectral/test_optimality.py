"""Proofs that no parameters are better, their points decided again in fractions."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from itertools import pairwise

import fractions_only
import numpy as np
import pytest

from spectral import (
    OptimalityCertificate,
    certify_optimality,
    characteristic_polynomial,
    one_momentum_rate,
    optimal_rate,
    verify_optimality,
)


def bad_in_fractions(certificate: OptimalityCertificate, every: int) -> None:
    """The points of some chains at both ends and in the middle, from the definition of a chain."""
    size, rate = certificate.buffer_size, Fraction(certificate.bound)
    kappa = Fraction(certificate.condition_number)
    for chain in certificate.chains[::every]:
        low, high = Fraction(chain.low), Fraction(chain.high)
        for beta in {low, (low + high) / 2, high, (3 * low + high) / 4}:
            a, b = fractions_only.pencil(beta, size)
            x = [Fraction(v) + Fraction(s) * (beta - (low + high) / 2) for v, s in chain.lines]
            for value in [x[0] / 1000, x[0] / 7, *x, x[-1] * 2]:
                p = [u + value * v for u, v in zip(a, b, strict=True)]
                assert not fractions_only.all_inside(p, rate)
            assert all(y <= kappa * v for v, y in pairwise(x))
            assert x[-1] >= size * rate ** (size + 1)


@pytest.mark.parametrize(
    ("kappa", "size"),
    [(30.0, 3), (3.0, 3), (150.0, 4), (100.0, 5), (1e6, 3), (20.0, 8), (1e3, 20), (238.59243818160493, 4)],
)
def test_no_parameters_are_better_by_1e_9(kappa: float, size: int) -> None:
    best = optimal_rate(kappa, size)
    certificate = certify_optimality(kappa, size, best.rate - 1e-9)
    assert best.certified_upper - certificate.bound <= 1.01e-9
    again = OptimalityCertificate.from_json(certificate.to_json())
    assert again == certificate
    assert verify_optimality(again)
    if size <= 8:
        bad_in_fractions(certificate, every=max(len(certificate.chains) // 4, 1))
    for chain in certificate.chains:
        beta = chain.low + 0.7 * (chain.high - chain.low)
        x = np.array([v + s * (beta - 0.5 * (chain.low + chain.high)) for v, s in chain.lines])
        radii = [np.abs(np.roots(p)).max() for p in characteristic_polynomial(1.0, beta, x, size)]
        assert min(radii) >= certificate.bound - 1e-9
        assert np.all(x[1:] <= kappa * x[:-1] * (1 + 1e-14))


def test_one_momentum_by_its_theorem() -> None:
    best = float(one_momentum_rate(30.0))
    assert verify_optimality(certify_optimality(30.0, 1, best - 1e-10))
    with pytest.raises(ArithmeticError, match="no proof that the rate"):
        certify_optimality(30.0, 1, best + 1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_no_step_is_better_at_a_given_momentum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(5):
        kappa, size, momentum = 10.0 ** rng.uniform(0.1, 6), int(rng.integers(1, 51)), float(rng.uniform(0.0, 0.95))
        best = optimal_rate(kappa, size, momentum)
        certificate = certify_optimality(kappa, size, best.rate - 1e-9 * (1.0 - best.rate), momentum)
        assert len(certificate.chains) == 1
        assert verify_optimality(certificate)
        with pytest.raises(ArithmeticError, match="no proof"):
            certify_optimality(kappa, size, best.certified_upper, momentum)


@pytest.mark.parametrize(
    ("kappa", "size", "momentum"),
    [
        (1.0, 3, 0.9),
        (1.0 + 1e-12, 5, 0.3),
        (1.0 + 2.953304267805379e-11, 11, 0.3),
        (1.01, 20, 0.9),
        (1.00000016571836, 14, 0.8707472798652923),
    ],
)
def test_no_step_is_better_near_one_curvature(kappa: float, size: int, momentum: float) -> None:
    best = optimal_rate(kappa, size, momentum)
    certificate = certify_optimality(kappa, size, best.rate - 1e-9, momentum)
    assert best.certified_upper - certificate.bound <= 1.01e-9
    assert verify_optimality(certificate)
    # What lies between two lines is bad at every point of a scan, too.
    x = np.concatenate([np.geomspace(a[0], b[0], 500) for a, b in pairwise(certificate.chains[0].lines)])
    windows = [np.abs(np.roots(p)).max() for p in characteristic_polynomial(1.0, momentum, x, size)]
    short = [b[0] <= kappa * a[0] for a, b in pairwise(certificate.chains[0].lines)]
    assert min(w for k, w in enumerate(windows) if not short[k // 500]) >= certificate.bound - 1e-7


def test_given_momentum_in_fractions() -> None:
    best = optimal_rate(40.0, 6, 0.9)
    bad_in_fractions(certify_optimality(40.0, 6, best.rate - 1e-10, 0.9), every=1)


def test_wrong_certificates() -> None:
    best = optimal_rate(20.0, 3)
    good = certify_optimality(20.0, 3, best.rate - 1e-6)
    assert verify_optimality(good)
    assert not verify_optimality(dataclasses.replace(good, bound=best.certified_upper))
    assert not verify_optimality(dataclasses.replace(good, condition_number=15.0))
    assert not verify_optimality(dataclasses.replace(good, chains=good.chains[1:]))
    assert not verify_optimality(dataclasses.replace(good, chains=()))
    assert not verify_optimality(dataclasses.replace(good, momenta=(-0.1, 1.0)))
    chain = good.chains[0]
    for lines in (chain.lines[1:], chain.lines[:-1], ((chain.lines[0][0] * 1.5, 0.0), *chain.lines[1:])):
        wrong = dataclasses.replace(chain, lines=lines)
        assert not verify_optimality(dataclasses.replace(good, chains=(wrong, *good.chains[1:])))
    with pytest.raises(ValueError, match="has the fields"):
        OptimalityCertificate.from_json("{}")


@pytest.mark.parametrize("call", [(0.5, 3, 0.5), (2.0, 0, 0.5), (2.0, 3, 1.0)])
def test_bad_input(call: tuple[float, int, float]) -> None:
    with pytest.raises(ValueError, match=r"a proof needs|must be a finite number >= 1"):
        certify_optimality(*call)
