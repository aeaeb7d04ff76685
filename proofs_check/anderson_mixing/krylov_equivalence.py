"""Anderson mixing against GMRES in exact rationals on many systems, with every hypothesis that may be dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from quadratics.krylov import anderson_iterates, exact_anderson, exact_gmres, gmres_iterates

from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Evidence, Exact
from .histories import largest, rank
from .krylov_proof import induction

Kind = Literal[
    "spd", "positive real", "general", "indefinite", "singular consistent", "singular inconsistent", "stagnating"
]
DEFINITE: tuple[Kind, ...] = ("spd", "positive real")
SAME: tuple[Literal["projected", "one step on"], ...] = ("projected", "one step on")
# A, b, M^-1 with b'A M^-1 b = 0: GMRES stagnates at its first step, without a preconditioner too except for SPD A.
STUCK: dict[str, tuple[Any, Any, Any]] = {
    "spd": ([[1, -2], [-2, 5]], [1, 0], [[2, 1], [1, 1]]),
    "indefinite": ([[0, 1], [1, 0]], [1, 0], [[1, 0], [0, 1]]),
    "general": ([[0, 1], [-1, 0]], [1, 0], [[1, 0], [0, 1]]),
}
MIXINGS = (("1/2",), ("-3", "1/5"), ("2", "-1/3", "1"))

REPLAY = """
from fractions import Fraction
import numpy as np
from quadratics.krylov import exact_anderson, exact_gmres, rationals
A, b, x0 = (rationals(witness[k]) for k in ("A", "b", "x0"))
beta = [Fraction(str(v)) for v in witness["beta"]]
alpha, delta = Fraction(str(witness["alpha"])), Fraction(str(witness["delta"]))
inverse = rationals(witness["Minv"]) if witness["Minv"] else None
k = witness["k"]
path = exact_anderson(A, b, x0, lambda j: beta[j % len(beta)], k, witness["memory"], alpha, delta, inverse)
side = witness["side"]
if side == "split":
    K = rationals(witness["K"])
    points = exact_gmres(K @ A @ K.T, K @ b, x0, k) @ K  # from zero
elif side == "left":
    points = exact_gmres(inverse @ A, inverse @ b, x0, k)
else:
    points = exact_gmres(A, b, x0, k, inverse)
found = path.iterates[k] if witness["quantity"] == "iterate" else path.projected[k]
violated = any(v != 0 for v in found - points[k])
"""


@dataclass(frozen=True)
class SameAsGMRES:
    """``x_bar_k`` (or ``x_k``) is the point of GMRES at every step.

    Attributes
    ----------
    kinds : sequence of str
        Of the systems.
    quantity : {"projected", "iterate", "undamped", "one step on"}
        ``x_bar_k``; ``x_k``; ``x_k - X Gamma`` without alpha; ``x_{k+1}`` against ``x_k^G + beta r_k^G``.
    memory, damping, regularization
        Of the method.
    until_stagnation : bool
        Only steps before which GMRES has made progress every time.
    preconditioned : {"no", "right", "left", "split"}
        (17) with SPD ``M^-1`` against this preconditioned GMRES; split: ``M^-1 = K'K``, least ``|K (b - A x)|``.
    """

    kinds: Sequence[Kind] = ("spd",)
    quantity: Literal["projected", "iterate", "undamped", "one step on"] = "projected"
    memory: int | None = None
    damping: str = "1"
    regularization: str = "0"
    until_stagnation: bool = False
    preconditioned: Literal["no", "right", "left", "split"] = "no"
    dims: Sequence[int] = field(default=(1, 2, 3, 4))


def system(kind: Kind, d: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An integer system of the kind, with start."""
    factor = rng.integers(-2, 3, (d, d))
    b, x0 = rng.integers(-4, 5, d), rng.integers(-4, 5, d)
    if kind == "spd":
        matrix = factor @ factor.T + np.eye(d, dtype=int)
    elif kind == "positive real":  # unsymmetric, u'Au > 0
        matrix = factor @ factor.T + np.eye(d, dtype=int) + np.triu(factor, 1) - np.triu(factor, 1).T
    elif kind == "indefinite":
        matrix = factor + factor.T + np.diag([5 * (-1) ** i for i in range(d)])
    elif kind == "stagnating":  # a cyclic shift: GMRES makes no progress before step d
        matrix, x0 = np.roll(np.eye(d, dtype=int), 1, axis=0), np.zeros(d, dtype=int)
        b = np.eye(d, dtype=int)[0]
    elif kind.startswith("singular"):
        half = factor[:, : max(1, d - 1)] if d > 1 else np.zeros((1, 1), dtype=int)
        matrix = half @ half.T
        if kind == "singular consistent":
            b = matrix @ b
    else:
        matrix = factor + (d + 3) * np.eye(d, dtype=int)
    return fractions(matrix), fractions(b), fractions(x0)


def _inverse_preconditioner(d: int, rng: np.random.Generator) -> np.ndarray:
    factor = rng.integers(-1, 2, (d, d))
    return fractions(factor @ factor.T + np.eye(d, dtype=int)) / 3


def _progress(matrix: np.ndarray, b: np.ndarray, points: np.ndarray) -> int:
    """Last step before which the residual of GMRES fell every time (one past the solution)."""
    sizes = [(b - matrix @ x) @ (b - matrix @ x) for x in points]
    for k in range(1, len(sizes)):
        if sizes[k] == sizes[k - 1] and sizes[k] != 0:
            return k - 1
    return len(points) - 1


def same_as_gmres(statement: SameAsGMRES, budget: Budget) -> list[Evidence]:
    """Exact rationals on many systems, every step; the floating-point methods as the second way.

    For a definite symmetric part the proof is :func:`~.krylov_proof.induction`; other statements that hold on all
    instances are supported by those, and by the links of the induction on each.
    """
    alpha, delta = Fraction(statement.damping), Fraction(statement.regularization)

    def systems(budget: Budget) -> Iterator[tuple[Any, ...]]:
        """Kind, betas, A, b, x0, M^-1 and K."""
        rng = np.random.default_rng(11)
        for kind in statement.kinds:
            for d in statement.dims:
                for mixing in MIXINGS:
                    for _ in range(budget.pick(1, 5)):
                        a, b, x0 = system(kind, d, rng)
                        inverse = None if statement.preconditioned == "no" else _inverse_preconditioner(d, rng)
                        root = None
                        if statement.preconditioned == "split":
                            root = fractions(np.tril(rng.integers(-2, 3, (d, d)), -1) + np.eye(d, dtype=int))
                            inverse, x0 = root.T @ root, 0 * x0
                        yield kind, mixing, a, b, x0, inverse, root
            if 2 in statement.dims and kind in STUCK and statement.preconditioned in ("no", "right"):
                a, b, inverse = map(fractions, STUCK[kind])
                if statement.preconditioned == "right" or kind != "spd":
                    yield kind, MIXINGS[0], a, b, 0 * b, inverse if statement.preconditioned == "right" else None, None

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for kind, mixing, a, b, x0, inverse, root in systems(budget):
            last = len(b) + 1
            if statement.until_stagnation:
                last = _progress(a, b, exact_gmres(a, b, x0, last, inverse))
            for k in range(last + 1):
                yield {
                    "kind": kind, "last": last, "A": a.tolist(), "b": b.tolist(), "x0": x0.tolist(),
                    "beta": list(mixing), "alpha": alpha, "delta": delta, "k": k,
                    "memory": statement.memory,
                    "quantity": statement.quantity, "side": statement.preconditioned,
                    "K": [] if root is None else root.tolist(),
                    "Minv": [] if inverse is None else inverse.tolist(),
                }  # fmt: skip

    def solved(point: Any) -> tuple[Any, np.ndarray]:
        """Both paths of a point's system: all its steps share them."""
        a, b, x0 = (fractions(point[k]) for k in ("A", "b", "x0"))
        inverse = fractions(point["Minv"]) if point["Minv"] else None
        beta, last = [Fraction(v) for v in point["beta"]], point["last"]
        path = exact_anderson(a, b, x0, _cycle(beta), last + 1, statement.memory, alpha, delta, inverse)
        if statement.preconditioned == "split":
            root = fractions(point["K"])
            return path, exact_gmres(root @ a @ root.T, root @ b, x0, last) @ root
        if statement.preconditioned == "left":
            return path, exact_gmres(inverse @ a, inverse @ b, x0, last)
        return path, exact_gmres(a, b, x0, last, inverse)

    latest: list[Any] = [None, None]

    def sides(point: Any) -> tuple[Any, Any]:
        a, b = (fractions(point[k]) for k in ("A", "b"))
        beta, k = [Fraction(v) for v in point["beta"]], point["k"]
        if k == 0 or latest[0] is None:
            latest[:] = solved(point)
        path, gmres = latest[0], latest[1][k]
        if statement.quantity == "one step on":
            move = b - a @ gmres
            return largest(path.iterates[k + 1] - gmres - beta[k % len(beta)] * move), 0
        found = path.iterates[k] if statement.quantity == "iterate" else path.projected[k]
        if statement.quantity == "undamped":
            found = path.iterates[k] + (path.projected[k] - path.iterates[k]) / alpha
        return largest(found - gmres), 0

    def again(point: Any) -> tuple[float, float]:
        a, b, x0 = (np.array(fractions(point[k]), dtype=float) for k in ("A", "b", "x0"))
        inverse = np.array(fractions(point["Minv"]), dtype=float) if point["Minv"] else None
        beta = [float(Fraction(v)) for v in point["beta"]]
        k = point["k"]
        path = anderson_iterates(
            a, b, x0, lambda j: beta[j % len(beta)], k + 1, statement.memory, float(alpha), float(delta),
            preconditioner=inverse,
        )  # fmt: skip
        if statement.preconditioned == "split":
            root = np.array(fractions(point["K"]), dtype=float)
            gmres = root.T @ gmres_iterates(root @ a @ root.T, root @ b, x0, k)[k]
        else:
            side: Any = "left" if statement.preconditioned == "left" else "right"
            gmres = gmres_iterates(a, b, x0, k, preconditioner=inverse, side=side)[k]
        found = path.iterates[k] if statement.quantity == "iterate" else path.projected[k]
        if statement.quantity == "undamped":
            found = path.iterates[k] + (path.projected[k] - path.iterates[k]) / float(alpha)
        if statement.quantity == "one step on":
            found, gmres = path.iterates[k + 1], gmres + beta[k % len(beta)] * (b - a @ gmres)
        return float(np.max(np.abs(found - gmres))), 0.0

    def proof(budget: Budget) -> list[Evidence]:
        proved = statement in (SameAsGMRES(dims=statement.dims, kinds=(k,), quantity=q) for k in DEFINITE for q in SAME)
        return [induction()] if proved else [_links(statement, points, budget)]

    methods = ("exact rationals", "floating-point methods")
    return for_all(ForAll(points, sides, "==", again, REPLAY, methods, (0.0, 1e-7), proof=proof), budget)


def _cycle(beta: Sequence[Fraction]) -> Callable[[int], Fraction]:
    return lambda j: beta[j % len(beta)]


def _links(statement: SameAsGMRES, points: Callable[[Budget], Iterator[dict[str, Any]]], budget: Budget) -> Exact:
    """The links of the induction on every instance: they need not hold in general."""
    steps = {"span X_k = K_k": True, "r_bar_k is orthogonal to A K_k": True, "r_bar_k in K_k only if it is zero": True}
    count = 0
    for point in points(budget):
        count += 1
        k = point["k"]
        a, b, x0 = (fractions(point[name]) for name in ("A", "b", "x0"))
        if k == 0 or not (b - a @ x0).any() or statement.quantity != "projected":
            continue
        inverse = fractions(point["Minv"]) if point["Minv"] else fractions(np.eye(len(b), dtype=int))
        beta = [Fraction(v) for v in point["beta"]]
        path = exact_anderson(a, b, x0, _cycle(beta), k, preconditioner=inverse)
        differences = np.stack([path.iterates[j + 1] - path.iterates[j] for j in range(k)], axis=1)
        basis = [inverse @ (b - a @ x0)]
        for _ in range(k - 1):
            basis.append(inverse @ (a @ basis[-1]))
        space = np.stack(basis, axis=1)
        dimension = rank(space)
        steps["span X_k = K_k"] &= rank(differences) == rank(np.concatenate([space, differences], 1)) == dimension
        r_bar = b - a @ path.projected[k]
        steps["r_bar_k is orthogonal to A K_k"] &= not ((a @ space).T @ r_bar).any()
        if r_bar.any():
            step = (inverse @ r_bar)[:, None]
            grows = rank(np.concatenate([space, step], axis=1)) > dimension
            stuck = statement.until_stagnation and not grows  # the last step before stagnation
            steps["r_bar_k in K_k only if it is zero"] &= grows or stuck
    return Exact("rational", steps, instances=count)
