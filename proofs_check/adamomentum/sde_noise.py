"""Section 3.2 and B.1: the stochastic differential equation (3), and the noise that the momentum carries."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import Adam, AdaMomentum, Rule

from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path, sparse_stream
from ..claim import Budget, Claim, Evidence, Part, Sampled

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


def _noise_factor(p: int, factor: Callable[[Any, Any], Any]) -> Mapping[str, Identity]:
    """p-th power of the scale of ``m'_t - m_t`` in proportion to that of ``factor``, over t: 1 to 2, n to n + 1."""
    n = sp.Symbol("n", positive=True)

    def scale(t: Any) -> Any:
        return (1 - B1) ** p * (1 - B1 ** (p * t)) / (1 - B1**p)

    over = {B1: ("1/2", "1/3")}
    return {
        f"t = {t}": Identity(
            sp.expand(scale(t + 1) * factor(B1, t) ** p), sp.expand(scale(t) * factor(B1, t + 1) ** p), over
        )
        for t in (1, n)
    }


def _neighbours(share: Any) -> Mapping[str, Identity]:
    """Covariance of sums at t and t + 1 as a share of the variance at t, unit noise: weight by weight, any t."""
    w = sp.Symbol("w", positive=True)
    return {"each noise up to t": Identity(w * (B1 * w), share * w**2, {B1: ("1/2", "1/3")})}


# --- the recursion (2) ---


def _recursion(square: str) -> Callable[[Any, Sequence[Any], Mapping[str, Any]], list[list[Any]]]:
    """(2) with ``k = g`` or ``k = m`` on numbers of any kind; coordinates without any gradient so far stay."""

    def path(grads: Any, theta: Sequence[Any], hyper: Mapping[str, Any]) -> list[list[Any]]:
        b1, b2, alpha = (hyper[k] for k in ("beta1", "beta2", "step_size"))
        m, v, found = [0 * x for x in theta], [0 * x for x in theta], []
        for t, g in enumerate(grads, 1):
            m = [b1 * a + (1 - b1) * x for a, x in zip(m, g, strict=True)]
            k = g if square == "g" else m
            v = [b2 * a + (1 - b2) * x * x for a, x in zip(v, k, strict=True)]
            z = [(1 - b1**t) * (a / (1 - b2**t)) ** 0.5 for a in v]
            theta = [x - (alpha * a / r if r else 0) for x, a, r in zip(theta, m, z, strict=True)]
            found.append(theta)
        return found

    return path


_HYPER = (
    {"step_size": "1/8", "beta1": "9/10", "beta2": "999/1000"},
    {"step_size": "1/4", "beta1": "1/2", "beta2": "3/4"},
)


def _without_epsilon(kind: Callable[..., Rule]) -> Callable[[Mapping[str, float]], Rule]:
    return lambda hyper: kind(epsilon=0.0, **hyper)


@dataclass(frozen=True)
class Limit:
    """As ``alpha -> 0`` at fixed decays, (2) on ``x^2/2`` from 1 without noise is at ``speed`` away at time 1/2.

    The distance of a run at step size alpha is at most ``alpha / (1 - beta2)``, the memory of v in time.
    """

    speed: Callable[[float], float]


def small_steps(s: Limit, budget: Budget) -> list[Evidence]:
    """Runs of both methods over falling step sizes, up to time 1/2."""
    found: dict[str, float] = {}
    for kind in (Adam, AdaMomentum):
        for alpha in budget.pick((1e-3, 1e-4), (1e-3, 1e-4, 1e-5)):
            rule: Any = kind(alpha, 0.9, 0.99, 0.0)
            x = np.ones(1)
            state = rule.init(x)
            for _ in range(round(0.5 / alpha)):
                x, state = rule.step(x, x, state)
            found[f"{kind.__name__}, alpha = {alpha:g}"] = abs(float(x[0]) - s.speed(0.5)) / (alpha / 0.01)
    worst = max(found.values())
    over = sum(v > 1 for v in found.values())
    return [Sampled("runs against the limit", len(found), over, 1 - worst, f"{len(found)} runs", {"distances": found})]


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
                "(2) with k = g is Adam at epsilon = 0",
                same_path,
                printed=SamePath(_without_epsilon(Adam), _recursion("g"), _HYPER, streams=sparse_stream),
                broken=SamePath(_without_epsilon(Adam), _recursion("m"), _HYPER[:1]),
                bears=False,
            ),
            Part(
                "(2) with k = m is Algorithm 1 at epsilon = 0",
                same_path,
                printed=SamePath(_without_epsilon(AdaMomentum), _recursion("m"), _HYPER, streams=sparse_stream),
                broken=SamePath(_without_epsilon(AdaMomentum), _recursion("g"), _HYPER[:1]),
                bears=False,
            ),
            Part(
                "small steps at fixed decays",
                small_steps,
                printed=Limit(lambda t: 1 - t),
                broken=Limit(lambda t: math.exp(-t)),
                bears=False,
                note=r"$\theta_t\to\theta_0-t\,\mathrm{sign}\nabla f$ for either method, off by the order of "
                r"$\alpha/(1-\beta_2)$ (the data hold the distances in units of it).",
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
        r"and $\theta_{t+1}=\theta_t-\alpha m'_t/z_t+\alpha(m'_t-m_t)/z_t$ with independent noise, a multiple of "
        r"$(1-\beta_1^t)\Sigma_tS$.",
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
                r"the factor $1-\beta_1^t$ of the noise, up to a constant (p = 2)",
                symbolic_identity,
                printed=_noise_factor(2, lambda b, t: 1 - b**t),
                broken=_noise_factor(2, lambda b, t: 1 - b ** (t + 1)),
                repair=_noise_factor(2, lambda b, t: sp.sqrt(1 - b ** (2 * t))),
                repair_note=r"$(1-\beta_1)(\frac{1-\beta_1^{pt}}{1-\beta_1^p})^{1/p}$ for $1-\beta_1^t$",
                note=r"The factor is there to cancel that of $z_t$ and is right for $p=1$ only. Without it the noise "
                r"of (3) would carry $q_t$ like the drift.",
            ),
            Part(
                r"the factor $1-\beta_1^t$ of the noise (p = 1)",
                symbolic_identity,
                printed=_noise_factor(1, lambda b, t: 1 - b**t),
                broken=_noise_factor(1, lambda b, t: 1 - b ** (2 * t)),
                bears=False,
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
