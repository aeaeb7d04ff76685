"""What is in the buffers along runs on the toy functions: per start, by the library and by the plain transcription."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from math import hypot, sqrt
from typing import Any

import numpy as np

from analysis.buffers import spread, stacked
from analysis.landscapes import Ackley, AckleyRosenbrock, GoldsteinPrice, Landscape, Levy, TwoWell
from analysis.runs import Observation, run, uniform_starts
from optassay.optimizers import AdamCriticalGradients, AdamCriticalMomenta, Rule

from ..checks.orderings import Study
from ..checks.trajectories import Field
from . import plain
from .transcription import Buffer, Reading, adam_cg, adam_cm

STEPS = 200
DECAYS = (0.7, 0.99)


@dataclass(frozen=True)
class Place:
    """A toy function with the paper's step size, and the cube of the starts."""

    landscape: Landscape
    step: float
    reach: float
    dim: int


PLACES = {
    "Ackley": Place(Ackley(), 0.1, 5.0, 2),
    "Goldstein-Price": Place(GoldsteinPrice(), 0.1, 2.0, 2),
    "Levy": Place(Levy(), 0.1, 10.0, 2),
    "Ackley+Rosenbrock": Place(AckleyRosenbrock(), 0.1, 5.0, 2),
    **{f"wells s={s}": Place(TwoWell(float(s)), 0.05, 5.0, 1) for s in (2, 5, 100)},
    "wells s=5, 10-D": Place(TwoWell(5.0), 0.05, 5.0, 10),
}


@dataclass(frozen=True)
class Probe:
    """A quantity of the runs of one method, averaged per start over the steps of a phase.

    Attributes
    ----------
    method : str
        "CG", "CM", "CM along CG" (momenta of the gradients that Adam+CG meets), or "constant".
    place : str
    size, decay : int, float
    quantity : str
        "replaced" (share of steps), "ratio" (|mean| / mean of norms), "relative variance", "variance", "step" (largest
        coordinate), "smaller" (share of steps that offer a vector shorter than the gradient), "influence" (change c of
        the mean at aggregate a, |c| / (|c| + |a|)).
    phase : (first, last)
        Steps looked at.
    near : bool
        On the wells, only while every coordinate is within 1/2 of the sharp minimum.
    key : str
    scale : float
        Factor of the step size.
    value : float
        Of a constant.
    """

    method: str
    place: str = ""
    size: int = 5
    decay: float = 0.7
    quantity: str = "ratio"
    phase: tuple[int, int] = (50, STEPS)
    near: bool = True
    key: str = "gradient"
    scale: float = 1.0
    value: float = 0.0

    @property
    def name(self) -> str:
        if self.method == "constant":
            return f"{self.value:g}"
        extra = (
            ("" if self.near else ", anywhere")
            + ("" if self.key == "gradient" else ", key of the momentum")
            + ("" if self.scale == 1 else f", step x {self.scale:g}")
        )
        return (
            f"{self.quantity} of {self.method} ({self.size}, {self.decay:g}) on {self.place}, "
            f"steps {self.phase[0]}-{self.phase[1]}{extra}"
        )


def _rule(probe: Probe, decay: Any) -> Rule:
    common = {"beta1": 0.9, "beta2": 0.99, "capacity": probe.size, "decay": decay}
    step = PLACES[probe.place].step * probe.scale
    if probe.method == "CM":
        return AdamCriticalMomenta(step, key=probe.key, **common)  # type: ignore[arg-type]
    return AdamCriticalGradients(step, **common)


def _length(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(x * x, axis=-1))


@lru_cache(maxsize=256)
def _series(
    method: str, place: str, size: int, key: str, scale: float, light: bool, count: int, seed: int
) -> dict[str, np.ndarray]:
    """Series (steps, decays, starts) of every quantity (``light``: of the replacements only, everywhere)."""
    where = PLACES[place]
    decay = np.array(DECAYS)[:, None]
    probe = Probe(method, place, size, key=key, scale=scale)
    rule = _rule(probe, decay)
    shadow = AdamCriticalMomenta(0.0, 0.9, 0.99, capacity=size, decay=decay) if "along" in method else None
    starts = uniform_starts(count, [-where.reach] * where.dim, [where.reach] * where.dim, np.random.default_rng(seed))
    start = np.broadcast_to(starts, (len(DECAYS), *starts.shape))
    memory: dict[str, Any] = {"shadow": None if shadow is None else shadow.init(np.array(start))}
    rows: dict[str, list[np.ndarray]] = {}

    def observe(o: Observation) -> None:
        state = o.state
        if shadow is not None:
            _, memory["shadow"] = shadow.step(np.array(o.before), o.gradient, memory["shadow"])
            state = memory["shadow"]
        buffer, old = state.buffer, memory.get("buffer")
        memory["buffer"] = buffer
        keys = np.full(buffer.keys.shape, -np.inf) if old is None else decay[..., None] * old.keys
        seen = {"replaced": np.any(buffer.keys != keys, axis=-1).astype(float)}
        near = np.all(np.abs(o.before - 1) < 0.5, axis=-1) if place.startswith("wells") and not light else True
        if not light:
            found = spread(*stacked(buffer))
            offered = o.gradient if method == "CG" else state.m
            before = 0.0 * o.before if old is None else old.total / size
            aggregate = _length(offered + before)
            change = _length(buffer.total / size - before)
            with np.errstate(divide="ignore", invalid="ignore"):
                seen |= {
                    "ratio": found.ratio,
                    "relative variance": found.relative_variance,
                    "variance": found.variance,
                    "step": np.max(np.abs(o.after - o.before), axis=-1),
                    "smaller": (_length(offered) < _length(o.gradient)).astype(float),
                    "influence": change / (change + aggregate),
                }
        for name, value in seen.items():
            rows.setdefault(name, []).append(np.where(near, value, np.nan))

    run(rule, where.landscape, np.array(start), STEPS, observe=observe)
    return {name: np.stack(value) for name, value in rows.items()}


def _finite_mean(values: np.ndarray) -> np.ndarray:
    """Means over the first axis of the finite entries, NaN without any."""
    finite = np.isfinite(values)
    total = np.sum(np.where(finite, values, 0.0), axis=0)
    return np.where(finite.any(axis=0), total / np.maximum(finite.sum(axis=0), 1), np.nan)


def measured(probe: Probe, count: int, seed: int) -> np.ndarray:
    """The quantity per start, (count,)."""
    if probe.method == "constant":
        return np.full(count, probe.value)
    series = _series(probe.method, probe.place, probe.size, probe.key, probe.scale, not probe.near, count, seed)
    first, last = probe.phase
    return _finite_mean(series[probe.quantity][first:last, DECAYS.index(probe.decay)])


# --- the second code ---


class Watched(Buffer):
    """The transcribed buffer, noting after every offer what a probe asks for."""

    quantity: str = ""

    def offer(self, key: Any, vector: list[Any]) -> bool:
        before = self.mean("capacity", vector) if self.quantity == "influence" else vector
        taken = super().offer(key, vector)
        self.notes.append(self._note(key, vector, before, taken))
        return taken

    @cached_property
    def notes(self) -> list[float]:
        return []

    def _note(self, key: Any, vector: list[Any], before: list[Any], taken: bool) -> float:
        if self.quantity == "replaced":
            return float(taken)
        if self.quantity == "smaller":
            return float(_plain_length(vector) < key)
        if self.quantity == "influence":
            after = self.mean("capacity", vector)
            change = _plain_length([a - b for a, b in zip(after, before, strict=True)])
            return _over(change, change + _plain_length([a + b for a, b in zip(vector, before, strict=True)]))
        if self.quantity == "step":
            return float("nan")
        center = self.mean("fill", vector)
        norms = [_plain_length(v) for _, v in self.pairs]
        if self.quantity == "ratio":
            return _over(_plain_length(center), sum(norms) / len(norms))
        off = sum(sum((a - b) ** 2 for a, b in zip(v, center, strict=True)) for _, v in self.pairs) / len(norms)
        return off if self.quantity == "variance" else _over(off, sum(n * n for n in norms) / len(norms))


def _plain_length(v: list[Any]) -> float:
    return hypot(*v)


def _over(top: float, bottom: float) -> float:
    return top / bottom if bottom else float("nan")


def _one_run(probe: Probe, start: np.ndarray) -> float:
    place = PLACES[probe.place]
    gradient = (
        plain.well_gradient(float(place.landscape.sharpness))
        if isinstance(place.landscape, TwoWell)
        else plain.gradient_of(plain.FUNCTIONS[probe.place])
    )
    field = Field(lambda x: [float(v) for v in gradient(np.array(x))], probe.phase[1])
    h = {"alpha": place.step * probe.scale, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    watched = Watched(probe.size, probe.decay)
    watched.quantity = probe.quantity
    notes = watched.notes
    begin = [float(v) for v in start]
    reading = Reading(key="momentum" if probe.key == "momentum" else "gradient")
    if probe.method == "CM":
        path = adam_cm(field, begin, sqrt, h, watched, reading)
    elif probe.method == "CG":
        path = adam_cg(field, begin, sqrt, h, watched, reading)
    else:
        points = [begin, *adam_cg(field, begin, sqrt, h, Buffer(probe.size, probe.decay), reading)[:-1]]
        path = points[1:]
        adam_cm([field.gradient(p) for p in points], begin, sqrt, h, watched, reading)
    came = [begin, *path]
    if probe.quantity == "step":
        notes = [max(abs(a - b) for a, b in zip(p, q, strict=True)) for p, q in zip(came, path, strict=False)]
    if probe.place.startswith("wells") and probe.near:
        near = [all(abs(x - 1) < 0.5 for x in p) for p in came]
        notes = [v if ok else float("nan") for v, ok in zip(notes, near, strict=False)]
    chosen = np.array(notes[probe.phase[0] : probe.phase[1]])
    finite = chosen[np.isfinite(chosen)]
    return float(finite.mean()) if len(finite) else float("nan")


@lru_cache(maxsize=512)
def _runs_again(probe: Probe, count: int, seed: int) -> tuple[float, float]:
    """Mean of a probe over its own starts, by the transcription, and its standard error."""
    if probe.method == "constant":
        return probe.value, 0.0
    place = PLACES[probe.place]
    starts = np.random.default_rng(seed).uniform(-place.reach, place.reach, (count, place.dim))
    values = np.array([_one_run(probe, start) for start in starts])
    values = values[np.isfinite(values)]
    return float(values.mean()), float(values.std(ddof=1) / sqrt(len(values)))


def measured_again(larger: Mapping[str, Any], smaller: Mapping[str, Any], count: int, seed: int) -> Any:
    """Means of two probes (records) over few starts of their own, and the standard error of the difference."""
    probes = [Probe(**(dict(record) | {"phase": tuple(record["phase"])})) for record in (larger, smaller)]
    # Near the sharp well only some starts count.
    few = [min(count, 32 if p.near and p.place.startswith("wells") else 16) for p in probes]
    (a, first), (b, second) = (_runs_again(p, n, seed) for p, n in zip(probes, few, strict=True))
    return a, b, hypot(first, second)


REPLAY = """
from proofs_check.critical_momenta.buffer_probes import measured_again
a, b, error = measured_again(witness["larger"], witness["smaller"], witness["count"], witness["seed"])
violated = a - b < witness["least"]
"""


def study(probes: tuple[Probe, ...]) -> Study:
    """The study of these probes under their names."""
    by_name = {probe.name: probe for probe in probes}
    return Study(
        sample=lambda names, count, seed: {name: measured(by_name[name], count, seed) for name in names},
        again=lambda a, b, count, seed: measured_again(asdict(by_name[a]), asdict(by_name[b]), count, seed),
        record=lambda name: asdict(by_name[name]),
        replay=REPLAY,
    )
