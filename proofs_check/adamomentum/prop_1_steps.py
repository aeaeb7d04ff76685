"""B.3: the steps from assumption 5 to proposition 1, each alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Claim, Part

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
    """``E (w g_1 + (1 - w) g_2)^2`` against ``E g^2 = 1`` with correlation ``1 - 2 s/(1 + s)``."""
    w, c = sp.symbols("w c", positive=True)
    second = w**2 + (1 - w) ** 2 + 2 * w * (1 - w) * c
    return Inequality(second, relation, 1, {w: X / (1 + X), c: (1 - Y) / (1 + Y)})


def _forms(correlation: Any) -> Mapping[str, Inequality]:
    """``y^T M~ y <= y^T M y`` at y = (p, -q), i.e. the set of M~ inside that of M; without correlation in any d."""
    p, q, r = sp.symbols("p q r", positive=True)
    larger = p**2 - 2 * correlation * p * q / r + q**2 / r**2
    found = {"d = 2": Inequality(larger, "<=", p**2 - 2 * correlation * p * q + q**2, {r: 1 + X})}
    if correlation == 0:
        h, root, more = sp.symbols("h R d", positive=True)
        found["each coordinate of any d"] = Inequality(h * p**2 / (root + more) ** 2, "<=", h * p**2 / root**2)
    return found


def _part_of_volume(volume: Any) -> Inequality:
    """A volume inside [-K, K], K > r, against 1000 r."""
    return Inequality(volume, "<=", 1000 * RADIUS, {K: RADIUS + X})


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
                "the ellipsoid's volume grows with each entry of R",
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
]
