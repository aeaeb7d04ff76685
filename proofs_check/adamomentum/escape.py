"""Section 3.2 and appendix B: the stochastic differential equation, escape from basins, proposition 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Missing, Part, Unsatisfiable
from .exit_times import Basin, LaterExit, SharperSooner, later_exit, sharper_sooner

B1, B2, ALPHA, BATCH = sp.symbols("beta_1 beta_2 alpha B", positive=True)
X, Y, S = sp.symbols("x y s", positive=True)
K, RADIUS = sp.symbols("K r", positive=True)
BETAS = {B1: ("9/10", "1/3"), B2: ("999/1000", "1/5"), ALPHA: ("1/1000", "1/10")}
UNIT = {B1: S / (1 + S)}  # 0 < beta_1 < 1


def _drifts(rate_m: Any, rate_v: Any) -> Mapping[str, Identity]:
    """Moves of m and v in one iteration of (2) against rate times distance times alpha."""
    m, v, g, k = sp.symbols("m v g k", positive=True)
    return {
        "m": Identity(B1 * m + (1 - B1) * g - m, rate_m * (g - m) * ALPHA, BETAS),
        "v": Identity(B2 * v + (1 - B2) * k**2 - v, rate_v * (k**2 - v) * ALPHA, BETAS),
    }


def _momentum_noise(first: int) -> Mapping[str, Identity]:
    """The two recursions from zero for t = 2, 3, 4, noises from index 1 on, against the sum from ``first``."""
    zeta = sp.symbols("zeta0:5", positive=True)
    slopes = sp.symbols("f1:5", positive=True)
    found, m, full = {}, sp.Integer(0), sp.Integer(0)
    for t in range(1, 5):
        m = B1 * m + (1 - B1) * (slopes[t - 1] + zeta[t])
        full = B1 * full + (1 - B1) * slopes[t - 1]
        total = sum(B1 ** (t - i) * zeta[i] for i in range(first, t + 1))
        if t > 1:
            found[f"t = {t}"] = Identity(full - m, (B1 - 1) * total, {B1: ("1/2", "1/3")})
    return found


def _scales(law: Callable[[Any, int], Any]) -> Mapping[str, Identity]:
    """Sum of p-th powers of the weights ``beta_1^(t-i)``, with ``q = beta_1^p``, against ``law(q, t)``."""
    q = sp.Symbol("q", positive=True)
    return {
        f"t = {t}": Identity(sum(q ** (t - i) for i in range(1, t + 1)), law(q, t), {q: ("1/2", "1/3")})
        for t in (2, 3, 6)
    }


def _neighbours(share: Any) -> Mapping[str, Identity]:
    """Covariance of sums at t and t + 1 as a share of the variance at t, unit noise."""
    found = {}
    for t in (1, 2, 5):
        now = [B1 ** (t - i) for i in range(1, t + 1)]
        after = [B1 ** (t + 1 - i) for i in range(1, t + 1)]
        variance = sum(w**2 for w in now)
        covariance = sum(a * b for a, b in zip(now, after, strict=True))
        found[f"t = {t}"] = Identity(covariance, share * variance, {B1: ("1/2", "1/3")})
    return found


def bounded_and_stable(exponents: tuple[str, ...], budget: Budget) -> list[Evidence]:
    """Bounded noise against the p-stable law ``E exp(iu zeta) = exp(-|u|^p)``; no exponent means two-valued noise."""
    del budget
    u, k = sp.symbols("u k", positive=True)
    if not exponents:
        variance = sp.limit(2 * (1 - sp.cos(u)) / u**2, u, 0)
        return [Exact("symbolic", {"two values: variance 1, bounded by 1": variance == 1})]
    steps = {}
    for text in exponents:
        p = sp.Rational(text)
        second = sp.limit(2 * (1 - sp.exp(-(u**p))) / u**2, u, 0, "+")
        if p < 2:
            steps[f"p = {text}: infinite second moment, a bounded variable has a finite one"] = second == sp.oo
        else:
            fourth = sp.exp(-(u**2)).diff(u, 4).subs(u, 0)
            tail = sp.erfc(k / 2)  # P(|zeta| > k) at variance 2
            steps["p = 2: variance 2, fourth moment 12: Gaussian"] = second == 2 and fourth == 12
            steps["p = 2: P(|zeta| > k) falls to 0 strictly, so it is positive at every k"] = sp.limit(
                tail, k, sp.oo
            ) == 0 and bool(sp.diff(tail, k).is_negative)
    return [Unsatisfiable("symbolic", steps)]


def momentum_lower_bound(initial: Any, budget: Budget) -> list[Evidence]:
    """``|m_0| >= tau |slope|`` with slope 1 at time 0: solvable for some tau > 0?"""
    del budget
    tau = sp.Symbol("tau", positive=True)
    largest = sp.Abs(initial)  # tau * 1 <= |m_0|
    if largest > 0:
        return [Exact("symbolic", {f"tau = {largest} does": bool(largest >= largest * 1)})]
    return [
        Unsatisfiable("symbolic", {"tau |grad f| > 0 = |m_0| for every tau > 0": bool((tau * 1 - largest).is_positive)})
    ]


def _assumption_5(mean_square: Any, batch: Any) -> Inequality:
    """``Sigma <= b/(2-b) E m^2`` with noise variance 1/batch and stationary m of squared mean ``mean_square``."""
    second = mean_square + (1 - B1) / (1 + B1) / batch
    return Inequality(1 / sp.sympify(batch), "<=", B1 / (2 - B1) * second, UNIT | {BATCH: 1 + X})


def _limits(weight: Any) -> Mapping[str, Identity]:
    """Stationary E m^2 and the displayed sum; the limit of E v^A and of E v^M."""
    stationary = (1 - B1) / (1 + B1)
    n = sp.Symbol("n", positive=True, integer=True)
    mass = sp.limit(1 - sp.Rational(999, 1000) ** n, n, sp.oo)  # of the weights of v_t
    return {
        "E m_t^2 = stationary value": Identity(B1**2 * stationary + weight, stationary, BETAS),
        "weights of v_t sum to 1 in the limit": Identity(mass, 1),
    }


def _algebra(factor: Any) -> Inequality:
    """The implication at ``E m^2 = factor (2 - b)/b + excess``, noise variance 1."""
    second = factor * (2 - B1) / B1 + X
    return Inequality(B1**2 * second + (1 - B1) ** 2, ">=", 1, UNIT)


def _jensen(relation: Any) -> Inequality:
    """``E (w g_1 + (1 - w) g_2)^2`` against ``E g^2 = 1`` with correlation ``1 - 2 s/(1 + s)``."""
    w, c = sp.symbols("w c", positive=True)
    second = w**2 + (1 - w) ** 2 + 2 * w * (1 - w) * c
    return Inequality(second, relation, 1, {w: X / (1 + X), c: (1 - Y) / (1 + Y)})


def _forms(correlation: Any) -> Inequality:
    """``y^T M~ y <= y^T M y`` at y = (p, -q), i.e. the set of M~ inside that of M."""
    p, q, r = sp.symbols("p q r", positive=True)
    larger = p**2 - 2 * correlation * p * q / r + q**2 / r**2
    return Inequality(larger, "<=", p**2 - 2 * correlation * p * q + q**2, {r: 1 + X})


def _part_of_volume(volume: Any) -> Inequality:
    """A volume inside [-K, K], K > r, against 1000 r."""
    return Inequality(volume, "<=", 1000 * RADIUS, {K: RADIUS + X})


def _product_of_axes(relation: Any) -> Inequality:
    axes, more = sp.symbols("R1:4", positive=True), sp.symbols("d1:4", positive=True)
    return Inequality(sp.prod(axes), relation, sp.prod([a + d for a, d in zip(axes, more, strict=True)]))


def _exit_order(sign: Any) -> Inequality:
    """``1/N_M >= 1/N_A`` with N_M = N_A + sign x (sign 0: N_A = N_M + x)."""
    n = sp.Symbol("n", positive=True)
    return Inequality(1 / (n + sign * X), ">=", 1 / (n if sign else n + X))


def _open(slug: str, location: str, statement: str, would_decide: str, what: str = "") -> Claim:
    return Claim(
        id=f"adamomentum/{slug}",
        location=location,
        statement=statement,
        missing=Missing("proof", what or "the computation named below; nothing was run yet", would_decide),
    )


CLAIMS = [
    Claim(
        id="adamomentum/equation-3-levy-sde",
        location="(2), (3), section 3.2 and B.1",
        statement=r"The recursion (2) discretises $d\theta=-q_tR_t^{-1}m\,dt+\upsilon R_t^{-1}\Sigma_tdL_t$, "
        r"$dm=\beta_1(\nabla f-m)dt$, $dv=\beta_2(k_t^2-v)dt$. Judged: the drift over one iteration, $dt=\alpha$ "
        r"(which "
        r"the $\theta$ equation fixes).",
        parts=(
            Part(
                "drift rates of m and v",
                symbolic_identity,
                printed=_drifts(B1, B2),
                broken=_drifts(0, 0),
                repair=_drifts((1 - B1) / ALPHA, (1 - B2) / ALPHA),
                repair_note=r"$dm=\frac{1-\beta_1}\alpha(\nabla f-m)dt$, $dv=\frac{1-\beta_2}\alpha(k^2-v)dt$",
                note=r"(2) moves $m$ by $(1-\beta_1)(g-m)$ per iteration. Not even with $dt=1$ does $\beta_1$ fit, "
                r"unless $\beta_1=\frac12$: at the defaults $m$ would forget nine, $v$ 999 times too fast.",
            ),
            Part(
                "drift rates with dt = 1",
                symbolic_identity,
                printed={"m": Identity(B1, 1 - B1, BETAS), "v": Identity(B2, 1 - B2, BETAS)},
                broken={"m": Identity(B1, 1, BETAS)},
                sound={"m": Identity(1 - B1, 1 - B1)},
                bears=False,
            ),
        ),
    ),
    Claim(
        id="adamomentum/appendix-b1-momentum-noise",
        location="B.1",
        statement=r"$m'_t-m_t=(\beta_1-1)\sum_{i=0}^t\beta_1^{t-i}\zeta_i$ for the momentum $m'$ of the full "
        r"gradients, "
        r"both from 0, with gradients at $t=1,2,\dots$",
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
                broken=_scales(lambda q, t: sp.Integer(t)),
                repair=_scales(lambda q, t: (1 - q**t) / (1 - q)),
                repair_note=r"scale $(\frac{1-\beta_1^{pt}}{1-\beta_1^p})^{1/p}$ times that of $\zeta$",
                note=r"It is stable, but wider: by $1/(1-\beta_1^p)$ in the $p$-th power, 5.3 at $p=2$, $\beta_1=0.9$.",
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
    _open(
        "definition-2-escape-set",
        "definition 2",
        r"$\Gamma$ is the first exit from $\Omega^{-\upsilon^{\gamma'}}$; "
        r"$\Upsilon=\{y:R_*^{-1}\Sigma_*y\notin\Omega^{-\upsilon^{\gamma'}}\}$.",
        r"whether $R_t$ and $\Sigma_t$ have limits as $\theta_t\to\theta^*$",
    ),
    Claim(
        id="adamomentum/assumption-3-along-the-flow",
        location="assumption 3",
        statement=r"Along the flow without noise $\|\hat m_t\|\ge\tau\|\nabla f(\hat\theta_t)\|$, $\tau>0$.",
        parts=(
            Part(
                "the lower bound on the momentum at t = 0",
                momentum_lower_bound,
                printed=sp.Integer(0),
                broken=sp.Integer(0),
                sound=sp.Integer(1),
                note=r"$\hat m_0=0$ while $\nabla f(\hat\theta_0)\ne0$: never met at the start. Again at every turning "
                r"point of an underdamped flow, where $m=0$. Not examined: the integral and the bound on $m-\hat m$. "
                r"$\beta_1\le\beta_2\le2\beta_1$ holds at the defaults.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/assumption-4-with-stable-noise",
        location="assumption 4",
        statement=r"$\|\nabla f(\theta_t)\|,\|g_t\|\le H$ and $p$-stable gradient noise, both assumed for "
        r"proposition 1.",
        parts=(
            Part(
                "joint satisfiability",
                bounded_and_stable,
                printed=("1/2", "1", "3/2", "2"),
                broken=("2",),
                sound=(),
                note=r"Bounded $g$ and $\nabla f$ make $|\zeta|\le2H$, hence a finite variance. For $p<2$ it is "
                r"infinite, "
                r"so $\Sigma_t$ of assumption 5 is no covariance; for $p=2$ the law has no bound. Only zero noise "
                r"does.",
            ),
        ),
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
    Claim(
        id="adamomentum/sharp-basins-escape-sooner",
        location="section 3.2",
        statement=r"A sharp basin has large $N(\Upsilon)$, hence smaller $\Gamma$, for both methods. Judged: $f=\lambda"
        r" x^2/2$ with $\lambda=8$ against $\lambda=\frac12$, unit Gaussian noise, step 0.05, "
        r"$\beta=(0.9,0.99)$, warm second moments; at the same radius 0.3 and at the same height of the rim.",
        parts=tuple(
            Part(
                f"{method}: mean exit time, same radius",
                sharper_sooner,
                printed=SharperSooner(method, "radius"),
                broken=SharperSooner(method, "radius", 0.2),
                repair=SharperSooner(method, "height"),
                repair_note="at the same height of the rim",
                note=note,
            )
            for method, note in (
                ("AdaMomentum", "Same radius: 17 steps flat, 275 sharp. Same height: 17 and 6."),
                ("Adam", "Same radius: 133 steps flat, all censored at 3000 sharp. Same height: 133 and 39."),
            )
        ),
    ),
    Claim(
        id="adamomentum/assumption-5-satisfiable",
        location="assumption 5",
        statement=r"$\mathrm{diag}(\Sigma_t)\le\frac{\beta_1}{2-\beta_1}E(m_{t-1}^2)$ for $t>T_0$ is mild. Judged "
        r"in the "
        r"regime of the proof: independent centred noise of variance $\sigma^2$ at the minimiser.",
        parts=(
            Part(
                "at the minimiser",
                inequality,
                printed=_assumption_5(0, 1),
                broken=_assumption_5(1, 1),
                sound=_assumption_5((2 - B1) / B1, 1),
                note=r"There $Em^2=\frac{1-\beta_1}{1+\beta_1}\sigma^2$, and the right side is "
                r"$\frac{\beta_1(1-\beta_1)}{(2-\beta_1)(1+\beta_1)}\sigma^2$, at most $\sigma^2/9$ (at "
                r"$\beta_1=\frac12$): false for every "
                r"$\beta_1$. It needs $E[m]^2$ of at least about $\frac{2-\beta_1}{\beta_1}\sigma^2$: a mean gradient "
                "larger than the noise, for all later t.",
            ),
            Part(
                "false for every beta_1",
                inequality,
                printed=Inequality(B1 * (1 - B1) / ((2 - B1) * (1 + B1)), "<", 1, UNIT),
                broken=Inequality(B1 * (1 - B1) / ((2 - B1) * (1 + B1)), "<", sp.Rational(1, 10), UNIT),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="adamomentum/assumption-5-batch-size",
        location="after assumption 5",
        statement="A large enough mini-batch satisfies assumption 5. Judged in the regime of the proof, at the "
        "minimiser.",
        parts=(
            Part(
                "at the minimiser, batch of any size",
                inequality,
                printed=_assumption_5(0, BATCH),
                broken=_assumption_5(1 / BATCH, BATCH),
                sound=_assumption_5((2 - B1) / B1, BATCH),
                note=r"Both sides fall like $1/B$: the batch cancels. Where the mean gradient does not vanish "
                "the right side has a floor and a large batch does help.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/prop-1-proof-limits",
        location="B.3",
        statement=r"For large $t$, at the minimiser: $Ev^A_t=\lim E\zeta_t^2$, "
        r"$Ev^M_t=\beta_1^2\lim Em_{t-1}^2+(1-\beta_1)^2\lim E\zeta_t^2$.",
        assumptions=("independent centred noise with a finite variance; the iterates stay at the minimiser",),
        parts=(
            Part(
                "second moments of the recursions",
                symbolic_identity,
                printed=_limits((1 - B1) ** 2),
                broken=_limits(1 - B1),
                note=r"$Em_t^2=\beta_1^2Em_{t-1}^2+(1-\beta_1)^2\sigma^2$ exactly, and $Ev_t=(1-\beta_2)\sum"
                r"\beta_2^{t-i}Em_i^2$ has the same limit. With $p<2$ none of these moments exists.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/prop-1-proof-algebra",
        location="B.3",
        statement=r"$Em_{t-1}^2\ge\frac{2-\beta_1}{\beta_1}E\zeta_t^2$ implies "
        r"$\beta_1^2Em_{t-1}^2+(1-\beta_1)^2E\zeta_t^2\ge E\zeta_t^2$.",
        parts=(
            Part(
                "all beta_1 in (0, 1)",
                inequality,
                printed=_algebra(1),
                broken=_algebra(sp.Rational(9, 10)),
                note=r"Sharp: at equality both sides agree, $\beta_1(2-\beta_1)+(1-\beta_1)^2=1$.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/prop-1-proof-second-moment-ordering",
        location="B.3",
        statement=r"$Ev^M_t\ge Ev^A_t$ for large $t$ (independent noise at the minimiser), hence $R_*^{(M)}\ge "
        r"R_*^{(A)}$.",
        parts=(
            Part(
                "independent noise",
                inequality,
                printed=Inequality((1 - B1) / (1 + B1), ">=", 1, UNIT),
                broken=Inequality((1 - B1) / (1 + B1), ">=", 2, UNIT),
                repair=Inequality((1 - B1) / (1 + B1), "<=", 1, UNIT),
                repair_note=r"$Ev^M=\frac{1-\beta_1}{1+\beta_1}Ev^A\le Ev^A$",
                note="The order is the reverse, by a factor 19 at the default 0.9.",
            ),
            Part(
                "any stationary gradients: the square of an average of two correlated ones",
                inequality,
                printed=_jensen("<="),
                broken=_jensen(">="),
                bears=False,
                note=r"$Em^2\le Eg^2$ whatever the correlation, since the weights sum to one: under stationarity the "
                "claimed order never holds strictly.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/prop-1-proof-volumes",
        location="B.3",
        statement=r"$\Upsilon=\{y:y^\top My\ge h_f\}$, $M=\Sigma R^{-1}HR^{-1}\Sigma$; $R^{(M)}\ge R^{(A)}$ gives "
        r"$V(\Upsilon^{(M)})$ smaller than $V(\Upsilon^{(A)})$. Judged for $d=1$, where $\Upsilon=\{|y|\ge r\}$ with "
        r"$r=R\sqrt{h_f/H}/\sigma$: a smaller volume is a finite one (here: its part in $[-K,K]$ is at most $1000r$).",
        parts=(
            Part(
                "the volume",
                inequality,
                printed=_part_of_volume(2 * (K - RADIUS)),
                broken=_part_of_volume(2 * K),
                repair=_part_of_volume(2 * RADIUS),
                repair_note=r"the volume of the complement $\Upsilon^c$, an ellipsoid",
                note=r"$\Upsilon$ is the outside of an ellipsoid: both volumes are infinite, and not ordered.",
            ),
            Part(
                "the ellipsoid's volume grows with each entry of R (diagonal H, d = 3)",
                inequality,
                printed=_product_of_axes("<="),
                broken=_product_of_axes(">="),
                bears=False,
                note=r"$V(\Upsilon^c)\propto\prod_iR_{ii}$ for any $H$: a constant times $\det(M)^{-1/2}$.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/volume-to-radon-measure",
        location="after lemma 1, B.3",
        statement=r"Ordered preconditioners $\tilde R\ge R$ order the sets $\Upsilon=\{y^\top My\ge h_f\}$, "
        r"$M=R^{-1}HR^{-1}$, by inclusion, which lemma 1 needs (its $N$ is monotone under inclusion, not volume).",
        parts=(
            Part(
                "R = I, R~ = diag(1, r), r > 1, H with unit diagonal and any correlation",
                inequality,
                printed=_forms(sp.Rational(1, 2)),
                broken=_forms(sp.Rational(9, 10)),
                repair=_forms(0),
                repair_note="for diagonal $H$ (and $d=1$)",
                note=r"With correlation $h$ the difference of the forms has determinant $-h^2(1-1/r)^2$: neither set "
                "contains the other, and a measure on one axis can order them either way.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/prop-1-proof-radon-relation",
        location="B.3",
        statement=r"$N(\Upsilon^{(M)})\ge N(\Upsilon^{(A)})$, hence by lemma 1, $E\Gamma=\Theta(\upsilon/N)$, "
        r"$E\Gamma^{(M)}\ge E\Gamma^{(A)}$.",
        parts=(
            Part(
                "the printed sign, equal constants in the order symbol",
                inequality,
                printed=_exit_order(1),
                broken=_exit_order(2),
                repair=_exit_order(0),
                repair_note=r"$N(\Upsilon^{(M)})\le N(\Upsilon^{(A)})$",
                note=r"Lemma 1 has $N$ in the denominator. With the repaired sign the step also needs equal constants "
                r"behind $\Theta$: an order symbol alone orders nothing.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/proposition-1-escape-time",
        location="proposition 1",
        statement=r"Under assumptions 1-5, in a flat basin or asymmetric valley, "
        r"$E\,\Gamma(\mathrm{AdaMomentum})\ge E\,\Gamma(\mathrm{Adam})$.",
        parts=(
            Part(
                "assumption 4 with the stable noise of the model",
                bounded_and_stable,
                printed=("1/2", "1", "3/2", "2"),
                broken=("2",),
                sound=(),
                note="The hypotheses contradict each other (see assumption-4-with-stable-noise); assumption 5 fails at "
                "the minimiser besides.",
            ),
            Part(
                r"Gaussian noise, $f=x^2$, exit at 0.3, step 0.05, $\beta=(0.9,0.99)$, warm second moments",
                later_exit,
                printed=LaterExit("AdaMomentum", "Adam", Basin(0.3)),
                broken=LaterExit("AdaMomentum", "Adam", Basin(0.2)),
                repair=LaterExit("Adam", "AdaMomentum", Basin(0.3)),
                repair_note=r"$E\,\Gamma(\mathrm{AdaMomentum})\le E\,\Gamma(\mathrm{Adam})$ at equal step",
                bears=False,
                note="Without the contradictory hypotheses the order is reversed: 28 steps against 1110 (25 and 1216 "
                "in the second code), at radius 0.2 13 and 145; $v^M$ is 19 times smaller near the minimiser, so that "
                "AdaMomentum's steps are 4.4 times larger. Not run: stable noise, asymmetric valleys, large epsilon.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/generalizes-better-conclusion",
        location="section 3.2",
        statement="Hence AdaMomentum more likely reaches minima that generalise better.",
        missing=Missing("data", "trained networks of both methods", "sharpness of their minima and test gaps"),
    ),
]
