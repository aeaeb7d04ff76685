"""Section 3.2, first half: the linear system of SGD with critical momenta, and what its eigenvalues decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled, Way, Witness
from .every_size import (
    AGE,
    ALPHA,
    BETA,
    SIZE,
    H,
    Rows,
    Z,
    closed_form,
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


def collapsed(alpha: Fraction, beta: Fraction, h: Fraction, size: int) -> np.ndarray:
    """A_h in rationals."""
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
    matrix = collapsed(point["alpha"], point["beta"], point["h"], point["size"]).astype(float)
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
    matrix = collapsed(point["alpha"], point["beta"], point["h"], point["size"]).astype(float)
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


# --- transient growth -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Transient:
    """|A_h^t| <= factor * rho^t for all t, at the best parameters for kappa = 100 and h = mu or L."""

    factor: int


REPLAY_TRANSIENT = """
import numpy as np
from fractions import Fraction as F
from spectral import critical_momentum_matrix
a = critical_momentum_matrix(float(F(witness["alpha"])), float(F(witness["beta"])),
                             np.array([[float(F(witness["h"]))]]), witness["size"])
norm = np.linalg.norm(np.linalg.matrix_power(a, witness["t"]), 2)
violated = norm > 1.001 * witness["factor"] * witness["bound"] ** witness["t"]
"""


def powers_are_bounded(statement: Transient, budget: Budget) -> list[Evidence]:
    """Exact powers of A_h: an entry is at most the norm; rho is replaced by its certified upper bound."""
    from spectral import optimal_rate

    largest = 0.0
    for size in (1, 5):
        found = optimal_rate(100.0, size)
        alpha, beta, rate = Fraction(found.step_size), Fraction(found.momentum), Fraction(found.certified_upper)
        for h in (1, 100):
            matrix = collapsed(alpha, beta, Fraction(h), size)
            floats, power, bound = matrix.astype(float), matrix, rate
            for t in range(1, budget.pick(12, 40)):
                entry = max(abs(v) for v in power.reshape(-1))
                norm = float(np.linalg.norm(np.linalg.matrix_power(floats, t), 2))
                largest = max(largest, norm / float(bound))
                if entry > statement.factor * bound:
                    limit = statement.factor * bound
                    point = {"size": size, "alpha": alpha, "beta": beta, "h": Fraction(h), "t": t}
                    return [
                        Witness(
                            point={**point, "factor": statement.factor, "bound": float(rate)},
                            first=Way("an entry of the exact power", entry, "<=", limit),
                            second=Way("norm in floating point", norm, "<=", float(limit), margin=1e-9 * norm),
                            replay=REPLAY_TRANSIENT,
                        )
                    ]
                power, bound = matrix @ power, bound * rate
    return [Sampled("powers", 4, 0, statement.factor - largest, "C = 1, 5; h = mu, L", {"largest": largest})]


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
                "where the method converges: read with it, $1-\\rho^*$ would nowhere be positive, so that figure 3 "
                "shows eigenvalues.",
            ),
            Part(
                "no transient growth: the powers of A fall like the rate from the start",
                powers_are_bounded,
                printed=Transient(1),
                broken=Transient(2),
                sound=Transient(10**4),
                bears=False,
                note="The rate is asymptotic only: momenta are gradients, of the order of $L$, so that at $h=L$, "
                "$\\kappa=100$ the largest $|A_h^t|/\\rho^t$ over 400 steps is 102, 226 and 486 for $C=1,5,20$.",
            ),
        ),
    ),
]
