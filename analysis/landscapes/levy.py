"""Levy's function in any dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ._landscape import Separable, Term


def _w(x: Any) -> Any:
    return 1 + (x - 1) / 4


# Each term as a function of w; derivatives in x carry the factors 1/4 and 1/16.
def _wave(w: Any, m: Any) -> tuple[Any, Any, Any]:
    """``sin^2(pi w)`` and its derivatives."""
    return m.square(m.sin(m.pi * w)), m.pi * m.sin(2 * m.pi * w), 2 * m.pi * m.pi * m.cos(2 * m.pi * w)


def _body(w: Any, m: Any) -> tuple[Any, Any, Any]:
    """``(w - 1)^2 (1 + 10 sin^2(pi w + 1))`` and its derivatives."""
    z, phase = w - 1, m.pi * w + 1
    s0, s1, s2 = m.square(m.sin(phase)), m.pi * m.sin(2 * phase), 2 * m.pi * m.pi * m.cos(2 * phase)
    return (
        m.square(z) * (1 + 10 * s0),
        2 * z * (1 + 10 * s0) + 10 * m.square(z) * s1,
        2 * (1 + 10 * s0) + 40 * z * s1 + 10 * m.square(z) * s2,
    )


def _tail(w: Any, m: Any) -> tuple[Any, Any, Any]:
    """``(w - 1)^2 (1 + sin^2(2 pi w))`` and its derivatives."""
    z, phase = w - 1, 2 * m.pi * w
    s0, s1, s2 = m.square(m.sin(phase)), 2 * m.pi * m.sin(2 * phase), 8 * m.pi * m.pi * m.cos(2 * phase)
    return (
        m.square(z) * (1 + s0),
        2 * z * (1 + s0) + m.square(z) * s1,
        2 * (1 + s0) + 4 * z * s1 + m.square(z) * s2,
    )


def _term(main: Any, wave: bool) -> Term:
    def order(k: int) -> Any:
        def function(x: Any, m: Any) -> Any:
            w = _w(x)
            value = main(w, m)[k] + _wave(w, m)[k] if wave else main(w, m)[k]
            return value / 4**k

        return function

    return Term(order(0), order(1), order(2))


_TERMS = {(main, wave): _term(main, wave) for main in (_body, _tail) for wave in (False, True)}


@dataclass(frozen=True)
class Levy(Separable):
    """``sin^2(pi w) + sum_{i<d} (w_i - 1)^2 (1 + 10 sin^2(pi w_i + 1)) + (w_d - 1)^2 (1 + sin^2(2 pi w_d))``.

    ``w_i = 1 + (x_i - 1) / 4``; a sum of functions of single coordinates. "Critical Momenta" (13), Laguna and Marti.

    Attributes
    ----------
    first : {"first", "last", "all"}
        What the printed ``w`` without index in the first term is: ``w_1`` (the source), ``w_d``, or every ``w_i``
        with the squared sines added up.
    """

    first: Literal["first", "last", "all"] = "first"

    def __post_init__(self) -> None:
        if self.first not in ("first", "last", "all"):
            raise ValueError(f"first must be 'first', 'last' or 'all', got {self.first!r}")

    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        if dim == 1:
            return [(slice(0, 1), _TERMS[_tail, True])]
        parts = [
            (slice(0, 1), _TERMS[_body, self.first != "last"]),
            (slice(1, dim - 1), _TERMS[_body, self.first == "all"]),
            (slice(dim - 1, dim), _TERMS[_tail, self.first != "first"]),
        ]
        return [part for part in parts if part[0].stop > part[0].start]
