"""Section 2.1: the quadratic model, its unrolled recursion, stability and the best constant learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.rational import fractions, rotations
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part

THETA, DATA, ALPHA, H11, H12, H22, B1, B2 = sp.symbols("theta x alpha h11 h12 h22 b1 b2")

# --- the model on the combined argument ---

_Z = sp.Matrix([THETA, DATA])
_H = sp.Matrix([[H11, H12], [H12, H22]])
_B = sp.Matrix([B1, B2])
_J = (_Z.T * _H * _Z)[0] / 2 - (_B.T * _Z)[0]


def _gradient(gradient: Any) -> dict[str, Identity]:
    return {f"component {k}": Identity(sp.diff(_J, z), gradient[k]) for k, z in enumerate(_Z)}


def _sgd_step(projection: Any) -> dict[str, Identity]:
    """SGD moves theta along its own gradient and leaves the data alone; against ``z - alpha P (H z - b)``."""
    sgd = (THETA - ALPHA * sp.diff(_J, THETA), DATA)
    model = _Z - ALPHA * projection * (_H * _Z - _B)
    return {name: Identity(sgd[k], model[k]) for k, name in enumerate(("theta", "x"))}


MODEL = Claim(
    id="softadam/quadratic-model-in-theta-and-x",
    location="section 2.1",
    statement=(
        r"On $z=(\theta;x)$: $J\approx\frac12z^TH_tz-b^Tz$, $\nabla J(z_t)=H_tz_t-b$, and SGD's step is "
        r"$z_{t+1}=z_t-\alpha(H_tz_t-b)$."
    ),
    assumptions=("the index t, lost in the last display, stands at z as in the line before it",),
    parts=(
        Part(
            "gradient of the model",
            symbolic_identity,
            printed=_gradient(_H * _Z - _B),
            broken=_gradient(_H * _Z + _B),
            note="Needs a symmetric H; b = H_t z_t - grad J(z_t) moves with z_t unless J is quadratic.",
        ),
        Part(
            "SGD's step on the combined argument",
            symbolic_identity,
            printed=_sgd_step(sp.eye(2)),
            broken=_sgd_step(sp.zeros(2)),
            repair=_sgd_step(sp.diag(1, 0)),
            repair_note=(
                r"$z_{t+1}=z_t-\alpha P(H_tz_t-b)$ with $P$ the projection on $\theta$ ($x$ is then redrawn); on "
                r"$\theta$ alone, with $b$ depending on $x_t$, the recursion is the usual one"
            ),
            note="SGD differentiates with respect to theta only; the printed recursion also trains the data x.",
        ),
    ),
)

# --- unrolled recursion ---


def _quadratics(budget: Budget) -> Iterator[dict[str, Any]]:
    spectra = {1: [[2]], 2: [[3, 1], [2, 0], [1, -1]], 3: [[4, 2, 1], [1, 1, 0]]}
    for dim, lists in spectra.items():
        for rotation in rotations(dim, budget.pick(2, 6), seed=dim):
            for values, steps in product(lists, (1, 0, 3)):
                # z* has a component where the eigenvalue is zero too: b = H z* still has z* as a stationary point.
                yield {
                    "rotation": rotation.tolist(),
                    "eigenvalues": [Fraction(v) for v in values],
                    "optimum": [Fraction(k + 1, 2) for k in range(dim)],
                    "start": [Fraction(2 - k) for k in range(dim)],
                    "alpha": Fraction(1, 3),
                    "steps": steps,
                }


def _unrolled(point: Mapping[str, Any], weight: Callable[[Any, Any], Any], exact: bool) -> Any:
    """Squared norm of recursion minus expansion; ``weight(z_0, z*)`` is the vector projected on the eigenvectors."""
    convert = fractions if exact else (lambda values: np.array(values, dtype=float))
    basis, lam, best, start = (convert(point[k]) for k in ("rotation", "eigenvalues", "optimum", "start"))
    alpha = point["alpha"] if exact else float(point["alpha"])
    hessian = (basis * lam) @ basis.T
    z = start
    for _ in range(point["steps"]):
        z = z - alpha * (hessian @ z - hessian @ best)
    expansion = basis @ ((1 - alpha * lam) ** point["steps"] * (basis.T @ weight(start, best)))
    gap = z - best - expansion
    return (gap @ gap) if exact else float(gap @ gap)


def _induction(weight: Callable[[Any, Any], Any]) -> Callable[[Budget], list[Evidence]]:
    z0, z, best, lam = sp.symbols("z0 z zstar lam")
    steps = {
        "base case in an eigenvector's coordinate": Identity(z0 - best, weight(z0, best)),
        "step in an eigenvector's coordinate": Identity(
            z - ALPHA * (lam * z - lam * best) - best, (1 - ALPHA * lam) * (z - best)
        ),
    }
    return lambda budget: symbolic_identity(steps, budget)


def _expansion(weight: Callable[[Any, Any], Any]) -> ForAll:
    return ForAll(
        points=_quadratics,
        sides=lambda p: (_unrolled(p, weight, True), 0),
        relation="==",
        again=lambda p: (_unrolled(p, weight, False), 0.0),
        replay="""
from fractions import Fraction as F
import numpy as np
q, lam, best, z = (np.vectorize(F, otypes=[object])(np.array(witness[k], dtype=object))
                   for k in ("rotation", "eigenvalues", "optimum", "start"))
a, t = F(witness["alpha"]), witness["steps"]
printed = q @ ((1 - a * lam) ** t * (q.T @ z))
for _ in range(t):
    z = z - a * (q * lam) @ q.T @ (z - best)
violated = bool(any(z - best != printed))
""",
        proof=_induction(weight),
    )


UNROLLED = Claim(
    id="softadam/unrolled-distance-to-optimum",
    location="section 2.1",
    statement=r"$z_t-z^*=\sum_i(z_0\cdot\xi_i)(1-\alpha\lambda_i)^t\,\xi_i$.",
    assumptions=(r"$H$ symmetric with orthonormal $\xi_i$, $Hz^*=b$ ($b$ in the range of $H$), $t\ge0$",),
    parts=(
        Part(
            "expansion of the distance",
            for_all,
            printed=_expansion(lambda start, best: start),
            broken=_expansion(lambda start, best: start + best),
            repair=_expansion(lambda start, best: start - best),
            repair_note=r"$z_t-z^*=\sum_i((z_0-z^*)\cdot\xi_i)(1-\alpha\lambda_i)^t\,\xi_i$",
            note=(
                r"The sum starts from $z_0$ in place of $z_0-z^*$: already $t=0$ gives $z_0-z^*=z_0$. As printed it "
                r"holds for all t iff z* = 0; at t >= 1 iff each i has z*.xi_i = 0 or alpha lambda_i = 1."
            ),
        ),
    ),
)

# --- stability ---


def _factors(condition: Callable[[list[Fraction]], bool]) -> Callable[[Budget], Iterator[dict[str, Any]]]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        grid = [Fraction(k, budget.pick(2, 4)) for k in range(-2, budget.pick(6, 12))]
        for pair in product(grid, repeat=2):
            if condition([1 - x for x in pair]):
                yield {"alpha times eigenvalues": list(pair)}

    return points


def _shrinking() -> Callable[[Budget], list[Evidence]]:
    f, y, s = sp.symbols("f y s")
    return lambda budget: inequality(
        {"|1 - alpha lambda| = f < 1 shrinks every component": Inequality(f * y, "<", y, {f: s / (1 + s)})}, budget
    )


def _growing(budget: Budget) -> list[Evidence]:
    f, y, s = sp.symbols("f y s")
    return [
        *inequality({"|1 - alpha lambda| = f > 1 never shrinks": Inequality(f * y, ">=", y, {f: 1 + s})}, budget),
        *symbolic_identity({"f = 1 keeps the size": Identity((f * y).subs(f, 1), y)}, budget),
    ]


def _stable(condition: Callable[[list[Fraction]], bool], relation: str = "<", proof: bool = True) -> ForAll:
    """Where the condition holds, the largest component of the error is below (or at most) its start after 40 steps."""
    return ForAll(
        points=_factors(condition),
        sides=lambda p: (max(abs(1 - x) ** 40 for x in p["alpha times eigenvalues"]), 1),
        relation=relation,  # type: ignore[arg-type]
        again=lambda p: (_iterated([float(x) for x in p["alpha times eigenvalues"]]), 1.0),
        replay="""
from fractions import Fraction as F
violated = max(abs(1 - F(x)) ** 40 for x in witness["alpha times eigenvalues"]) >= 1
""",
        proof=_shrinking() if proof else None,
        margins=(0.0, 0.0),
    )


def _iterated(products: list[float]) -> float:
    error = np.ones(len(products))
    for _ in range(40):
        error = error - np.array(products) * error
    return float(np.max(np.abs(error)))


_WITHOUT = Inequality(1 - ALPHA * sp.Symbol("lam"), "<", 1, {})

STABILITY = Claim(
    id="softadam/stability-condition",
    location="section 2.1",
    statement=r"Learning is stable (the error tends to zero from every start) if $|1-\alpha\lambda_i|<1$ for all $i$.",
    main_reading="for all i",
    reading_reason="a condition on a whole run, printed with a free index",
    parts=(
        Part(
            "sufficient",
            for_all,
            printed=_stable(lambda f: all(abs(x) < 1 for x in f)),
            broken=_stable(lambda f: all(abs(x) < 2 for x in f)),
            reading="for all i",
            note="The error's component i is multiplied by 1 - alpha lambda_i in each step.",
        ),
        Part(
            "sufficient",
            for_all,
            printed=_stable(lambda f: any(abs(x) < 1 for x in f)),
            broken=_stable(lambda f: all(abs(x) < 2 for x in f)),
            repair=_stable(lambda f: all(abs(x) < 1 for x in f)),
            repair_note="for all i",
            reading="for some i",
            note="One contracting direction does not stop another from growing.",
        ),
        Part(
            "at the boundary |1 - alpha lambda_i| <= 1 the error still tends to zero",
            for_all,
            printed=_stable(lambda f: all(abs(x) <= 1 for x in f)),
            broken=_stable(lambda f: all(abs(x) <= 2 for x in f)),
            repair=replace(_stable(lambda f: all(abs(x) <= 1 for x in f), "<=", proof=False), exact=True),
            repair_note="it stays bounded: alpha lambda = 2 oscillates for ever, lambda = 0 stays where it is",
            bears=False,
            note="So the strict condition is necessary and sufficient for convergence, not for boundedness.",
        ),
        Part(
            "necessary: with |1 - alpha lambda_i| >= 1 for some i a start along xi_i never shrinks",
            for_all,
            printed=replace(_stable(lambda f: any(abs(x) >= 1 for x in f), ">="), proof=_growing),
            broken=replace(_stable(lambda f: any(abs(x) >= Fraction(1, 2) for x in f), ">="), proof=_growing),
            bears=False,
        ),
        Part(
            "no alpha > 0 meets the condition where an eigenvalue is negative",
            inequality,
            printed=Inequality(1 - ALPHA * sp.Symbol("lam"), ">", 1, {sp.Symbol("lam"): -sp.Symbol("s")}),
            broken=Inequality(1 - ALPHA * sp.Symbol("lam"), ">", 1, {}),
            bears=False,
            note="At lambda = 0 the factor is exactly 1 for every alpha.",
        ),
    ),
)

# --- best constant learning rate ---

L1, LN = sp.symbols("lam1 lamn")
Rate = Callable[[Any, Any], Any]


def _worst(alpha: Any, largest: Any, smallest: Any) -> Any:
    return max(abs(1 - alpha * largest), abs(1 - alpha * smallest))


def _spectra(low: Fraction) -> Callable[[Budget], Iterator[dict[str, Any]]]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        ends = [Fraction(1), Fraction(2), Fraction(7), Fraction(100)]
        for top, share, k in product(ends, (Fraction(9, 10), Fraction(1, 2), Fraction(1, 50)), range(1, 12)):
            yield {"largest": top, "smallest": max(low, share * top), "alpha": Fraction(k, 5) / top}

    return points


def _minimax(best: Rate) -> ForAll:
    s, u = sp.symbols("s u")
    at = best(L1, LN)
    # The largest |1 - alpha lambda| over the spectrum sits at an end of it, since it is convex in lambda.
    more = Inequality((1 + u) * at * L1 - 1, ">", at * L1 - 1, {L1: LN + s})
    less = Inequality(1 - at * LN / (1 + u), ">", 1 - at * LN, {L1: LN + s})

    def proof(budget: Budget) -> list[Evidence]:
        return [
            *symbolic_identity({"both ends of the spectrum balance": Identity(1 - at * LN, at * L1 - 1)}, budget),
            *symbolic_identity({"rate": Identity(1 - at * LN, (L1 / LN - 1) / (L1 / LN + 1))}, budget),
            *inequality({"a larger alpha is worse at the top": more, "a smaller one at the bottom": less}, budget),
        ]

    def values(p: Mapping[str, Any], kind: Callable[[Any], Any]) -> tuple[Any, Any]:
        top, bottom, alpha = (kind(p[k]) for k in ("largest", "smallest", "alpha"))
        return _worst(best(top, bottom), top, bottom), _worst(alpha, top, bottom)

    return ForAll(
        points=_spectra(Fraction(1, 100)),
        sides=lambda p: values(p, Fraction),
        relation="<=",
        again=lambda p: values(p, float),
        replay="""
from fractions import Fraction as F
top, bottom, alpha = (F(witness[k]) for k in ("largest", "smallest", "alpha"))
worst = lambda a: max(abs(1 - a * top), abs(1 - a * bottom))
violated = worst(1 / top) > worst(alpha)
""",
        proof=proof,
    )


def _indefinite(smallest: Any) -> Inequality:
    """The stated rate contracts the direction of the smallest eigenvalue: 1 - alpha lambda_n < 1."""
    s, u = sp.symbols("s u")
    return Inequality(1 - 2 * LN / (L1 + LN), "<", 1, {LN: smallest * s, L1: sp.Abs(smallest) * s + u})


def _against_smallest(eigenvalue: Any) -> Inequality:
    """The stated rate contracts the direction of ``eigenvalue`` at least as fast as alpha = 1/lambda_n does."""
    stated = 2 / (L1 + LN)
    return Inequality((1 - stated * eigenvalue) ** 2, "<=", (1 - eigenvalue / LN) ** 2, {L1: 3 * LN + sp.Symbol("s")})


FASTEST = Claim(
    id="softadam/fastest-constant-learning-rate",
    location="section 2.1, (1)",
    statement=(
        r"The constant learning rate of fastest overall convergence is $\alpha=2/(\lambda_1+\lambda_n)$. Precise "
        r"version: it alone minimises $\max_i|1-\alpha\lambda_i|$, the worst rate over all starts."
    ),
    assumptions=(r"$H$ positive definite: $\lambda_n>0$ (otherwise no rate converges)", r"$\lambda_1>\lambda_n$"),
    parts=(
        Part(
            "minimises the worst contraction factor, alone",
            for_all,
            printed=_minimax(lambda top, bottom: 2 / (top + bottom)),
            broken=_minimax(lambda top, bottom: 1 / top),
            note="Best rate (kappa - 1)/(kappa + 1), kappa = lambda_1/lambda_n.",
        ),
        Part(
            "contracts for indefinite H too",
            inequality,
            printed=_indefinite(-1),
            broken=Inequality(1 - 2 * LN / (L1 + LN), "<", 0, {}),
            repair=_indefinite(1),
            repair_note="for positive definite H",
            bears=False,
            note="Positive definiteness is needed: with lambda_n < 0 < lambda_1 + lambda_n the factor exceeds 1.",
        ),
        Part(
            "no rate is faster from any start",
            inequality,
            printed=_against_smallest(LN),
            broken=_against_smallest((L1 + LN) / 4),
            repair=_against_smallest(L1),
            repair_note="in the worst direction, here xi_1 against alpha = 1/lambda_n",
            bears=False,
            note="From a start along xi_n the rate 1/lambda_n arrives in one step.",
        ),
    ),
)
CLAIMS = [MODEL, UNROLLED, STABILITY, FASTEST]
