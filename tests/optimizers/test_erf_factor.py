"""Adam* with the error-function factor of section 3.1 of "Dissecting Adam"."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optassay.arrays import to_numpy
from optassay.optimizers import AdamStar
from optassay.optimizers.variance_adapted import kappa


def test_factor_is_that_of_the_paper(xb) -> None:
    """Coordinate by coordinate from the definitions, on streams of gradients."""
    rng = np.random.default_rng(0)
    gradients = rng.normal(0.3, 1.0, (6, 5))
    rule = AdamStar(0.1, 0.9, factor="erf")
    theta = xb.array(np.zeros(5))
    state = rule.init(theta)
    expected = np.zeros(5)
    m = v = np.zeros(5)
    for t, g in enumerate(gradients, start=1):
        theta, state = rule.step(theta, xb.array(g), state)
        m, v = 0.9 * m + 0.1 * g, 0.9 * v + 0.1 * g * g
        mean, square = m / (1 - 0.9**t), v / (1 - 0.9**t)
        for i in range(5):
            noise = kappa(0.9, t) * (square[i] - mean[i] ** 2)
            # After one step there is no variance but rounding's.
            gamma = 1.0 if t == 1 else math.erf(1 / (math.sqrt(2) * math.sqrt(noise) / abs(mean[i])))
            expected[i] -= 0.1 * gamma * np.sign(mean[i])
    xb.assert_close(theta, expected, rtol=1e-6)


def test_it_is_near_the_other_factor_and_not_the_same() -> None:
    gradients = np.random.default_rng(2).normal(0.2, 1.0, (20, 50))
    steps = []
    for factor in ("root", "erf"):
        rule, theta = AdamStar(0.1, 0.9, factor=factor), np.zeros(50)
        state = rule.init(theta)
        for g in gradients:
            before = theta
            theta, state = rule.step(theta, g, state)
        steps.append(to_numpy(theta - before))
    largest = np.max(np.abs(steps[0] - steps[1])) / 0.1
    # Over all eta the two factors differ by at most 0.0645 (figure 5).
    assert 1e-3 < largest < 0.0645


@pytest.mark.parametrize("factor", ["root", "erf"])
def test_no_move_without_gradients(factor: str) -> None:
    rule = AdamStar(0.1, 0.9, factor=factor)
    theta = np.ones(3)
    moved, _ = rule.step(theta, np.zeros(3), rule.init(theta))
    np.testing.assert_array_equal(moved, theta)


def test_unknown_factor() -> None:
    with pytest.raises(ValueError, match="factor must be one of 'root', 'erf'"):
        AdamStar(factor="tanh")
