"""Section 3.2, first half: the linear system of SGD with critical momenta, and what its eigenvalues decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions, rotations
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness
from .every_size import (
    AGE,
    ALPHA,
    BETA,
    SIZE,
    H,
    Rows,
    Z,
    closed_form,
    collapse_steps,
    derived_rows,
    determinant_steps,
    same_rows,
)

# --- the matrix against the recursion ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class System:
    """A matrix A in alpha, beta, h and C, said to run (8) with one convention of the momentum."""

    rows: Rows
    ema: bool = False


@lru_cache(maxsize=64)
def derived(size: int, gain: Any = 1) -> sp.ImmutableMatrix:
    """A of V = [theta_{t+1}, theta_t, m_t, ..., m_{t-C+1}], as the Jacobian of one step of (8) for one C."""
    theta, before, *m = sp.symbols(f"theta before m0:{size}")
    new = BETA * m[0] + gain * H * theta
    step = new + sum(m, sp.Integer(0)) / size
    return sp.Matrix([theta - ALPHA * step, theta, new, *m[:-1]]).jacobian([theta, before, *m]).as_immutable()


def printed_rows() -> Rows:
    """The display of section 3.2, with the last entry of its first row as printed (which takes C >= 2)."""
    rows = derived_rows()
    return replace(rows, theta_on_momentum=rows.theta_on_momentum + 2 * ALPHA / SIZE * sp.KroneckerDelta(AGE, SIZE))


REPLAY_STEP = """
from fractions import Fraction as F
size, ema = witness["size"], witness["ema"]
alpha, beta, h = (F(witness[k]) for k in ("alpha", "beta", "h"))
state = [F(s) for s in witness["state"]]
row = [F(s) for s in witness["first row"]]
theta, m = state[0], state[2:]
new = beta * m[0] + (1 - beta if ema else 1) * h * theta
violated = sum(a * b for a, b in zip(row, state)) != theta - alpha * (new + sum(m) / size) or F(
    witness["third row"][0]) != (1 - beta if ema else 1) * h
"""


def system_runs_method(statement: System, budget: Budget) -> list[Evidence]:
    """Whether the rows are those of the recursion: entry by entry for every C, and as matrices for several."""
    gain = 1 - BETA if statement.ema else 1
    steps = same_rows(statement.rows, derived_rows(gain))
    for size in range(2, budget.pick(6, 16)):
        claimed, truth = statement.rows.matrix(size), derived(size, gain)
        same = (claimed - truth).applyfunc(sp.expand).is_zero_matrix
        steps[f"C = {size}"] = bool(same)
        if not same:
            return [Exact("symbolic", steps), _one_step(claimed, truth, size, statement.ema)]
    return [Exact("symbolic", steps)]


def _one_step(claimed: sp.Matrix, truth: sp.Matrix, size: int, ema: bool) -> Witness:
    values = {ALPHA: sp.Rational(1, 2), BETA: sp.Rational(1, 2), H: sp.Rational(1)}
    state = [Fraction(k + 1, 3) for k in range(size + 2)]
    left, right = (m.subs(values) for m in (claimed, truth))
    after = [_row_times(m, state) for m in (left, right)]
    row = next(k for k, (a, b) in enumerate(zip(*after, strict=True)) if a != b)
    # The second way never forms a matrix: it runs (8) with floating-point numbers.
    theta, m = float(state[0]), [float(s) for s in state[2:]]
    new = 0.5 * m[0] + (0.5 if ema else 1.0) * theta
    run = [theta - 0.5 * (new + sum(m) / size), theta, new, *m[:-1]]
    return Witness(
        point={
            "size": size,
            "ema": ema,
            "alpha": Fraction(1, 2),
            "beta": Fraction(1, 2),
            "h": Fraction(1),
            "state": state,
            "first row": [Fraction(str(v)) for v in left.row(0)],
            "third row": [Fraction(str(v)) for v in left.row(2)],
        },
        first=Way("exact product of the matrix with a state", after[0][row], "==", after[1][row]),
        second=Way("one step of (8) in floating point", float(after[0][row]), "==", run[row], margin=1e-12),
        replay=REPLAY_STEP,
    )


def _row_times(matrix: sp.Matrix, state: Sequence[Fraction]) -> list[Fraction]:
    return [sum((Fraction(str(matrix[i, j])) * s for j, s in enumerate(state)), Fraction(0)) for i in range(len(state))]


def characteristic_form(statement: Callable[[Any], sp.Expr], budget: Budget) -> list[Evidence]:
    """det(z - A) = z times the stated polynomial: for every C, and expanded for several."""
    steps = determinant_steps(statement)
    for size in range(1, budget.pick(3, 12)):
        determinant = (Z * sp.eye(size + 2) - derived(size)).det(method="berkowitz")
        steps[f"C = {size}"] = sp.expand(determinant - sp.cancel(Z * statement(size))) == 0
    return [Exact("symbolic", steps)]


# --- radius against singular value ------------------------------------------------------------------------------------


def _collapsed(alpha: Fraction, beta: Fraction, h: Fraction, size: int) -> np.ndarray:
    values = {ALPHA: sp.Rational(str(alpha)), BETA: sp.Rational(str(beta)), H: sp.Rational(str(h))}
    return fractions([[str(v) for v in derived(size).subs(values).row(i)] for i in range(size + 2)])


def _parameters(budget: Budget) -> list[dict[str, Any]]:
    return [
        {"alpha": alpha, "beta": beta, "h": Fraction(1), "size": size}
        for size in budget.pick((1, 2, 5), (1, 2, 3, 5, 10))
        for beta in (Fraction(0), Fraction(1, 2), Fraction(9, 10))
        for alpha in (Fraction(1, 100), Fraction(1, 10))
    ]


def _growth(point: Any) -> float:
    """Rate per step of |V_t| over many steps of the float recursion, from a generic start."""
    matrix = _collapsed(point["alpha"], point["beta"], point["h"], point["size"]).astype(float)
    state = np.arange(1.0, len(matrix) + 1)
    logs = []
    for _ in range(8000):
        state = matrix @ state
        size = float(np.linalg.norm(state))
        logs.append(np.log(size))
        state = state / size
    return float(np.exp(np.mean(logs[4000:])))


def _certified_bound(point: Any) -> Fraction:
    """A proved upper bound on the spectral radius."""
    from spectral import certify_rate, spectral_radius

    alpha, beta, h, size = float(point["alpha"]), float(point["beta"]), float(point["h"]), point["size"]
    radius = float(spectral_radius(alpha, beta, np.asarray(h), size))
    return Fraction(certify_rate(alpha, beta, h, h, size, radius).bound)


def _bound_against_row_norm(point: Any) -> tuple[Fraction, Fraction]:
    # The block row [I, 0, ...] has norm one, so the largest singular value is at least that: exactly.
    return _certified_bound(point), Fraction(1)


def _growth_against_singular_value(point: Any) -> tuple[float, float]:
    matrix = _collapsed(point["alpha"], point["beta"], point["h"], point["size"]).astype(float)
    return _growth(point), float(np.linalg.svd(matrix, compute_uv=False)[0])


def _rate_is_radius(point: Any) -> tuple[float, float]:
    from spectral import spectral_radius

    return _growth(point), float(
        spectral_radius(float(point["alpha"]), float(point["beta"]), np.asarray(float(point["h"])), point["size"])
    )


REPLAY_RADIUS = """
import numpy as np
from fractions import Fraction as F
from spectral import critical_momentum_matrix
a = critical_momentum_matrix(float(F(witness["alpha"])), float(F(witness["beta"])),
                             np.array([[float(F(witness["h"]))]]), witness["size"])
violated = abs(np.abs(np.linalg.eigvals(a)).max() - np.linalg.svd(a, compute_uv=False)[0]) > 1e-3
"""


def rate_statement(
    exact: Callable[[Any], tuple[Any, Any]], measured: Callable[[Any], tuple[float, float]], margin: float = 0.0
) -> ForAll:
    """The rate of V_t equals a number of the matrix: by proved bounds where there are some, and along long runs."""
    return ForAll(
        points=_parameters,
        sides=exact,
        relation="==",
        again=measured,
        replay=REPLAY_RADIUS,
        methods=("certified radius and an exact norm", "growth over 8000 steps"),
        # Slowly rotating pairs leave a ripple of a few 1e-4 in the mean over 4000 steps.
        margins=(margin, 2e-3),
    )


# --- blocks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blocks:
    """Spectra of the block matrix are the union of those of the collapsed ones, for Hessians made by ``hessian``."""

    hessian: Callable[[np.ndarray, list[Fraction]], np.ndarray]
    singular: bool
    proof: Callable[[], dict[str, bool]] = dict


def symmetric(rotation: np.ndarray, curvatures: list[Fraction]) -> np.ndarray:
    return (rotation * np.array(curvatures, dtype=object)) @ rotation.T


def skewed(rotation: np.ndarray, curvatures: list[Fraction]) -> np.ndarray:
    """The same eigenvalues, but not symmetric."""
    matrix = symmetric(rotation, curvatures)
    shear = fractions(np.eye(len(matrix), dtype=int))
    shear[0, -1] = Fraction(2)
    back = shear.copy()
    back[0, -1] = Fraction(-2)
    return shear @ matrix @ back


def _block(hessian: np.ndarray, alpha: Fraction, beta: Fraction, size: int) -> np.ndarray:
    """A with H in place of h, in rationals, from the same derivation."""
    constant = derived(size).subs({ALPHA: sp.Rational(str(alpha)), BETA: sp.Rational(str(beta))})
    dim, width = len(hessian), size + 2
    eye = fractions(np.eye(dim, dtype=int))
    total = fractions(np.zeros((width * dim, width * dim), dtype=int))
    for i in range(width):
        for j in range(width):
            entry = sp.Poly(constant[i, j], H)
            rows, columns = slice(i * dim, (i + 1) * dim), slice(j * dim, (j + 1) * dim)
            total[rows, columns] = Fraction(str(entry.nth(0))) * eye + Fraction(str(entry.nth(1))) * hessian
    return total


def _characteristic(matrix: np.ndarray) -> Any:
    from flint import fmpq, fmpq_mat

    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in matrix]).charpoly()


def blocks_collapse(statement: Blocks, budget: Budget) -> list[Evidence]:
    """The proof for every C and H, and characteristic polynomials of A (or A^T A) that factor over the curvatures."""
    steps = statement.proof()
    curvatures = [Fraction(1, 3), Fraction(1), Fraction(5, 2)]
    for number, rotation in enumerate(rotations(3, budget.pick(2, 6))):
        for size in budget.pick((1, 3), (1, 2, 3, 5)):
            alpha, beta = Fraction(1, 7), Fraction(3, 5)
            block = _block(statement.hessian(rotation, curvatures), alpha, beta, size)
            small = [_collapsed(alpha, beta, c, size) for c in curvatures]
            if statement.singular:
                block, small = block.T @ block, [a.T @ a for a in small]
            product = _characteristic(small[0])
            for matrix in small[1:]:
                product = product * _characteristic(matrix)
            steps[f"rotation {number}, C = {size}"] = bool(_characteristic(block) == product)
    return [Exact("symbolic", steps, {"curvatures": curvatures})]


# --- time-varying curvatures ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Switching:
    """All products of A_h with curvatures from a set contract whenever each A_h does."""

    constant: bool


def products_contract(statement: Switching, budget: Budget) -> list[Evidence]:
    """Alternate two curvatures, each stable by itself: exact Schur-Cohn of the product of two matrices."""
    tried = 0
    for size in (1, 2, 5):
        for beta in (Fraction(1, 2), Fraction(9, 10)):
            from spectral import stability_intervals

            low, high = stability_intervals(float(beta), size)[0]
            del low
            for first in range(1, budget.pick(3, 12)):
                for second in range(1, 20):
                    x = Fraction(high * first / 20).limit_denominator(10**4)
                    y = x if statement.constant else Fraction(high * second / 20).limit_denominator(10**4)
                    for repeats in (1, 2, 4, 8, 16):
                        tried += 1
                        witness = _unstable_product(size, beta, x, y, repeats)
                        if witness is not None:
                            return [witness]
                    if statement.constant:
                        break
    return [Exact("rational", {f"all {tried} products of stable matrices are stable": True}, instances=tried)]


def _radius(matrix: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(matrix.astype(float))).max())


def _unstable_product(size: int, beta: Fraction, x: Fraction, y: Fraction, repeats: int) -> Witness | None:
    one, two = _collapsed(Fraction(1), beta, x, size), _collapsed(Fraction(1), beta, y, size)
    product = (
        np.linalg.multi_dot([one.astype(float)] * repeats + [two.astype(float)] * repeats)
        if repeats > 1
        else (one.astype(float) @ two.astype(float))
    )
    if _radius(product) <= 1.0 + 1e-6 or max(_radius(one), _radius(two)) >= 1.0:
        return None
    exact = fractions(np.eye(size + 2, dtype=int))
    for matrix in [two] * repeats + [one] * repeats:
        exact = matrix @ exact
    reflection = _largest_reflection(exact)
    return Witness(
        point={"size": size, "beta": beta, "x": x, "y": y, "repeats": repeats},
        first=Way("Schur-Cohn of the product in exact rationals", reflection, "<=", Fraction(1)),
        second=Way("eigenvalues of the product in floating point", _radius(product), "<=", 1.0, margin=1e-7),
        replay=REPLAY_PRODUCT,
    )


def _largest_reflection(matrix: np.ndarray) -> Fraction:
    """The first reflection coefficient above one, or the largest of all: above one proves an eigenvalue outside."""
    coefficients = [Fraction(int(c.p), int(c.q)) for c in _characteristic(matrix).coeffs()][::-1]
    largest = Fraction(0)
    while len(coefficients) > 1 and largest <= 1:
        last = len(coefficients) - 1
        reflection = coefficients[last] / coefficients[0]
        largest = max(largest, abs(reflection))
        coefficients = [coefficients[j] - reflection * coefficients[last - j] for j in range(last)]
    return largest


REPLAY_PRODUCT = """
import numpy as np
from fractions import Fraction as F
from spectral import critical_momentum_matrix, spectral_radius
beta, x, y = (float(F(witness[k])) for k in ("beta", "x", "y"))
a, b = (critical_momentum_matrix(1.0, beta, np.array([[v]]), witness["size"]) for v in (x, y))
power = np.linalg.matrix_power
product = power(a, witness["repeats"]) @ power(b, witness["repeats"])
alone = max(float(spectral_radius(1.0, beta, np.asarray(v), witness["size"])) for v in (x, y))
violated = alone < 1 < np.abs(np.linalg.eigvals(product)).max()
"""

CLAIMS = [
    Claim(
        id="critical-momenta/state-vector",
        location="section 3.2, before the matrix",
        statement=r"$V_{t+1}=[\theta_{t+1},\theta_t,m_t,\dots,m_{t-C+1}]$ obeys $V_{t+1}=AV_t$ under (8).",
        parts=(
            Part(
                "the recursion is linear in this state",
                system_runs_method,
                printed=System(derived_rows()),
                broken=System(derived_rows().subs(BETA, BETA / 2)),
                note=r"The state is not minimal: $\theta_t$ is never used, and costs one eigenvalue 0 per coordinate.",
            ),
            Part(
                "characteristic polynomial",
                characteristic_form,
                printed=closed_form,
                broken=lambda size: closed_form(size) + ALPHA,
                bears=False,
                note=r"$z\big((z-1)(z-\beta)z^{C-1}+\alpha h(z^C+\frac1C(z^{C-1}+\dots+1))\big)$.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/block-matrix",
        location="section 3.2, matrix A",
        statement=r"First block row of $A$ as printed, "
        r"$[I-\alpha H,0,-\alpha(\beta+\frac1C)I,-\frac\alpha CI,\dots,-\frac\alpha CI,+\frac\alpha CI]$; "
        r"second $[I,0,\dots]$; third $[H,0,\beta I,0,\dots]$; then shifts.",
        parts=(
            Part(
                "entries against the recursion",
                system_runs_method,
                printed=System(printed_rows()),
                broken=System(printed_rows().subs(H, 2 * H)),
                repair=System(derived_rows()),
                repair_note=r"the last entry of the first row is $-\frac\alpha CI$",
                note="The sum of (8) gives every stored momentum the same sign; the printed plus in the last column is "
                "the only wrong entry.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/momentum-convention",
        location="section 3.2, matrix A, and (4)",
        statement=r"$A$ is the matrix of (8) with $m_t=\beta m_{t-1}+(1-\beta)g_t$ of (4). Judged with the sign of the "
        "last entry repaired.",
        parts=(
            Part(
                "the convention of the entries",
                system_runs_method,
                printed=System(derived_rows(), ema=True),
                broken=System(derived_rows((1 - BETA) ** 2), ema=True),
                repair=System(derived_rows(1 - BETA), ema=True),
                repair_note=r"with (4), $H$ is to be replaced by $(1-\beta)H$; as printed $A$ belongs to $m_t=\beta "
                r"m_{t-1}+g_t$",
                note=r"The two conventions differ by $\alpha\leftrightarrow\alpha(1-\beta)$ alone, so $\rho^*$ and the "
                r"curve at $\beta=0.9$ are the same in both.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/spectral-radius-term",
        location="section 3.2",
        statement=r"The worst-case rate is the spectral radius of $A$, called its largest singular value. Judged: the "
        r"rate of $V_{t+1}=AV_t$ is the largest singular value.",
        parts=(
            Part(
                "the number that governs the rate",
                for_all,
                printed=rate_statement(_bound_against_row_norm, _growth_against_singular_value),
                broken=rate_statement(lambda p: (_certified_bound(p), Fraction(2)), lambda p: (_growth(p), 2.0)),
                repair=rate_statement(_rate_is_radius, _rate_is_radius, margin=2e-3),
                repair_note="the largest modulus of an eigenvalue",
                note="The largest singular value is never below one (the block row $[I,0,\\dots]$ has norm one), also "
                "where the method converges.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/block-collapse",
        location="section 3.2",
        statement=r"The singular values of $A$ are those of all $A_h$, $I\to1$, $H\to h$, $h$ an eigenvalue of $H$.",
        assumptions=("$H$ symmetric",),
        parts=(
            Part(
                "singular values, with multiplicity",
                blocks_collapse,
                printed=Blocks(symmetric, singular=True, proof=lambda: collapse_steps(orthogonal=True)),
                broken=Blocks(skewed, singular=True),
                note="$I\\otimes U$ with the orthogonal eigenbasis $U$ of $H$ turns $A$ into the $A_h$ side by side. "
                "The control drops the symmetry of $H$ and keeps its eigenvalues.",
            ),
            Part(
                "eigenvalues, with multiplicity",
                blocks_collapse,
                printed=Blocks(symmetric, singular=False, proof=lambda: collapse_steps(orthogonal=False)),
                broken=Blocks(lambda u, c: symmetric(u, [2 * v for v in c]), singular=False),
                bears=False,
                note="Holds for every diagonalisable $H$, symmetric or not.",
            ),
        ),
    ),
    Claim(
        id="critical-momenta/commuting-hessians",
        location="section 6",
        statement=r"The quadratic assumption can be relaxed to Hessians that commute along the trajectory. Judged: if "
        r"every $A_h$, $h\in[\mu,L]$, has radius below one, so has every product of them (commuting Hessians share "
        r"their eigenvectors, but the curvature of each may change from step to step).",
        parts=(
            Part(
                "products of stable matrices",
                products_contract,
                printed=Switching(constant=False),
                broken=Switching(constant=False),
                sound=Switching(constant=True),
                note="Two curvatures of one eigenvector, each stable for ever, diverge when they alternate: the "
                "$A_h$ do not commute with each other. What stays is the case of one Hessian.",
            ),
        ),
    ),
]
