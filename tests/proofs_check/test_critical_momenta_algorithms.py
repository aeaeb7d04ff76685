"""Section 3 of Critical Momenta: verdicts, controls, and the mathematics behind them by other means."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optassay.optimizers import AdamCriticalMomenta, ExtraGradient, Momentum
from proofs_check._encode import encode
from proofs_check.checks.orderings import ordering
from proofs_check.checks.trajectories import Field, SamePath, same_path
from proofs_check.claim import Budget, Sampled, Witness, rejects
from proofs_check.critical_momenta import algorithms, bias_correction, buffers, public_code, variants
from proofs_check.critical_momenta.buffer_probes import Probe, ordered
from proofs_check.critical_momenta.plain_outcomes import outcomes
from proofs_check.critical_momenta.toy_runs import values
from proofs_check.critical_momenta.transcription import Buffer, Reading, adam_cm, rational_root, sgd_cg
from proofs_check.judge import judge_claim, replay

EXPECTED = {
    "adam-baseline": "supported",
    "priority-buffer": "supported",
    "adam-cg": "supported",
    "adam-cm": "supported",
    "aggregation-mean": "corrected",
    "cm-bias-correction": "corrected",
    "gradient-norm-priority": "corrected",
    "gradient-cancellation": "corrected",
    "momentum-buffer-low-variance": "corrected",
    "sgd-cm": "supported",
    "sgd-cg": "supported",
    "sam-variants": "supported",
    "meg-baseline": "supported",
    "public-code": "corrected",
    "cost-as-cg": "supported",
}
MODULES = (algorithms, bias_correction, buffers, variants, public_code)
CLAIMS = {claim.id.partition("/")[2]: claim for module in MODULES for claim in module.CLAIMS}
RECORD = json.loads((Path(__file__).parents[1] / "optimizers" / "data" / "open_loop.json").read_text())


def test_every_entry_has_its_claim() -> None:
    assert list(CLAIMS) == list(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_verdict_and_controls(slug: str) -> None:
    entry = judge_claim(CLAIMS[slug], Budget.QUICK)
    assert entry["verdict"] == EXPECTED[slug], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]
    assert all(part["verdict"] not in ("open", "ambiguous") for part in entry["evidence"]["parts"])


def test_replay_of_a_path_runs_rule_and_transcription_again() -> None:
    for part in (algorithms.ADAM_CM.parts[0], variants.MEG.parts[0], variants.SAM.parts[1]):
        (witness,) = same_path(part.broken, Budget.QUICK)
        assert isinstance(witness, Witness) and witness.stands
        point = encode(witness)["point"]
        assert replay(point, witness.replay)
        right = (replace(part.broken, exact=part.printed.exact), replace(part.broken, rule=part.printed.rule))
        assert any(isinstance(same_path(fixed, Budget.QUICK)[0], Sampled) for fixed in right)
        # The rule is run again: with its number as the expected one there is no difference left.
        still = point | {"values": [point["values"][0]] * 2}
        if not point["transcription"]:
            assert not replay(still, witness.replay)


# --- the transcription itself ---


def test_buffer_by_hand() -> None:
    held = Buffer(2, Fraction(1, 2))
    assert [held.offer(Fraction(k), [Fraction(k)]) for k in (4, 1, 1, 1)] == [True, True, True, True]
    # keys after each step: 2 | 1, 1/2 | 1/2, 1/2 (1 > 1/2 replaces) | tie of 1/2 and 1/2: the first slot goes
    assert held.pairs == [[Fraction(1, 2), [Fraction(1)]], [Fraction(1, 4), [Fraction(1)]]]
    assert not held.offer(Fraction(0), [Fraction(9)])
    assert held.mean("capacity", [0]) == [1]


def test_divisors_of_the_mean() -> None:
    held = Buffer(5, Fraction(1, 2))
    held.offer(Fraction(1), [Fraction(10)])
    assert held.mean("capacity", [0]) == [2]
    assert held.mean("fill", [0]) == [10]
    assert Buffer(5, Fraction(1, 2)).mean("fill", [Fraction(3)]) == [0]


def test_sgd_with_gradients_by_hand() -> None:
    path = sgd_cg([[Fraction(1)]] * 3, [Fraction(0)], Buffer(2, Fraction(1, 2)), alpha=Fraction(1))
    assert [row[0] for row in path] == [-1, Fraction(-5, 2), Fraction(-9, 2)]


@pytest.mark.parametrize("value", ["0", "4/9", "2", "1/1000000007"])
def test_rational_root(value: str) -> None:
    x = Fraction(value)
    root = rational_root(x)
    assert root**2 <= x
    assert x - root**2 < Fraction(1, 10**59)


@pytest.mark.parametrize("size", [1, 3, 5, 20])
def test_restated_code_gives_the_recorded_trajectories(size: int) -> None:
    cases = [
        c
        for c in RECORD["cases"]
        if c["name"].startswith("CM.Adam_CM/")
        and c["hyper"]["topC"] == size
        and not set(c["hyper"]) - {"lr", "betas", "eps", "topC", "decay"}
    ]
    assert cases
    for case in cases:
        h = case["hyper"]
        numbers = {"alpha": h["lr"], "beta1": h["betas"][0], "beta2": h["betas"][1], "eps": h["eps"]}
        path = adam_cm(
            RECORD["streams"][case["stream"]],
            RECORD["theta0"],
            math.sqrt,
            numbers,
            Buffer(size, h["decay"]),
            Reading(mean="fill", start="gradient"),
            tensors=(slice(0, 4), slice(4, None)),
        )
        np.testing.assert_allclose(path, case["theta"], rtol=0, atol=1e-12)


# --- bias correction ---


def test_first_steps_in_closed_form() -> None:
    found = bias_correction.displacements(bias_correction.Variant(0), 2)
    b1, b2 = 0.9, 0.99
    second = math.sqrt((1 - b2) * (b2 * (1 - b1) ** 2 + (1 - b1**2) ** 2) / (1 - b2**2))
    assert float(found[0]) == pytest.approx(1 / (1 - b1), rel=1e-12)
    assert float(found[1]) == pytest.approx(1 / second, rel=1e-12)


def test_published_second_step() -> None:
    found = bias_correction.measured(bias_correction.Variant(5, mean="fill", start="gradient"), 2)
    assert found[0] == 0
    assert found[1] == pytest.approx(math.sqrt(1.99) / (1 - 0.81), rel=1e-12)


@pytest.mark.parametrize("variant", bias_correction.VARIANTS[::3])
def test_exact_displacements_are_the_librarys(variant: bias_correction.Variant) -> None:
    exact = [float(x) for x in bias_correction.displacements(variant, 12)]
    np.testing.assert_allclose(bias_correction.measured(variant, 12), exact, rtol=1e-9)


def test_correction_inside_the_square_is_adam() -> None:
    lengths = bias_correction.measured(bias_correction.Variant(0, square="corrected"), 50)
    np.testing.assert_allclose(lengths, 1.0, rtol=1e-12)


def test_noise_shrinks_the_second_average() -> None:
    rng = np.random.default_rng(0)
    m, total = np.zeros(20000), 0.0
    for _ in range(300):
        m = 0.9 * m + 0.1 * rng.choice([-1.0, 1.0], 20000)
    total = float(np.mean(m * m))
    assert total == pytest.approx(0.1 / 1.9, rel=0.05)


# --- extragradient ---


def test_rate_of_extragradient_on_a_quadratic() -> None:
    mu, top = 1.0, 100.0
    gamma = 1 / (mu + top)
    low, high = mu * (1 - gamma * mu), (mu + top) / 4
    root = math.sqrt(high / low)
    momentum, step = ((root - 1) / (root + 1)) ** 2, 4 / (math.sqrt(low) + math.sqrt(high)) ** 2
    curvatures = np.linspace(mu, top, 401)
    rule = ExtraGradient(Momentum(step, momentum, convention="heavy-ball"), gamma)
    x = np.ones(401)
    state = rule.init(x)
    sizes = []
    for _ in range(160):
        x, state = rule.step(x, curvatures * x, state, gradient_fn=lambda p: curvatures * p)
        sizes.append(np.max(np.abs(x)))
    rate = (sizes[-1] / sizes[-61]) ** (1 / 60)
    kappa = math.sqrt(top / mu)
    assert rate == pytest.approx(((kappa - 1) / (kappa + 1)) ** 2, abs=0.03)


# --- cost, code, checks ---


@pytest.mark.parametrize(("size", "dim"), list(itertools.product((1, 5), (1, 3))))
def test_operations_grow_with_the_parameters(size: int, dim: int) -> None:
    assert public_code.operations("Adam+CM", size, dim) == public_code.operations("Adam+CG", size, dim)
    assert public_code.operations("Adam+CM", size, dim) > public_code.operations("Adam", size, dim)
    assert public_code.stored("Adam+CM", size, dim + 1) - public_code.stored("Adam+CM", size, dim) == 3 + size


def test_library_first_step_differs_from_the_codes() -> None:
    x = np.ones(1)
    ends = []
    for rule in (AdamCriticalMomenta.paper(step_size=0.1), AdamCriticalMomenta.published(step_size=0.1)):
        ends.append(float(rule.step(x, x, rule.init(x))[0][0]))
    assert ends[0] == pytest.approx(0.0, abs=1e-6)
    assert ends[1] == 1.0


def test_field_check_rejects_another_radius() -> None:
    paths = variants._adam_sam(lambda h: h["rho"] * 3)
    assert rejects(same_path(paths, Budget.QUICK))
    assert not rejects(same_path(variants._adam_sam(lambda h: h["rho"]), Budget.QUICK))


def test_field_of_a_plain_rule() -> None:
    def exact(source: Any, theta: Any, h: Any) -> Any:
        assert isinstance(source, Field)
        path = []
        for _ in range(source.steps):
            theta = [x - h["alpha"] * g for x, g in zip(theta, source.gradient(theta), strict=True)]
            path.append(theta)
        return path

    statement = SamePath(
        rule=lambda h: Momentum(h["alpha"], 0.0, convention="heavy-ball"),
        exact=exact,
        hyper=({"alpha": "1/10"},),
        field=lambda x: [3 * v for v in x],
    )
    found = same_path(statement, Budget.QUICK)
    assert isinstance(found[0], Sampled)
    assert found[0].holds


# --- buffers ---


@pytest.mark.parametrize(
    "probe",
    [
        Probe("CG", "Ackley", 20, 0.99, "ratio", (10, 50)),
        Probe("CM", "Goldstein-Price", 5, 0.7, "relative variance", (10, 50)),
        Probe("CM along CG", "Ackley", 5, 0.7, "variance", (10, 50)),
        Probe("CM", "wells s=5", 5, 0.99, "replaced", (21, 200), near=False, key="momentum"),
        Probe("CM", "wells s=5", 20, 0.99, "step", (10, 50)),
        Probe("CM", "Levy", 5, 0.7, "agreement", (50, 200)),
    ],
    ids=lambda p: p.name,
)
def test_both_codes_of_a_probe_agree_on_their_own_starts(probe: Probe) -> None:
    first, again = values(probe.arm(), 200, 0), outcomes(probe.arm().record(), 200, 3)
    means, errors = zip(
        *((np.nanmean(v), np.nanstd(v) / math.sqrt(np.isfinite(v).sum())) for v in (first, again)), strict=True
    )
    assert abs(means[0] - means[1]) < 5 * math.hypot(*errors)


def test_momentum_key_replaces_more_often_near_flat_minima() -> None:
    evidence = ordering(ordered(buffers._keys(("wells s=5",), ((5, 0.99),))), Budget.QUICK)
    witness = next(e for e in evidence if isinstance(e, Witness))
    assert witness.stands
    assert witness.first.left < -0.1
