"""The pages of the site as text, one function each; addresses between them are relative."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from optassay import __version__
from proofs_check.errata import errata, witness_of
from proofs_check.page import environment, methods, tally

from ..gallery import cards
from .material import Material

if TYPE_CHECKING:
    from jinja2 import Environment

WORDS = {
    "proved": "shown for everything the statement quantifies over, by symbolic identity, exact or ball arithmetic, "
    "or a certificate that other code checked again",
    "supported": "held on every instance tried, whose number and smallest slack are given",
    "corrected": "false as printed; the smallest repair we found is proved or supported",
    "refuted": "false as printed, with a counterexample that can be run again",
    "vacuous": "its assumptions contradict each other or are never met",
    "ambiguous": "the text admits readings with different verdicts",
    "needs data": "speaks of measurements that need data or machines not included here",
    "open": "beyond the reach of the checks so far",
}


class Page(NamedTuple):
    """A page's path in the site, its name in the navigation, and its text."""

    path: str
    text: str


class Thumbnail(NamedTuple):
    """Where a drawn figure is found from a paper's page."""

    page: str
    image: str
    title: str


def _navigation(material: Material, here: str, documentation: bool) -> list[dict[str, Any]]:
    up = "../" * here.count("/")
    entries = [("index.html", "optassay"), ("claims.html", "All claims")]
    entries += [(f"papers/{paper}.html", paper) for paper in material.papers]
    entries += [("figures/index.html", "Gallery"), ("errata/index.html", "Errata")]
    if documentation:
        entries += [("docs/paper-against-code.html", "Paper and code"), ("docs/index.html", "Documentation")]
    return [{"href": up + path, "text": text, "here": path == here} for path, text in entries]


def _templates() -> Environment:
    templates = environment("figures", "figures.site")
    templates.globals["witness_of"] = witness_of
    templates.globals["words"] = WORDS
    return templates


def pages(material: Material, documentation: bool) -> Iterator[Page]:
    """All pages of the site.

    Parameters
    ----------
    material : Material
    documentation : bool
        Whether the folder ``docs`` of the site holds the documentation, to be linked.
    """
    templates = _templates()

    def page(path: str, template: str, **fields: Any) -> Page:
        navigation = _navigation(material, path, documentation)
        common = {"navigation": navigation, "up": "../" * path.count("/"), "document": material.document}
        return Page(path, templates.get_template(template).render(version=__version__, **common, **fields))

    by_paper = {paper: [e for e in material.claims if e["paper"] == paper] for paper in material.papers}
    titles = {paper: material.title(paper) for paper in material.papers}
    faults = {paper: errata(entries) for paper, entries in by_paper.items()}
    summaries = [
        {
            "name": paper,
            "title": titles[paper],
            "verdicts": tally(entries),
            "total": len(entries),
            "faults": faults[paper],
        }
        for paper, entries in by_paper.items()
    ]
    first = next(
        (figure for figure in material.figures if figure.id == "dissecting-adam/figure-2"), material.figures[0]
    )
    yield page("index.html", "front.html.j2", papers=summaries, verdicts=tally(material.claims), picture=first)
    everything = {"claims": material.claims, "verdicts": tally(material.claims), "methods": methods(material.claims)}
    yield page("claims.html", "claims.html.j2", papers=material.papers, **everything)
    thumbnails = {
        figure.id: Thumbnail(f"../figures/index.html#{figure.id}", f"../figures/{figure.id}.svg", figure.title)
        for figure in material.figures
    }
    for paper, entries in by_paper.items():
        shown = {"title": titles[paper], "paper": paper, "claims": entries, "figures": thumbnails}
        counted = {"verdicts": tally(entries), "methods": methods(entries), "faults": faults[paper]}
        yield page(f"papers/{paper}.html", "paper.html.j2", **shown, **counted)
        yield page(f"errata/{paper}.html", "errata.html.j2", title=titles[paper], paper=paper, faults=faults[paper])
    yield page("errata/index.html", "errata_index.html.j2", papers=summaries)
    verdicts = {entry["id"]: entry["verdict"] for entry in material.claims}
    shown_cards = cards(material.figures, material.records, {}, verdicts)
    yield page(
        "figures/index.html",
        "gallery.html.j2",
        cards=shown_cards,
        papers=list(dict.fromkeys(figure.paper for figure in material.figures)),
        drawn=len(shown_cards),
        claim_page="../papers/",
    )
