"""The priority buffer: the library's against the transcription on all short streams, and what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np

from optassay.optimizers import SGDCriticalGradients

from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Part, Sampled
from .transcription import Buffer

NORMS = (0, 1, 2, -3)


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
from proofs_check.critical_momenta.priority_buffer import held
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
        exact=True,
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
