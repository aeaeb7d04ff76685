"""Claims about test functions and sharpness: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.landscapes import Ackley, AckleyRosenbrock, GoldsteinPrice, Levy, TwoWell
from proofs_check.claim import Budget, InconsistentEvidence, Witness, judge, rejects
from proofs_check.critical_momenta import goldstein_price, landscapes, minima, mixture, sharpness, two_well
from proofs_check.critical_momenta.places import Place, global_minimum_lies_in
from proofs_check.judge import judge_claim

EXPECTED = {
    "ackley": "proved",
    "goldstein-price": "corrected",
    "goldstein-price-minimum-place": "corrected",
    "gp-flat-region-contains-minimum": "refuted",
    "levy": "proved",
    "one-global-minimum-each": "proved",
    "ackley-rosenbrock": "corrected",
    "two-global-minima": "corrected",
    "sharpness-hmax": "proved",
    "m-sharpness": "supported",
}
CLAIMS = {claim.id.partition("/")[2]: claim for claim in landscapes.CLAIMS}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def part(slug: str, name: str) -> dict[str, Any]:
    return next(p for p in entry(slug)["evidence"]["parts"] if p["name"].startswith(name))


def point(found: dict[str, Any]) -> dict[str, Any]:
    return next(e for e in found["printed"] if e["type"] == "witness")["point"]


def test_every_claim_of_the_section_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (landscapes.ACKLEY_TEXT, Ackley()),
        (goldstein_price.PRINTED_TEXT, GoldsteinPrice("printed")),
        (goldstein_price.SCALED_TEXT, GoldsteinPrice()),
        (goldstein_price.UNIT_TEXT, GoldsteinPrice(unit=True)),
        (landscapes.LEVY_TEXT["first"], Levy()),
        (landscapes.LEVY_TEXT["last"], Levy("last")),
        (landscapes.LEVY_TEXT["all"], Levy("all")),
        (mixture._mixture_text(1), AckleyRosenbrock()),
        (mixture._mixture_text(-1), AckleyRosenbrock(-1)),
    ],
)
def test_transcribed_formulas_are_the_landscapes(text: str, at: Any) -> None:
    for p in np.random.default_rng(0).uniform(-2, 2, (20, 2)):
        place = Place(at, text, (0, 0), (1, 1), (0, 0), (1, 1))
        assert place.value(p) == pytest.approx(at.value(p), rel=1e-10, abs=1e-12)


def test_the_printed_goldstein_price_is_another_function() -> None:
    values = point(part("goldstein-price", "the display"))["values"]
    a, b = float(Fraction(values["A"])), float(Fraction(values["B"]))
    assert abs(np.log(a) * (b - 8.693) / 2.427 - (np.log(a * b) - 8.693) / 2.427) > 1e-3
    far = np.array([[3 * u + 3, 2 * u - 3] for u in (1e2, 1e4, 1e8)]) / 5
    falling = GoldsteinPrice("printed").value(far)
    assert np.all(np.diff(falling) < 0) and falling[-1] < -150


def test_flattest_minimum_by_numerical_hessians() -> None:
    """Curvatures from autograd-free second differences of the logarithm, at the four classical minima."""
    points = np.array([[0, -1], [-0.6, -0.4], [1.8, 0.2], [1.2, 0.8]])
    at = GoldsteinPrice()
    h = 1e-4
    tops = []
    for p in points:
        columns = [(at.gradient(p + h * e) - at.gradient(p - h * e)) / (2 * h) for e in np.eye(2)]
        tops.append(np.linalg.eigvalsh(np.array(columns))[-1])
        assert np.linalg.norm(at.gradient(p)) < 1e-10
    np.testing.assert_allclose(tops, [132.55995, 59.60833, 128.59485, 6.47605], rtol=1e-5)
    assert np.argmin(at.value(points)) == np.argmax(tops) == 0


@pytest.mark.parametrize(("sign", "expected"), [(1, (2.9946, 9.0006)), (-1, (0.0005, 0.0))])
def test_global_minimum_of_the_mixture_by_descents(sign: Any, expected: tuple[float, float]) -> None:
    at = AckleyRosenbrock(sign)
    starts = np.random.default_rng(0).uniform((-1, -2), (3.7, 12), (100, 2))
    starts = np.concatenate([starts, [[3.0, 9.0], [0.01, 0.0]]])
    # No derivatives: the minimum with a minus lies beside a kink.
    ends = [minimize(at.value, s, method="Nelder-Mead", options={"xatol": 1e-9}) for s in starts]
    best = min(ends, key=lambda e: e.fun)
    np.testing.assert_allclose(best.x, expected, atol=6e-5)
    better = point(part("ackley-rosenbrock", "global minimum, sign " + ("+" if sign > 0 else "-")))["better point"]
    assert at.value(np.array(better)) <= best.fun + 1e-12
    assert at.value(np.array([2.1, 3.9])) > best.fun + 0.3


def test_origin_of_the_mixture_with_minus_is_no_minimum() -> None:
    at = AckleyRosenbrock(-1)
    assert at.value(np.array([0.000469, 0.0])) < at.value(np.zeros(2)) - 1e-6


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("s", [1.5, 2.0, 100.0])
def test_global_minima_of_the_wells_on_a_lattice(dim: int, s: float) -> None:
    axis = np.array([-1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2])
    points = np.array(list(product(axis, repeat=dim)))
    zero = points[TwoWell(s).value(points) == 0]
    assert {tuple(p) for p in zero} == set(product((0.0, 1.0), repeat=dim))


def test_share_of_starts_in_the_flat_basin() -> None:
    from analysis.escape import in_flat_basin
    from analysis.runs import uniform_starts

    starts = uniform_starts(400_000, [-5] * 10, [5] * 10, 0)
    for s, expected in ((2.0, 0.0030), (100.0, 0.0052)):
        assert abs(in_flat_basin(starts, s).mean() - expected) < 4 * np.sqrt(expected / 400_000) + 5e-5


def test_minima_of_levy_are_products_of_single_coordinates() -> None:
    found = part("one-global-minimum-each", "Levy")["printed"][0]["data"]
    assert found["counts"] == {"minimum": 40, "saddle": 75, "maximum": 35}
    points = [p for p, _, _ in found["minima: point, value, h_max"]]
    axes = [sorted({round(p[i], 4) for p in points}) for i in (0, 1)]
    assert len(axes[0]) * len(axes[1]) == len(points) == 40
    for p, value, top in found["minima: point, value, h_max"]:
        at = np.array(p)
        assert Levy().value(at) == pytest.approx(value, abs=1e-9)
        assert np.linalg.eigvalsh(Levy().hessian(at))[-1] == pytest.approx(top, rel=1e-5)


def test_bounds_of_the_rise_enclose_random_perturbations() -> None:
    rng = np.random.default_rng(0)
    for h, g, r in sharpness._instances(25):
        low, high = sharpness._bounds(h, g, r)
        assert low <= high
        eps = rng.standard_normal((20_000, len(g)))
        eps *= float(r) / np.linalg.norm(eps, axis=1, keepdims=True)
        rise = eps @ g.astype(float) + 0.5 * np.einsum("ni,ij,nj->n", eps, h.astype(float), eps)
        assert rise.max() <= float(high) + 1e-12


def test_place_check_rejects_what_it_must() -> None:
    def quadratic(low: Any, high: Any) -> Place:
        return Place(Levy(), landscapes.LEVY_TEXT["first"], low, high, (-3, -3), (3, 3))

    assert judge(global_minimum_lies_in(quadratic((1, 1), (1, 1)), Budget.QUICK)) == "proved"
    assert judge(global_minimum_lies_in(quadratic((0.5, 0.5), (1.5, 1.5)), Budget.QUICK)) == "proved"
    for wrong in (((1, 0), (1, 0)), ((-2, -2), (0, 0))):
        evidence = global_minimum_lies_in(quadratic(*wrong), Budget.QUICK)
        assert isinstance(evidence[0], Witness) and rejects(evidence)
    unproved = Place(
        Levy(), landscapes.LEVY_TEXT["first"], (1, 1), (1, 1), (-3, -3), (3, 3), lambda infimum: {"beyond": False}
    )
    with pytest.raises(InconsistentEvidence, match="beyond"):
        judge(global_minimum_lies_in(unproved, Budget.QUICK))


@pytest.mark.parametrize("off", [Fraction(1, 10**12), Fraction(1, 10**8)])
def test_a_point_that_no_box_tells_from_the_minimum_is_not_proved(off: Fraction) -> None:
    beyond = landscapes._ackley_beyond
    cone = Place(Ackley(), landscapes.ACKLEY_TEXT, (off, 0), (off, 0), (-5, -5), (5, 5), beyond, 1e-6)
    smooth = goldstein_price._place("scaled", goldstein_price.SCALED_TEXT, False, (0, -1 + off), (0, -1 + off))
    for place in (cone, smooth):
        assert rejects(global_minimum_lies_in(place, Budget.QUICK))


def test_a_search_that_leaves_the_global_minimum_out_proves_nothing_of_the_plane() -> None:
    ackley = ((Fraction(9, 10), Fraction(-1, 10)), (1, Fraction(1, 10)), (Fraction(1, 2), -5), (5, 5))
    gp = ((Fraction(-7, 10), Fraction(-1, 2)), (Fraction(-1, 2), Fraction(-3, 10)), (-2, Fraction(-7, 10)), (2, 2))
    window = ((-2, -1), (Fraction(5, 2), 6))
    for place in (
        Place(Ackley(), landscapes.ACKLEY_TEXT, *ackley, landscapes._ackley_beyond, 1e-6),
        Place(GoldsteinPrice(), goldstein_price.SCALED_TEXT, *gp, goldstein_price._beyond),
        Place(
            Levy(),
            landscapes.LEVY_TEXT["first"],
            (-5, -5),
            (0, 0),
            (-10, -10),
            (0, 0),
            landscapes._levy_beyond("first"),
        ),
        Place(
            AckleyRosenbrock(),
            mixture._mixture_text(1),
            *mixture._rounded("2.00", "4.00"),
            *window,
            mixture._mixture_beyond(1, *window),
        ),
    ):
        assert rejects(global_minimum_lies_in(place, Budget.QUICK))
        assert judge(global_minimum_lies_in(replace(place, beyond=None), Budget.QUICK)) == "proved"


def test_one_of_several_global_minima_is_not_accepted_as_the_only_one() -> None:
    text = "min(x*x, 3*(x-1)**2) + min(y*y, 3*(y-1)**2)"
    one = Place(TwoWell(Fraction(3)), text, (0, 0), (0, 0), (-2, -2), (2, 2))
    assert rejects(global_minimum_lies_in(one, Budget.QUICK))


def test_checks_reject_broken_statements() -> None:
    assert rejects(two_well._global_minima_of_wells(two_well.Minimisers((0, 1, 2), "every"), Budget.QUICK))
    assert rejects(two_well._well_sharpness((2, 2), Budget.QUICK))
    assert rejects(goldstein_price._several_minima(("plain", 4, 2), Budget.QUICK))
    assert rejects(sharpness._hessians({"camel": sharpness._WrongHessian()}, Budget.QUICK))
    assert rejects(minima.several_minima(minima.Minima(Levy(), (-4, -4), (4, 4), 3), Budget.QUICK))
