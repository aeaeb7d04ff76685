"""Section 3.2, (i) and (ii): whether the priority rule keeps the last C momenta."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy as sp

from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness


@dataclass(frozen=True)
class Norms:
    """Gradient norms |g_t| = ratio^t, priorities decayed by ``decay`` in every step."""

    ratio: Fraction
    decay: Fraction


REPLAY_BUFFER = """
from fractions import Fraction as F
ratio, decay = F(witness["ratio"]), F(witness["decay"])
buffer = []
for t in range(witness["steps"]):
    key = ratio**t
    if len(buffer) < witness["size"]:
        buffer.append((key, t))
    else:
        least = min(buffer)
        if key > least[0]:
            buffer[buffer.index(least)] = (key, t)
    buffer = [(k * decay, s) for k, s in buffer]
violated = sorted(s for _, s in buffer) != list(range(witness["steps"] - witness["size"], witness["steps"]))
"""


def holds_last_momenta(statement: Norms, budget: Budget) -> list[Evidence]:
    """Run the priority rule on keys in exact arithmetic; where it keeps the last C, the induction for all C and t."""
    steps = {}
    for size in (1, 2, 5, 20):
        count = size + budget.pick(30, 200)
        stored = _priority(statement, size, count)
        last = list(range(count - size, count))
        steps[f"C = {size}, {count} steps"] = stored == last
        if stored != last:
            staleness = count - 1 - min(stored)
            point = {"ratio": statement.ratio, "decay": statement.decay, "size": size, "steps": count}
            return [
                Exact("rational", steps),
                Witness(
                    point,
                    Way("priority rule in rationals: staleness", staleness, "<=", size - 1),
                    Way(
                        "SGDCriticalMomenta on such gradients: staleness",
                        _staleness(statement, size, count),
                        "<=",
                        size - 1,
                    ),
                    REPLAY_BUFFER,
                ),
            ]
    return [Exact("symbolic", _induction(statement)), Exact("rational", steps)]


def _induction(statement: Norms) -> dict[str, bool]:
    """For all C and t: a full buffer with the keys decay^k |g_{t-k}|, k = 1..C, replaces k = C and has them again.

    Each key exceeds the next older one, and the new key the youngest stored, by the same factor, |g_t| / (decay
    |g_{t-1}|); so the oldest is the smallest, and the new one is larger.
    """
    t, k = sp.symbols("t k", integer=True, positive=True)
    ratio, decay = sp.symbols("ratio decay", positive=True)

    def key(time: sp.Expr, age: sp.Expr) -> sp.Expr:
        return decay**age * ratio ** (time - age)

    factor = ratio / decay
    return {
        "each key against the next older one": sp.simplify(key(t, k) / key(t, k + 1) - factor) == 0,
        "the new key against the youngest": sp.simplify(key(t, 0) / key(t, 1) - factor) == 0,
        "that factor exceeds one": statement.ratio > statement.decay,
        "after the decay the keys have the form of the next step": sp.simplify(decay * key(t, k) - key(t + 1, k + 1))
        == 0,
    }


def _priority(statement: Norms, size: int, count: int) -> list[int]:
    keys: list[Fraction] = []
    ages: list[int] = []
    for t in range(count):
        key = statement.ratio**t
        if len(keys) < size:
            keys.append(key)
            ages.append(t)
        else:
            slot = keys.index(min(keys))
            if key > keys[slot]:
                keys[slot], ages[slot] = key, t
        keys = [k * statement.decay for k in keys]
    return sorted(ages)


def _staleness(statement: Norms, size: int, count: int) -> int:
    """Age of the oldest stored momentum in the library's own rule; momentum 0 makes each stored value its gradient."""
    from optassay.optimizers import SGDCriticalMomenta

    rule = SGDCriticalMomenta.paper(
        step_size=1e-3, momentum=0.0, capacity=size, decay=float(statement.decay), convention="heavy-ball"
    )
    params = np.zeros(1)
    state = rule.init(params)
    for t in range(count):
        params, state = rule.step(params, np.array([float(statement.ratio) ** t]), state)
    gradients = [float(statement.ratio) ** t for t in range(count)]
    values = np.sort(np.asarray(state.buffer.values).reshape(-1))
    oldest = max(int(np.argmin([abs(g - v) for g in gradients])) * -1 + count - 1 for v in values)
    return oldest


SLOW = Norms(Fraction(99, 100), Fraction(7, 10))

CLAIMS = [
    Claim(
        id="critical-momenta/buffer-assumptions",
        location="section 3.2, (i) and (ii)",
        statement=r"The buffer holds exactly $m_{t-1},\dots,m_{t-C}$, so that staleness is at most $K=C$. Judged for "
        r"the priority rule of algorithm 1 as it runs when the method converges, $\|g_t\|$ falling by a constant "
        r"factor per step.",
        parts=(
            Part(
                "the priority rule keeps the last C momenta",
                holds_last_momenta,
                printed=Norms(Fraction(1, 2), Fraction(7, 10)),
                broken=Norms(Fraction(1, 2), Fraction(99, 100)),
                repair=SLOW,
                repair_note=r"$\|g_t\|>\lambda\|g_{t-1}\|$ for all $t$: then the oldest key is always the smallest and "
                r"below the new one",
                note=r"Where gradients fall faster than priorities decay, $\|g_t\|/\|g_{t-1}\|<\lambda$, a full buffer "
                r"never changes again and staleness grows without bound: no $K$ exists. (i) is implied by no property "
                r"of the rule; with $\|g_t\|\ge\lambda\|g_{t-1}\|$ both hold with $K=C$.",
            ),
        ),
    ),
]
