"""SoftAdam with Adam's bias-corrected second moment beside its own."""

from __future__ import annotations

import numpy as np
import pytest

from optassay.optimizers import SoftAdam


def test_corrected_average_is_adams(xb) -> None:
    """Step by step from the formulas, on gradients of growing size."""
    gradients = np.random.default_rng(0).standard_normal((6, 4)) * np.arange(1, 7)[:, None]
    rule = SoftAdam(0.1, 0.9, 0.99, 0.7, 1e-3, average="corrected")
    theta = xb.array(np.zeros(4))
    state = rule.init(theta)
    expected, m, v = np.zeros(4), np.zeros(4), np.zeros(4)
    for t, g in enumerate(gradients, start=1):
        theta, state = rule.step(theta, xb.array(g), state)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        hat = v / (1 - 0.99**t)
        r = np.sqrt(0.01 / (1 - min(0.99, 1 - 1 / t)))
        denominator = 1 + 0.7 - 0.7 * r + 0.7 * r * np.sqrt(hat / (hat.mean() + 1e-6))
        expected = expected - 0.1 * 1.7 * m / denominator
        xb.assert_close(theta, expected, rtol=1e-10)


def test_both_averages_agree_at_first_and_differ_later() -> None:
    rules = [SoftAdam(beta2=0.9, average=average) for average in ("hat", "corrected")]
    thetas = [np.zeros(3), np.zeros(3)]
    states = [rule.init(theta) for rule, theta in zip(rules, thetas, strict=True)]
    gaps = []
    for t in range(6):
        g = np.array([1.0, -2.0, 0.5 * t])
        for i, rule in enumerate(rules):
            thetas[i], states[i] = rule.step(thetas[i], g, states[i])
        gaps.append(np.max(np.abs(thetas[0] - thetas[1])))
    assert gaps[0] < 1e-15 < 1e-4 < gaps[-1]


def test_unknown_average() -> None:
    with pytest.raises(ValueError, match="average must be one of 'hat', 'corrected'"):
        SoftAdam(average="plain")
