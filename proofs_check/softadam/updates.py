"""Section 2: the updates of SGD, momentum and Adam, and the bias of Adam's moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from optassay.optimizers.adam import Adam
from optassay.optimizers.sgd import GradientDescent, Momentum

from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path
from ..claim import Budget, Claim, Evidence, Part
from .transcription import adam, sgdm

_SGD = SamePath(
    rule=lambda h: GradientDescent(h["alpha"]),
    exact=lambda grads, theta, h: sgdm(grads, theta, h["alpha"], 0),
    hyper=({"alpha": "1/10"}, {"alpha": "1/3"}),
)
_MOMENTUM = SamePath(
    rule=lambda h: Momentum(h["alpha"], h["beta1"], convention="ema"),
    exact=lambda grads, theta, h: sgdm(grads, theta, h["alpha"], h["beta1"]),
    hyper=({"alpha": "1/10", "beta1": "9/10"}, {"alpha": "1/10", "beta1": "0"}),
)


def _adam(grads: Any, theta: Any, h: Any) -> Any:
    import mpmath

    return adam(grads, theta, h["alpha"], h["beta1"], h["beta2"], mpmath.sqrt, h["eps"])


_ADAM = SamePath(
    rule=lambda h: Adam(h["alpha"], h["beta1"], h["beta2"], h["eps"]),
    exact=_adam,
    hyper=(
        {"alpha": "1/100", "beta1": "9/10", "beta2": "999/1000", "eps": "1/100000000"},
        {"alpha": "1/100", "beta1": "0", "beta2": "9/10", "eps": "1/10"},
    ),
)

UPDATES = Claim(
    id="softadam/sgd-momentum-adam-updates",
    location="section 2",
    statement=(
        r"SGD $\theta_t=\theta_{t-1}-\alpha g_t$; momentum $m_t=\beta_1m_{t-1}+(1-\beta_1)g_t$, "
        r"$\theta_t=\theta_{t-1}-\alpha m_t$; Adam $\theta_t=\theta_{t-1}-\alpha\hat m_t/\sqrt{\hat v_t}$."
    ),
    assumptions=(r"where $\hat v_t=0$ an element has had no gradient and stays; $\epsilon$ outside the root if any",),
    parts=(
        Part(
            "SGD",
            same_path,
            printed=_SGD,
            broken=replace(_SGD, exact=lambda grads, theta, h: sgdm(grads, theta, h["alpha"], h["alpha"])),
            note="optassay's rule against an independent 40-digit transcription.",
        ),
        Part(
            "momentum as a running average",
            same_path,
            printed=_MOMENTUM,
            broken=replace(
                _MOMENTUM, exact=lambda grads, theta, h: sgdm(grads, theta, h["alpha"], h["beta1"], "heavy-ball")
            ),
        ),
        Part(
            "Adam",
            same_path,
            printed=_ADAM,
            broken=replace(
                _ADAM, exact=lambda grads, theta, h: _adam(grads, theta, {**h, "beta1": h["beta1"] / 2 + 0.01})
            ),
        ),
    ),
)

# --- bias ---

Normaliser = Callable[[Any, Any], Any]
_BETA = sp.Symbol("beta")


def _expectation(normaliser: Normaliser, moment: Callable[[int], Any]) -> dict[str, Identity]:
    """E of the corrected average at t against the moment at t; ``moment(s)`` is E g_s (or E g_s^2)."""
    identities = {}
    for t in range(1, 9):
        average = sum((1 - _BETA) * _BETA ** (t - s) * moment(s) for s in range(1, t + 1))
        inside = {_BETA: (Fraction(1, 2), Fraction(9, 10), Fraction(1, 3))}
        identities[f"t = {t}"] = Identity(average / normaliser(_BETA, t), moment(t), inside)
    return identities


def _every_horizon(statement: Normaliser, budget: Budget) -> list[Evidence]:
    """Induction in t: the weights' sum 1 - beta^t is normalised to one for every t."""
    y = sp.Symbol("y")  # beta^(t-1); the weights' sum is S_t = beta S_{t-1} + (1 - beta), S_0 = 0
    step = Identity(_BETA * statement(_BETA, y) + (1 - _BETA), statement(_BETA, _BETA * y))
    return symbolic_identity({"start": Identity(statement(_BETA, 1), 0), "step": step}, budget)


def _drift(bias: Callable[[Any, Any], Any]) -> dict[str, Identity]:
    """Bias E[m_hat_t] - mu_t for mu_s = a + c s, by induction over the recursion of E[m_t]."""
    a, c, t = sp.symbols("a c t")
    average = [(1 - _BETA**x) * (a + c * x + c * bias(_BETA, x)) for x in (t, t + 1)]
    more = Identity(_BETA * average[0] + (1 - _BETA) * (a + c * (t + 1)), average[1])
    return {"t = 1": Identity(average[0].subs(t, 1), (1 - _BETA) * (a + c)), "t to t + 1": more}


_MOMENTS = sp.symbols("mu1:9")
_PLAIN: Normaliser = lambda beta, t: 1 - beta**t  # noqa: E731
_ROOT: Normaliser = lambda beta, t: sp.sqrt(1 - beta**t)  # noqa: E731

BIAS = Claim(
    id="softadam/bias-corrected-moments-unbiased",
    location="section 2",
    statement=(
        r"$\hat m_t=m_t/(1-\beta_1^t)$ and $\hat v_t=v_t/(1-\beta_2^t)$ are unbiased "
        r"estimators of the first and second "
        r"moment of the gradient."
    ),
    main_reading="1 - beta^t",
    reading_reason="the cited source has no root, and only without it can the word unbiased hold",
    parts=(
        Part(
            "unbiased for a stationary gradient process",
            symbolic_identity,
            printed=_expectation(_PLAIN, lambda s: _MOMENTS[0]),
            broken=_expectation(lambda beta, t: 1 - beta ** (t + 1), lambda s: _MOMENTS[0]),
            reading="1 - beta^t",
            note="t = 1 to 8 written out; for every t the weights sum to 1 - beta^t (next part).",
        ),
        Part(
            "the weights sum to 1 - beta^t for every t",
            _every_horizon,
            printed=lambda beta, power: 1 - power,
            broken=lambda beta, power: 1 - power * beta,
            reading="1 - beta^t",
        ),
        Part(
            "unbiased for any gradient process, as stated without conditions",
            symbolic_identity,
            printed=_expectation(_PLAIN, lambda s: _MOMENTS[s - 1]),
            broken=_expectation(lambda beta, t: 1 - beta ** (t + 1), lambda s: _MOMENTS[0]),
            repair=_expectation(_PLAIN, lambda s: _MOMENTS[0]),
            repair_note="if the moment does not change over the run (stationary gradients)",
            reading="1 - beta^t",
            note="Parameters that move change the moments: E is the weighted mean of all past moments.",
        ),
        Part(
            "unbiased for a stationary gradient process",
            symbolic_identity,
            printed=_expectation(_ROOT, lambda s: _MOMENTS[0]),
            broken=_expectation(lambda beta, t: 1 - beta ** (t + 1), lambda s: _MOMENTS[0]),
            repair=_expectation(_PLAIN, lambda s: _MOMENTS[0]),
            repair_note=r"$1-\beta^t$ without root",
            reading="root of 1 - beta^t",
            note="With the root the expectation is sqrt(1 - beta^t) times the moment.",
        ),
        Part(
            "bias for a moment that drifts linearly",
            symbolic_identity,
            printed=_drift(lambda beta, t: t * beta**t / (1 - beta**t) - beta / (1 - beta)),
            broken=_drift(lambda beta, t: -beta / (1 - beta)),
            bears=False,
            note="It lags by beta/(1 - beta) - t beta^t/(1 - beta^t) steps: up to 9 and 999 at the defaults.",
        ),
    ),
)
CLAIMS = [UPDATES, BIAS]
