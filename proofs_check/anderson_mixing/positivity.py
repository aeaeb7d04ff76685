"""Section 2.2: positive definiteness of H, the condition (14), the small eigenvalue problem (15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp
from flint import fmpq_poly

from ..checks.matrices import MatrixIdentity, matrix_identity
from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import histories
from .histories import READ, Step, exact, floats, pseudoinverse
from .sam import update_matrix
from .update_structure import structure

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
    """(13) holds exactly if ``alpha lambda <= bound(beta, mu)``; ``lambda`` the largest or smallest eigenvalue."""

    alphas: tuple[str, ...]
    bound: Callable[[Any, Any], Any] = lambda beta, mu: 2 * beta * (1 - mu)
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
second = alpha * end <= float(Fraction(str(witness["bound"]))) + 1e-9
violated = bool(first != second)
"""
)


def _equivalence(statement: Equivalence, budget: Budget) -> list[Evidence]:
    """Both decisions in rationals (semidefiniteness by elimination), then by eigenvalues in floating point."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(5)
        for point in histories.histories(budget, alphas=statement.alphas, betas=("1", "1/4", "-1/2")):
            mu = Fraction(MUS[int(rng.integers(len(MUS)))])
            yield {**point, "mu": mu, "bound": statement.bound(point["beta"], mu), "end": statement.end}

    def sides(point: Any) -> tuple[int, int]:
        step, mu = exact(point), point["mu"]
        eye = _identity(point["d"])
        h = update_matrix(step, pseudoinverse)
        k = symmetric_part(step)
        bound = point["bound"]
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
        return float(first), float(step.alpha * end <= float(point["bound"]) + 1e-9)

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
        solved = sp.expand((b - a * lam / 2 - b * mu) * 2 - (statement.bound(b, mu) - a * lam))
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


def roots(polynomial: fmpq_poly) -> list[Any]:
    """Certified enclosures of the zeros of an exact polynomial."""
    pairs: Any = polynomial.numer().complex_roots()
    return [root for root, _ in pairs]


def max_root(step: Step, small: bool) -> float:
    """Largest eigenvalue from the exact characteristic polynomial, by certified root isolation."""
    values = small_matrix(step) if small else symmetric_part(step)
    polynomial: fmpq_poly = histories.matrix(values).charpoly()
    return max(float(root.real.mid()) for root in roots(polynomial))


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

    def proof(budget: Budget) -> list[Evidence]:
        """For unit r, ``p = r'Pr``: ``r'Kr = 2 beta p + 2 r'Qr <= 2 beta p + 2 (p (1 - p) / delta)^(1/2)``, as
        ``|Q r|^2 = r'(P - P^2) r / delta`` and ``r'P^2 r >= p^2``; with ``2 p = 1 - c`` it is Cauchy-Schwarz.
        """
        c, s = sp.symbols("c s", real=True)
        beta, eta = sp.symbols("beta eta", positive=True)  # eta = delta^(-1/2)
        gap = (beta**2 + eta**2) * (c**2 + s**2) - (eta * s - beta * c) ** 2 - (beta * s + eta * c) ** 2
        root = sp.nsimplify(statement.bound(beta, 1 / eta**2)) - beta
        half = (1 - c) / 2
        steps = {
            "4 p (1 - p) = s^2 for 2 p = 1 - c": sp.expand(4 * half * (1 - half) - (1 - c**2)) == 0,
            "Cauchy-Schwarz on the circle": sp.expand(gap) == 0,
            "(bound - beta)^2 = beta^2 + 1 / delta": sp.expand(root**2 - beta**2 - eta**2) == 0,
        }
        return [*structure(budget), Exact("symbolic", steps)]

    methods = ("eigenvalues in floating point", "zeros of the exact characteristic polynomial")
    return for_all(
        ForAll(points, lambda p: (value(p), p["bound"]), "<=", again, BOUND_REPLAY, methods, (1e-9, 1e-9), proof=proof),
        budget,
    )


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
                broken=Equivalence(("1", "1/3", "2", "0"), lambda beta, mu: beta * (1 - mu)),
                note=r"Every sign of $\lambda_k$ and of $\beta_k$. The largest admissible $\alpha$ is "
                r"$2\beta(1-\mu)/\lambda_k$ if $\lambda_k>0$ and unbounded otherwise ($\beta>0$).",
            ),
            Part(
                "the same for alpha < 0",
                _equivalence,
                printed=Equivalence(("-1", "-1/2", "-3")),
                broken=Equivalence(("-1", "-1/2", "-3"), lambda beta, mu: beta * (1 - mu)),
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
]
