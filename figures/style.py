"""The look of the figures: widths, colours, and a drawing context that the user's own settings do not reach."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLUMN = 3.4  # inches: one column of a two-column page
PAGE = 7.0  # inches: the whole width

# Okabe and Ito's palette, told apart by people with any colour vision.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#6E6E6E"

STYLE = files("figures") / "style.mplstyle"


@contextmanager
def house_style() -> Iterator[None]:
    """matplotlib's defaults plus our style sheet, whatever the user's matplotlibrc says."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rc_file(str(STYLE), use_default_template=False)
        yield


def canvas(width: float, height: float) -> Canvas:
    """An empty figure of this size in inches, with constrained layout and no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def freeze_layout(figure: Canvas) -> None:
    """Carry out the layout once; every format then takes the same one, and half the time."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")


def svg_bytes(figure: Canvas, salt: str) -> bytes:
    """SVG without date, its ids made from ``salt``: the same bytes on every run."""
    import matplotlib as mpl

    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def png_bytes(figure: Canvas) -> bytes:
    """PNG without the name and version of the software that made it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
