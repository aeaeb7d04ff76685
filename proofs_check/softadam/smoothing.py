"""Section 3: the smoothed coefficient, its range against SGD's, and its ends eta = 0 and eta = -1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers.sgd import Momentum
from optassay.optimizers.softadam import SoftAdam

from ..checks.bounds import Inequality, Range, attained_range, inequality
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part, Sampled
from .trajectories import SamePath, random_stream, same_path
from .transcription import ratio, reference_code, sgdm

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

_X_OPEN = ROOT_N * U / (1 + U)  # 0 < x < sqrt(n)
_DOMAIN = {**UNIT_R, X: _X_OPEN, ROOT_N: 1 + W}
_SUP = (1 + ETA) / (1 + ETA - ETA * R)
_INF = (1 + ETA) / (1 + ETA - ETA * R + ETA * R * ROOT_N)


def _range(low: Any, high: Any) -> Range:
    # x and s are substituted together, so x is given through 1 + w as well.
    domain = {**UNIT_R, X: (1 + W) * U / (1 + U), ROOT_N: 1 + W}
    return Range(ratio(ETA, R, X), low, high, lowest_at={X: ROOT_N}, highest_at={X: 0}, domain=domain)


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
        r"The step is always within a factor of $\eta$ to an SGD step: $1/\eta\le d_i/\alpha\le\eta$ for all $v\ge0$."
    ),
    assumptions=(r"$\eta>0$, $0<r\le1$, $n\ge2$, element by element, same $\alpha$ and direction $m_t$",),
    parts=(
        Part(
            "range of d_i/alpha",
            attained_range,
            printed=_range(1 / ETA, ETA),
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

# --- eta = 0 ---

_B1 = sp.Symbol("beta1")
_G = sp.symbols("g1:4")


def momentum_forms(rate: Callable[[Any, Any], Any], form: str) -> Identity:
    """theta_3 of a running average with alpha against another form of momentum with learning rate ``rate``."""
    grads = [[g] for g in _G]
    left = sgdm(grads, [sp.Integer(0)], ALPHA, _B1)
    right = sgdm(grads, [sp.Integer(0)], rate(ALPHA, _B1), _B1, form)
    return Identity(left[-1][0], right[-1][0], {_B1: (sp.Rational(1, 2), sp.Rational(9, 10))})


def _code_nesterov(form: str) -> Identity:
    """theta_3 of the code with its Nesterov option at eta = 0 (one element) against a form of momentum."""
    code = reference_code(
        [[[g]] for g in _G],
        [[sp.Integer(0)]],
        sp.sqrt,
        alpha=ALPHA,
        beta1=_B1,
        beta2=sp.Rational(999, 1000),
        eta=sp.Integer(0),
        eps=EPS,
        nesterov=True,
    )
    mine = sgdm([[g] for g in _G], [sp.Integer(0)], ALPHA, _B1, form)
    return Identity(code[-1][0][0], mine[-1][0], {_B1: (sp.Rational(1, 2), sp.Rational(9, 10))})


def _code_ratio(eta: Any, sign: int, r: Any, x: Any) -> Any:
    """d/alpha of the code, |eta| = sign eta."""
    return (1 + eta) / (1 + eta - sign * eta * r + sign * eta * r * x)


@dataclass(frozen=True)
class Bitwise:
    """SoftAdam with ``eta`` and SGD with momentum: the same float64 numbers, or within ``ulps`` of rounding."""

    eta: float
    published: bool = False


def _bitwise(statement: Bitwise, budget: Budget) -> list[Evidence]:
    rng = np.random.default_rng(3)
    count = worse = 0
    preset = SoftAdam.published if statement.published else SoftAdam.paper
    for n in (1, 3, 50):
        soft, plain = preset(step_size=0.1, eta=statement.eta), Momentum(0.1, 0.9, convention="ema")
        a = b = rng.standard_normal((budget.pick(20, 200), n))
        state, other = soft.init(a), plain.init(b)
        for _ in range(30):
            g = rng.standard_normal(a.shape)
            a, state = soft.step(a, g, state)
            b, other = plain.step(b, g, other)
        count += a.size
        worse += int(np.sum(a != b))
    return [Sampled("equality of float64 results", count, worse, 0.0, f"{count} parameters after 30 random steps")]


def _paths(rate: str) -> SamePath:
    def exact(grads: Any, theta: Any, h: Mapping[str, Any]) -> Any:
        return sgdm(grads, theta, h["alpha"] * (1 if rate == "alpha" else 2), h["beta1"])

    return SamePath(
        rule=lambda h: SoftAdam.published(step_size=h["alpha"], beta1=h["beta1"], eta=0.0),
        exact=exact,
        hyper=({"alpha": "1/10", "beta1": "9/10"},),
        streams=random_stream,
    )


ZERO = Claim(
    id="softadam/eta-zero-is-sgdm",
    location="sections 3 and 4",
    statement=r"SoftAdam is SGD with momentum in the limit $\eta\to0$, exactly, and at $\eta=0$ itself.",
    assumptions=(
        r"momentum as in section 2 (running average); $\epsilon>0$ or some nonzero gradient; no weight decay",
    ),
    parts=(
        Part(
            "the coefficient is alpha at eta = 0 and in the limit, algorithm and code",
            symbolic_identity,
            printed={
                "algorithm": Identity(ratio(0, R, X), 1),
                "code": Identity(_code_ratio(0, 1, R, X), 1),
                "limit": Identity(sp.limit(ratio(ETA, R, X), ETA, 0), 1),
            },
            broken={"algorithm": Identity(ratio(sp.Rational(1, 10), R, X), 1)},
            note="The deviation is eta r (1 - x) to first order.",
        ),
        Part(
            "bit for bit in float64",
            _bitwise,
            printed=Bitwise(0.0),
            broken=Bitwise(1e-3),
            bears=False,
            note="The divider is computed as exactly 1; the code as well (see the tests).",
        ),
        Part(
            "trajectory of the code at eta = 0 against exact momentum",
            same_path,
            printed=_paths("alpha"),
            broken=_paths("twice alpha"),
            bears=False,
        ),
        Part(
            "the same as heavy-ball momentum (m = beta m + g) with the same learning rate",
            symbolic_identity,
            printed=momentum_forms(lambda alpha, beta: alpha, "heavy-ball"),
            broken=momentum_forms(lambda alpha, beta: alpha / 2, "heavy-ball"),
            repair=momentum_forms(lambda alpha, beta: alpha * (1 - beta), "heavy-ball"),
            repair_note=r"with learning rate $\alpha(1-\beta_1)$",
            bears=False,
            note="PyTorch's SGD is the heavy-ball form: lr 0.1 of SoftAdam is lr 0.01 there.",
        ),
        Part(
            "the code's Nesterov option at eta = 0 is Nesterov momentum of the running average",
            symbolic_identity,
            printed=_code_nesterov("nesterov"),
            broken=_code_nesterov("average"),
            bears=False,
            note="beta1 m + (1 - beta1) g in one step; as heavy ball with learning rate alpha (1 - beta1).",
        ),
    ),
)

# --- eta = -1 ---

_ADAM_END = Identity(sp.limit(ratio(ETA, 1, X), ETA, sp.oo), 1 / X)
_OTHER = {X: (2, 3, sp.Rational(1, 2))}

MINUS_ONE = Claim(
    id="softadam/eta-minus-one-comparable-to-adam",
    location="section 4",
    statement=(
        r"SoftAdam is comparable to Adam when $\eta=-1$. Precise version: the coefficient "
        r"is then Adam's up to a common "
        r"factor, $d_i/\alpha=1/x_i$ at $r=1$."
    ),
    parts=(
        Part(
            "coefficient of the algorithm at eta = -1",
            symbolic_identity,
            printed=Identity(ratio(-1, 1, X), 1 / X, _OTHER),
            broken=Identity(ratio(sp.Rational(-1, 2), 1, X), 1 / X, _OTHER),
            repair=_ADAM_END,
            repair_note=(
                r"in the limit $\eta\to\infty$, once $r=1$ ($t\ge1/(1-\beta_2)$): $d_i\to\alpha\sqrt{\bar v/v_i}$"
            ),
            note="At eta = -1 the factor 1 + eta is zero: nothing moves, whatever the gradients are.",
        ),
        Part(
            "coefficient of the code at eta = -1",
            symbolic_identity,
            printed=Identity(_code_ratio(-1, -1, 1, X), 1 / X, _OTHER),
            broken=Identity(_code_ratio(sp.Rational(-1, 3), -1, 1, X), 1 / X, _OTHER),
            repair=Identity(_code_ratio(sp.Rational(-1, 2), -1, 1, X), 1 / X, _OTHER),
            repair_note=(
                r"at $\eta=-\frac12$ once $r=1$: there $1+\eta-|\eta|=0$ and the divider is $|\eta|x_i$ exactly"
            ),
            note=(
                "Only because the code has |eta| under its root; Algorithm 1 at eta = -1/2 has the pole x = 2 instead."
            ),
        ),
        Part(
            "the update at eta = -1 is zero wherever it is defined; 0/0 at x = 1",
            symbolic_identity,
            printed={
                "algorithm": Identity(ratio(-1, R, X), 0, _OTHER),
                "code": Identity(_code_ratio(-1, -1, R, X), 0, _OTHER),
                "divider at x = 1": Identity((1 + ETA - ETA * R + ETA * R * X).subs({ETA: -1, X: 1}), 0),
            },
            broken={"algorithm": Identity(ratio(sp.Rational(-9, 10), R, X), 0, _OTHER)},
            bears=False,
            note="x = 1 is every one-element tensor without epsilon, and any tensor whose v_i agree.",
        ),
        Part(
            "eta to minus infinity gives the same limit in the algorithm",
            symbolic_identity,
            printed=Identity(sp.limit(ratio(ETA, 1, X), ETA, -sp.oo), 1 / X),
            broken=Identity(sp.limit(ratio(ETA, 1, X), ETA, -sp.oo), -1 / X),
            bears=False,
            note="The code, with |eta|, tends to -1/(x - 2) instead.",
        ),
        Part(
            "the code for eta to minus infinity",
            symbolic_identity,
            printed=Identity(sp.limit(_code_ratio(ETA, -1, 1, X), ETA, -sp.oo), 1 / X, {X: (3, 5)}),
            broken=Identity(sp.limit(_code_ratio(ETA, -1, 1, X), ETA, -sp.oo), 1 / (2 * X), {X: (3, 5)}),
            repair=Identity(sp.limit(_code_ratio(ETA, -1, 1, X), ETA, -sp.oo), 1 / (2 - X), {X: (3, 5)}),
            repair_note=r"$1/(2-x)$, with a pole at $x=2$",
            bears=False,
        ),
        Part(
            "before r = 1 the limit eta to infinity is only partly Adam's",
            symbolic_identity,
            printed=Identity(sp.limit(ratio(ETA, R, X), ETA, sp.oo), 1 / (1 - R + R * X)),
            broken=Identity(sp.limit(ratio(ETA, R, X), ETA, sp.oo), 1 / X),
            bears=False,
            note=(
                "At t = 1 and beta2 = .999, r = .032: nearly SGD. Against Adam's own step the limit lacks the bias "
                "correction of m and has the common factor sqrt(mean v)."
            ),
        ),
    ),
    figures=("softadam/angles",),
)
CLAIMS = [COEFFICIENT, FACTOR, ZERO, MINUS_ONE]
