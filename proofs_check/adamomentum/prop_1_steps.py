"""B.3: the steps from assumption 5 to proposition 1, each alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from .assumption_5 import B1 as DECAY
from .assumption_5 import GRADIENT, STEP
from .escape_set import LEVEL, one_limit
from .escape_set import Limit as MeanLimit

B1, B2, ALPHA = sp.symbols("beta_1 beta_2 alpha", positive=True)
X, Y, S = sp.symbols("x y s", positive=True)
K, RADIUS = sp.symbols("K r", positive=True)
BETAS = {B1: ("9/10", "1/3"), B2: ("999/1000", "1/5"), ALPHA: ("1/1000", "1/10")}
UNIT = {B1: S / (1 + S)}  # 0 < beta_1 < 1


def _limits(weight: Any) -> Mapping[str, Identity]:
    """Stationary E m^2 and the displayed sum; the limit of E v^A and of E v^M."""
    stationary = (1 - B1) / (1 + B1)
    n, rate = sp.symbols("n l", positive=True)
    mass = sp.limit(1 - sp.exp(-rate * n), n, sp.oo)  # of the weights of v_n, beta2 = e^-l
    return {
        "E m_t^2 = stationary value": Identity(B1**2 * stationary + weight, stationary, BETAS),
        "weights of v_t sum to 1 in the limit": Identity(mass, 1),
    }


def _algebra(factor: Any) -> Inequality:
    """The implication at ``E m^2 = factor (2 - b)/b + excess``, noise variance 1."""
    second = factor * (2 - B1) / B1 + X
    return Inequality(B1**2 * second + (1 - B1) ** 2, ">=", 1, UNIT)


def _jensen(relation: Any) -> Inequality:
    """``E m_t^2`` against ``E g^2 = 1`` for ``E m_{t-1}^2 <= 1``, any correlation of m_{t-1} and g_t.

    The root of ``E m_{t-1}^2`` is ``1/(1 + z)``, the correlation ``1 - 2 y/(1 + y)``, ``beta_1 = x/(1 + x)``.
    """
    w, c, root, z = sp.symbols("w c a z", positive=True)
    second = (w * root) ** 2 + (1 - w) ** 2 + 2 * w * (1 - w) * c * root
    return Inequality(second, relation, 1, {w: X / (1 + X), c: (1 - Y) / (1 + Y), root: 1 / (1 + z)})


def _mean_roots(values: tuple[Any, Any]) -> Inequality:
    """``E sqrt(v^M) >= E sqrt(v^A)`` for ``sqrt(v^M)`` one of two values, as likely, and ``sqrt(v^A) <= 5``, fixed.

    The values have mean square 25, so that ``E v^M >= E v^A``; all times s.
    """
    first, second, fixed = sp.symbols("p q r")
    return Inequality(
        (first + second) / 2, ">=", fixed, {first: values[0] * S, second: values[1] * S, fixed: 5 * S / (1 + X)}
    )


def _forms(correlation: Any) -> Mapping[str, Inequality]:
    """``y^T M~ y <= y^T M y`` at y = (p, -q), i.e. the set of M~ inside that of M; without correlation in any d."""
    p, q, r = sp.symbols("p q r", positive=True)
    larger = p**2 - 2 * correlation * p * q / r + q**2 / r**2
    found = {"d = 2": Inequality(larger, "<=", p**2 - 2 * correlation * p * q + q**2, {r: 1 + X})}
    if correlation == 0:
        h, root, more = sp.symbols("h R d", positive=True)
        found["each coordinate of any d"] = Inequality(h * p**2 / (root + more) ** 2, "<=", h * p**2 / root**2)
    return found


def _volumes(part: Callable[[Any], Any], smaller: Any, larger: Any) -> Mapping[str, Inequality]:
    """Of a set with threshold r: the volume inside [-K, K], K > r + y, stays below 1000 r; two of them in order."""
    window = {K: RADIUS + Y + X}
    return {
        "finite": Inequality(part(RADIUS), "<=", 1000 * RADIUS, window),
        "in order": Inequality(part(smaller), "<=", part(larger), window),
    }


def _form(half: Any) -> Identity:
    """``half x^T H x`` at ``x = R^-1 Sigma y`` against ``y^T M y / 2``, two dimensions, any symmetric H and Sigma."""
    h = sp.Matrix(2, 2, sp.symbols("h11 h12 h12 h22"))
    sigma = sp.Matrix(2, 2, sp.symbols("s11 s12 s12 s22"))
    r1, r2, y1, y2 = sp.symbols("r1 r2 y1 y2", positive=True)
    inverse, y = sp.diag(1 / r1, 1 / r2), sp.Matrix([y1, y2])
    x = inverse * sigma * y
    m = sigma * inverse * h * inverse * sigma
    return Identity(sp.expand((half * x.T * h * x)[0]), sp.expand((y.T * m * y)[0] / 2))


def _balls(power: Any, budget: Budget) -> list[Evidence]:
    """``V_d = pi^(d power)/Gamma(d/2 + 1)``: from d - 1 to d by slices, whose integral is a Beta function."""
    d, s = sp.symbols("d s", positive=True)

    def volume(k: Any) -> Any:
        return sp.pi ** (k * power) / sp.gamma(sp.sympify(k) / 2 + 1)

    slices = sp.gamma(sp.Rational(1, 2)) * sp.gamma((d + 1) / 2) / sp.gamma(d / 2 + 1)  # Beta(1/2, (d + 1)/2)
    steps = {
        "V_1 = 2": sp.simplify(volume(1) - 2) == 0,
        "V_d / V_{d-1} is the Beta function, any d": sp.simplify(sp.gammasimp(volume(d) / volume(d - 1) / slices)) == 1,
    }
    for k in range(2, budget.pick(4, 8)):
        found = sp.integrate((1 - s**2) ** sp.Rational(k - 1, 2), (s, -1, 1))
        steps[f"the Beta function is the integral of (1 - s^2)^((d - 1)/2), d = {k}"] = (
            sp.simplify(found - slices.subs(d, k)) == 0
        )
    return [Exact("symbolic", {name: bool(held) for name, held in steps.items()})]


def _on_axes(share: Any, domain: Mapping[Any, Any]) -> Inequality:
    """``N(Upsilon~) <= share N(Upsilon)`` for complements with semi-axes (r1, r2) and (s1, s2).

    N is the Levy measure of independent components with p = 1: its mass is on the axes, ``2 (1/r1 + 1/r2)``.
    """
    r1, r2, s1, s2 = AXES
    return Inequality(1 / r1 + 1 / r2, "<=", share * (1 / s1 + 1 / s2), domain)


AXES = sp.symbols("r1 r2 s1 s2", positive=True)
_LARGER_VOLUME = {AXES[0]: AXES[2] * AXES[3] * (1 + X) / AXES[1]}  # r1 r2 > s1 s2
_INSIDE = {AXES[0]: AXES[2] * (1 + X), AXES[1]: AXES[3] * (1 + Y)}


def _product_of_axes(relation: Any) -> Mapping[str, Inequality]:
    """Products of positive entries R_i and R_i + d_i: one entry, and one entry more."""
    product, extra, axis, more = sp.symbols("P e R d", positive=True)
    return {
        "one": Inequality(axis, relation, axis + more),
        "one more": Inequality(product * axis, relation, (product + extra) * (axis + more)),
    }


def _exit_order(sign: Any) -> Inequality:
    """``1/N_M >= 1/N_A`` with N_M = N_A + sign x (sign 0: N_A = N_M + x)."""
    n = sp.Symbol("n", positive=True)
    return Inequality(1 / (n + sign * X), ">=", 1 / (n if sign else n + X))


CLAIMS = [
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
                note=r"$Em_t^2=\beta_1^2Em_{t-1}^2+(1-\beta_1)^2\sigma^2$ exactly, with independence, and $Ev_t=(1-"
                r"\beta_2)\sum\beta_2^{t-i}Em_i^2$ has the same limit. With $p<2$ none of these moments exists.",
            ),
            Part(
                r"limit of $Ev^A_t$, from $v_0=0$",
                one_limit,
                printed=MeanLimit("mean", "gradient", sp.Integer(1)),
                broken=MeanLimit("mean", "gradient", LEVEL),
                note="The proof puts the last term of the average in place of the average: right in the mean only.",
            ),
            Part(
                r"limit of $Ev^M_t$, from $m_0=v_0=0$",
                one_limit,
                printed=MeanLimit("mean", "momentum", DECAY**2 * LEVEL + (1 - DECAY) ** 2),
                broken=MeanLimit("mean", "momentum", DECAY**2 + (1 - DECAY) ** 2),
            ),
            Part(
                r"$Ev^A_t=E\zeta_t^2$ while the iterates move (noisy quadratic, stationary)",
                symbolic_identity,
                printed=Identity(GRADIENT, 1, {STEP: ("1", "2"), DECAY: ("1/2",)}),
                broken=Identity(GRADIENT, 2, {STEP: ("1", "2"), DECAY: ("1/2",)}),
                sound=Identity(GRADIENT.subs(STEP, 0), 1),
                bears=False,
                note=r"A constant step keeps $\theta_t$ off the minimiser: $Eg^2=\frac{2(1+\beta_1+\beta_1x)}"
                r"{2(1+\beta_1)-(1-\beta_1)x}\sigma^2>\sigma^2$ at effective step times curvature $x$ (see "
                r"assumption-5-satisfiable). The displays are the limit $x\to0$.",
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
                "any stationary gradients: E m^2 <= E g^2 goes on from step to step",
                inequality,
                printed=_jensen("<="),
                broken=_jensen(">="),
                bears=False,
                note=r"$Em^2\le Eg^2$ whatever the correlation, since the weights sum to one: under stationarity the "
                "claimed order never holds strictly.",
            ),
            Part(
                "from second moments to preconditioners: E v^M >= E v^A gives E sqrt(v^M) >= E sqrt(v^A)",
                inequality,
                printed=_mean_roots((7, 1)),
                broken=_mean_roots((1, 7)),
                repair=_mean_roots((5, 5)),
                repair_note="where the second moments do not fluctuate",
                bears=False,
                note=r"$R$ is the root of a random $v$: the roots 7 and 1, equally likely, have mean square 25 and "
                "mean 4, below the fixed root 5. Means of squares order neither roots nor paths.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/prop-1-proof-volumes",
        location="B.3",
        statement=r"$\Upsilon=\{y:y^\top My\ge h_f\}$, $M=\Sigma R^{-1}HR^{-1}\Sigma$; $R^{(M)}\ge R^{(A)}$ gives "
        r"$V(\Upsilon^{(M)})$ smaller than $V(\Upsilon^{(A)})$. Judged for $d=1$, where $\Upsilon=\{|y|\ge r\}$ with "
        r"$r=R\sqrt{h_f/H}/\sigma$ grows with R: the volume is finite (its part in $[-K,K]$ is at most $1000r$ for "
        r"every K), and those of two thresholds are in the claimed order.",
        parts=(
            Part(
                "the volume",
                inequality,
                printed=_volumes(lambda r: 2 * (K - r), RADIUS + Y, RADIUS),
                broken=_volumes(lambda r: 2 * r, RADIUS + Y, RADIUS),
                repair=_volumes(lambda r: 2 * r, RADIUS, RADIUS + Y),
                repair_note=r"the complement $\Upsilon^c$, an ellipsoid, has the larger volume under the larger R",
                note=r"$\Upsilon$ is the outside of an ellipsoid: both volumes are infinite, and not ordered (only "
                "their parts in a window are).",
            ),
            Part(
                "the ellipsoid's volume grows with each entry of R",
                inequality,
                printed=_product_of_axes("<="),
                broken=_product_of_axes(">="),
                bears=False,
                note=r"$V(\Upsilon^c)\propto\prod_iR_{ii}$ for any $H$: a constant times $\det(M)^{-1/2}$. Singular "
                r"$M$ (a flat direction, or one without noise) makes it a cylinder of infinite volume too.",
            ),
            Part(
                "the form M and the factor 2 in h_f (d = 2, any symmetric H and Sigma)",
                symbolic_identity,
                printed=_form(sp.Rational(1, 2)),
                broken=_form(sp.Integer(1)),
                bears=False,
                note=r"$\frac12x^\top Hx\ge h-f(\theta^*)$ at $x=R^{-1}\Sigma y$ is $y^\top My\ge h_f$. Definition 2's "
                r"margin $\upsilon^{\gamma'}$ is left out: it shortens $r$ for $d=1$; for $d\ge2$ what is left is "
                "no ellipsoid.",
            ),
            Part(
                "the volume of the unit ball",
                _balls,
                printed=sp.Rational(1, 2),
                broken=sp.Integer(1),
                bears=False,
                note="Semi-axes scale it by their product.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/volume-to-radon-measure",
        location="after lemma 1, B.3",
        statement=r"A smaller volume of $\Upsilon$ (a larger one of its complement) means a smaller $N(\Upsilon)$; "
        r"ordered preconditioners $\tilde R\ge R$ order the sets $\Upsilon=\{y^\top My\ge h_f\}$, "
        r"$M=R^{-1}HR^{-1}$, by inclusion, which lemma 1 needs (its $N$ is monotone under inclusion, not volume).",
        parts=(
            Part(
                "larger complement, smaller measure outside (d = 2, diagonal M, independent components, p = 1)",
                inequality,
                printed=_on_axes(1, _LARGER_VOLUME),
                broken=_on_axes(sp.Rational(1, 2), _INSIDE),
                repair=_on_axes(1, _INSIDE),
                repair_note="where one complement contains the other (always so for $d=1$)",
                note=r"Semi-axes $(1,4)$ against $(2,\frac32)$: volumes $4\pi>3\pi$, yet $N=2\cdot\frac54>2\cdot"
                r"\frac76$. A measure follows inclusion; the Levy measure sees the axes only.",
            ),
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
]
