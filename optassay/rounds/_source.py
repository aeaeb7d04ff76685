"""C source of a recorded period of rounds: the rounds outside, the lanes of a block inside, numbers in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .._c_source import PRELUDE, operation
from ._record import OPERATIONS, Recorder, Ref, Row, Unrecordable

BLOCK = 1024  # lanes worked on at a time, so that their columns stay in the processor's cache

_TEMPLATE = """{prelude}
void kernel(
  long first, long last, long phase, long lanes, const real *s, const real *const *fixed, const real *const *streams,
  real *const *carry, real *const *seen
) {{
  {scalars}
  for (long begin = 0; begin < lanes; begin += {block}) {{
    const long n = lanes - begin < {block} ? lanes - begin : {block};
    {fixed}
    {carry}
    long now = phase;
    for (long t = first; t <= last; ++t) {{
      {streams}
      switch (now) {{{cases}
      }}
      now = now + 1 == {period} ? 0 : now + 1;
      if (seen)
        for (long k = 0; k < {columns}; ++k)
          for (long i = 0; i < n; ++i) seen[k][(t - first) * lanes + begin + i] = carry[k][begin + i];
    }}
  }}
}}
"""
_CASE = """
      {labels}
        #pragma omp simd
        for (long i = 0; i < n; ++i) {{
          {body}
        }}
        break;"""


class Phase(NamedTuple):
    """What one round of the period does: its operations, and what they put into the columns that change."""

    rows: Sequence[Row]
    stores: Sequence[tuple[int, Ref | float]]  # column, value


def source(recorder: Recorder, phases: Sequence[Phase], columns: int) -> str:
    """The source for so many columns of carried numbers; phases that do the same share their text."""

    def constant(value: int) -> str:
        return f"s{value}"

    cases: dict[str, list[int]] = {}
    for number, phase in enumerate(phases):
        body = []
        for place, (op, args) in enumerate(phase.rows):
            match op:
                case "carry":
                    text = f"c{args[0]}[i]"
                case "fixed":
                    text = f"f{args[0]}[i]"
                case "stream":
                    text = f"u{args[0]}[i]" if recorder.streams[args[0]].wide else f"u{args[0]}"
                case "round":
                    text = f"(real)(t + {args[0]})"
                case "sign":
                    text = (
                        f"v{args[0].row} != v{args[0].row} ? v{args[0].row} : {operation(op, [f'v{args[0].row}'], '')}"
                    )
                case _:
                    text = operation(op, [f"v{a.row}" if isinstance(a, Ref) else constant(a) for a in args], "")
            body.append(f"const real v{place} = {text};")
        for column, value in phase.stores:
            body.append(
                f"c{column}[i] = {f'v{value.row}' if isinstance(value, Ref) else constant(recorder.scalar(value))};"
            )
        cases.setdefault("\n          ".join(body), []).append(number)
    if sum(body.count(";") for body in cases) > OPERATIONS:
        raise Unrecordable("too many different rounds")
    streams = [
        f"const real *restrict const u{k} = streams[{k}] + (t - first) * lanes + begin;"
        if stream.wide
        else f"const real u{k} = streams[{k}][t - first];"
        for k, stream in enumerate(recorder.streams)
    ]
    return _TEMPLATE.format(
        prelude=PRELUDE.format(type="double"),
        scalars=" ".join(f"const real s{k} = s[{k}];" for k in range(len(recorder.scalars))),
        block=BLOCK,
        fixed=" ".join(f"const real *restrict const f{k} = fixed[{k}] + begin;" for k in range(len(recorder.fixed))),
        carry=" ".join(f"real *restrict const c{k} = carry[{k}] + begin;" for k in range(columns)),
        streams=" ".join(streams),
        cases="".join(
            _CASE.format(labels=" ".join(f"case {k}:" for k in numbers), body=body) for body, numbers in cases.items()
        ),
        period=len(phases),
        columns=columns,
    )
