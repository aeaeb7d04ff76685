"""Section 2.2: regularised projections, the update matrix, the regularisation of AdaSAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal, cast

import numpy as np
import sympy as sp

from ..checks.matrices import MatrixIdentity, matrix_identity
from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part
from .algebra import letters, recording
from .histories import READ, Step, exact, floats, histories, kernel_in_kernel, pseudoinverse, rank
from .least_squares import Minimiser, Unique, minimises, unique

_Named = tuple[tuple[str, Literal["X gamma", "iterate"]], ...]
DELTAS = ("0", "1/10", "3")


def _stacked_rank(step: Step) -> int:
    return rank(np.vstack([step.r, step.x]))


def ram_coefficients(step: Step, pinv: Callable[[Any], Any]) -> Any:
    """(10)."""
    return pinv(step.r.T @ step.r + step.delta * step.eye(1)) @ (step.r.T @ step.res)


def sam_coefficients(step: Step, pinv: Callable[[Any], Any]) -> Any:
    """(12)."""
    return pinv(step.z) @ (step.r.T @ step.res)


def update_matrix(step: Step, pinv: Callable[[Any], Any]) -> Any:
    """``beta I - alpha Y Z^+ R'``."""
    return step.beta * step.eye(0) - step.alpha * (step.y @ pinv(step.z) @ step.r.T)


UPDATE = {"x": (4, 1), "r": (4, 1), "X": (4, 2), "R": (4, 2), "Rt": (2, 4), "Zp": (2, 2)}


def _update(sign: int) -> MatrixIdentity:
    return MatrixIdentity(
        lambda x, r, X, R, Rt, Zp, a, b: x + b * r - (a * X + a * b * R) * (Zp * (Rt * r)),
        lambda x, r, X, R, Rt, Zp, a, b: x + (b * r - sign * a * ((X + b * R) * Zp * Rt * r)),
        ("a", "b"),
        UPDATE,
    )


# Symmetry of H


SYMMETRY_REPLAY = (
    READ
    + """
delta, alpha, beta = (float(Fraction(str(witness[k]))) for k in ("delta", "alpha", "beta"))
H = beta * np.eye(len(r)) - alpha * (X + beta * R) @ np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10) @ R.T
violated = bool(np.max(np.abs(H - H.T)) < 1e-9) != bool(witness["claimed"])
"""
)


def _symmetric_if(condition: Callable[[Step], bool], budget: Budget) -> list[Evidence]:
    """H is symmetric exactly where the condition says so."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories(budget, alphas=("1", "1/3", "0", "-1/2"), betas=("1", "-1/2")):
            yield {**point, "claimed": int(bool(condition(exact(point))))}

    def sides(point: Any) -> tuple[int, int]:
        h = update_matrix(exact(point), pseudoinverse)
        return point["claimed"], int(not (h - h.T).any())

    def again(point: Any) -> tuple[float, float]:
        h = update_matrix(floats(point), lambda z: np.linalg.pinv(z, rcond=1e-10))
        return float(point["claimed"]), float(np.max(np.abs(h - h.T)) < 1e-9)

    proof = _unsymmetric_part if condition is _cross_is_symmetric else None
    return for_all(ForAll(points, sides, "==", again, SYMMETRY_REPLAY, proof=proof), budget)


def _unsymmetric_part(budget: Budget) -> list[Evidence]:
    """``H - H' = -alpha (X Z^+ R' - R Z^+ X')`` for all matrices: nothing else of H can be unsymmetric."""
    del budget
    x, r, res = letters("X R r")
    alpha, beta, delta = sp.symbols("alpha beta delta", real=True)
    pinv, asked = recording(symmetric=True)
    h = update_matrix(Step(x, r, res, delta, alpha, beta), pinv)
    cross = x @ letters("Z+", symmetric=True)[0] @ r.T
    steps = {
        "Z is symmetric, so is Z^+": (asked[0] - asked[0].T).is_zero(),
        "H - H' = -alpha (X Z^+ R' - R Z^+ X')": (h - h.T + alpha * (cross - cross.T)).is_zero(),
    }
    return [Exact("symbolic", steps)]


def _cross_is_symmetric(step: Step) -> bool:
    cross = step.alpha * (step.x @ pseudoinverse(step.z) @ step.r.T)
    return not (cross - cross.T).any()


def _unsymmetric_shapes(smallest: int, budget: Budget) -> list[Evidence]:
    """Generic histories of every shape with ``d >= smallest``: H is unsymmetric for each.

    The entries of ``H - H'`` are rational functions of the history on the open set of full rank: where one history has
    them non-zero, almost all have.
    """
    cases: dict[tuple[int, int], list[bool]] = {}
    for point in histories(budget, seed=3):
        if point["kind"] == "generic" and point["d"] >= smallest:
            h = update_matrix(exact(point), pseudoinverse)
            cases.setdefault((point["d"], point["m"]), []).append(bool((h - h.T).any()))
    steps = {f"d = {d}, m = {m}": any(found) for (d, m), found in cases.items()}
    return [Exact("rational", steps, {"histories": sum(map(len, cases.values()))}, instances=len(steps))]


def _some_unsymmetric(d: int, budget: Budget) -> list[Evidence]:
    """There is a history with an unsymmetric H in dimension d: one column with entries in {-1, 0, 1, 2}."""
    del budget
    for entries in product(range(-1, 3), repeat=2 * d):
        x, r = fractions(entries[:d]).reshape(d, 1), fractions(entries[d:]).reshape(d, 1)
        h = update_matrix(Step(x, r, r[:, 0], Fraction(1), Fraction(1), Fraction(1)), pseudoinverse)
        if (h - h.T).any():
            data = {"X": list(entries[:d]), "R": list(entries[d:]), "delta": 1, "H - H'": (h - h.T).tolist()}
            return [Exact("rational", {"H - H' is not zero": True}, data)]
    return [Exact("rational", {"H - H' is not zero": False})]


# (16)


@dataclass(frozen=True)
class LowerBound:
    """``delta_k >= C / beta^2`` with ``C = constant(c1, c2)`` over the named values of ``c2``."""

    constant: Callable[[Fraction, Fraction], Fraction]
    c2: tuple[str, ...]


REGULARISATION_REPLAY = """
from fractions import Fraction
c1, c2, epsilon, r2, s2, beta, C = (Fraction(str(witness[k])) for k in
                                    ("c1", "c2", "epsilon", "r2", "s2", "beta", "C"))
violated = max(c1 * r2 / (s2 + epsilon), c2 / beta**2) < C / beta**2
"""


def _lower_bound(statement: LowerBound, budget: Budget) -> list[Evidence]:
    names = ("c1", "c2", "epsilon", "r2", "s2", "beta")
    tiny, large = "1/1000000", "1000000"
    values = (
        ("0", "1/100", "1"),
        statement.c2,
        (tiny, "1"),
        ("0", tiny, "1", large),
        ("0", "1", large),
        (tiny, "1", "7"),
    )

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for combination in product(*values):
            point: dict[str, Any] = dict(zip(names, map(Fraction, combination), strict=True))
            yield {**point, "C": statement.constant(point["c1"], point["c2"])}

    def both(point: Any, number: Callable[[Any], Any]) -> tuple[Any, Any]:
        c1, c2, epsilon, r2, s2, beta, constant = (number(point[k]) for k in (*names, "C"))
        return max(c1 * r2 / (s2 + epsilon), c2 / beta**2), constant / beta**2

    def proof(budget: Budget) -> list[Evidence]:
        a, b = sp.symbols("a b", real=True)
        c1, c2 = sp.symbols("c1 c2", nonnegative=True)
        exceeds = sp.Max(a, b).rewrite(sp.Abs) - b  # = (a - b + |a - b|) / 2 >= 0
        steps = {
            "max{a, b} - b = (a - b + |a - b|)/2": sp.simplify(exceeds - (a - b + sp.Abs(a - b)) / 2) == 0,
            "C <= c2": (c2 - sp.sympify(statement.constant(c1, c2))).is_nonnegative is True,
        }
        return [Exact("symbolic", steps)]

    return for_all(
        ForAll(
            points,
            lambda p: both(p, Fraction),
            ">=",
            lambda p: both(p, float),
            REGULARISATION_REPLAY,
            margins=(0.0, 0.0),
            proof=proof,
        ),
        budget,
    )


CLAIMS = [
    Claim(
        id="anderson-mixing/ram-solution",
        location="2.2, (10)",
        statement=r"$(R_k^\top R_k+\delta I)^\dagger R_k^\top r_k$ minimises $\|r_k-R_k\Gamma\|^2+\delta\|\Gamma\|^2$.",
        assumptions=(r"$\delta\ge0$",),
        parts=(
            Part(
                "it is a minimiser",
                minimises,
                printed=Minimiser(ram_coefficients, "identity"),
                broken=Minimiser(lambda s, pinv: ram_coefficients(s._replace(delta=2 * s.delta), pinv), "identity"),
                note="Every relation of $d$ and $m$ and every rank, $\\delta=0$ (least-norm minimiser) and "
                "$\\delta>0$.",
            ),
            Part(
                "it is the only one",
                unique,
                printed=Unique("gamma", "identity", lambda s: True, DELTAS),
                broken=Unique("gamma", "identity", lambda s: s.delta > 0, DELTAS),
                repair=Unique("gamma", "identity", lambda s: s.delta > 0 or rank(s.r) == s.r.shape[1], DELTAS),
                repair_note=r"Unique exactly if $\delta>0$ or $R_k$ has full column rank.",
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/adaptive-regularisation-solution",
        location="2.2, (11), (12)",
        figures=("anderson-mixing/deviations",),
        statement=r"$Z_k^\dagger R_k^\top r_k$, $Z_k=R_k^\top R_k+\delta_kX_k^\top X_k$, minimises "
        r"$\|r_k-R_k\Gamma\|^2+\delta_k\|X_k\Gamma\|^2$.",
        assumptions=(r"$\delta_k\ge0$",),
        parts=(
            Part(
                "it is a minimiser",
                minimises,
                printed=Minimiser(sam_coefficients, "points"),
                broken=Minimiser(ram_coefficients, "points"),
                note=r"The normal equations are consistent: $\ker Z\subseteq\ker R$.",
            ),
            Part(
                "the coefficients are unique",
                unique,
                printed=Unique("gamma", "points", lambda s: True, DELTAS),
                broken=Unique("gamma", "points", lambda s: False, DELTAS),
                repair=Unique(
                    "gamma",
                    "points",
                    lambda s: (_stacked_rank(s) if s.delta > 0 else rank(s.r)) == s.r.shape[1],
                    DELTAS,
                ),
                repair_note=r"Exactly if $\ker R\cap\ker X=0$ for $\delta>0$, $\ker R=0$ for $\delta=0$.",
                bears=False,
            ),
            Part(
                "R Gamma is unique",
                unique,
                printed=Unique("R gamma", "points", lambda s: True, DELTAS),
                broken=Unique("R gamma", "points", lambda s: s.delta > 0, DELTAS),
                bears=False,
            ),
            *(
                Part(
                    name,
                    unique,
                    printed=Unique(what, "points", lambda s: True, DELTAS),
                    broken=Unique(what, "points", lambda s: rank(s.r) == s.r.shape[1], DELTAS),
                    repair=Unique(what, "points", lambda s: s.delta > 0 or kernel_in_kernel(s.r, s.x), DELTAS),
                    repair_note=r"Exactly if $\delta>0$ or $\ker R\subseteq\ker X$: for $\delta>0$ the step never "
                    r"depends "
                    "on which minimiser is taken, whatever the ranks.",
                    bears=False,
                )
                for name, what in cast(
                    _Named, (("X Gamma is unique", "X gamma"), ("the new iterate is unique", "iterate"))
                )
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/sam-update-matrix",
        location="2.2, before (13)",
        statement=r"SAM is $x_{k+1}=x_k+H_kr_k$ with $H_k=\beta_kI-\alpha_kY_kZ_k^\dagger R_k^\top$; $H_k$ is "
        r"generally "
        "not symmetric.",
        parts=(
            Part("identity", matrix_identity, printed=_update(1), broken=_update(-1)),
            Part(
                "not symmetric in general",
                _some_unsymmetric,
                printed=2,
                broken=1,
                note="One history decides: two dimensions, one column.",
            ),
            Part(
                "generic histories of every shape",
                _unsymmetric_shapes,
                printed=2,
                broken=1,
                bears=False,
                note="One of every shape with $d>1$ that was tried, hence almost all of it; for $d=1$ it is a number.",
            ),
            Part(
                "H is symmetric exactly if alpha X Z^+ R' is",
                _symmetric_if,
                printed=_cross_is_symmetric,
                broken=lambda s: True,
                bears=False,
                note=r"$\beta R Z^\dagger R^\top$ is always symmetric, so $\beta_k$ plays no role.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/adasam-regularisation-lower-bound",
        location="2.2, (16); 3",
        statement=r"$\delta_k=\max\{c_1\|r_k\|^2/(\|x_k-x_{k-1}\|^2+\varepsilon),c_2\beta_k^{-2}\}\ge C\beta_k^{-2}$.",
        assumptions=("$c_2>0$", r"$c_1\ge0$, $\varepsilon>0$"),
        parts=(
            Part(
                "with C = c2",
                _lower_bound,
                printed=LowerBound(lambda c1, c2: c2, ("1/1000000", "1")),
                broken=LowerBound(lambda c1, c2: c1 + c2, ("1/1000000", "1")),
                note="$C=c_2$ is the largest constant: the first term is zero where $r_k=0$. $x_k=x_{k-1}$ does no "
                "harm "
                r"for $\varepsilon>0$.",
            ),
            Part(
                "without the second term, for some C > 0",
                _lower_bound,
                printed=LowerBound(lambda c1, c2: Fraction(1, 10**9), ("0",)),
                broken=LowerBound(lambda c1, c2: Fraction(1), ("0",)),
                sound=LowerBound(lambda c1, c2: c2 / 2, ("1",)),
                bears=False,
                note=r"$c_2=0$ (the published code has no second term) gives no bound: $\delta_k=0$ where $r_k=0$, "
                r"and the "
                r"ratio $\|r_k\|^2\beta_k^2/\|x_k-x_{k-1}\|^2$ has no positive lower bound.",
            ),
        ),
    ),
]
