"""Section 3.2 and B.1: the stochastic differential equation (3), and the noise that the momentum carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Claim, Part

B1, B2, ALPHA = sp.symbols("beta_1 beta_2 alpha", positive=True)
X, Y, S = sp.symbols("x y s", positive=True)
BETAS = {B1: ("9/10", "1/3"), B2: ("999/1000", "1/5"), ALPHA: ("1/1000", "1/10")}


def _drifts(rate_m: Any, rate_v: Any) -> Mapping[str, Identity]:
    """Moves of m and v in one iteration of (2) against rate times distance times alpha."""
    m, v, g, k = sp.symbols("m v g k", positive=True)
    return {
        "m": Identity(B1 * m + (1 - B1) * g - m, rate_m * (g - m) * ALPHA, BETAS),
        "v": Identity(B2 * v + (1 - B2) * k**2 - v, rate_v * (k**2 - v) * ALPHA, BETAS),
    }


def _noise_scale(power: Callable[[Any], Any]) -> Identity:
    """What one noise adds to theta over all iterations, q alpha zeta, against ``alpha^power dt^(1/p)``, dt = alpha."""
    p = sp.Symbol("p", positive=True)
    return Identity(ALPHA, sp.powsimp(ALPHA ** power(p) * ALPHA ** (1 / p)), {ALPHA: ("1/10",), p: (1, 2)})


def _one_noise(total: Any) -> Mapping[str, Identity]:
    """Sum over the later iterations of the weights that a noise has in m: (1 - b) (1 + b + ...), its partial sums."""
    n = sp.Symbol("n", positive=True, integer=True)
    partial = 1 - B1**n
    return {
        "first": Identity((1 - B1) * total, partial.subs(n, 1), BETAS),
        "each further weight": Identity(sp.expand(partial + (1 - B1) * B1**n), sp.expand(1 - B1 ** (n + 1)), BETAS),
    }


def _momentum_noise(first: int) -> Mapping[str, Identity]:
    """The two recursions from zero against the sum from ``first``: t = 2, 3, 4, and the step for every t.

    Noises have indices from 1 on.
    """
    zeta = sp.symbols("zeta0:5", positive=True)
    slopes = sp.symbols("f1:5", positive=True)
    found, m, full = {}, sp.Integer(0), sp.Integer(0)
    for t in range(1, 5):
        m = B1 * m + (1 - B1) * (slopes[t - 1] + zeta[t])
        full = B1 * full + (1 - B1) * slopes[t - 1]
        total = sum(B1 ** (t - i) * zeta[i] for i in range(first, t + 1))
        if t > 1:
            found[f"t = {t}"] = Identity(full - m, (B1 - 1) * total, {B1: ("1/2", "1/3")})
    gap, slope, new = sp.symbols("S f zeta")  # (beta1 - 1) S is the gap so far
    after = B1 * ((B1 - 1) * gap) + (1 - B1) * slope - (1 - B1) * (slope + new)
    found["from t to t + 1"] = Identity(after, (B1 - 1) * (B1 * gap + new))
    return found


def _scales(law: Callable[[Any, Any], Any]) -> Mapping[str, Identity]:
    """Sum of p-th powers of the weights ``beta_1^(t-i)``, with ``q = beta_1^p``, against ``law(q, t)``, any t."""
    q, n = sp.symbols("q n", positive=True)
    found = {
        f"t = {t}": Identity(sum(q ** (t - i) for i in range(1, t + 1)), law(q, t), {q: ("1/2", "1/3")}) for t in (1, 2)
    }
    return found | {"from t to t + 1": Identity(q * law(q, n) + 1, law(q, n + 1), {q: ("1/2", "1/3")})}


def _neighbours(share: Any) -> Mapping[str, Identity]:
    """Covariance of sums at t and t + 1 as a share of the variance at t, unit noise: weight by weight, any t."""
    w = sp.Symbol("w", positive=True)
    return {"each noise up to t": Identity(w * (B1 * w), share * w**2, {B1: ("1/2", "1/3")})}


CLAIMS = [
    Claim(
        id="adamomentum/equation-3-levy-sde",
        location="(2), (3), section 3.2 and B.1",
        statement=r"The recursion (2) discretises $d\theta=-q_tR_t^{-1}m\,dt+\upsilon R_t^{-1}\Sigma_tdL_t$, "
        r"$dm=\beta_1(\nabla f-m)dt$, $dv=\beta_2(k_t^2-v)dt$. Judged: the drift over one iteration, $dt=\alpha$ "
        r"(which the $\theta$ equation fixes).",
        parts=(
            Part(
                "drift rates of m and v",
                symbolic_identity,
                printed=_drifts(B1, B2),
                broken=_drifts(0, 0),
                repair=_drifts((1 - B1) / ALPHA, (1 - B2) / ALPHA),
                repair_note=r"$dm=\frac{1-\beta_1}\alpha(\nabla f-m)dt$, $dv=\frac{1-\beta_2}\alpha(k^2-v)dt$",
                note=r"(2) moves $m$ by $(1-\beta_1)(g-m)$ per iteration. Not even with $dt=1$ does $\beta_1$ fit, "
                r"unless $\beta_1=\frac12$: at the defaults $m$ would forget nine, $v$ 999 times too fast. As "
                r"$\alpha\to0$ at fixed decays $m$ follows the gradient at once and $v$ its square: the limit is "
                r"$d\theta=-\nabla f/|\nabla f|$ per coordinate, sign descent, unless $1-\beta\propto\alpha$.",
            ),
            Part(
                "drift rates with dt = 1",
                symbolic_identity,
                printed={"m": Identity(B1, 1 - B1, BETAS), "v": Identity(B2, 1 - B2, BETAS)},
                broken={"m": Identity(B1, 1, BETAS)},
                sound={"m": Identity(1 - B1, 1 - B1)},
                bears=False,
            ),
            Part(
                r"noise scale: $\upsilon\,dt^{1/p}$ at $dt=\alpha$ is one noise times $\alpha$",
                symbolic_identity,
                printed=_noise_scale(lambda p: 1 - 1 / p),
                broken=_noise_scale(lambda p: 1 - 2 / p),
                bears=False,
                note=r"$\upsilon=\alpha^{1-1/p}$ is right, but for the correction $q_t$. For $p<1$ it grows as "
                r"$\alpha\to0$, for $p=1$ it is 1: small steps are small noise for $p>1$ only.",
            ),
            Part(
                "over all iterations a noise enters theta with weight one",
                symbolic_identity,
                printed=_one_noise(sp.Integer(1)),
                broken=_one_noise(sp.Integer(2)),
                bears=False,
                note=r"$(1-\beta_1)\sum_k\beta_1^k=1$: in (2) the noise is spread over $1/(1-\beta_1)$ iterations, in "
                "(3) it acts at once.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/appendix-b1-momentum-noise",
        location="B.1",
        statement=r"$m'_t-m_t=(\beta_1-1)\sum_{i=0}^t\beta_1^{t-i}\zeta_i$ for the momentum $m'$ of the full "
        r"gradients, both from 0, with gradients at $t=1,2,\dots$",
        parts=(
            Part(
                "the sum and its first index",
                symbolic_identity,
                printed=_momentum_noise(0),
                broken=_momentum_noise(2),
                repair=_momentum_noise(1),
                repair_note="from $i=1$",
                note=r"From $m_0=0$ there is no $\zeta_0$: the printed sum has one term too many, $\beta_1^t\zeta_0$.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/appendix-b1-stable-noise",
        location="(4), B.1",
        statement=r"$(m'_t-m_t)/(1-\beta_1)$ is symmetric $p$-stable with the scale of $\zeta_t$, "
        r"and $\theta_{t+1}=\theta_t-\alpha m'_t/z_t+\alpha(m'_t-m_t)/z_t$ with independent noise.",
        parts=(
            Part(
                r"p-th power of the scale of the sum, in units of that of one term",
                symbolic_identity,
                printed=_scales(lambda q, t: sp.Integer(1)),
                broken=_scales(lambda q, t: sp.sympify(t)),
                repair=_scales(lambda q, t: (1 - q**t) / (1 - q)),
                repair_note=r"scale $(\frac{1-\beta_1^{pt}}{1-\beta_1^p})^{1/p}$ times that of $\zeta$",
                note=r"$E\exp(iu\sum w_i\zeta_i)=\exp(-|u|^p\sum w_i^p)$, so it is stable, but wider: by "
                r"$1/(1-\beta_1^p)$ in the $p$-th power, 5.3 at $p=2$, $\beta_1=0.9$.",
            ),
            Part(
                "independence over t: the covariance of two neighbours (p = 2)",
                symbolic_identity,
                printed=_neighbours(0),
                broken=_neighbours(1),
                repair=_neighbours(B1),
                repair_note=r"$\beta_1$ times the variance: an autoregression, correlated at rate $\beta_1$",
            ),
            Part(
                "the rearranged update",
                symbolic_identity,
                printed=Identity(-X * Y, -X * S + X * (S - Y)),
                broken=Identity(-X * Y, -X * S - X * (S - Y)),
            ),
        ),
    ),
]
