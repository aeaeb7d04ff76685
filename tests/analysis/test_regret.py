"""Online games, regret, theorem 1's bound along a run, orders of growth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.games import (
    AdversarialGame,
    Game,
    HingeGame,
    LinearGame,
    LogisticGame,
    QuadraticGame,
    duality_gap,
    reddi_game,
)
from analysis.rates import bootstrap_order, check_bound, order
from analysis.reddi import METHODS, counterexample_rules, play_pairs, worst_average
from analysis.regret import corollary_bound, play, regret_bound
from optassay import rounds
from optassay._compiler import compiler
from optassay.arrays import to_numpy
from optassay.optimizers import Adam, AdaMomentum, AMSGrad, GradientDescent, InverseSqrt

RNG = np.random.default_rng(5)
FEATURES = RNG.standard_normal((5, 2))
LABELS = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
GAMES: dict[str, Game] = {
    "linear": LinearGame((2.0, -1.0, -0.5)),
    "adversarial": AdversarialGame(1.5),
    "quadratic": QuadraticGame((1.0, -0.5, 0.25), 2.0, -0.2, 3.0),
    "hinge": HingeGame(4.0),
    "logistic": LogisticGame(FEATURES, LABELS, -1.0, 1.0),
}
OBLIVIOUS = [name for name in GAMES if name != "adversarial"]


def _theorem_rule(**changes: Any) -> AdaMomentum:
    return AdaMomentum(**{"step_size": InverseSqrt(0.5), "epsilon": 0.0, "debias": False, **changes})


@pytest.mark.parametrize("name", GAMES)
def test_gradients_are_subgradients(name: str) -> None:
    game = GAMES[name]
    low, high = max(game.low, -3.0), min(game.high, 3.0)
    points, others = RNG.uniform(low, high, (2, 300, 2))
    for t in range(1, 8):
        if name == "adversarial":  # the slope answers the point: compare along its own linear loss
            slope = game.gradient(t, points)
            np.testing.assert_allclose(game.value(t, points), np.sum(slope * points, axis=-1))
            assert np.all(slope * points >= 0)
            continue
        linear = game.value(t, points) + np.sum(game.gradient(t, points) * (others - points), axis=-1)
        assert np.all(game.value(t, others) >= linear - 1e-12)


@pytest.mark.parametrize("name", OBLIVIOUS)
@pytest.mark.parametrize("rounds", [1, 4, 17])
def test_comparator_against_a_general_minimiser(name: str, rounds: int) -> None:
    game = GAMES[name]
    point, total = game.best(rounds, np.zeros(2))
    assert total == pytest.approx(sum(game.value(t, point) for t in range(1, rounds + 1)), rel=1e-12)
    low, high = max(game.low, -5.0), min(game.high, 5.0)

    def objective(x: np.ndarray) -> float:
        return float(sum(game.value(t, x) for t in range(1, rounds + 1)))

    many, sums = game.best(np.array([rounds, rounds + 1]), np.zeros((2, 3, 2)))
    np.testing.assert_allclose(many[0], np.tile(point, (3, 1)), rtol=1e-12)
    np.testing.assert_allclose(sums[0], np.full(3, float(total)), rtol=1e-12)
    np.testing.assert_allclose(sums[1], np.full(3, float(game.best(rounds + 1, np.zeros(2))[1])), rtol=1e-12)
    starts = RNG.uniform(low, high, (4, 2))
    best = min(minimize(objective, s, bounds=[(low, high)] * 2, method="Powell").fun for s in starts)
    assert float(total) <= best + 1e-7


def test_comparator_of_the_logistic_game_is_certified() -> None:
    game = GAMES["logistic"]
    assert isinstance(game, LogisticGame)
    assert 0 <= duality_gap(game, 13) < 1e-7


def test_regret_by_a_second_loop() -> None:
    game, rounds = reddi_game(3.0), 25
    found = play(Adam(step_size=InverseSqrt(0.4)), game, np.array([0.3]), rounds, record=[3, 25])
    x, m, v, losses = 0.3, 0.0, 0.0, []
    for t in range(1, rounds + 1):
        c = 3.0 if t % 3 == 1 else -1.0
        losses.append(c * x)
        m, v = 0.9 * m + 0.1 * c, 0.999 * v + 0.001 * c * c
        step = 0.4 / t**0.5 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        x = min(1.0, max(-1.0, x - step))
    # 9 large slopes and 16 small ones: total slope 11, best point -1; after 3 rounds it is 1.
    np.testing.assert_allclose(found.regret, [sum(losses[:3]) + 1, sum(losses) + 11], rtol=1e-12)
    np.testing.assert_allclose(found.average, found.regret / np.array([3, 25]))


def test_a_batch_is_its_players_side_by_side(xb: Any) -> None:
    alphas = np.array([0.1, 0.5, 2.0])
    game = QuadraticGame((1.0, -0.5), low=-1.0, high=1.0)
    start = np.full((3, 2), 0.7)
    rule = _theorem_rule(step_size=InverseSqrt(xb.array(alphas)))
    together = play(rule, game, xb.array(start), 30, record=[10, 30], bound=True)
    alone = [play(_theorem_rule(step_size=InverseSqrt(a)), game, start[0], 30, record=[10, 30]) for a in alphas]
    xb.assert_close(together.regret, np.stack([r.regret for r in alone], axis=1), rtol=1e-10, atol=1e-12)
    assert together.bound is not None
    assert to_numpy(together.bound.printed).shape == (2, 3)


def test_bound_terms_by_hand() -> None:
    """Two rounds of a linear game in plain arithmetic."""
    b1, b2, alpha = 0.5, 0.64, 0.5
    found = play(_theorem_rule(beta1=b1, beta2=b2), LinearGame((1.0,)), np.array([0.0]), 2, bound=True)
    m1, m2 = 0.5, 0.75
    v1 = 0.36 * m1**2
    v2 = b2 * v1 + 0.36 * m2**2
    x2 = -alpha * m1 / v1**0.5
    assert x2 == pytest.approx(-0.5 / 0.6)
    width, gamma, a = 1.0, b1 / 0.8, 2.0  # iterates 0 and -0.83, comparator -1
    last = alpha * (1 + np.log(2)) ** 0.5 / 0.6 * 2**0.5
    second = a * width**2 / (2 * alpha) * b1 * (v1**0.5 + (2 * v2) ** 0.5)
    terms = found.bound
    assert terms is not None
    np.testing.assert_allclose(terms.first, a * width**2 / (2 * alpha) * (2 * v2) ** 0.5)
    np.testing.assert_allclose(terms.second, second)
    np.testing.assert_allclose(terms.third, a**3 / (1 - gamma) * last)
    np.testing.assert_allclose(terms.sharp_second, second * (b1 / (1 - b1)) / (a * b1))
    np.testing.assert_allclose(terms.sharp_third, a * (2 * a - 1.5) * last)
    np.testing.assert_allclose(found.regret, [0.0 + x2 + 2.0])
    assert found.monotone == 2


def test_bound_is_infinite_for_large_gamma() -> None:
    one = np.ones(1)
    terms = regret_bound(4, 0.5, 0.9, 0.5, one, one, one, one, one)
    assert np.isinf(terms.third) and np.isfinite(terms.sharp)


@pytest.mark.parametrize("name", GAMES)
def test_sharp_bound_holds_with_a_running_maximum(name: str) -> None:
    b1, b2 = np.array([0.0, 0.5, 0.9, 0.9]), np.array([0.3, 0.9, 0.5, 0.999])
    rule = _theorem_rule(beta1=b1, beta2=b2, amsgrad=True)
    found = play(rule, GAMES[name], np.full((4, 2), 0.5), 200, record=[1, 5, 50, 200], bound=True)
    assert found.bound is not None and found.monotone is not None
    assert np.all(found.monotone == 200)
    assert np.all(check_bound(found.regret, found.bound.sharp).worst_ratio <= 1)


def test_counterexample_of_reddi_et_al() -> None:
    """Without memory of gradients Adam goes to the worst point; a running maximum finds the best one."""
    settings: dict[str, Any] = {"step_size": InverseSqrt(0.5), "beta1": 0.0, "epsilon": 0.0, "debias": False}
    for size in (3.0, 10.0):
        b2 = 1 / (1 + size**2)
        worst = 2 / 3 * (size - 2)
        plain = [play(kind(**settings, beta2=b2), reddi_game(size), np.zeros(1), 2000) for kind in (Adam, AdaMomentum)]
        for run in plain:
            assert float(run.average[-1]) == pytest.approx(worst, rel=0.03)
            assert float(run.points[-1, 0]) > 0.9
        for rule in (AMSGrad(**settings, beta2=b2), AdaMomentum(**settings, beta2=b2, amsgrad=True)):
            run = play(rule, reddi_game(size), np.zeros(1), 2000)
            assert float(run.average[-1]) < 0.05
            assert float(run.points[-1, 0]) == -1.0


@pytest.mark.parametrize("name", GAMES)
def test_recording_every_round_is_recording_some(name: str, xb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.regret.STRETCH", 20)  # five rounds of four numbers
    rule, start = _theorem_rule(beta1=xb.array(np.array([0.3, 0.9])), amsgrad=True), xb.array(np.full((2, 2), 0.5))
    every = play(rule, GAMES[name], start, 23, record=range(1, 24), bound=True)
    some = play(rule, GAMES[name], start, 23, record=[2, 7, 8, 23], bound=True)
    assert every.rounds == tuple(range(1, 24))
    assert every.bound is not None and some.bound is not None
    rows = [1, 6, 7, 22]
    for a, b in (
        (every.regret, some.regret),
        (every.distance, some.distance),
        *zip(every.bound, some.bound, strict=True),
    ):
        xb.assert_close(b, to_numpy(a)[rows], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(to_numpy(every.points)[rows], to_numpy(some.points))


@pytest.mark.skipif(compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("name", GAMES)
def test_compiled_games_are_the_same_games(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    b1, b2 = np.array([0.0, 0.5, 0.9, 0.9]), np.array([0.3, 0.9, 0.5, 0.999])
    found = []
    for worth in (0, 10**9):
        monkeypatch.setattr(rounds._run, "WORTH", worth)
        rule = _theorem_rule(beta1=b1, beta2=b2, amsgrad=True)
        found.append(play(rule, GAMES[name], np.full((4, 2), 0.5), 320, record=[1, 2, 300, 320], bound=True))
    compiled, direct = found
    # Exponentials and logarithms of two libraries may differ in the last bit; all other games agree in every bit.
    tolerance = 1e-9 if name == "logistic" else 0.0
    for a, b in ((compiled.regret, direct.regret), (compiled.points, direct.points)):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert compiled.bound is not None and direct.bound is not None
    for a, b in zip(compiled.bound, direct.bound, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance)
    np.testing.assert_array_equal(compiled.monotone, direct.monotone)


@pytest.mark.skipif(compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("name", GAMES)
def test_long_games_are_compiled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[rounds.Rounds] = []
    monkeypatch.setattr("analysis.regret.Rounds", lambda *args: loops.append(rounds.Rounds(*args)) or loops[-1])
    play(_theorem_rule(), GAMES[name], np.zeros(2), 5000, bound=True)
    assert loops[0].compiled
    play(_theorem_rule(), GAMES[name], np.zeros(2), 50, bound=True)
    assert not loops[1].compiled


def test_counterexample_with_a_longer_period() -> None:
    """Where C = 3 is harmless, C = 10 once in ten rounds leads to the worst point."""
    averages = {}
    for size in (3, 10):
        rules = counterexample_rules((0.4,), (0.6,))
        averages[size] = [float(play_pairs(rules[m], float(size), size, 6000).average[-1, 0]) for m in METHODS]
    assert averages[3] == pytest.approx([0.0] * 4, abs=0.03)
    worst = worst_average(10.0, 10)
    assert worst == pytest.approx(0.2)
    adam, amsgrad, ours, maximum = averages[10]
    assert (adam, ours) == pytest.approx((worst, worst), rel=0.1)
    assert max(amsgrad, maximum) < worst / 3


def test_corollary_bounds_the_theorem_under_unit_gradients() -> None:
    b1, b2, lam, alpha, record = 0.8, 0.9, 0.7, 0.6, [1, 3, 10, 100, 400]
    rule = _theorem_rule(step_size=InverseSqrt(alpha), beta1=lambda t: b1 * lam ** (t - 1), beta2=b2, amsgrad=True)
    found = play(rule, AdversarialGame(), np.zeros(1), 400, record=record, bound=True)
    assert found.bound is not None
    bound = corollary_bound(record, alpha, b1, b2, lam, found.distance[:, 0], 1.0)
    assert np.all(found.bound.printed <= np.array(record) * bound)
    # By hand at T = 1: no logarithm, D = 2.
    assert corollary_bound(1, 1.0, 0.5, 0.81, 0.5, 2.0, 3.0) == pytest.approx(8 * 3 / (4 / 9 * 0.19**0.5) + 12 + 24)


def test_online_gradient_descent_has_the_classic_order() -> None:
    record = sorted({int(t) for t in np.geomspace(10, 3000, 15)})
    rates = np.array([0.5, 1.0, 2.0])
    found = play(GradientDescent(InverseSqrt(rates)), AdversarialGame(), np.zeros((3, 1)), 3000, record=record)
    slope = order(record, found.regret)
    assert np.all(np.abs(slope.power - 0.5) < 0.15)
    bound = 2.0 / rates + rates  # D^2 sqrt(T) / (2 alpha) + alpha sqrt(T), D = 2, unit gradients
    limit = np.sqrt(np.array(record))[:, None] * bound[None, :]
    assert np.all(check_bound(found.regret, limit).violations == 0)


def test_orders_of_known_powers() -> None:
    times = np.arange(1, 40)
    exact = order(times, 3.0 * times[:, None] ** np.array([0.5, 1.5]))
    np.testing.assert_allclose(exact.power, [0.5, 1.5])
    noisy = times[:, None] ** 0.75 * np.exp(0.3 * np.random.default_rng(0).standard_normal((39, 60)))
    found = bootstrap_order(times, noisy, 1, draws=200)
    assert found.low < 0.75 < found.high and found.high - found.low < 0.2
    again = bootstrap_order(times, noisy, 1, draws=200)
    assert again == found


def test_interval_of_an_order_covers_as_often_as_it_says() -> None:
    """Random walks around a power law: the bootstrap over runs covers, Sen's interval of one run much less often."""
    rng, times, trials = np.random.default_rng(2), np.array([1, 2, 3, 5, 8, 13, 21, 34]), 30
    covered = single = 0
    for trial in range(trials):
        walks = np.cumsum(0.1 * rng.standard_normal((8, 30)) - 0.005, axis=0)  # exponentials of mean 1
        values = times[:, None] ** 0.5 * np.exp(walks)
        many, one = bootstrap_order(times, values, trial, draws=100, level=0.9), order(times, values[:, 0], 0.9)
        covered += many.low <= 0.5 <= many.high
        single += one.low <= 0.5 <= one.high
    assert covered >= 23  # 27 expected; fewer than 23 in 3 of 100 sets of trials
    assert single <= 21


def test_check_bound(xb: Any) -> None:
    actual = np.array([[1.0, 2.0, 0.0], [3.0, 2.0, 1.0]])
    bound = np.array([[2.0, 2.0, 0.0], [2.0, 4.0, -1.0]])
    found = check_bound(xb.array(actual), xb.array(bound))
    xb.assert_close(found.slack, bound - actual)
    np.testing.assert_array_equal(to_numpy(found.worst_ratio), [1.5, 1.0, np.inf])
    np.testing.assert_array_equal(to_numpy(found.worst_at), [1, 0, 1])
    np.testing.assert_array_equal(to_numpy(found.violations), [1, 0, 1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: play("adam", reddi_game(3), np.zeros(1), 3), TypeError, "rule must be an update rule"),  # type: ignore[arg-type]
        (lambda: play(Adam(), reddi_game(3), np.zeros(1), 0), ValueError, "rounds must be at least 1"),
        (lambda: play(Adam(), reddi_game(3), np.zeros(1), 3, record=[2, 2]), ValueError, "record must be increasing"),
        (lambda: play(Adam(), reddi_game(3), np.zeros(1), 3, record=[4]), ValueError, "record must be increasing"),
        (lambda: play(Adam(), reddi_game(3), np.zeros(1), 3, bound=True), TypeError, "bound needs rule"),
        (lambda: play(AdaMomentum(), reddi_game(3), np.zeros(1), 3, bound=True), TypeError, "bound needs rule"),
        (lambda: reddi_game(2), ValueError, "size must be above 2"),
        (lambda: reddi_game(9.0, 10), ValueError, "size must be above 9"),
        (lambda: reddi_game(9.0, 1), ValueError, "period must be at least 2"),
        (lambda: corollary_bound(1, 1.0, 0.5, 0.9, 1.0, 1.0, 1.0), ValueError, "decay must lie in"),
        (lambda: corollary_bound(1, 1.0, 0.5, 0.2, 0.5, 1.0, 1.0), ValueError, "beta1 must be below sqrt"),
        (lambda: HingeGame(1.0), ValueError, "size must be above 2"),
        (lambda: LinearGame(()), ValueError, "pattern must be finite numbers"),
        (lambda: LinearGame((1.0,), 1.0, 1.0), ValueError, "low must be below high"),
        (lambda: LinearGame((1.0,), -np.inf, 1.0), ValueError, "bounded interval"),
        (lambda: AdversarialGame(0.0), ValueError, "size must be positive"),
        (lambda: QuadraticGame((1.0,), 0.0), ValueError, "curvature must be positive"),
        (lambda: LogisticGame(FEATURES, LABELS[:2]), ValueError, "features and labels"),
        (lambda: LogisticGame(FEATURES, LABELS * 2), ValueError, "labels must be 1 or -1"),
        (lambda: check_bound(np.zeros(2), np.zeros(3)), ValueError, "share a shape"),
        (lambda: check_bound(np.zeros(2), np.zeros(2), -1.0), ValueError, "tolerance"),
        (lambda: order([1, 2], np.ones(2)), ValueError, "three or more"),
        (lambda: order([1, 3, 2], np.ones(3)), ValueError, "increasing"),
        (lambda: order([1, 2, 3], np.array([1.0, 0.0, 1.0])), ValueError, "values must be positive"),
        (lambda: order([1, 2, 3], np.ones(3), 1.0), ValueError, "level must lie"),
        (lambda: bootstrap_order([1, 2, 3], np.ones(3), 0), ValueError, "at least two runs"),
        (lambda: bootstrap_order([1, 2, 3], np.ones((3, 2)), 0, draws=5), ValueError, "draws must be"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
