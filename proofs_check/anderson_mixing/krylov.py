"""Section 5: Anderson mixing and GMRES on linear systems, every hypothesis dropped in turn."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from quadratics.krylov import exact_anderson, exact_gmres

from ..checks.rational import fractions, rotations
from ..claim import Budget, Claim, Evidence, Exact, Part
from .histories import largest, rank
from .krylov_equivalence import SameAsGMRES, same_as_gmres, system
from .krylov_floats import MEMORIES, Accuracy, Window, double_precision, memory_against_restart, mixing_order

# Termination


def _termination(extra: int, budget: Budget) -> list[Evidence]:
    """``x_bar_k`` solves the system first at ``k = dim K_d + extra``; then so does ``x_{k+1}`` (SPD)."""
    rng, count = np.random.default_rng(13), 0
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
            count += 1
    return [Exact("rational", steps, instances=count)]


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
    data = {"distance / delta": [min(constants), max(constants)]}
    return [Exact("rational", steps, data, instances=len(constants))]


AHEAD = ((10.0, 1), (100.0, 1), (100.0, 2), (100.0, 5), *((1000.0, m) for m in MEMORIES))
BEHIND = ((10.0, 2), (10.0, 5))

CLAIMS = [
    Claim(
        id="anderson-mixing/gmres-equivalence",
        location="5",
        figures=("anderson-mixing/residuals", "anderson-mixing/deviations"),
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
                note=r"By induction, every link an identity of matrices of any size: if $\mathrm{span}X_k=K_k$, then "
                r"$\bar x_k=x_k^G$, and $x_{k+1}-x_0=(\bar x_k-x_0)+\beta_k\bar r_k$ leaves $K_k$, as $\bar r_k\perp "
                r"AK_k$ and $\bar r_k\in K_k$ would give $\bar r_k^\top A\bar r_k=0$. Besides, every step, also after "
                r"the solution, in exact rationals up to $d=4$. $\bar r_k=r_k^G$ is the residual to compare; GMRES and "
                r"MINRES are the same points for symmetric $A$.",
            ),
            Part(
                "the next iterate is a damped step from it",
                same_as_gmres,
                printed=SameAsGMRES(quantity="one step on"),
                broken=SameAsGMRES(quantity="iterate"),
            ),
            Part(
                "a definite symmetric part is enough",
                same_as_gmres,
                printed=SameAsGMRES(("positive real",)),
                broken=SameAsGMRES(("positive real",), quantity="iterate"),
                bears=False,
                note=r"$A$ need not be symmetric: $u^\top Au\ne0$ for $u\ne0$ is what the induction uses.",
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
                printed=Accuracy("factors", 1),
                broken=Accuracy("factors", 0.5),
                bears=False,
                note=r"$\|A(\bar x_k-x_k^G)\|\le10\,dk\,\epsilon\,\kappa(R_k)\|r_0\|$ with columns of length one; "
                r"the worst distance for each decade of $\kappa(R_k)$ is in the data.",
            ),
            Part(
                "normal equations in double precision: its square",
                double_precision,
                printed=Accuracy("gram", 2),
                broken=Accuracy("gram", 1),
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
                "truncated memory against restarted GMRES",
                memory_against_restart,
                printed=Window(AHEAD, BEHIND),
                broken=Window(BEHIND, AHEAD),
                bears=False,
                note=r"Neither equals GMRES. With the same memory the sliding window is ahead of the restart at "
                r"$\kappa=1000$ and $100$ and for $m=1$, and behind it at $\kappa=10$, $m=2,5$ ($d=40$, 30 products): "
                "read off one set of systems, judged on another.",
            ),
        ),
    ),
]
