"""Landscapes: derivatives against sympy and autograd, known values, kinks, every backend."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from analysis.landscapes import (
    BALLS,
    SYMBOLS,
    Ackley,
    AckleyRosenbrock,
    Beale,
    GoldsteinPrice,
    Landscape,
    Levy,
    LossCurve,
    Separable,
    Sphere,
    ThreeHumpCamel,
    TwoWell,
    Valley,
    Wave,
)
from optassay.arrays import to_numpy

PLANE: dict[str, Landscape] = {
    "ackley": Ackley(),
    "mixture": AckleyRosenbrock(),
    "mixture, minus": AckleyRosenbrock(-1),
    "gp printed": GoldsteinPrice("printed"),
    "gp inside": GoldsteinPrice("inside"),
    "gp scaled": GoldsteinPrice(),
    "gp unit": GoldsteinPrice(unit=True),
    "gp plain": GoldsteinPrice("plain"),
    "levy": Levy(),
    "levy last": Levy("last"),
    "levy all": Levy("all"),
    "sphere": Sphere(),
    "camel": ThreeHumpCamel(),
    "beale": Beale(),
    "beale printed": Beale(Fraction(11, 5)),
    "wells": TwoWell(5),
    "valley": Valley(4, 0.5),
    "wave": Wave(),
    "curve": LossCurve(0.03, 7),
}
x, y = sp.symbols("x y", real=True)
POINTS = np.array([[0.3, -0.7], [1.9, 0.4], [-1.3, 1.1], [0.9, 0.95], [2.2, 3.7], [-0.05, 0.02]])


def written_out(name: str) -> Any:
    """The function as the paper or its source prints it, transcribed apart from the landscape."""
    q = sp.Rational
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    mean, std = q("8.693"), q("2.427")
    cone = sp.exp(-q(1, 5) * sp.sqrt(q(1, 2) * (x**2 + y**2)))
    ripple = sp.exp((sp.cos(2 * sp.pi * x) + sp.cos(2 * sp.pi * y)) / 2)
    valley = q("0.05") * (1 - x) ** 2 + q("0.05") * (y - x**2) ** 2
    w, z = 1 + (x - 1) / 4, 1 + (y - 1) / 4
    rest = (w - 1) ** 2 * (1 + 10 * sp.sin(sp.pi * w + 1) ** 2) + (z - 1) ** 2 * (1 + sp.sin(2 * sp.pi * z) ** 2)

    def beale(c: Any) -> Any:
        return (q("1.5") - x + x * y) ** 2 + (c - x + x * y**2) ** 2 + (q("2.625") - x + x * y**3) ** 2

    return {
        "ackley": -20 * cone - ripple + sp.E + 20,
        "mixture": valley + q("0.6") * (cone - ripple + sp.E),
        "mixture, minus": valley + q("0.6") * (-cone - ripple + sp.E),
        "gp printed": sp.log(a) * (b - mean) / std,
        "gp inside": sp.log(a * (b - mean)) / std,
        "gp scaled": (sp.log(a * b) - mean) / std,
        "gp unit": ((sp.log(a * b) - mean) / std).subs({x: 4 * x - 2, y: 4 * y - 2}, simultaneous=True),
        "gp plain": a * b,
        "levy": sp.sin(sp.pi * w) ** 2 + rest,
        "levy last": sp.sin(sp.pi * z) ** 2 + rest,
        "levy all": sp.sin(sp.pi * w) ** 2 + sp.sin(sp.pi * z) ** 2 + rest,
        "sphere": x**2 + y**2,
        "camel": 2 * x**2 - q("1.05") * x**4 + x**6 / 6 + x * y + y**2,
        "beale": beale(q("2.25")),
        "beale printed": beale(q("2.2")),
        "wells": sp.Min(x**2, 5 * (x - 1) ** 2) + sp.Min(y**2, 5 * (y - 1) ** 2),
        "valley": sum(sp.Piecewise((2 * v**2, v < 0), (v**2 / 4, True)) for v in (x, y)),
        "wave": 2 - sp.cos(x) - sp.cos(y),
        "curve": sum(1 - sp.exp(-(v**2) / 2) + q("0.03") * (1 - sp.cos(7 * v)) * sp.exp(-2 * v**2) for v in (x, y)),
    }[name]


def derivatives(name: str) -> tuple[Any, Any, Any]:
    f = written_out(name)
    gradient = [sp.diff(f, v) for v in (x, y)]
    hessian = [[sp.diff(g, v) for v in (x, y)] for g in gradient]
    return tuple(sp.lambdify((x, y), part, ["numpy", {"Heaviside": np.heaviside}]) for part in (f, gradient, hessian))


@pytest.mark.parametrize("name", PLANE)
def test_values_and_derivatives_are_those_of_the_printed_formula(name: str) -> None:
    value, gradient, hessian = derivatives(name)
    points = np.array([[1.1, -0.9], [-1.5, 0.2]]) if name == "gp inside" else POINTS
    for point in points:
        if name == "wells":  # sympy differentiates Min into Heaviside and its derivative: curvatures by branch
            expected = np.diag(np.where(point**2 < 5 * (point - 1) ** 2, 2.0, 10.0))
        else:
            expected = np.array(hessian(*point), dtype=float)
        at = PLANE[name]
        np.testing.assert_allclose(at.value(point), value(*point), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(at.gradient(point), gradient(*point), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(at.hessian(point), expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("name", PLANE)
def test_backends_keep_namespace_device_and_batch(xb: Any, name: str) -> None:
    points = np.stack([POINTS, POINTS[::-1] + 0.01])
    if name == "gp inside":
        points = np.array([[[1.1, -0.9], [-1.5, 0.2]]])
    at, given = PLANE[name], xb.array(points)
    xb.assert_close(at.value(given), at.value(points), rtol=1e-11, atol=1e-12)
    xb.assert_close(at.gradient(given), at.gradient(points), rtol=1e-10, atol=1e-11)
    xb.assert_close(at.hessian(given), at.hessian(points), rtol=1e-10, atol=1e-10)
    single = xb.array(points, "float32")
    assert at.gradient(single).dtype == xb.xp.float32
    assert at.hessian(single).dtype == xb.xp.float32


@pytest.mark.torch
@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs torch")
@pytest.mark.parametrize("name", PLANE)
def test_gradients_are_those_of_autograd(name: str) -> None:
    import torch

    points = np.array([[1.1, -0.9], [-1.5, 0.2]]) if name == "gp inside" else POINTS
    given = torch.tensor(points, requires_grad=True)
    PLANE[name].value(given).sum().backward()
    np.testing.assert_allclose(given.grad.numpy(), PLANE[name].gradient(points), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", PLANE)
def test_balls_enclose_every_point_of_a_box(name: str) -> None:
    from flint import arb

    rng = np.random.default_rng(0)
    centres = np.concatenate([rng.uniform(-2, 2, (40, 2)), [[1.1, -0.9], [-1.5, 0.2]]])
    # The logarithm of a factor needs boxes on which its enclosure stays positive.
    radius = 0.01 if name.startswith("gp") else 0.15
    checked = 0
    for centre in centres:
        box = [arb(c, radius) for c in centre]
        inside = centre + rng.uniform(-radius, radius, (50, 2))
        ball = PLANE[name].formula(box, BALLS)
        if not ball.is_finite():
            continue
        gradient = PLANE[name].formula_gradient(box, BALLS)
        hessian = PLANE[name].formula_hessian(box, BALLS)
        for enclosure, values in (
            (ball, PLANE[name].value(inside)),
            (gradient[0], PLANE[name].gradient(inside)[:, 0]),
            (hessian[0][1], PLANE[name].hessian(inside)[:, 0, 1]),
            (hessian[1][1], PLANE[name].hessian(inside)[:, 1, 1]),
        ):
            if not enclosure.is_finite():  # a curvature that jumps inside the box
                continue
            low, high = float(enclosure.lower()), float(enclosure.upper())
            slack = 1e-9 * (1 + abs(low) + abs(high))
            assert np.all((values >= low - slack) & (values <= high + slack))
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "cos", "sin", "square"])
def test_ball_functions_enclose_and_are_tight(name: str) -> None:
    from flint import arb

    numpy = {"square": np.square}.get(name, getattr(np, name))
    rng = np.random.default_rng(0)
    for _ in range(200):
        centre, radius = rng.uniform(-7, 7), rng.uniform(0, 4)
        if name in ("log", "sqrt"):
            centre = abs(centre) + radius + 0.01
        values = numpy(np.linspace(centre - radius, centre + radius, 4001))
        ball = getattr(BALLS, name)(arb(centre, radius))
        low, high = float(ball.lower()), float(ball.upper())
        assert low <= values.min() + 1e-7 * (1 + abs(values.min())) and high >= values.max() - 1e-7 * abs(values.max())
        # No wider than the range itself, but for the sampling of its ends.
        assert high - low <= (values.max() - values.min()) * 1.001 + 1e-4


@pytest.mark.parametrize("dim", [1, 2, 3, 7])
def test_levy_in_any_dimension(dim: int) -> None:
    points = np.random.default_rng(dim).uniform(-9, 9, (40, dim))
    w = 1 + (points - 1) / 4
    body = ((w - 1) ** 2 * (1 + 10 * np.sin(np.pi * w + 1) ** 2))[:, :-1].sum(1)
    tail = ((w - 1) ** 2 * (1 + np.sin(2 * np.pi * w) ** 2))[:, -1]
    first = {"first": np.sin(np.pi * w[:, 0]) ** 2, "last": np.sin(np.pi * w[:, -1]) ** 2}
    first["all"] = (np.sin(np.pi * w) ** 2).sum(1)
    for reading, wave in first.items():
        np.testing.assert_allclose(Levy(reading).value(points), wave + body + tail, rtol=1e-12)
        step = 1e-6 * np.eye(dim)
        rise = [(Levy(reading).value(points + s) - Levy(reading).value(points - s)) / 2e-6 for s in step]
        np.testing.assert_allclose(Levy(reading).gradient(points), np.stack(rise, -1), atol=2e-7)
    assert Levy().value(np.ones(dim)) < 1e-30


@pytest.mark.parametrize("name", [n for n, f in PLANE.items() if isinstance(f, Separable)])
def test_separable_formulas_and_arrays_are_one(name: str) -> None:
    at = PLANE[name]
    assert isinstance(at, Separable)
    for point in POINTS:
        exact = [sp.Rational(str(c)) for c in point]
        assert abs(float(at.formula(exact, SYMBOLS)) - at.value(point)) < 1e-12
        np.testing.assert_allclose([float(g) for g in at.formula_gradient(exact, SYMBOLS)], at.gradient(point))
        np.testing.assert_allclose(np.diagonal(at.hessian(point)), at.curvatures(point))


def test_ackley_at_its_kink() -> None:
    origin = np.zeros(2)
    assert Ackley().value(origin) == pytest.approx(0, abs=1e-14)
    assert np.all(Ackley().gradient(origin) == 0)
    assert np.all(np.isnan(Ackley().hessian(origin)))
    near = Ackley().hessian(np.array([1e-8, 0.0]))
    assert near[1, 1] > 1e8  # the cone's curvature across the radius grows without bound


def test_known_minima() -> None:
    assert GoldsteinPrice("plain").value(np.array([0.0, -1.0])) == 3
    assert np.all(GoldsteinPrice("plain").gradient(np.array([0.0, -1.0])) == 0)
    assert GoldsteinPrice(unit=True).value(np.array([0.5, 0.25])) == pytest.approx((np.log(3) - 8.693) / 2.427)
    assert Beale().value(np.array([3.0, 0.5])) == 0
    assert np.all(Beale().gradient(np.array([3.0, 0.5])) == 0)
    assert ThreeHumpCamel().value(np.zeros(2)) == 0
    assert AckleyRosenbrock(-1).value(np.zeros(2)) == pytest.approx(0.05 - 0.6)
    assert AckleyRosenbrock().value(np.zeros(2)) == pytest.approx(0.05 + 0.6)


def test_two_well_ties_and_a_batch_of_sharpness(xb: Any) -> None:
    ridge = np.array([0.5])  # s = 1: both branches meet at 1/2
    assert TwoWell(1, ties="flat").gradient(ridge) == 1
    assert TwoWell(1, ties="sharp").gradient(ridge) == -1
    assert TwoWell(1, ties="mean").gradient(ridge) == 0
    s = xb.array([2.0, 5.0, 100.0])
    at = xb.array(np.full((3, 4), 0.9))
    together = to_numpy(TwoWell(s).gradient(at))
    for row, single in zip(together, (2.0, 5.0, 100.0), strict=True):
        np.testing.assert_allclose(row, TwoWell(single).gradient(np.full(4, 0.9)))
    corners = np.array([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)])
    assert np.all(TwoWell(3).value(corners) == 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TwoWell(0.5), "sharpness must be at least 1"),
        (lambda: TwoWell(2, ties="left"), "ties must be"),
        (lambda: Levy("second"), "first must be"),
        (lambda: GoldsteinPrice("log"), "form must be"),
        (lambda: AckleyRosenbrock(2), "sign must be 1 or -1"),
        (lambda: Ackley().value(np.zeros(3)), "x must have 2 coordinates"),
        (lambda: Sphere().value(np.zeros(())), "x must have at least one coordinate"),
    ],
)
def test_bad_input_is_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_valley_is_continuous_at_its_kink_and_names_a_bad_curvature() -> None:
    at = Valley(4.0, 0.5)
    origin = np.zeros((1, 1))
    assert float(at.value(origin)[0]) == 0.0 and float(at.gradient(origin)[0, 0]) == 0.0
    with pytest.raises(ValueError, match="right must be positive, got 0"):
        Valley(1.0, 0)
