"""Sections 3 and 4: the ends of the mixture, eta = 0 and eta = -1, in the algorithm and in the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers.sgd import Momentum
from optassay.optimizers.softadam import SoftAdam

from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, random_stream, same_path
from ..claim import Budget, Claim, Evidence, Part, Sampled
from .transcription import ratio, reference_code, sgdm

ALPHA, ETA, R, X, EPS, _B1 = sp.symbols("alpha eta r x eps beta1")

# --- eta = 0 ---

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

CLAIMS = [ZERO, MINUS_ONE]
