"""Small figures for the tests of the machinery."""

from __future__ import annotations

from typing import Any

import numpy as np

from figures.registry import Cost, Figure, FigureData, Level
from figures.style import COLUMN, canvas


def draw(data: FigureData) -> Any:
    figure = canvas(COLUMN, 2.0)
    figure.subplots().plot(data.arrays["x"])
    return figure


def data(level: Level) -> FigureData:
    return FigureData({"x": np.arange({"quick": 3, "normal": 5, "full": 9}[level.value]) ** 2}, {"seed": 1})


def broken(level: Level) -> FigureData:
    raise RuntimeError(f"no numbers at level {level.value}\nsecond line")


def table(data: FigureData) -> dict[str, np.ndarray]:
    return {"x": data.arrays["x"]}


def caption(data: FigureData) -> str:
    return f"<script>alert(1)</script> {len(data.arrays['x'])} points with $x\\ge0$"


CHEAP = Cost(1, 1, 1)


def make(name: str, compute: Any = data, cost: Cost = CHEAP) -> Figure:
    return Figure(
        f"sample/{name}", "A <b>paper", name, "shown", caption, (f"sample/{name}",), cost, compute, table, draw
    )


FIGURES = [make("one"), make("broken", broken), make("two"), make("heavy", cost=Cost(None, None, 1))]
