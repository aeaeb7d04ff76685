"""Section 3: Adam, the priority buffer, Adam+CG and Adam+CM against exact transcriptions, and the mean of (6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from optassay.optimizers import Adam, AdamCriticalGradients, AdamCriticalMomenta

from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path, sparse_stream
from ..claim import Claim, Part
from .priority_buffer import PRIORITY
from .reading_effects import key_effect, mean_effect
from .transcription import Buffer, Reading, adam, adam_cg, adam_cm

# Decays with a prime that no length of a gradient contains: 7/10 ties keys such as 1.25 * .49 and .875 * .7, and
# float64 would break such ties by rounding.
COMMON = {"alpha": "1/10", "beta1": "9/10", "beta2": "99/100", "eps": "1/100000000", "size": "5", "decay": "71/100"}
SETTINGS = (
    COMMON,
    COMMON | {"size": "1"},
    COMMON | {"size": "3", "decay": "97/100", "eps": "1/10"},
    COMMON | {"beta1": "0", "beta2": "1/2"},
)
Hyper = Mapping[str, Any]


def _root(x: Any) -> Any:
    import mpmath

    return mpmath.sqrt(x)


def buffer(h: Hyper, **options: Any) -> Buffer:
    """The transcribed buffer of one instance."""
    return Buffer(int(h["size"]), h["decay"], **options)


def moments(h: Hyper) -> dict[str, Any]:
    """Hyperparameters under the names of the library."""
    return {
        "step_size": h["alpha"],
        "beta1": h["beta1"],
        "beta2": h["beta2"],
        "epsilon": h["eps"],
        "capacity": int(h["size"]),
        "decay": h["decay"],
    }


# --- (1), (2) ---


def _adam(place: str) -> SamePath:
    return SamePath(
        rule=lambda h: Adam(h["alpha"], h["beta1"], h["beta2"], h["eps"], epsilon_place=place),  # type: ignore[arg-type]
        exact=lambda source, theta, h: adam(source, theta, _root, h, eps_inside=place == "inside"),
        hyper=(COMMON, COMMON | {"beta1": "0"}, COMMON | {"beta2": "0"}, COMMON | {"eps": "1/10"}),
    )


OUTSIDE, INSIDE = "epsilon outside the root", "epsilon inside the root"


def _same(name: str, paths: SamePath, broken: SamePath, **options: Any) -> Part:
    return Part(name, same_path, printed=paths, broken=broken, **options)


BASELINE = Claim(
    id="critical-momenta/adam-baseline",
    location="(1), (2)",
    statement=(
        r"Adam: averages $m_t,v_t$ from zero, divided by $1-\beta_1^t$ and $1-\beta_2^t$, step "
        r"$\alpha\hat m_t/(\sqrt{\hat v_t}+\epsilon)$."
    ),
    assumptions=("where numerator and denominator vanish nothing moves",),
    main_reading=OUTSIDE,
    reading_reason="the line of (2) and the published code add epsilon to the root",
    parts=(
        _same(
            "implemented: trajectories against the 40-digit transcription",
            _adam("outside"),
            replace(_adam("outside"), exact=_adam("inside").exact),
            reading=OUTSIDE,
        ),
        _same(
            "the same with leading zero gradients and an element without any",
            replace(_adam("outside"), streams=sparse_stream),
            replace(_adam("outside"), exact=_adam("inside").exact, streams=sparse_stream),
            reading=OUTSIDE,
        ),
        _same(
            "implemented: epsilon under the root",
            _adam("inside"),
            replace(_adam("inside"), exact=_adam("outside").exact),
            reading=INSIDE,
            note="At the usual 1e-8 the second reading damps like 1e-4 outside.",
        ),
    ),
)

# --- (3) ---


def _cg(reading: Reading, **conventions: Any) -> SamePath:
    return SamePath(
        rule=lambda h: AdamCriticalGradients(**moments(h), **conventions),
        exact=lambda source, theta, h: adam_cg(source, theta, _root, h, buffer(h), reading),
        hyper=SETTINGS,
    )


CG = _cg(Reading())
CG_INSERTED = _cg(Reading(insert_first=True), order="insert")

ADAM_CG = Claim(
    id="critical-momenta/adam-cg",
    location="(3)",
    statement=(r"Adam+CG: Adam on $a_t=g_t+\frac1C\sum g_c$ with the stored gradients $g_c$, key $\|g\|_2$."),
    assumptions=("(3) does not say whether the new gradient is stored before or after it is aggregated",),
    parts=(
        _same(
            "implemented: aggregation before insertion",
            CG,
            replace(CG, exact=CG_INSERTED.exact),
            note="n = 1, 2, 5; C = 1, 3, 5. With the empty buffer of step 1 the aggregate is g_1: Adam's first step.",
        ),
        _same("implemented: insertion before aggregation", CG_INSERTED, replace(CG_INSERTED, exact=CG.exact)),
        _same(
            "implemented: mean over the stored ones, leading zero gradients",
            replace(_cg(Reading(mean="fill"), mean="fill"), streams=sparse_stream),
            replace(_cg(Reading(), mean="fill"), streams=sparse_stream),
        ),
        _same(
            "C = 0 is Adam",
            replace(CG, hyper=[h | {"size": "0"} for h in SETTINGS], exact=_adam("outside").exact),
            replace(CG, exact=_adam("outside").exact),
            bears=False,
        ),
    ),
)

# --- algorithm 1 ---


def _cm(reading: Reading, **conventions: Any) -> SamePath:
    return SamePath(
        rule=lambda h: AdamCriticalMomenta(**moments(h), **conventions),
        exact=lambda source, theta, h: adam_cm(source, theta, _root, h, buffer(h), reading),
        hyper=SETTINGS,
    )


BY_GRADIENT, BY_MOMENTUM = _cm(Reading()), _cm(Reading(key="momentum"), key="momentum")
MAIN = "aggr(m, buffer), key of the gradient"


@dataclass(frozen=True)
class Descent:
    """A reading of the aggregation line; the method is to lower x^2 / 2 in ten steps from 8 with step 1/100."""

    aggregation: Any


def _after(aggregation: Any, sqrt: Any, number: Any) -> Any:
    from ..checks.trajectories import Field

    h = {"alpha": number(1) / 100, "beta1": number(9) / 10, "beta2": number(99) / 100, "eps": number(0)}
    path = adam_cm(
        Field(lambda x: [x[0]], 10),
        [number(8)],
        sqrt,
        h,
        Buffer(5, number(7) / 10),
        Reading(aggregation=aggregation),
    )
    return path[-1][0]


def descends(statement: Descent) -> ForAll:
    def again(point: Mapping[str, Any]) -> tuple[float, float]:
        from math import sqrt

        return abs(_after(point["aggregation"], sqrt, float)), 8.0

    def sides(point: Mapping[str, Any]) -> tuple[Any, Any]:
        import mpmath

        with mpmath.workdps(30):
            return float(abs(_after(point["aggregation"], mpmath.sqrt, mpmath.mpf))), 8.0

    return ForAll(
        points=lambda budget: [{"aggregation": statement.aggregation}],
        sides=sides,
        relation="<",
        again=again,
        replay=(
            "from math import sqrt\nfrom proofs_check.critical_momenta.algorithms import _after\n"
            "violated = abs(_after(witness['aggregation'], sqrt, float)) >= 8"
        ),
        methods=("30-digit transcription", "floating point"),
        margins=(1e-12, 1e-12),
    )


ADAM_CM = Claim(
    id="critical-momenta/adam-cm",
    location="algorithm 1, (4) to (7)",
    statement=(
        r"Adam+CM: $m_t$ averages the gradients, $m_t^M=m_t+\frac1C\sum m_c$, $v_t^M$ averages $(m_t^M)^2$, both are "
        r"divided by $1-\beta_i^t$, then as Adam; stored are momenta with key $\|g_t\|_2$."
    ),
    main_reading=MAIN,
    reading_reason=(
        "(4) defines the aggregate that the line quotes; section 3.1 and its footnote exclude the norm of the "
        "momentum, and priority is the key of a pair"
    ),
    parts=(
        _same(
            "implemented: algorithm 1 with the key of section 3.1",
            BY_GRADIENT,
            replace(BY_GRADIENT, exact=_cm(Reading(insert_first=True)).exact),
            reading=MAIN,
            note="n = 1, 2, 5; C = 1, 3, 5.",
        ),
        _same(
            "the same with leading zero gradients and an element without any",
            replace(BY_GRADIENT, streams=sparse_stream),
            replace(BY_GRADIENT, streams=sparse_stream, exact=_cm(Reading(mean="fill")).exact),
            reading=MAIN,
        ),
        _same(
            "implemented: key of the momentum, Priority(m_t) taken literally",
            BY_MOMENTUM,
            replace(BY_MOMENTUM, exact=BY_GRADIENT.exact),
            reading="key of the momentum",
            note=(
                "Text and pseudo-code agree only if Priority(m_t) means the key stored with m_t. What the choice does "
                "to outcomes: see gradient-norm-priority."
            ),
        ),
        _same(
            "implemented: the line as a long arrow, m^M = m (the buffer is never read)",
            replace(
                _cm(Reading(aggregation="momentum")),
                rule=lambda h: AdamCriticalMomenta(**(moments(h) | {"capacity": 0})),
            ),
            replace(_cm(Reading(aggregation="momentum")), rule=BY_GRADIENT.rule),
            reading="long arrow",
        ),
        _same(
            "implemented: insertion before aggregation",
            replace(_cm(Reading(insert_first=True), order="insert"), hyper=SETTINGS[:2]),
            replace(BY_GRADIENT, exact=_cm(Reading(insert_first=True)).exact, hyper=SETTINGS[:2]),
            bears=False,
        ),
        _same(
            "implemented: mean over the stored ones",
            _cm(Reading(mean="fill"), mean="fill"),
            _cm(Reading(), mean="fill"),
            bears=False,
        ),
        _same(
            "implemented: epsilon under the root",
            _cm(Reading(eps_inside=True), epsilon_place="inside"),
            _cm(Reading(), epsilon_place="inside"),
            bears=False,
        ),
        _same(
            "implemented: the stored vectors decay",
            SamePath(
                rule=lambda h: AdamCriticalMomenta(**moments(h), decayed="values"),
                exact=lambda source, theta, h: adam_cm(source, theta, _root, h, buffer(h, decayed="values"), Reading()),
                hyper=SETTINGS,
            ),
            _cm(Reading(), decayed="values"),
            bears=False,
        ),
        Part(
            "read with a minus sign, m^M = -m, the method descends on x^2 / 2",
            for_all,
            printed=descends(Descent("negative")),
            broken=descends(Descent("negative")),
            repair=descends(Descent("aggregate")),
            repair_note=r"$m_t^M=\mathrm{aggr}(m_t,\mathbf m_c)$ as in (4)",
            bears=False,
            note="It climbs: the mark in the line cannot be a minus sign.",
        ),
        key_effect(),
    ),
)

# --- (6) ---

C, K, S = sp.symbols("C k s", positive=True)


def _term(divisor: Any) -> Identity:
    """(6)'s second term against the mean s / k of the k stored momenta with sum s."""
    return Identity(S / divisor, S / K, over={C: (5, 2, 20), K: (1, 3, 4)})


AGGREGATION = Claim(
    id="critical-momenta/aggregation-mean",
    location="(6)",
    statement=r"$\frac1C\sum_{m_c\in\mathbf m_c}m_c$ is the average of all critical momenta.",
    figures=("critical-momenta/escape-ablation",),
    parts=(
        Part(
            "the second term of (6) is the mean of the k stored momenta, 1 <= k <= C",
            symbolic_identity,
            printed=_term(C),
            broken=_term(K + 1),
            repair=_term(K),
            repair_note=r"$1/|\mathbf m_c|$ in place of $1/C$ (the published code); or: once the buffer is full, $k=C$",
            note=(
                "While it fills (steps 2 to C with aggregation first) the term is k/C times the mean, k = t - 1: 1/5 "
                "of it at step 2 for C = 5. From step C + 1 on both agree; an entry that was zero counts as stored."
            ),
        ),
        Part(
            "from a full buffer on both divisors agree",
            symbolic_identity,
            printed=Identity(_term(C).left.subs(K, C), _term(C).right.subs(K, C)),
            broken=Identity(_term(C).left, _term(C).right.subs(K, C + 1)),
            bears=False,
        ),
        mean_effect(),
    ),
)

CLAIMS = [BASELINE, PRIORITY, ADAM_CG, ADAM_CM, AGGREGATION]
