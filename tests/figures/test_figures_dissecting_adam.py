"""The numbers behind the figures of "Dissecting Adam", against exact values and independent computations."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from figures import _direction_study as study
from figures import dissecting_adam
from figures.registry import FigureData, Level


def test_figure_1_moments_are_the_exact_fractions() -> None:
    gradient, variance = [Fraction(2), Fraction(1)], [Fraction(1), Fraction(9, 4)]
    factor = [p**2 / (p**2 + v) for p, v in zip(gradient, variance, strict=True)]
    bias = sum(((g - 1) * p) ** 2 for g, p in zip(factor, gradient, strict=True))
    spread = sum(g**2 * v for g, v in zip(factor, variance, strict=True))
    a = dissecting_adam.sketch_data(Level.NORMAL).arrays
    np.testing.assert_allclose(a["factor"], [float(g) for g in factor], rtol=1e-15)
    np.testing.assert_allclose(a["squared_bias"], [0.0, float(bias)], rtol=1e-14, atol=0)
    np.testing.assert_allclose(a["total_variance"], [3.25, float(spread)], rtol=1e-15)
    np.testing.assert_allclose(a["mean_squared_error"], [3.25, 97 / 65], rtol=1e-15)
    assert bias + spread == Fraction(97, 65)


def test_figure_1_scatter_follows_the_law_it_is_drawn_with() -> None:
    a = dissecting_adam.sketch_data(Level.NORMAL).arrays
    count = a["samples"].shape[1]
    error = (a["samples"].mean(axis=1) - a["mean"]) / np.sqrt(a["variance"] / count)
    assert np.all(np.abs(error) < 4)
    np.testing.assert_allclose(a["samples"][1], a["factor"] * a["samples"][0], rtol=1e-15)


def test_figure_4_probabilities_against_mpmath() -> None:
    a = dissecting_adam.wrong_sign_data(Level.NORMAL).arrays
    with mpmath.workdps(30):
        exact = [float(mpmath.erfc(1 / mpmath.sqrt(2 * mpmath.mpf(v))) / 2) for v in (0.5, 1, 4)]
    np.testing.assert_allclose(a["wrong_sign"], exact, rtol=1e-14)
    # The shaded area is what the density says, by Simpson's rule.
    from scipy.integrate import simpson

    left = a["x"] <= 0
    areas = simpson(a["density"][:2][:, left], a["x"][left], axis=-1)  # the third has mass left of the axis
    np.testing.assert_allclose(areas, a["wrong_sign"][:2], atol=1e-8)
    assert float(np.max(np.ptp(a["wrong_sign_of_ratio"], axis=0))) < 4e-16


def test_figure_5_limits() -> None:
    a = dissecting_adam.factor_data(Level.NORMAL).arrays
    np.testing.assert_array_equal(a["factors"][:, 0], 1.0)
    assert np.all(np.diff(a["factors"], axis=1) <= 0)
    _, sign, adam = a["factors_wide"][:, -1]
    assert sign / adam == pytest.approx(np.sqrt(2 / np.pi), rel=1e-5)


@pytest.fixture(scope="module")
def small() -> FigureData:
    return study.comparison(Level.QUICK)


def test_figure_2_arrays(small: FigureData) -> None:
    seeds, steps = small.inputs["seeds"], small.inputs["steps"]
    assert small.arrays["quantiles"].shape == (4, 3, 2, 3, steps + 1)
    assert small.arrays["at_checkpoints"].shape == (4, 3, 2, 3, seeds)
    assert small.arrays["eigenvalues"].shape == (2, seeds, 100)
    assert np.all(np.diff(small.arrays["quantiles"], axis=3) >= 0)
    median = np.median(small.arrays["at_checkpoints"], axis=-1)
    np.testing.assert_allclose(median, small.arrays["quantiles"][:, :, :, 1][..., small.arrays["checkpoints"]])


def test_figure_2_is_of_full_size_at_the_normal_level() -> None:
    seeds, steps = study.COMPARISON_SIZE[Level.NORMAL]
    assert seeds >= 32 and steps >= 500 and study.DIM == 100
    assert len(study.PROBLEMS) * len(study.NOISE) == 12
    assert set(study.CHECKPOINTS) == {10, 50, 100, 500}
    assert study.SCAN_SIZE[Level.NORMAL][1] >= 500


def test_both_orientations_start_from_the_same_value(small: FigureData) -> None:
    start = small.arrays["quantiles"][..., 0]
    np.testing.assert_allclose(start[0], start[1], rtol=1e-10)
    np.testing.assert_allclose(start[2], start[3], rtol=1e-10)
    # Both directions and all noise levels start together as well.
    np.testing.assert_allclose(start, np.broadcast_to(start[:, :1, :1], start.shape), rtol=1e-12)


def test_spectra_are_those_of_the_paper(small: FigureData) -> None:
    well, ill = small.arrays["eigenvalues"]
    assert well.min() >= 0.1 and well.max() <= 1.1
    assert np.all((ill < 1).sum(axis=1) == 90)
    assert np.all(((ill > 30) & (ill < 60)).sum(axis=1) == 10)


def test_first_noise_free_steps_against_the_closed_forms() -> None:
    """Exact line search along Q delta, and along its sign, written out with Python's own sums."""
    draw = study._draw(study.SPECTRA[1], 0, 2)
    hessian, start = draw.hessians["rotated"], draw.starts["rotated"]
    runs = 10 ** study._log_runs(hessian, start[:, None], study.NOISE, 1, draw.noise["rotated"])[:, :, :, 0]
    for seed in range(2):
        slope = hessian[seed] @ start[seed]
        before = 0.5 * start[seed] @ slope
        for row, direction in enumerate((slope, np.sign(slope))):
            after = before - (slope @ direction) ** 2 / (2 * direction @ hessian[seed] @ direction)
            np.testing.assert_allclose(runs[row, :, seed], [before, after], rtol=1e-9)


def test_start_and_noise_scale_together() -> None:
    """Why the scan runs over s / nu alone: a factor of 8 in both multiplies f - f* by 64, to the last bit."""
    draw = study._draw(study.SPECTRA[0], 0, 2)
    for basis in study.BASES:
        start = draw.starts[basis][:, None]
        once = study._log_runs(draw.hessians[basis], start, [0.5], 20, draw.noise[basis])
        scaled = study._log_runs(draw.hessians[basis], 8 * start, [4.0], 20, draw.noise[basis])
        np.testing.assert_allclose(scaled - once, np.log10(64), rtol=1e-12)
        other = study._log_runs(draw.hessians[basis], 8 * start, [0.5], 20, draw.noise[basis])
        assert np.max(np.abs(other - once - np.log10(64))) > 0.1, "the noise must matter, or the test shows nothing"


def test_scan_meets_figure_2_at_its_own_start() -> None:
    """The scan at s / nu = 10 is figure 2's nu = 0.1 in law: medians over few seeds agree roughly."""
    scan = study.start_scan(Level.QUICK)
    assert scan.arrays["gap"].shape == (4, 3, 5, scan.inputs["seeds"])
    assert scan.arrays["gap_without_noise"].shape == (4, 3, scan.inputs["seeds"])
    # Far below the noise neither direction can move: the gap closes.
    assert np.max(np.abs(scan.arrays["gap"][:, :, 0])) < 0.05


def test_seeds_of_a_batch_do_not_depend_on_the_number_of_batches() -> None:
    first = study._draw(study.SPECTRA[0], 0, 4)
    again = study._draw(study.SPECTRA[0], 0, 4)
    other = study._draw(study.SPECTRA[0], 1, 4)
    np.testing.assert_array_equal(first.eigenvalues, again.eigenvalues)
    assert np.max(np.abs(first.eigenvalues - other.eigenvalues)) > 0.1
    assert study._batches(70) == [32, 32, 6]
