"""Every registered figure: its declarations, its sources, and how it reads in print."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from figures.registry import MODULES, Level, load_figures
from figures.style import COLUMN, PAGE, house_style

FIGURES = load_figures()
IDS = [figure.id for figure in FIGURES]
CHEAP = [figure for figure in FIGURES if (figure.cost.quick or 1e9) <= 5.0]


def test_there_are_figures() -> None:
    assert len(MODULES) >= 1
    assert {f"dissecting-adam/figure-{n}" for n in ("1", "2", "2-start", "4", "5")} <= set(IDS)


@pytest.mark.parametrize("figure", FIGURES, ids=IDS)
def test_declarations(figure: object) -> None:
    from figures.registry import Figure

    assert isinstance(figure, Figure)
    assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", figure.id)
    assert figure.paper and figure.title and figure.shows
    assert figure.claims
    assert all(claim.startswith(figure.id.partition("/")[0] + "/") for claim in figure.claims)
    assert any(figure.cost.at(level) is not None for level in Level)


def test_the_gallery_stays_within_its_budget() -> None:
    costs = [figure.cost.at(Level.NORMAL) or 0.0 for figure in FIGURES]
    # Two workers, dearest first: at most half the sum plus the dearest one.
    assert sum(costs) / 2 + max(costs) < 600


@pytest.mark.parametrize("figure", CHEAP, ids=[figure.id for figure in CHEAP])
def test_declared_sources_cover_what_the_data_loads(figure: object) -> None:
    """Else a change of a helper would leave stale data looking fresh."""
    code = (
        "import sys, json; from figures.registry import *; "
        f"figure = load_figures([{figure.id!r}])[0]; "  # type: ignore[attr-defined]
        "before = set(sys.modules); data = figure.data(Level.QUICK); "
        "print(json.dumps([sorted(set(sys.modules) - before), [figure.data.__module__, *figure.uses]]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, declared = json.loads(run.stdout)
    ours = ("optassay", "quadratics", "spectral", "analysis", "proofs_check", "figures")
    new = [name for name in loaded if name.partition(".")[0] in ours]
    uncovered = [name for name in new if not any(name == d or name.startswith(f"{d}.") for d in declared)]
    # The core's own __init__ only checks that no package is shadowed.
    uncovered = [name for name in uncovered if name not in {"optassay", "optassay._guard"}]
    assert new, "the figure computes with nothing of ours?"
    assert uncovered == []


@pytest.mark.parametrize("figure", CHEAP, ids=[figure.id for figure in CHEAP])
def test_reads_in_print(figure: object) -> None:
    """One of two widths, and nothing smaller than 7 points, mathematical indices aside."""
    from matplotlib.text import Text

    data = figure.data(Level.QUICK)  # type: ignore[attr-defined]
    with house_style():
        drawing = figure.draw(data)  # type: ignore[attr-defined]
        drawing.draw_without_rendering()
        texts = [text for text in drawing.findobj(Text) if text.get_visible() and text.get_text().strip()]
        assert texts
        assert min(text.get_fontsize() for text in texts) >= 7
    assert drawing.get_size_inches()[0] in (COLUMN, PAGE)
    caption = figure.caption(data)  # type: ignore[attr-defined]
    assert caption.count("$") % 2 == 0
    assert "nan" not in caption.lower().split()
    lengths = {len(column) for column in figure.table(data).values()}  # type: ignore[attr-defined]
    assert len(lengths) == 1 and lengths != {0}


def test_figures_and_claims_name_each_other_rightly() -> None:
    from proofs_check.ledger import load_claims

    claims = load_claims()
    known = {claim.id for claim in claims}
    assert [claim for figure in FIGURES for claim in figure.claims if claim not in known] == []
    assert [(claim.id, name) for claim in claims for name in claim.figures if name not in IDS] == []
