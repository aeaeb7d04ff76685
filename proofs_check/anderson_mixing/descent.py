"""Section 3, analysis of AdaSAM: the bound on ``r'Hr`` from below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp

from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import histories
from .algebra import IDENTITY, letters, recording
from .histories import Step, exact, floats, pseudoinverse
from .positivity import definite, symmetric_part
from .sam import update_matrix
from .update_bounds import UPDATE

DESCENT_REPLAY = (
    UPDATE
    + """
violated = bool(r @ H @ r < factor * beta * float(Fraction(str(witness["mu"]))) * (r @ r) - 1e-9)
"""
)


@dataclass(frozen=True)
class Descent:
    """``r' H r >= factor beta mu |r|^2`` under (14), or only under ``alpha in [0, 1]``, ``delta >= C beta^-2``."""

    assumes: Literal["(14)", "regularisation"]
    factor: Fraction = Fraction(1)
    deltas: tuple[str, ...] = ("0", "1/10", "3")


def _damped(point: Mapping[str, Any], mu: Fraction) -> Fraction:
    """A rational alpha just below the largest that (14) allows, at most 1; (14) itself is decided in rationals."""
    step = exact(point)
    k = symmetric_part(step)
    limit = 2 * step.beta * (1 - mu)
    top = float(np.linalg.eigvalsh(np.array(k, dtype=float))[-1])
    alpha = Fraction(1) if top <= 0 else min(Fraction(1), Fraction(float(limit) / top).limit_denominator(10**6))
    eye = histories.fractions(np.eye(len(k), dtype=int))
    while alpha > 0 and not definite(limit * eye - alpha * k):
        alpha *= 1 - Fraction(1, 10**6)
    return alpha


def _worst(point: Mapping[str, Any]) -> list[Fraction]:
    """The eigenvector of the largest eigenvalue of ``Y Z^+ R' + R Z^+ Y'``, rounded to rationals."""
    values, vectors = np.linalg.eigh(np.array(symmetric_part(exact(point)), dtype=float))
    return [Fraction(float(v)).limit_denominator(1000) for v in vectors[:, int(np.argmax(values))]]


def one_dimension(mu: Fraction, alpha: Fraction = Fraction(1)) -> dict[str, Any]:
    """``d = m = 1``, ``beta = delta = 1``, ``R = 1``, X so that (14) is an equality at ``alpha`` = 1."""
    # lambda = 2 (X + 1) / (1 + X^2) = 2 (1 - mu): X = 0 gives mu = 0, X with rational mu is parametrised by X itself.
    x = Fraction(3)
    reached = 1 - (x + 1) / (1 + x * x)  # mu = 3/5
    assert reached == mu
    return {
        "kind": "one dimension", "d": 1, "m": 1, "X": [[x]], "R": [[Fraction(1)]], "r": [Fraction(1)],
        "delta": Fraction(1), "alpha": alpha, "beta": Fraction(1), "mu": mu,
    }  # fmt: skip


def descent(statement: Descent, budget: Budget) -> list[Evidence]:
    """Worst residuals of exact histories with alpha at the limit of (14), or with alpha = 1."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        yield {**one_dimension(Fraction(3, 5)), "factor": statement.factor}
        for point in histories.histories(budget, deltas=statement.deltas, betas=("1", "1/4"), seed=12):
            for mu in (Fraction(1, 10), Fraction(3, 4)):
                alpha = _damped(point, mu) if statement.assumes == "(14)" else Fraction(1)
                made = {**point, "alpha": alpha, "mu": mu, "factor": statement.factor}
                yield made
                yield {**made, "r": _worst(point)}

    def sides(point: Any, read: Any = exact, pinv: Any = pseudoinverse) -> tuple[Any, Any]:
        step = read(point)
        right = statement.factor * point["beta"] * point["mu"]
        return step.res @ (update_matrix(step, pinv) @ step.res), (float(right) if read is floats else right) * (
            step.res @ step.res
        )

    def again(point: Any) -> tuple[float, float]:
        return sides(point, floats, lambda z: np.linalg.pinv(z, rcond=1e-10))

    def proof(budget: Budget) -> list[Evidence]:
        """For ``beta >= 0``: ``r' H r >= beta mu >= factor beta mu``, unit r."""
        del budget
        x, r, res = letters("X R r")
        a, b, delta = sp.symbols("a b delta", real=True)
        pinv, _ = recording(symmetric=True)
        letter_step = Step(x, r, res, delta, a, b)
        h, half = update_matrix(letter_step, pinv), letter_step.y @ pinv(letter_step.z) @ r.T
        beta, mu, alpha, lam, k, s = sp.symbols("beta mu alpha lambda k s", real=True)
        # Unit r: r' H r = beta - alpha k / 2 with k = r' K r = lambda - s, s >= 0; (14) is t >= 0.
        t = 2 * beta * (1 - mu) - alpha * lam
        steps = {
            "H + H' = 2 beta I - alpha K": (h + h.T - 2 * b * IDENTITY + a * (half + half.T)).is_zero(),
            "r' H r - beta mu = (2 beta (1 - mu) - alpha lambda + alpha s) / 2": is_zero(
                (beta - alpha * k / 2 - beta * mu).subs(k, lam - s) - (t + alpha * s) / 2
            ),
            "(14) is assumed": statement.assumes == "(14)",
            "factor <= 1": statement.factor <= 1,
        }
        point = one_dimension(Fraction(3, 5))
        left, right = sides({**point, "factor": 1})
        if statement.factor == 1:
            steps["attained: d = m = 1, X = 3, R = 1, beta = delta = 1, mu = 3/5"] = left == right
        return [Exact("symbolic", steps)]

    return for_all(ForAll(points, sides, ">=", again, DESCENT_REPLAY, proof=proof), budget)


CLAIMS = [
    Claim(
        id="anderson-mixing/descent-lower-bound",
        location="3, analysis of AdaSAM",
        statement=r"$r_k^\top H_kr_k\ge\beta_k\mu\|r_k\|^2$, for $\alpha_k$ that satisfies (14).",
        assumptions=(r"$\alpha_k\ge0$ satisfies (14)",),
        main_reading="(14)",
        reading_reason="(14) is part of (18b), which Section 3 assumes; the words at the end of the sentence "
        "then belong "
        "to the norm bounds, which do need them.",
        parts=(
            Part(
                "under (14) alone",
                descent,
                printed=Descent("(14)"),
                broken=Descent("(14)", factor=Fraction(11, 10)),
                reading="(14)",
                note=r"Needs $\alpha_k\ge0$ and (14), nothing on $\delta_k$ ($\delta_k=0$ included), $C$ or "
                r"the size of "
                r"$\alpha_k$; equality for $d=m=1$, $X=3$, $R=1$, $\beta=\delta=\alpha=1$, $\mu=3/5$.",
            ),
            Part(
                r"under alpha <= 1 and delta >= C beta^-2 instead of (14)",
                descent,
                printed=Descent("regularisation", deltas=("1/10", "3")),
                broken=Descent("regularisation", factor=Fraction(2), deltas=("1/10", "3")),
                sound=Descent("(14)", deltas=("1/10", "3")),
                reading="alpha <= 1, delta >= C beta^-2",
                note=r"False without (14): regularisation bounds $\lambda_k$, but by $\beta+(\beta^2+1/\delta)^{1/2}"
                r"\ge2\beta$, which exceeds $2\beta(1-\mu)$.",
            ),
        ),
    ),
]
