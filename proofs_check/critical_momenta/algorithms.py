"""Section 3: Adam, the priority buffer, Adam+CG and Adam+CM against exact transcriptions, and the mean of (6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import sympy as sp

from optassay.optimizers import Adam, AdamCriticalGradients, AdamCriticalMomenta, SGDCriticalGradients

from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..checks.trajectories import SamePath, same_path, sparse_stream
from ..claim import Budget, Claim, Evidence, Part, Sampled
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

# --- the buffer ---

NORMS = (0, 1, 2, -3)
CONVENTIONS: dict[str, dict[str, Any]] = {"keys": {}, "values": {"decayed": "values"}}


@dataclass(frozen=True)
class SameBuffer:
    """The library's buffer under some conventions and the transcribed one hold the same pairs after every step."""

    decayed: str
    options: Mapping[str, Any]
    decays: Sequence[Fraction] = (Fraction(1, 2), Fraction(1))


def _streams(budget: Budget) -> list[tuple[int, ...]]:
    return list(product(NORMS, repeat=budget.pick(5, 6)))


def same_buffer(statement: SameBuffer, budget: Budget) -> list[Evidence]:
    """All short streams of small integers, ties and zeros among them; powers of two as decays make floats exact."""
    streams = _streams(budget)
    grads = np.array(streams, dtype=float)
    compared = wrong = 0
    for size in (1, 2, 3):
        for decay in statement.decays:
            rule = SGDCriticalGradients(step_size=0.0, capacity=size, decay=float(decay), **statement.options)
            x = np.zeros((len(streams), 1))
            state = rule.init(x)
            mine = [Buffer(size, decay, decayed=statement.decayed) for _ in streams]  # type: ignore[arg-type]
            for t in range(grads.shape[1]):
                x, state = rule.step(x, grads[:, t : t + 1], state)
                values, keys = np.stack(state.buffer.values, axis=-2)[..., 0].tolist(), state.buffer.keys.tolist()
                for k, held in enumerate(mine):
                    g = Fraction(streams[k][t])
                    held.offer(abs(g), [g])
                    pairs = [(float(key), float(vector[0])) for key, vector in held.pairs]
                    count = len(pairs)
                    wrong += pairs != list(zip(keys[k][:count], values[k][:count], strict=True))
                    wrong += int(state.buffer.fill[k]) != count
                    compared += 2
    effort = f"{len(streams)} streams, C = 1, 2, 3, decays {', '.join(map(str, statement.decays))}, after every step"
    return [Sampled("buffers compared without rounding", compared, wrong, 0.0, effort)]


def held(stream: Sequence[int], size: int, decay: Fraction, decayed: str = "keys") -> list[int]:
    """Positions of the stored gradients after the stream, sorted."""
    buffer = Buffer(size, decay, decayed=decayed)  # type: ignore[arg-type]
    for t, g in enumerate(stream):
        buffer.offer(Fraction(abs(g)), [Fraction(t)] if decayed == "keys" else [Fraction(1)])
    return sorted(int(v[0]) for _, v in buffer.pairs)


REPLAY_HELD = """
from fractions import Fraction as F
from proofs_check.critical_momenta.algorithms import held
found = held(witness["stream"], witness["size"], F(str(witness["decay"])))
violated = sorted(abs(witness["stream"][t]) for t in found) != sorted(
    abs(witness["stream"][t]) for t in witness["expected"]) if witness["norms"] else found != witness["expected"]
"""


def contents(
    decay: Fraction, expected: Callable[[Sequence[int], int], list[int] | None], norms: bool = False
) -> ForAll:
    """What a buffer of keys decayed by ``decay`` holds after every short stream; None leaves a stream out.

    ``norms``: compare the lengths of the stored gradients, not which of several equally long ones they are.
    """

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for size in (1, 2, 3):
            for stream in product(NORMS, repeat=budget.pick(4, 7)):
                wanted = expected(stream, size)
                if wanted is not None:
                    point = {"stream": list(stream), "size": size, "decay": decay, "expected": wanted}
                    yield point | {"norms": norms}

    def by_floats(point: Mapping[str, Any]) -> list[int]:
        rule = SGDCriticalGradients(step_size=0.0, capacity=point["size"], decay=float(point["decay"]))
        x = np.zeros(1)
        state = rule.init(x)
        for t, g in enumerate(point["stream"]):
            # What is stored is the number of the step; the key is the gradient's.
            x, state = rule.step(x, np.array([float(t)]), state, key_gradient=np.array([float(g)]))
        return sorted(round(float(v[0])) for v in state.buffer.values[: int(state.buffer.fill)])

    def apart(point: Mapping[str, Any], found: list[int]) -> int:
        pair = (found, point["expected"])
        if norms:
            pair = tuple([abs(point["stream"][t]) for t in side] for side in pair)  # type: ignore[assignment]
        return sum(((Counter(pair[0]) - Counter(pair[1])) + (Counter(pair[1]) - Counter(pair[0]))).values())

    return ForAll(
        points=points,
        sides=lambda p: (apart(p, held(p["stream"], p["size"], p["decay"])), 0),
        relation="==",
        again=lambda p: (float(apart(p, by_floats(p))), 0.0),
        replay=REPLAY_HELD,
        methods=("transcribed buffer", "library's buffer"),
        exhaustive=True,
    )


def _last(stream: Sequence[int], size: int) -> list[int]:
    return list(range(max(0, len(stream) - size), len(stream)))


def _last_of_slow(stream: Sequence[int], size: int) -> list[int] | None:
    """The last C, where no gradient is as short as half the one before."""
    slow = all(2 * abs(b) > abs(a) for a, b in pairwise(stream))
    return _last(stream, size) if slow else None


def _largest(stream: Sequence[int], size: int) -> list[int]:
    """C of the longest."""
    return sorted(sorted(range(len(stream)), key=lambda t: (-abs(stream[t]), t))[:size])


def _first(stream: Sequence[int], size: int) -> list[int]:
    return list(range(min(size, len(stream))))


def _last_nonzero(stream: Sequence[int], size: int) -> list[int] | None:
    """The last C non-zero ones, for streams without a zero while the buffer fills."""
    return None if 0 in stream[:size] else [t for t, g in enumerate(stream) if g][-size:]


KEYS, VALUES = "the keys decay", "the stored vectors decay"

PRIORITY = Claim(
    id="critical-momenta/priority-buffer",
    location="section 3, algorithm 1",
    statement=(
        r"A buffer of $C$ pairs (key, value): inserted while not full; then the smallest key is replaced by a larger "
        r"one; then all priorities are multiplied by $\lambda$."
    ),
    main_reading=KEYS,
    reading_reason="section 3 decays the keys, algorithm 1 the priority; so does the published code",
    parts=(
        Part(
            "implemented: the stored pairs after every step, all short streams with ties and zeros",
            same_buffer,
            printed=SameBuffer("keys", {}),
            broken=SameBuffer("keys", {"strict": False}),
            reading=KEYS,
            note="C = 1, 2, 3; lambda = 1/2 and 1; among equal smallest keys the longest-held slot goes.",
        ),
        Part(
            "implemented: the stored vectors decay instead",
            same_buffer,
            printed=SameBuffer("values", {"decayed": "values"}),
            broken=SameBuffer("values", {}),
            reading=VALUES,
        ),
        Part(
            "lambda = 1: the C longest gradients stay",
            for_all,
            printed=contents(Fraction(1), _largest, norms=True),
            broken=contents(Fraction(1), _last, norms=True),
            bears=False,
            note="So with vectors decaying and keys not: the buffer then keeps its choice for ever and fades.",
        ),
        Part(
            "lambda to 0 (1/1024): the last C gradients other than zero",
            for_all,
            printed=contents(Fraction(1, 1024), _last_nonzero),
            broken=contents(Fraction(1, 1024), _largest),
            bears=False,
            note="A zero gradient never enters a full buffer: its key exceeds nothing.",
        ),
        Part(
            "no gradient as short as lambda times the one before: exactly the last C gradients",
            for_all,
            printed=contents(Fraction(1, 2), _last_of_slow),
            broken=contents(Fraction(1, 2), _first),
            bears=False,
            note=(
                "Then the oldest key is the smallest and below the new one, so the priority buffer is a queue; equal "
                "norms replace at every step. This is what assumption (ii) of section 3.2 takes for granted."
            ),
        ),
        Part(
            "lambda = 1/2: exactly the last C gradients, whatever the norms",
            for_all,
            printed=contents(Fraction(1, 2), _last),
            broken=contents(Fraction(1, 2), _first),
            repair=contents(Fraction(1, 2), _last_of_slow),
            repair_note=r"if $|g_{t+1}|>\lambda|g_t|$ throughout",
            bears=False,
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
            CG_INSERTED.__class__(rule=CG.rule, exact=CG_INSERTED.exact, hyper=SETTINGS),
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
            "implemented: insertion first; mean over the stored; epsilon inside; vectors decay",
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

C, K, M, S = sp.symbols("C k m s", positive=True)


def _term(divisor: Any) -> Identity:
    """(6)'s second term against the mean s / k of the k stored momenta with sum s."""
    return Identity(S / divisor, S / K, over={C: (5, 2, 20), K: (1, 3, 4)})


AGGREGATION = Claim(
    id="critical-momenta/aggregation-mean",
    location="(6)",
    statement=r"$\frac1C\sum_{m_c\in\mathbf m_c}m_c$ is the average of all critical momenta.",
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
