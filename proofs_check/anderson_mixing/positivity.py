"""Section 2.2: positive definiteness of H, the condition (14), the small eigenvalue problem (15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp
from flint import fmpq_poly

from ..checks.bounds import Inequality, inequality
from ..checks.matrices import MatrixIdentity, matrix_identity
from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled
from . import histories
from .histories import READ, Step, exact, floats, pseudoinverse, rank
from .sam import update_matrix

MUS = ("1/10", "1/2", "9/10")


def definite(values: np.ndarray, strict: bool = False) -> bool:
    """Whether a symmetric rational matrix is positive semidefinite, or definite with ``strict``: exact elimination."""
    a = values.copy()
    for i in range(len(a)):
        if a[i, i] < 0 or (strict and a[i, i] == 0):
            return False
        if a[i, i] == 0:
            if a[i, i:].any():
                return False
            continue
        for j in range(i + 1, len(a)):
            a[j, i:] = a[j, i:] - a[j, i] / a[i, i] * a[i, i:]
    return True


def symmetric_part(step: Step) -> Any:
    """``K = Y Z^+ R' + R Z^+ Y'``, whose largest eigenvalue is ``lambda_k``."""
    pinv = pseudoinverse if step.x.dtype == object else (lambda z: np.linalg.pinv(z, rcond=1e-10))
    half = step.y @ pinv(step.z) @ step.r.T
    return half + half.T


def small_matrix(step: Step) -> Any:
    """``B'B J`` of (15)."""
    pinv = pseudoinverse if step.x.dtype == object else (lambda z: np.linalg.pinv(z, rcond=1e-10))
    inverse = pinv(step.z)
    b = np.concatenate([step.y, step.r], axis=1)
    m = step.x.shape[1]
    j = np.concatenate([np.concatenate([0 * inverse, inverse], 1), np.concatenate([inverse, 0 * inverse], 1)], 0)
    assert j.shape == (2 * m, 2 * m)
    return b.T @ b @ j


def _identity(n: int) -> np.ndarray:
    return fractions(np.eye(n, dtype=int))


# (13) and (14)


@dataclass(frozen=True)
class Equivalence:
    """(13) holds exactly if ``alpha lambda <= factor beta (1 - mu)``; ``lambda`` the largest or smallest eigenvalue."""

    alphas: tuple[str, ...]
    factor: int = 2
    end: Literal["largest", "smallest"] = "largest"


EQUIVALENCE_REPLAY = (
    READ
    + """
delta, alpha, beta, mu = (float(Fraction(str(witness[k]))) for k in ("delta", "alpha", "beta", "mu"))
half = (X + beta * R) @ np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10) @ R.T
values = np.linalg.eigvalsh(half + half.T)
end = values[-1] if witness["end"] == "largest" else values[0]
H = beta * np.eye(len(r)) - alpha * half
first = np.linalg.eigvalsh(0.5 * (H + H.T))[0] >= beta * mu - 1e-9
second = alpha * end <= witness["factor"] * beta * (1 - mu) + 1e-9
violated = bool(first != second)
"""
)


def _equivalence(statement: Equivalence, budget: Budget) -> list[Evidence]:
    """Both decisions in rationals (semidefiniteness by elimination), then by eigenvalues in floating point."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(5)
        for point in histories.histories(budget, alphas=statement.alphas, betas=("1", "1/4", "-1/2")):
            mu = Fraction(MUS[int(rng.integers(len(MUS)))])
            yield {**point, "mu": mu, "factor": statement.factor, "end": statement.end}

    def sides(point: Any) -> tuple[int, int]:
        step, mu = exact(point), point["mu"]
        eye = _identity(point["d"])
        h = update_matrix(step, pseudoinverse)
        k = symmetric_part(step)
        bound = statement.factor * step.beta * (1 - mu)
        if step.alpha == 0:
            second = bound >= 0
        else:
            limit = bound / step.alpha
            # lambda_max <= c: c I - K semidefinite; lambda_min <= c: K - c I not definite; reversed for alpha < 0.
            if statement.end == "largest":
                below = definite(limit * eye - k) if step.alpha > 0 else not definite(limit * eye - k, strict=True)
            else:
                below = not definite(k - limit * eye, strict=True) if step.alpha > 0 else definite(k - limit * eye)
            second = below
        return int(definite((h + h.T) / 2 - step.beta * mu * eye)), int(second)

    def again(point: Any) -> tuple[float, float]:
        step, mu = floats(point), float(point["mu"])
        values = np.linalg.eigvalsh(symmetric_part(step))
        end = values[-1] if statement.end == "largest" else values[0]
        h = update_matrix(step, lambda z: np.linalg.pinv(z, rcond=1e-10))
        first = np.linalg.eigvalsh(0.5 * (h + h.T))[0] >= step.beta * mu - 1e-9
        return float(first), float(step.alpha * end <= statement.factor * step.beta * (1 - mu) + 1e-9)

    def proof(budget: Budget) -> list[Evidence]:
        names = {"I": (3, 3), "Y": (3, 2), "Yt": (2, 3), "R": (3, 2), "Rt": (2, 3), "Z": (2, 2)}
        split = MatrixIdentity(
            lambda I, Y, Yt, R, Rt, Z, a, b: (b * I - a * (Y * Z * Rt)) + (b * I - a * (R * Z * Yt)),
            lambda I, Y, Yt, R, Rt, Z, a, b: 2 * b * I - a * (Y * Z * Rt + R * Z * Yt),
            ("a", "b"),
            names,
        )
        # lambda_min(2 b I - a K) = 2 b - a lambda_max(K) for a >= 0, - a lambda_min(K) for a <= 0; then solve for mu.
        a, b, mu, lam = sp.symbols("a b mu lam")
        solved = sp.expand((b - a * lam / 2 - b * mu) * 2 - (statement.factor * b * (1 - mu) - a * lam))
        right_end = all(
            (Fraction(v) >= 0) == (statement.end == "largest") or Fraction(v) == 0 for v in statement.alphas
        )
        steps = {
            "beta - alpha lambda / 2 >= beta mu is (14)": solved == 0,
            "end of the spectrum fits the sign": right_end,
        }
        return [*matrix_identity({"H + H'": split}, budget), Exact("symbolic", steps)]

    methods = ("exact elimination", "eigenvalues in floating point")
    return for_all(ForAll(points, sides, "==", again, EQUIVALENCE_REPLAY, methods, (0.0, 0.5), proof=proof), budget)


# A bound on lambda


@dataclass(frozen=True)
class CheapBound:
    """``lambda_k <= bound(beta, delta)`` for delta, beta > 0, attained in the limit for d = m = 1 with ``sharp``."""

    bound: Callable[[Any, Any], Any]


BOUND_REPLAY = (
    READ
    + """
delta, beta = (float(Fraction(str(witness[k]))) for k in ("delta", "beta"))
half = (X + beta * R) @ np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10) @ R.T
violated = bool(np.linalg.eigvalsh(half + half.T)[-1] > witness["bound"] + 1e-9)
"""
)


def _cheap_bound(statement: CheapBound, budget: Budget) -> list[Evidence]:
    """Search, adversarial in one dimension (where x / r is free), and the attained share of the bound."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories.histories(budget, deltas=("1/100", "1", "7"), betas=("1", "1/4"), seed=2):
            yield {**point, "bound": float(statement.bound(float(point["beta"]), float(point["delta"])))}
        for k in range(-40, 41):  # d = m = 1: lambda = 2 (t + beta) / (1 + delta t^2), t = x / r
            for delta in (Fraction(1, 100), Fraction(1), Fraction(7)):
                t = Fraction(k, 4)
                yield {
                    "d": 1, "m": 1, "kind": "one dimension", "X": [[t]], "R": [[Fraction(1)]], "r": [Fraction(1)],
                    "delta": delta, "alpha": Fraction(1), "beta": Fraction(1, 4),
                    "bound": float(statement.bound(0.25, float(delta))),
                }  # fmt: skip

    def value(point: Any) -> float:
        return float(np.linalg.eigvalsh(symmetric_part(floats(point)))[-1])

    def again(point: Any) -> tuple[float, float]:
        step = exact(point)
        if point["d"] == 1:
            return float(symmetric_part(step)[0, 0]), point["bound"]
        return max_root(step, small=False), point["bound"]

    found = for_all(
        ForAll(
            points,
            lambda p: (value(p), p["bound"]),
            "<=",
            again,
            BOUND_REPLAY,
            ("eigenvalues in floating point", "zeros of the exact characteristic polynomial"),
            (1e-9, 1e-9),
        ),
        budget,
    )
    c, s, beta, eta = sp.symbols("c s beta eta", real=True)  # cos, sin, delta^(-1/2)
    # beta (1 - c) + eta s <= beta + (beta^2 + eta^2)^(1/2), by Cauchy-Schwarz as an identity
    gap = (beta**2 + eta**2) * (c**2 + s**2) - (eta * s - beta * c) ** 2 - (beta * s + eta * c) ** 2
    return [*found, Exact("symbolic", {"Cauchy-Schwarz on the circle": sp.expand(gap) == 0})]


# (15)


def roots(polynomial: fmpq_poly) -> list[Any]:
    """Certified enclosures of the zeros of an exact polynomial."""
    pairs: Any = polynomial.numer().complex_roots()
    return [root for root, _ in pairs]


def max_root(step: Step, small: bool) -> float:
    """Largest eigenvalue from the exact characteristic polynomial, by certified root isolation."""
    values = small_matrix(step) if small else symmetric_part(step)
    polynomial: fmpq_poly = histories.matrix(values).charpoly()
    return max(float(root.real.mid()) for root in roots(polynomial))


@dataclass(frozen=True)
class SmallEigenvalue:
    """``lambda_max(B'B J) = small(lambda_max(B J B'), d, m)``."""

    small: Callable[[float, int, int], float]


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

    def proof(budget: Budget) -> list[Evidence]:
        t = MatrixIdentity(
            lambda B, C, t: t * B - B * C * B,
            lambda B, C, t: B * t - B * (C * B),
            ("t",),
            {"B": (3, 4), "C": (4, 3)},
        )
        steps: dict[str, bool] = {}
        for point in histories.histories(budget, betas=("1", "1/4"), seed=1):
            step = exact(point)
            d, n = point["d"], 2 * point["m"]
            big = histories.matrix(symmetric_part(step)).charpoly()
            small = histories.matrix(small_matrix(step)).charpoly()
            x = fmpq_poly([0, 1])
            name = f"t^d chi(B'BJ) = t^2m chi(BJB'), d = {d}, 2m = {n}"
            steps[name] = steps.get(name, True) and x**d * small == x**n * big
            if d > n and rank(np.concatenate([step.y, step.r], 1)) == n and rank(step.z) == n // 2:
                name = "d > 2m, B and Z regular: BJB' has a positive eigenvalue (inertia m, m)"
                steps[name] = steps.get(name, True) and not definite(-symmetric_part(step))
        return [*matrix_identity({"(t I - BC) B = B (t I - CB)": t}, budget), Exact("rational", steps)]

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
            proof=proof,
        ),
        budget,
    )


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
    for point in histories.histories(budget, betas=("1", "1/4"), seed=8):
        values = small_matrix(exact(point))
        if signs < 0:
            m = point["m"]
            values = np.concatenate([-values[:, :m], values[:, m:]], axis=1)
        found = roots(histories.matrix(values).charpoly())
        name = f"d = {point['d']}, m = {point['m']}"
        steps[name] = steps.get(name, True) and all(bool(root.imag == 0) for root in found)
    return [Exact("rational", steps)]


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
        id="anderson-mixing/positive-definiteness-condition",
        location="2.2, (13), (14)",
        statement=r"$p^\top H_kp\ge\beta_k\mu\|p\|^2$ for all $p$ $\Leftrightarrow$ "
        r"$\lambda_{\min}(\frac12(H_k+H_k^\top))"
        r"\ge\beta_k\mu$, $\lambda_{\min}(\frac12(H_k+H_k^\top))=\beta_k-\frac12\alpha_k\lambda_k$, so (13) "
        r"$\Leftrightarrow\alpha_k\lambda_k\le2\beta_k(1-\mu)$.",
        assumptions=(r"$\alpha_k\ge0$ (a damping parameter; (18b) has it in $[0,1]$)", r"$\mu\in(0,1)$"),
        parts=(
            Part(
                "(13) is (14) for alpha >= 0",
                _equivalence,
                printed=Equivalence(("1", "1/3", "2", "0")),
                broken=Equivalence(("1", "1/3", "2", "0"), factor=1),
                note=r"Every sign of $\lambda_k$ and of $\beta_k$. The largest admissible $\alpha$ is "
                r"$2\beta(1-\mu)/\lambda_k$ if $\lambda_k>0$ and unbounded otherwise ($\beta>0$).",
            ),
            Part(
                "the same for alpha < 0",
                _equivalence,
                printed=Equivalence(("-1", "-1/2", "-3")),
                broken=Equivalence(("-1", "-1/2", "-3"), factor=1),
                repair=Equivalence(("-1", "-1/2", "-3"), end="smallest"),
                repair_note=r"For $\alpha<0$: $\alpha\lambda_{\min}(YZ^\dagger R^\top+RZ^\dagger "
                r"Y^\top)\le2\beta(1-\mu)$.",
                bears=False,
            ),
            Part(
                "a bound that needs no eigenvalue",
                _cheap_bound,
                printed=CheapBound(lambda beta, delta: beta + (beta * beta + 1 / delta) ** 0.5),
                broken=CheapBound(lambda beta, delta: beta + (beta * beta + 0.9 / delta) ** 0.5),
                bears=False,
                note=r"$\lambda_k\le\beta+(\beta^2+1/\delta)^{1/2}$ for $\delta,\beta>0$, attained for $d=m=1$. So "
                r"(14) holds "
                r"unchecked if $\alpha\le2(1-\mu)/(1+(1+1/(\delta\beta^2))^{1/2})$; under $\delta\ge C\beta^{-2}$ if "
                r"$\alpha\le2(1-\mu)/(1+(1+C^{-1})^{1/2})$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/small-eigenproblem",
        location="2.2, (15)",
        statement=r"$\lambda_{\max}(BJB^\top)=\lambda_{\max}(B^\top BJ)$, $B=(Y_k\ R_k)$.",
        parts=(
            Part(
                "equality of the two largest eigenvalues for every d and m",
                _small,
                printed=SmallEigenvalue(lambda big, d, m: big),
                broken=SmallEigenvalue(lambda big, d, m: -big),
                repair=SmallEigenvalue(lambda big, d, m: big if d >= 2 * m else max(big, 0.0)),
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
