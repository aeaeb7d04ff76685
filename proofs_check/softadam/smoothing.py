"""Section 3: the smoothed coefficient, its range against SGD's, and its ends eta = 0 and eta = -1."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, Range, attained_range, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Claim, Part
from .transcription import ratio

ALPHA, ETA, R, X, LAM, MEAN, EPS, ROOT_N = sp.symbols("alpha eta r x lam lambar eps s")
S, U, W = sp.symbols("p u w")
UNIT_R = {R: S / (1 + S)}

# --- the coefficient ---


def _from_definition(estimate: Any, last: Any) -> Identity:
    """``alpha lambar (1 + eta)/(lambar + eta lambda)`` with ``lambda/lambar`` replaced by ``estimate``."""
    return Identity(ALPHA * MEAN * (1 + ETA) / (MEAN + ETA * MEAN * estimate), last)


def _agrees(estimate: Any) -> Identity:
    return Identity((1 + ETA) / (1 + ETA * estimate), ratio(ETA, 1, X))


_L1, _L2, _C = sp.symbols("l1 l2 c")


def _equal_distances(power: int, average: Any) -> Identity:
    """Two parameters at one distance c: (v_1/mean v)^power against (lambda_1/lambar)^2 (both squared, so rational)."""
    v1, v2 = (_L1 * _C) ** 2, (_L2 * _C) ** 2
    return Identity((v1 / ((v1 + v2) / 2)) ** power, _L1**2 / average)


_RMS = (_L1**2 + _L2**2) / 2
_V, _REST, _N = sp.symbols("v rest n")

COEFFICIENT = Claim(
    id="softadam/smoothed-coefficient",
    location="section 3",
    statement=(
        r"$d_i=\alpha\frac{\bar\lambda(1+\eta)}{\bar\lambda+\eta\lambda_i}$ with the estimate "
        r"$\lambda_i/\bar\lambda\approx\sqrt{v_{ti}/(\epsilon^2+\bar v_t)}=x_i$ gives "
        r"$d_i=\alpha(1+\eta)/(1+\eta x_i)$."
    ),
    main_reading="root in the estimate",
    reading_reason="Algorithm 1 and the code take the root, and only the root is of the degree of an eigenvalue",
    parts=(
        Part(
            "from the definition and the estimate to the last line",
            symbolic_identity,
            printed=_from_definition(X, ALPHA * (1 + ETA) / (1 + ETA * X)),
            broken=_from_definition(X, ALPHA * (1 + ETA) / (1 + ETA * X**2)),
            reading="root in the estimate",
        ),
        Part(
            "the last line is Algorithm 1's coefficient at r = 1",
            symbolic_identity,
            printed=_agrees(X),
            broken=_agrees(2 * X),
            reading="root in the estimate",
        ),
        Part(
            "from the definition and the estimate to the last line",
            symbolic_identity,
            printed=_from_definition(X**2, ALPHA * (1 + ETA) / (1 + ETA * X**2)),
            broken=_from_definition(X, ALPHA * (1 + ETA) / (1 + ETA * X**2)),
            reading="no root",
            note="Consistent in itself, but another coefficient than Algorithm 1's.",
        ),
        Part(
            "the last line is Algorithm 1's coefficient at r = 1",
            symbolic_identity,
            printed=_agrees(X**2),
            broken=_agrees(2 * X),
            repair=_agrees(X),
            repair_note="with the root",
            reading="no root",
        ),
        Part(
            "at equal distances the estimate is lambda_i over the root mean square eigenvalue",
            symbolic_identity,
            printed=_equal_distances(1, _RMS),
            broken=_equal_distances(2, _RMS),
            bears=False,
            note="Written with squares. Without the root it would be the square of that ratio.",
        ),
        Part(
            "the average eigenvalue of the estimate is the arithmetic mean",
            symbolic_identity,
            printed=_equal_distances(1, ((_L1 + _L2) / 2) ** 2),
            broken=_equal_distances(2, _RMS),
            repair=_equal_distances(1, _RMS),
            repair_note="the root mean square of the eigenvalues",
            bears=False,
        ),
        Part(
            "invariant under rescaled gradients (eps = 0); one for n = 1 and for equal v_i",
            symbolic_identity,
            printed={
                "rescaling": Identity(_C**2 * _V / ((_C**2 * _V + _C**2 * _REST) / 2), _V / ((_V + _REST) / 2)),
                "n = 1": Identity(ratio(ETA, 1, sp.sqrt(_V / _V)), 1),
                "all v equal": Identity(_V / (_N * _V / _N), 1),
            },
            broken={
                "rescaling": Identity(_C**2 * _V / ((_C**2 * _V + _C**2 * _REST) / 2 + EPS**2), _V / ((_V + _REST) / 2))
            },
            bears=False,
            note="epsilon > 0 breaks the invariance: x shrinks as gradients do, and d tends to (1 + eta) alpha.",
        ),
    ),
)

# --- range ---

_SUP = (1 + ETA) / (1 + ETA - ETA * R)
_INF = (1 + ETA) / (1 + ETA - ETA * R + ETA * R * ROOT_N)


def _range(low: Any, high: Any, smallest: int = 0) -> Range:
    """Ends stated for d/alpha; ``eta > smallest``."""
    domain = {**UNIT_R, X: (1 + W) * U / (1 + U), ROOT_N: 1 + W, ETA: smallest + sp.Symbol("q")}
    return Range(ratio(ETA, R, X), low, high, lowest_at={X: ROOT_N}, highest_at={X: 0}, domain=domain)


def _below_one(low: Any) -> dict[str, Inequality]:
    """``low <= d/alpha <= 1/eta`` for 0 < eta < 1 at r = 1."""
    q = sp.Symbol("q")
    domain = {X: (1 + W) * U / (1 + U), ROOT_N: 1 + W, ETA: q / (1 + q)}
    return {
        "from below": Inequality(sp.sympify(low).subs(R, 1), "<=", ratio(ETA, 1, X), domain),
        "from above, up to eta = 3/5": Inequality(
            ratio(ETA, 1, X), "<=", 1 / ETA, domain | {ETA: 3 * q / (5 * (1 + q))}
        ),
    }


# -1/(1 - r + r s) < eta < 0: the divider stays positive on 0 <= x <= sqrt(n).
_NEGATIVE = {
    **UNIT_R,
    X: (1 + W) * U / (1 + U),
    ROOT_N: 1 + W,
    ETA: -sp.Symbol("q") / ((1 + sp.Symbol("q")) * (1 + S / (1 + S) * W)),
}

FACTOR = Claim(
    id="softadam/step-within-factor-eta",
    location="section 3",
    statement=(
        r"The step is always within a factor of $\eta$ to an SGD step: $1/\eta\le d_i/\alpha\le\eta$ for all $v\ge0$ "
        r"and $\eta\ge1$ (for $\eta<1$ a finding)."
    ),
    assumptions=(r"$\eta>0$, $0<r\le1$, $n\ge2$, element by element, same $\alpha$ and direction $m_t$",),
    parts=(
        Part(
            "range of d_i/alpha",
            attained_range,
            printed=_range(1 / ETA, ETA, smallest=1),
            broken=_range(_INF * 2, _SUP),
            repair=_range(_INF, _SUP),
            repair_note=(
                r"$\frac{1+\eta}{1+\eta-\eta r+\eta r\sqrt n}\le\frac{d_i}\alpha\le\frac{1+\eta}{1+\eta-\eta r}$, both "
                r"attained ($\epsilon=0$); for $r=1$: from $\frac{1+\eta}{1+\eta\sqrt n}$ to $1+\eta$"
            ),
            note=(
                "At the default eta = 1 the stated factor would be 1, SGD itself; true is 2 upwards and (1 + sqrt n)/2 "
                "downwards. The top needs v_i = 0, the bottom all of v in element i."
            ),
        ),
        Part(
            "for eta < 1 the factor read as 1/eta: eta <= d_i/alpha <= 1/eta",
            inequality,
            printed=_below_one(ETA),
            broken=_below_one(1 / ETA),
            repair=_below_one(_INF),
            repair_note="the lower end is (1 + eta)/(1 + eta sqrt n), below eta once sqrt(n) > 1/eta^2 (r = 1)",
            note="The upper end 1 + eta stays below 1/eta for eta < 0.618.",
            bears=False,
        ),
        Part(
            "ends at r = 1",
            symbolic_identity,
            printed={
                "top": Identity(_SUP.subs(R, 1), 1 + ETA),
                "bottom": Identity(_INF.subs(R, 1), (1 + ETA) / (1 + ETA * ROOT_N)),
            },
            broken={"top": Identity(_SUP.subs(R, 1), ETA)},
            bears=False,
        ),
        Part(
            "the factor downwards is bounded in n",
            symbolic_identity,
            printed=Identity(sp.limit(_INF.subs(R, 1), ROOT_N, sp.oo), 1 / ETA),
            broken=Identity(sp.limit(_INF.subs(R, 1), ROOT_N, sp.oo), 1),
            repair=Identity(sp.limit(_INF.subs(R, 1), ROOT_N, sp.oo), 0),
            repair_note="it tends to zero like 1/sqrt(n): no factor in eta alone bounds the step from below",
            bears=False,
        ),
        Part(
            "x_i <= sqrt(n), reached only without epsilon",
            inequality,
            printed={
                "eps = 0": Inequality(_N * _V / (_V + _REST), "<=", _N),
                "eps > 0, strictly": Inequality(_N * _V / (_V + _N * EPS**2), "<", _N),
            },
            broken={"eps > 0": Inequality(_N * _V / (_V + _N * EPS**2), ">=", _N)},
            bears=False,
            note=(
                "With epsilon > 0 the lower end is an infimum; n = 1 then has x in [0, 1) and "
                "d/alpha from 1 (excluded) "
                "to the top. With epsilon = 0 and n = 1, d = alpha; all v = 0 gives 0/0."
            ),
        ),
        Part(
            "-1/(1 - r + r sqrt n) < eta < 0: the same ends, exchanged",
            attained_range,
            printed=Range(ratio(ETA, R, X), _SUP, _INF, {X: 0}, {X: ROOT_N}, _NEGATIVE),
            broken=Range(ratio(ETA, R, X), _INF, _SUP, {X: ROOT_N}, {X: 0}, _NEGATIVE),
            bears=False,
            note=(
                "Below that value a pole 1 + eta (1 - r + r x) = 0 lies inside the range of x, and d/alpha takes "
                "arbitrarily large values of both signs (for eta < -1/(1 - r) it leaves again, with r < 1)."
            ),
        ),
        Part(
            "between -1 and -1/x (r = 1, x > 1) the step climbs",
            inequality,
            printed=Inequality(ratio(ETA, 1, X), "<", 0, {X: 1 + W, ETA: -(1 + U * (1 + W)) / ((1 + W) * (1 + U))}),
            broken=Inequality(ratio(ETA, 1, X), "<", 0, {}),
            bears=False,
        ),
    ),
    figures=("softadam/step-ratio",),
)

CLAIMS = [COEFFICIENT, FACTOR]
