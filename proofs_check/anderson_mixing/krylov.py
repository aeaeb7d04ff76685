"""Section 5: Anderson mixing and GMRES on linear systems, every hypothesis dropped in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from quadratics.krylov import anderson_iterates, exact_anderson, exact_gmres, gmres_iterates

from ..checks.rational import fractions, rotations
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part
from .histories import largest, rank
from .krylov_floats import Accuracy, double_precision, memory_against_restart, mixing_order

Kind = Literal["spd", "general", "indefinite", "singular consistent", "singular inconsistent", "stagnating"]
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

    The proof, by induction: let ``span X_k = K_k`` and ``x_bar_k = x_k^G``. Then ``x_{k+1} - x_0 = (x_bar_k - x_0) +
    beta_k r_bar_k`` lies in ``K_{k+1}``, and outside ``K_k`` exactly if ``beta_k != 0`` and ``r_bar_k`` is not in
    ``K_k``; so ``span X_{k+1} = K_{k+1}``, and the least residual over ``x_{k+1} + span X_{k+1}`` is that over
    ``x_0 + K_{k+1}``. As ``r_bar_k`` is orthogonal to ``A K_k``, ``r_bar_k`` in ``K_k`` would give ``r_bar_k' A r_bar_k
    = 0``: impossible for SPD A unless it is zero. The links are checked on every instance.
    """
    alpha, delta = Fraction(statement.damping), Fraction(statement.regularization)

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
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
                        last = d + 1
                        if statement.until_stagnation:
                            last = _progress(a, b, exact_gmres(a, b, x0, last, inverse))
                        for k in range(last + 1):
                            yield {
                                "kind": kind, "A": a.tolist(), "b": b.tolist(), "x0": x0.tolist(), "beta": list(mixing),
                                "alpha": alpha, "delta": delta, "memory": statement.memory, "k": k,
                                "quantity": statement.quantity, "side": statement.preconditioned,
                                "K": [] if root is None else root.tolist(),
                                "Minv": [] if inverse is None else inverse.tolist(),
                            }  # fmt: skip

    def sides(point: Any) -> tuple[Any, Any]:
        a, b, x0 = (fractions(point[k]) for k in ("A", "b", "x0"))
        inverse = fractions(point["Minv"]) if point["Minv"] else None
        beta = [Fraction(v) for v in point["beta"]]
        k = point["k"]
        path = exact_anderson(a, b, x0, lambda j: beta[j % len(beta)], k + 1, statement.memory, alpha, delta, inverse)
        if statement.preconditioned == "split":
            root = fractions(point["K"])
            gmres = root.T @ exact_gmres(root @ a @ root.T, root @ b, x0, k)[k]
        elif statement.preconditioned == "left":
            gmres = exact_gmres(inverse @ a, inverse @ b, x0, k)[k]
        else:
            gmres = exact_gmres(a, b, x0, k, inverse)[k]
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

    methods = ("exact rationals", "floating-point methods")
    return for_all(
        ForAll(
            points, sides, "==", again, REPLAY, methods, (0.0, 1e-7), proof=lambda b: [_links(statement, points, b)]
        ),
        budget,
    )


def _cycle(beta: Sequence[Fraction]) -> Callable[[int], Fraction]:
    return lambda j: beta[j % len(beta)]


def _links(statement: SameAsGMRES, points: Callable[[Budget], Iterator[dict[str, Any]]], budget: Budget) -> Exact:
    """The links of the induction, on every instance."""
    steps = {"span X_k = K_k": True, "r_bar_k is orthogonal to A K_k": True, "r_bar_k in K_k only if it is zero": True}
    for point in points(budget):
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
    return Exact("rational", steps)


# Termination


def _termination(extra: int, budget: Budget) -> list[Evidence]:
    """``x_bar_k`` solves the system first at ``k = dim K_d + extra``; then so does ``x_{k+1}`` (SPD)."""
    rng = np.random.default_rng(13)
    steps = {"first solution": True, "the next iterate is the solution": True}
    for d in (1, 2, 3, 4, 5):
        for _ in range(budget.pick(2, 10)):
            values = fractions(np.diag(rng.integers(1, 4, d)))  # repeated eigenvalues: the space is exhausted early
            rotation = next(rotations(d, 1, int(rng.integers(1000))))
            a = rotation @ values @ rotation.T
            b, x0 = fractions(rng.integers(-4, 5, d)), fractions(np.zeros(d, dtype=int))
            space = [b]
            for _ in range(d - 1):
                space.append(a @ space[-1])
            grade = rank(np.stack(space, axis=1)) if b.any() else 0
            path = exact_anderson(a, b, x0, lambda j: Fraction(1, 3 + j), d + 1)
            first = next(k for k in range(d + 1) if not (b - a @ path.projected[k]).any())
            steps["first solution"] &= first == grade + extra
            steps["the next iterate is the solution"] &= not (b - a @ path.iterates[first + 1]).any()
    return [Exact("rational", steps)]


# Scaling with delta


def _delta_order(order: int, budget: Budget) -> list[Evidence]:
    """Distance to GMRES at every step before the solution, for delta falling by powers of ten: its order, exactly."""
    rng = np.random.default_rng(17)
    steps: dict[str, bool] = {}
    constants = []
    for d in (2, 3, 4):
        for _ in range(budget.pick(2, 8)):
            a, b, x0 = system("spd", d, rng)
            gmres = exact_gmres(a, b, x0, d)
            if not (b - a @ gmres[0]).any():
                continue
            gaps = []
            for power in (12, 13):
                path = exact_anderson(a, b, x0, lambda j: Fraction(1, 4), d, regularization=Fraction(1, 10**power))
                gaps.append([largest(path.projected[k] - gmres[k]) for k in range(1, d + 1)])
            for k, (first, second) in enumerate(zip(*gaps, strict=True), start=1):
                if k < d and second:
                    ratio = first / second
                    name = f"ratio within 1% of 10^{order}, d = {d}"
                    steps[name] = steps.get(name, True) and abs(ratio - 10**order) < Fraction(10**order, 100)
                    constants.append(float(first * 10**12))
    return [Exact("rational", steps, {"distance / delta": [min(constants), max(constants)]})]


CLAIMS = [
    Claim(
        id="anderson-mixing/gmres-equivalence",
        location="5",
        statement=r"For strongly convex quadratics SAM is essentially equivalent to GMRES. Judged: with full memory, "
        r"$\alpha_k=1$, $\delta_k=0$, $\beta_j\ne0$ of any sign, $\bar x_k=x_k^G$ and $x_{k+1}=x_k^G+\beta_kr_k^G$.",
        assumptions=(
            "$A$ symmetric positive definite",
            r"$m\ge k$, $\alpha_k=1$, $\delta_k=0$, $\beta_j\neq0$",
            "no (14)",
        ),
        parts=(
            Part(
                "the projected point is that of GMRES",
                same_as_gmres,
                printed=SameAsGMRES(),
                broken=SameAsGMRES(quantity="iterate"),
                note=r"By induction: if $\mathrm{span}X_k=K_k$ and $\bar x_k=x_k^G$, then $x_{k+1}-x_0=(\bar "
                r"x_k-x_0)+\beta_k\bar r_k$ "
                r"leaves $K_k$ exactly if $\beta_k\ne0$ and $\bar r_k\notin K_k$; $\bar r_k\perp AK_k$, so "
                r"$\bar r_k\in K_k$ would give $\bar r_k^\top A\bar r_k=0$. Checked "
                r"at every step, including those after the solution, in exact rationals. $\bar r_k=r_k^G$ is the "
                r"residual to "
                r"compare; GMRES and MINRES are the same points for symmetric $A$.",
            ),
            Part(
                "the next iterate is a damped step from it",
                same_as_gmres,
                printed=SameAsGMRES(quantity="one step on"),
                broken=SameAsGMRES(quantity="iterate"),
            ),
            Part(
                "termination",
                _termination,
                printed=0,
                broken=1,
                bears=False,
                note=r"$\bar x_k$ is the solution first at the grade of $r_0$ (number of distinct eigenvalues "
                r"present), $x_{k+1}$ "
                "one step later.",
            ),
            Part(
                "regular but not definite A",
                same_as_gmres,
                printed=SameAsGMRES(("stagnating", "indefinite", "general"), dims=(2, 3)),
                broken=SameAsGMRES(("indefinite",), quantity="iterate"),
                repair=SameAsGMRES(("stagnating", "indefinite", "general"), until_stagnation=True, dims=(2, 3)),
                repair_note="Holds up to and including the first step at which GMRES stagnates.",
                bears=False,
                note="Witness: a cyclic shift. There $x_{k+1}=x_k$ or $R_k$ loses rank, and Anderson mixing never "
                "moves "
                "again while GMRES solves the system at step $d$.",
            ),
            Part(
                "singular consistent systems, positive semidefinite",
                same_as_gmres,
                printed=SameAsGMRES(("singular consistent",)),
                broken=SameAsGMRES(("singular consistent",), quantity="iterate"),
                bears=False,
            ),
            Part(
                "singular inconsistent systems",
                same_as_gmres,
                printed=SameAsGMRES(("singular inconsistent",)),
                broken=SameAsGMRES(("spd",), quantity="iterate"),
                sound=SameAsGMRES(),
                bears=False,
                note="$R_k$ loses rank while $X_k$ does not: the point depends on the solver of (5).",
            ),
            *(
                Part(
                    name,
                    same_as_gmres,
                    printed=SameAsGMRES(**options),
                    broken=SameAsGMRES(quantity="iterate"),
                    sound=SameAsGMRES(),
                    bears=False,
                )
                for name, options in (
                    ("memory 1", {"memory": 1}),
                    ("memory 2", {"memory": 2}),
                    ("regularisation 1/10", {"regularization": "1/10"}),
                )
            ),
            Part(
                "damping 1/2",
                same_as_gmres,
                printed=SameAsGMRES(damping="1/2"),
                broken=SameAsGMRES(quantity="iterate"),
                repair=SameAsGMRES(damping="1/2", quantity="undamped"),
                repair_note=r"The undamped point $x_k-X_k\Gamma_k$ is $x_k^G$ also along the damped iteration (unless "
                r"$(1-\alpha)r_k+\alpha\bar r_k$ falls into the Krylov space); $\bar x_k$ of (8) is not.",
                bears=False,
            ),
            Part(
                "the distance to GMRES is of first order in delta",
                _delta_order,
                printed=1,
                broken=2,
                bears=False,
                note=r"Exact ratios at $\delta=10^{-12},10^{-13}$, every step before the last.",
            ),
            Part(
                "QR in double precision: error proportional to the condition number of R_k",
                double_precision,
                printed=Accuracy("factors", 1, 30),
                broken=Accuracy("factors", 0.8, 30),
                bears=False,
                note=r"$\|A(\bar x_k-x_k^G)\|\le30\,\epsilon\,\kappa(R_k)\|r_0\|$ with columns of length one. "
                r"$\kappa(R_k)$ "
                r"grows geometrically with $k$: at $\kappa(A)=10^3$, $d=12$, all digits are lost by $k=11$.",
            ),
            Part(
                "normal equations in double precision: its square",
                double_precision,
                printed=Accuracy("gram", 2, 300),
                broken=Accuracy("gram", 1, 300),
                bears=False,
            ),
            Part(
                "which constant beta keeps the columns independent",
                mixing_order,
                printed=("2/(L+l)", "1/L", "1/(10 L)"),
                broken=("1/(10 L)", "1/L", "2/(L+l)"),
                bears=False,
                note=r"Condition numbers of $R_{12}$ near $10$, $10^2$ and $10^{16}$: exact equality holds for every "
                r"$\beta\ne0$, but a small $\beta$ loses all digits.",
            ),
            Part(
                "truncated memory against restarted GMRES, kappa 1000",
                memory_against_restart,
                printed="GMRES(m)",
                broken="GMRES",
                bears=False,
                note="Neither equals GMRES. With the same memory the sliding window is ahead of the restart there, "
                "about level "
                r"at $\kappa=100$, and behind at $\kappa=10$ for $m\ge2$ ($d=40$, 30 products).",
            ),
        ),
    ),
]
