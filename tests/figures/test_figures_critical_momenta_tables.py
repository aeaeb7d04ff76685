"""Tables 1 and 5: printed numbers, closed forms at the minima, and every run against code that shares nothing."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import sympy as sp

from figures.critical_momenta import tables
from figures.registry import FigureData, Level
from proofs_check.critical_momenta import plain


@pytest.fixture(scope="module")
def one() -> FigureData:
    return tables.one_data(Level.QUICK)


@pytest.fixture(scope="module")
def five() -> FigureData:
    return tables.five_data(Level.QUICK)


def test_minima_of_goldstein_price_are_the_closed_forms(one: FigureData) -> None:
    """A(u) B(v) with u = x + y, v = 2 x - 3 y: value and Hessian by hand from the printed polynomials."""
    u, v = sp.symbols("u v")
    a = 1 + (u + 1) ** 2 * (19 - 14 * u + 3 * u**2)
    b = 30 + v**2 * (18 - 16 * v + 3 * v**2)
    for (x, y), loss, top in zip(
        one.arrays["minima"], one.arrays["minima loss"], one.arrays["minima sharpness"], strict=True
    ):
        at = {u: sp.Rational(str(round(x + y, 6))), v: sp.Rational(str(round(2 * x - 3 * y, 6)))}
        scale = sp.Rational(2427, 1000)
        assert sp.diff(a, u).subs(at) == 0 and sp.diff(b, v).subs(at) == 0
        value = (sp.log((a * b).subs(at)) - sp.Rational(8693, 1000)) / scale
        p = (sp.diff(a, u, 2) / a).subs(at) / scale
        q = (sp.diff(b, v, 2) / b).subs(at) / scale
        hessian = sp.Matrix([[p + 4 * q, p - 6 * q], [p - 6 * q, p + 9 * q]])
        trace, determinant = hessian.trace(), hessian.det()
        largest = trace / 2 + sp.sqrt(trace**2 / 4 - determinant)
        assert loss == pytest.approx(float(value), abs=1e-9)
        assert top == pytest.approx(float(largest), rel=1e-9)


def test_levys_minimum_is_the_closed_form() -> None:
    from analysis.landscapes import Levy
    from analysis.sharpness import sharpness

    # At (1, 1) the bent terms have the curvatures (2 pi^2 + 2 + 20 sin(1)^2) / 16 and 2 / 16.
    expected = (2 * np.pi**2 + 2 + 20 * np.sin(1.0) ** 2) / 16
    assert float(sharpness(Levy(), np.array([1.0, 1.0]))) == pytest.approx(expected, rel=1e-12)
    assert float(Levy().value(np.array([1.0, 1.0]))) == pytest.approx(0.0, abs=1e-30)


def _again(function: str, method: object, starts: np.ndarray, drop: int | None) -> np.ndarray:
    record = asdict(method) | {"drop": drop}  # type: ignore[call-overload]
    return plain.ends(plain.gradient_of(plain.FUNCTIONS[function]), starts, record, 500)


@pytest.mark.parametrize("function", tables.FUNCTIONS)
def test_outcomes_run_by_run(one: FigureData, function: str) -> None:
    """The first runs by the plain code: to 1e-9 in the rows that rounding does not change, in the others mostly."""
    starts, repeatable = one.arrays[f"{function} starts"][:20], one.arrays[f"{function} repeatable"]
    compared = 0
    for k, method in enumerate(tables.table_1_methods()):
        for d, drop in enumerate(tables.DROPS):
            ends = _again(function, method, starts, drop)
            loss, sharpness = one.arrays[f"{function} outcomes"][d, k, :, :20]
            same = np.abs(plain.FUNCTIONS[function](ends) - loss) <= 1e-9
            if repeatable[d, k] == 1.0:
                assert same.all(), (method.name, drop)
                top = plain.top_eigenvalue(plain.FUNCTIONS[function], ends)
                np.testing.assert_allclose(sharpness, top, rtol=1e-5, atol=1e-5)  # differences of gradients
                compared += 1
    # With the step drop Adam and Adam+CG settle on both functions.
    assert compared >= 2


def test_swinging_runs_are_not_called_repeatable(one: FigureData) -> None:
    repeatable = one.arrays["Goldstein-Price repeatable"]
    adam, cm = tables.FOUR.index("Adam"), tables.FOUR.index("Adam+CM")
    assert repeatable[1, adam] == 1.0 and repeatable[0, cm] < 0.9
    assert np.all((repeatable >= 0) & (repeatable <= 1))


def test_printed_numbers_are_those_of_the_paper(one: FigureData, five: FigureData) -> None:
    table = tables.one_table(one)
    pick = (np.asarray(table["function"]) == "Levy") & (np.asarray(table["method"]) == "Adam+CM")
    assert set(table["printed_loss"][pick]) == {12.50} and set(table["printed_sharpness"][pick]) == {62.53}
    rows = tables.five_table(five)
    pick = (np.asarray(rows["method"]) == "Adam+CG") & (np.asarray(rows["C lambda"]) == "5 0.99")
    assert set(rows["printed_loss"][pick]) == {14.41} and set(rows["printed_sharpness"][pick]) == {64.67}


def test_rows_are_means_of_the_stored_runs(one: FigureData, five: FigureData) -> None:
    table = tables.one_table(one)
    pick = [
        i
        for i, key in enumerate(zip(table["function"], table["step drop"], table["method"], strict=True))
        if key == ("Goldstein-Price", "none", "Adam+CG")
    ]
    runs = one.arrays["Goldstein-Price outcomes"][0, tables.FOUR.index("Adam+CG"), 1]
    np.testing.assert_allclose(table["sharpness"][pick], [runs.mean()], rtol=1e-12)
    assert table["sharpness_low"][pick][0] < runs.mean() < table["sharpness_high"][pick][0]
    # The setting that both tables share has the same runs.
    shared = five.arrays["outcomes"][:, 5]
    np.testing.assert_array_equal(shared, one.arrays["Levy outcomes"][:, tables.FOUR.index("Adam+CM")])


def test_chance_of_an_order_knows_certain_and_impossible_ones() -> None:
    outcomes = np.stack([np.ones((2, 50)), np.zeros((2, 50))])
    assert tables._chance(outcomes, [(0, 1)]).tolist() == [1.0, 1.0]
    assert tables._chance(outcomes, [(1, 0)]).tolist() == [0.0, 0.0]
