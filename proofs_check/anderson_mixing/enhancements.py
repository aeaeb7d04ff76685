"""Section 2.3: preconditioned mixing, storage and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp

from optassay.optimizers import Adagrad, Adam, GradientDescent, Momentum, RMSprop
from quadratics.krylov import exact_anderson, exact_gmres

from ..checks.matrices import MatrixIdentity, matrix_identity
from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, InconsistentEvidence, Part, Way, Witness
from .costs import cost, storage
from .histories import kernel_in_kernel, rank
from .krylov_equivalence import SameAsGMRES, same_as_gmres
from .least_squares import LeastChange, Minimiser, feasible, least_change, minimises
from .sam import sam_coefficients

SIDES: tuple[Literal["left", "split"], ...] = ("left", "split")
FULL = {"x": (4, 1), "r": (4, 1), "X": (4, 2), "R": (4, 2), "Rt": (2, 4), "Zp": (2, 2), "P": (4, 4)}


def _full_form(sign: int) -> dict[str, MatrixIdentity]:
    def two_steps(x: Any, r: Any, X: Any, R: Any, Rt: Any, Zp: Any, P: Any, a: Any) -> Any:
        g = Zp * (Rt * r)
        return (x - a * (X * g)) + P * (r - a * (R * g))

    def printed(x: Any, r: Any, X: Any, R: Any, Rt: Any, Zp: Any, P: Any, a: Any) -> Any:
        return x + (P * r - a * ((X + sign * (P * R)) * Zp * Rt * r))

    return {"(17)": MatrixIdentity(two_steps, printed, ("a",), FULL)}


# Which optimizers have an M_k


@dataclass(frozen=True)
class Steps:
    """Every step ``s`` of these optimizers at gradient ``-r`` is ``M^-1 r`` with some SPD ``M``.

    For ``r != 0`` such an M exists exactly if ``s' r > 0``; for ``r = 0`` exactly if ``s = 0``.
    """

    optimizers: Sequence[str]


RULES: dict[str, Callable[[], Any]] = {
    "gradient descent": lambda: GradientDescent(0.5),
    "Adagrad": lambda: Adagrad(0.5),
    "RMSprop": lambda: RMSprop(0.5),
    "momentum": lambda: Momentum(0.5, 0.5),
    "Adam": lambda: Adam(0.5),
}

STEP_REPLAY = """
import numpy as np
from optassay.optimizers import Adagrad, Adam, GradientDescent, Momentum, RMSprop
rule = {"gradient descent": GradientDescent(0.5), "Adagrad": Adagrad(0.5), "RMSprop": RMSprop(0.5),
        "momentum": Momentum(0.5, 0.5), "Adam": Adam(0.5)}[witness["optimizer"]]
params = np.zeros(len(witness["gradients"][0])); state = rule.init(params)
for g in witness["gradients"]:
    before = params
    params, state = rule.step(params, np.array(g, dtype=float), state)
s, r = params - before, -np.array(witness["gradients"][-1], dtype=float)
violated = bool(s @ r <= 0 and np.max(np.abs(s)) > 1e-9)
"""


# The diagonal D of the step -D g, of g and the past (of the squares, as the rule weighs them); rules without momentum.
DIAGONAL: dict[str, Callable[[Any, Any], Any]] = {
    "gradient descent": lambda past, g: sp.Rational(1, 2) + 0 * g,
    "Adagrad": lambda past, g: 1 / (2 * (sp.sqrt(past + g**2) + sp.Rational(1, 10**10))),
    "RMSprop": lambda past, g: 1 / (2 * (sp.sqrt(past + g**2 / 100) + sp.Rational(1, 10**8))),
}


def _has_preconditioner(statement: Steps, budget: Budget) -> list[Evidence]:
    """Run the rules on short streams whose last gradient turns round or vanishes; transcribe the step by hand."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(31)
        for name in statement.optimizers:
            streams = [[[3, 1], [-1, 1]], [[2, -2], [0, 0]], [[0, 0], [0, 0]]]
            streams += [rng.integers(-4, 5, (3, 2)).tolist() for _ in range(budget.pick(10, 100))]
            for gradients in streams:
                yield {"optimizer": name, "gradients": gradients}

    def verdict(step: np.ndarray, r: np.ndarray) -> float:
        if not r.any():
            return float(np.max(np.abs(step)) < 1e-12)
        return float(step @ r > 0)

    def run(point: Any) -> tuple[float, float]:
        gradients = [np.array(g, dtype=float) for g in point["gradients"]]
        found = _last_step(point["optimizer"], gradients)
        if np.max(np.abs(found - _transcribed(point["optimizer"], gradients))) > 1e-12:
            raise InconsistentEvidence(f"{point['optimizer']}: the rule does not make the transcribed step")
        return 1.0, verdict(found, -gradients[-1])

    def by_hand(point: Any) -> tuple[float, float]:
        gradients = [np.array(g, dtype=float) for g in point["gradients"]]
        return 1.0, verdict(_transcribed(point["optimizer"], gradients), -gradients[-1])

    def proof(budget: Budget) -> list[Evidence]:
        """``s = -D g``, diagonal D > 0 for every past: ``M = D^-1``; the search compares the rules' steps with this."""
        past, g = sp.Symbol("past", nonnegative=True), sp.Symbol("g", real=True)
        diagonals = {name: DIAGONAL.get(name, lambda past, g: sp.nan)(past, g) for name in statement.optimizers}
        positive = {f"{name}: the diagonal is positive": d.is_positive is True for name, d in diagonals.items()}
        return [Exact("symbolic", positive)]

    methods = ("the update rules", "their last step by hand")
    return for_all(ForAll(points, run, "==", by_hand, STEP_REPLAY, methods, (0.5, 0.5), proof=proof), budget)


def _last_step(name: str, gradients: Sequence[np.ndarray]) -> np.ndarray:
    """Of the rule, run on the gradients."""
    rule, params = RULES[name](), np.zeros(len(gradients[0]))
    state, before = rule.init(params), params
    for g in gradients:
        before = params
        params, state = rule.step(params, g, state)
    return params - before


def _transcribed(name: str, gradients: Sequence[np.ndarray]) -> np.ndarray:
    """The last step with step size 1/2 and the usual defaults."""
    g, t = gradients[-1], len(gradients)
    if name == "momentum":
        return -0.5 * np.sum([0.5 ** (t - 1 - k) * v for k, v in enumerate(gradients)], axis=0)
    if name in DIAGONAL:
        weights = [0.01 * 0.99 ** (t - 1 - k) if name == "RMSprop" else 1.0 for k in range(t - 1)]
        past = sum((w * v * v for w, v in zip(weights, gradients[:-1], strict=True)), 0 * g)
        return -g * np.array([float(DIAGONAL[name](p, v)) for p, v in zip(past, g, strict=True)])
    first = sum(0.1 * 0.9 ** (t - 1 - k) * v for k, v in enumerate(gradients)) / (1 - 0.9**t)
    second = sum(0.001 * 0.999 ** (t - 1 - k) * v * v for k, v in enumerate(gradients)) / (1 - 0.999**t)
    return -0.5 * first / (np.sqrt(second) + 1e-8)


# Projection step of preconditioned AM


def _minimal_residual(statement: MatrixIdentity, budget: Budget) -> list[Evidence]:
    """``r - R G`` is the residual at ``x - X G``, and (12) with ``delta = 0`` makes it least."""
    found = matrix_identity({"r - R G is the residual at x - X G": statement}, budget)
    return [*found, *minimises(Minimiser(sam_coefficients, "points", ("0",)), budget)]


QUADRATIC = {"A": (3, 3), "x": (3, 1), "c": (3, 1), "X": (3, 2), "G": (2, 1)}
PROJECTION = MatrixIdentity(
    lambda A, x, c, X, G: (c - A * x) - (-(A * X)) * G, lambda A, x, c, X, G: c - A * (x - X * G), (), QUADRATIC
)
PROJECTION_BROKEN = MatrixIdentity(
    lambda A, x, c, X, G: (c - A * x) - (A * X) * G, lambda A, x, c, X, G: c - A * (x - X * G), (), QUADRATIC
)

STAGNATION_REPLAY = """
from fractions import Fraction
from quadratics.krylov import exact_anderson, rationals
A, P, b = (rationals(witness[k]) for k in ("A", "Minv", "b"))
path = exact_anderson(A, b, 0 * b, lambda j: Fraction(1), 4, preconditioner=P)
violated = not (path.projected[4] - path.projected[1]).any() and any(b - A @ path.projected[4])
"""


def _no_stagnation(weights: tuple[int, ...], budget: Budget) -> list[Evidence]:
    """Preconditioned Anderson mixing solves a 2 x 2 system with SPD A and M: search small integer matrices.

    ``weights`` are the off-diagonal entries of ``M^-1`` that are tried; 0 alone means diagonal preconditioners.
    """
    count = 0
    for off in weights:
        for a in range(1, budget.pick(8, 12)):
            matrix, inverse = fractions([[1, 0], [0, a]]), fractions([[5, off], [off, 2]])
            if inverse[0, 0] * inverse[1, 1] <= inverse[0, 1] ** 2:
                continue
            for b in ([1, 1], [1, -1], [1, 2], [2, -1], [1, 3], [3, 1]):
                rhs = fractions(b)
                count += 1
                path = exact_anderson(matrix, rhs, 0 * rhs, lambda j: Fraction(1), 4, preconditioner=inverse)
                residual = rhs - matrix @ path.projected[4]
                if not residual.any():
                    continue
                solved = exact_gmres(matrix, rhs, 0 * rhs, 4, inverse)[4]
                point = {"A": matrix.tolist(), "Minv": inverse.tolist(), "b": b}
                floats = [np.array(v, dtype=float) for v in (matrix, inverse, rhs)]
                cosine = float(floats[2] @ floats[0] @ floats[1] @ floats[2])
                gmres_gap = matrix @ solved - rhs
                return [
                    Exact("rational", {"right preconditioned GMRES solves it": not gmres_gap.any()}),
                    Witness(
                        point,
                        Way("exact squared residual after four steps", residual @ residual, "==", 0),
                        Way(
                            "r' A M^-1 r in floating point, zero where the first step stagnates",
                            0.0,
                            "!=",
                            cosine,
                            1e-12,
                        ),
                        STAGNATION_REPLAY,
                    ),
                ]
    return [Exact("enumeration", {f"{count} systems are solved by step 4": count > 0}, instances=count)]


CLAIMS = [
    Claim(
        id="anderson-mixing/preconditioned-full-form",
        location="2.3, (17)",
        statement=r"$\bar x_k+M_k^{-1}\bar r_k=x_k+(M_k^{-1}-\alpha_k(X_k+M_k^{-1}R_k)Z_k^\dagger R_k^\top)r_k$ with "
        r"(8), "
        "(12).",
        parts=(
            Part(
                "identity for non-commuting matrices",
                matrix_identity,
                printed=_full_form(1),
                broken=_full_form(-1),
                note="Any matrix in place of $M_k^{-1}$; $\\beta_kI$ gives (9).",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/preconditioned-frobenius",
        location="2.3, after (17)",
        statement=r"For $\alpha_k=1$, $\delta_k=0$, (17) is $x_k+H_kr_k$ with $H_k$ solving $\min\|H-M_k^{-1}\|_F$ "
        r"subject to "
        "$HR_k=-X_k$.",
        assumptions=(r"the constraint is feasible: $\ker R_k\subseteq\ker X_k$",),
        parts=(
            Part(
                "closed form, uniqueness and equality of the iterates where feasible",
                least_change,
                printed=LeastChange(lambda s, g, pinv: g - (s.x + g @ s.r) @ pinv(s.r), preconditioned=True),
                broken=LeastChange(lambda s, g, pinv: g - (s.x + s.beta * s.r) @ pinv(s.r), preconditioned=True),
                note=r"$H=M^{-1}-(X+M^{-1}R)R^\dagger$, also for unsymmetric $M^{-1}$.",
            ),
            Part(
                "the constraint is feasible for every history",
                feasible,
                printed=lambda s: True,
                broken=lambda s: rank(s.r) == s.r.shape[1],
                repair=lambda s: kernel_in_kernel(s.r, s.x),
                repair_note=r"Exactly if $\ker R_k\subseteq\ker X_k$, as for (7), whatever $M_k$; otherwise (17) is "
                r"defined and the constrained problem is not.",
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/preconditioner-as-optimizer",
        location="2.3",
        figures=("anderson-mixing/study-preconditioned",),
        statement=r"The action of $M_k^{-1}$ can be done by an update of any optimizer, $x_{k+1}=\mathrm{optim}(\bar "
        r"x_k,"
        r"-\bar r_k)$. Judged: the step is $M^{-1}\bar r_k$ with a symmetric positive definite $M$.",
        parts=(
            Part(
                "gradient descent, Adagrad, RMSprop, momentum, Adam",
                _has_preconditioner,
                printed=Steps(tuple(RULES)),
                broken=Steps(("momentum",)),
                repair=Steps(("gradient descent", "Adagrad", "RMSprop")),
                repair_note=r"Optimizers without momentum: the step is $D\bar r_k$ with a positive diagonal $D$, "
                r"$M=D^{-1}$, "
                "which depends on $\\bar r_k$ and the past where it adapts.",
                note="With momentum the step may point against $\\bar r_k$, or move where $\\bar r_k=0$: no such $M$ "
                "(for "
                "$\\bar r_k=0$ no matrix at all). This includes Adam, that is pAdaSAM.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/preconditioned-minimal-residual",
        location="end of 2.3",
        statement=r"If $R_k=-\nabla^2f(x_k)X_k$, the projection step of preconditioned Anderson mixing is a minimal "
        r"residual "
        r"procedure: $\bar x_k$ has the least residual over $x_k+\mathrm{span}X_k$.",
        parts=(
            Part(
                "projection step",
                _minimal_residual,
                printed=PROJECTION,
                broken=PROJECTION_BROKEN,
                note="With (5): the objective is the true residual, not the preconditioned one, whatever $M_k$, for "
                "$A$ of any "
                r"kind ($\alpha=1$, $\delta=0$).",
            ),
            Part(
                "whole iteration: right preconditioned GMRES",
                same_as_gmres,
                printed=SameAsGMRES(preconditioned="right", until_stagnation=True),
                broken=SameAsGMRES(preconditioned="right", quantity="iterate"),
                bears=False,
                note=r"Constant $M$, full memory: $\bar x_k$ has the least $\|b-Ax\|$ over "
                r"$x_0+M^{-1}K_k(AM^{-1},r_0)$.",
            ),
            *(
                Part(
                    f"whole iteration: {side} preconditioned GMRES",
                    same_as_gmres,
                    printed=SameAsGMRES(preconditioned=side, until_stagnation=True),
                    broken=SameAsGMRES(preconditioned="right", quantity="iterate"),
                    sound=SameAsGMRES(preconditioned="right", until_stagnation=True),
                    bears=False,
                    note="The norm that is minimised is another one.",
                )
                for side in SIDES
            ),
            Part(
                "no stagnation for symmetric positive definite A and M",
                _no_stagnation,
                printed=(0, 1, -1, -2, -3),
                broken=(-3,),
                sound=(0,),
                bears=False,
                note=r"$AM^{-1}$ is similar to an SPD matrix but its symmetric part may be indefinite: with $r_0^\top "
                r"AM^{-1}r_0=0$ the first step stagnates, and the iteration for ever. Without a preconditioner SPD "
                r"excludes it.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/remark-2-storage-and-cost",
        location="2.3, Remark 2",
        figures=("anderson-mixing/cost",),
        statement="SAM stores $X_k,R_k$ in $2md$ numbers; its extra cost is $O(m^2d)+O(m^3)$, reducible to "
        "$O(md)+O(m^3)$. "
        "Judged by counted multiplications with vectors of length $d$, (15) included.",
        parts=(
            Part("2 m d numbers for X and R", storage, printed=lambda m: 2 * m, broken=lambda m: 2 * m - 1),
            Part(
                "full products: (2 m^2 + 4 m + 1) d",
                cost,
                printed=(False, lambda m: 2 * m * m + 4 * m + 1),
                broken=(False, lambda m: 7 * m),
                note="$X^\\top X$, $R^\\top R$ (symmetric), $X^\\top R$ for (15), $R^\\top r$ and the combination.",
            ),
            Part(
                "one column at a time: 7 m d",
                cost,
                printed=(True, lambda m: 7 * m),
                broken=(True, lambda m: 2 * m * m + 4 * m + 1),
                note="$m$ each for $X^\\top X$, $R^\\top R$, $2m-1$ for $X^\\top R$, $m$ for $R^\\top r$, $2m+1$ for "
                "the "
                "combination.",
            ),
        ),
    ),
]
