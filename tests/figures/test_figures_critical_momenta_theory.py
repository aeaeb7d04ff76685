"""Figures of critical momenta's theory: data against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from figures.critical_momenta import rates as module
from figures.registry import FigureData, Level


@pytest.fixture(scope="module")
def rates() -> FigureData:
    return module.curves_data(Level.QUICK)


def test_classical_momentum_is_polyaks(rates: FigureData) -> None:
    root = np.sqrt(rates.arrays["kappa"])
    np.testing.assert_allclose(rates.arrays["rate"][0], (root - 1) / (root + 1), atol=1e-11)


def test_buffer_does_not_accelerate(rates: FigureData) -> None:
    kappa, gap = rates.arrays["kappa"], 1 - rates.arrays["rate"]
    assert np.all(gap[0] >= gap[1])
    # At the end the gap of a buffer halves when kappa doubles; that of classical momentum falls by sqrt(2) only.
    slope = np.diff(np.log(gap[:, -2:])) / np.diff(np.log(kappa[-2:]))
    np.testing.assert_allclose(slope[:, 0], [-0.5, -1.0, -1.0], atol=0.01)


def test_tables_have_columns_of_one_length(rates: FigureData) -> None:
    stability = module.stability_data(Level.QUICK)
    for table in (module.rates_table(rates), module.stability_table(stability)):
        assert len({len(column) for column in table.values()}) == 1


def test_first_interval_of_one_stored_momentum() -> None:
    data = module.stability_data(Level.QUICK)
    np.testing.assert_allclose(data.arrays["ends"][0, :, 0, 1], 1 - data.arrays["momentum"], rtol=1e-12)
