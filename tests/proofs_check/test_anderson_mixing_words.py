"""Matrix algebra by rewriting, step-by-step comparison, simulated runs and dropped hypotheses of Anderson mixing."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest
import sympy as sp

from optassay.optimizers import AndersonMixing
from proofs_check.anderson_mixing import biased, hypotheses, krylov_proof, simulations, stepwise, tiny
from proofs_check.anderson_mixing.algebra import IDENTITY, Matrix, axioms, letters, recording
from proofs_check.anderson_mixing.algorithm_checks import largest_damping
from proofs_check.claim import Budget, Witness, rejects
from proofs_check.judge import replay


def numbers(expression: Matrix, values: dict[str, np.ndarray], size: int) -> np.ndarray:
    """The expression with arrays in place of its letters."""
    total = np.zeros((size, size))
    for word, factor in expression.terms.items():
        term = np.eye(size)
        for letter in word:
            term = term @ (values[letter[:-1]].T if letter.endswith("'") else values[letter])
        total += float(factor) * term
    return total


def test_words_are_matrices() -> None:
    rng = np.random.default_rng(0)
    a, b, c = letters("A B C")
    values = dict(zip("ABC", rng.standard_normal((3, 4, 4)), strict=True))
    left = (2 * a - b) @ (c + IDENTITY) @ a.T - b
    expected = (2 * values["A"] - values["B"]) @ (values["C"] + np.eye(4)) @ values["A"].T - values["B"]
    np.testing.assert_allclose(numbers(left, values, 4), expected, atol=1e-12)
    np.testing.assert_allclose(numbers(left.T, values, 4), expected.T, atol=1e-12)
    assert (left - left).is_zero()
    assert not (a @ b - b @ a).is_zero()


def test_axioms_hold_for_pseudo_inverses_and_reduce_by_them_only() -> None:
    rng = np.random.default_rng(1)
    r = rng.standard_normal((5, 5))
    r[:, 3:] = r[:, :2]
    values = {"R": r, "R+": np.linalg.pinv(r)}
    for pattern, replacement in axioms("R").items():
        np.testing.assert_allclose(
            numbers(Matrix({pattern: 1}), values, 5), numbers(replacement, values, 5), atol=1e-10
        )
    (letter,) = letters("R")
    plus = Matrix({("R+",): 1})
    assert (letter @ plus @ letter @ plus - letter @ plus).is_zero(axioms("R"))
    assert not (letter @ plus - IDENTITY).is_zero(axioms("R"))  # R need not be regular


def test_symmetric_letters_and_recorded_inverses() -> None:
    (z,) = letters("Z", symmetric=True)
    (a,) = letters("A")
    assert ((a @ z @ a.T).T - a @ z @ a.T).is_zero()
    assert not ((a @ a).T - a @ a).is_zero()
    pinv, asked = recording()
    assert (pinv(a + z) - letters("Z+")[0]).is_zero()
    assert (asked[0] - a - z).is_zero()


def test_rules_that_run_for_ever_are_refused() -> None:
    (a,) = letters("A")
    with pytest.raises(RuntimeError, match="come to an end"):
        a.reduce({("A",): a})


def test_the_induction_needs_each_of_its_axioms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert krylov_proof.induction().holds
    whole = krylov_proof.axioms
    monkeypatch.setattr(krylov_proof, "axioms", lambda name: dict(list(whole(name).items())[:2]))
    failed = [name for name, held in krylov_proof.induction().steps.items() if not held]
    assert any(name.startswith("2.") for name in failed)


# --- steps ------------------------------------------------------------------------------------------------------


def am(h: dict[str, float]) -> AndersonMixing:
    return AndersonMixing(3, h["beta"], h["alpha"])


HYPER = ({"beta": "1/2", "alpha": "1"},)


@pytest.mark.parametrize("wrong", [{"memory": 2}, {"delta": "constant", "hyper": ({**HYPER[0], "delta": "1/1000"},)}])
def test_steps_of_another_method_are_rejected_and_replayed(wrong: dict) -> None:
    statement = stepwise.SameSteps(**{"rule": am, "hyper": HYPER, "delta": "none", "sizes": (7,), **wrong})
    (witness,) = stepwise.same_steps(statement, Budget.QUICK)
    assert isinstance(witness, Witness) and witness.stands
    assert replay(dict(witness.point), witness.replay)


def test_the_possible_loss_grows_with_the_condition_number() -> None:
    rng = np.random.default_rng(2)
    hyper, found = {"beta": 0.5, "alpha": 1.0}, []
    for spread in (1.0, 1e-4, 1e-8):
        direction, base = rng.standard_normal(7), rng.standard_normal((4, 7))
        residuals = list(np.cumsum(base * spread + direction, axis=0))
        found.append(stepwise.loss(list(rng.standard_normal((4, 7))), residuals, hyper, 3, "none", "points"))
    assert found[0] < 1e-9
    assert found[0] < 1e-3 * found[1] < 1e-6 * found[2]


# --- hypotheses -------------------------------------------------------------------------------------------------


def test_the_bias_at_order_beta_from_its_limit() -> None:
    """beta to 0: x_k - x_(k-1) = beta r_(k-1); the mean of h r over both samples is the drift at the minimum."""
    total = F(0)
    for (before, p), (now, q) in product(((F(4), F(1, 5)), (F(-1), F(4, 5))), repeat=2):
        r_old, r = -before, -now
        half = r * (r - r_old) / ((r - r_old) ** 2 + biased.C * r_old**2)
        total += p * q * (1 - min(half, 1 - biased.MU)) * r
    assert F(2, 5) < total < F(1, 2)  # not zero, and no power of beta in front
    beta = F(1, 10**6)
    exact = F(0)
    for i, j in product(range(5), repeat=2):
        r_old, r = -biased.SKEW.gradient(F(0), (i,)), -biased.SKEW.gradient(F(0), (j,))
        h, _ = tiny.step(F(0), r, (-beta * r_old, r_old), beta, biased.C, biased.MU, F(1))
        exact += h * r / beta / 25
    assert abs(exact - total) < F(1, 1000)


def test_simulated_noise_and_gradient_are_as_stated() -> None:
    """At the minimum one step moves by beta times noise of length sigma; the gradient is that of f."""
    found = simulations.simulate(0.5, 1, 0.5, 1.0, 2.0, 1, 2000, 3, 0.0)
    beta = float(found.betas[0])
    assert np.all(found.squares[0] == 0)
    assert np.mean(found.values[1]) == pytest.approx((2.0 * beta) ** 2, rel=0.02)  # f = |y|^2 near the minimum
    y = sp.Symbol("y")
    f = y**2 / (1 + y**2)
    assert sp.simplify(sp.diff(f, y) - 2 * y / (1 + y**2) ** 2) == 0
    curvature = sp.lambdify(y, sp.diff(f, y, 2))(np.linspace(-5, 5, 10001))
    assert np.max(np.abs(curvature)) <= simulations.LIPSCHITZ


@pytest.mark.parametrize("name", [n for n in hypotheses.INSTANCES if n != "nothing"])
def test_each_dropped_hypothesis_has_a_witness(name: hypotheses.Dropped) -> None:
    assert rejects(hypotheses.conclusion(name, Budget.QUICK))
    assert not rejects(hypotheses.conclusion("nothing", Budget.QUICK))


def test_a_damping_that_is_not_the_largest_is_rejected() -> None:
    assert not rejects(largest_damping(1.001, Budget.QUICK))
    for scale in (1.0, 0.9999):  # 1: the same damping satisfies (13), it cannot also fail to
        assert rejects(largest_damping(scale, Budget.QUICK))
