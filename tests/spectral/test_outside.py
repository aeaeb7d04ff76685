"""Families of polynomials that keep a root outside: true statements are proved, false ones never."""

from __future__ import annotations

import flint
import numpy as np
import pytest

from spectral.outside import reflections, some_outside


def arbs(values: np.ndarray) -> list[flint.arb]:
    return [flint.arb(float(v)) for v in values]


def largest(start: np.ndarray, rise: np.ndarray, half: float) -> np.ndarray:
    return np.array([np.abs(np.roots(start + t * rise)).max() for t in np.linspace(-half, half, 201)])


@pytest.mark.parametrize("seed", range(8))
def test_never_a_false_statement(seed: int) -> None:
    rng = np.random.default_rng(seed)
    proved = 0
    for _ in range(100):
        degree = int(rng.integers(2, 9))
        start, rise = rng.normal(size=degree + 1), rng.normal(size=degree + 1)
        start[0], rise[0] = 1.0, 0.0
        start *= (rng.uniform(0.5, 1.3) / np.abs(np.roots(start)).max()) ** np.arange(degree + 1)
        half = 10.0 ** rng.uniform(-5, -0.5)
        if some_outside(arbs(start), [(arbs(rise), flint.arb(half))]):
            proved += 1
            assert largest(start, rise, half).min() >= 1.0 - 1e-9
        elif half < 1e-4:
            assert largest(start, rise, half).min() < 1.01
    assert proved > 20


def test_two_directions() -> None:
    pair = np.convolve([1.0, -1.2, 1.3], [1.0, 0.4, 0.3])
    one, other = np.array([0.0, 1.0, 0, 0, 0]), np.array([0.0, 0, 0, 1.0, 0])
    small, large = flint.arb(0.01), flint.arb(2.0)
    assert some_outside(arbs(pair), [(arbs(one), small), (arbs(other), small)])
    assert not some_outside(arbs(pair), [(arbs(one), small), (arbs(other), large)])


def test_where_roots_meet() -> None:
    # (z - 1.01)^2 with the constant term moving: two real roots or a pair, and the product decides.
    start = np.convolve([1.0, -2.02, 1.01**2], [1.0, 0.5])
    assert some_outside(arbs(start), [(arbs(np.array([0.0, 0, 1.0, 0.5])), flint.arb(0.01))])


def test_along_the_circle_the_width_counts_squared() -> None:
    # The pair e^(+-i angle) (1 + 1e-6) turns without leaving its circle.
    r = 1.0 + 1e-6
    start, rise = np.array([1.0, -2.0 * r * np.cos(1.0), r * r]), np.array([0.0, 1.0, 0.0])
    assert some_outside(arbs(start), [(arbs(rise), flint.arb(1e-4))])


def test_reflections_of_a_product() -> None:
    found = reflections(arbs(np.poly([0.5, -0.25])))
    assert [float(k.mid()) for k in found] == pytest.approx([-0.125, -0.25 / 0.875])
