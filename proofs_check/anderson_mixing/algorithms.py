"""The algorithms that must be implemented: update rules against line-by-line transcriptions in 40 digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from optassay.optimizers import (
    AdaSAM,
    AndersonMixing,
    GradientDescent,
    PreconditionedAdaSAM,
    RegularizedAnderson,
    StochasticAnderson,
)

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
from .stepwise import SameSteps, same_steps

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


def _other_epsilon(h: Mapping[str, float]) -> Any:
    return _adasam({**h, "epsilon": 2 * h["epsilon"] + 1})


def _defaults(h: Mapping[str, float]) -> Any:
    return StochasticAnderson.paper(positivity=None, solver="factors")


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


NOTE = (
    "Streams of gradients, several sizes and hyperparameters; every step from the same history in 40 digits, to within "
    "what the perturbation theory of least squares grants. Steps that double precision cannot tell are counted."
)

CLAIMS = [
    Claim(
        id="anderson-mixing/algorithm-am",
        location="2.1, (3)-(6)",
        statement=r"$\Gamma_k\in\mathrm{argmin}\|r_k-R_k\Gamma\|$, $\bar x_k=x_k-X_k\Gamma_k$, "
        r"$\bar r_k=r_k-R_k\Gamma_k$, $x_{k+1}=\bar x_k+\beta_k\bar r_k$.",
        parts=(
            Part(
                "rule and transcription",
                same_steps,
                printed=SameSteps(_am, BETAS, "none", sizes=(4, 7)),
                broken=SameSteps(_am, BETAS, "none", memory=2, sizes=(4, 7)),
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
                same_steps,
                printed=SameSteps(_ram, DELTAS, "constant", "identity"),
                broken=SameSteps(_ram, DELTAS, "constant", "points"),
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
                same_steps,
                printed=SameSteps(_sam, DELTAS, "constant"),
                broken=SameSteps(_sam, DELTAS, "constant", "identity"),
                note=NOTE + r" Chosen where the algorithm is silent: constant $\delta_k$ ($10^{-6}$), and the largest "
                r"$\alpha\le\alpha_k$ that satisfies (14).",
            ),
            Part(
                "line 9 on",
                same_steps,
                printed=SameSteps(_sam, GUARDED, "constant"),
                broken=SameSteps(_unguarded, GUARDED, "constant"),
                note=r"Line 9 by the dense $d\times d$ matrix in the transcription.",
            ),
            Part(
                "defaults",
                same_steps,
                printed=SameSteps(_defaults, DEFAULTS, "constant", memory=10, sizes=(7, 12)),
                broken=SameSteps(_defaults, DEFAULTS, "constant", memory=5, sizes=(7, 12)),
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-adasam",
        location="2.2, (16)",
        figures=("anderson-mixing/study-quadratic", "anderson-mixing/rescaling"),
        statement=r"SAM with $\delta_k=\max\{c_1\|r_k\|^2/(\|x_k-x_{k-1}\|^2+\varepsilon),c_2\beta_k^{-2}\}$.",
        parts=(
            Part(
                "rule and transcription",
                same_steps,
                printed=SameSteps(_adasam, ADAPTIVE, "adaptive"),
                broken=SameSteps(_other_epsilon, ADAPTIVE, "adaptive"),
                note=NOTE
                + r" Step $k=1$ included. $x_k=x_{k-1}$ with $\varepsilon=0$ is $0/0$ in (16); the rule divides by "
                "one.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-2-sam-vr",
        location="Algorithm 2",
        figures=("anderson-mixing/study-variance-reduction",),
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
        figures=("anderson-mixing/study-preconditioned",),
        statement=r"Mixing step $x_{k+1}=\bar x_k+M_k^{-1}\bar r_k$, as a step of another optimizer at $\bar x_k$ with "
        r"gradient "
        r"$-\bar r_k$.",
        parts=(
            Part(
                "gradient descent inside is SAM with that beta",
                same_steps,
                printed=SameSteps(_around_descent(1.0), ADAPTIVE, "adaptive"),
                broken=SameSteps(_around_descent(2.0), ADAPTIVE, "adaptive"),
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
        figures=("anderson-mixing/cost",),
        statement="Gram products of $X_k,R_k$ maintained at $O(md)$ per step, one column at a time.",
        parts=(
            Part(
                "agreement over hundreds of steps with eviction and restart",
                gram_products,
                printed=1.0,
                broken=1e-4,
                note="No drift: every entry is a fresh inner product of its two columns. Times: "
                "benchmarks/anderson_step.py.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/algorithm-gmres-minres-comparison",
        location="5",
        figures=("anderson-mixing/residuals",),
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
