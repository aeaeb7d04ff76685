"""Section 3.2 and appendix B: the stochastic differential equation, escape from basins, proposition 1."""

from __future__ import annotations

from ..claim import Claim, Missing


def _open(slug: str, location: str, statement: str, would_decide: str, what: str = "") -> Claim:
    return Claim(
        id=f"adamomentum/{slug}",
        location=location,
        statement=statement,
        missing=Missing("proof", what or "a check of this statement", would_decide),
    )


CLAIMS = [
    _open(
        "equation-3-levy-sde",
        "(2), (3), section 3.2 and B.1",
        r"The recursion (2) discretises $d\theta=-q_tR_t^{-1}m\,dt+\upsilon R_t^{-1}\Sigma_tdL_t$, "
        r"$dm=\beta_1(\nabla f-m)dt$, $dv=\beta_2(k_t^2-v)dt$.",
        r"the memory of $m$ and $v$ over one iteration in (2) and in (3), and the small-step limit of (2)",
    ),
    _open(
        "appendix-b1-momentum-noise",
        "B.1",
        r"$m'_t-m_t=(\beta_1-1)\sum_{i=0}^t\beta_1^{t-i}\zeta_i$ for the momentum $m'$ of the full gradients.",
        "the two recursions unrolled symbolically, first index included",
    ),
    _open(
        "appendix-b1-stable-noise",
        "(4), B.1",
        r"$(m'_t-m_t)/(1-\beta_1)$ is symmetric $p$-stable with covariance $\Sigma_t$, independent over $t$.",
        r"the scale $\sum_i\beta_1^{p(t-i)}$ of the sum and its serial dependence",
    ),
    _open(
        "definition-2-escape-set",
        "definition 2",
        r"$\Gamma$ is the first exit from $\Omega^{-\upsilon^{\gamma'}}$; "
        r"$\Upsilon=\{y:R_*^{-1}\Sigma_*y\notin\Omega^{-\upsilon^{\gamma'}}\}$.",
        r"whether $R_t$ and $\Sigma_t$ have limits as $\theta_t\to\theta^*$",
    ),
    _open(
        "assumption-3-along-the-flow",
        "assumption 3",
        "Along the flow without noise: a non-negative integral, bounded preconditioner, momentum bounds.",
        "each part on the flow of a quadratic, over- and underdamped, at time zero and at turning points",
    ),
    _open(
        "assumption-4-with-stable-noise",
        "assumption 4",
        r"Gradients bounded by $H$ and $p$-stable gradient noise hold together.",
        r"the support of $p$-stable laws against the bound, $p\le2$",
    ),
    _open(
        "lemma-1-escape-time",
        "lemma 1",
        r"$E\Gamma=\Theta(\upsilon/N(\Upsilon))$ with $N$ a non-zero Radon measure, monotone under inclusion.",
        r"exit times of the noisy flow for several $p$ and $\upsilon$, with the exact small-noise formula",
    ),
    _open(
        "theorem-3-laplace-bounds",
        "theorem 3, B.2",
        r"Laplace bounds of $N(\Upsilon)\Theta(\upsilon^{-1})\Gamma$ by $(1\mp\rho)/(1+u\pm\rho)$.",
        "the geometric sums at the end of the proof, and the law of the exit time in simulation",
    ),
    _open(
        "theorem-4-lyapunov",
        "theorem 4, B.2",
        r"$f(\hat\theta_t)-f(\theta^*)+\frac12\|\hat m_t\|^2_{1/s_t}\le\Delta e^{-\kappa_2t}$.",
        r"$d\mathcal L/dt$ term by term, $\dot s_t$ included, and a flow integrated from small $t$",
    ),
    _open(
        "sharp-basins-escape-sooner",
        "section 3.2",
        r"A sharp basin has large $N(\Upsilon)$, hence smaller $\Gamma$.",
        "exit times against curvature at fixed height and at fixed radius",
    ),
    _open(
        "assumption-5-satisfiable",
        "assumption 5",
        r"$\mathrm{diag}(\Sigma_t)\le\frac{\beta_1}{2-\beta_1}E(m_{t-1}^2)$ for $t>T_0$ is mild.",
        r"both sides for independent centred noise at the minimiser, all $\beta_1$",
    ),
    _open(
        "assumption-5-batch-size",
        "after assumption 5",
        "A large enough mini-batch satisfies assumption 5.",
        "how both sides scale with the batch at the minimiser and away from it",
    ),
    _open(
        "prop-1-proof-limits",
        "B.3",
        r"For large $t$: $Ev^A_t=\lim E\zeta_t^2$, $Ev^M_t=\beta_1^2\lim Em_{t-1}^2+(1-\beta_1)^2\lim E\zeta_t^2$.",
        "stationary second moments of the recursions",
    ),
    _open(
        "prop-1-proof-algebra",
        "B.3",
        r"$Em_{t-1}^2\ge\frac{2-\beta_1}{\beta_1}E\zeta_t^2$ implies "
        r"$\beta_1^2Em_{t-1}^2+(1-\beta_1)^2E\zeta_t^2\ge E\zeta_t^2$.",
        r"a polynomial inequality in $\beta_1$",
    ),
    _open(
        "prop-1-proof-second-moment-ordering",
        "B.3",
        r"$Ev^M_t\ge Ev^A_t$ for large $t$, hence $R_*^{(M)}\ge R_*^{(A)}$.",
        "stationary gradients: the second moment of an average of them against their own",
    ),
    _open(
        "prop-1-proof-volumes",
        "B.3",
        r"$\Upsilon=\{y^\top My\ge h_f\}$; $R^{(M)}\ge R^{(A)}$ gives "
        r"$V(\Upsilon^{(M)})$ smaller than $V(\Upsilon^{(A)})$.",
        r"which of the volumes are finite, and monotonicity in $R$",
    ),
    _open(
        "volume-to-radon-measure",
        "after lemma 1, B.3",
        r"A smaller volume of $\Upsilon$ orders $N(\Upsilon)$.",
        r"inclusion of the sets $\Upsilon$ for ordered $R$ in one and more dimensions",
    ),
    _open(
        "prop-1-proof-radon-relation",
        "B.3",
        r"$N(\Upsilon^{(M)})\ge N(\Upsilon^{(A)})$, hence $E\Gamma^{(M)}\ge E\Gamma^{(A)}$.",
        "what lemma 1 gives for either sign",
    ),
    _open(
        "proposition-1-escape-time",
        "proposition 1",
        r"In a flat basin or asymmetric valley $E\,\Gamma(\mathrm{AdaMomentum})\ge E\,\Gamma(\mathrm{Adam})$.",
        "mean exit times with intervals over noises, basins, radii, steps and states of the second moment",
    ),
    Claim(
        id="adamomentum/generalizes-better-conclusion",
        location="section 3.2",
        statement="Hence AdaMomentum more likely reaches minima that generalise better.",
        missing=Missing("data", "trained networks of both methods", "sharpness of their minima and test gaps"),
    ),
]
