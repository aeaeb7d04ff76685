"""The algorithms that must be implemented: update rules against line-by-line transcriptions in 40 digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from optassay.optimizers import (
    AdaSAM,
    AndersonMixing,
    GradientDescent,
    PreconditionedAdaSAM,
    RegularizedAnderson,
    StochasticAnderson,
)

from ..checks.trajectories import SamePath, random_stream, same_path
from ..claim import Claim, Part
from .algorithm_checks import (
    SafeguardValue,
    VarianceReduction,
    delta_to_zero,
    gram_products,
    high_precision,
    largest_damping,
    safeguard,
    variance_reduction,
)
from .krylov_equivalence import SameAsGMRES, same_as_gmres
from .transcription import Delta, adaptive, algorithm_1, constant


def _transcribed(memory: int, delta: Delta | None, penalty: str = "points", **fixed: Any) -> Callable[..., Any]:
    return lambda gradients, start, hyper: algorithm_1(gradients, start, {**hyper, **fixed}, memory, delta, penalty)


def _path(
    rule: Callable[[Mapping[str, float]], Any],
    exact_path: Callable[..., Any],
    hyper: Sequence[Mapping[str, str]],
    sizes: Sequence[int] = (4, 7),
) -> SamePath:
    return SamePath(rule=rule, exact=exact_path, hyper=hyper, sizes=sizes, streams=_short_stream)


def _short_stream(n: int, steps: int, rng: np.random.Generator) -> list[list[Fraction]]:
    """At most 25 steps: every step multiplies rounding by about the condition number of its history."""
    return random_stream(n, min(steps, 25), rng)


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
                delta_to_zero,
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
                printed=_path(_sam, _transcribed(3, constant), DELTAS, (1, 5)),
                broken=_path(_sam, _transcribed(3, constant, "identity"), DELTAS, (1, 5)),
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
                printed=_path(_adasam, _transcribed(3, adaptive), ADAPTIVE, (1, 5)),
                broken=_path(
                    _adasam,
                    _transcribed(3, lambda r, dx, h: adaptive(r, dx, {**h, "epsilon": 2 * h["epsilon"] + 1}), "points"),
                    ADAPTIVE,
                    (1, 5),
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
                variance_reduction,
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
                printed=_path(_around_descent(1.0), _transcribed(3, adaptive), ADAPTIVE, (1, 5)),
                broken=_path(_around_descent(2.0), _transcribed(3, adaptive), ADAPTIVE, (1, 5)),
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
                safeguard,
                printed=SafeguardValue(),
                broken=SafeguardValue(1.01),
                note=r"Every relation of $d$ and $m$, with the $2m-d$ false zeros of (15) removed for $d<2m$; a "
                r"symmetric form "
                r"of (15) in place of the printed one.",
            ),
            Part(
                "also where R loses rank and X does not, delta = 0",
                safeguard,
                printed=SafeguardValue(deficient=True),
                broken=SafeguardValue(1.01, deficient=True),
                sound=SafeguardValue(),
                bears=False,
                note=r"There $YZ^\dagger R^\top$ depends on the generalised inverse; the rule's is that of its own "
                r"step, not "
                r"the Moore-Penrose inverse.",
            ),
            Part("the damping is the largest", largest_damping, printed=1.001, broken=0.999),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-incremental-gram",
        location="2.3, Remark 2",
        statement="Gram products of $X_k,R_k$ maintained at $O(md)$ per step, one column at a time.",
        parts=(
            Part(
                "agreement over hundreds of steps with eviction and restart",
                gram_products,
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
                high_precision,
                printed=1e-9,
                broken=1e-19,
                note="SciPy's GMRES and MINRES included.",
            ),
        ),
    ),
]
