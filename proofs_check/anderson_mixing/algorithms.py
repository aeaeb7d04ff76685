"""The algorithms that must be implemented: update rules against line-by-line transcriptions in 40 digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from optassay.arrays import context
from optassay.optimizers import (
    AdaSAM,
    AndersonMixing,
    GradientDescent,
    PreconditionedAdaSAM,
    RegularizedAnderson,
    StochasticAnderson,
    VarianceReduced,
    _projection,
)
from quadratics import anderson_iterates, gmres_iterates
from quadratics.krylov import exact_anderson, exact_gmres

from ..checks.rational import fractions
from ..checks.search import ForAll, for_all
from ..checks.trajectories import SamePath, same_path
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled
from .histories import READ, exact, floats, histories, kernel_in_kernel
from .krylov import SameAsGMRES, same_as_gmres
from .positivity import max_root, symmetric_part
from .transcription import Delta, adaptive, algorithm_1, constant, variance_reduced


def _transcribed(memory: int, delta: Delta | None, penalty: str = "points", **fixed: Any) -> Callable[..., Any]:
    return lambda gradients, start, hyper: algorithm_1(gradients, start, {**hyper, **fixed}, memory, delta, penalty)


def _path(
    rule: Callable[[Mapping[str, float]], Any],
    exact_path: Callable[..., Any],
    hyper: Sequence[Mapping[str, str]],
    sizes: Sequence[int] = (4, 7),
) -> SamePath:
    return SamePath(rule=rule, exact=exact_path, hyper=hyper, sizes=sizes)


BETAS = ({"beta": "1/2", "alpha": "1"}, {"beta": "2", "alpha": "1/3"}, {"beta": "1/16", "alpha": "3/2"})


def _am(h: Mapping[str, float]) -> Any:
    return AndersonMixing(3, h["beta"], h["alpha"])


def _ram(h: Mapping[str, float]) -> Any:
    return RegularizedAnderson(3, h["beta"], h["alpha"], regularization=h["delta"])


def _sam(h: Mapping[str, float]) -> Any:
    options = {"regularization": h["delta"], "positivity": h.get("mu"), "solver": "factors"}
    return StochasticAnderson(3, h["beta"], h["alpha"], **options)  # type: ignore[arg-type]


def _unguarded(h: Mapping[str, float]) -> Any:
    return _sam({k: v for k, v in h.items() if k != "mu"})


def _adasam(h: Mapping[str, float]) -> Any:
    return AdaSAM(3, h["beta"], h["alpha"], positivity=None, solver="factors", **_constants(h))


def _constants(h: Mapping[str, float]) -> dict[str, Any]:
    return {k: h[k] for k in ("c1", "c2", "epsilon")}


def _around_descent(scale: float) -> Callable[[Mapping[str, float]], Any]:
    """(17) with ``M^-1 = scale beta I``."""

    def rule(h: Mapping[str, float]) -> Any:
        options = {"memory": 3, "mixing": h["beta"], "damping": h["alpha"], "solver": "factors", **_constants(h)}
        return PreconditionedAdaSAM(inner=GradientDescent(scale * h["beta"]), **options)

    return rule


DELTAS = tuple({**h, "delta": d} for h, d in zip(BETAS, ("1/1000000", "1", "30"), strict=True))
GUARDED = tuple({**h, "mu": m} for h, m in zip(DELTAS, ("1/100", "1/2", "9/10"), strict=True))
ADAPTIVE = tuple(
    {**h, "c1": c1, "c2": c2, "epsilon": e}
    for h, c1, c2, e in zip(
        BETAS, ("1/100", "1", "1/10000"), ("0", "1/7", "1"), ("1/100000000", "1", "1/100"), strict=True
    )
)
DEFAULTS = ({"beta": "1", "alpha": "1", "delta": "1/1000000"},)


def _delta_to_zero(last: Fraction, budget: Budget) -> list[Evidence]:
    """RAM's path on gradient streams for delta down to ``last``: its distance to AM falls in proportion."""
    import mpmath

    rng = np.random.default_rng(3)
    with mpmath.workdps(60):
        gradients = [[mpmath.mpf(int(v)) for v in row] for row in rng.integers(-9, 10, (6, 5))]
        start, hyper = [mpmath.mpf(0)] * 5, {"beta": mpmath.mpf(1) / 2, "alpha": 1}
        limit = np.array(algorithm_1(gradients, start, hyper, 3, None))
        gaps = []
        for power in (6, 8, 10):
            delta = mpmath.mpf(last.numerator) / last.denominator / mpmath.mpf(10) ** power
            path = np.array(algorithm_1(gradients, start, {**hyper, "delta": delta}, 3, constant, "identity"))
            gaps.append(max(abs(v) for v in (path - limit).ravel()))
        ratios = [float(a / b) for a, b in pairwise(gaps)]
    bad = sum(abs(r - 100) > 1 for r in ratios)
    slack = 1 - max(abs(r - 100) for r in ratios)
    return [Sampled("60 digits", len(ratios), bad, slack, "ratio of distances per factor 100", {"ratios": ratios})]


# Algorithm 2


@dataclass(frozen=True)
class VarianceReduction:
    """Line 6 with the full gradient at the snapshot weighted by ``correction``."""

    correction: int = 1


HESSIANS = [fractions(m) for m in ([[3, 1], [1, 2]], [[1, 0], [0, 5]], [[2, -1], [-1, 4]])]
BATCHES = [[[0], [1, 2], [2]], [[1], [0, 1], [0, 2]]]


def _vr(statement: VarianceReduction, budget: Budget) -> list[Evidence]:
    """The rule against the transcription (history kept across outer loops), and the mean of line 6 over all batches."""
    start = fractions([2, -1])
    hyper = {"beta": Fraction(1, 8), "alpha": Fraction(1), "delta": Fraction(1, 10)}

    def update(gradients: list[list[Any]]) -> list[Any]:
        return algorithm_1(gradients, list(start), hyper, 2, constant)[-1]

    expected = np.array(variance_reduced(HESSIANS, start, BATCHES, update, statement.correction), dtype=float)
    rule = VarianceReduced(StochasticAnderson(2, 0.125, 1.0, regularization=0.1, positivity=None, solver="factors"))
    x = np.array(start, dtype=float)
    state = rule.init(x)
    big = np.array([np.array(h, dtype=float) for h in HESSIANS])
    found = []
    for loop in BATCHES:
        state = rule.take_snapshot(x, big.mean(axis=0) @ x, state)
        for batch in loop:
            mean = big[batch].mean(axis=0)
            x, state = rule.step(x, mean @ x, state, gradient_fn=mean.__matmul__)
            found.append(x)
    worst = float(np.max(np.abs(np.array(found) - expected)))
    full, snapshot, point = sum(HESSIANS[1:], HESSIANS[0]) / 3, fractions([1, 4]), fractions([-2, 3])
    steps = {}
    for n in (1, 2, 3):
        drawn = [sum((HESSIANS[i] for i in b[1:]), HESSIANS[b[0]]) / n for b in combinations(range(3), n)]
        values = [m @ point - m @ snapshot + statement.correction * (full @ snapshot) for m in drawn]
        steps[f"unbiased, n = {n}"] = not (sum(values[1:], values[0]) / len(values) - full @ point).any()
    return [
        Sampled(
            "trajectory of two outer loops", 1, int(worst > 1e-11), 1e-11 - worst, "6 steps", {"largest gap": worst}
        ),
        Exact("enumeration", steps),
    ]


# The safeguard


EIGENVALUE_REPLAY = (
    READ
    + """
delta, beta = (float(Fraction(str(witness[k]))) for k in ("delta", "beta"))
half = (X + beta * R) @ np.linalg.pinv(R.T @ R + delta * X.T @ X, rcond=1e-10) @ R.T
violated = bool(abs(np.linalg.eigvalsh(half + half.T)[-1] - witness["found"]) > 1e-6)
"""
)


@dataclass(frozen=True)
class SafeguardValue:
    """The rule's eigenvalue times ``factor`` is the dense one; ``deficient``: also where (12) depends on the solver."""

    factor: float = 1.0
    deficient: bool = False


def _safeguard(statement: SafeguardValue, budget: Budget) -> list[Evidence]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for point in histories(budget, betas=("1", "1/4"), seed=12):
            step = floats(point)
            determined = point["delta"] > 0 or kernel_in_kernel(exact(point).r, exact(point).x)
            if not determined and not statement.deficient:
                continue
            ctx = context(x=step.x)
            found = _projection.from_gram(ctx, step.z, step.r.T @ step.res)
            assert found.whitening is not None
            value = _projection.largest_eigenvalue(
                ctx, found.whitening, step.x.T @ step.x, step.x.T @ step.r, step.r.T @ step.r, step.beta, point["d"]
            )
            yield {**point, "found": statement.factor * float(value)}

    return for_all(
        ForAll(
            points,
            lambda p: (p["found"], max_root(exact(p), small=False)),
            "==",
            lambda p: (p["found"], float(np.linalg.eigvalsh(symmetric_part(floats(p)))[-1])),
            EIGENVALUE_REPLAY,
            ("zeros of the exact characteristic polynomial", "dense eigenvalues in floating point"),
            (1e-6, 1e-6),
        ),
        budget,
    )


def _largest_damping(scale: float, budget: Budget) -> list[Evidence]:
    """The damping used satisfies (13), and ``scale`` times it (where it was shrunk) does not."""
    rng = np.random.default_rng(14)
    bad, count, slack = 0, 0, float("inf")
    for d, memory in ((8, 3), (5, 3), (3, 3), (2, 4)):
        for mu in (0.01, 0.5):
            rule = StochasticAnderson(memory, 1.0, 1.0, regularization=0.01, positivity=mu, solver="factors")
            x = np.zeros(d)
            state = rule.init(x)
            for _ in range(budget.pick(12, 60)):
                x, state = rule.step(x, rng.standard_normal(d), state)
                columns = np.stack(state.history.x, axis=1), np.stack(state.history.r, axis=1)
                if not columns[0].any():
                    continue
                big_x, big_r = columns
                z = np.linalg.pinv(big_r.T @ big_r + 0.01 * big_x.T @ big_x, rcond=1e-12)
                half = (big_x + big_r) @ z @ big_r.T
                alpha = float(state.damping)
                ends = [
                    np.linalg.eigvalsh(np.eye(d) - 0.5 * a * (half + half.T))[0] - mu for a in (alpha, scale * alpha)
                ]
                count += 1
                slack = min(slack, float(ends[0]) + 1e-7)  # rounding: eps times the condition number of Z
                bad += ends[0] < -1e-7 or (alpha < 1.0 and ends[1] > 0)
    return [Sampled("dense eigenvalues", count, bad, slack, "steps with Gaussian gradients, four shapes")]


# Gram matrices


def _gram(tolerance: float, budget: Budget) -> list[Evidence]:
    """Every entry of the maintained products against recomputation, after every step, relative to the columns' "
    "lengths."""
    rng = np.random.default_rng(15)
    worst, count = 0.0, 0
    for memory, restart in ((4, None), (10, None), (5, 7)):
        rule = StochasticAnderson(memory, 0.5, restart=restart)
        x = rng.standard_normal(30)
        state = rule.init(x)
        for _ in range(budget.pick(200, 1000)):
            x, state = rule.step(x, 0.1 * x + rng.standard_normal(30), state)
            h = state.history
            big_x, big_r = np.stack(h.x, axis=1), np.stack(h.r, axis=1)
            lengths = np.linalg.norm(big_x, axis=0), np.linalg.norm(big_r, axis=0)
            for kept, a, b, la, lb in (
                (h.xx, big_x, big_x, lengths[0], lengths[0]),
                (h.rr, big_r, big_r, lengths[1], lengths[1]),
                (h.xr, big_x, big_r, lengths[0], lengths[1]),
            ):
                worst = max(worst, float(np.max(np.abs(kept - a.T @ b) / (np.outer(la, lb) + 1e-300))))
                count += 1
    data = {"largest relative difference": worst}
    return [Sampled("recomputation", count, int(worst > tolerance) * count, tolerance - worst, "with eviction", data)]


# Section 5's comparison


def _high_precision(tolerance: float, budget: Budget) -> list[Evidence]:
    """d = 24: 80-digit Anderson mixing against 80-digit GMRES, and SciPy's GMRES and MINRES against ours in double."""
    import mpmath
    import scipy.sparse.linalg as sparse

    d, rng = 24, np.random.default_rng(16)
    q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    matrix = q @ np.diag(np.linspace(1, 30, d)) @ q.T
    matrix, b = 0.5 * (matrix + matrix.T), rng.standard_normal(d)
    with mpmath.workdps(80):
        lift = np.vectorize(mpmath.mpf, otypes=[object])
        big, rhs, tiny = lift(matrix), lift(b), mpmath.mpf(10) ** -72
        steps = budget.pick(8, 16)
        path = exact_anderson(big, rhs, 0 * rhs, lambda k: mpmath.mpf(1) / 10, steps, negligible=tiny)
        points = exact_gmres(big, rhs, 0 * rhs, steps, negligible=tiny)
        gap = float(max(abs(v) for v in (path.projected - points).ravel()))
    ours = gmres_iterates(matrix, b, 0 * b, d)
    double = anderson_iterates(matrix, b, 0 * b, 0.1, 8).projected
    others = {"80 digits": gap, "double precision, first 8 steps": float(np.max(np.abs(double - ours[:9])))}
    others["GMRES in double precision against 80 digits"] = float(
        np.max(np.abs(ours[: steps + 1] - points.astype(float)))
    )
    for k in (3, 8, 15):
        x, _ = sparse.gmres(matrix, b, rtol=1e-300, restart=k, maxiter=1)
        y, _ = sparse.minres(matrix, b, rtol=1e-300, maxiter=k)
        others[f"SciPy GMRES, k = {k}"] = float(np.max(np.abs(x - ours[k])))
        others[f"SciPy MINRES, k = {k}"] = float(np.max(np.abs(y - ours[k])))
    limits = {k: tolerance * (1e-20 if k == "80 digits" else 1.0) for k in others}
    bad = sum(others[k] > limits[k] for k in others)
    slack = float(min(np.log10(limits[k] / max(others[k], 1e-90)) for k in others))
    return [Sampled("points compared", len(others), bad, slack, "slack in decades; d = 24", others)]


NOTE = "Gradient streams of rationals, several sizes and hyperparameters, 40-digit transcription."

CLAIMS = [
    Claim(
        id="anderson-mixing/algorithm-am",
        location="2.1, (3)-(6)",
        statement=r"$\Gamma_k\in\arg\min\|r_k-R_k\Gamma\|$, $\bar x_k=x_k-X_k\Gamma_k$, $\bar r_k=r_k-R_k\Gamma_k$, "
        r"$x_{k+1}=\bar x_k+\beta_k\bar r_k$.",
        parts=(
            Part(
                "rule and transcription",
                same_path,
                printed=_path(_am, _transcribed(3, None), BETAS),
                broken=_path(_am, _transcribed(2, None), BETAS),
                note=NOTE
                + r" Damping of (9) included. Where $\ker R_k\not\subseteq\ker X_k$ the iterate is not determined; "
                "the rule takes least-norm coefficients of columns scaled to length one. Restart, truncation, solver "
                "and "
                "rank cut-off are options.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-ram",
        location="2.2, (10)",
        statement=r"As AM with $\Gamma_k=(R_k^\top R_k+\delta I)^\dagger R_k^\top r_k$.",
        parts=(
            Part(
                "rule and transcription",
                same_path,
                printed=_path(_ram, _transcribed(3, constant, "identity"), DELTAS, (1, 2, 5)),
                broken=_path(_ram, _transcribed(3, constant, "points"), DELTAS, (1, 2, 5)),
                note=NOTE,
            ),
            Part(
                "delta to zero: first order",
                _delta_to_zero,
                printed=Fraction(1),
                broken=Fraction(10**12),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-1-sam",
        location="Algorithm 1",
        statement=r"$x_1=x_0+\beta_0r_0$, then $x_{k+1}=x_k+\beta_kr_k-\alpha_k(X_k+\beta_kR_k)Z_k^\dagger R_k^\top "
        r"r_k$ with "
        r"$\alpha_k$ shrunk if (14) fails; $m=10$, $\alpha=\beta=1$.",
        parts=(
            Part(
                "line 9 off",
                same_path,
                printed=_path(_sam, _transcribed(3, constant), DELTAS, (1, 2, 5)),
                broken=_path(_sam, _transcribed(3, constant, "identity"), DELTAS, (1, 2, 5)),
                note=NOTE + r" Chosen where the algorithm is silent: constant $\delta_k$ ($10^{-6}$), and the largest "
                r"$\alpha\le\alpha_k$ that satisfies (14).",
            ),
            Part(
                "line 9 on",
                same_path,
                printed=_path(_sam, _transcribed(3, constant), GUARDED, (5, 7)),
                broken=_path(_unguarded, _transcribed(3, constant), GUARDED, (5, 7)),
                note=r"Line 9 by the dense $d\times d$ matrix in the transcription. Where $\kappa(Z_k)$ exceeds about "
                r"$10^{10}$ "
                "double precision does not reproduce the damping to 12 digits.",
            ),
            Part(
                "defaults",
                same_path,
                printed=_path(
                    lambda h: StochasticAnderson.paper(positivity=None, solver="factors"),
                    _transcribed(10, constant),
                    DEFAULTS,
                    (12,),
                ),
                broken=_path(
                    lambda h: StochasticAnderson.paper(positivity=None, solver="factors"),
                    _transcribed(5, constant),
                    DEFAULTS,
                    (12,),
                ),
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-adasam",
        location="2.2, (16)",
        statement=r"SAM with $\delta_k=\max\{c_1\|r_k\|^2/(\|x_k-x_{k-1}\|^2+\varepsilon),c_2\beta_k^{-2}\}$.",
        parts=(
            Part(
                "rule and transcription",
                same_path,
                printed=_path(_adasam, _transcribed(3, adaptive), ADAPTIVE, (1, 2, 5)),
                broken=_path(
                    _adasam,
                    _transcribed(3, lambda r, dx, h: adaptive(r, dx, {**h, "epsilon": 2 * h["epsilon"] + 1}), "points"),
                    ADAPTIVE,
                    (1, 2, 5),
                ),
                note=NOTE
                + r" Step $k=1$ included. $x_k=x_{k-1}$ with $\varepsilon=0$ is $0/0$ in (16); the rule divides by "
                "one.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-2-sam-vr",
        location="Algorithm 2",
        statement=r"$g_t^k=\nabla f_{\mathcal K}(x_t^k)-\nabla f_{\mathcal K}(\tilde x_k)+\nabla f(\tilde x_k)$ in "
        r"place of the "
        "gradient of SAM; snapshots at the last inner iterate.",
        parts=(
            Part(
                "rule and exact transcription; the gradient is unbiased",
                _vr,
                printed=VarianceReduction(),
                broken=VarianceReduction(0),
                note="Unbiased over all batches without replacement. Left open: whether the history outlives a "
                "snapshot (an "
                "option, kept as in the published code) and how batches are drawn.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-preconditioned",
        location="2.3, (17)",
        statement=r"Mixing step $x_{k+1}=\bar x_k+M_k^{-1}\bar r_k$, as a step of another optimizer at $\bar x_k$ with "
        r"gradient "
        r"$-\bar r_k$.",
        parts=(
            Part(
                "gradient descent inside is SAM with that beta",
                same_path,
                printed=_path(_around_descent(1.0), _transcribed(3, adaptive), ADAPTIVE, (1, 2, 5)),
                broken=_path(_around_descent(2.0), _transcribed(3, adaptive), ADAPTIVE, (1, 2, 5)),
                note="$M_k^{-1}=\\beta_kI$. Adagrad, RMSprop and Adam inside are provided: "
                "`PreconditionedAdaSAM.adagrad`, "
                "`.rmsprop`, `.adam`.",
            ),
            Part(
                "explicit matrix on linear systems: right preconditioned GMRES",
                same_as_gmres,
                printed=SameAsGMRES(preconditioned="right", until_stagnation=True, dims=(1, 2, 3)),
                broken=SameAsGMRES(preconditioned="right", quantity="iterate", dims=(1, 2, 3)),
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-safeguard",
        location="2.2, (13)-(15); Algorithm 1, line 9",
        statement=r"$\lambda_k$ from small matrices, and the largest $\alpha\le\alpha_k$ that satisfies (14).",
        parts=(
            Part(
                "the eigenvalue is the dense one",
                _safeguard,
                printed=SafeguardValue(),
                broken=SafeguardValue(1.01),
                note=r"Every relation of $d$ and $m$, with the $2m-d$ false zeros of (15) removed for $d<2m$; a "
                r"symmetric form "
                r"of (15) in place of the printed one.",
            ),
            Part(
                "also where R loses rank and X does not, delta = 0",
                _safeguard,
                printed=SafeguardValue(deficient=True),
                broken=SafeguardValue(1.01, deficient=True),
                sound=SafeguardValue(),
                bears=False,
                note=r"There $YZ^\dagger R^\top$ depends on the generalised inverse; the rule's is that of its own "
                r"step, not "
                r"the Moore-Penrose inverse.",
            ),
            Part("the damping is the largest", _largest_damping, printed=1.001, broken=0.999),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-incremental-gram",
        location="2.3, Remark 2",
        statement="Gram products of $X_k,R_k$ maintained at $O(md)$ per step, one column at a time.",
        parts=(
            Part(
                "agreement over hundreds of steps with eviction and restart",
                _gram,
                printed=1e-14,
                broken=1e-18,
                note="No drift: every entry is a fresh inner product of its two columns. Times: "
                "benchmarks/anderson_step.py.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-gmres-minres-comparison",
        location="5",
        statement="The deterministic full-memory method on strongly convex quadratics gives the points of GMRES and "
        "MINRES.",
        parts=(
            Part(
                "exact rationals",
                same_as_gmres,
                printed=SameAsGMRES(dims=(1, 2, 3, 5)),
                broken=SameAsGMRES(quantity="iterate"),
            ),
            Part(
                "80 digits and double precision, d = 24",
                _high_precision,
                printed=1e-9,
                broken=1e-19,
                note="SciPy's GMRES and MINRES included.",
            ),
        ),
    ),
]
