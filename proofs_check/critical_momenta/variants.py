"""(8), (10), sharpness-aware steps and extragradient against exact transcriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import sympy as sp

from optassay.optimizers import (
    Adam,
    AdamCriticalMomenta,
    ExtraGradient,
    Momentum,
    SGDCriticalGradients,
    SGDCriticalMomenta,
    SharpnessAware,
)

from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path, sparse_stream
from ..claim import Budget, Claim, Evidence, Exact, Part
from .algorithms import COMMON, SETTINGS, _root, buffer, moments
from .transcription import (
    Buffer,
    Reading,
    adam_cm,
    adam_sam,
    extragradient,
    sgd_cg,
    sgd_cm,
)

# --- (8), (10) ---


def _momenta(convention: Literal["ema", "heavy-ball"], reading: Reading | None = None, **options: Any) -> SamePath:
    return SamePath(
        rule=lambda h: SGDCriticalMomenta(
            step_size=h["alpha"],
            momentum=h["beta1"],
            capacity=int(h["size"]),
            decay=h["decay"],
            convention=convention,
            **options,
        ),
        exact=lambda source, theta, h: sgd_cm(
            source,
            theta,
            buffer(h),
            alpha=h["alpha"],
            beta=h["beta1"],
            heavy_ball=convention == "heavy-ball",
            reading=reading,
            sqrt=_root,
        ),
        hyper=SETTINGS,
    )


EMA, HEAVY = _momenta("ema"), _momenta("heavy-ball")


@dataclass(frozen=True)
class Matrix:
    """A scale of the gradient in the matrix of section 3.2 (1 heavy-ball, 1 - beta averaged), and a convention."""

    convention: Literal["ema", "heavy-ball"]
    gain: Callable[[Fraction], Fraction]


def follows_matrix(statement: Matrix, budget: Budget) -> list[Evidence]:
    """After C steps with queue-like replacement (8) is the linear system of section 3.2, exactly.

    A curvature so small that gradients hardly change keeps the priority buffer a queue.
    """
    steps = {}
    alpha, h = Fraction(1, 1000), Fraction(1)
    for size in (1, 2, 5):
        for beta in (Fraction(1, 2), Fraction(9, 10)):
            held = Buffer(size, Fraction(7, 10))
            theta, m = Fraction(3), Fraction(0)
            past: list[Fraction] = []
            same = True
            for t in range(1, budget.pick(20, 60)):
                g = h * theta
                new = beta * m + (g if statement.convention == "heavy-ball" else (1 - beta) * g)
                mean = held.mean("capacity", [new])[0]
                held.offer(abs(g), [new])
                after = theta - alpha * (new + mean)
                if t > size:
                    row = beta * m + statement.gain(beta) * h * theta
                    same &= after == theta - alpha * (row + sum(past[-size:], Fraction(0)) / size)
                theta, m = after, new
                past.append(new)
            steps[f"C = {size}, beta = {beta}"] = same
    return [Exact("rational", steps, instances=len(steps))]


SGD_CM = Claim(
    id="critical-momenta/sgd-cm",
    location="(8)",
    statement=r"SGD+CM: $\theta_{t+1}=\theta_t-\alpha\,\mathrm{aggr}(m_t,\mathbf m_c)$ with $m_t$ from (4).",
    parts=(
        Part(
            "implemented: averaged momentum (4)",
            same_path,
            printed=EMA,
            broken=replace(EMA, exact=HEAVY.exact),
        ),
        Part(
            "implemented: heavy-ball momentum, as the matrix of section 3.2 has it",
            same_path,
            printed=HEAVY,
            broken=replace(HEAVY, exact=EMA.exact),
            note="At equal step sizes the second moves 1 / (1 - beta) times as far; see momentum-convention.",
        ),
        Part(
            "implemented: insertion first, mean of the stored, key of the momentum",
            same_path,
            printed=_momenta(
                "ema",
                Reading(mean="fill", insert_first=True, key="momentum"),
                mean="fill",
                order="insert",
                key="momentum",
            ),
            broken=_momenta("ema", Reading(mean="fill", key="momentum"), mean="fill", order="insert", key="momentum"),
            bears=False,
        ),
        Part(
            "once the buffer is full and works as a queue, heavy-ball (8) follows the matrix",
            follows_matrix,
            printed=Matrix("heavy-ball", lambda beta: Fraction(1)),
            broken=Matrix("heavy-ball", lambda beta: 1 - beta),
            bears=False,
        ),
        Part(
            "the same for the averaged momentum with (1 - beta) H in place of H",
            follows_matrix,
            printed=Matrix("ema", lambda beta: 1 - beta),
            broken=Matrix("ema", lambda beta: Fraction(1)),
            bears=False,
        ),
    ),
)


def _gradients(reading: Reading | None = None, **options: Any) -> SamePath:
    return SamePath(
        rule=lambda h: SGDCriticalGradients(step_size=h["alpha"], capacity=int(h["size"]), decay=h["decay"], **options),
        exact=lambda source, theta, h: sgd_cg(source, theta, buffer(h), alpha=h["alpha"], reading=reading, sqrt=_root),
        hyper=SETTINGS[:3],
    )


SGD_CG = Claim(
    id="critical-momenta/sgd-cg",
    location="(10)",
    statement=r"SGD+CG: $\theta_{t+1}=\theta_t-\eta\big(g_t+\frac1C\sum_{g_c}g_c\big)$.",
    parts=(
        Part(
            "implemented: trajectories against the 40-digit transcription",
            same_path,
            printed=_gradients(),
            broken=replace(_gradients(), exact=_gradients(Reading(mean="fill")).exact),
        ),
        Part(
            "implemented: insertion first, mean of the stored, leading zero gradients",
            same_path,
            printed=replace(
                _gradients(Reading(mean="fill", insert_first=True), mean="fill", order="insert"), streams=sparse_stream
            ),
            broken=replace(_gradients(Reading(mean="fill"), mean="fill", order="insert"), streams=sparse_stream),
            bears=False,
        ),
    ),
)

# --- sharpness-aware ---

COEFFICIENTS = (1, 3, 7, 2, 5)


def valley(x: Sequence[Any]) -> list[Any]:
    """Gradient of sum c_i x_i^2 / 4 + (sum x_i)^2 / 8, coupling all coordinates; zero at the origin."""
    total = sum(x[1:], x[0])
    return [c * a / 2 + total / 4 for c, a in zip(COEFFICIENTS, x, strict=False)]


def _sam(key: Literal["perturbed", "original"]) -> SamePath:
    return SamePath(
        rule=lambda h: SharpnessAware(AdamCriticalMomenta(**moments(h)), radius=h["rho"], key=key),
        exact=lambda source, theta, h: adam_cm(
            source, theta, _root, h, buffer(h), Reading(), radius=h["rho"], original_key=key == "original"
        ),
        hyper=[h | {"rho": rho} for h in SETTINGS for rho in ("1/20", "1")],
        field=valley,
    )


def _adam_sam(radius: Callable[[Mapping[str, Any]], Any]) -> SamePath:
    return SamePath(
        rule=lambda h: SharpnessAware(Adam(h["alpha"], h["beta1"], h["beta2"], h["eps"]), radius=h["rho"]),
        exact=lambda source, theta, h: adam_sam(source, theta, _root, h, radius(h)),
        hyper=[COMMON | {"rho": rho} for rho in ("1/20", "1")],
        field=valley,
    )


@dataclass(frozen=True)
class AtRest:
    """A start with zero gradient, and whether a sharpness-aware run stays there."""

    start: tuple[float, ...]


def stays(statement: AtRest, budget: Budget) -> list[Evidence]:
    """Ten steps from the start do not move, for both inner rules and both keys."""
    del budget
    steps = {}
    for rule in (
        SharpnessAware(Adam(0.1)),
        SharpnessAware(AdamCriticalMomenta(0.1)),
        SharpnessAware(AdamCriticalMomenta(0.1), key="original"),
    ):
        x = np.array(statement.start)
        state = rule.init(x)
        for _ in range(10):
            gradient = np.array(valley(list(x)))
            x, state = rule.step(x, gradient, state, gradient_fn=lambda p: np.array(valley(list(p))))
        steps[f"{type(rule.rule).__name__}, key {rule.key}"] = bool(np.all(x == np.array(statement.start)))
    return [Exact("enumeration", steps, instances=len(steps))]


SAM = Claim(
    id="critical-momenta/sam-variants",
    location="sections 2, 4, A.2",
    statement=(
        r"$\hat\varepsilon=\rho g/\|g\|_2$, $g^S=\nabla L(\theta+\hat\varepsilon)$; Adam+SAM is (1), (2) and "
        r"Adam+SAM+CM is (4) to (7) with $g^S$."
    ),
    assumptions=(r"at $g=0$ the point is not moved ($\hat\varepsilon=0$)",),
    parts=(
        Part(
            "implemented: Adam+SAM",
            same_path,
            printed=_adam_sam(lambda h: h["rho"]),
            broken=_adam_sam(lambda h: h["rho"] / 2),
        ),
        Part(
            "implemented: Adam+SAM+CM, key of the gradient at the moved point",
            same_path,
            printed=_sam("perturbed"),
            broken=replace(
                _sam("perturbed"),
                exact=lambda source, theta, h: _sam("perturbed").exact(source, theta, dict(h) | {"rho": h["rho"] / 2}),
            ),
        ),
        Part(
            "implemented: Adam+SAM+CM, key of the gradient at the given point",
            same_path,
            printed=_sam("original"),
            broken=replace(
                _sam("original"),
                exact=lambda source, theta, h: _sam("original").exact(source, theta, dict(h) | {"rho": h["rho"] / 2}),
            ),
            bears=False,
            note="Which norm is the key is open; on this convex valley both keys mostly choose alike.",
        ),
        Part(
            "g = 0: no ascent, no step",
            stays,
            printed=AtRest((0.0, 0.0)),
            broken=AtRest((1.0, 0.5)),
            bears=False,
        ),
    ),
)

# --- extragradient ---

HEIGHT, GAMMA, MASS, LAM, MU, BIG = sp.symbols("h gamma m lambda mu L", positive=True)


def _meg(scale: Any) -> SamePath:
    return SamePath(
        rule=lambda h: ExtraGradient(Momentum(h["alpha"], h["beta1"], convention="heavy-ball"), h["gamma"]),
        exact=lambda source, theta, h: extragradient(
            source, theta, h=h["alpha"], gamma=scale * h["gamma"], m=h["beta1"]
        ),
        hyper=[COMMON | {"gamma": gamma, "beta1": beta} for gamma in ("0", "1/10") for beta in ("0", "1/2")],
        field=valley,
    )


def _step_on_quadratic() -> Any:
    """theta_{t+1} of one coordinate with curvature lambda, from theta and the point before."""
    theta, before = sp.symbols("theta before")
    second = LAM * (theta - GAMMA * LAM * theta)
    return theta - HEIGHT * second + MASS * (theta - before)


def meg_rate() -> dict[str, Identity]:
    """With gamma = 1 / (L + mu) the curvatures act as lambda (1 - gamma lambda): heavy-ball's rate, squared."""
    gamma = 1 / (BIG + MU)
    effective = LAM * (1 - gamma * LAM)
    low, high = effective.subs(LAM, MU), (BIG + MU) / 4
    kappa = high / low
    root = (BIG + MU) / (2 * sp.sqrt(BIG * MU))
    rate = (root - 1) / (root + 1)
    theta, before = sp.symbols("theta before")
    step = _step_on_quadratic()
    return {
        "one step on a quadratic": Identity(
            step, (1 + MASS - HEIGHT * LAM * (1 - GAMMA * LAM)) * theta - MASS * before
        ),
        "both ends of the spectrum act alike": Identity(low, effective.subs(LAM, BIG)),
        "the largest effective curvature lies in the middle": Identity(
            high - effective, (LAM - (BIG + MU) / 2) ** 2 / (BIG + MU)
        ),
        "effective condition number": Identity(kappa, (BIG + MU) ** 2 / (4 * BIG * MU)),
        "its root": Identity(root**2, kappa),
        "rate": Identity(rate, ((sp.sqrt(BIG) - sp.sqrt(MU)) / (sp.sqrt(BIG) + sp.sqrt(MU))) ** 2),
    }


MEG = Claim(
    id="critical-momenta/meg-baseline",
    location="A.2.1",
    statement=(
        r"Momentum extragradient: $\theta_{t+1}=\theta_t-h\nabla L(\theta_t-\gamma\nabla L(\theta_t))"
        r"+m(\theta_t-\theta_{t-1})$."
    ),
    assumptions=(
        r"$\theta_0=\theta_{-1}$; Adam+MEG, which is not written out, is taken as Adam fed the second gradient",
    ),
    figures=("critical-momenta/figure-15",),
    parts=(
        Part(
            "implemented: trajectories in theta against the 40-digit transcription",
            same_path,
            printed=_meg(1),
            broken=_meg(2),
        ),
        Part(
            "rate on quadratics at gamma = 1 / (L + mu): ((sqrt kappa - 1) / (sqrt kappa + 1))^2",
            symbolic_identity,
            printed=meg_rate(),
            broken=meg_rate() | {"rate": Identity(meg_rate()["rate"].left, (BIG - MU) / (BIG + MU), over={BIG: (4,)})},
            bears=False,
            note=(
                "A step is heavy-ball's on the curvatures lambda (1 - gamma lambda), whose condition number is "
                "(kappa + 1)^2 / (4 kappa). Two gradients buy exactly two heavy-ball steps: per gradient nothing is "
                "gained on a positive definite quadratic."
            ),
        ),
    ),
)

CLAIMS = [SGD_CM, SGD_CG, SAM, MEG]
