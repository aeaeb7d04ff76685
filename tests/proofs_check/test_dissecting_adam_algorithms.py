"""Algorithms 1-5 and the cost of M-SVAG: verdicts, transcriptions by hand, the replay of a disagreement."""

from __future__ import annotations

from fractions import Fraction as F

import pytest

from proofs_check._encode import encode
from proofs_check.claim import Budget, Claim, Witness
from proofs_check.dissecting_adam import algorithm_checks, algorithms, costs
from proofs_check.dissecting_adam import transcription as printed
from proofs_check.judge import judge_claim, replay

VERDICTS = {
    "algorithm-1-m-ssd": "supported",
    "algorithm-2-m-svag": "corrected",
    "algorithm-3-m-svag-mb": "supported",
    "algorithm-4-adam-star": "corrected",
    "algorithm-5-adam-star-mb": "supported",
    "variant-references": "corrected",
    "cost-identical-to-adam": "proved",
    "network-experiments": "needs data",
    "variant-experiments": "needs data",
}
CLAIMS = [*algorithms.CLAIMS, *costs.CLAIMS]
HALF = F(1, 2)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_verdict(claim: Claim) -> None:
    entry = judge_claim(claim, Budget.QUICK)
    assert entry["verdict"] == VERDICTS[claim.id.partition("/")[2]], entry["evidence"].get("traceback")
    assert entry["control"]["caught"]


def test_two_steps_of_m_svag_by_hand() -> None:
    # mu = 1/2, g = 1, 3: raw averages 7/4 and 19/4, corrected by 4/3: m = 7/3, v = 19/3, kappa = 5/9.
    m, v, kappa = F(7, 3), F(19, 3), F(5, 9)
    eta2 = kappa * (v - m**2) / m**2
    path = printed.algorithm_2((F(1), F(3)), HALF, F(1))
    assert path == [-1, -1 - m / (1 + eta2)]


def test_two_steps_of_m_svag_mb_by_hand() -> None:
    # m = 1 then 5/2; s = 1 then 1/4 + 2 = 9/4; factors 1/2 and 1/(1 + (9/4)/(25/4)) = 25/34.
    path = printed.algorithm_3((F(1), F(2)), (F(1), F(2)), HALF, F(1))
    assert path == [F(-1, 2), F(-1, 2) - F(25, 34) * F(5, 2)]


def test_sign_based_algorithms_ignore_scale_and_do_not_move_at_zero() -> None:
    values = tuple(map(F, (1, -2, 3)))
    for path in (
        printed.algorithm_1(values, HALF, F(1)),
        printed.algorithm_4(values, HALF, F(1)),
        printed.algorithm_5(values, (F(1),) * 3, HALF, F(1)),
    ):
        assert all(abs(b - a) <= 1 for a, b in zip([F(0), *path], path, strict=False))
    assert printed.algorithm_1((F(0), F(0)), HALF, F(1)) == [0, 0]
    assert printed.algorithm_3((F(1), F(-1)), (F(1), F(1)), F(1), F(1))[1] == F(-1, 2)


def test_roots_are_exact_or_close() -> None:
    assert printed.root(F(9, 4)) == F(3, 2)
    assert abs(printed.root(F(2)) ** 2 - 2) < F(1, 10**50)


def test_averages_that_never_move_are_undefined() -> None:
    with pytest.raises(ZeroDivisionError):
        printed.algorithm_2((F(1),), F(1), F(1))


def test_a_disagreement_with_the_library_replays() -> None:
    statement = algorithm_checks.agrees("MSVAG(0.25, m / 2)", printed.algorithm_2, (HALF,), 1e-12)
    from proofs_check.checks.search import for_all

    (witness,) = [e for e in for_all(statement, Budget.QUICK) if isinstance(e, Witness)]
    assert witness.stands
    assert replay(encode(witness)["point"], witness.replay)
    right = witness.replay.replace("m / 2", "m")
    assert not replay(encode(witness)["point"], right)


def test_operation_counts_agree_in_both_ways() -> None:
    assert costs._operations("Adam") == costs._by_syntax("Adam") == 14
    assert costs._operations("M-SVAG") == costs._by_syntax("M-SVAG") == 18
