"""Claims of section 5: verdicts, controls, and the mathematics by other means."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from proofs_check.adamomentum import experiments, figure_2_sgdm, figure_2_speed, figure_2_stability, toys
from proofs_check.adamomentum.toy_runs import OURS, RIVALS, SLOPES, TOYS, distances, plain_distances, starts, times
from proofs_check.claim import Budget, rejects
from proofs_check.judge import judge_claim

EXPECTED = {
    "toy-functions": "proved",
    "toy-function-beale": "corrected",
    "figure-2-fastest": "refuted",
    "figure-2-rivals-much-slower": "refuted",
    "figure-2-stable": "refuted",
    "figure-2-sgdm-tuning": "corrected",
    "gan-fid": "needs data",
    "cifar10": "needs data",
    "imagenet": "needs data",
    "lstm-penn-treebank": "needs data",
    "transformer-iwslt14": "needs data",
    "tables-significance": "corrected",
}
MODULES = (toys, figure_2_speed, figure_2_stability, figure_2_sgdm, experiments)
CLAIMS = {claim.id.partition("/")[2]: claim for module in MODULES for claim in module.CLAIMS}


@cache
def entry(slug: str) -> dict[str, Any]:
    return judge_claim(CLAIMS[slug], Budget.QUICK)


def test_every_claim_of_the_section_is_here() -> None:
    assert set(CLAIMS) == set(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    assert entry(slug)["verdict"] == EXPECTED[slug], entry(slug)["evidence"].get("error")
    assert entry(slug)["control"]["caught"] and entry(slug)["control"]["parts"]


def test_printed_beale_by_a_local_search() -> None:
    def value(p: np.ndarray) -> float:
        x, y = p
        return float((1.5 - x + x * y) ** 2 + (2.2 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2)

    assert value(np.array([3.0, 0.5])) == pytest.approx(0.0025)
    found = minimize(value, [3.0, 0.5], method="BFGS", options={"gtol": 1e-10})
    assert found.fun == pytest.approx(0.0015221, abs=1e-7)
    assert found.x == pytest.approx([2.99888, 0.50621], abs=1e-5)


@pytest.mark.parametrize("method", (OURS, *RIVALS))
def test_two_codes_agree_where_the_runs_are_not_chaotic(method: str) -> None:
    path = distances("sphere", method)
    for k in (3, 77, 301):
        plain = np.array(plain_distances("sphere", method, starts("sphere")[k].tolist()))
        assert plain[:200] == pytest.approx(path[:200, k], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", TOYS)
def test_slopes_of_the_second_code(name: str) -> None:
    for point in starts(name)[::37]:
        assert SLOPES[name](*map(float, point)) == pytest.approx(
            [float(v) for v in TOYS[name].landscape.gradient(point)], rel=1e-10, abs=1e-10
        )


def test_times() -> None:
    path = np.array([[2.0, 2.0, 0.0], [0.05, 2.0, 0.0], [2.0, 2.0, 0.0], [0.01, 2.0, 0.0]])
    assert times(path, 0.1, "first").tolist() == [2.0, np.inf, 1.0]
    assert times(path, 0.1, "settled").tolist() == [4.0, np.inf, 1.0]


def test_heavy_ball_at_the_printed_rate_leaves_beales_minimum() -> None:
    x, m = np.array([3.0 + 1e-6, 0.5]), np.zeros(2)
    with np.errstate(all="ignore"):
        for _ in range(60):
            m = 0.9 * m + TOYS["beale"].landscape.gradient(x)
            x = x - 0.1 * m
    assert not np.linalg.norm(x - [3.0, 0.5]) < 1e-4


def test_checks_reject_false_statements() -> None:
    late = figure_2_speed.Fastest("sphere", ("RMSprop",), "settled", share=0.5)
    assert rejects(figure_2_speed.fastest(late, Budget.QUICK))
    assert rejects(figure_2_sgdm.best_rates(figure_2_sgdm.BestRates({"sphere": 1e-4}), Budget.QUICK))
    assert rejects(figure_2_speed.nowhere_fastest(figure_2_speed.NowhereFastest("camel", 0.1), Budget.QUICK))


def test_every_open_setting_has_a_share_of_its_own():
    both = figure_2_speed.OPEN_SETTINGS[::6]
    assert {setting.debias for setting in both} == {True, False}
    (found,) = figure_2_speed.nowhere_fastest(figure_2_speed.NowhereFastest("sphere", 0.5, both), Budget.FULL)
    assert found.instances == len(found.data["shares"]) == 4 * len(both)


def test_sgdm_on_the_sphere_is_the_heavy_ball_of_a_contraction() -> None:
    """Rate 0.1, curvature 2, momentum 0.9: z^2 - (1.9 - 0.2) z + 0.9 has roots of modulus sqrt(0.9)."""
    roots = np.roots([1.0, -1.7, 0.9])
    assert np.abs(roots) == pytest.approx([0.9**0.5] * 2)
    path = distances("sphere", "SGDM")
    assert np.all(path[-1] < 1e-20)
    assert rejects(figure_2_sgdm.inaccurate(figure_2_sgdm.Inaccurate(("sphere",), 0.99), Budget.QUICK))


def test_excursions_by_the_second_code() -> None:
    """Every 40th start on the sphere: median and largest distance after the first visit, as the data say."""
    found = []
    for start in starts("sphere")[::40].tolist():
        path = plain_distances("sphere", OURS, start)
        first = next(k for k, d in enumerate(path) if d < 0.1)
        found.append(max(path[first:]))
    whole = figure_2_stability._by_method(figure_2_stability.NoOscillation("sphere", 0.5))[OURS]
    assert whole is not None and max(found) <= whole[1] + 1e-3
    assert np.median(found) == pytest.approx(whole[0], rel=0.5)
