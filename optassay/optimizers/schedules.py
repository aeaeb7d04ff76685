"""Schedules of a hyperparameter: small frozen callables of the step ``t = 1, 2, ...``.

Values may be arrays over the batch axes. Any other callable of ``t`` does as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..arrays import check_finite


def _check_step(t: int) -> None:
    if t < 1:
        raise ValueError(f"t must be at least 1, got {t}")


@dataclass(frozen=True, eq=False)
class Constant:
    """The same value at every step."""

    initial: Any

    def __post_init__(self) -> None:
        check_finite(initial=self.initial)

    def __call__(self, t: int) -> Any:
        _check_step(t)
        return self.initial


@dataclass(frozen=True, eq=False)
class StepDrops:
    """``initial``, multiplied by ``factor`` after each of the steps ``after``.

    ``StepDrops(0.1, after=(40_000, 50_000))`` divides by ten from step 40 001 and again from step 50 001.
    """

    initial: Any
    after: tuple[int, ...]
    factor: float = 0.1

    def __post_init__(self) -> None:
        check_finite(initial=self.initial, factor=self.factor)
        object.__setattr__(self, "after", tuple(self.after))
        if any(b <= a for a, b in zip((0, *self.after), self.after, strict=False)):
            raise ValueError(f"after must be increasing positive steps, got {self.after}")

    def __call__(self, t: int) -> Any:
        _check_step(t)
        return self.initial * self.factor ** sum(t > step for step in self.after)


@dataclass(frozen=True, eq=False)
class InverseSqrt:
    """``initial / sqrt(t)``, the step size of most regret bounds."""

    initial: Any

    def __post_init__(self) -> None:
        check_finite(initial=self.initial)

    def __call__(self, t: int) -> Any:
        _check_step(t)
        return self.initial / math.sqrt(t)


@dataclass(frozen=True, eq=False)
class Cosine:
    """Half a cosine from ``initial`` at step 1 to ``final`` at step ``steps + 1``, then constant."""

    initial: Any
    steps: int
    final: Any = 0.0

    def __post_init__(self) -> None:
        check_finite(initial=self.initial, final=self.final)
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")

    def __call__(self, t: int) -> Any:
        _check_step(t)
        share = min(t - 1, self.steps) / self.steps
        return self.final + (self.initial - self.final) * (0.5 * (1.0 + math.cos(math.pi * share)))


@dataclass(frozen=True, eq=False)
class WarmUp:
    """Linear warm-up: ``t / steps`` times the schedule during the first ``steps`` steps.

    Attributes
    ----------
    schedule : number, array or callable
        What is warmed up to; a callable sees the true step ``t``, warm-up included.
    """

    schedule: Any
    steps: int

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            check_finite(schedule=self.schedule)
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")

    def __call__(self, t: int) -> Any:
        _check_step(t)
        value = self.schedule(t) if callable(self.schedule) else self.schedule
        return value * min(1.0, t / self.steps)
