"""Section 2.2: the small eigenvalue problem (15): equality, decision, cost, accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled
from . import histories
from .algebra import IDENTITY, Matrix, letters
from .histories import READ, Step, exact, floats
from .positivity import MUS, max_root, roots, small_matrix, symmetric_part

Zeros = Literal["same", "at least zero", "negated"]


@dataclass(frozen=True)
class SmallEigenvalue:
    """What ``lambda_max(B'B J)`` is of ``lambda_max(B J B')``, for ``d >= 2m`` and for ``d < 2m``."""

    above: Zeros
    below: Zeros

    def small(self, big: float, d: int, m: int) -> float:
        """The statement's value."""
        rule = self.above if d >= 2 * m else self.below
        return {"same": big, "at least zero": max(big, 0.0), "negated": -big}[rule]


SMALL_REPLAY = (
    READ
    + """
delta, beta = (float(Fraction(str(witness[k]))) for k in ("delta", "beta"))
Y, P = X + beta * R, np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10)
B, O = np.hstack([Y, R]), 0 * P
small = np.max(np.linalg.eigvals(B.T @ B @ np.block([[O, P], [P, O]])).real)
violated = bool(abs(small - witness["predicted"]) > 1e-6)
"""
)


def _small(statement: SmallEigenvalue, budget: Budget) -> list[Evidence]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        one = Fraction(1)
        base = {"kind": "one dimension", "d": 1, "m": 1, "X": [[one]], "r": [one], "alpha": one, "beta": one}
        special = [{**base, "R": [[Fraction(-1, 2)]], "delta": Fraction(1, 10)}]
        for point in [*special, *histories.histories(budget, betas=("1", "1/4"), seed=1)]:
            big = max_root(exact(point), small=False)
            yield {**point, "big": big, "predicted": float(statement.small(big, point["d"], point["m"]))}

    def again(point: Any) -> tuple[float, float]:
        big = float(np.linalg.eigvalsh(symmetric_part(floats(point)))[-1])
        found = float(np.max(np.linalg.eigvals(small_matrix(floats(point))).real))
        return found, float(statement.small(big, point["d"], point["m"]))

    methods = ("zeros of the exact characteristic polynomials", "eigenvalues in floating point")
    return for_all(
        ForAll(
            points,
            lambda p: (max_root(exact(p), small=True), p["predicted"]),
            "==",
            again,
            SMALL_REPLAY,
            methods,
            (1e-9, 1e-6),
            proof=lambda b: [_sylvester(), _positive_direction(), _largest_zeros(statement)],
        ),
        budget,
    )


def _sylvester() -> Exact:
    """``det(t I - B C) t^2m = t^d det(t I - C B)`` for all B (d x 2m), C (2m x d), block by block.

    Both sides are the determinant of ``[[t I, B], [C, I]]`` scaled: eliminate C, or eliminate B. Determinants of
    products and of block triangular matrices do the rest.
    """
    b, c = letters("B C")
    t = sp.Symbol("t")
    m = [[t * IDENTITY, b], [c, IDENTITY]]
    zero = 0 * b
    right = [[IDENTITY, zero], [-c, IDENTITY]]  # m right = [[t I - B C, B], [0, I]]
    left = [[IDENTITY, zero], [-c, t * IDENTITY]]  # left m = [[t I, B], [0, t I - C B]]

    def product(p: list[list[Matrix]], q: list[list[Matrix]]) -> list[list[Matrix]]:
        return [[p[i][0] @ q[0][j] + p[i][1] @ q[1][j] for j in (0, 1)] for i in (0, 1)]

    def equal(p: list[list[Matrix]], q: list[list[Matrix]]) -> bool:
        return all((p[i][j] - q[i][j]).is_zero() for i in (0, 1) for j in (0, 1))

    return Exact(
        "symbolic",
        {
            "[[t I, B], [C, I]] [[I, 0], [-C, I]] = [[t I - B C, B], [0, I]]": equal(
                product(m, right), [[t * IDENTITY - b @ c, b], [zero, IDENTITY]]
            ),
            "[[I, 0], [-C, t I]] [[t I, B], [C, I]] = [[t I, B], [0, t I - C B]]": equal(
                product(left, m), [[t * IDENTITY, b], [zero, t * IDENTITY - c @ b]]
            ),
        },
    )


def _positive_direction() -> Exact:
    """If the small matrix is regular, B has full column rank and Z is regular, so some p has ``B'p = (u, u)``, u != 0;
    then ``p'BJB'p = 2 u'Z^+ u = 2 u'Z^+ Z Z^+ u > 0``: the largest eigenvalue of both matrices is positive.
    """
    x, r, u = letters("X R u")
    (plus,) = letters("Z+", symmetric=True)
    delta = sp.Symbol("delta", nonnegative=True)
    zero = 0 * IDENTITY
    block, column = [[zero, plus], [plus, zero]], [u, u]
    form = sum((column[i].T @ block[i][j] @ column[j] for i in (0, 1) for j in (0, 1)), 0 * (u.T @ u))
    squares = (r @ plus).T @ (r @ plus) + delta * ((x @ plus).T @ (x @ plus))
    return Exact(
        "symbolic",
        {
            "(u, u)' J (u, u) = 2 u'Z^+ u": (form - 2 * (u.T @ plus @ u)).is_zero(),
            "Z^+ Z Z^+ = |R Z^+|^2 + delta |X Z^+|^2": (
                plus @ (r.T @ r + delta * (x.T @ x)) @ plus - squares
            ).is_zero(),
        },
    )


def _largest_zeros(statement: SmallEigenvalue) -> Exact:
    """Both largest eigenvalues in every case that can occur, against the statement.

    The non-zero eigenvalues are common by :func:`_sylvester`, and the big matrix has ``d - 2m`` zeros more. A largest
    eigenvalue then depends only on the largest common one (its sign: 1, -1, or none) and on whether there is a zero.
    By :func:`_positive_direction` the small matrix cannot be regular without a positive eigenvalue.
    """
    m, steps = 3, {}
    for excess, relation in ((-1, "d < 2m"), (0, "d = 2m"), (1, "d > 2m")):
        held = True
        for common, zeros in product((1.0, -1.0, None), range(3)):  # zeros of the small matrix
            others = zeros + excess  # of the big one
            if others < 0 or (zeros == 0 and common != 1.0) or (common is None and not (zeros and others)):
                continue
            small, big = (max(v for v in (common, 0.0 if n else None) if v is not None) for n in (zeros, others))
            held &= statement.small(big, 2 * m + excess, m) == small
        steps[f"{relation}: the value stated, whatever the signs and the zeros"] = held
    return Exact("enumeration", steps)


@dataclass(frozen=True)
class SameDecision:
    """(14) decided with the small eigenvalue is (14) with the true one, for these damping and mixing parameters."""

    alphas: tuple[str, ...]
    betas: tuple[str, ...]


DECISION_REPLAY = SMALL_REPLAY.rpartition("violated")[0] + (
    """
K = Y @ P @ R.T
big = np.linalg.eigvalsh(K + K.T)[-1]
alpha, mu = (float(Fraction(str(witness[k]))) for k in ("alpha", "mu"))
bound = 2 * beta * (1 - mu)
violated = bool((alpha * big <= bound + 1e-9) != (alpha * small <= bound + 1e-9))
"""
)


def _same_decision(statement: SameDecision, budget: Budget) -> list[Evidence]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(6)
        one = Fraction(1)
        base = {"kind": "one dimension", "d": 1, "m": 1, "X": [[one]], "r": [one], "delta": Fraction(1, 10)}
        for alpha in statement.alphas:
            for beta in statement.betas:
                yield {**base, "R": [[Fraction(-1, 2)]], "alpha": Fraction(alpha), "beta": Fraction(beta),
                       "mu": Fraction(1, 2)}  # fmt: skip
        for point in histories.histories(budget, alphas=statement.alphas, betas=statement.betas, seed=4):
            yield {**point, "mu": Fraction(MUS[int(rng.integers(len(MUS)))])}

    def decide(lam: float, point: Any) -> float:
        bound = 2 * float(point["beta"]) * (1 - float(point["mu"]))
        return float(float(point["alpha"]) * lam <= bound + 1e-9)

    def again(point: Any) -> tuple[float, float]:
        small = float(np.max(np.linalg.eigvals(small_matrix(floats(point))).real))
        return decide(small, point), decide(float(np.linalg.eigvalsh(symmetric_part(floats(point)))[-1]), point)

    def proof(budget: Budget) -> list[Evidence]:
        """The small eigenvalue is ``max{lambda, 0}``: for ``lambda < 0`` both sides of (14) decide for it."""
        del budget
        lam, alpha, rest = sp.symbols("lam alpha rest", nonnegative=True)  # lambda = -lam, rest = 2 beta (1 - mu)
        steps = {
            "every alpha >= 0, every beta > 0": all(Fraction(v) >= 0 for v in statement.alphas)
            and all(Fraction(v) > 0 for v in statement.betas),
            "alpha lambda <= 2 beta (1 - mu) for lambda < 0": (rest + alpha * lam).is_nonnegative is True,
            "alpha 0 <= 2 beta (1 - mu)": rest.is_nonnegative is True,
        }
        relation = SmallEigenvalue("same", "at least zero")
        return [_sylvester(), _positive_direction(), _largest_zeros(relation), Exact("symbolic", steps)]

    methods = ("zeros of the exact characteristic polynomials", "eigenvalues in floating point")
    return for_all(
        ForAll(
            points,
            lambda p: (decide(max_root(exact(p), True), p), decide(max_root(exact(p), False), p)),
            "==",
            again,
            DECISION_REPLAY,
            methods,
            (0.5, 0.5),
            proof=proof,
        ),
        budget,
    )


# Cost and accuracy


def _cost(ratio: Fraction, budget: Budget) -> list[Evidence]:
    """Multiplications: eigenvalues of a 2m x 2m matrix (10 n^3, Hessenberg QR) and its three products with the Gram
    blocks, against the symmetric products X'X and R'R, for d >= ratio * m.
    """
    m, d, s = sp.symbols("m d s", positive=True)
    eigen = 10 * (2 * m) ** 3 + 4 * m**3
    gram = m * (m + 1) * d
    statement = {"at most a tenth": Inequality(10 * eigen, "<=", gram, {d: sp.Rational(ratio) * m + s})}
    return inequality(statement, budget)


def _real_spectrum(signs: int, budget: Budget) -> list[Evidence]:
    """All zeros of the exact characteristic polynomial of ``B'B J`` (``signs`` = 1) are real."""
    steps: dict[str, bool] = {}
    count = 0
    for point in histories.histories(budget, betas=("1", "1/4"), seed=8):
        count += 1
        values = small_matrix(exact(point))
        if signs < 0:
            m = point["m"]
            values = np.concatenate([-values[:, :m], values[:, m:]], axis=1)
        found = roots(histories.matrix(values).charpoly())
        name = f"d = {point['d']}, m = {point['m']}"
        steps[name] = steps.get(name, True) and all(bool(root.imag == 0) for root in found)
    return [Exact("rational", steps, instances=count)]


def _accuracy(bound: Callable[[float], float], budget: Budget) -> list[Evidence]:
    """Relative error of the eigenvalue of (15) in double precision against 60 digits, for condition numbers of R."""
    import mpmath

    errors: dict[str, float] = {}
    slack: list[float] = []
    rng = np.random.default_rng(9)
    for power in (0, 2, 4, 6, 8):
        worst = 0.0
        for _ in range(budget.pick(2, 10)):
            x = rng.standard_normal((12, 3))
            u, _ = np.linalg.qr(rng.standard_normal((12, 3)))
            v, _ = np.linalg.qr(rng.standard_normal((3, 3)))
            r = u * np.logspace(0, -power, 3) @ v
            step = Step(x, r, x[:, 0], 0.0, 1.0, 1.0)
            z = np.linalg.inv(step.z)
            b = np.concatenate([step.y, r], axis=1)
            j = np.block([[0 * z, z], [z, 0 * z]])
            found = float(np.max(np.linalg.eigvals(b.T @ b @ j).real))
            with mpmath.workdps(60):
                mx, mr = mpmath.matrix(x.tolist()), mpmath.matrix(r.tolist())
                half = (mx + mr) * mpmath.inverse(mr.T * mr) * mr.T
                values = mpmath.eigsy(half + half.T, eigvals_only=True)
                true = float(max(values))
            worst = max(worst, abs(found - true) / abs(true))
        errors[f"condition number 1e{power}"] = worst
        slack.append(float(np.log10(bound(10.0**power) / max(worst, 1e-17))))
    bad = sum(s < 0 for s in slack)
    return [Sampled("against 60 digits", len(errors), bad, min(slack), "slack in decades; random histories", errors)]


CLAIMS = [
    Claim(
        id="anderson-mixing/small-eigenproblem",
        location="2.2, (15)",
        statement=r"$\lambda_{\max}(BJB^\top)=\lambda_{\max}(B^\top BJ)$, $B=(Y_k\ R_k)$.",
        parts=(
            Part(
                "equality of the two largest eigenvalues for every d and m",
                _small,
                printed=SmallEigenvalue("same", "same"),
                broken=SmallEigenvalue("negated", "negated"),
                repair=SmallEigenvalue("same", "at least zero"),
                repair_note=r"$\lambda_{\max}(B^\top BJ)=\lambda_{\max}(BJB^\top)$ if $d\ge2m$, and "
                r"$=\max\{0,\lambda_{\max}(BJB^\top)\}$ if $d<2m$.",
                note=r"For $d<2m$ the small matrix has $2m-d$ more zeros: $d=m=1$, $x=1$, $r=-\frac12$, "
                r"$\delta=\frac1{10}$, "
                r"$\beta=1$ has $\lambda_k=-\frac{10}{7}<0$ and 0 in the small problem. The paper has $m\ll d$ in "
                r"mind, "
                "where the equality holds.",
            ),
            Part(
                "the decision (14) is the same, alpha >= 0 and beta > 0",
                _same_decision,
                printed=SameDecision(("0", "1/3", "1", "2"), ("1", "1/4")),
                broken=SameDecision(("1", "2"), ("-1/20",)),
                bears=False,
                note=r"Both sides of (14) are then nonnegative where the two eigenvalues differ. It is not so for "
                r"$\beta<0$ "
                r"(the control).",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/small-eigenproblem-cost",
        location="2.2, after (15)",
        figures=("anderson-mixing/cost",),
        statement=r"(15) costs $O(m^3)$, negligible against forming $X_k^\top X_k$, $R_k^\top R_k$. Judged: at "
        r"most a tenth "
        r"of those products once $d\ge840\,m$, textbook counts.",
        assumptions=(r"$m\ll d$",),
        parts=(
            Part(
                "multiplications",
                _cost,
                printed=Fraction(840),
                broken=Fraction(84),
                note=r"About $84m^3$ against $m(m+1)d$: the ratio is $84m/d$ up to a factor $m/(m+1)$, so it is "
                r"not small "
                r"for $d\lesssim84m$. The small matrix also needs $X^\top R$, another $m^2d$.",
            ),
            Part(
                "the spectrum of the small matrix is real",
                _real_spectrum,
                printed=1,
                broken=-1,
                bears=False,
                note="It is a semidefinite matrix times a symmetric one.",
            ),
            Part(
                "relative error grows with the square of the condition number of R",
                _accuracy,
                printed=lambda kappa: 1e-13 * kappa**2,
                broken=lambda kappa: 1e-13 * kappa,
                bears=False,
                note="Through the inverse of the Gram matrix; the printed form has no correct digit beyond a "
                "condition number "
                "of $10^8$.",
            ),
        ),
    ),
]
