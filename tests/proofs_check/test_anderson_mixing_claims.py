"""Claims of "Stochastic Anderson Mixing": verdicts, spot values of witnesses and repairs, checks that must reject."""

from __future__ import annotations

import json
from fractions import Fraction as F

import numpy as np
import pytest

from optassay.arrays import context
from optassay.optimizers import Adagrad, _projection
from optassay.optimizers._gram import History
from proofs_check._encode import encode
from proofs_check.anderson_mixing import (
    algorithms,
    enhancements,
    histories,
    krylov,
    mixing,
    positivity,
    safeguard,
    sam,
    small_eigenproblem,
    superlinear,
)
from proofs_check.anderson_mixing.costs import storage
from proofs_check.anderson_mixing.krylov_equivalence import SameAsGMRES, same_as_gmres
from proofs_check.checks.matrices import MatrixIdentity, matrix_identity
from proofs_check.checks.rational import fractions
from proofs_check.claim import Budget, Claim, InconsistentEvidence, Witness, rejects
from proofs_check.judge import judge_claim, replay
from quadratics.krylov import anderson_iterates, exact_anderson, exact_gmres, gmres_iterates

VERDICTS = {
    "algorithm-am": "supported",
    "algorithm-ram": "supported",
    "algorithm-1-sam": "supported",
    "algorithm-adasam": "supported",
    "algorithm-2-sam-vr": "supported",
    "algorithm-preconditioned": "supported",
    "algorithm-safeguard": "supported",
    "algorithm-incremental-gram": "supported",
    "algorithm-gmres-minres-comparison": "supported",
    "least-squares-projection": "proved",
    "full-forms": "proved",
    "frobenius-secant-characterisation": "proved",
    "remark-1-quadratic-projection": "proved",
    "momentum-and-extragradient": "proved",
    "ram-solution": "proved",
    "adaptive-regularisation-solution": "proved",
    "sam-update-matrix": "proved",
    "adasam-regularisation-lower-bound": "proved",
    "positive-definiteness-condition": "proved",
    "small-eigenproblem": "corrected",
    "small-eigenproblem-cost": "proved",
    "preconditioned-full-form": "proved",
    "preconditioned-frobenius": "proved",
    "preconditioner-as-optimizer": "corrected",
    "preconditioned-minimal-residual": "proved",
    "remark-2-storage-and-cost": "supported",
    "gmres-equivalence": "proved",
    "gmres-equivalence-with-safeguard": "corrected",
    "superlinear-quadratic": "proved",
    "superlinear-nonlinear": "proved",
}
MODULES = (algorithms, mixing, sam, positivity, small_eigenproblem, enhancements, krylov, safeguard, superlinear)
CLAIMS = [claim for module in MODULES for claim in module.CLAIMS]


def test_every_claim_has_an_expected_verdict() -> None:
    assert [c.id for c in CLAIMS] == [f"anderson-mixing/{slug}" for slug in VERDICTS]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS[claim.id.partition("/")[2]], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]
    json.dumps(entry)  # the ledger takes plain values only


def test_false_zero_of_the_small_eigenproblem_by_hand() -> None:
    # x = 1, r = -1/2, delta = 1/10, beta = 1: Y = 1/2, Z = 1/4 + 1/10, lambda = 2 Y R / Z = -10/7.
    point = {"X": [[F(1)]], "R": [[F(-1, 2)]], "r": [F(1)], "delta": F(1, 10), "alpha": F(1), "beta": F(1)}
    step = histories.exact(point)
    assert positivity.symmetric_part(step)[0, 0] == F(-10, 7)
    assert positivity.max_root(step, small=True) == pytest.approx(0.0, abs=1e-15)


def test_cheap_bound_is_attained() -> None:
    # d = m = 1: lambda(t) = 2 (t + beta) / (1 + delta t^2) has its maximum beta + (beta^2 + 1/delta)^(1/2).
    beta, delta = 0.25, 2.0
    top = max(2 * (t + beta) / (1 + delta * t * t) for t in np.linspace(0, 3, 300_001))
    assert top == pytest.approx(beta + (beta**2 + 1 / delta) ** 0.5, rel=1e-9)


def test_rational_pseudoinverse_has_the_four_penrose_properties() -> None:
    rng = np.random.default_rng(0)
    for shape in ((3, 2), (2, 4), (3, 3)):
        a = fractions(rng.integers(-3, 4, shape))
        a[:, -1] = a[:, 0]
        p = histories.pseudoinverse(a)
        for gap in (a @ p @ a - a, p @ a @ p - p, (a @ p).T - a @ p, (p @ a).T - p @ a):
            assert not gap.any()
        assert not (a @ histories.null_space(a)).any()


@pytest.mark.parametrize(
    "bound", [lambda b, mu: F(101, 50) * b * (1 - mu), lambda b, mu: F(99, 50) * b * (1 - mu), lambda b, mu: 2 * b]
)
def test_condition_14_with_another_right_side_is_rejected(bound) -> None:
    check, statement = positivity._equivalence, positivity.Equivalence
    assert rejects(check(statement(("1", "1/3", "2", "0"), bound), Budget.QUICK))
    assert rejects(check(statement(("1", "-1/1000")), Budget.QUICK))


def test_semidefiniteness_by_elimination() -> None:
    assert positivity.definite(fractions([[1, 1], [1, 1]]))
    assert not positivity.definite(fractions([[1, 1], [1, 1]]), strict=True)
    assert not positivity.definite(fractions([[0, 1], [1, 5]]))
    assert not positivity.definite(fractions([[1, 2], [2, 3]]))


def test_safeguard_threshold_against_dense_search() -> None:
    # beta L = 1 is safe exactly up to kappa = 9 for mu -> 0.
    tiny = F(1, 10**9)
    assert safeguard.never_active(F(1), F(8), F(1, 8), tiny)
    assert not safeguard.never_active(F(1), F(10), F(1, 10), tiny)
    rng = np.random.default_rng(1)
    for low, high, beta, mu in ((1, 4, 0.3, 0.1), (1, 30, 0.2, 0.01), (1, 30, 0.3, 0.3), (1, 9, 0.1, 0.5)):
        inverse = np.diag(1 / np.linspace(low, high, 3))
        smallest = np.inf
        for _ in range(3000):
            q, _ = np.linalg.qr(rng.standard_normal((3, 3)))
            k = rng.integers(1, 3)
            p, rest = q[:, :k] @ q[:, :k].T, q[:, k:] @ q[:, k:].T
            h = inverse @ p + beta * rest  # A^-1 on the range of R, beta on its complement
            smallest = min(smallest, np.linalg.eigvalsh(0.5 * (h + h.T))[0])
        safe = safeguard.never_active(F(low), F(high), F(str(beta)), F(str(mu)))
        assert not safe or smallest >= beta * mu - 1e-9
        if smallest < beta * mu:
            assert not safe


def test_a_safeguard_condition_wrong_by_a_hundredth_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    right, (part, *_) = safeguard.excess, safeguard.CLAIMS[0].parts
    for four, inside in ((F(404, 100), 1), (4, F(1, 2)), (4, 0)):

        def wrong(low, high, beta, mu, x, four=four, inside=inside):
            return four * beta * (1 - mu) * (x - inside * beta * mu) - (1 / low - x) * (x - 1 / high)

        monkeypatch.setattr(safeguard, "excess", wrong)
        assert isinstance(part.check(part.repair, Budget.QUICK)[0], Witness)  # the search
        assert not all(step.holds for step in safeguard._plane(Budget.QUICK))  # the proof
    monkeypatch.setattr(safeguard, "excess", right)
    assert not rejects(part.check(part.repair, Budget.QUICK))


def test_stagnation_on_a_rotation_by_hand() -> None:
    rotation, b = fractions([[0, 1], [-1, 0]]), fractions([1, 0])
    path = exact_anderson(rotation, b, 0 * b, lambda k: F(1, 2), 6)
    assert not path.projected.any()
    assert list(exact_gmres(rotation, b, 0 * b, 2)[2]) == [0, 1]
    # With varying beta the columns only lose rank.
    path = exact_anderson(rotation, b, 0 * b, lambda k: F(1, 2 + k), 6)
    assert max(path.ranks) == 1 and not path.projected.any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": ("indefinite",)},
        {"kinds": ("general",), "quantity": "one step on"},
        {"preconditioned": "right"},
        {"damping": "99/100"},
    ],
)
def test_equivalence_with_a_hypothesis_dropped_is_rejected(wrong: dict) -> None:
    assert rejects(same_as_gmres(SameAsGMRES(**wrong), Budget.QUICK))
    if "damping" not in wrong:
        assert not rejects(same_as_gmres(SameAsGMRES(**wrong, until_stagnation=True), Budget.QUICK))


def test_gmres_in_double_precision_is_accurate_where_it_is_the_reference() -> None:
    import mpmath

    d = 12
    for exponent in (3, 9):
        rng = np.random.default_rng(exponent)
        q, _ = np.linalg.qr(rng.standard_normal((d, d)))
        a = q @ (np.logspace(-exponent, 0, d)[:, None] * q.T)
        b = rng.standard_normal(d)
        with mpmath.workdps(80):
            lift = np.vectorize(mpmath.mpf, otypes=[object])
            exact = exact_gmres(lift(a), lift(b), 0 * lift(b), d - 1, negligible=mpmath.mpf(10) ** -70)
        gap = np.abs((gmres_iterates(a, b, 0 * b, d - 1) - exact.astype(float)) @ a.T)
        assert np.max(gap) < 100 * 2.3e-16 * 10**exponent * np.linalg.norm(b)


def test_distance_to_gmres_is_proportional_to_delta_in_floats_too() -> None:
    a, b = np.diag([1.0, 2.0, 5.0, 7.0]), np.array([1.0, 2.0, -1.0, 1.0])
    points = gmres_iterates(a, b, 0 * b, 3)
    gaps = [
        np.max(np.abs(anderson_iterates(a, b, 0 * b, 0.2, 3, regularization=d).projected[3] - points[3]))
        for d in (1e-4, 1e-5)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("d, m", [(2, 3), (8, 2), (4, 2)])
def test_eigenvalue_from_columns_survives_condition_numbers(d: int, m: int) -> None:
    import mpmath

    rng = np.random.default_rng(d)
    x, r = rng.standard_normal((d, m)), rng.standard_normal((d, m))
    r[:, -1] = r[:, 0] + 1e-6 * r[:, -1]
    delta = 1e-8
    ctx = context(x=x)
    history = History(tuple(x.T), tuple(r.T), x.T @ x, r.T @ r, x.T @ r)
    found = _projection.from_factors(ctx, history, delta**0.5, False, r[:, 0])
    value = float(_projection.largest_eigenvalue_of_columns(ctx, found.whitening, history, 0.5))
    with mpmath.workdps(60):
        mx, mr = mpmath.matrix(x.tolist()), mpmath.matrix(r.tolist())
        half = (mx + mr / 2) * mpmath.inverse(mr.T * mr + mpmath.mpf(delta) * (mx.T * mx)) * mr.T
        exact = float(max(mpmath.eigsy(half + half.T, eigvals_only=True)))
    assert value == pytest.approx(exact, rel=1e-6)


def test_steps_of_the_optimizers_are_those_that_the_proof_speaks_of(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = enhancements.Steps(("Adagrad",))
    assert not rejects(enhancements._has_preconditioner(steps, Budget.QUICK))
    monkeypatch.setitem(enhancements.RULES, "Adagrad", lambda: Adagrad(0.505))
    with pytest.raises(InconsistentEvidence, match="transcribed"):
        enhancements._has_preconditioner(steps, Budget.QUICK)


def test_storage_of_another_number_of_vectors_is_rejected() -> None:
    assert not rejects(storage(lambda m: 2 * m, Budget.QUICK))
    for wrong in (lambda m: 2 * m + 1, lambda m: m + 1, lambda m: m * m):
        assert rejects(storage(wrong, Budget.QUICK))


def test_matrix_identity_rejects_a_wrong_order_of_factors() -> None:
    shapes = {"A": (2, 2), "B": (2, 2)}
    wrong = MatrixIdentity(lambda A, B: A * B, lambda A, B: B * A, (), shapes)
    right = MatrixIdentity(lambda A, B: (A + B) * (A - B), lambda A, B: A * A - A * B + B * A - B * B, (), shapes)
    assert rejects(matrix_identity(wrong, Budget.QUICK))
    assert not rejects(matrix_identity(right, Budget.QUICK))


def test_secant_step_by_hand() -> None:
    # x_{k+1} = x y (x + y) / (1 + x^2 + x y + y^2) for f' = x + x^3.
    x, y = 0.3, 0.5
    r = {v: -(v + v**3) for v in (x, y)}
    secant = x - r[x] * (x - y) / (r[x] - r[y])
    assert secant == pytest.approx(x * y * (x + y) / (1 + x * x + x * y + y * y), rel=1e-12)


def test_largest_eigenvalues_of_the_two_forms_differ_only_below_two_columns_per_dimension() -> None:
    """Random histories in numbers, and the enumeration of cases against each wrong statement."""
    rng = np.random.default_rng(3)
    false_zeros = 0
    for _ in range(400):
        d, m = (int(v) for v in rng.integers(1, 7, 2))
        x, r = rng.standard_normal((2, d, m))
        if d < 2 * m and rng.random() < 0.5:
            r = -2 * np.eye(d, m) + 0.1 * r
            x = np.eye(d, m)
        z = np.linalg.pinv(r.T @ r + 0.3 * x.T @ x, rcond=1e-10)
        half = (x + 0.1 * r) @ z @ r.T
        b, o = np.hstack([x + 0.1 * r, r]), 0 * z
        big = np.linalg.eigvalsh(half + half.T)[-1]
        small = np.max(np.linalg.eigvals(b.T @ b @ np.block([[o, z], [z, o]])).real)
        assert small == pytest.approx(max(big, 0.0), abs=1e-6 * max(1.0, abs(big)))
        assert d < 2 * m or big > -1e-9
        false_zeros += big < -1e-3
    assert false_zeros > 20
    statement = small_eigenproblem.SmallEigenvalue
    assert small_eigenproblem._largest_zeros(statement("same", "at least zero")).holds
    for wrong in (statement("same", "same"), statement("negated", "at least zero"), statement("same", "negated")):
        assert not small_eigenproblem._largest_zeros(wrong).holds


@pytest.mark.parametrize(
    "wrong",
    [
        {"above": lambda j: F(1) / (j + 1)},
        {"above": lambda j: F(101, 100) / 2**j},
        {"exponent": lambda k: k * (k + 2) / 2},
    ],
)
def test_decay_of_another_spectrum_or_exponent_is_not_accepted(wrong: dict) -> None:
    statement = superlinear.Decay(**{"exponent": lambda k: k * (k + 1) / 2, **wrong})
    assert rejects(superlinear._decay(statement, Budget.QUICK))


def test_secant_iterates_fall_to_zero_from_far_away() -> None:
    older, x = 3.0, 2.5
    for _ in range(60):
        assert 0 < x <= older
        q = 2 * older**2 / (1 + 2 * older**2)
        older, x = x, x * older * (x + older) / (1 + x * x + x * older + older * older)
        assert x <= q * older * (1 + 1e-12)
        if x < 1e-100:
            break
    assert x < 1e-100


def test_secant_error_of_a_smooth_function_in_many_dimensions() -> None:
    """R + f''(x) X for f = sum of log cosh: at most M h^2 / 2, M = 4 / 3^(3/2) a Lipschitz constant of its Hessian."""
    rng = np.random.default_rng(4)
    x, v = rng.standard_normal((2, 6))
    v /= np.linalg.norm(v)
    errors = []
    for h in (1e-2, 5e-3):
        error = -(np.tanh(x) - np.tanh(x - h * v)) + h * v / np.cosh(x) ** 2
        errors.append(np.linalg.norm(error))
        assert errors[-1] <= 4 / 3**1.5 * h**2 / 2
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)


def test_replay_of_a_matrix_identity_evaluates_it_anew() -> None:
    shapes = {"A": (2, 2), "B": (2, 2)}
    wrong = MatrixIdentity(lambda A, B, t: t * A * B - A * A, lambda A, B, t: t * B * A - A * A, ("t",), shapes)
    witness = matrix_identity(wrong, Budget.QUICK)[-1]
    assert isinstance(witness, Witness)
    point = json.loads(json.dumps(encode(witness)["point"]))
    assert replay(point, witness.replay)
    assert not replay({**point, "right": point["left"]}, witness.replay)
    same = {**point, "matrices": {**point["matrices"], "B": point["matrices"]["A"]}}
    assert not replay(same, witness.replay)  # A commutes with itself
