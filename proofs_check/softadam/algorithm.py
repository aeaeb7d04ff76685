"""Algorithm 1 and appendix A: implemented, compared with exact transcriptions, and with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sympy as sp

from optassay.optimizers.softadam import SoftAdam

from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path, sparse_stream
from ..claim import Claim, Part
from .code_against_algorithm import CLAIM as CODE
from .transcription import algorithm_1, ratio, reference_code

DEFAULTS = {
    "alpha": "1/10",
    "beta1": "9/10",
    "beta2": "999/1000",
    "eta": "1",
    "eps": "1/100000000",
}
SETTINGS = (
    DEFAULTS,
    DEFAULTS | {"eta": "10", "beta2": "3/5"},
    DEFAULTS | {"eta": "-1/5", "eps": "1/10"},
    DEFAULTS | {"eta": "1/2", "beta1": "0"},
)
NAMES = ("alpha", "beta1", "beta2", "eta", "eps")
ALPHA, ETA, R, X, DECAY, START = sp.symbols("alpha eta r x decay theta0")

# --- weight decay ---


def _one_step(code: bool) -> Any:
    """theta_1 for one element without epsilon, where the coefficient is alpha exactly; gradient 3, beta1 = 1/2."""
    common = {
        "alpha": ALPHA,
        "beta1": sp.Rational(1, 2),
        "beta2": sp.Rational(3, 4),
        "eta": sp.Integer(1),
        "eps": sp.Integer(0),
    }
    g = sp.Integer(3)
    if code:
        return reference_code([[[g]]], [[START]], sp.sqrt, decay=DECAY, **common)[-1][0][0]
    return algorithm_1([[g]], [START], sp.sqrt, **common)[-1][0]


_MOVE = sp.Rational(3, 2) * ALPHA

DECOUPLED = Claim(
    id="softadam/decoupled-weight-decay",
    location="section 3.1, algorithm 1",
    statement=(
        r"Weight decay is calculated apart from the update as in AdamW; $\alpha_{wd}$ is "
        r"an input of Algorithm 1. Precise "
        r"version: $\theta_t=(1-\alpha_{wd})\theta_{t-1}-m_td_t$ (AdamW with schedule multiplier one)."
    ),
    parts=(
        Part(
            "one step of the algorithm with decay",
            symbolic_identity,
            printed=Identity(_one_step(code=False), (1 - DECAY) * START - _MOVE),
            broken=Identity(_one_step(code=False), START - 2 * _MOVE),
            repair=Identity(_one_step(code=True), (1 - ALPHA * DECAY) * START - _MOVE),
            repair_note=r"the code's line: $\theta_t=(1-\alpha\,\alpha_{wd})\theta_{t-1}-m_td_t$",
            note="Algorithm 1 lists alpha_wd as an input and never uses it.",
        ),
        Part(
            "the code's decay does not depend on the learning rate, as AdamW's does not",
            symbolic_identity,
            printed=Identity(sp.diff(_one_step(code=True), DECAY), -START),
            broken=Identity(sp.diff(_one_step(code=True), DECAY), START),
            repair=Identity(sp.diff(_one_step(code=True), DECAY), -ALPHA * START),
            repair_note=r"it is proportional to the learning rate, as in PyTorch's AdamW",
            bears=False,
            note="Decoupled from the moments and from d_i, coupled to alpha.",
        ),
    ),
)

# --- Algorithm 1 ---


def _algorithm(**reading: Any) -> Callable[[Any, Any, Mapping[str, Any]], Any]:
    def exact(grads: Any, theta: Any, h: Mapping[str, Any]) -> Any:
        import mpmath

        if not any(x for row in grads for x in row):
            return [list(theta) for _ in grads]
        return algorithm_1(grads, theta, mpmath.sqrt, **{k: h[k] for k in NAMES}, **reading)

    return exact


def _rule(**conventions: Any) -> Callable[[Mapping[str, float]], SoftAdam]:
    return lambda h: SoftAdam.paper(
        step_size=h["alpha"], beta1=h["beta1"], beta2=h["beta2"], eta=h["eta"], epsilon=h["eps"], **conventions
    )


_PATHS = SamePath(rule=_rule(), exact=_algorithm(), hyper=SETTINGS)
_PLAIN = SamePath(rule=_rule(ratio="plain"), exact=_algorithm(r_root=False), hyper=SETTINGS)
_FIRST_POWER = SamePath(rule=_rule(epsilon_power=1), exact=_algorithm(eps_squared=False), hyper=SETTINGS)
_A, _B = sp.symbols("a b")
MAIN = "division, root in r, epsilon squared"

ALGORITHM = Claim(
    id="softadam/algorithm-1",
    location="algorithm 1",
    statement=(
        r"$m_t,v_t$ with $\hat\beta_{2t}$, $r_t=\sqrt{(1-\beta_2)/(1-\hat\beta_{2t})}$, "
        r"$d_t=\alpha_t(1+\eta)/(1+\eta-\eta r_t+\eta r_t\sqrt{v_t/(\bar v_t+\epsilon^2)})$, "
        r"$\theta_t=\theta_{t-1}-m_td_t$."
    ),
    assumptions=("a 0/0 of the coefficient (no gradient so far and no epsilon) leaves the element where it is",),
    main_reading=MAIN,
    reading_reason="section 3 and the code divide and have epsilon squared; algorithm and code take the root of r",
    parts=(
        Part(
            "implemented: trajectories against the 40-digit transcription",
            same_path,
            printed=_PATHS,
            broken=replace(_PATHS, rule=_rule(ratio="plain")),
            reading=MAIN,
            note="n = 1, 2, 5; eta = 1, 10, -1/5, 1/2.",
        ),
        Part(
            "the same with leading zero gradients and an element that never gets one",
            same_path,
            printed=replace(_PATHS, streams=sparse_stream, hyper=SETTINGS[:2]),
            broken=replace(_PATHS, streams=sparse_stream, hyper=SETTINGS[:2], rule=_rule(epsilon_power=1)),
            reading=MAIN,
            note="Zero gradients: m = 0, so nothing moves; the counter, r and v go on.",
        ),
        Part(
            "implemented: trajectories without the root in r",
            same_path,
            printed=_PLAIN,
            broken=replace(_PLAIN, rule=_rule()),
            reading="no root in r",
        ),
        Part(
            "implemented: trajectories with the first power of epsilon",
            same_path,
            printed=_FIRST_POWER,
            broken=replace(_FIRST_POWER, hyper=SETTINGS[2:3], rule=_rule()),
            reading="epsilon, not squared",
        ),
        Part(
            "the coefficient is section 3's",
            symbolic_identity,
            printed=Identity((1 + ETA) * (1 + ETA - ETA * R + ETA * R * X), ratio(ETA, R, X)),
            broken=Identity((1 + ETA) ** 2, ratio(ETA, R, X)),
            repair=Identity((1 + ETA) / (1 + ETA - ETA * R + ETA * R * X), ratio(ETA, R, X)),
            repair_note="divided by the bracket, which the algorithm's comment calls the denominator",
            reading="product with the bracket, as printed",
            note="The product grows with v_i where section 3's coefficient falls.",
        ),
        Part(
            "first step: v_1 = g^2, r_1 = sqrt(1 - beta2), m_1 = (1 - beta1) g",
            symbolic_identity,
            printed=Identity(
                _A
                - algorithm_1(
                    [[3, 4]],
                    [_A, _B],
                    sp.sqrt,
                    alpha=ALPHA,
                    beta1=sp.Rational(1, 2),
                    beta2=sp.Rational(3, 4),
                    eta=ETA,
                    eps=sp.Integer(0),
                )[0][0],
                sp.Rational(3, 2) * ALPHA * ratio(ETA, sp.Rational(1, 2), sp.sqrt(sp.Rational(9 * 2, 25))),
            ),
            broken=Identity(
                _A
                - algorithm_1(
                    [[3, 4]],
                    [_A, _B],
                    sp.sqrt,
                    alpha=ALPHA,
                    beta1=sp.Rational(1, 2),
                    beta2=sp.Rational(3, 4),
                    eta=ETA,
                    eps=sp.Integer(0),
                )[0][0],
                sp.Rational(3, 2) * ALPHA * ratio(ETA, 1, sp.sqrt(sp.Rational(9 * 2, 25))),
            ),
            bears=False,
            note="g = (3, 4), beta1 = 1/2, beta2 = 3/4; at the defaults within 1.6% of (1 - beta1) alpha g.",
        ),
    ),
)

# --- appendix A ---


def _code(**options: Any) -> Callable[[Any, Any, Mapping[str, Any]], Any]:
    def exact(grads: Any, theta: Any, h: Mapping[str, Any]) -> Any:
        import mpmath

        parts = [slice(0, 2), slice(2, 5)] if len(theta) == 5 else [slice(None)]
        path = reference_code(
            [[row[k] for k in parts] for row in grads],
            [theta[k] for k in parts],
            mpmath.sqrt,
            **{k: h[k] for k in NAMES},
            decay=h.get("decay", 0),
            **options,
        )
        return [[x for tensor in step for x in tensor] for step in path]

    return exact


def _published(**options: Any) -> Callable[[Mapping[str, float]], SoftAdam]:
    return lambda h: SoftAdam.published(
        step_size=h["alpha"],
        beta1=h["beta1"],
        beta2=h["beta2"],
        eta=h["eta"],
        epsilon=h["eps"],
        weight_decay=h.get("decay", 0.0),
        **options,
    )


_TENSORS = SamePath(
    rule=_published(segments=(2, 3)), exact=_code(), hyper=(*SETTINGS, DEFAULTS | {"decay": "1/10"}), sizes=(5,)
)
_ONE_TENSOR = replace(_TENSORS, rule=_published(), sizes=(1, 3))

APPENDIX = Claim(
    id="softadam/appendix-a-reference-code",
    location="appendix A",
    statement=(
        r"Per tensor: $\hat\beta_2=\min(\beta_2,1-1/t)$, $h=\eta^2(1-\beta_2)/(1-\hat\beta_2)$, "
        r"$D=\sqrt{vh/(\mathrm{mean}(v)+\epsilon^2)}+(1+\eta-\sqrt h)$, "
        r"$p\leftarrow(1-wd\,lr)p-lr(1+\eta)m/D$, or with "
        r"$\beta_1m+(1-\beta_1)g$ for $m$ (Nesterov)."
    ),
    parts=(
        Part(
            "implemented: two tensors, all signs of eta, weight decay",
            same_path,
            printed=_TENSORS,
            broken=replace(_TENSORS, rule=_published()),
            note="The control takes one mean over both tensors.",
        ),
        Part(
            "implemented: one tensor of 1 or 3 elements",
            same_path,
            printed=_ONE_TENSOR,
            broken=replace(_ONE_TENSOR, rule=_published(ratio="plain")),
        ),
        Part(
            "implemented: Nesterov",
            same_path,
            printed=replace(_TENSORS, rule=_published(segments=(2, 3), nesterov=True), exact=_code(nesterov=True)),
            broken=replace(_TENSORS, exact=_code(nesterov=True)),
        ),
        Part(
            "leading zero gradients and an element without any",
            same_path,
            printed=replace(_TENSORS, streams=sparse_stream, hyper=SETTINGS[:2]),
            broken=replace(_TENSORS, streams=sparse_stream, hyper=SETTINGS[:2], rule=_published()),
            bears=False,
            note="With eps = 0 the code makes 0/0 = NaN of a tensor without gradients, at eta = 0 too.",
        ),
    ),
)

CLAIMS = [DECOUPLED, ALGORITHM, APPENDIX, CODE]
