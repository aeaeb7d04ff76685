"""Sphinx: the documentation, from the docstrings and the pages beside this file; a reader fetches nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import Any

from optassay import __version__

project = "optassay"
author = "the optassay authors"
copyright = author
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "sphinx.ext.viewcode"]
root_doc = "index"
exclude_patterns = ["_build", "_templates"]
html_theme = "furo"
html_title = f"optassay {version}"
html_show_sphinx = False
templates_path = ["_templates"]
_PARTS = ("brand", "search", "site", "scroll-start", "navigation", "scroll-end")
html_sidebars = {"**": [f"sidebar/{part}.html" for part in _PARTS]}
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give shapes and units, which types do not
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_class_members_toctree = False
suppress_warnings = ["ref.python"]  # "value" and its like name fields of several classes


@cache
def claims_by_function() -> dict[str, list[str]]:
    """Ids of the claims whose checks compute with a function, by its qualified name."""
    from proofs_check.ledger import load_claims
    from proofs_check.uses import functions_used

    found: dict[str, list[str]] = defaultdict(list)
    for claim in load_claims():
        for name in functions_used(claim):
            found[name].append(claim.id)
    return found


_MARKS = re.compile(r"\||(?<=\w)\*(?!\*)|(?<!\*)\*(?![*\w])|(?<=\()\*(?=\w)")


def as_plain_text(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Bars of |x| and the star of x* are meant as they stand, not as marks of a substitution or of emphasis."""
    del app, what, name, item, options
    for position, line in enumerate(lines):
        pieces = line.split("``")  # every other piece is code
        pieces[::2] = [_MARKS.sub(lambda mark: "\\" + mark[0], piece) for piece in pieces[::2]]
        lines[position] = "``".join(pieces)


def add_claims(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Name, under each function and class, the claims whose checks compute with it."""
    del app, name, options
    if what not in ("function", "class"):
        return
    ids = claims_by_function().get(f"{item.__module__}.{item.__qualname__}", [])
    if ids:
        links = [f"`{claim} <../../papers/{claim.partition('/')[0]}.html#{claim}>`__" for claim in ids]
        lines += ["", f".. rubric:: Claims that compute with it ({len(ids)})", "", ", ".join(links), ""]


def visit_inline(self: Any, node: Any) -> None:
    from docutils import nodes

    from proofs_check.prose import mathml, scrolling

    self.body.append(scrolling(mathml(node.astext(), block=False), block=False))
    raise nodes.SkipNode


def visit_block(self: Any, node: Any) -> None:
    from docutils import nodes

    from proofs_check.prose import mathml, scrolling

    self.body.append(scrolling(mathml(node.astext(), block=True), block=True))
    raise nodes.SkipNode


def skip_fields(app: Any, what: str, name: str, item: Any, skip: bool, options: Any) -> bool | None:
    """Fields of named tuples are told under Attributes; Python's own words for them say nothing."""
    del app, what, name, skip, options
    return True if str(getattr(item, "__doc__", "")).startswith("Alias for field number") else None


def setup(app: Any) -> None:
    """Formulas as MathML, so that no script has to be fetched; claims under functions."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("autodoc-process-docstring", as_plain_text, priority=400)  # ahead of numpydoc, which makes marks
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("autodoc-process-docstring", add_claims)
