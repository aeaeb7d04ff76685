"""Checks of the small problem ``min |r - R G|^2 + delta |E G|^2``: minimisers, uniqueness, secant condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sympy as sp

from ..checks.matrices import MatrixIdentity, matrix_identity
from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Evidence, Exact
from . import histories
from .algebra import IDENTITY, Matrix, axioms, letters, recording
from .histories import READ, Step, exact, floats, kernel_in_kernel, largest, null_space, pseudoinverse, rank

Penalty = Literal["none", "identity", "points"]
Pinv = Callable[[Any], Any]


def penalty_gram(step: Step, penalty: Penalty) -> Any:
    """``delta E'E``."""
    if penalty == "points":
        return step.delta * (step.x.T @ step.x)
    return (step.delta if penalty == "identity" else 0 * step.delta) * step.eye(1)


# Minimisers


@dataclass(frozen=True)
class Minimiser:
    """``gamma(step, pinv)`` minimises ``|r - R G|^2 + delta |E G|^2``; ``E`` is 0, I or X."""

    gamma: Callable[[Step, Pinv], Any]
    penalty: Penalty
    deltas: tuple[str, ...] = ("0", "1/10", "3")


MINIMUM_REPLAY = (
    READ
    + """
d, m = X.shape
root = abs(float(Fraction(str(witness["delta"])))) ** 0.5
E = {"none": 0 * X, "identity": root * np.eye(m), "points": root * X}[witness["penalty"]]
big, rhs = np.vstack([R, E]), np.concatenate([r, np.zeros(len(E))])
value = lambda g: float(np.sum((rhs - big @ g) ** 2))
best = value(np.linalg.lstsq(big, rhs, rcond=None)[0])
violated = value(read(witness["gamma"])) > best + 1e-9
"""
)


def _augmented(step: Step, penalty: Penalty) -> tuple[np.ndarray, np.ndarray]:
    root = float(step.delta) ** 0.5
    lower = {"none": 0.0 * step.x, "identity": root * step.eye(1), "points": root * step.x}[penalty]
    return np.vstack([step.r, lower]), np.concatenate([step.res, np.zeros(len(lower))])


def minimises(statement: Minimiser, budget: Budget) -> list[Evidence]:
    """Exact gradient of the objective over the standard cases; against the value that a least squares solver finds."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories.histories(budget, deltas=statement.deltas):
            yield {
                **point,
                "penalty": statement.penalty,
                "gamma": list(statement.gamma(exact(point), pseudoinverse)),
            }

    def sides(point: Any) -> tuple[Any, Any]:
        step, gamma = exact(point), fractions(point["gamma"])
        gradient = step.r.T @ (step.r @ gamma - step.res) + penalty_gram(step, statement.penalty) @ gamma
        return largest(gradient), 0

    def again(point: Any) -> tuple[float, float]:
        step = floats(point)
        big, rhs = _augmented(step, statement.penalty)
        best = np.linalg.lstsq(big, rhs, rcond=None)[0]
        gamma = np.array(point["gamma"], dtype=float)
        return float(np.sum((rhs - big @ gamma) ** 2)), float(np.sum((rhs - big @ best) ** 2))

    def proof(budget: Budget) -> list[Evidence]:
        return [*_convex(budget), _normal_equations(statement)]

    methods = ("exact gradient", "value of a QR solver")
    return for_all(ForAll(points, sides, "==", again, MINIMUM_REPLAY, methods, proof=proof), budget)


def _normal_equations(statement: Minimiser) -> Exact:
    """The statement's coefficients solve ``Z G = R'r``, for all matrices: ``Z = R'R + delta E'E``.

    With ``N = I - Z Z^+`` the gap is ``-N R'r``, and ``N Z N = 0`` is ``(R N)'(R N) + delta (E N)'(E N) = 0``: a sum of
    squares with ``delta >= 0``, so ``R N = 0``.
    """
    x, r, res = letters("X R r")
    alpha, beta = sp.symbols("alpha beta", real=True)
    delta = sp.Symbol("delta", nonnegative=True)
    step = Step(x, r, res, delta, alpha, beta)
    penalty = {"none": 0 * IDENTITY, "identity": IDENTITY, "points": x.T @ x}[statement.penalty]
    pinv, asked = recording(symmetric=True)
    gamma = statement.gamma(step, pinv)
    if len(asked) == 1 and (asked[0] - r).is_zero():  # R^+ itself: Penrose's axioms are enough
        plus = Matrix({("R+",): 1})
        gap = r.T @ r @ plus @ res - r.T @ res
        return Exact(
            "symbolic",
            {"gamma = R^+ r": (gamma - Matrix({("Z+", "r"): 1})).is_zero(), "R'R R^+ = R'": gap.is_zero(axioms("R"))},
        )
    z, plus, n = letters("Z Z+ N", symmetric=True)
    projector = IDENTITY - z @ plus
    squares = n @ (r.T @ r + delta * penalty) @ n - (r @ n).T @ (r @ n) - delta * (n @ penalty @ n)
    steps = {
        "Z = R'R + delta E'E": len(asked) == 1 and (asked[0] - (r.T @ r + delta * penalty)).is_zero(),
        "Z gamma - R'r = -(I - Z Z^+) R'r": (z @ gamma - r.T @ res + projector @ r.T @ res).is_zero(),
        "(I - Z Z^+) Z = 0": (projector @ z).is_zero(axioms("Z")),
        "N Z N = |R N|^2 + delta |E N|^2": squares.is_zero(),
    }
    return Exact("symbolic", steps)


def _convex(budget: Budget) -> list[Evidence]:
    """q(G + v) - q(G) = |R v|^2 + delta |E v|^2 + 2 v'(gradient): a zero gradient is a minimum, and the converse."""
    names = {"R": (3, 2), "Rt": (2, 3), "E": (3, 2), "Et": (2, 3), "g": (2, 1), "gt": (1, 2), "v": (2, 1), "vt": (1, 2)}
    names |= {"r": (3, 1), "rt": (1, 3)}

    def value(R: Any, Rt: Any, E: Any, Et: Any, g: Any, gt: Any, r: Any, rt: Any, delta: Any) -> Any:
        return (rt - gt * Rt) * (r - R * g) + delta * (gt * Et * E * g)

    def left(**s: Any) -> Any:
        moved = {**s, "g": s["g"] + s["v"], "gt": s["gt"] + s["vt"]}
        del moved["v"], moved["vt"]
        still = {k: v for k, v in s.items() if k not in ("v", "vt")}
        return value(**moved) - value(**still)

    def right(R: Any, Rt: Any, E: Any, Et: Any, g: Any, gt: Any, v: Any, vt: Any, r: Any, rt: Any, delta: Any) -> Any:
        one = vt * (Rt * R * g + delta * (Et * E * g) - Rt * r)
        two = (gt * Rt * R + delta * (gt * Et * E) - rt * R) * v
        return vt * Rt * R * v + delta * (vt * Et * E * v) + one + two

    return matrix_identity(
        {"second-order expansion of the objective": MatrixIdentity(left, right, ("delta",), names)}, budget
    )


# Uniqueness


@dataclass(frozen=True)
class Unique:
    """The named quantity is the same for all minimisers exactly under ``condition``."""

    what: Literal["gamma", "X gamma", "R gamma", "iterate"]
    penalty: Penalty
    condition: Callable[[Step], bool]
    deltas: tuple[str, ...] = ("0",)


UNIQUE_REPLAY = (
    READ
    + """
delta, beta = (float(Fraction(str(witness[k]))) for k in ("delta", "beta"))
m = X.shape[1]
E = {"none": 0 * X.T @ X, "identity": delta * np.eye(m), "points": delta * X.T @ X}[witness["penalty"]]
values, vectors = np.linalg.eigh(R.T @ R + E)
kernel = vectors[:, values < 1e-9]
image = {"gamma": np.eye(m), "X gamma": X, "R gamma": R, "iterate": X + beta * R}[witness["what"]]
unique = kernel.size == 0 or float(np.max(np.abs(image @ kernel))) < 1e-6
violated = unique != bool(witness["claimed"])
"""
)


def unique(statement: Unique, budget: Budget) -> list[Evidence]:
    """The condition against the exact kernel of ``R'R + delta E'E`` over the standard cases."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories.histories(budget, deltas=statement.deltas, betas=("1", "1/4", "-1/2")):
            claimed = int(bool(statement.condition(exact(point))))
            yield {**point, "penalty": statement.penalty, "what": statement.what, "claimed": claimed}

    def image(step: Step) -> Any:
        return {"gamma": step.eye(1), "X gamma": step.x, "R gamma": step.r, "iterate": step.y}[statement.what]

    def sides(point: Any) -> tuple[int, int]:
        step = exact(point)
        kernel = null_space(fractions(step.r.T @ step.r + penalty_gram(step, statement.penalty)))
        same = kernel.shape[1] == 0 or not (image(step) @ kernel).any()
        return point["claimed"], int(same)

    def again(point: Any) -> tuple[float, float]:
        step = floats(point)
        big, _ = _augmented(step, statement.penalty)
        _, values, vectors = np.linalg.svd(big)
        full = np.zeros(vectors.shape[0])
        full[: len(values)] = values
        kernel = vectors[full < 1e-9].T
        moved = float(np.max(np.abs(image(step) @ kernel))) if kernel.size else 0.0
        return float(point["claimed"]), float(moved < 1e-6)

    methods = ("exact kernel", "singular vectors")
    return for_all(ForAll(points, sides, "==", again, UNIQUE_REPLAY, methods), budget)


# Secant characterisation


@dataclass(frozen=True)
class LeastChange:
    """``h(step, g, pinv)`` is the one solution of ``min |H - G|_F`` subject to ``H R = sign X`` and gives the iterate.

    ``G`` is ``beta I``, or a full matrix with ``preconditioned``. Judged where the constraint is feasible.
    """

    h: Callable[[Step, Any, Pinv], Any]
    sign: int = -1
    preconditioned: bool = False


SECANT_REPLAY = (
    READ
    + """
G, H = read(witness["G"]), read(witness["H"])
target = witness["sign"] * X
E = np.linalg.lstsq(R.T, (target - G @ R).T, rcond=None)[0].T
gamma = np.linalg.lstsq(R, r, rcond=None)[0]
iterate = G @ r - (X + G @ R) @ gamma
violated = bool(np.max(np.abs(H - (G + E))) > 1e-7 or np.max(np.abs(H @ r - iterate)) > 1e-7)
"""
)


def target_matrix(point: Any, preconditioned: bool) -> np.ndarray:
    """``beta I``, or a full matrix made from the instance's numbers."""
    d = point["d"]
    eye = fractions(np.eye(d, dtype=int))
    if not preconditioned:
        return point["beta"] * eye
    x = fractions(point["X"])[:, 0]
    return point["beta"] * eye + np.outer(x, x[::-1]) / 7


def least_change(statement: LeastChange, budget: Budget) -> list[Evidence]:
    """Constraint, normality ``(H - G) u = 0`` for all ``u`` orthogonal to ``R`` (which is optimality and uniqueness:
    the constraint is affine, the norm strictly convex), and the step ``H r`` against (6) with another minimiser.
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories.histories(budget, deltas=("0",), betas=("1", "1/4", "-1/2")):
            step = exact(point)
            if kernel_in_kernel(step.r, step.x):
                g = target_matrix(point, statement.preconditioned)
                h = statement.h(step, g, pseudoinverse)
                yield {**point, "G": g.tolist(), "H": h.tolist(), "sign": statement.sign}

    def sides(point: Any) -> tuple[Any, Any]:
        from quadratics.krylov import solve_semidefinite

        step, g, h = exact(point), fractions(point["G"]), fractions(point["H"])
        gamma, _ = solve_semidefinite(step.r.T @ step.r, step.r.T @ step.res)  # not of least norm
        normal = null_space(step.r.T)
        gaps = [
            largest(h @ step.r - statement.sign * step.x),
            largest((h - g) @ normal) if normal.shape[1] else 0,
            largest(h @ step.res - (g @ step.res - (step.x + g @ step.r) @ gamma)),
        ]
        return max(gaps), 0

    def again(point: Any) -> tuple[float, float]:
        step = floats(point)
        g, h = (np.array(point[k], dtype=float) for k in ("G", "H"))
        change = np.linalg.lstsq(step.r.T, (statement.sign * step.x - g @ step.r).T, rcond=None)[0].T
        gamma = np.linalg.lstsq(step.r, step.res, rcond=None)[0]
        iterate = g @ step.res - (step.x + g @ step.r) @ gamma
        return max(float(np.max(np.abs(h - g - change))), float(np.max(np.abs(h @ step.res - iterate)))), 0.0

    methods = ("exact constraint, normality and iterate", "least squares solver")
    return for_all(
        ForAll(points, sides, "==", again, SECANT_REPLAY, methods, (0.0, 1e-7), proof=lambda b: [_secant(statement)]),
        budget,
    )


def _secant(statement: LeastChange) -> Exact:
    """The same for all matrices with ``X R^+ R = X``, which is ``ker R`` in ``ker X``.

    ``K R = 0`` means ``K = K N`` with ``N = I - R R^+``: the change ``H - G`` is orthogonal to every such ``K``, so H
    is the one minimiser. Minimisers of (5) are ``R^+ r + (I - R^+ R) w``.
    """
    x, r, res, g, w, k = letters("X R r G w K")
    plus = Matrix({("R+",): 1})
    beta = sp.Symbol("beta", real=True)
    step = Step(x, r, res, sp.Integer(0), sp.Integer(1), beta)
    target = g if statement.preconditioned else beta * IDENTITY
    h = statement.h(step, target, lambda value: plus)
    rules = axioms("R") | {("X", "R+", "R"): x}
    gamma = plus @ res + (IDENTITY - plus @ r) @ w
    steps = {
        "H R = sign X": (h @ r - statement.sign * x).is_zero(rules),
        "(H - G)(I - R R^+) = 0": ((h - target) @ (IDENTITY - r @ plus)).is_zero(rules),
        "K R = 0 gives K = K (I - R R^+)": (k - k @ (IDENTITY - r @ plus)).is_zero({("K", "R"): 0 * k}),
        "H r = G r - (X + G R) Gamma for every minimiser": (h @ res - target @ res + (x + target @ r) @ gamma).is_zero(
            rules
        ),
    }
    return Exact("symbolic", steps)


FEASIBLE_REPLAY = (
    READ
    + """
gap = np.linalg.lstsq(R.T, -X.T, rcond=None)[0]
feasible = bool(np.max(np.abs(R.T @ gap + X.T)) < 1e-7)
violated = feasible != bool(witness["claimed"])
"""
)


def feasible(condition: Callable[[Step], bool], budget: Budget) -> list[Evidence]:
    """The condition against solvability of ``H R = -X``, by ranks and by a least squares residual."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories.histories(budget, deltas=("0",), betas=("1",)):
            yield {**point, "claimed": int(bool(condition(exact(point))))}

    def sides(point: Any) -> tuple[int, int]:
        step = exact(point)
        return point["claimed"], int(rank(np.vstack([step.r, step.x])) == rank(step.r))

    def again(point: Any) -> tuple[float, float]:
        step = floats(point)
        h = np.linalg.lstsq(step.r.T, -step.x.T, rcond=None)[0]
        return float(point["claimed"]), float(np.max(np.abs(step.r.T @ h + step.x.T)) < 1e-7)

    methods = ("exact ranks", "residual of a least squares solver")
    return for_all(ForAll(points, sides, "==", again, FEASIBLE_REPLAY, methods), budget)
