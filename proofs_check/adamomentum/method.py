"""Sections 1 and 2: the family of table 1, Algorithm 1, its costs, momentum as an estimate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import Adam, AdaMomentum, Rule

from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path, sparse_stream
from ..claim import Budget, Claim, Evidence, Part
from .transcription import momenta, second_moments

B1, B2, G, M = sp.symbols("beta1 beta2 g m")

# --- table 1 ---


@dataclass(frozen=True)
class Row:
    """Closed form ``(1 - beta) sum_i beta^{T-i+shift} x_i`` against its recursion, squares with ``square``."""

    shift: int = 0


def _closed_forms(statement: Row, budget: Budget) -> list[Evidence]:
    identities: dict[str, Identity] = {}
    for steps in range(1, budget.pick(4, 6)):
        grads = list(sp.symbols(f"g1:{steps + 1}"))
        sum_m = (1 - B1) * sum(B1 ** (steps - i + statement.shift) * g for i, g in enumerate(grads, 1))
        m = [
            (1 - B1) * sum(B1 ** (k - i + statement.shift) * g for i, g in enumerate(grads[:k], 1))
            for k in range(1, steps + 1)
        ]
        sum_a = (1 - B2) * sum(B2 ** (steps - i + statement.shift) * g**2 for i, g in enumerate(grads, 1))
        sum_o = (1 - B2) * sum(B2 ** (steps - i + statement.shift) * x**2 for i, x in enumerate(m, 1))
        identities |= {
            f"m, T = {steps}": Identity(momenta(grads, [B1] * steps)[-1], sum_m),
            f"v of RMSprop and Adam, T = {steps}": Identity(second_moments(grads, B2)[-1], sum_a),
            f"v of AdaMomentum, T = {steps}": Identity(second_moments(momenta(grads, [B1] * steps), B2)[-1], sum_o),
        }
    # The step from T to T + 1 of any such sum: multiply by beta, add the newest term.
    old, new = sp.symbols("old new")
    identities["general T"] = Identity(B1 * old + (1 - B1) * B1**statement.shift * new, B1 * old + (1 - B1) * new)
    return symbolic_identity(identities, budget)


def _reductions(statement: Mapping[str, Any], budget: Budget) -> list[Evidence]:
    """Rows as special cases: Adam at beta1 = 0 is RMSprop, AdaMomentum at beta1 = 0 too, at beta2 = 0 they are
    signs."""
    grads = list(sp.symbols("g1:4"))
    at = {B1: statement["beta1"]}
    zero = {B2: statement["beta2"]}
    ours = second_moments(momenta(grads, [B1] * 3), B2)[-1]
    adam = second_moments(grads, B2)[-1]
    m = momenta(grads, [B1] * 3)[-1]
    return symbolic_identity(
        {
            "AdaMomentum at beta1 = 0 is RMSprop": Identity(ours.subs(at), adam),
            "m at beta1 = 0 is g": Identity(m.subs(at), grads[-1]),
            "RMSprop at beta2 = 0 is g^2: a sign step": Identity(adam.subs(zero), grads[-1] ** 2),
            "AdaMomentum at beta2 = 0 is m^2: the sign of the momentum": Identity(ours.subs(zero), m**2),
        },
        budget,
    )


def _gradients(zero: bool) -> Callable[[Budget], Iterator[dict[str, Any]]]:
    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        values = [Fraction(k, 7) for k in range(-9, 10) if zero or k]
        return iter([{"g": g} for g in values])

    return points


def _signs(sign: int) -> dict[str, Identity]:
    """``g / sqrt(g^2)`` for every ``g = +-h``, h > 0, against ``sign`` times the sign of g."""
    h = sp.Symbol("h", positive=True)
    return {name: Identity(g / sp.sqrt(g**2), sign * of_g) for name, g, of_g in (("g > 0", h, 1), ("g < 0", -h, -1))}


def _sign_step(zero: bool = False, sign: int = 1) -> ForAll:
    """``g / sqrt(g^2)`` against sign(g), as squares and sign of the product; with ``zero`` g = 0 counts as 0 / 0."""

    def exact(point: Mapping[str, Any]) -> tuple[Any, Any]:
        g = point["g"]
        return (g / abs(g) if g else Fraction(2)), sign * Fraction((g > 0) - (g < 0))

    def again(point: Mapping[str, Any]) -> tuple[float, float]:
        g = float(point["g"])
        with np.errstate(invalid="ignore"):
            quotient = float(np.float64(g) / np.sqrt(np.float64(g * g)))
        return (quotient if np.isfinite(quotient) else 2.0), sign * float(np.sign(g))

    return ForAll(
        points=_gradients(zero),
        sides=exact,
        relation="==",
        again=again,
        replay="from fractions import Fraction\ng = float(Fraction(witness['g']))\n"
        f"violated = g == 0 or (g > 0) - (g < 0) != {sign} * g / (g * g) ** 0.5",
        proof=lambda budget: symbolic_identity(_signs(sign), budget),
    )


def _rprop(grow: Any) -> dict[str, Identity]:
    """Length of the second of two steps of equal sign, relative to the first: 1 in the table, eta+ in Rprop."""
    return {"second step over first": Identity(sp.Integer(1), grow)}


TABLE_1 = Claim(
    id="adamomentum/table-1-unified-family",
    location="table 1, (1)",
    statement=r"In $\theta_{t+1}=\theta_t-\alpha m_t/\sqrt{v_t}$: SGD $(g_t,1)$; Rprop $(g_t,g_t^2)$, the sign of the "
    r"gradient; RMSprop $(g_t,(1-\beta_2)\sum_i\beta_2^{t-i}g_i^2)$; Adam: same $v$, "
    r"$m_t=(1-\beta_1)\sum_i\beta_1^{t-i}g_i$; AdaMomentum: same $m$, $v$ of $m_i^2$.",
    assumptions=(r"averages start at zero; $v_t\ne0$",),
    parts=(
        Part(
            "closed forms are the recursions",
            _closed_forms,
            printed=Row(0),
            broken=Row(1),
        ),
        Part(
            "Rprop's row is the sign of the gradient",
            for_all,
            printed=_sign_step(),
            broken=_sign_step(sign=-1),
            note=r"For $g_t\ne0$.",
        ),
        Part(
            "zero gradients",
            for_all,
            printed=_sign_step(zero=True),
            broken=_sign_step(sign=-1),
            repair=_sign_step(),
            repair_note=r"$g_t\ne0$, or $0/0:=0$",
            bears=False,
            note="The row divides zero by zero; so do all rows but the first as long as every gradient so far is zero.",
        ),
        Part(
            "reductions between rows",
            _reductions,
            printed={"beta1": 0, "beta2": 0},
            broken={"beta1": sp.Rational(1, 2), "beta2": 0},
            bears=False,
            note=r"Adam and AdaMomentum agree at $\beta_1=0$ (RMSprop); at $\beta_2=0$ AdaMomentum is the sign of "
            r"$m_t$, "
            r"while Adam is $m_t/|g_t|$.",
        ),
        Part(
            "the row as Rprop itself",
            symbolic_identity,
            printed=_rprop(sp.Rational(6, 5)),
            broken=_rprop(2),
            repair=_rprop(1),
            repair_note="sign descent; Rprop also grows (1.2) or shrinks (0.5) the step of each weight",
            bears=False,
            note="Attribution: Riedmiller and Braun's method adapts step sizes, which the row leaves out.",
        ),
    ),
)

# --- Algorithm 1 ---


def _algorithm(
    grads: Any, theta: Sequence[Any], hyper: Mapping[str, Any], epsilon: str = "state", square: str = "m"
) -> list[list[Any]]:
    """Lines 4 to 9, on numbers of any kind."""
    b1, b2, alpha, eps = (hyper[k] for k in ("beta1", "beta2", "step_size", "epsilon"))
    debias = hyper.get("debias", 1)
    m = [0 * x for x in theta]
    v = [0 * x for x in theta]
    path = []
    for t, g in enumerate(grads, 1):
        m = [b1 * a + (1 - b1) * x for a, x in zip(m, g, strict=True)]
        inner = m if square == "m" else g
        v = [b2 * a + (1 - b2) * x * x + (eps if epsilon == "state" else 0) for a, x in zip(v, inner, strict=True)]
        m_hat = [a / (1 - b1**t) for a in m] if debias else m
        v_hat = [a / (1 - b2**t) for a in v] if debias else v
        theta = [
            x - (alpha * a / (w**0.5 + (0 if epsilon == "state" else eps)) if w else 0)
            for x, a, w in zip(theta, m_hat, v_hat, strict=True)
        ]
        path.append(theta)
    return path


_HYPER = (
    {"step_size": "1/8", "beta1": "9/10", "beta2": "999/1000", "epsilon": "1/65536"},
    {"step_size": "1/8", "beta1": "0", "beta2": "3/4", "epsilon": "1/65536"},
    {"step_size": "1/4", "beta1": "1/2", "beta2": "3/4", "epsilon": "0"},
)
_RAW = tuple(h | {"debias": "0"} for h in _HYPER)


def _rule(h: Mapping[str, float]) -> Rule:
    return AdaMomentum.paper(**{k: (bool(v) if k == "debias" else v) for k, v in h.items()})


def _adam(h: Mapping[str, Any]) -> Rule:
    return Adam(**h)


def _other(**kwargs: Any) -> Callable[..., Any]:
    return lambda grads, theta, hyper: _algorithm(grads, theta, hyper, **kwargs)


@dataclass(frozen=True)
class LargestStep:
    """``sup |theta_{t+1} - theta_t| / alpha`` over all gradients, squared: (beta1, beta2, t) to a value; epsilon
    is 0."""

    squared: Callable[[Any, Any, Any], Any]


def _largest_step(statement: LargestStep, budget: Budget) -> list[Evidence]:
    """Only the newest momentum helps: v_T >= (1 - beta2) m_T^2, with equality if all gradients before vanish."""
    old, t = sp.symbols("old t", positive=True)
    # Zero gradients leave m = v = 0, so that a first gradient at any t gives the averages of one value.
    m = momenta([G], [B1])[-1]
    attained = (m / (1 - B1**t)) ** 2 / (second_moments([m], B2)[-1] / (1 - B2**t))
    identities = {
        "v_T - (1 - beta2) m_T^2 = beta2 v_{T-1}": Identity(B2 * old + (1 - B2) * M**2 - (1 - B2) * M**2, B2 * old),
        "attained by a first gradient at t": Identity(attained, statement.squared(B1, B2, t)),
    }
    return symbolic_identity(identities, budget)


ALGORITHM_1 = Claim(
    id="adamomentum/algorithm-1",
    location="Algorithm 1",
    statement=r"$m_t=\beta_1m_{t-1}+(1-\beta_1)g_t$, $v_t=\beta_2v_{t-1}+(1-\beta_2)m_t^2+\epsilon$, "
    r"$\hat m_t=m_t/(1-\beta_1^t)$, $\hat v_t=v_t/(1-\beta_2^t)$, $\theta_t=\theta_{t-1}-\alpha\hat m_t/\sqrt{\hat "
    r"v_t}$ is "
    "what the library runs; two changes from Adam.",
    assumptions=(r"$m_0=v_0=0$; a coordinate without any gradient at $\epsilon=0$ stays",),
    parts=(
        Part(
            "rule against a literal transcription",
            same_path,
            printed=SamePath(_rule, _algorithm, _HYPER),
            broken=SamePath(_rule, _other(epsilon="outside"), _HYPER[:1]),
        ),
        Part(
            "leading zero gradients and coordinates that never get one",
            same_path,
            printed=SamePath(_rule, _algorithm, _HYPER, streams=sparse_stream),
            broken=SamePath(_rule, _other(square="g"), _HYPER[:1], streams=sparse_stream),
        ),
        Part(
            "without bias corrections",
            same_path,
            printed=SamePath(_rule, _algorithm, _RAW),
            broken=SamePath(_rule, _other(square="g"), _RAW[:1]),
        ),
        Part(
            "the two changes undone give Adam",
            same_path,
            printed=SamePath(_adam, _other(epsilon="outside", square="g"), _HYPER),
            broken=SamePath(_adam, _algorithm, _HYPER[:1]),
            note=r"So these are all the differences; but $\epsilon$ enters the recursion, not only the root: it "
            r"accumulates to "
            r"$\epsilon/(1-\beta_2)$.",
        ),
        Part(
            "largest step over all gradient sequences",
            _largest_step,
            printed=LargestStep(lambda b1, b2, t: (1 - b2**t) / ((1 - b2) * (1 - b1**t) ** 2)),
            broken=LargestStep(lambda b1, b2, t: (1 - b2**t) / (1 - b2)),
            bears=False,
            note=r"$\sup|\Delta\theta_t|/\alpha=\frac1{1-\beta_1^t}\sqrt{\frac{1-\beta_2^t}{1-\beta_2}}$, attained "
            r"when the "
            r"first gradient comes at $t$: 10 at $t=1$, where Adam moves 1, 7.4 at $t=2$, towards 31.6 at the "
            r"defaults. "
            r"$\hat v_t$ averages undebiased $m_i^2$, so the first step of every coordinate is $\alpha/(1-\beta_1)$.",
        ),
    ),
)

CLAIMS = [TABLE_1, ALGORITHM_1]
